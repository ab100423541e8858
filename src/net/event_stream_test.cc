// The parser gives the same events wherever its input is cut.
#include "net/event_stream.h"

#include <gtest/gtest.h>

#include <vector>

namespace lar::net {
namespace {

std::vector<Event> parse(const std::vector<std::string_view>& pieces) {
  EventStream stream;
  std::vector<Event> events;
  for (const std::string_view piece : pieces) {
    EXPECT_TRUE(stream.feed(piece, [&](const Event& event) {
      events.push_back(event);
      return true;
    }));
  }
  return events;
}

std::string shown(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) {
    text += "[" + event.name + "|" + event.data + "|" + event.last_id + "]";
  }
  return text;
}

constexpr std::string_view sample =
    "\xEF\xBB\xBF: a comment\r\n"
    "data: first\n"
    "data: second\r\n\r\n"
    "event: progress\rdata:{\"a\":1}\rid: 7\r\r"
    "id: 8\n\n"           // no data: no event, but the id counts
    "data\n\n"            // data without a colon is an empty line
    "event: dropped\n\n"  // a name alone gives nothing and is forgotten
    "data:  two spaces\nunknown: x\n:\n\n"
    "data: ñ – 漢\n\n"
    "data: never finished\n";
constexpr std::string_view expected =
    "[message|first\nsecond|][progress|{\"a\":1}|7][message||8][message| two spaces|8]"
    "[message|ñ – 漢|8]";

TEST(EventStream, the_rules_of_the_standard_hold) { EXPECT_EQ(shown(parse({sample})), expected); }

TEST(EventStream, a_cut_at_any_two_places_changes_nothing) {
  for (size_t first = 0; first <= sample.size(); ++first) {
    for (size_t second = first; second <= sample.size(); ++second) {
      ASSERT_EQ(shown(parse({sample.substr(0, first), sample.substr(first, second - first),
                             sample.substr(second)})),
                expected)
          << "cut at " << first << " and " << second;
    }
  }
}

TEST(EventStream, byte_by_byte_changes_nothing) {
  std::vector<std::string_view> pieces;
  for (size_t index = 0; index < sample.size(); ++index) pieces.push_back(sample.substr(index, 1));
  EXPECT_EQ(shown(parse(pieces)), expected);
}

TEST(EventStream, retry_takes_digits_only) {
  EventStream stream;
  const auto ignore = [](const Event&) { return true; };
  ASSERT_TRUE(stream.feed("retry: 250\n", ignore));
  EXPECT_EQ(stream.retry_ms(), 250);
  ASSERT_TRUE(stream.feed("retry: 1s\nretry:\nretry: -4\n", ignore));
  EXPECT_EQ(stream.retry_ms(), 250);
}

TEST(EventStream, an_id_with_a_nul_is_ignored) {
  EventStream stream;
  ASSERT_TRUE(stream.feed("id: good\n", [](const Event&) { return true; }));
  ASSERT_TRUE(stream.feed(std::string_view("id: b\0d\n", 8), [](const Event&) { return true; }));
  EXPECT_EQ(stream.last_id(), "good");
}

TEST(EventStream, nothing_follows_once_the_reader_has_had_enough) {
  EventStream stream;
  int seen = 0;
  const auto once = [&](const Event&) { return ++seen < 1; };
  ASSERT_TRUE(stream.feed("data: 1\n\ndata: 2\n\n", once));
  ASSERT_TRUE(stream.feed("data: 3\n\n", once));
  EXPECT_EQ(seen, 1);
}

TEST(EventStream, an_endless_event_is_refused) {
  const auto ignore = [](const Event&) { return true; };
  EventStream one_line(1000);
  base::Status status;
  for (int piece = 0; piece < 100 && status; ++piece)
    status = one_line.feed("data: 0123456789", ignore);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, "net.event_too_large");
  EventStream many_lines(1000);
  status = {};
  for (int piece = 0; piece < 200 && status; ++piece)
    status = many_lines.feed("data: 0123456789\n", ignore);
  EXPECT_FALSE(status);
}

}  // namespace
}  // namespace lar::net
