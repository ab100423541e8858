// Cards that are written, and changes that leave alone what they are not about.
#include "sources/contact_writer.h"

#include <gtest/gtest.h>

namespace lar::sources {
namespace {

constexpr const char* phone_card =
    "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:bea\r\nitem1.EMAIL;TYPE=INTERNET:bea@postbox.example\r\n"
    "item1.X-ABLABEL:casa\r\nFN:Bea Ruiz\r\nN:Ruiz;Bea;;;\r\nTEL;TYPE=CELL:+34 600 11 22 33\r\n"
    "PHOTO;ENCODING=b;TYPE=JPEG:AAAABBBBCCCC\r\n DDDDEEEE\r\nNOTE:FN:no es un nombre\r\n"
    "X-KEPT;X=\"a:b\":c\r\nEND:VCARD\r\n";

TEST(ContactWriter, writes_a_card_with_what_could_break_it_escaped) {
  const auto card = write_contact(
      "u1", {"Bea\r\nEND:VCARD  Ruiz, hija; \\ más", "bea@postbox.example", "600 11 22 33"});
  ASSERT_TRUE(card);
  EXPECT_NE(card->find("\r\nFN:Bea END:VCARD Ruiz\\, hija\\; \\\\ más\r\n"), std::string::npos)
      << *card;
  EXPECT_EQ(card->find("END:VCARD\r\n"), card->size() - 11) << "a second end";
  EXPECT_NE(card->find("\r\nEMAIL;TYPE=INTERNET:bea@postbox.example\r\n"), std::string::npos);
  EXPECT_EQ(write_contact("u1", {" ", "a@b.example", ""}).error().code, "contact.malformed");
}

TEST(ContactWriter, long_lines_are_folded_between_letters) {
  std::string name;
  for (int count = 0; count < 60; ++count) name += "ñandú";
  const auto card = write_contact("u1", {name, "", ""});
  ASSERT_TRUE(card);
  std::string joined;
  size_t longest = 0;
  for (size_t at = 0; at < card->size();) {
    const size_t end = card->find("\r\n", at);
    longest = std::max(longest, end - at);
    joined += ((*card)[at] == ' ' ? "" : "\n") +
              card->substr((*card)[at] == ' ' ? at + 1 : at, end - at - ((*card)[at] == ' '));
    at = end + 2;
  }
  EXPECT_LE(longest, 75u);
  EXPECT_NE(joined.find("\nFN:" + name + "\n"), std::string::npos);
}

TEST(ContactWriter, a_change_adds_what_is_new_and_keeps_every_other_line) {
  const auto changed = change_contact(phone_card, {"", "bea@trabajo.example", "911 22 33 44"});
  ASSERT_TRUE(changed);
  const std::string before(phone_card);
  const std::string added =
      "EMAIL;TYPE=INTERNET:bea@trabajo.example\r\nTEL:911 22 33 44\r\nEND:VCARD\r\n";
  EXPECT_EQ(*changed, before.substr(0, before.find("END:VCARD")) + added);
}

TEST(ContactWriter, a_new_name_takes_the_place_of_the_old_one) {
  const auto changed = change_contact(phone_card, {"Beatriz Ruiz Soto", "", ""});
  ASSERT_TRUE(changed);
  EXPECT_NE(changed->find("\r\nFN:Beatriz Ruiz Soto\r\nN:Ruiz Soto;Beatriz;;;\r\n"),
            std::string::npos)
      << *changed;
  EXPECT_NE(changed->find("NOTE:FN:no es un nombre"), std::string::npos);
}

TEST(ContactWriter, what_it_says_already_is_not_said_twice) {
  EXPECT_EQ(*change_contact(phone_card, {"Bea Ruiz", "BEA@postbox.example", "+34600112233"}),
            phone_card);
}

TEST(ContactWriter, what_is_not_one_card_is_left_alone) {
  const std::string two = std::string(phone_card) + phone_card;
  for (const std::string& text : {two, std::string("BEGIN:VCARD\r\nFN:x\r\n"), std::string()}) {
    EXPECT_EQ(change_contact(text, {"x", "", ""}).error().code, "contact.malformed");
  }
}

}  // namespace
}  // namespace lar::sources
