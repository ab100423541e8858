#include "assistant/card_text.h"

#include <nlohmann/json.hpp>

#include "assistant/assistant.h"
#include "base/messages.h"
#include "base/time_expression.h"

namespace lar::assistant {

using nlohmann::json;

std::string spoken_time(std::string_view mark, base::Language language, const base::Date& today) {
  const bool spanish = language == base::Language::spanish;
  mark.remove_prefix(1);
  const auto day = base::parse_date(mark.substr(0, 10));
  if (!day) return std::string(mark);
  const int distance = base::days_between(today, *day);
  std::string text;
  if (distance == 0) {
    text = spanish ? "hoy" : "today";
  } else if (distance == 1) {
    text = spanish ? "mañana" : "tomorrow";
  } else if (distance == -1) {
    text = spanish ? "ayer" : "yesterday";
  } else {
    text = base::spell_date(*day, spanish);
    if (day->year == today.year) text = text.substr(0, text.rfind(spanish ? " de " : " "));
    if (spanish) text = "el " + text;
  }
  if (mark.size() < 16) return text;
  const std::string time(mark.substr(11, 5));
  if (!spanish) return text + " at " + time;
  return text + (time.starts_with("01") ? " a la " : " a las ") + time;
}

std::string card_text(const store::Card& card, base::Language language, base::Microseconds now,
                      std::string_view zone) {
  const json values = json::parse(card.parameters, nullptr, false);
  const base::Date today = base::to_local(now, zone).date;
  base::Parameters parameters;
  std::string reasons;
  if (values.is_object()) {
    for (const auto& [name, value] : values.items()) {
      const auto text = value.is_string() ? value.get<std::string>() : value.dump();
      if (name == "reasons") {
        for (const json& reason : json::parse(text, nullptr, false)) {
          Sign sign{reason.value("code", ""), {}};
          for (const auto& [key, inner] : reason["params"].items()) {
            sign.parameters.emplace_back(key, inner.get<std::string>());
          }
          reasons += (reasons.empty() ? "" : " ") + sentence(sign, language);
        }
        continue;
      }
      const bool mark = text.size() >= 11 && text[0] == '@' && text[5] == '-' && text[8] == '-';
      parameters.emplace_back(name, mark ? spoken_time(text, language, today) : text);
    }
  }
  parameters.emplace_back("reasons", reasons);
  const std::string code = "card." + card.code;
  std::string text = base::message(code, parameters, language);
  return text;
}

std::string because_json(const Decision& decision) {
  json value = {{"code", decision.code}, {"params", json::object()}};
  for (const auto& [name, text] : decision.parameters) value["params"][name] = text;
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string as_markup(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '&') {
      result += "&amp;";
    } else if (letter == '<') {
      result += "&lt;";
    } else if (letter == '>') {
      result += "&gt;";
    } else {
      result += letter;
    }
  }
  return result;
}

std::string because_text(const std::string& because, base::Language language) {
  const json value = json::parse(because, nullptr, false);
  if (!value.is_object() || !value.contains("code")) return {};
  base::Parameters parameters;
  for (const auto& [name, text] : value["params"].items()) {
    parameters.emplace_back(name, text.get<std::string>());
  }
  const std::string code = "gate.because." + value["code"].get<std::string>();
  return base::message(code, parameters, language);
}

}  // namespace lar::assistant
