// Consent for outside services, with a real store and real secrets.
#include "api/outside_engines.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>

namespace lar::api {
namespace {
namespace fs = std::filesystem;
using engine::Role;

const std::string service = "https://api.example.org";

class OutsideEnginesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "lar-outside-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    fs::create_directories(folder / "home");
    auto opened = store::Store::open((folder / "home").string());
    ASSERT_TRUE(opened) << opened.error().describe();
    store = std::move(*opened);
    auto kept = guard::Secrets::open(folder / "home/secrets.json", folder / "secret.key");
    ASSERT_TRUE(kept);
    secrets = std::move(*kept);
    outside.emplace(*store, egress, *secrets);
  }
  void TearDown() override {
    outside.reset();
    store.reset();
    fs::remove_all(folder);
  }
  fs::path folder;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<guard::Secrets> secrets;
  guard::Egress egress{{}};
  std::optional<OutsideEngines> outside;
};

TEST_F(OutsideEnginesTest, nothing_is_permitted_without_consent) {
  EXPECT_EQ(outside->access(Role::chat, service).error().code, "engine.needs_consent");
  ASSERT_TRUE(outside->agree({Role::chat, "https://other.example.org"}, ""));
  EXPECT_EQ(outside->access(Role::chat, service).error().code, "engine.needs_consent")
      << "consent is for one address";
  ASSERT_TRUE(outside->agree({Role::chat, service}, ""));
  EXPECT_TRUE(outside->access(Role::chat, service));
  EXPECT_EQ(outside->access(Role::embed, service).error().code, "engine.needs_consent")
      << "and for one role: embed would send all that is read";
}

TEST_F(OutsideEnginesTest, consent_opens_one_host_and_port_and_nothing_else) {
  ASSERT_TRUE(outside->agree({Role::chat, service + ":8443/base"}, "sk-1"));
  const auto access = outside->access(Role::chat, service + ":8443/base");
  ASSERT_TRUE(access) << access.error().describe();
  EXPECT_EQ(access->key, "sk-1");
  EXPECT_TRUE(access->policy->permits_name("api.example.org"));
  EXPECT_FALSE(access->policy->permits_name("example.org"));
  const net::Address there{net::AddressFamily::ip, "192.0.2.1", 8443, false};
  const net::Address elsewhere{net::AddressFamily::ip, "192.0.2.1", 443, false};
  EXPECT_TRUE(access->policy->permits_address("api.example.org", there));
  EXPECT_FALSE(access->policy->permits_address("api.example.org", elsewhere));
  egress.seal(guard::Sealed::yes);
  EXPECT_FALSE(access->policy->permits_address("api.example.org", there));
}

TEST_F(OutsideEnginesTest, consent_ends_with_the_use_and_takes_the_key_along) {
  const std::string other = "https://[2001:db8::1]:8443";
  ASSERT_TRUE(outside->agree({Role::chat, service}, "sk-1"));
  ASSERT_TRUE(outside->agree({Role::fast, service}, ""));
  ASSERT_TRUE(outside->agree({Role::chat, other}, ""));
  ASSERT_TRUE(outside->end_unused({{Role::fast, service}}));
  EXPECT_EQ(outside->access(Role::chat, service).error().code, "engine.needs_consent");
  EXPECT_FALSE(outside->access(Role::chat, other));
  ASSERT_TRUE(outside->access(Role::fast, service));
  EXPECT_EQ(outside->access(Role::fast, service)->key, "sk-1") << "another role still needs it";
  ASSERT_TRUE(outside->end_unused({}));
  EXPECT_FALSE(outside->access(Role::fast, service));
  ASSERT_TRUE(outside->agree({Role::fast, service}, ""));
  EXPECT_EQ(outside->access(Role::fast, service)->key, "") << "the old key is forgotten";
  const auto journal = store->journal(20, std::nullopt, "approval");
  ASSERT_TRUE(journal);
  int given = 0, ended = 0;
  for (const auto& entry : *journal) {
    given += entry.summary == "journal.outside_engine" ? 1 : 0;
    ended += entry.summary == "journal.outside_engine_ended" ? 1 : 0;
  }
  EXPECT_EQ(given, 4);
  EXPECT_EQ(ended, 3);
}

TEST_F(OutsideEnginesTest, consent_for_a_change_that_failed_is_taken_back_and_the_old_key_holds) {
  const auto first = outside->agree({Role::chat, service}, "sk-right");
  ASSERT_TRUE(first) << first.error().describe();
  const auto second = outside->agree({Role::chat, service}, "sk-wrong");
  ASSERT_TRUE(second);
  ASSERT_TRUE(outside->take_back({Role::chat, service}, *second));
  ASSERT_TRUE(outside->access(Role::chat, service)) << "the role is bound as before";
  EXPECT_EQ(outside->access(Role::chat, service)->key, "sk-right");
  const auto third = outside->agree({Role::embed, service}, "");
  ASSERT_TRUE(third);
  ASSERT_TRUE(outside->take_back({Role::embed, service}, *third));
  EXPECT_FALSE(outside->access(Role::embed, service));
  EXPECT_EQ(outside->access(Role::chat, service)->key, "sk-right");
  ASSERT_TRUE(outside->take_back({Role::chat, service}, *first));
  EXPECT_FALSE(outside->access(Role::chat, service));
  ASSERT_TRUE(outside->agree({Role::chat, service}, ""));
  EXPECT_EQ(outside->access(Role::chat, service)->key, "") << "a key that came with it has gone";
}

TEST_F(OutsideEnginesTest, consent_that_names_no_role_is_asked_for_anew) {
  ASSERT_TRUE(store->set_setting("outside_engines", R"(["https://api.example.org"])"));
  EXPECT_EQ(outside->access(Role::chat, service).error().code, "engine.needs_consent");
  ASSERT_TRUE(outside->agree({Role::chat, service}, ""));
  EXPECT_TRUE(outside->access(Role::chat, service));
}

TEST_F(OutsideEnginesTest, what_is_no_address_is_refused) {
  for (const char* address :
       {"https://", "http://api.example.org", "https://user:word@api.example.org",
        "https://api.example.org:0", "https://api.example.org:99999", "https://api.example.org:x",
        "https://:443", "https://a b"}) {
    EXPECT_EQ(outside->agree({Role::chat, address}, "").error().code, "engine.bad_address")
        << address;
    EXPECT_EQ(outside->access(Role::chat, address).error().code, "engine.bad_address");
  }
}

}  // namespace
}  // namespace lar::api
