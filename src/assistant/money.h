// Amounts of money named in a text: "412,60 €", "£35", "EUR 1.250,00". Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lar::assistant {

struct Amount {
  std::size_t begin = 0;  // bytes [begin, end) of the text, with the currency
  std::size_t end = 0;
  std::int64_t cents = 0;
  std::string currency;  // "EUR", "GBP", "USD"
};

// In order. A number without a currency beside it is none.
std::vector<Amount> find_amounts(std::string_view text);
// "412.60 EUR" as people write it: "412,60 €".
std::string format_amount(std::int64_t cents, std::string_view currency, bool spanish);

}  // namespace lar::assistant
