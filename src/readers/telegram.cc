// Chats exported by Telegram as JSON (result.json): one chat, or all of an account. Messages are
// taken out of the text as it is parsed, so that a large export needs little memory.
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <iterator>
#include <optional>

#include "base/text.h"
#include "readers/chat.h"

namespace lar::readers {
namespace {

using base::ErrorKind;
using nlohmann::json;

// A text is a string, or a list of strings and of objects with a text (links, bold …).
std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string text;
  if (!value.is_array()) return text;
  for (const json& piece : value) {
    if (piece.is_string()) text += piece.get<std::string>();
    if (piece.is_object() && piece.contains("text") && piece["text"].is_string()) {
      text += piece["text"].get<std::string>();
    }
  }
  return text;
}

std::string string_of(const json& value, const char* key) {
  const auto found = value.find(key);
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// "2024-01-02T10:11:12", by the clock of whoever exported.
std::optional<base::LocalTime> local_time(const std::string& text) {
  const auto date = base::parse_date(text.substr(0, 10));
  if (!date || text.size() < 19 || text[10] != 'T') return std::nullopt;
  base::LocalTime local{*date, std::atoi(text.substr(11, 2).c_str()),
                        std::atoi(text.substr(14, 2).c_str()),
                        std::atoi(text.substr(17, 2).c_str())};
  if (local.hour > 23 || local.minute > 59 || local.second > 60 || local.hour < 0 ||
      local.minute < 0 || local.second < 0) {
    return std::nullopt;
  }
  return local;
}

std::optional<ChatMessage> message_of(const json& value, const std::string& zone) {
  ChatMessage message;
  const std::string unix_time = string_of(value, "date_unixtime");
  const long long seconds = std::atoll(unix_time.c_str());
  if (seconds > 0 && seconds < 100'000'000'000) {
    message.time = seconds * base::one_second;
    message.at = base::to_local(message.time, zone);
  } else if (const auto local = local_time(string_of(value, "date"))) {
    message.at = *local;
  } else {
    return std::nullopt;
  }
  message.text = base::clean_utf8(text_of(value.value("text", json())));
  for (const char* key : {"file_name", "sticker_emoji", "title", "performer"}) {
    const std::string more = string_of(value, key);
    if (!more.empty()) message.text += (message.text.empty() ? "" : "\n") + base::clean_utf8(more);
  }
  if (string_of(value, "type") == "message") {
    message.sender = base::collapse_spaces(base::clean_utf8(string_of(value, "from")));
    if (message.sender.empty()) message.sender = base::clean_utf8(string_of(value, "from_id"));
    const std::string forwarded = string_of(value, "forwarded_from");
    if (!forwarded.empty()) message.text = "[" + base::clean_utf8(forwarded) + "] " + message.text;
  } else {
    message.text = base::clean_utf8(string_of(value, "actor") + " " + string_of(value, "action") +
                                    " " + message.text);
  }
  if (base::trim(message.text).empty()) return std::nullopt;  // a picture without a word
  return message;
}

base::Result<std::vector<domain::Item>> read_telegram(const Input& input) {
  std::vector<Chat> chats;
  std::vector<ChatMessage> messages;
  const auto on_event = [&](int, json::parse_event_t event, json& parsed) {
    if (event != json::parse_event_t::object_end || !parsed.is_object()) return true;
    const std::string type = string_of(parsed, "type");
    if ((type == "message" || type == "service") && parsed.contains("date")) {
      if (auto message = message_of(parsed, input.owner_zone)) {
        messages.push_back(std::move(*message));
      }
      return false;  // not kept in the document
    }
    if (parsed.contains("messages") && parsed.contains("id")) {
      Chat chat;
      const json& id = parsed["id"];
      chat.id = "telegram:" + (id.is_number_integer() ? std::to_string(id.get<std::int64_t>())
                                                      : sha256_hex(id.dump()).substr(0, 16));
      chat.name = base::collapse_spaces(base::clean_utf8(string_of(parsed, "name")));
      if (chat.name.empty()) chat.name = "Telegram";
      chat.program = "Telegram";
      chat.messages = std::move(messages);
      messages.clear();
      chats.push_back(std::move(chat));
      return false;
    }
    return true;
  };
  const json rest = json::parse(input.bytes, on_event, false);
  if (rest.is_discarded() && chats.empty()) {
    return base::fail(ErrorKind::corrupt, "telegram.corrupt");
  }
  if (chats.empty()) return base::fail(ErrorKind::invalid_input, "telegram.no_chat");
  std::vector<domain::Item> items;
  for (const Chat& chat : chats) {
    auto days = items_of(chat, input.owner_zone);
    std::move(days.begin(), days.end(), std::back_inserter(items));
  }
  return items;
}

}  // namespace

Reader telegram_reader() {
  return {"telegram", 1, {"application/x-telegram-chat"}, {}, &read_telegram};
}

}  // namespace lar::readers
