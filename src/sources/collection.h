// A source that is one file of many items (a calendar, an address book): the file is read as a
// whole when it changed, and only the items that differ are recorded.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sources/pipeline.h"
#include "sources/source.h"

namespace lar::sources {

struct CollectionType {
  std::string_view kind;  // "ics"
  std::string_view media_type;
  std::string_view first_line;  // "BEGIN:VCALENDAR": what such a file opens with
  std::string_view last_line;   // "END:VCALENDAR": a file without it at its end is cut short
  std::string_view wrong_code;  // error where `first_line` is not found
  std::string_view cut_code;    // notice where `last_line` is not found
};
extern const CollectionType calendar_file;
extern const CollectionType contacts_file;

// Whether the first line that is not blank is the one such files open with.
bool opens_properly(const CollectionType& type, std::string_view bytes);

// The text of a collection, wherever it came from.
struct CollectionText {
  std::string_view bytes;
  std::string name;  // for people
  std::string path;  // of a local file, else empty
  base::Microseconds modified = 0;
  domain::Origin origin = domain::Origin::own_data;
  std::size_t most_items = 1'000'000;  // what comes after them is left out
};
struct CollectionOutcome {
  bool cut_off = false;  // the end is missing: what is not there may still come
  std::vector<std::pair<std::string, domain::Notice>> notices;  // at most SyncReport::most_notices
};
// Reads it and records what differs; what it holds no longer goes, unless it was cut short.
// `stale`: what must be recorded although it looks the same. Counts into `report`.
base::Result<CollectionOutcome> record_collection(const CollectionType& type, SyncContext& context,
                                                  const CollectionText& text,
                                                  const std::vector<store::Placement>& stored,
                                                  const std::set<PlacementKey>& stale,
                                                  SyncReport& report);

base::Result<store::Source> describe_collection(const CollectionType& type,
                                                const std::string& location,
                                                const std::string& name);
base::Result<SyncReport> sync_collection(const CollectionType& type, SyncContext& context);
std::vector<std::string> watch_collection(const store::Source& source);

}  // namespace lar::sources
