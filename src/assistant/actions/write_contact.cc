// A contact in an account of the owner's (CardDAV): a new one, or an address, a number or another
// name for one that is there, made on the lines of the card as last synced and guarded by that
// version: what another device has changed since is never written over, but told.
#include <algorithm>

#include "assistant/actions/calendars.h"
#include "assistant/actions/compose.h"
#include "base/messages.h"
#include "sources/contact_writer.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

std::string uid_of(const base::Id& id) { return id.text() + "@lar"; }

sources::ContactDraft draft_of(const json& content) {
  return {text_of(content, "name"), text_of(content, "email"), text_of(content, "phone")};
}

// The contact as it lies at its account now.
Result<CalendarEvent> find_contact(const ActionContext& context, const base::Id& item) {
  TRY_ASSIGN(const store::StoredItem stored, context.store.item(item));
  TRY_ASSIGN(const auto sources, context.store.sources());
  for (const store::Placement& place : stored.placements) {
    for (const store::Source& source : sources) {
      if (source.id != place.source || source.kind != "carddav") continue;
      CalendarEvent contact;
      contact.place = {source.id, source.name, ""};
      contact.uid = stored.item.external_id;
      contact.version = place;
      contact.item = stored.item;
      TRY_ASSIGN(contact.text, context.store.original(item));
      return contact;
    }
  }
  return base::fail(ErrorKind::unsupported, "action.no_contacts");
}

Result<json> complete(const ActionContext& context, const json& content) {
  json result = content;
  const sources::ContactDraft draft = draft_of(content);
  const bool bad_address = !draft.email.empty() && !is_address(draft.email);
  const auto digits = std::count_if(draft.phone.begin(), draft.phone.end(),
                                    [](char letter) { return letter >= '0' && letter <= '9'; });
  if (bad_address || (!draft.phone.empty() && digits < 3)) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "write_contact"}});
  }
  for (const char* name : {"name", "email", "phone"}) {
    if (!result.contains(name)) result[name] = "";
  }
  if (const auto item = base::Id::parse(text_of(content, "item"))) {
    TRY_ASSIGN(const CalendarEvent contact, find_contact(context, *item));
    keep_place(contact.place, result);
    result["was"] = contact.item.title;
    TRY_ASSIGN(const std::string after, sources::change_contact(contact.text, draft));
    result["unchanged"] = after == contact.text;
    return result;
  }
  if (base::trim(draft.name).empty()) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "write_contact"}});
  }
  TRY_ASSIGN(const auto sources, context.store.sources());
  const std::string wanted = text_of(content, "calendar");
  for (const store::Source& source : sources) {
    if (source.kind != "carddav" || !context.apply) continue;
    if (!wanted.empty() && base::fold(source.name) != base::fold(wanted)) continue;
    keep_place({source.id, source.name, ""}, result);
    return result;
  }
  return base::fail(ErrorKind::not_found, "action.no_contacts");
}

// Nothing is written that the contact says already.
Status ready(const json& content) {
  if (!content.value("unchanged", false)) return {};
  return base::fail(ErrorKind::invalid_input, "action.contact_unchanged");
}

std::vector<std::string> preview(const ActionContext& context, const json& content) {
  const bool change = !text_of(content, "item").empty();
  std::vector<std::string> lines = {
      base::message(change ? "action.write_contact.change" : "action.write_contact.new",
                    {{"name", text_of(content, change ? "was" : "name")},
                     {"account", text_of(content, "calendar")}},
                    context.language)};
  const auto add = [&](const char* name, const char* code) {
    const std::string value = text_of(content, name);
    if (value.empty() || (!change && name == std::string_view("name"))) return;
    lines.push_back(base::message(code, {{"value", value}}, context.language));
  };
  add("name", "action.write_contact.name");
  add("email", "action.write_contact.email");
  add("phone", "action.write_contact.phone");
  return lines;
}

Result<Executed> execute(const ActionContext& context, const base::Id& id, const json& content) {
  const auto item = base::Id::parse(text_of(content, "item"));
  if (!item) {
    TRY_ASSIGN(const std::string card, sources::write_contact(uid_of(id), draft_of(content)));
    return change_calendar(context, kept_place(content), uid_of(id), nullptr, card);
  }
  TRY_ASSIGN(const CalendarEvent contact, find_contact(context, *item));
  TRY_ASSIGN(const std::string after, sources::change_contact(contact.text, draft_of(content)));
  TRY(note_progress(context, id,
                    {{"uid", contact.uid}, {"before", contact.text}, {"after", after}}));
  return change_calendar(context, contact.place, contact.uid, &contact, after);
}

Status undo(const ActionContext& context, const base::Id&, const json& how) {
  return undo_event(context, how);
}

Found look(const ActionContext& context, const base::Id& id, const json& content,
           const json& progress) {
  const CalendarPlace place = kept_place(content);
  const auto item = base::Id::parse(text_of(content, "item"));
  if (!item) {
    const auto now = placement_at(context.store, uid_of(id), place.source);
    if (!now) return std::nullopt;
    return std::optional<Executed>(changed_calendar(place, uid_of(id), *now, "", "new"));
  }
  const std::string before = text_of(progress, "before");
  if (before.empty()) return std::optional<Executed>();  // it had not come to that
  const auto contact = find_contact(context, *item);
  if (!contact) return std::nullopt;
  const auto again = sources::change_contact(contact->text, draft_of(content));
  // It says all that it was to say.
  if (!again || *again != contact->text) return std::nullopt;
  return std::optional<Executed>(
      changed_calendar(place, contact->uid, contact->version, before, text_of(progress, "after")));
}

}  // namespace

Executor write_contact() {
  return {"write_contact", complete, preview, execute, undo, look, false, "action.no_undo", ready};
}

}  // namespace lar::assistant
