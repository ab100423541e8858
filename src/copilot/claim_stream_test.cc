#include "copilot/claim_stream.h"

#include <gtest/gtest.h>

#include <vector>

namespace lar::copilot {
namespace {

TEST(ClaimStream, gives_each_claim_when_it_closes_wherever_the_pieces_are_cut) {
  const std::string text =
      R"({"claims":[{"passage":2,"quote":"a \"}{\" b","claim":"uno"}, {"passage":1,"quote":"","claim":"dos"}]})";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    std::vector<RawClaim> claims;
    ClaimStream stream([&](const RawClaim& claim) { claims.push_back(claim); });
    stream.feed(text.substr(0, cut));
    stream.feed(text.substr(cut));
    ASSERT_EQ(claims.size(), 2u) << cut;
    EXPECT_EQ(claims[0].passage, 2);
    EXPECT_EQ(claims[0].quote, "a \"}{\" b");
    EXPECT_EQ(claims[1].claim, "dos");
  }
}

TEST(ClaimStream, passes_over_what_is_not_a_claim) {
  int count = 0;
  ClaimStream stream([&](const RawClaim&) { ++count; });
  stream.feed(R"({"claims":[{"passage":"x","claim":1},{"other":{}},{"passage":1,"claim":"c"})");
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace lar::copilot
