#include "agent/query.h"

#include <gtest/gtest.h>

namespace lar::agent {
namespace {

const base::Microseconds now = *base::parse_rfc3339("2026-05-14T09:30:00+02:00");
constexpr std::string_view zone = "Europe/Madrid";

TEST(Query, a_time_becomes_a_range_of_the_owners_days) {
  const Query query = understand("facturas de la semana pasada", now, zone);
  EXPECT_EQ(query.after, *base::parse_rfc3339("2026-05-04T00:00:00+02:00"));
  EXPECT_EQ(query.before, *base::parse_rfc3339("2026-05-11T00:00:00+02:00"));
  EXPECT_EQ(content_words(query.search_text), (std::vector<std::string>{"facturas"}));
  EXPECT_EQ(query.language, base::Language::spanish);
}

TEST(Query, filters_are_taken_out_of_the_text) {
  const Query query = understand("from:ana kind:mail after:2026-01-01 boiler", now, zone);
  EXPECT_EQ(query.person, "ana");
  EXPECT_EQ(query.kind, domain::ItemKind::mail);
  EXPECT_EQ(query.search_text, "boiler");
  EXPECT_TRUE(query.after.has_value());
  EXPECT_FALSE(query.before.has_value());
}

TEST(Query, something_that_only_looks_like_a_filter_stays_text) {
  EXPECT_EQ(understand("ratio 3:2 kind:nothing", now, zone).search_text, "ratio 3:2 kind:nothing");
}

TEST(Query, a_query_of_nothing_but_a_time_keeps_its_words) {
  EXPECT_EQ(understand("mañana", now, zone).search_text, "mañana");
}

}  // namespace
}  // namespace lar::agent
