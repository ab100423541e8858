// usearch behind plain calls, so that its header and its compile flags stay in one file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bench {

enum class UsearchScalar { float32, byte };

class Usearch {
 public:
  virtual ~Usearch() = default;
  virtual void add(std::int64_t key, std::span<const float> vector) = 0;
  virtual void save(const std::string& path) = 0;
  // Maps a saved index without reading it into memory.
  virtual void view(const std::string& path) = 0;
  virtual std::vector<std::int64_t> search(std::span<const float> query, std::size_t count) = 0;
  static std::unique_ptr<Usearch> make(std::size_t dimensions, UsearchScalar scalar,
                                       std::size_t expansion_search);
};

}  // namespace bench
