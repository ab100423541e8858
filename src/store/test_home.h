// What the store's tests share: a home in a temporary folder and small items to put into it.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/home.h"

namespace lar::store {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lar-store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// 2026-05-14 08:00 UTC.
constexpr Microseconds may_14 = 1'778'745'600'000'000;

inline domain::Item mail(const std::string& message_id, const std::string& title,
                         const std::string& text, std::vector<std::string> references = {}) {
  domain::Item item;
  item.kind = domain::ItemKind::mail;
  item.external_id = message_id;
  item.title = title;
  item.when = domain::Instant{may_14, "Europe/Madrid"};
  item.references = std::move(references);
  item.people = {{domain::PersonRole::from, "Lucía Peña", "lucia@casa.example"},
                 {domain::PersonRole::to, "Tomás Ibarra", "tomas@casa.example"}};
  domain::TextPart part;
  part.id = "1";
  part.media_type = "text/plain";
  part.text = text;
  part.segments = {{domain::SegmentKind::text, 0, text.size(), 0, 1, {}}};
  item.parts = {part};
  domain::Passage passage;
  passage.locator.part = "1";
  passage.locator.end = text.size();
  passage.text = text;
  item.passages = {passage};
  return item;
}

// A part of several passages, one per line.
inline void set_lines(domain::Item& item, const std::vector<std::string>& lines) {
  item.parts.front().text.clear();
  item.passages.clear();
  for (const std::string& line : lines) {
    domain::Passage passage;
    passage.locator.part = item.parts.front().id;
    passage.locator.begin = item.parts.front().text.size();
    passage.locator.end = passage.locator.begin + line.size();
    passage.text = line;
    item.parts.front().text += line + "\n";
    item.passages.push_back(passage);
  }
  item.parts.front().segments = {
      {domain::SegmentKind::text, 0, item.parts.front().text.size(), 0, 1, {}}};
}

inline domain::Item document(const std::string& path, const std::string& text) {
  domain::Item item = mail(path, path, text);
  item.kind = domain::ItemKind::document;
  item.people.clear();
  return item;
}

inline Recording recording(const domain::Item& item, const Id& source, const std::string& uid,
                           std::string_view original = {}) {
  Recording result;
  result.item = &item;
  result.placement.source = source;
  result.placement.uid = uid;
  result.placement.fingerprint = uid;
  result.original = original;
  result.producer = "test";
  result.producer_version = 1;
  return result;
}

// The value of a Result that has to succeed.
template <typename T>
T must(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().describe();
    std::abort();
  }
  return std::move(*result);
}
inline void must(const base::Status& status) {
  ASSERT_TRUE(status.has_value()) << status.error().describe();
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() { open(); }

  void open() {
    store.reset();
    store = must(Store::open(folder.path() + "/home"));
  }
  Id add_source(const std::string& name) {
    Source source;
    source.kind = "maildir";
    source.name = name;
    source.location = "/" + name;
    source.settings = "{}";
    return must(store->add_source(source)).id;
  }
  RecordOutcome record(const domain::Item& item, const Id& source, const std::string& uid,
                       std::string_view original = {}) {
    return must(store->record(recording(item, source, uid, original)));
  }
  std::vector<Hit> search(const std::string& text) {
    SearchRequest request;
    request.text = text;
    return must(store->search(request));
  }
  std::vector<std::string> titles(const SearchRequest& request) {
    std::vector<std::string> result;
    for (const Hit& hit : must(store->search(request))) result.push_back(hit.title);
    return result;
  }
  std::vector<std::string> titles(const std::string& text) {
    SearchRequest request;
    request.text = text;
    return titles(request);
  }
  std::vector<std::string> faults() { return must(store->check(Check::full)); }

  // Rows of every table, seen from outside, with the store closed.
  std::map<std::string, std::int64_t> rows() {
    store.reset();
    std::map<std::string, std::int64_t> result;
    auto connection = must(Connection::open(folder.path() + "/home/lar.db", Access::write));
    std::vector<std::string> tables;
    {
      Statement all = connection->query(
          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
      while (must(all.step())) tables.push_back(all.string(0));
    }
    for (const std::string& table : tables) {
      result[table] = must(connection->number("SELECT count(*) FROM \"" + table + "\""));
    }
    connection.reset();
    open();
    return result;
  }
  std::size_t blob_files() {
    std::size_t count = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder.path() + "/home/blobs")) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }

  TemporaryFolder folder;
  std::unique_ptr<Store> store;
};

}  // namespace lar::store
