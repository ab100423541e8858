// The client against small servers of this test: what it sends, how it stops, whom it refuses.
#include "net/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include "base/clock.h"

namespace lar::net {
namespace {
using namespace std::chrono_literals;

// Takes connections one after the other and hands each to `serve`, until destroyed.
class Server {
 public:
  enum class On { unix_socket, loopback };
  Server(On where, std::function<void(int connection, std::stop_token)> serve)
      : serve_(std::move(serve)) {
    if (where == On::unix_socket) {
      std::string folder = (std::filesystem::temp_directory_path() / "lar-net-XXXXXX").string();
      EXPECT_NE(mkdtemp(folder.data()), nullptr);
      folder_ = folder;
      path = folder + "/s.sock";
      listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
      EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    } else {
      listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t length = sizeof address;
      EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
      port = ntohs(address.sin_port);
    }
    EXPECT_EQ(listen(listener_, 16), 0);
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
  }
  ~Server() {
    thread_.request_stop();
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  std::string path;
  int port = 0;
  std::atomic<int> connections = 0;

 private:
  void run(std::stop_token stop) {
    while (!stop.stop_requested()) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      ++connections;
      serve_(connection, stop);
      close(connection);
    }
  }
  std::function<void(int, std::stop_token)> serve_;
  std::string folder_;
  int listener_ = -1;
  std::jthread thread_;
};

// Reads one request: its head, and as much body as Content-Length says.
std::string read_request(int connection) {
  std::string text;
  char piece[4096];
  while (true) {
    const size_t head = text.find("\r\n\r\n");
    if (head != std::string::npos) {
      const size_t field = text.find("Content-Length: ");
      const size_t length = field == std::string::npos ? 0 : std::stoul(text.substr(field + 16));
      if (text.size() >= head + 4 + length) return text;
    }
    const ssize_t count = read(connection, piece, sizeof piece);
    if (count <= 0) return text;
    text.append(piece, static_cast<size_t>(count));
  }
}
void write_all(int connection, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    text.remove_prefix(static_cast<size_t>(count));
  }
}
// Waits until the other side closes or the test ends.
bool wait_for_close(int connection, std::stop_token stop) {
  while (!stop.stop_requested()) {
    pollfd entry{connection, POLLIN, 0};
    if (poll(&entry, 1, 20) > 0) {
      char byte = 0;
      if (read(connection, &byte, 1) <= 0) return true;
    }
  }
  return false;
}

TEST(HttpClient, a_post_over_a_unix_socket_arrives_whole_and_its_answer_comes_back) {
  std::string seen;
  Server server(Server::On::unix_socket, [&](int connection, std::stop_token) {
    seen = read_request(connection);
    write_all(connection,
              "HTTP/1.1 201 Created\r\nX-Note:  two words \r\nContent-Length: 5\r\n\r\nhello");
  });
  HttpRequest request;
  request.method = "POST";
  request.url = "http://engine/v1/things?x=1";
  request.unix_socket = server.path;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = std::string("{\"a\":\0}", 7);
  const auto response = HttpClient(local_only()).send(request);
  ASSERT_TRUE(response) << response.error().describe();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->header("x-note"), "two words");
  EXPECT_EQ(seen.substr(0, 27), "POST /v1/things?x=1 HTTP/1.");
  EXPECT_NE(seen.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_EQ(seen.find("Expect:"), std::string::npos);
  EXPECT_EQ(seen.substr(seen.find("\r\n\r\n") + 4), request.body);
}

TEST(HttpClient, every_piece_of_a_streamed_body_is_given_as_it_comes) {
  std::promise<void> first_seen;
  Server server(Server::On::loopback, [&](int connection, std::stop_token) {
    read_request(connection);
    write_all(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    first_seen.get_future().wait_for(5s);  // the rest only once the first piece was delivered
    write_all(connection, "3\r\ntwo\r\n0\r\n\r\n");
  });
  HttpRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(server.port) + "/";
  std::string got;
  const auto response =
      HttpClient(local_only()).send(request, {}, [&](int status, std::string_view piece) {
        EXPECT_EQ(status, 200);
        if (got.empty()) first_seen.set_value();
        got += piece;
        return Flow::go_on;
      });
  ASSERT_TRUE(response) << response.error().describe();
  EXPECT_EQ(got, "onetwo");
  EXPECT_TRUE(response->body.empty());
}

TEST(HttpClient, a_stop_request_ends_the_call_and_the_connection_within_fifty_milliseconds) {
  std::promise<bool> closed;
  Server server(Server::On::unix_socket, [&](int connection, std::stop_token stop) {
    read_request(connection);
    closed.set_value(wait_for_close(connection, stop));
  });
  HttpRequest request;
  request.url = "http://engine/";
  request.unix_socket = server.path;
  std::stop_source stop;
  std::atomic<base::Microseconds> asked = 0;
  std::jthread canceller([&] {
    while (server.connections == 0) std::this_thread::yield();
    asked = base::steady_now();
    stop.request_stop();
  });
  const auto response = HttpClient(local_only()).send(request, stop.get_token());
  const auto took = base::steady_now() - asked;
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, "cancelled");
  EXPECT_LT(took, 50'000);
  EXPECT_TRUE(closed.get_future().get());
}

TEST(HttpClient, a_reader_that_has_had_enough_ends_the_exchange_without_error) {
  Server server(Server::On::unix_socket, [&](int connection, std::stop_token stop) {
    read_request(connection);
    write_all(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    wait_for_close(connection, stop);
  });
  HttpRequest request;
  request.url = "http://engine/";
  request.unix_socket = server.path;
  const auto response =
      HttpClient(local_only()).send(request, {}, [](int, std::string_view) { return Flow::stop; });
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
}

TEST(HttpClient, silence_and_slowness_each_have_their_limit) {
  Server server(Server::On::unix_socket, [&](int connection, std::stop_token stop) {
    read_request(connection);
    write_all(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    wait_for_close(connection, stop);
  });
  HttpRequest request;
  request.url = "http://engine/";
  request.unix_socket = server.path;
  request.silence_limit = 80ms;
  auto response = HttpClient(local_only()).send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, "net.timeout");
  request.silence_limit = 0ms;
  request.deadline = 80ms;
  response = HttpClient(local_only()).send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, "net.timeout");
}

TEST(HttpClient, a_connection_that_breaks_mid_answer_is_an_error_not_a_short_answer) {
  Server server(Server::On::unix_socket, [&](int connection, std::stop_token) {
    read_request(connection);
    write_all(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
  });
  HttpRequest request;
  request.url = "http://engine/";
  request.unix_socket = server.path;
  const auto response = HttpClient(local_only()).send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, "net.broken");
}

TEST(HttpClient, a_body_beyond_its_limit_is_dropped) {
  Server server(Server::On::unix_socket, [&](int connection, std::stop_token) {
    read_request(connection);
    write_all(connection,
              "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  });
  HttpRequest request;
  request.url = "http://engine/";
  request.unix_socket = server.path;
  request.body_limit = 999;
  const auto response = HttpClient(local_only()).send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, "net.too_large");
}

TEST(HttpClient, nobody_at_the_socket_is_unreachable) {
  HttpRequest request;
  request.url = "http://engine/";
  request.unix_socket = "/nonexistent/engine.sock";
  const auto response = HttpClient(local_only()).send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, "net.unreachable");
}

TEST(HttpClient, other_machines_are_refused_before_they_are_looked_up) {
  for (const char* url :
       {"http://example.org/", "https://192.0.2.7/", "http://[2001:db8::1]:80/", "http://0.0.0.0/",
        "http://127.0.0.1.example.org/", "http://128.0.0.1/", "http://user:x@example.org/"}) {
    HttpRequest request;
    request.url = url;
    const auto response = HttpClient(local_only()).send(request);
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code, "net.refused") << url;
  }
}

TEST(HttpClient, a_name_that_resolves_elsewhere_than_it_says_is_refused_at_the_socket) {
  // A policy that lets every name through but no address stands for a name that smuggles.
  class NamesOnly : public ConnectionPolicy {
   public:
    bool permits_name(std::string_view) const override { return true; }
    bool permits_address(std::string_view, const Address& address) const override {
      return address.family == AddressFamily::unix_socket;
    }
  };
  Server server(Server::On::loopback,
                [](int connection, std::stop_token) { read_request(connection); });
  HttpRequest request;
  request.url = "http://localhost:" + std::to_string(server.port) + "/";
  const NamesOnly policy;
  const auto response = HttpClient(policy).send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, "net.refused");
  EXPECT_EQ(server.connections, 0);
}

TEST(HttpClient, a_proxy_in_the_environment_and_a_redirect_are_not_followed) {
  Server server(Server::On::loopback, [](int connection, std::stop_token) {
    read_request(connection);
    write_all(connection,
              "HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\nContent-Length: 0\r\n\r\n");
  });
  setenv("http_proxy", "http://192.0.2.7:3128", 1);
  HttpRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(server.port) + "/";
  const auto response = HttpClient(local_only()).send(request);
  unsetenv("http_proxy");
  ASSERT_TRUE(response) << response.error().describe();
  EXPECT_EQ(response->status, 302);
}

TEST(HttpClient, only_http_addresses_are_taken) {
  for (const char* url : {"file:///etc/hostname", "ftp://127.0.0.1/", "", "127.0.0.1", "http://"}) {
    HttpRequest request;
    request.url = url;
    const auto response = HttpClient(local_only()).send(request);
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code, "net.bad_address") << url;
  }
}

TEST(ConnectionPolicy, loopback_is_told_from_everything_else) {
  const auto v4 = [](const char* text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(80);
    inet_pton(AF_INET, text, &address.sin_addr);
    return address_of(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  const auto v6 = [](const char* text) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    inet_pton(AF_INET6, text, &address.sin6_addr);
    return address_of(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  EXPECT_TRUE(local_only().permits_address({}, v4("127.0.0.1")));
  EXPECT_TRUE(local_only().permits_address({}, v4("127.255.255.254")));
  EXPECT_FALSE(local_only().permits_address({}, v4("126.0.0.1")));
  EXPECT_FALSE(local_only().permits_address({}, v4("0.0.0.0")));
  EXPECT_FALSE(local_only().permits_address({}, v4("192.168.1.10")));
  EXPECT_TRUE(local_only().permits_address({}, v6("::1")));
  EXPECT_TRUE(local_only().permits_address({}, v6("::ffff:127.0.0.1")));
  EXPECT_FALSE(local_only().permits_address({}, v6("::ffff:10.0.0.1")));
  EXPECT_FALSE(local_only().permits_address({}, v6("::")));
  EXPECT_FALSE(local_only().permits_address({}, v6("fe80::1")));
  EXPECT_EQ(v4("127.0.0.1").port, 80);
  EXPECT_FALSE(local_only().permits_address({}, Address{}));
}

}  // namespace
}  // namespace lar::net
