// A verdict in four steps: features by code, learned weights over them (with the mail's embedding
// where there is one), requests and appointments by code and weights, and the language model for
// the line that says what a mail is about where the mail does not say it itself.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "assistant/assistant.h"
#include "assistant/borne_out.h"
#include "assistant/lexicon.h"
#include "assistant/orders.h"
#include "assistant/prompts.h"
#include "assistant/requests.h"
#include "base/messages.h"
#include "base/time_expression.h"

namespace lar::assistant {
namespace {

using nlohmann::json;

constexpr size_t embedded_bytes = 1600;
constexpr size_t shown_bytes = 900;
constexpr size_t lengthy_bytes = 700;
// Bulk counts as certain above this: then no model is asked what the mail is about.
constexpr double certain = 0.9;

std::string person_name(const domain::Person& person) {
  return person.name.empty() ? person.address : person.name;
}

// The first sentences that say something, up to a line's length.
std::string first_words(const Mail& mail) {
  constexpr size_t most = 170;
  std::string line;
  for (const Sentence& sentence : mail.sentences) {
    const bool greeting =
        sentence.text.size() < 45 && (sentence.text.ends_with(',') || sentence.text.ends_with(':'));
    if (greeting || sentence.text.size() < 12) continue;
    if (!line.empty() && line.size() + sentence.text.size() > most) break;
    line += (line.empty() ? "" : " ") + sentence.text;
    if (line.size() > 90) break;
  }
  if (line.size() > most) line = std::string(base::cut_utf8(line, most)) + "…";
  return line;
}

std::string plain_summary(const Mail& mail) {
  const std::string who = person_name(mail.from);
  const std::string subject = plain_subject(mail.subject);
  const std::string words = first_words(mail);
  std::string text = who;
  if (!subject.empty()) text += (text.empty() ? "" : ": ") + subject;
  if (!words.empty() && base::fold(words) != base::fold(subject)) {
    text += text.empty() ? words : ". " + words;
  }
  return std::string(base::cut_utf8(text, 260));
}

std::string prompt_header(const Mail& mail, const Mailbox& mailbox) {
  const base::LocalTime local = written_at(mail, mailbox);
  std::string to = "a list";
  for (const domain::Person& person : mail.to) {
    if (mailbox.owner.is(person.address)) to = "the owner";
  }
  for (const domain::Person& person : mail.cc) {
    if (mailbox.owner.is(person.address)) to = "others, with a copy to the owner";
  }
  std::string from = person_name(mail.from);
  if (is_automatic(mail) || is_list(mail)) from += " <" + mail.from.address + ">";
  return fmt::format("from {} to {}, {}, {:02}:{:02}: {}", from, to,
                     base::spell_date(local.date, false), local.hour, local.minute, mail.subject);
}

std::string prompt_text(const Mail& mail) {
  std::string text(base::trim(mail.text));
  if (text.empty()) text = mail.boilerplate;
  if (text.size() <= shown_bytes) return text;
  // The beginning, and from the rest what asks something.
  std::string shown(base::cut_utf8(text, shown_bytes * 2 / 3));
  for (const Sentence& sentence : mail.sentences) {
    if (shown.size() > shown_bytes) break;
    if (!sentence.question || shown.find(sentence.text) != std::string::npos) continue;
    shown += "\n… " + sentence.text;
  }
  return shown;
}

// What a line about the mail may say.
Ground ground_of(const Mail& mail, const base::LocalTime& written) {
  return {mail.subject + "\n" + mail.text,
          mail.from.name + " " + mail.from.address + " " + base::spell_date(written.date, true) +
              " " + base::spell_date(written.date, false),
          written.date, mail.language};
}

class Triage {
 public:
  Triage(const Mailbox& mailbox, const TriageOptions& options, Judge judge, std::stop_token stop)
      : mailbox_(mailbox),
        options_(options),
        judge_(std::move(judge)),
        known_(mailbox),
        stop_(std::move(stop)) {}

  Verdict judge(const Mail& mail) {
    Verdict verdict;
    verdict.message_id = mail.id;
    verdict.findings = find_tasks(mail, mailbox_, judge_);
    verdict.features = mail_features(mail, mailbox_, known_, verdict.findings);
    const Suspicion suspicion = suspicion_of(mail, mailbox_, known_);
    verdict.features.insert(suspicion.features.begin(), suspicion.features.end());
    verdict.embedding = embedding_of(mail);
    verdict.judgement = judge_.judge(verdict.features, verdict.embedding);
    Taught taught;
    if (options_.lessons != nullptr && !mail.mine) {
      taught =
          options_.lessons->about(mail, verdict.embedding, verdict.features["s_checks_failed"] > 0);
    }
    if (mail.mine) {
      verdict.priority = Priority::fyi;
      verdict.personal = verdict.judgement.personal > 0.5;
      verdict.summary = plain_summary(mail);
      return verdict;
    }
    const auto& suspicious = verdict.judgement.suspicious;
    const bool embedded = !verdict.embedding.empty();
    if (suspicious[2] >= judge_.threshold("phishing", embedded)) {
      verdict.suspicious = Suspicious::phishing;
    } else if (suspicious[1] + suspicious[2] >= judge_.threshold("spam", embedded)) {
      verdict.suspicious = suspicious[1] >= suspicious[2] ? Suspicious::spam : Suspicious::phishing;
    }
    // Who speaks to the assistant behind its reader's back is no honest sender, whatever the
    // weights say; and what is ordered is nothing that the owner has to do.
    const bool orders =
        gives_orders(mail) && !(taught.itself && taught.suspicious == Suspicious::none);
    if (taught.suspicious) verdict.suspicious = *taught.suspicious;
    if (orders) verdict.suspicious = Suspicious::phishing;
    verdict.personal = taught.personal.value_or(verdict.judgement.personal >=
                                                judge_.threshold("personal", embedded));
    const std::array<double, 4>& priority = verdict.judgement.priority;
    verdict.summary = plain_summary(mail);
    if (verdict.suspicious != Suspicious::none) {
      verdict.reasons = suspicion.signs;
      if (orders) verdict.reasons.insert(verdict.reasons.begin(), Sign{"gives_orders", {}});
      if (taught.suspicious && *taught.suspicious != Suspicious::none) {
        verdict.reasons.insert(verdict.reasons.begin(), said_by_owner(taught));
      }
      if (verdict.reasons.empty()) verdict.reasons.push_back({"looks_like_known_fraud", {}});
      verdict.priority = Priority::bulk;
      verdict.personal = false;
      verdict.findings.action_items.clear();
      verdict.findings.appointments.clear();
      return verdict;
    }
    // A model is asked where the mail does not say itself what it is about: in another language
    // than the owner's, or at length. Clear bulk is not worth its time.
    const bool foreign = mail.language != mailbox_.owner.language;
    const bool at_length = mail.text.size() > lengthy_bytes && !is_automatic(mail);
    if (options_.chat && may_ask(mail) && (foreign || at_length) && priority[3] < certain) {
      ask_model(mail, verdict);
    }
    verdict.priority = taught.priority.value_or(decide(priority, embedded));
    if (!taught.priority && verdict.priority == Priority::bulk && tells_members(mail, verdict)) {
      verdict.priority = Priority::fyi;
    }
    if (verdict.priority == Priority::bulk) {
      verdict.findings.action_items.clear();
      verdict.findings.appointments.clear();
    } else if (verdict.priority != Priority::fyi) {
      verdict.reasons = why(mail, verdict);
      if (verdict.findings.action_items.empty() && !is_automatic(mail)) {
        verdict.findings.action_items.push_back(
            answer_owed(mail, verdict.findings.candidates, judge_));
      }
    }
    if (taught.priority) verdict.reasons.insert(verdict.reasons.begin(), said_by_owner(taught));
    return verdict;
  }

  std::optional<base::Error> trouble;

 private:
  static Sign said_by_owner(const Taught& taught) {
    if (taught.itself) return {"you_said", {}};
    return {"as_you_said", {{"subject", taught.subject}}};
  }

  // Why a mail is urgent or to be answered, most telling first.
  std::vector<Sign> why(const Mail& mail, const Verdict& verdict) const {
    std::vector<Sign> signs;
    const auto has = [&](const char* name) {
      const auto found = verdict.features.find(name);
      return found != verdict.features.end() && found->second > 0;
    };
    const bool urgent = verdict.priority == Priority::urgent;
    const base::LocalTime written = written_at(mail, mailbox_);
    if (urgent && has("w_harm")) signs.push_back({"harm", {}});
    if (urgent && has("w_loss")) signs.push_back({"loss", {}});
    if (urgent && has("w_outage")) signs.push_back({"outage", {}});
    if (urgent && has("changed_and_soon")) signs.push_back({"changed_soon", {}});
    if (has("w_urgency") || has("marked_important")) signs.push_back({"haste", {}});
    const ActionItem* first = nullptr;
    for (const ActionItem& item : verdict.findings.action_items) {
      if (first == nullptr || (first->due.empty() && !item.due.empty())) first = &item;
    }
    if (first != nullptr && !first->due.empty()) {
      const auto day = base::parse_date(std::string_view(first->due).substr(0, 10));
      const int left = day ? base::days_between(written.date, *day) : 99;
      if (left == 0) signs.push_back({"due_today", {}});
      if (left == 1) signs.push_back({"due_tomorrow", {}});
      if (left > 1 && day) {
        signs.push_back({"due_on",
                         {{"day", base::spell_date(
                                      *day, mailbox_.owner.language == base::Language::spanish)}}});
      }
    }
    if (first != nullptr) {
      signs.push_back({"asks_you", {{"who", person_name(mail.from)}, {"what", first->what}}});
    } else if (has("question")) {
      signs.push_back({"question", {{"who", person_name(mail.from)}}});
    }
    if (!verdict.findings.appointments.empty() && has("asks_question")) {
      signs.push_back({"proposes_time", {}});
    }
    const int waited =
        base::days_between(written.date, base::to_local(mailbox_.now, mailbox_.owner.zone).date);
    if (waited > 0 && waited < 60 && !answered(mail)) {
      signs.push_back({"waits_since",
                       {{"day", base::spell_date(written.date, mailbox_.owner.language ==
                                                                   base::Language::spanish)}}});
    }
    if (signs.empty()) signs.push_back({urgent ? "reads_urgent" : "reads_reply", {}});
    return signs;
  }

  bool answered(const Mail& mail) const {
    return std::any_of(mailbox_.mails.begin(), mailbox_.mails.end(), [&](const Mail& other) {
      return other.mine && other.thread == mail.thread && other.sent && mail.sent &&
             *other.sent > *mail.sent;
    });
  }

  Priority decide(const std::array<double, 4>& priority, bool embedded) const {
    // An urgent mail that is missed costs more than one too many.
    if (priority[0] >= judge_.threshold("urgent", embedded)) return Priority::urgent;
    size_t best = 1;
    for (size_t index = 2; index < 4; ++index) {
      if (priority[index] > priority[best]) best = index;
    }
    return static_cast<Priority>(best);
  }

  // A school, a club or a house tells its members by list when something takes place, and sells
  // nothing: worth knowing, whatever else lists are used for.
  static bool tells_members(const Mail& mail, const Verdict& verdict) {
    return !verdict.findings.appointments.empty() && count_phrases(mail.folded, "promotion") == 0 &&
           count_phrases(mail.folded, "newsletter") == 0 && !says_any(mail.folded, "date.public");
  }

  bool may_ask(const Mail& mail) const {
    return options_.engines != nullptr && !trouble &&
           mail.sent.value_or(mailbox_.now) >= options_.models_since;
  }

  std::vector<float> embedding_of(const Mail& mail) {
    if (!options_.embed || !may_ask(mail)) return {};
    if (!options_.learning && options_.engines->embed_space() != judge_.space()) return {};
    const std::string text(base::cut_utf8(mail.text, embedded_bytes));
    auto made =
        options_.engines->embed(engine::EmbedKind::classification, {{mail.subject, text}}, stop_);
    if (!made) {
      trouble = std::move(made).error();
      return {};
    }
    return made->empty() ? std::vector<float>() : std::move(made->front());
  }

  void ask_model(const Mail& mail, Verdict& verdict) {
    MailPrompt prompt;
    prompt.header = prompt_header(mail, mailbox_);
    prompt.text = prompt_text(mail);
    prompt.language = mailbox_.owner.language;
    engine::ChatRequest request;
    request.messages = mail_messages(prompt);
    request.grammar = std::string(mail_grammar());
    request.max_tokens = 90;
    auto result = options_.engines->chat(engine::Role::chat, request, {}, stop_);
    if (!result) {
      trouble = std::move(result).error();
      return;
    }
    verdict.asked_model = true;
    const std::string line = answered_line(result->text);
    if (line.empty() || result->truncated) return;
    EmbedWords embed;
    if (options_.embed) {
      embed = [&](const std::vector<std::string>& words) {
        std::vector<engine::EmbedText> texts;
        texts.reserve(words.size());
        for (const std::string& word : words) texts.push_back({"", word});
        return options_.engines->embed(engine::EmbedKind::document, texts, stop_);
      };
    }
    const auto shown = borne_out(line, ground_of(mail, written_at(mail, mailbox_)),
                                 mailbox_.owner.language, embed);
    if (!shown) {
      trouble = shown.error();
    } else if (*shown) {
      verdict.summary = said_by(person_name(mail.from), line);
    }
  }

  const Mailbox& mailbox_;
  TriageOptions options_;
  Judge judge_;
  Acquaintance known_;
  std::stop_token stop_;
};

json reason_json(const Sign& sign, base::Language language) {
  json parameters = json::object();
  for (const auto& [name, value] : sign.parameters) parameters[name] = value;
  return {
      {"code", sign.code}, {"params", std::move(parameters)}, {"text", sentence(sign, language)}};
}

json or_null(const std::string& text) { return text.empty() ? json() : json(text); }

}  // namespace

std::string sentence(const Sign& sign, base::Language language) {
  const std::string code = "triage.reason." + sign.code;
  return base::message(code, sign.parameters, language);
}

base::Status triage(const Mailbox& mailbox, const TriageOptions& options,
                    const std::function<bool(const Verdict&)>& on_verdict, std::stop_token stop,
                    std::optional<base::Error>* trouble) {
  TRY_ASSIGN(Judge judge, Judge::load());
  Triage work(mailbox, options, std::move(judge), stop);
  for (const Mail& mail : mailbox.mails) {
    if (stop.stop_requested()) return base::fail(base::ErrorKind::cancelled, "cancelled");
    const Verdict verdict = work.judge(mail);
    if (stop.stop_requested()) return base::fail(base::ErrorKind::cancelled, "cancelled");
    if (!on_verdict(verdict)) break;
  }
  if (trouble != nullptr) *trouble = work.trouble;
  return {};
}

json to_json(const Verdict& verdict, base::Language language) {
  json value = {{"message_id", verdict.message_id},
                {"priority", name_of(verdict.priority)},
                {"personal", verdict.personal},
                {"suspicious", name_of(verdict.suspicious)},
                {"summary", verdict.summary}};
  json& reasons = value["reasons"] = json::array();
  for (const Sign& sign : verdict.reasons) reasons.push_back(reason_json(sign, language));
  json& items = value["action_items"] = json::array();
  for (const ActionItem& item : verdict.findings.action_items) {
    items.push_back({{"what", item.what}, {"due", or_null(item.due)}});
  }
  json& appointments = value["appointments"] = json::array();
  for (const Appointment& appointment : verdict.findings.appointments) {
    appointments.push_back({{"title", appointment.title},
                            {"start", appointment.start},
                            {"end", or_null(appointment.end)},
                            {"place", or_null(appointment.place)}});
  }
  return value;
}

json to_json(const Point& point) {
  return {{"kind", point.kind}, {"text", point.text}, {"message_ids", point.message_ids}};
}

}  // namespace lar::assistant
