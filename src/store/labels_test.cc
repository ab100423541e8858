// Origin labels of mails: what decides them, and that they follow what arrives and goes in any
// order.
#include "store/labels.h"

#include "store/test_home.h"

namespace lar::store {
namespace {

using domain::Origin;
using domain::PersonRole;

TEST(SentFolder, is_known_by_its_name) {
  for (const char* name : {"Sent", "Enviados", "[Gmail]/Sent Mail", "INBOX.Sent", "Sent/2024",
                           "Elementos enviados", "Borradores", "Envoyés"}) {
    EXPECT_TRUE(is_sent_folder("maildir", "/home/clara/Maildir", name)) << name;
  }
  for (const char* name : {"", "INBOX", "Archivo", "Presentations", "Sentencias", "Work/Unsent"}) {
    EXPECT_FALSE(is_sent_folder("maildir", "/home/clara/Sent", name)) << name;
  }
  EXPECT_TRUE(is_sent_folder("mbox", "/mail/Sent.mbox", ""));
  EXPECT_TRUE(is_sent_folder("mbox", "/mail/Enviados", ""));
  EXPECT_FALSE(is_sent_folder("mbox", "/sent/work.mbox", ""));
  EXPECT_FALSE(is_sent_folder("folder", "/documents", "Sent"))
      << "anybody's mail can be saved there";
}

class LabelsTest : public StoreTest {
 protected:
  LabelsTest() : source(add_source("correo")) {}

  domain::Item letter(const std::string& id, const std::string& from, const std::string& to) {
    domain::Item item = mail(id + "@x", "Asunto " + id, "Cuerpo " + id);
    item.people = {{PersonRole::from, "", from}, {PersonRole::to, "", to}};
    return item;
  }
  RecordOutcome put(const std::string& folder_name, const std::string& id, const std::string& from,
                    const std::string& to) {
    const domain::Item item = letter(id, from, to);
    Recording one = recording(item, source, id);
    one.placement.folder = folder_name;
    return must(store->record(one));
  }
  RecordOutcome card(const std::string& uid, const std::string& address) {
    domain::Item item = document(uid, "Ficha de " + uid);
    item.kind = domain::ItemKind::contact;
    item.people = {{PersonRole::subject, uid, address}};
    return record(item, source, uid);
  }
  void take_out(const std::string& folder_name, const std::string& uid) {
    Placement gone;
    gone.source = source;
    gone.folder = folder_name;
    gone.uid = uid;
    must(store->forget({&gone, 1}));
  }
  std::string origin(const std::string& id) {
    const auto found = must(store->find_item(id + "@x"));
    if (!found) return "absent";
    const Origin label = must(store->item(*found)).item.origin;
    // Search and item agree.
    for (const Hit& hit : must(store->item_passages(*found))) EXPECT_EQ(hit.origin, label);
    return std::string(domain::name_of(label));
  }

  Id source;
};

const char* const clara = "clara@casa.example";
const char* const marta = "marta@taller.example";

TEST_F(LabelsTest, a_mail_is_a_strangers_unless_something_speaks_for_its_sender) {
  put("", "a", marta, clara);
  EXPECT_EQ(origin("a"), "stranger");
}

TEST_F(LabelsTest, a_source_may_name_further_folders_of_what_the_owner_wrote) {
  Source server;
  server.kind = "imap";
  server.name = "ana@example.org";
  server.location = server.name;
  server.settings = R"({"host": "imap.example.org", "own_folders": ["Salida del taller"]})";
  source = must(store->add_source(server)).id;
  put("Salida del taller", "a", clara, marta);
  put("Entrada del taller", "b", clara, marta);
  EXPECT_EQ(origin("a"), "owner");
  EXPECT_EQ(origin("b"), "stranger");
}

TEST_F(LabelsTest, a_contact_makes_its_mails_known_before_and_after_it_arrives_and_while_it_stays) {
  put("", "before", marta, clara);
  card("marta", marta);
  put("", "after", marta, clara);
  put("", "other", "spam@example.org", clara);
  EXPECT_EQ(origin("before"), "known_contact");
  EXPECT_EQ(origin("after"), "known_contact");
  EXPECT_EQ(origin("other"), "stranger");
  // The number is corrected: the card stays the same person's.
  card("marta", "marta@nuevo.example");
  EXPECT_EQ(origin("before"), "stranger");
  card("marta", marta);
  card("marta bis", marta);
  take_out("", "marta");
  EXPECT_EQ(origin("after"), "known_contact") << "another card still names her";
  take_out("", "marta bis");
  EXPECT_EQ(origin("before"), "stranger");
  EXPECT_EQ(origin("after"), "stranger");
  EXPECT_EQ(faults(), std::vector<std::string>());
}

TEST_F(LabelsTest, whom_the_owner_wrote_to_is_known) {
  put("", "offer", marta, clara);
  put("Enviados", "answer", clara, marta);
  EXPECT_EQ(origin("answer"), "owner");
  EXPECT_EQ(origin("offer"), "known_contact");
  take_out("Enviados", "answer");
  EXPECT_EQ(origin("offer"), "stranger");
}

TEST_F(LabelsTest, a_mail_moved_into_the_sent_folder_or_out_of_it_is_labelled_again) {
  put("", "offer", marta, clara);
  put("", "answer", clara, marta);
  EXPECT_EQ(origin("answer"), "stranger");
  put("Enviados", "answer", clara, marta);
  EXPECT_EQ(origin("answer"), "owner");
  EXPECT_EQ(origin("offer"), "known_contact");
  take_out("Enviados", "answer");
  EXPECT_EQ(origin("answer"), "stranger");
  EXPECT_EQ(origin("offer"), "stranger");
}

TEST_F(LabelsTest, who_claims_to_be_the_owner_in_an_incoming_folder_is_a_stranger) {
  card("clara", clara);
  put("", "early", clara, marta);
  put("Enviados", "real", clara, clara);
  put("", "forged", clara, marta);
  EXPECT_EQ(origin("real"), "owner");
  EXPECT_EQ(origin("forged"), "stranger") << "although the owner is in the address book";
  EXPECT_EQ(origin("early"), "stranger") << "known for a card once, but now known as the owner's";
}

TEST_F(LabelsTest, the_owners_addresses_once_stated_are_the_only_ones) {
  put("Sent", "mine", clara, marta);
  put("Sent", "foreign", "boss@example.org", "rosa@example.org");
  put("", "rosa", "rosa@example.org", clara);
  put("", "forged", "hola@claraaldana.example", marta);
  card("hola", "hola@claraaldana.example");
  EXPECT_EQ(origin("foreign"), "owner") << "nothing else is known than where it lies";
  EXPECT_EQ(origin("rosa"), "known_contact");
  must(store->set_setting("addresses", R"(["Clara@casa.example", "hola@claraaldana.example"])"));
  EXPECT_EQ(origin("mine"), "owner");
  EXPECT_EQ(origin("foreign"), "stranger");
  EXPECT_EQ(origin("rosa"), "stranger");
  EXPECT_EQ(origin("forged"), "stranger");
  must(store->set_setting("addresses", ""));
  EXPECT_EQ(origin("foreign"), "owner");
  must(store->set_setting("addresses", "no JSON"));
  EXPECT_EQ(origin("foreign"), "owner");
}

TEST_F(LabelsTest, of_several_senders_the_least_known_decides) {
  card("marta", marta);
  domain::Item item = letter("two", marta, clara);
  item.people.push_back({PersonRole::from, "", "spam@example.org"});
  record(item, source, "two");
  EXPECT_EQ(origin("two"), "stranger");
  card("spam", "spam@example.org");
  EXPECT_EQ(origin("two"), "known_contact");
  item = letter("none", marta, clara);
  item.people.clear();
  record(item, source, "none");
  EXPECT_EQ(origin("none"), "stranger");
}

TEST_F(LabelsTest, removing_the_source_of_the_evidence_removes_what_rests_on_it) {
  const Id book = add_source("libreta");
  domain::Item item = document("m", "Ficha");
  item.kind = domain::ItemKind::contact;
  item.people = {{PersonRole::subject, "Marta", marta}};
  record(item, book, "m");
  put("", "a", marta, clara);
  EXPECT_EQ(origin("a"), "known_contact");
  must(store->remove_source(book));
  EXPECT_EQ(origin("a"), "stranger");
}

TEST_F(LabelsTest, labels_made_one_by_one_are_those_made_at_once) {
  put("", "a", marta, clara);
  put("Sent", "b", clara, marta);
  put("", "c", "x@example.org", clara);
  card("x", "x@example.org");
  put("", "d", clara, "y@example.org");
  std::vector<std::string> stepwise;
  for (const char* id : {"a", "b", "c", "d"}) stepwise.push_back(origin(id));
  EXPECT_EQ(stepwise,
            (std::vector<std::string>{"known_contact", "owner", "known_contact", "stranger"}));
  const auto before = rows();
  {
    store.reset();
    auto connection = must(Connection::open(folder.path() + "/home/lar.db", Access::write));
    must(connection->run("DELETE FROM meta WHERE name = 'labels'"));
    must(connection->run("UPDATE item SET origin = 'stranger' WHERE kind = 'mail'"));
    must(connection->run("DELETE FROM known_address"));
  }
  open();
  std::vector<std::string> at_once;
  for (const char* id : {"a", "b", "c", "d"}) at_once.push_back(origin(id));
  EXPECT_EQ(at_once, stepwise);
  EXPECT_EQ(rows(), before);
}

TEST_F(LabelsTest, a_home_of_the_first_schema_is_brought_along) {
  put("Sent", "b", clara, marta);
  put("", "a", marta, clara);
  store.reset();
  const std::string home = folder.path() + "/home";
  {
    // Back to what version 1 had.
    auto connection = must(Connection::open(home + "/lar.db", Access::write));
    must(connection->script(
        "DROP TRIGGER mail_added; DROP TRIGGER mail_changed; DROP TABLE judge_queue;"
        "DROP TABLE verdict; DROP TABLE fact; DROP TABLE card_item; DROP TABLE action;"
        "DROP TABLE card; DROP TABLE gate_rule; DROP TABLE gate_count; DROP TABLE memory;"
        "DROP TABLE forgotten; DROP TABLE lesson; DROP INDEX turn_by_correction;"
        "ALTER TABLE turn DROP COLUMN correction; DROP TRIGGER placement_added;"
        "DROP TRIGGER placement_removed; DROP TRIGGER placement_changed; DROP TABLE sender; DROP "
        "TABLE own_address;"
        "DROP TABLE known_address; ALTER TABLE source DROP COLUMN items;"
        "DROP INDEX placement_by_item; CREATE INDEX placement_by_item ON placement(item);"
        "UPDATE item SET origin = 'stranger'; DELETE FROM meta WHERE name = 'labels';"
        "PRAGMA user_version = 1"));
  }
  open();
  EXPECT_EQ(origin("b"), "owner");
  EXPECT_EQ(origin("a"), "known_contact");
  EXPECT_EQ(must(store->sources()).front().items, 2);
  EXPECT_EQ(faults(), std::vector<std::string>());
}

TEST_F(LabelsTest, the_number_of_items_of_a_source_follows_every_way_of_writing) {
  const Id other = add_source("otro");
  const auto counts = [&] {
    std::vector<std::int64_t> result;
    for (const Source& one : must(store->sources())) result.push_back(one.items);
    return result;
  };
  using Numbers = std::vector<std::int64_t>;
  put("", "a", marta, clara);
  put("Archivo", "a", marta, clara);
  EXPECT_EQ(counts(), (Numbers{1, 0})) << "one item in two folders";
  record(letter("a", marta, clara), other, "a");
  put("", "b", marta, clara);
  EXPECT_EQ(counts(), (Numbers{2, 1}));
  // A placement that shows another item from now on.
  record(letter("c", marta, clara), other, "a");
  EXPECT_EQ(counts(), (Numbers{2, 1}));
  take_out("", "a");
  EXPECT_EQ(counts(), (Numbers{2, 1}));
  take_out("Archivo", "a");
  EXPECT_EQ(counts(), (Numbers{1, 1}));
  must(store->remove_source(other));
  EXPECT_EQ(counts(), (Numbers{1}));
  EXPECT_EQ(faults(), std::vector<std::string>());
}

}  // namespace
}  // namespace lar::store
