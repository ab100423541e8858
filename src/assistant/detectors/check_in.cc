// A booking that begins within two days: papers, check-in.
#include <algorithm>

#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr base::Microseconds ahead = 48LL * 3600 * base::one_second;
constexpr base::Microseconds time_to_leave = 3LL * 3600 * base::one_second;

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
    if (*fact.moment > world.now) {
      // In the evening before there is time to look for the papers; else as soon as it helps.
      const base::Microseconds evening = base::from_local(
          {base::add_days(world.day_of(*fact.moment), -1), 20, 0, 0}, world.owner.zone);
      const base::Microseconds before = *fact.moment - time_to_leave;
      if (evening > world.now || before > world.now) {
        card.actions.push_back(
            reminder_at(evening > world.now ? evening : before, fact.what, mail->item));
      }
      const bool known =
          std::any_of(world.meetings.begin(), world.meetings.end(), [&](const Meeting& meeting) {
            return world.day_of(meeting.starts) == world.day_of(*fact.moment) &&
                   shared_words(matter_words(fact.what), matter_words(meeting.title)) > 0;
          });
      if (!known) card.actions.push_back(event_from(fact));
    }
    if (card.actions.empty()) card.actions.push_back(draft_to(*mail));
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector check_in() { return {"booking", find}; }

}  // namespace lar::assistant
