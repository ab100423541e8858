#include "sources/consent.h"

#include <sodium.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/foreign_json.h"
#include "base/messages.h"
#include "base/percent.h"
#include "net/connection_policy.h"
#include "net/http_client.h"
#include "net/loopback_redirect.h"

namespace lar::sources {

using base::ErrorKind;
using base::Result;
using nlohmann::json;

namespace {

constexpr std::size_t longest_detail = 200;

std::string base64_url(const unsigned char* bytes, std::size_t size) {
  constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(size, variant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes, size, variant);
  text.resize(text.size() - 1);  // the terminating zero
  return text;
}

// 256 bits nobody can guess.
std::string unguessable() {
  std::array<unsigned char, 32> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return base64_url(bytes.data(), bytes.size());
}

std::string challenge_of(const std::string& verifier) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(verifier.data()),
                     verifier.size());
  return base64_url(hash.data(), hash.size());
}

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What a provider says of a refusal: "access_denied", or its own words.
std::string detail_of(const std::string& code, const std::string& description) {
  return std::string(base::cut_utf8(
      base::clean_utf8(description.empty() ? code : code + ": " + description), longest_detail));
}

}  // namespace

std::optional<guard::Endpoint> token_endpoint_of(std::string_view url) {
  auto endpoint = guard::endpoint_of(url);
  // A token opens the mailbox: it goes over encrypted connections only, or stays here.
  if (endpoint && url.starts_with("http://") && !net::local_only().permits_name(endpoint->host)) {
    return std::nullopt;
  }
  return endpoint;
}

std::optional<ConsentRequest> consent_at(std::string_view provider, std::string_view kind) {
  ConsentRequest request;
  if (provider == "google") {
    request.authorization_endpoint = "https://accounts.google.com/o/oauth2/v2/auth";
    request.token_endpoint = "https://oauth2.googleapis.com/token";
    request.scope = kind == "imap"     ? "https://mail.google.com/"
                    : kind == "caldav" ? "https://www.googleapis.com/auth/calendar"
                                       : "https://www.googleapis.com/auth/carddav";
    // Without these a second consent brings no refresh token.
    request.more = "access_type=offline&prompt=consent";
    return request;
  }
  // Outlook speaks neither CalDAV nor CardDAV.
  if (provider == "microsoft" && kind == "imap") {
    request.authorization_endpoint =
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize";
    request.token_endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/token";
    request.scope =
        "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send "
        "offline_access";
    return request;
  }
  return std::nullopt;
}

std::string service_address(std::string_view provider, std::string_view kind,
                            const std::string& address) {
  if (provider != "google" || kind == "imap" || address.find('/') != std::string::npos) return {};
  return kind == "caldav" ? "https://apidata.googleusercontent.com/caldav/v2/" +
                                base::percent_encode(address) + "/user"
                          : "https://www.googleapis.com/carddav/v1/principals/" +
                                base::percent_encode(address) + "/";
}

Result<std::string> ask_consent(const ConsentRequest& request, guard::Egress& egress,
                                const std::function<void(const std::string& url)>& on_url,
                                std::stop_token stop) {
  const auto endpoint = token_endpoint_of(request.token_endpoint);
  for (const std::string& url : {request.authorization_endpoint, request.token_endpoint}) {
    if (!token_endpoint_of(url)) {
      return base::fail(ErrorKind::invalid_input, "consent.bad_address", {{"url", url}});
    }
  }
  if (::sodium_init() < 0) return base::fail(ErrorKind::internal, "consent.no_random");
  TRY_ASSIGN(const auto redirect, net::LoopbackRedirect::open());
  const std::string verifier = unguessable(), state = unguessable();
  std::string url = request.authorization_endpoint;
  url += url.find('?') == std::string::npos ? '?' : '&';
  url += "response_type=code&client_id=" + base::percent_encode(request.client_id) +
         "&redirect_uri=" + base::percent_encode(redirect->address()) +
         "&code_challenge=" + challenge_of(verifier) + "&code_challenge_method=S256&state=" + state;
  if (!request.scope.empty()) url += "&scope=" + base::percent_encode(request.scope);
  if (!request.user.empty()) url += "&login_hint=" + base::percent_encode(request.user);
  if (!request.more.empty()) url += "&" + request.more;
  on_url(url);

  const std::string page = "<!doctype html><meta charset=utf-8><title>lar</title><p>" +
                           base::message("consent.page", request.language) + "</p>";
  auto answered = redirect->wait(state, page, request.limit, stop);
  if (!answered && answered.error().kind == ErrorKind::timeout) {
    return base::fail(ErrorKind::timeout, "consent.not_given", {{"user", request.user}});
  }
  TRY_ASSIGN(auto query, std::move(answered));
  if (!query["error"].empty() || query["code"].empty()) {
    return base::fail(ErrorKind::permission, "consent.refused",
                      {{"detail", detail_of(query["error"], query["error_description"])}});
  }
  const auto policy = egress.permit("sign-in " + request.user, {*endpoint});
  net::HttpRequest exchange;
  exchange.method = "POST";
  exchange.url = request.token_endpoint;
  exchange.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                      {"Accept", "application/json"}};
  exchange.body = "grant_type=authorization_code&code=" + base::percent_encode(query["code"]) +
                  "&redirect_uri=" + base::percent_encode(redirect->address()) +
                  "&client_id=" + base::percent_encode(request.client_id) +
                  "&code_verifier=" + verifier;
  if (!request.client_secret.empty()) {
    exchange.body += "&client_secret=" + base::percent_encode(request.client_secret);
  }
  exchange.body_limit = 256u << 10;
  exchange.deadline = std::chrono::milliseconds(60'000);
  TRY_ASSIGN(const net::HttpResponse response, net::HttpClient(*policy).send(exchange, stop));
  const json answer = base::foreign_json(response.body);
  if (response.status != 200 || !answer.is_object() || text_in(answer, "access_token").empty()) {
    const std::string code = answer.is_object() ? text_in(answer, "error") : std::string();
    return base::fail(
        ErrorKind::permission, "consent.refused",
        {{"detail", code.empty() ? std::to_string(response.status)
                                 : detail_of(code, text_in(answer, "error_description"))}});
  }
  if (text_in(answer, "refresh_token").empty()) {
    return base::fail(ErrorKind::permission, "consent.no_refresh");
  }
  const auto lasts = answer.find("expires_in");
  json secret = {{"refresh_token", text_in(answer, "refresh_token")},
                 {"access_token", text_in(answer, "access_token")},
                 {"expires", base::Clock::now() + (lasts != answer.end() && lasts->is_number()
                                                       ? lasts->get<std::int64_t>()
                                                       : 300) *
                                                      base::one_second}};
  if (!request.client_secret.empty()) secret["client_secret"] = request.client_secret;
  return secret.dump();
}

}  // namespace lar::sources
