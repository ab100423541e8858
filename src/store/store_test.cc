// Items in and out: identity, versions, threads, removal, jobs, journal, opening.
#include "store/store.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/text.h"
#include "store/test_home.h"

namespace lar::store {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

TEST_F(StoreTest, a_recorded_mail_comes_back_whole) {
  const Id source = add_source("correo");
  domain::Item sent = mail("m1@x", "Factura de luz", "Importe: 412,60 €. Vence el 3 de junio.");
  sent.parts.push_back(
      {"2", "factura.pdf", "application/pdf", domain::PartRole::attachment, "Página uno", {}});
  const RecordOutcome outcome = record(sent, source, "u1", "From: raw bytes");
  EXPECT_EQ(outcome.what, Recorded::added);
  const StoredItem got = must(store->item(outcome.item));
  EXPECT_EQ(got.item.title, "Factura de luz");
  EXPECT_EQ(got.item.external_id, "m1@x");
  ASSERT_EQ(got.item.parts.size(), 2u);
  EXPECT_EQ(got.item.parts[0].text, sent.parts[0].text);
  EXPECT_EQ(got.item.parts[0].segments.size(), 1u);
  EXPECT_EQ(got.item.parts[1].name, "factura.pdf");
  ASSERT_EQ(got.item.people.size(), 2u);
  EXPECT_EQ(got.item.people[0].name, "Lucía Peña");
  ASSERT_EQ(got.placements.size(), 1u);
  EXPECT_EQ(got.placements[0].uid, "u1");
  EXPECT_EQ(got.version, 1);
  EXPECT_EQ(must(store->original(outcome.item)), "From: raw bytes");
  EXPECT_EQ(must(store->passages(outcome.item)).front().text, sent.passages.front().text);
  EXPECT_EQ(must(store->find_item("m1@x")), outcome.item);
  EXPECT_EQ(must(store->find_item("nobody@x")), std::nullopt);
  EXPECT_EQ(must(store->sources()).front().items, 1);
  EXPECT_TRUE(faults().empty());
}

TEST_F(StoreTest, the_same_mail_again_is_unchanged_and_elsewhere_is_placed) {
  const Id one = add_source("uno");
  const Id two = add_source("dos");
  const domain::Item item = mail("m1@x", "Hola", "Un texto cualquiera");
  const Id id = record(item, one, "u1", "bytes").item;
  EXPECT_EQ(record(item, one, "u1", "bytes").what, Recorded::unchanged);
  const RecordOutcome elsewhere = record(item, two, "u9", "other headers");
  EXPECT_EQ(elsewhere.what, Recorded::placed);
  EXPECT_EQ(elsewhere.item, id);
  EXPECT_EQ(must(store->counts()).items, 1);
  EXPECT_EQ(must(store->item(id)).placements.size(), 2u);
  EXPECT_EQ(must(store->remove_source(one)), 0);
  EXPECT_EQ(must(store->counts()).items, 1);
  EXPECT_EQ(must(store->remove_source(two)), 1);
  EXPECT_EQ(must(store->counts()).items, 0);
}

TEST_F(StoreTest, two_mails_that_share_a_message_id_are_both_kept) {
  const Id source = add_source("correo");
  const Id one = record(mail("same@x", "Uno", "primer texto"), source, "u1").item;
  const Id two = record(mail("same@x", "Dos", "segundo texto"), source, "u2").item;
  EXPECT_NE(one, two);
  EXPECT_EQ(must(store->item(one)).thread, must(store->item(two)).thread);
}

TEST_F(StoreTest, documents_of_the_same_name_in_two_folders_are_two_items) {
  const Id one = add_source("uno");
  const Id two = add_source("dos");
  const Id first = record(document("notas.md", "igual"), one, "notas.md").item;
  const Id second = record(document("notas.md", "igual"), two, "notas.md").item;
  EXPECT_NE(first, second);
}

TEST_F(StoreTest, a_changed_document_is_a_new_version_of_the_same_item) {
  const Id source = add_source("carpeta");
  const Id id = record(document("a.md", "El presupuesto es de 900 euros"), source, "a.md").item;
  const RecordOutcome changed =
      record(document("a.md", "El presupuesto es de 950 euros"), source, "a.md");
  EXPECT_EQ(changed.what, Recorded::changed);
  EXPECT_EQ(changed.item, id);
  EXPECT_EQ(must(store->item(id)).version, 2);
  EXPECT_TRUE(titles("900").empty());
  EXPECT_EQ(titles("950").size(), 1u);
  EXPECT_EQ(rows()["item_version"], 1);
  EXPECT_TRUE(faults().empty());
}

TEST_F(StoreTest, a_paragraph_that_only_moved_keeps_its_vector) {
  const Id source = add_source("carpeta");
  domain::Item item = document("a.md", "");
  set_lines(item, {"El tejado se arregla en junio", "La caldera en julio"});
  const Id id = record(item, source, "a.md").item;
  const auto pending = must(store->pending_vectors("m", 10));
  ASSERT_EQ(pending.size(), 2u);
  must(store->save_vectors(
      "m", std::vector<PassageVector>{{pending[0].passage, {1, 0}}, {pending[1].passage, {0, 1}}}));
  set_lines(item, {"Nuevo párrafo", "El tejado se arregla en junio"});
  EXPECT_EQ(record(item, source, "a.md").what, Recorded::changed);
  const auto still = must(store->pending_vectors("m", 10));
  ASSERT_EQ(still.size(), 1u);
  EXPECT_EQ(still[0].text, "Nuevo párrafo");
  EXPECT_EQ(must(store->vector_progress("m")).done, 1);
  EXPECT_EQ(must(store->passages(id)).back().locator.begin, item.passages[1].locator.begin);
  EXPECT_TRUE(faults().empty());
}

TEST_F(StoreTest, a_newer_reader_makes_the_item_again) {
  const Id source = add_source("carpeta");
  const domain::Item item = document("a.md", "texto");
  Recording again = recording(item, source, "a.md");
  must(store->record(again));
  EXPECT_EQ(must(store->made_by_older("test", 2)).size(), 1u);
  EXPECT_TRUE(must(store->made_by_older("test", 1)).empty());
  again.producer_version = 2;
  EXPECT_EQ(must(store->record(again)).what, Recorded::changed);
  EXPECT_TRUE(must(store->made_by_older("test", 2)).empty());
}

TEST_F(StoreTest, a_placement_that_shows_another_item_lets_the_old_one_go) {
  const Id source = add_source("calendario");
  domain::Item first = document("uid-1", "Dentista el lunes");
  domain::Item second = document("uid-2", "Dentista el martes");
  record(first, source, "x");
  const RecordOutcome outcome = record(second, source, "x");
  EXPECT_EQ(outcome.what, Recorded::changed);
  EXPECT_EQ(must(store->counts()).items, 1);
  EXPECT_TRUE(titles("lunes").empty());
}

TEST_F(StoreTest, an_empty_external_id_or_a_false_passage_is_refused) {
  const Id source = add_source("correo");
  domain::Item item = mail("m@x", "t", "texto");
  item.passages.front().text = "other";
  EXPECT_EQ(store->record(recording(item, source, "u")).error().code, "store.recording");
  item = mail("", "t", "texto");
  EXPECT_EQ(store->record(recording(item, source, "u")).error().code, "store.recording");
  item = mail("m@x", "t", "texto");
  EXPECT_EQ(store->record(recording(item, Id::make(), "u")).error().code, "source.unknown");
  EXPECT_EQ(must(store->counts()).items, 0);
}

TEST_F(StoreTest, one_bad_recording_leaves_the_whole_batch_out) {
  const Id source = add_source("correo");
  const domain::Item good = mail("a@x", "t", "texto");
  const std::vector<Recording> batch = {recording(good, source, "1"),
                                        recording(good, Id::make(), "2")};
  EXPECT_FALSE(store->record_all(batch).has_value());
  EXPECT_EQ(must(store->counts()).items, 0);
}

// ---- threads -----------------------------------------------------------------------------------

TEST_F(StoreTest, a_reply_joins_its_thread_in_any_order_of_arrival) {
  const Id source = add_source("correo");
  const Id third = record(mail("c@x", "Re: Re: A", "tres", {"a@x", "b@x"}), source, "3").item;
  const Id other = record(mail("z@x", "B", "suelta"), source, "9").item;
  const Id first = record(mail("a@x", "A", "uno"), source, "1").item;
  const Id second = record(mail("b@x", "Re: A", "dos", {"a@x"}), source, "2").item;
  const std::string thread = must(store->item(first)).thread;
  EXPECT_EQ(must(store->item(second)).thread, thread);
  EXPECT_EQ(must(store->item(third)).thread, thread);
  EXPECT_NE(must(store->item(other)).thread, thread);
  EXPECT_EQ(must(store->thread_items(thread)).size(), 3u);
}

TEST_F(StoreTest, two_threads_become_one_when_a_mail_names_both) {
  const Id source = add_source("correo");
  const Id one = record(mail("a@x", "A", "uno"), source, "1").item;
  const Id two = record(mail("b@x", "B", "dos"), source, "2").item;
  EXPECT_NE(must(store->item(one)).thread, must(store->item(two)).thread);
  record(mail("c@x", "C", "tres", {"a@x", "b@x"}), source, "3");
  EXPECT_EQ(must(store->item(one)).thread, must(store->item(two)).thread);
  EXPECT_EQ(must(store->item(one)).thread, one.text());
}

TEST_F(StoreTest, siblings_of_a_parent_never_seen_share_a_thread) {
  const Id source = add_source("correo");
  const Id one = record(mail("b@x", "Re: A", "uno", {"lost@x"}), source, "1").item;
  const Id two = record(mail("c@x", "Re: A", "dos", {"lost@x"}), source, "2").item;
  EXPECT_EQ(must(store->item(one)).thread, must(store->item(two)).thread);
}

// ---- removal -----------------------------------------------------------------------------------

TEST_F(StoreTest, removing_a_source_leaves_nothing_behind) {
  const auto before = rows();
  const Id source = add_source("correo");
  must(store->start_job("sync", source.text()));
  for (int index = 0; index < 30; ++index) {
    const std::string number = std::to_string(index);
    domain::Item item =
        mail(number + "@x", "Asunto " + number, "La caja fuerte está en Zuñiga " + number,
             index > 0 ? std::vector<std::string>{"0@x"} : std::vector<std::string>{});
    domain::Occurrence occurrence;
    occurrence.start = domain::Instant{may_14, "UTC"};
    item.occurrences = {occurrence};
    record(item, source, number, "bytes " + number);
    record(item, source, number, "bytes " + number);
  }
  const auto pending = must(store->pending_vectors("m", 100));
  std::vector<PassageVector> vectors;
  for (const auto& passage : pending) vectors.push_back({passage.passage, {0.6F, 0.8F}});
  vectors.resize(20);
  must(store->save_vectors("m", vectors));
  EXPECT_EQ(blob_files(), 30u);
  EXPECT_EQ(must(store->remove_source(source)), 30);
  EXPECT_EQ(blob_files(), 0u);
  EXPECT_TRUE(faults().empty());
  must(store->drop_vectors("m"));
  auto after = rows();
  // FTS5 keeps a structure and an averages record in its data table.
  EXPECT_LE(after["passage_text_data"], 2);
  after["passage_text_data"] = before.at("passage_text_data");
  EXPECT_EQ(after, before);
  // Not even in a freed page or a deleted row of the full text.
  store.reset();
  for (const char* name : {"/home/lar.db", "/home/lar.db-wal"}) {
    std::ifstream file(folder.path() + name, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find("fuerte"), std::string::npos) << name;
    EXPECT_EQ(bytes.find("zuñiga"), std::string::npos) << name;
  }
  open();
}

TEST_F(StoreTest, a_forgotten_placement_takes_its_item_only_when_it_was_the_last) {
  const Id source = add_source("correo");
  const domain::Item item = mail("a@x", "A", "texto");
  record(item, source, "1", "bytes");
  record(item, source, "2", "bytes");
  Placement place;
  place.source = source;
  place.uid = "1";
  EXPECT_EQ(must(store->forget({&place, 1})), 0);
  place.uid = "2";
  EXPECT_EQ(must(store->forget({&place, 1})), 1);
  EXPECT_EQ(must(store->forget({&place, 1})), 0);
  EXPECT_EQ(blob_files(), 0u);
  EXPECT_TRUE(faults().empty());
}

TEST_F(StoreTest, a_blob_shared_by_two_items_stays_with_the_second) {
  const Id one = add_source("uno");
  const Id two = add_source("dos");
  record(document("a", "texto"), one, "a", "same bytes");
  const Id kept = record(document("a", "texto"), two, "a", "same bytes").item;
  EXPECT_EQ(blob_files(), 1u);
  must(store->remove_source(one));
  EXPECT_EQ(must(store->original(kept)), "same bytes");
}

TEST_F(StoreTest, flags_change_without_a_new_version) {
  const Id source = add_source("correo");
  const Id id = record(mail("a@x", "A", "texto"), source, "1").item;
  Placement place = must(store->placements(source)).front();
  place.flags = "S";
  must(store->update_placement(place));
  EXPECT_EQ(must(store->item(id)).placements.front().flags, "S");
  EXPECT_EQ(must(store->item(id)).version, 1);
  place.uid = "none";
  EXPECT_EQ(store->update_placement(place).error().code, "placement.unknown");
}

TEST_F(StoreTest, the_folder_of_a_mail_can_be_searched_and_follows_its_placements) {
  const Id source = add_source("correo");
  const domain::Item item = mail("a@x", "A", "texto");
  Recording filed = recording(item, source, "1");
  filed.placement.folder = "Seguros";
  must(store->record(filed));
  EXPECT_EQ(titles("seguro").size(), 1u);
  filed.placement.folder = "Archivo";
  must(store->record(filed));
  Placement gone = filed.placement;
  gone.folder = "Seguros";
  must(store->forget({&gone, 1}));
  EXPECT_TRUE(titles("seguro").empty());
  EXPECT_EQ(titles("archivo").size(), 1u);
  EXPECT_TRUE(faults().empty());
}

// ---- journal, conversations, jobs, settings, sources --------------------------------------------

TEST_F(StoreTest, the_journal_is_read_newest_first_in_pages) {
  for (int index = 0; index < 5; ++index) {
    must(store->write_journal("sync", "journal.sync", "{\"n\":" + std::to_string(index) + "}"));
  }
  const auto page = must(store->journal(2, std::nullopt));
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].detail, "{\"n\":4}");
  const auto next = must(store->journal(10, page.back().id));
  ASSERT_EQ(next.size(), 3u);
  EXPECT_EQ(next[0].detail, "{\"n\":2}");
}

TEST_F(StoreTest, the_journal_cannot_be_changed_even_with_sql) {
  must(store->write_journal("egress", "journal.egress", "{}"));
  store.reset();
  auto connection = must(Connection::open(folder.path() + "/home/lar.db", Access::write));
  EXPECT_FALSE(connection->run("DELETE FROM journal").has_value());
  EXPECT_FALSE(connection->run("UPDATE journal SET detail = ''").has_value());
}

TEST_F(StoreTest, a_conversation_keeps_its_turns_in_order) {
  Turn turn;
  turn.question = "¿Cuándo vence el seguro?";
  turn.answer = "{}";
  const Id conversation = must(store->save_turn(std::nullopt, turn));
  turn.question = "¿Y el de la casa?";
  EXPECT_EQ(must(store->save_turn(conversation, turn)), conversation);
  const auto turns = must(store->turns(conversation));
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[1].question, "¿Y el de la casa?");
  EXPECT_EQ(must(store->conversations()).front().title, "¿Cuándo vence el seguro?");
  EXPECT_FALSE(turns[0].correction);
  EXPECT_TRUE(must(store->corrected_turns()).empty());
  ASSERT_TRUE(store->correct_turn(turns[0].id, Correction{false, "On «Friday»", 7}));
  const auto corrected = must(store->corrected_turns());
  ASSERT_EQ(corrected.size(), 1U);
  EXPECT_EQ(corrected[0].id, turns[0].id);
  EXPECT_FALSE(corrected[0].correction->right);
  EXPECT_EQ(corrected[0].correction->text, "On «Friday»");
  EXPECT_EQ(corrected[0].correction->made, 7);
  ASSERT_TRUE(store->correct_turn(turns[0].id, std::nullopt));
  EXPECT_TRUE(must(store->corrected_turns()).empty());
  EXPECT_EQ(store->correct_turn(Id::make(), std::nullopt).error().code,
            "conversation.unknown_turn");
  EXPECT_EQ(store->save_turn(Id::make(), turn).error().code, "conversation.unknown");
}

TEST_F(StoreTest, there_is_one_unfinished_job_per_kind_and_subject) {
  Job job = must(store->start_job("pull", "qwen"));
  EXPECT_EQ(must(store->start_job("pull", "qwen")).id, job.id);
  EXPECT_NE(must(store->start_job("pull", "gemma")).id, job.id);
  job.state = JobState::running;
  job.progress = "{\"bytes\":5}";
  must(store->save_job(job));
  open();
  const auto unfinished = must(store->unfinished_jobs());
  ASSERT_EQ(unfinished.size(), 2u);
  EXPECT_EQ(unfinished[0].progress, "{\"bytes\":5}");
  EXPECT_EQ(unfinished[0].state, JobState::running);
  job.state = JobState::done;
  must(store->save_job(job));
  EXPECT_NE(must(store->start_job("pull", "qwen")).id, job.id);
}

TEST_F(StoreTest, settings_survive_and_an_unset_one_is_empty) {
  EXPECT_EQ(must(store->setting("role.chat")), "");
  must(store->set_setting("role.chat", "qwen"));
  open();
  EXPECT_EQ(must(store->setting("role.chat")), "qwen");
}

TEST_F(StoreTest, a_second_source_of_the_same_name_or_place_is_refused) {
  add_source("correo");
  Source source;
  source.kind = "maildir";
  source.name = "correo";
  source.location = "/elsewhere";
  EXPECT_EQ(store->add_source(source).error().code, "source.duplicate");
  source.name = "other";
  source.location = "/correo";
  EXPECT_EQ(store->add_source(source).error().code, "source.duplicate");
}

TEST_F(StoreTest, settings_change_and_nothing_else_of_a_source) {
  const Id source = add_source("correo");
  must(store->save_sync(source, "{\"at\":7}", ""));
  must(store->save_settings(source, "{\"host\":\"b\"}"));
  const Source got = must(store->sources()).front();
  EXPECT_EQ(got.settings, "{\"host\":\"b\"}");
  EXPECT_EQ(got.cursor, "{\"at\":7}");
  EXPECT_EQ(store->save_settings(Id::make(), "{}").error().code, "source.unknown");
}

TEST_F(StoreTest, a_cursor_and_an_error_of_a_sync_are_kept) {
  const Id source = add_source("correo");
  must(store->save_sync(source, "{\"at\":7}", "{\"code\":\"x\"}"));
  const Source got = must(store->sources()).front();
  EXPECT_EQ(got.cursor, "{\"at\":7}");
  EXPECT_EQ(got.error, "{\"code\":\"x\"}");
  EXPECT_TRUE(got.last_sync.has_value());
  EXPECT_EQ(store->save_sync(Id::make(), "", "").error().code, "source.unknown");
}

TEST_F(StoreTest, many_threads_write_and_read_at_once) {
  const Id source = add_source("correo");
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int worker = 0; worker < 4; ++worker) {
      threads.emplace_back([&, worker] {
        for (int index = 0; index < 20; ++index) {
          const std::string name = std::to_string(worker) + "." + std::to_string(index);
          const domain::Item item = mail(name + "@x", "t " + name, "texto común " + name);
          if (!store->record(recording(item, source, name, "bytes " + name))) ++failed;
          SearchRequest request;
          request.text = "común";
          if (!store->search(request)) ++failed;
        }
      });
    }
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(must(store->counts()).items, 80);
  EXPECT_TRUE(faults().empty());
}

// ---- opening -----------------------------------------------------------------------------------

TEST_F(StoreTest, a_second_process_is_told_who_holds_the_home) {
  const auto second = Store::open(folder.path() + "/home");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, "store.locked");
  bool has_pid = false;
  for (const auto& [name, value] : second.error().parameters) {
    if (name == "pid") has_pid = value == std::to_string(::getpid());
  }
  EXPECT_TRUE(has_pid) << second.error().describe();
  EXPECT_EQ(fs::status(folder.path() + "/home").permissions() & fs::perms::mask,
            fs::perms::owner_all);
}

TEST_F(StoreTest, a_newer_schema_is_refused_and_left_alone) {
  store.reset();
  {
    auto connection = must(Connection::open(folder.path() + "/home/lar.db", Access::write));
    must(connection->script("PRAGMA user_version=999"));
  }
  const auto opened = Store::open(folder.path() + "/home");
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, "store.newer");
}

TEST_F(StoreTest, a_file_that_is_no_database_of_ours_is_called_damaged) {
  store.reset();
  const std::string path = folder.path() + "/home/lar.db";
  fs::remove(path + "-wal");
  std::ofstream(path, std::ios::trunc) << std::string(8192, 'x');
  EXPECT_EQ(Store::open(folder.path() + "/home").error().code, "store.corrupt");
  fs::remove(path);
  {
    auto connection = must(Connection::open(path, Access::write));
    must(connection->script("CREATE TABLE other(x)"));
  }
  EXPECT_EQ(Store::open(folder.path() + "/home").error().code, "store.corrupt");
}

TEST_F(StoreTest, pages_overwritten_with_rubbish_are_found_by_check) {
  const Id source = add_source("correo");
  for (int index = 0; index < 200; ++index) {
    record(mail(std::to_string(index) + "@x", "t", std::string(900, 'a') + std::to_string(index)),
           source, std::to_string(index));
  }
  store.reset();
  {
    std::fstream file(folder.path() + "/home/lar.db",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200 * 1024);
    file << std::string(40960, '\x5a');
  }
  auto opened = Store::open(folder.path() + "/home");
  if (opened) {
    EXPECT_FALSE(must((*opened)->check(Check::full)).empty());
  } else {
    EXPECT_EQ(opened.error().code, "store.corrupt");
  }
}

TEST_F(StoreTest, a_migration_runs_once_after_a_copy_and_a_failing_one_changes_nothing) {
  const Id source = add_source("correo");
  record(mail("a@x", "A", "texto"), source, "1");
  store.reset();
  const std::string home = folder.path() + "/home";
  std::vector<Migration> steps(migrations().begin(), migrations().end());
  const int now = steps.back().to;
  steps.push_back({now + 1, "ALTER TABLE source ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'"});
  steps.push_back({now + 2, "CREATE TABLE extra(x TEXT) STRICT; SELECT no_such_thing()"});
  auto connection = must(Connection::open(home + "/lar.db", Access::write));
  EXPECT_FALSE(migrate(*connection, steps, home + "/backups").has_value());
  EXPECT_EQ(must(connection->number("PRAGMA user_version")), now + 1);
  EXPECT_EQ(must(connection->number("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'")), 0);
  EXPECT_EQ(must(connection->number("SELECT count(*) FROM source WHERE colour = 'blue'")), 1);
  std::vector<std::string> copies;
  for (const auto& entry : fs::directory_iterator(home + "/backups")) {
    copies.push_back(entry.path().string());
  }
  ASSERT_EQ(copies.size(), 1u);
  auto copy = must(Connection::open(copies.front(), Access::read));
  EXPECT_EQ(must(copy->number("PRAGMA user_version")), now);
  EXPECT_EQ(must(copy->number("SELECT count(*) FROM item")), 1);
}

TEST_F(StoreTest, a_blob_nobody_refers_to_is_swept_and_a_missing_one_reported) {
  const Id source = add_source("correo");
  record(mail("a@x", "A", "texto"), source, "1", "bytes");
  const std::string orphan = std::string(64, 'a');
  fs::create_directories(folder.path() + "/home/blobs/aa");
  std::ofstream(folder.path() + "/home/blobs/aa/" + orphan + ".zst") << "x";
  std::ofstream(folder.path() + "/home/blobs/aa/" + orphan + ".zst.new") << "x";
  EXPECT_TRUE(faults().empty());
  EXPECT_EQ(blob_files(), 1u);
  for (const auto& entry : fs::recursive_directory_iterator(folder.path() + "/home/blobs")) {
    if (entry.is_regular_file()) fs::resize_file(entry.path(), 3);
  }
  EXPECT_EQ(faults().size(), 1u);
}

TEST_F(StoreTest, a_moved_document_is_named_by_its_new_path_and_keeps_everything_else) {
  const Id source = add_source("documentos");
  domain::Item item = document("2025/b.pdf", "una factura");
  item.title = "b.pdf";
  item.notices = {{"pdf.scanned_page", {{"name", "b.pdf"}, {"page", "1"}}}};
  const Recording one = recording(item, source, "2025/b.pdf");
  const Id id = must(store->record(one)).item;
  Placement to = one.placement;
  to.folder = "2026";
  to.uid = "2026/c.pdf";
  to.path = "/documents/2026/c.pdf";
  must(store->move_placement(one.placement, to));
  const StoredItem stored = must(store->item(id));
  EXPECT_EQ(stored.item.external_id, "2026/c.pdf");
  EXPECT_EQ(stored.item.title, "c.pdf");
  EXPECT_EQ(stored.item.notices.front().parameters.front().second, "c.pdf");
  ASSERT_EQ(stored.placements.size(), 1u);
  EXPECT_EQ(stored.placements.front().path, to.path);
  EXPECT_EQ(titles("2026"), (std::vector<std::string>{"c.pdf"}));
  const base::Status again = store->move_placement(one.placement, to);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "placement.unknown");
  EXPECT_EQ(faults(), std::vector<std::string>());
}

// What a power cut can leave: a file that got its name but not its bytes, before any row of it.
TEST_F(StoreTest, a_blob_that_no_row_vouches_for_is_written_again) {
  const Id source = add_source("correo");
  std::vector<domain::Item> items;
  std::vector<std::string> originals;
  for (int index = 0; index < 20; ++index) {
    items.push_back(mail(std::to_string(index) + "@x", "A", "texto"));
    originals.push_back("bytes of mail " + std::to_string(index));
    const std::string hash = os::sha256(originals.back());
    const std::string shelf = folder.path() + "/home/blobs/" + hash.substr(0, 2);
    fs::create_directories(shelf);
    std::ofstream(shelf + "/" + hash + ".zst");
  }
  // One alone, then many at once: they reach the disk by different ways.
  record(items[0], source, "0", originals[0]);
  std::vector<Recording> rest;
  for (std::size_t index = 1; index < items.size(); ++index) {
    rest.push_back(recording(items[index], source, std::to_string(index), originals[index]));
  }
  rest.push_back(recording(items[1], source, "again", originals[1]));
  must(store->record_all(rest));
  for (std::size_t index = 0; index < items.size(); ++index) {
    EXPECT_EQ(must(store->original(*must(store->find_item(items[index].external_id)))),
              originals[index]);
  }
  EXPECT_EQ(faults(), std::vector<std::string>());
  EXPECT_EQ(blob_files(), items.size());
}

// ---- full disk ---------------------------------------------------------------------------------

TEST_F(StoreTest, a_full_disk_fails_the_one_item_and_keeps_the_rest) {
  store.reset();
  Tuning tuning;
  tuning.most_pages = 150;
  store = must(open_home(folder.path() + "/small", tuning));
  const Id source = add_source("correo");
  std::int64_t recorded = 0;
  std::string code;
  for (int index = 0; index < 2000 && code.empty(); ++index) {
    const std::string name = std::to_string(index);
    std::string text = "relleno " + name;
    for (int word = 0; word < 60; ++word) text += " palabra" + std::to_string(index * 60 + word);
    const domain::Item item = mail(name + "@x", "t" + name, text);
    const auto outcome = store->record(recording(item, source, name, text));
    if (outcome) {
      ++recorded;
    } else {
      code = outcome.error().code;
      EXPECT_EQ(outcome.error().kind, ErrorKind::no_space);
    }
  }
  EXPECT_EQ(code, "file.no_space");
  EXPECT_GT(recorded, 5);
  EXPECT_EQ(must(store->counts()).items, recorded);
  EXPECT_TRUE(faults().empty());
  EXPECT_EQ(titles("relleno").size(), 10u);
  // With room again the same home goes on.
  store.reset();
  store = must(Store::open(folder.path() + "/small"));
  record(mail("later@x", "Luego", "texto"), source, "later", "bytes");
  EXPECT_EQ(must(store->counts()).items, recorded + 1);
  EXPECT_TRUE(faults().empty());
}

// The same on a real file system of 3 MB, where blobs, write-ahead log and database compete for
// room. Needs a user namespace of its own to mount one.
TEST(FullDisk, a_full_file_system_loses_nothing_that_was_acknowledged) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string user = std::to_string(::getuid());
    const std::string group = std::to_string(::getgid());
    const auto write_file = [](const char* path, const std::string& text) {
      std::ofstream(path) << text;
    };
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(77);
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + user + " 1");
    write_file("/proc/self/gid_map", "0 " + group + " 1");
    const std::string home = folder.path();
    if (::mount("tmpfs", home.c_str(), "tmpfs", 0, "size=3m,mode=700") != 0) ::_exit(77);
    Id source;
    std::int64_t recorded = 0;
    {
      auto store = Store::open(home);
      if (!store) {
        std::fprintf(stderr, "open: %s\n", store.error().describe().c_str());
        ::_exit(1);
      }
      Source added;
      added.name = "correo";
      const auto with_id = (*store)->add_source(added);
      if (!with_id) ::_exit(2);
      source = with_id->id;
      for (int failures = 0; failures < 3; ++recorded) {
        const std::string name = std::to_string(recorded);
        std::string text = "relleno " + name;
        for (int word = 0; word < 80; ++word) text += " w" + std::to_string(recorded * 80 + word);
        const domain::Item item = mail(name + "@x", "t", text);
        const auto outcome = (*store)->record(recording(item, source, name, text));
        if (!outcome && outcome.error().code != "file.no_space") ::_exit(3);
        if (!outcome) {
          ++failures;
          --recorded;
        }
      }
      if (recorded < 10) ::_exit(4);
      SearchRequest request;
      request.text = "relleno";
      const auto hits = (*store)->search(request);
      if (!hits || hits->size() != 10) ::_exit(5);
      const auto wrong = (*store)->check(Check::full);
      if (!wrong || !wrong->empty()) ::_exit(6);
    }
    auto again = Store::open(home);
    if (!again) ::_exit(7);
    const auto counts = (*again)->counts();
    if (!counts || counts->items != recorded) ::_exit(8);
    const auto wrong = (*again)->check(Check::full);
    ::_exit(wrong && wrong->empty() ? 0 : 9);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace lar::store
