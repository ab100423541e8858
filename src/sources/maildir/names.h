// The names Maildir gives to mails and folders. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace lar::sources::maildir {

// "1700000000.M1P2.host,S=123:2,FS" → base "1700000000.M1P2.host,S=123", flags "FS". The flags are
// those the name states (experimental ":1," states none), sorted, each once.
struct MailName {
  std::string base;
  std::string flags;
};
MailName parse_mail_name(std::string_view file_name);

// The part of a base name that survives a move between folders: mbsync appends ",U=" and the UID
// the mail has in one folder.
std::string_view lasting_name(std::string_view base);

// Folder names as people read them: each component of a relative path starting with a dot is
// Maildir++
// (".Work.Clients" → "Work/Clients"), in modified UTF-7 (RFC 3501, 5.1.3) where that decodes.
std::string folder_name(std::string_view relative_path);

// Modified UTF-7 to UTF-8; the input where it is not well-formed.
std::string decode_modified_utf7(std::string_view text);

}  // namespace lar::sources::maildir
