// Opening a home, and every operation that is not search, recording or checking. Reads run on the
// caller's thread over a lent connection; writes are handed to the writer.
#include "store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "domain/json.h"
#include "store/home.h"
#include "store/labels.h"

namespace lar::store {

using base::ErrorKind;

std::string_view name_of(JobState state) {
  switch (state) {
    case JobState::waiting:
      return "waiting";
    case JobState::running:
      return "running";
    case JobState::done:
      return "done";
    case JobState::failed:
      return "failed";
    case JobState::cancelled:
      break;
  }
  return "cancelled";
}

namespace {

constexpr std::size_t most_readers = 8;

JobState job_state_from(std::string_view name) {
  for (const JobState state :
       {JobState::waiting, JobState::running, JobState::done, JobState::failed}) {
    if (name_of(state) == name) return state;
  }
  return JobState::cancelled;
}

base::Result<nlohmann::json> parse(std::string_view text, const std::string& what) {
  nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) {
    return base::fail(ErrorKind::corrupt, "store.corrupt", {{"path", what}, {"detail", "JSON"}});
  }
  return value;
}

base::Result<domain::When> parse_when(std::string_view text) {
  TRY_ASSIGN(const nlohmann::json value, parse(text, "lar.db"));
  return domain::when_from_json(value);
}

tl::unexpected<base::Error> unknown(const char* code, const Id& id) {
  return base::fail(ErrorKind::not_found, code, {{"id", id.text()}});
}

base::Status make_text_current(Connection& connection) {
  TRY_ASSIGN(const std::int64_t made_with,
             connection.number("SELECT value FROM meta WHERE name = 'tokenizer'"));
  if (made_with == tokenizer_version) return {};
  TRY(connection.run("BEGIN IMMEDIATE"));
  base::Status done = rebuild_text(connection);
  if (done) {
    done = connection.run("INSERT OR REPLACE INTO meta(name, value) VALUES('tokenizer', ?1)",
                          tokenizer_version);
  }
  if (done) done = connection.run("COMMIT");
  if (connection.in_transaction()) (void)connection.run("ROLLBACK");
  return done;
}

base::Status make_labels_current(Connection& connection) {
  TRY_ASSIGN(const std::int64_t made_with,
             connection.number("SELECT value FROM meta WHERE name = 'labels'"));
  if (made_with == labels_version) return {};
  TRY(connection.run("BEGIN IMMEDIATE"));
  base::Status done = label_all(connection);
  if (done) {
    done = connection.run("INSERT OR REPLACE INTO meta(name, value) VALUES('labels', ?1)",
                          labels_version);
  }
  if (done) done = connection.run("COMMIT");
  if (connection.in_transaction()) (void)connection.run("ROLLBACK");
  return done;
}

}  // namespace

// ---- opening -----------------------------------------------------------------------------------

base::Result<std::unique_ptr<Store>> Store::open(const std::string& home) {
  return open_home(home, {});
}

base::Result<std::unique_ptr<Store>> open_home(const std::string& home, const Tuning& tuning) {
  TRY(os::make_folders(home));
  auto lock = os::lock_file(home + "/lock");
  if (!lock) {
    base::Error error = std::move(lock).error();
    if (error.code == "file.locked") {
      error.code = "store.locked";
      error.parameters.emplace_back("home", home);
    }
    return tl::unexpected<base::Error>(std::move(error));
  }
  TRY(os::make_folders(home + "/blobs"));
  const std::string marker = home + "/open";
  struct stat status{};
  const bool unclean = ::stat(marker.c_str(), &status) == 0;
  const std::string path = home + "/lar.db";
  TRY_ASSIGN(std::unique_ptr<Connection> connection, Connection::open(path, Access::write));
  ::chmod(path.c_str(), 0600);
  if (tuning.most_pages > 0) {
    TRY(connection->script("PRAGMA max_page_count=" + std::to_string(tuning.most_pages)));
  }
  TRY(migrate(*connection, migrations(), home + "/backups"));
  TRY(make_text_current(*connection));
  TRY(make_labels_current(*connection));
  if (!unclean) {
    // Only a hint to tidy up next time: a disk too full for it must not keep the home shut.
    const os::Descriptor made(::open(marker.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  return std::make_unique<Home>(home, std::move(*lock), std::move(connection), unclean);
}

Home::Home(std::string home, os::Descriptor lock, std::unique_ptr<Connection> connection,
           bool unclean)
    : home_(std::move(home)),
      lock_(std::move(lock)),
      blobs_(home_ + "/blobs"),
      indexes_(home_ + "/vectors"),
      readers_(home_ + "/lar.db", most_readers),
      writer_(std::make_unique<Writer>(std::move(connection))),
      assistant_(open_assistant(readers_, *writer_)),
      tidy_(!unclean) {
  if (unclean) {
    sweeper_ = std::jthread([this](const std::stop_token& stop) {
      tidy_ = sweep(stop).has_value() && !stop.stop_requested();
    });
  }
}

Home::~Home() {
  if (sweeper_.joinable()) {
    sweeper_.request_stop();
    sweeper_.join();
  }
  writer_.reset();
  if (tidy_) ::unlink((home_ + "/open").c_str());
}

// One shelf at a time, so that other writing gets in between.
base::Status Home::sweep(const std::stop_token& stop) {
  for (const std::string& shelf : blobs_.shelves()) {
    if (stop.stop_requested()) return {};
    TRY(writer_->run(
        [this, &shelf](WriteContext& context) -> base::Status {
          for (const std::string& hash : blobs_.hashes(shelf)) {
            TRY_ASSIGN(
                const std::int64_t known,
                context.connection.number("SELECT count(*) FROM blob WHERE hash = ?1", hash));
            if (known == 0) blobs_.remove(hash);
          }
          return {};
        },
        Durability::normal));
  }
  return {};
}

// ---- sources -----------------------------------------------------------------------------------

base::Result<Source> Home::add_source(const Source& source) {
  return write(Durability::full, [&](WriteContext& context) -> base::Result<Source> {
    Connection& connection = context.connection;
    TRY_ASSIGN(const std::int64_t taken,
               connection.number("SELECT count(*) FROM source WHERE name = ?1 OR "
                                 "(kind = ?2 AND location = ?3)",
                                 source.name, source.kind, source.location));
    if (taken > 0) {
      return base::fail(ErrorKind::already_exists, "source.duplicate",
                        {{"name", source.name}, {"location", source.location}});
    }
    Source added = source;
    if (added.id.is_nil()) added.id = Id::make();
    TRY(connection.run(
        "INSERT INTO source(id, kind, name, location, settings, cursor, last_sync, error) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        added.id, added.kind, added.name, added.location, added.settings, added.cursor,
        added.last_sync, added.error));
    return added;
  });
}

base::Result<std::vector<Source>> Home::sources() {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Statement all = connection->query(
      "SELECT id, kind, name, location, settings, cursor, last_sync, error, items FROM source "
      "ORDER BY key");
  std::vector<Source> result;
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return result;
    result.push_back({all.id(0), all.string(1), all.string(2), all.string(3), all.string(4),
                      all.string(5), all.maybe_integer(6), all.string(7), all.integer(8)});
  }
}

base::Status Home::save_settings(const Id& source, const std::string& settings) {
  return write(Durability::full, [&](WriteContext& context) -> base::Status {
    TRY(context.connection.run("UPDATE source SET settings = ?2 WHERE id = ?1", source, settings));
    if (context.connection.changed() == 0) {
      return base::fail(ErrorKind::not_found, "source.unknown", {{"source", source.text()}});
    }
    return {};
  });
}

base::Status Home::save_sync(const Id& source, const std::string& cursor,
                             const std::string& error) {
  return write(Durability::normal, [&](WriteContext& context) -> base::Status {
    TRY(context.connection.run(
        "UPDATE source SET cursor = ?2, error = ?3, last_sync = ?4 WHERE id = ?1", source, cursor,
        error, base::Clock::now()));
    if (context.connection.changed() == 0) {
      return base::fail(ErrorKind::not_found, "source.unknown", {{"source", source.text()}});
    }
    return {};
  });
}

base::Result<std::int64_t> Home::remove_source(const Id& source) {
  return write(Durability::full, [&](WriteContext& context) -> base::Result<std::int64_t> {
    Work work{context, blobs_, {}};
    TRY_ASSIGN(const std::int64_t removed, forget_source(work, source));
    TRY(work.vectors.commit(context, indexes_));
    return removed;
  });
}

// ---- items -------------------------------------------------------------------------------------

base::Result<RecordOutcome> Home::record(const Recording& recording) {
  TRY_ASSIGN(const std::vector<RecordOutcome> outcomes, record_all({&recording, 1}));
  return outcomes.front();
}

base::Result<std::vector<RecordOutcome>> Home::record_all(std::span<const Recording> all) {
  std::vector<Prepared> prepared;
  std::vector<const PreparedBlob*> kept;
  prepared.reserve(all.size());
  for (const Recording& recording : all) {
    TRY_ASSIGN(Prepared made, prepare(recording));
    prepared.push_back(std::move(made));
  }
  for (const Prepared& one : prepared) {
    if (one.blob) kept.push_back(&*one.blob);
  }
  return write(
      Durability::normal, [&](WriteContext& context) -> base::Result<std::vector<RecordOutcome>> {
        TRY(blobs_.keep(kept, [&](const std::string& hash) -> base::Result<bool> {
          TRY_ASSIGN(const std::int64_t rows,
                     context.connection.number("SELECT count(*) FROM blob WHERE hash = ?1", hash));
          return rows > 0;
        }));
        Work work{context, blobs_, {}};
        std::vector<RecordOutcome> outcomes;
        for (const Prepared& one : prepared) {
          TRY_ASSIGN(const RecordOutcome outcome, record_prepared(work, one));
          outcomes.push_back(outcome);
        }
        TRY(work.vectors.commit(context, indexes_));
        return outcomes;
      });
}

namespace {
constexpr const char* placement_columns =
    "SELECT i.id, s.id, p.folder, p.uid, p.flags, p.path, p.size, p.modified, p.fingerprint "
    "FROM placement p JOIN item i ON i.key = p.item JOIN source s ON s.key = p.source ";
}

base::Result<std::vector<Placement>> Home::read_placements(Statement rows) {
  std::vector<Placement> result;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return result;
    result.push_back({rows.id(0), rows.id(1), rows.string(2), rows.string(3), rows.string(4),
                      rows.string(5), static_cast<std::uint64_t>(rows.integer(6)), rows.integer(7),
                      rows.string(8)});
  }
}

base::Result<std::vector<Placement>> Home::placements(const Id& source) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  return read_placements(connection->query(
      std::string(placement_columns) + "WHERE s.id = ?1 ORDER BY p.folder, p.uid", source));
}

base::Result<std::vector<Placement>> Home::made_by_older(const std::string& producer, int version) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  return read_placements(connection->query(
      std::string(placement_columns) +
          "WHERE i.producer = ?1 AND i.producer_version < ?2 ORDER BY s.key, p.folder, p.uid",
      producer, version));
}

base::Status Home::update_placement(const Placement& placement) {
  return write(Durability::normal, [&](WriteContext& context) -> base::Status {
    Work work{context, blobs_, {}};
    return change_placement(work, placement);
  });
}

base::Status Home::move_placement(const Placement& from, const Placement& to) {
  return write(Durability::normal, [&](WriteContext& context) -> base::Status {
    Work work{context, blobs_, {}};
    Id item;
    {
      Statement placed = context.connection.query(
          "SELECT i.id FROM placement p JOIN item i ON i.key = p.item JOIN source s ON s.key = "
          "p.source WHERE s.id = ?1 AND p.folder = ?2 AND p.uid = ?3",
          from.source, from.folder, from.uid);
      TRY_ASSIGN(const bool row, placed.step());
      if (!row) {
        return base::fail(ErrorKind::not_found, "placement.unknown", {{"uid", from.uid}});
      }
      item = placed.id(0);
    }
    TRY_ASSIGN(StoredItem stored, load_item(context.connection, item));
    return move_item(work, stored, from, to);
  });
}

base::Result<std::int64_t> Home::forget(std::span<const Placement> gone) {
  return write(Durability::normal, [&](WriteContext& context) -> base::Result<std::int64_t> {
    Work work{context, blobs_, {}};
    std::int64_t removed = 0;
    for (const Placement& placement : gone) {
      TRY_ASSIGN(const std::int64_t went, forget_placement(work, placement));
      removed += went;
    }
    TRY(work.vectors.commit(context, indexes_));
    return removed;
  });
}

base::Result<StoredItem> Home::item(const Id& id) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  const ReadMoment moment(*connection);
  TRY(moment.status());
  return load_item(*connection, id);
}

base::Result<StoredItem> Home::load_item(Connection& connection, const Id& id) {
  StoredItem result;
  std::int64_t key = 0;
  {
    Statement stored = connection.query(
        "SELECT key, details, version, thread, ifnull(blob, ''), producer, producer_version, "
        "recorded, origin FROM item WHERE id = ?1",
        id);
    TRY_ASSIGN(const bool row, stored.step());
    if (!row) return unknown("item.unknown", id);
    key = stored.integer(0);
    TRY_ASSIGN(const nlohmann::json details, parse(stored.text(1), connection.path()));
    TRY_ASSIGN(result.item, domain::item_from_json(details));
    result.id = id;
    result.version = static_cast<int>(stored.integer(2));
    result.thread = stored.id(3).text();
    result.blob = stored.string(4);
    result.producer = stored.string(5);
    result.producer_version = static_cast<int>(stored.integer(6));
    result.recorded = stored.integer(7);
    result.item.origin = domain::origin_from(stored.text(8)).value_or(domain::Origin::web);
  }
  Statement parts = connection.query(
      "SELECT id, name, media_type, role, text, segments FROM part WHERE item = ?1 "
      "ORDER BY position",
      key);
  for (;;) {
    TRY_ASSIGN(const bool row, parts.step());
    if (!row) break;
    domain::TextPart part;
    part.id = parts.string(0);
    part.name = parts.string(1);
    part.media_type = parts.string(2);
    part.role = domain::part_role_from(parts.text(3)).value_or(domain::PartRole::body);
    TRY_ASSIGN(part.text, decompress(parts.blob(4), connection.path()));
    TRY_ASSIGN(const std::string segments, decompress(parts.blob(5), connection.path()));
    TRY_ASSIGN(const nlohmann::json list, parse(segments, connection.path()));
    TRY_ASSIGN(part.segments, domain::segments_from_json(list));
    result.item.parts.push_back(std::move(part));
  }
  Statement occurrences = connection.query(
      "SELECT recurrence_id, start_json, end_json, summary, location FROM occurrence "
      "WHERE item = ?1 ORDER BY starts, key",
      key);
  for (;;) {
    TRY_ASSIGN(const bool row, occurrences.step());
    if (!row) break;
    domain::Occurrence occurrence;
    occurrence.recurrence_id = occurrences.string(0);
    TRY_ASSIGN(occurrence.start, parse_when(occurrences.text(1)));
    if (!occurrences.text(2).empty()) {
      TRY_ASSIGN(occurrence.end, parse_when(occurrences.text(2)));
    }
    occurrence.summary = occurrences.string(3);
    occurrence.location = occurrences.string(4);
    result.item.occurrences.push_back(std::move(occurrence));
  }
  TRY_ASSIGN(result.placements,
             read_placements(connection.query(
                 std::string(placement_columns) + "WHERE p.item = ?1 ORDER BY p.key", key)));
  return result;
}

base::Result<std::optional<Id>> Home::find_item(const std::string& external_id) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Statement found = connection->query(
      "SELECT id FROM item WHERE external_id = ?1 ORDER BY recorded DESC, key DESC LIMIT 1",
      external_id);
  TRY_ASSIGN(const bool row, found.step());
  if (!row) return std::optional<Id>();
  return std::optional<Id>(found.id(0));
}

base::Result<std::vector<Id>> Home::thread_items(const std::string& thread) {
  const std::optional<Id> name = Id::parse(thread);
  std::vector<Id> result;
  if (!name) return result;
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Statement all = connection->query(
      "SELECT id FROM item WHERE thread = ?1 ORDER BY ifnull(starts, recorded), key", *name);
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return result;
    result.push_back(all.id(0));
  }
}

base::Result<std::string> Home::original(const Id& item) {
  std::string hash;
  {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    Statement stored = connection->query("SELECT ifnull(blob, '') FROM item WHERE id = ?1", item);
    TRY_ASSIGN(const bool row, stored.step());
    if (!row) return unknown("item.unknown", item);
    hash = stored.string(0);
  }
  if (hash.empty()) return unknown("item.no_original", item);
  return blobs_.read(hash);
}

base::Result<std::vector<domain::Passage>> Home::passages(const Id& item) {
  TRY_ASSIGN(const std::vector<Hit> hits, item_passages(item));
  std::vector<domain::Passage> result;
  for (const Hit& hit : hits) result.push_back({hit.segment, hit.locator, hit.text});
  return result;
}

// ---- search ------------------------------------------------------------------------------------

base::Result<std::vector<Hit>> Home::search(const SearchRequest& request) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  return search_passages(*connection, indexes_, request);
}

base::Result<std::vector<Hit>> Home::item_passages(const Id& item) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  return hits_of_item(*connection, item);
}

base::Result<std::vector<StoredOccurrence>> Home::occurrences(Microseconds after,
                                                              Microseconds before) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Statement all = connection->query(
      "SELECT i.id, i.title, o.recurrence_id, o.start_json, o.end_json, o.summary, o.location "
      "FROM occurrence o JOIN item i ON i.key = o.item "
      "WHERE o.starts < ?2 AND (o.starts >= ?1 OR o.ends > ?1) ORDER BY o.starts, o.key",
      after, before);
  std::vector<StoredOccurrence> result;
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return result;
    StoredOccurrence found;
    found.item = all.id(0);
    found.title = all.string(1);
    found.occurrence.recurrence_id = all.string(2);
    TRY_ASSIGN(found.occurrence.start, parse_when(all.text(3)));
    if (!all.text(4).empty()) {
      TRY_ASSIGN(found.occurrence.end, parse_when(all.text(4)));
    }
    found.occurrence.summary = all.string(5);
    found.occurrence.location = all.string(6);
    result.push_back(std::move(found));
  }
}

// ---- vectors -----------------------------------------------------------------------------------

base::Result<std::int64_t> Home::register_model(const std::string& model) {
  return write(Durability::normal, [&](WriteContext& context) -> base::Result<std::int64_t> {
    Connection& connection = context.connection;
    TRY_ASSIGN(const std::int64_t known,
               connection.number("SELECT key FROM vector_model WHERE name = ?1", model));
    if (known != 0) return known;
    TRY(connection.run("INSERT INTO vector_model(name, dimensions, generation) VALUES(?1, 0, 0)",
                       model));
    const std::int64_t key = connection.last_key();
    TRY(
        connection.run("INSERT INTO vector_queue(model, starts, passage) "
                       "SELECT ?1, ifnull(i.starts, 0), p.key FROM passage p "
                       "JOIN item i ON i.key = p.item",
                       key));
    return key;
  });
}

base::Result<std::vector<PendingPassage>> Home::pending_vectors(const std::string& model,
                                                                int limit) {
  std::int64_t key = 0;
  {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    TRY_ASSIGN(key, connection->number("SELECT key FROM vector_model WHERE name = ?1", model));
  }
  if (key == 0) {
    TRY_ASSIGN(key, register_model(model));
  }
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Statement all = connection->query(
      "SELECT p.id, i.title, p.part_name, p.text FROM vector_queue q "
      "JOIN passage p ON p.key = q.passage JOIN item i ON i.key = p.item "
      "WHERE q.model = ?1 ORDER BY q.starts DESC, q.passage LIMIT ?2",
      key, limit);
  std::vector<PendingPassage> result;
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return result;
    std::string title = all.string(1);
    if (!all.text(2).empty()) {
      if (!title.empty()) title += " · ";
      title += all.text(2);
    }
    result.push_back({all.id(0), std::move(title), all.string(3)});
  }
}

base::Status Home::save_vectors(const std::string& model, std::span<const PassageVector> vectors) {
  if (vectors.empty()) return {};
  const std::size_t dimensions = vectors.front().values.size();
  std::vector<PassageVector> unit(vectors.begin(), vectors.end());
  for (PassageVector& vector : unit) {
    double norm = 0;
    for (const float value : vector.values) {
      norm += static_cast<double>(value) * static_cast<double>(value);
    }
    if (vector.values.size() != dimensions || dimensions == 0 || !std::isfinite(norm)) {
      return base::fail(ErrorKind::invalid_input, "store.vector",
                        {{"model", model}, {"dimensions", std::to_string(vector.values.size())}});
    }
    if (norm > 0 && std::fabs(norm - 1) > 1e-4) {
      for (float& value : vector.values) value = static_cast<float>(value / std::sqrt(norm));
    }
  }
  TRY_ASSIGN(const std::int64_t key, register_model(model));
  return write(Durability::normal, [&](WriteContext& context) -> base::Status {
    Connection& connection = context.connection;
    TRY_ASSIGN(const std::int64_t known,
               connection.number("SELECT dimensions FROM vector_model WHERE key = ?1", key));
    if (known == 0) {
      TRY(connection.run("UPDATE vector_model SET dimensions = ?2 WHERE key = ?1", key,
                         static_cast<std::int64_t>(dimensions)));
    } else if (known != static_cast<std::int64_t>(dimensions)) {
      return base::fail(ErrorKind::invalid_input, "store.vector",
                        {{"model", model}, {"dimensions", std::to_string(dimensions)}});
    }
    VectorChanges changes;
    for (const PassageVector& vector : unit) {
      std::int64_t passage = 0;
      std::int64_t item = 0;
      std::int64_t old = 0;
      {
        Statement stored = connection.query(
            "SELECT p.key, p.item, v.key FROM passage p "
            "LEFT JOIN vector v ON v.passage = p.key AND v.model = ?2 WHERE p.id = ?1",
            vector.passage, key);
        TRY_ASSIGN(const bool row, stored.step());
        if (!row) continue;  // removed while it was being embedded
        passage = stored.integer(0);
        item = stored.integer(1);
        old = stored.integer(2);
      }
      if (old != 0) {
        changes.remove(key, old);
        TRY(connection.run("DELETE FROM vector WHERE key = ?1", old));
      }
      TRY(connection.run("INSERT INTO vector(model, passage, numbers) VALUES(?1, ?2, ?3)", key,
                         passage, Bytes{halves_from(vector.values)}));
      changes.add(key, {connection.last_key(), passage, item, vector.values});
      TRY(connection.run("DELETE FROM vector_queue WHERE passage = ?1 AND model = ?2", passage,
                         key));
    }
    return changes.commit(context, indexes_);
  });
}

base::Result<VectorProgress> Home::vector_progress(const std::string& model) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  const ReadMoment moment(*connection);
  TRY(moment.status());
  VectorProgress progress;
  TRY_ASSIGN(progress.total, connection->number("SELECT count(*) FROM passage"));
  TRY_ASSIGN(progress.done, connection->number("SELECT count(*) FROM vector WHERE model = "
                                               "(SELECT key FROM vector_model WHERE name = ?1)",
                                               model));
  return progress;
}

base::Status Home::drop_vectors(const std::string& model) {
  return write(Durability::normal, [&](WriteContext& context) -> base::Status {
    TRY_ASSIGN(const std::int64_t key,
               context.connection.number("SELECT key FROM vector_model WHERE name = ?1", model));
    if (key == 0) return {};
    TRY(context.connection.run("DELETE FROM vector_model WHERE key = ?1", key));
    context.after_commit.emplace_back(
        [this, key, model](Connection&) { indexes_.drop(key, model); });
    return {};
  });
}

// ---- journal, conversations, jobs, settings ----------------------------------------------------

base::Status Home::write_journal(std::string kind, std::string summary, std::string detail) {
  return write(Durability::full, [&](WriteContext& context) -> base::Status {
    return context.connection.run(
        "INSERT INTO journal(id, time, kind, summary, detail) VALUES(?1, ?2, ?3, ?4, ?5)",
        Id::make(), base::Clock::now(), kind, summary, detail);
  });
}

base::Result<std::vector<JournalEntry>> Home::journal(int limit, std::optional<Id> before,
                                                      const std::string& kind) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Id top;
  top.bytes.fill(0xFF);
  Statement all = connection->query(
      "SELECT id, time, kind, summary, detail FROM journal"
      " WHERE id < ?1 AND (?3 = '' OR kind = ?3) ORDER BY id DESC LIMIT ?2",
      before.value_or(top), limit, kind);
  std::vector<JournalEntry> result;
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return result;
    result.push_back({all.id(0), all.integer(1), all.string(2), all.string(3), all.string(4)});
  }
}

base::Result<Id> Home::save_turn(std::optional<Id> conversation, const Turn& turn) {
  return write(Durability::full, [&](WriteContext& context) -> base::Result<Id> {
    Connection& connection = context.connection;
    const Id name = conversation.value_or(Id::make());
    const Microseconds time = turn.time != 0 ? turn.time : base::Clock::now();
    if (conversation) {
      TRY(connection.run("UPDATE conversation SET updated = ?2 WHERE id = ?1", name, time));
      if (connection.changed() == 0) return unknown("conversation.unknown", name);
    } else {
      TRY(connection.run("INSERT INTO conversation(id, title, updated) VALUES(?1, ?2, ?3)", name,
                         base::cut_utf8(turn.question, 80), time));
    }
    TRY(connection.run(
        "INSERT OR REPLACE INTO turn(id, conversation, time, question, answer) "
        "VALUES(?1, ?2, ?3, ?4, ?5)",
        turn.id.is_nil() ? Id::make() : turn.id, name, time, turn.question, turn.answer));
    return name;
  });
}

base::Result<std::vector<Conversation>> Home::conversations() {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Statement all = connection->query(
      "SELECT id, title, updated FROM conversation ORDER BY updated DESC, id DESC");
  std::vector<Conversation> result;
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return result;
    result.push_back({all.id(0), all.string(1), all.integer(2)});
  }
}

namespace {

constexpr const char* turn_columns = "SELECT id, time, question, answer, correction FROM turn ";

std::string written(const Correction& correction) {
  return nlohmann::json{
      {"right", correction.right}, {"text", correction.text}, {"made", correction.made}}
      .dump();
}

std::optional<Correction> correction_from(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  return Correction{value.value("right", false), value.value("text", ""),
                    value.value("made", Microseconds{0})};
}

base::Result<std::vector<Turn>> turns_from(Statement all) {
  std::vector<Turn> result;
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return result;
    result.push_back(
        {all.id(0), all.integer(1), all.string(2), all.string(3), correction_from(all.text(4))});
  }
}

}  // namespace

base::Result<std::vector<Turn>> Home::turns(const Id& conversation) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  return turns_from(connection->query(
      std::string(turn_columns) + "WHERE conversation = ?1 ORDER BY id", conversation));
}

base::Status Home::correct_turn(const Id& turn, const std::optional<Correction>& correction) {
  return write(Durability::full, [&](WriteContext& context) -> base::Status {
    TRY(context.connection.run("UPDATE turn SET correction = ?2 WHERE id = ?1", turn,
                               correction ? written(*correction) : std::string()));
    if (context.connection.changed() == 0) return unknown("conversation.unknown_turn", turn);
    return {};
  });
}

base::Result<std::vector<Turn>> Home::corrected_turns() {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  return turns_from(
      connection->query(std::string(turn_columns) + "WHERE correction <> '' ORDER BY id DESC"));
}

namespace {
constexpr const char* job_columns =
    "SELECT id, kind, subject, state, progress, error, created, updated FROM job ";

Job job_from(const Statement& row) {
  return {row.id(0),     row.string(1), row.string(2),  job_state_from(row.text(3)),
          row.string(4), row.string(5), row.integer(6), row.integer(7)};
}
}  // namespace

base::Result<Job> Home::start_job(const std::string& kind, const std::string& subject) {
  return write(Durability::full, [&](WriteContext& context) -> base::Result<Job> {
    Connection& connection = context.connection;
    {
      Statement open = connection.query(
          std::string(job_columns) +
              "WHERE kind = ?1 AND subject = ?2 AND state IN ('waiting', 'running')",
          kind, subject);
      TRY_ASSIGN(const bool row, open.step());
      if (row) return job_from(open);
    }
    Job job;
    job.id = Id::make();
    job.kind = kind;
    job.subject = subject;
    job.created = job.updated = base::Clock::now();
    TRY(connection.run(
        "INSERT INTO job(id, kind, subject, state, progress, error, created, updated) "
        "VALUES(?1, ?2, ?3, ?4, '', '', ?5, ?5)",
        job.id, kind, subject, name_of(job.state), job.created));
    return job;
  });
}

base::Status Home::save_job(const Job& job) {
  return write(Durability::normal, [&](WriteContext& context) -> base::Status {
    TRY(context.connection.run(
        "UPDATE job SET state = ?2, progress = ?3, error = ?4, updated = ?5 WHERE id = ?1", job.id,
        name_of(job.state), job.progress, job.error, base::Clock::now()));
    if (context.connection.changed() == 0) return unknown("job.unknown", job.id);
    return {};
  });
}

base::Result<std::vector<Job>> Home::unfinished_jobs() {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Statement all = connection->query(std::string(job_columns) +
                                    "WHERE state IN ('waiting', 'running') ORDER BY id");
  std::vector<Job> result;
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return result;
    result.push_back(job_from(all));
  }
}

base::Result<std::string> Home::setting(const std::string& name) {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  Statement stored = connection->query("SELECT value FROM setting WHERE name = ?1", name);
  TRY_ASSIGN(const bool row, stored.step());
  return row ? stored.string(0) : std::string();
}

base::Status Home::set_setting(const std::string& name, const std::string& value) {
  return write(Durability::full, [&](WriteContext& context) -> base::Status {
    Connection& connection = context.connection;
    if (value.empty()) {
      TRY(connection.run("DELETE FROM setting WHERE name = ?1", name));
    } else {
      TRY(
          connection.run("INSERT INTO setting(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO "
                         "UPDATE SET value = excluded.value WHERE value <> excluded.value",
                         name, value));
    }
    if (name == addresses_setting && connection.changed() > 0) return label_all(connection);
    return {};
  });
}

base::Result<Counts> Home::counts() {
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  const ReadMoment moment(*connection);
  TRY(moment.status());
  Counts counts;
  TRY_ASSIGN(counts.items, connection->number("SELECT count(*) FROM item"));
  TRY_ASSIGN(counts.passages, connection->number("SELECT count(*) FROM passage"));
  return counts;
}

base::Result<std::vector<std::string>> Home::check(Check depth) {
  if (depth == Check::full) TRY(sweep({}));
  TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
  return check_home(*connection, blobs_, depth);
}

}  // namespace lar::store
