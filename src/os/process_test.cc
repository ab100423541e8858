// Children against the real system.
#include "os/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include "os/file.h"

namespace lar::os {
namespace {

ProcessOptions shell(const std::string& script) {
  return {.arguments = {"/bin/sh", "-c", script}, .environment = {"PATH=/usr/bin:/bin"}};
}

std::string output_of(ProcessOptions options) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  Descriptor in(ends[0]), out(ends[1]);
  options.standard_output = out.get();
  auto process = Process::start(options);
  EXPECT_TRUE(process.has_value());
  out.close();
  std::string text;
  std::array<char, 256> piece{};
  ssize_t count = 0;
  while ((count = ::read(in.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<size_t>(count));
  }
  return text;
}

TEST(Process, gives_the_exit_code) {
  auto process = Process::start(shell("exit 7"));
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->wait_for(std::chrono::seconds(10)), 7);
}

TEST(Process, a_missing_program_is_an_error_not_a_child) {
  const auto process = Process::start({.arguments = {"/no/such/program"}, .environment = {}});
  ASSERT_FALSE(process.has_value());
  EXPECT_EQ(process.error().code, "file.missing");
}

TEST(Process, outlives_the_thread_that_started_it) {
  std::optional<Process> process;
  std::jthread([&] { process = std::move(*Process::start(shell("sleep 30"))); }).join();
  EXPECT_FALSE(process->wait_for(std::chrono::milliseconds(300)).has_value());
  EXPECT_EQ(process->stop(std::chrono::seconds(5)), -SIGTERM);
}

TEST(Process, without_network_cannot_reach_even_loopback) {
  ProcessOptions options = shell(
      "exec /usr/bin/python3 -c 'import socket\ntry:\n"
      " s=socket.socket();s.settimeout(2);s.connect((\"127.0.0.1\",9))\n"
      "except ConnectionRefusedError: print(\"reached\")\n"
      "except OSError: print(\"no network\")'");
  if (access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no python3";
  EXPECT_EQ(output_of(options), "reached\n");
  options.network = Network::none;
  EXPECT_EQ(output_of(options), "no network\n");
}

TEST(Process, sees_no_descriptor_but_those_kept) {
  Descriptor kept(::open("/dev/null", 0)), hidden(::open("/dev/zero", 0));
  ProcessOptions options = shell("ls -l /proc/self/fd");
  options.keep_descriptors = {kept.get()};
  const std::string listing = output_of(options);
  EXPECT_NE(listing.find(std::to_string(kept.get()) + " -> /dev/null"), std::string::npos);
  EXPECT_EQ(listing.find("/dev/zero"), std::string::npos);
}

TEST(Process, a_nice_value_holds_for_every_thread) {
  const char* threads =
      "import "
      "threading,time,os\n[threading.Thread(target=time.sleep,args=(20,),daemon=True).start() "
      "for _ in range(3)]\nos.write(1,b'x')\ntime.sleep(20)";
  if (access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no python3";
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  Descriptor in(ends[0]), out(ends[1]);
  ProcessOptions options{.arguments = {"/usr/bin/python3", "-c", threads}, .environment = {}};
  options.standard_output = out.get();
  auto process = Process::start(options);
  ASSERT_TRUE(process);
  char byte = 0;
  ASSERT_EQ(::read(in.get(), &byte, 1), 1);
  EXPECT_TRUE(set_nice(process->pid(), 10));
  int seen = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process->pid()) + "/task")) {
    EXPECT_EQ(
        getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoul(thread.path().filename().string()))),
        10);
    ++seen;
  }
  EXPECT_EQ(seen, 4);
  EXPECT_FALSE(set_nice(4'000'000, 10));
}

TEST(Process, start_time_tells_a_process_from_another) {
  EXPECT_TRUE(process_start_time(getpid()).has_value());
  EXPECT_FALSE(process_start_time(4'000'000).has_value());
  EXPECT_GT(resident_bytes(getpid()), 0);
}

}  // namespace
}  // namespace lar::os
