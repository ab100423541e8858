#include "assistant/own_engines.h"

#include <cstdlib>
#include <filesystem>

#include "engine/answer_cache.h"
#include "engine/backend.h"
#include "os/file.h"

namespace lar::assistant {

namespace {

// Enough for the prompt of one mail; less memory and quicker to start than a conversation's.
constexpr int context_tokens = 4096;

}  // namespace

base::Result<std::unique_ptr<OwnEngines>> OwnEngines::open(const std::string& models_folder,
                                                           const std::string& answer_cache) {
  std::unique_ptr<OwnEngines> made(new OwnEngines());
  std::error_code error;
  std::string pattern = (std::filesystem::temp_directory_path(error) / "lar-mail-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return base::fail_errno(errno, pattern, "mkdtemp");
  made->folder_ = pattern;
  engine::EngineOptions options;
  options.home = made->folder_;
  options.models_folder = models_folder;
  options.chat_context = context_tokens;
  TRY_ASSIGN(made->engines_, engine::Engines::open(std::move(options)));
  TRY(made->engines_->bind_defaults());
  if (!answer_cache.empty()) {
    TRY(os::make_folders(answer_cache));
    made->engines_ = engine::with_answer_cache(std::move(made->engines_), answer_cache,
                                               engine::server_identity(""));
  }
  return made;
}

OwnEngines::~OwnEngines() {
  engines_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

TriageOptions OwnEngines::options() const {
  TriageOptions options;
  options.engines = engines_.get();
  for (const engine::EngineStatus& status : engines_->status()) {
    const bool there = status.state != engine::EngineState::unbound;
    if (status.role == engine::Role::chat) options.chat = there;
    if (status.role == engine::Role::embed) options.embed = there;
  }
  return options;
}

}  // namespace lar::assistant
