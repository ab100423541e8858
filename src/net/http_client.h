// An HTTP client with deadlines, cancellation and streaming, over TCP or a unix socket. Every name
// and every socket is put before a ConnectionPolicy. It follows no redirects, uses no proxy, no
// cookies and no credentials but those a request gives. Servers are trusted by the certificates of
// the system, or by those in the file that $SSL_CERT_FILE names.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/connection_policy.h"

namespace lar::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 0;
  Headers headers;   // names in lower case
  std::string body;  // empty when streamed
  // First header of that lower-case name, or empty.
  std::string_view header(std::string_view name) const;
};

// RFC 7617, RFC 7616. Digest costs one more exchange a request. Who gives them sees to it that the
// address is one they may go to.
struct Credentials {
  enum class Scheme { basic, digest } scheme = Scheme::basic;
  std::string user;
  std::string password;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;          // http:// or https://; with a unix socket, the host is only a label
  std::string unix_socket;  // path; empty: TCP
  Headers headers;
  std::string body;
  std::optional<Credentials> credentials;
  std::chrono::milliseconds connect_limit{10'000};
  std::chrono::milliseconds deadline{0};  // for the whole exchange; 0: none
  std::chrono::milliseconds silence_limit{
      0};  // longest time without a byte from the server; 0: none
  // Asked when the silence limit has passed: true waits for as long again. Empty: net.timeout.
  std::function<bool()> on_silence;
  std::size_t body_limit = 256u << 20;  // longest body kept (net.too_large); not for streams
  // Status and headers of a streamed answer, once, before the first piece of its body.
  std::function<void(const HttpResponse& head)> on_head;
};

enum class Flow { go_on, stop };

// Gets each piece of a body as it comes, with the status; Flow::stop ends the exchange without
// error. Called on the thread that called send().
using OnBody = std::function<Flow(int status, std::string_view piece)>;

// Keeps its connections between calls, for many requests to one server. What it tells the policy
// about a connection comes when that connection is replaced or the session ends. One thread at a
// time; `policy` must live as long.
class HttpSession {
 public:
  explicit HttpSession(const ConnectionPolicy& policy);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  // With `on_body`, a body goes there; without, into the response. A stopped token ends the
  // exchange within milliseconds. Any status is a response, not an error. Errors: net.refused
  // {host}, net.unknown_host {host}, net.unreachable {host, detail}, net.certificate and
  // net.no_encryption {host, detail} (nothing was sent), net.broken {host, detail} (the connection
  // ended before the answer did), net.timeout {host}, net.too_large, cancelled,
  // net.bad_address {url}. A request over a kept connection that has died without a byte of an
  // answer is sent once more over a new one.
  base::Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop = {},
                                  const OnBody& on_body = {});

 private:
  struct Handles;
  const ConnectionPolicy& policy_;
  std::unique_ptr<Handles> handles_;
};

// Stateless between calls: one connection per exchange, so that an answer never comes over a
// connection to a process that has died since. Any number of threads may call.
class HttpClient {
 public:
  // `policy` must live as long as the client.
  explicit HttpClient(const ConnectionPolicy& policy) : policy_(policy) {}

  // As HttpSession::send.
  base::Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop = {},
                                  const OnBody& on_body = {}) const {
    return HttpSession(policy_).send(request, std::move(stop), on_body);
  }

 private:
  const ConnectionPolicy& policy_;
};

}  // namespace lar::net
