// See fitting.h.
#include "engine/fitting.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "engine/backend.h"
#include "os/file.h"

namespace lar::engine {
using nlohmann::json;
namespace {

constexpr std::size_t most_kept = 8;  // trials of one fit
constexpr int most_plans = 8;         // for one to stand
constexpr const char* ram = "RAM";
// Of what a start that failed was to take on a GPU, what the next one may, after so many failures.
constexpr std::array after_failures = {0.75, 0.5, 0.0};
// By so much more of it must be free for an earlier failure to say nothing.
constexpr double clearly_more = 1.1;

std::int64_t sum_of(const Trial& trial, std::string_view what, const auto& counts) {
  std::int64_t sum = 0;
  for (const auto& buffer : trial.buffers) {
    if (buffer.what == what && counts(buffer.place)) sum += buffer.bytes;
  }
  return sum;
}

std::int64_t most_gpu_free(const std::vector<Device>& devices) {
  std::int64_t most = 0;
  for (std::size_t index = 1; index < devices.size(); ++index) {
    most = std::max(most, devices[index].free);
  }
  return most;
}

bool still_counts(const Trial& failed, const std::vector<Device>& devices) {
  return static_cast<double>(most_gpu_free(devices)) <=
         static_cast<double>(failed.gpu_free) * clearly_more;
}

// Later starts come after earlier ones and count for more.
void take_sizes(PlanWish& wish, const Trial& trial) {
  const auto anywhere = [](const std::string&) { return true; };
  const std::int64_t tokens = std::int64_t{trial.context} * trial.slots;
  if (const std::int64_t kv = sum_of(trial, "KV", anywhere); kv > 0 && tokens > 0) {
    wish.shape.token_bytes = kv_as_halves(trial.kv, kv) / tokens;
    wish.measured = true;
  }
  // A GPU computes in other buffers than the processor.
  std::int64_t computing = 0;
  for (const auto& buffer : trial.buffers) {
    if ((buffer.place == ram) != (trial.gpu_layers == 0)) continue;
    const auto here = [&](const std::string& place) { return place == buffer.place; };
    computing = std::max(computing, sum_of(trial, "compute", here));
  }
  if (computing > 0) {
    (trial.gpu_layers == 0 ? wish.computing_bytes : wish.gpu_computing_bytes) = computing;
    wish.measured = true;
  }
  // Only a start with all layers on the GPU shows what comes with the last of them.
  const std::int64_t weights =
      sum_of(trial, "model", [](const std::string& place) { return place != ram; });
  if (trial.gpu_layers > wish.shape.layers && weights > 0) {
    wish.gpu_extra_bytes =
        weights - gpu_weights(wish.shape, trial.gpu_layers, trial.cpu_expert_layers, trial.streams);
    wish.measured = true;
  }
}

json json_of(const Trial& trial) {
  json buffers = json::array();
  for (const auto& buffer : trial.buffers) {
    buffers.push_back({{"what", buffer.what}, {"place", buffer.place}, {"bytes", buffer.bytes}});
  }
  return {{"gpu_layers", trial.gpu_layers}, {"cpu_expert_layers", trial.cpu_expert_layers},
          {"context", trial.context},       {"slots", trial.slots},
          {"kv", name_of(trial.kv)},        {"streams", trial.streams},
          {"started", trial.started},       {"gpu_free", trial.gpu_free},
          {"gpu_bytes", trial.gpu_bytes},   {"buffers", std::move(buffers)}};
}

Trial trial_from(const json& value) {
  Trial trial;
  trial.gpu_layers = value.at("gpu_layers");
  trial.cpu_expert_layers = value.at("cpu_expert_layers");
  trial.context = value.at("context");
  trial.slots = value.at("slots");
  trial.kv = value.at("kv") == name_of(KvType::q8_0) ? KvType::q8_0 : KvType::f16;
  trial.streams = value.at("streams");
  trial.started = value.at("started");
  trial.gpu_free = value.at("gpu_free");
  trial.gpu_bytes = value.at("gpu_bytes");
  for (const json& buffer : value.at("buffers")) {
    trial.buffers.push_back({buffer.at("what"), buffer.at("place"), buffer.at("bytes")});
  }
  return trial;
}

std::string file_of(const std::string& home, const std::string& key) {
  return home + "/fits/" + key + ".json";
}

void keep(const std::string& home, const std::string& key, const Fit& fit) {
  json list = json::array();
  for (const Trial& one : fit.trials) list.push_back(json_of(one));
  if (!os::make_folders(home + "/fits")) return;
  (void)os::write_file_atomically(file_of(home, key), json{{"trials", list}}.dump(1) + "\n");
}

}  // namespace

Trial trial_of(const EnginePlan& plan, bool started, std::vector<EnginePlan::Measured> buffers,
               const std::vector<Device>& devices) {
  Trial trial;
  trial.gpu_layers = plan.gpu_layers;
  trial.cpu_expert_layers = plan.cpu_expert_layers;
  trial.context = plan.context;
  trial.slots = plan.slots;
  trial.kv = plan.kv;
  trial.streams = plan.streams;
  trial.started = started;
  trial.gpu_free = most_gpu_free(devices);
  for (std::size_t index = 1; index < devices.size(); ++index) {
    trial.gpu_bytes += plan.bytes_in(devices[index].name);
  }
  trial.buffers = std::move(buffers);
  return trial;
}

bool is_choice(const Trial& trial, const EnginePlan& plan) {
  return trial.gpu_layers == plan.gpu_layers && trial.cpu_expert_layers == plan.cpu_expert_layers &&
         trial.context == plan.context && trial.slots == plan.slots && trial.kv == plan.kv &&
         trial.streams == plan.streams;
}

bool has_started(const Fit& fit, const EnginePlan& plan) {
  return std::any_of(fit.trials.begin(), fit.trials.end(),
                     [&](const Trial& trial) { return trial.started && is_choice(trial, plan); });
}

bool has_failed(const Fit& fit, const EnginePlan& plan, const std::vector<Device>& devices) {
  return std::any_of(fit.trials.begin(), fit.trials.end(), [&](const Trial& trial) {
    return !trial.started && is_choice(trial, plan) && still_counts(trial, devices);
  });
}

PlanWish corrected(const PlanWish& wish, const Fit& fit, const std::vector<Device>& devices) {
  PlanWish changed = wish;
  const Trial* stood = nullptr;  // the last one that started
  const Trial* failed = nullptr;
  std::size_t failures = 0;  // since then
  for (const Trial& trial : fit.trials) {
    if (trial.started) {
      stood = &trial;
      take_sizes(changed, trial);
      // That the processor can do it says nothing of the GPU.
      if (trial.gpu_layers == 0) continue;
      failed = nullptr;
      failures = 0;
    } else if (still_counts(trial, devices)) {
      failed = &trial;
      ++failures;
    }
  }
  if (failed == nullptr) return changed;
  changed.failed_gpu_layers = failed->gpu_layers;
  if (stood != nullptr) {
    changed.most_gpu_layers = stood->gpu_layers;
    changed.least_cpu_expert_layers = stood->cpu_expert_layers;
    changed.context = std::min(changed.context, stood->context);
    return changed;
  }
  const std::size_t step = std::min(failures, after_failures.size()) - 1;
  changed.gpu_limit =
      static_cast<std::int64_t>(static_cast<double>(failed->gpu_bytes) * after_failures[step]);
  return changed;
}

Fit kept_fit(const std::string& home, const std::string& key) {
  Fit fit;
  const auto text = os::read_file(file_of(home, key), 1u << 20);
  const json value = text ? json::parse(*text, nullptr, false) : json();
  if (!value.is_object()) return fit;
  try {
    for (const json& trial : value.at("trials")) fit.trials.push_back(trial_from(trial));
  } catch (const json::exception&) {
    return {};  // of another version: seen anew at the next start
  }
  return fit;
}

void keep_trial(const std::string& home, const std::string& key, const Trial& trial) {
  Fit fit = kept_fit(home, key);
  // The same again tells nothing new; of a failure it is the count that tells.
  if (trial.started && !fit.trials.empty() && json_of(fit.trials.back()) == json_of(trial)) return;
  fit.trials.push_back(trial);
  if (fit.trials.size() > most_kept) fit.trials.erase(fit.trials.begin());
  keep(home, key, fit);
}

bool forget_failures(const std::string& home, const std::string& key) {
  Fit fit = kept_fit(home, key);
  if (std::erase_if(fit.trials, [](const Trial& trial) { return !trial.started; }) == 0) {
    return false;
  }
  keep(home, key, fit);
  return true;
}

std::vector<EnginePlan::Measured> buffers_of(const Backend& backend,
                                             const std::vector<Device>& devices) {
  std::vector<EnginePlan::Measured> all;
  if (!backend.host) return all;
  for (const auto& buffer : backend.host->snapshot().buffers) {
    // Its names for memory of the processor: "CPU", "CPU_Mapped", "CPU_REPACK", "…_Host".
    const bool on_gpu =
        std::any_of(devices.begin() + (devices.empty() ? 0 : 1), devices.end(),
                    [&](const Device& device) { return device.name == buffer.device; });
    all.push_back({buffer.what, on_gpu ? buffer.device : ram, buffer.bytes});
  }
  return all;
}

std::shared_ptr<Backend> settle_by_trials(
    const std::string& home, std::shared_ptr<Backend> backend,
    const std::function<base::Result<std::shared_ptr<Backend>>()>& remake, std::stop_token stop) {
  for (int plans = 0; plans < most_plans && backend->needs_trial; ++plans) {
    // A failure need not be seen twice.
    const bool started =
        !has_failed(kept_fit(home, backend->fit_key), backend->plan, backend->devices) &&
        backend->host->ensure_ready(stop).has_value();
    if (stop.stop_requested()) return backend;
    keep_trial(
        home, backend->fit_key,
        trial_of(backend->plan, started, buffers_of(*backend, backend->devices), backend->devices));
    auto next = remake();
    if (!next) return backend;
    if (started && is_choice(trial_of(backend->plan, true, {}, {}), (*next)->plan)) {
      backend->wish = (*next)->wish;
      backend->needs_trial = false;
      return backend;
    }
    // What it holds must be free before the next one takes its own.
    backend->host->stop();
    backend = std::move(*next);
  }
  return backend;
}

}  // namespace lar::engine
