// The commands about the home as a whole: init, serve, status, doctor.
#include <cmath>
#include <nlohmann/json.hpp>

#include "api/server.h"
#include "cli/command.h"
#include "os/file.h"

namespace lar::cli {

using nlohmann::json;

namespace {

// {household, owner, addresses, zone} from a household file: {"name", "owner": {"name",
// "addresses"} or text, "zone"}.
base::Result<json> read_household(const std::string& path) {
  TRY_ASSIGN(const std::string bytes, os::read_file(path, 1u << 20));
  const json file = json::parse(bytes, nullptr, false);
  if (!file.is_object()) {
    return base::fail(base::ErrorKind::invalid_input, "cli.household_malformed", {{"path", path}});
  }
  json result = json::object();
  if (file.contains("name") && file["name"].is_string()) result["household"] = file["name"];
  if (file.contains("zone") && file["zone"].is_string()) result["zone"] = file["zone"];
  if (file.contains("owner")) {
    const json& owner = file["owner"];
    if (owner.is_string()) result["owner"] = owner;
    if (owner.is_object() && owner.contains("name")) result["owner"] = owner["name"];
    if (owner.is_object() && owner.contains("addresses")) result["addresses"] = owner["addresses"];
  }
  return result;
}

bool is_bound(const json& roles, std::string_view name) {
  for (const json& role : roles) {
    if (role.value("role", "") == name) return role["model"].is_string();
  }
  return false;
}

}  // namespace

int initialise(Command& command, const std::string& household_file) {
  int failure = exit_ok;
  Terminal& out = command.terminal();
  if (!household_file.empty()) {
    const auto household = read_household(household_file);
    if (!household) return command.report(household.error());
    if (!command.call("POST", "/household", *household, failure)) return failure;
  }
  const auto bound = command.call("POST", "/roles/defaults", json::object(), failure);
  if (!bound) return failure;
  const json& roles = (*bound)["roles"];
  if (command.options().json) {
    command.print_json({{"home", command.options().home}, {"roles", roles}});
    return exit_ok;
  }
  out.line(command.say("init.home", {{"home", command.options().home}}));
  for (const json& role : roles) {
    if (!role["model"].is_string()) continue;
    out.line("  " + command.say("init.role", {{"role", role["role"].get<std::string>()},
                                              {"model", role["model"].get<std::string>()}}));
  }
  if (!is_bound(roles, "embed")) out.line("  " + command.say("init.no_embed"));
  if (!is_bound(roles, "chat")) out.line("  " + command.say("init.no_chat"));
  out.line(command.say("init.next"));
  return exit_ok;
}

int serve(Command& command, const ServeOptions& serve_options) {
  api::ApplicationOptions options;
  options.home = command.options().home;
  options.answer_cache = command.options().answer_cache;
  options.background = api::ApplicationOptions::Background::watch;
  auto application = api::Application::open(options);
  if (!application) return command.report(application.error());
  auto server = api::Server::start(**application, {options.home, serve_options.port});
  if (!server) return command.report(server.error());
  Terminal& out = command.terminal();
  if (command.options().json) {
    command.print_json(
        {{"address", (*server)->address()}, {"port", (*server)->port()}, {"home", options.home}});
  } else if (!serve_options.quiet) {
    out.line(command.say("serve.address", {{"address", (*server)->address()}}));
  }
  std::fflush(stdout);
  command.interrupts().end_within(5);
  command.interrupts().wait();
  server->reset();
  (*application)->shut_down();
  application->reset();
  return exit_ok;
}

int show_status(Command& command) {
  int failure = exit_ok;
  const auto status = command.call("GET", "/status", nullptr, failure);
  if (!status) return failure;
  if (command.options().json) {
    command.print_json(*status);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  const json& value = *status;
  const json& counts = value["counts"];
  out.line(command.say("status.title", {{"version", value["version"].get<std::string>()},
                                        {"home", value["home"].get<std::string>()}}));
  if (value["household"].is_string()) {
    out.line(command.say("status.household", {{"name", value["household"].get<std::string>()}}));
  }
  out.line(command.say(command.connection()->where() == Where::at_the_server
                           ? "status.served"
                           : "status.not_served"));
  out.line(command.say("status.now", {{"now", value["now"].get<std::string>()},
                                      {"zone", value["zone"].get<std::string>()}}));
  out.line(command.say("status.counts",
                       {{"items", std::to_string(counts["items"].get<std::int64_t>())},
                        {"passages", std::to_string(counts["passages"].get<std::int64_t>())}}));
  if (counts["vectors_total"].get<std::int64_t>() > 0) {
    out.line(command.say("status.vectors",
                         {{"done", std::to_string(counts["vectors_done"].get<std::int64_t>())},
                          {"total", std::to_string(counts["vectors_total"].get<std::int64_t>())}}));
  }
  for (const json& engine : value["engines"]) {
    if (!engine["model"].is_string()) continue;
    std::string line = engine["role"].get<std::string>() + ": " +
                       engine["model"].get<std::string>() + ", " +
                       command.say("state." + engine["state"].get<std::string>());
    if (const auto memory = engine.value("memory_bytes", std::int64_t{0}); memory > 0) {
      line += ", " + format_bytes(static_cast<std::uint64_t>(memory), command.language());
    }
    out.line("  " + line);
    if (engine.contains("next_model")) {
      const json& next = value["next_vectors"];
      const auto number = [&](const char* name) {
        return std::to_string(next.is_object() ? next[name].get<std::int64_t>() : 0);
      };
      out.line("    " + command.say("status.next_model", {{"model", engine.value("next_model", "")},
                                                          {"done", number("done")},
                                                          {"total", number("total")}}));
    }
    for (const json& call : engine.value("calls", json::array())) {
      const int position = call.value("position", 0);
      out.line("    " + command.say(position == 0 ? "status.call_runs" : "status.call_waits",
                                    {{"client", harmless(call.value("client", ""))},
                                     {"class", command.say("class." + call.value("class", ""))},
                                     {"position", std::to_string(position)}}));
    }
    if (engine.contains("error")) {
      out.line("    " + out.styled(harmless(engine["error"].value("message", "")), Style::bad));
    }
  }
  const json& background = value["background"];
  std::string used = command.say(
      "status.background_used",
      {{"tokens", std::to_string(background["used"]["tokens"].get<std::int64_t>())},
       {"minutes", std::to_string(std::lround(background["used"]["minutes"].get<double>()))}});
  std::string limits;
  for (const auto& [name, unit] : {std::pair{"tokens", "tokens"}, std::pair{"minutes", "min"},
                                   std::pair{"watt_hours", "Wh"}}) {
    const json& limit = background["limit"][name];
    if (limit.is_number()) {
      limits += (limits.empty() ? "" : ", ") + std::to_string(std::lround(limit.get<double>())) +
                " " + unit;
    }
  }
  if (!limits.empty()) used += " " + command.say("status.background_limit", {{"limits", limits}});
  if (!limits.empty() || background["used"]["tokens"].get<std::int64_t>() > 0) out.line(used);
  if (background.contains("error")) {
    out.line(out.styled(harmless(background["error"].value("message", "")), Style::bad));
  }
  const json kept = value.value("kept", json::object());
  if (kept.value("files", 0) > 0) {
    out.line(command.say(
        "status.kept",
        {{"files", std::to_string(kept.value("files", 0))},
         {"size", format_bytes(kept.value("bytes", std::uint64_t{0}), command.language())},
         {"limit", format_bytes(kept.value("limit", std::uint64_t{0}), command.language())},
         {"tokens", std::to_string(kept.value("restored_tokens", std::int64_t{0}))}}));
  }
  if (kept.contains("error")) {
    out.line(out.styled(harmless(kept["error"].value("message", "")), Style::bad));
  }
  if (value.contains("embedding_error")) {
    out.line(out.styled(harmless(value["embedding_error"].value("message", "")), Style::bad));
  }
  return exit_ok;
}

int doctor(Command& command, bool full) {
  int failure = exit_ok;
  const auto result =
      command.call("GET", "/doctor", nullptr, failure, {}, {{"depth", full ? "full" : "quick"}});
  if (!result) return failure;
  bool well = true;
  for (const json& check : (*result)["checks"]) well = well && check["ok"].get<bool>();
  if (command.options().json) {
    command.print_json(*result);
    return well ? exit_ok : exit_no;
  }
  Terminal& out = command.terminal();
  for (const json& check : (*result)["checks"]) {
    const bool ok = check["ok"].get<bool>();
    out.line(out.styled(ok ? "✓ " : "✗ ", ok ? Style::good : Style::bad) +
             harmless(check["message"].get<std::string>()));
  }
  return well ? exit_ok : exit_no;
}

}  // namespace lar::cli
