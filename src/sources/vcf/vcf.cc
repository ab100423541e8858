// A file of contacts as a source: which files it takes and where they end.
// Everything happens in collection.cc.
#include "sources/vcf/vcf.h"

#include "sources/collection.h"

namespace lar::sources::vcf {

namespace {

constexpr CollectionType type{"vcf",       "text/vcard",          "BEGIN:VCARD",
                              "END:VCARD", "source.not_contacts", "vcf.truncated"};

base::Result<store::Source> describe(const Description& description) {
  return describe_collection(type, description.location, description.name);
}

base::Result<SyncReport> sync(SyncContext& context) { return sync_collection(type, context); }

}  // namespace

SourceType source_type() { return {"vcf", &describe, &sync, &watch_collection, nullptr}; }

}  // namespace lar::sources::vcf
