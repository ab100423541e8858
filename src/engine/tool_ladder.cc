// Among how many offered tools a model picks the right one (contract.h). The tools are plain and
// much alike ("add_recipe", "delete_recipe", "add_plant" …), as those of real programs are. Each
// rung asks three things whose tools stand at the beginning, in the middle and at the end; the
// tools come first in the prompt and stay the same, so the engine reads them once for all three.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/clock.h"
#include "base/foreign_json.h"
#include "engine/contract.h"
#include "engine/tool_call.h"

namespace lar::engine {
using base::Error;
using base::fail;
using base::Result;
using nlohmann::json;
namespace {

constexpr std::array deeds = {"find", "add", "delete", "rename"};
constexpr std::array things = {"recipe", "plant",   "invoice", "playlist", "photo", "alarm",
                               "lamp",   "parcel",  "book",    "visitor",  "key",   "ticket",
                               "note",   "printer", "tool",    "street"};
constexpr std::size_t all_tools = deeds.size() * things.size();
// Prime to their number: neighbours in the list are of different deeds and things.
constexpr std::size_t stride = 23;
// What a tool and a question take of a prompt, in tokens; only to judge what would take too long.
constexpr int tokens_a_tool = 70, tokens_a_question = 200;

struct Wish {
  const char* text;
  const char* tool;
  const char* name;  // what the tool is to be called with
};
constexpr std::array<Wish, 3> wishes = {{
    {"Delete the recipe called Lentils from my collection.", "delete_recipe", "lentils"},
    {"Add a plant called Basil to my list of plants.", "add_plant", "basil"},
    {"Find the invoice called Riverside.", "find_invoice", "riverside"},
}};

std::string tool_name(std::size_t number) {
  const std::size_t at = number * stride % all_tools;
  return std::string(deeds[at % deeds.size()]) + "_" + things[at / deeds.size()];
}

std::string description(const std::string& tool) {
  const std::size_t mark = tool.find('_');
  std::string deed = tool.substr(0, mark);
  deed[0] = static_cast<char>(deed[0] - 'a' + 'A');
  return deed + " a " + tool.substr(mark + 1) + " by its name.";
}

// So many tools, those that are wished for among them.
std::vector<std::string> tools_of(int count) {
  std::vector<std::string> tools;
  const auto wanted = static_cast<std::size_t>(count);
  for (std::size_t number = 0; number < all_tools && tools.size() + wishes.size() < wanted;
       ++number) {
    const std::string tool = tool_name(number);
    if (std::none_of(wishes.begin(), wishes.end(),
                     [&](const Wish& wish) { return tool == wish.tool; })) {
      tools.push_back(tool);
    }
  }
  tools.insert(tools.begin(), wishes[0].tool);
  tools.insert(tools.begin() + static_cast<std::ptrdiff_t>(tools.size() / 2), wishes[1].tool);
  tools.emplace_back(wishes[2].tool);
  return tools;
}

bool is_right(const Wish& wish, const json& tool, const json& arguments) {
  return tool == wish.tool && argument_holds(arguments, "name", wish.name);
}

// By the engine's own tool calls.
Result<bool> picks_natively(const Subject& subject, const std::vector<std::string>& tools,
                            const Wish& wish) {
  json offered = json::array();
  for (const std::string& tool : tools) {
    offered.push_back({{"type", "function"},
                       {"function",
                        {{"name", tool},
                         {"description", description(tool)},
                         {"parameters",
                          {{"type", "object"},
                           {"properties", {{"name", {{"type", "string"}}}}},
                           {"required", {"name"}}}}}}});
  }
  const json body = {{"messages", {{{"role", "user"}, {"content", wish.text}}}},
                     {"tools", std::move(offered)},
                     {"temperature", 0},
                     {"max_tokens", 96}};
  TRY_ASSIGN(const Subject::Answer answer,
             subject.send("POST", "/v1/chat/completions", body.dump()));
  const std::vector<ToolCall> calls = tool_calls_in(answer.status, answer.body);
  return calls.size() == 1 && is_right(wish, calls[0].name, calls[0].arguments);
}

// By a form that names one of them.
Result<bool> picks_by_schema(const Subject& subject, const std::vector<std::string>& tools,
                             const Wish& wish) {
  std::string system = "You use one of these tools for the user; choose it by its name.\n";
  json names = json::array();
  for (const std::string& tool : tools) {
    system += "- " + tool + "(name): " + description(tool) + "\n";
    names.push_back(tool);
  }
  ChatRequest request;
  request.messages = {{"system", std::move(system)}, {"user", wish.text}};
  // As text: the tool is to be chosen before its argument is written.
  request.json_schema = R"({"type":"object","properties":{"tool":{"enum":)" + names.dump() +
                        R"(},"name":{"type":"string","maxLength":60}},)" +
                        R"("required":["tool","name"],"additionalProperties":false})";
  request.max_tokens = 64;
  const auto result = subject.chat(request);
  if (!result) {
    if (is_about_the_answer(result.error())) return false;
    return tl::unexpected<Error>(result.error());
  }
  const json chosen = base::foreign_json(result->text);
  return chosen.is_object() && is_right(wish, chosen.value("tool", json()), chosen);
}

}  // namespace

Result<ToolLadder> climb_tools(const Subject& subject, ToolForm form,
                               const ToolLadderOptions& options) {
  const auto begun = base::steady_now();
  ToolLadder ladder;
  bool first = true;
  for (const int rung : options.rungs) {
    if (rung <= options.above) continue;
    const int tokens = rung * tokens_a_tool + tokens_a_question;
    if (options.context > 0 && tokens > options.context) break;
    const double spent = static_cast<double>(base::steady_now() - begun) / 1e6;
    const double needed = options.prompt_speed > 0 ? tokens / options.prompt_speed : 0;
    if (!first && spent + needed > options.seconds) break;
    first = false;
    const std::vector<std::string> tools = tools_of(rung);
    for (const Wish& wish : wishes) {
      if (options.stop.stop_requested()) return fail(base::ErrorKind::cancelled, "cancelled");
      TRY_ASSIGN(const bool right, form == ToolForm::native
                                       ? picks_natively(subject, tools, wish)
                                       : picks_by_schema(subject, tools, wish));
      if (right) continue;
      ladder.failed = rung;
      return ladder;
    }
    ladder.verified = rung;
  }
  return ladder;
}

std::optional<ToolRoute> tool_route(const Contract& contract, int offered) {
  if (!contract.tools_native) return std::nullopt;
  const auto& native = contract.tools_among_native;
  const auto& schema = contract.tools_among_schema;
  ToolRoute route;
  route.form = *contract.tools_native ? ToolForm::native : ToolForm::schema;
  if (route.form == ToolForm::native && native && schema && offered > native->verified &&
      schema->verified > native->verified) {
    route.form = ToolForm::schema;
  }
  const auto& taken = route.form == ToolForm::native ? native : schema;
  if (taken) route.verified = taken->verified;
  return route;
}

}  // namespace lar::engine
