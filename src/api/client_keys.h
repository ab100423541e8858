// The keys of other programs: each has a name and what it may do. Only a hash of a key is kept (in
// the store's setting `client_keys`); the key itself is shown once, when it is made. A key is 256
// random bits, so that a plain hash cannot be turned back. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace lar::api {

struct ClientKey {
  std::string name;
  std::string hash;        // SHA-256, hexadecimal
  bool assistant = false;  // may ask `lar/assistant`, which knows the owner's data
  std::string created;     // RFC 3339
};

class ClientKeys {
 public:
  explicit ClientKeys(store::Store& store) : store_(store) {}
  base::Status load();

  // The new key. Errors: key.exists {name}, key.own_name {name}.
  base::Result<std::string> add(const std::string& name, bool assistant);
  // Errors: key.unknown {name}.
  base::Status remove(const std::string& name);
  std::vector<ClientKey> list() const;
  // Whose key it is.
  std::optional<ClientKey> find(std::string_view key) const;

 private:
  base::Status save(const std::vector<ClientKey>& keys);

  store::Store& store_;
  mutable std::mutex mutex_;
  std::vector<ClientKey> keys_;
};

// 32 random bytes in base64url without padding: 43 characters.
base::Result<std::string> new_secret();
// Compares in a time that does not tell where they differ.
bool same_secret(std::string_view given, std::string_view wanted);

}  // namespace lar::api
