// See outside_engines.h.
#include "api/outside_engines.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/foreign_json.h"
#include "engine/backend.h"

namespace lar::api {
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Status;
using nlohmann::json;
namespace {

// A list of {"role", "address"}. Plain addresses, which an older lar wrote, name no role: those are
// asked for anew.
constexpr const char* setting = "outside_engines";

std::string secret_of(const std::string& address) { return "engine " + address; }

// Of an address that something may be said to at all.
std::optional<guard::Endpoint> endpoint_of(const std::string& address) {
  return engine::is_outside(address) ? guard::endpoint_of(address) : std::nullopt;
}

}  // namespace

Result<std::set<OutsideUse>> OutsideEngines::agreed() {
  TRY_ASSIGN(const std::string text, store_.setting(setting));
  const json list = base::foreign_json(text);
  std::set<OutsideUse> uses;
  for (const json& one : list.is_array() ? list : json::array()) {
    if (!one.is_object()) continue;
    const json role = one.value("role", json()), address = one.value("address", json());
    if (!role.is_string() || !address.is_string()) continue;
    if (const auto known = engine::role_from(role.get<std::string>())) {
      uses.emplace(*known, address.get<std::string>());
    }
  }
  return uses;
}

Status OutsideEngines::keep(const std::set<OutsideUse>& uses) {
  json list = json::array();
  for (const auto& [role, address] : uses) {
    list.push_back({{"role", engine::name_of(role)}, {"address", address}});
  }
  return store_.set_setting(setting, list.dump());
}

Status OutsideEngines::write_journal(const char* summary, const OutsideUse& use) {
  return store_.write_journal(
      "approval", summary,
      json{{"role", engine::name_of(use.first)}, {"address", use.second}}.dump());
}

Result<std::optional<std::string>> OutsideEngines::key_of(const std::string& address) {
  auto key = secrets_.get(secret_of(address));
  if (key) return std::optional(std::move(*key));
  if (key.error().code == "secrets.unknown") return std::optional<std::string>();
  return tl::unexpected<base::Error>(key.error());
}

Result<engine::OutsideAccess> OutsideEngines::access(engine::Role role,
                                                     const std::string& address) {
  const auto endpoint = endpoint_of(address);
  if (!endpoint)
    return fail(ErrorKind::invalid_input, "engine.bad_address", {{"address", address}});
  {
    const std::lock_guard lock(mutex_);
    TRY_ASSIGN(const auto uses, agreed());
    if (!uses.contains({role, address})) {
      return fail(ErrorKind::permission, "engine.needs_consent", {{"address", address}});
    }
  }
  engine::OutsideAccess access;
  access.policy = egress_.permit("engine " + std::string(engine::name_of(role)), {*endpoint});
  TRY_ASSIGN(const auto key, key_of(address));
  access.key = key.value_or("");
  return access;
}

Result<OutsideEngines::Before> OutsideEngines::agree(const OutsideUse& use,
                                                     const std::string& key) {
  const std::string& address = use.second;
  if (!endpoint_of(address)) {
    return fail(ErrorKind::invalid_input, "engine.bad_address", {{"address", address}});
  }
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(auto uses, agreed());
  Before before;
  before.agreed = uses.contains(use);
  if (!key.empty()) {
    TRY_ASSIGN(before.key, key_of(address));
    TRY(secrets_.put(secret_of(address), key));
    before.key_changed = true;
  }
  if (before.agreed) return before;
  uses.insert(use);
  TRY(write_journal("journal.outside_engine", use));
  TRY(keep(uses));
  return before;
}

Status OutsideEngines::take_back(const OutsideUse& use, const Before& before) {
  const std::lock_guard lock(mutex_);
  if (before.key_changed) {
    TRY(before.key ? secrets_.put(secret_of(use.second), *before.key)
                   : secrets_.remove(secret_of(use.second)));
  }
  if (before.agreed) return {};
  TRY_ASSIGN(auto uses, agreed());
  uses.erase(use);
  TRY(write_journal("journal.outside_engine_ended", use));
  return keep(uses);
}

Status OutsideEngines::end_unused(const std::set<OutsideUse>& bound) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(const auto uses, agreed());
  std::set<OutsideUse> kept;
  std::set<std::string> still_used, ended;
  for (const OutsideUse& use : uses) {
    if (bound.contains(use)) {
      kept.insert(use);
      still_used.insert(use.second);
    } else {
      ended.insert(use.second);
      TRY(write_journal("journal.outside_engine_ended", use));
    }
  }
  for (const std::string& address : ended) {
    if (!still_used.contains(address)) TRY(secrets_.remove(secret_of(address)));
  }
  if (kept == uses) return {};
  return keep(kept);
}

}  // namespace lar::api
