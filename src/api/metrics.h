// What has been served to other programs, counted since lar started, in the text form that
// Prometheus reads. Labels are taken from fixed lists (routes, roles, status), never from what a
// client sent. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "engine/engine.h"

namespace lar::api {

struct ServedCall {
  std::string client;  // name of the key
  std::string route;
  std::string role;  // empty: none was asked
  int status = 0;
  long tokens_in = 0, tokens_out = 0;
  double first_byte_ms = 0;  // 0: none came
  double total_ms = 0;
  bool beyond_tools = false;  // more tools were offered than the model is known to tell apart
};

class Metrics {
 public:
  void add(const ServedCall& call);
  // `waiting`: calls in line for each role.
  std::string text(const std::vector<engine::EngineStatus>& engines,
                   const std::map<std::string, int>& waiting,
                   const engine::BackgroundStatus& background,
                   const engine::KeptStatus& kept) const;

 private:
  static constexpr std::array<double, 12> bounds = {0.005, 0.02, 0.05, 0.1, 0.25, 0.5,
                                                    1,     2.5,  5,    15,  60,   300};
  struct Histogram {
    std::array<std::uint64_t, bounds.size()> counts{};  // each bound with all below it
    std::uint64_t count = 0;
    double sum = 0;
    void add(double seconds);
  };
  static void print(std::string& out, const std::string& name, const std::string& labels,
                    const Histogram& histogram);

  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, std::uint64_t> requests_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> tokens_;  // role, direction
  std::map<std::string, std::uint64_t> beyond_tools_;                    // role
  std::map<std::string, Histogram> seconds_, first_byte_;                // by route
};

}  // namespace lar::api
