// The usearch contender: HNSW with its default connectivity (16) and ef_construction (128), cosine
// metric, built by one thread a core.
#include "usearch.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <usearch/index_dense.hpp>

namespace bench {

namespace {

namespace us = unum::usearch;

class Index final : public Usearch {
 public:
  Index(std::size_t dimensions, UsearchScalar scalar, std::size_t expansion_search) {
    us::metric_punned_t metric(
        dimensions, us::metric_kind_t::cos_k,
        scalar == UsearchScalar::float32 ? us::scalar_kind_t::f32_k : us::scalar_kind_t::i8_k);
    us::index_dense_config_t config;
    config.expansion_add = usearch_expansion_add;
    config.expansion_search = expansion_search;
    index_ = us::index_dense_t::make(metric, config);
  }
  bool build(const std::vector<std::vector<float>>& vectors, double seconds) override {
    const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
    if (!index_.try_reserve(us::index_limits_t(vectors.size(), threads))) {
      throw std::runtime_error("usearch: reserve");
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    {
      std::vector<std::jthread> workers;
      for (std::size_t thread = 0; thread < threads; ++thread) {
        workers.emplace_back([&, thread] {
          for (;;) {
            if (failed || std::chrono::steady_clock::now() > end) return;
            const std::size_t place = next++;
            if (place >= vectors.size()) return;
            if (!index_.add(static_cast<us::index_dense_t::vector_key_t>(place),
                            vectors[place].data(), thread)) {
              failed = true;
            }
          }
        });
      }
    }
    if (failed) throw std::runtime_error("usearch: add");
    return index_.size() == vectors.size();
  }
  void save(const std::string& path) override {
    if (!index_.save(path.c_str())) throw std::runtime_error("usearch: save");
  }
  void view(const std::string& path) override {
    if (!index_.view(path.c_str())) throw std::runtime_error("usearch: view");
  }
  std::vector<std::int64_t> search(std::span<const float> query, std::size_t count) override {
    auto found = index_.search(query.data(), count);
    std::vector<us::index_dense_t::vector_key_t> keys(count);
    keys.resize(found.dump_to(keys.data()));
    return {keys.begin(), keys.end()};
  }

 private:
  us::index_dense_t index_;
};

}  // namespace

std::unique_ptr<Usearch> Usearch::make(std::size_t dimensions, UsearchScalar scalar,
                                       std::size_t expansion_search) {
  return std::make_unique<Index>(dimensions, scalar, expansion_search);
}

}  // namespace bench
