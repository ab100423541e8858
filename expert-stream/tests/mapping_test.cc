// From an address to a file and an offset.
#include "mapping.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace expert_stream {
namespace {

TEST(Mapping, IsReadFromALineOfTheKernels) {
  const auto range = parse_maps_line(
      "7f1c2c000000-7f1c4c021000 r--s 00001000 fe:00 1234567                    /home/a person/big "
      "model.gguf");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->begin, 0x7f1c2c000000u);
  EXPECT_EQ(range->end, 0x7f1c4c021000u);
  EXPECT_EQ(range->offset, 0x1000u);
  EXPECT_EQ(range->inode, 1234567u);
  EXPECT_EQ(range->path, "/home/a person/big model.gguf");
  EXPECT_TRUE(parse_maps_line("7f00-7f10 rw-p 00000000 00:00 0")->path.empty());
  EXPECT_FALSE(parse_maps_line("nonsense"));
  EXPECT_FALSE(parse_maps_line(""));
}

class MappedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    descriptor_ = ::mkstemp(path_);
    ASSERT_EQ(::ftruncate(descriptor_, 16 * 4096), 0);
    address_ =
        static_cast<char*>(::mmap(nullptr, 16 * 4096, PROT_READ, MAP_SHARED, descriptor_, 0));
    ASSERT_NE(address_, MAP_FAILED);
  }
  void TearDown() override {
    ::munmap(address_, 16 * 4096);
    if (descriptor_ >= 0) ::close(descriptor_);
    std::remove(path_);
  }
  char path_[32] = "expert-mapping-XXXXXX";
  int descriptor_ = -1;
  char* address_ = nullptr;
};

TEST_F(MappedFileTest, IsFoundByAnAddressInside) {
  Outcome<MappedRange> range = find_mapping(address_ + 5000, 6000);
  ASSERT_TRUE(range) << range.error().message;
  EXPECT_EQ(range->begin, reinterpret_cast<std::uintptr_t>(address_));
  EXPECT_EQ(range->offset, 0u);
}

TEST_F(MappedFileTest, IsOneAlthoughAdviceSplitIt) {
  ASSERT_EQ(::madvise(address_ + 4 * 4096, 4 * 4096, MADV_RANDOM), 0);
  Outcome<MappedRange> range = find_mapping(address_ + 100, 12 * 4096);
  ASSERT_TRUE(range) << range.error().message;
  EXPECT_GE(range->end, reinterpret_cast<std::uintptr_t>(address_) + 12 * 4096 + 100);
}

TEST_F(MappedFileTest, IsNotFoundForMemory) {
  const std::string memory(100, 'x');
  EXPECT_FALSE(find_mapping(memory.data(), memory.size()));
  EXPECT_FALSE(find_mapping(address_, 17 * 4096));
}

TEST_F(MappedFileTest, KnowsWhatWasGivenBack) {
  Outcome<MappedRange> range = find_mapping(address_, 16 * 4096);
  ASSERT_TRUE(range);
  ASSERT_EQ(::munmap(address_ + 4 * 4096, 2 * 4096), 0);
  // Something else takes the place.
  void* other =
      ::mmap(address_ + 4 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  ASSERT_NE(other, MAP_FAILED);
  const std::vector<MappedRange> parts = still_mapped(*range);
  std::size_t bytes = 0;
  for (const MappedRange& part : parts) {
    bytes += part.end - part.begin;
    EXPECT_EQ(part.offset, part.begin - range->begin);
  }
  EXPECT_EQ(bytes, 14u * 4096);
}

TEST_F(MappedFileTest, OpensTheFileItselfAlthoughItsNameIsGone) {
  Outcome<MappedRange> range = find_mapping(address_, 4096);
  ASSERT_TRUE(range);
  const ino_t inode = range->inode;
  // Another file takes the name; the descriptor that llama.cpp holds still leads to the right one.
  ASSERT_EQ(std::rename(path_, "expert-mapping-moved"), 0);
  std::ofstream(path_) << "another";
  Outcome<ModelFile> by_name = ModelFile::open(*range, false);
  EXPECT_FALSE(by_name);
  EXPECT_NE(by_name.error().message.find("replaced"), std::string::npos);
  std::remove(path_);
  ASSERT_EQ(std::rename("expert-mapping-moved", path_), 0);
  Outcome<ModelFile> again = ModelFile::open(*range, false);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->identity().inode, inode);
  EXPECT_TRUE(again->check_unchanged());
  ASSERT_EQ(::ftruncate(descriptor_, 4096), 0);
  EXPECT_FALSE(again->check_unchanged());
}

}  // namespace
}  // namespace expert_stream
