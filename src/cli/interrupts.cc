#include "cli/interrupts.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace lar::cli {
namespace {

void raise_flag(const os::Descriptor& flag) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto count = ::write(flag.get(), &one, sizeof one);
}

}  // namespace

Interrupts::Interrupts()
    : raised_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      finish_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = os::Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  thread_ = std::jthread([this] { run(); });
}

Interrupts::~Interrupts() { raise_flag(finish_); }

void Interrupts::run() {
  int limit = -1;
  while (true) {
    std::array<pollfd, 2> entries{pollfd{signals_.get(), POLLIN, 0},
                                  pollfd{finish_.get(), POLLIN, 0}};
    const int count = ::poll(entries.data(), entries.size(), limit);
    if (count == 0) _exit(0);  // the time of end_within is over; nothing stored is lost by this
    if (entries[1].revents != 0) return;
    signalfd_siginfo information{};
    if (::read(signals_.get(), &information, sizeof information) != sizeof information) continue;
    std::stop_source source;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_once_) _exit(128 + static_cast<int>(information.ssi_signo));
      stopped_once_ = true;
      source = source_;
      if (end_within_ > 0) limit = end_within_ * 1000;
    }
    raise_flag(raised_);
    source.request_stop();
  }
}

std::stop_token Interrupts::token() {
  const std::lock_guard lock(mutex_);
  return source_.get_token();
}

void Interrupts::renew() {
  const std::lock_guard lock(mutex_);
  source_ = std::stop_source();
  stopped_once_ = false;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto size = ::read(raised_.get(), &count, sizeof count);
}

void Interrupts::wait() const {
  pollfd entry{raised_.get(), POLLIN, 0};
  while (::poll(&entry, 1, -1) < 0) {
  }
}

}  // namespace lar::cli
