// The application and its routes. Routes are a table; each has a schema file of its own in
// schemas/, against which queries and bodies are checked before the handler runs. Handlers run on
// the caller's thread.
#include "api/application.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>

#include "agent/embedder.h"
#include "agent/query.h"
#include "agent/query_vector.h"
#include "api/assistant_routes.h"
#include "api/client_keys.h"
#include "api/gateway.h"
#include "api/outside_engines.h"
#include "api/rehearsal.h"
#include "api/render.h"
#include "api/summaries.h"
#include "api/uploads.h"
#include "api/validation.h"
#include "assistant/desk.h"
#include "assistant/judgement.h"
#include "assistant/voice.h"
#include "base/foreign_json.h"
#include "base/messages.h"
#include "base/percent.h"
#include "copilot/copilot.h"
#include "engine/answer_cache.h"
#include "engine/backend.h"
#include "engine/contract.h"
#include "engine/engine.h"
#include "engine/gguf.h"
#include "engine/models.h"
#include "guard/egress.h"
#include "guard/secrets.h"
#include "os/base64.h"
#include "os/file.h"
#include "os/process.h"
#include "reading/reading_service.h"
#include "sources/consent.h"
#include "sources/sync_service.h"
#include "store/store.h"

namespace lar::api {
namespace {

using base::ErrorKind;
using base::fail;
using base::Id;
using base::Result;
using nlohmann::json;

constexpr const char* version = "0.1.0";
// Cosine of query and passage. EmbeddingGemma gives 0.5 and more to an answer in either language
// and less than 0.2 to unrelated lines.
constexpr float least_similarity = 0.4F;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

class ApplicationImplementation final : public Application {
 public:
  explicit ApplicationImplementation(ApplicationOptions options) : options_(std::move(options)) {}

  ~ApplicationImplementation() override { shut_down(); }

  base::Status open() {
    TRY_ASSIGN(store_, store::Store::open(options_.home));
    TRY_ASSIGN(const std::string zone, store_->setting("zone"));
    if (!zone.empty()) base::Clock::prefer_zone(zone);
    TRY_ASSIGN(const std::string sealed, store_->setting("sealed"));
    egress_ = std::make_unique<guard::Egress>(
        [this](const std::string& summary, const std::string& detail) {
          (void)store_->write_journal("egress", summary, detail);
        },
        sealed == "1" ? guard::Sealed::yes : guard::Sealed::no);
    TRY_ASSIGN(secrets_,
               guard::Secrets::open(options_.home + "/secrets.json", guard::default_key_file()));
    outside_engines_ = std::make_unique<OutsideEngines>(*store_, *egress_, *secrets_);
    TRY_ASSIGN(models_, engine::Models::open(options_.models_folder));
    TRY_ASSIGN(engines_, engine::Engines::open(engine_options()));
    if (!options_.answer_cache.empty()) {
      TRY(os::make_folders(options_.answer_cache));
      engines_ = engine::with_answer_cache(std::move(engines_), options_.answer_cache,
                                           engine::server_identity(options_.server_program));
    }
    TRY_ASSIGN(reading_,
               reading::ReadingService::start({.worker_program = options_.reader_program}));
    outside_.emplace(sources::Outside{*egress_, *secrets_});
    const bool watch = options_.background == ApplicationOptions::Background::watch;
    const auto changed = [this](const Id&) {
      embedder_wake();
      desk_->watcher().wake();
      announce();
    };
    embedder_ = std::make_unique<agent::Embedder>(*store_, *engines_);
    assistant::Desk::Options desk_options;
    desk_options.home = options_.home;
    desk_options.watch = watch;
    desk_options.changed = [this] { announce_assistant(); };
    desk_options.source_changed = [this](const Id& source) {
      if (sync_) (void)sync_->request(source);
    };
    if (watch) desk_options.channel = assistant::desktop_channel();
    desk_options.apply = [this](const Id& source, const sources::Change& change,
                                std::stop_token stop) {
      return sync_->apply(source, change, std::move(stop));
    };
    desk_options.send = [this](const Id& source, const sources::Outgoing& mail,
                               std::stop_token stop) {
      return sync_->send(source, mail, std::move(stop));
    };
    desk_ =
        std::make_unique<assistant::Desk>(*store_, *engines_, *reading_, std::move(desk_options));
    assistant_ = std::make_unique<AssistantRoutes>(*store_, *desk_);
    sources::SyncOptions sync_options;
    sync_options.outside = &*outside_;
    sync_options.watch = watch;
    sync_options.sync_at_start = watch;
    sync_options.changed = changed;
    TRY_ASSIGN(sync_, sources::SyncService::start(*store_, *reading_, std::move(sync_options)));
    if (watch) embedder_->start([this] { announce(); });
    TRY(desk_->start());
    uploads_ = std::make_unique<Uploads>(options_.home);
    routes_ = make_routes();
    keys_ = std::make_unique<ClientKeys>(*store_);
    TRY(keys_->load());
    gateway_ = Gateway::make(
        {.engines = *engines_,
         .store = *store_,
         .keys = *keys_,
         .ask = [this](const Request& request,
                       const EventSink& sink) { return handle(request, sink); },
         .somebody_waits = [this]() -> std::shared_ptr<void> {
           return std::make_shared<SomebodyWaits>(*embedder_, desk_->watcher());
         },
         .tool_route = [this](engine::Role role, int offered) -> std::optional<engine::ToolRoute> {
           const auto contract = contract_behind(role);
           return contract ? engine::tool_route(*contract, offered) : std::nullopt;
         },
         .prompt_style =
             [this](engine::Role role) {
               const auto contract = contract_behind(role);
               return contract ? contract->prompt_style : engine::PromptStyle::unknown;
             }});
    if (watch) checking_ = std::jthread([this](std::stop_token stop) { check_unmeasured(stop); });
    return {};
  }

  std::vector<RouteName> routes() const override {
    std::vector<RouteName> names;
    for (const Route& route : routes_) names.push_back({route.method, route.path});
    return names;
  }

  bool streams(const Request& request) const override {
    const Match match = find(request);
    return match.route != nullptr && match.route->stream;
  }

  Response handle(const Request& request, const EventSink& sink) override {
    const Match match = find(request);
    if (match.route == nullptr) {
      return failure({ErrorKind::not_found,
                      "api.unknown_route",
                      {{"method", request.method}, {"path", request.path}},
                      base::Retry::no,
                      {}},
                     request.language);
    }
    try {
      Call call{request, match.parameter, json::object(), sink};
      if (!request.body.empty()) {
        call.body = base::foreign_json(request.body);
        if (call.body.is_discarded()) {
          return failure({ErrorKind::invalid_input,
                          "api.malformed_json",
                          {{"detail", "syntax"}},
                          base::Retry::no,
                          {}},
                         request.language);
        }
      }
      if (auto valid = validate_request(match.route->schema, request.query, call.body); !valid) {
        return failure(valid.error(), request.language);
      }
      Result<Response> response = (this->*match.route->handler)(call);
      if (!response) {
        if (response.error().kind != ErrorKind::cancelled) note_error(response.error());
        return failure(response.error(), request.language);
      }
      return std::move(*response);
    } catch (const std::exception& exception) {
      // Only third-party code throws; what it says may hold private text, so only its type is told.
      return failure({ErrorKind::internal,
                      "api.internal",
                      {{"detail", typeid(exception).name()}},
                      base::Retry::no,
                      {}},
                     request.language);
    }
  }

  Gateway* gateway() override { return gateway_.get(); }

  void shut_down() override {
    if (closed_.exchange(true)) return;
    announce();
    checking_.request_stop();
    if (embedder_) embedder_->stop();
    if (desk_) desk_->stop();
    sync_.reset();
    reading_.reset();
    if (engines_) engines_->close();
    // Behind the engines: no question that tries one out outlasts it.
    checking_ = {};
  }

 private:
  struct Call {
    const Request& request;
    std::string parameter;  // {id} of the path
    json body;
    const EventSink& sink;
  };
  using Handler = Result<Response> (ApplicationImplementation::*)(const Call&);
  // While one lives, the background steps back.
  struct SomebodyWaits {
    SomebodyWaits(agent::Embedder& embedder, assistant::Watcher& watcher)
        : embeds(embedder), judges(watcher) {}
    agent::Embedder::Pause embeds;
    assistant::Watcher::Pause judges;
  };
  struct Route {
    std::string method;
    std::string path;  // may hold one {id}
    std::string schema;
    Handler handler;
    bool stream = false;
  };
  struct Match {
    const Route* route = nullptr;
    std::string parameter;
  };

  engine::EngineOptions engine_options() const {
    engine::EngineOptions options;
    options.home = options_.home;
    options.models_folder = options_.models_folder;
    options.models = models_;
    options.server_program = options_.server_program;
    options.keep_prompts = true;
    options.outside = [this](engine::Role role, const std::string& address) {
      return outside_engines_->access(role, address);
    };
    return options;
  }

  static std::vector<Route> make_routes() {
    using A = ApplicationImplementation;
    return {
        {"GET", "/status", "status", &A::get_status},
        {"GET", "/sources", "sources", &A::get_sources},
        {"POST", "/sources", "add_source", &A::add_source},
        {"DELETE", "/sources/{id}", "remove_source", &A::remove_source},
        {"POST", "/consents", "consent", &A::consent, true},
        {"POST", "/uploads", "begin_upload", &A::begin_upload},
        {"POST", "/uploads/{id}", "upload", &A::upload},
        {"POST", "/sync", "sync", &A::sync_now, true},
        {"GET", "/search", "search", &A::search},
        {"POST", "/ask", "ask", &A::ask, true},
        {"GET", "/conversations", "conversations", &A::conversations},
        {"GET", "/conversations/{id}", "conversation", &A::conversation},
        {"POST", "/turns/{id}/correction", "correct", &A::correct},
        {"GET", "/items/{id}", "item", &A::item},
        {"GET", "/items/{id}/original", "original", &A::original},
        {"POST", "/household", "set_household", &A::set_household},
        {"POST", "/roles/defaults", "bind_defaults", &A::bind_defaults},
        {"GET", "/models", "models", &A::models},
        {"POST", "/models/use", "use_model", &A::use_model},
        {"POST", "/models/add", "add_model", &A::add_model},
        {"POST", "/models/check", "check_model", &A::check_model, true},
        {"POST", "/models/compare", "compare_model", &A::compare_model, true},
        {"GET", "/models/plan", "plan_models", &A::plan_models},
        {"GET", "/models/work", "work", &A::work},
        {"GET", "/models/questions", "questions", &A::questions},
        {"POST", "/models/questions", "set_questions", &A::set_questions},
        {"POST", "/models/background", "set_background", &A::set_background},
        {"DELETE", "/models/kept", "forget_kept", &A::forget_kept},
        {"GET", "/models/show", "show_model", &A::show_model},
        {"POST", "/models/pull", "pull_model", &A::pull_model, true},
        {"GET", "/keys", "keys", &A::keys},
        {"POST", "/keys", "add_key", &A::add_key},
        {"DELETE", "/keys/{id}", "remove_key", &A::remove_key},
        {"GET", "/cards", "cards", &A::assist<&AssistantRoutes::cards>},
        {"GET", "/cards/{id}", "card", &A::assist<&AssistantRoutes::card>},
        {"POST", "/cards/{id}", "set_card", &A::assist<&AssistantRoutes::set_card>},
        {"GET", "/brief", "brief", &A::assist<&AssistantRoutes::brief>},
        {"GET", "/brief/audio", "brief_audio", &A::brief_audio},
        {"POST", "/contacts", "write_contact", &A::assist<&AssistantRoutes::contact>},
        {"GET", "/actions", "actions", &A::assist<&AssistantRoutes::actions>},
        {"POST", "/actions/{id}", "act", &A::assist<&AssistantRoutes::act>},
        {"POST", "/summaries", "summarise", &A::summarise, true},
        {"POST", "/plans", "plan", &A::assist<&AssistantRoutes::plan>},
        {"GET", "/memory", "memories", &A::assist<&AssistantRoutes::memories>},
        {"POST", "/memory", "remember", &A::assist<&AssistantRoutes::remember>},
        {"DELETE", "/memory/{id}", "forget", &A::assist<&AssistantRoutes::forget>},
        {"GET", "/attention", "attention", &A::assist<&AssistantRoutes::attention>},
        {"POST", "/attention", "set_attention", &A::assist<&AssistantRoutes::set_attention>},
        {"GET", "/replay", "replay", &A::assist<&AssistantRoutes::replay>},
        {"GET", "/items/{id}/verdict", "verdict", &A::assist<&AssistantRoutes::verdict>},
        {"POST", "/items/{id}/verdict", "teach", &A::assist<&AssistantRoutes::teach>},
        {"GET", "/journal", "journal", &A::journal},
        {"GET", "/egress", "egress", &A::egress},
        {"POST", "/egress", "seal", &A::seal},
        {"GET", "/doctor", "doctor", &A::doctor},
        {"GET", "/events", "events", &A::events, true},
    };
  }

  Match find(const Request& request) const {
    for (const Route& route : routes_) {
      if (route.method != request.method) continue;
      const size_t brace = route.path.find("{id}");
      if (brace == std::string::npos) {
        if (route.path == request.path) return {&route, {}};
        continue;
      }
      const std::string_view before = std::string_view(route.path).substr(0, brace);
      const std::string_view after = std::string_view(route.path).substr(brace + 4);
      const std::string_view path = request.path;
      if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
          !path.ends_with(after)) {
        continue;
      }
      const std::string_view id =
          path.substr(before.size(), path.size() - before.size() - after.size());
      if (id.find('/') == std::string_view::npos) return {&route, base::percent_decode(id)};
    }
    return {};
  }

  static Response failure(const base::Error& error, base::Language language) {
    return {http_status(error.kind), "application/json", error_json(error, language).dump(), {}};
  }
  static Response reply(const json& value, int status = 200) {
    // Texts are clean UTF-8 in the store; `replace` guards what comes from elsewhere.
    return {
        status, "application/json", value.dump(-1, ' ', false, json::error_handler_t::replace), {}};
  }
  void note_error(const base::Error& error) {
    json detail = {{"code", error.code}};
    for (const auto& [name, value] : error.parameters) detail["params"][name] = value;
    (void)store_->write_journal("error", error.code, detail.dump());
  }

  void embedder_wake() {
    if (embedder_) embedder_->wake();
  }
  void announce() {
    {
      const std::lock_guard lock(change_mutex_);
      ++changes_;
    }
    change_.notify_all();
  }

  void announce_assistant() {
    ++assistant_changes_;
    announce();
  }

  static Result<Id> parse_id(const std::string& text) {
    if (const auto id = Id::parse(text)) return *id;
    return fail(ErrorKind::invalid_input, "item.malformed_id", {{"id", text}});
  }

  // ---- status ----

  static json calls_json(const engine::EngineStatus& status) {
    json calls = json::array();
    for (const engine::WaitingCall& call : status.calls) {
      calls.push_back({{"client", call.caller.client},
                       {"class", engine::name_of(call.caller.urgency)},
                       {"position", call.position}});
    }
    return calls;
  }

  json roles_json(base::Language language) {
    json roles = json::array();
    for (const engine::EngineStatus& status : engines_->status()) {
      json role = {{"role", engine::name_of(status.role)},
                   {"model", status.model.empty() ? json() : json(status.model)},
                   {"state", engine::name_of(status.state)},
                   {"pid", status.pid},
                   {"memory_bytes", status.memory_bytes},
                   {"context", status.context}};
      role["calls"] = calls_json(status);
      if (!status.next_model.empty()) role["next_model"] = status.next_model;
      if (status.prompt_speed > 0) role["prompt_speed"] = std::round(status.prompt_speed);
      if (status.error) role["error"] = render_error(*status.error, language);
      roles.push_back(std::move(role));
    }
    return roles;
  }

  // What work in the background may cost a day and has cost; no limit and no reading are null.
  json background_json(base::Language language) {
    const engine::BackgroundStatus status = engines_->background();
    const auto limit = [](auto value) { return value > 0 ? json(value) : json(); };
    json result = {{"limit",
                    {{"tokens", limit(status.limit.tokens)},
                     {"minutes", limit(status.limit.minutes)},
                     {"watt_hours", limit(status.limit.watt_hours)}}},
                   {"used",
                    {{"tokens", status.used.tokens},
                     {"minutes", status.used.minutes},
                     {"watt_hours", status.energy_known ? json(status.used.watt_hours) : json()}}}};
    if (status.error) result["error"] = render_error(*status.error, language);
    return result;
  }

  // Long prompts on disk, and what they have spared since lar started.
  json kept_json(base::Language language) {
    const engine::KeptStatus kept = engines_->kept();
    json result = {{"files", kept.files},           {"bytes", kept.bytes},
                   {"limit", kept.limit},           {"saved", kept.saved},
                   {"restored", kept.restored},     {"restored_tokens", kept.restored_tokens},
                   {"recomputed", kept.recomputed}, {"damaged", kept.damaged}};
    if (kept.error) result["error"] = render_error(*kept.error, language);
    return result;
  }

  Result<json> status_json(base::Language language) {
    TRY_ASSIGN(const store::Counts counts, store_->counts());
    store::VectorProgress vectors;
    if (const std::string space = engines_->embed_space(); !space.empty()) {
      TRY_ASSIGN(vectors, store_->vector_progress(space));
    }
    json next_vectors;
    if (const std::string space = engines_->next_embed_space(); !space.empty()) {
      TRY_ASSIGN(const store::VectorProgress next, store_->vector_progress(space));
      next_vectors = {{"done", next.done}, {"total", next.total}};
    }
    TRY_ASSIGN(const std::string household, store_->setting("household"));
    const std::string zone = base::Clock::zone();
    json result = {{"version", version},
                   {"home", options_.home},
                   {"now", base::format_rfc3339(base::Clock::now(), zone)},
                   {"zone", zone},
                   {"language", base::language_code(base::environment_language())},
                   {"household", household.empty() ? json() : json(household)},
                   {"counts",
                    {{"items", counts.items},
                     {"passages", counts.passages},
                     {"vectors_done", vectors.done},
                     {"vectors_total", vectors.total}}},
                   {"next_vectors", std::move(next_vectors)},
                   {"background", background_json(language)},
                   {"kept", kept_json(language)},
                   {"engines", roles_json(language)},
                   {"sealed", egress_->sealed()}};
    TRY_ASSIGN(const std::int64_t to_judge, store_->assistant().count_to_judge());
    result["counts"]["mails_to_judge"] = to_judge;
    if (const auto error = embedder_->last_error()) {
      result["embedding_error"] = render_error(*error, language);
    }
    return result;
  }

  Result<Response> get_status(const Call& call) {
    TRY_ASSIGN(const json status, status_json(call.request.language));
    return reply(status);
  }

  // ---- the home ----

  Result<Response> set_household(const Call& call) {
    for (const char* name : {"household", "owner", "zone"}) {
      if (!call.body.contains(name)) continue;
      const auto value = call.body[name].get<std::string>();
      if (name == std::string_view("zone")) {
        if (!base::zone_exists(value)) {
          return fail(ErrorKind::invalid_input, "household.unknown_zone", {{"zone", value}});
        }
        base::Clock::prefer_zone(value);
      }
      TRY(store_->set_setting(name, value));
    }
    if (call.body.contains("addresses")) {
      TRY(store_->set_setting("addresses", call.body["addresses"].dump()));
    }
    announce();
    return get_status(call);
  }

  Result<Response> bind_defaults(const Call& call) {
    TRY(engines_->bind_defaults());
    for (const engine::EngineStatus& status : engines_->status()) check_soon(status.role);
    embedder_wake();
    announce();
    return reply({{"roles", roles_json(call.request.language)}});
  }

  // ---- sources ----

  static json notices_json(const sources::SyncReport& report, size_t most,
                           base::Language language) {
    json notices = json::array();
    for (auto entry = report.notices.rbegin(); entry != report.notices.rend(); ++entry) {
      if (notices.size() >= most) break;
      const auto& [about, notice] = *entry;
      json parameters = json::object();
      for (const auto& [name, value] : notice.parameters) parameters[name] = value;
      notices.push_back({{"code", notice.code},
                         {"params", std::move(parameters)},
                         {"message", base::message(notice.code, notice.parameters, language)},
                         {"external_id", about}});
    }
    return notices;
  }

  static json source_json(const sources::SourceStatus& status, base::Language language) {
    const bool running = status.state == sources::SyncState::running;
    const sources::SyncReport report = status.last_report.value_or(sources::SyncReport{});
    json progress, last_sync, error;
    if (running) progress = {{"done", status.progress.done}, {"total", status.progress.total}};
    if (status.last_sync) {
      last_sync = base::format_rfc3339(*status.last_sync, base::Clock::zone());
    }
    if (status.error) error = render_error(*status.error, language);
    return {{"id", status.source.id.text()},
            {"kind", status.source.kind},
            {"name", status.source.name},
            {"location", status.source.location},
            {"state", running        ? "syncing"
                      : status.error ? "error"
                                     : "idle"},
            {"watching", sources::name_of(status.watching)},
            {"items", status.source.items},
            {"progress", std::move(progress)},
            {"last_sync", std::move(last_sync)},
            {"error", std::move(error)},
            {"notices", notices_json(report, 50, language)},
            {"notice_count", report.notices.size()}};
  }

  json sources_json(base::Language language) {
    json list = json::array();
    for (const sources::SourceStatus& status : sync_->status()) {
      list.push_back(source_json(status, language));
    }
    return {{"sources", std::move(list)}};
  }

  Result<Response> get_sources(const Call& call) {
    return reply(sources_json(call.request.language));
  }

  Result<Response> add_source(const Call& call) {
    TRY_ASSIGN(const json added,
               take_source(call, call.body["kind"].get<std::string>(),
                           call.body.contains("settings") ? call.body["settings"].dump() : "",
                           call.body.value("secret", ""), call.request.stop));
    return reply(added, added["renewed"].get<bool>() ? 200 : 201);
  }

  // Adds the source that a call asks for, or signs in to it anew.
  Result<json> take_source(const Call& call, const std::string& kind, const std::string& settings,
                           const std::string& secret, std::stop_token stop) {
    const auto before = sync_->status();
    TRY_ASSIGN(const store::Source added,
               sync_->add(kind, call.body["path"].get<std::string>(), call.body.value("name", ""),
                          settings, secret, std::move(stop)));
    announce();
    TRY_ASSIGN(const sources::SourceStatus status, status_of(added.id));
    json answer = source_json(status, call.request.language);
    answer["renewed"] = std::any_of(
        before.begin(), before.end(),
        [&](const sources::SourceStatus& other) { return other.source.id == added.id; });
    if (!answer["renewed"].get<bool>()) TRY(desk_->hold_notices_of(added.id));
    return answer;
  }

  Result<sources::SourceStatus> status_of(const Id& source) {
    for (sources::SourceStatus& status : sync_->status()) {
      if (status.source.id == source) return std::move(status);
    }
    return fail(ErrorKind::not_found, "source.unknown", {{"source", source.text()}});
  }

  // An account that is signed in to with the provider's own page: its address first, then, when the
  // owner has said yes there, the source.
  Result<Response> consent(const Call& call) {
    const std::string provider = call.body.value("provider", "");
    const std::string kind = call.body.value("kind", "imap");
    const auto known = sources::consent_at(provider, kind);
    if (!provider.empty() && !known) {
      return fail(ErrorKind::unsupported, "consent.not_there",
                  {{"provider", provider}, {"kind", kind}});
    }
    sources::ConsentRequest request = known.value_or(sources::ConsentRequest());
    json settings = call.body.value("settings", json::object());
    json oauth = settings.value("oauth", json::object());
    const auto given = [&](const json& from, const char* name, std::string& into) {
      if (from.contains(name) && from[name].is_string()) into = from[name].get<std::string>();
    };
    given(call.body, "authorization_endpoint", request.authorization_endpoint);
    given(call.body, "client_secret", request.client_secret);
    given(oauth, "token_endpoint", request.token_endpoint);
    given(oauth, "client_id", request.client_id);
    given(oauth, "scope", request.scope);
    request.user = call.body["path"].get<std::string>();
    request.language = call.request.language;
    settings["oauth"] = {{"token_endpoint", request.token_endpoint},
                         {"client_id", request.client_id},
                         {"scope", request.scope}};
    std::stop_source stop;
    const std::stop_callback outer(call.request.stop, [&] { stop.request_stop(); });
    TRY_ASSIGN(const std::string secret, sources::ask_consent(
                                             request, *egress_,
                                             [&](const std::string& url) {
                                               if (!call.sink("open", {{"url", url}}))
                                                 stop.request_stop();
                                             },
                                             stop.get_token()));
    Call at_service = call;
    if (const std::string address = sources::service_address(provider, kind, request.user);
        !address.empty()) {
      at_service.body["path"] = address;
      if (!settings.contains("user")) settings["user"] = request.user;
    }
    // Trying the account may take some seconds more.
    call.sink("granted", json::object());
    TRY_ASSIGN(const json added,
               take_source(at_service, kind, settings.dump(), secret, stop.get_token()));
    call.sink("done", added);
    return Response{};
  }

  Result<Response> begin_upload(const Call& call) {
    TRY_ASSIGN(const Uploads::Begun begun, uploads_->begin(call.body["kind"].get<std::string>(),
                                                           call.body["name"].get<std::string>(),
                                                           call.body["size"].get<std::uint64_t>()));
    return reply({{"id", begun.id}, {"name", begun.name}, {"piece", Uploads::largest_piece}}, 201);
  }

  // A piece of the file; with the last one it becomes a source, or the source that it was grows.
  Result<Response> upload(const Call& call) {
    const auto bytes = os::from_base64(call.body["data"].get<std::string>());
    if (!bytes) return fail(ErrorKind::invalid_input, "upload.broken");
    TRY_ASSIGN(const Uploads::Piece piece,
               uploads_->add(call.parameter, call.body["offset"].get<std::uint64_t>(), *bytes));
    json answer = {{"received", piece.received}, {"source", json()}, {"replaced", piece.replaced}};
    if (piece.path.empty()) return reply(answer);
    const auto of_file = [&]() -> std::optional<sources::SourceStatus> {
      for (sources::SourceStatus& status : sync_->status()) {
        if (status.source.kind == piece.kind && status.source.location == piece.path) {
          return std::move(status);
        }
      }
      return std::nullopt;
    };
    auto source = of_file();
    if (source) {
      TRY(sync_->request(source->source.id));
    } else {
      answer["replaced"] = false;  // what lay there was no source any more
      const auto added = sync_->add(piece.kind, piece.path, "", "", "", call.request.stop);
      if (!added) {
        uploads_->forget(piece.path);
        return tl::unexpected<base::Error>(added.error());
      }
      source = of_file();
    }
    announce();
    if (source) answer["source"] = source_json(*source, call.request.language);
    return reply(answer, 201);
  }

  Result<Response> remove_source(const Call& call) {
    TRY_ASSIGN(const Id id, parse_id(call.parameter));
    const auto status = status_of(id);
    TRY_ASSIGN(const std::int64_t removed, sync_->remove(id));
    // What came from the page has no other place; files of the owner's stay where they are.
    if (status) uploads_->forget(status->source.location);
    // Prompts kept on disk hold what stood in it.
    engines_->forget_kept(engine::own_client);
    announce();
    return reply({{"removed_items", removed}});
  }

  // Waits for a sync on a thread of its own and tells the caller's sink how far it is meanwhile.
  Result<std::vector<sources::SourceStatus>> sync_and_tell(const Call& call,
                                                           const std::optional<Id>& source,
                                                           std::stop_source& stop) {
    std::optional<Result<std::vector<sources::SourceStatus>>> outcome;
    std::atomic<bool> done{false};
    const std::jthread waiter([&] {
      outcome = sync_->sync(source, stop.get_token());
      done = true;
      announce();
    });
    std::map<Id, std::int64_t> told;
    std::uint64_t seen = 0;
    while (!done) {
      {
        std::unique_lock lock(change_mutex_);
        change_.wait_for(lock, std::chrono::milliseconds(500),
                         [&] { return changes_ != seen || done; });
        seen = changes_;
      }
      for (const sources::SourceStatus& status : sync_->status()) {
        if (status.state != sources::SyncState::running) continue;
        if (source && status.source.id != *source) continue;
        const auto [entry, fresh] = told.try_emplace(status.source.id, -1);
        if (entry->second == status.progress.done) continue;
        entry->second = status.progress.done;
        if (!call.sink("progress", {{"source", status.source.id.text()},
                                    {"name", status.source.name},
                                    {"done", status.progress.done},
                                    {"total", status.progress.total},
                                    {"phase", "items"}})) {
          stop.request_stop();
        }
      }
    }
    return std::move(*outcome);
  }

  Result<Response> sync_now(const Call& call) {
    std::optional<Id> source;
    if (call.body.contains("source")) {
      TRY_ASSIGN(source, parse_id(call.body["source"]));
    }
    const std::string wait = call.body.value("wait", "items");
    if (wait == "none") {
      TRY(sync_->request(source));
      call.sink("done", {{"sources", json::array()}});
      return Response{};
    }
    std::stop_source stop;
    const std::stop_callback outer(call.request.stop, [&] { stop.request_stop(); });
    TRY_ASSIGN(const auto statuses, sync_and_tell(call, source, stop));
    announce();
    if (wait == "all") {
      std::optional<assistant::Watcher::Pause> pause;
      pause.emplace(desk_->watcher());
      const auto tell = [&](const char* phase, std::int64_t done, std::int64_t total) {
        if (!call.sink("progress", {{"source", ""},
                                    {"name", ""},
                                    {"done", done},
                                    {"total", total},
                                    {"phase", phase}})) {
          stop.request_stop();
        }
      };
      TRY(embedder_->finish(
          [&](const store::VectorProgress& progress) {
            tell("vectors", progress.done, progress.total);
          },
          stop.get_token()));
      pause.reset();
      TRY(desk_->watcher().finish(
          assistant::Watcher::Models::embed,
          [&](std::int64_t judged, std::int64_t all) { tell("mails", judged, all); },
          stop.get_token()));
    } else {
      embedder_wake();
    }
    json list = json::array();
    for (const sources::SourceStatus& status : statuses) {
      json entry = {{"id", status.source.id.text()}, {"name", status.source.name}};
      if (status.error) {
        entry["error"] = render_error(*status.error, call.request.language);
      } else if (status.last_report) {
        const sources::SyncReport& report = *status.last_report;
        entry["added"] = report.added;
        entry["changed"] = report.changed;
        entry["removed"] = report.removed;
        entry["unchanged"] = report.unchanged;
        entry["failed"] = report.failed;
        entry["notices"] =
            notices_json(report, sources::SyncReport::most_notices, call.request.language);
      }
      list.push_back(std::move(entry));
    }
    call.sink("done", {{"sources", std::move(list)}});
    return Response{};
  }

  // ---- search, ask, items ----

  Result<Response> search(const Call& call) {
    const auto& given = call.request.query;
    const auto value = [&](const char* name) -> std::string {
      const auto found = given.find(name);
      return found == given.end() ? std::string() : found->second;
    };
    const std::string zone = base::Clock::zone();
    const agent::Query query = agent::understand(value("q"), base::Clock::now(), zone);
    store::SearchRequest request;
    request.text = query.search_text;
    request.kind = query.kind;
    request.person = query.person;
    request.after = query.after;
    request.before = query.before;
    request.limit = std::clamp(std::atoi(value("limit").c_str()), 0, 200);
    if (request.limit == 0) request.limit = 10;
    if (!value("kind").empty()) request.kind = domain::item_kind_from(value("kind"));
    if (!value("source").empty()) {
      TRY_ASSIGN(request.source, parse_id(value("source")));
    }
    if (!value("person").empty()) request.person = value("person");
    for (const auto& [name, target] :
         {std::pair{"after", &request.after}, std::pair{"before", &request.before}}) {
      if (value(name).empty()) continue;
      const auto day = base::parse_date(value(name));
      if (!day) return fail(ErrorKind::invalid_input, "time.malformed", {{"text", value(name)}});
      *target = base::from_local({*day, 0, 0, 0}, zone);
    }
    std::string mode = "text";
    {
      const SomebodyWaits pause(*embedder_, desk_->watcher());
      // Without its vector a query still finds by words; the mode says so.
      TRY_ASSIGN(auto vector, agent::query_vector(*engines_, request.text, call.request.stop));
      if (vector) {
        request.vector = std::move(vector->values);
        request.vector_model = std::move(vector->space);
        mode = "hybrid";
      }
    }
    TRY_ASSIGN(auto hits, store_->search(request));
    // Every passage is near to some degree: what shares no word with the query must mean the same.
    std::erase_if(hits, [&](const store::Hit& hit) {
      return !request.vector.empty() && hit.text_rank == 0 && hit.similarity < least_similarity;
    });
    const std::vector<std::string> terms = agent::content_words(request.text);
    PartTexts texts(*store_);
    json list = json::array();
    for (const store::Hit& hit : hits) {
      list.push_back(render_hit(hit, terms, texts, call.request.language));
    }
    const auto day = [&](const std::optional<base::Microseconds>& time) {
      return time ? json(base::format_date(base::to_local(*time, zone).date)) : json();
    };
    return reply({{"hits", std::move(list)},
                  {"understood",
                   {{"terms", terms},
                    {"after", day(request.after)},
                    {"before", day(request.before)},
                    {"kind", request.kind ? json(domain::name_of(*request.kind)) : json()},
                    {"person", request.person.empty() ? json() : json(request.person)}}},
                  {"mode", mode}});
  }

  Result<Response> ask(const Call& call) {
    const SomebodyWaits pause(*embedder_, desk_->watcher());
    copilot::AskRequest request;
    request.question = call.body["question"];
    if (call.body.contains("conversation")) {
      TRY_ASSIGN(request.conversation, parse_id(call.body["conversation"]));
    }
    const std::string mode = call.body.value("mode", "auto");
    request.mode = mode == "data"       ? copilot::Mode::data
                   : mode == "model"    ? copilot::Mode::model
                   : mode == "passages" ? copilot::Mode::passages
                   : mode == "judged"   ? copilot::Mode::judged
                                        : copilot::Mode::any;
    request.remember = call.body.value("remember", true);
    std::stop_source stop;
    const std::stop_callback outer(call.request.stop, [&] { stop.request_stop(); });
    const auto send = [&](std::string_view name, const json& data) {
      if (!call.sink(name, data)) stop.request_stop();
    };
    PartTexts texts(*store_);
    const base::Language language = call.request.language;
    copilot::AskEvents listeners;
    // Everybody waits a moment for a step of the background's: nothing to speak of.
    bool told = false;
    listeners.waits = [&](int position, std::chrono::milliseconds waited) {
      if (position == 0 ? !told : waited < std::chrono::seconds(1)) return;
      told = position > 0;
      send("waiting", {{"position", position}});
    };
    listeners.retrieved = [&](const std::vector<copilot::ReadPassage>& passages) {
      json list = json::array();
      for (const auto& passage : passages) list.push_back(render_read(passage, texts, language));
      send("retrieved", {{"passages", std::move(list)}});
    };
    listeners.claim = [&](const copilot::Claim& claim,
                          const std::vector<copilot::Citation>& citations) {
      json list = json::array();
      for (const auto& citation : citations) {
        list.push_back(render_citation(citation, texts, language));
      }
      send("claim", {{"text", claim.text}, {"citations", std::move(list)}});
    };
    listeners.text = [&](std::string_view delta) { send("text", {{"delta", delta}}); };
    TRY_ASSIGN(const copilot::Answer answer,
               copilot::ask(*store_, *engines_, request, listeners, stop.get_token()));
    const json detail = {{"model", answer.model},
                         {"basis", answer.basis == copilot::Basis::data ? "data" : "model"},
                         {"passages", answer.read.size()},
                         {"claims", answer.claims.size()},
                         {"declined", answer.declined},
                         {"prompt_tokens", answer.prompt_tokens},
                         {"cached_tokens", answer.cached_tokens},
                         {"completion_tokens", answer.completion_tokens},
                         {"milliseconds", static_cast<int>(answer.total_ms)}};
    TRY(store_->write_journal("model_call", "journal.ask", detail.dump()));
    send("done", render_answer(answer, texts, language));
    return Response{};
  }

  Result<Response> conversations(const Call&) {
    TRY_ASSIGN(const auto all, store_->conversations());
    json list = json::array();
    for (const store::Conversation& conversation : all) {
      list.push_back(
          {{"id", conversation.id.text()},
           {"title", conversation.title},
           {"updated", base::format_rfc3339(conversation.updated, base::Clock::zone())}});
    }
    return reply({{"conversations", std::move(list)}});
  }

  Result<Response> conversation(const Call& call) {
    TRY_ASSIGN(const Id id, parse_id(call.parameter));
    TRY_ASSIGN(const auto turns, store_->turns(id));
    PartTexts texts(*store_);
    json list = json::array();
    for (const store::Turn& turn : turns) {
      TRY_ASSIGN(copilot::Answer answer,
                 copilot::answer_from_json(json::parse(turn.answer, nullptr, false)));
      answer.turn = turn.id;
      list.push_back({{"question", turn.question},
                      {"answer", render_answer(answer, texts, call.request.language)},
                      {"correction", correction_json(turn.correction)}});
    }
    return reply({{"id", id.text()}, {"turns", std::move(list)}});
  }

  static json correction_json(const std::optional<store::Correction>& correction) {
    if (!correction) return {};
    return {{"right", correction->right}, {"text", correction->text}};
  }

  Result<store::Turn> last_turn() {
    TRY_ASSIGN(const auto conversations, store_->conversations());
    if (!conversations.empty()) {
      TRY_ASSIGN(const auto turns, store_->turns(conversations.front().id));
      if (!turns.empty()) return turns.back();
    }
    return fail(ErrorKind::not_found, "correction.nothing_asked");
  }

  // What the owner says of an answer; of the last one where the id is "last".
  Result<Response> correct(const Call& call) {
    Id turn;
    std::string question;
    if (call.parameter == "last") {
      TRY_ASSIGN(const store::Turn last, last_turn());
      turn = last.id;
      question = last.question;
    } else {
      TRY_ASSIGN(turn, parse_id(call.parameter));
    }
    std::optional<store::Correction> correction;
    if (const json right = call.body.value("right", json()); right.is_boolean()) {
      correction =
          store::Correction{right.get<bool>(), std::string(base::trim(call.body.value("text", ""))),
                            base::Clock::now()};
    }
    TRY(store_->correct_turn(turn, correction));
    return reply({{"turn", turn.text()},
                  {"question", question.empty() ? json() : json(question)},
                  {"correction", correction_json(correction)}});
  }

  // Whether the file an item refers to is still what was read.
  static bool changed_on_disk(const store::StoredItem& stored) {
    if (!stored.blob.empty()) return false;
    for (const store::Placement& placement : stored.placements) {
      if (placement.path.empty()) continue;
      struct stat status{};
      if (::stat(placement.path.c_str(), &status) != 0) return true;
      const base::Microseconds modified =
          status.st_mtim.tv_sec * base::one_second + status.st_mtim.tv_nsec / 1000;
      return static_cast<std::uint64_t>(status.st_size) != placement.size ||
             modified != placement.modified;
    }
    return false;
  }

  // By id, or by external id (Message-ID, UID, path).
  Result<Id> find_item(const std::string& name) {
    if (const auto id = Id::parse(name)) return *id;
    TRY_ASSIGN(const auto found, store_->find_item(name));
    if (!found) return fail(ErrorKind::not_found, "item.unknown", {{"id", name}});
    return *found;
  }

  Result<Response> item(const Call& call) {
    TRY_ASSIGN(const Id id, find_item(call.parameter));
    TRY_ASSIGN(const store::StoredItem stored, store_->item(id));
    TRY_ASSIGN(const auto all, store_->sources());
    std::vector<std::string> names;
    for (const store::Placement& placement : stored.placements) {
      for (const store::Source& source : all) {
        if (source.id == placement.source &&
            std::find(names.begin(), names.end(), source.name) == names.end()) {
          names.push_back(source.name);
        }
      }
    }
    json value = render_item(stored, changed_on_disk(stored), names);
    TRY_ASSIGN(const auto verdict, store_->assistant().verdict(id));
    value["judged"] = verdict && verdict->has_read;
    return reply(value);
  }

  Result<Response> original(const Call& call) {
    TRY_ASSIGN(const Id id, find_item(call.parameter));
    TRY_ASSIGN(const store::StoredItem stored, store_->item(id));
    Response response;
    response.content_type = "application/octet-stream";
    if (!stored.blob.empty()) {
      TRY_ASSIGN(response.body, store_->original(id));
      response.file_name = stored.item.kind == domain::ItemKind::mail ? "mail.eml" : "original";
      return response;
    }
    for (const store::Placement& placement : stored.placements) {
      if (placement.path.empty()) continue;
      if (auto bytes = os::read_file(placement.path)) {
        response.body = std::move(*bytes);
        response.file_name = placement.path.substr(placement.path.rfind('/') + 1);
        return response;
      }
    }
    return fail(ErrorKind::not_found, "api.original_missing");
  }

  // ---- the assistant (assistant_routes.h) ----

  template <AssistantRoutes::Answer (AssistantRoutes::*answer)(const AssistantRoutes::Given&)>
  Result<Response> assist(const Call& call) {
    TRY_ASSIGN(const json value,
               (assistant_.get()->*answer)({call.parameter, call.request.query, call.body,
                                            call.request.language, call.request.stop}));
    if (call.request.method != "GET") announce_assistant();
    return reply(value);
  }

  // The briefing as a WAVE file, by a voice of this machine.
  Result<Response> brief_audio(const Call& call) {
    const base::Language language = call.request.language;
    TRY_ASSIGN(const json brief,
               assistant_->brief({"", call.request.query, {}, language, call.request.stop}));
    std::string text;
    for (const json& point : brief["points"]) text += point["text"].get<std::string>() + "\n";
    if (text.empty()) text = base::message("cli.brief.nothing", language);
    TRY_ASSIGN(assistant::Spoken spoken, assistant::speak(text, language, call.request.stop));
    Response response;
    response.content_type = "audio/wav";
    response.body = std::move(spoken.wav);
    return response;
  }

  Result<Response> summarise(const Call& call) {
    const base::Language language = call.request.language;
    TRY_ASSIGN(const assistant::SummaryRequest request,
               summary_request(*store_, call.body, language));
    std::stop_source stop;
    const std::stop_callback outer(call.request.stop, [&] { stop.request_stop(); });
    // Without the background, what has come is judged first, by code.
    if (options_.background != ApplicationOptions::Background::watch) {
      TRY(desk_->settle(stop.get_token()));
    }
    const SomebodyWaits pause(*embedder_, desk_->watcher());
    PartTexts texts(*store_);
    int number = 0;
    TRY_ASSIGN(
        const assistant::Summary summary,
        assistant::summarise(
            *store_, *engines_, request, summary_support(),
            [&](const assistant::SummaryClaim& claim) {
              if (!call.sink("claim", render_summary_claim(claim, ++number, texts, language))) {
                stop.request_stop();
              }
            },
            stop.get_token()));
    if (!summary.model.empty()) {
      const json detail = {
          {"model", summary.model}, {"items", summary.items}, {"claims", summary.claims.size()}};
      TRY(store_->write_journal("model_call", "journal.summary", detail.dump()));
    }
    call.sink("done", render_summary(summary, texts, language));
    return Response{};
  }

  // ---- models ----

  // What has been measured of a model at this engine; null where nothing has.
  json contract_of(const engine::CatalogueModel& model) const {
    const auto kept = engine::kept_contract(
        options_.home, engine::contract_key(engine_options(), models_->folder(), model));
    return kept ? json::parse(engine::contract_json(*kept), nullptr, false) : json();
  }

  // Of what stands behind a role; an engine of the owner's is in no catalogue.
  std::optional<engine::Contract> contract_behind(engine::Role role) const {
    engine::CatalogueModel model;
    model.name = engines_->bound_to(role);
    if (model.name.empty()) return std::nullopt;
    if (const auto known = models_->find(model.name)) model = *known;
    return engine::kept_contract(options_.home,
                                 engine::contract_key(engine_options(), models_->folder(), model));
  }

  json model_json(const engine::CatalogueModel& model) const {
    json roles = json::array();
    for (const engine::Role role : model.roles) roles.push_back(engine::name_of(role));
    return {{"name", model.name},
            {"title", model.title},
            {"roles", roles},
            {"architecture", model.architecture},
            {"parameters", model.parameters},
            {"quantisation", model.quantisation},
            {"size_bytes", model.size_bytes},
            {"licence", model.licence},
            {"context", model.context},
            {"installed", model.installed},
            {"verified", model.verified},
            {"sha256", model.sha256},
            {"note", model.note},
            {"contract", contract_of(model)},
            {"sources", model.sources}};
  }

  Result<Response> models(const Call& call) {
    json list = json::array();
    for (const engine::CatalogueModel& model : models_->list()) list.push_back(model_json(model));
    json roles = roles_json(call.request.language);
    for (json& role : roles) {
      const auto known = engine::role_from(role["role"].get<std::string>());
      const auto contract = known ? contract_behind(*known) : std::nullopt;
      role["contract"] =
          contract ? json::parse(engine::contract_json(*contract), nullptr, false) : json();
    }
    return reply(
        {{"roles", std::move(roles)}, {"models", std::move(list)}, {"folder", models_->folder()}});
  }

  Result<Response> use_model(const Call& call) {
    const auto role = engine::role_from(call.body["role"].get<std::string>());
    if (!role)
      return fail(ErrorKind::invalid_input, "role.unknown",
                  {{"role", call.body["role"].get<std::string>()}});
    const std::string model = call.body["model"];
    if (model.empty()) {
      TRY(engines_->unbind(*role));
    } else if (engine::is_outside(model) && call.body.value("consent", false)) {
      const OutsideUse use{*role, engine::address_of(model)};
      TRY_ASSIGN(const auto before, outside_engines_->agree(use, call.body.value("key", "")));
      if (const auto used = engines_->use(*role, model); !used) {
        TRY(outside_engines_->take_back(use, before));
        return tl::unexpected<base::Error>(used.error());
      }
    } else {
      TRY(engines_->use(*role, model));
    }
    TRY(outside_engines_->end_unused(outside_uses()));
    embedder_wake();
    announce();
    check_soon(*role);
    return reply({{"roles", roles_json(call.request.language)}});
  }

  std::set<OutsideUse> outside_uses() {
    std::set<OutsideUse> uses;
    for (const engine::EngineStatus& status : engines_->status()) {
      for (const std::string& model : {status.model, status.next_model}) {
        if (engine::is_outside(model)) uses.emplace(status.role, engine::address_of(model));
      }
    }
    return uses;
  }

  // What serves a role from now on is measured behind everybody, unless it has been before.
  void check_soon(engine::Role role) {
    {
      const std::lock_guard lock(checking_mutex_);
      to_check_.insert(role);
    }
    checking_changed_.notify_all();
  }

  // Without a contract an engine is believed, whatever it claims: so every model that serves gets
  // one, also what was bound before lar started, and the owner's own servers. Not services outside,
  // where each question costs.
  bool wants_check(engine::Role role) const {
    const std::string bound = engines_->bound_to(role);
    return !bound.empty() && !engine::is_outside(bound) && !contract_behind(role);
  }

  // One after another, on a thread of its own.
  void check_unmeasured(const std::stop_token& stop) {
    // When lar starts there is more urgent work.
    constexpr std::chrono::minutes first_pause(5);
    std::unique_lock lock(checking_mutex_);
    const auto wanted = [&] { return !to_check_.empty(); };
    if (!checking_changed_.wait_for(lock, stop, first_pause, wanted) && !stop.stop_requested()) {
      to_check_ = {engine::Role::chat, engine::Role::fast, engine::Role::embed,
                   engine::Role::rerank, engine::Role::vision};
    }
    while (checking_changed_.wait(lock, stop, wanted) && !stop.stop_requested()) {
      const engine::Role role = *to_check_.begin();
      to_check_.erase(to_check_.begin());
      lock.unlock();
      if (wants_check(role)) {
        const auto checked = engine::check_model(
            engine_options(), *models_, *engines_, std::string(engine::name_of(role)),
            engine::CheckDepth::quick, {}, stop, engine::Attended::no);
        if (!checked && checked.error().kind != ErrorKind::cancelled &&
            checked.error().kind != ErrorKind::busy) {
          note_error(checked.error());
        }
        announce();
      }
      lock.lock();
    }
  }

  Result<Response> check_model(const Call& call) {
    // Questions in words are nothing to a server of sound or pictures.
    const std::string what = call.body.value("what", "chat");
    if (what == name_of(engine::Role::speech) || what == name_of(engine::Role::image)) {
      return fail(ErrorKind::unsupported, "role.not_checked", {{"role", what}});
    }
    std::stop_source stop;
    const std::stop_callback outer(call.request.stop, [&] { stop.request_stop(); });
    TRY_ASSIGN(const engine::Contract contract,
               engine::check_model(
                   engine_options(), *models_, *engines_, what,
                   call.body.value("depth", "quick") == "full" ? engine::CheckDepth::full
                                                               : engine::CheckDepth::quick,
                   [&](std::string_view step) {
                     if (!call.sink("step", {{"code", step}})) stop.request_stop();
                   },
                   stop.get_token()));
    announce();
    call.sink("done", {{"contract", json::parse(engine::contract_json(contract))}});
    return Response{};
  }

  // What is asked of the engines at this moment. Of the status only what costs nothing: the page
  // looks every second or two while somebody watches.
  Result<Response> work(const Call& call) {
    json roles = json::array();
    for (const engine::EngineStatus& status : engines_->status()) {
      if (status.model.empty() && status.calls.empty()) continue;
      roles.push_back({{"role", engine::name_of(status.role)},
                       {"state", engine::name_of(status.state)},
                       {"calls", calls_json(status)}});
    }
    return reply({{"roles", std::move(roles)},
                  {"background", background_json(call.request.language)},
                  {"kept", kept_json(call.request.language)}});
  }

  Result<Response> set_background(const Call& call) {
    const auto limit = [&](const char* name) {
      return call.body[name].is_null() ? 0.0 : call.body[name].get<double>();
    };
    engine::DailyCost cost;
    cost.tokens = static_cast<std::int64_t>(limit("tokens"));
    cost.minutes = limit("minutes");
    cost.watt_hours = limit("watt_hours");
    TRY(engines_->limit_background(cost));
    announce();
    return reply(background_json(call.request.language));
  }

  Result<Response> forget_kept(const Call&) {
    const int forgotten = engines_->forget_all_kept();
    announce();
    return reply({{"forgotten", forgotten}});
  }

  // What a full check asks to learn what a model refuses: the owner's file, with its remarks.
  Result<Response> questions(const Call&) {
    TRY_ASSIGN(const std::string text, engine::questions_text(options_.home));
    TRY_ASSIGN(const auto asked, engine::refusal_questions(options_.home));
    return reply({{"text", text}, {"count", asked.size()}});
  }

  Result<Response> set_questions(const Call& call) {
    TRY(engine::write_questions(options_.home, call.body["text"].get<std::string>()));
    return questions(call);
  }

  Result<Response> compare_model(const Call& call) {
    // Two would share a folder and the memory; one that was given up may take a moment to end.
    const std::unique_lock alone(rehearsing_, std::chrono::seconds(15));
    if (!alone) return fail(ErrorKind::busy, "rehearsal.runs", {}, base::Retry::later);
    std::stop_source stop;
    const std::stop_callback outer(call.request.stop, [&] { stop.request_stop(); });
    TRY_ASSIGN(const json compared,
               rehearse(
                   *store_, *engines_, engine_options(),
                   {call.body["model"].get<std::string>(), call.body.value("questions", 50)},
                   [&](int done, int all) {
                     if (!call.sink("progress", {{"done", done}, {"all", all}})) {
                       stop.request_stop();
                     }
                   },
                   stop.get_token()));
    call.sink("done", compared);
    return Response{};
  }

  Result<Response> plan_models(const Call& call) {
    TRY_ASSIGN(const engine::MemoryPlan plan, engines_->plan());
    return reply(render_plan(plan, call.request.language));
  }

  Result<Response> add_model(const Call& call) {
    TRY_ASSIGN(const engine::CatalogueModel model, models_->add(call.body["file"]));
    return reply(model_json(model), 201);
  }

  Result<Response> show_model(const Call& call) {
    const auto found = call.request.query.find("name");
    const std::string name = found == call.request.query.end() ? "" : found->second;
    std::string path = name;
    json result = json::object();
    if (name.find('/') == std::string::npos) {
      TRY_ASSIGN(const engine::CatalogueModel model, models_->find(name));
      result["catalogue"] = model_json(model);
      if (!model.installed) return reply(result);
      path = models_->folder() + "/" + model.file;
    }
    TRY_ASSIGN(const engine::GgufFile file, engine::read_gguf(path));
    result["file"] = render_gguf(file, path);
    return reply(result);
  }

  Result<Response> pull_model(const Call& call) {
    std::stop_source stop;
    const std::stop_callback outer(call.request.stop, [&] { stop.request_stop(); });
    TRY_ASSIGN(const engine::CatalogueModel model,
               models_->pull(
                   call.body["name"],
                   [&](const engine::PullProgress& progress) {
                     const double left =
                         progress.bytes_per_second > 0
                             ? static_cast<double>(progress.total_bytes - progress.done_bytes) /
                                   progress.bytes_per_second
                             : 0;
                     if (!call.sink("progress", {{"done_bytes", progress.done_bytes},
                                                 {"total_bytes", progress.total_bytes},
                                                 {"bytes_per_second", progress.bytes_per_second},
                                                 {"seconds_left", left}})) {
                       stop.request_stop();
                     }
                   },
                   stop.get_token()));
    call.sink("done", {{"path", models_->folder() + "/" + model.file}, {"sha256", model.sha256}});
    return Response{};
  }

  // ---- keys of other programs ----

  static json key_json(const ClientKey& key) {
    json may = json::array({"models"});
    if (key.assistant) may.push_back("assistant");
    return {{"name", key.name}, {"may", std::move(may)}, {"created", key.created}};
  }

  Result<Response> keys(const Call&) {
    json list = json::array();
    for (const ClientKey& key : keys_->list()) list.push_back(key_json(key));
    return reply({{"keys", std::move(list)}});
  }

  Result<Response> add_key(const Call& call) {
    const auto name = call.body["name"].get<std::string>();
    const bool assistant = call.body.value("assistant", false);
    TRY_ASSIGN(const std::string key, keys_->add(name, assistant));
    const json detail = {{"name", name}, {"assistant", assistant}};
    TRY(store_->write_journal("approval", "journal.key_added", detail.dump()));
    return reply({{"name", name}, {"key", key}, {"assistant", assistant}}, 201);
  }

  Result<Response> remove_key(const Call& call) {
    TRY(keys_->remove(call.parameter));
    engines_->forget_kept(call.parameter);
    const json detail = {{"name", call.parameter}};
    TRY(store_->write_journal("approval", "journal.key_removed", detail.dump()));
    return reply({{"name", call.parameter}});
  }

  // ---- journal, doctor, events ----

  // How many lines of the journal somebody wants.
  static int entries_wanted(const Call& call) {
    const auto limit = call.request.query.find("limit");
    return limit == call.request.query.end() ? 50
                                             : std::clamp(std::atoi(limit->second.c_str()), 1, 500);
  }

  Result<Response> journal(const Call& call) {
    std::optional<Id> before;
    if (const auto found = call.request.query.find("before"); found != call.request.query.end()) {
      TRY_ASSIGN(before, parse_id(found->second));
    }
    TRY_ASSIGN(const auto entries, store_->journal(entries_wanted(call), before));
    return reply({{"entries", entries_json(entries, call.request.language)}});
  }

  static json entries_json(const std::vector<store::JournalEntry>& entries,
                           base::Language language) {
    json list = json::array();
    for (const store::JournalEntry& entry : entries) {
      const json detail = json::parse(entry.detail, nullptr, false);
      base::Parameters parameters;
      if (detail.is_object()) {
        for (const auto& [name, value] : detail.items()) {
          parameters.emplace_back(name,
                                  value.is_string() ? value.get<std::string>() : value.dump());
        }
      }
      list.push_back({{"id", entry.id.text()},
                      {"time", base::format_rfc3339(entry.time, base::Clock::zone())},
                      {"kind", entry.kind},
                      {"summary", base::message(entry.summary, parameters, language)},
                      {"detail", detail.is_object() ? detail : json::object()}});
    }
    return list;
  }

  // What has left this machine, and whether anything may.
  Result<Response> egress(const Call& call) {
    TRY_ASSIGN(const auto entries, store_->journal(entries_wanted(call), std::nullopt, "egress"));
    return reply(
        {{"sealed", egress_->sealed()}, {"entries", entries_json(entries, call.request.language)}});
  }

  Result<Response> seal(const Call& call) {
    const bool sealed = call.body["sealed"].get<bool>();
    TRY(store_->set_setting("sealed", sealed ? "1" : ""));
    egress_->seal(sealed ? guard::Sealed::yes : guard::Sealed::no);
    TRY(store_->write_journal("approval", sealed ? "journal.sealed" : "journal.unsealed", "{}"));
    return reply({{"sealed", sealed}});
  }

  Result<Response> doctor(const Call& call) {
    const auto depth = call.request.query.find("depth");
    const bool full = depth != call.request.query.end() && depth->second == "full";
    json checks = json::array();
    const auto add = [&](const char* code, bool well, const base::Parameters& parameters) {
      checks.push_back({{"code", code},
                        {"ok", well},
                        {"message", base::message(code, parameters, call.request.language)}});
    };
    TRY_ASSIGN(const auto faults, store_->check(full ? store::Check::full : store::Check::quick));
    add(faults.empty() ? "doctor.store_sound" : "doctor.store_faults", faults.empty(),
        {{"count", std::to_string(faults.size())}, {"home", options_.home}});
    for (const std::string& fault : faults) add("doctor.fault", false, {{"detail", fault}});
    for (const engine::EngineStatus& status : engines_->status()) {
      if (status.role != engine::Role::chat && status.role != engine::Role::embed) continue;
      const bool bound = status.state != engine::EngineState::unbound;
      add(bound ? "doctor.role_bound" : "doctor.role_unbound", bound,
          {{"role", std::string(engine::name_of(status.role))}, {"model", status.model}});
      if (status.error) {
        checks.push_back({{"code", status.error->code},
                          {"ok", false},
                          {"message", base::message(*status.error, call.request.language)}});
      }
    }
    TRY_ASSIGN(const engine::MemoryPlan plan, engines_->plan());
    for (const engine::EnginePlan& engine : plan.engines) {
      if (engine.fits) continue;
      add("doctor.no_memory", false,
          {{"role", std::string(engine::name_of(engine.role))}, {"model", engine.model}});
    }
    if (const auto background = engines_->background(); background.error) {
      checks.push_back({{"code", background.error->code},
                        {"ok", false},
                        {"message", base::message(*background.error, call.request.language)}});
    }
    if (const auto kept = engines_->kept(); kept.error) {
      checks.push_back({{"code", kept.error->code},
                        {"ok", false},
                        {"message", base::message(*kept.error, call.request.language)}});
    }
    // Vectors of another model say nothing to what has learnt to sort mail by them.
    const std::string space = engines_->embed_space();
    if (const auto judge = assistant::Judge::load(); judge && !space.empty()) {
      const bool same = judge->space().empty() || judge->space() == space;
      if (!same) {
        add("doctor.mail_without_vectors", true, {{"space", space}, {"made_for", judge->space()}});
      }
    }
    std::string names;
    for (const auto& [name, reader_version] : reading_->readers()) {
      names += (names.empty() ? "" : ", ") + name;
    }
    add("doctor.readers", !names.empty(), {{"names", names}});
    return reply({{"checks", std::move(checks)}});
  }

  Result<Response> events(const Call& call) {
    std::uint64_t seen = 0;
    std::uint64_t told = 0;
    {
      const std::lock_guard lock(change_mutex_);
      seen = changes_ - 1;  // the first state is sent at once
    }
    while (!call.request.stop.stop_requested() && !closed_) {
      {
        std::unique_lock lock(change_mutex_);
        change_.wait(lock, call.request.stop, [&] { return changes_ != seen || closed_; });
        seen = changes_;
      }
      if (closed_ || call.request.stop.stop_requested()) break;
      const json all = sources_json(call.request.language);
      TRY_ASSIGN(const json status, status_json(call.request.language));
      if (!call.sink("sources", all) || !call.sink("status", status)) break;
      // Cards, briefing, actions, memory: that they changed, not what they are.
      if (const std::uint64_t now = assistant_changes_; now != told) {
        told = now;
        if (!call.sink("assistant", {{"revision", now}})) break;
      }
      // Changes come in bursts: at most four messages a second.
      std::unique_lock lock(change_mutex_);
      change_.wait_for(lock, call.request.stop, std::chrono::milliseconds(250),
                       [&] { return closed_.load(); });
    }
    return Response{};
  }

  ApplicationOptions options_;
  std::vector<Route> routes_;
  std::mutex change_mutex_;
  std::condition_variable_any change_;
  std::uint64_t changes_ = 1;
  std::atomic<std::uint64_t> assistant_changes_{1};
  std::atomic<bool> closed_{false};
  // Destroyed from the last to the first: what is used goes after what uses it.
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<guard::Egress> egress_;
  std::unique_ptr<guard::Secrets> secrets_;
  std::unique_ptr<OutsideEngines> outside_engines_;
  std::shared_ptr<engine::Models> models_;
  std::unique_ptr<engine::Engines> engines_;
  std::unique_ptr<reading::ReadingService> reading_;
  std::unique_ptr<agent::Embedder> embedder_;
  std::optional<sources::Outside> outside_;  // what sync_ works with
  std::unique_ptr<assistant::Desk> desk_;
  std::unique_ptr<Uploads> uploads_;
  std::unique_ptr<AssistantRoutes> assistant_;
  std::unique_ptr<sources::SyncService> sync_;
  std::unique_ptr<ClientKeys> keys_;
  std::unique_ptr<Gateway> gateway_;
  std::timed_mutex rehearsing_;
  std::mutex checking_mutex_;
  std::condition_variable_any checking_changed_;
  std::set<engine::Role> to_check_;
  std::jthread checking_;  // measures what serves
};

}  // namespace

Result<std::unique_ptr<Application>> Application::open(ApplicationOptions options) {
  if (options.home.empty()) options.home = default_home();
  if (options.models_folder.empty()) options.models_folder = default_models_folder();
  auto application = std::make_unique<ApplicationImplementation>(std::move(options));
  TRY(application->open());
  return std::unique_ptr<Application>(std::move(application));
}

std::string default_home() {
  if (const std::string home = environment("LAR_HOME"); !home.empty()) return home;
  if (const std::string data = environment("XDG_DATA_HOME"); !data.empty()) return data + "/lar";
  return environment("HOME") + "/.local/share/lar";
}

std::string default_models_folder() {
  if (const std::string models = environment("LAR_MODELS"); !models.empty()) return models;
  if (const std::string cache = environment("LAR_CACHE"); !cache.empty()) return cache + "/models";
  return environment("HOME") + "/.cache/lar/models";
}

json error_json(const base::Error& error, base::Language language) {
  return {{"error", render_error(error, language)}};
}

int http_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_input:
      return 400;
    case ErrorKind::permission:
      return 403;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::already_exists:
      return 409;
    case ErrorKind::busy:
      return 423;
    case ErrorKind::unsupported:
      return 422;
    case ErrorKind::timeout:
      return 504;
    case ErrorKind::cancelled:
      return 499;
    case ErrorKind::no_space:
      return 507;
    case ErrorKind::unavailable:
      return 503;
    case ErrorKind::corrupt:
    case ErrorKind::internal:
      return 500;
  }
  return 500;
}

}  // namespace lar::api
