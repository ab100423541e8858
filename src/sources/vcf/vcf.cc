// A file of contacts as a source: which files it takes and where they end.
// Everything happens in collection.cc.
#include "sources/vcf/vcf.h"

#include "sources/collection.h"

namespace lar::sources::vcf {

namespace {

base::Result<store::Source> describe(const Description& description) {
  return describe_collection(contacts_file, description.location, description.name);
}

base::Result<SyncReport> sync(SyncContext& context) {
  return sync_collection(contacts_file, context);
}

}  // namespace

SourceType source_type() { return {"vcf", &describe, &sync, &watch_collection, nullptr}; }

}  // namespace lar::sources::vcf
