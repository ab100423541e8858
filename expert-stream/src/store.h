// The experts of one loaded model: where each lies in the model's files, the slots of memory that
// hold some of them, and the reads that bring the others. Knows nothing of ggml. One owner thread
// at a time (the plug-in holds a lock around a step).
//
// A step serves one visit of a group, for some of its parts:
//   begin(group, uses, parts); while (next(ready)) { compute ready; finished(each) } ; end()
// `next` hands out experts as their bytes arrive, those in memory first. Reads for the other parts
// of the same experts are asked for behind those needed now, and are found by the group's next
// step.
//
// A batch whose experts do not fit into the group's fair share goes in waves: what is in memory
// first, the others through a few slots, each read once; they leave no trace in the cache beyond a
// fair share.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache.h"
#include "mapping.h"
#include "outcome.h"
#include "reader.h"
#include "statistics.h"

namespace expert_stream {

struct TensorDescription {
  std::string name;          // blk.N.ffn_PART_KIND.weight
  std::size_t file = 0;      // index of the file it lies in
  std::uint64_t offset = 0;  // of its first expert
  std::uint64_t slice_bytes = 0;
  int experts = 0;
};

// Which group a tensor belongs to and what its part is called: "blk.7.ffn_gate_exps.weight" gives
// "blk.7.exps" and "gate". A name of no known form is a group of its own.
struct TensorPlace {
  std::string group;
  std::string part;
};
TensorPlace place_of(const std::string& name);

struct StoreSettings {
  std::uint64_t budget = 0;
  int experts_per_token = 1;  // as the model was loaded; the least a pool must hold
  PolicySettings policy;
  bool huge_pages = false;
  unsigned stream_width = 16;  // experts on their way at once when a batch goes in waves
};

struct Use {
  int expert = 0;
  int rows = 0;
};

struct Ready {
  std::size_t use = 0;  // index into the uses given to begin()
  int slot = 0;
};

class ExpertStore {
 public:
  ExpertStore(std::unique_ptr<Reader> reader, std::shared_ptr<Statistics> statistics);
  ~ExpertStore();
  ExpertStore(const ExpertStore&) = delete;
  ExpertStore& operator=(const ExpertStore&) = delete;

  std::size_t add_file(ModelFile file);
  std::size_t add_tensor(const TensorDescription& description);
  const ModelFile& file(std::size_t index) const { return files_[index]; }
  std::size_t files() const { return files_.size(); }
  const std::vector<TensorDescription>& tensors() const { return tensors_; }

  // What the experts take in memory at least and at most.
  std::uint64_t least_budget(int experts_per_token) const;
  std::uint64_t whole_bytes() const;
  // Divides the budget and reserves the slots. An error when it is below the working set.
  Outcome<void> allocate(const StoreSettings& settings);
  bool is_allocated() const { return !pools_.empty(); }

  std::size_t group_of(std::size_t tensor) const { return locations_[tensor].group; }
  std::uint32_t part_bit(std::size_t tensor) const { return 1u << locations_[tensor].part; }
  bool is_first_group(std::size_t group) const { return group == 0; }
  // Where the slots of a tensor's pool begin and how far apart they are, for a matrix
  // multiplication that finds expert `slot` at base + slot · stride.
  struct Arena {
    const char* base = nullptr;
    std::uint64_t stride = 0;
    int slots = 0;
  };
  Arena arena(std::size_t tensor) const;

  Outcome<void> begin(std::size_t group, std::span<const Use> uses, std::uint32_t parts);
  Outcome<bool> next(std::vector<Ready>& ready);
  void finished(const Ready& ready);
  Outcome<void> end();
  bool goes_in_waves() const { return waves_; }

  // What another run of the same model may begin with, of each pool the highest ranked first.
  struct Remembered {
    std::string group;
    int expert = 0;
    double score = 0;
  };
  std::vector<Remembered> remembered() const;
  double tokens_seen() const;
  // After allocate() and before the first step; names that the model does not have are passed over.
  void recall(const std::vector<Remembered>& remembered, double tokens_seen);
  // Between steps: reads up to `count` of the recalled experts into slots that nothing occupies.
  // False when there is nothing left to do. After an error the model's files cannot be trusted.
  Outcome<bool> warm(unsigned count);

 private:
  struct Location {
    std::size_t group = 0;
    unsigned part = 0;
    std::uint64_t shift = 0;  // of the data within its aligned place in the slot
  };
  struct Group {
    std::string name;
    std::vector<std::size_t> tensors;  // by part
    std::size_t pool = 0;
    int in_pool = 0;  // index among the pool's groups
    int experts = 0;
  };
  struct Pool {
    std::vector<std::size_t> groups;
    std::vector<std::uint64_t> strides;  // by part
    std::vector<char*> bases;
    std::vector<std::size_t> lengths;
    std::unique_ptr<ExpertCache> cache;
    int fair_share = 0;
  };
  struct Flight {
    std::size_t tensor = 0;
    std::size_t pool = 0;
    int slot = 0;
    std::uint64_t window = 0;  // file offset read from
    std::size_t wanted = 0;    // bytes from there that matter
    std::size_t length = 0;    // bytes asked for
    std::size_t done = 0;
    char* destination = nullptr;
    char* final_place = nullptr;  // where staged bytes are copied; null when read in place
    std::size_t skip = 0;         // staged bytes before the slice
    int attempts = 0;
    bool used = false;
  };
  enum class State { waiting, handed_out, done };
  struct Pending {
    Use use;
    int slot = ExpertCache::none;
    State state = State::waiting;
    bool keeps_slot = false;  // admitted to the cache, not just passing through
    bool streamed = false;    // counts among those on their way
  };

  void release_memory();
  void start_reads(Pending& pending, std::uint32_t parts);
  void start_read(std::size_t tensor, int expert, int slot);
  void send_now();
  void land(const ReadResult& result);
  void feed_waves();
  void abandon();
  char* staging_buffer(std::size_t length);

  std::unique_ptr<Reader> reader_;
  std::shared_ptr<Statistics> statistics_;
  std::vector<ModelFile> files_;
  std::vector<TensorDescription> tensors_;
  std::vector<Location> locations_;
  std::vector<Group> groups_;
  std::unordered_map<std::string, std::size_t> group_names_;
  std::vector<Pool> pools_;
  StoreSettings settings_;

  std::vector<Flight> flights_;
  std::vector<std::size_t> free_flights_;
  std::vector<ReadRequest> outbox_;
  struct Staging {
    char* memory = nullptr;
    std::size_t length = 0;
    bool taken = false;
  };
  std::vector<Staging> staging_;

  // The step under way.
  std::size_t group_ = 0;
  std::uint32_t parts_ = 0;
  std::uint32_t parts_seen_ = 0;
  bool waves_ = false;
  bool reads_made_ = false;
  std::vector<Pending> pending_;
  std::size_t streaming_ = 0;
  std::optional<Error> error_;
  std::vector<ReadResult> results_;

  // What warm() is to read, the highest ranked first.
  struct Wanted {
    std::size_t group = 0;
    int expert = 0;
    double score = 0;
  };
  std::vector<Wanted> wanted_;
  std::size_t wanted_at_ = 0;
};

}  // namespace expert_stream
