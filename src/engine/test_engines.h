// For tests: engines of a home of their own, with tests/engines/scripted_engine.py passed off as
// llama-server.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/test_gguf.h"

namespace lar::engine {
using namespace std::chrono_literals;
namespace fs = std::filesystem;

inline void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class EnginesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "lar-engines-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    fs::create_directories(folder / "models");
    fs::create_directories(folder / "home");
    write_file(folder / "models/toy.gguf", tiny_model_gguf("toy"));
    write_file(folder / "models/toy2.gguf", tiny_model_gguf("toy") + "x");
    write_file(folder / "models/toy-embed.gguf", tiny_model_gguf("bert"));
    write_file(folder / "models/short.gguf", tiny_model_gguf("toy").substr(0, 60));
    write_file(folder / "models/models.toml", R"(
[[model]]
name = "toy"
roles = ["chat", "fast"]
file = "toy.gguf"
[[model]]
name = "toy2"
roles = ["chat", "fast"]
file = "toy2.gguf"
[[model]]
name = "short"
roles = ["chat"]
file = "short.gguf"
[[model]]
name = "gone"
roles = ["chat"]
file = "gone.gguf"
[[model]]
name = "toy-embed"
roles = ["embed"]
file = "toy-embed.gguf"
embed_dimensions = 64
query_prompt = "find {text}"
document_prompt = "in {title} stands {text}"
classification_prompt = "sort {title}: {text}"
empty_title = "nothing"
)");
    script("normal");
    write_file(folder / "home/roles.toml", "chat = \"toy\"\nembed = \"toy-embed\"\n");
  }
  void TearDown() override {
    engines.reset();
    fs::remove_all(folder);
  }

  // What the engine shall do from its next start on.
  void script(const std::string& flags) {
    const fs::path program = folder / "llama-server";
    const fs::path fresh = folder / "llama-server.new";
    const char* source = std::getenv("LAR_SOURCE_FOLDER");  // set by ctest
    write_file(fresh, "#!/bin/sh\nexec python3 '" + std::string(source != nullptr ? source : ".") +
                          "/tests/engines/scripted_engine.py' --journal '" +
                          (folder / "journal").string() + "' --mark '" +
                          (folder / "mark").string() + "' --scripted " + flags + " \"$@\"\n");
    fs::permissions(fresh, fs::perms::owner_all);
    fs::rename(fresh, program);
  }
  EngineOptions options() {
    EngineOptions options;
    options.home = folder / "home";
    options.models_folder = folder / "models";
    options.server_program = folder / "llama-server";
    options.start_limit = 20s;
    options.silence_limit = 20s;
    return options;
  }
  void open(const EngineOptions& with) {
    engines.reset();
    auto opened = Engines::open(with);
    ASSERT_TRUE(opened) << opened.error().describe();
    engines = std::move(*opened);
  }
  void open() { open(options()); }

  base::Result<ChatResult> ask(const std::string& text, std::stop_token stop = {}) {
    ChatRequest request;
    request.messages = {{"user", text}};
    return engines->chat(Role::chat, request, {}, stop);
  }
  int journal_count(const std::string& line) {
    std::ifstream file(folder / "journal");
    int count = 0;
    for (std::string one; std::getline(file, one);) {
      count += one == line || one.starts_with(line + " ") ? 1 : 0;
    }
    return count;
  }
  bool journal_reaches(const std::string& line, int count) {
    const auto deadline = base::steady_now() + 5 * base::one_second;
    while (journal_count(line) < count) {
      if (base::steady_now() > deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }
  EngineStatus status_of(Role role) {
    for (const EngineStatus& status : engines->status()) {
      if (status.role == role) return status;
    }
    return {};
  }

  fs::path folder;
  std::unique_ptr<Engines> engines;
};

}  // namespace lar::engine
