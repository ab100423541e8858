// Three steps: which items the conversation is made of, what is already known of them as facts, and
// a line for the newest messages that no fact tells of. Every claim keeps the item and the stretch
// of its text that it stands on; what cannot be found there is left out.
//
// What a stranger wrote is shown to the model as data of a mail to tell about, never with a tool in
// reach; what it answers is only ever a line on the page. Mails that look like fraud or speak to an
// assistant are not shown to it at all.
#include "assistant/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "assistant/actions/calendars.h"
#include "assistant/borne_out.h"
#include "assistant/chats.h"
#include "assistant/facts.h"
#include "assistant/lexicon.h"
#include "assistant/money.h"
#include "assistant/orders.h"
#include "assistant/prompts.h"
#include "assistant/watcher.h"
#include "base/clock.h"
#include "base/messages.h"
#include "base/time_expression.h"
#include "domain/json.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Id;
using base::Result;
using base::Status;
using domain::ItemKind;
using store::StoredItem;

constexpr size_t most_items = 60;      // whose facts are told
constexpr int most_found = 300;        // that are looked for at all
constexpr size_t most_messages = 300;  // of a chat, looked through for facts
constexpr size_t most_facts = 8;
constexpr size_t most_said = 6;
constexpr size_t read_bytes = 900;  // of a message, by the model
constexpr size_t least_sentence = 12;
constexpr size_t most_quote = 300;
// Of the words of a line in the message's own language so many stand in one stretch of it.
constexpr double least_overlap = 0.3;

// Kinds of facts in the order in which they are told.
constexpr std::array<std::string_view, 9> told_kinds = {"decision", "appointment", "request",
                                                        "promise",  "promised",    "invoice",
                                                        "booking",  "awaits_me",   "awaits_them"};

// ---- which items ----

struct Conversation {
  std::string title;
  std::vector<Id> items;  // oldest first
  bool more = false;      // there were more than are looked for
};

store::SearchRequest time_of(const SummaryRequest& request, ItemKind kind) {
  store::SearchRequest search;
  search.kind = kind;
  search.after = request.since;
  search.before = request.until;
  search.person = request.person;
  search.limit = most_found;
  search.one_per_thread = false;
  return search;
}

Result<Conversation> days_of_chat(store::Store& store, const SummaryRequest& request,
                                  const std::string& conversation, const std::string& title) {
  Conversation result{title, {}, false};
  TRY_ASSIGN(const auto hits, store.search(time_of(request, ItemKind::message)));
  for (auto hit = hits.rbegin(); hit != hits.rend(); ++hit) {
    if (conversation_of(hit->external_id) == conversation) result.items.push_back(hit->item);
  }
  result.more = static_cast<int>(hits.size()) == most_found;
  return result;
}

Result<Conversation> chat_named(store::Store& store, const SummaryRequest& request) {
  SummaryRequest any = request;  // the name is looked for among all of them
  any.since.reset();
  any.until.reset();
  any.person.clear();
  TRY_ASSIGN(const auto hits, store.search(time_of(any, ItemKind::message)));
  const std::string wanted = base::fold(request.chat);
  std::map<std::string, std::string> exact, like;  // conversation → name
  for (const store::Hit& hit : hits) {
    const std::string name = chat_name(hit.title);
    const std::string folded = base::fold(name);
    if (folded == wanted) exact[conversation_of(hit.external_id)] = name;
    if (folded.find(wanted) != std::string::npos) like[conversation_of(hit.external_id)] = name;
  }
  const auto& found = exact.empty() ? like : exact;
  if (found.empty()) {
    return base::fail(ErrorKind::not_found, "summary.no_chat", {{"name", request.chat}});
  }
  if (found.size() > 1) {
    std::string names;
    for (const auto& [conversation, name] : found) names += (names.empty() ? "" : ", ") + name;
    return base::fail(ErrorKind::invalid_input, "summary.ambiguous",
                      {{"name", request.chat}, {"names", names}});
  }
  return days_of_chat(store, request, found.begin()->first, found.begin()->second);
}

Result<Conversation> around_item(store::Store& store, const SummaryRequest& request) {
  TRY_ASSIGN(const StoredItem stored, store.item(*request.item));
  if (stored.item.kind == ItemKind::message) {
    return days_of_chat(store, request, conversation_of(stored.item.external_id),
                        chat_name(stored.item.title));
  }
  Conversation result{stored.item.title, {stored.id}, false};
  if (stored.item.kind != ItemKind::mail) return result;
  TRY_ASSIGN(result.items, store.thread_items(stored.thread));
  return result;
}

Result<Conversation> of_a_time(store::Store& store, const SummaryRequest& request) {
  Conversation result;
  std::vector<store::Hit> all;
  for (const ItemKind kind : {ItemKind::mail, ItemKind::message}) {
    TRY_ASSIGN(auto hits, store.search(time_of(request, kind)));
    result.more = result.more || static_cast<int>(hits.size()) == most_found;
    std::move(hits.begin(), hits.end(), std::back_inserter(all));
  }
  const std::string zone = base::Clock::zone();
  std::stable_sort(all.begin(), all.end(), [&](const store::Hit& one, const store::Hit& other) {
    const auto moment = [&](const store::Hit& hit) {
      return hit.when ? domain::begins_at(*hit.when, zone) : 0;
    };
    return moment(one) < moment(other);
  });
  for (const store::Hit& hit : all) result.items.push_back(hit.item);
  return result;
}

Result<Conversation> find_conversation(store::Store& store, const SummaryRequest& request) {
  if (request.item) return around_item(store, request);
  if (!request.chat.empty()) return chat_named(store, request);
  if (request.since || request.until || !request.person.empty()) return of_a_time(store, request);
  return base::fail(ErrorKind::invalid_input, "summary.nothing_asked");
}

// ---- evidence ----

// The stretch of an item's text that a quote is, wherever it stands: own words first.
std::optional<Evidence> find_quote(const domain::Item& item, const std::string& quote,
                                   const std::string& locator) {
  if (!locator.empty()) {
    const auto where = domain::locator_from_json(nlohmann::json::parse(locator, nullptr, false));
    for (const domain::TextPart& part : item.parts) {
      if (!where || part.id != where->part || where->end > part.text.size() ||
          where->begin >= where->end) {
        continue;
      }
      if (part.text.compare(where->begin, where->end - where->begin, quote) == 0) {
        return Evidence{quote, *where};
      }
    }
  }
  if (auto found = locate(item, quote)) return found;
  for (const domain::TextPart& part : item.parts) {
    const size_t begin = quote.empty() ? std::string::npos : part.text.find(quote);
    if (begin == std::string::npos) continue;
    Evidence evidence;
    evidence.quote = quote;
    evidence.locator.part = part.id;
    evidence.locator.begin = begin;
    evidence.locator.end = begin + quote.size();
    return evidence;
  }
  return std::nullopt;
}

SummaryClaim claim_about(const StoredItem& stored, std::string kind, std::string text,
                         Evidence evidence) {
  SummaryClaim claim;
  claim.kind = std::move(kind);
  claim.text = std::move(text);
  claim.item = stored.id;
  claim.external_id = stored.item.external_id;
  claim.title = stored.item.title;
  claim.item_kind = stored.item.kind;
  claim.origin = stored.item.origin;
  claim.when = stored.item.when;
  claim.quote = std::move(evidence.quote);
  claim.locator = std::move(evidence.locator);
  return claim;
}

// ---- the summary ----

class Summariser {
 public:
  Summariser(store::Store& store, engine::Engines& engines, const SummaryRequest& request,
             const FindSupport& support, const std::function<void(const SummaryClaim&)>& on_claim,
             std::stop_token stop)
      : store_(store),
        engines_(engines),
        request_(request),
        support_(support),
        on_claim_(on_claim),
        stop_(std::move(stop)) {}

  Result<Summary> make() {
    TRY_ASSIGN(owner_, owner_of(store_));
    TRY_ASSIGN(Conversation conversation, find_conversation(store_, request_));
    summary_.title = conversation.title;
    if (conversation.items.size() > most_items) {
      summary_.left_out_items = static_cast<int>(conversation.items.size() - most_items);
      conversation.items.erase(conversation.items.begin(), conversation.items.end() - most_items);
    }
    for (const Id& id : conversation.items) TRY(take(id));
    if (items_.empty() && summary_.left_out_unsafe + summary_.left_out_bulk == 0) {
      return base::fail(ErrorKind::not_found, "summary.empty");
    }
    summary_.items = static_cast<int>(items_.size());
    tell_facts();
    TRY(tell_said());
    return std::move(summary_);
  }

 private:
  struct Taken {
    StoredItem stored;
    base::LocalTime written;
    std::optional<store::Verdict> verdict;
    bool has_fact = false;
    bool orders = false;  // a message of that day speaks to an assistant
  };
  struct Found {
    size_t order = 0;  // in told_kinds
    size_t item = 0;   // in items_
    SummaryClaim claim;
  };

  std::string say(const std::string& code, const base::Parameters& parameters) const {
    return base::message(code, parameters, request_.language);
  }

  // What is safe to tell of joins items_, with its facts.
  Status take(const Id& id) {
    if (stop_.stop_requested()) return base::fail(ErrorKind::cancelled, "cancelled");
    auto stored = store_.item(id);
    if (!stored) {
      return stored.error().kind == ErrorKind::not_found
                 ? Status()
                 : Status(tl::unexpected<base::Error>(stored.error()));
    }
    Taken taken;
    taken.stored = std::move(*stored);
    const std::string zone = base::Clock::zone();
    taken.written = base::to_local(
        taken.stored.item.when ? domain::begins_at(*taken.stored.item.when, zone) : 0, zone);
    std::vector<store::Fact> facts;
    if (taken.stored.item.kind == ItemKind::mail) {
      TRY_ASSIGN(taken.verdict, store_.assistant().verdict(id));
      TRY_ASSIGN(facts, store_.assistant().facts_of(id));
      const bool order = std::any_of(facts.begin(), facts.end(),
                                     [](const store::Fact& fact) { return fact.kind == "order"; });
      if (order || (taken.verdict && taken.verdict->suspicious != "none" &&
                    !taken.verdict->suspicious.empty())) {
        ++summary_.left_out_unsafe;
        return {};
      }
      // Of a thread that was asked for everything counts.
      if (!request_.item && taken.verdict && taken.verdict->priority == "bulk") {
        ++summary_.left_out_bulk;
        return {};
      }
    } else if (taken.stored.item.kind == ItemKind::message) {
      TRY_ASSIGN(facts, facts_of_chat(taken.stored));
      taken.orders = std::any_of(facts.begin(), facts.end(),
                                 [](const store::Fact& fact) { return fact.kind == "order"; });
      if (taken.orders) ++summary_.left_out_unsafe;
    }
    items_.push_back(std::move(taken));
    for (const store::Fact& fact : facts) add(fact);
    add_decisions(facts);
    return {};
  }

  Result<std::vector<store::Fact>> facts_of_chat(const StoredItem& day) {
    std::vector<store::Fact> facts;
    if (!judge_) {
      TRY_ASSIGN(Judge judge, Judge::load());
      judge_.emplace(std::move(judge));
    }
    for (const ChatMessage& message : messages_of(day.item, owner_.zone)) {
      if (++messages_ > most_messages) return facts;
      Mailbox alone;
      alone.owner = owner_;
      alone.now = base::Clock::now();
      alone.mails.push_back(message_mail(message, day.item, is_owner(owner_, message.sender)));
      Verdict verdict;
      verdict.priority = Priority::fyi;
      verdict.findings = find_tasks(alone.mails.front(), alone, *judge_);
      for (store::Fact& fact : find_facts(alone.mails.front(), day.item, verdict, alone)) {
        facts.push_back(std::move(fact));
      }
    }
    return facts;
  }

  // "by Friday 15 May 2026", or nothing.
  std::string by_when(const store::Fact& fact) const {
    if (fact.starts.empty()) return {};
    return " " +
           say("summary.by", {{"when", shown_time(fact.starts, fact.zone, request_.language)}});
  }

  std::string text_of_fact(const store::Fact& fact) const {
    const std::string when =
        fact.starts.empty() ? "" : shown_time(fact.starts, fact.zone, request_.language);
    const bool spanish = request_.language == base::Language::spanish;
    const base::Parameters who_what = {{"who", fact.who_name}, {"what", fact.what}};
    if (fact.kind == "appointment") {
      return fact.place.empty() ? say("summary.appointment", {{"what", fact.what}, {"when", when}})
                                : say("summary.appointment.place",
                                      {{"what", fact.what}, {"when", when}, {"place", fact.place}});
    }
    if (fact.kind == "invoice") {
      return say("summary.invoice",
                 {{"who", fact.who_name},
                  {"what", fact.what},
                  {"amount", format_amount(fact.cents, fact.currency, spanish)}}) +
             by_when(fact);
    }
    if (fact.kind == "booking") {
      return say("summary.booking", {{"what", fact.what}, {"when", when}});
    }
    if (fact.kind == "decision") return say("summary.decision", who_what);
    if (fact.kind == "awaits_me" || fact.kind == "awaits_them") {
      return say("summary." + fact.kind,
                 {{"who", fact.who_name}, {"what", base::collapse_spaces(fact.quote)}});
    }
    return say("summary." + fact.kind, who_what) + by_when(fact);
  }

  // The item it is of is the last of items_.
  void add(const store::Fact& fact) {
    const auto order = std::find(told_kinds.begin(), told_kinds.end(), fact.kind);
    if (order == told_kinds.end() || fact.state == store::FactState::superseded) return;
    Taken& taken = items_.back();
    auto evidence = find_quote(taken.stored.item, fact.quote, fact.locator);
    if (!evidence) return;
    std::string text = text_of_fact(fact);
    if (fact.state == store::FactState::closed) text += " " + say("summary.closed", {});
    add(static_cast<size_t>(order - told_kinds.begin()),
        claim_about(taken.stored, fact.kind, std::move(text), std::move(*evidence)));
  }

  void add(size_t order, SummaryClaim claim) {
    const bool known = std::any_of(found_.begin(), found_.end(), [&](const Found& other) {
      // A question that is a request already, or the same thing said again.
      return (other.claim.item == claim.item && other.claim.quote == claim.quote) ||
             other.claim.text == claim.text;
    });
    if (known) return;
    items_.back().has_fact = true;
    found_.push_back({order, items_.size() - 1, std::move(claim)});
  }

  // "Hemos decidido que…", "let's go with…": what was agreed, in its own words.
  // What was decided otherwise since is among the facts, and not told.
  void add_decisions(const std::vector<store::Fact>& facts) {
    const Taken& taken = items_.back();
    const auto add_sentence = [&](const std::string& who, const Sentence& sentence) {
      if (sentence.question || sentence.text.size() < least_sentence ||
          !says_any(sentence.folded, "summary.decides")) {
        return;
      }
      const std::string said = base::collapse_spaces(sentence.text);
      const bool changed = std::any_of(facts.begin(), facts.end(), [&](const store::Fact& fact) {
        return fact.kind == "decision" && fact.state == store::FactState::superseded &&
               said.starts_with(fact.what);
      });
      if (changed) return;
      if (auto evidence = find_quote(taken.stored.item, sentence.text, "")) {
        add(0, claim_about(taken.stored, "decision",
                           say("summary.decision", {{"who", who}, {"what", sentence.text}}),
                           std::move(*evidence)));
      }
    };
    if (taken.stored.item.kind == ItemKind::message) {
      for (const ChatMessage& message : messages_of(taken.stored.item, owner_.zone)) {
        for (const Sentence& sentence : sentences_of(message.text, true)) {
          add_sentence(message.sender, sentence);
        }
      }
      return;
    }
    const Mail mail = make_mail(taken.stored.item);
    for (const Sentence& sentence : mail.sentences) {
      add_sentence(mail.from.name.empty() ? mail.from.address : mail.from.name, sentence);
    }
  }

  void tell(SummaryClaim claim) {
    if (on_claim_) on_claim_(claim);
    summary_.claims.push_back(std::move(claim));
  }

  void tell_facts() {
    // Of each kind the newest are kept, and told in the order of their time.
    std::stable_sort(found_.begin(), found_.end(), [](const Found& one, const Found& other) {
      return one.order != other.order ? one.order < other.order : one.item > other.item;
    });
    if (found_.size() > most_facts) {
      summary_.left_out_facts = static_cast<int>(found_.size() - most_facts);
      found_.resize(most_facts);
    }
    std::stable_sort(found_.begin(), found_.end(), [](const Found& one, const Found& other) {
      return one.order != other.order ? one.order < other.order : one.item < other.item;
    });
    for (Found& found : found_) tell(std::move(found.claim));
  }

  // A line each for the newest messages that no fact tells of, oldest first; where there is room,
  // for the others too, which hold more than their facts: of a day of a chat several messages, of a
  // mail what the model says of it.
  Status tell_said() {
    std::vector<size_t> chosen;
    for (const bool with_facts : {false, true}) {
      for (size_t at = items_.size(); at > 0; --at) {
        const Taken& taken = items_[at - 1];
        if (taken.has_fact != with_facts) continue;
        if (chosen.size() < most_said) {
          chosen.push_back(at - 1);
        } else if (!with_facts) {
          ++summary_.left_out_said;
        }
      }
    }
    std::sort(chosen.begin(), chosen.end());
    const size_t share = std::max<size_t>(1, most_said / std::max<size_t>(1, chosen.size()));
    for (const size_t at : chosen) {
      if (stop_.stop_requested()) return base::fail(ErrorKind::cancelled, "cancelled");
      const Taken& taken = items_[at];
      std::optional<SummaryClaim> claim = worded(taken);
      if (stop_.stop_requested()) return base::fail(ErrorKind::cancelled, "cancelled");
      std::vector<SummaryClaim> claims;
      if (claim) {
        claims.push_back(std::move(*claim));
      } else if (taken.stored.item.kind == ItemKind::message) {
        claims = own_messages(taken, share);
      } else if (!taken.has_fact) {
        if (auto first = first_sentence(taken)) claims.push_back(std::move(*first));
      }
      for (SummaryClaim& one : claims) {
        if (!is_told(one)) tell(std::move(one));
      }
    }
    return {};
  }

  bool is_told(const SummaryClaim& claim) const {
    return std::any_of(summary_.claims.begin(), summary_.claims.end(),
                       [&](const SummaryClaim& other) {
                         return other.item == claim.item && other.quote == claim.quote;
                       });
  }
  // Whether a claim stands on a part of this message already.
  bool is_told(const Id& item, const std::string& message) const {
    return std::any_of(
        summary_.claims.begin(), summary_.claims.end(), [&](const SummaryClaim& other) {
          return other.item == item && message.find(other.quote) != std::string::npos;
        });
  }

  // What the message says itself, as the model and the reader see it: one stretch of one part.
  struct Passage {
    const domain::TextPart* part = nullptr;
    std::size_t begin = 0;
    std::string text;
    bool cut = false;
  };
  static std::optional<Passage> passage_of(const domain::Item& item) {
    for (const domain::TextPart& part : item.parts) {
      if (part.role == domain::PartRole::headers || part.role == domain::PartRole::attachment) {
        continue;
      }
      std::size_t begin = std::string::npos, end = 0;
      bool cut = false;
      for (const domain::Segment& segment : part.segments) {
        const bool own = segment.kind != domain::SegmentKind::quoted &&
                         segment.kind != domain::SegmentKind::signature &&
                         segment.kind != domain::SegmentKind::boilerplate;
        if (!own) {
          if (begin != std::string::npos) break;
          continue;
        }
        if (begin == std::string::npos) begin = segment.begin;
        cut = segment.end - begin > read_bytes;
        if (cut && end > begin) break;
        end = segment.end;
        if (cut) break;
      }
      if (begin == std::string::npos || end <= begin) continue;
      const std::string_view text = std::string_view(part.text).substr(begin, end - begin);
      return Passage{&part, begin, std::string(base::cut_utf8(text, read_bytes)), cut};
    }
    return std::nullopt;
  }

  std::string header_of(const Taken& taken) const {
    std::string from;
    for (const domain::Person& person : taken.stored.item.people) {
      if (person.role != domain::PersonRole::from) continue;
      from += (from.empty() ? "" : ", ") + (person.name.empty() ? person.address : person.name);
    }
    if (taken.stored.item.kind == ItemKind::message) {
      from = "a chat of " + (from.empty() ? chat_name(taken.stored.item.title) : from);
    }
    return fmt::format("from {}, {}, {:02}:{:02}: {}", from,
                       base::spell_date(taken.written.date, false), taken.written.hour,
                       taken.written.minute, taken.stored.item.title);
  }

  // Who wrote a mail, or the name of a chat.
  static std::string writer_of(const Taken& taken) {
    if (taken.stored.item.kind == ItemKind::message) return chat_name(taken.stored.item.title);
    for (const domain::Person& person : taken.stored.item.people) {
      if (person.role != domain::PersonRole::from) continue;
      return person.name.empty() ? person.address : person.name;
    }
    return {};
  }

  // Empty where no embedding model is bound.
  EmbedWords embedding() {
    if (engines_.embed_space().empty()) return {};
    return [this](const std::vector<std::string>& words) {
      std::vector<engine::EmbedText> texts;
      for (const std::string& word : words) texts.push_back({"", word});
      return engines_.embed_for({engine::Urgency::interactive, "assistant"},
                                engine::EmbedKind::document, texts, stop_);
    };
  }

  std::optional<SummaryClaim> worded(const Taken& taken) {
    if (summary_.trouble || engines_.bound_to(engine::Role::chat).empty()) return std::nullopt;
    // What has not been judged yet may be anything: the model does not see it.
    const bool judged = taken.verdict && taken.verdict->has_read;
    if (taken.orders || (taken.stored.item.kind == ItemKind::mail && !judged)) return std::nullopt;
    const auto passage = passage_of(taken.stored.item);
    if (!passage) return std::nullopt;
    MailPrompt prompt{header_of(taken), passage->text, request_.language};
    engine::ChatRequest request;
    request.messages = mail_messages(prompt);
    request.grammar = std::string(mail_grammar());
    request.max_tokens = 90;
    request.caller = {engine::Urgency::interactive, "assistant"};
    auto answer = engines_.chat(engine::Role::chat, request, {}, stop_);
    if (!answer) {
      summary_.trouble = std::move(answer).error();
      return std::nullopt;
    }
    const std::string line = answered_line(answer->text);
    // A line of a summary leads nowhere: no link, picture or address.
    const bool leads = line.find("://") != std::string::npos ||
                       line.find('@') != std::string::npos || line.find("](") != std::string::npos;
    if (line.empty() || answer->truncated || leads) return std::nullopt;
    const auto support = support_(passage->text, prompt.header, taken.written.date, line);
    const base::Language language = base::detect_language(passage->text, request_.language);
    const bool own_language = language == request_.language;
    if (!support || support->end > passage->text.size() || support->begin >= support->end ||
        (own_language && support->overlap < least_overlap)) {
      return std::nullopt;
    }
    const auto shown = borne_out(line, {passage->text, prompt.header, taken.written.date, language},
                                 request_.language, embedding());
    if (!shown) summary_.trouble = shown.error();
    if (!shown || !*shown) return std::nullopt;
    Evidence evidence;
    evidence.quote = passage->text.substr(support->begin, support->end - support->begin);
    evidence.locator.part = passage->part->id;
    evidence.locator.begin = passage->begin + support->begin;
    evidence.locator.end = passage->begin + support->end;
    SummaryClaim claim =
        claim_about(taken.stored, "said", said_by(writer_of(taken), line), std::move(evidence));
    claim.by_model = true;
    if (passage->cut) ++summary_.left_out_cut;
    summary_.model = answer->model;
    return claim;
  }

  // "Ana: Al final no puedo ir el sábado.", in its own words.
  static std::optional<SummaryClaim> told(const Taken& taken, const std::string& who,
                                          const std::string& sentence) {
    const std::string words(base::cut_utf8(sentence, most_quote));
    auto evidence = find_quote(taken.stored.item, words, "");
    if (!evidence) return std::nullopt;
    return claim_about(taken.stored, "said", who + ": " + base::collapse_spaces(words),
                       std::move(*evidence));
  }

  // The longest messages of a day, in their order: more is said there than in "ok".
  std::vector<SummaryClaim> own_messages(const Taken& taken, size_t most) const {
    std::vector<ChatMessage> messages;
    for (ChatMessage& message : messages_of(taken.stored.item, owner_.zone)) {
      if (is_told(taken.stored.id, message.text)) continue;
      const bool mine = is_owner(owner_, message.sender);
      if (taken.orders && gives_orders(message_mail(message, taken.stored.item, mine))) continue;
      messages.push_back(std::move(message));
    }
    const auto by_length = [](const ChatMessage& one, const ChatMessage& other) {
      return one.text.size() > other.text.size();
    };
    std::stable_sort(messages.begin(), messages.end(), by_length);
    while (messages.size() > 1 &&
           (messages.size() > most || messages.back().text.size() < least_sentence)) {
      messages.pop_back();
    }
    std::stable_sort(
        messages.begin(), messages.end(),
        [](const ChatMessage& one, const ChatMessage& other) { return one.begin < other.begin; });
    std::vector<SummaryClaim> claims;
    for (const ChatMessage& message : messages) {
      if (auto claim = told(taken, message.sender, message.text)) claims.push_back(*claim);
    }
    return claims;
  }

  static std::optional<SummaryClaim> first_sentence(const Taken& taken) {
    const Mail mail = make_mail(taken.stored.item);
    const std::string who = !mail.from.name.empty()      ? mail.from.name
                            : !mail.from.address.empty() ? mail.from.address
                                                         : taken.stored.item.title;
    for (const Sentence& sentence : mail.sentences) {
      const bool greeting = sentence.text.size() < 45 &&
                            (sentence.text.ends_with(',') || sentence.text.ends_with(':'));
      if (greeting || sentence.heading || sentence.text.size() < least_sentence) continue;
      if (auto claim = told(taken, who, sentence.text)) return claim;
    }
    return mail.subject.empty() ? std::nullopt : told(taken, who, mail.subject);
  }

  store::Store& store_;
  engine::Engines& engines_;
  const SummaryRequest& request_;
  const FindSupport& support_;
  const std::function<void(const SummaryClaim&)>& on_claim_;
  std::stop_token stop_;
  Owner owner_;
  std::optional<Judge> judge_;
  size_t messages_ = 0;
  std::vector<Taken> items_;  // oldest first
  std::vector<Found> found_;
  Summary summary_;
};

}  // namespace

Result<Summary> summarise(store::Store& store, engine::Engines& engines,
                          const SummaryRequest& request, const FindSupport& support,
                          const std::function<void(const SummaryClaim&)>& on_claim,
                          std::stop_token stop) {
  return Summariser(store, engines, request, support, on_claim, std::move(stop)).make();
}

}  // namespace lar::assistant
