// Sentences of the owner as plans, over a real store with a calendar file and mails: what is
// understood, what is asked back, and that nothing happens before it is approved.
#include "assistant/plan.h"

#include <gtest/gtest.h>

#include "assistant/testing.h"

namespace lar::assistant {
namespace {

using nlohmann::json;
using store::ActionState;
using testing::mail_text;
using testing::me;

constexpr const char* clinic = "Clínica Bruma <citas@clinicabruma.example>";

// Thursday 14 May 2026, 09:30.
class PlanTest : public testing::HomeTest {
 protected:
  PlanTest() {
    home.folder.write(
        "family.ics",
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n" +
            event("dentist@x", "Dentista", "20260521T150000Z", "20260521T153000Z") +
            event("standup@x", "Reunión de equipo", "20260527T080000Z", "20260527T090000Z") +
            event("board@x", "Reunión de vecinos", "20260528T170000Z", "20260528T180000Z") +
            event("lunch@x", "Comida con Rosa", "20260528T150000Z", "20260528T160000Z") +
            "END:VCALENDAR\r\n");
    sync_calendar();
    receive("1", mail_text("visit@x", clinic, me, "Wed, 13 May 2026 10:00:00 +0200",
                           "Cita con el dentista",
                           "Le recordamos su cita con el dentista el jueves 21 de mayo a las 17:00 "
                           "en la Clínica Bruma."));
    receive("2", mail_text("r@x", "Rosa Miralles <rosa@correo.example>", me,
                           "Tue, 12 May 2026 10:00:00 +0200", "Hola", "Hola, Clara. ¡Un beso!"));
    receive("3", mail_text("r2@x", "Rosa Vidal <vidal@correo.example>", me,
                           "Tue, 12 May 2026 11:00:00 +0200", "Hola", "Buenos días, Clara."));
    sync();
    table = desk();
    EXPECT_TRUE(table->settle({}));
  }

  static std::string event(const std::string& uid, const std::string& title,
                           const std::string& start, const std::string& end) {
    return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260501T080000Z\r\nDTSTART:" + start +
           "\r\nDTEND:" + end + "\r\nSUMMARY:" + title + "\r\nEND:VEVENT\r\n";
  }

  PlanAnswer plan(PlanRequest request) {
    auto answer = make_plan(table->context(base::Language::spanish, {}), request);
    EXPECT_TRUE(answer) << answer.error().describe();
    return answer ? *answer : PlanAnswer();
  }
  // "move_event 2026-05-28T17:00:00+02:00; save_draft citas@…", from what the card proposes.
  std::string actions(const PlanAnswer& answer) {
    if (!answer.card) return "? " + answer.question;
    std::string text;
    const auto all = assistant().actions(answer.card->number);
    for (const store::Action& action : *all) {
      const json content = json::parse(action.content);
      text += (text.empty() ? "" : "; ") + action.kind;
      for (const char* name : {"title", "start", "at", "to", "text"}) {
        const std::string value = content.value(name, "");
        if (!value.empty()) text += " " + value;
      }
    }
    return text;
  }

  std::unique_ptr<Desk> table;
};

TEST(Clauses, a_sentence_falls_apart_at_its_verbs) {
  const auto shown = [](const std::string& text) {
    std::string all;
    for (const PlanClause& clause : clauses_of(text)) {
      all += std::to_string(static_cast<int>(clause.errand)) + "[" + clause.rest + "]";
    }
    return all;
  };
  EXPECT_EQ(shown("Mueve mi dentista del jueves a la semana que viene y avísales"),
            "0[ mi dentista del jueves a la semana que viene]3[]");
  EXPECT_EQ(shown("move my Thursday dentist to next week and tell them"),
            "0[ my Thursday dentist to next week]3[ them]");
  EXPECT_EQ(shown("Por favor, recuérdame mañana comprar pan y leche"),
            "4[ mañana comprar pan y leche]");
  EXPECT_EQ(shown("Could you cancel the board meeting, then write to Rosa about the minutes?"),
            "1[ the board meeting]5[ to Rosa about the minutes?]");
  EXPECT_EQ(shown("¿Qué tengo mañana?"), "");
}

TEST_F(PlanTest, a_week_is_asked_back_with_free_slots_and_the_choice_becomes_a_plan) {
  base::Clock::fix(*base::parse_rfc3339("2026-05-18T09:30:00+02:00"), "Europe/Madrid");
  for (const char* sentence : {"Mueve mi dentista del jueves a la semana que viene y avísales",
                               "move my Thursday dentist to next week and tell them"}) {
    const PlanAnswer asked = plan({sentence, "", "", ""});
    EXPECT_FALSE(asked.card);
    ASSERT_FALSE(asked.choices.empty()) << asked.question;
    // Thursday at five, where lunch is.
    for (const PlanChoice& choice : asked.choices) {
      EXPECT_GE(choice.start, "2026-05-25") << choice.start;
      EXPECT_LE(choice.start, "2026-05-31") << choice.start;
      EXPECT_NE(choice.start, "2026-05-28T17:00:00+02:00");
    }
    const PlanAnswer done = plan({sentence, "", asked.choices.front().start, ""});
    ASSERT_TRUE(done.card) << done.question;
    const std::string all = actions(done);
    EXPECT_TRUE(all.starts_with("move_event Dentista " + asked.choices.front().start +
                                "; save_draft citas@clinicabruma.example"))
        << all;
    EXPECT_EQ(done.card->state, store::CardState::seen);
    EXPECT_EQ(done.card->origin, domain::Origin::owner);
    EXPECT_EQ(done.card->evidence.size(), 2u);
  }
}

TEST_F(PlanTest, a_day_alone_keeps_the_hour_and_a_busy_one_is_asked_about) {
  EXPECT_EQ(actions(plan({"mueve el dentista al viernes 29 de mayo", "", "", ""})),
            "move_event Dentista 2026-05-29T17:00:00+02:00");
  EXPECT_EQ(actions(plan({"move my dentist to 29 May at 11:00", "", "", ""})),
            "move_event Dentista 2026-05-29T11:00:00+02:00");
  const PlanAnswer busy = plan({"mueve el dentista al jueves 28 de mayo", "", "", ""});
  EXPECT_FALSE(busy.card);
  ASSERT_FALSE(busy.choices.empty());
  for (const PlanChoice& choice : busy.choices) {
    EXPECT_TRUE(choice.start.starts_with("2026-05-28")) << choice.start;
    EXPECT_NE(choice.start, "2026-05-28T17:00:00+02:00");
  }
  EXPECT_FALSE(plan({"mueve el dentista al 2 de mayo de 2026", "", "", ""}).card);
}

TEST_F(PlanTest, what_may_be_several_events_or_people_is_asked) {
  const PlanAnswer which = plan({"cancela la reunión", "", "", ""});
  EXPECT_FALSE(which.card);
  ASSERT_EQ(which.choices.size(), 2u) << which.question;
  const PlanAnswer chosen = plan({"cancela la reunión", which.choices[1].event, "", ""});
  EXPECT_EQ(actions(chosen), "cancel_event Reunión de vecinos");
  EXPECT_EQ(actions(plan({"cancela la reunión del 27 de mayo", "", "", ""})),
            "cancel_event Reunión de equipo");
  EXPECT_FALSE(plan({"cancela la cena de gala", "", "", ""}).card);

  const PlanAnswer rosa = plan({"escribe a Rosa que llego tarde", "", "", ""});
  ASSERT_EQ(rosa.choices.size(), 2u) << rosa.question;
  EXPECT_EQ(actions(plan({"escribe a Rosa Vidal que llego tarde", "", "", ""})).substr(0, 32),
            "save_draft vidal@correo.example");
}

TEST_F(PlanTest, events_reminders_and_messages_are_planned) {
  EXPECT_EQ(actions(plan({"apunta cena con Luis el viernes 22 de mayo a las 21:00", "", "", ""})),
            "add_event Cena con Luis 2026-05-22T21:00:00+02:00");
  EXPECT_EQ(actions(plan({"remind me tomorrow at 10:00 to call the bank", "", "", ""})),
            "reminder 2026-05-15T08:00:00+00:00 Call the bank");
  EXPECT_FALSE(plan({"apunta cena con Luis", "", "", ""}).card);
  const PlanAnswer told = plan({"tell Rosa Miralles that I will be late", "", "", ""});
  ASSERT_TRUE(told.card) << told.question;
  const auto all = assistant().actions(told.card->number);
  const auto whole = complete_action(table->context(base::Language::english, {}), all->front().id);
  ASSERT_TRUE(whole) << whole.error().describe();
  EXPECT_NE(json::parse(whole->content).value("text", "").find("I will be late."),
            std::string::npos)
      << whole->content;
}

TEST_F(PlanTest, approved_the_event_has_moved_and_comes_back_by_undo) {
  const std::string before = file("family.ics");
  const PlanAnswer answer = plan({"mueve el dentista al viernes 29 de mayo", "", "", ""});
  EXPECT_EQ(file("family.ics"), before);
  const base::Id id = assistant().actions(answer.card->number)->front().id;
  const auto done = table->approve(id, base::Language::spanish, {});
  ASSERT_TRUE(done) << done.error().describe();
  ASSERT_EQ(done->state, ActionState::done) << done->result;
  EXPECT_NE(file("family.ics").find("DTSTART:20260529T150000Z"), std::string::npos)
      << file("family.ics");
  EXPECT_NE(file("family.ics").find("DTEND:20260529T153000Z"), std::string::npos);
  EXPECT_EQ(assistant().card(answer.card->number)->state, store::CardState::done);
  ASSERT_TRUE(table->undo(id, base::Language::spanish));
  EXPECT_EQ(file("family.ics"), before);
}

TEST_F(PlanTest, an_event_changed_since_is_not_taken_back) {
  const PlanAnswer answer = plan({"cancela el dentista", "", "", ""});
  const base::Id id = assistant().actions(answer.card->number)->front().id;
  const std::string before = file("family.ics");
  ASSERT_TRUE(table->approve(id, base::Language::spanish, {}));
  EXPECT_EQ(file("family.ics").find("dentist@x"), std::string::npos);
  ASSERT_TRUE(table->undo(id, base::Language::spanish));
  EXPECT_NE(file("family.ics").find("dentist@x"), std::string::npos);
  const auto again = assistant().actions(answer.card->number);
  const base::Id second = again->back().id;
  ASSERT_TRUE(table->approve(second, base::Language::spanish, {}));
  // Somebody puts it back with another time.
  std::string other = before;
  const size_t at = other.find("20260521T150000Z");
  other.replace(at, 16, "20260521T140000Z");
  home.folder.write("family.ics", other);
  EXPECT_EQ(table->undo(second, base::Language::spanish).error().code, "action.event_changed");
}

TEST_F(PlanTest, a_sentence_without_a_known_verb_is_taken_apart_by_the_model) {
  engines.bound = "model";
  engines.answer =
      R"({"errand":"move","what":"dentista","from":"","to":"29 de mayo","who":"","tell_them":false})";
  EXPECT_EQ(actions(plan({"El dentista me vendría mejor el 29 de mayo", "", "", ""})),
            "move_event Dentista 2026-05-29T17:00:00+02:00");
  EXPECT_FALSE(engines.asked.json_schema.empty());
  // Words that do not stand in the sentence are not the owner's.
  engines.answer =
      R"({"errand":"cancel","what":"reunión de vecinos","from":"","to":"","who":"","tell_them":false})";
  EXPECT_FALSE(plan({"El dentista me vendría mejor otro día", "", "", ""}).card);
}

}  // namespace
}  // namespace lar::assistant
