# What a person types. Every target may be repeated and is quick when nothing has changed; the work
# is in scripts/. Downloads and the engine go to $LAR_CACHE (~/.cache/lar), builds to build/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-test packages engine models page build build-dev run demo-day test test-deep eval bench bench-experts format tidy clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: packages engine models ## install what is missing: packages, llama.cpp, models

packages:
	@scripts/setup-packages.sh build

engine: packages ## build llama.cpp for this machine, once
	@scripts/setup-engine.sh >/dev/null

models: packages ## fetch the models of `make run`
	@scripts/setup-models.sh run

page: packages
	@scripts/build-page.sh

build: page ## build the program: build/lar (and build/libggml-expert-stream.so)
	@scripts/setup-engine.sh source >/dev/null || echo "expert-stream is left out: no source of llama.cpp" >&2
	@scripts/build.sh release
	@ln -sfn release/lar build/lar
	@[ ! -e build/release/libggml-expert-stream.so ] || ln -sfn release/libggml-expert-stream.so build/

run: setup build ## set up, build, load the sample household, ask it a question (ONESHOT=1: then exit)
	@scripts/run.sh

demo-day: setup build ## a day of a fictional household against real mail and calendar servers, in minutes (DEMO="--hold")
	@scripts/setup-packages.sh servers
	@"$$(scripts/setup-python.sh requirements-dav.txt)" tests/demo_day/demo.py $(DEMO)

build-dev: page
	@scripts/build.sh dev

setup-test: engine
	@scripts/setup-packages.sh build page servers
	@scripts/setup-models.sh run test

test: setup-test build-dev build ## every test but the slow ones
	@scripts/test.sh

eval: setup build ## answers to questions and judged mail, measured
	@python3 eval/run.py
	@python3 eval/mail.py

bench: setup-test build ## speed and size, side by side
	@python3 bench/run.py

bench-experts: setup build ## models larger than memory: expert-stream beside stock, under a memory limit
	@expert-stream/bench/run.sh

format: packages ## format the C++ sources
	@scripts/format.sh

tidy: page ## clang-tidy; what it said about unchanged files is kept
	@scripts/tidy.sh

test-deep: page setup-test build ## clang-tidy, frameworks and coding agents on the API, thread sanitizer, fuzzers (FUZZ_SECONDS=60 each)
	@scripts/setup-packages.sh deep
	@scripts/test-deep.sh

clean: ## remove build/; what lies in the cache stays
	@rm -rf build web/dist
