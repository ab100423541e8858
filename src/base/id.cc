// UUIDv7 with a 12-bit counter in rand_a (RFC 9562, section 6.2, method 1). The last id is the only
// state, behind a mutex. The time is the real one even when LAR_NOW fixes the clock: ids must
// differ.
#include "base/id.h"

#include <sys/random.h>

#include <chrono>
#include <mutex>

namespace lar::base {

Id Id::make() {
  static std::mutex mutex;
  static std::uint64_t last_milliseconds = 0;
  static std::uint32_t counter = 0;
  Id id;
  // getrandom cannot fail for 16 bytes once the kernel's pool is ready, which it is at this point.
  if (getrandom(id.bytes.data() + 8, 8, 0) != 8) id.bytes[15] = static_cast<std::uint8_t>(counter);
  std::uint64_t milliseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  std::uint32_t sequence = 0;
  {
    const std::lock_guard lock(mutex);
    if (milliseconds <= last_milliseconds) {
      milliseconds = last_milliseconds;
      if (++counter > 0xFFF) {
        ++milliseconds;
        counter = 0;
      }
    } else {
      counter = 0;
    }
    last_milliseconds = milliseconds;
    sequence = counter;
  }
  for (int index = 0; index < 6; ++index) {
    id.bytes[static_cast<size_t>(index)] =
        static_cast<std::uint8_t>(milliseconds >> (40 - 8 * index));
  }
  id.bytes[6] = static_cast<std::uint8_t>(0x70 | (sequence >> 8));
  id.bytes[7] = static_cast<std::uint8_t>(sequence & 0xFF);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);
  return id;
}

std::optional<Id> Id::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Id id;
  size_t nibble = 0;
  for (size_t index = 0; index < text.size(); ++index) {
    const char letter = text[index];
    if (index == 8 || index == 13 || index == 18 || index == 23) {
      if (letter != '-') return std::nullopt;
      continue;
    }
    int value = 0;
    if (letter >= '0' && letter <= '9') {
      value = letter - '0';
    } else if (letter >= 'a' && letter <= 'f') {
      value = letter - 'a' + 10;
    } else if (letter >= 'A' && letter <= 'F') {
      value = letter - 'A' + 10;
    } else {
      return std::nullopt;
    }
    std::uint8_t& byte = id.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>(nibble % 2 == 0 ? value << 4 : byte | value);
    ++nibble;
  }
  return id;
}

bool Id::is_nil() const { return *this == Id{}; }

std::string Id::text() const {
  static constexpr char hexadecimal[] = "0123456789abcdef";
  std::string result;
  result.reserve(36);
  for (size_t index = 0; index < bytes.size(); ++index) {
    if (index == 4 || index == 6 || index == 8 || index == 10) result += '-';
    result += hexadecimal[bytes[index] >> 4];
    result += hexadecimal[bytes[index] & 0xF];
  }
  return result;
}

}  // namespace lar::base
