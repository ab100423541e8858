// See memory_plan.h.
#include "engine/memory_plan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/text.h"
#include "os/file.h"
#include "os/power.h"
#include "os/process.h"

namespace lar::engine {
namespace {

using What = PlanPart::What;
constexpr const char* ram = "RAM";
constexpr const char* disk = "disk";
constexpr std::array gpu_nodes = {"/dev/nvidiactl", "/dev/kfd", "/dev/dri", "/dev/dxg"};
constexpr std::int64_t mebibyte = 1 << 20;
constexpr std::int64_t gibibyte = std::int64_t{1} << 30;
constexpr std::int64_t program_bytes = 64 * mebibyte;
// What the machine itself and other programs need of it, beyond what they have.
constexpr std::int64_t ram_spare = 512 * mebibyte;
// A GPU's driver takes its own share with each process.
constexpr std::int64_t gpu_spare = 768 * mebibyte;
// lar's own prompts fit into it.
constexpr int least_context = 4096;
// Of the memory that is left, at most this part goes to a second prompt's keys and values.
constexpr int second_slot_share = 8;
// With fewer experts in memory every token waits for the disk.
constexpr int least_stream_share = 32;

std::int64_t spare_of(const Device& device) { return device.name == ram ? ram_spare : gpu_spare; }

std::int64_t kv_bytes(const ModelShape& shape, KvType type, std::int64_t tokens) {
  // q8_0: 34 bytes for 32 values.
  const std::int64_t half = shape.token_bytes * tokens;
  return type == KvType::f16 ? half : half * 34 / 64;
}

// A generating model writes one number for each word of its vocabulary; the rest is some layers'
// worth of activations.
enum class On { processor, gpu };
std::int64_t computing_bytes(const PlanWish& wish, On on = On::processor) {
  const std::int64_t measured = on == On::gpu ? wish.gpu_computing_bytes : wish.computing_bytes;
  if (measured > 0) return measured;
  const auto rows = static_cast<std::int64_t>(wish.batch);
  return rows * 4 * wish.shape.width * 8 + (wish.embedding ? 0 : rows * 4 * wish.shape.vocabulary);
}

std::string megabytes(std::int64_t bytes) { return std::to_string(bytes / mebibyte); }

class Planner {
 public:
  Planner(MemoryPlan& plan, const PlanWish& wish) : plan_(plan), wish_(wish) {
    engine_.role = wish.role;
    engine_.model = wish.model;
    const int trained = wish.shape.context > 0 ? wish.shape.context : wish.context;
    engine_.context = std::min(wish.context, trained);
    if (trained < wish.context) {
      because("plan.context_trained", {{"context", std::to_string(trained)}});
    }
  }

  EnginePlan make() {
    if (wish_.measured) because("plan.by_measurement", {});
    if (wish_.failed_gpu_layers > 0) {
      because("plan.gpu_failed", {{"layers", std::to_string(wish_.failed_gpu_layers)}});
    }
    const bool has_gpu =
        plan_.devices.size() > 1 && wish_.most_gpu_layers != 0 && wish_.gpu_limit != 0;
    if (has_gpu && !wish_.embedding && on_gpu()) return std::move(engine_);
    if (in_ram()) return std::move(engine_);
    if (wish_.shape.expert_bytes > 0 && wish_.may_stream && streamed()) return std::move(engine_);
    engine_.fits = false;
    lay_out_in_ram(0);
    because("plan.too_large", {{"needed", megabytes(engine_.memory_bytes())},
                               {"left", megabytes(std::max<std::int64_t>(0, room(ram)))}});
    if (wish_.shape.expert_bytes > 0 && !wish_.may_stream) because("plan.no_expert_stream", {});
    return std::move(engine_);
  }

 private:
  void because(std::string code, base::Parameters parameters) {
    engine_.reasons.push_back({std::move(code), std::move(parameters)});
  }
  void put(What what, std::string place, std::int64_t bytes) {
    if (bytes > 0) engine_.parts.push_back({what, std::move(place), bytes});
  }
  std::int64_t room(std::string_view place) const {
    const auto device = std::find_if(plan_.devices.begin(), plan_.devices.end(),
                                     [&](const Device& one) { return one.name == place; });
    return plan_.left_in(place) - (device == plan_.devices.end() ? 0 : spare_of(*device));
  }
  std::int64_t all_weights() const {
    return wish_.shape.dense_bytes + wish_.shape.expert_bytes + wish_.shape.outer_bytes;
  }

  // Keys and values that have room in so many bytes: shorter numbers before less context. False
  // where not even the least fits.
  bool choose_context(std::int64_t bytes) {
    const int wished = engine_.context;
    int context = wished;
    while (true) {
      for (const KvType type : {KvType::f16, KvType::q8_0}) {
        if (kv_bytes(wish_.shape, type, context) > bytes) continue;
        engine_.kv = type;
        engine_.context = context;
        if (type != KvType::f16) because("plan.kv_q8", {});
        if (context < wished) {
          because("plan.context_cut",
                  {{"context", std::to_string(context)}, {"wished", std::to_string(wished)}});
        }
        return true;
      }
      if (context <= least_context) return false;
      context = std::max(least_context, context / 2);
    }
  }

  void lay_out_in_ram(std::int64_t experts_in_memory) {
    engine_.parts.clear();
    put(What::weights, ram, wish_.shape.dense_bytes + wish_.shape.outer_bytes);
    if (experts_in_memory > 0 && experts_in_memory < wish_.shape.expert_bytes) {
      put(What::experts, ram, experts_in_memory);
      put(What::experts, disk, wish_.shape.expert_bytes);
    } else {
      put(What::experts, ram, wish_.shape.expert_bytes);
    }
    if (!wish_.embedding) {
      put(What::keys_values, ram,
          kv_bytes(wish_.shape, engine_.kv, std::int64_t{engine_.context} * engine_.slots));
    }
    put(What::computing, ram, computing_bytes(wish_));
    put(What::program, ram, program_bytes);
  }

  bool in_ram() {
    const std::int64_t fixed = all_weights() + computing_bytes(wish_) + program_bytes;
    if (fixed > room(ram)) return false;
    if (!wish_.embedding && !choose_context(room(ram) - fixed)) return false;
    lay_out_in_ram(0);
    because("plan.in_ram", {});
    return true;
  }

  // The experts in use in memory, the others read from the disk.
  bool streamed() {
    const std::int64_t fixed =
        wish_.shape.dense_bytes + wish_.shape.outer_bytes + computing_bytes(wish_) + program_bytes;
    const std::int64_t least = wish_.shape.expert_bytes / least_stream_share;
    if (fixed + least > room(ram) || !choose_context(room(ram) - fixed - least)) return false;
    engine_.streams = true;
    engine_.stream_bytes = room(ram) - fixed - kv_bytes(wish_.shape, engine_.kv, engine_.context);
    lay_out_in_ram(engine_.stream_bytes);
    because("plan.streams", {{"experts", megabytes(wish_.shape.expert_bytes)},
                             {"memory", megabytes(engine_.stream_bytes)}});
    return true;
  }

  // Layers whose experts may lie on a GPU.
  int most_whole() const {
    const int bound = wish_.shape.layers - wish_.least_cpu_expert_layers;
    return wish_.least_cpu_expert_layers > 0 ? std::clamp(bound, 0, wish_.shape.expert_layers)
                                             : wish_.shape.expert_layers;
  }

  // On the GPU with most room: layers with all they need to compute; of models with experts these
  // go last, since a token needs few of them.
  bool on_gpu() {
    const auto gpu = std::max_element(
        plan_.devices.begin() + 1, plan_.devices.end(),
        [&](const Device& one, const Device& other) { return room(one.name) < room(other.name); });
    const ModelShape& shape = wish_.shape;
    if (shape.layers <= 0) return false;
    const std::int64_t left = room(gpu->name);
    const std::int64_t here = wish_.gpu_limit < 0 ? left : std::min(left, wish_.gpu_limit);
    const bool all_layers = wish_.most_gpu_layers < 0 || wish_.most_gpu_layers > wish_.shape.layers;
    const std::int64_t computing = computing_bytes(wish_, On::gpu);
    // Token embeddings stay in RAM; the head goes with the last layer and is at most as large.
    const std::int64_t head = shape.outer_bytes / 2;
    const std::int64_t rest_in_ram = shape.outer_bytes - head + program_bytes;
    if (rest_in_ram > room(ram)) return false;
    const EnginePlan before = engine_;
    const std::int64_t dense = shape.dense_bytes + head + wish_.gpu_extra_bytes + computing;
    if (all_layers && dense < here && choose_context(here - dense)) {
      const std::int64_t kv = kv_bytes(shape, engine_.kv, engine_.context);
      const std::int64_t for_experts = here - dense - kv;
      engine_.gpu_layers = shape.layers + 1;
      const std::int64_t each =
          shape.expert_layers > 0 ? shape.expert_bytes / shape.expert_layers : 0;
      const auto whole =
          each > 0 ? static_cast<int>(std::min<std::int64_t>(most_whole(), for_experts / each)) : 0;
      std::int64_t experts_here = each * whole;
      std::int64_t experts_there = shape.expert_bytes - experts_here;
      // The plug-in holds all experts or none.
      const bool all_in_memory = experts_there <= room(ram) - rest_in_ram;
      if (!all_in_memory && wish_.may_stream) {
        experts_here = 0;
        experts_there = shape.expert_bytes;
        engine_.streams = true;
        engine_.stream_bytes = room(ram) - rest_in_ram;
      }
      if (all_in_memory || engine_.streams) {
        // --n-cpu-moe counts from the first layer, those without experts too.
        engine_.cpu_expert_layers =
            experts_there > 0 ? shape.layers - (engine_.streams ? 0 : whole) : 0;
        put(What::weights, gpu->name, shape.dense_bytes + head + wish_.gpu_extra_bytes);
        put(What::weights, ram, shape.outer_bytes - head);
        put(What::experts, gpu->name, experts_here);
        put(What::experts, ram, engine_.streams ? engine_.stream_bytes : experts_there);
        if (engine_.streams) put(What::experts, disk, shape.expert_bytes);
        put(What::keys_values, gpu->name,
            kv_bytes(shape, engine_.kv, std::int64_t{engine_.context} * engine_.slots));
        put(What::computing, gpu->name, computing);
        put(What::program, ram, program_bytes);
        because("plan.on_gpu", {{"device", gpu->name}});
        if (experts_there > 0 && !engine_.streams) {
          because("plan.experts_in_ram", {{"layers", std::to_string(engine_.cpu_expert_layers)}});
        }
        if (engine_.streams) {
          because("plan.streams", {{"experts", megabytes(shape.expert_bytes)},
                                   {"memory", megabytes(engine_.stream_bytes)}});
        }
        return true;
      }
    }
    engine_ = before;
    if (shape.expert_bytes > 0) return false;
    // As many layers as fit, with their keys and values; the others in RAM.
    const int most = wish_.most_gpu_layers < 0 ? shape.layers : wish_.most_gpu_layers;
    for (int layers = std::min(shape.layers - 1, most); layers > 0; --layers) {
      const auto share = [&](std::int64_t bytes) { return bytes * layers / shape.layers; };
      const std::int64_t kv = kv_bytes(shape, engine_.kv, engine_.context);
      if (share(shape.dense_bytes) + share(kv) + computing > here) continue;
      const std::int64_t in_ram =
          all_weights() - share(shape.dense_bytes) + kv - share(kv) + computing + program_bytes;
      if (in_ram > room(ram)) return false;
      engine_.gpu_layers = layers;
      put(What::weights, gpu->name, share(shape.dense_bytes));
      put(What::keys_values, gpu->name, share(kv));
      put(What::computing, gpu->name, computing);
      put(What::weights, ram, all_weights() - share(shape.dense_bytes));
      put(What::keys_values, ram, kv - share(kv));
      put(What::computing, ram, computing);
      put(What::program, ram, program_bytes);
      because("plan.some_layers", {{"device", gpu->name},
                                   {"layers", std::to_string(layers)},
                                   {"all", std::to_string(shape.layers)}});
      return true;
    }
    return false;
  }

  const MemoryPlan& plan_;
  const PlanWish& wish_;
  EnginePlan engine_;
};

// A second slot where it costs little of what all engines leave: people's prompts keep theirs.
void add_second_slot(MemoryPlan& plan, EnginePlan& engine, const PlanWish& wish) {
  if (!engine.fits || wish.embedding || engine.kv != KvType::f16) return;
  const std::int64_t one = kv_bytes(wish.shape, engine.kv, engine.context);
  const auto parts = [&](const PlanPart& part) { return part.what == What::keys_values; };
  const auto kept = std::find_if(engine.parts.begin(), engine.parts.end(), parts);
  if (kept != engine.parts.end()) {
    const auto device =
        std::find_if(plan.devices.begin(), plan.devices.end(),
                     [&](const Device& place) { return place.name == kept->place; });
    // Keys and values on two devices leave no room to be sure of.
    if (std::count_if(engine.parts.begin(), engine.parts.end(), parts) > 1 ||
        one * second_slot_share > plan.left_in(kept->place) - spare_of(*device)) {
      return;
    }
    kept->bytes += one;
  }
  engine.slots = 2;
  engine.reasons.push_back({"plan.two_slots", {}});
}

}  // namespace

ModelShape shape_of(const GgufFile& gguf) {
  ModelShape shape;
  const auto number = [&](const std::string& name) -> std::int64_t {
    for (const GgufEntry& entry : gguf.entries) {
      if (entry.key == gguf.architecture + "." + name) {
        return std::strtoll(entry.value.c_str(), nullptr, 10);
      }
    }
    return 0;
  };
  std::map<std::string, bool> with_experts;
  for (const GgufTensor& tensor : gguf.tensors) {
    const auto bytes = static_cast<std::int64_t>(tensor.size);
    if (!tensor.name.starts_with("blk.")) {
      shape.outer_bytes += bytes;
    } else if (tensor.name.find("_exps.") != std::string::npos) {
      shape.expert_bytes += bytes;
      with_experts[tensor.name.substr(0, tensor.name.find('.', 4))] = true;
    } else {
      shape.dense_bytes += bytes;
    }
  }
  shape.expert_layers = static_cast<int>(with_experts.size());
  shape.layers = static_cast<int>(gguf.layers);
  shape.context = static_cast<int>(std::min<std::uint64_t>(gguf.context, 1u << 24));
  shape.width = static_cast<std::int64_t>(gguf.width);
  shape.vocabulary = static_cast<std::int64_t>(gguf.vocabulary);
  if (gguf.heads > 0) {
    const auto heads =
        static_cast<std::int64_t>(gguf.key_value_heads > 0 ? gguf.key_value_heads : gguf.heads);
    const std::int64_t usual = shape.width / static_cast<std::int64_t>(gguf.heads);
    const std::int64_t key = number("attention.key_length");
    const std::int64_t value = number("attention.value_length");
    // Multi-head latent attention keeps one compressed vector, from which both are made.
    const std::int64_t rank = number("attention.kv_lora_rank");
    const std::int64_t values =
        rank > 0 ? rank + number("rope.dimension_count")
                 : heads * ((key > 0 ? key : usual) + (value > 0 ? value : usual));
    shape.token_bytes = static_cast<std::int64_t>(gguf.layers) * values * 2;
  }
  return shape;
}

std::int64_t gpu_weights(const ModelShape& shape, int gpu_layers, int cpu_expert_layers,
                         bool streams) {
  if (gpu_layers <= 0 || shape.layers <= 0) return 0;
  if (gpu_layers <= shape.layers) return shape.dense_bytes * gpu_layers / shape.layers;
  // As the planner puts them: a layer's experts are all on one side.
  const std::int64_t each = shape.expert_layers > 0 ? shape.expert_bytes / shape.expert_layers : 0;
  const int whole = streams                 ? 0
                    : cpu_expert_layers > 0 ? shape.layers - cpu_expert_layers
                                            : shape.expert_layers;
  return shape.dense_bytes + shape.outer_bytes / 2 + each * whole;
}

std::int64_t kv_as_halves(KvType type, std::int64_t bytes) {
  return type == KvType::f16 ? bytes : bytes * 64 / 34;
}

std::string_view name_of(KvType type) { return type == KvType::f16 ? "f16" : "q8_0"; }

std::string_view name_of(PlanPart::What what) {
  constexpr std::array<std::string_view, 5> names = {"weights", "experts", "keys_values",
                                                     "computing", "program"};
  return names[static_cast<std::size_t>(what)];
}

std::int64_t EnginePlan::bytes_in(std::string_view place) const {
  std::int64_t sum = 0;
  for (const PlanPart& part : parts) sum += part.place == place ? part.bytes : 0;
  return sum;
}

std::int64_t EnginePlan::memory_bytes() const {
  std::int64_t sum = 0;
  for (const PlanPart& part : parts) sum += part.place != disk ? part.bytes : 0;
  return sum;
}

std::int64_t MemoryPlan::left_in(std::string_view place) const {
  std::int64_t left = 0;
  for (const Device& device : devices) left += device.name == place ? device.free : 0;
  for (const EnginePlan& engine : engines) {
    // What does not fit is not started.
    if (engine.fits) left -= engine.bytes_in(place);
  }
  return left;
}

MemoryPlan plan_memory(std::vector<Device> devices, const std::vector<PlanWish>& wishes) {
  MemoryPlan plan;
  plan.devices = std::move(devices);
  for (const PlanWish& wish : wishes) plan.engines.push_back(Planner(plan, wish).make());
  // Only when all have theirs.
  for (std::size_t index = 0; index < wishes.size(); ++index) {
    add_second_slot(plan, plan.engines[index], wishes[index]);
  }
  return plan;
}

// "  CUDA0: NVIDIA GeForce RTX 5090 (32607 MiB, 31845 MiB free)"
std::vector<Device> parse_devices(std::string_view printed) {
  std::vector<Device> devices;
  for (const auto line : base::split(printed, '\n')) {
    const std::string_view text = base::trim(line);
    const std::size_t colon = text.find(": "), open = text.rfind(" ("),
                      comma = text.rfind(" MiB, ");
    if (colon == std::string_view::npos || open == std::string_view::npos || open < colon + 2 ||
        comma == std::string_view::npos || comma < open || !text.ends_with(" MiB free)")) {
      continue;
    }
    const auto number = [&](std::size_t from) {
      std::int64_t value = 0;
      std::from_chars(text.data() + from, text.data() + text.size(), value);
      return value * mebibyte;
    };
    Device device{std::string(text.substr(0, colon)),
                  std::string(text.substr(colon + 2, open - colon - 2)), number(open + 2),
                  number(comma + 6)};
    // Backends for the processor are listed too; they compute in RAM.
    const bool of_processor = device.name == "BLAS" || device.name.starts_with("CPU");
    if (device.total > 0 && !of_processor) devices.push_back(std::move(device));
  }
  return devices;
}

namespace {

std::string listed_devices(const std::string& program) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  const os::Descriptor reading(ends[0]);
  os::Descriptor writing(ends[1]);
  os::ProcessOptions options;
  options.arguments = {program, "--list-devices"};
  for (const char* name : {"PATH", "HOME", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"}) {
    if (const char* value = getenv(name)) {
      options.environment.push_back(std::string(name) + "=" + value);
    }
  }
  options.standard_output = writing.get();
  options.standard_error = writing.get();
  options.network = os::Network::none;
  auto process = os::Process::start(options);
  writing.close();
  if (!process) return {};
  // Small: it fits into the pipe, so that the program ends without being read from.
  if (!process->wait_for(std::chrono::seconds(20))) return {};
  std::string text;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = read(reading.get(), piece.data(), piece.size());
    if (count <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

std::vector<Device> machine_devices(const std::string& server_program, std::int64_t memory,
                                    AskDevices ask, Listing listing) {
  std::vector<Device> devices;
  const std::int64_t left = os::available_memory();
  Device own{ram, "", os::total_memory(),
             memory > 0 ? std::min(memory, left > 0 ? left : memory) : left};
  devices.push_back(own);
  static std::mutex mutex;
  static std::map<std::string, std::string> printed;
  const std::lock_guard lock(mutex);
  // Without a node of a graphics driver there is no use in asking, which takes a start.
  std::error_code error;
  const bool may_have_gpu = ask == AskDevices::always ||
                            std::any_of(gpu_nodes.begin(), gpu_nodes.end(), [&](const char* node) {
                              return std::filesystem::exists(node, error);
                            });
  if (!server_program.empty() && may_have_gpu) {
    std::string listed;
    if (const auto found = printed.find(server_program);
        found != printed.end() && listing == Listing::kept) {
      listed = found->second;
    } else {
      listed = listed_devices(server_program);
      // What was said first holds for plans: by now engines of lar's own may take some of it.
      printed.emplace(server_program, listed);
    }
    for (Device& gpu : parse_devices(listed)) devices.push_back(std::move(gpu));
  }
  return devices;
}

std::string expert_stream_library() {
  if (const char* named = getenv("LAR_EXPERT_STREAM"); named != nullptr) return named;
  const std::filesystem::path beside =
      std::filesystem::path(os::program_path()).parent_path() / "libggml-expert-stream.so";
  return access(beside.c_str(), R_OK) == 0 ? beside.string() : "";
}

}  // namespace lar::engine
