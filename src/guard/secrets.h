// Passwords and tokens, encrypted at rest (XChaCha20-Poly1305 of libsodium, the name of a secret as
// associated data). They lie in HOME/secrets.json; the key lies outside of the home, so that a copy
// or backup of a home does not hold them in the clear. Secrets are never logged, journalled, shown
// or put into an error.
//
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"

namespace lar::guard {

// $LAR_SECRET_KEY, else $XDG_CONFIG_HOME/lar/secret.key, else ~/.config/lar/secret.key.
std::string default_key_file();

class Secrets {
 public:
  // `file` need not exist. The key is made, readable by its owner only, when the first secret is
  // kept. Errors: secrets.malformed {path}, file.*.
  static base::Result<std::unique_ptr<Secrets>> open(std::string file, std::string key_file);

  // Kept on disk before it returns, or not at all.
  base::Status put(const std::string& name, const std::string& secret);
  // Errors: secrets.unknown {name}; secrets.wrong_key {path} where the key is missing or another
  // one (the home was moved without it): the owner has to give the password again.
  base::Result<std::string> get(const std::string& name) const;
  // Nothing happens where there is none.
  base::Status remove(const std::string& name);

 private:
  Secrets(std::string file, std::string key_file)
      : file_(std::move(file)), key_file_(std::move(key_file)) {}
  base::Status save(const std::map<std::string, std::string>& sealed) const;

  const std::string file_;
  const std::string key_file_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> sealed_;  // name -> base64 of nonce and ciphertext
};

}  // namespace lar::guard
