// Identity. A mail or message is the same wherever its Message-ID and text are the same; anything
// else is known by its external id inside its source. A placement that comes again with other
// content is a new version of its item; old versions keep their hash but not their text.
//
// The full text is contentless, so a row is taken out by giving FTS5 the tokens that went in: they
// are made again from passage and head, which is why item.head is stored as it was indexed.
#include "store/records.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "domain/json.h"
#include "os/file.h"
#include "store/labels.h"

namespace lar::store {

using base::ErrorKind;
using domain::ItemKind;

namespace {

constexpr std::size_t most_references = 200;
constexpr char folder_mark = '\x1f';

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string text_of(const std::optional<domain::When>& when) {
  return when ? dump(domain::to_json(*when)) : std::string();
}

// When something that begins at `start` is over; all-day things without an end last the day.
std::int64_t end_moment(const domain::When& start, const std::optional<domain::When>& end,
                        const std::string& zone) {
  if (end) return domain::begins_at(*end, zone);
  if (const auto* day = std::get_if<domain::AllDay>(&start)) {
    return domain::begins_at(domain::AllDay{base::add_days(day->date, 1)}, zone);
  }
  return domain::begins_at(start, zone);
}

// Collects fields unambiguously for hashing.
class Fields {
 public:
  void add(std::string_view value) {
    bytes_ += std::to_string(value.size());
    bytes_ += ':';
    bytes_ += value;
  }
  std::string hash() const { return os::sha256(bytes_); }

 private:
  std::string bytes_;
};

// What makes two readings the same item: everything but the headers part, in which copies of one
// mail differ by the way they travelled, and what is derived from the rest.
std::string content_hash(const domain::Item& item) {
  Fields fields;
  fields.add(domain::name_of(item.kind));
  fields.add(item.external_id);
  fields.add(item.title);
  fields.add(text_of(item.when));
  fields.add(text_of(item.end));
  fields.add(item.place);
  for (const domain::Person& person : item.people) {
    fields.add(domain::name_of(person.role));
    fields.add(person.name);
    fields.add(person.address);
  }
  for (const std::string& reference : item.references) fields.add(reference);
  if (item.event) fields.add(item.event->ical);
  for (const domain::Occurrence& occurrence : item.occurrences) {
    fields.add(occurrence.recurrence_id);
    fields.add(text_of(occurrence.start));
    fields.add(text_of(occurrence.end));
    fields.add(occurrence.summary);
    fields.add(occurrence.location);
  }
  for (const domain::TextPart& part : item.parts) {
    if (part.role == domain::PartRole::headers) continue;
    fields.add(part.id);
    fields.add(part.name);
    fields.add(part.text);
  }
  return fields.hash();
}

// The item without its texts, as JSON.
std::string details_of(const domain::Item& item) {
  domain::Item light;
  light.kind = item.kind;
  light.external_id = item.external_id;
  light.title = item.title;
  light.people = item.people;
  light.when = item.when;
  light.end = item.end;
  light.place = item.place;
  light.language = item.language;
  light.references = item.references;
  light.origin = item.origin;
  light.event = item.event;
  light.notices = item.notices;
  return dump(domain::to_json(light));
}

// What the head column of the full text is made of, but for the folders.
std::string head_of(const domain::Item& item) {
  std::string head = item.title;
  for (const domain::Person& person : item.people)
    head += "\n" + person.name + " " + person.address;
  if (!item.place.empty()) head += "\n" + item.place;
  return head;
}

tl::unexpected<base::Error> malformed(std::string field) {
  return base::fail(ErrorKind::invalid_input, "store.recording", {{"field", std::move(field)}});
}

}  // namespace

base::Result<Prepared> prepare(const Recording& recording) {
  if (recording.item == nullptr) return malformed("item");
  const domain::Item& item = *recording.item;
  if (item.external_id.empty()) return malformed("external_id");
  const std::string zone = base::Clock::zone();
  Prepared result;
  result.placement = recording.placement;
  result.external_id = item.external_id;
  result.kind = domain::name_of(item.kind);
  result.title = item.title;
  result.language = item.language;
  result.origin = domain::name_of(item.origin);
  result.global_id = item.kind == ItemKind::mail || item.kind == ItemKind::message;
  result.producer = recording.producer;
  result.producer_version = recording.producer_version;
  result.hash = content_hash(item);
  if (item.when) {
    result.starts = domain::begins_at(*item.when, zone);
    if (item.kind == ItemKind::event) result.ends = end_moment(*item.when, item.end, zone);
  }
  result.references = item.references;
  if (result.references.size() > most_references) {
    result.references.erase(result.references.begin(), result.references.end() - most_references);
  }

  result.details = details_of(item);
  result.head = head_of(item);
  for (const domain::Person& person : item.people) {
    result.people.push_back(
        {person.name, person.address,
         base::fold_to_n(person.name) + "\n" + base::fold_to_n(person.address),
         result.global_id && person.role == domain::PersonRole::from && !person.address.empty()});
  }

  std::unordered_map<std::string, const domain::TextPart*> parts;
  for (const domain::TextPart& part : item.parts) {
    parts[part.id] = &part;
    PreparedPart prepared{
        part.id, part.name, part.media_type, std::string(domain::name_of(part.role)), {}, {}};
    TRY_ASSIGN(prepared.text, compress(part.text));
    TRY_ASSIGN(prepared.segments, compress(dump(domain::to_json(part.segments))));
    result.parts.push_back(std::move(prepared));
  }
  for (const domain::Passage& passage : item.passages) {
    const auto part = parts.find(passage.locator.part);
    if (part == parts.end() || passage.locator.end > part->second->text.size() ||
        passage.locator.begin > passage.locator.end ||
        std::string_view(part->second->text)
                .substr(passage.locator.begin, passage.locator.end - passage.locator.begin) !=
            passage.text) {
      return malformed("passages");
    }
    PreparedPassage prepared;
    prepared.kind = domain::name_of(passage.kind);
    prepared.part_name = part->second->name;
    prepared.locator = dump(domain::to_json(passage.locator));
    prepared.text = passage.text;
    prepared.index = index_text(passage.text, item.language);
    result.passages.push_back(std::move(prepared));
  }
  for (const domain::Occurrence& occurrence : item.occurrences) {
    result.occurrences.push_back({occurrence.recurrence_id, text_of(occurrence.start),
                                  text_of(occurrence.end), occurrence.summary, occurrence.location,
                                  domain::begins_at(occurrence.start, zone),
                                  end_moment(occurrence.start, occurrence.end, zone)});
  }
  if (!recording.original.empty() && recording.placement.path.empty()) {
    TRY_ASSIGN(result.blob, prepare_blob(recording.original));
  }
  return result;
}

// ---- full text of an item ----------------------------------------------------------------------

namespace {

enum class Change { insert, remove };

base::Status change_text(Connection& connection, Change change, std::int64_t passage,
                         const IndexedText& index, const std::string& head) {
  if (change == Change::insert) {
    return connection.run(
        "INSERT INTO passage_text(rowid, words, stems, fallback, head) VALUES(?1, ?2, ?3, ?4, ?5)",
        passage, index.words, index.stems, index.fallback, head);
  }
  return connection.run(
      "INSERT INTO passage_text(passage_text, rowid, words, stems, fallback, head) "
      "VALUES('delete', ?1, ?2, ?3, ?4, ?5)",
      passage, index.words, index.stems, index.fallback, head);
}

// Puts all stored passages of an item into the full text, or takes them out, under `head`.
base::Status change_item_text(Connection& connection, Change change, std::int64_t item,
                              const std::string& language, const std::string& head) {
  Statement passages =
      connection.query("SELECT key, text, part_name FROM passage WHERE item = ?1", item);
  for (;;) {
    TRY_ASSIGN(const bool row, passages.step());
    if (!row) return {};
    TRY(change_text(connection, change, passages.integer(0), index_text(passages.text(1), language),
                    index_head(head, passages.text(2))));
  }
}

base::Result<std::string> folders_of(Connection& connection, std::int64_t item) {
  std::string folders;
  Statement all = connection.query(
      "SELECT DISTINCT folder FROM placement WHERE item = ?1 AND folder <> '' ORDER BY folder",
      item);
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return folders;
    folders += all.string(0) + "\n";
  }
}

// After a change of placements: the folders are part of what can be searched.
base::Status refresh_head(Connection& connection, std::int64_t item) {
  std::string head;
  std::string language;
  {
    Statement stored = connection.query("SELECT head, language FROM item WHERE key = ?1", item);
    TRY_ASSIGN(const bool row, stored.step());
    if (!row) return {};
    head = stored.string(0);
    language = stored.string(1);
  }
  TRY_ASSIGN(const std::string folders, folders_of(connection, item));
  const std::string fresh = head.substr(0, head.find(folder_mark)) + folder_mark + folders;
  if (fresh == head) return {};
  TRY(change_item_text(connection, Change::remove, item, language, head));
  TRY(connection.run("UPDATE item SET head = ?2 WHERE key = ?1", item, fresh));
  return change_item_text(connection, Change::insert, item, language, fresh);
}

// ---- threads -----------------------------------------------------------------------------------

// Joins the threads of everything the item refers to; the oldest name wins.
base::Status join_thread(Connection& connection, std::int64_t item, const Id& own,
                         const Prepared& prepared) {
  if (!prepared.global_id) return {};
  std::vector<std::string> ids = prepared.references;
  ids.push_back(prepared.external_id);
  std::set<Id> threads = {own};
  for (const std::string& id : ids) {
    Statement link = connection.query("SELECT thread FROM thread_link WHERE external_id = ?1", id);
    TRY_ASSIGN(const bool row, link.step());
    if (row) threads.insert(link.id(0));
  }
  const Id name = *threads.begin();
  for (const Id& other : threads) {
    if (other == name) continue;
    TRY(connection.run("UPDATE item SET thread = ?1 WHERE thread = ?2", name, other));
    TRY(connection.run("UPDATE thread_link SET thread = ?1 WHERE thread = ?2", name, other));
  }
  TRY(connection.run("UPDATE item SET thread = ?1 WHERE key = ?2", name, item));
  for (const std::string& id : ids) {
    TRY(connection.run("INSERT OR REPLACE INTO thread_link(external_id, thread) VALUES(?1, ?2)", id,
                       name));
  }
  return {};
}

// ---- rows of an item ---------------------------------------------------------------------------

base::Status remove_unused_people(Connection& connection, const std::vector<std::int64_t>& people) {
  for (const std::int64_t person : people) {
    TRY(
        connection.run("DELETE FROM person WHERE key = ?1 AND NOT EXISTS "
                       "(SELECT 1 FROM item_person WHERE person = ?1)",
                       person));
  }
  return {};
}

base::Result<std::vector<std::int64_t>> people_of(Connection& connection, std::int64_t item) {
  std::vector<std::int64_t> people;
  Statement all = connection.query("SELECT person FROM item_person WHERE item = ?1", item);
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return people;
    people.push_back(all.integer(0));
  }
}

base::Status remove_unused_blob(Work& work, const std::string& hash) {
  if (hash.empty()) return {};
  Connection& connection = work.context.connection;
  TRY(connection.run(
      "DELETE FROM blob WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM item WHERE blob = ?1)",
      hash));
  if (connection.changed() == 0) return {};
  work.context.after_commit.push_back([blobs = &work.blobs, hash](Connection& after) {
    // A later operation of the same group may have brought it back.
    const auto rows = after.number("SELECT count(*) FROM blob WHERE hash = ?1", hash);
    if (rows && *rows == 0) blobs->remove(hash);
  });
  return {};
}

// Everything that hangs on the item but passages and placements, written anew.
base::Status write_satellites(Connection& connection, std::int64_t item, const Prepared& prepared) {
  TRY(connection.run("DELETE FROM part WHERE item = ?1", item));
  int position = 0;
  for (const PreparedPart& part : prepared.parts) {
    TRY(connection.run(
        "INSERT INTO part(item, position, id, name, media_type, role, text, segments) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        item, position++, part.id, part.name, part.media_type, part.role, Bytes{part.text},
        Bytes{part.segments}));
  }
  TRY(connection.run("DELETE FROM occurrence WHERE item = ?1", item));
  for (const PreparedOccurrence& occurrence : prepared.occurrences) {
    TRY(connection.run(
        "INSERT INTO occurrence(item, recurrence_id, starts, ends, start_json, end_json, summary, "
        "location) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        item, occurrence.recurrence_id, occurrence.starts, occurrence.ends, occurrence.start,
        occurrence.end, occurrence.summary, occurrence.location));
  }
  TRY_ASSIGN(const std::vector<std::int64_t> before, people_of(connection, item));
  TRY(connection.run("DELETE FROM item_person WHERE item = ?1", item));
  TRY(connection.run("DELETE FROM sender WHERE item = ?1", item));
  for (const PreparedPerson& person : prepared.people) {
    if (person.is_sender) {
      TRY(connection.run("INSERT INTO sender(item, address) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
                         item, person.address));
    }
    TRY(connection.run(
        "INSERT INTO person(name, address, folded) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING",
        person.name, person.address, person.folded));
    TRY(
        connection.run("INSERT INTO item_person(item, person) SELECT ?1, key FROM person "
                       "WHERE name = ?2 AND address = ?3 ON CONFLICT DO NOTHING",
                       item, person.name, person.address));
  }
  return remove_unused_people(connection, before);
}

// Passages of the new version. One whose text stood under the same title before keeps its id and
// vectors: a moved paragraph need not be embedded again.
base::Status write_passages(Work& work, std::int64_t item, const Prepared& prepared,
                            const std::string& head, bool same_title) {
  Connection& connection = work.context.connection;
  std::multimap<std::string, std::int64_t> old;
  {
    Statement passages =
        connection.query("SELECT key, part_name, text FROM passage WHERE item = ?1", item);
    for (;;) {
      TRY_ASSIGN(const bool row, passages.step());
      if (!row) break;
      old.emplace(passages.string(1) + folder_mark + passages.string(2), passages.integer(0));
    }
  }
  struct Kept {
    std::int64_t key;
    int position;
    const PreparedPassage* passage;
  };
  std::vector<Kept> kept;
  int position = 0;
  for (const PreparedPassage& passage : prepared.passages) {
    const auto found =
        same_title ? old.find(passage.part_name + folder_mark + passage.text) : old.end();
    kept.push_back({found == old.end() ? 0 : found->second, position++, &passage});
    if (found != old.end()) old.erase(found);
  }
  for (const auto& [text, key] : old) {
    TRY(work.vectors.remove_passage(connection, key));
    TRY(connection.run("DELETE FROM passage WHERE key = ?1", key));
  }
  std::unordered_map<std::string, std::string> heads;  // by part name: most passages share one
  for (Kept& entry : kept) {
    const PreparedPassage& passage = *entry.passage;
    if (entry.key != 0) {
      TRY(connection.run("UPDATE passage SET position = ?2, kind = ?3, locator = ?4 WHERE key = ?1",
                         entry.key, entry.position, passage.kind, passage.locator));
    } else {
      TRY(
          connection.run("INSERT INTO passage(id, item, position, kind, part_name, locator, text) "
                         "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                         Id::make(), item, entry.position, passage.kind, passage.part_name,
                         passage.locator, passage.text));
      entry.key = connection.last_key();
      TRY(
          connection.run("INSERT INTO vector_queue(model, starts, passage) "
                         "SELECT key, ?1, ?2 FROM vector_model",
                         prepared.starts.value_or(0), entry.key));
    }
    auto [column, fresh] = heads.try_emplace(passage.part_name);
    if (fresh) column->second = index_head(head, passage.part_name);
    TRY(change_text(connection, Change::insert, entry.key, passage.index, column->second));
  }
  return {};
}

base::Status write_blob_row(Connection& connection, const Prepared& prepared) {
  if (!prepared.blob) return {};
  return connection.run("INSERT INTO blob(hash, size) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
                        prepared.blob->hash, static_cast<std::int64_t>(prepared.blob->size));
}

std::optional<std::string> blob_hash(const Prepared& prepared) {
  if (!prepared.blob) return std::nullopt;
  return prepared.blob->hash;
}

base::Status place(Connection& connection, std::int64_t item, std::int64_t source,
                   const Placement& placement) {
  return connection.run(
      "INSERT INTO placement(item, source, folder, uid, flags, path, size, modified, fingerprint) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(source, folder, uid) DO UPDATE SET "
      "item = excluded.item, flags = excluded.flags, path = excluded.path, size = excluded.size, "
      "modified = excluded.modified, fingerprint = excluded.fingerprint",
      item, source, placement.folder, placement.uid, placement.flags, placement.path,
      static_cast<std::int64_t>(placement.size), placement.modified, placement.fingerprint);
}

base::Result<RecordOutcome> add_item(Work& work, std::int64_t source, const Prepared& prepared) {
  Connection& connection = work.context.connection;
  const Id id = Id::make();
  TRY(write_blob_row(connection, prepared));
  TRY(connection.run(
      "INSERT INTO item(id, scope, external_id, kind, starts, ends, thread, version, hash, blob, "
      "producer, producer_version, recorded, language, origin, title, head, details) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?1, 1, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, '', ?15)",
      id, prepared.global_id ? std::int64_t{0} : source, prepared.external_id, prepared.kind,
      prepared.starts, prepared.ends, prepared.hash, blob_hash(prepared), prepared.producer,
      prepared.producer_version, base::Clock::now(), prepared.language, prepared.origin,
      prepared.title, prepared.details));
  const std::int64_t key = connection.last_key();
  TRY(place(connection, key, source, prepared.placement));
  TRY_ASSIGN(const std::string folders, folders_of(connection, key));
  const std::string head = prepared.head + folder_mark + folders;
  TRY(connection.run("UPDATE item SET head = ?2 WHERE key = ?1", key, head));
  TRY(write_satellites(connection, key, prepared));
  TRY(write_passages(work, key, prepared, head, false));
  TRY(join_thread(connection, key, id, prepared));
  TRY(label_item(connection, key));
  return RecordOutcome{id, Recorded::added};
}

base::Result<RecordOutcome> update_item(Work& work, std::int64_t key, std::int64_t source,
                                        const Prepared& prepared) {
  Connection& connection = work.context.connection;
  Id id;
  std::string head;
  std::string language;
  std::string title;
  std::string old_blob;
  Id thread;
  {
    Statement stored = connection.query(
        "SELECT id, head, language, title, ifnull(blob, ''), thread FROM item WHERE key = ?1", key);
    TRY(stored.step());
    id = stored.id(0);
    head = stored.string(1);
    language = stored.string(2);
    title = stored.string(3);
    old_blob = stored.string(4);
    thread = stored.id(5);
  }
  TRY(change_item_text(connection, Change::remove, key, language, head));
  TRY(connection.run(
      "INSERT INTO item_version(item, version, hash, producer, producer_version, recorded) "
      "SELECT key, version, hash, producer, producer_version, recorded FROM item WHERE key = ?1",
      key));
  TRY(write_blob_row(connection, prepared));
  TRY(place(connection, key, source, prepared.placement));
  TRY_ASSIGN(const std::string folders, folders_of(connection, key));
  const std::string fresh = prepared.head + folder_mark + folders;
  TRY(connection.run(
      "UPDATE item SET kind = ?2, starts = ?3, ends = ?4, version = version + 1, hash = ?5, "
      "blob = ?6, producer = ?7, producer_version = ?8, recorded = ?9, language = ?10, "
      "origin = ?11, title = ?12, head = ?13, details = ?14 WHERE key = ?1",
      key, prepared.kind, prepared.starts, prepared.ends, prepared.hash, blob_hash(prepared),
      prepared.producer, prepared.producer_version, base::Clock::now(), prepared.language,
      prepared.origin, prepared.title, fresh, prepared.details));
  TRY(write_satellites(connection, key, prepared));
  TRY(write_passages(work, key, prepared, fresh, title == prepared.title));
  TRY(join_thread(connection, key, thread, prepared));
  TRY(label_item(connection, key));
  if (old_blob != blob_hash(prepared).value_or("")) TRY(remove_unused_blob(work, old_blob));
  return RecordOutcome{id, Recorded::changed};
}

base::Status remove_item(Work& work, std::int64_t key) {
  Connection& connection = work.context.connection;
  std::string head;
  std::string language;
  std::string blob;
  Id thread;
  {
    Statement stored = connection.query(
        "SELECT head, language, ifnull(blob, ''), thread FROM item WHERE key = ?1", key);
    TRY_ASSIGN(const bool row, stored.step());
    if (!row) return {};
    head = stored.string(0);
    language = stored.string(1);
    blob = stored.string(2);
    thread = stored.id(3);
  }
  TRY(change_item_text(connection, Change::remove, key, language, head));
  std::vector<std::int64_t> passages;
  {
    Statement all = connection.query("SELECT key FROM passage WHERE item = ?1", key);
    for (;;) {
      TRY_ASSIGN(const bool row, all.step());
      if (!row) break;
      passages.push_back(all.integer(0));
    }
  }
  for (const std::int64_t passage : passages) {
    TRY(work.vectors.remove_passage(connection, passage));
  }
  TRY_ASSIGN(const std::vector<std::int64_t> people, people_of(connection, key));
  TRY_ASSIGN(const Standings standings, begin_unlabelling(connection, key));
  TRY(connection.run("DELETE FROM item WHERE key = ?1", key));
  TRY(finish_unlabelling(connection, standings));
  TRY(remove_unused_people(connection, people));
  TRY(
      connection.run("DELETE FROM thread_link WHERE thread = ?1 AND NOT EXISTS "
                     "(SELECT 1 FROM item WHERE thread = ?1)",
                     thread));
  return remove_unused_blob(work, blob);
}

// Removes the item if it lies nowhere any more; number of items removed.
base::Result<std::int64_t> settle(Work& work, std::int64_t item) {
  Connection& connection = work.context.connection;
  TRY_ASSIGN(const std::int64_t places,
             connection.number("SELECT count(*) FROM placement WHERE item = ?1", item));
  if (places > 0) {
    TRY(refresh_head(connection, item));
    TRY(label_item(connection, item));
    return 0;
  }
  TRY(remove_item(work, item));
  return 1;
}

base::Result<std::int64_t> source_key(Connection& connection, const Id& source) {
  TRY_ASSIGN(const std::int64_t key,
             connection.number("SELECT key FROM source WHERE id = ?1", source));
  if (key == 0) {
    return base::fail(ErrorKind::not_found, "source.unknown", {{"source", source.text()}});
  }
  return key;
}

}  // namespace

base::Result<RecordOutcome> record_prepared(Work& work, const Prepared& prepared) {
  Connection& connection = work.context.connection;
  TRY_ASSIGN(const std::int64_t source, source_key(connection, prepared.placement.source));
  const std::int64_t scope = prepared.global_id ? 0 : source;
  std::int64_t displaced = 0;  // an item this placement showed until now
  {
    Statement placed = connection.query(
        "SELECT i.key, i.id, i.external_id, i.scope, i.hash, i.producer, i.producer_version, "
        "(SELECT count(*) FROM placement o WHERE o.item = i.key), i.blob "
        "FROM placement p JOIN item i ON i.key = p.item "
        "WHERE p.source = ?1 AND p.folder = ?2 AND p.uid = ?3",
        source, prepared.placement.folder, prepared.placement.uid);
    TRY_ASSIGN(const bool row, placed.step());
    if (row) {
      const std::int64_t key = placed.integer(0);
      const bool same_name = placed.text(2) == prepared.external_id && placed.integer(3) == scope;
      // Of an event or a contact the original counts too: changes are made to it, and what no
      // reader shows must not be undone by them.
      const bool same_original =
          scope == 0 || !prepared.blob || placed.text(8) == prepared.blob->hash;
      const bool same_content = same_name && same_original && placed.text(4) == prepared.hash;
      const bool same_producer =
          placed.text(5) == prepared.producer && placed.integer(6) == prepared.producer_version;
      if (same_content && same_producer) {
        const RecordOutcome outcome{placed.id(1), Recorded::unchanged};
        TRY(place(connection, key, source, prepared.placement));
        return outcome;
      }
      // Another copy elsewhere still shows the old content unless only the reader changed.
      if (same_name && (placed.integer(7) == 1 || !same_producer)) {
        return update_item(work, key, source, prepared);
      }
      displaced = key;
    }
  }
  std::int64_t known = 0;
  Id known_id;
  bool same_content = false;
  {
    Statement same = connection.query(
        "SELECT key, id, hash = ?3 FROM item WHERE external_id = ?1 AND scope = ?2 AND "
        "(hash = ?3 OR (blob IS NOT NULL AND blob = ?4)) ORDER BY hash = ?3 DESC, key LIMIT 1",
        prepared.external_id, scope, prepared.hash, blob_hash(prepared));
    TRY_ASSIGN(const bool row, same.step());
    if (row) {
      known = same.integer(0);
      known_id = same.id(1);
      same_content = same.integer(2) != 0;
    }
  }
  base::Result<RecordOutcome> outcome = RecordOutcome{known_id, Recorded::placed};
  if (known == 0) {
    outcome = add_item(work, source, prepared);
  } else if (same_content) {
    TRY(place(connection, known, source, prepared.placement));
    TRY(refresh_head(connection, known));
    TRY(label_item(connection, known));
  } else {
    outcome = update_item(work, known, source, prepared);
  }
  if (outcome && displaced != 0) {
    TRY(settle(work, displaced));
    if (outcome->what == Recorded::added) outcome->what = Recorded::changed;
  }
  return outcome;
}

base::Status change_placement(Work& work, const Placement& placement) {
  Connection& connection = work.context.connection;
  TRY_ASSIGN(const std::int64_t source, source_key(connection, placement.source));
  TRY(connection.run(
      "UPDATE placement SET flags = ?4, path = ?5, size = ?6, modified = ?7, "
      "fingerprint = ?8 WHERE source = ?1 AND folder = ?2 AND uid = ?3",
      source, placement.folder, placement.uid, placement.flags, placement.path,
      static_cast<std::int64_t>(placement.size), placement.modified, placement.fingerprint));
  if (connection.changed() == 0) {
    return base::fail(ErrorKind::not_found, "placement.unknown", {{"uid", placement.uid}});
  }
  return {};
}

base::Status move_item(Work& work, StoredItem& stored, const Placement& from, const Placement& to) {
  Connection& connection = work.context.connection;
  TRY_ASSIGN(const std::int64_t source, source_key(connection, from.source));
  TRY(connection.run(
      "UPDATE placement SET folder = ?4, uid = ?5, flags = ?6, path = ?7, size = ?8, modified = ?9 "
      "WHERE source = ?1 AND folder = ?2 AND uid = ?3",
      source, from.folder, from.uid, to.folder, to.uid, to.flags, to.path,
      static_cast<std::int64_t>(to.size), to.modified));
  std::int64_t key = 0;
  std::string head;
  std::string language;
  {
    Statement row =
        connection.query("SELECT key, head, language FROM item WHERE id = ?1", stored.id);
    TRY(row.step());
    key = row.integer(0);
    head = row.string(1);
    language = row.string(2);
  }
  domain::Item& item = stored.item;
  const auto name_of_path = [](std::string_view path) { return path.substr(path.rfind('/') + 1); };
  const std::string old_path = base::clean_utf8(from.uid);
  const std::string new_path = base::clean_utf8(to.uid);
  if (item.external_id == old_path) {
    item.external_id = new_path;
    const auto rename = [&](std::string& text) {
      if (text == name_of_path(old_path)) {
        text = name_of_path(new_path);
      } else if (text == old_path) {
        text = new_path;
      }
    };
    rename(item.title);
    for (domain::Notice& notice : item.notices) {
      for (auto& [name, value] : notice.parameters) rename(value);
    }
    TRY_ASSIGN(const std::string folders, folders_of(connection, key));
    const std::string fresh = head_of(item) + folder_mark + folders;
    TRY(change_item_text(connection, Change::remove, key, language, head));
    TRY(connection.run(
        "UPDATE item SET external_id = ?2, title = ?3, head = ?4, hash = ?5, details = ?6 "
        "WHERE key = ?1",
        key, item.external_id, item.title, fresh, content_hash(item), details_of(item)));
    TRY(change_item_text(connection, Change::insert, key, language, fresh));
  } else {
    TRY(refresh_head(connection, key));
  }
  return label_item(connection, key);
}

base::Result<std::int64_t> forget_placement(Work& work, const Placement& placement) {
  Connection& connection = work.context.connection;
  TRY_ASSIGN(const std::int64_t source, source_key(connection, placement.source));
  TRY_ASSIGN(const std::int64_t item,
             connection.number("DELETE FROM placement WHERE source = ?1 AND folder = ?2 AND "
                               "uid = ?3 RETURNING item",
                               source, placement.folder, placement.uid));
  if (item == 0) return 0;
  return settle(work, item);
}

base::Result<std::int64_t> forget_source(Work& work, const Id& source) {
  Connection& connection = work.context.connection;
  TRY_ASSIGN(const std::int64_t key, source_key(connection, source));
  std::vector<std::int64_t> items;
  {
    Statement all = connection.query("SELECT DISTINCT item FROM placement WHERE source = ?1", key);
    for (;;) {
      TRY_ASSIGN(const bool row, all.step());
      if (!row) break;
      items.push_back(all.integer(0));
    }
  }
  TRY(connection.run("DELETE FROM placement WHERE source = ?1", key));
  std::int64_t removed = 0;
  for (const std::int64_t item : items) {
    TRY_ASSIGN(const std::int64_t gone, settle(work, item));
    removed += gone;
  }
  TRY(connection.run("DELETE FROM job WHERE subject = ?1", source.text()));
  TRY(connection.run("DELETE FROM source WHERE key = ?1", key));
  // Deleted rows linger in the index as markers that name their words; merging all drops them.
  TRY(connection.run("INSERT INTO passage_text(passage_text) VALUES('optimize')"));
  work.context.after_commit.emplace_back(
      [](Connection& after) { (void)after.run("PRAGMA wal_checkpoint(TRUNCATE)"); });
  return removed;
}

base::Status rebuild_text(Connection& connection) {
  TRY(connection.run("INSERT INTO passage_text(passage_text) VALUES('delete-all')"));
  Statement all = connection.query(
      "SELECT p.key, p.text, p.part_name, i.language, i.head FROM passage p "
      "JOIN item i ON i.key = p.item");
  for (;;) {
    TRY_ASSIGN(const bool row, all.step());
    if (!row) return {};
    TRY(change_text(connection, Change::insert, all.integer(0),
                    index_text(all.text(1), all.text(3)), index_head(all.text(4), all.text(2))));
  }
}

}  // namespace lar::store
