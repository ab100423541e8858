// A calendar file (RFC 5545): one file, many events and tasks.
#pragma once

#include "sources/source.h"

namespace lar::sources::ics {

SourceType source_type();

}  // namespace lar::sources::ics
