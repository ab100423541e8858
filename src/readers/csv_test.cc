#include <gtest/gtest.h>

#include "readers/reader.h"

namespace lar::readers {
namespace {

domain::Item read(std::string_view bytes, std::string name = "gastos.csv") {
  const Input input{.bytes = bytes, .name = name, .path = name};
  const Reader* reader = find_reader(input);
  EXPECT_NE(reader, nullptr);
  EXPECT_EQ(reader->name, "csv");
  auto items = reader->read(input);
  EXPECT_TRUE(items.has_value());
  return items->front();
}

TEST(Csv, cells_stay_beside_their_row) {
  const auto item = read("Fecha;Concepto;Importe\r\n03/02/2026;Luz;61,20 €\r\n");
  EXPECT_NE(item.parts[0].text.find("03/02/2026 | Luz | 61,20 €"), std::string::npos);
  EXPECT_EQ(item.passages.size(), 1u);
}

TEST(Csv, quotes_may_hold_separators_line_ends_and_quotes) {
  const auto item = read("name,note\nAna,\"says \"\"hello\"\",\ntwice\"\n");
  EXPECT_NE(item.parts[0].text.find("Ana | says \"hello\", twice"), std::string::npos);
}

TEST(Csv, an_unclosed_quote_loses_nothing) {
  const auto item = read("a,b\n\"open,1\n2,3");
  EXPECT_NE(item.parts[0].text.find("open,1 2,3"), std::string::npos);
}

TEST(Csv, tabs_are_known_by_name_and_by_sight) {
  EXPECT_NE(read("a\tb\n1\t2", "t.tsv").parts[0].text.find("1 | 2"), std::string::npos);
}

}  // namespace
}  // namespace lar::readers
