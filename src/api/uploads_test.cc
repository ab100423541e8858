// Files that come in pieces: whole and right they are kept under their own name, anything else
// leaves nothing behind.
#include "api/uploads.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "os/file.h"
#include "sources/testing.h"

namespace lar::api {
namespace {

class UploadsTest : public ::testing::Test {
 protected:
  base::Result<Uploads::Piece> send(const std::string& kind, const std::string& name,
                                    const std::string& text, std::size_t piece = 40) {
    const auto begun = uploads.begin(kind, name, text.size());
    if (!begun) return tl::unexpected<base::Error>(begun.error());
    base::Result<Uploads::Piece> answer = Uploads::Piece{};
    for (std::size_t at = 0; at < text.size() && answer; at += piece) {
      answer = uploads.add(begun->id, at, std::string_view(text).substr(at, piece));
    }
    return answer;
  }
  std::size_t files() const {
    std::size_t count = 0;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder.path("home/uploads"), ignored)) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }
  static std::string calendar(const std::string& title) {
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:u\r\n"
           "DTSTAMP:20260501T000000Z\r\nDTSTART:20260514T160000Z\r\nSUMMARY:" +
           title + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  }

  sources::testing::TempFolder folder;
  Uploads uploads{folder.path("home")};
};

TEST_F(UploadsTest, a_file_in_pieces_is_kept_under_its_name_and_a_later_one_takes_its_place) {
  const auto first = send("ics", "C:\\Users\\Ana\\familia.ics", calendar("Coro"));
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(first->path, folder.path("home/uploads/ics/familia.ics"));
  EXPECT_FALSE(first->replaced);
  EXPECT_EQ(*os::read_file(first->path), calendar("Coro"));
  const auto second = send("ics", "familia (1).ics", calendar("Ensayo"));
  ASSERT_TRUE(second) << second.error().describe();
  EXPECT_EQ(second->path, first->path);
  EXPECT_TRUE(second->replaced);
  EXPECT_EQ(*os::read_file(first->path), calendar("Ensayo"));
  EXPECT_EQ(files(), 1u);
  uploads.forget("/etc/passwd");
  uploads.forget(folder.path("home/uploads/ics/../../lar.db"));
  EXPECT_EQ(files(), 1u);
  uploads.forget(first->path);
  EXPECT_EQ(files(), 0u);
}

TEST_F(UploadsTest, what_is_wrong_leaves_the_earlier_file_as_it_is) {
  const auto first = send("ics", "familia.ics", calendar("Coro"));
  ASSERT_TRUE(first);
  const auto wrong = send("ics", "familia.ics", "esto no es un calendario, sino un texto\n");
  ASSERT_FALSE(wrong);
  for (const auto& [name, value] : wrong.error().parameters) {
    EXPECT_EQ(value.find(folder.path("home")), std::string::npos) << name << ": " << value;
  }
  EXPECT_EQ(*os::read_file(first->path), calendar("Coro"));
  EXPECT_EQ(files(), 1u);
}

TEST_F(UploadsTest, pieces_out_of_order_too_large_or_unknown_are_refused) {
  EXPECT_EQ(uploads.begin("ics", "a.ics", Uploads::largest + 1).error().code, "upload.too_large");
  EXPECT_EQ(uploads.begin("ics", "a.ics", 0).error().code, "upload.empty");
  EXPECT_EQ(uploads.begin("ics", "../..", 10).error().code, "upload.name");
  EXPECT_EQ(uploads.add("nothing", 0, "x").error().code, "upload.unknown");
  const auto begun = uploads.begin("ics", "../../../etc/a.ics", 10);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->name, "a.ics");
  EXPECT_EQ(uploads.add(begun->id, 4, "0123").error().code, "upload.order");
  ASSERT_TRUE(uploads.add(begun->id, 0, "01234"));
  EXPECT_EQ(uploads.add(begun->id, 0, "01234")->received, 5u) << "sent again, it is known";
  EXPECT_EQ(uploads.add(begun->id, 5, "0123456789").error().code, "upload.broken");
  // A program that ended in the middle leaves nothing for the next.
  EXPECT_EQ(files(), 1u);
  const Uploads later(folder.path("home"));
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace lar::api
