#include "assistant/held_back.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lar::assistant {
namespace {

using base::Id;
using base::Microseconds;
using base::Result;
using base::Status;
using nlohmann::json;

constexpr const char* setting = "held_back";
constexpr Microseconds time_for_corrections = 600 * base::one_second;

bool contains(const std::vector<Id>& ids, const Id& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

bool brings_mail(std::string_view source_kind) {
  return source_kind == "imap" || source_kind == "maildir";
}

Result<HeldBack> held_back(store::Store& store) {
  HeldBack held;
  TRY_ASSIGN(const std::string text, store.setting(setting));
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object()) return held;
  std::vector<Id> named;
  for (const json& one : value.value("sources", json::array())) {
    const auto id = one.is_string() ? Id::parse(one.get<std::string>()) : std::nullopt;
    if (id) named.push_back(*id);
  }
  TRY_ASSIGN(const auto sources, store.sources());
  held.all = true;
  for (const store::Source& source : sources) {
    if (contains(named, source.id)) {
      held.sources.push_back(source.id);
    } else if (brings_mail(source.kind)) {
      held.all = false;
    }
  }
  if (value.contains("looked") && value["looked"].is_number_integer()) {
    held.looked = value["looked"].get<Microseconds>();
  }
  for (const json& one : value.value("passed", json::array())) {
    if (one.is_number_integer()) held.passed.push_back(one.get<std::int64_t>());
  }
  return held;
}

Status set_held_back(store::Store& store, const HeldBack& held) {
  json value = {{"sources", json::array()}, {"passed", held.passed}};
  for (const Id& source : held.sources) value["sources"].push_back(source.text());
  if (held.looked) value["looked"] = *held.looked;
  return store.set_setting(setting, value.dump());
}

Result<bool> is_held(store::Store& store, const HeldBack& held, const store::Card& card) {
  if (!held.active() || card.woken || card.kind == "reminder") return false;
  if (held.all) return true;
  bool mails = false;
  for (const store::CardItem& evidence : card.evidence) {
    if (evidence.kind != domain::ItemKind::mail) continue;
    mails = true;
    TRY_ASSIGN(const store::StoredItem stored, store.item(evidence.item));
    for (const store::Placement& place : stored.placements) {
      if (!contains(held.sources, place.source)) return false;
    }
  }
  return mails;
}

std::optional<Microseconds> begins_at(const HeldBack& held) {
  if (!held.active() || !held.looked) return std::nullopt;
  return *held.looked + time_for_corrections;
}

}  // namespace lar::assistant
