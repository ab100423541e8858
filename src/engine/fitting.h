// What engines were seen to take of memory at their starts, and plans made by that instead of by
// estimates. What a file says of a model leaves out what an engine adds: its buffers to compute, a
// second copy of the embeddings as output head on a GPU, keys and values of odd architectures. Each
// start tells it; so a plan that uses a GPU is started for trial before anybody is served by it,
// corrected by what was seen, and started again where that changes the choice (`-ngl`,
// `--n-cpu-moe`, context, type of keys and values, slots), a few times at most. Kept in HOME/fits
// by model file, engine program and devices, so that this happens once. Pure, but for kept_fit(),
// keep_trial(), forget_failures() (files) and settle_by_trials() (starts engines).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/memory_plan.h"

namespace lar::engine {

struct Backend;

// One start of an engine.
struct Trial {
  // The choice, as in EnginePlan.
  int gpu_layers = 0, cpu_expert_layers = 0, context = 0, slots = 1;
  KvType kv = KvType::f16;
  bool streams = false;
  bool started = false;
  std::int64_t gpu_free = 0;   // of the GPU with most, before it
  std::int64_t gpu_bytes = 0;  // that the plan gave it there
  // What it said it takes: "model", "KV", "compute" …; the place is "RAM" or a GPU's name.
  std::vector<EnginePlan::Measured> buffers;
};

// All that is known of one model at one engine program on these devices, oldest first.
struct Fit {
  std::vector<Trial> trials;
};

Trial trial_of(const EnginePlan& plan, bool started, std::vector<EnginePlan::Measured> buffers,
               const std::vector<Device>& devices);
bool is_choice(const Trial& trial, const EnginePlan& plan);
// Whether the plan's choice was seen to start; to fail. A failure says nothing once the GPU has
// clearly more free than then.
bool has_started(const Fit& fit, const EnginePlan& plan);
bool has_failed(const Fit& fit, const EnginePlan& plan, const std::vector<Device>& devices);

// The wish with what has been seen in the place of estimates. After a failure no more is put on a
// GPU than what has started before; where nothing has, ever less than what failed, and at last
// nothing.
PlanWish corrected(const PlanWish& wish, const Fit& fit, const std::vector<Device>& devices);

Fit kept_fit(const std::string& home, const std::string& key);
// A file that cannot be written costs a trial at the next start, nothing else.
void keep_trial(const std::string& home, const std::string& key, const Trial& trial);

// The owner wants it tried anew: what failed is forgotten. False where nothing had.
bool forget_failures(const std::string& home, const std::string& key);

// What an engine that runs has said of its memory, by the names of the plan's devices.
std::vector<EnginePlan::Measured> buffers_of(const Backend& backend,
                                             const std::vector<Device>& devices);

// Gives a backend whose plan has been seen to start, as far as it uses a GPU; it runs. `remake`:
// the backend planned anew by what has been kept. The last one is given as it is where no plan
// stands: its first call tells why.
std::shared_ptr<Backend> settle_by_trials(
    const std::string& home, std::shared_ptr<Backend> backend,
    const std::function<base::Result<std::shared_ptr<Backend>>()>& remake, std::stop_token stop);

}  // namespace lar::engine
