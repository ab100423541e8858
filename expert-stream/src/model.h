// One loaded model as the plug-in sees it: its expert store, which tensor lies at which address,
// and the dense weights that have to be warm before the first token. Made while llama.cpp loads,
// dropped with the model's last buffer. The plug-in's lock guards it while loading, its own lock
// while computing.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "mapping.h"
#include "settings.h"
#include "statistics.h"
#include "store.h"

namespace expert_stream {

class Model {
 public:
  static Outcome<std::shared_ptr<Model>> make(const Settings& settings, int experts_per_token);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // A mapping of a file with experts in it; returns the file's index.
  Outcome<std::size_t> add_mapping(const void* address, std::size_t size);
  // The experts of a tensor at this address of the mapping.
  void add_tensor(const char* name, const void* address, std::uint64_t slice_bytes, int experts,
                  std::size_t file);

  // Once all tensors are known: refuses a machine too small for the model, and reads the dense
  // weights.
  Outcome<void> become_ready();
  // Before the first step: memory is now taken by everything else that llama.cpp needs.
  Outcome<void> make_cache();

  const std::size_t* find(const void* address) const {
    const auto found = by_address_.find(address);
    return found == by_address_.end() ? nullptr : &found->second;
  }
  // Tells the kernel's page cache what will be read (the page-cache mode).
  void announce(std::size_t group, std::span<const Use> uses);

  ExpertStore& store() { return *store_; }
  Statistics& statistics() { return *statistics_; }
  std::mutex& mutex() { return mutex_; }
  const Settings& settings() const { return settings_; }
  int experts_per_token() const { return experts_per_token_; }

 private:
  Model(const Settings& settings, int experts_per_token)
      : settings_(settings), experts_per_token_(experts_per_token) {}
  struct DenseRange {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
  };
  std::vector<DenseRange> dense_ranges() const;
  std::uint64_t budget() const;

  const Settings settings_;
  const int experts_per_token_;
  std::mutex mutex_;
  std::shared_ptr<Statistics> statistics_ = std::make_shared<Statistics>();
  std::unique_ptr<ExpertStore> store_;
  std::unique_ptr<StatisticsPublisher> publisher_;
  std::vector<MappedRange> mappings_;  // by file
  std::unordered_map<const void*, std::size_t> by_address_;
  std::uint64_t dense_bytes_ = 0;
  bool ready_ = false;
};

}  // namespace expert_stream
