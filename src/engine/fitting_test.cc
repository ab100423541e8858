// Plans corrected by what starts have shown: the choice by itself, and with engines that play a
// GPU.
#include "engine/fitting.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/backend.h"
#include "engine/memory_plan.h"
#include "engine/models.h"
#include "engine/test_engines.h"

namespace lar::engine {
namespace {

constexpr std::int64_t mebibyte = 1 << 20, gibibyte = std::int64_t{1} << 30;

// Eight layers of 512 MiB, embeddings of as much.
ModelShape eight_layers() {
  ModelShape shape;
  shape.dense_bytes = 4 * gibibyte;
  shape.outer_bytes = gibibyte / 2;
  shape.layers = 8;
  shape.token_bytes = 64 << 10;
  shape.context = 32'768;
  return shape;
}

std::vector<Device> machine(std::int64_t gpu_mebibytes) {
  return {{"RAM", "", 64 * gibibyte, 60 * gibibyte},
          {"CUDA0", "a GPU", gpu_mebibytes * mebibyte, gpu_mebibytes * mebibyte}};
}

PlanWish wish_for(const ModelShape& shape) {
  PlanWish wish;
  wish.model = "m";
  wish.shape = shape;
  return wish;
}

EnginePlan plan_of(const PlanWish& wish, const Fit& fit, const std::vector<Device>& devices) {
  return plan_memory(devices, {corrected(wish, fit, devices)}).engines.at(0);
}

bool gives(const EnginePlan& plan, const std::string& code) {
  return std::any_of(plan.reasons.begin(), plan.reasons.end(),
                     [&](const PlanReason& reason) { return reason.code == code; });
}

TEST(Fitting, without_a_start_the_plan_is_the_estimate) {
  const auto devices = machine(8192);
  const PlanWish wish = wish_for(eight_layers());
  const EnginePlan plan = plan_of(wish, {}, devices);
  EXPECT_EQ(plan.gpu_layers, 9);
  EXPECT_FALSE(gives(plan, "plan.by_measurement"));
}

TEST(Fitting, what_a_start_took_takes_the_place_of_estimates) {
  const auto devices = machine(8192);
  const PlanWish wish = wish_for(eight_layers());
  Fit fit;
  const EnginePlan first = plan_of(wish, fit, devices);
  // Embeddings copied whole as head, 3 GiB to compute, keys and values twice as large as thought.
  const std::int64_t tokens = std::int64_t{first.context} * first.slots;
  fit.trials.push_back(trial_of(first, true,
                                {{"model", "CUDA0", 4 * gibibyte + gibibyte / 2},
                                 {"model", "RAM", gibibyte / 2},
                                 {"KV", "CUDA0", tokens * (128 << 10)},
                                 {"compute", "CUDA0", 3 * gibibyte},
                                 {"compute", "RAM", 10 * mebibyte}},
                                devices));
  const PlanWish by_measure = corrected(wish, fit, devices);
  EXPECT_EQ(by_measure.shape.token_bytes, 128 << 10);
  EXPECT_EQ(by_measure.gpu_computing_bytes, 3 * gibibyte);
  EXPECT_EQ(by_measure.computing_bytes, 0) << "of the processor alone nothing was seen";
  EXPECT_EQ(by_measure.gpu_extra_bytes, gibibyte / 4) << "half of them had been thought of";
  const EnginePlan second = plan_of(wish, fit, devices);
  EXPECT_TRUE(gives(second, "plan.by_measurement"));
  EXPECT_LT(second.gpu_layers, 9) << "all layers would leave too little";
  EXPECT_GT(second.gpu_layers, 4);
  EXPECT_LE(second.bytes_in("CUDA0"), devices[1].free);
}

TEST(Fitting, smaller_than_thought_means_more_on_the_gpu) {
  const auto devices = machine(6144);
  PlanWish wish = wish_for(eight_layers());
  wish.shape.width = 8192;
  wish.shape.vocabulary = 400'000;  // 900 MB to compute by the estimate
  Fit fit;
  const EnginePlan first = plan_of(wish, fit, devices);
  ASSERT_LT(first.gpu_layers, 9);
  ASSERT_GT(first.gpu_layers, 0);
  fit.trials.push_back(trial_of(first, true, {{"compute", "CUDA0", 100 * mebibyte}}, devices));
  const EnginePlan second = plan_of(wish, fit, devices);
  EXPECT_EQ(second.gpu_layers, 9);
  EXPECT_FALSE(has_started(fit, second)) << "and is to be tried before anybody is served";
}

TEST(Fitting, after_a_failure_less_goes_there_and_at_last_nothing) {
  const auto devices = machine(8192);
  const PlanWish wish = wish_for(eight_layers());
  Fit fit;
  std::vector<int> layers;
  for (int start = 0; start < 4; ++start) {
    const EnginePlan plan = plan_of(wish, fit, devices);
    layers.push_back(plan.gpu_layers);
    EXPECT_TRUE(plan.fits);
    EXPECT_EQ(start > 0, gives(plan, "plan.gpu_failed"));
    fit.trials.push_back(trial_of(plan, false, {}, devices));
  }
  EXPECT_EQ(layers[0], 9);
  EXPECT_LT(layers[1], layers[0]);
  EXPECT_LT(layers[2], layers[1]);
  EXPECT_GT(layers[2], 0);
  EXPECT_EQ(layers[3], 0);
  // Another program had the memory then.
  auto roomier = devices;
  roomier[1].free = roomier[1].total = devices[1].free * 2;
  EXPECT_EQ(plan_of(wish, fit, roomier).gpu_layers, 9);
  EXPECT_FALSE(gives(plan_of(wish, fit, roomier), "plan.gpu_failed"));
}

TEST(Fitting, what_has_stood_is_gone_back_to_when_more_fails) {
  const auto devices = machine(8192);
  const PlanWish wish = wish_for(eight_layers());
  Fit fit;
  EnginePlan less = plan_of(wish, fit, devices);
  less.gpu_layers = 5;
  less.slots = 1;
  fit.trials.push_back(trial_of(less, true, {{"compute", "CUDA0", 10 * mebibyte}}, devices));
  const EnginePlan more = plan_of(wish, fit, devices);
  EXPECT_EQ(more.gpu_layers, 9);
  fit.trials.push_back(trial_of(more, false, {}, devices));
  EXPECT_TRUE(has_failed(fit, more, devices));
  const EnginePlan back = plan_of(wish, fit, devices);
  EXPECT_EQ(back.gpu_layers, 5);
  EXPECT_TRUE(has_started(fit, back));
}

TEST(Fitting, experts_stay_where_they_have_stood) {
  const auto devices = machine(16'384);
  ModelShape shape = eight_layers();
  shape.dense_bytes = gibibyte;
  shape.expert_bytes = 24 * gibibyte;
  shape.expert_layers = 8;
  const PlanWish wish = wish_for(shape);
  Fit fit;
  EnginePlan first = plan_of(wish, fit, devices);
  ASSERT_GT(first.cpu_expert_layers, 0);
  ASSERT_LT(first.cpu_expert_layers, 8);
  EXPECT_EQ(first.bytes_in("CUDA0"),
            gpu_weights(shape, first.gpu_layers, first.cpu_expert_layers, false) +
                first.context * first.slots * shape.token_bytes);
  EnginePlan fewer = first;
  fewer.cpu_expert_layers = 7;
  fit.trials = {trial_of(fewer, true, {}, devices), trial_of(first, false, {}, devices)};
  EXPECT_EQ(plan_of(wish, fit, devices).cpu_expert_layers, 7);
}

TEST(Fitting, eight_bits_count_as_what_they_would_be_in_halves) {
  const auto devices = machine(8192);
  const PlanWish wish = wish_for(eight_layers());
  Fit fit;
  EnginePlan plan = plan_of(wish, fit, devices);
  plan.kv = KvType::q8_0;
  const std::int64_t tokens = std::int64_t{plan.context} * plan.slots;
  fit.trials.push_back(
      trial_of(plan, true, {{"KV", "CUDA0", tokens * (64 << 10) * 34 / 64}}, devices));
  EXPECT_NEAR(static_cast<double>(corrected(wish, fit, devices).shape.token_bytes), 64 << 10, 2);
}

// ---- with engines ----

class FittingTest : public EnginesTest {
 protected:
  void SetUp() override {
    EnginesTest::SetUp();
    write_file(folder / "models/deep.gguf", deep_gguf());
    // Its weights are holes: they cost no disk.
    fs::resize_file(folder / "models/deep.gguf",
                    fs::file_size(folder / "models/deep.gguf") + 9ull * (512 << 20));
    std::ofstream(folder / "models/models.toml", std::ios::app)
        << "[[model]]\nname = \"deep\"\nroles = [\"chat\"]\nfile = \"deep.gguf\"\n";
    write_file(folder / "home/engines.toml", "ask_devices = true\n");
    write_file(folder / "home/roles.toml", "chat = \"deep\"\n");
  }
  // Embeddings and eight layers of 512 MiB each.
  static std::string deep_gguf() {
    std::string bytes = "GGUF";
    const auto number = [&](auto value) {
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    };
    const auto text = [&](const std::string& value) {
      number(std::uint64_t{value.size()});
      bytes += value;
    };
    constexpr std::uint32_t type_uint32 = 4, type_string = 8;
    number(std::uint32_t{3});
    number(std::uint64_t{9});
    number(std::uint64_t{3});
    text("general.architecture");
    number(type_string);
    text("toy");
    for (const auto& [key, value] :
         {std::pair{"toy.context_length", 4096u}, std::pair{"toy.block_count", 8u}}) {
      text(key);
      number(type_uint32);
      number(std::uint32_t{value});
    }
    constexpr std::uint64_t each = 512ull << 20;
    for (std::uint64_t tensor = 0; tensor < 9; ++tensor) {
      text(tensor == 0 ? "token_embd.weight" : "blk." + std::to_string(tensor - 1) + ".w");
      number(std::uint32_t{1});
      number(each / 4);
      number(std::uint32_t{0});
      number(tensor * each);
    }
    bytes.resize((bytes.size() + 31) / 32 * 32);
    return bytes;
  }
  std::vector<std::string> starts() {
    std::vector<std::string> all;
    std::ifstream file(folder / "journal");
    for (std::string line; std::getline(file, line);) {
      const std::size_t layers = line.find("-ngl ");
      if (layers == std::string::npos) continue;
      all.push_back((line.starts_with("start") ? "started " : "failed ") + line.substr(layers + 5));
    }
    return all;
  }
  std::string reasons() {
    std::string all;
    const auto plan = engines->plan();
    EXPECT_TRUE(plan);
    for (const PlanReason& reason : plan->engines.at(0).reasons) all += reason.code + " ";
    return all;
  }
};

TEST_F(FittingTest, a_plan_that_leaves_too_little_is_mended_before_anybody_is_served) {
  // By the estimate all nine fit into 8 GiB; 3,000 MiB to compute leave room for fewer.
  script("normal --gpu 8192,512,3000");
  open();
  const auto answer = ask("hello");
  ASSERT_TRUE(answer) << answer.error().describe();
  const auto seen = starts();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], "started 9");
  EXPECT_EQ(seen[1], "started 7");
  EXPECT_NE(reasons().find("plan.by_measurement"), std::string::npos);
  EXPECT_EQ(journal_count("chat"), 1) << "the first engine answered nobody";
  // Once for this model, engine and machine.
  open();
  ASSERT_TRUE(ask("again"));
  EXPECT_EQ(starts().size(), 3u);
  EXPECT_EQ(starts().back(), "started 7");
}

TEST_F(FittingTest, an_engine_that_does_not_start_with_so_much_gets_less) {
  script("normal --gpu 8192,512,5000");
  open();
  const auto answer = ask("hello");
  ASSERT_TRUE(answer) << answer.error().describe();
  const auto seen = starts();
  EXPECT_EQ(seen.front(), "failed 9");
  EXPECT_TRUE(seen.back().starts_with("started ")) << seen.back();
  EXPECT_NE(seen.back(), "started 0") << "some of it fits";
  const std::size_t count = seen.size();
  EXPECT_LE(count, 5u);
  open();
  ASSERT_TRUE(ask("again"));
  EXPECT_EQ(starts().size(), count + 1) << "nothing is tried again";
  EXPECT_EQ(starts().back(), seen.back());
}

TEST_F(FittingTest, where_nothing_starts_on_the_gpu_the_processor_computes) {
  script("normal --gpu 8192,512,9000");
  open();
  const auto answer = ask("hello");
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(starts().back(), "started 0");
  EXPECT_NE(reasons().find("plan.gpu_failed"), std::string::npos);
  const std::size_t count = starts().size();
  open();
  ASSERT_TRUE(ask("again"));
  EXPECT_EQ(starts().size(), count + 1);
}

TEST_F(FittingTest, a_model_taken_into_use_is_tried_the_same_way) {
  write_file(folder / "home/roles.toml", "");
  script("normal --gpu 8192,512,5000");
  open();
  const auto used = engines->use(Role::chat, "deep");
  ASSERT_TRUE(used) << used.error().describe();
  EXPECT_EQ(starts().front(), "failed 9");
  const std::size_t count = starts().size();
  ASSERT_TRUE(ask("hello"));
  EXPECT_EQ(starts().size(), count) << "what stood the trial serves";
}

TEST_F(FittingTest, taken_into_use_again_it_is_tried_anew) {
  script("normal --gpu 8192,512,9000");
  open();
  ASSERT_TRUE(ask("hello"));
  EXPECT_EQ(starts().back(), "started 0");
  // Its driver has been mended, the program is the same.
  const auto written = fs::last_write_time(folder / "llama-server");
  script("normal --gpu 8192,512,0100");
  fs::last_write_time(folder / "llama-server", written);
  open();
  ASSERT_TRUE(ask("hello"));
  EXPECT_EQ(starts().back(), "started 0") << "by itself it is not";
  const auto used = engines->use(Role::chat, "deep");
  ASSERT_TRUE(used) << used.error().describe();
  EXPECT_EQ(starts().back(), "started 9");
}

TEST_F(FittingTest, without_a_gpu_what_an_engine_says_makes_the_next_plan) {
  write_file(folder / "home/engines.toml", "");
  script("normal --gpu 0,512,700");
  open();
  ASSERT_TRUE(ask("hello"));
  EXPECT_EQ(starts(), std::vector<std::string>{"started 0"}) << "no start for trial";
  EXPECT_NE(reasons().find("plan.by_measurement"), std::string::npos);
  const auto plan = engines->plan();
  ASSERT_TRUE(plan);
  const auto& parts = plan->engines.at(0).parts;
  const auto computing = std::find_if(parts.begin(), parts.end(), [](const PlanPart& part) {
    return part.what == PlanPart::What::computing;
  });
  ASSERT_NE(computing, parts.end());
  EXPECT_EQ(computing->bytes, 700 * mebibyte);
}

TEST_F(FittingTest, a_damaged_file_of_trials_is_as_none) {
  script("normal --gpu 8192,512,3000");
  open();
  ASSERT_TRUE(ask("hello"));
  for (const auto& file : fs::directory_iterator(folder / "home/fits")) {
    write_file(file.path(), "{\"trials\": [{\"gpu_layers\": 3}]}");
  }
  open();
  ASSERT_TRUE(ask("again"));
  EXPECT_EQ(starts().size(), 4u) << "seen anew";
}

TEST_F(FittingTest,
       where_a_gpu_has_no_room_for_both_the_old_engine_ends_before_the_new_one_starts) {
  write_file(folder / "models/deep2.gguf", deep_gguf());
  fs::resize_file(folder / "models/deep2.gguf",
                  fs::file_size(folder / "models/deep2.gguf") + 9ull * (512 << 20));
  std::ofstream(folder / "models/models.toml", std::ios::app)
      << "[[model]]\nname = \"deep2\"\nroles = [\"chat\"]\nfile = \"deep2.gguf\"\n";
  script("normal --gpu 8192,512,100 --gpu-used '" + (folder / "gpu").string() + "'");
  open();
  ASSERT_TRUE(ask("hello"));
  const std::size_t before = starts().size();
  const auto used = engines->use(Role::chat, "deep2");
  ASSERT_TRUE(used) << used.error().describe();
  const auto seen = starts();
  ASSERT_GT(seen.size(), before);
  for (const std::string& start : seen) {
    EXPECT_EQ(start, "started 9") << "beside the old one it would have got less, for ever";
  }
  EXPECT_EQ(ask("x")->model, "deep2");
}

TEST_F(FittingTest, ram_is_compared_with_ram_and_a_gpu_with_what_is_free_there_now) {
  script("normal --gpu 8192,512,100 --gpu-used '" + (folder / "gpu").string() + "'");
  EngineOptions with = options();
  with.memory_bytes = 3072 * mebibyte;
  auto models = Models::open(with.models_folder);
  ASSERT_TRUE(models);
  const auto backend =
      make_backend(with, **models, folder / "home/run", Role::chat, "deep", "room");
  ASSERT_TRUE(backend) << backend.error().describe();
  ASSERT_EQ((*backend)->plan.gpu_layers, 9);
  EXPECT_GT((*backend)->plan.memory_bytes(), with.memory_bytes);
  EXPECT_FALSE(shortage(with, **backend)) << "most of it lies on the GPU";
  // Somebody else takes most of it.
  write_file(folder / "gpu", std::to_string(getpid()) + " 6000\n");
  const auto lacks = shortage(with, **backend);
  ASSERT_TRUE(lacks);
  EXPECT_EQ(lacks->left, (8192 - 6000) * mebibyte);
  EXPECT_EQ(lacks->needed, (*backend)->plan.bytes_in("CUDA0"));
}

}  // namespace
}  // namespace lar::engine
