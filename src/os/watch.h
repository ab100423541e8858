// Watching files and folders for changes: inotify, recursive, with a pause so that many changes
// come as one; where the system's limits on watches do not suffice, by looking again every few
// seconds.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lar::os {

enum class WatchMode { notified, polling };

struct WatchOptions {
  // A change is reported when nothing further has happened for this long …
  std::chrono::milliseconds debounce{500};
  // … or this long after it, where things keep happening.
  std::chrono::milliseconds longest_delay{5'000};
  // How often to look where the system does not tell: polling, and roots that do not exist.
  std::chrono::milliseconds poll_interval{5'000};
  // Folders not to descend into, and files whose changes do not matter. May be empty.
  std::function<bool(std::string_view path)> unwatched;
  // More watches than this are not asked of the system (0: as many as it gives).
  std::size_t most_watches = 0;
};

enum class Extent {
  named,  // exactly `paths` changed
  all     // anything may have: events were lost, or folders came or went
};

struct Changes {
  Extent extent = Extent::named;
  std::vector<std::string> paths;  // files that changed, appeared or went; each once
};

// Watches `roots` (folders with all below them, or files) until `stop`, and calls `changed` from
// the calling thread, never for what happened before the call. `ready` (may be empty) is called
// when watching has begun, and again when its mode changes. A root may be absent and come later, be
// replaced or be unmounted: each of these is a change. Files may be replaced by renaming others
// over them. Errors: file.system, when the system gives not even a timer.
base::Status watch(const std::vector<std::string>& roots, const WatchOptions& options,
                   const std::function<void(const Changes&)>& changed,
                   const std::function<void(WatchMode)>& ready, std::stop_token stop);

}  // namespace lar::os
