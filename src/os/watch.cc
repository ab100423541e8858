// inotify(7). Watches belong to folders; a root that is a file is watched through its folder,
// because programs replace files by renaming. All state lives in one call of watch() on its
// caller's thread; only the stop token reaches in from outside, through an eventfd.
#include "os/watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "os/file.h"

namespace lar::os {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::uint32_t folder_events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MODIFY |
                                        IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
                                        IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR;
constexpr std::size_t most_paths = 1000;  // more at once are reported as Extent::all
constexpr int deepest = 64;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A number that changes when anything below the roots does: names, sizes, times, identities.
class TreeSum {
 public:
  TreeSum(const WatchOptions& options, const std::stop_token& stop)
      : options_(options), stop_(stop) {}

  void add(const std::string& path, int depth = 0) {
    struct stat status{};
    if (stop_.stop_requested() || ::lstat(path.c_str(), &status) != 0) return;
    if (depth > 0 && options_.unwatched && options_.unwatched(path)) return;
    std::uint64_t sum = std::hash<std::string>{}(path);
    mix(sum, status.st_ino);
    mix(sum, status.st_mode);
    mix(sum, static_cast<std::uint64_t>(status.st_mtim.tv_sec) * 1'000'000'000u +
                 static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
    if (!S_ISDIR(status.st_mode)) mix(sum, static_cast<std::uint64_t>(status.st_size));
    sum_ += sum;  // in any order, because readdir promises none
    if (S_ISDIR(status.st_mode) && depth < deepest) {
      const Folder folder(::opendir(path.c_str()));
      if (!folder) return;
      while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") add(path + "/" + entry->d_name, depth + 1);
      }
    }
  }

  std::uint64_t value() const { return sum_; }

 private:
  static void mix(std::uint64_t& entry, std::uint64_t value) {
    entry = (entry ^ value) * 0x9E3779B97F4A7C15u;
    entry ^= entry >> 29;
  }

  const WatchOptions& options_;
  const std::stop_token& stop_;
  std::uint64_t sum_ = 0;
};

class Watch {
 public:
  Watch(const std::vector<std::string>& roots, const WatchOptions& options,
        const std::function<void(const Changes&)>& changed,
        const std::function<void(WatchMode)>& ready, std::stop_token stop)
      : roots_(roots),
        options_(options),
        changed_(changed),
        ready_(ready),
        stop_(std::move(stop)) {}

  base::Status run() {
    wake_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.valid()) return base::fail_errno(errno, "eventfd", "watch");
    const std::stop_callback wake(stop_, [this] {
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t put = ::write(wake_.get(), &one, sizeof one);
    });
    start();
    while (!stop_.stop_requested()) {
      wait();
      if (stop_.stop_requested()) break;
      if (mode_ == WatchMode::notified) read_events();
      look_again();
      report();
    }
    return {};
  }

 private:
  void start() {
    inotify_ = Descriptor(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_.valid()) {
      fall_back();
    } else {
      for (const std::string& root : roots_) add_root(root);
    }
    if (mode_ == WatchMode::notified && ready_) ready_(mode_);
    started_ = true;
    next_look_ = Steady::now() + options_.poll_interval;
  }

  // ---- inotify ----

  void add_root(const std::string& root) {
    struct stat status{};
    if (::stat(root.c_str(), &status) != 0) {
      absent_.insert(root);
      return;
    }
    absent_.erase(root);
    if (S_ISDIR(status.st_mode)) {
      identities_[root] = {status.st_dev, status.st_ino};
      add_folder(root, 0);
    } else {
      const std::string folder = parent_of(root);
      const int number = add_watch(folder);
      if (number >= 0) files_[number].insert(root);
    }
  }

  int add_watch(const std::string& folder) {
    if (options_.most_watches != 0 && folders_.size() >= options_.most_watches) {
      fall_back();
      return -1;
    }
    const int number = ::inotify_add_watch(inotify_.get(), folder.c_str(), folder_events);
    if (number < 0) {
      // ENOSPC: the user's watches are used up. A folder that has gone or may not be listed is no
      // loss.
      if (errno == ENOSPC || errno == ENOMEM) fall_back();
      return -1;
    }
    folders_[number] = folder;
    return number;
  }

  void add_folder(const std::string& path, int depth) {
    if (mode_ == WatchMode::polling || stop_.stop_requested() || depth > deepest) return;
    if (depth > 0 && options_.unwatched && options_.unwatched(path)) return;
    const int number = add_watch(path);
    if (number < 0) return;
    trees_.insert(number);
    const Folder folder(::opendir(path.c_str()));
    if (!folder) return;
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == ".." || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) {
        continue;
      }
      struct stat status{};
      if (::fstatat(::dirfd(folder.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISDIR(status.st_mode)) {
        add_folder(path + "/" + entry->d_name, depth + 1);
      }
    }
  }

  void read_events() {
    alignas(inotify_event) std::array<char, 64 << 10> buffer;
    for (;;) {
      const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
      if (got <= 0) return;
      for (ssize_t at = 0; at < got;) {
        inotify_event event;
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* name = buffer.data() + at + sizeof event;
        take(event, event.len > 0 ? std::string(name) : std::string());
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
      if (mode_ == WatchMode::polling) return;
    }
  }

  void take(const inotify_event& event, const std::string& name) {
    if (event.mask & IN_Q_OVERFLOW) return note_all();
    const auto found = folders_.find(event.wd);
    if (found == folders_.end()) return;
    const std::string folder = found->second;
    if (event.mask & IN_IGNORED) {
      forget(event.wd);
      return;
    }
    if (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
      for (const std::string& root : roots_) {
        if (root == folder || parent_of(root) == folder) absent_.insert(root);
      }
      if (event.mask & IN_MOVE_SELF) {
        // Its path no longer holds; the folder it went to reports it if that is watched.
        ::inotify_rm_watch(inotify_.get(), event.wd);
        forget(event.wd);
      }
      return note_all();
    }
    const std::string path = folder + "/" + name;
    const auto files = files_.find(event.wd);
    const bool is_root = files != files_.end() && files->second.contains(path);
    if (!is_root && !trees_.contains(event.wd)) return;
    if (name.empty()) return note_all();  // the folder's own attributes
    if (options_.unwatched && !is_root && options_.unwatched(path)) return;
    if ((event.mask & IN_ISDIR) != 0) {
      if (event.mask & (IN_CREATE | IN_MOVED_TO)) add_folder(path, 1);
      if (event.mask & IN_MOVED_FROM) drop_below(path);
      // Files may lie in it already, and may have lain in it before it went.
      return note_all();
    }
    note(path);
  }

  void forget(int number) {
    folders_.erase(number);
    trees_.erase(number);
    files_.erase(number);
  }

  void drop_below(const std::string& path) {
    std::vector<int> numbers;
    for (const auto& [number, folder] : folders_) {
      if (folder == path || folder.starts_with(path + "/")) numbers.push_back(number);
    }
    for (const int number : numbers) {
      ::inotify_rm_watch(inotify_.get(), number);
      forget(number);
    }
  }

  // ---- polling ----

  void fall_back() {
    if (mode_ == WatchMode::polling) return;
    mode_ = WatchMode::polling;
    inotify_.close();
    folders_.clear();
    trees_.clear();
    files_.clear();
    sum_ = sum();
    if (ready_) ready_(mode_);
    // What happened between the last event and the first look is not known.
    if (started_) note_all();
  }

  std::uint64_t sum() const {
    TreeSum all(options_, stop_);
    for (const std::string& root : roots_) all.add(root);
    return all.value();
  }

  // What the system does not tell: everything while polling; otherwise whether absent roots have
  // come and whether another folder lies where a root was (a mount).
  void look_again() {
    if (Steady::now() < next_look_) return;
    if (mode_ == WatchMode::polling) {
      const std::uint64_t now = sum();
      if (now != sum_) note_all();
      sum_ = now;
    } else {
      for (const std::string& root : roots_) {
        struct stat status{};
        if (::stat(root.c_str(), &status) != 0) {
          if (absent_.insert(root).second) note_all();
          continue;
        }
        const auto identity = identities_.find(root);
        const bool other = S_ISDIR(status.st_mode) && identity != identities_.end() &&
                           identity->second != std::pair(status.st_dev, status.st_ino);
        if (other) drop_below(root);
        if (other || absent_.contains(root)) {
          add_root(root);
          note_all();
        }
        if (mode_ == WatchMode::polling) break;
      }
    }
    next_look_ = Steady::now() + options_.poll_interval;
  }

  // ---- reporting ----

  void note(const std::string& path) {
    touch();
    if (changes_.extent == Extent::all) return;
    if (paths_.insert(path).second && paths_.size() > most_paths) note_all();
  }

  void note_all() {
    touch();
    changes_.extent = Extent::all;
    paths_.clear();
  }

  void touch() {
    last_event_ = Steady::now();
    if (!first_event_) first_event_ = last_event_;
  }

  Steady::time_point report_at() const {
    return std::min(last_event_ + options_.debounce, *first_event_ + options_.longest_delay);
  }

  void report() {
    if (!first_event_ || Steady::now() < report_at()) return;
    changes_.paths.assign(paths_.begin(), paths_.end());
    first_event_.reset();
    paths_.clear();
    const Changes changes = std::exchange(changes_, {});
    changed_(changes);
  }

  void wait() {
    Steady::time_point until = next_look_;
    if (first_event_) until = std::min(until, report_at());
    const auto left =
        std::chrono::duration_cast<milliseconds>(until - Steady::now()) + milliseconds(1);
    std::array<pollfd, 2> waiting{{{wake_.get(), POLLIN, 0}, {inotify_.get(), POLLIN, 0}}};
    const nfds_t count = mode_ == WatchMode::notified ? 2 : 1;
    ::poll(waiting.data(), count, static_cast<int>(std::clamp<long>(left.count(), 0, 60'000)));
  }

  const std::vector<std::string>& roots_;
  const WatchOptions& options_;
  const std::function<void(const Changes&)>& changed_;
  const std::function<void(WatchMode)>& ready_;
  std::stop_token stop_;

  WatchMode mode_ = WatchMode::notified;
  Descriptor wake_;
  Descriptor inotify_;
  std::map<int, std::string> folders_;  // path of each watched folder
  std::set<int> trees_;                 // those whose every entry matters
  std::map<int, std::set<std::string>>
      files_;  // roots that are files, by the watch of their folder
  std::map<std::string, std::pair<dev_t, ino_t>> identities_;
  std::set<std::string> absent_;
  bool started_ = false;
  std::uint64_t sum_ = 0;
  Steady::time_point next_look_;

  Changes changes_;
  std::set<std::string> paths_;
  std::optional<Steady::time_point> first_event_;
  Steady::time_point last_event_;
};

}  // namespace

base::Status watch(const std::vector<std::string>& roots, const WatchOptions& options,
                   const std::function<void(const Changes&)>& changed,
                   const std::function<void(WatchMode)>& ready, std::stop_token stop) {
  return Watch(roots, options, changed, ready, std::move(stop)).run();
}

}  // namespace lar::os
