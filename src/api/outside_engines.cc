// See outside_engines.h.
#include "api/outside_engines.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "engine/backend.h"

namespace lar::api {
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Status;
using nlohmann::json;
namespace {

constexpr const char* setting = "outside_engines";  // a list of addresses

std::string secret_of(const std::string& address) { return "engine " + address; }

// Of an address that something may be said to at all.
std::optional<guard::Endpoint> endpoint_of(const std::string& address) {
  return engine::is_outside(address) ? guard::endpoint_of(address) : std::nullopt;
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
