// The plug-in as ggml sees it: one device of type ACCEL whose buffer type takes the expert weights
// and whose only operation is MUL_MAT_ID over them. llama.cpp offers every weight to such a device
// before the CPU's types, hands it the pointers into its mapping of the model file, and sends it
// exactly the routed experts' multiplications. Callbacks come on llama.cpp's threads: loading on
// one at a time, computing on the thread of each context.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "compute.h"
#include "ggml_api.h"
#include "model.h"
#include "settings.h"

namespace expert_stream {
namespace {

struct Plugin {
  GgmlApi api;
  Settings settings;
  ggml_backend_reg_t cpu = nullptr;
  void* (*cpu_proc_address)(ggml_backend_reg_t, const char*) = nullptr;
  bool (*cpu_is_numa)() = nullptr;

  std::mutex mutex;  // of what follows
  std::vector<std::weak_ptr<Model>> models;
  std::shared_ptr<Model> loading;  // the model whose buffers are being made
  // Between the first question about an expert weight and the first buffer for one: llama.cpp is
  // about to map the file.
  bool experts_offered = false;
  int experts_per_token = 1;
  // Weights that were offered and whose place is not known yet: when none is left, everything else
  // in the model's files is dense.
  std::set<std::string> awaited;
  // llama.cpp has asked for the buffer types of weights that it repacks; and what that means for
  // the model being loaded.
  bool asked_for_repacking = false;
  bool repacks = false;
};

Plugin* plugin = nullptr;  // made once by ggml_backend_init, never freed, as ggml never unloads us

extern ggml_backend_buffer_type buffer_type;
extern ggml_backend_device device;
extern ggml_backend_reg registration;

void complain(const std::string& message) {
  std::fprintf(stderr, "expert-stream: error: %s\n", message.c_str());
}

// --- buffers of weights: addresses in llama.cpp's mapping, never touched by us ---

struct WeightBuffer {
  std::shared_ptr<Model> model;
  std::size_t file = 0;
  void* base = nullptr;
};

WeightBuffer& weights_of(ggml_backend_buffer_t buffer) {
  return *static_cast<WeightBuffer*>(buffer->context);
}

void free_weights(ggml_backend_buffer_t buffer) {
  const std::unique_ptr<WeightBuffer> owned(&weights_of(buffer));
  const std::lock_guard lock(plugin->mutex);
  if (plugin->loading == owned->model) plugin->loading.reset();
}

void* weights_base(ggml_backend_buffer_t buffer) { return weights_of(buffer).base; }

ggml_status init_weight(ggml_backend_buffer_t buffer, ggml_tensor* tensor) {
  if (tensor->view_src != nullptr || tensor->ne[2] < 2) return GGML_STATUS_SUCCESS;
  const WeightBuffer& weights = weights_of(buffer);
  const std::lock_guard lock(plugin->mutex);
  weights.model->add_tensor(tensor->name, tensor->data, tensor->nb[2],
                            static_cast<int>(tensor->ne[2]), weights.file);
  if (plugin->awaited.erase(tensor->name) > 0 && plugin->awaited.empty())
    weights.model->read_dense();
  return GGML_STATUS_SUCCESS;
}

// Somebody wants the bytes themselves (to save the model, say): they are in the mapping.
void get_tensor(ggml_backend_buffer_t, const ggml_tensor* tensor, void* data, std::size_t offset,
                std::size_t size) {
  std::memcpy(data, static_cast<const char*>(tensor->data) + offset, size);
}

// --- buffers of our own memory: results, and weights of a model that is not mapped ---

void free_memory(ggml_backend_buffer_t buffer) { std::free(buffer->context); }
void* memory_base(ggml_backend_buffer_t buffer) { return buffer->context; }
void set_tensor(ggml_backend_buffer_t, ggml_tensor* tensor, const void* data, std::size_t offset,
                std::size_t size) {
  std::memcpy(static_cast<char*>(tensor->data) + offset, data, size);
}
void memset_tensor(ggml_backend_buffer_t, ggml_tensor* tensor, std::uint8_t value,
                   std::size_t offset, std::size_t size) {
  std::memset(static_cast<char*>(tensor->data) + offset, value, size);
}
bool copy_tensor(ggml_backend_buffer_t, const ggml_tensor* from, ggml_tensor* to) {
  if (!plugin->api.ggml_backend_buft_is_host(from->buffer->buft)) return false;
  std::memcpy(to->data, from->data, plugin->api.ggml_nbytes(from));
  return true;
}
void clear_memory(ggml_backend_buffer_t buffer, std::uint8_t value) {
  std::memset(buffer->context, value, buffer->size);
}

// --- the buffer type ---

constexpr std::size_t alignment = 64;

const char* type_name(ggml_backend_buffer_type_t) { return "Experts"; }
std::size_t type_alignment(ggml_backend_buffer_type_t) { return 32; }  // as ggml's CPU type has it
bool type_is_host(ggml_backend_buffer_type_t) { return true; }

ggml_backend_buffer_t allocate(ggml_backend_buffer_type_t type, std::size_t size) {
  void* memory = std::aligned_alloc(alignment, (size + alignment) / alignment * alignment);
  if (memory == nullptr) return nullptr;
  const ggml_backend_buffer_i interface = {
      .free_buffer = free_memory,
      .get_base = memory_base,
      .init_tensor = nullptr,
      .memset_tensor = memset_tensor,
      .set_tensor = set_tensor,
      .get_tensor = get_tensor,
      .set_tensor_2d = nullptr,
      .get_tensor_2d = nullptr,
      .cpy_tensor = copy_tensor,
      .clear = clear_memory,
      .reset = nullptr,
  };
  return plugin->api.ggml_backend_buffer_init(type, interface, memory, size);
}

// --- the backend: one for each context ---

struct Backend {
  std::unique_ptr<Computer> computer;
  Routing routing;
  std::vector<Product> products;
  std::vector<Ready> ready;
  std::vector<int> slots;
};

Backend& backend_of(ggml_backend_t backend) { return *static_cast<Backend*>(backend->context); }

const char* backend_name(ggml_backend_t) { return "ExpertStream"; }

void free_backend(ggml_backend_t backend) {
  delete &backend_of(backend);
  delete backend;
}

std::shared_ptr<Model> model_of(const ggml_tensor* weights, std::size_t& tensor) {
  const std::lock_guard lock(plugin->mutex);
  for (const std::weak_ptr<Model>& candidate : plugin->models) {
    if (std::shared_ptr<Model> model = candidate.lock()) {
      if (const std::size_t* found = model->find(weights->data)) {
        tensor = *found;
        return model;
      }
    }
  }
  return nullptr;
}

bool does_nothing(const ggml_tensor* node) {
  return node->op == GGML_OP_NONE || node->op == GGML_OP_RESHAPE || node->op == GGML_OP_VIEW ||
         node->op == GGML_OP_PERMUTE || node->op == GGML_OP_TRANSPOSE;
}

// True when the node reads what one of the others writes.
bool depends_on(const ggml_tensor* node, const std::vector<Product>& products) {
  for (const ggml_tensor* source : {node->src[1], node->src[2]})
    for (const Product& product : products)
      if (source == product.node || source->view_src == product.node) return true;
  return false;
}

IdMatrix id_matrix(const ggml_tensor* ids) {
  return {.data = static_cast<const char*>(ids->data),
          .positions = ids->ne[0],
          .tokens = ids->ne[1],
          .position_stride = ids->nb[0],
          .token_stride = ids->nb[1]};
}

// One visit: the products of one group that share their ids.
ggml_status compute_visit(Backend& backend, Model& model, std::size_t group, std::uint32_t parts) {
  const std::vector<Product>& products = backend.products;
  const ggml_tensor* first = products[0].node;
  const auto experts = static_cast<int>(first->src[0]->ne[2]);
  const ggml_tensor* ids = first->src[2];
  // llama.cpp's warm-up uses every expert, to make the system load them: that is what we are here
  // to avoid, and its result is thrown away.
  if (ids->ne[0] == experts && experts > model.experts_per_token()) {
    for (const Product& product : products)
      std::memset(product.node->data, 0, plugin->api.ggml_nbytes(product.node));
    return GGML_STATUS_SUCCESS;
  }
  if (!make_routing(id_matrix(ids), experts, backend.routing)) {
    complain("the graph routes to an expert that does not exist");
    return GGML_STATUS_FAILED;
  }
  const auto refuse = [](const Error& error) {
    complain(error.message);
    return GGML_STATUS_FAILED;
  };
  const std::unique_lock lock = model.lock_for_step();
  if (Outcome<void> sound = model.check(); !sound) return refuse(sound.error());
  ExpertStore& store = model.store();
  if (store.is_first_group(group) && (parts & 1u) != 0)
    model.statistics().tokens += static_cast<std::uint64_t>(ids->ne[1]);
  if (model.settings().mode != Mode::cache) {
    model.announce(group, backend.routing.uses);
    for (const Product& product : products)
      if (const ggml_status status = backend.computer->whole(product.node);
          status != GGML_STATUS_SUCCESS)
        return status;
    return GGML_STATUS_SUCCESS;
  }
  if (Outcome<void> begun = store.begin(group, backend.routing.uses, parts); !begun)
    return refuse(begun.error());
  ggml_status status = GGML_STATUS_SUCCESS;
  for (;;) {
    Outcome<bool> more = store.next(backend.ready);
    if (!more) return refuse(more.error());
    if (!*more) break;
    if (status == GGML_STATUS_SUCCESS) {
      if (backend.ready.size() == backend.routing.uses.size()) {
        backend.slots.resize(backend.ready.size());
        for (const Ready& each : backend.ready) backend.slots[each.use] = each.slot;
        status =
            backend.computer->all_rows(products, backend.routing, backend.slots, model.repacks());
      } else {
        status =
            backend.computer->some_rows(products, backend.routing, backend.ready, model.repacks());
      }
    }
    for (const Ready& each : backend.ready) store.finished(each);
  }
  if (Outcome<void> ended = store.end(); !ended) return refuse(ended.error());
  return status;
}

ggml_status compute_graph(ggml_backend_t handle, ggml_cgraph* graph) {
  Backend& backend = backend_of(handle);
  const GgmlApi& api = plugin->api;
  const int count = api.ggml_graph_n_nodes(graph);
  int i = 0;
  while (i < count) {
    const ggml_tensor* node = api.ggml_graph_node(graph, i);
    if (does_nothing(node)) {
      ++i;
      continue;
    }
    if (node->op != GGML_OP_MUL_MAT_ID) {
      complain(std::string("llama.cpp sent an operation it was not offered: ") +
               api.ggml_op_name(node->op));
      return GGML_STATUS_FAILED;
    }
    std::size_t tensor = 0;
    const std::shared_ptr<Model> model = model_of(node->src[0], tensor);
    if (model == nullptr) {
      // Weights in memory: an adapter, or a model loaded without mapping.
      if (const ggml_status status = backend.computer->whole(node); status != GGML_STATUS_SUCCESS)
        return status;
      ++i;
      continue;
    }
    {
      const std::unique_lock lock = model->lock_for_step();
      if (Outcome<void> made = model->make_cache(); !made) {
        complain(made.error().message);
        return GGML_STATUS_FAILED;
      }
    }
    ExpertStore& store = model->store();
    const std::size_t group = store.group_of(tensor);
    std::uint32_t parts = 0;
    backend.products.clear();
    for (; i < count; ++i) {
      const ggml_tensor* next = api.ggml_graph_node(graph, i);
      if (does_nothing(next)) continue;
      std::size_t index = 0;
      if (next->op != GGML_OP_MUL_MAT_ID || next->src[2] != node->src[2] ||
          model_of(next->src[0], index) != model || store.group_of(index) != group ||
          depends_on(next, backend.products))
        break;
      parts |= store.part_bit(index);
      backend.products.push_back(
          {.node = next,
           .arena = store.is_allocated() ? store.arena(index) : ExpertStore::Arena{}});
    }
    if (const ggml_status status = compute_visit(backend, *model, group, parts);
        status != GGML_STATUS_SUCCESS)
      return status;
  }
  return GGML_STATUS_SUCCESS;
}

ggml_guid backend_guid = {0x6c, 0x61, 0x72, 0x2d, 0x65, 0x78, 0x70, 0x65,
                          0x72, 0x74, 0x2d, 0x73, 0x74, 0x72, 0x65, 0x61};

void set_threads(ggml_backend_t handle, int threads) {
  const auto set = reinterpret_cast<ggml_backend_set_n_threads_t>(
      plugin->cpu_proc_address(plugin->cpu, "ggml_backend_set_n_threads"));
  if (set != nullptr) set(backend_of(handle).computer->cpu(), threads);
}

void set_abort(ggml_backend_t handle, ggml_abort_callback callback, void* data) {
  const auto set = reinterpret_cast<ggml_backend_set_abort_callback_t>(
      plugin->cpu_proc_address(plugin->cpu, "ggml_backend_set_abort_callback"));
  if (set != nullptr) set(backend_of(handle).computer->cpu(), callback, data);
}

// --- the device ---

const char* device_name(ggml_backend_dev_t) { return "ExpertStream"; }
const char* device_description(ggml_backend_dev_t) { return "experts streamed from disk"; }
void device_memory(ggml_backend_dev_t, std::size_t* free, std::size_t* total) {
  *free = *total = 0;
}
enum ggml_backend_dev_type device_type(ggml_backend_dev_t) {
  return GGML_BACKEND_DEVICE_TYPE_ACCEL;
}

void device_properties(ggml_backend_dev_t, ggml_backend_dev_props* properties) {
  *properties = {.name = device_name(nullptr),
                 .description = device_description(nullptr),
                 .memory_free = 0,
                 .memory_total = 0,
                 .type = GGML_BACKEND_DEVICE_TYPE_ACCEL,
                 .device_id = nullptr,
                 .caps = {.async = false,
                          .host_buffer = false,
                          .buffer_from_host_ptr = true,
                          .events = false,
                          .mmap_support = true}};
}

ggml_backend_t start_backend(ggml_backend_dev_t, const char*) {
  std::vector<std::shared_ptr<Model>> models;
  {
    const std::lock_guard lock(plugin->mutex);
    // A context is made: the model is loaded.
    plugin->loading.reset();
    for (const std::weak_ptr<Model>& candidate : plugin->models)
      if (std::shared_ptr<Model> model = candidate.lock()) models.push_back(std::move(model));
  }
  for (const std::shared_ptr<Model>& model : models) {
    const std::lock_guard lock(model->mutex());
    if (Outcome<void> ready = model->become_ready(); !ready) {
      complain(ready.error().message);
      return nullptr;
    }
  }
  Outcome<std::unique_ptr<Computer>> computer =
      Computer::make(plugin->api, plugin->cpu, plugin->cpu_proc_address);
  if (!computer) {
    complain(computer.error().message);
    return nullptr;
  }
  auto backend = std::make_unique<Backend>();
  backend->computer = std::move(*computer);
  const ggml_backend_i interface = {
      .get_name = backend_name,
      .free = free_backend,
      .set_tensor_async = nullptr,
      .get_tensor_async = nullptr,
      .set_tensor_2d_async = nullptr,
      .get_tensor_2d_async = nullptr,
      .cpy_tensor_async = nullptr,
      .synchronize = nullptr,
      .graph_plan_create = nullptr,
      .graph_plan_free = nullptr,
      .graph_plan_update = nullptr,
      .graph_plan_compute = nullptr,
      .graph_compute = compute_graph,
      .event_record = nullptr,
      .event_wait = nullptr,
      .graph_optimize = nullptr,
  };
  return new ggml_backend{
      .guid = &backend_guid, .iface = interface, .device = &device, .context = backend.release()};
}

ggml_backend_buffer_type_t device_buffer_type(ggml_backend_dev_t) { return &buffer_type; }

ggml_backend_buffer_t buffer_from_mapping(ggml_backend_dev_t, void* pointer, std::size_t size,
                                          std::size_t) {
  const std::lock_guard lock(plugin->mutex);
  plugin->experts_offered = false;
  if (plugin->loading == nullptr) {
    const bool repacks = plugin->settings.kernels == Kernels::automatic
                             ? plugin->repacks
                             : plugin->settings.kernels == Kernels::repacked;
    Outcome<std::shared_ptr<Model>> model =
        Model::make(plugin->settings, plugin->experts_per_token, repacks);
    if (!model) {
      complain(model.error().message);
      return nullptr;
    }
    plugin->loading = *model;
    plugin->experts_per_token = 1;
    std::erase_if(plugin->models, [](const std::weak_ptr<Model>& each) { return each.expired(); });
    plugin->models.push_back(*model);
  }
  Outcome<std::size_t> file = plugin->loading->add_mapping(pointer, size);
  if (!file) {
    complain(file.error().message);
    return nullptr;
  }
  const ggml_backend_buffer_i interface = {
      .free_buffer = free_weights,
      .get_base = weights_base,
      .init_tensor = init_weight,
      .memset_tensor = nullptr,
      .set_tensor = nullptr,
      .get_tensor = get_tensor,
      .set_tensor_2d = nullptr,
      .get_tensor_2d = nullptr,
      .cpy_tensor = nullptr,
      .clear = nullptr,
      .reset = nullptr,
  };
  return plugin->api.ggml_backend_buffer_init(
      &buffer_type, interface,
      new WeightBuffer{.model = plugin->loading, .file = *file, .base = pointer}, size);
}

bool supports_operation(ggml_backend_dev_t, const ggml_tensor* operation) {
  if (does_nothing(operation)) return true;
  if (operation->op != GGML_OP_MUL_MAT_ID) return false;
  const ggml_tensor* weights = operation->src[0];
  if (weights->buffer == nullptr || weights->buffer->buft != &buffer_type || weights->ne[2] < 2 ||
      weights->ne[3] != 1)
    return false;
  if (weights->data == nullptr) {
    // llama.cpp asks where to put a weight, with an operation of the shape it will have.
    const std::lock_guard lock(plugin->mutex);
    plugin->loading.reset();
    if (!plugin->experts_offered) {
      plugin->awaited.clear();
      plugin->repacks = plugin->asked_for_repacking;
      plugin->asked_for_repacking = false;
    }
    plugin->experts_offered = true;
    plugin->awaited.insert(weights->name);
    plugin->experts_per_token =
        std::max(plugin->experts_per_token, static_cast<int>(operation->src[2]->ne[0]));
  }
  return true;
}

bool supports_buffer_type(ggml_backend_dev_t, ggml_backend_buffer_type_t type) {
  return type == &buffer_type || plugin->api.ggml_backend_buft_is_host(type);
}

// --- the registration ---

const char* registration_name(ggml_backend_reg_t) { return "ExpertStream"; }
std::size_t device_count(ggml_backend_reg_t) { return 1; }
ggml_backend_dev_t device_at(ggml_backend_reg_t, std::size_t) { return &device; }

void* proc_address(ggml_backend_reg_t, const char* name) {
  if (std::strcmp(name, "ggml_backend_set_n_threads") == 0)
    return reinterpret_cast<void*>(set_threads);
  if (std::strcmp(name, "ggml_backend_set_abort_callback") == 0)
    return reinterpret_cast<void*>(set_abort);
  return nullptr;
}

// llama.cpp maps a file without reading it ahead on a machine with several memory nodes. It asks
// the CPU backend's registration; for a model with experts of ours the answer is yes, for anything
// else the truth. Nothing else asks here: the CPU backend's own code calls its function directly.
bool is_numa() {
  {
    const std::lock_guard lock(plugin->mutex);
    if (plugin->experts_offered) return true;
  }
  return plugin->cpu_is_numa != nullptr && plugin->cpu_is_numa();
}

void* cpu_proc_address(ggml_backend_reg_t cpu, const char* name) {
  if (std::strcmp(name, "ggml_backend_cpu_is_numa") == 0) return reinterpret_cast<void*>(is_numa);
  if (std::strcmp(name, "ggml_backend_dev_get_extra_bufts") == 0) {
    const std::lock_guard lock(plugin->mutex);
    plugin->asked_for_repacking = true;
  }
  return plugin->cpu_proc_address(cpu, name);
}

ggml_backend_buffer_type buffer_type = {
    .iface = {.get_name = type_name,
              .alloc_buffer = allocate,
              .get_alignment = type_alignment,
              .get_max_size = nullptr,
              .get_alloc_size = nullptr,
              .is_host = type_is_host},
    .device = &device,
    .context = nullptr,
};

ggml_backend_device device = {
    .iface = {.get_name = device_name,
              .get_description = device_description,
              .get_memory = device_memory,
              .get_type = device_type,
              .get_props = device_properties,
              .init_backend = start_backend,
              .get_buffer_type = device_buffer_type,
              .get_host_buffer_type = nullptr,
              .buffer_from_host_ptr = buffer_from_mapping,
              .supports_op = supports_operation,
              .supports_buft = supports_buffer_type,
              .offload_op = nullptr,
              .event_new = nullptr,
              .event_free = nullptr,
              .event_synchronize = nullptr},
    .reg = &registration,
    .context = nullptr,
};

ggml_backend_reg registration = {
    .api_version = GGML_BACKEND_API_VERSION,
    .iface = {.get_name = registration_name,
              .get_device_count = device_count,
              .get_device = device_at,
              .get_proc_address = proc_address},
    .context = nullptr,
};

}  // namespace
}  // namespace expert_stream

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() {
  using namespace expert_stream;
  if (plugin != nullptr) return &registration;
  auto made = std::make_unique<Plugin>();
  Outcome<GgmlApi> api = load_ggml_api();
  if (!api) {
    complain(api.error().message);
    return nullptr;
  }
  made->api = *api;
  Outcome<Settings> settings = read_settings([](const char* name) { return std::getenv(name); });
  if (!settings) {
    complain(settings.error().message);
    return nullptr;
  }
  made->settings = *settings;
  made->cpu = made->api.ggml_backend_reg_by_name("CPU");
  if (made->cpu == nullptr || made->cpu->api_version != GGML_BACKEND_API_VERSION) {
    complain("this program's CPU backend has another interface");
    return nullptr;
  }
  made->cpu_proc_address = made->cpu->iface.get_proc_address;
  made->cpu_is_numa =
      reinterpret_cast<bool (*)()>(made->cpu_proc_address(made->cpu, "ggml_backend_cpu_is_numa"));
  plugin = made.release();
  plugin->cpu->iface.get_proc_address = cpu_proc_address;
  return &registration;
}
