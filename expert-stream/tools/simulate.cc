// Replays recorded expert routing through the cache that the plug-in uses, and through Belady's
// optimum, which knows the future: how many bytes each would read. The policy was chosen with it.
// Usage: expert-simulate TRACE.csv|flat|zipf … ; prints one table for each.
//        expert-simulate replay TRACE.csv SLOTS FROM ; experts read from token FROM on, as JSON:
//        what the optimum, least recently used and the plug-in's policy would read with so many
//        slots.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cache.h"
#include "settings.h"

namespace {

using expert_stream::CacheShape;
using expert_stream::ExpertCache;
using expert_stream::PolicySettings;

struct Trace {
  std::string name;
  int layers = 0;
  int experts = 0;
  std::vector<std::vector<std::vector<int>>> tokens;  // token → layer → experts
};

Trace read_trace(const std::string& path) {
  Trace trace;
  trace.name = path.substr(path.rfind('/') + 1);
  std::ifstream file(path);
  std::string line;
  std::vector<std::string> columns;
  const auto column = [&](const char* name) {
    return std::find(columns.begin(), columns.end(), name) - columns.begin();
  };
  while (std::getline(file, line)) {
    if (line.rfind("# model", 0) == 0) {
      std::istringstream words(line);
      std::string word;
      while (words >> word) {
        if (word.rfind("n_layer=", 0) == 0) trace.layers = std::stoi(word.substr(8));
        if (word.rfind("n_expert=", 0) == 0) trace.experts = std::stoi(word.substr(9));
      }
    }
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> fields;
    std::istringstream rest(line);
    for (std::string field; std::getline(rest, field, ',');) fields.push_back(field);
    if (columns.empty()) {
      columns = fields;
      continue;
    }
    const auto at = [&](const char* name) {
      return std::stoi(fields.at(static_cast<std::size_t>(column(name))));
    };
    const auto token = static_cast<std::size_t>(at("step"));
    if (trace.tokens.size() <= token)
      trace.tokens.resize(token + 1,
                          std::vector<std::vector<int>>(static_cast<std::size_t>(trace.layers)));
    trace.tokens[token][static_cast<std::size_t>(at("layer"))].push_back(at("expert"));
  }
  return trace;
}

// Routing made up: uniform, or skewed by Zipf's law in an order of its own for each layer with two
// of five experts carried over from the token before.
Trace make_trace(const std::string& kind, int layers, int experts, int used, int tokens) {
  Trace trace{.name = kind, .layers = layers, .experts = experts};
  std::mt19937 random(7);
  std::vector<std::vector<double>> weights(static_cast<std::size_t>(layers));
  for (auto& weight : weights) {
    for (int e = 0; e < experts; ++e) weight.push_back(kind == "flat" ? 1.0 : 1.0 / (1.0 + e));
    std::shuffle(weight.begin(), weight.end(), random);
  }
  std::vector<std::vector<int>> before(static_cast<std::size_t>(layers));
  for (int t = 0; t < tokens; ++t) {
    for (int l = 0; l < layers; ++l) {
      auto& previous = before[static_cast<std::size_t>(l)];
      std::set<int> chosen;
      if (kind != "flat" && !previous.empty())
        for (int i = 0; i < used * 2 / 5; ++i) chosen.insert(previous[random() % previous.size()]);
      std::discrete_distribution<int> draw(weights[static_cast<std::size_t>(l)].begin(),
                                           weights[static_cast<std::size_t>(l)].end());
      while (static_cast<int>(chosen.size()) < used) chosen.insert(draw(random));
      previous.assign(chosen.begin(), chosen.end());
    }
    trace.tokens.push_back(before);
  }
  return trace;
}

// More tokens of the same kind: a chain that carries each expert over with the frequency seen in
// its layer and otherwise draws from the layer's own distribution. Fitted, so labelled.
Trace extend(const Trace& from, int used, int tokens) {
  Trace trace{.name = from.name + " extended (fitted chain)",
              .layers = from.layers,
              .experts = from.experts};
  std::mt19937 random(11);
  std::vector<double> kept;
  std::vector<std::vector<double>> weights;
  for (std::size_t l = 0; l < static_cast<std::size_t>(from.layers); ++l) {
    std::vector<double> weight(static_cast<std::size_t>(from.experts), 0.25);
    double carried = 0;
    double all = 0;
    for (std::size_t t = 0; t < from.tokens.size(); ++t) {
      for (const int e : from.tokens[t][l]) weight[static_cast<std::size_t>(e)] += 1;
      if (t == 0) continue;
      const std::set<int> previous(from.tokens[t - 1][l].begin(), from.tokens[t - 1][l].end());
      for (const int e : from.tokens[t][l]) {
        carried += previous.count(e) ? 1 : 0;
        all += 1;
      }
    }
    kept.push_back(all > 0 ? carried / all : 0);
    weights.push_back(weight);
  }
  std::vector<std::vector<int>> before(static_cast<std::size_t>(from.layers));
  std::uniform_real_distribution<double> unit(0, 1);
  for (int t = 0; t < tokens; ++t) {
    for (std::size_t l = 0; l < before.size(); ++l) {
      std::set<int> chosen;
      for (const int e : before[l])
        if (unit(random) < kept[l]) chosen.insert(e);
      std::discrete_distribution<int> draw(weights[l].begin(), weights[l].end());
      while (static_cast<int>(chosen.size()) < used) chosen.insert(draw(random));
      before[l].assign(chosen.begin(), chosen.end());
    }
    trace.tokens.push_back(before);
  }
  return trace;
}

long replay(const Trace& trace, int slots, const PolicySettings& policy, std::size_t from) {
  ExpertCache cache({.groups = trace.layers, .experts = trace.experts, .slots = slots}, policy);
  long misses = 0;
  for (std::size_t t = 0; t < trace.tokens.size(); ++t) {
    for (int l = 0; l < trace.layers; ++l) {
      cache.visit(l);
      const auto& used = trace.tokens[t][static_cast<std::size_t>(l)];
      std::vector<int> held;
      for (const int e : used) {
        cache.touch(l, e, 1);
        if (const int slot = cache.find(l, e); slot != ExpertCache::none) {
          cache.pin(slot);
          held.push_back(slot);
        }
      }
      for (const int e : used) {
        if (cache.find(l, e) != ExpertCache::none) continue;
        if (t >= from) ++misses;
        const int slot = cache.take(l, e);
        cache.pin(slot);
        held.push_back(slot);
      }
      for (const int slot : held) cache.unpin(slot);
    }
  }
  return misses;
}

// The same with the slots divided among the layers for good.
long replay_divided(const Trace& trace, int slots, const PolicySettings& policy, std::size_t from) {
  long misses = 0;
  for (int l = 0; l < trace.layers; ++l) {
    Trace layer{.name = "", .layers = 1, .experts = trace.experts};
    for (const auto& token : trace.tokens)
      layer.tokens.push_back({token[static_cast<std::size_t>(l)]});
    misses += replay(layer, slots / trace.layers, policy, from);
  }
  return misses;
}

long belady(const Trace& trace, int slots, std::size_t from) {
  std::vector<std::pair<int, std::size_t>> uses;  // key, token
  std::vector<std::size_t> groups;                // uses of one visit belong together
  for (std::size_t t = 0; t < trace.tokens.size(); ++t)
    for (int l = 0; l < trace.layers; ++l)
      for (const int e : trace.tokens[t][static_cast<std::size_t>(l)])
        uses.push_back({l * trace.experts + e, t});
  std::vector<std::size_t> next(uses.size());
  std::map<int, std::size_t> seen;
  for (std::size_t i = uses.size(); i-- > 0;) {
    const auto found = seen.find(uses[i].first);
    next[i] = found == seen.end() ? uses.size() + i : found->second;
    seen[uses[i].first] = i;
  }
  std::set<std::pair<std::size_t, int>> order;  // next use, key
  std::map<int, std::size_t> inside;
  long misses = 0;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const int key = uses[i].first;
    const auto found = inside.find(key);
    if (found != inside.end()) {
      order.erase({found->second, key});
    } else {
      if (uses[i].second >= from) ++misses;
      if (static_cast<int>(inside.size()) >= slots) {
        const auto last = std::prev(order.end());
        inside.erase(last->second);
        order.erase(last);
      }
    }
    inside[key] = next[i];
    order.insert({next[i], key});
  }
  return misses;
}

void report(const Trace& trace) {
  std::size_t used = 0;
  for (const auto& layer : trace.tokens[0]) used += layer.size();
  // Half the run fills the cache and is not counted.
  const std::size_t from = trace.tokens.size() / 2;
  const double counted = static_cast<double>(trace.tokens.size() - from);
  std::printf("%s: %d layers, %d experts, %zu used a token, %zu tokens; experts read per token\n",
              trace.name.c_str(), trace.layers, trace.experts, used, trace.tokens.size());
  struct Policy {
    const char* name;
    PolicySettings settings;
    bool divided;
  };
  const std::vector<Policy> policies = {
      {"LRU", {}, false},
      {"LRU, divided", {}, true},
      {"half-life 32", {.half_life = 32}, false},
      {"32, latest", {.half_life = 32, .last_use_bonus = 9}, false},
      {"64, latest", {.half_life = 64, .last_use_bonus = 9}, false},
      {"32, 1/8", {.half_life = 32, .share_of_history = 0.125, .last_use_bonus = 9}, false},
      {"32, 1/4", {.half_life = 32, .share_of_history = 0.25, .last_use_bonus = 9}, false},
      {"32, 1/2", {.half_life = 32, .share_of_history = 0.5, .last_use_bonus = 9}, false},
      {"64, 1/4", {.half_life = 64, .share_of_history = 0.25, .last_use_bonus = 9}, false},
  };
  std::printf("%8s %8s", "memory", "Belady");
  for (const Policy& policy : policies) std::printf(" %13s", policy.name);
  std::printf("\n");
  for (const double share : {1.0 / 8, 1.0 / 4, 1.0 / 2, 2.0 / 3}) {
    const int slots = static_cast<int>(share * trace.layers * trace.experts);
    std::printf("%7.0f%% %8.1f", share * 100,
                static_cast<double>(belady(trace, slots, from)) / counted);
    for (const Policy& policy : policies) {
      const long misses = policy.divided ? replay_divided(trace, slots, policy.settings, from)
                                         : replay(trace, slots, policy.settings, from);
      std::printf(" %13.1f", static_cast<double>(misses) / counted);
    }
    std::printf("\n");
  }
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 5 && std::string(arguments[1]) == "replay") {
    const Trace trace = read_trace(arguments[2]);
    const int slots = std::atoi(arguments[3]);
    const auto from = static_cast<std::size_t>(std::atoi(arguments[4]));
    if (trace.tokens.empty() || slots < 1) {
      std::fprintf(stderr, "%s holds no routing, or there are no slots\n", arguments[2]);
      return 1;
    }
    std::printf("{\"belady\": %ld, \"lru\": %ld, \"ours\": %ld}\n", belady(trace, slots, from),
                replay(trace, slots, {}, from),
                replay(trace, slots, expert_stream::Settings{}.policy, from));
    return 0;
  }
  for (int i = 1; i < count; ++i) {
    const std::string what = arguments[i];
    if (what == "flat" || what == "zipf") {
      report(make_trace(what, 24, 128, 8, 400));
    } else {
      const Trace trace = read_trace(what);
      if (trace.tokens.empty()) {
        std::fprintf(stderr, "%s holds no routing\n", what.c_str());
        return 1;
      }
      report(trace);
      report(extend(trace, trace.name.rfind("gptoss", 0) == 0 ? 4 : 8, 500));
    }
  }
}
