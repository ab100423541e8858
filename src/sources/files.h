// What the sources on disk share: the state of a file as the system tells it, and whether a root is
// still the one that was synchronised before.
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/file.h"
#include "sources/source.h"

namespace lar::sources {

// Size and time of a regular file.
struct FileState {
  std::uint64_t size = 0;
  base::Microseconds modified = 0;
  bool operator==(const FileState&) const = default;
};
FileState state_of(const struct stat& status);

// The modification time to remember. A file changed within the last ticks of the system's clock may
// change again without its time moving (and without its size changing), so such a time is
// remembered as one microsecond less: the next sync then looks at the bytes once more.
base::Microseconds settled(base::Microseconds modified);

// A folder being listed; null where it cannot be.
struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;
Folder open_folder(const std::string& path);

// Opens a regular file for reading; never blocks on a pipe, never follows a link in the last place.
// Errors: file.*; nothing if it is no regular file (any more) or has gone.
base::Result<std::optional<os::Descriptor>> open_regular(const std::string& path);
// Exactly [offset, offset + length) of a file; nothing if it ends before.
base::Result<std::optional<std::string>> read_range(int descriptor, std::uint64_t offset,
                                                    std::uint64_t length, const std::string& path);
// Lower-case hex SHA-256 of an open file, from its start.
base::Result<std::string> hash_of(int descriptor, const std::string& path);
// An anonymous file that holds these bytes, to hand to a reader.
base::Result<os::Descriptor> memory_file(std::string_view bytes);

std::string hex(std::string_view bytes);

// Absolute path without links. Errors: file.missing, file.permission …
base::Result<std::string> resolve(const std::string& location);
std::string last_component(const std::string& path);

// The folder a source starts at, and which folders below it are mounts of their own. Kept in the
// cursor: a mount that is not there leaves an empty folder behind, which must not look as if its
// owner had deleted everything.
struct RootState {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::set<std::string> mounts;  // relative folders on another device than their parent
  bool known() const { return inode != 0; }
  bool same_folder(const RootState& other) const {
    return device == other.device && inode == other.inode;
  }
};
nlohmann::json to_json(const RootState& root);
RootState root_from_json(const nlohmann::json& value);

tl::unexpected<base::Error> fail_unreachable(const std::string& path);
// source.unreachable unless `path` is a folder that can be listed.
base::Result<RootState> look_at_root(const std::string& path);

// Relative folders that could not be listed completely: what is stored below them stays.
class Incomplete {
 public:
  void add(std::string folder) { folders_.insert(std::move(folder)); }
  bool covers(std::string_view relative_path) const;
  bool empty() const { return folders_.empty(); }

 private:
  std::set<std::string> folders_;
};

// The span of time inside which recurring events are expanded: whole months, so that it moves
// rarely.
struct Horizon {
  base::Microseconds begin = 0;
  base::Microseconds end = 0;

  bool operator==(const Horizon&) const = default;
};
Horizon horizon();

// "a/b", "" or "b" → the folder and the name below it.
std::string join(std::string_view folder, std::string_view name);

}  // namespace lar::sources
