// The pool. Workers are started when first needed and renewed after a number of files, so that
// leaks in foreign libraries do not add up. The calling thread talks to its worker itself, with a
// deadline on every wait; the only shared state is the list of idle workers.
#include "reading/reading_service.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/foreign_json.h"
#include "domain/json.h"
#include "os/file.h"
#include "os/process.h"
#include "reading/wire.h"

namespace lar::reading {
namespace {

using base::ErrorKind;
using base::fail;
using base::Result;
using nlohmann::json;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr int most_files = 500;
constexpr auto start_limit = std::chrono::seconds(30);

std::string base_name(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string extension_of(std::string_view name) {
  const std::string base = base_name(name);
  const size_t dot = base.find_last_of('.');
  if (dot == std::string::npos || dot == 0) return {};
  std::string extension = base.substr(dot + 1);
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return extension;
}

// Why a conversation ended without an answer.
enum class Trouble { timeout, gone, too_much, cancelled };

struct ReaderInfo {
  std::string name;
  int version = 0;
  std::vector<std::string> extensions;
};

struct Worker {
  os::Process process;
  os::Descriptor socket;
  os::Descriptor answers;
  std::string buffer;  // received, not yet taken
  size_t scanned = 0;  // of buffer, known to hold no line end
  int files = 0;

  // The next line, or why there is none. `wake` becomes readable when the caller asks to stop.
  tl::expected<std::string, Trouble> line(SteadyTime deadline, int wake, size_t& allowance) {
    while (true) {
      const size_t end = buffer.find('\n', scanned);
      if (end != std::string::npos) {
        std::string result = buffer.substr(0, end);
        buffer.erase(0, end + 1);
        scanned = 0;
        return result;
      }
      scanned = buffer.size();
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return tl::unexpected(Trouble::timeout);
      std::array<pollfd, 2> waiting = {{{answers.get(), POLLIN, 0}, {wake, POLLIN, 0}}};
      const int ready = ::poll(waiting.data(), wake >= 0 ? 2 : 1,
                               static_cast<int>(std::min<long long>(left.count() + 1, 60'000)));
      if (ready < 0 && errno != EINTR) return tl::unexpected(Trouble::gone);
      if (ready <= 0) continue;
      if (waiting[1].revents != 0) return tl::unexpected(Trouble::cancelled);
      std::array<char, 65536> chunk;
      const ssize_t count = ::read(answers.get(), chunk.data(), chunk.size());
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return tl::unexpected(Trouble::gone);
      if (static_cast<size_t>(count) > allowance) return tl::unexpected(Trouble::too_much);
      allowance -= static_cast<size_t>(count);
      buffer.append(chunk.data(), static_cast<size_t>(count));
    }
  }

  // Sends one request with its descriptor; false if the worker is gone.
  bool send(const std::string& text, int descriptor, SteadyTime deadline) {
    const auto size = static_cast<std::uint32_t>(text.size());
    std::string bytes(4, '\0');
    for (unsigned index = 0; index < 4; ++index) {
      bytes[index] = static_cast<char>((size >> (8 * index)) & 0xFFU);
    }
    bytes += text;
    size_t sent = 0;
    while (sent < bytes.size()) {
      iovec vector{bytes.data() + sent, bytes.size() - sent};
      msghdr message{};
      message.msg_iov = &vector;
      message.msg_iovlen = 1;
      alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
      if (sent == 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
      }
      const ssize_t count = ::sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) {
        sent += static_cast<size_t>(count);
        continue;
      }
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno != EAGAIN) return false;
      pollfd waiting{socket.get(), POLLOUT, 0};
      if (std::chrono::steady_clock::now() >= deadline || ::poll(&waiting, 1, 1000) < 0) {
        return false;
      }
    }
    return true;
  }
};

// Wakes a poll when a stop is asked for.
class Waker {
 public:
  explicit Waker(std::stop_token stop)
      : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        callback_(std::move(stop), Signal{event_.get()}) {}
  int descriptor() const { return event_.get(); }

 private:
  struct Signal {
    int event;
    void operator()() const {
      const std::uint64_t one = 1;
      static_cast<void>(!::write(event, &one, sizeof one));
    }
  };
  os::Descriptor event_;
  std::stop_callback<Signal> callback_;
};

bool is_code(const std::string& text) {
  return !text.empty() && text.size() < 80 &&
         std::all_of(
             text.begin(), text.end(),
             [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
             });
}

class Pool final : public ReadingService {
 public:
  explicit Pool(Options options) : options_(std::move(options)) {}

  ~Pool() override {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return busy_ == 0; });
    for (auto& worker : idle_) worker->process.send_signal(SIGKILL);
  }

  base::Status open() {
    if (options_.worker_program.empty()) {
      const std::string program = os::program_path();
      options_.worker_program = program.substr(0, program.find_last_of('/') + 1) + "lar-read";
    }
    if (::access(options_.worker_program.c_str(), X_OK) != 0) {
      return fail(ErrorKind::not_found, "reading.no_worker", {{"path", options_.worker_program}});
    }
    TRY_ASSIGN(std::unique_ptr<Worker> worker, start_worker(&readers_));
    idle_.push_back(std::move(worker));
    return {};
  }

  Result<Reading> read(const Request& request, std::stop_token stop) override {
    const std::string name = base_name(request.name.empty() ? request.path : request.name);
    if (request.length > most_file_bytes) {
      return fail(ErrorKind::unsupported, "reading.too_large", {{"name", name}});
    }
    TRY_ASSIGN(std::unique_ptr<Worker> worker, acquire(stop));
    bool healthy = false;
    Result<Reading> reading = converse(*worker, request, name, stop, healthy);
    give_back(std::move(worker), healthy);
    return reading;
  }

  std::vector<std::pair<std::string, int>> readers() const override {
    std::vector<std::pair<std::string, int>> list;
    for (const ReaderInfo& reader : readers_) list.emplace_back(reader.name, reader.version);
    return list;
  }

  bool can_read(std::string_view name) const override {
    const std::string extension = extension_of(name);
    return !extension.empty() &&
           std::any_of(readers_.begin(), readers_.end(), [&](const ReaderInfo& reader) {
             return std::find(reader.extensions.begin(), reader.extensions.end(), extension) !=
                    reader.extensions.end();
           });
  }

 private:
  Result<std::unique_ptr<Worker>> start_worker(std::vector<ReaderInfo>* readers) {
    std::array<int, 2> sockets{};
    std::array<int, 2> pipe{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
      return base::fail_errno(errno, options_.worker_program, "starting");
    }
    os::Descriptor ours(sockets[0]);
    const os::Descriptor theirs(sockets[1]);
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
      return base::fail_errno(errno, options_.worker_program, "starting");
    }
    os::Descriptor answers(pipe[0]);
    const os::Descriptor output(pipe[1]);
    ::fcntl(answers.get(), F_SETFL, O_NONBLOCK);
    os::ProcessOptions start;
    start.arguments = {options_.worker_program,
                       "--memory=" + std::to_string(options_.limits.memory_bytes),
                       "--seconds=" + std::to_string(options_.limits.time.count() / 1000 + 2)};
    start.environment = {"LANG=C.UTF-8", "PATH=/usr/bin:/bin"};
    for (const char* passed : {"LAR_READ_TEST", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = std::getenv(passed)) {
        start.environment.push_back(std::string(passed) + "=" + value);
      }
    }
    start.standard_input = theirs.get();
    start.standard_output = output.get();
    start.network = os::Network::none;
    start.nice = 5;
    TRY_ASSIGN(os::Process process, os::Process::start(start));
    auto worker = std::make_unique<Worker>(
        Worker{std::move(process), std::move(ours), std::move(answers), {}, 0, 0});
    // Our copies of the child's ends must close, or its end would never be seen.
    const_cast<os::Descriptor&>(theirs).close();
    const_cast<os::Descriptor&>(output).close();
    size_t allowance = 1u << 20;
    const auto hello = worker->line(std::chrono::steady_clock::now() + start_limit, -1, allowance);
    const json frame = hello ? base::foreign_json(*hello) : json();
    if (!frame.is_object() || frame.value("frame", "") != "hello" || !frame.contains("readers") ||
        !frame["readers"].is_array()) {
      return fail(ErrorKind::internal, "reading.no_worker", {{"path", options_.worker_program}});
    }
    if (readers != nullptr) {
      try {
        for (const json& entry : frame["readers"]) {
          readers->push_back({entry.at("name").get<std::string>(), entry.at("version").get<int>(),
                              entry.at("extensions").get<std::vector<std::string>>()});
        }
      } catch (const json::exception&) {
        return fail(ErrorKind::internal, "reading.no_worker", {{"path", options_.worker_program}});
      }
    }
    return worker;
  }

  Result<std::unique_ptr<Worker>> acquire(std::stop_token stop) {
    {
      std::unique_lock lock(mutex_);
      if (!free_.wait(lock, stop, [&] { return busy_ < std::max(1, options_.workers); })) {
        return fail(ErrorKind::cancelled, "reading.cancelled");
      }
      ++busy_;
      while (!idle_.empty()) {
        std::unique_ptr<Worker> worker = std::move(idle_.back());
        idle_.pop_back();
        // One that died while idle is silently replaced.
        if (!worker->process.poll()) return worker;
      }
    }
    Result<std::unique_ptr<Worker>> started = start_worker(nullptr);
    if (!started) give_back(nullptr, false);
    return started;
  }

  void give_back(std::unique_ptr<Worker> worker, bool healthy) {
    if (worker && (!healthy || worker->files >= most_files)) {
      worker->process.send_signal(SIGKILL);
      worker.reset();  // reaps outside the lock
    }
    const std::lock_guard lock(mutex_);
    if (worker) idle_.push_back(std::move(worker));
    --busy_;
    free_.notify_all();
  }

  static std::string request_text(const Request& request) {
    const json value = {{"offset", request.offset},
                        {"length", request.length},
                        {"name", request.name},
                        {"media_type", request.media_type},
                        {"path", request.path},
                        {"modified", request.modified},
                        {"owner_zone", request.owner_zone},
                        {"horizon_begin", request.horizon_begin},
                        {"horizon_end", request.horizon_end},
                        {"details", request.details}};
    // File names need not be UTF-8.
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  }

  Result<Reading> converse(Worker& worker, const Request& request, const std::string& name,
                           const std::stop_token& stop, bool& healthy) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + options_.limits.time;
    const Waker waker(stop);
    ++worker.files;
    const std::string text = request_text(request);
    if (text.size() > most_request_bytes) {
      healthy = true;
      return fail(ErrorKind::invalid_input, "reading.unsupported", {{"name", name}});
    }
    if (!worker.send(text, request.descriptor, deadline)) {
      return fail(ErrorKind::internal, "reading.crashed", {{"name", name}}, base::Retry::later);
    }
    Reading reading;
    size_t allowance = options_.limits.output_bytes;
    while (true) {
      const auto line = worker.line(deadline, waker.descriptor(), allowance);
      if (!line) return trouble(worker, line.error(), name);
      const json frame = base::foreign_json(*line);
      const json* kind = frame.is_object() && frame.contains("frame") ? &frame["frame"] : nullptr;
      if (kind == nullptr || !kind->is_string()) return nonsense(name);
      if (*kind == "item") {
        if (!frame.contains("item")) return nonsense(name);
        auto item = domain::item_from_json(frame["item"]);
        if (!item) {
          return tl::unexpected<base::Error>(std::move(item).error().during("reading " + name));
        }
        reading.items.push_back(std::move(*item));
      } else if (*kind == "done") {
        const json* producer = frame.contains("producer") ? &frame["producer"] : nullptr;
        const json* version = frame.contains("version") ? &frame["version"] : nullptr;
        if (producer == nullptr || !producer->is_string() || version == nullptr ||
            !version->is_number_integer()) {
          return nonsense(name);
        }
        reading.producer = producer->get<std::string>();
        reading.producer_version = version->get<int>();
        healthy = worker.buffer.empty();  // nothing may follow
        return reading;
      } else if (*kind == "error") {
        return reported(frame, name, healthy);
      } else {
        return nonsense(name);
      }
    }
  }

  static tl::unexpected<base::Error> nonsense(const std::string& name) {
    return fail(ErrorKind::corrupt, "reading.crashed", {{"name", name}});
  }

  // An error the reader itself states. Its strings are foreign: codes are checked, values cut.
  static tl::unexpected<base::Error> reported(const json& frame, const std::string& name,
                                              bool& healthy) {
    base::Error error;
    if (!frame.contains("kind") || !frame["kind"].is_number_integer() || !frame.contains("code") ||
        !frame["code"].is_string() || !is_code(frame["code"].get<std::string>())) {
      return nonsense(name);
    }
    const auto kind = frame["kind"].get<int>();
    if (kind < 0 || kind > static_cast<int>(ErrorKind::internal)) return nonsense(name);
    error.kind = static_cast<ErrorKind>(kind);
    error.code = frame["code"].get<std::string>();
    const json parameters = frame.value("parameters", json::array());
    for (const json& pair : parameters) {
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string() ||
          error.parameters.size() >= 10) {
        return nonsense(name);
      }
      error.parameters.emplace_back(pair[0].get<std::string>(),
                                    pair[1].get<std::string>().substr(0, 200));
    }
    // The reader may not have known the name.
    for (auto& [key, value] : error.parameters) {
      if (key == "name" && value.empty()) value = name;
    }
    healthy = error.code != "reading.memory";
    return tl::unexpected<base::Error>(std::move(error));
  }

  tl::unexpected<base::Error> trouble(Worker& worker, Trouble why, const std::string& name) {
    switch (why) {
      case Trouble::cancelled:
        return fail(ErrorKind::cancelled, "reading.cancelled");
      case Trouble::timeout:
        return fail(ErrorKind::timeout, "reading.timeout", {{"name", name}});
      case Trouble::too_much:
        return fail(ErrorKind::unsupported, "reading.too_large", {{"name", name}});
      case Trouble::gone:
        break;
    }
    // It closed its end, so it is ending.
    const auto status = worker.process.wait_for(std::chrono::seconds(2));
    if (status && *status == -SIGXCPU) {
      return fail(ErrorKind::timeout, "reading.timeout", {{"name", name}});
    }
    return fail(ErrorKind::corrupt, "reading.crashed", {{"name", name}});
  }

  Options options_;
  std::vector<ReaderInfo> readers_;  // written by open() only
  std::mutex mutex_;
  std::condition_variable_any free_;
  std::vector<std::unique_ptr<Worker>> idle_;  // guarded by mutex_
  int busy_ = 0;                               // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<ReadingService>> ReadingService::start(Options options) {
  auto pool = std::make_unique<Pool>(std::move(options));
  TRY(pool->open());
  return std::unique_ptr<ReadingService>(std::move(pool));
}

}  // namespace lar::reading
