// See outside_engines.h.
#include "api/outside_engines.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace lar::api {
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Status;
using nlohmann::json;
namespace {

constexpr const char* setting = "outside_engines";  // a list of addresses
constexpr std::string_view scheme = "https://";

std::string secret_of(const std::string& address) { return "engine " + address; }

// HOST[:PORT] of an address; nothing where it is none.
std::optional<guard::Endpoint> endpoint_of(std::string_view address) {
  if (!address.starts_with(scheme)) return std::nullopt;
  std::string_view where = address.substr(scheme.size());
  where = where.substr(0, where.find_first_of("/?#"));
  guard::Endpoint endpoint{std::string(where), 443};
  // A literal address of IPv6 has colons of its own, inside of brackets.
  const std::size_t colon = where.rfind(':');
  const std::size_t bracket = where.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view digits = where.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    endpoint.host = std::string(where.substr(0, colon));
  }
  const bool plain = endpoint.host.find_first_of("@ \t") == std::string::npos;
  if (endpoint.host.empty() || !plain || endpoint.port < 1 || endpoint.port > 65'535) {
    return std::nullopt;
  }
  return endpoint;
}

}  // namespace

Result<std::set<std::string>> OutsideEngines::agreed() {
  TRY_ASSIGN(const std::string text, store_.setting(setting));
  const json list = json::parse(text, nullptr, false);
  std::set<std::string> addresses;
  for (const json& one : list.is_array() ? list : json::array()) {
    if (one.is_string()) addresses.insert(one.get<std::string>());
  }
  return addresses;
}

Result<engine::OutsideAccess> OutsideEngines::access(engine::Role role,
                                                     const std::string& address) {
  const auto endpoint = endpoint_of(address);
  if (!endpoint)
    return fail(ErrorKind::invalid_input, "engine.bad_address", {{"address", address}});
  {
    const std::lock_guard lock(mutex_);
    TRY_ASSIGN(const auto addresses, agreed());
    if (!addresses.contains(address)) {
      return fail(ErrorKind::permission, "engine.needs_consent", {{"address", address}});
    }
  }
  engine::OutsideAccess access;
  access.policy = egress_.permit("engine " + std::string(engine::name_of(role)), {*endpoint});
  auto key = secrets_.get(secret_of(address));
  if (key) {
    access.key = std::move(*key);
  } else if (key.error().code != "secrets.unknown") {
    return tl::unexpected<base::Error>(key.error());
  }
  return access;
}

Status OutsideEngines::agree(const std::string& address, const std::string& key) {
  if (!endpoint_of(address)) {
    return fail(ErrorKind::invalid_input, "engine.bad_address", {{"address", address}});
  }
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(auto addresses, agreed());
  if (!key.empty()) TRY(secrets_.put(secret_of(address), key));
  if (!addresses.insert(address).second) return {};
  TRY(store_.write_journal("approval", "journal.outside_engine",
                           json{{"address", address}}.dump()));
  return store_.set_setting(setting, json(addresses).dump());
}

Status OutsideEngines::end_unused(const std::set<std::string>& bound) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(const auto addresses, agreed());
  std::set<std::string> kept;
  for (const std::string& address : addresses) {
    if (bound.contains(address)) {
      kept.insert(address);
      continue;
    }
    TRY(secrets_.remove(secret_of(address)));
    TRY(store_.write_journal("approval", "journal.outside_engine_ended",
                             json{{"address", address}}.dump()));
  }
  if (kept == addresses) return {};
  return store_.set_setting(setting, json(kept).dump());
}

}  // namespace lar::api
