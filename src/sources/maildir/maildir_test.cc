#include "sources/maildir/maildir.h"

#include <gtest/gtest.h>

#include "sources/maildir/names.h"
#include "sources/testing.h"

namespace lar::sources::maildir {
namespace {

using namespace lar::sources::testing;

void make_maildir(const TempFolder& folder, const std::string& at = "") {
  const std::string prefix = at.empty() ? "" : at + "/";
  for (const char* name : {"cur", "new", "tmp"}) folder.make_folder(prefix + name);
}

std::vector<std::string> listing_of(const std::string& root) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(root)) names.push_back(entry.path());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(MailName, base_and_flags_are_told_apart) {
  EXPECT_EQ(parse_mail_name("1.M2P3.host,S=9:2,FS").base, "1.M2P3.host,S=9");
  EXPECT_EQ(parse_mail_name("1.M2P3.host:2,SFS").flags, "FS");
  EXPECT_EQ(parse_mail_name("1.M2P3.host:1,x").flags, "");
  EXPECT_EQ(parse_mail_name("1.M2P3.host;2,R").flags, "R");
  EXPECT_EQ(parse_mail_name("1.M2P3.host").base, "1.M2P3.host");
  EXPECT_EQ(parse_mail_name("strange:name").base, "strange:name");
}

TEST(FolderName, maildirpp_and_nested_folders_read_the_same) {
  EXPECT_EQ(folder_name(""), "");
  EXPECT_EQ(folder_name(".Work.Clients"), "Work/Clients");
  EXPECT_EQ(folder_name("Work/Clients"), "Work/Clients");
  EXPECT_EQ(folder_name(".Env&AO0-os"), "Envíos");
  EXPECT_EQ(folder_name(".a&-b"), "a&b");
  EXPECT_EQ(folder_name(".broken&zz"), "broken&zz");
}

TEST(Maildir, mails_of_all_folders_are_found_once_each) {
  TempFolder mails;
  make_maildir(mails);
  make_maildir(mails, ".Archive.2025");
  make_maildir(mails, "Lists/Garden");
  mails.write("new/1.a.host", mail("a", "Solar panels", "The offer for the solar panels."));
  mails.write("cur/2.b.host:2,S", mail("b", "Tomatoes", "Tomatoes and basil."));
  mails.write(".Archive.2025/cur/3.c.host:2,FS",
              mail("c", "Insurance", "The policy runs out in May."));
  mails.write("Lists/Garden/cur/4.d.host:2,", mail("d", "Compost", "How to turn compost."));
  mails.write("tmp/5.e.host", mail("e", "Half written", "not yet delivered"));
  mails.write("cur/.hidden", "no mail");
  const auto before = listing_of(mails.path());

  Home home;
  const auto source = home.add("maildir", mails.path());
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.added, 4);
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(home.items(), 4);
  EXPECT_EQ(home.hits("compost"), 1);
  EXPECT_EQ(home.hits("delivered"), 0);
  EXPECT_EQ(listing_of(mails.path()), before) << "a Maildir is only read";

  std::map<std::string, std::string> flags;
  for (const auto& placement : home.placements(source)) {
    flags[placement.folder + ":" + placement.uid] = placement.flags;
  }
  EXPECT_EQ(flags, (std::map<std::string, std::string>{{":1.a.host", ""},
                                                       {":2.b.host", "S"},
                                                       {"Archive/2025:3.c.host", "FS"},
                                                       {"Lists/Garden:4.d.host", ""}}));
  home.expect_sound();
}

TEST(Maildir, a_second_sync_reads_nothing) {
  TempFolder mails;
  make_maildir(mails);
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    mails.write("cur/" + number + ".x:2,S", mail(number, "Mail " + number, "Text " + number));
  }
  Home home;
  const auto source = home.add("maildir", mails.path());
  EXPECT_EQ(home.sync(source).added, 100);
  EXPECT_EQ(home.reading.reads, 100);
  home.open();
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.unchanged, 100);
  EXPECT_EQ(report.added + report.changed + report.removed + report.failed, 0);
  EXPECT_EQ(home.reading.reads, 0);
}

TEST(Maildir, new_flags_change_the_placement_without_reading) {
  TempFolder mails;
  make_maildir(mails);
  mails.write("new/1.a", mail("a", "Hello", "Some words"));
  Home home;
  const auto source = home.add("maildir", mails.path());
  home.sync(source);
  const auto item = home.placements(source).front().item;

  mails.rename("new/1.a", "cur/1.a:2,RS");
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.changed, 1);
  EXPECT_EQ(home.reading.reads, 0);
  ASSERT_EQ(home.placements(source).size(), 1u);
  EXPECT_EQ(home.placements(source).front().flags, "RS");
  EXPECT_EQ(home.placements(source).front().item, item);
}

TEST(Maildir, a_moved_mail_keeps_its_item_and_is_not_read_again) {
  TempFolder mails;
  make_maildir(mails);
  make_maildir(mails, ".Done");
  mails.write("cur/1.a,U=7:2,S", mail("a", "Hello", "Some words"));
  mails.write("cur/1.b:2,S", mail("b", "Other", "Other words"));
  Home home;
  const auto source = home.add("maildir", mails.path());
  home.sync(source);
  const auto before = *home.store->find_item("a@example.org");

  mails.rename("cur/1.a,U=7:2,S", ".Done/cur/1.a,U=1:2,S");
  const SyncReport report = home.sync(source);
  EXPECT_EQ(home.reading.reads, 0);
  EXPECT_EQ(report.removed, 0);
  EXPECT_EQ(home.items(), 2);
  EXPECT_EQ(*home.store->find_item("a@example.org"), before);
  const auto stored = home.store->item(*before);
  ASSERT_TRUE(stored);
  ASSERT_EQ(stored->placements.size(), 1u);
  EXPECT_EQ(stored->placements.front().folder, "Done");
  EXPECT_EQ(stored->version, 1);
  EXPECT_EQ(home.hits("words"), 2);
  home.expect_sound();
}

TEST(Maildir, one_mail_in_two_folders_is_one_item) {
  TempFolder mails;
  make_maildir(mails);
  make_maildir(mails, ".All");
  const std::string text = mail("a", "Hello", "Some words");
  mails.write("cur/1.a:2,S", text);
  mails.write(".All/cur/9.z:2,", text);
  Home home;
  const auto source = home.add("maildir", mails.path());
  home.sync(source);
  EXPECT_EQ(home.items(), 1);
  EXPECT_EQ(home.placements(source).size(), 2u);

  mails.remove("cur/1.a:2,S");
  EXPECT_EQ(home.sync(source).removed, 0);
  EXPECT_EQ(home.items(), 1);
  mails.remove(".All/cur/9.z:2,");
  EXPECT_EQ(home.sync(source).removed, 1);
  EXPECT_EQ(home.items(), 0);
  home.expect_sound();
}

TEST(Maildir, a_vanished_or_empty_mount_removes_nothing) {
  TempFolder outside;
  make_maildir(outside, "mail");
  outside.write("mail/cur/1.a:2,S", mail("a", "Hello", "Some words"));
  Home home;
  const auto source = home.add("maildir", outside.path("mail"));
  home.sync(source);

  outside.rename("mail", "elsewhere");
  auto gone = home.try_sync(source);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, "source.unreachable");
  outside.make_folder("mail");  // the mount point without its mount
  gone = home.try_sync(source);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, "source.unreachable");
  EXPECT_EQ(home.items(), 1);

  outside.remove("mail");
  outside.rename("elsewhere", "mail");
  EXPECT_EQ(home.sync(source).unchanged, 1);
  outside.remove("mail/cur/1.a:2,S");
  EXPECT_EQ(home.sync(source).removed, 1) << "the same folder, emptied by its owner";
}

TEST(Maildir, a_malformed_mail_does_not_hinder_the_others) {
  TempFolder mails;
  make_maildir(mails);
  std::string garbage = "\xff\xfe garbage \x80\n\n";
  garbage += '\0';
  mails.write("cur/1.a:2,S", garbage);
  mails.write("cur/2.b:2,S", "");
  mails.write("cur/3.c:2,S", mail("c", "Fine", "A whole mail"));
  mails.write("cur/4.d:2,S",
              "Subject: Parts\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: "
              "text/plain\n\nleft open");
  Home home;
  const auto source = home.add("maildir", mails.path());
  const SyncReport first = home.sync(source);
  EXPECT_EQ(home.hits("whole"), 1);
  EXPECT_EQ(home.hits("left open"), 1);
  const SyncReport second = home.sync(source);
  EXPECT_EQ(home.reading.reads, 0) << "what could not be read is not tried again";
  EXPECT_EQ(second.failed, first.failed);
  home.expect_sound();
}

TEST(Maildir, a_cancelled_sync_keeps_what_it_stored_and_goes_on_later) {
  TempFolder mails;
  make_maildir(mails);
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    mails.write("cur/" + number + ".x:2,S", mail(number, "Mail " + number, "Text " + number),
                1000 - i);
  }
  Home home;
  const auto source = home.add("maildir", mails.path());
  std::stop_source stop;
  SyncContext context{*home.store, home.reading, home.source(source.id), {}, stop.get_token()};
  context.progress = [&](const SyncProgress& progress) {
    if (progress.done >= 100) stop.request_stop();
  };
  const auto cancelled = source_type().sync(context);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().kind, base::ErrorKind::cancelled);
  const std::int64_t stored = home.items();
  EXPECT_GE(stored, 100);
  EXPECT_LT(stored, 300);

  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.added, 300 - stored);
  EXPECT_EQ(report.unchanged, stored);
  EXPECT_EQ(home.reading.reads, 300 - stored);
  EXPECT_EQ(home.items(), 300);
  home.expect_sound();
}

TEST(Maildir, other_folders_are_refused_in_plain_words) {
  TempFolder folder;
  folder.write("a.txt", "no mail here");
  const auto none = source_type().describe({folder.path(), ""});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "source.not_a_maildir");
  const auto missing = source_type().describe({folder.path("nowhere"), ""});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, "file.missing");
  folder.make_folder("mbsync/Inbox/cur");
  EXPECT_TRUE(source_type().describe({folder.path(), ""})) << "a folder of Maildirs";
}

}  // namespace
}  // namespace lar::sources::maildir
