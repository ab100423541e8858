// Lets calls through to the engines in the order of Lines, with threads: a caller waits in enter()
// until it is its turn, and learns from a stop token that it shall step back. Thread-safe; one
// mutex, callers wait on one condition.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/lines.h"

namespace lar::engine {

class Scheduler {
 public:
  using OnWait = decltype(Caller::on_wait);

  void add_lane(Role lane, int capacity, int most_waiting);
  // How many calls of a lane run side by side from now on.
  void set_capacity(Role lane, int capacity);

  // A turn at an engine, given back when it goes.
  class Turn {
   public:
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&&) = delete;
    ~Turn();
    // Stops when the call shall end what it does and wait_again().
    std::stop_token steps_back() const { return stop_.get_token(); }
    // Frees the engine and waits until it is this call's turn once more. Errors: cancelled.
    base::Status wait_again(std::stop_token stop);

   private:
    friend class Scheduler;
    Turn(Scheduler& scheduler, Role lane, Lines::Ticket ticket, OnWait on_wait)
        : scheduler_(&scheduler), lane_(lane), ticket_(ticket), on_wait_(std::move(on_wait)) {}
    Scheduler* scheduler_;
    Role lane_;
    Lines::Ticket ticket_;
    OnWait on_wait_;
    std::stop_source stop_;
  };
  // Calls caller.on_wait. Errors: engine.busy {role, count, seconds} where the line is full,
  // cancelled.
  base::Result<Turn> enter(Role lane, const Caller& caller, std::stop_token stop);

  // For what takes no room at an engine: waits only while the lane is held. Errors: cancelled.
  base::Status pass(Role lane, std::stop_token stop);
  // Nobody is let through until release(); waits until those inside have left.
  void hold_and_drain(Role lane);
  void release(Role lane);
  // Until it is ended no call begins; those inside go on, and pass() lets through.
  void pause(Role lane, bool paused);
  // Background and proactive calls step back and wait until all who hushed have ended it.
  void hush(bool hushed);
  // Those inside no longer count: the lane's engine has been replaced.
  void detach(Role lane);

  std::vector<WaitingCall> calls(Role lane) const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Entry {
    bool runs = false;
    base::Microseconds since = 0;  // it runs
    std::stop_source stop;
  };
  // Settles what follows from a change; unlocks, because who is told to stop may act at once.
  void settle(Lock& lock);
  base::Status wait(Lock& lock, Lines::Ticket ticket, std::stop_source& stop_source,
                    const OnWait& on_wait, const std::stop_token& stop);
  void leave(Role lane, Lines::Ticket ticket);

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Lines lines_;
  std::map<Lines::Ticket, Entry> entries_;
  std::map<Role, double> usual_seconds_;  // one turn, by the last ones
};

}  // namespace lar::engine
