// Reads {"claims":[{"passage":…,"quote":…,"claim":…}, …]} as it streams and gives each claim the
// moment its object closes, so that the first can be shown while the next is still being written.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace lar::copilot {

struct RawClaim {
  int passage = 0;
  std::string quote;
  std::string claim;
};

class ClaimStream {
 public:
  explicit ClaimStream(std::function<void(const RawClaim&)> on_claim)
      : on_claim_(std::move(on_claim)) {}
  // Takes the next piece, cut anywhere. Objects that are not claims are passed over.
  void feed(std::string_view piece);

 private:
  std::function<void(const RawClaim&)> on_claim_;
  std::string object_;  // of the claim being read
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace lar::copilot
