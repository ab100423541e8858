// bench_vectors: nearest-neighbour search on the same vectors by lar's flat 8-bit scan and by
// others.
//
//   bench_vectors --vectors FILE [--rows N] [--repeats N] [--only NAME] [--work FOLDER] [--json
//   FILE]
//
// FILE holds rows of 384 floats (setup.sh). The last 200 are the queries; the others, cut to 256
// dimensions and normalised, are the base. Where more rows are asked for than there are, copies
// with noise (cosine to their original about 0.95) fill up, and the output says how many. Each
// contender builds its index once in a process of its own; then, `repeats` times, a fresh process
// opens it and answers the queries one at a time, all of them unless that takes over 20 s.
// Contenders that keep 8-bit numbers look at 40 candidates and rescore them with the half floats in
// lar.db, which is the truth in each case.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"
#include "store/scan.h"
#include "store/store.h"
#include "store/vectors.h"

#ifdef BENCH_FAISS
#include <faiss/IndexFlat.h>
#include <faiss/IndexScalarQuantizer.h>
#include <faiss/index_io.h>
#endif
#ifdef BENCH_USEARCH
#include "usearch.h"
#endif
#ifdef BENCH_SQLITE_VEC
extern "C" int sqlite3_vec_init(sqlite3*, char**, const sqlite3_api_routines*);
#endif

namespace {

namespace fs = std::filesystem;
namespace store = lar::store;
using nlohmann::json;

constexpr std::size_t given_dimensions = 384;
constexpr std::size_t dimensions = 256;
constexpr std::size_t query_count = 200;
constexpr std::size_t wanted = 10;
constexpr std::size_t candidates = 40;
constexpr double build_limit_seconds = 900;
// A slow contender is asked fewer queries: at least these, and no more once a run has lasted so
// long.
constexpr std::size_t least_queries = 50;
constexpr double run_limit_ms = 20'000;

using Vector = std::vector<float>;
using Keys = std::vector<std::int64_t>;

template <typename T>
T must(lar::base::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "bench_vectors: %s\n", result.error().describe().c_str());
    std::exit(1);
  }
  return std::move(*result);
}
void must(const lar::base::Status& status) {
  if (!status) {
    std::fprintf(stderr, "bench_vectors: %s\n", status.error().describe().c_str());
    std::exit(1);
  }
}

void normalise(Vector& vector) {
  double norm = 0;
  for (const float value : vector) norm += static_cast<double>(value) * static_cast<double>(value);
  for (float& value : vector) value = static_cast<float>(value / std::sqrt(norm));
}

float dot(const Vector& left, const Vector& right) {
  float sum = 0;
  for (std::size_t index = 0; index < dimensions; ++index) sum += left[index] * right[index];
  return sum;
}

struct Data {
  std::vector<Vector> base, queries;
  std::vector<std::set<std::int64_t>> nearest;  // exact, per query
  std::size_t real = 0;
};

Data read_data(const std::string& path, std::size_t rows) {
  std::ifstream file(path, std::ios::binary);
  std::vector<Vector> all;
  Vector row(given_dimensions);
  while (file.read(reinterpret_cast<char*>(row.data()), given_dimensions * sizeof(float))) {
    Vector cut(row.begin(), row.begin() + dimensions);
    normalise(cut);
    all.push_back(std::move(cut));
  }
  if (all.size() <= query_count) {
    std::fprintf(stderr, "bench_vectors: %s holds too few vectors; run setup.sh\n", path.c_str());
    std::exit(1);
  }
  Data data;
  data.queries.assign(all.end() - query_count, all.end());
  all.resize(std::min(all.size() - query_count, rows));
  data.base = std::move(all);
  data.real = data.base.size();
  std::mt19937 random(11);
  std::normal_distribution<float> noise(0, 0.33F / std::sqrt(static_cast<float>(dimensions)));
  while (data.base.size() < rows) {
    Vector copy = data.base[random() % data.real];
    for (float& value : copy) value += noise(random);
    normalise(copy);
    data.base.push_back(std::move(copy));
  }
  for (const Vector& query : data.queries) {
    std::vector<std::pair<float, std::int64_t>> scores;
    for (std::size_t index = 0; index < data.base.size(); ++index) {
      scores.emplace_back(-dot(query, data.base[index]), static_cast<std::int64_t>(index));
    }
    std::partial_sort(scores.begin(), scores.begin() + wanted, scores.end());
    std::set<std::int64_t> best;
    for (std::size_t rank = 0; rank < wanted; ++rank) best.insert(scores[rank].second);
    data.nearest.push_back(std::move(best));
  }
  return data;
}

// ---- contenders --------------------------------------------------------------------------------

class Contender {
 public:
  virtual ~Contender() = default;
  virtual std::string name() const = 0;
  virtual std::string crash_safety() const = 0;
  virtual void build(const Data& data, const std::string& folder) = 0;
  virtual void open(const std::string& folder) = 0;
  virtual Keys search(const Vector& query) = 0;
  // Of the index, without the half floats in lar.db.
  virtual std::uintmax_t bytes(const std::string& folder) const = 0;
};

// The half floats of lar.db by position in the base, for rescoring.
class Truth {
 public:
  void open(const std::string& folder) {
    connection_ = must(store::Connection::open(folder + "/home/lar.db", store::Access::read));
    std::ifstream order(folder + "/order", std::ios::binary);
    std::int64_t position = 0;
    while (order.read(reinterpret_cast<char*>(&position), sizeof position)) {
      const auto index = static_cast<std::size_t>(position);
      if (key_of_.size() <= index) key_of_.resize(index + 1);
      key_of_[index] = static_cast<std::int64_t>(position_of_.size()) + 1;
      position_of_.push_back(position);
    }
  }
  std::int64_t position_of(std::int64_t vector_key) const {
    return position_of_[static_cast<std::size_t>(vector_key - 1)];
  }
  Keys rescore(const Vector& query, const Keys& positions) {
    std::vector<std::pair<float, std::int64_t>> scores;
    for (const std::int64_t position : positions) {
      store::Statement row = connection_->query("SELECT numbers FROM vector WHERE key = ?1",
                                                key_of_[static_cast<std::size_t>(position)]);
      must(row.step());
      scores.emplace_back(-store::dot_halves(query, row.blob(0)), position);
    }
    std::sort(scores.begin(), scores.end());
    Keys best;
    for (std::size_t rank = 0; rank < std::min(wanted, scores.size()); ++rank) {
      best.push_back(scores[rank].second);
    }
    return best;
  }
  store::Connection& connection() { return *connection_; }

 private:
  std::unique_ptr<store::Connection> connection_;
  std::vector<std::int64_t> position_of_, key_of_;
};

class Lar final : public Contender {
 public:
  explicit Lar(store::ScanPath path) : path_(path) {}
  std::string name() const override {
    return "lar flat int8 (" + std::string(store::name_of(path_)) + ")";
  }
  std::string crash_safety() const override {
    return "checksum per row; caught up or rebuilt from the truth";
  }
  // The home of all contenders is made before them (make_home).
  void build(const Data&, const std::string& folder) override { open(folder); }
  void open(const std::string& folder) override {
    truth_.open(folder);
    index_ = std::make_unique<store::VectorIndex>(1, folder + "/home/vectors/minilm.i8");
    must(index_->load(truth_.connection()));
  }
  Keys search(const Vector& query) override {
    Keys positions;
    for (const auto& close : index_->search(query, candidates, nullptr, nullptr, path_)) {
      positions.push_back(truth_.position_of(close.vector));
    }
    return truth_.rescore(query, positions);
  }
  std::uintmax_t bytes(const std::string& folder) const override {
    return fs::file_size(folder + "/home/vectors/minilm.i8");
  }

 private:
  store::ScanPath path_;
  Truth truth_;
  std::unique_ptr<store::VectorIndex> index_;
};

// The whole of Store::search with a vector only: scan, rescoring, threads, rows of the hits.
class LarSearch final : public Contender {
 public:
  std::string name() const override { return "lar Store::search, whole"; }
  std::string crash_safety() const override { return "as above"; }
  void build(const Data&, const std::string& folder) override { open(folder); }
  void open(const std::string& folder) override {
    store_ = must(store::Store::open(folder + "/home"));
  }
  Keys search(const Vector& query) override {
    store::SearchRequest request;
    request.vector = query;
    request.vector_model = "minilm";
    request.limit = static_cast<int>(wanted);
    Keys found;
    for (const store::Hit& hit : must(store_->search(request))) {
      found.push_back(std::stoll(hit.external_id));
    }
    return found;
  }
  std::uintmax_t bytes(const std::string& folder) const override {
    return fs::file_size(folder + "/home/vectors/minilm.i8");
  }

 private:
  std::unique_ptr<store::Store> store_;
};

#ifdef BENCH_SQLITE_VEC
enum class VecType { float32, int8 };

class SqliteVec final : public Contender {
 public:
  explicit SqliteVec(VecType type) : type_(type) {}
  ~SqliteVec() override {
    sqlite3_finalize(statement_);
    sqlite3_close_v2(database_);
  }
  std::string name() const override {
    return type_ == VecType::int8 ? "sqlite-vec int8" : "sqlite-vec float32";
  }
  std::string crash_safety() const override { return "SQLite transactions"; }
  void build(const Data& data, const std::string& folder) override {
    connect(folder);
    run("PRAGMA journal_mode=WAL");
    run(type_ == VecType::int8
            ? "CREATE VIRTUAL TABLE v USING vec0(e int8[256] distance_metric=cosine)"
            : "CREATE VIRTUAL TABLE v USING vec0(e float[256] distance_metric=cosine)");
    run("BEGIN");
    prepare(type_ == VecType::int8 ? "INSERT INTO v(rowid, e) VALUES(?1, vec_int8(?2))"
                                   : "INSERT INTO v(rowid, e) VALUES(?1, ?2)");
    for (std::size_t index = 0; index < data.base.size(); ++index) {
      sqlite3_bind_int64(statement_, 1, static_cast<sqlite3_int64>(index));
      bind(2, data.base[index]);
      if (sqlite3_step(statement_) != SQLITE_DONE) stop();
      sqlite3_reset(statement_);
    }
    run("COMMIT");
    run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  void open(const std::string& folder) override {
    connect(folder);
    truth_.open(folder);
    prepare(type_ == VecType::int8 ? "SELECT rowid FROM v WHERE e MATCH vec_int8(?1) AND k = 40"
                                   : "SELECT rowid FROM v WHERE e MATCH ?1 AND k = 10");
  }
  Keys search(const Vector& query) override {
    bind(1, query);
    Keys found;
    while (sqlite3_step(statement_) == SQLITE_ROW) {
      found.push_back(sqlite3_column_int64(statement_, 0));
    }
    sqlite3_reset(statement_);
    return type_ == VecType::int8 ? truth_.rescore(query, found) : found;
  }
  std::uintmax_t bytes(const std::string& folder) const override {
    return fs::file_size(path(folder));
  }

 private:
  std::string path(const std::string& folder) const {
    return folder + (type_ == VecType::int8 ? "/vec-int8.db" : "/vec-float32.db");
  }
  void connect(const std::string& folder) {
    if (sqlite3_open(path(folder).c_str(), &database_) != SQLITE_OK ||
        sqlite3_vec_init(database_, nullptr, nullptr) != SQLITE_OK) {
      stop();
    }
    run("PRAGMA mmap_size=1000000000");
  }
  void run(const char* sql) {
    if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) stop();
  }
  void prepare(const char* sql) {
    sqlite3_finalize(statement_);
    if (sqlite3_prepare_v2(database_, sql, -1, &statement_, nullptr) != SQLITE_OK) stop();
  }
  void bind(int index, const Vector& vector) {
    if (type_ == VecType::int8) {
      const store::Quantized quantized = store::quantize(vector);
      sqlite3_bind_blob(statement_, index, quantized.values.data(), dimensions, SQLITE_TRANSIENT);
    } else {
      sqlite3_bind_blob(statement_, index, vector.data(), dimensions * sizeof(float),
                        SQLITE_TRANSIENT);
    }
  }
  [[noreturn]] void stop() {
    std::fprintf(stderr, "sqlite-vec: %s\n", sqlite3_errmsg(database_));
    std::exit(1);
  }

  VecType type_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  Truth truth_;
};
#endif

#ifdef BENCH_USEARCH
class UsearchContender final : public Contender {
 public:
  UsearchContender(bench::UsearchScalar scalar, std::size_t expansion)
      : scalar_(scalar),
        expansion_(expansion),
        index_(bench::Usearch::make(dimensions, scalar, expansion)) {}
  std::string name() const override {
    return std::string("usearch HNSW ") +
           (scalar_ == bench::UsearchScalar::float32 ? "float32" : "int8") + ", ef " +
           std::to_string(expansion_);
  }
  std::string crash_safety() const override { return "the file is saved as a whole, unchecked"; }
  void build(const Data& data, const std::string& folder) override {
    if (fs::exists(path(folder))) return;  // one graph serves every ef
    if (!index_->build(data.base, build_limit_seconds)) {
      std::fprintf(stderr, "%s: not built in %.0f s\n", name().c_str(), build_limit_seconds);
      std::exit(1);
    }
    index_->save(path(folder));
  }
  void open(const std::string& folder) override {
    index_->view(path(folder));
    truth_.open(folder);
  }
  Keys search(const Vector& query) override {
    if (scalar_ == bench::UsearchScalar::float32) return index_->search(query, wanted);
    return truth_.rescore(query, index_->search(query, candidates));
  }
  std::uintmax_t bytes(const std::string& folder) const override {
    return fs::file_size(path(folder));
  }

 private:
  std::string path(const std::string& folder) const {
    return folder +
           (scalar_ == bench::UsearchScalar::float32 ? "/usearch-float32" : "/usearch-int8");
  }
  bench::UsearchScalar scalar_;
  std::size_t expansion_;
  std::unique_ptr<bench::Usearch> index_;
  Truth truth_;
};
#endif

#ifdef BENCH_FAISS
enum class FaissKind { flat, bytes };

class Faiss final : public Contender {
 public:
  explicit Faiss(FaissKind kind) : kind_(kind) {}
  std::string name() const override {
    return kind_ == FaissKind::flat ? "faiss flat float32" : "faiss flat int8 (SQ8)";
  }
  std::string crash_safety() const override { return "the file is saved as a whole, unchecked"; }
  void build(const Data& data, const std::string& folder) override {
    std::vector<float> all;
    for (const Vector& vector : data.base) all.insert(all.end(), vector.begin(), vector.end());
    std::unique_ptr<faiss::Index> index;
    if (kind_ == FaissKind::flat) {
      index = std::make_unique<faiss::IndexFlatIP>(dimensions);
    } else {
      index = std::make_unique<faiss::IndexScalarQuantizer>(
          dimensions, faiss::ScalarQuantizer::QT_8bit, faiss::METRIC_INNER_PRODUCT);
    }
    const auto count = static_cast<std::int64_t>(data.base.size());
    index->train(count, all.data());
    index->add(count, all.data());
    faiss::write_index(index.get(), path(folder).c_str());
  }
  void open(const std::string& folder) override {
    index_.reset(faiss::read_index(path(folder).c_str()));
    truth_.open(folder);
  }
  Keys search(const Vector& query) override {
    const std::size_t count = kind_ == FaissKind::flat ? wanted : candidates;
    Keys found(count);
    std::vector<float> scores(count);
    index_->search(1, query.data(), static_cast<std::int64_t>(count), scores.data(), found.data());
    return kind_ == FaissKind::flat ? found : truth_.rescore(query, found);
  }
  std::uintmax_t bytes(const std::string& folder) const override {
    return fs::file_size(path(folder));
  }

 private:
  std::string path(const std::string& folder) const {
    return folder + (kind_ == FaissKind::flat ? "/faiss-flat" : "/faiss-sq8");
  }
  FaissKind kind_;
  std::unique_ptr<faiss::Index> index_;
  Truth truth_;
};
#endif

std::vector<std::function<std::unique_ptr<Contender>()>> all_contenders() {
  std::vector<std::function<std::unique_ptr<Contender>()>> all;
  const auto paths = store::available_scan_paths();
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    all.emplace_back([chosen = *path] { return std::make_unique<Lar>(chosen); });
  }
  all.emplace_back([] { return std::make_unique<LarSearch>(); });
#ifdef BENCH_SQLITE_VEC
  all.emplace_back([] { return std::make_unique<SqliteVec>(VecType::int8); });
  all.emplace_back([] { return std::make_unique<SqliteVec>(VecType::float32); });
#endif
#ifdef BENCH_USEARCH
  for (const std::size_t expansion : {64u, 256u}) {
    all.emplace_back([expansion] {
      return std::make_unique<UsearchContender>(bench::UsearchScalar::float32, expansion);
    });
    all.emplace_back([expansion] {
      return std::make_unique<UsearchContender>(bench::UsearchScalar::byte, expansion);
    });
  }
#endif
#ifdef BENCH_FAISS
  all.emplace_back([] { return std::make_unique<Faiss>(FaissKind::flat); });
  all.emplace_back([] { return std::make_unique<Faiss>(FaissKind::bytes); });
#endif
  return all;
}

// ---- measuring ---------------------------------------------------------------------------------

double milliseconds_since(lar::base::Microseconds start) {
  return static_cast<double>(lar::base::steady_now() - start) / 1000.0;
}

// Resident memory of this process in bytes, mapped files included.
double resident() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) * 1024;
  }
  return 0;
}

// Runs `task` in a child process and gives back the JSON it made.
json in_child(const std::function<json()>& task) {
  int ends[2];
  if (::pipe(ends) != 0) std::exit(1);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    const std::string text = task().dump();
    const ssize_t written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(ends[0], buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  json value = json::parse(text, nullptr, false);
  if (status != 0 || value.is_discarded()) std::exit(1);
  return value;
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

json measure(Contender& contender, const Data& data, const std::string& folder) {
  const double before = resident();
  const auto opening = lar::base::steady_now();
  contender.open(folder);
  const double open_ms = milliseconds_since(opening);
  const auto warming = lar::base::steady_now();
  for (std::size_t warm = 0; warm < 20 && milliseconds_since(warming) < run_limit_ms / 10; ++warm) {
    contender.search(data.queries[warm]);
  }
  std::vector<double> times;
  double right = 0;
  const auto begun = lar::base::steady_now();
  for (std::size_t index = 0; index < data.queries.size(); ++index) {
    if (index >= least_queries && milliseconds_since(begun) > run_limit_ms) break;
    const auto start = lar::base::steady_now();
    const Keys found = contender.search(data.queries[index]);
    times.push_back(milliseconds_since(start));
    for (const std::int64_t key : found) right += data.nearest[index].count(key);
  }
  return {{"recall", right / static_cast<double>(wanted * times.size())},
          {"queries", times.size()},
          {"p50_ms", percentile(times, 0.50)},
          {"p95_ms", percentile(times, 0.95)},
          {"open_ms", open_ms},
          {"memory_mb", (resident() - before) / 1e6}};
}

// A home with one item per vector, through the Store itself.
json make_home(const Data& data, const std::string& folder) {
  const auto start = lar::base::steady_now();
  auto home = must(store::Store::open(folder + "/home"));
  store::Source source;
  source.kind = "folder";
  source.name = "bench";
  source.settings = "{}";
  const lar::base::Id id = must(home->add_source(source)).id;
  constexpr std::size_t batch = 500;
  for (std::size_t first = 0; first < data.base.size(); first += batch) {
    std::vector<lar::domain::Item> items;
    std::vector<store::Recording> recordings;
    const std::size_t count = std::min(batch, data.base.size() - first);
    items.reserve(count);
    for (std::size_t index = first; index < first + count; ++index) {
      lar::domain::Item item;
      item.external_id = std::to_string(index);
      item.title = item.external_id;
      lar::domain::TextPart part;
      part.id = "1";
      part.text = "passage number " + item.external_id;
      lar::domain::Passage passage;
      passage.text = part.text;
      passage.locator.part = "1";
      passage.locator.end = part.text.size();
      item.parts.push_back(part);
      item.passages.push_back(passage);
      items.push_back(std::move(item));
      store::Recording recording;
      recording.item = &items.back();
      recording.placement.source = id;
      recording.placement.uid = items.back().external_id;
      recording.placement.path = "/bench/" + items.back().external_id;
      recording.producer = "bench";
      recordings.push_back(recording);
    }
    must(home->record_all(recordings));
  }
  const double record_ms = milliseconds_since(start);
  const auto saving = lar::base::steady_now();
  std::ofstream order(folder + "/order", std::ios::binary);
  for (;;) {
    const auto pending = must(home->pending_vectors("minilm", 1000));
    if (pending.empty()) break;
    std::vector<store::PassageVector> vectors;
    for (const auto& passage : pending) {
      const std::int64_t position = std::stoll(passage.title);
      vectors.push_back({passage.passage, data.base[static_cast<std::size_t>(position)]});
      order.write(reinterpret_cast<const char*>(&position), sizeof position);
    }
    must(home->save_vectors("minilm", vectors));
  }
  return {{"record_ms", record_ms}, {"save_vectors_ms", milliseconds_since(saving)}};
}

struct Options {
  std::string vectors, work, json;
  std::string only;  // part of a contender's name; empty: all of them
  std::size_t rows = 100'000;
  int repeats = 5;
};

Options read_options(int count, char** words) {
  Options options;
  options.work = (fs::temp_directory_path() / "lar-bench-vectors").string();
  for (int index = 1; index + 1 < count; index += 2) {
    const std::string name = words[index];
    const std::string value = words[index + 1];
    if (name == "--vectors") {
      options.vectors = value;
    } else if (name == "--rows") {
      options.rows = std::stoul(value);
    } else if (name == "--repeats") {
      options.repeats = std::stoi(value);
    } else if (name == "--work") {
      options.work = value;
    } else if (name == "--only") {
      options.only = value;
    } else if (name == "--json") {
      options.json = value;
    } else {
      options.vectors.clear();
      break;
    }
  }
  if (options.vectors.empty()) {
    std::fprintf(stderr,
                 "bench_vectors --vectors FILE [--rows N] [--repeats N] [--only NAME] "
                 "[--work FOLDER] [--json FILE]\n");
    std::exit(2);
  }
  return options;
}

}  // namespace

int main(int count, char** words) {
  const Options options = read_options(count, words);
  fs::remove_all(options.work);
  fs::create_directories(options.work);
  const Data data = read_data(options.vectors, options.rows);
  json result = {{"rows", data.base.size()},   {"real", data.real},
                 {"dimensions", dimensions},   {"queries", data.queries.size()},
                 {"repeats", options.repeats}, {"contenders", json::array()}};
  std::printf(
      "%zu vectors of %zu dimensions: %zu real (MiniLM, cut from 384), %zu noisy copies; "
      "%zu queries, %d runs\n",
      data.base.size(), dimensions, data.real, data.base.size() - data.real, data.queries.size(),
      options.repeats);
  result["home"] = in_child([&] { return make_home(data, options.work); });
  std::printf("recording %zu items %.1f s, saving their vectors %.1f s\n\n", data.base.size(),
              result["home"]["record_ms"].get<double>() / 1000,
              result["home"]["save_vectors_ms"].get<double>() / 1000);
  std::printf("%-28s %8s %9s %19s %19s %9s %9s %9s %9s\n", "", "queries", "recall@10",
              "p50 ms (min-max)", "p95 ms (min-max)", "memory MB", "disk MB", "open ms", "build s");
  for (const auto& make : all_contenders()) {
    if (make()->name().find(options.only) == std::string::npos) continue;
    const json built = in_child([&] {
      const std::unique_ptr<Contender> contender = make();
      const auto start = lar::base::steady_now();
      contender->build(data, options.work);
      return json{{"build_s", milliseconds_since(start) / 1000}};
    });
    std::vector<double> p50, p95, memory, open, recall, queries;
    for (int run = 0; run < options.repeats; ++run) {
      const json measured = in_child([&] {
        const std::unique_ptr<Contender> contender = make();
        return measure(*contender, data, options.work);
      });
      p50.push_back(measured["p50_ms"]);
      p95.push_back(measured["p95_ms"]);
      memory.push_back(measured["memory_mb"]);
      open.push_back(measured["open_ms"]);
      recall.push_back(measured["recall"]);
      queries.push_back(measured["queries"]);
    }
    const std::unique_ptr<Contender> contender = make();
    const auto spread = [](const std::vector<double>& values) {
      return json{{"median", percentile(values, 0.5)},
                  {"min", *std::min_element(values.begin(), values.end())},
                  {"max", *std::max_element(values.begin(), values.end())}};
    };
    const json entry = {{"name", contender->name()},
                        {"crash_safety", contender->crash_safety()},
                        {"recall", percentile(recall, 0.5)},
                        {"queries", percentile(queries, 0.0)},
                        {"p50_ms", spread(p50)},
                        {"p95_ms", spread(p95)},
                        {"memory_mb", spread(memory)},
                        {"open_ms", spread(open)},
                        {"disk_mb", static_cast<double>(contender->bytes(options.work)) / 1e6},
                        {"build_s", built["build_s"]}};
    const auto range = [](const json& values) {
      char text[64];
      std::snprintf(text, sizeof text, "%.2f (%.2f-%.2f)", values["median"].get<double>(),
                    values["min"].get<double>(), values["max"].get<double>());
      return std::string(text);
    };
    std::printf("%-28s %8.0f %9.4f %19s %19s %9.1f %9.1f %9.1f %9.1f\n", contender->name().c_str(),
                entry["queries"].get<double>(), entry["recall"].get<double>(),
                range(entry["p50_ms"]).c_str(), range(entry["p95_ms"]).c_str(),
                entry["memory_mb"]["median"].get<double>(), entry["disk_mb"].get<double>(),
                entry["open_ms"]["median"].get<double>(), entry["build_s"].get<double>());
    std::fflush(stdout);
    result["contenders"].push_back(entry);
  }
  std::printf(
      "\nDisk is that of the index alone; the half floats in lar.db, the truth of each, add "
      "%.1f MB.\n",
      static_cast<double>(data.base.size() * dimensions * 2) / 1e6);
  if (!options.json.empty()) std::ofstream(options.json) << result.dump(2) << "\n";
  fs::remove_all(options.work);
  return 0;
}
