// Where the bytes behind a pointer come from. llama.cpp hands the plug-in addresses inside its own
// mapping of the model file; /proc/self/maps says which file and which offset that is, so that the
// experts can be read from the file and their pages in the mapping are never touched. Stateless;
// used on the thread that loads the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outcome.h"

namespace expert_stream {

struct MappedRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::uint64_t offset = 0;  // of `begin` in the file
  std::uint64_t inode = 0;
  std::string path;  // empty: no file behind it
};

std::optional<MappedRange> parse_maps_line(std::string_view line);

// The mapping of a file that holds all of [address, address + size). Neighbouring lines of the same
// file count as one: advice given to a part of a mapping splits it in two.
Outcome<MappedRange> find_mapping(const void* address, std::size_t size,
                                  const std::string& maps = "/proc/self/maps");

// What of a mapping is still mapped from the same file: llama.cpp gives back the parts it does not
// use, and something else may lie there since.
std::vector<MappedRange> still_mapped(const MappedRange& range,
                                      const std::string& maps = "/proc/self/maps");

// What identifies a file's content well enough to notice that somebody wrote to it.
struct FileIdentity {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t changed_nanoseconds = 0;
  bool operator==(const FileIdentity&) const = default;
};
Outcome<FileIdentity> identify(int descriptor);

// What direct reads of a file have to be aligned to; `offset` is 0 where it cannot be read
// directly.
struct DirectAlignment {
  std::uint32_t memory = 0;
  std::uint32_t offset = 0;
};

// A descriptor of our own for the mapped file, with or without O_DIRECT. It is opened through a
// descriptor the process already holds where there is one, so that a file renamed or deleted since
// is still the right one; otherwise by its path, and then the inode must be that of the mapping.
class ModelFile {
 public:
  static Outcome<ModelFile> open(const MappedRange& range, bool direct);
  ModelFile() = default;
  ModelFile(ModelFile&& other) noexcept;
  ModelFile& operator=(ModelFile&& other) noexcept;
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;
  ~ModelFile();

  int descriptor() const { return descriptor_; }
  bool is_direct() const { return direct_; }
  DirectAlignment alignment() const { return alignment_; }
  const std::string& path() const { return path_; }
  const FileIdentity& identity() const { return identity_; }
  // An error when the file was written to or cut since it was opened.
  Outcome<void> check_unchanged() const;

 private:
  int descriptor_ = -1;
  bool direct_ = false;
  DirectAlignment alignment_;
  std::string path_;
  FileIdentity identity_;
};

}  // namespace expert_stream
