// Layout, little endian: a header of 4096 bytes (struct Header, rest zero), then rows of `stride`
// bytes: the values (int8, padded to whole blocks of 64) and a Meta of 32 bytes. Rows are in rising
// order of vector key. Row i lies at 4096 + i * stride. A deleted row keeps its place and has
// `dead` set (outside the checksum); a third of dead rows is reason enough to write the file anew.
//
// The header is written after the rows it counts. Nothing here is fsynced: after a power cut a
// row's checksum tells, and the database is the truth.
#include "store/vectors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <thread>

namespace lar::store {

using base::ErrorKind;

namespace {
constexpr std::uint64_t magic = 0x38692d72616c0a1aULL;
constexpr std::uint32_t format_version = 1;
constexpr std::size_t header_size = 4096;
constexpr std::size_t batch = 1024;
constexpr std::size_t rows_per_step = 256;
// Below this many bytes a second thread costs more than it brings.
constexpr std::size_t bytes_per_thread = 16u << 20;
constexpr unsigned most_threads = 8;

// Multiply-and-fold over 8-byte words: quick, and any changed bit shows.
std::uint64_t checksum(const std::byte* bytes, std::size_t size, std::uint64_t seed) {
  std::uint64_t sum = seed ^ (size * 0x9E3779B97F4A7C15ULL);
  for (std::size_t index = 0; index < size; index += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + index, std::min<std::size_t>(8, size - index));
    sum = (sum ^ word) * 0xD6E8FEB86659FD93ULL;
    sum ^= sum >> 32;
  }
  return sum;
}

base::Status write_at(int descriptor, const void* from, std::size_t size, std::uint64_t offset,
                      const std::string& path) {
  const char* bytes = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t written = ::pwrite(descriptor, bytes, size, static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return base::fail_errno(errno, path, "vectors");
    }
    bytes += written;
    size -= static_cast<std::size_t>(written);
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}
}  // namespace

struct VectorIndex::Header {
  std::uint64_t magic_number = magic;
  std::uint32_t version = format_version;
  std::uint32_t dimensions = 0;
  std::uint64_t rows = 0;
  std::uint64_t dead = 0;
  std::int64_t generation = 0;
  std::uint64_t model = 0;
  std::uint64_t sum = 0;  // of the fields before it
};

struct VectorIndex::Meta {
  float scale = 0;
  std::int32_t sum = 0;
  std::uint32_t vector = 0;
  std::uint32_t passage = 0;
  std::uint32_t item = 0;
  std::uint32_t dead = 0;
  std::uint64_t check = 0;  // of the values and the fields above but `dead`
};

namespace {
template <typename Meta>
std::uint64_t row_checksum(const std::byte* row, std::size_t padded, const Meta& meta) {
  const std::uint64_t fields =
      checksum(reinterpret_cast<const std::byte*>(&meta), offsetof(Meta, dead), format_version);
  return checksum(row, padded, fields);
}
}  // namespace

std::string vector_file_name(const std::string& model) {
  std::string name;
  bool plain = !model.empty() && model.size() <= 80 && model.front() != '.';
  for (const char letter : model.substr(0, 80)) {
    const bool safe = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                      (letter >= '0' && letter <= '9') || letter == '-' || letter == '.' ||
                      letter == '_';
    plain = plain && safe;
    name += safe ? letter : '_';
  }
  if (!plain) name = "_" + name + "-" + os::sha256(model).substr(0, 12);
  return name + ".i8";
}

VectorIndex::VectorIndex(std::int64_t key, std::string path) : key_(key), path_(std::move(path)) {}

VectorIndex::~VectorIndex() { forget(); }

void VectorIndex::forget() {
  if (mapping_ != nullptr) ::munmap(const_cast<std::byte*>(mapping_), mapped_);
  mapping_ = nullptr;
  mapped_ = 0;
  file_.close();
  loaded_ = false;
  in_memory_ = false;
  rows_ = 0;
  dead_ = 0;
  generation_ = -1;
}

const VectorIndex::Meta* VectorIndex::meta(std::uint64_t row) const {
  const std::byte* at = mapping_ + header_size + row * stride_ + (stride_ - sizeof(Meta));
  return static_cast<const Meta*>(static_cast<const void*>(at));
}

std::int64_t VectorIndex::live() const {
  const std::shared_lock lock(mutex_);
  return static_cast<std::int64_t>(rows_ - dead_);
}

// Maps enough of the file for `rows` rows, growing the file in steps so that appending seldom maps.
base::Status VectorIndex::map_rows(std::uint64_t rows) {
  const std::uint64_t needed = header_size + rows * stride_;
  if (needed <= mapped_) return {};
  const std::uint64_t grown = header_size + (rows + rows / 8 + batch) * stride_;
  // Reserved now, so that writing later cannot find the disk full half way.
  const int reserved = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(grown));
  if (reserved != 0) return base::fail_errno(reserved, path_, "vectors");
  void* mapped = ::mmap(nullptr, grown, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (mapped == MAP_FAILED) return base::fail_errno(errno, path_, "vectors");
  if (mapping_ != nullptr) ::munmap(const_cast<std::byte*>(mapping_), mapped_);
  mapping_ = static_cast<const std::byte*>(mapped);
  mapped_ = grown;
  return {};
}

base::Status VectorIndex::open_file(bool fresh) {
  forget();
  if (fresh) ::unlink(path_.c_str());
  file_ = os::Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file_.valid()) return base::fail_errno(errno, path_, "vectors");
  return {};
}

base::Status VectorIndex::open_memory() {
  forget();
  file_ = os::Descriptor(::memfd_create("lar-vectors", MFD_CLOEXEC));
  if (!file_.valid()) return base::fail_errno(errno, path_, "vectors");
  in_memory_ = true;
  return {};
}

// Takes the file as it is, if it is whole: header, length and every row's checksum.
bool VectorIndex::adopt(std::size_t dimensions) {
  Header header;
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) return false;
  if (::pread(file_.get(), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) {
    return false;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (header.magic_number != magic || header.version != format_version ||
      header.dimensions != dimensions || header.model != static_cast<std::uint64_t>(key_) ||
      header.sum != checksum(reinterpret_cast<const std::byte*>(&header), offsetof(Header, sum),
                             format_version) ||
      size < header_size || header.rows > (size - header_size) / stride_) {
    return false;
  }
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (mapped == MAP_FAILED) return false;
  mapping_ = static_cast<const std::byte*>(mapped);
  mapped_ = size;
  rows_ = header.rows;
  generation_ = header.generation;
  dead_ = 0;
  std::int64_t last = -1;
  for (std::uint64_t row = 0; row < rows_; ++row) {
    const Meta* found = meta(row);
    const std::byte* values = mapping_ + header_size + row * stride_;
    if (found->check != row_checksum(values, stride_ - sizeof(Meta), *found)) return false;
    if (static_cast<std::int64_t>(found->vector) <= last) return false;
    last = found->vector;
    if (found->dead != 0) ++dead_;
  }
  return true;
}

base::Status VectorIndex::write_header() {
  std::array<std::byte, header_size> page{};
  Header header;
  header.dimensions = static_cast<std::uint32_t>(dimensions_);
  header.rows = rows_;
  header.dead = dead_;
  header.generation = generation_;
  header.model = static_cast<std::uint64_t>(key_);
  header.sum =
      checksum(reinterpret_cast<const std::byte*>(&header), offsetof(Header, sum), format_version);
  std::memcpy(page.data(), &header, sizeof header);
  return write_at(file_.get(), page.data(), page.size(), 0, path_);
}

base::Status VectorIndex::append(std::span<const VectorRow> rows) {
  TRY(map_rows(rows_ + rows.size()));
  std::vector<std::byte> bytes(rows.size() * stride_);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const VectorRow& row = rows[index];
    if (row.vector > UINT32_MAX || row.passage > UINT32_MAX || row.item > UINT32_MAX) {
      return base::fail(ErrorKind::internal, "store.internal",
                        {{"path", path_}, {"detail", "keys beyond 32 bits"}});
    }
    const Quantized quantized = quantize(row.values);
    std::byte* at = bytes.data() + index * stride_;
    const std::size_t padded = stride_ - sizeof(Meta);
    std::memcpy(at, quantized.values.data(), std::min(padded, quantized.values.size()));
    Meta made;
    made.scale = quantized.scale;
    made.sum = quantized.sum;
    made.vector = static_cast<std::uint32_t>(row.vector);
    made.passage = static_cast<std::uint32_t>(row.passage);
    made.item = static_cast<std::uint32_t>(row.item);
    made.check = row_checksum(at, padded, made);
    std::memcpy(at + padded, &made, sizeof made);
  }
  TRY(write_at(file_.get(), bytes.data(), bytes.size(), header_size + rows_ * stride_, path_));
  rows_ += rows.size();
  return {};
}

base::Status VectorIndex::bury(std::uint64_t row) {
  if (meta(row)->dead != 0) return {};
  const std::uint32_t dead = 1;
  const std::uint64_t offset =
      header_size + row * stride_ + (stride_ - sizeof(Meta)) + offsetof(Meta, dead);
  TRY(write_at(file_.get(), &dead, sizeof dead, offset, path_));
  ++dead_;
  return {};
}

std::optional<std::uint64_t> VectorIndex::find(std::int64_t vector) const {
  std::uint64_t low = 0;
  std::uint64_t high = rows_;
  while (low < high) {
    const std::uint64_t middle = (low + high) / 2;
    if (static_cast<std::int64_t>(meta(middle)->vector) < vector) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low < rows_ && static_cast<std::int64_t>(meta(low)->vector) == vector) return low;
  return std::nullopt;
}

base::Status VectorIndex::append_from(Connection& connection, std::int64_t after) {
  Statement all = connection.query(
      "SELECT v.key, v.passage, p.item, v.numbers FROM vector v JOIN passage p ON p.key = "
      "v.passage "
      "WHERE v.model = ?1 AND v.key > ?2 ORDER BY v.key",
      key_, after);
  std::vector<VectorRow> rows;
  for (;;) {
    TRY_ASSIGN(const bool more, all.step());
    if (more) {
      rows.push_back({all.integer(0), all.integer(1), all.integer(2), floats_from(all.blob(3))});
    }
    if (rows.size() == batch || (!more && !rows.empty())) {
      TRY(append(rows));
      rows.clear();
    }
    if (!more) return {};
  }
}

base::Status VectorIndex::rebuild(Connection& connection) {
  TRY(open_file(true));
  base::Status done = map_rows(0);
  if (done) done = append_from(connection, -1);
  if (done || done.error().kind != ErrorKind::no_space) return done;
  ::unlink(path_.c_str());
  TRY(open_memory());
  TRY(map_rows(0));
  return append_from(connection, -1);
}

// Compares the rows with the keys in the database: buries what went, appends what came.
base::Status VectorIndex::catch_up(Connection& connection) {
  Statement keys = connection.query("SELECT key FROM vector WHERE model = ?1 ORDER BY key", key_);
  std::uint64_t row = 0;
  std::int64_t last = -1;
  if (rows_ > 0) last = meta(rows_ - 1)->vector;
  bool fits = true;
  for (;;) {
    TRY_ASSIGN(const bool more, keys.step());
    const std::int64_t key = more ? keys.integer(0) : INT64_MAX;
    while (row < rows_ && static_cast<std::int64_t>(meta(row)->vector) < key) {
      TRY(bury(row++));
    }
    if (!more || key > last) break;
    if (row < rows_ && static_cast<std::int64_t>(meta(row)->vector) == key) {
      fits = fits && meta(row)->dead == 0;
      ++row;
    } else {
      fits = false;
    }
    if (!fits) return rebuild(connection);
  }
  while (row < rows_) TRY(bury(row++));
  const base::Status appended = append_from(connection, last);
  if (!appended && appended.error().kind == ErrorKind::no_space) return rebuild(connection);
  return appended;
}

base::Status VectorIndex::load(Connection& connection) {
  {
    const std::shared_lock lock(mutex_);
    if (loaded_) return {};
  }
  const std::unique_lock lock(mutex_);
  if (loaded_) return {};
  std::optional<ReadMoment> moment;
  if (!connection.in_transaction()) {
    moment.emplace(connection);
    TRY(moment->status());
  }
  std::int64_t generation = 0;
  {
    Statement model =
        connection.query("SELECT dimensions, generation FROM vector_model WHERE key = ?1", key_);
    TRY_ASSIGN(const bool found, model.step());
    if (!found || model.integer(0) == 0) return {};
    dimensions_ = static_cast<std::size_t>(model.integer(0));
    generation = model.integer(1);
  }
  stride_ = padded_dimensions(dimensions_) + sizeof(Meta);
  TRY(os::make_folders(path_.substr(0, path_.rfind('/'))));
  base::Status opened = open_file(false);
  if (!opened && opened.error().kind != ErrorKind::no_space) return opened;
  base::Status done;
  if (!opened || !adopt(dimensions_)) {
    done = rebuild(connection);
  } else if (generation_ != generation) {
    done = catch_up(connection);
  }
  if (done && dead_ > 1024 && dead_ > rows_ / 3) done = rebuild(connection);
  if (done) {
    generation_ = generation;
    done = write_header();
  }
  if (!done) {
    forget();
    return done;
  }
  loaded_ = true;
  return {};
}

void VectorIndex::apply(std::int64_t generation, std::span<const VectorRow> added,
                        std::span<const std::int64_t> removed) {
  const std::unique_lock lock(mutex_);
  if (!loaded_ || generation <= generation_) return;
  base::Status done;
  if (generation != generation_ + 1) {
    done = base::fail(ErrorKind::internal, "store.internal");
  }
  for (const std::int64_t key : removed) {
    const std::optional<std::uint64_t> row = done ? find(key) : std::nullopt;
    if (row) done = bury(*row);
  }
  if (done && !added.empty()) done = append(added);
  if (done) {
    generation_ = generation;
    done = write_header();
  }
  if (!done) forget();
}

// ---- search ------------------------------------------------------------------------------------

namespace {

struct Best {
  float score;
  std::uint64_t row;
  // The heap's top is the worst kept; of equals the newer row is better.
  friend bool operator<(const Best& left, const Best& right) {
    return left.score != right.score ? left.score > right.score : left.row > right.row;
  }
};

void offer(std::vector<Best>& heap, std::size_t count, Best candidate) {
  if (heap.size() < count) {
    heap.push_back(candidate);
    std::push_heap(heap.begin(), heap.end());
  } else if (candidate < heap.front()) {
    std::pop_heap(heap.begin(), heap.end());
    heap.back() = candidate;
    std::push_heap(heap.begin(), heap.end());
  }
}

}  // namespace

std::vector<VectorCandidate> VectorIndex::search(std::span<const float> query, std::size_t count,
                                                 const KeySet* items, const KeySet* passages,
                                                 ScanPath path) const {
  const std::shared_lock lock(mutex_);
  if (!loaded_ || query.size() != dimensions_ || count == 0) return {};
  const Quantized quantized = quantize(query);
  const std::size_t padded = stride_ - sizeof(Meta);
  const std::byte* first = mapping_ + header_size;
  const auto scan = [&](std::uint64_t begin, std::uint64_t end, std::vector<Best>& heap) {
    std::array<std::int32_t, rows_per_step> dots;
    const auto measure = [&](std::uint64_t row, std::size_t rows) {
      const std::byte* at = first + row * stride_;
      dot_rows(path, quantized, reinterpret_cast<const std::int8_t*>(at), stride_,
               at + padded + offsetof(Meta, sum), rows, dots.data());
    };
    for (std::uint64_t row = begin; row < end; row += rows_per_step) {
      const std::size_t rows = std::min<std::uint64_t>(rows_per_step, end - row);
      const bool all = items == nullptr && passages == nullptr;
      if (all) measure(row, rows);
      for (std::size_t index = 0; index < rows; ++index) {
        const Meta* found = meta(row + index);
        if (found->dead != 0 || (items != nullptr && !items->has(found->item)) ||
            (passages != nullptr && !passages->has(found->passage))) {
          continue;
        }
        if (!all) measure(row + index, 1);
        const float dot = static_cast<float>(dots[all ? index : 0]);
        offer(heap, count, {dot * found->scale * quantized.scale, row + index});
      }
    }
  };
  const std::size_t bytes = rows_ * stride_;
  const unsigned threads = static_cast<unsigned>(
      std::clamp<std::size_t>(bytes / bytes_per_thread, 1,
                              std::clamp(std::thread::hardware_concurrency(), 1U, most_threads)));
  std::vector<std::vector<Best>> heaps(threads);
  {
    std::vector<std::jthread> helpers;
    const std::uint64_t share = (rows_ + threads - 1) / threads;
    for (unsigned part = 1; part < threads; ++part) {
      helpers.emplace_back([&, part] {
        scan(std::min(rows_, part * share), std::min(rows_, (part + 1) * share), heaps[part]);
      });
    }
    scan(0, std::min(rows_, share), heaps[0]);
  }
  std::vector<Best> merged;
  for (const std::vector<Best>& heap : heaps) {
    for (const Best& candidate : heap) offer(merged, count, candidate);
  }
  std::sort(merged.begin(), merged.end());
  std::vector<VectorCandidate> result;
  result.reserve(merged.size());
  for (const Best& best : merged) {
    const Meta* found = meta(best.row);
    result.push_back({found->vector, found->passage, found->item, best.score});
  }
  return result;
}

}  // namespace lar::store
