// What WebDAV servers answer: 207 Multi-Status (RFC 4918, 13) as plain values. Elements are known
// by their namespace, never by a prefix; names are written "{DAV:}getetag". Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lar::sources::dav {

// One property of one thing.
struct Value {
  std::string text;                   // what stands in it directly
  std::vector<std::string> hrefs;     // of DAV:href below it
  std::vector<std::string> elements;  // names of all elements below it
  std::vector<std::string> names;     // their "name" attributes (supported components)

  bool has(std::string_view element) const;
};

struct Answer {
  std::string href;                         // as the server wrote it
  int status = 0;                           // of the whole thing; 0: its properties say
  std::map<std::string, Value> properties;  // those that were found

  const Value* find(const std::string& name) const;
  std::string text(const std::string& name) const;  // empty where there is none
};

struct Multistatus {
  std::vector<Answer> answers;
  std::string sync_token;
};

// Errors: dav.malformed {host}. A document type is refused: no server needs one here, and entities
// are how XML is made to explode.
base::Result<Multistatus> parse_multistatus(std::string_view body, const std::string& host);

// Whether a DAV:error body (RFC 4918, 16) names this element, for instance DAV:valid-sync-token.
bool names_condition(std::string_view body, std::string_view element);

// Text for an element's content.
std::string escape_xml(std::string_view text);

}  // namespace lar::sources::dav
