#include "engine/kept_prompts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace lar::engine {
namespace {
namespace fs = std::filesystem;

class KeptPromptsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "lar-kept-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    home = name;
  }
  void TearDown() override { fs::remove_all(home); }

  // As the engine does: it writes into the file that was prepared.
  std::string add(KeptPrompts& kept, std::vector<int> tokens, const std::string& bytes,
                  const std::string& key = "k", const std::string& client = "c") {
    const auto name = kept.prepare(static_cast<std::int64_t>(bytes.size()));
    EXPECT_TRUE(name) << name.error().describe();
    if (!name) return {};
    std::ofstream(home / "kept" / (*name + ".slot"), std::ios::binary) << bytes;
    const auto done =
        kept.keep(*name, key, client, std::move(tokens), static_cast<std::int64_t>(bytes.size()));
    EXPECT_TRUE(done) << done.error().describe();
    return *name;
  }
  int files() const {
    return fs::exists(home / "kept")
               ? static_cast<int>(
                     std::distance(fs::directory_iterator(home / "kept"), fs::directory_iterator()))
               : 0;
  }

  fs::path home;
};

TEST_F(KeptPromptsTest, the_longest_shared_beginning_is_found_after_a_restart_too) {
  std::string longer;
  {
    KeptPrompts kept(home);
    add(kept, {1, 2, 9, 9}, "short");
    longer = add(kept, {1, 2, 3, 4, 5}, "longer");
    add(kept, {1, 2, 3, 4, 5, 6}, "of another model", "other");
  }
  KeptPrompts kept(home);
  const auto match = kept.longest("k", std::vector<int>{1, 2, 3, 4, 7, 8});
  ASSERT_TRUE(match);
  EXPECT_EQ(match->name, longer);
  EXPECT_EQ(match->tokens, 4);
  EXPECT_FALSE(kept.longest("k", std::vector<int>{7, 1, 2, 3}));
  EXPECT_FALSE(kept.longest("nobody's", std::vector<int>{1, 2, 3}));
}

TEST_F(KeptPromptsTest, files_are_the_owners_alone) {
  KeptPrompts kept(home);
  const std::string name = add(kept, {1}, "x");
  for (const auto& [path, mode] :
       {std::pair{home / "kept", 0700u}, std::pair{home / "kept" / (name + ".slot"), 0600u},
        std::pair{home / "kept" / (name + ".json"), 0600u}}) {
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, mode) << path;
  }
}

TEST_F(KeptPromptsTest, one_that_goes_on_takes_the_place_of_its_beginning) {
  KeptPrompts kept(home);
  add(kept, {1, 2, 3}, "beginning");
  add(kept, {1, 2, 3}, "of somebody else", "k", "another");
  add(kept, {1, 5}, "another one");
  add(kept, {1, 2, 3, 4}, "whole");
  EXPECT_EQ(kept.totals().files, 3);
}

TEST_F(KeptPromptsTest, damage_is_found_and_removed) {
  KeptPrompts kept(home);
  const std::string bytes(100'000, 'b');
  for (const char* what : {"a bit", "the end", "all"}) {
    const std::string name = add(kept, {1, 2, 3}, bytes);
    EXPECT_TRUE(kept.check(name));
    const fs::path file = home / "kept" / (name + ".slot");
    if (what == std::string_view("a bit")) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(77'777);
      stream.put('c');
    } else if (what == std::string_view("the end")) {
      fs::resize_file(file, 99'999);
    } else {
      fs::remove(file);
    }
    const auto checked = kept.check(name);
    ASSERT_FALSE(checked) << what;
    EXPECT_EQ(checked.error().code, "keep.damaged");
    EXPECT_FALSE(kept.longest("k", std::vector<int>{1, 2, 3})) << what;
    EXPECT_EQ(files(), 0) << what;
  }
}

TEST_F(KeptPromptsTest, the_oldest_go_when_the_limit_is_reached) {
  std::ofstream(home / "engines.toml") << "kept_megabytes = 3\n";
  KeptPrompts kept(home);
  const std::string megabyte(1 << 20, 'm');
  const std::string first = add(kept, {1, 0}, megabyte);
  const std::string second = add(kept, {2, 0}, megabyte);
  const std::string third = add(kept, {3, 0}, megabyte);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  kept.used(first);
  add(kept, {4, 0}, megabyte);
  EXPECT_TRUE(kept.longest("k", std::vector<int>{1, 0}));
  EXPECT_FALSE(kept.longest("k", std::vector<int>{2, 0})) << "the longest unused";
  EXPECT_EQ(kept.totals().bytes, 3 << 20);
  EXPECT_EQ(kept.totals().limit, 3 << 20);
  const auto refused = kept.prepare(4 << 20);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "keep.too_large");
  std::ofstream(home / "engines.toml") << "kept_megabytes = 0\n";
  EXPECT_FALSE(kept.prepare(1)) << "nothing is to be kept";
  EXPECT_FALSE(kept.trim());
  EXPECT_EQ(files(), 0) << "nor stay";
}

TEST_F(KeptPromptsTest, a_file_cut_short_by_a_full_disk_is_not_kept) {
  KeptPrompts kept(home);
  const auto name = kept.prepare(10);
  ASSERT_TRUE(name);
  std::ofstream(home / "kept" / (*name + ".slot")) << "12345";
  const auto done = kept.keep(*name, "k", "c", {1, 2}, 10);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "keep.cut_short");
  EXPECT_EQ(files(), 0);
}

TEST_F(KeptPromptsTest, what_a_crash_left_goes_at_the_next_start) {
  {
    KeptPrompts kept(home);
    add(kept, {1, 2}, "whole");
    ASSERT_TRUE(kept.prepare(10));
  }
  std::ofstream(home / "kept" / "note-without-file.json") << "{}";
  std::ofstream(home / "kept" / "half.json") << "{\"key\": \"k\"";
  KeptPrompts kept(home);
  EXPECT_EQ(kept.totals().files, 1);
  EXPECT_EQ(files(), 2);
}

TEST_F(KeptPromptsTest, a_clients_prompts_are_forgotten_with_the_client) {
  KeptPrompts kept(home);
  add(kept, {1, 2}, "a", "k", "editor");
  add(kept, {3, 4}, "b", "k", "lar");
  EXPECT_EQ(kept.forget("editor"), 1);
  EXPECT_FALSE(kept.longest("k", std::vector<int>{1, 2}));
  EXPECT_TRUE(kept.longest("k", std::vector<int>{3, 4}));
  EXPECT_EQ(files(), 2);
}

TEST_F(KeptPromptsTest, all_are_forgotten_at_a_word) {
  {
    KeptPrompts kept(home);
    add(kept, {1, 2}, "a", "k", "editor");
    add(kept, {3, 4}, "b", "k", "lar");
  }
  KeptPrompts kept(home);
  EXPECT_EQ(kept.forget_all(), 2) << "those of before a restart too";
  EXPECT_EQ(files(), 0);
  EXPECT_EQ(kept.totals().files, 0);
  EXPECT_EQ(kept.forget_all(), 0);
}

}  // namespace
}  // namespace lar::engine
