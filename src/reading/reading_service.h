// The Reading service: a pool of confined lar-read processes that do all parsing of foreign bytes.
//
// A request is sent length-prefixed on the worker's standard input, with a read-only file
// descriptor beside it (SCM_RIGHTS); answers come back as frames of JSON lines, each of which is
// validated. A worker has no network, no file system, limited memory and time; one that overstays
// is killed and only its file fails. Thread-safe: `read` blocks until a worker is free.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "domain/item.h"

namespace lar::reading {

struct Limits {
  std::chrono::milliseconds time{20'000};  // per file
  std::size_t memory_bytes = 768u << 20;   // address space beyond the program's own
  std::size_t output_bytes = 256u << 20;   // of frames
};

struct Options {
  std::string worker_program;  // path of lar-read; empty: beside the running program
  int workers = 2;
  Limits limits;
};

struct Request {
  int descriptor = -1;  // read-only, stays the caller's; `offset`/`length` select a range of it
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string name;  // as readers::Input
  std::string media_type;
  std::string path;
  base::Microseconds modified = 0;
  std::string owner_zone = "UTC";
  base::Microseconds horizon_begin = 0;
  base::Microseconds horizon_end = 0;
  bool details = false;  // of mails: domain::MailDetails too
};

struct Reading {
  std::string producer;  // reader's name
  int producer_version = 0;
  std::vector<domain::Item> items;
};

class ReadingService {
 public:
  static base::Result<std::unique_ptr<ReadingService>> start(Options options);
  virtual ~ReadingService() = default;
  // Errors: reading.unsupported (no reader for it), reading.timeout, reading.memory,
  // reading.crashed (with {name}), and what the reader itself reports (pdf.encrypted, docx.corrupt
  // …).
  virtual base::Result<Reading> read(const Request& request, std::stop_token stop) = 0;
  // Names and versions of all readers of the worker program: to find what must be read again.
  virtual std::vector<std::pair<std::string, int>> readers() const = 0;
  // True if a reader exists for such a file name.
  virtual bool can_read(std::string_view name) const = 0;
};

}  // namespace lar::reading
