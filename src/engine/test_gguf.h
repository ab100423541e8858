// For tests: the least file that the GGUF reader takes for a model.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace lar::engine {

using TestGgufEntry = std::pair<std::string, std::variant<std::string, std::uint32_t>>;

// These entries, and one tensor of eight zeros.
inline std::string tiny_gguf(const std::vector<TestGgufEntry>& entries) {
  constexpr std::uint32_t type_uint32 = 4, type_string = 8;
  std::string bytes = "GGUF";
  const auto number = [&](auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto text = [&](const std::string& value) {
    number(std::uint64_t{value.size()});
    bytes += value;
  };
  number(std::uint32_t{3});
  number(std::uint64_t{1});
  number(std::uint64_t{entries.size()});
  for (const auto& [key, value] : entries) {
    text(key);
    if (const auto* words = std::get_if<std::string>(&value)) {
      number(type_string);
      text(*words);
    } else {
      number(type_uint32);
      number(std::get<std::uint32_t>(value));
    }
  }
  text("t");
  number(std::uint32_t{1});
  number(std::uint64_t{8});
  number(std::uint32_t{0});
  number(std::uint64_t{0});
  bytes.resize((bytes.size() + 31) / 32 * 32 + 32);
  return bytes;
}

// With the two entries without which no engine is started.
inline std::string tiny_model_gguf(const std::string& architecture) {
  return tiny_gguf({{"general.architecture", architecture},
                    {architecture + ".context_length", std::uint32_t{4096}}});
}

}  // namespace lar::engine
