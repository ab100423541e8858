// A calendar file as a source: which files it takes and where they end.
// Everything happens in collection.cc.
#include "sources/ics/ics.h"

#include "sources/collection.h"

namespace lar::sources::ics {

namespace {

base::Result<store::Source> describe(const Description& description) {
  return describe_collection(calendar_file, description.location, description.name);
}

base::Result<SyncReport> sync(SyncContext& context) {
  return sync_collection(calendar_file, context);
}

}  // namespace

SourceType source_type() { return {"ics", &describe, &sync, &watch_collection, nullptr}; }

}  // namespace lar::sources::ics
