// See cache.h.
#include "cache.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace expert_stream {

namespace {

constexpr double never_used = -std::numeric_limits<double>::max();
constexpr double goes_first = -std::numeric_limits<double>::infinity();
constexpr double shortest_half_life = 2;

}  // namespace

ExpertCache::ExpertCache(CacheShape shape, PolicySettings policy)
    : shape_(shape),
      policy_(policy),
      table_(static_cast<std::size_t>(shape.groups) * static_cast<std::size_t>(shape.experts),
             none),
      rank_(table_.size(), never_used),
      slot_rank_(static_cast<std::size_t>(shape.slots), goes_first),
      slots_(static_cast<std::size_t>(shape.slots)),
      residents_(static_cast<std::size_t>(shape.groups), 0),
      last_used_(static_cast<std::size_t>(shape.groups)) {
  free_.reserve(slots_.size());
  // Handed out from the back: the lowest addresses first, so that memory is touched in order.
  for (int i = shape.slots; i-- > 0;) free_.push_back(i);
}

double ExpertCache::eviction_rank(int group, int expert) const {
  const auto& latest = last_used_[static_cast<std::size_t>(group)];
  const double rank = rank_[entry(group, expert)];
  if (std::find(latest.begin(), latest.end(), expert) == latest.end()) return rank;
  return rank + policy_.last_use_bonus;
}

void ExpertCache::visit(int group) {
  const double step = 1.0 / std::max(1, shape_.groups);
  now_ += step;
  double half_life = policy_.half_life > 0 ? policy_.half_life : 1;
  if (policy_.half_life > 0 && policy_.share_of_history > 0)
    half_life = std::min(half_life, std::max(shortest_half_life, policy_.share_of_history * now_));
  clock_ += step / half_life;
  // Those of the visit before lose their bonus.
  std::vector<int> earlier;
  earlier.swap(last_used_[static_cast<std::size_t>(group)]);
  for (const int expert : earlier) {
    const int slot = table_[entry(group, expert)];
    if (slot != none && slot_rank_[static_cast<std::size_t>(slot)] != goes_first)
      slot_rank_[static_cast<std::size_t>(slot)] = rank_[entry(group, expert)];
  }
}

void ExpertCache::touch(int group, int expert, int rows) {
  double& rank = rank_[entry(group, expert)];
  if (policy_.half_life <= 0) {
    rank = clock_;
  } else {
    // A sum of 2^clock over all uses, kept as its logarithm: no decay has to be applied to
    // the others. Many rows of one batch count for little more than one: what a prompt uses often
    // it uses now.
    const double added = clock_ + std::log2(1.0 + std::log2(static_cast<double>(rows)));
    const double larger = std::max(rank, added);
    const double smaller = std::min(rank, added);
    rank = smaller == never_used ? larger : larger + std::log2(1.0 + std::exp2(smaller - larger));
  }
  last_used_[static_cast<std::size_t>(group)].push_back(expert);
  const int slot = table_[entry(group, expert)];
  if (slot != none) slot_rank_[static_cast<std::size_t>(slot)] = rank + policy_.last_use_bonus;
}

int ExpertCache::take(int group, int expert) {
  int index = none;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else {
    double lowest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slot_rank_[i] < lowest && slots_[i].pins == 0 && slots_[i].loading == 0) {
        lowest = slot_rank_[i];
        index = static_cast<int>(i);
      }
    }
    if (index == none) return none;
    drop(index);
    free_.pop_back();
  }
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  slot = {.group = group, .expert = expert};
  table_[entry(group, expert)] = index;
  slot_rank_[static_cast<std::size_t>(index)] = eviction_rank(group, expert);
  ++residents_[static_cast<std::size_t>(group)];
  return index;
}

bool ExpertCache::is_worth_taking(int group, int expert) const {
  if (!free_.empty()) return true;
  const double rank = eviction_rank(group, expert);
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].pins == 0 && slots_[i].loading == 0 && slot_rank_[i] < rank) return true;
  return false;
}

void ExpertCache::demote(int slot) { slot_rank_[static_cast<std::size_t>(slot)] = goes_first; }

void ExpertCache::drop(int index) {
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  if (slot.group == none) return;
  table_[entry(slot.group, slot.expert)] = none;
  --residents_[static_cast<std::size_t>(slot.group)];
  slot = {};
  slot_rank_[static_cast<std::size_t>(index)] = goes_first;
  free_.push_back(index);
}

void ExpertCache::begin_loading(int slot, std::uint32_t part) {
  slots_[static_cast<std::size_t>(slot)].loading |= part;
}

void ExpertCache::end_loading(int slot, std::uint32_t part, bool succeeded) {
  Slot& changed = slots_[static_cast<std::size_t>(slot)];
  changed.loading &= ~part;
  if (succeeded) changed.present |= part;
}

std::vector<ExpertCache::Memory> ExpertCache::memories() const {
  std::vector<Memory> all;
  for (int group = 0; group < shape_.groups; ++group)
    for (int expert = 0; expert < shape_.experts; ++expert)
      if (const double rank = rank_[entry(group, expert)]; rank != never_used)
        all.push_back({.group = group, .expert = expert, .score = rank - clock_});
  std::stable_sort(all.begin(), all.end(),
                   [](const Memory& a, const Memory& b) { return a.score > b.score; });
  return all;
}

void ExpertCache::recall(const std::vector<Memory>& memories, double tokens_seen) {
  now_ = std::max(now_, tokens_seen);
  for (const Memory& memory : memories)
    rank_[entry(memory.group, memory.expert)] = clock_ + memory.score;
}

bool ExpertCache::is_consistent() const {
  std::vector<int> counted(residents_.size(), 0);
  std::size_t occupied = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.group == none) continue;
    ++occupied;
    ++counted[static_cast<std::size_t>(slot.group)];
    if (table_[entry(slot.group, slot.expert)] != static_cast<int>(i)) return false;
    if ((slot.present & slot.loading) != 0 || slot.pins < 0) return false;
  }
  const auto in_table = static_cast<std::size_t>(
      std::count_if(table_.begin(), table_.end(), [](int slot) { return slot != none; }));
  return counted == residents_ && in_table == occupied && occupied + free_.size() == slots_.size();
}

}  // namespace expert_stream
