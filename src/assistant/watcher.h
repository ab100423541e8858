// Judges every mail of the home once, in the background: the newest first, those of the last month
// with the models, older ones by code. After them the exported chats of that time, by code, a
// conversation at once. The backlog is a question to the store (which mails have no
// verdict), so a kill at any moment costs at most the batch under way. Verdict and facts of a mail,
// and what they change in the facts of its thread, are one transaction.
//
// Nothing runs and no token is spent while nothing arrives. Yields to people: engines are asked
// behind everybody, and no mail is begun while somebody waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>

#include "assistant/mailbox.h"
#include "base/result.h"
#include "engine/engine.h"
#include "reading/reading_service.h"
#include "store/assistant_store.h"
#include "store/store.h"

namespace lar::assistant {

struct Verdict;

// When a mail was there for the owner: as it says, but no later than it came in, for the sender's
// clock may be ahead; and where it says days before its server took it in, or nothing, by that.
// `recorded`: when lar first saw it, which may be long after it came.
base::Microseconds came_at(const Mail& mail, base::Microseconds recorded);
// Whose home it is: stated, known from what they sent, or, where neither says, inferred from the
// newest mails.
base::Result<Owner> owner_of(store::Store& store);
// A mail as it is judged: read from its original. Errors: item.no_original, reading.*.
struct LoadedMail {
  Mail mail;
  domain::Item item;
};
base::Result<LoadedMail> load_mail(store::Store& store, reading::ReadingService& reading,
                                   const base::Id& item, std::stop_token stop);

class Watcher {
 public:
  struct Options {
    int model_days = 30;  // mails of the last so many days are judged with the models
    int batch = 16;       // mails judged together by code
    int model_batch = 2;  // and with the models: what comes meanwhile waits for them
    bool models = true;   // false: by code alone, whatever is bound
  };
  Watcher(store::Store& store, engine::Engines& engines, reading::ReadingService& reading)
      : store_(store), engines_(engines), reading_(reading) {}
  Watcher(store::Store& store, engine::Engines& engines, reading::ReadingService& reading,
          Options options)
      : store_(store), engines_(engines), reading_(reading), options_(options) {}
  ~Watcher() { stop(); }

  // Begins to follow the backlog on a thread of its own. `judged` is called on it after each batch,
  // and whenever the clock may have changed what matters (every few minutes).
  void start(std::function<void()> judged);
  void wake();
  // The clock matters again at that moment, however soon; nothing: at its usual steps.
  void look_at(std::optional<base::Microseconds> moment);
  void stop();

  // Judges the whole backlog on the calling thread (or waits for the background's turn). With
  // `Models::no` by code alone; what is judged so is judged again once a model may be asked.
  // `embed`: with the embedding model, which is quick, but not the one for chats.
  enum class Models { no, embed, yes };
  base::Status finish(Models models,
                      const std::function<void(std::int64_t done, std::int64_t total)>& progress,
                      std::stop_token stop);

  // While one of these lives the background begins no mail.
  class Pause {
   public:
    explicit Pause(Watcher& watcher);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Watcher& watcher_;
  };

  std::optional<base::Error> last_error();

 private:
  // What is known of everybody: made anew after so many mails or minutes.
  struct History {
    Owner owner;
    std::vector<store::Correspondent> people;
    base::Microseconds made = 0;         // mails recorded until then are counted in it
    base::Microseconds made_steady = 0;  // by base::steady_now
    int mails_left = 0;
  };
  base::Result<bool> step(Models models, std::stop_token stop);
  base::Status judge_batch(std::vector<base::Id> ids, Models models, std::stop_token stop);
  base::Result<bool> judge_chats(std::stop_token stop);
  base::Status save(const Mailbox& mailbox, size_t index, const domain::Item& item,
                    const base::Id& id, const Verdict& verdict, const std::string& model);
  base::Status save_unreadable(const base::Id& id, const std::string& why,
                               const std::string& hash = {});
  base::Result<std::vector<Mail>> known_mails(const std::vector<Mail>& judged);
  std::string models_bound(Models models);
  bool has_to_step_back(Models models) const {
    return paused_ > 0 || (models == Models::yes && ahead_ > 0);
  }

  store::Store& store_;
  engine::Engines& engines_;
  reading::ReadingService& reading_;
  Options options_;
  std::mutex step_mutex_;  // one batch at a time
  std::optional<History> history_;
  bool looked_back_ = false;  // what an older version judged has been put back
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool wanted_ = true;
  std::optional<base::Microseconds> next_look_;
  bool next_look_changed_ = false;
  std::stop_source batch_;
  std::optional<base::Error> error_;
  std::atomic<int> paused_{0};
  std::atomic<int> ahead_{0};  // callers of finish() that want no chat model: the background waits
  std::function<void()> on_judged_;
  std::jthread thread_;
};

}  // namespace lar::assistant
