// See compute.h.
#include "compute.h"

#include <algorithm>
#include <cstring>

namespace expert_stream {

namespace {

// ggml's kernel keeps a table of rows for each slot of its weights; beyond this size it is cheaper
// to give it one expert at a time.
constexpr std::size_t largest_row_table = 8 << 20;
// From so many rows of one expert on, ggml has a faster kernel for some types, which rounds
// differently and takes weights only where they lie without gaps: as one expert's do, not as slots
// do. To give what stock gives, such an expert is a product of its own.
constexpr std::size_t rows_that_stand_alone = 8;
// From so many rows of one expert on, repacking its weights should cost less than the faster kernel
// saves: estimated from the bytes moved, not measured (NOTES.md).
constexpr std::size_t rows_worth_repacking = 16;
// Rows gathered at a time.
constexpr std::size_t largest_gather = 48 << 20;

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

std::size_t row_table(int slots, std::size_t rows) {
  return static_cast<std::size_t>(slots) * rows * sizeof(std::int64_t);
}

// Brings the rows of one expert's product, one behind another at `from`, to their places in the
// node; gives where the next expert's begin.
const char* put_rows(const ggml_tensor* node, std::span<const Row> rows, const char* from) {
  const std::size_t bytes = static_cast<std::size_t>(node->ne[0]) * sizeof(float);
  for (const Row& row : rows) {
    std::memcpy(static_cast<char*>(node->data) +
                    static_cast<std::size_t>(row.position) * node->nb[1] +
                    static_cast<std::size_t>(row.token) * node->nb[2],
                from, bytes);
    from += bytes;
  }
  return from;
}

}  // namespace

Outcome<std::unique_ptr<Computer>> Computer::make(const GgmlApi& api, ggml_backend_reg_t cpu,
                                                  ProcAddress proc_address) {
  ggml_backend_dev_t device = api.ggml_backend_reg_dev_get(cpu, 0);
  ggml_backend_t backend = api.ggml_backend_dev_init(device, nullptr);
  if (backend == nullptr) return failure("ggml's CPU backend cannot be started");
  std::unique_ptr<Computer> computer(new Computer(api, backend));
  computer->device_ = device;
  const auto types = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
      proc_address(cpu, "ggml_backend_dev_get_extra_bufts"));
  if (types == nullptr) return computer;
  for (ggml_backend_buffer_type_t* type = types(device); type != nullptr && *type != nullptr;
       ++type) {
    // Only those that are known to need nothing of their buffer but its functions.
    const std::string name = api.ggml_backend_buft_name(*type);
    if (name != "AMX" && name != "CPU_REPACK") continue;
    ggml_backend_buffer_t buffer = api.ggml_backend_buft_alloc_buffer(*type, 64);
    if (buffer != nullptr) computer->layouts_.push_back({.type = *type, .buffer = buffer});
  }
  return computer;
}

Computer::~Computer() {
  for (const Layout& layout : layouts_) api_.ggml_backend_buffer_free(layout.buffer);
  api_.ggml_backend_free(cpu_);
}

ggml_context* Computer::new_context(std::size_t tensors) {
  const std::size_t needed = tensors * api_.ggml_tensor_overhead() +
                             api_.ggml_graph_overhead_custom(2 * tensors + 8, false) + 1024;
  if (context_memory_.size() < needed) context_memory_.resize(needed);
  return api_.ggml_init(
      {.mem_size = context_memory_.size(), .mem_buffer = context_memory_.data(), .no_alloc = true});
}

ggml_tensor* Computer::weights(ggml_context* context, const Product& product, int first_slot,
                               int slots) {
  const ggml_tensor* original = product.node->src[0];
  ggml_tensor* tensor =
      api_.ggml_new_tensor_3d(context, original->type, original->ne[0], original->ne[1], slots);
  tensor->nb[2] = product.arena.stride;
  tensor->nb[3] = product.arena.stride * static_cast<std::size_t>(slots);
  tensor->data = const_cast<char*>(product.arena.base) +
                 static_cast<std::size_t>(first_slot) * product.arena.stride;
  return tensor;
}

ggml_tensor* Computer::leaf(ggml_context* context, const ggml_tensor* original) {
  ggml_tensor* tensor = api_.ggml_new_tensor_3d(context, original->type, original->ne[0],
                                                original->ne[1], original->ne[2]);
  std::copy(std::begin(original->nb), std::end(original->nb), std::begin(tensor->nb));
  tensor->data = original->data;
  tensor->buffer = original->buffer;  // ggml chooses a kernel by it
  return tensor;
}

ggml_status Computer::run(ggml_context* context, std::span<ggml_tensor* const> nodes) {
  ggml_cgraph* graph = api_.ggml_new_graph_custom(context, 4 * nodes.size() + 8, false);
  for (ggml_tensor* node : nodes) api_.ggml_build_forward_expand(graph, node);
  const ggml_status status = api_.ggml_backend_graph_compute(cpu_, graph);
  api_.ggml_free(context);
  return status;
}

ggml_status Computer::whole(const ggml_tensor* node) {
  ggml_context* context = new_context(16);
  ggml_tensor* result =
      api_.ggml_mul_mat_id(context, leaf(context, node->src[0]), leaf(context, node->src[1]),
                           leaf(context, node->src[2]));
  std::memcpy(result->op_params, node->op_params, sizeof result->op_params);
  std::copy(std::begin(node->nb), std::end(node->nb), std::begin(result->nb));
  result->data = node->data;
  return run(context, std::span<ggml_tensor* const>(&result, 1));
}

ggml_status Computer::all_rows(std::span<const Product> products, const Routing& routing,
                               std::span<const int> slots, bool repack) {
  const ggml_tensor* ids = products[0].node->src[2];
  const auto rows = static_cast<std::size_t>(ids->ne[0] * ids->ne[1]);
  const bool some_alone = std::any_of(
      routing.rows.begin(), routing.rows.end(),
      [](const std::vector<Row>& each) { return each.size() >= rows_that_stand_alone; });
  if (some_alone || row_table(products[0].arena.slots, rows) > largest_row_table) {
    std::vector<Ready> ready;
    for (std::size_t use = 0; use < slots.size(); ++use)
      ready.push_back({.use = use, .slot = slots[use]});
    return some_rows(products, routing, ready, repack);
  }
  ids_.resize(rows);
  for (std::size_t use = 0; use < slots.size(); ++use)
    for (const Row& row : routing.rows[use])
      ids_[static_cast<std::size_t>(row.token) * static_cast<std::size_t>(ids->ne[0]) +
           static_cast<std::size_t>(row.position)] = slots[use];
  ggml_context* context = new_context(16 * products.size());
  ggml_tensor* places = api_.ggml_new_tensor_2d(context, GGML_TYPE_I32, ids->ne[0], ids->ne[1]);
  places->data = ids_.data();
  std::vector<ggml_tensor*> nodes;
  for (const Product& product : products) {
    const ggml_tensor* node = product.node;
    ggml_tensor* result =
        api_.ggml_mul_mat_id(context, weights(context, product, 0, product.arena.slots),
                             leaf(context, node->src[1]), places);
    std::memcpy(result->op_params, node->op_params, sizeof result->op_params);
    std::copy(std::begin(node->nb), std::end(node->nb), std::begin(result->nb));
    result->data = node->data;
    nodes.push_back(result);
  }
  return run(context, nodes);
}

const Computer::Layout* Computer::layout_for(const ggml_tensor* weights) {
  for (const Shape& shape : shapes_)
    if (shape.type == weights->type && shape.columns == weights->ne[0] &&
        shape.rows == weights->ne[1])
      return shape.layout;
  Shape shape{.type = weights->type, .columns = weights->ne[0], .rows = weights->ne[1]};
  for (const Layout& layout : layouts_) {
    ggml_context* context = new_context(8);
    ggml_tensor* two = api_.ggml_new_tensor_2d(context, shape.type, shape.columns, shape.rows);
    two->buffer = layout.buffer;
    const ggml_tensor* product = api_.ggml_mul_mat(
        context, two, api_.ggml_new_tensor_2d(context, GGML_TYPE_F32, shape.columns, 64));
    const bool supported = api_.ggml_backend_dev_supports_op(device_, product);
    api_.ggml_free(context);
    if (supported) {
      shape.layout = &layout;
      break;
    }
  }
  shapes_.push_back(shape);
  return shape.layout;
}

bool Computer::can_repack(std::span<const Product> products) {
  return std::all_of(products.begin(), products.end(), [&](const Product& product) {
    return product.node->src[1]->type == GGML_TYPE_F32 &&
           layout_for(product.node->src[0]) != nullptr;
  });
}

// One expert: its weights into the faster layout, its rows side by side, a plain product of two
// matrices, the results back to where they belong.
ggml_status Computer::repacked(std::span<const Product> products, const std::vector<Row>& rows,
                               int slot) {
  struct Place {
    std::size_t weights = 0;
    std::size_t input = 0;
    std::size_t output = 0;
    bool shares_input = false;
  };
  std::vector<const Layout*> layouts;
  for (const Product& product : products) layouts.push_back(layout_for(product.node->src[0]));
  ggml_context* context = new_context(6 * products.size());
  std::vector<Place> places;
  std::vector<ggml_tensor*> nodes;
  std::vector<ggml_tensor*> packed;
  std::size_t used = 0;
  const auto reserve = [&](std::size_t bytes) {
    const std::size_t at = used;
    used += padded(bytes);
    return at;
  };
  const auto count = static_cast<std::int64_t>(rows.size());
  for (std::size_t p = 0; p < products.size(); ++p) {
    const ggml_tensor* node = products[p].node;
    const Layout* layout = layouts[p];
    ggml_tensor* weights = api_.ggml_new_tensor_2d(context, node->src[0]->type, node->src[0]->ne[0],
                                                   node->src[0]->ne[1]);
    weights->buffer = layout->buffer;
    packed.push_back(weights);
    Place place;
    place.weights = reserve(api_.ggml_backend_buft_get_alloc_size(layout->type, weights));
    place.shares_input = p > 0 && node->src[1] == products[p - 1].node->src[1];
    place.input =
        place.shares_input
            ? places.back().input
            : reserve(static_cast<std::size_t>(node->src[1]->ne[0]) * sizeof(float) * rows.size());
    place.output = reserve(static_cast<std::size_t>(node->ne[0]) * sizeof(float) * rows.size());
    places.push_back(place);
    nodes.push_back(api_.ggml_mul_mat(
        context, weights,
        api_.ggml_new_tensor_2d(context, GGML_TYPE_F32, node->src[1]->ne[0], count)));
  }
  if (scratch_.size() < used + 64) scratch_.resize(used + 64);
  char* const scratch =
      scratch_.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch_.data()) % 64);
  for (std::size_t p = 0; p < products.size(); ++p) {
    const ggml_tensor* node = products[p].node;
    const ggml_tensor* input = node->src[1];
    ggml_tensor* weights = packed[p];
    weights->data = scratch + places[p].weights;
    weights->buffer->iface.init_tensor(weights->buffer, weights);
    weights->buffer->iface.set_tensor(
        weights->buffer, weights,
        products[p].arena.base + static_cast<std::size_t>(slot) * products[p].arena.stride, 0,
        api_.ggml_nbytes(weights));
    nodes[p]->src[1]->data = scratch + places[p].input;
    nodes[p]->data = scratch + places[p].output;
    if (places[p].shares_input) continue;
    const std::size_t row_bytes = static_cast<std::size_t>(input->ne[0]) * sizeof(float);
    char* to = scratch + places[p].input;
    for (const Row& row : rows) {
      const auto position = static_cast<std::size_t>(row.position % input->ne[1]);
      std::memcpy(to,
                  static_cast<const char*>(input->data) + position * input->nb[1] +
                      static_cast<std::size_t>(row.token) * input->nb[2],
                  row_bytes);
      to += row_bytes;
    }
  }
  if (const ggml_status status = run(context, nodes); status != GGML_STATUS_SUCCESS) return status;
  for (std::size_t p = 0; p < products.size(); ++p) {
    put_rows(products[p].node, rows, scratch + places[p].output);
  }
  return GGML_STATUS_SUCCESS;
}

ggml_status Computer::some_rows(std::span<const Product> products, const Routing& routing,
                                std::span<const Ready> given, bool repack) {
  std::vector<Ready> ready(given.begin(), given.end());
  if (repack && can_repack(products)) {
    const auto many = std::stable_partition(ready.begin(), ready.end(), [&](const Ready& each) {
      return routing.rows[each.use].size() < rows_worth_repacking;
    });
    for (auto each = many; each != ready.end(); ++each)
      if (const ggml_status status = repacked(products, routing.rows[each->use], each->slot);
          status != GGML_STATUS_SUCCESS)
        return status;
    ready.erase(many, ready.end());
  }
  // As many experts at a time as fit into the memory for gathered rows; one always does.
  const auto bytes_per_row = [&] {
    std::size_t most = 0;
    for (const Product& product : products)
      most += api_.ggml_row_size(product.node->src[1]->type, product.node->src[1]->ne[0]) +
              static_cast<std::size_t>(product.node->ne[0]) * sizeof(float);
    return most;
  }();
  std::size_t begin = 0;
  while (begin < ready.size()) {
    std::size_t end = begin;
    std::size_t bytes = 0;
    while (end < ready.size()) {
      bytes += routing.rows[ready[end].use].size() * bytes_per_row;
      if (end > begin && bytes > largest_gather) break;
      ++end;
    }
    if (const ggml_status status =
            gathered(products, routing, std::span<const Ready>(ready).subspan(begin, end - begin));
        status != GGML_STATUS_SUCCESS)
      return status;
    begin = end;
  }
  return GGML_STATUS_SUCCESS;
}

ggml_status Computer::gathered(std::span<const Product> products, const Routing& routing,
                               std::span<const Ready> given) {
  // First those whose rows are multiplied together, then those that stand alone.
  std::vector<Ready> ready(given.begin(), given.end());
  std::size_t together_rows = 0;
  const auto first_alone = std::stable_partition(
      ready.begin(), ready.end(),
      [&](const Ready& each) { return routing.rows[each.use].size() < rows_that_stand_alone; });
  for (auto each = ready.begin(); each != first_alone; ++each)
    together_rows += routing.rows[each->use].size();
  std::size_t together = static_cast<std::size_t>(first_alone - ready.begin());
  if (row_table(products[0].arena.slots, together_rows) > largest_row_table) together = 0;
  if (together == 0) together_rows = 0;
  std::size_t rows = 0;
  for (const Ready& each : ready) rows += routing.rows[each.use].size();
  // A single token's rows may share one input row, as the positions of a token do for gate and up.
  const ggml_tensor* ids = products[0].node->src[2];
  const bool single = ids->ne[1] == 1 && together == ready.size();

  // Scratch: for every product the gathered input and the result; products with the same input
  // share.
  std::vector<std::size_t> input_at;
  std::vector<std::size_t> output_at;
  std::size_t used = 0;
  for (std::size_t p = 0; p < products.size(); ++p) {
    const ggml_tensor* node = products[p].node;
    const ggml_tensor* input = node->src[1];
    const bool shared = p > 0 && input == products[p - 1].node->src[1];
    const std::size_t row = api_.ggml_row_size(input->type, input->ne[0]);
    if (shared) {
      input_at.push_back(input_at.back());
    } else {
      input_at.push_back(used);
      used += padded(row * (single && input->ne[1] == 1 ? 1 : rows));
    }
    output_at.push_back(used);
    used += padded(static_cast<std::size_t>(node->ne[0]) * sizeof(float) * rows);
  }
  if (scratch_.size() < used + 64) scratch_.resize(used + 64);
  char* const scratch =
      scratch_.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch_.data()) % 64);

  ids_.clear();
  for (std::size_t i = 0; i < ready.size(); ++i)
    ids_.insert(ids_.end(), routing.rows[ready[i].use].size(), i < together ? ready[i].slot : 0);

  std::vector<ggml_tensor*> nodes;
  ggml_context* context = new_context((ready.size() - together + 1) * products.size() * 5);
  for (std::size_t p = 0; p < products.size(); ++p) {
    const ggml_tensor* node = products[p].node;
    const ggml_tensor* input = node->src[1];
    const std::size_t row_bytes = api_.ggml_row_size(input->type, input->ne[0]);
    char* const gathered_rows = scratch + input_at[p];
    const bool shared = p > 0 && input_at[p] == input_at[p - 1];
    const bool one_input = single && input->ne[1] == 1;
    if (!shared) {
      char* to = gathered_rows;
      for (const Ready& each : ready) {
        for (const Row& row : routing.rows[each.use]) {
          const auto position = static_cast<std::size_t>(row.position % input->ne[1]);
          std::memcpy(to,
                      static_cast<const char*>(input->data) + position * input->nb[1] +
                          static_cast<std::size_t>(row.token) * input->nb[2],
                      row_bytes);
          to += row_bytes;
          if (one_input) break;
        }
        if (one_input) break;
      }
    }
    char* const results = scratch + output_at[p];
    const std::size_t result_bytes = static_cast<std::size_t>(node->ne[0]) * sizeof(float);
    std::size_t first = 0;
    const std::size_t steps = ready.size() - together + (together > 0 ? 1 : 0);
    for (std::size_t step = 0; step < steps; ++step) {
      const bool slots = together > 0 && step == 0;
      const std::size_t alone = together + step - (together > 0 ? 1 : 0);
      const std::size_t count = slots ? together_rows : routing.rows[ready[alone].use].size();
      const auto length = static_cast<std::int64_t>(count);
      ggml_tensor* places =
          api_.ggml_new_tensor_2d(context, GGML_TYPE_I32, single ? length : 1, single ? 1 : length);
      places->data = ids_.data() + first;
      ggml_tensor* from =
          api_.ggml_new_tensor_3d(context, input->type, input->ne[0],
                                  single && !one_input ? length : 1, single ? 1 : length);
      from->data = gathered_rows + (one_input ? 0 : first * row_bytes);
      ggml_tensor* result =
          api_.ggml_mul_mat_id(context,
                               slots ? weights(context, products[p], 0, products[p].arena.slots)
                                     : weights(context, products[p], ready[alone].slot, 1),
                               from, places);
      std::memcpy(result->op_params, node->op_params, sizeof result->op_params);
      result->data = results + first * result_bytes;
      nodes.push_back(result);
      first += count;
    }
  }
  if (const ggml_status status = run(context, nodes); status != GGML_STATUS_SUCCESS) return status;

  for (std::size_t p = 0; p < products.size(); ++p) {
    const char* from = scratch + output_at[p];
    for (const Ready& each : ready) {
      from = put_rows(products[p].node, routing.rows[each.use], from);
    }
  }
  return GGML_STATUS_SUCCESS;
}

}  // namespace expert_stream
