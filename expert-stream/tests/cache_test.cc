// The cache's bookkeeping against a plain model of it, under random histories.
#include "cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>
#include <set>

namespace expert_stream {
namespace {

TEST(Cache, EvictsTheLeastRecentlyUsedAsAPlainListDoes) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    const int groups = 1 + static_cast<int>(random() % 4);
    const int experts = 4 + static_cast<int>(random() % 12);
    const int used = 1 + static_cast<int>(random() % 3);
    const int slots = used + static_cast<int>(random() % 20);
    ExpertCache cache({.groups = groups, .experts = experts, .slots = slots}, {});
    // The model: keys in order of use, oldest first; those of one visit in any order among
    // themselves.
    std::map<std::pair<int, int>, int> used_at;
    for (int visit = 0; visit < 400; ++visit) {
      const int group = visit % groups;
      std::set<int> chosen;
      while (static_cast<int>(chosen.size()) < used)
        chosen.insert(static_cast<int>(random()) % experts < 0
                          ? 0
                          : static_cast<int>(random() % static_cast<unsigned>(experts)));
      cache.visit(group);
      for (const int expert : chosen) cache.touch(group, expert, 1);
      std::vector<int> pinned;
      for (const int expert : chosen)
        if (const int slot = cache.find(group, expert); slot != ExpertCache::none) {
          ASSERT_TRUE(used_at.count({group, expert}));
          cache.pin(slot);
          pinned.push_back(slot);
          used_at[{group, expert}] = visit;
        } else {
          ASSERT_FALSE(used_at.count({group, expert}));
        }
      for (const int expert : chosen) {
        if (cache.find(group, expert) != ExpertCache::none) continue;
        const bool full = static_cast<int>(used_at.size()) == slots;
        std::set<std::pair<int, int>> before;
        for (const auto& [key, when] : used_at) before.insert(key);
        const int slot = cache.take(group, expert);
        ASSERT_NE(slot, ExpertCache::none);
        cache.pin(slot);
        pinned.push_back(slot);
        if (full) {
          int oldest = visit;
          for (const auto& [key, when] : used_at) oldest = std::min(oldest, when);
          std::vector<std::pair<int, int>> gone;
          for (const auto& key : before)
            if (cache.find(key.first, key.second) == ExpertCache::none) gone.push_back(key);
          ASSERT_EQ(gone.size(), 1u);
          EXPECT_EQ(used_at[gone[0]], oldest);
          used_at.erase(gone[0]);
        }
        used_at[{group, expert}] = visit;
      }
      for (const int slot : pinned) cache.unpin(slot);
      ASSERT_TRUE(cache.is_consistent());
    }
  }
}

TEST(Cache, NeverGivesAwayWhatIsPinnedOrBeingReadInto) {
  std::mt19937 random(5);
  ExpertCache cache({.groups = 2, .experts = 16, .slots = 6},
                    {.half_life = 32, .last_use_bonus = 9});
  std::map<int, std::pair<int, int>> pinned;
  std::map<int, std::pair<int, int>> loading;
  const auto holds = [&](const std::map<int, std::pair<int, int>>& kept) {
    return std::all_of(kept.begin(), kept.end(), [&](const auto& entry) {
      const ExpertCache::Slot& slot = cache.slot(entry.first);
      return slot.group == entry.second.first && slot.expert == entry.second.second;
    });
  };
  for (int step = 0; step < 20000; ++step) {
    const int group = static_cast<int>(random() % 2);
    const int expert = static_cast<int>(random() % 16);
    cache.visit(group);
    cache.touch(group, expert, 1 + static_cast<int>(random() % 5));
    int slot = cache.find(group, expert);
    if (slot == ExpertCache::none) slot = cache.take(group, expert);
    if (slot == ExpertCache::none) {
      EXPECT_EQ(pinned.size() + loading.size() >= 6, true);
    } else if (random() % 2 == 0 && !pinned.count(slot)) {
      cache.pin(slot);
      pinned[slot] = {group, expert};
    } else if (!loading.count(slot) && cache.slot(slot).present == 0) {
      cache.begin_loading(slot, 1);
      loading[slot] = {group, expert};
    }
    if (!pinned.empty() && random() % 3 == 0) {
      cache.unpin(pinned.begin()->first);
      pinned.erase(pinned.begin());
    }
    if (!loading.empty() && random() % 3 == 0) {
      cache.end_loading(loading.begin()->first, 1, random() % 2 == 0);
      loading.erase(loading.begin());
    }
    ASSERT_TRUE(holds(pinned));
    ASSERT_TRUE(holds(loading));
    ASSERT_TRUE(cache.is_consistent());
  }
}

TEST(Cache, KeepsTheLatestVisitsExpertsOverOlderMoreFrequentOnes) {
  ExpertCache cache({.groups = 1, .experts = 8, .slots = 3},
                    {.half_life = 32, .last_use_bonus = 9});
  const auto use = [&](std::vector<int> experts) {
    cache.visit(0);
    for (const int expert : experts) cache.touch(0, expert, 1);
    for (const int expert : experts)
      if (cache.find(0, expert) == ExpertCache::none) {
        for (const int other : experts)
          if (const int slot = cache.find(0, other); slot != ExpertCache::none) cache.pin(slot);
        cache.take(0, expert);
        for (const int other : experts)
          if (const int slot = cache.find(0, other);
              slot != ExpertCache::none && cache.slot(slot).pins > 0)
            cache.unpin(slot);
      }
  };
  for (int i = 0; i < 10; ++i) use({0, 1});
  use({2});
  use({3});  // one of 0, 1 has to go: 2 was used at the visit before, but not at this one
  EXPECT_EQ(cache.find(0, 2), ExpertCache::none);
  EXPECT_NE(cache.find(0, 0), ExpertCache::none);
  EXPECT_NE(cache.find(0, 1), ExpertCache::none);
  EXPECT_NE(cache.find(0, 3), ExpertCache::none);
}

TEST(Cache, LetsGoFirstOfWhatPassedThrough) {
  ExpertCache cache({.groups = 1, .experts = 8, .slots = 2}, {});
  for (const int expert : {0, 1}) {
    cache.visit(0);
    cache.touch(0, expert, 1);
    cache.take(0, expert);
  }
  cache.demote(cache.find(0, 1));  // used later than 0, but only passing
  cache.visit(0);
  cache.touch(0, 2, 1);
  cache.take(0, 2);
  EXPECT_NE(cache.find(0, 0), ExpertCache::none);
  EXPECT_EQ(cache.find(0, 1), ExpertCache::none);
}

TEST(Cache, ForgetsEarlyCountsSoonerWhileItKnowsLittle) {
  // Expert 0 is used three times, then the others in turn: with a share of the history as half-life
  // the early count does not outlast the many later visits, with the whole half-life it does.
  for (const double share : {0.0, 0.25}) {
    ExpertCache cache({.groups = 1, .experts = 8, .slots = 3},
                      {.half_life = 32, .share_of_history = share});
    const auto use = [&](int expert) {
      cache.visit(0);
      cache.touch(0, expert, 1);
      if (cache.find(0, expert) == ExpertCache::none) cache.take(0, expert);
    };
    for (int i = 0; i < 3; ++i) use(0);
    for (int i = 0; i < 6; ++i) use(1 + i % 3);
    EXPECT_EQ(cache.find(0, 0) != ExpertCache::none, share == 0.0);
  }
}

TEST(Cache, RanksRecalledExpertsAsTheRunBeforeDid) {
  const CacheShape shape{.groups = 2, .experts = 16, .slots = 6};
  const PolicySettings policy{.half_life = 32, .share_of_history = 0.25, .last_use_bonus = 9};
  std::mt19937 random(5);
  ExpertCache before(shape, policy);
  for (int i = 0; i < 200; ++i) {
    before.visit(i % 2);
    before.touch(i % 2, static_cast<int>(std::min(random() % 16, random() % 16)), 1);
  }
  const std::vector<ExpertCache::Memory> memories = before.memories();
  ASSERT_GT(memories.size(), 10u);
  for (std::size_t i = 1; i < memories.size(); ++i)
    EXPECT_GE(memories[i - 1].score, memories[i].score);
  ExpertCache after(shape, policy);
  after.recall(memories, before.tokens_seen());
  const std::vector<ExpertCache::Memory> again = after.memories();
  ASSERT_EQ(again.size(), memories.size());
  for (std::size_t i = 0; i < again.size(); ++i) {
    EXPECT_EQ(again[i].group, memories[i].group);
    EXPECT_EQ(again[i].expert, memories[i].expert);
    EXPECT_DOUBLE_EQ(again[i].score, memories[i].score);
  }
  EXPECT_EQ(after.tokens_seen(), before.tokens_seen());
}

}  // namespace
}  // namespace expert_stream
