// The watching thread. What the judgement wants to know of a mailbox as a whole (who has written to
// whom, how often) comes from counts in the store: a handful of mails without text stand for each
// correspondent, so that a home of 100,000 mails costs no more memory than its address book.
#include "assistant/watcher.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "assistant/assistant.h"
#include "assistant/chats.h"
#include "assistant/facts.h"
#include "assistant/invitations.h"
#include "assistant/own_caller.h"
#include "assistant/self_mail.h"
#include "base/messages.h"

namespace lar::assistant {
namespace {

using base::Id;
using base::Microseconds;
using base::Result;
using base::Status;

constexpr int history_mails = 500;  // judged with one look at the history
constexpr Microseconds history_age = 600 * base::one_second;
constexpr Microseconds telling_pause = 3 * base::one_second;  // between two calls of `judged`
constexpr int known_received = 5;  // more of one sender tell nothing further
constexpr int known_written = 3;
constexpr size_t thread_mails = 40;  // of the thread, that one mail is judged with
constexpr size_t inferring_mails = 300;
constexpr auto clock_step = std::chrono::minutes(5);
constexpr auto least_step = std::chrono::milliseconds(1000);
constexpr Microseconds longest_way = base::one_day;  // a mail takes no longer

// The fields that a light mail needs.
Mail light_mail(const std::string& address, const std::string& name) {
  Mail mail;
  mail.from = {domain::PersonRole::from, name, address};
  return mail;
}

}  // namespace

Microseconds came_at(const Mail& mail, Microseconds recorded) {
  const auto received = mail.mine ? std::nullopt : mail.details.received;
  Microseconds came = mail.sent.value_or(received.value_or(recorded));
  if (received && (came > *received || came < *received - longest_way)) came = *received;
  return std::min(came, recorded);
}

Result<Owner> owner_of(store::Store& store) {
  Owner owner;
  owner.zone = base::Clock::zone();
  owner.language = base::environment_language();
  TRY_ASSIGN(const std::vector<std::string> own, store.assistant().own_addresses());
  for (const std::string& address : own) owner.addresses.insert(base::lower_ascii(address));
  TRY_ASSIGN(const std::string name, store.setting("owner"));
  if (owner.addresses.empty()) {
    Mailbox newest;
    TRY_ASSIGN(const std::vector<Id> ids,
               store.assistant().newest(domain::ItemKind::mail, inferring_mails));
    for (const Id& id : ids) {
      TRY_ASSIGN(const store::StoredItem stored, store.item(id));
      newest.mails.push_back(make_mail(stored.item));
    }
    MailboxOptions options;
    options.zone = owner.zone;
    options.language = owner.language;
    complete(newest, options);
    owner = newest.owner;
  }
  const auto learn = [&](std::string_view text) {
    for (const base::Word& word : base::words(text)) {
      std::string piece = base::fold(text.substr(word.begin, word.end - word.begin));
      if (piece.size() > 2) owner.names.insert(std::move(piece));
    }
  };
  learn(name);
  for (const std::string& address : owner.addresses) {
    const std::string local = address.substr(0, address.find('@'));
    if (local.size() > 3 && local != "info" && local != "mail" && local != "hola") learn(local);
  }
  return owner;
}

Result<LoadedMail> load_mail(store::Store& store, reading::ReadingService& reading, const Id& item,
                             std::stop_token stop) {
  TRY_ASSIGN(const std::string original, store.original(item));
  TRY_ASSIGN(domain::Item read, read_mail(reading, original, base::Clock::zone(), std::move(stop)));
  Mail mail = make_mail(read);
  return LoadedMail{std::move(mail), std::move(read)};
}

// Names of what would be asked; empty: nothing.
std::string Watcher::models_bound(Models models) {
  std::string names;
  if (models == Models::no || !options_.models) return names;
  for (const engine::Role role : {engine::Role::chat, engine::Role::embed}) {
    if (role == engine::Role::chat && models == Models::embed) continue;
    const std::string model = engines_.bound_to(role);
    if (!model.empty()) names += (names.empty() ? "" : " ") + model;
  }
  return names;
}

// The mails that stand for what is known, beside those that are judged: these are counted in the
// store already and must not count twice.
Result<std::vector<Mail>> Watcher::known_mails(const std::vector<Mail>& judged) {
  std::map<std::string, int> received, written;
  for (const Mail& mail : judged) {
    if (!mail.mine) {
      ++received[mail.from.address];
      continue;
    }
    for (const auto* people : {&mail.to, &mail.cc}) {
      for (const domain::Person& person : *people) ++written[person.address];
    }
  }
  const std::string own =
      history_->owner.addresses.empty() ? "" : *history_->owner.addresses.begin();
  std::vector<Mail> result;
  for (const store::Correspondent& one : history_->people) {
    const int heard = std::min(known_received, one.received - received[one.address]);
    for (int count = 0; count < heard; ++count) {
      result.push_back(light_mail(one.address, one.name));
    }
    const int answered = std::min(known_written, one.written - written[one.address]);
    for (int count = 0; count < answered; ++count) {
      Mail mail = light_mail(own, "");
      mail.mine = true;
      mail.to.push_back({domain::PersonRole::to, one.name, one.address});
      result.push_back(std::move(mail));
    }
  }
  return result;
}

Status Watcher::save_unreadable(const Id& id, const std::string& why, const std::string& hash) {
  store::Verdict verdict;
  verdict.item = id;
  verdict.producer_version = judgement_version;
  verdict.made = base::Clock::now();
  verdict.has_read = false;
  nlohmann::json detail = {{"error", why}};
  if (!hash.empty()) detail["hash"] = hash;
  verdict.detail = detail.dump();
  return store_.assistant().save_verdict(verdict, {}, {});
}

Status Watcher::save(const Mailbox& mailbox, size_t index, const domain::Item& item, const Id& id,
                     const Verdict& verdict, const std::string& model) {
  const Mail& mail = mailbox.mails[index];
  store::Verdict stored;
  stored.item = id;
  stored.producer_version = judgement_version;
  stored.model = model;
  stored.made = base::Clock::now();
  stored.priority = name_of(verdict.priority);
  stored.suspicious = name_of(verdict.suspicious);
  stored.personal = verdict.personal;
  stored.urgency = mail.mine ? 0 : verdict.judgement.priority[0];
  stored.summary = verdict.summary;
  nlohmann::json detail = detail_of(mail, verdict);
  if (nlohmann::json invitations = invitations_json(mail, mailbox.owner); !invitations.empty()) {
    detail["invitations"] = std::move(invitations);
  }
  stored.detail = detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  TRY_ASSIGN(const store::StoredItem known, store_.item(id));
  stored.came = came_at(mail, known.recorded);
  std::vector<store::Fact> facts = find_facts(mail, item, verdict, mailbox);
  for (store::Fact& fact : facts) {
    fact.id = Id::make();
    fact.item = id;
  }
  // The whole thread is merged anew, so that it does not matter in which order mails are judged.
  TRY_ASSIGN(const auto judged, store_.assistant().judged_thread(known.thread));
  TRY_ASSIGN(auto others, store_.assistant().thread_facts(known.thread));
  std::erase_if(others, [&](const store::Fact& fact) { return fact.item == id; });
  std::vector<ThreadMail> mails;
  for (const store::JudgedMail& other : judged) {
    if (other.item != id) mails.push_back(thread_mail(other));
  }
  store::JudgedMail own;
  own.item = id;
  own.sent = stored.came;
  own.people = item.people;
  own.verdict = stored;
  mails.push_back(thread_mail(own));
  std::stable_sort(mails.begin(), mails.end(), [](const ThreadMail& one, const ThreadMail& other) {
    return one.sent < other.sent;
  });
  const size_t count = facts.size();
  facts.insert(facts.end(), others.begin(), others.end());
  merge_thread(facts, mails);
  const std::span<const store::Fact> all = facts;
  return store_.assistant().save_verdict(stored, all.first(count), all.subspan(count));
}

Status Watcher::judge_batch(std::vector<Id> ids, Models models, std::stop_token stop) {
  Mailbox mailbox;
  std::vector<Id> judged;
  std::vector<domain::Item> items;
  const Owner& owner = history_->owner;
  mailbox.owner = owner;
  mailbox.now = base::Clock::now();
  std::vector<std::string> threads;
  std::vector<Mail> counted;  // those that the history holds already
  const Microseconds recent = mailbox.now - options_.model_days * base::one_day;
  const std::string bound = models_bound(models);
  for (const Id& id : ids) {
    if (stop.stop_requested()) return base::fail(base::ErrorKind::cancelled, "cancelled");
    auto stored = store_.item(id);
    if (!stored) {
      // Removed meanwhile, or damaged: nothing may stay in the queue for ever.
      if (stored.error().kind != base::ErrorKind::not_found) {
        TRY(save_unreadable(id, stored.error().code));
      }
      continue;
    }
    // Put back by an older version; it has a turn of its own.
    if (stored->item.kind != domain::ItemKind::mail) {
      TRY(save_unreadable(id, ""));
      continue;
    }
    // What lar has told the owner must not be told again.
    if (is_self_mail(store_, stored->item.external_id)) {
      TRY(save_unreadable(id, "verdict.self_mail"));
      continue;
    }
    auto loaded = load_mail(store_, reading_, id, stop);
    if (!loaded) {
      if (stop.stop_requested()) return base::fail(base::ErrorKind::cancelled, "cancelled");
      TRY(save_unreadable(id, loaded.error().code));
      continue;
    }
    Mail& mail = loaded->mail;
    const std::string checks = base::lower_ascii(mail.header("authentication-results"));
    mail.mine = stored->item.origin == domain::Origin::owner ||
                (owner.is(mail.from.address) && checks.find("dmarc=fail") == std::string::npos &&
                 checks.find("spf=fail") == std::string::npos);
    const auto known = std::find(threads.begin(), threads.end(), stored->thread);
    mail.thread = static_cast<size_t>(known - threads.begin()) + 1;
    if (known == threads.end()) threads.push_back(stored->thread);
    if (stored->recorded <= history_->made) counted.push_back(mail);
    mailbox.mails.push_back(std::move(mail));
    items.push_back(std::move(loaded->item));
    judged.push_back(id);
    const bool slow = !bound.empty() && mailbox.mails.front().sent.value_or(0) >= recent;
    if (slow && static_cast<int>(judged.size()) >= options_.model_batch) break;
  }
  if (judged.empty()) return {};
  // The rest of their threads: who has written before.
  for (size_t thread = 0; thread < threads.size(); ++thread) {
    TRY_ASSIGN(const std::vector<Id> members, store_.thread_items(threads[thread]));
    size_t taken = 0;
    for (auto member = members.rbegin(); member != members.rend() && taken < thread_mails;
         ++member) {
      if (std::find(judged.begin(), judged.end(), *member) != judged.end()) continue;
      auto stored = store_.item(*member);
      if (!stored) continue;
      Mail other = make_mail(stored->item);
      // Counted among the correspondents.
      other.mine = stored->item.origin == domain::Origin::owner || owner.is(other.from.address);
      if (!other.mine) continue;
      other.to.clear();
      other.cc.clear();
      other.thread = thread + 1;
      mailbox.mails.push_back(std::move(other));
      ++taken;
    }
  }
  TRY_ASSIGN(std::vector<Mail> known, known_mails(counted));
  std::move(known.begin(), known.end(), std::back_inserter(mailbox.mails));

  // What has just come is for a person who may look soon.
  const bool fresh = mailbox.mails.front().sent.value_or(0) > mailbox.now - base::one_day;
  OwnCaller engines(
      engines_, {fresh ? engine::Urgency::proactive : engine::Urgency::background, "assistant"});
  TriageOptions with;
  if (!bound.empty()) {
    with.engines = &engines;
    with.chat = models == Models::yes && !engines_.bound_to(engine::Role::chat).empty();
    with.embed = !engines_.bound_to(engine::Role::embed).empty();
    with.models_since = recent;
  }
  TRY_ASSIGN(const std::vector<store::Lesson> said, store_.assistant().lessons());
  const std::string space = with.embed ? engines_.embed_space() : "";
  const Lessons lessons(lessons_from(said, space));
  with.lessons = &lessons;
  size_t index = 0;
  Status saved;
  std::optional<base::Error> trouble;
  std::vector<Verdict> verdicts;
  TRY(triage(
      mailbox, with,
      [&](const Verdict& verdict) {
        verdicts.push_back(verdict);
        return ++index < judged.size();
      },
      stop, &trouble));
  for (index = 0; index < verdicts.size(); ++index) {
    const bool asked =
        !bound.empty() && !trouble && mailbox.mails[index].sent.value_or(mailbox.now) >= recent;
    TRY(save(mailbox, index, items[index], judged[index], verdicts[index], asked ? bound : ""));
    const bool is_lesson = std::any_of(said.begin(), said.end(), [&](const store::Lesson& lesson) {
      return lesson.item == judged[index];
    });
    if (is_lesson && !verdicts[index].embedding.empty()) {
      TRY(store_.assistant().keep_lesson_vector(judged[index], verdicts[index].embedding, space));
    }
  }
  if (trouble) {
    const std::lock_guard state(mutex_);
    error_ = trouble;
  }
  return {};
}

// The conversation whose newest day has changed, with all its days of that time: a later message
// may end what an earlier day asks. False if there is none.
Result<bool> Watcher::judge_chats(std::stop_token stop) {
  store::AssistantStore& store = store_.assistant();
  const Microseconds now = base::Clock::now();
  const Microseconds since = now - options_.model_days * base::one_day;
  TRY_ASSIGN(const auto changed, store.chat_days_to_judge(judgement_version, since, 1));
  if (changed.empty()) return false;
  TRY_ASSIGN(const Owner owner, owner_of(store_));
  TRY_ASSIGN(const Judge judge, Judge::load());
  TRY_ASSIGN(const auto known,
             store.chat_days(conversation_of(changed.front().external_id), since));
  // Whatever it is, it must not be asked about for ever.
  const store::ChatDay& first = changed.front();
  if (std::none_of(known.begin(), known.end(),
                   [&](const store::ChatDay& day) { return day.item == first.item; })) {
    TRY(save_unreadable(first.item, "", first.hash));
    return true;
  }
  std::vector<store::ChatDay> days;
  std::vector<domain::Item> items;
  for (const store::ChatDay& day : known) {
    if (stop.stop_requested()) return base::fail(base::ErrorKind::cancelled, "cancelled");
    auto stored = store_.item(day.item);
    if (!stored) {
      if (stored.error().kind != base::ErrorKind::not_found) {
        TRY(save_unreadable(day.item, stored.error().code, day.hash));
      }
      continue;
    }
    days.push_back(day);
    items.push_back(std::move(stored->item));
  }
  const auto facts = facts_of_chat(items, owner, judge, now);
  for (size_t index = 0; index < days.size(); ++index) {
    const auto messages = messages_of(items[index], owner.zone);
    store::Verdict verdict;
    verdict.item = days[index].item;
    verdict.producer_version = judgement_version;
    verdict.made = now;
    verdict.priority = name_of(Priority::fyi);
    verdict.suspicious = name_of(Suspicious::none);
    verdict.personal = true;
    verdict.summary = items[index].title;
    verdict.came = now;
    if (!messages.empty()) verdict.came = std::min(now, messages.back().time);
    verdict.detail = nlohmann::json{{"hash", days[index].hash}, {"person", true}}.dump();
    std::vector<store::Fact> of_day = facts[index];
    for (store::Fact& fact : of_day) fact.item = days[index].item;
    TRY(store.save_verdict(verdict, of_day, {}));
  }
  return true;
}

Result<bool> Watcher::step(Models models, std::stop_token stop) {
  const std::lock_guard lock(step_mutex_);
  if (!looked_back_) {
    const std::string bound = models_bound(models);
    TRY(store_.assistant().judge_again(judgement_version, bound,
                                       base::Clock::now() - options_.model_days * base::one_day));
    looked_back_ = models == Models::yes;
  }
  TRY_ASSIGN(std::vector<Id> ids, store_.assistant().mails_to_judge(options_.batch));
  const bool old = history_ && (history_->mails_left <= 0 ||
                                base::steady_now() - history_->made_steady > history_age);
  if (old) history_.reset();
  if (ids.empty()) return judge_chats(stop);
  if (!history_) {
    History history;
    history.made = base::Clock::now();
    history.made_steady = base::steady_now();
    TRY_ASSIGN(history.owner, owner_of(store_));
    TRY_ASSIGN(history.people, store_.assistant().correspondents());
    history.mails_left = history_mails;
    history_ = std::move(history);
  }
  history_->mails_left -= static_cast<int>(ids.size());
  std::stop_source batch;
  const std::stop_callback outer(stop, [&] { batch.request_stop(); });
  {
    const std::lock_guard state(mutex_);
    if (has_to_step_back(models)) return true;
    batch_ = batch;
  }
  const Status done = judge_batch(std::move(ids), models, batch.get_token());
  if (!done) {
    if (has_to_step_back(models) && !stop.stop_requested()) return true;  // given up for a person
    return tl::unexpected<base::Error>(done.error());
  }
  return true;
}

Watcher::Pause::Pause(Watcher& watcher) : watcher_(watcher) {
  ++watcher_.paused_;
  const std::lock_guard lock(watcher_.mutex_);
  watcher_.batch_.request_stop();
}
Watcher::Pause::~Pause() {
  if (--watcher_.paused_ == 0) watcher_.wake();
}

void Watcher::start(std::function<void()> judged) {
  on_judged_ = std::move(judged);
  thread_ = std::jthread([this](std::stop_token stop) {
    std::chrono::milliseconds back_off{0};
    Microseconds told = 0;
    while (!stop.stop_requested()) {
      bool woken = false;
      {
        std::unique_lock lock(mutex_);
        if (back_off.count() > 0) {
          changed_.wait_for(lock, stop, back_off, [] { return false; });
        }
        do {
          next_look_changed_ = false;
          std::chrono::milliseconds step = clock_step;
          if (next_look_) {
            const std::chrono::microseconds left(*next_look_ - base::Clock::now());
            step = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(left), least_step, step);
          }
          const auto pause = std::chrono::milliseconds(
              static_cast<std::int64_t>(static_cast<double>(step.count()) / base::Clock::pace()));
          woken = changed_.wait_for(lock, stop, pause, [&] {
            return next_look_changed_ || (wanted_ && !has_to_step_back(Models::yes));
          });
          if (stop.stop_requested()) return;
          woken = woken && wanted_ && !has_to_step_back(Models::yes);
        } while (!woken && next_look_changed_);
        wanted_ = false;
      }
      bool more = woken;
      while (more && !stop.stop_requested() && !has_to_step_back(Models::yes)) {
        const auto stepped = step(Models::yes, stop);
        if (!stepped) {
          const std::lock_guard lock(mutex_);
          if (!stop.stop_requested()) error_ = stepped.error();
          back_off = std::clamp(back_off * 2, std::chrono::milliseconds(1000),
                                std::chrono::milliseconds(60'000));
          wanted_ = true;
          break;
        }
        back_off = std::chrono::milliseconds(0);
        more = *stepped;
        // A long backlog is told of now and then, what has just come at once.
        if (more && on_judged_ && base::steady_now() - told >= telling_pause) {
          on_judged_();
          told = base::steady_now();
        }
      }
      if (more) wake();  // a pause or an error ended the loop
      if (!more && !stop.stop_requested() && on_judged_) on_judged_();
    }
  });
}

void Watcher::wake() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_all();
}

void Watcher::look_at(std::optional<Microseconds> moment) {
  {
    const std::lock_guard lock(mutex_);
    if (next_look_ == moment) return;
    next_look_ = moment;
    next_look_changed_ = true;
  }
  changed_.notify_all();
}

void Watcher::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  {
    const std::lock_guard lock(mutex_);
    batch_.request_stop();
  }
  changed_.notify_all();
  thread_.join();
}

Status Watcher::finish(Models models,
                       const std::function<void(std::int64_t, std::int64_t)>& progress,
                       std::stop_token stop) {
  // What the background asks the chat model would keep the caller waiting for minutes.
  struct Ahead {
    explicit Ahead(Watcher& with) : watcher(with) {
      ++watcher.ahead_;
      const std::lock_guard lock(watcher.mutex_);
      watcher.batch_.request_stop();
    }
    Ahead(const Ahead&) = delete;
    Ahead& operator=(const Ahead&) = delete;
    ~Ahead() {
      {
        // What was judged without the chat model meanwhile comes back to the background.
        const std::lock_guard lock(watcher.step_mutex_);
        watcher.looked_back_ = false;
      }
      --watcher.ahead_;
      watcher.wake();
    }
    Watcher& watcher;
  };
  std::optional<Ahead> ahead;
  if (models != Models::yes) ahead.emplace(*this);
  TRY_ASSIGN(const std::int64_t total, store_.assistant().count_to_judge());
  while (true) {
    if (stop.stop_requested()) return base::fail(base::ErrorKind::cancelled, "cancelled");
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [&] { return paused_ == 0; });
    }
    TRY_ASSIGN(const bool more, step(models, stop));
    if (!more) return {};
    if (progress) {
      TRY_ASSIGN(const std::int64_t left, store_.assistant().count_to_judge());
      progress(std::max<std::int64_t>(0, total - left), std::max(total, left));
    }
  }
}

std::optional<base::Error> Watcher::last_error() {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace lar::assistant
