// See toml_text.h.
#include "engine/toml_text.h"

namespace lar::engine {

base::Result<toml::table> parse_toml(std::string_view text, const std::string& path) {
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return base::fail(base::ErrorKind::invalid_input, "toml.malformed",
                      {{"path", path},
                       {"line", std::to_string(error.source().begin.line)},
                       {"detail", std::string(error.description())}});
  }
}

}  // namespace lar::engine
