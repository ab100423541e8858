// Which files of a folder are left out: patterns as in gitignore(5), from .larignore files, from
// the source's settings and built in. Pure, but for reading the files it is given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lar::sources::folder {

enum class EntryKind { file, folder };
enum class Verdict { undecided, ignored, kept };

// The patterns of one file, or of the settings; paths are relative to the folder they belong to.
class IgnorePatterns {
 public:
  // One pattern per line; '#' comments, '!' keeps, trailing '/' means folders only, a '/' elsewhere
  // ties it to this folder, `*`, `?`, `[a-z]`, `**`.
  static IgnorePatterns parse(std::string_view text);
  // The last pattern that fits decides.
  Verdict decide(std::string_view relative_path, EntryKind kind) const;
  bool empty() const { return patterns_.empty(); }

 private:
  struct Pattern {
    std::string glob;
    bool keeps = false;
    bool folders_only = false;
    bool anchored = false;
  };
  std::vector<Pattern> patterns_;
};

// `*` and `?` do not match '/'; `**` between slashes, at the start or at the end matches any
// folders.
bool glob_matches(std::string_view glob, std::string_view path);

// What nobody wants found, by name alone: hidden files, caches, temporary and lock files, folders
// of packages.
bool is_noise(std::string_view name, EntryKind kind);
// Whether `name` holds what a build made, told by the files beside it ("target" beside Cargo.toml).
bool is_build_output(std::string_view name, const std::vector<std::string>& siblings);

}  // namespace lar::sources::folder
