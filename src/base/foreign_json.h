// JSON that somebody else wrote: clients, engines, services, what a reader process says. The parser
// takes any depth, but copying, comparing and writing a value takes stack for each of its levels: a
// few hundred kilobytes of "[" would end lar. Any thread.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace lar::base {

inline constexpr std::size_t deepest_json = 256;

// Whether arrays and objects stand inside each other more than `levels` deep; of text that is no
// JSON, whatever it looks like.
bool nests_deeper(std::string_view json, std::size_t levels);

// Discarded (is_discarded()) where the text is malformed or nests deeper than deepest_json.
nlohmann::json foreign_json(std::string_view text);
nlohmann::ordered_json foreign_ordered_json(std::string_view text);

}  // namespace lar::base
