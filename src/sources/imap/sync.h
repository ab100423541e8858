// Bringing the store in line with an IMAP account.
#pragma once

#include "sources/imap/account.h"

namespace lar::sources::imap {

base::Result<SyncReport> synchronise(SyncContext& context, const Account& account);

}  // namespace lar::sources::imap
