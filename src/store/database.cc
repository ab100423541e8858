// SQLite behind Results. Error texts come from result codes only (sqlite3_errstr), never from
// sqlite3_errmsg, which may repeat what was searched for. Runs on whichever thread holds the
// connection.
#include "store/database.h"

#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "os/file.h"
#include "store/key_set.h"
#include "store/labels.h"
#include "store/text_index.h"

namespace lar::store {

using base::ErrorKind;

// ---- statements --------------------------------------------------------------------------------

Statement::Statement(Connection& connection, std::string_view sql)
    : connection_(&connection), sql_(sql) {
  const auto found = connection.idle_.find(sql_);
  if (found != connection.idle_.end()) {
    handle_ = found->second;
    connection.idle_.erase(found);
    return;
  }
  failure_ = sqlite3_prepare_v3(connection.handle_, sql_.data(), static_cast<int>(sql_.size()),
                                SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      sql_(std::move(other.sql_)),
      handle_(std::exchange(other.handle_, nullptr)),
      failure_(other.failure_) {}

Statement::~Statement() {
  if (handle_ == nullptr) return;
  reset();
  sqlite3_clear_bindings(handle_);
  if (!connection_->idle_.try_emplace(std::move(sql_), handle_).second) sqlite3_finalize(handle_);
}

void Statement::bind(int index, std::int64_t value) {
  if (failure_ == SQLITE_OK) failure_ = sqlite3_bind_int64(handle_, index, value);
}
void Statement::bind(int index, double value) {
  if (failure_ == SQLITE_OK) failure_ = sqlite3_bind_double(handle_, index, value);
}
void Statement::bind(int index, std::string_view value) {
  // An empty view may hold a null pointer, which SQLite would take for NULL.
  if (failure_ == SQLITE_OK) {
    failure_ = sqlite3_bind_text64(handle_, index, value.empty() ? "" : value.data(), value.size(),
                                   SQLITE_TRANSIENT, SQLITE_UTF8);
  }
}
void Statement::bind(int index, Bytes value) {
  if (failure_ == SQLITE_OK) {
    failure_ = sqlite3_bind_blob64(handle_, index, value.view.empty() ? "" : value.view.data(),
                                   value.view.size(), SQLITE_TRANSIENT);
  }
}
void Statement::bind(int index, const base::Id& value) {
  bind(index, Bytes{std::string_view(reinterpret_cast<const char*>(value.bytes.data()), 16)});
}
void Statement::bind(int index, std::nullptr_t) {
  if (failure_ == SQLITE_OK) failure_ = sqlite3_bind_null(handle_, index);
}

void Statement::bind(int index, const KeySet* keys) {
  if (failure_ == SQLITE_OK) {
    failure_ =
        sqlite3_bind_pointer(handle_, index, const_cast<KeySet*>(keys), key_set_pointer, nullptr);
  }
}

base::Result<bool> Statement::step() {
  if (failure_ != SQLITE_OK) return connection_->failure(failure_);
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  // The extended code must be read before the reset of this statement clears it.
  return connection_->failure(sqlite3_extended_errcode(connection_->handle_));
}

base::Status Statement::run() {
  for (;;) {
    TRY_ASSIGN(const bool row, step());
    if (!row) return {};
  }
}

void Statement::reset() {
  if (handle_ != nullptr) sqlite3_reset(handle_);
}

std::string_view Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(handle_, column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::string_view Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(handle_, column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

base::Id Statement::id(int column) const {
  base::Id result;
  const std::string_view bytes = blob(column);
  if (bytes.size() == result.bytes.size()) {
    std::memcpy(result.bytes.data(), bytes.data(), bytes.size());
  }
  return result;
}

// ---- connections -------------------------------------------------------------------------------

base::Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Access access) {
  std::unique_ptr<Connection> connection(new Connection);
  connection->path_ = path;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                    (access == Access::write ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &connection->handle_, flags, nullptr);
  if (code != SQLITE_OK) return connection->failure(code);
  sqlite3_extended_result_codes(connection->handle_, 1);
  sqlite3_busy_timeout(connection->handle_, 10'000);
  TRY(connection->script(access == Access::write
                             ? "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
                               "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                               "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16000"
                             : "PRAGMA query_only=ON; PRAGMA cache_size=-4000"));
  TRY(add_rank_function(*connection));
  TRY(add_label_functions(*connection));
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  if (handle_ != nullptr) sqlite3_close_v2(handle_);
}

base::Status Connection::script(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return {};
}

tl::unexpected<base::Error> Connection::failure(int code) const {
  const int system_error = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
  const base::Parameters parameters = {
      {"path", path_}, {"doing", "lar.db"}, {"detail", sqlite3_errstr(code)}};
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return base::fail(ErrorKind::no_space, "file.no_space", parameters, base::Retry::later);
    case SQLITE_IOERR:
      if (system_error == ENOSPC || system_error == EDQUOT || code == SQLITE_IOERR_SHMSIZE) {
        return base::fail(ErrorKind::no_space, "file.no_space", parameters, base::Retry::later);
      }
      return base::fail(ErrorKind::unavailable, "file.system", parameters, base::Retry::later);
    case SQLITE_CANTOPEN:
      return base::fail_errno(system_error != 0 ? system_error : ENOENT, path_, "lar.db");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return base::fail(ErrorKind::permission, "file.permission", parameters);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return base::fail(ErrorKind::corrupt, "store.corrupt", parameters);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return base::fail(ErrorKind::busy, "store.busy", parameters, base::Retry::later);
    default:
      return base::fail(ErrorKind::internal, "store.internal", parameters);
  }
}

ReadMoment::ReadMoment(Connection& connection)
    : connection_(connection), status_(connection.run("BEGIN")) {}
ReadMoment::~ReadMoment() {
  if (connection_.in_transaction()) (void)connection_.run("COMMIT");
}

base::Result<Readers::Lent> Readers::lend() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty() || opened_ < most_; });
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    } else {
      ++opened_;
    }
  }
  if (connection == nullptr) {
    auto opened = Connection::open(path_, Access::read);
    if (!opened) {
      const std::lock_guard lock(mutex_);
      --opened_;
      returned_.notify_one();
      return tl::unexpected<base::Error>(std::move(opened).error());
    }
    connection = std::move(*opened);
  }
  return Lent(connection.release(), [this](Connection* back) {
    const std::lock_guard lock(mutex_);
    idle_.emplace_back(back);
    returned_.notify_one();
  });
}

// ---- schema ------------------------------------------------------------------------------------

namespace {
// "larh": tells our files from other SQLite databases (PRAGMA application_id).
constexpr std::int64_t application = 0x6c617268;

base::Status apply(Connection& connection, const Migration& step) {
  TRY(connection.run("BEGIN IMMEDIATE"));
  base::Status done = connection.script(step.sql);
  if (done) {
    done = connection.script("PRAGMA user_version=" + std::to_string(step.to) +
                             "; PRAGMA application_id=" + std::to_string(application));
  }
  if (done) done = connection.run("COMMIT");
  if (!done && connection.in_transaction()) (void)connection.run("ROLLBACK");
  return done;
}
}  // namespace

base::Status migrate(Connection& connection, std::span<const Migration> steps,
                     const std::string& backups) {
  TRY_ASSIGN(const std::int64_t version, connection.number("PRAGMA user_version"));
  TRY_ASSIGN(const std::int64_t owner, connection.number("PRAGMA application_id"));
  TRY_ASSIGN(const std::int64_t objects, connection.number("SELECT count(*) FROM sqlite_schema"));
  if (objects > 0 && owner != application) {
    return base::fail(ErrorKind::corrupt, "store.corrupt",
                      {{"path", connection.path()}, {"detail", "not a lar database"}});
  }
  const int known = steps.back().to;
  if (version > known) {
    return base::fail(ErrorKind::unsupported, "store.newer",
                      {{"path", connection.path()},
                       {"found", std::to_string(version)},
                       {"known", std::to_string(known)}});
  }
  if (version == known) return {};
  if (version > 0) {
    TRY(os::make_folders(backups));
    std::string moment = base::format_rfc3339(base::Clock::now(), "UTC");
    for (char& letter : moment) {
      if (letter == ':' || letter == '+') letter = '-';
    }
    const std::string copy = backups + "/lar-schema" + std::to_string(version) + "-" + moment +
                             "-" + base::Id::make().text().substr(24) + ".db";
    TRY(connection.run("VACUUM INTO ?1", copy));
  }
  for (const Migration& step : steps) {
    if (step.to > version) TRY(apply(connection, step));
  }
  return {};
}

}  // namespace lar::store
