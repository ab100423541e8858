// The reader for kernels without io_uring: a few threads that call pread. They sleep when there is
// nothing to read. Requests and results pass through two queues under one lock; a read takes a
// thousand times longer than the lock is held.
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "reader.h"

namespace expert_stream {

namespace {

class ThreadReader final : public Reader {
 public:
  explicit ThreadReader(unsigned threads) {
    for (unsigned i = 0; i < std::max(1u, threads); ++i)
      workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
  ~ThreadReader() override {
    for (std::jthread& worker : workers_) worker.request_stop();
    wake_.notify_all();
  }

  void submit(std::span<const ReadRequest> requests) override {
    {
      const std::lock_guard lock(mutex_);
      waiting_.insert(waiting_.end(), requests.begin(), requests.end());
    }
    in_flight_ += requests.size();
    if (requests.size() == 1) {
      wake_.notify_one();
    } else {
      wake_.notify_all();
    }
  }

  Outcome<void> collect(Wait wait, std::vector<ReadResult>& results) override {
    std::unique_lock lock(mutex_);
    if (wait == Wait::block && in_flight_ > 0)
      done_.wait(lock, [this] { return !finished_.empty(); });
    results.insert(results.end(), finished_.begin(), finished_.end());
    in_flight_ -= finished_.size();
    finished_.clear();
    return {};
  }

  std::size_t in_flight() const override { return in_flight_; }
  std::string name() const override { return std::to_string(workers_.size()) + " reader threads"; }

 private:
  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (!wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      const ReadRequest request = waiting_.front();
      waiting_.pop_front();
      lock.unlock();
      ssize_t count = -1;
      do {
        count = ::pread(request.descriptor, request.destination, request.length,
                        static_cast<off_t>(request.offset));
      } while (count < 0 && errno == EINTR);
      const std::int64_t result = count < 0 ? -errno : count;
      lock.lock();
      finished_.push_back({request.tag, result});
      done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable done_;
  std::deque<ReadRequest> waiting_;
  std::vector<ReadResult> finished_;
  std::size_t in_flight_ = 0;
  std::vector<std::jthread> workers_;
};

}  // namespace

std::unique_ptr<Reader> make_thread_reader(unsigned threads) {
  return std::make_unique<ThreadReader>(threads);
}

}  // namespace expert_stream
