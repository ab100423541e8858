// Detectors over a small world, and the gate: what it lets through, when, and why.
#include "assistant/gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "assistant/card_text.h"
#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

using store::Card;
using store::Fact;

// Monday 11 May 2026, 10:00 in Madrid.
constexpr base::Microseconds monday = 1'778'486'400'000'000;
constexpr base::Microseconds hour = 3600 * base::one_second;

class GateTest : public testing::Test {
 protected:
  GateTest() {
    knowledge.owner.addresses = {"clara@casa.example"};
    knowledge.owner.names = {"clara"};
    knowledge.owner.zone = "Europe/Madrid";
    knowledge.owner.language = base::Language::english;
  }
  KnownMail& mail(const std::string& id, base::Microseconds sent, const std::string& priority,
                  double urgency = 0) {
    KnownMail mail;
    mail.item = base::Id::make();
    mail.message_id = id;
    mail.thread = "thread of " + id;
    mail.subject = id;
    mail.from = {domain::PersonRole::from, "Ana Robles", "ana@correo.example"};
    mail.sent = sent;
    mail.priority = priority;
    mail.suspicious = "none";
    mail.summary = "Ana: " + id;
    mail.urgency = urgency;
    mail.person = true;
    knowledge.mails.push_back(mail);
    return knowledge.mails.back();
  }
  Fact& fact(const KnownMail& about, const std::string& kind) {
    Fact fact;
    fact.id = base::Id::make();
    fact.item = about.item;
    fact.thread = about.thread;
    fact.kind = kind;
    fact.who = about.from.address;
    fact.who_name = about.from.name;
    fact.what = about.summary;
    fact.zone = "Europe/Madrid";
    fact.quote = "…";
    knowledge.facts.push_back(fact);
    return knowledge.facts.back();
  }
  void meeting(const std::string& title, base::Microseconds starts, base::Microseconds ends,
               const std::string& place = "") {
    Meeting meeting;
    meeting.item = base::Id::make();
    meeting.external_id = title;
    meeting.title = title;
    meeting.starts = starts;
    meeting.ends = ends;
    meeting.place = place;
    knowledge.meetings.push_back(meeting);
  }
  std::vector<Card> cards(base::Microseconds now = monday) {
    return detect(world_at(knowledge, now));
  }
  std::vector<std::string> keys(base::Microseconds now = monday) {
    std::vector<std::string> result;
    for (const Card& card : cards(now)) result.push_back(card.key);
    return result;
  }
  Decision decision(const Card& card, base::Microseconds now = monday) {
    return decide(card, world_at(knowledge, now), settings, memory);
  }
  Card urgent_card() {
    mail("fire", monday - hour, "urgent", 0.9);
    return cards().front();
  }

  Knowledge knowledge;
  GateSettings settings;
  GateMemory memory;
};

TEST_F(GateTest, what_waits_for_an_answer_is_a_card_until_the_owner_answers) {
  KnownMail question = mail("lunch?", monday - 3 * base::one_day, "reply");
  fact(question, "awaits_me");
  ASSERT_EQ(keys(), std::vector<std::string>{"answer:lunch?"});
  const Card card = cards().front();
  EXPECT_EQ(card_text(card, base::Language::english, monday, "Europe/Madrid"),
            "Ana Robles has awaited your answer for 3 days: Ana: lunch?");
  EXPECT_EQ(card.actions.front().kind, "save_draft");
  KnownMail& answer = mail("yes", monday - 2 * base::one_day, "fyi");
  answer.thread = question.thread;
  answer.mine = true;
  EXPECT_TRUE(keys().empty());
  // Seen from before the answer it still waited.
  EXPECT_EQ(keys(monday - 60 * hour).size(), 1u);
}

TEST_F(GateTest, an_appointment_is_missing_until_it_stands_in_the_calendar) {
  KnownMail invitation = mail("dentist", monday - hour, "fyi");
  Fact& appointment = fact(invitation, "appointment");
  appointment.what = "Dentist";
  appointment.starts = "2026-05-12T17:30:00+02:00";
  appointment.moment = monday + 31 * hour + hour / 2;
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "event.missing");
  EXPECT_EQ(cards()[0].actions.front().kind, "add_event");
  EXPECT_EQ(card_text(cards()[0], base::Language::spanish, monday, "Europe/Madrid"),
            "No está en tu calendario: Dentist, mañana a las 17:30 (Ana Robles)");
  // Something else at that hour is not the dentist.
  meeting("Llamada del equipo", monday + 31 * hour + hour / 2, monday + 32 * hour);
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "event.missing.clash");
  EXPECT_EQ(card_text(cards()[0], base::Language::english, monday, "Europe/Madrid"),
            "Not in your calendar: Dentist, tomorrow at 17:30 (Ana Robles). Then you have Llamada "
            "del equipo.");
  knowledge.meetings.back().free = true;
  EXPECT_EQ(cards()[0].code, "event.missing");
  // The same in other words, or with the same person, is.
  knowledge.meetings.back().title = "Clínica dental";
  EXPECT_TRUE(cards().empty());
  knowledge.meetings.back().title = "Revisión";
  EXPECT_EQ(cards().size(), 1u);
  knowledge.meetings.back().people = {{domain::PersonRole::attendee, "", "ana@correo.example"}};
  EXPECT_TRUE(cards().empty());
}

TEST_F(GateTest, an_appointment_moved_by_mail_differs_from_the_calendar) {
  KnownMail& moved = mail("dentist", monday - hour, "fyi");
  moved.moves = true;
  Fact& appointment = fact(moved, "appointment");
  appointment.what = "Dentist";
  appointment.starts = "2026-05-12T17:30:00+02:00";
  appointment.moment = monday + 31 * hour + hour / 2;
  meeting("Dentist", monday + 29 * hour, monday + 30 * hour);
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "event.differs");
  EXPECT_EQ(cards()[0].evidence.size(), 2u);
}

TEST_F(GateTest, an_appointment_moved_by_a_mail_outside_its_thread_is_superseded) {
  const auto appointment = [&](const std::string& id, base::Microseconds sent, int days) {
    KnownMail& about = mail(id, sent, "fyi");
    about.moves = id.starts_with("Change");
    Fact& made = fact(about, "appointment");
    made.what = id;
    made.moment = monday + days * base::one_day;
    made.starts = base::format_rfc3339(*made.moment, "Europe/Madrid");
  };
  appointment("Your appointment for the car test", monday - 3 * base::one_day, 8);
  appointment("Your appointment with the optician", monday - 3 * base::one_day, 9);
  EXPECT_EQ(cards().size(), 2u);
  appointment("Change of date: car test", monday - base::one_day, 10);
  std::vector<std::string> told;
  for (const Card& card : cards()) {
    told.push_back(nlohmann::json::parse(card.parameters)["what"].get<std::string>());
  }
  EXPECT_EQ(told, (std::vector<std::string>{"Your appointment with the optician",
                                            "Change of date: car test"}));
}

TEST_F(GateTest, a_promise_is_kept_by_a_new_mail_that_brings_it) {
  KnownMail promised = mail("kitchen", monday - 3 * base::one_day, "fyi");
  promised.mine = knowledge.mails.back().mine = true;
  Fact& promise = fact(promised, "promise");
  promise.what = "mandarte el presupuesto de la cocina";
  promise.starts = "2026-05-11";
  promise.moment = monday - 10 * hour;
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].kind, "promise");
  KnownMail& other = mail("Fotos", monday - base::one_day, "fyi");
  other.mine = other.fulfils = true;
  other.to = {{domain::PersonRole::to, "Ana Robles", "ana@correo.example"}};
  EXPECT_EQ(cards().size(), 1u) << "something else was brought";
  KnownMail& bringing = mail("Presupuesto", monday - hour, "fyi");
  bringing.mine = bringing.fulfils = true;
  bringing.outcome.brings = " presupuesto cocina pdf ";
  bringing.to = {{domain::PersonRole::to, "Leo", "leo@correo.example"}};
  EXPECT_EQ(cards().size(), 1u) << "to somebody else";
  knowledge.mails.back().to = {{domain::PersonRole::to, "Ana Robles", "ana@correo.example"}};
  EXPECT_TRUE(cards().empty());
  EXPECT_EQ(cards(monday - 2 * hour).size(), 1u) << "before it was brought";
}

TEST_F(GateTest, an_invoice_is_closed_by_word_of_its_payment_in_another_mail) {
  KnownMail bill = mail("bill", monday - 3 * base::one_day, "fyi");
  Fact& amount = fact(bill, "invoice");
  amount.cents = 4200;
  amount.currency = "EUR";
  amount.starts = "2026-05-12";
  amount.moment = monday + 14 * hour;
  ASSERT_EQ(cards().size(), 1u);
  KnownMail& paid = mail("thanks", monday - hour, "fyi");
  paid.outcome.paid = true;
  EXPECT_TRUE(cards().empty());
  knowledge.mails.back().outcome.amounts = {999};
  EXPECT_EQ(cards().size(), 1u);
}

TEST_F(GateTest, two_events_at_one_time_conflict_but_not_those_of_others) {
  meeting("Call with Marjal", monday + 4 * hour, monday + 5 * hour);
  meeting("Hairdresser", monday + 4 * hour + hour / 2, monday + 6 * hour);
  meeting("Tom: dentist", monday + 4 * hour, monday + 6 * hour);
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].kind, "conflict");
  EXPECT_EQ(cards()[0].evidence.size(), 2u);
  // The second can go where it is free: the first moment after the hairdresser.
  ASSERT_GE(cards()[0].actions.size(), 2u);
  EXPECT_EQ(cards()[0].actions[0].kind, "move_event");
  EXPECT_NE(cards()[0].actions[0].content.find("2026-05-11T16:00:00+02:00"), std::string::npos)
      << cards()[0].actions[0].content;
  EXPECT_EQ(cards()[0].actions.back().kind, "reminder");
  // Where somebody is invited they are asked.
  knowledge.meetings[1].people = {{domain::PersonRole::attendee, "Leo", "leo@correo.example"}};
  EXPECT_EQ(cards()[0].actions.front().kind, "move_event") << "the one without people moves";
  knowledge.meetings[0].people = knowledge.meetings[1].people;
  EXPECT_EQ(cards()[0].actions.front().kind, "save_draft");
}

TEST_F(GateTest, what_is_free_or_declined_makes_no_conflict) {
  meeting("Call with Marjal", monday + 4 * hour, monday + 5 * hour);
  meeting("Hairdresser", monday + 4 * hour, monday + 5 * hour);
  ASSERT_EQ(cards().size(), 1u);
  knowledge.meetings[1].free = true;
  EXPECT_TRUE(cards().empty());
  knowledge.meetings[1].free = false;
  knowledge.meetings[0].declined = true;
  EXPECT_TRUE(cards().empty());
}

TEST_F(GateTest, there_has_to_be_time_for_the_way_between_towns) {
  meeting("Notary", monday + 1 * hour, monday + 2 * hour, "Calle Mayor 1, Madrid");
  meeting("Workshop", monday + 3 * hour, monday + 4 * hour, "Passeig de Gràcia 10, Barcelona");
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "conflict.way");
  EXPECT_FALSE(cards()[0].actions.empty());
  knowledge.meetings[1].place = "Microsoft Teams";
  EXPECT_TRUE(cards().empty());
  knowledge.meetings[1].place = "Plaza de España, Madrid";
  EXPECT_TRUE(cards().empty());
  knowledge.meetings[1].starts = knowledge.meetings[0].ends + 10 * 60 * base::one_second;
  EXPECT_EQ(cards().size(), 1u) << "ten minutes from one address to another";
}

TEST_F(GateTest, a_day_in_another_town_is_in_the_way_of_what_is_here) {
  meeting("Trip to London", monday - 10 * hour, monday + 38 * hour);
  knowledge.meetings.back().all_day = true;
  meeting("Dentist", monday + 7 * hour, monday + 8 * hour, "Clínica Bruma, Madrid");
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].kind, "conflict");
  knowledge.meetings[0].free = true;
  EXPECT_TRUE(cards().empty());
  knowledge.meetings[0].free = false;
  knowledge.meetings[0].title = "School holidays";
  EXPECT_TRUE(cards().empty());
}

TEST_F(GateTest, a_booking_is_told_two_days_before_until_it_is_over) {
  KnownMail& booked = mail("Flight to Oslo", monday - 9 * base::one_day, "fyi");
  booked.automatic = true;
  Fact& booking = fact(knowledge.mails.back(), "booking");
  booking.what = "Flight to Oslo";
  booking.starts = "2026-05-12T12:00:00+02:00";
  booking.moment = monday + 26 * hour;
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].key, "booking:Flight to Oslo");
  EXPECT_EQ(cards()[0].urgency, urgency_today);
  ASSERT_EQ(cards()[0].actions.size(), 2u);
  EXPECT_EQ(cards()[0].actions[0].kind, "reminder");
  EXPECT_EQ(cards()[0].actions[1].kind, "add_event");
  meeting("Flight Oslo", monday + 26 * hour, monday + 29 * hour);
  EXPECT_EQ(cards()[0].actions.size(), 1u) << "it stands in the calendar";
  knowledge.meetings.clear();
  EXPECT_TRUE(cards(monday - base::one_day).empty());
  EXPECT_TRUE(cards(monday + 27 * hour).empty());
}

TEST_F(GateTest, a_promise_is_told_the_day_before_and_another_s_once_it_is_over) {
  KnownMail& told = mail("plans", monday - 3 * base::one_day, "fyi");
  told.mine = true;
  Fact& own = fact(told, "promise");
  own.what = "send the plans";
  own.starts = "2026-05-12";
  own.moment = monday + 14 * hour;
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "promise.due");
  ASSERT_EQ(cards()[0].actions.size(), 2u);
  EXPECT_EQ(cards()[0].actions[0].kind, "save_draft");
  EXPECT_NE(cards()[0].actions[0].content.find("ana@correo.example"), std::string::npos);
  EXPECT_EQ(cards()[0].actions[1].kind, "reminder");
  EXPECT_TRUE(cards(monday - base::one_day).empty());
  EXPECT_EQ(cards(monday + 2 * base::one_day)[0].code, "promise.over");
  EXPECT_TRUE(cards(monday + 7 * base::one_day).empty());
  knowledge.mails.back().mine = false;
  knowledge.facts.back().kind = "promised";
  EXPECT_TRUE(cards().empty());
  EXPECT_TRUE(cards(monday + base::one_day).empty()) << "the day is not over";
  EXPECT_EQ(cards(monday + 2 * base::one_day)[0].code, "promised.over");
}

TEST_F(GateTest, a_request_presses_from_two_days_before_its_day) {
  KnownMail& asked = mail("contract", monday - 3 * base::one_day, "fyi");
  asked.automatic = true;
  Fact& request = fact(asked, "request");
  request.what = "sign the contract";
  request.starts = "2026-05-13";
  request.moment = monday + 38 * hour;
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "task.due");
  EXPECT_EQ(cards()[0].urgency, urgency_later);
  EXPECT_EQ(cards()[0].actions.size(), 1u);
  EXPECT_TRUE(cards(monday - base::one_day).empty());
  EXPECT_EQ(cards(monday + 2 * base::one_day)[0].urgency, urgency_today);
  EXPECT_EQ(cards(monday + 2 * base::one_day)[0].actions.size(), 1u) << "a reminder for later";
  EXPECT_EQ(cards(monday + 3 * base::one_day)[0].code, "task.over");
  EXPECT_TRUE(cards(monday + 5 * base::one_day).empty());
}

TEST_F(GateTest, an_invoice_is_told_three_days_before_it_is_due) {
  KnownMail& bill = mail("bill", monday - 9 * base::one_day, "fyi");
  Fact& amount = fact(bill, "invoice");
  amount.cents = 4200;
  amount.currency = "EUR";
  amount.starts = "2026-05-14";
  amount.moment = monday + 62 * hour;
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "invoice.due");
  EXPECT_EQ(cards()[0].actions.front().kind, "reminder");
  EXPECT_TRUE(cards(monday - base::one_day).empty());
  EXPECT_EQ(cards(monday + 3 * base::one_day)[0].urgency, urgency_today);
  EXPECT_TRUE(cards(monday + 4 * base::one_day).empty());
}

TEST_F(GateTest, the_next_meeting_has_who_comes_what_is_open_and_the_papers) {
  knowledge.roles["leo@correo.example"] = "pianist, Estudio Leo";
  KnownMail& about = mail("Lessons", monday - 3 * base::one_day, "fyi");
  about.from = {domain::PersonRole::from, "Leo Marín", "leo@correo.example"};
  about.outcome.files = {"scores.pdf"};
  fact(about, "awaits_me").what = "which pieces?";
  KnownMail& hers = mail("Hall", monday - 2 * base::one_day, "fyi");
  Fact& promised = fact(hers, "promise");
  promised.what = "book the hall";
  knowledge.documents = {{base::Id::make(), "a", "Piano repertoire 2026"},
                         {base::Id::make(), "b", "Tax return"}};
  meeting("Piano de Leo", monday + 20 * hour, monday + 21 * hour);
  knowledge.meetings.back().people = {
      {domain::PersonRole::attendee, "Ana Robles", "ana@correo.example"}};
  const auto all = cards();
  const auto card =
      std::find_if(all.begin(), all.end(), [](const Card& one) { return one.kind == "meeting"; });
  ASSERT_NE(card, all.end());
  EXPECT_EQ(card->code, "meeting.open.papers");
  const auto parameters = nlohmann::json::parse(card->parameters);
  EXPECT_EQ(parameters["who"], "Ana Robles");
  EXPECT_EQ(parameters["open"], "Ana Robles: book the hall; Leo Marín: which pieces?");
  EXPECT_EQ(parameters["papers"], "scores.pdf, Piano repertoire 2026");
  EXPECT_EQ(card->evidence.back().kind, domain::ItemKind::document);
  ASSERT_EQ(card->actions.size(), 2u);
  EXPECT_EQ(card->actions[0].kind, "save_draft");
  EXPECT_EQ(card->actions[1].kind, "reminder");
  // With Leo alone it is he who is meant, short as his name is.
  knowledge.meetings.back().people.clear();
  knowledge.mails.pop_back();
  const auto alone = cards();
  const auto other = std::find_if(alone.begin(), alone.end(),
                                  [](const Card& one) { return one.kind == "meeting"; });
  ASSERT_NE(other, alone.end());
  EXPECT_EQ(nlohmann::json::parse(other->parameters)["who"], "Leo Marín (pianist, Estudio Leo)");
}

TEST_F(GateTest, an_invoice_is_unusual_against_that_senders_earlier_ones) {
  for (int month = 1; month <= 3; ++month) {
    KnownMail bill =
        mail("bill" + std::to_string(month), monday - (120 - month * 30) * base::one_day, "fyi");
    Fact& amount = fact(bill, "invoice");
    amount.cents = 5000 + month;
    amount.currency = "EUR";
  }
  EXPECT_TRUE(cards().empty());
  KnownMail bill = mail("bill4", monday - hour, "fyi");
  Fact& amount = fact(bill, "invoice");
  amount.cents = 9000;
  amount.currency = "EUR";
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "invoice.unusual");
  ASSERT_EQ(cards()[0].actions.size(), 2u);
  EXPECT_EQ(cards()[0].actions[0].kind, "reminder");
  EXPECT_EQ(cards()[0].actions[1].kind, "save_draft");
}

TEST_F(GateTest, birthdays_come_up_two_days_before) {
  knowledge.birthdays = {{base::Id::make(), "Hannah", "hannah@x.example", 5, 13, 1986}};
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "birthday.age");
  EXPECT_EQ(cards()[0].urgency, urgency_later);
  EXPECT_EQ(cards(monday + 2 * base::one_day)[0].urgency, urgency_today);
  EXPECT_TRUE(cards(monday + 3 * base::one_day).empty());
}

TEST_F(GateTest, who_was_born_on_29_february_has_a_birthday_every_year) {
  knowledge.birthdays = {{base::Id::make(), "Leo", "leo@x.example", 2, 29, 1992}};
  const auto at = [](const char* time) { return *base::parse_rfc3339(time); };
  EXPECT_EQ(cards(at("2026-02-28T10:00:00+01:00")).size(), 1u);
  EXPECT_TRUE(cards(at("2026-03-01T10:00:00+01:00")).empty());
  ASSERT_EQ(cards(at("2028-02-28T10:00:00+01:00")).size(), 1u);
  EXPECT_EQ(cards(at("2028-02-28T10:00:00+01:00"))[0].urgency, urgency_later) << "tomorrow";
  EXPECT_EQ(cards(at("2028-02-29T10:00:00+01:00"))[0].urgency, urgency_today);
}

TEST_F(GateTest, a_question_of_the_owners_without_answer_goes_silent) {
  KnownMail& asked = mail("asked", monday - 6 * base::one_day, "fyi");
  asked.mine = true;
  fact(asked, "awaits_them").who = "ana@correo.example";
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].kind, "silent");
  EXPECT_TRUE(cards(monday - 4 * base::one_day).empty());
}

TEST_F(GateTest, a_mail_that_gives_orders_is_a_warning_without_any_action) {
  KnownMail order = mail("order", monday - hour, "fyi");
  fact(order, "order");
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "suspicious.orders");
  EXPECT_EQ(cards()[0].origin, domain::Origin::stranger);
  EXPECT_TRUE(cards()[0].actions.empty());
}

TEST_F(GateTest, urgent_interrupts_and_says_why_and_the_rest_waits_for_the_briefing) {
  const Card urgent = urgent_card();
  EXPECT_EQ(decision(urgent).route, Route::now);
  EXPECT_EQ(because_text(because_json(decision(urgent)), base::Language::english),
            "because it does harm if you do not see it today");
  Card later = urgent;
  later.urgency = urgency_later;
  EXPECT_EQ(decision(later).route, Route::briefing);
  EXPECT_EQ(decision(later).code, "can_wait");
}

TEST_F(GateTest, quiet_hours_and_meetings_put_it_off) {
  const Card urgent = urgent_card();
  EXPECT_EQ(decision(urgent, monday + 13 * hour).route, Route::wait);
  EXPECT_EQ(decision(urgent, monday + 13 * hour).code, "quiet");
  meeting("Review", monday - hour / 2, monday + hour / 2);
  const Decision waits = decision(urgent);
  EXPECT_EQ(waits.route, Route::wait);
  EXPECT_EQ(because_text(because_json(waits), base::Language::english),
            "because of Review, until 10:30");
  EXPECT_EQ(decision(urgent, monday + hour).route, Route::now);
  // What does not take the owner's time does not hold anything back.
  knowledge.meetings.back().free = true;
  EXPECT_EQ(decision(urgent).route, Route::now);
  knowledge.meetings.back().free = false;
  knowledge.meetings.back().declined = true;
  EXPECT_EQ(decision(urgent).route, Route::now);
  knowledge.meetings.back().declined = false;
  knowledge.meetings.back().title = "Tom: dentist";
  EXPECT_EQ(decision(urgent).route, Route::now);
}

TEST_F(GateTest, the_budget_of_a_day_is_kept_and_a_thread_interrupts_once) {
  const Card urgent = urgent_card();
  settings.per_day = 2;
  memory.notified = {{monday - hour, "a", ""}, {monday - 2 * hour, "b", ""}};
  EXPECT_EQ(decision(urgent).code, "budget");
  memory.notified = {{monday - base::one_day, "a", ""}, {monday - 2 * hour, "b", urgent.thread}};
  EXPECT_EQ(decision(urgent).code, "same_thread");
  memory.notified = {{monday - base::one_day, "a", ""}};
  EXPECT_EQ(decision(urgent).route, Route::now);
}

TEST_F(GateTest, what_is_dismissed_again_and_again_stops_interrupting) {
  const Card urgent = urgent_card();
  memory.counts = {{"urgent", urgent.person, 0, 3}};
  EXPECT_EQ(decision(urgent).route, Route::briefing);
  EXPECT_EQ(decision(urgent).code, "not_sure");
  // From somebody else it is judged by the kind alone, which weighs less.
  Card other = urgent;
  other.person = "boss@work.example";
  EXPECT_GT(decision(other).welcome, decision(urgent).welcome);
  memory.counts = {{"urgent", urgent.person, 0, 60}};
  EXPECT_EQ(decision(urgent).route, Route::silent);
  // And what is always taken up begins to.
  memory.counts = {{"answer", urgent.person, 12, 0}};
  Card answer = urgent;
  answer.kind = "answer";
  answer.urgency = urgency_today;
  EXPECT_EQ(decision(answer).route, Route::now);
  EXPECT_EQ(decision(answer).code, "welcome");
}

TEST_F(GateTest, the_owners_rules_beat_everything_learnt_the_closest_first) {
  const Card urgent = urgent_card();
  memory.rules = {{"urgent", "", false, 0}};
  EXPECT_EQ(decision(urgent).route, Route::silent);
  memory.rules.push_back({"urgent", urgent.person, true, 0});
  memory.notified = {{monday, "a", ""}, {monday, "b", ""}, {monday, "c", ""}};
  settings.per_day = 1;
  EXPECT_EQ(decision(urgent).route, Route::now);
  EXPECT_EQ(decision(urgent).code, "always_person");
}

TEST_F(GateTest, a_replay_moves_the_clock_through_the_same_code) {
  mail("night", monday - 9 * hour, "urgent", 0.9);  // 01:00
  mail("morning", monday - hour, "urgent", 0.9);
  mail("maybe", monday - hour, "urgent", 0.3);  // hardly urgent: for the briefing
  mail("fyi", monday - 2 * hour, "fyi");
  const Replay result = replay(knowledge, settings, memory, monday - base::one_day, monday + hour);
  EXPECT_EQ(result.mails, 4);
  EXPECT_EQ(result.urgent, 3);
  EXPECT_EQ(result.missed, 0);
  ASSERT_EQ(result.interruptions.size(), 2u);
  EXPECT_EQ(result.interruptions[0].card.key, "urgent:night");
  EXPECT_EQ(result.interruptions[0].time, monday - 2 * hour);  // 08:00, when it is no longer quiet
  EXPECT_EQ(result.interruptions[1].card.key, "urgent:morning");
  // The same once more is the same.
  EXPECT_EQ(replay(knowledge, settings, memory, monday - base::one_day, monday + hour)
                .interruptions.size(),
            2u);
}

}  // namespace
}  // namespace lar::assistant
