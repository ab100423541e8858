// Reads from files into memory, many at a time, without a thread of ours where the kernel offers
// that (io_uring), else with a few threads that call pread. One owner: everything but the workers
// inside happens on the thread that computes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "outcome.h"

namespace expert_stream {

struct ReadRequest {
  int descriptor = -1;
  std::uint64_t offset = 0;
  void* destination = nullptr;
  std::size_t length = 0;
  std::uint64_t tag = 0;
};

struct ReadResult {
  std::uint64_t tag = 0;
  std::int64_t result = 0;  // bytes read, which may be fewer than asked for, or -errno
};

class Reader {
 public:
  virtual ~Reader() = default;
  virtual void submit(std::span<const ReadRequest> requests) = 0;
  // Appends what has finished; with `block` waits for one where any is in flight. An error means
  // that the reader itself is broken, not a read.
  enum class Wait { poll, block };
  virtual Outcome<void> collect(Wait wait, std::vector<ReadResult>& results) = 0;
  virtual std::size_t in_flight() const = 0;
  virtual std::string name() const = 0;
};

Outcome<std::unique_ptr<Reader>> make_uring_reader(unsigned depth);
std::unique_ptr<Reader> make_thread_reader(unsigned threads);

}  // namespace expert_stream
