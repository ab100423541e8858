// Configuration files in TOML (toml.io, version 1.0).
#pragma once

#include <toml++/toml.h>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lar::engine {

// The table a text holds; `path` is what errors name. toml.malformed {path, line, detail}.
base::Result<toml::table> parse_toml(std::string_view text, const std::string& path);

}  // namespace lar::engine
