// Sources bring the outside in: a mailbox, a folder, a calendar file. Each lives in its own folder
// with one SourceType and one line in registry.cc. They emit domain values through the Reading
// service into the store and know nothing of the flows above.
//
// The interface is made for remote two-way sources too (IMAP, CalDAV): a cursor of the source's
// own, incremental pulls, changes pushed back by a method to come beside `sync`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "reading/reading_service.h"
#include "store/store.h"

namespace lar::sources {

struct SyncProgress {
  std::int64_t done = 0;
  std::int64_t total = 0;  // 0 while unknown
};

struct SyncReport {
  std::int64_t added = 0, changed = 0, removed = 0, unchanged = 0, failed = 0;
  // What was read with a problem or not at all: code, parameters and the external id or path.
  std::vector<std::pair<std::string, domain::Notice>> notices;  // at most most_notices

  static constexpr std::size_t most_notices = 200;
  void note(std::string about, domain::Notice notice);
};

// What a sync works with.
struct SyncContext {
  store::Store& store;
  reading::ReadingService& reading;
  store::Source source;  // as stored, with its cursor
  std::function<void(const SyncProgress&)> progress;
  std::stop_token stop;
};

struct SourceType {
  std::string_view kind;  // "maildir"
  // Tests the location at once and gives the source to store (name, absolute location). Errors in
  // plain words: source.not_a_maildir, file.missing …
  base::Result<store::Source> (*describe)(const std::string& location, const std::string& name);
  // Brings the store in line with the source, incrementally; saves its cursor as it goes, so that a
  // killed sync loses nothing and a second one touches only what changed.
  base::Result<SyncReport> (*sync)(SyncContext& context);
  // Paths to watch for changes; empty for remote ones.
  std::vector<std::string> (*watch)(const store::Source& source);
  // True for a file or folder whose changes never matter (a Maildir's tmp, node_modules): it is not
  // watched. May be null.
  bool (*unwatched)(std::string_view path);
};

std::span<const SourceType> registry();
const SourceType* find_source_type(std::string_view kind);

}  // namespace lar::sources
