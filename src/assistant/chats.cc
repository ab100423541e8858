#include "assistant/chats.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "assistant/assistant.h"
#include "assistant/facts.h"
#include "assistant/lexicon.h"
#include "assistant/orders.h"
#include "assistant/outcome.h"
#include "base/time_expression.h"
#include "domain/json.h"

namespace lar::assistant {
namespace {

using base::Id;
using base::Microseconds;
using store::Fact;
using store::FactState;

constexpr const char* owner_key = "owner@chat.invalid";
constexpr size_t least_message = 6;  // "ok", "jaja", "vale" say nothing
constexpr size_t least_question = 10;
constexpr Microseconds question_stays = 7 * base::one_day;
constexpr size_t most_messages = 2000;  // of a conversation, the newest

// So many of a kind at most, the newest first.
size_t most_of(const std::string& kind) {
  static const std::map<std::string, size_t> limits = {
      {"awaits_me", 1}, {"awaits_them", 1}, {"request", 5},  {"promise", 5},
      {"promised", 3},  {"appointment", 8}, {"decision", 5}, {"order", 3}};
  const auto found = limits.find(kind);
  return found == limits.end() ? 0 : found->second;
}

// Stands for an address where people have none, so that a thread can be merged by it.
std::string key_of(const std::string& name) {
  std::string key;
  for (const base::Word& word : base::words(name)) {
    key += (key.empty() ? "" : ".") +
           base::fold(std::string_view(name).substr(word.begin, word.end - word.begin));
  }
  return key + "@chat.invalid";
}

bool names_owner(const Owner& owner, const Mail& mail) {
  return std::any_of(owner.names.begin(), owner.names.end(), [&](const std::string& name) {
    return mail.folded.find(" " + name + " ") != std::string::npos;
  });
}

struct Said {
  size_t day = 0;
  Mail mail;
  Id id;  // of the message, while the conversation is merged
  Findings findings;
};

class Conversation {
 public:
  Conversation(const std::vector<domain::Item>& days, const Owner& owner, const Judge& judge,
               Microseconds now)
      : days_(days), owner_(owner), judge_(judge), now_(now) {
    owner_.addresses.insert(owner_key);
  }

  std::vector<std::vector<Fact>> facts() {
    collect();
    for (Said& said : said_) find(said);
    std::vector<ThreadMail> mails;
    for (const Said& said : said_) mails.push_back(turn_of(said));
    merge_thread(facts_, mails);
    std::erase_if(facts_, [&](const Fact& fact) { return !stands(fact); });
    // The newest first, until there are enough of a kind.
    std::vector<std::vector<Fact>> result(days_.size());
    std::map<std::string, size_t> taken;
    for (auto fact = facts_.rbegin(); fact != facts_.rend(); ++fact) {
      if (taken[fact->kind]++ >= most_of(fact->kind)) continue;
      const Said& said = *std::find_if(said_.begin(), said_.end(),
                                       [&](const Said& one) { return one.id == fact->item; });
      fact->item = Id();
      fact->who.clear();
      result[said.day].push_back(std::move(*fact));
    }
    for (std::vector<Fact>& day : result) std::reverse(day.begin(), day.end());
    return result;
  }

 private:
  void collect() {
    std::vector<std::pair<size_t, ChatMessage>> all;
    std::set<std::string> senders;
    for (size_t day = 0; day < days_.size(); ++day) {
      for (ChatMessage& message : messages_of(days_[day], owner_.zone)) {
        senders.insert(message.sender);
        all.emplace_back(day, std::move(message));
      }
    }
    if (all.size() > most_messages) {
      all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most_messages));
    }
    std::string own;
    for (const std::string& sender : senders) {
      if (is_owner(owner_, sender)) own = sender;
    }
    // A conversation of two is called after the other.
    if (own.empty() && senders.size() == 2 && !days_.empty()) {
      const std::string other = chat_name(days_.front().title);
      if (*senders.begin() == other) own = *senders.rbegin();
      if (*senders.rbegin() == other) own = *senders.begin();
    }
    group_ = senders.size() > 2;
    for (auto& [day, message] : all) {
      Said said{day, message_mail(message, days_[day], message.sender == own), Id::make()};
      said.mail.from.address = key_of(said.mail.from.name);
      for (domain::Person& person : said.mail.to) person.address = key_of(person.name);
      const bool to_owner = !said.mail.mine && (!group_ || names_owner(owner_, said.mail));
      if (to_owner) said.mail.to.push_back({domain::PersonRole::to, "", owner_key});
      said_.push_back(std::move(said));
    }
  }

  void find(Said& said) {
    const Mail& mail = said.mail;
    if (mail.text.size() < least_message) return;
    Mailbox alone;
    alone.owner = owner_;
    alone.now = now_;
    alone.mails.push_back(mail);
    Verdict verdict;
    verdict.priority = Priority::fyi;
    said.findings = find_tasks(mail, alone, judge_);
    verdict.findings = said.findings;
    std::vector<Fact> found;
    if (may_say_something(said)) found = find_facts(mail, days_[said.day], verdict, alone);
    const bool order = std::any_of(found.begin(), found.end(),
                                   [](const Fact& fact) { return fact.kind == "order"; });
    const bool to_owner = mail.mine || !mail.to.empty();
    std::erase_if(found, [&](const Fact& fact) {
      const bool of_anybody = fact.kind == "appointment" || fact.kind == "decision";
      return most_of(fact.kind) == 0 || (!to_owner && !of_anybody && fact.kind != "order");
    });
    if (!mail.mine && !order && to_owner) question(said, found);
    for (Fact& fact : found) {
      fact.id = Id::make();
      fact.item = said.id;
      facts_.push_back(std::move(fact));
    }
  }

  // Looking for facts costs a judgement of its own, and most messages are small talk.
  bool may_say_something(const Said& said) const {
    const Mail& mail = said.mail;
    if (!said.findings.action_items.empty() || !said.findings.appointments.empty() ||
        gives_orders(mail)) {
      return true;
    }
    const bool tells =
        std::any_of(mail.sentences.begin(), mail.sentences.end(), [&](const Sentence& sentence) {
          return (mail.mine && sentence.question) || says_any(sentence.folded, "summary.decides");
        });
    if (tells || mail.mine) return tells;
    // What others promise is said in the words in which the owner would.
    Mailbox as_own;
    as_own.owner = owner_;
    as_own.now = now_;
    as_own.mails.push_back(mail);
    as_own.mails.front().mine = true;
    return !find_tasks(as_own.mails.front(), as_own, judge_).action_items.empty();
  }

  // What waits for the owner's answer.
  void question(const Said& said, std::vector<Fact>& found) const {
    const Mail& mail = said.mail;
    if (mail.sent.value_or(0) < now_ - question_stays) return;
    const auto asked =
        std::find_if(mail.sentences.begin(), mail.sentences.end(), [](const Sentence& sentence) {
          return sentence.question && sentence.text.size() >= least_question;
        });
    if (asked == mail.sentences.end()) return;
    Fact fact;
    fact.kind = "awaits_me";
    fact.who = mail.from.address;
    fact.who_name = mail.from.name;
    fact.what = asked->text;
    fact.zone = owner_.zone;
    if (const auto evidence = locate(days_[said.day], asked->text)) {
      fact.quote = evidence->quote;
      fact.locator = domain::to_json(evidence->locator).dump();
    }
    if (!fact.quote.empty()) found.push_back(std::move(fact));
  }

  ThreadMail turn_of(const Said& said) const {
    const Mail& mail = said.mail;
    ThreadMail turn;
    turn.item = said.id;
    turn.sent = mail.sent.value_or(0);
    turn.mine = mail.mine;
    turn.from = mail.from.address;
    turn.outcome = outcome_of(mail);
    turn.fulfils = brings_something(mail);
    for (const Fact& fact : facts_) {
      if (fact.item != said.id) continue;
      turn.appointments = turn.appointments || fact.kind == "appointment";
      turn.honest = turn.honest && fact.kind != "order";
    }
    turn.cancels = said.findings.cancels;
    turn.moves = said.findings.moves;
    return turn;
  }

  // What the owner proposed is an appointment once somebody has answered.
  bool stands(const Fact& fact) const {
    if (fact.state != FactState::valid) return false;
    if (fact.kind != "appointment") return true;
    const auto said = std::find_if(said_.begin(), said_.end(),
                                   [&](const Said& one) { return one.id == fact.item; });
    return !said->mail.mine ||
           std::any_of(said, said_.end(), [](const Said& later) { return !later.mail.mine; });
  }

  const std::vector<domain::Item>& days_;
  Owner owner_;  // reached at owner_key
  const Judge& judge_;
  const Microseconds now_;
  bool group_ = false;
  std::vector<Said> said_;
  std::vector<Fact> facts_;
};

}  // namespace

std::vector<ChatMessage> messages_of(const domain::Item& day, const std::string& zone) {
  std::vector<ChatMessage> messages;
  const auto date =
      base::parse_date(std::string_view(day.external_id).substr(day.external_id.rfind(':') + 1));
  for (const domain::TextPart& part : day.parts) {
    for (const domain::Segment& segment : part.segments) {
      if (segment.kind != domain::SegmentKind::list) continue;
      const std::string_view line =
          std::string_view(part.text).substr(segment.begin, segment.end - segment.begin);
      const size_t colon = line.find(": ", 6);
      if (line.size() < 8 || colon == std::string_view::npos) continue;
      ChatMessage message{std::string(line.substr(6, colon - 6)),
                          std::string(base::trim(line.substr(colon + 2))),
                          segment.begin + colon + 2, 0};
      if (date) {
        message.time = base::from_local({*date, std::atoi(std::string(line.substr(0, 2)).c_str()),
                                         std::atoi(std::string(line.substr(3, 2)).c_str()), 0},
                                        zone);
      }
      messages.push_back(std::move(message));
    }
  }
  return messages;
}

std::string conversation_of(const std::string& external_id) {
  return external_id.substr(0, external_id.rfind(':'));
}

std::string chat_name(const std::string& title) {
  const size_t program = title.rfind(" (");
  return program == std::string::npos ? title : title.substr(0, program);
}

bool is_owner(const Owner& owner, const std::string& name) {
  bool any = false;
  for (const base::Word& word : base::words(name)) {
    const std::string piece =
        base::fold(std::string_view(name).substr(word.begin, word.end - word.begin));
    if (piece.size() < 3) continue;
    if (!owner.names.contains(piece)) return false;
    any = true;
  }
  return any;
}

Mail message_mail(const ChatMessage& message, const domain::Item& day, bool mine) {
  domain::Item item;
  item.kind = domain::ItemKind::mail;
  item.when =
      message.time == 0 ? day.when : std::optional<domain::When>(domain::Instant{message.time, ""});
  item.language = day.language;
  domain::TextPart part;
  part.id = "1";
  part.text = message.text;
  part.segments.push_back({domain::SegmentKind::text, 0, message.text.size(), 0, 0, {}});
  item.parts.push_back(std::move(part));
  Mail mail = make_mail(item);
  mail.from.name = message.sender;
  mail.mine = mine;
  const std::string name = chat_name(day.title);
  if (mine) mail.to.push_back({domain::PersonRole::to, name, name});
  return mail;
}

std::vector<std::vector<Fact>> facts_of_chat(const std::vector<domain::Item>& days,
                                             const Owner& owner, const Judge& judge,
                                             Microseconds now) {
  return Conversation(days, owner, judge, now).facts();
}

}  // namespace lar::assistant
