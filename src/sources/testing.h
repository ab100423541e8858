// What the tests of sources share: temporary folders, a home with the real store and the real
// reading service (counting what is read), and mails to put down. Included by tests only.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "os/process.h"
#include "sources/source.h"

namespace lar::sources::testing {

namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "lar-sources-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = fs::canonical(name);
  }
  ~TempFolder() {
    std::error_code ignored;
    for (auto it = fs::recursive_directory_iterator(
             path_, fs::directory_options::skip_permission_denied, ignored);
         !ignored && it != fs::recursive_directory_iterator(); it.increment(ignored)) {
      if (it->is_directory(ignored)) fs::permissions(it->path(), fs::perms::owner_all, ignored);
    }
    fs::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path(const std::string& relative = "") const {
    return relative.empty() ? path_.string() : (path_ / relative).string();
  }
  // Writes the file with a time some seconds ago, so that it counts as settled.
  void write(const std::string& relative, const std::string& bytes, int seconds_ago = 60) const {
    const fs::path file = path_ / relative;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    age(relative, seconds_ago);
  }
  void append(const std::string& relative, const std::string& bytes, int seconds_ago = 30) const {
    std::ofstream(path_ / relative, std::ios::binary | std::ios::app) << bytes;
    age(relative, seconds_ago);
  }
  void age(const std::string& relative, int seconds_ago) const {
    timeval now{};
    ::gettimeofday(&now, nullptr);
    const timeval at{now.tv_sec - seconds_ago, 0};
    const timeval times[2] = {at, at};
    ::utimes(path(relative).c_str(), times);
  }
  void remove(const std::string& relative) const { fs::remove_all(path_ / relative); }
  void rename(const std::string& from, const std::string& to) const {
    fs::create_directories((path_ / to).parent_path());
    fs::rename(path_ / from, path_ / to);
  }
  void make_folder(const std::string& relative) const { fs::create_directories(path_ / relative); }

 private:
  fs::path path_;
};

// The reading service, with a count of what it was asked for.
class CountingReader final : public reading::ReadingService {
 public:
  base::Result<reading::Reading> read(const reading::Request& request,
                                      std::stop_token stop) override {
    ++reads;
    return real().read(request, std::move(stop));
  }
  std::vector<std::pair<std::string, int>> readers() const override { return real().readers(); }
  bool can_read(std::string_view name) const override { return real().can_read(name); }

  std::atomic<int> reads = 0;

 private:
  // One pool for all tests of the program.
  static reading::ReadingService& real() {
    static const std::unique_ptr<reading::ReadingService> service = [] {
      reading::Options options;
      options.worker_program =
          (fs::path(os::program_path()).parent_path().parent_path() / "lar-read").string();
      auto started = reading::ReadingService::start(options);
      if (!started) {
        std::fprintf(stderr, "%s\n", started.error().describe().c_str());
        std::abort();
      }
      return std::move(*started);
    }();
    return *service;
  }
};

class Home {
 public:
  Home() { open(); }

  // Closes and opens the store again, as a new process would.
  void open() {
    store.reset();
    auto opened = store::Store::open(folder.path("home"));
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().describe().c_str());
      std::abort();
    }
    store = std::move(*opened);
  }

  store::Source add(std::string_view kind, const std::string& location,
                    const std::string& settings = "{}") {
    auto source = find_source_type(kind)->describe({location, ""});
    EXPECT_TRUE(source) << source.error().describe();
    if (!source) return {};
    source->settings = settings;
    auto added = store->add_source(*source);
    EXPECT_TRUE(added) << added.error().describe();
    return added ? *added : store::Source{};
  }

  store::Source source(const store::Id& id) {
    const auto all = store->sources();
    EXPECT_TRUE(all);
    if (!all) return {};
    for (const store::Source& one : *all) {
      if (one.id == id) return one;
    }
    return {};
  }

  base::Result<SyncReport> try_sync(const store::Source& about, std::stop_token stop = {}) {
    reading.reads = 0;
    SyncContext context{*store, reading, source(about.id), {}, std::move(stop)};
    return find_source_type(about.kind)->sync(context);
  }
  SyncReport sync(const store::Source& about) {
    auto report = try_sync(about);
    EXPECT_TRUE(report) << report.error().describe();
    return report ? *report : SyncReport{};
  }

  std::vector<store::Placement> placements(const store::Source& about) {
    auto all = store->placements(about.id);
    EXPECT_TRUE(all);
    return all ? *all : std::vector<store::Placement>{};
  }
  std::int64_t items() { return store->counts()->items; }
  int hits(const std::string& text) {
    store::SearchRequest request;
    request.text = text;
    request.limit = 50;
    request.one_per_thread = false;
    auto found = store->search(request);
    EXPECT_TRUE(found) << found.error().describe();
    return found ? static_cast<int>(found->size()) : -1;
  }
  void expect_sound() {
    auto faults = store->check(store::Check::full);
    ASSERT_TRUE(faults) << faults.error().describe();
    EXPECT_TRUE(faults->empty()) << faults->front();
  }

  TempFolder folder;
  CountingReader reading;
  std::unique_ptr<store::Store> store;
};

inline std::string mail(const std::string& id, const std::string& subject, const std::string& body,
                        const std::string& more_headers = "") {
  return "From: Ana Ruiz <ana@example.org>\nTo: Bea <bea@example.org>\nSubject: " + subject +
         "\nDate: Thu, 14 May 2026 09:30:00 +0200\n" +
         (id.empty() ? "" : "Message-ID: <" + id + "@example.org>\n") + more_headers +
         "Content-Type: text/plain; charset=utf-8\n\n" + body + "\n";
}

inline bool has_notice(const SyncReport& report, std::string_view code) {
  for (const auto& [about, notice] : report.notices) {
    if (notice.code == code) return true;
  }
  return false;
}

}  // namespace lar::sources::testing
