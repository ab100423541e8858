// Ctrl-C and SIGTERM as stop requests. The signals are blocked in every thread and taken by one, so
// that nothing ever runs in a signal handler. The second signal ends the process at once.
#pragma once

#include <mutex>
#include <stop_token>
#include <thread>

#include "os/file.h"

namespace lar::cli {

class Interrupts {
 public:
  // Call before any other thread is started.
  Interrupts();
  ~Interrupts();

  std::stop_token token();
  // A fresh token, for the next question of a conversation.
  void renew();
  // Readable once a signal came; stays so until renew().
  int descriptor() const { return raised_.get(); }
  // Blocks until a signal comes.
  void wait() const;
  // From now on the process ends at the latest this long after a signal, come what may.
  void end_within(int seconds) { end_within_ = seconds; }

 private:
  void run();

  std::mutex mutex_;
  std::stop_source source_;
  bool stopped_once_ = false;
  int end_within_ = 0;
  os::Descriptor signals_, raised_, finish_;
  std::jthread thread_;
};

}  // namespace lar::cli
