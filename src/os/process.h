// Child processes: start with limits and confinement, watch, stop. Every child dies with its parent
// (PR_SET_PDEATHSIG) and runs in its own process group.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace lar::os {

enum class Network { inherited, none };  // none: own empty network namespace, else a seccomp filter

struct ProcessOptions {
  std::vector<std::string> arguments;    // [0] is the program's path
  std::vector<std::string> environment;  // NAME=value; replaces the whole environment
  int standard_input = -1;               // -1: /dev/null
  int standard_output = -1;
  int standard_error = -1;
  std::vector<int> keep_descriptors;  // all others are closed
  Network network = Network::inherited;
  std::uint64_t address_space_bytes = 0;  // RLIMIT_AS; 0 = none
  int nice = 0;
};

class Process {
 public:
  static base::Result<Process> start(const ProcessOptions& options);
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();  // kills what still runs, and reaps it

  pid_t pid() const { return pid_; }
  // Exit status if it ended (>= 0: exit code, < 0: minus the signal); reaps it.
  std::optional<int> poll();
  std::optional<int> wait_for(std::chrono::milliseconds limit);
  void send_signal(int signal);
  // SIGTERM, then SIGKILL after `grace`; returns the exit status.
  int stop(std::chrono::milliseconds grace);

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// Start time of a process in clock ticks since boot (/proc/PID/stat), to tell a reused pid; nothing
// if there is no such process.
std::optional<std::uint64_t> process_start_time(pid_t pid);
// Resident memory in bytes; 0 if unknown.
std::int64_t resident_bytes(pid_t pid);
// The part of it that is in no file, in bytes; 0 if unknown.
std::int64_t anonymous_bytes(pid_t pid);
// Gives all threads of a process this nice value; false where the system refuses it for any. Making
// a process nicer is always allowed, taking it back needs CAP_SYS_NICE or RLIMIT_NICE
// (setpriority(2)).
bool set_nice(pid_t pid, int nice);
// Absolute path of the running program.
std::string program_path();

}  // namespace lar::os
