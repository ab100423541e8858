// See engine_host.h. The thread sleeps in poll() on the child's output and an eventfd; while a
// start is under way it also asks /health every 20 ms. A child's end shows as the end of its
// output.
#include "engine/engine_host.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"

extern char** environ;

namespace lar::engine {
using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Retry;
using base::Status;
using nlohmann::json;
using std::chrono::milliseconds;
namespace {

constexpr std::uint64_t largest_log = 5u << 20;
constexpr std::size_t kept_tail = 8192;
constexpr std::size_t longest_line = 512;
constexpr std::size_t most_buffers = 64;
constexpr base::Microseconds first_pause = 250'000;
constexpr base::Microseconds longest_pause = 30 * base::one_second;
constexpr int barrier_spins = 20'000;
// What was left to do when it was frozen takes it a fraction of a second.
constexpr base::Microseconds longest_freeze = 5 * base::one_second;
// A tenth of the processor where another wants all of it (sched(7)): its calls go on, and the
// engine that is to replace it starts nearly as if alone.
constexpr int more_nice = 10, nicest = 19;

// What engines begin with.
int own_nice() { return getpriority(PRIO_PROCESS, 0); }
// An engine that ran this long was sound: its death starts the back-off anew.
constexpr base::Microseconds sound_after = 60 * base::one_second;

// What an engine needs of the environment: paths, devices, threads. Nothing of lar's, and no
// LLAMA_ARG_…, which would change the flags behind our back.
std::vector<std::string> engine_environment() {
  constexpr std::array exact = {
      "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR", "USER"};
  constexpr std::array prefixes = {"CUDA_", "GGML_", "HIP_",  "HSA_",  "ROCR_",  "NVIDIA_",
                                   "VK_",   "OMP_",  "GOMP_", "ASAN_", "UBSAN_", "TSAN_"};
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const bool wanted =
        std::any_of(exact.begin(), exact.end(), [&](const char* known) { return name == known; }) ||
        std::any_of(prefixes.begin(), prefixes.end(),
                    [&](const char* prefix) { return name.starts_with(prefix); });
    if (wanted) kept.emplace_back(text);
  }
  // OpenMP's workers by default spin for milliseconds at every barrier: two engines and whatever
  // else the owner does then starve one another. Not spinning at all costs a third of the speed on
  // an idle machine. Some tens of microseconds keep the one and spare the other, by measurement.
  const bool decided = std::any_of(kept.begin(), kept.end(), [](const std::string& entry) {
    return entry.starts_with("GOMP_SPINCOUNT=") || entry.starts_with("OMP_WAIT_POLICY=");
  });
  if (!decided) kept.emplace_back("GOMP_SPINCOUNT=" + std::to_string(barrier_spins));
  return kept;
}

bool is_same_process(pid_t pid, std::uint64_t start_time) {
  return pid > 0 && os::process_start_time(pid) == start_time;
}

}  // namespace

int end_leftover_engines(const std::string& run_folder) {
  int ended = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(run_folder, ignored)) {
    if (entry.path().extension() != ".json") continue;
    const auto bytes = os::read_file(entry.path(), 65'536);
    const json note = bytes ? json::parse(*bytes, nullptr, false) : json();
    const auto number = [&](const char* key) -> std::uint64_t {
      return note.is_object() && note.contains(key) && note[key].is_number_unsigned()
                 ? note[key].get<std::uint64_t>()
                 : 0;
    };
    if (number("pid") == 0 || !note.contains("socket") || !note["socket"].is_string()) continue;
    const auto owner = static_cast<pid_t>(number("owner"));
    if (owner != getpid() && is_same_process(owner, number("owner_start_time"))) continue;
    const auto pid = static_cast<pid_t>(number("pid"));
    const std::uint64_t start_time = number("start_time");
    // The command line settles it where a reboot made pid and start time come round again.
    const auto command = os::read_file("/proc/" + std::to_string(pid) + "/cmdline", 1u << 20);
    if (is_same_process(pid, start_time) && command &&
        command->find(note["socket"].get<std::string>()) != std::string::npos) {
      kill(pid, SIGTERM);
      for (int waited = 0; waited < 200 && is_same_process(pid, start_time); ++waited) {
        if (waited == 100) kill(pid, SIGKILL);
        // Not our child: its end can only be looked for.
        poll(nullptr, 0, 20);
        // A zombie of somebody else's keeps its entry; it holds nothing any more.
        const auto stat = os::read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
        if (stat && stat->find(") Z ") != std::string::npos) break;
      }
      ++ended;
    }
    std::filesystem::remove(note["socket"].get<std::string>(), ignored);
    std::filesystem::remove(entry.path(), ignored);
  }
  return ended;
}

EngineHost::EngineHost(LaunchPlan plan)
    : plan_(std::move(plan)),
      prober_({plan_.socket, "http://engine", false}, plan_.role, milliseconds(2000)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this](std::stop_token stop) { run(stop); }) {}

EngineHost::~EngineHost() { close(); }

void EngineHost::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.request_stop();
  wake();
  if (thread_.joinable()) thread_.join();
}

void EngineHost::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t count = write(wake_.get(), &one, sizeof one);
}

void EngineHost::wait_for_wake(milliseconds limit) {
  std::array<pollfd, 2> entries = {{{wake_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}}};
  poll(entries.data(), output_.valid() ? 2 : 1, static_cast<int>(limit.count()));
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof count);
  if (output_.valid()) read_output();
}

Result<std::uint64_t> EngineHost::ensure_ready(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (closing_ || stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
  if (state_ == EngineState::ready && wish_ == Wish::nothing) return begun_;
  if (state_ == EngineState::failed && error_ && error_->code != "engine.died" &&
      base::steady_now() < retry_at_) {
    return tl::unexpected<Error>(*error_);
  }
  // A start under way counts for this caller, unless it is about to be ended.
  const bool under_way = state_ == EngineState::starting && wish_ == Wish::nothing;
  const std::uint64_t target = under_way ? begun_ : begun_ + 1;
  if (!under_way) {
    start_wanted_ = true;
    wake();
  }
  const bool settled = changed_.wait(lock, stop, [&] { return settled_ >= target || closing_; });
  if (!settled || closing_) return fail(ErrorKind::cancelled, "cancelled");
  if (state_ == EngineState::ready) return begun_;
  if (error_) return tl::unexpected<Error>(*error_);
  return fail(ErrorKind::unavailable, "engine.died",
              {{"role", plan_.role}, {"log", plan_.log_file}}, Retry::later);
}

bool EngineHost::has_ended(std::uint64_t generation, milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] { return ended_ >= generation || closing_; });
}

void EngineHost::kill_hung(std::uint64_t generation) {
  {
    const std::lock_guard lock(mutex_);
    if (begun_ != generation || ended_ >= generation) return;
    wish_ = Wish::kill;
  }
  wake();
  has_ended(generation, std::chrono::seconds(5));
}

void EngineHost::stop() {
  std::unique_lock lock(mutex_);
  if (begun_ == ended_) return;
  wish_ = Wish::stop;
  wake();
  const std::uint64_t generation = begun_;
  changed_.wait(lock, [&] { return ended_ >= generation || closing_; });
}

bool EngineHost::stop_if_unused() {
  std::unique_lock lock(mutex_);
  if (calls_ > 0 || begun_ == ended_) return false;
  wish_ = Wish::stop;
  wake();
  const std::uint64_t generation = begun_;
  changed_.wait(lock, [&] { return ended_ >= generation || closing_; });
  return true;
}

void EngineHost::touch(int change_of_calls) {
  const std::lock_guard lock(mutex_);
  calls_ += change_of_calls;
  used_at_ = base::steady_now();
  if (calls_ > 0) {
    thaw();
  } else if (renew_ && begun_ != ended_) {
    wish_ = Wish::stop;
    wake();
  }
}

void EngineHost::freeze_if_unused() {
  const std::lock_guard lock(mutex_);
  if (calls_ > 0 || frozen_at_ > 0 || state_ != EngineState::ready || wish_ != Wish::nothing ||
      pid_ <= 0) {
    return;
  }
  if (kill(pid_, SIGSTOP) == 0) frozen_at_ = base::steady_now();
}

void EngineHost::thaw() {
  if (frozen_at_ == 0) return;
  frozen_at_ = 0;
  if (pid_ > 0) kill(pid_, SIGCONT);
}

void EngineHost::make_nice() {
  const std::lock_guard lock(mutex_);
  if (pid_ > 0) os::set_nice(pid_, std::min(own_nice() + more_nice, nicest));
}

void EngineHost::make_usual() {
  const std::lock_guard lock(mutex_);
  if (pid_ <= 0 || os::set_nice(pid_, own_nice())) return;
  renew_ = true;
  if (calls_ == 0) {
    wish_ = Wish::stop;
    wake();
  }
}

EngineHost::Snapshot EngineHost::snapshot() const {
  const std::lock_guard lock(mutex_);
  return {state_, pid_, error_, calls_, used_at_, buffers_};
}

double EngineHost::start_ms() const {
  const std::lock_guard lock(mutex_);
  return static_cast<double>(ready_at_ - begun_at_) / 1000.0;
}

void EngineHost::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    bool begin = false;
    milliseconds pause(60'000);
    {
      const std::lock_guard lock(mutex_);
      wish_ = Wish::nothing;  // whatever it was for, it has ended
      if (start_wanted_) {
        const auto left = retry_at_ - base::steady_now();
        begin = left <= 0;
        if (begin) {
          start_wanted_ = false;
          state_ = EngineState::starting;
          error_.reset();
          ++begun_;
          begun_at_ = base::steady_now();
        } else {
          pause = milliseconds(left / 1000 + 1);
        }
      }
    }
    if (!begin) {
      wait_for_wake(pause);
      continue;
    }
    if (auto launched = launch(); !launched) {
      clean_up();
      settle(EngineState::failed, std::move(launched).error());
      continue;
    }
    watch(stop);
  }
}

// Publishes the outcome of a start, or the end of an engine that was ready.
void EngineHost::settle(EngineState state, std::optional<Error> error) {
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
    error_ = std::move(error);
    settled_ = begun_;
    // Together with the state: who learns that a start has ended must not find it ready still.
    if (state != EngineState::ready) ended_ = begun_;
    const auto now = base::steady_now();
    if (state == EngineState::ready) {
      ready_at_ = used_at_ = now;
    } else if (state == EngineState::failed) {
      if (ready_at_ > begun_at_ && now - ready_at_ > sound_after) failures_ = 0;
      retry_at_ = now + std::min(longest_pause, first_pause << std::min(failures_, 10));
      ++failures_;
    }
  }
  changed_.notify_all();
}

void EngineHost::clean_up() {
  std::error_code ignored;
  std::filesystem::remove(plan_.pid_file, ignored);
  std::filesystem::remove(plan_.socket, ignored);
  process_.reset();
  output_.close();
  const std::lock_guard lock(mutex_);
  pid_ = 0;
  frozen_at_ = 0;
  renew_ = false;
}

Status EngineHost::launch() {
  std::error_code ignored;
  std::filesystem::remove(plan_.socket, ignored);
  tail_.clear();
  line_.clear();
  {
    const std::lock_guard lock(mutex_);
    buffers_.clear();
  }
  log_ =
      os::Descriptor(open(plan_.log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!log_.valid()) return base::fail_errno(errno, plan_.log_file, "writing");
  struct stat status{};
  log_bytes_ = fstat(log_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
    return base::fail_errno(errno, plan_.program, "starting");
  output_ = os::Descriptor(pipe_ends[0]);
  const os::Descriptor input(pipe_ends[1]);
  fcntl(output_.get(), F_SETFL, O_NONBLOCK);

  os::ProcessOptions options;
  options.arguments = {plan_.program};
  options.arguments.insert(options.arguments.end(), plan_.arguments.begin(), plan_.arguments.end());
  for (const auto& flag : plan_.optional_arguments) {
    if (refused_flags_.contains(flag.front())) continue;
    options.arguments.insert(options.arguments.end(), flag.begin(), flag.end());
  }
  options.environment = engine_environment();
  options.environment.insert(options.environment.end(), plan_.environment.begin(),
                             plan_.environment.end());
  options.standard_output = input.get();
  options.standard_error = input.get();
  options.network = os::Network::none;
  std::string command;
  for (const std::string& setting : plan_.environment) command += " " + setting;
  for (const std::string& argument : options.arguments) command += " " + argument;
  say("starting" + command);
  auto process = os::Process::start(options);
  if (!process) {
    Error error = start_failed("");
    error.context.push_back(process.error().describe());
    return tl::unexpected<Error>(std::move(error));
  }
  process_.emplace(std::move(*process));
  const json note = {{"pid", process_->pid()},
                     {"start_time", os::process_start_time(process_->pid()).value_or(0)},
                     {"owner", getpid()},
                     {"owner_start_time", os::process_start_time(getpid()).value_or(0)},
                     {"socket", plan_.socket}};
  {
    const std::lock_guard lock(mutex_);
    pid_ = process_->pid();
  }
  if (auto written = os::write_file_atomically(plan_.pid_file, note.dump()); !written) {
    process_->stop(milliseconds(0));
    return written;
  }
  return {};
}

// From the start of a process to its end, whoever wants it.
void EngineHost::watch(std::stop_token stop) {
  bool ready = false;
  const auto deadline = base::steady_now() + std::chrono::microseconds(plan_.start_limit).count();
  base::Microseconds killed_at = 0;  // when SIGTERM was sent; 0: not asked to end
  std::optional<Error> reason;       // why it was made to end, if by a fault
  while (true) {
    wait_for_wake(killed_at > 0 ? milliseconds(10) : ready ? milliseconds(1000) : milliseconds(20));
    if (const auto status = process_->poll()) {
      read_output();
      say("ended with " + std::to_string(*status));
      const bool intended = killed_at > 0 && !reason;
      const bool again = !ready && !intended && !reason && drop_refused_flag();
      clean_up();
      if (again) {
        // The same start goes on with one flag less: callers keep waiting.
        if (launch()) continue;
      }
      if (intended) {
        settle(EngineState::stopped, std::nullopt);
      } else if (reason) {
        settle(EngineState::failed, std::move(reason));
      } else if (ready) {
        settle(EngineState::failed,
               fail(ErrorKind::unavailable, "engine.died",
                    {{"role", plan_.role}, {"log", plan_.log_file}}, Retry::later)
                   .value());
      } else {
        settle(EngineState::failed, start_failed("exit " + std::to_string(*status)));
      }
      return;
    }
    Wish wish = Wish::nothing;
    bool idle = false;
    {
      const std::lock_guard lock(mutex_);
      wish = wish_;
      idle = ready && calls_ == 0 && plan_.idle_limit.count() > 0 &&
             base::steady_now() - used_at_ > plan_.idle_limit.count() * 1000;
      if (idle) state_ = EngineState::stopped;  // a call that comes now waits for the next start
    }
    const bool end = stop.stop_requested() || wish == Wish::stop || idle;
    {
      // A frozen process would not heed SIGTERM either.
      const std::lock_guard lock(mutex_);
      if (end || base::steady_now() - frozen_at_ > longest_freeze) thaw();
    }
    if (wish == Wish::kill && !reason) {
      reason = fail(ErrorKind::unavailable, "engine.died",
                    {{"role", plan_.role}, {"log", plan_.log_file}}, Retry::later)
                   .value();
      say("hung; ended");
      process_->stop(milliseconds(0));
      continue;
    }
    if (end && killed_at == 0) {
      say(idle ? "idle; stopping" : "stopping");
      process_->send_signal(SIGTERM);
      killed_at = base::steady_now();
    }
    if (killed_at > 0) {
      if (base::steady_now() - killed_at > plan_.stop_grace.count() * 1000) {
        process_->stop(milliseconds(0));
      }
      continue;
    }
    if (ready) continue;
    if (prober_.health(milliseconds(500), stop) == Health::ready) {
      ready = true;
      settle(EngineState::ready, std::nullopt);
      say("ready after " + std::to_string(static_cast<int>(start_ms())) + " ms");
    } else if (base::steady_now() > deadline) {
      reason = start_failed("time");
      say("not ready in time; ended");
      process_->stop(milliseconds(0));
    }
  }
}

Error EngineHost::start_failed(std::string detail) const {
  Error error = fail(ErrorKind::unavailable, "engine.start_failed",
                     {{"role", plan_.role}, {"log", plan_.log_file}}, Retry::later)
                    .value();
  if (!detail.empty()) error.context.push_back(std::move(detail));
  // The engine's own last word of complaint, for logs.
  for (const auto line : base::split(tail_, '\n')) {
    if (line.find("rror") == std::string_view::npos && line.find(" E ") == std::string_view::npos)
      continue;
    if (error.context.size() > 1) error.context.pop_back();
    error.context.emplace_back(line.substr(0, 300));
  }
  return error;
}

// An older or newer engine may not know a flag: "error: invalid argument: --cache-ram".
bool EngineHost::drop_refused_flag() {
  constexpr std::string_view complaint = "invalid argument: ";
  const std::size_t found = tail_.rfind(complaint);
  if (found == std::string::npos) return false;
  const std::string flag = tail_.substr(
      found + complaint.size(),
      tail_.find_first_of(" \r\n", found + complaint.size()) - found - complaint.size());
  const bool known = std::any_of(plan_.optional_arguments.begin(), plan_.optional_arguments.end(),
                                 [&](const auto& optional) { return optional.front() == flag; });
  if (!known || !refused_flags_.insert(flag).second) return false;
  say("does not know " + flag + "; starting without it");
  return true;
}

void EngineHost::read_output() {
  std::array<char, 16'384> piece{};
  while (true) {
    const ssize_t count = read(output_.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) {
      // All its ends are closed: from now on only the clock wakes us, at once the first time.
      output_.close();
      if (process_) process_->wait_for(milliseconds(200));
      return;
    }
    if (count < 0) return;
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(count));
    tail_ += bytes;
    if (tail_.size() > 2 * kept_tail) tail_.erase(0, tail_.size() - kept_tail);
    write_log(bytes);
    for (const char byte : bytes) {
      if (byte == '\n') {
        read_line(line_);
        line_.clear();
      } else if (line_.size() < longest_line) {
        line_ += byte;
      }
    }
  }
}

// "llama_kv_cache:        CPU KV buffer size =   224.00 MiB": after the colon device, use, bytes.
void EngineHost::read_line(std::string_view line) {
  constexpr std::string_view mark = " buffer size = ";
  const std::size_t found = line.find(mark);
  const std::size_t unit = line.find(" MiB", found == std::string_view::npos ? 0 : found);
  if (found == std::string_view::npos || unit == std::string_view::npos) return;
  const std::string_view before = line.substr(0, found);
  const std::size_t use = before.rfind(' ');
  if (use == std::string_view::npos) return;
  const std::string_view head = base::trim(before.substr(0, use));
  const std::size_t device = head.rfind(' ');
  const double size = std::strtod(
      std::string(line.substr(found + mark.size(), unit - found - mark.size())).c_str(), nullptr);
  const std::lock_guard lock(mutex_);
  if (size <= 0 || buffers_.size() >= most_buffers) return;
  buffers_.push_back(
      {std::string(device == std::string_view::npos ? head : head.substr(device + 1)),
       std::string(before.substr(use + 1)), static_cast<std::int64_t>(size * (1 << 20))});
}

void EngineHost::write_log(std::string_view bytes) {
  if (log_bytes_ + bytes.size() > largest_log) {
    std::error_code ignored;
    std::filesystem::rename(plan_.log_file, plan_.log_file + ".1", ignored);
    log_ = os::Descriptor(
        open(plan_.log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    log_bytes_ = 0;
  }
  // A full disk costs the log its end, never the engine its life.
  const ssize_t written = write(log_.get(), bytes.data(), bytes.size());
  if (written > 0) log_bytes_ += static_cast<std::uint64_t>(written);
}

void EngineHost::say(const std::string& line) {
  write_log("lar " + base::format_rfc3339(base::Clock::now(), "UTC") + ": " + line + "\n");
}

}  // namespace lar::engine
