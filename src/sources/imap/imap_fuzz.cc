// Throws bytes at the parser of IMAP answers, as a server would: in pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sources/imap/response.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lar::sources::imap;
  std::size_t at = 0;
  const auto fill = [&](char* buffer, std::size_t room) -> lar::base::Result<std::size_t> {
    const std::size_t count = std::min({room, size - at, std::size_t{37}});
    if (count > 0) std::memcpy(buffer, data + at, count);
    at += count;
    return count;
  };
  ResponseReader reader(Limits{4096, 16384, 8192, 24});
  while (auto response = reader.read(fill)) {
    (void)parse_numbers(response->rest, 10'000);
    for (const Value& value : response->values) (void)parse_internal_date(value.text);
  }
  return 0;
}
