// How much memory the cache of experts may take, from what the kernel and the control groups say is
// left. Page cache counts as free, for the kernel gives it up; the dense weights lie there and must
// stay, so they are subtracted. Read once, before the cache is made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace expert_stream {

// "6G", "512M", "1.5g", "800k", "123" → bytes; nothing for anything else.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

struct MemoryReadings {
  std::uint64_t available = 0;  // MemAvailable
  std::optional<std::uint64_t>
      group_left;  // limit − use without page cache, the least of all groups
  std::uint64_t usable() const { return group_left ? std::min(available, *group_left) : available; }
};
// `root` stands for "/" in tests.
MemoryReadings read_memory(const std::string& root = "");

// What is left for experts: usable memory less the dense weights, less a reserve for buffers that
// are reserved but not yet touched, and for everybody else on the machine.
std::uint64_t choose_budget(const MemoryReadings& readings, std::uint64_t dense_bytes);

}  // namespace expert_stream
