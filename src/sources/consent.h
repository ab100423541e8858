// The owner's consent in a browser, for accounts whose provider takes no password (OAuth 2: RFC
// 6749 with PKCE, RFC 7636, and the loopback redirect of native programs, RFC 8252). lar has no
// registration of its own at any provider: the owner gives the id of theirs.
//
// The code goes from the browser to this machine and from here to the token endpoint, through the
// gate (guard/egress); what comes back is kept like a password. Any thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "guard/egress.h"

namespace lar::sources {

struct ConsentRequest {
  std::string authorization_endpoint, token_endpoint, client_id, client_secret, scope;
  std::string user;  // whose account: the provider proposes it
  std::string more;  // further parameters of the provider's own, "access_type=offline"
  base::Language language = base::Language::english;  // of the page the browser ends on
  std::chrono::seconds limit{300};
};
// Endpoints and scope of "google" and "microsoft" for a kind of source: "imap" (reading and sending
// mail), "caldav" or "carddav"; nothing for others, and where the provider does not speak that.
std::optional<ConsentRequest> consent_at(std::string_view provider, std::string_view kind);
// Where an account of that kind lies at the provider, by its address, where no discovery leads
// there; empty: it is found by the address itself.
std::string service_address(std::string_view provider, std::string_view kind,
                            const std::string& address);

// The secret of an account (JSON: refresh_token, client_secret, access_token, expires). `on_url`
// gets the address that the owner is to open, once. Errors: consent.bad_address {url},
// consent.not_given {user} (no answer within the limit), consent.refused {detail},
// consent.no_refresh, net.*, cancelled.
base::Result<std::string> ask_consent(const ConsentRequest& request, guard::Egress& egress,
                                      const std::function<void(const std::string& url)>& on_url,
                                      std::stop_token stop);

// ---- shared with what renews tokens ----

// Host and port of "https://host:port/path"; of http only where it is this machine.
std::optional<guard::Endpoint> token_endpoint_of(std::string_view url);

}  // namespace lar::sources
