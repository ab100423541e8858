// What an IMAP server says (RFC 9051, section 9; RFC 3501), taken apart: one small strict parser
// with a limit on everything. A server may lie about lengths, send lists without end, nest without
// end, or never end a line; the answer to all of that is an error, within bounded memory.
//
// Why our own: the library at hand (libetpan 1.9.4), tried against such servers, dies of two
// million parentheses in one answer and keeps a line without end whole (1.1 GB when we stopped).
// The few answers that lar needs are simpler than the guards around it would be. imap_fuzz.cc
// throws bytes at it.
//
// Pure functions and one class without locks: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lar::sources::imap {

// Part of an answer.
struct Value {
  enum class Kind {
    nil,
    atom,  // also numbers, flags (\Seen) and sections (BODY[HEADER]<0>)
    text,  // quoted or literal
    list
  } kind = Kind::nil;
  std::string text;
  std::vector<Value> items;

  bool is_atom(std::string_view upper) const;  // compared without case
  std::optional<std::uint64_t> number() const;
};

struct Response {
  enum class Kind { untagged, tagged, continuation } kind = Kind::untagged;
  std::string tag;                      // of a tagged one
  std::optional<std::uint32_t> number;  // "* 12 EXISTS"
  std::string name;                     // upper case: "OK", "EXISTS", "FETCH"
  // Of OK, NO, BAD, BYE, PREAUTH and continuations:
  std::string code;  // upper case: "UIDVALIDITY"
  std::vector<Value> code_values;
  std::string text;  // for people, as it came
  // Of everything else:
  std::vector<Value> values;
  std::string rest;  // unparsed, of SEARCH, ESEARCH and VANISHED, which may be very long

  bool is_status() const;  // OK, NO, BAD, BYE, PREAUTH
};

struct Limits {
  std::size_t line = 256u << 10;    // text of an ordinary answer
  std::size_t numbers = 24u << 20;  // of SEARCH, ESEARCH and VANISHED
  std::size_t literals = 4u << 20;  // all literals of one answer together
  int depth = 24;                   // of parentheses
};

// Reads answers from a source of bytes.
class ResponseReader {
 public:
  // Puts at most `size` bytes into the buffer; 0: the other side has closed.
  using Fill = std::function<base::Result<std::size_t>(char* buffer, std::size_t size)>;

  explicit ResponseReader(Limits limits = {}) : limits_(limits) {}

  // The next answer. Errors: imap.nonsense {detail}, imap.closed, those of `fill`.
  base::Result<Response> read(const Fill& fill);
  // Whether bytes of a further answer are here already.
  bool has_more() const { return begin_ < buffer_.size(); }
  std::uint64_t taken() const { return taken_; }  // bytes of all answers so far

 private:
  base::Status more(const Fill& fill);

  const Limits limits_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is not taken yet
  std::uint64_t taken_ = 0;
};

// The same for an answer that is here as a whole: `text` holds its lines, with CR LF between them,
// `literals` what followed each line that announced one.
base::Result<Response> parse_response(std::string_view text, std::vector<std::string> literals,
                                      const Limits& limits = {});

// "1:3,7" and the like to numbers, in order, each once. Nothing where it is malformed, holds a
// "*", or stands for more than `most` numbers.
std::optional<std::vector<std::uint32_t>> parse_numbers(std::string_view text,
                                                        std::size_t most = 4'000'000);
// And back, in ranges. The numbers are sorted.
std::string format_numbers(const std::vector<std::uint32_t>& numbers);

// "17-Jul-1996 02:44:25 -0700" (INTERNALDATE) to Unix microseconds; nothing where malformed.
std::optional<std::int64_t> parse_internal_date(std::string_view text);

// Names of mailboxes in modified UTF-7 (RFC 3501, 5.1.3), from UTF-8.
std::string encode_modified_utf7(std::string_view utf8);

// Quoted where it can be; nothing where it needs a literal.
std::optional<std::string> quoted(std::string_view text);

}  // namespace lar::sources::imap
