// The commands about what the home holds: search, ask, show.
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/percent.h"
#include "base/time_expression.h"
#include "cli/command.h"

namespace lar::cli {

using nlohmann::json;

namespace {

// Byte offsets of ascending UTF-16 offsets, found in one pass.
class Utf16Offsets {
 public:
  explicit Utf16Offsets(std::string_view text) : text_(text) {}
  size_t to_bytes(size_t units) {
    while (units_ < units && bytes_ < text_.size()) {
      const auto lead = static_cast<unsigned char>(text_[bytes_]);
      const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
      bytes_ = std::min(bytes_ + length, text_.size());
      units_ += length == 4 ? 2 : 1;
    }
    return bytes_;
  }

 private:
  std::string_view text_;
  size_t bytes_ = 0, units_ = 0;
};

// A snippet with its found words marked.
std::string marked(const Terminal& terminal, const json& hit) {
  const auto snippet = hit["snippet"].get<std::string>();
  if (!terminal.output_is_terminal()) return harmless(snippet);
  Utf16Offsets offsets(snippet);
  std::string result;
  size_t position = 0;
  for (const json& range : hit["highlights"]) {
    const size_t begin = offsets.to_bytes(range[0].get<size_t>());
    const size_t end = offsets.to_bytes(range[1].get<size_t>());
    if (begin < position) continue;
    result += harmless(snippet.substr(position, begin - position));
    result += terminal.styled(harmless(snippet.substr(begin, end - begin)), Style::quote);
    position = end;
  }
  return result + harmless(snippet.substr(position));
}

// "2026-05-14T09:30:00+02:00" → "Thursday 14 May 2026, 09:30".
std::string spelled(const std::string& when, base::Language language) {
  const auto day = base::parse_date(std::string_view(when).substr(0, 10));
  if (!day) return when;
  std::string result = base::spell_date(*day, language == base::Language::spanish);
  if (when.size() >= 16) result += ", " + when.substr(11, 5);
  return result;
}

}  // namespace

std::string describe_place(Command& command, const json& entry) {
  std::string result = command.say("kind." + entry.value("kind", "document"));
  if (const std::string when = text_of(entry, "when"); !when.empty()) {
    result += " · " + spelled(when, command.language());
  }
  if (entry.contains("locator") && entry["locator"].contains("page")) {
    result += " · " + text_of(entry["locator"], "label");
  }
  return result;
}

int search(Command& command, const SearchOptions& options) {
  int failure = exit_ok;
  std::map<std::string, std::string> query = {{"q", options.query},
                                              {"limit", std::to_string(options.limit)}};
  const std::pair<const char*, const std::string*> filters[] = {{"kind", &options.kind},
                                                                {"person", &options.person},
                                                                {"after", &options.after},
                                                                {"before", &options.before}};
  for (const auto& [name, value] : filters) {
    if (!value->empty()) query[name] = *value;
  }
  if (!options.source.empty()) {
    const auto all = command.call("GET", "/sources", nullptr, failure);
    if (!all) return failure;
    for (const json& source : (*all)["sources"]) {
      if (source["id"] == options.source ||
          base::fold(source["name"].get<std::string>()) == base::fold(options.source)) {
        query["source"] = source["id"].get<std::string>();
      }
    }
    if (!query.contains("source")) {
      return command.report(base::Error{base::ErrorKind::not_found,
                                        "source.unknown",
                                        {{"source", options.source}},
                                        base::Retry::no,
                                        {}});
    }
  }
  const auto answer = command.call("GET", "/search", nullptr, failure, {}, std::move(query));
  if (!answer) return failure;
  const json& hits = (*answer)["hits"];
  if (command.options().json) {
    command.print_json(hits);
    return hits.empty() ? exit_no : exit_ok;
  }
  Terminal& out = command.terminal();
  for (const json& hit : hits) {
    const std::string title = text_of(hit, "title");
    out.line(out.styled(title.empty() ? command.say("untitled") : title, Style::bold));
    std::string who;
    for (const json& person : hit["people"]) {
      if (person["role"] != "from" && person["role"] != "organizer") continue;
      who = text_of(person, "name").empty() ? text_of(person, "address") : text_of(person, "name");
    }
    out.line("  " + out.styled(describe_place(command, hit) + (who.empty() ? "" : " · " + who),
                               Style::dim));
    out.paragraph(marked(out, hit), "  ");
    out.line("  " + out.styled(text_of(hit, "item"), Style::dim));
  }
  if (hits.empty()) out.line(command.say("search.none"));
  if ((*answer)["mode"] == "text" && out.output_is_terminal()) {
    out.line(out.styled(command.say("search.text_only"), Style::dim));
  }
  return hits.empty() ? exit_no : exit_ok;
}

void print_citations(Command& command, const json& answer) {
  Terminal& out = command.terminal();
  for (const json& citation : answer["citations"]) {
    const std::string number = "[" + std::to_string(citation["number"].get<int>()) + "] ";
    const std::string title = text_of(citation, "title");
    out.line(out.styled(number, Style::accent) + (title.empty() ? command.say("untitled") : title) +
             "  " + out.styled(describe_place(command, citation), Style::dim));
    out.paragraph("“" + text_of(citation, "quote") + "”", "    ");
    const std::string origin = text_of(citation, "origin");
    if (origin == "stranger" || origin == "web") {
      out.line("    " + out.styled(command.say("ask.stranger"), Style::bad));
    }
    out.line("    " + out.styled("lar show " + text_of(citation, "item"), Style::dim));
  }
}

int ask_and_print(Command& command, const json& question, json& answer) {
  int failure = exit_ok;
  Terminal& out = command.terminal();
  bool streamed = false, in_text = false;
  const auto sink = [&](std::string_view event, const json& data) {
    if (event == "waiting") {
      const int position = data["position"].get<int>();
      out.progress(position == 0 ? command.say("ask.searching")
                                 : command.say("ask.waiting", {{"n", std::to_string(position)}}));
    } else if (event == "retrieved") {
      out.progress(
          command.say_count("ask.reading", static_cast<std::int64_t>(data["passages"].size())));
    } else if (event == "claim") {
      std::string line = text_of(data, "text");
      for (const json& citation : data["citations"]) {
        line += " " + out.styled("[" + std::to_string(citation["number"].get<int>()) + "]",
                                 Style::accent);
      }
      out.paragraph(line);
      streamed = true;
    } else if (event == "text") {
      if (!in_text) out.line(out.styled(command.say("ask.from_model"), Style::dim));
      in_text = streamed = true;
      out.write(text_of(data, "delta"));
    } else if (event == "done") {
      answer = data;
    }
    return true;
  };
  out.progress(command.say("ask.searching"));
  const auto reply = command.call("POST", "/ask", question, failure, sink);
  out.end_progress();
  if (in_text) out.line();
  if (!reply) return failure;
  if (!answer.is_object()) return exit_other;
  if (!streamed) {
    if (answer["basis"] == "model") {
      out.line(out.styled(command.say("ask.from_model"), Style::dim));
    }
    out.paragraph(text_of(answer, "answer"));
  }
  if (const auto left_out = answer.value("left_out_messages", std::int64_t{0}); left_out > 0) {
    out.paragraph(out.styled(command.say_count("ask.left_out", left_out), Style::dim));
  }
  if (!answer["citations"].empty()) {
    out.line();
    print_citations(command, answer);
  }
  if (const std::string said = text_of(answer, "owner_said"); !said.empty()) {
    out.line();
    out.paragraph(command.say("ask.owner_said", {{"text", harmless(said)}}));
  }
  return answer["declined"].get<bool>() ? exit_no : exit_ok;
}

int ask(Command& command, const AskOptions& options) {
  json question = {{"question", options.question}, {"mode", options.mode}};
  if (!options.conversation.empty()) question["conversation"] = options.conversation;
  json answer;
  if (!command.options().json) return ask_and_print(command, question, answer);
  int failure = exit_ok;
  const auto sink = [&](std::string_view event, const json& data) {
    if (event == "done") answer = data;
    return true;
  };
  if (!command.call("POST", "/ask", question, failure, sink)) return failure;
  if (!answer.is_object()) return exit_other;
  command.print_json(answer);
  return answer["declined"].get<bool>() ? exit_no : exit_ok;
}

int correct_answer(Command& command, const CorrectOptions& options) {
  json body = {{"right", options.take_back ? json() : json(options.right)}};
  if (!options.text.empty()) body["text"] = options.text;
  int failure = exit_ok;
  const auto answer = command.call("POST", "/turns/" + options.turn + "/correction", body, failure);
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(*answer);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  if (const json& question = (*answer)["question"]; question.is_string()) {
    out.line(out.styled(harmless(question.get<std::string>()), Style::bold));
  }
  out.line(command.say(options.take_back ? "correct.taken_back"
                       : options.right   ? "correct.right"
                                         : "correct.wrong"));
  return exit_ok;
}

void print_item(Command& command, const json& item, const std::string& quote) {
  Terminal& out = command.terminal();
  const std::string title = text_of(item, "title");
  out.line(out.styled(title.empty() ? command.say("untitled") : title, Style::bold));
  out.line(out.styled(describe_place(command, item), Style::dim));
  for (const json& person : item["people"]) {
    const std::string name = text_of(person, "name"), address = text_of(person, "address");
    out.line(out.styled(command.say("person." + text_of(person, "role")) + ": ", Style::dim) +
             name +
             (name.empty()      ? address
              : address.empty() ? ""
                                : " <" + address + ">"));
  }
  if (const std::string place = text_of(item, "place"); !place.empty()) {
    out.line(out.styled(command.say("show.place") + ": ", Style::dim) + place);
  }
  std::string sources;
  for (const json& name : item["source_names"]) {
    sources += (sources.empty() ? "" : ", ") + harmless(name.get<std::string>());
  }
  out.line(out.styled(sources + " · " + text_of(item, "external_id"), Style::dim));
  if (item["changed_on_disk"].get<bool>()) {
    out.line(out.styled(command.say("show.changed"), Style::bad));
  }
  for (const json& part : item["parts"]) {
    if (part["role"] == "headers") continue;
    out.line();
    if (const std::string name = text_of(part, "name"); !name.empty()) {
      out.line(out.styled("— " + name, Style::bold));
    }
    const auto text = part["text"].get<std::string>();
    const size_t found = quote.empty() ? std::string::npos : text.find(quote);
    if (found != std::string::npos) {
      const std::string open = out.output_is_terminal() ? "" : "»", close = open.empty() ? "" : "«";
      out.paragraph(harmless(text.substr(0, found)) + open +
                    out.styled(harmless(quote), Style::quote) + close +
                    harmless(text.substr(found + quote.size())));
      continue;
    }
    Utf16Offsets offsets(text);
    size_t position = 0;
    std::string shown;
    for (const json& segment : part["segments"]) {
      if (segment["kind"] != "quoted" && segment["kind"] != "signature") continue;
      const size_t begin = offsets.to_bytes(segment["begin"].get<size_t>());
      const size_t end = offsets.to_bytes(segment["end"].get<size_t>());
      if (begin < position) continue;
      shown += harmless(std::string_view(text).substr(position, begin - position)) +
               out.styled(harmless(std::string_view(text).substr(begin, end - begin)), Style::dim);
      position = end;
    }
    out.paragraph(shown + harmless(std::string_view(text).substr(position)));
  }
}

int show_item(Command& command, const ShowOptions& options) {
  int failure = exit_ok;
  if (command.connection() == nullptr) return command.connection_failure();
  const std::string path = "/items/" + base::percent_encode(options.item);
  if (options.original) {
    const api::Response response = command.send("GET", path + "/original", "", {});
    if (response.status >= 400) {
      const json value = json::parse(response.body, nullptr, false);
      return value.is_object() ? command.report(value["error"]) : exit_other;
    }
    command.terminal().write(response.body);
    return exit_ok;
  }
  const auto item = command.call("GET", path, nullptr, failure);
  if (!item) return failure;
  if (!options.quote.empty()) {
    const bool held =
        std::any_of((*item)["parts"].begin(), (*item)["parts"].end(), [&](const json& part) {
          return part["text"].get<std::string>().find(options.quote) != std::string::npos;
        });
    if (!held) {
      command.terminal().error_line(command.say("show.no_quote"));
      return exit_not_found;
    }
  }
  if (command.options().json) {
    command.print_json(*item);
  } else {
    print_item(command, *item, options.quote);
  }
  return exit_ok;
}

}  // namespace lar::cli
