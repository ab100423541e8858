// See routing.h.
#include "routing.h"

namespace expert_stream {

bool make_routing(const IdMatrix& ids, int experts, Routing& routing) {
  routing.uses.clear();
  routing.rows.clear();
  std::vector<int> index(static_cast<std::size_t>(experts), -1);
  for (std::int64_t token = 0; token < ids.tokens; ++token) {
    for (std::int64_t position = 0; position < ids.positions; ++position) {
      const std::int32_t expert = ids.at(position, token);
      if (expert < 0 || expert >= experts) return false;
      int& use = index[static_cast<std::size_t>(expert)];
      if (use < 0) {
        use = static_cast<int>(routing.uses.size());
        routing.uses.push_back({.expert = expert, .rows = 0});
        routing.rows.emplace_back();
      }
      ++routing.uses[static_cast<std::size_t>(use)].rows;
      routing.rows[static_cast<std::size_t>(use)].push_back(
          {.position = static_cast<std::int32_t>(position),
           .token = static_cast<std::int32_t>(token)});
    }
  }
  return true;
}

}  // namespace expert_stream
