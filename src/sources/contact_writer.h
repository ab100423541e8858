// Writes and changes contacts (vCard, RFC 2426 and RFC 6350). A change is made on the lines of the
// card: what lar does not know stays as it was. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace lar::sources {

// Empty: not stated, and on changing left as it is.
struct ContactDraft {
  std::string name, email, phone;
};

// A card of version 3.0, which every server takes. Errors: contact.malformed without a name.
base::Result<std::string> write_contact(const std::string& uid, const ContactDraft& draft);
// The card with that name, and with address and number beside those it has. Comes back as it was
// where it says all that already. Errors: contact.malformed where it is not one whole card.
base::Result<std::string> change_contact(std::string_view card, const ContactDraft& draft);

}  // namespace lar::sources
