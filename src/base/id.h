// Identifiers: UUID version 7 (RFC 9562), so that ids sort by the time they were made.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lar::base {

struct Id {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Id&) const = default;

  // A new id: 48 bits of milliseconds from the real clock, a counter, random rest. Any thread; ids
  // made by one process strictly increase.
  static Id make();
  // "01928c0f-…" in either case; nothing for anything else.
  static std::optional<Id> parse(std::string_view text);
  bool is_nil() const;
  std::string text() const;
};

}  // namespace lar::base
