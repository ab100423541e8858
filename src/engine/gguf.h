// A reader of GGUF model files of our own: what a file is, without running it, and whether it is
// whole. Format: the GGUF specification of the ggml project, versions 2 and 3, little-endian. It
// trusts no length in the file, reads only the metadata and the tensor table (never the weights),
// and refuses a file whose tensors do not lie inside it. No state; safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lar::engine {

struct GgufEntry {
  std::string key;
  std::string type;         // "u32", "string", "array of f32" …
  std::string value;        // as text; strings cut at 64 KiB; of an array the first eight values
  std::uint64_t count = 1;  // elements of an array
};

struct GgufTensor {
  std::string name;
  std::string type;                  // "Q4_K"
  std::vector<std::uint64_t> shape;  // fastest dimension first, at most 4
  std::uint64_t offset = 0;          // from the beginning of the file, bytes
  std::uint64_t size = 0;            // bytes
};

struct GgufShare {
  std::uint64_t tensors = 0;
  std::uint64_t weights = 0;
  std::uint64_t bytes = 0;
};

// Counts are 0 and texts empty where the file does not say.
struct GgufFile {
  std::uint32_t version = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t data_offset = 0;  // of the first tensor, from the beginning of the file
  std::uint32_t alignment = 32;
  std::string architecture;  // "qwen2"
  std::string name;
  std::string licence;
  std::string tokenizer;      // "gpt2"
  std::string quantisation;   // "Q4_K_M"; of a mixed file without a name, the type of most bytes
  std::uint64_t weights = 0;  // number of parameters, all tensors
  std::uint64_t context = 0;  // tokens it was trained for
  std::uint64_t width = 0;    // embedding length
  std::uint64_t layers = 0;
  std::uint64_t heads = 0;
  std::uint64_t key_value_heads = 0;
  std::uint64_t experts = 0;
  std::uint64_t experts_used = 0;
  std::uint64_t vocabulary = 0;
  std::string
      pooling;  // "none", "mean", "cls", "last", "rank"; empty: not an embedding model's field
  bool has_chat_template = false;
  std::map<std::string, GgufShare> types;  // per tensor type
  std::vector<GgufEntry> entries;          // in file order
  std::vector<GgufTensor> tensors;         // in file order
};

// Errors, each with {path}: gguf.not_gguf, gguf.version {version}, gguf.truncated {field, needed,
// have} (bytes), gguf.malformed {field, value}, gguf.duplicate {field}, gguf.overlap {field},
// gguf.unknown_type {field, value}; and those of opening a file.
base::Result<GgufFile> read_gguf(const std::string& path);

// The same from memory; `path` only names it in errors.
base::Result<GgufFile> parse_gguf(std::string_view bytes, const std::string& path);

}  // namespace lar::engine
