// Fuzzes what people and programs type into the search: whatever it is, the expression made of it
// is one that SQLite's full text takes.
#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "store/database.h"
#include "store/text_index.h"

namespace {

lar::store::Connection& table() {
  static const auto connection = [] {
    auto opened = lar::store::Connection::open(":memory:", lar::store::Access::write);
    if (!opened ||
        !(*opened)->script("CREATE VIRTUAL TABLE passage_text USING fts5(words, stems, fallback, "
                           "head, content='', tokenize='ascii')")) {
      std::abort();
    }
    return std::move(*opened);
  }();
  return *connection;
}

void look_for(const std::string& match, const std::string& weights) {
  if (match.empty()) return;
  auto found = table().query(
      "SELECT rowid, lar_rank(passage_text, ?2) FROM passage_text WHERE passage_text MATCH ?1",
      match, weights);
  for (;;) {
    const auto row = found.step();
    if (!row) std::abort();
    if (!*row) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lar::store;
  const std::string text =
      lar::base::clean_utf8(std::string_view(reinterpret_cast<const char*>(data), size));
  const IndexedText indexed = index_text(text, "es");
  if (!table().run("INSERT INTO passage_text(rowid, words, stems, fallback, head) "
                   "VALUES(1, ?1, ?2, ?3, ?4)",
                   indexed.words, indexed.stems, indexed.fallback, index_head(text, text))) {
    std::abort();
  }
  const TextQuery query = text_query(text, {text});
  look_for(query.match, query.weights);
  if (!table().run("INSERT INTO passage_text(passage_text) VALUES('delete-all')")) std::abort();
  return 0;
}
