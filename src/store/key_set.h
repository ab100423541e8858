// A set of integer keys of the database, as bits. Internal to the store.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lar::store {

class KeySet {
 public:
  void add(std::int64_t key) {
    const auto index = static_cast<std::size_t>(key);
    if (index / 64 >= words_.size()) {
      words_.resize(std::max(index / 64 + 1, words_.size() + words_.size() / 2), 0);
    }
    words_[index / 64] |= std::uint64_t{1} << (index % 64);
  }
  bool has(std::int64_t key) const {
    const auto index = static_cast<std::size_t>(key);
    return index / 64 < words_.size() && ((words_[index / 64] >> (index % 64)) & 1U) != 0;
  }

 private:
  std::vector<std::uint64_t> words_;
};

// The type name under which a KeySet is bound to a statement (sqlite3_bind_pointer).
inline constexpr const char* key_set_pointer = "lar_key_set";

}  // namespace lar::store
