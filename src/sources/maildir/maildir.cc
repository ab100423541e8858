// Maildir: list, compare with what is stored, read what is new. A mail's place is (folder, base
// name); its bytes never change, so size and time tell whether it is known; flags come from its
// name. A mail found under a new place whose bytes lie elsewhere already gets that place without
// being read. Runs on the thread of its source.
#include "sources/maildir/maildir.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <unordered_map>

#include "sources/cursor.h"
#include "sources/files.h"
#include "sources/maildir/names.h"
#include "sources/pipeline.h"

namespace lar::sources::maildir {

namespace {

using base::ErrorKind;
using base::Status;

constexpr int deepest = 12;

bool is_folder(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool holds_mail(const std::string& path) {
  return is_folder(path + "/cur") || is_folder(path + "/new");
}

struct Mail {
  std::string path;
  std::string folder;
  MailName name;
  FileState state;
};

// Unix seconds: base names begin with them, and keep them when files are copied.
base::Microseconds delivered_at(const Mail& mail) {
  base::Microseconds seconds = 0;
  const std::string& base = mail.name.base;
  const auto parsed = std::from_chars(base.data(), base.data() + base.size(), seconds);
  return parsed.ec == std::errc() ? seconds : mail.state.modified / base::one_second;
}

struct Listing {
  std::map<PlacementKey, Mail> mails;
  Incomplete incomplete;  // of shown folder names, without parents
  std::set<std::string> mounts;
};

class Lister {
 public:
  Lister(const std::string& root, SyncReport& report, std::stop_token stop)
      : root_(root), report_(report), stop_(std::move(stop)) {}

  Status list(const RootState& state, Listing& listing) {
    return walk("", state.device, 0, listing);
  }

 private:
  Status walk(const std::string& relative, std::uint64_t parent_device, int depth,
              Listing& listing) {
    if (stop_.stop_requested()) return fail_cancelled();
    const std::string path = relative.empty() ? root_ : root_ + "/" + relative;
    struct stat status{};
    const Folder folder = open_folder(path);
    if (!folder || ::fstat(::dirfd(folder.get()), &status) != 0) {
      if (relative.empty()) return fail_unreachable(path);
      return skip(relative, listing);
    }
    if (static_cast<std::uint64_t>(status.st_dev) != parent_device) listing.mounts.insert(relative);
    std::vector<std::string> below;
    bool has_new = false;
    bool has_cur = false;
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == ".." || name == "tmp") continue;
      if (name == "new" || name == "cur") {
        (name == "new" ? has_new : has_cur) = is_folder(path + "/" + std::string(name));
        continue;
      }
      if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) continue;
      struct stat own{};
      if (::fstatat(::dirfd(folder.get()), entry->d_name, &own, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISDIR(own.st_mode)) {
        below.emplace_back(name);
      }
      errno = 0;
    }
    if (errno != 0) {
      if (relative.empty()) return fail_unreachable(path);
      TRY(skip(relative, listing));
    }
    const std::string shown = folder_name(relative);
    // First new, then cur: a mail that is moved meanwhile is seen twice rather than never.
    if (has_new) list_mails(path + "/new", relative, shown, listing);
    if (has_cur) list_mails(path + "/cur", relative, shown, listing);
    std::sort(below.begin(), below.end());
    if (depth < deepest) {
      for (const std::string& name : below) {
        TRY(walk(join(relative, name), static_cast<std::uint64_t>(status.st_dev), depth + 1,
                 listing));
      }
    }
    return {};
  }

  Status skip(const std::string& relative, Listing& listing) {
    listing.incomplete.add(folder_name(relative));
    report_.note(relative, {"folder.unreadable", {{"path", relative}}});
    return {};
  }

  void list_mails(const std::string& path, const std::string& relative, const std::string& shown,
                  Listing& listing) {
    const Folder folder = open_folder(path);
    if (!folder) {
      listing.incomplete.add(shown);
      report_.note(relative, {"folder.unreadable", {{"path", path}}});
      return;
    }
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      if (entry->d_name[0] != '.') {
        struct stat status{};
        if (::fstatat(::dirfd(folder.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
          Mail mail{path + "/" + entry->d_name, shown, parse_mail_name(entry->d_name),
                    state_of(status)};
          PlacementKey key{shown, mail.name.base};
          listing.mails.insert_or_assign(std::move(key), std::move(mail));
        }
      }
      errno = 0;
    }
    if (errno != 0) listing.incomplete.add(shown);
  }

  const std::string& root_;
  SyncReport& report_;
  std::stop_token stop_;
};

base::Result<store::Source> describe(const Description& description) {
  TRY_ASSIGN(const std::string path, resolve(description.location));
  if (!is_folder(path)) {
    return base::fail(ErrorKind::invalid_input, "source.not_a_maildir",
                      {{"path", description.location}});
  }
  const Folder folder = open_folder(path);
  if (!folder) return base::fail_errno(errno, path, "open");
  // A Maildir, or a folder of Maildirs as mbsync and offlineimap make them.
  bool found = holds_mail(path);
  std::vector<std::pair<std::string, int>> waiting{{path, 0}};
  for (std::size_t i = 0; i < waiting.size() && !found && waiting.size() < 2000; ++i) {
    const auto [at, depth] = waiting[i];
    const Folder below = open_folder(at);
    if (!below) continue;
    while (const dirent* entry = ::readdir(below.get())) {
      const std::string_view entry_name = entry->d_name;
      if (entry_name == "." || entry_name == ".." || entry->d_type == DT_REG) continue;
      const std::string child = at + "/" + entry->d_name;
      struct stat status{};
      if (::lstat(child.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
      if (holds_mail(child)) {
        found = true;
        break;
      }
      if (depth < 3) waiting.emplace_back(child, depth + 1);
    }
  }
  if (!found) {
    return base::fail(ErrorKind::invalid_input, "source.not_a_maildir",
                      {{"path", description.location}});
  }
  store::Source source;
  source.kind = "maildir";
  source.name = description.name.empty() ? last_component(path) : description.name;
  source.location = path;
  return source;
}

// A mail moved while the folders were listed one after the other may appear in none of them. So
// before anything is removed the folders are listed again, and what shows up now stays.
Status keep_what_moved(SyncContext& context, const std::string& root, const RootState& root_state,
                       const Listing& listing, std::vector<store::Placement>& gone) {
  SyncReport unused;
  Listing again;
  TRY(Lister(root, unused, context.stop).list(root_state, again));
  std::set<std::string, std::less<>> appeared;
  for (const auto& [key, mail] : again.mails) {
    if (!listing.mails.contains(key)) appeared.emplace(lasting_name(key.second));
  }
  std::erase_if(gone, [&](const store::Placement& placement) {
    const std::string base = base_uid(placement.uid);
    return appeared.contains(lasting_name(base)) || again.mails.contains({placement.folder, base});
  });
  return {};
}

base::Result<SyncReport> sync(SyncContext& context) {
  SyncReport report;
  const std::string& root = context.source.location;
  TRY_ASSIGN(RootState root_state, look_at_root(root));
  FolderCursor cursor = FolderCursor::parse(context.source.cursor, context.reading);

  Listing listing;
  TRY(Lister(root, report, context.stop).list(root_state, listing));
  root_state.mounts = listing.mounts;
  for (const std::string& mount : cursor.root.mounts) {
    if (listing.mounts.contains(mount)) continue;
    listing.incomplete.add(folder_name(mount));
    root_state.mounts.insert(mount);
    report.note(mount, {"source.mount_missing", {{"path", mount}}});
  }

  TRY_ASSIGN(const auto stored, context.store.placements(context.source.id));
  if (listing.mails.empty() && !stored.empty() &&
      !(cursor.root.known() && cursor.root.same_folder(root_state))) {
    return fail_unreachable(root);  // an empty folder where the mailbox was mounted
  }
  TRY_ASSIGN(const auto stale, outdated(context));

  std::map<PlacementKey, std::vector<const store::Placement*>> known;
  // By what a mail keeps when it is moved: its name, or (mbsync renames) its size and time.
  std::unordered_multimap<std::string, const store::Placement*> by_name;
  std::multimap<std::pair<std::uint64_t, base::Microseconds>, const store::Placement*> by_state;
  for (const store::Placement& placement : stored) {
    const std::string base = base_uid(placement.uid);
    known[{placement.folder, base}].push_back(&placement);
    if (base == placement.uid) {
      by_name.emplace(lasting_name(base), &placement);
      by_state.emplace(std::pair(placement.size, placement.modified), &placement);
    }
  }

  std::vector<const Mail*> unread;
  std::set<std::string> keys;
  std::int64_t unchanged = 0;
  for (const auto& [key, mail] : listing.mails) {
    const std::string skip_key = join(key.first, key.second);
    keys.insert(skip_key);
    const auto found = known.find(key);
    if (const auto* entry = cursor.skipped.find(skip_key, mail.state)) {
      if (entry->code.empty()) {
        ++unchanged;
      } else {
        ++report.failed;
        report.note(skip_key, {entry->code, entry->parameters});
      }
      continue;
    }
    if (found == known.end() || stale.contains(key) ||
        found->second.front()->size != mail.state.size ||
        found->second.front()->modified != mail.state.modified ||
        found->second.front()->fingerprint.empty()) {
      unread.push_back(&mail);
      continue;
    }
    bool moved = false;
    for (const store::Placement* placement : found->second) {
      if (placement->flags == mail.name.flags) continue;
      store::Placement updated = *placement;
      updated.flags = mail.name.flags;
      TRY(context.store.update_placement(updated));
      moved = true;
    }
    moved ? ++report.changed : ++unchanged;
  }
  cursor.skipped.keep_only(keys);

  // Oldest first: a mail is stored before the ones that answer it.
  std::sort(unread.begin(), unread.end(), [](const Mail* a, const Mail* b) {
    return std::tuple(delivered_at(*a), std::tie(a->folder, a->name.base)) <
           std::tuple(delivered_at(*b), std::tie(b->folder, b->name.base));
  });

  Pipeline pipeline(context, report, cursor.skipped);
  pipeline.expect(static_cast<std::int64_t>(listing.mails.size()));
  pipeline.pass(unchanged);
  pipeline.advance(static_cast<std::int64_t>(listing.mails.size() - unread.size()) - unchanged);
  const auto save = [&]() -> Status {
    cursor.root = root_state;
    cursor.horizon = horizon();
    return context.store.save_sync(context.source.id, cursor.text(), "");
  };
  for (const Mail* mail : unread) {
    Task task;
    task.path = mail->path;
    task.name = "mail.eml";
    task.media_type = "message/rfc822";
    task.relative_path = join(mail->folder, mail->name.base);
    task.key = task.relative_path;
    task.modified = mail->state.modified;
    task.keep = Keep::original;
    task.placement.source = context.source.id;
    task.placement.folder = mail->folder;
    task.placement.uid = mail->name.base;
    task.placement.flags = mail->name.flags;
    task.placement.size = mail->state.size;
    task.placement.modified = mail->state.modified;
    const PlacementKey key{mail->folder, mail->name.base};
    const bool reread = stale.contains(key);
    if (const auto found = known.find(key); found != known.end()) {
      for (const store::Placement* placement : found->second) task.known.push_back(*placement);
      if (reread) {
        for (store::Placement& placement : task.known) placement.fingerprint.clear();
      }
    } else {
      const auto offer = [&](const store::Placement* placement) {
        if (placement->size == mail->state.size && !placement->fingerprint.empty() &&
            !stale.contains({placement->folder, base_uid(placement->uid)})) {
          task.elsewhere.push_back(*placement);
        }
      };
      const auto same_name = by_name.equal_range(std::string(lasting_name(mail->name.base)));
      for (auto it = same_name.first; it != same_name.second; ++it) offer(it->second);
      const auto same_state = by_state.equal_range({mail->state.size, mail->state.modified});
      for (auto it = same_state.first; it != same_state.second; ++it) offer(it->second);
    }
    TRY(pipeline.add(std::move(task)));
  }
  TRY(pipeline.finish());

  std::vector<store::Placement> gone;
  for (const store::Placement& placement : stored) {
    if (!listing.mails.contains({placement.folder, base_uid(placement.uid)}) &&
        !listing.incomplete.covers(placement.folder)) {
      gone.push_back(placement);
    }
  }
  if (!gone.empty()) {
    TRY(keep_what_moved(context, root, root_state, listing, gone));
    TRY_ASSIGN(const std::int64_t removed, context.store.forget(gone));
    report.removed += removed;
  }
  TRY(save());
  return report;
}

std::vector<std::string> watch(const store::Source& source) { return {source.location}; }

// Half-written mails, and what servers and synchronisers keep beside the mails for themselves.
bool unwatched(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "tmp" || name == "maildirsize" || name.starts_with("dovecot") ||
         name.starts_with(".mbsyncstate") || name.starts_with(".isyncuidmap");
}

}  // namespace

SourceType source_type() { return {"maildir", &describe, &sync, &watch, &unwatched}; }

}  // namespace lar::sources::maildir
