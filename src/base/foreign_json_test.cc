// JSON of others: its depth is limited, nothing else of it is.
#include "base/foreign_json.h"

#include <gtest/gtest.h>

#include <string>

namespace lar::base {
namespace {

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

TEST(ForeignJson, takes_what_is_as_deep_as_allowed_and_nothing_deeper) {
  EXPECT_FALSE(foreign_json(nested(deepest_json)).is_discarded());
  EXPECT_TRUE(foreign_json(nested(deepest_json + 1)).is_discarded());
  EXPECT_TRUE(foreign_ordered_json(nested(deepest_json + 1)).is_discarded());
  EXPECT_TRUE(foreign_json(nested(1'000'000)).is_discarded());
  std::string objects, ends;
  for (std::size_t level = 0; level <= deepest_json; ++level) {
    objects += R"({"a":)";
    ends += '}';
  }
  EXPECT_TRUE(foreign_json(objects + "1" + ends).is_discarded());
}

TEST(ForeignJson, brackets_in_strings_and_one_after_another_are_no_depth) {
  const std::string text = R"(["\"\\)" + std::string(1000, '[') + R"("])";
  EXPECT_EQ(foreign_json(text)[0], "\"\\" + std::string(1000, '['));
  std::string many = "[";
  for (int count = 0; count < 1000; ++count) many += "[{}],";
  EXPECT_EQ(foreign_json(many + "0]").size(), 1001U);
}

TEST(ForeignJson, malformed_text_is_discarded) {
  for (const char* text : {"", "[", "\"", "\"\\", "{]", "]", "nul"}) {
    EXPECT_TRUE(foreign_json(text).is_discarded()) << text;
  }
}

TEST(ForeignJson, the_order_of_keys_is_kept_where_asked) {
  EXPECT_EQ(foreign_ordered_json(R"({"b":1,"a":2})").begin().key(), "b");
}

}  // namespace
}  // namespace lar::base
