// The tables are parsed once, at first use, and then only read.
#include "base/messages.h"

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "base/embedded.h"

namespace lar::base {
namespace {

using Table = std::map<std::string, std::string, std::less<>>;

const Table& table(Language language) {
  static const auto load = [](std::string_view file) {
    Table result;
    for (const embedded::File& entry : embedded::sentences()) {
      if (entry.path != file) continue;
      const auto parsed = nlohmann::json::parse(entry.bytes, nullptr, false);
      if (!parsed.is_object()) continue;
      for (const auto& [code, sentence] : parsed.items()) {
        if (sentence.is_string()) result.emplace(code, sentence.get<std::string>());
      }
    }
    return result;
  };
  static const Table english = load("en.json");
  static const Table spanish = load("es.json");
  return language == Language::spanish ? spanish : english;
}

}  // namespace

std::string message(std::string_view code, const Parameters& parameters, Language language) {
  const Table& sentences = table(language);
  const auto found = sentences.find(code);
  if (found == sentences.end()) return std::string(code);
  // One pass, so that a parameter's own braces are never taken for places.
  std::string result;
  const std::string& sentence = found->second;
  for (size_t position = 0; position < sentence.size();) {
    if (sentence[position] == '{') {
      const size_t close = sentence.find('}', position);
      if (close != std::string::npos) {
        const std::string_view name(sentence.data() + position + 1, close - position - 1);
        bool filled = false;
        for (const auto& [parameter, value] : parameters) {
          if (parameter == name) {
            result += value;
            filled = true;
            break;
          }
        }
        if (!filled) result.append(sentence, position, close - position + 1);
        position = close + 1;
        continue;
      }
    }
    result += sentence[position++];
  }
  return result;
}

std::string message(std::string_view code, Language language) {
  return message(code, {}, language);
}

std::string message(const Error& error, Language language) {
  return message(error.code, error.parameters, language);
}

bool has_message(std::string_view code) { return table(Language::english).contains(code); }

Language environment_language() {
  for (const char* name : {"LAR_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return language_from_code(value);
  }
  return Language::english;
}

}  // namespace lar::base
