// Which experts are in memory: the bookkeeping of a pool of slots, without a byte of weights. A
// group is one layer's experts; an expert of a group occupies at most one slot; a slot knows which
// parts of the expert (gate, up, down) it holds and which are being read. The order of eviction
// follows the policy; pinned slots and slots being read into are never given away. One owner
// thread.
//
// The policy was chosen by replaying recorded routing (tools/simulate.cc, figures in NOTES.md):
// each expert carries a frequency that halves every `half_life` tokens; the least frequent goes
// first, those that their layer used at its latest visit go last. While there is little history the
// half-life is shorter, a share of the tokens seen: an early count says less than the latest use. A
// half-life of 0 is plain least recently used.
#pragma once

#include <cstdint>
#include <vector>

namespace expert_stream {

struct CacheShape {
  int groups = 0;
  int experts = 0;  // of each group
  int slots = 0;
};

struct PolicySettings {
  double half_life = 0;  // tokens
  // Until then it is this share of the tokens seen; 0: the whole half-life from the first token.
  double share_of_history = 0;
  // How much an expert's use at its layer's latest visit counts, in doublings of its frequency.
  double last_use_bonus = 0;
};

class ExpertCache {
 public:
  static constexpr int none = -1;

  struct Slot {
    int group = none;
    int expert = none;
    std::uint32_t present = 0;  // parts whose bytes are here
    std::uint32_t loading = 0;  // parts being read
    int pins = 0;
  };

  ExpertCache(CacheShape shape, PolicySettings policy);

  const CacheShape& shape() const { return shape_; }
  const Slot& slot(int index) const { return slots_[static_cast<std::size_t>(index)]; }
  int find(int group, int expert) const { return table_[entry(group, expert)]; }
  int residents(int group) const { return residents_[static_cast<std::size_t>(group)]; }

  // A group is about to be computed: time goes on by a part of a token.
  void visit(int group);
  // The expert is used by so many rows of the batch at this visit.
  void touch(int group, int expert, int rows);
  // A slot for an expert that has none; evicts the lowest ranked one that may go. `none` when all
  // are pinned or being read into. The slot comes empty.
  int take(int group, int expert);
  // Whether it would get a free slot, or that of one which ranks lower.
  bool is_worth_taking(int group, int expert) const;
  // The expert of this slot has served a pass that will not come back to it: first to go.
  void demote(int slot);
  // Forgets what the slot holds.
  void drop(int slot);
  void pin(int slot) { ++slots_[static_cast<std::size_t>(slot)].pins; }
  void unpin(int slot) { --slots_[static_cast<std::size_t>(slot)].pins; }
  void begin_loading(int slot, std::uint32_t part);
  void end_loading(int slot, std::uint32_t part, bool succeeded);

  // What may be kept for another run: how an expert ranks, relative to one used once and now.
  struct Memory {
    int group = 0;
    int expert = 0;
    double score = 0;
  };
  // Every expert that was ever used, the highest ranked first.
  std::vector<Memory> memories() const;
  double tokens_seen() const { return now_; }
  // Before the first visit: what another run knew.
  void recall(const std::vector<Memory>& memories, double tokens_seen);

  // True when table, slots and counts agree; for tests.
  bool is_consistent() const;

 private:
  std::size_t entry(int group, int expert) const {
    return static_cast<std::size_t>(group) * static_cast<std::size_t>(shape_.experts) +
           static_cast<std::size_t>(expert);
  }

  double eviction_rank(int group, int expert) const;

  CacheShape shape_;
  PolicySettings policy_;
  double now_ = 0;                 // tokens
  double clock_ = 0;               // the same in half-lives: what ranks are measured in
  std::vector<int> table_;         // (group, expert) → slot
  std::vector<double> rank_;       // (group, expert) → when it may go; survives eviction
  std::vector<double> slot_rank_;  // the same for the resident of a slot: what eviction scans
  std::vector<Slot> slots_;
  std::vector<int> residents_;
  std::vector<int> free_;
  std::vector<std::vector<int>> last_used_;  // of each group: the experts of its latest visit
};

}  // namespace expert_stream
