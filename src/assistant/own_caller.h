// Engines as the watcher sees them: every call is made in the name of the assistant, behind people.
// Thread-safe like what it stands before, which must outlive it.
#pragma once

#include "engine/engine.h"

namespace lar::assistant {

class OwnCaller final : public engine::Engines {
 public:
  OwnCaller(engine::Engines& engines, engine::Caller caller)
      : engines_(engines), caller_(std::move(caller)) {}

  base::Result<engine::ChatResult> chat(engine::Role role, const engine::ChatRequest& request,
                                        const std::function<void(std::string_view)>& on_text,
                                        std::stop_token stop) override {
    engine::ChatRequest own = request;
    own.caller = caller_;
    return engines_.chat(role, own, on_text, std::move(stop));
  }
  base::Result<std::vector<std::vector<float>>> embed(engine::EmbedKind kind,
                                                      const std::vector<engine::EmbedText>& texts,
                                                      std::stop_token stop) override {
    return engines_.embed_for(caller_, kind, texts, std::move(stop));
  }
  base::Result<int> count_tokens(engine::Role role, const std::string& text) override {
    return engines_.count_tokens(role, text);
  }
  base::Status forward(engine::Role role, const engine::RawRequest& request,
                       const std::function<void(const engine::RawHead&)>& on_head,
                       const std::function<bool(std::string_view)>& on_bytes,
                       std::stop_token stop) override {
    engine::RawRequest own = request;
    own.caller = caller_;
    return engines_.forward(role, own, on_head, on_bytes, std::move(stop));
  }
  std::string embed_space() override { return engines_.embed_space(); }
  int context_tokens(engine::Role role) override { return engines_.context_tokens(role); }
  int usable_context(engine::Role role) override { return engines_.usable_context(role); }
  std::string bound_to(engine::Role role) override { return engines_.bound_to(role); }
  std::vector<engine::EngineStatus> status() override { return engines_.status(); }
  base::Status use(engine::Role role, const std::string& model) override {
    return engines_.use(role, model);
  }
  base::Status bind_defaults() override { return engines_.bind_defaults(); }
  void stop_all() override { engines_.stop_all(); }

 private:
  engine::Engines& engines_;
  engine::Caller caller_;
};

}  // namespace lar::assistant
