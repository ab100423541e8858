// Engines: which model stands behind which role, and one seat per role that lets calls through in
// order. A seat counts the calls under way, so that a change of model waits for them, and lets a
// query for an embedding pass before documents. roles.toml is written whole or not at all.
#include "engine/engine.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/clock.h"
#include "base/text.h"
#include "engine/engine_client.h"
#include "engine/engine_host.h"
#include "engine/gguf.h"
#include "engine/models.h"
#include "os/file.h"

namespace lar::engine {
using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Retry;
using base::Status;
using std::chrono::milliseconds;
namespace {

struct RoleName {
  Role role;
  std::string_view name;
};
constexpr std::array role_names = {
    RoleName{Role::chat, "chat"},     RoleName{Role::fast, "fast"},
    RoleName{Role::embed, "embed"},   RoleName{Role::rerank, "rerank"},
    RoleName{Role::vision, "vision"}, RoleName{Role::speech, "speech"},
    RoleName{Role::image, "image"}};
// Those this class can run by itself; the others have no engine yet.
constexpr std::array served_roles = {Role::chat, Role::fast, Role::embed};

// Tokens of one text for the embedding engine, which reads a text in one batch. Larger batches cost
// memory (TESTBED: 1.4 GB at 2,048) and passages are far shorter.
constexpr int embed_batch = 2048;
// Texts and bytes of one embedding request: small, so that a query need not wait long behind one.
constexpr std::size_t embed_texts = 8;
constexpr std::size_t embed_bytes = 12'000;
// Bytes of a text that cannot be longer than the batch: no token is shorter than a byte, and text
// in which they average under two is no text. Longer ones are counted before they are sent.
constexpr std::size_t surely_fits = 2 * embed_batch;
// Room in the batch for the tokens an engine adds at both ends.
constexpr int token_margin = 16;

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
  return count > 0 ? count : 1;
}

std::string cache_folder() {
  if (const char* named = getenv("LAR_CACHE"); named != nullptr && *named != '\0') return named;
  const char* home = getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.cache/lar";
}

// The engine to run: named by the caller, by the owner, built by the set-up, or on the PATH.
Result<std::string> find_server(const std::string& named) {
  if (!named.empty()) return named;
  if (const char* owner = getenv("LAR_LLAMA_SERVER"); owner != nullptr && *owner != '\0') {
    if (access(owner, X_OK) == 0) return std::string(owner);
    return fail(ErrorKind::not_found, "engine.missing", {{"path", owner}});
  }
  const std::string built = cache_folder() + "/engine/current/llama-server";
  if (access(built.c_str(), X_OK) == 0) return built;
  const char* path = getenv("PATH");
  for (const auto folder : base::split(path != nullptr ? path : "", ':')) {
    const std::string candidate = std::string(folder) + "/llama-server";
    if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return fail(ErrorKind::not_found, "engine.missing", {{"path", built}});
}

// Where sockets may lie: HOME/run, or where that is too long for a socket's name (108 bytes with
// the closing zero, unix(7)), a private folder under $XDG_RUNTIME_DIR or /tmp named after the home.
Result<std::string> socket_folder(const std::string& home) {
  constexpr std::size_t longest = 107 - std::string_view("/rerank.sock").size();
  std::string folder = home + "/run";
  if (folder.size() <= longest) return folder;
  const char* runtime = getenv("XDG_RUNTIME_DIR");
  const std::string end =
      "/lar-" + std::to_string(geteuid()) + "-" + os::sha256(home).substr(0, 12);
  folder = std::string(runtime != nullptr && *runtime == '/' ? runtime : "/tmp") + end;
  if (folder.size() > longest) folder = "/tmp" + end;
  mkdir(folder.c_str(), 0700);
  struct stat status{};
  // /tmp is everybody's: a folder somebody else prepared is not taken.
  if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return base::fail_errno(EACCES, folder, "writing");
  }
  return folder;
}

bool is_address(const std::string& binding) {
  return binding.starts_with("unix:") || binding.starts_with("http://");
}

// Lets calls through: at most `slots` at once, urgent ones first, none while the seat changes
// hands.
class Gate {
 public:
  enum class Urgency { background, urgent };
  explicit Gate(int slots) : free_(slots), slots_(slots) {}

  bool enter(Urgency urgency, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (urgency == Urgency::urgent) ++urgent_waiting_;
    const bool entered = changed_.wait(lock, stop, [&] {
      return !changing_ && free_ > 0 && (urgency == Urgency::urgent || urgent_waiting_ == 0);
    });
    if (urgency == Urgency::urgent) --urgent_waiting_;
    if (entered) --free_;
    if (!entered || urgency == Urgency::urgent) changed_.notify_all();
    return entered;
  }
  void leave() {
    {
      const std::lock_guard lock(mutex_);
      ++free_;
    }
    changed_.notify_all();
  }
  // For what takes no slot, and yet must not meet a change of hands.
  bool pass(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    const bool passes = changed_.wait(lock, stop, [&] { return !changing_; });
    if (passes) ++passing_;
    return passes;
  }
  void passed() {
    {
      const std::lock_guard lock(mutex_);
      --passing_;
    }
    changed_.notify_all();
  }
  void close() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !changing_; });
    changing_ = true;
    changed_.wait(lock, [&] { return free_ == slots_ && passing_ == 0; });
  }
  void open() {
    {
      const std::lock_guard lock(mutex_);
      changing_ = false;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int free_;
  const int slots_;
  int urgent_waiting_ = 0;
  int passing_ = 0;
  bool changing_ = false;
};

struct Seat {
  Gate gate{1};
  // Changed only while the gate is closed; read by calls inside it, and by others under `mutex`.
  std::mutex mutex;
  std::string binding;  // model name or address; empty: unbound
  CatalogueModel model;
  int context = 0;
  std::unique_ptr<EngineHost> host;  // none for an engine of the owner's
  std::unique_ptr<EngineClient> client;
  // Start number whose obedience to grammars was tried; an engine of the owner's counts as
  // number 1.
  std::uint64_t tried = 0;
  std::atomic<std::int64_t> cut_texts = 0;
};

// A place inside the gate, left when it goes.
class Visit {
 public:
  Visit(Seat& seat, Gate::Urgency urgency, std::stop_token stop,
        RawRequest::Turn turn = RawRequest::Turn::waits)
      : seat_(seat),
        turn_(turn),
        entered_(turn == RawRequest::Turn::waits ? seat.gate.enter(urgency, stop)
                                                 : seat.gate.pass(stop)) {
    if (entered_) host_ = seat_.host.get();
    if (host_ != nullptr) host_->touch(1);
  }
  ~Visit() {
    if (host_ != nullptr) host_->touch(-1);
    if (!entered_) return;
    if (turn_ == RawRequest::Turn::waits) {
      seat_.gate.leave();
    } else {
      seat_.gate.passed();
    }
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  bool entered() const { return entered_; }

 private:
  Seat& seat_;
  const RawRequest::Turn turn_;
  bool entered_;
  EngineHost* host_ = nullptr;
};

tl::unexpected<Error> cancelled() { return fail(ErrorKind::cancelled, "cancelled"); }

class EnginesImpl final : public Engines {
 public:
  EnginesImpl(EngineOptions options, std::unique_ptr<Models> models, std::string sockets)
      : options_(std::move(options)), models_(std::move(models)), sockets_(std::move(sockets)) {
    for (const Role role : served_roles) seats_.try_emplace(role);
  }
  ~EnginesImpl() override { stop_all(); }

  Status load();

  Result<ChatResult> chat(Role role, const ChatRequest& request,
                          const std::function<void(std::string_view)>& on_text,
                          std::stop_token stop) override;
  Result<std::vector<std::vector<float>>> embed(EmbedKind kind, const std::vector<EmbedText>& texts,
                                                std::stop_token stop) override;
  Result<int> count_tokens(Role role, const std::string& text) override;
  Status forward(Role role, const RawRequest& request,
                 const std::function<void(const RawHead&)>& on_head,
                 const std::function<bool(std::string_view)>& on_bytes,
                 std::stop_token stop) override;
  std::string embed_space() override;
  int context_tokens(Role role) override;
  std::string bound_to(Role role) override;
  std::vector<EngineStatus> status() override;
  Status use(Role role, const std::string& model) override;
  Status bind_defaults() override;
  void stop_all() override;

 private:
  // One try of a call, with a started engine; `work` may be called twice if the engine died and
  // `may_repeat` still holds.
  template <typename Value>
  Result<Value> call(Role role, Seat& seat, std::stop_token stop,
                     const std::function<bool()>& may_repeat,
                     const std::function<Result<Value>(std::uint64_t generation)>& work);
  Seat* seat_of(Role role);
  Role actual(Role role);
  Status bind(Role role, Seat& seat, const std::string& binding);
  Result<LaunchPlan> plan_for(Role role, const CatalogueModel& model, const std::string& file,
                              int context, const GgufFile& gguf);
  Status try_grammar(Role role, Seat& seat, std::uint64_t generation, std::stop_token stop);
  Status save_roles();
  Error with_log(Error error, Role role) const;
  std::string log_file(Role role) const {
    return options_.home + "/log/" + std::string(name_of(role)) + ".log";
  }
  Result<std::vector<std::vector<float>>> embed_some(Seat& seat, std::vector<std::string> texts,
                                                     std::size_t dimensions, Gate::Urgency urgency,
                                                     std::stop_token stop);
  Result<std::string> cut_to_fit(const Seat& seat, std::string text, std::stop_token stop);

  const EngineOptions options_;
  const std::unique_ptr<Models> models_;
  const std::string sockets_;
  std::map<Role, Seat> seats_;
  std::mutex roles_mutex_;                             // of roles.toml and other_bindings_
  std::map<std::string, std::string> other_bindings_;  // roles not served here, kept as written
};

Status EnginesImpl::load() {
  const std::string path = options_.home + "/roles.toml";
  if (!std::filesystem::exists(path)) return {};
  TRY_ASSIGN(const std::string text, os::read_file(path, 1u << 20));
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return fail(ErrorKind::invalid_input, "toml.malformed",
                {{"path", path},
                 {"line", std::to_string(error.source().begin.line)},
                 {"detail", std::string(error.description())}});
  }
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    const auto role = role_from(name);
    const auto binding = value.value<std::string>();
    if (!role || !binding) {
      return fail(
          ErrorKind::invalid_input, "roles.malformed",
          {{"path", path}, {"line", std::to_string(value.source().begin.line)}, {"role", name}});
    }
    const auto seat = seats_.find(*role);
    if (seat == seats_.end()) {
      other_bindings_[name] = *binding;
    } else if (!binding->empty()) {
      // A model that has gone is not a reason not to start: the role says so when it is asked.
      if (auto bound = bind(*role, seat->second, *binding); !bound) seat->second.binding = *binding;
    }
  }
  return {};
}

Seat* EnginesImpl::seat_of(Role role) {
  const auto found = seats_.find(role);
  return found == seats_.end() ? nullptr : &found->second;
}

Role EnginesImpl::actual(Role role) {
  if (role != Role::fast) return role;
  Seat& seat = seats_.at(Role::fast);
  Seat& chat = seats_.at(Role::chat);
  const std::scoped_lock lock(seat.mutex, chat.mutex);
  // One engine serves both when both name the same model.
  return seat.binding.empty() || seat.binding == chat.binding ? Role::chat : Role::fast;
}

Result<LaunchPlan> EnginesImpl::plan_for(Role role, const CatalogueModel&, const std::string& file,
                                         int context, const GgufFile& gguf) {
  LaunchPlan plan;
  plan.role = name_of(role);
  TRY_ASSIGN(plan.program, find_server(options_.server_program));
  plan.socket = sockets_ + "/" + plan.role + ".sock";
  plan.log_file = log_file(role);
  plan.pid_file = options_.home + "/run/" + plan.role + ".json";
  plan.start_limit = options_.start_limit;
  plan.idle_limit = options_.idle_limit;
  const std::string threads =
      std::to_string(options_.threads > 0 ? options_.threads : usable_cores());
  const std::string batch =
      std::to_string(role == Role::embed ? std::min(context, embed_batch) : 512);
  plan.arguments = {"-m", file,    "--host", plan.socket,
                    "-t", threads, "-c",     std::to_string(context),
                    "-b", batch,   "-np",    "1"};
  // A warm-up would only delay the first answer: the trial of the grammar or the first call does
  // it.
  plan.optional_arguments = {{"--no-warmup"}, {"--cache-ram", role == Role::embed ? "0" : "256"}};
  if (role == Role::embed) {
    plan.arguments.insert(plan.arguments.end(), {"--embedding", "-ub", batch});
    if (gguf.pooling.empty() || gguf.pooling == "none") {
      plan.arguments.insert(plan.arguments.end(), {"--pooling", "mean"});
    }
  } else {
    plan.optional_arguments.push_back({"--jinja"});
  }
  return plan;
}

// Puts a model or an address behind a role; the gate is closed or nobody calls yet. On failure the
// seat stays as it was.
Status EnginesImpl::bind(Role role, Seat& seat, const std::string& binding) {
  const std::string role_name(name_of(role));
  CatalogueModel model;
  int context = 0;
  std::unique_ptr<EngineHost> host;
  std::unique_ptr<EngineClient> client;
  if (is_address(binding)) {
    EngineAddress address;
    if (binding.starts_with("unix:")) {
      address = {binding.substr(5), "http://engine"};
    } else {
      address.url = binding;
      while (address.url.ends_with('/')) address.url.pop_back();
    }
    address.of_owner = true;
    client = std::make_unique<EngineClient>(std::move(address), role_name, options_.silence_limit);
    model.name = binding;
  } else {
    TRY_ASSIGN(model, models_->find(binding));
    if (std::find(model.roles.begin(), model.roles.end(), role) == model.roles.end()) {
      return fail(ErrorKind::invalid_input, "model.wrong_role",
                  {{"name", binding}, {"role", role_name}});
    }
    if (!model.installed) {
      return fail(ErrorKind::not_found, "model.not_installed", {{"name", binding}});
    }
    const std::string file = models_->folder() + "/" + model.file;
    TRY_ASSIGN(const GgufFile gguf, read_gguf(file));
    const int trained = gguf.context > 0
                            ? static_cast<int>(std::min<std::uint64_t>(gguf.context, 1u << 24))
                            : options_.chat_context;
    context = std::min(trained, role == Role::embed ? embed_batch : options_.chat_context);
    TRY_ASSIGN(LaunchPlan plan, plan_for(role, model, file, context, gguf));
    client = std::make_unique<EngineClient>(EngineAddress{plan.socket, "http://engine"}, role_name,
                                            options_.silence_limit);
    // The old one leaves the socket's path and the memory before a new one comes.
    std::unique_ptr<EngineHost> old;
    {
      const std::lock_guard lock(seat.mutex);
      old = std::move(seat.host);
    }
    old.reset();
    host = std::make_unique<EngineHost>(std::move(plan));
  }
  const std::lock_guard lock(seat.mutex);
  seat.binding = binding;
  seat.model = std::move(model);
  seat.context = context;
  seat.host = std::move(host);
  seat.client = std::move(client);
  seat.tried = 0;
  return {};
}

Error EnginesImpl::with_log(Error error, Role role) const {
  if (error.code != "engine.died") return error;
  const bool has_log = std::any_of(error.parameters.begin(), error.parameters.end(),
                                   [](const auto& parameter) { return parameter.first == "log"; });
  if (!has_log) error.parameters.emplace_back("log", log_file(role));
  return error;
}

template <typename Value>
Result<Value> EnginesImpl::call(Role role, Seat& seat, std::stop_token stop,
                                const std::function<bool()>& may_repeat,
                                const std::function<Result<Value>(std::uint64_t)>& work) {
  if (!seat.client) {
    if (seat.binding.empty()) {
      return fail(ErrorKind::not_found, "role.unbound", {{"role", std::string(name_of(role))}});
    }
    // Bound to something that could not be had when lar started: perhaps it can now.
    TRY(bind(role, seat, std::string(seat.binding)));
  }
  for (int attempt = 0;; ++attempt) {
    std::uint64_t generation = 1;
    if (seat.host) {
      TRY_ASSIGN(generation, seat.host->ensure_ready(stop));
    }
    auto result = work(generation);
    if (result) return result;
    Error error = std::move(result).error();
    if (!seat.host) {
      if (error.code == "engine.died") {
        error = fail(ErrorKind::unavailable, "engine.unreachable",
                     {{"role", std::string(name_of(role))},
                      {"address", seat.client->address().shown()}},
                     Retry::later)
                    .value();
      }
      return tl::unexpected<Error>(std::move(error));
    }
    if (error.code == "engine.timeout") seat.host->kill_hung(generation);
    if (error.code != "engine.died") return tl::unexpected<Error>(std::move(error));
    if (!seat.host->has_ended(generation, milliseconds(2000))) {
      // It lives, and yet cut us off: nothing a new start would cure.
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", std::string(name_of(role))}, {"detail", "connection"}}, Retry::later);
    }
    if (attempt > 0 || !may_repeat())
      return tl::unexpected<Error>(with_log(std::move(error), role));
  }
}

Result<ChatResult> EnginesImpl::chat(Role asked, const ChatRequest& request,
                                     const std::function<void(std::string_view)>& on_text,
                                     std::stop_token stop) {
  const Role role = actual(asked);
  Seat* seat = seat_of(role);
  if (seat == nullptr || role == Role::embed) {
    return fail(ErrorKind::unsupported, "role.not_served", {{"role", std::string(name_of(role))}});
  }
  const Visit visit(*seat, Gate::Urgency::urgent, stop);
  if (!visit.entered()) return cancelled();
  bool said_something = false;
  const auto pass_on = [&](std::string_view piece) {
    said_something = true;
    if (on_text) on_text(piece);
  };
  const bool typed = !request.json_schema.empty() || !request.grammar.empty();
  auto result = call<ChatResult>(
      role, *seat, stop, [&] { return !said_something; },
      [&](std::uint64_t generation) -> Result<ChatResult> {
        if (typed && seat->tried != generation) TRY(try_grammar(role, *seat, generation, stop));
        return seat->client->chat(request, pass_on, stop);
      });
  if (result) result->model = seat->model.name;
  return result;
}

// An engine that takes a schema and answers freely would make every typed step a gamble. One
// question whose only lawful answer no model would give by itself tells.
Status EnginesImpl::try_grammar(Role role, Seat& seat, std::uint64_t generation,
                                std::stop_token stop) {
  ChatRequest request;
  request.messages = {{"user", "Say hello."}};
  request.json_schema =
      R"({"type":"object","properties":{"q":{"enum":["zx"]}},"required":["q"],"additionalProperties":false})";
  request.max_tokens = 24;
  TRY_ASSIGN(const ChatResult result, seat.client->chat(request, {}, stop));
  const auto answer = nlohmann::json::parse(result.text, nullptr, false);
  if (!answer.is_object() || answer.size() != 1 || answer.value("q", nlohmann::json()) != "zx") {
    return fail(ErrorKind::unsupported, "engine.ignores_grammar",
                {{"role", std::string(name_of(role))}, {"model", seat.model.name}});
  }
  seat.tried = generation;
  return {};
}

// The longest beginning of a text that the engine can read at once.
Result<std::string> EnginesImpl::cut_to_fit(const Seat& seat, std::string text,
                                            std::stop_token stop) {
  const int room = std::max(seat.context, token_margin * 2) - token_margin;
  while (true) {
    TRY_ASSIGN(const int tokens, seat.client->count_tokens(text, stop));
    if (tokens <= room) return text;
    // Proportionally, with a little less so that it seldom takes a third count.
    const double share = static_cast<double>(room) / tokens * 0.97;
    const auto bytes = static_cast<std::size_t>(static_cast<double>(text.size()) * share);
    text = std::string(base::cut_utf8(text, bytes));
  }
}

Result<std::vector<std::vector<float>>> EnginesImpl::embed_some(Seat& seat,
                                                                std::vector<std::string> texts,
                                                                std::size_t dimensions,
                                                                Gate::Urgency urgency,
                                                                std::stop_token stop) {
  using Vectors = std::vector<std::vector<float>>;
  const Visit visit(seat, urgency, stop);
  if (!visit.entered()) return cancelled();
  const auto shorten = [&](std::size_t from_bytes) -> Status {
    for (std::string& text : texts) {
      if (text.size() <= from_bytes) continue;
      const std::size_t before = text.size();
      TRY_ASSIGN(text, cut_to_fit(seat, std::move(text), stop));
      if (text.size() < before) ++seat.cut_texts;
    }
    return {};
  };
  TRY_ASSIGN(Vectors vectors, call<Vectors>(
                                  Role::embed, seat, stop, [] { return true; },
                                  [&](std::uint64_t) -> Result<Vectors> {
                                    if (seat.context > 0) TRY(shorten(surely_fits));
                                    auto given = seat.client->embed(texts, stop);
                                    if (!given && given.error().code == "engine.context_exceeded" &&
                                        seat.context > 0) {
                                      TRY(shorten(static_cast<std::size_t>(seat.context) / 2));
                                      given = seat.client->embed(texts, stop);
                                    }
                                    return given;
                                  }));
  for (std::vector<float>& vector : vectors) {
    if (vector.size() < dimensions) {
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", "embed"}, {"detail", std::to_string(vector.size())}});
    }
    // Matryoshka: the first values of these models are a smaller embedding, once normalised again.
    if (dimensions > 0) vector.resize(dimensions);
    double sum = 0;
    for (const float value : vector) sum += static_cast<double>(value) * value;
    if (!std::isfinite(sum) || sum <= 0) {
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", "embed"}, {"detail", "norm"}});
    }
    const auto scale = static_cast<float>(1.0 / std::sqrt(sum));
    for (float& value : vector) value *= scale;
  }
  return vectors;
}

Result<std::vector<std::vector<float>>> EnginesImpl::embed(EmbedKind kind,
                                                           const std::vector<EmbedText>& texts,
                                                           std::stop_token stop) {
  Seat& seat = seats_.at(Role::embed);
  std::string prompt, empty_title;
  std::size_t dimensions = 0;
  {
    const std::lock_guard lock(seat.mutex);
    if (seat.binding.empty()) {
      return fail(ErrorKind::not_found, "role.unbound", {{"role", "embed"}});
    }
    prompt = kind == EmbedKind::query ? seat.model.query_prompt : seat.model.document_prompt;
    empty_title = seat.model.empty_title;
    dimensions = static_cast<std::size_t>(std::max(0, seat.model.embed_dimensions));
  }
  const auto prompted = [&](const EmbedText& text) {
    if (prompt.empty()) {
      return text.title.empty() || kind == EmbedKind::query ? text.text
                                                            : text.title + "\n" + text.text;
    }
    // In one pass: a title may itself hold "{text}".
    std::string whole;
    for (std::size_t position = 0; position < prompt.size();) {
      const std::string_view rest = std::string_view(prompt).substr(position);
      if (rest.starts_with("{title}")) {
        whole += text.title.empty() ? empty_title : text.title;
        position += 7;
      } else if (rest.starts_with("{text}")) {
        whole += text.text;
        position += 6;
      } else {
        whole += prompt[position++];
      }
    }
    return whole;
  };
  std::vector<std::vector<float>> vectors;
  vectors.reserve(texts.size());
  const auto urgency = kind == EmbedKind::query ? Gate::Urgency::urgent : Gate::Urgency::background;
  for (std::size_t next = 0; next < texts.size();) {
    std::vector<std::string> some;
    std::size_t bytes = 0;
    while (next < texts.size() && some.size() < embed_texts &&
           (some.empty() || bytes < embed_bytes)) {
      some.push_back(prompted(texts[next++]));
      bytes += some.back().size();
    }
    TRY_ASSIGN(auto given, embed_some(seat, std::move(some), dimensions, urgency, stop));
    std::move(given.begin(), given.end(), std::back_inserter(vectors));
  }
  return vectors;
}

Result<int> EnginesImpl::count_tokens(Role asked, const std::string& text) {
  const Role role = actual(asked);
  Seat* seat = seat_of(role);
  if (seat == nullptr) {
    return fail(ErrorKind::unsupported, "role.not_served", {{"role", std::string(name_of(role))}});
  }
  const Visit visit(*seat, Gate::Urgency::urgent, {});
  return call<int>(
      role, *seat, {}, [] { return true; },
      [&](std::uint64_t) { return seat->client->count_tokens(text); });
}

Status EnginesImpl::forward(Role asked, const RawRequest& request,
                            const std::function<void(const RawHead&)>& on_head,
                            const std::function<bool(std::string_view)>& on_bytes,
                            std::stop_token stop) {
  const Role role = actual(asked);
  Seat* seat = seat_of(role);
  if (seat == nullptr) {
    return fail(ErrorKind::unsupported, "role.not_served", {{"role", std::string(name_of(role))}});
  }
  const Visit visit(*seat, Gate::Urgency::urgent, stop, request.turn);
  if (!visit.entered()) return cancelled();
  bool began = false;
  const auto begin = [&](const RawHead& head) {
    began = true;
    on_head(head);
  };
  // call() gives values; there is none here.
  struct Nothing {};
  const auto done = call<Nothing>(
      role, *seat, stop, [&] { return !began; },
      [&](std::uint64_t) -> Result<Nothing> {
        TRY(seat->client->forward(request, begin, on_bytes, stop));
        return Nothing{};
      });
  if (!done) return tl::unexpected<Error>(done.error());
  return {};
}

std::string EnginesImpl::embed_space() {
  Seat& seat = seats_.at(Role::embed);
  const std::lock_guard lock(seat.mutex);
  if (seat.binding.empty()) return {};
  if (seat.model.embed_dimensions <= 0) return seat.model.name;
  return seat.model.name + "/" + std::to_string(seat.model.embed_dimensions);
}

int EnginesImpl::context_tokens(Role asked) {
  Seat* seat = seat_of(actual(asked));
  if (seat == nullptr) return 0;
  EngineClient* owner_engine = nullptr;
  {
    const std::lock_guard lock(seat->mutex);
    if (seat->context > 0 || seat->host || !seat->client) return seat->context;
    owner_engine = seat->client.get();
  }
  const Visit visit(*seat, Gate::Urgency::urgent, {});
  const auto properties = owner_engine->properties();
  const std::lock_guard lock(seat->mutex);
  if (properties && seat->client.get() == owner_engine) seat->context = properties->context;
  return seat->context;
}

std::string EnginesImpl::bound_to(Role asked) {
  Seat* seat = seat_of(actual(asked));
  if (seat == nullptr) return {};
  const std::lock_guard lock(seat->mutex);
  return seat->binding;
}

std::vector<EngineStatus> EnginesImpl::status() {
  std::vector<EngineStatus> all;
  for (auto& [role, seat] : seats_) {
    const std::lock_guard lock(seat.mutex);
    EngineStatus status;
    status.role = role;
    status.model = seat.binding;
    status.context = seat.context;
    status.cut_texts = seat.cut_texts;
    if (seat.host) {
      const EngineHost::Snapshot snapshot = seat.host->snapshot();
      status.state = snapshot.state;
      status.error = snapshot.error;
      status.pid = snapshot.pid;
      if (snapshot.pid > 0) status.memory_bytes = os::resident_bytes(snapshot.pid);
    } else if (seat.client) {
      const bool up = seat.client->health(milliseconds(300)) == Health::ready;
      status.state = up ? EngineState::ready : EngineState::stopped;
    } else if (!seat.binding.empty()) {
      status.state = EngineState::failed;
      status.error =
          fail(ErrorKind::not_found, "model.not_installed", {{"name", seat.binding}}).value();
    }
    all.push_back(std::move(status));
  }
  return all;
}

Status EnginesImpl::save_roles() {
  std::string text =
      "# Which model stands behind which role; written by `lar model use`. A value may also be an "
      "engine\n"
      "# of your own: \"unix:/path/engine.sock\" or \"http://127.0.0.1:8080\".\n";
  std::map<std::string, std::string> bindings = other_bindings_;
  for (auto& [role, seat] : seats_) {
    const std::lock_guard lock(seat.mutex);
    if (!seat.binding.empty()) bindings[std::string(name_of(role))] = seat.binding;
  }
  for (const auto& [name, binding] : bindings) {
    std::ostringstream value;
    value << toml::value<std::string>(binding);
    text += name + " = " + value.str() + "\n";
  }
  return os::write_file_atomically(options_.home + "/roles.toml", text);
}

Status EnginesImpl::use(Role role, const std::string& binding) {
  Seat* seat = seat_of(role);
  if (seat == nullptr) {
    return fail(ErrorKind::unsupported, "role.not_served", {{"role", std::string(name_of(role))}});
  }
  const std::lock_guard lock(roles_mutex_);
  seat->gate.close();
  std::string before;
  {
    const std::lock_guard seat_lock(seat->mutex);
    before = seat->binding;
  }
  const auto tried = [&]() -> Status {
    TRY(bind(role, *seat, binding));
    // With the model of chat, fast is served by chat's engine: a second copy would only cost
    // memory.
    if (role == Role::fast && actual(role) == Role::chat) return save_roles();
    std::uint64_t generation = 1;
    if (seat->host) {
      TRY_ASSIGN(generation, seat->host->ensure_ready({}));
    }
    if (!seat->host && seat->client->health(milliseconds(5000)) != Health::ready) {
      return fail(
          ErrorKind::unavailable, "engine.unreachable",
          {{"role", std::string(name_of(role))}, {"address", seat->client->address().shown()}});
    }
    if (role == Role::embed) {
      TRY_ASSIGN(const auto vectors, seat->client->embed({"lar"}, {}));
      if (static_cast<int>(vectors[0].size()) < seat->model.embed_dimensions) {
        return fail(ErrorKind::unavailable, "engine.bad_answer",
                    {{"role", "embed"}, {"detail", std::to_string(vectors[0].size())}});
      }
    } else {
      TRY(try_grammar(role, *seat, generation, {}));
    }
    return save_roles();
  }();
  if (!tried && before != binding) {
    if (before.empty()) {
      const std::lock_guard seat_lock(seat->mutex);
      seat->binding.clear();
      seat->model = {};
      seat->context = 0;
      seat->client.reset();
      seat->host.reset();
    } else if (seat->binding != before) {
      (void)bind(role, *seat, before);
    }
  }
  seat->gate.open();
  return tried;
}

Status EnginesImpl::bind_defaults() {
  const std::lock_guard lock(roles_mutex_);
  const std::vector<CatalogueModel> models = models_->list();
  for (auto& [role, seat] : seats_) {
    {
      const std::lock_guard seat_lock(seat.mutex);
      if (!seat.binding.empty()) continue;
    }
    for (const CatalogueModel& model : models) {
      const bool serves =
          std::find(model.roles.begin(), model.roles.end(), role) != model.roles.end();
      if (!serves || !model.installed) continue;
      seat.gate.close();
      const auto bound = bind(role, seat, model.name);
      seat.gate.open();
      if (bound) break;
      // A damaged file is passed over for the next; a missing engine will not mend with another
      // model.
      if (bound.error().code == "engine.missing") return bound;
    }
  }
  return save_roles();
}

void EnginesImpl::stop_all() {
  for (auto& [role, seat] : seats_) {
    if (seat.host) seat.host->stop();
  }
}

}  // namespace

std::string_view name_of(Role role) {
  for (const RoleName& known : role_names) {
    if (known.role == role) return known.name;
  }
  return "";
}

std::optional<Role> role_from(std::string_view name) {
  for (const RoleName& known : role_names) {
    if (known.name == name) return known.role;
  }
  return std::nullopt;
}

std::string_view name_of(EngineState state) {
  constexpr std::array<std::string_view, 5> names = {"unbound", "stopped", "starting", "ready",
                                                     "failed"};
  return names[static_cast<std::size_t>(state)];
}

Result<std::unique_ptr<Engines>> Engines::open(EngineOptions options) {
  TRY(os::make_folders(options.home + "/run"));
  TRY(os::make_folders(options.home + "/log"));
  TRY_ASSIGN(std::string sockets, socket_folder(options.home));
  end_leftover_engines(options.home + "/run");
  TRY_ASSIGN(auto models, Models::open(options.models_folder));
  auto engines =
      std::make_unique<EnginesImpl>(std::move(options), std::move(models), std::move(sockets));
  TRY(engines->load());
  return engines;
}

}  // namespace lar::engine
