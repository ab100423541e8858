// Requests, redirects and logins. A redirect is followed for any method: servers move whole
// accounts, and the method and body stay what they are (RFC 9110, 15.4 for 307 and 308; 301 and 302
// are used alike by CalDAV servers).
#include "sources/dav/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace lar::sources::dav {

namespace {

using base::ErrorKind;
using base::fail;
using base::Retry;
using std::chrono::seconds;

constexpr int most_redirects = 5;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 307 || status == 308;
}

// "host" or "host:port" names it.
bool names(const std::string& entry, const Url& url) {
  const auto named = parse_url(entry);
  return named && named->host == url.host &&
         (named->port == url.port || entry.find(':') == std::string::npos);
}

}  // namespace

std::string_view Reply::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

base::Result<Reply> Client::send(const Request& request) {
  Url url = request.url;
  bool asked_for_digest = false;
  for (int redirects = 0;;) {
    if (login_.secret() && !url.encrypted() && !url.loopback()) {
      return fail(ErrorKind::permission, "dav.insecure", {{"host", url.host}});
    }
    net::HttpRequest http;
    http.method = request.method;
    http.url = url.text();
    http.headers = request.headers;
    http.headers.emplace_back("User-Agent", "lar");
    http.body = request.body;
    http.body_limit = request.body_limit;
    http.connect_limit = seconds(20);
    http.silence_limit = seconds(60);
    http.deadline = seconds(600);
    if (!login_.token.empty()) {
      http.headers.emplace_back("Authorization", "Bearer " + login_.token);
    } else if (!login_.user.empty()) {
      http.credentials = net::Credentials{login_.scheme, login_.user, login_.password};
    }
    TRY_ASSIGN(net::HttpResponse response, session_.send(http, stop_));
    if (response.status == 401 && !asked_for_digest && !login_.user.empty() &&
        login_.token.empty() && login_.scheme == net::Credentials::Scheme::basic) {
      bool digest = false;
      bool basic = false;
      for (const auto& [name, value] : response.headers) {
        if (name != "www-authenticate") continue;
        const std::string lower = base::lower_ascii(value);
        digest = digest || lower.find("digest") != std::string::npos;
        basic = basic || lower.find("basic") != std::string::npos;
      }
      if (digest && !basic) {
        asked_for_digest = true;
        login_.scheme = net::Credentials::Scheme::digest;
        continue;
      }
    }
    if (!is_redirect(response.status)) {
      return Reply{response.status, std::move(response.headers), std::move(response.body), url};
    }
    const auto target = resolve(url, response.header("location"));
    const auto refused = [&] {
      return fail(ErrorKind::permission, "dav.redirected",
                  {{"host", url.host},
                   {"target", target ? target->host + ":" + std::to_string(target->port) : "?"}});
    };
    if (!target || response.header("location").empty() || ++redirects > most_redirects) {
      return refused();
    }
    const bool named = target->host == url.host ||
                       std::any_of(hosts_.begin(), hosts_.end(),
                                   [&](const std::string& host) { return names(host, *target); });
    const bool weaker = url.encrypted() && !target->encrypted();
    if (!named || weaker) return refused();
    url = *target;
  }
}

base::Result<Multistatus> Client::properties(const Url& url, int depth,
                                             const std::vector<std::string_view>& names,
                                             Url* found_at) {
  std::string body = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<propfind xmlns=\"DAV:\"><prop>";
  for (const std::string_view name : names) body += empty_element(name);
  body += "</prop></propfind>\n";
  Request request;
  request.method = "PROPFIND";
  request.url = url;
  request.headers = {{"Depth", std::to_string(depth)},
                     {"Content-Type", "application/xml; charset=utf-8"}};
  request.body = std::move(body);
  TRY_ASSIGN(const Reply reply, send(request));
  if (reply.status != 207) return fail_status(reply.url, reply.status);
  if (found_at != nullptr) *found_at = reply.url;
  return parse_multistatus(reply.body, reply.url.host);
}

base::Result<Reply> Client::report(const Url& url, std::string body) {
  Request request;
  request.method = "REPORT";
  request.url = url;
  // Depth 0: sync-collection demands it (RFC 6578, 3.2), multiget ignores it.
  request.headers = {{"Depth", "0"}, {"Content-Type", "application/xml; charset=utf-8"}};
  request.body = std::move(body);
  return send(request);
}

tl::unexpected<base::Error> fail_status(const Url& url, int status) {
  const base::Parameters host = {{"host", url.host}};
  const base::Parameters both = {{"host", url.host}, {"status", std::to_string(status)}};
  switch (status) {
    case 401:
      return fail(ErrorKind::permission, "dav.password", host);
    case 403:
      return fail(ErrorKind::permission, "dav.forbidden", host);
    case 404:
    case 410:
      return fail(ErrorKind::not_found, "dav.missing", host);
    case 405:
    case 501:
      return fail(ErrorKind::unsupported, "dav.not_dav", host);
    case 507:
      return fail(ErrorKind::no_space, "dav.quota", host, Retry::later);
    default:
      break;
  }
  if (status == 408 || status == 425 || status == 429 || status >= 500) {
    return fail(ErrorKind::unavailable, "dav.server", both, Retry::later);
  }
  return fail(ErrorKind::unsupported, "dav.unexpected", both);
}

bool may_have_arrived(const base::Error& error) {
  return error.code == "net.broken" || error.code == "net.timeout" ||
         error.code == "net.too_large" || error.code == "cancelled";
}

std::vector<guard::Endpoint> endpoints_of(const std::vector<Url>& urls,
                                          const std::vector<std::string>& hosts) {
  std::vector<guard::Endpoint> endpoints;
  for (const Url& url : urls) {
    endpoints.push_back({url.host, url.port});
    // An address given without encryption may lead to its encrypted one.
    if (!url.encrypted()) endpoints.push_back({url.host, 443});
  }
  for (const std::string& host : hosts) {
    if (const auto url = parse_url(host)) endpoints.push_back({url->host, url->port});
  }
  return endpoints;
}

std::string empty_element(std::string_view name) {
  const auto end = name.find('}');
  if (!name.starts_with('{') || end == std::string_view::npos) return {};
  return fmt::format("<{} xmlns=\"{}\"/>", name.substr(end + 1), name.substr(1, end - 1));
}

}  // namespace lar::sources::dav
