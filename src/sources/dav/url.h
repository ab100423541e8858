// Addresses of servers and of what lies at them (RFC 3986), as far as WebDAV needs them: parsing
// what a person typed, resolving what a server answered, and one spelling for paths that servers
// spell in several. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lar::sources::dav {

struct Url {
  std::string scheme = "https";  // or "http"
  std::string host;              // in lower case; IPv6 literals without brackets
  int port = 443;
  std::string path = "/";  // as canonical_path() gives it
  std::string query;       // with its question mark, or empty

  bool encrypted() const { return scheme == "https"; }
  // Whether the host is this machine by its spelling alone.
  bool loopback() const;
  std::string text() const;
  Url with_path(std::string_view canonical) const;
};

// http://, https://, webcal:// and webcals:// (which mean https://), or a bare host and path, which
// is taken to be https. Errors: dav.bad_address {address}, dav.password_in_address.
base::Result<Url> parse_url(std::string_view text);

// What a server calls `reference` in an answer from `from`; nothing where that is no address of the
// two schemes.
std::optional<Url> resolve(const Url& from, std::string_view reference);

// One spelling of a path: every byte that needs no %XX stands for itself, the rest in upper-case
// %XX. An encoded slash stays encoded.
std::string canonical_path(std::string_view path);
// The last segment of a canonical path (of a collection: the one before its closing slash), decoded
// for people to read.
std::string last_segment(std::string_view canonical);

}  // namespace lar::sources::dav
