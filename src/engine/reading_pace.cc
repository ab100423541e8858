#include "engine/reading_pace.h"

#include <algorithm>

namespace lar::engine {
namespace {

constexpr double first_piece = 16;  // tokens, before the engine's speed is known
constexpr double least_piece = 4;
constexpr double largest_piece = 512;
constexpr int telling_tokens = 4;
// What a piece counts when the next one has been read.
constexpr double remembered = 0.75;
// Lengths that differ by less than this share of their mean do not tell the two parts apart.
constexpr double telling_spread = 0.2;
// The fixed part is forgotten slowly while all pieces have one length, so that shorter ones are
// tried again.
constexpr double kept_share = 0.97;
constexpr double largest_share = 0.95;
// A piece may take this many times its fixed part.
constexpr double worth = 1.5;

}  // namespace

void ReadingPace::note(int tokens, double seconds) {
  if (tokens < telling_tokens || seconds <= 0) return;
  const std::lock_guard lock(mutex_);
  for (double* sum : {&weight_, &tokens_, &seconds_, &tokens_squared_, &tokens_seconds_}) {
    *sum *= remembered;
  }
  const double length = tokens;
  weight_ += 1;
  tokens_ += length;
  seconds_ += seconds;
  tokens_squared_ += length * length;
  tokens_seconds_ += length * seconds;

  const double mean_tokens = tokens_ / weight_;
  const double variance = tokens_squared_ / weight_ - mean_tokens * mean_tokens;
  const double told_apart = telling_spread * mean_tokens;
  if (variance < told_apart * told_apart) {
    fixed_share_ *= kept_share;
    return;
  }
  const double mean_seconds = seconds_ / weight_;
  const double a_token = (tokens_seconds_ / weight_ - mean_tokens * mean_seconds) / variance;
  fixed_share_ = std::clamp(1 - a_token * mean_tokens / mean_seconds, 0.0, largest_share);
}

std::size_t ReadingPace::piece() const {
  const std::lock_guard lock(mutex_);
  if (weight_ == 0) return static_cast<std::size_t>(first_piece);
  const double mean_seconds = seconds_ / weight_;
  const double fixed = fixed_share_ * mean_seconds;
  const double a_token = (mean_seconds - fixed) / (tokens_ / weight_);
  const double tokens = (std::max(piece_seconds, worth * fixed) - fixed) / a_token;
  return static_cast<std::size_t>(std::clamp(tokens, least_piece, largest_piece));
}

double ReadingPace::speed() const {
  const std::lock_guard lock(mutex_);
  return weight_ == 0 ? 0 : tokens_ / seconds_;
}

}  // namespace lar::engine
