// Reading in parallel, recording in order. The worker threads belong to the Pipeline and touch only
// the slot they took; the store is called from the thread of the source alone.
#include "sources/pipeline.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace lar::sources {

namespace {

using base::ErrorKind;
using base::Status;

constexpr std::size_t readers_at_once = 3;  // two readers busy, one file being opened and hashed
constexpr std::size_t window_items = 96;    // a slow file holds up recording, not reading, so far
constexpr std::uint64_t window_bytes = 48u << 20;
constexpr std::size_t batch_items = 64;
constexpr std::uint64_t batch_bytes = 4u << 20;
constexpr std::chrono::milliseconds batch_age{1'000};  // so that slow files can soon be found too
constexpr std::uint64_t largest_file = 256u << 20;

// Whether a file that failed so deserves another try although nothing about it changed.
bool worth_another_try(const base::Error& error) {
  if (error.retry == base::Retry::later) return true;
  switch (error.kind) {
    case ErrorKind::permission:
    case ErrorKind::unavailable:
    case ErrorKind::cancelled:
    case ErrorKind::no_space:
    case ErrorKind::busy:
    case ErrorKind::internal:
      return true;
    default:
      return false;
  }
}

// Errors of the store that concern everything, not one item.
bool concerns_everything(const base::Error& error) {
  return error.kind == ErrorKind::no_space || error.kind == ErrorKind::busy ||
         error.kind == ErrorKind::unavailable || error.kind == ErrorKind::cancelled ||
         error.kind == ErrorKind::permission;
}

}  // namespace

// ---- Skipped -----------------------------------------------------------------------------------

std::string readers_signature(const reading::ReadingService& reading) {
  auto readers = reading.readers();
  std::sort(readers.begin(), readers.end());
  std::string text;
  for (const auto& [name, version] : readers) text += name + ":" + std::to_string(version) + " ";
  return text;
}

ReadingBasis ReadingBasis::now(const reading::ReadingService& reading) {
  return {readers_signature(reading), base::Clock::zone(), sources::horizon()};
}

ReadingBasis ReadingBasis::from_json(const nlohmann::json& cursor) {
  ReadingBasis basis;
  basis.readers = cursor.at("readers").get<std::string>();
  basis.zone = cursor.at("zone").get<std::string>();
  basis.horizon.begin = cursor.at("horizon").at(0).get<base::Microseconds>();
  basis.horizon.end = cursor.at("horizon").at(1).get<base::Microseconds>();
  return basis;
}

void ReadingBasis::write_to(nlohmann::json& cursor) const {
  cursor["readers"] = readers;
  cursor["zone"] = zone;
  cursor["horizon"] = {horizon.begin, horizon.end};
}

Skipped Skipped::from_json(const nlohmann::json& value, const reading::ReadingService& reading) {
  Skipped skipped;
  skipped.readers_ = readers_signature(reading);
  if (!value.is_object() || value.value("readers", "") != skipped.readers_) return skipped;
  const auto files = value.find("files");
  if (files == value.end() || !files->is_object()) return skipped;
  for (const auto& [key, entry] : files->items()) {
    Entry& made = skipped.entries_[key];
    made.state.size = entry.value("size", std::uint64_t{0});
    made.state.modified = entry.value("modified", base::Microseconds{0});
    made.code = entry.value("code", "");
    made.definite = entry.value("definite", true);
    made.parameters = entry.value("parameters", base::Parameters{});
  }
  return skipped;
}

nlohmann::json Skipped::to_json() const {
  nlohmann::json files = nlohmann::json::object();
  for (const auto& [key, entry] : entries_) {
    files[key] = {{"size", entry.state.size},
                  {"modified", entry.state.modified},
                  {"code", entry.code},
                  {"definite", entry.definite},
                  {"parameters", entry.parameters}};
  }
  return {{"readers", readers_}, {"files", std::move(files)}};
}

const Skipped::Entry* Skipped::find(const std::string& key, const FileState& state) const {
  const auto found = entries_.find(key);
  const bool holds =
      found != entries_.end() && found->second.definite && found->second.state == state;
  return holds ? &found->second : nullptr;
}

void Skipped::add(const std::string& key, Entry entry) {
  const auto before = entries_.find(key);
  if (before != entries_.end() && before->second.state == entry.state &&
      before->second.code == entry.code) {
    entry.definite = true;
  }
  entries_[key] = std::move(entry);
}

void Skipped::keep_only(const std::set<std::string>& keys) { keep_only_below("", keys); }

void Skipped::keep_only_below(std::string_view prefix, const std::set<std::string>& keys) {
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.first.starts_with(prefix) && !keys.contains(entry.first);
  });
}

// ---- small helpers -----------------------------------------------------------------------------

std::string base_uid(std::string_view uid) { return std::string(uid.substr(0, uid.find("//"))); }

base::Result<std::set<PlacementKey>> outdated(SyncContext& context) {
  std::set<PlacementKey> keys;
  for (const auto& [name, version] : context.reading.readers()) {
    TRY_ASSIGN(const auto placements, context.store.made_by_older(name, version));
    for (const store::Placement& placement : placements) {
      if (placement.source == context.source.id) {
        keys.emplace(placement.folder, base_uid(placement.uid));
      }
    }
  }
  return keys;
}

tl::unexpected<base::Error> fail_cancelled() {
  return base::fail(ErrorKind::cancelled, "sync.cancelled", {}, base::Retry::later);
}

Status place(store::Store& store, const store::Placement& placement) {
  TRY_ASSIGN(store::StoredItem stored, store.item(placement.item));
  TRY_ASSIGN(stored.item.passages, store.passages(placement.item));
  std::string original;
  if (!stored.blob.empty()) {
    TRY_ASSIGN(original, store.original(placement.item));
  }
  store::Recording recording;
  recording.item = &stored.item;
  recording.placement = placement;
  recording.original = original;
  recording.producer = stored.producer;
  recording.producer_version = stored.producer_version;
  TRY(store.record(recording));
  return {};
}

// ---- Pipeline ----------------------------------------------------------------------------------

Pipeline::Pipeline(SyncContext& context, SyncReport& report, Skipped& skipped)
    : context_(context),
      report_(report),
      skipped_(skipped),
      horizon_(horizon()),
      zone_(base::Clock::zone()) {
  for (std::size_t i = 0; i < readers_at_once; ++i) {
    threads_.emplace_back([this](std::stop_token stop) { work(stop); });
  }
}

Pipeline::~Pipeline() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void Pipeline::expect(std::int64_t total) {
  progress_.total = total;
  advance(0);
}

void Pipeline::pass(std::int64_t count) {
  report_.unchanged += count;
  advance(count);
}

void Pipeline::advance(std::int64_t count) {
  progress_.done += count;
  if (context_.progress) context_.progress(progress_);
}

void Pipeline::work(std::stop_token stop) {
  // A sync that is cancelled stops its threads' reading too.
  std::stop_source either;
  const std::stop_callback on_end(stop, [&] { either.request_stop(); });
  const std::stop_callback on_cancel(context_.stop, [&] { either.request_stop(); });
  for (;;) {
    Slot* slot = nullptr;
    {
      std::unique_lock lock(mutex_);
      if (!work_.wait(lock, stop, [&] { return !queue_.empty(); })) return;
      slot = queue_.front();
      queue_.pop_front();
    }
    look_at(*slot, either.get_token());
    {
      const std::lock_guard lock(mutex_);
      slot->done = true;
    }
    ready_.notify_all();
  }
}

void Pipeline::look_at(Slot& slot, std::stop_token stop) {
  const Task& task = slot.task;
  const auto failed = [&](base::Error error) {
    slot.finding = Finding::failed;
    slot.error = std::move(error);
  };
  if (stop.stop_requested()) return failed(fail_cancelled().value());

  // Opened twice at most: a file that changes while it is read is read again, once.
  for (int attempt = 0; attempt < 2; ++attempt) {
    os::Descriptor file;
    struct stat before{};
    if (task.load) {
      auto loaded = task.load(task);
      if (!loaded) return failed(std::move(loaded).error());
      if (!*loaded) {
        slot.finding = Finding::vanished;
        return;
      }
      slot.original = std::move((*loaded)->bytes);
      slot.fingerprint = std::move((*loaded)->fingerprint);
    } else {
      auto opened = open_regular(task.path);
      if (!opened) return failed(std::move(opened).error());
      if (!*opened) {
        slot.finding = Finding::vanished;
        return;
      }
      file = std::move(**opened);
      if (::fstat(file.get(), &before) != 0) {
        return failed(base::fail_errno(errno, task.path, "stat").value());
      }
      const auto size = static_cast<std::uint64_t>(before.st_size);
      if (size > largest_file) {
        return failed(
            base::fail(ErrorKind::unsupported, "source.too_large",
                       {{"path", task.relative_path}, {"megabytes", std::to_string(size >> 20)}})
                .value());
      }
      if (task.keep == Keep::original) {
        auto bytes = read_range(file.get(), 0, size, task.path);
        if (!bytes) return failed(std::move(bytes).error());
        if (!*bytes) continue;
        slot.original = std::move(**bytes);
        slot.fingerprint = os::sha256(slot.original);
      } else {
        auto hash = hash_of(file.get(), task.path);
        if (!hash) return failed(std::move(hash).error());
        slot.fingerprint = std::move(*hash);
      }
    }
    if (task.keep == Keep::original) {
      // The reader gets exactly the bytes that are hashed and kept, whatever happens to the file.
      auto memory = memory_file(slot.original);
      if (!memory) return failed(std::move(memory).error());
      file = std::move(*memory);
    }

    if (!task.known.empty() && task.known.front().fingerprint == slot.fingerprint) {
      slot.finding = Finding::same;
      return;
    }
    for (std::size_t i = 0; i < task.elsewhere.size(); ++i) {
      if (task.elsewhere[i].fingerprint == slot.fingerprint) {
        slot.finding = Finding::elsewhere;
        slot.match = i;
        return;
      }
    }

    if (claim(slot)) return;

    reading::Request request;
    request.descriptor = file.get();
    request.length = task.keep == Keep::original ? slot.original.size()
                                                 : static_cast<std::uint64_t>(before.st_size);
    // File names may be any bytes; what is stored and sent on is text.
    request.name = base::clean_utf8(task.name);
    request.media_type = task.media_type;
    request.path = base::clean_utf8(task.relative_path);
    request.modified = task.modified;
    request.owner_zone = zone_;
    request.horizon_begin = horizon_.begin;
    request.horizon_end = horizon_.end;
    auto reading = context_.reading.read(request, stop);
    if (task.keep == Keep::reference) {
      struct stat after{};
      if (::fstat(file.get(), &after) == 0 && !(state_of(after) == state_of(before))) {
        // Hash and text may be of different bytes: without a fingerprint the next sync reads again.
        slot.fingerprint.clear();
        if (attempt == 0) continue;
      }
    }
    if (!reading) return failed(std::move(reading).error());
    slot.reading = std::move(*reading);
    slot.finding = Finding::read;
    return;
  }
  slot.finding = Finding::vanished;
}

// Takes one of the vanished files for this slot, if one had its bytes. Called by the worker
// threads.
bool Pipeline::claim(Slot& slot) {
  const auto& vanished = slot.task.vanished;
  for (std::size_t i = 0; i < vanished.size(); ++i) {
    const store::Placement& first = vanished[i].front();
    if (first.fingerprint != slot.fingerprint) continue;
    const std::lock_guard lock(mutex_);
    if (!moved_.emplace(first.folder, base_uid(first.uid)).second) continue;
    slot.finding = Finding::moved;
    slot.match = i;
    return true;
  }
  return false;
}

Status Pipeline::move(const Task& task, const std::vector<store::Placement>& from) {
  for (const store::Placement& old : from) {
    store::Placement placement = task.placement;
    placement.uid += old.uid.substr(base_uid(old.uid).size());
    placement.fingerprint = old.fingerprint;
    TRY(context_.store.move_placement(old, placement));
  }
  skipped_.remove(task.key);
  report_.changed += static_cast<std::int64_t>(from.size());
  advance(1);
  return {};
}

Status Pipeline::add(Task task) {
  if (context_.stop.stop_requested()) {
    TRY(flush());
    return fail_cancelled();
  }
  auto slot = std::make_unique<Slot>();
  slot->task = std::move(task);
  slot->weight = slot->task.keep == Keep::original ? slot->task.placement.size : 0;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (window_.empty() ||
          (window_.size() < window_items && weight_ + slot->weight <= window_bytes)) {
        weight_ += slot->weight;
        queue_.push_back(slot.get());
        window_.push_back(std::move(slot));
        break;
      }
    }
    TRY(take_front());
  }
  work_.notify_one();
  return take_ready();
}

Status Pipeline::take_ready() {
  for (;;) {
    std::unique_ptr<Slot> slot;
    {
      const std::lock_guard lock(mutex_);
      if (window_.empty() || !window_.front()->done) return {};
      slot = std::move(window_.front());
      window_.pop_front();
      weight_ -= slot->weight;
    }
    TRY(take(std::move(slot)));
  }
}

Status Pipeline::take_front() {
  std::unique_ptr<Slot> slot;
  {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, context_.stop, [&] { return window_.front()->done; });
    if (window_.front()->done) {
      slot = std::move(window_.front());
      window_.pop_front();
      weight_ -= slot->weight;
    }
  }
  if (!slot) {
    TRY(flush());
    return fail_cancelled();
  }
  return take(std::move(slot));
}

Status Pipeline::finish() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (window_.empty()) break;
    }
    TRY(take_front());
  }
  return flush();
}

Status Pipeline::take(std::unique_ptr<Slot> slot) {
  Task& task = slot->task;
  switch (slot->finding) {
    case Finding::vanished:
      disturbed_ = true;
      advance(1);
      return {};
    case Finding::failed:
      if (slot->error.kind == ErrorKind::cancelled) {
        TRY(flush());
        return fail_cancelled();
      }
      fail(task, slot->error);
      advance(1);
      return {};
    case Finding::same:
      for (store::Placement placement : task.known) {
        placement.flags = task.placement.flags;
        placement.path = task.placement.path;
        placement.size = task.placement.size;
        placement.modified = task.placement.modified;
        TRY(context_.store.update_placement(placement));
      }
      report_.unchanged += static_cast<std::int64_t>(task.known.size());
      advance(1);
      return {};
    case Finding::elsewhere: {
      store::Placement placement = task.placement;
      placement.item = task.elsewhere[slot->match].item;
      placement.fingerprint = slot->fingerprint;
      TRY(place(context_.store, placement));
      ++report_.changed;
      advance(1);
      return {};
    }
    case Finding::moved:
      return move(task, task.vanished[slot->match]);
    case Finding::read:
      break;
  }
  const auto now = std::chrono::steady_clock::now();
  if (batch_.empty()) batch_begun_ = now;
  batch_bytes_ += slot->original.size();
  batch_.push_back(std::move(slot));
  if (batch_.size() >= batch_items || batch_bytes_ >= batch_bytes ||
      now - batch_begun_ >= batch_age) {
    return flush();
  }
  return {};
}

Status Pipeline::record(Slot& slot, std::vector<store::Recording>& recordings,
                        std::vector<std::string>& uids) {
  std::set<std::string> used;
  const std::string base = slot.task.placement.uid;
  for (const domain::Item& item : slot.reading.items) {
    store::Recording recording;
    recording.item = &item;
    recording.placement = slot.task.placement;
    recording.placement.source = context_.source.id;
    recording.placement.fingerprint = slot.fingerprint;
    if (slot.reading.items.size() > 1) {
      recording.placement.uid = base + "//" + item.external_id;
      for (int copy = 2; used.contains(recording.placement.uid); ++copy) {
        recording.placement.uid = base + "//" + item.external_id + "//" + std::to_string(copy);
      }
    }
    used.insert(recording.placement.uid);
    recording.original = slot.original;
    recording.producer = slot.reading.producer;
    recording.producer_version = slot.reading.producer_version;
    uids.push_back(recording.placement.uid);
    recordings.push_back(std::move(recording));
  }
  return {};
}

// After the items of a file are recorded: what the file held before and holds no longer goes.
Status Pipeline::settle(Slot& slot, const std::vector<std::string>& uids) {
  const Task& task = slot.task;
  std::vector<store::Placement> gone;
  for (const store::Placement& placement : task.known) {
    if (std::find(uids.begin(), uids.end(), placement.uid) == uids.end()) gone.push_back(placement);
  }
  if (!gone.empty()) {
    TRY_ASSIGN(const std::int64_t removed, context_.store.forget(gone));
    report_.removed += removed;
  }
  for (const domain::Item& item : slot.reading.items) {
    for (const domain::Notice& notice : item.notices) report_.note(item.external_id, notice);
  }
  if (slot.reading.items.empty()) {
    skipped_.add(task.key, {{task.placement.size, task.placement.modified}, "", {}, true});
  } else {
    skipped_.remove(task.key);
  }
  advance(1);
  return {};
}

void Pipeline::count(const store::RecordOutcome& outcome) {
  switch (outcome.what) {
    case store::Recorded::added:
      ++report_.added;
      break;
    case store::Recorded::changed:
      ++report_.changed;
      break;
    case store::Recorded::unchanged:
    case store::Recorded::placed:
      ++report_.unchanged;
      break;
  }
}

Status Pipeline::flush() {
  if (batch_.empty()) return {};
  std::vector<store::Recording> recordings;
  std::vector<std::vector<std::string>> uids(batch_.size());
  for (std::size_t i = 0; i < batch_.size(); ++i) TRY(record(*batch_[i], recordings, uids[i]));

  auto outcomes = context_.store.record_all(recordings);
  if (outcomes) {
    for (const store::RecordOutcome& outcome : *outcomes) count(outcome);
    for (std::size_t i = 0; i < batch_.size(); ++i) TRY(settle(*batch_[i], uids[i]));
  } else if (concerns_everything(outcomes.error()) || batch_.size() == 1) {
    if (concerns_everything(outcomes.error())) return tl::unexpected(std::move(outcomes).error());
    fail(batch_.front()->task, outcomes.error());
    advance(1);
  } else {
    // One item the store refuses must not keep the others out: each file on its own.
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      std::vector<store::Recording> own;
      std::vector<std::string> own_uids;
      TRY(record(*batch_[i], own, own_uids));
      auto recorded = context_.store.record_all(own);
      if (recorded) {
        for (const store::RecordOutcome& outcome : *recorded) count(outcome);
        TRY(settle(*batch_[i], own_uids));
      } else if (concerns_everything(recorded.error())) {
        return tl::unexpected(std::move(recorded).error());
      } else {
        fail(batch_[i]->task, recorded.error());
        advance(1);
      }
    }
  }
  batch_.clear();
  batch_bytes_ = 0;
  return {};
}

void Pipeline::fail(const Task& task, const base::Error& error) {
  ++report_.failed;
  report_.note(task.relative_path, {error.code, error.parameters});
  if (!worth_another_try(error)) {
    // A reader that took too long or died may have met a suspended or starved machine.
    const bool definite = error.kind != ErrorKind::timeout && error.code != "reading.crashed" &&
                          error.code != "reading.memory";
    skipped_.add(
        task.key,
        {{task.placement.size, task.placement.modified}, error.code, error.parameters, definite});
  }
}

}  // namespace lar::sources
