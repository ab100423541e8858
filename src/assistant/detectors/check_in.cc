// A booking that begins within two days: papers, check-in.
#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr base::Microseconds ahead = 48LL * 3600 * base::one_second;

void find(const World& world, std::vector<store::Card>& cards) {
  for (const store::Fact& fact : world.facts) {
    if (fact.kind != "booking" || fact.state != store::FactState::valid || !fact.moment) continue;
    const KnownMail* mail = world.mail(fact.item);
    const bool timed = fact.starts.size() > 10;
    const base::Microseconds ends = *fact.moment + (timed ? 0 : base::one_day);
    if (mail == nullptr || ends < world.now || *fact.moment > world.now + ahead) continue;
    store::Card card = card_about("booking", *mail, fact.quote);
    card.key = "booking:" + mail->message_id;
    card.urgency = urgency_today;
    card.weight = 0.75;
    card.due = fact.moment;
    set_text(
        card, "booking",
        {{"what", fact.what}, {"when", when_text(world, fact.starts)}, {"who", who(mail->from)}});
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector check_in() { return {"booking", find}; }

}  // namespace lar::assistant
