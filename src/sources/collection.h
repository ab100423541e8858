// A source that is one file of many items (a calendar, an address book): the file is read as a
// whole when it changed, and only the items that differ are recorded.
#pragma once

#include <string>
#include <string_view>

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

base::Result<store::Source> describe_collection(const CollectionType& type,
                                                const std::string& location,
                                                const std::string& name);
base::Result<SyncReport> sync_collection(const CollectionType& type, SyncContext& context);
std::vector<std::string> watch_collection(const store::Source& source);

}  // namespace lar::sources
