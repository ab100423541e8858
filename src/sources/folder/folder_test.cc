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

store::Id id_of(Home& home, const std::string& external_id) {
  const auto found = home.store->find_item(external_id);
  EXPECT_TRUE(found && *found) << external_id;
  return found && *found ? **found : store::Id{};
}

std::vector<store::Id> passages_of(Home& home, const store::Id& item) {
  std::vector<store::Id> ids;
  const auto hits = home.store->item_passages(item);
  EXPECT_TRUE(hits);
  if (hits) {
    for (const store::Hit& hit : *hits) ids.push_back(hit.passage);
  }
  return ids;
}

TEST(Folder, a_renamed_file_keeps_its_item_and_is_not_read) {
  TempFolder folder;
  folder.write("boiler.txt", "the boiler was serviced in march and again in september");
  folder.write("rent.md", "# Contrato de alquiler\n\nLa renta es de 950 euros.");
  Home home;
  const auto source = home.add("folder", folder.path());
  home.sync(source);
  const store::Id boiler = id_of(home, "boiler.txt");
  const store::Id rent = id_of(home, "rent.md");
  const auto passages = passages_of(home, boiler);
  std::vector<store::PassageVector> vectors;
  const auto pending = home.store->pending_vectors("m", 100);
  ASSERT_TRUE(pending);
  for (const auto& passage : *pending) vectors.push_back({passage.passage, {0.6F, 0.8F}});
  ASSERT_TRUE(home.store->save_vectors("m", vectors));

  folder.rename("boiler.txt", "house/heating.txt");
  folder.rename("rent.md", "house/rent.md");
  const SyncReport report = home.sync(source);
  EXPECT_EQ(home.reading.reads, 0);
  EXPECT_EQ(report.changed, 2);
  EXPECT_EQ(report.added + report.removed + report.failed, 0);
  EXPECT_EQ(id_of(home, "house/heating.txt"), boiler);
  EXPECT_EQ(id_of(home, "house/rent.md"), rent);
  EXPECT_EQ(*home.store->find_item("boiler.txt"), std::nullopt);
  EXPECT_EQ(passages_of(home, boiler), passages);
  EXPECT_EQ(home.store->vector_progress("m")->done, static_cast<std::int64_t>(vectors.size()));
  EXPECT_TRUE(home.store->pending_vectors("m", 100)->empty());
  const auto stored = home.store->item(boiler);
  EXPECT_EQ(stored->item.title, "heating.txt") << "the title was the file's name";
  EXPECT_EQ(stored->version, 1);
  ASSERT_EQ(stored->placements.size(), 1u);
  EXPECT_EQ(stored->placements.front().path, folder.path("house/heating.txt"));
  EXPECT_EQ(stored->placements.front().folder, "house");
  EXPECT_EQ(home.store->item(rent)->item.title, "Contrato de alquiler");
  EXPECT_EQ(home.hits("heating"), 1);
  EXPECT_EQ(home.hits("house"), 2) << "the folder can be searched";

  EXPECT_EQ(home.sync(source).unchanged, 2);
  EXPECT_EQ(home.reading.reads, 0);
  // Reading it again finds nothing new: what was moved is what a reader would have made of it.
  auto placement = home.store->item(boiler)->placements.front();
  placement.fingerprint.clear();
  ASSERT_TRUE(home.store->update_placement(placement));
  EXPECT_EQ(home.sync(source).unchanged, 2);
  EXPECT_EQ(home.reading.reads, 1);
  EXPECT_EQ(home.store->item(boiler)->version, 1);
  home.expect_sound();
}

TEST(Folder, a_renamed_folder_takes_its_items_along) {
  TempFolder folder;
  // Two of them hold the same bytes.
  folder.write("2025/a.txt", "the same words in two files");
  folder.write("2025/b.txt", "the same words in two files");
  folder.write("2025/deep/c.txt", "other words");
  folder.write(
      "2025/deep/days.ics",
      "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20260501T080000Z"
      "\r\nDTSTART:20260520T100000Z\r\nSUMMARY:Dentist\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\n"
      "UID:two\r\nDTSTAMP:20260501T080000Z\r\nDTSTART:20260521T100000Z\r\nSUMMARY:Swimming"
      "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
  Home home;
  const auto source = home.add("folder", folder.path());
  home.sync(source);
  std::map<std::string, store::Id> before;
  for (const char* name : {"a.txt", "b.txt", "deep/c.txt"}) {
    before[name] = id_of(home, std::string("2025/") + name);
  }
  const store::Id dentist = id_of(home, "one");
  folder.rename("2025", "archive/2025");
  const SyncReport report = home.sync(source);
  EXPECT_EQ(home.reading.reads, 0);
  EXPECT_EQ(report.changed, 5);
  EXPECT_EQ(report.added + report.removed, 0);
  for (const auto& [name, id] : before) {
    EXPECT_EQ(id_of(home, "archive/2025/" + name), id) << name;
  }
  EXPECT_EQ(id_of(home, "one"), dentist);
  EXPECT_EQ(home.items(), 5);
  EXPECT_EQ(home.sync(source).unchanged, 5);
  home.expect_sound();
}

TEST(Folder, a_file_renamed_and_changed_is_a_new_one) {
  TempFolder folder;
  folder.write("a.txt", "first words about apples");
  folder.write("b.txt", "same size, 24 characters");
  Home home;
  const auto source = home.add("folder", folder.path());
  home.sync(source);
  const store::Id apples = id_of(home, "a.txt");
  const store::Id bees = id_of(home, "b.txt");
  folder.rename("a.txt", "c.txt");
  folder.write("c.txt", "other words about quince", 20);
  // Another extension may be another reader's.
  folder.rename("b.txt", "b.md");
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(report.removed, 2);
  EXPECT_NE(id_of(home, "c.txt"), apples);
  EXPECT_NE(id_of(home, "b.md"), bees);
  EXPECT_EQ(home.hits("apples"), 0);
  home.expect_sound();
}

TEST(Folder, of_identical_files_each_is_taken_once) {
  TempFolder folder;
  folder.write("a.txt", "the same words in two files");
  folder.write("b.txt", "the same words in two files");
  Home home;
  const auto source = home.add("folder", folder.path());
  home.sync(source);
  const std::set<store::Id> before = {id_of(home, "a.txt"), id_of(home, "b.txt")};
  EXPECT_EQ(before.size(), 2u);
  // One stays: what turns up is a copy, not a rename.
  folder.write("copy.txt", "the same words in two files");
  EXPECT_EQ(home.sync(source).added, 1);
  EXPECT_EQ(home.items(), 3);
  folder.remove("copy.txt");
  home.sync(source);
  // Both renamed, and one more copied.
  folder.rename("a.txt", "x/1.txt");
  folder.rename("b.txt", "x/2.txt");
  folder.write("x/3.txt", "the same words in two files");
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.changed, 2);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.removed, 0);
  std::set<store::Id> after;
  for (const char* name : {"x/1.txt", "x/2.txt", "x/3.txt"}) after.insert(id_of(home, name));
  EXPECT_EQ(after.size(), 3u);
  for (const store::Id& id : before) EXPECT_TRUE(after.contains(id));
  // Two names exchanged: both places are known, so their contents have changed.
  folder.write("x/1.txt", "one", 25);
  folder.write("x/2.txt", "two", 25);
  home.sync(source);
  folder.rename("x/1.txt", "x/t.txt");
  folder.rename("x/2.txt", "x/1.txt");
  folder.rename("x/t.txt", "x/2.txt");
  home.sync(source);
  EXPECT_EQ(home.items(), 3);
  home.expect_sound();
}

}  // namespace
}  // namespace lar::sources::folder
