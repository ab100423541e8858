// What work in the background may cost a day, and what it has cost today. The owner's limits stand
// in HOME/background.toml (tokens_per_day, minutes_per_day, watt_hours_per_day; none: no limit) and
// are read anew whenever work asks; what was used is kept in HOME/background_use.json, so that a
// restart forgives nothing. Days are the owner's. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"

namespace lar::engine {

class Budget {
 public:
  explicit Budget(std::string home);
  ~Budget();  // writes what was used
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  // Whether background work may begin. Errors: engine.over_budget {limit, unit}, toml.malformed.
  base::Status admit();
  BackgroundStatus status();

  // One stretch of background work: its time and, where the machine tells, its energy.
  class Stretch {
   public:
    explicit Stretch(Budget* budget);  // none: nothing is counted
    ~Stretch();
    Stretch(const Stretch&) = delete;
    Stretch& operator=(const Stretch&) = delete;
    void count_tokens(int tokens) { tokens_ += tokens; }

   private:
    Budget* budget_;
    base::Microseconds begun_;
    std::optional<std::uint64_t> energy_;
    std::int64_t tokens_ = 0;
  };

 private:
  base::Result<DailyCost> limits() const;
  void begin_day();
  void spend(const DailyCost& cost);
  void write();

  const std::string home_;
  std::mutex mutex_;
  std::string day_;
  DailyCost used_;
  base::Microseconds written_at_ = 0;
};

}  // namespace lar::engine
