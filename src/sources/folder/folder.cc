// A folder of documents: walk, compare with what is stored, read what changed. Size and time tell
// what may have changed, the hash of the bytes what has. Files stay where they are: the store keeps
// their text and a reference. Symbolic links are not followed: inside the folder they lead to what
// is found anyway, and outside they would take in what the owner did not name. Runs on the thread
// of its source.
#include "sources/folder/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sources/cursor.h"
#include "sources/files.h"
#include "sources/folder/ignore.h"
#include "sources/pipeline.h"

namespace lar::sources::folder {

namespace {

using base::ErrorKind;
using base::Status;

constexpr int deepest = 64;
constexpr std::string_view ignore_file = ".larignore";

struct File {
  std::string folder;  // relative
  FileState state;
};

struct Listing {
  std::map<std::string, File> files;  // by relative path
  Incomplete incomplete;
  std::set<std::string> mounts;
};

class Walker {
 public:
  Walker(const std::string& root, const reading::ReadingService& reading, SyncReport& report,
         std::stop_token stop)
      : root_(root), reading_(reading), report_(report), stop_(std::move(stop)) {}

  Status walk(IgnorePatterns settings, const RootState& state, Listing& listing) {
    layers_.push_back({"", std::move(settings)});
    return walk("", state.device, 0, listing);
  }

 private:
  struct Layer {
    std::string folder;
    IgnorePatterns patterns;
  };

  Status walk(const std::string& relative, std::uint64_t parent_device, int depth,
              Listing& listing) {
    if (stop_.stop_requested()) return fail_cancelled();
    const std::string path = relative.empty() ? root_ : root_ + "/" + relative;
    const Folder folder = open_folder(path);
    struct stat status{};
    if (!folder || ::fstat(::dirfd(folder.get()), &status) != 0) {
      if (relative.empty()) return fail_unreachable(path);
      if (errno != ENOENT) skip(relative, listing);
      return {};
    }
    const auto device = static_cast<std::uint64_t>(status.st_dev);
    if (device != parent_device) listing.mounts.insert(relative);

    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) {
      if (relative.empty()) return fail_unreachable(path);
      skip(relative, listing);
    }
    std::sort(names.begin(), names.end());
    if (std::binary_search(names.begin(), names.end(), "CACHEDIR.TAG") && !relative.empty())
      return {};

    bool pushed = false;
    if (std::binary_search(names.begin(), names.end(), ignore_file)) {
      constexpr std::uint64_t largest_ignore_file = 256u << 10;
      if (auto text = os::read_file(path + "/" + std::string(ignore_file), largest_ignore_file)) {
        layers_.push_back({relative, IgnorePatterns::parse(*text)});
        pushed = true;
      } else {
        report_.note(join(relative, ignore_file), {text.error().code, text.error().parameters});
      }
    }
    std::vector<std::string> below;
    for (const std::string& name : names) {
      struct stat own{};
      if (::fstatat(::dirfd(folder.get()), name.c_str(), &own, AT_SYMLINK_NOFOLLOW) != 0) continue;
      const std::string child = join(relative, name);
      if (S_ISLNK(own.st_mode)) {
        note_link(child);
      } else if (S_ISDIR(own.st_mode)) {
        if (!ignored(child, name, EntryKind::folder, names)) below.push_back(name);
      } else if (S_ISREG(own.st_mode) && own.st_size > 0 && reading_.can_read(name) &&
                 !ignored(child, name, EntryKind::file, names)) {
        listing.files[child] = {relative, state_of(own)};
      }
    }
    for (const std::string& name : below) {
      if (depth == deepest) {
        skip(join(relative, name), listing);
      } else {
        TRY(walk(join(relative, name), device, depth + 1, listing));
      }
    }
    if (pushed) layers_.pop_back();
    return {};
  }

  bool ignored(const std::string& path, const std::string& name, EntryKind kind,
               const std::vector<std::string>& siblings) const {
    // The nearest file that says something decides, then the settings, then what is built in.
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
      const std::string_view below = layer->folder.empty()
                                         ? std::string_view(path)
                                         : std::string_view(path).substr(layer->folder.size() + 1);
      const Verdict verdict = layer->patterns.decide(below, kind);
      if (verdict != Verdict::undecided) return verdict == Verdict::ignored;
    }
    return is_noise(name, kind) || (kind == EntryKind::folder && is_build_output(name, siblings));
  }

  void skip(const std::string& relative, Listing& listing) {
    listing.incomplete.add(relative);
    report_.note(relative, {"folder.unreadable", {{"path", relative}}});
  }

  // Says why a link is left out, where its owner might expect otherwise.
  void note_link(const std::string& relative) {
    const std::string path = root_ + "/" + relative;
    std::unique_ptr<char, decltype(&std::free)> target(::realpath(path.c_str(), nullptr),
                                                       &std::free);
    if (!target) {
      if (errno == ELOOP) report_.note(relative, {"file.link_loop", {{"path", relative}}});
      return;
    }
    const std::string to = target.get();
    if (to == root_ || to.starts_with(root_ + "/")) {
      if ((path + "/").starts_with(to + "/")) {
        report_.note(relative, {"file.link_loop", {{"path", relative}}});
      }
    } else {
      report_.note(relative, {"folder.link_outside", {{"path", relative}}});
    }
  }

  const std::string& root_;
  const reading::ReadingService& reading_;
  SyncReport& report_;
  std::stop_token stop_;
  std::vector<Layer> layers_;
};

// {"ignore": ["pattern", …]}
IgnorePatterns patterns_of(const std::string& settings) {
  std::string lines;
  try {
    const auto value = nlohmann::json::parse(settings);
    for (const auto& pattern : value.value("ignore", nlohmann::json::array())) {
      lines += pattern.get<std::string>() + "\n";
    }
  } catch (const nlohmann::json::exception&) {
  }
  return IgnorePatterns::parse(lines);
}

// ".pdf", in lower case; "" where there is none.
std::string extension_of(const std::string& path) {
  const std::string name = last_component(path);
  const auto dot = name.rfind('.');
  return dot == std::string::npos ? "" : base::lower_ascii(name.substr(dot));
}

base::Result<store::Source> describe(const Description& description) {
  TRY_ASSIGN(const std::string path, resolve(description.location));
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return base::fail_errno(errno, path, "open");
  if (!S_ISDIR(status.st_mode)) {
    return base::fail(ErrorKind::invalid_input, "source.not_a_folder",
                      {{"path", description.location}});
  }
  const Folder folder = open_folder(path);
  if (!folder) return base::fail_errno(errno, path, "open");
  store::Source source;
  source.kind = "folder";
  source.name = description.name.empty() ? last_component(path) : description.name;
  source.location = path;
  return source;
}

base::Result<SyncReport> sync(SyncContext& context) {
  SyncReport report;
  const std::string& root = context.source.location;
  TRY_ASSIGN(RootState root_state, look_at_root(root));
  FolderCursor cursor = FolderCursor::parse(context.source.cursor, context.reading);

  Listing listing;
  TRY(Walker(root, context.reading, report, context.stop)
          .walk(patterns_of(context.source.settings), root_state, listing));
  root_state.mounts = listing.mounts;
  for (const std::string& mount : cursor.root.mounts) {
    struct stat status{};
    if (listing.mounts.contains(mount) || ::stat((root + "/" + mount).c_str(), &status) != 0)
      continue;
    listing.incomplete.add(mount);
    root_state.mounts.insert(mount);
    report.note(mount, {"source.mount_missing", {{"path", mount}}});
  }

  TRY_ASSIGN(const auto stored, context.store.placements(context.source.id));
  if (listing.files.empty() && !stored.empty() &&
      !(cursor.root.known() && cursor.root.same_folder(root_state))) {
    return fail_unreachable(root);  // an empty folder where the documents were mounted
  }
  TRY_ASSIGN(const auto stale, outdated(context));
  const Horizon now = horizon();
  const bool expand_again = cursor.horizon.begin != now.begin || cursor.horizon.end != now.end;

  std::map<std::string, std::vector<const store::Placement*>> known;
  for (const store::Placement& placement : stored)
    known[base_uid(placement.uid)].push_back(&placement);

  const auto is_gone = [&](const std::string& path) {
    return !listing.files.contains(path) && !listing.incomplete.covers(path);
  };
  // A file that turns up may be one of those that went, under another name.
  std::multimap<std::uint64_t, const std::vector<const store::Placement*>*> gone_by_size;
  for (const auto& [path, places] : known) {
    const store::Placement& first = *places.front();
    if (is_gone(path) && !first.fingerprint.empty() && !stale.contains({first.folder, path})) {
      gone_by_size.emplace(first.size, &places);
    }
  }
  const auto find_vanished = [&](const std::string& path, std::uint64_t size) {
    std::vector<std::vector<store::Placement>> candidates;
    const std::string name = last_component(path);
    const auto [begin, end] = gone_by_size.equal_range(size);
    for (auto candidate = begin; candidate != end; ++candidate) {
      const std::string old_path = base_uid(candidate->second->front()->uid);
      // Another extension may mean another reader.
      if (extension_of(old_path) != extension_of(path)) continue;
      std::vector<store::Placement> places;
      for (const store::Placement* place : *candidate->second) places.push_back(*place);
      // When a folder was renamed, each file finds the one of its own name.
      const bool same_name = last_component(old_path) == name;
      candidates.insert(same_name ? candidates.begin() : candidates.end(), std::move(places));
    }
    return candidates;
  };

  std::vector<Task> unread;
  std::set<std::string> paths;
  std::int64_t unchanged = 0;
  std::int64_t files_done = 0;
  for (const auto& [path, file] : listing.files) {
    paths.insert(path);
    if (const auto* entry = cursor.skipped.find(path, file.state)) {
      ++files_done;
      if (!entry->code.empty()) {
        ++report.failed;
        report.note(path, {entry->code, entry->parameters});
      }
      continue;
    }
    Task task;
    const auto found = known.find(path);
    const bool expand = expand_again && extension_of(path) == ".ics";
    if (found == known.end()) {
      if (!expand) task.vanished = find_vanished(path, file.state.size);
    } else {
      const bool again = stale.contains({file.folder, path}) || expand;
      const store::Placement& placement = *found->second.front();
      if (!again && placement.size == file.state.size &&
          placement.modified == file.state.modified && !placement.fingerprint.empty()) {
        unchanged += static_cast<std::int64_t>(found->second.size());
        ++files_done;
        continue;
      }
      for (const store::Placement* one : found->second) {
        task.known.push_back(*one);
        if (again) task.known.back().fingerprint.clear();
      }
    }
    task.path = root + "/" + path;
    task.name = last_component(path);
    task.relative_path = path;
    task.key = path;
    task.modified = file.state.modified;
    task.placement.source = context.source.id;
    task.placement.folder = file.folder;
    task.placement.uid = path;
    task.placement.path = task.path;
    task.placement.size = file.state.size;
    task.placement.modified = settled(file.state.modified);
    unread.push_back(std::move(task));
  }
  cursor.skipped.keep_only(paths);

  Pipeline pipeline(context, report, cursor.skipped);
  pipeline.expect(static_cast<std::int64_t>(listing.files.size()));
  pipeline.advance(files_done);
  report.unchanged += unchanged;
  for (Task& task : unread) TRY(pipeline.add(std::move(task)));
  TRY(pipeline.finish());

  std::vector<store::Placement> gone;
  for (const store::Placement& placement : stored) {
    if (is_gone(base_uid(placement.uid)) && !pipeline.was_moved(placement)) {
      gone.push_back(placement);
    }
  }
  if (!gone.empty()) {
    TRY_ASSIGN(const std::int64_t removed, context.store.forget(gone));
    report.removed += removed;
  }
  cursor.root = root_state;
  cursor.horizon = now;
  TRY(context.store.save_sync(context.source.id, cursor.text(), ""));
  return report;
}

std::vector<std::string> watch(const store::Source& source) { return {source.location}; }

bool unwatched(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name != ignore_file &&
         (is_noise(name, EntryKind::folder) || is_noise(name, EntryKind::file));
}

}  // namespace

SourceType source_type() { return {"folder", &describe, &sync, &watch, &unwatched}; }

}  // namespace lar::sources::folder
