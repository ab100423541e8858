// cpp-httplib parses and writes HTTP; sockets, waiting and threads are ours, because its own
// connections can neither be ended at once nor tell that a client has gone. One thread per
// request (a pool that grows to most_threads); a connection between requests waits in one epoll set
// with all the others and costs no thread. It gets one when its next request's head (and a small
// body) has come: whoever sends half of one, or a byte now and then, holds a little memory only. A
// streaming route runs on a further thread, so that the connection's thread can watch the client
// while nothing is due.
#include "api/server.h"

#include <fcntl.h>
#include <httplib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "api/client_keys.h"
#include "api/gateway.h"
#include "base/clock.h"
#include "base/embedded.h"
#include "base/messages.h"
#include "base/percent.h"
#include "base/text.h"
#include "os/file.h"

namespace lar::api {
namespace {

using base::ErrorKind;
using nlohmann::json;
using std::chrono::milliseconds;

// More than all lines of the gateway hold, so that the page is served while they are full.
constexpr size_t most_threads = 160;
constexpr size_t most_idle_connections = 4096;
constexpr size_t most_body_bytes = 8u << 20;
// Of routes that take pictures and recordings: a photo of a phone is a few megabytes, a third more
// in base64. Few are held at once, as each is held several times over on its way.
constexpr size_t most_media_bytes = 64u << 20;
constexpr size_t most_media_at_once = 128u << 20;
constexpr int media_retry_seconds = 5;
constexpr size_t most_target_bytes = 2048;  // of requests matched by httplib's regular expressions
// A body that is read before it is known who sends it.
constexpr size_t most_strange_bytes = 64u << 10;
// Of a body that nobody reads, what is taken from the wire so that its sender sees the refusal.
constexpr size_t most_drained_bytes = 1u << 20;
constexpr milliseconds drain_limit{1'000};
constexpr milliseconds idle_limit{30'000};
// What is waited for before a thread is given, in all.
constexpr milliseconds begun_limit{10'000};
constexpr size_t most_head_bytes = 32u << 10;
constexpr size_t most_begun_bytes = 64u << 20;  // of all connections together
constexpr milliseconds read_limit{5'000};
constexpr milliseconds write_limit{10'000};
constexpr milliseconds keep_alive_pause{15'000};
// An error that comes within this time is an ordinary response with its own status.
constexpr milliseconds first_event_limit{150};
constexpr const char* security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
    "'self'; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// ---- waiting ----

// A flag that poll(2) can wait for.
class Signal {
 public:
  Signal() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  void raise() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto count = ::write(descriptor_.get(), &one, sizeof one);
  }
  void clear() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto size = ::read(descriptor_.get(), &count, sizeof count);
  }
  int descriptor() const { return descriptor_.get(); }

 private:
  os::Descriptor descriptor_;
};

enum class Woken { by_time, by_socket, by_signal, by_stop };

// How much of a request has come.
enum class Come { part, enough, too_much };

// Enough for a thread to be given: the whole head, and the body where it is small enough to be read
// before it is known who sends it.
Come come(std::string_view bytes) {
  constexpr std::string_view end = "\r\n\r\n";
  const size_t head_end = bytes.find(end);
  if (head_end == std::string_view::npos) {
    return bytes.size() > most_head_bytes ? Come::too_much : Come::part;
  }
  const std::string head = base::lower_ascii(bytes.substr(0, head_end));
  // Who asks whether to send its body waits for an answer.
  if (head.find("\nexpect:") != std::string::npos) return Come::enough;
  constexpr std::string_view field = "\ncontent-length:";
  const size_t at = head.find(field);
  if (at == std::string::npos) return Come::enough;
  const unsigned long long length = std::strtoull(head.c_str() + at + field.size(), nullptr, 10);
  if (length > most_strange_bytes) return Come::enough;
  return bytes.size() - head_end - end.size() >= length ? Come::enough : Come::part;
}

// Takes what lies in a socket until enough has come. False: it has ended.
bool gather(int descriptor, std::string& bytes) {
  std::array<char, 16 * 1024> buffer;
  while (true) {
    const ssize_t count = ::recv(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
      bytes.append(buffer.data(), static_cast<size_t>(count));
      if (come(bytes) != Come::part) return true;
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else {
      return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
  }
}

// Room for the large bodies that are held at once. Thread-safe.
class MediaRoom {
 public:
  // Holds room for so many bytes as long as what it gives lives; nothing: there is none.
  std::shared_ptr<void> take(size_t bytes) {
    if (taken_.fetch_add(bytes) + bytes > most_media_at_once) {
      taken_ -= bytes;
      return nullptr;
    }
    return {this, [this, bytes](void*) { taken_ -= bytes; }};
  }

 private:
  std::atomic<size_t> taken_ = 0;
};

// One accepted connection, as httplib's stream. Used by the connection's thread only.
class Connection final : public httplib::Stream {
 public:
  // `begun`: what has been read of it already.
  Connection(int descriptor, const Signal& stop, std::string begun)
      : descriptor_(descriptor), stop_(stop), bytes_(std::move(begun)) {}

  // Whether a request has come; what there is is taken. Between requests only.
  bool has_request() {
    bytes_.erase(0, begin_);
    begin_ = 0;
    taken_ = 0;
    most_ = most_media_bytes + most_head_bytes;
    room_.reset();
    if (come(bytes_) == Come::part) open_ = gather(descriptor_, bytes_);
    return come(bytes_) == Come::enough;
  }
  // Whether more may come of a request that has begun.
  bool open() const { return open_ && come(bytes_) == Come::part; }
  std::string begun() { return std::exchange(bytes_, {}); }
  // Of a request whose length is not said: reading it ends beyond so many bytes.
  void read_at_most(size_t bytes) { most_ = taken_ + bytes; }
  bool read_too_much() const { return taken_ > most_; }
  // Is held until the next request.
  void hold(std::shared_ptr<void> room) { room_ = std::move(room); }

  // Waits for `signal` while the client is there; by_socket: the client has gone.
  Woken wait_for(const Signal& signal, milliseconds limit) {
    return wait(POLLRDHUP, &signal, limit);
  }

  bool is_readable() const override { return true; }
  bool is_writable() const override {
    pollfd entry{descriptor_, POLLRDHUP, 0};
    return ::poll(&entry, 1, 0) == 0;
  }
  ssize_t read(char* bytes, size_t size) override {
    if (begin_ == bytes_.size()) {
      if (wait(POLLIN, nullptr, read_limit) != Woken::by_socket) return -1;
      bytes_.resize(buffer_bytes);
      const ssize_t count = ::recv(descriptor_, bytes_.data(), bytes_.size(), MSG_DONTWAIT);
      bytes_.resize(count > 0 ? static_cast<size_t>(count) : 0);
      begin_ = 0;
      if (count <= 0) return count;
    }
    const size_t count = std::min(size, bytes_.size() - begin_);
    std::memcpy(bytes, bytes_.data() + begin_, count);
    begin_ += count;
    taken_ += count;
    return read_too_much() ? -1 : static_cast<ssize_t>(count);
  }
  ssize_t write(const char* bytes, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t count =
          ::send(descriptor_, bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) {
        done += static_cast<size_t>(count);
      } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        pollfd entry{descriptor_, POLLOUT, 0};
        if (::poll(&entry, 1, static_cast<int>(write_limit.count())) <= 0) return -1;
      } else if (count < 0 && errno != EINTR) {
        return -1;
      }
    }
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  ::socket_t socket() const override { return descriptor_; }

  // The request's body stays unread, so no other request can follow on this connection.
  void leave_body() { left_body_ = true; }
  bool left_body() const { return left_body_; }
  // After the answer: ends our side and takes a little of what still comes. Closed at once, the
  // connection would be reset and the answer lost on its way.
  void drain() {
    ::shutdown(descriptor_, SHUT_WR);
    const base::Microseconds end = base::steady_now() + drain_limit.count() * 1000;
    for (size_t taken = 0; taken < most_drained_bytes && base::steady_now() < end;) {
      if (wait(POLLIN, nullptr, milliseconds(100)) == Woken::by_stop) return;
      bytes_.resize(buffer_bytes);
      const ssize_t count = ::recv(descriptor_, bytes_.data(), bytes_.size(), MSG_DONTWAIT);
      if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) return;
      if (count > 0) taken += static_cast<size_t>(count);
    }
  }

 private:
  Woken wait(short events, const Signal* signal, milliseconds limit) const {
    std::array<pollfd, 3> entries{pollfd{descriptor_, events, 0},
                                  pollfd{stop_.descriptor(), POLLIN, 0},
                                  pollfd{signal != nullptr ? signal->descriptor() : -1, POLLIN, 0}};
    const base::Microseconds end = base::steady_now() + limit.count() * 1000;
    while (true) {
      const auto left = std::max<base::Microseconds>((end - base::steady_now() + 999) / 1000, 0);
      const int count = ::poll(entries.data(), entries.size(), static_cast<int>(left));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return Woken::by_time;
      if (entries[1].revents != 0) return Woken::by_stop;
      if (entries[2].revents != 0) return Woken::by_signal;
      return Woken::by_socket;
    }
  }

  int descriptor_;
  static constexpr size_t buffer_bytes = 16u << 10;
  const Signal& stop_;
  std::string bytes_;  // read, and from begin_ on not yet taken
  size_t begin_ = 0;
  size_t taken_ = 0, most_ = 0;  // bytes of this request
  std::shared_ptr<void> room_;
  bool open_ = true;
  bool left_body_ = false;
};

// The connection whose request this thread is answering.
thread_local Connection* current_connection = nullptr;

// ---- threads ----

// Runs each connection on a thread; threads are made as they are needed and kept.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (idle_ < tasks_.size() && threads_.size() < most_threads) {
      threads_.emplace_back([this] { work(); });
    }
    changed_.notify_one();
  }
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    threads_.clear();  // joins
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      changed_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
      --idle_;
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::jthread> threads_;
};

// Connections between requests. One thread waits for all of them and takes what comes; where it is
// a request the connection is handed over. Who is silent too long, or takes too long over a request
// that has begun, is closed, and of too many the one that has been silent longest.
class Idle {
 public:
  explicit Idle(std::function<void(int descriptor, std::string begun)> speaks)
      : speaks_(std::move(speaks)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        thread_([this](std::stop_token stop) { run(stop); }) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = wake_.descriptor()}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.descriptor(), &event);
  }
  ~Idle() { end(); }

  // Takes the descriptor, and what has come of its next request.
  void park(int descriptor, std::string begun) {
    os::Descriptor oldest;
    const std::lock_guard lock(mutex_);
    if (ended_) {
      ::close(descriptor);
      return;
    }
    if (parked_.size() >= most_idle_connections) oldest = os::Descriptor(take(order_.front()));
    order_.push_back(descriptor);
    begun_bytes_ += begun.size();
    parked_[descriptor] = {base::steady_now(), std::prev(order_.end()), std::move(begun)};
    epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.fd = descriptor}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
      ::close(take(descriptor));
    }
  }
  void end() {
    thread_.request_stop();
    wake_.raise();
    if (thread_.joinable()) thread_.join();
    const std::lock_guard lock(mutex_);
    ended_ = true;
    while (!order_.empty()) ::close(take(order_.front()));
  }

 private:
  struct Parked {
    base::Microseconds since = 0;  // it is silent; of a request that has begun, its first byte
    std::list<int>::iterator place;
    std::string begun;
  };

  // Out of the set, whose mutex is held.
  int take(int descriptor) {
    const auto found = parked_.find(descriptor);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
    order_.erase(found->second.place);
    begun_bytes_ -= found->second.begun.size();
    parked_.erase(found);
    return descriptor;
  }

  // Of one that can be read: whether it is to be handed over.
  bool speaks(int descriptor, Parked& parked) {
    const size_t before = parked.begun.size();
    const bool open = gather(descriptor, parked.begun);
    begun_bytes_ += parked.begun.size() - before;
    if (come(parked.begun) == Come::enough) return true;
    if (!open || come(parked.begun) == Come::too_much || begun_bytes_ > most_begun_bytes) {
      ::close(take(descriptor));
    } else if (before == 0) {
      parked.since = base::steady_now();
    }
    return false;
  }

  void close_late() {
    const base::Microseconds now = base::steady_now();
    if (now < next_look_) return;
    next_look_ = now + look_pause.count() * 1000;
    std::vector<int> late;
    for (const auto& [descriptor, parked] : parked_) {
      const milliseconds limit = parked.begun.empty() ? idle_limit : begun_limit;
      if (parked.since + limit.count() * 1000 < now) late.push_back(descriptor);
    }
    for (const int descriptor : late) ::close(take(descriptor));
  }

  void run(const std::stop_token& stop) {
    std::array<epoll_event, 64> events{};
    while (!stop.stop_requested()) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 1000);
      std::vector<std::pair<int, std::string>> speaking;
      {
        const std::lock_guard lock(mutex_);
        for (int index = 0; index < count; ++index) {
          const int descriptor = events[static_cast<size_t>(index)].data.fd;
          // One that was closed for want of room in between is no longer there.
          const auto found = parked_.find(descriptor);
          if (found == parked_.end() || !speaks(descriptor, found->second)) continue;
          std::string begun = found->second.begun;
          speaking.emplace_back(take(descriptor), std::move(begun));
        }
        close_late();
      }
      for (auto& [descriptor, begun] : speaking) speaks_(descriptor, std::move(begun));
    }
  }

  static constexpr milliseconds look_pause{500};
  const std::function<void(int, std::string)> speaks_;
  Signal wake_;
  os::Descriptor epoll_;
  std::mutex mutex_;
  std::list<int> order_;  // the longest parked first
  std::map<int, Parked> parked_;
  size_t begun_bytes_ = 0;
  base::Microseconds next_look_ = 0;
  bool ended_ = false;
  std::jthread thread_;  // last: it uses everything above
};

// httplib's server on a socket that was bound elsewhere.
class Listener final : public httplib::Server {
 public:
  Listener(os::Descriptor socket, const Signal& stop, bool tcp) : stop_(stop), tcp_(tcp) {
    svr_sock_ = socket.release();
    new_task_queue = [this] { return threads_ = new ConnectionThreads; };
    set_payload_max_length(most_media_bytes);
    set_keep_alive_max_count(10'000);
    set_keep_alive_timeout(static_cast<time_t>(idle_limit.count() / 1000));
  }
  ~Listener() override { end(); }
  void begin() {
    thread_ = std::jthread([this] { listen_after_bind(); });
    // stop() does nothing to a server that has not begun.
    while (!is_running()) std::this_thread::yield();
    idle_ = std::make_unique<Idle>([this](int descriptor, std::string begun) {
      threads_->enqueue([this, descriptor, begun = std::move(begun)]() mutable {
        serve(descriptor, std::move(begun));
      });
    });
    has_idle_ = true;
    has_idle_.notify_all();
  }
  void end() {
    if (!thread_.joinable()) return;
    // Before the threads, which end with the listening.
    idle_->end();
    stop();
    thread_.join();
  }

 private:
  bool process_and_close_socket(::socket_t socket) override {
    has_idle_.wait(false);
    if (tcp_) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    serve(socket, {});
    return true;
  }

  // Answers what has come; between requests the connection waits elsewhere.
  void serve(int socket, std::string begun) {
    Connection connection(socket, stop_, std::move(begun));
    current_connection = &connection;
    bool goes_on = true;
    while (goes_on && connection.has_request()) {
      bool closed = false;
      goes_on =
          process_request(connection, false, closed, nullptr) && !closed && !connection.left_body();
    }
    current_connection = nullptr;
    if (connection.left_body()) connection.drain();
    if (goes_on && connection.open()) {
      idle_->park(socket, connection.begun());
      return;
    }
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
  }

  const Signal& stop_;
  bool tcp_;
  ConnectionThreads* threads_ = nullptr;  // httplib's, from begin() to end()
  std::unique_ptr<Idle> idle_;
  std::atomic<bool> has_idle_ = false;
  std::jthread thread_;
};

// ---- streaming routes ----

// Text on its way from the thread that makes it to the connection's, which takes it; a slow reader
// makes the maker wait.
class Pipe {
 public:
  const Signal& ready() const { return ready_; }

  // False once the reader has gone.
  bool add(std::string_view text, const std::stop_token& stop) {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, stop, [&] { return text_.size() < most_waiting; });
      if (stop.stop_requested()) return false;
      any_ = true;
      text_ += text;
    }
    ready_.raise();
    return true;
  }
  // What came since the last call; empty if nothing.
  std::string take() {
    const std::lock_guard lock(mutex_);
    ready_.clear();
    room_.notify_all();
    return std::exchange(text_, {});
  }
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
    }
    ready_.raise();
  }
  void wake() { room_.notify_all(); }
  bool finished() {
    const std::lock_guard lock(mutex_);
    return finished_ && text_.empty();
  }
  // Whether it ended without a single byte.
  bool silent() {
    const std::lock_guard lock(mutex_);
    return finished_ && !any_;
  }

 private:
  static constexpr size_t most_waiting = 4u << 20;
  Signal ready_;
  std::mutex mutex_;
  std::condition_variable_any room_;
  std::string text_;
  bool any_ = false;
  bool finished_ = false;
};

// A call on a thread of its own, which the connection's thread reads from and may cancel. Who
// inherits cancels when it goes, and joins its thread.
class Piped {
 public:
  const Signal& ready() const { return pipe_.ready(); }
  void cancel() {
    stopping_.request_stop();
    pipe_.wake();
  }
  std::string take() { return pipe_.take(); }
  bool finished() { return pipe_.finished(); }

 protected:
  std::stop_token stop() const { return stopping_.get_token(); }
  Pipe pipe_;

 private:
  std::stop_source stopping_;
};

// One call of a streaming route. Its events are kept as the text of an
// event stream until the connection's thread takes them.
class Run : public Piped {
 public:
  Run(Application& application, Request request)
      : application_(application), request_(std::move(request)), thread_([this] {
          request_.stop = stop();
          response_ = application_.handle(
              request_,
              [this](std::string_view name, const json& data) { return add(name, data); });
          pipe_.finish();
        }) {}
  ~Run() { cancel(); }
  // Whether it ended without a single event.
  bool silent() { return pipe_.silent(); }
  // After it finished.
  const Response& response() const { return response_; }
  const std::string& result() const { return result_; }  // data of `done`

 private:
  bool add(std::string_view name, const json& data) {
    const std::string line = data.dump(-1, ' ', false, json::error_handler_t::replace);
    if (name == "done") result_ = line;
    std::string text = "event: ";
    text += name;
    text += "\ndata: " + line + "\n\n";
    return pipe_.add(text, stop());
  }

  Application& application_;
  Request request_;
  std::string result_;
  Response response_;
  std::jthread thread_;  // last: it uses everything above
};

// One call of another program.
class Relay final : public Piped, public ClientAnswer {
 public:
  Relay(Gateway& gateway, ClientRequest request)
      : gateway_(gateway), request_(std::move(request)), thread_([this] {
          request_.stop = stop();
          gateway_.handle(request_, *this);
        }) {}
  ~Relay() override { cancel(); }

  // Once it is known.
  std::optional<ClientHead> known_head() {
    const std::lock_guard lock(mutex_);
    return head_;
  }

 private:
  void head(ClientHead head) override {
    {
      const std::lock_guard lock(mutex_);
      head_ = std::move(head);
    }
    pipe_.ready().raise();
  }
  bool bytes(std::string_view piece) override { return pipe_.add(piece, stop()); }
  void end() override { pipe_.finish(); }

  Gateway& gateway_;
  ClientRequest request_;
  std::mutex mutex_;
  std::optional<ClientHead> head_;
  std::jthread thread_;  // last: it uses everything above
};

// ---- requests ----

base::Language language_of(const httplib::Request& request) {
  const std::string header = request.get_header_value("Accept-Language");
  double best = -1;
  std::string_view code = "en";
  for (const std::string_view range : base::split(header, ',')) {
    const std::string_view tag = base::trim(range.substr(0, range.find(';')));
    if (!tag.starts_with("es") && !tag.starts_with("en")) continue;
    double weight = 1;
    if (const size_t at = range.find("q="); at != std::string_view::npos) {
      weight = std::atof(std::string(range.substr(at + 2)).c_str());
    }
    if (weight > best) {
      best = weight;
      code = tag.substr(0, 2);
    }
  }
  return base::language_from_code(code);
}

std::string cookie(const httplib::Request& request, std::string_view name) {
  const std::string header = request.get_header_value("Cookie");
  for (const std::string_view pair : base::split(header, ';')) {
    const std::string_view trimmed = base::trim(pair);
    const size_t equals = trimmed.find('=');
    if (equals != std::string_view::npos && trimmed.substr(0, equals) == name) {
      return std::string(trimmed.substr(equals + 1));
    }
  }
  return {};
}

std::string bearer(const httplib::Request& request) {
  const std::string header = request.get_header_value("Authorization");
  constexpr std::string_view scheme = "Bearer ";
  return header.starts_with(scheme) ? header.substr(scheme.size()) : std::string();
}

// Of the API for other programs: OpenAI's header or Anthropic's.
std::string client_key(const httplib::Request& request) {
  const std::string key = bearer(request);
  return key.empty() ? request.get_header_value("x-api-key") : key;
}

bool is_loopback_host(std::string_view host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string name = base::lower_ascii(host.substr(0, colon));
  return name == "127.0.0.1" || name == "localhost" || name == "[::1]";
}

std::string_view content_type(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".webmanifest", "application/manifest+json"},
      {".md", "text/plain; charset=utf-8"},
      {".txt", "text/plain; charset=utf-8"}};
  for (const auto& [ending, type] : types) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

// "lar-B2x9_Qk1.js": the name changes with the bytes, so it may be kept for ever.
bool name_has_hash(std::string_view path) {
  const size_t dash = path.rfind('-'), dot = path.rfind('.');
  if (dash == std::string_view::npos || dot == std::string_view::npos || dot < dash + 9)
    return false;
  bool digit = false;
  for (const char character : path.substr(dash + 1, dot - dash - 1)) {
    if (std::isalnum(static_cast<unsigned char>(character)) == 0 && character != '_') return false;
    digit = digit || std::isdigit(static_cast<unsigned char>(character)) != 0;
  }
  return digit;
}

base::Result<std::string> read_or_make_key(const std::string& path) {
  constexpr size_t length = 43;  // 32 bytes in base64url without padding
  if (const auto kept = os::read_file(path, 4096)) {
    std::string key(base::trim(*kept));
    if (key.size() == length) {
      ::chmod(path.c_str(), 0600);
      return key;
    }
  }
  TRY_ASSIGN(std::string key, new_secret());
  TRY(os::write_file_atomically(path, key + "\n", 0600));
  return key;
}

// ---- sockets ----

base::Result<os::Descriptor> listen_tcp(int& port) {
  os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::string shown = "127.0.0.1:" + std::to_string(port);
  if (!socket.valid()) return base::fail_errno(errno, shown, "listening");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(socket.get(), 128) != 0) {
    if (errno == EADDRINUSE) {
      return base::fail(ErrorKind::busy, "serve.port_taken", {{"port", std::to_string(port)}});
    }
    return base::fail_errno(errno, shown, "listening");
  }
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return base::fail_errno(errno, shown, "listening");
  }
  port = ntohs(address.sin_port);
  return socket;
}

base::Result<os::Descriptor> listen_unix(const std::string& path, const SocketPath& reachable) {
  // The home's lock is ours, so a socket that lies there is of a lar that has died.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return base::fail_errno(errno, path, "removing");
  }
  os::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return base::fail_errno(errno, path, "listening");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (reachable.path.size() >= sizeof address.sun_path) {
    return base::fail_errno(ENAMETOOLONG, path, "listening");
  }
  std::memcpy(address.sun_path, reachable.path.data(), reachable.path.size());
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(socket.get(), 128) != 0) {
    return base::fail_errno(errno, path, "listening");
  }
  return socket;
}

// ---- the server ----

enum class Face { tcp, unix_socket };

class ServerImplementation final : public Server {
 public:
  ServerImplementation(Application& application, ServerOptions options)
      : application_(application), options_(std::move(options)) {}

  ~ServerImplementation() override {
    stop_.raise();
    tcp_.reset();
    unix_.reset();
    if (!socket_path_.empty()) ::unlink(socket_path_.c_str());
  }

  base::Status begin() {
    // A thousand idle connections are a thousand descriptors; the usual limit is 1,024.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
      files.rlim_cur = std::min<rlim_t>(files.rlim_max, 2 * most_idle_connections);
      ::setrlimit(RLIMIT_NOFILE, &files);
    }
    const std::string folder = options_.home + "/run";
    TRY(os::make_folders(folder));
    ::chmod(folder.c_str(), 0700);
    TRY_ASSIGN(key_, read_or_make_key(folder + "/key"));
    port_ = options_.port;
    TRY_ASSIGN(os::Descriptor tcp_socket, listen_tcp(port_));
    TRY_ASSIGN(const SocketPath reachable, server_socket(options_.home));
    TRY_ASSIGN(os::Descriptor unix_socket, listen_unix(folder + "/lar.sock", reachable));
    socket_path_ = folder + "/lar.sock";
    tcp_ = std::make_unique<Listener>(std::move(tcp_socket), stop_, true);
    unix_ = std::make_unique<Listener>(std::move(unix_socket), stop_, false);
    set_up(*tcp_, Face::tcp);
    set_up(*unix_, Face::unix_socket);
    tcp_->begin();
    unix_->begin();
    return {};
  }

  int port() const override { return port_; }
  std::string address() const override {
    return "http://127.0.0.1:" + std::to_string(port_) + "/?key=" + key_;
  }

 private:
  void set_up(Listener& listener, Face face) {
    listener.set_default_headers({{"Content-Security-Policy", security_policy},
                                  {"X-Content-Type-Options", "nosniff"},
                                  {"X-Frame-Options", "DENY"},
                                  {"Referrer-Policy", "no-referrer"},
                                  {"Cross-Origin-Opener-Policy", "same-origin"},
                                  {"Cross-Origin-Resource-Policy", "same-origin"}});
    // Requests without a body are answered here; the others after httplib has read their body,
    // which it does only for those who may ask.
    listener.set_pre_routing_handler(
        [this, face](const httplib::Request& in, httplib::Response& out) {
          using Outcome = httplib::Server::HandlerResponse;
          if (in.method == "GET" || in.method == "HEAD") {
            answer(face, in, out);
            return Outcome::Handled;
          }
          if (in.target.size() > most_target_bytes) {
            out.status = 414;
            refuse(in, out, 414, "api.too_long", {{"limit", std::to_string(most_target_bytes)}});
            return Outcome::Handled;
          }
          return refused_unread(face, in, out) ? Outcome::Handled : Outcome::Unhandled;
        });
    // Who asks before sending a body is told whether to.
    listener.set_expect_100_continue_handler(
        [this, face](const httplib::Request& in, httplib::Response& out) {
          return refused_unread(face, in, out) ? out.status : 100;
        });
    const auto all = [this, face](const httplib::Request& in, httplib::Response& out) {
      answer(face, in, out);
    };
    listener.Post(".*", all).Put(".*", all).Patch(".*", all).Delete(".*", all).Options(".*", all);
    // What httplib refuses by itself has no body yet.
    listener.set_error_handler([](const httplib::Request& in, httplib::Response& out) {
      if (!out.body.empty()) return;
      if (current_connection->read_too_much()) {
        current_connection->leave_body();
        out.status = 413;
      }
      if (out.status == 413) {
        refuse_as_asked(in, out, 413, "api.too_large",
                        {{"limit", std::to_string(most_body_bytes)}});
      } else {
        refuse(in, out, out.status, "api.bad_request", {});
      }
    });
  }

  static void refuse(const httplib::Request& in, httplib::Response& out, int status,
                     const char* code, base::Parameters parameters) {
    const base::Error error{status == 404 ? ErrorKind::not_found : ErrorKind::invalid_input,
                            code,
                            std::move(parameters),
                            {},
                            {}};
    out.status = status;
    out.set_header("Cache-Control", "no-store");
    out.set_content(error_json(error, language_of(in)).dump(), "application/json");
  }

  // In the form of the API that was asked.
  static void refuse_as_asked(const httplib::Request& in, httplib::Response& out, int status,
                              const char* code, base::Parameters parameters) {
    const std::string_view target = in.target;
    const std::string_view path = target.substr(0, target.find('?'));
    const base::ErrorKind kind = status == 403 ? ErrorKind::permission : ErrorKind::invalid_input;
    if (!Gateway::owns(path)) {
      refuse(in, out, status, code, std::move(parameters));
      return;
    }
    out.status = status;
    out.set_header("Cache-Control", "no-store");
    out.set_content(Gateway::refusal(path, in.has_header("anthropic-version"), status,
                                     {kind, code, std::move(parameters), {}, {}}, language_of(in)),
                    "application/json");
  }

  // Answers requests whose body is not worth reading: too large, or of somebody who may not ask.
  // Small bodies of strangers are read, as that keeps their connection.
  bool refused_unread(Face face, const httplib::Request& in, httplib::Response& out) {
    const std::string length = in.get_header_value("Content-Length");
    const bool chunked = in.has_header("Transfer-Encoding");
    const unsigned long long bytes = std::strtoull(length.c_str(), nullptr, 10);
    // Who waits for a word before sending a small body would hold a thread for it.
    const bool waits = in.has_header("Expect");
    if (!chunked && !waits && bytes <= most_strange_bytes) return false;
    const auto leave = [&] {
      current_connection->leave_body();
      out.set_header("Connection", "close");
      return true;
    };
    if (face == Face::tcp && !permitted(in, out)) return leave();
    const std::string_view target = in.target;
    const std::string_view path = target.substr(0, target.find('?'));
    Gateway* const gateway = application_.gateway();
    if (gateway != nullptr && Gateway::owns(path)) {
      const std::string key = client_key(in);
      if (face == Face::tcp && !same_secret(key, key_) && !gateway->knows(key)) {
        out.set_header("WWW-Authenticate", "Bearer");
        refuse_as_asked(in, out, 401, key.empty() ? "client.no_key" : "client.wrong_key", {});
        return leave();
      }
    } else if (face == Face::tcp && !has_key(in)) {
      out.set_header("WWW-Authenticate", "Bearer");
      refuse(in, out, 401, "api.no_key", {});
      return leave();
    }
    if (chunked) current_connection->read_at_most(most_body_bytes);
    if (bytes <= most_body_bytes) return false;
    const size_t most = Gateway::takes_media(path) ? most_media_bytes : most_body_bytes;
    if (bytes > most) {
      refuse_as_asked(in, out, 413, "api.too_large", {{"limit", std::to_string(most)}});
      return leave();
    }
    current_connection->hold(nullptr);  // of a client that asked before it sent
    auto room = media_room_.take(bytes);
    if (room == nullptr) {
      out.set_header("Retry-After", std::to_string(media_retry_seconds));
      refuse_as_asked(in, out, 429, "api.media_busy", {});
      return leave();
    }
    current_connection->hold(std::move(room));
    return false;
  }

  // Whether the request may come in at all; answers it if not.
  bool permitted(const httplib::Request& in, httplib::Response& out) const {
    const std::string host = in.get_header_value("Host");
    if (!is_loopback_host(host)) {
      refuse_as_asked(in, out, 403, "api.wrong_host", {});
      return false;
    }
    const std::string origin = in.get_header_value("Origin");
    const std::string site = in.get_header_value("Sec-Fetch-Site");
    const bool other_page = (!origin.empty() && origin != "http://" + host) ||
                            (!site.empty() && site != "same-origin" && site != "none");
    if (in.method != "GET" && in.method != "HEAD" && other_page) {
      refuse_as_asked(in, out, 403, "api.wrong_origin", {});
      return false;
    }
    return true;
  }

  bool has_key(const httplib::Request& in) const {
    const std::string key = bearer(in);
    return same_secret(key.empty() ? cookie(in, "lar_key") : key, key_);
  }

  void answer(Face face, const httplib::Request& in, httplib::Response& out) {
    if (face == Face::tcp && !permitted(in, out)) return;
    const std::string_view target = in.target;
    const std::string_view path = target.substr(0, target.find('?'));
    constexpr std::string_view base_path = "/api/v1";
    if (path.starts_with(base_path) && path.size() > base_path.size() &&
        path[base_path.size()] == '/') {
      if (face == Face::tcp && !has_key(in)) {
        out.set_header("WWW-Authenticate", "Bearer");
        refuse(in, out, 401, "api.no_key", {});
        return;
      }
      answer_api(in, out, std::string(path.substr(base_path.size())));
      return;
    }
    if (application_.gateway() != nullptr && Gateway::owns(path)) {
      answer_client(face, in, out, std::string(path));
      return;
    }
    if (face == Face::unix_socket || (in.method != "GET" && in.method != "HEAD")) {
      refuse(in, out, 404, "api.unknown_route",
             {{"method", in.method}, {"path", std::string(path)}});
      return;
    }
    if (path == "/" && in.has_param("key")) {
      exchange_key(in, out);
      return;
    }
    answer_page(in, out, base::percent_decode(path));
  }

  void answer_client(Face face, const httplib::Request& in, httplib::Response& out,
                     std::string path) {
    ClientRequest request;
    request.method = in.method;
    request.path = std::move(path);
    request.body = in.body;
    for (const auto& [name, part] : in.files) {
      request.form.push_back({name, part.content, part.filename, part.content_type});
    }
    request.key = client_key(in);
    // The cookie of the page opens nothing that acts: only what a browser shows.
    const bool looks = in.method == "GET" || in.method == "HEAD";
    if (face == Face::unix_socket || same_secret(request.key, key_) || (looks && has_key(in))) {
      request.from = ClientRequest::From::owner;
    }
    request.anthropic = in.has_header("anthropic-version");
    request.language = language_of(in);
    relay(out, std::make_shared<Relay>(*application_.gateway(), std::move(request)));
  }

  static void relay(httplib::Response& out, const std::shared_ptr<Relay>& relay) {
    Connection* const connection = current_connection;
    std::string body;
    std::optional<ClientHead> head;
    // A whole answer is sent when all of it is there, a stream from its first byte on.
    while (!(head = relay->known_head()) || (!head->streamed && !relay->finished())) {
      const Woken woken = connection->wait_for(relay->ready(), idle_limit);
      head = relay->known_head();
      if (woken == Woken::by_socket || woken == Woken::by_stop || (!head && relay->finished())) {
        relay->cancel();
        out.status = 499;
        return;
      }
      if (woken == Woken::by_signal && head && !head->streamed) body += relay->take();
    }
    out.status = head->status;
    out.set_header("Cache-Control", "no-store");
    for (const auto& [name, value] : head->headers) out.set_header(name, value);
    if (!head->streamed) {
      out.set_content(body, head->content_type);
      return;
    }
    out.set_header("X-Accel-Buffering", "no");
    out.set_chunked_content_provider(head->content_type, [relay, connection](
                                                             size_t, httplib::DataSink& sink) {
      const Woken woken = connection->wait_for(relay->ready(), idle_limit);
      if (woken == Woken::by_time) return true;
      const std::string text = woken == Woken::by_signal ? relay->take() : std::string();
      if (woken != Woken::by_signal || (!text.empty() && !sink.write(text.data(), text.size()))) {
        relay->cancel();
        return false;
      }
      if (relay->finished()) sink.done();
      return true;
    });
  }

  void exchange_key(const httplib::Request& in, httplib::Response& out) const {
    if (!same_secret(in.get_param_value("key"), key_)) {
      refuse(in, out, 401, "api.no_key", {});
      return;
    }
    // Four hundred days: the longest a browser keeps a cookie.
    out.set_header("Set-Cookie",
                   "lar_key=" + key_ + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=34560000");
    out.set_header("Cache-Control", "no-store");
    out.set_redirect("/", 303);
  }

  static void answer_page(const httplib::Request& in, httplib::Response& out, std::string path) {
    path = path == "/" ? "index.html" : path.substr(1);
    for (const embedded::File& file : embedded::page()) {
      if (file.path != path) continue;
      const std::string tag = "\"" + os::sha256(file.bytes).substr(0, 32) + "\"";
      out.set_header("ETag", tag);
      out.set_header("Cache-Control",
                     name_has_hash(path) ? "public, max-age=31536000, immutable" : "no-cache");
      if (in.get_header_value("If-None-Match") == tag) {
        out.status = 304;
        return;
      }
      out.status = 200;
      out.set_content(file.bytes.data(), file.bytes.size(), std::string(content_type(path)));
      return;
    }
    refuse(in, out, 404, "api.unknown_route", {{"method", in.method}, {"path", "/" + path}});
  }

  void answer_api(const httplib::Request& in, httplib::Response& out, std::string path) {
    Request request;
    request.method = in.method == "HEAD" ? "GET" : in.method;
    request.path = std::move(path);
    for (const auto& [name, value] : in.params) request.query.emplace(name, value);
    request.body = in.body;
    request.language = language_of(in);
    out.set_header("Cache-Control", "no-store");
    if (!application_.streams(request)) {
      write(out, application_.handle(request, [](std::string_view, const json&) { return false; }));
      return;
    }
    if (in.method == "HEAD") {
      refuse(in, out, 405, "api.unknown_route", {{"method", "HEAD"}, {"path", request.path}});
      return;
    }
    const std::string accept = in.get_header_value("Accept");
    const bool wants_events = accept.find("application/json") == std::string::npos ||
                              accept.find("text/event-stream") != std::string::npos;
    stream(out, std::make_shared<Run>(application_, std::move(request)), wants_events);
  }

  static void write(httplib::Response& out, const Response& response) {
    out.status = response.status;
    if (!response.file_name.empty()) {
      out.set_header("Content-Disposition",
                     "attachment; filename*=UTF-8''" + base::percent_encode(response.file_name));
    }
    out.set_content(response.body, response.content_type);
  }

  static void stream(httplib::Response& out, const std::shared_ptr<Run>& run, bool wants_events) {
    Connection* const connection = current_connection;
    Woken woken = Woken::by_time;
    if (wants_events) {
      woken = connection->wait_for(run->ready(), first_event_limit);
    } else {
      while (!run->finished()) {
        woken = connection->wait_for(run->ready(), idle_limit);
        if (woken == Woken::by_socket || woken == Woken::by_stop) break;
        if (woken == Woken::by_signal) run->take();
      }
    }
    if (woken == Woken::by_socket || woken == Woken::by_stop) {
      run->cancel();
      out.status = 499;
      return;
    }
    if (run->silent() || (!wants_events && run->response().status >= 400)) {
      write(out, run->response());
      return;
    }
    if (!wants_events) {
      write(out, {200, "application/json", run->result(), {}});
      return;
    }
    out.set_header("X-Accel-Buffering", "no");
    out.set_chunked_content_provider(
        "text/event-stream", [run, connection](size_t, httplib::DataSink& sink) {
          switch (connection->wait_for(run->ready(), keep_alive_pause)) {
            case Woken::by_socket:
            case Woken::by_stop:
              run->cancel();
              return false;
            case Woken::by_time:
              return sink.write(": still here\n\n", 14);
            case Woken::by_signal:
              break;
          }
          std::string text = run->take();
          const bool last = run->finished();
          if (last && run->response().status >= 400) {
            text += "event: error\ndata: " + run->response().body + "\n\n";
          }
          if (!text.empty() && !sink.write(text.data(), text.size())) {
            run->cancel();
            return false;
          }
          if (last) sink.done();
          return true;
        });
  }

  Application& application_;
  ServerOptions options_;
  std::string key_;
  int port_ = 0;
  std::string socket_path_;
  Signal stop_;
  MediaRoom media_room_;
  std::unique_ptr<Listener> tcp_, unix_;
};

}  // namespace

base::Result<std::unique_ptr<Server>> Server::start(Application& application,
                                                    ServerOptions options) {
  auto server = std::make_unique<ServerImplementation>(application, std::move(options));
  TRY(server->begin());
  return std::unique_ptr<Server>(std::move(server));
}

base::Result<SocketPath> server_socket(const std::string& home) {
  SocketPath result;
  result.path = home + "/run/lar.sock";
  if (result.path.size() < sizeof(sockaddr_un::sun_path)) return result;
  result.folder = os::Descriptor(::open((home + "/run").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!result.folder.valid()) return base::fail_errno(errno, home + "/run", "opening");
  result.path = "/proc/self/fd/" + std::to_string(result.folder.get()) + "/lar.sock";
  return result;
}

}  // namespace lar::api
