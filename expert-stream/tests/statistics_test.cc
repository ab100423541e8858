// The statistics on a socket and in a file, while they are being counted.
#include "statistics.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace expert_stream {
namespace {

std::string ask(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int peer = ::socket(AF_UNIX, SOCK_STREAM, 0);
  std::string text;
  if (::connect(peer, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(peer, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(peer);
  return text;
}

TEST(Statistics, AreGivenOnASocketAndLeftInAFile) {
  const std::string base = "expert-statistics-" + std::to_string(::getpid());
  auto statistics = std::make_shared<Statistics>();
  statistics->set_groups({"blk.0.exps", "blk.1.exps"}, {4, 2},
                         {{.slots = 3, .expert_bytes = 10, .groups = {"blk.0.exps"}}});
  {
    const StatisticsPublisher publisher(statistics, base + ".json", base + ".sock");
    std::jthread counting([&] {
      for (int i = 0; i < 1000; ++i) {
        statistics->count_use(1, 1);
        statistics->experts_used += 2;
        statistics->experts_hit += 1;
        statistics->visits += 1;
      }
    });
    for (int i = 0; i < 5; ++i)
      EXPECT_NE(ask(base + ".sock").find("\"blk.1.exps\":["), std::string::npos);
    counting.join();
    const std::string text = ask(base + ".sock");
    EXPECT_NE(text.find("\"hit_rate\":0.5,"), std::string::npos) << text;
    EXPECT_NE(text.find("\"blk.1.exps\":[0,1000]"), std::string::npos) << text;
  }
  std::ifstream file(base + ".json");
  std::stringstream left;
  left << file.rdbuf();
  EXPECT_NE(left.str().find("\"visits\":1000,"), std::string::npos);
  EXPECT_NE(::access((base + ".sock").c_str(), F_OK), 0);
  std::remove((base + ".json").c_str());
}

TEST(Statistics, FitInOneLine) {
  Statistics statistics;
  statistics.tokens = 10;
  statistics.experts_used = 100;
  statistics.experts_hit = 75;
  statistics.bytes_read = 50'000'000;
  EXPECT_NE(statistics.summary().find("hit rate 75.0 %, 5.0 MB read per token"), std::string::npos);
}

}  // namespace
}  // namespace expert_stream
