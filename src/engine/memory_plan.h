// Where the engines' memory goes: weights, keys and values, room to compute, planned for all
// engines of a machine together, before one is started. Pure functions over what a model's file
// says and what the devices have; nothing here asks the machine (machine_devices() apart). Each
// choice carries its reason, so that the plan can be explained.
//
// Order of what is given up where memory is short: first the second slot, then half floats for keys
// and values (q8_0), then context down to what lar's own prompts need, then layers or experts on a
// GPU, and at last experts in memory: those are then read from the disk while the model works
// (expert-stream). What has no room even so does not fit, and the plan says by how much.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/gguf.h"

namespace lar::engine {

struct Device {
  std::string name;                  // "RAM", or as the engine names it: "CUDA0"
  std::string description;           // "NVIDIA GeForce RTX 5090"
  std::int64_t total = 0, free = 0;  // bytes; free: for engines, all of them together
};

// What of a model's file decides how much memory it takes.
struct ModelShape {
  std::int64_t dense_bytes = 0;   // of all layers, without experts
  std::int64_t expert_bytes = 0;  // of all layers
  std::int64_t outer_bytes = 0;   // token embeddings and the output head
  int layers = 0;
  int expert_layers = 0;         // those that have experts
  std::int64_t token_bytes = 0;  // keys and values of a token in half floats, all layers
  int context = 0;               // tokens it was trained for; 0: not said
  std::int64_t width = 0, vocabulary = 0;
};
ModelShape shape_of(const GgufFile& gguf);

enum class KvType { f16, q8_0 };
std::string_view name_of(KvType type);

struct PlanWish {
  Role role = Role::chat;
  std::string model;
  ModelShape shape;
  int context = 8192;  // tokens of a conversation
  int batch = 512;
  bool embedding = false;
  bool may_stream = false;  // expert-stream lies beside lar and the owner allows it

  // ---- what starts have shown (fitting.h); nothing of it is needed ----
  bool measured = false;  // sizes are those an engine has told
  // Room to compute, of the processor and of a GPU; 0: estimated.
  std::int64_t computing_bytes = 0, gpu_computing_bytes = 0;
  // What the weights take beyond what the file says where all layers lie on a GPU, as a second copy
  // of the embeddings does.
  std::int64_t gpu_extra_bytes = 0;
  std::int64_t gpu_limit = -1;      // bytes it may take on a GPU; -1: what there is
  int most_gpu_layers = -1;         // -1: no bound
  int least_cpu_expert_layers = 0;  // where some have experts on the processor at all
  int failed_gpu_layers = 0;        // a start with so many failed
};

// What of the weights lies on a GPU by a choice.
std::int64_t gpu_weights(const ModelShape& shape, int gpu_layers, int cpu_expert_layers,
                         bool streams);
// Keys and values of that type, as half floats would be.
std::int64_t kv_as_halves(KvType type, std::int64_t bytes);

// A piece of memory and where it lies: "RAM", a GPU, or "disk".
struct PlanPart {
  enum class What { weights, experts, keys_values, computing, program } what = What::weights;
  std::string place;
  std::int64_t bytes = 0;
};
std::string_view name_of(PlanPart::What what);

// A code of i18n (plan.…) and what fills it.
struct PlanReason {
  std::string code;
  base::Parameters parameters;
};

struct EnginePlan {
  Role role = Role::chat;
  std::string model;
  bool fits = true;
  int context = 0, slots = 1;
  KvType kv = KvType::f16;
  int gpu_layers = 0;             // as for --n-gpu-layers
  int cpu_expert_layers = 0;      // as for --n-cpu-moe; 0: wherever the layer is
  bool streams = false;           // experts are read from the disk while it works
  std::int64_t stream_bytes = 0;  // memory for those in use
  std::vector<PlanPart> parts;
  std::vector<PlanReason> reasons;
  bool runs = false;
  // Of one that runs: "resident" by the system's account, and by its own, where it prints them,
  // "model", "KV", "compute", "output".
  struct Measured {
    std::string what, place;
    std::int64_t bytes = 0;
  };
  std::vector<Measured> measured;
  std::int64_t bytes_in(std::string_view place) const;
  std::int64_t memory_bytes() const;  // in all places but the disk
};

struct MemoryPlan {
  std::vector<Device> devices;  // the first is RAM; `free` before any engine
  std::vector<EnginePlan> engines;
  std::int64_t left_in(std::string_view place) const;
};

// In the order given: what comes first gets room first.
MemoryPlan plan_memory(std::vector<Device> devices, const std::vector<PlanWish>& wishes);

// The GPUs that `llama-server --list-devices` prints.
std::vector<Device> parse_devices(std::string_view printed);

// This machine: its memory, `memory` of it for engines (0: what is left), and the GPUs that the
// engine program sees. Runs that program, and keeps what it said for the next time: where a
// graphics driver shows, or always.
enum class AskDevices { if_driver, always };
// A plan is made for what the machine has; whether there is room at this moment is asked anew.
enum class Listing { kept, anew };
std::vector<Device> machine_devices(const std::string& server_program, std::int64_t memory,
                                    AskDevices ask = AskDevices::if_driver,
                                    Listing listing = Listing::kept);

// Where libggml-expert-stream.so lies: $LAR_EXPERT_STREAM, or beside the running program. Empty:
// nowhere.
std::string expert_stream_library();

}  // namespace lar::engine
