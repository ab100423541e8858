// Keeps the store in line with all sources: one thread per source, which syncs on request, when its
// files change, and again after a failure that may pass. A source that fails disturbs no other.
//
// Thread-safe. Destruction cancels what runs (what it stored stays) and joins all threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/watch.h"
#include "sources/source.h"

namespace lar::sources {

enum class SyncState { idle, waiting, running };
std::string_view name_of(SyncState state);  // "idle" …

// How changes are noticed.
enum class Watching { off, starting, notified, polling };
std::string_view name_of(Watching watching);

struct SourceStatus {
  store::Source source;  // as of its last sync
  SyncState state = SyncState::idle;
  SyncProgress progress;                  // of the sync that runs
  std::optional<SyncReport> last_report;  // of the last sync that went through, in this process
  std::optional<base::Error> error;       // of the last sync, if it failed
  std::optional<base::Microseconds> last_sync;
  Watching watching = Watching::off;
};

struct SyncOptions {
  const Outside* outside = nullptr;  // must outlive the service; null: local sources only
  bool watch = true;  // false: only what is asked for (a command without `lar serve`)
  bool sync_at_start =
      true;  // all sources; syncs interrupted by the end of a process always resume
  std::chrono::milliseconds debounce{500};
  std::chrono::milliseconds first_retry{30'000};  // doubles up to longest_retry
  std::chrono::milliseconds longest_retry{15 * 60'000};
  // Called from the threads of the sources after anything in a status changed (progress: at most a
  // few times a second). Must not call back into the service, but for status().
  std::function<void(const store::Id& source)> changed;
};

class SyncService {
 public:
  // `store` and `reading` must outlive the service.
  static base::Result<std::unique_ptr<SyncService>> start(store::Store& store,
                                                          reading::ReadingService& reading,
                                                          SyncOptions options);
  virtual ~SyncService() = default;

  // Describes the location, stores the source and begins its first sync. Errors: of the source type
  // (source.not_a_maildir …), source.unknown_kind, source.duplicate. settings: JSON object or
  // empty.
  // secret: password or token of a remote source. Blocks while a remote source signs in.
  // A remote source of the same server that is there already is signed in to anew: it keeps its id,
  // name, items and what is not said again of its settings.
  virtual base::Result<store::Source> add(std::string_view kind, const std::string& location,
                                          const std::string& name, const std::string& settings = "",
                                          const std::string& secret = "",
                                          std::stop_token stop = {}) = 0;
  // Stops its sync and removes what lies only there, its secret too; number of items removed.
  virtual base::Result<std::int64_t> remove(const store::Id& source) = 0;

  // Asks for a sync of one source or of all; one that already waits serves both.
  virtual base::Status request(std::optional<store::Id> source) = 0;
  // The same, and waits until a sync that began after the call has ended, successfully or not: the
  // statuses tell. Errors: source.unknown; sync.cancelled if `stop` comes first.
  virtual base::Result<std::vector<SourceStatus>> sync(std::optional<store::Id> source,
                                                       std::stop_token stop) = 0;

  // Makes a change at a remote source, on the caller's thread, and asks for a sync of it. Errors:
  // source.unknown, source.read_only (local sources), those of SourceType::apply.
  virtual base::Result<Applied> apply(const store::Id& source, const Change& change,
                                      std::stop_token stop) = 0;

  // Hands a mail to a source's submission server, on the caller's thread. Errors: source.unknown,
  // source.read_only, those of SourceType::send; nothing was sent then.
  virtual base::Result<net::Handover> send(const store::Id& source, const Outgoing& mail,
                                           std::stop_token stop) = 0;

  virtual std::vector<SourceStatus> status() = 0;  // in the order they were added
};

}  // namespace lar::sources
