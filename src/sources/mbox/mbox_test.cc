#include "sources/mbox/mbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "sources/mbox/scanner.h"
#include "sources/testing.h"

namespace lar::sources::mbox {
namespace {

using namespace lar::sources::testing;

const std::string from_line = "From ana@example.org Thu May 14 09:30:00 2026\n";

std::string entry(const std::string& id, const std::string& body, const std::string& headers = "") {
  return from_line + mail(id, "Subject " + id, body, headers) + "\n";
}

Scan scan_text(const std::string& text) {
  TempFolder folder;
  folder.write("box", text);
  const os::Descriptor file(::open(folder.path("box").c_str(), O_RDONLY | O_CLOEXEC));
  auto scanned = scan(file.get(), "box", 0, 1, {});
  EXPECT_TRUE(scanned) << scanned.error().describe();
  return scanned ? *scanned : Scan{};
}

std::string with_crlf(const std::string& text) {
  std::string changed;
  for (const char character : text) {
    if (character == '\n') changed += '\r';
    changed += character;
  }
  return changed;
}

TEST(MboxScanner, mails_are_told_apart_with_either_line_end) {
  const std::string text = entry("a", "one\n\ntwo\n\n") + entry("b", "three") + entry("c", "four");
  for (const std::string& form : {text, with_crlf(text)}) {
    const Scan found = scan_text(form);
    ASSERT_EQ(found.mails.size(), 3u);
    EXPECT_EQ(found.mails[0].offset, 0u);
    EXPECT_EQ(found.mails[0].line, 1u);
    const std::string second =
        form.substr(found.mails[1].begin, found.mails[1].end - found.mails[1].begin);
    EXPECT_TRUE(second.starts_with("From: Ana"));
    EXPECT_NE(second.find("three"), std::string::npos);
    EXPECT_EQ(second.find("four"), std::string::npos);
    EXPECT_FALSE(found.mails[2].cut_off);
    for (const Mail& one : found.mails) {
      EXPECT_EQ(fingerprint_of(std::string_view(form).substr(one.begin, one.end - one.begin)),
                one.fingerprint);
    }
  }
}

TEST(MboxScanner, from_in_a_body_starts_no_mail) {
  EXPECT_EQ(scan_text(entry("a", "text\nFrom bob@example.org Thu May 14 09:30:00 2026\nmore"))
                .mails.size(),
            1u)
      << "no blank line before it";
  EXPECT_EQ(scan_text(entry("a", "text\n\nFrom here on it is easy.\nmore")).mails.size(), 1u);
  EXPECT_EQ(scan_text(entry("a", "text\n\nFrom now on:\nNote: read this")).mails.size(), 1u);
  EXPECT_EQ(scan_text(entry("a", "text\n\n>From bob@example.org Thu May 14 09:30:00 2026\nmore"))
                .mails.size(),
            1u);
}

TEST(MboxScanner, other_habits_of_from_lines_are_understood) {
  const std::string text = mail("a", "A", "body") + "\n";
  EXPECT_EQ(scan_text("From - Mon Jan 05 10:00:00 2026\n" + text + "From \n" + text +
                      "From ana@example.org\n" + text +
                      "From MAILER-DAEMON Fri Jul 10 11:12:13 2026\n" + text)
                .mails.size(),
            4u);
}

TEST(MboxScanner, content_length_is_not_believed) {
  EXPECT_EQ(
      scan_text(entry("a", "one", "Content-Length: 100000\n") + entry("b", "two")).mails.size(),
      2u);
}

TEST(MboxScanner, marks_of_mail_programs_change_flags_but_not_the_fingerprint) {
  const Scan plain = scan_text(entry("a", "one"));
  const Scan marked = scan_text(entry("a", "one", "Status: RO\nX-Status: AF\nX-Keywords: a\n b\n"));
  ASSERT_EQ(plain.mails.size(), 1u);
  ASSERT_EQ(marked.mails.size(), 1u);
  EXPECT_EQ(plain.mails[0].fingerprint, marked.mails[0].fingerprint);
  EXPECT_EQ(plain.mails[0].flags, "");
  EXPECT_EQ(marked.mails[0].flags, "FRS");
  EXPECT_TRUE(scan_text(entry("a", "one", "X-Mozilla-Status: 0009\n")).mails[0].expunged);
  EXPECT_NE(scan_text(entry("a", "two")).mails[0].fingerprint, plain.mails[0].fingerprint);
}

TEST(MboxScanner, lines_longer_than_its_buffer_pass_through) {
  const std::string text = entry("a", std::string(3'000'000, 'x')) + entry("b", "short");
  const Scan found = scan_text(text);
  ASSERT_EQ(found.mails.size(), 2u);
  EXPECT_EQ(fingerprint_of(std::string_view(text).substr(
                found.mails[0].begin, found.mails[0].end - found.mails[0].begin)),
            found.mails[0].fingerprint);
}

TEST(MboxScanner, quoting_is_undone_by_one_level) {
  EXPECT_EQ(unquote("a\n>From b\n>>From c\n> From d\nFrom e\n"),
            "a\nFrom b\n>From c\n> From d\nFrom e\n");
  EXPECT_EQ(unquote(">From start\n"), "From start\n");
  EXPECT_EQ(unquote("nothing\n> quoted\n"), "nothing\n> quoted\n");
}

TEST(Mbox, an_append_reads_only_the_new_mails) {
  TempFolder folder;
  folder.write("box", entry("a", "alpha") + entry("b", "beta"));
  Home home;
  const auto source = home.add("mbox", folder.path("box"));
  EXPECT_EQ(home.sync(source).added, 2);
  EXPECT_EQ(home.sync(source).unchanged, 2);
  EXPECT_EQ(home.reading.reads, 0);

  folder.append("box", entry("c", "gamma"));
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.unchanged, 2);
  EXPECT_EQ(home.reading.reads, 1);
  EXPECT_EQ(home.hits("gamma"), 1);
  EXPECT_EQ(home.items(), 3);
  home.expect_sound();
}

TEST(Mbox, removed_mails_are_forgotten_and_the_others_not_read_again) {
  TempFolder folder;
  folder.write("box", entry("a", "alpha") + entry("b", "beta") + entry("c", "gamma"));
  Home home;
  const auto source = home.add("mbox", folder.path("box"));
  home.sync(source);
  folder.write("box", entry("b", "beta", "Status: RO\n") + entry("c", "gamma"), 10);
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.removed, 1);
  EXPECT_EQ(report.changed, 1) << "the mark of b";
  EXPECT_EQ(home.reading.reads, 0);
  EXPECT_EQ(home.items(), 2);
  EXPECT_EQ(home.hits("alpha"), 0);
}

TEST(Mbox, a_truncated_tail_keeps_every_whole_mail) {
  const std::string whole = entry("a", "alpha") + entry("b", "beta");
  const std::string third = entry("c", "gamma and more");
  for (const std::string& tail :
       {from_line + "From: Ana <ana@example.org>\nSubj", third.substr(0, third.size() - 6),
        from_line +
            mail("c", "Parts", "--x\n\ntext", "Content-Type: multipart/mixed; boundary=\"x\"\n")}) {
    TempFolder folder;
    folder.write("box", whole + tail);
    Home home;
    const auto source = home.add("mbox", folder.path("box"));
    const SyncReport report = home.sync(source);
    EXPECT_GE(home.items(), 2);
    EXPECT_EQ(home.hits("alpha"), 1);
    EXPECT_EQ(home.hits("beta"), 1);
    ASSERT_TRUE(has_notice(report, "mbox.truncated")) << tail;
    const auto& parameters = report.notices.front().second.parameters;
    EXPECT_EQ(parameters[2], std::pair(std::string("offset"), std::to_string(whole.size())));
    EXPECT_TRUE(has_notice(home.sync(source), "mbox.truncated")) << "still so";

    folder.write("box", whole + entry("c", "gamma and more"), 5);
    const SyncReport mended = home.sync(source);
    EXPECT_FALSE(has_notice(mended, "mbox.truncated"));
    EXPECT_EQ(home.items(), 3);
    EXPECT_EQ(home.reading.reads, 1);
    home.expect_sound();
  }
}

TEST(Mbox, quoted_lines_come_out_as_they_were_sent) {
  TempFolder folder;
  folder.write("box", entry("a", "para\n\n>From the beginning it was green"));
  Home home;
  const auto source = home.add("mbox", folder.path("box"));
  home.sync(source);
  const auto item = home.store->find_item("a@example.org");
  ASSERT_TRUE(item && *item);
  const auto original = home.store->original(**item);
  ASSERT_TRUE(original);
  EXPECT_NE(original->find("\nFrom the beginning"), std::string::npos);
  EXPECT_FALSE(original->starts_with("From ana"));
}

TEST(Mbox, a_missing_file_is_unreachable_and_removes_nothing) {
  TempFolder folder;
  folder.write("box", entry("a", "alpha"));
  Home home;
  const auto source = home.add("mbox", folder.path("box"));
  home.sync(source);
  folder.remove("box");
  const auto gone = home.try_sync(source);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, "source.unreachable");
  EXPECT_EQ(home.items(), 1);
}

TEST(Mbox, other_files_are_refused) {
  TempFolder folder;
  folder.write("text", "Dear all,\nFrom now on\n");
  const auto refused = source_type().describe({folder.path("text"), ""});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "source.not_an_mbox");
  folder.write("empty", "");
  EXPECT_TRUE(source_type().describe({folder.path("empty"), ""}));
}

}  // namespace
}  // namespace lar::sources::mbox
