// Mail that is sent, and what needs no approval: states and times over a real store; what an
// account answers is played here, real servers take their turn in tests/real.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "assistant/actions/compose.h"
#include "assistant/self_mail.h"
#include "assistant/testing.h"

namespace lar::assistant {
namespace {

using nlohmann::json;
using store::ActionState;
using store::AssistantStore;
using store::Card;
using testing::ana;
using testing::mail_text;
using testing::me;

class SendingTest : public testing::HomeTest {
 protected:
  SendingTest() {
    store::Source account;
    account.kind = "imap";
    account.name = "Clara";
    account.location = "clara@casa.example";
    account.settings = R"({"smtp":{"host":"smtp.casa.example","port":465}})";
    EXPECT_TRUE(home.store->add_source(account));
  }

  Desk::Options options(bool watch) {
    Desk::Options made;
    made.watch = watch;
    made.apply = [this](const base::Id&, const sources::Change& change, std::stop_token) {
      changes.push_back(change);
      return base::Result<sources::Applied>(sources::Applied{change.folder, "1.1", ""});
    };
    made.send = [this](const base::Id&, const sources::Outgoing& mail, std::stop_token) {
      ++sent;
      last = mail;
      net::Handover handover;
      handover.state = outcome;
      handover.code = 250;
      return base::Result<net::Handover>(handover);
    };
    return made;
  }
  store::Action letter(const json& more = json::object()) {
    json content = {{"to", "ana.robles@correo.example"}, {"subject", "Hola"}, {"text", "Voy.\n"}};
    content.update(more);
    store::Action action;
    action.kind = "send_mail";
    action.content = content.dump();
    return *assistant().add_action(action);
  }
  ActionState state(const base::Id& id) { return assistant().action(id)->state; }
  bool reaches(const base::Id& id, ActionState wanted) {
    for (int tries = 0; tries < 500; ++tries) {
      if (state(id) == wanted) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  std::atomic<int> sent = 0;
  sources::Outgoing last;
  std::vector<sources::Change> changes;
  net::Handover::State outcome = net::Handover::State::sent;
};

TEST_F(SendingTest, a_mail_leaves_once_and_its_copy_lies_among_the_sent_ones) {
  home.folder.write("plan.pdf", std::string(3000, 'x'));
  auto table = desk(options(false));
  ASSERT_TRUE(table->set_send_delay(std::chrono::seconds(0)));
  const store::Action action =
      letter({{"cc", json::array({"bea@correo.example"})},
              {"bcc", json::array({"luz@correo.example"})},
              {"attachments", json::array({{{"path", home.folder.path("plan.pdf")}}})}});
  const auto context = table->context(base::Language::english, {});
  const auto whole = complete_action(context, action.id);
  ASSERT_TRUE(whole) << whole.error().describe();
  const auto lines = preview_action(context, *whole);
  std::string preview;
  for (const std::string& line : lines) preview += line + "\n";
  for (const char* part : {"Clara", "ana.robles@correo.example", "bea@correo.example",
                           "luz@correo.example", "Hola", "Voy.", "plan.pdf (3 KB)"}) {
    EXPECT_NE(preview.find(part), std::string::npos) << part << "\n" << preview;
  }
  const auto done = table->approve(action.id, base::Language::english, {});
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(done->state, ActionState::done) << done->result;
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(last.envelope.from, "clara@casa.example");
  EXPECT_EQ(last.envelope.to,
            (std::vector<std::string>{"ana.robles@correo.example", "bea@correo.example",
                                      "luz@correo.example"}));
  EXPECT_EQ(last.bytes.find("luz@"), std::string::npos) << "a blind recipient is seen by all";
  EXPECT_NE(last.bytes.find("Message-ID: <" + action.id.text() + "@casa.example>"),
            std::string::npos);
  EXPECT_NE(last.bytes.find("filename=\"plan.pdf\""), std::string::npos);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes.front().folder, "\\Sent");
  EXPECT_EQ(changes.front().bytes, last.bytes);
  EXPECT_EQ(table->undo(action.id, base::Language::english).error().code, "action.sent_already");
  EXPECT_EQ(table->approve(action.id, base::Language::english, {}).error().code,
            "action.other_state");
  EXPECT_EQ(sent, 1);
}

TEST_F(SendingTest, it_waits_so_that_undo_means_not_sent_yet) {
  auto table = desk(options(true));
  ASSERT_TRUE(table->set_send_delay(std::chrono::seconds(60)));
  const store::Action action = letter();
  const auto approved = table->approve(action.id, base::Language::english, {});
  ASSERT_TRUE(approved) << approved.error().describe();
  EXPECT_EQ(approved->state, ActionState::approved);
  EXPECT_GT(table->leaves_in(action.id)->count(), 50);
  const auto undone = table->undo(action.id, base::Language::english);
  ASSERT_TRUE(undone) << undone.error().describe();
  EXPECT_EQ(undone->state, ActionState::undone);
  EXPECT_FALSE(table->leaves_in(action.id));
  ASSERT_TRUE(table->set_send_delay(std::chrono::seconds(0)));
  const store::Action other = letter();
  ASSERT_TRUE(table->approve(other.id, base::Language::english, {}));
  EXPECT_TRUE(reaches(other.id, ActionState::done));
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(state(action.id), ActionState::undone);
}

TEST_F(SendingTest, approved_before_a_restart_it_leaves_after_it_unless_that_was_long_ago) {
  const store::Action soon = letter(), stale = letter();
  ASSERT_TRUE(assistant().advance(stale.id, ActionState::proposed, ActionState::approved, "", ""));
  base::Clock::fix(*base::parse_rfc3339("2026-05-14T10:30:00+02:00"), "Europe/Madrid");
  auto before = desk(options(false));
  ASSERT_TRUE(before->set_send_delay(std::chrono::seconds(0)));
  ASSERT_TRUE(complete_action(before->context(base::Language::english, {}), soon.id));
  ASSERT_TRUE(assistant().advance(soon.id, ActionState::proposed, ActionState::approved, "", ""));
  before.reset();
  auto table = desk(options(true));
  EXPECT_TRUE(reaches(soon.id, ActionState::done));
  EXPECT_EQ(state(stale.id), ActionState::failed);
  EXPECT_EQ(sent, 1);
}

TEST_F(SendingTest, what_nobody_knows_stays_unknown_until_the_mail_is_found) {
  outcome = net::Handover::State::uncertain;
  auto table = desk(options(false));
  ASSERT_TRUE(table->set_send_delay(std::chrono::seconds(0)));
  const store::Action lost = letter();
  const auto done = table->approve(lost.id, base::Language::english, {});
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(done->state, ActionState::unknown);
  // Killed while it was handed over, and killed after the server had it.
  const store::Action killed = letter(), had = letter();
  const auto context = table->context(base::Language::english, {});
  for (const store::Action& one : {killed, had}) {
    ASSERT_TRUE(complete_action(context, one.id));
    ASSERT_TRUE(assistant().advance(one.id, ActionState::proposed, ActionState::executing, "", ""));
  }
  ASSERT_TRUE(note_progress(context, had.id, {{"sent", "2026-05-14T09:30:00+02:00"}}));
  table.reset();
  table = desk(options(false));
  EXPECT_EQ(state(killed.id), ActionState::unknown);
  EXPECT_EQ(state(had.id), ActionState::done);
  EXPECT_EQ(sent, 1) << "sent again after a crash";
  EXPECT_EQ(*look_again(context), 0);
}

TEST_F(SendingTest, what_is_unfinished_refused_or_impossible_is_told) {
  auto table = desk(options(false));
  ASSERT_TRUE(table->set_send_delay(std::chrono::seconds(0)));
  const store::Action open = letter({{"text", "Gracias. […]"}});
  EXPECT_EQ(table->approve(open.id, base::Language::english, {}).error().code, "action.unfinished");
  EXPECT_EQ(state(open.id), ActionState::proposed);
  outcome = net::Handover::State::refused;
  const store::Action refused = letter();
  const auto done = table->approve(refused.id, base::Language::english, {});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->state, ActionState::failed);
  EXPECT_NE(done->result.find("action.mail_refused"), std::string::npos);
  const store::Action wrong = letter({{"to", "ana robles"}});
  EXPECT_EQ(table->approve(wrong.id, base::Language::english, {}).error().code, "action.malformed");
  table = desk();
  const store::Action nowhere = letter();
  EXPECT_EQ(table->approve(nowhere.id, base::Language::english, {}).error().code,
            "action.no_sending");
}

// ---- standing rules ----

constexpr const char* clinic = "Clínica Bruma <citas@clinicabruma.example>";
constexpr const char* empty_calendar =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nEND:VCALENDAR\r\n";

class StandingTest : public SendingTest {
 protected:
  void visit(const std::string& name, const std::string& day, const std::string& more = "") {
    receive(name,
            mail_text(name + "@x", clinic, me, "Wed, 13 May 2026 10:00:00 +0200", "Cita " + name,
                      "Le recordamos su cita de revisión el " + day +
                          " de mayo a las 17:30 en la Clínica Bruma.",
                      more));
    sync();
  }
  std::optional<store::Action> action_of(const std::string& message) {
    const auto cards = assistant().cards(AssistantStore::Which::all);
    for (const Card& card : *cards) {
      if (card.kind != "event" || card.evidence.front().external_id != message) continue;
      return assistant().actions(card.number)->front();
    }
    return std::nullopt;
  }
};

TEST_F(StandingTest, what_the_owner_said_once_is_done_by_itself_until_revoked) {
  home.folder.write("family.ics", empty_calendar);
  sync_calendar();
  visit("first", "viernes 15");
  auto table = desk(options(true));
  ASSERT_TRUE(table->watcher().finish(Watcher::Models::no, {}, {}));
  ASSERT_TRUE(table->settle({}));
  const auto first = action_of("first@x");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->state, ActionState::proposed);
  const auto rule = table->approve_always(first->id, ForWhom::person);
  ASSERT_TRUE(rule) << rule.error().describe();
  EXPECT_EQ(rule->person, "citas@clinicabruma.example");
  EXPECT_EQ(table->approve_always(first->id, ForWhom::person)->number, rule->number);
  ASSERT_TRUE(table->approve(first->id, base::Language::english, {}));

  visit("second", "martes 19");
  visit("forged", "miércoles 20", "Authentication-Results: mx.casa.example; dmarc=fail\n");
  ASSERT_TRUE(table->watcher().finish(Watcher::Models::no, {}, {}));
  ASSERT_TRUE(table->settle({}));
  const auto second = action_of("second@x");
  ASSERT_TRUE(second);
  EXPECT_TRUE(reaches(second->id, ActionState::done));
  EXPECT_EQ(json::parse(assistant().action(second->id)->content)["rule"], rule->number);
  EXPECT_NE(file("family.ics").find("20260519T153000Z"), std::string::npos);
  // Whoever only says that they are the clinic waits for the owner.
  EXPECT_EQ(file("family.ics").find("20260520T153000Z"), std::string::npos);

  // Taken back, it is not done once more.
  ASSERT_TRUE(table->undo(second->id, base::Language::english));
  ASSERT_TRUE(table->settle({}));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(file("family.ics").find("20260519T153000Z"), std::string::npos);

  ASSERT_TRUE(table->revoke(rule->number));
  EXPECT_TRUE(table->standing()->empty());
  EXPECT_EQ(table->revoke(rule->number).error().code, "standing.unknown");
  visit("third", "jueves 21");
  ASSERT_TRUE(table->watcher().finish(Watcher::Models::no, {}, {}));
  ASSERT_TRUE(table->settle({}));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto third = action_of("third@x");
  ASSERT_TRUE(third);
  EXPECT_EQ(third->state, ActionState::proposed);
}

TEST_F(StandingTest, a_mail_held_back_takes_nothing_from_what_the_owner_taught) {
  home.folder.write("family.ics", empty_calendar);
  sync_calendar();
  visit("first", "viernes 15");
  auto table = desk(options(true));
  ASSERT_TRUE(table->watcher().finish(Watcher::Models::no, {}, {}));
  ASSERT_TRUE(table->settle({}));
  const store::Card card = *assistant().card(*action_of("first@x")->card);
  ASSERT_TRUE(assistant().count_outcome(card.kind, card.person, true));
  const auto useful = [&] {
    int sum = 0;
    const auto counts = assistant().counts_of_gate();
    for (const store::GateCount& count : *counts) sum += count.useful;
    return sum;
  };
  const int taught = useful();
  ASSERT_GT(taught, 0);

  ASSERT_TRUE(table->set_send_delay(std::chrono::seconds(60)));
  store::Action mail;
  mail.card = card.number;
  mail.kind = "send_mail";
  mail.content = json({{"to", card.person}, {"subject", "Hola"}, {"text", "Voy.\n"}}).dump();
  mail = *assistant().add_action(mail);
  ASSERT_EQ(table->approve(mail.id, base::Language::english, {})->state, ActionState::approved);
  ASSERT_TRUE(table->undo(mail.id, base::Language::english));
  EXPECT_EQ(useful(), taught);
}

TEST_F(StandingTest, sending_needs_a_person_and_proof_of_who_it_is) {
  store::Card card;
  card.kind = "answer";
  card.person = "Ana.Robles@correo.example";
  EXPECT_EQ(add_standing_rule(*home.store, card, "send_mail", ForWhom::anybody).error().code,
            "standing.too_wide");
  const auto rule = add_standing_rule(*home.store, card, "send_mail", ForWhom::person);
  ASSERT_TRUE(rule);
  store::Action action;
  action.kind = "send_mail";
  EXPECT_NE(rule_for({*rule}, card, action), nullptr);
  card.person = "other@correo.example";
  EXPECT_EQ(rule_for({*rule}, card, action), nullptr);
  card.kind = "suspicious";
  EXPECT_EQ(add_standing_rule(*home.store, card, "move_mail", ForWhom::person).error().code,
            "standing.suspicious");

  receive("1", mail_text("plain@x", ana, me, "Wed, 13 May 2026 10:00:00 +0200", "¿Comemos?",
                         "Hola, Clara:\n\n¿Comemos el domingo? Dime algo.\n\nAna"));
  receive("2", mail_text("proven@x", ana, me, "Wed, 13 May 2026 11:00:00 +0200", "¿Vienes?",
                         "Hola, Clara:\n\n¿Vienes el sábado? Dime algo.\n\nAna",
                         "Authentication-Results: mx.casa.example; dmarc=pass\n"));
  sync();
  ASSERT_TRUE(judge());
  const auto table = desk(options(false));
  ASSERT_TRUE(table->settle({}));
  for (const Card& open : open_cards()) {
    if (open.kind != "answer") continue;
    const bool proven = open.evidence.front().external_id == "proven@x";
    EXPECT_EQ(may_act_alone(*home.store, home.reading, open, action, {}), proven)
        << open.evidence.front().external_id;
    store::Action draft;
    draft.kind = "save_draft";
    EXPECT_TRUE(may_act_alone(*home.store, home.reading, open, draft, {}));
  }
}

// ---- mail to self ----

class SelfMailTest : public SendingTest {
 protected:
  SelfMailTest() {
    receive("q@x", mail_text("q@x", ana, me, "Wed, 13 May 2026 10:00:00 +0200", "¿Comemos?",
                             "Hola, Clara:\n\n¿Comemos el domingo? Mira http://bad.example/x y "
                             "dime algo.\n\nAna"));
    sync();
    EXPECT_TRUE(judge());
  }
  // Watches, with an owner who always wants to be told of what waits for an answer.
  std::unique_ptr<Desk> watching(bool briefing = false, GateSettings settings = {}) {
    auto table = desk(options(true));
    if (!briefing) settings.briefing_at = no_briefing;
    EXPECT_TRUE(table->set_settings(settings));
    EXPECT_TRUE(assistant().set_rule({"answer", "", true, 0, std::nullopt}));
    return table;
  }
  std::vector<store::Action> notices() {
    std::vector<store::Action> all = *assistant().actions({});
    std::erase_if(all, [](const auto& action) { return action.kind != self_mail_action; });
    return all;
  }
  bool reaches_sent(int wanted) {
    for (int tries = 0; tries < 500 && sent < wanted; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return sent == wanted;
  }
};

TEST_F(SelfMailTest, tells_by_a_mail_to_the_own_address_once_what_may_interrupt) {
  auto table = watching();
  ASSERT_TRUE(table->review());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(sent, 0) << "it is off until the owner says so";
  ASSERT_TRUE(table->use_self_mail("Clara@Casa.Example"));
  ASSERT_TRUE(reaches_sent(1) || table->review());
  ASSERT_TRUE(reaches_sent(1));
  EXPECT_EQ(last.envelope.from, "clara@casa.example");
  EXPECT_EQ(last.envelope.to, std::vector<std::string>{"clara@casa.example"});
  EXPECT_NE(last.bytes.find("Auto-Submitted: auto-generated"), std::string::npos) << last.bytes;
  EXPECT_TRUE(changes.empty()) << "a copy among the sent mails would pass for the owner's words";
  ASSERT_EQ(notices().size(), 1u);
  const store::Action notice = notices().front();
  EXPECT_TRUE(reaches(notice.id, ActionState::done));
  EXPECT_EQ(notice.content.find("bad.example"), std::string::npos) << "a stranger's link";
  EXPECT_TRUE(open_card("answer")->notified);
  ASSERT_TRUE(table->review());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(sent, 1);
}

TEST_F(SelfMailTest, comes_back_and_is_neither_judged_nor_told_nor_the_owners_word) {
  auto table = watching();
  ASSERT_TRUE(table->use_self_mail("clara@casa.example"));
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(reaches_sent(1));
  const base::Id id = notices().front().id;
  // As its server gives it back, and among the sent mails of one that keeps a copy.
  receive("self", last.bytes);
  send("self-sent", last.bytes);
  sync();
  ASSERT_TRUE(judge());
  const auto item = home.store->find_item(id.text() + "@casa.example");
  ASSERT_TRUE(item && *item);
  EXPECT_EQ(home.store->item(**item)->item.origin, domain::Origin::stranger);
  const auto verdict = assistant().verdict(**item);
  ASSERT_TRUE(verdict && *verdict);
  EXPECT_FALSE((*verdict)->has_read);
  EXPECT_TRUE(assistant().facts_of(**item)->empty());
  ASSERT_TRUE(table->review());
  for (const Card& card : open_cards()) {
    for (const store::CardItem& evidence : card.evidence) EXPECT_NE(evidence.item, **item);
  }
  const auto points = table->brief({}, base::Language::english, {});
  ASSERT_TRUE(points);
  for (const BriefPoint& point : *points) {
    for (const base::Id& one : point.items) EXPECT_NE(one, **item);
  }
}

TEST_F(SelfMailTest, keeps_quiet_in_quiet_hours) {
  GateSettings settings;
  settings.quiet_from = 9 * 60;
  settings.quiet_to = 10 * 60;
  auto table = watching(false, settings);
  ASSERT_TRUE(table->use_self_mail("clara@casa.example"));
  ASSERT_TRUE(table->review());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(sent, 0);
  base::Clock::fix(*base::parse_rfc3339("2026-05-14T10:01:00+02:00"), "Europe/Madrid");
  ASSERT_TRUE(table->review());
  EXPECT_TRUE(reaches_sent(1));
}

TEST_F(SelfMailTest, what_the_server_refuses_goes_through_the_gate_again) {
  outcome = net::Handover::State::refused;
  auto table = watching();
  ASSERT_TRUE(table->use_self_mail("clara@casa.example"));
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(reaches_sent(1));
  ASSERT_TRUE(reaches(notices().front().id, ActionState::failed));
  for (int tries = 0; tries < 500 && open_card("answer")->notified; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_FALSE(open_card("answer")->notified);
  outcome = net::Handover::State::sent;
  base::Clock::fix(*base::parse_rfc3339("2026-05-14T09:32:00+02:00"), "Europe/Madrid");
  ASSERT_TRUE(table->review());
  EXPECT_TRUE(reaches_sent(2));
}

TEST_F(SelfMailTest, where_nobody_knows_whether_it_left_it_is_not_sent_again) {
  outcome = net::Handover::State::uncertain;
  auto table = watching();
  ASSERT_TRUE(table->use_self_mail("clara@casa.example"));
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(reaches(notices().front().id, ActionState::unknown));
  base::Clock::fix(*base::parse_rfc3339("2026-05-14T12:00:00+02:00"), "Europe/Madrid");
  ASSERT_TRUE(table->review());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(sent, 1);
}

TEST_F(SelfMailTest, reaches_no_other_address_and_nobody_while_it_is_off) {
  auto table = desk(options(false));
  ASSERT_TRUE(table->use_self_mail("clara@casa.example"));
  const std::string account_id = self_mail(*home.store)->value().source.text();
  store::Action action;
  action.kind = self_mail_action;
  action.content = json{{"source", account_id},
                        {"subject", "x"},
                        {"text", "x"},
                        {"to", "eve@bad.example"},
                        {"bcc", "eve@bad.example"}}
                       .dump();
  const store::Action forged = *assistant().add_action(action);
  ASSERT_TRUE(table->approve(forged.id, base::Language::english, {}));
  EXPECT_EQ(last.envelope.to, std::vector<std::string>{"clara@casa.example"});
  ASSERT_TRUE(table->use_self_mail(""));
  const store::Action late = *assistant().add_action(action);
  EXPECT_EQ(table->approve(late.id, base::Language::english, {}).error().code, "action.no_sending");
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(table->use_self_mail("eve@bad.example").error().code, "attention.no_mail_account");
}

TEST_F(SelfMailTest, the_mornings_briefing_comes_whole) {
  auto table = watching(true);
  ASSERT_TRUE(assistant().remove_rule("answer", ""));
  ASSERT_TRUE(table->use_self_mail("clara@casa.example"));
  ASSERT_TRUE(table->review());
  ASSERT_TRUE(reaches_sent(1));
  const json content = json::parse(notices().front().content);
  EXPECT_NE(content["text"].get<std::string>().find("• "), std::string::npos) << content;
  EXPECT_NE(content["subject"].get<std::string>().find("Briefing"), std::string::npos);
}

}  // namespace
}  // namespace lar::assistant
