// A mail into another mailbox of its account: spam, archive, bin. Taken back by moving it where it
// was. Only for mail at a server; files are the owner's own business.
#include "assistant/actions/action.h"
#include "base/messages.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

// What `to` may say, and the use of the mailbox (RFC 6154).
constexpr std::pair<std::string_view, const char*> targets[] = {
    {"junk", "\\Junk"}, {"archive", "\\Archive"}, {"trash", "\\Trash"}};

const char* target_of(const json& content) {
  for (const auto& [name, folder] : targets) {
    if (text_of(content, "to") == name) return folder;
  }
  return nullptr;
}

Result<store::Placement> place_of(const ActionContext& context, const json& content) {
  const auto item = base::Id::parse(text_of(content, "item"));
  if (!item)
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "move_mail"}});
  TRY_ASSIGN(const store::StoredItem stored, context.store.item(*item));
  TRY_ASSIGN(const auto sources, context.store.sources());
  for (const store::Placement& place : stored.placements) {
    for (const store::Source& source : sources) {
      if (source.id == place.source && source.kind == "imap") return place;
    }
  }
  return base::fail(ErrorKind::unsupported, "action.mail_local");
}

Result<json> complete(const ActionContext& context, const json& content) {
  if (target_of(content) == nullptr) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "move_mail"}});
  }
  if (!context.apply) return base::fail(ErrorKind::permission, "source.no_outside");
  TRY_ASSIGN(const store::Placement place, place_of(context, content));
  json result = content;
  result["source"] = place.source.text();
  result["from"] = place.folder;
  if (const auto stored = context.store.item(place.item)) {
    result["subject"] = stored->item.title;
    result["message_id"] = stored->item.external_id;
  }
  return result;
}

std::vector<std::string> preview(const ActionContext& context, const json& content) {
  const std::string code = "action.move_mail." + text_of(content, "to");
  return {base::message(code, {{"subject", text_of(content, "subject")}}, context.language)};
}

Executed done(const json& content, const sources::Applied& applied) {
  return {{{"folder", applied.folder}},
          {{"source", text_of(content, "source")},
           {"folder", applied.folder},
           {"uid", applied.uid},
           {"back", text_of(content, "from")},
           {"message_id", text_of(content, "message_id")}}};
}

Result<Executed> execute(const ActionContext& context, const base::Id&, const json& content) {
  TRY_ASSIGN(const store::Placement place, place_of(context, content));
  sources::Change change;
  change.kind = sources::Change::Kind::move;
  change.placement = place;
  change.folder = target_of(content);
  TRY_ASSIGN(const sources::Applied applied, context.apply(place.source, change, context.stop));
  return done(content, applied);
}

Status undo(const ActionContext& context, const base::Id&, const json& how) {
  const auto source = base::Id::parse(text_of(how, "source"));
  if (!source || !context.apply) return base::fail(ErrorKind::permission, "source.no_outside");
  store::Placement place;
  place.source = *source;
  place.folder = text_of(how, "folder");
  place.uid = text_of(how, "uid");
  // Spam and bin are not read, so only the server's word tells where it lies now.
  if (place.uid.empty()) return base::fail(ErrorKind::unsupported, "action.no_undo");
  sources::Change change;
  change.kind = sources::Change::Kind::move;
  change.placement = place;
  change.folder = text_of(how, "back");
  const auto moved = context.apply(*source, change, context.stop);
  if (!moved && moved.error().code == "source.conflict") {
    return base::fail(ErrorKind::already_exists, "action.mail_gone");
  }
  if (!moved) return tl::unexpected<base::Error>(moved.error());
  return {};
}

// Moving once more would say "not there": nothing can go wrong twice, and nothing can be told.
Found look(const ActionContext&, const base::Id&, const json&, const json&) { return std::nullopt; }

}  // namespace

Executor move_mail() { return {"move_mail", complete, preview, execute, undo, look}; }

}  // namespace lar::assistant
