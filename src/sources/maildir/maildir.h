// Maildir and Maildir++ (cr.yp.to/proto/maildir.html, the Courier extension for subfolders): every
// mail is a file of its own. lar only reads: no file is renamed, marked or removed.
#pragma once

#include "sources/source.h"

namespace lar::sources::maildir {

SourceType source_type();

}  // namespace lar::sources::maildir
