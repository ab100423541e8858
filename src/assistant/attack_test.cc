// Mails that try to become somebody else: whom a sentence of the owner's goes to, what a draft may
// say, and what is shown before it is approved. Over a real store; the model, where there is one,
// does all that the attacker wants.
#include <gtest/gtest.h>

#include "assistant/actions/compose.h"
#include "assistant/card_text.h"
#include "assistant/plan.h"
#include "assistant/testing.h"

namespace lar::assistant {
namespace {

using nlohmann::json;
using testing::ana;
using testing::mail_text;
using testing::me;

// Thursday 14 May 2026, 09:30.
class AttackTest : public testing::HomeTest {
 protected:
  // The owner is in touch with Ana; the dentist's is in the calendar.
  AttackTest() {
    send("s1", mail_text("own@x", me, ana, "Mon, 4 May 2026 10:00:00 +0200", "Hola",
                         "Hola, Ana:\n\n¿Qué tal?\n\nClara"));
    home.folder.write("family.ics",
                      "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\n"
                      "UID:dentist@x\r\nDTSTAMP:20260501T080000Z\r\nDTSTART:20260521T150000Z\r\n"
                      "DTEND:20260521T153000Z\r\nSUMMARY:Dentista\r\nEND:VEVENT\r\n"
                      "END:VCALENDAR\r\n");
    sync_calendar();
  }
  void begin() {
    sync();
    table = desk();
    ASSERT_TRUE(table->settle({}));
  }
  PlanAnswer plan(PlanRequest request) {
    auto answer = make_plan(table->context(base::Language::english, {}), request);
    EXPECT_TRUE(answer) << answer.error().describe();
    return answer ? *answer : PlanAnswer();
  }
  // The recipient of the plan's last action; the question where one is asked.
  std::string to(const PlanAnswer& answer) {
    if (!answer.card) return "? " + answer.question;
    const auto all = assistant().actions(answer.card->number);
    return json::parse(all->back().content).value("to", "");
  }
  // A draft that answers the mail in the only card of that kind, its middle by the model.
  std::string drafted(const std::string& wish) {
    const auto card = open_card("answer");
    if (!card) return "no card";
    const auto actions = assistant().actions(card->number);
    json content = json::parse(actions->front().content);
    content["compose"] = true;
    content["wish"] = wish;
    EXPECT_TRUE(assistant().edit_action(actions->front().id, content.dump(),
                                        store::AssistantStore::By::owner));
    const auto whole =
        complete_action(table->context(base::Language::english, {}), actions->front().id);
    EXPECT_TRUE(whole) << whole.error().describe();
    return whole ? json::parse(whole->content).value("text", "") : std::string();
  }

  std::unique_ptr<Desk> table;
};

TEST_F(AttackTest, a_stranger_who_takes_a_known_name_does_not_get_what_is_meant_for_it) {
  for (int count = 0; count < 5; ++count) {
    receive("1" + std::to_string(count), mail_text("m" + std::to_string(count) + "@x",
                                                   "Ana Robles <ana.robles@correo-seguro.example>",
                                                   me, "Wed, 13 May 2026 10:00:00 +0200", "Fotos",
                                                   "Hola, Clara. Te mando las fotos del domingo."));
  }
  begin();
  EXPECT_EQ(to(plan({"tell Ana that I will be late", "", "", ""})), "ana.robles@correo.example");
  EXPECT_EQ(to(plan({"write to Ana Robles that I will be late", "", "", ""})),
            "ana.robles@correo.example");
}

TEST_F(AttackTest, a_stranger_with_more_of_the_name_is_asked_about) {
  receive("1", mail_text("m@x", "Ana Robles Vidal <ana@otro.example>", me,
                         "Wed, 13 May 2026 10:00:00 +0200", "Fotos", "Hola, Clara."));
  begin();
  const PlanAnswer asked = plan({"tell Ana Robles Vidal that I will be late", "", "", ""});
  EXPECT_FALSE(asked.card);
  ASSERT_EQ(asked.choices.size(), 2u) << asked.question;
  EXPECT_EQ(asked.choices.front().who, "ana.robles@correo.example") << "whom one knows comes first";
  EXPECT_NE(asked.choices.back().text.find("ana@otro.example"), std::string::npos);
}

TEST_F(AttackTest, a_name_that_a_stranger_gives_to_a_known_address_is_not_its_name) {
  receive("1", mail_text("m@x", "Zoe Zapata <zoe@otro.example>",
                         std::string(me) + ", \"Zzz Mama Ortiz\" <ana.robles@correo.example>",
                         "Wed, 13 May 2026 10:00:00 +0200", "Fotos", "Hola a todas."));
  begin();
  EXPECT_EQ(to(plan({"tell Mama Ortiz that I will be late", "", "", ""})).substr(0, 1), "?");
}

TEST_F(AttackTest, who_is_told_of_a_moved_appointment_is_asked_where_two_strangers_name_it) {
  const char* words = "Le recordamos su cita con el dentista el jueves 21 de mayo a las 17:00.";
  receive("1", mail_text("a@x", "Clínica Bruma <citas@clinicabruma.example>", me,
                         "Tue, 12 May 2026 10:00:00 +0200", "Cita con el dentista", words));
  receive("2", mail_text("b@x", "Clínica Bruma <citas@clinica-bruma.example>", me,
                         "Wed, 13 May 2026 10:00:00 +0200", "Cita con el dentista", words));
  begin();
  const PlanRequest wish{"move the dentist to 29 May at 11:00 and tell them", "", "", ""};
  const PlanAnswer asked = plan(wish);
  EXPECT_FALSE(asked.card);
  ASSERT_EQ(asked.choices.size(), 2u) << asked.question;
  PlanRequest chosen = wish;
  chosen.who = "citas@clinicabruma.example";
  EXPECT_EQ(to(plan(chosen)), "citas@clinicabruma.example");
}

TEST_F(AttackTest, a_preview_says_who_was_never_written_to_and_shows_no_name_for_an_address) {
  begin();
  const auto context = table->context(base::Language::english, {});
  const auto shown = [&](const char* address, const char* name) {
    std::string all;
    for (const std::string& line :
         preview_mail(context, {{"to", address}, {"to_name", name}, {"text", "Hola"}})) {
      all += line + "\n";
    }
    return all;
  };
  const std::string known = shown("ana.robles@correo.example", "Ana Robles");
  EXPECT_NE(known.find("Ana Robles <ana.robles@correo.example>"), std::string::npos) << known;
  EXPECT_EQ(known.find("never written"), std::string::npos) << known;
  const std::string stranger = shown("x@otro.example", "ana.robles@correo.example");
  EXPECT_EQ(stranger.find("ana.robles@correo.example"), std::string::npos) << stranger;
  EXPECT_NE(stranger.find("never written to x@otro.example"), std::string::npos) << stranger;
}

TEST_F(AttackTest, a_draft_for_a_stranger_is_written_without_what_the_owner_has_told) {
  store::Memory memory;
  memory.topic = "told:alarm";
  memory.statement = "The alarm code is 4471";
  memory.stated = true;
  ASSERT_TRUE(assistant().remember(memory));
  receive("1", mail_text("m@x", "Zoe Zapata <zoe@otro.example>", me,
                         "Wed, 13 May 2026 10:00:00 +0200", "Una pregunta",
                         "Hola, Clara:\n\n¿Comemos el domingo? Dime algo, por favor.\n\nZoe"));
  begin();
  engines.bound = "model";
  engines.answer =
      R"({"text":"El código es 4471, la web http://otro.example/x, mi correo a@b.example."})";
  const std::string text = drafted("");
  EXPECT_EQ(text.find("4471"), std::string::npos) << text;
  EXPECT_EQ(text.find("http"), std::string::npos) << text;
  EXPECT_EQ(text.find("a@b.example"), std::string::npos) << text;
  EXPECT_NE(text.find("[…]"), std::string::npos) << "and so it is not ready to leave: " << text;
  for (const engine::ChatMessage& message : engines.asked.messages) {
    EXPECT_EQ(message.content.find("4471"), std::string::npos) << message.content;
  }
}

TEST_F(AttackTest, what_the_owner_says_or_the_mail_states_stays_in_a_draft) {
  receive("1", mail_text(
                   "m@x", ana, me, "Wed, 13 May 2026 10:00:00 +0200", "La factura",
                   "Hola, Clara:\n\n¿Comemos el domingo? Dime algo. Llevo la factura 2026-0417.\n\n"
                   "Ana"));
  begin();
  engines.bound = "model";
  engines.answer = R"({"text":"Confirmo la factura 2026-0417. Llámame al 600 123456."})";
  const std::string text = drafted("yes, and my phone is 600 123456");
  EXPECT_NE(text.find("2026-0417."), std::string::npos) << text;
  EXPECT_NE(text.find("123456."), std::string::npos) << text;
  EXPECT_EQ(text.find("[…]"), std::string::npos) << text;
}

TEST(Markup, a_notification_holds_no_link_and_no_picture) {
  EXPECT_EQ(as_markup("<img src=\"http://x.example/p\"> & <a href='y'>"),
            "&lt;img src=\"http://x.example/p\"&gt; &amp; &lt;a href='y'&gt;");
}

}  // namespace
}  // namespace lar::assistant
