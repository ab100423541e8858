// What the owner decides about the engines of a home: HOME/engines.toml, read anew at each use.
//
//   kept_megabytes     disk for long prompts, so that they need not be read again (4096); 0: none
//   memory_megabytes   memory that all engines together may take; 0: what the machine has
//   context            tokens of a conversation; 0: chosen
//   idle_minutes       after so many without a call an engine ends until its next one; 0: never.
//                      Without it the engines of chat and embed stay, the others end after 30; a
//                      change holds for engines that are bound from then on
//   parallel           calls at once to a server of the owner's or an outside service (what it says
//                      of itself, else 1); lar's own engines take one after another
//   expert_stream      whether models larger than memory are read from the disk while they work
//   ask_devices        whether the engine is asked what it computes on although no graphics driver
//                      shows here, as one that uses other devices does (false)
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace lar::engine {

struct Settings {
  std::int64_t kept_bytes = std::int64_t{4096} << 20;
  std::int64_t memory_bytes = 0;
  int context = 0;
  std::optional<int> idle_minutes;
  int parallel = 0;
  bool expert_stream = true;
  bool ask_devices = false;
};

// Errors: toml.malformed {path, line, detail}, settings.malformed {path, line, field}.
base::Result<Settings> read_settings(const std::string& home);

}  // namespace lar::engine
