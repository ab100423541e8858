// The assistant at the terminal: brief, cards and what one does with them, replay, memory, triage
// of a mail of the home. All through routes.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "api/application.h"
#include "base/percent.h"
#include "cli/command.h"
#include "os/file.h"
#include "os/process.h"

namespace lar::cli {

using nlohmann::json;

namespace {

Style style_of(const json& card) {
  const std::string urgency = text_of(card, "urgency");
  return urgency == "now" ? Style::bad : urgency == "today" ? Style::accent : Style::plain;
}

// Words of somebody the owner does not know say so.
std::string origin_mark(Command& command, const json& value) {
  const std::string origin = text_of(value, "origin");
  if (origin != "stranger" && origin != "web") return {};
  return command.terminal().styled(" · " + command.say("cards.stranger"), Style::dim);
}

void print_card(Command& command, const json& card) {
  Terminal& out = command.terminal();
  const std::string number = std::to_string(card["number"].get<std::int64_t>());
  std::string head = out.styled(number + "  " + text_of(card, "title"), style_of(card));
  const std::string state = text_of(card, "state");
  if (state != "new" && state != "seen") {
    head += out.styled(" · " + command.say("cards.state." + state), Style::dim);
  }
  if (state == "snoozed") head += " " + text_of(card, "until").substr(0, 16);
  out.line(head + origin_mark(command, card));
  out.paragraph(text_of(card, "text"), "   ");
  std::string actions;
  for (const json& action : card["actions"]) {
    if (text_of(action, "state") != "proposed") continue;
    actions += (actions.empty() ? "" : " · ") + std::to_string(action["position"].get<int>()) +
               " " + text_of(action, "title");
  }
  if (!actions.empty()) out.paragraph(out.styled(actions, Style::dim), "   ");
}

void print_action(Command& command, const json& action) {
  Terminal& out = command.terminal();
  out.line(out.styled(std::to_string(action["position"].get<int>()) + "  " +
                          text_of(action, "title") + " · " +
                          command.say("actions.state." + text_of(action, "state")),
                      Style::bold));
  for (const json& line : action["preview"]) {
    out.paragraph(harmless(line.get<std::string>()), "   ");
  }
  const json& result = action["result"];
  if (result.is_object() && result.contains("error")) {
    out.paragraph(out.styled(text_of(result["error"], "message"), Style::bad), "   ");
  } else if (result.is_object() && result.contains("path")) {
    out.paragraph(text_of(result, "path"), "   ");
  } else if (result.is_object() && result.contains("folder")) {
    out.paragraph(text_of(result, "account") + " / " + text_of(result, "folder"), "   ");
  }
  if (result.is_object() && result.contains("no_copy")) {
    out.paragraph(out.styled(command.say("actions.no_copy"), Style::bad), "   ");
  }
  if (action["leaves_in"].is_number()) {
    out.paragraph(
        command.say("actions.leaves", {{"seconds", std::to_string(action["leaves_in"].get<int>())},
                                       {"number", action["card"].dump()}}),
        "   ");
  }
}

// The card, with its actions complete; null after a reported failure.
std::unique_ptr<json> card_of(Command& command, std::int64_t number, int& failure) {
  return command.call("GET", "/cards/" + std::to_string(number), nullptr, failure);
}

// What was ever proposed and done on a card, which may have gone with the mail it was about.
std::unique_ptr<json> done_on(Command& command, std::int64_t number, int& failure) {
  auto actions =
      command.call("GET", "/actions", nullptr, failure, {}, {{"card", std::to_string(number)}});
  if (!actions || !(*actions)["actions"].empty()) return actions;
  return card_of(command, number, failure);  // says that there is no such card
}

int print_changed(Command& command, const json& card, const char* code) {
  if (command.options().json) {
    command.print_json(card);
  } else {
    command.terminal().line(
        command.say(code, {{"number", std::to_string(card["number"].get<std::int64_t>())}}));
  }
  return exit_ok;
}

int set_card(Command& command, const CardOptions& options, json body, const char* code) {
  int failure = exit_ok;
  const auto card = command.call("POST", "/cards/" + std::to_string(options.number), body, failure);
  if (!card) return failure;
  return print_changed(command, *card, code);
}

// Does `what` with the card's action: the one asked for, else the first in one of `states`.
int act(Command& command, const CardOptions& options, const std::string& what,
        const std::vector<std::string>& states) {
  int failure = exit_ok;
  auto card = what == "undo" ? done_on(command, options.number, failure)
                             : card_of(command, options.number, failure);
  if (!card) return failure;
  const json* chosen = nullptr;
  for (const json& action : (*card)["actions"]) {
    const bool fits =
        std::find(states.begin(), states.end(), text_of(action, "state")) != states.end();
    const bool asked = options.action == action["position"].get<int>();
    if (asked || (options.action == 0 && fits)) {
      chosen = &action;
      // Of what was done, the last.
      if (asked || what != "undo") break;
    }
  }
  if (chosen == nullptr) {
    command.terminal().error_line(command.say("actions.none"));
    return exit_not_found;
  }
  json body = {{"do", what}};
  if (options.always_do) body["always"] = options.anybody ? "anybody" : "person";
  if (!options.text.empty()) body["content"] = {{"text", options.text}};
  if (!options.say.empty()) {
    body["content"] = {{"wish", options.say}, {"compose", true}, {"text", ""}};
  }
  const auto done =
      command.call("POST", "/actions/" + (*chosen)["id"].get<std::string>(), body, failure);
  if (!done) return failure;
  if (command.options().json) {
    command.print_json(*done);
  } else {
    print_action(command, *done);
  }
  return text_of(*done, "state") == "failed" ? exit_other : exit_ok;
}

}  // namespace

int brief_home(Command& command, const std::string& since, const std::string& day) {
  int failure = exit_ok;
  std::map<std::string, std::string> query;
  if (!since.empty()) query["since"] = since;
  if (!day.empty()) query["day"] = day;
  const auto brief = command.call("GET", "/brief", nullptr, failure, {}, std::move(query));
  if (!brief) return failure;
  if (command.options().json) {
    command.print_json(*brief);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  if ((*brief)["points"].empty()) out.line(command.say("brief.nothing"));
  for (const json& point : (*brief)["points"]) {
    const std::string card = point["card"].is_number()
                                 ? " [" + std::to_string(point["card"].get<std::int64_t>()) + "]"
                                 : "";
    out.paragraph("• " + text_of(point, "text") + card + origin_mark(command, point));
  }
  return exit_ok;
}

namespace {

// Of the usual players, the first that is there: each takes the path of a WAVE file.
std::string wav_player() {
  for (const char* name : {"pw-play", "paplay", "aplay"}) {
    for (const char* folder : {"/usr/bin/", "/usr/local/bin/"}) {
      std::string path = std::string(folder) + name;
      if (::access(path.c_str(), X_OK) == 0) return path;
    }
  }
  return {};
}

// False where it could not be heard.
bool play(const std::string& wav) {
  const os::Descriptor file(::memfd_create("wav", MFD_CLOEXEC));
  if (file.get() < 0 ||
      ::write(file.get(), wav.data(), wav.size()) != static_cast<ssize_t>(wav.size())) {
    return false;
  }
  os::ProcessOptions options;
  options.arguments = {wav_player(), "/proc/self/fd/" + std::to_string(file.get())};
  options.keep_descriptors = {file.get()};
  options.network = os::Network::none;
  for (const char* name : {"HOME", "XDG_RUNTIME_DIR", "PULSE_SERVER"}) {
    if (const char* value = std::getenv(name)) {
      options.environment.push_back(std::string(name) + "=" + value);
    }
  }
  auto process = os::Process::start(options);
  const auto ended = process ? process->wait_for(std::chrono::minutes(15)) : std::nullopt;
  return ended && *ended == 0;
}

}  // namespace

int speak_brief(Command& command, const std::string& since, const std::string& day) {
  if (command.connection() == nullptr) return command.connection_failure();
  std::map<std::string, std::string> query;
  if (!since.empty()) query["since"] = since;
  if (!day.empty()) query["day"] = day;
  const api::Response response = command.send("GET", "/brief/audio", "", {}, std::move(query));
  if (response.status >= 400) {
    const json value = json::parse(response.body, nullptr, false);
    return value.is_object() ? command.report(value["error"]) : exit_other;
  }
  Terminal& out = command.terminal();
  if (!out.output_is_terminal()) {
    out.write(response.body);
    return exit_ok;
  }
  if (wav_player().empty() || !play(response.body)) {
    out.error_line("lar: " + command.say("brief.no_player"));
    return exit_other;
  }
  return exit_ok;
}

int list_cards(Command& command, const CardOptions& options) {
  int failure = exit_ok;
  Terminal& out = command.terminal();
  if (options.never > 0 || options.always > 0) {
    CardOptions about = options;
    about.number = std::max(options.never, options.always);
    return set_card(command, about,
                    {{"do", options.never > 0 ? "never" : "always"}, {"person", options.person}},
                    options.never > 0 ? "cards.never" : "cards.always");
  }
  if (options.number > 0) {
    const auto card = card_of(command, options.number, failure);
    if (!card) return failure;
    if (command.options().json) {
      command.print_json(*card);
      return exit_ok;
    }
    json head = *card;
    head["actions"] = json::array();
    print_card(command, head);
    if (const std::string because = text_of(*card, "because"); !because.empty()) {
      out.paragraph(
          out.styled(command.say("cards.route." + text_of(*card, "route")) + " " + because,
                     Style::dim),
          "   ");
    }
    for (const json& item : (*card)["evidence"]) {
      out.paragraph(out.styled(text_of(item, "title") + " · " + text_of(item, "item"), Style::dim),
                    "   ");
      if (const std::string quote = text_of(item, "quote"); !quote.empty()) {
        out.paragraph(out.styled("«" + quote + "»", Style::quote), "   ");
      }
    }
    for (const json& action : (*card)["actions"]) print_action(command, action);
    return command.call("POST", "/cards/" + std::to_string(options.number), {{"do", "seen"}},
                        failure)
               ? exit_ok
               : failure;
  }
  const auto cards = command.call("GET", "/cards", nullptr, failure, {},
                                  {{"state", options.all ? "all" : "open"}});
  if (!cards) return failure;
  if (command.options().json) {
    command.print_json(*cards);
    return exit_ok;
  }
  if ((*cards)["cards"].empty()) out.line(command.say("cards.none"));
  for (const json& card : (*cards)["cards"]) print_card(command, card);
  return exit_ok;
}

int approve_action(Command& command, const CardOptions& options) {
  if (!options.all) return act(command, options, "approve", {"proposed"});
  // One after the other, as they stand in the card; what fails ends it.
  int failure = exit_ok;
  const auto card = card_of(command, options.number, failure);
  if (!card) return failure;
  int result = exit_not_found;
  for (const json& action : (*card)["actions"]) {
    if (text_of(action, "state") != "proposed") continue;
    CardOptions one = options;
    one.action = action["position"].get<int>();
    result = act(command, one, "approve", {"proposed"});
    if (result != exit_ok) return result;
  }
  if (result == exit_not_found) command.terminal().error_line(command.say("actions.none"));
  return result;
}

int plan(Command& command, const PlanOptions& options) {
  int failure = exit_ok;
  Terminal& out = command.terminal();
  json body = {{"text", options.text}};
  const auto set = [&](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  set("event", options.event);
  set("start", options.start);
  set("who", options.who);
  for (;;) {
    const auto answer = command.call("POST", "/plans", body, failure);
    if (!answer) return failure;
    if (command.options().json) {
      command.print_json(*answer);
      return (*answer)["card"].is_object() ? exit_ok : exit_no;
    }
    if ((*answer)["card"].is_object()) {
      const json& card = (*answer)["card"];
      json head = card;
      head["actions"] = json::array();
      print_card(command, head);
      for (const json& action : card["actions"]) print_action(command, action);
      for (const json& note : (*answer)["notes"]) {
        out.paragraph(harmless(note.get<std::string>()), "   ");
      }
      out.line(command.say("plan.next", {{"number", card["number"].dump()}}));
      return exit_ok;
    }
    out.line(text_of(*answer, "question"));
    const json& choices = (*answer)["choices"];
    for (size_t at = 0; at < choices.size(); ++at) {
      const char* option = choices[at]["event"].is_string()   ? "--event"
                           : choices[at]["start"].is_string() ? "--at"
                                                              : "--who";
      const char* name = choices[at]["event"].is_string()   ? "event"
                         : choices[at]["start"].is_string() ? "start"
                                                            : "who";
      std::string line = "  " + std::to_string(at + 1) + "  " + text_of(choices[at], "text");
      if (!out.input_is_terminal()) {
        line += "   " + std::string(option) + " " + text_of(choices[at], name);
      }
      out.line(line);
    }
    if (choices.empty() || !out.input_is_terminal()) return exit_no;
    out.write(command.say("plan.choose") + " ");
    std::string typed;
    if (!std::getline(std::cin, typed)) return exit_no;
    const int chosen = std::atoi(typed.c_str());
    if (chosen < 1 || chosen > static_cast<int>(choices.size())) return exit_no;
    for (const char* name : {"event", "start", "who"}) {
      const json& value = choices[static_cast<size_t>(chosen - 1)][name];
      if (value.is_string()) body[name] = value;
    }
  }
}

int write_contact(Command& command, const ContactOptions& options) {
  int failure = exit_ok;
  json body = json::object();
  const auto set = [&](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  set("name", options.name);
  set("email", options.email);
  set("phone", options.phone);
  set("account", options.account);
  set("item", options.change);
  const auto card = command.call("POST", "/contacts", body, failure);
  if (!card) return failure;
  if (command.options().json) {
    command.print_json(*card);
    return exit_ok;
  }
  for (const json& action : (*card)["actions"]) print_action(command, action);
  command.terminal().line(command.say("plan.next", {{"number", (*card)["number"].dump()}}));
  return exit_ok;
}

int draft_action(Command& command, const CardOptions& options) {
  return act(command, options, "preview", {"proposed"});
}

int reject_action(Command& command, const CardOptions& options) {
  return act(command, options, "reject", {"proposed"});
}

int undo_action(Command& command, const CardOptions& options) {
  return act(command, options, "undo", {"done", "approved"});
}

int snooze_card(Command& command, const CardOptions& options) {
  json body = {{"do", "snooze"}};
  const bool begins = !options.before.empty();
  if (begins || !options.after.empty()) {
    body["event"] = begins ? options.before : options.after;
    body["begins"] = begins;
  } else if (!options.time.empty()) {
    body["until"] = options.time;
  } else {
    command.terminal().error_line("lar: " +
                                  command.say("usage.missing", {{"word", "TIME, --after"}}));
    return exit_usage;
  }
  return set_card(command, options, body, "cards.snoozed");
}

int finish_card(Command& command, const CardOptions& options) {
  return set_card(command, options, {{"do", options.dismiss ? "dismiss" : "done"}},
                  options.dismiss ? "cards.dismissed" : "cards.done");
}

namespace {

// What waits for the owner to look at a replay, and when it begins.
void print_held(Command& command, const json& attention) {
  const json& held = attention["held"];
  if (!held.is_object()) return;
  std::string names;
  for (const json& name : held["accounts"]) {
    names += (names.empty() ? "" : ", ") + harmless(name.get<std::string>());
  }
  const std::string begins = text_of(held, "begins");
  const base::Parameters parameters = {{"accounts", names},
                                       {"count", std::to_string(held["cards"].get<int>())},
                                       {"time", begins.empty() ? "" : begins.substr(11, 5)}};
  command.terminal().paragraph(
      command.say(begins.empty() ? "attention.held" : "attention.held_until", parameters));
}

}  // namespace

int replay_gate(Command& command, const std::string& since) {
  int failure = exit_ok;
  const auto replay = command.call("GET", "/replay", nullptr, failure, {}, {{"since", since}});
  if (!replay) return failure;
  if (command.options().json) {
    command.print_json(*replay);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  const json& value = *replay;
  const auto number = [&](const char* name) {
    return std::to_string(value[name].get<std::int64_t>());
  };
  out.line(command.say("replay.summary", {{"since", text_of(value, "since").substr(0, 10)},
                                          {"mails", number("mails")},
                                          {"cards", number("cards")},
                                          {"count", std::to_string(value["interruptions"].size())},
                                          {"urgent", number("urgent")},
                                          {"missed", number("missed")}}));
  for (const json& one : value["interruptions"]) {
    const std::string card =
        one["card"].is_number() ? " [" + std::to_string(one["card"].get<std::int64_t>()) + "]" : "";
    out.paragraph(text_of(one, "time").substr(0, 16) + "  " + text_of(one, "text") + card);
    out.paragraph(out.styled(text_of(one, "because"), Style::dim), "   ");
  }
  if (!value["interruptions"].empty()) out.line(command.say("replay.correct"));
  const auto attention = command.call("GET", "/attention", nullptr, failure);
  if (!attention) return failure;
  print_held(command, *attention);
  return exit_ok;
}

int show_attention(Command& command, const AttentionOptions& options) {
  int failure = exit_ok;
  json body = json::object();
  if (options.per_day >= 0) body["per_day"] = options.per_day;
  if (!options.quiet.empty()) {
    const size_t dash = options.quiet.find('-');
    body["quiet_from"] = options.quiet.substr(0, dash);
    body["quiet_to"] = dash == std::string::npos ? "" : options.quiet.substr(dash + 1);
  }
  if (!options.briefing.empty()) {
    body["briefing"] = options.briefing == "off" ? "" : options.briefing;
  }
  if (options.send_delay >= 0) body["send_delay"] = options.send_delay;
  if (options.revoke > 0) body["revoke"] = options.revoke;
  if (!options.mail.empty()) body["mail_to_self"] = options.mail == "off" ? "" : options.mail;
  if (options.live) body["live"] = true;
  const auto attention = body.empty() ? command.call("GET", "/attention", nullptr, failure)
                                      : command.call("POST", "/attention", body, failure);
  if (!attention) return failure;
  if (command.options().json) {
    command.print_json(*attention);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  out.line(command.say("attention.settings",
                       {{"count", std::to_string((*attention)["per_day"].get<int>())},
                        {"from", text_of(*attention, "quiet_from")},
                        {"to", text_of(*attention, "quiet_to")}}));
  const std::string briefing = text_of(*attention, "briefing");
  out.line(briefing.empty() ? command.say("attention.no_briefing")
                            : command.say("attention.briefing", {{"time", briefing}}));
  if (const std::string to = text_of(*attention, "mail_to_self"); !to.empty()) {
    out.line(command.say("attention.mail", {{"address", to}}));
  }
  print_held(command, *attention);
  for (const json& rule : (*attention)["rules"]) {
    out.line("  " + command.say("attention." + text_of(rule, "effect")) + " " +
             text_of(rule, "kind") + " " + text_of(rule, "person"));
  }
  for (const json& rule : (*attention)["standing"]) {
    out.line("  " + std::to_string(rule["number"].get<std::int64_t>()) + "  " +
             text_of(rule, "text"));
  }
  for (const json& count : (*attention)["learnt"]) {
    out.line("  " + command.say("attention.learnt",
                                {{"kind", text_of(count, "kind")},
                                 {"person", text_of(count, "person")},
                                 {"useful", std::to_string(count["useful"].get<int>())},
                                 {"useless", std::to_string(count["useless"].get<int>())}}));
  }
  return exit_ok;
}

namespace {

int print_memories(Command& command, const json& memories) {
  if (command.options().json) {
    command.print_json(memories);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  if (memories["memories"].empty()) out.line(command.say("memory.none"));
  for (const json& memory : memories["memories"]) {
    out.paragraph(std::to_string(memory["number"].get<std::int64_t>()) + "  " +
                  text_of(memory, "statement") + " · " +
                  command.say(memory["stated"].get<bool>() ? "memory.stated" : "memory.inferred"));
  }
  return exit_ok;
}

}  // namespace

int list_memories(Command& command, bool all) {
  int failure = exit_ok;
  const auto memories =
      command.call("GET", "/memory", nullptr, failure, {}, {{"state", all ? "all" : "open"}});
  return memories ? print_memories(command, *memories) : failure;
}

int add_memory(Command& command, const std::string& statement, const std::string& topic) {
  int failure = exit_ok;
  json body = {{"statement", statement}};
  if (!topic.empty()) body["topic"] = topic;
  const auto memories = command.call("POST", "/memory", body, failure);
  return memories ? print_memories(command, *memories) : failure;
}

int forget_memory(Command& command, std::int64_t number) {
  int failure = exit_ok;
  const auto gone = command.call("DELETE", "/memory/" + std::to_string(number), nullptr, failure);
  if (!gone) return failure;
  if (command.options().json) {
    command.print_json(*gone);
  } else {
    command.terminal().line(command.say("memory.forgotten"));
  }
  return exit_ok;
}

int triage_item(Command& command, const std::string& item, const TeachOptions& said) {
  json body = json::object();
  if (!said.priority.empty()) body["priority"] = said.priority;
  if (!said.suspicious.empty()) body["suspicious"] = said.suspicious;
  if (!said.personal.empty()) body["personal"] = said.personal == "yes";
  if (said.take_back) body["take_back"] = true;
  int failure = exit_ok;
  const std::string path = "/items/" + base::percent_encode(item) + "/verdict";
  const auto verdict = body.empty() ? command.call("GET", path, nullptr, failure)
                                    : command.call("POST", path, body, failure);
  if (!verdict) return failure;
  if (command.options().json) {
    command.print_json(*verdict);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  const bool bad = text_of(*verdict, "suspicious") != "none";
  std::string head = bad ? command.say("triage.suspicious." + text_of(*verdict, "suspicious"))
                         : command.say("triage.priority." + text_of(*verdict, "priority"));
  if ((*verdict)["personal"].get<bool>()) head += " · " + command.say("triage.personal");
  out.line(out.styled(head, bad ? Style::bad : Style::accent));
  out.paragraph(text_of(*verdict, "summary"), "  ");
  for (const json& reason : (*verdict)["reasons"]) out.paragraph(text_of(reason, "text"), "  ! ");
  for (const json& fact : (*verdict)["facts"]) {
    std::string line = command.say("facts." + text_of(fact, "kind")) + ": " + text_of(fact, "what");
    if (fact["starts"].is_string()) line += " · " + text_of(fact, "starts").substr(0, 16);
    if (text_of(fact, "state") != "valid") {
      line += " · " + command.say("facts.state." + text_of(fact, "state"));
    }
    out.paragraph(line, "  - ");
    if (const std::string quote = text_of(fact, "quote"); !quote.empty()) {
      out.paragraph(out.styled("«" + quote + "»", Style::quote), "    ");
    }
  }
  return exit_ok;
}

}  // namespace lar::cli
