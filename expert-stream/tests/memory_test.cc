// How much memory there is, from made-up kernels.
#include "memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace expert_stream {
namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

class MachineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ =
        std::filesystem::temp_directory_path() / ("expert-machine-" + std::to_string(::getpid()));
    put("/proc/meminfo", "MemTotal: 33554432 kB\nMemFree: 1000 kB\nMemAvailable:   16777216 kB\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path file(root_.string() + path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::filesystem::path root_;
};

TEST_F(MachineTest, IsWhatTheKernelSaysWithoutGroups) {
  EXPECT_EQ(read_memory(root_).usable(), 16 * gib);
}

TEST_F(MachineTest, IsCutByTheTightestGroupOfVersion2AndCountsPageCacheAsFree) {
  put("/proc/self/cgroup", "0::/user/model\n");
  put("/sys/fs/cgroup/user/model/memory.max", "max\n");
  put("/sys/fs/cgroup/user/memory.max", std::to_string(6 * gib));
  put("/sys/fs/cgroup/user/memory.current", std::to_string(5 * gib));
  put("/sys/fs/cgroup/user/memory.stat", "anon 1\ninactive_file " + std::to_string(3 * gib) +
                                             "\nactive_file " + std::to_string(gib) + "\n");
  EXPECT_EQ(read_memory(root_).usable(), 5 * gib);
}

TEST_F(MachineTest, IsCutByAGroupOfVersion1) {
  put("/proc/self/cgroup", "7:cpu,cpuacct:/\n4:memory:/box\n");
  put("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", std::to_string(3 * gib));
  put("/sys/fs/cgroup/memory/box/memory.usage_in_bytes", std::to_string(gib));
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(read_memory(root_).usable(), 2 * gib);
}

TEST(Budget, LeavesRoomForDenseWeightsAndAReserve) {
  const std::uint64_t budget = choose_budget({.available = 16 * gib, .group_left = {}}, 2 * gib);
  EXPECT_LT(budget, 14 * gib);
  EXPECT_GT(budget, 12 * gib);
  EXPECT_EQ(choose_budget({.available = gib, .group_left = {}}, 2 * gib), 0u);
}

TEST(Size, IsReadInTheUsualUnits) {
  EXPECT_EQ(parse_size("6G"), 6 * gib);
  EXPECT_EQ(parse_size("1.5GiB"), 3 * gib / 2);
  EXPECT_EQ(parse_size("512m"), gib / 2);
  EXPECT_EQ(parse_size("4096"), 4096u);
  for (const char* nonsense : {"", "G", "six", "-1G", "1X", "1GG"})
    EXPECT_FALSE(parse_size(nonsense)) << nonsense;
}

}  // namespace
}  // namespace expert_stream
