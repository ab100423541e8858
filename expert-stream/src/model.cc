// See model.h.
#include "model.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "memory.h"

namespace expert_stream {

namespace {

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

// The kernel cuts longer requests to read ahead, by the device's settings.
constexpr std::uintptr_t ahead_chunk = 1 << 20;
constexpr std::size_t pieces_ahead = 64;

// A step waits at most for so many experts that are read for later.
constexpr unsigned experts_at_a_time = 8;
constexpr std::chrono::milliseconds time_between_looks{100};
constexpr std::chrono::seconds time_between_saves{60};

Outcome<std::unique_ptr<Reader>> make_reader(const Settings& settings) {
  if (settings.input != Input::threads) {
    Outcome<std::unique_ptr<Reader>> reader = make_uring_reader(settings.depth);
    if (reader || settings.input == Input::uring) return reader;
  }
  return make_thread_reader(settings.readers);
}

}  // namespace

Outcome<std::shared_ptr<Model>> Model::make(const Settings& settings, int experts_per_token,
                                            bool repacks) {
  Outcome<std::unique_ptr<Reader>> reader = make_reader(settings);
  if (!reader) return tl::unexpected(reader.error());
  std::shared_ptr<Model> model(new Model(settings, experts_per_token, repacks));
  if (!settings.quiet)
    std::fprintf(stderr, "expert-stream: experts are read with %s\n", (*reader)->name().c_str());
  model->store_ = std::make_unique<ExpertStore>(std::move(*reader), model->statistics_);
  model->publisher_ = std::make_unique<StatisticsPublisher>(
      model->statistics_, settings.statistics_file, settings.statistics_socket);
  return model;
}

Model::~Model() {
  worker_.request_stop();
  if (worker_.joinable()) worker_.join();
  save(unsaved());
  publisher_.reset();
  if (!settings_.quiet && statistics_->visits > 0)
    std::fprintf(stderr, "expert-stream: %s\n", statistics_->summary().c_str());
}

Outcome<std::size_t> Model::add_mapping(const void* address, std::size_t size) {
  Outcome<MappedRange> range = find_mapping(address, size);
  if (!range) return tl::unexpected(range.error());
  Outcome<ModelFile> file =
      ModelFile::open(*range, settings_.direct && settings_.mode == Mode::cache);
  if (!file) return tl::unexpected(file.error());
  if (settings_.direct && settings_.mode == Mode::cache && !file->is_direct() && !settings_.quiet)
    std::fprintf(stderr,
                 "expert-stream: %s lies where files cannot be read directly; the page cache will "
                 "hold what it can a second time\n",
                 range->path.c_str());
  mappings_.push_back(*range);
  return store_->add_file(std::move(*file));
}

void Model::add_tensor(const char* name, const void* address, std::uint64_t slice_bytes,
                       int experts, std::size_t file) {
  const MappedRange& mapping = mappings_[file];
  by_address_[address] = store_->add_tensor(
      {.name = name,
       .file = file,
       .offset = mapping.offset + (reinterpret_cast<std::uintptr_t>(address) - mapping.begin),
       .slice_bytes = slice_bytes,
       .experts = experts});
}

std::vector<Model::DenseRange> Model::dense_ranges() const {
  std::vector<DenseRange> dense;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t file = 0; file < mappings_.size(); ++file) {
    const MappedRange& mapping = mappings_[file];
    const std::vector<MappedRange> parts = still_mapped(mapping);
    std::vector<DenseRange> experts;
    for (const TensorDescription& tensor : store_->tensors()) {
      if (tensor.file != file) continue;
      const std::uintptr_t begin = mapping.begin + (tensor.offset - mapping.offset);
      experts.push_back(
          {begin, begin + tensor.slice_bytes * static_cast<std::uint64_t>(tensor.experts)});
    }
    std::sort(experts.begin(), experts.end(),
              [](const DenseRange& a, const DenseRange& b) { return a.begin < b.begin; });
    experts.push_back({mapping.end, mapping.end});
    std::uintptr_t position = mapping.begin;
    for (const DenseRange& range : experts) {
      // Pages that hold the end of one and the begin of the other count as dense.
      const std::uintptr_t begin = position / page * page;
      const std::uintptr_t end = std::min((range.begin + page - 1) / page * page, mapping.end);
      if (range.begin > position)
        for (const MappedRange& part : parts)
          if (std::max(begin, part.begin) < std::min(end, part.end))
            dense.push_back({std::max(begin, part.begin), std::min(end, part.end)});
      position = std::max(position, range.end);
    }
  }
  return dense;
}

std::uint64_t Model::budget() const {
  const std::uint64_t whole = store_->whole_bytes();
  return std::min(
      whole, settings_.budget ? *settings_.budget : choose_budget(read_memory(), dense_bytes_));
}

void Model::read_dense() {
  if (dense_begun_) return;
  dense_begun_ = true;
  std::vector<DenseRange> dense = dense_ranges();
  for (const DenseRange& range : dense) dense_bytes_ += range.end - range.begin;
  worker_ = std::jthread(
      [this, dense = std::move(dense)](const std::stop_token& stop) { work(stop, dense); });
}

Outcome<void> Model::become_ready() {
  if (ready_) return {};
  read_dense();
  if (settings_.mode == Mode::cache) {
    const std::uint64_t least = store_->least_budget(experts_per_token_);
    const std::uint64_t now = budget();
    if (now < least)
      return failure("there is room for " + format_size(now) + " of experts beside " +
                     format_size(dense_bytes_) + " of dense weights, but one layer alone uses " +
                     format_size(least) +
                     "; free memory, or set EXPERT_STREAM_BUDGET if you know better");
  }
  if (settings_.mode != Mode::cache && settings_.advice == Advice::normal)
    for (const MappedRange& mapping : mappings_)
      ::madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin, MADV_NORMAL);
  ready_ = true;
  return {};
}

Outcome<void> Model::check() const {
  if (fault_) return tl::unexpected(*fault_);
  return {};
}

void Model::work(const std::stop_token& stop, const std::vector<DenseRange>& dense) {
  if (Outcome<void> read = populate(stop, dense); !read) {
    std::fprintf(stderr, "expert-stream: error: %s\n", read.error().message.c_str());
    const std::lock_guard lock(mutex_);
    fault_ = read.error();
    return;
  }
  if (!settings_.state_file.empty() && settings_.mode == Mode::cache) warm_and_save(stop);
}

// The mapping was told that access will be random. It stays so until all is read: a fault would
// otherwise read ahead past the end of its range, into experts. What is announced is read in order
// and far ahead, so that the device is never idle.
Outcome<void> Model::populate(const std::stop_token& stop,
                              const std::vector<DenseRange>& dense) const {
  std::vector<DenseRange> pieces;
  for (const DenseRange& range : dense)
    for (std::uintptr_t at = range.begin; at < range.end; at += ahead_chunk)
      pieces.push_back({at, std::min(range.end, at + ahead_chunk)});
  std::size_t announced = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (stop.stop_requested()) return {};
    for (; announced < std::min(pieces.size(), i + pieces_ahead); ++announced)
      ::madvise(reinterpret_cast<void*>(pieces[announced].begin),
                pieces[announced].end - pieces[announced].begin, MADV_WILLNEED);
    if (::madvise(reinterpret_cast<void*>(pieces[i].begin), pieces[i].end - pieces[i].begin,
                  MADV_POPULATE_READ) != 0 &&
        errno == EFAULT)
      return failure("the dense weights of " + mappings_[0].path +
                     " cannot be read; the disk fails or the file was cut short");
  }
  for (const DenseRange& range : dense)
    ::madvise(reinterpret_cast<void*>(range.begin), range.end - range.begin, MADV_NORMAL);
  return {};
}

void Model::warm_and_save(const std::stop_token& stop) {
  bool warming = true;
  std::uint64_t steps_before = ~std::uint64_t{0};
  auto save_at = std::chrono::steady_clock::now() + time_between_saves;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    // Nobody has computed since the last look: there is time.
    if (warming && ready_ && !fault_ && steps_ == steps_before) {
      if (Outcome<void> made = make_cache(); !made) {
        warming = false;  // the next step says why
      } else {
        Outcome<bool> more = store_->warm(experts_at_a_time);
        if (!more) {
          std::fprintf(stderr, "expert-stream: error: %s\n", more.error().message.c_str());
          fault_ = more.error();
        }
        warming = more && *more;
        // A step may have come meanwhile.
        lock.unlock();
        lock.lock();
        continue;
      }
    }
    steps_before = steps_;
    woken_.wait_for(lock, stop, warming ? time_between_looks : time_between_saves,
                    [] { return false; });
    if (std::chrono::steady_clock::now() < save_at) continue;
    const std::optional<SavedState> state = unsaved();
    lock.unlock();
    save(state);
    lock.lock();
    save_at = std::chrono::steady_clock::now() + time_between_saves;
  }
}

void Model::recall() {
  if (settings_.state_file.empty()) return;
  Outcome<std::string> identity = identity_of(*store_);
  if (!identity) return;  // reading experts will say so
  identity_ = *identity;
  Outcome<SavedState> state = read_state(settings_.state_file, identity_);
  if (state) {
    store_->recall(state->remembered, state->tokens_seen);
  } else if (!settings_.quiet) {
    std::fprintf(stderr, "expert-stream: begins with an empty cache: %s\n",
                 state.error().message.c_str());
  }
}

std::optional<SavedState> Model::unsaved() {
  if (identity_.empty() || fault_ || statistics_->visits == saved_visits_) return std::nullopt;
  saved_visits_ = statistics_->visits;
  return SavedState{store_->tokens_seen(), store_->remembered()};
}

void Model::save(const std::optional<SavedState>& state) const {
  if (!state) return;
  Outcome<void> written = write_state(settings_.state_file, identity_, *state);
  if (!written) std::fprintf(stderr, "expert-stream: %s\n", written.error().message.c_str());
}

Outcome<void> Model::make_cache() {
  if (store_->is_allocated() || settings_.mode != Mode::cache) return {};
  const std::uint64_t bytes = budget();
  Outcome<void> allocated = store_->allocate({.budget = bytes,
                                              .experts_per_token = experts_per_token_,
                                              .policy = settings_.policy,
                                              .huge_pages = settings_.huge_pages});
  if (allocated) recall();
  if (allocated && !settings_.quiet)
    std::fprintf(stderr, "expert-stream: %s for %s of experts; dense weights %s\n",
                 format_size(bytes).c_str(), format_size(store_->whole_bytes()).c_str(),
                 format_size(dense_bytes_).c_str());
  return allocated;
}

void Model::announce(std::size_t group, std::span<const Use> uses) {
  statistics_->visits += 1;
  statistics_->experts_used += uses.size();
  if (settings_.mode != Mode::page_cache) return;
  for (std::size_t i = 0; i < store_->tensors().size(); ++i) {
    if (store_->group_of(i) != group) continue;
    const TensorDescription& tensor = store_->tensors()[i];
    for (const Use& use : uses)
      ::posix_fadvise(store_->file(tensor.file).descriptor(),
                      static_cast<off_t>(tensor.offset + static_cast<std::uint64_t>(use.expert) *
                                                             tensor.slice_bytes),
                      static_cast<off_t>(tensor.slice_bytes), POSIX_FADV_WILLNEED);
  }
}

}  // namespace expert_stream
