// What the detectors' world takes from a home: which events bind the owner, what people are, which
// papers belong to a meeting.
#include "assistant/knowledge.h"

#include "assistant/detectors/detector.h"
#include "assistant/testing.h"

namespace lar::assistant {
namespace {

using testing::HomeTest;

std::string event(const std::string& uid, const std::string& more) {
  return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260501T080000Z\r\nSUMMARY:" + uid + "\r\n" +
         more + "END:VEVENT\r\n";
}
std::string times(int day) {
  const std::string date = "202605" + std::to_string(day);
  return "DTSTART:" + date + "T100000Z\r\nDTEND:" + date + "T110000Z\r\n";
}

class KnowledgeTest : public HomeTest {
 protected:
  World world() {
    auto loaded = load_knowledge(*home.store, base::Clock::now() - 30 * base::one_day,
                                 base::Clock::now() + 30 * base::one_day);
    EXPECT_TRUE(loaded) << loaded.error().describe();
    knowledge = std::move(*loaded);
    return world_at(knowledge, base::Clock::now());
  }
  Knowledge knowledge;  // a world belongs to it
};

TEST_F(KnowledgeTest, what_is_free_or_declined_by_the_owner_does_not_bind_them) {
  const std::string invited = "ORGANIZER:mailto:nora@oficina.example\r\n";
  const auto answered = [&](const std::string& mine, const std::string& other) {
    return invited + "ATTENDEE;PARTSTAT=" + mine + ":mailto:Clara@casa.example\r\n" +
           "ATTENDEE;PARTSTAT=" + other + ":mailto:leo@oficina.example\r\n";
  };
  home.folder.write(
      "family.ics",
      "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n" + event("plain", times(18)) +
          event("free", times(18) + "TRANSP:TRANSPARENT\r\n") +
          event("busy", times(18) + "TRANSP:OPAQUE\r\n") +
          event("declined", times(18) + answered("DECLINED", "ACCEPTED")) +
          event("accepted", times(18) + answered("ACCEPTED", "DECLINED")) +
          event("series",
                times(18) + "RRULE:FREQ=DAILY;COUNT=2\r\n" + answered("ACCEPTED", "ACCEPTED")) +
          event("series", times(19) + "RECURRENCE-ID:20260519T100000Z\r\n" +
                              answered("DECLINED", "ACCEPTED")) +
          "END:VCALENDAR\r\n");
  sync_calendar();
  const World found = world();
  std::map<std::string, bool> binds;
  for (const Meeting& meeting : found.meetings) {
    binds[meeting.title + base::format_date(found.day_of(meeting.starts)).substr(8)] =
        binds_owner(found, meeting);
  }
  EXPECT_EQ(binds, (std::map<std::string, bool>{{"plain18", true},
                                                {"free18", false},
                                                {"busy18", true},
                                                {"declined18", false},
                                                {"accepted18", true},
                                                {"series18", true},
                                                {"series19", false}}));
}

TEST_F(KnowledgeTest, the_address_book_says_what_people_are_and_documents_what_they_are_about) {
  home.folder.write("people.vcf",
                    "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a\r\nFN:Ana Robles\r\nTITLE:Architect\r\n"
                    "ORG:Estudio Robles\r\nEMAIL:ana.robles@correo.example\r\nEND:VCARD\r\n");
  home.sync(home.add("vcf", home.folder.path("people.vcf")));
  home.folder.write("papers/roof.md", "# Roof offer\n\nTiles.\n");
  home.folder.write("papers/tax.md", "# Tax return\n\nNumbers.\n");
  home.sync(home.add("folder", home.folder.path("papers")));
  home.folder.write("family.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n" +
                                      event("Roof", times(14)) + "END:VCALENDAR\r\n");
  sync_calendar();
  const World found = world();
  const std::string role = found.roles.at("ana.robles@correo.example");
  EXPECT_NE(role.find("Architect"), std::string::npos) << role;
  EXPECT_NE(role.find("Estudio Robles"), std::string::npos) << role;
  ASSERT_EQ(found.documents.size(), 1u);
  EXPECT_EQ(found.documents.front().title, "Roof offer");
}

}  // namespace
}  // namespace lar::assistant
