// Both readers deliver every byte asked for, in whatever order, and say which read failed.
#include "reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <map>
#include <string>

namespace expert_stream {
namespace {

using Make = std::function<std::unique_ptr<Reader>()>;

class ReaderTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Reader> make() {
    if (std::string(GetParam()) == "threads") return make_thread_reader(4);
    Outcome<std::unique_ptr<Reader>> reader = make_uring_reader(8);
    return reader ? std::move(*reader) : nullptr;
  }
};

TEST_P(ReaderTest, DeliversWhatWasAskedFor) {
  std::unique_ptr<Reader> reader = make();
  if (reader == nullptr) GTEST_SKIP() << "no io_uring here";
  char name[] = "expert-reader-XXXXXX";
  const int file = ::mkstemp(name);
  ::unlink(name);
  std::string content;
  for (int i = 0; i < 100000; ++i) content += static_cast<char>(i * 31 >> 3);
  ASSERT_EQ(::write(file, content.data(), content.size()), static_cast<ssize_t>(content.size()));

  std::vector<std::string> places(200, std::string(777, '\0'));
  std::vector<ReadRequest> requests;
  for (std::size_t i = 0; i < places.size(); ++i)
    requests.push_back({.descriptor = file,
                        .offset = i * 480,
                        .destination = places[i].data(),
                        .length = places[i].size(),
                        .tag = i});
  requests.push_back(
      {.descriptor = -1, .offset = 0, .destination = places[0].data(), .length = 1, .tag = 999});
  reader->submit(requests);
  std::map<std::uint64_t, std::int64_t> results;
  std::vector<ReadResult> landed;
  while (reader->in_flight() > 0) {
    landed.clear();
    ASSERT_TRUE(reader->collect(Reader::Wait::block, landed));
    ASSERT_FALSE(landed.empty());
    for (const ReadResult& result : landed)
      ASSERT_TRUE(results.emplace(result.tag, result.result).second);
  }
  ASSERT_EQ(results.size(), 201u);
  EXPECT_EQ(results[999], -EBADF);
  for (std::size_t i = 0; i < places.size(); ++i) {
    EXPECT_EQ(results[i], 777);
    EXPECT_EQ(places[i], content.substr(i * 480, 777));
  }
  ::close(file);
}

TEST_P(ReaderTest, EndsWithReadsUnderWay) {
  std::unique_ptr<Reader> reader = make();
  if (reader == nullptr) GTEST_SKIP() << "no io_uring here";
  const int file = ::open("/proc/self/exe", O_RDONLY);
  std::vector<std::string> places(64, std::string(4096, '\0'));
  std::vector<ReadRequest> requests;
  for (std::size_t i = 0; i < places.size(); ++i)
    requests.push_back({.descriptor = file,
                        .offset = 0,
                        .destination = places[i].data(),
                        .length = 4096,
                        .tag = i});
  reader->submit(requests);
  reader.reset();
  ::close(file);
}

INSTANTIATE_TEST_SUITE_P(Both, ReaderTest, ::testing::Values("uring", "threads"));

}  // namespace
}  // namespace expert_stream
