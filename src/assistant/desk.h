// The assistant of a home: watches the mail, keeps the cards in line with what is known and with
// the clock, lets the gate decide, notifies, and carries out what the owner approves. One object of
// the application; thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "assistant/actions/action.h"
#include "assistant/assistant.h"
#include "assistant/channel.h"
#include "assistant/gate.h"
#include "assistant/held_back.h"
#include "assistant/self_mail.h"
#include "assistant/standing.h"
#include "assistant/watcher.h"

namespace lar::assistant {

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
    std::unique_ptr<Channel> channel;  // beside mail to self; null: none
    // Accounts at servers, see ActionContext.
    decltype(ActionContext::apply) apply;
    decltype(ActionContext::send) send;
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
  // Of one day, today or later: its calendar, and what is due or takes place then.
  base::Result<std::vector<BriefPoint>> brief_of(const base::Date& day, base::Language language,
                                                 std::stop_token stop);
  base::Result<Replay> replay(base::Microseconds since, base::Microseconds until);

  // What the owner does with a card: it changes its state and teaches the gate.
  // reopened takes back the last of these: the card is open again, what it taught is unlearnt, and
  // a rule "never" that was said on it is gone. Errors: card.no_person for a rule about the person
  // of a card that has none.
  enum class Deed { seen, done, dismissed, snoozed, never, always, reopened };
  base::Result<store::Card> set_card(std::int64_t number, Deed deed,
                                     std::optional<base::Microseconds> until, bool for_person);
  // Until an event begins or ends, wherever it is moved; called off, the card is back at once.
  // `event`: an item, words of its title, or "next". Errors: event.unknown.
  base::Result<store::Card> put_off_until(std::int64_t number, const std::string& event,
                                          bool begins);
  // The next event of today that has not ended and is no whole day.
  struct NextEvent {
    base::Id item;
    std::string occurrence;
    std::string title;
    base::Microseconds starts = 0, ends = 0;
    bool only = false;
  };
  base::Result<std::optional<NextEvent>> next_event();
  // Carried out on the calling thread, and the card is done after it. What cannot be taken back
  // leaves after send_delay(): by the background where there is one (the action comes back as
  // `approved`), else after waiting for it here; stopped meanwhile, it is proposed again.
  base::Result<store::Action> approve(const base::Id& action, base::Language language,
                                      std::stop_token stop);
  base::Result<store::Action> reject(const base::Id& action, base::Language language);
  base::Result<store::Action> undo(const base::Id& action, base::Language language);
  ActionContext context(base::Language language, std::stop_token stop);
  // How long until an approved action leaves; nothing where it is not waiting.
  std::optional<std::chrono::seconds> leaves_in(const base::Id& action);

  // Actions of this kind on such cards are approved by themselves from now on (standing.h).
  base::Result<StandingRule> approve_always(const base::Id& action, ForWhom whom);
  base::Result<std::vector<StandingRule>> standing();
  base::Status revoke(std::int64_t rule);
  base::Result<std::chrono::seconds> send_delay();
  base::Status set_send_delay(std::chrono::seconds delay);

  // Mail to self (self_mail.h) from now on, or no more: `account` as set_self_mail() takes it.
  base::Status use_self_mail(const std::string& account);

  // What a new source of mail would interrupt with is held back (held_back.h); does nothing for
  // sources that bring none.
  base::Status hold_notices_of(const base::Id& source);
  // The owner has looked at a replay, or corrected what it showed: it begins by itself soon after.
  // Does nothing while mails wait to be judged, because a replay does not show them yet.
  base::Status note_replay();
  // At once. What was held is not told late: it is in the briefing.
  base::Status go_live();
  struct Held {
    HeldBack back;
    int cards = 0;  // that would have interrupted
  };
  base::Result<Held> held();

  base::Result<GateSettings> settings();
  base::Status set_settings(const GateSettings& settings);

 private:
  base::Result<GateMemory> gate_memory();
  base::Result<std::vector<NextEvent>> events_ahead(base::Microseconds from, int days);
  bool takes_place(const NextEvent& event);
  base::Status follow_events(base::Microseconds now);
  base::Status wake_cards(base::Microseconds now);
  base::Result<bool> interrupt(const store::Card& card, const std::string& because,
                               const Owner& owner, base::Microseconds now);
  base::Status announce_briefing(const World& world, const GateSettings& settings,
                                 const HeldBack& held);
  bool anybody_there() const;
  // By every channel; without an error by at least one of them.
  base::Status tell(Notice notice);
  base::Status begin_live(HeldBack held);
  // Tells the watcher when a review is next needed: for what the last one left waiting, and for
  // what is put off. Does not wait for a review.
  void plan_review();
  base::Result<std::vector<BriefPoint>> points_of(std::optional<base::Microseconds> since,
                                                  base::Language language, std::stop_token stop);
  base::Status reopen(const store::Card& card);
  void leave_out_impossible(std::vector<store::Card>& cards);
  base::Status settle_card(const store::Action& done);
  base::Status propose_again(const store::Action& action);
  // The background's hand: sends what has waited long enough, does what standing rules allow, looks
  // again at what is not known.
  void work(std::stop_token stop);
  void wake_hand();
  void send_due(std::stop_token stop);
  void send_notices(std::stop_token stop);
  base::Status notice_failed(const store::Action& notice);
  void follow_rules(std::stop_token stop);

  store::Store& store_;
  engine::Engines& engines_;
  reading::ReadingService& reading_;
  Options options_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::unique_ptr<Watcher> watcher_;
  std::mutex review_mutex_;
  std::optional<base::Microseconds> next_review_;     // of what waits, beside the cards put off
  std::optional<base::Microseconds> briefing_tried_;  // and it did not reach the owner
  std::mutex plan_mutex_;
  std::optional<base::Microseconds> planned_;  // next_review_ of the last review
  std::mutex rules_mutex_;
  std::mutex hand_mutex_;  // of what follows
  std::condition_variable_any hand_wake_;
  bool hand_wanted_ = true;
  std::map<base::Id, base::Microseconds> leaving_;  // by base::steady_now
  std::jthread hand_;
};

}  // namespace lar::assistant
