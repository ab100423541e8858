// Files by POSIX calls. No state; safe from any thread.
#include "os/file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace lar::os {
using base::ErrorKind;
using base::fail;
using base::fail_errno;

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    value_ = other.release();
  }
  return *this;
}
Descriptor::~Descriptor() { close(); }
int Descriptor::release() {
  const int value = value_;
  value_ = -1;
  return value;
}
void Descriptor::close() {
  if (value_ >= 0) ::close(value_);
  value_ = -1;
}

base::Result<Descriptor> open_read(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.valid()) return fail_errno(errno, path, "reading");
  return file;
}

base::Result<std::string> read_file(const std::string& path, std::uint64_t limit) {
  TRY_ASSIGN(const Descriptor file, open_read(path));
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return fail_errno(errno, path, "reading");
  if (S_ISDIR(status.st_mode)) {
    return fail(ErrorKind::invalid_input, "file.is_folder", {{"path", path}});
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::invalid_input, "file.not_regular", {{"path", path}});
  }
  std::string bytes;
  bytes.reserve(static_cast<size_t>(status.st_size));
  std::array<char, 65536> piece{};
  while (true) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, path, "reading");
    if (count == 0) return bytes;
    if (bytes.size() + static_cast<size_t>(count) > limit) {
      return fail(ErrorKind::invalid_input, "file.too_large",
                  {{"path", path}, {"limit", std::to_string(limit)}});
    }
    bytes.append(piece.data(), static_cast<size_t>(count));
  }
}

namespace {
base::Status sync_folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.valid() || fsync(descriptor.get()) != 0) {
    return fail_errno(errno, folder, "writing");
  }
  return {};
}
}  // namespace

base::Status write_file_atomically(const std::string& path, std::string_view bytes, int mode) {
  std::string temporary = path + ".XXXXXX";
  const Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return fail_errno(errno, path, "writing");
  const auto give_up = [&](int error_number) {
    ::unlink(temporary.c_str());
    return fail_errno(error_number, path, "writing");
  };
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return give_up(errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  if (fchmod(file.get(), static_cast<mode_t>(mode)) != 0) return give_up(errno);
  if (fsync(file.get()) != 0) return give_up(errno);
  if (rename(temporary.c_str(), path.c_str()) != 0) return give_up(errno);
  return sync_folder_of(path);
}

base::Status make_folders(const std::string& path, int mode) {
  if (path.empty()) return {};
  for (size_t position = path[0] == '/' ? 1 : 0; position <= path.size();) {
    const size_t slash = path.find('/', position);
    const std::string prefix = path.substr(0, slash);
    if (!prefix.empty() && ::mkdir(prefix.c_str(), static_cast<mode_t>(mode)) != 0 &&
        errno != EEXIST) {
      return fail_errno(errno, prefix, "making a folder");
    }
    if (slash == std::string::npos) break;
    position = slash + 1;
  }
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return fail_errno(errno, path, "making a folder");
  if (!S_ISDIR(status.st_mode)) {
    return fail(ErrorKind::invalid_input, "file.not_a_folder", {{"path", path}});
  }
  return {};
}

base::Result<Descriptor> lock_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return fail_errno(errno, path, "locking");
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, path, "locking");
    std::array<char, 32> holder{};
    const ssize_t count = ::pread(file.get(), holder.data(), holder.size() - 1, 0);
    std::string pid(holder.data(), count > 0 ? static_cast<size_t>(count) : 0);
    while (!pid.empty() && (pid.back() == '\n' || pid.back() == ' ')) pid.pop_back();
    return fail(ErrorKind::busy, "file.locked", {{"path", path}, {"pid", pid}}, base::Retry::later);
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail_errno(errno, path, "locking");
  }
  return file;
}

namespace {
std::string hexadecimal(const unsigned char* bytes, size_t count) {
  std::string text(count * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, count);
  text.pop_back();
  return text;
}
}  // namespace

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  return hexadecimal(hash.data(), hash.size());
}

base::Result<std::string> sha256_file(const std::string& path) {
  TRY_ASSIGN(const Descriptor file, open_read(path));
  crypto_hash_sha256_state state{};
  crypto_hash_sha256_init(&state);
  std::string piece(1u << 20, '\0');
  while (true) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, path, "reading");
    if (count == 0) break;
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(piece.data()),
                              static_cast<unsigned long long>(count));
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256_final(&state, hash.data());
  return hexadecimal(hash.data(), hash.size());
}

}  // namespace lar::os
