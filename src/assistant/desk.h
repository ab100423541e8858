// The assistant of a home: watches the mail, keeps the cards in line with what is known and with
// the clock, lets the gate decide, notifies, and carries out what the owner approves. One object of
// the application; thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "assistant/actions/action.h"
#include "assistant/assistant.h"
#include "assistant/gate.h"
#include "assistant/watcher.h"

namespace lar::assistant {

// Where the owner is interrupted. Further ones (mail to self, web push) are a class each.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual std::string name() const = 0;
  // Whether anybody would see it.
  virtual bool present() const = 0;
  virtual base::Status notify(const std::string& title, const std::string& text) = 0;
};
// The desktop's notifications (org.freedesktop.Notifications), through the desktop's own
// notify-send.
std::unique_ptr<Channel> desktop_channel();

// A point of the briefing.
struct BriefPoint {
  std::string kind;
  std::string text;
  std::vector<base::Id> items;
  std::optional<std::int64_t> card;
  domain::Origin origin = domain::Origin::own_data;  // whose words the text holds
};

class Desk {
 public:
  struct Options {
    std::string home;
    bool watch = false;             // judge and notify in the background
    std::function<void()> changed;  // cards may have changed; any thread
    std::function<void(const base::Id& source)> source_changed;
    std::unique_ptr<Channel> channel;  // null: nobody is interrupted
  };
  Desk(store::Store& store, engine::Engines& engines, reading::ReadingService& reading,
       Options options);
  ~Desk();

  // Settles what a crash left, and begins to watch if asked to.
  base::Status start();
  void stop();
  Watcher& watcher() { return *watcher_; }

  // Before cards or a briefing are shown: without the background, judges by code what has not been
  // judged; then looks at everything again.
  base::Status settle(std::stop_token stop);
  // Detectors, cards, gate, notifications, at this moment. The number of interruptions.
  base::Result<int> review();

  base::Result<std::vector<BriefPoint>> brief(std::optional<base::Microseconds> since,
                                              base::Language language, std::stop_token stop);
  base::Result<Replay> replay(base::Microseconds since, base::Microseconds until);

  // What the owner does with a card: it changes its state and teaches the gate.
  // reopened takes back the last of these: the card is open again, what it taught is unlearnt, and
  // a rule "never" that it made is gone.
  enum class Deed { seen, done, dismissed, snoozed, never, always, reopened };
  base::Result<store::Card> set_card(std::int64_t number, Deed deed,
                                     std::optional<base::Microseconds> until, bool for_person);
  // The card's action at `position`; carried out on the calling thread. The card is done after it.
  base::Result<store::Action> approve(const base::Id& action, base::Language language,
                                      std::stop_token stop);
  base::Result<store::Action> reject(const base::Id& action, base::Language language);
  base::Result<store::Action> undo(const base::Id& action, base::Language language);
  ActionContext context(base::Language language, std::stop_token stop);

  base::Result<GateSettings> settings();
  base::Status set_settings(const GateSettings& settings);

 private:
  base::Result<GateMemory> gate_memory();
  base::Status reopen(const store::Card& card);

  store::Store& store_;
  engine::Engines& engines_;
  reading::ReadingService& reading_;
  Options options_;
  std::unique_ptr<Watcher> watcher_;
  std::mutex review_mutex_;
};

}  // namespace lar::assistant
