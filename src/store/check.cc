// Looks for faults. Quick: SQLite's own structure, references, and every passage present in the
// full text. Full: also the words of the full text against the passages they came from, every
// stored text against its frame, and every original against its hash.
#include <map>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "store/home.h"

namespace lar::store {

namespace {

constexpr std::size_t most_faults = 100;

class Faults {
 public:
  void add(std::string line) {
    if (lines_.size() < most_faults) lines_.push_back(std::move(line));
  }
  std::vector<std::string> take() && { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

base::Status report_rows(Statement rows, const std::string& what, Faults& faults) {
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    faults.add(what + " " + rows.string(0));
  }
}

// Every token of the index, by column and word, counted against what the passages give.
base::Status check_words(Connection& connection, Faults& faults) {
  std::unordered_map<std::string, std::int64_t> counts;
  const auto count = [&counts](char column, std::string_view tokens) {
    for (const std::string_view token : base::split(tokens, ' ')) {
      if (!token.empty()) ++counts[column + base::lower_ascii(token)];
    }
  };
  Statement passages = connection.query(
      "SELECT p.text, p.part_name, i.language, i.head FROM passage p JOIN item i ON i.key = "
      "p.item");
  for (;;) {
    TRY_ASSIGN(const bool row, passages.step());
    if (!row) break;
    const IndexedText index = index_text(passages.text(0), passages.text(2));
    count('w', index.words);
    count('s', index.stems);
    count('f', index.fallback);
    count('h', index_head(passages.text(3), passages.text(1)));
  }
  TRY(
      connection.run("CREATE VIRTUAL TABLE IF NOT EXISTS temp.text_words USING "
                     "fts5vocab(main, passage_text, col)"));
  std::size_t wrong = 0;
  {
    Statement words = connection.query("SELECT term, col, cnt FROM temp.text_words");
    for (;;) {
      TRY_ASSIGN(const bool row, words.step());
      if (!row) break;
      const std::string_view column = words.text(1);
      const auto found = counts.find(std::string(1, column.front()) + words.string(0));
      if (found == counts.end() || found->second != words.integer(2)) {
        ++wrong;
      } else {
        counts.erase(found);
      }
    }
  }
  wrong += counts.size();
  if (wrong > 0) {
    faults.add("full text: " + std::to_string(wrong) + " words do not agree with the passages");
  }
  return {};
}

base::Status check_parts(Connection& connection, Faults& faults) {
  Statement parts = connection.query("SELECT key, text, segments FROM part");
  for (;;) {
    TRY_ASSIGN(const bool row, parts.step());
    if (!row) return {};
    if (!decompress(parts.blob(1), "part") || !decompress(parts.blob(2), "part")) {
      faults.add("part " + parts.string(0) + ": its text cannot be unpacked");
    }
  }
}

base::Status check_counters(Connection& connection, Faults& faults) {
  return report_rows(
      connection.query("SELECT name FROM source s WHERE items <> "
                       "(SELECT count(DISTINCT item) FROM placement WHERE source = s.key)"),
      "wrong number of items in source", faults);
}

base::Status check_passages(Connection& connection, Faults& faults) {
  return report_rows(
      connection.query("SELECT hex(id) FROM item WHERE key NOT IN (SELECT item FROM placement)"),
      "item without a place:", faults);
}

}  // namespace

base::Result<std::vector<std::string>> check_home(Connection& connection, const Blobs& blobs,
                                                  Check depth) {
  Faults faults;
  // Query-only connections may not make even temporary tables.
  TRY(connection.run("PRAGMA query_only=OFF"));
  const auto checks = [&]() -> base::Status {
    const ReadMoment moment(connection);
    TRY(moment.status());
    {
      Statement rows =
          connection.query(depth == Check::full ? "PRAGMA integrity_check" : "PRAGMA quick_check");
      for (;;) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) break;
        if (rows.text(0) != "ok") faults.add("lar.db: " + rows.string(0));
      }
    }
    TRY(report_rows(connection.query("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check"),
                    "broken references from table", faults));
    TRY(report_rows(connection.query("SELECT key FROM passage EXCEPT "
                                     "SELECT id FROM passage_text_docsize"),
                    "full text: missing passage", faults));
    TRY(report_rows(connection.query("SELECT id FROM passage_text_docsize EXCEPT "
                                     "SELECT key FROM passage"),
                    "full text: passage that is gone:", faults));
    TRY(check_passages(connection, faults));
    TRY(check_counters(connection, faults));
    Statement originals = connection.query("SELECT hash FROM blob");
    for (;;) {
      TRY_ASSIGN(const bool row, originals.step());
      if (!row) break;
      const std::string hash = originals.string(0);
      if (!blobs.has(hash)) {
        faults.add("original missing: " + blobs.path(hash));
      } else if (depth == Check::full) {
        if (const auto bytes = blobs.read(hash); !bytes) {
          faults.add("original damaged: " + blobs.path(hash));
        }
      }
    }
    if (depth == Check::full) {
      TRY(check_parts(connection, faults));
      TRY(check_words(connection, faults));
    }
    return {};
  };
  const base::Status done = checks();
  (void)connection.run("PRAGMA query_only=ON");
  if (!done) {
    // A database too damaged to be read through is a finding, not a failure to look.
    if (done.error().kind != base::ErrorKind::corrupt) {
      return tl::unexpected<base::Error>(done.error());
    }
    faults.add(done.error().describe());
  }
  return std::move(faults).take();
}

}  // namespace lar::store
