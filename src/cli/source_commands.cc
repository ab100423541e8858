// The commands about sources: add, sources, sync, remove.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"

namespace lar::cli {

using nlohmann::json;

namespace {

std::string number(const json& value) { return std::to_string(value.get<std::int64_t>()); }

// By id, or by name in any case.
std::optional<json> find_source(Command& command, const std::string& named, int& failure) {
  const auto all = command.call("GET", "/sources", nullptr, failure);
  if (!all) return std::nullopt;
  for (const json& source : (*all)["sources"]) {
    if (source["id"] == named ||
        base::fold(source["name"].get<std::string>()) == base::fold(named)) {
      return source;
    }
  }
  failure = command.report(base::Error{
      base::ErrorKind::not_found, "source.unknown", {{"source", named}}, base::Retry::no, {}});
  return std::nullopt;
}

void print_notices(Command& command, const json& notices) {
  constexpr size_t most = 10;
  size_t count = 0;
  for (const json& notice : notices) {
    if (count++ == most) break;
    command.terminal().paragraph(
        harmless(notice.value("external_id", "") + ": " + notice.value("message", "")), "    ");
  }
  if (notices.size() > most) {
    command.terminal().line(
        "    " +
        command.say("sources.more_notices", {{"count", std::to_string(notices.size() - most)}}));
  }
}

}  // namespace

int post_source(Command& command, const json& source) {
  int failure = exit_ok;
  const auto added = command.call("POST", "/sources", source, failure);
  return added ? print_added(command, *added) : failure;
}

int print_added(Command& command, const json& source) {
  if (command.options().json) {
    command.print_json(source);
    return exit_ok;
  }
  const char* said =
      command.connection()->where() == Where::at_the_server ? "add.syncing" : "add.done";
  if (source.value("renewed", false)) said = "add.renewed";
  command.terminal().line(command.say(said, {{"name", source["name"].get<std::string>()}}));
  const std::string kind = source.value("kind", "");
  if (!source.value("renewed", false) && (kind == "imap" || kind == "maildir")) {
    command.terminal().paragraph(command.say("add.held"));
  }
  return exit_ok;
}

int add_source(Command& command, const std::string& kind, const std::string& path,
               const std::string& name) {
  // The server has a working folder of its own.
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  json body = {{"kind", kind}, {"path", error ? path : absolute.string()}};
  if (!name.empty()) body["name"] = name;
  return post_source(command, body);
}

int list_sources(Command& command) {
  int failure = exit_ok;
  const auto all = command.call("GET", "/sources", nullptr, failure);
  if (!all) return failure;
  const json& list = (*all)["sources"];
  if (command.options().json) {
    command.print_json(list);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  if (list.empty()) out.line(command.say("sources.none"));
  for (const json& source : list) {
    out.line(out.styled(harmless(source["name"].get<std::string>()), Style::bold) + "  " +
             source["kind"].get<std::string>() + "  " +
             command.say_count("sources.items", source["items"].get<std::int64_t>()));
    out.line("  " + harmless(source["location"].get<std::string>()));
    out.line("  " + out.styled(source["id"].get<std::string>(), Style::dim));
    if (source["progress"].is_object()) {
      out.line("  " +
               command.say("sources.syncing", {{"done", number(source["progress"]["done"])},
                                               {"total", number(source["progress"]["total"])}}));
    } else if (source["last_sync"].is_string()) {
      out.line("  " + command.say("sources.last_sync",
                                  {{"time", source["last_sync"].get<std::string>()}}));
    } else {
      out.line("  " + command.say("sources.never"));
    }
    if (source["error"].is_object()) {
      out.line("  " + out.styled(harmless(source["error"].value("message", "")), Style::bad));
    }
    print_notices(command, source["notices"]);
  }
  return exit_ok;
}

int sync_sources(Command& command, const std::string& source, std::string wait) {
  int failure = exit_ok;
  if (command.connection() == nullptr) return command.connection_failure();
  // Without a server nobody would go on after this process.
  const bool here = command.connection()->where() == Where::here;
  if (here && wait == "none") wait = "items";
  json body = {{"wait", wait}};
  if (!source.empty()) {
    const auto found = find_source(command, source, failure);
    if (!found) return failure;
    body["source"] = (*found)["id"];
  }
  Terminal& out = command.terminal();
  json done = {{"sources", json::array()}};
  const bool quiet = command.options().json;
  const auto sink = [&](std::string_view event, const json& data) {
    if (event == "done") done = data;
    if (event == "progress" && !quiet) {
      const auto reached = data["done"].get<std::int64_t>();
      const auto total = data["total"].get<std::int64_t>();
      const bool vectors = data["phase"] == "vectors";
      out.progress(
          command.say(vectors                    ? "sync.vectors"
                      : data["phase"] == "mails" ? "sync.mails"
                      : total > 0                ? "sync.items"
                                                 : "sync.looking",
                      {{"name", harmless(data.value("name", ""))},
                       {"done", std::to_string(reached)},
                       {"total", std::to_string(total)},
                       {"percent", std::to_string(total > 0 ? reached * 100 / total : 0)}}));
    }
    return true;
  };
  const auto answer = command.call("POST", "/sync", body, failure, sink);
  out.end_progress();
  if (!answer) return failure;
  int result = exit_ok;
  if (command.options().json) {
    command.print_json(done);
  } else if (wait == "none") {
    out.line(command.say("sync.asked"));
  } else if (done["sources"].empty()) {
    out.line(command.say("sources.none"));
  }
  for (const json& entry : done["sources"]) {
    const std::string name = harmless(entry.value("name", ""));
    if (entry.contains("error")) {
      const json& error = entry["error"];
      const int code = command.report(error);
      if (result == exit_ok) result = code;
      continue;
    }
    if (command.options().json || !entry.contains("added")) continue;
    out.line(command.say("sync.report", {{"name", name},
                                         {"added", number(entry["added"])},
                                         {"changed", number(entry["changed"])},
                                         {"removed", number(entry["removed"])},
                                         {"unchanged", number(entry["unchanged"])},
                                         {"failed", number(entry["failed"])}}));
    print_notices(command, entry["notices"]);
  }
  if (result == exit_ok && !command.options().json && here && wait == "items") {
    const auto status = command.call("GET", "/status", nullptr, failure);
    if (status) {
      const json& counts = (*status)["counts"];
      const auto left =
          counts["vectors_total"].get<std::int64_t>() - counts["vectors_done"].get<std::int64_t>();
      if (left > 0) out.line(command.say("sync.vectors_left", {{"count", std::to_string(left)}}));
    }
  }
  return result;
}

int remove_source(Command& command, const std::string& source, Confirmed confirmed) {
  int failure = exit_ok;
  const auto found = find_source(command, source, failure);
  if (!found) return failure;
  Terminal& out = command.terminal();
  const std::string name = (*found)["name"].get<std::string>();
  if (confirmed == Confirmed::no) {
    if (!out.input_is_terminal()) {
      out.error_line(command.say("remove.needs_yes"));
      return exit_usage;
    }
    out.write(command.say("remove.question",
                          {{"name", harmless(name)}, {"items", number((*found)["items"])}}) +
              " ");
    std::string answer;
    std::getline(std::cin, answer);
    answer = base::fold(base::trim(answer));
    if (answer != "y" && answer != "yes" && answer != "s" && answer != "si") {
      out.line(command.say("remove.kept"));
      return exit_no;
    }
  }
  const auto removed =
      command.call("DELETE", "/sources/" + (*found)["id"].get<std::string>(), nullptr, failure);
  if (!removed) return failure;
  if (command.options().json) {
    command.print_json(*removed);
  } else {
    out.line(command.say(
        "remove.done", {{"name", harmless(name)}, {"items", number((*removed)["removed_items"])}}));
  }
  return exit_ok;
}

}  // namespace lar::cli
