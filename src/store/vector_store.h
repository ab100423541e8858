// The vector indexes in use, by model, and the bookkeeping that keeps database and files in step.
// Internal to the store.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/vectors.h"
#include "store/writer.h"

namespace lar::store {

class VectorIndexes {
 public:
  explicit VectorIndexes(std::string folder) : folder_(std::move(folder)) {}
  // The index of a model, loaded or not; nothing for a model nobody registered.
  base::Result<std::shared_ptr<VectorIndex>> find(Connection& connection, const std::string& model);
  // Only if somebody used it already.
  std::shared_ptr<VectorIndex> in_use(std::int64_t model);
  // Forgets the index and removes its file.
  void drop(std::int64_t model, const std::string& name);

 private:
  std::string folder_;
  std::mutex mutex_;
  std::map<std::int64_t, std::shared_ptr<VectorIndex>> by_model_;
};

// What one operation does to vectors, gathered; `commit` raises the generations and arranges for
// the files to follow once the transaction stands.
class VectorChanges {
 public:
  // Notes the vectors of a passage about to be deleted.
  base::Status remove_passage(Connection& connection, std::int64_t passage);
  void remove(std::int64_t model, std::int64_t vector) {
    by_model_[model].removed.push_back(vector);
  }
  void add(std::int64_t model, VectorRow row) { by_model_[model].added.push_back(std::move(row)); }
  base::Status commit(WriteContext& context, VectorIndexes& indexes);

 private:
  struct Change {
    std::vector<VectorRow> added;
    std::vector<std::int64_t> removed;
  };
  std::map<std::int64_t, Change> by_model_;
};

}  // namespace lar::store
