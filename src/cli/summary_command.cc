// lar summary: the claims as they come, then what they stand on and what was left out.
#include <nlohmann/json.hpp>

#include "api/application.h"
#include "cli/command.h"

namespace lar::cli {

using nlohmann::json;

namespace {

void print_claim(Command& command, const json& claim) {
  Terminal& out = command.terminal();
  std::string line = "• " + text_of(claim, "text") + " " +
                     out.styled("[" + claim["citation"]["number"].dump() + "]", Style::accent);
  const std::string origin = text_of(claim, "origin");
  if (origin == "stranger" || origin == "web") {
    line += out.styled(" · " + command.say("cards.stranger"), Style::dim);
  }
  out.paragraph(line);
}

// What the reader would otherwise take for told.
void print_left_out(Command& command, const json& summary) {
  Terminal& out = command.terminal();
  for (const auto& [what, count] : summary["left_out"].items()) {
    const auto number = count.get<std::int64_t>();
    if (number == 0) continue;
    out.paragraph(out.styled(command.say_count("summary.left_out." + what, number), Style::dim));
  }
  if (summary["trouble"].is_object()) {
    out.paragraph(out.styled(text_of(summary["trouble"], "message"), Style::bad));
  }
  if (!summary["model"].is_string()) {
    out.paragraph(out.styled(command.say("summary.by_code"), Style::dim));
  }
}

}  // namespace

int summarise(Command& command, const SummaryOptions& options) {
  json body = json::object();
  const std::pair<const char*, const std::string*> given[] = {{"item", &options.item},
                                                              {"chat", &options.chat},
                                                              {"since", &options.since},
                                                              {"until", &options.until},
                                                              {"with", &options.person}};
  for (const auto& [name, value] : given) {
    if (!value->empty()) body[name] = *value;
  }
  const bool as_json = command.options().json;
  Terminal& out = command.terminal();
  json summary;
  const auto sink = [&](std::string_view event, const json& data) {
    if (event == "claim" && !as_json) {
      out.end_progress();
      print_claim(command, data);
      out.progress(command.say("summary.reading"));
    }
    if (event == "done") summary = data;
    return true;
  };
  if (!as_json) out.progress(command.say("summary.reading"));
  int failure = exit_ok;
  const auto reply = command.call("POST", "/summaries", body, failure, sink);
  out.end_progress();
  if (!reply) return failure;
  if (!summary.is_object()) return exit_other;
  if (as_json) {
    command.print_json(summary);
    return summary["claims"].empty() ? exit_no : exit_ok;
  }
  if (summary["claims"].empty()) out.line(command.say("summary.nothing"));
  if (!summary["claims"].empty()) {
    json citations = json::array();
    for (const json& claim : summary["claims"]) citations.push_back(claim["citation"]);
    out.line();
    print_citations(command, {{"citations", std::move(citations)}});
  }
  print_left_out(command, summary);
  return summary["claims"].empty() ? exit_no : exit_ok;
}

}  // namespace lar::cli
