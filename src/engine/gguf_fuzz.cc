// Fuzzes the GGUF reader: any bytes give a result or an error, and what is accepted is consistent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "engine/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file =
      lar::engine::parse_gguf({reinterpret_cast<const char*>(data), size}, "fuzzed.gguf");
  if (!file) {
    if (file.error().code.empty()) std::abort();
    return 0;
  }
  if (file->tensors.empty() || file->architecture.empty()) std::abort();
  for (const auto& tensor : file->tensors) {
    if (tensor.offset < file->data_offset || tensor.size > size ||
        tensor.offset > size - tensor.size) {
      std::abort();
    }
  }
  return 0;
}
