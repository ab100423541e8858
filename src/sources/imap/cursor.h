// What an IMAP source remembers between syncs: of each mailbox how far it was seen. Everything else
// stands in the store's placements.
//
// Plain values; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sources/imap/session.h"
#include "sources/pipeline.h"

namespace lar::sources::imap {

struct FolderState {
  MailboxStatus seen;                  // all of this is in the store
  base::Microseconds compared = 0;     // when the flags of all mails were last compared
  std::vector<std::uint32_t> pending;  // mails below seen.next that could not be read yet
  // So much was gone that the server is not believed before it says so again, later; or the list
  // of its mails was not whole, and is not asked for again at once.
  struct Doubt {
    base::Microseconds since = 0;
    MailboxStatus told;  // zeros: the mailbox itself was gone
    bool whole = true;   // the list was whole
    bool operator==(const Doubt&) const = default;
  };
  std::optional<Doubt> doubt;
};

struct Cursor {
  std::map<std::string, FolderState> folders;  // by name
  Skipped skipped;
  std::string readers;  // with which it was made

  // One that cannot be understood counts as none.
  static Cursor parse(const std::string& text, const reading::ReadingService& reading);
  std::string text() const;
};

// How long a mailbox has to stay (almost) empty before its mails are given up.
inline constexpr base::Microseconds doubt_lasts = 10 * 60 * base::one_second;
// How often flags are compared where the server does not count changes.
inline constexpr base::Microseconds compare_every = 10 * 60 * base::one_second;

// Whether a mailbox has to be looked into, by what STATUS says. Null: never seen.
bool needs_look(const FolderState* state, const MailboxStatus& status);
// The same for one that is missing from the list.
bool needs_look_at_missing(const FolderState& state);

// The uid of a placement, "1716900000.42": UIDVALIDITY and UID.
std::string uid_text(std::uint32_t validity, std::uint32_t uid);
struct MailUid {
  std::uint32_t validity = 0;
  std::uint32_t uid = 0;
};
// Also of the uids that the pipeline makes for several items of one mail.
std::optional<MailUid> parse_uid(std::string_view text);

}  // namespace lar::sources::imap
