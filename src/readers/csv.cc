// Tables in text: CSV (RFC 4180) and its relatives with semicolons or tabs. One table, row by row,
// with the header row kept near.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

// The sign that parts most cells of the first line outside quotes; a comma where none does.
char separator_of(std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\n'));
  char best = ',';
  std::ptrdiff_t best_count = 0;
  for (const char candidate : std::array{',', ';', '\t'}) {
    const std::ptrdiff_t count = std::count(first.begin(), first.end(), candidate);
    if (count > best_count) {
      best = candidate;
      best_count = count;
    }
  }
  return best;
}

std::vector<std::vector<std::string>> rows_of(std::string_view text, char separator) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false;
  for (size_t position = 0; position < text.size(); ++position) {
    const char letter = text[position];
    std::string& cell = rows.back().back();
    if (quoted) {
      if (letter != '"') {
        cell += letter == '\n' ? ' ' : letter;
      } else if (position + 1 < text.size() && text[position + 1] == '"') {
        cell += '"';
        ++position;
      } else {
        quoted = false;
      }
    } else if (letter == '"' && base::trim(cell).empty()) {
      quoted = true;
      cell.clear();
    } else if (letter == separator) {
      rows.back().emplace_back();
    } else if (letter == '\n') {
      rows.emplace_back(1);
    } else {
      cell += letter;
    }
  }
  std::erase_if(rows, [](const std::vector<std::string>& row) {
    return std::all_of(row.begin(), row.end(),
                       [](const std::string& cell) { return base::trim(cell).empty(); });
  });
  return rows;
}

base::Result<std::vector<domain::Item>> read_csv(const Input& input) {
  domain::Item item = document_item(input);
  const std::string text = decode_text(input.bytes, {});
  PartBuilder builder;
  builder.add_table(rows_of(text, separator_of(text)), domain::SegmentKind::table);
  item.parts.push_back(builder.finish());
  item.parts.back().media_type = "text/csv";
  complete(item);
  std::vector<domain::Item> items;
  items.push_back(std::move(item));
  return items;
}

}  // namespace

Reader csv_reader() {
  return {"csv", 1, {"text/csv", "text/tab-separated-values"}, {"csv", "tsv"}, &read_csv};
}

}  // namespace lar::readers
