// Addresses: a small parser of our own, because what is compared with what was stored must not
// change its spelling with a library. Pure; any thread.
#include "sources/dav/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "net/connection_policy.h"

namespace lar::sources::dav {

namespace {

using base::ErrorKind;
using base::fail;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool stands_for_itself(unsigned char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  constexpr std::string_view others = "-._~!$&'()*+,;=:@/";
  return others.find(static_cast<char>(c)) != std::string_view::npos;
}

// "host", "host:8443", "[::1]:5232"; false if it is none.
bool read_authority(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = base::lower_ascii(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return false;
    if (!text.empty()) port = text.substr(1);
  } else {
    const auto colon = text.find(':');
    url.host = base::lower_ascii(text.substr(0, colon));
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  url.port = url.encrypted() ? 443 : 80;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port < 1 ||
        url.port > 65535) {
      return false;
    }
  }
  return !url.host.empty() && std::none_of(url.host.begin(), url.host.end(), [](unsigned char c) {
    return c <= ' ' || c == 0x7f ||
           std::string_view("/\\?#@%<>\"").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

void read_path(std::string_view text, Url& url) {
  text = text.substr(0, text.find('#'));
  const auto question = text.find('?');
  url.path = canonical_path(text.substr(0, question));
  if (url.path.empty()) url.path = "/";
  url.query.clear();
  if (question != std::string_view::npos) {
    for (const char c : text.substr(question)) {
      const auto byte = static_cast<unsigned char>(c);
      url.query += byte <= ' ' || byte >= 0x7f ? fmt::format("%{:02X}", byte) : std::string(1, c);
    }
  }
}

}  // namespace

bool Url::loopback() const {
  return net::local_only().permits_name(host.find(':') == std::string::npos ? host
                                                                            : "[" + host + "]");
}

std::string Url::text() const {
  const bool usual = port == (encrypted() ? 443 : 80);
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return scheme + "://" + shown + (usual ? "" : ":" + std::to_string(port)) + path + query;
}

Url Url::with_path(std::string_view canonical) const {
  Url url = *this;
  url.path = canonical;
  url.query.clear();
  return url;
}

base::Result<Url> parse_url(std::string_view text) {
  text = base::trim(text);
  Url url;
  const auto malformed = [&] {
    return fail(ErrorKind::invalid_input, "dav.bad_address", {{"address", std::string(text)}});
  };
  std::string_view rest = text;
  if (const auto separator = text.find("://"); separator != std::string_view::npos) {
    const std::string scheme = base::lower_ascii(text.substr(0, separator));
    if (scheme == "http") {
      url.scheme = "http";
    } else if (scheme != "https" && scheme != "webcal" && scheme != "webcals") {
      return malformed();
    }
    rest = text.substr(separator + 3);
  }
  const auto end = rest.find_first_of("/?#");
  const std::string_view authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos) {
    return fail(ErrorKind::invalid_input, "dav.password_in_address");
  }
  if (!read_authority(authority, url)) return malformed();
  read_path(end == std::string_view::npos ? std::string_view("/") : rest.substr(end), url);
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  return url;
}

std::optional<Url> resolve(const Url& from, std::string_view reference) {
  reference = base::trim(reference);
  if (const auto separator = reference.find("://");
      separator != std::string_view::npos && separator < reference.find_first_of("/?#")) {
    const std::string scheme = base::lower_ascii(reference.substr(0, separator));
    if (scheme != "http" && scheme != "https") return std::nullopt;
    auto url = parse_url(reference);
    if (!url) return std::nullopt;
    return *url;
  }
  Url url = from;
  if (reference.starts_with("//")) {
    reference.remove_prefix(2);
    const auto end = reference.find_first_of("/?#");
    if (!read_authority(reference.substr(0, end), url)) return std::nullopt;
    read_path(end == std::string_view::npos ? std::string_view("/") : reference.substr(end), url);
    return url;
  }
  if (reference.empty()) return url;
  if (reference.starts_with('/')) {
    read_path(reference, url);
    return url;
  }
  read_path(from.path.substr(0, from.path.rfind('/') + 1) + std::string(reference), url);
  return url;
}

std::string canonical_path(std::string_view path) {
  std::string result;
  result.reserve(path.size());
  for (std::size_t at = 0; at < path.size(); ++at) {
    auto byte = static_cast<unsigned char>(path[at]);
    bool encoded = false;
    if (byte == '%' && at + 2 < path.size() && digit(path[at + 1]) >= 0 &&
        digit(path[at + 2]) >= 0) {
      byte = static_cast<unsigned char>(digit(path[at + 1]) * 16 + digit(path[at + 2]));
      at += 2;
      encoded = true;
    }
    if (stands_for_itself(byte) && !(encoded && byte == '/')) {
      result += static_cast<char>(byte);
    } else {
      result += fmt::format("%{:02X}", byte);
    }
  }
  return result;
}

std::string last_segment(std::string_view canonical) {
  if (canonical.ends_with('/')) canonical.remove_suffix(1);
  canonical = canonical.substr(canonical.rfind('/') + 1);
  std::string decoded;
  for (std::size_t at = 0; at < canonical.size(); ++at) {
    if (canonical[at] == '%' && at + 2 < canonical.size() && digit(canonical[at + 1]) >= 0 &&
        digit(canonical[at + 2]) >= 0) {
      decoded += static_cast<char>(digit(canonical[at + 1]) * 16 + digit(canonical[at + 2]));
      at += 2;
    } else {
      decoded += canonical[at];
    }
  }
  return base::clean_utf8(decoded);
}

}  // namespace lar::sources::dav
