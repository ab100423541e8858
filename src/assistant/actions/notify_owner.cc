// A mail to the owner themselves (assistant/self_mail.h): from the account's address to the same
// address, whatever the content says. Like any mail it leaves once; no copy is put among the sent
// ones, where it would pass for the owner's own words.
#include "assistant/actions/compose.h"
#include "assistant/self_mail.h"
#include "base/messages.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

Result<json> complete(const ActionContext& context, const json& content) {
  TRY_ASSIGN(const auto account, self_mail(context.store));
  if (!account || !context.send || account->source.text() != text_of(content, "source")) {
    return base::fail(ErrorKind::unsupported, "action.no_sending");
  }
  json given = content;
  given["from"] = account->address;
  given["to"] = account->address;
  given["from_name"] = "lar";
  given["automatic"] = true;
  for (const char* other : {"cc", "bcc", "reply_to", "attachments", "calendar", "to_name"}) {
    given.erase(other);
  }
  return given;
}

std::vector<std::string> preview(const ActionContext& context, const json& content) {
  return preview_mail(context, content);
}

Executed done(const base::Id& id, const json& content, const json& progress) {
  return {{{"sent", text_of(progress, "sent")},
           {"message_id", message_id_of(id, content, MailUse::sent)}},
          nullptr};
}

Result<Executed> execute(const ActionContext& context, const base::Id& id, const json& content) {
  json progress;
  TRY(deliver(
      context, id, content,
      [&](const std::string& sent) {
        progress = {{"sent", sent}};
        return note_progress(context, id, progress);
      },
      Copy::none));
  return done(id, content, progress);
}

Status undo(const ActionContext&, const base::Id&, const json&) {
  return base::fail(ErrorKind::unsupported, "action.sent_already");
}

// It lies in the owner's mail once it has come.
Found look(const ActionContext& context, const base::Id& id, const json& content,
           const json& progress) {
  if (!text_of(progress, "sent").empty()) return done(id, content, progress);
  const auto item = context.store.find_item(message_id_of(id, content, MailUse::sent));
  if (!item || !*item) return std::nullopt;
  return done(id, content, progress);
}

}  // namespace

Executor notify_owner() {
  return {self_mail_action, complete, preview, execute, undo, look, false, "action.sent_already"};
}

}  // namespace lar::assistant
