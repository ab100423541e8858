// Runs every *.scenario beside this file: real sources, real readers, the real store. The format,
// one step per line:
//
//   # comment
//   now 2026-05-14T09:30:00+02:00 Europe/Madrid
//   file PATH [crlf]              followed by its lines, each after "| "
//   append PATH [crlf]            the same
//   delete PATH     move FROM TO
//   source NAME KIND PATH         describes and stores a source
//   sync NAME [added N] [changed N] [removed N] [unchanged N] [failed N] [read N] [notice CODE]
//   sync NAME fails CODE
//   restart                       closes the store and opens it again
//   search WORDS => ID …          exactly these items are found, in any order; "none" for none
//   events FROM TO => N           occurrences in the store, dates in the zone of `now`
//   items N
//   origin ID LABEL               the item is labelled as coming from there
//
// Paths are relative to a fresh folder; every file gets a time of its own. Each scenario ends with
// a full check of the store.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"
#include "sources/testing.h"

namespace lar::sources::testing {
namespace {

class Scenario {
 public:
  explicit Scenario(const fs::path& script) : script_(script) {}
  ~Scenario() { base::Clock::fix(std::nullopt, std::nullopt); }

  void run() {
    std::ifstream file(script_);
    ASSERT_TRUE(file) << script_;
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].empty() || lines[i].starts_with('#')) continue;
      std::string content;
      const bool crlf = lines[i].ends_with(" crlf");
      std::size_t next = i + 1;
      for (; next < lines.size() && lines[next].starts_with("|"); ++next) {
        content += lines[next].size() > 2 ? lines[next].substr(2) : "";
        content += crlf ? "\r\n" : "\n";
      }
      SCOPED_TRACE(script_.filename().string() + ":" + std::to_string(i + 1) + ": " + lines[i]);
      step(lines[i], content);
      if (::testing::Test::HasFatalFailure()) return;
      i = next - 1;
    }
    home_.expect_sound();
  }

 private:
  void step(const std::string& line, const std::string& content) {
    std::istringstream words(line);
    std::string what;
    std::string first;
    std::string second;
    words >> what;
    if (what == "file" || what == "append") {
      words >> first;
      // A later step has a later time.
      seconds_ago_ -= 10;
      what == "file" ? files_.write(first, content, seconds_ago_)
                     : files_.append(first, content, seconds_ago_);
    } else if (what == "delete") {
      words >> first;
      files_.remove(first);
    } else if (what == "move") {
      words >> first >> second;
      files_.rename(first, second);
    } else if (what == "now") {
      words >> first >> second;
      const auto time = base::parse_rfc3339(first);
      ASSERT_TRUE(time);
      base::Clock::fix(*time, second);
    } else if (what == "source") {
      std::string path;
      words >> first >> second >> path;
      sources_[first] = home_.add(second, files_.path(path));
    } else if (what == "sync") {
      words >> first;
      ASSERT_TRUE(sources_.contains(first)) << "no source of that name";
      sync(sources_[first], words);
    } else if (what == "restart") {
      home_.open();
    } else if (what == "search") {
      search(line.substr(7));
    } else if (what == "events") {
      std::string arrow;
      std::size_t expected = 0;
      words >> first >> second >> arrow >> expected;
      const auto after = base::parse_date(first);
      const auto before = base::parse_date(second);
      ASSERT_TRUE(after && before);
      const std::string zone = base::Clock::zone();
      const auto found = home_.store->occurrences(base::from_local({*after}, zone),
                                                  base::from_local({*before}, zone));
      ASSERT_TRUE(found) << found.error().describe();
      EXPECT_EQ(found->size(), expected);
    } else if (what == "origin") {
      words >> first >> second;
      const auto found = home_.store->find_item(first);
      ASSERT_TRUE(found && *found);
      const auto stored = home_.store->item(**found);
      ASSERT_TRUE(stored) << stored.error().describe();
      EXPECT_EQ(domain::name_of(stored->item.origin), second);
    } else if (what == "items") {
      std::int64_t expected = -1;
      words >> expected;
      EXPECT_EQ(home_.items(), expected);
    } else {
      FAIL() << "unknown step";
    }
  }

  void sync(const store::Source& source, std::istringstream& words) {
    const auto report = home_.try_sync(source);
    std::string key;
    while (words >> key) {
      if (key == "fails") {
        std::string code;
        words >> code;
        ASSERT_FALSE(report);
        EXPECT_EQ(report.error().code, code);
        return;
      }
      ASSERT_TRUE(report) << report.error().describe();
      if (key == "notice") {
        std::string code;
        words >> code;
        EXPECT_TRUE(has_notice(*report, code));
        continue;
      }
      const std::map<std::string, std::int64_t> counts{
          {"added", report->added},     {"changed", report->changed},
          {"removed", report->removed}, {"unchanged", report->unchanged},
          {"failed", report->failed},   {"read", home_.reading.reads.load()}};
      std::int64_t expected = -1;
      words >> expected;
      ASSERT_TRUE(counts.contains(key)) << key;
      EXPECT_EQ(counts.at(key), expected) << key;
    }
    ASSERT_TRUE(report) << report.error().describe();
  }

  void search(const std::string& line) {
    const auto arrow = line.find(" => ");
    ASSERT_NE(arrow, std::string::npos);
    store::SearchRequest request;
    request.text = line.substr(0, arrow);
    request.limit = 50;
    request.one_per_thread = false;
    const auto hits = home_.store->search(request);
    ASSERT_TRUE(hits) << hits.error().describe();
    std::set<std::string> found;
    for (const store::Hit& hit : *hits) found.insert(hit.external_id);
    std::set<std::string> expected;
    std::istringstream ids(line.substr(arrow + 4));
    for (std::string id; ids >> id;) {
      if (id != "none") expected.insert(id);
    }
    EXPECT_EQ(found, expected);
  }

  fs::path script_;
  TempFolder files_;
  Home home_;
  std::map<std::string, store::Source> sources_;
  int seconds_ago_ = 100'000;
};

class Scenarios : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenarios, hold) { Scenario(fs::path(LAR_SCENARIOS) / (GetParam() + ".scenario")).run(); }

std::vector<std::string> all_scenarios() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(LAR_SCENARIOS)) {
    if (entry.path().extension() == ".scenario") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, Scenarios, ::testing::ValuesIn(all_scenarios()),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace lar::sources::testing
