// A mail through the account's own submission server. It leaves once: the state `executing` is on
// disk before the server is spoken to and "the server has it" right after, its Message-ID comes
// from the action's id, and what a lost connection or a crash leaves open stays `unknown` until the
// mail is found among the sent ones. A copy goes to the sent mails where the server does not put
// one.
#include "assistant/actions/compose.h"
#include "base/clock.h"
#include "base/messages.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

Result<json> complete(const ActionContext& context, const json& content) {
  json given = content;
  TRY_ASSIGN(const auto account, account_for(context.store, given, Needs::submission));
  if (!account || !context.send) return base::fail(ErrorKind::unsupported, "action.no_sending");
  given["source"] = account->id.text();
  given["account"] = account->name;
  return complete_mail(context, given, "send_mail");
}

std::vector<std::string> preview(const ActionContext& context, const json& content) {
  std::vector<std::string> lines = {base::message(
      "action.send_mail.what", {{"account", text_of(content, "account")}}, context.language)};
  for (std::string& line : preview_mail(context, content)) lines.push_back(std::move(line));
  return lines;
}

// Nothing leaves that the owner still has to write on.
Status ready(const json& content) {
  const std::string text = text_of(content, "text");
  if (text.find("[…]") == std::string::npos && text.find("[...]") == std::string::npos) return {};
  return base::fail(ErrorKind::invalid_input, "action.unfinished");
}

Executed done(const base::Id& id, const json& content, const json& progress) {
  return {{{"sent", text_of(progress, "sent")},
           {"account", text_of(content, "account")},
           {"message_id", message_id_of(id, content, MailUse::sent)}},
          nullptr};
}

Result<Executed> execute(const ActionContext& context, const base::Id& id, const json& content) {
  json progress;
  TRY_ASSIGN(json result, deliver(context, id, content, [&](const std::string& sent) {
               progress = {{"sent", sent}};
               return note_progress(context, id, progress);
             }));
  Executed executed = done(id, content, progress);
  executed.result.update(result);
  return executed;
}

Status undo(const ActionContext&, const base::Id&, const json&) {
  return base::fail(ErrorKind::unsupported, "action.sent_already");
}

// That it is not among the sent mails proves nothing: the copy comes last.
Found look(const ActionContext& context, const base::Id& id, const json& content,
           const json& progress) {
  if (!text_of(progress, "sent").empty()) return done(id, content, progress);
  const auto source = base::Id::parse(text_of(content, "source"));
  if (!source) return std::nullopt;
  if (!placement_at(context.store, message_id_of(id, content, MailUse::sent), *source)) {
    return std::nullopt;
  }
  return done(id, content, progress);
}

// Into the sent mails, unless it lies there; a failure is told with the result and undoes nothing.
void keep_copy(const ActionContext& context, const store::Source& account, const std::string& mail,
               json& result) {
  const auto submission = sources::submission_of(account);
  if ((submission && submission->keeps_copy) || !context.apply) return;
  sources::Change change;
  change.kind = sources::Change::Kind::append;
  change.folder = "\\Sent";
  change.flags = "S";
  change.bytes = mail;
  const auto kept = context.apply(account.id, change, context.stop);
  if (kept) {
    result["copy"] = kept->folder;
  } else {
    result["no_copy"] = kept.error().code;
  }
}

}  // namespace

Result<json> deliver(const ActionContext& context, const base::Id& id, const json& content,
                     const std::function<Status(const std::string& sent)>& on_sent, Copy copy) {
  TRY_ASSIGN(const auto account, account_for(context.store, content, Needs::submission));
  if (!account || !context.send) return base::fail(ErrorKind::unsupported, "action.no_sending");
  sources::Outgoing mail;
  TRY_ASSIGN(mail.bytes, write_mail(context, id, content, MailUse::sent));
  mail.envelope.from = text_of(content, "from");
  for (const char* name : {"to", "cc", "bcc"}) {
    for (std::string& one : addresses_in(content, name)) {
      mail.envelope.to.push_back(std::move(one));
    }
  }
  TRY_ASSIGN(const net::Handover handover, context.send(account->id, mail, context.stop));
  if (handover.state == net::Handover::State::uncertain) {
    return base::fail(ErrorKind::unavailable, "source.uncertain");
  }
  if (handover.state == net::Handover::State::refused) {
    std::string unfit;
    for (const std::string& one : handover.unfit) unfit += (unfit.empty() ? "" : ", ") + one;
    return base::fail(ErrorKind::invalid_input,
                      unfit.empty() ? "action.mail_refused" : "action.recipient_refused",
                      {{"account", account->name},
                       {"detail", std::to_string(handover.code) + " " + handover.answer},
                       {"who", unfit}});
  }
  TRY(on_sent(base::format_rfc3339(base::Clock::now(), base::Clock::zone())));
  json result = json::object();
  if (copy == Copy::kept) keep_copy(context, *account, mail.bytes, result);
  return result;
}

Executor send_mail() {
  return {"send_mail", complete, preview, execute, undo, look, true, "action.sent_already", ready};
}

}  // namespace lar::assistant
