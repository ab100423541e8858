// In doubt a matter stays open: a card too many is dismissed with a tap, a promise that is closed
// wrongly is forgotten.
#include "assistant/outcome.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "assistant/knowledge.h"
#include "assistant/lexicon.h"
#include "assistant/money.h"

namespace lar::assistant {
namespace {

using nlohmann::json;
using store::Fact;
using store::FactState;

constexpr std::size_t most_brought = 400;
constexpr std::size_t most_amounts = 8;
constexpr std::size_t most_files = 5;
constexpr std::size_t short_answer = 8;  // words

template <std::size_t size>
std::size_t first_of(std::string_view folded, const std::array<std::string_view, size>& phrases) {
  std::size_t first = std::string_view::npos;
  for (const std::string_view phrase : phrases) first = std::min(first, folded.find(phrase));
  return first;
}
template <std::size_t size>
bool holds(std::string_view folded, const std::array<std::string_view, size>& phrases) {
  return first_of(folded, phrases) != std::string_view::npos;
}

// Not "te lo mando": without a file it says that it is still to come.
constexpr std::array<std::string_view, 17> fulfilling = {
    " adjunto ",   " adjunta ",  " aqui tienes ",  " aqui lo tienes ", " aqui va ",
    " ya esta ",   " hecho ",    " enviado ",      " pagado ",         " attached ",
    " here is ",   " here are ", " here you are ", " here s the ",     " done ",
    " i ve sent ", " paid "};
constexpr std::array<std::string_view, 24> paying = {" hemos recibido tu pago ",
                                                     " hemos recibido su pago ",
                                                     " hemos recibido el pago ",
                                                     " hemos recibido vuestro pago ",
                                                     " hemos recibido tu transferencia ",
                                                     " hemos recibido su transferencia ",
                                                     " pago recibido ",
                                                     " gracias por tu pago ",
                                                     " gracias por su pago ",
                                                     " ha sido pagada ",
                                                     " ha sido abonada ",
                                                     " pago realizado correctamente ",
                                                     " confirmacion de pago ",
                                                     " justificante de pago ",
                                                     " pago se ha realizado ",
                                                     " payment received ",
                                                     " payment has been received ",
                                                     " received your payment ",
                                                     " thank you for your payment ",
                                                     " thanks for your payment ",
                                                     " has been paid ",
                                                     " payment confirmation ",
                                                     " payment was successful ",
                                                     " has been settled "};
constexpr std::array<std::string_view, 26> deferring = {
    " lo miro ",          " lo mirare ",         " le echo un vistazo ", " le echare un vistazo ",
    " te digo algo ",     " te dire algo ",      " ya te dire ",         " te cuento ",
    " te contesto ",      " te respondo ",       " en cuanto pueda ",    " cuando pueda ",
    " me lo miro ",       " lo reviso y ",       " i ll look ",          " i will look ",
    " i ll have a look ", " i ll take a look ",  " i ll check ",         " i will check ",
    " get back to you ",  " i ll let you know ", " i ll see what ",      " as soon as i can ",
    " when i can ",       " bear with me "};
constexpr std::array<std::string_view, 22> acknowledging = {
    " vale ",     " claro ",        " ok ",           " okay ",          " de acuerdo ",
    " perfecto ", " sin problema ", " por supuesto ", " hecho lo hare ", " lo hago ",
    " lo hare ",  " sure ",         " of course ",    " will do ",       " no problem ",
    " got it ",   " noted ",        " anotado ",      " recibido ",      " tomo nota ",
    " gracias ",  " thanks "};
constexpr std::array<std::string_view, 15> releasing = {
    " ya no hace falta ", " ya no es necesario ", " no hace falta ya ",    " ya no lo necesito ",
    " ya lo tengo ",      " ya la tengo ",        " ya lo he encontrado ", " olvidalo ",
    " dejalo ",           " never mind ",         " nevermind ",           " no longer need ",
    " no longer needed ", " i found it ",         " forget about it "};
constexpr std::array<std::string_view, 20> changing = {
    " mejor el ",    " mejor para ", " al final ",  " finalmente ", " en vez de ",
    " en lugar de ", " se retrasa ", " retrasado ", " se amplia ",  " ampliado ",
    " aplazado ",    " se aplaza ",  " hasta el ",  " instead ",    " rather than ",
    " postponed ",   " extended ",   " pushed to ", " moved to ",   " can t make it by "};
// Before a phrase they turn it round.
constexpr std::array<std::string_view, 19> turning = {
    " no ",     " not ",   " t ",       " nunca ", " sin ",     " cuando ", " when ",
    " once ",   " if ",    " si ",      " aun ",   " todavia ", " until ",  " unless ",
    " before ", " antes ", " como de ", " never ", " without "};

// Stands there as something that is so.
template <std::size_t size>
bool says_plainly(const Sentence& sentence, const std::array<std::string_view, size>& phrases) {
  if (sentence.question) return false;
  const std::size_t at = first_of(sentence.folded, phrases);
  if (at == std::string_view::npos) return false;
  const std::string_view before = std::string_view(sentence.folded).substr(0, at + 1);
  if (before.ends_with(" de ")) return false;  // "de hecho"
  return !holds(before, turning);
}
template <std::size_t size>
bool says_plainly(const Mail& mail, const std::array<std::string_view, size>& phrases) {
  return std::any_of(mail.sentences.begin(), mail.sentences.end(),
                     [&](const Sentence& sentence) { return says_plainly(sentence, phrases); });
}

// A subject says something of its own where the mail answers none.
std::optional<Sentence> own_subject(const Mail& mail) {
  if (!mail.references.empty()) return std::nullopt;
  Sentence subject;
  subject.text = mail.subject;
  subject.folded = phrase_text(mail.subject);
  subject.question = mail.subject.ends_with('?');
  return subject;
}

// Not the picture of a signature, nor what is no file for people.
bool is_document(const domain::Attachment& attachment) {
  const std::string type = base::lower_ascii(attachment.media_type);
  return !attachment.name.empty() && !type.starts_with("image/") && type != "text/calendar" &&
         !type.starts_with("application/pkcs7") && !type.starts_with("application/pgp");
}

bool acknowledges_only(const Mail& mail) {
  std::size_t words = 0;
  for (const Sentence& sentence : mail.sentences) {
    if (sentence.question) return false;
    words += base::words(sentence.folded).size();
  }
  if (words == 0 || words > short_answer) return false;
  return std::any_of(mail.sentences.begin(), mail.sentences.end(), [](const Sentence& sentence) {
    return holds(sentence.folded, acknowledging);
  });
}

bool are_alike(const std::string& one, const std::string& other) {
  if (one == other) return true;
  const std::string& shorter = one.size() < other.size() ? one : other;
  const std::string& longer = one.size() < other.size() ? other : one;
  // "factura", "facturas"; "invoice", "invoices".
  return shorter.size() >= 4 && longer.size() - shorter.size() <= 2 && longer.starts_with(shorter);
}

std::string domain_of(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos) return {};
  return std::string(address.substr(at + 1));
}

}  // namespace

bool brings_something(const Mail& mail) {
  if (!mail.details.attachments.empty()) return true;
  const auto subject = own_subject(mail);
  return says_plainly(mail, fulfilling) || (subject && says_plainly(*subject, fulfilling));
}

Outcome outcome_of(const Mail& mail) {
  Outcome outcome;
  const auto subject = own_subject(mail);
  outcome.paid = says_plainly(mail, paying) || (subject && says_plainly(*subject, paying));
  if (outcome.paid) {
    for (const Sentence& sentence : mail.sentences) {
      for (const Amount& amount : find_amounts(sentence.text)) {
        if (outcome.amounts.size() < most_amounts) outcome.amounts.push_back(amount.cents);
      }
    }
  }
  outcome.defers =
      std::any_of(mail.sentences.begin(), mail.sentences.end(),
                  [](const Sentence& sentence) { return holds(sentence.folded, deferring); });
  outcome.acknowledges = acknowledges_only(mail);
  outcome.releases =
      std::any_of(mail.sentences.begin(), mail.sentences.end(), [](const Sentence& sentence) {
        return !sentence.question && holds(sentence.folded, releasing);
      });
  outcome.changes =
      holds(mail.folded, changing) || says_any(mail.folded, "date.moves") ||
      std::any_of(mail.sentences.begin(), mail.sentences.end(), [](const Sentence& sentence) {
        return sentence.folded.starts_with(" mejor ") || sentence.folded.starts_with(" better ");
      });
  for (const domain::Attachment& attachment : mail.details.attachments) {
    outcome.brings += phrase_text(attachment.name);
    if (is_document(attachment) && outcome.files.size() < most_files) {
      outcome.files.push_back(std::string(base::cut_utf8(attachment.name, 80)));
    }
  }
  for (const Sentence& sentence : mail.sentences) {
    if (says_plainly(sentence, fulfilling)) outcome.brings += sentence.folded;
  }
  outcome.brings = std::string(base::cut_utf8(outcome.brings, most_brought));
  return outcome;
}

json to_json(const Outcome& outcome) {
  json value = json::object();
  const auto mark = [&](const char* name, bool is) {
    if (is) value[name] = true;
  };
  mark("paid", outcome.paid);
  mark("defers", outcome.defers);
  mark("acknowledges", outcome.acknowledges);
  mark("releases", outcome.releases);
  mark("changes", outcome.changes);
  if (!outcome.amounts.empty()) value["amounts"] = outcome.amounts;
  if (!outcome.files.empty()) value["files"] = outcome.files;
  if (!outcome.brings.empty()) value["brings"] = outcome.brings;
  return value;
}

Outcome outcome_from(const json& detail) {
  Outcome outcome;
  const auto found = detail.is_object() ? detail.find("outcome") : detail.end();
  if (found == detail.end() || !found->is_object()) return outcome;
  outcome.paid = found->value("paid", false);
  outcome.defers = found->value("defers", false);
  outcome.acknowledges = found->value("acknowledges", false);
  outcome.releases = found->value("releases", false);
  outcome.changes = found->value("changes", false);
  outcome.amounts = found->value("amounts", std::vector<std::int64_t>());
  outcome.files = found->value("files", std::vector<std::string>());
  outcome.brings = found->value("brings", "");
  return outcome;
}

std::set<std::string> matter_words(std::string_view text) {
  static const std::set<std::string> common = {
      // What is done with it.
      "mandar", "mando", "mandarte", "mandare", "manda", "mandame", "mandarme", "mandes", "enviar",
      "envio", "enviarte", "enviare", "envia", "enviame", "enviarme", "envies", "pasar", "paso",
      "pasarte", "pasare", "pasame", "pasarme", "pases", "hacer", "hago", "hacerte", "hare",
      "tener", "tengo", "tendre", "dar", "doy", "darte", "dare", "decir", "digo", "decirte",
      "podrias", "puedes", "favor", "quedo", "queda", "traer", "traigo", "traere", "llevar",
      "llevo", "llevare", "preparar", "preparo", "adjunto", "adjunta", "aqui", "tienes", "hola",
      "gracias", "saludos", "send", "sent", "sending", "give", "bring", "make", "have", "will",
      "please", "could", "would", "can", "you", "your", "the", "with", "for", "get", "let", "know",
      "need", "here", "attached", "hello", "thanks", "regards", "over", "back", "before",
      // When.
      "lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo", "monday", "tuesday",
      "wednesday", "thursday", "friday", "saturday", "sunday", "hoy", "manana", "tarde", "noche",
      "today", "tomorrow", "morning", "afternoon", "evening", "tonight", "semana", "week",
      "proximo", "proxima", "next", "this", "final", "mejor", "instead", "antes", "hasta",
      "mediodia", "noon", "hora", "horas", "dia", "day", "time",
      // What all mails of a sort have.
      "cita", "appointment", "recordatorio", "reminder", "confirmacion", "confirmation", "reunion",
      "meeting", "llamada", "call", "pdf", "docx", "xlsx", "jpg", "png", "fwd", "rv"};
  std::set<std::string> words;
  for (const base::Word& word : base::words(text)) {
    std::string piece = base::fold(text.substr(word.begin, word.end - word.begin));
    // Numbers tell apart what is otherwise called the same, years and months too.
    const bool number = piece.find_first_not_of("0123456789") == std::string::npos;
    if ((piece.size() < 3 && !number) || common.contains(piece) || base::is_stop_word(piece)) {
      continue;
    }
    words.insert(std::move(piece));
  }
  return words;
}

std::size_t shared_words(const std::set<std::string>& one, const std::set<std::string>& other) {
  return static_cast<std::size_t>(
      std::count_if(one.begin(), one.end(), [&](const std::string& word) {
        return std::any_of(other.begin(), other.end(),
                           [&](const std::string& known) { return are_alike(word, known); });
      }));
}

bool is_about(std::string_view what, std::string_view text) {
  const std::set<std::string> words = matter_words(what);
  return !words.empty() && shared_words(words, matter_words(text)) * 2 > words.size();
}

bool same_sender(std::string_view one, std::string_view other) {
  if (one == other) return !one.empty();
  static const std::set<std::string> providers = {
      "gmail.com",     "googlemail.com", "outlook.com",   "outlook.es",     "hotmail.com",
      "hotmail.es",    "live.com",       "msn.com",       "yahoo.com",      "yahoo.es",
      "icloud.com",    "me.com",         "proton.me",     "protonmail.com", "gmx.com",
      "gmx.es",        "gmx.net",        "aol.com",       "fastmail.com",   "yahoo.co.uk",
      "hotmail.co.uk", "btinternet.com", "telefonica.net"};
  const std::string first = domain_of(one), second = domain_of(other);
  if (first.empty() || second.empty() || providers.contains(first)) return false;
  // A host below the other's domain is its own; two hosts of one domain may belong to anybody.
  return first == second || first.ends_with("." + second) || second.ends_with("." + first);
}

namespace {

bool writes_to(const KnownMail& mail, const std::string& address) {
  return std::any_of(mail.to.begin(), mail.to.end(),
                     [&](const domain::Person& person) { return person.address == address; });
}

// Whether a later mail in another thread brings what the fact speaks of.
bool is_brought_by(const Fact& fact, const KnownMail& later) {
  if (!later.fulfils) return false;
  const bool theirs = fact.kind == "promised";
  if (theirs ? later.mine || later.from.address != fact.who
             : !later.mine || !writes_to(later, fact.who)) {
    return false;
  }
  return is_about(fact.what, later.subject + " " + later.outcome.brings);
}

// Without an amount a payment is that of the only open invoice.
bool is_paid_by(const World& world, const Fact& fact, const KnownMail& later) {
  if (!later.outcome.paid || later.mine || !same_sender(later.from.address, fact.who)) return false;
  const std::vector<std::int64_t>& amounts = later.outcome.amounts;
  if (!amounts.empty()) {
    return std::find(amounts.begin(), amounts.end(), fact.cents) != amounts.end();
  }
  return std::none_of(world.facts.begin(), world.facts.end(), [&](const Fact& other) {
    return other.kind == "invoice" && other.state == FactState::valid && other.item != fact.item &&
           same_sender(other.who, fact.who);
  });
}

}  // namespace

const KnownMail* settled_elsewhere(const World& world, const Fact& fact,
                                   std::span<const KnownMail* const> enders) {
  if (fact.state != FactState::valid) return nullptr;
  const bool brought = fact.kind == "promise" || fact.kind == "promised" || fact.kind == "request";
  if (!brought && fact.kind != "invoice") return nullptr;
  const KnownMail* mail = world.mail(fact.item);
  if (mail == nullptr) return nullptr;
  for (const KnownMail* later : enders) {
    if (later->sent <= mail->sent || later->thread == mail->thread) continue;
    if (brought ? is_brought_by(fact, *later) : is_paid_by(world, fact, *later)) return later;
  }
  return nullptr;
}

}  // namespace lar::assistant
