// Ids to work.
#include "routing.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace expert_stream {
namespace {

TEST(Routing, CoversEveryPlaceOfAStridedMatrixOnce) {
  std::mt19937 random(1);
  for (const int tokens : {1, 2, 17, 4096}) {
    // As argsort leaves them: a view of the first few columns of a wider matrix.
    constexpr int experts = 60;
    constexpr int used = 6;
    std::vector<std::int32_t> matrix(static_cast<std::size_t>(tokens) * experts, -7);
    for (int token = 0; token < tokens; ++token)
      for (int position = 0; position < used; ++position)
        matrix[static_cast<std::size_t>(token * experts + position)] =
            static_cast<std::int32_t>(random() % experts);
    const IdMatrix ids{.data = reinterpret_cast<const char*>(matrix.data()),
                       .positions = used,
                       .tokens = tokens,
                       .position_stride = 4,
                       .token_stride = experts * 4};
    Routing routing;
    ASSERT_TRUE(make_routing(ids, experts, routing));
    std::set<std::pair<int, int>> covered;
    std::set<int> distinct;
    for (std::size_t use = 0; use < routing.uses.size(); ++use) {
      EXPECT_TRUE(distinct.insert(routing.uses[use].expert).second);
      EXPECT_EQ(static_cast<std::size_t>(routing.uses[use].rows), routing.rows[use].size());
      for (const Row& row : routing.rows[use]) {
        EXPECT_EQ(ids.at(row.position, row.token), routing.uses[use].expert);
        EXPECT_TRUE(covered.insert({row.position, row.token}).second);
      }
    }
    EXPECT_EQ(covered.size(), static_cast<std::size_t>(tokens * used));
  }
}

TEST(Routing, RefusesAnExpertThatDoesNotExist) {
  for (const std::int32_t wrong : {-1, 8, 1 << 30}) {
    const std::int32_t ids[] = {0, 7, wrong};
    Routing routing;
    EXPECT_FALSE(make_routing({.data = reinterpret_cast<const char*>(ids),
                               .positions = 3,
                               .tokens = 1,
                               .position_stride = 4,
                               .token_stride = 12},
                              8, routing));
  }
}

}  // namespace
}  // namespace expert_stream
