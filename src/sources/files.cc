// File states, roots and horizons of the sources on disk. Stateless: any thread.
#include "sources/files.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace lar::sources {

namespace {

using base::ErrorKind;

// Coarser than the tick of any kernel lar runs on (CONFIG_HZ=100 gives 10 ms).
constexpr base::Microseconds clock_tick = 20'000;

}  // namespace

FileState state_of(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_size),
          static_cast<base::Microseconds>(status.st_mtim.tv_sec) * base::one_second +
              status.st_mtim.tv_nsec / 1000};
}

base::Microseconds settled(base::Microseconds modified) {
  // The real clock, not lar's: it is compared with times the kernel wrote.
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const auto real_now =
      static_cast<base::Microseconds>(now.tv_sec) * base::one_second + now.tv_nsec / 1000;
  return modified > real_now - clock_tick ? modified - 1 : modified;
}

Folder open_folder(const std::string& path) { return Folder(::opendir(path.c_str())); }

base::Result<std::optional<os::Descriptor>> open_regular(const std::string& path) {
  os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO)
      return std::nullopt;
    return base::fail_errno(errno, path, "open");
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return base::fail_errno(errno, path, "stat");
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return std::optional<os::Descriptor>(std::move(file));
}

base::Result<std::optional<std::string>> read_range(int descriptor, std::uint64_t offset,
                                                    std::uint64_t length, const std::string& path) {
  std::string bytes(length, '\0');
  std::size_t have = 0;
  while (have < length) {
    const ssize_t got =
        ::pread(descriptor, bytes.data() + have, length - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno(errno, path, "read");
    if (got == 0) return std::nullopt;
    have += static_cast<std::size_t>(got);
  }
  return bytes;
}

base::Result<std::string> hash_of(int descriptor, const std::string& path) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::vector<char> buffer(256 << 10);
  off_t offset = 0;
  for (;;) {
    const ssize_t got = ::pread(descriptor, buffer.data(), buffer.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno(errno, path, "read");
    if (got == 0) break;
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(buffer.data()),
                              static_cast<unsigned long long>(got));
    offset += got;
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256_final(&state, digest.data());
  return hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

base::Result<os::Descriptor> memory_file(std::string_view bytes) {
  os::Descriptor file(::memfd_create("lar-reading", MFD_CLOEXEC));
  if (!file.valid()) return base::fail_errno(errno, "memory", "memfd_create");
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::write(file.get(), bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return base::fail_errno(errno, "memory", "write");
    done += static_cast<std::size_t>(put);
  }
  return file;
}

std::string hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

base::Result<std::string> resolve(const std::string& location) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(location.c_str(), nullptr),
                                                   &std::free);
  if (!real) return base::fail_errno(errno, location, "open");
  return std::string(real.get());
}

std::string last_component(const std::string& path) {
  std::string_view rest = path;
  while (rest.size() > 1 && rest.ends_with('/')) rest.remove_suffix(1);
  const auto slash = rest.rfind('/');
  return std::string(slash == std::string_view::npos || rest.size() == 1 ? rest
                                                                         : rest.substr(slash + 1));
}

nlohmann::json to_json(const RootState& root) {
  return {{"device", root.device}, {"inode", root.inode}, {"mounts", root.mounts}};
}

RootState root_from_json(const nlohmann::json& value) {
  RootState root;
  if (!value.is_object()) return root;
  root.device = value.value("device", std::uint64_t{0});
  root.inode = value.value("inode", std::uint64_t{0});
  root.mounts = value.value("mounts", std::set<std::string>{});
  return root;
}

tl::unexpected<base::Error> fail_unreachable(const std::string& path) {
  return base::fail(ErrorKind::unavailable, "source.unreachable", {{"path", path}},
                    base::Retry::later);
}

base::Result<RootState> look_at_root(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return fail_unreachable(path);
  if (!open_folder(path)) return fail_unreachable(path);
  return RootState{
      static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino), {}};
}

bool Incomplete::covers(std::string_view relative_path) const {
  return std::any_of(folders_.begin(), folders_.end(), [&](const std::string& folder) {
    return folder.empty() || relative_path == folder ||
           (relative_path.starts_with(folder) && relative_path[folder.size()] == '/');
  });
}

Horizon horizon() {
  constexpr int months_back = 36;
  constexpr int months_ahead = 24;
  const std::string zone = base::Clock::zone();
  const base::Date today = base::today(zone);
  const auto first_of_month = [&](int months) {
    const int month = today.year * 12 + (today.month - 1) + months;
    return base::from_local({{month / 12, month % 12 + 1, 1}, 0, 0, 0}, zone);
  };
  return {first_of_month(-months_back), first_of_month(months_ahead)};
}

std::string join(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : std::string(folder) + "/" + std::string(name);
}

}  // namespace lar::sources
