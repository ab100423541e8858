// What the machine has left and what it draws: memory that a new program may take, energy that the
// processor has used. Read from /proc and /sys; no state.
#pragma once

#include <cstdint>
#include <optional>

namespace lar::os {

// Bytes a program may still take without anything being swapped out: the system's own estimate
// (MemAvailable), or what the control group's limit leaves, whichever is less. 0: unknown.
std::int64_t available_memory();

// Of the whole machine, in bytes; 0: unknown.
std::int64_t total_memory();

// Energy used by the processor packages since some moment, in microjoules, where the kernel shows
// it (RAPL under powercap, usually to root only). It may begin anew at zero.
std::optional<std::uint64_t> package_energy();

}  // namespace lar::os
