// One engine process: start on demand, readiness, log, back-off after a death, orderly stop. Knows
// processes and nothing of models or of what is asked. A thread of its own forks the child (so that
// the child's parent-death signal is bound to a thread that lives as long as it should), empties
// its output into the log and reaps it. All methods may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/engine_client.h"
#include "os/file.h"
#include "os/process.h"

namespace lar::engine {

struct LaunchPlan {
  std::string role;
  std::string program;
  std::vector<std::string> arguments;  // without the program
  // Flags (with the value that follows) which may be left out for an engine that does not know
  // them.
  std::vector<std::vector<std::string>> optional_arguments;
  std::vector<std::string> environment;  // NAME=value, besides what every engine gets
  std::string socket;    // path the engine will listen on; a stale one is removed first
  std::string log_file;  // appended; moved to NAME.1 beyond 5 MB
  std::string pid_file;
  std::chrono::milliseconds start_limit{120'000};
  std::chrono::milliseconds stop_grace{3'000};
  std::chrono::milliseconds idle_limit{0};
};

// Ends what a crashed lar left running: reads RUN_FOLDER/*.json, and where pid, start time and
// command line are those of an engine whose lar is gone, stops it and waits for its end. Gives the
// number ended.
int end_leftover_engines(const std::string& run_folder);

class EngineHost {
 public:
  explicit EngineHost(LaunchPlan plan);
  ~EngineHost();  // stops the engine in order

  // Starts the engine if it does not run and waits until it answers. Callers at the same time share
  // one start. After a start that failed, the same error comes at once until the back-off has
  // passed; after a death the call waits for it. The number counts starts, to tell one engine from
  // the next.
  base::Result<std::uint64_t> ensure_ready(std::stop_token stop);

  // Whether start number `generation` has ended; waits up to `limit` for it.
  bool has_ended(std::uint64_t generation, std::chrono::milliseconds limit);
  // Ends it at once, as hung; the next call starts another.
  void kill_hung(std::uint64_t generation);
  // Stops it in order and waits; it may be started again.
  void stop();
  // Stops it in order and waits; from now on ensure_ready() is cancelled.
  void close();
  // The same only where no call is under way; false where one is, or nothing runs.
  bool stop_if_unused();
  // A call begins or ends: idle_limit is put off, a frozen engine goes on.
  void touch(int change_of_calls);
  // Takes an engine that works for nobody any more off the processor (it heeds a broken call only
  // once its batch is done) until the next call, or for some seconds. Does nothing during a call.
  void freeze_if_unused();
  // While another engine takes its place it runs behind everything else.
  void make_nice();
  // It stays after all. Where the system gives no priority back the process ends once no call is
  // under way, and the next call starts another.
  void make_usual();

  struct Snapshot {
    EngineState state = EngineState::stopped;
    pid_t pid = 0;
    std::optional<base::Error> error;
    int calls = 0;
    base::Microseconds used_at = 0;  // steady; when a call last began or ended
    // What it has said of its memory: device, what for ("model", "KV", "compute", "output"), bytes.
    struct Buffer {
      std::string device, what;
      std::int64_t bytes = 0;
    };
    std::vector<Buffer> buffers;
  };
  Snapshot snapshot() const;
  // Milliseconds from the last start until it answered.
  double start_ms() const;
  std::chrono::milliseconds idle_limit() const { return plan_.idle_limit; }

 private:
  enum class Wish { nothing, stop, kill };  // for the process that runs

  void run(std::stop_token stop);
  base::Status launch();
  void watch(std::stop_token stop);
  void clean_up();
  void settle(EngineState state, std::optional<base::Error> error);
  void read_output();
  void read_line(std::string_view line);
  void write_log(std::string_view bytes);
  void say(const std::string& line);
  bool drop_refused_flag();
  void thaw();  // under the mutex
  base::Error start_failed(std::string detail) const;
  void wake();
  void wait_for_wake(std::chrono::milliseconds limit);

  LaunchPlan plan_;
  const EngineClient prober_;

  // Owned by the thread.
  std::optional<os::Process> process_;
  os::Descriptor output_;
  os::Descriptor log_;
  std::uint64_t log_bytes_ = 0;
  std::string tail_;  // last output, to find what a start failed of
  std::string line_;  // the last one, as far as it has come
  std::set<std::string> refused_flags_;

  os::Descriptor wake_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  EngineState state_ = EngineState::stopped;
  Wish wish_ = Wish::nothing;
  bool start_wanted_ = false;
  std::optional<base::Error> error_;
  pid_t pid_ = 0;
  std::uint64_t begun_ = 0;    // starts begun
  std::uint64_t settled_ = 0;  // starts that became ready or failed
  std::uint64_t ended_ = 0;    // highest start that has ended
  int failures_ = 0;
  base::Microseconds begun_at_ = 0;
  base::Microseconds ready_at_ = 0;
  base::Microseconds retry_at_ = 0;
  base::Microseconds used_at_ = 0;
  int calls_ = 0;
  base::Microseconds frozen_at_ = 0;  // 0: it may run
  bool renew_ = false;                // to end when no call is under way
  std::vector<Snapshot::Buffer> buffers_;
  bool closing_ = false;

  std::jthread thread_;  // last: starts when all else stands, ends first
};

}  // namespace lar::engine
