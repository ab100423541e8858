// See state.h.
#include "state.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <memory>
#include <sstream>

namespace expert_stream {

namespace {

constexpr const char* first_line = "expert-stream state 1";
constexpr std::size_t head_bytes = 64 * 1024;

class Hash {
 public:
  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) value_ = (value_ ^ bytes[i]) * 0x100000001b3;
  }
  void add(std::uint64_t number) { add(&number, sizeof number); }
  void add(const std::string& text) {
    add(text.size());
    add(text.data(), text.size());
  }
  std::string text() const {
    std::ostringstream out;
    out << std::hex << std::setfill('0') << std::setw(16) << value_;
    return out.str();
  }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace

Outcome<std::string> identity_of(const ExpertStore& store) {
  Hash hash;
  // Aligned for direct reads.
  const std::unique_ptr<void, decltype(&std::free)> head(std::aligned_alloc(4096, head_bytes),
                                                         &std::free);
  if (head == nullptr) return failure("no memory for a read buffer");
  for (std::size_t i = 0; i < store.files(); ++i) {
    const ModelFile& file = store.file(i);
    const ssize_t count = ::pread(file.descriptor(), head.get(), head_bytes, 0);
    if (count < 0) return failure(file.path() + " cannot be read: " + std::strerror(errno));
    hash.add(file.identity().size);
    hash.add(head.get(), static_cast<std::size_t>(count));
  }
  for (const TensorDescription& tensor : store.tensors()) {
    hash.add(tensor.name);
    hash.add(tensor.file);
    hash.add(tensor.offset);
    hash.add(tensor.slice_bytes);
    hash.add(static_cast<std::uint64_t>(tensor.experts));
  }
  return hash.text();
}

Outcome<void> write_state(const std::string& path, const std::string& identity,
                          const SavedState& state) {
  std::ostringstream out;
  out << first_line << "\nmodel " << identity << "\ntokens " << state.tokens_seen << "\nexperts "
      << state.remembered.size() << '\n';
  for (const ExpertStore::Remembered& each : state.remembered)
    out << each.group << ' ' << each.expert << ' ' << each.score << '\n';
  const std::string text = out.str();
  const std::string temporary = path + ".new";
  const auto failed = [&] {
    const std::string why = std::strerror(errno);
    ::unlink(temporary.c_str());
    return failure("the state cannot be kept in " + path + ": " + why);
  };
  const int descriptor =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return failed();
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    written += static_cast<std::size_t>(count);
  }
  const bool complete = written == text.size() && ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  if (!complete || ::rename(temporary.c_str(), path.c_str()) != 0) return failed();
  return {};
}

Outcome<SavedState> read_state(const std::string& path, const std::string& identity) {
  std::ifstream file(path);
  if (!file) return failure(path + " cannot be read: " + std::strerror(errno));
  std::string line;
  std::string word;
  std::string model;
  std::size_t count = 0;
  SavedState state;
  if (!std::getline(file, line) || line != first_line)
    return failure(path + ", line 1: not a state of this version");
  if (!(file >> word >> model) || word != "model") return failure(path + ", line 2: damaged");
  if (model != identity) return failure(path + " belongs to another model");
  if (!(file >> word >> state.tokens_seen) || word != "tokens")
    return failure(path + ", line 3: damaged");
  if (!(file >> word >> count) || word != "experts") return failure(path + ", line 4: damaged");
  for (std::size_t i = 0; i < count; ++i) {
    ExpertStore::Remembered each;
    if (!(file >> each.group >> each.expert >> each.score))
      return failure(path + ", line " + std::to_string(5 + i) + ": damaged or cut short");
    state.remembered.push_back(std::move(each));
  }
  return state;
}

}  // namespace expert_stream
