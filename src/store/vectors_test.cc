// Vectors: arithmetic on every path, recall against exact floats, the derived file under damage.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <set>

#include "store/test_home.h"

namespace lar::store {
namespace {

namespace fs = std::filesystem;

std::vector<float> unit(std::vector<float> values) {
  double norm = 0;
  for (const float value : values) {
    norm += static_cast<double>(value) * static_cast<double>(value);
  }
  for (float& value : values) value = static_cast<float>(value / std::sqrt(norm));
  return values;
}

// Points around random centres, as embeddings of texts on a number of topics lie.
std::vector<std::vector<float>> clustered(std::size_t count, std::size_t dimensions,
                                          std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> centres(40, std::vector<float>(dimensions));
  for (auto& centre : centres) {
    for (float& value : centre) value = normal(random);
  }
  std::vector<std::vector<float>> points;
  for (std::size_t index = 0; index < count; ++index) {
    std::vector<float> point = centres[random() % centres.size()];
    for (float& value : point) value += 0.6F * normal(random);
    points.push_back(unit(std::move(point)));
  }
  return points;
}

float dot(const std::vector<float>& left, const std::vector<float>& right) {
  float sum = 0;
  for (std::size_t index = 0; index < left.size(); ++index) sum += left[index] * right[index];
  return sum;
}

TEST(Scan, every_path_gives_the_same_integers) {
  std::mt19937 random(3);
  for (const std::size_t dimensions : {1u, 63u, 64u, 100u, 256u, 384u, 768u}) {
    const std::size_t padded = padded_dimensions(dimensions);
    const std::size_t stride = padded + 32;
    Quantized query;
    query.values.assign(padded, 0);
    std::vector<std::byte> rows(stride * 9);
    std::vector<std::int32_t> expected(9);
    for (std::size_t index = 0; index < dimensions; ++index) {
      // The extremes included: a saturating kernel would show here.
      query.values[index] =
          static_cast<std::int8_t>(index % 3 == 0 ? 127 : int(random() % 255) - 127);
    }
    for (std::size_t row = 0; row < 9; ++row) {
      std::int32_t sum = 0;
      for (std::size_t index = 0; index < dimensions; ++index) {
        const auto value = static_cast<std::int8_t>(row == 0   ? -127
                                                    : row == 1 ? 127
                                                               : int(random() % 255) - 127);
        rows[row * stride + index] = static_cast<std::byte>(value);
        sum += value;
        expected[row] += value * query.values[index];
      }
      std::memcpy(&rows[row * stride + padded], &sum, sizeof sum);
    }
    for (const ScanPath path : available_scan_paths()) {
      std::vector<std::int32_t> out(9);
      dot_rows(path, query, reinterpret_cast<const std::int8_t*>(rows.data()), stride,
               rows.data() + padded, 9, out.data());
      EXPECT_EQ(out, expected) << name_of(path) << " " << dimensions;
    }
  }
}

TEST(Scan, half_floats_round_to_nearest_even_and_keep_the_extremes) {
  EXPECT_EQ(half_from(0.0F), 0x0000);
  EXPECT_EQ(half_from(-0.0F), 0x8000);
  EXPECT_EQ(half_from(1.0F), 0x3C00);
  EXPECT_EQ(half_from(-2.0F), 0xC000);
  EXPECT_EQ(half_from(65504.0F), 0x7BFF);
  EXPECT_EQ(half_from(65520.0F), 0x7C00);
  EXPECT_EQ(half_from(1.0F + 1.0F / 2048), 0x3C00);  // half way: to even
  EXPECT_EQ(half_from(1.0F + 3.0F / 2048), 0x3C02);
  EXPECT_EQ(half_from(5.9604645e-8F), 0x0001);  // the smallest subnormal
  EXPECT_EQ(half_from(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_TRUE(std::isnan(float_from(half_from(std::numeric_limits<float>::quiet_NaN()))));
  for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
    ASSERT_EQ(half_from(float_from(static_cast<std::uint16_t>(bits))), bits);
    ASSERT_EQ(half_from(-float_from(static_cast<std::uint16_t>(bits))), bits | 0x8000U);
  }
}

class VectorTest : public StoreTest {
 protected:
  VectorTest() { source = add_source("correo"); }

  // One item per vector; passages[i] belongs to vectors[i].
  void fill(const std::vector<std::vector<float>>& vectors) {
    std::vector<domain::Item> items;
    for (std::size_t index = 0; index < vectors.size(); ++index) {
      const std::string name = "v" + std::to_string(passages.size() + index);
      items.push_back(mail(name + "@x", name, "texto " + name));
      items.back().people.clear();
      if (index % 10 == 3) items.back().kind = domain::ItemKind::message;
    }
    std::vector<Recording> recordings;
    for (std::size_t index = 0; index < items.size(); ++index) {
      recordings.push_back(recording(items[index], source, items[index].external_id));
    }
    const auto outcomes = must(store->record_all(recordings));
    std::vector<PassageVector> saved;
    for (std::size_t index = 0; index < outcomes.size(); ++index) {
      const Id passage = must(store->item_passages(outcomes[index].item)).front().passage;
      passages.push_back(passage);
      saved.push_back({passage, vectors[index]});
    }
    must(store->save_vectors("m", saved));
  }

  std::vector<Id> nearest(const std::vector<float>& query, int limit) {
    SearchRequest request;
    request.vector = query;
    request.vector_model = "m";
    request.limit = limit;
    std::vector<Id> result;
    for (const Hit& hit : must(store->search(request))) result.push_back(hit.passage);
    return result;
  }

  std::string file() const { return folder.path() + "/home/vectors/m.i8"; }

  Id source;
  std::vector<Id> passages;
};

TEST_F(VectorTest, the_scan_finds_the_true_neighbours_on_every_path) {
  constexpr std::size_t dimensions = 256;
  const auto points = clustered(4000, dimensions, 11);
  fill(points);
  store.reset();
  auto connection = must(Connection::open(folder.path() + "/home/lar.db", Access::read));
  VectorIndex index(1, folder.path() + "/home/vectors/m.i8");
  must(index.load(*connection));
  EXPECT_EQ(index.live(), 4000);
  const auto queries = clustered(60, dimensions, 11);
  for (const ScanPath path : available_scan_paths()) {
    double found = 0;
    for (const auto& query : queries) {
      std::vector<std::pair<float, std::size_t>> exact;
      for (std::size_t point = 0; point < points.size(); ++point) {
        exact.emplace_back(-dot(query, points[point]), point);
      }
      std::partial_sort(exact.begin(), exact.begin() + 10, exact.end());
      std::set<std::size_t> expected;
      for (std::size_t rank = 0; rank < 10; ++rank) expected.insert(exact[rank].second);
      // As search does: four times as many by 8 bits, then by half floats.
      std::vector<std::pair<float, std::size_t>> rescored;
      for (const VectorCandidate& close : index.search(query, 40, nullptr, nullptr, path)) {
        const auto point = static_cast<std::size_t>(close.vector - 1);
        rescored.emplace_back(-dot_halves(query, halves_from(points[point])), point);
      }
      std::sort(rescored.begin(), rescored.end());
      for (std::size_t rank = 0; rank < 10; ++rank) found += expected.count(rescored[rank].second);
    }
    EXPECT_GE(found / (10.0 * static_cast<double>(queries.size())), 0.98) << name_of(path);
  }
  connection.reset();
  open();
}

TEST_F(VectorTest, a_narrow_filter_still_gets_its_exact_neighbours) {
  const auto points = clustered(1500, 64, 5);
  fill(points);
  std::vector<std::pair<float, std::size_t>> exact;
  for (std::size_t point = 3; point < points.size(); point += 10) {
    exact.emplace_back(-dot(points[0], points[point]), point);
  }
  std::sort(exact.begin(), exact.end());
  SearchRequest request;
  request.vector = points[0];
  request.vector_model = "m";
  request.kind = domain::ItemKind::message;
  request.limit = 5;
  const auto hits = must(store->search(request));
  ASSERT_EQ(hits.size(), 5u);
  for (std::size_t rank = 0; rank < 5; ++rank) {
    EXPECT_EQ(hits[rank].passage, passages[exact[rank].second]) << rank;
  }
}

TEST_F(VectorTest, a_file_missing_cut_or_damaged_is_made_again) {
  const auto points = clustered(300, 64, 9);
  fill(points);
  const std::vector<Id> expected = nearest(points[7], 10);
  ASSERT_EQ(expected.size(), 10u);
  EXPECT_EQ(expected.front(), passages[7]);
  ASSERT_TRUE(fs::exists(file()));
  const auto damage = [&](const std::string& what, const std::function<void()>& change) {
    store.reset();
    change();
    open();
    EXPECT_EQ(nearest(points[7], 10), expected) << what;
    // And the mended file serves the next opening.
    open();
    EXPECT_EQ(nearest(points[7], 10), expected) << what;
  };
  damage("missing", [&] { fs::remove(file()); });
  damage("empty", [&] { fs::resize_file(file(), 0); });
  damage("cut in the header", [&] { fs::resize_file(file(), 20); });
  damage("cut in the rows", [&] { fs::resize_file(file(), 4096 + 100 * 96 + 5); });
  for (const std::streamoff at :
       {0, 9, 13, 17, 33, 41, 4096, 4096 + 64, 4096 + 72, 4096 + 96 * 250 + 11}) {
    damage("byte " + std::to_string(at), [&] {
      std::fstream bytes(file(), std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekg(at);
      const int old = bytes.get();
      bytes.seekp(at);
      bytes.put(static_cast<char>(old ^ 0x41));
    });
  }
  damage("its folder missing", [&] { fs::remove_all(folder.path() + "/home/vectors"); });
}

TEST_F(VectorTest, a_file_out_of_step_catches_up) {
  const auto points = clustered(200, 64, 2);
  fill(points);
  EXPECT_EQ(nearest(points[0], 200).size(), 200u);
  store.reset();
  fs::copy_file(file(), file() + ".old");
  open();
  Placement gone;
  gone.source = source;
  gone.uid = "v0@x";
  must(store->forget({&gone, 1}));
  fill(clustered(50, 64, 3));
  const std::vector<Id> expected = nearest(points[1], 300);
  EXPECT_EQ(expected.size(), 249u);
  store.reset();
  fs::remove(file());
  fs::rename(file() + ".old", file());
  open();
  EXPECT_EQ(nearest(points[1], 300), expected);
}

TEST_F(VectorTest, appended_and_deleted_vectors_show_at_once) {
  const auto points = clustered(20, 64, 4);
  fill(points);
  EXPECT_EQ(nearest(points[3], 1).front(), passages[3]);
  Placement gone;
  gone.source = source;
  gone.uid = "v3@x";
  must(store->forget({&gone, 1}));
  EXPECT_NE(nearest(points[3], 1).front(), passages[3]);
  fill({points[3]});
  EXPECT_EQ(nearest(points[3], 1).front(), passages.back());
  must(store->save_vectors("m", std::vector<PassageVector>{{passages[5], points[3]}}));
  const auto both = nearest(points[3], 2);
  EXPECT_TRUE(std::find(both.begin(), both.end(), passages[5]) != both.end());
}

TEST_F(VectorTest, pending_passages_come_newest_first_and_progress_is_told) {
  domain::Item old = mail("old@x", "old", "uno");
  old.when = domain::Instant{may_14 - base::one_day, "UTC"};
  record(old, source, "1");
  record(mail("new@x", "new", "dos"), source, "2");
  auto pending = must(store->pending_vectors("m", 1));
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(pending[0].title, "new");
  // An item recorded after the model was registered waits as well.
  domain::Item newer = mail("newer@x", "newer", "tres");
  newer.when = domain::Instant{may_14 + base::one_day, "UTC"};
  record(newer, source, "3");
  pending = must(store->pending_vectors("m", 10));
  ASSERT_EQ(pending.size(), 3u);
  EXPECT_EQ(pending[0].title, "newer");
  must(store->save_vectors("m", std::vector<PassageVector>{{pending[0].passage, {1, 0}}}));
  EXPECT_EQ(must(store->pending_vectors("m", 10)).size(), 2u);
  const VectorProgress progress = must(store->vector_progress("m"));
  EXPECT_EQ(progress.done, 1);
  EXPECT_EQ(progress.total, 3);
  EXPECT_EQ(must(store->vector_progress("none")).done, 0);
}

TEST_F(VectorTest, two_models_live_beside_each_other_until_one_is_dropped) {
  record(mail("a@x", "a", "uno"), source, "1");
  const Id passage = must(store->pending_vectors("org/model:one", 1)).front().passage;
  must(store->save_vectors("org/model:one", std::vector<PassageVector>{{passage, {1, 0}}}));
  must(store->save_vectors("two", std::vector<PassageVector>{{passage, {0, 1, 0}}}));
  SearchRequest request;
  request.vector = {1, 0};
  request.vector_model = "org/model:one";
  EXPECT_EQ(must(store->search(request)).size(), 1u);
  must(store->drop_vectors("org/model:one"));
  EXPECT_TRUE(must(store->search(request)).empty());
  request.vector = {0, 1, 0};
  request.vector_model = "two";
  EXPECT_EQ(must(store->search(request)).size(), 1u);
}

TEST_F(VectorTest, vectors_of_the_wrong_size_or_without_a_number_are_refused) {
  record(mail("a@x", "a", "uno"), source, "1");
  const Id passage = must(store->pending_vectors("m", 1)).front().passage;
  must(store->save_vectors("m", std::vector<PassageVector>{{passage, {1, 0}}}));
  for (const std::vector<float>& bad :
       {std::vector<float>{1, 0, 0}, std::vector<float>{},
        std::vector<float>{std::numeric_limits<float>::quiet_NaN(), 1}}) {
    EXPECT_EQ(store->save_vectors("m", std::vector<PassageVector>{{passage, bad}}).error().code,
              "store.vector");
  }
  // A passage removed meanwhile is no error.
  must(store->save_vectors("m", std::vector<PassageVector>{{Id::make(), {1, 0}}}));
}

TEST_F(VectorTest, many_deletions_shrink_the_file_on_the_next_load) {
  fill(clustered(3600, 8, 6));
  EXPECT_EQ(nearest(unit({1, 2, 3, 4, 5, 6, 7, 8}), 1).size(), 1u);
  std::vector<Placement> gone(2400);
  for (std::size_t index = 0; index < gone.size(); ++index) {
    gone[index].source = source;
    gone[index].uid = "v" + std::to_string(index) + "@x";
  }
  EXPECT_EQ(must(store->forget(gone)), 2400);
  const auto large = fs::file_size(file());
  open();
  EXPECT_EQ(nearest(unit({1, 2, 3, 4, 5, 6, 7, 8}), 5000).size(), 1200u);
  EXPECT_LT(fs::file_size(file()), large);
}

}  // namespace
}  // namespace lar::store
