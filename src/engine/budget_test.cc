// Budgets of a day, by a fixed clock.
#include "engine/budget.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

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

TEST_F(BudgetTest, a_limit_that_cannot_be_read_is_told_and_not_taken_for_none) {
  Budget budget(home);
  const std::vector<std::string> lines = {"tokens_a_day = 5", "tokens_per_day = \"5\"",
                                          "tokens_per_day = 1.5", "minutes_per_day = -1"};
  for (const std::string& line : lines) {
    limit("# mine\n" + line + "\n");
    const auto refused = budget.admit();
    ASSERT_FALSE(refused) << line;
    EXPECT_EQ(refused.error().describe(),
              "settings.malformed{path=" + home +
                  "/background.toml, line=2, field=" + line.substr(0, line.find(' ')) + "}");
    ASSERT_TRUE(budget.status().error);
    EXPECT_EQ(budget.status().error->code, "settings.malformed");
  }
  limit("minutes_per_day = 30\nwatt_hours_per_day = 1.5\n");
  EXPECT_TRUE(budget.admit()) << "whole numbers do for what may have fractions";
  EXPECT_EQ(budget.status().limit.minutes, 30);
}

TEST_F(BudgetTest, limits_that_are_set_leave_the_rest_of_the_file_as_it_is) {
  const auto file = [&] {
    std::ifstream stream(home + "/background.toml");
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  Budget budget(home);
  ASSERT_TRUE(budget.set_limits({5'000, 0.5, 0}));
  EXPECT_EQ(file(), "tokens_per_day = 5000\nminutes_per_day = 0.5\n");
  limit("# for the nights\ntokens_per_day = 100  # few\n\nminutes_per_day = 30\n");
  ASSERT_TRUE(budget.set_limits({200, 0, 12.25}));
  EXPECT_EQ(file(),
            "# for the nights\ntokens_per_day = 200  # few\n\nwatt_hours_per_day = 12.25\n");
  EXPECT_EQ(budget.status().limit.tokens, 200);
  EXPECT_EQ(budget.status().limit.minutes, 0);
  EXPECT_EQ(budget.status().limit.watt_hours, 12.25);
  work(budget, 200);
  EXPECT_FALSE(budget.admit()) << "they hold at once";
  ASSERT_TRUE(budget.set_limits({}));
  EXPECT_TRUE(budget.admit());
  EXPECT_EQ(file(), "# for the nights\n\n");
  limit("tokens_a_day = 5\n");
  const auto refused = budget.set_limits({1, 1, 1});
  ASSERT_FALSE(refused) << "what cannot be read is the owner's to mend";
  EXPECT_EQ(refused.error().code, "settings.malformed");
  EXPECT_EQ(file(), "tokens_a_day = 5\n");
}

TEST_F(BudgetTest, minutes_are_counted_and_end_work_between_two_of_its_pieces) {
  limit("minutes_per_day = 0.002\n");  // 120 ms
  Budget budget(home);
  Budget::Stretch stretch(&budget);
  EXPECT_TRUE(stretch.go_on());
  std::this_thread::sleep_for(std::chrono::milliseconds(130));
  const auto refused = stretch.go_on();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().describe(), "engine.over_budget{limit=0, unit=min}");
  EXPECT_GE(budget.status().used.minutes, 0.002);
}

TEST_F(BudgetTest, watt_hours_are_counted_though_the_counters_begin_anew) {
  const auto counter = [&](const char* package, std::uint64_t energy) {
    fs::create_directories(home + "/powercap/" + package);
    std::ofstream(home + "/powercap/" + package + "/energy_uj") << energy << "\n";
    std::ofstream(home + "/powercap/" + package + "/max_energy_range_uj")
        << 262'143'328'850 << "\n";
  };
  counter("intel-rapl:0", 262'143'000'000);
  counter("intel-rapl:1", 1'000'000);
  counter("intel-rapl:0:0", 5);  // a part of a package, counted there
  limit("watt_hours_per_day = 2\n");
  Budget budget(home, home + "/powercap");
  EXPECT_TRUE(budget.status().energy_known);
  {
    Budget::Stretch stretch(&budget);
    counter("intel-rapl:0", 3'599'671'150);
    counter("intel-rapl:1", 1'801'000'000);
    counter("intel-rapl:0:0", 1'000'000'000);
    EXPECT_TRUE(stretch.go_on());
    EXPECT_NEAR(budget.status().used.watt_hours, 1.5, 1e-9);
    counter("intel-rapl:0", 5'399'671'150);
  }
  EXPECT_NEAR(budget.status().used.watt_hours, 2.0, 1e-9);
  EXPECT_EQ(budget.admit().error().describe(), "engine.over_budget{limit=2, unit=Wh}");
  Budget without(home, home + "/nowhere");
  EXPECT_FALSE(without.status().energy_known);
}

}  // namespace
}  // namespace lar::engine
