// What code can tell of a mail for its priority and for whether it is personal: list and automation
// headers, how it is addressed, history with its sender, where its thread stands, what kinds of
// phrases it holds, what it says about today. Numbers between 0 and about 1, by name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "assistant/mailbox.h"
#include "assistant/moments.h"
#include "assistant/suspicion.h"
#include "assistant/tasks.h"

namespace lar::assistant {

using Features = std::map<std::string, double>;

// `found`: what tasks.h finds in the mail.
Features mail_features(const Mail& mail, const Mailbox& mailbox, const Acquaintance& known,
                       const Findings& found);

// Local time of the mail in the owner's zone.
base::LocalTime written_at(const Mail& mail, const Mailbox& mailbox);
// Sent by a machine or to a list, by its headers and sender alone.
bool is_automatic(const Mail& mail);
bool is_list(const Mail& mail);
// Written by somebody under their own name, as far as name and address tell.
bool is_person_like(const Mail& mail);

}  // namespace lar::assistant
