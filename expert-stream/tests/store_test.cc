// The store against files whose every byte is known: whatever is asked for in whatever order and
// with however little memory, the slots hold the right bytes, and each is read no more often than
// promised.
#include "store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

#include "state.h"

namespace expert_stream {
namespace {

// A reader that does with each request what the test says.
class PlayedReader final : public Reader {
 public:
  using Script = std::function<std::int64_t(const ReadRequest&, int number)>;  // bytes, or -errno
  explicit PlayedReader(Script script) : script_(std::move(script)) {}
  void submit(std::span<const ReadRequest> requests) override {
    waiting_.insert(waiting_.end(), requests.begin(), requests.end());
  }
  Outcome<void> collect(Wait wait, std::vector<ReadResult>& results) override {
    if (wait == Wait::poll) return {};
    if (waiting_.empty()) return {};
    const std::size_t index = waiting_.size() / 2;  // not in order
    const ReadRequest request = waiting_[index];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
    const std::int64_t allowed =
        script_ ? script_(request, number_++) : static_cast<std::int64_t>(request.length);
    if (allowed <= 0) {
      results.push_back({request.tag, allowed});
      return {};
    }
    const ssize_t count =
        ::pread(request.descriptor, request.destination, static_cast<std::size_t>(allowed),
                static_cast<off_t>(request.offset));
    results.push_back({request.tag, count < 0 ? -errno : count});
    return {};
  }
  std::size_t in_flight() const override { return waiting_.size(); }
  std::string name() const override { return "played"; }

 private:
  Script script_;
  int number_ = 0;
  std::deque<ReadRequest> waiting_;
};

unsigned char byte_at(std::uint64_t offset) {
  return static_cast<unsigned char>((offset * 2654435761u) >> 13);
}

struct Shape {
  int groups = 3;
  int experts = 12;
  std::vector<std::uint64_t> slices = {1536, 1536, 2048};  // by part
  std::uint64_t begin = 4096 + 32;
};

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Not in /tmp, which may be memory and cannot be read directly then.
    path_ = "expert-store-test-" + std::to_string(::getpid()) + ".bin";
  }
  void TearDown() override { std::remove(path_.c_str()); }

  void make(const Shape& shape, std::unique_ptr<Reader> reader, bool direct) {
    shape_ = shape;
    std::uint64_t size = shape.begin;
    for (const std::uint64_t slice : shape.slices)
      size += slice * static_cast<std::uint64_t>(shape.groups * shape.experts);
    std::string content(size, '\0');
    for (std::uint64_t i = 0; i < size; ++i) content[i] = static_cast<char>(byte_at(i));
    std::ofstream(path_, std::ios::binary) << content;
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    Outcome<ModelFile> file = ModelFile::open({.inode = status.st_ino, .path = path_}, direct);
    ASSERT_TRUE(file) << file.error().message;
    statistics_ = std::make_shared<Statistics>();
    store_ = std::make_unique<ExpertStore>(std::move(reader), statistics_);
    store_->add_file(std::move(*file));
    std::uint64_t offset = shape.begin;
    tensors_.clear();
    for (int group = 0; group < shape.groups; ++group) {
      for (std::size_t part = 0; part < shape.slices.size(); ++part) {
        const char* names[] = {"gate", "up", "down"};
        tensors_.push_back(store_->add_tensor(
            {.name = "blk." + std::to_string(group) + ".ffn_" + names[part] + "_exps.weight",
             .file = 0,
             .offset = offset,
             .slice_bytes = shape.slices[part],
             .experts = shape.experts}));
        offset += shape.slices[part] * static_cast<std::uint64_t>(shape.experts);
      }
    }
  }

  std::size_t tensor(int group, std::size_t part) const {
    return tensors_[static_cast<std::size_t>(group) * shape_.slices.size() + part];
  }

  // One step; every slot handed out is compared with the file.
  Outcome<void> step(int group, const std::vector<Use>& uses, std::uint32_t parts) {
    if (Outcome<void> begun = store_->begin(store_->group_of(tensor(group, 0)), uses, parts);
        !begun)
      return begun;
    std::vector<Ready> ready;
    std::vector<int> seen(uses.size(), 0);
    for (;;) {
      Outcome<bool> more = store_->next(ready);
      if (!more) return tl::unexpected(more.error());
      if (!*more) break;
      for (const Ready& each : ready) {
        ++seen[each.use];
        for (std::size_t part = 0; part < shape_.slices.size(); ++part)
          if ((parts >> part & 1u) != 0)
            compare(tensor(group, part), uses[each.use].expert, each.slot);
        store_->finished(each);
      }
    }
    for (const int count : seen) EXPECT_EQ(count, 1);
    return store_->end();
  }

  void compare(std::size_t index, int expert, int slot) {
    const TensorDescription& description = store_->tensors()[index];
    const ExpertStore::Arena arena = store_->arena(index);
    const char* bytes = arena.base + static_cast<std::uint64_t>(slot) * arena.stride;
    const std::uint64_t offset =
        description.offset + static_cast<std::uint64_t>(expert) * description.slice_bytes;
    for (std::uint64_t i = 0; i < description.slice_bytes; ++i)
      if (static_cast<unsigned char>(bytes[i]) != byte_at(offset + i)) {
        ADD_FAILURE() << description.name << " expert " << expert << " byte " << i;
        return;
      }
  }

  std::vector<Use> random_uses(std::mt19937& random, int count) {
    std::vector<int> experts(static_cast<std::size_t>(shape_.experts));
    for (std::size_t i = 0; i < experts.size(); ++i) experts[i] = static_cast<int>(i);
    std::shuffle(experts.begin(), experts.end(), random);
    std::vector<Use> uses;
    for (int i = 0; i < count; ++i)
      uses.push_back({.expert = experts[static_cast<std::size_t>(i)],
                      .rows = 1 + static_cast<int>(random() % 9)});
    return uses;
  }

  void walk_at_random(unsigned seed, int steps) {
    std::mt19937 random(seed);
    for (int i = 0; i < steps; ++i) {
      const int group = i % shape_.groups;
      const int most = random() % 4 == 0 ? shape_.experts : 3;
      const std::vector<Use> uses =
          random_uses(random, 1 + static_cast<int>(random() % static_cast<unsigned>(most)));
      Outcome<void> first = step(group, uses, 0b011);
      ASSERT_TRUE(first) << first.error().message;
      // Now and then the graph ends before the second half.
      if (random() % 8 == 0) continue;
      Outcome<void> second = step(group, uses, 0b100);
      ASSERT_TRUE(second) << second.error().message;
      if (HasFailure()) return;
    }
  }

  std::uint64_t least() const { return store_->least_budget(3); }
  void allocate(std::uint64_t budget) {
    Outcome<void> allocated = store_->allocate({.budget = budget,
                                                .experts_per_token = 3,
                                                .policy = {.half_life = 32, .last_use_bonus = 9},
                                                .stream_width = 4});
    ASSERT_TRUE(allocated) << allocated.error().message;
  }

  std::string path_;
  Shape shape_;
  std::shared_ptr<Statistics> statistics_;
  std::unique_ptr<ExpertStore> store_;
  std::vector<std::size_t> tensors_;
};

std::unique_ptr<Reader> uring_or_threads() {
  Outcome<std::unique_ptr<Reader>> reader = make_uring_reader(8);
  return reader ? std::move(*reader) : make_thread_reader(3);
}

TEST_F(StoreTest, HoldsTheRightBytesWhateverIsAsked) {
  const std::vector<std::vector<std::uint64_t>> odd = {
      {1536, 1536, 2048}, {68, 68, 100}, {6528, 6528, 8704}, {513, 511, 4097}, {512, 1024, 512}};
  unsigned seed = 1;
  for (const auto& slices : odd) {
    for (const bool direct : {true, false}) {
      for (const double share : {0.0, 0.3, 1.0}) {
        SCOPED_TRACE(::testing::Message()
                     << "slice " << slices[0] << " direct " << direct << " share " << share);
        make({.slices = slices}, seed % 2 == 0 ? uring_or_threads() : make_thread_reader(3),
             direct);
        allocate(std::max(least(), static_cast<std::uint64_t>(
                                       share * static_cast<double>(store_->whole_bytes()))));
        walk_at_random(seed++, 120);
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(StoreTest, HoldsTheRightBytesWhenReadsComeOutOfOrderAndShort) {
  for (const bool direct : {true, false}) {
    std::mt19937 random(9);
    make({},
         std::make_unique<PlayedReader>([&random](const ReadRequest& request, int) -> std::int64_t {
           switch (random() % 6) {
             case 0:
               return -EINTR;
             case 1:
               return -EAGAIN;
             case 2:
               return static_cast<std::int64_t>(
                   std::max<std::size_t>(512, request.length / 2 / 512 * 512));
             default:
               return static_cast<std::int64_t>(request.length);
           }
         }),
         direct);
    allocate(least());
    walk_at_random(4, 150);
  }
}

TEST_F(StoreTest, ReadsEachSliceOnceWhenABatchGoesInWaves) {
  make({}, uring_or_threads(), false);
  allocate(least());
  std::vector<Use> all;
  for (int expert = 0; expert < shape_.experts; ++expert)
    all.push_back({.expert = expert, .rows = 5});
  for (int group = 0; group < shape_.groups; ++group) {
    const std::uint64_t before = statistics_->bytes_read;
    ASSERT_TRUE(step(group, all, 0b011));
    EXPECT_TRUE(store_->goes_in_waves());
    ASSERT_TRUE(step(group, all, 0b100));
    std::uint64_t whole = 0;
    for (const std::uint64_t slice : shape_.slices)
      whole += slice * static_cast<std::uint64_t>(shape_.experts);
    EXPECT_EQ(statistics_->bytes_read - before, whole);
  }
}

TEST_F(StoreTest, WavesLeaveTheCacheOfOtherGroupsAlone) {
  make({.groups = 4}, uring_or_threads(), false);
  allocate(store_->whole_bytes() / 2);
  std::mt19937 random(2);
  const std::vector<Use> kept = random_uses(random, 2);
  ASSERT_TRUE(step(0, kept, 0b111));
  std::vector<Use> all;
  for (int expert = 0; expert < shape_.experts; ++expert)
    all.push_back({.expert = expert, .rows = 5});
  for (int round = 0; round < 3; ++round)
    for (int group = 1; group < 4; ++group) ASSERT_TRUE(step(group, all, 0b111));
  const std::uint64_t before = statistics_->bytes_read;
  ASSERT_TRUE(step(0, kept, 0b111));
  EXPECT_EQ(statistics_->bytes_read, before);
}

TEST_F(StoreTest, AsksForTheOtherPartsAlongWithThoseNeededNow) {
  make({}, std::make_unique<PlayedReader>(nullptr), false);
  allocate(store_->whole_bytes());
  std::mt19937 random(1);
  const std::vector<Use> uses = random_uses(random, 3);
  ASSERT_TRUE(step(0, uses, 0b011));
  EXPECT_EQ(statistics_->reads, 9u);
  ASSERT_TRUE(step(0, uses, 0b100));
  EXPECT_EQ(statistics_->reads, 9u);
  EXPECT_EQ(statistics_->visits, 1u);
  EXPECT_EQ(statistics_->experts_used, 3u);
}

TEST_F(StoreTest, ReportsAReadErrorAndGoesOnAfterIt) {
  for (const int broken : {0, 1, 4, 8}) {
    make({}, std::make_unique<PlayedReader>([broken](const ReadRequest& request, int number) {
           return number == broken ? -EIO : static_cast<std::int64_t>(request.length);
         }),
         false);
    allocate(store_->whole_bytes());
    std::mt19937 random(1);
    const std::vector<Use> uses = random_uses(random, 3);
    Outcome<void> first = step(0, uses, 0b011);
    Outcome<void> second = first ? step(0, uses, 0b100) : first;
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("Input/output error"), std::string::npos);
    EXPECT_NE(second.error().message.find(path_), std::string::npos);
    walk_at_random(3, 60);
  }
}

TEST_F(StoreTest, ReportsAReadErrorInWavesAndGoesOnAfterIt) {
  for (const int broken : {0, 5, 20}) {
    make({}, std::make_unique<PlayedReader>([broken](const ReadRequest& request, int number) {
           return number == broken ? -EIO : static_cast<std::int64_t>(request.length);
         }),
         true);
    allocate(least());
    std::vector<Use> all;
    for (int expert = 0; expert < shape_.experts; ++expert)
      all.push_back({.expert = expert, .rows = 5});
    ASSERT_FALSE(step(0, all, 0b011));
    walk_at_random(3, 60);
  }
}

TEST_F(StoreTest, RefusesAFileThatWasCutOrWrittenTo) {
  make({}, uring_or_threads(), false);
  allocate(store_->whole_bytes());
  std::mt19937 random(1);
  ASSERT_TRUE(step(0, random_uses(random, 2), 0b111));
  ASSERT_EQ(::truncate(path_.c_str(), 9000), 0);
  Outcome<void> cut = step(2, random_uses(random, 3), 0b111);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find(path_), std::string::npos);

  make({}, uring_or_threads(), false);
  allocate(store_->whole_bytes());
  ::usleep(20000);  // the clock of file times ticks
  {
    std::fstream writer(path_, std::ios::in | std::ios::out | std::ios::binary);
    writer.seekp(5000);
    writer << "changed";
  }
  Outcome<void> written = step(0, random_uses(random, 3), 0b111);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("written to"), std::string::npos);
}

TEST_F(StoreTest, KeepsReadingAFileThatWasReplacedByAnotherOfItsName) {
  make({}, uring_or_threads(), false);
  allocate(store_->whole_bytes());
  std::ofstream(path_ + ".new") << "another model";
  ASSERT_EQ(std::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  walk_at_random(6, 30);
}

TEST_F(StoreTest, RefusesABudgetBelowOneLayer) {
  make({}, uring_or_threads(), false);
  Outcome<void> allocated =
      store_->allocate({.budget = least() - 1, .experts_per_token = 3, .policy = {}});
  ASSERT_FALSE(allocated);
  EXPECT_NE(allocated.error().message.find("working set"), std::string::npos);
}

TEST_F(StoreTest, DividesMemoryAmongGroupsOfDifferentSizes) {
  make({.groups = 2}, uring_or_threads(), false);
  // A third layer with larger slices, as mixtures of quantisations have.
  for (const char* part : {"gate", "up", "down"})
    tensors_.push_back(
        store_->add_tensor({.name = std::string("blk.9.ffn_") + part + "_exps.weight",
                            .file = 0,
                            .offset = shape_.begin,
                            .slice_bytes = 3000,
                            .experts = 8}));
  const std::uint64_t budget = store_->whole_bytes() * 6 / 10;
  allocate(budget);
  std::uint64_t reserved = 0;
  for (const std::size_t index :
       {tensor(0, 0), tensor(0, 1), tensor(0, 2), tensor(2, 0), tensor(2, 1), tensor(2, 2)}) {
    const ExpertStore::Arena arena = store_->arena(index);
    EXPECT_GE(arena.slots, 3);
    reserved += arena.stride * static_cast<std::uint64_t>(arena.slots);
  }
  EXPECT_LE(reserved, budget);
  EXPECT_GT(reserved, budget * 9 / 10);
}

TEST(Place, IsReadFromTheNamesOfEveryArchitecture) {
  EXPECT_EQ(place_of("blk.7.ffn_gate_exps.weight").group, "blk.7.exps");
  EXPECT_EQ(place_of("blk.7.ffn_gate_exps.weight").part, "gate");
  EXPECT_EQ(place_of("blk.60.ffn_gate_up_exps.weight").group, "blk.60.exps");
  EXPECT_EQ(place_of("blk.60.ffn_gate_up_exps.weight").part, "gate_up");
  EXPECT_EQ(place_of("blk.2.ffn_down_chexps.weight").group, "blk.2.chexps");
  EXPECT_EQ(place_of("something.else").group, "something.else");
}

TEST_F(StoreTest, WarmsWhatARunBeforeHeldAndReadsNoneOfItAgain) {
  make({.groups = 2, .experts = 12}, make_thread_reader(3), true);
  allocate(store_->whole_bytes() / 2);
  for (int i = 0; i < 20; ++i)
    for (int group = 0; group < 2; ++group)
      ASSERT_TRUE(step(group, {{.expert = i % 4, .rows = 1}, {.expert = 6, .rows = 1}}, 7));
  const SavedState state{store_->tokens_seen(), store_->remembered()};
  const std::string state_path = path_ + ".state";
  Outcome<std::string> identity = identity_of(*store_);
  ASSERT_TRUE(identity) << identity.error().message;
  ASSERT_TRUE(write_state(state_path, *identity, state));

  make({.groups = 2, .experts = 12}, make_thread_reader(3), true);
  allocate(store_->whole_bytes() / 2);
  ASSERT_EQ(*identity_of(*store_), *identity);
  Outcome<SavedState> read = read_state(state_path, *identity);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->remembered.size(), state.remembered.size());
  store_->recall(read->remembered, read->tokens_seen);
  int rounds = 0;
  for (;; ++rounds) {
    Outcome<bool> more = store_->warm(3);
    ASSERT_TRUE(more) << more.error().message;
    if (!*more) break;
  }
  EXPECT_GE(rounds, 2);
  EXPECT_EQ(statistics_->experts_warmed, 10u);  // 0 to 3 and 6, of both groups
  const std::uint64_t reads = statistics_->reads;
  for (int group = 0; group < 2; ++group)
    ASSERT_TRUE(step(group, {{.expert = 2, .rows = 1}, {.expert = 6, .rows = 1}}, 7));
  EXPECT_EQ(statistics_->reads, reads);
  ASSERT_TRUE(step(0, {{.expert = 9, .rows = 1}}, 7));
  EXPECT_GT(statistics_->reads, reads);
  std::remove(state_path.c_str());
}

TEST_F(StoreTest, WarmsNoMoreThanIsFreeAndGivesUpOnAFileThatChanges) {
  make({.groups = 2, .experts = 12}, make_thread_reader(3), true);
  std::vector<ExpertStore::Remembered> everything;
  for (const char* group : {"blk.0.exps", "blk.1.exps", "blk.7.exps"})
    for (int expert = -1; expert < 14; ++expert)
      everything.push_back({.group = group, .expert = expert, .score = -expert / 10.0});
  allocate(store_->whole_bytes() / 3);
  store_->recall(everything, 100);
  while (*store_->warm(4)) {
  }
  EXPECT_EQ(static_cast<int>(statistics_->experts_warmed.load()),
            store_->arena(tensor(0, 0)).slots);
  ASSERT_TRUE(step(1, {{.expert = 11, .rows = 1}, {.expert = 0, .rows = 1}}, 7));

  make({.groups = 2, .experts = 12}, make_thread_reader(3), true);
  allocate(store_->whole_bytes() / 3);
  store_->recall(everything, 100);
  ASSERT_TRUE(*store_->warm(2));
  std::ofstream(path_, std::ios::binary | std::ios::app) << "more";
  Outcome<bool> more = store_->warm(2);
  ASSERT_FALSE(more);
  EXPECT_NE(more.error().message.find("was written to"), std::string::npos);
}

TEST_F(StoreTest, AStateOfAnotherModelOrADamagedOneIsNotUsed) {
  make({.groups = 1, .experts = 4}, make_thread_reader(1), false);
  const std::string identity = *identity_of(*store_);
  const std::string state_path = path_ + ".state";
  ASSERT_TRUE(write_state(state_path, identity,
                          {12.5, {{.group = "blk.0.exps", .expert = 3, .score = -1.5}}}));
  Outcome<SavedState> good = read_state(state_path, identity);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->tokens_seen, 12.5);
  ASSERT_EQ(good->remembered.size(), 1u);
  EXPECT_EQ(good->remembered[0].expert, 3);
  EXPECT_EQ(good->remembered[0].score, -1.5);
  Outcome<SavedState> other = read_state(state_path, "0123456789abcdef");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("another model"), std::string::npos);
  std::string text;
  {
    std::ifstream file(state_path);
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::ofstream(state_path, std::ios::trunc) << text.substr(0, text.size() - 8);
  Outcome<SavedState> cut = read_state(state_path, identity);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find("line 5"), std::string::npos) << cut.error().message;
  EXPECT_FALSE(write_state("/nowhere/at/all", identity, {}));
  std::remove(state_path.c_str());

  // One byte of the file's head makes it another model.
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(100);
  file.put(static_cast<char>(byte_at(100) + 1));
  file.close();
  EXPECT_NE(*identity_of(*store_), identity);
}

// Random load for as long as asked, without growth: EXPERT_STREAM_SOAK_SECONDS=3600.
TEST_F(StoreTest, DISABLED_SoakRunsWithoutGrowth) {
  const char* text = std::getenv("EXPERT_STREAM_SOAK_SECONDS");
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::seconds(text != nullptr ? std::atol(text) : 5);
  const auto resident = [] {
    std::ifstream file("/proc/self/statm");
    long total = 0;
    long pages = 0;
    file >> total >> pages;
    return pages;
  };
  make({.groups = 8, .experts = 32, .slices = {6528, 6528, 8704}}, uring_or_threads(), true);
  allocate(store_->whole_bytes() / 3);
  walk_at_random(1, 2000);
  const long before = resident();
  for (unsigned seed = 2; std::chrono::steady_clock::now() < until && !HasFailure(); ++seed)
    walk_at_random(seed, 2000);
  EXPECT_LT(resident(), before + 512);  // pages
}

}  // namespace
}  // namespace expert_stream
