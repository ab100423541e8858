// Frauds, with why they look like it, and mails that speak to an assistant instead of its owner.
// They never bring an action along.
#include <nlohmann/json.hpp>
#include <set>

#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr int longest_days = 5;

void find(const World& world, std::vector<store::Card>& cards) {
  std::set<base::Id> ordering;
  for (const store::Fact& fact : world.facts) {
    if (fact.kind != "order") continue;
    const KnownMail* mail = world.mail(fact.item);
    if (mail == nullptr || mail->sent < world.now - longest_days * base::one_day) continue;
    ordering.insert(fact.item);
    store::Card card = card_about("suspicious", *mail, fact.quote);
    card.key = "suspicious:" + mail->message_id;
    card.urgency = urgency_today;
    card.weight = 0.6;
    const bool chat = mail->kind == domain::ItemKind::message;
    set_text(
        card, chat ? "suspicious.orders.chat" : "suspicious.orders",
        {{"who", whose(*mail, fact)}, {"address", mail->from.address}, {"chat", mail->subject}});
    cards.push_back(std::move(card));
  }
  for (const KnownMail& mail : world.mails) {
    if (mail.mine || mail.suspicious != "phishing" || ordering.contains(mail.item)) continue;
    if (mail.sent < world.now - longest_days * base::one_day) continue;
    store::Card card = card_about("suspicious", mail);
    card.key = "suspicious:" + mail.message_id;
    card.urgency = urgency_later;
    card.weight = 0.5;
    nlohmann::json reasons = nlohmann::json::array();
    for (const auto& [code, parameters] : mail.reasons) {
      nlohmann::json reason = {{"code", code}, {"params", nlohmann::json::object()}};
      for (const auto& [name, value] : parameters) reason["params"][name] = value;
      reasons.push_back(std::move(reason));
      if (reasons.size() == 2) break;
    }
    set_text(card, "suspicious",
             {{"who", who(mail.from)},
              {"address", mail.from.address},
              {"reasons", reasons.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)}});
    card.actions.push_back(
        {"move_mail", nlohmann::json{{"item", mail.item.text()}, {"to", "junk"}}.dump()});
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector suspicious_mail() { return {"suspicious", find}; }

}  // namespace lar::assistant
