// Exports that grow, through the real reader into the real store.
#include "sources/chats/chats.h"

#include <gtest/gtest.h>

#include "sources/testing.h"

namespace lar::sources::chats {
namespace {

using testing::Home;
using testing::TempFolder;

const std::string first_days =
    "28/04/26, 21:05 - Bea: ¿Vienes el jueves?\n"
    "28/04/26, 21:06 - Ana: Sí, llevo el taladro\n"
    "29/04/26, 08:00 - Bea: Perfecto\n";
const std::string more_days =
    "29/04/26, 09:00 - Ana: ¿A qué hora quedamos para la persiana?\n"
    "30/04/26, 10:00 - Bea: A las seis\n";

TEST(ChatExports, a_grown_export_adds_its_new_days_and_doubles_nothing) {
  Home home;
  const TempFolder folder;
  folder.write("Chat de WhatsApp con Bea.txt", first_days);
  const auto source = home.add("whatsapp", folder.path("Chat de WhatsApp con Bea.txt"));
  EXPECT_EQ(home.sync(source).added, 2);
  EXPECT_EQ(home.sync(source).unchanged, 2);
  folder.write("Chat de WhatsApp con Bea.txt", first_days + more_days, 10);
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.changed, 1);
  EXPECT_EQ(report.unchanged, 1);
  EXPECT_EQ(home.items(), 3);
  EXPECT_EQ(home.hits("persiana"), 1);
  home.expect_sound();
}

TEST(ChatExports, what_a_later_export_no_longer_goes_back_to_stays) {
  Home home;
  const TempFolder folder;
  folder.write("chat.txt", first_days);
  const auto source = home.add("whatsapp", folder.path("chat.txt"));
  home.sync(source);
  // Begins in the middle of the 29th, after what was known of that day.
  folder.write("chat.txt", more_days, 10);
  const SyncReport report = home.sync(source);
  EXPECT_EQ(report.removed, 0);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(home.items(), 3);
  EXPECT_EQ(home.hits("taladro"), 1);
  EXPECT_EQ(home.hits("perfecto"), 1);
}

TEST(ChatExports, the_same_conversation_exported_to_another_file_is_not_doubled) {
  Home home;
  const TempFolder folder;
  folder.write("Chat de WhatsApp con Bea.txt", first_days);
  folder.write("Chat de WhatsApp con Bea (1).txt", first_days + more_days);
  home.sync(home.add("whatsapp", folder.path("Chat de WhatsApp con Bea.txt")));
  home.sync(home.add("whatsapp", folder.path("Chat de WhatsApp con Bea (1).txt")));
  EXPECT_EQ(home.items(), 3);
}

TEST(ChatExports, an_export_that_is_cut_short_changes_nothing) {
  Home home;
  const TempFolder folder;
  const std::string text =
      R"({"name": "Bea", "type": "personal_chat", "id": 12, "messages": [
        {"id": 1, "type": "message", "date": "2026-04-28T21:05:00", "from": "Bea", "text": "Hola"}]})";
  folder.write("result.json", text);
  const auto source = home.add("telegram", folder.path("result.json"));
  EXPECT_EQ(home.sync(source).added, 1);
  folder.write("result.json", text.substr(0, text.size() - 5), 10);
  EXPECT_FALSE(home.try_sync(source));
  EXPECT_EQ(home.items(), 1);
}

TEST(ChatExports, other_files_are_refused_in_plain_words) {
  const TempFolder folder;
  folder.write("letter.txt", "Dear Bea,\nthe shutters come on Thursday.\n");
  folder.write("other.json", "{\"a\": 1}");
  EXPECT_EQ(whatsapp().describe({folder.path("letter.txt")}).error().code, "chat.not_whatsapp");
  EXPECT_EQ(telegram().describe({folder.path("other.json")}).error().code, "chat.not_telegram");
  EXPECT_EQ(telegram().describe({folder.path("absent.json")}).error().code, "file.missing");
}

}  // namespace
}  // namespace lar::sources::chats
