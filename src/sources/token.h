// Access tokens of accounts that are signed in to by consent (consent.h): kept with the refresh
// token as the account's secret, and renewed a minute before they end (RFC 6749, 6). Any thread.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "sources/source.h"

namespace lar::sources {

struct OAuth {
  std::string token_endpoint;
  std::string client_id;
  std::string scope;  // may be empty
};

struct TokenAccount {
  const OAuth& oauth;
  std::string name;  // of the source
  std::string user;
  // Codes of errors, each family of sources has its own: the token is not given any more {host,
  // user}, the secret is none, the setting is none {name}.
  std::string_view refused, bad_secret, bad_setting;
};

// A token that is still good. `secret`: the JSON that ask_consent gives, or a refresh token alone.
// What is renewed is kept under `source`, where there is one. Errors besides: of net::HttpClient.
base::Result<std::string> access_token(const TokenAccount& account, const Outside& outside,
                                       const std::string& secret, std::optional<store::Id> source,
                                       std::stop_token stop);

}  // namespace lar::sources
