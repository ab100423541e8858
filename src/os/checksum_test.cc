#include "os/checksum.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace lar::os {
namespace {

TEST(Checksum, the_examples_of_rfc_3720) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
}

TEST(Checksum, a_sum_goes_on_where_the_bytes_before_ended) {
  std::string bytes;
  for (int at = 0; at < 1000; ++at) bytes += static_cast<char>(at * 7);
  for (const std::size_t cut : {0u, 1u, 7u, 8u, 13u, 999u, 1000u}) {
    EXPECT_EQ(crc32c(bytes.substr(cut), crc32c(bytes.substr(0, cut))), crc32c(bytes)) << cut;
  }
}

TEST(Checksum, a_file_has_the_sum_of_its_bytes) {
  const auto path = std::filesystem::temp_directory_path() / "lar-checksum-test";
  std::string bytes(3'000'001, 'x');
  bytes[2'500'000] = 'y';
  std::ofstream(path, std::ios::binary) << bytes;
  const auto sum = crc32c_file(path);
  ASSERT_TRUE(sum);
  EXPECT_EQ(*sum, crc32c(bytes));
  std::filesystem::remove(path);
  EXPECT_FALSE(crc32c_file(path));
}

}  // namespace
}  // namespace lar::os
