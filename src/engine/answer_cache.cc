// Answers are one JSON file each, written whole or not at all. Vectors go into one file that only
// grows: a record is the hash of (space, kind, title, text), the number of values, the values; a
// record cut short by a crash is dropped at the next start. Thread-safe; several processes may
// share the folder, since whole records are appended under a lock.
#include "engine/answer_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "engine/memory_plan.h"
#include "os/file.h"

namespace lar::engine {
namespace {

using nlohmann::json;

constexpr size_t key_size = 64;  // hex SHA-256

class CachedEngines final : public Engines {
 public:
  CachedEngines(std::unique_ptr<Engines> engines, std::string folder, std::string identity)
      : engines_(std::move(engines)), folder_(std::move(folder)), identity_(std::move(identity)) {}

  base::Result<ChatResult> chat(Role role, const ChatRequest& request,
                                const std::function<void(std::string_view)>& on_text,
                                std::stop_token stop) override {
    const std::string path = folder_ + "/" + chat_key(role, request) + ".json";
    if (const auto bytes = os::read_file(path)) {
      if (auto kept = parse(*bytes)) {
        if (on_text) on_text(kept->text);
        return std::move(*kept);
      }
    }
    auto result = engines_->chat(role, request, on_text, stop);
    if (result) {
      const json value = {{"text", result->text},
                          {"truncated", result->truncated},
                          {"model", result->model},
                          {"prompt_tokens", result->prompt_tokens},
                          {"cached_tokens", result->cached_tokens},
                          {"completion_tokens", result->completion_tokens},
                          {"first_token_ms", result->first_token_ms},
                          {"total_ms", result->total_ms},
                          {"alternatives", result->alternatives}};
      TRY(os::write_file_atomically(path,
                                    value.dump(1, ' ', false, json::error_handler_t::replace)));
    }
    return result;
  }

  base::Result<std::vector<std::vector<float>>> embed(EmbedKind kind,
                                                      const std::vector<EmbedText>& texts,
                                                      std::stop_token stop) override {
    const std::string space = engines_->embed_space();
    if (space.empty()) return engines_->embed(kind, texts, stop);
    std::vector<std::vector<float>> result(texts.size());
    std::vector<size_t> missing;
    std::vector<EmbedText> wanted;
    {
      const std::lock_guard lock(mutex_);
      load_vectors();
      for (size_t index = 0; index < texts.size(); ++index) {
        const auto found = vectors_.find(vector_key(space, kind, texts[index]));
        if (found != vectors_.end()) {
          result[index] = found->second;
        } else {
          missing.push_back(index);
          wanted.push_back(texts[index]);
        }
      }
    }
    if (missing.empty()) return result;
    TRY_ASSIGN(auto made, engines_->embed(kind, wanted, stop));
    const std::lock_guard lock(mutex_);
    std::string records;
    for (size_t index = 0; index < made.size() && index < missing.size(); ++index) {
      std::string key = vector_key(space, kind, wanted[index]);
      const auto count = static_cast<std::uint32_t>(made[index].size());
      records += key;
      records.append(reinterpret_cast<const char*>(&count), sizeof count);
      records.append(reinterpret_cast<const char*>(made[index].data()), count * sizeof(float));
      result[missing[index]] = made[index];
      vectors_.emplace(std::move(key), std::move(made[index]));
    }
    TRY(append(records));
    return result;
  }

  base::Result<int> count_tokens(Role role, const std::string& text) override {
    return engines_->count_tokens(role, text);
  }
  // What other programs ask is none of an evaluation's questions.
  base::Status forward(Role role, const RawRequest& request,
                       const std::function<void(const RawHead&)>& on_head,
                       const std::function<bool(std::string_view)>& on_bytes,
                       std::stop_token stop) override {
    return engines_->forward(role, request, on_head, on_bytes, stop);
  }
  std::string embed_space() override { return engines_->embed_space(); }
  int context_tokens(Role role) override { return engines_->context_tokens(role); }
  int usable_context(Role role) override { return engines_->usable_context(role); }
  std::string bound_to(Role role) override { return engines_->bound_to(role); }
  std::vector<EngineStatus> status() override { return engines_->status(); }
  base::Status use(Role role, const std::string& model) override {
    return engines_->use(role, model);
  }
  base::Status unbind(Role role) override { return engines_->unbind(role); }
  std::string next_embed_space() override { return engines_->next_embed_space(); }
  base::Result<std::vector<std::vector<float>>> embed_next(const std::vector<EmbedText>& texts,
                                                           std::stop_token stop) override {
    return engines_->embed_next(texts, stop);
  }
  base::Status finish_embed_change() override { return engines_->finish_embed_change(); }
  base::Result<MemoryPlan> plan() override { return engines_->plan(); }
  KeptStatus kept() override { return engines_->kept(); }
  int forget_kept(const std::string& client) override { return engines_->forget_kept(client); }
  int forget_all_kept() override { return engines_->forget_all_kept(); }
  BackgroundStatus background() override { return engines_->background(); }
  base::Status limit_background(const DailyCost& limit) override {
    return engines_->limit_background(limit);
  }
  base::Status bind_defaults() override { return engines_->bind_defaults(); }
  void stop_all() override { engines_->stop_all(); }

 private:
  std::string chat_key(Role role, const ChatRequest& request) {
    std::string model;
    for (const EngineStatus& status : engines_->status()) {
      if (status.role == role) model = status.model;
    }
    json messages = json::array();
    for (const ChatMessage& message : request.messages) {
      messages.push_back({message.role, message.content});
    }
    const json key = {identity_,           model,           messages,
                      request.json_schema, request.grammar, request.max_tokens,
                      request.temperature, request.seed,    request.alternatives};
    return os::sha256(key.dump(-1, ' ', false, json::error_handler_t::replace));
  }

  std::string vector_key(const std::string& space, EmbedKind kind, const EmbedText& text) const {
    const json key = {identity_, space, std::string(name_of(kind)), text.title, text.text};
    return os::sha256(key.dump(-1, ' ', false, json::error_handler_t::replace));
  }

  static std::optional<ChatResult> parse(const std::string& bytes) {
    const json value = json::parse(bytes, nullptr, false);
    if (!value.is_object()) return std::nullopt;
    try {
      ChatResult result;
      value.at("text").get_to(result.text);
      value.at("truncated").get_to(result.truncated);
      value.at("model").get_to(result.model);
      value.at("prompt_tokens").get_to(result.prompt_tokens);
      value.at("cached_tokens").get_to(result.cached_tokens);
      value.at("completion_tokens").get_to(result.completion_tokens);
      value.at("first_token_ms").get_to(result.first_token_ms);
      value.at("total_ms").get_to(result.total_ms);
      value.at("alternatives").get_to(result.alternatives);
      return result;
    } catch (const json::exception&) {
      return std::nullopt;  // written by another version: asked again
    }
  }

  std::string vectors_path() const { return folder_ + "/vectors.bin"; }

  void load_vectors() {
    if (loaded_) return;
    loaded_ = true;
    const auto bytes = os::read_file(vectors_path(), 8ull << 30);
    if (!bytes) return;
    size_t position = 0;
    while (position + key_size + 4 <= bytes->size()) {
      std::uint32_t count = 0;
      std::memcpy(&count, bytes->data() + position + key_size, 4);
      const size_t length = key_size + 4 + size_t{count} * sizeof(float);
      if (count > 65536 || position + length > bytes->size()) break;
      std::vector<float> values(count);
      std::memcpy(values.data(), bytes->data() + position + key_size + 4, count * sizeof(float));
      vectors_[bytes->substr(position, key_size)] = std::move(values);
      position += length;
    }
    whole_ = position;
    cut_short_ = position != bytes->size();
  }

  base::Status append(const std::string& records) {
    const os::Descriptor file(
        ::open(vectors_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file.valid()) return base::fail_errno(errno, vectors_path(), "writing");
    ::flock(file.get(), LOCK_EX);
    if (cut_short_) {
      if (::ftruncate(file.get(), static_cast<off_t>(whole_)) != 0) {
        return base::fail_errno(errno, vectors_path(), "writing");
      }
      cut_short_ = false;
    }
    size_t done = 0;
    while (done < records.size()) {
      const ssize_t count = ::write(file.get(), records.data() + done, records.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return base::fail_errno(errno, vectors_path(), "writing");
      done += static_cast<size_t>(count);
    }
    return {};
  }

  std::unique_ptr<Engines> engines_;
  std::string folder_;
  std::string identity_;
  std::mutex mutex_;
  bool loaded_ = false;
  bool cut_short_ = false;
  size_t whole_ = 0;  // bytes of whole records when loaded
  std::map<std::string, std::vector<float>> vectors_;
};

}  // namespace

std::unique_ptr<Engines> with_answer_cache(std::unique_ptr<Engines> engines, std::string folder,
                                           std::string identity) {
  return std::make_unique<CachedEngines>(std::move(engines), std::move(folder),
                                         std::move(identity));
}

}  // namespace lar::engine
