// Engines: which model stands behind which role, and how one takes over from another. A new engine
// starts and is tried beside the old one; then calls that begin get the new one, and the old one
// ends after its last call. Only where memory has no room for both are calls held meanwhile.
// roles.toml is written whole or not at all, before anything moves.
#include "engine/engines.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/foreign_json.h"
#include "engine/fitting.h"
#include "engine/settings.h"
#include "engine/toml_text.h"
#include "os/file.h"
#include "os/process.h"

namespace lar::engine {
using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Status;
using nlohmann::json;
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
constexpr std::array served_roles = {Role::chat,   Role::fast,   Role::embed, Role::rerank,
                                     Role::vision, Role::speech, Role::image};
// For them lar has no engine of its own: a server stands behind them, by its address. What else
// roles.toml says of them is kept.
constexpr std::array server_roles = {Role::speech, Role::image};
bool needs_server(Role role) {
  return std::find(server_roles.begin(), server_roles.end(), role) != server_roles.end();
}
// Servers of sound and pictures need know nothing of /health.
bool is_there(Role role, Health health) {
  return health == Health::ready || (needs_server(role) && health == Health::loading);
}
// One engine serves them and chat when both name the same model.
constexpr std::array with_chat = {Role::fast, Role::vision};
// Whose memory is planned first: what people wait for, what everything is searched with.
constexpr std::array planning_order = {Role::chat, Role::embed, Role::rerank, Role::vision,
                                       Role::fast};
// How long calls that have not begun wait for an engine that starts beside the old one. Most start
// sooner; a person waits no longer than that for one that does not.
constexpr milliseconds longest_pause(3'000);
// Whatever a server says of itself.
constexpr int most_at_once = 64;
// In roles.toml, the embedding model that is about to take over.
constexpr std::string_view next_embed_key = "embed_next";

std::string space_of(const CatalogueModel& model) {
  if (model.embed_dimensions <= 0) return model.name;
  return model.name + "/" + std::to_string(model.embed_dimensions);
}

}  // namespace

EnginesImpl::EnginesImpl(EngineOptions options, std::string sockets)
    : options_(std::move(options)),
      models_(options_.models),
      sockets_(std::move(sockets)),
      budget_(options_.home),
      kept_prompts_(options_.home) {
  for (const Role role : served_roles) {
    seats_.try_emplace(role);
    scheduler_.add_lane(role, 1, options_.most_waiting);
  }
  retirer_ = std::jthread([this](std::stop_token stop) { end_retired(stop); });
  if (options_.keep_prompts) {
    keeper_ = std::jthread([this](std::stop_token stop) { keep_prompts(stop); });
  }
}

EnginesImpl::~EnginesImpl() {
  if (keeper_.joinable()) {
    keeper_.request_stop();
    keeper_.join();
  }
  retirer_.request_stop();
  retirer_.join();
  stop_all();
}

Status EnginesImpl::load() {
  const std::string path = options_.home + "/roles.toml";
  if (!std::filesystem::exists(path)) return {};
  TRY_ASSIGN(const std::string text, os::read_file(path, 1u << 20));
  TRY_ASSIGN(const toml::table table, parse_toml(text, path));
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    const bool is_next = name == next_embed_key;
    const auto role = is_next ? Role::embed : role_from(name);
    const auto binding = value.value<std::string>();
    if (!role || !binding) {
      return fail(
          ErrorKind::invalid_input, "roles.malformed",
          {{"path", path}, {"line", std::to_string(value.source().begin.line)}, {"role", name}});
    }
    const auto found = seats_.find(*role);
    if (found == seats_.end() || (needs_server(*role) && !is_address(*binding))) {
      other_bindings_[name] = *binding;
      continue;
    }
    if (binding->empty()) continue;
    Seat& seat = found->second;
    // A model that has gone is not a reason not to start: the role says so when it is asked. A
    // change of embedding that cannot go on is forgotten: the old space is whole.
    auto made = make(*role, *binding);
    if (is_next) {
      if (made) seat.next = std::move(*made);
    } else {
      seat.binding = *binding;
      if (made) seat.backend = std::move(*made);
    }
  }
  return {};
}

Seat* EnginesImpl::seat_of(Role role) {
  const auto found = seats_.find(role);
  return found == seats_.end() ? nullptr : &found->second;
}

Role EnginesImpl::actual(Role role) {
  if (std::find(with_chat.begin(), with_chat.end(), role) == with_chat.end()) return role;
  Seat& seat = seats_.at(role);
  Seat& chat = seats_.at(Role::chat);
  const std::scoped_lock lock(seat.mutex, chat.mutex);
  // Without a model of its own fast is chat's work; seeing is not.
  if (seat.binding.empty()) return role == Role::fast ? Role::chat : role;
  return seat.binding == chat.binding ? Role::chat : role;
}

// No two engines share a socket: neither those that serve, nor one that is ending.
std::string EnginesImpl::free_socket_name(Role role) {
  std::set<std::string> taken;
  const auto take = [&](const std::shared_ptr<Backend>& backend) {
    if (backend) taken.insert(std::filesystem::path(backend->socket).stem());
  };
  if (Seat* seat = seat_of(role)) {
    const std::lock_guard lock(seat->mutex);
    take(seat->backend);
    take(seat->next);
  }
  {
    const std::lock_guard lock(retired_mutex_);
    for (const auto& backend : retired_) take(backend);
  }
  std::string name(name_of(role));
  for (int number = 2; taken.contains(name); ++number) {
    name = std::string(name_of(role)) + "." + std::to_string(number);
  }
  return name;
}

Result<std::shared_ptr<Backend>> EnginesImpl::make(Role role, const std::string& binding) {
  return make_backend(options_, *models_, sockets_, role, binding, free_socket_name(role),
                      planned_before(role));
}

std::vector<PlanWish> EnginesImpl::planned_before(Role role) {
  std::vector<PlanWish> wishes;
  for (const Role other : planning_order) {
    if (other == role) break;
    Seat& seat = seats_.at(other);
    const std::lock_guard lock(seat.mutex);
    if (seat.backend && seat.backend->host) wishes.push_back(seat.backend->wish);
  }
  return wishes;
}

Result<MemoryPlan> EnginesImpl::plan() {
  TRY_ASSIGN(std::vector<Device> devices, devices_for(options_));
  std::vector<PlanWish> wishes;
  std::vector<std::shared_ptr<Backend>> backends;
  std::vector<pid_t> pids;
  for (const Role role : planning_order) {
    Seat& seat = seats_.at(role);
    const std::lock_guard lock(seat.mutex);
    for (const auto& backend : {seat.backend, seat.next}) {
      if (!backend || !backend->host) continue;
      wishes.push_back(backend->wish);
      backends.push_back(backend);
      pids.push_back(backend->host->snapshot().pid);
      // What they hold now is theirs to use.
      if (pids.back() > 0 && options_.memory_bytes == 0) {
        devices[0].free =
            std::min(devices[0].total, devices[0].free + os::anonymous_bytes(pids.back()));
      }
    }
  }
  MemoryPlan plan = plan_memory(std::move(devices), wishes);
  for (std::size_t index = 0; index < backends.size(); ++index) {
    EnginePlan& engine = plan.engines[index];
    engine.runs = pids[index] > 0;
    if (engine.runs) {
      engine.measured.push_back(
          {"resident", plan.devices[0].name, os::resident_bytes(pids[index])});
    }
    for (auto& buffer : buffers_of(*backends[index], plan.devices)) {
      engine.measured.push_back(std::move(buffer));
    }
  }
  return plan;
}

std::int64_t EnginesImpl::memory_allowed() const {
  const auto settings = read_settings(options_.home);
  return settings && options_.memory_bytes == 0 ? settings->memory_bytes : 0;
}

std::int64_t EnginesImpl::memory_left_for_more(std::int64_t allowed) {
  const std::int64_t left = memory_left(options_);
  if (allowed <= 0) return left;
  std::int64_t taken = 0;
  for (auto& [role, seat] : seats_) {
    const std::lock_guard lock(seat.mutex);
    for (const auto& backend : {seat.backend, seat.next}) {
      if (backend && backend->host && backend->host->snapshot().pid > 0) {
        taken += backend->memory_bytes;
      }
    }
  }
  return std::min(left, std::max<std::int64_t>(0, allowed - taken));
}

bool EnginesImpl::has_room(const Backend& wanted) {
  return wanted.memory_bytes <= memory_left_for_more(memory_allowed()) &&
         !gpu_shortage(options_, wanted);
}

void EnginesImpl::make_room(const Backend& wanted, const Backend* spared) {
  const std::int64_t allowed = memory_allowed();
  while (true) {
    const bool ram_is_short = wanted.memory_bytes > memory_left_for_more(allowed);
    if (!ram_is_short && !gpu_shortage(options_, wanted)) return;
    std::shared_ptr<Backend> idlest;
    base::Microseconds since = 0;
    for (auto& [role, seat] : seats_) {
      const std::lock_guard lock(seat.mutex);
      const auto& backend = seat.backend;
      if (!backend || !backend->host || backend.get() == &wanted || backend.get() == spared) {
        continue;
      }
      if (!ram_is_short && backend->plan.gpu_layers == 0) continue;
      const EngineHost::Snapshot snapshot = backend->host->snapshot();
      if (snapshot.pid <= 0 || snapshot.calls > 0) continue;
      if (!idlest || snapshot.used_at < since) {
        idlest = backend;
        since = snapshot.used_at;
      }
    }
    if (!idlest) return;
    // A call may have come meanwhile: then it is not among those that nobody uses any more.
    (void)idlest->host->stop_if_unused();
  }
}

EnginesImpl::Visit::Visit(EnginesImpl& engines, std::shared_ptr<Backend> backend)
    : engines_(engines), backend_(std::move(backend)) {
  ++backend_->calls;
  if (backend_->host) backend_->host->touch(1);
}

EnginesImpl::Visit::~Visit() {
  if (backend_->host) backend_->host->touch(-1);
  {
    const std::lock_guard lock(engines_.retired_mutex_);
    --backend_->calls;
  }
  engines_.retired_changed_.notify_all();
}

Result<std::unique_ptr<EnginesImpl::Visit>> EnginesImpl::visit(Role role, Seat& seat, Which which) {
  std::string binding;
  std::unique_ptr<Visit> held;
  settle_seat(role, seat, which);
  {
    const std::lock_guard lock(seat.mutex);
    const auto& backend = which == Which::next ? seat.next : seat.backend;
    if (backend) held = std::make_unique<Visit>(*this, backend);
    binding = seat.binding;
  }
  if (!held) {
    if (binding.empty() || which == Which::next) {
      return fail(ErrorKind::not_found, "role.unbound", {{"role", std::string(name_of(role))}});
    }
    TRY_ASSIGN(auto made, make(role, binding));
    const std::lock_guard lock(seat.mutex);
    if (!seat.backend && seat.binding == binding) seat.backend = made;
    held = std::make_unique<Visit>(*this, seat.backend ? seat.backend : made);
  }
  if (which == Which::current) set_capacity(role, held->backend());
  return held;
}

// A server that batches the calls of many would stand idle behind a line of one. lar's own engines
// have one place for people, see Backend::slots.
void EnginesImpl::set_capacity(Role role, Backend& backend) {
  if (backend.at_once == 0) {
    int at_once = backend.host ? 1 : 0;
    if (!backend.host) {
      const auto settings = read_settings(options_.home);
      at_once = settings ? settings->parallel : 0;
    }
    if (at_once == 0 && is_outside(backend.binding)) at_once = 1;
    if (at_once == 0) {
      const auto properties = backend.client->properties();
      if (!properties) return;  // it does not run: the call will tell
      at_once = std::clamp(properties->at_once, 1, most_at_once);
    }
    backend.at_once = at_once;
  }
  scheduler_.set_capacity(role, backend.at_once);
}

std::shared_ptr<Backend> EnginesImpl::settled(Role role, std::shared_ptr<Backend> backend) {
  if (!backend->needs_trial) return backend;
  const std::lock_guard lock(trial_mutex_);
  make_room(*backend);
  return settle_by_trials(options_.home, backend,
                          [this, role, binding = backend->binding] { return make(role, binding); },
                          {});
}

void EnginesImpl::settle_seat(Role role, Seat& seat, Which which) {
  const auto held = [&]() -> std::shared_ptr<Backend>& {
    return which == Which::next ? seat.next : seat.backend;
  };
  std::shared_ptr<Backend> untried;
  {
    const std::lock_guard lock(seat.mutex);
    if (!held() || !held()->needs_trial) return;
    untried = held();
  }
  // Whoever comes meanwhile waits for the one who tries it.
  const std::lock_guard trying(seat.trial_mutex);
  {
    const std::lock_guard lock(seat.mutex);
    if (held() != untried || !untried->needs_trial) return;
  }
  auto stands = settled(role, untried);
  // No plan stood: the next call is not to try them all again.
  stands->needs_trial = false;
  const std::lock_guard lock(seat.mutex);
  if (held() == untried) held() = std::move(stands);
}

void EnginesImpl::note_start(Role role, Backend& backend, std::uint64_t generation) {
  if (!backend.host || backend.fit_key.empty()) return;
  if (backend.noted_start.exchange(generation) == generation) return;
  auto buffers = buffers_of(backend, backend.devices);
  if (buffers.empty()) return;  // an engine that says nothing
  keep_trial(options_.home, backend.fit_key,
             trial_of(backend.plan, true, std::move(buffers), backend.devices));
  PlanWish wish =
      corrected(backend.estimated, kept_fit(options_.home, backend.fit_key), backend.devices);
  if (Seat* seat = seat_of(role)) {
    const std::lock_guard lock(seat->mutex);
    backend.wish = std::move(wish);
  }
}

std::string EnginesImpl::embed_space() {
  Seat& seat = seats_.at(Role::embed);
  const std::lock_guard lock(seat.mutex);
  if (seat.backend) return space_of(seat.backend->model);
  return seat.binding;
}

std::string EnginesImpl::next_embed_space() {
  Seat& seat = seats_.at(Role::embed);
  const std::lock_guard lock(seat.mutex);
  return seat.next ? space_of(seat.next->model) : "";
}

int EnginesImpl::context_tokens(Role asked) {
  Seat* seat = seat_of(actual(asked));
  if (seat == nullptr) return 0;
  std::shared_ptr<Backend> backend;
  {
    const std::lock_guard lock(seat->mutex);
    backend = seat->backend;
  }
  if (!backend) return 0;
  if (backend->context > 0 || backend->host || is_outside(backend->binding)) {
    return backend->context;
  }
  if (const auto properties = backend->client->properties()) {
    backend->context = properties->context;
  }
  return backend->context;
}

std::optional<Contract> EnginesImpl::contract_of(const Backend& backend) const {
  return kept_contract(options_.home, contract_key(options_, models_->folder(), backend.model));
}

int EnginesImpl::usable_context(Role asked) {
  const int claimed = context_tokens(asked);
  Seat* seat = seat_of(actual(asked));
  if (seat == nullptr) return claimed;
  std::shared_ptr<Backend> backend;
  {
    const std::lock_guard lock(seat->mutex);
    backend = seat->backend;
  }
  if (!backend) return claimed;
  const auto contract = contract_of(*backend);
  return contract ? usable_tokens(*contract, claimed) : claimed;
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
    EngineStatus status;
    status.role = role;
    status.cut_texts = seat.cut_texts;
    status.calls = scheduler_.calls(role);
    std::shared_ptr<Backend> backend;
    {
      const std::lock_guard lock(seat.mutex);
      status.model = seat.binding;
      if (seat.next) status.next_model = seat.next->binding;
      backend = seat.backend;
    }
    if (!backend) {
      if (status.model.empty() && needs_server(role)) continue;
      if (!status.model.empty()) {
        status.state = EngineState::failed;
        status.error =
            fail(ErrorKind::not_found, "model.not_installed", {{"name", status.model}}).value();
      }
    } else {
      status.context = backend->context;
      status.prompt_speed = backend->pace.speed();
      if (backend->host) {
        const EngineHost::Snapshot snapshot = backend->host->snapshot();
        status.state = snapshot.state;
        status.error = snapshot.error;
        status.pid = snapshot.pid;
        if (snapshot.pid > 0) status.memory_bytes = os::resident_bytes(snapshot.pid);
      } else {
        // A service outside is not spoken to for a look at its state.
        const bool up = is_outside(backend->binding) ||
                        is_there(role, backend->client->health(milliseconds(300)));
        status.state = up ? EngineState::ready : EngineState::stopped;
      }
    }
    all.push_back(std::move(status));
  }
  return all;
}

Status EnginesImpl::save_roles(const std::map<std::string, std::string>& changed) {
  std::string text =
      "# Which model stands behind which role; written by `lar model use`. A value may also be an "
      "engine\n"
      "# of your own: \"unix:/path/engine.sock\" or \"http://127.0.0.1:8080\".\n";
  std::map<std::string, std::string> bindings = other_bindings_;
  for (auto& [role, seat] : seats_) {
    const std::lock_guard lock(seat.mutex);
    if (!seat.binding.empty()) bindings[std::string(name_of(role))] = seat.binding;
    if (seat.next) bindings[std::string(next_embed_key)] = seat.next->binding;
  }
  for (const auto& [name, binding] : changed) bindings[name] = binding;
  for (const auto& [name, binding] : bindings) {
    if (binding.empty()) continue;
    std::ostringstream value;
    value << toml::value<std::string>(binding);
    text += name + " = " + value.str() + "\n";
  }
  return os::write_file_atomically(options_.home + "/roles.toml", text);
}

// ---- one model takes over from another ----

Status EnginesImpl::try_out(Role role, Backend& backend) {
  std::uint64_t generation = 1;
  if (backend.host) {
    TRY_ASSIGN(generation, backend.host->ensure_ready({}));
  } else if (!is_there(role, backend.client->health(milliseconds(5000)))) {
    return fail(
        ErrorKind::unavailable, "engine.unreachable",
        {{"role", std::string(name_of(role))}, {"address", backend.client->address().shown()}});
  }
  // What they make of a sound or a wish they show when they are asked.
  if (needs_server(role)) return {};
  if (role == Role::rerank) return try_ranking(backend);
  if (role == Role::vision) TRY(try_seeing(backend));
  if (role != Role::embed) {
    // What a check has measured of this file at this engine need not be asked again: that it works
    // at all shows by one token.
    const auto contract = backend.host ? contract_of(backend) : std::nullopt;
    if (contract && contract->keeps_forms()) {
      constexpr std::array token = {0};
      if (backend.client->read_beginning(token, backend.slot_for(Urgency::background), {})) {
        backend.tried = generation;
        return {};
      }
    }
    return try_grammar(role, backend, generation, {});
  }
  TRY_ASSIGN(const auto vectors, backend.client->embed({"lar"}, {}));
  if (static_cast<int>(vectors[0].size()) < backend.model.embed_dimensions) {
    return fail(ErrorKind::unavailable, "engine.bad_answer",
                {{"role", "embed"}, {"detail", std::to_string(vectors[0].size())}});
  }
  return {};
}

namespace {

// What an engine's own route answers, at most a megabyte of it.
Result<std::pair<int, json>> answer_of(const Backend& backend, RawRequest request) {
  int status = 0;
  std::string body;
  TRY(backend.client->forward(
      request, [&](const RawHead& head) { status = head.status; },
      [&](std::string_view piece) {
        body += piece;
        return body.size() < (1u << 20);
      },
      {}));
  return std::pair(status, base::foreign_json(body));
}

}  // namespace

// Two texts, of which one answers: it must come out above the other.
Status EnginesImpl::try_ranking(Backend& backend) {
  RawRequest request;
  request.path = "/v1/rerank";
  request.body =
      R"({"query":"When does the car insurance expire?","documents":["Boil the lentils for an hour.","The insurance of the car expires on 3 May."]})";
  TRY_ASSIGN(const auto answer, answer_of(backend, std::move(request)));
  const auto& [status, value] = answer;
  double scores[2] = {0, 0};
  int seen = 0;
  for (const RankedText& text : ranked_in(value)) {
    if (text.index != 0 && text.index != 1) continue;
    scores[text.index] = text.score;
    ++seen;
  }
  if (status != 200 || seen != 2) {
    return fail(ErrorKind::unavailable, "engine.bad_answer",
                {{"role", "rerank"}, {"detail", "HTTP " + std::to_string(status)}});
  }
  if (scores[1] <= scores[0]) {
    return fail(ErrorKind::unsupported, "engine.ranks_wrongly", {{"model", backend.model.name}});
  }
  return {};
}

// llama-server says whether its model takes images; of a server that does not say, its owner knows.
Status EnginesImpl::try_seeing(Backend& backend) {
  RawRequest request;
  request.method = "GET";
  request.path = "/props";
  TRY_ASSIGN(const auto answer, answer_of(backend, std::move(request)));
  const json::json_pointer place("/modalities/vision");
  if (answer.second.is_object() && answer.second.contains(place) && answer.second[place] == false) {
    return fail(ErrorKind::unsupported, "engine.sees_nothing", {{"model", backend.model.name}});
  }
  return {};
}

Status EnginesImpl::use(Role role, const std::string& binding) {
  Seat* seat = seat_of(role);
  if (seat == nullptr || (needs_server(role) && !is_address(binding))) {
    return fail(ErrorKind::unsupported, "role.not_served", {{"role", std::string(name_of(role))}});
  }
  const std::lock_guard lock(roles_mutex_);
  const std::string role_name(name_of(role));
  std::shared_ptr<Backend> chat_backend;
  const bool same_as_chat = [&] {
    Seat& chat = seats_.at(Role::chat);
    const std::lock_guard seat_lock(chat.mutex);
    chat_backend = chat.backend;
    return std::find(with_chat.begin(), with_chat.end(), role) != with_chat.end() &&
           chat.binding == binding;
  }();
  TRY_ASSIGN(auto next, make(role, binding));
  if (!next->fit_key.empty() && forget_failures(options_.home, next->fit_key)) {
    TRY_ASSIGN(next, make(role, binding));
  }
  // With the model of chat it is served by chat's engine: a second copy would only cost memory.
  if (same_as_chat) {
    if (role == Role::vision && chat_backend) {
      const Visit held(*this, chat_backend);
      if (chat_backend->host) TRY(chat_backend->host->ensure_ready({}));
      TRY(try_seeing(*chat_backend));
    }
    TRY(save_roles({{role_name, binding}}));
    std::shared_ptr<Backend> old;
    {
      const std::lock_guard seat_lock(seat->mutex);
      seat->binding = binding;
      old = std::exchange(seat->backend, std::move(next));
    }
    scheduler_.detach(role);
    retire(std::move(old));
    return {};
  }
  if (role == Role::embed) return change_embed(*seat, std::move(next));
  return replace(role, *seat, std::move(next));
}

Status EnginesImpl::unbind(Role role) {
  Seat* seat = seat_of(role);
  if (seat == nullptr) {
    return fail(ErrorKind::unsupported, "role.not_served", {{"role", std::string(name_of(role))}});
  }
  const std::lock_guard lock(roles_mutex_);
  // What stands there yet is told by the seat, so this names what shall not.
  std::map<std::string, std::string> changed = {{std::string(name_of(role)), ""}};
  if (role == Role::embed) changed[std::string(next_embed_key)] = "";
  TRY(save_roles(changed));
  std::shared_ptr<Backend> old, next;
  {
    const std::lock_guard seat_lock(seat->mutex);
    seat->binding.clear();
    old = std::exchange(seat->backend, nullptr);
    next = std::exchange(seat->next, nullptr);
  }
  scheduler_.detach(role);
  retire(std::move(old));
  retire(std::move(next));
  return {};
}

namespace {

// No call of a lane begins while it lives, but for no longer than the limit.
class Pause {
 public:
  Pause(Scheduler& scheduler, Role lane, milliseconds limit) {
    scheduler.pause(lane, true);
    timer_ = std::jthread([&scheduler, lane, limit](const std::stop_token& stop) {
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable_any().wait_for(lock, stop, limit, [] { return false; });
      scheduler.pause(lane, false);
    });
  }

 private:
  std::jthread timer_;
};

}  // namespace

// Puts `next` behind a role. Where memory has room it is started and tried beside the old engine;
// else the calls that come are held until it stands, or the old one is back.
Status EnginesImpl::replace(Role role, Seat& seat, std::shared_ptr<Backend> next) {
  std::shared_ptr<Backend> old;
  {
    const std::lock_guard lock(seat.mutex);
    old = seat.backend;
  }
  const bool old_runs = old && old->host && old->host->snapshot().pid > 0;
  if (old_runs && next->host) make_room(*next, old.get());
  const bool beside = !old_runs || !next->host || has_room(*next);
  // Somebody waits for the change: the background does not, the old engine's calls go on without
  // taking the processor from the new one, and calls that have not begun wait for it a little.
  struct Hush {
    Scheduler& scheduler;
    explicit Hush(Scheduler& of) : scheduler(of) { scheduler.hush(true); }
    ~Hush() { scheduler.hush(false); }
  } const hush{scheduler_};
  std::optional<Pause> pause;
  if (old_runs && beside) {
    if (next->host) pause.emplace(scheduler_, role, longest_pause);
    old->host->make_nice();
  }
  if (!beside) {
    scheduler_.hold_and_drain(role);
    {
      // What takes no turn may still be with it: counting, questions about itself.
      std::unique_lock lock(retired_mutex_);
      retired_changed_.wait(lock, [&] { return old->calls == 0; });
    }
    old->host->stop();
  }
  const auto done = [&]() -> Status {
    next = settled(role, std::move(next));
    TRY(try_out(role, *next));
    TRY(save_roles({{std::string(name_of(role)), next->binding}}));
    const std::lock_guard lock(seat.mutex);
    seat.binding = next->binding;
    seat.backend = next;
    return {};
  }();
  if (done) {
    scheduler_.detach(role);
  } else {
    // Its process ends before calls may start the old one again.
    next.reset();
    if (old_runs && beside) old->host->make_usual();
  }
  pause.reset();
  if (!beside) scheduler_.release(role);
  if (!done) return done;
  retire(std::move(old));
  if (role == Role::chat) {
    // A fast of its own with this model is not needed any more.
    Seat& fast = seats_.at(Role::fast);
    const std::lock_guard lock(fast.mutex);
    if (fast.backend && fast.backend->host && fast.binding == seat.binding) {
      retire(std::exchange(fast.backend, nullptr));
    }
  }
  return {};
}

// A new embedding model makes vectors that the old ones cannot be compared with. Where there is
// room for both engines the old one goes on answering queries until everything has been embedded
// anew; the embedder says when (finish_embed_change). Without room the change is made at once, and
// search finds by words what has no vector yet.
Status EnginesImpl::change_embed(Seat& seat, std::shared_ptr<Backend> next) {
  std::shared_ptr<Backend> current, abandoned;
  {
    const std::lock_guard lock(seat.mutex);
    current = seat.backend;
  }
  const bool same_space = !current || space_of(current->model) == space_of(next->model);
  // The new engine runs beside the old one for as long as all is embedded anew: what nobody uses
  // makes room for that.
  if (!same_space && next->host) make_room(*next, current.get());
  const bool room = !next->host || has_room(*next);
  if (same_space || !room) {
    TRY(save_roles({{std::string(next_embed_key), ""}}));
    {
      const std::lock_guard lock(seat.mutex);
      abandoned = std::exchange(seat.next, nullptr);
    }
    retire(std::move(abandoned));
    return replace(Role::embed, seat, std::move(next));
  }
  TRY(try_out(Role::embed, *next));
  TRY(save_roles({{std::string(next_embed_key), next->binding}}));
  {
    const std::lock_guard lock(seat.mutex);
    abandoned = std::exchange(seat.next, std::move(next));
  }
  retire(std::move(abandoned));
  return {};
}

Status EnginesImpl::finish_embed_change() {
  const std::lock_guard lock(roles_mutex_);
  Seat& seat = seats_.at(Role::embed);
  std::shared_ptr<Backend> next;
  {
    const std::lock_guard seat_lock(seat.mutex);
    next = seat.next;
  }
  if (!next) return {};
  TRY(save_roles(
      {{std::string(name_of(Role::embed)), next->binding}, {std::string(next_embed_key), ""}}));
  std::shared_ptr<Backend> old;
  {
    const std::lock_guard seat_lock(seat.mutex);
    old = std::exchange(seat.backend, std::move(seat.next));
    seat.next.reset();
    seat.binding = seat.backend->binding;
  }
  retire(std::move(old));
  return {};
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
      auto made = make(role, model.name);
      if (made) {
        const std::lock_guard seat_lock(seat.mutex);
        seat.binding = model.name;
        seat.backend = std::move(*made);
        break;
      }
      // A damaged file is passed over for the next; a missing engine will not mend with another
      // model.
      if (made.error().code == "engine.missing") return tl::unexpected<Error>(made.error());
    }
  }
  return save_roles();
}

void EnginesImpl::retire(std::shared_ptr<Backend> backend) {
  if (!backend) return;
  {
    const std::lock_guard lock(retired_mutex_);
    retired_.push_back(std::move(backend));
  }
  retired_changed_.notify_all();
}

// Ends engines that have been replaced, each after its last call.
void EnginesImpl::end_retired(std::stop_token stop) {
  std::unique_lock lock(retired_mutex_);
  const auto at_rest = [&] {
    return std::find_if(retired_.begin(), retired_.end(),
                        [](const auto& backend) { return backend->calls == 0; });
  };
  while (retired_changed_.wait(lock, stop, [&] { return at_rest() != retired_.end(); })) {
    std::shared_ptr<Backend> backend = *at_rest();
    lock.unlock();
    if (backend->host) backend->host->stop();
    lock.lock();
    // Only now is its socket free for another.
    std::erase(retired_, backend);
  }
}

void EnginesImpl::close() {
  keep_what_waits();
  // One that is being prepared has its own way to an end: its caller is told to stop.
  for (const auto& backend : backends()) backend->host->close();
}

void EnginesImpl::stop_all() {
  keep_what_waits();
  for (const auto& backend : backends()) backend->host->stop();
}

std::vector<std::shared_ptr<Backend>> EnginesImpl::backends() {
  std::vector<std::shared_ptr<Backend>> all;
  for (auto& [role, seat] : seats_) {
    const std::lock_guard lock(seat.mutex);
    all.push_back(seat.backend);
    all.push_back(seat.next);
  }
  {
    const std::lock_guard lock(retired_mutex_);
    all.insert(all.end(), retired_.begin(), retired_.end());
  }
  std::erase_if(all, [](const auto& backend) { return !backend || !backend->host; });
  return all;
}

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

std::string_view name_of(EmbedKind kind) {
  constexpr std::array<std::string_view, 3> names = {"query", "document", "classification"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(EngineState state) {
  constexpr std::array<std::string_view, 5> names = {"unbound", "stopped", "starting", "ready",
                                                     "failed"};
  return names[static_cast<std::size_t>(state)];
}

std::string_view name_of(Urgency urgency) {
  constexpr std::array<std::string_view, 3> names = {"interactive", "proactive", "background"};
  return names[static_cast<std::size_t>(urgency)];
}

base::Result<MemoryPlan> Engines::plan() { return MemoryPlan{}; }

Result<std::unique_ptr<Engines>> Engines::open(EngineOptions options) {
  TRY(os::make_folders(options.home + "/run"));
  TRY(os::make_folders(options.home + "/log"));
  TRY_ASSIGN(std::string sockets, socket_folder(options.home));
  end_leftover_engines(options.home + "/run");
  if (!options.models) {
    TRY_ASSIGN(options.models, Models::open(options.models_folder));
  }
  auto engines = std::make_unique<EnginesImpl>(std::move(options), std::move(sockets));
  TRY(engines->load());
  return engines;
}

}  // namespace lar::engine
