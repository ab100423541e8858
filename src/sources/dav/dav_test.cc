// Addresses and answers of WebDAV servers. The conversation with real servers is in
// tests/real/dav.py.
#include <gtest/gtest.h>

#include "sources/dav/account.h"
#include "sources/dav/multistatus.h"
#include "sources/dav/url.h"
#include "sources/testing.h"

namespace lar::sources::dav {
namespace {

std::string parsed(std::string_view text) {
  const auto url = parse_url(text);
  return url ? url->text() : url.error().code;
}

TEST(DavUrl, WhatAPersonTypesBecomesAnAddress) {
  EXPECT_EQ(parsed("dav.example.org"), "https://dav.example.org/");
  EXPECT_EQ(parsed(" HTTPS://Dav.Example.org:443/ana "), "https://dav.example.org/ana");
  EXPECT_EQ(parsed("http://127.0.0.1:5232/ana/"), "http://127.0.0.1:5232/ana/");
  EXPECT_EQ(parsed("webcal://example.org/a.ics?key=1&b=2#part"),
            "https://example.org/a.ics?key=1&b=2");
  EXPECT_EQ(parsed("http://[::1]:8080/x"), "http://[::1]:8080/x");
  EXPECT_EQ(parsed("example.org?key=1"), "https://example.org/?key=1");
  EXPECT_EQ(parsed("https://ana:secret@example.org/"), "dav.password_in_address");
  EXPECT_EQ(parsed("ftp://example.org/"), "dav.bad_address");
  EXPECT_EQ(parsed("https://"), "dav.bad_address");
  EXPECT_EQ(parsed("https://example.org:99999/"), "dav.bad_address");
  EXPECT_EQ(parsed("https://exam ple.org/"), "dav.bad_address");
}

TEST(DavUrl, OnlyThisMachineIsLoopback) {
  EXPECT_TRUE(parse_url("http://127.0.0.1/")->loopback());
  EXPECT_TRUE(parse_url("http://localhost/")->loopback());
  EXPECT_TRUE(parse_url("http://[::1]:1/")->loopback());
  EXPECT_FALSE(parse_url("http://127.0.0.1.example.org/")->loopback());
  EXPECT_FALSE(parse_url("http://192.168.1.2/")->loopback());
}

TEST(DavUrl, OnePathHasOneSpelling) {
  EXPECT_EQ(canonical_path("/ana%40example.org/a%20b/%c3%B1.ics"),
            "/ana@example.org/a%20b/%C3%B1.ics");
  EXPECT_EQ(canonical_path("/a b/ñ"), "/a%20b/%C3%B1");
  EXPECT_EQ(canonical_path("/a%2Fb/%25/%zz"), "/a%2Fb/%25/%25zz");
  EXPECT_EQ(canonical_path(canonical_path("/a%2fb%25")), "/a%2Fb%25");
  EXPECT_EQ(last_segment("/x/Mis%20a%C3%B1os/"), "Mis años");
}

TEST(DavUrl, ReferencesAreResolvedAgainstWhereTheyStand) {
  const Url from = *parse_url("https://example.org:8443/dav/ana/");
  EXPECT_EQ(resolve(from, "/x/")->text(), "https://example.org:8443/x/");
  EXPECT_EQ(resolve(from, "b.ics")->text(), "https://example.org:8443/dav/ana/b.ics");
  EXPECT_EQ(resolve(from, "//other.org/x")->text(), "https://other.org/x");
  EXPECT_EQ(resolve(from, "http://other.org/?a=b://c")->text(), "http://other.org/?a=b://c");
  EXPECT_EQ(resolve(from, "/x?to=http://y/")->text(), "https://example.org:8443/x?to=http://y/");
  EXPECT_FALSE(resolve(from, "javascript://x"));
}

constexpr std::string_view answer = R"(<?xml version="1.0"?>
<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
 <d:response><d:href> /ana/a.ics </d:href>
  <d:propstat><d:prop><d:getetag>"1"</d:getetag>
    <c:calendar-data xmlns:c="urn:ietf:params:xml:ns:caldav"><![CDATA[BEGIN:VCALENDAR
]]>A &amp; B</c:calendar-data>
    <resourcetype xmlns="DAV:"><collection/><x:calendar xmlns:x="urn:ietf:params:xml:ns:caldav"/></resourcetype>
   </d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
  <d:propstat><d:prop><d:displayname>not this</d:displayname></d:prop>
   <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
 <d:response><d:href>/ana/gone.ics</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>
 <e:response xmlns:e="urn:other"><d:href>/evil</d:href></e:response>
 <d:sync-token>token 2</d:sync-token>
</d:multistatus>)";

TEST(Multistatus, ElementsAreKnownByTheirNamespacesNotByTheirPrefixes) {
  const auto result = parse_multistatus(answer, "example.org");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->sync_token, "token 2");
  ASSERT_EQ(result->answers.size(), 2U);
  const Answer& first = result->answers[0];
  EXPECT_EQ(first.href, "/ana/a.ics");
  EXPECT_EQ(first.text("{DAV:}getetag"), "\"1\"");
  EXPECT_EQ(first.text("{urn:ietf:params:xml:ns:caldav}calendar-data"), "BEGIN:VCALENDAR\nA & B");
  EXPECT_TRUE(first.find("{DAV:}resourcetype")->has("{urn:ietf:params:xml:ns:caldav}calendar"));
  EXPECT_EQ(first.find("{DAV:}displayname"), nullptr) << "it was not found";
  EXPECT_EQ(result->answers[1].status, 404);
}

TEST(Multistatus, HostileAnswersAreRefusedAndDepthCostsNothing) {
  const auto code = [](const std::string& text) {
    const auto result = parse_multistatus(text, "example.org");
    return result ? std::string("taken") : result.error().code;
  };
  EXPECT_EQ(code(""), "dav.malformed");
  EXPECT_EQ(code("<html><body>Sign in</body></html>"), "dav.malformed");
  EXPECT_EQ(code("<multistatus xmlns='urn:other'/>"), "dav.malformed");
  EXPECT_EQ(code("<!DOCTYPE m [<!ENTITY a 'b'>]><multistatus xmlns='DAV:'/>"), "dav.malformed");
  EXPECT_EQ(code("<multistatus xmlns='DAV:'/>"), "taken");
  std::string deep = "<multistatus xmlns='DAV:'><response><href>/a</href><propstat><prop>";
  std::string close;
  for (int i = 0; i < 100'000; ++i) {
    deep += "<a>";
    close += "</a>";
  }
  EXPECT_EQ(code(deep + close + "</prop></propstat></response></multistatus>"), "taken");
  std::string many = "<multistatus xmlns='DAV:'>";
  for (int i = 0; i < 3'000'001; ++i) many += "<a/>";
  EXPECT_EQ(code(many + "</multistatus>"), "dav.malformed");
}

TEST(Multistatus, ConditionsOfErrorsAreFound) {
  EXPECT_TRUE(names_condition("<D:error xmlns:D='DAV:'><D:valid-sync-token/></D:error>",
                              "{DAV:}valid-sync-token"));
  EXPECT_FALSE(names_condition("<D:error xmlns:D='urn:x'><D:valid-sync-token/></D:error>",
                               "{DAV:}valid-sync-token"));
  EXPECT_FALSE(names_condition("no xml at all", "{DAV:}valid-sync-token"));
}

TEST(DavAccount, SettingsSurviveBeingStoredAndOddOnesDoNoHarm) {
  Settings settings;
  settings.user = "ana";
  settings.homes = {*parse_url("https://example.org/ana/")};
  settings.chosen = {"/ana/home/"};
  settings.hosts = {"cdn.example.org"};
  settings.interval = std::chrono::seconds(7);
  settings.scheme = net::Credentials::Scheme::digest;
  const Settings again = Settings::parse(settings.text());
  EXPECT_EQ(again.text(), settings.text());
  EXPECT_EQ(Settings::parse("[]").interval.count(), 120);
  EXPECT_EQ(Settings::parse(R"({"interval": "x", "homes": 3, "user": []})").interval.count(), 120);
  EXPECT_EQ(Settings::parse(R"({"interval": -5})").interval.count(), 1);
}

TEST(DavAccount, WithoutAWayOutNothingIsTried) {
  const SourceType* type = find_source_type("caldav");
  ASSERT_NE(type, nullptr);
  Description description;
  description.location = "https://example.org/";
  EXPECT_EQ(type->describe(description).error().code, "source.no_outside");
}

// A gate, passwords and a description to go with them.
struct Outdoors {
  testing::TempFolder folder;
  guard::Egress egress{nullptr};
  std::unique_ptr<guard::Secrets> secrets =
      *guard::Secrets::open(folder.path("secrets.json"), folder.path("secret.key"));
  Outside outside{egress, *secrets};
  base::Result<store::Source> describe(const std::string& location, const std::string& settings,
                                       const std::string& secret) {
    return find_source_type("caldav")->describe({location, "", settings, secret, &outside, {}});
  }
};

TEST(DavAccount, APasswordGoesNowhereUnencryptedAndNowhereWithoutAName) {
  Outdoors outdoors;
  EXPECT_EQ(outdoors.describe("http://192.0.2.1/", R"({"user":"ana"})", "secret").error().code,
            "dav.insecure");
  EXPECT_EQ(outdoors.describe("https://192.0.2.1/", "{}", "secret").error().code, "dav.no_user");
}

TEST(DavAccount, SealedNothingIsAsked) {
  Outdoors outdoors;
  outdoors.egress.seal(guard::Sealed::yes);
  EXPECT_EQ(outdoors.describe("https://dav.example.org/", R"({"user":"ana"})", "s").error().code,
            "net.refused");
}

}  // namespace
}  // namespace lar::sources::dav
