// Facts come from the findings of the judgement and from a few looks of their own: amounts,
// bookings, open questions of the owner, words meant for an assistant. Nothing of a fraud or of
// bulk becomes a fact but that it is one.
#include "assistant/facts.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "assistant/lexicon.h"
#include "assistant/moments.h"
#include "assistant/money.h"
#include "assistant/orders.h"
#include "assistant/outcome.h"
#include "base/time_expression.h"
#include "domain/json.h"

namespace lar::assistant {
namespace {

using nlohmann::json;
using store::Fact;
using store::FactState;

constexpr size_t most_quote = 300;
constexpr size_t most_decisions = 3;  // of one mail
constexpr size_t least_decision = 12;

template <size_t size>
bool holds(std::string_view folded, const std::array<std::string_view, size>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return folded.find(phrase) != std::string_view::npos;
  });
}

constexpr std::array<std::string_view, 18> of_invoices = {
    " factura ", " recibo ",      " cuota ",   " importe ",     " domiciliacion ", " domiciliado ",
    " invoice ", " bill ",        " amount ",  " payment due ", " balance ",       " derrama ",
    " pagar ",   " suscripcion ", " premium ", " prima ",       " subscription ",  " statement "};
constexpr std::array<std::string_view, 12> of_totals = {
    " total ", " importe ", " a pagar ", " amount ", " due ",     " factura ",
    " cuota ", " cargo ",   " recibo ",  " pagar ",  " balance ", " derrama "};
constexpr std::array<std::string_view, 14> of_due = {
    " vence ",  " vencimiento ", " cargo ",  " cargara ", " cargaremos ", " due ",   " pagar ",
    " abonar ", " cobro ",       " before ", " payable ", " domicilia ",  " hasta ", " antes "};
constexpr std::array<std::string_view, 12> already_paid = {" gracias por tu compra ",
                                                           " gracias por su compra ",
                                                           " gracias por tu pedido ",
                                                           " pago recibido ",
                                                           " hemos recibido tu pago",
                                                           " hemos recibido su pago",
                                                           " payment received ",
                                                           " thank you for your payment",
                                                           " thanks for your order",
                                                           " thank you for your order",
                                                           " pagada ",
                                                           " has been paid "};
constexpr std::array<std::string_view, 16> of_bookings = {" reserva confirmada ",
                                                          " confirmacion de reserva ",
                                                          " confirmacion de tu reserva ",
                                                          " confirmacion de su reserva ",
                                                          " tu reserva ",
                                                          " su reserva ",
                                                          " booking confirmation ",
                                                          " booking confirmed ",
                                                          " your booking ",
                                                          " your reservation ",
                                                          " tarjeta de embarque ",
                                                          " boarding pass ",
                                                          " check in online ",
                                                          " online check in ",
                                                          " facturacion online ",
                                                          " localizador "};
constexpr std::array<std::string_view, 12> of_journeys = {
    " vuelo ", " flight ", " check in ", " embarque ", " boarding ", " tren ",
    " train ", " hotel ",  " ferry ",    " estancia ", " salida ",   " departure "};
// The sentence whose words are those of `what`; null if hardly any stand in one.
const Sentence* sentence_of(const Mail& mail, std::string_view what) {
  const std::string folded = phrase_text(what);
  const Sentence* best = nullptr;
  double most = 0.4;
  for (const Sentence& sentence : mail.sentences) {
    int known = 0, all = 0;
    for (const base::Word& word : base::words(folded)) {
      const std::string_view text =
          std::string_view(folded).substr(word.begin, word.end - word.begin);
      if (text.size() < 3) continue;
      ++all;
      known += sentence.folded.find(" " + std::string(text) + " ") != std::string::npos ? 1 : 0;
    }
    const double share = all == 0 ? 0 : static_cast<double>(known) / all;
    if (share > most) {
      most = share;
      best = &sentence;
    }
  }
  return best;
}

class Finder {
 public:
  Finder(const Mail& mail, const domain::Item& item, const Verdict& verdict, const Mailbox& mailbox)
      : mail_(mail),
        item_(item),
        verdict_(verdict),
        mailbox_(mailbox),
        written_(written_at(mail, mailbox)) {}

  std::vector<Fact> all() {
    if (const std::string order = order_in(mail_); !order.empty()) {
      Fact fact = start("order", mail_.from);
      fact.what = verdict_.summary;
      // Of what nobody sees there is nothing to quote.
      quote(fact, order);
      facts_.push_back(std::move(fact));
    }
    if (verdict_.suspicious != Suspicious::none) return std::move(facts_);
    if (mail_.mine) {
      decisions();
      own();
      return std::move(facts_);
    }
    if (verdict_.priority == Priority::bulk || !facts_.empty()) return std::move(facts_);
    requests("request", verdict_.findings.action_items, mail_.from);
    appointments(mail_.from);
    if (is_person_like(mail_)) {
      decisions();
      theirs();
    }
    if (verdict_.priority == Priority::reply) {
      Fact fact = start("awaits_me", mail_.from);
      fact.what = verdict_.summary;
      const auto question =
          std::find_if(mail_.sentences.begin(), mail_.sentences.end(),
                       [](const Sentence& sentence) { return sentence.question; });
      quote(fact, question != mail_.sentences.end() ? question->text
                  : mail_.sentences.empty()         ? mail_.subject
                                                    : mail_.sentences.front().text);
      facts_.push_back(std::move(fact));
    }
    invoice();
    booking();
    return std::move(facts_);
  }

 private:
  Fact start(std::string kind, const domain::Person& who) const {
    Fact fact;
    fact.kind = std::move(kind);
    fact.who = who.address;
    fact.who_name = who.name.empty() ? who.address : who.name;
    fact.zone = mailbox_.owner.zone;
    return fact;
  }

  void set_start(Fact& fact, const std::string& when) const {
    fact.starts = when;
    fact.moment = moment_of(when, mailbox_.owner.zone);
  }

  void quote(Fact& fact, std::string_view sentence) const {
    if (const auto found = locate(item_, sentence)) {
      fact.quote = found->quote;
      fact.locator = domain::to_json(found->locator).dump();
    } else {
      fact.quote = std::string(base::cut_utf8(base::collapse_spaces(sentence), most_quote));
    }
  }

  // Without the words it stands on nothing is a fact.
  void requests(const std::string& kind, const std::vector<ActionItem>& items,
                const domain::Person& who) {
    for (const ActionItem& item : items) {
      // It may be put in words that do not stand there: "mándamelo" is "mandarlo a Bea".
      const bool known = item.sentence && *item.sentence < mail_.sentences.size();
      const Sentence* sentence =
          known ? &mail_.sentences[*item.sentence] : sentence_of(mail_, item.what);
      if (sentence == nullptr) continue;
      Fact fact = start(kind, who);
      fact.what = item.what;
      // "Te paso el acta de ayer": a day before the mail is none by which anything is due.
      const bool past = item.due.substr(0, 10) < base::format_date(written_.date);
      if (!item.due.empty() && !past) set_start(fact, item.due);
      if (kind == "promised" && fact.starts.empty()) continue;
      quote(fact, sentence->text);
      facts_.push_back(std::move(fact));
    }
  }

  void appointments(const domain::Person& who) {
    for (const Appointment& appointment : verdict_.findings.appointments) {
      Fact fact = start("appointment", who);
      fact.what = appointment.title;
      set_start(fact, appointment.start);
      fact.ends = appointment.end;
      fact.place = appointment.place;
      if (const std::string sentence = sentence_at(fact.starts); !sentence.empty()) {
        quote(fact, sentence);
      } else if (!mail_.details.invitations.empty()) {
        fact.quote = std::string(base::cut_utf8(appointment.title, most_quote));
      } else {
        quote(fact, mail_.subject);
      }
      if (!fact.moment) continue;
      facts_.push_back(std::move(fact));
    }
  }

  // The sentence that names this day or time.
  std::string sentence_at(const std::string& when) const {
    const auto day = base::parse_date(std::string_view(when).substr(0, 10));
    if (!day) return {};
    std::string of_day;
    for (const Sentence& sentence : mail_.sentences) {
      for (const Moment& moment : find_moments(sentence.text, written_)) {
        if (moment.left || moment.first > *day || moment.last < *day) continue;
        const bool timed = when.size() >= 16 && moment.from &&
                           *moment.from == std::atoi(when.substr(11, 2).c_str()) * 60 +
                                               std::atoi(when.substr(14, 2).c_str());
        if (timed) return sentence.text;
        if (of_day.empty() && moment.dated) of_day = sentence.text;
      }
    }
    return of_day;
  }

  void own() {
    domain::Person to;
    for (const auto* people : {&mail_.to, &mail_.cc}) {
      for (const domain::Person& person : *people) {
        if (to.address.empty() && !mailbox_.owner.is(person.address)) to = person;
      }
    }
    if (to.address.empty()) return;  // a note to self
    requests("promise", verdict_.findings.action_items, to);
    appointments(to);
    for (const Sentence& sentence : mail_.sentences) {
      if (!sentence.question || sentence.text.size() < 12) continue;
      Fact fact = start("awaits_them", to);
      fact.what = std::string(base::cut_utf8(sentence.text, 160));
      quote(fact, sentence.text);
      facts_.push_back(std::move(fact));
      break;
    }
  }

  // What the owner promises is found by their phrases; those of others promise in the same words.
  void theirs() {
    Mailbox alone;
    alone.owner = mailbox_.owner;
    alone.now = mailbox_.now;
    alone.mails = {mail_};
    alone.mails.front().mine = true;
    std::vector<ActionItem> promises;
    const auto judged = triage(alone, {},
                               [&](const Verdict& verdict) {
                                 for (const ActionItem& item : verdict.findings.action_items) {
                                   if (!item.due.empty()) promises.push_back(item);
                                 }
                                 return false;
                               },
                               {});
    if (judged) requests("promised", promises, mail_.from);
  }

  // "We agreed to take the blue tiles": whoever writes it, it is theirs to say.
  void decisions() {
    static constexpr std::array<std::string_view, 13> undecided = {
        " no ",      " not ", " t ",   " todavia ", " aun ",       " si ",    " if ",
        " whether ", " sin ", " yet ", " until ",   " hasta que ", " cuando "};
    size_t found = 0;
    for (const Sentence& sentence : mail_.sentences) {
      if (found >= most_decisions) return;
      if (sentence.question || sentence.text.size() < least_decision ||
          !says_any(sentence.folded, "summary.decides")) {
        continue;
      }
      // "Not decided yet" is none; "we decided not to" is one.
      std::string_view before = sentence.folded;
      for (const std::string& phrase : phrases("summary.decides")) {
        const size_t at = before.find(" " + phrase);
        if (at != std::string_view::npos) before = before.substr(0, at + 1);
      }
      if (holds(before, undecided)) continue;
      Fact fact = start("decision", mail_.from);
      fact.what = std::string(base::cut_utf8(base::collapse_spaces(sentence.text), most_quote));
      for (const Moment& moment : find_moments(sentence.text, written_)) {
        if (!moment.dated || moment.left || moment.first < written_.date) continue;
        set_start(fact, base::format_date(moment.first));
        break;
      }
      quote(fact, sentence.text);
      facts_.push_back(std::move(fact));
      ++found;
    }
  }

  void invoice() {
    if (!holds(mail_.folded, of_invoices) || holds(mail_.folded, already_paid)) return;
    if (is_person_like(mail_) && verdict_.personal) return;
    const Sentence* with_total = nullptr;
    Amount total;
    for (const Sentence& sentence : mail_.sentences) {
      const auto amounts = find_amounts(sentence.text);
      if (amounts.empty()) continue;
      const bool named = holds(sentence.folded, of_totals);
      if (with_total != nullptr && !(named && !holds(with_total->folded, of_totals))) continue;
      with_total = &sentence;
      total = *std::max_element(
          amounts.begin(), amounts.end(),
          [](const Amount& one, const Amount& other) { return one.cents < other.cents; });
    }
    if (with_total == nullptr || total.cents < 100) return;
    Fact fact = start("invoice", mail_.from);
    fact.what = plain_subject(mail_.subject);
    fact.cents = total.cents;
    fact.currency = total.currency;
    quote(fact, with_total->text);
    std::optional<base::Date> due;
    for (const Sentence& sentence : mail_.sentences) {
      for (const Moment& moment : find_moments(sentence.text, written_)) {
        if (!moment.dated || moment.first < written_.date) continue;
        if (!moment.deadline && !holds(sentence.folded, of_due)) continue;
        if (base::days_between(written_.date, moment.last) > 90) continue;
        if (!due || (&sentence == with_total)) due = moment.last;
      }
    }
    if (due) set_start(fact, base::format_date(*due));
    facts_.push_back(std::move(fact));
  }

  void booking() {
    if (!holds(mail_.folded, of_bookings) || !holds(mail_.folded, of_journeys)) return;
    const Sentence* named = nullptr;
    std::optional<Moment> begins;
    for (const Sentence& sentence : mail_.sentences) {
      for (const Moment& moment : find_moments(sentence.text, written_)) {
        if (!moment.dated || moment.left || moment.deadline || moment.first <= written_.date) {
          continue;
        }
        if (begins && begins->first <= moment.first) continue;
        begins = moment;
        named = &sentence;
      }
    }
    if (!begins) return;
    Fact fact = start("booking", mail_.from);
    fact.what = plain_subject(mail_.subject);
    if (begins->from) {
      const base::Microseconds moment = base::from_local(
          {begins->first, *begins->from / 60, *begins->from % 60, 0}, mailbox_.owner.zone);
      set_start(fact, base::format_rfc3339(moment, mailbox_.owner.zone));
    } else {
      set_start(fact, base::format_date(begins->first));
    }
    quote(fact, named->text);
    facts_.push_back(std::move(fact));
  }

  const Mail& mail_;
  const domain::Item& item_;
  const Verdict& verdict_;
  const Mailbox& mailbox_;
  const base::LocalTime written_;
  std::vector<Fact> facts_;
};

void end(Fact& fact, FactState state, const ThreadMail& by) {
  if (fact.state != FactState::valid) return;
  fact.state = state;
  fact.ended = by.sent;
  fact.superseded_by = by.item;
}

}  // namespace

std::optional<base::Microseconds> moment_of(const std::string& when, std::string_view zone) {
  if (when.size() == 10) {
    const auto day = base::parse_date(when);
    if (!day) return std::nullopt;
    return base::from_local({*day, 0, 0, 0}, zone);
  }
  const auto moment = base::parse_rfc3339(when);
  if (!moment) return std::nullopt;
  return *moment;
}

std::optional<Evidence> locate(const domain::Item& item, std::string_view sentence) {
  const std::string wanted = base::collapse_spaces(sentence);
  if (wanted.empty()) return std::nullopt;
  for (const domain::TextPart& part : item.parts) {
    if (part.role != domain::PartRole::body && part.role != domain::PartRole::event) continue;
    const std::string& text = part.text;
    for (size_t begin = text.find(wanted[0]); begin != std::string::npos;
         begin = text.find(wanted[0], begin + 1)) {
      size_t at = begin, matched = 0;
      while (at < text.size() && matched < wanted.size()) {
        const bool space = text[at] == ' ' || text[at] == '\n' || text[at] == '\t';
        if (wanted[matched] == ' ' && space) {
          while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t')) {
            ++at;
          }
          ++matched;
        } else if (text[at] == wanted[matched]) {
          ++at;
          ++matched;
        } else {
          break;
        }
      }
      if (matched < wanted.size()) continue;
      Evidence evidence;
      evidence.quote =
          std::string(base::cut_utf8(std::string_view(text).substr(begin, at - begin), most_quote));
      evidence.locator.part = part.id;
      evidence.locator.begin = begin;
      evidence.locator.end = begin + evidence.quote.size();
      return evidence;
    }
  }
  return std::nullopt;
}

std::vector<Fact> find_facts(const Mail& mail, const domain::Item& item, const Verdict& verdict,
                             const Mailbox& mailbox) {
  return Finder(mail, item, verdict, mailbox).all();
}

json detail_of(const Mail& mail, const Verdict& verdict) {
  json detail = to_json(verdict, mail.language);
  for (const char* name : {"message_id", "priority", "personal", "suspicious", "summary"}) {
    detail.erase(name);
  }
  for (json& reason : detail["reasons"]) reason.erase("text");
  detail["cancels"] = verdict.findings.cancels;
  detail["moves"] = verdict.findings.moves;
  detail["mine"] = mail.mine;
  detail["fulfils"] = brings_something(mail);
  if (json outcome = to_json(outcome_of(mail)); !outcome.empty()) {
    detail["outcome"] = std::move(outcome);
  }
  detail["language"] = base::language_code(mail.language);
  detail["automatic"] = is_automatic(mail);
  detail["list"] = is_list(mail);
  detail["person"] = is_person_like(mail);
  json headers = json::array();
  for (const auto& [name, value] : mail.details.headers) {
    for (const std::string_view kept :
         {"list-unsubscribe", "list-id", "precedence", "auto-submitted"}) {
      if (name == kept) headers.push_back({name, std::string(base::cut_utf8(value, 200))});
    }
  }
  detail["headers"] = std::move(headers);
  return detail;
}

ThreadMail thread_mail(const store::JudgedMail& mail) {
  const json detail = json::parse(mail.verdict.detail, nullptr, false);
  ThreadMail result;
  result.item = mail.item;
  result.sent = mail.sent.value_or(0);
  result.honest = mail.verdict.suspicious == "none";
  for (const domain::Person& person : mail.people) {
    if (person.role == domain::PersonRole::from) result.from = person.address;
  }
  if (!detail.is_object()) return result;
  result.mine = detail.value("mine", false);
  result.fulfils = detail.value("fulfils", false);
  result.cancels = detail.value("cancels", false);
  result.moves = detail.value("moves", false);
  result.appointments = detail.contains("appointments") && detail["appointments"].is_array() &&
                        !detail["appointments"].empty();
  result.outcome = outcome_from(detail);
  return result;
}

namespace {

bool asks_for_an_answer(const Fact& fact) {
  static constexpr std::array<std::string_view, 13> telling = {
      " confirm",      " dime ", " avisame ", " avisa ",  " responde", " contesta", " dinos ",
      " let me know ", " tell ", " reply ",   " answer ", " decirme ", " rsvp "};
  return holds(phrase_text(fact.what), telling);
}

// The facts of a thread while one later mail after the other is held against them.
class Merging {
 public:
  explicit Merging(std::vector<Fact>& facts) : facts_(facts) {}

  // `open`: the facts that stand when the next mail comes, so that what it ends first does not
  // change what it means for the others.
  void begin_mail(std::vector<const Fact*> open) { open_ = std::move(open); }

  void hold_against(Fact& fact, const ThreadMail& mail) {
    if (fact.kind == "awaits_me") {
      if (says_again(fact, mail)) return end(fact, FactState::superseded, mail);
      // Who is told "I'll look at it" still waits.
      if (mail.mine && (mail.fulfils || !mail.outcome.defers)) end(fact, FactState::closed, mail);
    } else if (fact.kind == "request") {
      request(fact, mail);
    } else if (fact.kind == "promise" || fact.kind == "promised") {
      promise(fact, mail);
    } else if (fact.kind == "awaits_them") {
      if (says_again(fact, mail)) return end(fact, FactState::superseded, mail);
      if (!mail.mine) end(fact, FactState::closed, mail);
    } else if (fact.kind == "appointment") {
      // Another appointment of the same thread stands beside it, unless it takes its place.
      const bool repeated =
          any_of(mail, fact.kind, [&](const Fact& other) { return other.starts == fact.starts; });
      if (repeated || (mail.appointments && mail.moves)) {
        end(fact, FactState::superseded, mail);
      } else if (mail.cancels && !mail.appointments) {
        end(fact, FactState::closed, mail);
      }
    } else if (fact.kind == "invoice") {
      invoice(fact, mail);
    } else if (fact.kind == "booking") {
      if (mail.cancels) end(fact, FactState::closed, mail);
    } else if (fact.kind == "decision") {
      if (replaced(fact, mail)) end(fact, FactState::superseded, mail);
    }
  }

 private:
  template <typename Test>
  bool any_of(const ThreadMail& mail, const std::string& kind, Test test) const {
    return std::any_of(facts_.begin(), facts_.end(), [&](const Fact& other) {
      return other.item == mail.item && other.kind == kind && test(other);
    });
  }

  // Who asks again waits since then no less: the last mail is what is answered.
  bool says_again(const Fact& fact, const ThreadMail& mail) const {
    return any_of(mail, fact.kind, [](const Fact&) { return true; });
  }

  // Whether nothing else of that kind is open with that person.
  bool is_only_open(const Fact& fact) const {
    return std::none_of(open_.begin(), open_.end(), [&](const Fact* other) {
      return other != &fact && other->kind == fact.kind && other->who == fact.who;
    });
  }

  // Whether the mail says the same thing anew, for another day or with other words. Where it says
  // that something changes, a word in common is enough, or no word at all ("I'll send it on
  // Thursday instead") where there is one matter only. Elsewhere it has to be wholly the same.
  bool replaced(const Fact& fact, const ThreadMail& mail) const {
    return any_of(mail, fact.kind, [&](const Fact& other) {
      // What was decided is changed by whoever writes of it next.
      if (other.who != fact.who && fact.kind != "decision") return false;
      // A reminder without a day does not take the day away.
      if (!fact.starts.empty() && other.starts.empty() && other.kind != "decision") return false;
      if (base::fold(other.what) == base::fold(fact.what)) return true;
      const auto before = matter_words(fact.what), now = matter_words(other.what);
      const size_t shared = shared_words(before, now);
      if (mail.outcome.changes || mail.moves) {
        return shared > 0 || ((now.empty() || before.empty()) && is_only_open(fact));
      }
      return fact.kind != "decision" && shared > 0 && shared == before.size() &&
             shared == now.size();
    });
  }

  void request(Fact& fact, const ThreadMail& mail) const {
    if (!mail.mine) {
      if (replaced(fact, mail)) return end(fact, FactState::superseded, mail);
      if (mail.from == fact.who && mail.outcome.releases && is_only_open(fact)) {
        end(fact, FactState::closed, mail);
      }
      return;
    }
    // What the owner promises takes the place of what was asked of them, unless its day were lost.
    bool promised = false, dated = false;
    for (const Fact& other : facts_) {
      if (other.item != mail.item || other.kind != "promise" || other.who != fact.who) continue;
      if (!is_about(fact.what, other.what) &&
          !(matter_words(other.what).empty() && is_only_open(fact))) {
        continue;
      }
      promised = true;
      dated = dated || !other.starts.empty();
    }
    if (promised && (dated || fact.starts.empty())) return end(fact, FactState::superseded, mail);
    if (mail.fulfils && (!mail.outcome.defers || is_about(fact.what, mail.outcome.brings))) {
      return end(fact, FactState::closed, mail);
    }
    if (mail.outcome.defers || promised) return;
    if (mail.outcome.acknowledges && !asks_for_an_answer(fact)) return;
    end(fact, FactState::closed, mail);
  }

  void promise(Fact& fact, const ThreadMail& mail) const {
    const bool by_promiser =
        fact.kind == "promise" ? mail.mine : !mail.mine && mail.from == fact.who;
    if (!by_promiser) {
      const bool by_other = fact.kind == "promise" ? mail.from == fact.who : mail.mine;
      if (by_other && mail.outcome.releases && is_only_open(fact)) {
        end(fact, FactState::closed, mail);
      }
      return;
    }
    if (replaced(fact, mail)) return end(fact, FactState::superseded, mail);
    // Of several promises the one is kept that is about what was brought.
    if (mail.fulfils && (is_only_open(fact) || is_about(fact.what, mail.outcome.brings))) {
      end(fact, FactState::closed, mail);
    }
  }

  void invoice(Fact& fact, const ThreadMail& mail) const {
    if (mail.mine) {
      if (mail.fulfils) end(fact, FactState::closed, mail);
      return;
    }
    const std::vector<std::int64_t>& amounts = mail.outcome.amounts;
    const bool fits = amounts.empty()
                          ? is_only_open(fact)
                          : std::find(amounts.begin(), amounts.end(), fact.cents) != amounts.end();
    if (mail.outcome.paid && same_sender(mail.from, fact.who) && fits) {
      return end(fact, FactState::closed, mail);
    }
    // A reminder of the same amount.
    const bool again = any_of(mail, fact.kind, [&](const Fact& other) {
      return other.who == fact.who && other.cents == fact.cents && other.currency == fact.currency;
    });
    if (again) end(fact, FactState::superseded, mail);
  }

  std::vector<Fact>& facts_;
  std::vector<const Fact*> open_;
};

}  // namespace

void merge_thread(std::vector<Fact>& facts, const std::vector<ThreadMail>& mails) {
  std::map<base::Id, size_t> place;
  for (size_t index = 0; index < mails.size(); ++index) place[mails[index].item] = index;
  for (Fact& fact : facts) {
    const auto found = place.find(fact.item);
    if (found == place.end()) continue;
    fact.state = FactState::valid;
    fact.ended.reset();
    fact.superseded_by.reset();
  }
  // Mail by mail, so that each meets the facts as they stood when it came.
  Merging merging(facts);
  for (size_t later = 0; later < mails.size(); ++later) {
    if (!mails[later].honest) continue;
    std::vector<Fact*> open;
    for (Fact& fact : facts) {
      const auto found = place.find(fact.item);
      const bool earlier = found != place.end() && found->second < later;
      if (earlier && fact.state == FactState::valid) open.push_back(&fact);
    }
    merging.begin_mail({open.begin(), open.end()});
    for (Fact* fact : open) merging.hold_against(*fact, mails[later]);
  }
}

}  // namespace lar::assistant
