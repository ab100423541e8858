// How fast an engine reads prompts in pieces, and how long the next piece is to be.
#pragma once

#include <cstddef>
#include <mutex>

namespace lar::engine {

// A person who asks waits for the piece that is being read. Reading one costs a part that does not
// depend on its length and a part for each token; the first is small on an idle machine and large
// where other programs use the cores. Safe to use from several threads.
class ReadingPace {
 public:
  // Counts a piece of `tokens` tokens read in `seconds`; a very short one tells nothing.
  void note(int tokens, double seconds);

  // Tokens of the next piece: what is read in piece_seconds, or more where nearly all of that time
  // would be the part that every piece costs, since then a shorter piece holds up nobody less.
  std::size_t piece() const;

  // Tokens a second; 0: not known.
  double speed() const;

  // How long one piece may hold up a person. They wait for half of it on average, which is to be
  // little beside the time that their own question takes.
  static constexpr double piece_seconds = 0.1;

 private:
  mutable std::mutex mutex_;
  // Sums over the pieces, where each piece counts less than the one after it.
  double weight_ = 0, tokens_ = 0, seconds_ = 0, tokens_squared_ = 0, tokens_seconds_ = 0;
  double fixed_share_ = 0;  // of a piece's time, as last told by pieces of different lengths
};

}  // namespace lar::engine
