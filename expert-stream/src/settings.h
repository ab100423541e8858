// What the environment asks for. Read once when the plug-in is loaded; a value that makes no sense
// stops it with a sentence rather than being ignored.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cache.h"
#include "outcome.h"

namespace expert_stream {

enum class Mode {
  cache,  // experts in memory of our own
  // Rivals, for measuring: experts used where llama.cpp has them mapped, so that the kernel's page
  // cache holds them. Loaded as ever without reading ahead.
  page_cache,   // told what will be needed as soon as it is known
  page_faults,  // left to page faults, with the access pattern given by `advice`
};
enum class Advice { random, normal };
enum class Input { automatic, uring, threads };
// How products of many rows are computed: with ggml's kernels for weights as they lie in the file,
// or repacked on the way into the layouts of ggml's faster kernels, which round differently.
// Automatic: repacked where llama.cpp repacks too (that is, unless it runs with --no-repack).
enum class Kernels { automatic, plain, repacked };

struct Settings {
  std::optional<std::uint64_t> budget;  // EXPERT_STREAM_BUDGET
  Mode mode = Mode::cache;              // EXPERT_STREAM_MODE = cache | page-cache | page-faults
  Advice advice = Advice::random;       // EXPERT_STREAM_ADVICE = random | normal, without a cache
  Input input = Input::automatic;       // EXPERT_STREAM_IO = uring | threads
  unsigned readers = 8;                 // EXPERT_STREAM_READERS, of threads
  unsigned depth = 64;                  // EXPERT_STREAM_DEPTH, of the ring
  bool direct = true;                   // EXPERT_STREAM_DIRECT = 1 | 0
  // EXPERT_STREAM_POLICY = frequency | lru; the numbers come from tools/simulate.cc, see NOTES.md.
  PolicySettings policy{.half_life = 64, .share_of_history = 0.25, .last_use_bonus = 9};
  Kernels kernels = Kernels::plain;  // EXPERT_STREAM_KERNELS = plain | repacked | auto
  std::string state_file;            // EXPERT_STREAM_STATE: what is in memory, kept for next time
  bool huge_pages = false;           // EXPERT_STREAM_HUGE = 1 | 0; off: see NOTES.md
  std::string statistics_file;       // EXPERT_STREAM_STATS
  std::string statistics_socket;     // EXPERT_STREAM_SOCKET
  bool quiet = false;                // EXPERT_STREAM_QUIET: only errors are printed
};

using Environment = std::function<const char*(const char*)>;
Outcome<Settings> read_settings(const Environment& environment);

}  // namespace expert_stream
