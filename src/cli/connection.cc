#include "cli/connection.h"

#include <nlohmann/json.hpp>

#include "api/server.h"
#include "base/percent.h"
#include "net/event_stream.h"
#include "net/http_client.h"

namespace lar::cli {
namespace {

using nlohmann::json;

class LocalConnection final : public Connection {
 public:
  explicit LocalConnection(std::unique_ptr<api::Application> application)
      : application_(std::move(application)) {}
  ~LocalConnection() override { application_->shut_down(); }
  Where where() const override { return Where::here; }
  api::Response handle(const api::Request& request, const api::EventSink& sink) override {
    return application_->handle(request, sink);
  }

 private:
  std::unique_ptr<api::Application> application_;
};

api::Response failure(const base::Error& error, base::Language language) {
  return {api::http_status(error.kind),
          "application/json",
          api::error_json(error, language).dump(),
          {}};
}

class RemoteConnection final : public Connection {
 public:
  explicit RemoteConnection(api::SocketPath socket) : socket_(std::move(socket)) {}
  Where where() const override { return Where::at_the_server; }

  // Whether somebody answers at the socket.
  bool answers() {
    net::HttpRequest request;
    request.url = "http://lar/api/v1/conversations";
    request.unix_socket = socket_.path;
    request.connect_limit = std::chrono::milliseconds(2'000);
    request.deadline = std::chrono::milliseconds(10'000);
    return client_.send(request).has_value();
  }

  api::Response handle(const api::Request& request, const api::EventSink& sink) override {
    net::HttpRequest out;
    out.method = request.method;
    out.url = "http://lar/api/v1" + request.path;
    char separator = '?';
    for (const auto& [name, value] : request.query) {
      out.url += separator + base::percent_encode(name) + "=" + base::percent_encode(value);
      separator = '&';
    }
    out.unix_socket = socket_.path;
    out.body = request.body;
    out.headers = {{"Accept-Language", std::string(base::language_code(request.language))},
                   {"Content-Type", "application/json"},
                   {"Accept", "text/event-stream, application/json"}};
    // The server writes a comment every 15 seconds, so longer silence means it hangs.
    out.silence_limit = std::chrono::milliseconds(request.method == "GET" ? 0 : 60'000);

    // Streams and plain answers come the same way: what is no event stream is kept as it is. The
    // first bytes tell them apart, since an event stream begins with a field or a comment, JSON
    // with {.
    enum class Shape { unknown, plain, stream } shape = Shape::unknown;
    std::string body, failed;
    base::Status parsed;
    net::EventStream events;
    const auto on_event = [&](const net::Event& event) {
      if (event.name == "error") {
        failed = event.data;
        return false;
      }
      return sink(event.name, json::parse(event.data, nullptr, false));
    };
    bool go_on = true;
    const auto answer = client_.send(out, request.stop, [&](int status, std::string_view piece) {
      if (shape == Shape::unknown && !piece.empty()) {
        const bool event = piece.starts_with("event:") || piece.front() == ':';
        shape = status == 200 && request.method != "DELETE" && event ? Shape::stream : Shape::plain;
      }
      if (shape == Shape::stream) {
        parsed =
            events.feed(piece, [&](const net::Event& event) { return go_on = on_event(event); });
        return parsed && go_on ? net::Flow::go_on : net::Flow::stop;
      }
      body += piece;
      return net::Flow::go_on;
    });
    if (!answer) return failure(answer.error(), request.language);
    if (!parsed) return failure(parsed.error(), request.language);
    if (!failed.empty()) return {500, "application/json", std::move(failed), {}};
    return {answer->status, std::string(answer->header("content-type")), std::move(body), {}};
  }

 private:
  api::SocketPath socket_;
  net::HttpClient client_{net::local_only()};
};

}  // namespace

base::Result<std::unique_ptr<Connection>> Connection::open(const api::ApplicationOptions& options) {
  if (auto socket = api::server_socket(options.home)) {
    auto remote = std::make_unique<RemoteConnection>(std::move(*socket));
    if (remote->answers()) {
      if (!options.answer_cache.empty()) {
        return base::fail(base::ErrorKind::busy, "cli.cache_of_server");
      }
      return remote;
    }
  }
  TRY_ASSIGN(auto application, api::Application::open(options));
  return std::make_unique<LocalConnection>(std::move(application));
}

}  // namespace lar::cli
