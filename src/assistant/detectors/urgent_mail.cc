// A mail that does harm if it is not seen today. Whatever the owner answered is no longer urgent.
#include <algorithm>

#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr int longest_days = 4;

void find(const World& world, std::vector<store::Card>& cards) {
  for (auto mail = world.mails.rbegin(); mail != world.mails.rend(); ++mail) {
    if (mail->sent < world.now - longest_days * base::one_day) break;
    if (mail->mine || mail->priority != "urgent" || mail->suspicious != "none") continue;
    const auto thread = world.thread(mail->thread);
    const bool over = std::any_of(thread.begin(), thread.end(), [&](const KnownMail* other) {
      return other->sent > mail->sent && (other->mine || other->priority == "urgent");
    });
    if (over) continue;
    store::Card card = card_about("urgent", *mail);
    card.key = "urgent:" + mail->message_id;
    card.urgency = mail->sent >= world.now - base::one_day ? urgency_now : urgency_today;
    card.weight = mail->urgency;
    set_text(card, "urgent", {{"who", who(mail->from)}, {"what", what_of(*mail)}});
    if (!mail->automatic) {
      card.actions.push_back(draft_to(*mail));
      card.actions.push_back(answer_to(*mail));
    }
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector urgent_mail() { return {"urgent", find}; }

}  // namespace lar::assistant
