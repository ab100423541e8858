// What the readers of exported chats share: messages in, one item for each day of a conversation
// out. A day is what people remember and cite ("on Tuesday Ana wrote …"), it is small enough to be
// read as a whole, and it never changes again once it is over, so that an export that has grown
// touches only its last day and what came after. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "readers/building.h"

namespace lar::readers {

struct ChatMessage {
  base::LocalTime at;           // by the clock of the chat
  base::Microseconds time = 0;  // where the export says it; 0: `at` in the owner's zone
  std::string sender;           // empty: a remark of the program itself
  std::string text;
};

struct Chat {
  std::string id;       // "whatsapp:…": the same in every export of this conversation
  std::string name;     // as people call it
  std::string program;  // "WhatsApp"
  std::vector<ChatMessage> messages;
};

// Items in the order of their days; times of messages in `zone`.
std::vector<domain::Item> items_of(const Chat& chat, const std::string& zone);

}  // namespace lar::readers
