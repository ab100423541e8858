// Plain text: paragraphs and lists with their lines.
#include "base/text.h"

#include "readers/building.h"

namespace lar::readers {
namespace {

base::Result<std::vector<domain::Item>> read_text(const Input& input) {
  domain::Item item = document_item(input);
  domain::TextPart part;
  part.id = "1";
  part.media_type = "text/plain";
  // An attachment's charset comes behind its type: "text/plain; charset=iso-8859-1".
  const size_t charset = input.media_type.find("charset=");
  part.text =
      decode_text(input.bytes, charset == std::string::npos
                                   ? std::string_view()
                                   : std::string_view(input.media_type).substr(charset + 8));
  part.segments = plain_segments(part.text);
  // A short line that stands alone at the top is what its writer would call the title.
  if (part.segments.size() > 1 && part.segments[0].kind == domain::SegmentKind::text) {
    domain::Segment& first = part.segments[0];
    std::string_view line =
        std::string_view(part.text).substr(first.begin, first.end - first.begin);
    const size_t rule = line.find('\n');
    // It may be underlined with a rule of signs.
    if (rule != std::string_view::npos &&
        line.find_first_not_of("=-_*~\n ", rule) == std::string_view::npos) {
      line = line.substr(0, rule);
    }
    line = base::trim(line);
    if (line.size() <= 100 && line.find('\n') == std::string_view::npos && !line.ends_with('.') &&
        !line.ends_with(',') && line.find(' ') != std::string_view::npos) {
      first.kind = domain::SegmentKind::heading;
      item.title = line;
    }
  }
  item.parts.push_back(std::move(part));
  complete(item);
  std::vector<domain::Item> items;
  items.push_back(std::move(item));
  return items;
}

}  // namespace

Reader text_reader() {
  return {"text", 1, {"text/plain"}, {"txt", "text", "log", "org", "rst"}, &read_text};
}

}  // namespace lar::readers
