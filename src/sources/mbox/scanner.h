// Finds the mails of an mbox file without holding more of it than a buffer. No parsing of mails:
// only lines, the few headers mail programs rewrite in place, and whether the last mail looks
// complete.
#pragma once

#include <sodium.h>

#include <array>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lar::sources::mbox {

// How a mail is told again: SHA-256 of its bytes without the From_ line, the blank lines at its
// end, and the header fields mail programs change in place (Status, X-Status, X-Mozilla-Status, …).
using Fingerprint = std::array<unsigned char, 32>;

struct Mail {
  std::uint64_t offset = 0;  // of the From_ line
  std::uint64_t begin = 0;   // [begin, end): the mail, without the blank line that ends it
  std::uint64_t end = 0;
  std::uint64_t line = 0;  // of the From_ line, 1-based
  Fingerprint fingerprint{};
  std::string flags;        // as Maildir writes them, from the status headers
  bool expunged = false;    // deleted, not yet compacted (Thunderbird)
  bool internal = false;    // the mailbox's own bookkeeping (UW IMAP), no mail
  bool headers_end = true;  // false: the file ends inside the headers
  bool cut_off = false;     // the file ends inside it, as far as one can tell
};

struct Scan {
  std::vector<Mail> mails;
  std::uint64_t size = 0;  // bytes looked at, from the start of the file
};

// From `offset`, the start of a From_ line (`line` is its number). Errors: mbox.not_an_mbox if that
// is none, file.*, sync.cancelled.
base::Result<Scan> scan(int descriptor, const std::string& path, std::uint64_t offset,
                        std::uint64_t line, std::stop_token stop);

// True for a line that starts a mail, given that the line before it was blank. `next` is the line
// after it.
bool starts_mail(std::string_view line, std::string_view next);

// The mail as it was sent: one '>' taken from lines of '>'s and "From " (mboxrd).
std::string unquote(std::string&& bytes);

// The fingerprint of a mail's bytes as they lie in the file, [begin, end).
Fingerprint fingerprint_of(std::string_view bytes);

// Takes a mail line by line.
class Fingerprinter {
 public:
  Fingerprinter() { reset(); }
  void reset();
  // A line with its end, or a piece of one; `starts_line` and `ends_line` tell.
  void add(std::string_view text, bool starts_line, bool ends_line);
  Fingerprint finish();

  bool in_headers() const { return in_headers_; }
  // What the headers so far say.
  std::string flags() const;
  bool expunged() const { return expunged_; }
  bool internal() const { return internal_; }
  // False while a multipart body has not come to its closing boundary.
  bool closed() const { return boundary_.empty() || boundary_seen_; }

 private:
  void header_line(std::string_view line);
  void end_header_field();

  crypto_hash_sha256_state state_;
  bool in_headers_ = true;
  bool skipping_ = false;          // inside a header field that does not count
  std::string field_;              // the header field being read, unfolded, at most 2 KB
  std::uint64_t blank_lines_ = 0;  // seen last: they count only if more follows
  std::string flags_;
  std::string boundary_;
  bool boundary_seen_ = false;
  bool expunged_ = false;
  bool internal_ = false;
};

}  // namespace lar::sources::mbox
