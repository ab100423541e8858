// The owner asked and nobody answered.
#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr int least_days = 4;
constexpr int longest_days = 21;

void find(const World& world, std::vector<store::Card>& cards) {
  for (const store::Fact& fact : world.facts) {
    if (fact.kind != "awaits_them" || fact.state != store::FactState::valid) continue;
    const KnownMail* mail = world.mail(fact.item);
    if (mail == nullptr || !mail->mine) continue;
    const int days = -world.days_to(mail->sent);
    if (days < least_days || days > longest_days) continue;
    store::Card card = card_about("silent", *mail, fact.quote);
    card.person = fact.who;
    card.key = "silent:" + mail->message_id;
    card.urgency = urgency_later;
    card.weight = 0.35;
    set_text(card, "silent",
             {{"who", fact.who_name}, {"what", fact.what}, {"days", std::to_string(days)}});
    KnownMail to_them = *mail;
    to_them.from.address = fact.who;
    to_them.from.name = fact.who_name == fact.who ? "" : fact.who_name;
    card.actions.push_back(draft_to(to_them));
    card.actions.push_back(answer_to(to_them));
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector silent_thread() { return {"silent", find}; }

}  // namespace lar::assistant
