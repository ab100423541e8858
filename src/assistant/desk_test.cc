// The desk over a real store: what the owner decided holds in the briefing too, whoever is to be
// told is told, and what lies far ahead or comes with a wrong date is not lost.
#include "assistant/desk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "assistant/testing.h"
#include "assistant/watcher.h"

namespace lar::assistant {
namespace {

using base::Language;
using store::Card;
using store::CardState;
using store::Fact;
using testing::ana;
using testing::mail_text;
using testing::me;
using Deed = Desk::Deed;

struct Told {
  std::vector<std::string> titles, texts;
  bool broken = false;
  int tries = 0;
};

class RecordingChannel final : public Channel {
 public:
  explicit RecordingChannel(std::shared_ptr<Told> told) : told_(std::move(told)) {}
  std::string name() const override { return "test"; }
  bool present() const override { return true; }
  base::Status notify(const Notice& notice) override {
    ++told_->tries;
    if (told_->broken) {
      return base::fail(base::ErrorKind::unavailable, "channel.failed", {{"channel", name()}});
    }
    told_->titles.push_back(notice.title);
    told_->texts.push_back(notice.text);
    return {};
  }

 private:
  std::shared_ptr<Told> told_;
};

class DeskTest : public testing::HomeTest {
 protected:
  // It interrupts, and does nothing by itself.
  std::unique_ptr<Desk> watching(bool briefing = false) {
    Desk::Options options;
    options.home = home.folder.path("home");
    options.watch = true;
    options.channel = std::make_unique<RecordingChannel>(told);
    auto made = std::make_unique<Desk>(*home.store, engines, home.reading, std::move(options));
    GateSettings settings;
    if (!briefing) settings.briefing_at = no_briefing;
    EXPECT_TRUE(made->set_settings(settings));
    return made;
  }
  static void at(const std::string& moment) {
    base::Clock::fix(*base::parse_rfc3339(moment), "Europe/Madrid");
  }
  static base::Microseconds time(const std::string& moment) { return *base::parse_rfc3339(moment); }
  void question(const std::string& id = "q@x") {
    receive(id, mail_text(id, ana, me, "Wed, 13 May 2026 10:00:00 +0200", "¿Comemos?",
                          "Hola, Clara:\n\n¿Comemos el domingo? Dime algo.\n\nAna"));
    sync();
    ASSERT_TRUE(judge());
  }
  std::vector<std::string> points(Desk& table) {
    std::vector<std::string> kinds;
    const auto brief = table.brief({}, Language::english, {});
    EXPECT_TRUE(brief);
    for (const BriefPoint& point : *brief) kinds.push_back(point.kind);
    return kinds;
  }
  Card card_of(const std::string& kind) {
    const auto card = open_card(kind);
    EXPECT_TRUE(card) << kind;
    return card.value_or(Card());
  }
  // Judges nothing: the mail says what the test wants it to.
  base::Id mail_that_says(const std::string& id, const std::string& date, Fact fact) {
    receive(id, mail_text(id, ana, me, date, "Asunto", "Hola, Clara."));
    sync();
    EXPECT_TRUE(judge());
    const base::Id item = **home.store->find_item(id);
    auto verdict = assistant().verdict(item);
    EXPECT_TRUE(verdict && *verdict);
    fact.id = base::Id::make();
    fact.item = item;
    fact.who = "ana.robles@correo.example";
    fact.who_name = "Ana Robles";
    fact.zone = "Europe/Madrid";
    EXPECT_TRUE(assistant().save_verdict(**verdict, std::vector<Fact>{fact}, {}));
    return item;
  }
  std::string calendar_at(const std::string& starts, const std::string& ends,
                          const std::string& more = "") {
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:one@x\r\n"
           "DTSTAMP:20260501T080000Z\r\nDTSTART:" +
           starts + "\r\nDTEND:" + ends + "\r\n" + more +
           "SUMMARY:Dentist\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  }

  // Each time at another time of the file's, by which a sync knows that it has changed.
  void write_calendar(const std::string& text) {
    calendar_age -= 10;
    home.folder.write("family.ics", text, calendar_age);
  }

  int calendar_age = 600;
  std::shared_ptr<Told> told = std::make_shared<Told>();
};

TEST_F(DeskTest, what_the_owner_has_decided_leaves_the_briefing) {
  question();
  auto table = desk();
  ASSERT_EQ(points(*table), std::vector<std::string>{"waiting"});
  const std::int64_t number = card_of("answer").number;
  for (const Deed deed : {Deed::done, Deed::dismissed, Deed::never}) {
    ASSERT_TRUE(table->set_card(number, deed, {}, deed == Deed::never));
    EXPECT_TRUE(points(*table).empty()) << static_cast<int>(deed);
    ASSERT_TRUE(table->set_card(number, Deed::reopened, {}, false));
    EXPECT_EQ(points(*table), std::vector<std::string>{"waiting"});
  }
}

TEST_F(DeskTest, what_is_put_off_is_in_the_briefing_again_when_its_time_has_come) {
  question();
  auto table = desk();
  ASSERT_TRUE(table->settle({}));
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::snoozed,
                              time("2026-05-14T18:00:00+02:00"), false));
  EXPECT_TRUE(points(*table).empty());
  at("2026-05-14T18:01:00+02:00");
  EXPECT_EQ(points(*table), std::vector<std::string>{"waiting"});
}

TEST_F(DeskTest, a_rule_never_holds_in_the_briefing_for_what_was_seen_before_it) {
  question();
  auto table = desk();
  ASSERT_EQ(points(*table).size(), 1u);
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::seen, {}, false));
  ASSERT_TRUE(assistant().set_rule({"", "ana.robles@correo.example", false, 0, {}}));
  EXPECT_TRUE(points(*table).empty());
}

TEST_F(DeskTest, of_a_mail_that_asks_twice_what_is_not_decided_stays) {
  Fact first;
  first.kind = "request";
  first.what = "manda el contrato";
  first.starts = "2026-05-15";
  first.moment = time("2026-05-15T00:00:00+02:00");
  const base::Id item = mail_that_says("two@x", "Wed, 13 May 2026 10:00:00 +0200", first);
  auto verdict = **assistant().verdict(item);
  auto detail = testing::json::parse(verdict.detail);
  detail["action_items"] = {{{"what", "manda el contrato"}, {"due", "2026-05-15"}},
                            {{"what", "llama al notario"}, {"due", "2026-05-16"}}};
  verdict.detail = detail.dump();
  Fact second = first;
  second.item = item;
  second.what = "llama al notario";
  second.starts = "2026-05-16";
  second.moment = time("2026-05-16T00:00:00+02:00");
  ASSERT_TRUE(assistant().save_verdict(verdict, std::vector<Fact>{first, second}, {}));
  auto table = desk();
  ASSERT_TRUE(table->settle({}));
  const auto text_of_due = [&]() -> std::string {
    const auto brief = table->brief({}, Language::english, {});
    for (const BriefPoint& point : *brief) {
      if (point.kind == "due") return point.text;
    }
    return "";
  };
  EXPECT_NE(text_of_due().find("contrato"), std::string::npos);
  for (const Card& card : open_cards()) {
    if (card.parameters.find("contrato") == std::string::npos) continue;
    ASSERT_TRUE(table->set_card(card.number, Deed::done, {}, false));
  }
  EXPECT_NE(text_of_due().find("notario"), std::string::npos);
}

TEST_F(DeskTest, what_was_put_off_into_quiet_hours_is_told_once_they_are_over) {
  question();
  auto table = watching();
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(told->titles.empty());
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::snoozed,
                              time("2026-05-14T23:00:00+02:00"), false));
  at("2026-05-14T23:01:00+02:00");
  EXPECT_EQ(*table->review(), 0);
  EXPECT_EQ(card_of("answer").route, "wait");
  at("2026-05-15T03:00:00+02:00");
  EXPECT_EQ(*table->review(), 0);
  at("2026-05-15T08:00:00+02:00");
  EXPECT_EQ(*table->review(), 1);
  EXPECT_EQ(told->titles.size(), 1u);
  EXPECT_EQ(*table->review(), 0);
}

TEST_F(DeskTest, what_was_put_off_is_told_the_day_after_where_the_budget_was_spent) {
  question();
  auto table = watching();
  ASSERT_TRUE(table->review());
  GateSettings settings;
  settings.per_day = 0;
  settings.briefing_at = no_briefing;
  ASSERT_TRUE(table->set_settings(settings));
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::snoozed,
                              time("2026-05-14T12:00:00+02:00"), false));
  at("2026-05-14T12:01:00+02:00");
  EXPECT_EQ(*table->review(), 0);
  settings.per_day = 5;
  ASSERT_TRUE(table->set_settings(settings));
  at("2026-05-15T09:00:00+02:00");
  EXPECT_EQ(*table->review(), 1);
}

// ---- before the first live notification ----

TEST_F(DeskTest, a_new_account_interrupts_nobody_before_the_owner_lets_it_and_nothing_is_lost) {
  question();
  auto table = watching();
  ASSERT_TRUE(table->hold_notices_of(source.id));
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::always, {}, false));
  EXPECT_EQ(*table->review(), 0);
  EXPECT_TRUE(told->titles.empty());
  EXPECT_EQ(card_of("answer").route, "wait");
  EXPECT_NE(card_of("answer").because.find("\"held\""), std::string::npos);
  EXPECT_EQ(table->held()->cards, 1);
  EXPECT_EQ(points(*table), (std::vector<std::string>{"held", "waiting"}));
  // It begins, and what was held is not told late.
  ASSERT_TRUE(table->go_live());
  EXPECT_FALSE(table->held()->back.active());
  EXPECT_EQ(*table->review(), 0);
  EXPECT_TRUE(told->titles.empty());
  EXPECT_EQ(card_of("answer").route, "briefing");
  EXPECT_EQ(points(*table), std::vector<std::string>{"waiting"});
  question("later@x");
  EXPECT_EQ(*table->review(), 1) << "what comes afterwards does interrupt";
}

TEST_F(DeskTest, looking_at_a_replay_lets_it_begin_when_there_was_time_for_corrections) {
  question();
  auto table = watching();
  ASSERT_TRUE(table->hold_notices_of(source.id));
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::always, {}, false));
  // What waits to be judged is not in the replay yet.
  receive("unjudged@x", mail_text("unjudged@x", ana, me, "Wed, 13 May 2026 11:00:00 +0200", "Hola",
                                  "Hola, Clara."));
  sync();
  ASSERT_TRUE(table->note_replay());
  EXPECT_FALSE(table->held()->back.looked);
  ASSERT_TRUE(judge());
  ASSERT_TRUE(table->note_replay());
  at("2026-05-14T09:38:00+02:00");
  ASSERT_TRUE(table->review());
  EXPECT_TRUE(table->held()->back.active());
  ASSERT_TRUE(table->note_replay());  // a correction: the time begins anew
  at("2026-05-14T09:44:00+02:00");
  ASSERT_TRUE(table->review());
  EXPECT_TRUE(table->held()->back.active());
  at("2026-05-14T09:48:00+02:00");
  EXPECT_EQ(*table->review(), 0);
  EXPECT_FALSE(table->held()->back.active());
  EXPECT_TRUE(told->titles.empty());
}

TEST_F(DeskTest, a_second_account_is_held_back_and_the_first_goes_on) {
  question();
  auto table = watching();
  store::Source second;
  second.kind = "imap";
  second.name = "second";
  second.location = "second@casa.example";
  ASSERT_TRUE(table->hold_notices_of(home.store->add_source(second)->id));
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::always, {}, false));
  EXPECT_EQ(*table->review(), 1);
  // Sources that bring no mail as it comes hold nothing back.
  write_calendar(calendar_at("20260520T100000Z", "20260520T110000Z"));
  sync_calendar();
  ASSERT_TRUE(table->hold_notices_of(calendar.id));
  EXPECT_EQ(table->held()->back.sources.size(), 1u);
}

TEST_F(DeskTest, what_the_owner_asked_for_is_told_although_the_account_is_held_back) {
  question();
  auto table = watching();
  ASSERT_TRUE(table->hold_notices_of(source.id));
  ASSERT_TRUE(table->settle({}));
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::snoozed,
                              time("2026-05-14T12:00:00+02:00"), false));
  at("2026-05-14T12:01:00+02:00");
  EXPECT_EQ(*table->review(), 1);
}

TEST_F(DeskTest, the_first_briefing_is_not_announced_before_it_begins) {
  question();
  auto table = watching(true);
  ASSERT_TRUE(table->hold_notices_of(source.id));
  ASSERT_TRUE(table->review());
  EXPECT_TRUE(told->titles.empty());
  ASSERT_TRUE(table->go_live());
  EXPECT_EQ(told->titles, std::vector<std::string>{"Briefing"});
}

TEST_F(DeskTest, an_interruption_that_fails_is_tried_again_a_few_times) {
  question();
  auto table = watching();
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::always, {}, false));
  told->broken = true;
  EXPECT_EQ(*table->review(), 0);
  EXPECT_EQ(told->tries, 1);
  EXPECT_FALSE(card_of("answer").notified);
  EXPECT_EQ(*table->review(), 0);  // not at once
  EXPECT_EQ(told->tries, 1);
  told->broken = false;
  at("2026-05-14T09:32:00+02:00");
  EXPECT_EQ(*table->review(), 1);
  EXPECT_TRUE(card_of("answer").notified);
}

TEST_F(DeskTest, an_interruption_that_always_fails_is_given_up) {
  question();
  auto table = watching();
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(table->set_card(card_of("answer").number, Deed::always, {}, false));
  told->broken = true;
  for (int minutes = 0; minutes < 600; minutes += 5) {
    base::Clock::fix(time("2026-05-14T09:30:00+02:00") + minutes * 60 * base::one_second,
                     "Europe/Madrid");
    ASSERT_TRUE(table->review());
  }
  EXPECT_GT(told->tries, 3);
  EXPECT_LT(told->tries, 10);
}

TEST_F(DeskTest, a_mail_of_a_clock_that_is_ahead_is_there_at_once) {
  receive("1", mail_text("q@x", ana, me, "Thu, 14 May 2026 10:30:00 +0200", "¿Comemos?",
                         "Hola, Clara:\n\n¿Comemos el domingo? Dime algo.\n\nAna",
                         "Received: from a by b; Thu, 14 May 2026 09:29:00 +0200\n"));
  sync();
  auto table = desk();
  EXPECT_EQ(points(*table), std::vector<std::string>{"waiting"});
  EXPECT_TRUE(open_card("answer"));
}

TEST_F(DeskTest, a_mail_dated_months_back_or_not_at_all_is_there_when_it_comes) {
  const std::string received = "Received: from a by b; Thu, 14 May 2026 09:00:00 +0200\n";
  receive("1", mail_text("old@x", ana, me, "Mon, 12 Jan 2026 10:30:00 +0100", "¿Comemos?",
                         "Hola, Clara:\n\n¿Comemos el domingo? Dime algo.\n\nAna", received));
  const std::string undated = mail_text("none@x", "Luis <luis@correo.example>", me, "DATE", "¿Vas?",
                                        "Hola, Clara:\n\n¿Vas a la reunión? Dime algo.\n\nLuis");
  std::string without = undated;
  without.erase(without.find("Date: DATE\n"), 11);
  receive("2", without);
  sync();
  auto table = desk();
  EXPECT_EQ(points(*table).size(), 2u);
  EXPECT_EQ(open_cards().size(), 2u);
}

TEST(CameAt, the_earlier_of_what_the_mail_says_and_when_it_came) {
  constexpr base::Microseconds hour = 3600 * base::one_second;
  constexpr base::Microseconds noon = 1000 * hour;
  Mail mail;
  EXPECT_EQ(came_at(mail, noon), noon);
  mail.sent = noon - hour;
  EXPECT_EQ(came_at(mail, noon), noon - hour);
  mail.sent = noon + hour;
  EXPECT_EQ(came_at(mail, noon), noon);
  mail.details.received = noon - hour / 2;
  EXPECT_EQ(came_at(mail, noon), noon - hour / 2);
  mail.sent = noon - 100 * hour;
  EXPECT_EQ(came_at(mail, noon), noon - hour / 2);
  // An archive that is taken in years later is as old as it says.
  mail.details.received = noon - 100 * hour;
  EXPECT_EQ(came_at(mail, noon), noon - 100 * hour);
}

TEST_F(DeskTest, what_was_booked_long_before_is_told_when_it_comes) {
  Fact booking;
  booking.kind = "booking";
  booking.what = "Vuelo a Roma";
  booking.starts = "2026-05-15T09:00:00+02:00";
  booking.moment = time(booking.starts);
  mail_that_says("flight@x", "Sun, 11 Jan 2026 10:00:00 +0100", booking);
  auto table = desk();
  ASSERT_TRUE(table->settle({}));
  EXPECT_TRUE(open_card("booking"));
}

TEST_F(DeskTest, an_answer_long_ago_still_ends_what_was_asked_long_before) {
  Fact request;
  request.kind = "request";
  request.what = "reserva la sala";
  request.starts = "2026-05-15";
  request.moment = time("2026-05-15T00:00:00+02:00");
  mail_that_says("room@x", "Sun, 11 Jan 2026 10:00:00 +0100", request);
  auto table = desk();
  ASSERT_TRUE(table->settle({}));
  EXPECT_TRUE(open_card("task"));
  send("r", mail_text("done@x", me, ana, "Mon, 12 Jan 2026 10:00:00 +0100", "Re: Asunto",
                      "Hecho.\n\nClara", "In-Reply-To: <room@x>\n"));
  sync();
  ASSERT_TRUE(judge());
  ASSERT_TRUE(table->settle({}));
  EXPECT_FALSE(open_card("task"));
}

TEST_F(DeskTest, an_invoice_is_compared_with_those_of_the_last_years) {
  Fact invoice;
  invoice.kind = "invoice";
  invoice.what = "Factura";
  invoice.currency = "EUR";
  invoice.cents = 5000;
  mail_that_says("one@x", "Sun, 11 Jan 2026 10:00:00 +0100", invoice);
  mail_that_says("two@x", "Wed, 11 Feb 2026 10:00:00 +0100", invoice);
  invoice.cents = 9000;
  mail_that_says("three@x", "Wed, 13 May 2026 10:00:00 +0200", invoice);
  auto table = desk();
  ASSERT_TRUE(table->settle({}));
  EXPECT_EQ(card_of("invoice").code, "invoice.unusual");
}

TEST_F(DeskTest, a_rule_about_the_person_of_a_card_without_one_is_refused) {
  question();
  auto table = desk();
  ASSERT_TRUE(table->settle({}));
  const auto actions = assistant().actions(card_of("answer").number);
  for (const store::Action& action : *actions) {
    if (action.kind != "reminder") continue;
    ASSERT_TRUE(table->approve(action.id, Language::english, {}));
  }
  std::optional<Card> reminder = open_card("reminder");
  ASSERT_TRUE(reminder);
  for (const Deed deed : {Deed::never, Deed::always}) {
    const auto refused = table->set_card(reminder->number, deed, {}, true);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "card.no_person");
  }
  EXPECT_TRUE(assistant().rules()->empty());
}

TEST_F(DeskTest, a_card_taken_back_takes_only_its_own_rule_along) {
  question();
  auto table = desk();
  ASSERT_TRUE(table->settle({}));
  const std::int64_t number = card_of("answer").number;
  ASSERT_TRUE(assistant().set_rule({"answer", "", false, 0, {}}));
  ASSERT_TRUE(table->set_card(number, Deed::never, {}, true));
  ASSERT_EQ(assistant().rules()->size(), 2u);
  ASSERT_TRUE(table->set_card(number, Deed::reopened, {}, false));
  const auto rules = assistant().rules();
  ASSERT_EQ(rules->size(), 1u);
  EXPECT_EQ(rules->front().person, "");
  // Said again on the card it is still that of the settings.
  ASSERT_TRUE(table->set_card(number, Deed::never, {}, false));
  ASSERT_TRUE(table->set_card(number, Deed::reopened, {}, false));
  EXPECT_EQ(assistant().rules()->size(), 1u);
}

TEST_F(DeskTest, a_card_put_off_wakes_at_its_time_and_not_at_the_next_step_of_the_clock) {
  question();
  Desk::Options options;
  options.watch = true;
  auto table = desk(std::move(options));
  ASSERT_TRUE(table->review());
  const std::int64_t number = card_of("answer").number;
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // it waits for the clock by now
  const base::Microseconds until = base::Clock::now() + 2 * base::one_second;
  ASSERT_TRUE(table->set_card(number, Deed::snoozed, until, false));
  base::Clock::fix(until, "Europe/Madrid");
  const auto begun = std::chrono::steady_clock::now();
  while (assistant().card(number)->state == CardState::snoozed &&
         std::chrono::steady_clock::now() - begun < std::chrono::seconds(60)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(assistant().card(number)->state, CardState::fresh);
  table->stop();
}

TEST_F(DeskTest, a_card_put_off_until_an_event_follows_it_and_comes_back_where_it_is_called_off) {
  question();
  write_calendar(calendar_at("20260514T100000Z", "20260514T110000Z"));
  sync_calendar();
  auto table = desk();
  ASSERT_TRUE(table->settle({}));
  const std::int64_t number = card_of("answer").number;
  EXPECT_EQ(table->put_off_until(number, "hairdresser", false).error().code, "event.unknown");
  ASSERT_TRUE(table->put_off_until(number, "dentist", true));
  EXPECT_EQ(assistant().card(number)->until, time("2026-05-14T12:00:00+02:00"));
  ASSERT_TRUE(table->put_off_until(number, "next", false));
  EXPECT_EQ(assistant().card(number)->until, time("2026-05-14T13:00:00+02:00"));

  write_calendar(calendar_at("20260515T100000Z", "20260515T113000Z"));
  sync_calendar();
  ASSERT_TRUE(table->settle({}));
  EXPECT_EQ(assistant().card(number)->until, time("2026-05-15T13:30:00+02:00"));
  at("2026-05-15T13:31:00+02:00");
  ASSERT_TRUE(table->settle({}));
  EXPECT_EQ(assistant().card(number)->state, CardState::fresh);
  EXPECT_TRUE(assistant().card(number)->woken);

  write_calendar(calendar_at("20260518T100000Z", "20260518T113000Z"));
  sync_calendar();
  for (const bool removed : {false, true}) {
    ASSERT_TRUE(table->put_off_until(number, "dentist", false));
    ASSERT_TRUE(table->settle({}));
    ASSERT_EQ(assistant().card(number)->state, CardState::snoozed);
    write_calendar(
        removed ? "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n"
                  "END:VCALENDAR\r\n"
                : calendar_at("20260518T100000Z", "20260518T113000Z", "STATUS:CANCELLED\r\n"));
    sync_calendar();
    ASSERT_TRUE(table->settle({}));
    EXPECT_EQ(assistant().card(number)->state, CardState::fresh) << removed;
    write_calendar(calendar_at("20260518T100000Z", "20260518T113000Z"));
    sync_calendar();
  }
}

TEST_F(DeskTest, the_briefing_is_announced_once_a_morning) {
  question();
  home.folder.write("family.ics", calendar_at("20260514T100000Z", "20260514T110000Z"));
  sync_calendar();
  at("2026-05-14T07:30:00+02:00");
  auto table = watching(true);
  ASSERT_TRUE(table->review());
  EXPECT_TRUE(told->titles.empty());
  at("2026-05-14T08:01:00+02:00");
  ASSERT_TRUE(table->review());
  EXPECT_EQ(told->titles, std::vector<std::string>{"Briefing"});
  EXPECT_EQ(told->texts, std::vector<std::string>{"1 to decide, 1 today"});
  at("2026-05-14T09:00:00+02:00");
  ASSERT_TRUE(table->review());
  EXPECT_EQ(told->titles.size(), 1u);
  EXPECT_EQ(engines.calls, 0);
  // The next day again, if only when the quiet hours are over.
  GateSettings settings;
  settings.quiet_to = 8 * 60 + 30;
  ASSERT_TRUE(table->set_settings(settings));
  at("2026-05-15T08:05:00+02:00");
  ASSERT_TRUE(table->review());
  EXPECT_EQ(told->titles.size(), 1u);
  at("2026-05-15T08:31:00+02:00");
  ASSERT_TRUE(table->review());
  EXPECT_EQ(told->titles.size(), 2u);
  settings.briefing_at = no_briefing;
  ASSERT_TRUE(table->set_settings(settings));
  at("2026-05-16T09:00:00+02:00");
  ASSERT_TRUE(table->review());
  EXPECT_EQ(told->titles.size(), 2u);
}

TEST_F(DeskTest, a_morning_without_anything_to_say_is_not_announced) {
  sync();
  auto table = watching(true);
  ASSERT_TRUE(table->review());
  EXPECT_EQ(told->tries, 0);
}

TEST_F(DeskTest, the_briefing_of_a_day_tells_of_its_events_and_of_what_is_due) {
  Fact request;
  request.kind = "request";
  request.what = "paga la derrama";
  request.starts = "2026-06-20";
  request.moment = time("2026-06-20T00:00:00+02:00");
  mail_that_says("pay@x", "Wed, 13 May 2026 10:00:00 +0200", request);
  home.folder.write("family.ics", calendar_at("20260620T100000Z", "20260620T110000Z"));
  sync_calendar();
  auto table = desk();
  const auto brief = table->brief_of({2026, 6, 20}, Language::english, {});
  ASSERT_TRUE(brief);
  ASSERT_EQ(brief->size(), 2u);
  EXPECT_NE(brief->at(0).text.find("12:00 Dentist"), std::string::npos);
  EXPECT_NE(brief->at(1).text.find("paga la derrama"), std::string::npos);
  EXPECT_TRUE(table->brief_of({2026, 6, 21}, Language::english, {})->empty());
}

}  // namespace
}  // namespace lar::assistant
