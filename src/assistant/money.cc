// A point or comma with two digits behind it, at the end, divides the cents; all others are
// thousands.
#include "assistant/money.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace lar::assistant {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> currencies = {{
    {"€", "EUR"},
    {"EUROS", "EUR"},
    {"Euros", "EUR"},
    {"euros", "EUR"},
    {"euro", "EUR"},
    {"EUR", "EUR"},
    {"£", "GBP"},
    {"GBP", "GBP"},
    {"pounds", "GBP"},
    {"libras", "GBP"},
    {"$", "USD"},
    {"USD", "USD"},
    {"dollars", "USD"},
    {"dólares", "USD"},
}};

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

std::optional<std::int64_t> cents_of(std::string_view number) {
  const size_t last = number.find_last_of(".,");
  const bool has_cents = last != std::string_view::npos && number.size() - last == 3;
  std::int64_t value = 0;
  int digits = 0;
  for (const char letter : number) {
    if (!is_digit(letter)) continue;
    if (++digits > 11) return std::nullopt;
    value = value * 10 + (letter - '0');
  }
  return has_cents ? value : value * 100;
}

// Spaces and the no-break space of U+00A0 or U+202F.
size_t skip_space(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (text[at] == ' ') {
      ++at;
    } else if (text.substr(at).starts_with("\xC2\xA0")) {
      at += 2;
    } else if (text.substr(at).starts_with("\xE2\x80\xAF")) {
      at += 3;
    } else {
      break;
    }
  }
  return at;
}

}  // namespace

std::vector<Amount> find_amounts(std::string_view text) {
  std::vector<Amount> found;
  for (size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() &&
           (is_digit(text[end]) || ((text[end] == '.' || text[end] == ',') &&
                                    end + 1 < text.size() && is_digit(text[end + 1])))) {
      ++end;
    }
    Amount amount{at, end, 0, {}};
    const size_t behind = skip_space(text, end);
    for (const auto& [sign, code] : currencies) {
      if (behind - end <= 3 && text.substr(behind).starts_with(sign)) {
        amount.end = behind + sign.size();
        amount.currency = code;
        break;
      }
      std::string_view before = text.substr(0, at);
      while (before.ends_with(' ')) before.remove_suffix(1);
      if (before.ends_with("\xC2\xA0")) before.remove_suffix(2);
      if (at - before.size() <= 2 && before.ends_with(sign)) {
        amount.begin = before.size() - sign.size();
        amount.currency = code;
        break;
      }
    }
    const auto cents = cents_of(text.substr(at, end - at));
    if (!amount.currency.empty() && cents) {
      amount.cents = *cents;
      found.push_back(std::move(amount));
    }
    at = end;
  }
  return found;
}

std::string format_amount(std::int64_t cents, std::string_view currency, bool spanish) {
  std::string whole = std::to_string(cents / 100);
  for (int at = static_cast<int>(whole.size()) - 3; at > 0; at -= 3) {
    whole.insert(static_cast<size_t>(at), spanish ? "." : ",");
  }
  const std::string_view sign = currency == "EUR"   ? "€"
                                : currency == "GBP" ? "£"
                                : currency == "USD" ? "$"
                                                    : currency;
  const std::string number = fmt::format("{}{}{:02}", whole, spanish ? "," : ".", cents % 100);
  return spanish ? fmt::format("{} {}", number, sign) : fmt::format("{}{}", sign, number);
}

}  // namespace lar::assistant
