// HttpClient over libcurl's multi interface: the calling thread drives the transfer itself and a
// stop request wakes it through curl_multi_wakeup, so cancellation needs no polling.
#include "net/http_client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/text.h"

namespace lar::net {
using base::ErrorKind;
using base::fail;
using base::Retry;
namespace {

struct EasyDelete {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiDelete {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

// What the callbacks of one exchange share; lives on the stack of send().
struct Exchange {
  const ConnectionPolicy& policy;
  const HttpRequest& request;
  const OnBody& on_body;
  HttpResponse response;
  base::Microseconds last_byte = 0;
  bool refused = false;
  bool too_large = false;
  bool stopped_by_reader = false;
  bool head_told = false;
  std::string host;
  Address connected_to;  // the last address that was tried
};

curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* address) {
  auto* exchange = static_cast<Exchange*>(context);
  exchange->connected_to = address_of(&address->addr, address->addrlen);
  if (!exchange->policy.permits_address(exchange->host, exchange->connected_to)) {
    exchange->refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

size_t take_header(char* bytes, size_t, size_t length, void* context) {
  auto* exchange = static_cast<Exchange*>(context);
  exchange->last_byte = base::steady_now();
  const std::string_view line(bytes, length);
  if (line.substr(0, 5) == "HTTP/") {  // a new header block, after a 1xx for instance
    exchange->response.headers.clear();
    const size_t space = line.find(' ');
    exchange->response.status = space == std::string_view::npos
                                    ? 0
                                    : std::atoi(std::string(line.substr(space + 1, 3)).c_str());
    return length;
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos && exchange->response.headers.size() < 1000) {
    exchange->response.headers.emplace_back(base::lower_ascii(line.substr(0, colon)),
                                            std::string(base::trim(line.substr(colon + 1))));
  }
  return length;
}

size_t take_body(char* bytes, size_t, size_t length, void* context) {
  auto* exchange = static_cast<Exchange*>(context);
  exchange->last_byte = base::steady_now();
  const std::string_view piece(bytes, length);
  if (exchange->on_body) {
    if (!exchange->head_told && exchange->request.on_head) {
      exchange->request.on_head(exchange->response);
    }
    exchange->head_told = true;
    if (exchange->on_body(exchange->response.status, piece) == Flow::go_on) return length;
    exchange->stopped_by_reader = true;
    return 0;
  }
  if (exchange->response.body.size() + length > exchange->request.body_limit) {
    exchange->too_large = true;
    return 0;
  }
  exchange->response.body += piece;
  return length;
}

std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
          CURLUE_OK ||
      curl_url_get(parts.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return {};
  }
  std::string text(host);
  curl_free(host);
  return text;
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

base::Result<HttpResponse> HttpClient::send(const HttpRequest& request, std::stop_token stop,
                                            const OnBody& on_body) const {
  start_curl();
  const bool over_tcp = request.unix_socket.empty();
  const std::string host = host_of(request.url);
  const bool known_scheme =
      request.url.starts_with("http://") || request.url.starts_with("https://");
  if (host.empty() || !known_scheme) {
    return fail(ErrorKind::invalid_input, "net.bad_address", {{"url", request.url}});
  }
  const std::string shown = over_tcp ? host : request.unix_socket;
  if (over_tcp && !policy_.permits_name(host)) {
    return fail(ErrorKind::permission, "net.refused", {{"host", shown}});
  }

  Exchange exchange{policy_, request, on_body, {}, base::steady_now()};
  exchange.host = shown;
  const std::unique_ptr<CURL, EasyDelete> easy(curl_easy_init());
  const std::unique_ptr<CURLM, MultiDelete> multi(curl_multi_init());
  std::unique_ptr<curl_slist, ListDelete> headers;
  const auto add_header = [&](const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  for (const auto& [name, value] : request.headers) add_header(name + ": " + value);
  add_header("Expect:");  // no extra round trip before a body

  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request.connect_limit.count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.deadline.count()));
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  if (!over_tcp) curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET" || !request.body.empty()) {
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  const auto cancelled = [] { return fail(ErrorKind::cancelled, "cancelled"); };
  if (stop.stop_requested()) return cancelled();
  if (curl_multi_add_handle(multi.get(), handle) != CURLM_OK) {
    return fail(ErrorKind::internal, "net.unreachable", {{"host", shown}, {"detail", "libcurl"}});
  }
  CURLcode outcome = CURLE_OK;
  bool was_cancelled = false;
  bool was_silent = false;
  {
    const std::stop_callback wake(stop, [&] { curl_multi_wakeup(multi.get()); });
    int running = 1;
    while (running > 0) {
      const CURLMcode performed = curl_multi_perform(multi.get(), &running);
      if (performed != CURLM_OK) {
        outcome = CURLE_RECV_ERROR;
        break;
      }
      if (running == 0) break;
      if (stop.stop_requested()) {
        was_cancelled = true;
        break;
      }
      int wait_ms = 1000;
      if (request.silence_limit.count() > 0) {
        const auto silent_ms = (base::steady_now() - exchange.last_byte) / 1000;
        const auto left = request.silence_limit.count() - silent_ms;
        if (left <= 0) {
          was_silent = !request.on_silence || !request.on_silence();
          if (was_silent) break;
          exchange.last_byte = base::steady_now();
          continue;
        }
        wait_ms = static_cast<int>(std::clamp<std::int64_t>(left, 1, 1000));
      }
      curl_multi_poll(multi.get(), nullptr, 0, wait_ms, nullptr);
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
      if (message->msg == CURLMSG_DONE) outcome = message->data.result;
    }
  }
  if (exchange.connected_to.family != AddressFamily::other && !exchange.refused) {
    curl_off_t sent = 0;
    curl_off_t received = 0;
    long request_head = 0;
    long response_head = 0;
    curl_easy_getinfo(handle, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(handle, CURLINFO_SIZE_DOWNLOAD_T, &received);
    curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &request_head);
    curl_easy_getinfo(handle, CURLINFO_HEADER_SIZE, &response_head);
    policy_.ended({exchange.host, exchange.connected_to, request.url.starts_with("https://"),
                   static_cast<std::uint64_t>(sent + request_head),
                   static_cast<std::uint64_t>(received + response_head)});
  }
  // The handle leaves the multi handle before either is destroyed, as libcurl demands.
  curl_multi_remove_handle(multi.get(), handle);

  if (exchange.refused) return fail(ErrorKind::permission, "net.refused", {{"host", shown}});
  if (exchange.stopped_by_reader) return std::move(exchange.response);
  if (was_cancelled) return cancelled();
  if (exchange.too_large) {
    return fail(ErrorKind::invalid_input, "net.too_large",
                {{"host", shown}, {"limit", std::to_string(request.body_limit)}});
  }
  if (was_silent) return fail(ErrorKind::timeout, "net.timeout", {{"host", shown}}, Retry::later);
  const base::Parameters where = {{"host", shown}, {"detail", curl_easy_strerror(outcome)}};
  switch (outcome) {
    case CURLE_OK:
      return std::move(exchange.response);
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorKind::timeout, "net.timeout", {{"host", shown}}, Retry::later);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return fail(ErrorKind::unavailable, "net.unreachable", where, Retry::later);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return fail(ErrorKind::invalid_input, "net.bad_address", {{"url", request.url}});
    default:
      return fail(ErrorKind::unavailable, "net.broken", where, Retry::later);
  }
}

}  // namespace lar::net
