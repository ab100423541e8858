// Two events of the next days at one time, or too close for the way between their places. What does
// not take the owner's time does not bind them: events marked as free, declined ones, those of
// others in a shared calendar ("Tom: dentist"). A whole day binds where it is spent in another
// town.
#include <algorithm>

#include "assistant/detectors/detector.h"
#include "assistant/travel.h"

namespace lar::assistant {
namespace {

constexpr int days_ahead = 3;
constexpr base::Microseconds minute = 60 * base::one_second;
constexpr base::Microseconds longest = 12LL * 3600 * base::one_second;
constexpr base::Microseconds longest_way = 24LL * 3600 * base::one_second;
constexpr int first_hour = 8, last_hour = 20;  // of a time to move to
constexpr base::Microseconds step = 30 * minute;

bool is_timed(const Meeting& meeting) {
  return !meeting.all_day && meeting.ends > meeting.starts &&
         meeting.ends - meeting.starts <= longest;
}

// One event twice, of two calendars.
bool is_same(const Meeting& one, const Meeting& other) {
  if (base::fold(one.title) == base::fold(other.title)) return true;
  return one.starts == other.starts && one.ends == other.ends &&
         shared_words(matter_words(one.title), matter_words(other.title)) > 0;
}

bool is_free(const World& world, const Meeting& moved, base::Microseconds from,
             base::Microseconds to) {
  return std::none_of(world.meetings.begin(), world.meetings.end(), [&](const Meeting& other) {
    if (&other == &moved || !is_timed(other) || !binds_owner(world, other)) return false;
    const base::Microseconds way = travel_minutes(other.place, moved.place) * minute;
    return other.starts < to + way && other.ends + way > from;
  });
}

// The next time of day and length that is free, within three days.
std::optional<base::Microseconds> free_time(const World& world, const Meeting& meeting) {
  const base::Microseconds length = meeting.ends - meeting.starts;
  for (int days = 0; days <= 3; ++days) {
    const base::Date day = base::add_days(world.day_of(meeting.starts), days);
    const auto at = [&](int hour) { return base::from_local({day, hour, 0, 0}, world.owner.zone); };
    const bool weekend = base::weekday(day) >= 5;
    if (days > 0 && weekend && base::weekday(world.day_of(meeting.starts)) < 5) continue;
    const base::Microseconds begin = days == 0 ? meeting.ends : at(first_hour);
    for (base::Microseconds start = begin; start + length <= at(last_hour); start += step) {
      if (start > world.now && is_free(world, meeting, start, start + length)) return start;
    }
  }
  return std::nullopt;
}

// The owner's own event moves; where others take part they are asked first.
void propose(const World& world, const Meeting& one, const Meeting& other, store::Card& card) {
  const Meeting& moved =
      !other.people.empty() && one.people.empty() && is_timed(one) && one.starts > world.now
          ? one
          : other;
  const auto person =
      std::find_if(moved.people.begin(), moved.people.end(),
                   [](const domain::Person& invited) { return !invited.address.empty(); });
  if (person != moved.people.end()) {
    card.person = person->address;
    card.actions.push_back(new_draft(*person, moved.title));
  }
  if (const auto start = free_time(world, moved)) {
    card.actions.push_back(move_to(world, moved, *start));
  }
  const base::Microseconds before = std::min(one.starts, other.starts) - 60 * minute;
  if (before > world.now) {
    card.actions.push_back(reminder_at(before, one.title + " / " + other.title, moved.item));
  }
}

void add_card(const World& world, const Meeting& one, const Meeting& other, bool overlap,
              std::vector<store::Card>& cards) {
  store::Card card;
  card.kind = "conflict";
  card.key = "conflict:" + one.external_id + ":" + other.external_id + ":" +
             std::to_string(one.starts / base::one_second);
  card.urgency = world.days_to(other.starts) <= 1 ? urgency_today : urgency_later;
  card.weight = overlap ? 0.7 : 0.5;
  card.due = other.starts;
  card.evidence = {{one.item, "", one.external_id, one.title, domain::ItemKind::event},
                   {other.item, "", other.external_id, other.title, domain::ItemKind::event}};
  const auto when = [&](const Meeting& meeting) {
    return meeting.all_day ? day_text(world.day_of(meeting.starts))
                           : time_text(world, meeting.starts);
  };
  set_text(
      card, overlap ? "conflict" : "conflict.way",
      {{"one", one.title}, {"other", other.title}, {"when", when(one)}, {"then", when(other)}});
  propose(world, one, other, card);
  cards.push_back(std::move(card));
}

void find(const World& world, std::vector<store::Card>& cards) {
  for (size_t first = 0; first < world.meetings.size(); ++first) {
    const Meeting& one = world.meetings[first];
    if (!is_timed(one) || one.ends < world.now || world.days_to(one.starts) > days_ahead ||
        !binds_owner(world, one)) {
      continue;
    }
    for (size_t second = first + 1; second < world.meetings.size(); ++second) {
      const Meeting& other = world.meetings[second];
      if (other.starts >= one.ends + longest_way) break;
      if (!is_timed(other) || other.starts < world.now || !binds_owner(world, other)) continue;
      const bool overlap = other.starts < one.ends;
      const base::Microseconds way = travel_minutes(one.place, other.place) * minute;
      if (is_same(one, other) || (!overlap && other.starts - one.ends >= way)) continue;
      add_card(world, one, other, overlap, cards);
    }
  }
  for (const Meeting& day : world.meetings) {
    if (!day.all_day || day.ends <= world.now || !binds_owner(world, day)) continue;
    for (const Meeting& other : world.meetings) {
      if (!is_timed(other) || other.starts < world.now || !binds_owner(world, other) ||
          world.days_to(other.starts) > days_ahead) {
        continue;
      }
      const bool within = other.starts >= day.starts && other.starts < day.ends;
      if (!within || is_same(day, other)) continue;
      // "Viaje a Londres" says where in its title.
      const std::string& place = day.place.empty() ? day.title : day.place;
      if (in_different_towns(place, other.place)) add_card(world, day, other, true, cards);
    }
  }
}

}  // namespace

Detector calendar_conflict() { return {"conflict", find}; }

}  // namespace lar::assistant
