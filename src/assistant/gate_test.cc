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
  meeting("Revisión", monday + 31 * hour + hour / 2, monday + 32 * hour);
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

TEST_F(GateTest, two_events_at_one_time_conflict_but_not_those_of_others) {
  meeting("Call with Marjal", monday + 4 * hour, monday + 5 * hour);
  meeting("Hairdresser", monday + 4 * hour + hour / 2, monday + 6 * hour);
  meeting("Tom: dentist", monday + 4 * hour, monday + 6 * hour);
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].kind, "conflict");
  EXPECT_EQ(cards()[0].evidence.size(), 2u);
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
}

TEST_F(GateTest, birthdays_come_up_two_days_before) {
  knowledge.birthdays = {{base::Id::make(), "Hannah", "hannah@x.example", 5, 13, 1986}};
  ASSERT_EQ(cards().size(), 1u);
  EXPECT_EQ(cards()[0].code, "birthday.age");
  EXPECT_EQ(cards()[0].urgency, urgency_later);
  EXPECT_EQ(cards(monday + 2 * base::one_day)[0].urgency, urgency_today);
  EXPECT_TRUE(cards(monday + 3 * base::one_day).empty());
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
}

TEST_F(GateTest, a_reminder_comes_at_its_time_whatever_the_owner_is_doing) {
  Card reminder;
  reminder.kind = "reminder";
  reminder.urgency = urgency_now;
  reminder.weight = 1;
  meeting("Review", monday - hour / 2, monday + hour / 2);
  EXPECT_EQ(decision(reminder).route, Route::now);
  EXPECT_EQ(decision(reminder, monday + 13 * hour).route, Route::now);
}

TEST_F(GateTest, what_the_owner_put_off_is_not_held_back_by_what_was_learnt) {
  Card card = urgent_card();
  memory.counts = {{"urgent", card.person, 0, 60}};
  memory.notified = {{monday - hour, "b", card.thread}};
  EXPECT_EQ(decision(card).route, Route::silent);
  card.woken = true;
  EXPECT_EQ(decision(card).route, Route::now);
  EXPECT_EQ(decision(card).code, "asked");
  memory.rules = {{"urgent", "", false, 0, {}}};
  EXPECT_EQ(decision(card).route, Route::silent);
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
  memory.rules = {{"urgent", "", false, 0, {}}};
  EXPECT_EQ(decision(urgent).route, Route::silent);
  memory.rules.push_back({"urgent", urgent.person, true, 0, {}});
  memory.notified = {{monday, "a", ""}, {monday, "b", ""}, {monday, "c", ""}};
  settings.per_day = 1;
  EXPECT_EQ(decision(urgent).route, Route::now);
  EXPECT_EQ(decision(urgent).code, "always_person");
}

TEST_F(GateTest, a_timeline_shows_each_moment_as_it_was_and_copies_no_mail) {
  const KnownMail later = mail("later", monday - hour, "reply");
  const KnownMail first = mail("first", monday - 3 * base::one_day, "reply");
  fact(first, "awaits_me");
  fact(later, "awaits_me");
  KnownMail& answer = mail("answer", monday - 2 * base::one_day, "fyi");
  answer.thread = first.thread;
  answer.mine = true;
  Timeline timeline(knowledge);
  {
    const World world = timeline.at(monday);
    ASSERT_EQ(world.mails.size(), 3u);
    EXPECT_EQ(world.mails[0].message_id, "first");
    EXPECT_EQ(&world.mails[0], &knowledge.mails[1]);
    EXPECT_EQ(world.thread(first.thread).size(), 2u);
    ASSERT_EQ(world.facts.size(), 2u);
    EXPECT_EQ(std::count_if(world.facts.begin(), world.facts.end(),
                            [](const Fact& one) { return one.state == store::FactState::valid; }),
              1);
  }
  // Backwards too: before the answer the question still waited.
  const World before = timeline.at(monday - 60 * hour);
  ASSERT_EQ(before.mails.size(), 1u);
  EXPECT_EQ(before.mail(answer.item), nullptr);
  ASSERT_EQ(before.facts.size(), 1u);
  EXPECT_EQ(before.facts[0].state, store::FactState::valid);
  EXPECT_TRUE(timeline.at(monday - 4 * base::one_day).facts.empty());
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
