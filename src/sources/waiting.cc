// A wait on a condition that never comes: only the clock and the stop request end it.
#include "sources/waiting.h"

#include <condition_variable>
#include <mutex>

#include "sources/pipeline.h"

namespace lar::sources {

base::Status sleep(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  if (stop.stop_requested()) return fail_cancelled();
  return {};
}

}  // namespace lar::sources
