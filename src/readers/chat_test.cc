// Exports of chats as phones of several countries write them. The conversations are our own.
#include <gtest/gtest.h>
#include <zip.h>

#include "readers/building.h"
#include "readers/reader.h"

namespace lar::readers {
namespace {

using domain::Item;

base::Result<std::vector<Item>> try_read(const std::string& bytes, const std::string& type,
                                         const std::string& name) {
  Input input;
  input.bytes = bytes;
  input.media_type = type;
  input.name = name;
  input.path = name;
  input.owner_zone = "Europe/Madrid";
  input.modified = base::from_local({{2026, 6, 1}, 0, 0, 0}, "UTC");
  return find_reader(input)->read(input);
}
base::Result<std::vector<Item>> whatsapp(const std::string& bytes,
                                         const std::string& name = "_chat.txt") {
  return try_read(bytes, "application/x-whatsapp-chat", name);
}

// Days, times and texts, as one line each.
std::string told(const base::Result<std::vector<Item>>& items) {
  if (!items) return items.error().describe();
  std::string text;
  for (const Item& item : *items) {
    text += item.external_id.substr(item.external_id.rfind(':') + 1) + "\n";
    for (const domain::Segment& segment : item.parts.front().segments) {
      if (segment.kind != domain::SegmentKind::list) continue;
      text +=
          " " + item.parts.front().text.substr(segment.begin, segment.end - segment.begin) + "\n";
    }
  }
  return text;
}

TEST(Whatsapp, exports_of_many_languages_are_read_alike) {
  const std::string wanted =
      "2026-04-28\n 21:05 Bea: Hola\n2026-04-29\n 00:07 Ana: Hey\n2026-05-03\n 12:30 Bea: Ok\n";
  struct Locale {
    const char* name;
    std::string text;
  };
  const Locale locales[] = {
      {"Spanish, Android",
       "28/04/26, 21:05 - Bea: Hola\n29/04/26, 0:07 - Ana: Hey\n3/05/26, 12:30 - Bea: Ok\n"},
      {"Spanish, 12 hours",
       "28/4/26 9:05 p. m. - Bea: Hola\n29/4/26 12:07 a. m. - Ana: Hey\n"
       "3/5/26 12:30 p. m. - Bea: Ok\n"},
      {"American, Android",
       "4/28/26, 9:05\u202FPM - Bea: Hola\n4/29/26, 12:07\u202FAM - Ana: Hey\n"
       "5/3/26, 12:30\u202FPM - Bea: Ok\n"},
      {"British, iPhone",
       "[28/04/2026, 21:05:33] Bea: Hola\n\u200E[29/04/2026, 00:07:01] Ana: Hey\n"
       "[03/05/2026, 12:30:00] Bea: Ok\n"},
      {"American, iPhone",
       "[4/28/26, 9:05:33 PM] Bea: Hola\n[4/29/26, 12:07:01 AM] Ana: Hey\n"
       "[5/3/26, 12:30:00 PM] Bea: Ok\n"},
      {"Indian",
       "28/04/26, 9:05 pm - Bea: Hola\n29/04/26, 12:07 am - Ana: Hey\n"
       "03/05/26, 12:30 pm - Bea: Ok\n"},
      {"German",
       "28.04.26, 21:05 - Bea: Hola\n29.04.26, 00:07 - Ana: Hey\n"
       "03.05.26, 12:30 - Bea: Ok\n"},
      {"Dutch",
       "28-04-2026 21:05 - Bea: Hola\n29-04-2026 00:07 - Ana: Hey\n"
       "03-05-2026 12:30 - Bea: Ok\n"},
      {"Swedish",
       "2026-04-28 21:05 - Bea: Hola\n2026-04-29 00:07 - Ana: Hey\n"
       "2026-05-03 12:30 - Bea: Ok\n"},
      {"Finnish",
       "28.4.2026 klo 21.05 - Bea: Hola\n29.4.2026 klo 0.07 - Ana: Hey\n"
       "3.5.2026 klo 12.30 - Bea: Ok\n"},
      {"Hungarian",
       "2026. 04. 28. 21:05 - Bea: Hola\n2026. 04. 29. 0:07 - Ana: Hey\n"
       "2026. 05. 03. 12:30 - Bea: Ok\n"},
      {"Korean",
       "2026년 4월 28일 오후 9:05, Bea : Hola\n2026년 4월 29일 오전 12:07, Ana : Hey\n"
       "2026년 5월 3일 오후 12:30, Bea : Ok\n"},
      {"Chinese",
       "2026/4/28 下午9:05 - Bea: Hola\n2026/4/29 上午12:07 - Ana: Hey\n"
       "2026/5/3 下午12:30 - Bea: Ok\n"},
      {"Japanese",
       "2026/04/28 21:05 - Bea: Hola\n2026/04/29 0:07 - Ana: Hey\n"
       "2026/05/03 12:30 - Bea: Ok\n"},
      {"Arabic",
       "٢٨\u200F/٤\u200F/٢٠٢٦، ٩:٠٥ م - Bea: Hola\n٢٩\u200F/٤\u200F/٢٠٢٦، ١٢:٠٧ ص - Ana: Hey\n"
       "٣\u200F/٥\u200F/٢٠٢٦، ١٢:٣٠ م - Bea: Ok\n"},
      {"Brazilian",
       "28/04/2026 21:05 - Bea: Hola\n29/04/2026 00:07 - Ana: Hey\n"
       "03/05/2026 12:30 - Bea: Ok\n"},
      {"Windows line ends",
       "\uFEFF28/04/26, 21:05 - Bea: Hola\r\n29/04/26, 0:07 - Ana: Hey\r\n"
       "3/05/26, 12:30 - Bea: Ok\r\n"},
  };
  for (const Locale& locale : locales)
    EXPECT_EQ(told(whatsapp(locale.text)), wanted) << locale.name;
}

TEST(Whatsapp, an_item_is_a_day_with_its_people_and_its_time) {
  const auto items = whatsapp("28/04/26, 21:05 - Bea: ¿Vienes?\n28/04/26, 21:06 - Ana: Sí\n",
                              "Chat de WhatsApp con Taller (2).txt");
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 1u);
  const Item& item = items->front();
  EXPECT_EQ(item.kind, domain::ItemKind::message);
  EXPECT_EQ(item.title, "Taller (WhatsApp)");
  ASSERT_EQ(item.people.size(), 2u);
  EXPECT_EQ(item.people[0].name, "Bea");
  EXPECT_EQ(domain::format(*item.when), "2026-04-28T21:05:00+02:00");
  EXPECT_EQ(item.origin, domain::Origin::stranger);
  ASSERT_FALSE(item.passages.empty());
}

TEST(Whatsapp, the_order_of_the_date_follows_from_the_whole_file) {
  // Every single date could be read both ways, but only one order runs forward.
  EXPECT_EQ(
      told(whatsapp("01/02/26, 10:00 - A: x\n02/02/26, 10:00 - A: y\n01/03/26, 10:00 - A: z\n")),
      "2026-02-01\n 10:00 A: x\n2026-02-02\n 10:00 A: y\n2026-03-01\n 10:00 A: z\n");
  EXPECT_EQ(
      told(whatsapp("01/02/26, 10:00 - A: x\n01/05/26, 10:00 - A: y\n02/01/26, 10:00 - A: z\n")),
      "2026-01-02\n 10:00 A: x\n2026-01-05\n 10:00 A: y\n2026-02-01\n 10:00 A: z\n");
  // A day that is still to come is none: the file is of June 2026.
  EXPECT_EQ(told(whatsapp("05/12/26, 10:00 - A: x\n")), "2026-05-12\n 10:00 A: x\n");
}

TEST(Whatsapp, a_short_chat_is_read_by_habit_and_says_so) {
  const auto slashes = whatsapp("03/04/26, 10:00 - A: x\n");
  EXPECT_EQ(told(slashes), "2026-04-03\n 10:00 A: x\n");
  ASSERT_EQ(slashes->front().notices.size(), 1u);
  EXPECT_EQ(slashes->front().notices[0].code, "whatsapp.order_guessed");
  EXPECT_EQ(told(whatsapp("03/04/26, 10:00 AM - A: x\n")), "2026-03-04\n 10:00 A: x\n");
  const auto plain = whatsapp("04/04/26, 10:00 - A: x\n");
  EXPECT_TRUE(plain->front().notices.empty());
}

TEST(Whatsapp, lines_without_a_date_belong_to_the_message_before) {
  const auto items = whatsapp(
      "28/04/26, 21:05 - Los mensajes están cifrados de extremo a extremo.\n"
      "28/04/26, 21:05 - Bea: Compra:\n- pan\n- 12/05 revisión\n\n"
      "28/04/26, 21:06 - Ana: <Multimedia omitido>\n"
      "28/04/26, 21:07 - Bea: nota: mañana a las 9:30 - no tarde\n");
  ASSERT_TRUE(items) << items.error().describe();
  ASSERT_EQ(items->size(), 1u);
  const std::string& text = items->front().parts[0].text;
  EXPECT_NE(text.find("21:05 Bea: Compra:\n- pan\n- 12/05 revisión"), std::string::npos) << text;
  EXPECT_NE(text.find("[<Multimedia omitido>]"), std::string::npos) << text;
  EXPECT_NE(text.find("Bea: nota: mañana"), std::string::npos) << text;
  EXPECT_EQ(items->front().people.size(), 2u);
}

TEST(Whatsapp, an_unknown_half_of_the_day_is_named) {
  const auto items = whatsapp("28/04/26, 9:05 kwz - Bea: Hola\n");
  ASSERT_FALSE(items);
  EXPECT_EQ(items.error().code, "whatsapp.unknown_half");
  EXPECT_EQ(items.error().parameters[0].second, "kwz");
}

TEST(Whatsapp, what_is_no_export_is_refused_by_its_shape) {
  const auto items = whatsapp("Secret: the key lies under pot 7\n");
  ASSERT_FALSE(items);
  EXPECT_EQ(items.error().code, "whatsapp.unknown_format");
  EXPECT_EQ(items.error().parameters[0].second, "x: x x x x x 9");
  EXPECT_EQ(whatsapp("99/99/26, 10:00 - A: x\n").error().code, "whatsapp.unknown_dates");
  EXPECT_FALSE(whatsapp(""));
}

std::string zip_of(const std::vector<std::pair<std::string, std::string>>& files) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_source_keep(source);
  zip_t* archive = zip_open_from_source(source, ZIP_TRUNCATE, &error);
  for (const auto& [name, bytes] : files) {
    zip_source_t* one = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    zip_file_add(archive, name.c_str(), one, ZIP_FL_ENC_UTF_8);
  }
  zip_close(archive);
  zip_source_open(source);
  zip_stat_t status;
  zip_source_stat(source, &status);
  std::string made(status.size, '\0');
  zip_source_read(source, made.data(), made.size());
  zip_source_close(source);
  zip_source_free(source);
  return made;
}

TEST(Whatsapp, a_zip_with_media_is_read) {
  const std::string chat = "28/04/26, 21:05 - Bea: Hola\n";
  const auto phone = whatsapp(zip_of({{"IMG-1.jpg", "x"}, {"notes.txt", "y"}, {"_chat.txt", chat}}),
                              "WhatsApp Chat - Bea.zip");
  EXPECT_EQ(told(phone), "2026-04-28\n 21:05 Bea: Hola\n");
  EXPECT_EQ(phone->front().title, "Bea (WhatsApp)");
  const auto other = whatsapp(zip_of({{"Chat de WhatsApp con Bea.txt", chat}}), "export.zip");
  EXPECT_EQ(other->front().title, "Bea (WhatsApp)");
  EXPECT_EQ(phone->front().external_id, other->front().external_id);
  EXPECT_EQ(whatsapp(zip_of({{"IMG-1.jpg", "x"}}), "x.zip").error().code, "whatsapp.no_chat");
  EXPECT_EQ(whatsapp("PK\x03\x04 broken", "x.zip").error().code, "whatsapp.corrupt");
}

base::Result<std::vector<Item>> telegram(const std::string& bytes) {
  return try_read(bytes, "application/x-telegram-chat", "result.json");
}

TEST(Telegram, a_chat_becomes_days) {
  const auto items =
      telegram(R"({"name": "Obras", "type": "private_group", "id": 4711, "messages": [
    {"id": 1, "type": "service", "date": "2026-04-28T20:00:00", "actor": "Bea", "action": "create_group", "text": ""},
    {"id": 2, "type": "message", "date": "2026-04-28T21:05:00", "date_unixtime": "1777403100", "from": "Bea", "from_id": "user1",
     "text": ["mira ", {"type": "link", "text": "esto"}, "."]},
    {"id": 3, "type": "message", "date": "2026-04-28T21:06:00", "from": "Ana", "forwarded_from": "Luis", "text": "a las 6"},
    {"id": 4, "type": "message", "date": "2026-04-29T08:00:00", "from": null, "from_id": "user9", "text": "vale"},
    {"id": 5, "type": "message", "date": "2026-04-29T08:01:00", "from": "Ana", "photo": "p.jpg", "text": ""}]})");
  EXPECT_EQ(told(items),
            "2026-04-28\n 21:05 Bea: mira esto.\n 21:06 Ana: [Luis] a las 6\n"
            "2026-04-29\n 08:00 user9: vale\n");
  EXPECT_EQ(items->front().external_id, "telegram:4711:2026-04-28");
  EXPECT_EQ(items->front().title, "Obras (Telegram)");
}

TEST(Telegram, an_account_with_several_chats_keeps_them_apart) {
  const auto items = telegram(R"({"about": "x", "chats": {"list": [
    {"name": "Bea", "type": "personal_chat", "id": 1, "messages": [
      {"id": 1, "type": "message", "date": "2026-04-28T21:05:00", "from": "Bea", "text": "uno"}]},
    {"type": "saved_messages", "id": 2, "messages": [
      {"id": 1, "type": "message", "date": "2026-04-28T21:06:00", "from": "Ana", "text": "dos"}]}]}})");
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[0].title, "Bea (Telegram)");
  EXPECT_EQ((*items)[1].title, "Telegram (Telegram)");
}

TEST(Telegram, what_is_no_export_or_cut_is_an_error) {
  EXPECT_EQ(telegram("{\"a\": 1}").error().code, "telegram.no_chat");
  EXPECT_EQ(telegram("{\"messages\": [").error().code, "telegram.corrupt");
  EXPECT_EQ(telegram("not json").error().code, "telegram.corrupt");
}

}  // namespace
}  // namespace lar::readers
