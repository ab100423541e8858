// The way from files to the store that all sources share: files are opened, hashed and read by a
// few threads (the reading service works in parallel) and recorded in order, in batches of one
// transaction, by the thread of the source. What is held in memory is bounded.
//
// Owned and called by one sync, on the source's thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "sources/files.h"
#include "sources/source.h"

namespace lar::sources {

// What could not be read (or held nothing to read) and has not changed since: it is not tried again
// until the file or one of the readers changes. Part of a source's cursor.
class Skipped {
 public:
  struct Entry {
    FileState state;
    std::string code;  // empty: read, but nothing was in it
    base::Parameters parameters;
    bool definite = true;  // false: failed once, for a reason that may have been the machine's
  };

  Skipped() = default;
  // Entries made with other readers than these are dropped.
  static Skipped from_json(const nlohmann::json& value, const reading::ReadingService& reading);
  nlohmann::json to_json() const;

  // Null where the file deserves to be read.
  const Entry* find(const std::string& key, const FileState& state) const;
  // The second time in a row makes an entry definite.
  void add(const std::string& key, Entry entry);
  void remove(const std::string& key) { entries_.erase(key); }
  // Forgets keys that are not among the listed ones.
  void keep_only(const std::set<std::string>& keys);
  // The same among keys that begin with `prefix`.
  void keep_only_below(std::string_view prefix, const std::set<std::string>& keys);

 private:
  std::string readers_;  // which readers these entries were made with
  std::map<std::string, Entry> entries_;
};

// Names and versions of all readers, as one text.
std::string readers_signature(const reading::ReadingService& reading);

// What the same bytes are read with: where it differs, another reading could give something else.
// Part of a cursor of files that hold events.
struct ReadingBasis {
  std::string readers;
  std::string zone;
  Horizon horizon;

  static ReadingBasis now(const reading::ReadingService& reading);
  // The members "readers", "zone" and "horizon" of a cursor; throws where one is missing.
  static ReadingBasis from_json(const nlohmann::json& cursor);
  void write_to(nlohmann::json& cursor) const;

  bool operator==(const ReadingBasis&) const = default;
};

// Where an item lies; several items of one file share the base of their uids.
using PlacementKey = std::pair<std::string, std::string>;  // folder, uid
// A file may hold several items: then uid is the base, "//" (which no path contains) and the
// external id of the item.
std::string base_uid(std::string_view uid);
// Placements of this source whose items were made by an older version of a reader.
base::Result<std::set<PlacementKey>> outdated(SyncContext& context);

enum class Keep { original, reference };  // reference: the file stays where it is

struct Loaded {
  std::string bytes;
  std::string fingerprint;
};

// One file, or one stretch of a file, to look at.
struct Task {
  std::string path;                 // absolute
  std::string name;                 // file name, for the choice of the reader
  std::string media_type;           // if known
  std::string relative_path;        // external id of documents, and what notices name
  std::string key;                  // in Skipped
  store::Placement placement;       // complete but for item and fingerprint
  base::Microseconds modified = 0;  // of the file, for documents
  Keep keep = Keep::reference;
  // The bytes were seen before under this hash: if they still have it, only the placement is
  // updated.
  std::vector<store::Placement> known;
  // Places of the same bytes elsewhere: if the hash agrees, the item gets one more placement.
  std::vector<store::Placement> elsewhere;
  // Files that have gone, each with all its placements: if one had these bytes, it was renamed, and
  // its items move here unread. The first that fits and was not taken by another task counts.
  std::vector<std::vector<store::Placement>> vanished;
  // Fetches the bytes where they are no whole file; nothing: they have gone.
  std::function<base::Result<std::optional<Loaded>>(const Task&)> load;
};

class Pipeline {
 public:
  Pipeline(SyncContext& context, SyncReport& report, Skipped& skipped);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Total for the progress.
  void expect(std::int64_t total);
  // Counts things that needed no reading: as unchanged, or only as dealt with.
  void pass(std::int64_t count);
  void advance(std::int64_t count);
  // Takes a task, and records what has become ready. Errors: of the store; sync.cancelled.
  base::Status add(Task task);
  // Waits for everything and records it.
  base::Status finish();
  // Some bytes changed or went while the sync ran: its listing is out of date.
  bool disturbed() const { return disturbed_; }
  // Whether a placement among Task::vanished was found elsewhere.
  bool was_moved(const store::Placement& placement) const {
    return moved_.contains({placement.folder, base_uid(placement.uid)});
  }

 private:
  enum class Finding { read, same, elsewhere, moved, vanished, failed };
  struct Slot {
    Task task;
    bool done = false;
    Finding finding = Finding::failed;
    std::size_t match = 0;  // index into task.elsewhere or task.vanished
    std::string fingerprint;
    std::string original;
    reading::Reading reading;
    base::Error error;
    std::uint64_t weight = 0;
  };

  void work(std::stop_token stop);
  void look_at(Slot& slot, std::stop_token stop);
  base::Status take_ready();
  base::Status take_front();
  base::Status take(std::unique_ptr<Slot> slot);
  bool claim(Slot& slot);
  base::Status move(const Task& task, const std::vector<store::Placement>& from);
  base::Status flush();
  base::Status record(Slot& slot, std::vector<store::Recording>& recordings,
                      std::vector<std::string>& uids);
  base::Status settle(Slot& slot, const std::vector<std::string>& uids);
  void count(const store::RecordOutcome& outcome);
  void fail(const Task& task, const base::Error& error);

  SyncContext& context_;
  SyncReport& report_;
  Skipped& skipped_;
  Horizon horizon_;
  std::string zone_;
  SyncProgress progress_;
  bool disturbed_ = false;

  std::vector<std::unique_ptr<Slot>> batch_;  // read, not yet recorded
  std::uint64_t batch_bytes_ = 0;
  std::chrono::steady_clock::time_point batch_begun_;

  std::mutex mutex_;
  std::condition_variable_any work_;          // something to look at
  std::condition_variable_any ready_;         // something was looked at
  std::deque<std::unique_ptr<Slot>> window_;  // in the order of the tasks
  std::deque<Slot*> queue_;
  std::uint64_t weight_ = 0;           // bytes held by the window
  std::set<PlacementKey> moved_;       // files of Task::vanished that a task has taken
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

// Makes `placement` a further place of the item it names, without reading it again.
base::Status place(store::Store& store, const store::Placement& placement);

tl::unexpected<base::Error> fail_cancelled();

}  // namespace lar::sources
