// Base64 with padding (RFC 4648, section 4). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lar::os {

std::string to_base64(std::string_view bytes);
// Nothing where the text is not wholly base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace lar::os
