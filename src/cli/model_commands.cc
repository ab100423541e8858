// The commands about models: model list, pull, add, use, show, check.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/command.h"

namespace lar::cli {

using nlohmann::json;

namespace {

std::string padded(std::string text, size_t width) {
  const size_t used = columns(text);
  if (used < width) text.append(width - used, ' ');
  return text;
}

void print_roles(Command& command, const json& roles) {
  Terminal& out = command.terminal();
  for (const json& role : roles) {
    const bool bound = role["model"].is_string();
    if (!bound && role["role"] != "chat" && role["role"] != "embed") continue;
    out.line(padded(role["role"].get<std::string>(), 8) +
             (bound ? role["model"].get<std::string>()
                    : out.styled(command.say("models.unbound"), Style::dim)));
    if (role.contains("next_model")) {
      out.line("        " + command.say("models.next", {{"model", role.value("next_model", "")}}));
    }
    if (role.contains("error")) {
      out.line("        " + out.styled(harmless(role["error"].value("message", "")), Style::bad));
    }
  }
}

// ", forms kept, 8192 tokens": the heart of what has been measured; empty where nothing has.
std::string measured(Command& command, const json& model) {
  const json contract = model.value("contract", json());
  if (!contract.is_object() || contract.value("embedding", false)) return {};
  std::string text = " · " + command.say("contract.form." + contract.value("form", ""));
  if (const int verified = contract.value("context_verified", 0); verified > 0) {
    text += ", " + command.say("contract.verified", {{"verified", std::to_string(verified)}});
  }
  return text;
}

void print_model(Command& command, const json& model) {
  Terminal& out = command.terminal();
  const bool installed = model.value("installed", false), verified = model.value("verified", false);
  std::string roles;
  for (const json& role : model["roles"]) {
    roles += (roles.empty() ? "" : ",") + role.get<std::string>();
  }
  const auto size = model.value("size_bytes", std::uint64_t{0});
  const std::string mark = installed ? (verified ? "●" : "◐") : "○";
  out.line(out.styled(mark, installed ? Style::good : Style::dim) + " " +
           padded(model["name"].get<std::string>(), 40) + " " +
           padded(size > 0 ? format_bytes(size, command.language()) : "", 9) + " " +
           padded(roles, 14) + " " + model.value("licence", "") + measured(command, model));
}

// What has been measured, a line for each thing that matters.
void print_contract(Command& command, const json& contract) {
  Terminal& out = command.terminal();
  const auto row = [&](const char* code, const std::string& value) {
    out.line("  " + padded(command.say(std::string("contract.") + code), 24) + value);
  };
  const auto yes = [&](const json& value) {
    return command.say(!value.is_boolean() ? "contract.not_measured"
                       : value.get<bool>() ? "contract.yes"
                                           : "contract.no");
  };
  const auto speed = [&](const char* name) {
    return std::to_string(std::lround(contract.value(name, 0.0))) + " tokens/s";
  };
  out.line(command.say("contract.title", {{"model", harmless(contract.value("model", ""))},
                                          {"engine", harmless(contract.value("engine", ""))},
                                          {"when", contract.value("measured", "")}}));
  if (contract.value("embedding", false)) {
    if (const int dimensions = contract.value("dimensions", 0); dimensions > 0) {
      row("dimensions", std::to_string(dimensions));
    }
    row("across_languages", yes(contract["across_languages"]));
    return;
  }
  row("form", command.say("contract.form." + contract.value("form", "")));
  const bool finds_nothing = contract.value("context_limit", "") == "forgets" &&
                             contract.value("context_verified", 0) == 0;
  row("context",
      command.say(finds_nothing ? "contract.limit.finds_nothing"
                                : "contract.limit." + contract.value("context_limit", ""),
                  {{"verified", std::to_string(contract.value("context_verified", 0))},
                   {"claimed", std::to_string(contract.value("context_claimed", 0))}}));
  row("tools", command.say("contract.tools_both", {{"native", yes(contract["tools_native"])},
                                                   {"schema", yes(contract["tools_by_schema"])}}));
  for (const char* form : {"native", "schema"}) {
    const json ladder = contract.value("tools_among", json::object()).value(form, json());
    if (!ladder.is_object()) continue;
    const int verified = ladder.value("verified", 0), failed = ladder.value("failed", 0);
    if (verified == 0 && failed == 0) continue;  // no room for even a few
    row(form == std::string_view("native") ? "tools_among_native" : "tools_among_schema",
        command.say(verified == 0 ? "contract.picks_none"
                    : failed > 0  ? "contract.picks_until"
                                  : "contract.picks",
                    {{"verified", std::to_string(verified)}, {"failed", std::to_string(failed)}}));
  }
  row("languages", command.say("contract.languages_both", {{"english", yes(contract["english"])},
                                                           {"spanish", yes(contract["spanish"])}}));
  row("template", yes(contract["chat_template"]));
  row("prompt", command.say("contract.prompt." + contract.value("prompt_style", "unknown")));
  row("stops", yes(contract["stops"]));
  row("vision", yes(contract["vision"]));
  row("speed", command.say("contract.speed_both", {{"prompt", speed("prompt_speed")},
                                                   {"generation", speed("generation_speed")}}));
  if (contract.value("questions_asked", 0) > 0) {
    row("refusals",
        command.say("contract.refused",
                    {{"count", std::to_string(contract["refusals"].size())},
                     {"asked", std::to_string(contract["questions_asked"].get<int>())}}));
    for (const json& refusal : contract["refusals"]) {
      out.line("    " + harmless(refusal.value("question", "")));
      out.line("      " + out.styled(harmless(refusal.value("answer", "")), Style::dim));
    }
  }
}

}  // namespace

int list_models(Command& command) {
  int failure = exit_ok;
  const auto answer = command.call("GET", "/models", nullptr, failure);
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(*answer);
    return exit_ok;
  }
  print_roles(command, (*answer)["roles"]);
  command.terminal().line();
  for (const json& model : (*answer)["models"]) print_model(command, model);
  command.terminal().line();
  command.terminal().line(command.say("models.legend", {{"folder", answer->value("folder", "")}}));
  return exit_ok;
}

int pull_model(Command& command, const std::string& name) {
  int failure = exit_ok;
  json done = json::object();
  Terminal& out = command.terminal();
  const auto sink = [&](std::string_view event, const json& data) {
    if (event == "done") done = data;
    if (event == "progress" && !command.options().json) {
      const auto reached = data["done_bytes"].get<std::uint64_t>();
      const auto total = data["total_bytes"].get<std::uint64_t>();
      const double left = data.value("seconds_left", 0.0);
      out.progress(command.say(
          left > 0 ? "models.pulling_left" : "models.pulling",
          {{"name", name},
           {"done", format_bytes(reached, command.language())},
           {"total", format_bytes(total, command.language())},
           {"percent", std::to_string(total > 0 ? reached * 100 / total : 0)},
           {"rate", format_bytes(static_cast<std::uint64_t>(data.value("bytes_per_second", 0.0)),
                                 command.language())},
           {"left", format_seconds(left)}}));
    }
    return true;
  };
  const auto answer = command.call("POST", "/models/pull", {{"name", name}}, failure, sink);
  out.end_progress();
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(done);
  } else {
    out.line(command.say("models.pulled", {{"name", name}, {"path", done.value("path", "")}}));
  }
  return exit_ok;
}

int add_model(Command& command, const std::string& file) {
  int failure = exit_ok;
  std::error_code error;
  const auto absolute = std::filesystem::absolute(file, error);
  const auto added =
      command.call("POST", "/models/add", {{"file", error ? file : absolute.string()}}, failure);
  if (!added) return failure;
  if (command.options().json) {
    command.print_json(*added);
  } else {
    command.terminal().line(
        command.say("models.added", {{"name", (*added)["name"].get<std::string>()}}));
  }
  return exit_ok;
}

namespace {

// One answer of the two, in a few lines.
void print_answer(Command& command, const std::string& name, const json& answer) {
  Terminal& out = command.terminal();
  out.line("  " + out.styled(harmless(name), Style::dim) + "  " +
           std::to_string(std::lround(answer.value("total_ms", 0.0))) + " ms, " +
           std::to_string(answer.value("prompt_tokens", 0)) + " + " +
           std::to_string(answer.value("completion_tokens", 0)) + " tokens");
  out.paragraph(harmless(answer.value("answer", "")), "    ");
  for (const json& citation : answer["citations"]) {
    out.line("    [" + harmless(citation.value("title", "")) + "]");
  }
  if (answer["as_corrected"].is_boolean()) {
    out.line("    " + command.say(answer["as_corrected"] == true ? "rehearsal.is_right"
                                                                 : "rehearsal.is_not_right"));
  }
  if (answer["cites_as_kept"].is_boolean()) {
    out.line("    " + command.say(answer["cites_as_kept"] == true ? "rehearsal.cites_as_kept"
                                                                  : "rehearsal.cites_otherwise"));
  }
}

void print_rehearsal(Command& command, const json& compared) {
  Terminal& out = command.terminal();
  const std::string current = compared.value("current", ""), other = compared.value("other", "");
  for (const json& entry : compared["questions"]) {
    const json& correction = entry["correction"];
    const bool wrong_again = entry["other"].value("as_corrected", json()) == false;
    if (entry["same_answer"] == true && entry["same_citations"] == true && !wrong_again) continue;
    out.line(out.styled(harmless(entry.value("question", "")), Style::bold));
    if (correction.is_object() && !correction.value("text", "").empty()) {
      out.paragraph(
          command.say("rehearsal.you_said", {{"text", harmless(correction.value("text", ""))}}),
          "  ");
    }
    print_answer(command, current, entry["current"]);
    print_answer(command, other, entry["other"]);
    out.line();
  }
  const json& summary = compared["summary"];
  out.line(command.say("rehearsal.summary",
                       {{"questions", std::to_string(summary.value("questions", 0))},
                        {"same", std::to_string(summary.value("same_answers", 0))},
                        {"citations", std::to_string(summary.value("same_citations", 0))}}));
  for (const auto& [name, sum] :
       {std::pair{current, summary["current"]}, std::pair{other, summary["other"]}}) {
    out.line(command.say("rehearsal.of_model",
                         {{"model", harmless(name)},
                          {"answered", std::to_string(sum.value("answered", 0))},
                          {"right", std::to_string(sum.value("cites_as_kept", 0))},
                          {"of", std::to_string(sum.value("can_be_compared", 0))},
                          {"median", std::to_string(std::lround(sum.value("median_ms", 0.0)))},
                          {"tokens", std::to_string(sum.value("tokens", std::int64_t{0}))}}));
    if (const int corrected = sum.value("corrected", 0); corrected > 0) {
      out.line(command.say("rehearsal.as_corrected",
                           {{"model", harmless(name)},
                            {"right", std::to_string(sum.value("as_corrected", 0))},
                            {"of", std::to_string(corrected)}}));
    }
  }
}

// Runs the rehearsal and shows it; whether to go on is for the owner to say. Exit codes: ok goes
// on.
int compare_first(Command& command, const UseOptions& options, const std::string& model) {
  Terminal& out = command.terminal();
  json compared = json::object();
  int failure = exit_ok;
  const auto sink = [&](std::string_view event, const json& data) {
    if (event == "done") compared = data;
    if (event == "progress" && !command.options().json) {
      out.progress(
          command.say("rehearsal.progress", {{"done", std::to_string(data.value("done", 0))},
                                             {"all", std::to_string(data.value("all", 0))}}));
    }
    return true;
  };
  const auto answer =
      command.call("POST", "/models/compare", {{"model", model}, {"questions", options.questions}},
                   failure, sink);
  out.end_progress();
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(compared);
  } else {
    print_rehearsal(command, compared);
  }
  if (options.confirmed == Confirmed::yes) return exit_ok;
  if (command.options().json || !out.input_is_terminal()) {
    if (!command.options().json) out.line(command.say("rehearsal.not_switched"));
    return exit_no;
  }
  out.write(command.say("rehearsal.question", {{"model", harmless(model)}}) + " ");
  std::string said;
  std::getline(std::cin, said);
  said = base::fold(base::trim(said));
  if (said == "y" || said == "yes" || said == "s" || said == "si") return exit_ok;
  out.line(command.say("rehearsal.not_switched"));
  return exit_no;
}

}  // namespace

int use_model(Command& command, const UseOptions& options) {
  const std::string& binding = options.binding;
  const size_t equals = binding.find('=');
  const bool takes_away = equals != std::string::npos && equals + 1 == binding.size();
  if (equals == std::string::npos || equals == 0 || (takes_away && options.compare)) {
    command.terminal().error_line(command.say("models.use_form"));
    return exit_usage;
  }
  const std::string role = binding.substr(0, equals), model = binding.substr(equals + 1);
  if (options.compare) {
    if (role != "chat") {
      command.terminal().error_line(command.say("rehearsal.chat_only"));
      return exit_usage;
    }
    if (const int outcome = compare_first(command, options, model); outcome != exit_ok) {
      return outcome;
    }
  }
  json body = {{"role", role}, {"model", model}};
  if (options.consent) body["consent"] = true;
  if (!options.key_file.empty()) {
    const auto key = read_secret(command, options.key_file);
    if (!key) return command.report(key.error());
    body["key"] = *key;
  }
  int failure = exit_ok;
  const auto answer = command.call("POST", "/models/use", body, failure);
  if (!answer) return failure;
  // Of a comparison that was printed already the rest is said by the exit code.
  if (command.options().json) {
    if (!options.compare) command.print_json(*answer);
  } else {
    print_roles(command, (*answer)["roles"]);
  }
  return exit_ok;
}

int plan_models(Command& command) {
  int failure = exit_ok;
  const auto answer = command.call("GET", "/models/plan", nullptr, failure);
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(*answer);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  const auto size = [&](const json& bytes) {
    const auto value = bytes.get<std::int64_t>();
    return format_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, value)),
                        command.language());
  };
  for (const json& engine : (*answer)["engines"]) {
    out.line(out.styled(padded(engine.value("role", ""), 8), Style::bold) +
             harmless(engine.value("model", "")) + "  " +
             command.say("plan.context", {{"context", std::to_string(engine.value("context", 0))},
                                          {"slots", std::to_string(engine.value("slots", 1))},
                                          {"kv", engine.value("kv", "")}}));
    for (const json& part : engine["parts"]) {
      out.line("  " + padded(command.say("plan.part." + part.value("what", "")), 24) +
               padded(part.value("place", ""), 8) + size(part["bytes"]));
    }
    for (const json& buffer : engine["measured"]) {
      out.line("  " +
               out.styled(
                   padded(command.say("plan.measured", {{"what", buffer.value("what", "")}}), 24) +
                       padded(buffer.value("place", ""), 8) + size(buffer["bytes"]),
                   Style::dim));
    }
    for (const json& reason : engine["reasons"]) {
      out.paragraph(harmless(reason.value("message", "")), "  ");
    }
    out.line();
  }
  for (const json& device : (*answer)["devices"]) {
    const std::string description = device.value("description", "");
    out.line(command.say("plan.device",
                         {{"device", device.value("name", "") +
                                         (description.empty() ? "" : " (" + description + ")")},
                          {"total", size(device["total"])},
                          {"free", size(device["free"])},
                          {"left", size(device["left"])}}));
  }
  return exit_ok;
}

int show_model(Command& command, const std::string& name) {
  int failure = exit_ok;
  // A path is a file, even where the server's working folder is another.
  std::string asked = name;
  std::error_code error;
  if (name.find('/') != std::string::npos || std::filesystem::exists(name, error)) {
    asked = std::filesystem::absolute(name, error).string();
  }
  const auto answer = command.call("GET", "/models/show", nullptr, failure, {}, {{"name", asked}});
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(*answer);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  if (answer->contains("catalogue")) {
    const json& model = (*answer)["catalogue"];
    out.line(out.styled(model.value("title", model.value("name", "")), Style::bold));
    print_model(command, model);
    if (!model.value("note", "").empty()) out.paragraph(harmless(model.value("note", "")), "  ");
    for (const json& source : model["sources"]) out.line("  " + source.get<std::string>());
    if (model["contract"].is_object()) print_contract(command, model["contract"]);
  }
  if (!answer->contains("file")) {
    out.line(command.say("models.not_installed", {{"name", name}}));
    return exit_ok;
  }
  const json& file = (*answer)["file"];
  const auto row = [&](const char* code, std::string value) {
    if (value.empty() || value == "0") return;
    out.line(padded(command.say(std::string("gguf.") + code), 22) + harmless(value));
  };
  row("path", file.value("path", ""));
  row("name", file.value("name", ""));
  row("architecture", file.value("architecture", ""));
  row("quantisation", file.value("quantisation", ""));
  row("size", format_bytes(file.value("file_bytes", std::uint64_t{0}), command.language()));
  row("weights", std::to_string(file.value("weights", std::uint64_t{0})));
  row("layers", std::to_string(file.value("layers", std::uint64_t{0})));
  row("width", std::to_string(file.value("width", std::uint64_t{0})));
  row("heads", std::to_string(file.value("heads", std::uint64_t{0})));
  row("context", std::to_string(file.value("context", std::uint64_t{0})));
  row("vocabulary", std::to_string(file.value("vocabulary", std::uint64_t{0})));
  row("experts", std::to_string(file.value("experts", std::uint64_t{0})));
  row("pooling", file.value("pooling", ""));
  row("tokenizer", file.value("tokenizer", ""));
  row("licence", file.value("licence", ""));
  row("tensors", std::to_string(file.value("tensors", std::uint64_t{0})));
  for (const auto& [type, share] : file["types"].items()) {
    out.line("  " + padded(type, 20) +
             padded(std::to_string(share["tensors"].get<std::uint64_t>()), 8) +
             format_bytes(share["bytes"].get<std::uint64_t>(), command.language()));
  }
  return exit_ok;
}

int check_model(Command& command, const std::string& what, bool full) {
  int failure = exit_ok;
  json done = json::object();
  Terminal& out = command.terminal();
  const auto sink = [&](std::string_view event, const json& data) {
    if (event == "done") done = data;
    if (event == "step" && !command.options().json) {
      out.progress(command.say("contract.step." + data.value("code", "")));
    }
    return true;
  };
  const auto answer = command.call(
      "POST", "/models/check", {{"what", what}, {"depth", full ? "full" : "quick"}}, failure, sink);
  out.end_progress();
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(done.value("contract", json::object()));
  } else {
    print_contract(command, done["contract"]);
  }
  return exit_ok;
}

}  // namespace lar::cli
