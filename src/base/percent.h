// Percent-encoding (RFC 3986, section 2). Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace lar::base {

// Everything but the unreserved characters is encoded.
std::string percent_encode(std::string_view text);
// A malformed escape stays as it is.
std::string percent_decode(std::string_view text);

}  // namespace lar::base
