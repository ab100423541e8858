// Sources bring the outside in: a mailbox, a folder, a calendar file. Each lives in its own folder
// with one SourceType and one line in registry.cc. They emit domain values through the Reading
// service into the store and know nothing of the flows above.
//
// Remote sources (IMAP, CalDAV) are two-way: `sync` pulls incrementally by a cursor of the source's
// own, `wait` tells when to do so, and `apply` makes a change at the server. They reach the outside
// only through guard::Egress and keep passwords only in guard::Secrets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/egress.h"
#include "guard/secrets.h"
#include "net/smtp.h"
#include "reading/reading_service.h"
#include "store/store.h"

namespace lar::sources {

struct SyncProgress {
  std::int64_t done = 0;
  std::int64_t total = 0;  // 0 while unknown
};

struct SyncReport {
  std::int64_t added = 0, changed = 0, removed = 0, unchanged = 0, failed = 0;
  // What was read with a problem or not at all: code, parameters and the external id or path.
  std::vector<std::pair<std::string, domain::Notice>> notices;  // at most most_notices

  static constexpr std::size_t most_notices = 200;
  void note(std::string about, domain::Notice notice);
};

// How remote sources get out.
struct Outside {
  guard::Egress& egress;
  guard::Secrets& secrets;
};

// What a sync works with.
struct SyncContext {
  store::Store& store;
  reading::ReadingService& reading;
  store::Source source;  // as stored, with its cursor
  std::function<void(const SyncProgress&)> progress;
  std::stop_token stop;
  const Outside* outside = nullptr;  // null: remote sources answer source.no_outside
};

// What somebody wants to add.
struct Description {
  std::string location = {};  // path or address
  std::string name = {};      // empty: the source finds one
  std::string settings = {};  // JSON object of the kind's own, or empty; never holds a secret
  std::string secret = {};    // password or token; goes into Secrets under secret_name()
  const Outside* outside = nullptr;
  std::stop_token stop = {};
};

// Name of a source's secret in guard::Secrets.
std::string secret_name(const store::Id& source);

// A change that the owner has approved, to be made at a server.
struct Change {
  enum class Kind {
    set_flags,  // flags of a placement become `flags`
    move,       // a placement goes to `folder`
    append,     // `bytes` go into `folder` with `flags` (drafts)
    put,    // `bytes` (an event, a contact) replace those of a placement, or are new in `folder`
    remove  // a placement goes (to the bin, where there is one)
  } kind = Kind::set_flags;
  std::optional<store::Placement> placement;  // what it is about; none for new things
  std::string folder;
  std::string flags;
  std::string bytes;
};
struct Applied {
  std::string folder, uid;  // where it lies now; empty where it has gone or is not known
  std::string fingerprint;  // new ETag, where the server gives one
};

// A mail that the owner has approved, to be handed to an account's submission server.
struct Outgoing {
  net::Envelope envelope;
  std::string bytes;
};
// What an account at a mail server sends with, from its settings; nothing where it cannot send.
struct Submission {
  std::string host;
  int port = 0;
  bool keeps_copy = false;  // the server puts what is sent into the sent mail by itself
};
std::optional<Submission> submission_of(const store::Source& source);

struct SourceType {
  std::string_view kind;  // "maildir"
  // Tests the location at once (remote: signs in) and gives the source to store: name, absolute
  // location, settings. Errors in plain words: source.not_a_maildir, file.missing …
  base::Result<store::Source> (*describe)(const Description& description);
  // Brings the store in line with the source, incrementally; saves its cursor as it goes, so that a
  // killed sync loses nothing and a second one touches only what changed.
  base::Result<SyncReport> (*sync)(SyncContext& context);
  // Paths to watch for changes; empty for remote ones.
  std::vector<std::string> (*watch)(const store::Source& source);
  // True for a file or folder whose changes never matter (a Maildir's tmp, node_modules): it is not
  // watched. May be null.
  bool (*unwatched)(std::string_view path);

  // ---- remote sources; null for local ones ----
  // Returns when the outside has changed or ought to be looked at again; holds a connection of its
  // own or none (an interval). Called again and again, each time followed by a sync. Errors: those
  // that may pass are tried again after a growing pause; `cancelled` ends it.
  base::Status (*wait)(SyncContext& context) = nullptr;
  // Makes the change at the server, on a connection of its own, while a sync may run. Refuses with
  // source.conflict where what it is about has changed there since it was last synced. A call that
  // failed after the server may have carried it out answers source.uncertain, never a plain error.
  base::Result<Applied> (*apply)(SyncContext& context, const Change& change) = nullptr;
  // Hands a mail over, once. An error means that nothing was sent (net/smtp.h); smtp.not_set
  // {source} where the account has no server for it. Null: cannot send.
  base::Result<net::Handover> (*send)(SyncContext& context, const Outgoing& mail) = nullptr;
};

std::span<const SourceType> registry();
const SourceType* find_source_type(std::string_view kind);

}  // namespace lar::sources
