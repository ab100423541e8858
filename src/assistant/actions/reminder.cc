// A card at a time: it is made asleep and wakes then.
#include "assistant/actions/action.h"
#include "base/clock.h"
#include "base/messages.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

std::string key_of(const base::Id& id) { return "reminder:" + id.text(); }

Result<json> complete(const ActionContext&, const json& content) {
  const bool whole = content.contains("at") && content["at"].is_string() &&
                     base::parse_rfc3339(content["at"].get<std::string>()) &&
                     content.contains("text") && content["text"].is_string();
  if (!whole) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "reminder"}});
  }
  return content;
}

std::vector<std::string> preview(const ActionContext& context, const json& content) {
  const auto at = base::parse_rfc3339(content["at"].get<std::string>());
  const std::string time = at ? base::format_rfc3339(*at, base::Clock::zone()) : "";
  return {base::message("action.reminder.what",
                        {{"time", time.substr(0, 16)}, {"text", content.value("text", "")}},
                        context.language)};
}

Result<std::optional<store::Card>> find_card(store::Store& store, const base::Id& id) {
  TRY_ASSIGN(auto cards, store.assistant().cards(store::AssistantStore::Which::all));
  for (store::Card& card : cards) {
    if (card.key == key_of(id)) return std::optional<store::Card>(std::move(card));
  }
  return std::optional<store::Card>();
}

Result<Executed> execute(const ActionContext& context, const base::Id& id, const json& content) {
  TRY_ASSIGN(const base::Microseconds at, base::parse_rfc3339(content["at"].get<std::string>()));
  store::Card card;
  card.key = key_of(id);
  card.kind = "reminder";
  card.code = "reminder";
  card.parameters = json{{"text", content.value("text", "")}}.dump(-1, ' ', false,
                                                                   json::error_handler_t::replace);
  card.urgency = 2;
  card.weight = 1;
  card.origin = domain::Origin::owner;
  card.due = at;
  card.state = store::CardState::snoozed;
  card.until = at;
  if (const auto item = base::Id::parse(content.value("item", ""))) {
    if (context.store.item(*item)) {
      card.evidence.push_back({*item, "", "", "", domain::ItemKind::mail});
    }
  }
  TRY(context.store.assistant().put_cards({&card, 1}, {}));
  return Executed{{{"at", content["at"]}}, {{"key", card.key}}};
}

Status undo(const ActionContext& context, const base::Id& id, const json&) {
  TRY_ASSIGN(const auto card, find_card(context.store, id));
  if (!card) return {};
  return context.store.assistant().set_card(card->number, store::CardState::dismissed, {});
}

Found look(const ActionContext& context, const base::Id& id, const json& content, const json&) {
  const auto card = find_card(context.store, id);
  if (!card) return std::nullopt;
  if (!*card) return std::optional<Executed>();
  return std::optional<Executed>(Executed{{{"at", content["at"]}}, {{"key", key_of(id)}}});
}

}  // namespace

Executor reminder() { return {"reminder", complete, preview, execute, undo, look}; }

}  // namespace lar::assistant
