#include "api/client_keys.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "engine/engine.h"
#include "os/file.h"

namespace lar::api {

using base::ErrorKind;
using base::fail;
using nlohmann::json;

namespace {

constexpr const char* setting = "client_keys";
// Tells a key of lar from others in a file of settings.
constexpr const char* prefix = "lar-";

}  // namespace

base::Status ClientKeys::load() {
  TRY_ASSIGN(const std::string text, store_.setting(setting));
  const json list = text.empty() ? json::array() : json::parse(text, nullptr, false);
  const std::lock_guard lock(mutex_);
  keys_.clear();
  if (!list.is_array()) return {};
  for (const json& entry : list) {
    if (!entry.is_object()) continue;
    keys_.push_back({entry.value("name", ""), entry.value("hash", ""),
                     entry.value("assistant", false), entry.value("created", "")});
  }
  return {};
}

base::Status ClientKeys::save(const std::vector<ClientKey>& keys) {
  json list = json::array();
  for (const ClientKey& key : keys) {
    list.push_back({{"name", key.name},
                    {"hash", key.hash},
                    {"assistant", key.assistant},
                    {"created", key.created}});
  }
  return store_.set_setting(setting, list.dump());
}

base::Result<std::string> ClientKeys::add(const std::string& name, bool assistant) {
  const std::lock_guard lock(mutex_);
  // Those by which lar itself calls.
  static constexpr std::array<std::string_view, 5> own = {engine::own_client, "owner", "check",
                                                          "ask", "assistant"};
  if (std::find(own.begin(), own.end(), name) != own.end()) {
    return fail(ErrorKind::invalid_input, "key.own_name", {{"name", name}});
  }
  const bool taken = std::any_of(keys_.begin(), keys_.end(),
                                 [&](const ClientKey& key) { return key.name == name; });
  if (taken) return fail(ErrorKind::already_exists, "key.exists", {{"name", name}});
  TRY_ASSIGN(const std::string secret, new_secret());
  std::string key = prefix + secret;
  std::vector<ClientKey> keys = keys_;
  keys.push_back({name, os::sha256(key), assistant,
                  base::format_rfc3339(base::Clock::now(), base::Clock::zone())});
  TRY(save(keys));
  keys_ = std::move(keys);
  return key;
}

base::Status ClientKeys::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::vector<ClientKey> keys = keys_;
  if (std::erase_if(keys, [&](const ClientKey& key) { return key.name == name; }) == 0) {
    return fail(ErrorKind::not_found, "key.unknown", {{"name", name}});
  }
  TRY(save(keys));
  keys_ = std::move(keys);
  return {};
}

std::vector<ClientKey> ClientKeys::list() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

std::optional<ClientKey> ClientKeys::find(std::string_view key) const {
  const std::string hash = os::sha256(key);
  const std::lock_guard lock(mutex_);
  for (const ClientKey& known : keys_) {
    if (same_secret(hash, known.hash)) return known;
  }
  return std::nullopt;
}

base::Result<std::string> new_secret() {
  constexpr size_t length = 43;
  std::array<unsigned char, 33> bytes{};
  if (::getrandom(bytes.data(), 32, 0) != 32) {
    return base::fail_errno(errno, "getrandom", "reading");
  }
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string key;
  for (size_t index = 0; index < bytes.size(); index += 3) {
    const unsigned group =
        static_cast<unsigned>(bytes[index] << 16 | bytes[index + 1] << 8 | bytes[index + 2]);
    for (unsigned shift = 18; key.size() < length; shift -= 6) {
      key += alphabet[(group >> shift) & 63];
      if (shift == 0) break;
    }
  }
  return key;
}

bool same_secret(std::string_view given, std::string_view wanted) {
  unsigned difference = given.size() == wanted.size() ? 0 : 1;
  for (size_t index = 0; index < wanted.size(); ++index) {
    const char other = index < given.size() ? given[index] : '\0';
    difference |= static_cast<unsigned>(static_cast<unsigned char>(other) ^
                                        static_cast<unsigned char>(wanted[index]));
  }
  return difference == 0;
}

}  // namespace lar::api
