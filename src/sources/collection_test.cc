// Calendars and address books in one file.
#include "sources/collection.h"

#include <gtest/gtest.h>

#include "sources/ics/ics.h"
#include "sources/testing.h"
#include "sources/vcf/vcf.h"

namespace lar::sources {
namespace {

using namespace lar::sources::testing;

std::string event(const std::string& uid, const std::string& summary,
                  const std::string& more = "") {
  return "BEGIN:VEVENT\r\nUID:" + uid +
         "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260601T090000Z\r\nDTEND:"
         "20260601T100000Z\r\nSUMMARY:" +
         summary + "\r\n" + more + "END:VEVENT\r\n";
}

std::string calendar(const std::string& events) {
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + events + "END:VCALENDAR\r\n";
}

std::string card(const std::string& uid, const std::string& name) {
  return "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\nFN:" + name + "\r\nN:" + name +
         ";;;;\r\nTEL:+34600000000\r\nEND:VCARD\r\n";
}

class FixedClock : public ::testing::Test {
 protected:
  void SetUp() override {
    base::Clock::fix(*base::parse_rfc3339("2026-05-14T09:00:00Z"), "Europe/Madrid");
  }
  void TearDown() override { base::Clock::fix(std::nullopt, std::nullopt); }
};
using Ics = FixedClock;
using Vcf = FixedClock;

TEST_F(Ics, only_changed_events_are_recorded_again) {
  TempFolder folder;
  folder.write("home.ics",
               calendar(event("a", "Dentist") + event("b", "Swimming") + event("c", "Concert")));
  Home home;
  const auto source = home.add("ics", folder.path("home.ics"));
  EXPECT_EQ(home.sync(source).added, 3);
  EXPECT_EQ(home.sync(source).unchanged, 3);
  EXPECT_EQ(home.reading.reads, 0);
  const auto untouched = *home.store->find_item("b");

  folder.write(
      "home.ics",
      calendar(event("a", "Dentist moved") + event("b", "Swimming") + event("d", "Dinner")), 10);
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.changed, 1);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.removed, 1);
  EXPECT_EQ(report.unchanged, 1);
  EXPECT_EQ(home.items(), 3);
  EXPECT_EQ(home.store->item(*untouched)->version, 1);
  EXPECT_EQ(home.hits("concert"), 0);
  EXPECT_EQ(home.hits("moved"), 1);
  home.expect_sound();
}

TEST_F(Ics, recurring_events_are_expanded_again_when_time_has_moved_on) {
  TempFolder folder;
  folder.write("home.ics", calendar(event("a", "Rubbish day", "RRULE:FREQ=MONTHLY\r\n")));
  Home home;
  const auto source = home.add("ics", folder.path("home.ics"));
  home.sync(source);
  const auto last_of = [&] { return home.store->occurrences(0, 4'102'444'800'000'000)->size(); };
  const std::size_t before = last_of();
  EXPECT_GE(before, 20u);
  base::Clock::fix(*base::parse_rfc3339("2026-09-14T09:00:00Z"), "Europe/Madrid");
  home.sync(source);
  EXPECT_EQ(home.reading.reads, 1);
  EXPECT_EQ(last_of(), before + 4);
  EXPECT_EQ(home.items(), 1);
  home.sync(source);
  EXPECT_EQ(home.reading.reads, 0);
}

TEST_F(Ics, a_file_cut_short_loses_nothing) {
  TempFolder folder;
  const std::string whole =
      calendar(event("a", "Dentist") + event("b", "Swimming") + event("c", "Concert"));
  folder.write("home.ics", whole);
  Home home;
  const auto source = home.add("ics", folder.path("home.ics"));
  home.sync(source);
  folder.write("home.ics", whole.substr(0, whole.size() * 2 / 3), 10);
  const auto report = home.try_sync(source);
  if (report) {
    EXPECT_TRUE(has_notice(*report, "ics.truncated"));
  }
  EXPECT_EQ(home.items(), 3);
  folder.remove("home.ics");
  const auto gone = home.try_sync(source);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, "source.unreachable");
  EXPECT_EQ(home.items(), 3);
  folder.write("home.ics", whole, 5);
  EXPECT_EQ(home.sync(source).removed, 0);
  EXPECT_EQ(home.items(), 3);
  home.expect_sound();
}

TEST_F(Ics, the_same_event_twice_and_other_files_are_dealt_with) {
  TempFolder folder;
  folder.write("x.ics", calendar(event("a", "Dentist") + event("a", "Dentist")));
  folder.write("x.txt", "BEGIN: nothing");
  Home home;
  const auto source = home.add("ics", folder.path("x.ics"));
  home.sync(source);
  EXPECT_EQ(home.sync(source).changed, 0);
  const auto refused = ics::source_type().describe({folder.path("x.txt"), ""});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "source.not_a_calendar");
}

TEST_F(Vcf, contacts_are_followed_one_by_one) {
  TempFolder folder;
  folder.write("people.vcf", card("1", "Ana Ruiz") + card("2", "Bea Soto"));
  Home home;
  const auto source = home.add("vcf", folder.path("people.vcf"));
  EXPECT_EQ(home.sync(source).added, 2);
  folder.write("people.vcf", card("1", "Ana Ruiz") + card("3", "Carla Vega"), 10);
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.removed, 1);
  EXPECT_EQ(report.unchanged, 1);
  EXPECT_EQ(home.hits("Vega"), 1);
  EXPECT_EQ(home.hits("Soto"), 0);
  home.expect_sound();
}

}  // namespace
}  // namespace lar::sources
