// The processor's own instruction where there is one, else a table.
#include "os/checksum.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "os/file.h"

namespace lar::os {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;  // reflected
constexpr std::size_t piece_size = 1u << 20;

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
    table[byte] = value;
  }
  return table;
}

std::uint32_t by_table(std::string_view bytes, std::uint32_t value) {
  static constexpr std::array<std::uint32_t, 256> table = make_table();
  for (const char byte : bytes) {
    value = (value >> 8) ^ table[(value ^ static_cast<unsigned char>(byte)) & 0xFF];
  }
  return value;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::string_view bytes,
                                                               std::uint32_t value) {
  std::uint64_t sum = value;
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    sum = __builtin_ia32_crc32di(sum, word);
    bytes.remove_prefix(sizeof word);
  }
  return by_table(bytes, static_cast<std::uint32_t>(sum));
}
#endif

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~by_instruction(bytes, ~before);
#endif
  return ~by_table(bytes, ~before);
}

base::Result<std::uint32_t> crc32c_file(const std::string& path) {
  TRY_ASSIGN(const Descriptor file, open_read(path));
  std::vector<char> piece(piece_size);
  std::uint32_t sum = 0;
  while (true) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::fail_errno(errno, path, "reading");
    if (count == 0) return sum;
    sum = crc32c({piece.data(), static_cast<std::size_t>(count)}, sum);
  }
}

}  // namespace lar::os
