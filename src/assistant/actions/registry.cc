// The executors, and the one way an action takes through its states.
#include <algorithm>

#include "assistant/actions/action.h"

namespace lar::assistant {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;
using store::Action;
using store::ActionState;

Executor add_event();
Executor reminder();
Executor save_draft();

std::string text_of(const nlohmann::json& content, const char* name) {
  return content.contains(name) && content[name].is_string() ? content[name].get<std::string>()
                                                             : std::string();
}

std::span<const Executor> executors() {
  static const std::vector<Executor> all = {add_event(), reminder(), save_draft()};
  return all;
}

namespace {

Result<const Executor*> executor_of(const Action& action) {
  for (const Executor& executor : executors()) {
    if (executor.kind == action.kind) return &executor;
  }
  return base::fail(ErrorKind::unsupported, "action.unknown_kind", {{"kind", action.kind}});
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json content_of(const Action& action) {
  json content = json::parse(action.content, nullptr, false);
  return content.is_object() ? content : json::object();
}

Status note(const ActionContext& context, const Action& action, const char* summary) {
  return context.store.write_journal("approval", summary,
                                     json{{"kind", action.kind}, {"id", action.id.text()}}.dump());
}

}  // namespace

Result<Action> complete_action(const ActionContext& context, const base::Id& id) {
  store::AssistantStore& store = context.store.assistant();
  TRY_ASSIGN(Action action, store.action(id));
  if (action.state != ActionState::proposed) return action;
  TRY_ASSIGN(const Executor* executor, executor_of(action));
  const json before = content_of(action);
  TRY_ASSIGN(const json complete, executor->complete(context, before));
  if (complete != before) {
    TRY(store.edit_action(id, dump(complete)));
    return store.action(id);
  }
  return action;
}

std::vector<std::string> preview_action(const ActionContext& context, const Action& action) {
  const auto executor = executor_of(action);
  return executor ? (*executor)->preview(context, content_of(action)) : std::vector<std::string>();
}

Result<Action> approve_action(const ActionContext& context, const base::Id& id) {
  store::AssistantStore& store = context.store.assistant();
  TRY_ASSIGN(const Action action, complete_action(context, id));
  TRY_ASSIGN(const Executor* executor, executor_of(action));
  // Whoever makes this step carries it out; nobody else can.
  TRY(store.advance(id, ActionState::proposed, ActionState::executing, "", ""));
  TRY(note(context, action, "journal.action_approved"));
  auto done = executor->execute(context, id, content_of(action));
  if (!done) {
    json error = {{"code", done.error().code}, {"params", json::object()}};
    for (const auto& [name, value] : done.error().parameters) error["params"][name] = value;
    TRY(store.advance(id, ActionState::executing, ActionState::failed, dump({{"error", error}}),
                      ""));
    return store.action(id);
  }
  TRY(store.advance(id, ActionState::executing, ActionState::done, dump(done->result),
                    done->undo.is_null() ? "" : dump(done->undo)));
  return store.action(id);
}

Result<Action> reject_action(const ActionContext& context, const base::Id& id) {
  store::AssistantStore& store = context.store.assistant();
  TRY(store.advance(id, ActionState::proposed, ActionState::rejected, "", ""));
  TRY_ASSIGN(Action action, store.action(id));
  TRY(note(context, action, "journal.action_rejected"));
  return action;
}

Result<Action> undo_action(const ActionContext& context, const base::Id& id) {
  store::AssistantStore& store = context.store.assistant();
  TRY_ASSIGN(const Action action, store.action(id));
  TRY_ASSIGN(const Executor* executor, executor_of(action));
  if (action.state != ActionState::done) {
    return base::fail(ErrorKind::already_exists, "action.other_state",
                      {{"state", std::string(name_of(action.state))}});
  }
  if (action.undo.empty()) return base::fail(ErrorKind::unsupported, "action.no_undo");
  // Taking back may be tried again: each executor finds out whether there is anything left of it.
  TRY(executor->undo(context, id, json::parse(action.undo, nullptr, false)));
  TRY(store.advance(id, ActionState::done, ActionState::undone, action.result, ""));
  TRY(note(context, action, "journal.action_undone"));
  return store.action(id);
}

Status recover_actions(const ActionContext& context) {
  store::AssistantStore& store = context.store.assistant();
  TRY_ASSIGN(const std::vector<Action> all, store.actions({}));
  for (const Action& action : all) {
    if (action.state != ActionState::executing) continue;
    const auto executor = executor_of(action);
    const auto found = executor ? (*executor)->look(context, action.id, content_of(action))
                                : std::optional<std::optional<Executed>>();
    if (!found) {
      TRY(store.advance(action.id, ActionState::executing, ActionState::unknown, "", ""));
    } else if (*found) {
      TRY(store.advance(action.id, ActionState::executing, ActionState::done,
                        dump((*found)->result),
                        (*found)->undo.is_null() ? "" : dump((*found)->undo)));
    } else {
      TRY(store.advance(
          action.id, ActionState::executing, ActionState::failed,
          dump({{"error", {{"code", "action.interrupted"}, {"params", json::object()}}}}), ""));
    }
  }
  return {};
}

}  // namespace lar::assistant
