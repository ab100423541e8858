// Budgets of a day, by a fixed clock.
#include "engine/budget.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace lar::engine {
namespace {
namespace fs = std::filesystem;

class BudgetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "lar-budget-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    home = name;
    at("2026-05-14T23:00:00+02:00");
  }
  void TearDown() override {
    base::Clock::fix(std::nullopt, std::nullopt);
    fs::remove_all(home);
  }
  static void at(const char* time) {
    base::Clock::fix(base::parse_rfc3339(time).value(), "Europe/Madrid");
  }
  void limit(const std::string& lines) { std::ofstream(home + "/background.toml") << lines; }
  static void work(Budget& budget, int tokens) {
    Budget::Stretch stretch(&budget);
    stretch.count_tokens(tokens);
  }
  std::string home;
};

TEST_F(BudgetTest, without_limits_everything_may_begin_and_is_counted) {
  Budget budget(home);
  work(budget, 1000);
  work(budget, 500);
  EXPECT_TRUE(budget.admit());
  EXPECT_EQ(budget.status().used.tokens, 1500);
  EXPECT_EQ(budget.status().limit.tokens, 0);
}

TEST_F(BudgetTest, what_is_spent_stops_work_until_the_owners_next_day) {
  limit("tokens_per_day = 100\n");
  Budget budget(home);
  work(budget, 99);
  EXPECT_TRUE(budget.admit());
  work(budget, 1);
  const auto refused = budget.admit();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().describe(), "engine.over_budget{limit=100, unit=tokens}");
  EXPECT_EQ(refused.error().retry, base::Retry::later);
  at("2026-05-15T00:00:01+02:00");
  EXPECT_TRUE(budget.admit());
  EXPECT_EQ(budget.status().used.tokens, 0);
}

TEST_F(BudgetTest, a_restart_forgives_nothing_and_a_new_limit_counts_at_once) {
  {
    Budget budget(home);
    work(budget, 60);
    work(budget, 60);
  }
  Budget budget(home);
  EXPECT_EQ(budget.status().used.tokens, 120);
  EXPECT_TRUE(budget.admit());
  limit("tokens_per_day = 120\n");
  EXPECT_FALSE(budget.admit());
  limit("tokens_per_day = ");
  EXPECT_EQ(budget.admit().error().code, "toml.malformed");
}

}  // namespace
}  // namespace lar::engine
