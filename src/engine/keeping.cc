// Long prompts that go to the disk and come back, see kept_prompts.h. A call waits for no saving:
// that is done in a background turn, once nobody has asked anything for a moment. Bringing back is
// done in the call itself, before its prompt is sent, where it saves the most. Neither can make a
// call fail or an answer wrong: the engine compares the tokens itself, and a file whose checksum is
// not right is not given to it.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "engine/engines.h"

namespace lar::engine {
using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Status;
using std::chrono::milliseconds;
namespace {

// A client's prompt with fewer tokens is read again as fast as it is worth, and saved anew only
// when so many more have come.
constexpr int least_tokens = 1024;
constexpr int more_tokens = 256;
// The beginning of lar's own prompts: it is read at the first question after every start.
constexpr std::size_t least_own_bytes = 1500;
constexpr std::size_t own_tolerance = 16;
constexpr int own_times = 3;
constexpr int least_own_tokens = 256;
// Brought back only where so many need not be read.
constexpr int least_gain = 256;
// A body that repeats this share of the one before goes on with what lies in the slot.
constexpr double goes_on_share = 0.8;
// The engine reads the last token again in any case, and a few at the seam.
constexpr int margin = 8;
constexpr milliseconds quiet_time(300);

// llama-server has its slots by number; without two of them everything is in the first.
int slot_of(const Backend& backend) { return std::max(0, backend.slot_for(Urgency::interactive)); }

}  // namespace

void CachedCount::feed(std::string_view piece) {
  if (head_.size() < kept_bytes) head_ += piece.substr(0, kept_bytes - head_.size());
  tail_ += piece;
  if (tail_.size() > 2 * kept_bytes) tail_.erase(0, tail_.size() - kept_bytes);
}

std::optional<int> CachedCount::tokens() const {
  std::optional<int> most;
  for (const std::string* bytes : {&head_, &tail_}) {
    for (const std::string_view key :
         {"\"cache_n\":", "\"cached_tokens\":", "\"cache_read_input_tokens\":"}) {
      for (std::size_t at = bytes->find(key); at != std::string::npos;
           at = bytes->find(key, at + 1)) {
        // Inside of a text its quotes are escaped.
        if (at > 0 && (*bytes)[at - 1] == '\\') continue;
        const long count = std::strtol(bytes->c_str() + at + key.size(), nullptr, 10);
        if (count >= 0 && count < (1 << 30))
          most = std::max(most.value_or(0), static_cast<int>(count));
      }
    }
  }
  return most;
}

std::optional<KeptPrompts::Match> EnginesImpl::bring_back(Backend& backend,
                                                          std::uint64_t generation,
                                                          const std::string& body,
                                                          const std::string& client,
                                                          std::stop_token stop) {
  if (backend.keep_key.empty() || body.empty()) return std::nullopt;
  {
    const std::lock_guard lock(backend.last_mutex);
    // The beginning of lar's own prompts stays in the slot, or in the engine's own cache, once it
    // has been there.
    if (client == own_client && std::exchange(backend.own_sought, generation) == generation) {
      return std::nullopt;
    }
    const std::string& before = backend.last.body;
    const auto ends = std::mismatch(body.begin(), body.end(), before.begin(), before.end());
    if (backend.last.generation == generation && !before.empty() &&
        static_cast<double>(ends.second - before.begin()) >=
            goes_on_share * static_cast<double>(before.size())) {
      return std::nullopt;
    }
  }
  const auto prompt = backend.client->prompt_of(body, stop);
  if (!prompt || !*prompt) return std::nullopt;
  const std::vector<int>& tokens = (*prompt)->tokens;
  int held = 0;
  {
    const std::lock_guard lock(backend.last_mutex);
    if (backend.last.generation == generation) {
      const auto ends = std::mismatch(tokens.begin(), tokens.end(), backend.last.tokens.begin(),
                                      backend.last.tokens.end());
      held = static_cast<int>(ends.first - tokens.begin());
    }
    backend.last.tokens = tokens;
  }
  const auto match = kept_prompts_.longest(backend.keep_key, tokens);
  if (!match || match->tokens - held < least_gain) return std::nullopt;
  if (const Status sound = kept_prompts_.check(match->name); !sound) {
    const std::lock_guard lock(keep_mutex_);
    ++kept_.damaged;
    return std::nullopt;
  }
  const auto restored = backend.client->restore_slot(slot_of(backend), match->name + ".slot", stop);
  if (restored && *restored >= match->tokens) return match;
  if (stop.stop_requested()) return std::nullopt;
  // The engine does not take what it wrote: of no use to anybody.
  kept_prompts_.remove(match->name);
  const std::lock_guard lock(keep_mutex_);
  ++kept_.damaged;
  return std::nullopt;
}

void EnginesImpl::prompt_was_read(Role role, std::shared_ptr<Backend> backend,
                                  std::uint64_t generation, const std::string& body,
                                  const std::string& client,
                                  const std::optional<KeptPrompts::Match>& brought,
                                  std::optional<int> cached) {
  if (backend->keep_key.empty()) return;
  // A call that was stopped or refused says nothing.
  if (brought && cached) {
    const bool of_use = *cached >= brought->tokens - margin;
    if (of_use) {
      kept_prompts_.used(brought->name);
    } else {
      kept_prompts_.remove(brought->name);
    }
    const std::lock_guard lock(keep_mutex_);
    if (of_use) {
      ++kept_.restored;
      kept_.restored_tokens += *cached;
    } else {
      ++kept_.recomputed;
    }
  }
  KeepJob job{role, backend, generation, 0, client == own_client};
  bool worth_it = !body.empty() && !job.own;
  {
    const std::lock_guard lock(backend->last_mutex);
    Backend::LastPrompt& last = backend->last;
    if (body.empty() || job.own) last.tokens.clear();
    last.generation = generation;
    job.number = ++last.number;
    last.body = body;
    last.client = client;
    if (job.own && !body.empty()) {
      Backend::SharedBeginning& own = backend->own;
      const auto ends = std::mismatch(body.begin(), body.end(), own.now.begin(), own.now.end());
      const auto same = static_cast<std::size_t>(ends.first - body.begin());
      const std::size_t apart = std::max(same, own.bytes) - std::min(same, own.bytes);
      own.times = apart <= own_tolerance ? own.times + 1 : 1;
      own.bytes = same;
      own.before = std::exchange(own.now, body);
      worth_it = own.times == own_times && same >= least_own_bytes;
    }
  }
  if (worth_it) keep_later(std::move(job));
}

void EnginesImpl::keep_later(KeepJob job) {
  {
    const std::lock_guard lock(keep_mutex_);
    std::erase_if(to_keep_, [&](const KeepJob& other) {
      return other.backend == job.backend && other.own == job.own;
    });
    to_keep_.push_back(std::move(job));
  }
  keep_changed_.notify_all();
}

void EnginesImpl::keep_prompts(std::stop_token stop) {
  std::unique_lock lock(keep_mutex_);
  while (keep_changed_.wait(lock, stop, [&] { return !to_keep_.empty(); })) {
    const KeepJob job = to_keep_.front();
    const auto is_it = [&](const KeepJob& other) {
      return other.backend == job.backend && other.own == job.own && other.number == job.number;
    };
    const auto overtaken = [&] { return std::none_of(to_keep_.begin(), to_keep_.end(), is_it); };
    if (keep_changed_.wait_for(lock, stop, quiet_time, overtaken)) continue;
    if (stop.stop_requested()) return;  // what waits is saved by stop_all()
    std::erase_if(to_keep_, is_it);
    lock.unlock();
    const Status done = [&]() -> Status {
      TRY_ASSIGN(auto turn,
                 scheduler_.enter(job.role, {Urgency::background, "kept prompts"}, stop));
      while (true) {
        std::stop_source either;
        const std::stop_callback by_end(stop, [&] { either.request_stop(); });
        const std::stop_token steps_back = turn.steps_back();
        const std::stop_callback by_others(steps_back, [&] {
          // A save is short, and a slot that is being read half would be of no use.
          if (job.own) either.request_stop();
        });
        Status kept = keep_prompt(job, either.get_token());
        if (kept || stop.stop_requested() || !steps_back.stop_requested()) return kept;
        TRY(turn.wait_again(stop));
      }
    }();
    lock.lock();
    if (done) {
      kept_.error.reset();
    } else if (done.error().kind != ErrorKind::cancelled) {
      kept_.error = done.error();
    } else if (stop.stop_requested()) {
      to_keep_.push_back(job);  // for stop_all()
    }
  }
}

Status EnginesImpl::keep_prompt(const KeepJob& job, std::stop_token stop) {
  Backend& backend = *job.backend;
  {
    const std::lock_guard lock(retired_mutex_);
    ++backend.calls;
  }
  backend.host->touch(1);
  struct Leave {
    EnginesImpl& engines;
    Backend& backend;
    ~Leave() {
      backend.host->touch(-1);
      {
        const std::lock_guard lock(engines.retired_mutex_);
        --backend.calls;
      }
      engines.retired_changed_.notify_all();
    }
  } const leave{*this, backend};
  if (!kept_prompts_.trim()) return {};
  if (backend.host->has_ended(job.generation, milliseconds(0))) return {};
  if (job.own) return keep_own_beginning(job, stop);
  Backend::LastPrompt last;
  {
    const std::lock_guard lock(backend.last_mutex);
    last = backend.last;
  }
  // Another prompt lies in the slot by now.
  if (last.number != job.number) return {};
  TRY_ASSIGN(auto prompt, backend.client->prompt_of(last.body, stop));
  if (!prompt) return {};
  const auto tokens = static_cast<int>(prompt->tokens.size());
  const auto covered = kept_prompts_.longest(backend.keep_key, prompt->tokens);
  if (tokens < least_tokens || (covered && tokens - covered->tokens < more_tokens)) return {};
  TRY_ASSIGN(const EngineClient::Slot slot, backend.client->slot(slot_of(backend), stop));
  // A call that was stopped has not read all of it.
  if (slot.tokens < least_tokens) return {};
  prompt->tokens.resize(static_cast<std::size_t>(std::min(tokens, slot.tokens)));
  return save_slot(backend, last.client, std::move(prompt->tokens), slot.tokens, stop);
}

// The slot is made to hold the shared beginning and nothing else, which costs little: all of it was
// read a moment ago.
Status EnginesImpl::keep_own_beginning(const KeepJob& job, std::stop_token stop) {
  Backend& backend = *job.backend;
  std::string before, now;
  {
    const std::lock_guard lock(backend.last_mutex);
    before = backend.own.before;
    now = backend.own.now;
  }
  TRY_ASSIGN(const auto one, backend.client->prompt_of(before, stop));
  TRY_ASSIGN(const auto other, backend.client->prompt_of(now, stop));
  if (!one || !other) return {};
  const auto ends = std::mismatch(one->tokens.begin(), one->tokens.end(), other->tokens.begin(),
                                  other->tokens.end());
  // The last token may belong to what follows.
  const std::size_t same = static_cast<std::size_t>(ends.first - one->tokens.begin());
  if (same <= least_own_tokens) return {};
  std::vector<int> tokens(one->tokens.begin(), one->tokens.begin() + static_cast<long>(same) - 1);
  const auto covered = kept_prompts_.longest(backend.keep_key, tokens);
  if (covered && covered->tokens + margin >= static_cast<int>(tokens.size())) return {};
  forget_last_prompt(backend);
  // Should the engine have lost it meanwhile, it is read in pieces that hold up nobody.
  const std::size_t piece = backend.pace.piece();
  for (std::size_t read = 0; read < tokens.size();) {
    if (stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
    read = std::min(read + piece, tokens.size());
    TRY(backend.client->read_beginning(std::span(tokens).first(read), slot_of(backend), stop));
  }
  TRY_ASSIGN(const EngineClient::Slot slot, backend.client->slot(slot_of(backend), stop));
  if (slot.tokens < static_cast<int>(tokens.size())) return {};
  return save_slot(backend, own_client, std::move(tokens), slot.tokens, stop);
}

Status EnginesImpl::save_slot(Backend& backend, const std::string& client, std::vector<int> tokens,
                              int in_slot, std::stop_token stop) {
  const std::int64_t expected =
      backend.bytes_a_token * in_slot + (std::int64_t{in_slot} << 5) + (1 << 20);
  TRY_ASSIGN(const std::string name, kept_prompts_.prepare(expected));
  const auto written = backend.client->save_slot(slot_of(backend), name + ".slot", stop);
  if (!written) {
    kept_prompts_.abandon(name);
    if (written.error().code != "engine.bad_answer") return tl::unexpected<Error>(written.error());
    return fail(ErrorKind::no_space, "keep.not_written", {{"path", kept_prompts_.folder()}});
  }
  TRY(kept_prompts_.keep(name, backend.keep_key, client, std::move(tokens), *written));
  const std::lock_guard lock(keep_mutex_);
  ++kept_.saved;
  return {};
}

// Before the engines end: what was asked last is worth its second.
void EnginesImpl::keep_what_waits() {
  std::vector<KeepJob> jobs;
  {
    const std::lock_guard lock(keep_mutex_);
    jobs.swap(to_keep_);
  }
  for (const KeepJob& job : jobs) {
    const Status done = keep_prompt(job, {});
    const std::lock_guard lock(keep_mutex_);
    if (!done) kept_.error = done.error();
  }
}

KeptStatus EnginesImpl::kept() {
  const KeptPrompts::Totals totals = kept_prompts_.totals();
  const std::lock_guard lock(keep_mutex_);
  KeptStatus status = kept_;
  status.files = totals.files;
  status.bytes = totals.bytes;
  status.limit = totals.limit;
  return status;
}

int EnginesImpl::forget_kept(const std::string& client) {
  {
    const std::lock_guard lock(keep_mutex_);
    std::erase_if(to_keep_, [&](const KeepJob& job) {
      const std::lock_guard last(job.backend->last_mutex);
      return job.backend->last.client == client;
    });
  }
  return kept_prompts_.forget(client);
}

int EnginesImpl::forget_all_kept() {
  {
    const std::lock_guard lock(keep_mutex_);
    to_keep_.clear();
    // What could not be written is of what is gone.
    kept_.error.reset();
  }
  return kept_prompts_.forget_all();
}

}  // namespace lar::engine
