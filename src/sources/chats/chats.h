// Conversations exported by chat programs, as files: WhatsApp (a text, or a zip with media) and
// Telegram (result.json). An export made again over the old one, or beside it, brings what is new
// and doubles nothing; what a later export no longer goes back to stays.
#pragma once

#include "sources/source.h"

namespace lar::sources::chats {

SourceType whatsapp();
SourceType telegram();

}  // namespace lar::sources::chats
