// An fsync per file, or per folder the files lie in, is too slow for the first sync of a mailbox. A
// batch is written to temporary names, renamed, and brought to disk by one syncfs, names and bytes
// together. A power cut before that may leave a file that has its name and not its bytes; no row
// refers to it yet, so it is written again or swept away.
#include "store/blobs.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <set>

#include "os/file.h"

namespace lar::store {

using base::ErrorKind;
namespace fs = std::filesystem;

namespace {
constexpr std::size_t few = 8;
constexpr std::string_view unfinished = ".new";
constexpr std::string_view suffix = ".zst";

base::Status write_whole(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return base::fail_errno(errno, path, "blobs");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

base::Status sync_folder(const std::string& path) {
  const os::Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) return base::fail_errno(errno, path, "blobs");
  return {};
}

}  // namespace

base::Result<std::string> compress(std::string_view bytes) {
  // Making a context costs more than compressing a mail with it.
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compressCCtx(context.get(), frame.data(), frame.size(), bytes.data(), bytes.size(), 3);
  if (ZSTD_isError(size)) {
    return base::fail(ErrorKind::internal, "store.internal",
                      {{"path", "zstd"}, {"detail", ZSTD_getErrorName(size)}});
  }
  frame.resize(size);
  frame.shrink_to_fit();
  return frame;
}

base::Result<std::string> decompress(std::string_view frame, const std::string& what,
                                     std::uint64_t limit) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > limit) {
    return base::fail(ErrorKind::corrupt, "store.corrupt", {{"path", what}, {"detail", "zstd"}});
  }
  std::string bytes(size, '\0');
  const std::size_t got = ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) || got != size) {
    return base::fail(ErrorKind::corrupt, "store.corrupt", {{"path", what}, {"detail", "zstd"}});
  }
  return bytes;
}

base::Result<PreparedBlob> prepare_blob(std::string_view bytes) {
  PreparedBlob blob;
  blob.hash = os::sha256(bytes);
  blob.size = bytes.size();
  TRY_ASSIGN(blob.frame, compress(bytes));
  return blob;
}

std::string Blobs::path(const std::string& hash) const {
  return folder_ + "/" + hash.substr(0, 2) + "/" + hash + std::string(suffix);
}

bool Blobs::has(const std::string& hash) const {
  std::error_code error;
  return fs::is_regular_file(path(hash), error);
}

base::Status Blobs::keep(
    std::span<const PreparedBlob* const> blobs,
    const std::function<base::Result<bool>(const std::string&)>& vouched) const {
  std::vector<const PreparedBlob*> fresh;
  std::set<std::string> seen;
  for (const PreparedBlob* blob : blobs) {
    if (!seen.insert(blob->hash).second) continue;
    TRY_ASSIGN(const bool there, vouched(blob->hash));
    if (!there || !has(blob->hash)) fresh.push_back(blob);
  }
  if (fresh.empty()) return {};
  std::vector<std::string> written;
  const base::Status done = write_all(fresh, written);
  if (!done) {
    for (const std::string& temporary : written) ::unlink(temporary.c_str());
  }
  return done;
}

base::Status Blobs::write_all(std::span<const PreparedBlob* const> blobs,
                              std::vector<std::string>& written) const {
  const bool one_by_one = blobs.size() <= few;
  std::set<std::string> shelves;
  bool new_shelf = false;
  for (const PreparedBlob* blob : blobs) {
    const std::string shelf = folder_ + "/" + blob->hash.substr(0, 2);
    if (shelves.insert(shelf).second) {
      std::error_code ignored;
      new_shelf = new_shelf || !fs::exists(shelf, ignored);
      TRY(os::make_folders(shelf));
    }
    const std::string temporary = path(blob->hash) + std::string(unfinished);
    written.push_back(temporary);
    const os::Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.valid()) return base::fail_errno(errno, temporary, "blobs");
    TRY(write_whole(file.get(), blob->frame, temporary));
    if (one_by_one && ::fsync(file.get()) != 0) return base::fail_errno(errno, temporary, "blobs");
  }
  for (const PreparedBlob* blob : blobs) {
    const std::string final_name = path(blob->hash);
    const std::string temporary = final_name + std::string(unfinished);
    if (::rename(temporary.c_str(), final_name.c_str()) != 0) {
      return base::fail_errno(errno, temporary, "blobs");
    }
  }
  if (!one_by_one) {
    const os::Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid() || ::syncfs(folder.get()) != 0) {
      return base::fail_errno(errno, folder_, "blobs");
    }
    return {};
  }
  for (const std::string& shelf : shelves) TRY(sync_folder(shelf));
  return new_shelf ? sync_folder(folder_) : base::Status();
}

base::Result<std::string> Blobs::read(const std::string& hash) const {
  TRY_ASSIGN(const std::string frame, os::read_file(path(hash)));
  TRY_ASSIGN(std::string bytes, decompress(frame, path(hash)));
  if (os::sha256(bytes) != hash) {
    return base::fail(ErrorKind::corrupt, "store.corrupt",
                      {{"path", path(hash)}, {"detail", "sha256"}});
  }
  return bytes;
}

void Blobs::remove(const std::string& hash) const { ::unlink(path(hash).c_str()); }

std::vector<std::string> Blobs::shelves() const {
  std::vector<std::string> result;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    result.push_back(entry->path().filename().string());
  }
  return result;
}

std::vector<std::string> Blobs::hashes(const std::string& shelf) const {
  std::vector<std::string> result;
  std::error_code error;
  for (fs::directory_iterator entry(folder_ + "/" + shelf, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(unfinished)) {
      ::unlink(entry->path().c_str());
    } else if (name.ends_with(suffix)) {
      result.push_back(name.substr(0, name.size() - suffix.size()));
    }
  }
  return result;
}

}  // namespace lar::store
