// See memory.h.
#include "memory.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace expert_stream {

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

std::optional<std::uint64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;  // missing, or "max"
}

// The value of "NAME VALUE" in a file of such lines.
std::uint64_t read_entry(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string key;
  std::uint64_t value = 0;
  while (file >> key >> value)
    if (key == name) return value;
  return 0;
}

void consider(std::optional<std::uint64_t>& left, std::uint64_t limit, std::uint64_t used,
              std::uint64_t cached) {
  const std::uint64_t held = used > cached ? used - cached : 0;
  const std::uint64_t here = limit > held ? limit - held : 0;
  left = left ? std::min(*left, here) : here;
}

// Every group from the process's own up to the root can carry a limit.
template <typename Visit>
void walk_up(std::string path, const Visit& visit) {
  for (;;) {
    visit(path);
    if (path.empty() || path == "/") return;
    path.resize(path.rfind('/'));
  }
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double number = std::strtod(copy.c_str(), &end);
  if (end == copy.c_str() || !(number >= 0) || number > 1e18) return std::nullopt;
  std::string unit(end);
  for (char& letter : unit)
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  while (!unit.empty() && (unit.back() == 'b' || unit.back() == 'i')) unit.pop_back();
  double factor = 1;
  if (unit == "k") {
    factor = 1024;
  } else if (unit == "m") {
    factor = 1024.0 * 1024;
  } else if (unit == "g") {
    factor = 1024.0 * 1024 * 1024;
  } else if (unit == "t") {
    factor = 1024.0 * 1024 * 1024 * 1024;
  } else if (!unit.empty()) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(number * factor);
}

std::string format_size(std::uint64_t bytes) {
  std::array<char, 32> text{};
  if (bytes >= 10 * 1024 * mebibyte) {
    std::snprintf(text.data(), text.size(), "%.1f GiB",
                  static_cast<double>(bytes) / (1024.0 * mebibyte));
  } else {
    std::snprintf(text.data(), text.size(), "%.0f MiB", static_cast<double>(bytes) / mebibyte);
  }
  return text.data();
}

MemoryReadings read_memory(const std::string& root) {
  MemoryReadings readings;
  {
    std::ifstream file(root + "/proc/meminfo");
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string key;
      std::uint64_t value = 0;
      if (words >> key >> value && key == "MemAvailable:") readings.available = value * 1024;
    }
  }
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        walk_up(path, [&](const std::string& group) {
          const std::string folder = root + mount + group;
          if (const auto limit = read_number(folder + "/memory.max"))
            consider(readings.group_left, *limit,
                     read_number(folder + "/memory.current").value_or(0),
                     read_entry(folder + "/memory.stat", "inactive_file") +
                         read_entry(folder + "/memory.stat", "active_file"));
        });
      }
    } else if (("," + controllers + ",").find(",memory,") != std::string::npos) {
      walk_up(path, [&](const std::string& group) {
        const std::string folder = root + "/sys/fs/cgroup/memory" + group;
        const auto limit = read_number(folder + "/memory.limit_in_bytes");
        if (limit && *limit < (std::uint64_t{1} << 60))
          consider(readings.group_left, *limit,
                   read_number(folder + "/memory.usage_in_bytes").value_or(0),
                   read_entry(folder + "/memory.stat", "total_inactive_file") +
                       read_entry(folder + "/memory.stat", "total_active_file"));
      });
    }
  }
  return readings;
}

std::uint64_t choose_budget(const MemoryReadings& readings, std::uint64_t dense_bytes) {
  const std::uint64_t usable = readings.usable();
  const std::uint64_t kept = dense_bytes + 384 * mebibyte + usable / 20;
  return usable > kept ? usable - kept : 0;
}

}  // namespace expert_stream
