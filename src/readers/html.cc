// HTML pages and mails by libxml2's forgiving parser, without any network. The tree is walked
// without recursion, so that depth costs memory only. Hidden text is dropped: nobody reads it, and
// it is where preheaders and instructions to machines hide.
#include <libxml/HTMLparser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

using domain::SegmentKind;

constexpr size_t most_bytes = 8u << 20;
constexpr size_t longest_address = 100;

std::string_view name_of(const xmlNode* node) {
  return node->type == XML_ELEMENT_NODE && node->name != nullptr
             ? std::string_view(reinterpret_cast<const char*>(node->name))
             : std::string_view();
}

template <size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string attribute(const xmlNode* node, const char* name) {
  xmlChar* value = xmlGetNoNsProp(node, reinterpret_cast<const xmlChar*>(name));
  if (value == nullptr) return {};
  std::string text(reinterpret_cast<const char*>(value));
  xmlFree(value);
  return text;
}

bool has_attribute(const xmlNode* node, const char* name) {
  return xmlHasProp(node, reinterpret_cast<const xmlChar*>(name)) != nullptr;
}

bool is_block(std::string_view name) {
  static constexpr std::array<std::string_view, 35> blocks = {
      "p",      "div",   "section", "article", "main", "header",     "footer",
      "nav",    "aside", "h1",      "h2",      "h3",   "h4",         "h5",
      "h6",     "ul",    "ol",      "li",      "dl",   "dt",         "dd",
      "table",  "tr",    "td",      "th",      "pre",  "blockquote", "form",
      "figure", "hr",    "center",  "address", "body", "fieldset",   "caption"};
  return is_one_of(name, blocks);
}

bool is_skipped(std::string_view name) {
  static constexpr std::array<std::string_view, 16> skipped = {
      "script", "style",  "template", "svg",  "iframe", "object", "head", "embed",
      "canvas", "select", "button",   "math", "audio",  "video",  "map",  "textarea"};
  return is_one_of(name, skipped);
}

// Whether a style sets `property` (written "name:") to zero.
bool zero(const std::string& style, std::string_view property) {
  for (size_t at = 0; (at = style.find(property, at)) != std::string::npos; at += property.size()) {
    if (at > 0 && style[at - 1] != ';') continue;
    const size_t value = at + property.size();
    if (value >= style.size() || style[value] != '0') continue;
    const char next = value + 1 < style.size() ? style[value + 1] : ';';
    if (next != '.' && (next < '0' || next > '9')) return true;
  }
  return false;
}

bool is_hidden(const xmlNode* node) {
  if (node->properties == nullptr) return false;
  if (has_attribute(node, "hidden")) return true;
  std::string style = base::lower_ascii(attribute(node, "style"));
  if (style.empty()) return false;
  style.erase(std::remove_if(style.begin(), style.end(),
                             [](char c) { return c == ' ' || c == '\n' || c == '\t'; }),
              style.end());
  return style.find("display:none") != std::string::npos ||
         style.find("visibility:hidden") != std::string::npos ||
         style.find("mso-hide:all") != std::string::npos || zero(style, "font-size:") ||
         zero(style, "max-height:") || zero(style, "opacity:");
}

// Appends text as a browser would show it: white space collapsed, invisible characters gone.
void append_collapsed(std::string& to, std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::string_view rest = text.substr(at);
    if (byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' || byte == '\f' ||
        rest.starts_with("\u00A0")) {
      if (!to.empty() && to.back() != ' ' && to.back() != '\n') to += ' ';
      if (byte == 0xC2) ++at;
      continue;
    }
    bool invisible = false;
    for (const std::string_view sign :
         {"\u200B", "\u200C", "\u2060", "\uFEFF", "\u00AD", "\u034F", "\u200E", "\u200F"}) {
      if (rest.starts_with(sign)) {
        at += sign.size() - 1;
        invisible = true;
        break;
      }
    }
    if (!invisible) to += static_cast<char>(byte);
  }
}

// The address to show behind a link's text; empty if it adds nothing. The query of a long one is
// only for tracking.
std::string shown_address(const xmlNode* link, std::string_view text) {
  std::string address(base::trim(attribute(link, "href")));
  const std::string lower = base::lower_ascii(address);
  if (lower.starts_with("mailto:") || lower.starts_with("tel:")) {
    address = address.substr(lower.starts_with("tel:") ? 4 : 7);
  } else if (!lower.starts_with("http://") && !lower.starts_with("https://")) {
    return {};
  }
  if (address.size() > longest_address) address = address.substr(0, address.find_first_of("?#"));
  if (address.size() > longest_address) {
    address = std::string(base::cut_utf8(address, longest_address)) + "…";
  }
  text = base::trim(text);
  if (text.empty() || text.find(address) != std::string_view::npos) return {};
  return address;
}

// Text of a subtree on one line, links kept; nothing if it holds a table or more than `limit`
// bytes: then it is layout, not a cell.
struct Cell {
  std::string text;
  bool simple = true;
};
Cell cell_text(const xmlNode* root, size_t limit) {
  Cell cell;
  std::vector<size_t> link_begins;
  const xmlNode* node = root->children;
  while (node != nullptr) {
    const std::string_view name = name_of(node);
    bool enter = true;
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
      if (node->content != nullptr) {
        append_collapsed(cell.text, reinterpret_cast<const char*>(node->content));
      }
    } else if (node->type != XML_ELEMENT_NODE || is_skipped(name) || is_hidden(node)) {
      enter = false;
    } else if (name == "table" || name == "ul" || name == "ol" || name == "h1" || name == "h2") {
      cell.simple = false;
    } else if (name == "br" || is_block(name)) {
      append_collapsed(cell.text, " ");
    } else if (name == "a") {
      link_begins.push_back(cell.text.size());
    }
    if (cell.text.size() > limit) cell.simple = false;
    if (!cell.simple) return cell;
    if (enter && node->children != nullptr && node->type == XML_ELEMENT_NODE) {
      node = node->children;
      continue;
    }
    while (node != nullptr && node != root) {
      if (name_of(node) == "a" && !link_begins.empty() && enter) {
        const std::string address =
            shown_address(node, std::string_view(cell.text).substr(link_begins.back()));
        link_begins.pop_back();
        if (!address.empty()) cell.text += " (" + address + ")";
      }
      enter = true;
      if (is_block(name_of(node))) append_collapsed(cell.text, " ");
      if (node->next != nullptr) {
        node = node->next;
        break;
      }
      node = node->parent;
    }
    if (node == root) break;
  }
  return cell;
}

class Walker {
 public:
  explicit Walker(HtmlUse use) : use_(use) {}

  void walk(const xmlNode* root) {
    const xmlNode* node = root;
    while (node != nullptr) {
      if (enter(node) && node->children != nullptr) {
        node = node->children;
        continue;
      }
      while (node != nullptr) {
        leave(node);
        if (node == root) {
          node = nullptr;
        } else if (node->next != nullptr) {
          node = node->next;
          break;
        } else {
          node = node->parent;
        }
      }
    }
    flush();
    flush_table();
  }

  domain::TextPart finish() {
    // A mail that is one picture says at least what its author wrote for those who cannot see it.
    if (builder_.size() < 80) {
      for (const std::string& description : descriptions_) {
        builder_.add(SegmentKind::text, description);
      }
    }
    domain::TextPart part = builder_.finish();
    part.media_type = "text/html";
    return part;
  }

 private:
  struct Frame {
    const xmlNode* node = nullptr;
    bool quoted = false;
    bool signature = false;
    bool boilerplate = false;
    bool article = false;
    bool list = false;
    bool heading = false;
    bool preformatted = false;
    bool entered = true;
  };

  // True if the children are to be visited.
  bool enter(const xmlNode* node) {
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
      if (node->content != nullptr) text(reinterpret_cast<const char*>(node->content));
      return false;
    }
    if (node->type != XML_ELEMENT_NODE) return false;
    const std::string_view name = name_of(node);
    if (is_skipped(name) || is_hidden(node)) return false;
    Frame frame = frames_.empty() ? Frame{} : frames_.back();
    frame.node = node;
    if (is_block(name)) flush();
    if (name == "br") {
      if (!inline_.empty()) inline_ += '\n';
    } else if (name == "hr") {
      flush_table();
    } else if (name == "img") {
      const std::string description = base::collapse_spaces(attribute(node, "alt"));
      if (description.size() > 2 && descriptions_.size() < 50) descriptions_.push_back(description);
    } else if (name == "a") {
      links_.push_back({inline_.size(), flushes_});
    } else if (name == "tr") {
      if (data_row(node)) return false;
    } else if (name == "table") {
      flush_table();
    } else if (name == "li") {
      frame.list = true;
      mark_ = "- ";
      const xmlNode* parent = node->parent;
      if (parent != nullptr && name_of(parent) == "ol") {
        int number = 1;
        for (const xmlNode* before = node->prev; before != nullptr && number < 1000;
             before = before->prev) {
          if (name_of(before) == "li") ++number;
        }
        mark_ = std::to_string(number) + ". ";
      }
    } else if (name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6') {
      frame.heading = true;
    } else if (name == "pre") {
      frame.preformatted = true;
    } else if (name == "dt") {
      flush();
    }
    classify(node, name, frame);
    frames_.push_back(frame);
    return true;
  }

  void leave(const xmlNode* node) {
    const std::string_view name = name_of(node);
    if (name.empty()) return;
    if (frames_.empty() || frames_.back().node != node) return;  // was not entered
    if (name == "a" && !links_.empty()) {
      const auto [begin, flushes] = links_.back();
      links_.pop_back();
      if (flushes == flushes_ && begin < inline_.size()) {
        const std::string address = shown_address(node, std::string_view(inline_).substr(begin));
        if (!address.empty()) {
          while (!inline_.empty() && inline_.back() == ' ') inline_.pop_back();
          inline_ += " (" + address + ")";
        }
      }
    }
    if (is_block(name)) flush();
    if (name == "table") flush_table();
    frames_.pop_back();
  }

  void classify(const xmlNode* node, std::string_view name, Frame& frame) {
    if (name == "blockquote") {
      const std::string kind = attribute(node, "type");
      // In a mail a plain blockquote is mostly indentation by an editor of a real quote.
      frame.quoted = frame.quoted || use_ == HtmlUse::mail || kind == "cite";
    }
    if (name == "article" || name == "main") frame.article = true;
    if (use_ == HtmlUse::document && (name == "nav" || name == "footer" || name == "aside" ||
                                      name == "form" || (name == "header" && !frame.article))) {
      frame.boilerplate = true;
    }
    if (use_ == HtmlUse::mail && (name == "footer" || name == "nav")) frame.boilerplate = true;
    if (node->properties == nullptr) return;
    const std::string marks = base::lower_ascii(
        attribute(node, "class") + " " + attribute(node, "id") + " " + attribute(node, "role"));
    const auto has = [&](std::string_view word) { return marks.find(word) != std::string::npos; };
    if (use_ == HtmlUse::mail) {
      if (has("gmail_quote") || has("moz-cite-prefix") || has("yahoo_quoted") ||
          has("protonmail_quote") || has("gmail_attr")) {
        frame.quoted = true;
      }
      if (has("gmail_signature") || has("moz-signature")) frame.signature = true;
    } else if (has("cookie") || has("breadcrumb") || has("sidebar") || has("navbar") ||
               has("navigation") || has("contentinfo") || has("advert")) {
      frame.boilerplate = true;
    }
  }

  void text(std::string_view bytes) {
    const bool preformatted = !frames_.empty() && frames_.back().preformatted;
    const size_t before = inline_.size();
    if (preformatted) {
      inline_ += bytes;
    } else {
      append_collapsed(inline_, bytes);
    }
    if (inline_.size() > before && !base::trim(std::string_view(inline_).substr(before)).empty()) {
      flush_table();
    }
  }

  // Takes a row whose cells are short and plain; anything else is layout, and its cells are blocks.
  bool data_row(const xmlNode* row) {
    std::vector<std::string> cells;
    size_t filled = 0;
    size_t bytes = 0;
    for (const xmlNode* child = row->children; child != nullptr; child = child->next) {
      const std::string_view name = name_of(child);
      if (name != "td" && name != "th") continue;
      if (is_hidden(child)) continue;
      Cell cell = cell_text(child, 400);
      if (!cell.simple) return false;
      cell.text = base::collapse_spaces(cell.text);
      filled += cell.text.empty() ? 0U : 1U;
      bytes += cell.text.size();
      cells.push_back(std::move(cell.text));
    }
    if (bytes > 1000) return false;
    if (filled < 2 && (rows_.empty() || cells.size() < 2)) return false;
    if (rows_.empty()) rows_kind_ = kind() == SegmentKind::text ? SegmentKind::table : kind();
    rows_.push_back(std::move(cells));
    return true;
  }

  SegmentKind kind() const {
    if (frames_.empty()) return SegmentKind::text;
    const Frame& frame = frames_.back();
    if (frame.quoted) return SegmentKind::quoted;
    if (frame.signature) return SegmentKind::signature;
    if (frame.boilerplate) return SegmentKind::boilerplate;
    if (frame.heading) return SegmentKind::heading;
    if (frame.list) return SegmentKind::list;
    return SegmentKind::text;
  }

  void flush() {
    ++flushes_;
    std::string lines;
    if (!frames_.empty() && frames_.back().preformatted) {
      lines = inline_;
    } else {
      for (const std::string_view line : base::split(inline_, '\n')) {
        lines += base::trim(line);
        lines += '\n';
      }
    }
    inline_.clear();
    const std::string_view trimmed = base::trim(lines);
    if (trimmed.empty()) return;
    flush_table();
    SegmentKind here = kind();
    if (here == SegmentKind::text && looks_like_list_item(trimmed)) here = SegmentKind::list;
    builder_.add(here,
                 here == SegmentKind::list ? mark_ + std::string(trimmed) : std::string(trimmed));
    mark_.clear();
  }

  void flush_table() {
    if (rows_.empty()) return;
    const std::vector<std::vector<std::string>> rows = std::exchange(rows_, {});
    builder_.add_table(rows, rows_kind_);
  }

  HtmlUse use_;
  PartBuilder builder_;
  std::vector<Frame> frames_;
  std::string inline_;
  std::string mark_;
  struct Link {
    size_t begin;
    size_t flushes;
  };
  std::vector<Link> links_;
  size_t flushes_ = 0;
  std::vector<std::vector<std::string>> rows_;
  SegmentKind rows_kind_ = SegmentKind::table;
  std::vector<std::string> descriptions_;
};

enum class Descent { enter, pass_by, stop };

// Goes over a tree in the order of its text, without recursion: mails nest without end. `visit`
// says whether what is below an element is looked at.
template <typename Visit>
void each_node(const xmlNode* root, Visit visit) {
  for (const xmlNode* node = root; node != nullptr;) {
    const Descent descent = visit(node);
    if (descent == Descent::stop) return;
    if (descent == Descent::enter && node->type == XML_ELEMENT_NODE && node->children != nullptr) {
      node = node->children;
      continue;
    }
    while (node != nullptr && node != root && node->next == nullptr) node = node->parent;
    node = node == nullptr || node == root ? nullptr : node->next;
  }
}

// Every link with what it shows, whole: layout does not matter to where it leads.
std::vector<domain::Link> links_below(const xmlNode* root) {
  constexpr size_t most_links = 200;
  constexpr size_t longest_target = 500;
  std::vector<domain::Link> links;
  each_node(root, [&](const xmlNode* node) {
    if (name_of(node) == "a" && has_attribute(node, "href")) {
      domain::Link link;
      const std::string target = base::clean_utf8(base::trim(attribute(node, "href")));
      link.target = std::string(base::cut_utf8(target, longest_target));
      link.text = std::string(
          base::cut_utf8(base::clean_utf8(base::collapse_spaces(cell_text(node, 400).text)), 200));
      links.push_back(std::move(link));
    }
    return links.size() < most_links ? Descent::enter : Descent::stop;
  });
  return links;
}

// The text of elements that are not shown: where mails carry what their reader is not to see.
std::string hidden_below(const xmlNode* root) {
  constexpr size_t longest = 4000;
  std::string hidden;
  each_node(root, [&](const xmlNode* node) {
    if (node->type != XML_ELEMENT_NODE || is_skipped(name_of(node))) return Descent::pass_by;
    if (!is_hidden(node)) return Descent::enter;
    const std::unique_ptr<xmlChar, void (*)(void*)> text(xmlNodeGetContent(node),
                                                         [](void* memory) { xmlFree(memory); });
    if (text != nullptr) {
      append_collapsed(hidden, base::cut_utf8(reinterpret_cast<const char*>(text.get()), longest));
      hidden += "\n";
    }
    return hidden.size() < longest ? Descent::pass_by : Descent::stop;
  });
  return std::string(base::trim(base::cut_utf8(base::clean_utf8(hidden), longest)));
}

// The charset the page itself states within its first bytes.
std::string stated_charset(std::string_view bytes) {
  const std::string head = base::lower_ascii(bytes.substr(0, 4096));
  const size_t at = head.find("charset=");
  if (at == std::string::npos) return {};
  size_t begin = at + 8;
  while (begin < head.size() && (head[begin] == '"' || head[begin] == '\'')) ++begin;
  const size_t end = std::min(head.find_first_of("\"'>; /\n", begin), head.size());
  return head.substr(begin, end - begin);
}

const xmlNode* find_element(const xmlNode* root, std::string_view wanted, int levels) {
  for (const xmlNode* node = root; node != nullptr; node = node->next) {
    if (name_of(node) == wanted) return node;
    if (levels > 0 && node->type == XML_ELEMENT_NODE) {
      if (const xmlNode* found = find_element(node->children, wanted, levels - 1)) return found;
    }
  }
  return nullptr;
}

base::Result<std::vector<domain::Item>> read_html_file(const Input& input) {
  domain::Item item = document_item(input);
  HtmlText html = read_html(input.bytes, {}, HtmlUse::document);
  if (!html.title.empty()) {
    item.title = html.title;
  } else {
    for (const domain::Segment& segment : html.part.segments) {
      if (segment.kind != SegmentKind::heading) continue;
      item.title = html.part.text.substr(segment.begin, segment.end - segment.begin);
      break;
    }
  }
  if (html.truncated) item.notices.push_back({"reading.cut", {{"name", input.name}}});
  item.parts.push_back(std::move(html.part));
  complete(item);
  std::vector<domain::Item> items;
  items.push_back(std::move(item));
  return items;
}

}  // namespace

HtmlText read_html(std::string_view bytes, std::string_view charset, HtmlUse use) {
  HtmlText result;
  if (bytes.size() > most_bytes) {
    bytes = bytes.substr(0, most_bytes);
    result.truncated = true;
  }
  std::string stated;
  if (charset.empty()) {
    stated = stated_charset(bytes);
    charset = stated;
  }
  const std::string text = decode_text(bytes, charset);
  static const bool silenced = [] {
    xmlSetStructuredErrorFunc(nullptr, [](void*, xmlErrorPtr) {});
    return true;
  }();
  static_cast<void>(silenced);
  const std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> document(
      htmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, "UTF-8",
                     HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                         HTML_PARSE_NONET | HTML_PARSE_NODEFDTD | HTML_PARSE_COMPACT),
      &xmlFreeDoc);
  result.part.id = "1";
  result.part.media_type = "text/html";
  if (!document) return result;
  const xmlNode* root = xmlDocGetRootElement(document.get());
  if (root == nullptr) return result;
  if (const xmlNode* title = find_element(root, "title", 3)) {
    result.title = base::clean_utf8(base::collapse_spaces(cell_text(title, 1000).text));
  }
  Walker walker(use);
  walker.walk(root);
  result.part = walker.finish();
  result.links = links_below(root);
  if (use == HtmlUse::mail) result.hidden = hidden_below(root);
  return result;
}

Reader html_reader() {
  return {
      "html", 1, {"text/html", "application/xhtml+xml"}, {"html", "htm", "xhtml"}, &read_html_file};
}

}  // namespace lar::readers
