// Completion scripts, written from the command table itself, so that they cannot fall behind it.
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/command.h"

namespace lar::cli {
namespace {

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string shell_quoted(const std::string& text) {
  return "'" + base::replace_all(text, "'", "'\\''") + "'";
}

// Calls `visit` with the words that lead to each command ("add mail"), the empty text for lar
// itself.
void walk(const CLI::App& app, const std::string& path,
          const std::function<void(const std::string&, const CLI::App&)>& visit) {
  visit(path, app);
  for (const CLI::App* child : subcommands(app)) {
    walk(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), visit);
  }
}

std::string words_of(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* child : subcommands(app)) words.push_back(child->get_name());
  for (const std::string& option : options(app)) words.push_back(option);
  return joined(words);
}

std::string bash(const CLI::App& app) {
  std::string cases;
  walk(app, "", [&](const std::string& path, const CLI::App& command) {
    cases += "      " + shell_quoted(path) + ") words=" + shell_quoted(words_of(command)) +
             "; break ;;\n";
  });
  return "# source <(lar completions bash)\n"
         "_lar() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} path='' words='' word\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
         "  done\n"
         "  while :; do\n"
         "    case $path in\n" +
         cases +
         "      *' '*) path=${path% *} ;;\n"
         "      *) path='' ;;\n"
         "    esac\n"
         "  done\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [[ $current == -* ]] || COMPREPLY+=($(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -o filenames -F _lar lar\n";
}

std::string zsh(const CLI::App& app) {
  return "#compdef lar\nautoload -U +X bashcompinit && bashcompinit\n" + bash(app);
}

std::string fish(const CLI::App& app) {
  std::string text = "# lar completions fish | source\n";
  walk(app, "", [&](const std::string& path, const CLI::App& command) {
    std::vector<std::string> children;
    for (const CLI::App* child : subcommands(command)) children.push_back(child->get_name());
    std::string condition;
    for (const std::string_view word : base::split(path, ' ')) {
      if (word.empty()) continue;
      condition += (condition.empty() ? "" : "; and ") +
                   std::string("__fish_seen_subcommand_from ") + std::string(word);
    }
    if (condition.empty()) condition = "__fish_use_subcommand";
    std::string here = condition;
    if (!children.empty() && !path.empty()) {
      here += "; and not __fish_seen_subcommand_from " + joined(children);
    }
    for (const CLI::App* child : subcommands(command)) {
      text += "complete -c lar -n " + shell_quoted(here) + " -a " + child->get_name() + " -d " +
              shell_quoted(child->get_description()) + "\n";
    }
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        text += "complete -c lar -n " + shell_quoted(condition) + " -l " + name + " -d " +
                shell_quoted(option->get_description()) + "\n";
      }
    }
  });
  return text;
}

}  // namespace

std::string completions(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") return fish(app);
  return shell == "zsh" ? zsh(app) : bash(app);
}

}  // namespace lar::cli
