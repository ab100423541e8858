// What is written is read back by lar-read, and what a change is not about stays byte for byte.
#include "sources/calendar_writer.h"

#include <gtest/gtest.h>
#include <libical/ical.h>

#include "base/text.h"
#include "sources/files.h"
#include "sources/testing.h"

namespace lar::sources {
namespace {

using base::LocalTime;
using domain::AllDay;
using domain::Instant;

domain::When at(const LocalTime& local, const std::string& zone) {
  return Instant{base::from_local(local, zone), zone};
}

domain::Item read_back(const std::string& text) {
  static testing::CountingReader reader;
  const auto memory = memory_file(text);
  reading::Request request;
  request.descriptor = memory->get();
  request.length = text.size();
  request.name = "event.ics";
  request.media_type = "text/calendar";
  request.owner_zone = "Europe/Madrid";
  request.horizon_begin = base::from_local({{2026, 1, 1}, 0, 0, 0}, "UTC");
  request.horizon_end = base::from_local({{2027, 1, 1}, 0, 0, 0}, "UTC");
  const auto reading = reader.read(request, {});
  EXPECT_TRUE(reading) << reading.error().describe() << "\n" << text;
  if (!reading || reading->items.size() != 1) {
    ADD_FAILURE() << text;
    return {};
  }
  return reading->items.front();
}

std::string starts(const domain::Item& item) {
  std::string text;
  for (const domain::Occurrence& one : item.occurrences) {
    text += domain::format(one.start) + (one.summary == item.title ? "" : " " + one.summary) + "\n";
  }
  return text;
}

// Lines in one text and not in the other, stamps of the change apart.
std::string difference(const std::string& before, const std::string& after) {
  const auto lines = [](const std::string& text) {
    std::multiset<std::string> all;
    for (const std::string_view line : base::split(text, '\n')) all.emplace(line);
    return all;
  };
  std::string text;
  const auto old_lines = lines(before);
  const auto new_lines = lines(after);
  for (const std::string& line : old_lines) {
    if (old_lines.count(line) > new_lines.count(line)) text += "-" + line + "\n";
  }
  for (const std::string& line : new_lines) {
    const bool stamp = line.starts_with("DTSTAMP") || line.starts_with("LAST-MODIFIED");
    if (!stamp && new_lines.count(line) > old_lines.count(line)) text += "+" + line + "\n";
  }
  return base::replace_all(text, "\r", "");
}

constexpr std::string_view series =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Other//Program//EN\r\nX-WR-CALNAME:Work\r\n"
    "BEGIN:VTIMEZONE\r\nTZID:Our Office\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n"
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n"
    "END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\n"
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n"
    "END:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
    "BEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260101T000000Z\r\nSEQUENCE:4\r\n"
    "DTSTART;X-KEPT=1;TZID=\"Our Office\":20260316T090000\r\n"
    "DTEND;TZID=\"Our Office\":20260316T100000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260413T07"
    "\r\n 0000Z\r\nEXDATE;TZID=\"Our Office\":20260323T090000\r\n"
    "SUMMARY;LANGUAGE=en:Team \\, weekly\r\n"
    "ORGANIZER;CN=Bea:mailto:bea@example.org\r\n"
    "ATTENDEE;CN=\"Ruiz; Ana\";PARTSTAT=NEEDS-ACTION;RSVP=TRUE;X-NUM-GUESTS=0:MAILTO:Ana@exam\r\n"
    " ple.org\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:carl@example.org\r\n"
    "X-APPLE-STRUCTURED-LOCATION;VALUE=URI:geo:1,2\r\nREFRESHED-BY:nobody\r\n"
    "BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT5M\r\nX-WR-ALARMUID:1\r\nEND:VALARM\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n";

TEST(CalendarWriter, ANewEventIsReadBackAsItWasMeant) {
  EventDraft draft;
  draft.title = "Dentista, Dr. Núñez; revisión";
  draft.start = at({{2026, 6, 3}, 17, 30, 0}, "Europe/Madrid");
  draft.end = at({{2026, 6, 3}, 18, 0, 0}, "Europe/Madrid");
  draft.place = "Calle Mayor 1\nMadrid";
  draft.notes = std::string(300, 'x') + " ñandú \\ end";
  draft.people = {{domain::PersonRole::organizer, "Bea", "bea@example.org"},
                  {domain::PersonRole::attendee, "Ruiz; Ana", "ana@example.org"}};
  draft.alarm_minutes = 30;
  const auto text = write_event(draft);
  ASSERT_TRUE(text);
  for (const std::string_view line : base::split(*text, '\n')) EXPECT_LE(line.size(), 76U);
  EXPECT_NE(text->find("TZID=Europe/Madrid:20260603T173000"), std::string::npos) << *text;
  EXPECT_NE(text->find("TRIGGER:-PT30M"), std::string::npos);
  const domain::Item item = read_back(*text);
  EXPECT_EQ(item.title, draft.title);
  EXPECT_EQ(item.place, "Calle Mayor 1 Madrid");
  EXPECT_EQ(starts(item), "2026-06-03T17:30:00+02:00\n");
  EXPECT_EQ(domain::format(*item.occurrences.front().end), "2026-06-03T18:00:00+02:00");
  ASSERT_EQ(item.people.size(), 2U);
  EXPECT_EQ(item.people[1].name, "Ruiz; Ana");
  EXPECT_EQ(item.people[1].address, "ana@example.org");
}

TEST(CalendarWriter, WholeDaysAndMomentsOfNoZoneNeedNoTimeZone) {
  EventDraft draft;
  draft.title = "Holidays";
  draft.start = AllDay{{2026, 8, 1}};
  draft.end = AllDay{{2026, 8, 16}};
  const auto days = write_event(draft);
  ASSERT_TRUE(days);
  EXPECT_EQ(days->find("VTIMEZONE"), std::string::npos);
  EXPECT_NE(days->find("DTSTART;VALUE=DATE:20260801"), std::string::npos);
  EXPECT_EQ(starts(read_back(*days)), "2026-08-01\n");
  draft.start = Instant{base::from_local({{2026, 8, 1}, 9, 0, 0}, "UTC"), "UTC"};
  draft.end.reset();
  EXPECT_NE(write_event(draft)->find("DTSTART:20260801T090000Z"), std::string::npos);
  draft.end = Instant{base::from_local({{2026, 8, 1}, 8, 0, 0}, "UTC"), "UTC"};
  EXPECT_EQ(write_event(draft).error().code, "ical.ends_before_start");
}

TEST(CalendarWriter, TimeZonesAreWrittenAsTheySay) {
  for (const char* zone :
       {"Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
        "Africa/Casablanca", "America/Santiago", "UTC", "Asia/Tehran"}) {
    const std::string text =
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + write_time_zone(zone, 2026) + "END:VCALENDAR\r\n";
    icalcomponent* calendar = icalparser_parse_string(text.c_str());
    ASSERT_NE(calendar, nullptr);
    icaltimezone* read = icalcomponent_get_timezone(calendar, zone);
    ASSERT_NE(read, nullptr) << zone;
    int wrong = 0;
    const auto end = base::from_local({{2034, 1, 1}, 0, 0, 0}, "UTC");
    for (auto time = base::from_local({{2026, 1, 1}, 0, 30, 0}, "UTC"); time < end;
         time += 7 * base::one_second * 3600) {
      const LocalTime local = base::to_local(time, zone);
      icaltimetype stated = icaltime_null_time();
      stated.year = local.date.year;
      stated.month = local.date.month;
      stated.day = local.date.day;
      stated.hour = local.hour;
      stated.minute = local.minute;
      int daylight = 0;
      const auto offset = icaltimezone_get_utc_offset(read, &stated, &daylight);
      // A reading that occurs twice may mean either.
      const auto meant = base::from_local(local, "UTC") - offset * base::one_second;
      wrong += base::to_local(meant, zone) == local ? 0 : 1;
    }
    EXPECT_EQ(wrong, 0) << text;
    icalcomponent_free(calendar);
  }
}

TEST(CalendarWriter, ANewTitleTouchesNothingElse) {
  const std::string before(series);
  EventChange change;
  change.title = "Team, every week";
  const auto after = change_event(before, "", change);
  ASSERT_TRUE(after) << after.error().describe();
  EXPECT_EQ(difference(before, *after),
            "-DTSTAMP:20260101T000000Z\n-SEQUENCE:4\n-SUMMARY;LANGUAGE=en:Team \\, weekly\n"
            "+SEQUENCE:5\n+SUMMARY;LANGUAGE=en:Team\\, every week\n");
}

TEST(CalendarWriter, OneOccurrenceIsChangedInItsOwnCalendarsZone) {
  const std::string before(series);
  EXPECT_EQ(starts(read_back(before)),
            "2026-03-16T08:00:00+00:00\n2026-03-30T07:00:00+00:00\n2026-04-06T07:00:00+00:00\n"
            "2026-04-13T07:00:00+00:00\n");
  EventChange change;
  change.start = at({{2026, 4, 7}, 11, 0, 0}, "UTC");
  change.title = "Moved";
  const auto after = change_event(before, "20260406T070000Z", change);
  ASSERT_TRUE(after) << after.error().describe();
  EXPECT_NE(after->find("RECURRENCE-ID;TZID=Our Office:20260406T090000"), std::string::npos)
      << *after;
  EXPECT_NE(after->find("DTSTART;X-KEPT=1;TZID=Our Office:20260407T130000"), std::string::npos);
  EXPECT_NE(after->find("DTEND;TZID=Our Office:20260407T140000"), std::string::npos);
  EXPECT_EQ(starts(read_back(*after)),
            "2026-03-16T08:00:00+00:00\n2026-03-30T07:00:00+00:00\n"
            "2026-04-07T11:00:00+00:00 Moved\n2026-04-13T07:00:00+00:00\n");
  // Once more: the same override is changed, none is added.
  change.title = "Moved again";
  change.start.reset();
  const auto again = change_event(*after, "20260406T070000Z", change);
  ASSERT_TRUE(again);
  EXPECT_EQ(starts(read_back(*again)),
            "2026-03-16T08:00:00+00:00\n2026-03-30T07:00:00+00:00\n"
            "2026-04-07T11:00:00+00:00 Moved again\n2026-04-13T07:00:00+00:00\n");
  EXPECT_EQ(change_event(before, "20260406", change).error().code, "ical.no_such_occurrence");
  EXPECT_EQ(change_event(before, "nonsense", change).error().code, "ical.no_such_occurrence");
}

TEST(CalendarWriter, ASeriesMovesWithItsExceptionsItsRuleAndItsEnd) {
  EventChange one;
  one.title = "Other";
  const auto with_override = change_event(series, "20260406T070000Z", one);
  ASSERT_TRUE(with_override);
  EventChange change;
  change.start = Instant{base::from_local({{2026, 3, 17}, 9, 30, 0}, "UTC"), "UTC"};  // Tuesday
  const auto after = change_event(*with_override, "", change);
  ASSERT_TRUE(after) << after.error().describe();
  EXPECT_EQ(starts(read_back(*after)),
            "2026-03-17T09:30:00+00:00\n2026-03-31T08:30:00+00:00\n"
            "2026-04-07T08:30:00+00:00 Other\n2026-04-14T08:30:00+00:00\n")
      << *after;
  EXPECT_NE(after->find("RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20260414T083000Z"), std::string::npos);
  EXPECT_NE(after->find("X-APPLE-STRUCTURED-LOCATION"), std::string::npos);
}

TEST(CalendarWriter, ARuleThatCannotBeMovedIsNotGuessedAt) {
  const std::string before =
      base::replace_all(series, "FREQ=WEEKLY;BYDAY=MO", "FREQ=MONTHLY;BYDAY=3MO");
  EventChange change;
  change.start = at({{2026, 3, 17}, 9, 0, 0}, "UTC");
  EXPECT_EQ(change_event(before, "", change).error().code, "ical.rule_in_the_way");
  change.start = at({{2026, 3, 16}, 12, 0, 0}, "UTC");  // the hour alone
  EXPECT_TRUE(change_event(before, "", change));
  change.start = AllDay{{2026, 3, 16}};
  EXPECT_EQ(change_event(before, "", change).error().code, "ical.rule_in_the_way");
}

TEST(CalendarWriter, AnOccurrenceIsTakenOut) {
  const auto after = remove_occurrence(series, "20260330T070000Z");
  ASSERT_TRUE(after) << after.error().describe();
  EXPECT_EQ(starts(read_back(*after)),
            "2026-03-16T08:00:00+00:00\n2026-04-06T07:00:00+00:00\n2026-04-13T07:00:00+00:00\n");
}

TEST(CalendarWriter, AnAnswerChangesOnlyTheAnswer) {
  const std::string before(series);
  const auto after = answer_invitation(before, "", "ana@example.org", Participation::accepted);
  ASSERT_TRUE(after) << after.error().describe();
  const std::string whole = base::replace_all(*after, "\r\n ", "");
  EXPECT_NE(whole.find("PARTSTAT=ACCEPTED:MAILTO:Ana@example.org"), std::string::npos) << whole;
  EXPECT_NE(whole.find("ATTENDEE;PARTSTAT=ACCEPTED:mailto:carl@example.org"), std::string::npos);
  EXPECT_EQ(whole.find("RSVP"), std::string::npos);
  EXPECT_NE(whole.find("X-NUM-GUESTS=0"), std::string::npos);
  EXPECT_NE(whole.find("SEQUENCE:4"), std::string::npos) << "the organizer's to count";
  EXPECT_EQ(answer_invitation(before, "", "dora@example.org", Participation::declined).error().code,
            "ical.not_invited");
}

TEST(CalendarWriter, AReplyTellsTheOrganizerOfOneAnswerAndOfNobodyElses) {
  const auto reply = write_reply(series, "ana@example.org", Participation::tentative);
  ASSERT_TRUE(reply) << reply.error().describe();
  const std::string whole = base::replace_all(*reply, "\r\n ", "");
  EXPECT_NE(whole.find("METHOD:REPLY\r\n"), std::string::npos) << whole;
  EXPECT_NE(whole.find("PARTSTAT=TENTATIVE:MAILTO:Ana@example.org\r\n"), std::string::npos)
      << whole;
  EXPECT_EQ(whole.find("carl@example.org"), std::string::npos) << "the answer of somebody else";
  // The zone it is told in has rules of its own.
  EXPECT_EQ(whole.find("RRULE", whole.find("BEGIN:VEVENT")), std::string::npos);
  EXPECT_NE(whole.find("SEQUENCE:4"), std::string::npos);
  const auto scheduling = scheduling_of(series);
  ASSERT_TRUE(scheduling);
  EXPECT_NE(whole.find("UID:" + scheduling->uid + "\r\n"), std::string::npos);
  EXPECT_NE(whole.find("ORGANIZER"), std::string::npos);
  EXPECT_EQ(scheduling->sequence, 4);
  EXPECT_TRUE(scheduling->repeats);
  EXPECT_EQ(scheduling->occurrence, "");
  EXPECT_EQ(write_reply(series, "dora@example.org", Participation::accepted).error().code,
            "ical.not_invited");
}

TEST(CalendarWriter, AnUpdatedInvitationTakesThePlaceOfTheEventAndKeepsItsAlarm) {
  const std::string head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n";
  const std::string kept = head +
                           "BEGIN:VEVENT\r\nUID:m\r\nDTSTART:20260601T100000Z\r\nSEQUENCE:0\r\n"
                           "RRULE:FREQ=WEEKLY\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
                           "TRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  const std::string update =
      head +
      "METHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:m\r\nDTSTART:20260602T110000Z\r\nSEQUENCE:1\r\n"
      "RRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  const auto whole = merge_invitation(kept, update);
  ASSERT_TRUE(whole) << whole.error().describe();
  EXPECT_NE(whole->find("DTSTART:20260602T110000Z"), std::string::npos) << *whole;
  EXPECT_NE(whole->find("TRIGGER:-PT15M"), std::string::npos) << *whole;
  EXPECT_EQ(whole->find("METHOD"), std::string::npos) << "calendars keep no METHOD";
  // One occurrence: the series stays, and a second change of it takes the first one's place.
  const auto one = [&](const char* start) {
    return head + "METHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:m\r\nRECURRENCE-ID:20260608T100000Z\r\n" +
           "DTSTART:" + start + "\r\nSEQUENCE:2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  };
  auto changed = merge_invitation(kept, one("20260609T120000Z"));
  ASSERT_TRUE(changed) << changed.error().describe();
  changed = merge_invitation(*changed, one("20260609T130000Z"));
  ASSERT_TRUE(changed);
  EXPECT_NE(changed->find("DTSTART:20260601T100000Z"), std::string::npos) << *changed;
  EXPECT_EQ(changed->find("20260609T120000Z"), std::string::npos);
  EXPECT_NE(changed->find("20260609T130000Z"), std::string::npos);
  EXPECT_EQ(scheduling_of(*changed, "20260608T100000Z")->sequence, 2);
  EXPECT_EQ(scheduling_of(*changed, "20260615T100000Z").error().code, "ical.no_such_occurrence");
  EXPECT_EQ(scheduling_of(one("20260609T120000Z"))->occurrence, "20260608T100000Z");
  EXPECT_EQ(merge_invitation("", update)->find("METHOD"), std::string::npos);
}

TEST(CalendarWriter, AWholeDayMovesAsAWholeDayAndBecomesAnHour) {
  const std::string before =
      "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:d\nDTSTART;VALUE=DATE:20260801\n"
      "DTEND;VALUE=DATE:20260803\nSUMMARY:Trip\nEND:VEVENT\nEND:VCALENDAR\n";
  EventChange change;
  change.start = AllDay{{2026, 9, 1}};
  const auto moved = change_event(before, "", change);
  ASSERT_TRUE(moved);
  EXPECT_NE(moved->find("DTEND;VALUE=DATE:20260903"), std::string::npos) << *moved;
  change.start = at({{2026, 9, 1}, 10, 0, 0}, "Europe/Madrid");
  const auto hour = change_event(before, "20260801", change);
  ASSERT_TRUE(hour);
  EXPECT_EQ(hour->find("DTEND"), std::string::npos);
  EXPECT_EQ(starts(read_back(*hour)), "2026-09-01T10:00:00+02:00\n");
}

TEST(CalendarWriter, DamagedTextsAreRefused) {
  for (const char* text :
       {"", "BEGIN:VCARD\nEND:VCARD\n", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n",
        "BEGIN:VCALENDAR\nEND:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR\n",
        "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", "SUMMARY:x\n"}) {
    EXPECT_EQ(change_event(text, "", {}).error().code, "ical.not_writable") << text;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "BEGIN:VCALENDAR\n";
  EXPECT_EQ(change_event(deep, "", {}).error().code, "ical.not_writable");
}

TEST(CalendarFile, an_object_is_put_in_changed_and_taken_out_and_the_rest_stays_as_it_is) {
  const std::string file =
      "BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:Casa\nBEGIN:VTIMEZONE\nTZID:Europe/Madrid\n"
      "BEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n"
      "END:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:o\n ne@x\nX-ODD;A=\"b:c\":1\nSUMMARY:Uno\n"
      "DTSTART:20260520T100000Z\nBEGIN:VALARM\nUID:two@x\nEND:VALARM\nEND:VEVENT\n"
      "END:VCALENDAR\n";
  EXPECT_FALSE(object_in(file, "two@x"));
  const auto one = object_in(file, "one@x");
  ASSERT_TRUE(one);
  EXPECT_EQ(read_back(*one).title, "Uno");

  EventDraft draft;
  draft.uid = "two@x";
  draft.title = "Dos";
  draft.start = at({{2026, 5, 21}, 17, 0, 0}, "Europe/Madrid");
  const auto object = write_event(draft);
  ASSERT_TRUE(object);
  const auto with = with_object(file, *object);
  ASSERT_TRUE(with) << with.error().describe();
  EXPECT_EQ(with->find('\r'), std::string::npos) << "other line ends than the file's";
  EXPECT_EQ(with->find("BEGIN:VTIMEZONE"), with->rfind("BEGIN:VTIMEZONE")) << "a zone twice";
  EXPECT_EQ(read_back(*object_in(*with, "two@x")).title, "Dos");
  EXPECT_EQ(without_object(*with, "two@x"), file);
  EXPECT_FALSE(without_object(file, "two@x"));

  EventChange change;
  change.title = "Dos y medio";
  const auto changed = change_event(*object_in(*with, "two@x"), "", change);
  ASSERT_TRUE(changed) << changed.error().describe();
  const auto again = with_object(*with, *changed);
  ASSERT_TRUE(again);
  EXPECT_EQ(read_back(*object_in(*again, "two@x")).title, "Dos y medio");
  EXPECT_EQ(object_in(*again, "one@x"), one);
  EXPECT_EQ(without_object(*again, "two@x"), file);

  EXPECT_EQ(with_object("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\n", *object).error().code,
            "ical.incomplete");
  EXPECT_EQ(with_object("", *object).error().code, "ical.incomplete");
}

}  // namespace
}  // namespace lar::sources
