#include "assistant/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

using base::Microseconds;

constexpr double welcome_enough = 0.6;
constexpr double unwelcome = 0.04;
constexpr double kind_prior = 4;  // as many cards as the starting point is worth
constexpr double person_prior = 3;
constexpr Microseconds thread_pause = 12LL * 3600 * base::one_second;
constexpr Microseconds longest_meeting = 12LL * 3600 * base::one_second;

double starting_point(const store::Card& card) {
  switch (card.urgency) {
    case urgency_now:
      return 0.35 + 0.5 * card.weight;
    case urgency_today:
      return 0.3;
    default:
      return 0.12;
  }
}

double learnt(const store::Card& card, const GateMemory& memory) {
  double useful = 0, all = 0, useful_of_person = 0, all_of_person = 0;
  for (const store::GateCount& count : memory.counts) {
    if (count.kind != card.kind) continue;
    useful += count.useful;
    all += count.useful + count.useless;
    if (count.person != card.person || card.person.empty()) continue;
    useful_of_person += count.useful;
    all_of_person += count.useful + count.useless;
  }
  const double of_kind = (kind_prior * starting_point(card) + useful) / (kind_prior + all);
  return (person_prior * of_kind + useful_of_person) / (person_prior + all_of_person);
}

// The most particular rule: of kind and person, of the person, of the kind.
const store::GateRule* rule_for(std::string_view kind, std::string_view person,
                                const std::vector<store::GateRule>& rules) {
  const store::GateRule* best = nullptr;
  int closeness = 0;
  for (const store::GateRule& rule : rules) {
    if ((!rule.kind.empty() && rule.kind != kind) ||
        (!rule.person.empty() && rule.person != person)) {
      continue;
    }
    const int close = (rule.person.empty() ? 0 : 2) + (rule.kind.empty() ? 0 : 1);
    if (close > closeness) {
      best = &rule;
      closeness = close;
    }
  }
  return best;
}

bool is_quiet(int minute, const GateSettings& settings) {
  if (settings.quiet_from == settings.quiet_to) return false;
  if (settings.quiet_from < settings.quiet_to) {
    return minute >= settings.quiet_from && minute < settings.quiet_to;
  }
  return minute >= settings.quiet_from || minute < settings.quiet_to;
}

// The meeting that the owner sits in.
const Meeting* meeting_now(const World& world) {
  for (const Meeting& meeting : world.meetings) {
    if (meeting.starts > world.now) break;
    if (!meeting.all_day && meeting.ends > world.now &&
        meeting.ends - meeting.starts <= longest_meeting && binds_owner(world, meeting)) {
      return &meeting;
    }
  }
  return nullptr;
}

std::string clock_text(int minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); }

}  // namespace

bool is_never(std::string_view kind, std::string_view person,
              const std::vector<store::GateRule>& rules) {
  const store::GateRule* rule = rule_for(kind, person, rules);
  return rule != nullptr && !rule->always;
}

std::optional<Microseconds> quiet_until(const World& world, const GateSettings& settings) {
  std::optional<Microseconds> until;
  const base::LocalTime local = base::to_local(world.now, world.owner.zone);
  const int minute = local.hour * 60 + local.minute;
  if (is_quiet(minute, settings)) {
    const base::Date day = settings.quiet_to > minute ? local.date : base::add_days(local.date, 1);
    until = base::from_local({day, settings.quiet_to / 60, settings.quiet_to % 60, 0},
                             world.owner.zone);
  }
  if (const Meeting* meeting = meeting_now(world)) {
    until = std::max(until.value_or(meeting->ends), meeting->ends);
  }
  return until;
}

std::string_view name_of(Route route) {
  switch (route) {
    case Route::silent:
      return "silent";
    case Route::briefing:
      return "briefing";
    case Route::now:
      return "now";
    case Route::wait:
      break;
  }
  return "wait";
}

Decision decide(const store::Card& card, const World& world, const GateSettings& settings,
                const GateMemory& memory) {
  Decision decision;
  decision.welcome = learnt(card, memory);
  const store::GateRule* rule = rule_for(card.kind, card.person, memory.rules);
  // Whoever asks to be reminded at a time means that time, whatever they are doing then.
  const bool asked = card.kind == "reminder";
  if (rule != nullptr && !rule->always) {
    decision.route = Route::silent;
    decision.code = rule->person.empty() ? "never_kind" : "never_person";
    decision.parameters = {{"person", rule->person}};
    return decision;
  }
  const bool always = (rule != nullptr && rule->always) || asked;
  // Of what the owner has put off themselves there is nothing to guess.
  const bool wanted = always || card.woken;
  if (!wanted && decision.welcome < unwelcome) {
    decision.route = Route::silent;
    decision.code = "dismissed_before";
    return decision;
  }
  if (!wanted && decision.welcome < welcome_enough) {
    decision.route = Route::briefing;
    decision.code = card.urgency >= urgency_now ? "not_sure" : "can_wait";
    return decision;
  }
  const base::LocalTime local = base::to_local(world.now, world.owner.zone);
  if (!always) {
    int today = 0;
    for (const GateMemory::Notified& one : memory.notified) {
      if (world.day_of(one.time) == world.today) ++today;
      if (!card.woken && !card.thread.empty() && one.thread == card.thread && one.key != card.key &&
          world.now - one.time < thread_pause) {
        decision.code = "same_thread";
        return decision;
      }
    }
    if (today >= settings.per_day) {
      decision.code = "budget";
      decision.parameters = {{"count", std::to_string(settings.per_day)}};
      return decision;
    }
  }
  if (!asked && is_quiet(local.hour * 60 + local.minute, settings)) {
    decision.route = Route::wait;
    decision.code = "quiet";
    decision.parameters = {{"time", clock_text(settings.quiet_to)}};
    return decision;
  }
  if (const Meeting* meeting = asked ? nullptr : meeting_now(world)) {
    const base::LocalTime end = base::to_local(meeting->ends, world.owner.zone);
    decision.route = Route::wait;
    decision.code = "meeting";
    decision.parameters = {{"what", meeting->title},
                           {"time", clock_text(end.hour * 60 + end.minute)}};
    return decision;
  }
  decision.route = Route::now;
  if (asked || card.woken) {
    decision.code = "asked";
  } else if (rule != nullptr) {
    decision.code = rule->person.empty() ? "always_kind" : "always_person";
    decision.parameters = {{"person", rule->person}};
  } else if (card.urgency >= urgency_now) {
    decision.code = "urgent";
  } else {
    decision.code = "welcome";
  }
  return decision;
}

Replay replay(const Knowledge& knowledge, const GateSettings& settings, const GateMemory& memory,
              Microseconds since, Microseconds until) {
  Replay result;
  GateMemory simulated = memory;
  simulated.notified.clear();
  std::set<Microseconds> steps;
  std::map<std::string, Microseconds> open_urgent;  // message → sent
  for (const KnownMail& mail : knowledge.mails) {
    if (mail.sent < since || mail.sent >= until) continue;
    if (!mail.mine && mail.kind == domain::ItemKind::mail) {
      ++result.mails;
      if (mail.priority == "urgent" && mail.suspicious == "none") ++result.urgent;
    }
    steps.insert(mail.sent);
  }
  const std::string& zone = knowledge.owner.zone;
  for (base::Date day = base::to_local(since, zone).date; day <= base::to_local(until, zone).date;
       day = base::add_days(day, 1)) {
    for (int hour = 7; hour <= 22; ++hour) {
      const Microseconds moment = base::from_local({day, hour, 0, 0}, zone);
      if (moment >= since && moment < until) steps.insert(moment);
    }
  }
  std::set<std::string> known, told, seen_at_briefing;
  Timeline timeline(knowledge);
  for (const Microseconds now : steps) {
    const World world = timeline.at(now);
    const bool briefing =
        base::to_local(now, zone).hour == 8 && base::to_local(now, zone).minute == 0;
    for (const store::Card& card : detect(world)) {
      if (known.insert(card.key).second) ++result.cards;
      if (briefing) seen_at_briefing.insert(card.key);
      if (told.contains(card.key)) continue;
      const Decision decision = decide(card, world, settings, simulated);
      if (decision.route == Route::wait) ++result.waited;
      if (decision.route != Route::now) continue;
      told.insert(card.key);
      simulated.notified.push_back({now, card.key, card.thread});
      result.interruptions.push_back({now, card, decision});
    }
  }
  for (const KnownMail& mail : knowledge.mails) {
    if (mail.sent < since || mail.sent >= until || mail.mine || mail.priority != "urgent" ||
        mail.suspicious != "none") {
      continue;
    }
    const std::string key = "urgent:" + mail.message_id;
    if (!known.contains(key)) continue;  // over at once: answered, or another of its thread came
    // What came after the last briefing of the time has its own still before it.
    const bool before_it = mail.sent > until - base::one_day;
    if (!told.contains(key) && !seen_at_briefing.contains(key) && !before_it) ++result.missed;
  }
  return result;
}

}  // namespace lar::assistant
