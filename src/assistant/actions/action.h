// Side effects. Everything lar does to the world is an action in the store, with its exact content,
// and runs only through approve(): proposed → executing → done or failed. Both states are on disk
// before and after, so that a kill in between never leads to a second execution: recover() asks the
// executor whether it happened, and what cannot be found out stays `unknown` for the owner to look.
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
};

struct Executed {
  nlohmann::json result;  // shown: {"path": …}
  nlohmann::json undo;    // null: cannot be taken back
};

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
  std::optional<std::optional<Executed>> (*look)(const ActionContext& context, const base::Id& id,
                                                 const nlohmann::json& content);
};
std::span<const Executor> executors();

// Makes the content complete and keeps it; errors: action.unknown_kind, of the executor.
base::Result<store::Action> complete_action(const ActionContext& context, const base::Id& id);
std::vector<std::string> preview_action(const ActionContext& context, const store::Action& action);
// action.other_state if it is not proposed (any more). A failed execution is an action in state
// `failed`, not an error.
base::Result<store::Action> approve_action(const ActionContext& context, const base::Id& id);
base::Result<store::Action> reject_action(const ActionContext& context, const base::Id& id);
// action.no_undo where it cannot be taken back.
base::Result<store::Action> undo_action(const ActionContext& context, const base::Id& id);
// To be called once on opening a home: settles what was executing when lar ended.
base::Status recover_actions(const ActionContext& context);

// Text under a name of an action's content; empty where there is none.
std::string text_of(const nlohmann::json& content, const char* name);

// ---- shared with tests ----

// The text of a calendar file with an event added (RFC 5545), and without one of that UID. Line
// ends stay those of the file. add: ics.malformed where it does not end as a calendar.
base::Result<std::string> with_event(const std::string& calendar, const std::string& uid,
                                     const nlohmann::json& content);
std::optional<std::string> without_event(const std::string& calendar, const std::string& uid);

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
