// Speaks to one engine: the OpenAI-style HTTP of llama-server, over a unix socket or loopback TCP.
// Knows the protocol and nothing of processes or roles. Safe from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "net/http_client.h"

namespace lar::engine {

struct EngineAddress {
  std::string unix_socket;  // path, or empty for TCP
  std::string url;          // "http://engine" for a socket, else "http://127.0.0.1:8080"
  // Servers other than ours may hold several models and want the name of one.
  bool of_owner = false;
  std::string model = {};  // the one to ask for; empty: the first that it lists
  // Of an outside service: who may be spoken to, and as whom. None: this machine only.
  std::shared_ptr<const net::ConnectionPolicy> policy = {};
  std::string key = {};  // for Authorization: Bearer
  std::string shown() const { return unix_socket.empty() ? url : unix_socket; }
};

enum class Health { ready, loading, unreachable };

struct EngineProperties {
  std::string model;  // as the engine names it
  int context = 0;    // tokens of one conversation; 0 if it does not say
  int at_once = 0;    // calls it works on side by side; 0 if it does not say
};

// A prompt as the engine's template makes it of messages.
struct Prompt {
  std::string text;
  std::vector<int> tokens;
};

// An answer on its way: what has been said of it survives a stop.
struct Continuation {
  ChatResult result;
  bool finished = false;
  int fresh = 0;                   // tokens of the prompt that the last call had to read
  std::int64_t first_text_at = 0;  // base::steady_now() of its first text
};

// A text that was ranked: its place in the request, and how well it answers.
struct RankedText {
  std::int64_t index = 0;
  double score = 0;
};
// Those of an answer of /v1/rerank, in its order; what is malformed is left out.
std::vector<RankedText> ranked_in(const nlohmann::json& answer);

constexpr int any_slot = -1;

// Tells what an engine says in a stream of events from what only keeps a connection open: comments
// (":" and empty lines), which llama-server's HTTP thread sends every half a minute whether or not
// its model still works. What is no stream of events begins with no colon.
class Utterance {
 public:
  // Whether there is more than comments in the next piece.
  bool feed(std::string_view piece);
  // Nothing has been said, and what has come ends with a whole line: another stream can follow.
  bool can_begin_anew() const { return !spoken_ && line_start_; }

 private:
  bool line_start_ = true;
  bool comment_ = false;
  bool spoken_ = false;
};

class EngineClient {
 public:
  // `role` goes into errors. `silence_limit`: how long nothing may be said in a call by an engine
  // that does not work either.
  EngineClient(EngineAddress address, std::string role, std::chrono::milliseconds silence_limit);

  Health health(std::chrono::milliseconds limit, std::stop_token stop = {}) const;
  base::Result<EngineProperties> properties(std::stop_token stop = {}) const;

  // Errors: engine.died (the connection broke; the caller knows whether the engine did),
  // engine.timeout, engine.context_exceeded, engine.bad_answer, engine.loading, cancelled.
  base::Result<ChatResult> chat(const ChatRequest& request,
                                const std::function<void(std::string_view)>& on_text,
                                std::stop_token stop, int slot = any_slot) const;

  // ---- the same in pieces (llama-server's own routes), for calls that may be stopped ----
  // Nothing where the engine does not know these routes. `body`: of a chat completion, or with a
  // `prompt` of text.
  base::Result<std::optional<Prompt>> prompt_of(const ChatRequest& request,
                                                std::stop_token stop) const;
  static std::string body_of(const ChatRequest& request);
  base::Result<std::optional<Prompt>> prompt_of(const std::string& body,
                                                std::stop_token stop) const;
  // Reads a beginning into the slot's cache; gives how many tokens had not been there.
  base::Result<int> read_beginning(std::span<const int> tokens, int slot,
                                   std::stop_token stop) const;
  // Goes on behind what has been said; a form must be continued by the engine, see below.
  base::Status go_on(const ChatRequest& request, const Prompt& prompt, int slot,
                     Continuation& so_far, std::stop_token stop) const;
  // ---- slots on disk (llama-server with --slot-save-path); errors where the engine has none ----
  struct Slot {
    int tokens = 0;  // it holds
  };
  base::Result<Slot> slot(int index, std::stop_token stop) const;
  // Writes what a slot holds into a file of the folder the engine was given; gives its bytes.
  base::Result<std::int64_t> save_slot(int index, const std::string& file,
                                       std::stop_token stop) const;
  // Gives how many tokens the slot holds then. After a failure it holds none.
  base::Result<int> restore_slot(int index, const std::string& file, std::stop_token stop) const;

  // Whether the engine takes up a grammar (or a schema) in the middle, behind text already made.
  enum class Form { grammar, schema };
  base::Result<bool> continues(Form form, int slot, std::stop_token stop) const;
  // Vectors as the engine gives them, in order. engine.context_exceeded if one text is too long.
  base::Result<std::vector<std::vector<float>>> embed(const std::vector<std::string>& texts,
                                                      std::stop_token stop,
                                                      int* tokens = nullptr) const;
  base::Result<int> count_tokens(std::string_view text, std::stop_token stop = {}) const;

  // See Engines::forward().
  base::Status forward(const RawRequest& asked, const std::function<void(const RawHead&)>& on_head,
                       const std::function<bool(std::string_view)>& on_bytes, std::stop_token stop,
                       int slot = any_slot) const;
  // Whether the engine's own loop answers within the silence limit and is busy (llama-server's
  // /slots goes through that loop). An engine without that route counts as not working.
  bool works(std::stop_token stop) const;

  const EngineAddress& address() const { return address_; }

 private:
  net::HttpRequest request(std::string method, std::string_view path, std::string body) const;
  const net::ConnectionPolicy& policy() const;
  // For an engine of the owner's: the first of its models, by which requests are named; asked for
  // anew after a while. Empty for ours, and where it tells none.
  std::string model(std::stop_token stop) const;
  base::Error translate(base::Error error) const;
  base::Error refusal(int status, std::string_view body) const;
  tl::unexpected<base::Error> hung() const;
  tl::unexpected<base::Error> bad_answer(std::string detail) const;
  // A whole answer of status 200, as JSON text; nothing for a route it does not know.
  base::Result<std::optional<std::string>> post(std::string_view path, std::string body,
                                                std::stop_token stop) const;

  EngineAddress address_;
  std::string role_;
  std::chrono::milliseconds silence_limit_;
  mutable std::mutex model_mutex_;
  mutable std::string model_;
  mutable std::optional<std::chrono::steady_clock::time_point> model_asked_;
};

}  // namespace lar::engine
