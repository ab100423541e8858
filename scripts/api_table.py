#!/usr/bin/env python3
"""Writes the table of docs/api.md: which fields of each API are supported.

    scripts/api_table.py            rewrites the table
    scripts/api_table.py --check    fails when it is not up to date

"yes" stands where a check of tests/real/clients.py, or of frameworks.py beside it, names the field in its
@covers line, and so fails when the field breaks; every other field says "no", even if the engine would take it.
"""
import ast
import pathlib
import sys

repository = pathlib.Path(__file__).resolve().parent.parent
page = repository / "docs" / "api.md"
tests = [repository / "tests" / "real" / name for name in ("clients.py", "frameworks.py")]
begin, end = "<!-- made by scripts/api_table.py -->", "<!-- end -->"

# What there is in each API, in the order of the table.
known = {
    "OpenAI models": ["list", "retrieve"],
    "OpenAI chat completions": [
        "model", "messages", "messages: images", "messages: tool results", "max_tokens", "max_completion_tokens",
        "temperature", "top_p", "seed", "stop", "n", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs",
        "top_logprobs", "response_format: json_object", "response_format: json_schema", "tools", "tools, streamed",
        "tool_choice: required", "tool_choice: named", "tool_choice: none", "parallel_tool_calls", "reasoning_effort", "stream", "stream_options", "usage",
        "errors", "cancellation"],
    "OpenAI completions": ["model", "prompt", "max_tokens", "temperature", "stop", "logprobs", "suffix", "stream", "usage"],
    "OpenAI responses": ["model", "input", "input: images", "answer: reasoning", "instructions", "max_output_tokens", "previous_response_id", "text.format",
                         "tools", "tool_choice", "stream", "usage", "errors"],
    "OpenAI embeddings": ["model", "input: text", "input: list", "input: many", "encoding_format", "dimensions", "usage", "errors"],
    "OpenAI audio, images, files": ["transcriptions", "images: generations", "others"],
    "Rerank (/v1/rerank)": ["query, documents", "top_n"],
    "Fill in the middle (/infill)": ["input_prefix, input_suffix", "input_extra"],
    "Anthropic messages": ["model", "messages", "messages: images", "messages: tool results", "system", "max_tokens",
                           "temperature", "stop_sequences", "tools", "tool_choice: any", "thinking", "answer: thinking", "stream", "usage",
                           "count_tokens", "errors"],
    "Anthropic models": ["list", "retrieve"],
    "lar": ["GET /metrics", "GET /openapi.json", "lar/assistant", "keys: add, list, remove", "journal without content"],
}


def covered():
    """{API: fields named by the @covers lines}."""
    result = {}
    for node in [node for test in tests for node in ast.parse(test.read_text(encoding="utf-8")).body]:
        for call in getattr(node, "decorator_list", []):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "covers":
                api, *fields = [argument.value for argument in call.args]
                result.setdefault(api, set()).update(fields)
    return result


def table():
    rows, yes = ["| API | field | supported |", "|---|---|---|"], covered()
    for api, fields in yes.items():
        unknown = fields - set(known.get(api, []))
        if unknown:
            sys.exit(f"the checks name fields that this script does not list: {api}: {', '.join(sorted(unknown))}")
    for api, fields in known.items():
        for field in fields:
            rows.append(f"| {api} | {field} | {'yes' if field in yes.get(api, ()) else 'no'} |")
    return "\n".join(rows)


def main():
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(begin)
    fresh = f"{before}{begin}\n{table()}\n{end}{rest.split(end)[1]}"
    if sys.argv[1:] == ["--check"]:
        if fresh != text:
            sys.exit("docs/api.md is not up to date; run: scripts/api_table.py")
        print("docs/api.md is up to date")
    else:
        page.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
