// Runs on the writer's thread except VectorIndexes, which any thread may ask.
#include "store/vector_store.h"

#include <unistd.h>

namespace lar::store {

base::Result<std::shared_ptr<VectorIndex>> VectorIndexes::find(Connection& connection,
                                                               const std::string& model) {
  TRY_ASSIGN(const std::int64_t key,
             connection.number("SELECT key FROM vector_model WHERE name = ?1", model));
  if (key == 0) return std::shared_ptr<VectorIndex>();
  const std::lock_guard lock(mutex_);
  std::shared_ptr<VectorIndex>& index = by_model_[key];
  if (index == nullptr) {
    index = std::make_shared<VectorIndex>(key, folder_ + "/" + vector_file_name(model));
  }
  return index;
}

std::shared_ptr<VectorIndex> VectorIndexes::in_use(std::int64_t model) {
  const std::lock_guard lock(mutex_);
  const auto found = by_model_.find(model);
  return found == by_model_.end() ? nullptr : found->second;
}

void VectorIndexes::drop(std::int64_t model, const std::string& name) {
  const std::lock_guard lock(mutex_);
  by_model_.erase(model);
  ::unlink((folder_ + "/" + vector_file_name(name)).c_str());
}

base::Status VectorChanges::remove_passage(Connection& connection, std::int64_t passage) {
  Statement vectors = connection.query("SELECT model, key FROM vector WHERE passage = ?1", passage);
  for (;;) {
    TRY_ASSIGN(const bool row, vectors.step());
    if (!row) return {};
    remove(vectors.integer(0), vectors.integer(1));
  }
}

base::Status VectorChanges::commit(WriteContext& context, VectorIndexes& indexes) {
  for (auto& [model, change] : by_model_) {
    TRY_ASSIGN(const std::int64_t generation,
               context.connection.number("UPDATE vector_model SET generation = generation + 1 "
                                         "WHERE key = ?1 RETURNING generation",
                                         model));
    context.after_commit.push_back(
        [&indexes, model = model, generation,
         change = std::make_shared<Change>(std::move(change))](Connection&) {
          const std::shared_ptr<VectorIndex> index = indexes.in_use(model);
          if (index != nullptr) index->apply(generation, change->added, change->removed);
        });
  }
  by_model_.clear();
  return {};
}

}  // namespace lar::store
