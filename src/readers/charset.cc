// Charsets: labels as mail and the web use them (WHATWG Encoding: latin1 means windows-1252 and so
// on), conversion by iconv, and uchardet where the label is absent or cannot be right. No state.
#include <iconv.h>
#include <uchardet/uchardet.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

struct Alias {
  std::string_view label;
  const char* iconv_name;
};

// Only labels that iconv does not know or for which a superset is what senders really mean.
constexpr std::array<Alias, 20> aliases = {
    {{"iso-8859-1", "WINDOWS-1252"}, {"latin1", "WINDOWS-1252"},   {"latin-1", "WINDOWS-1252"},
     {"us-ascii", "WINDOWS-1252"},   {"ascii", "WINDOWS-1252"},    {"iso8859-1", "WINDOWS-1252"},
     {"cp1252", "WINDOWS-1252"},     {"x-cp1252", "WINDOWS-1252"}, {"iso-8859-9", "WINDOWS-1254"},
     {"iso-8859-8-i", "ISO-8859-8"}, {"gb2312", "GB18030"},        {"gbk", "GB18030"},
     {"x-gbk", "GB18030"},           {"shift_jis", "CP932"},       {"shift-jis", "CP932"},
     {"ks_c_5601-1987", "CP949"},    {"euc-kr", "CP949"},          {"x-mac-roman", "MACINTOSH"},
     {"unicode-1-1-utf-7", "UTF-7"}, {"big5", "BIG5-HKSCS"}}};

std::string iconv_name(std::string_view charset) {
  const std::string label = base::lower_ascii(base::trim(charset));
  for (const Alias& alias : aliases) {
    if (alias.label == label) return alias.iconv_name;
  }
  return label;
}

struct Converter {
  iconv_t handle;
  explicit Converter(const std::string& from) : handle(iconv_open("UTF-8", from.c_str())) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (valid()) iconv_close(handle);
  }
  // NOLINTNEXTLINE: iconv's own way of saying failure
  bool valid() const { return handle != reinterpret_cast<iconv_t>(-1); }
};

struct Converted {
  std::string text;
  size_t faults = 0;
};

std::optional<Converted> convert(std::string_view bytes, const std::string& from) {
  // Anything with an option ("//IGNORE") or a strange name never comes from an honest label.
  if (from.empty() || from.size() > 40 || from.find('/') != std::string::npos) return std::nullopt;
  const Converter converter(from);
  if (!converter.valid()) return std::nullopt;
  Converted result;
  result.text.reserve(bytes.size() + bytes.size() / 4);
  char* input = const_cast<char*>(bytes.data());
  size_t left = bytes.size();
  std::array<char, 8192> buffer;
  while (left > 0) {
    char* output = buffer.data();
    size_t room = buffer.size();
    const size_t status = iconv(converter.handle, &input, &left, &output, &room);
    const int error = errno;
    result.text.append(buffer.data(), buffer.size() - room);
    if (status != static_cast<size_t>(-1) || error == E2BIG) continue;
    ++result.faults;
    result.text += "\xEF\xBF\xBD";
    if (error == EINVAL || left == 0) break;  // a sequence cut off at the end
    ++input;
    --left;
  }
  char* output = buffer.data();
  size_t room = buffer.size();
  iconv(converter.handle, nullptr, nullptr, &output, &room);
  result.text.append(buffer.data(), buffer.size() - room);
  return result;
}

bool has_high_bytes(std::string_view bytes) {
  for (const char byte : bytes) {
    if (static_cast<unsigned char>(byte) >= 0x80) return true;
  }
  return false;
}

// Charsets whose bytes are ASCII although the text is not: never to be taken for plain ASCII.
bool is_seven_bit_coding(const std::string& name) {
  const std::string lower = base::lower_ascii(name);
  return lower.starts_with("iso-2022") || lower == "utf-7" || lower.starts_with("hz") ||
         lower.starts_with("utf-16") || lower.starts_with("utf-32") || lower.starts_with("ucs");
}

std::string guess_charset(std::string_view bytes) {
  const std::unique_ptr<uchardet, decltype(&uchardet_delete)> detector(uchardet_new(),
                                                                       &uchardet_delete);
  if (!detector) return {};
  const std::string_view sample = bytes.substr(0, 256 * 1024);
  if (uchardet_handle_data(detector.get(), sample.data(), sample.size()) != 0) return {};
  uchardet_data_end(detector.get());
  return uchardet_get_charset(detector.get());
}

}  // namespace

std::string decode_text(std::string_view bytes, std::string_view charset) {
  if (bytes.starts_with("\xEF\xBB\xBF")) return base::clean_utf8(bytes.substr(3));
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
    const auto converted = convert(bytes.substr(2), bytes[0] == '\xFF' ? "UTF-16LE" : "UTF-16BE");
    if (converted) return base::clean_utf8(converted->text);
  }
  const std::string name = iconv_name(charset);
  if (!is_seven_bit_coding(name)) {
    // Text that is well-formed UTF-8 beyond ASCII is UTF-8, whatever its label says: other charsets
    // produce such sequences by accident only in very short texts.
    if (base::is_valid_utf8(bytes)) return base::clean_utf8(bytes);
  }
  std::optional<Converted> by_label;
  if (!name.empty() && name != "utf-8" && name != "utf8") by_label = convert(bytes, name);
  if (by_label && by_label->faults == 0) return base::clean_utf8(by_label->text);
  if (has_high_bytes(bytes)) {
    // One bad byte in a long UTF-8 text is damage, not another charset.
    if (name == "utf-8" || name == "utf8" || name.empty()) {
      const std::string cleaned = base::clean_utf8(bytes);
      size_t faults = 0;
      size_t high = 0;
      for (size_t at = 0; (at = cleaned.find("\xEF\xBF\xBD", at)) != std::string::npos; at += 3) {
        ++faults;
      }
      for (const char byte : cleaned) high += static_cast<unsigned char>(byte) >= 0xC0 ? 1U : 0U;
      if (faults * 4 < high) return cleaned;
    }
    const std::string guess = iconv_name(guess_charset(bytes));
    if (!guess.empty() && guess != "utf-8") {
      const auto guessed = convert(bytes, guess);
      // uchardet is unsure about short western texts; single-byte guesses other than the western
      // ones are believed only for longer ones.
      const bool western = guess == "WINDOWS-1252" || guess == "iso-8859-15";
      if (guessed && guessed->faults == 0 && (western || bytes.size() > 200)) {
        return base::clean_utf8(guessed->text);
      }
    }
    if (by_label && by_label->faults * 50 < bytes.size()) return base::clean_utf8(by_label->text);
    const auto western = convert(bytes, "WINDOWS-1252");
    if (western) return base::clean_utf8(western->text);
  }
  if (by_label) return base::clean_utf8(by_label->text);
  return base::clean_utf8(bytes);
}

}  // namespace lar::readers
