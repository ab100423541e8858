// The parser goes through the bytes once, from left to right, and looks at each a bounded number of
// times. Any thread.
#include "sources/imap/response.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/clock.h"
#include "base/text.h"

namespace lar::sources::imap {

namespace {

using base::ErrorKind;
using base::Result;

constexpr std::size_t piece = 16384;

tl::unexpected<base::Error> nonsense(std::string detail) {
  return base::fail(ErrorKind::corrupt, "imap.nonsense", {{"detail", std::move(detail)}},
                    base::Retry::later);
}

std::string upper(std::string_view text) {
  std::string made(text);
  for (char& letter : made) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return made;
}

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number value = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

// The length that a line announces at its end: "{123}", "{123+}", "~{123}".
std::optional<std::string_view> announced(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  const auto open = line.rfind('{');
  if (open == std::string_view::npos) return std::nullopt;
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  if (digits.ends_with('+')) digits.remove_suffix(1);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
  return digits;
}

constexpr std::array<std::string_view, 5> status_names = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
constexpr std::array<std::string_view, 3> number_names = {"SEARCH", "ESEARCH", "VANISHED"};

template <std::size_t Count>
bool is_one_of(const std::array<std::string_view, Count>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The word that says what an untagged answer is: "* 12 FETCH …" → "FETCH".
std::string word_of(std::string_view line) {
  if (!line.starts_with("* ")) return {};
  line.remove_prefix(2);
  if (!line.empty() && is_digit(line.front())) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space + 1);
  }
  return upper(line.substr(0, line.find(' ')));
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<std::string>& literals, const Limits& limits)
      : text_(text), literals_(literals), limits_(limits) {}

  bool at_end() const { return at_ >= text_.size(); }
  char here() const { return at_end() ? '\0' : text_[at_]; }
  std::string_view rest() const { return text_.substr(at_); }
  void skip_spaces() {
    while (here() == ' ') ++at_;
  }
  std::string_view word() {
    const std::size_t begin = at_;
    while (!at_end() && here() != ' ' && here() != '\r') ++at_;
    return text_.substr(begin, at_ - begin);
  }
  void skip(std::size_t count) { at_ = std::min(text_.size(), at_ + count); }

  // Values up to the end, or up to `closing`, which is taken.
  Result<std::vector<Value>> values(char closing, int depth) {
    if (depth > limits_.depth) return nonsense("nested too deep");
    std::vector<Value> made;
    for (;;) {
      skip_spaces();
      if (at_end()) {
        if (closing != '\0') return nonsense("a parenthesis is not closed");
        return made;
      }
      if (here() == closing && closing != '\0') {
        ++at_;
        return made;
      }
      TRY_ASSIGN(Value one, value(depth));
      made.push_back(std::move(one));
    }
  }

 private:
  Result<Value> value(int depth) {
    Value made;
    switch (here()) {
      case '(': {
        ++at_;
        made.kind = Value::Kind::list;
        TRY_ASSIGN(made.items, values(')', depth + 1));
        return made;
      }
      case '"':
        return string();
      case '~':
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '{') {
          ++at_;
          return literal();
        }
        return atom();
      case '{':
        return literal();
      default:
        return atom();
    }
  }

  Result<Value> string() {
    Value made;
    made.kind = Value::Kind::text;
    for (++at_; !at_end(); ++at_) {
      const char letter = here();
      if (letter == '"') {
        ++at_;
        return made;
      }
      if (letter == '\r' || letter == '\n') break;
      if (letter == '\\') {
        ++at_;
        if (at_end()) break;
      }
      made.text += here();
    }
    return nonsense("a quote is not closed");
  }

  Result<Value> literal() {
    const auto end = text_.find('}', at_);
    if (end == std::string_view::npos || !announced(text_.substr(0, end + 1)) ||
        text_.substr(end + 1, 2) != "\r\n" || next_literal_ >= literals_.size()) {
      return nonsense("a brace in the wrong place");
    }
    Value made;
    made.kind = Value::Kind::text;
    made.text = std::move(literals_[next_literal_++]);
    at_ = end + 3;
    return made;
  }

  Result<Value> atom() {
    const std::size_t begin = at_;
    while (!at_end()) {
      const char letter = here();
      if (letter == '[') {  // BODY[HEADER.FIELDS (MESSAGE-ID)]
        const auto close = text_.find(']', at_);
        if (close == std::string_view::npos) return nonsense("a bracket is not closed");
        at_ = close + 1;
        continue;
      }
      if (letter == ' ' || letter == '(' || letter == ')' || letter == '"' || letter == '{' ||
          letter == '\r' || letter == '\n' || letter == ']') {
        break;
      }
      ++at_;
    }
    if (at_ == begin) return nonsense("an unexpected sign");
    Value made;
    made.text = text_.substr(begin, at_ - begin);
    made.kind = Value::Kind::atom;
    if (made.is_atom("NIL")) made = Value{};
    return made;
  }

  std::string_view text_;
  std::vector<std::string>& literals_;
  const Limits& limits_;
  std::size_t at_ = 0;
  std::size_t next_literal_ = 0;
};

// "[CODE values] text" after the word of a status.
base::Status parse_status(std::string_view rest, const Limits& limits, Response& response) {
  rest = base::trim(rest);
  if (!rest.starts_with('[')) {
    response.text = rest;
    return {};
  }
  const auto close = rest.find(']');
  if (close == std::string_view::npos) {
    response.text = rest;
    return {};
  }
  const std::string_view inside = rest.substr(1, close - 1);
  const auto space = inside.find(' ');
  response.code = upper(inside.substr(0, space));
  response.text = base::trim(rest.substr(close + 1));
  if (space == std::string_view::npos) return {};
  std::vector<std::string> none;
  // What a server invents inside the brackets harms nobody.
  if (auto values = Parser(inside.substr(space + 1), none, limits).values('\0', 0)) {
    response.code_values = std::move(*values);
  }
  return {};
}

}  // namespace

bool Value::is_atom(std::string_view name) const {
  return kind == Kind::atom && text.size() == name.size() && upper(text) == name;
}

std::optional<std::uint64_t> Value::number() const {
  if (kind != Kind::atom) return std::nullopt;
  return number_of<std::uint64_t>(text);
}

bool Response::is_status() const { return is_one_of(status_names, name); }

Result<Response> parse_response(std::string_view text, std::vector<std::string> literals,
                                const Limits& limits) {
  Response response;
  Parser parser(text, literals, limits);
  if (text.starts_with('+')) {
    response.kind = Response::Kind::continuation;
    parser.skip(1);
    TRY(parse_status(parser.rest(), limits, response));
    return response;
  }
  const std::string_view first = parser.word();
  if (first.empty()) return nonsense("an empty line");
  if (first != "*") {
    response.kind = Response::Kind::tagged;
    response.tag = first;
    parser.skip_spaces();
    response.name = upper(parser.word());
    if (!response.is_status()) return nonsense("not an answer");
    TRY(parse_status(parser.rest(), limits, response));
    return response;
  }
  parser.skip_spaces();
  std::string_view word = parser.word();
  if (!word.empty() && is_digit(word.front())) {
    response.number = number_of<std::uint32_t>(word);
    if (!response.number) return nonsense("a number too large");
    parser.skip_spaces();
    word = parser.word();
  }
  response.name = upper(word);
  if (response.name.empty()) return nonsense("an empty answer");
  if (response.is_status() && !response.number) {
    TRY(parse_status(parser.rest(), limits, response));
    return response;
  }
  if (is_one_of(number_names, response.name)) {
    response.rest = base::trim(parser.rest());
    return response;
  }
  TRY_ASSIGN(response.values, parser.values('\0', 0));
  return response;
}

base::Status ResponseReader::more(const Fill& fill) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  const std::size_t size = buffer_.size();
  buffer_.resize(size + piece);
  auto got = fill(buffer_.data() + size, piece);
  buffer_.resize(size + (got ? *got : 0));
  if (!got) return tl::unexpected(std::move(got).error());
  if (*got == 0) return base::fail(ErrorKind::unavailable, "imap.closed", {}, base::Retry::later);
  return {};
}

Result<Response> ResponseReader::read(const Fill& fill) {
  std::string text;
  std::vector<std::string> literals;
  std::size_t literal_bytes = 0;
  for (;;) {
    std::size_t searched = 0;
    std::size_t end = 0;
    for (;;) {
      end = buffer_.find('\n', begin_ + searched);
      const std::size_t length = (end == std::string::npos ? buffer_.size() : end) - begin_;
      const std::string word =
          word_of(text.empty() ? std::string_view(buffer_).substr(begin_, 32) : text);
      if (text.size() + length > (is_one_of(number_names, word) ? limits_.numbers : limits_.line)) {
        return nonsense("a line without end");
      }
      if (end != std::string::npos) break;
      searched = buffer_.size() - begin_;
      TRY(more(fill));
    }
    std::size_t line_end = end;
    if (line_end > begin_ && buffer_[line_end - 1] == '\r') --line_end;
    const std::string_view line = std::string_view(buffer_).substr(begin_, line_end - begin_);
    text += line;
    taken_ += end + 1 - begin_;
    begin_ = end + 1;

    const bool may_announce = text.starts_with("* ") && !is_one_of(status_names, word_of(text));
    const auto digits = may_announce ? announced(line) : std::nullopt;
    if (!digits) break;
    const auto length = number_of<std::uint32_t>(*digits);
    if (!length || *length > limits_.literals || literal_bytes + *length > limits_.literals) {
      return nonsense("a literal too large");
    }
    literal_bytes += *length;
    text += "\r\n";
    std::string literal;
    literal.reserve(*length);
    while (literal.size() < *length) {
      if (begin_ == buffer_.size()) TRY(more(fill));
      const std::size_t take = std::min(*length - literal.size(), buffer_.size() - begin_);
      literal.append(buffer_, begin_, take);
      begin_ += take;
    }
    taken_ += *length;
    literals.push_back(std::move(literal));
    if (literals.size() > 10'000) return nonsense("too many literals");
  }
  return parse_response(text, std::move(literals), limits_);
}

std::optional<std::vector<std::uint32_t>> parse_numbers(std::string_view text, std::size_t most) {
  std::vector<std::uint32_t> numbers;
  for (const std::string_view range : base::split(base::trim(text), ',')) {
    const auto colon = range.find(':');
    auto first = number_of<std::uint32_t>(range.substr(0, colon));
    auto last =
        colon == std::string_view::npos ? first : number_of<std::uint32_t>(range.substr(colon + 1));
    if (!first || !last || *first == 0 || *last == 0) return std::nullopt;
    if (*first > *last) std::swap(first, last);
    if (*last - *first >= most || numbers.size() + (*last - *first) >= most) return std::nullopt;
    for (std::uint64_t number = *first; number <= *last; ++number) {
      numbers.push_back(static_cast<std::uint32_t>(number));
    }
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

std::string format_numbers(const std::vector<std::uint32_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(numbers[i]);
    if (last > i) text += ':' + std::to_string(numbers[last]);
    i = last + 1;
  }
  return text;
}

std::optional<std::int64_t> parse_internal_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> months = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                       "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
  text = base::trim(text);
  const auto first = text.find('-');
  if (first == std::string_view::npos || first > 2 || text.size() != first + 24) {
    return std::nullopt;
  }
  const auto day = number_of<int>(base::trim(text.substr(0, first)));
  const std::string_view rest = text.substr(first + 1);  // "Jul-1996 02:44:25 -0700"
  const auto month = std::find(months.begin(), months.end(), upper(rest.substr(0, 3)));
  const auto year = number_of<int>(rest.substr(4, 4));
  const auto hour = number_of<int>(rest.substr(9, 2));
  const auto minute = number_of<int>(rest.substr(12, 2));
  const auto second = number_of<int>(rest.substr(15, 2));
  const auto zone_hours = number_of<int>(rest.substr(19, 2));
  const auto zone_minutes = number_of<int>(rest.substr(21, 2));
  if (!day || month == months.end() || !year || !hour || !minute || !second || !zone_hours ||
      !zone_minutes || rest[3] != '-' || (rest[18] != '+' && rest[18] != '-')) {
    return std::nullopt;
  }
  base::LocalTime local;
  local.date = {*year, static_cast<int>(month - months.begin()) + 1, *day};
  if (!base::date_is_valid(local.date) || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  local.hour = *hour;
  local.minute = *minute;
  local.second = std::min(*second, 59);
  const std::int64_t offset = base::one_second * 60 * (*zone_hours * 60 + *zone_minutes);
  const std::int64_t utc = base::from_local(local, "UTC");
  return rest[18] == '+' ? utc - offset : utc + offset;
}

std::string encode_modified_utf7(std::string_view utf8) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
  std::string made;
  std::vector<std::uint16_t> units;
  const auto flush = [&] {
    if (units.empty()) return;
    made += '&';
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::uint16_t unit : units) {
      bits = (bits << 16) | unit;
      count += 16;
      while (count >= 6) {
        count -= 6;
        made += digits[(bits >> count) & 63];
      }
      bits &= (1u << count) - 1;
    }
    if (count > 0) made += digits[(bits << (6 - count)) & 63];
    made += '-';
    units.clear();
  };
  for (std::size_t at = 0; at < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[at]);
    if (lead >= 0x20 && lead < 0x7F) {
      flush();
      made += static_cast<char>(lead);
      if (lead == '&') made += '-';
      ++at;
      continue;
    }
    const int length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t letter = length == 1 ? lead : lead & (0x7Fu >> length);
    for (int i = 1; i < length && at + static_cast<std::size_t>(i) < utf8.size(); ++i) {
      letter = (letter << 6) |
               (static_cast<unsigned char>(utf8[at + static_cast<std::size_t>(i)]) & 0x3Fu);
    }
    at += static_cast<std::size_t>(length);
    if (letter >= 0x10000) {
      letter -= 0x10000;
      units.push_back(static_cast<std::uint16_t>(0xD800 | (letter >> 10)));
      units.push_back(static_cast<std::uint16_t>(0xDC00 | (letter & 0x3FF)));
    } else {
      units.push_back(static_cast<std::uint16_t>(letter));
    }
  }
  flush();
  return made;
}

std::optional<std::string> quoted(std::string_view text) {
  if (text.size() > 900) return std::nullopt;
  std::string made = "\"";
  for (const char letter : text) {
    if (static_cast<unsigned char>(letter) < 0x20 || static_cast<unsigned char>(letter) > 0x7E) {
      return std::nullopt;
    }
    if (letter == '"' || letter == '\\') made += '\\';
    made += letter;
  }
  return made + '"';
}

}  // namespace lar::sources::imap
