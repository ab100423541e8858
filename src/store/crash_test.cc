// kill -9 in the middle of recording, again and again: what was acknowledged is there, what is
// there is whole. Each round a child process records until it is killed at a random moment.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "store/test_home.h"

namespace lar::store {
namespace {

domain::Item numbered(int number) {
  const std::string name = std::to_string(number);
  domain::Item item = mail(name + "@x", "Asunto " + name, "");
  set_lines(item, {"Primer párrafo del correo " + name, "Segundo párrafo: importe " + name + ",50",
                   "Un saludo de parte de la señora Núñez"});
  return item;
}

// Records from `from` on, telling the number of each acknowledged item through `report`.
[[noreturn]] void record_until_killed(const std::string& home, const Id& source, int from,
                                      int report) {
  auto store = Store::open(home);
  if (!store) _exit(1);
  for (int number = from;; ++number) {
    const domain::Item item = numbered(number);
    const std::string original = "original " + std::to_string(number);
    Recording one = recording(item, source, std::to_string(number), original);
    if (!(*store)->record(one)) _exit(2);
    if (number % 3 == 0) {
      const auto pending = (*store)->pending_vectors("m", 4);
      if (!pending) _exit(3);
      std::vector<PassageVector> vectors;
      for (const PendingPassage& passage : *pending) {
        vectors.push_back({passage.passage, {0.6F, 0.8F, 0.0F}});
      }
      if (!(*store)->save_vectors("m", vectors)) _exit(4);
    }
    if (number % 7 == 6) {
      Placement gone = one.placement;
      gone.uid = std::to_string(number - 3);
      if (!(*store)->forget({&gone, 1})) _exit(5);
    }
    if (::write(report, &number, sizeof number) != sizeof number) _exit(6);
  }
}

TEST(Crash, twenty_kills_lose_nothing_acknowledged_and_leave_no_half_item) {
  const TemporaryFolder folder;
  const std::string home = folder.path() + "/home";
  Id source;
  {
    auto store = must(Store::open(home));
    Source added;
    added.kind = "maildir";
    added.name = "correo";
    source = must(store->add_source(added)).id;
  }
  std::mt19937 random(20260514);
  int next = 0;
  int most = 0;
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      record_until_killed(home, source, next, ends[1]);
    }
    ::close(ends[1]);
    // The moment counts from the first acknowledged item, so that every round gets some work done.
    int last = -1;
    ASSERT_EQ(::read(ends[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
    ::usleep(std::uniform_int_distribution<useconds_t>(0, 60'000)(random));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    while (::read(ends[0], &last, sizeof last) == static_cast<ssize_t>(sizeof last)) {
    }
    ::close(ends[0]);

    auto store = must(Store::open(home));
    EXPECT_EQ(must(store->check(Check::full)), std::vector<std::string>());
    int present = 0;
    for (const Placement& placement : must(store->placements(source))) {
      const int number = std::stoi(placement.uid);
      most = std::max(most, number);
      const StoredItem stored = must(store->item(placement.item));
      const domain::Item expected = numbered(number);
      ASSERT_EQ(stored.item.title, expected.title);
      ASSERT_EQ(stored.item.parts.size(), 1u);
      ASSERT_EQ(stored.item.parts[0].text, expected.parts[0].text);
      ASSERT_EQ(must(store->passages(placement.item)).size(), 3u);
      ASSERT_EQ(must(store->original(placement.item)), "original " + std::to_string(number));
      if (number == last) ++present;
    }
    EXPECT_EQ(present, 1) << "acknowledged and lost: " << last;
    // The vector file is in step again, or is brought there.
    SearchRequest request;
    request.vector = {0.6F, 0.8F, 0.0F};
    request.vector_model = "m";
    request.limit = 100000;
    request.passages_per_item = 100;
    request.one_per_thread = false;
    EXPECT_EQ(static_cast<std::int64_t>(must(store->search(request)).size()),
              must(store->vector_progress("m")).done);
    next = most + 1;
  }
  EXPECT_GT(most, 5);
}

}  // namespace
}  // namespace lar::store
