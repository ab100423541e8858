// The planner over machines and models that are not there: their figures are those of the real
// ones.
#include "engine/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lar::engine {
namespace {

constexpr std::int64_t gibibyte = std::int64_t{1} << 30;

Device ram(std::int64_t gigabytes, std::int64_t free) {
  return {"RAM", "", gigabytes * gibibyte, free * gibibyte};
}
Device rtx5090() { return {"CUDA0", "NVIDIA GeForce RTX 5090", 32 * gibibyte, 31 * gibibyte}; }

// The shapes of the released files, as shape_of() finds them.
GgufFile kimi_k2() {
  GgufFile gguf;
  gguf.architecture = "deepseek2";
  gguf.layers = 61;
  gguf.heads = 64;
  gguf.key_value_heads = 1;
  gguf.width = 7168;
  gguf.vocabulary = 163'840;
  gguf.context = 131'072;
  gguf.experts = 384;
  gguf.entries = {{"deepseek2.attention.kv_lora_rank", "u32", "512", 1},
                  {"deepseek2.rope.dimension_count", "u32", "64", 1},
                  {"deepseek2.attention.key_length", "u32", "576", 1},
                  {"deepseek2.attention.value_length", "u32", "512", 1}};
  const auto tensor = [&](const std::string& name, std::uint64_t bytes) {
    gguf.tensors.push_back({name, "Q4_K", {bytes}, 0, bytes});
  };
  // Q4_K: 144 bytes for 256 weights.
  constexpr std::uint64_t expert_tensor = 384ull * 2048 * 7168 * 144 / 256;
  for (int layer = 0; layer < 61; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    tensor(block + "attn_q_b.weight", 120ull << 20);
    tensor(block + "attn_norm.weight", 28'672);
    if (layer == 0) {
      tensor(block + "ffn_up.weight", 220ull << 20);
      continue;
    }
    for (const char* part : {"gate", "up", "down"}) {
      tensor(block + "ffn_" + part + "_exps.weight", expert_tensor);
      tensor(block + "ffn_" + part + "_shexp.weight", 8ull << 20);
    }
  }
  tensor("token_embd.weight", 163'840ull * 7168 * 144 / 256);
  tensor("output.weight", 163'840ull * 7168 * 210 / 256);
  return gguf;
}

PlanWish wish_of(Role role, const char* model, ModelShape shape, int context) {
  PlanWish wish;
  wish.role = role;
  wish.model = model;
  wish.shape = shape;
  wish.context = context;
  wish.embedding = role == Role::embed;
  if (wish.embedding) wish.batch = 2048;
  return wish;
}

ModelShape dense_model(std::int64_t gigabytes) {
  ModelShape shape;
  shape.dense_bytes = gigabytes * gibibyte;
  shape.outer_bytes = gibibyte / 2;
  shape.layers = 32;
  shape.token_bytes = 128 << 10;
  shape.context = 131'072;
  shape.width = 4096;
  shape.vocabulary = 128'000;
  return shape;
}

bool gives(const EnginePlan& plan, const std::string& code) {
  return std::any_of(plan.reasons.begin(), plan.reasons.end(),
                     [&](const PlanReason& reason) { return reason.code == code; });
}

// Whatever is planned must fit into what there is.
void expect_fits(const MemoryPlan& plan) {
  for (const Device& device : plan.devices) EXPECT_GE(plan.left_in(device.name), 0) << device.name;
}

TEST(MemoryPlan, the_parts_of_a_model_with_experts_are_told_apart) {
  const ModelShape shape = shape_of(kimi_k2());
  EXPECT_EQ(shape.layers, 61);
  EXPECT_EQ(shape.expert_layers, 60);
  EXPECT_NEAR(static_cast<double>(shape.expert_bytes) / gibibyte, 531, 2);
  EXPECT_LT(shape.dense_bytes, 10 * gibibyte);
  EXPECT_EQ(shape.token_bytes, 61 * 576 * 2) << "latent attention keeps one vector a layer";
}

TEST(MemoryPlan, kimi_k2_with_48k_on_a_5090_and_128_gb_streams_its_experts) {
  PlanWish wish = wish_of(Role::chat, "kimi-k2", shape_of(kimi_k2()), 48 * 1024);
  wish.may_stream = true;
  const MemoryPlan plan = plan_memory({ram(128, 120), rtx5090()}, {wish});
  const EnginePlan& engine = plan.engines.at(0);
  EXPECT_TRUE(engine.fits);
  EXPECT_EQ(engine.context, 48 * 1024);
  EXPECT_EQ(engine.gpu_layers, 62) << "all layers and the head";
  EXPECT_EQ(engine.cpu_expert_layers, 61) << "but no experts";
  EXPECT_TRUE(engine.streams);
  EXPECT_GT(engine.stream_bytes, 100 * gibibyte);
  EXPECT_GT(engine.bytes_in("disk"), 500 * gibibyte);
  EXPECT_GT(engine.bytes_in("CUDA0"), 8 * gibibyte);
  EXPECT_TRUE(gives(engine, "plan.streams"));
  expect_fits(plan);
  wish.may_stream = false;
  const EnginePlan without = plan_memory({ram(128, 120), rtx5090()}, {wish}).engines.at(0);
  EXPECT_FALSE(without.fits);
  EXPECT_TRUE(gives(without, "plan.too_large"));
  EXPECT_TRUE(gives(without, "plan.no_expert_stream"));
}

TEST(MemoryPlan, experts_that_fit_into_memory_stay_there_and_on_the_gpu) {
  ModelShape shape = dense_model(2);
  shape.expert_bytes = 48 * gibibyte;
  shape.expert_layers = 32;
  const MemoryPlan plan =
      plan_memory({ram(64, 60), rtx5090()}, {wish_of(Role::chat, "moe", shape, 32'768)});
  const EnginePlan& engine = plan.engines.at(0);
  EXPECT_TRUE(engine.fits);
  EXPECT_FALSE(engine.streams);
  EXPECT_GT(engine.cpu_expert_layers, 5);
  EXPECT_LT(engine.cpu_expert_layers, 25);
  EXPECT_GT(engine.bytes_in("CUDA0"), 20 * gibibyte) << "the GPU is made use of";
  EXPECT_TRUE(gives(engine, "plan.experts_in_ram"));
  expect_fits(plan);
}

TEST(MemoryPlan, without_a_gpu_everything_lies_in_ram) {
  const MemoryPlan plan =
      plan_memory({ram(24, 20)}, {wish_of(Role::chat, "small", dense_model(2), 8192)});
  const EnginePlan& engine = plan.engines.at(0);
  EXPECT_TRUE(engine.fits);
  EXPECT_EQ(engine.gpu_layers, 0);
  EXPECT_EQ(engine.context, 8192);
  EXPECT_EQ(engine.slots, 2);
  EXPECT_EQ(engine.kv, KvType::f16);
  EXPECT_EQ(engine.bytes_in("RAM"), engine.memory_bytes());
  expect_fits(plan);
}

TEST(MemoryPlan, shorter_numbers_come_before_less_context_and_both_before_nothing) {
  // 128 KiB a token: 32,768 tokens are 4 GiB, 2.1 GiB in eight bits.
  const auto with = [](std::int64_t free) {
    return plan_memory({{"RAM", "", 16 * gibibyte, free}},
                       {wish_of(Role::chat, "m", dense_model(4), 32'768)})
        .engines.at(0);
  };
  constexpr std::int64_t base = 5 * gibibyte + gibibyte / 2;
  const EnginePlan roomy = with(base + 5 * gibibyte);
  EXPECT_EQ(roomy.kv, KvType::f16);
  EXPECT_EQ(roomy.context, 32'768);
  EXPECT_EQ(roomy.slots, 1) << "a second slot would cost more than an eighth";
  const EnginePlan less = with(base + 3 * gibibyte);
  EXPECT_EQ(less.kv, KvType::q8_0);
  EXPECT_EQ(less.context, 32'768);
  EXPECT_TRUE(gives(less, "plan.kv_q8"));
  const EnginePlan little = with(base + gibibyte);
  EXPECT_LT(little.context, 32'768);
  EXPECT_GE(little.context, 4096);
  EXPECT_TRUE(gives(little, "plan.context_cut"));
  EXPECT_FALSE(with(3 * gibibyte).fits);
}

TEST(MemoryPlan, layers_go_to_a_small_gpu_as_far_as_they_fit) {
  const Device small{"Vulkan0", "a small one", 8 * gibibyte, 7 * gibibyte};
  const MemoryPlan plan =
      plan_memory({ram(32, 28), small}, {wish_of(Role::chat, "m", dense_model(12), 8192)});
  const EnginePlan& engine = plan.engines.at(0);
  EXPECT_TRUE(engine.fits);
  EXPECT_GT(engine.gpu_layers, 5);
  EXPECT_LT(engine.gpu_layers, 32);
  EXPECT_TRUE(gives(engine, "plan.some_layers"));
  expect_fits(plan);
}

TEST(MemoryPlan, what_comes_first_gets_room_first) {
  const MemoryPlan plan =
      plan_memory({ram(16, 12)}, {wish_of(Role::chat, "chat", dense_model(7), 8192),
                                  wish_of(Role::embed, "embed", dense_model(1), 2048),
                                  wish_of(Role::fast, "fast", dense_model(6), 8192)});
  EXPECT_TRUE(plan.engines[0].fits);
  EXPECT_TRUE(plan.engines[1].fits);
  EXPECT_EQ(plan.engines[0].slots, 1) << "a second slot comes after everybody's first";
  EXPECT_FALSE(plan.engines[2].fits);
  expect_fits(plan);
}

TEST(MemoryPlan, the_devices_that_an_engine_lists_are_read) {
  const auto devices = parse_devices(
      "ggml_cuda_init: found 1 CUDA devices (Total VRAM: 32607 MiB):\n"
      "Available devices:\n"
      "  CUDA0: NVIDIA GeForce RTX 5090 (32607 MiB, 31845 MiB free)\n"
      "  Vulkan1: AMD Radeon (RADV) (8192 MiB, 8000 MiB free)\n"
      "  BLAS: OpenBLAS (0 MiB, 0 MiB free)\n"
      "  nonsense: (x MiB, y MiB free)\n");
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].name, "CUDA0");
  EXPECT_EQ(devices[0].description, "NVIDIA GeForce RTX 5090");
  EXPECT_EQ(devices[0].total, std::int64_t{32'607} << 20);
  EXPECT_EQ(devices[0].free, std::int64_t{31'845} << 20);
  EXPECT_EQ(devices[1].description, "AMD Radeon (RADV)");
  EXPECT_TRUE(parse_devices("Available devices:\n  (none)\n").empty());
}

}  // namespace
}  // namespace lar::engine
