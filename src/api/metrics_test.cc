// The figures as a reader of Prometheus' text format 0.0.4 takes them: one that is stricter than
// Prometheus, as it wants every figure to be described before.
#include "api/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace lar::api {
namespace {

struct Read {
  std::map<std::string, std::string> types;
  std::map<std::string, double> values;  // by name and labels as written
  std::vector<std::string> faults;
};

// The family a figure belongs to: a histogram's has three sorts of names.
std::string family_of(const Read& read, const std::string& name) {
  if (read.types.contains(name)) return name;
  for (const std::string ending : {"_bucket", "_sum", "_count"}) {
    if (!name.ends_with(ending)) continue;
    const std::string family = name.substr(0, name.size() - ending.size());
    const auto found = read.types.find(family);
    if (found != read.types.end() && found->second == "histogram") return family;
  }
  return {};
}

Read read_figures(const std::string& text) {
  static const std::regex help(R"(# HELP ([a-z_]+) \S.*)");
  static const std::regex type(R"(# TYPE ([a-z_]+) (counter|gauge|histogram))");
  static const std::regex figure(
      R"re(([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\[\\"n])*"(?:,(?=[a-z])|(?=\})))*\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?))re");
  Read read;
  std::set<std::string> helped;
  std::string last_family;
  std::set<std::string> closed;
  if (!text.ends_with('\n')) read.faults.push_back("no end of the last line");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      if (!helped.insert(match[1]).second) read.faults.push_back("twice: " + line);
    } else if (std::regex_match(line, match, type)) {
      if (!read.types.emplace(match[1], match[2]).second) read.faults.push_back("twice: " + line);
      if (!helped.contains(match[1])) read.faults.push_back("no help: " + line);
    } else if (std::regex_match(line, match, figure)) {
      const std::string name = match[1], family = family_of(read, name);
      if (family.empty()) read.faults.push_back("no type: " + line);
      if (family != last_family && !closed.insert(family).second) {
        read.faults.push_back("not together: " + line);
      }
      last_family = family;
      if (read.types[family] == "counter" && !name.ends_with("_total")) {
        read.faults.push_back("a counter's name: " + line);
      }
      if (!read.values.emplace(name + match[2].str(), std::stod(match[3])).second) {
        read.faults.push_back("twice: " + line);
      }
    } else {
      read.faults.push_back(line);
    }
  }
  return read;
}

TEST(Metrics, every_line_is_one_that_prometheus_reads) {
  Metrics metrics;
  ServedCall call;
  call.client = "editor";
  call.route = "/v1/chat/completions";
  call.role = "chat";
  call.status = 200;
  call.tokens_in = 4;
  call.tokens_out = 6;
  call.first_byte_ms = 30;
  call.total_ms = 400'000;
  call.beyond_tools = true;
  metrics.add(call);
  call.total_ms = 1;
  metrics.add(call);
  engine::EngineStatus engine;
  engine.state = engine::EngineState::ready;
  engine.pid = 7;
  engine.memory_bytes = 1 << 30;
  engine::BackgroundStatus background;
  background.used = {12'000'000, 1.5, 3};
  background.limit.tokens = 50'000'000;
  engine::KeptStatus kept;
  kept.files = 2;
  kept.restored_tokens = 5'000'000'000;
  const std::string text = metrics.text({engine}, {{"chat", 1}}, background, kept);
  const Read read = read_figures(text);
  EXPECT_TRUE(read.faults.empty()) << ::testing::PrintToString(read.faults) << text;
  const auto value = [&](const std::string& name) {
    const auto found = read.values.find(name);
    return found == read.values.end() ? std::optional<double>() : found->second;
  };
  EXPECT_EQ(value("lar_kept_prompts"), 2);
  EXPECT_EQ(value("lar_kept_prompts_restored_tokens_total"), 5e9);
  EXPECT_EQ(value("lar_background_used_today{unit=\"minutes\"}"), 1.5);
  EXPECT_EQ(value("lar_background_used_today{unit=\"tokens\"}"), 12e6);
  EXPECT_EQ(value("lar_background_used_today{unit=\"watt_hours\"}"), std::nullopt)
      << "this machine does not tell";
  EXPECT_EQ(value("lar_background_limit_a_day{unit=\"tokens\"}"), 50e6);
  EXPECT_EQ(value("lar_background_limit_a_day{unit=\"minutes\"}"), std::nullopt);
  // Buckets hold what is below them, and the last all.
  const std::string route = "route=\"/v1/chat/completions\"";
  EXPECT_EQ(value("lar_request_seconds_bucket{" + route + ",le=\"0.005\"}"), 1);
  EXPECT_EQ(value("lar_request_seconds_bucket{" + route + ",le=\"300\"}"), 1);
  EXPECT_EQ(value("lar_request_seconds_bucket{" + route + ",le=\"+Inf\"}"), 2);
  EXPECT_EQ(value("lar_request_seconds_count{" + route + "}"), 2);
}

TEST(Metrics, the_reader_finds_faults) {
  for (const char* text : {"lar_x 1\n", "# HELP lar_x X.\n# TYPE lar_x gauge\nlar_x{a=\"b} 1\n",
                           "# HELP lar_x X.\n# TYPE lar_x gauge\nlar_x 1\nlar_x 1\n",
                           "# HELP lar_x X.\n# TYPE lar_x gauge\nlar_x nothing\n",
                           "# HELP lar_x X.\n# TYPE lar_x counter\nlar_x 1\n"}) {
    EXPECT_FALSE(read_figures(text).faults.empty()) << text;
  }
}

}  // namespace
}  // namespace lar::api
