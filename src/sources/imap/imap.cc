// What the sync service calls: adding an account, syncing it, waiting for its server, and carrying
// out approved changes there. Each call holds a connection of its own. Runs on the caller's thread.
#include "sources/imap/imap.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "os/file.h"
#include "sources/imap/account.h"
#include "sources/imap/cursor.h"
#include "sources/imap/sync.h"
#include "sources/pipeline.h"

namespace lar::sources::imap {

namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

// IDLE is begun anew well before the 29 minutes after which a server may hang up (RFC 2177); every
// time the mailboxes that it does not watch are asked.
constexpr milliseconds idle_round{4 * 60'000};
constexpr milliseconds poll_round{60'000};
// Another look is taken at the latest after this long, connection or not.
constexpr milliseconds longest_wait{28 * 60'000};

// ---- adding ------------------------------------------------------------------------------------

// Whether another host is worth a try after this.
bool is_nobody_there(const base::Error& error) {
  return error.code == "net.unknown_host" || error.code == "net.port_closed" ||
         error.code == "net.unreachable" || error.code == "net.timeout" ||
         error.code == "imap.not_imap" || error.code == "tls.wrong_name";
}

Result<Connection> find_server(Account& account, const Description& description) {
  const auto try_it = [&] {
    return connect(account, *description.outside, description.secret, std::nullopt,
                   description.stop);
  };
  if (!account.host.empty()) return try_it();
  const auto hosts = likely_hosts(description.location);
  std::string tried;
  for (const std::string& host : hosts) {
    account.host = host;
    auto connection = try_it();
    if (connection || !is_nobody_there(connection.error())) return connection;
    tried += (tried.empty() ? "" : ", ") + host + ":" + std::to_string(account.port);
  }
  return base::fail(ErrorKind::not_found, "imap.not_found",
                    {{"address", description.location}, {"tried", tried}});
}

json to_json(const Account::Submission& smtp) {
  json value = {{"host", smtp.host}, {"port", smtp.port}, {"tls", net::name_of(smtp.encryption)}};
  if (smtp.keeps_copy) value["keeps_copy"] = true;
  return value;
}

// Settles what the account sends with: what the owner named is tried and must work; otherwise what
// is likely is tried, and an account that finds nothing is one that is only read.
Status find_submission(Account& account, const Description& description) {
  const auto try_it = [&]() -> Status {
    TRY_ASSIGN(const Sender sender, sender_of(account, *description.outside, description.secret,
                                              std::nullopt, description.stop));
    return net::try_submission(*sender.policy, sender.account, description.stop);
  };
  if (account.smtp) return try_it();
  if (!account.sends) return {};
  for (const Account::Submission& likely : likely_submissions(account.host)) {
    account.smtp = likely;
    if (try_it()) return {};
    if (description.stop.stop_requested()) return base::fail(ErrorKind::cancelled, "cancelled");
  }
  account.smtp.reset();
  return {};
}

Result<store::Source> describe(const Description& description) {
  if (description.outside == nullptr) {
    return base::fail(ErrorKind::permission, "source.no_outside");
  }
  const std::string address(base::trim(description.location));
  const std::string name = description.name.empty() ? address : description.name;
  TRY_ASSIGN(Account account, parse_account(name, address, description.settings));
  if (account.host.empty() && address.find('@') == std::string::npos) {
    return base::fail(ErrorKind::invalid_input, "imap.bad_address", {{"address", address}});
  }
  if (description.secret.empty()) {
    return base::fail(ErrorKind::invalid_input, "imap.no_password", {{"user", account.user}});
  }
  if (!account.authorities.empty()) {
    TRY_ASSIGN(account.authorities, resolve(account.authorities));
  }
  TRY_ASSIGN(const Connection connection, find_server(account, description));
  TRY_ASSIGN(const auto mailboxes, connection.session->list());
  for (const std::string& wanted : account.folders) {
    if (wanted == "*") continue;
    const bool there = std::any_of(mailboxes.begin(), mailboxes.end(), [&](const Mailbox& one) {
      return base::fold(one.name) == base::fold(wanted);
    });
    if (!there) {
      return base::fail(ErrorKind::not_found, "imap.no_folder", {{"folder", wanted}});
    }
  }
  TRY(find_submission(account, description));
  json settings = json::parse(account.settings);
  settings["smtp"] = account.smtp ? to_json(*account.smtp) : json(false);
  settings["host"] = account.host;
  settings["port"] = account.port;
  settings["tls"] = net::name_of(account.encryption);
  settings["user"] = account.user;
  if (!account.authorities.empty()) settings["authorities"] = account.authorities;
  json own = json::array();
  for (const Mailbox& mailbox : mailboxes) {
    if (mailbox.use == Use::sent || mailbox.use == Use::drafts) own.push_back(mailbox.name);
  }
  settings["own_folders"] = std::move(own);
  store::Source source;
  source.kind = "imap";
  source.name = name;
  source.location = address;
  source.settings = settings.dump(-1, ' ', false, json::error_handler_t::replace);
  return source;
}

Result<SyncReport> sync(SyncContext& context) {
  TRY_ASSIGN(const Account account,
             parse_account(context.source.name, context.source.location, context.source.settings));
  return synchronise(context, account);
}

// ---- waiting -----------------------------------------------------------------------------------

// Whether any mailbox that is read is not as the cursor knows it.
Result<bool> differs(Session& session, const Account& account, const Cursor& cursor) {
  TRY_ASSIGN(const auto mailboxes, session.list());
  std::set<std::string> chosen;
  for (const Mailbox& mailbox : mailboxes) {
    if (!is_chosen(account, mailbox)) continue;
    chosen.insert(mailbox.name);
    std::optional<MailboxStatus> status = mailbox.status;
    if (!status) {
      auto asked = session.status(mailbox);
      if (!asked && !session.usable()) return tl::unexpected(std::move(asked).error());
      if (!asked) continue;
      status = *asked;
    }
    const auto known = cursor.folders.find(mailbox.name);
    if (needs_look(known == cursor.folders.end() ? nullptr : &known->second, *status)) return true;
  }
  return std::any_of(cursor.folders.begin(), cursor.folders.end(), [&](const auto& entry) {
    return !chosen.contains(entry.first) && needs_look_at_missing(entry.second);
  });
}

// Sleeps; false if stopped.
bool pause(milliseconds duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

Status wait(SyncContext& context) {
  TRY_ASSIGN(const Account account,
             parse_account(context.source.name, context.source.location, context.source.settings));
  const Cursor cursor = Cursor::parse(context.source.cursor, context.reading);
  TRY_ASSIGN(const Connection connection, connect(context, account));
  Session& session = *connection.session;
  const auto end = Steady::now() + longest_wait;
  if (session.can("NOTIFY")) TRY(session.notify());
  // What came between the last sync and now.
  TRY_ASSIGN(bool changed, differs(session, account, cursor));
  if (changed) return {};
  TRY_ASSIGN(const auto mailboxes, session.list());
  auto watched = std::find_if(mailboxes.begin(), mailboxes.end(), [&](const Mailbox& one) {
    return one.use == Use::inbox && is_chosen(account, one);
  });
  if (watched == mailboxes.end()) {
    watched = std::find_if(mailboxes.begin(), mailboxes.end(),
                           [&](const Mailbox& one) { return is_chosen(account, one); });
  }
  if (watched == mailboxes.end() || !session.can("IDLE")) {
    while (Steady::now() < end) {
      if (!pause(poll_round, context.stop)) return fail_cancelled();
      TRY_ASSIGN(changed, differs(session, account, cursor));
      if (changed) return {};
    }
    return {};
  }
  while (Steady::now() < end) {
    TRY_ASSIGN(const Opened opened, session.open_mailbox(*watched, Access::read));
    const auto known = cursor.folders.find(watched->name);
    if (known != cursor.folders.end()) {
      const FolderState& state = known->second;
      const MailboxStatus& seen = state.doubt ? state.doubt->told : state.seen;
      if (opened.exists != seen.messages || opened.validity != seen.validity ||
          (opened.next != 0 && opened.next != seen.next)) {
        return {};
      }
    }
    TRY_ASSIGN(changed, session.idle(idle_round));
    if (changed) return {};
    TRY(session.close());
    TRY_ASSIGN(changed, differs(session, account, cursor));
    if (changed) return {};
  }
  return {};
}

std::vector<std::string> watch(const store::Source&) { return {}; }

// ---- changes -----------------------------------------------------------------------------------

tl::unexpected<base::Error> conflict() { return base::fail(ErrorKind::busy, "source.conflict"); }

// By name, or by what it is for: "\\Drafts".
Result<Mailbox> find_mailbox(const std::vector<Mailbox>& mailboxes, const std::string& name) {
  constexpr std::pair<std::string_view, Use> uses[] = {
      {"\\Drafts", Use::drafts}, {"\\Sent", Use::sent}, {"\\Trash", Use::trash},
      {"\\Junk", Use::junk},     {"INBOX", Use::inbox}, {"\\Archive", Use::archive}};
  for (const auto& [word, use] : uses) {
    if (name != word) continue;
    for (const Mailbox& one : mailboxes) {
      if (one.use == use && one.selectable) return one;
    }
  }
  for (const Mailbox& one : mailboxes) {
    if (one.name == name && one.selectable) return one;
  }
  return base::fail(ErrorKind::not_found, "imap.no_folder", {{"folder", name}});
}

class Applying {
 public:
  Applying(Session& session, std::vector<Mailbox> mailboxes)
      : session_(session), mailboxes_(std::move(mailboxes)) {}

  Result<Applied> apply(const Change& change) {
    switch (change.kind) {
      case Change::Kind::append:
        return append(change);
      case Change::Kind::set_flags:
        return set_flags(change);
      case Change::Kind::move: {
        TRY_ASSIGN(const Mailbox target, find_mailbox(mailboxes_, change.folder));
        TRY_ASSIGN(const Summary summary, find_mail(change));
        return move(summary, target);
      }
      case Change::Kind::remove:
        return remove(change);
      case Change::Kind::put:
        break;
    }
    return base::fail(ErrorKind::unsupported, "imap.cannot");
  }

 private:
  // Opens the mailbox of what the change is about, and finds it there.
  Result<Summary> find_mail(const Change& change) {
    if (!change.placement) return conflict();
    const auto uid = parse_uid(change.placement->uid);
    if (!uid) return conflict();
    auto mailbox = find_mailbox(mailboxes_, change.placement->folder);
    if (!mailbox) return conflict();
    mailbox_ = *mailbox;
    TRY_ASSIGN(const Opened opened, session_.open_mailbox(mailbox_, Access::write));
    if (opened.validity != uid->validity) return conflict();
    std::optional<Summary> found;
    TRY(session_.fetch(std::to_string(uid->uid), Wanted::flags, 0, [&](Summary&& summary) {
      if (summary.uid == uid->uid) found = std::move(summary);
      return Status{};
    }));
    if (!found) return conflict();
    validity_ = uid->validity;
    return std::move(*found);
  }

  Result<Applied> set_flags(const Change& change) {
    TRY_ASSIGN(Summary summary, find_mail(change));
    if (summary.flags != change.placement->flags) return conflict();
    summary.flags = change.flags;
    TRY_ASSIGN(const bool stored, session_.store_flags(summary.uid, summary, summary.modseq));
    if (!stored) return conflict();
    Applied applied;
    applied.folder = mailbox_.name;
    applied.uid = uid_text(validity_, summary.uid);
    return applied;
  }

  Result<Applied> move(const Summary& summary, const Mailbox& target) {
    if (!session_.can("MOVE") && !session_.can("IMAP4REV2") && !session_.can("UIDPLUS")) {
      return base::fail(ErrorKind::unsupported, "imap.cannot");
    }
    TRY_ASSIGN(const auto arrived, session_.move(summary.uid, target));
    Applied applied;
    applied.folder = target.name;
    if (!arrived) return applied;
    // The UID alone says nothing without the UIDVALIDITY of where it lies now.
    if (const auto status = session_.status(target)) {
      applied.uid = uid_text(status->validity, *arrived);
    }
    return applied;
  }

  Result<Applied> remove(const Change& change) {
    TRY_ASSIGN(const Summary summary, find_mail(change));
    const auto bin = find_mailbox(mailboxes_, "\\Trash");
    if (bin && bin->name != mailbox_.name) return move(summary, *bin);
    if (!session_.can("UIDPLUS") && !session_.can("IMAP4REV2")) {
      return base::fail(ErrorKind::unsupported, "imap.cannot");
    }
    TRY(session_.remove(summary.uid));
    return Applied{};
  }

  Result<Applied> append(const Change& change) {
    TRY_ASSIGN(const Mailbox mailbox,
               find_mailbox(mailboxes_, change.folder.empty() ? "\\Drafts" : change.folder));
    TRY_ASSIGN(const auto added, session_.append(mailbox, change.flags, change.bytes));
    Applied applied;
    applied.folder = mailbox.name;
    if (added.uid != 0) applied.uid = uid_text(added.validity, added.uid);
    applied.fingerprint = os::sha256(change.bytes);
    return applied;
  }

  Session& session_;
  const std::vector<Mailbox> mailboxes_;
  Mailbox mailbox_;
  std::uint32_t validity_ = 0;
};

Result<Applied> apply(SyncContext& context, const Change& change) {
  TRY_ASSIGN(const Account account,
             parse_account(context.source.name, context.source.location, context.source.settings));
  TRY_ASSIGN(const Connection connection, connect(context, account));
  TRY_ASSIGN(auto mailboxes, connection.session->list());
  auto applied = Applying(*connection.session, std::move(mailboxes)).apply(change);
  if (!applied && connection.session->in_doubt()) {
    return base::fail(ErrorKind::unavailable, "source.uncertain");
  }
  return applied;
}

Result<net::Handover> send(SyncContext& context, const Outgoing& mail) {
  TRY_ASSIGN(const Account account,
             parse_account(context.source.name, context.source.location, context.source.settings));
  if (context.outside == nullptr) return base::fail(ErrorKind::permission, "source.no_outside");
  if (!account.smtp) {
    return base::fail(ErrorKind::unsupported, "smtp.not_set", {{"source", context.source.name}});
  }
  TRY_ASSIGN(const std::string secret,
             context.outside->secrets.get(secret_name(context.source.id)));
  TRY_ASSIGN(const Sender sender,
             sender_of(account, *context.outside, secret, context.source.id, context.stop));
  return net::hand_over(*sender.policy, sender.account, mail.envelope, mail.bytes, context.stop);
}

}  // namespace

SourceType source_type() {
  return {"imap", &describe, &sync, &watch, nullptr, &wait, &apply, &send};
}

}  // namespace lar::sources::imap
