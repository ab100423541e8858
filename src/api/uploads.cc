#include "api/uploads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/id.h"
#include "base/text.h"
#include "os/file.h"
#include "sources/source.h"

namespace lar::api {

using base::ErrorKind;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t most_open = 8;
constexpr std::size_t longest_name = 120;  // bytes
constexpr std::string_view part_ending = ".part";

// The name of a file without folders, marks of a second download ("chat (1).zip") and what no file
// name may hold; empty where nothing is left.
std::string plain_name(const std::string& given) {
  std::string name = base::clean_utf8(given);
  name = name.substr(name.find_last_of("/\\") + 1);
  std::erase_if(name, [](char letter) { return static_cast<unsigned char>(letter) < 0x20; });
  name = std::string(base::trim(name));
  while (name.starts_with('.')) name.erase(0, 1);
  const std::size_t dot = name.rfind('.');
  std::string stem = name.substr(0, dot);
  std::string ending = dot == std::string::npos ? "" : name.substr(dot);
  const std::size_t open = stem.rfind(" (");
  const bool counted = open != std::string::npos && stem.ends_with(')') && stem.size() > open + 3 &&
                       stem.find_first_not_of("0123456789", open + 2) == stem.size() - 1;
  if (counted) stem.resize(open);
  if (ending.size() > 12) ending.clear();
  stem = base::trim(base::cut_utf8(stem, longest_name - ending.size()));
  return stem.empty() ? std::string() : stem + ending;
}

Status write_at(const std::string& path, std::uint64_t offset, std::string_view bytes, bool last) {
  const os::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return base::fail_errno(errno, path, "open");
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::fail_errno(errno, path, "write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  if (last && ::fsync(file.get()) != 0) return base::fail_errno(errno, path, "fsync");
  return {};
}

}  // namespace

Uploads::Uploads(const std::string& home) : folder_(home + "/uploads") {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_, ignored)) {
    if (entry.is_regular_file(ignored) && entry.path().string().ends_with(part_ending)) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

Result<Uploads::Begun> Uploads::begin(const std::string& kind, const std::string& name,
                                      std::uint64_t size) {
  if (size > largest) {
    return base::fail(ErrorKind::invalid_input, "upload.too_large",
                      {{"limit", std::to_string(largest >> 20)}});
  }
  if (size == 0) return base::fail(ErrorKind::invalid_input, "upload.empty");
  Open open;
  open.kind = kind;
  open.name = plain_name(name);
  if (open.name.empty()) return base::fail(ErrorKind::invalid_input, "upload.name");
  open.size = size;
  open.touched = base::steady_now();
  TRY(os::make_folders(folder_ + "/" + kind));
  const std::string id = base::Id::make().text();
  open.part = folder_ + "/" + kind + "/" + id + std::string(part_ending);
  const std::lock_guard lock(mutex_);
  if (open_.size() >= most_open) {
    // Whoever closed the page in the middle does not come back.
    const auto oldest =
        std::min_element(open_.begin(), open_.end(), [](const auto& one, const auto& other) {
          return one.second.touched < other.second.touched;
        });
    TRY(drop(oldest->first));
  }
  Begun begun{id, open.name};
  open_[id] = std::move(open);
  return begun;
}

Status Uploads::drop(const std::string& id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return {};
  const std::string part = found->second.part;
  open_.erase(found);
  if (::unlink(part.c_str()) != 0 && errno != ENOENT) {
    return base::fail_errno(errno, part, "unlink");
  }
  return {};
}

Result<Uploads::Piece> Uploads::add(const std::string& id, std::uint64_t offset,
                                    std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(id);
  if (found == open_.end()) return base::fail(ErrorKind::not_found, "upload.unknown");
  Open& open = found->second;
  open.touched = base::steady_now();
  if (bytes.empty() || bytes.size() > largest_piece || offset + bytes.size() > open.size) {
    return base::fail(ErrorKind::invalid_input, "upload.broken");
  }
  if (offset + bytes.size() <= open.received) return Piece{open.received, "", open.kind, false};
  if (offset != open.received) {
    return base::fail(ErrorKind::invalid_input, "upload.order",
                      {{"expected", std::to_string(open.received)}});
  }
  const bool last = offset + bytes.size() == open.size;
  if (const Status written = write_at(open.part, offset, bytes, last); !written) {
    (void)drop(id);
    return tl::unexpected<base::Error>(written.error());
  }
  open.received += bytes.size();
  if (!last) return Piece{open.received, "", open.kind, false};

  // Whole: under its own name beside its place first, because its name may be what it is known by.
  const Open whole = open;
  const std::string folder = folder_ + "/" + whole.kind + "/";
  const std::string path = folder + whole.name;
  const std::string trial_folder = folder + id;
  const std::string trial = trial_folder + "/" + whole.name;
  const auto give_up = [&](base::Error error) -> Result<Piece> {
    (void)::unlink(trial.c_str());
    (void)::rmdir(trial_folder.c_str());
    (void)drop(id);
    return tl::unexpected<base::Error>(std::move(error));
  };
  if (auto made = os::make_folders(trial_folder); !made) return give_up(made.error());
  if (::rename(whole.part.c_str(), trial.c_str()) != 0) {
    return give_up(base::fail_errno(errno, whole.part, "rename").value());
  }
  const sources::SourceType* type = sources::find_source_type(whole.kind);
  sources::Description description;
  description.location = trial;
  auto described =
      type == nullptr
          ? Result<store::Source>(
                base::fail(ErrorKind::invalid_input, "source.unknown_kind", {{"kind", whole.kind}}))
          : type->describe(description);
  if (!described) {
    // The file is told by its name: where it lay while it was tried means nothing to anybody.
    base::Error error = described.error();
    for (auto& [name, value] : error.parameters) {
      if (value == trial) value = whole.name;
    }
    return give_up(std::move(error));
  }
  struct stat status{};
  const bool replaced = ::stat(path.c_str(), &status) == 0;
  if (::rename(trial.c_str(), path.c_str()) != 0) {
    return give_up(base::fail_errno(errno, path, "rename").value());
  }
  (void)::rmdir(trial_folder.c_str());
  open_.erase(id);
  return Piece{whole.size, path, whole.kind, replaced};
}

void Uploads::forget(const std::string& location) {
  const std::filesystem::path path = std::filesystem::path(location).lexically_normal();
  const std::filesystem::path inside = std::filesystem::path(folder_).lexically_normal();
  if (path.parent_path().parent_path() != inside) return;
  const std::lock_guard lock(mutex_);
  (void)::unlink(path.c_str());
}

}  // namespace lar::api
