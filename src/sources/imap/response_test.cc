// The parser of what servers say, and of what they had better not say.
#include "sources/imap/response.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "sources/imap/cursor.h"
#include "sources/imap/session.h"
#include "sources/maildir/names.h"

namespace lar::sources::imap {
namespace {

// Gives the text in pieces of `step` bytes.
ResponseReader::Fill in_pieces(const std::string& text, std::size_t step) {
  return [&text, step, at = std::size_t{0}](char* buffer,
                                            std::size_t size) mutable -> base::Result<std::size_t> {
    const std::size_t count = std::min({size, step, text.size() - at});
    std::memcpy(buffer, text.data() + at, count);
    at += count;
    return count;
  };
}

Response read_one(const std::string& text, std::size_t step = 4096) {
  ResponseReader reader;
  auto response = reader.read(in_pieces(text, step));
  EXPECT_TRUE(response) << text << ": " << response.error().describe();
  return response ? *response : Response{};
}

std::string error_of(const std::string& text, Limits limits = {}) {
  ResponseReader reader(limits);
  auto response = reader.read(in_pieces(text, 100));
  return response ? "" : response.error().code;
}

TEST(ImapResponse, the_kinds_of_answers_are_told_apart) {
  const Response greeting = read_one("* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n");
  EXPECT_EQ(greeting.kind, Response::Kind::untagged);
  EXPECT_EQ(greeting.name, "OK");
  EXPECT_EQ(greeting.code, "CAPABILITY");
  ASSERT_EQ(greeting.code_values.size(), 2u);
  EXPECT_TRUE(greeting.code_values[1].is_atom("IDLE"));
  EXPECT_EQ(greeting.text, "ready");
  const Response tagged = read_one("a12 no [AUTHENTICATIONFAILED] wrong\r\n");
  EXPECT_EQ(tagged.kind, Response::Kind::tagged);
  EXPECT_EQ(tagged.tag, "a12");
  EXPECT_EQ(tagged.name, "NO");
  EXPECT_EQ(tagged.code, "AUTHENTICATIONFAILED");
  EXPECT_EQ(read_one("+ idling\r\n").kind, Response::Kind::continuation);
  EXPECT_EQ(read_one("+\r\n").kind, Response::Kind::continuation);
  const Response exists = read_one("* 12 EXISTS\n");  // a bare LF will do
  EXPECT_EQ(exists.number, 12u);
  EXPECT_EQ(exists.name, "EXISTS");
  EXPECT_EQ(read_one("* OK see {5}\r\n").text, "see {5}");  // no literal in a text for people
}

TEST(ImapResponse, literals_come_whole_in_pieces_of_any_size) {
  const std::string text =
      "* 3 FETCH (UID 7 FLAGS (\\Seen $Work) BODY[HEADER.FIELDS (MESSAGE-ID)] {11}\r\nab\r\n "
      "cd)(\"x"
      " BODY[]<0> {0}\r\n RFC822.SIZE 42 MODSEQ (99))\r\n";
  for (const std::size_t step : {1u, 2u, 7u, 4096u}) {
    const Response response = read_one(text, step);
    ASSERT_EQ(response.name, "FETCH");
    ASSERT_EQ(response.values.size(), 1u);
    const auto& items = response.values[0].items;
    ASSERT_EQ(items.size(), 12u);
    EXPECT_EQ(items[1].number(), 7u);
    EXPECT_EQ(items[3].items.size(), 2u);
    EXPECT_EQ(items[4].text, "BODY[HEADER.FIELDS (MESSAGE-ID)]");
    EXPECT_EQ(items[5].text, "ab\r\n cd)(\"x");
    EXPECT_EQ(items[6].text, "BODY[]<0>");
    EXPECT_EQ(items[7].text, "");
    EXPECT_EQ(items[11].items[0].number(), 99u);
  }
}

TEST(ImapResponse, quoted_strings_and_nil_are_understood) {
  const Response response = read_one("* LIST (\\HasNoChildren) \"/\" \"a \\\"b\\\" \\\\c\"\r\n");
  ASSERT_EQ(response.values.size(), 3u);
  EXPECT_EQ(response.values[2].text, "a \"b\" \\c");
  EXPECT_EQ(read_one("* LIST () NIL INBOX\r\n").values[1].kind, Value::Kind::nil);
}

TEST(ImapResponse, what_is_no_answer_is_an_error) {
  for (const char* text :
       {"\r\n", "hello there\r\n", "* \r\n", "* 99999999999 EXISTS\r\n", "* 1 FETCH (UID 1\r\n",
        "* 1 FETCH UID 1)\r\n", "* LIST \"open\r\n", "* 1 FETCH (BODY[ 1)\r\n",
        "* 1 FETCH ({9999999999}\r\n", "* 1 FETCH (BODY[] {5000000}\r\n"}) {
    EXPECT_EQ(error_of(text), "imap.nonsense") << text;
  }
  EXPECT_EQ(error_of(""), "imap.closed");
  EXPECT_EQ(error_of("* OK cut"), "imap.closed");
  EXPECT_EQ(error_of("* 1 FETCH (BODY[] {10}\r\nabc"), "imap.closed");
}

TEST(ImapResponse, endless_lines_lists_and_nesting_end_at_a_limit) {
  const Limits limits{1000, 5000, 2000, 10};
  EXPECT_EQ(error_of("* OK " + std::string(2000, 'x') + "\r\n", limits), "imap.nonsense");
  EXPECT_EQ(error_of("* SEARCH" + std::string(6000, '1') + "\r\n", limits), "imap.nonsense");
  EXPECT_EQ(error_of("* SEARCH " + std::string(3000, '1') + "\r\n", limits), "");
  EXPECT_EQ(error_of("* X " + std::string(20, '(') + std::string(20, ')') + "\r\n", limits),
            "imap.nonsense");
  EXPECT_EQ(error_of("* X {1500}\r\n" + std::string(1500, 'x') + " {1500}\r\n", limits),
            "imap.nonsense");
  std::string many = "* X";
  for (int i = 0; i < 400; ++i) many += " {0}\r\n";
  EXPECT_EQ(error_of(many, limits), "imap.nonsense");
}

TEST(ImapResponse, sets_of_numbers_go_both_ways_and_have_a_limit) {
  EXPECT_EQ(parse_numbers("1,3:5,4:7"), (std::vector<std::uint32_t>{1, 3, 4, 5, 6, 7}));
  EXPECT_EQ(parse_numbers("5:3"), (std::vector<std::uint32_t>{3, 4, 5}));
  for (const char* text : {"", "0", "1:*", "a", "1,,2", "-1", "1:4294967295", "4294967296"}) {
    EXPECT_FALSE(parse_numbers(text)) << text;
  }
  EXPECT_TRUE(parse_numbers("4294967295"));
  EXPECT_EQ(format_numbers({1, 2, 3, 7, 9, 10}), "1:3,7,9:10");
  EXPECT_EQ(format_numbers({}), "");
}

TEST(ImapResponse, times_of_arrival_are_read) {
  EXPECT_EQ(parse_internal_date("17-Jul-1996 02:44:25 -0700"), 837596665LL * 1'000'000);
  EXPECT_EQ(parse_internal_date(" 1-Jan-1970 00:00:00 +0000"), 0);
  for (const char* text : {"", "17-Jul-1996", "31-Feb-2026 00:00:00 +0000",
                           "17-Xxx-1996 02:44:25 -0700", "17-Jul-1996 99:44:25 -0700"}) {
    EXPECT_FALSE(parse_internal_date(text)) << text;
  }
}

TEST(ImapResponse, names_of_mailboxes_go_to_modified_utf7_and_back) {
  EXPECT_EQ(encode_modified_utf7("Entwürfe"), "Entw&APw-rfe");
  EXPECT_EQ(encode_modified_utf7("Tom & Jerry"), "Tom &- Jerry");
  for (const char* name : {"INBOX", "Año/Ñandú", "台北", "😀 fun", "&", "a&b-c"}) {
    EXPECT_EQ(maildir::decode_modified_utf7(encode_modified_utf7(name)), name);
  }
}

TEST(ImapSession, flags_become_letters_and_keep_what_has_none) {
  Summary summary;
  for (const char* flag : {"\\Seen", "\\RECENT", "\\Flagged", "$Work", "\\Seen", "$forwarded"}) {
    add_flag(flag, summary);
  }
  EXPECT_EQ(summary.flags, "FPS");
  EXPECT_EQ(summary.keywords, std::vector<std::string>{"$Work"});
  EXPECT_EQ(flags_text("SF"), "\\Flagged \\Seen");
}

TEST(ImapSession, what_a_mailbox_is_for_shows_in_its_name) {
  EXPECT_EQ(use_by_name("inbox"), Use::inbox);
  EXPECT_EQ(use_by_name("INBOX.Enviados"), Use::sent);
  EXPECT_EQ(use_by_name("[Gmail]/Papelera"), Use::trash);
  EXPECT_EQ(use_by_name("Entwürfe"), Use::drafts);
  EXPECT_EQ(use_by_name("Correo no deseado"), Use::junk);
  EXPECT_EQ(use_by_name("Junk/2024"), Use::ordinary);
}

TEST(ImapCursor, a_mailbox_is_looked_into_when_anything_about_it_differs) {
  FolderState state;
  state.seen = {7, 10, 5, 1, 99};
  state.compared = base::Clock::now();
  EXPECT_TRUE(needs_look(nullptr, state.seen));
  EXPECT_FALSE(needs_look(&state, state.seen));
  for (const MailboxStatus& other :
       {MailboxStatus{8, 10, 5, 1, 99}, MailboxStatus{7, 11, 6, 1, 100},
        MailboxStatus{7, 10, 4, 1, 99}, MailboxStatus{7, 10, 5, 1, 100}}) {
    EXPECT_TRUE(needs_look(&state, other));
  }
  state.seen.modseq = 0;  // a server that does not count changes
  EXPECT_FALSE(needs_look(&state, state.seen));
  state.compared -= compare_every;
  EXPECT_TRUE(needs_look(&state, state.seen));
}

TEST(ImapCursor, a_doubted_mailbox_is_left_alone_until_it_has_said_so_for_long_enough) {
  FolderState state;
  state.seen = {7, 10, 5, 1, 99};
  const MailboxStatus empty{7, 10, 0, 0, 99};
  state.doubt = FolderState::Doubt{base::Clock::now(), empty, true};
  EXPECT_FALSE(needs_look(&state, empty));
  EXPECT_TRUE(needs_look(&state, {7, 11, 6, 1, 100}));
  state.doubt->since -= doubt_lasts;
  EXPECT_TRUE(needs_look(&state, empty));
}

TEST(ImapCursor, places_hold_the_validity_of_their_numbers) {
  EXPECT_EQ(uid_text(1716900000, 42), "1716900000.42");
  const auto mail = parse_uid("1716900000.42//part");
  ASSERT_TRUE(mail);
  EXPECT_EQ(mail->validity, 1716900000u);
  EXPECT_EQ(mail->uid, 42u);
  for (const char* text : {"", "42", "a.b", "1.", "1.2x"}) EXPECT_FALSE(parse_uid(text)) << text;
}

}  // namespace
}  // namespace lar::sources::imap
