// Asks the embedding engine on the calling thread. No state.
#include "agent/query_vector.h"

namespace lar::agent {

base::Result<std::optional<QueryVector>> query_vector(engine::Engines& engines,
                                                      const std::string& text,
                                                      std::stop_token stop) {
  const std::string space = engines.embed_space();
  if (space.empty() || text.empty()) return std::nullopt;
  auto vectors = engines.embed(engine::EmbedKind::query, {{"", text}}, stop);
  if (!vectors && vectors.error().kind == base::ErrorKind::cancelled) {
    return tl::unexpected<base::Error>(std::move(vectors.error()));
  }
  if (!vectors || vectors->empty()) return std::nullopt;
  return QueryVector{std::move(vectors->front()), space};
}

}  // namespace lar::agent
