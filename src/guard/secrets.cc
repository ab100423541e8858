// Sealing and opening. The whole file is written anew at each change: there are as many secrets as
// accounts.
#include "guard/secrets.h"

#include <sodium.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "os/base64.h"
#include "os/file.h"

namespace lar::guard {

namespace {

using base::ErrorKind;
using base::fail;

constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t key_size = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

const unsigned char* bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The key, wiped when it goes.
struct Key {
  std::array<unsigned char, key_size> value{};
  Key() = default;
  Key(const Key&) = default;
  Key& operator=(const Key&) = delete;
  ~Key() { sodium_memzero(value.data(), value.size()); }
};

tl::unexpected<base::Error> wrong_key(const std::string& path) {
  return fail(ErrorKind::permission, "secrets.wrong_key", {{"path", path}});
}

base::Result<Key> read_key(const std::string& path) {
  auto read = os::read_file(path, 4096);
  if (!read) {
    if (read.error().kind == ErrorKind::not_found) return wrong_key(path);
    return tl::unexpected(read.error());
  }
  if (read->size() != key_size) return wrong_key(path);
  Key key;
  std::copy(read->begin(), read->end(), key.value.begin());
  sodium_memzero(read->data(), read->size());
  return key;
}

base::Result<Key> read_or_make_key(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return read_key(path);
  TRY(os::make_folders(std::filesystem::path(path).parent_path().string()));
  Key key;
  crypto_aead_xchacha20poly1305_ietf_keygen(key.value.data());
  TRY(os::write_file_atomically(
      path, {reinterpret_cast<const char*>(key.value.data()), key.value.size()}, 0600));
  return key;
}

}  // namespace

std::string default_key_file() {
  if (const std::string named = environment("LAR_SECRET_KEY"); !named.empty()) return named;
  const std::string config = environment("XDG_CONFIG_HOME");
  return (config.empty() ? environment("HOME") + "/.config" : config) + "/lar/secret.key";
}

base::Result<std::unique_ptr<Secrets>> Secrets::open(std::string file, std::string key_file) {
  if (sodium_init() < 0) return fail(ErrorKind::internal, "secrets.malformed", {{"path", file}});
  std::unique_ptr<Secrets> secrets(new Secrets(std::move(file), std::move(key_file)));
  const auto text = os::read_file(secrets->file_, 16u << 20);
  if (!text) {
    if (text.error().kind == ErrorKind::not_found) return secrets;
    return tl::unexpected(text.error());
  }
  const auto value = nlohmann::json::parse(*text, nullptr, false);
  if (!value.is_object()) {
    return fail(ErrorKind::corrupt, "secrets.malformed", {{"path", secrets->file_}});
  }
  for (const auto& [name, sealed] : value.items()) {
    if (!sealed.is_string()) {
      return fail(ErrorKind::corrupt, "secrets.malformed", {{"path", secrets->file_}});
    }
    secrets->sealed_[name] = sealed.get<std::string>();
  }
  return secrets;
}

base::Status Secrets::save(const std::map<std::string, std::string>& sealed) const {
  return os::write_file_atomically(file_, nlohmann::json(sealed).dump(1) + "\n", 0600);
}

base::Status Secrets::put(const std::string& name, const std::string& secret) {
  TRY_ASSIGN(const Key key, read_or_make_key(key_file_));
  std::string raw(nonce_size + secret.size() + tag_size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  randombytes_buf(out, nonce_size);
  unsigned long long length = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(out + nonce_size, &length, bytes(secret),
                                             secret.size(), bytes(name), name.size(), nullptr, out,
                                             key.value.data());
  const std::lock_guard lock(mutex_);
  auto changed = sealed_;
  changed[name] = os::to_base64(raw);
  TRY(save(changed));
  sealed_ = std::move(changed);
  return {};
}

base::Result<std::string> Secrets::get(const std::string& name) const {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sealed_.find(name);
    if (found == sealed_.end()) {
      return fail(ErrorKind::not_found, "secrets.unknown", {{"name", name}});
    }
    text = found->second;
  }
  TRY_ASSIGN(const Key key, read_key(key_file_));
  const auto decoded = os::from_base64(text);
  if (!decoded || decoded->size() < nonce_size + tag_size) {
    return fail(ErrorKind::corrupt, "secrets.malformed", {{"path", file_}});
  }
  const std::string& raw = *decoded;
  std::string secret(raw.size() - nonce_size - tag_size, '\0');
  unsigned long long length = 0;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(secret.data()),
                                                 &length, nullptr, bytes(raw) + nonce_size,
                                                 raw.size() - nonce_size, bytes(name), name.size(),
                                                 bytes(raw), key.value.data()) != 0) {
    return wrong_key(key_file_);
  }
  return secret;
}

base::Status Secrets::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!sealed_.contains(name)) return {};
  auto changed = sealed_;
  changed.erase(name);
  TRY(save(changed));
  sealed_ = std::move(changed);
  return {};
}

}  // namespace lar::guard
