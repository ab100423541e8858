// The implementation of Engines, internal to this folder: seats (one per role, with the backend
// that serves it now and the one that is to replace it) and the calls that go through them.
// engines.cc holds what stands behind which role and how that changes; calls.cc what is asked.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/backend.h"
#include "engine/budget.h"
#include "engine/contract.h"
#include "engine/engine.h"
#include "engine/kept_prompts.h"
#include "engine/memory_plan.h"
#include "engine/models.h"
#include "engine/scheduler.h"

namespace lar::engine {

struct Seat {
  std::mutex mutex;
  std::mutex trial_mutex;  // of who starts its backend for trial; taken before `mutex`
  std::string binding;     // as in roles.toml; empty: unbound
  std::shared_ptr<Backend> backend;
  std::shared_ptr<Backend> next;  // embed only: takes over once all is embedded anew
  std::atomic<std::int64_t> cut_texts = 0;
};

// How many tokens of a prompt were not read again, by the counters in an answer of any of the APIs:
// they stand at its beginning or at its end.
class CachedCount {
 public:
  void feed(std::string_view piece);
  std::optional<int> tokens() const;

 private:
  static constexpr std::size_t kept_bytes = 4096;
  std::string head_, tail_;
};

class EnginesImpl final : public Engines {
 public:
  // `options.models` is set.
  EnginesImpl(EngineOptions options, std::string sockets);
  ~EnginesImpl() override;

  base::Status load();

  base::Result<ChatResult> chat(Role role, const ChatRequest& request,
                                const std::function<void(std::string_view)>& on_text,
                                std::stop_token stop) override;
  base::Result<std::vector<std::vector<float>>> embed(EmbedKind kind,
                                                      const std::vector<EmbedText>& texts,
                                                      std::stop_token stop) override;
  base::Result<std::vector<std::vector<float>>> embed_for(const Caller& caller, EmbedKind kind,
                                                          const std::vector<EmbedText>& texts,
                                                          std::stop_token stop) override;
  base::Result<std::vector<std::vector<float>>> embed_next(const std::vector<EmbedText>& texts,
                                                           std::stop_token stop) override;
  base::Result<int> count_tokens(Role role, const std::string& text) override;
  base::Status forward(Role role, const RawRequest& request,
                       const std::function<void(const RawHead&)>& on_head,
                       const std::function<bool(std::string_view)>& on_bytes,
                       std::stop_token stop) override;
  std::string embed_space() override;
  std::string next_embed_space() override;
  base::Status finish_embed_change() override;
  int context_tokens(Role role) override;
  int usable_context(Role role) override;
  std::string bound_to(Role role) override;
  std::vector<EngineStatus> status() override;
  BackgroundStatus background() override { return budget_.status(); }
  base::Status limit_background(const DailyCost& limit) override {
    return budget_.set_limits(limit);
  }
  base::Result<MemoryPlan> plan() override;
  KeptStatus kept() override;
  int forget_kept(const std::string& client) override;
  int forget_all_kept() override;
  base::Status use(Role role, const std::string& model) override;
  base::Status unbind(Role role) override;
  base::Status bind_defaults() override;
  void stop_all() override;
  void close() override;

 private:
  using Vectors = std::vector<std::vector<float>>;
  using Repeat = std::function<bool()>;

  // A call's hold on the backend that served its role when it began.
  class Visit {
   public:
    // Under the seat's mutex, so that no backend is ended between being found and being held.
    Visit(EnginesImpl& engines, std::shared_ptr<Backend> backend);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    Backend& backend() const { return *backend_; }
    const std::shared_ptr<Backend>& shared() const { return backend_; }

   private:
    EnginesImpl& engines_;
    std::shared_ptr<Backend> backend_;
  };
  // Work that may be stopped at any moment and taken up again.
  struct Aside;

  // ---- roles, engines.cc ----
  Seat* seat_of(Role role);
  Role actual(Role role);
  base::Result<std::shared_ptr<Backend>> make(Role role, const std::string& binding);
  // Which of a seat's backends is meant.
  enum class Which { current, next };
  // Holds the backend of a role; tries once more what could not be had when lar started.
  base::Result<std::unique_ptr<Visit>> visit(Role role, Seat& seat, Which which = Which::current);
  // Lets as many calls of a role run side by side as what serves it works on at once.
  void set_capacity(Role role, Backend& backend);
  std::string free_socket_name(Role role);
  // Engines that get their memory before a role's: those of the roles before it.
  std::vector<PlanWish> planned_before(Role role);
  // What the owner allows all engines together, by the settings as they are now; 0: no limit.
  std::int64_t memory_allowed() const;
  // What of RAM a further engine may take: of the machine, and of what the owner allows.
  std::int64_t memory_left_for_more(std::int64_t allowed);
  // Whether it could start now, beside all that runs: in RAM and on each GPU by itself.
  bool has_room(const Backend& wanted);
  // Before an engine starts that there is no room for: those that nobody uses end, the longest
  // unused first, until there is. Never `spared`.
  void make_room(const Backend& wanted, const Backend* spared = nullptr);
  // A backend whose use of a GPU has been seen to start (fitting.h).
  std::shared_ptr<Backend> settled(Role role, std::shared_ptr<Backend> backend);
  // The same for what a seat holds, before its first call.
  void settle_seat(Role role, Seat& seat, Which which);
  // Writes down what an engine says it takes, once for each start.
  void note_start(Role role, Backend& backend, std::uint64_t generation);
  base::Status try_out(Role role, Backend& backend);
  static base::Status try_ranking(Backend& backend);
  static base::Status try_seeing(Backend& backend);
  base::Status change_embed(Seat& seat, std::shared_ptr<Backend> next);
  base::Status replace(Role role, Seat& seat, std::shared_ptr<Backend> next);
  // `changed` is written in place of what its seat holds now.
  base::Status save_roles(const std::map<std::string, std::string>& changed = {});
  void retire(std::shared_ptr<Backend> backend);
  void end_retired(std::stop_token stop);

  // ---- calls, calls.cc ----
  // One try of a call, with a started engine; `work` may be called twice if the engine died and
  // `may_repeat` still holds.
  template <typename Value>
  base::Result<Value> call(
      Role role, Backend& backend, std::stop_token stop, const Repeat& may_repeat,
      const std::function<base::Result<Value>(std::uint64_t generation)>& work);
  // The same for work that steps back: does `work` in turn after turn until it succeeds or fails
  // for a reason of its own. What loses its work with each interruption steps back at once only so
  // many times, and later the longer it has been tried: else a busy house would never see its end.
  enum class Interrupted { keeps_its_work, begins_anew };
  template <typename Value>
  base::Result<Value> in_turns(
      Role role, Seat& seat, Which which, const Caller& caller, std::stop_token stop,
      const std::function<base::Result<Value>(Backend&, Budget::Stretch&, std::stop_token)>& work,
      Interrupted interrupted = Interrupted::keeps_its_work);
  // What is known of a backend's model at its engine; nothing where it was not measured.
  std::optional<Contract> contract_of(const Backend& backend) const;
  // The request as it fits into the context, by its policy; what was left out goes into `result`.
  base::Result<ChatRequest> fitted(Role role, Backend& backend, const ChatRequest& given,
                                   ChatResult& result, std::stop_token stop);
  base::Status try_grammar(Role role, Backend& backend, std::uint64_t generation,
                           std::stop_token stop);
  base::Result<ChatResult> chat_aside(Role role, Seat& seat, const ChatRequest& request,
                                      std::stop_token stop);
  base::Result<ChatResult> go_on(Role role, Backend& backend, std::uint64_t generation,
                                 const ChatRequest& request, Aside& aside, Budget::Stretch& stretch,
                                 std::stop_token stop);
  base::Status read_in_pieces(Backend& backend, Aside& aside, Budget::Stretch& stretch,
                              Urgency urgency, std::stop_token stop);
  base::Result<bool> can_continue(Backend& backend, std::uint64_t generation,
                                  EngineClient::Form form, Urgency urgency, std::stop_token stop);
  base::Status forward_aside(Role role, Seat& seat, const RawRequest& request,
                             const std::function<void(const RawHead&)>& on_head,
                             const std::function<bool(std::string_view)>& on_bytes,
                             std::stop_token stop);
  base::Result<Vectors> embed_with(Which which, const Caller& caller, EmbedKind kind,
                                   const std::vector<EmbedText>& texts, std::stop_token stop);
  base::Result<Vectors> embed_some(Seat& seat, Backend& backend, EmbedKind kind,
                                   std::vector<std::string> texts, Budget::Stretch& stretch,
                                   std::stop_token stop);
  base::Result<std::string> cut_to_fit(const Backend& backend, std::string text,
                                       std::stop_token stop);
  base::Error with_log(base::Error error, Role role) const;

  // ---- long prompts on disk, keeping.cc ----
  // Before a prompt is read: where a kept one holds more of it than the slot may, it is brought
  // back. What could not be is read anew; no call fails of it.
  std::optional<KeptPrompts::Match> bring_back(Backend& backend, std::uint64_t generation,
                                               const std::string& body, const std::string& client,
                                               std::stop_token stop);
  // After it was read: by the engine's own count, was what had been brought back of use? Then the
  // prompt is one to be saved, once nobody has asked anything for a moment. `body`: empty for
  // short prompts. `cached`: tokens not read again; nothing where the engine has not told.
  void prompt_was_read(Role role, std::shared_ptr<Backend> backend, std::uint64_t generation,
                       const std::string& body, const std::string& client,
                       const std::optional<KeptPrompts::Match>& brought, std::optional<int> cached);
  static void forget_last_prompt(Backend& backend);
  void keep_prompts(std::stop_token stop);
  struct KeepJob {
    Role role = Role::chat;
    std::shared_ptr<Backend> backend;
    std::uint64_t generation = 0, number = 0;
    // Of lar's own prompts only the beginning they share is kept: it says nothing of the owner.
    bool own = false;
  };
  void keep_later(KeepJob job);
  base::Status keep_prompt(const KeepJob& job, std::stop_token stop);
  base::Status keep_own_beginning(const KeepJob& job, std::stop_token stop);
  base::Status save_slot(Backend& backend, const std::string& client, std::vector<int> tokens,
                         int in_slot, std::stop_token stop);
  void keep_what_waits();
  // Those with an engine of ours, of every role, and those on their way out.
  std::vector<std::shared_ptr<Backend>> backends();

  const EngineOptions options_;
  const std::shared_ptr<Models> models_;
  const std::string sockets_;
  Scheduler scheduler_;
  Budget budget_;
  std::map<Role, Seat> seats_;
  std::atomic<std::uint64_t> asides_{0};
  std::mutex roles_mutex_;                             // of roles.toml and other_bindings_
  std::map<std::string, std::string> other_bindings_;  // roles not served here, kept as written

  std::mutex trial_mutex_;  // one at a time: two would take each other's memory

  std::mutex retired_mutex_;
  std::condition_variable_any retired_changed_;
  std::vector<std::shared_ptr<Backend>> retired_;  // still answering their last calls

  KeptPrompts kept_prompts_;
  std::mutex keep_mutex_;
  std::condition_variable_any keep_changed_;
  std::vector<KeepJob> to_keep_;  // one for each backend
  KeptStatus kept_;               // its counts

  std::jthread keeper_;  // last: they end first
  std::jthread retirer_;
};

}  // namespace lar::engine
