#include "os/watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

namespace lar::os {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class WatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "lar-watch-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = fs::canonical(name);
    options_.debounce = milliseconds(20);
    options_.poll_interval = milliseconds(50);
  }
  void TearDown() override {
    thread_ = {};
    fs::remove_all(root_);
  }

  void begin(const std::vector<std::string>& roots) {
    thread_ = std::jthread([this, roots](std::stop_token stop) {
      const auto ended = watch(
          roots, options_,
          [this](const Changes& changes) {
            const std::lock_guard lock(mutex_);
            all_ = all_ || changes.extent == Extent::all;
            paths_.insert(paths_.end(), changes.paths.begin(), changes.paths.end());
            ++reports_;
            something_.notify_all();
          },
          [this](WatchMode mode) {
            const std::lock_guard lock(mutex_);
            mode_ = mode;
            something_.notify_all();
          },
          stop);
      EXPECT_TRUE(ended);
    });
    EXPECT_TRUE(eventually([this] { return mode_.has_value(); }));
  }

  template <typename Predicate>
  bool eventually(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return something_.wait_for(lock, std::chrono::seconds(20), predicate);
  }
  bool told(const std::string& name) {
    return eventually([&] {
      return all_ ||
             std::find(paths_.begin(), paths_.end(), (root_ / name).string()) != paths_.end();
    });
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    all_ = false;
    paths_.clear();
  }
  void write(const std::string& name, const std::string& text = "x") {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }

  fs::path root_;
  WatchOptions options_;
  std::mutex mutex_;
  std::condition_variable something_;
  bool all_ = false;
  std::vector<std::string> paths_;
  int reports_ = 0;
  std::optional<WatchMode> mode_;
  std::jthread thread_;
};

TEST_F(WatchTest, changes_of_files_are_told_by_name) {
  write("a.txt");
  begin({root_.string()});
  EXPECT_EQ(mode_, WatchMode::notified);
  write("a.txt", "changed");
  EXPECT_TRUE(told("a.txt"));
  EXPECT_FALSE(all_);
  clear();
  fs::remove(root_ / "a.txt");
  EXPECT_TRUE(told("a.txt"));
}

TEST_F(WatchTest, many_changes_at_once_come_as_one) {
  options_.debounce = milliseconds(300);
  begin({root_.string()});
  for (int i = 0; i < 50; ++i) write("file" + std::to_string(i));
  EXPECT_TRUE(told("file49"));
  EXPECT_EQ(reports_, 1);
  EXPECT_EQ(paths_.size(), 50u);
}

TEST_F(WatchTest, new_folders_are_watched_too) {
  begin({root_.string()});
  fs::create_directories(root_ / "one/two");
  EXPECT_TRUE(eventually([this] { return all_; }));
  clear();
  write("one/two/deep.txt");
  EXPECT_TRUE(told("one/two/deep.txt"));
}

TEST_F(WatchTest, a_file_replaced_by_renaming_is_noticed_and_its_neighbours_are_not) {
  write("box");
  begin({(root_ / "box").string()});
  write("neighbour");
  write("box.new", "new text");
  fs::rename(root_ / "box.new", root_ / "box");
  EXPECT_TRUE(told("box"));
  for (const std::string& path : paths_) EXPECT_EQ(path, (root_ / "box").string());
}

TEST_F(WatchTest, a_root_may_go_and_come_back) {
  fs::create_directories(root_ / "docs");
  begin({(root_ / "docs").string()});
  fs::rename(root_ / "docs", root_ / "away");
  EXPECT_TRUE(eventually([this] { return all_; }));
  clear();
  write("docs/a.txt");
  EXPECT_TRUE(eventually([this] { return all_; }));
  clear();
  write("docs/b.txt");
  EXPECT_TRUE(told("docs/b.txt"));
}

TEST_F(WatchTest, a_root_that_comes_later_is_noticed) {
  begin({(root_ / "later").string()});
  write("later/a.txt");
  EXPECT_TRUE(eventually([this] { return all_; }));
}

TEST_F(WatchTest, without_enough_watches_it_looks_by_itself) {
  for (const char* folder : {"a", "b", "c", "d"}) fs::create_directories(root_ / folder);
  options_.most_watches = 3;
  begin({root_.string()});
  EXPECT_TRUE(eventually([this] { return mode_ == WatchMode::polling; }));
  write("d/file.txt");
  EXPECT_TRUE(eventually([this] { return all_; }));
}

TEST_F(WatchTest, the_limit_reached_later_loses_nothing) {
  options_.most_watches = 3;
  begin({root_.string()});
  EXPECT_EQ(mode_, WatchMode::notified);
  for (const char* folder : {"a", "b", "c", "d"}) write(std::string(folder) + "/x.txt");
  EXPECT_TRUE(eventually([this] { return mode_ == WatchMode::polling && all_; }));
  clear();
  write("d/y.txt");
  EXPECT_TRUE(eventually([this] { return all_; }));
}

TEST_F(WatchTest, what_does_not_matter_is_not_told) {
  fs::create_directories(root_ / "node_modules");
  options_.unwatched = [](std::string_view path) {
    return path.ends_with("node_modules") || path.ends_with(".tmp");
  };
  begin({root_.string()});
  write("node_modules/a.txt");
  write("b.tmp");
  write("c.txt");
  EXPECT_TRUE(told("c.txt"));
  EXPECT_EQ(paths_, std::vector<std::string>{(root_ / "c.txt").string()});
}

}  // namespace
}  // namespace lar::os
