// HOME/vectors/MODEL.i8: every vector of a model as 8-bit numbers, mapped and scanned whole. The
// file is derived from the half floats in the database and made again, or caught up, whenever it is
// missing, short, damaged or out of step. docs of the format: vectors.cc. Internal to the store.
//
// Thread-safe: searches share the mapping, the writer's thread changes it alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file.h"
#include "store/database.h"
#include "store/key_set.h"
#include "store/scan.h"

namespace lar::store {

// A row of the file: keys of vector, passage and item in the database.
struct VectorRow {
  std::int64_t vector = 0;
  std::int64_t passage = 0;
  std::int64_t item = 0;
  std::vector<float> values;
};

struct VectorCandidate {
  std::int64_t vector = 0;
  std::int64_t passage = 0;
  std::int64_t item = 0;
  float score = 0;  // approximate cosine
};

class VectorIndex {
 public:
  // `key` of the model in the database; `path` of its file.
  VectorIndex(std::int64_t key, std::string path);
  ~VectorIndex();
  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;

  // Maps the file, brought in line with what `connection` sees; nothing to do if it already is. A
  // disk too full for the file costs memory instead: the rows then lie in an unnamed file in
  // memory.
  base::Status load(Connection& connection);

  // The `count` best rows, best first; only items (and passages) in the sets, where given. Exact on
  // the 8-bit numbers. Loaded indexes only; otherwise empty.
  std::vector<VectorCandidate> search(std::span<const float> query, std::size_t count,
                                      const KeySet* items, const KeySet* passages,
                                      ScanPath path) const;

  // A change committed to the database as `generation`. An index not loaded ignores it; one that
  // missed a change goes out of use until the next load.
  void apply(std::int64_t generation, std::span<const VectorRow> added,
             std::span<const std::int64_t> removed);

  std::int64_t live() const;

 private:
  struct Header;
  struct Meta;

  base::Status map_rows(std::uint64_t rows);
  base::Status open_file(bool fresh);
  base::Status open_memory();
  bool adopt(std::size_t dimensions);
  base::Status catch_up(Connection& connection);
  base::Status rebuild(Connection& connection);
  base::Status append(std::span<const VectorRow> rows);
  base::Status append_from(Connection& connection, std::int64_t after);
  base::Status bury(std::uint64_t row);
  base::Status write_header();
  void forget();
  const Meta* meta(std::uint64_t row) const;
  std::optional<std::uint64_t> find(std::int64_t vector) const;

  const std::int64_t key_;
  const std::string path_;
  mutable std::shared_mutex mutex_;
  os::Descriptor file_;
  bool in_memory_ = false;
  const std::byte* mapping_ = nullptr;
  std::size_t mapped_ = 0;
  std::size_t dimensions_ = 0;
  std::size_t stride_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t dead_ = 0;
  std::int64_t generation_ = -1;
  bool loaded_ = false;
};

// The file of a model's name, safe whatever the name holds.
std::string vector_file_name(const std::string& model);

}  // namespace lar::store
