// Engines whose answers are kept in a folder by the hash of (model, engine, request): evaluations
// can be resumed and repeated without asking the model the same thing twice. Never used in normal
// service.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace lar::engine {

// `identity` names the engine program; it is part of every key. The folder must exist.
std::unique_ptr<Engines> with_answer_cache(std::unique_ptr<Engines> engines, std::string folder,
                                           std::string identity);

}  // namespace lar::engine
