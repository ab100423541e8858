// An invoice that is due within days, or much higher than that sender's earlier ones.
#include <algorithm>

#include "assistant/detectors/detector.h"
#include "assistant/money.h"

namespace lar::assistant {
namespace {

constexpr int days_ahead = 3;
constexpr int fresh_days = 7;  // an unusual amount is told of while the mail is new
constexpr size_t least_earlier = 2;
constexpr std::int64_t least_difference = 500;  // cents

void find(const World& world, std::vector<store::Card>& cards) {
  const bool spanish = world.owner.language == base::Language::spanish;
  for (const store::Fact& fact : world.facts) {
    if (fact.kind != "invoice" || fact.state != store::FactState::valid) continue;
    const KnownMail* mail = world.mail(fact.item);
    if (mail == nullptr) continue;
    std::vector<std::int64_t> earlier;
    for (const store::Fact& other : world.facts) {
      const KnownMail* before = world.mail(other.item);
      if (other.kind == "invoice" && other.who == fact.who && other.currency == fact.currency &&
          before != nullptr && before->sent < mail->sent) {
        earlier.push_back(other.cents);
      }
    }
    std::sort(earlier.begin(), earlier.end());
    const std::int64_t usual = earlier.empty() ? 0 : earlier[earlier.size() / 2];
    const bool unusual = earlier.size() >= least_earlier && fact.cents > usual * 13 / 10 &&
                         fact.cents - usual >= least_difference &&
                         -world.days_to(mail->sent) <= fresh_days;
    const int days = fact.moment ? world.days_to(*fact.moment) : days_ahead + 1;
    const bool due = days >= 0 && days <= days_ahead;
    if (!unusual && !due) continue;
    store::Card card = card_about("invoice", *mail, fact.quote);
    card.key = "invoice:" + mail->message_id;
    card.urgency = days <= 1 && due ? urgency_today : urgency_later;
    card.weight = unusual ? 0.75 : 0.6;
    card.due = fact.moment;
    set_text(card, unusual ? "invoice.unusual" : "invoice.due",
             {{"who", who(mail->from)},
              {"what", fact.what},
              {"amount", format_amount(fact.cents, fact.currency, spanish)},
              {"usual", format_amount(usual, fact.currency, spanish)},
              {"day", fact.starts.empty() ? "" : when_text(world, fact.starts)}});
    const base::Microseconds tomorrow = world.now + base::one_day;
    card.actions.push_back(
        reminder_for(world, due ? *fact.moment : tomorrow, fact.what, mail->item));
    // Why it is so much is asked of who wrote it, where somebody reads the answer.
    if (unusual && !mail->automatic) card.actions.push_back(draft_to(*mail));
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector invoice_due() { return {"invoice", find}; }

}  // namespace lar::assistant
