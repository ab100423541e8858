// What the assistant keeps: verdicts on mails, the facts found in them, cards for the owner,
// actions with their approvals, what the attention gate has learnt, and memory. Part of the store
// (store.h, Store::assistant()); thread-safe like it.
//
// Verdicts, facts and cards can be made again from the items and go with them. Actions, rules,
// outcomes and memory are the owner's own words and deeds: they stay. Everything is one transaction
// an operation, and what the owner decides is on disk before the call returns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "domain/item.h"

namespace lar::store {

// ---- verdicts and facts
// --------------------------------------------------------------------------

struct Verdict {
  base::Id item;
  int producer_version = 0;  // of the judgement; older ones are made again
  std::string model;         // names (and hashes) of what was asked; empty: code alone
  base::Microseconds made = 0;
  std::string priority;    // "urgent", "reply", "fyi", "bulk"
  std::string suspicious;  // "none", "spam", "phishing"
  bool personal = false;
  double urgency = 0;    // probability that it is urgent, 0 to 1
  std::string summary;   // one line
  std::string detail;    // JSON: reasons, findings, headers that tell of its kind
  bool has_read = true;  // false: the original could not be read; priority and the rest are empty
  // When the mail was there for the owner: as its Date says, but no later than it came in, and
  // where that differs by days, when it came. 0 on writing: by what the item says.
  base::Microseconds came = 0;
};

enum class FactState { valid, superseded, closed };
std::string_view name_of(FactState state);

// What an item says in typed form. Kinds are listed in assistant/facts.h.
struct Fact {
  base::Id id;
  base::Id item;
  std::string thread;  // of the item, on reading
  std::string kind;
  std::string who;       // address of whom it concerns; may be empty
  std::string who_name;  // as they call themselves
  std::string what;
  std::string starts;                        // "2026-05-14" or RFC 3339 with offset; may be empty
  std::string ends;                          // the same
  std::string zone;                          // IANA name the times were resolved in
  std::optional<base::Microseconds> moment;  // of `starts`, for sorting
  std::string place;
  std::int64_t cents = 0;  // of an amount
  std::string currency;    // "EUR"
  std::string quote;       // at most 300 bytes of the item's text, as it stands there
  std::string locator;     // JSON of a domain::Locator, or empty where the quote is from a header
  FactState state = FactState::valid;
  std::optional<base::Microseconds> ended;  // when it was superseded or closed
  std::optional<base::Id> superseded_by;    // the item that did it
};

// What the owner said of a mail's verdict. It stays when the mail goes. Of each of the three empty
// (for personal nothing): the owner said nothing.
struct Lesson {
  base::Id item;
  std::string message_id;
  std::string sender;  // address
  std::string subject;
  std::string priority, suspicious;  // as in Verdict
  std::optional<bool> personal;
  std::vector<float> embedding;  // of the mail for sorting; empty: not known yet
  std::string space;             // that it is in
  base::Microseconds made = 0;
};

// A mail with its verdict, as far as judging others needs it.
struct JudgedMail {
  base::Id item;
  std::string message_id;
  std::string thread;
  std::string title;
  std::vector<domain::Person> people;
  std::optional<base::Microseconds> sent;  // Verdict::came
  domain::Origin origin = domain::Origin::stranger;
  domain::ItemKind kind = domain::ItemKind::mail;  // or message: a day of a chat
  Verdict verdict;
};

// A day of an exported chat.
struct ChatDay {
  base::Id item;
  std::string external_id;
  std::string hash;  // of its content; its verdict's detail says of which it was made ("hash")
};

// How often somebody has written and been written to.
struct Correspondent {
  std::string address;
  std::string name;
  int received = 0;  // mails of theirs
  int written = 0;   // mails of the owner to them
};

// ---- cards and actions
// ---------------------------------------------------------------------------

// gone: what the card told of is no more (answered, cancelled, past).
enum class CardState { fresh, seen, snoozed, done, dismissed, gone };
std::string_view name_of(CardState state);
std::optional<CardState> card_state_from(std::string_view name);

struct CardItem {
  base::Id item;
  std::string quote;
  std::string external_id, title;  // on reading
  domain::ItemKind kind = domain::ItemKind::mail;
};

// Until when a card is put off, where that is an event's beginning or end.
struct UntilEvent {
  base::Id item;
  std::string occurrence;  // domain::Occurrence::recurrence_id
  bool only = false;       // the event's only one: it stays the same wherever it is moved
  bool begins = false;     // until it begins; else until it ends
};

struct ProposedAction {
  std::string kind;
  std::string content;  // JSON object
};

struct Card {
  base::Id id;
  std::int64_t number = 0;  // what the owner calls it; never used twice
  std::string key;          // the state it tells of: the same state never makes a second card
  std::string kind;         // "urgent", "answer", …
  std::string code;         // sentence card.CODE
  std::string parameters;   // JSON object of texts
  int urgency = 0;          // 0 later, 1 today, 2 now
  double weight = 0;        // among cards of the same urgency; 0 to 1
  std::string person;       // address of whom it concerns; may be empty
  std::string thread;       // of its first item; may be empty
  domain::Origin origin = domain::Origin::own_data;  // whose words its text holds
  std::optional<base::Microseconds> due;             // what it is about takes place
  CardState state = CardState::fresh;
  std::optional<base::Microseconds> until;  // snoozed
  std::optional<UntilEvent> until_event;    // snoozed, and `until` follows this
  bool woken = false;                       // put off until now, and the owner not yet told
  int attempts = 0;                         // to interrupt the owner, that failed
  std::optional<base::Microseconds> tried;  // the last of them
  base::Microseconds made = 0;
  base::Microseconds changed = 0;
  std::string route;                           // of the gate: "silent", "briefing", "now"; or empty
  std::string because;                         // JSON {code, parameters}: why that way
  std::optional<base::Microseconds> notified;  // the owner was interrupted with it
  std::vector<CardItem> evidence;
  std::vector<ProposedAction> actions;  // on writing only
};

enum class ActionState {
  proposed,
  approved,
  rejected,
  executing,
  done,
  failed,
  undone,
  unknown  // lar ended while it was executing: whether it happened must be looked up
};
std::string_view name_of(ActionState state);

struct Action {
  base::Id id;  // also its idempotency key: an executor makes names and UIDs of it
  std::optional<std::int64_t> card;
  int position = 0;  // 1-based among the card's actions
  std::string kind;
  std::string content;  // JSON: exactly what will be done
  ActionState state = ActionState::proposed;
  std::string result;  // JSON
  std::string undo;    // JSON: what taking it back needs
  base::Microseconds made = 0;
  base::Microseconds changed = 0;
};

// ---- the gate, memory
// ----------------------------------------------------------------------------

// What the owner said for good. An empty kind or person stands for any.
struct GateRule {
  std::string kind;
  std::string person;
  bool always = false;  // false: never
  base::Microseconds made = 0;
  std::optional<std::int64_t> card;  // on which the owner said it
};
// What the owner did with cards of a kind that concern a person.
struct GateCount {
  std::string kind;
  std::string person;
  int useful = 0;
  int useless = 0;
};

struct Memory {
  base::Id id;
  std::int64_t number = 0;
  std::string topic;  // what it is about: a later statement on the same topic supersedes
  std::string statement;
  bool stated = false;             // by the owner; else inferred
  std::vector<base::Id> evidence;  // items
  base::Microseconds made = 0;
  std::optional<base::Microseconds> superseded;
};

class AssistantStore {
 public:
  virtual ~AssistantStore() = default;

  // Mails without a verdict, newest first. New and changed mails are put there by the transaction
  // that records them.
  virtual base::Result<std::vector<base::Id>> mails_to_judge(int limit) = 0;
  virtual base::Result<std::int64_t> count_to_judge() = 0;
  virtual base::Result<bool> is_to_judge(const base::Id& item) = 0;
  // Puts back what was judged by an older version, and, of mails since `models_since`, what was
  // judged by code alone although a model is there (empty `model`: leave those). Their number.
  virtual base::Result<std::int64_t> judge_again(int version, const std::string& model,
                                                 base::Microseconds models_since) = 0;
  // Days of chats since then without a verdict on what they hold now, newest first.
  virtual base::Result<std::vector<ChatDay>> chat_days_to_judge(int version,
                                                                base::Microseconds since,
                                                                int limit) = 0;
  // All days of a conversation since then, oldest first.
  virtual base::Result<std::vector<ChatDay>> chat_days(const std::string& conversation,
                                                       base::Microseconds since) = 0;
  // Replaces the verdict and facts of `verdict.item`, gives the thread's other facts the states in
  // `others` (by id) and takes the mail from the queue: all or nothing. Does nothing if the item is
  // gone.
  virtual base::Status save_verdict(const Verdict& verdict, std::span<const Fact> facts,
                                    std::span<const Fact> others) = 0;
  virtual base::Result<std::optional<Verdict>> verdict(const base::Id& item) = 0;
  // Replaces what was said of that mail before, and has it and the sender's mails since
  // `alike_since` judged again: all or nothing.
  virtual base::Status teach(const Lesson& lesson, base::Microseconds alike_since) = 0;
  // Takes it back; the same mails are judged again. False: nothing had been said.
  virtual base::Result<bool> unteach(const base::Id& item, base::Microseconds alike_since) = 0;
  virtual base::Result<std::vector<Lesson>> lessons() = 0;  // newest first
  virtual base::Status keep_lesson_vector(const base::Id& item, std::span<const float> embedding,
                                          const std::string& space) = 0;
  virtual base::Result<std::vector<Fact>> facts_of(const base::Id& item) = 0;
  // Judged mails and days of chats since, oldest first, and the facts of them.
  virtual base::Result<std::vector<JudgedMail>> judged(base::Microseconds since) = 0;
  // Of those before `since`, what still matters in [since, until): threads with a fact whose own
  // moment lies there, what their senders moved or called off, and the invoices of the last two
  // years of whoever has sent one since. Oldest first. It reads by indexes what lies in that time,
  // however many mails the home holds.
  virtual base::Result<std::vector<JudgedMail>> judged_before(base::Microseconds since,
                                                              base::Microseconds until) = 0;
  virtual base::Result<std::vector<Fact>> facts_before(base::Microseconds since,
                                                       base::Microseconds until) = 0;
  virtual base::Result<std::vector<JudgedMail>> judged_thread(const std::string& thread) = 0;
  virtual base::Result<std::vector<Fact>> facts(base::Microseconds since) = 0;
  virtual base::Result<std::vector<Fact>> thread_facts(const std::string& thread) = 0;
  virtual base::Result<std::vector<Correspondent>> correspondents() = 0;
  // Addresses that are the owner's: stated, or written from.
  virtual base::Result<std::vector<std::string>> own_addresses() = 0;
  // The last mails to somebody that the owner wrote, newest first.
  virtual base::Result<std::vector<base::Id>> written_to(const std::string& address, int limit) = 0;
  virtual base::Result<std::vector<base::Id>> newest(domain::ItemKind kind, int limit) = 0;

  // Makes cards whose key is new, renews open ones (text, evidence, actions that nobody has decided
  // on or changed), and ends those open ones of `kinds` that are not among `cards`. What the owner
  // has done or dismissed stays so; what had ended by itself comes back as new, or still put off.
  // Gives the new ones.
  virtual base::Result<std::vector<Card>> put_cards(std::span<const Card> cards,
                                                    std::span<const std::string> kinds) = 0;
  // Open ones (fresh, seen, snoozed), or all that there are; most pressing first.
  enum class Which { open, all };
  virtual base::Result<std::vector<Card>> cards(Which which) = 0;
  virtual base::Result<Card> card(std::int64_t number) = 0;  // card.unknown
  virtual base::Status set_card(std::int64_t number, CardState state,
                                std::optional<base::Microseconds> until) = 0;
  virtual base::Status put_off(std::int64_t number, base::Microseconds until,
                               const std::optional<UntilEvent>& event) = 0;
  // The event has moved. Does nothing where the owner has decided otherwise meanwhile.
  virtual base::Status follow_event(std::int64_t number, base::Microseconds until) = 0;
  // What it was put off until has come: it is new again, and the owner is to be told.
  virtual base::Status wake_card(std::int64_t number) = 0;
  // set_route has said that the owner was told, and they were not.
  virtual base::Status not_told(std::int64_t number) = 0;
  virtual base::Status set_route(std::int64_t number, const std::string& route,
                                 const std::string& because,
                                 std::optional<base::Microseconds> notified) = 0;

  virtual base::Result<Action> add_action(const Action& action) = 0;
  // All, what changed last first; or those of a card in their order, also of one that has gone.
  virtual base::Result<std::vector<Action>> actions(std::optional<std::int64_t> card) = 0;
  virtual base::Result<Action> action(const base::Id& id) = 0;  // action.unknown
  // Only while it is proposed (action.not_proposed). What the owner has edited stays as it is when
  // its card changes.
  enum class By { code, owner };
  virtual base::Status edit_action(const base::Id& id, const std::string& content, By by) = 0;
  // From one state to another, with its result and undo data; action.other_state {state} if it is
  // in another one by now. On disk before it returns: two processes or threads never both succeed.
  virtual base::Status advance(const base::Id& id, ActionState from, ActionState to,
                               const std::string& result, const std::string& undo) = 0;

  virtual base::Result<std::vector<GateRule>> rules() = 0;
  // Where it was said before, it stays that card's (or the settings') on which it was.
  virtual base::Status set_rule(const GateRule& rule) = 0;
  virtual base::Status remove_rule(const std::string& kind, const std::string& person) = 0;
  virtual base::Result<std::vector<GateCount>> counts_of_gate() = 0;
  virtual base::Status count_outcome(const std::string& kind, const std::string& person,
                                     bool useful) = 0;
  // Takes one back; a count never falls below nought.
  virtual base::Status uncount_outcome(const std::string& kind, const std::string& person,
                                       bool useful) = 0;

  // Supersedes what was known on the topic; what is inferred never supersedes what was stated, nor
  // comes back once forgotten (false: nothing was written).
  virtual base::Result<bool> remember(const Memory& memory) = 0;
  virtual base::Result<std::vector<Memory>> memories(Which which) = 0;  // open: not superseded
  // For good: the text is gone, and a hash of the topic keeps anything on it from being inferred
  // again, however worded. memory.unknown.
  virtual base::Status forget_memory(std::int64_t number) = 0;
};

}  // namespace lar::store
