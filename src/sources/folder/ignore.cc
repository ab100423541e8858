// Ignore patterns and built-in noise. Stateless: any thread.
#include "sources/folder/ignore.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace lar::sources::folder {

namespace {

// One component against one without slashes.
bool class_matches(std::string_view glob, std::size_t& at, char character) {
  // glob[at] == '['; moves `at` to the ']'. A class that does not end is taken as the letter '['.
  std::size_t i = at + 1;
  const bool negated = i < glob.size() && (glob[i] == '!' || glob[i] == '^');
  if (negated) ++i;
  bool matches = false;
  const std::size_t first = i;
  for (; i < glob.size() && (glob[i] != ']' || i == first); ++i) {
    if (i + 2 < glob.size() && glob[i + 1] == '-' && glob[i + 2] != ']') {
      matches = matches || (glob[i] <= character && character <= glob[i + 2]);
      i += 2;
    } else {
      if (glob[i] == '\\' && i + 1 < glob.size()) ++i;
      matches = matches || glob[i] == character;
    }
  }
  if (i >= glob.size()) return character == '[';
  at = i;
  return matches != negated && character != '/';
}

bool component_matches(std::string_view glob, std::string_view name) {
  std::size_t g = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  while (n < name.size()) {
    bool same = false;
    std::size_t next = g + 1;
    if (g < glob.size()) {
      if (glob[g] == '*') {
        star = g++;
        star_name = n;
        continue;
      }
      if (glob[g] == '?') {
        same = true;
      } else if (glob[g] == '[') {
        std::size_t at = g;
        same = class_matches(glob, at, name[n]);
        next = at + 1;
      } else if (glob[g] == '\\' && g + 1 < glob.size()) {
        same = glob[g + 1] == name[n];
        next = g + 2;
      } else {
        same = glob[g] == name[n];
      }
    }
    if (same) {
      g = next;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool components_match(const std::vector<std::string_view>& glob, std::size_t g,
                      const std::vector<std::string_view>& path, std::size_t p) {
  for (; g < glob.size(); ++g, ++p) {
    if (glob[g] == "**") {
      while (g + 1 < glob.size() && glob[g + 1] == "**") ++g;
      if (g + 1 == glob.size()) return p < path.size();
      for (std::size_t skip = p; skip <= path.size(); ++skip) {
        if (components_match(glob, g + 1, path, skip)) return true;
      }
      return false;
    }
    if (p >= path.size() || !component_matches(glob[g], path[p])) return false;
  }
  return p == path.size();
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view path) {
  return components_match(base::split(glob, '/'), 0, base::split(path, '/'), 0);
}

IgnorePatterns IgnorePatterns::parse(std::string_view text) {
  constexpr std::size_t most_patterns = 10'000;
  constexpr std::size_t longest_pattern = 1024;
  IgnorePatterns made;
  for (std::string_view line : base::split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
    if (line.empty() || line.front() == '#' || line.size() > longest_pattern) continue;
    if (made.patterns_.size() == most_patterns) break;
    Pattern pattern;
    if (line.front() == '!') {
      pattern.keeps = true;
      line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
      pattern.folders_only = true;
      while (line.ends_with('/')) line.remove_suffix(1);
    }
    pattern.anchored = line.find('/') != std::string_view::npos;
    while (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) continue;
    pattern.glob = line;
    made.patterns_.push_back(std::move(pattern));
  }
  return made;
}

Verdict IgnorePatterns::decide(std::string_view relative_path, EntryKind kind) const {
  const auto slash = relative_path.rfind('/');
  const std::string_view name =
      slash == std::string_view::npos ? relative_path : relative_path.substr(slash + 1);
  for (auto pattern = patterns_.rbegin(); pattern != patterns_.rend(); ++pattern) {
    if (pattern->folders_only && kind != EntryKind::folder) continue;
    if (glob_matches(pattern->glob, pattern->anchored ? relative_path : name)) {
      return pattern->keeps ? Verdict::kept : Verdict::ignored;
    }
  }
  return Verdict::undecided;
}

bool is_noise(std::string_view name, EntryKind kind) {
  if (name.starts_with('.')) return true;
  if (kind == EntryKind::folder) {
    static constexpr std::array<std::string_view, 8> folders{
        "node_modules", "bower_components", "__pycache__", "$RECYCLE.BIN",
        "lost+found",   "__MACOSX",         "CMakeFiles",  "System Volume Information"};
    return std::find(folders.begin(), folders.end(), name) != folders.end();
  }
  static constexpr std::array<std::string_view, 6> endings{"~",    ".tmp",        ".part",
                                                           ".swp", ".crdownload", ".bak"};
  return name.starts_with("~$") || std::any_of(endings.begin(), endings.end(),
                                               [&](auto ending) { return name.ends_with(ending); });
}

bool is_build_output(std::string_view name, const std::vector<std::string>& siblings) {
  using Rule = std::pair<std::string_view, std::string_view>;
  static constexpr std::array<Rule, 18> rules{{{"target", "Cargo.toml"},
                                               {"target", "pom.xml"},
                                               {"build", "CMakeLists.txt"},
                                               {"build", "meson.build"},
                                               {"build", "package.json"},
                                               {"build", "build.gradle"},
                                               {"build", "build.gradle.kts"},
                                               {"build", "setup.py"},
                                               {"build", "pyproject.toml"},
                                               {"build", "Makefile"},
                                               {"dist", "package.json"},
                                               {"dist", "setup.py"},
                                               {"dist", "pyproject.toml"},
                                               {"out", "package.json"},
                                               {"out", "tsconfig.json"},
                                               {"venv", "requirements.txt"},
                                               {"env", "requirements.txt"},
                                               {"venv", "pyproject.toml"}}};
  return std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
    return rule.first == name &&
           std::find(siblings.begin(), siblings.end(), rule.second) != siblings.end();
  });
}

}  // namespace lar::sources::folder
