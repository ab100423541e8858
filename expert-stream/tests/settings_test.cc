// The environment.
#include "settings.h"

#include <gtest/gtest.h>

#include <map>

namespace expert_stream {
namespace {

Outcome<Settings> read(const std::map<std::string, std::string>& values) {
  return read_settings([&](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  });
}

TEST(Settings, AreSensibleWithoutAny) {
  Outcome<Settings> settings = read({});
  ASSERT_TRUE(settings);
  EXPECT_FALSE(settings->budget);
  EXPECT_EQ(settings->mode, Mode::cache);
  EXPECT_TRUE(settings->direct);
  EXPECT_GT(settings->policy.half_life, 0);
  EXPECT_EQ(settings->kernels, Kernels::plain);  // the same bits as stock's
}

TEST(Settings, TakeWhatIsAsked) {
  Outcome<Settings> settings = read({{"EXPERT_STREAM_BUDGET", "2G"},
                                     {"EXPERT_STREAM_MODE", "page-cache"},
                                     {"EXPERT_STREAM_IO", "threads"},
                                     {"EXPERT_STREAM_READERS", "12"},
                                     {"EXPERT_STREAM_DIRECT", "0"},
                                     {"EXPERT_STREAM_POLICY", "lru"},
                                     {"EXPERT_STREAM_KERNELS", "repacked"},
                                     {"EXPERT_STREAM_STATE", "/elsewhere"},
                                     {"EXPERT_STREAM_STATS", "/somewhere"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->budget, std::uint64_t{2} << 30);
  EXPECT_EQ(settings->mode, Mode::page_cache);
  EXPECT_EQ(settings->input, Input::threads);
  EXPECT_EQ(settings->readers, 12u);
  EXPECT_FALSE(settings->direct);
  EXPECT_EQ(settings->policy.half_life, 0);
  EXPECT_EQ(settings->statistics_file, "/somewhere");
  EXPECT_EQ(settings->kernels, Kernels::repacked);
  EXPECT_EQ(settings->state_file, "/elsewhere");
}

TEST(Settings, RefuseNonsenseByName) {
  const std::map<std::string, std::string> wrong = {
      {"EXPERT_STREAM_BUDGET", "much"}, {"EXPERT_STREAM_MODE", "fast"},
      {"EXPERT_STREAM_IO", "tape"},     {"EXPERT_STREAM_READERS", "0"},
      {"EXPERT_STREAM_DEPTH", "-3"},    {"EXPERT_STREAM_DIRECT", "yes"},
      {"EXPERT_STREAM_POLICY", "best"}, {"EXPERT_STREAM_ADVICE", "sound"},
      {"EXPERT_STREAM_KERNELS", "own"}};
  for (const auto& [name, value] : wrong) {
    Outcome<Settings> settings = read({{name, value}});
    ASSERT_FALSE(settings) << name;
    EXPECT_NE(settings.error().message.find(name), std::string::npos);
    EXPECT_NE(settings.error().message.find(value), std::string::npos);
  }
}

}  // namespace
}  // namespace expert_stream
