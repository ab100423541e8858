// Days of a chat as items. Pure functions.
#include "readers/chat.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"

namespace lar::readers {

namespace {

constexpr std::size_t most_people = 64;

domain::Item item_of(const Chat& chat, const base::Date& day,
                     const std::vector<const ChatMessage*>& messages, const std::string& zone) {
  domain::Item item;
  item.kind = domain::ItemKind::message;
  item.external_id = chat.id + ":" + base::format_date(day);
  item.title = chat.name + " (" + chat.program + ")";
  item.origin = domain::Origin::stranger;
  const ChatMessage& first = *messages.front();
  item.when =
      domain::Instant{first.time != 0 ? first.time : base::from_local(first.at, zone), zone};
  PartBuilder builder;
  builder.add(domain::SegmentKind::heading, chat.name + ", " + spell_date(day));
  for (const ChatMessage* message : messages) {
    const std::string time = fmt::format("{:02}:{:02}", message->at.hour, message->at.minute);
    if (message->sender.empty()) {
      builder.add(domain::SegmentKind::boilerplate, time + " " + message->text);
      continue;
    }
    builder.add(domain::SegmentKind::list, time + " " + message->sender + ": " + message->text);
    const bool known =
        std::any_of(item.people.begin(), item.people.end(),
                    [&](const domain::Person& person) { return person.name == message->sender; });
    if (!known && item.people.size() < most_people) {
      item.people.push_back({domain::PersonRole::from, message->sender, ""});
    }
  }
  item.parts.push_back(builder.finish());
  item.parts.back().media_type = "text/plain";
  complete(item);
  return item;
}

}  // namespace

std::vector<domain::Item> items_of(const Chat& chat, const std::string& zone) {
  std::map<base::Date, std::vector<const ChatMessage*>> days;
  for (const ChatMessage& message : chat.messages) days[message.at.date].push_back(&message);
  std::vector<domain::Item> items;
  items.reserve(days.size());
  for (const auto& [day, messages] : days) items.push_back(item_of(chat, day, messages, zone));
  return items;
}

}  // namespace lar::readers
