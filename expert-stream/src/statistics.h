// What the plug-in did: counted on the computing thread, read by whoever asks (the statistics file,
// the socket, the line at exit), hence atomics. Numbers only; nothing about what was said.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace expert_stream {

struct Statistics {
  std::atomic<std::uint64_t> tokens{0};        // rows of batches that passed the first group
  std::atomic<std::uint64_t> visits{0};        // of groups
  std::atomic<std::uint64_t> experts_used{0};  // distinct experts of a visit, summed
  std::atomic<std::uint64_t> experts_hit{0};   // of those, wholly or partly in memory
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<std::uint64_t> stalled_microseconds{0};
  std::atomic<std::uint64_t> passes_in_waves{0};
  std::atomic<std::uint64_t> experts_warmed{0};  // read at start, from a saved state
  std::atomic<std::uint64_t> budget_bytes{0};
  std::atomic<std::uint64_t> expert_bytes{0};  // of the whole model

  // Uses of each group's experts; guarded, for the groups are known only after loading.
  struct PoolShape {
    int slots = 0;
    std::uint64_t expert_bytes = 0;  // one expert, all parts
    std::vector<std::string> groups;
  };
  void set_groups(std::vector<std::string> names, std::vector<int> experts,
                  std::vector<PoolShape> pools);
  void count_use(std::size_t group, std::size_t expert) {
    heat_[group][expert].fetch_add(1, std::memory_order_relaxed);
  }
  std::string json() const;
  std::string summary() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> names_;
  std::vector<PoolShape> pools_;
  std::vector<std::vector<std::atomic<std::uint32_t>>> heat_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

// Writes the statistics to a file every second while they change, and answers with them on a unix
// socket; either path may be empty. Ends with its object.
class StatisticsPublisher {
 public:
  StatisticsPublisher(std::shared_ptr<const Statistics> statistics, std::string file,
                      std::string socket);
  ~StatisticsPublisher();
  StatisticsPublisher(const StatisticsPublisher&) = delete;
  StatisticsPublisher& operator=(const StatisticsPublisher&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace expert_stream
