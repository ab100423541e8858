#include "sources/sync_service.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "sources/testing.h"

namespace lar::sources {
namespace {

using namespace lar::sources::testing;
using std::chrono::seconds;

// Wakes whenever the service says that something changed.
class Observer {
 public:
  SyncOptions options() {
    SyncOptions options;
    options.debounce = std::chrono::milliseconds(30);
    options.first_retry = std::chrono::milliseconds(30);
    options.changed = [this](const store::Id&) {
      const std::lock_guard lock(mutex_);
      ++count_;
      changed_.notify_all();
    };
    return options;
  }
  template <typename Predicate>
  bool eventually(Predicate predicate) {
    const auto until = std::chrono::steady_clock::now() + seconds(20);
    for (;;) {
      std::uint64_t seen = 0;
      {
        const std::lock_guard lock(mutex_);
        seen = count_;
      }
      if (predicate()) return true;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, until, [&] { return count_ != seen; })) return predicate();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_ = 0;
};

std::unique_ptr<SyncService> start(Home& home, SyncOptions options) {
  auto service = SyncService::start(*home.store, home.reading, std::move(options));
  EXPECT_TRUE(service) << service.error().describe();
  return service ? std::move(*service) : nullptr;
}

TEST(SyncService, an_added_source_is_synchronised_and_its_changes_followed) {
  TempFolder folder;
  folder.write("a.txt", "apples");
  Home home;
  Observer observer;
  auto service = start(home, observer.options());
  const auto source = service->add("folder", folder.path(), "Papers");
  ASSERT_TRUE(source) << source.error().describe();
  EXPECT_TRUE(observer.eventually([&] { return home.hits("apples") == 1; }));
  EXPECT_TRUE(observer.eventually(
      [&] { return service->status().front().watching == Watching::notified; }));

  folder.write("sub/b.txt", "bananas");
  EXPECT_TRUE(observer.eventually([&] { return home.hits("bananas") == 1; }));
  folder.remove("a.txt");
  EXPECT_TRUE(observer.eventually([&] { return home.hits("apples") == 0; }));

  const auto statuses = service->sync(source->id, {});
  ASSERT_TRUE(statuses);
  ASSERT_EQ(statuses->size(), 1u);
  EXPECT_EQ(statuses->front().last_report->unchanged, 1);
  EXPECT_TRUE(home.store->unfinished_jobs()->empty());
  bool journalled = false;
  const auto journal = home.store->journal(20, std::nullopt);
  ASSERT_TRUE(journal);
  for (const auto& entry : *journal) {
    journalled = journalled || (entry.kind == "sync" && entry.summary == "journal.sync");
  }
  EXPECT_TRUE(journalled);
}

TEST(SyncService, a_failing_source_disturbs_no_other_and_recovers) {
  TempFolder folder;
  folder.write("good/a.txt", "apples");
  folder.write("bad/b.txt", "bananas");
  Home home;
  Observer observer;
  auto service = start(home, observer.options());
  const auto bad = service->add("folder", folder.path("bad"), "");
  const auto good = service->add("folder", folder.path("good"), "");
  ASSERT_TRUE(bad && good);
  ASSERT_TRUE(service->sync(std::nullopt, {}));
  folder.rename("bad", "away");
  const auto statuses = service->sync(std::nullopt, {});
  ASSERT_TRUE(statuses);
  for (const SourceStatus& status : *statuses) {
    if (status.source.id == good->id) {
      EXPECT_FALSE(status.error);
    } else {
      ASSERT_TRUE(status.error);
      EXPECT_EQ(status.error->code, "source.unreachable");
      EXPECT_NE(home.source(bad->id).error.find("source.unreachable"), std::string::npos);
    }
  }
  EXPECT_EQ(home.items(), 2);
  folder.rename("away", "bad");
  EXPECT_TRUE(observer.eventually([&] {
    const auto all = service->status();
    return std::none_of(all.begin(), all.end(),
                        [](const auto& status) { return status.error.has_value(); });
  }));
  EXPECT_EQ(home.source(bad->id).error, "");
}

TEST(SyncService, an_interrupted_sync_is_resumed_at_the_next_start) {
  TempFolder folder;
  folder.write("a.txt", "apples");
  Home home;
  const auto source = home.add("folder", folder.path());
  // What a killed process leaves behind: a source never synchronised and a job that never ended.
  auto job = home.store->start_job("sync", source.id.text());
  ASSERT_TRUE(job);
  job->state = store::JobState::running;
  ASSERT_TRUE(home.store->save_job(*job));
  home.open();

  Observer observer;
  SyncOptions options = observer.options();
  options.watch = false;
  options.sync_at_start = false;
  auto service = start(home, options);
  EXPECT_TRUE(
      observer.eventually([&] { return service->status().front().last_report.has_value(); }));
  EXPECT_EQ(home.hits("apples"), 1);
  EXPECT_TRUE(observer.eventually([&] { return home.store->unfinished_jobs()->empty(); }));
}

TEST(SyncService, without_a_reason_nothing_is_synchronised) {
  TempFolder folder;
  folder.write("a.txt", "apples");
  Home home;
  home.add("folder", folder.path());
  SyncOptions options;
  options.watch = false;
  options.sync_at_start = false;
  auto service = start(home, options);
  EXPECT_EQ(service->status().front().state, SyncState::idle);
  EXPECT_EQ(home.items(), 0);
  ASSERT_TRUE(service->sync(std::nullopt, {}));
  EXPECT_EQ(home.items(), 1);
}

TEST(SyncService, a_removed_source_takes_its_items_along) {
  TempFolder folder;
  folder.write("a.txt", "apples");
  Home home;
  Observer observer;
  auto service = start(home, observer.options());
  const auto source = service->add("folder", folder.path(), "");
  ASSERT_TRUE(source);
  ASSERT_TRUE(service->sync(source->id, {}));
  const auto removed = service->remove(source->id);
  ASSERT_TRUE(removed) << removed.error().describe();
  EXPECT_EQ(*removed, 1);
  EXPECT_EQ(home.items(), 0);
  EXPECT_TRUE(service->status().empty());
  EXPECT_FALSE(service->request(source->id));
  EXPECT_TRUE(home.store->unfinished_jobs()->empty());
}

TEST(SyncService, ending_in_the_middle_leaves_the_job_for_the_next_start) {
  TempFolder mails;
  for (const char* name : {"cur", "new", "tmp"}) mails.make_folder(name);
  for (int i = 0; i < 400; ++i) {
    const std::string number = std::to_string(i);
    mails.write("cur/" + number + ".x:2,S", mail(number, "Mail " + number, "Text " + number));
  }
  Home home;
  {
    Observer observer;
    SyncOptions options = observer.options();
    options.watch = false;
    auto service = start(home, options);
    ASSERT_TRUE(service->add("maildir", mails.path(), ""));
    ASSERT_TRUE(observer.eventually([&] { return home.items() > 0; }));
  }
  if (home.items() < 400) {
    EXPECT_EQ(home.store->unfinished_jobs()->size(), 1u);
  }
  SyncOptions options;
  options.watch = false;
  options.sync_at_start = false;
  auto service = start(home, options);
  ASSERT_TRUE(service->sync(std::nullopt, {}));
  EXPECT_EQ(home.items(), 400);
  EXPECT_TRUE(home.store->unfinished_jobs()->empty());
  home.expect_sound();
}

TEST(SyncService, unknown_kinds_and_places_are_refused) {
  Home home;
  SyncOptions options;
  options.watch = false;
  auto service = start(home, options);
  EXPECT_EQ(service->add("carrier-pigeon", "/", "").error().code, "source.unknown_kind");
  EXPECT_EQ(service->add("folder", home.folder.path("nowhere"), "").error().code, "file.missing");
  EXPECT_EQ(service->request(store::Id::make()).error().code, "source.unknown");
}

}  // namespace
}  // namespace lar::sources
