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
#include "os/power.h"

namespace lar::engine {

class Budget {
 public:
  // `energy_folder`: where the kernel shows what the processor has drawn.
  explicit Budget(std::string home, std::string energy_folder = os::powercap_folder);
  ~Budget();  // writes what was used
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  // Whether background work may begin, or go on. Errors: engine.over_budget {limit, unit},
  // toml.malformed, settings.malformed {path, line, field}: what the owner has limited and cannot
  // be read is not taken for no limit.
  base::Status admit();
  BackgroundStatus status();
  // Other limits (0: none) from now on; what else stands in the owner's file, remarks above all,
  // stays. Errors: as admit() for a file that cannot be read (it is the owner's to mend), those of
  // writing.
  base::Status set_limits(const DailyCost& limit);

  // One stretch of background work: its time and, where the machine tells, its energy.
  class Stretch {
   public:
    explicit Stretch(Budget* budget);  // none: nothing is counted
    ~Stretch();
    Stretch(const Stretch&) = delete;
    Stretch& operator=(const Stretch&) = delete;
    void count_tokens(int tokens) { tokens_ += tokens; }
    // Between two pieces of the work: counts what it has cost so far. Errors: those of admit().
    base::Status go_on();

   private:
    void settle();

    Budget* budget_;
    base::Microseconds begun_;
    std::optional<os::EnergyReading> energy_;
    std::int64_t tokens_ = 0;
  };

 private:
  base::Result<DailyCost> limits() const;
  void begin_day();
  void spend(const DailyCost& cost);
  void write();

  const std::string home_;
  const std::string energy_folder_;
  std::mutex mutex_;
  std::string day_;
  DailyCost used_;
  base::Microseconds written_at_ = 0;
};

}  // namespace lar::engine
