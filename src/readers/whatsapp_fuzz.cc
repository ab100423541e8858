// Arbitrary bytes through the whatsapp reader: it must neither crash nor give offsets outside its
// texts.
#include "readers/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return lar::readers::fuzz("application/x-whatsapp-chat", data, size);
}
