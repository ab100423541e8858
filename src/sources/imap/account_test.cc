// Settings of accounts, and where their servers are looked for.
#include "sources/imap/account.h"

#include <gtest/gtest.h>

namespace lar::sources::imap {
namespace {

TEST(ImapAccount, settings_are_read_and_wrong_ones_are_named) {
  const auto account =
      parse_account("work", "ana@example.org",
                    R"({"host": "mail.example.org", "tls": "starttls", "user": "ana",
                                         "folders": ["INBOX"], "spam": true,
                                         "smtp": {"host": "smtp.example.org"}})");
  ASSERT_TRUE(account) << account.error().describe();
  EXPECT_EQ(account->host, "mail.example.org");
  EXPECT_EQ(account->port, 143);
  EXPECT_EQ(account->user, "ana");
  EXPECT_EQ(account->encryption, net::Encryption::starttls);
  EXPECT_EQ(parse_account("", "ana@example.org", "")->port, 993);
  EXPECT_EQ(parse_account("", "ana@example.org", "")->user, "ana@example.org");
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"port": 0})", "port"},
      {R"({"port": "993"})", "port"},
      {R"({"tls": "maybe"})", "tls"},
      {R"({"host": "a b"})", "host"},
      {R"({"user": "a\r\nLOGOUT"})", "user"},
      {R"({"folders": [1]})", "folders"},
      {R"({"colour": "red"})", "colour"},
      {R"([1])", "settings"},
      {R"({"oauth": {"token_endpoint": "http://example.org/token"}})", "oauth.token_endpoint"},
      {R"({"smtp": {"host": "a b"}})", "smtp.host"},
      {R"({"smtp": {"host": "a:99999"}})", "smtp.host"},
      {R"({"smtp": {"host": "a", "tls": "maybe"}})", "smtp.tls"},
      {R"({"smtp": {"host": "a", "colour": 1}})", "smtp.colour"},
      {R"({"oauth": {"client_id": 7}})", "oauth.client_id"}};
  for (const auto& [settings, name] : wrong) {
    const auto parsed = parse_account("", "ana@example.org", settings);
    ASSERT_FALSE(parsed) << settings;
    EXPECT_EQ(parsed.error().code, "imap.bad_setting");
    EXPECT_EQ(parsed.error().parameters[0].second, name);
  }
}

TEST(ImapAccount, servers_are_looked_for_at_the_provider_or_at_the_domain) {
  EXPECT_EQ(likely_hosts("ana@Gmail.com"), std::vector<std::string>{"imap.gmail.com"});
  EXPECT_EQ(likely_hosts("ana@example.org"),
            (std::vector<std::string>{"imap.example.org", "mail.example.org"}));
  EXPECT_TRUE(likely_hosts("ana").empty());
}

TEST(ImapAccount, what_mail_is_sent_with_is_read_or_looked_for) {
  const auto smtp = [](const std::string& settings) {
    const auto account = parse_account("", "ana@example.org", settings);
    EXPECT_TRUE(account && account->smtp) << settings;
    return account && account->smtp
               ? account->smtp->host + " " + std::to_string(account->smtp->port) + " " +
                     std::string(net::name_of(account->smtp->encryption))
               : "";
  };
  EXPECT_EQ(smtp(R"({"smtp": {"host": "smtp.example.org"}})"), "smtp.example.org 465 implicit");
  EXPECT_EQ(smtp(R"({"smtp": {"host": "smtp.example.org:587"}})"), "smtp.example.org 587 starttls");
  EXPECT_EQ(smtp(R"({"smtp": {"host": "[::1]:25", "tls": "none"}})"), "[::1] 25 none");
  EXPECT_FALSE(parse_account("", "ana@example.org", R"({"smtp": false})")->sends);
  const auto gmail = likely_submissions("imap.gmail.com");
  ASSERT_FALSE(gmail.empty());
  EXPECT_EQ(gmail.front().host, "smtp.gmail.com");
  EXPECT_TRUE(gmail.front().keeps_copy);
  const auto own = likely_submissions("imap.example.org");
  ASSERT_EQ(own.size(), 4u);
  EXPECT_EQ(own[0].host, "smtp.example.org");
  EXPECT_EQ(own[3].host, "imap.example.org");
  EXPECT_EQ(own[3].encryption, net::Encryption::starttls);
  for (const char* here : {"localhost", "127.0.0.1", "192.168.1.4", "::1"}) {
    EXPECT_TRUE(likely_submissions(here).empty()) << here;
  }
}

TEST(ImapAccount, which_mailboxes_are_read_follows_from_their_use_or_the_owners_choice) {
  Account account;
  const auto mailbox = [](const char* name, Use use) {
    Mailbox made;
    made.name = made.raw = name;
    made.use = use;
    return made;
  };
  for (const Use use : {Use::ordinary, Use::inbox, Use::sent, Use::drafts, Use::archive}) {
    EXPECT_TRUE(is_chosen(account, mailbox("x", use)));
  }
  for (const Use use : {Use::trash, Use::junk, Use::all, Use::flagged}) {
    EXPECT_FALSE(is_chosen(account, mailbox("x", use)));
  }
  account.spam = true;
  EXPECT_TRUE(is_chosen(account, mailbox("x", Use::junk)));
  account.folders = {"Obras"};
  EXPECT_TRUE(is_chosen(account, mailbox("obras", Use::ordinary)));
  EXPECT_FALSE(is_chosen(account, mailbox("INBOX", Use::inbox)));
  account.folders = {"*"};
  EXPECT_TRUE(is_chosen(account, mailbox("Papelera", Use::trash)));
}

}  // namespace
}  // namespace lar::sources::imap
