// Markdown by md4c (CommonMark with tables and task lists): the text without its marks, headings,
// lists and tables kept as such, links as "text (address)". Lines refer to the file.
#include <md4c.h>

#include <algorithm>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

using domain::SegmentKind;

class Collector {
 public:
  Collector(std::string_view source, int first_line) : source_(source), last_line_(first_line) {}

  int enter_block(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_UL:
        lists_.push_back(0);
        break;
      case MD_BLOCK_OL:
        lists_.push_back(static_cast<MD_BLOCK_OL_DETAIL*>(detail)->start);
        break;
      case MD_BLOCK_LI: {
        flush();
        const auto* item = static_cast<MD_BLOCK_LI_DETAIL*>(detail);
        text_ = std::string(lists_.size() > 1 ? 2 * (lists_.size() - 1) : 0, ' ');
        if (!lists_.empty() && lists_.back() > 0) {
          text_ += std::to_string(lists_.back()++) + ". ";
        } else {
          text_ += "- ";
        }
        if (item->is_task != 0) text_ += item->task_mark == ' ' ? "[ ] " : "[x] ";
        mark_size_ = text_.size();
        break;
      }
      case MD_BLOCK_QUOTE:
        flush();
        ++quotes_;
        break;
      case MD_BLOCK_H:
        flush();
        heading_ = true;
        break;
      case MD_BLOCK_TABLE:
        flush();
        rows_.clear();
        in_table_ = true;
        break;
      case MD_BLOCK_TR:
        rows_.emplace_back();
        break;
      case MD_BLOCK_P:
        // The first paragraph of a list item stands behind its mark.
        if (lists_.empty() || text_.size() > mark_size_) flush();
        break;
      case MD_BLOCK_CODE:
        flush();
        break;
      default:
        break;
    }
    return 0;
  }

  int leave_block(MD_BLOCKTYPE type) {
    switch (type) {
      case MD_BLOCK_UL:
      case MD_BLOCK_OL:
        flush();
        if (!lists_.empty()) lists_.pop_back();
        break;
      case MD_BLOCK_QUOTE:
        flush();
        --quotes_;
        break;
      case MD_BLOCK_H:
        if (title_.empty()) title_ = base::collapse_spaces(text_);
        flush();
        heading_ = false;
        break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD:
        if (!rows_.empty()) rows_.back().push_back(std::exchange(text_, {}));
        break;
      case MD_BLOCK_TABLE:
        in_table_ = false;
        builder_.add_table(rows_, SegmentKind::table, 0, line_);
        line_ = 0;
        break;
      case MD_BLOCK_P:
      case MD_BLOCK_LI:
      case MD_BLOCK_CODE:
        flush();
        break;
      default:
        break;
    }
    return 0;
  }

  int leave_span(MD_SPANTYPE type, void* detail) {
    if (type == MD_SPAN_A) {
      const auto& href = static_cast<MD_SPAN_A_DETAIL*>(detail)->href;
      const std::string address(href.text, href.size);
      if (!address.empty() && !address.starts_with('#') &&
          !text_.ends_with(address.starts_with("mailto:") ? address.substr(7) : address)) {
        text_ += " (" + address + ")";
      }
    }
    return 0;
  }

  int text(MD_TEXTTYPE type, const char* bytes, size_t size) {
    if (bytes >= source_.data() && bytes < source_.data() + source_.size()) {
      const auto offset = static_cast<size_t>(bytes - source_.data());
      if (offset >= last_offset_) {
        last_line_ += static_cast<int>(
            std::count(source_.begin() + static_cast<std::ptrdiff_t>(last_offset_),
                       source_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
        last_offset_ = offset;
      }
      if (line_ == 0) line_ = last_line_;
    }
    switch (type) {
      case MD_TEXT_BR:
        text_ += in_table_ ? ' ' : '\n';
        break;
      case MD_TEXT_SOFTBR:
        text_ += ' ';
        break;
      case MD_TEXT_HTML:
        break;
      case MD_TEXT_ENTITY: {
        const std::string entity(bytes, size);
        const HtmlText decoded = read_html(entity, "utf-8", HtmlUse::document);
        text_ +=
            decoded.part.text.empty() ? (entity == "&nbsp;" ? " " : entity) : decoded.part.text;
        break;
      }
      case MD_TEXT_NULLCHAR:
        break;
      default:
        text_.append(bytes, size);
    }
    return 0;
  }

  domain::TextPart finish(std::string& title) {
    flush();
    title = title_;
    domain::TextPart part = builder_.finish();
    part.media_type = "text/markdown";
    return part;
  }

  PartBuilder& builder() { return builder_; }

 private:
  void flush() {
    if (in_table_) return;
    const SegmentKind kind = heading_          ? SegmentKind::heading
                             : quotes_ > 0     ? SegmentKind::quoted
                             : !lists_.empty() ? SegmentKind::list
                                               : SegmentKind::text;
    if (text_.size() > mark_size_) builder_.add(kind, text_, 0, line_);
    text_.clear();
    mark_size_ = 0;
    line_ = 0;
  }

  std::string_view source_;
  size_t last_offset_ = 0;
  int last_line_;
  int line_ = 0;
  std::string text_;
  size_t mark_size_ = 0;
  std::vector<unsigned> lists_;
  std::vector<std::vector<std::string>> rows_;
  bool in_table_ = false;
  bool heading_ = false;
  int quotes_ = 0;
  std::string title_;
  PartBuilder builder_;
};

Collector& collector(void* data) { return *static_cast<Collector*>(data); }

base::Result<std::vector<domain::Item>> read_markdown(const Input& input) {
  domain::Item item = document_item(input);
  const std::string whole = decode_text(input.bytes, {});
  std::string_view source = whole;
  int first_line = 1;
  std::string_view front;
  // Front matter (YAML between two lines of dashes) is not Markdown.
  if (source.starts_with("---\n")) {
    const size_t end = source.find("\n---\n", 3);
    if (end != std::string_view::npos) {
      front = source.substr(4, end > 4 ? end - 4 : 0);
      first_line += static_cast<int>(
          std::count(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(end) + 5, '\n'));
      source.remove_prefix(end + 5);
    }
  }
  Collector collected(source, first_line);
  std::string front_title;
  if (!front.empty()) {
    collected.builder().add(SegmentKind::text, front, 0, 2);
    for (const std::string_view line : base::split(front, '\n')) {
      if (!line.starts_with("title:")) continue;
      front_title = base::trim(line.substr(6));
      if (front_title.size() > 1 && (front_title.front() == '"' || front_title.front() == '\'')) {
        front_title = front_title.substr(1, front_title.size() - 2);
      }
    }
  }
  MD_PARSER parser{};
  parser.flags = MD_DIALECT_GITHUB;
  parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* data) {
    return collector(data).enter_block(type, detail);
  };
  parser.leave_block = [](MD_BLOCKTYPE type, void*, void* data) {
    return collector(data).leave_block(type);
  };
  parser.enter_span = [](MD_SPANTYPE, void*, void*) { return 0; };
  parser.leave_span = [](MD_SPANTYPE type, void* detail, void* data) {
    return collector(data).leave_span(type, detail);
  };
  parser.text = [](MD_TEXTTYPE type, const MD_CHAR* bytes, MD_SIZE size, void* data) {
    return collector(data).text(type, bytes, size);
  };
  if (md_parse(source.data(), static_cast<MD_SIZE>(source.size()), &parser, &collected) != 0) {
    return base::fail(base::ErrorKind::corrupt, "markdown.unreadable", {{"name", input.name}});
  }
  std::string heading;
  item.parts.push_back(collected.finish(heading));
  if (!front_title.empty()) {
    item.title = front_title;
  } else if (!heading.empty()) {
    item.title = heading;
  }
  complete(item);
  std::vector<domain::Item> items;
  items.push_back(std::move(item));
  return items;
}

}  // namespace

Reader markdown_reader() {
  return {"markdown", 1, {"text/markdown", "text/x-markdown"}, {"md", "markdown"}, &read_markdown};
}

}  // namespace lar::readers
