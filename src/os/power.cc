// See power.h.
#include "os/power.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>

#include "base/text.h"
#include "os/file.h"

namespace lar::os {
namespace {

std::optional<std::uint64_t> number_in(const std::string& path) {
  const auto text = read_file(path, 4096);
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;  // "max": no limit
  return value;
}

// The number behind `key` in a file of "key value" lines.
std::optional<std::uint64_t> number_behind(const std::string& path, std::string_view key) {
  const auto text = read_file(path, 1u << 20);
  if (!text) return std::nullopt;
  for (const auto line : base::split(*text, '\n')) {
    if (!line.starts_with(key)) continue;
    const auto rest = base::trim(line.substr(key.size()));
    std::uint64_t value = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), value).ec == std::errc()) {
      return value;
    }
  }
  return std::nullopt;
}

// What the limits of this process's control groups (version 2) leave, up to the root.
std::optional<std::uint64_t> left_in_group() {
  const auto groups = read_file("/proc/self/cgroup", 65'536);
  if (!groups) return std::nullopt;
  std::string path;
  for (const auto line : base::split(*groups, '\n')) {
    if (line.starts_with("0::")) path = line.substr(3);
  }
  std::optional<std::uint64_t> least;
  while (true) {
    const std::string folder = "/sys/fs/cgroup" + path;
    const auto limit = number_in(folder + "/memory.max");
    const auto used = number_in(folder + "/memory.current");
    if (limit && used) {
      // Files that were read count as used but give way.
      const std::uint64_t cached =
          number_behind(folder + "/memory.stat", "inactive_file ").value_or(0) +
          number_behind(folder + "/memory.stat", "active_file ").value_or(0);
      const std::uint64_t held = *used > cached ? *used - cached : 0;
      const std::uint64_t left = *limit > held ? *limit - held : 0;
      least = std::min(least.value_or(left), left);
    }
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return least;
    path.resize(slash);
  }
}

}  // namespace

std::int64_t total_memory() {
  return static_cast<std::int64_t>(number_behind("/proc/meminfo", "MemTotal:").value_or(0) * 1024);
}

std::int64_t available_memory() {
  std::uint64_t available = number_behind("/proc/meminfo", "MemAvailable:").value_or(0) * 1024;
  if (const auto left = left_in_group()) {
    available = available == 0 ? *left : std::min(available, *left);
  }
  return static_cast<std::int64_t>(available);
}

std::optional<EnergyReading> package_energy(const std::string& folder) {
  EnergyReading reading;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    // "intel-rapl:0" is a package; "intel-rapl:0:1" a part of it.
    const std::string name = entry.path().filename();
    if (name.find(':') == std::string::npos || name.find(':') != name.rfind(':')) continue;
    const auto energy = number_in(entry.path().string() + "/energy_uj");
    if (!energy) continue;
    const auto range = number_in(entry.path().string() + "/max_energy_range_uj");
    reading.packages[name] = {*energy, range.value_or(0)};
  }
  if (reading.packages.empty()) return std::nullopt;
  return reading;
}

std::uint64_t energy_between(const EnergyReading& before, const EnergyReading& after) {
  std::uint64_t sum = 0;
  for (const auto& [name, now] : after.packages) {
    const auto found = before.packages.find(name);
    if (found == before.packages.end()) continue;
    const std::uint64_t then = found->second.energy;
    if (now.energy >= then) {
      sum += now.energy - then;
    } else if (now.range >= then) {
      sum += now.range - then + now.energy;
    }
  }
  return sum;
}

}  // namespace lar::os
