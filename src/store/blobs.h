// HOME/blobs/ab/abcdef….zst: originals, named by the SHA-256 of their bytes, each a zstd frame.
// Written and removed only by the writer's thread; a file is complete and on disk before a row
// refers to it, so what a crash leaves behind is at worst a file nobody refers to, and that one may
// be empty or cut short: only a row vouches for a file. Internal.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lar::store {

// zstd, for blobs and for texts in the database. compress() only fails when memory does.
base::Result<std::string> compress(std::string_view bytes);
// `what` names the thing in store.corrupt. At most `limit` bytes come out.
base::Result<std::string> decompress(std::string_view frame, const std::string& what,
                                     std::uint64_t limit = 1u << 30);

struct PreparedBlob {
  std::string hash;   // lower-case hex SHA-256
  std::string frame;  // compressed
  std::uint64_t size = 0;
};
base::Result<PreparedBlob> prepare_blob(std::string_view bytes);

class Blobs {
 public:
  explicit Blobs(std::string folder) : folder_(std::move(folder)) {}

  // All are whole and on disk afterwards. `vouched(hash)` says whether a row already refers to a
  // blob: those are not written again.
  base::Status keep(std::span<const PreparedBlob* const> blobs,
                    const std::function<base::Result<bool>(const std::string&)>& vouched) const;
  base::Result<std::string> read(const std::string& hash) const;  // verified against its name
  bool has(const std::string& hash) const;
  void remove(const std::string& hash) const;
  // The two-letter subfolders, and the hashes in one of them. Unfinished writes are removed.
  std::vector<std::string> shelves() const;
  std::vector<std::string> hashes(const std::string& shelf) const;
  std::string path(const std::string& hash) const;

 private:
  // `written` gets the temporary names, of which some may be left after an error.
  base::Status write_all(std::span<const PreparedBlob* const> blobs,
                         std::vector<std::string>& written) const;

  std::string folder_;
};

}  // namespace lar::store
