#include "sources/token.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/foreign_json.h"
#include "base/percent.h"
#include "net/http_client.h"
#include "sources/consent.h"

namespace lar::sources {

using base::ErrorKind;
using base::Result;
using nlohmann::json;

namespace {

constexpr base::Microseconds token_margin = 60 * base::one_second;

}  // namespace

Result<std::string> access_token(const TokenAccount& account, const Outside& outside,
                                 const std::string& secret, std::optional<store::Id> source,
                                 std::stop_token stop) {
  json kept = json::parse(secret, nullptr, false);
  if (kept.is_discarded()) kept = {{"refresh_token", secret}};
  if (!kept.is_object() || !kept.contains("refresh_token") || !kept["refresh_token"].is_string()) {
    return base::fail(ErrorKind::invalid_input, std::string(account.bad_secret));
  }
  const auto text_of = [&](const char* key) {
    const auto found = kept.find(key);
    return found != kept.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const base::Microseconds now = base::Clock::now();
  const auto expires = kept.find("expires");
  if (expires != kept.end() && expires->is_number_integer() &&
      expires->get<base::Microseconds>() > now + token_margin && !text_of("access_token").empty()) {
    return text_of("access_token");
  }
  const auto endpoint = token_endpoint_of(account.oauth.token_endpoint);
  if (!endpoint) {
    return base::fail(ErrorKind::invalid_input, std::string(account.bad_setting),
                      {{"name", "oauth.token_endpoint"}});
  }
  const auto policy = outside.egress.permit("sign-in " + account.name, {*endpoint});
  net::HttpRequest request;
  request.method = "POST";
  request.url = account.oauth.token_endpoint;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  request.body =
      "grant_type=refresh_token&refresh_token=" + base::percent_encode(text_of("refresh_token")) +
      "&client_id=" + base::percent_encode(account.oauth.client_id);
  if (!text_of("client_secret").empty()) {
    request.body += "&client_secret=" + base::percent_encode(text_of("client_secret"));
  }
  if (!account.oauth.scope.empty()) {
    request.body += "&scope=" + base::percent_encode(account.oauth.scope);
  }
  request.body_limit = 256u << 10;
  request.deadline = std::chrono::milliseconds(60'000);
  TRY_ASSIGN(const net::HttpResponse response, net::HttpClient(*policy).send(request, stop));
  const json answer = base::foreign_json(response.body);
  const auto token = answer.is_object() ? answer.find("access_token") : answer.end();
  if (response.status != 200 || !answer.is_object() || token == answer.end() ||
      !token->is_string()) {
    // 4xx: the owner has to sign in again. Anything else may pass.
    const bool final = response.status >= 400 && response.status < 500 && response.status != 429;
    return base::fail(final ? ErrorKind::permission : ErrorKind::unavailable,
                      std::string(account.refused),
                      {{"host", endpoint->host}, {"user", account.user}},
                      final ? base::Retry::no : base::Retry::later);
  }
  kept["access_token"] = *token;
  const auto lasts = answer.find("expires_in");
  kept["expires"] =
      now + (lasts != answer.end() && lasts->is_number() ? lasts->get<std::int64_t>() : 300) *
                base::one_second;
  if (const auto renewed = answer.find("refresh_token");
      renewed != answer.end() && renewed->is_string()) {
    kept["refresh_token"] = *renewed;
  }
  if (source) TRY(outside.secrets.put(secret_name(*source), kept.dump()));
  return token->get<std::string>();
}

}  // namespace lar::sources
