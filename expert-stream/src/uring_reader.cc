// The reader over io_uring. The ring is spoken to by its three system calls directly, so that the
// plug-in needs no library on the machine it is loaded on. No thread: the kernel reads, and the
// computing thread sleeps in the kernel when it has nothing else to do.
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>

#include "reader.h"

namespace expert_stream {

namespace {

unsigned load_acquire(const unsigned* from) { return __atomic_load_n(from, __ATOMIC_ACQUIRE); }
void store_release(unsigned* to, unsigned value) { __atomic_store_n(to, value, __ATOMIC_RELEASE); }

class UringReader final : public Reader {
 public:
  UringReader() = default;
  ~UringReader() override {
    // What is in flight writes into memory of the owner: wait for it.
    std::vector<ReadResult> ignored;
    while (in_flight_ > 0 && collect(Wait::block, ignored)) {
    }
    if (entries_ != nullptr) ::munmap(entries_, entries_bytes_);
    if (ring_ != nullptr) ::munmap(ring_, ring_bytes_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Outcome<void> open(unsigned depth) {
    io_uring_params parameters{};
    descriptor_ = static_cast<int>(::syscall(__NR_io_uring_setup, depth, &parameters));
    if (descriptor_ < 0) return failure(std::string("io_uring: ") + std::strerror(errno));
    if ((parameters.features & IORING_FEAT_SINGLE_MMAP) == 0)
      return failure("io_uring: the kernel is too old");
    ring_bytes_ = std::max<std::size_t>(
        parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned),
        parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe));
    void* ring = ::mmap(nullptr, ring_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                        descriptor_, IORING_OFF_SQ_RING);
    if (ring == MAP_FAILED) return failure(std::string("io_uring: ") + std::strerror(errno));
    ring_ = static_cast<char*>(ring);
    entries_bytes_ = parameters.sq_entries * sizeof(io_uring_sqe);
    void* entries = ::mmap(nullptr, entries_bytes_, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_POPULATE, descriptor_, IORING_OFF_SQES);
    if (entries == MAP_FAILED) return failure(std::string("io_uring: ") + std::strerror(errno));
    entries_ = static_cast<io_uring_sqe*>(entries);
    const auto at = [this](unsigned offset) { return reinterpret_cast<unsigned*>(ring_ + offset); };
    submit_tail_ = at(parameters.sq_off.tail);
    submit_mask_ = *at(parameters.sq_off.ring_mask);
    submit_array_ = at(parameters.sq_off.array);
    complete_head_ = at(parameters.cq_off.head);
    complete_tail_ = at(parameters.cq_off.tail);
    complete_mask_ = *at(parameters.cq_off.ring_mask);
    completions_ = reinterpret_cast<io_uring_cqe*>(ring_ + parameters.cq_off.cqes);
    depth_ = parameters.sq_entries;
    return {};
  }

  void submit(std::span<const ReadRequest> requests) override {
    waiting_.insert(waiting_.end(), requests.begin(), requests.end());
    in_flight_ += requests.size();
    push();
  }

  Outcome<void> collect(Wait wait, std::vector<ReadResult>& results) override {
    const std::size_t before = results.size();
    if (failed_ != 0) return failure(std::string("io_uring: ") + std::strerror(failed_));
    for (;;) {
      unsigned head = *complete_head_;
      const unsigned tail = load_acquire(complete_tail_);
      for (; head != tail; ++head) {
        const io_uring_cqe& completion = completions_[head & complete_mask_];
        results.push_back({completion.user_data, completion.res});
        --in_kernel_;
        --in_flight_;
      }
      store_release(complete_head_, head);
      push();
      if (failed_ != 0) return failure(std::string("io_uring: ") + std::strerror(failed_));
      if (wait == Wait::poll || results.size() > before || in_flight_ == 0) return {};
      if (enter(0, 1) < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY)
        return failure(std::string("io_uring: ") + std::strerror(errno));
    }
  }

  std::size_t in_flight() const override { return in_flight_; }
  std::string name() const override { return "io_uring"; }

 private:
  long enter(unsigned submitted, unsigned wanted) {
    return ::syscall(__NR_io_uring_enter, descriptor_, submitted, wanted,
                     wanted > 0 ? IORING_ENTER_GETEVENTS : 0u, nullptr, 0);
  }

  // Hands waiting requests to the kernel, at most as many at a time as the ring has places.
  void push() {
    unsigned tail = *submit_tail_;
    unsigned added = 0;
    while (!waiting_.empty() && in_kernel_ < depth_) {
      const ReadRequest& request = waiting_.front();
      const unsigned index = tail & submit_mask_;
      io_uring_sqe& entry = entries_[index];
      std::memset(&entry, 0, sizeof entry);
      entry.opcode = IORING_OP_READ;
      entry.fd = request.descriptor;
      entry.off = request.offset;
      entry.addr = reinterpret_cast<std::uintptr_t>(request.destination);
      entry.len = static_cast<unsigned>(request.length);
      entry.user_data = request.tag;
      submit_array_[index] = index;
      ++tail;
      ++added;
      ++in_kernel_;
      waiting_.pop_front();
    }
    store_release(submit_tail_, tail);
    while (added > 0) {
      const long taken = enter(added, 0);
      if (taken > 0) {
        added -= static_cast<unsigned>(taken);
      } else if (errno != EINTR && errno != EAGAIN && errno != EBUSY) {
        failed_ = errno;
        return;
      }
    }
  }

  int descriptor_ = -1;
  char* ring_ = nullptr;
  std::size_t ring_bytes_ = 0;
  io_uring_sqe* entries_ = nullptr;
  std::size_t entries_bytes_ = 0;
  unsigned* submit_tail_ = nullptr;
  unsigned submit_mask_ = 0;
  unsigned* submit_array_ = nullptr;
  unsigned* complete_head_ = nullptr;
  unsigned* complete_tail_ = nullptr;
  unsigned complete_mask_ = 0;
  io_uring_cqe* completions_ = nullptr;
  unsigned depth_ = 0;
  unsigned in_kernel_ = 0;
  std::size_t in_flight_ = 0;
  int failed_ = 0;
  std::deque<ReadRequest> waiting_;
};

}  // namespace

Outcome<std::unique_ptr<Reader>> make_uring_reader(unsigned depth) {
  auto reader = std::make_unique<UringReader>();
  Outcome<void> opened = reader->open(depth);
  if (!opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace expert_stream
