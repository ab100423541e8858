// Calendars and contacts: repetition, zones, exceptions, and files that make no sense.
#include <gtest/gtest.h>

#include "base/clock.h"
#include "readers/reader.h"

namespace lar::readers {
namespace {

using domain::Item;

Input input_of(std::string_view bytes, const std::string& name) {
  Input input;
  input.bytes = bytes;
  input.name = name;
  input.owner_zone = "Europe/Madrid";
  input.horizon_begin = base::from_local({{2026, 1, 1}, 0, 0, 0}, "UTC");
  input.horizon_end = base::from_local({{2027, 1, 1}, 0, 0, 0}, "UTC");
  return input;
}

std::vector<Item> read_all(std::string_view bytes, const std::string& name = "a.ics") {
  const Input input = input_of(bytes, name);
  auto items = find_reader(input)->read(input);
  if (!items) {
    ADD_FAILURE() << items.error().describe();
    return {};
  }
  return std::move(*items);
}

std::string error_of(std::string_view bytes, const std::string& name) {
  const Input input = input_of(bytes, name);
  const auto items = find_reader(input)->read(input);
  return items ? "none" : items.error().describe();
}

std::string calendar(const std::string& components) {
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + components +
         "END:VCALENDAR\r\n";
}

std::string event(const std::string& lines) {
  return "BEGIN:VEVENT\r\nUID:u1\r\nSUMMARY:Piano\r\n" + lines + "END:VEVENT\r\n";
}

std::vector<std::string> starts(const Item& item) {
  std::vector<std::string> list;
  for (const auto& occurrence : item.occurrences) list.push_back(domain::format(occurrence.start));
  return list;
}

using Texts = std::vector<std::string>;

TEST(Ical, a_weekly_event_keeps_its_wall_clock_through_the_change_of_clocks) {
  const auto items = read_all(calendar(event(
      "DTSTART;TZID=Europe/Madrid:20260320T090000\r\nDTEND;TZID=Europe/Madrid:20260320T100000\r\n"
      "RRULE:FREQ=WEEKLY;COUNT=3\r\n")));
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(starts(items[0]), (Texts{"2026-03-20T09:00:00+01:00", "2026-03-27T09:00:00+01:00",
                                     "2026-04-03T09:00:00+02:00"}));
  EXPECT_EQ(domain::format(*items[0].occurrences[2].end), "2026-04-03T10:00:00+02:00");
  EXPECT_EQ(items[0].occurrences[0].recurrence_id, "20260320T080000Z");
}

TEST(Ical, exceptions_and_moved_occurrences_are_kept_apart) {
  const auto items = read_all(
      calendar(event("DTSTART;TZID=Europe/Madrid:20260601T170000\r\nDTEND;TZID=Europe/"
                     "Madrid:20260601T180000\r\n"
                     "RRULE:FREQ=WEEKLY;UNTIL=20260629T150000Z\r\nEXDATE;TZID=Europe/"
                     "Madrid:20260608T170000\r\n"
                     "LOCATION:Aula 1\r\n") +
               event("RECURRENCE-ID;TZID=Europe/Madrid:20260615T170000\r\n"
                     "DTSTART;TZID=Europe/Madrid:20260616T190000\r\nDTEND;TZID=Europe/"
                     "Madrid:20260616T200000\r\n"
                     "LOCATION:Aula 7\r\n") +
               event("RECURRENCE-ID;TZID=Europe/Madrid:20260622T170000\r\nSTATUS:CANCELLED\r\n"
                     "DTSTART;TZID=Europe/Madrid:20260622T170000\r\n")));
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(starts(items[0]), (Texts{"2026-06-01T17:00:00+02:00", "2026-06-16T19:00:00+02:00",
                                     "2026-06-29T17:00:00+02:00"}));
  EXPECT_EQ(items[0].occurrences[1].location, "Aula 7");
  EXPECT_EQ(items[0].occurrences[1].recurrence_id, "20260615T150000Z");
  const std::string& text = items[0].parts[0].text;
  EXPECT_NE(text.find("Repeats: every week (cada semana), until Monday 2026-06-29"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("Except: Monday 2026-06-08, lunes 8 de junio de 2026"), std::string::npos)
      << text;
  EXPECT_NE(text.find("Moved: 2026-06-15 → Tuesday 2026-06-16 19:00–20:00"), std::string::npos)
      << text;
  EXPECT_NE(text.find("Cancelled: 2026-06-22"), std::string::npos) << text;
}

TEST(Ical, a_change_of_one_and_all_following_moves_them_by_as_much) {
  const std::string series = event(
      "DTSTART;TZID=Europe/Madrid:20261005T170000\r\nDTEND;TZID=Europe/"
      "Madrid:20261005T180000\r\nRRULE:FREQ=WEEKLY;COUNT=6\r\nLOCATION:Aula 1\r\n"
      "EXDATE;TZID=Europe/Madrid:20261026T170000\r\n");
  // From the second on: a day and two hours later, half an hour longer, elsewhere. The clocks
  // change on 25 October.
  const std::string following = event(
      "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Madrid:20261012T170000\r\n"
      "DTSTART;TZID=Europe/Madrid:20261013T190000\r\nDTEND;TZID=Europe/"
      "Madrid:20261013T203000\r\nLOCATION:Aula 7\r\n");
  const std::string one = event(
      "RECURRENCE-ID;TZID=Europe/Madrid:20261102T170000\r\n"
      "DTSTART;TZID=Europe/Madrid:20261102T080000\r\n");
  auto items = read_all(calendar(series + following + one));
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(starts(items[0]), (Texts{"2026-10-05T17:00:00+02:00", "2026-10-13T19:00:00+02:00",
                                     "2026-10-20T19:00:00+02:00", "2026-11-02T08:00:00+01:00",
                                     "2026-11-10T19:00:00+01:00"}));
  EXPECT_EQ(domain::format(*items[0].occurrences[2].end), "2026-10-20T20:30:00+02:00");
  EXPECT_EQ(items[0].occurrences[0].location, "Aula 1");
  EXPECT_EQ(items[0].occurrences[2].location, "Aula 7");
  EXPECT_EQ(items[0].occurrences[2].recurrence_id, "20261019T150000Z");
  EXPECT_EQ(items[0].occurrences[4].location, "Aula 7");
  EXPECT_NE(items[0].parts[0].text.find("Moved: 2026-10-12 and all following (y todas las "
                                        "siguientes) → Tuesday 2026-10-13 19:00–20:30"),
            std::string::npos)
      << items[0].parts[0].text;

  // A later change of all following takes over; a cancelled one ends the series.
  items = read_all(
      calendar(series + following +
               event("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Madrid:20261102T170000\r\n"
                     "STATUS:CANCELLED\r\nDTSTART;TZID=Europe/Madrid:20261102T170000\r\n")));
  EXPECT_EQ(starts(items[0]), (Texts{"2026-10-05T17:00:00+02:00", "2026-10-13T19:00:00+02:00",
                                     "2026-10-20T19:00:00+02:00"}));
  EXPECT_NE(items[0].parts[0].text.find("Cancelled: 2026-11-02 and all following"),
            std::string::npos);
}

TEST(Ical, all_following_may_change_their_zone_or_become_whole_days) {
  const std::string series =
      event("DTSTART;TZID=Europe/Madrid:20260601T100000\r\nRRULE:FREQ=DAILY;COUNT=3\r\n");
  auto items =
      read_all(calendar(series + event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260602T080000Z\r\n"
                                       "DTSTART;TZID=Europe/London:20260602T100000\r\n")));
  EXPECT_EQ(starts(items[0]), (Texts{"2026-06-01T10:00:00+02:00", "2026-06-02T10:00:00+01:00",
                                     "2026-06-03T10:00:00+01:00"}));
  items = read_all(calendar(series + event("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Madrid:"
                                           "20260602T100000\r\nDTSTART;VALUE=DATE:20260604\r\n")));
  EXPECT_EQ(starts(items[0]), (Texts{"2026-06-01T10:00:00+02:00", "2026-06-04", "2026-06-05"}));
  // Without a start of its own it only changes words; the length stays.
  items = read_all(calendar(
      event("DTSTART;VALUE=DATE:20260601\r\nDTEND;VALUE=DATE:20260603\r\n"
            "RRULE:FREQ=WEEKLY;COUNT=3\r\n") +
      event("RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20260608\r\nLOCATION:Casa\r\n")));
  EXPECT_EQ(starts(items[0]), (Texts{"2026-06-01", "2026-06-08", "2026-06-15"}));
  EXPECT_EQ(domain::format(*items[0].occurrences[2].end), "2026-06-17");
  EXPECT_EQ(items[0].occurrences[2].location, "Casa");
}

TEST(Ical, all_day_and_floating_times_are_types_of_their_own) {
  const auto items =
      read_all(calendar(event("DTSTART;VALUE=DATE:20260602\r\nDTEND;VALUE=DATE:20260605\r\n") +
                        "BEGIN:VEVENT\r\nUID:u2\r\nSUMMARY:Pastilla\r\nDTSTART:"
                        "20260602T220000\r\nDURATION:PT15M\r\nEND:VEVENT\r\n"));
  ASSERT_EQ(items.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<domain::AllDay>(*items[0].when));
  EXPECT_NE(items[0].parts[0].text.find("– Thursday 2026-06-04"), std::string::npos)
      << items[0].parts[0].text;
  EXPECT_EQ(domain::format(*items[1].when), "2026-06-02T22:00:00");
  EXPECT_EQ(domain::format(*items[1].end), "2026-06-02T22:15:00");
}

TEST(Ical, zones_of_other_programs_are_understood) {
  const auto items =
      read_all(calendar(event("DTSTART;TZID=Romance Standard Time:20260602T100000\r\n") +
                        "BEGIN:VEVENT\r\nUID:u2\r\nSUMMARY:B\r\nDTSTART;TZID=/x.org/2020/America/"
                        "New_York:20260602T100000\r\nEND:VEVENT\r\n"
                        "BEGIN:VTIMEZONE\r\nTZID:Casa\r\nBEGIN:STANDARD\r\nDTSTART:"
                        "19700101T000000\r\nTZOFFSETFROM:+0300\r\n"
                        "TZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
                        "BEGIN:VEVENT\r\nUID:u3\r\nSUMMARY:C\r\nDTSTART;TZID=Casa:"
                        "20260602T100000\r\nEND:VEVENT\r\n"));
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(domain::format(*items[0].when), "2026-06-02T10:00:00+02:00");
  EXPECT_EQ(domain::format(*items[1].when), "2026-06-02T10:00:00-04:00");
  EXPECT_EQ(domain::format(*items[2].when), "2026-06-02T07:00:00+00:00");
  EXPECT_NE(items[2].event->ical.find("TZID:Casa"), std::string::npos);
  EXPECT_EQ(items[0].event->ical.find("TZID:Casa"), std::string::npos);
}

TEST(Ical, a_rule_without_end_is_cut_at_the_horizon) {
  const auto items = read_all(calendar(event("DTSTART:19900101T080000Z\r\nRRULE:FREQ=DAILY\r\n")));
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].occurrences.size(), 365U);
  EXPECT_EQ(starts(items[0]).front(), "2026-01-01T08:00:00+00:00");
}

TEST(Ical, a_rule_of_every_second_stops_with_a_notice) {
  const auto items =
      read_all(calendar(event("DTSTART:20260101T080000Z\r\nRRULE:FREQ=SECONDLY\r\n")));
  ASSERT_EQ(items.size(), 1U);
  EXPECT_LE(items[0].occurrences.size(), 2000U);
  ASSERT_FALSE(items[0].notices.empty());
  EXPECT_EQ(items[0].notices[0].code, "ical.too_many_occurrences");
}

TEST(Ical, a_rule_that_never_matches_ends) {
  const auto items = read_all(
      calendar(event("DTSTART:20260101T080000Z\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n")));
  ASSERT_EQ(items.size(), 1U);
  EXPECT_LE(items[0].occurrences.size(), 1U);
}

TEST(Ical, people_places_tasks_and_notes_are_said_in_words) {
  const auto items = read_all(calendar(
      event("DTSTART:20260602T100000Z\r\nLOCATION:Sala 2\\, planta 1\r\nDESCRIPTION:Traer el "
            "acta.\\nY café.\r\n"
            "ORGANIZER;CN=Bea "
            "Ruiz:mailto:Bea@Example.org\r\nATTENDEE;CN=Ana:mailto:ana@example.org\r\n") +
      "BEGIN:VTODO\r\nUID:t1\r\nSUMMARY:Pagar IBI\r\nDUE;VALUE=DATE:20261105\r\nEND:VTODO\r\n"));
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].place, "Sala 2, planta 1");
  EXPECT_EQ(items[0].people[0].address, "bea@example.org");
  EXPECT_NE(items[0].parts[0].text.find("Organizer: Bea Ruiz <bea@example.org>"),
            std::string::npos);
  EXPECT_NE(items[0].parts[0].text.find("Notes: Traer el acta.\nY café."), std::string::npos);
  EXPECT_EQ(items[1].kind, domain::ItemKind::task);
  EXPECT_NE(items[1].parts[0].text.find("Due: Thursday 2026-11-05"), std::string::npos);
}

TEST(Ical, malformed_calendars_fail_alone) {
  EXPECT_EQ(error_of("BEGIN:VCAL", "x.ics"), "ical.unreadable{name=x.ics}");
  EXPECT_EQ(error_of("", "x.ics"), "ical.unreadable{name=x.ics}");
  const std::string whole = calendar(event("DTSTART:20260602T100000Z\r\n") +
                                     "BEGIN:VEVENT\r\nUID:u2\r\nSUMMARY:Medio\r\nDTST");
  const auto items = read_all(whole.substr(0, whole.size() - 18));
  ASSERT_FALSE(items.empty());
  EXPECT_EQ(items.back().notices.back().code, "ical.truncated");
  for (const char* line :
       {"DTSTART:99999999T999999Z\r\n", "DTSTART:nonsense\r\n", "RRULE:FREQ=NEVER\r\n",
        "DTSTART:20260101T000000Z\r\nRRULE:FREQ=DAILY;INTERVAL=0\r\n",
        "DTSTART:20260101T000000Z\r\nDURATION:-P1D\r\n"}) {
    EXPECT_EQ(read_all(calendar(event(line))).size(), 1U) << line;
  }
}

TEST(Vcard, a_card_is_read_in_every_version) {
  for (const std::string& card :
       {std::string(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:c1\r\nFN:Núria Pérez\r\nN:Pérez;Núria;;;\r\n"
            "TEL;TYPE=CELL:+34 600 000 000\r\nEMAIL;TYPE=INTERNET,HOME:Nuria@Example.org\r\n"
            "ADR;TYPE=HOME:;;C/ Mayor 3;Val\r\n "
            "encia;;46001;España\r\nBDAY:1990-03-12\r\nEND:VCARD\r\n"),
        std::string("BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:c1\nFN:Núria "
                    "Pérez\nTEL;VALUE=uri;TYPE=\"cell\":tel:+34 600 000 000\n"
                    "item1.EMAIL;TYPE=home:Nuria@Example.org\nADR;TYPE=home:;;C/ Mayor "
                    "3;Valencia;;46001;España\n"
                    "BDAY:19900312\nEND:VCARD\n"),
        std::string("BEGIN:VCARD\nVERSION:2.1\nUID:c1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:P="
                    "C3=A9rez;N=C3=BA=\nria\n"
                    "TEL;CELL:+34 600 000 000\nEMAIL;HOME:Nuria@Example.org\nADR;HOME:;;C/ Mayor "
                    "3;Valencia;;46001;Espa=F1a\n"
                    "BDAY:19900312\nEND:VCARD\n")}) {
    const auto items = read_all(card, "a.vcf");
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(items[0].kind, domain::ItemKind::contact);
    EXPECT_EQ(items[0].external_id,
              card.find("urn:uuid") == std::string::npos ? "c1" : "urn:uuid:c1");
    EXPECT_EQ(items[0].title, "Núria Pérez") << card;
    EXPECT_EQ(items[0].people[0].address, "nuria@example.org");
    const std::string& text = items[0].parts[0].text;
    EXPECT_NE(text.find("Phone (mobile): +34 600 000 000"), std::string::npos) << text;
    EXPECT_NE(text.find("Email (home): Nuria@Example.org"), std::string::npos) << text;
    EXPECT_NE(text.find("Address (home): C/ Mayor 3, 46001 Valencia, Espa"), std::string::npos)
        << text;
    EXPECT_NE(text.find("Birthday: 12 March 1990, 12 de marzo de 1990"), std::string::npos) << text;
  }
}

TEST(Vcard, birthdays_without_a_year_and_labels_of_apple_are_read) {
  const auto items = read_all(
      "BEGIN:VCARD\nVERSION:3.0\nFN:Leo\nBDAY:--0603\nitem1.TEL:123\n"
      "item1.X-ABLabel:_$!<School>!$_\nEND:VCARD\n",
      "a.vcf");
  EXPECT_NE(items[0].parts[0].text.find("Birthday: 3 June, 3 de junio"), std::string::npos);
  EXPECT_NE(items[0].parts[0].text.find("Phone (School): 123"), std::string::npos);
}

TEST(Vcard, a_file_cut_in_a_card_keeps_the_others) {
  const auto items =
      read_all("BEGIN:VCARD\nFN:Ana\nEND:VCARD\nBEGIN:VCARD\nFN:Bea\nTEL:12", "a.vcf");
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[1].title, "Bea");
  EXPECT_EQ(items[1].notices[0].code, "vcard.truncated");
  EXPECT_EQ(error_of("nothing here", "a.vcf"), "vcard.unreadable{name=a.vcf}");
}

TEST(Ical, an_extra_date_that_is_a_period_has_its_own_length) {
  const auto items = read_all(
      calendar("BEGIN:VEVENT\r\nUID:p\r\nDTSTART:20260501T080000Z\r\nDTEND:20260501T090000Z\r\n"
               "RDATE;VALUE=PERIOD:20260502T080000Z/20260502T110000Z,20260503T080000Z/PT2H\r\n"
               "END:VEVENT\r\n"));
  ASSERT_EQ(items.size(), 1U);
  std::string ends;
  for (const auto& one : items[0].occurrences) ends += domain::format(*one.end) + " ";
  EXPECT_EQ(ends, "2026-05-01T09:00:00+00:00 2026-05-02T11:00:00+00:00 2026-05-03T10:00:00+00:00 ");
}

TEST(Ical, a_changed_whole_day_may_be_named_by_its_midnight) {
  const auto items = read_all(calendar(
      "BEGIN:VEVENT\r\nUID:d\r\nDTSTART;VALUE=DATE:20260604\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\n"
      "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:d\r\n"
      "RECURRENCE-ID;TZID=Europe/London:20260611T000000\r\nDTSTART;VALUE=DATE:20260612\r\n"
      "END:VEVENT\r\n"));
  ASSERT_EQ(items.size(), 1U);
  std::string starts;
  for (const auto& one : items[0].occurrences) starts += domain::format(one.start) + " ";
  EXPECT_EQ(starts, "2026-06-04 2026-06-12 2026-06-18 ");
}

TEST(Ical, what_an_older_revision_changed_and_a_newer_one_left_out_is_gone) {
  const std::string changed =
      "BEGIN:VEVENT\r\nUID:r\r\nSEQUENCE:1\r\nRECURRENCE-ID;VALUE=DATE:20260608\r\n"
      "DTSTART;VALUE=DATE:20260609\r\nEND:VEVENT\r\n";
  const auto starts = [&](const std::string& sequence, const std::string& more) {
    const auto items =
        read_all(calendar(changed + "BEGIN:VEVENT\r\nUID:r\r\nSEQUENCE:" + sequence +
                          "\r\nDTSTART;VALUE=DATE:20260601\r\nRRULE:FREQ=WEEKLY;COUNT=2\r\n" +
                          more + "END:VEVENT\r\n"));
    std::string text;
    for (const auto& one : items.at(0).occurrences) text += domain::format(one.start) + " ";
    return text;
  };
  EXPECT_EQ(starts("2", ""), "2026-06-01 2026-06-09 ");
  EXPECT_EQ(starts("1", "EXDATE;VALUE=DATE:20260608\r\n"), "2026-06-01 2026-06-09 ");
  EXPECT_EQ(starts("2", "EXDATE;VALUE=DATE:20260608\r\n"), "2026-06-01 ");
}

TEST(Ical, a_rule_that_says_a_part_twice_is_still_a_rule) {
  const auto items = read_all(calendar(
      "BEGIN:VEVENT\r\nUID:t\r\nDTSTART:20260501T080000Z\r\n"
      "RRULE:FREQ=DAILY;COUNT=3;FREQ=DAILY\r\nSUMMARY:FREQ=DAILY;FREQ=DAILY\r\nEND:VEVENT\r\n"));
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].occurrences.size(), 3U);
}

}  // namespace
}  // namespace lar::readers
