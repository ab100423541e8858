// Text that a mail's HTML carries and does not show: where orders to whatever reads mail for a
// person are hidden. Readers tell its beginning among the mail's headers, under a name that no
// sender's header is kept by, so that it is never taken for what the mail says.
#pragma once

#include <string_view>

namespace lar::domain {

inline constexpr std::string_view unseen_text = "x-lar-unseen";

}  // namespace lar::domain
