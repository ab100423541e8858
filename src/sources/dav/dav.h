// Calendars (CalDAV, RFC 4791) and address books (CardDAV, RFC 6352) at a server, two-way: changes
// come by sync tokens (RFC 6578) or by comparing ETags, and go with If-Match, so that no version
// overwrites one that lar has not seen.
#pragma once

#include "sources/source.h"

namespace lar::sources::dav {

SourceType caldav_type();
SourceType carddav_type();

}  // namespace lar::sources::dav
