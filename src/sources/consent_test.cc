// What ends a wait for the owner's consent without an answer; the rest is shown with a real
// provider (tests/real/oauth.py).
#include "sources/consent.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stop_token>

namespace lar::sources {
namespace {

ConsentRequest request() {
  ConsentRequest request;
  request.authorization_endpoint = "http://127.0.0.1:9/authorize";
  request.token_endpoint = "http://127.0.0.1:9/token";
  request.client_id = "lar-of-ana";
  request.user = "ana@example.org";
  return request;
}

TEST(Consent, nobody_who_answers_is_told_with_what_to_look_at) {
  guard::Egress egress(nullptr);
  ConsentRequest wanted = request();
  wanted.limit = std::chrono::seconds(1);
  std::string shown;
  const auto given = ask_consent(wanted, egress, [&](const std::string& url) { shown = url; }, {});
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code, "consent.not_given");
  EXPECT_TRUE(shown.starts_with("http://127.0.0.1:9/authorize?response_type=code")) << shown;
}

TEST(Consent, a_wait_that_is_not_wanted_any_more_ends_at_once) {
  guard::Egress egress(nullptr);
  std::stop_source stop;
  const auto given = ask_consent(
      request(), egress, [&](const std::string&) { stop.request_stop(); }, stop.get_token());
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code, "cancelled");
}

TEST(Consent, a_token_goes_over_an_encrypted_connection_or_stays_here) {
  guard::Egress egress(nullptr);
  for (const char* url :
       {"http://example.org/token", "javascript:alert(1)", "", "ftp://127.0.0.1/"}) {
    ConsentRequest wanted = request();
    wanted.token_endpoint = url;
    const auto given = ask_consent(wanted, egress, [](const std::string&) { FAIL(); }, {});
    ASSERT_FALSE(given) << url;
    EXPECT_EQ(given.error().code, "consent.bad_address") << url;
    wanted = request();
    wanted.authorization_endpoint = url;
    EXPECT_FALSE(ask_consent(wanted, egress, [](const std::string&) { FAIL(); }, {})) << url;
  }
}

}  // namespace
}  // namespace lar::sources
