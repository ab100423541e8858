// The desk: one review at a time, from the store to the store. What the owner is told is marked as
// told before it is, so that no crash tells it twice; the briefing still has it.
#include "assistant/desk.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "assistant/card_text.h"
#include "assistant/detectors/detector.h"
#include "assistant/facts.h"
#include "base/messages.h"
#include "base/time_expression.h"
#include "os/process.h"

namespace lar::assistant {
namespace {

using base::Id;
using base::Microseconds;
using base::Result;
using base::Status;
using nlohmann::json;
using store::Card;
using store::CardState;

// Facts and mails that can still matter, and how far the calendar is looked ahead.
constexpr Microseconds look_back = 62 * base::one_day;
constexpr Microseconds look_ahead = 62 * base::one_day;
constexpr Microseconds brief_back = 35 * base::one_day;
constexpr Microseconds brief_ahead = 10 * base::one_day;  // of what has a day
constexpr size_t most_points = 12;
// Of an interruption that fails, and until the next: twice as long each time.
constexpr int most_attempts = 7;
constexpr Microseconds first_pause = 60 * base::one_second;
constexpr Microseconds briefing_pause = 600 * base::one_second;
constexpr Microseconds latest_briefing = 4LL * 3600 * base::one_second;  // after its time
constexpr int event_days = 400;  // so far ahead an event may lie that a card is put off until
constexpr std::chrono::seconds standard_send_delay{10};
// Of a mail to self that has not left: what it says may be over, and quiet hours have begun.
constexpr Microseconds oldest_notice = 600 * base::one_second;
constexpr std::chrono::minutes longest_pause{5};

class DesktopChannel final : public Channel {
 public:
  std::string name() const override { return "desktop"; }
  bool present() const override {
    return !own_program().empty() || (!program().empty() && !bus().empty());
  }
  Status notify(const Notice& notice) override {
    const std::string& title = notice.title;
    const std::string& text = notice.text;
    os::ProcessOptions options;
    if (const std::string own = own_program(); !own.empty()) {
      options.arguments = {own, title, text};
    } else {
      options.arguments = {program(), "--app-name=lar", "--", title, as_markup(text)};
    }
    for (const char* name : {"HOME", "PATH", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"}) {
      if (const char* value = std::getenv(name)) {
        options.environment.push_back(std::string(name) + "=" + value);
      }
    }
    options.environment.push_back("DBUS_SESSION_BUS_ADDRESS=" + bus());
    TRY_ASSIGN(os::Process process, os::Process::start(options));
    const auto ended = process.wait_for(std::chrono::seconds(5));
    if (!ended || *ended != 0) {
      return base::fail(base::ErrorKind::unavailable, "channel.failed", {{"channel", name()}});
    }
    return {};
  }

 private:
  static std::string own_program() {
    const char* named = std::getenv("LAR_NOTIFY");
    return named != nullptr && ::access(named, X_OK) == 0 ? named : "";
  }
  static std::string program() {
    for (const char* path : {"/usr/bin/notify-send", "/usr/local/bin/notify-send"}) {
      if (::access(path, X_OK) == 0) return path;
    }
    return {};
  }
  // The session bus of the desktop; without one there is nobody to show it to.
  static std::string bus() {
    if (const char* address = std::getenv("DBUS_SESSION_BUS_ADDRESS")) return address;
    const std::string path = "/run/user/" + std::to_string(::getuid()) + "/bus";
    return ::access(path.c_str(), F_OK) == 0 ? "unix:path=" + path : "";
  }
};

// The reader writes it into the event's text; its times stay in the calendar.
bool is_called_off(const domain::Item& event) {
  return std::any_of(event.parts.begin(), event.parts.end(), [](const domain::TextPart& part) {
    return part.text.find("Status: cancelled") != std::string::npos;
  });
}

constexpr const char* held_code = "held";  // gate.because.held

bool is_because(const Card& card, const char* code) {
  const json because = json::parse(card.because, nullptr, false);
  return because.is_object() && because.value("code", "") == code;
}

// When an interruption that failed is tried again.
std::optional<Microseconds> next_attempt(const Card& card) {
  if (!card.tried || card.attempts == 0) return std::nullopt;
  return *card.tried + (first_pause << std::min(card.attempts - 1, most_attempts));
}

// What the owner has decided: the briefing says no more of it. A card put off counts until then; of
// what they never want to be told there is no card that would say so.
class Decided {
 public:
  Decided(const std::vector<Card>& cards, std::vector<store::GateRule> rules, std::string zone)
      : rules_(std::move(rules)), zone_(std::move(zone)) {
    for (const Card& card : cards) {
      const bool decided = card.state == CardState::done || card.state == CardState::dismissed ||
                           card.state == CardState::snoozed ||
                           (card.state != CardState::gone && card.route == "silent");
      if (!decided) continue;
      for (const store::CardItem& item : card.evidence) cards_[item.external_id].push_back(card);
    }
  }

  bool operator()(const PointMatter& matter) const {
    static const std::map<std::string_view, std::vector<std::string_view>> of_point = {
        {"urgent", {"urgent", "answer"}},
        {"waiting", {"answer", "urgent"}},
        {"due", {"task", "promise", "invoice"}},
        {"appointment", {"event", "invitation", "booking"}},
        {"suspicious", {"suspicious"}}};
    const auto kinds = of_point.find(matter.kind);
    // Of what is news or has changed no card is made: there the person's rules count alone.
    std::string_view kind = kinds == of_point.end() ? "" : kinds->second.front();
    if (matter.kind == "due" && matter.mail->mine) kind = "promise";
    const std::string person = matter.mail->mine ? "" : matter.mail->from.address;
    if (is_never(kind, person, rules_)) return true;
    const auto found = cards_.find(matter.mail->id);
    if (found == cards_.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](const Card& card) {
      if (kinds == of_point.end()) return card.kind != "meeting" && card.kind != "conflict";
      const bool of_kind =
          std::find(kinds->second.begin(), kinds->second.end(), card.kind) != kinds->second.end();
      return of_kind && is_same(card, matter);
    });
  }

 private:
  // A mail may ask several things, and name several appointments.
  bool is_same(const Card& card, const PointMatter& matter) const {
    if (card.kind == "task" || card.kind == "promise") {
      const json parameters = json::parse(card.parameters, nullptr, false);
      return parameters.is_object() && parameters.value("what", "") == matter.what;
    }
    if (card.kind == "event") {
      const auto starts = moment_of(std::string(matter.start), zone_);
      return !starts || card.due == starts;
    }
    return true;
  }

  std::map<std::string, std::vector<Card>> cards_;  // by Message-ID
  std::vector<store::GateRule> rules_;
  std::string zone_;
};

// A stored verdict as the briefing takes it.
Verdict verdict_from(const store::JudgedMail& judged) {
  Verdict verdict;
  verdict.message_id = judged.message_id;
  for (const Priority priority :
       {Priority::urgent, Priority::reply, Priority::fyi, Priority::bulk}) {
    if (name_of(priority) == judged.verdict.priority) verdict.priority = priority;
  }
  for (const Suspicious suspicious : {Suspicious::none, Suspicious::spam, Suspicious::phishing}) {
    if (name_of(suspicious) == judged.verdict.suspicious) verdict.suspicious = suspicious;
  }
  verdict.personal = judged.verdict.personal;
  verdict.summary = judged.verdict.summary;
  const json detail = json::parse(judged.verdict.detail, nullptr, false);
  if (!detail.is_object()) return verdict;
  const auto text = [](const json& value, const char* name) {
    return value.contains(name) && value[name].is_string() ? value[name].get<std::string>()
                                                           : std::string();
  };
  for (const json& item : detail.value("action_items", json::array())) {
    verdict.findings.action_items.push_back({text(item, "what"), text(item, "due")});
  }
  for (const json& item : detail.value("appointments", json::array())) {
    verdict.findings.appointments.push_back(
        {text(item, "title"), text(item, "start"), text(item, "end"), text(item, "place")});
  }
  verdict.findings.cancels = detail.value("cancels", false);
  verdict.findings.moves = detail.value("moves", false);
  return verdict;
}

// A mail as the briefing takes it, from what is stored.
Mail brief_mail(const store::StoredItem& stored, const store::JudgedMail& judged) {
  Mail mail = make_mail(stored.item);
  const json detail = json::parse(judged.verdict.detail, nullptr, false);
  if (!detail.is_object()) return mail;
  mail.mine = detail.value("mine", false);
  for (const json& header : detail.value("headers", json::array())) {
    if (header.is_array() && header.size() == 2) {
      mail.details.headers.emplace_back(header[0].get<std::string>(), header[1].get<std::string>());
    }
  }
  return mail;
}

}  // namespace

std::unique_ptr<Channel> desktop_channel() { return std::make_unique<DesktopChannel>(); }

Desk::Desk(store::Store& store, engine::Engines& engines, reading::ReadingService& reading,
           Options options)
    : store_(store),
      engines_(engines),
      reading_(reading),
      options_(std::move(options)),
      watcher_(std::make_unique<Watcher>(store, engines, reading)) {
  if (options_.channel) channels_.push_back(std::move(options_.channel));
  channels_.push_back(self_mail_channel(store));
}

Desk::~Desk() { stop(); }

Status Desk::start() {
  TRY(recover_actions(context(base::environment_language(), {})));
  if (options_.watch) {
    TRY_ASSIGN(const auto delay, send_delay());
    TRY_ASSIGN(const auto actions, store_.assistant().actions({}));
    for (const store::Action& action : actions) {
      // Approved before a restart: there is time again to say no.
      if (action.state != store::ActionState::approved) continue;
      leaving_[action.id] = base::steady_now() + delay.count() * base::one_second;
    }
    hand_ = std::jthread([this](std::stop_token token) { work(token); });
    watcher_->start([this] {
      (void)review();
      if (options_.changed) options_.changed();
    });
  }
  return {};
}

void Desk::stop() {
  watcher_->stop();
  if (hand_.joinable()) {
    hand_.request_stop();
    hand_.join();
  }
}

ActionContext Desk::context(base::Language language, std::stop_token stop) {
  return {store_,          &engines_,      &reading_,
          options_.home,   language,       options_.source_changed,
          std::move(stop), options_.apply, options_.send};
}

Status Desk::settle(std::stop_token stop) {
  if (!options_.watch) TRY(watcher_->finish(Watcher::Models::no, {}, stop));
  TRY(review());
  return {};
}

Result<GateSettings> Desk::settings() {
  GateSettings settings;
  TRY_ASSIGN(const std::string text, store_.setting("attention"));
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object()) return settings;
  settings.per_day = value.value("per_day", settings.per_day);
  settings.quiet_from = value.value("quiet_from", settings.quiet_from);
  settings.quiet_to = value.value("quiet_to", settings.quiet_to);
  settings.briefing_at = value.value("briefing_at", settings.briefing_at);
  return settings;
}

bool Desk::anybody_there() const {
  return options_.watch &&
         std::any_of(channels_.begin(), channels_.end(),
                     [](const std::unique_ptr<Channel>& channel) { return channel->present(); });
}

Status Desk::tell(Notice notice) {
  std::optional<base::Error> failed;
  for (const std::unique_ptr<Channel>& channel : channels_) {
    if (!channel->present()) continue;
    const Status done = channel->notify(notice);
    if (!done) failed = done.error();
    notice.told = notice.told || done;
  }
  if (notice.told) return {};
  return tl::unexpected<base::Error>(
      failed.value_or(base::Error{base::ErrorKind::unavailable, "channel.failed", {}, {}, {}}));
}

Status Desk::use_self_mail(const std::string& account) {
  TRY(set_self_mail(store_, account));
  watcher_->wake();
  return {};
}

// ---- before the first live notification ----

Status Desk::hold_notices_of(const Id& source) {
  const std::lock_guard lock(review_mutex_);
  TRY_ASSIGN(const auto sources, store_.sources());
  const auto added = std::find_if(sources.begin(), sources.end(),
                                  [&](const store::Source& one) { return one.id == source; });
  if (added == sources.end() || !brings_mail(added->kind)) return {};
  TRY_ASSIGN(HeldBack held, held_back(store_));
  if (std::find(held.sources.begin(), held.sources.end(), source) != held.sources.end()) return {};
  held.sources.push_back(source);
  held.looked.reset();  // what the owner has looked at did not show this one
  return set_held_back(store_, held);
}

Status Desk::note_replay() {
  {
    const std::lock_guard lock(review_mutex_);
    TRY_ASSIGN(HeldBack held, held_back(store_));
    if (!held.active()) return {};
    TRY_ASSIGN(const std::int64_t waiting, store_.assistant().count_to_judge());
    if (waiting > 0) return {};
    held.looked = base::Clock::now();
    TRY(set_held_back(store_, held));
  }
  watcher_->wake();
  return {};
}

Status Desk::begin_live(HeldBack held) {
  TRY_ASSIGN(const auto open, store_.assistant().cards(store::AssistantStore::Which::open));
  std::vector<std::int64_t> passed;
  for (const Card& card : open) {
    const bool before =
        std::find(held.passed.begin(), held.passed.end(), card.number) != held.passed.end();
    if (before || is_because(card, held_code)) passed.push_back(card.number);
  }
  held.passed = std::move(passed);
  held.sources.clear();
  held.looked.reset();
  TRY(set_held_back(store_, held));
  return store_.write_journal("approval", "journal.went_live", "{}");
}

Status Desk::go_live() {
  // What has come since the last review was held too.
  TRY(review());
  {
    const std::lock_guard lock(review_mutex_);
    TRY_ASSIGN(const HeldBack held, held_back(store_));
    if (!held.active()) return {};
    TRY(begin_live(held));
  }
  TRY(review());
  return {};
}

Result<Desk::Held> Desk::held() {
  Held result;
  TRY_ASSIGN(result.back, held_back(store_));
  if (!result.back.active()) return result;
  TRY_ASSIGN(const auto open, store_.assistant().cards(store::AssistantStore::Which::open));
  for (const Card& card : open) result.cards += is_because(card, held_code) ? 1 : 0;
  return result;
}

Status Desk::set_settings(const GateSettings& settings) {
  TRY(store_.set_setting("attention", json{{"per_day", settings.per_day},
                                           {"quiet_from", settings.quiet_from},
                                           {"quiet_to", settings.quiet_to},
                                           {"briefing_at", settings.briefing_at}}
                                          .dump()));
  watcher_->wake();
  return {};
}

Result<GateMemory> Desk::gate_memory() {
  GateMemory memory;
  TRY_ASSIGN(memory.rules, store_.assistant().rules());
  TRY_ASSIGN(memory.counts, store_.assistant().counts_of_gate());
  const Microseconds since = base::Clock::now() - 2 * base::one_day;
  TRY_ASSIGN(const auto cards, store_.assistant().cards(store::AssistantStore::Which::all));
  for (const Card& card : cards) {
    if (card.notified && *card.notified >= since) {
      memory.notified.push_back({*card.notified, card.key, card.thread});
    }
  }
  return memory;
}

Result<int> Desk::review() {
  const std::lock_guard lock(review_mutex_);
  const Microseconds now = base::Clock::now();
  store::AssistantStore& store = store_.assistant();
  TRY_ASSIGN(const Knowledge knowledge, load_knowledge(store_, now - look_back, now + look_ahead));
  const World world = world_at(knowledge, now);
  std::vector<Card> found = detect(world);
  leave_out_impossible(found);
  const std::vector<std::string> kinds = card_kinds();
  TRY(store.put_cards(found, kinds));
  TRY(follow_events(now));
  TRY(wake_cards(now));
  TRY_ASSIGN(const GateSettings gate_settings, settings());
  TRY_ASSIGN(GateMemory memory, gate_memory());
  TRY_ASSIGN(std::vector<Card> open, store.cards(store::AssistantStore::Which::open));
  int interruptions = 0;
  next_review_.reset();
  TRY_ASSIGN(HeldBack held, held_back(store_));
  if (const auto begins = begins_at(held); begins && *begins <= now) {
    TRY(begin_live(held));
    TRY_ASSIGN(held, held_back(store_));
  } else if (begins) {
    next_review_ = *begins;
  }
  for (Card& card : open) {
    if (card.notified || card.state != CardState::fresh) continue;
    if (card.woken) {
      // Whoever put a card off until a time wants to be told then, or as soon after as may be.
      card.urgency = urgency_now;
      card.weight = 1;
    }
    Decision decision = decide(card, world, gate_settings, memory);
    if (decision.route == Route::now) {
      TRY_ASSIGN(const bool holds, is_held(store_, held, card));
      const bool passed = !card.woken && std::find(held.passed.begin(), held.passed.end(),
                                                   card.number) != held.passed.end();
      if (holds || passed) {
        decision.route = holds ? Route::wait : Route::briefing;
        decision.code = holds ? held_code : "before_live";
        decision.parameters.clear();
      }
    }
    const std::string because = because_json(decision);
    const std::string route(name_of(decision.route));
    if (card.route != route || card.because != because) {
      TRY(store.set_route(card.number, route, because, {}));
    }
    if (decision.route != Route::now || !anybody_there() || card.attempts >= most_attempts) {
      continue;
    }
    if (const auto again = next_attempt(card); again && *again > now) {
      next_review_ = std::min(next_review_.value_or(*again), *again);
      continue;
    }
    TRY_ASSIGN(const bool told, interrupt(card, because, knowledge.owner, now));
    if (!told) continue;
    memory.notified.push_back({now, card.key, card.thread});
    ++interruptions;
  }
  TRY(announce_briefing(world, gate_settings, held));
  if (const auto over = quiet_until(world, gate_settings)) {
    next_review_ = std::min(next_review_.value_or(*over), *over);
  }
  {
    const std::lock_guard plan(plan_mutex_);
    planned_ = next_review_;
  }
  plan_review();
  wake_hand();
  return interruptions;
}

// A card that is put off until an event goes where the event goes, and is back where that is off.
Status Desk::follow_events(Microseconds now) {
  store::AssistantStore& store = store_.assistant();
  TRY_ASSIGN(const std::vector<Card> open, store.cards(store::AssistantStore::Which::open));
  std::optional<std::vector<NextEvent>> events;
  for (const Card& card : open) {
    if (card.state != CardState::snoozed || !card.until_event) continue;
    if (!events) {
      TRY_ASSIGN(events, events_ahead(now - base::one_day, event_days));
    }
    const store::UntilEvent& until = *card.until_event;
    const auto event = std::find_if(events->begin(), events->end(), [&](const NextEvent& one) {
      return one.item == until.item &&
             (one.occurrence == until.occurrence || (until.only && one.only));
    });
    if (event == events->end() || !takes_place(*event)) {
      TRY(store.wake_card(card.number));
      continue;
    }
    const Microseconds moment = until.begins ? event->starts : event->ends;
    if (moment != card.until) TRY(store.follow_event(card.number, moment));
  }
  return {};
}

Status Desk::wake_cards(Microseconds now) {
  store::AssistantStore& store = store_.assistant();
  TRY_ASSIGN(const std::vector<Card> open, store.cards(store::AssistantStore::Which::open));
  for (const Card& card : open) {
    if (card.state == CardState::snoozed && card.until && *card.until <= now) {
      TRY(store.wake_card(card.number));
    }
  }
  return {};
}

// Marked as told before it is; what did not reach the owner is taken back and tried again.
Result<bool> Desk::interrupt(const Card& card, const std::string& because, const Owner& owner,
                             Microseconds now) {
  store::AssistantStore& store = store_.assistant();
  TRY(store.set_route(card.number, std::string(name_of(Route::now)), because, now));
  const base::Language language = owner.language;
  const std::string title = "card.title." + card.kind;
  Notice notice;
  notice.title = base::message(title, language);
  notice.text = card_text(card, language, now, owner.zone) + "\n" + because_text(because, language);
  notice.card = card.number;
  notice.language = language;
  if (tell(notice)) return true;
  TRY(store.not_told(card.number));
  Card failed = card;
  ++failed.attempts;
  failed.tried = now;
  if (failed.attempts < most_attempts) {
    const Microseconds again = *next_attempt(failed);
    next_review_ = std::min(next_review_.value_or(again), again);
  }
  return false;
}

// Once a day, soon after its time, and where there is something to say. By counts alone: what the
// points say is for the briefing itself.
Status Desk::announce_briefing(const World& world, const GateSettings& settings,
                               const HeldBack& held) {
  if (!anybody_there() || settings.briefing_at == no_briefing) return {};
  if (held.active() && held.all) return {};  // it would be the first live notification
  const std::string& zone = world.owner.zone;
  const Microseconds due = base::from_local(
      {world.today, settings.briefing_at / 60, settings.briefing_at % 60, 0}, zone);
  TRY_ASSIGN(const std::string last, store_.setting("last_briefing"));
  const std::string day = base::format_date(world.today);
  if (last == day || world.now > due + latest_briefing) {
    const Microseconds tomorrow = base::from_local(
        {base::add_days(world.today, 1), settings.briefing_at / 60, settings.briefing_at % 60, 0},
        zone);
    next_review_ = std::min(next_review_.value_or(tomorrow), tomorrow);
    return {};
  }
  if (world.now < due) {
    next_review_ = std::min(next_review_.value_or(due), due);
    return {};
  }
  if (quiet_until(world, settings)) return {};  // the review after that tells it
  if (briefing_tried_ && world.now < *briefing_tried_ + briefing_pause) return {};
  const base::Language language = world.owner.language;
  TRY_ASSIGN(const std::vector<BriefPoint> points, points_of({}, language, {}));
  TRY(store_.set_setting("last_briefing", day));
  if (points.empty()) return {};
  size_t decide = 0, today = 0, more = 0;
  for (const BriefPoint& point : points) {
    if (point.kind == "day") {
      today += point.items.size();
    } else {
      ++(point.card ? decide : more);
    }
  }
  std::string text;
  const auto add = [&](const char* code, size_t count) {
    if (count == 0) return;
    text += (text.empty() ? "" : ", ") +
            base::message(code, {{"count", std::to_string(count)}}, language);
  };
  add("brief.notice.decide", decide);
  add("brief.notice.today", today);
  add("brief.notice.more", more);
  Notice notice;
  notice.title = base::message("brief.notice.title", language);
  notice.text = text;
  notice.language = language;
  for (const BriefPoint& point : points) notice.more += "• " + point.text + "\n";
  if (!tell(notice)) {
    TRY(store_.set_setting("last_briefing", last));
    briefing_tried_ = world.now;
    const Microseconds again = world.now + briefing_pause;
    next_review_ = std::min(next_review_.value_or(again), again);
  }
  return {};
}

void Desk::plan_review() {
  if (!options_.watch) return;
  const std::lock_guard plan(plan_mutex_);
  std::optional<Microseconds> next = planned_;
  if (const auto open = store_.assistant().cards(store::AssistantStore::Which::open)) {
    for (const Card& card : *open) {
      if (card.state == CardState::snoozed && card.until) {
        next = std::min(next.value_or(*card.until), *card.until);
      }
    }
  }
  watcher_->look_at(next);
}

Result<std::vector<BriefPoint>> Desk::brief(std::optional<Microseconds> since,
                                            base::Language language, std::stop_token stop) {
  TRY(settle(stop));
  return points_of(since, language, stop);
}

Result<std::vector<BriefPoint>> Desk::points_of(std::optional<Microseconds> since,
                                                base::Language language, std::stop_token stop) {
  const Microseconds now = base::Clock::now();
  store::AssistantStore& store = store_.assistant();
  TRY_ASSIGN(const Owner owner, owner_of(store_));
  Mailbox mailbox;
  mailbox.owner = owner;
  mailbox.owner.language = language;
  mailbox.now = now;
  std::vector<Verdict> verdicts;
  std::map<std::string, Id> by_message;
  std::map<Id, std::pair<std::string, domain::Origin>> places;  // thread and whose words
  std::map<std::string, size_t> threads;
  TRY_ASSIGN(const auto judged, store.judged(std::min(now - brief_back, since.value_or(now))));
  for (const store::JudgedMail& one : judged) {
    if (stop.stop_requested()) return base::fail(base::ErrorKind::cancelled, "cancelled");
    // What a chat says comes by its cards.
    if (one.sent.value_or(0) > now || one.kind != domain::ItemKind::mail) continue;
    auto stored = store_.item(one.item);
    if (!stored) continue;
    Mail mail = brief_mail(*stored, one);
    mail.sent = one.sent;
    mail.thread = threads.try_emplace(one.thread, threads.size()).first->second;
    by_message[one.message_id] = one.item;
    places[one.item] = {one.thread, one.origin};
    mailbox.mails.push_back(std::move(mail));
    verdicts.push_back(verdict_from(one));
  }
  std::vector<BriefPoint> points;
  TRY_ASSIGN(const Held kept, held());
  if (kept.cards > 0) {
    points.push_back(
        {"held",
         base::message("brief.held", {{"count", std::to_string(kept.cards)}}, language),
         {},
         {},
         domain::Origin::own_data});
  }
  std::set<std::string> told;  // threads
  std::set<Id> told_items;
  TRY_ASSIGN(const auto cards, store.cards(store::AssistantStore::Which::open));
  TRY_ASSIGN(const auto all_cards, store.cards(store::AssistantStore::Which::all));
  TRY_ASSIGN(const auto rules, store.rules());
  const Decided decided(all_cards, rules, owner.zone);

  // The day ahead first: what the calendar holds until tonight, or tomorrow when it is late.
  const base::LocalTime local = base::to_local(now, owner.zone);
  const base::Date day = local.hour >= 20 ? base::add_days(local.date, 1) : local.date;
  const Microseconds day_end = base::from_local({base::add_days(day, 1), 0, 0, 0}, owner.zone);
  TRY_ASSIGN(
      const auto occurrences,
      store_.occurrences(std::max(now, base::from_local({day, 0, 0, 0}, owner.zone)), day_end));
  std::string agenda;
  BriefPoint today{"day", "", {}, {}, domain::Origin::own_data};
  for (const store::StoredOccurrence& found : occurrences) {
    const Microseconds begins = domain::begins_at(found.occurrence.start, owner.zone);
    const bool whole_day = std::holds_alternative<domain::AllDay>(found.occurrence.start);
    const base::LocalTime at = base::to_local(begins, owner.zone);
    const std::string title =
        found.occurrence.summary.empty() ? found.title : found.occurrence.summary;
    const std::string clock = fmt::format("{:02}:{:02} ", at.hour, at.minute);
    agenda += (agenda.empty() ? "" : "; ") +
              (whole_day || begins < now - base::one_day ? title : clock + title);
    today.items.push_back(found.item);
  }
  if (!agenda.empty()) {
    today.text = base::message(day == local.date ? "brief.day.today" : "brief.day.tomorrow",
                               {{"what", agenda}}, language);
    points.push_back(std::move(today));
  }

  // What the mails say, each thread once, tied to the card that acts on it.
  const auto card_of = [&](const std::vector<Id>& items) -> const Card* {
    const Card* best = nullptr;
    for (const Card& card : cards) {
      const bool about =
          std::any_of(card.evidence.begin(), card.evidence.end(), [&](const store::CardItem& item) {
            return std::find(items.begin(), items.end(), item.item) != items.end();
          });
      if (about && card.kind != "meeting" && (best == nullptr || card.urgency > best->urgency)) {
        best = &card;
      }
    }
    return best;
  };
  for (const Point& point :
       ::lar::assistant::brief(mailbox, verdicts, most_points, since, decided)) {
    BriefPoint mine{point.kind, point.text, {}, {}, domain::Origin::owner};
    for (const std::string& message : point.message_ids) {
      const auto item = by_message.find(message);
      if (item == by_message.end()) continue;
      mine.items.push_back(item->second);
      const auto& [thread, origin] = places[item->second];
      mine.origin = std::max(mine.origin, origin);
      told.insert(thread);
    }
    std::set<std::string> of_threads;
    for (const Id& item : mine.items) of_threads.insert(places[item].first);
    const bool one_thread = of_threads.size() == 1;
    if (const Card* card = card_of(mine.items); card != nullptr && one_thread) {
      mine.card = card->number;
    }
    points.push_back(std::move(mine));
  }

  // And what only the cards know: calendar, invoices, birthdays, promises.
  std::vector<BriefPoint> rest;
  for (const Card& card : cards) {
    if (card.state == CardState::snoozed || card.route == "silent") continue;
    if (card.due && *card.due > now + brief_ahead) continue;
    // The gate looks at new cards only; this one may be older than the rule.
    if (is_never(card.kind, card.person, rules)) continue;
    if (!card.thread.empty() && told.contains(card.thread) && card.kind != "meeting" &&
        card.kind != "invoice" && card.kind != "promise" && card.kind != "booking") {
      continue;
    }
    if (!card.thread.empty() && card.kind != "meeting") told.insert(card.thread);
    BriefPoint point{
        card.kind, card_text(card, language, now, owner.zone), {}, card.number, card.origin};
    for (const store::CardItem& item : card.evidence) point.items.push_back(item.item);
    rest.push_back(std::move(point));
  }
  // It fits a phone: of the least pressing there may be fewer.
  const size_t room = most_points + 4;
  for (BriefPoint& point : rest) {
    if (points.size() >= room) break;
    points.push_back(std::move(point));
  }
  return points;
}

Result<std::vector<BriefPoint>> Desk::brief_of(const base::Date& day, base::Language language,
                                               std::stop_token stop) {
  TRY(settle(stop));
  const Microseconds now = base::Clock::now();
  store::AssistantStore& store = store_.assistant();
  const std::string zone = base::Clock::zone();
  const Microseconds begins = base::from_local({day, 0, 0, 0}, zone);
  const Microseconds ends = base::from_local({base::add_days(day, 1), 0, 0, 0}, zone);
  TRY_ASSIGN(const Knowledge knowledge,
             load_knowledge(store_, std::min(now, begins) - look_back, std::max(now, ends)));
  const World world = world_at(knowledge, now);
  TRY_ASSIGN(const auto cards, store.cards(store::AssistantStore::Which::all));
  TRY_ASSIGN(const auto rules, store.rules());
  const Decided decided(cards, rules, zone);
  std::vector<BriefPoint> points;
  const std::string words = base::spell_date(day, language == base::Language::spanish);
  BriefPoint calendar{"day", "", {}, {}, domain::Origin::own_data};
  std::string agenda;
  for (const Meeting& meeting : knowledge.meetings) {
    if (meeting.starts >= ends || meeting.ends <= begins) continue;
    const base::LocalTime at = base::to_local(meeting.starts, zone);
    agenda += (agenda.empty() ? "" : "; ") +
              (meeting.all_day || meeting.starts < begins
                   ? meeting.title
                   : fmt::format("{:02}:{:02} {}", at.hour, at.minute, meeting.title));
    calendar.items.push_back(meeting.item);
  }
  if (!agenda.empty()) {
    calendar.text = base::message("brief.day.other", {{"day", words}, {"what", agenda}}, language);
    points.push_back(std::move(calendar));
  }
  std::set<Id> told;
  for (const Card& card : cards) {
    const bool open = card.state == CardState::fresh || card.state == CardState::seen;
    if (!open || !card.due || *card.due < begins || *card.due >= ends) continue;
    if (card.route == "silent" || is_never(card.kind, card.person, rules)) continue;
    BriefPoint point{card.kind, card_text(card, language, now, zone), {}, card.number, card.origin};
    for (const store::CardItem& item : card.evidence) {
      point.items.push_back(item.item);
      told.insert(item.item);
    }
    points.push_back(std::move(point));
  }
  // What nothing has been made of yet, because it is far ahead.
  for (const store::Fact& fact : world.facts) {
    if (fact.state != store::FactState::valid || !fact.moment || *fact.moment < begins ||
        *fact.moment >= ends || told.contains(fact.item)) {
      continue;
    }
    const bool takes_place = fact.kind == "appointment" || fact.kind == "booking";
    const bool due = fact.kind == "request" || fact.kind == "promise" || fact.kind == "invoice";
    const KnownMail* known = world.mail(fact.item);
    if ((!takes_place && !due) || known == nullptr) continue;
    Mail mail;
    mail.id = known->message_id;
    mail.from = known->from;
    mail.mine = known->mine;
    if (decided({takes_place ? "appointment" : "due", &mail, fact.what, fact.starts})) continue;
    told.insert(fact.item);
    const std::string time = fact.starts.size() > 10 ? fact.starts.substr(11, 5) : "";
    const std::string code = takes_place
                                 ? std::string("brief.appointment") + (time.empty() ? ".day" : "") +
                                       (fact.place.empty() ? "" : ".place")
                                 : std::string("brief.due");
    points.push_back({takes_place ? "appointment" : "due",
                      base::message(code,
                                    {{"day", words},
                                     {"time", time},
                                     {"what", fact.what},
                                     {"place", fact.place},
                                     {"who", who(known->from)}},
                                    language),
                      {fact.item},
                      {},
                      known->origin});
  }
  return points;
}

Result<Replay> Desk::replay(Microseconds since, Microseconds until) {
  TRY_ASSIGN(const Knowledge knowledge,
             load_knowledge(store_, since - look_back, until + look_ahead));
  TRY_ASSIGN(const GateSettings gate_settings, settings());
  TRY_ASSIGN(const GateMemory memory, gate_memory());
  return ::lar::assistant::replay(knowledge, gate_settings, memory, since, until);
}

Result<Card> Desk::set_card(std::int64_t number, Deed deed, std::optional<Microseconds> until,
                            bool for_person) {
  store::AssistantStore& store = store_.assistant();
  TRY_ASSIGN(const Card card, store.card(number));
  const bool rule = deed == Deed::never || deed == Deed::always;
  if (rule && for_person && card.person.empty()) {
    return base::fail(base::ErrorKind::invalid_input, "card.no_person",
                      {{"number", std::to_string(number)}});
  }
  const std::string person = for_person ? card.person : "";
  switch (deed) {
    case Deed::seen:
      if (card.state == CardState::fresh) TRY(store.set_card(number, CardState::seen, {}));
      break;
    case Deed::done:
      TRY(store.set_card(number, CardState::done, {}));
      TRY(store.count_outcome(card.kind, card.person, true));
      break;
    case Deed::dismissed:
      TRY(store.set_card(number, CardState::dismissed, {}));
      TRY(store.count_outcome(card.kind, card.person, false));
      break;
    case Deed::snoozed:
      if (!until || *until <= base::Clock::now()) {
        return base::fail(base::ErrorKind::invalid_input, "card.snooze_past");
      }
      TRY(store.put_off(number, *until, {}));
      break;
    case Deed::never:
      TRY(store.set_rule({card.kind, person, false, 0, number}));
      TRY(store.set_card(number, CardState::dismissed, {}));
      break;
    case Deed::always:
      TRY(store.set_rule({card.kind, person, true, 0, number}));
      break;
    case Deed::reopened:
      TRY(reopen(card));
      break;
  }
  if (deed == Deed::snoozed) plan_review();
  return store.card(number);
}

Result<std::vector<Desk::NextEvent>> Desk::events_ahead(Microseconds from, int days) {
  const std::string zone = base::Clock::zone();
  TRY_ASSIGN(const auto occurrences, store_.occurrences(from, from + days * base::one_day));
  std::map<Id, int> times;
  for (const store::StoredOccurrence& found : occurrences) ++times[found.item];
  std::vector<NextEvent> events;
  for (const store::StoredOccurrence& found : occurrences) {
    if (std::holds_alternative<domain::AllDay>(found.occurrence.start)) continue;
    NextEvent event;
    event.item = found.item;
    event.occurrence = found.occurrence.recurrence_id;
    event.title = found.occurrence.summary.empty() ? found.title : found.occurrence.summary;
    event.starts = domain::begins_at(found.occurrence.start, zone);
    event.ends =
        found.occurrence.end ? domain::begins_at(*found.occurrence.end, zone) : event.starts;
    event.only = times[found.item] == 1;
    events.push_back(std::move(event));
  }
  return events;
}

bool Desk::takes_place(const NextEvent& event) {
  const auto stored = store_.item(event.item);
  return stored && !is_called_off(stored->item);
}

Result<std::optional<Desk::NextEvent>> Desk::next_event() {
  const Microseconds now = base::Clock::now();
  const base::Date today = base::today(base::Clock::zone());
  TRY_ASSIGN(std::vector<NextEvent> events, events_ahead(now, 1));
  for (NextEvent& event : events) {
    const bool later = base::to_local(event.starts, base::Clock::zone()).date > today;
    if (event.ends <= now || later || !takes_place(event)) continue;
    return std::optional(std::move(event));
  }
  return std::optional<NextEvent>();
}

Result<Card> Desk::put_off_until(std::int64_t number, const std::string& event, bool begins) {
  store::AssistantStore& store = store_.assistant();
  TRY(store.card(number));
  const Microseconds now = base::Clock::now();
  std::optional<NextEvent> chosen, next;
  if (event == "next") {
    TRY_ASSIGN(next, next_event());
  }
  const auto item = Id::parse(event);
  const std::string words = phrase_text(event);
  TRY_ASSIGN(std::vector<NextEvent> events, events_ahead(now - base::one_day, event_days));
  for (NextEvent& one : events) {
    const bool fits = next   ? one.item == next->item && one.occurrence == next->occurrence
                      : item ? one.item == *item
                             : phrase_text(one.title).find(words) != std::string::npos;
    if (!fits || (begins ? one.starts : one.ends) <= now || !takes_place(one)) continue;
    chosen = std::move(one);
    break;
  }
  const Microseconds until = chosen ? (begins ? chosen->starts : chosen->ends) : 0;
  if (!chosen || until <= now) {
    return base::fail(base::ErrorKind::not_found, "event.unknown", {{"text", event}});
  }
  TRY(store.put_off(number, until,
                    store::UntilEvent{chosen->item, chosen->occurrence, chosen->only, begins}));
  plan_review();
  return store.card(number);
}

Status Desk::reopen(const Card& card) {
  store::AssistantStore& store = store_.assistant();
  if (card.state == CardState::gone) {
    return base::fail(base::ErrorKind::not_found, "card.gone",
                      {{"number", std::to_string(card.number)}});
  }
  TRY_ASSIGN(const auto rules, store.rules());
  bool by_rule = false;
  for (const store::GateRule& rule : rules) {
    const bool of_card =
        rule.kind == card.kind && (rule.person.empty() || rule.person == card.person);
    if (rule.always || !of_card) continue;
    by_rule = true;
    // One that was said in the settings or on another card stays.
    if (rule.card == card.number) TRY(store.remove_rule(rule.kind, rule.person));
  }
  const bool counted = card.state == CardState::done || card.state == CardState::dismissed;
  if (counted && !by_rule) {
    TRY(store.uncount_outcome(card.kind, card.person, card.state == CardState::done));
  }
  return store.set_card(card.number, CardState::seen, {});
}

Result<store::Action> Desk::approve(const Id& action, base::Language language,
                                    std::stop_token stop) {
  TRY_ASSIGN(store::Action done, approve_action(context(language, stop), action));
  if (done.state == store::ActionState::approved) {
    TRY_ASSIGN(const auto delay, send_delay());
    if (hand_.joinable()) {
      {
        const std::lock_guard lock(hand_mutex_);
        leaving_[action] = base::steady_now() + delay.count() * base::one_second;
      }
      wake_hand();
      return done;
    }
    {
      std::unique_lock lock(hand_mutex_);
      hand_wake_.wait_for(lock, stop, delay, [] { return false; });
    }
    if (stop.stop_requested()) {
      TRY(hold_back(context(language, {}), action));
      return base::fail(base::ErrorKind::cancelled, "cancelled");
    }
    TRY_ASSIGN(done, carry_out(context(language, stop), action));
  }
  TRY(settle_card(done));
  if (done.kind == "reminder") plan_review();
  return done;
}

Status Desk::settle_card(const store::Action& done) {
  // What did not work has not happened, and may be tried again.
  if (done.state == store::ActionState::failed && done.card) return propose_again(done);
  if (done.state != store::ActionState::done || !done.card) return {};
  TRY_ASSIGN(const Card card, store_.assistant().card(*done.card));
  // A draft is not yet an answer: the card stays until one is sent.
  if (done.kind == "save_draft") {
    TRY(store_.assistant().count_outcome(card.kind, card.person, true));
    TRY(set_card(*done.card, Deed::seen, {}, false));
    return {};
  }
  // Of a plan, the rest is still to be decided.
  TRY_ASSIGN(const auto all, store_.assistant().actions(*done.card));
  const bool more =
      card.kind == "plan" && std::any_of(all.begin(), all.end(), [](const store::Action& other) {
        return other.state == store::ActionState::proposed ||
               other.state == store::ActionState::approved;
      });
  if (more || card.state == CardState::done) return {};
  TRY(set_card(*done.card, Deed::done, {}, false));
  return {};
}

Status Desk::propose_again(const store::Action& action) {
  store::Action again = action;
  again.id = Id();
  again.position = 0;
  again.state = store::ActionState::proposed;
  again.result.clear();
  again.undo.clear();
  TRY(store_.assistant().add_action(again));
  return {};
}

Result<store::Action> Desk::reject(const Id& action, base::Language language) {
  TRY_ASSIGN(store::Action done, reject_action(context(language, {}), action));
  if (done.card) {
    TRY_ASSIGN(const auto all, store_.assistant().actions(*done.card));
    const bool any_left = std::any_of(all.begin(), all.end(), [](const store::Action& other) {
      return other.state == store::ActionState::proposed;
    });
    if (!any_left) TRY(set_card(*done.card, Deed::dismissed, {}, false));
  }
  return done;
}

Result<store::Action> Desk::undo(const Id& action, base::Language language) {
  TRY_ASSIGN(const store::Action before, store_.assistant().action(action));
  TRY_ASSIGN(store::Action undone, undo_action(context(language, {}), action));
  {
    const std::lock_guard lock(hand_mutex_);
    leaving_.erase(action);
  }
  if (undone.card) {
    TRY_ASSIGN(const Card card, store_.assistant().card(*undone.card));
    // What settle_card() counted; what has not left yet, or is one part of an open plan, it had
    // not.
    const bool counted = before.state == store::ActionState::done &&
                         (card.state == CardState::done || before.kind == "save_draft");
    if (counted) TRY(store_.assistant().uncount_outcome(card.kind, card.person, true));
    // The matter is open again, and so is what can be done about it.
    TRY(store_.assistant().set_card(*undone.card, CardState::seen, {}));
    TRY(propose_again(undone));
  }
  return undone;
}

void Desk::leave_out_impossible(std::vector<Card>& cards) {
  bool mailbox = false, sends = false;
  if (const auto sources = store_.sources()) {
    for (const store::Source& source : *sources) {
      mailbox = mailbox || source.kind == "imap";
      sends = sends || sources::submission_of(source).has_value();
    }
  }
  for (Card& card : cards) {
    std::erase_if(card.actions, [&](const store::ProposedAction& action) {
      return (action.kind == "send_mail" && (!sends || !options_.send)) ||
             (action.kind == "move_mail" && (!mailbox || !options_.apply));
    });
  }
}

// ---- what is done without asking again ----

Result<StandingRule> Desk::approve_always(const Id& action, ForWhom whom) {
  const std::lock_guard lock(rules_mutex_);
  TRY_ASSIGN(const store::Action about, store_.assistant().action(action));
  if (!about.card) return base::fail(base::ErrorKind::unsupported, "standing.no_card");
  TRY_ASSIGN(const Card card, store_.assistant().card(*about.card));
  return add_standing_rule(store_, card, about.kind, whom);
}

Result<std::vector<StandingRule>> Desk::standing() {
  const std::lock_guard lock(rules_mutex_);
  return standing_rules(store_);
}

Status Desk::revoke(std::int64_t rule) {
  const std::lock_guard lock(rules_mutex_);
  return remove_standing_rule(store_, rule);
}

Result<std::chrono::seconds> Desk::send_delay() {
  TRY_ASSIGN(const std::string text, store_.setting("send_delay"));
  return text.empty() ? standard_send_delay : std::chrono::seconds(std::atoi(text.c_str()));
}

Status Desk::set_send_delay(std::chrono::seconds delay) {
  return store_.set_setting("send_delay", std::to_string(delay.count()));
}

std::optional<std::chrono::seconds> Desk::leaves_in(const Id& action) {
  const std::lock_guard lock(hand_mutex_);
  const auto found = leaving_.find(action);
  if (found == leaving_.end()) return std::nullopt;
  const Microseconds left = std::max<Microseconds>(0, found->second - base::steady_now());
  return std::chrono::seconds((left + base::one_second - 1) / base::one_second);
}

void Desk::wake_hand() {
  {
    const std::lock_guard lock(hand_mutex_);
    hand_wanted_ = true;
  }
  hand_wake_.notify_all();
}

void Desk::work(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(hand_mutex_);
      std::chrono::microseconds pause = longest_pause;
      for (const auto& [action, when] : leaving_) {
        pause = std::min(
            pause, std::chrono::microseconds(std::max<Microseconds>(0, when - base::steady_now())));
      }
      hand_wake_.wait_for(lock, stop, pause, [&] { return hand_wanted_; });
      hand_wanted_ = false;
    }
    if (stop.stop_requested()) return;
    send_due(stop);
    send_notices(stop);
    follow_rules(stop);
    const auto settled = look_again(context(base::environment_language(), stop));
    if (settled && *settled > 0 && options_.changed) options_.changed();
  }
}

void Desk::send_due(std::stop_token stop) {
  for (;;) {
    std::optional<Id> next;
    {
      const std::lock_guard lock(hand_mutex_);
      for (const auto& [action, when] : leaving_) {
        if (when <= base::steady_now()) next = action;
      }
      if (next) leaving_.erase(*next);
    }
    if (!next || stop.stop_requested()) return;
    // Taken back meanwhile, or done by somebody else: another state, and nothing to do here.
    const auto done = carry_out(context(base::environment_language(), stop), *next);
    if (done) (void)settle_card(*done);
    if (options_.changed) options_.changed();
  }
}

void Desk::send_notices(std::stop_token stop) {
  const auto actions = store_.assistant().actions({});
  if (!actions) return;
  // What came first leaves first.
  for (auto action = actions->rbegin(); action != actions->rend(); ++action) {
    if (action->kind != self_mail_action || action->state != store::ActionState::proposed) continue;
    if (stop.stop_requested()) return;
    const auto account = self_mail(store_);
    const auto with = context(base::environment_language(), stop);
    if (!account || !*account || action->made < base::Clock::now() - oldest_notice) {
      (void)reject_action(with, action->id);
      continue;
    }
    const auto done = approve_action(with, action->id, {.setting = "mail_to_self"});
    if (done && done->state != store::ActionState::failed) continue;
    if (!done) (void)reject_action(with, action->id);
    (void)notice_failed(*action);
  }
}

// It has not left: the gate decides anew, for what was worth it then may be over.
Status Desk::notice_failed(const store::Action& notice) {
  const json content = json::parse(notice.content, nullptr, false);
  if (!content.is_object() || content.value("told", false)) return {};
  if (content.contains("card")) {
    TRY(store_.assistant().not_told(content["card"].get<std::int64_t>()));
  } else {
    const std::lock_guard lock(review_mutex_);
    TRY(store_.set_setting("last_briefing", ""));
    briefing_tried_ = base::Clock::now();
  }
  watcher_->wake();
  return {};
}

void Desk::follow_rules(std::stop_token stop) {
  const auto rules = standing();
  if (!rules || rules->empty()) return;
  const auto cards = store_.assistant().cards(store::AssistantStore::Which::open);
  if (!cards) return;
  for (const Card& card : *cards) {
    if (stop.stop_requested()) return;
    if (card.state == CardState::snoozed) continue;
    const auto actions = store_.assistant().actions(card.number);
    if (!actions) continue;
    for (const store::Action& action : *actions) {
      const StandingRule* rule = rule_for(*rules, card, action);
      if (rule == nullptr || !may_act_alone(store_, reading_, card, action, stop)) continue;
      const auto with = context(base::environment_language(), stop);
      if (!note_rule(store_, action, *rule)) continue;
      const auto done = approve_action(with, action.id, {rule->number});
      if (!done) continue;
      if (done->state == store::ActionState::approved) {
        const auto delay = send_delay();
        const std::lock_guard lock(hand_mutex_);
        leaving_[action.id] =
            base::steady_now() +
            (delay ? delay->count() : standard_send_delay.count()) * base::one_second;
      } else {
        (void)settle_card(*done);
      }
      if (options_.changed) options_.changed();
    }
  }
}

}  // namespace lar::assistant
