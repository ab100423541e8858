// The attention gate: whether a card stays silent, comes with the next briefing, or interrupts the
// owner now. Silence is the default and costs nothing; everything is counts and rules, so the same
// cards give the same decisions, each with its reason. Pure functions.
//
// A card's chance of being welcome begins with its urgency and is moved by what the owner did with
// such cards before: first of the kind, then of the kind from that person, each as counts beside a
// prior.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assistant/knowledge.h"

namespace lar::assistant {

struct GateSettings {
  int per_day = 5;           // interruptions
  int quiet_from = 22 * 60;  // minutes of the owner's day
  int quiet_to = 8 * 60;
  int briefing_at = 8 * 60;  // when the morning's briefing is announced; no_briefing: never
};
constexpr int no_briefing = -1;

struct GateMemory {
  std::vector<store::GateRule> rules;
  std::vector<store::GateCount> counts;
  struct Notified {
    base::Microseconds time = 0;
    std::string key, thread;
  };
  std::vector<Notified> notified;  // of the last days
};

// wait: it would interrupt, but not at this moment.
enum class Route { silent, briefing, now, wait };
std::string_view name_of(Route route);

struct Decision {
  Route route = Route::briefing;
  std::string code;  // sentence gate.because.CODE
  base::Parameters parameters;
  double welcome = 0;  // the chance
};

// Whether the owner has said that they never want to be told of such a thing. An empty kind is of
// rules that hold for any.
bool is_never(std::string_view kind, std::string_view person,
              const std::vector<store::GateRule>& rules);
// When quiet hours and the meeting of this moment are over; nothing where there are none.
std::optional<base::Microseconds> quiet_until(const World& world, const GateSettings& settings);

Decision decide(const store::Card& card, const World& world, const GateSettings& settings,
                const GateMemory& memory);

// ---- replay: the same over the past ----

struct Interruption {
  base::Microseconds time = 0;
  store::Card card;
  Decision decision;
};
struct Replay {
  int mails = 0;   // received in the time
  int cards = 0;   // that there would have been
  int waited = 0;  // decisions that were put off (meetings, quiet hours)
  int urgent = 0;  // urgent mails
  int missed = 0;  // of these, neither an interruption nor open at the next briefing (08:00)
  std::vector<Interruption> interruptions;
};
// Moves the clock from mail to mail and hour to hour of [since, until).
Replay replay(const Knowledge& knowledge, const GateSettings& settings, const GateMemory& memory,
              base::Microseconds since, base::Microseconds until);

}  // namespace lar::assistant
