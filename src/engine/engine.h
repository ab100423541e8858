// Engines: model roles, the models behind them, and the llama-server processes that run them.
//
// Everything else in lar asks a role (`chat`, `embed`), never a model. Engines are child processes
// on unix sockets with no network of their own; they start on demand, restart with back-off and die
// with lar. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lar::net {
class ConnectionPolicy;
}

namespace lar::engine {

enum class Role { chat, fast, embed, rerank, vision, speech, image };
std::string_view name_of(Role role);
std::optional<Role> role_from(std::string_view name);

// Who waits for whom. A person comes first; what lar does of itself for a person soon (proactive)
// goes before what can wait (background). What is not interactive steps back within one token when
// a person asks anything of any engine, and goes on from where it was; its text is handed over in
// one piece, at the end.
enum class Urgency { interactive, proactive, background };
std::string_view name_of(Urgency urgency);

// The client whose calls are those that lar makes of itself.
constexpr const char* own_client = "lar";

// Whose call it is: within a class the clients take turns.
struct Caller {
  Urgency urgency = Urgency::interactive;
  std::string client = own_client;
  // Told on the calling thread of a call that must wait in line: at once, whenever its place
  // changes, after one second and every ten, and when its turn has come. `position`: the
  // how-manieth it will be, by the present order; 0: it is its turn. May be empty.
  std::function<void(int position, std::chrono::milliseconds waited)> on_wait = {};
};

struct MemoryPlan;  // memory_plan.h
class Models;       // models.h

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

struct ChatRequest {
  std::vector<ChatMessage> messages;
  std::string json_schema;  // JSON Schema text the answer must obey, by grammar; empty: free text
  std::string grammar;      // GBNF; taken where both are given; empty: none
  int max_tokens = 512;
  double temperature = 0;
  int seed = 1;
  int alternatives = 0;  // how many candidates for the first token to report, 0-20
  Caller caller = {};
  // A prompt that goes beyond the context: refused, or its oldest messages left out (never those of
  // the system nor the last one), which the result tells.
  enum class Overflow { refuse, leave_out_oldest } overflow = Overflow::refuse;
  // How much context counts: what has been verified, or, to verify more, what is claimed.
  enum class Context { verified, claimed } context = Context::verified;
};

struct ChatResult {
  std::string text;
  bool truncated = false;  // stopped at max_tokens
  std::string model;       // name of the model that answered
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt, by the engine's own count
  int completion_tokens = 0;
  double first_token_ms = 0;
  double total_ms = 0;
  int left_out_messages = 0;  // oldest ones that did not fit
  int left_out_tokens = 0;
  // Candidates for the first token with their probabilities before any grammar, most likely first.
  std::vector<std::pair<std::string, double>> alternatives;
};

// classification: a whole text for what has learnt to sort such vectors; all of the model's numbers
// are kept, and they compare with no query and no document.
enum class EmbedKind { query, document, classification };
std::string_view name_of(EmbedKind kind);
struct EmbedText {
  std::string title;  // of no query; may be empty
  std::string text;
};

enum class EngineState { unbound, stopped, starting, ready, failed };
std::string_view name_of(EngineState state);

// A call at an engine or on its way there.
struct WaitingCall {
  Caller caller;
  int position = 0;  // 0: it runs; else the how-manieth it will be, by the present order
};

struct DailyCost {
  std::int64_t tokens = 0;
  double minutes = 0;
  double watt_hours = 0;
};
// What work in the background may cost a day (0: no limit) and has cost today.
struct BackgroundStatus {
  DailyCost limit, used;
  bool energy_known = false;         // the machine tells what it draws
  std::optional<base::Error> error;  // of the file with the limits: meanwhile none of it begins
};

// Long prompts on disk, so that they need not be read again; the counts are since lar started.
struct KeptStatus {
  int files = 0;
  std::int64_t bytes = 0, limit = 0;
  int saved = 0;
  int restored = 0;  // brought back, and by the engine's own count not read again
  std::int64_t restored_tokens = 0;
  int recomputed = 0;  // brought back, and read again all the same
  int damaged = 0;
  std::optional<base::Error> error;  // of the last attempt to save, while it lasts
};

struct EngineStatus {
  Role role = Role::chat;
  std::string model;  // empty if unbound
  EngineState state = EngineState::unbound;
  int pid = 0;
  std::int64_t memory_bytes = 0;  // resident
  int context = 0;                // tokens
  std::int64_t cut_texts = 0;     // texts shortened to fit the embedding engine, since lar started
  std::vector<WaitingCall> calls;
  std::string next_model;   // being prepared to replace it (embed: until all is embedded anew)
  double prompt_speed = 0;  // tokens of background prompts read in a second; 0: not measured
  std::optional<base::Error> error;
};

// A field or a file of a form (multipart/form-data).
struct FormPart {
  std::string name, value;
  std::string file_name = {}, content_type = {};  // of a file
};

// A request in the engine's own protocol, and what is known of an answer before its first byte.
struct RawRequest {
  std::string method = "POST";
  std::string path;  // "/v1/chat/completions"
  std::string body;  // JSON
  // Whether the answer comes piece by piece: what of it are only comments then is no sign of life.
  enum class Answer { whole, streamed } answer = Answer::whole;
  // What costs the engine nothing (counting tokens) need not wait for the calls under way.
  enum class Turn { waits, at_once } turn = Turn::waits;
  // What is not interactive is answered in one piece, at the end, and asked anew after it has
  // stepped back.
  Caller caller = {};
  // Of a prompt from long_prompt_bytes up: a chat completion (or a completion) with the same
  // prompt, by which the engine tells its tokens. What has been read of it is kept on disk. Empty:
  // nothing is kept.
  std::string prompt = {};
  // Where there is one it is sent in the place of the body; its part `model` names the model as the
  // engine does, or is left out where that is not known.
  std::vector<FormPart> form = {};
  // How long an engine may be silent before a whole answer: as long as it says that it works, or,
  // of servers that cannot say so (those of sound and pictures), as long as it lives.
  enum class Patience { while_it_works, while_it_lives } patience = Patience::while_it_works;
};
// Prompts of fewer bytes have too few tokens to be kept.
constexpr std::size_t long_prompt_bytes = 3000;
struct RawHead {
  int status = 0;
  std::string content_type;
};

// How an outside service may be spoken to. The policy permits its address and nothing else.
struct OutsideAccess {
  std::shared_ptr<const net::ConnectionPolicy> policy;
  std::string key;  // empty: it wants none
};

struct EngineOptions {
  // Sockets in HOME/run, logs in HOME/log, roles in HOME/roles.toml: `chat = "MODEL"`, or an engine
  // the owner runs already: `chat = "unix:/path/engine.sock"`, `chat = "http://127.0.0.1:8080"`, or
  // an outside service: `chat = "https://api.example.org"`. Behind an address may stand `#MODEL`.
  std::string home;
  std::string models_folder;  // $LAR_MODELS or the cache
  // The catalogue that all parts of the program share; none: one is opened over models_folder.
  std::shared_ptr<Models> models = {};
  // Asked whenever a role is bound to an outside service, by its address without the model. Errors:
  // engine.needs_consent {address}. None: there are no outside services.
  std::function<base::Result<OutsideAccess>(Role role, const std::string& address)> outside = {};
  std::string server_program;  // llama-server; empty: $LAR_LLAMA_SERVER, then the cache's build
  int threads = 0;             // 0: one per core
  int chat_context = 8192;     // tokens; less where the model was trained for less
  std::chrono::milliseconds start_limit{120'000};
  // An engine that says nothing for so long in the middle of a call, and does not tell that it
  // works, counts as hung and is restarted.
  std::chrono::milliseconds silence_limit{180'000};
  // An engine unused for so long is stopped; 0: as the owner's settings say.
  std::chrono::milliseconds idle_limit{0};
  int most_waiting = 32;          // calls that may wait for one engine
  bool keep_prompts = false;      // long prompts in HOME/kept, see kept_prompts.h
  std::int64_t memory_bytes = 0;  // that a further engine may take; 0: as measured
};

class Engines {
 public:
  // Cleans up what a crashed lar left behind (pid files checked against /proc).
  static base::Result<std::unique_ptr<Engines>> open(EngineOptions options);
  virtual ~Engines() = default;  // stops all engines in order

  // Calls `on_text` with each piece as it comes (may be empty function). A stopped call is
  // cancelled at the engine too. An engine that dies before it has said anything is started again
  // and asked once more. `fast` without a model of its own is answered by `chat`. Errors:
  // role.unbound {role}, engine.missing {path}, engine.start_failed {role, log}, engine.died {role,
  // log}, engine.timeout {role}, engine.context_exceeded {role, needed, limit},
  // engine.ignores_grammar {role, model}, engine.bad_answer {role, detail}, engine.unreachable
  // {role, address} (an engine of the owner's), engine.busy {role, count, seconds} where too many
  // wait, engine.over_budget {limit, unit} in the background, those of gguf.h, cancelled.
  virtual base::Result<ChatResult> chat(Role role, const ChatRequest& request,
                                        const std::function<void(std::string_view)>& on_text,
                                        std::stop_token stop) = 0;
  // Normalised vectors of the catalogue's dimensions, in order. Adds the model's own prompts; texts
  // longer than the engine's batch are cut (counted in EngineStatus::cut_texts). Texts go in small
  // requests, and a query passes before documents that wait, whoever asked first.
  virtual base::Result<std::vector<std::vector<float>>> embed(EmbedKind kind,
                                                              const std::vector<EmbedText>& texts,
                                                              std::stop_token stop) = 0;
  // The same for somebody: by itself, a query goes before all and documents are background work.
  virtual base::Result<std::vector<std::vector<float>>> embed_for(
      const Caller& /*caller*/, EmbedKind kind, const std::vector<EmbedText>& texts,
      std::stop_token stop) {
    return embed(kind, texts, stop);
  }
  // Tokens of a text for the role's model, without any template.
  virtual base::Result<int> count_tokens(Role role, const std::string& text) = 0;

  // Passes a request on as it is and the answer back as it comes, whatever its status: `on_head`
  // once, then `on_bytes` for each piece, which says false to end the call. An engine that dies
  // before it has said anything (a head and comments say nothing) is started again and asked once
  // more. An answer may take longer than the silence limit as long as the engine says that it works
  // on something. An engine of the
  // owner's is given its own model's name in the place of `model`. Errors: those of chat() that are
  // not about the answer's form.
  virtual base::Status forward(Role role, const RawRequest& request,
                               const std::function<void(const RawHead&)>& on_head,
                               const std::function<bool(std::string_view)>& on_bytes,
                               std::stop_token stop) = 0;

  // Name and version of the embedding space ("embeddinggemma-300m-q8_0/256"); empty if unbound.
  virtual std::string embed_space() = 0;
  virtual int context_tokens(Role role) = 0;  // 0 if unbound
  // The same as far as it can be relied on: where a check (contract.h) found that less can be used
  // than is claimed, what it verified.
  virtual int usable_context(Role role) { return context_tokens(role); }

  // While a new embedding model takes over, the old one answers queries until every passage has
  // its vector in the new space. Empty where none is on its way.
  virtual std::string next_embed_space() { return {}; }
  // Documents for the new space; texts as for embed().
  virtual base::Result<std::vector<std::vector<float>>> embed_next(
      const std::vector<EmbedText>& texts, std::stop_token stop) {
    return embed(EmbedKind::document, texts, stop);
  }
  // From now on the new space is the space.
  virtual base::Status finish_embed_change() { return {}; }

  // The model or address behind a role, for `fast` without one those of chat; empty: unbound. Asks
  // nobody.
  virtual std::string bound_to(Role role) = 0;

  virtual std::vector<EngineStatus> status() = 0;
  virtual BackgroundStatus background() { return {}; }
  // What work in the background may cost a day from now on (budget.h).
  virtual base::Status limit_background(const DailyCost& /*limit*/) { return {}; }
  virtual KeptStatus kept() { return {}; }
  // Where the memory of all bound engines goes (memory_plan.h); of those that run, what they have
  // said themselves.
  virtual base::Result<MemoryPlan> plan();
  // Removes the kept prompts of a client (own_client: its own); gives how many.
  virtual int forget_kept(const std::string& /*client*/) { return 0; }
  // The same of everybody's.
  virtual int forget_all_kept() { return 0; }
  // Binds a role to an installed model (or an address, see EngineOptions::home). The new engine is
  // started and tried beside the old one where memory allows, and takes over from one call to the
  // next; else calls are held until the old one has stopped and the new one stands the trial. The
  // old binding stays on failure. For embed see next_embed_space().
  virtual base::Status use(Role role, const std::string& model) = 0;
  // Takes the model away from a role; its engine ends after its last call. An embedding model that
  // is being prepared is given up too.
  virtual base::Status unbind(Role /*role*/) { return {}; }
  // Binds every unbound role to the best installed model for it (catalogue order); for `lar init`.
  virtual base::Status bind_defaults() = 0;
  // Calls start what they need again.
  virtual void stop_all() = 0;
  // The same for good: calls under way and those to come are cancelled, and no engine starts again.
  virtual void close() { stop_all(); }
};

}  // namespace lar::engine
