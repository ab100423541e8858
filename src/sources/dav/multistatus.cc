// Reading 207 answers with pugixml, which knows no namespaces: prefixes are resolved here by
// climbing to the element that binds them. Nothing is followed deeper than such answers go, so a
// hostile depth costs nothing but its bytes. Pure; any thread.
#include "sources/dav/multistatus.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

#include "base/text.h"

namespace lar::sources::dav {

namespace {

constexpr int deepest = 12;  // supported-report-set is the deepest of what is asked for
constexpr std::size_t most_elements = 400;
constexpr std::ptrdiff_t most_tags = 3'000'000;
constexpr unsigned int parse_options =
    pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol | pugi::parse_doctype;

std::string qualified(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const auto colon = name.find(':');
  const std::string binding =
      colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string(name.substr(0, colon));
  int climbed = 0;
  for (pugi::xml_node at = node; at && climbed <= deepest + 4; at = at.parent(), ++climbed) {
    if (const pugi::xml_attribute bound = at.attribute(binding.c_str())) {
      return "{" + std::string(bound.value()) + "}" +
             std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
    }
  }
  return "{}" + std::string(name);
}

std::string text_of(const pugi::xml_node& node) {
  std::string text;
  for (const pugi::xml_node child : node.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      text += child.value();
    }
  }
  return text;
}

void collect(const pugi::xml_node& node, int depth, Value& value) {
  for (const pugi::xml_node child : node.children()) {
    if (child.type() != pugi::node_element) continue;
    if (value.elements.size() >= most_elements || depth >= deepest) return;
    value.elements.push_back(qualified(child));
    if (value.elements.back() == "{DAV:}href") {
      value.hrefs.emplace_back(base::trim(text_of(child)));
    }
    if (const pugi::xml_attribute name = child.attribute("name")) {
      value.names.emplace_back(name.value());
    }
    collect(child, depth + 1, value);
  }
}

// "HTTP/1.1 404 Not Found"; 0 where it is none.
int read_status(std::string_view line) {
  line = base::trim(line);
  const auto space = line.find(' ');
  if (!line.starts_with("HTTP/") || space == std::string_view::npos) return 0;
  int status = 0;
  std::from_chars(line.data() + space + 1, line.data() + line.size(), status);
  return status;
}

void read_properties(const pugi::xml_node& propstat, Answer& answer) {
  int status = 200;
  for (const pugi::xml_node child : propstat.children()) {
    if (qualified(child) == "{DAV:}status") status = read_status(text_of(child));
  }
  if (status < 200 || status > 299) return;
  for (const pugi::xml_node child : propstat.children()) {
    if (qualified(child) != "{DAV:}prop") continue;
    for (const pugi::xml_node property : child.children()) {
      if (property.type() != pugi::node_element) continue;
      if (answer.properties.size() >= most_elements) return;
      Value value;
      value.text = text_of(property);
      collect(property, 0, value);
      answer.properties.insert_or_assign(qualified(property), std::move(value));
    }
  }
}

bool load(pugi::xml_document& document, std::string_view body) {
  // A node takes twenty times the bytes that name it.
  if (std::count(body.begin(), body.end(), '<') > most_tags) return false;
  if (!document.load_buffer(body.data(), body.size(), parse_options)) return false;
  return std::none_of(document.begin(), document.end(),
                      [](const pugi::xml_node& node) { return node.type() == pugi::node_doctype; });
}

}  // namespace

bool Value::has(std::string_view element) const {
  return std::find(elements.begin(), elements.end(), element) != elements.end();
}

const Value* Answer::find(const std::string& name) const {
  const auto found = properties.find(name);
  return found == properties.end() ? nullptr : &found->second;
}

std::string Answer::text(const std::string& name) const {
  const Value* value = find(name);
  return value == nullptr ? std::string() : value->text;
}

base::Result<Multistatus> parse_multistatus(std::string_view body, const std::string& host) {
  const auto malformed = [&] {
    return base::fail(base::ErrorKind::corrupt, "dav.malformed", {{"host", host}},
                      base::Retry::later);
  };
  pugi::xml_document document;
  if (!load(document, body)) return malformed();
  const pugi::xml_node root = document.document_element();
  if (!root || qualified(root) != "{DAV:}multistatus") return malformed();
  Multistatus result;
  for (const pugi::xml_node child : root.children()) {
    if (child.type() != pugi::node_element) continue;
    const std::string name = qualified(child);
    if (name == "{DAV:}sync-token") {
      result.sync_token = base::trim(text_of(child));
      continue;
    }
    if (name != "{DAV:}response") continue;
    Answer answer;
    for (const pugi::xml_node part : child.children()) {
      if (part.type() != pugi::node_element) continue;
      const std::string what = qualified(part);
      if (what == "{DAV:}href" && answer.href.empty()) {
        answer.href = base::trim(text_of(part));
      } else if (what == "{DAV:}status") {
        answer.status = read_status(text_of(part));
      } else if (what == "{DAV:}propstat") {
        read_properties(part, answer);
      }
    }
    if (!answer.href.empty()) result.answers.push_back(std::move(answer));
  }
  return result;
}

bool names_condition(std::string_view body, std::string_view element) {
  pugi::xml_document document;
  if (body.size() > (1u << 20) || !load(document, body)) return false;
  const pugi::xml_node root = document.document_element();
  if (!root) return false;
  Value value;
  collect(root, 0, value);
  return value.has(element);
}

std::string escape_xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace lar::sources::dav
