// See scheduler.h.
#include "engine/scheduler.h"

#include <algorithm>
#include <cmath>

namespace lar::engine {
using base::ErrorKind;
using base::fail;
namespace {

// A call that waits is told so again after the first and then after each of the second, even where
// nothing has changed.
constexpr std::chrono::seconds told_again(1), told_every(10);

}  // namespace

void Scheduler::add_lane(Role lane, int capacity, int most_waiting) {
  const std::lock_guard lock(mutex_);
  lines_.add_lane(lane, capacity, most_waiting);
}

void Scheduler::set_capacity(Role lane, int capacity) {
  Lock lock(mutex_);
  if (lines_.capacity(lane) == capacity) return;
  lines_.set_capacity(lane, capacity);
  settle(lock);
}

Scheduler::Turn::Turn(Turn&& other) noexcept
    : scheduler_(other.scheduler_),
      lane_(other.lane_),
      ticket_(other.ticket_),
      on_wait_(std::move(other.on_wait_)),
      stop_(std::move(other.stop_)) {
  other.scheduler_ = nullptr;
}

Scheduler::Turn::~Turn() {
  if (scheduler_ != nullptr) scheduler_->leave(lane_, ticket_);
}

void Scheduler::settle(Lock& lock) {
  for (const Lines::Ticket ticket : lines_.serve()) {
    entries_[ticket].runs = true;
    entries_[ticket].since = base::steady_now();
  }
  std::vector<std::stop_source> told;
  for (const Lines::Ticket ticket : lines_.in_the_way()) told.push_back(entries_[ticket].stop);
  lock.unlock();
  changed_.notify_all();
  for (std::stop_source& one : told) one.request_stop();
}

base::Status Scheduler::wait(Lock& lock, Lines::Ticket ticket, std::stop_source& stop_source,
                             const OnWait& on_wait, const std::stop_token& stop) {
  stop_source = entries_[ticket].stop = std::stop_source();
  settle(lock);
  lock.lock();
  const auto runs = [&] { return entries_.at(ticket).runs; };
  if (on_wait && !runs()) {
    const auto begun = std::chrono::steady_clock::now();
    const auto tell = [&](int position) {
      lock.unlock();
      on_wait(position, std::chrono::duration_cast<std::chrono::milliseconds>(
                            std::chrono::steady_clock::now() - begun));
      lock.lock();
    };
    std::chrono::seconds next = told_again;
    while (!runs() && !stop.stop_requested()) {
      const int position = lines_.position(ticket);
      tell(position);
      const bool changed = changed_.wait_for(
          lock, stop, next, [&] { return runs() || lines_.position(ticket) != position; });
      if (!changed) next = told_every;
    }
    if (runs()) tell(0);
  }
  const bool mine = changed_.wait(lock, stop, runs);
  if (mine && !stop.stop_requested()) return {};
  return fail(ErrorKind::cancelled, "cancelled");
}

base::Result<Scheduler::Turn> Scheduler::enter(Role lane, const Caller& caller,
                                               std::stop_token stop) {
  Lock lock(mutex_);
  const Lines::Ticket ticket = lines_.arrive(lane, caller);
  if (ticket == 0) {
    const int waiting = lines_.waiting_before(lane, caller.urgency);
    const double seconds = usual_seconds_[lane] * (waiting + 1);
    return fail(ErrorKind::busy, "engine.busy",
                {{"role", std::string(name_of(lane))},
                 {"count", std::to_string(waiting)},
                 {"seconds", std::to_string(std::clamp(std::lround(seconds) + 1, 1L, 600L))}},
                base::Retry::later);
  }
  Turn turn(*this, lane, ticket, caller.on_wait);
  const auto entered = wait(lock, ticket, turn.stop_, turn.on_wait_, stop);
  lock.unlock();
  if (!entered) return tl::unexpected<base::Error>(entered.error());
  return turn;
}

base::Status Scheduler::Turn::wait_again(std::stop_token stop) {
  Scheduler& scheduler = *scheduler_;
  Lock lock(scheduler.mutex_);
  scheduler.lines_.step_back(ticket_);
  scheduler.entries_.at(ticket_).runs = false;
  return scheduler.wait(lock, ticket_, stop_, on_wait_, stop);
}

void Scheduler::leave(Role lane, Lines::Ticket ticket) {
  Lock lock(mutex_);
  const auto entry = entries_.find(ticket);
  if (entry != entries_.end()) {
    if (entry->second.runs) {
      const double took = static_cast<double>(base::steady_now() - entry->second.since) / 1e6;
      double& usual = usual_seconds_[lane];
      usual = usual == 0 ? took : 0.8 * usual + 0.2 * took;
    }
    entries_.erase(entry);
  }
  lines_.leave(ticket);
  settle(lock);
}

base::Status Scheduler::pass(Role lane, std::stop_token stop) {
  Lock lock(mutex_);
  if (changed_.wait(lock, stop, [&] { return !lines_.held(lane); })) return {};
  return fail(ErrorKind::cancelled, "cancelled");
}

void Scheduler::hold_and_drain(Role lane) {
  Lock lock(mutex_);
  lines_.hold(lane, true);
  settle(lock);
  lock.lock();
  changed_.wait(lock, [&] { return lines_.running(lane) == 0; });
}

void Scheduler::release(Role lane) {
  Lock lock(mutex_);
  lines_.hold(lane, false);
  settle(lock);
}

void Scheduler::pause(Role lane, bool paused) {
  Lock lock(mutex_);
  lines_.pause(lane, paused);
  settle(lock);
}

void Scheduler::hush(bool hushed) {
  Lock lock(mutex_);
  lines_.hush(hushed);
  settle(lock);
}

void Scheduler::detach(Role lane) {
  Lock lock(mutex_);
  lines_.detach(lane);
  settle(lock);
}

std::vector<WaitingCall> Scheduler::calls(Role lane) const {
  const std::lock_guard lock(mutex_);
  return lines_.calls(lane);
}

}  // namespace lar::engine
