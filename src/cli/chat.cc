// lar chat: a conversation in the terminal. Lines are read through readline's callback interface,
// so that Ctrl-C, which arrives through Interrupts, can clear the line or stop an answer.
#include <poll.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"

namespace lar::cli {

using nlohmann::json;

namespace {

// What readline's callback gave; readline has no place for a context of ours.
std::optional<std::string> read_line_result;
bool line_is_ready = false;

void take_line(char* line) {
  line_is_ready = true;
  read_line_result.reset();
  if (line != nullptr) {
    read_line_result = line;
    std::free(line);
  }
  rl_callback_handler_remove();
}

// The next line; nothing at the end of input. Ctrl-C clears a begun line and ends at an empty one.
std::optional<std::string> read_line(const std::string& prompt, Interrupts& interrupts) {
  line_is_ready = false;
  rl_callback_handler_install(prompt.c_str(), take_line);
  while (!line_is_ready) {
    std::array<pollfd, 2> entries{pollfd{STDIN_FILENO, POLLIN, 0},
                                  pollfd{interrupts.descriptor(), POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if (entries[1].revents != 0) {
      interrupts.renew();
      const bool empty = rl_end == 0;
      rl_callback_handler_remove();
      std::fputs("\n", stdout);
      if (empty) return std::nullopt;
      rl_callback_handler_install(prompt.c_str(), take_line);
      continue;
    }
    if (entries[0].revents != 0) rl_callback_read_char();
  }
  return read_line_result;
}

// An item of the last answer by its citation's number.
int show_citation(Command& command, const json& answer, const std::string& number) {
  if (answer.is_object()) {
    for (const json& citation : answer["citations"]) {
      if (std::to_string(citation["number"].get<int>()) != number) continue;
      return show_item(command, {.item = citation["item"].get<std::string>(),
                                 .quote = citation["quote"].get<std::string>()});
    }
  }
  command.terminal().line(command.say("chat.no_citation", {{"number", number}}));
  return exit_not_found;
}

}  // namespace

int chat(Command& command, const std::string& mode) {
  Terminal& out = command.terminal();
  if (command.connection() == nullptr) return command.connection_failure();
  const bool interactive = out.input_is_terminal() && out.output_is_terminal();
  const std::string history = command.options().home + "/chat_history";
  std::string conversation;
  json answer;
  int result = exit_ok;
  if (interactive) {
    rl_catch_signals = 0;
    rl_readline_name = "lar";
    using_history();
    stifle_history(1000);
    read_history(history.c_str());
    out.line(command.say("chat.welcome"));
  }
  // The marks keep readline from counting the colours.
  std::string prompt = "> ";
  if (out.styled("x", Style::accent) != "x") prompt = "\001\033[36m\002>\001\033[0m\002 ";
  while (true) {
    std::optional<std::string> line;
    if (interactive) {
      line = read_line(prompt, command.interrupts());
    } else if (std::string text; std::getline(std::cin, text)) {
      line = std::move(text);
    }
    if (!line) break;
    const std::string typed(base::trim(*line));
    if (typed.empty()) continue;
    if (interactive) add_history(typed.c_str());
    if (typed == "/quit" || typed == "/exit" || typed == "/salir") break;
    if (typed == "/help" || typed == "/ayuda" || typed == "/?") {
      out.line(command.say("chat.help"));
    } else if (typed == "/new" || typed == "/nueva") {
      conversation.clear();
      answer = nullptr;
      out.line(command.say("chat.new"));
    } else if (typed == "/sources" || typed == "/fuentes") {
      if (answer.is_object() && !answer["citations"].empty()) {
        print_citations(command, answer);
      } else {
        out.line(command.say("chat.no_citations"));
      }
    } else if (typed.starts_with("/show ") || typed.starts_with("/ver ")) {
      show_citation(command, answer, std::string(base::trim(typed.substr(typed.find(' ')))));
    } else if (typed.starts_with("/")) {
      out.line(command.say("chat.unknown", {{"command", typed}}));
    } else {
      json question = {{"question", typed}, {"mode", mode}};
      if (!conversation.empty()) question["conversation"] = conversation;
      json fresh;
      out.line();
      result = ask_and_print(command, question, fresh);
      if (fresh.is_object()) {
        answer = std::move(fresh);
        if (answer["conversation"].is_string()) {
          conversation = answer["conversation"].get<std::string>();
        }
      }
      if (result == exit_interrupted) {
        command.interrupts().renew();
        if (!interactive) return result;
        out.line(command.say("chat.stopped"));
      }
    }
    out.line();
  }
  if (interactive) {
    ::umask(0077);
    write_history(history.c_str());
    return exit_ok;
  }
  return result;
}

}  // namespace lar::cli
