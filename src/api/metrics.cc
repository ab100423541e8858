#include "api/metrics.h"

#include <fmt/format.h>

namespace lar::api {

void Metrics::Histogram::add(double seconds) {
  for (std::size_t index = 0; index < bounds.size(); ++index) {
    if (seconds <= bounds[index]) ++counts[index];
  }
  ++count;
  sum += seconds;
}

void Metrics::add(const ServedCall& call) {
  const std::lock_guard lock(mutex_);
  ++requests_[{call.route, call.role, call.status}];
  if (!call.role.empty()) {
    tokens_[{call.role, "in"}] += static_cast<std::uint64_t>(call.tokens_in);
    tokens_[{call.role, "out"}] += static_cast<std::uint64_t>(call.tokens_out);
    if (call.beyond_tools) ++beyond_tools_[call.role];
  }
  seconds_[call.route].add(call.total_ms / 1000);
  if (call.first_byte_ms > 0) first_byte_[call.route].add(call.first_byte_ms / 1000);
}

void Metrics::print(std::string& out, const std::string& name, const std::string& labels,
                    const Histogram& histogram) {
  for (std::size_t index = 0; index < bounds.size(); ++index) {
    out += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bounds[index],
                       histogram.counts[index]);
  }
  out += fmt::format("{}_bucket{{{},le=\"+Inf\"}} {}\n", name, labels, histogram.count);
  out += fmt::format("{}_sum{{{}}} {:.6f}\n", name, labels, histogram.sum);
  out += fmt::format("{}_count{{{}}} {}\n", name, labels, histogram.count);
}

namespace {

// A limit of 0 is none, and energy that nobody measures is not 0.
void about_cost(std::string& out, const char* name, const engine::DailyCost& cost,
                bool energy_known, bool with_zero) {
  const auto add = [&](const char* unit, double value) {
    if (value > 0 || with_zero) out += fmt::format("{}{{unit=\"{}\"}} {}\n", name, unit, value);
  };
  add("tokens", static_cast<double>(cost.tokens));
  add("minutes", cost.minutes);
  if (energy_known) add("watt_hours", cost.watt_hours);
}

}  // namespace

std::string Metrics::text(const std::vector<engine::EngineStatus>& engines,
                          const std::map<std::string, int>& waiting,
                          const engine::BackgroundStatus& background,
                          const engine::KeptStatus& kept) const {
  std::string out;
  const auto about = [&](const char* name, const char* type, const char* help) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  };
  const std::lock_guard lock(mutex_);
  about("lar_requests_total", "counter", "Calls of other programs.");
  for (const auto& [labels, count] : requests_) {
    const auto& [route, role, status] = labels;
    out += fmt::format("lar_requests_total{{route=\"{}\",role=\"{}\",status=\"{}\"}} {}\n", route,
                       role, status, count);
  }
  about("lar_tokens_total", "counter", "Tokens read and written for them, by the engines' count.");
  for (const auto& [labels, count] : tokens_) {
    out += fmt::format("lar_tokens_total{{role=\"{}\",direction=\"{}\"}} {}\n", labels.first,
                       labels.second, count);
  }
  about("lar_tools_beyond_verified_total", "counter",
        "Calls that offered more tools than the model is known to tell apart.");
  for (const auto& [role, count] : beyond_tools_) {
    out += fmt::format("lar_tools_beyond_verified_total{{role=\"{}\"}} {}\n", role, count);
  }
  about("lar_request_seconds", "histogram", "From the whole request to the end of the answer.");
  for (const auto& [route, histogram] : seconds_) {
    print(out, "lar_request_seconds", "route=\"" + route + "\"", histogram);
  }
  about("lar_first_byte_seconds", "histogram",
        "From the whole request to the answer's first byte.");
  for (const auto& [route, histogram] : first_byte_) {
    print(out, "lar_first_byte_seconds", "route=\"" + route + "\"", histogram);
  }
  about("lar_waiting", "gauge", "Calls that wait for the engine of a role.");
  for (const auto& [role, count] : waiting) {
    out += fmt::format("lar_waiting{{role=\"{}\"}} {}\n", role, count);
  }
  about("lar_engine_state", "gauge", "1 for the state the engine of a role is in.");
  for (const engine::EngineStatus& engine : engines) {
    out += fmt::format("lar_engine_state{{role=\"{}\",state=\"{}\"}} 1\n", name_of(engine.role),
                       name_of(engine.state));
  }
  about("lar_engine_memory_bytes", "gauge", "Resident memory of the engine of a role.");
  for (const engine::EngineStatus& engine : engines) {
    if (engine.pid == 0) continue;
    out += fmt::format("lar_engine_memory_bytes{{role=\"{}\"}} {}\n", name_of(engine.role),
                       engine.memory_bytes);
  }
  about("lar_background_used_today", "gauge", "What work in the background has cost today.");
  about_cost(out, "lar_background_used_today", background.used, background.energy_known, true);
  about("lar_background_limit_a_day", "gauge", "What it may cost a day, where that is limited.");
  about_cost(out, "lar_background_limit_a_day", background.limit, background.energy_known, false);
  const auto one = [&](const char* name, const char* type, const char* help, std::int64_t value) {
    about(name, type, help);
    out += fmt::format("{} {}\n", name, value);
  };
  one("lar_kept_prompts", "gauge", "Long prompts on disk.", kept.files);
  one("lar_kept_prompts_bytes", "gauge", "Their size.", kept.bytes);
  one("lar_kept_prompts_limit_bytes", "gauge", "The room they have.", kept.limit);
  one("lar_kept_prompts_saved_total", "counter", "Prompts written there.", kept.saved);
  one("lar_kept_prompts_restored_total", "counter", "Brought back, and not read again.",
      kept.restored);
  one("lar_kept_prompts_restored_tokens_total", "counter", "Tokens that were not read again.",
      kept.restored_tokens);
  one("lar_kept_prompts_recomputed_total", "counter", "Brought back, and read again all the same.",
      kept.recomputed);
  one("lar_kept_prompts_damaged_total", "counter", "Found damaged.", kept.damaged);
  return out;
}

}  // namespace lar::api
