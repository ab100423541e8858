// The executors, and the one way an action takes through its states.
#include <algorithm>

#include "assistant/actions/action.h"
#include "base/clock.h"

namespace lar::assistant {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;
using store::Action;
using store::ActionState;

Executor accept_invitation();
Executor add_event();
Executor cancel_event();
Executor decline_invitation();
Executor move_event();
Executor move_mail();
Executor notify_owner();
Executor reminder();
Executor save_draft();
Executor send_mail();
Executor tentative_invitation();
Executor write_contact();

std::string text_of(const nlohmann::json& content, const char* name) {
  return content.contains(name) && content[name].is_string() ? content[name].get<std::string>()
                                                             : std::string();
}

std::span<const Executor> executors() {
  static const std::vector<Executor> all = {
      accept_invitation(), add_event(), cancel_event(),         decline_invitation(),
      move_event(),        move_mail(), notify_owner(),         reminder(),
      save_draft(),        send_mail(), tentative_invitation(), write_contact()};
  return all;
}

std::optional<store::Placement> placement_at(store::Store& store, const std::string& external_id,
                                             const base::Id& source) {
  const auto item = store.find_item(external_id);
  if (!item || !*item) return std::nullopt;
  const auto stored = store.item(**item);
  if (!stored) return std::nullopt;
  for (const store::Placement& place : stored->placements) {
    if (place.source == source) return place;
  }
  return std::nullopt;
}

namespace {

// What was approved and not begun is still begun after a restart that comes this soon.
constexpr base::Microseconds longest_delay = 600 * base::one_second;

Result<const Executor*> executor_of(const Action& action) {
  for (const Executor& executor : executors()) {
    if (executor.kind == action.kind) return &executor;
  }
  return base::fail(ErrorKind::unsupported, "action.unknown_kind", {{"kind", action.kind}});
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json object_of(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}
json content_of(const Action& action) { return object_of(action.content); }

Status note(const ActionContext& context, const Action& action, const char* summary,
            const Approval& by = {}) {
  json detail = {{"kind", action.kind}, {"id", action.id.text()}};
  if (by.rule > 0) detail["rule"] = by.rule;
  if (!by.setting.empty()) detail["setting"] = by.setting;
  return context.store.write_journal("approval", summary, detail.dump());
}

json error_json(const base::Error& error) {
  json value = {{"code", error.code}, {"params", json::object()}};
  for (const auto& [name, text] : error.parameters) value["params"][name] = text;
  return value;
}

Status finish(const ActionContext& context, const base::Id& id, ActionState from,
              const Executed& done) {
  return context.store.assistant().advance(id, from, ActionState::done, dump(done.result),
                                           done.undo.is_null() ? "" : dump(done.undo));
}

// It is `executing` by now.
Result<Action> run(const ActionContext& context, const Executor& executor, const Action& action) {
  store::AssistantStore& store = context.store.assistant();
  const auto done = executor.execute(context, action.id, content_of(action));
  if (done) {
    TRY(finish(context, action.id, ActionState::executing, *done));
  } else {
    // What nobody knows is not a failure: it would invite to do it again.
    const bool unclear = done.error().code == "source.uncertain";
    TRY(store.advance(action.id, ActionState::executing,
                      unclear ? ActionState::unknown : ActionState::failed,
                      dump({{"error", error_json(done.error())}}), ""));
  }
  return store.action(action.id);
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
    TRY(store.edit_action(id, dump(complete), store::AssistantStore::By::code));
    return store.action(id);
  }
  return action;
}

Status check_content(const ActionContext& context, std::string_view kind, const json& content) {
  Action action;
  action.kind = kind;
  TRY_ASSIGN(const Executor* executor, executor_of(action));
  TRY_ASSIGN(const json complete, executor->complete(context, content));
  return executor->ready == nullptr ? Status() : executor->ready(complete);
}

std::vector<std::string> preview_action(const ActionContext& context, const Action& action) {
  const auto executor = executor_of(action);
  return executor ? (*executor)->preview(context, content_of(action)) : std::vector<std::string>();
}

Result<Action> approve_action(const ActionContext& context, const base::Id& id, Approval approval) {
  store::AssistantStore& store = context.store.assistant();
  TRY_ASSIGN(const Action action, complete_action(context, id));
  TRY_ASSIGN(const Executor* executor, executor_of(action));
  if (executor->ready != nullptr) TRY(executor->ready(content_of(action)));
  // Whoever makes this step carries it out; nobody else can.
  TRY(store.advance(id, ActionState::proposed,
                    executor->delayed ? ActionState::approved : ActionState::executing, "", ""));
  TRY(note(context, action, "journal.action_approved", approval));
  return executor->delayed ? store.action(id) : run(context, *executor, action);
}

Result<Action> carry_out(const ActionContext& context, const base::Id& id) {
  store::AssistantStore& store = context.store.assistant();
  TRY_ASSIGN(const Action action, store.action(id));
  TRY_ASSIGN(const Executor* executor, executor_of(action));
  TRY(store.advance(id, ActionState::approved, ActionState::executing, "", ""));
  return run(context, *executor, action);
}

Result<Action> hold_back(const ActionContext& context, const base::Id& id) {
  store::AssistantStore& store = context.store.assistant();
  TRY(store.advance(id, ActionState::approved, ActionState::proposed, "", ""));
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
  if (action.state == ActionState::approved) {
    TRY(store.advance(id, ActionState::approved, ActionState::undone, "", ""));
    TRY(note(context, action, "journal.action_undone"));
    return store.action(id);
  }
  if (action.state != ActionState::done) {
    return base::fail(ErrorKind::already_exists, "action.other_state",
                      {{"state", std::string(name_of(action.state))}});
  }
  if (action.undo.empty()) {
    return base::fail(ErrorKind::unsupported, std::string(executor->no_undo));
  }
  // Taking back may be tried again: each executor finds out whether there is anything left of it.
  TRY(executor->undo(context, id, json::parse(action.undo, nullptr, false)));
  TRY(store.advance(id, ActionState::done, ActionState::undone, action.result, ""));
  TRY(note(context, action, "journal.action_undone"));
  return store.action(id);
}

Status recover_actions(const ActionContext& context) {
  store::AssistantStore& store = context.store.assistant();
  TRY_ASSIGN(const std::vector<Action> all, store.actions({}));
  const auto interrupted = [&](const Action& action) {
    const base::Error error{ErrorKind::cancelled, "action.interrupted", {}, base::Retry::no, {}};
    return store.advance(action.id, action.state, ActionState::failed,
                         dump({{"error", error_json(error)}}), "");
  };
  for (const Action& action : all) {
    // It had not begun, and so long after it may no longer be what the owner wants.
    if (action.state == ActionState::approved &&
        action.changed < base::Clock::now() - longest_delay) {
      TRY(interrupted(action));
    }
    if (action.state != ActionState::executing) continue;
    const auto executor = executor_of(action);
    const Found found = executor ? (*executor)->look(context, action.id, content_of(action),
                                                     object_of(action.result))
                                 : Found();
    if (!found) {
      TRY(store.advance(action.id, ActionState::executing, ActionState::unknown, action.result,
                        ""));
    } else if (*found) {
      TRY(finish(context, action.id, ActionState::executing, **found));
    } else {
      TRY(interrupted(action));
    }
  }
  return {};
}

Result<int> look_again(const ActionContext& context) {
  store::AssistantStore& store = context.store.assistant();
  TRY_ASSIGN(const std::vector<Action> all, store.actions({}));
  int settled = 0;
  for (const Action& action : all) {
    if (action.state != ActionState::unknown) continue;
    const auto executor = executor_of(action);
    if (!executor) continue;
    const Found found =
        (*executor)->look(context, action.id, content_of(action), object_of(action.result));
    if (!found || !*found) continue;
    TRY(finish(context, action.id, ActionState::unknown, **found));
    ++settled;
  }
  return settled;
}

Status note_progress(const ActionContext& context, const base::Id& id, const json& progress) {
  return context.store.assistant().advance(id, ActionState::executing, ActionState::executing,
                                           dump(progress), "");
}

}  // namespace lar::assistant
