// Mail at a server, over IMAP, both ways: new mail, flags, moves and deletions come in; what the
// owner has approved goes out. Settings (JSON): host, port, tls ("implicit", "starttls", "none"),
// user, folders (names; empty: all but bin, spam and virtual ones), spam (true: that folder too),
// authorities (PEM file), oauth {token_endpoint, client_id, scope}, smtp {host, port, tls};
// own_folders is found at sign-in. The secret is the password, or with oauth a JSON object
// {refresh_token, client_secret}.
#pragma once

#include "sources/source.h"

namespace lar::sources::imap {

SourceType source_type();

}  // namespace lar::sources::imap
