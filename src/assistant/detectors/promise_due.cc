// Promises whose day has come: the owner's own before it is over, others' once it has passed
// without anything coming.
#include "assistant/detectors/detector.h"
#include "os/file.h"

namespace lar::assistant {
namespace {

void find(const World& world, std::vector<store::Card>& cards) {
  for (const store::Fact& fact : world.facts) {
    const bool mine = fact.kind == "promise";
    if ((!mine && fact.kind != "promised") || fact.state != store::FactState::valid) continue;
    if (!fact.moment) continue;
    const KnownMail* mail = world.mail(fact.item);
    const int days = world.days_to(*fact.moment);
    if (mail == nullptr || (mine && (days > 1 || days < -4)) ||
        (!mine && (days > -1 || days < -7))) {
      continue;
    }
    store::Card card = card_about("promise", *mail, fact.quote);
    card.person = fact.who;
    card.key = "promise:" + mail->message_id + ":" + os::sha256(fact.what).substr(0, 12);
    card.urgency = mine && days <= 0 ? urgency_today : urgency_later;
    card.weight = mine ? (days == 0 ? 0.85 : 0.65) : 0.45;
    card.due = fact.moment;
    set_text(card, mine ? (days < 0 ? "promise.over" : "promise.due") : "promised.over",
             {{"who", fact.who_name}, {"what", fact.what}, {"day", when_text(world, fact.starts)}});
    if (mine) {
      card.actions.push_back(
          draft_to(*mail, fact.who, fact.who_name == fact.who ? "" : fact.who_name));
      card.actions.push_back(reminder_for(world, *fact.moment, fact.what, mail->item));
    } else {
      card.actions.push_back(draft_to(*mail));
    }
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector promise_due() { return {"promise", find}; }

}  // namespace lar::assistant
