// See store.h.
#include "store.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>

#include "memory.h"

namespace expert_stream {

namespace {

constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t step) {
  return value / step * step;
}
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return round_down(value + step - 1, step);
}

// What offsets and lengths of reads from the file are rounded to. Buffered reads need nothing; 64
// keeps their slots apart by cache lines.
std::uint64_t grain_of(const ModelFile& file) {
  return file.is_direct() ? std::max<std::uint64_t>(64, file.alignment().offset) : 64;
}

// A place in a slot has room for the bytes before and behind the slice that its window brings
// along.
std::uint64_t stride_of(std::uint64_t slice_bytes, std::uint64_t grain) {
  return round_up(3 * grain + slice_bytes, grain);
}

}  // namespace

TensorPlace place_of(const std::string& name) {
  // blk.7.ffn_gate_up_exps.weight: the kind is what follows the last underscore.
  const std::size_t block_end = name.find('.', 4);
  const std::size_t suffix = name.rfind(".weight");
  const std::string marker = ".ffn_";
  if (name.rfind("blk.", 0) != 0 || block_end == std::string::npos || suffix == std::string::npos ||
      name.compare(block_end, marker.size(), marker) != 0)
    return {name, "all"};
  const std::size_t begin = block_end + marker.size();
  const std::size_t underscore = name.rfind('_', suffix);
  if (underscore == std::string::npos || underscore <= begin) return {name, "all"};
  return {name.substr(0, block_end + 1) + name.substr(underscore + 1, suffix - underscore - 1),
          name.substr(begin, underscore - begin)};
}

ExpertStore::ExpertStore(std::unique_ptr<Reader> reader, std::shared_ptr<Statistics> statistics)
    : reader_(std::move(reader)), statistics_(std::move(statistics)) {}

ExpertStore::~ExpertStore() {
  reader_.reset();  // waits for the reads that still write into the slots
  release_memory();
  for (const Staging& staging : staging_) std::free(staging.memory);
}

void ExpertStore::release_memory() {
  for (Pool& pool : pools_)
    for (std::size_t part = 0; part < pool.bases.size(); ++part)
      ::munmap(pool.bases[part], pool.lengths[part]);
  pools_.clear();
}

std::size_t ExpertStore::add_file(ModelFile file) {
  files_.push_back(std::move(file));
  return files_.size() - 1;
}

std::size_t ExpertStore::add_tensor(const TensorDescription& description) {
  const TensorPlace place = place_of(description.name);
  const std::string key = place.group + "/" + std::to_string(description.experts);
  const auto [found, added] = group_names_.emplace(key, groups_.size());
  if (added) {
    groups_.emplace_back();
    groups_.back().name = place.group;
    groups_.back().experts = description.experts;
  }
  Group& group = groups_[found->second];
  Location location{.group = found->second, .part = static_cast<unsigned>(group.tensors.size())};
  // Where all slices of a tensor begin at the same place within a block, they are read straight to
  // where they are used.
  const std::uint64_t grain = grain_of(files_[description.file]);
  if (description.slice_bytes % grain == 0) location.shift = description.offset % grain;
  tensors_.push_back(description);
  locations_.push_back(location);
  group.tensors.push_back(tensors_.size() - 1);
  return tensors_.size() - 1;
}

std::uint64_t ExpertStore::whole_bytes() const {
  std::uint64_t sum = 0;
  for (const TensorDescription& tensor : tensors_)
    sum += stride_of(tensor.slice_bytes, grain_of(files_[tensor.file])) *
           static_cast<std::uint64_t>(tensor.experts);
  return sum;
}

std::uint64_t ExpertStore::least_budget(int experts_per_token) const {
  // One visit of each kind of group; kinds share nothing.
  std::map<std::string, std::uint64_t> kinds;
  for (const Group& group : groups_) {
    std::string kind = std::to_string(group.experts);
    std::uint64_t bytes = 0;
    for (const std::size_t tensor : group.tensors) {
      kind += "," + std::to_string(tensors_[tensor].slice_bytes);
      bytes += stride_of(tensors_[tensor].slice_bytes, grain_of(files_[tensors_[tensor].file]));
    }
    kinds[kind] = bytes * static_cast<std::uint64_t>(std::min(experts_per_token, group.experts));
  }
  return std::accumulate(kinds.begin(), kinds.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& kind) { return sum + kind.second; });
}

Outcome<void> ExpertStore::allocate(const StoreSettings& settings) {
  settings_ = settings;
  const std::uint64_t least = least_budget(settings.experts_per_token);
  if (settings.budget < least)
    return failure("a budget of " + format_size(settings.budget) +
                   " is below the working set of one layer, " + format_size(least) +
                   "; free memory, or set EXPERT_STREAM_BUDGET if you know better");

  std::map<std::string, std::size_t> kinds;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    Group& group = groups_[g];
    std::string kind = std::to_string(group.experts);
    for (const std::size_t tensor : group.tensors)
      kind += "," + std::to_string(tensors_[tensor].slice_bytes);
    const auto [found, added] = kinds.emplace(kind, pools_.size());
    if (added) {
      pools_.emplace_back();
      pools_.back().strides.resize(group.tensors.size());
    }
    Pool& pool = pools_[found->second];
    for (std::size_t part = 0; part < group.tensors.size(); ++part) {
      const TensorDescription& tensor = tensors_[group.tensors[part]];
      pool.strides[part] = std::max(pool.strides[part],
                                    stride_of(tensor.slice_bytes, grain_of(files_[tensor.file])));
    }
    group.pool = found->second;
    group.in_pool = static_cast<int>(pool.groups.size());
    pool.groups.push_back(g);
  }

  // Every pool gets what it cannot do without, and of the rest the same share of what it lacks.
  std::vector<std::uint64_t> slot_bytes;
  std::vector<std::uint64_t> fewest;
  std::vector<std::uint64_t> most;
  double lacking = 0;
  double left = static_cast<double>(settings.budget);
  for (const Pool& pool : pools_) {
    const auto experts = static_cast<std::uint64_t>(groups_[pool.groups[0]].experts);
    slot_bytes.push_back(
        std::accumulate(pool.strides.begin(), pool.strides.end(), std::uint64_t{0}));
    fewest.push_back(std::min(experts, static_cast<std::uint64_t>(settings.experts_per_token)));
    most.push_back(experts * pool.groups.size());
    left -= static_cast<double>(fewest.back() * slot_bytes.back());
    lacking += static_cast<double>((most.back() - fewest.back()) * slot_bytes.back());
  }
  const double share = lacking > 0 ? std::clamp(left / lacking, 0.0, 1.0) : 1.0;
  for (std::size_t p = 0; p < pools_.size(); ++p) {
    Pool& pool = pools_[p];
    const auto slots = static_cast<int>(
        fewest[p] + static_cast<std::uint64_t>(share * static_cast<double>(most[p] - fewest[p])));
    for (const std::uint64_t stride : pool.strides) {
      const std::size_t length = stride * static_cast<std::uint64_t>(slots);
      void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED) {
        release_memory();
        return failure("no memory for " + format_size(length) +
                       " of experts: " + std::strerror(errno));
      }
      if (settings.huge_pages) ::madvise(memory, length, MADV_HUGEPAGE);
      pool.bases.push_back(static_cast<char*>(memory));
      pool.lengths.push_back(length);
    }
    pool.cache =
        std::make_unique<ExpertCache>(CacheShape{.groups = static_cast<int>(pool.groups.size()),
                                                 .experts = groups_[pool.groups[0]].experts,
                                                 .slots = slots},
                                      settings.policy);
    pool.fair_share =
        std::max(static_cast<int>(fewest[p]), slots / static_cast<int>(pool.groups.size()));
  }

  std::vector<std::string> names;
  std::vector<int> experts;
  for (const Group& group : groups_) {
    names.push_back(group.name);
    experts.push_back(group.experts);
  }
  std::vector<Statistics::PoolShape> shapes;
  for (std::size_t p = 0; p < pools_.size(); ++p) {
    Statistics::PoolShape shape{.slots = pools_[p].cache->shape().slots};
    for (const std::size_t tensor : groups_[pools_[p].groups[0]].tensors)
      shape.expert_bytes += tensors_[tensor].slice_bytes;
    for (const std::size_t group : pools_[p].groups) shape.groups.push_back(groups_[group].name);
    shapes.push_back(std::move(shape));
  }
  statistics_->set_groups(std::move(names), std::move(experts), std::move(shapes));
  statistics_->budget_bytes = settings.budget;
  statistics_->expert_bytes = whole_bytes();
  return {};
}

ExpertStore::Arena ExpertStore::arena(std::size_t tensor) const {
  const Location& location = locations_[tensor];
  const Pool& pool = pools_[groups_[location.group].pool];
  const std::uint64_t grain = grain_of(files_[tensors_[tensor].file]);
  return {.base = pool.bases[location.part] + grain + location.shift,
          .stride = pool.strides[location.part],
          .slots = pool.cache->shape().slots};
}

char* ExpertStore::staging_buffer(std::size_t length) {
  for (Staging& staging : staging_) {
    if (!staging.taken && staging.length >= length) {
      staging.taken = true;
      return staging.memory;
    }
  }
  const std::size_t rounded = round_up(length, 4096);
  auto* memory = static_cast<char*>(std::aligned_alloc(4096, rounded));
  if (memory != nullptr) staging_.push_back({.memory = memory, .length = rounded, .taken = true});
  return memory;
}

void ExpertStore::start_read(std::size_t tensor_index, int expert, int slot) {
  const TensorDescription& tensor = tensors_[tensor_index];
  const Location& location = locations_[tensor_index];
  const Group& group = groups_[location.group];
  Pool& pool = pools_[group.pool];
  const ModelFile& file = files_[tensor.file];
  const std::uint64_t grain = grain_of(file);
  const std::uint64_t offset =
      tensor.offset + static_cast<std::uint64_t>(expert) * tensor.slice_bytes;
  char* const place = pool.bases[location.part] +
                      static_cast<std::uint64_t>(slot) * pool.strides[location.part] + grain +
                      location.shift;
  Flight flight{.tensor = tensor_index, .pool = group.pool, .slot = slot, .used = true};
  if (file.is_direct()) {
    flight.window = round_down(offset, grain);
    flight.skip = offset - flight.window;
    flight.wanted = flight.skip + tensor.slice_bytes;
    flight.length = round_up(flight.wanted, grain);
    flight.destination = place - flight.skip;
    const std::uint64_t needed = std::max<std::uint32_t>(1, file.alignment().memory);
    if (reinterpret_cast<std::uintptr_t>(flight.destination) % needed != 0) {
      flight.destination = staging_buffer(flight.length);
      flight.final_place = place;
    }
  } else {
    flight.window = offset;
    flight.wanted = flight.length = tensor.slice_bytes;
    flight.destination = place;
  }
  pool.cache->begin_loading(slot, part_bit(tensor_index));
  if (flight.destination == nullptr) {
    pool.cache->end_loading(slot, part_bit(tensor_index), false);
    error_ = Error{"no memory for a read buffer"};
    return;
  }
  std::size_t index = flights_.size();
  if (free_flights_.empty()) {
    flights_.push_back(flight);
  } else {
    index = free_flights_.back();
    free_flights_.pop_back();
    flights_[index] = flight;
  }
  outbox_.push_back({.descriptor = file.descriptor(),
                     .offset = flight.window,
                     .destination = flight.destination,
                     .length = flight.length,
                     .tag = index});
  statistics_->reads += 1;
  reads_made_ = true;
}

void ExpertStore::start_reads(Pending& pending, std::uint32_t parts) {
  const Group& group = groups_[group_];
  const ExpertCache& cache = *pools_[group.pool].cache;
  for (std::size_t part = 0; part < group.tensors.size(); ++part) {
    const std::uint32_t bit = 1u << part;
    const ExpertCache::Slot& slot = cache.slot(pending.slot);
    if ((parts & bit) != 0 && ((slot.present | slot.loading) & bit) == 0)
      start_read(group.tensors[part], pending.use.expert, pending.slot);
  }
}

void ExpertStore::send_now() {
  if (outbox_.empty()) return;
  reader_->submit(outbox_);
  outbox_.clear();
}

void ExpertStore::land(const ReadResult& result) {
  reads_made_ = true;
  Flight& flight = flights_[result.tag];
  const ModelFile& file = files_[tensors_[flight.tensor].file];
  const auto settle = [&](bool succeeded) {
    pools_[flight.pool].cache->end_loading(flight.slot, part_bit(flight.tensor), succeeded);
    if (flight.final_place != nullptr)
      for (Staging& staging : staging_)
        if (staging.memory == flight.destination) staging.taken = false;
    flight.used = false;
    free_flights_.push_back(result.tag);
  };
  const bool try_again = result.result == -EINTR || result.result == -EAGAIN;
  if (result.result <= 0 && !(try_again && ++flight.attempts < 64)) {
    if (!error_)
      error_ = Error{result.result == 0
                         ? file.path() + " ends before its experts do; it was cut short"
                         : "reading experts from " + file.path() +
                               " failed: " + std::strerror(static_cast<int>(-result.result))};
    settle(false);
    return;
  }
  if (result.result > 0) {
    statistics_->bytes_read += static_cast<std::uint64_t>(result.result);
    flight.done += static_cast<std::size_t>(result.result);
  }
  if (flight.done < flight.wanted) {
    // The rest, from the last whole block on.
    flight.done = file.is_direct() ? round_down(flight.done, grain_of(file)) : flight.done;
    outbox_.push_back({.descriptor = file.descriptor(),
                       .offset = flight.window + flight.done,
                       .destination = flight.destination + flight.done,
                       .length = flight.length - flight.done,
                       .tag = result.tag});
    return;
  }
  if (flight.final_place != nullptr)
    std::memcpy(flight.final_place, flight.destination + flight.skip,
                tensors_[flight.tensor].slice_bytes);
  settle(true);
}

Outcome<void> ExpertStore::begin(std::size_t group_index, std::span<const Use> uses,
                                 std::uint32_t parts) {
  const Group& group = groups_[group_index];
  Pool& pool = pools_[group.pool];
  ExpertCache& cache = *pool.cache;
  const bool goes_on = group_index == group_ && (parts & parts_seen_) == 0 && parts_seen_ != 0;
  group_ = group_index;
  parts_ = parts;
  parts_seen_ = goes_on ? parts_seen_ | parts : parts;
  pending_.clear();
  streaming_ = 0;
  reads_made_ = false;
  error_.reset();
  waves_ = static_cast<int>(uses.size()) > pool.fair_share;

  if (!goes_on) {
    cache.visit(group.in_pool);
    statistics_->visits += 1;
    for (const Use& use : uses) {
      cache.touch(group.in_pool, use.expert, use.rows);
      statistics_->count_use(group_index, static_cast<std::size_t>(use.expert));
    }
    statistics_->experts_used += uses.size();
    if (waves_) statistics_->passes_in_waves += 1;
  }

  const std::uint32_t all = (1u << group.tensors.size()) - 1;
  int found = 0;
  for (const Use& use : uses) {
    Pending pending{.use = use, .slot = cache.find(group.in_pool, use.expert)};
    if (pending.slot != ExpertCache::none) {
      cache.pin(pending.slot);
      pending.keeps_slot = true;
      ++found;
    }
    pending_.push_back(pending);
  }
  if (!goes_on) statistics_->experts_hit += static_cast<std::uint64_t>(found);

  if (waves_) {
    // Most used first: those may stay.
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (pending_[i].slot != ExpertCache::none) {
        start_reads(pending_[i], parts);
      } else {
        order.push_back(i);
      }
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return pending_[a].use.rows > pending_[b].use.rows;
    });
    const int may_stay = std::max(0, pool.fair_share - cache.residents(group.in_pool));
    for (int i = 0; i < may_stay && i < static_cast<int>(order.size()); ++i)
      pending_[order[static_cast<std::size_t>(i)]].keeps_slot = true;
    feed_waves();
  } else {
    for (Pending& pending : pending_) {
      while (pending.slot == ExpertCache::none) {
        pending.slot = cache.take(group.in_pool, pending.use.expert);
        if (pending.slot != ExpertCache::none) {
          cache.pin(pending.slot);
          pending.keeps_slot = true;
          break;
        }
        // All that could go is still being read for a step that never came.
        if (reader_->in_flight() == 0) {
          abandon();
          return failure("the cache of experts is too small for this batch");
        }
        results_.clear();
        if (Outcome<void> collected = reader_->collect(Reader::Wait::block, results_); !collected) {
          abandon();
          return collected;
        }
        for (const ReadResult& result : results_) land(result);
        send_now();
      }
      start_reads(pending, parts);
    }
    // Then what the next step of this visit will want.
    for (Pending& pending : pending_) start_reads(pending, all);
  }
  if (reads_made_) {
    for (const std::size_t tensor : group.tensors) {
      if (Outcome<void> same = files_[tensors_[tensor].file].check_unchanged(); !same) {
        error_ = same.error();
        break;
      }
    }
  }
  send_now();
  return {};
}

void ExpertStore::feed_waves() {
  const Group& group = groups_[group_];
  ExpertCache& cache = *pools_[group.pool].cache;
  // Those that may stay go first, then the others in any order.
  for (const bool staying : {true, false}) {
    for (Pending& pending : pending_) {
      if (streaming_ >= settings_.stream_width) return;
      if (pending.slot != ExpertCache::none || pending.keeps_slot != staying) continue;
      if (pending.state != State::waiting) continue;
      pending.slot = cache.take(group.in_pool, pending.use.expert);
      if (pending.slot == ExpertCache::none) return;
      cache.pin(pending.slot);
      pending.streamed = true;
      ++streaming_;
      start_reads(pending, parts_);
    }
  }
}

Outcome<bool> ExpertStore::next(std::vector<Ready>& ready) {
  ready.clear();
  const Group& group = groups_[group_];
  const ExpertCache& cache = *pools_[group.pool].cache;
  Reader::Wait wait = Reader::Wait::poll;
  for (;;) {
    const auto before = std::chrono::steady_clock::now();
    results_.clear();
    if (reader_->in_flight() > 0) {
      Outcome<void> collected = reader_->collect(wait, results_);
      if (!collected) error_ = collected.error();
    }
    if (wait == Reader::Wait::block)
      statistics_->stalled_microseconds +=
          static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                         std::chrono::steady_clock::now() - before)
                                         .count());
    for (const ReadResult& result : results_) land(result);
    if (waves_ && !error_) feed_waves();
    if (error_) {
      abandon();
      return tl::unexpected(*error_);
    }
    send_now();
    bool waiting = false;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      Pending& pending = pending_[i];
      if (pending.state != State::waiting) continue;
      if (pending.slot != ExpertCache::none &&
          (cache.slot(pending.slot).present & parts_) == parts_) {
        pending.state = State::handed_out;
        ready.push_back({.use = i, .slot = pending.slot});
      } else {
        waiting = true;
      }
    }
    if (!ready.empty()) return true;
    if (!waiting) return false;
    if (reader_->in_flight() == 0) {
      abandon();
      return failure("the cache of experts is too small for this batch");
    }
    wait = Reader::Wait::block;
  }
}

void ExpertStore::finished(const Ready& ready) {
  Pending& pending = pending_[ready.use];
  pending.state = State::done;
  if (!waves_) return;  // the working set stays protected until the end of the step
  ExpertCache& cache = *pools_[groups_[group_].pool].cache;
  cache.unpin(pending.slot);
  if (!pending.keeps_slot) cache.demote(pending.slot);
  if (pending.streamed) --streaming_;
}

Outcome<void> ExpertStore::end() {
  ExpertCache& cache = *pools_[groups_[group_].pool].cache;
  for (const Pending& pending : pending_)
    if (pending.slot != ExpertCache::none && !(waves_ && pending.state == State::done))
      cache.unpin(pending.slot);
  pending_.clear();
  if (!reads_made_) return {};
  for (const std::size_t tensor : groups_[group_].tensors)
    if (Outcome<void> same = files_[tensors_[tensor].file].check_unchanged(); !same) return same;
  return {};
}

void ExpertStore::abandon() {
  // Reads still under way write into slots: let them land before anything is given away.
  outbox_.clear();
  const std::optional<Error> first = error_;
  while (reader_->in_flight() > 0) {
    results_.clear();
    if (!reader_->collect(Reader::Wait::block, results_)) break;
    for (const ReadResult& result : results_) land(result);
    outbox_.clear();
  }
  // What was never sent or not sent again is not coming.
  for (std::size_t i = 0; i < flights_.size(); ++i) {
    Flight& flight = flights_[i];
    if (!flight.used) continue;
    pools_[flight.pool].cache->end_loading(flight.slot, part_bit(flight.tensor), false);
    flight.used = false;
    free_flights_.push_back(i);
  }
  for (Staging& staging : staging_) staging.taken = false;
  if (first) error_ = first;
  ExpertCache& cache = *pools_[groups_[group_].pool].cache;
  for (const Pending& pending : pending_)
    if (pending.slot != ExpertCache::none && !(waves_ && pending.state == State::done))
      cache.unpin(pending.slot);
  pending_.clear();
  parts_seen_ = 0;
}

std::vector<ExpertStore::Remembered> ExpertStore::remembered() const {
  std::vector<Remembered> all;
  for (const Pool& pool : pools_)
    for (const ExpertCache::Memory& memory : pool.cache->memories())
      all.push_back({.group = groups_[pool.groups[static_cast<std::size_t>(memory.group)]].name,
                     .expert = memory.expert,
                     .score = memory.score});
  return all;
}

double ExpertStore::tokens_seen() const {
  double most = 0;
  for (const Pool& pool : pools_) most = std::max(most, pool.cache->tokens_seen());
  return most;
}

void ExpertStore::recall(const std::vector<Remembered>& remembered, double tokens_seen) {
  std::unordered_map<std::string, std::size_t> by_name;
  for (std::size_t g = 0; g < groups_.size(); ++g) by_name.emplace(groups_[g].name, g);
  std::vector<std::vector<ExpertCache::Memory>> memories(pools_.size());
  wanted_.clear();
  wanted_at_ = 0;
  for (const Remembered& each : remembered) {
    const auto found = by_name.find(each.group);
    if (found == by_name.end()) continue;
    const Group& group = groups_[found->second];
    if (each.expert < 0 || each.expert >= group.experts || !std::isfinite(each.score)) continue;
    memories[group.pool].push_back(
        {.group = group.in_pool, .expert = each.expert, .score = each.score});
    wanted_.push_back({.group = found->second, .expert = each.expert, .score = each.score});
  }
  for (std::size_t p = 0; p < pools_.size(); ++p)
    pools_[p].cache->recall(memories[p], std::isfinite(tokens_seen) ? tokens_seen : 0);
  std::stable_sort(wanted_.begin(), wanted_.end(),
                   [](const Wanted& a, const Wanted& b) { return a.score > b.score; });
}

Outcome<bool> ExpertStore::warm(unsigned count) {
  // What a step has asked for comes first.
  if (reader_->in_flight() > 0) return true;
  error_.reset();
  struct Held {
    ExpertCache* cache = nullptr;
    int slot = ExpertCache::none;
  };
  std::vector<Held> held;
  const auto check_files = [&] {
    for (const ModelFile& file : files_)
      if (Outcome<void> same = file.check_unchanged(); !same && !error_) error_ = same.error();
  };
  check_files();
  while (!error_ && held.size() < count && wanted_at_ < wanted_.size()) {
    const Wanted& wanted = wanted_[wanted_at_++];
    const Group& group = groups_[wanted.group];
    ExpertCache& cache = *pools_[group.pool].cache;
    if (cache.find(group.in_pool, wanted.expert) != ExpertCache::none ||
        !cache.is_worth_taking(group.in_pool, wanted.expert))
      continue;
    const int slot = cache.take(group.in_pool, wanted.expert);
    cache.pin(slot);
    held.push_back({.cache = &cache, .slot = slot});
    for (const std::size_t tensor : group.tensors)
      if (!error_) start_read(tensor, wanted.expert, slot);
  }
  if (!error_) send_now();
  while (!error_ && reader_->in_flight() > 0) {
    results_.clear();
    if (Outcome<void> collected = reader_->collect(Reader::Wait::block, results_); !collected)
      error_ = collected.error();
    for (const ReadResult& result : results_) land(result);
    if (!error_) send_now();
  }
  if (!error_ && !held.empty()) check_files();
  if (error_) abandon();
  for (const Held& each : held) {
    each.cache->unpin(each.slot);
    if (error_) each.cache->drop(each.slot);
  }
  if (error_) return tl::unexpected(*error_);
  statistics_->experts_warmed += held.size();
  return wanted_at_ < wanted_.size();
}

}  // namespace expert_stream
