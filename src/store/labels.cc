// Two derived tables carry the labels: sender (From of each mail) and known_address (why an address
// is the owner's or known to them, and by which item). The label itself is one SQL expression over
// them, used for one item, for the mails of one address, and for all.
#include "store/labels.h"

#include <array>

#include "base/id.h"
#include "base/text.h"

namespace lar::store {

namespace {

constexpr std::array<std::string_view, 32> sent_names = {
    "sent",
    "sent items",
    "sent mail",
    "sent messages",
    "sent-mail",
    "sent_mail",
    "sentmail",
    "sent-items",
    "sentitems",
    "outbox",
    "drafts",
    "draft",
    "enviados",
    "enviado",
    "enviadas",
    "elementos enviados",
    "correo enviado",
    "correos enviados",
    "mensajes enviados",
    "bandeja de salida",
    "borradores",
    "borrador",
    "enviats",
    "esborranys",
    "bidalitakoak",
    "gesendet",
    "gesendete elemente",
    "entwurfe",
    "envoyes",
    "elements envoyes",
    "brouillons",
    "posta inviata",
};

bool is_sent_name(std::string_view name) {
  const std::string folded = base::fold(base::trim(name));
  for (const std::string_view known : sent_names) {
    if (folded == known) return true;
  }
  return false;
}

std::string_view text_of(sqlite3_value* value) {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void sent_folder(sqlite3_context* context, int /*count*/, sqlite3_value** values) noexcept {
  try {
    sqlite3_result_int(
        context,
        is_sent_folder(text_of(values[0]), text_of(values[1]), text_of(values[2])) ? 1 : 0);
  } catch (const std::exception&) {
    sqlite3_result_error_nomem(context);
  }
}

// What lar writes to the owner (the action's id is the Message-ID's first half) is nobody's own
// words, wherever a server keeps a copy of it.
void action_of_mail(sqlite3_context* context, int /*count*/, sqlite3_value** values) noexcept {
  const std::string_view message_id = text_of(values[0]);
  const auto id = base::Id::parse(message_id.substr(0, message_id.find('@')));
  if (!id) return sqlite3_result_null(context);
  sqlite3_result_blob(context, id->bytes.data(), static_cast<int>(id->bytes.size()),
                      SQLITE_TRANSIENT);
}

// On `item i`. The plus keeps SQLite from going through all mails by the index on their kind.
#define LAR_IS_MAIL "+i.kind IN ('mail', 'message')"
#define LAR_OWNERS                                                           \
  "(EXISTS (SELECT 1 FROM sender f WHERE f.item = i.key) "                   \
  "AND (NOT EXISTS (SELECT 1 FROM own_address) "                             \
  " OR NOT EXISTS (SELECT 1 FROM sender f WHERE f.item = i.key "             \
  "  AND f.address NOT IN (SELECT address FROM own_address))) "              \
  "AND EXISTS (SELECT 1 FROM placement p JOIN source s ON s.key = p.source " \
  " WHERE p.item = i.key AND (sent_folder(s.kind, s.location, p.folder) "    \
  "  OR EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(s.settings) "   \
  "   THEN s.settings ELSE '{}' END, '$.own_folders') o "                    \
  "   WHERE o.value = p.folder))) "                                          \
  "AND NOT EXISTS (SELECT 1 FROM action a "                                  \
  " WHERE a.id = action_of_mail(i.external_id) AND a.kind = 'notify_owner'))"
#define LAR_LABEL                                                                             \
  "CASE WHEN " LAR_OWNERS                                                                     \
  " THEN 'owner' "                                                                            \
  "WHEN EXISTS (SELECT 1 FROM sender f WHERE f.item = i.key) "                                \
  "AND NOT EXISTS (SELECT 1 FROM sender f WHERE f.item = i.key AND ("                         \
  " f.address IN (SELECT address FROM own_address) "                                          \
  " OR EXISTS (SELECT 1 FROM known_address k WHERE k.address = f.address AND k.why = 'own') " \
  " OR NOT EXISTS (SELECT 1 FROM known_address k WHERE k.address = f.address "                \
  "  AND k.why IN ('contact', 'written')))) "                                                 \
  "THEN 'known_contact' ELSE 'stranger' END"
// People of `item i` as rows of json_each.
#define LAR_ADDRESS "json_extract(person.value, '$.address')"
#define LAR_ROLE "json_extract(person.value, '$.role')"
#define LAR_PEOPLE "json_each(i.details, '$.people') person"

constexpr const char* insert_senders =
    "INSERT OR IGNORE INTO sender(item, address) SELECT i.key, " LAR_ADDRESS
    " FROM item i, " LAR_PEOPLE " WHERE " LAR_IS_MAIL " AND " LAR_ROLE " = 'from' AND " LAR_ADDRESS
    " <> ''";
constexpr const char* insert_contacts =
    "INSERT OR IGNORE INTO known_address(address, why, item) SELECT " LAR_ADDRESS
    ", 'contact', i.key FROM item i, " LAR_PEOPLE " WHERE i.kind = 'contact' AND " LAR_ROLE
    " = 'subject' AND " LAR_ADDRESS " <> ''";
constexpr const char* insert_written =
    "INSERT OR IGNORE INTO known_address(address, why, item) SELECT " LAR_ADDRESS ", CASE " LAR_ROLE
    " WHEN 'from' THEN 'own' ELSE 'written' END, i.key FROM item i, " LAR_PEOPLE
    " WHERE " LAR_IS_MAIL " AND " LAR_ROLE " IN ('from', 'to', 'cc', 'bcc') AND " LAR_ADDRESS
    " <> '' AND " LAR_OWNERS;
constexpr const char* update_labels =
    "UPDATE item AS i SET origin = " LAR_LABEL " WHERE " LAR_IS_MAIL " AND origin <> " LAR_LABEL;

base::Result<Standing> standing_of(Connection& connection, const std::string& address) {
  Statement row = connection.query(
      "SELECT EXISTS (SELECT 1 FROM known_address WHERE address = ?1 AND why = 'own'), "
      "EXISTS (SELECT 1 FROM known_address WHERE address = ?1 AND why IN ('contact', 'written'))",
      address);
  TRY(row.step());
  return Standing{row.integer(0) != 0, row.integer(1) != 0};
}

// Adds those of `addresses`, a query of one item, that are not there yet.
base::Status add_standings(Connection& connection, const char* addresses, std::int64_t item,
                           Standings& all) {
  Statement rows = connection.query(addresses, item);
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    const std::string address = rows.string(0);
    if (all.contains(address)) continue;
    TRY_ASSIGN(all[address], standing_of(connection, address));
  }
}

constexpr const char* vouched_for = "SELECT DISTINCT address FROM known_address WHERE item = ?1";
constexpr const char* everybody_in = "SELECT DISTINCT " LAR_ADDRESS " FROM item i, " LAR_PEOPLE
                                     " WHERE i.key = ?1 AND " LAR_ADDRESS " <> ''";

base::Status label_senders(Connection& connection, const std::string& address) {
  return connection.run(
      std::string(update_labels) + " AND i.key IN (SELECT item FROM sender WHERE address = ?1)",
      address);
}

}  // namespace

bool is_sent_folder(std::string_view source_kind, std::string_view location,
                    std::string_view folder) {
  if (source_kind == "folder") return false;
  for (const std::string_view part : base::split(folder, '/')) {
    // "INBOX.Sent" of servers that separate by dots.
    if (is_sent_name(part) || is_sent_name(part.substr(part.rfind('.') + 1))) return true;
  }
  if (source_kind != "mbox") return false;
  std::string_view name = location.substr(location.rfind('/') + 1);
  if (name.ends_with(".mbox") || name.ends_with(".mbx")) name = name.substr(0, name.rfind('.'));
  return is_sent_name(name);
}

base::Status add_label_functions(Connection& connection) {
  const auto add = [&](const char* name, int arguments, auto* function) {
    return sqlite3_create_function_v2(connection.handle(), name, arguments,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, function,
                                      nullptr, nullptr, nullptr);
  };
  if (const int code = add("sent_folder", 3, &sent_folder); code != SQLITE_OK) {
    return connection.failure(code);
  }
  if (const int code = add("action_of_mail", 1, &action_of_mail); code != SQLITE_OK) {
    return connection.failure(code);
  }
  return {};
}

base::Status label_item(Connection& connection, std::int64_t item) {
  bool vouches = false;
  bool fits = false;
  {
    Statement row = connection.query("SELECT i.kind = 'contact' OR (" LAR_IS_MAIL " AND " LAR_OWNERS
                                     "), NOT " LAR_IS_MAIL " OR i.origin = " LAR_LABEL
                                     " FROM item i WHERE i.key = ?1",
                                     item);
    TRY(row.step());
    vouches = row.integer(0) != 0;
    fits = row.integer(1) != 0;
  }
  Standings before;
  TRY(add_standings(connection, vouched_for, item, before));
  if (vouches) TRY(add_standings(connection, everybody_in, item, before));
  if (before.empty() && fits) return {};
  if (!before.empty()) {
    TRY(connection.run("DELETE FROM known_address WHERE item = ?1", item));
    TRY(connection.run(std::string(insert_contacts) + " AND i.key = ?1", item));
    TRY(connection.run(std::string(insert_written) + " AND i.key = ?1", item));
    TRY(finish_unlabelling(connection, before));
  }
  return connection.run(std::string(update_labels) + " AND i.key = ?1", item);
}

base::Result<Standings> begin_unlabelling(Connection& connection, std::int64_t item) {
  Standings before;
  TRY(add_standings(connection, vouched_for, item, before));
  if (!before.empty()) TRY(connection.run("DELETE FROM known_address WHERE item = ?1", item));
  return before;
}

base::Status finish_unlabelling(Connection& connection, const Standings& before) {
  for (const auto& [address, standing] : before) {
    TRY_ASSIGN(const Standing now, standing_of(connection, address));
    if (!(now == standing)) TRY(label_senders(connection, address));
  }
  return {};
}

base::Status label_all(Connection& connection) {
  TRY(connection.run("DELETE FROM own_address"));
  TRY(connection.run("DELETE FROM known_address"));
  TRY(connection.run("DELETE FROM sender"));
  TRY(
      connection.run("INSERT OR IGNORE INTO own_address(address) SELECT lower(trim(a.value)) "
                     "FROM setting, json_each(setting.value) a WHERE setting.name = ?1 "
                     "AND json_valid(setting.value) AND a.type = 'text' AND trim(a.value) <> ''",
                     addresses_setting));
  TRY(connection.run(insert_senders));
  TRY(connection.run(insert_contacts));
  TRY(connection.run(insert_written));
  return connection.run(update_labels);
}

}  // namespace lar::store
