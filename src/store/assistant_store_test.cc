// The assistant's tables: what goes with the items, what stays, and what happens only once.
#include "store/assistant_store.h"

#include <nlohmann/json.hpp>

#include "store/test_home.h"

namespace lar::store {
namespace {

Verdict verdict_on(const Id& item, const std::string& priority = "reply") {
  Verdict verdict;
  verdict.item = item;
  verdict.producer_version = 1;
  verdict.made = may_14;
  verdict.priority = priority;
  verdict.suspicious = "none";
  verdict.summary = "Ana pregunta";
  verdict.detail = "{}";
  return verdict;
}

Fact request(const std::string& what) {
  Fact fact;
  fact.id = Id::make();
  fact.kind = "request";
  fact.who = "ana@correo.example";
  fact.what = what;
  fact.starts = "2026-05-15";
  fact.zone = "Europe/Madrid";
  fact.moment = may_14;
  fact.quote = what;
  return fact;
}

Card card_about(const Id& item, const std::string& key) {
  Card card;
  card.key = key;
  card.kind = "answer";
  card.code = "answer";
  card.parameters = R"({"who":"Ana"})";
  card.urgency = 1;
  card.evidence = {{item, "¿Vienes el jueves?", "", "", domain::ItemKind::mail}};
  card.actions = {{"save_draft", R"({"to":"ana@correo.example"})"}};
  return card;
}

const std::vector<std::string> kinds = {"answer"};

class AssistantStoreTest : public StoreTest {
 protected:
  AssistantStore& assistant() { return store->assistant(); }
};

TEST_F(AssistantStoreTest, new_and_changed_mails_wait_to_be_judged_newest_first) {
  const Id source = add_source("correo");
  domain::Item early = mail("a@x", "A", "uno");
  early.when = domain::Instant{may_14 - base::one_day, "UTC"};
  const Id first = record(early, source, "1").item;
  const Id second = record(mail("b@x", "B", "dos"), source, "2").item;
  record(document("nota.md", "no es correo"), source, "3");
  EXPECT_EQ(must(assistant().mails_to_judge(10)), (std::vector<Id>{second, first}));
  must(assistant().save_verdict(verdict_on(first), {}, {}));
  must(assistant().save_verdict(verdict_on(second), {}, {}));
  EXPECT_EQ(must(assistant().count_to_judge()), 0);
  record(early, source, "1");  // unchanged
  EXPECT_EQ(must(assistant().count_to_judge()), 0);
  EXPECT_EQ(must(assistant().judge_again(2, "", 0)), 2);
  EXPECT_EQ(must(assistant().count_to_judge()), 2);
}

TEST_F(AssistantStoreTest, what_was_judged_by_code_is_judged_again_once_there_is_a_model) {
  const Id source = add_source("correo");
  const Id item = record(mail("a@x", "A", "uno"), source, "1").item;
  must(assistant().save_verdict(verdict_on(item), {}, {}));
  EXPECT_EQ(must(assistant().judge_again(1, "", 0)), 0);
  EXPECT_EQ(must(assistant().judge_again(1, "modelo", may_14 + 1)), 0);
  EXPECT_EQ(must(assistant().judge_again(1, "modelo", may_14)), 1);
}

TEST_F(AssistantStoreTest, a_verdict_replaces_the_facts_of_its_mail_and_ends_those_of_others) {
  const Id source = add_source("correo");
  const Id one = record(mail("a@x", "A", "uno"), source, "1").item;
  const Id two = record(mail("b@x", "Re: A", "dos", {"a@x"}), source, "2").item;
  const std::vector<Fact> asked = {request("manda el contrato"), request("llama al notario")};
  must(assistant().save_verdict(verdict_on(one), asked, {}));
  must(assistant().save_verdict(verdict_on(one), {asked.data(), 1}, {}));
  ASSERT_EQ(must(assistant().facts_of(one)).size(), 1u);
  Fact closed = asked.front();
  closed.state = FactState::closed;
  closed.ended = may_14 + 1;
  closed.superseded_by = two;
  must(assistant().save_verdict(verdict_on(two), {}, {&closed, 1}));
  const std::vector<Fact> facts = must(assistant().thread_facts(must(store->item(one)).thread));
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_EQ(facts[0].state, FactState::closed);
  EXPECT_EQ(facts[0].superseded_by, two);
  EXPECT_EQ(facts[0].what, "manda el contrato");
  EXPECT_EQ(must(assistant().judged(0)).size(), 2u);
}

TEST_F(AssistantStoreTest, the_same_state_never_makes_a_second_card) {
  const Id source = add_source("correo");
  const Id item = record(mail("a@x", "A", "uno"), source, "1").item;
  const std::vector<Card> cards = {card_about(item, "answer:a@x")};
  ASSERT_EQ(must(assistant().put_cards(cards, kinds)).size(), 1u);
  EXPECT_TRUE(must(assistant().put_cards(cards, kinds)).empty());
  const std::vector<Card> open = must(assistant().cards(AssistantStore::Which::open));
  ASSERT_EQ(open.size(), 1u);
  ASSERT_EQ(open[0].evidence.size(), 1u);
  EXPECT_EQ(open[0].evidence[0].external_id, "a@x");
  EXPECT_EQ(must(assistant().actions(open[0].number)).size(), 1u);
  // The owner's word holds although the state comes again.
  must(assistant().set_card(open[0].number, CardState::dismissed, {}));
  EXPECT_TRUE(must(assistant().put_cards(cards, kinds)).empty());
  EXPECT_TRUE(must(assistant().cards(AssistantStore::Which::open)).empty());
}

TEST_F(AssistantStoreTest, a_card_whose_cause_is_gone_ends_and_comes_back_with_it) {
  const Id source = add_source("correo");
  const Id item = record(mail("a@x", "A", "uno"), source, "1").item;
  const std::vector<Card> cards = {card_about(item, "answer:a@x")};
  must(assistant().put_cards(cards, kinds));
  const std::vector<std::string> others = {"invoice"};
  must(assistant().put_cards({}, others));
  EXPECT_EQ(must(assistant().cards(AssistantStore::Which::open)).size(), 1u);
  must(assistant().put_cards({}, kinds));
  EXPECT_TRUE(must(assistant().cards(AssistantStore::Which::open)).empty());
  EXPECT_TRUE(must(assistant().put_cards(cards, kinds)).empty());
  EXPECT_EQ(must(assistant().cards(AssistantStore::Which::open)).size(), 1u);
}

TEST_F(AssistantStoreTest, a_card_that_comes_back_is_new_again_or_still_put_off) {
  const Id source = add_source("correo");
  const Id item = record(mail("a@x", "A", "uno"), source, "1").item;
  const std::vector<Card> cards = {card_about(item, "answer:a@x")};
  must(assistant().put_cards(cards, kinds));
  const auto back = [&] {
    must(assistant().put_cards({}, kinds));
    must(assistant().put_cards(cards, kinds));
    return must(assistant().cards(AssistantStore::Which::open)).at(0);
  };
  const std::int64_t number = must(assistant().cards(AssistantStore::Which::open))[0].number;
  must(assistant().set_card(number, CardState::seen, {}));
  must(assistant().set_route(number, "now", "{}", base::Clock::now() - 2 * base::one_day));
  EXPECT_EQ(back().state, CardState::fresh);
  EXPECT_FALSE(back().notified);
  // Told a short while ago, it is not told again.
  must(assistant().set_route(number, "now", "{}", base::Clock::now()));
  EXPECT_TRUE(back().notified);
  must(assistant().put_off(number, may_14 + 5, {}));
  EXPECT_EQ(back().state, CardState::snoozed);
  EXPECT_EQ(back().until, may_14 + 5);
}

TEST_F(AssistantStoreTest, evidence_and_open_actions_of_a_card_follow_what_it_tells_of) {
  const Id source = add_source("correo");
  const Id one = record(mail("a@x", "A", "uno"), source, "1").item;
  const Id two = record(mail("b@x", "B", "dos"), source, "2").item;
  Card card = card_about(one, "answer:a@x");
  card.actions = {{"save_draft", R"({"to":"a"})"},
                  {"reminder", R"({"at":"1"})"},
                  {"add_event", R"({"start":"1"})"},
                  {"send_mail", R"({"to":"a"})"}};
  must(assistant().put_cards(std::vector<Card>{card}, kinds));
  const std::int64_t number = must(assistant().cards(AssistantStore::Which::open))[0].number;
  const auto actions = must(assistant().actions(number));
  ASSERT_EQ(actions.size(), 4u);
  // The owner writes on the first; completing the second is no word of theirs.
  must(assistant().edit_action(actions[0].id, R"({"to":"mine"})", AssistantStore::By::owner));
  must(assistant().edit_action(actions[1].id, R"({"at":"1","b":1})", AssistantStore::By::code));
  must(assistant().advance(actions[3].id, ActionState::proposed, ActionState::rejected, "", ""));
  must(assistant().put_cards(std::vector<Card>{card}, kinds));
  EXPECT_EQ(must(assistant().action(actions[1].id)).content, R"({"at":"1","b":1})");

  card.evidence = {{two, "otra", "", "", domain::ItemKind::mail}};
  card.actions = {{"save_draft", R"({"to":"b"})"},
                  {"reminder", R"({"at":"2"})"},
                  {"send_mail", R"({"to":"b"})"},
                  {"move_mail", R"({"to":"junk"})"}};
  must(assistant().put_cards(std::vector<Card>{card}, kinds));
  const Card renewed = must(assistant().card(number));
  ASSERT_EQ(renewed.evidence.size(), 1u);
  EXPECT_EQ(renewed.evidence[0].item, two);
  EXPECT_EQ(renewed.evidence[0].quote, "otra");
  std::vector<std::string> now;
  for (const Action& action : must(assistant().actions(number))) {
    now.push_back(action.kind + " " + action.content);
  }
  EXPECT_EQ(now,
            (std::vector<std::string>{R"(save_draft {"to":"mine"})", R"(reminder {"at":"2"})",
                                      R"(send_mail {"to":"a"})", R"(move_mail {"to":"junk"})"}));
  EXPECT_TRUE(faults().empty());
}

TEST_F(AssistantStoreTest, what_was_forgotten_is_not_inferred_again_in_other_words) {
  Memory inferred;
  inferred.topic = "style:ana@correo.example";
  inferred.statement = "A Ana le escribes en español";
  EXPECT_TRUE(must(assistant().remember(inferred)));
  must(
      assistant().forget_memory(must(assistant().memories(AssistantStore::Which::open))[0].number));
  inferred.statement = "You write to Ana in Spanish";
  EXPECT_FALSE(must(assistant().remember(inferred)));
  // The owner may say it, and it is about that topic alone.
  Memory other = inferred;
  other.topic = "style:luis@correo.example";
  EXPECT_TRUE(must(assistant().remember(other)));
  inferred.stated = true;
  EXPECT_TRUE(must(assistant().remember(inferred)));
}

TEST_F(AssistantStoreTest, cards_and_facts_go_with_their_mail_and_deeds_stay) {
  const auto before = rows();
  const Id source = add_source("correo");
  const Id item = record(mail("a@x", "A", "uno"), source, "1").item;
  const std::vector<Fact> facts = {request("manda el contrato")};
  must(assistant().save_verdict(verdict_on(item), facts, {}));
  must(assistant().put_cards(std::vector<Card>{card_about(item, "k")}, kinds));
  const std::int64_t number = must(assistant().cards(AssistantStore::Which::open))[0].number;
  Action done;
  done.card = number;
  done.kind = "add_event";
  done.content = "{}";
  done.state = ActionState::done;
  const Id deed = must(assistant().add_action(done)).id;
  must(store->remove_source(source));
  EXPECT_EQ(must(assistant().action(deed)).card, std::nullopt);
  EXPECT_EQ(must(assistant().actions({})).size(), 1u);
  EXPECT_EQ(assistant().card(number).error().code, "card.unknown");
  // The number that the owner knows still leads to what was done, and to nothing that was not.
  ASSERT_EQ(must(assistant().actions(number)).size(), 1u);
  EXPECT_EQ(must(assistant().actions(number))[0].id, deed);
  EXPECT_TRUE(must(assistant().actions(number + 1)).empty());
  EXPECT_TRUE(faults().empty());
  auto after = rows();
  after["action"] = before.at("action");
  after["passage_text_data"] = before.at("passage_text_data");
  EXPECT_EQ(after, before);
}

TEST_F(AssistantStoreTest, an_action_leaves_a_state_only_once) {
  Action action;
  action.kind = "reminder";
  action.content = "{}";
  const Id id = must(assistant().add_action(action)).id;
  must(assistant().edit_action(id, R"({"text":"otro"})", AssistantStore::By::owner));
  must(assistant().advance(id, ActionState::proposed, ActionState::executing, "", ""));
  const auto again = assistant().advance(id, ActionState::proposed, ActionState::executing, "", "");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "action.other_state");
  EXPECT_EQ(assistant().edit_action(id, "{}", AssistantStore::By::owner).error().code,
            "action.not_proposed");
  EXPECT_EQ(must(assistant().action(id)).content, R"({"text":"otro"})");
}

TEST_F(AssistantStoreTest, what_is_stated_beats_what_is_inferred_and_forgetting_is_final) {
  Memory inferred;
  inferred.topic = "language:ana@correo.example";
  inferred.statement = "Escribes a Ana en inglés";
  EXPECT_TRUE(must(assistant().remember(inferred)));
  EXPECT_FALSE(must(assistant().remember(inferred)));
  Memory stated = inferred;
  stated.stated = true;
  stated.statement = "Con Ana, en español";
  EXPECT_TRUE(must(assistant().remember(stated)));
  EXPECT_FALSE(must(assistant().remember(inferred)));
  const std::vector<Memory> known = must(assistant().memories(AssistantStore::Which::open));
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0].statement, "Con Ana, en español");
  EXPECT_EQ(must(assistant().memories(AssistantStore::Which::all)).size(), 2u);
  must(assistant().forget_memory(known[0].number));
  EXPECT_TRUE(must(assistant().memories(AssistantStore::Which::all)).empty());
  // Also after a new start.
  open();
  EXPECT_FALSE(must(assistant().remember(inferred)));
  EXPECT_EQ(assistant().forget_memory(77).error().code, "memory.unknown");
}

TEST_F(AssistantStoreTest, a_home_of_the_version_before_gets_its_mails_into_the_queue) {
  store.reset();
  const std::string old = folder.path() + "/old";
  must(os::make_folders(old));
  {
    auto connection = must(Connection::open(old + "/lar.db", Access::write));
    must(migrate(*connection, migrations().first(2), old + "/backups"));
    must(connection->run(
        "INSERT INTO item(id, scope, external_id, kind, starts, ends, thread, version, hash, blob, "
        "producer, producer_version, recorded, language, origin, title, head, details) "
        "VALUES(?1, 0, 'a@x', 'mail', 5, NULL, ?1, 1, 'h', NULL, 'mime', 1, 5, 'es', 'stranger', "
        "'A', 'A', '{}')",
        Id::make()));
  }
  auto opened = must(Store::open(old));
  EXPECT_EQ(must(opened->assistant().count_to_judge()), 1);
  EXPECT_TRUE(std::filesystem::exists(old + "/backups"));
}

}  // namespace
}  // namespace lar::store
