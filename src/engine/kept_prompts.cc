// See kept_prompts.h. A file counts from the moment its note is written, whole or not at all; files
// without a note are what a crash left and go when the folder is first looked at.
#include "engine/kept_prompts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/id.h"
#include "engine/settings.h"
#include "os/checksum.h"
#include "os/file.h"

namespace lar::engine {
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Status;
using nlohmann::json;
namespace {

constexpr std::uint64_t longest_note = 64u << 20;
// Left free on the disk whatever the setting allows: for the owner's mail.
constexpr std::int64_t spare_bytes = std::int64_t{1} << 30;

std::int64_t limit_of(const std::string& home) {
  const auto settings = read_settings(home);
  // Settings that cannot be read are told elsewhere; meanwhile the usual ones hold.
  return settings ? settings->kept_bytes : Settings{}.kept_bytes;
}

std::string megabytes(std::int64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20); }

std::int64_t size_of(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_size) : -1;
}

int shared(std::span<const int> one, std::span<const int> other) {
  const auto ends = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  return static_cast<int>(ends.first - one.begin());
}

}  // namespace

KeptPrompts::KeptPrompts(std::string home) : home_(std::move(home)), folder_(home_ + "/kept") {}

void KeptPrompts::load() {
  if (loaded_) return;
  loaded_ = true;
  std::error_code error;
  std::set<std::string> noted;
  std::vector<std::filesystem::path> others;
  for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
    if (file.path().extension() != ".json") {
      others.push_back(file.path());
      continue;
    }
    const auto text = os::read_file(file.path(), longest_note);
    const json note = text ? json::parse(*text, nullptr, false) : json();
    Entry entry;
    entry.name = file.path().stem();
    try {
      entry.key = note.at("key");
      entry.client = note.at("client");
      entry.bytes = note.at("bytes");
      entry.sum = note.at("crc32c");
      entry.used = note.at("used");
      note.at("tokens").get_to(entry.tokens);
    } catch (const json::exception&) {
      others.push_back(file.path());
      continue;
    }
    if (size_of(slot_path(entry.name)) != entry.bytes) {
      others.push_back(file.path());
      continue;
    }
    noted.insert(entry.name);
    entries_.push_back(std::move(entry));
  }
  for (const auto& path : others) {
    if (path.extension() == ".slot" && noted.contains(path.stem())) continue;
    std::filesystem::remove(path, error);
  }
}

Status KeptPrompts::write_note(const Entry& entry) const {
  const json note = {{"key", entry.key},    {"client", entry.client}, {"bytes", entry.bytes},
                     {"crc32c", entry.sum}, {"used", entry.used},     {"tokens", entry.tokens}};
  return os::write_file_atomically(note_path(entry.name), note.dump());
}

std::list<KeptPrompts::Entry>::iterator KeptPrompts::find(const std::string& name) {
  load();
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.name == name; });
}

void KeptPrompts::erase(std::list<Entry>::iterator entry) {
  // The note first: a file without one is nothing.
  ::unlink(note_path(entry->name).c_str());
  ::unlink(slot_path(entry->name).c_str());
  entries_.erase(entry);
}

std::optional<KeptPrompts::Match> KeptPrompts::longest(const std::string& key,
                                                       std::span<const int> tokens) {
  const std::lock_guard lock(mutex_);
  load();
  std::optional<Match> best;
  for (const Entry& entry : entries_) {
    if (entry.key != key) continue;
    const int count = shared(tokens, entry.tokens);
    if (count > 0 && (!best || count > best->tokens)) best = Match{entry.name, count};
  }
  return best;
}

Status KeptPrompts::check(const std::string& name) {
  std::uint32_t expected = 0;
  std::int64_t bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = find(name);
    if (entry == entries_.end())
      return fail(ErrorKind::not_found, "keep.damaged", {{"name", name}});
    expected = entry->sum;
    bytes = entry->bytes;
  }
  const auto sum = os::crc32c_file(slot_path(name));
  if (sum && *sum == expected && size_of(slot_path(name)) == bytes) return {};
  remove(name);
  return fail(ErrorKind::corrupt, "keep.damaged", {{"name", name}});
}

void KeptPrompts::used(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto entry = find(name);
  if (entry == entries_.end()) return;
  entry->used = base::Clock::now();
  // Only the order in which files go depends on it.
  (void)write_note(*entry);
}

void KeptPrompts::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = find(name); entry != entries_.end()) erase(entry);
}

void KeptPrompts::evict(std::int64_t limit, std::int64_t bytes) {
  std::int64_t total = 0;
  for (const Entry& entry : entries_) total += entry.bytes;
  while (!entries_.empty() && total + bytes > limit) {
    const auto oldest = std::min_element(
        entries_.begin(), entries_.end(),
        [](const Entry& one, const Entry& other) { return one.used < other.used; });
    total -= oldest->bytes;
    erase(oldest);
  }
}

bool KeptPrompts::trim() {
  const std::int64_t limit = limit_of(home_);
  const std::lock_guard lock(mutex_);
  load();
  evict(limit, 0);
  return limit > 0;
}

Result<std::string> KeptPrompts::prepare(std::int64_t bytes) {
  const std::int64_t limit = limit_of(home_);
  if (bytes > limit) {
    return fail(ErrorKind::no_space, "keep.too_large",
                {{"needed", megabytes(bytes)}, {"limit", megabytes(limit)}});
  }
  TRY(os::make_folders(folder_));
  const std::lock_guard lock(mutex_);
  load();
  evict(limit, bytes);
  struct statvfs disk{};
  if (statvfs(folder_.c_str(), &disk) == 0) {
    const auto left =
        static_cast<std::int64_t>(disk.f_bavail) * static_cast<std::int64_t>(disk.f_frsize);
    if (left < bytes + spare_bytes) {
      return fail(ErrorKind::no_space, "keep.no_space",
                  {{"path", folder_},
                   {"needed", megabytes(bytes + spare_bytes)},
                   {"left", megabytes(left)}});
    }
  }
  std::string name = base::Id::make().text();
  // The engine opens it for writing and would make it readable for others.
  const os::Descriptor file(
      ::open(slot_path(name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return base::fail_errno(errno, slot_path(name), "writing");
  return name;
}

Status KeptPrompts::keep(const std::string& name, const std::string& key, const std::string& client,
                         std::vector<int> tokens, std::int64_t written) {
  Entry entry{
      name, key, client, std::move(tokens), size_of(slot_path(name)), 0, base::Clock::now()};
  const auto give_up = [&](base::Error error) {
    ::unlink(slot_path(name).c_str());
    return tl::unexpected<base::Error>(std::move(error));
  };
  if (entry.bytes != written) {
    return give_up(fail(ErrorKind::no_space, "keep.cut_short", {{"path", folder_}}).value());
  }
  const auto sum = os::crc32c_file(slot_path(name));
  if (!sum) return give_up(sum.error());
  entry.sum = *sum;
  const std::lock_guard lock(mutex_);
  load();
  if (auto noted = write_note(entry); !noted) return give_up(noted.error());
  for (auto other = entries_.begin(); other != entries_.end();) {
    const auto next = std::next(other);
    const bool beginning =
        other->key == key && other->client == client &&
        other->tokens.size() <= entry.tokens.size() &&
        shared(other->tokens, entry.tokens) == static_cast<int>(other->tokens.size());
    if (beginning) erase(other);
    other = next;
  }
  entries_.push_back(std::move(entry));
  return {};
}

void KeptPrompts::abandon(const std::string& name) { ::unlink(slot_path(name).c_str()); }

int KeptPrompts::forget_all() {
  const std::lock_guard lock(mutex_);
  load();
  const int count = static_cast<int>(entries_.size());
  while (!entries_.empty()) erase(entries_.begin());
  return count;
}

int KeptPrompts::forget(const std::string& client) {
  const std::lock_guard lock(mutex_);
  load();
  int count = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->client == client) {
      erase(entry);
      ++count;
    }
    entry = next;
  }
  return count;
}

KeptPrompts::Totals KeptPrompts::totals() {
  const std::lock_guard lock(mutex_);
  load();
  Totals totals;
  totals.limit = limit_of(home_);
  for (const Entry& entry : entries_) {
    ++totals.files;
    totals.bytes += entry.bytes;
  }
  return totals;
}

}  // namespace lar::engine
