// What readers share while they make parts: text that grows by segments, tables that keep their
// header row near, names of files and the finishing of an item. Internal to this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/item.h"
#include "readers/reader.h"

namespace lar::readers {

// Builds a part's text segment by segment.
class PartBuilder {
 public:
  // Adds a block; white space at its ends and empty blocks go. Blocks stand a blank line apart,
  // list items and rows only a line.
  void add(domain::SegmentKind kind, std::string_view text, int page = 0, int line = 0,
           std::optional<domain::Box> box = std::nullopt);
  // Adds a table row by row, "a | b". Long tables are cut into segments that each repeat the first
  // row, so that a passage from the middle still says what its columns mean.
  void add_table(const std::vector<std::vector<std::string>>& rows, domain::SegmentKind kind,
                 int page = 0, int line = 0, std::optional<domain::Box> box = std::nullopt);
  bool empty() const { return part_.text.empty(); }
  size_t size() const { return part_.text.size(); }
  // The part with its text and segments; id "1" and role body until changed.
  domain::TextPart finish();

 private:
  domain::TextPart part_;
};

// Paragraphs, lists and (if `headings`) nothing else of plain text, with lines counted from 1.
std::vector<domain::Segment> plain_segments(std::string_view text);

// "1. item", "- item", "• item".
bool looks_like_list_item(std::string_view line);

// The part of a path after its last slash, and a file name without its extension.
std::string_view file_name(std::string_view path);
std::string_view file_stem(std::string_view name);
// Extension in lower case without the dot; empty if there is none.
std::string file_extension(std::string_view name);

// A new document item for `input`: external id, title from the file name, time of change.
domain::Item document_item(const Input& input);

// Sets language and passages from title and parts; every reader's last step.
void complete(domain::Item& item);

// Long dates in both languages: "Wednesday 2026-06-03, miércoles 3 de junio de 2026, 3 June 2026".
std::string spell_date(const base::Date& date);

// Lower-case hex SHA-256.
std::string sha256_hex(std::string_view bytes);

// Text of unknown or stated charset to clean UTF-8. A label that does not fit the bytes is ignored
// in favour of what they look like.
std::string decode_text(std::string_view bytes, std::string_view charset);

enum class HtmlUse { mail, document };
struct HtmlText {
  domain::TextPart part;
  std::string title;
  bool truncated = false;
  std::vector<domain::Link> links;  // in order, at most 200
  std::string hidden;               // of a mail: what it does not show, the first 4,000 bytes
};
// Main text of a page or mail. `charset` may be empty: then the page's own declaration counts.
HtmlText read_html(std::string_view bytes, std::string_view charset, HtmlUse use);

// Marks quoted text, signatures and legal footers of a mail's body. `forwarded` mails carry their
// content below the header block that a reply would quote.
enum class MailKind { ordinary, forwarded };
std::vector<domain::Segment> mail_segments(std::string_view text, MailKind kind);
// The same for a body whose segments are known (from HTML).
void mark_quotes(domain::TextPart& part, MailKind kind);

// True for a legal notice or an unsubscribe footer.
bool looks_like_boilerplate(std::string_view paragraph);

}  // namespace lar::readers
