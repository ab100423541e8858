// Routes are a table with a schema file each in schemas/, which says what a body must have; all
// else in it is between the client and the engine. Whose turn it is at an engine the engines
// decide; clients take turns by the name of their key.
#include "api/gateway.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <typeinfo>

#include "api/answer_scanner.h"
#include "api/context_policy.h"
#include "api/engine_prompt.h"
#include "api/gateway_calls.h"
#include "api/gateway_form.h"
#include "api/gateway_tools.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "api/prompt_style.h"
#include "api/validation.h"
#include "base/clock.h"
#include "base/foreign_json.h"
#include "base/id.h"
#include "base/messages.h"
#include "base/percent.h"
#include "base/text.h"
#include "net/event_stream.h"
#include "os/base64.h"

namespace lar::api {
namespace {

using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using engine::Role;
using nlohmann::json;

constexpr std::string_view prefix = "lar/";
constexpr std::string_view assistant = "lar/assistant";
// A line of a stream is held until it is whole.
constexpr std::size_t longest_line = 4u << 20;
// An engine's refusal is read whole, to be put into the API's own form.
constexpr std::size_t longest_refusal = 1u << 20;
// Far beyond any answer that is not streamed: an engine gone wild must not fill the memory.
constexpr std::size_t longest_whole = 256u << 20;
// So short a prompt fits into whatever a check may have found; no token is shorter than a byte.
constexpr std::size_t surely_fits_bytes = 512;
// Of embeddings, what goes to the engine in one turn.
constexpr std::size_t piece_texts = 32;
constexpr std::size_t piece_bytes = 32u << 10;
// Errors repeat what was asked for only so far.
constexpr std::size_t longest_shown = 80;
// A stream whose call waits longer begins, to say so; before that a refusal can still have a status
// of its own.
constexpr std::chrono::milliseconds told_after(1'000);

enum class Action { forward, count, rerank, hand_on, models, metrics, description };

struct ClientRoute {
  std::string_view method, path, schema;
  Action action;
  Form form = Form::openai;
  std::array<std::optional<Role>, 3> roles = {};  // that can answer it
  // Named by clients that send no model; nothing: they must.
  std::string_view standard_model = {};
  bool needs_key = true;
  bool takes_media = false;  // pictures or recordings
  bool takes_form = false;   // multipart/form-data
};

constexpr std::array client_routes = {
    ClientRoute{"POST",
                "/v1/chat/completions",
                "v1_chat_completions",
                Action::forward,
                Form::openai,
                {Role::chat, Role::fast, Role::vision},
                {},
                true,
                true},
    ClientRoute{"POST",
                "/v1/completions",
                "v1_completions",
                Action::forward,
                Form::openai,
                {Role::chat, Role::fast}},
    ClientRoute{"POST",
                "/v1/responses",
                "v1_responses",
                Action::forward,
                Form::responses,
                {Role::chat, Role::fast, Role::vision},
                {},
                true,
                true},
    ClientRoute{
        "POST", "/v1/embeddings", "v1_embeddings", Action::forward, Form::openai, {Role::embed}},
    ClientRoute{"POST",
                "/v1/rerank",
                "v1_rerank",
                Action::rerank,
                Form::openai,
                {Role::rerank, Role::embed},
                "lar/rerank"},
    ClientRoute{"POST",
                "/v1/messages",
                "v1_messages",
                Action::forward,
                Form::anthropic,
                {Role::chat, Role::fast, Role::vision},
                {},
                true,
                true},
    ClientRoute{"POST",
                "/v1/messages/count_tokens",
                "v1_messages_count_tokens",
                Action::count,
                Form::anthropic,
                {Role::chat, Role::fast, Role::vision},
                {},
                true,
                true},
    // Editors that fill in the middle name no model.
    ClientRoute{"POST",
                "/infill",
                "infill",
                Action::forward,
                Form::openai,
                {Role::chat, Role::fast},
                "lar/chat"},
    ClientRoute{.method = "POST",
                .path = "/v1/audio/transcriptions",
                .schema = "v1_audio_transcriptions",
                .action = Action::hand_on,
                .roles = {Role::speech},
                .standard_model = "lar/speech",
                .takes_media = true,
                .takes_form = true},
    ClientRoute{.method = "POST",
                .path = "/v1/images/generations",
                .schema = "v1_images_generations",
                .action = Action::hand_on,
                .roles = {Role::image},
                .standard_model = "lar/image"},
    ClientRoute{"GET", "/v1/models", "v1_models", Action::models},
    ClientRoute{"GET", "/v1/models/{id}", "v1_model", Action::models},
    ClientRoute{"GET", "/metrics", "metrics", Action::metrics},
    // Says nothing but what the source says.
    ClientRoute{
        "GET", "/openapi.json", "openapi", Action::description, Form::openai, {}, {}, false},
};

// What a client is told, before it takes the form of an API.
struct Refusal {
  int status = 500;
  std::string code;   // OpenAI's, may be empty
  std::string param;  // the field at fault, may be empty
  std::string message;
  int retry_after = 0;  // seconds; 0: not said
};

std::string_view openai_type(const Refusal& refusal) {
  if (refusal.status == 429) return "rate_limit_error";
  if (refusal.status == 403) return "permission_error";
  return refusal.status < 500 ? "invalid_request_error" : "server_error";
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
    case 405:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    case 504:
      return "timeout_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json in_form(const Refusal& refusal, Form form) {
  if (form == Form::anthropic) {
    return {{"type", "error"},
            {"error", {{"type", anthropic_type(refusal.status)}, {"message", refusal.message}}}};
  }
  return {{"error",
           {{"message", refusal.message},
            {"type", openai_type(refusal)},
            {"param", refusal.param.empty() ? json() : json(refusal.param)},
            {"code", refusal.code.empty() ? json() : json(refusal.code)}}}};
}

// The same as an event of a stream that has begun.
std::string as_event(const Refusal& refusal, Form form) {
  if (form == Form::anthropic)
    return "event: error\ndata: " + dumped(in_form(refusal, form)) + "\n\n";
  if (form == Form::responses) {
    const json event = {{"type", "error"},
                        {"code", refusal.code.empty() ? "server_error" : refusal.code},
                        {"message", refusal.message},
                        {"param", json()},
                        {"sequence_number", 0}};
    return "event: error\ndata: " + dumped(event) + "\n\n";
  }
  return "data: " + dumped(in_form(refusal, form)) + "\n\n";
}

int status_of(const Error& error) {
  if (error.code == "client.no_key" || error.code == "client.wrong_key") return 401;
  if (error.code == "engine.busy" || error.code == "engine.over_budget") return 429;
  if (error.code == "client.wrong_method") return 405;
  // A role without a model is a model that does not exist.
  if (error.code == "role.not_served") return 404;
  return http_status(error.kind);
}

std::string_view code_of(const Error& error) {
  constexpr std::pair<std::string_view, std::string_view> codes[] = {
      {"client.no_key", "invalid_api_key"},
      {"client.wrong_key", "invalid_api_key"},
      {"client.not_allowed", "insufficient_permissions"},
      {"client.unknown_model", "model_not_found"},
      {"client.model_cannot", "model_not_supported"},
      {"role.unbound", "model_not_found"},
      {"role.not_served", "model_not_found"},
      {"client.no_server", "model_not_found"},
      {"engine.busy", "rate_limit_exceeded"},
      {"engine.context_exceeded", "context_length_exceeded"},
      {"engine.over_budget", "insufficient_quota"},
      {"client.unknown_route", "unknown_url"},
      {"engine.timeout", "timeout"},
      {"engine.died", "engine_died"}};
  for (const auto& [ours, theirs] : codes) {
    if (error.code == ours) return theirs;
  }
  return {};
}

Refusal refusal_of(const Error& error, base::Language language, int status) {
  Refusal refusal;
  refusal.status = status;
  refusal.code = code_of(error);
  refusal.message = base::message(error, language);
  if (error.code == "client.unknown_model" || error.code == "client.model_cannot") {
    refusal.param = "model";
  }
  for (const auto& [name, value] : error.parameters) {
    if (name == "field") refusal.param = value;
    if (name == "seconds") refusal.retry_after = std::atoi(value.c_str());
  }
  // "body[messages]": the client knows it as "messages".
  if (refusal.param.starts_with("body[") && refusal.param.ends_with(']')) {
    refusal.param = refusal.param.substr(5, refusal.param.size() - 6);
  }
  return refusal;
}

// An engine's own words, which are about what this client sent.
Refusal refusal_of_engine(int status, const std::string& body) {
  Refusal refusal;
  refusal.status = status;
  const json value = base::foreign_json(body);
  const json error = value.is_object() && value.contains("error") ? value["error"] : json();
  const auto text = [&](const char* name) {
    return error.is_object() && error.contains(name) && error[name].is_string()
               ? error[name].get<std::string>()
               : std::string();
  };
  refusal.message = text("message").empty() ? "HTTP " + std::to_string(status) : text("message");
  const std::string type = text("type");
  if (type == "exceed_context_size_error") refusal.code = "context_length_exceeded";
  if (type == "not_supported_error") refusal.code = "not_supported";
  // llama-server reports some malformed bodies as its own failure.
  const bool about_the_body = refusal.message.find("required") != std::string::npos ||
                              refusal.message.find("too large to process") != std::string::npos ||
                              refusal.message.find("[json.exception") != std::string::npos;
  if (status == 500 && about_the_body) refusal.status = 400;
  return refusal;
}

// Whether a stream has come to the end its API gives it; one that only breaks off can look ended
// to the protocol below. Whole lines of events count, because a text may speak of such an end.
class StreamEnd {
 public:
  explicit StreamEnd(Form form) : form_(form) {}
  void feed(std::string_view piece) {
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      const std::string_view part = piece.substr(0, end);
      if (line_.size() < longest_line) line_ += part;
      if (end == std::string_view::npos) return;
      ended_ = ended_ || ends(line_);
      line_.clear();
      piece.remove_prefix(end + 1);
    }
  }
  // Some servers leave the last line without its end.
  bool ended() const { return ended_ || ends(line_); }

 private:
  bool ends(std::string_view line) const {
    constexpr std::string_view field = "data:";
    if (!line.starts_with(field)) return false;
    const std::string_view data = base::trim(line.substr(field.size()));
    if (form_ == Form::openai) return data == "[DONE]";
    const bool mentioned = std::any_of(marks().begin(), marks().end(), [&](std::string_view mark) {
      return data.find(mark) != std::string_view::npos;
    });
    if (!mentioned) return false;
    const json event = base::foreign_json(data);
    const json type = event.is_object() ? event.value("type", json()) : json();
    return type.is_string() &&
           std::find(marks().begin(), marks().end(), type.get<std::string>()) != marks().end();
  }
  const std::vector<std::string_view>& marks() const {
    static const std::vector<std::string_view> anthropic = {"message_stop"};
    static const std::vector<std::string_view> responses = {
        "response.completed", "response.incomplete", "response.failed"};
    return form_ == Form::anthropic ? anthropic : responses;
  }

  const Form form_;
  std::string line_;
  bool ended_ = false;
};

// Engines that write nothing: what is too long for them they say themselves.
bool reads_only(Role role) { return role == Role::embed || role == Role::rerank; }

struct Match {
  const ClientRoute* route = nullptr;
  std::string parameter;
  bool path_known = false;
};

Match find(std::string_view method, std::string_view path) {
  Match match;
  for (const ClientRoute& route : client_routes) {
    const std::size_t brace = route.path.find("{id}");
    // A model's name holds a slash: what follows is all of it.
    const bool fits = brace == std::string_view::npos
                          ? route.path == path
                          : path.size() > brace && path.starts_with(route.path.substr(0, brace));
    if (!fits) continue;
    match.path_known = true;
    if (route.method != method) continue;
    match.route = &route;
    if (brace != std::string_view::npos) match.parameter = base::percent_decode(path.substr(brace));
    return match;
  }
  return match;
}

Form form_of(std::string_view path, bool anthropic) {
  if (path.starts_with("/v1/messages")) return Form::anthropic;
  if (path.starts_with("/v1/models")) return anthropic ? Form::anthropic : Form::openai;
  return path == "/v1/responses" ? Form::responses : Form::openai;
}

class GatewayImplementation final : public Gateway {
 public:
  explicit GatewayImplementation(GatewayParts parts)
      : parts_(std::move(parts)), started_(base::Clock::now()) {
    for (const ClientRoute& route : client_routes) {
      for (const auto& role : route.roles) {
        if (role) roles_.insert(*role);
      }
    }
  }

  bool knows(std::string_view key) const override { return parts_.keys.find(key).has_value(); }

  void handle(const ClientRequest& request, ClientAnswer& answer) override {
    Call call{request, answer};
    call.form = form_of(request.path, request.anthropic);
    if (const auto done = serve_safely(call); !done) {
      if (done.error().kind == ErrorKind::cancelled) {
        call.served.status = 499;
      } else {
        refuse(call, refusal_of(done.error(), request.language, status_of(done.error())));
      }
    }
    answer.end();
    call.served.total_ms = call.since();
    note(call);
  }

 private:
  struct Call {
    const ClientRequest& request;
    ClientAnswer& answer;
    Form form = Form::openai;
    ServedCall served = {};
    engine::Caller caller = {};
    bool began = false;     // the head is sent
    bool streamed = false;  // and the rest comes piece by piece
    int position = 0;       // in the line, when it came; 0: it need not wait
    std::string body = {};  // of a call of a model: as it fits into the context
    LeftOut left_out = {};
    // Of a call that offers more tools than the model is known to tell apart.
    int tools_offered = 0, tools_verified = 0;
    base::Microseconds begun = base::steady_now();
    double since() const { return static_cast<double>(base::steady_now() - begun) / 1000; }
  };

  static void begin(Call& call, ClientHead head) {
    call.served.first_byte_ms = call.since();
    // While it waited comments have gone out.
    if (call.began) return;
    call.began = true;
    call.streamed = head.streamed;
    call.served.status = head.status;
    if (call.position > 0) {
      head.headers.emplace_back("Lar-Queue-Position", std::to_string(call.position));
    }
    if (call.left_out.messages > 0) {
      head.headers.emplace_back("Lar-Left-Out-Messages", std::to_string(call.left_out.messages));
      head.headers.emplace_back("Lar-Left-Out-Tokens", std::to_string(call.left_out.tokens));
    }
    if (call.tools_offered > 0) {
      head.headers.emplace_back("Lar-Tools-Offered", std::to_string(call.tools_offered));
      head.headers.emplace_back("Lar-Tools-Verified", std::to_string(call.tools_verified));
    }
    call.answer.head(std::move(head));
  }

  // A stream that begins; also one that has begun because its call had to wait.
  static void begin_stream(Call& call) { begin(call, {200, "text/event-stream", {}, true}); }

  // Who asked for a stream is told where its call stands before a proxy on the way, or a person,
  // takes it for dead; in comments, which clients skip (the HTML standard, server-sent events).
  static void wait_in_line(Call& call, bool streamed, int position,
                           std::chrono::milliseconds waited) {
    if (call.position == 0) call.position = position;
    if (!streamed || position == 0 || (!call.began && waited < told_after)) return;
    if (!call.began) begin_stream(call);
    call.answer.bytes(": waiting, number " + std::to_string(position) + " in line\n\n");
  }

  static void reply(Call& call, const std::string& body,
                    const std::string& type = "application/json") {
    begin(call, {200, type, {}, false});
    call.answer.bytes(body);
  }

  static void refuse(Call& call, const Refusal& refusal) {
    if (call.began) {
      // Too late for a status: what has begun ends with the reason.
      call.served.status = refusal.status;
      // The line ends an event that broke off behind one of its lines.
      if (call.streamed) call.answer.bytes("\n" + as_event(refusal, call.form));
      return;
    }
    ClientHead head;
    head.status = refusal.status;
    if (refusal.retry_after > 0) {
      head.headers.emplace_back("Retry-After", std::to_string(refusal.retry_after));
    }
    if (refusal.status == 401) head.headers.emplace_back("WWW-Authenticate", "Bearer");
    begin(call, std::move(head));
    call.answer.bytes(dumped(in_form(refusal, call.form)));
  }

  void note(const Call& call) {
    metrics_.add(call.served);
    // What asks an engine is written down; a look at the list of models is not.
    if (call.served.role.empty()) return;
    const ServedCall& served = call.served;
    const json detail = {{"client", served.client},
                         {"route", served.route},
                         {"role", served.role},
                         {"status", served.status},
                         {"prompt_tokens", served.tokens_in},
                         {"completion_tokens", served.tokens_out},
                         {"milliseconds", static_cast<long>(served.total_ms)}};
    (void)parts_.store.write_journal("model_call", "journal.client", detail.dump());
  }

  base::Status serve_safely(Call& call) {
    try {
      return serve(call);
    } catch (const std::exception& exception) {
      // Only third-party code throws; what it says may hold private text, so only its type is told.
      return fail(ErrorKind::internal, "api.internal", {{"detail", typeid(exception).name()}});
    }
  }

  base::Status serve(Call& call) {
    const ClientRequest& request = call.request;
    const Match match = find(request.method == "HEAD" ? "GET" : request.method, request.path);
    if (match.route == nullptr) {
      call.served.route = "other";
      const char* code = match.path_known ? "client.wrong_method" : "client.unknown_route";
      return fail(match.path_known ? ErrorKind::invalid_input : ErrorKind::not_found, code,
                  {{"method", request.method}, {"path", shown(request.path)}});
    }
    const ClientRoute& route = *match.route;
    call.served.route = route.path;
    bool may_ask_assistant = true;
    if (route.needs_key) {
      TRY_ASSIGN(may_ask_assistant, who_calls(call));
    }
    switch (route.action) {
      case Action::description:
        reply(call, openapi());
        return {};
      case Action::metrics: {
        std::map<std::string, int> waiting;
        const auto statuses = parts_.engines.status();
        for (const Role role : roles_) waiting[std::string(name_of(role))] = 0;
        for (const engine::EngineStatus& status : statuses) {
          for (const engine::WaitingCall& waits : status.calls) {
            if (waits.position > 0) ++waiting[std::string(name_of(status.role))];
          }
        }
        reply(call,
              metrics_.text(statuses, waiting, parts_.engines.background(), parts_.engines.kept()),
              "text/plain; version=0.0.4");
        return {};
      }
      case Action::models:
        return list_models(call, match.parameter, may_ask_assistant);
      case Action::forward:
      case Action::count:
      case Action::rerank:
      case Action::hand_on:
        break;
    }
    return serve_model(call, route, may_ask_assistant);
  }

  // Whether the caller may ask lar/assistant.
  Result<bool> who_calls(Call& call) {
    const ClientRequest& request = call.request;
    if (request.from == ClientRequest::From::owner) {
      call.served.client = "owner";
      return true;
    }
    if (request.key.empty()) return fail(ErrorKind::permission, "client.no_key");
    const auto key = parts_.keys.find(request.key);
    if (!key) return fail(ErrorKind::permission, "client.wrong_key");
    call.served.client = key->name;
    return key->assistant;
  }

  static std::string shown(std::string_view text) {
    return std::string(base::cut_utf8(text, longest_shown));
  }

  // ---- models ----

  json model_json(std::string_view id) const {
    // The fields of OpenAI's list and of Anthropic's: a client takes those it knows.
    return {{"id", id},
            {"object", "model"},
            {"created", started_ / base::one_second},
            {"owned_by", "lar"},
            {"type", "model"},
            {"display_name", id},
            {"created_at", base::format_rfc3339(started_, "UTC")}};
  }

  base::Status list_models(Call& call, const std::string& wanted, bool may_ask_assistant) {
    json list = json::array();
    const auto bound = [&](Role role) { return !parts_.engines.bound_to(role).empty(); };
    for (const Role role : roles_) {
      if (bound(role)) {
        list.push_back(model_json(std::string(prefix) + std::string(name_of(role))));
      }
    }
    if (may_ask_assistant && bound(Role::chat)) list.push_back(model_json(assistant));
    if (wanted.empty()) {
      const json first = list.empty() ? json() : list.front()["id"];
      const json last = list.empty() ? json() : list.back()["id"];
      reply(call, dumped({{"object", "list"},
                          {"data", std::move(list)},
                          {"has_more", false},
                          {"first_id", first},
                          {"last_id", last}}));
      return {};
    }
    for (const json& model : list) {
      if (model["id"] == wanted || model["id"] == std::string(prefix) + wanted) {
        reply(call, dumped(model));
        return {};
      }
    }
    return unknown_model(wanted);
  }

  static tl::unexpected<Error> unknown_model(const std::string& name) {
    return fail(ErrorKind::not_found, "client.unknown_model", {{"model", shown(name)}});
  }

  // ---- calls of models ----

  base::Status serve_model(Call& call, const ClientRoute& route, bool may_ask_assistant) {
    json body =
        route.takes_form ? fields_of(call.request.form) : base::foreign_json(call.request.body);
    if (!body.is_object()) {
      return fail(ErrorKind::invalid_input,
                  route.takes_form ? "client.malformed_form" : "client.malformed_json");
    }
    if (!route.standard_model.empty() && !body.contains("model")) {
      body["model"] = route.standard_model;
    }
    TRY(validate_request(std::string(route.schema), {}, body));
    const auto model = body["model"].get<std::string>();
    const bool streamed = body.contains("stream") && body["stream"] == true;
    if (model == assistant) {
      if (route.path != "/v1/chat/completions") return cannot(model, route);
      if (!may_ask_assistant) {
        return fail(ErrorKind::permission, "client.not_allowed",
                    {{"name", call.served.client}, {"model", model}});
      }
      call.served.role = "assistant";
      return in_quiet([&] { return ask_assistant(call, body, streamed); });
    }
    const std::string_view name = std::string_view(model).starts_with(prefix)
                                      ? std::string_view(model).substr(prefix.size())
                                      : std::string_view(model);
    const auto role = engine::role_from(name);
    if (!role || !roles_.contains(*role)) return unknown_model(model);
    if (std::find(route.roles.begin(), route.roles.end(), role) == route.roles.end()) {
      return cannot(model, route);
    }
    call.served.role = name_of(*role);
    call.caller.client = call.served.client;
    call.caller.on_wait = [&call, told = streamed && route.action != Action::hand_on](
                              int position, std::chrono::milliseconds waited) {
      wait_in_line(call, told, position, waited);
    };
    // OpenAI's word for what may take longer.
    if (body.value("service_tier", json()) == "flex") {
      call.caller.urgency = engine::Urgency::background;
    }
    switch (route.action) {
      case Action::count:
        return count_tokens(call, *role, model, body);
      case Action::hand_on:
        return in_quiet([&] {
          return hand_on(call, *role, streamed || body.value("stream", json()) == "true");
        });
      case Action::rerank:
        if (*role == Role::embed) {
          return in_quiet([&] { return order_by_likeness(call, body, model); });
        }
        if (parts_.engines.bound_to(*role).empty()) {
          return fail(ErrorKind::not_found, "client.no_reranker");
        }
        break;
      default:
        break;
    }
    return in_quiet([&]() -> base::Status {
      if (route.path == "/v1/embeddings" && (many_texts(body["input"]) || wants_fewer(body))) {
        return embed_in_pieces(call, *role, model, body);
      }
      TRY(fit_into_context(call, *role));
      if (concerns_tools(call.form, body)) {
        const int offered = tools_in(body);
        note_tools(call, *role, offered);
        TRY_ASSIGN(const bool own, makes_tool_calls(call, *role, offered));
        if (!own) return call_tools(call, *role, model, body, streamed);
      }
      return pass_on(call, *role, model,
                     call.form == Form::responses ? with_text_form(call.body) : call.body,
                     streamed);
    });
  }

  base::Status fit_into_context(Call& call, Role role) {
    call.body = call.request.body;
    if (!reads_only(role) && parts_.prompt_style &&
        parts_.prompt_style(role) == engine::PromptStyle::before_question) {
      call.body = with_instructions_before_question(call.form, call.body);
    }
    const bool surely_fits = call.body.size() < surely_fits_bytes && !may_hold_media(call.body);
    if (reads_only(role) || surely_fits) return {};
    const int usable = parts_.engines.usable_context(role);
    const ContextLimits limits{std::string(name_of(role)), usable,
                               usable < parts_.engines.context_tokens(role)};
    TRY_ASSIGN(call.body,
               fit_conversation(
                   call.form, call.body, limits,
                   [&](const std::string& text) { return parts_.engines.count_tokens(role, text); },
                   call.left_out));
    return {};
  }

  static tl::unexpected<Error> cannot(const std::string& model, const ClientRoute& route) {
    return fail(ErrorKind::invalid_input, "client.model_cannot",
                {{"model", shown(model)}, {"path", std::string(route.path)}});
  }

  // The engines themselves say whose turn it is.
  base::Status in_quiet(const std::function<base::Status()>& serve_it) {
    const std::shared_ptr<void> quiet = parts_.somebody_waits ? parts_.somebody_waits() : nullptr;
    return serve_it();
  }

  // Background work is read in pieces however short its prompt is.
  static bool in_pieces(const Call& call, const std::string& body) {
    return body.size() >= engine::long_prompt_bytes ||
           call.caller.urgency != engine::Urgency::interactive;
  }

  base::Status pass_on(Call& call, Role role, const std::string& model, const std::string& body,
                       bool streamed,
                       engine::RawRequest::Turn turn = engine::RawRequest::Turn::waits) {
    if (can_be_translated(call) && turn == engine::RawRequest::Turn::waits && lacks(call, role)) {
      return translate(call, role, model, body, streamed);
    }
    engine::RawRequest raw;
    raw.method = call.request.method;
    raw.path = call.request.path;
    raw.body = body;
    raw.answer =
        streamed ? engine::RawRequest::Answer::streamed : engine::RawRequest::Answer::whole;
    raw.turn = turn;
    raw.caller = call.caller;
    if (in_pieces(call, body) && !reads_only(role) && raw.path != "/infill" &&
        turn == engine::RawRequest::Turn::waits) {
      raw.prompt = as_chat_completion(call.form, body);
    }
    AnswerScanner scanner(model);
    StreamEnd ending(call.form);
    int refused = 0;
    bool events = false;
    std::string kept;  // a refusal, or an answer that is sent when all of it is there
    // Events go on in whole lines: a line cut in its middle would swallow what is said of the cut.
    std::string unfinished;
    const auto done = parts_.engines.forward(
        role, raw,
        [&](const engine::RawHead& head) {
          refused = head.status >= 400 ? head.status : 0;
          events = refused == 0 && head.content_type.starts_with("text/event-stream");
          if (events) begin_stream(call);
        },
        [&](std::string_view piece) {
          if (refused != 0) {
            kept += piece.substr(0, longest_refusal - kept.size());
            return true;
          }
          const std::string passed = scanner.feed(piece);
          if (!events) {
            kept += passed;
            return kept.size() <= longest_whole;
          }
          ending.feed(passed);
          unfinished += passed;
          std::size_t whole = unfinished.rfind('\n') + 1;
          if (unfinished.size() > longest_line) whole = unfinished.size();
          if (whole == 0) return true;
          const bool listens = call.answer.bytes(std::string_view(unfinished).substr(0, whole));
          unfinished.erase(0, whole);
          return listens;
        },
        call.request.stop);
    call.served.tokens_in = scanner.tokens_in();
    call.served.tokens_out = scanner.tokens_out();
    TRY(done);
    if (refused != 0) {
      const bool no_such_route = refused == 404 || refused == 405 || refused == 501;
      if (no_such_route && can_be_translated(call)) {
        {
          const std::lock_guard lock(tried_mutex_);
          lacking_.insert(parts_.engines.bound_to(role) + " " + call.request.path);
        }
        return translate(call, role, model, body, streamed);
      }
      refuse(call, refusal_of_engine(refused, kept));
      return {};
    }
    if (call.request.stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
    if (!events && call.streamed) {
      // A stream was asked for and has begun; this server gave something else.
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", std::string(name_of(role))}, {"detail", "whole"}});
    }
    // llama-server's own routes have no mark at the end.
    const bool marked = call.request.path.starts_with("/v1/");
    if (events ? marked && !ending.ended() : !scanner.complete()) {
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", std::string(name_of(role))}, {"detail", "cut"}});
    }
    if (!events) {
      reply(call, with_left_out(call, std::move(kept)));
    } else if (!unfinished.empty()) {
      call.answer.bytes(unfinished);
    }
    return {};
  }

  // A whole answer tells in itself what was left out of its prompt; a stream in its head only.
  static std::string with_left_out(const Call& call, std::string answer) {
    const std::size_t end = answer.find_last_of('}');
    if (call.left_out.messages == 0 || end == std::string::npos) return answer;
    const json told = {{"left_out_messages", call.left_out.messages},
                       {"left_out_tokens", call.left_out.tokens}};
    answer.insert(end, ",\"lar\":" + told.dump());
    return answer;
  }

  // ---- many texts ----

  static std::size_t bytes_of(const json& text) {
    return text.is_string() ? text.get_ref<const std::string&>().size() : text.size();
  }

  // Whether an input of embeddings is more than one call of the engine should hold: whoever else
  // wants a vector, the owner's search above all, waits for the call that runs. A list of numbers
  // is one text.
  static bool many_texts(const json& input) {
    if (!input.is_array() || input.size() < 2) return false;
    std::size_t bytes = 0;
    for (const json& text : input) {
      if (!text.is_string() && !text.is_array()) return false;
      bytes += bytes_of(text);
    }
    return input.size() > piece_texts || bytes > piece_bytes;
  }

  static bool wants_fewer(const json& body) {
    return body.value("dimensions", json()).is_number_integer();
  }

  // A vector of an answer with only its first numbers, of length 1 again.
  static Result<json> shortened(const json& vector, std::size_t dimensions) {
    if (!vector.is_array() || vector.size() < dimensions || dimensions == 0) {
      return fail(
          ErrorKind::invalid_input, "api.invalid_field",
          {{"field", "body[dimensions]"}, {"detail", "1-" + std::to_string(vector.size())}});
    }
    double squares = 0;
    for (std::size_t place = 0; place < dimensions; ++place) {
      const double number = vector[place].is_number() ? vector[place].get<double>() : 0;
      squares += number * number;
    }
    const double scale = squares > 0 ? 1 / std::sqrt(squares) : 1;
    json result = json::array();
    for (std::size_t place = 0; place < dimensions; ++place) {
      result.push_back(vector[place].is_number() ? vector[place].get<double>() * scale : 0);
    }
    return result;
  }

  static std::string packed(const json& vector) {
    std::string bytes;
    for (const json& number : vector) {
      const float value = number.get<float>();
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    return os::to_base64(bytes);
  }

  // Each piece takes a turn of its own. Engines ignore `dimensions`, so they are cut here; as good
  // as the model was trained for that.
  base::Status embed_in_pieces(Call& call, Role role, const std::string& model, json body) {
    const json texts = body["input"].is_array() && many_or_lists(body["input"])
                           ? body["input"]
                           : json::array({body["input"]});
    const bool fewer = wants_fewer(body);
    const bool in_base64 = fewer && body.value("encoding_format", json()) == "base64";
    const auto dimensions = fewer ? static_cast<std::size_t>(std::max<std::int64_t>(
                                        0, body["dimensions"].get<std::int64_t>()))
                                  : 0;
    if (fewer) {
      body.erase("dimensions");
      body["encoding_format"] = "float";
    }
    json data = json::array();
    for (std::size_t first = 0; first < texts.size();) {
      json piece = json::array();
      std::size_t bytes = 0;
      while (first + piece.size() < texts.size() && piece.size() < piece_texts) {
        const json& text = texts[first + piece.size()];
        if (!piece.empty() && bytes + bytes_of(text) > piece_bytes) break;
        bytes += bytes_of(text);
        piece.push_back(text);
      }
      body["input"] = piece;
      engine::RawRequest raw;
      raw.path = call.request.path;
      raw.body = dumped(body);
      raw.caller = call.caller;
      int status = 0;
      std::string answer;
      AnswerScanner counts(model);
      TRY(parts_.engines.forward(
          role, raw, [&](const engine::RawHead& head) { status = head.status; },
          [&](std::string_view bytes_of_answer) {
            answer += bytes_of_answer;
            (void)counts.feed(bytes_of_answer);
            return answer.size() <= longest_whole;
          },
          call.request.stop));
      if (call.request.stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
      if (status >= 400) {
        refuse(call, refusal_of_engine(status, answer));
        return {};
      }
      call.served.tokens_in += counts.tokens_in();
      const json value = base::foreign_json(answer);
      json rows = value.is_object() ? value.value("data", json()) : json();
      std::vector<json> ordered(piece.size());
      for (json& row : rows.is_array() ? rows : json::array()) {
        const json place = row.is_object() ? row.value("index", json()) : json();
        if (!place.is_number_unsigned() || place.get<std::size_t>() >= piece.size()) continue;
        if (fewer) {
          TRY_ASSIGN(json cut, shortened(row.value("embedding", json()), dimensions));
          row["embedding"] = in_base64 ? json(packed(cut)) : std::move(cut);
        }
        const auto at = place.get<std::size_t>();
        row["index"] = first + at;
        ordered[at] = std::move(row);
      }
      for (json& row : ordered) {
        if (!row.is_object()) {
          return fail(ErrorKind::unavailable, "engine.bad_answer",
                      {{"role", std::string(name_of(role))}, {"detail", "embeddings"}});
        }
        data.push_back(std::move(row));
      }
      first += piece.size();
    }
    const json usage = {{"prompt_tokens", call.served.tokens_in},
                        {"total_tokens", call.served.tokens_in}};
    reply(call,
          dumped(
              {{"object", "list"}, {"data", std::move(data)}, {"model", model}, {"usage", usage}}));
    return {};
  }

  static bool many_or_lists(const json& input) {
    return !input.empty() && (input[0].is_string() || input[0].is_array());
  }

  // ---- sound and pictures ----

  // The fields of a form; of files their names. Nothing where there is none.
  static json fields_of(const std::vector<engine::FormPart>& form) {
    json fields;
    for (const engine::FormPart& part : form) {
      fields[part.name] = part.file_name.empty() ? part.value : part.file_name;
    }
    // Names and values are bytes that anybody wrote.
    return base::foreign_json(dumped(fields));
  }

  // What the owner's server makes of it is passed on as it is, whatever its type.
  base::Status hand_on(Call& call, Role role, bool streamed) {
    if (parts_.engines.bound_to(role).empty()) {
      return fail(ErrorKind::not_found, "client.no_server", {{"role", std::string(name_of(role))}});
    }
    engine::RawRequest raw;
    raw.path = call.request.path;
    raw.body = call.request.body;
    raw.form = call.request.form;
    raw.caller = call.caller;
    raw.answer =
        streamed ? engine::RawRequest::Answer::streamed : engine::RawRequest::Answer::whole;
    raw.patience = engine::RawRequest::Patience::while_it_lives;
    engine::RawHead told;
    std::string kept;
    bool events = false;
    TRY(parts_.engines.forward(
        role, raw,
        [&](const engine::RawHead& head) {
          told = head;
          events = head.status < 400 && head.content_type.starts_with("text/event-stream");
          if (events) begin(call, {head.status, head.content_type, {}, true});
        },
        [&](std::string_view piece) {
          if (events) return call.answer.bytes(piece);
          kept += piece;
          return kept.size() <= (told.status >= 400 ? longest_refusal : longest_whole);
        },
        call.request.stop));
    if (call.request.stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
    if (told.status >= 400) {
      refuse(call, refusal_of_engine(told.status, kept));
    } else if (kept.size() > longest_whole) {
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", std::string(name_of(role))}, {"detail", "size"}});
    } else if (!events) {
      reply(call, kept, told.content_type.empty() ? "application/json" : told.content_type);
    }
    return {};
  }

  // Counting costs the engine next to nothing and waits for nobody's answer. What is counted is
  // what would be sent.
  base::Status count_tokens(Call& call, Role role, const std::string& model, const json& body) {
    std::string sent = call.request.body;
    if (concerns_tools(call.form, body) && !known_to_call(role, tools_in(body)).value_or(true)) {
      TRY_ASSIGN(const std::string made, with_schema_for_tools(call.form, sent));
      sent = dumped({{"messages", base::foreign_json(made)["messages"]}});
    }
    return pass_on(call, role, model, sent, false, engine::RawRequest::Turn::at_once);
  }

  // ---- documents in order ----

  // For want of a model that reads question and document together: by the cosine of their
  // embeddings, which is what the client asked for when it named `lar/embed`.
  base::Status order_by_likeness(Call& call, const json& body, const std::string& model) {
    std::vector<engine::EmbedText> documents;
    for (const json& document : body["documents"]) {
      const json& text = document.is_object() ? document["text"] : document;
      documents.push_back({"", text.get<std::string>()});
    }
    TRY_ASSIGN(
        const auto question,
        parts_.engines.embed_for(call.caller, engine::EmbedKind::query,
                                 {{"", body["query"].get<std::string>()}}, call.request.stop));
    TRY_ASSIGN(const auto vectors,
               parts_.engines.embed_for(call.caller, engine::EmbedKind::document, documents,
                                        call.request.stop));
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t index = 0; index < vectors.size(); ++index) {
      double cosine = 0;
      for (std::size_t place = 0; place < vectors[index].size(); ++place) {
        cosine += static_cast<double>(vectors[index][place]) * question[0][place];
      }
      order.emplace_back(cosine, index);
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& one, const auto& other) { return one.first > other.first; });
    order.resize(std::min<std::size_t>(order.size(), body.value("top_n", order.size())));
    json results = json::array();
    for (const auto& [cosine, index] : order) {
      json result = {{"index", index}, {"relevance_score", cosine}};
      if (body.value("return_documents", json()) == true) {
        result["document"] = {{"text", documents[index].text}};
      }
      results.push_back(std::move(result));
    }
    reply(call, dumped({{"object", "list"}, {"model", model}, {"results", std::move(results)}}));
    return {};
  }

  // ---- tools ----

  static int tools_in(const json& body) {
    const json tools = body.value("tools", json());
    return tools.is_array() ? static_cast<int>(tools.size()) : 0;
  }

  // A client's tools are never dropped: which of them matter only it can know. It is told instead.
  void note_tools(Call& call, Role role, int offered) {
    const auto route = parts_.tool_route ? parts_.tool_route(role, offered) : std::nullopt;
    if (!route || !route->verified || offered <= *route->verified) return;
    call.tools_offered = offered;
    call.tools_verified = *route->verified;
    call.served.beyond_tools = true;
  }

  // Whether the engine's own tool calls are used where so many tools are offered; nothing: not yet
  // tried.
  std::optional<bool> known_to_call(Role role, int offered) {
    if (parts_.tool_route) {
      if (const auto route = parts_.tool_route(role, offered)) {
        return route->form == engine::ToolForm::native;
      }
    }
    const std::string model = parts_.engines.bound_to(role);
    const std::lock_guard lock(tried_mutex_);
    const auto found = tried_.find(model);
    return found == tried_.end() ? std::nullopt : std::optional(found->second);
  }

  // The same after a trial, once for each model, where nothing is known.
  Result<bool> makes_tool_calls(Call& call, Role role, int offered) {
    if (const auto known = known_to_call(role, offered)) return *known;
    const std::string model = parts_.engines.bound_to(role);
    engine::RawRequest trial;
    trial.path = "/v1/chat/completions";
    trial.body = tool_trial();
    trial.caller = call.caller;
    int status = 0;
    std::string answer;
    TRY(parts_.engines.forward(
        role, trial, [&](const engine::RawHead& head) { status = head.status; },
        [&](std::string_view piece) {
          answer += piece.substr(0, longest_refusal - answer.size());
          return true;
        },
        call.request.stop));
    const bool made = status == 200 && called(answer);
    const std::lock_guard lock(tried_mutex_);
    tried_[model] = made;
    return made;
  }

  base::Status call_tools(Call& call, Role role, const std::string& model, const json& body,
                          bool streamed) {
    TRY_ASSIGN(const std::string made, with_schema_for_tools(call.form, call.body));
    CallReader reader;
    return relay(
        call, role, model, made, body, streamed,
        [&](const json& choice, const CallReader::Sink& sink) {
          const json text = choice["delta"].value("content", json());
          if (text.is_string()) reader.feed(text.get_ref<const std::string&>(), sink);
        },
        [&](const CallReader::Sink& sink) { reader.end(sink); });
  }

  // ---- engines that do not speak the API asked ----

  static bool can_be_translated(const Call& call) {
    return call.request.path == "/v1/messages" || call.request.path == "/v1/responses";
  }

  // Whether the engine behind a role was found not to know the route.
  bool lacks(const Call& call, Role role) {
    const std::string what = parts_.engines.bound_to(role) + " " + call.request.path;
    const std::lock_guard lock(tried_mutex_);
    return lacking_.contains(what);
  }

  // By way of a chat completion, which every engine knows.
  base::Status translate(Call& call, Role role, const std::string& model, const std::string& body,
                         bool streamed) {
    const std::string made = translated(call.form, body);
    if (made.empty()) {
      return fail(ErrorKind::unsupported, "client.not_translated", {{"path", call.request.path}});
    }
    return relay(
        call, role, model, made, base::foreign_json(body), streamed,
        [](const json& choice, const CallReader::Sink& sink) {
          const json& delta = choice["delta"];
          if (const std::string text = text_of(delta, "content"); !text.empty()) {
            const json chances = choice.value("logprobs", json());
            const json tokens = chances.is_object() ? chances.value("content", json()) : json();
            sink({AnswerPart::Kind::text, text, tokens.is_array() ? dumped(tokens) : ""});
          }
          const json calls = delta.value("tool_calls", json());
          for (const json& one : calls.is_array() ? calls : json::array()) {
            const json function = one.is_object() ? one.value("function", json()) : json();
            if (const std::string name = text_of(function, "name"); !name.empty()) {
              sink({AnswerPart::Kind::call, name});
            }
            if (const std::string more = text_of(function, "arguments"); !more.empty()) {
              sink({AnswerPart::Kind::arguments, more});
            }
          }
        },
        [](const CallReader::Sink&) {});
  }

  static std::string text_of(const json& object, const char* name) {
    const json value = object.is_object() ? object.value(name, json()) : json();
    return value.is_string() ? value.get<std::string>() : std::string();
  }

  // Sends the body of a streamed chat completion and says its answer in the form of the client's
  // API. `take_choice`: what a piece of it is but for thoughts; `finish`: what is left at its end.
  base::Status relay(Call& call, Role role, const std::string& model, const std::string& made,
                     const json& body, bool streamed,
                     const std::function<void(const json&, const CallReader::Sink&)>& take_choice,
                     const std::function<void(const CallReader::Sink&)>& finish) {
    engine::RawRequest raw;
    raw.path = "/v1/chat/completions";
    raw.body = made;
    if (in_pieces(call, raw.body)) {
      raw.prompt = as_chat_completion(Form::openai, raw.body);
    }
    raw.caller = call.caller;
    raw.answer =
        streamed ? engine::RawRequest::Answer::streamed : engine::RawRequest::Answer::whole;
    const json options = body.is_object() ? body.value("stream_options", json()) : json();
    CallWriter writer(call.form, model,
                      streamed ? CallWriter::Delivery::streamed : CallWriter::Delivery::whole,
                      options.is_object() && options.value("include_usage", json()) == true
                          ? CallWriter::Usage::told
                          : CallWriter::Usage::left_out);
    net::EventStream events;
    AnswerScanner counts(model);
    std::optional<Refusal> refusal;
    std::string reason;
    int refused = 0;
    bool finished = false, cut = false, listening = true;
    // An engine that does not tell sends a token a piece.
    long thoughts = 0;
    std::optional<long> reasoning;
    const auto say = [&](const std::string& bytes) {
      if (!bytes.empty()) listening = listening && call.answer.bytes(bytes);
    };
    const auto part = [&](const AnswerPart& one) { say(writer.take(one)); };
    const auto take = [&](const net::Event& event) {
      const json chunk = base::foreign_json(event.data);
      if (!chunk.is_object()) return true;
      if (chunk.contains("error")) {
        const json& error = chunk["error"];
        const json code = error.is_object() ? error.value("code", json()) : json();
        refusal = refusal_of_engine(code.is_number_integer() ? code.get<int>() : 500, event.data);
        return false;
      }
      const json::json_pointer told("/usage/completion_tokens_details/reasoning_tokens");
      if (chunk.contains(told) && chunk[told].is_number()) reasoning = chunk[told].get<long>();
      const json::json_pointer place("/choices/0");
      if (!chunk.contains(place) || !chunk[place].is_object()) return true;
      const json& choice = chunk[place];
      if (const json delta = choice.value("delta", json()); delta.is_object()) {
        // llama-server's name and that of others.
        std::string thought = text_of(delta, "reasoning_content");
        if (thought.empty()) thought = text_of(delta, "reasoning");
        if (!thought.empty()) {
          ++thoughts;
          part({AnswerPart::Kind::thought, thought});
        }
        take_choice(choice, part);
      }
      if (const json ended = choice.value("finish_reason", json()); ended.is_string()) {
        finished = true;
        cut = ended == "length";
      }
      return listening;
    };
    TRY(parts_.engines.forward(
        role, raw,
        [&](const engine::RawHead& head) {
          if (head.status >= 400) {
            refused = head.status;
            return;
          }
          if (!streamed) return;
          begin_stream(call);
          say(writer.begin());
        },
        [&](std::string_view piece) {
          if (refused != 0) {
            reason += piece.substr(0, longest_refusal - reason.size());
            return true;
          }
          (void)counts.feed(piece);
          // An engine that sends no events at all is found out by its having finished nothing.
          return events.feed(piece, take).has_value() && !refusal && listening;
        },
        call.request.stop));
    const AnswerUsage usage{counts.tokens_in(), counts.tokens_cached(), counts.tokens_out(),
                            std::min(reasoning.value_or(thoughts), counts.tokens_out())};
    call.served.tokens_in = usage.prompt;
    call.served.tokens_out = usage.completion;
    if (!listening) return fail(ErrorKind::cancelled, "cancelled");
    if (refused != 0) refusal = refusal_of_engine(refused, reason);
    if (refusal) {
      refuse(call, *refusal);
      return {};
    }
    if (!finished) {
      return fail(ErrorKind::unavailable, "engine.bad_answer",
                  {{"role", std::string(name_of(role))}, {"detail", "stream"}});
    }
    finish(part);
    const std::string rest = writer.end(cut, usage);
    if (streamed) {
      say(rest);
    } else {
      reply(call, with_left_out(call, rest));
    }
    return {};
  }

  // ---- lar/assistant ----

  // The text of the last message of the user.
  static Result<std::string> question_of(const json& body) {
    const json& messages = body["messages"];
    for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
      if (!message->is_object() || message->value("role", json()) != "user") continue;
      const json content = message->value("content", json());
      std::string text;
      if (content.is_string()) text = content.get<std::string>();
      if (content.is_array()) {
        for (const json& part : content) {
          if (part.is_object() && part.value("type", json()) == "text" && part.contains("text") &&
              part["text"].is_string()) {
            text += (text.empty() ? "" : "\n") + part["text"].get<std::string>();
          }
        }
      }
      if (!text.empty()) return text;
      break;
    }
    return fail(ErrorKind::invalid_input, "client.no_question", {{"field", "messages"}});
  }

  static std::string sources_of(const json& citations, base::Language language) {
    if (!citations.is_array() || citations.empty()) return {};
    std::string text = "\n\n" + base::message("client.sources", {}, language);
    for (const json& citation : citations) {
      text +=
          "\n[" + std::to_string(citation.value("number", 0)) + "] " + citation.value("title", "");
      if (citation.contains("when") && citation["when"].is_string()) {
        text += ", " + citation["when"].get<std::string>().substr(0, 10);
      }
      text += ": “" + citation.value("quote", "") + "”";
    }
    return text;
  }

  base::Status ask_assistant(Call& call, const json& body, bool streamed) {
    TRY_ASSIGN(const std::string question, question_of(body));
    const std::string id = "chatcmpl-" + base::Id::make().text();
    const std::int64_t created = base::Clock::now() / base::one_second;
    const auto chunk = [&](const json& delta, const json& reason) {
      return "data: " +
             dumped(
                 {{"id", id},
                  {"object", "chat.completion.chunk"},
                  {"created", created},
                  {"model", assistant},
                  {"choices", json::array({json{
                                  {"index", 0}, {"delta", delta}, {"finish_reason", reason}}})}}) +
             "\n\n";
    };
    std::string text;
    json done;
    bool listening = true;
    bool said_role = false;
    const auto say = [&](const std::string& piece) {
      if (piece.empty()) return;
      text += piece;
      if (!streamed) return;
      if (!said_role) {
        said_role = true;
        begin_stream(call);
        listening = call.answer.bytes(chunk({{"role", "assistant"}, {"content", ""}}, json()));
      }
      listening = listening && call.answer.bytes(chunk({{"content", piece}}, json()));
    };
    Request ask;
    ask.method = "POST";
    ask.path = "/ask";
    ask.body = dumped({{"question", question}, {"remember", false}});
    ask.language = call.request.language;
    ask.stop = call.request.stop;
    const Response response = parts_.ask(ask, [&](std::string_view name, const json& data) {
      if (name == "claim") {
        std::string marks;
        for (const json& citation : data.at("citations")) {
          marks += "[" + std::to_string(citation.value("number", 0)) + "]";
        }
        say((text.empty() ? "" : "\n") + data.value("text", "") + " " + marks);
      } else if (name == "waiting") {
        wait_in_line(call, streamed, data.value("position", 1),
                     std::chrono::milliseconds(static_cast<std::int64_t>(call.since())));
      } else if (name == "text") {
        say(data.value("delta", ""));
      } else if (name == "done") {
        done = data;
      }
      return listening;
    });
    if (!listening || call.request.stop.stop_requested()) {
      return fail(ErrorKind::cancelled, "cancelled");
    }
    if (response.status >= 400 || !done.is_object()) {
      const json error = base::foreign_json(response.body);
      Refusal refusal;
      refusal.status = response.status >= 400 ? response.status : 500;
      if (error.is_object() && error.contains("error")) {
        refusal.message = error["error"].value("message", "");
      }
      refuse(call, refusal);
      return {};
    }
    // What was not said claim by claim: that nothing was found.
    if (text.empty()) say(done.value("answer", ""));
    if (done.value("basis", "") == "model" && !done.value("declined", false)) {
      say("\n\n" + base::message("client.from_model", {}, call.request.language));
    }
    say(sources_of(done["citations"], call.request.language));
    const json& tokens = done["tokens"];
    call.served.tokens_in = tokens.value("prompt", 0L);
    call.served.tokens_out = tokens.value("completion", 0L);
    const json usage = {{"prompt_tokens", call.served.tokens_in},
                        {"completion_tokens", call.served.tokens_out},
                        {"total_tokens", call.served.tokens_in + call.served.tokens_out},
                        {"prompt_tokens_details", {{"cached_tokens", tokens.value("cached", 0L)}}}};
    if (!streamed) {
      reply(
          call,
          dumped({{"id", id},
                  {"object", "chat.completion"},
                  {"created", created},
                  {"model", assistant},
                  {"choices",
                   json::array({json{
                       {"index", 0},
                       {"message", {{"role", "assistant"}, {"content", text}, {"refusal", json()}}},
                       {"logprobs", json()},
                       {"finish_reason", "stop"}}})},
                  {"usage", usage}}));
      return {};
    }
    std::string last = chunk(json::object(), "stop");
    const json options = body.value("stream_options", json());
    if (options.is_object() && options.value("include_usage", json()) == true) {
      last += "data: " +
              dumped({{"id", id},
                      {"object", "chat.completion.chunk"},
                      {"created", created},
                      {"model", assistant},
                      {"choices", json::array()},
                      {"usage", usage}}) +
              "\n\n";
    }
    call.answer.bytes(last + "data: [DONE]\n\n");
    return {};
  }

  const GatewayParts parts_;
  const base::Microseconds started_;
  std::set<Role> roles_;  // that clients can ask
  std::mutex tried_mutex_;
  std::map<std::string, bool> tried_;  // by model: whether it makes tool calls by itself
  std::set<std::string> lacking_;      // model and route that its engine does not know
  Metrics metrics_;
};

}  // namespace

std::unique_ptr<Gateway> Gateway::make(GatewayParts parts) {
  return std::make_unique<GatewayImplementation>(std::move(parts));
}

std::vector<RouteName> Gateway::routes() {
  std::vector<RouteName> names;
  for (const ClientRoute& route : client_routes) {
    names.push_back({std::string(route.method), std::string(route.path), route.needs_key});
  }
  return names;
}

bool Gateway::owns(std::string_view path) {
  return path.starts_with("/v1/") || find("", path).path_known;
}

bool Gateway::takes_media(std::string_view path) {
  return std::any_of(client_routes.begin(), client_routes.end(), [&](const ClientRoute& route) {
    return route.takes_media && route.path == path;
  });
}

std::string Gateway::refusal(std::string_view path, bool anthropic, int status, const Error& error,
                             base::Language language) {
  return dumped(in_form(refusal_of(error, language, status), form_of(path, anthropic)));
}

}  // namespace lar::api
