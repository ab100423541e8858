// See settings.h.
#include "engine/settings.h"

#include <filesystem>

#include "engine/toml_text.h"
#include "os/file.h"

namespace lar::engine {
using base::ErrorKind;
using base::fail;
namespace {

constexpr std::int64_t most_megabytes = std::int64_t{1} << 30;
constexpr std::int64_t most_context = 1 << 24;
constexpr std::int64_t most_parallel = 256;
constexpr std::int64_t most_idle_minutes = 60 * 24 * 365;

}  // namespace

base::Result<Settings> read_settings(const std::string& home) {
  Settings settings;
  const std::string path = home + "/engines.toml";
  if (!std::filesystem::exists(path)) return settings;
  TRY_ASSIGN(const std::string text, os::read_file(path, 65'536));
  TRY_ASSIGN(const toml::table table, parse_toml(text, path));
  for (const auto& [key, value] : table) {
    const std::string_view name = key.str();
    const auto number = value.is_integer() ? value.value<std::int64_t>() : std::nullopt;
    const auto within = [&](std::int64_t most) {
      return number && *number >= 0 && *number <= most;
    };
    if (name == "kept_megabytes" && within(most_megabytes)) {
      settings.kept_bytes = *number << 20;
    } else if (name == "memory_megabytes" && within(most_megabytes)) {
      settings.memory_bytes = *number << 20;
    } else if (name == "context" && within(most_context)) {
      settings.context = static_cast<int>(*number);
    } else if (name == "idle_minutes" && within(most_idle_minutes)) {
      settings.idle_minutes = static_cast<int>(*number);
    } else if (name == "parallel" && within(most_parallel)) {
      settings.parallel = static_cast<int>(*number);
    } else if (name == "expert_stream" && value.is_boolean()) {
      settings.expert_stream = *value.value<bool>();
    } else if (name == "ask_devices" && value.is_boolean()) {
      settings.ask_devices = *value.value<bool>();
    } else {
      return fail(ErrorKind::invalid_input, "settings.malformed",
                  {{"path", path},
                   {"line", std::to_string(value.source().begin.line)},
                   {"field", std::string(name)}});
    }
  }
  return settings;
}

}  // namespace lar::engine
