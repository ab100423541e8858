// What is asked of the engines. A person's call goes to the engine as it is. What may wait is done
// in pieces, so that it can stop at any moment: its prompt is read into the engine's cache piece by
// piece, each short by the engine's measured speed (an engine heeds nobody before its batch is
// done), and its answer, once stopped, goes on behind what has been said.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "base/foreign_json.h"
#include "base/text.h"
#include "engine/engines.h"

namespace lar::engine {
using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Retry;
using base::Status;
using std::chrono::milliseconds;
namespace {

// Texts, bytes and time of one embedding request: small, so that a query need not wait long behind
// one.
constexpr std::size_t embed_texts = 8;
constexpr std::size_t embed_bytes = 12'000;
constexpr double embed_seconds = 0.18;
// Bytes of a text that cannot be longer than the batch: no token is shorter than a byte, and text
// in which they average under two is no text. Longer ones are counted before they are sent.
constexpr std::size_t surely_fits = 2 * embed_batch;
// Room in the batch for the tokens an engine adds at both ends.
constexpr int token_margin = 16;

// The longest answer that is kept for a client in the background.
constexpr std::size_t longest_kept = 64u << 20;

double smoothed(double before, double now) { return before == 0 ? now : 0.7 * before + 0.3 * now; }

double seconds_since(base::Microseconds begun) {
  return std::max(1e-4, static_cast<double>(base::steady_now() - begun) / 1e6);
}

tl::unexpected<Error> cancelled() { return fail(ErrorKind::cancelled, "cancelled"); }

tl::unexpected<Error> not_served(Role role) {
  return fail(ErrorKind::unsupported, "role.not_served", {{"role", std::string(name_of(role))}});
}

// Shorter prompts than this fit into whatever a check may have found.
constexpr std::size_t least_verified = 512;

std::size_t bytes_of(const ChatRequest& request) {
  std::size_t bytes = 0;
  for (const ChatMessage& message : request.messages) bytes += message.content.size();
  return bytes;
}

// The tokens of an answer in one of the APIs' forms; of a stream without a count, its events.
int tokens_of(const std::string& answer) {
  const auto value = base::foreign_json(answer);
  if (value.is_object() && value.contains("usage") && value["usage"].is_object()) {
    double sum = 0;
    for (const char* name :
         {"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"}) {
      if (const auto found = value["usage"].find(name);
          found != value["usage"].end() && found->is_number()) {
        sum += found->get<double>();
      }
    }
    return static_cast<int>(std::min(sum, 1e9));
  }
  int events = 0;
  for (std::size_t at = answer.find("data: "); at != std::string::npos;
       at = answer.find("data: ", at + 1)) {
    ++events;
  }
  return events;
}

// Whether nothing is shown in a prompt: the tokens of a picture are not those of any text.
bool is_text_only(const std::string& prompt) {
  const auto body = base::foreign_json(prompt);
  const auto messages =
      body.is_object() ? body.value("messages", nlohmann::json::array()) : nlohmann::json::array();
  return std::all_of(messages.begin(), messages.end(), [](const nlohmann::json& message) {
    const auto content =
        message.is_object() ? message.value("content", nlohmann::json()) : nlohmann::json();
    return !content.is_array() ||
           std::all_of(content.begin(), content.end(), [](const nlohmann::json& part) {
             return part.is_object() && part.value("type", nlohmann::json()) == "text";
           });
  });
}

// How long what has been interrupted so often goes on although others wait.
milliseconds undisturbed_after(int times) {
  constexpr int borne = 3, doublings = 4;
  constexpr milliseconds first(2'000);
  return times < borne ? milliseconds(0) : first * (1 << std::min(times - borne, doublings));
}

// Hands a stop on, but not before some time has passed.
class LateStop {
 public:
  LateStop(std::stop_token from, std::stop_source to, milliseconds not_before) {
    if (not_before.count() == 0) {
      at_once_.emplace(std::move(from), Request{std::move(to)});
      return;
    }
    late_ = std::jthread([from, to, not_before](const std::stop_token& end) {
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable_any time;
      const auto never = [] { return false; };
      time.wait_for(lock, end, not_before, never);
      if (end.stop_requested()) return;
      const std::stop_callback hand_on(from, Request{to});
      time.wait(lock, end, never);
    });
  }

 private:
  struct Request {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };
  std::optional<std::stop_callback<Request>> at_once_;
  std::jthread late_;
};

// A request for several texts, none of which depends on another, as requests for some of them: one
// for all would hold up a person until its last text.
class Parts {
 public:
  // Nothing where it is no such request.
  static std::optional<Parts> of(const RawRequest& request) {
    const bool ranking = request.path == "/v1/rerank";
    if (!ranking && request.path != "/v1/embeddings") return std::nullopt;
    Parts parts;
    parts.list_ = ranking ? "documents" : "input";
    parts.rows_ = ranking ? "results" : "data";
    parts.ranking_ = ranking;
    parts.body_ = base::foreign_ordered_json(request.body);
    if (!parts.body_.is_object() || !parts.body_.contains(parts.list_)) return std::nullopt;
    parts.texts_ = parts.body_[parts.list_];
    const bool several = parts.texts_.is_array() && parts.texts_.size() > 1 &&
                         std::all_of(parts.texts_.begin(), parts.texts_.end(),
                                     [](const Json& text) { return text.is_string(); });
    if (!several) return std::nullopt;
    if (const auto most = parts.body_.find("top_n"); ranking && most != parts.body_.end()) {
      if (!most->is_number_unsigned()) return std::nullopt;
      parts.most_rows_ = most->get<std::size_t>();
      parts.body_.erase("top_n");
    }
    return parts;
  }

  bool complete() const { return done_ == texts_.size(); }
  // The texts that come next, at most so many bytes of them but at least one.
  std::string next(std::size_t most_bytes) {
    Json some = Json::array();
    std::size_t bytes = 0;
    for (std::size_t at = done_; at < texts_.size() && some.size() < embed_texts; ++at) {
      const std::size_t more = texts_[at].get_ref<const std::string&>().size();
      if (!some.empty() && bytes + more > most_bytes) break;
      bytes += more;
      some.push_back(texts_[at]);
    }
    asked_ = some.size();
    asked_bytes_ = bytes;
    Json body = body_;
    body[list_] = std::move(some);
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  std::size_t asked_bytes() const { return asked_bytes_; }
  // False: no answer of the form that could be put together.
  bool take(const std::string& answer) {
    Json value = base::foreign_ordered_json(answer);
    if (!value.is_object() || !value.contains(rows_) || !value[rows_].is_array()) return false;
    for (Json& row : value[rows_]) {
      if (!row.is_object() || !row.contains("index") || !row["index"].is_number_integer()) {
        return false;
      }
      if (ranking_ && (!row.contains("relevance_score") || !row["relevance_score"].is_number())) {
        return false;
      }
      row["index"] = row["index"].get<std::int64_t>() + static_cast<std::int64_t>(done_);
    }
    if (done_ == 0) {
      whole_ = std::move(value);
    } else {
      for (Json& row : value[rows_]) whole_[rows_].push_back(std::move(row));
      const Json more = value.value("usage", Json::object());
      Json none;
      Json& used = whole_.contains("usage") ? whole_["usage"] : none;
      for (const auto& [name, count] : more.items()) {
        if (!count.is_number_integer() || !used.is_object() || !used.contains(name)) continue;
        if (used[name].is_number_integer()) {
          used[name] = used[name].get<std::int64_t>() + count.get<std::int64_t>();
        }
      }
    }
    done_ += asked_;
    return true;
  }
  std::string whole() {
    Json& rows = whole_[rows_];
    if (ranking_) {
      std::stable_sort(rows.begin(), rows.end(), [](const Json& one, const Json& other) {
        return one["relevance_score"].get<double>() > other["relevance_score"].get<double>();
      });
      if (most_rows_ && rows.size() > *most_rows_) {
        rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(*most_rows_), rows.end());
      }
    }
    return whole_.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  // Another engine's rows do not go with those there are.
  void begin_anew() { done_ = 0; }

 private:
  using Json = nlohmann::ordered_json;
  std::string list_, rows_;
  bool ranking_ = false;
  Json body_, texts_, whole_;
  std::optional<std::size_t> most_rows_;
  std::size_t done_ = 0, asked_ = 0, asked_bytes_ = 0;
};

}  // namespace

struct EnginesImpl::Aside {
  std::uint64_t id = 0;
  // For which backend and which start of it the rest holds.
  std::uint64_t backend = 0;
  std::uint64_t generation = 0;
  bool whole = false;  // the engine has no way to work in pieces
  std::optional<Prompt> prompt = {};
  std::size_t read = 0;  // tokens of it in the engine's cache
  Continuation so_far = {};

  void belongs_to(const Backend& other, std::uint64_t start) {
    if (backend != other.number) *this = Aside{.id = id, .backend = other.number};
    if (generation != start) read = 0;
    generation = start;
  }
};

Error EnginesImpl::with_log(Error error, Role role) const {
  if (error.code != "engine.died") return error;
  const bool has_log = std::any_of(error.parameters.begin(), error.parameters.end(),
                                   [](const auto& parameter) { return parameter.first == "log"; });
  if (!has_log) error.parameters.emplace_back("log", log_file(options_, role));
  return error;
}

template <typename Value>
Result<Value> EnginesImpl::call(Role role, Backend& backend, std::stop_token stop,
                                const Repeat& may_repeat,
                                const std::function<Result<Value>(std::uint64_t)>& work) {
  const std::string role_name(name_of(role));
  for (int attempt = 0;; ++attempt) {
    std::uint64_t generation = 1;
    if (backend.host) {
      if (backend.host->snapshot().pid <= 0) make_room(backend);
      TRY_ASSIGN(generation, backend.host->ensure_ready(stop));
      note_start(role, backend, generation);
    }
    auto result = work(generation);
    if (result) return result;
    Error error = std::move(result).error();
    if (!backend.host) {
      if (error.code == "engine.died") {
        error = fail(ErrorKind::unavailable, "engine.unreachable",
                     {{"role", role_name}, {"address", backend.client->address().shown()}},
                     Retry::later)
                    .value();
      }
      return tl::unexpected<Error>(std::move(error));
    }
    if (error.code == "engine.timeout") backend.host->kill_hung(generation);
    if (error.code != "engine.died") return tl::unexpected<Error>(std::move(error));
    if (!backend.host->has_ended(generation, milliseconds(2000))) {
      // It lives, and yet cut us off: nothing a new start would cure.
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", role_name}, {"detail", "connection"}}, Retry::later);
    }
    if (attempt > 0 || !may_repeat())
      return tl::unexpected<Error>(with_log(std::move(error), role));
  }
}

// With one slot for all, whatever is read takes the place of what was asked last.
void EnginesImpl::forget_last_prompt(Backend& backend) {
  const std::lock_guard lock(backend.last_mutex);
  ++backend.last.number;
  backend.last.body.clear();
  backend.last.tokens.clear();
}

template <typename Value>
Result<Value> EnginesImpl::in_turns(
    Role role, Seat& seat, Which which, const Caller& caller, std::stop_token stop,
    const std::function<Result<Value>(Backend&, Budget::Stretch&, std::stop_token)>& work,
    Interrupted interrupted) {
  const bool counted = caller.urgency == Urgency::background;
  if (counted) TRY(budget_.admit());
  TRY_ASSIGN(auto turn, scheduler_.enter(role, caller, stop));
  for (int times = 0;; ++times) {
    std::stop_source either;
    const std::stop_callback by_caller(stop, [&] { either.request_stop(); });
    const std::stop_token steps_back = turn.steps_back();
    const LateStop by_others(
        steps_back, either,
        interrupted == Interrupted::begins_anew ? undisturbed_after(times) : milliseconds(0));
    std::shared_ptr<Backend> backend;
    auto result = [&]() -> Result<Value> {
      TRY_ASSIGN(const auto held, visit(role, seat, which));
      backend = held->shared();
      if (held->backend().slots < 2) forget_last_prompt(held->backend());
      Budget::Stretch stretch(counted ? &budget_ : nullptr);
      return work(held->backend(), stretch, either.get_token());
    }();
    if (result || stop.stop_requested() || !either.stop_requested()) return result;
    // What it still does is of no use, and would take the processor from who goes first.
    if (backend && backend->host) backend->host->freeze_if_unused();
    TRY(turn.wait_again(stop));
    if (counted) TRY(budget_.admit());
  }
}

// ---- chat ----

Result<ChatResult> EnginesImpl::chat(Role asked, const ChatRequest& whole_request,
                                     const std::function<void(std::string_view)>& on_text,
                                     std::stop_token stop) {
  const Role role = actual(asked);
  Seat* seat = seat_of(role);
  if (seat == nullptr || role == Role::embed) return not_served(role);
  if (whole_request.caller.urgency != Urgency::interactive) {
    auto result = chat_aside(role, *seat, whole_request, stop);
    if (result && on_text && !result->text.empty()) on_text(result->text);
    return result;
  }
  TRY_ASSIGN(const auto turn, scheduler_.enter(role, whole_request.caller, stop));
  TRY_ASSIGN(const auto held, visit(role, *seat));
  Backend& backend = held->backend();
  if (backend.slots < 2) backend.aside_owner = 0;
  bool said_something = false;
  const auto pass_on = [&](std::string_view piece) {
    said_something = true;
    if (on_text) on_text(piece);
  };
  ChatResult left_out;
  TRY_ASSIGN(const ChatRequest request, fitted(role, backend, whole_request, left_out, stop));
  const bool typed = !request.json_schema.empty() || !request.grammar.empty();
  const std::string body = bytes_of(request) >= long_prompt_bytes && !backend.keep_key.empty()
                               ? EngineClient::body_of(request)
                               : "";
  auto result = call<ChatResult>(
      role, backend, stop, [&] { return !said_something; },
      [&](std::uint64_t generation) -> Result<ChatResult> {
        if (typed && backend.tried != generation) {
          TRY(try_grammar(role, backend, generation, stop));
        }
        const auto brought = bring_back(backend, generation, body, request.caller.client, stop);
        auto answer =
            backend.client->chat(request, pass_on, stop, backend.slot_for(Urgency::interactive));
        prompt_was_read(role, held->shared(), generation, body, request.caller.client, brought,
                        answer ? std::optional(answer->cached_tokens) : std::nullopt);
        return answer;
      });
  if (result) {
    result->model = backend.model.name;
    result->left_out_messages = left_out.left_out_messages;
    result->left_out_tokens = left_out.left_out_tokens;
  }
  return result;
}

// Counts only where the prompt could be too long: no token is shorter than a byte, and text in
// which they average under two is no text. Otherwise nobody waits for it.
Result<ChatRequest> EnginesImpl::fitted(Role role, Backend& backend, const ChatRequest& given,
                                        ChatResult& result, std::stop_token stop) {
  const bool typed = !given.json_schema.empty();
  const bool instructed =
      std::any_of(given.messages.begin(), given.messages.end(),
                  [](const ChatMessage& message) { return message.role == "system"; });
  std::optional<Contract> contract;
  if (given.context == ChatRequest::Context::verified &&
      (typed || instructed || bytes_of(given) > least_verified)) {
    contract = contract_of(backend);
  }
  ChatRequest request = given;
  if (contract && contract->prompt_style == PromptStyle::before_question) {
    request.messages = before_question(std::move(request.messages));
  }
  const bool long_enough =
      backend.context > 0 && bytes_of(request) > static_cast<std::size_t>(backend.context);
  if (typed && contract && contract->form == FormGrade::easy_only &&
      !is_easy_schema(request.json_schema)) {
    return fail(ErrorKind::unsupported, "engine.form_too_hard",
                {{"role", std::string(name_of(role))}, {"model", backend.model.name}});
  }
  const int claimed = backend.context;
  const int usable = contract ? usable_tokens(*contract, claimed) : claimed;
  const bool limited = contract && usable > 0 && (claimed == 0 || usable < claimed);
  const bool leaves_out = request.overflow == ChatRequest::Overflow::leave_out_oldest;
  if (usable <= 0 || bytes_of(request) < static_cast<std::size_t>(usable) ||
      (!limited && !(leaves_out && long_enough))) {
    return request;
  }
  // Whoever counts needs an engine that runs.
  using Counted = std::optional<Prompt>;
  TRY_ASSIGN(const Counted prompt,
             call<Counted>(
                 role, backend, stop, [] { return true; },
                 [&](std::uint64_t) { return backend.client->prompt_of(request, stop); }));
  // An engine without these routes: four bytes a token.
  const auto count = [&](const ChatRequest& one) {
    return prompt ? static_cast<double>(prompt->tokens.size()) *
                        static_cast<double>(bytes_of(one)) / static_cast<double>(bytes_of(request))
                  : static_cast<double>(bytes_of(one)) / 4;
  };
  // Some of the context is for the answer.
  const double room = usable - std::min(request.max_tokens, usable / 4);
  ChatRequest fitting = request;
  while (leaves_out && count(fitting) > room) {
    const auto oldest =
        std::find_if(fitting.messages.begin(), fitting.messages.end(),
                     [](const ChatMessage& message) { return message.role != "system"; });
    if (oldest == fitting.messages.end() || oldest + 1 == fitting.messages.end()) break;
    ++result.left_out_messages;
    // A conversation begins with somebody's question.
    if (const auto next = fitting.messages.erase(oldest);
        next + 1 != fitting.messages.end() && next->role == "assistant") {
      ++result.left_out_messages;
      fitting.messages.erase(next);
    }
  }
  result.left_out_tokens = static_cast<int>(std::lround(count(request) - count(fitting)));
  if (count(fitting) > (leaves_out ? room : usable)) {
    return fail(ErrorKind::invalid_input, "engine.context_exceeded",
                {{"role", std::string(name_of(role))},
                 {"needed", std::to_string(std::lround(count(fitting)))},
                 {"limit", std::to_string(usable)}});
  }
  return fitting;
}

// An engine that takes a schema and answers freely would make every typed step a gamble. One
// question whose only lawful answer no model would give by itself tells.
Status EnginesImpl::try_grammar(Role role, Backend& backend, std::uint64_t generation,
                                std::stop_token stop) {
  ChatRequest request;
  request.messages = {{"user", "Say hello."}};
  request.json_schema =
      R"({"type":"object","properties":{"q":{"enum":["zx"]}},"required":["q"],"additionalProperties":false})";
  request.max_tokens = 24;
  // Never where a person's conversation lies: it would have to be read again.
  if (backend.slots < 2) forget_last_prompt(backend);
  backend.aside_owner = 0;
  TRY_ASSIGN(const ChatResult result,
             backend.client->chat(request, {}, stop, backend.slot_for(Urgency::background)));
  const auto answer = base::foreign_json(result.text);
  if (!answer.is_object() || answer.size() != 1 || answer.value("q", nlohmann::json()) != "zx") {
    return fail(ErrorKind::unsupported, "engine.ignores_grammar",
                {{"role", std::string(name_of(role))}, {"model", backend.model.name}});
  }
  backend.tried = generation;
  return {};
}

Result<ChatResult> EnginesImpl::chat_aside(Role role, Seat& seat, const ChatRequest& request,
                                           std::stop_token stop) {
  const auto begun = base::steady_now();
  Aside aside{.id = ++asides_};
  return in_turns<ChatResult>(
      role, seat, Which::current, request.caller, stop,
      [&](Backend& backend, Budget::Stretch& stretch,
          std::stop_token either) -> Result<ChatResult> {
        auto result = call<ChatResult>(
            role, backend, either, [] { return true; },
            [&](std::uint64_t generation) {
              return go_on(role, backend, generation, request, aside, stretch, either);
            });
        if (result) {
          result->model = backend.model.name;
          result->total_ms = seconds_since(begun) * 1000;
          if (aside.so_far.first_text_at > begun) {
            result->first_token_ms = static_cast<double>(aside.so_far.first_text_at - begun) / 1000;
          }
        }
        return result;
      });
}

Result<ChatResult> EnginesImpl::go_on(Role role, Backend& backend, std::uint64_t generation,
                                      const ChatRequest& whole_request, Aside& aside,
                                      Budget::Stretch& stretch, std::stop_token stop) {
  ChatResult left_out;
  TRY_ASSIGN(const ChatRequest request, fitted(role, backend, whole_request, left_out, stop));
  const EngineClient& client = *backend.client;
  const Urgency urgency = request.caller.urgency;
  aside.belongs_to(backend, generation);
  const bool typed = !request.json_schema.empty() || !request.grammar.empty();
  if (typed && backend.tried != generation) TRY(try_grammar(role, backend, generation, stop));
  if (!aside.prompt && !aside.whole) {
    TRY_ASSIGN(aside.prompt, client.prompt_of(request, stop));
    aside.whole = !aside.prompt;
  }
  if (aside.whole) {
    // Nothing of it can be kept: after a stop it is asked anew.
    TRY_ASSIGN(ChatResult result, client.chat(request, {}, stop, backend.slot_for(urgency)));
    stretch.count_tokens(result.prompt_tokens - result.cached_tokens + result.completion_tokens);
    return result;
  }
  const auto needed = static_cast<int>(aside.prompt->tokens.size());
  if (backend.context > 0 && needed >= backend.context) {
    return fail(ErrorKind::invalid_input, "engine.context_exceeded",
                {{"role", std::string(name_of(role))},
                 {"needed", std::to_string(needed)},
                 {"limit", std::to_string(backend.context)}});
  }
  if (typed) {
    // A form is followed from its first rule. Not every engine can be told how far it has been
    // followed already; with one that cannot, what has been said is given up and made again.
    const auto form =
        request.grammar.empty() ? EngineClient::Form::schema : EngineClient::Form::grammar;
    TRY_ASSIGN(const bool continues, can_continue(backend, generation, form, urgency, stop));
    if (!continues) aside.so_far = {};
  }
  TRY(read_in_pieces(backend, aside, stretch, urgency, stop));
  ChatResult& said = aside.so_far.result;
  if (said.completion_tokens >= request.max_tokens && !said.text.empty()) {
    said.truncated = true;
    said.prompt_tokens = needed;
    return said;
  }
  const int before = said.completion_tokens;
  const Status done =
      client.go_on(request, *aside.prompt, backend.slot_for(urgency), aside.so_far, stop);
  stretch.count_tokens(aside.so_far.fresh + said.completion_tokens - before);
  TRY(done);
  return said;
}

// Reads a prompt into the cache but for what the answer's own call reads in one piece.
Status EnginesImpl::read_in_pieces(Backend& backend, Aside& aside, Budget::Stretch& stretch,
                                   Urgency urgency, std::stop_token stop) {
  if (backend.aside_owner.exchange(aside.id) != aside.id) aside.read = 0;
  const std::span<const int> tokens(aside.prompt->tokens);
  while (true) {
    if (stop.stop_requested()) return cancelled();
    // A long prompt is read for minutes; an answer that has begun is written to its end.
    TRY(stretch.go_on());
    const std::size_t piece = backend.pace.piece();
    if (aside.read + piece >= tokens.size()) return {};
    const auto begun = base::steady_now();
    TRY_ASSIGN(const int fresh, backend.client->read_beginning(tokens.first(aside.read + piece),
                                                               backend.slot_for(urgency), stop));
    backend.pace.note(fresh, seconds_since(begun));
    stretch.count_tokens(fresh);
    aside.read += piece;
  }
}

Result<bool> EnginesImpl::can_continue(Backend& backend, std::uint64_t generation,
                                       EngineClient::Form form, Urgency urgency,
                                       std::stop_token stop) {
  const std::size_t index = form == EngineClient::Form::grammar ? 0 : 1;
  if (backend.continues_known[index] != generation) {
    // Tried before the prompt is read: the trial takes its place in the cache.
    backend.aside_owner = 0;
    TRY_ASSIGN(const bool yes, backend.client->continues(form, backend.slot_for(urgency), stop));
    backend.continues[index] = yes;
    backend.continues_known[index] = generation;
  }
  return backend.continues[index].load();
}

// ---- other programs ----

Status EnginesImpl::forward(Role asked, const RawRequest& request,
                            const std::function<void(const RawHead&)>& on_head,
                            const std::function<bool(std::string_view)>& on_bytes,
                            std::stop_token stop) {
  const Role role = actual(asked);
  Seat* seat = seat_of(role);
  if (seat == nullptr) return not_served(role);
  if (request.caller.urgency != Urgency::interactive) {
    return forward_aside(role, *seat, request, on_head, on_bytes, stop);
  }
  std::optional<Scheduler::Turn> turn;
  if (request.turn == RawRequest::Turn::waits) {
    TRY_ASSIGN(auto entered, scheduler_.enter(role, request.caller, stop));
    turn.emplace(std::move(entered));
  } else {
    TRY(scheduler_.pass(role, stop));
  }
  TRY_ASSIGN(const auto held, visit(role, *seat));
  Backend& backend = held->backend();
  if (turn && backend.slots < 2) backend.aside_owner = 0;
  // llama-server sends the head of a stream when it begins to read the prompt: until it has said
  // something, another engine can say it in its place.
  std::optional<RawHead> begun;
  bool events = false;
  Utterance said;
  const auto begin = [&](const RawHead& head) {
    if (begun) return;
    begun = head;
    events = head.status == 200 && head.content_type.starts_with("text/event-stream");
    on_head(head);
  };
  const auto may_repeat = [&] { return !begun || (events && said.can_begin_anew()); };
  // call() gives values; there is none here.
  struct Nothing {};
  const std::string kept_prompt =
      backend.model.projector.empty() || is_text_only(request.prompt) ? request.prompt : "";
  const auto done = call<Nothing>(
      role, backend, stop, may_repeat, [&](std::uint64_t generation) -> Result<Nothing> {
        const auto brought =
            turn ? bring_back(backend, generation, kept_prompt, request.caller.client, stop)
                 : std::optional<KeptPrompts::Match>();
        CachedCount cached;
        bool same_head = true;
        const auto take_head = [&](const RawHead& head) {
          begin(head);
          same_head = head.status == begun->status && head.content_type == begun->content_type;
        };
        const auto take = [&](std::string_view piece) {
          if (!same_head) return false;
          said.feed(piece);
          if (brought) cached.feed(piece);
          return on_bytes(piece);
        };
        const Status passed = backend.client->forward(request, take_head, take, stop,
                                                      backend.slot_for(Urgency::interactive));
        // What has begun as a stream cannot end as a refusal.
        if (!same_head) {
          return fail(ErrorKind::unavailable, "engine.bad_answer",
                      {{"role", std::string(name_of(role))}, {"detail", "repeated"}});
        }
        if (turn) {
          prompt_was_read(role, held->shared(), generation, kept_prompt, request.caller.client,
                          brought, passed ? cached.tokens() : std::nullopt);
        }
        TRY(passed);
        return Nothing{};
      });
  if (!done) return tl::unexpected<Error>(done.error());
  return {};
}

// The answer is kept until it is complete: what has reached a client could not be taken back, and
// the engine's stream could not be taken up in its middle.
Status EnginesImpl::forward_aside(Role role, Seat& seat, const RawRequest& request,
                                  const std::function<void(const RawHead&)>& on_head,
                                  const std::function<bool(std::string_view)>& on_bytes,
                                  std::stop_token stop) {
  struct Kept {
    RawHead head;
    std::string bytes;
  };
  Aside aside{.id = ++asides_};
  const Urgency urgency = request.caller.urgency;
  std::optional<Parts> parts = Parts::of(request);
  std::uint64_t maker = 0;  // of the parts there are
  // Bodies with messages or a prompt are as good as the translation of the others.
  const bool is_completion =
      request.path == "/v1/chat/completions" || request.path == "/v1/completions";
  const std::string& prompt =
      request.prompt.empty() && is_completion ? request.body : request.prompt;
  const auto send = [&](Backend& backend, const RawRequest& what, Budget::Stretch& stretch,
                        const std::stop_token& either) -> Result<Kept> {
    Kept kept;
    bool too_long = false;
    TRY(backend.client->forward(
        what, [&](const RawHead& head) { kept.head = head; },
        [&](std::string_view piece) {
          kept.bytes += piece;
          too_long = kept.bytes.size() > longest_kept;
          return !too_long;
        },
        either, backend.slot_for(urgency)));
    if (either.stop_requested()) return cancelled();
    if (too_long) {
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", std::string(name_of(role))}, {"detail", "size"}});
    }
    stretch.count_tokens(tokens_of(kept.bytes));
    return kept;
  };
  const auto ask = [&](Backend& backend, std::uint64_t generation, Budget::Stretch& stretch,
                       const std::stop_token& either) -> Result<Kept> {
    aside.belongs_to(backend, generation);
    if (parts && maker != backend.number) parts->begin_anew();
    maker = backend.number;
    while (parts) {
      TRY(stretch.go_on());
      const double most = backend.embed_speed * embed_seconds;
      RawRequest part = request;
      part.body = parts->next(std::min(embed_bytes, static_cast<std::size_t>(std::max(0.0, most))));
      const auto begun = base::steady_now();
      TRY_ASSIGN(Kept kept, send(backend, part, stretch, either));
      if (kept.head.status != 200) return kept;
      if (!parts->take(kept.bytes)) {
        parts.reset();
        break;
      }
      backend.embed_speed = smoothed(
          backend.embed_speed, static_cast<double>(parts->asked_bytes()) / seconds_since(begun));
      if (parts->complete()) return Kept{std::move(kept.head), parts->whole()};
      if (either.stop_requested()) return cancelled();
    }
    if (!prompt.empty() && is_text_only(prompt)) {
      if (!aside.prompt && !aside.whole) {
        // What is wrong with a body the engine shall say itself.
        if (auto made = backend.client->prompt_of(prompt, either); made) {
          aside.prompt = std::move(*made);
        }
        if (either.stop_requested()) return cancelled();
        aside.whole = !aside.prompt;
      }
      if (aside.prompt) TRY(read_in_pieces(backend, aside, stretch, urgency, either));
    }
    return send(backend, request, stretch, either);
  };
  TRY_ASSIGN(const Kept kept, in_turns<Kept>(
                                  role, seat, Which::current, request.caller, stop,
                                  [&](Backend& backend, Budget::Stretch& stretch,
                                      std::stop_token either) -> Result<Kept> {
                                    return call<Kept>(
                                        role, backend, either, [] { return true; },
                                        [&](std::uint64_t generation) {
                                          return ask(backend, generation, stretch, either);
                                        });
                                  },
                                  parts ? Interrupted::keeps_its_work : Interrupted::begins_anew));
  on_head(kept.head);
  on_bytes(kept.bytes);
  return {};
}

Result<int> EnginesImpl::count_tokens(Role asked, const std::string& text) {
  const Role role = actual(asked);
  Seat* seat = seat_of(role);
  if (seat == nullptr) return not_served(role);
  // The engine counts beside whatever it works on: nobody waits for that.
  TRY(scheduler_.pass(role, {}));
  TRY_ASSIGN(const auto held, visit(role, *seat));
  Backend& backend = held->backend();
  return call<int>(
      role, backend, {}, [] { return true; },
      [&](std::uint64_t) { return backend.client->count_tokens(text); });
}

// ---- embeddings ----

// The longest beginning of a text that the engine can read at once.
Result<std::string> EnginesImpl::cut_to_fit(const Backend& backend, std::string text,
                                            std::stop_token stop) {
  const int room = std::max(backend.context.load(), token_margin * 2) - token_margin;
  while (true) {
    TRY_ASSIGN(const int tokens, backend.client->count_tokens(text, stop));
    if (tokens <= room) return text;
    // Proportionally, with a little less so that it seldom takes a third count.
    const double share = static_cast<double>(room) / tokens * 0.97;
    const auto bytes = static_cast<std::size_t>(static_cast<double>(text.size()) * share);
    text = std::string(base::cut_utf8(text, bytes));
  }
}

Result<EnginesImpl::Vectors> EnginesImpl::embed_some(Seat& seat, Backend& backend, EmbedKind kind,
                                                     std::vector<std::string> texts,
                                                     Budget::Stretch& stretch,
                                                     std::stop_token stop) {
  const auto shorten = [&](std::size_t from_bytes) -> Status {
    for (std::string& text : texts) {
      if (text.size() <= from_bytes) continue;
      const std::size_t before = text.size();
      TRY_ASSIGN(text, cut_to_fit(backend, std::move(text), stop));
      if (text.size() < before) ++seat.cut_texts;
    }
    return {};
  };
  int tokens = 0;
  TRY_ASSIGN(
      Vectors vectors,
      call<Vectors>(
          Role::embed, backend, stop, [] { return true; },
          [&](std::uint64_t) -> Result<Vectors> {
            if (backend.context > 0) TRY(shorten(surely_fits));
            const auto begun = base::steady_now();
            auto given = backend.client->embed(texts, stop, &tokens);
            if (!given && given.error().code == "engine.context_exceeded" && backend.context > 0) {
              TRY(shorten(static_cast<std::size_t>(backend.context) / 2));
              given = backend.client->embed(texts, stop, &tokens);
            }
            if (given) {
              double bytes = 0;
              for (const std::string& text : texts) bytes += static_cast<double>(text.size());
              backend.embed_speed = smoothed(backend.embed_speed, bytes / seconds_since(begun));
            }
            return given;
          }));
  stretch.count_tokens(tokens);
  const int kept = kind == EmbedKind::classification ? 0 : backend.model.embed_dimensions;
  const auto dimensions = static_cast<std::size_t>(std::max(0, kept));
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

namespace {

// A text as the model wants it put.
std::string prompted(const CatalogueModel& model, EmbedKind kind, const EmbedText& text) {
  const std::string& prompt = kind == EmbedKind::query      ? model.query_prompt
                              : kind == EmbedKind::document ? model.document_prompt
                                                            : model.classification_prompt;
  if (prompt.empty()) {
    return text.title.empty() || kind == EmbedKind::query ? text.text
                                                          : text.title + "\n" + text.text;
  }
  // In one pass: a title may itself hold "{text}".
  std::string whole;
  for (std::size_t position = 0; position < prompt.size();) {
    const std::string_view rest = std::string_view(prompt).substr(position);
    if (rest.starts_with("{title}")) {
      whole += text.title.empty() ? model.empty_title : text.title;
      position += 7;
    } else if (rest.starts_with("{text}")) {
      whole += text.text;
      position += 6;
    } else {
      whole += prompt[position++];
    }
  }
  return whole;
}

}  // namespace

Result<EnginesImpl::Vectors> EnginesImpl::embed_with(Which which, const Caller& caller,
                                                     EmbedKind kind,
                                                     const std::vector<EmbedText>& texts,
                                                     std::stop_token stop) {
  Seat& seat = seats_.at(Role::embed);
  Vectors vectors;
  vectors.reserve(texts.size());
  std::uint64_t maker = 0;
  while (vectors.size() < texts.size()) {
    TRY_ASSIGN(auto some,
               in_turns<Vectors>(
                   Role::embed, seat, which, caller, stop,
                   [&](Backend& backend, Budget::Stretch& stretch,
                       std::stop_token either) -> Result<Vectors> {
                     if (maker != backend.number) {
                       // Another model since the last turn: what it made does not go
                       // with this one's.
                       vectors.clear();
                       maker = backend.number;
                     }
                     std::size_t most = embed_bytes;
                     if (caller.urgency != Urgency::interactive) {
                       most = std::min(
                           most, static_cast<std::size_t>(backend.embed_speed * embed_seconds));
                     }
                     std::vector<std::string> batch;
                     std::size_t bytes = 0;
                     for (std::size_t next = vectors.size();
                          next < texts.size() && batch.size() < embed_texts; ++next) {
                       std::string text = prompted(backend.model, kind, texts[next]);
                       if (!batch.empty() && bytes + text.size() > most) break;
                       bytes += text.size();
                       batch.push_back(std::move(text));
                     }
                     return embed_some(seat, backend, kind, std::move(batch), stretch, either);
                   }));
    std::move(some.begin(), some.end(), std::back_inserter(vectors));
  }
  return vectors;
}

Result<EnginesImpl::Vectors> EnginesImpl::embed(EmbedKind kind, const std::vector<EmbedText>& texts,
                                                std::stop_token stop) {
  return embed_for(
      {kind == EmbedKind::query ? Urgency::interactive : Urgency::background, own_client}, kind,
      texts, stop);
}

Result<EnginesImpl::Vectors> EnginesImpl::embed_for(const Caller& caller, EmbedKind kind,
                                                    const std::vector<EmbedText>& texts,
                                                    std::stop_token stop) {
  {
    Seat& seat = seats_.at(Role::embed);
    const std::lock_guard lock(seat.mutex);
    if (seat.binding.empty()) {
      return fail(ErrorKind::not_found, "role.unbound", {{"role", "embed"}});
    }
  }
  return embed_with(Which::current, caller, kind, texts, stop);
}

Result<EnginesImpl::Vectors> EnginesImpl::embed_next(const std::vector<EmbedText>& texts,
                                                     std::stop_token stop) {
  return embed_with(Which::next, {Urgency::background, own_client}, EmbedKind::document, texts,
                    stop);
}

}  // namespace lar::engine
