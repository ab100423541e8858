// The commands about keys of other programs: key add, list, remove.
#include <nlohmann/json.hpp>

#include "api/application.h"
#include "api/server.h"
#include "base/percent.h"
#include "cli/command.h"

namespace lar::cli {

using nlohmann::json;

int add_key(Command& command, const std::string& name, bool assistant) {
  int failure = exit_ok;
  const auto added =
      command.call("POST", "/keys", {{"name", name}, {"assistant", assistant}}, failure);
  if (!added) return failure;
  if (command.options().json) {
    command.print_json(*added);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  out.line(command.say("key.added", {{"name", name}}));
  out.line((*added)["key"].get<std::string>());
  out.line(command.say("key.use", {{"port", std::to_string(api::default_port)}}));
  return exit_ok;
}

int list_keys(Command& command) {
  int failure = exit_ok;
  const auto answer = command.call("GET", "/keys", nullptr, failure);
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(*answer);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  if ((*answer)["keys"].empty()) out.line(command.say("key.none"));
  for (const json& key : (*answer)["keys"]) {
    std::string may;
    for (const json& scope : key["may"]) {
      may += (may.empty() ? "" : ", ") + command.say("key." + scope.get<std::string>());
    }
    out.line(key["name"].get<std::string>() + "  " + may + "  " +
             key["created"].get<std::string>().substr(0, 10));
  }
  return exit_ok;
}

int remove_key(Command& command, const std::string& name) {
  int failure = exit_ok;
  const auto removed =
      command.call("DELETE", "/keys/" + base::percent_encode(name), nullptr, failure);
  if (!removed) return failure;
  if (command.options().json) {
    command.print_json(*removed);
  } else {
    command.terminal().line(command.say("key.removed", {{"name", name}}));
  }
  return exit_ok;
}

}  // namespace lar::cli
