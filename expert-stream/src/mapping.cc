// See mapping.h.
#include "mapping.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

namespace expert_stream {

namespace {

std::string_view next_field(std::string_view& rest) {
  const std::size_t start = rest.find_first_not_of(' ');
  if (start == std::string_view::npos) return rest = {};
  rest.remove_prefix(start);
  const std::size_t length = std::min(rest.find(' '), rest.size());
  const std::string_view field = rest.substr(0, length);
  rest.remove_prefix(length);
  return field;
}

template <typename T>
bool parse_number(std::string_view text, int base, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

// A descriptor of this process for the inode, or -1. Files of the same inode number on another file
// system are told apart by size and name.
int find_open_descriptor(const MappedRange& range) {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return -1;
  int found = -1;
  while (const dirent* entry = ::readdir(folder)) {
    int number = -1;
    if (!parse_number(std::string_view(entry->d_name), 10, number)) continue;
    struct stat status{};
    if (::fstat(number, &status) != 0 || status.st_ino != range.inode || !S_ISREG(status.st_mode))
      continue;
    char target[4096];
    const ssize_t length =
        ::readlink(("/proc/self/fd/" + std::to_string(number)).c_str(), target, sizeof target);
    if (length > 0 && std::string_view(target, static_cast<std::size_t>(length)) == range.path) {
      found = number;
      break;
    }
  }
  ::closedir(folder);
  return found;
}

DirectAlignment alignment_of(int descriptor) {
#ifdef STATX_DIOALIGN
  struct statx status{};
  if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0)
    return {status.stx_dio_mem_align, status.stx_dio_offset_align};
#endif
  // An older kernel or libc does not say; the page size suits every device.
  (void)descriptor;
  return {4096, 4096};
}

}  // namespace

std::optional<MappedRange> parse_maps_line(std::string_view line) {
  std::string_view rest = line;
  const std::string_view addresses = next_field(rest);
  next_field(rest);  // permissions
  const std::string_view offset = next_field(rest);
  next_field(rest);  // device
  const std::string_view inode = next_field(rest);
  const std::size_t dash = addresses.find('-');
  MappedRange range;
  if (dash == std::string_view::npos || !parse_number(addresses.substr(0, dash), 16, range.begin) ||
      !parse_number(addresses.substr(dash + 1), 16, range.end) ||
      !parse_number(offset, 16, range.offset) || !parse_number(inode, 10, range.inode))
    return std::nullopt;
  const std::size_t path = rest.find_first_not_of(' ');
  if (path != std::string_view::npos && range.inode != 0) range.path = rest.substr(path);
  return range;
}

Outcome<MappedRange> find_mapping(const void* address, std::size_t size, const std::string& maps) {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream lines(maps);
  std::string line;
  std::optional<MappedRange> joined;
  while (std::getline(lines, line)) {
    std::optional<MappedRange> range = parse_maps_line(line);
    if (!range) continue;
    if (joined && range->begin == joined->end && range->inode == joined->inode &&
        range->path == joined->path &&
        range->offset == joined->offset + (joined->end - joined->begin)) {
      joined->end = range->end;
    } else if (joined) {
      break;
    } else if (range->begin <= begin && begin < range->end) {
      joined = std::move(range);
    }
    if (joined && joined->end >= begin + size) break;
  }
  if (!joined || joined->path.empty() || joined->end < begin + size)
    return failure("the experts do not lie in a mapping of a file");
  return *joined;
}

std::vector<MappedRange> still_mapped(const MappedRange& range, const std::string& maps) {
  std::vector<MappedRange> parts;
  std::ifstream lines(maps);
  std::string line;
  while (std::getline(lines, line)) {
    std::optional<MappedRange> part = parse_maps_line(line);
    if (!part || part->inode != range.inode || part->path != range.path) continue;
    const std::uintptr_t begin = std::max(part->begin, range.begin);
    const std::uintptr_t end = std::min(part->end, range.end);
    // The same file may be mapped a second time.
    if (begin >= end ||
        part->offset + (begin - part->begin) != range.offset + (begin - range.begin))
      continue;
    part->offset += begin - part->begin;
    part->begin = begin;
    part->end = end;
    parts.push_back(std::move(*part));
  }
  return parts;
}

Outcome<FileIdentity> identify(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0)
    return failure(std::string("the model file cannot be examined: ") + std::strerror(errno));
  return FileIdentity{
      status.st_ino, static_cast<std::uint64_t>(status.st_size),
      static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec};
}

Outcome<ModelFile> ModelFile::open(const MappedRange& range, bool direct) {
  ModelFile file;
  file.path_ = range.path;
  const int held = find_open_descriptor(range);
  const std::string name = held >= 0 ? "/proc/self/fd/" + std::to_string(held) : range.path;
  if (direct) {
    file.descriptor_ = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (file.descriptor_ >= 0) {
      file.alignment_ = alignment_of(file.descriptor_);
      file.direct_ = file.alignment_.offset != 0;
    }
  }
  if (!file.direct_) {
    if (file.descriptor_ >= 0) ::close(file.descriptor_);
    file.descriptor_ = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  }
  if (file.descriptor_ < 0)
    return failure(range.path + " cannot be opened: " + std::strerror(errno));
  Outcome<FileIdentity> identity = identify(file.descriptor_);
  if (!identity) return tl::unexpected(identity.error());
  if (identity->inode != range.inode)
    return failure(range.path + " was replaced by another file; load the model again");
  file.identity_ = *identity;
  return file;
}

ModelFile::ModelFile(ModelFile&& other) noexcept { *this = std::move(other); }

ModelFile& ModelFile::operator=(ModelFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(direct_, other.direct_);
  std::swap(alignment_, other.alignment_);
  std::swap(path_, other.path_);
  std::swap(identity_, other.identity_);
  return *this;
}

ModelFile::~ModelFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Outcome<void> ModelFile::check_unchanged() const {
  Outcome<FileIdentity> now = identify(descriptor_);
  if (!now) return tl::unexpected(now.error());
  if (*now != identity_)
    return failure(path_ + " was written to while it was in use; load the model again");
  return {};
}

}  // namespace expert_stream
