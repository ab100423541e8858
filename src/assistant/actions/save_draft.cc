// An answer for the owner to finish and send with any program: in the Drafts of the mail account it
// belongs to, or, where the home has none, as a mail file in HOME/drafts.
#include <sys/stat.h>
#include <unistd.h>

#include "assistant/actions/compose.h"
#include "base/messages.h"
#include "os/file.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

Result<json> complete(const ActionContext& context, const json& content) {
  TRY_ASSIGN(json result, complete_mail(context, content, "save_draft"));
  if (!context.apply) return result;
  TRY_ASSIGN(const auto account, account_for(context.store, result, Needs::mailbox));
  if (account) {
    result["source"] = account->id.text();
    result["account"] = account->name;
  }
  return result;
}

std::vector<std::string> preview(const ActionContext& context, const json& content) {
  const std::string account = text_of(content, "account");
  std::vector<std::string> lines = {
      account.empty()
          ? base::message("action.save_draft.what", context.language)
          : base::message("action.save_draft.account", {{"account", account}}, context.language)};
  for (std::string& line : preview_mail(context, content)) lines.push_back(std::move(line));
  return lines;
}

std::string path_of(const ActionContext& context, const base::Id& id) {
  return context.home + "/drafts/" + id.text() + ".eml";
}

Executed in_account(const base::Id& id, const json& content, const std::string& folder,
                    const std::string& uid) {
  const std::string message = message_id_of(id, content, MailUse::draft);
  return {{{"account", text_of(content, "account")}, {"folder", folder}, {"message_id", message}},
          {{"source", text_of(content, "source")},
           {"folder", folder},
           {"uid", uid},
           {"message_id", message}}};
}

Result<Executed> execute(const ActionContext& context, const base::Id& id, const json& content) {
  TRY_ASSIGN(const std::string mail, write_mail(context, id, content, MailUse::draft));
  if (const auto source = base::Id::parse(text_of(content, "source"))) {
    if (!context.apply) return base::fail(ErrorKind::permission, "source.no_outside");
    sources::Change change;
    change.kind = sources::Change::Kind::append;
    change.folder = "\\Drafts";
    change.flags = "DS";
    change.bytes = mail;
    TRY_ASSIGN(const sources::Applied applied, context.apply(*source, change, context.stop));
    return in_account(id, content, applied.folder, applied.uid);
  }
  const std::string path = path_of(context, id);
  TRY(os::make_folders(context.home + "/drafts"));
  TRY(os::write_file_atomically(path, mail));
  return Executed{{{"path", path}}, {{"path", path}, {"sha256", os::sha256(mail)}}};
}

// A draft that somebody wrote on is another mail at the server; this one is not there any more.
Status undo_in_account(const ActionContext& context, const base::Id& source, const json& how) {
  if (!context.apply) return base::fail(ErrorKind::permission, "source.no_outside");
  sources::Change change;
  change.kind = sources::Change::Kind::remove;
  store::Placement place;
  place.source = source;
  place.folder = text_of(how, "folder");
  place.uid = text_of(how, "uid");
  if (place.uid.empty()) {
    TRY_ASSIGN(const auto item, context.store.find_item(text_of(how, "message_id")));
    if (!item) return base::fail(ErrorKind::busy, "action.not_synced");
    TRY_ASSIGN(const store::StoredItem stored, context.store.item(*item));
    for (const store::Placement& one : stored.placements) {
      if (one.source == source && one.folder == place.folder) place = one;
    }
    if (place.uid.empty()) return base::fail(ErrorKind::already_exists, "action.draft_gone");
  }
  change.placement = place;
  const auto done = context.apply(source, change, context.stop);
  if (!done && done.error().code == "source.conflict") {
    return base::fail(ErrorKind::already_exists, "action.draft_gone");
  }
  if (!done) return tl::unexpected<base::Error>(done.error());
  return {};
}

Status undo(const ActionContext& context, const base::Id&, const json& how) {
  if (const auto source = base::Id::parse(text_of(how, "source"))) {
    return undo_in_account(context, *source, how);
  }
  const std::string path = text_of(how, "path");
  const auto now = os::read_file(path);
  if (!now) return {};
  // What the owner has written on is theirs.
  if (os::sha256(*now) != text_of(how, "sha256")) {
    return base::fail(ErrorKind::already_exists, "action.changed", {{"path", path}});
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return base::fail_errno(errno, path, "unlink");
  }
  return {};
}

Found look(const ActionContext& context, const base::Id& id, const json& content, const json&) {
  if (const auto source = base::Id::parse(text_of(content, "source"))) {
    const auto there =
        placement_at(context.store, message_id_of(id, content, MailUse::draft), *source);
    if (!there) return std::nullopt;
    return std::optional<Executed>(in_account(id, content, there->folder, there->uid));
  }
  const std::string path = path_of(context, id);
  const auto now = os::read_file(path);
  if (!now) return std::optional<Executed>();
  return std::optional<Executed>(
      Executed{{{"path", path}}, {{"path", path}, {"sha256", os::sha256(*now)}}});
}

}  // namespace

Executor save_draft() { return {"save_draft", complete, preview, execute, undo, look}; }

}  // namespace lar::assistant
