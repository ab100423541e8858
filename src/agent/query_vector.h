// The vector of a question, for a search by meaning.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace lar::agent {

struct QueryVector {
  std::vector<float> values;
  std::string space;  // as Engines::embed_space() names it
};

// Nothing where no model embeds or the one that should does not answer: a search still finds by
// words then. The only error is `cancelled`.
base::Result<std::optional<QueryVector>> query_vector(engine::Engines& engines,
                                                      const std::string& text,
                                                      std::stop_token stop);

}  // namespace lar::agent
