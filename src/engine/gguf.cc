// See gguf.h. Everything read is checked against the file's true size before it is believed; what
// is kept in memory is bounded by the constants below, whatever the file claims.
#include "engine/gguf.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <functional>
#include <set>

#include "os/file.h"

namespace lar::engine {
using base::ErrorKind;
using base::fail;
using base::Parameters;
using base::Result;
using base::Status;
namespace {

constexpr std::uint64_t longest_key = 65'535;  // the specification's own limit
constexpr std::uint64_t longest_tensor_name = 255;
constexpr std::uint64_t most_entries = 65'536;
constexpr std::uint64_t most_tensors = 262'144;
constexpr std::uint64_t longest_kept_string = 65'536;
constexpr std::uint64_t believable_length = 1ull
                                            << 32;  // beyond it a length is noise, not a cut file
constexpr std::uint64_t shown_elements = 8;
constexpr std::uint32_t most_dimensions = 4;

// Block shape of a tensor type: how many weights share how many bytes.
struct TensorType {
  std::uint32_t id;
  std::string_view name;
  std::uint32_t weights;
  std::uint32_t bytes;
};
constexpr std::array tensor_types = {
    TensorType{0, "F32", 1, 4},         TensorType{1, "F16", 1, 2},
    TensorType{2, "Q4_0", 32, 18},      TensorType{3, "Q4_1", 32, 20},
    TensorType{6, "Q5_0", 32, 22},      TensorType{7, "Q5_1", 32, 24},
    TensorType{8, "Q8_0", 32, 34},      TensorType{9, "Q8_1", 32, 36},
    TensorType{10, "Q2_K", 256, 84},    TensorType{11, "Q3_K", 256, 110},
    TensorType{12, "Q4_K", 256, 144},   TensorType{13, "Q5_K", 256, 176},
    TensorType{14, "Q6_K", 256, 210},   TensorType{15, "Q8_K", 256, 292},
    TensorType{16, "IQ2_XXS", 256, 66}, TensorType{17, "IQ2_XS", 256, 74},
    TensorType{18, "IQ3_XXS", 256, 98}, TensorType{19, "IQ1_S", 256, 50},
    TensorType{20, "IQ4_NL", 32, 18},   TensorType{21, "IQ3_S", 256, 110},
    TensorType{22, "IQ2_S", 256, 82},   TensorType{23, "IQ4_XS", 256, 136},
    TensorType{24, "I8", 1, 1},         TensorType{25, "I16", 1, 2},
    TensorType{26, "I32", 1, 4},        TensorType{27, "I64", 1, 8},
    TensorType{28, "F64", 1, 8},        TensorType{29, "IQ1_M", 256, 56},
    TensorType{30, "BF16", 1, 2},       TensorType{34, "TQ1_0", 256, 54},
    TensorType{35, "TQ2_0", 256, 66},   TensorType{39, "MXFP4", 32, 17},
    TensorType{40, "NVFP4", 64, 36},    TensorType{41, "Q1_0", 128, 18},
    TensorType{42, "Q2_0", 64, 18},
};

// general.file_type: the recipe by which a file was quantised.
struct Recipe {
  std::uint64_t id;
  std::string_view name;
};
constexpr std::array recipes = {
    Recipe{0, "F32"},      Recipe{1, "F16"},     Recipe{2, "Q4_0"},    Recipe{3, "Q4_1"},
    Recipe{7, "Q8_0"},     Recipe{8, "Q5_0"},    Recipe{9, "Q5_1"},    Recipe{10, "Q2_K"},
    Recipe{11, "Q3_K_S"},  Recipe{12, "Q3_K_M"}, Recipe{13, "Q3_K_L"}, Recipe{14, "Q4_K_S"},
    Recipe{15, "Q4_K_M"},  Recipe{16, "Q5_K_S"}, Recipe{17, "Q5_K_M"}, Recipe{18, "Q6_K"},
    Recipe{19, "IQ2_XXS"}, Recipe{20, "IQ2_XS"}, Recipe{21, "Q2_K_S"}, Recipe{22, "IQ3_XS"},
    Recipe{23, "IQ3_XXS"}, Recipe{24, "IQ1_S"},  Recipe{25, "IQ4_NL"}, Recipe{26, "IQ3_S"},
    Recipe{27, "IQ3_M"},   Recipe{28, "IQ2_S"},  Recipe{29, "IQ2_M"},  Recipe{30, "IQ4_XS"},
    Recipe{31, "IQ1_M"},   Recipe{32, "BF16"},   Recipe{36, "TQ1_0"},  Recipe{37, "TQ2_0"},
    Recipe{38, "MXFP4"},
};

constexpr std::uint32_t type_bool = 7, type_string = 8, type_array = 9;
struct ValueType {
  std::string_view name;
  std::uint32_t bytes;  // 0: of variable length
};
constexpr std::array<ValueType, 13> value_types = {{{"u8", 1},
                                                    {"i8", 1},
                                                    {"u16", 2},
                                                    {"i16", 2},
                                                    {"u32", 4},
                                                    {"i32", 4},
                                                    {"f32", 4},
                                                    {"bool", 1},
                                                    {"string", 0},
                                                    {"array", 0},
                                                    {"u64", 8},
                                                    {"i64", 8},
                                                    {"f64", 8}}};

// Gives `length` bytes at `offset`; the view lives until the next call. Only asked within the size.
using ReadAt = std::function<Result<std::string_view>(std::uint64_t offset, std::uint64_t length)>;

class Parser {
 public:
  Parser(ReadAt read_at, std::uint64_t size, std::string path)
      : read_at_(std::move(read_at)), size_(size), path_(std::move(path)) {
    file_.file_bytes = size;
  }

  Result<GgufFile> parse() {
    TRY(read_header());
    for (std::uint64_t index = 0; index < entry_count_; ++index) TRY(read_entry(index));
    if (file_.architecture.empty()) return malformed("general.architecture", "");
    for (std::uint64_t index = 0; index < tensor_count_; ++index) TRY(read_tensor(index));
    TRY(place_tensors());
    summarise();
    return std::move(file_);
  }

 private:
  tl::unexpected<base::Error> malformed(const std::string& field, const std::string& value) const {
    return fail(ErrorKind::corrupt, "gguf.malformed",
                {{"path", path_}, {"field", field}, {"value", value}});
  }
  tl::unexpected<base::Error> truncated(const std::string& field, std::uint64_t needed) const {
    return fail(ErrorKind::corrupt, "gguf.truncated",
                {{"path", path_},
                 {"field", field},
                 {"needed", std::to_string(needed)},
                 {"have", std::to_string(size_)}});
  }

  // That `count` things of `each` bytes can still follow; tells a cut file from a wild number.
  Status expect(std::uint64_t count, std::uint64_t each, const std::string& field) const {
    if (count > believable_length) return malformed(field, std::to_string(count));
    const std::uint64_t needed = count * each;
    if (needed > size_ - position_) return truncated(field, position_ + needed);
    return {};
  }

  template <typename Number>
  Result<Number> number(const std::string& field) {
    TRY(expect(1, sizeof(Number), field));
    TRY_ASSIGN(const std::string_view bytes, read_at_(position_, sizeof(Number)));
    static_assert(std::endian::native == std::endian::little);
    Number value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    position_ += sizeof value;
    return value;
  }

  // A string of at most `limit` bytes; with Keep::nothing it is only stepped over.
  enum class Keep { text, nothing };
  Result<std::string> string(const std::string& field, std::uint64_t limit, Keep keep) {
    TRY_ASSIGN(const auto length, number<std::uint64_t>(field));
    if (length > limit) return malformed(field, std::to_string(length));
    TRY(expect(length, 1, field));
    std::string text;
    if (keep == Keep::text && length > 0) {
      TRY_ASSIGN(text, read_at_(position_, std::min(length, longest_kept_string)));
    }
    position_ += length;
    return text;
  }

  Status read_header() {
    constexpr std::string_view magic = "GGUF";
    if (size_ < magic.size())
      return fail(ErrorKind::invalid_input, "gguf.not_gguf", {{"path", path_}});
    TRY_ASSIGN(const std::string_view first, read_at_(0, magic.size()));
    if (first != magic) return fail(ErrorKind::invalid_input, "gguf.not_gguf", {{"path", path_}});
    position_ = magic.size();
    TRY_ASSIGN(file_.version, number<std::uint32_t>("version"));
    if (file_.version != 2 && file_.version != 3) {
      // A file of a big-endian machine shows its version in the high byte: said as it stands.
      return fail(ErrorKind::unsupported, "gguf.version",
                  {{"path", path_}, {"version", std::to_string(file_.version)}});
    }
    TRY_ASSIGN(tensor_count_, number<std::uint64_t>("tensor_count"));
    TRY_ASSIGN(entry_count_, number<std::uint64_t>("metadata_kv_count"));
    if (tensor_count_ == 0 || tensor_count_ > most_tensors) {
      return malformed("tensor_count", std::to_string(tensor_count_));
    }
    if (entry_count_ == 0 || entry_count_ > most_entries) {
      return malformed("metadata_kv_count", std::to_string(entry_count_));
    }
    // The least an entry (empty key, type, one byte) and a tensor's row (empty name, no dimension)
    // take.
    TRY(expect(entry_count_, 8 + 4 + 1, "metadata_kv_count"));
    return expect(tensor_count_, 8 + 4 + 4 + 8, "tensor_count");
  }

  // One value as text; numbers also as a double for those who count.
  Result<std::string> scalar(std::uint32_t type, const std::string& field) {
    switch (type) {
      case 0:
        return shown(number<std::uint8_t>(field));
      case 1:
        return shown(number<std::int8_t>(field));
      case 2:
        return shown(number<std::uint16_t>(field));
      case 3:
        return shown(number<std::int16_t>(field));
      case 4:
        return shown(number<std::uint32_t>(field));
      case 5:
        return shown(number<std::int32_t>(field));
      case 6:
        return shown(number<float>(field));
      case type_bool: {
        TRY_ASSIGN(const auto value, number<std::uint8_t>(field));
        if (value > 1) return malformed(field, std::to_string(value));
        return std::string(value == 1 ? "true" : "false");
      }
      case type_string:
        return string(field, believable_length, Keep::text);
      case 10:
        return shown(number<std::uint64_t>(field));
      case 11:
        return shown(number<std::int64_t>(field));
      case 12:
        return shown(number<double>(field));
      default:
        return malformed(field, std::to_string(type));
    }
  }
  template <typename Number>
  static Result<std::string> shown(const Result<Number>& value) {
    if (!value) return tl::unexpected<base::Error>(value.error());
    return fmt::format("{}", *value);
  }

  Status read_entry(std::uint64_t index) {
    GgufEntry entry;
    TRY_ASSIGN(entry.key, string(fmt::format("key {}", index), longest_key, Keep::text));
    if (entry.key.empty()) return malformed(fmt::format("key {}", index), "");
    if (!keys_.insert(entry.key).second) {
      return fail(ErrorKind::corrupt, "gguf.duplicate", {{"path", path_}, {"field", entry.key}});
    }
    TRY_ASSIGN(const auto type, number<std::uint32_t>(entry.key));
    if (type >= value_types.size()) return malformed(entry.key, std::to_string(type));
    entry.type = value_types[type].name;
    if (type == type_array) {
      TRY_ASSIGN(const auto element, number<std::uint32_t>(entry.key));
      if (element >= value_types.size() || element == type_array) {
        return malformed(entry.key, std::to_string(element));
      }
      TRY_ASSIGN(entry.count, number<std::uint64_t>(entry.key));
      const std::uint64_t each = element == type_string ? 8 : value_types[element].bytes;
      TRY(expect(entry.count, each, entry.key));
      entry.type = fmt::format("array of {}", value_types[element].name);
      for (std::uint64_t number_of = 0; number_of < entry.count; ++number_of) {
        if (number_of < shown_elements) {
          TRY_ASSIGN(const std::string value, scalar(element, entry.key));
          if (number_of > 0) entry.value += ", ";
          entry.value += value;
        } else if (element == type_string) {
          TRY(string(entry.key, believable_length, Keep::nothing));
        } else {
          position_ += (entry.count - number_of) * each;  // checked above
          break;
        }
      }
    } else {
      TRY_ASSIGN(entry.value, scalar(type, entry.key));
    }
    TRY(understand(entry, type));
    file_.entries.push_back(std::move(entry));
    return {};
  }

  // Entries that decide how the rest is read.
  Status understand(const GgufEntry& entry, std::uint32_t type) {
    if (entry.key == "general.architecture") {
      if (type != type_string || entry.value.empty() || entry.value.size() > 64) {
        return malformed(entry.key, entry.value.substr(0, 64));
      }
      file_.architecture = entry.value;
    } else if (entry.key == "general.alignment") {
      const auto value = static_cast<std::uint32_t>(std::strtoul(entry.value.c_str(), nullptr, 10));
      if (entry.type != "u32" || !std::has_single_bit(value) || value < 8 || value > (1u << 20)) {
        return malformed(entry.key, entry.value.substr(0, 64));
      }
      file_.alignment = value;
    }
    return {};
  }

  Status read_tensor(std::uint64_t index) {
    GgufTensor tensor;
    TRY_ASSIGN(tensor.name,
               string(fmt::format("tensor {}", index), longest_tensor_name, Keep::text));
    const std::string& name = tensor.name;
    if (name.empty()) return malformed(fmt::format("tensor {}", index), "");
    if (!names_.insert(name).second) {
      return fail(ErrorKind::corrupt, "gguf.duplicate", {{"path", path_}, {"field", name}});
    }
    TRY_ASSIGN(const auto dimensions, number<std::uint32_t>(name));
    if (dimensions == 0 || dimensions > most_dimensions) {
      return malformed(name, std::to_string(dimensions));
    }
    std::uint64_t weights = 1;
    for (std::uint32_t dimension = 0; dimension < dimensions; ++dimension) {
      TRY_ASSIGN(const auto extent, number<std::uint64_t>(name));
      if (extent == 0 || extent > believable_length || weights > (1ull << 56) / extent) {
        return malformed(name, std::to_string(extent));
      }
      weights *= extent;
      tensor.shape.push_back(extent);
    }
    TRY_ASSIGN(const auto type_id, number<std::uint32_t>(name));
    const auto type = std::find_if(tensor_types.begin(), tensor_types.end(),
                                   [&](const TensorType& known) { return known.id == type_id; });
    if (type == tensor_types.end()) {
      return fail(ErrorKind::unsupported, "gguf.unknown_type",
                  {{"path", path_}, {"field", name}, {"value", std::to_string(type_id)}});
    }
    if (tensor.shape[0] % type->weights != 0)
      return malformed(name, std::to_string(tensor.shape[0]));
    tensor.type = type->name;
    tensor.size = weights / type->weights * type->bytes;
    TRY_ASSIGN(tensor.offset, number<std::uint64_t>(name));
    if (tensor.offset % file_.alignment != 0) return malformed(name, std::to_string(tensor.offset));
    GgufShare& share = file_.types[tensor.type];
    share.tensors += 1;
    share.weights += weights;
    share.bytes += tensor.size;
    file_.weights += weights;
    file_.tensors.push_back(std::move(tensor));
    return {};
  }

  // Turns offsets into places in the file, and checks that each lies inside and apart from the
  // others.
  Status place_tensors() {
    const std::uint64_t align = file_.alignment;
    file_.data_offset = (position_ + align - 1) / align * align;
    if (file_.data_offset > size_) return truncated("tensor_data", file_.data_offset);
    const std::uint64_t room = size_ - file_.data_offset;
    std::vector<const GgufTensor*> order;
    std::uint64_t needed = 0;
    for (const GgufTensor& tensor : file_.tensors) {
      order.push_back(&tensor);
      // Past the end of any file that could exist it is a wrong number; else the file is too short.
      if (tensor.offset > (1ull << 56))
        return malformed(tensor.name, std::to_string(tensor.offset));
      needed = std::max(needed, file_.data_offset + tensor.offset + tensor.size);
    }
    std::sort(order.begin(), order.end(),
              [](const auto* left, const auto* right) { return left->offset < right->offset; });
    std::uint64_t end = 0;
    for (const GgufTensor* tensor : order) {
      if (tensor->offset < end) {
        return fail(ErrorKind::corrupt, "gguf.overlap", {{"path", path_}, {"field", tensor->name}});
      }
      end = tensor->offset + tensor->size;
      if (end > room) return truncated(tensor->name, needed);
    }
    for (GgufTensor& tensor : file_.tensors) tensor.offset += file_.data_offset;
    return {};
  }

  const GgufEntry* find(const std::string& key) const {
    const auto found = std::find_if(file_.entries.begin(), file_.entries.end(),
                                    [&](const GgufEntry& entry) { return entry.key == key; });
    return found == file_.entries.end() ? nullptr : &*found;
  }
  std::string text(const std::string& key) const {
    const GgufEntry* entry = find(key);
    return entry != nullptr && entry->type == "string" ? entry->value : std::string();
  }
  // The first number of an entry; some architectures give one per layer.
  std::uint64_t count(const std::string& key) const {
    const GgufEntry* entry = find(key);
    if (entry == nullptr || entry->type == "string" || entry->type == "array of string") return 0;
    const long long value = std::strtoll(entry->value.c_str(), nullptr, 10);
    return value > 0 ? static_cast<std::uint64_t>(value) : 0;
  }

  void summarise() {
    const std::string prefix = file_.architecture + ".";
    file_.name = text("general.name");
    file_.licence = text("general.license");
    file_.tokenizer = text("tokenizer.ggml.model");
    file_.context = count(prefix + "context_length");
    file_.width = count(prefix + "embedding_length");
    file_.layers = count(prefix + "block_count");
    file_.heads = count(prefix + "attention.head_count");
    file_.key_value_heads = count(prefix + "attention.head_count_kv");
    file_.experts = count(prefix + "expert_count");
    file_.experts_used = count(prefix + "expert_used_count");
    file_.has_chat_template = find("tokenizer.chat_template") != nullptr;
    if (const GgufEntry* tokens = find("tokenizer.ggml.tokens")) file_.vocabulary = tokens->count;
    if (find(prefix + "pooling_type") != nullptr) {
      constexpr std::array<std::string_view, 5> poolings = {"none", "mean", "cls", "last", "rank"};
      file_.pooling = poolings[std::min<std::uint64_t>(count(prefix + "pooling_type"), 4)];
    }
    if (find("general.file_type") != nullptr) {
      const std::uint64_t id = count("general.file_type");
      const auto recipe = std::find_if(recipes.begin(), recipes.end(),
                                       [&](const Recipe& known) { return known.id == id; });
      if (recipe != recipes.end()) file_.quantisation = recipe->name;
    }
    if (file_.quantisation.empty()) {
      std::uint64_t most = 0;
      for (const auto& [type, share] : file_.types) {
        if (share.bytes > most) {
          most = share.bytes;
          file_.quantisation = type;
        }
      }
    }
  }

  ReadAt read_at_;
  std::uint64_t size_;
  std::string path_;
  std::uint64_t position_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t entry_count_ = 0;
  std::set<std::string> keys_, names_;
  GgufFile file_;
};

// A window over a file, read ahead a megabyte at a time: metadata is many small fields in a row.
// Not mapped, because a file that shrinks under a mapping kills the process.
class Window {
 public:
  Window(int descriptor, std::uint64_t size, std::string path)
      : descriptor_(descriptor), size_(size), path_(std::move(path)) {}

  Result<std::string_view> read(std::uint64_t offset, std::uint64_t length) {
    if (offset < start_ || offset + length > start_ + bytes_.size()) {
      bytes_.resize(
          std::min<std::uint64_t>(std::max<std::uint64_t>(length, 1u << 20), size_ - offset));
      start_ = offset;
      std::size_t filled = 0;
      while (filled < bytes_.size()) {
        const ssize_t count = pread(descriptor_, bytes_.data() + filled, bytes_.size() - filled,
                                    static_cast<off_t>(offset + filled));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return base::fail_errno(errno, path_, "reading");
        if (count == 0) {  // it shrank since its size was read
          return fail(ErrorKind::corrupt, "gguf.truncated",
                      {{"path", path_},
                       {"field", "file"},
                       {"needed", std::to_string(size_)},
                       {"have", std::to_string(offset + filled)}});
        }
        filled += static_cast<std::size_t>(count);
      }
    }
    return std::string_view(bytes_).substr(offset - start_, length);
  }

 private:
  int descriptor_;
  std::uint64_t size_;
  std::string path_;
  std::uint64_t start_ = 0;
  std::string bytes_;
};

}  // namespace

Result<GgufFile> read_gguf(const std::string& path) {
  TRY_ASSIGN(const os::Descriptor descriptor, os::open_read(path));
  struct stat status{};
  if (fstat(descriptor.get(), &status) != 0) return base::fail_errno(errno, path, "reading");
  if (S_ISDIR(status.st_mode)) {
    return fail(ErrorKind::invalid_input, "file.is_folder", {{"path", path}});
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::invalid_input, "file.not_regular", {{"path", path}});
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  Window window(descriptor.get(), size, path);
  return Parser([&](std::uint64_t offset,
                    std::uint64_t length) { return window.read(offset, length); },
                size, path)
      .parse();
}

Result<GgufFile> parse_gguf(std::string_view bytes, const std::string& path) {
  return Parser(
             [&](std::uint64_t offset, std::uint64_t length) -> Result<std::string_view> {
               return bytes.substr(offset, length);
             },
             bytes.size(), path)
      .parse();
}

}  // namespace lar::engine
