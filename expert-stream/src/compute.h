// Runs MUL_MAT_ID over slots of experts with ggml's own CPU backend, so that every type and every
// CPU is served and the results are those of stock, bit for bit: a row is multiplied by the same
// kernel with the same expert, whatever else is computed along with it. One instance per llama.cpp
// context; used on the thread that computes.
//
// Where repacking is allowed, an expert with many rows in a batch is brought into the layout of
// ggml's faster kernels (AMX tiles, interleaved rows) just before its product: stock does that for
// dense weights and has no such kernel for routed experts. The slots stay as they lie in the file.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ggml_api.h"
#include "outcome.h"
#include "routing.h"
#include "store.h"

namespace expert_stream {

// One MUL_MAT_ID of the graph and the slots that stand for its weights.
struct Product {
  const ggml_tensor* node = nullptr;
  ExpertStore::Arena arena;
};

class Computer {
 public:
  using ProcAddress = void* (*)(ggml_backend_reg_t, const char*);
  static Outcome<std::unique_ptr<Computer>> make(const GgmlApi& api, ggml_backend_reg_t cpu,
                                                 ProcAddress proc_address);
  ~Computer();
  Computer(const Computer&) = delete;
  Computer& operator=(const Computer&) = delete;

  ggml_backend_t cpu() const { return cpu_; }

  // The node as it stands, for weights that lie in memory anyway.
  ggml_status whole(const ggml_tensor* node);
  // All rows at once: `slots` gives the slot of each use of the routing.
  ggml_status all_rows(std::span<const Product> products, const Routing& routing,
                       std::span<const int> slots, bool repack);
  // The rows of some uses.
  ggml_status some_rows(std::span<const Product> products, const Routing& routing,
                        std::span<const Ready> ready, bool repack);

 private:
  Computer(const GgmlApi& api, ggml_backend_t cpu) : api_(api), cpu_(cpu) {}

  // A layout of ggml's that weights are repacked into: its buffer type, and one small buffer of it
  // whose functions do the repacking.
  struct Layout {
    ggml_backend_buffer_type_t type = nullptr;
    ggml_backend_buffer_t buffer = nullptr;
  };
  struct Shape {
    ggml_type type = GGML_TYPE_F32;
    std::int64_t columns = 0;
    std::int64_t rows = 0;
    const Layout* layout = nullptr;  // none: there is no such kernel
  };
  const Layout* layout_for(const ggml_tensor* weights);
  bool can_repack(std::span<const Product> products);
  ggml_status repacked(std::span<const Product> products, const std::vector<Row>& rows, int slot);

  ggml_context* new_context(std::size_t tensors);
  ggml_tensor* weights(ggml_context* context, const Product& product, int first_slot, int slots);
  // A tensor of the graph as one that nothing has computed: the small graph ends there.
  ggml_tensor* leaf(ggml_context* context, const ggml_tensor* original);
  ggml_status run(ggml_context* context, std::span<ggml_tensor* const> nodes);
  ggml_status gathered(std::span<const Product> products, const Routing& routing,
                       std::span<const Ready> ready);

  GgmlApi api_;
  ggml_backend_t cpu_;
  ggml_backend_dev_t device_ = nullptr;
  std::vector<Layout> layouts_;
  std::vector<Shape> shapes_;
  std::vector<char> context_memory_;
  std::vector<char> scratch_;
  std::vector<std::int32_t> ids_;
};

}  // namespace expert_stream
