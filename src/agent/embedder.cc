// The embedding thread. After a failure it waits longer each time, up to a minute.
#include "agent/embedder.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace lar::agent {
namespace {
// A person who asks waits for the batch under way: small ones.
constexpr int batch_size = 8;
}  // namespace

Embedder::Pause::Pause(Embedder& embedder) : embedder_(embedder) {
  ++embedder_.paused_;
  const std::lock_guard lock(embedder_.mutex_);
  embedder_.batch_.request_stop();
}
Embedder::Pause::~Pause() {
  if (--embedder_.paused_ == 0) embedder_.wake();
}

base::Result<bool> Embedder::step(std::stop_token stop) {
  const std::lock_guard lock(step_mutex_);
  const std::string space = engines_.embed_space();
  if (space.empty()) return false;
  TRY_ASSIGN(const bool more, step_in(Space::current, space, stop));
  const std::string next = engines_.next_embed_space();
  if (more || next.empty()) return more;
  TRY_ASSIGN(const bool more_next, step_in(Space::next, next, stop));
  if (more_next) return true;
  TRY(engines_.finish_embed_change());
  TRY(store_.drop_vectors(space));
  return true;  // what came in between
}

base::Result<bool> Embedder::step_in(Space which, const std::string& space, std::stop_token stop) {
  TRY_ASSIGN(const auto pending, store_.pending_vectors(space, batch_size));
  if (pending.empty()) return false;
  std::vector<engine::EmbedText> texts;
  texts.reserve(pending.size());
  for (const store::PendingPassage& passage : pending)
    texts.push_back({passage.title, passage.text});
  std::stop_source batch;
  const std::stop_callback outer(stop, [&] { batch.request_stop(); });
  {
    const std::lock_guard state(mutex_);
    if (paused_ > 0) return true;
    batch_ = batch;
  }
  auto made = which == Space::next
                  ? engines_.embed_next(texts, batch.get_token())
                  : engines_.embed(engine::EmbedKind::document, texts, batch.get_token());
  if (!made && paused_ > 0 && !stop.stop_requested()) return true;
  TRY_ASSIGN(auto vectors, std::move(made));
  // Vectors of a model that has changed meanwhile belong nowhere.
  const std::string now =
      which == Space::next ? engines_.next_embed_space() : engines_.embed_space();
  if (now != space) return true;
  std::vector<store::PassageVector> saved;
  saved.reserve(pending.size());
  for (size_t index = 0; index < pending.size() && index < vectors.size(); ++index) {
    saved.push_back({pending[index].passage, std::move(vectors[index])});
  }
  TRY(store_.save_vectors(space, saved));
  return true;
}

void Embedder::start(std::function<void()> changed) {
  on_change_ = std::move(changed);
  thread_ = std::jthread([this](std::stop_token stop) {
    std::chrono::milliseconds back_off{0};
    while (!stop.stop_requested()) {
      {
        std::unique_lock lock(mutex_);
        if (back_off.count() > 0) {
          changed_.wait_for(lock, stop, back_off, [] { return false; });
        }
        changed_.wait(lock, stop, [&] { return wanted_ && paused_ == 0; });
        if (stop.stop_requested()) return;
        wanted_ = false;
      }
      while (!stop.stop_requested() && paused_ == 0) {
        const auto more = step(stop);
        const std::lock_guard lock(mutex_);
        if (!more) {
          if (!stop.stop_requested()) error_ = more.error();
          back_off = std::clamp(back_off * 2, std::chrono::milliseconds(1000),
                                std::chrono::milliseconds(60'000));
          wanted_ = true;
          break;
        }
        error_.reset();
        back_off = std::chrono::milliseconds(0);
        if (!*more) break;
        wanted_ = true;  // the rest, should a pause end this loop
        if (on_change_) on_change_();
      }
    }
  });
}

void Embedder::wake() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_all();
}

void Embedder::stop() {
  thread_.request_stop();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

base::Status Embedder::finish(const std::function<void(const store::VectorProgress&)>& progress,
                              std::stop_token stop) {
  if (engines_.embed_space().empty()) return {};
  while (true) {
    if (stop.stop_requested()) return base::fail(base::ErrorKind::cancelled, "cancelled");
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [&] { return paused_ == 0; });
    }
    // The batch lock makes this and the background thread take turns: either one's work counts.
    TRY_ASSIGN(const bool more, step(stop));
    // While a new space is filled, its progress is what there is to wait for.
    const std::string next = engines_.next_embed_space();
    TRY_ASSIGN(const store::VectorProgress state,
               store_.vector_progress(next.empty() ? engines_.embed_space() : next));
    if (progress) progress(state);
    if (!more) return {};
  }
}

std::optional<base::Error> Embedder::last_error() {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace lar::agent
