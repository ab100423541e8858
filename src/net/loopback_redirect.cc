#include "net/loopback_redirect.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/clock.h"
#include "base/percent.h"
#include "base/text.h"
#include "os/file.h"

namespace lar::net {

using base::ErrorKind;
using base::Microseconds;
using base::Result;

namespace {

constexpr std::size_t longest_line = 8192;
constexpr int look_around = 200;       // ms between looks whether it is still wanted
constexpr int longest_silence = 2000;  // ms for a request's first line

// Of a query, where a plus is a space (application/x-www-form-urlencoded).
std::string decoded(std::string_view text) {
  return base::percent_decode(base::replace_all(text, "+", " "));
}

// "GET /lar?code=…&state=… HTTP/1.1" → its query; nothing for any other request.
std::optional<std::map<std::string, std::string>> query_in(std::string_view line) {
  constexpr std::string_view wanted = "GET /lar?";
  if (!line.starts_with(wanted)) return std::nullopt;
  line.remove_prefix(wanted.size());
  std::string_view rest = line.substr(0, line.find(' '));
  std::map<std::string, std::string> query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    query.emplace(decoded(pair.substr(0, equals)), decoded(pair.substr(equals + 1)));
  }
  return query;
}

std::string first_line(int connection) {
  std::string bytes;
  while (bytes.size() < longest_line) {
    pollfd ready{connection, POLLIN, 0};
    if (::poll(&ready, 1, longest_silence) <= 0) break;
    char piece[2048];
    const ssize_t count = ::recv(connection, piece, sizeof piece, 0);
    if (count <= 0) break;
    bytes.append(piece, static_cast<std::size_t>(count));
    if (bytes.find('\n') != std::string::npos) break;
  }
  return bytes.substr(0, bytes.find_first_of("\r\n"));
}

void answer(int connection, const char* status, const std::string& page) {
  const std::string text = std::string("HTTP/1.1 ") + status +
                           "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: " +
                           std::to_string(page.size()) +
                           "\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
                           "Connection: close\r\n\r\n" +
                           page;
  (void)::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

class Redirect final : public LoopbackRedirect {
 public:
  Redirect(os::Descriptor socket, int port) : socket_(std::move(socket)), port_(port) {}

  std::string address() const override {
    return "http://127.0.0.1:" + std::to_string(port_) + "/lar";
  }

  Result<std::map<std::string, std::string>> wait(const std::string& state, const std::string& page,
                                                  std::chrono::seconds limit,
                                                  std::stop_token stop) override {
    const Microseconds end = base::steady_now() + limit.count() * base::one_second;
    while (base::steady_now() < end) {
      if (stop.stop_requested()) return base::fail(ErrorKind::cancelled, "cancelled");
      pollfd ready{socket_.get(), POLLIN, 0};
      if (::poll(&ready, 1, look_around) <= 0) continue;
      const os::Descriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection.valid()) continue;
      auto query = query_in(first_line(connection.get()));
      if (!query || (*query)["state"] != state) {
        answer(connection.get(), "404 Not Found", "");
        continue;
      }
      answer(connection.get(), "200 OK", page);
      return std::move(*query);
    }
    return base::fail(ErrorKind::timeout, "net.timeout", {{"host", "127.0.0.1"}});
  }

 private:
  os::Descriptor socket_;
  int port_;
};

}  // namespace

Result<std::unique_ptr<LoopbackRedirect>> LoopbackRedirect::open() {
  os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return base::fail_errno(errno, "127.0.0.1", "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof address) != 0 || ::listen(socket.get(), 8) != 0 ||
      ::getsockname(socket.get(), generic, &size) != 0) {
    return base::fail_errno(errno, "127.0.0.1", "listen");
  }
  return std::make_unique<Redirect>(std::move(socket), ntohs(address.sin_port));
}

}  // namespace lar::net
