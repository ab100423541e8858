// Side effects. Everything lar does to the world is an action in the store, with its exact content,
// and runs only through approve(): proposed → executing → done or failed. Both states are on disk
// before and after, so that a kill in between never leads to a second execution: recover() asks the
// executor whether it happened, and what cannot be found out stays `unknown`, for the owner to look
// and for look_again() to settle once it shows.
//
// What cannot be taken back (a mail) waits a few seconds as `approved` first; undo means "not yet"
// then, and nothing has happened.
//
// An executor is one file here and a line in registry.cc. Any thread; an action is carried out by
// whoever moved it to `executing`.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/text.h"
#include "engine/engine.h"
#include "reading/reading_service.h"
#include "sources/source.h"
#include "store/assistant_store.h"
#include "store/store.h"

namespace lar::assistant {

struct ActionContext {
  store::Store& store;
  engine::Engines* engines = nullptr;  // null: nothing is written by a model
  reading::ReadingService* reading = nullptr;
  std::string home;
  base::Language language = base::Language::english;
  std::function<void(const base::Id& source)> source_changed;  // may be empty
  std::stop_token stop;
  // Accounts at servers (sources/sync_service.h); empty: only this machine is within reach.
  std::function<base::Result<sources::Applied>(const base::Id& source, const sources::Change&,
                                               std::stop_token)>
      apply = {};
  std::function<base::Result<net::Handover>(const base::Id& source, const sources::Outgoing&,
                                            std::stop_token)>
      send = {};
};

struct Executed {
  nlohmann::json result;  // shown: {"path": …}
  nlohmann::json undo;    // null: cannot be taken back
};

// Nothing: it cannot be told. Nothing inside: it was not carried out.
using Found = std::optional<std::optional<Executed>>;

struct Executor {
  std::string_view kind;
  // Fills in what the proposal left open (which calendar, the text of a draft), so that what is
  // shown is what will be done. Content that is complete comes back as it is.
  base::Result<nlohmann::json> (*complete)(const ActionContext& context,
                                           const nlohmann::json& content);
  // Lines that say exactly what will be done.
  std::vector<std::string> (*preview)(const ActionContext& context, const nlohmann::json& content);
  // `id` makes names and UIDs, so that a second run could not do it twice.
  base::Result<Executed> (*execute)(const ActionContext& context, const base::Id& id,
                                    const nlohmann::json& content);
  base::Status (*undo)(const ActionContext& context, const base::Id& id,
                       const nlohmann::json& undo);
  // After a crash: whether it was carried out, with its result; nothing if that cannot be told.
  // `progress` is what the execution noted before.
  Found (*look)(const ActionContext& context, const base::Id& id, const nlohmann::json& content,
                const nlohmann::json& progress);
  bool delayed = false;                         // waits as `approved` first
  std::string_view no_undo = "action.no_undo";  // why it cannot be taken back
  // Whether it may be approved as it stands; null: always.
  base::Status (*ready)(const nlohmann::json& content) = nullptr;
};
std::span<const Executor> executors();

// Makes the content complete and keeps it; errors: action.unknown_kind, of the executor.
base::Result<store::Action> complete_action(const ActionContext& context, const base::Id& id);
// Whether such content could be carried out, as complete_action() would say it.
base::Status check_content(const ActionContext& context, std::string_view kind,
                           const nlohmann::json& content);
std::vector<std::string> preview_action(const ActionContext& context, const store::Action& action);
// Who approves, for the journal: the owner, or what they said before: a standing rule (its number),
// or a setting (its name).
struct Approval {
  std::int64_t rule = 0;
  std::string_view setting = {};
};
// Carried out at once, or, where the kind is delayed, left `approved` for carry_out(). Errors:
// action.other_state if it is not proposed (any more). A failed execution is an action in state
// `failed`, not an error.
base::Result<store::Action> approve_action(const ActionContext& context, const base::Id& id,
                                           Approval approval = {});
// What is `approved` or was just that; action.other_state if somebody was quicker.
base::Result<store::Action> carry_out(const ActionContext& context, const base::Id& id);
// Back to what can be decided about: it was approved and has not begun.
base::Result<store::Action> hold_back(const ActionContext& context, const base::Id& id);
base::Result<store::Action> reject_action(const ActionContext& context, const base::Id& id);
// action.no_undo (or the executor's own) where it cannot be taken back.
base::Result<store::Action> undo_action(const ActionContext& context, const base::Id& id);
// To be called once on opening a home: settles what was executing when lar ended.
base::Status recover_actions(const ActionContext& context);
// Settles what was `unknown` and has shown meanwhile (a sync has brought it). How many.
base::Result<int> look_again(const ActionContext& context);
// For executors: kept in the result while it is executing, and given to look().
base::Status note_progress(const ActionContext& context, const base::Id& id,
                           const nlohmann::json& progress);

// Text under a name of an action's content; empty where there is none.
std::string text_of(const nlohmann::json& content, const char* name);
// Where the item of that Message-ID or UID lies at a source, as of its last sync.
std::optional<store::Placement> placement_at(store::Store& store, const std::string& external_id,
                                             const base::Id& source);

// ---- shared with tests ----

// An event as a calendar object (RFC 5545), from an action's title, start, end, place, zone.
// Errors: action.malformed; those of sources::write_event.
base::Result<std::string> event_object(const std::string& uid, const nlohmann::json& content);

// How the owner writes to somebody: from their last mails to them, by code.
struct Style {
  std::string greeting;  // "Hola, Ana:"; may be empty
  std::string closing;   // "Un abrazo,\nClara"; may be empty
  base::Language language = base::Language::english;
  std::vector<base::Id> evidence;
};
base::Result<Style> style_with(store::Store& store, const std::string& address,
                               base::Language otherwise);

}  // namespace lar::assistant
