// A calendar somebody publishes at an address (https:// or webcal://): fetched anew now and then,
// read-only.
#pragma once

#include "sources/source.h"

namespace lar::sources::subscription {

SourceType source_type();

}  // namespace lar::sources::subscription
