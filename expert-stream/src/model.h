// One loaded model as the plug-in sees it: its expert store, which tensor lies at which address,
// and the dense weights that have to be warm before the first token. Made while llama.cpp loads,
// dropped with the model's last buffer. The plug-in's lock guards it while loading, its own lock
// while computing.
//
// A thread of its own reads the dense weights while llama.cpp goes on loading and starts its
// server; a step that comes sooner meets page faults and waits for just what it needs. Where a
// state file is named, the same thread then fills the cache from it while nobody computes, and
// keeps the file up to date.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "mapping.h"
#include "settings.h"
#include "state.h"
#include "statistics.h"
#include "store.h"

namespace expert_stream {

class Model {
 public:
  static Outcome<std::shared_ptr<Model>> make(const Settings& settings, int experts_per_token,
                                              bool repacks);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // A mapping of a file with experts in it; returns the file's index.
  Outcome<std::size_t> add_mapping(const void* address, std::size_t size);
  // The experts of a tensor at this address of the mapping.
  void add_tensor(const char* name, const void* address, std::uint64_t slice_bytes, int experts,
                  std::size_t file);

  // Once all tensors are known: begins to read the dense weights. Later calls do nothing.
  void read_dense();
  // When a context is made: refuses a machine too small for the model.
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
  // For a step, which goes before what the model's own thread would like to do.
  std::unique_lock<std::mutex> lock_for_step() {
    ++steps_;
    return std::unique_lock(mutex_);
  }
  std::mutex& mutex() { return mutex_; }
  // Under the lock: what its own thread found wrong with the model's files.
  Outcome<void> check() const;
  const Settings& settings() const { return settings_; }
  int experts_per_token() const { return experts_per_token_; }
  // Whether products of many rows may use kernels that want the weights in another layout.
  bool repacks() const { return repacks_; }

 private:
  Model(const Settings& settings, int experts_per_token, bool repacks)
      : settings_(settings), experts_per_token_(experts_per_token), repacks_(repacks) {}
  struct DenseRange {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
  };
  std::vector<DenseRange> dense_ranges() const;
  std::uint64_t budget() const;
  // On the model's own thread.
  void work(const std::stop_token& stop, const std::vector<DenseRange>& dense);
  Outcome<void> populate(const std::stop_token& stop, const std::vector<DenseRange>& dense) const;
  void warm_and_save(const std::stop_token& stop);
  void recall();
  // What the state file lacks, if anything.
  std::optional<SavedState> unsaved();
  void save(const std::optional<SavedState>& state) const;

  const Settings settings_;
  const int experts_per_token_;
  const bool repacks_;
  std::mutex mutex_;
  std::shared_ptr<Statistics> statistics_ = std::make_shared<Statistics>();
  std::unique_ptr<ExpertStore> store_;
  std::unique_ptr<StatisticsPublisher> publisher_;
  std::vector<MappedRange> mappings_;  // by file
  std::unordered_map<const void*, std::size_t> by_address_;
  std::uint64_t dense_bytes_ = 0;
  bool dense_begun_ = false;
  bool ready_ = false;
  std::optional<Error> fault_;
  std::string identity_;            // of the model, for its state; empty: not known
  std::uint64_t saved_visits_ = 0;  // as the state file has it
  std::atomic<std::uint64_t> steps_{0};
  std::condition_variable_any woken_;  // by the end of the model
  std::jthread worker_;
};

}  // namespace expert_stream
