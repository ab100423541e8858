// Word documents (ECMA-376 WordprocessingML): a zip archive of XML, read with libzip and pugixml.
// Paragraphs, headings, lists, tables by row, links, notes, headers and footers; deleted text of
// tracked changes is left out. Archives that would unpack to more than they should are refused.
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <pugixml.hpp>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

using domain::SegmentKind;

constexpr size_t most_entry_bytes = 64u << 20;  // of one XML file, unpacked
constexpr zip_int64_t most_entries = 20'000;
constexpr int deepest_nesting = 40;

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

enum class EntryState { read, absent, broken, too_large };
struct EntryRead {
  EntryState state = EntryState::absent;
  std::string bytes;
};

EntryRead read_entry(zip_t* archive, const std::string& name) {
  zip_stat_t information;
  zip_stat_init(&information);
  if (zip_stat(archive, name.c_str(), 0, &information) != 0) return {};
  if ((information.valid & ZIP_STAT_SIZE) != 0 && information.size > most_entry_bytes) {
    return {EntryState::too_large, {}};
  }
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen(archive, name.c_str(), 0),
                                                                &zip_fclose);
  if (!file) return {EntryState::broken, {}};
  // The stated size is only a claim: count what really comes.
  EntryRead result{EntryState::read, {}};
  char buffer[65536];
  for (zip_int64_t count; (count = zip_fread(file.get(), buffer, sizeof buffer)) != 0;) {
    if (count < 0) return {EntryState::broken, std::move(result.bytes)};
    result.bytes.append(buffer, static_cast<size_t>(count));
    if (result.bytes.size() > most_entry_bytes) return {EntryState::too_large, {}};
  }
  return result;
}

std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(const pugi::xml_node& node, std::string_view name) {
  for (const pugi::xml_node& inner : node.children()) {
    if (local_name(inner) == name) return inner;
  }
  return {};
}

std::string_view value(const pugi::xml_node& node, std::string_view name) {
  for (const pugi::xml_attribute& attribute : node.attributes()) {
    std::string_view found = attribute.name();
    const size_t colon = found.find(':');
    if (colon != std::string_view::npos) found.remove_prefix(colon + 1);
    if (found == name) return attribute.value();
  }
  return {};
}

// A switch such as <w:b/> or <w:b w:val="0"/>.
bool is_on(const pugi::xml_node& node) {
  if (!node) return false;
  const std::string_view stated = value(node, "val");
  return stated != "0" && stated != "false" && stated != "off";
}

class DocumentReader {
 public:
  explicit DocumentReader(zip_t* archive) : archive_(archive) {}

  bool too_large() const { return too_large_; }
  bool damaged() const { return damaged_; }
  const std::string& heading() const { return heading_; }

  // False if there is no document in it.
  bool read(PartBuilder& builder) {
    builder_ = &builder;
    read_styles();
    read_relations();
    pugi::xml_document document;
    if (!load("word/document.xml", document)) return false;
    const pugi::xml_node body = child(document.document_element(), "body");
    if (!body) return false;
    extras("header");
    blocks(body, 0);
    flush_rows();
    notes("word/footnotes.xml");
    notes("word/endnotes.xml");
    extras("footer");
    return true;
  }

  struct Properties {
    std::string title;
    std::string modified;
  };
  Properties properties() {
    Properties result;
    pugi::xml_document document;
    if (!load("docProps/core.xml", document)) return result;
    const pugi::xml_node root = document.document_element();
    result.title = base::collapse_spaces(child(root, "title").text().get());
    result.modified = base::trim(child(root, "modified").text().get());
    return result;
  }

 private:
  bool load(const std::string& name, pugi::xml_document& document) {
    EntryRead entry = read_entry(archive_, name);
    too_large_ = too_large_ || entry.state == EntryState::too_large;
    damaged_ = damaged_ || entry.state == EntryState::broken;
    if (entry.bytes.empty() || entry.state == EntryState::too_large) return false;
    const pugi::xml_parse_result parsed = document.load_buffer(
        entry.bytes.data(), entry.bytes.size(), pugi::parse_default | pugi::parse_ws_pcdata);
    // Of a damaged file the beginning is better than nothing.
    damaged_ = damaged_ || !parsed;
    return static_cast<bool>(document.document_element());
  }

  void read_styles() {
    pugi::xml_document document;
    if (!load("word/styles.xml", document)) return;
    for (const pugi::xml_node& style : document.document_element().children()) {
      if (local_name(style) != "style") continue;
      const std::string id(value(style, "styleId"));
      // Built-in names are English in every language of Word.
      const std::string name = base::lower_ascii(value(child(style, "name"), "val"));
      if (name.starts_with("heading ") || name == "title" || name == "subtitle" ||
          child(child(style, "pPr"), "outlineLvl")) {
        heading_styles_[id] = true;
      }
      if (child(child(style, "pPr"), "numPr") || name.starts_with("list ")) list_styles_[id] = true;
    }
  }

  void read_relations() {
    pugi::xml_document document;
    if (!load("word/_rels/document.xml.rels", document)) return;
    for (const pugi::xml_node& relation : document.document_element().children()) {
      if (value(relation, "TargetMode") == "External") {
        links_[std::string(value(relation, "Id"))] = value(relation, "Target");
      }
    }
  }

  // word/header1.xml … in the order of their names; the same text is taken once.
  void extras(const std::string& prefix) {
    std::vector<std::string> seen;
    for (int number = 1; number <= 9; ++number) {
      pugi::xml_document document;
      if (!load("word/" + prefix + std::to_string(number) + ".xml", document)) continue;
      std::string text;
      for (const pugi::xml_node& paragraph : document.document_element().children()) {
        const std::string line = base::collapse_spaces(inline_text(paragraph, 0));
        if (!line.empty()) text += (text.empty() ? "" : "\n") + line;
      }
      if (text.empty() || std::find(seen.begin(), seen.end(), text) != seen.end()) continue;
      seen.push_back(text);
      builder_->add(SegmentKind::boilerplate, text);
    }
  }

  void notes(const std::string& name) {
    pugi::xml_document document;
    if (!load(name, document)) return;
    for (const pugi::xml_node& note : document.document_element().children()) {
      const std::string_view type = value(note, "type");
      if (type == "separator" || type == "continuationSeparator") continue;
      builder_->add(SegmentKind::text, inline_text(note, 0));
    }
  }

  // Text of everything below `node`, on one line but for stated breaks.
  std::string inline_text(const pugi::xml_node& node, int depth) {
    std::string text;
    if (depth > deepest_nesting) return text;
    for (const pugi::xml_node& inner : node.children()) {
      const std::string_view name = local_name(inner);
      if (name == "t") {
        text += inner.text().get();
      } else if (name == "tab" || name == "ptab") {
        text += '\t';
      } else if (name == "br" || name == "cr") {
        text += '\n';
      } else if (name == "noBreakHyphen") {
        text += '-';
      } else if (name == "del" || name == "moveFrom" || name == "instrText" || name == "pPr" ||
                 name == "rPr" || name == "Fallback" || name == "delText") {
        // Deleted text, field codes, formatting, and the second copy of text boxes.
      } else if (name == "p") {
        const std::string paragraph = inline_text(inner, depth + 1);
        if (!text.empty() && !paragraph.empty()) text += '\n';
        text += paragraph;
      } else if (name == "r" && is_on(child(child(inner, "rPr"), "vanish"))) {
        // Hidden text is not what the reader of the document sees.
      } else if (name == "hyperlink") {
        std::string linked = inline_text(inner, depth + 1);
        const auto link = links_.find(std::string(value(inner, "id")));
        if (link != links_.end() && !linked.empty()) {
          std::string address = link->second;
          if (address.starts_with("mailto:")) address = address.substr(7);
          if (linked.find(address) == std::string::npos) linked += " (" + address + ")";
        }
        text += linked;
      } else {
        text += inline_text(inner, depth + 1);
      }
    }
    return text;
  }

  void paragraph(const pugi::xml_node& node) {
    const std::string text = inline_text(node, 0);
    if (base::trim(text).empty()) return;
    flush_rows();
    const pugi::xml_node properties = child(node, "pPr");
    const std::string style(value(child(properties, "pStyle"), "val"));
    if (heading_styles_.contains(style) || child(properties, "outlineLvl")) {
      if (heading_.empty()) heading_ = base::collapse_spaces(text);
      builder_->add(SegmentKind::heading, text);
    } else if (child(properties, "numPr") || list_styles_.contains(style)) {
      const bool marked = looks_like_list_item(text);
      builder_->add(SegmentKind::list, marked ? text : "- " + std::string(base::trim(text)));
    } else {
      builder_->add(SegmentKind::text, text);
    }
  }

  void table(const pugi::xml_node& node, int depth) {
    flush_rows();
    for (const pugi::xml_node& row : node.children()) {
      if (local_name(row) == "sdt") {
        table(child(row, "sdtContent"), depth + 1);
        continue;
      }
      if (local_name(row) != "tr") continue;
      std::vector<std::string> cells;
      size_t bytes = 0;
      size_t count = 0;
      bool nested = false;
      for (const pugi::xml_node& cell : row.children()) {
        if (local_name(cell) != "tc") continue;
        nested = nested || child(cell, "tbl");
        cells.push_back(inline_text(cell, 0));
        bytes += cells.back().size();
        ++count;
      }
      // Tables that only lay out a page are read as the paragraphs they hold.
      if ((nested || bytes > 1500 || count == 1) && depth < deepest_nesting) {
        flush_rows();
        for (const pugi::xml_node& cell : row.children()) {
          if (local_name(cell) == "tc") blocks(cell, depth + 1);
        }
      } else {
        rows_.push_back(std::move(cells));
      }
    }
    flush_rows();
  }

  void flush_rows() {
    if (rows_.empty()) return;
    const auto rows = std::exchange(rows_, {});
    builder_->add_table(rows, SegmentKind::table);
  }

  void blocks(const pugi::xml_node& node, int depth) {
    if (depth > deepest_nesting) return;
    for (const pugi::xml_node& inner : node.children()) {
      const std::string_view name = local_name(inner);
      if (name == "p") {
        paragraph(inner);
      } else if (name == "tbl") {
        table(inner, depth + 1);
      } else if (name == "sdt") {
        blocks(child(inner, "sdtContent"), depth + 1);
      } else if (name == "customXml" || name == "smartTag" || name == "ins" || name == "moveTo") {
        blocks(inner, depth + 1);
      }
    }
  }

  zip_t* archive_;
  PartBuilder* builder_ = nullptr;
  std::map<std::string, bool> heading_styles_;
  std::map<std::string, bool> list_styles_;
  std::map<std::string, std::string> links_;
  std::vector<std::vector<std::string>> rows_;
  std::string heading_;
  bool too_large_ = false;
  bool damaged_ = false;
};

base::Result<std::vector<domain::Item>> read_docx(const Input& input) {
  const auto corrupt = [&] {
    return base::fail(base::ErrorKind::corrupt, "docx.corrupt", {{"name", input.name}});
  };
  // An encrypted document is an OLE container and no zip.
  if (input.bytes.starts_with("\xD0\xCF\x11\xE0")) {
    return base::fail(base::ErrorKind::unsupported, "docx.encrypted", {{"name", input.name}});
  }
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source =
      zip_source_buffer_create(input.bytes.data(), input.bytes.size(), 0, &error);
  if (source == nullptr) return corrupt();
  const Archive archive(zip_open_from_source(source, ZIP_RDONLY, &error));
  zip_error_fini(&error);
  if (!archive) {
    zip_source_free(source);
    return corrupt();
  }
  if (zip_get_num_entries(archive.get(), 0) > most_entries) {
    return base::fail(base::ErrorKind::unsupported, "reading.too_large", {{"name", input.name}});
  }
  domain::Item item = document_item(input);
  PartBuilder builder;
  DocumentReader reader(archive.get());
  const bool found = reader.read(builder);
  if (reader.too_large()) {
    return base::fail(base::ErrorKind::unsupported, "reading.too_large", {{"name", input.name}});
  }
  if (!found) return corrupt();
  const DocumentReader::Properties properties = reader.properties();
  if (!properties.title.empty()) {
    item.title = base::clean_utf8(properties.title);
  } else if (!reader.heading().empty()) {
    item.title = base::clean_utf8(reader.heading());
  }
  if (const auto modified = base::parse_rfc3339(properties.modified)) {
    item.when = domain::Instant{*modified, "UTC"};
  }
  if (reader.damaged()) item.notices.push_back({"docx.damaged", {{"name", input.name}}});
  domain::TextPart part = builder.finish();
  part.media_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
  item.parts.push_back(std::move(part));
  complete(item);
  std::vector<domain::Item> items;
  items.push_back(std::move(item));
  return items;
}

}  // namespace

Reader docx_reader() {
  return {"docx",
          1,
          {"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
           "application/vnd.ms-word.document.macroenabled.12"},
          {"docx", "docm"},
          &read_docx};
}

}  // namespace lar::readers
