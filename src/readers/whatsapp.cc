// Chats exported by WhatsApp: a text, or a zip with it and media. The program writes dates and
// times as the phone's language does and says nowhere which that is. So lines are taken apart by
// shape (three numbers, a time, perhaps a word for the half of the day), and which number is the
// day is decided from the whole file: an order has to give real dates everywhere, and chats run
// forward in time. Where that leaves a choice (all within a few days) the usual habit of the shape
// decides, and a notice says so. What no rule fits is an error that names the shape, never a guess.
#include <zip.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include "base/text.h"
#include "readers/chat.h"

namespace lar::readers {
namespace {

using base::ErrorKind;

constexpr std::size_t most_text = 128u << 20;  // unpacked

// ---- signs -------------------------------------------------------------------------------------

// Marks of direction, joiners and byte order marks, which WhatsApp sprinkles over its lines.
std::string without_marks(std::string_view text) {
  constexpr std::array<std::string_view, 13> marks = {
      "\u200B", "\u200C", "\u200D", "\u200E", "\u200F", "\u202A", "\u202B",
      "\u202C", "\u202D", "\u202E", "\u2066", "\u2069", "\uFEFF"};
  std::string made;
  made.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0xE2) {
      made += text[at++];
      continue;
    }
    bool skipped = false;
    for (const std::string_view mark : marks) {
      if (text.substr(at, mark.size()) == mark) {
        at += mark.size();
        skipped = true;
        break;
      }
    }
    if (!skipped) made += text[at++];
  }
  return made;
}

struct Replacement {
  std::string_view from, to;
};

// Digits of other scripts, spaces that are none, commas of Arabic.
std::string plain_prefix(std::string_view text) {
  std::string made;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const auto second = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0u;
    const auto third = at + 2 < text.size() ? static_cast<unsigned char>(text[at + 2]) : 0u;
    if (lead == 0xD9 && second >= 0xA0 && second <= 0xA9) {  // Arabic
      made += static_cast<char>('0' + (second - 0xA0));
      at += 2;
    } else if (lead == 0xDB && second >= 0xB0 && second <= 0xB9) {  // Persian
      made += static_cast<char>('0' + (second - 0xB0));
      at += 2;
    } else if (lead == 0xE0 && second == 0xA5 && third >= 0xA6 && third <= 0xAF) {  // Devanagari
      made += static_cast<char>('0' + (third - 0xA6));
      at += 3;
    } else if (lead == 0xE0 && second == 0xA7 && third >= 0xA6 && third <= 0xAF) {  // Bengali
      made += static_cast<char>('0' + (third - 0xA6));
      at += 3;
    } else if (lead == 0xC2 && second == 0xA0) {  // no-break space
      made += ' ';
      at += 2;
    } else if (lead == 0xE2 && second == 0x80 && (third == 0xAF || third == 0x89)) {
      made += ' ';
      at += 3;
    } else if (lead == 0xD8 && second == 0x8C) {  // Arabic comma
      made += ',';
      at += 2;
    } else {
      made += text[at++];
    }
  }
  return made;
}

// ---- halves of the day -------------------------------------------------------------------------

enum class Half { none, morning, afternoon };

// Lower case, without dots and spaces.
std::optional<Half> half_of(std::string_view word) {
  std::string plain;
  for (const char letter : base::lower_ascii(word)) {
    if (letter != '.' && letter != ' ') plain += letter;
  }
  constexpr std::array<std::string_view, 16> mornings = {
      "am", "a",  "ص",  "ق",  "오전", "上午", "午前", "π",
      "πμ", "öö", "ÖÖ", "de", "sa",   "fm",   "πро",  "पूर्वाह्न"};
  constexpr std::array<std::string_view, 14> afternoons = {
      "pm", "p", "م", "오후", "下午", "午後", "μμ", "ös", "ÖS", "du", "ch", "em", "अपराह्न", "مساء"};
  if (std::find(mornings.begin(), mornings.end(), plain) != mornings.end()) return Half::morning;
  if (std::find(afternoons.begin(), afternoons.end(), plain) != afternoons.end()) {
    return Half::afternoon;
  }
  return std::nullopt;
}

// ---- the beginning of a message ----------------------------------------------------------------

struct Stamp {
  std::array<int, 3> date{};  // in the order they stand
  std::array<int, 3> digits{};
  char separator = '/';
  int hour = 0, minute = 0, second = 0;
  Half half = Half::none;
  bool capital_half = false;  // "PM" rather than "pm"
};

struct Beginning {
  enum class Kind { none, message, unknown_half } kind = Kind::none;
  Stamp stamp;
  std::size_t length = 0;  // of the prefix, in the plain text
  std::string word;        // what was not understood
};

class PrefixParser {
 public:
  explicit PrefixParser(std::string_view text) : text_(text) {}

  Beginning parse() {
    Beginning made;
    skip_spaces();
    const bool bracket = take("[");
    skip_spaces();
    if (!date(made.stamp)) return made;
    // What stands between date and time: ", ", " ", " klo ", " um ", " at ".
    skip_while([](char letter) { return letter == ',' || letter == ' ' || letter == '.'; });
    std::string before = word();
    skip_spaces();
    if (!time(made.stamp)) return made;
    skip_spaces();
    std::string after = word();
    skip_spaces();
    if (base::lower_ascii(after) == "uhr") after.clear();
    for (std::string* one : {&before, &after}) {
      if (one->empty()) continue;
      if (const auto half = half_of(*one)) {
        made.stamp.half = *half;
        made.stamp.capital_half = one->front() == 'A' || one->front() == 'P';
      } else if (one == &after) {
        made.word = *one;
      }
    }
    if (bracket) {
      if (!take("]")) return made;
    } else if (!take("- ") && !take("– ") && !take("-\n") && !(korean_ && take(", ")) &&
               !at_lone_dash()) {
      return made;
    }
    skip_spaces();
    made.length = at_;
    made.kind = made.word.empty() ? Beginning::Kind::message : Beginning::Kind::unknown_half;
    return made;
  }

 private:
  bool at_lone_dash() { return at_ + 1 == text_.size() && take("-"); }
  bool take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }
  template <typename Test>
  void skip_while(Test test) {
    while (at_ < text_.size() && test(text_[at_])) ++at_;
  }
  void skip_spaces() {
    skip_while([](char letter) { return letter == ' '; });
  }
  static bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

  // At most `most` digits.
  bool number(int& value, int& digits, int most) {
    value = 0;
    digits = 0;
    while (at_ < text_.size() && is_digit(text_[at_])) {
      if (++digits > most) return false;
      value = value * 10 + (text_[at_++] - '0');
    }
    return digits > 0;
  }

  bool date(Stamp& stamp) {
    for (std::size_t i = 0; i < 3; ++i) {
      if (!number(stamp.date[i], stamp.digits[i], 4)) return false;
      if (i == 2) {
        if (take("日") || take("일")) korean_ = true;
        return true;
      }
      if (take("年") || take("月") || take("년") || take("월")) {
        korean_ = true;
        skip_spaces();
        stamp.separator = '-';
        continue;
      }
      skip_spaces();
      if (at_ >= text_.size()) return false;
      const char sign = text_[at_];
      if (sign != '/' && sign != '.' && sign != '-') return false;
      stamp.separator = sign;
      ++at_;
      skip_spaces();
    }
    return true;
  }

  bool time(Stamp& stamp) {
    int digits = 0;
    if (!number(stamp.hour, digits, 2) || (!take(":") && !take("."))) return false;
    if (!number(stamp.minute, digits, 2) || digits != 2) return false;
    if (at_ + 1 < text_.size() && (text_[at_] == ':' || text_[at_] == '.') &&
        is_digit(text_[at_ + 1])) {
      ++at_;
      if (!number(stamp.second, digits, 2)) return false;
    }
    return stamp.hour < 24 && stamp.minute < 60 && stamp.second < 61;
  }

  // Letters and dots of a word for the half of the day, which may be in two parts ("p. m.").
  std::string word() {
    std::string made;
    for (int part = 0; part < 2; ++part) {
      const std::size_t begin = at_;
      skip_while([](char letter) {
        return (static_cast<unsigned char>(letter) >= 0x80) || letter == '.' ||
               (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
      });
      const std::string_view piece = text_.substr(begin, at_ - begin);
      if (piece == "–") {  // the dash before the text
        at_ = begin;
        break;
      }
      made += piece;
      if (made.size() > 40) return made;
      if (!made.ends_with('.') || text_.substr(at_, 1) != " " || part == 1) break;
      if (text_.substr(at_ + 1, 1) == "-") break;
      ++at_;
    }
    return made;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool korean_ = false;
};

// ---- order of day, month and year --------------------------------------------------------------

enum class Order { day_first, month_first, year_first };

std::optional<base::Date> date_in(const Stamp& stamp, Order order) {
  std::array<std::size_t, 3> places{};  // of year, month, day
  switch (order) {
    case Order::day_first:
      places = {2, 1, 0};
      break;
    case Order::month_first:
      places = {2, 0, 1};
      break;
    case Order::year_first:
      places = {0, 1, 2};
      break;
  }
  const auto year_digits = stamp.digits[places[0]];
  if (stamp.digits[places[1]] > 2 || stamp.digits[places[2]] > 2) return std::nullopt;
  if (year_digits != 2 && year_digits != 4) return std::nullopt;
  int year = stamp.date[places[0]];
  if (year_digits == 2) year += 2000;
  if (year > 2500) year -= 543;  // Buddhist
  const base::Date date{year, stamp.date[places[1]], stamp.date[places[2]]};
  if (!base::date_is_valid(date) || year < 2009 || year > 2100) return std::nullopt;
  return date;
}

struct Decision {
  std::optional<Order> order;
  bool guessed = false;
};

Decision decide(const std::vector<Stamp>& stamps, base::Microseconds newest) {
  const base::Date last =
      newest > 0 ? base::add_days(base::to_local(newest, "UTC").date, 2) : base::Date{2100, 1, 1};
  struct Candidate {
    Order order;
    std::size_t backwards = 0;
    std::size_t in_future = 0;
  };
  std::vector<Candidate> possible;
  for (const Order order : {Order::day_first, Order::month_first, Order::year_first}) {
    Candidate candidate{order};
    std::optional<base::Date> before;
    bool valid = true;
    for (const Stamp& stamp : stamps) {
      const auto date = date_in(stamp, order);
      if (!date) {
        valid = false;
        break;
      }
      if (before && *date < *before) ++candidate.backwards;
      if (*date > last) ++candidate.in_future;
      before = date;
    }
    if (valid) possible.push_back(candidate);
  }
  if (possible.empty()) return {};
  std::sort(possible.begin(), possible.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.in_future, a.backwards) < std::pair(b.in_future, b.backwards);
  });
  const auto as_good = [&](const Candidate& one) {
    return one.in_future == possible.front().in_future &&
           one.backwards == possible.front().backwards;
  };
  std::vector<Order> best;
  for (const Candidate& one : possible) {
    if (as_good(one)) best.push_back(one.order);
  }
  if (best.size() == 1) return {best.front(), false};
  const Stamp& first = stamps.front();
  const auto is_possible = [&](Order order) {
    return std::find(best.begin(), best.end(), order) != best.end();
  };
  // Years in two digits stand first only where nothing else fits. Capital AM and PM with slashes
  // is how American phones write; everybody else puts the day first.
  const bool american = first.separator == '/' && first.half != Half::none && first.capital_half;
  const bool same = std::all_of(stamps.begin(), stamps.end(),
                                [](const Stamp& stamp) { return stamp.date[0] == stamp.date[1]; });
  if (american && is_possible(Order::month_first)) return {Order::month_first, !same};
  if (is_possible(Order::day_first)) return {Order::day_first, !same};
  return {best.front(), true};
}

// ---- the file ----------------------------------------------------------------------------------

struct Line {
  Stamp stamp;
  std::string text;  // after the prefix, with the lines that follow
};

// The shape of a line without its content: letters become x and digits 9.
std::string shape_of(std::string_view line) {
  std::string shape;
  for (const char letter : line.substr(0, 40)) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte >= '0' && byte <= '9') {
      shape += '9';
    } else if (std::isalpha(byte) != 0 || byte >= 0x80) {
      if (shape.empty() || shape.back() != 'x') shape += 'x';
    } else {
      shape += letter;
    }
  }
  return shape;
}

// "WhatsApp Chat with Ana (1)" → "Ana".
std::string chat_name(std::string_view file) {
  std::string name = base::clean_utf8(file);
  if (name.ends_with(')')) {
    const auto open = name.rfind(" (");
    if (open != std::string::npos &&
        name.find_first_not_of("0123456789", open + 2) == name.size() - 1) {
      name.resize(open);
    }
  }
  constexpr std::array<std::string_view, 14> prefixes = {
      "WhatsApp Chat with ",   "WhatsApp Chat - ",          "WhatsApp chat with ",
      "Chat de WhatsApp con ", "Conversa do WhatsApp com ", "Conversa do WhatsApp com o ",
      "WhatsApp Chat mit ",    "WhatsApp-Chat mit ",        "Discussion WhatsApp avec ",
      "Chat WhatsApp con ",    "WhatsApp-chat met ",        "Chat de WhatsApp amb ",
      "Czat WhatsApp z ",      "WhatsApp-chatt med "};
  for (const std::string_view prefix : prefixes) {
    if (name.size() > prefix.size() && name.starts_with(prefix)) {
      name.erase(0, prefix.size());
      break;
    }
  }
  return base::collapse_spaces(name);
}

// What a message consists of where its media was left out: "<Media omitted>", "‎image omitted".
bool is_placeholder(std::string_view marked, std::string_view text) {
  if (text.starts_with('<') && text.ends_with('>') && text.size() < 80) return true;
  return marked.starts_with("\u200E") && text.size() < 60 &&
         text.find_first_of(".:/") == std::string_view::npos;
}

base::Result<std::string> text_of(const Input& input, std::string& name) {
  if (!input.bytes.starts_with("PK\x03\x04")) return decode_text(input.bytes, {});
  const auto corrupt = [] { return base::fail(ErrorKind::corrupt, "whatsapp.corrupt"); };
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source =
      zip_source_buffer_create(input.bytes.data(), input.bytes.size(), 0, &error);
  if (source == nullptr) return corrupt();
  zip_t* opened = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (opened == nullptr) {
    zip_source_free(source);
    zip_error_fini(&error);
    return corrupt();
  }
  const std::unique_ptr<zip_t, decltype(&zip_discard)> archive(opened, &zip_discard);
  const zip_int64_t count = std::min<zip_int64_t>(zip_get_num_entries(opened, 0), 100'000);
  std::optional<zip_uint64_t> chosen;
  std::string chosen_name;
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* entry = zip_get_name(opened, static_cast<zip_uint64_t>(i), 0);
    if (entry == nullptr) continue;
    const std::string_view one = entry;
    // Texts that were sent as files lie beside the chat.
    const bool is_chat = one == "_chat.txt" || (one.ends_with(".txt") && one.find("WhatsApp") == 0);
    if (is_chat || (!chosen && one.ends_with(".txt"))) {
      chosen = static_cast<zip_uint64_t>(i);
      chosen_name = one;
      if (is_chat) break;
    }
  }
  if (!chosen) return base::fail(ErrorKind::invalid_input, "whatsapp.no_chat");
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen_index(opened, *chosen, 0),
                                                                &zip_fclose);
  if (!file) return corrupt();
  std::string bytes;
  std::array<char, 65536> buffer{};
  for (zip_int64_t got = 0; (got = zip_fread(file.get(), buffer.data(), buffer.size())) != 0;) {
    if (got < 0) return corrupt();
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
    if (bytes.size() > most_text) return corrupt();
  }
  if (chosen_name != "_chat.txt") name = file_stem(chosen_name);
  return decode_text(bytes, {});
}

base::LocalTime local_of(const Stamp& stamp, Order order) {
  base::LocalTime local;
  local.date = *date_in(stamp, order);
  local.hour = stamp.hour;
  if (stamp.half == Half::afternoon && local.hour < 12) local.hour += 12;
  if (stamp.half == Half::morning && local.hour == 12) local.hour = 0;
  local.minute = stamp.minute;
  local.second = std::min(stamp.second, 59);
  return local;
}

base::Result<std::vector<domain::Item>> read_whatsapp(const Input& input) {
  std::string name(file_stem(file_name(input.name)));
  TRY_ASSIGN(const std::string text, text_of(input, name));
  std::vector<Line> lines;
  std::string first_line;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    // Only the beginning is made plain: the text stays as it was written.
    const std::string bare = without_marks(line);
    const Beginning beginning = PrefixParser(plain_prefix(base::cut_utf8(bare, 96))).parse();
    if (beginning.kind == Beginning::Kind::unknown_half) {
      return base::fail(ErrorKind::unsupported, "whatsapp.unknown_half",
                        {{"word", beginning.word}});
    }
    if (beginning.kind == Beginning::Kind::message) {
      // The prefix is as long in the line as the part that plain_prefix made of it.
      std::size_t length = 0;
      while (length < bare.size() &&
             plain_prefix(std::string_view(bare).substr(0, length)).size() < beginning.length) {
        ++length;
      }
      while (length < bare.size() && (static_cast<unsigned char>(bare[length]) & 0xC0) == 0x80) {
        ++length;
      }
      const std::string body = bare.substr(length);
      // Whether the program or a person speaks shows in a mark behind the name.
      const auto colon = line.find(": ");
      const std::string_view marked =
          colon == std::string_view::npos ? std::string_view() : line.substr(colon + 2);
      const auto own_colon = body.find(": ");
      if (own_colon != std::string::npos &&
          is_placeholder(marked, std::string_view(body).substr(own_colon + 2))) {
        lines.push_back({beginning.stamp,
                         body.substr(0, own_colon + 2) + "[" + body.substr(own_colon + 2) + "]"});
      } else {
        lines.push_back({beginning.stamp, body});
      }
      continue;
    }
    if (lines.empty()) {
      if (first_line.empty()) first_line = base::trim(bare);
    } else {
      lines.back().text += "\n" + bare;
    }
  }
  if (lines.empty()) {
    return base::fail(ErrorKind::invalid_input, "whatsapp.unknown_format",
                      {{"shape", shape_of(first_line)}});
  }
  std::vector<Stamp> stamps;
  for (const Line& line : lines) stamps.push_back(line.stamp);
  const Decision decision = decide(stamps, input.modified);
  if (!decision.order) {
    return base::fail(ErrorKind::unsupported, "whatsapp.unknown_dates");
  }
  Chat chat;
  chat.program = "WhatsApp";
  for (const Line& line : lines) {
    ChatMessage message;
    message.at = local_of(line.stamp, *decision.order);
    const auto colon = line.text.find(": ");
    const auto lone = line.text.find(':');
    if (colon != std::string::npos && line.text.substr(0, colon).find('\n') == std::string::npos) {
      message.sender = base::collapse_spaces(line.text.substr(0, colon));
      message.text = base::trim(line.text.substr(colon + 2));
    } else if (lone != std::string::npos && lone + 1 < line.text.size() &&
               line.text[lone + 1] == '\n') {
      message.sender = base::collapse_spaces(line.text.substr(0, lone));
      message.text = base::trim(line.text.substr(lone + 1));
    } else {
      message.text = base::trim(line.text);
    }
    if (!message.text.empty()) chat.messages.push_back(std::move(message));
  }
  chat.name = chat_name(name);
  if (chat.name.empty() || chat.name == "_chat") chat.name = "WhatsApp";
  chat.id = "whatsapp:" + sha256_hex(base::fold(chat.name)).substr(0, 16);
  auto items = items_of(chat, input.owner_zone);
  if (decision.guessed && !items.empty()) {
    items.front().notices.push_back({"whatsapp.order_guessed", {}});
  }
  return items;
}

}  // namespace

Reader whatsapp_reader() {
  return {"whatsapp", 1, {"application/x-whatsapp-chat"}, {}, &read_whatsapp};
}

}  // namespace lar::readers
