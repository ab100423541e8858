// The two sockets in front of an application that stands still, counts and fails as it is told.
#include "api/server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "net/event_stream.h"
#include "net/http_client.h"

namespace lar::api {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Answers what a test needs: /status at once, /wait when it is stopped, /late with an error after
// an event, /flood with a great many events.
class FakeApplication final : public Application {
 public:
  bool streams(const Request& request) const override {
    return request.path == "/wait" || request.path == "/late" || request.path == "/refuse" ||
           request.path == "/ask" || request.path == "/flood";
  }
  Response handle(const Request& request, const EventSink& sink) override {
    if (request.path == "/wait") {
      sink("begun", json::object());
      std::unique_lock lock(mutex_);
      stopped_at = 0;
      changed_.wait(lock, request.stop, [] { return false; });
      stopped_at = base::steady_now();
      return {};
    }
    if (request.path == "/late") {
      sink("begun", json::object());
      return {503, "application/json", R"({"error":{"code":"engine.died"}})", {}};
    }
    if (request.path == "/refuse") {
      return {404, "application/json", R"({"error":{"code":"item.unknown"}})", {}};
    }
    if (request.path == "/ask") {
      sink("claim", {{"text", "one"}});
      sink("done", {{"answer", "whole"}});
      return {};
    }
    if (request.path == "/flood") {
      const std::string filler(10'000, 'x');
      for (int number = 0; number < 2'000; ++number) {
        if (!sink("piece", {{"number", number}, {"filler", filler}})) return {};
        sent = number + 1;
      }
      return {};
    }
    return {200,
            "application/json",
            json{{"path", request.path},
                 {"method", request.method},
                 {"query", request.query},
                 {"body", request.body},
                 {"language", base::language_code(request.language)}}
                .dump(),
            {}};
  }
  void shut_down() override {}

  std::atomic<base::Microseconds> stopped_at{0};
  std::atomic<int> sent{0};

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
};

class Serving : public ::testing::Test {
 protected:
  void SetUp() override {
    home_ = fs::temp_directory_path() / ("lar-serve-" + std::to_string(::getpid()));
    fs::remove_all(home_);
    start();
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(home_);
  }
  void start() {
    auto started = Server::start(application_, {home_.string(), 0});
    ASSERT_TRUE(started) << started.error().describe();
    server_ = std::move(*started);
    const std::string address = server_->address();
    key_ = address.substr(address.find("key=") + 4);
  }
  net::HttpRequest request(const std::string& path, std::string method = "GET") const {
    net::HttpRequest result;
    result.method = std::move(method);
    result.url = "http://127.0.0.1:" + std::to_string(server_->port()) + path;
    result.headers = {{"Authorization", "Bearer " + key_}};
    result.deadline = std::chrono::milliseconds(20'000);
    return result;
  }
  net::HttpResponse send(const net::HttpRequest& request) const {
    const auto response = client_.send(request);
    EXPECT_TRUE(response) << response.error().describe();
    return response ? *response : net::HttpResponse{};
  }

  fs::path home_;
  FakeApplication application_;
  std::unique_ptr<Server> server_;
  std::string key_;
  net::HttpClient client_{net::local_only()};
};

TEST_F(Serving, the_api_needs_the_key) {
  net::HttpRequest without = request("/api/v1/status");
  without.headers.clear();
  EXPECT_EQ(send(without).status, 401);
  EXPECT_EQ(json::parse(send(without).body)["error"]["code"], "api.no_key");
  net::HttpRequest wrong = without;
  wrong.headers = {{"Authorization", "Bearer " + std::string(key_.size(), 'x')}};
  EXPECT_EQ(send(wrong).status, 401);
  wrong.headers = {{"Cookie", "lar_key=" + key_.substr(1)}};
  EXPECT_EQ(send(wrong).status, 401);
  wrong.headers = {{"Cookie", "other=1; lar_key=" + key_}};
  EXPECT_EQ(send(wrong).status, 200);
  EXPECT_EQ(send(request("/api/v1/status")).status, 200);
}

TEST_F(Serving, the_key_is_exchanged_for_a_cookie_and_leaves_the_address) {
  net::HttpRequest exchange = request("/?key=" + key_);
  exchange.headers.clear();
  const net::HttpResponse response = send(exchange);
  EXPECT_EQ(response.status, 303);
  EXPECT_EQ(response.header("location"), "/");
  const std::string cookie(response.header("set-cookie"));
  EXPECT_NE(cookie.find("lar_key=" + key_), std::string::npos);
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(cookie.find("SameSite=Strict"), std::string::npos);
  exchange.url.back() = exchange.url.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(send(exchange).status, 401);
  EXPECT_TRUE(send(exchange).header("set-cookie").empty());
}

TEST_F(Serving, the_key_is_private_and_survives_a_restart) {
  struct stat status{};
  ASSERT_EQ(::stat((home_ / "run/key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat((home_ / "run/lar.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(key_.size(), 43U);
  const std::string before = key_;
  server_.reset();
  EXPECT_FALSE(fs::exists(home_ / "run/lar.sock"));
  start();
  EXPECT_EQ(key_, before);
}

TEST_F(Serving, other_hosts_and_other_pages_are_refused) {
  net::HttpRequest strange = request("/api/v1/status");
  strange.headers.emplace_back("Host", "evil.example:7171");
  EXPECT_EQ(send(strange).status, 403);
  EXPECT_EQ(json::parse(send(strange).body)["error"]["code"], "api.wrong_host");
  net::HttpRequest page = request("/");
  page.headers = {{"Host", "evil.example"}};
  EXPECT_EQ(send(page).status, 403);
  net::HttpRequest post = request("/api/v1/status", "POST");
  post.body = "{}";
  post.headers.emplace_back("Origin", "http://evil.example");
  EXPECT_EQ(send(post).status, 403);
  post.headers.back().second = "null";
  EXPECT_EQ(send(post).status, 403);
  post.headers.back().second = "http://127.0.0.1:" + std::to_string(server_->port() + 1);
  EXPECT_EQ(send(post).status, 403);
  post.headers.back().second = "http://127.0.0.1:" + std::to_string(server_->port());
  EXPECT_EQ(send(post).status, 200);
  post.headers.back() = {"Sec-Fetch-Site", "cross-site"};
  EXPECT_EQ(send(post).status, 403);
}

TEST_F(Serving, the_page_comes_with_a_strict_policy) {
  const net::HttpResponse response = send(request("/"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "text/html; charset=utf-8");
  const std::string policy(response.header("content-security-policy"));
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(response.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(response.header("referrer-policy"), "no-referrer");
  net::HttpRequest again = request("/");
  again.headers.emplace_back("If-None-Match", std::string(response.header("etag")));
  EXPECT_EQ(send(again).status, 304);
  EXPECT_EQ(send(request("/../../etc/passwd")).status, 404);
  EXPECT_EQ(send(request("/nothing.js")).status, 404);
}

TEST_F(Serving, paths_queries_bodies_and_language_arrive) {
  net::HttpRequest get = request("/api/v1/items/a%2Fb%20c?q=caf%C3%A9+con&limit=3");
  get.headers.emplace_back("Accept-Language", "fr, es;q=0.8, en;q=0.5");
  json seen = json::parse(send(get).body);
  EXPECT_EQ(seen["path"], "/items/a%2Fb%20c");
  EXPECT_EQ(seen["query"]["q"], "café con");
  EXPECT_EQ(seen["query"]["limit"], "3");
  EXPECT_EQ(seen["language"], "es");
  net::HttpRequest post = request("/api/v1/echo", "POST");
  post.body = R"({"a": "ñ"})";
  post.headers.emplace_back("Content-Type", "application/json");
  EXPECT_EQ(json::parse(send(post).body)["body"], post.body);
}

TEST_F(Serving, a_body_beyond_the_limit_is_refused) {
  net::HttpRequest post = request("/api/v1/echo", "POST");
  post.headers.emplace_back("Content-Type", "application/json");
  post.body = std::string((8u << 20) + 1, ' ');
  const net::HttpResponse response = send(post);
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(json::parse(response.body)["error"]["code"], "api.too_large");
}

TEST_F(Serving, events_stream_and_a_late_failure_is_an_event) {
  net::HttpRequest post = request("/api/v1/late", "POST");
  post.body = "{}";
  post.headers.emplace_back("Accept-Encoding", "gzip, br");
  const net::HttpResponse response = send(post);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "text/event-stream");
  EXPECT_EQ(response.header("content-encoding"), "");
  std::vector<std::string> names;
  net::EventStream events;
  ASSERT_TRUE(events.feed(response.body, [&](const net::Event& event) {
    names.push_back(event.name);
    return true;
  }));
  EXPECT_EQ(names, (std::vector<std::string>{"begun", "error"}));
}

TEST_F(Serving, a_failure_at_once_keeps_its_status) {
  net::HttpRequest post = request("/api/v1/refuse", "POST");
  post.body = "{}";
  EXPECT_EQ(send(post).status, 404);
}

TEST_F(Serving, who_wants_json_gets_the_last_event_as_json) {
  net::HttpRequest post = request("/api/v1/ask", "POST");
  post.body = "{}";
  post.headers.emplace_back("Accept", "application/json");
  const net::HttpResponse response = send(post);
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(json::parse(response.body)["answer"], "whole");
}

TEST_F(Serving, a_client_that_goes_away_cancels_within_300_ms) {
  for (const char* accept : {"text/event-stream", "application/json"}) {
    net::HttpRequest post = request("/api/v1/wait", "POST");
    post.body = "{}";
    post.headers.emplace_back("Accept", accept);
    std::stop_source stop;
    application_.stopped_at = -1;
    std::jthread client([&] { (void)client_.send(post, stop.get_token()); });
    while (application_.stopped_at != 0) std::this_thread::yield();
    const base::Microseconds left = base::steady_now();
    stop.request_stop();
    while (application_.stopped_at == 0 && base::steady_now() - left < 5'000'000) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_GT(application_.stopped_at, 0) << accept;
    EXPECT_LT(application_.stopped_at - left, 300'000) << accept;
  }
}

TEST_F(Serving, a_slow_reader_makes_the_route_wait_and_loses_nothing) {
  net::HttpRequest post = request("/api/v1/flood", "POST");
  post.body = "{}";
  size_t bytes = 0;
  int events_seen = 0;
  bool looked = false;
  net::EventStream events;
  const auto response = client_.send(post, {}, [&](int, std::string_view piece) {
    if (!looked) {
      looked = true;
      const int before = application_.sent;
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      EXPECT_LT(application_.sent, 2'000) << "everything was taken although nobody read";
      EXPECT_GE(application_.sent, before);
    }
    bytes += piece.size();
    (void)events.feed(piece, [&](const net::Event&) {
      ++events_seen;
      return true;
    });
    return net::Flow::go_on;
  });
  ASSERT_TRUE(response) << response.error().describe();
  EXPECT_EQ(events_seen, 2'000);
}

TEST_F(Serving, stopping_ends_streams_and_idle_connections_at_once) {
  net::HttpRequest post = request("/api/v1/wait", "POST");
  post.body = "{}";
  application_.stopped_at = -1;
  std::jthread client([&] { (void)client_.send(post); });
  while (application_.stopped_at != 0) std::this_thread::yield();
  const base::Microseconds before = base::steady_now();
  server_.reset();
  EXPECT_LT(base::steady_now() - before, 1'000'000);
  EXPECT_GT(application_.stopped_at, 0);
}

TEST_F(Serving, the_unix_socket_needs_no_key_and_has_no_page) {
  net::HttpRequest get;
  get.url = "http://lar/api/v1/status";
  get.unix_socket = (home_ / "run/lar.sock").string();
  EXPECT_EQ(send(get).status, 200);
  get.url = "http://lar/";
  EXPECT_EQ(send(get).status, 404);
}

TEST_F(Serving, a_home_with_a_long_path_is_reached_too) {
  const fs::path deep = home_ / std::string(120, 'd');
  auto started = Server::start(application_, {deep.string(), 0});
  ASSERT_TRUE(started) << started.error().describe();
  const auto socket = server_socket(deep.string());
  ASSERT_TRUE(socket);
  EXPECT_LT(socket->path.size(), 108U);
  net::HttpRequest get;
  get.url = "http://lar/api/v1/status";
  get.unix_socket = socket->path;
  EXPECT_EQ(send(get).status, 200);
}

TEST_F(Serving, a_taken_port_is_said) {
  const fs::path other = home_ / "other";
  const auto second = Server::start(application_, {other.string(), server_->port()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "serve.port_taken");
  EXPECT_EQ(second.error().parameters[0].second, std::to_string(server_->port()));
}

TEST_F(Serving, a_socket_left_by_a_dead_server_is_no_obstacle) {
  server_.reset();
  std::ofstream(home_ / "run/lar.sock") << "left";
  start();
  net::HttpRequest get;
  get.url = "http://lar/api/v1/status";
  get.unix_socket = (home_ / "run/lar.sock").string();
  EXPECT_EQ(send(get).status, 200);
}

}  // namespace
}  // namespace lar::api
