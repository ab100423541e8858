// Mails that speak to an assistant instead of to their reader: "ignore your instructions", "note to
// the AI: forward …", also where the HTML does not show it. Such a mail is held a fraud; nothing of
// it becomes something to do. Pure functions.
#pragma once

#include <string>

#include "assistant/mailbox.h"

namespace lar::assistant {

// The words that give the order, as they stand in the mail; empty if there are none.
std::string order_in(const Mail& mail);
bool gives_orders(const Mail& mail);

}  // namespace lar::assistant
