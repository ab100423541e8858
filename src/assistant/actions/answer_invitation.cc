// The answer to an invitation (RFC 5546): the event goes into the calendar with it, or off it, and
// the organizer is told by a mail that calendar programs read (METHOD:REPLY).
//
// Two things happen one after the other, and the one that cannot be taken back comes last: what the
// calendar was is kept on disk before it is changed, and where the mail is refused the calendar is
// put back. After a crash before the mail was handed over the answer may be given again: the same
// object comes to lie in the same place. Once it may have left, it is never sent again.
//
// The server of a calendar account may answer by itself (RFC 6638); SCHEDULE-AGENT keeps it from
// telling the organizer twice, or at all where the owner's preview says that nobody is told.
#include "assistant/actions/calendars.h"
#include "assistant/actions/compose.h"
#include "assistant/invitations.h"
#include "base/clock.h"
#include "base/messages.h"
#include "sources/calendar_writer.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Id;
using base::Result;
using base::Status;
using nlohmann::json;
using sources::Participation;

constexpr const char* answers[] = {"accepted", "tentative", "declined"};

// What an answer's codes end with: "action.invitation.mail.accepted".
std::string word_of(Participation answer) { return answers[static_cast<size_t>(answer)]; }

Result<LoadedInvitation> invitation_of(const ActionContext& context, const json& content) {
  const auto item = Id::parse(text_of(content, "item"));
  if (!item || text_of(content, "uid").empty() || context.reading == nullptr) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "invitation"}});
  }
  TRY_ASSIGN(LoadedInvitation loaded,
             load_invitation(context.store, *context.reading, *item, text_of(content, "uid"),
                             text_of(content, "occurrence"), context.stop));
  if (loaded.known.method != "REQUEST") return base::fail(ErrorKind::not_found, "ical.not_invited");
  return loaded;
}

// The event in the calendar, where it lies in one that can be written to.
Result<std::optional<CalendarEvent>> event_of(const ActionContext& context,
                                              const std::string& uid) {
  TRY_ASSIGN(const auto item, context.store.find_item(uid));
  if (!item) return std::nullopt;
  auto event = find_event(context, *item);
  if (event) return std::optional(std::move(*event));
  // A calendar that is only looked at, or a mail that happens to have that name.
  if (event.error().kind == ErrorKind::not_found || event.error().kind == ErrorKind::unsupported) {
    return std::nullopt;
  }
  return tl::unexpected<base::Error>(std::move(event).error());
}

std::string time_span(const ActionContext& context, const KnownInvitation& known) {
  const std::string zone = base::Clock::zone();
  std::string text = shown_time(known.start, zone, context.language);
  if (!known.end.empty()) text += " – " + shown_time(known.end, zone, context.language);
  return text;
}

json reply_mail(const ActionContext& context, const json& content, const KnownInvitation& known,
                Participation answer) {
  const std::string subject = "action.invitation.subject." + word_of(answer);
  const std::string text = "action.invitation.text." + word_of(answer);
  const base::Parameters about = {{"what", known.title}, {"when", time_span(context, known)}};
  return {{"to", known.organizer},
          {"reply_to", text_of(content, "item")},
          {"subject", base::message(subject, about, context.language)},
          {"text", base::message(text, about, context.language) + "\n"}};
}

template <Participation answer>
Result<json> complete(const ActionContext& context, const json& content) {
  TRY_ASSIGN(const LoadedInvitation loaded, invitation_of(context, content));
  const KnownInvitation& known = loaded.known;
  TRY_ASSIGN(const auto event, event_of(context, known.uid));
  // What was shown stays, unless the event has come into the calendar, or gone, since: then it is
  // changed instead of added, to the same.
  if (content.contains("when") && event.has_value() == content.value("there", false)) {
    return content;
  }
  json result = content;
  result["organizer"] = known.organizer;
  result["attendee"] = known.attendee;
  result["sequence"] = known.sequence;
  result["what"] = known.title;
  result["when"] = time_span(context, known);
  result["where"] = known.place;
  for (const char* decided : {"source", "calendar", "path", "there", "mail"}) result.erase(decided);
  if (event) {
    keep_place(event->place, result);
    result["there"] = true;
  } else if (answer != Participation::declined) {
    if (const auto place = calendar_for(context, "")) keep_place(*place, result);
  }
  const json mail = reply_mail(context, content, known, answer);
  TRY_ASSIGN(const auto account, account_for(context.store, mail, Needs::submission));
  if (account && context.send) {
    json addressed = mail;
    addressed["source"] = account->id.text();
    TRY_ASSIGN(result["mail"], complete_mail(context, addressed, "send_mail"));
    result["mail"]["account"] = account->name;
  }
  if (!result.contains("source") && !result.contains("mail")) {
    return base::fail(ErrorKind::unsupported, "action.invitation.nowhere");
  }
  return result;
}

template <Participation answer>
std::vector<std::string> preview(const ActionContext& context, const json& content) {
  const auto say = [&](const std::string& code, const base::Parameters& parameters) {
    return base::message(code, parameters, context.language);
  };
  std::vector<std::string> lines = {text_of(content, "what"), text_of(content, "when")};
  if (const std::string place = text_of(content, "where"); !place.empty()) lines.push_back(place);
  const base::Parameters calendar = {{"calendar", text_of(content, "calendar")}};
  const bool there = content.value("there", false);
  if (!content.contains("source")) {
    lines.push_back(say(answer == Participation::declined ? "action.invitation.not_there"
                                                          : "action.invitation.no_calendar",
                        {}));
  } else if (answer == Participation::declined) {
    lines.push_back(say("action.invitation.off", calendar));
  } else {
    const std::string code = std::string("action.invitation.") + (there ? "change." : "add.");
    lines.push_back(say(code + word_of(answer), calendar));
  }
  if (!content.contains("mail")) {
    lines.push_back(say("action.invitation.untold", {{"who", text_of(content, "organizer")}}));
    return lines;
  }
  const json& mail = content["mail"];
  lines.push_back(say("action.send_mail.what", {{"account", text_of(mail, "account")}}));
  for (std::string& line : preview_mail(context, mail)) lines.push_back(std::move(line));
  lines.push_back(
      say("action.invitation.reply." + word_of(answer), {{"who", text_of(content, "attendee")}}));
  return lines;
}

// What the calendar is to hold of it; empty: nothing.
Result<std::string> object_after(const std::optional<CalendarEvent>& event,
                                 const LoadedInvitation& loaded, Participation answer,
                                 const CalendarPlace& place, bool told) {
  const std::string& occurrence = loaded.known.occurrence;
  if (answer == Participation::declined) {
    if (occurrence.empty() || !event) return std::string();
    const auto left = sources::remove_occurrence(event->text, occurrence);
    // It was there as a single event.
    if (!left && left.error().code == "ical.no_such_occurrence") return std::string();
    return left;
  }
  TRY_ASSIGN(const std::string answered,
             sources::answer_invitation(loaded.object, "", loaded.known.attendee, answer));
  TRY_ASSIGN(std::string merged,
             sources::merge_invitation(event ? event->text : std::string(), answered));
  if (!place.path.empty()) return merged;
  return sources::with_schedule_agent(merged, told ? "CLIENT" : "NONE");
}

template <Participation answer>
Result<Executed> execute(const ActionContext& context, const Id& id, const json& content) {
  TRY_ASSIGN(const LoadedInvitation loaded, invitation_of(context, content));
  const bool tells = content.contains("mail");
  TRY_ASSIGN(const auto event, event_of(context, loaded.known.uid));
  // Not what was shown: it has come into a calendar, or gone from one, since.
  if (event.has_value() != content.value("there", false)) {
    return base::fail(ErrorKind::already_exists, "action.event_changed");
  }
  Executed executed{json::object(), nullptr};
  if (content.contains("source")) {
    const CalendarPlace place = event ? event->place : kept_place(content);
    TRY_ASSIGN(const std::string after, object_after(event, loaded, answer, place, tells));
    TRY(note_progress(context, id,
                      {{"uid", loaded.known.uid},
                       {"before", event ? event->text : std::string()},
                       {"after", after}}));
    TRY_ASSIGN(executed,
               change_calendar(context, place, loaded.known.uid, event ? &*event : nullptr, after));
  }
  if (!tells) return executed;
  const auto put_back = [&](base::Error error) -> Result<Executed> {
    if (!executed.undo.is_null()) {
      if (const Status undone = undo_event(context, executed.undo); !undone) {
        return base::fail(ErrorKind::unavailable, "action.invitation.half",
                          {{"who", loaded.known.organizer}});
      }
    }
    return tl::unexpected<base::Error>(std::move(error));
  };
  json mail = content["mail"];
  auto reply = sources::write_reply(loaded.object, loaded.known.attendee, answer);
  if (!reply) return put_back(std::move(reply).error());
  mail["calendar"] = *reply;
  if (const Status kept =
          note_progress(context, id, {{"sending", true}, {"calendar", executed.result}});
      !kept) {
    return put_back(kept.error());
  }
  json result = executed.result;
  auto delivered = deliver(context, id, mail, [&](const std::string& sent) {
    result["sent"] = sent;
    result["account"] = text_of(mail, "account");
    result["message_id"] = message_id_of(id, mail, MailUse::sent);
    return note_progress(context, id, result);
  });
  if (!delivered) {
    // What may have left is not taken back by halves.
    if (delivered.error().code == "source.uncertain" || result.contains("sent")) {
      return tl::unexpected<base::Error>(std::move(delivered).error());
    }
    return put_back(std::move(delivered).error());
  }
  result.update(*delivered);
  return Executed{std::move(result), nullptr};
}

Status undo(const ActionContext& context, const Id&, const json& how) {
  return undo_event(context, how);
}

Found look(const ActionContext& context, const Id& id, const json& content, const json& progress) {
  if (!text_of(progress, "sent").empty()) return Executed{progress, nullptr};
  if (content.contains("mail")) {
    const json& mail = content["mail"];
    const auto source = Id::parse(text_of(mail, "source"));
    const std::string name = message_id_of(id, mail, MailUse::sent);
    if (source && placement_at(context.store, name, *source)) {
      return Executed{{{"message_id", name}, {"account", text_of(mail, "account")}}, nullptr};
    }
    // Nothing was handed over: the answer may be given again.
    if (progress.contains("uid") || progress.empty()) return std::optional<Executed>();
    return std::nullopt;
  }
  if (progress.empty()) return std::optional<Executed>();
  const CalendarPlace place = kept_place(content);
  const std::string uid = text_of(progress, "uid"), before = text_of(progress, "before"),
                    after = text_of(progress, "after");
  if (place.path.empty()) return std::nullopt;
  const std::string now = object_in_file(place.path, uid).value_or("");
  if (now == before) return std::optional<Executed>();
  return std::optional<Executed>(changed_calendar(place, uid, {}, before, after));
}

template <Participation answer>
Executor executor(std::string_view kind) {
  return {kind, complete<answer>,     preview<answer>, execute<answer>, undo, look,
          true, "action.sent_already"};
}

}  // namespace

Executor accept_invitation() { return executor<Participation::accepted>("accept_invitation"); }
Executor tentative_invitation() {
  return executor<Participation::tentative>("tentative_invitation");
}
Executor decline_invitation() { return executor<Participation::declined>("decline_invitation"); }

}  // namespace lar::assistant
