// Gives every passage its vector, in the background, newest items first. The backlog is a question
// to the store (which passages have none), so nothing is lost when lar stops. Yields to a waiting
// person: no batch is begun while somebody asks. When a new model is to take over, everything is
// embedded with it too, behind what is new in the old space; then the spaces change at once and the
// old vectors go.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/result.h"
#include "engine/engine.h"
#include "store/store.h"

namespace lar::agent {

class Embedder {
 public:
  Embedder(store::Store& store, engine::Engines& engines) : store_(store), engines_(engines) {}

  // Begins to follow the backlog on a thread of its own.
  void start(std::function<void()> changed);
  void wake();
  void stop();

  // Embeds the whole backlog on the calling thread, or waits until the background thread has.
  base::Status finish(const std::function<void(const store::VectorProgress&)>& progress,
                      std::stop_token stop);

  // While one of these lives, the background embeds nothing; a batch under way is given up and made
  // again later.
  class Pause {
   public:
    explicit Pause(Embedder& embedder);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Embedder& embedder_;
  };

  std::optional<base::Error> last_error();

 private:
  // One batch; false when there is none left or no model.
  base::Result<bool> step(std::stop_token stop);
  enum class Space { current, next };
  base::Result<bool> step_in(Space which, const std::string& space, std::stop_token stop);

  store::Store& store_;
  engine::Engines& engines_;
  std::mutex step_mutex_;  // one batch at a time
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool wanted_ = true;
  std::stop_source batch_;  // ends the batch under way
  std::optional<base::Error> error_;
  std::atomic<int> paused_{0};
  std::function<void()> on_change_;
  std::jthread thread_;
};

}  // namespace lar::agent
