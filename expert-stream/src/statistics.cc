// See statistics.h.
#include "statistics.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "memory.h"

namespace expert_stream {

void Statistics::set_groups(std::vector<std::string> names, std::vector<int> experts,
                            std::vector<PoolShape> pools) {
  const std::lock_guard lock(mutex_);
  names_ = std::move(names);
  pools_ = std::move(pools);
  heat_.clear();
  for (const int count : experts) heat_.emplace_back(static_cast<std::size_t>(count));
}

std::string Statistics::json() const {
  const std::lock_guard lock(mutex_);
  std::ostringstream out;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  const auto used = static_cast<double>(experts_used.load());
  out << "{\"seconds\":" << seconds << ",\"tokens\":" << tokens << ",\"visits\":" << visits
      << ",\"experts_used\":" << experts_used << ",\"experts_hit\":" << experts_hit
      << ",\"hit_rate\":" << (used > 0 ? static_cast<double>(experts_hit.load()) / used : 0)
      << ",\"reads\":" << reads << ",\"bytes_read\":" << bytes_read << ",\"bytes_read_per_token\":"
      << (tokens > 0 ? static_cast<double>(bytes_read) / static_cast<double>(tokens) : 0)
      << ",\"stalled_seconds\":" << static_cast<double>(stalled_microseconds) / 1e6
      << ",\"passes_in_waves\":" << passes_in_waves << ",\"experts_warmed\":" << experts_warmed
      << ",\"budget_bytes\":" << budget_bytes << ",\"expert_bytes\":" << expert_bytes
      << ",\"pools\":[";
  for (std::size_t p = 0; p < pools_.size(); ++p) {
    out << (p > 0 ? "," : "") << "{\"slots\":" << pools_[p].slots
        << ",\"expert_bytes\":" << pools_[p].expert_bytes << ",\"groups\":[";
    for (std::size_t g = 0; g < pools_[p].groups.size(); ++g)
      out << (g > 0 ? "," : "") << '"' << pools_[p].groups[g] << '"';
    out << "]}";
  }
  out << "],\"heat\":{";
  for (std::size_t group = 0; group < names_.size(); ++group) {
    out << (group > 0 ? "," : "") << '"' << names_[group] << "\":[";
    for (std::size_t e = 0; e < heat_[group].size(); ++e)
      out << (e > 0 ? "," : "") << heat_[group][e].load(std::memory_order_relaxed);
    out << ']';
  }
  out << "}}\n";
  return out.str();
}

std::string Statistics::summary() const {
  const auto used = static_cast<double>(std::max<std::uint64_t>(1, experts_used));
  const auto count = static_cast<double>(std::max<std::uint64_t>(1, tokens));
  char text[256];
  std::snprintf(
      text, sizeof text,
      "%llu tokens, %s of experts in %s, hit rate %.1f %%, %.1f MB read per token, waited "
      "%.1f s for the disk",
      static_cast<unsigned long long>(tokens.load()), format_size(expert_bytes).c_str(),
      format_size(budget_bytes).c_str(), 100 * static_cast<double>(experts_hit) / used,
      static_cast<double>(bytes_read) / count / 1e6,
      static_cast<double>(stalled_microseconds) / 1e6);
  return text;
}

struct StatisticsPublisher::State {
  std::shared_ptr<const Statistics> statistics;
  std::string file;
  std::string socket_path;
  int listener = -1;
  int stop = -1;
  std::uint64_t written_visits = ~std::uint64_t{0};
  std::jthread thread;

  void write_file() {
    if (file.empty() || statistics->visits == written_visits) return;
    written_visits = statistics->visits;
    const std::string temporary = file + ".new";
    {
      std::ofstream out(temporary, std::ios::trunc);
      out << statistics->json();
      if (!out) return;  // a full disk costs the statistics, not the answer
    }
    std::rename(temporary.c_str(), file.c_str());
  }

  void answer() const {
    const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    const timeval patience{.tv_sec = 1, .tv_usec = 0};
    ::setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const std::string text = statistics->json();
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t count = ::send(peer, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
    ::close(peer);
  }

  void run() {
    for (;;) {
      pollfd watched[2] = {{.fd = stop, .events = POLLIN, .revents = 0},
                           {.fd = listener, .events = POLLIN, .revents = 0}};
      ::poll(watched, listener >= 0 ? 2 : 1, file.empty() ? -1 : 1000);
      write_file();
      if (watched[0].revents != 0) return;
      if (listener >= 0 && watched[1].revents != 0) answer();
    }
  }
};

StatisticsPublisher::StatisticsPublisher(std::shared_ptr<const Statistics> statistics,
                                         std::string file, std::string socket)
    : state_(std::make_unique<State>()) {
  state_->statistics = std::move(statistics);
  state_->file = std::move(file);
  if (sockaddr_un address{}; !socket.empty() && socket.size() < sizeof address.sun_path) {
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket.c_str(), socket.size());
    ::unlink(socket.c_str());
    state_->listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(state_->listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0 ||
        ::listen(state_->listener, 4) != 0) {
      std::fprintf(stderr, "expert-stream: no statistics at %s: %s\n", socket.c_str(),
                   std::strerror(errno));
      ::close(state_->listener);
      state_->listener = -1;
    } else {
      state_->socket_path = std::move(socket);
    }
  }
  if (state_->file.empty() && state_->listener < 0) return;
  state_->stop = ::eventfd(0, EFD_CLOEXEC);
  state_->thread = std::jthread([state = state_.get()] { state->run(); });
}

StatisticsPublisher::~StatisticsPublisher() {
  if (state_->thread.joinable()) {
    const std::uint64_t one = 1;
    if (::write(state_->stop, &one, sizeof one) == sizeof one) state_->thread.join();
  }
  if (state_->listener >= 0) ::close(state_->listener);
  if (!state_->socket_path.empty()) ::unlink(state_->socket_path.c_str());
  if (state_->stop >= 0) ::close(state_->stop);
}

}  // namespace expert_stream
