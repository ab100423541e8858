// Invitations from the mail to the calendar and the organizer: which cards there are, what an
// answer does, once, and what nobody is told. What an account answers is played here; real servers
// take their turn in tests/real/acting.py.
#include <gtest/gtest.h>

#include "assistant/actions/compose.h"
#include "assistant/card_text.h"
#include "assistant/testing.h"
#include "os/base64.h"

namespace lar::assistant {
namespace {

using nlohmann::json;
using store::ActionState;
using store::AssistantStore;
using store::Card;
using testing::me;

constexpr const char* nora = "Nora Vidal <nora@oficina.example>";

std::string object_of(const std::string& uid, const std::string& method, int sequence,
                      const std::string& start, const std::string& end,
                      const std::string& more = "",
                      const std::string& organizer = "nora@oficina.example") {
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nMETHOD:" + method +
         "\r\nBEGIN:VEVENT\r\nUID:" + uid +
         "\r\nDTSTAMP:20260513T080000Z\r\nSEQUENCE:" + std::to_string(sequence) +
         "\r\nDTSTART:" + start + "\r\nDTEND:" + end +
         "\r\nSUMMARY:Presupuesto\r\nLOCATION:Sala 2\r\nORGANIZER;CN=Nora:mailto:" + organizer +
         "\r\nATTENDEE;CN=Clara;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:clara@casa.example\r\n"
         "ATTENDEE;PARTSTAT=ACCEPTED:mailto:pau@oficina.example\r\n" +
         more + "END:VEVENT\r\nEND:VCALENDAR\r\n";
}

std::string invitation_mail(const std::string& id, const std::string& from,
                            const std::string& object, const std::string& date,
                            const std::string& method) {
  return "From: " + from + "\nTo: " + me + "\nSubject: Presupuesto\nDate: " + date +
         "\nMessage-ID: <" + id +
         ">\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n"
         "Content-Type: text/plain; charset=utf-8\n\nTe invito a la reunión de presupuesto.\n--b\n"
         "Content-Type: text/calendar; charset=utf-8; method=" +
         method + "\nContent-Transfer-Encoding: base64\n\n" + os::to_base64(object) + "\n--b--\n";
}

class InvitationTest : public testing::HomeTest {
 protected:
  InvitationTest() {
    store::Source account;
    account.kind = "imap";
    account.name = "Clara";
    account.location = "clara@casa.example";
    account.settings = R"({"smtp":{"host":"smtp.casa.example","port":465}})";
    EXPECT_TRUE(home.store->add_source(account));
    home.folder.write("family.ics",
                      "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nEND:VCALENDAR\r\n");
    sync_calendar();
    // Nora is no stranger.
    send("before", testing::mail_text("before@x", me, nora, "Mon, 4 May 2026 10:00:00 +0200",
                                      "Cuentas", "Hola, Nora:\n\nTe mando las cuentas.\n\nClara"));
  }
  void invite(const std::string& id, const std::string& object,
              const std::string& date = "Wed, 13 May 2026 10:00:00 +0200",
              const std::string& method = "REQUEST", const std::string& from = nora) {
    receive(id, invitation_mail(id + "@x", from, object, date, method));
  }
  std::unique_ptr<Desk> review() {
    sync();
    Desk::Options options;
    options.apply = [this](const base::Id&, const sources::Change& change, std::stop_token) {
      changes.push_back(change);
      return base::Result<sources::Applied>(sources::Applied{change.folder, "1.1", ""});
    };
    options.send = [this](const base::Id&, const sources::Outgoing& mail, std::stop_token) {
      sent.push_back(mail);
      net::Handover handover;
      handover.state = outcome;
      handover.code = 250;
      return base::Result<net::Handover>(handover);
    };
    auto table = desk(std::move(options));
    EXPECT_TRUE(table->set_send_delay(std::chrono::seconds(0)));
    EXPECT_TRUE(table->settle({}));
    return table;
  }
  store::Action action(const Card& card, const std::string& kind) {
    const auto actions = assistant().actions(card.number);
    for (const store::Action& one : *actions) {
      if (one.kind == kind && one.state == ActionState::proposed) return one;
    }
    ADD_FAILURE() << kind << " is not proposed";
    return {};
  }
  std::string shown(const Card& card) {
    return card_text(card, base::Language::english, base::Clock::now(), "Europe/Madrid");
  }
  std::string calendar_part(const std::string& mail) {
    const size_t begin = mail.find("\r\n\r\n", mail.find("text/calendar")) + 4;
    const std::string encoded =
        base::replace_all(mail.substr(begin, mail.find("--", begin) - begin), "\r\n", "");
    std::string decoded;
    static const std::string letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int count = 0;
    for (const char letter : encoded) {
      const size_t value = letters.find(letter);
      if (value == std::string::npos) break;
      bits = bits << 6 | static_cast<unsigned>(value);
      count += 6;
      if (count >= 8) {
        count -= 8;
        decoded += static_cast<char>(bits >> count & 0xFF);
      }
    }
    return decoded;
  }

  std::vector<sources::Outgoing> sent;
  std::vector<sources::Change> changes;
  net::Handover::State outcome = net::Handover::State::sent;
};

TEST_F(InvitationTest, accepting_puts_it_into_the_calendar_and_tells_the_organizer_once) {
  invite("i", object_of("u1@oficina", "REQUEST", 0, "20260520T080000Z", "20260520T090000Z"));
  auto table = review();
  const auto card = open_card("invitation");
  ASSERT_TRUE(card);
  EXPECT_NE(shown(*card).find("Nora Vidal invites you: Presupuesto (Sala 2)"), std::string::npos)
      << shown(*card);
  EXPECT_FALSE(open_card("event")) << "one invitation, two cards";
  EXPECT_FALSE(open_card("answer"));
  const store::Action accept = action(*card, "accept_invitation");
  const auto whole = complete_action(table->context(base::Language::english, {}), accept.id);
  ASSERT_TRUE(whole) << whole.error().describe();
  std::string preview;
  for (const std::string& line :
       preview_action(table->context(base::Language::english, {}), *whole)) {
    preview += line + "\n";
  }
  for (const char* part : {"Presupuesto", "20 May 2026, 10:00", "Sala 2", "as accepted",
                           "nora@oficina.example", "clara@casa.example accepts"}) {
    EXPECT_NE(preview.find(part), std::string::npos) << part << "\n" << preview;
  }
  EXPECT_TRUE(sent.empty());
  const auto done = table->approve(accept.id, base::Language::english, {});
  ASSERT_TRUE(done) << done.error().describe();
  ASSERT_EQ(done->state, ActionState::done) << done->result;
  const std::string kept = base::replace_all(file("family.ics"), "\r\n ", "");
  EXPECT_NE(kept.find("UID:u1@oficina"), std::string::npos) << kept;
  EXPECT_NE(kept.find("PARTSTAT=ACCEPTED:mailto:clara@casa.example"), std::string::npos) << kept;
  EXPECT_EQ(kept.find("METHOD"), std::string::npos);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent.front().envelope.to, std::vector<std::string>{"nora@oficina.example"});
  EXPECT_NE(sent.front().bytes.find("text/calendar; method=REPLY"), std::string::npos);
  EXPECT_NE(sent.front().bytes.find("In-Reply-To: <i@x>"), std::string::npos);
  const std::string reply = base::replace_all(calendar_part(sent.front().bytes), "\r\n ", "");
  EXPECT_NE(reply.find("METHOD:REPLY"), std::string::npos) << reply;
  EXPECT_NE(reply.find("PARTSTAT=ACCEPTED:mailto:clara@casa.example"), std::string::npos) << reply;
  EXPECT_EQ(reply.find("pau@oficina.example"), std::string::npos) << reply;
  EXPECT_EQ(table->undo(accept.id, base::Language::english).error().code, "action.sent_already");
  EXPECT_EQ(table->approve(accept.id, base::Language::english, {}).error().code,
            "action.other_state");
  EXPECT_EQ(sent.size(), 1u);
  sync_calendar();
  ASSERT_TRUE(table->settle({}));
  EXPECT_FALSE(open_card("invitation"));

  // Moved: the new time takes the old one's place. Sent twice, it is one card.
  invite("j", object_of("u1@oficina", "REQUEST", 1, "20260521T080000Z", "20260521T090000Z"),
         "Wed, 13 May 2026 12:00:00 +0200");
  invite("k", object_of("u1@oficina", "REQUEST", 1, "20260521T080000Z", "20260521T090000Z"),
         "Wed, 13 May 2026 12:30:00 +0200");
  table = review();
  const auto moved = open_card("invitation");
  ASSERT_TRUE(moved);
  EXPECT_NE(shown(*moved).find("has changed an invitation"), std::string::npos) << shown(*moved);
  const std::vector<Card> all = open_cards();
  EXPECT_EQ(std::count_if(all.begin(), all.end(),
                          [](const Card& one) { return one.kind == "invitation"; }),
            1);
  ASSERT_EQ(
      table->approve(action(*moved, "accept_invitation").id, base::Language::english, {})->state,
      ActionState::done);
  EXPECT_NE(file("family.ics").find("20260521T080000Z"), std::string::npos);
  EXPECT_EQ(file("family.ics").find("20260520T080000Z"), std::string::npos);
  sync_calendar();

  // Called off by somebody else nothing may be done; by the organizer it may be taken away.
  invite("l", object_of("u1@oficina", "CANCEL", 2, "20260521T080000Z", "20260521T090000Z"),
         "Wed, 13 May 2026 13:00:00 +0200", "CANCEL", "Pau <pau@oficina.example>");
  table = review();
  const auto forged = open_card("invitation");
  ASSERT_TRUE(forged);
  EXPECT_NE(shown(*forged).find("the organizer is nora@oficina.example"), std::string::npos);
  EXPECT_TRUE(assistant().actions(forged->number)->empty());
  invite("m", object_of("u1@oficina", "CANCEL", 2, "20260521T080000Z", "20260521T090000Z"),
         "Wed, 13 May 2026 14:00:00 +0200", "CANCEL");
  table = review();
  std::optional<Card> off;
  for (const Card& one : open_cards()) {
    if (one.kind == "invitation" && shown(one).find("has called off") != std::string::npos)
      off = one;
  }
  ASSERT_TRUE(off);
  ASSERT_EQ(table->approve(action(*off, "cancel_event").id, base::Language::english, {})->state,
            ActionState::done);
  EXPECT_EQ(file("family.ics").find("u1@oficina"), std::string::npos);
  EXPECT_EQ(sent.size(), 2u) << "a cancellation is not answered";
}

TEST_F(InvitationTest, a_move_is_seen_where_a_program_of_the_owner_has_raised_the_sequence) {
  invite("i", object_of("u6@oficina", "REQUEST", 0, "20260520T080000Z", "20260520T090000Z"));
  auto table = review();
  const auto card = open_card("invitation");
  ASSERT_TRUE(card);
  ASSERT_EQ(
      table->approve(action(*card, "accept_invitation").id, base::Language::english, {})->state,
      ActionState::done);
  // An alarm added at the phone, say.
  home.folder.write("family.ics",
                    base::replace_all(file("family.ics"), "SEQUENCE:0", "SEQUENCE:1"));
  sync_calendar();
  ASSERT_TRUE(table->settle({}));
  EXPECT_FALSE(open_card("invitation"));
  invite("j", object_of("u6@oficina", "REQUEST", 1, "20260521T080000Z", "20260521T090000Z"),
         "Wed, 13 May 2026 12:00:00 +0200");
  table = review();
  const auto moved = open_card("invitation");
  ASSERT_TRUE(moved) << "the meeting has moved, and nobody says so";
  EXPECT_NE(shown(*moved).find("has changed an invitation"), std::string::npos) << shown(*moved);
  ASSERT_EQ(
      table->approve(action(*moved, "accept_invitation").id, base::Language::english, {})->state,
      ActionState::done);
  EXPECT_NE(file("family.ics").find("20260521T080000Z"), std::string::npos);
  sync_calendar();
  ASSERT_TRUE(table->settle({}));
  EXPECT_FALSE(open_card("invitation"));
}

TEST_F(InvitationTest, declining_tells_and_leaves_nothing_in_the_calendar) {
  invite("i", object_of("u2@oficina", "REQUEST", 0, "20260520T080000Z", "20260520T090000Z"));
  auto table = review();
  const auto card = open_card("invitation");
  ASSERT_TRUE(card);
  ASSERT_EQ(
      table->approve(action(*card, "tentative_invitation").id, base::Language::english, {})->state,
      ActionState::done);
  EXPECT_NE(base::replace_all(file("family.ics"), "\r\n ", "").find("PARTSTAT=TENTATIVE"),
            std::string::npos);
  sync_calendar();
  // Another word after it: the same card's other answer.
  ASSERT_EQ(
      table->approve(action(*card, "decline_invitation").id, base::Language::english, {})->state,
      ActionState::done);
  EXPECT_EQ(file("family.ics").find("u2@oficina"), std::string::npos);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_NE(
      base::replace_all(calendar_part(sent.back().bytes), "\r\n ", "").find("PARTSTAT=DECLINED"),
      std::string::npos);
}

TEST_F(InvitationTest,
       a_refused_answer_leaves_the_calendar_as_it_was_and_a_lost_one_is_not_repeated) {
  invite("i", object_of("u3@oficina", "REQUEST", 0, "20260520T080000Z", "20260520T090000Z"));
  auto table = review();
  const Card card = *open_card("invitation");
  outcome = net::Handover::State::refused;
  const auto refused =
      table->approve(action(card, "accept_invitation").id, base::Language::english, {});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->state, ActionState::failed);
  EXPECT_EQ(file("family.ics").find("u3@oficina"), std::string::npos) << file("family.ics");
  outcome = net::Handover::State::uncertain;
  const store::Action again = action(card, "accept_invitation");
  EXPECT_EQ(table->approve(again.id, base::Language::english, {})->state, ActionState::unknown);
  EXPECT_EQ(sent.size(), 2u);
  EXPECT_NE(file("family.ics").find("u3@oficina"), std::string::npos);
  // Killed between calendar and mail: not sent, so it may be said again; killed while it was
  // handed over: unknown.
  const auto context = table->context(base::Language::english, {});
  const store::Action early = action(card, "tentative_invitation"),
                      late = action(card, "decline_invitation");
  for (const store::Action& one : {early, late}) {
    ASSERT_TRUE(complete_action(context, one.id));
    ASSERT_TRUE(assistant().advance(one.id, ActionState::proposed, ActionState::executing, "", ""));
  }
  ASSERT_TRUE(note_progress(context, early.id, {{"uid", "u3@oficina"}, {"before", ""}}));
  ASSERT_TRUE(note_progress(context, late.id, {{"sending", true}}));
  table.reset();
  table = review();
  EXPECT_EQ(assistant().action(early.id)->state, ActionState::failed);
  EXPECT_EQ(assistant().action(late.id)->state, ActionState::unknown);
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(InvitationTest, a_storm_of_strangers_is_one_quiet_card) {
  for (int count = 0; count < 12; ++count) {
    const std::string number = std::to_string(count);
    const std::string address = "win" + number + "@prizes.example";
    invite("s" + number,
           object_of("s" + number + "@prizes", "REQUEST", 0, "20260516T080000Z", "20260516T090000Z",
                     "", address),
           "Wed, 13 May 2026 10:" + std::to_string(10 + count) + ":00 +0200", "REQUEST",
           "Prizes " + number + " <" + address + ">");
  }
  auto table = review();
  int invitations = 0, events = 0;
  for (const Card& card : open_cards()) {
    if (card.kind == "event") ++events;
    if (card.kind != "invitation") continue;
    ++invitations;
    EXPECT_NE(shown(card).find("invitations from people you do not know"), std::string::npos)
        << shown(card);
    EXPECT_NE(card.route, "now");
    EXPECT_EQ(card.urgency, 0);
    EXPECT_TRUE(assistant().actions(card.number)->empty());
    ASSERT_TRUE(table->set_card(card.number, Desk::Deed::dismissed, {}, false));
  }
  EXPECT_EQ(invitations, 1);
  EXPECT_EQ(events, 0);
  // One more of the same week does not bring it back.
  invite("late",
         object_of("late@prizes", "REQUEST", 0, "20260516T080000Z", "20260516T090000Z", "",
                   "last@prizes.example"),
         "Thu, 14 May 2026 08:00:00 +0200", "REQUEST", "Last <last@prizes.example>");
  table = review();
  EXPECT_FALSE(open_card("invitation"));
}

TEST_F(InvitationTest, what_is_not_for_the_owner_or_is_an_answer_of_others_is_no_invitation) {
  std::string others = object_of("o@oficina", "REQUEST", 0, "20260520T080000Z", "20260520T090000Z");
  others = base::replace_all(others, "clara@casa.example", "someone@oficina.example");
  invite("i", others);
  std::string reply = object_of("r@casa", "REPLY", 0, "20260520T080000Z", "20260520T090000Z", "",
                                "clara@casa.example");
  invite("j", reply, "Wed, 13 May 2026 11:00:00 +0200", "REPLY");
  review();
  EXPECT_FALSE(open_card("invitation"));
  for (const Card& card : open_cards()) {
    if (card.kind != "event") continue;
    EXPECT_NE(card.evidence.front().external_id, "j@x");
  }
}

TEST_F(InvitationTest, nobody_but_the_organizer_takes_back_or_changes_what_they_ask) {
  invite("i", object_of("u5@oficina", "REQUEST", 0, "20260520T080000Z", "20260520T090000Z"));
  invite("j", object_of("u5@oficina", "CANCEL", 1, "20260520T080000Z", "20260520T090000Z"),
         "Wed, 13 May 2026 11:00:00 +0200", "CANCEL", "Pau <pau@oficina.example>");
  invite("k",
         object_of("u5@oficina", "REQUEST", 2, "20260520T180000Z", "20260520T190000Z", "",
                   "pau@oficina.example"),
         "Wed, 13 May 2026 12:00:00 +0200", "REQUEST", "Pau <pau@oficina.example>");
  review();
  const auto card = open_card("invitation");
  ASSERT_TRUE(card) << "a forged cancellation hides the invitation";
  EXPECT_EQ(card->evidence.front().external_id, "i@x") << shown(*card);
}

TEST_F(InvitationTest, without_an_account_that_sends_the_preview_says_that_nobody_is_told) {
  invite("i", object_of("u4@oficina", "REQUEST", 0, "20260520T080000Z", "20260520T090000Z"));
  sync();
  auto table = desk();  // nothing outside is within reach
  ASSERT_TRUE(table->set_send_delay(std::chrono::seconds(0)));
  ASSERT_TRUE(table->settle({}));
  const Card card = *open_card("invitation");
  const store::Action accept = action(card, "accept_invitation");
  const auto context = table->context(base::Language::english, {});
  const auto whole = complete_action(context, accept.id);
  ASSERT_TRUE(whole) << whole.error().describe();
  std::string preview;
  for (const std::string& line : preview_action(context, *whole)) preview += line + "\n";
  EXPECT_NE(preview.find("Nobody is told"), std::string::npos) << preview;
  const auto done = table->approve(accept.id, base::Language::english, {});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->state, ActionState::done) << done->result;
  EXPECT_NE(file("family.ics").find("u4@oficina"), std::string::npos);
  ASSERT_TRUE(table->undo(accept.id, base::Language::english));
  EXPECT_EQ(file("family.ics").find("u4@oficina"), std::string::npos);
}

}  // namespace
}  // namespace lar::assistant
