// The assistant's tables. Reads run on the caller's thread over a lent connection, writes on the
// writer's. Internal: callers see assistant_store.h.
#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "domain/json.h"
#include "os/file.h"
#include "store/home.h"

namespace lar::store {

using base::ErrorKind;
using base::Id;
using base::Microseconds;
using base::Result;
using base::Status;

namespace {

constexpr std::array<std::string_view, 3> fact_states = {"valid", "superseded", "closed"};
constexpr std::array<std::string_view, 6> card_states = {"new",  "seen",      "snoozed",
                                                         "done", "dismissed", "gone"};
constexpr std::array<std::string_view, 8> action_states = {
    "proposed", "approved", "rejected", "executing", "done", "failed", "undone", "unknown"};

template <typename Enum, std::size_t size>
Enum state_from(const std::array<std::string_view, size>& names, std::string_view name,
                Enum otherwise) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? otherwise : static_cast<Enum>(found - names.begin());
}

tl::unexpected<base::Error> unknown(const char* code, const std::string& id) {
  return base::fail(ErrorKind::not_found, code, {{"id", id}});
}

constexpr const char* verdict_columns =
    "v.producer_version, v.model, v.made, v.has_read, v.priority, v.suspicious, v.personal, "
    "v.urgency, v.summary, v.detail, v.came";
constexpr int verdict_width = 11;

Verdict verdict_from(const Statement& row, int at, const Id& item) {
  Verdict verdict;
  verdict.item = item;
  verdict.producer_version = static_cast<int>(row.integer(at));
  verdict.model = row.string(at + 1);
  verdict.made = row.integer(at + 2);
  verdict.has_read = row.integer(at + 3) != 0;
  verdict.priority = row.string(at + 4);
  verdict.suspicious = row.string(at + 5);
  verdict.personal = row.integer(at + 6) != 0;
  verdict.urgency = row.real(at + 7);
  verdict.summary = row.string(at + 8);
  verdict.detail = row.string(at + 9);
  verdict.came = row.integer(at + 10);
  return verdict;
}

constexpr const char* judged_columns =
    "SELECT i.id, i.external_id, i.thread, i.title, v.came, i.origin, i.details, "
    "v.producer_version, v.model, v.made, v.has_read, v.priority, v.suspicious, v.personal, "
    "v.urgency, v.summary, v.detail, v.came, i.kind FROM verdict v JOIN item i ON i.key = v.item ";
constexpr int judged_kind = 18;  // its place

// The mails of judged_before. CROSS JOIN keeps the order in which the indexes are to be used.
constexpr const char* before_window =
    "WITH old_fact AS (SELECT f.item AS item, f.kind AS kind FROM fact f "
    "CROSS JOIN verdict v ON v.item = f.item "
    "WHERE f.moment >= ?1 AND f.moment < ?2 AND v.came < ?1), "
    "mail_before(item) AS ("
    "SELECT m.key FROM item m WHERE m.thread IN "
    "(SELECT i.thread FROM old_fact o CROSS JOIN item i ON i.key = o.item) "
    "UNION SELECT other.item FROM (SELECT DISTINCT s.address AS address FROM old_fact o "
    "CROSS JOIN sender s ON s.item = o.item WHERE o.kind = 'appointment') own "
    "CROSS JOIN sender other ON other.address = own.address "
    "CROSS JOIN verdict v ON v.item = other.item "
    "WHERE v.detail LIKE '%\"cancels\":true%' OR v.detail LIKE '%\"moves\":true%' "
    "UNION SELECT f.item FROM (SELECT DISTINCT f.who AS who FROM verdict v "
    "CROSS JOIN fact f ON f.item = v.item WHERE v.came >= ?1 AND f.kind = 'invoice') own "
    "CROSS JOIN fact f ON f.kind = 'invoice' AND f.who = own.who "
    "CROSS JOIN verdict v ON v.item = f.item WHERE v.came >= ?1 - 63072000000000) ";

Result<std::vector<ChatDay>> read_chat_days(Statement rows) {
  std::vector<ChatDay> result;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return result;
    result.push_back({rows.id(0), rows.string(1), rows.string(2)});
  }
}

Result<std::vector<JudgedMail>> read_judged(Statement rows) {
  std::vector<JudgedMail> result;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return result;
    JudgedMail mail;
    mail.item = rows.id(0);
    mail.message_id = rows.string(1);
    mail.thread = rows.id(2).text();
    mail.title = rows.string(3);
    mail.sent = rows.maybe_integer(4);
    mail.origin = domain::origin_from(rows.text(5)).value_or(domain::Origin::web);
    const nlohmann::json details = nlohmann::json::parse(rows.text(6), nullptr, false);
    if (details.is_object() && details.contains("people")) {
      if (auto people = domain::people_from_json(details["people"])) mail.people = *people;
    }
    mail.verdict = verdict_from(rows, 7, mail.item);
    mail.kind = domain::item_kind_from(rows.text(judged_kind)).value_or(domain::ItemKind::mail);
    result.push_back(std::move(mail));
  }
}

constexpr const char* fact_columns =
    "SELECT f.id, i.id, i.thread, f.kind, f.who, f.who_name, f.what, f.starts, f.ends, f.zone, "
    "f.moment, f.place, f.cents, f.currency, f.quote, f.locator, f.state, f.ended, "
    "f.superseded_by FROM fact f JOIN item i ON i.key = f.item ";

Result<std::vector<Fact>> read_facts(Statement rows) {
  std::vector<Fact> result;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return result;
    Fact fact;
    fact.id = rows.id(0);
    fact.item = rows.id(1);
    fact.thread = rows.id(2).text();
    fact.kind = rows.string(3);
    fact.who = rows.string(4);
    fact.who_name = rows.string(5);
    fact.what = rows.string(6);
    fact.starts = rows.string(7);
    fact.ends = rows.string(8);
    fact.zone = rows.string(9);
    fact.moment = rows.maybe_integer(10);
    fact.place = rows.string(11);
    fact.cents = rows.integer(12);
    fact.currency = rows.string(13);
    fact.quote = rows.string(14);
    fact.locator = rows.string(15);
    fact.state = state_from(fact_states, rows.text(16), FactState::valid);
    fact.ended = rows.maybe_integer(17);
    if (!rows.is_null(18)) fact.superseded_by = rows.id(18);
    result.push_back(std::move(fact));
  }
}

std::string text_of(const std::optional<UntilEvent>& event) {
  if (!event) return {};
  return nlohmann::json{{"item", event->item.text()},
                        {"occurrence", event->occurrence},
                        {"only", event->only},
                        {"begins", event->begins}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<UntilEvent> until_event_from(std::string_view text) {
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  const auto item = Id::parse(value.value("item", ""));
  if (!item) return std::nullopt;
  return UntilEvent{*item, value.value("occurrence", ""), value.value("only", false),
                    value.value("begins", false)};
}

constexpr const char* card_columns =
    "SELECT number, id, key, kind, code, parameters, urgency, weight, person, thread, origin, due, "
    "state, until, made, changed, route, because, notified, woken, attempts, tried, until_event "
    "FROM card ";

Card card_from(const Statement& row) {
  Card card;
  card.number = row.integer(0);
  card.id = row.id(1);
  card.key = row.string(2);
  card.kind = row.string(3);
  card.code = row.string(4);
  card.parameters = row.string(5);
  card.urgency = static_cast<int>(row.integer(6));
  card.weight = row.real(7);
  card.person = row.string(8);
  card.thread = row.string(9);
  card.origin = domain::origin_from(row.text(10)).value_or(domain::Origin::web);
  card.due = row.maybe_integer(11);
  card.state = state_from(card_states, row.text(12), CardState::gone);
  card.until = row.maybe_integer(13);
  card.made = row.integer(14);
  card.changed = row.integer(15);
  card.route = row.string(16);
  card.because = row.string(17);
  card.notified = row.maybe_integer(18);
  card.woken = row.integer(19) != 0;
  card.attempts = static_cast<int>(row.integer(20));
  card.tried = row.maybe_integer(21);
  card.until_event = until_event_from(row.text(22));
  return card;
}

Status read_evidence(Connection& connection, Card& card) {
  Statement rows = connection.query(
      "SELECT i.id, c.quote, i.external_id, i.title, i.kind FROM card_item c "
      "JOIN item i ON i.key = c.item WHERE c.card = ?1 ORDER BY c.position",
      card.number);
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    card.evidence.push_back(
        {rows.id(0), rows.string(1), rows.string(2), rows.string(3),
         domain::item_kind_from(rows.text(4)).value_or(domain::ItemKind::document)});
  }
}

constexpr const char* action_columns =
    "SELECT id, card, position, kind, content, state, result, undo, made, changed FROM action ";

Action action_from(const Statement& row) {
  Action action;
  action.id = row.id(0);
  action.card = row.maybe_integer(1);
  action.position = static_cast<int>(row.integer(2));
  action.kind = row.string(3);
  action.content = row.string(4);
  action.state = state_from(action_states, row.text(5), ActionState::unknown);
  action.result = row.string(6);
  action.undo = row.string(7);
  action.made = row.integer(8);
  action.changed = row.integer(9);
  return action;
}

std::string forgotten_hash(const std::string& topic, const std::string& statement) {
  return os::sha256(base::fold(topic) + "\n" + base::fold(base::collapse_spaces(statement)));
}
// Of everything on a topic: what is inferred is worded anew, and in the language of the day.
std::string forgotten_topic(const std::string& topic) { return forgotten_hash(topic, ""); }

Status insert_action(Connection& connection, const Action& action) {
  return connection.run(
      "INSERT INTO action(id, card, position, kind, content, state, result, undo, made, changed) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      action.id, action.card, action.position, action.kind, action.content, name_of(action.state),
      action.result, action.undo, action.made, action.changed);
}

// A mail and those of its sender since are judged again.
Status queue_alike(Connection& connection, const Id& item, Microseconds since) {
  TRY(
      connection.run("INSERT OR IGNORE INTO judge_queue(starts, item) "
                     "SELECT ifnull(starts, 0), key FROM item WHERE id = ?1 AND kind = 'mail'",
                     item));
  return connection.run(
      "INSERT OR IGNORE INTO judge_queue(starts, item) "
      "SELECT ifnull(i.starts, 0), i.key FROM item own JOIN sender s ON s.item = own.key "
      "JOIN sender other ON other.address = s.address JOIN item i ON i.key = other.item "
      "WHERE own.id = ?1 AND i.kind = 'mail' AND ifnull(i.starts, 0) >= ?2",
      item, since);
}

class AssistantRecords final : public AssistantStore {
 public:
  AssistantRecords(Readers& readers, Writer& writer) : readers_(readers), writer_(writer) {}

  // ---- verdicts and facts ----

  Result<std::vector<Id>> mails_to_judge(int limit) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_ids(
        connection->query("SELECT i.id FROM judge_queue q JOIN item i ON i.key = q.item "
                          "ORDER BY q.starts DESC, q.item DESC LIMIT ?1",
                          limit));
  }

  Result<std::vector<ChatDay>> chat_days_to_judge(int version, Microseconds since,
                                                  int limit) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_chat_days(connection->query(
        "SELECT i.id, i.external_id, i.hash FROM item i LEFT JOIN verdict v ON v.item = i.key "
        "WHERE i.kind = 'message' AND i.starts >= ?1 AND (v.item IS NULL OR "
        "v.producer_version < ?2 OR json_extract(v.detail, '$.hash') IS NOT i.hash) "
        "ORDER BY i.starts DESC, i.key DESC LIMIT ?3",
        since, version, limit));
  }

  Result<std::vector<ChatDay>> chat_days(const std::string& conversation,
                                         Microseconds since) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_chat_days(connection->query(
        "SELECT i.id, i.external_id, i.hash FROM item i WHERE i.kind = 'message' "
        "AND i.starts >= ?1 AND substr(i.external_id, 1, length(?2) + 1) = ?2 || ':' "
        "ORDER BY i.starts, i.key",
        since, conversation));
  }

  Result<std::int64_t> count_to_judge() override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return connection->number("SELECT count(*) FROM judge_queue");
  }

  Result<bool> is_to_judge(const Id& item) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    TRY_ASSIGN(const std::int64_t count,
               connection->number("SELECT count(*) FROM judge_queue q JOIN item i ON i.key = "
                                  "q.item WHERE i.id = ?1",
                                  item));
    return count > 0;
  }

  Result<std::int64_t> judge_again(int version, const std::string& model,
                                   Microseconds models_since) override {
    return write<std::int64_t>(
        Durability::normal, [&](WriteContext& context) -> Result<std::int64_t> {
          Connection& connection = context.connection;
          TRY(connection.run(
              "INSERT OR IGNORE INTO judge_queue(starts, item) "
              "SELECT ifnull(i.starts, 0), i.key FROM verdict v JOIN item i ON i.key = "
              "v.item WHERE v.producer_version < ?1",
              version));
          std::int64_t count = connection.changed();
          if (!model.empty()) {
            TRY(connection.run(
                "INSERT OR IGNORE INTO judge_queue(starts, item) "
                "SELECT i.starts, i.key FROM item i JOIN verdict v ON v.item = i.key "
                "WHERE i.kind = 'mail' AND i.starts >= ?1 AND v.model = '' AND v.has_read = 1",
                models_since));
            count += connection.changed();
          }
          return count;
        });
  }

  Status save_verdict(const Verdict& verdict, std::span<const Fact> facts,
                      std::span<const Fact> others) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          Connection& connection = context.connection;
          TRY_ASSIGN(const std::int64_t item,
                     connection.number("SELECT key FROM item WHERE id = ?1", verdict.item));
          if (item == 0) return {};
          TRY(connection.run(
              "INSERT OR REPLACE INTO verdict(item, producer_version, model, made, has_read, "
              "priority, suspicious, personal, urgency, summary, detail, came) "
              "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, CASE WHEN ?12 <> 0 THEN ?12 "
              "ELSE (SELECT min(ifnull(starts, recorded), recorded) FROM item WHERE key = ?1) END)",
              item, verdict.producer_version, verdict.model, verdict.made, verdict.has_read ? 1 : 0,
              verdict.priority, verdict.suspicious, verdict.personal ? 1 : 0, verdict.urgency,
              verdict.summary, verdict.detail, verdict.came));
          TRY(connection.run("DELETE FROM fact WHERE item = ?1", item));
          for (const Fact& fact : facts) {
            TRY(connection.run(
                "INSERT INTO fact(id, item, kind, who, who_name, what, starts, ends, zone, moment, "
                "place, cents, currency, quote, locator, state, ended, superseded_by) VALUES(?1, "
                "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
                fact.id.is_nil() ? Id::make() : fact.id, item, fact.kind, fact.who, fact.who_name,
                fact.what, fact.starts, fact.ends, fact.zone, fact.moment, fact.place, fact.cents,
                fact.currency, fact.quote, fact.locator, name_of(fact.state), fact.ended,
                fact.superseded_by));
          }
          for (const Fact& fact : others) {
            TRY(
                connection.run("UPDATE fact SET state = ?2, ended = ?3, superseded_by = ?4 "
                               "WHERE id = ?1",
                               fact.id, name_of(fact.state), fact.ended, fact.superseded_by));
          }
          return connection.run("DELETE FROM judge_queue WHERE item = ?1", item);
        },
        Durability::normal);
  }

  Result<std::optional<Verdict>> verdict(const Id& item) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    static_assert(verdict_width == 11);
    Statement row =
        connection->query(std::string("SELECT ") + verdict_columns +
                              " FROM verdict v JOIN item i ON i.key = v.item WHERE i.id = ?1",
                          item);
    TRY_ASSIGN(const bool found, row.step());
    if (!found) return std::optional<Verdict>();
    return std::optional<Verdict>(verdict_from(row, 0, item));
  }

  Status teach(const Lesson& lesson, Microseconds alike_since) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          TRY(context.connection.run(
              "INSERT OR REPLACE INTO lesson(item, message_id, sender, subject, priority, "
              "suspicious, personal, made) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
              lesson.item, lesson.message_id, base::lower_ascii(lesson.sender), lesson.subject,
              lesson.priority, lesson.suspicious,
              lesson.personal ? std::optional<std::int64_t>(*lesson.personal ? 1 : 0)
                              : std::nullopt,
              lesson.made));
          return queue_alike(context.connection, lesson.item, alike_since);
        },
        Durability::full);
  }

  Result<bool> unteach(const Id& item, Microseconds alike_since) override {
    return write<bool>(Durability::full, [&](WriteContext& context) -> Result<bool> {
      TRY(context.connection.run("DELETE FROM lesson WHERE item = ?1", item));
      if (context.connection.changed() == 0) return false;
      TRY(queue_alike(context.connection, item, alike_since));
      return true;
    });
  }

  Result<std::vector<Lesson>> lessons() override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    Statement rows = connection->query(
        "SELECT item, message_id, sender, subject, priority, suspicious, personal, embedding, "
        "space, made FROM lesson ORDER BY made DESC");
    std::vector<Lesson> result;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return result;
      Lesson lesson;
      lesson.item = rows.id(0);
      lesson.message_id = rows.string(1);
      lesson.sender = rows.string(2);
      lesson.subject = rows.string(3);
      lesson.priority = rows.string(4);
      lesson.suspicious = rows.string(5);
      if (const auto personal = rows.maybe_integer(6)) lesson.personal = *personal != 0;
      const std::string_view bytes = rows.blob(7);
      lesson.embedding.resize(bytes.size() / sizeof(float));
      if (!lesson.embedding.empty()) {
        std::memcpy(lesson.embedding.data(), bytes.data(), lesson.embedding.size() * sizeof(float));
      }
      lesson.space = rows.string(8);
      lesson.made = rows.integer(9);
      result.push_back(std::move(lesson));
    }
  }

  Status keep_lesson_vector(const Id& item, std::span<const float> embedding,
                            const std::string& space) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run(
              "UPDATE lesson SET embedding = ?2, space = ?3 WHERE item = ?1", item,
              Bytes{{reinterpret_cast<const char*>(embedding.data()), embedding.size_bytes()}},
              space);
        },
        Durability::normal);
  }

  Result<std::vector<Fact>> facts_of(const Id& item) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_facts(
        connection->query(std::string(fact_columns) + "WHERE i.id = ?1 ORDER BY f.id", item));
  }

  Result<std::vector<JudgedMail>> judged(Microseconds since) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_judged(connection->query(std::string(judged_columns) +
                                             "WHERE i.kind IN ('mail', 'message') AND v.came >= ?1 "
                                             "AND v.has_read = 1 ORDER BY v.came, i.key",
                                         since));
  }

  Result<std::vector<JudgedMail>> judged_before(Microseconds since, Microseconds until) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_judged(connection->query(
        before_window + std::string(judged_columns) +
            "WHERE v.item IN (SELECT item FROM mail_before) AND v.came < ?1 "
            "AND i.kind IN ('mail', 'message') AND v.has_read = 1 ORDER BY v.came, i.key",
        since, until));
  }

  Result<std::vector<Fact>> facts_before(Microseconds since, Microseconds until) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_facts(connection->query(
        before_window + std::string(fact_columns) +
            "JOIN verdict v ON v.item = f.item WHERE f.item IN (SELECT item FROM mail_before) "
            "AND v.came < ?1 ORDER BY v.came, f.id",
        since, until));
  }

  Result<std::vector<JudgedMail>> judged_thread(const std::string& thread) override {
    const auto name = Id::parse(thread);
    if (!name) return std::vector<JudgedMail>();
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_judged(
        connection->query(std::string(judged_columns) +
                              "WHERE i.thread = ?1 AND v.has_read = 1 ORDER BY v.came, i.key",
                          *name));
  }

  Result<std::vector<Fact>> facts(Microseconds since) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_facts(connection->query(
        std::string(fact_columns) +
            "JOIN verdict v ON v.item = f.item WHERE v.came >= ?1 ORDER BY v.came, f.id",
        since));
  }

  Result<std::vector<Fact>> thread_facts(const std::string& thread) override {
    const auto name = Id::parse(thread);
    if (!name) return std::vector<Fact>();
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_facts(connection->query(
        std::string(fact_columns) + "WHERE i.thread = ?1 ORDER BY ifnull(i.starts, 0), f.id",
        *name));
  }

  Result<std::vector<Correspondent>> correspondents() override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    const ReadMoment moment(*connection);
    TRY(moment.status());
    std::vector<Correspondent> result;
    Statement received = connection->query(
        "SELECT s.address, ifnull(p.name, ''), count(*) FROM sender s JOIN item i ON i.key = "
        "s.item LEFT JOIN item_person ip ON ip.item = s.item AND ip.person IN "
        "(SELECT key FROM person WHERE address = s.address) "
        "LEFT JOIN person p ON p.key = ip.person LEFT JOIN verdict v ON v.item = i.key "
        "WHERE i.origin <> 'owner' AND ifnull(v.suspicious, 'none') = 'none' GROUP BY 1, 2");
    for (;;) {
      TRY_ASSIGN(const bool row, received.step());
      if (!row) break;
      result.push_back(
          {received.string(0), received.string(1), static_cast<int>(received.integer(2)), 0});
    }
    // By the names that the owner's own mails and contacts say.
    Statement written = connection->query(
        "SELECT k.address, ifnull(p.name, ''), count(DISTINCT CASE k.why WHEN 'written' THEN "
        "k.item "
        "END) FROM known_address k LEFT JOIN item_person ip ON ip.item = k.item AND ip.person IN "
        "(SELECT key FROM person WHERE address = k.address) "
        "LEFT JOIN person p ON p.key = ip.person WHERE k.why IN ('written', 'contact') "
        "GROUP BY 1, 2");
    for (;;) {
      TRY_ASSIGN(const bool row, written.step());
      if (!row) break;
      result.push_back(
          {written.string(0), written.string(1), 0, static_cast<int>(written.integer(2))});
    }
    return result;
  }

  Result<std::vector<std::string>> own_addresses() override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    Statement rows = connection->query(
        "SELECT address FROM own_address UNION SELECT address FROM known_address WHERE why = "
        "'own'");
    std::vector<std::string> result;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return result;
      result.push_back(rows.string(0));
    }
  }

  Result<std::vector<Id>> written_to(const std::string& address, int limit) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_ids(
        connection->query("SELECT i.id FROM known_address k JOIN item i ON i.key = k.item "
                          "WHERE k.address = ?1 AND k.why = 'written' AND i.kind = 'mail' "
                          "ORDER BY i.starts DESC LIMIT ?2",
                          address, limit));
  }

  Result<std::vector<Id>> newest(domain::ItemKind kind, int limit) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    return read_ids(connection->query(
        "SELECT id FROM item WHERE kind = ?1 ORDER BY starts DESC, key DESC LIMIT ?2",
        domain::name_of(kind), limit));
  }

  // ---- cards ----

  Result<std::vector<Card>> put_cards(std::span<const Card> cards,
                                      std::span<const std::string> kinds) override {
    return write<std::vector<Card>>(
        Durability::normal, [&](WriteContext& context) -> Result<std::vector<Card>> {
          Connection& connection = context.connection;
          const Microseconds now = base::Clock::now();
          std::vector<Card> made;
          std::vector<std::string> keys;
          for (const Card& card : cards) {
            keys.push_back(card.key);
            TRY_ASSIGN(const bool fresh, put_card(connection, card, now));
            if (!fresh) continue;
            Statement row =
                connection.query(std::string(card_columns) + "WHERE key = ?1", card.key);
            TRY_ASSIGN(const bool found, row.step());
            if (!found) continue;  // none of its items is there any more
            made.push_back(card_from(row));
          }
          std::vector<std::int64_t> ended;
          {
            Statement open = connection.query(
                "SELECT number, key, kind FROM card WHERE state IN ('new', 'seen', 'snoozed')");
            for (;;) {
              TRY_ASSIGN(const bool row, open.step());
              if (!row) break;
              const bool ours = std::find(kinds.begin(), kinds.end(), open.text(2)) != kinds.end();
              const bool still = std::find(keys.begin(), keys.end(), open.text(1)) != keys.end();
              if (ours && !still) ended.push_back(open.integer(0));
            }
          }
          for (const std::int64_t number : ended) {
            TRY(connection.run("UPDATE card SET state = 'gone', changed = ?2 WHERE number = ?1",
                               number, now));
          }
          for (Card& card : made) TRY(read_evidence(connection, card));
          return made;
        });
  }

  Result<std::vector<Card>> cards(Which which) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    const ReadMoment moment(*connection);
    TRY(moment.status());
    std::vector<Card> result;
    {
      Statement rows = connection->query(
          std::string(card_columns) +
          (which == Which::open ? "WHERE state IN ('new', 'seen', 'snoozed') " : "") +
          "ORDER BY urgency DESC, weight DESC, number");
      for (;;) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) break;
        result.push_back(card_from(rows));
      }
    }
    for (Card& card : result) TRY(read_evidence(*connection, card));
    return result;
  }

  Result<Card> card(std::int64_t number) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    const ReadMoment moment(*connection);
    TRY(moment.status());
    Card card;
    {
      Statement row = connection->query(std::string(card_columns) + "WHERE number = ?1", number);
      TRY_ASSIGN(const bool found, row.step());
      if (!found) return unknown("card.unknown", std::to_string(number));
      card = card_from(row);
    }
    TRY(read_evidence(*connection, card));
    return card;
  }

  Status set_card(std::int64_t number, CardState state,
                  std::optional<Microseconds> until) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          TRY(context.connection.run(
              "UPDATE card SET state = ?2, until = ?3, until_event = '', woken = 0, changed = ?4 "
              "WHERE number = ?1",
              number, name_of(state), until, base::Clock::now()));
          if (context.connection.changed() == 0) {
            return unknown("card.unknown", std::to_string(number));
          }
          return {};
        },
        Durability::full);
  }

  Status put_off(std::int64_t number, Microseconds until,
                 const std::optional<UntilEvent>& event) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          TRY(context.connection.run(
              "UPDATE card SET state = 'snoozed', until = ?2, until_event = ?3, woken = 0, "
              "changed = ?4 WHERE number = ?1",
              number, until, text_of(event), base::Clock::now()));
          if (context.connection.changed() == 0) {
            return unknown("card.unknown", std::to_string(number));
          }
          return {};
        },
        Durability::full);
  }

  Status follow_event(std::int64_t number, Microseconds until) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run(
              "UPDATE card SET until = ?2, changed = ?3 "
              "WHERE number = ?1 AND state = 'snoozed' AND until_event <> ''",
              number, until, base::Clock::now());
        },
        Durability::normal);
  }

  Status wake_card(std::int64_t number) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run(
              "UPDATE card SET state = 'new', until = NULL, until_event = '', woken = 1, "
              "notified = NULL, attempts = 0, tried = NULL, changed = ?2 "
              "WHERE number = ?1 AND state = 'snoozed'",
              number, base::Clock::now());
        },
        Durability::full);
  }

  Status not_told(std::int64_t number) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run(
              "UPDATE card SET tried = notified, notified = NULL, attempts = attempts + 1 "
              "WHERE number = ?1 AND notified IS NOT NULL",
              number);
        },
        Durability::normal);
  }

  Status set_route(std::int64_t number, const std::string& route, const std::string& because,
                   std::optional<Microseconds> notified) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run(
              "UPDATE card SET route = ?2, because = ?3, notified = ifnull(?4, notified) "
              "WHERE number = ?1",
              number, route, because, notified);
        },
        notified ? Durability::full : Durability::normal);
  }

  // ---- actions ----

  Result<Action> add_action(const Action& action) override {
    return write<Action>(Durability::full, [&](WriteContext& context) -> Result<Action> {
      Action added = action;
      if (added.id.is_nil()) added.id = Id::make();
      added.made = added.changed = base::Clock::now();
      if (added.position == 0) {
        TRY_ASSIGN(const std::int64_t last,
                   context.connection.number("SELECT ifnull(max(position), 0) FROM action "
                                             "WHERE card = ?1",
                                             added.card));
        added.position = static_cast<int>(last) + 1;
      }
      TRY(insert_action(context.connection, added));
      return added;
    });
  }

  Result<std::vector<Action>> actions(std::optional<std::int64_t> card) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    Statement rows =
        card ? connection->query(std::string(action_columns) +
                                     "WHERE card = ?1 OR former_card = ?1 ORDER BY position",
                                 *card)
             : connection->query(std::string(action_columns) + "ORDER BY changed DESC, id DESC");
    std::vector<Action> result;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return result;
      result.push_back(action_from(rows));
    }
  }

  Result<Action> action(const Id& id) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    Statement row = connection->query(std::string(action_columns) + "WHERE id = ?1", id);
    TRY_ASSIGN(const bool found, row.step());
    if (!found) return unknown("action.unknown", id.text());
    return action_from(row);
  }

  Status edit_action(const Id& id, const std::string& content, By by) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          TRY(context.connection.run(
              "UPDATE action SET content = ?2, changed = ?3, edited = max(edited, ?4) "
              "WHERE id = ?1 AND state = 'proposed'",
              id, content, base::Clock::now(), by == By::owner ? 1 : 0));
          if (context.connection.changed() == 0) {
            return base::fail(ErrorKind::already_exists, "action.not_proposed");
          }
          return {};
        },
        Durability::full);
  }

  Status advance(const Id& id, ActionState from, ActionState to, const std::string& result,
                 const std::string& undo) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          Connection& connection = context.connection;
          TRY(
              connection.run("UPDATE action SET state = ?3, result = ?4, undo = ?5, changed = ?6 "
                             "WHERE id = ?1 AND state = ?2",
                             id, name_of(from), name_of(to), result, undo, base::Clock::now()));
          if (connection.changed() > 0) return {};
          Statement row = connection.query("SELECT state FROM action WHERE id = ?1", id);
          TRY_ASSIGN(const bool found, row.step());
          if (!found) return unknown("action.unknown", id.text());
          return base::fail(ErrorKind::already_exists, "action.other_state",
                            {{"state", row.string(0)}});
        },
        Durability::full);
  }

  // ---- the gate ----

  Result<std::vector<GateRule>> rules() override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    Statement rows = connection->query(
        "SELECT kind, person, verdict, made, card FROM gate_rule ORDER BY kind, person");
    std::vector<GateRule> result;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return result;
      result.push_back({rows.string(0), rows.string(1), rows.text(2) == "always", rows.integer(3),
                        rows.maybe_integer(4)});
    }
  }

  Status set_rule(const GateRule& rule) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run(
              "INSERT INTO gate_rule(kind, person, verdict, made, card) "
              "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(kind, person) DO UPDATE SET "
              "made = excluded.made, card = iif(verdict = excluded.verdict, card, excluded.card), "
              "verdict = excluded.verdict",
              rule.kind, rule.person, rule.always ? "always" : "never", base::Clock::now(),
              rule.card);
        },
        Durability::full);
  }

  Status remove_rule(const std::string& kind, const std::string& person) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run("DELETE FROM gate_rule WHERE kind = ?1 AND person = ?2",
                                        kind, person);
        },
        Durability::full);
  }

  Result<std::vector<GateCount>> counts_of_gate() override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    Statement rows =
        connection->query("SELECT kind, person, useful, useless FROM gate_count ORDER BY 1, 2");
    std::vector<GateCount> result;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return result;
      result.push_back({rows.string(0), rows.string(1), static_cast<int>(rows.integer(2)),
                        static_cast<int>(rows.integer(3))});
    }
  }

  Status count_outcome(const std::string& kind, const std::string& person, bool useful) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run(
              "INSERT INTO gate_count(kind, person, useful, useless) VALUES(?1, ?2, ?3, ?4) "
              "ON CONFLICT(kind, person) DO UPDATE SET useful = useful + excluded.useful, "
              "useless = useless + excluded.useless",
              kind, person, useful ? 1 : 0, useful ? 0 : 1);
        },
        Durability::full);
  }

  Status uncount_outcome(const std::string& kind, const std::string& person, bool useful) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          return context.connection.run(
              "UPDATE gate_count SET useful = max(0, useful - ?3), useless = max(0, useless - ?4) "
              "WHERE kind = ?1 AND person = ?2",
              kind, person, useful ? 1 : 0, useful ? 0 : 1);
        },
        Durability::full);
  }

  // ---- memory ----

  Result<bool> remember(const Memory& memory) override {
    return write<bool>(Durability::full, [&](WriteContext& context) -> Result<bool> {
      Connection& connection = context.connection;
      const std::string hash = forgotten_hash(memory.topic, memory.statement);
      const std::string topic = forgotten_topic(memory.topic);
      if (memory.stated) {
        TRY(connection.run("DELETE FROM forgotten WHERE hash IN (?1, ?2)", hash, topic));
      } else {
        TRY_ASSIGN(const std::int64_t gone,
                   connection.number("SELECT count(*) FROM forgotten WHERE hash IN (?1, ?2)", hash,
                                     topic));
        TRY_ASSIGN(const std::int64_t stated,
                   connection.number("SELECT count(*) FROM memory WHERE topic = ?1 AND stated = 1 "
                                     "AND superseded IS NULL",
                                     memory.topic));
        if (gone > 0 || stated > 0) return false;
      }
      TRY_ASSIGN(const std::int64_t same,
                 connection.number("SELECT count(*) FROM memory WHERE topic = ?1 AND statement = "
                                   "?2 AND stated >= ?3 AND superseded IS NULL",
                                   memory.topic, memory.statement, memory.stated ? 1 : 0));
      if (same > 0) return false;
      const Microseconds now = base::Clock::now();
      TRY(connection.run(
          "UPDATE memory SET superseded = ?2 WHERE topic = ?1 AND superseded IS NULL", memory.topic,
          now));
      nlohmann::json evidence = nlohmann::json::array();
      for (const Id& item : memory.evidence) evidence.push_back(item.text());
      TRY(connection.run(
          "INSERT INTO memory(id, topic, statement, stated, evidence, made, superseded) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, NULL)",
          memory.id.is_nil() ? Id::make() : memory.id, memory.topic, memory.statement,
          memory.stated ? 1 : 0, evidence.dump(), now));
      return true;
    });
  }

  Result<std::vector<Memory>> memories(Which which) override {
    TRY_ASSIGN(const Readers::Lent connection, readers_.lend());
    Statement rows = connection->query(
        std::string("SELECT number, id, topic, statement, stated, evidence, made, superseded FROM "
                    "memory ") +
        (which == Which::open ? "WHERE superseded IS NULL " : "") + "ORDER BY number");
    std::vector<Memory> result;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return result;
      Memory memory;
      memory.number = rows.integer(0);
      memory.id = rows.id(1);
      memory.topic = rows.string(2);
      memory.statement = rows.string(3);
      memory.stated = rows.integer(4) != 0;
      const nlohmann::json evidence = nlohmann::json::parse(rows.text(5), nullptr, false);
      for (const nlohmann::json& item : evidence) {
        if (const auto id = Id::parse(item.is_string() ? item.get<std::string>() : "")) {
          memory.evidence.push_back(*id);
        }
      }
      memory.made = rows.integer(6);
      memory.superseded = rows.maybe_integer(7);
      result.push_back(std::move(memory));
    }
  }

  Status forget_memory(std::int64_t number) override {
    return writer_.run(
        [&](WriteContext& context) -> Status {
          Connection& connection = context.connection;
          std::string topic;
          {
            Statement row = connection.query("SELECT topic FROM memory WHERE number = ?1", number);
            TRY_ASSIGN(const bool found, row.step());
            if (!found) return unknown("memory.unknown", std::to_string(number));
            topic = row.string(0);
          }
          TRY(connection.run("INSERT OR REPLACE INTO forgotten(hash, made) VALUES(?1, ?2)",
                             forgotten_topic(topic), base::Clock::now()));
          // What it replaced would otherwise still tell it.
          return connection.run("DELETE FROM memory WHERE topic = ?1", topic);
        },
        Durability::full);
  }

 private:
  template <typename T, typename Operation>
  Result<T> write(Durability durability, Operation operation) {
    std::optional<T> value;
    TRY(writer_.run(
        [&](WriteContext& context) -> Status {
          Result<T> outcome = operation(context);
          if (!outcome) return tl::unexpected<base::Error>(std::move(outcome).error());
          value = std::move(*outcome);
          return {};
        },
        durability));
    return std::move(*value);
  }

  static Result<std::vector<Id>> read_ids(Statement rows) {
    std::vector<Id> result;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return result;
      result.push_back(rows.id(0));
    }
  }

  // True where it is new.
  static Result<bool> put_card(Connection& connection, const Card& card, Microseconds now) {
    std::int64_t number = 0;
    CardState state = CardState::fresh;
    bool changed = false, asleep = false;
    {
      Statement row = connection.query(
          "SELECT number, state, parameters, urgency, code, until, origin FROM card "
          "WHERE key = ?1",
          card.key);
      TRY_ASSIGN(const bool found, row.step());
      if (found) {
        number = row.integer(0);
        state = state_from(card_states, row.text(1), CardState::gone);
        changed = row.text(2) != card.parameters || row.integer(3) != card.urgency ||
                  row.text(4) != card.code || row.text(6) != domain::name_of(card.origin);
        asleep = !row.is_null(5);
      }
    }
    if (number != 0) {
      // What the owner has decided about stays decided; what had ended by itself is back, for the
      // owner to be told of again, unless they have put it off or were told a short while ago.
      if (state == CardState::done || state == CardState::dismissed) return false;
      if (state == CardState::gone) {
        TRY(connection.run(
            "UPDATE card SET state = ?2, notified = iif(notified > ?3, notified, "
            "NULL), attempts = 0, tried = NULL WHERE number = ?1",
            number, name_of(asleep ? CardState::snoozed : CardState::fresh), now - base::one_day));
        changed = true;
      }
      TRY_ASSIGN(const auto items, known_items(connection, card));
      TRY_ASSIGN(const bool other_items, renew_evidence(connection, number, items));
      TRY_ASSIGN(const bool other_actions, renew_actions(connection, number, card, now));
      if (!changed && !other_items && !other_actions) return false;
      TRY(connection.run(
          "UPDATE card SET code = ?2, parameters = ?3, urgency = ?4, weight = ?5, due = ?6, "
          "changed = ?7, person = ?8, thread = ?9, origin = ?10 WHERE number = ?1",
          number, card.code, card.parameters, card.urgency, card.weight, card.due, now, card.person,
          card.thread, domain::name_of(card.origin)));
      return false;
    }
    TRY_ASSIGN(const auto items, known_items(connection, card));
    if (items.empty() && !card.evidence.empty()) return false;
    TRY(connection.run(
        "INSERT INTO card(id, key, kind, code, parameters, urgency, weight, person, thread, "
        "origin, due, state, until, made, changed, route, because, notified) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, '', '', NULL)",
        Id::make(), card.key, card.kind, card.code, card.parameters, card.urgency, card.weight,
        card.person, card.thread, domain::name_of(card.origin), card.due, name_of(card.state),
        card.until, now));
    number = connection.last_key();
    TRY(renew_evidence(connection, number, items));
    TRY(renew_actions(connection, number, card, now));
    return true;
  }

  using KnownItems = std::vector<std::pair<std::int64_t, const CardItem*>>;
  static Result<KnownItems> known_items(Connection& connection, const Card& card) {
    KnownItems items;
    for (const CardItem& item : card.evidence) {
      TRY_ASSIGN(const std::int64_t key,
                 connection.number("SELECT key FROM item WHERE id = ?1", item.item));
      const bool twice = std::any_of(items.begin(), items.end(),
                                     [&](const auto& known) { return known.first == key; });
      if (key != 0 && !twice) items.emplace_back(key, &item);
    }
    return items;
  }

  // True where it was not the same before. The new comes in before the old goes: a card goes with
  // its last item.
  static Result<bool> renew_evidence(Connection& connection, std::int64_t number,
                                     const KnownItems& items) {
    if (items.empty()) return false;
    std::vector<std::pair<std::int64_t, std::string>> before;
    {
      Statement rows = connection.query(
          "SELECT item, quote FROM card_item WHERE card = ?1 ORDER BY position", number);
      for (;;) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) break;
        before.emplace_back(rows.integer(0), rows.string(1));
      }
    }
    const bool same =
        std::equal(before.begin(), before.end(), items.begin(), items.end(),
                   [](const auto& one, const auto& other) {
                     return one.first == other.first && one.second == other.second->quote;
                   });
    if (same) return false;
    int position = 0;
    for (const auto& [key, item] : items) {
      TRY(
          connection.run("INSERT INTO card_item(card, item, position, quote) "
                         "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(card, item) DO UPDATE SET "
                         "position = excluded.position, quote = excluded.quote",
                         number, key, ++position, item->quote));
    }
    for (const auto& [key, quote] : before) {
      const bool still =
          std::any_of(items.begin(), items.end(),
                      [&, wanted = key](const auto& one) { return one.first == wanted; });
      if (still) continue;
      TRY(connection.run("DELETE FROM card_item WHERE card = ?1 AND item = ?2", number, key));
    }
    return true;
  }

  // What of a card's actions nobody has decided on follows the detector; of a kind there is one.
  // What the owner has changed, and what did not come from a detector, is theirs.
  static Result<bool> renew_actions(Connection& connection, std::int64_t number, const Card& card,
                                    Microseconds now) {
    struct Known {
      Id id;
      std::string kind, proposed;
      bool open = false;
    };
    std::vector<Known> known;
    int last = 0;
    {
      Statement rows = connection.query(
          "SELECT id, kind, ifnull(proposed, ''), state = 'proposed' AND edited = 0 AND "
          "proposed IS NOT NULL, position FROM action WHERE card = ?1",
          number);
      for (;;) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) break;
        known.push_back({rows.id(0), rows.string(1), rows.string(2), rows.integer(3) != 0});
        last = std::max(last, static_cast<int>(rows.integer(4)));
      }
    }
    bool changed = false;
    for (const Known& one : known) {
      const bool still =
          std::any_of(card.actions.begin(), card.actions.end(),
                      [&](const ProposedAction& proposed) { return proposed.kind == one.kind; });
      if (still || !one.open) continue;
      TRY(connection.run("DELETE FROM action WHERE id = ?1", one.id));
      changed = true;
    }
    for (const ProposedAction& proposed : card.actions) {
      const auto same = std::find_if(known.begin(), known.end(),
                                     [&](const Known& one) { return one.kind == proposed.kind; });
      if (same == known.end()) {
        Action action;
        action.id = Id::make();
        action.card = number;
        action.position = ++last;
        action.kind = proposed.kind;
        action.content = proposed.content;
        action.made = action.changed = now;
        TRY(insert_action(connection, action));
        TRY(connection.run("UPDATE action SET proposed = content WHERE id = ?1", action.id));
        changed = true;
      } else if (same->open && same->proposed != proposed.content) {
        TRY(connection.run(
            "UPDATE action SET content = ?2, proposed = ?2, changed = ?3 WHERE id = ?1", same->id,
            proposed.content, now));
        changed = true;
      }
    }
    return changed;
  }

  Readers& readers_;
  Writer& writer_;
};

}  // namespace

std::string_view name_of(FactState state) { return fact_states.at(static_cast<size_t>(state)); }
std::string_view name_of(CardState state) { return card_states.at(static_cast<size_t>(state)); }
std::string_view name_of(ActionState state) { return action_states.at(static_cast<size_t>(state)); }
std::optional<CardState> card_state_from(std::string_view name) {
  const auto found = std::find(card_states.begin(), card_states.end(), name);
  if (found == card_states.end()) return std::nullopt;
  return static_cast<CardState>(found - card_states.begin());
}

std::unique_ptr<AssistantStore> open_assistant(Readers& readers, Writer& writer) {
  return std::make_unique<AssistantRecords>(readers, writer);
}

}  // namespace lar::store
