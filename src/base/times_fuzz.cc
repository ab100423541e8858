// Fuzzes what lar itself reads in texts of strangers: times, clock times, percent encoding. What is
// found lies inside the text, in order.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/percent.h"
#include "base/text.h"
#include "base/time_expression.h"

namespace {

template <typename Expression>
void check(const std::vector<Expression>& found, std::size_t size) {
  std::size_t end = 0;
  for (const Expression& expression : found) {
    if (expression.begin < end || expression.end <= expression.begin || expression.end > size) {
      std::abort();
    }
    end = expression.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lar::base;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (percent_decode(percent_encode(bytes)) != bytes) std::abort();
  (void)percent_decode(bytes);
  const std::string text = clean_utf8(bytes);
  for (const TimeDirection direction :
       {TimeDirection::any, TimeDirection::past, TimeDirection::future}) {
    const auto found = find_time_expressions(text, Date{2026, 2, 28}, direction);
    check(found, text.size());
    for (const TimeExpression& expression : found) {
      if (expression.last < expression.first) std::abort();
    }
  }
  check(find_clock_times(text), text.size());
  return 0;
}
