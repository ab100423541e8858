// mbox files (RFC 4155, and the mboxo and mboxrd habits of quoting "From "): many mails in one
// file. lar only reads, without locking.
#pragma once

#include "sources/source.h"

namespace lar::sources::mbox {

SourceType source_type();

}  // namespace lar::sources::mbox
