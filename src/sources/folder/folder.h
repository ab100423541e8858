// A folder of documents: every file below it that some reader can read, ignore patterns apart.
#pragma once

#include "sources/source.h"

namespace lar::sources::folder {

SourceType source_type();

}  // namespace lar::sources::folder
