// What an owner may change of an action before approving it, described so that any face can make a
// form of it. Pure functions.
//
// Described by name and not by kind: a name means the same in every action ("start", "text"), so an
// executor that uses known names needs no line here, and what is not listed (paths, sources, the
// mail that is answered) is never offered for change.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace lar::assistant {

struct ActionField {
  std::string_view name;  // in the content; its label is the sentence action.field.NAME
  // "line", "text" (several lines), "address" (of a mail), "moment" ("2026-05-14T09:30", with or
  // without an offset as it stands, or a whole day), "wish" (what a draft is to say: goes with
  // "compose": true and writes the text anew by the chat model)
  std::string_view type;
  bool required = false;
};

// Those of this content, in the order in which they are asked; empty where nothing can be changed.
std::vector<ActionField> fields_of(const nlohmann::json& content);

}  // namespace lar::assistant
