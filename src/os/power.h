// What the machine has left and what it draws: memory that a new program may take, energy that the
// processor has used. Read from /proc and /sys; no state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace lar::os {

// Bytes a program may still take without anything being swapped out: the system's own estimate
// (MemAvailable), or what the control group's limit leaves, whichever is less. 0: unknown.
std::int64_t available_memory();

// Of the whole machine, in bytes; 0: unknown.
std::int64_t total_memory();

// What the counters of the processor packages show, in microjoules. Each begins anew at zero once
// it has gone through its range, some minutes of hard work apart.
struct EnergyReading {
  struct Package {
    std::uint64_t energy = 0;
    std::uint64_t range = 0;  // 0: the kernel does not say
  };
  std::map<std::string, Package> packages;
};
constexpr const char* powercap_folder = "/sys/class/powercap";
// Where the kernel shows it (RAPL under powercap, usually to root only).
std::optional<EnergyReading> package_energy(const std::string& folder = powercap_folder);
// Microjoules used between two readings.
std::uint64_t energy_between(const EnergyReading& before, const EnergyReading& after);

}  // namespace lar::os
