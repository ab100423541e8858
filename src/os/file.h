// Files: whole reads, atomic writes, descriptors that close themselves, locks, hashes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lar::os {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return value_; }
  bool valid() const { return value_ >= 0; }
  int release();
  void close();

 private:
  int value_ = -1;
};

base::Result<Descriptor> open_read(const std::string& path);
// Whole file, at most `limit` bytes (file.too_large).
base::Result<std::string> read_file(const std::string& path, std::uint64_t limit = 1u << 30);
// Temporary file beside it, fsync, rename, fsync of the folder: whole or not at all.
base::Status write_file_atomically(const std::string& path, std::string_view bytes,
                                   int mode = 0600);
base::Status make_folders(const std::string& path, int mode = 0700);

// An exclusive advisory lock, held until destroyed. The file holds "pid\n". Errors: file.locked
// with {pid}.
base::Result<Descriptor> lock_file(const std::string& path);

// Lower-case hex SHA-256.
std::string sha256(std::string_view bytes);
// Of a file, streamed.
base::Result<std::string> sha256_file(const std::string& path);

}  // namespace lar::os
