#include "engine/reading_pace.h"

#include <gtest/gtest.h>

#include <random>

namespace lar::engine {
namespace {

// An engine that takes `fixed` seconds for a piece and `a_token` for each of its tokens, both times
// `noise` at most.
struct SimulatedEngine {
  double fixed, a_token, noise = 1;
  std::mt19937 random{7};

  double read(ReadingPace& pace) {
    const auto tokens = static_cast<double>(pace.piece());
    const double factor = std::uniform_real_distribution<>(1, noise)(random);
    const double seconds = (fixed + a_token * tokens) * factor;
    pace.note(static_cast<int>(tokens), seconds);
    return seconds;
  }
};

TEST(ReadingPace, a_piece_is_what_is_read_in_the_time_that_a_person_may_wait) {
  ReadingPace pace;
  EXPECT_EQ(pace.piece(), 16U);
  EXPECT_EQ(pace.speed(), 0);
  SimulatedEngine engine{0.002, 1.0 / 300};
  for (int piece = 0; piece < 20; ++piece) engine.read(pace);
  EXPECT_NEAR(static_cast<double>(pace.piece()), 29, 4);
  EXPECT_NEAR(pace.speed(), 294, 15);
}

TEST(ReadingPace, a_slow_engine_reads_short_pieces) {
  ReadingPace pace;
  SimulatedEngine engine{0.01, 0.03};
  for (int piece = 0; piece < 20; ++piece) engine.read(pace);
  EXPECT_EQ(pace.piece(), 4U);
}

TEST(ReadingPace, a_piece_does_not_shrink_where_that_shortens_no_wait) {
  ReadingPace pace;
  SimulatedEngine engine{0.8, 0.002};
  for (int piece = 0; piece < 20; ++piece) engine.read(pace);
  double read = 0, seconds = 0, longest = 0;
  for (int piece = 0; piece < 60; ++piece) {
    read += static_cast<double>(pace.piece());
    const double took = engine.read(pace);
    seconds += took;
    longest = std::max(longest, took);
  }
  EXPECT_GT(read / seconds, 60);  // pieces of 4 tokens: 5 tokens a second
  EXPECT_LT(longest, 2);
}

TEST(ReadingPace, pieces_are_short_again_when_the_cores_are_free) {
  ReadingPace pace;
  SimulatedEngine engine{0.8, 0.002};
  for (int piece = 0; piece < 40; ++piece) engine.read(pace);
  engine.fixed = 0.005;
  for (int piece = 0; piece < 15; ++piece) engine.read(pace);
  for (int piece = 0; piece < 40; ++piece) EXPECT_LT(engine.read(pace), 0.25);
}

TEST(ReadingPace, noise_makes_no_long_pieces) {
  ReadingPace pace;
  SimulatedEngine engine{0.005, 1.0 / 250, 1.6};
  for (int piece = 0; piece < 20; ++piece) engine.read(pace);
  double seconds = 0;
  for (int piece = 0; piece < 200; ++piece) {
    const double took = engine.read(pace);
    seconds += took;
    EXPECT_LT(took, 0.6);
  }
  EXPECT_LT(seconds / 200, 0.26);
}

}  // namespace
}  // namespace lar::engine
