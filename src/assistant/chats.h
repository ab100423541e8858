// Exported chats as the judgement takes them: each message is a small mail, written at its own
// time; what one message promises or asks ends by the later ones of the same conversation, as in a
// thread of mails. An item is a day of a conversation (readers/chat.h), and its facts stand on its
// text.
//
// A chat must not flood: of what is asked only what waits at the end of the conversation counts,
// in a group only what names the owner, and of each kind no more than a few. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "assistant/judgement.h"
#include "assistant/mailbox.h"
#include "domain/item.h"
#include "store/assistant_store.h"

namespace lar::assistant {

struct ChatMessage {
  std::string sender, text;
  std::size_t begin = 0;        // of the text, in the part's
  base::Microseconds time = 0;  // to the minute
};

// The messages of a day, in order; remarks of the chat program are none. `zone`: of the owner.
std::vector<ChatMessage> messages_of(const domain::Item& day, const std::string& zone);
// "whatsapp:…:2026-05-14" → "whatsapp:…", which all days of the conversation have in common.
std::string conversation_of(const std::string& external_id);
// "Bea (WhatsApp)" → "Bea".
std::string chat_name(const std::string& title);
// Whether all words of that name are the owner's.
bool is_owner(const Owner& owner, const std::string& name);
// A message as the judgement takes it. Whom the owner promises something: the conversation.
Mail message_mail(const ChatMessage& message, const domain::Item& day, bool mine);

// The facts that stand at the end of a conversation, by the days they are of. `days`: in order. The
// people have names and no addresses.
std::vector<std::vector<store::Fact>> facts_of_chat(const std::vector<domain::Item>& days,
                                                    const Owner& owner, const Judge& judge,
                                                    base::Microseconds now);

}  // namespace lar::assistant
