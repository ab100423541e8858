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
  // Keys are the places in `vectors`. On every core; false once `seconds` have passed before the
  // end.
  virtual bool build(const std::vector<std::vector<float>>& vectors, double seconds) = 0;
  virtual void save(const std::string& path) = 0;
  // Maps a saved index without reading it into memory.
  virtual void view(const std::string& path) = 0;
  virtual std::vector<std::int64_t> search(std::span<const float> query, std::size_t count) = 0;
  static std::unique_ptr<Usearch> make(std::size_t dimensions, UsearchScalar scalar,
                                       std::size_t expansion_search);
};

// Candidates kept while the graph is built (its ef_construction): usearch's own default.
constexpr std::size_t usearch_expansion_add = 128;

}  // namespace bench
