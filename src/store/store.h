// The store: everything lar keeps, in HOME/lar.db (SQLite, WAL) and HOME/blobs (content-addressed,
// zstd). It speaks in operations, not in SQL or rows; this folder is the only place with SQL.
//
// Thread-safe. One owner thread writes; readers use their own connections and never wait for it.
// Every operation that records an item is one transaction: after kill -9 an item is whole or
// absent. HOME/lock is held for as long as the store is open: a second process gets store.locked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "domain/item.h"

namespace lar::store {

using base::Id;
using base::Microseconds;

// ---- sources ---------------------------------------------------------------------------------

struct Source {
  Id id;
  std::string kind;      // "maildir", "mbox", "folder", "ics", "vcf"
  std::string name;      // shown; unique
  std::string location;  // absolute path (or address)
  std::string settings;  // JSON object, the source's own
  std::string cursor;    // JSON, the source's own; empty before the first sync
  std::optional<Microseconds> last_sync;
  std::string error;       // JSON {code, parameters} of the last failed sync; empty if it went well
  std::int64_t items = 0;  // present items, kept by the store
};

// ---- items -----------------------------------------------------------------------------------

// Where an item lies in a source. Unique by (source, folder, uid); mutable.
struct Placement {
  Id item;
  Id source;
  std::string folder;  // Maildir subfolder, directory, "" for the top
  std::string uid;  // stable inside the folder: Maildir base name, mbox offset+hash, file path, UID
  std::string flags;  // source's own: "S", "FS" …
  std::string path;   // of a local file, else empty
  std::uint64_t size = 0;
  Microseconds modified = 0;
  std::string fingerprint;  // hex hash of the bytes, or an ETag: unchanged means not read again
};

// What to record: one item with its placement. `original` is kept as a blob unless the placement
// has a path of its own (local documents are referenced, not copied).
struct Recording {
  const domain::Item* item = nullptr;
  Placement placement;        // .item is ignored
  std::string_view original;  // bytes to keep; empty for referenced files
  std::string producer;       // reader's name and version
  int producer_version = 0;
};

enum class Recorded { added, changed, unchanged, placed };  // placed: known item, new placement
struct RecordOutcome {
  Id item;
  Recorded what = Recorded::added;
};

struct StoredItem {
  Id id;
  domain::Item item;  // with parts; passages empty unless asked for
  int version = 1;
  std::string thread;  // names the thread: id text of the first of its items recorded
  std::vector<Placement> placements;
  std::string blob;  // hex hash of the original, or empty
  std::string producer;
  int producer_version = 0;
  Microseconds recorded = 0;
};

// ---- search ----------------------------------------------------------------------------------

struct SearchRequest {
  std::string text;                     // as typed; "quoted phrases" must match in order; a
                                        // last word ending in * also matches longer words
  std::vector<std::string> more_terms;  // optional further words, ranked lower (translations)
  std::vector<float> vector;            // of the query; empty: text only
  std::string vector_model;             // which vectors it belongs to
  std::optional<domain::ItemKind> kind;
  std::optional<Id> source;
  std::string person;                  // name or address: each word a folded substring
  std::optional<Microseconds> after;   // [after, before) touches the item's time or that of an
  std::optional<Microseconds> before;  // occurrence
  int limit = 10;                      // of hits
  bool one_per_thread = true;          // the best passage of each thread only
  int passages_per_item = 1;
};

struct Hit {
  Id item;
  Id passage;
  std::string external_id;
  domain::ItemKind kind = domain::ItemKind::document;
  domain::Origin origin = domain::Origin::own_data;
  std::string title;
  std::vector<domain::Person> people;
  std::optional<domain::When> when;
  std::string thread;
  Id source;
  std::string part_name;  // of an attachment
  domain::SegmentKind segment = domain::SegmentKind::text;
  domain::Locator locator;
  std::string text;   // of the passage
  double score = 0;   // fused; comparable inside one result only
  int text_rank = 0;  // 1-based; 0 = not among the text hits
  int vector_rank = 0;
  float similarity = 0;  // cosine, where the vector was found
};

// An occurrence of an event in the store.
struct StoredOccurrence {
  Id item;
  std::string title;
  domain::Occurrence occurrence;
};

// ---- vectors ---------------------------------------------------------------------------------

struct PendingPassage {
  Id passage;
  std::string title;  // of the item (and attachment)
  std::string text;
};
struct PassageVector {
  Id passage;
  std::vector<float> values;  // normalised
};
struct VectorProgress {
  std::int64_t done = 0;
  std::int64_t total = 0;
};

// ---- journal, conversations, jobs ------------------------------------------------------------

struct JournalEntry {
  Id id;
  Microseconds time = 0;
  std::string kind;     // "model_call", "sync", "error", "approval", "egress", "tool_call"
  std::string summary;  // an i18n code
  std::string detail;   // JSON object
};

// What the owner said of an answer.
struct Correction {
  bool right = false;
  std::string text;  // what would have been right; may be empty
  Microseconds made = 0;
};
struct Turn {
  Id id;
  Microseconds time = 0;
  std::string question;
  std::string answer;  // JSON of the whole answer
  std::optional<Correction> correction = {};
};
struct Conversation {
  Id id;
  std::string title;
  Microseconds updated = 0;
};

enum class JobState { waiting, running, done, failed, cancelled };
std::string_view name_of(JobState state);
// Something expensive that survives a restart.
struct Job {
  Id id;
  std::string kind;     // "sync", "embed", "pull"
  std::string subject;  // source id, model name …; one unfinished job per (kind, subject)
  JobState state = JobState::waiting;
  std::string progress;  // JSON, the job's own
  std::string error;     // JSON {code, parameters}
  Microseconds created = 0;
  Microseconds updated = 0;
};

struct Counts {
  std::int64_t items = 0;
  std::int64_t passages = 0;
};

enum class Check { quick, full };

class AssistantStore;

class Store {
 public:
  // Creates HOME (0700) and the database where absent, migrates an older one (after a copy to
  // HOME/backups), refuses a newer one (store.newer). Errors: store.locked (with {pid}), file.*,
  // store.corrupt.
  static base::Result<std::unique_ptr<Store>> open(const std::string& home);
  virtual ~Store() = default;

  virtual base::Result<Source> add_source(const Source& source) = 0;  // source.duplicate
  virtual base::Result<std::vector<Source>> sources() = 0;
  virtual base::Status save_settings(const Id& source, const std::string& settings) = 0;
  virtual base::Status save_sync(const Id& source, const std::string& cursor,
                                 const std::string& error) = 0;
  // Its placements and the items that lie nowhere else; number of items removed.
  virtual base::Result<std::int64_t> remove_source(const Id& source) = 0;

  // One transaction: item (new version if its content or producer changed), placement, parts,
  // passages, full text, occurrences, thread, blob.
  virtual base::Result<RecordOutcome> record(const Recording& recording) = 0;
  // Many recordings in one transaction, for the first sync; outcome i belongs to recording i.
  virtual base::Result<std::vector<RecordOutcome>> record_all(std::span<const Recording> all) = 0;
  virtual base::Result<std::vector<Placement>> placements(const Id& source) = 0;
  virtual base::Status update_placement(const Placement& placement) = 0;  // flags, path, times
  // The same bytes lie at `to` now instead of at `from`, both of one source. The item keeps its id,
  // passages and vectors; where its external id or title was the path, it becomes the new one.
  // Errors: placement.unknown.
  virtual base::Status move_placement(const Placement& from, const Placement& to) = 0;
  // Removes placements and the items that then lie nowhere; number of items removed.
  virtual base::Result<std::int64_t> forget(std::span<const Placement> gone) = 0;

  virtual base::Result<StoredItem> item(const Id& id) = 0;  // item.unknown
  virtual base::Result<std::optional<Id>> find_item(const std::string& external_id) = 0;
  virtual base::Result<std::vector<Id>> thread_items(
      const std::string& thread) = 0;  // oldest first
  // The blob's bytes; item.no_original where the item is a file that is only referred to.
  virtual base::Result<std::string> original(const Id& item) = 0;
  virtual base::Result<std::vector<domain::Passage>> passages(const Id& item) = 0;
  // Readers whose items need reading again: placements made by an older version of `producer`.
  virtual base::Result<std::vector<Placement>> made_by_older(const std::string& producer,
                                                             int version) = 0;

  // Text and vector lists fused (reciprocal ranks). With neither words nor vector: what passes the
  // filters, newest first; without filters nothing.
  virtual base::Result<std::vector<Hit>> search(const SearchRequest& request) = 0;
  virtual base::Result<std::vector<StoredOccurrence>> occurrences(Microseconds after,
                                                                  Microseconds before) = 0;
  virtual base::Result<std::vector<Hit>> item_passages(const Id& item) = 0;  // as hits, in order

  // Passages without a vector of `model`, newest item first.
  // Registers the model on its first call.
  virtual base::Result<std::vector<PendingPassage>> pending_vectors(const std::string& model,
                                                                    int limit) = 0;
  virtual base::Status save_vectors(const std::string& model,
                                    std::span<const PassageVector> vectors) = 0;
  virtual base::Result<VectorProgress> vector_progress(const std::string& model) = 0;
  // Everything kept for a model no longer in use.
  virtual base::Status drop_vectors(const std::string& model) = 0;

  virtual base::Status write_journal(std::string kind, std::string summary, std::string detail) = 0;
  // Newest first; only those of `kind` unless it is empty.
  virtual base::Result<std::vector<JournalEntry>> journal(int limit, std::optional<Id> before,
                                                          const std::string& kind) = 0;
  base::Result<std::vector<JournalEntry>> journal(int limit, std::optional<Id> before) {
    return journal(limit, before, "");
  }

  virtual base::Result<Id> save_turn(std::optional<Id> conversation, const Turn& turn) = 0;
  virtual base::Result<std::vector<Conversation>> conversations() = 0;
  virtual base::Result<std::vector<Turn>> turns(const Id& conversation) = 0;
  // Nothing takes it back. Errors: conversation.unknown_turn {id}.
  virtual base::Status correct_turn(const Id& turn,
                                    const std::optional<Correction>& correction) = 0;
  // Those of which the owner has said something, newest first.
  virtual base::Result<std::vector<Turn>> corrected_turns() = 0;

  virtual base::Result<Job> start_job(const std::string& kind, const std::string& subject) = 0;
  virtual base::Status save_job(const Job& job) = 0;
  virtual base::Result<std::vector<Job>> unfinished_jobs() = 0;

  virtual base::Result<std::string> setting(const std::string& name) = 0;  // "" if unset
  // "addresses": the owner's mail addresses, a JSON array of texts; changes the labels of mails.
  virtual base::Status set_setting(const std::string& name, const std::string& value) = 0;

  // Verdicts, facts, cards, actions, memory (assistant_store.h); lives as long as the store.
  virtual AssistantStore& assistant() = 0;

  virtual base::Result<Counts> counts() = 0;
  // integrity_check, foreign keys, full text against passages, blobs against their hashes (full).
  // One line per fault; empty means sound.
  virtual base::Result<std::vector<std::string>> check(Check depth) = 0;
};

}  // namespace lar::store
