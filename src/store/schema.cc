// The tables, as migrations that are never edited once released: a change is a new step. The folder
// joins rows by integer keys; only the UUIDs leave it. Everything below `passage` and every column
// `head` can be rebuilt from the items.
#include "store/database.h"

namespace lar::store {

namespace {

constexpr const char* first = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE source(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE CHECK(length(id) = 16),
  kind TEXT NOT NULL,
  name TEXT NOT NULL UNIQUE,
  location TEXT NOT NULL,
  settings TEXT NOT NULL,
  cursor TEXT NOT NULL,
  last_sync INTEGER,
  error TEXT NOT NULL
) STRICT;

-- Originals in HOME/blobs; size is that of the bytes before compression.
CREATE TABLE blob(hash TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- scope: 0 where the external id is the same everywhere (Message-IDs), else the source's key.
-- starts, ends: the owner's moments in UTC microseconds, for sorting and filtering.
-- details: JSON of people, when, end, place, references, event and notices.
-- head: what the head column of the full text was made of: title and people, U+001F, folders.
CREATE TABLE item(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE CHECK(length(id) = 16),
  scope INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  starts INTEGER,
  ends INTEGER,
  thread BLOB NOT NULL CHECK(length(thread) = 16),
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  blob TEXT REFERENCES blob(hash),
  producer TEXT NOT NULL,
  producer_version INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  language TEXT NOT NULL,
  origin TEXT NOT NULL,
  title TEXT NOT NULL,
  head TEXT NOT NULL,
  details TEXT NOT NULL
) STRICT;
CREATE INDEX item_by_external_id ON item(external_id, scope);
CREATE INDEX item_by_thread ON item(thread);
CREATE INDEX item_by_time ON item(starts);
CREATE INDEX item_by_kind ON item(kind, starts);
CREATE INDEX item_by_blob ON item(blob) WHERE blob IS NOT NULL;
CREATE INDEX item_by_producer ON item(producer, producer_version);

-- What earlier versions of an item were, without their text.
CREATE TABLE item_version(
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  producer TEXT NOT NULL,
  producer_version INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  PRIMARY KEY(item, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE placement(
  key INTEGER PRIMARY KEY,
  item INTEGER NOT NULL REFERENCES item(key),
  source INTEGER NOT NULL REFERENCES source(key),
  folder TEXT NOT NULL,
  uid TEXT NOT NULL,
  flags TEXT NOT NULL,
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  UNIQUE(source, folder, uid)
) STRICT;
CREATE INDEX placement_by_item ON placement(item);

-- text and segments are zstd frames.
CREATE TABLE part(
  key INTEGER PRIMARY KEY,
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  role TEXT NOT NULL,
  text BLOB NOT NULL,
  segments BLOB NOT NULL,
  UNIQUE(item, position)
) STRICT;

CREATE TABLE passage(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE CHECK(length(id) = 16),
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  part_name TEXT NOT NULL,
  locator TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX passage_by_item ON passage(item, position);

-- Tokens come prepared (text_index.h), so the plainest tokenizer will do.
CREATE VIRTUAL TABLE passage_text USING fts5(
  words, stems, fallback, head, content='', tokenize='ascii');
INSERT INTO passage_text(passage_text, rank) VALUES('usermerge', 4);

CREATE TABLE person(
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  folded TEXT NOT NULL,
  UNIQUE(address, name)
) STRICT;
CREATE TABLE item_person(
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  person INTEGER NOT NULL REFERENCES person(key),
  PRIMARY KEY(item, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_person_by_person ON item_person(person, item);

-- Which thread a Message-ID belongs to, seen or only referred to.
CREATE TABLE thread_link(
  external_id TEXT PRIMARY KEY,
  thread BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_link_by_thread ON thread_link(thread);

CREATE TABLE occurrence(
  key INTEGER PRIMARY KEY,
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  recurrence_id TEXT NOT NULL,
  starts INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  start_json TEXT NOT NULL,
  end_json TEXT NOT NULL,
  summary TEXT NOT NULL,
  location TEXT NOT NULL
) STRICT;
CREATE INDEX occurrence_by_item ON occurrence(item);
CREATE INDEX occurrence_by_time ON occurrence(starts, ends);

-- generation counts every change of the model's vectors; the mapped file carries the one it shows.
CREATE TABLE vector_model(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  dimensions INTEGER NOT NULL,
  generation INTEGER NOT NULL
) STRICT;
-- numbers: IEEE half floats, little endian.
CREATE TABLE vector(
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  model INTEGER NOT NULL REFERENCES vector_model(key) ON DELETE CASCADE,
  passage INTEGER NOT NULL REFERENCES passage(key) ON DELETE CASCADE,
  numbers BLOB NOT NULL,
  UNIQUE(passage, model)
) STRICT;
CREATE INDEX vector_by_model ON vector(model);
-- Passages still without a vector of a model.
CREATE TABLE vector_queue(
  model INTEGER NOT NULL REFERENCES vector_model(key) ON DELETE CASCADE,
  starts INTEGER NOT NULL,
  passage INTEGER NOT NULL REFERENCES passage(key) ON DELETE CASCADE,
  PRIMARY KEY(model, starts, passage)
) STRICT, WITHOUT ROWID;
CREATE INDEX vector_queue_by_passage ON vector_queue(passage);

CREATE TABLE journal(
  id BLOB PRIMARY KEY CHECK(length(id) = 16),
  time INTEGER NOT NULL,
  kind TEXT NOT NULL,
  summary TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER journal_stays BEFORE UPDATE ON journal
BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_stays_whole BEFORE DELETE ON journal
BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;

CREATE TABLE conversation(
  id BLOB PRIMARY KEY CHECK(length(id) = 16),
  title TEXT NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE turn(
  id BLOB PRIMARY KEY CHECK(length(id) = 16),
  conversation BLOB NOT NULL REFERENCES conversation(id) ON DELETE CASCADE,
  time INTEGER NOT NULL,
  question TEXT NOT NULL,
  answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX turn_by_conversation ON turn(conversation, id);

CREATE TABLE job(
  id BLOB PRIMARY KEY CHECK(length(id) = 16),
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  progress TEXT NOT NULL,
  error TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX job_unfinished ON job(kind, subject) WHERE state IN ('waiting', 'running');
)sql";

// Counted by triggers, so that no way of writing can forget it; labels.h tells of the other tables.
constexpr const char* counters_and_labels = R"sql(
DROP INDEX placement_by_item;
CREATE INDEX placement_by_item ON placement(item, source);
ALTER TABLE source ADD COLUMN items INTEGER NOT NULL DEFAULT 0;
UPDATE source SET items = (
  SELECT count(DISTINCT item) FROM placement WHERE source = source.key);
CREATE TRIGGER placement_added AFTER INSERT ON placement
WHEN (SELECT count(*) FROM placement WHERE item = new.item AND source = new.source) = 1
BEGIN UPDATE source SET items = items + 1 WHERE key = new.source; END;
CREATE TRIGGER placement_removed AFTER DELETE ON placement
WHEN NOT EXISTS (SELECT 1 FROM placement WHERE item = old.item AND source = old.source)
BEGIN UPDATE source SET items = items - 1 WHERE key = old.source; END;
CREATE TRIGGER placement_changed AFTER UPDATE OF item, source ON placement
WHEN new.item <> old.item OR new.source <> old.source
BEGIN
  UPDATE source SET items = items + 1 WHERE key = new.source AND
    (SELECT count(*) FROM placement WHERE item = new.item AND source = new.source) = 1;
  UPDATE source SET items = items - 1 WHERE key = old.source AND
    NOT EXISTS (SELECT 1 FROM placement WHERE item = old.item AND source = old.source);
END;

CREATE TABLE sender(
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  address TEXT NOT NULL,
  PRIMARY KEY(item, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX sender_by_address ON sender(address, item);
-- What the owner stated as theirs.
CREATE TABLE own_address(address TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
-- why: 'own' (the owner wrote the item from it), 'written' (to it), 'contact' (the item holds it).
CREATE TABLE known_address(
  address TEXT NOT NULL,
  why TEXT NOT NULL,
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  PRIMARY KEY(address, why, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_address_by_item ON known_address(item);
)sql";

// The assistant's (assistant_store.h). Facts, verdicts and cards go with the items they are about;
// what the owner decided stays.
constexpr const char* assistant_tables = R"sql(
-- Mails that wait to be judged; starts as in item, so that the newest come first.
CREATE TABLE judge_queue(
  starts INTEGER NOT NULL,
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  PRIMARY KEY(starts, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX judge_queue_by_item ON judge_queue(item);
INSERT INTO judge_queue(starts, item) SELECT ifnull(starts, 0), key FROM item WHERE kind = 'mail';
CREATE TRIGGER mail_added AFTER INSERT ON item WHEN new.kind = 'mail'
BEGIN INSERT INTO judge_queue(starts, item) VALUES(ifnull(new.starts, 0), new.key); END;
CREATE TRIGGER mail_changed AFTER UPDATE OF hash ON item
WHEN new.kind = 'mail' AND new.hash <> old.hash
BEGIN
  DELETE FROM judge_queue WHERE item = new.key;
  INSERT INTO judge_queue(starts, item) VALUES(ifnull(new.starts, 0), new.key);
END;

CREATE TABLE verdict(
  item INTEGER PRIMARY KEY REFERENCES item(key) ON DELETE CASCADE,
  producer_version INTEGER NOT NULL,
  model TEXT NOT NULL,
  made INTEGER NOT NULL,
  has_read INTEGER NOT NULL,
  priority TEXT NOT NULL,
  suspicious TEXT NOT NULL,
  personal INTEGER NOT NULL,
  urgency REAL NOT NULL,
  summary TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX verdict_by_version ON verdict(producer_version);

CREATE TABLE fact(
  id BLOB PRIMARY KEY CHECK(length(id) = 16),
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  who TEXT NOT NULL,
  who_name TEXT NOT NULL,
  what TEXT NOT NULL,
  starts TEXT NOT NULL,
  ends TEXT NOT NULL,
  zone TEXT NOT NULL,
  moment INTEGER,
  place TEXT NOT NULL,
  cents INTEGER NOT NULL,
  currency TEXT NOT NULL,
  quote TEXT NOT NULL,
  locator TEXT NOT NULL,
  state TEXT NOT NULL,
  ended INTEGER,
  superseded_by BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX fact_by_item ON fact(item);
CREATE INDEX fact_by_moment ON fact(moment) WHERE moment IS NOT NULL;

CREATE TABLE card(
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE CHECK(length(id) = 16),
  key TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  code TEXT NOT NULL,
  parameters TEXT NOT NULL,
  urgency INTEGER NOT NULL,
  weight REAL NOT NULL,
  person TEXT NOT NULL,
  thread TEXT NOT NULL,
  origin TEXT NOT NULL,
  due INTEGER,
  state TEXT NOT NULL,
  until INTEGER,
  made INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  route TEXT NOT NULL,
  because TEXT NOT NULL,
  notified INTEGER
) STRICT;
CREATE INDEX card_by_state ON card(state);
CREATE TABLE card_item(
  card INTEGER NOT NULL REFERENCES card(number) ON DELETE CASCADE,
  item INTEGER NOT NULL REFERENCES item(key) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  quote TEXT NOT NULL,
  PRIMARY KEY(card, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX card_item_by_item ON card_item(item);

CREATE TABLE action(
  id BLOB PRIMARY KEY CHECK(length(id) = 16),
  card INTEGER REFERENCES card(number) ON DELETE SET NULL,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  content TEXT NOT NULL,
  state TEXT NOT NULL,
  result TEXT NOT NULL,
  undo TEXT NOT NULL,
  made INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX action_by_card ON action(card);
CREATE INDEX action_by_state ON action(state);
-- A card whose evidence is gone goes too, and what was only proposed on it.
CREATE TRIGGER card_item_removed AFTER DELETE ON card_item
WHEN NOT EXISTS (SELECT 1 FROM card_item WHERE card = old.card)
BEGIN DELETE FROM card WHERE number = old.card; END;
CREATE TRIGGER card_removed BEFORE DELETE ON card
BEGIN DELETE FROM action WHERE card = old.number AND state IN ('proposed', 'rejected'); END;

-- verdict: 'never' or 'always'; an empty kind or person stands for any.
CREATE TABLE gate_rule(
  kind TEXT NOT NULL,
  person TEXT NOT NULL,
  verdict TEXT NOT NULL,
  made INTEGER NOT NULL,
  PRIMARY KEY(kind, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE gate_count(
  kind TEXT NOT NULL,
  person TEXT NOT NULL,
  useful INTEGER NOT NULL,
  useless INTEGER NOT NULL,
  PRIMARY KEY(kind, person)
) STRICT, WITHOUT ROWID;

-- evidence: JSON array of item ids.
CREATE TABLE memory(
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE CHECK(length(id) = 16),
  topic TEXT NOT NULL,
  statement TEXT NOT NULL,
  stated INTEGER NOT NULL,
  evidence TEXT NOT NULL,
  made INTEGER NOT NULL,
  superseded INTEGER
) STRICT;
CREATE INDEX memory_by_topic ON memory(topic);
-- Hashes only: what was forgotten is not kept to be able to forget it.
CREATE TABLE forgotten(hash TEXT PRIMARY KEY, made INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)sql";

// What was done on a card is taken back by its number, also where doing it took the evidence away:
// mail that was moved to the spam is not read there.
constexpr const char* former_cards = R"sql(
ALTER TABLE action ADD COLUMN former_card INTEGER;
CREATE INDEX action_by_former_card ON action(former_card) WHERE former_card IS NOT NULL;
DROP TRIGGER card_removed;
CREATE TRIGGER card_removed BEFORE DELETE ON card BEGIN
  DELETE FROM action WHERE card = old.number AND state IN ('proposed', 'rejected');
  UPDATE action SET former_card = card WHERE card = old.number;
END;
)sql";

// woken: the owner had put the card off, that time has come, and they have not been told yet.
// attempts, tried: interruptions that did not reach the owner, and when the last of them was tried.
// until_event: JSON {item, occurrence, only, begins} of the event a card is put off until; or
// empty. proposed: an action's content as the detector gave it (NULL: by somebody else); edited:
// the owner has changed it since. gate_rule.card: the card on which the owner said it (NULL: in the
// settings). came: when a mail was there for the owner, see Verdict. The moments of facts have an
// index since the first version; with it and the two new ones a review reads what its window holds
// and not what the home holds.
constexpr const char* what_the_owner_was_told = R"sql(
ALTER TABLE card ADD COLUMN woken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE card ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE card ADD COLUMN tried INTEGER;
ALTER TABLE card ADD COLUMN until_event TEXT NOT NULL DEFAULT '';
ALTER TABLE action ADD COLUMN proposed TEXT;
ALTER TABLE action ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gate_rule ADD COLUMN card INTEGER;
ALTER TABLE verdict ADD COLUMN came INTEGER NOT NULL DEFAULT 0;
UPDATE verdict SET came = (
  SELECT min(ifnull(starts, recorded), recorded) FROM item WHERE key = verdict.item);
CREATE INDEX verdict_by_coming ON verdict(came);
CREATE INDEX fact_of_invoices ON fact(who) WHERE kind = 'invoice';
)sql";

// What the owner said of an answer: JSON {right, text, made}; empty: nothing.
constexpr const char* corrected_answers = R"sql(
ALTER TABLE turn ADD COLUMN correction TEXT NOT NULL DEFAULT '';
CREATE INDEX turn_by_correction ON turn(id) WHERE correction <> '';
)sql";

// No foreign key: what the owner said holds for mails alike when the one it was said of has gone.
constexpr const char* lessons_of_the_owner = R"sql(
CREATE TABLE lesson(
  item BLOB PRIMARY KEY CHECK(length(item) = 16),
  message_id TEXT NOT NULL,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  priority TEXT NOT NULL,
  suspicious TEXT NOT NULL,
  personal INTEGER,
  embedding BLOB NOT NULL DEFAULT x'',
  space TEXT NOT NULL DEFAULT '',
  made INTEGER NOT NULL
) STRICT;
)sql";

constexpr Migration all[] = {{1, first},
                             {2, counters_and_labels},
                             {3, assistant_tables},
                             {4, former_cards},
                             {5, what_the_owner_was_told},
                             {6, corrected_answers},
                             {7, lessons_of_the_owner}};

}  // namespace

std::span<const Migration> migrations() { return all; }

}  // namespace lar::store
