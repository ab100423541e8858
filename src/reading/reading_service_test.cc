// The Reading service against the real lar-read: good files, hostile ones, and workers that
// misbehave.
#include "reading/reading_service.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "os/file.h"
#include "os/process.h"

namespace lar::reading {
namespace {

// An anonymous file with these bytes.
os::Descriptor file_of(std::string_view bytes) {
  os::Descriptor file(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return file;
}

std::unique_ptr<ReadingService> service(std::chrono::milliseconds time = std::chrono::seconds(60),
                                        int workers = 1) {
  setenv("LAR_READ_TEST", "1", 1);
  Options options;
  const std::string program = os::program_path();
  options.worker_program = program.substr(0, program.find_last_of('/')) + "/../lar-read";
  options.workers = workers;
  options.limits.time = time;
  auto started = ReadingService::start(options);
  if (!started) {
    ADD_FAILURE() << started.error().describe();
    std::abort();
  }
  return std::move(*started);
}

base::Result<Reading> read(ReadingService& reading, std::string_view bytes, const std::string& name,
                           std::stop_token stop = {}) {
  const os::Descriptor file = file_of(bytes);
  Request request;
  request.descriptor = file.get();
  request.length = bytes.size();
  request.name = name;
  request.path = "folder/" + name;
  request.owner_zone = "Europe/Madrid";
  return reading.read(request, stop);
}

std::string code_of(const base::Result<Reading>& result) {
  return result ? "none" : result.error().code;
}

TEST(ReadingService, a_text_comes_back_as_an_item_with_passages) {
  const auto reading = service();
  const auto result = read(*reading, "El seguro del coche vence el 3 de junio.\n", "nota.txt");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->producer, "text");
  ASSERT_EQ(result->items.size(), 1U);
  EXPECT_EQ(result->items[0].external_id, "folder/nota.txt");
  EXPECT_EQ(result->items[0].language, "es");
  ASSERT_EQ(result->items[0].passages.size(), 1U);
  EXPECT_EQ(result->items[0].passages[0].text, "El seguro del coche vence el 3 de junio.");
}

TEST(ReadingService, only_the_asked_range_is_read) {
  const auto reading = service();
  const os::Descriptor file = file_of("first\nsecond\nthird\n");
  Request request;
  request.descriptor = file.get();
  request.offset = 6;
  request.length = 6;
  request.name = "a.txt";
  const auto result = reading->read(request, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->items[0].passages[0].text, "second");
}

TEST(ReadingService, it_knows_its_readers_and_what_they_can_read) {
  const auto reading = service();
  EXPECT_TRUE(reading->can_read("FACTURA.PDF"));
  EXPECT_TRUE(reading->can_read("a/b/carta.docx"));
  EXPECT_FALSE(reading->can_read("song.mp3"));
  EXPECT_FALSE(reading->can_read("README"));
  bool mime = false;
  for (const auto& [name, version] : reading->readers())
    mime = mime || (name == "mime" && version > 0);
  EXPECT_TRUE(mime);
}

TEST(ReadingService, a_file_nobody_can_read_is_refused_by_name) {
  const auto reading = service();
  const auto result = read(*reading, std::string("\x89PNG\r\n\x1a\n", 8), "foto.xyz");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().describe(), "reading.unsupported{name=foto.xyz}");
}

TEST(ReadingService, after_each_misbehaving_file_the_next_one_is_read) {
  const auto reading = service(std::chrono::milliseconds(5000));
  EXPECT_EQ(code_of(read(*reading, "x", "test-crash")), "reading.crashed");
  EXPECT_TRUE(read(*reading, "after the crash", "a.txt"));
  EXPECT_EQ(code_of(read(*reading, "x", "test-exit")), "reading.crashed");
  EXPECT_TRUE(read(*reading, "after the exit", "a.txt"));
  EXPECT_EQ(code_of(read(*reading, "x", "test-nonsense")), "reading.crashed");
  EXPECT_TRUE(read(*reading, "after the nonsense", "a.txt"));
}

TEST(ReadingService, a_reader_that_hangs_is_killed_and_only_its_file_fails) {
  const auto reading = service(std::chrono::milliseconds(1500));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(read(*reading, "x", "test-hang")), "reading.timeout");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_TRUE(read(*reading, "after the hang", "a.txt"));
}

TEST(ReadingService, a_reader_that_writes_without_end_is_stopped) {
  const auto reading = service();
  EXPECT_EQ(code_of(read(*reading, "x", "test-flood")), "reading.too_large");
  EXPECT_TRUE(read(*reading, "after the flood", "a.txt"));
}

TEST(ReadingService, a_reader_that_allocates_without_bound_fails_alone) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer needs unlimited address space";
#endif
  const auto reading = service();
  EXPECT_EQ(code_of(read(*reading, "x", "test-allocate")), "reading.memory");
  EXPECT_TRUE(read(*reading, "after the hoard", "a.txt"));
}

TEST(ReadingService, a_compromised_reader_finds_every_door_shut) {
  const auto reading = service();
  const auto result = read(*reading, "x", "test-escape");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().describe(), "test.escape{open=}");
}

TEST(ReadingService, a_stop_request_ends_the_wait_at_once) {
  const auto reading = service();
  std::stop_source stop;
  const std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  EXPECT_EQ(code_of(read(*reading, "x", "test-hang", stop.get_token())), "reading.cancelled");
  EXPECT_TRUE(read(*reading, "after the stop", "a.txt"));
}

TEST(ReadingService, many_threads_share_two_workers) {
  const auto reading = service(std::chrono::seconds(60), 2);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int index = 0; index < 6; ++index) {
      threads.emplace_back([&, index] {
        for (int file = 0; file < 10; ++file) {
          const std::string text = "text " + std::to_string(index * 100 + file);
          const auto result = read(*reading, text, "a.txt");
          if (result && result->items[0].parts[0].text == text) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 60);
}

TEST(ReadingService, a_worker_is_renewed_after_many_files) {
  const auto reading = service();
  for (int file = 0; file < 520; ++file) {
    ASSERT_TRUE(read(*reading, "text", "a.txt")) << file;
  }
}

TEST(ReadingService, a_missing_program_is_said_at_the_start) {
  Options options;
  options.worker_program = "/nonexistent/lar-read";
  const auto started = ReadingService::start(options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, "reading.no_worker");
}

TEST(ReadingService, a_file_that_is_no_regular_file_is_refused) {
  const auto reading = service();
  const os::Descriptor folder(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Request request;
  request.descriptor = folder.get();
  request.name = "a.txt";
  EXPECT_EQ(code_of(reading->read(request, {})), "reading.unsupported");
}

}  // namespace
}  // namespace lar::reading
