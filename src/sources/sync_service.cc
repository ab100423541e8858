// One Worker per source with two threads: one syncs, one watches. Everything that several threads
// see is guarded by the service's one mutex; syncs run without it.
#include "sources/sync_service.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.h"

namespace lar::sources {

namespace {

using base::ErrorKind;
using base::Status;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::string_view job_kind = "sync";
constexpr milliseconds progress_pause{250};
constexpr milliseconds job_pause{2'000};

std::string to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string error_text(const base::Error& error) {
  return to_text({{"code", error.code}, {"parameters", error.parameters}});
}

std::optional<base::Error> error_from_text(const std::string& text) {
  try {
    const auto value = nlohmann::json::parse(text);
    base::Error error;
    error.kind = ErrorKind::unavailable;
    error.code = value.at("code").get<std::string>();
    error.parameters = value.at("parameters").get<base::Parameters>();
    return error;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

// The settings of an account with what is said of them now. How one signs in is said anew each
// time.
std::string over(const std::string& settings, const std::string& given) {
  nlohmann::json all = nlohmann::json::parse(settings, nullptr, false);
  const nlohmann::json more = nlohmann::json::parse(given, nullptr, false);
  if (!all.is_object()) return given;
  all.erase("oauth");
  if (more.is_object()) all.update(more);
  return to_text(all);
}

// "" where the location says it.
std::string server_in(const std::string& settings) {
  const nlohmann::json value = nlohmann::json::parse(settings, nullptr, false);
  const bool has = value.is_object() && value.contains("host") && value["host"].is_string();
  return has ? value["host"].get<std::string>() : std::string();
}

// A password or token that the server does not take. Trying it again and again would get the
// account locked, and cannot help before the owner does something.
bool is_sign_in_refused(const base::Error& error) {
  static constexpr std::string_view codes[] = {"imap.password_wrong", "imap.app_password",
                                               "imap.token_refused",  "imap.no_password",
                                               "dav.password",        "dav.token_refused"};
  return error.retry == base::Retry::no &&
         std::find(std::begin(codes), std::end(codes), error.code) != std::end(codes);
}

struct Worker {
  SourceStatus status;
  std::uint64_t requested = 0;  // numbers of syncs: what was asked for, began and ended
  std::uint64_t begun = 0;
  std::uint64_t finished = 0;
  bool asked = false;    // by somebody, not by the watcher
  bool renewed = false;  // signed in to anew: no more pausing
  std::optional<Steady::time_point> retry_at;
  milliseconds retry_pause{0};
  std::jthread watcher;
  std::jthread syncer;
};

class Service final : public SyncService {
 public:
  Service(store::Store& store, reading::ReadingService& reading, SyncOptions options)
      : store_(store), reading_(reading), options_(std::move(options)) {}

  ~Service() override {
    std::map<store::Id, std::unique_ptr<Worker>> workers;
    {
      const std::lock_guard lock(mutex_);
      workers.swap(workers_);
    }
    // All are asked to stop before the first is waited for.
    for (auto& [id, worker] : workers) stop(*worker);
    workers.clear();
  }

  Status begin() {
    TRY_ASSIGN(const auto sources, store_.sources());
    TRY_ASSIGN(const auto jobs, store_.unfinished_jobs());
    for (const store::Source& source : sources) {
      const bool interrupted = std::any_of(jobs.begin(), jobs.end(), [&](const store::Job& job) {
        return job.kind == job_kind && job.subject == source.id.text();
      });
      begin_worker(source, interrupted || options_.sync_at_start, interrupted);
    }
    return {};
  }

  base::Result<store::Source> add(std::string_view kind, const std::string& location,
                                  const std::string& name, const std::string& settings,
                                  const std::string& secret, std::stop_token stop) override {
    const SourceType* type = find_source_type(kind);
    if (type == nullptr) {
      std::string known;
      for (const SourceType& one : registry()) {
        known += (known.empty() ? "" : ", ") + std::string(one.kind);
      }
      return base::fail(ErrorKind::invalid_input, "source.unknown_kind",
                        {{"kind", std::string(kind)}, {"known", known}});
    }
    const bool remote = type->wait != nullptr;
    const auto named = remote ? find(kind, std::string(base::trim(location))) : std::nullopt;
    TRY_ASSIGN(store::Source source,
               type->describe({location, name, named ? over(named->settings, settings) : settings,
                               secret, options_.outside, stop}));
    // A remote source has settled its own: what the owner gave and what the server said.
    if (!settings.empty() && !remote) source.settings = settings;
    if (source.settings.empty()) source.settings = "{}";
    if (remote && !secret.empty()) {
      auto known = find(kind, source.location);
      if (known && server_in(known->settings) == server_in(source.settings)) {
        return sign_in_anew(std::move(*known), source.settings, secret);
      }
    }
    // Mail and calendars of one account are found under the same name.
    if (name.empty()) {
      TRY_ASSIGN(const auto known, store_.sources());
      if (std::any_of(known.begin(), known.end(),
                      [&](const store::Source& other) { return other.name == source.name; })) {
        source.name += " (" + std::string(kind) + ")";
      }
    }
    TRY_ASSIGN(source, store_.add_source(source));
    if (!secret.empty() && options_.outside != nullptr) {
      if (auto kept = options_.outside->secrets.put(secret_name(source.id), secret); !kept) {
        (void)store_.remove_source(source.id);
        return tl::unexpected(kept.error());
      }
    }
    begin_worker(source, true, true);
    return source;
  }

  base::Result<std::int64_t> remove(const store::Id& source) override {
    std::unique_ptr<Worker> worker;
    {
      const std::lock_guard lock(mutex_);
      const auto found = workers_.find(source);
      if (found == workers_.end()) return unknown(source);
      worker = std::move(found->second);
      workers_.erase(found);
    }
    stop(*worker);
    worker.reset();
    changed_.notify_all();
    TRY_ASSIGN(const auto jobs, store_.unfinished_jobs());
    for (store::Job job : jobs) {
      if (job.kind != job_kind || job.subject != source.text()) continue;
      job.state = store::JobState::cancelled;
      TRY(store_.save_job(job));
    }
    auto removed = store_.remove_source(source);
    if (removed && options_.outside != nullptr) {
      TRY(options_.outside->secrets.remove(secret_name(source)));
    }
    tell(source);
    return removed;
  }

  base::Result<Applied> apply(const store::Id& id, const Change& change,
                              std::stop_token stop) override {
    const auto source = find(id);
    if (!source) return unknown(id);
    const SourceType* type = find_source_type(source->kind);
    if (type == nullptr || type->apply == nullptr) {
      return base::fail(ErrorKind::unsupported, "source.read_only", {{"source", source->name}});
    }
    SyncContext context{store_, reading_, *source, {}, stop, options_.outside};
    auto applied = type->apply(context, change);
    TRY(request(id));
    return applied;
  }

  base::Result<net::Handover> send(const store::Id& id, const Outgoing& mail,
                                   std::stop_token stop) override {
    const auto source = find(id);
    if (!source) return unknown(id);
    const SourceType* type = find_source_type(source->kind);
    if (type == nullptr || type->send == nullptr) {
      return base::fail(ErrorKind::unsupported, "source.read_only", {{"source", source->name}});
    }
    SyncContext context{store_, reading_, *source, {}, stop, options_.outside};
    return type->send(context, mail);
  }

  Status request(std::optional<store::Id> source) override {
    TRY(ask(source));
    return {};
  }

  base::Result<std::vector<SourceStatus>> sync(std::optional<store::Id> source,
                                               std::stop_token stop) override {
    TRY_ASSIGN(const auto numbers, ask(source));
    std::unique_lock lock(mutex_);
    const bool ended = changed_.wait(lock, stop, [&] {
      return std::all_of(numbers.begin(), numbers.end(), [&](const auto& entry) {
        const auto found = workers_.find(entry.first);
        return found == workers_.end() || found->second->finished >= entry.second;
      });
    });
    if (!ended) return base::fail(ErrorKind::cancelled, "sync.cancelled", {}, base::Retry::later);
    std::vector<SourceStatus> statuses;
    for (const auto& [id, number] : numbers) {
      const auto found = workers_.find(id);
      if (found != workers_.end()) statuses.push_back(found->second->status);
    }
    return statuses;
  }

  std::vector<SourceStatus> status() override {
    std::vector<SourceStatus> statuses;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, worker] : workers_) statuses.push_back(worker->status);
    return statuses;
  }

 private:
  static tl::unexpected<base::Error> unknown(const store::Id& source) {
    return base::fail(ErrorKind::not_found, "source.unknown", {{"source", source.text()}});
  }

  static void stop(Worker& worker) {
    worker.watcher.request_stop();
    worker.syncer.request_stop();
  }

  void tell(const store::Id& source) {
    if (options_.changed) options_.changed(source);
  }

  // Of an account whose password has changed, or whose token is not good any more. The secret comes
  // first: settings without it would be of no use.
  base::Result<store::Source> sign_in_anew(store::Source source, const std::string& given,
                                           const std::string& secret) {
    if (options_.outside == nullptr) {
      return base::fail(ErrorKind::permission, "source.no_outside");
    }
    TRY(options_.outside->secrets.put(secret_name(source.id), secret));
    source.settings = over(source.settings, given);
    TRY(store_.save_settings(source.id, source.settings));
    TRY(store_.write_journal("approval", "journal.source_renewed",
                             to_text({{"source", source.name}, {"id", source.id.text()}})));
    {
      const std::lock_guard lock(mutex_);
      if (const auto worker = workers_.find(source.id); worker != workers_.end()) {
        worker->second->renewed = true;
      }
    }
    TRY(request(source.id));
    return source;
  }

  void begin_worker(const store::Source& source, bool sync_now, bool asked) {
    auto made = std::make_unique<Worker>();
    Worker& worker = *made;
    worker.status.source = source;
    worker.status.last_sync = source.last_sync;
    if (!source.error.empty()) worker.status.error = error_from_text(source.error);
    if (options_.watch) worker.status.watching = Watching::starting;
    if (sync_now) {
      worker.requested = 1;
      worker.asked = asked;
      worker.status.state = SyncState::waiting;
    }
    const std::lock_guard lock(mutex_);
    workers_[source.id] = std::move(made);
    worker.syncer = std::jthread([this, &worker](std::stop_token token) { work(worker, token); });
    if (options_.watch) {
      worker.watcher =
          std::jthread([this, &worker](std::stop_token token) { watch(worker, token); });
    }
  }

  // Asks for syncs; the number each has to reach.
  base::Result<std::map<store::Id, std::uint64_t>> ask(std::optional<store::Id> source) {
    std::map<store::Id, std::uint64_t> numbers;
    {
      const std::lock_guard lock(mutex_);
      if (source && !workers_.contains(*source)) return unknown(*source);
      for (auto& [id, worker] : workers_) {
        if (source && id != *source) continue;
        // One that has not begun yet serves this request too; one that runs may have missed
        // changes.
        if (worker->requested <= worker->begun) worker->requested = worker->begun + 1;
        worker->asked = true;
        if (worker->status.state == SyncState::idle) worker->status.state = SyncState::waiting;
        numbers[id] = worker->requested;
      }
    }
    changed_.notify_all();
    return numbers;
  }

  // ---- threads of a worker ----

  void watch(Worker& worker, std::stop_token stop) {
    const store::Id id = worker.status.source.id;
    const SourceType* type = find_source_type(worker.status.source.kind);
    const auto roots =
        type != nullptr ? type->watch(worker.status.source) : std::vector<std::string>();
    const auto set = [&](Watching watching) {
      {
        const std::lock_guard lock(mutex_);
        worker.status.watching = watching;
      }
      changed_.notify_all();
      tell(id);
    };
    if (type != nullptr && type->wait != nullptr) return wait_for_server(worker, *type, set, stop);
    if (roots.empty()) return set(Watching::off);
    os::WatchOptions options;
    options.debounce = options_.debounce;
    if (type->unwatched != nullptr) options.unwatched = type->unwatched;
    const auto ended = os::watch(
        roots, options,
        [&](const os::Changes&) {
          const std::lock_guard lock(mutex_);
          if (worker.requested <= worker.begun) worker.requested = worker.begun + 1;
          if (worker.status.state == SyncState::idle) worker.status.state = SyncState::waiting;
          changed_.notify_all();
        },
        [&](os::WatchMode mode) {
          set(mode == os::WatchMode::notified ? Watching::notified : Watching::polling);
        },
        stop);
    if (!ended) set(Watching::off);
  }

  // While the last answer is that the password is wrong nothing is tried: not before the account is
  // signed in to anew or somebody asks for a sync, which may try once. False: stopped.
  template <typename Set>
  bool wait_until_signed_in(Worker& worker, const Set& set, std::stop_token stop) {
    const auto refused = [&] {
      return worker.status.error && is_sign_in_refused(*worker.status.error);
    };
    bool paused = false;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, stop, [&] { return worker.requested <= worker.finished; });
        if (stop.stop_requested()) return false;
        if (!refused()) {
          if (paused) worker.renewed = false;
          break;
        }
        if (paused) {
          changed_.wait(lock, stop,
                        [&] { return !refused() || worker.requested > worker.finished; });
          continue;
        }
      }
      paused = true;
      set(Watching::off);
    }
    if (paused) set(Watching::notified);
    return true;
  }

  template <typename Set>
  void wait_for_server(Worker& worker, const SourceType& type, const Set& set,
                       std::stop_token stop) {
    const store::Id id = worker.status.source.id;
    milliseconds pause{0};
    set(Watching::notified);
    while (!stop.stop_requested()) {
      if (!wait_until_signed_in(worker, set, stop)) return;
      {
        // What is known shows in the cursor only once the sync that was asked for has ended.
        std::unique_lock lock(mutex_);
        changed_.wait(lock, stop, [&] { return worker.requested <= worker.finished; });
        if (stop.stop_requested()) return;
      }
      // Its settings and cursor may have changed since.
      const auto source = find(id);
      Status waited = {};
      if (!source) return set(Watching::off);
      SyncContext context{store_, reading_, *source, {}, stop, options_.outside};
      try {
        waited = type.wait(context);
      } catch (const std::exception& exception) {
        waited = base::fail(ErrorKind::internal, "source.failed", {{"detail", exception.what()}});
      }
      if (stop.stop_requested()) return;
      if (waited) {
        pause = milliseconds(0);
        set(Watching::notified);
      } else {
        // Polling at the pace of the pauses: the sync says what is wrong, and whether it is still.
        set(Watching::polling);
        pause =
            pause.count() == 0 ? options_.first_retry : std::min(pause * 2, options_.longest_retry);
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, stop, pause, [&] { return worker.renewed; });
        if (stop.stop_requested()) return;
        if (std::exchange(worker.renewed, false)) pause = milliseconds(0);
      }
      {
        const std::lock_guard lock(mutex_);
        if (worker.requested <= worker.begun) worker.requested = worker.begun + 1;
        if (worker.status.state == SyncState::idle) worker.status.state = SyncState::waiting;
      }
      changed_.notify_all();
    }
  }

  void work(Worker& worker, std::stop_token stop) {
    const store::Id id = worker.status.source.id;
    while (!stop.stop_requested()) {
      bool asked = false;
      {
        std::unique_lock lock(mutex_);
        const auto due = [&] {
          // What changes while watching begins would be missed by a sync that came before.
          if (worker.status.watching == Watching::starting) return false;
          return worker.requested > worker.begun ||
                 (worker.retry_at && Steady::now() >= *worker.retry_at);
        };
        while (!stop.stop_requested() && !due()) {
          if (worker.retry_at) {
            changed_.wait_until(lock, stop, *worker.retry_at, due);
          } else {
            changed_.wait(lock, stop, due);
          }
        }
        if (stop.stop_requested()) return;
        if (worker.requested <= worker.begun) worker.requested = worker.begun + 1;
        worker.begun = worker.requested;
        asked = std::exchange(worker.asked, false);
        worker.retry_at.reset();
        worker.status.state = SyncState::running;
        worker.status.progress = {};
      }
      tell(id);
      auto outcome = sync_once(worker, stop);
      finish(worker, std::move(outcome), asked, stop);
    }
  }

  base::Result<SyncReport> sync_once(Worker& worker, std::stop_token stop) {
    const store::Id id = worker.status.source.id;
    TRY_ASSIGN(const auto sources, store_.sources());
    const auto source = std::find_if(sources.begin(), sources.end(),
                                     [&](const store::Source& one) { return one.id == id; });
    if (source == sources.end()) return unknown(id);
    const SourceType* type = find_source_type(source->kind);
    if (type == nullptr) {
      return base::fail(ErrorKind::unsupported, "source.unknown_kind",
                        {{"kind", source->kind}, {"known", ""}});
    }
    TRY_ASSIGN(store::Job job, store_.start_job(std::string(job_kind), id.text()));
    job.state = store::JobState::running;
    TRY(store_.save_job(job));

    Steady::time_point told;
    Steady::time_point saved = Steady::now();
    SyncContext context{store_, reading_, *source, {}, stop, options_.outside};
    context.progress = [&](const SyncProgress& progress) {
      {
        const std::lock_guard lock(mutex_);
        worker.status.progress = progress;
      }
      const auto now = Steady::now();
      if (now - told >= progress_pause) {
        told = now;
        tell(id);
      }
      if (now - saved >= job_pause) {
        saved = now;
        job.progress = to_text({{"done", progress.done}, {"total", progress.total}});
        // Only for show after a restart: a failure here shows in the sync itself.
        (void)store_.save_job(job);
      }
    };
    auto outcome = [&]() -> base::Result<SyncReport> {
      try {
        return type->sync(context);
      } catch (const std::exception& exception) {
        // A fault of ours or of a library in one source must not end the others.
        return base::fail(ErrorKind::internal, "source.failed", {{"detail", exception.what()}});
      }
    }();
    if (!outcome && outcome.error().kind == ErrorKind::cancelled && stop.stop_requested()) {
      return outcome;  // the job stays unfinished and is taken up again at the next start
    }
    job.state = outcome ? store::JobState::done : store::JobState::failed;
    if (!outcome) job.error = error_text(outcome.error());
    const Status ended = store_.save_job(job);
    if (outcome && !ended) return tl::unexpected(ended.error());
    return outcome;
  }

  void finish(Worker& worker, base::Result<SyncReport> outcome, bool asked, std::stop_token stop) {
    const store::Id id = worker.status.source.id;
    const bool cancelled =
        !outcome && outcome.error().kind == ErrorKind::cancelled && stop.stop_requested();
    std::optional<store::Source> stored;
    if (!cancelled) {
      if (!outcome) {
        // The cursor may have moved before the failure: it is the stored one that stays.
        if (const auto source = find(id)) {
          (void)store_.save_sync(id, source->cursor, error_text(outcome.error()));
        }
      }
      stored = find(id);
      write_journal(worker, stored, outcome, asked);
    }
    {
      const std::lock_guard lock(mutex_);
      SourceStatus& status = worker.status;
      if (stored) {
        status.source = *stored;
        status.last_sync = stored->last_sync;
      }
      if (outcome) {
        status.last_report = std::move(*outcome);
        status.error.reset();
        worker.retry_pause = milliseconds(0);
      } else if (!cancelled) {
        status.error = outcome.error();
        const base::Error& error = outcome.error();
        if (options_.watch &&
            (error.retry == base::Retry::later || error.kind == ErrorKind::no_space ||
             error.kind == ErrorKind::busy)) {
          worker.retry_pause = worker.retry_pause.count() == 0
                                   ? options_.first_retry
                                   : std::min(worker.retry_pause * 2, options_.longest_retry);
          worker.retry_at = Steady::now() + worker.retry_pause;
        }
      }
      worker.finished = worker.begun;
      status.state = worker.requested > worker.begun ? SyncState::waiting : SyncState::idle;
    }
    changed_.notify_all();
    tell(id);
  }

  std::optional<store::Source> find(std::string_view kind, const std::string& location) {
    const auto sources = store_.sources();
    if (!sources) return std::nullopt;
    const auto found = std::find_if(
        sources->begin(), sources->end(),
        [&](const store::Source& one) { return one.kind == kind && one.location == location; });
    return found == sources->end() ? std::nullopt : std::optional(*found);
  }

  std::optional<store::Source> find(const store::Id& id) {
    const auto sources = store_.sources();
    if (!sources) return std::nullopt;
    const auto found = std::find_if(sources->begin(), sources->end(),
                                    [&](const store::Source& one) { return one.id == id; });
    return found == sources->end() ? std::nullopt : std::optional(*found);
  }

  // Counts only. A sync nobody asked for that changed nothing is not worth a line.
  void write_journal(const Worker& worker, const std::optional<store::Source>& source,
                     const base::Result<SyncReport>& outcome, bool asked) {
    nlohmann::json detail = {{"id", worker.status.source.id.text()},
                             {"source", source ? source->name : worker.status.source.name}};
    if (outcome) {
      if (!asked && outcome->added + outcome->changed + outcome->removed == 0) return;
      detail["added"] = outcome->added;
      detail["changed"] = outcome->changed;
      detail["removed"] = outcome->removed;
      detail["unchanged"] = outcome->unchanged;
      detail["failed"] = outcome->failed;
      (void)store_.write_journal("sync", "journal.sync", to_text(detail));
    } else {
      detail["code"] = outcome.error().code;
      detail["parameters"] = outcome.error().parameters;
      (void)store_.write_journal("error", "journal.sync_failed", to_text(detail));
    }
  }

  store::Store& store_;
  reading::ReadingService& reading_;
  SyncOptions options_;

  std::mutex mutex_;
  std::condition_variable_any changed_;                   // requests, ends of syncs, watching
  std::map<store::Id, std::unique_ptr<Worker>> workers_;  // by id: UUIDv7, so in order of adding
};

}  // namespace

std::string_view name_of(SyncState state) {
  switch (state) {
    case SyncState::idle:
      return "idle";
    case SyncState::waiting:
      return "waiting";
    case SyncState::running:
      return "running";
  }
  return "idle";
}

std::string_view name_of(Watching watching) {
  switch (watching) {
    case Watching::off:
      return "off";
    case Watching::starting:
      return "starting";
    case Watching::notified:
      return "notified";
    case Watching::polling:
      return "polling";
  }
  return "off";
}

base::Result<std::unique_ptr<SyncService>> SyncService::start(store::Store& store,
                                                              reading::ReadingService& reading,
                                                              SyncOptions options) {
  auto service = std::make_unique<Service>(store, reading, std::move(options));
  TRY(service->begin());
  return std::unique_ptr<SyncService>(std::move(service));
}

}  // namespace lar::sources
