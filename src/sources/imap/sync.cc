// One sync: list the mailboxes and compare what STATUS says with the cursor; look into those that
// changed (what is new, which flags, what has gone); find what only moved, by Message-ID, size and
// time of arrival, without reading it; read the rest, newest first; then, and only then, remove
// what has gone; and last save the cursor. A sync that is killed anywhere is simply done again:
// what it stored is recognised.
//
// What a server says is believed as far as it is consistent. A list of mails counts as whole if it
// has as many as the mailbox says it holds. A mailbox that is suddenly all but empty, or missing,
// is believed if it says so again ten minutes later, whichever way it says so.
//
// Runs on the thread of its source.
#include "sources/imap/sync.h"

#include <algorithm>
#include <deque>
#include <iterator>

#include "base/text.h"
#include "os/file.h"
#include "sources/imap/cursor.h"
#include "sources/pipeline.h"

namespace lar::sources::imap {

namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using Steady = std::chrono::steady_clock;

constexpr std::uint64_t piece_bytes = 1u << 20;  // fetched at once of one mail
constexpr std::uint64_t batch_bytes = 6u << 20;  // and of several
constexpr std::size_t batch_mails = 48;
constexpr std::uint64_t largest_mail = 64u << 20;  // of larger ones the header is read
constexpr std::size_t most_pending = 2'000;
constexpr std::size_t doubtful_loss = 20;
constexpr int most_rounds = 4;
constexpr std::chrono::milliseconds peek_every{1'500};

struct Folder {
  Mailbox mailbox;
  MailboxStatus status;  // before it was looked into
  const FolderState* before = nullptr;
  bool looked = false;
  bool unsure = false;       // its list was not whole
  bool told_of_gone = true;  // the server named every mail that has gone
  MailboxStatus looked_at;   // status of the last look
  std::uint32_t next = 1;    // all below have been seen by this sync
};

struct New {
  Folder* folder = nullptr;
  Summary summary;
};

std::string key_of(const std::string& folder, const std::string& uid) { return join(folder, uid); }

class Sync {
 public:
  Sync(SyncContext& context, const Account& account)
      : context_(context), account_(account), id_(context.source.id) {}

  Result<SyncReport> run() {
    cursor_ = Cursor::parse(context_.source.cursor, context_.reading);
    before_ = cursor_;
    whole_ = before_.readers != readers_signature(context_.reading);
    cursor_.readers = readers_signature(context_.reading);
    TRY_ASSIGN(connection_, connect(context_, account_));
    TRY(list());
    Pipeline pipeline(context_, report_, cursor_.skipped);
    pipeline_ = &pipeline;
    TRY(read_again());
    TRY(look_everywhere());
    TRY(settle_moves());
    TRY(read());
    TRY(pipeline.finish());
    TRY(remember_unread());
    TRY(remove());
    TRY(save());
    return std::move(report_);
  }

 private:
  Session& session() { return *connection_.session; }

  // ---- what is there ----

  Status list() {
    TRY_ASSIGN(auto mailboxes, session().list());
    // Every account has an inbox: a list without it is not one.
    const bool sound = std::any_of(mailboxes.begin(), mailboxes.end(),
                                   [](const Mailbox& one) { return one.use == Use::inbox; });
    if (!sound) {
      return base::fail(ErrorKind::corrupt, "imap.nonsense",
                        {{"detail", "no INBOX"}, {"host", account_.host}}, base::Retry::later);
    }
    for (Mailbox& mailbox : mailboxes) {
      if (mailbox.selectable) listed_.insert(mailbox.name);
      if (!is_chosen(account_, mailbox)) continue;
      Folder folder;
      if (mailbox.status) {
        folder.status = *mailbox.status;
      } else if (auto status = session().status(mailbox)) {
        folder.status = *status;
      } else if (session().usable()) {
        leave_alone(mailbox.name);
        continue;
      } else {
        return tl::unexpected(std::move(status).error());
      }
      const auto found = before_.folders.find(mailbox.name);
      folder.before = found == before_.folders.end() ? nullptr : &found->second;
      folder.mailbox = std::move(mailbox);
      folders_.push_back(std::move(folder));
    }
    return {};
  }

  // A mailbox that cannot be opened keeps what is stored of it.
  void leave_alone(const std::string& name) {
    untouched_.insert(name);
    report_.note(name, {"folder.unreadable", {{"path", name}}});
  }

  Status load_known() {
    if (known_loaded_) return {};
    TRY_ASSIGN(auto stored, context_.store.placements(id_));
    for (store::Placement& placement : stored) {
      const std::string uid = base_uid(placement.uid);
      known_[placement.folder][uid].push_back(std::move(placement));
    }
    known_loaded_ = true;
    return {};
  }

  // What older readers made is read again from the originals, without the server.
  Status read_again() {
    TRY_ASSIGN(const auto stale, outdated(context_));
    if (stale.empty()) return {};
    TRY(load_known());
    for (const auto& [folder, uid] : stale) {
      const auto found = known_[folder].find(uid);
      if (found == known_[folder].end() || found->second.empty()) continue;
      Task task = task_for(folder, found->second.front());
      task.known = found->second;
      for (store::Placement& placement : task.known) placement.fingerprint.clear();
      store::Store& store = context_.store;
      task.load = [&store, item = found->second.front().item,
                   fingerprint = found->second.front().fingerprint](
                      const Task&) -> Result<std::optional<Loaded>> {
        TRY_ASSIGN(auto bytes, store.original(item));
        return Loaded{std::move(bytes), fingerprint};
      };
      TRY(pipeline_->add(std::move(task)));
    }
    return pipeline_->finish();
  }

  // ---- looking ----

  bool has_to_be_looked_into(const Folder& folder) const {
    if (whole_ || folder.before == nullptr || !folder.before->pending.empty()) return true;
    return needs_look(folder.before, folder.status);
  }

  Status look_everywhere() {
    for (Folder& folder : folders_) {
      if (!has_to_be_looked_into(folder)) TRY(ask_the_mailbox_itself(folder));
      if (has_to_be_looked_into(folder)) TRY(look(folder));
    }
    TRY(find_missing());
    // A mail that moves while the mailboxes are looked into one after the other may be seen in none
    // of them: before anything is taken for gone, all are asked again.
    for (int round = 1; round < most_rounds && !gone_.empty(); ++round) {
      bool changed = false;
      TRY(session().close());
      for (Folder& folder : folders_) {
        if (untouched_.contains(folder.mailbox.name)) continue;
        TRY_ASSIGN(const MailboxStatus status, session().status(folder.mailbox));
        const MailboxStatus& last = folder.looked ? folder.looked_at : folder.status;
        if (status.next == last.next && status.validity == last.validity) continue;
        folder.status = status;
        TRY(look(folder));
        changed = true;
      }
      if (!changed) break;
    }
    return {};
  }

  // Servers answer STATUS from a cache that may lag behind the mailbox: what IDLE has just told of
  // would be missed. So the inbox, which it is mostly about, is opened.
  Status ask_the_mailbox_itself(Folder& folder) {
    if (folder.mailbox.use != Use::inbox || untouched_.contains(folder.mailbox.name)) return {};
    const auto opened = session().open_mailbox(folder.mailbox, Access::read);
    if (!opened && !session().usable()) return tl::unexpected(opened.error());
    if (!opened) return {};
    folder.status.validity = opened->validity;
    folder.status.messages = opened->exists;
    if (opened->next != 0) folder.status.next = opened->next;
    return {};
  }

  Status look(Folder& folder) {
    if (context_.stop.stop_requested()) return fail_cancelled();
    const std::string& name = folder.mailbox.name;
    const MailboxStatus last = folder.looked              ? folder.looked_at
                               : folder.before != nullptr ? folder.before->seen
                                                          : MailboxStatus{};
    bool incremental = last.validity != 0 && (!whole_ || folder.looked);
    std::vector<Summary> changed;
    std::optional<Session::Since> since;
    if (incremental && last.modseq > 0) since = Session::Since{last.validity, last.modseq};
    const auto opened =
        session().open_mailbox(folder.mailbox, Access::read, since, [&](Summary&& summary) {
          changed.push_back(std::move(summary));
          return Status{};
        });
    if (!opened) {
      if (!session().usable()) return tl::unexpected(opened.error());
      leave_alone(name);
      return {};
    }
    incremental = incremental && opened->validity == last.validity;
    folder.status.validity = opened->validity;
    std::vector<std::uint32_t> vanished;
    if (incremental) {
      vanished = opened->vanished;
    } else {
      changed.clear();
    }

    std::vector<Summary> fresh;
    std::optional<std::vector<std::uint32_t>> listing;
    const bool counts_changes = last.modseq > 0 && folder.status.modseq > 0;
    if (!incremental) {
      TRY(load_known());
      listing.emplace();
      const Wanted wanted = known_.empty() ? Wanted::summary : Wanted::summary_message_id;
      if (opened->exists > 0) {
        TRY(session().fetch("1:*", wanted, 0, [&](Summary&& summary) {
          listing->push_back(summary.uid);
          fresh.push_back(std::move(summary));
          return Status{};
        }));
      }
    } else {
      if (folder.status.next > last.next || opened->exists > last.messages) {
        TRY(session().fetch(std::to_string(last.next) + ":*", Wanted::summary_message_id, 0,
                            [&](Summary&& summary) {
                              // "9:*" names the last mail even where it is the eighth.
                              if (summary.uid >= last.next) fresh.push_back(std::move(summary));
                              return Status{};
                            }));
      }
      if (!folder.looked && folder.before != nullptr && !folder.before->pending.empty()) {
        TRY(session().fetch(format_numbers(folder.before->pending), Wanted::summary_message_id, 0,
                            [&](Summary&& summary) {
                              if (summary.uid < last.next) fresh.push_back(std::move(summary));
                              return Status{};
                            }));
      }
      const auto keep_changed = [&](Summary&& summary) {
        changed.push_back(std::move(summary));
        return Status{};
      };
      if (!counts_changes) {
        listing.emplace();
        if (opened->exists > 0) {
          TRY(session().fetch("1:*", Wanted::flags, 0, [&](Summary&& summary) {
            listing->push_back(summary.uid);
            return keep_changed(std::move(summary));
          }));
        }
      } else if (!session().can("QRESYNC") && opened->modseq > last.modseq) {
        TRY(session().fetch("1:*", Wanted::flags, last.modseq, keep_changed));
      }
    }
    std::erase_if(changed, [&](const Summary& one) { return one.uid >= last.next && incremental; });

    TRY(apply_flags(folder, changed));
    TRY(take_fresh(folder, std::move(fresh), incremental));
    TRY(find_gone(folder, last, incremental, std::move(vanished), std::move(listing)));
    folder.looked = true;
    folder.looked_at = folder.status;
    return {};
  }

  Status apply_flags(Folder& folder, const std::vector<Summary>& changed) {
    if (changed.empty()) return {};
    TRY(load_known());
    auto& here = known_[folder.mailbox.name];
    for (const Summary& summary : changed) {
      const auto found = here.find(uid_text(folder.status.validity, summary.uid));
      if (found != here.end()) TRY(set_flags(found->second, summary.flags));
    }
    return {};
  }

  Status set_flags(std::vector<store::Placement>& placements, const std::string& flags) {
    bool different = false;
    for (store::Placement& placement : placements) {
      if (placement.flags == flags) continue;
      placement.flags = flags;
      TRY(context_.store.update_placement(placement));
      different = true;
    }
    if (different) ++report_.changed;
    return {};
  }

  // Parts what is known already from what has to be read or found elsewhere.
  Status take_fresh(Folder& folder, std::vector<Summary> fresh, bool incremental) {
    for (Summary& summary : fresh) {
      folder.next = std::max(folder.next, summary.uid + 1);
      if (incremental && summary.message_id.empty()) TRY(load_known());
      const std::string uid = uid_text(folder.status.validity, summary.uid);
      if (known_loaded_) {
        auto& here = known_[folder.mailbox.name];
        if (const auto found = here.find(uid); found != here.end()) {
          gone_.erase({folder.mailbox.name, uid});
          TRY(set_flags(found->second, summary.flags));
          continue;
        }
      }
      if (!queued_.insert(key_of(folder.mailbox.name, uid)).second) continue;
      new_.push_back({&folder, std::move(summary)});
    }
    return {};
  }

  Status find_gone(Folder& folder, const MailboxStatus& last, bool incremental,
                   std::vector<std::uint32_t> vanished,
                   std::optional<std::vector<std::uint32_t>> listing) {
    const std::uint64_t exists = session().opened().exists;
    const std::string& name = folder.mailbox.name;
    const std::uint32_t validity = folder.status.validity;
    if (listing) {
      std::sort(listing->begin(), listing->end());
      listing->erase(std::unique(listing->begin(), listing->end()), listing->end());
    }
    if (incremental && !listing) {
      // Nothing went if there are as many as before and the new ones.
      std::uint64_t arrived = 0;
      for (const New& one : new_) {
        if (one.folder == &folder && one.summary.uid >= last.next) ++arrived;
      }
      if (vanished.empty() && last.messages + arrived == exists) return {};
      TRY(load_known());
      auto& here = known_[name];
      std::size_t left = 0;
      for (const auto& [uid, placements] : here) {
        const auto mail = parse_uid(uid);
        const bool has_gone = mail && mail->validity == validity &&
                              std::binary_search(vanished.begin(), vanished.end(), mail->uid);
        if (has_gone) {
          gone_[{name, uid}] = placements;
        } else {
          ++left;
        }
      }
      if (left + arrived == exists) return {};
      folder.told_of_gone = false;
      TRY_ASSIGN(listing, session().search_all());
    }
    if (!listing) return {};
    if (listing->size() != session().opened().exists) {
      // Something changed meanwhile, or the server contradicts itself.
      TRY_ASSIGN(listing, session().search_all());
      if (listing->size() != session().opened().exists) {
        folder.unsure = true;
        return {};
      }
    }
    folder.told_of_gone = false;
    TRY(load_known());
    for (const auto& [uid, placements] : known_[name]) {
      const auto mail = parse_uid(uid);
      const bool there = mail && mail->validity == validity &&
                         std::binary_search(listing->begin(), listing->end(), mail->uid);
      if (!there) gone_[{name, uid}] = placements;
    }
    return {};
  }

  // Mailboxes that were there once.
  Status find_missing() {
    std::set<std::string> chosen;
    for (const Folder& folder : folders_) chosen.insert(folder.mailbox.name);
    bool any = false;
    for (const auto& [name, state] : before_.folders) {
      any = any || (!chosen.contains(name) && !untouched_.contains(name) &&
                    (listed_.contains(name) || needs_look_at_missing(state)));
    }
    if (!any && !known_loaded_) return {};
    TRY(load_known());
    for (const auto& [name, mails] : known_) {
      if (chosen.contains(name) || untouched_.contains(name)) continue;
      for (const auto& [uid, placements] : mails) gone_[{name, uid}] = placements;
    }
    return {};
  }

  // ---- moves and copies ----

  // What has gone and what is new may be one mail: then its item stays and its place changes.
  Status settle_moves() {
    using Look = std::pair<std::uint64_t, base::Microseconds>;
    std::multimap<Look, PlacementKey> leaving;
    for (const auto& [key, placements] : gone_) {
      leaving.emplace(Look(placements.front().size, placements.front().modified), key);
    }
    std::vector<New> unknown;
    for (New& one : new_) {
      if (context_.stop.stop_requested()) return fail_cancelled();
      TRY_ASSIGN(const bool settled, settle(one, leaving));
      if (!settled) unknown.push_back(std::move(one));
    }
    new_ = std::move(unknown);
    return {};
  }

  template <typename Leaving>
  Result<bool> settle(New& one, Leaving& leaving) {
    const Summary& summary = one.summary;
    if (summary.message_id.empty() && leaving.empty()) return false;
    store::Placement target;
    target.source = id_;
    target.folder = one.folder->mailbox.name;
    target.uid = uid_text(one.folder->status.validity, summary.uid);
    target.flags = summary.flags;
    target.size = summary.size;
    target.modified = summary.received;
    const auto range = leaving.equal_range({summary.size, summary.received});
    for (auto it = range.first; it != range.second; ++it) {
      const PlacementKey key = it->second;
      const auto gone = gone_.find(key);
      if (gone == gone_.end()) continue;
      TRY_ASSIGN(const bool same, is_same_mail(gone->second.front(), summary, target.uid));
      if (!same) continue;
      for (const store::Placement& old : gone->second) {
        store::Placement moved = target;
        moved.uid += old.uid.substr(base_uid(old.uid).size());
        moved.fingerprint = old.fingerprint;
        TRY(context_.store.move_placement(old, moved));
      }
      known_[key.first].erase(key.second);
      gone_.erase(gone);
      leaving.erase(it);
      ++report_.changed;
      return true;
    }
    if (summary.message_id.empty()) return false;
    TRY_ASSIGN(const auto item, context_.store.find_item(summary.message_id));
    if (!item) return false;
    TRY_ASSIGN(const store::StoredItem stored, context_.store.item(*item));
    for (const store::Placement& placement : stored.placements) {
      if (placement.source != id_) continue;
      if (placement.folder == target.folder && placement.uid == target.uid) {
        std::vector<store::Placement> own{placement};
        TRY(set_flags(own, summary.flags));
        return true;
      }
    }
    for (const store::Placement& placement : stored.placements) {
      if (placement.source != id_ || placement.size != summary.size ||
          placement.modified != summary.received || placement.fingerprint.empty()) {
        continue;
      }
      target.item = placement.item;
      target.fingerprint = placement.fingerprint;
      TRY(place(context_.store, target));
      ++report_.changed;
      return true;
    }
    return false;
  }

  Result<bool> is_same_mail(const store::Placement& gone, const Summary& summary,
                            const std::string& uid) {
    if (gone.fingerprint.empty()) return false;
    // A renamed mailbox keeps its UIDVALIDITY and UIDs.
    if (summary.message_id.empty()) return base_uid(gone.uid) == uid;
    TRY_ASSIGN(const store::StoredItem stored, context_.store.item(gone.item));
    return stored.item.external_id == summary.message_id;
  }

  // ---- reading ----

  Task task_for(const std::string& folder, const store::Placement& placement) {
    Task task;
    task.name = "mail.eml";
    task.media_type = "message/rfc822";
    task.key = key_of(folder, base_uid(placement.uid));
    task.relative_path = task.key;
    task.modified = placement.modified;
    task.keep = Keep::original;
    task.placement = placement;
    task.placement.uid = base_uid(placement.uid);
    return task;
  }

  Task task_for(const New& one) {
    store::Placement placement;
    placement.source = id_;
    placement.folder = one.folder->mailbox.name;
    placement.uid = uid_text(one.folder->status.validity, one.summary.uid);
    placement.flags = one.summary.flags;
    placement.size = one.summary.size;
    placement.modified = one.summary.received;
    return task_for(placement.folder, placement);
  }

  Status read() {
    std::uint64_t all = 0;
    for (const Folder& folder : folders_) all += folder.status.messages;
    std::erase_if(new_, [&](const New& one) {
      const Task task = task_for(one);
      const auto* entry = cursor_.skipped.find(task.key, {one.summary.size, one.summary.received});
      if (entry == nullptr) return false;
      if (!entry->code.empty()) {
        ++report_.failed;
        report_.note(task.key, {entry->code, entry->parameters});
      }
      return true;
    });
    const std::int64_t unread = static_cast<std::int64_t>(new_.size());
    pipeline_->expect(std::max<std::int64_t>(static_cast<std::int64_t>(all), unread));
    pipeline_->pass(std::max<std::int64_t>(
        0, static_cast<std::int64_t>(all) - unread - report_.changed - report_.failed));
    std::deque<New> waiting(std::make_move_iterator(new_.begin()),
                            std::make_move_iterator(new_.end()));
    new_.clear();
    newest_first(waiting);
    auto peeked = Steady::now();
    while (!waiting.empty()) {
      if (context_.stop.stop_requested()) {
        TRY(pipeline_->finish());
        return fail_cancelled();
      }
      TRY(read_batch(waiting));
      // The first sync of a large mailbox takes long; what comes meanwhile goes before what is old.
      if (!waiting.empty() && Steady::now() - peeked >= peek_every) {
        TRY(look_for_newer(waiting));
        peeked = Steady::now();
      }
    }
    return {};
  }

  static void newest_first(std::deque<New>& waiting) {
    std::stable_sort(waiting.begin(), waiting.end(), [](const New& a, const New& b) {
      return a.summary.received > b.summary.received;
    });
  }

  Status read_batch(std::deque<New>& waiting) {
    std::vector<New> batch;
    std::uint64_t bytes = 0;
    while (!waiting.empty() && batch.size() < batch_mails) {
      const std::uint64_t size = std::min(waiting.front().summary.size, piece_bytes);
      if (!batch.empty() && bytes + size > batch_bytes) break;
      bytes += size;
      batch.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    // One command for each mailbox; which comes first matters little within a batch.
    std::stable_sort(batch.begin(), batch.end(),
                     [](const New& a, const New& b) { return a.folder < b.folder; });
    for (std::size_t begin = 0; begin < batch.size();) {
      std::size_t end = begin;
      while (end < batch.size() && batch[end].folder == batch[begin].folder) ++end;
      TRY(read_of_one(*batch[begin].folder, std::span(batch).subspan(begin, end - begin)));
      begin = end;
    }
    return {};
  }

  Status open_for_reading(Folder& folder) {
    if (open_ == &folder) return {};
    open_ = nullptr;
    TRY_ASSIGN(const Opened opened, session().open_mailbox(folder.mailbox, Access::read));
    if (opened.validity != folder.status.validity) {
      // Its UIDs mean other mails by now.
      return base::fail(ErrorKind::busy, "imap.changed", {{"host", account_.host}},
                        base::Retry::later);
    }
    open_ = &folder;
    return {};
  }

  Status read_of_one(Folder& folder, std::span<New> batch) {
    TRY(open_for_reading(folder));
    std::map<std::uint32_t, std::string> texts;
    std::vector<std::uint32_t> uids;
    for (const New& one : batch) {
      if (one.summary.size <= largest_mail) uids.push_back(one.summary.uid);
    }
    std::sort(uids.begin(), uids.end());
    if (!uids.empty()) {
      TRY(session().fetch_bytes(format_numbers(uids), 0, piece_bytes,
                                [&](std::uint32_t uid, std::string&& text) {
                                  if (std::binary_search(uids.begin(), uids.end(), uid))
                                    texts[uid] = std::move(text);
                                  return Status{};
                                }));
    }
    for (New& one : batch) {
      const std::uint32_t uid = one.summary.uid;
      auto found = texts.find(uid);
      std::optional<std::string> text;
      if (found != texts.end()) {
        text = std::move(found->second);
        texts.erase(found);
        TRY(read_on(uid, *text));
      }
      if (one.summary.size > largest_mail || (text && text->size() > largest_mail)) {
        text.reset();
        TRY(session().fetch_header(uid, [&](std::uint32_t of, std::string&& header) {
          if (of == uid) text = std::move(header);
          return Status{};
        }));
        report_.note(key_of(folder.mailbox.name, std::to_string(uid)),
                     {"imap.too_large", {{"megabytes", std::to_string(one.summary.size >> 20)}}});
      }
      if (!text || text->empty()) {
        // Gone meanwhile, or the server does not give it out.
        Task task = task_for(one);
        cursor_.skipped.add(task.key, {{one.summary.size, one.summary.received},
                                       "imap.no_text",
                                       {{"host", account_.host}},
                                       false});
        unread_.push_back({&folder, uid});
        pipeline_->advance(1);
        continue;
      }
      TRY(hand_over(one, std::move(*text)));
    }
    return {};
  }

  // The pieces after the first.
  Status read_on(std::uint32_t uid, std::string& text) {
    std::uint64_t offset = text.size();
    while (offset > 0 && offset % piece_bytes == 0 && offset <= largest_mail) {
      if (context_.stop.stop_requested()) return fail_cancelled();
      TRY(session().fetch_bytes(std::to_string(uid), offset, piece_bytes,
                                [&](std::uint32_t of, std::string&& more) {
                                  if (of == uid) text += more;
                                  return Status{};
                                }));
      if (text.size() == offset) break;
      offset = text.size();
    }
    return {};
  }

  Status hand_over(const New& one, std::string text) {
    Task task = task_for(one);
    auto bytes = std::make_shared<std::string>(std::move(text));
    task.load = [bytes](const Task&) -> Result<std::optional<Loaded>> {
      Loaded loaded;
      loaded.fingerprint = os::sha256(*bytes);
      loaded.bytes = std::move(*bytes);
      return loaded;
    };
    handed_over_.push_back({one.folder, one.summary.uid});
    return pipeline_->add(std::move(task));
  }

  Status look_for_newer(std::deque<New>& waiting) {
    for (Folder& folder : folders_) {
      if (folder.mailbox.use != Use::inbox || untouched_.contains(folder.mailbox.name)) continue;
      if (open_ == &folder) TRY(session().noop());
      TRY_ASSIGN(const MailboxStatus status, session().status(folder.mailbox));
      const std::uint32_t next = std::max(folder.next, folder.status.next);
      if (status.next <= next || status.validity != folder.status.validity) continue;
      TRY(open_for_reading(folder));
      std::vector<Summary> fresh;
      TRY(session().fetch(std::to_string(next) + ":*", Wanted::summary_message_id, 0,
                          [&](Summary&& summary) {
                            if (summary.uid >= next) fresh.push_back(std::move(summary));
                            return Status{};
                          }));
      TRY(take_fresh(folder, std::move(fresh), true));
      for (New& one : new_) waiting.push_front(std::move(one));
      new_.clear();
      newest_first(waiting);
    }
    return {};
  }

  // ---- the end ----

  // What was to be read and is not in the store will be tried again.
  Status remember_unread() {
    if (unread_.empty() && report_.failed == 0) return {};
    std::set<PlacementKey> stored;
    TRY_ASSIGN(const auto placements, context_.store.placements(id_));
    for (const store::Placement& placement : placements) {
      stored.emplace(placement.folder, base_uid(placement.uid));
    }
    auto all = std::move(unread_);
    all.insert(all.end(), handed_over_.begin(), handed_over_.end());
    for (const auto& [folder, uid] : all) {
      const std::string text = uid_text(folder->status.validity, uid);
      auto& pending = pending_[folder->mailbox.name];
      if (!stored.contains({folder->mailbox.name, text}) && pending.size() < most_pending) {
        pending.push_back(uid);
      }
    }
    return {};
  }

  Status remove() {
    std::map<std::string, std::vector<store::Placement>> leaving;
    std::map<std::string, std::size_t> mails;
    for (const auto& [key, placements] : gone_) {
      auto& list = leaving[key.first];
      list.insert(list.end(), placements.begin(), placements.end());
      ++mails[key.first];
    }
    for (auto& [name, placements] : leaving) {
      const auto folder = std::find_if(folders_.begin(), folders_.end(),
                                       [&](const Folder& one) { return one.mailbox.name == name; });
      const bool missing = folder == folders_.end();
      if (!missing && folder->unsure) continue;
      const std::size_t all = known_[name].size();
      const std::size_t gone = mails[name];
      // Where the server lists it and it is not to be read any longer, the owner has said so.
      const bool unwanted = missing && listed_.contains(name);
      const bool named = !missing && folder->told_of_gone;
      // A server that names every mail it says has gone (VANISHED) is believed sooner, but a broken
      // one names them all: not where most of a mailbox would go.
      const bool much =
          named ? all >= doubtful_loss && gone * 2 > all
                : (gone == all && gone > 1) || (gone >= doubtful_loss && gone * 2 > all);
      if (much && !unwanted && !is_believed(name, missing ? nullptr : &*folder)) continue;
      TRY_ASSIGN(const std::int64_t removed, context_.store.forget(placements));
      report_.removed += removed;
    }
    return {};
  }

  // Whether the mailbox has been saying so for long enough; notes since when otherwise.
  bool is_believed(const std::string& name, const Folder* folder) {
    const base::Microseconds now = base::Clock::now();
    const auto before = before_.folders.find(name);
    const bool doubted = before != before_.folders.end() && before->second.doubt.has_value() &&
                         before->second.doubt->whole;
    const base::Microseconds since = doubted ? before->second.doubt->since : now;
    if (doubted && now - since >= doubt_lasts) return true;
    doubts_[name] = {since, folder == nullptr ? MailboxStatus{} : folder->looked_at};
    report_.note(name, {"imap.doubtful", {{"folder", name}}});
    return false;
  }

  Status save() {
    for (const Folder& folder : folders_) {
      const std::string& name = folder.mailbox.name;
      if (untouched_.contains(name) || folder.unsure) {
        // Not looked into again before something changes or some time has passed.
        FolderState state = folder.before != nullptr ? *folder.before : FolderState{};
        state.doubt = FolderState::Doubt{base::Clock::now(), folder.status, false};
        cursor_.folders[name] = std::move(state);
        continue;
      }
      if (!folder.looked) continue;
      FolderState state;
      state.seen = folder.looked_at;
      state.compared = base::Clock::now();
      const auto pending = pending_.find(name);
      if (pending != pending_.end()) {
        state.pending = pending->second;
        std::sort(state.pending.begin(), state.pending.end());
      }
      if (const auto doubt = doubts_.find(name); doubt != doubts_.end()) {
        if (folder.before != nullptr) state.seen = folder.before->seen;
        state.doubt = doubt->second;
      }
      cursor_.folders[name] = std::move(state);
    }
    for (auto it = cursor_.folders.begin(); it != cursor_.folders.end();) {
      const std::string& name = it->first;
      const bool there = untouched_.contains(name) ||
                         std::any_of(folders_.begin(), folders_.end(),
                                     [&](const Folder& one) { return one.mailbox.name == name; });
      const auto doubt = doubts_.find(name);
      if (!there && doubt != doubts_.end()) it->second.doubt = doubt->second;
      const bool waits = !there && it->second.doubt && known_.contains(name) &&
                         !known_[name].empty() && doubts_.contains(name);
      const bool unasked = !there && !known_loaded_;
      it = there || waits || unasked ? std::next(it) : cursor_.folders.erase(it);
    }
    return context_.store.save_sync(id_, cursor_.text(), "");
  }

  SyncContext& context_;
  const Account& account_;
  const store::Id id_;
  SyncReport report_;
  Cursor before_;
  Cursor cursor_;
  bool whole_ = false;  // other readers than before: what they could not read is tried again
  Connection connection_;
  Pipeline* pipeline_ = nullptr;
  std::deque<Folder> folders_;  // chosen ones; addresses stay
  std::set<std::string> listed_;
  std::set<std::string> untouched_;
  Folder* open_ = nullptr;  // the mailbox that is open for reading

  // Placements of the source by mailbox and uid; loaded where they are needed.
  std::map<std::string, std::map<std::string, std::vector<store::Placement>>> known_;
  bool known_loaded_ = false;
  std::map<PlacementKey, std::vector<store::Placement>> gone_;
  std::vector<New> new_;
  std::set<std::string> queued_;
  std::vector<std::pair<Folder*, std::uint32_t>> handed_over_;
  std::vector<std::pair<Folder*, std::uint32_t>> unread_;
  std::map<std::string, std::vector<std::uint32_t>> pending_;
  std::map<std::string, FolderState::Doubt> doubts_;
};

}  // namespace

Result<SyncReport> synchronise(SyncContext& context, const Account& account) {
  return Sync(context, account).run();
}

}  // namespace lar::sources::imap
