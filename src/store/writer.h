// The one thread that writes. Operations wait in a bounded queue; those waiting together share a
// transaction, each in a savepoint of its own, so that one disk write serves many (group commit).
// Internal to the store.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/database.h"

namespace lar::store {

// What an operation works with. Operations must be repeatable: a group that failed as a whole is
// tried again one by one.
struct WriteContext {
  Connection& connection;
  // Run in order on the writer's thread once the operation is committed.
  std::vector<std::function<void(Connection&)>> after_commit;
};
using WriteOperation = std::function<base::Status(WriteContext&)>;

// normal: survives a crash of lar; a power cut may lose the last moments, whole operations at a
// time (what a sync brings again). full: on disk before the call returns (what nobody could bring
// again).
enum class Durability { normal, full };

class Writer {
 public:
  explicit Writer(std::unique_ptr<Connection> connection);
  ~Writer();

  // Blocks until the operation is committed or has failed without a trace.
  base::Status run(const WriteOperation& operation, Durability durability);

 private:
  struct Task {
    const WriteOperation* operation = nullptr;
    Durability durability = Durability::normal;
    base::Status outcome;
    bool done = false;
    std::vector<std::function<void(Connection&)>> after_commit;
  };

  void work(std::stop_token stop);
  void run_group(const std::vector<Task*>& group);
  void run_alone(Task& task);
  base::Status begin(Durability durability);
  void attempt(Task& task);
  void finish(const std::vector<Task*>& group);

  std::unique_ptr<Connection> connection_;  // the thread's own
  Durability level_ = Durability::normal;
  std::mutex mutex_;
  std::condition_variable_any waiting_;
  std::condition_variable room_;
  std::condition_variable done_;
  std::deque<Task*> queue_;
  std::jthread thread_;
};

}  // namespace lar::store
