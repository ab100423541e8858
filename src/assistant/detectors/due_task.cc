// What somebody asked of the owner by a day that is near or just past.
#include "assistant/detectors/detector.h"
#include "os/file.h"

namespace lar::assistant {
namespace {

constexpr int days_ahead = 2;
constexpr int days_over = 2;

void find(const World& world, std::vector<store::Card>& cards) {
  for (const store::Fact& fact : world.facts) {
    if (fact.kind != "request" || fact.state != store::FactState::valid || !fact.moment) continue;
    const KnownMail* mail = world.mail(fact.item);
    const int days = world.days_to(*fact.moment);
    if (mail == nullptr || days > days_ahead || days < -days_over) continue;
    store::Card card = card_about("task", *mail, fact.quote);
    card.key = "task:" + mail->message_id + ":" + os::sha256(fact.what).substr(0, 12);
    card.urgency = days <= 0 ? urgency_today : urgency_later;
    card.weight = days == 0 ? 0.9 : days < 0 ? 0.7 : 0.8 - 0.1 * days;
    card.due = fact.moment;
    set_text(
        card, days < 0 ? "task.over" : "task.due",
        {{"who", whose(*mail, fact)}, {"what", fact.what}, {"day", when_text(world, fact.starts)}});
    card.actions.push_back(reminder_for(world, *fact.moment, fact.what, mail->item));
    if (!mail->automatic) {
      card.actions.push_back(draft_to(*mail));
      card.actions.push_back(answer_to(*mail));
    }
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector due_task() { return {"task", find}; }

}  // namespace lar::assistant
