// The usearch contender: HNSW with its default connectivity, cosine metric.
#include "usearch.h"

#include <stdexcept>
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
    config.expansion_search = expansion_search;
    index_ = us::index_dense_t::make(metric, config);
  }
  void add(std::int64_t key, std::span<const float> vector) override {
    if (index_.size() == index_.capacity()) {
      if (!index_.try_reserve(us::index_limits_t(index_.capacity() * 2 + 1024, 1))) {
        throw std::runtime_error("usearch: reserve");
      }
    }
    if (!index_.add(static_cast<us::index_dense_t::vector_key_t>(key), vector.data())) {
      throw std::runtime_error("usearch: add");
    }
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
