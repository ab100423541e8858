// The writer's loop. Each Task lives on its caller's stack; the caller waits under the same mutex
// that marks it done.
#include "store/writer.h"

#include <exception>

namespace lar::store {

namespace {
constexpr std::size_t queue_limit = 256;
constexpr std::size_t group_limit = 64;
}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)), thread_([this](std::stop_token stop) { work(stop); }) {}

Writer::~Writer() {
  thread_.request_stop();
  thread_.join();
}

base::Status Writer::run(const WriteOperation& operation, Durability durability) {
  Task task;
  task.operation = &operation;
  task.durability = durability;
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return queue_.size() < queue_limit; });
  queue_.push_back(&task);
  waiting_.notify_one();
  done_.wait(lock, [&task] { return task.done; });
  return std::move(task.outcome);
}

void Writer::work(std::stop_token stop) {
  for (;;) {
    std::vector<Task*> group;
    {
      std::unique_lock lock(mutex_);
      waiting_.wait(lock, stop, [this] { return !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && group.size() < group_limit) {
        group.push_back(queue_.front());
        queue_.pop_front();
      }
      room_.notify_all();
    }
    run_group(group);
    finish(group);
  }
}

base::Status Writer::begin(Durability durability) {
  if (durability != level_) {
    TRY(connection_->script(durability == Durability::full ? "PRAGMA synchronous=FULL"
                                                           : "PRAGMA synchronous=NORMAL"));
    level_ = durability;
  }
  return connection_->run("BEGIN IMMEDIATE");
}

// Runs the operation; exceptions of libraries under it (memory, JSON) become errors here.
void Writer::attempt(Task& task) {
  WriteContext context{*connection_, {}};
  try {
    task.outcome = (*task.operation)(context);
  } catch (const std::exception& exception) {
    task.outcome = base::fail(base::ErrorKind::internal, "store.internal",
                              {{"path", connection_->path()}, {"detail", exception.what()}});
  }
  task.after_commit = std::move(context.after_commit);
}

void Writer::run_alone(Task& task) {
  task.outcome = begin(task.durability);
  if (!task.outcome) return;
  attempt(task);
  if (task.outcome) task.outcome = connection_->run("COMMIT");
  if (connection_->in_transaction()) (void)connection_->run("ROLLBACK");
}

void Writer::run_group(const std::vector<Task*>& group) {
  if (group.size() == 1) return run_alone(*group.front());
  Durability durability = Durability::normal;
  for (const Task* task : group) {
    if (task->durability == Durability::full) durability = Durability::full;
  }
  bool whole = begin(durability).has_value();
  for (Task* task : group) {
    if (!whole) break;
    whole = connection_->run("SAVEPOINT operation").has_value();
    if (!whole) break;
    attempt(*task);
    if (task->outcome) {
      whole = connection_->run("RELEASE operation").has_value();
    } else if (connection_->in_transaction()) {
      whole = connection_->run("ROLLBACK TO operation").has_value() &&
              connection_->run("RELEASE operation").has_value();
    } else {
      whole = false;  // a full disk may end the whole transaction
    }
  }
  if (whole) whole = connection_->run("COMMIT").has_value();
  if (connection_->in_transaction()) (void)connection_->run("ROLLBACK");
  if (whole) return;
  for (Task* task : group) run_alone(*task);
}

void Writer::finish(const std::vector<Task*>& group) {
  for (Task* task : group) {
    if (!task->outcome) continue;
    for (const auto& step : task->after_commit) {
      try {
        step(*connection_);
      } catch (const std::exception&) {
        // The commit stands; what follows it (files) is mended on opening and by check.
      }
    }
  }
  const std::lock_guard lock(mutex_);
  for (Task* task : group) task->done = true;
  done_.notify_all();
}

}  // namespace lar::store
