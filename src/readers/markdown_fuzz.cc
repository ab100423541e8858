// Arbitrary bytes through the markdown reader: it must neither crash nor give offsets outside its
// texts.
#include "readers/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return lar::readers::fuzz("text/markdown", data, size);
}
