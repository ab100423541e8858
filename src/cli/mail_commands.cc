// triage and brief over a mailbox file: they need neither a home nor a server. A model is used
// where one is installed; its engine lives as long as the command, in a folder of its own.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "api/application.h"
#include "assistant/assistant.h"
#include "assistant/own_engines.h"
#include "base/messages.h"
#include "base/time_expression.h"
#include "cli/command.h"

namespace lar::cli {

using nlohmann::json;

namespace {

// What both commands do: read, judge, hand on.
class MailWork {
 public:
  MailWork(Command& command, const MailOptions& options) : command_(command), options_(options) {}

  enum class Mails { all, before_now };
  base::Status read(Mails which) {
    assistant::MailboxOptions given;
    given.path = options_.mbox;
    given.me = options_.me;
    given.zone = options_.zone;
    if (!given.zone.empty() && !base::zone_exists(given.zone)) {
      return base::fail(base::ErrorKind::invalid_input, "triage.unknown_zone",
                        {{"zone", given.zone}});
    }
    if (!options_.language.empty()) given.language = base::language_from_code(options_.language);
    if (!options_.now.empty()) {
      // A time without offset, or a day alone, is the owner's; the zone may have to be inferred.
      std::string text = options_.now;
      if (const auto moment = base::parse_rfc3339(text)) {
        given.now = *moment;
        if (const size_t sign = text.find_last_of("+-"); sign != std::string::npos && sign > 10) {
          const int hours = std::atoi(text.substr(sign + 1, 2).c_str());
          const int minutes = std::atoi(text.substr(std::min(sign + 4, text.size())).c_str());
          given.now_offset = (text[sign] == '-' ? -1 : 1) * (hours * 60 + minutes);
        }
      } else {
        if (text.size() == 10) text += "T08:00:00";
        if (text.size() == 16) text += ":00";
        const auto local = base::parse_rfc3339(text + "Z");
        if (!local) {
          return base::fail(base::ErrorKind::invalid_input, "triage.malformed_time",
                            {{"time", options_.now}});
        }
        local_now_ = base::to_local(*local, "UTC");
        given.now = *local;
      }
    }
    // A local time without offset is off by less than a day until the zone is known.
    given.only_before_now = which == Mails::before_now && !local_now_;
    TRY_ASSIGN(mailbox_, assistant::read_mailbox(given, command_.interrupts().token()));
    if (local_now_) mailbox_.now = base::from_local(*local_now_, mailbox_.owner.zone);
    if (!mailbox_.unreadable.empty()) {
      command_.terminal().error_line(command_.say_count(
          "triage.unreadable", static_cast<std::int64_t>(mailbox_.unreadable.size())));
    }
    return {};
  }

  base::Status judge(const std::function<bool(const assistant::Verdict&)>& on_verdict,
                     base::Microseconds models_since = 0) {
    assistant::TriageOptions with;
    if (!options_.no_model) start_engines(with);
    with.models_since = models_since;
    std::optional<base::Error> trouble;
    TRY(assistant::triage(mailbox_, with, on_verdict, command_.interrupts().token(), &trouble));
    if (trouble) {
      command_.report(*trouble);
      command_.terminal().error_line(command_.say("triage.without_model"));
    }
    return {};
  }

  const assistant::Mailbox& mailbox() const { return mailbox_; }
  const std::string& space() const { return space_; }

 private:
  void start_engines(assistant::TriageOptions& with) {
    auto opened =
        assistant::OwnEngines::open(api::default_models_folder(), command_.options().answer_cache);
    if (opened) {
      engines_ = std::move(*opened);
      with = engines_->options();
      with.learning = options_.features;
      const auto wanted = [&](std::string_view role) {
        return options_.use.empty() ||
               std::find(options_.use.begin(), options_.use.end(), role) != options_.use.end();
      };
      with.chat = with.chat && wanted("chat");
      with.embed = with.embed && wanted("embed");
      space_ = with.embed ? with.engines->embed_space() : "";
    } else {
      command_.report(opened.error());
    }
    if (!with.chat && options_.use.empty())
      command_.terminal().error_line(command_.say("triage.without_model"));
  }

  Command& command_;
  const MailOptions& options_;
  std::unique_ptr<assistant::OwnEngines> engines_;
  std::string space_;
  assistant::Mailbox mailbox_;
  std::optional<base::LocalTime> local_now_;
};

std::string compact(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// "2026-05-14T17:30:00+02:00" → "Thursday 14 May 2026, 17:30".
std::string spelled(const std::string& when, base::Language language) {
  const auto day = base::parse_date(std::string_view(when).substr(0, 10));
  if (!day) return when;
  std::string result = base::spell_date(*day, language == base::Language::spanish);
  if (when.size() >= 16) result += ", " + when.substr(11, 5);
  return result;
}

void print_verdict(Command& command, const assistant::Verdict& verdict) {
  Terminal& out = command.terminal();
  using assistant::Priority;
  using assistant::Suspicious;
  const base::Language language = command.language();
  const bool bad = verdict.suspicious != Suspicious::none;
  const Style style = bad || verdict.priority == Priority::urgent ? Style::bad
                      : verdict.priority == Priority::reply       ? Style::accent
                      : verdict.priority == Priority::bulk        ? Style::dim
                                                                  : Style::plain;
  std::string head = command.say("triage.priority." + std::string(name_of(verdict.priority)));
  if (bad) head = command.say("triage.suspicious." + std::string(name_of(verdict.suspicious)));
  if (verdict.personal) head += " · " + command.say("triage.personal");
  out.line(out.styled(head, style));
  out.paragraph(harmless(verdict.summary), "  ");
  for (const assistant::Sign& sign : verdict.reasons) {
    out.paragraph(harmless(sentence(sign, language)), bad ? "  ! " : "  · ");
  }
  for (const assistant::ActionItem& item : verdict.findings.action_items) {
    out.paragraph(
        harmless(item.what) + (item.due.empty() ? "" : " · " + spelled(item.due, language)),
        "  - ");
  }
  for (const assistant::Appointment& appointment : verdict.findings.appointments) {
    out.paragraph(spelled(appointment.start, language) + " · " + harmless(appointment.title) +
                      (appointment.place.empty() ? "" : " · " + harmless(appointment.place)),
                  "  @ ");
  }
}

}  // namespace

int triage_mails(Command& command, const MailOptions& options) {
  MailWork work(command, options);
  if (const auto read = work.read(MailWork::Mails::all); !read) return command.report(read.error());
  const base::Language language = work.mailbox().owner.language;
  const auto judged = work.judge([&](const assistant::Verdict& verdict) {
    if (!command.options().json) {
      print_verdict(command, verdict);
      return true;
    }
    json value = to_json(verdict, language);
    if (options.features) {
      value["features"] = verdict.features;
      value["asked_model"] = verdict.asked_model;
      value["learned"] = verdict.judgement.priority;
      value["embedding"] = verdict.embedding;
      value["space"] = work.space();
      for (const assistant::TaskCandidate& one : verdict.findings.candidates) {
        value["candidates"].push_back({{"what", one.item.what},
                                       {"due", one.item.due},
                                       {"sentence", one.sentence},
                                       {"features", one.features}});
      }
      for (const assistant::AppointmentCandidate& one : verdict.findings.appointment_candidates) {
        value["appointment_candidates"].push_back(
            {{"start", one.appointment.start}, {"features", one.features}});
      }
    }
    command.terminal().line(compact(value));
    std::fflush(stdout);
    return true;
  });
  if (!judged) return command.report(judged.error());
  return exit_ok;
}

int brief_mails(Command& command, const MailOptions& options) {
  // What is older matters only for what is still open in it, which code finds.
  constexpr base::Microseconds recent = 8 * base::one_day;
  MailWork work(command, options);
  if (const auto read = work.read(MailWork::Mails::before_now); !read)
    return command.report(read.error());
  std::vector<assistant::Verdict> verdicts;
  const auto judged = work.judge(
      [&](const assistant::Verdict& verdict) {
        verdicts.push_back(verdict);
        command.terminal().progress(
            command.say("triage.progress", {{"done", std::to_string(verdicts.size())},
                                            {"all", std::to_string(work.mailbox().mails.size())}}));
        return true;
      },
      work.mailbox().now - recent);
  command.terminal().end_progress();
  if (!judged) return command.report(judged.error());
  const std::vector<assistant::Point> points = assistant::brief(work.mailbox(), verdicts);
  if (command.options().json) {
    json value = {{"now", base::format_rfc3339(work.mailbox().now, work.mailbox().owner.zone)},
                  {"points", json::array()}};
    for (const assistant::Point& point : points) value["points"].push_back(to_json(point));
    command.print_json(value);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  if (points.empty()) out.line(command.say("brief.nothing"));
  for (const assistant::Point& point : points) {
    out.paragraph("• " + harmless(point.text));
  }
  return exit_ok;
}

}  // namespace lar::cli
