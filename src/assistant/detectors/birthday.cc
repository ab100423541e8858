// Birthdays of the address book, today and within two days.
#include <nlohmann/json.hpp>

#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr int days_ahead = 2;

// Whoever was born on 29 February is congratulated on the 28th in common years: most keep it in
// their month, and a day early is better than a day late.
bool is_birthday(const Birthday& birthday, const base::Date& day) {
  if (day.month == birthday.month && day.day == birthday.day) return true;
  return birthday.month == 2 && birthday.day == 29 && day.month == 2 && day.day == 28 &&
         !base::date_is_valid({day.year, 2, 29});
}

void find(const World& world, std::vector<store::Card>& cards) {
  for (const Birthday& birthday : world.birthdays) {
    if (world.owner.is(birthday.address)) continue;
    for (int days = 0; days <= days_ahead; ++days) {
      const base::Date day = base::add_days(world.today, days);
      if (!is_birthday(birthday, day)) continue;
      store::Card card;
      card.kind = "birthday";
      card.key = "birthday:" + birthday.item.text() + ":" + std::to_string(day.year);
      card.urgency = days == 0 ? urgency_today : urgency_later;
      card.weight = days == 0 ? 0.7 : 0.4;
      card.person = birthday.address;
      card.due = base::from_local({day, 0, 0, 0}, world.owner.zone);
      card.evidence = {{birthday.item, "", "", birthday.name, domain::ItemKind::contact}};
      const bool aged = birthday.year > 1900 && birthday.year < day.year;
      set_text(card, aged ? "birthday.age" : "birthday",
               {{"who", birthday.name},
                {"day", day_text(day)},
                {"age", std::to_string(day.year - birthday.year)}});
      if (!birthday.address.empty()) {
        card.actions.push_back({"save_draft", nlohmann::json{{"reply_to", ""},
                                                             {"to", birthday.address},
                                                             {"to_name", birthday.name},
                                                             {"subject", ""},
                                                             {"occasion", "birthday"},
                                                             {"text", ""}}
                                                  .dump()});
      }
      cards.push_back(std::move(card));
    }
  }
}

}  // namespace

Detector birthday() { return {"birthday", find}; }

}  // namespace lar::assistant
