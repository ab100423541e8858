// A calendar file as a source: which files it takes and where they end.
// Everything happens in collection.cc.
#include "sources/ics/ics.h"

#include "sources/collection.h"

namespace lar::sources::ics {

namespace {

constexpr CollectionType type{"ics",           "text/calendar",         "BEGIN:VCALENDAR",
                              "END:VCALENDAR", "source.not_a_calendar", "ics.truncated"};

base::Result<store::Source> describe(const Description& description) {
  return describe_collection(type, description.location, description.name);
}

base::Result<SyncReport> sync(SyncContext& context) { return sync_collection(type, context); }

}  // namespace

SourceType source_type() { return {"ics", &describe, &sync, &watch_collection, nullptr}; }

}  // namespace lar::sources::ics
