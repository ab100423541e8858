// Connections to lar.db: prepared statements, transactions, errors as Results. Internal to the
// store. A Connection belongs to one thread at a time (the writer's own, or one lent by Readers).
#pragma once

#include <sqlite3.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/id.h"
#include "base/result.h"

namespace lar::store {

class Connection;
class KeySet;

// Bytes to bind as BLOB (a string_view binds as TEXT).
struct Bytes {
  std::string_view view;
};

// A prepared statement lent from its connection's cache; given back, reset, on destruction. A
// statement that could not be prepared or bound reports that at the first step.
class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  void bind(int index, std::int64_t value);
  void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, double value);
  void bind(int index, std::string_view value);
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, const char* value) { bind(index, std::string_view(value)); }
  void bind(int index, Bytes value);
  void bind(int index, const base::Id& value);
  void bind(int index, std::nullptr_t);
  // Must outlive the statement.
  void bind(int index, const KeySet* keys);
  template <typename T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind(index, nullptr);
    }
  }

  // True: there is a row to read.
  base::Result<bool> step();
  // Steps to the end.
  base::Status run();
  // To run again with other values.
  void reset();

  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
  double real(int column) const { return sqlite3_column_double(handle_, column); }
  bool is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  // Valid until the next step.
  std::string_view text(int column) const;
  std::string string(int column) const { return std::string(text(column)); }
  std::string_view blob(int column) const;
  base::Id id(int column) const;
  std::optional<std::int64_t> maybe_integer(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
  }

 private:
  Connection* connection_;
  std::string sql_;
  sqlite3_stmt* handle_ = nullptr;
  int failure_ = SQLITE_OK;
};

enum class Access { write, read };

class Connection {
 public:
  static base::Result<std::unique_ptr<Connection>> open(const std::string& path, Access access);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  template <typename... Values>
  Statement query(std::string_view sql, const Values&... values) {
    Statement statement(*this, sql);
    int index = 0;
    (statement.bind(++index, values), ...);
    return statement;
  }
  template <typename... Values>
  base::Status run(std::string_view sql, const Values&... values) {
    return query(sql, values...).run();
  }
  // One integer of a one-row answer; 0 where there is no row.
  template <typename... Values>
  base::Result<std::int64_t> number(std::string_view sql, const Values&... values) {
    Statement statement = query(sql, values...);
    TRY_ASSIGN(const bool row, statement.step());
    return row ? statement.integer(0) : 0;
  }
  // Several statements without values, not cached.
  base::Status script(const std::string& sql);

  std::int64_t last_key() const { return sqlite3_last_insert_rowid(handle_); }
  std::int64_t changed() const { return sqlite3_changes64(handle_); }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
  sqlite3* handle() { return handle_; }
  const std::string& path() const { return path_; }
  // The failing side for SQLite's last error on this connection.
  tl::unexpected<base::Error> failure(int code) const;

 private:
  friend class Statement;
  Connection() = default;
  sqlite3* handle_ = nullptr;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> idle_;  // by their SQL
};

// A read transaction: everything read in it is of one moment. Ends on destruction.
class ReadMoment {
 public:
  explicit ReadMoment(Connection& connection);
  ~ReadMoment();
  base::Status status() const { return status_; }

 private:
  Connection& connection_;
  base::Status status_;
};

// Lends read-only connections; opens up to `most`, then waits for one to come back.
class Readers {
 public:
  Readers(std::string path, std::size_t most) : path_(std::move(path)), most_(most) {}
  using Lent = std::unique_ptr<Connection, std::function<void(Connection*)>>;
  base::Result<Lent> lend();

 private:
  std::string path_;
  std::size_t most_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t opened_ = 0;
};

// One forward step of the schema: what takes version `to - 1` to `to`.
struct Migration {
  int to;
  const char* sql;
};
std::span<const Migration> migrations();

// Brings the file to the newest of `steps`: each step in a transaction of its own, after a copy
// into `backups` where there was something to lose. Errors: store.newer {found, known},
// store.corrupt.
base::Status migrate(Connection& connection, std::span<const Migration> steps,
                     const std::string& backups);

}  // namespace lar::store
