// Two events of the next days at one time, or too close for the way between their places. Events of
// others in a shared calendar ("Tom: dentist") do not bind the owner.
#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr int days_ahead = 3;
constexpr base::Microseconds longest = 12LL * 3600 * base::one_second;
constexpr base::Microseconds way = 15LL * 60 * base::one_second;

bool is_of_another(const World& world, const Meeting& meeting) {
  const size_t colon = meeting.title.find(':');
  if (colon == std::string::npos || colon > 20 || meeting.title.find(' ') < colon) return false;
  return !world.owner.names.contains(base::fold(meeting.title.substr(0, colon)));
}

void find(const World& world, std::vector<store::Card>& cards) {
  for (size_t first = 0; first < world.meetings.size(); ++first) {
    const Meeting& one = world.meetings[first];
    if (one.all_day || one.ends <= one.starts || one.ends - one.starts > longest) continue;
    if (one.ends < world.now || world.days_to(one.starts) > days_ahead) continue;
    if (is_of_another(world, one)) continue;
    for (size_t second = first + 1; second < world.meetings.size(); ++second) {
      const Meeting& other = world.meetings[second];
      if (other.starts >= one.ends + way) break;
      if (other.all_day || other.ends <= other.starts || other.ends - other.starts > longest) {
        continue;
      }
      if (other.starts < world.now || is_of_another(world, other)) continue;
      const bool same = base::fold(one.title) == base::fold(other.title);
      const bool overlap = other.starts < one.ends;
      const bool far = !one.place.empty() && !other.place.empty() &&
                       base::fold(one.place) != base::fold(other.place);
      if (same || (!overlap && !far)) continue;
      store::Card card;
      card.kind = "conflict";
      card.key = "conflict:" + one.external_id + ":" + other.external_id + ":" +
                 std::to_string(one.starts / base::one_second);
      card.urgency = world.days_to(other.starts) <= 1 ? urgency_today : urgency_later;
      card.weight = overlap ? 0.7 : 0.5;
      card.due = other.starts;
      card.evidence = {{one.item, "", one.external_id, one.title, domain::ItemKind::event},
                       {other.item, "", other.external_id, other.title, domain::ItemKind::event}};
      set_text(card, overlap ? "conflict" : "conflict.way",
               {{"one", one.title},
                {"other", other.title},
                {"when", time_text(world, one.starts)},
                {"then", time_text(world, other.starts)}});
      cards.push_back(std::move(card));
    }
  }
}

}  // namespace

Detector calendar_conflict() { return {"conflict", find}; }

}  // namespace lar::assistant
