// Children by fork and exec. Everything the child needs is computed before fork: between fork and
// exec only async-signal-safe calls are made, because other threads may hold any lock. The
// exception is the seccomp filter, whose program is also compiled before.
#include "os/process.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "os/file.h"

namespace lar::os {
using base::fail_errno;
namespace {

// Refuses every socket that is not a unix one: what remains where no network namespace can be made.
// Classic BPF over seccomp_data; see seccomp(2).
constexpr std::array<sock_filter, 9> unix_sockets_only = {{
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
}};

// Runs in the child, after fork. Never returns.
[[noreturn]] void become(const ProcessOptions& options, char* const* arguments,
                         char* const* environment, const int* keep, size_t keep_count, int report,
                         pid_t parent) {
  const auto give_up = [&] {
    const int error_number = errno;
    const ssize_t written = ::write(report, &error_number, sizeof error_number);
    _exit(written == sizeof error_number ? 127 : 126);
  };
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up();
  if (getppid() != parent) _exit(125);  // the parent died before the line above
  setpgid(0, 0);
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal_number = 1; signal_number < 32; ++signal_number) {
    sigaction(signal_number, &standard, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);

  if (options.network == Network::none) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    // An ordinary user needs a user namespace first; where that is forbidden the filter must do.
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
      sock_fprog program{static_cast<unsigned short>(unix_sockets_only.size()),
                         const_cast<sock_filter*>(unix_sockets_only.data())};
      if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) give_up();
    }
    // A user namespace change clears the parent-death signal.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(125);
  }
  if (options.address_space_bytes > 0) {
    const rlimit limit{options.address_space_bytes, options.address_space_bytes};
    if (setrlimit(RLIMIT_AS, &limit) != 0) give_up();
  }
  if (options.nice != 0) setpriority(PRIO_PROCESS, 0, options.nice);

  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0) give_up();
  const std::array<int, 3> wanted = {options.standard_input, options.standard_output,
                                     options.standard_error};
  // First out of the way of 0-2, then into place, so that no source is overwritten.
  std::array<int, 3> moved{};
  for (size_t index = 0; index < 3; ++index) {
    moved[index] = fcntl(wanted[index] >= 0 ? wanted[index] : null, F_DUPFD, 10);
    if (moved[index] < 0) give_up();
  }
  for (int index = 0; index < 3; ++index) {
    if (dup2(moved[static_cast<size_t>(index)], index) < 0) give_up();
  }
  // `keep` is sorted and ends with nothing; the report pipe closes itself on exec.
  unsigned first = 3;
  for (size_t index = 0; index < keep_count; ++index) {
    const auto kept = static_cast<unsigned>(keep[index]);
    if (kept > first) syscall(SYS_close_range, first, kept - 1, 0);
    if (keep[index] != report) fcntl(keep[index], F_SETFD, 0);
    first = std::max(first, kept + 1);
  }
  syscall(SYS_close_range, first, ~0u, 0);
  execve(arguments[0], arguments, environment);
  give_up();
  _exit(127);
}

int decode(int status) {
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return -WTERMSIG(status);
}

// The kernel sends the parent-death signal when the *thread* that forked ends, so all children are
// started by one thread that lives as long as the program.
class Spawner {
 public:
  static Spawner& instance() {
    static Spawner spawner;
    return spawner;
  }

  // Runs `work` on the spawning thread and waits for it.
  void run(const std::function<void()>& work) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return work_ == nullptr; });
    work_ = &work;
    finished_ = false;
    wake_.notify_one();
    done_.wait(lock, [&] { return finished_; });
    work_ = nullptr;
    lock.unlock();
    done_.notify_all();
  }

 private:
  Spawner()
      : thread_([this](std::stop_token stop) {
          std::unique_lock lock(mutex_);
          while (wake_.wait(lock, stop, [&] { return work_ != nullptr && !finished_; })) {
            (*work_)();
            finished_ = true;
            done_.notify_all();
          }
        }) {}

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable done_;
  const std::function<void()>* work_ = nullptr;
  bool finished_ = false;
  std::jthread thread_;
};

}  // namespace

base::Result<Process> Process::start(const ProcessOptions& options) {
  std::vector<char*> arguments, environment;
  for (const std::string& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  for (const std::string& entry : options.environment) {
    environment.push_back(const_cast<char*>(entry.c_str()));
  }
  environment.push_back(nullptr);
  std::array<int, 2> report{};
  if (pipe2(report.data(), O_CLOEXEC) != 0) {
    return fail_errno(errno, options.arguments[0], "starting");
  }
  Descriptor report_read(report[0]), report_write(report[1]);
  std::vector<int> keep = options.keep_descriptors;
  keep.push_back(report[1]);
  std::sort(keep.begin(), keep.end());
  const pid_t parent = getpid();
  pid_t pid = -1;
  int fork_error = 0;
  Spawner::instance().run([&] {
    pid = fork();
    if (pid == 0) {
      become(options, arguments.data(), environment.data(), keep.data(), keep.size(), report[1],
             parent);
    }
    fork_error = errno;
  });
  if (pid < 0) return fail_errno(fork_error, options.arguments[0], "starting");
  report_write.close();
  int error_number = 0;
  ssize_t count = 0;
  do {
    count = ::read(report_read.get(), &error_number, sizeof error_number);
  } while (count < 0 && errno == EINTR);
  Process process(pid);
  if (count == static_cast<ssize_t>(sizeof error_number)) {
    process.stop(std::chrono::milliseconds(0));
    return fail_errno(error_number, options.arguments[0], "starting");
  }
  return process;
}

Process::Process(Process&& other) noexcept : pid_(other.pid_), status_(other.status_) {
  other.pid_ = -1;
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    if (pid_ > 0 && !status_) stop(std::chrono::milliseconds(0));
    pid_ = other.pid_;
    status_ = other.status_;
    other.pid_ = -1;
  }
  return *this;
}

Process::~Process() {
  if (pid_ > 0 && !status_) stop(std::chrono::milliseconds(0));
}

std::optional<int> Process::poll() {
  if (status_ || pid_ <= 0) return status_;
  int status = 0;
  const pid_t result = waitpid(pid_, &status, WNOHANG);
  if (result == pid_) status_ = decode(status);
  if (result < 0 && errno == ECHILD) status_ = -SIGKILL;
  return status_;
}

std::optional<int> Process::wait_for(std::chrono::milliseconds limit) {
  if (auto status = poll()) return status;
  // A pidfd becomes readable when the process ends: no polling.
  const Descriptor descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!descriptor.valid()) return poll();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd entry{descriptor.get(), POLLIN, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready > 0 || (ready == 0 && left.count() <= 0)) return poll();
    if (ready < 0 && errno != EINTR) return poll();
  }
}

void Process::send_signal(int signal) {
  if (pid_ > 0 && !poll()) ::kill(pid_, signal);
}

int Process::stop(std::chrono::milliseconds grace) {
  if (auto status = poll()) return *status;
  if (grace.count() > 0) {
    ::kill(pid_, SIGTERM);
    if (auto status = wait_for(grace)) return *status;
  }
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = decode(status);
  return *status_;
}

std::optional<std::uint64_t> process_start_time(pid_t pid) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat) return std::nullopt;
  // The second field is the name in parentheses and may hold anything: count from its end.
  const size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  size_t position = name_end + 1;
  for (int field = 3; field < 22; ++field) {
    position = stat->find(' ', position + 1);
    if (position == std::string::npos) return std::nullopt;
  }
  return std::strtoull(stat->c_str() + position + 1, nullptr, 10);
}

std::int64_t resident_bytes(pid_t pid) {
  const auto statm = read_file("/proc/" + std::to_string(pid) + "/statm", 4096);
  if (!statm) return 0;
  const size_t space = statm->find(' ');
  if (space == std::string::npos) return 0;
  return std::strtoll(statm->c_str() + space + 1, nullptr, 10) * sysconf(_SC_PAGESIZE);
}

std::int64_t anonymous_bytes(pid_t pid) {
  const auto status = read_file("/proc/" + std::to_string(pid) + "/status", 65'536);
  const std::string_view name = "RssAnon:";
  const size_t found = status ? status->find(name) : std::string::npos;
  if (found == std::string::npos) return 0;
  return std::strtoll(status->c_str() + found + name.size(), nullptr, 10) * 1024;
}

bool set_nice(pid_t pid, int nice) {
  bool all = true;
  std::error_code error;
  // Linux keeps the value for each thread; what a thread begins later takes over its own.
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
    const auto id = static_cast<id_t>(std::strtoul(thread.path().filename().c_str(), nullptr, 10));
    // One that has ended meanwhile needs none.
    if (setpriority(PRIO_PROCESS, id, nice) != 0 && errno != ESRCH) all = false;
  }
  return all && !error;
}

std::string program_path() {
  std::array<char, 4096> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  return length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : std::string();
}

}  // namespace lar::os
