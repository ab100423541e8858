// Lines, From_ lines and fingerprints of mbox files. Stateless but for the objects of one scan: any
// thread.
#include "sources/mbox/scanner.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "sources/pipeline.h"

namespace lar::sources::mbox {

namespace {

using base::ErrorKind;

constexpr std::size_t buffer_size = 1u << 20;
constexpr std::size_t least_ahead = 128u << 10;  // of which a line and the next can be seen whole
constexpr std::size_t longest_field = 2048;
constexpr std::size_t longest_from_line = 8192;

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) { return without_end(line).empty(); }

bool is_digit(char character) { return character >= '0' && character <= '9'; }

bool looks_like_header(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon > 76) return false;
  return std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return c > ' ' && c < 127; });
}

bool holds_time(std::string_view text) {
  for (std::size_t i = 0; i + 4 < text.size(); ++i) {
    if (is_digit(text[i]) && is_digit(text[i + 1]) && text[i + 2] == ':' && is_digit(text[i + 3]) &&
        is_digit(text[i + 4])) {
      return true;
    }
  }
  return false;
}

bool holds_year(std::string_view text) {
  for (std::size_t i = 0; i + 3 < text.size(); ++i) {
    if (is_digit(text[i]) && is_digit(text[i + 1]) && is_digit(text[i + 2]) &&
        is_digit(text[i + 3]) && (text.substr(i, 2) == "19" || text.substr(i, 2) == "20")) {
      return true;
    }
  }
  return false;
}

template <std::size_t N>
bool holds_one_of(std::string_view text, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return text.find(name) != std::string_view::npos;
  });
}

constexpr std::array<std::string_view, 12> months{" Jan ", " Feb ", " Mar ", " Apr ",
                                                  " May ", " Jun ", " Jul ", " Aug ",
                                                  " Sep ", " Oct ", " Nov ", " Dec "};
constexpr std::array<std::string_view, 7> days{" Mon ", " Tue ", " Wed ", " Thu ",
                                               " Fri ", " Sat ", " Sun "};

// Fields that mail programs add or change while a mail lies in its mailbox.
constexpr std::array<std::string_view, 12> changing_fields{
    "status",         "x-status",   "x-keywords", "x-mozilla-status", "x-mozilla-status2",
    "x-mozilla-keys", "x-uid",      "x-imap",     "x-imapbase",       "content-length",
    "lines",          "x-evolution"};

// Lines of a file one after the other, with a look at the next.
class Lines {
 public:
  struct Piece {
    std::uint64_t offset = 0;
    std::string_view text;
    bool starts_line = true;
    bool ends_line = true;
  };

  Lines(int descriptor, const std::string& path, std::uint64_t offset)
      : descriptor_(descriptor), path_(path), read_to_(offset), offset_(offset) {
    buffer_.resize(buffer_size);
  }

  base::Result<std::optional<Piece>> next() {
    TRY(fill());
    if (begin_ == end_) return std::nullopt;
    Piece piece;
    piece.offset = offset_;
    piece.starts_line = at_line_start_;
    const char* from = buffer_.data() + begin_;
    const auto* line_end = static_cast<const char*>(std::memchr(from, '\n', end_ - begin_));
    // Without an end in sight the text is given in pieces, so that a line of any length fits.
    const std::size_t length =
        line_end != nullptr ? static_cast<std::size_t>(line_end - from) + 1 : end_ - begin_;
    piece.text = {from, length};
    piece.ends_line = line_end != nullptr;
    at_line_start_ = piece.ends_line;
    begin_ += length;
    offset_ += length;
    return piece;
  }

  // The line after the piece given last, or its beginning.
  std::string_view peek() const {
    const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
    return rest.substr(0, rest.find('\n'));
  }

  std::uint64_t offset() const { return offset_; }

 private:
  base::Status fill() {
    while (!at_end_ && end_ - begin_ < least_ahead) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      const ssize_t got = ::pread(descriptor_, buffer_.data() + end_, buffer_.size() - end_,
                                  static_cast<off_t>(read_to_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return base::fail_errno(errno, path_, "read");
      if (got == 0) at_end_ = true;
      end_ += static_cast<std::size_t>(got);
      read_to_ += static_cast<std::uint64_t>(got);
    }
    return {};
  }

  int descriptor_;
  const std::string& path_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // [begin_, end_) of the buffer is not given yet
  std::size_t end_ = 0;
  std::uint64_t read_to_;
  std::uint64_t offset_;
  bool at_line_start_ = true;
  bool at_end_ = false;
};

}  // namespace

bool starts_mail(std::string_view line, std::string_view next) {
  line = without_end(line);
  if (!line.starts_with("From ")) return false;
  const std::string_view rest = line.substr(4);
  const std::string padded = std::string(rest) + " ";
  if (holds_one_of(padded, days) && holds_one_of(padded, months) && holds_time(rest) &&
      holds_year(rest)) {
    return true;
  }
  // Not the date the format asks for: then what follows must look like a mail's headers.
  if (!looks_like_header(without_end(next)) && !next.starts_with(">From ")) return false;
  const std::string_view words = base::trim(rest);
  if (words.empty()) return true;  // newer Thunderbird
  const std::string_view sender = words.substr(0, words.find(' '));
  return sender == "-" || sender == "MAILER-DAEMON" || sender.find('@') != std::string_view::npos ||
         (holds_time(rest) && holds_year(rest));
}

std::string unquote(std::string&& bytes) {
  const auto quoted_at = [&](std::size_t line_start) {
    std::size_t at = line_start;
    while (at < bytes.size() && bytes[at] == '>') ++at;
    return at > line_start && bytes.compare(at, 5, "From ") == 0;
  };
  std::string plain;
  std::size_t copied = 0;
  for (std::size_t line = 0; line < bytes.size();) {
    if (bytes[line] == '>' && quoted_at(line)) {
      plain.append(bytes, copied, line - copied);
      copied = line + 1;
    }
    const auto end = bytes.find('\n', line);
    if (end == std::string::npos) break;
    line = end + 1;
  }
  if (copied == 0) return std::move(bytes);
  plain.append(bytes, copied);
  return plain;
}

void Fingerprinter::reset() {
  crypto_hash_sha256_init(&state_);
  in_headers_ = true;
  skipping_ = false;
  field_.clear();
  blank_lines_ = 0;
  flags_.clear();
  boundary_.clear();
  boundary_seen_ = false;
  expunged_ = false;
  internal_ = false;
}

void Fingerprinter::add(std::string_view text, bool starts_line, bool ends_line) {
  const auto hash = [&](std::string_view bytes) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size());
  };
  const bool blank = starts_line && ends_line && is_blank(text);
  if (in_headers_) {
    if (blank) {
      end_header_field();
      in_headers_ = false;
      skipping_ = false;
      hash(text);
      return;
    }
    if (starts_line) header_line(text);
    if (!skipping_) hash(text);
    return;
  }
  if (blank) {
    ++blank_lines_;
    return;
  }
  for (; blank_lines_ > 0; --blank_lines_) hash("\n");
  if (!boundary_.empty() && starts_line && text.starts_with("--") &&
      text.substr(2).starts_with(boundary_) &&
      text.substr(2 + boundary_.size()).starts_with("--")) {
    boundary_seen_ = true;
  }
  hash(text);
}

void Fingerprinter::header_line(std::string_view line) {
  line = without_end(line);
  const bool folded = line.starts_with(' ') || line.starts_with('\t');
  if (!folded) {
    end_header_field();
    const std::string name = base::lower_ascii(base::trim(line.substr(0, line.find(':'))));
    skipping_ =
        std::find(changing_fields.begin(), changing_fields.end(), name) != changing_fields.end();
  }
  if (field_.size() < longest_field) field_ += line.substr(0, longest_field);
}

void Fingerprinter::end_header_field() {
  const auto colon = field_.find(':');
  if (colon != std::string::npos) {
    const std::string name =
        base::lower_ascii(base::trim(std::string_view(field_).substr(0, colon)));
    const std::string_view value = base::trim(std::string_view(field_).substr(colon + 1));
    const auto add_flags = [&](std::string_view from, std::string_view to) {
      for (std::size_t i = 0; i < from.size(); ++i) {
        if (value.find(from[i]) != std::string_view::npos) flags_ += to[i];
      }
    };
    if (name == "status") {
      add_flags("R", "S");
    } else if (name == "x-status") {
      add_flags("AFDT", "RFTD");
    } else if (name == "x-mozilla-status") {
      unsigned bits = 0;
      std::from_chars(value.data(), value.data() + value.size(), bits, 16);
      if (bits & 0x0001) flags_ += 'S';
      if (bits & 0x0002) flags_ += 'R';
      if (bits & 0x0004) flags_ += 'F';
      if (bits & 0x0008) expunged_ = true;
      if (bits & 0x1000) flags_ += 'P';
    } else if (name == "subject") {
      internal_ =
          internal_ || value.starts_with("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA");
    } else if (name == "content-type" && boundary_.empty()) {
      const std::string lower = base::lower_ascii(value);
      const auto at = lower.find("boundary=");
      if (lower.starts_with("multipart/") && at != std::string::npos) {
        std::string_view rest = value.substr(at + 9);
        if (rest.starts_with('"')) {
          rest.remove_prefix(1);
          boundary_ = rest.substr(0, rest.find('"'));
        } else {
          boundary_ = rest.substr(0, rest.find_first_of("; \t"));
        }
      }
    }
  }
  field_.clear();
}

std::string Fingerprinter::flags() const {
  std::string flags = flags_;
  std::sort(flags.begin(), flags.end());
  flags.erase(std::unique(flags.begin(), flags.end()), flags.end());
  return flags;
}

Fingerprint Fingerprinter::finish() {
  end_header_field();
  Fingerprint fingerprint{};
  crypto_hash_sha256_final(&state_, fingerprint.data());
  return fingerprint;
}

Fingerprint fingerprint_of(std::string_view bytes) {
  Fingerprinter fingerprinter;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const std::string_view line = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
    fingerprinter.add(line, true, end != std::string_view::npos);
    bytes.remove_prefix(line.size());
  }
  return fingerprinter.finish();
}

base::Result<Scan> scan(int descriptor, const std::string& path, std::uint64_t offset,
                        std::uint64_t line, std::stop_token stop) {
  Scan scan;
  Lines lines(descriptor, path, offset);
  Fingerprinter fingerprinter;
  Mail mail;
  bool inside = false;
  bool after_blank = false;
  std::uint64_t separator = 0;  // length of that blank line, unless it ends the headers
  bool ended = true;            // whether the line just before had an end
  const auto finish = [&](std::uint64_t end) {
    mail.end = end;
    mail.headers_end = !fingerprinter.in_headers();
    mail.fingerprint = fingerprinter.finish();
    mail.flags = fingerprinter.flags();
    mail.expunged = fingerprinter.expunged();
    mail.internal = fingerprinter.internal();
    scan.mails.push_back(mail);
  };
  std::uint64_t pieces = 0;
  for (;;) {
    if ((++pieces & 0x3FFF) == 0 && stop.stop_requested()) return fail_cancelled();
    TRY_ASSIGN(const auto piece, lines.next());
    if (!piece) break;
    const bool may_start =
        piece->starts_line && piece->text.size() < longest_from_line && (!inside || after_blank);
    if (may_start && starts_mail(piece->text, lines.peek())) {
      if (inside) finish(piece->offset - separator);
      mail = Mail{};
      mail.offset = piece->offset;
      mail.begin = piece->offset + piece->text.size();
      mail.line = line;
      fingerprinter.reset();
      inside = true;
      after_blank = false;
      separator = 0;
    } else if (!inside) {
      // Blank lines before the first mail do no harm; anything else is no mbox.
      if (!is_blank(piece->text)) {
        return base::fail(ErrorKind::invalid_input, "source.not_an_mbox", {{"path", path}});
      }
    } else {
      const bool in_headers = fingerprinter.in_headers();
      fingerprinter.add(piece->text, piece->starts_line, piece->ends_line);
      after_blank = piece->starts_line && piece->ends_line && is_blank(piece->text);
      separator = after_blank && !in_headers ? piece->text.size() : 0;
    }
    if (piece->ends_line) ++line;
    ended = piece->ends_line;
  }
  if (inside) {
    const bool cut_off = !ended || fingerprinter.in_headers() || !fingerprinter.closed();
    finish(lines.offset() - separator);
    scan.mails.back().cut_off = cut_off;
  }
  scan.size = lines.offset();
  return scan;
}

}  // namespace lar::sources::mbox
