// Features are few and mean something, so that what was learnt from our own mails holds for other
// people's.
#include "assistant/mail_features.h"

#include <algorithm>
#include <array>

#include "assistant/lexicon.h"
#include "assistant/tasks.h"

namespace lar::assistant {
namespace {

double part(int count, int full) { return std::min(count, full) / static_cast<double>(full); }

bool is_robot_name(std::string_view address) {
  const std::string local(address.substr(0, address.find('@')));
  static constexpr std::array<std::string_view, 34> names = {
      "noreply",      "no-reply",    "no_reply",   "donotreply", "do-not-reply", "noresponder",
      "no-responder", "nocontestar", "notific",    "notify",     "alert",        "aviso",
      "mailer",       "daemon",      "postmaster", "bounce",     "newsletter",   "news",
      "boletin",      "noticias",    "ofertas",    "offers",     "promo",        "marketing",
      "hello@",       "automat",     "system",     "robot",      "bot@",         "receipts",
      "facturacion",  "billing",     "pedidos",    "orders"};
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return name.ends_with('@') ? local == name.substr(0, name.size() - 1)
                               : local.find(name) != std::string::npos;
  });
}

bool is_office_name(std::string_view address) {
  const std::string local(address.substr(0, address.find('@')));
  static constexpr std::array<std::string_view, 34> names = {
      "info",     "contact",        "contacto",        "hola",       "hello",           "hi",
      "team",     "equipo",         "support",         "soporte",    "ayuda",           "help",
      "admin",    "office",         "oficina",         "secretaria", "recepcion",       "reception",
      "citas",    "reservas",       "bookings",        "booking",    "ventas",          "sales",
      "clientes", "customer",       "customerservice", "atencion",   "atencioncliente", "service",
      "servicio", "administracion", "accounts",        "cuentas"};
  return std::find(names.begin(), names.end(), local) != names.end();
}

// "Ana Robles" and not "Banco Levante" or "Seguros": the words of the name stand in the local part
// of the address, or the name is of two or three capitalised words with a personal address.
bool is_person(const domain::Person& person) {
  if (is_robot_name(person.address) || is_office_name(person.address)) return false;
  const std::string local = base::fold_to_n(person.address.substr(0, person.address.find('@')));
  for (const base::Word& word : base::words(person.name)) {
    const std::string piece =
        base::fold_to_n(std::string_view(person.name).substr(word.begin, word.end - word.begin));
    if (piece.size() >= 3 && local.find(piece) != std::string::npos) return true;
  }
  return local.find('.') != std::string::npos && local.find_first_of("0123456789") == local.npos;
}

int count_words(std::string_view text, std::initializer_list<std::string_view> words) {
  return static_cast<int>(std::count_if(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  }));
}

// The last line is a first name, with an initial or a kiss at most: people who need no more.
bool signs_first_name(const Mail& mail) {
  const std::vector<base::Word> name = base::words(mail.from.name);
  if (name.empty()) return false;
  const std::string first = base::fold(
      std::string_view(mail.from.name).substr(name[0].begin, name[0].end - name[0].begin));
  const std::string_view text = base::trim(mail.text);
  const size_t line = text.rfind('\n');
  const std::string last = phrase_text(line == std::string_view::npos ? text : text.substr(line));
  return last.size() < first.size() + 12 && last.find(" " + first + " ") != std::string::npos;
}

// A telephone, a position or a company below the name.
bool is_business(std::string_view signature) {
  const auto digits = std::count_if(signature.begin(), signature.end(),
                                    [](char letter) { return letter >= '0' && letter <= '9'; });
  const std::string folded = phrase_text(signature);
  return digits >= 7 ||
         count_words(folded, {" tel ", " tlf ", " www ", " director ", " directora ", " manager ",
                              " ltd ", " s l ", " sl ", " departamento ", " department ",
                              " office ", " head of ", " team ", " responsable ", " gerente ",
                              " coordinator ", " coordinadora ", " asesoria "}) > 0;
}

bool holds_name(const Owner& owner, std::string_view folded) {
  const std::string_view head = folded.substr(0, 200);
  return std::any_of(owner.names.begin(), owner.names.end(), [&](const std::string& name) {
    return head.find(" " + name + " ") != std::string_view::npos;
  });
}

}  // namespace

base::LocalTime written_at(const Mail& mail, const Mailbox& mailbox) {
  return base::to_local(mail.sent.value_or(mailbox.now), mailbox.owner.zone);
}

bool is_list(const Mail& mail) {
  const std::string precedence = base::lower_ascii(mail.header("precedence"));
  return mail.has_header("list-unsubscribe") || mail.has_header("list-id") ||
         precedence == "bulk" || precedence == "list" || precedence == "junk";
}

bool is_automatic(const Mail& mail) {
  const std::string submitted = base::lower_ascii(mail.header("auto-submitted"));
  return (!submitted.empty() && submitted != "no") || is_robot_name(mail.from.address);
}

bool is_person_like(const Mail& mail) { return is_person(mail.from); }

Features mail_features(const Mail& mail, const Mailbox& mailbox, const Acquaintance& known,
                       const Findings& found) {
  Features features;
  const Owner& owner = mailbox.owner;
  // How it came.
  const bool list = is_list(mail), automatic = is_automatic(mail);
  features["list"] = list ? 1 : 0;
  features["automatic"] = automatic ? 1 : 0;
  features["unsubscribe"] = mail.has_header("list-unsubscribe") ? 1 : 0;
  bool campaign = mail.has_header("feedback-id");
  for (const auto& [name, value] : mail.details.headers) {
    campaign = campaign || name.starts_with("x-campaign") || name.starts_with("x-mc-") ||
               name.starts_with("x-mailgun") || name.starts_with("x-sg-") ||
               name.starts_with("x-ses-");
  }
  features["campaign"] = campaign ? 1 : 0;
  features["office"] = is_office_name(mail.from.address) ? 1 : 0;
  const bool person = is_person(mail.from) && !automatic && !list;
  features["person"] = person ? 1 : 0;
  const std::string importance = base::lower_ascii(mail.header("importance"));
  features["marked_important"] =
      importance == "high" || mail.header("x-priority").starts_with("1") ? 1 : 0;
  features["html"] = mail.html ? 1 : 0;
  features["many_links"] = part(static_cast<int>(mail.details.links.size()), 6);

  // To whom.
  bool direct = false, copied = false;
  for (const domain::Person& recipient : mail.to) direct = direct || owner.is(recipient.address);
  for (const domain::Person& recipient : mail.cc) copied = copied || owner.is(recipient.address);
  const int others = static_cast<int>(mail.to.size() + mail.cc.size()) - 1;
  features["direct"] = direct ? 1 : 0;
  features["copied"] = copied && !direct ? 1 : 0;
  features["alone"] = direct && others <= 0 ? 1 : 0;
  features["many_recipients"] = part(std::max(0, others - 2), 6);
  features["named"] = holds_name(owner, phrase_text(mail.text)) ? 1 : 0;

  // History.
  features["wrote_to"] = part(known.written_to(mail.from.address), 2);
  const std::string site = site_of(host_of(mail.from.address));
  bool same_site = false;
  for (const std::string& address : owner.addresses) {
    same_site = same_site || site_of(host_of(address)) == site;
  }
  static constexpr std::array<std::string_view, 10> public_sites = {
      "gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "hotmail.es",
      "yahoo.es",  "icloud.com",  "live.com",    "gmx.com",   "outlook.es"};
  const bool public_site =
      std::find(public_sites.begin(), public_sites.end(), site) != public_sites.end();
  features["colleague"] = same_site && !public_site ? 1 : 0;
  features["public_site"] = public_site ? 1 : 0;
  const std::string sender_last = [&] {
    const std::vector<base::Word> words = base::words(mail.from.name);
    return words.size() < 2
               ? std::string()
               : base::fold(std::string_view(mail.from.name)
                                .substr(words.back().begin, words.back().end - words.back().begin));
  }();
  features["same_surname"] = owner.names.contains(sender_last) ? 1 : 0;
  bool owner_in_thread = false;
  for (const Mail& other : mailbox.mails) {
    if (other.thread != mail.thread || !other.mine || !other.sent || !mail.sent) continue;
    owner_in_thread = owner_in_thread || *other.sent < *mail.sent;
  }
  features["answers_me"] = owner_in_thread ? 1 : 0;
  const std::string subject = base::lower_ascii(mail.subject);
  features["is_answer"] = subject.starts_with("re:") || !mail.references.empty() ? 1 : 0;
  features["is_forward"] = mail.forwarded ? 1 : 0;

  // What it says. The beginning counts most: it is what a reader sees.
  const std::string_view text = mail.folded;
  const std::string subject_text = phrase_text(mail.subject);
  for (const PhraseGroup& group : phrase_groups()) {
    const int count = count_phrases(text, group.phrases);
    const std::string name(group.name);
    features["w_" + name] = part(count, 1);
    features["w_" + name + "_more"] = part(std::max(0, count - 1), 3);
    if (group.name == "urgency" || group.name == "harm" || group.name == "outage" ||
        group.name == "loss" || group.name == "disruption" || group.name == "promotion" ||
        group.name == "notice") {
      features["subject_" + name] = part(count_phrases(subject_text, group.phrases), 1);
    }
  }
  int questions = 0, requests = 0;
  for (const Sentence& sentence : mail.sentences) {
    if (sentence.question) ++questions;
    if (count_phrases(sentence.folded, "request") > 0) ++requests;
  }
  features["question"] = part(questions, 1);
  features["questions"] = part(std::max(0, questions - 1), 2);
  features["requests"] = part(requests, 2);
  const std::string_view end = mail.text.size() > 160
                                   ? std::string_view(mail.text).substr(mail.text.size() - 160)
                                   : mail.text;
  features["question_near_end"] = end.find('?') != std::string_view::npos ? 1 : 0;
  const int shouts = static_cast<int>(std::count(mail.subject.begin(), mail.subject.end(), '!'));
  features["shouting"] = part(shouts, 1);
  int capitals = 0, letters = 0;
  for (const char letter : mail.subject) {
    capitals += letter >= 'A' && letter <= 'Z' ? 1 : 0;
    letters += (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ? 1 : 0;
  }
  features["capitals"] = letters >= 8 && capitals > letters * 6 / 10 ? 1 : 0;
  features["emoji"] = mail.subject.find("\xF0\x9F") != std::string::npos ? 1 : 0;
  features["percent"] =
      mail.subject.find('%') != std::string::npos || text.find(" off ") != std::string_view::npos
          ? 1
          : 0;
  features["invitation"] = mail.details.invitations.empty() ? 0 : 1;

  // What it says about today and tomorrow.
  const base::LocalTime written = written_at(mail, mailbox);
  bool today = false, tomorrow = false, week = false, due_today = false, due_tomorrow = false;
  for (const Moment& moment : find_moments(mail.subject + ". " + mail.text, written)) {
    if (!moment.dated && !moment.from) continue;
    const int distance = base::days_between(written.date, moment.last);
    if (distance == 0) {
      // A time of today that has passed when the mail was written is told, not asked.
      const int minute = written.hour * 60 + written.minute;
      if (moment.from && *moment.from < minute - 5) continue;
      today = today || moment.dated || (moment.from && *moment.from > minute);
      due_today = due_today || moment.deadline;
    } else if (distance == 1) {
      tomorrow = true;
      due_tomorrow = due_tomorrow || moment.deadline;
    } else if (distance > 1 && distance <= 7) {
      week = true;
    }
  }
  const bool says_today = text.find(" today ") != std::string_view::npos ||
                          text.find(" hoy ") != std::string_view::npos ||
                          text.find(" tonight ") != std::string_view::npos ||
                          text.find(" esta noche ") != std::string_view::npos ||
                          text.find(" esta tarde ") != std::string_view::npos ||
                          text.find(" this afternoon ") != std::string_view::npos;
  features["tomorrow"] = tomorrow ? 1 : 0;
  features["this_week"] = week ? 1 : 0;
  features["due_today"] = due_today ? 1 : 0;
  features["due_tomorrow"] = due_tomorrow ? 1 : 0;

  // What it may ask for, as tasks.h finds it: what kinds of sentences there are, whatever comes of
  // them.
  bool task_today = false, task_tomorrow = false, task = false;
  int asked = 0;
  for (const TaskCandidate& candidate : found.candidates) {
    static constexpr std::array<const char*, 7> kinds = {
        "asks_request", "asks_report", "asks_question", "asks_lacking",
        "asks_waiting", "asks_owed",   "promises"};
    const bool vague = candidate.features.contains("t_conditional") ||
                       candidate.features.contains("t_optional") ||
                       candidate.features.contains("t_small_talk");
    if (!vague) features[kinds[static_cast<size_t>(candidate.kind)]] = 1;
    const std::string day = candidate.item.due.substr(0, 10);
    task = task || (!vague && candidate.kind != TaskKind::question);
    asked += vague ? 0 : 1;
    if (candidate.features.contains("t_choice")) features["offers_times"] = 1;
    task_today = task_today || day == base::format_date(written.date);
    task_tomorrow = task_tomorrow || day == base::format_date(base::add_days(written.date, 1));
  }
  features["task"] = task ? 1 : 0;
  features["tasks"] = part(std::max(0, asked - 1), 3);
  features["task_today"] = task_today ? 1 : 0;
  features["task_tomorrow"] = task_tomorrow ? 1 : 0;
  features["appointment"] = found.appointments.empty() ? 0 : 1;
  features["item"] = found.action_items.empty() ? 0 : 1;

  // How it speaks.
  const int informal_you = count_words(
      text, {" te ", " tu ", " tus ", " ti ", " contigo ", " tienes ", " puedes ", " os ",
             " vuestra ", " vuestro ", " eres ", " estas ", " vas ", " vienes "});
  const int formal_you =
      count_words(text, {" usted ", " ustedes ", " le ", " les ", " su ", " sus ", " estimado ",
                         " estimada ", " dear mr ", " dear ms ", " dear mrs ", " sincerely ",
                         " regards ", " atentamente ", " cordialmente "});
  features["informal_you"] = part(informal_you, 2);
  features["formal_you"] = part(formal_you, 2);
  features["informal_not_formal"] = informal_you > 0 && formal_you == 0 && person ? 1 : 0;
  features["signs_first_name"] = person && signs_first_name(mail) ? 1 : 0;
  features["business_signature"] = is_business(mail.signature) ? 1 : 0;
  features["signature"] = mail.signature.size() > 25 ? 1 : 0;
  features["short_note"] = person && mail.text.size() < 220 ? 1 : 0;
  features["very_short"] = person && mail.text.size() < 90 ? 1 : 0;
  features["long"] = mail.text.size() > 1500 ? 1 : 0;
  const int at_site = known.people_at(site);
  features["office_at_site"] = known.office_at(site) && !public_site ? 1 : 0;
  features["people_at_site"] = part(std::max(0, at_site - 1), 3);
  features["alone_at_site"] = person && at_site <= 1 && !known.office_at(site) ? 1 : 0;
  features["surname_site"] = person && sender_last.size() > 3 &&
                                     base::fold_to_n(site).find(sender_last) != std::string::npos
                                 ? 1
                                 : 0;
  features["person_informal"] = person && features["w_informal"] > 0 ? 1 : 0;
  features["person_no_work"] = person && features["w_work"] == 0 && formal_you == 0 ? 1 : 0;
  features["attachments"] = mail.details.attachments.empty() ? 0 : 1;

  // Together they mean more.
  const bool acts = features["w_request"] > 0 || features["w_awaits"] > 0 || task;
  const bool bad = features["w_harm"] > 0 || features["w_loss"] > 0 || features["w_outage"] > 0;
  const bool soon = today || says_today || features["w_urgency"] > 0 || due_tomorrow;
  features["bad_and_soon"] = bad && soon && !list ? 1 : 0;
  // What happens today is mostly told and not asked: only with harm, loss or a task it presses.
  features["calm_and_soon"] = (today || says_today) && !acts && !bad ? 1 : 0;
  features["done_and_soon"] = (today || says_today) && features["w_done"] > 0 ? 1 : 0;
  features["bad_today"] = bad && (today || says_today) && !list && features["w_done"] == 0 ? 1 : 0;
  features["loss_and_soon"] = features["w_loss"] > 0 && soon && !list ? 1 : 0;
  features["task_and_today"] = task && (today || says_today) && !list ? 1 : 0;
  features["bad_and_done"] = bad && features["w_done"] > 0 ? 1 : 0;
  features["changed_and_soon"] =
      features["w_disruption"] > 0 && (today || says_today || tomorrow) && !list ? 1 : 0;
  features["asks_and_soon"] = acts && soon && !list ? 1 : 0;
  // A school that stays closed tomorrow tells it by its list.
  features["list_changed_soon"] = list && features["w_disruption"] + features["w_outage"] > 0 &&
                                          (today || says_today || tomorrow) &&
                                          features["w_promotion"] == 0
                                      ? 1
                                      : 0;
  features["harm_from_person"] = features["w_harm"] > 0 && person ? 1 : 0;
  features["person_asks"] = person && (acts || questions > 0) ? 1 : 0;
  features["person_tells"] = person && !acts && questions == 0 ? 1 : 0;
  features["person_question"] = person && questions > 0 ? 1 : 0;
  features["list_promotion"] = (list || campaign) && features["w_promotion"] > 0 ? 1 : 0;
  features["list_notice"] =
      list && features["subject_notice"] > 0 && features["subject_promotion"] == 0 ? 1 : 0;
  const bool amount =
      mail.folded.find_first_of("0123456789") != std::string::npos &&
      (mail.text.find("€") != std::string::npos || mail.text.find(" EUR") != std::string::npos ||
       mail.text.find("£") != std::string::npos || mail.text.find('$') != std::string::npos);
  features["amount_notice"] =
      amount && features["subject_notice"] > 0 && features["subject_promotion"] == 0 ? 1 : 0;
  features["automatic_notice"] =
      (automatic || list) && features["w_notice"] > 0 && features["w_promotion"] == 0 ? 1 : 0;
  features["automatic_bad"] = (automatic || features["office"] > 0) && bad ? 1 : 0;
  features["automatic_bad_soon"] =
      (automatic || features["office"] > 0 || !person) && bad && soon && !list ? 1 : 0;
  features["person_close"] = person && features["w_closeness"] > 0 ? 1 : 0;
  features["person_work"] = person && features["w_work"] > 0 ? 1 : 0;
  features["close_not_work"] =
      person && features["w_closeness"] > 0 && features["w_work"] == 0 ? 1 : 0;
  features["public_person"] = public_site && person ? 1 : 0;
  features["harm_and_task"] = features["w_harm"] > 0 && features["task"] > 0 && !list ? 1 : 0;
  features["urgency_and_task"] = features["w_urgency"] > 0 && features["task"] > 0 && !list ? 1 : 0;
  features["person_task"] = person && features["task"] > 0 ? 1 : 0;
  features["office_asks"] = !person && !list && (acts || questions > 0) ? 1 : 0;
  return features;
}

}  // namespace lar::assistant
