// Somebody waits for the owner's answer, and for how long: since the first of their mails that was
// not answered, though the last is what is answered.
#include <algorithm>

#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr int longest_days = 30;  // what waited longer is no news any more

void find(const World& world, std::vector<store::Card>& cards) {
  for (const store::Fact& fact : world.facts) {
    if (fact.kind != "awaits_me" || fact.state != store::FactState::valid) continue;
    const KnownMail* mail = world.mail(fact.item);
    if (mail == nullptr) continue;
    if (!mail->invitations.empty()) continue;  // its own answers are with invitation.cc
    base::Microseconds since = mail->sent;
    const auto thread = world.thread(mail->thread);
    for (auto other = thread.rbegin(); other != thread.rend(); ++other) {
      if ((*other)->mine) break;
      if ((*other)->priority == "reply") since = std::min(since, (*other)->sent);
    }
    const int days = -world.days_to(since);
    if (days > longest_days) continue;
    store::Card card = card_about("answer", *mail, fact.quote);
    card.key = "answer:" + mail->message_id;
    card.urgency = days >= 2 ? urgency_today : urgency_later;
    // A day or a few of waiting press more than none; what waited for weeks less again.
    card.weight =
        0.4 + (mail->personal ? 0.1 : 0) + (days <= 7 ? days : 7 - (days - 7) * 0.3) * 0.05;
    set_text(card,
             days <= 0   ? "answer.today"
             : days == 1 ? "answer.day"
                         : "answer.days",
             {{"who", whose(*mail, fact)},
              {"what", mail->kind == domain::ItemKind::message ? fact.quote : what_of(*mail)},
              {"days", std::to_string(days)}});
    card.actions.push_back(draft_to(*mail));
    const base::Microseconds tomorrow =
        base::from_local({base::add_days(world.today, 1), 9, 0, 0}, world.owner.zone);
    // What is asked and by whom; what else a stranger's mail says has no place among the owner's
    // own reminders.
    const std::string asked = fact.quote.empty() ? mail->subject : fact.quote;
    card.actions.push_back(reminder_at(tomorrow, whose(*mail, fact) + ": " + asked, mail->item));
    card.actions.push_back(answer_to(*mail));
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector waiting_answer() { return {"answer", find}; }

}  // namespace lar::assistant
