// CRC-32C (Castagnoli; RFC 3720, appendix B.4): finds accidental damage to large files at the speed
// of memory. It is no protection against anybody who means to deceive. No state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lar::os {

// `before`: the sum of what came before these bytes; 0 at the beginning.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

// Of a whole file. Errors: those of reading.
base::Result<std::uint32_t> crc32c_file(const std::string& path);

}  // namespace lar::os
