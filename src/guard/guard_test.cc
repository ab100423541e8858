// The gate and the secrets: who is let through, what is written down, and what a copied home tells.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "guard/egress.h"
#include "guard/secrets.h"
#include "os/file.h"

namespace lar::guard {
namespace {

namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "lar-guard-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempFolder() { fs::remove_all(path_); }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

net::Address address(const std::string& text, int port, bool loopback) {
  return {net::AddressFamily::ip, text, port, loopback};
}

struct Lines {
  std::vector<std::pair<std::string, nlohmann::json>> all;
  Egress::Journal journal() {
    return [this](const std::string& summary, const std::string& detail) {
      all.emplace_back(summary, nlohmann::json::parse(detail));
    };
  }
};

TEST(Egress, AnAccountReachesItsOwnEndpointsAndNoOthers) {
  Lines lines;
  const Egress egress(lines.journal());
  const auto policy = egress.permit("mail", {{"imap.example.org", 993}});
  EXPECT_TRUE(policy->permits_name("IMAP.example.org"));
  EXPECT_TRUE(policy->permits_address("imap.example.org", address("192.0.2.7", 993, false)));
  EXPECT_TRUE(lines.all.empty());

  EXPECT_FALSE(policy->permits_name("example.org"));
  EXPECT_FALSE(policy->permits_address("imap.example.org", address("192.0.2.7", 25, false)));
  EXPECT_FALSE(policy->permits_address("other.example.org", address("192.0.2.7", 993, false)));
  EXPECT_FALSE(policy->permits_address("imap.example.org",
                                       {net::AddressFamily::unix_socket, "/run/x", 0, false}));
  ASSERT_EQ(lines.all.size(), 3U) << "what was refused is written down";
  EXPECT_EQ(lines.all[0].first, "journal.egress_refused");
  EXPECT_EQ(lines.all[1].second["port"], 25);
}

TEST(Egress, SealedItLetsOnlyThisMachineBeReachedAndOpensAgain) {
  Egress egress(nullptr);
  const auto far = egress.permit("mail", {{"imap.example.org", 993}});
  const auto near = egress.permit("bridge", {{"127.0.0.1", 1143}, {"[::1]", 1143}});
  egress.seal(Sealed::yes);
  EXPECT_FALSE(far->permits_name("imap.example.org"));
  EXPECT_FALSE(far->permits_address("imap.example.org", address("192.0.2.7", 993, false)));
  EXPECT_TRUE(near->permits_name("127.0.0.1"));
  EXPECT_TRUE(near->permits_name("::1"));
  EXPECT_TRUE(near->permits_address("127.0.0.1", address("127.0.0.1", 1143, true)));
  egress.seal(Sealed::no);
  EXPECT_TRUE(far->permits_name("imap.example.org"));
}

TEST(Egress, ANameOfTheOwnersThatLeadsElsewhereWhileSealedIsRefused) {
  const Egress egress(nullptr, Sealed::yes);
  const auto policy = egress.permit("bridge", {{"localhost", 1143}});
  EXPECT_TRUE(policy->permits_name("localhost"));
  EXPECT_FALSE(policy->permits_address("localhost", address("192.0.2.7", 1143, false)));
}

TEST(Egress, WhatWentOverAConnectionIsWrittenDownWithItsPurpose) {
  Lines lines;
  const Egress egress(lines.journal());
  const auto policy = egress.permit("imap Ana", {{"imap.example.org", 993}});
  policy->ended({"IMAP.example.org", address("192.0.2.7", 993, false), true, 120, 4096});
  ASSERT_EQ(lines.all.size(), 1U);
  EXPECT_EQ(lines.all[0].first, "journal.egress");
  EXPECT_EQ(lines.all[0].second, nlohmann::json({{"purpose", "imap Ana"},
                                                 {"host", "imap.example.org"},
                                                 {"port", 993},
                                                 {"address", "192.0.2.7"},
                                                 {"encrypted", true},
                                                 {"sent", 120},
                                                 {"received", 4096}}));
}

TEST(Secrets, ASecretIsThereAgainAfterAStartAndNowhereInTheClear) {
  const TempFolder folder;
  const std::string file = folder.path("secrets.json");
  {
    auto secrets = Secrets::open(file, folder.path("key/secret.key"));
    ASSERT_TRUE(secrets) << secrets.error().describe();
    ASSERT_TRUE((*secrets)->put("source/a", "correct horse"));
    ASSERT_TRUE((*secrets)->put("source/b", ""));
    EXPECT_EQ((*secrets)->get("source/c").error().code, "secrets.unknown");
  }
  const auto bytes = os::read_file(file);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->find("correct"), std::string::npos);
  struct stat status{};
  ASSERT_EQ(::stat(folder.path("key/secret.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);

  auto again = Secrets::open(file, folder.path("key/secret.key"));
  ASSERT_TRUE(again);
  EXPECT_EQ(*(*again)->get("source/a"), "correct horse");
  EXPECT_EQ(*(*again)->get("source/b"), "");
  ASSERT_TRUE((*again)->remove("source/a"));
  EXPECT_FALSE((*again)->get("source/a"));
}

TEST(Secrets, AHomeThatWasCopiedWithoutTheKeyTellsNothing) {
  const TempFolder folder;
  const std::string file = folder.path("secrets.json");
  auto secrets = Secrets::open(file, folder.path("secret.key"));
  ASSERT_TRUE((*secrets)->put("source/a", "correct horse"));
  auto without = Secrets::open(file, folder.path("elsewhere.key"));
  ASSERT_TRUE(without);
  EXPECT_EQ((*without)->get("source/a").error().code, "secrets.wrong_key");
  ASSERT_TRUE((*without)->put("source/z", "other"));  // makes another key
  EXPECT_EQ((*without)->get("source/a").error().code, "secrets.wrong_key");
  EXPECT_EQ(*(*without)->get("source/z"), "other");
}

TEST(Secrets, ASecretPutUnderAnotherNameOrAlteredIsNotTaken) {
  const TempFolder folder;
  const std::string file = folder.path("secrets.json");
  const std::string key = folder.path("secret.key");
  {
    auto secrets = Secrets::open(file, key);
    ASSERT_TRUE((*secrets)->put("source/a", "correct horse"));
  }
  auto value = nlohmann::json::parse(*os::read_file(file));
  value["source/b"] = value["source/a"];
  std::string altered = value["source/a"].get<std::string>();
  altered[altered.size() / 2] = altered[altered.size() / 2] == 'A' ? 'B' : 'A';
  value["source/c"] = altered;
  value["source/d"] = "AAAA";
  std::ofstream(file) << value.dump();
  auto secrets = Secrets::open(file, key);
  ASSERT_TRUE(secrets);
  EXPECT_TRUE((*secrets)->get("source/a"));
  EXPECT_EQ((*secrets)->get("source/b").error().code, "secrets.wrong_key");
  EXPECT_EQ((*secrets)->get("source/c").error().code, "secrets.wrong_key");
  EXPECT_EQ((*secrets)->get("source/d").error().code, "secrets.malformed");
}

TEST(Secrets, ADamagedFileIsRefusedAndLeftAsItIs) {
  const TempFolder folder;
  const std::string file = folder.path("secrets.json");
  for (const char* text : {"[1]", "{\"a\":", "{\"a\": 1}"}) {
    std::ofstream(file) << text;
    const auto secrets = Secrets::open(file, folder.path("secret.key"));
    ASSERT_FALSE(secrets);
    EXPECT_EQ(secrets.error().code, "secrets.malformed");
    EXPECT_EQ(*os::read_file(file), text);
  }
}

}  // namespace
}  // namespace lar::guard
