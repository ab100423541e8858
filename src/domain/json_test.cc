// Domain values survive JSON unchanged, and malformed ones are refused by field.
#include "domain/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lar::domain {
namespace {

using nlohmann::json;

Item sample() {
  Item item;
  item.kind = ItemKind::event;
  item.external_id = "uid-1";
  item.title = "Reunión";
  item.people = {{PersonRole::organizer, "Núria", "nuria@example.org"}};
  item.when = Instant{1'780'000'000'000'000, "Europe/Madrid"};
  item.end = AllDay{{2026, 6, 3}};
  item.place = "Sala 2";
  item.language = "es";
  item.references = {"a@example.org", "b@example.org"};
  item.origin = Origin::stranger;
  item.event = EventTimes{*item.when, std::nullopt, "BEGIN:VCALENDAR"};
  item.occurrences = {
      {"20260603T153000Z", Floating{{{2026, 6, 3}, 17, 30, 0}}, std::nullopt, "Otra", "Sala 3"}};
  TextPart part;
  part.id = "1";
  part.media_type = "text/plain";
  part.role = PartRole::event;
  part.text = "Año nuevo\nfirma";
  part.segments = {{SegmentKind::text, 0, 10, 2, 7, Box{1, 2, 3, 4.5}},
                   {SegmentKind::signature, 11, 16, 0, 0, std::nullopt}};
  item.parts = {part};
  item.passages = {{SegmentKind::text, {"1", 0, 10, 2, 7, Box{1, 2, 3, 4.5}}, "Año nuevo"}};
  item.notices = {{"mail.no_date", {{"name", "x"}}}};
  item.mail = domain::MailDetails{{{"list-id", "<a.example.org>"}},
                                  {{"example.org", "https://other.example"}},
                                  {{"a.pdf", "application/pdf"}},
                                  {{"uid", "Cena", "Casa", *item.when, item.end, true}}};
  return item;
}

TEST(DomainJson, an_item_comes_back_unchanged) {
  const Item item = sample();
  const json first = to_json(item);
  const auto back = item_from_json(json::parse(first.dump()));
  ASSERT_TRUE(back) << back.error().describe();
  EXPECT_EQ(to_json(*back), first);
  EXPECT_EQ(back->passages[0].text, "Año nuevo");
  EXPECT_EQ(back->parts[0].segments[0].box->y1, 4.5);
  EXPECT_EQ(format(back->occurrences[0].start), "2026-06-03T17:30:00");
}

TEST(DomainJson, offsets_outside_the_text_are_refused) {
  json value = to_json(sample());
  value["passages"][0]["end"] = 400;
  auto back = item_from_json(value);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().describe(), "domain.malformed{field=passages.end}");

  value = to_json(sample());
  value["parts"][0]["segments"][1]["end"] = 17;
  back = item_from_json(value);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().describe(), "domain.malformed{field=segments}");
}

TEST(DomainJson, offsets_inside_a_character_are_refused) {
  json value = to_json(sample());
  value["passages"][0]["begin"] = 2;  // the second byte of ñ
  EXPECT_FALSE(item_from_json(value));
}

TEST(DomainJson, overlapping_segments_are_refused) {
  json value = to_json(sample());
  value["parts"][0]["segments"][1]["begin"] = 9;
  EXPECT_FALSE(item_from_json(value));
}

TEST(DomainJson, two_parts_of_one_id_are_refused) {
  json value = to_json(sample());
  value["parts"].push_back(value["parts"][0]);
  EXPECT_FALSE(item_from_json(value));
}

TEST(DomainJson, wrong_types_and_names_are_refused_everywhere) {
  const json good = to_json(sample());
  for (const auto& [field, bad] : std::vector<std::pair<std::string, json>>{
           {"/kind", "nonsense"},
           {"/external_id", 4},
           {"/external_id", ""},
           {"/people/0/role", "boss"},
           {"/people", "x"},
           {"/when/time", "soon"},
           {"/when/time", 18'000'000'000'000'000'000U},
           {"/end/date", "2026-02-30"},
           {"/occurrences/0/start/local", "2026-06-03T25:00:00"},
           {"/occurrences/0/start", nullptr},
           {"/parts/0/text", 5},
           {"/parts/0/segments/0/box", json::array({1, 2, 3})},
           {"/parts/0/segments/0/begin", -1},
           {"/passages/0/part", "7"},
           {"/references", {1, 2}},
           {"/notices/0/parameters/0", {"alone"}},
           {"/origin", "space"}}) {
    json value = good;
    value[json::json_pointer(field)] = bad;
    EXPECT_FALSE(item_from_json(value)) << field;
  }
  EXPECT_FALSE(item_from_json(json::array()));
  EXPECT_FALSE(item_from_json(json()));
}

TEST(DomainTimes, an_all_day_event_begins_at_midnight_of_the_asking_zone) {
  const When day = AllDay{{2026, 6, 3}};
  EXPECT_EQ(begins_at(day, "UTC") - begins_at(day, "Europe/Madrid"), 2 * 3600 * base::one_second);
}

TEST(DomainNames, every_name_leads_back_to_its_value) {
  for (int value = 0; value < 8; ++value) {
    const auto kind = static_cast<ItemKind>(value);
    EXPECT_EQ(item_kind_from(name_of(kind)), kind);
  }
  EXPECT_EQ(segment_kind_from("quoted"), SegmentKind::quoted);
  EXPECT_EQ(part_role_from(name_of(PartRole::contact)), PartRole::contact);
  EXPECT_FALSE(origin_from("elsewhere"));
}

}  // namespace
}  // namespace lar::domain
