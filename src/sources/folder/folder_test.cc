#include "sources/folder/folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sources/folder/ignore.h"
#include "sources/testing.h"

namespace lar::sources::folder {
namespace {

using namespace lar::sources::testing;

std::set<std::string> paths_in(Home& home, const store::Source& source) {
  std::set<std::string> paths;
  for (const auto& placement : home.placements(source)) paths.insert(placement.uid);
  return paths;
}

// Root may read everything: where the tests run as root, this makes them somebody else for a while,
// who owns these folders.
class Unprivileged {
 public:
  explicit Unprivileged(const std::vector<std::string>& own) {
    if (::geteuid() != 0) return;
    constexpr uid_t nobody = 65534;
    for (const std::string& folder : own) {
      EXPECT_EQ(::lchown(folder.c_str(), nobody, nobody), 0);
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        EXPECT_EQ(::lchown(entry.path().c_str(), nobody, nobody), 0);
      }
    }
    changed_ = ::seteuid(nobody) == 0;
    EXPECT_TRUE(changed_);
  }
  ~Unprivileged() {
    if (changed_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool changed_ = false;
};

TEST(Glob, matches_as_gitignore_does) {
  EXPECT_TRUE(glob_matches("*.txt", "a.txt"));
  EXPECT_FALSE(glob_matches("*.txt", "a/b.txt"));
  EXPECT_TRUE(glob_matches("a/**", "a/b/c"));
  EXPECT_FALSE(glob_matches("a/**", "a"));
  EXPECT_TRUE(glob_matches("**/c", "c"));
  EXPECT_TRUE(glob_matches("**/c", "a/b/c"));
  EXPECT_TRUE(glob_matches("a/**/c", "a/c"));
  EXPECT_TRUE(glob_matches("a/**/c", "a/x/y/c"));
  EXPECT_TRUE(glob_matches("[a-c]?[!x]", "bzy"));
  EXPECT_FALSE(glob_matches("[a-c]?[!x]", "bzx"));
  EXPECT_TRUE(glob_matches("\\*", "*"));
  EXPECT_FALSE(glob_matches("\\*", "a"));
  EXPECT_TRUE(glob_matches("[", "["));
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

TEST(IgnorePatterns, the_last_fitting_pattern_decides) {
  const auto patterns = IgnorePatterns::parse("# comment\n*.md\n!keep.md\nsub/only.txt\nlogs/\n");
  EXPECT_EQ(patterns.decide("x/a.md", EntryKind::file), Verdict::ignored);
  EXPECT_EQ(patterns.decide("x/keep.md", EntryKind::file), Verdict::kept);
  EXPECT_EQ(patterns.decide("sub/only.txt", EntryKind::file), Verdict::ignored);
  EXPECT_EQ(patterns.decide("x/sub/only.txt", EntryKind::file), Verdict::undecided);
  EXPECT_EQ(patterns.decide("x/logs", EntryKind::folder), Verdict::ignored);
  EXPECT_EQ(patterns.decide("x/logs", EntryKind::file), Verdict::undecided);
}

TEST(Folder, documents_are_found_and_noise_left_out) {
  TempFolder folder;
  folder.write("notes/garden.md", "# Garden\n\nTomatoes need lime.");
  folder.write("letter.txt", "Dear landlord, the boiler leaks.");
  folder.write(".secret/diary.txt", "hidden");
  folder.write("node_modules/pkg/readme.md", "a package");
  folder.write("code/Cargo.toml", "[package]");
  folder.write("code/target/doc.md", "built");
  folder.write("letter.txt~", "older");
  folder.write("picture.xyz", "unknown format");
  folder.write("drafts/.larignore", "*.txt\n!good.txt\n");
  folder.write("drafts/bad.txt", "bad draft");
  folder.write("drafts/good.txt", "good draft");
  folder.write("private/x.txt", "by settings");
  Home home;
  const auto source = home.add("folder", folder.path(), R"({"ignore": ["private/"]})");
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(paths_in(home, source),
            (std::set<std::string>{"notes/garden.md", "letter.txt", "drafts/good.txt"}));
  EXPECT_EQ(home.hits("tomatoes"), 1);
  const auto item = home.store->find_item("notes/garden.md");
  ASSERT_TRUE(item && *item);
  const auto stored = home.store->item(**item);
  EXPECT_EQ(stored->placements.front().path, folder.path("notes/garden.md"));
  EXPECT_EQ(stored->blob, "") << "documents are referenced, not copied";
}

TEST(Folder, changes_and_deletions_are_followed_and_nothing_else_is_read) {
  TempFolder folder;
  folder.write("a.txt", "first text about apples");
  folder.write("b.txt", "second text about bananas");
  folder.write("c.txt", "third text about cherries");
  Home home;
  const auto source = home.add("folder", folder.path());
  EXPECT_EQ(home.sync(source).added, 3);
  EXPECT_EQ(home.sync(source).unchanged, 3);
  EXPECT_EQ(home.reading.reads, 0);

  folder.write("a.txt", "first text about apricots", 20);
  folder.age("b.txt", 20);
  folder.remove("c.txt");
  folder.write("d.txt", "fourth text about dates", 20);
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.changed, 1);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.removed, 1);
  EXPECT_EQ(report.unchanged, 1);
  EXPECT_EQ(home.reading.reads, 2) << "a touched file is hashed, not read";
  EXPECT_EQ(home.hits("apples"), 0);
  EXPECT_EQ(home.hits("apricots"), 1);
  EXPECT_EQ(home.hits("cherries"), 0);
  home.expect_sound();
}

TEST(Folder, a_change_within_one_tick_of_the_clock_is_not_missed) {
  TempFolder folder;
  // A time ahead of the clock stands for "just now": it must never count as settled.
  constexpr int ahead = -5;
  folder.write("a.txt", "colour red.", ahead);
  folder.age("a.txt", ahead);
  struct stat before{};
  ASSERT_EQ(::stat(folder.path("a.txt").c_str(), &before), 0);
  Home home;
  const auto source = home.add("folder", folder.path());
  home.sync(source);
  folder.write("a.txt", "colour sky.", ahead);
  const timespec times[2] = {before.st_mtim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, folder.path("a.txt").c_str(), times, 0), 0);
  home.sync(source);
  EXPECT_EQ(home.hits("red"), 0);
  EXPECT_EQ(home.hits("sky"), 1);
}

TEST(Folder, loops_and_forbidden_folders_are_noted_and_passed) {
  TempFolder folder;
  TempFolder outside;
  outside.write("secret.txt", "outside the folder");
  folder.write("a/b/text.txt", "inside");
  fs::create_directory_symlink(folder.path("a"), folder.path("a/b/up"));
  fs::create_symlink("self", folder.path("self"));
  fs::create_directory_symlink(outside.path(), folder.path("out"));
  ASSERT_EQ(::mkfifo(folder.path("pipe.txt").c_str(), 0600), 0);
  folder.write("locked/x.txt", "forbidden");
  Home home;
  const auto source = home.add("folder", folder.path());
  EXPECT_EQ(home.sync(source).added, 2);

  fs::permissions(folder.path("locked"), fs::perms::none);
  const Unprivileged unprivileged({folder.path(), home.folder.path()});
  const SyncReport report = home.sync(source);
  EXPECT_TRUE(has_notice(report, "file.link_loop"));
  EXPECT_TRUE(has_notice(report, "folder.link_outside"));
  EXPECT_EQ(home.hits("outside"), 0);
  EXPECT_TRUE(has_notice(report, "folder.unreadable"));
  EXPECT_EQ(report.removed, 0) << "what lies in a forbidden folder stays";
  EXPECT_EQ(home.items(), 2);
}

TEST(Folder, a_vanished_root_removes_nothing) {
  TempFolder outside;
  outside.write("docs/a.txt", "some text");
  Home home;
  const auto source = home.add("folder", outside.path("docs"));
  home.sync(source);
  outside.rename("docs", "away");
  auto gone = home.try_sync(source);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, "source.unreachable");
  outside.make_folder("docs");
  gone = home.try_sync(source);
  ASSERT_FALSE(gone);
  EXPECT_EQ(home.items(), 1);
}

TEST(Folder, a_file_that_cannot_be_read_fails_alone_and_once) {
  TempFolder folder;
  folder.write("broken.pdf", "this is no PDF");
  folder.write("fine.txt", "fine text");
  Home home;
  const auto source = home.add("folder", folder.path());
  const SyncReport first = home.sync(source);
  EXPECT_EQ(first.added, 1);
  EXPECT_EQ(first.failed, 1);
  ASSERT_EQ(first.notices.size(), 1u);
  EXPECT_EQ(first.notices.front().first, "broken.pdf");
  const SyncReport second = home.sync(source);
  EXPECT_EQ(home.reading.reads, 0);
  EXPECT_EQ(second.failed, 1);
  EXPECT_EQ(second.notices.front().second.code, first.notices.front().second.code);
  folder.remove("broken.pdf");
  EXPECT_EQ(home.sync(source).failed, 0);
}

TEST(Folder, names_that_are_no_text_do_no_harm) {
  TempFolder folder;
  folder.write("caf\xe9.txt", "latin name");
  folder.write("ok.txt", "utf name");
  Home home;
  const auto source = home.add("folder", folder.path());
  EXPECT_EQ(home.sync(source).added, 2);
  EXPECT_EQ(home.sync(source).unchanged, 2);
  EXPECT_EQ(home.reading.reads, 0);
}

TEST(Folder, a_file_of_many_items_is_followed_item_by_item) {
  const auto event = [](const std::string& uid, const std::string& summary) {
    return "BEGIN:VEVENT\r\nUID:" + uid +
           "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260601T090000Z\r\nSUMMARY:" + summary +
           "\r\nEND:VEVENT\r\n";
  };
  const auto calendar = [](const std::string& events) {
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + events +
           "END:VCALENDAR\r\n";
  };
  TempFolder folder;
  folder.write("trips.ics", calendar(event("one", "Lisbon") + event("two", "Porto")));
  Home home;
  const auto source = home.add("folder", folder.path());
  EXPECT_EQ(home.sync(source).added, 2);
  EXPECT_EQ(home.sync(source).unchanged, 2);
  folder.write("trips.ics", calendar(event("two", "Porto")), 10);
  EXPECT_EQ(home.sync(source).removed, 1);
  EXPECT_EQ(home.items(), 1);
  EXPECT_EQ(home.hits("Lisbon"), 0);
  folder.remove("trips.ics");
  EXPECT_EQ(home.sync(source).removed, 1);
  home.expect_sound();
}

}  // namespace
}  // namespace lar::sources::folder
