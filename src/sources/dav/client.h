// A client for WebDAV servers (RFC 4918) and whatever else an account fetches over HTTP: gives the
// password only where it may go, follows redirects itself and only to hosts the owner named, and
// tells in plain words what is wrong. One connection is kept for as long as the client lives.
//
// One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/egress.h"
#include "net/http_client.h"
#include "sources/dav/multistatus.h"
#include "sources/dav/url.h"

namespace lar::sources::dav {

struct Login {
  std::string user;  // empty: none is asked for
  std::string password;
  std::string token;  // instead of user and password (RFC 6750)
  net::Credentials::Scheme scheme = net::Credentials::Scheme::basic;
  bool secret() const { return !user.empty() || !token.empty(); }
};

struct Request {
  std::string method = "GET";
  Url url;
  net::Headers headers;
  std::string body;
  std::size_t body_limit = 32u << 20;
};

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string body;
  Url url;  // after redirects
  std::string_view header(std::string_view name) const;
  bool good() const { return status >= 200 && status <= 299; }
};

class Client {
 public:
  // `policy` must outlive the client. `hosts`: where redirects may lead besides the host asked.
  Client(const net::ConnectionPolicy& policy, Login login, std::vector<std::string> hosts,
         std::stop_token stop)
      : session_(policy), login_(std::move(login)), hosts_(std::move(hosts)), stop_(stop) {}

  // Any status but a redirect is a reply. Errors: dav.insecure {host} (a password would go over an
  // unencrypted connection), dav.redirected {host, target}, those of net::HttpSession.
  base::Result<Reply> send(const Request& request);

  // PROPFIND of these properties ("{DAV:}getetag"). Errors besides: fail_status().
  base::Result<Multistatus> properties(const Url& url, int depth,
                                       const std::vector<std::string_view>& names,
                                       Url* found_at = nullptr);
  // REPORT whose whole body is given; any status but 207 is a reply too.
  base::Result<Reply> report(const Url& url, std::string body);

  // Digest once a server asked for it.
  const Login& login() const { return login_; }

 private:
  net::HttpSession session_;
  Login login_;
  std::vector<std::string> hosts_;
  std::stop_token stop_;
};

// What a status that is no success means: dav.password {host}, dav.forbidden, dav.missing,
// dav.not_dav, dav.quota, dav.server {host, status} (may pass), dav.unexpected {host, status}.
tl::unexpected<base::Error> fail_status(const Url& url, int status);

// Whether a request that failed so may have been carried out all the same.
bool may_have_arrived(const base::Error& error);

// The endpoints that an account at these addresses talks to.
std::vector<guard::Endpoint> endpoints_of(const std::vector<Url>& urls,
                                          const std::vector<std::string>& hosts);

// "{DAV:}getetag" as an empty element that names its own namespace.
std::string empty_element(std::string_view name);

}  // namespace lar::sources::dav
