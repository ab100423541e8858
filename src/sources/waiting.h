// Sleeping that a stop request ends at once, for sources that look at the outside now and then.
// Any thread.
#pragma once

#include <chrono>
#include <stop_token>

#include "base/result.h"

namespace lar::sources {

// Errors: sync.cancelled.
base::Status sleep(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace lar::sources
