// A file of contacts (vCard, RFC 6350 and 2426): one file, many people.
#pragma once

#include "sources/source.h"

namespace lar::sources::vcf {

SourceType source_type();

}  // namespace lar::sources::vcf
