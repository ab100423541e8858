// A connection to an IMAP server that somebody is signed in on: the commands lar uses, each with
// what may come back (RFC 3501 and 9051; IDLE 2177, UIDPLUS 4315, CONDSTORE and QRESYNC 7162, MOVE
// 6851, SPECIAL-USE 6154, LIST-STATUS 5819, NOTIFY 5465, ESEARCH 4731, LITERAL+ 7888, SASL-IR
// 4959). Looking never marks: mailboxes are opened by EXAMINE and bodies fetched by BODY.PEEK.
//
// Memory is bounded by the limits of response.h and by what the callers' functions keep. A command
// ends after its deadline at the latest, whatever the server goes on to say.
//
// One thread at a time; the policy must outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "net/stream.h"
#include "sources/imap/response.h"

namespace lar::sources::imap {

// How somebody signs in.
struct Credentials {
  enum class Kind { password, token } kind = Kind::password;
  std::string user;
  std::string secret;  // password, or OAuth 2 access token
};

// What STATUS tells of a mailbox.
struct MailboxStatus {
  std::uint32_t validity = 0;
  std::uint32_t next = 0;
  std::uint64_t messages = 0;
  std::uint64_t unseen = 0;
  std::uint64_t modseq = 0;  // 0: not known
  bool operator==(const MailboxStatus&) const = default;
};

// What a mailbox is for (RFC 6154), by its attribute or else by its name.
enum class Use { ordinary, inbox, sent, drafts, trash, junk, all, archive, flagged };

struct Mailbox {
  std::string raw;   // as the server writes it
  std::string name;  // UTF-8
  Use use = Use::ordinary;
  bool selectable = true;
  std::optional<MailboxStatus> status;
};

// What EXAMINE or SELECT told.
struct Opened {
  std::uint32_t validity = 0;
  std::uint32_t next = 0;
  std::uint64_t exists = 0;
  std::uint64_t modseq = 0;             // 0: the mailbox keeps none
  std::vector<std::uint32_t> vanished;  // with QRESYNC: gone since
};

// What FETCH tells of a mail without its text.
struct Summary {
  std::uint32_t uid = 0;
  std::string flags;                  // letters as Maildir has them: D F P R S T, sorted
  std::vector<std::string> keywords;  // flags that have no letter
  std::uint64_t size = 0;
  std::int64_t received = 0;  // INTERNALDATE, Unix microseconds
  std::uint64_t modseq = 0;
  std::string message_id;  // without <>; empty if it has none
};

enum class Access { read, write };
enum class Wanted {
  flags,              // of known mails
  summary,            // size and time too
  summary_message_id  // and the Message-ID
};

class Session {
 public:
  // Connects, encrypts and signs in. Passwords and tokens go over encrypted connections or inside
  // this machine, nowhere else. Errors: those of net::Stream; imap.not_imap {host},
  // imap.no_starttls {host}, imap.password_in_clear {host}, imap.password_wrong {host, user},
  // imap.app_password {host, user}, imap.token_refused {host, user}, imap.refused {host, detail},
  // imap.no_mechanism {host}, imap.nonsense, imap.closed.
  static base::Result<std::unique_ptr<Session>> open(const net::ConnectionPolicy& policy,
                                                     const net::StreamOptions& options,
                                                     const Credentials& credentials,
                                                     std::stop_token stop);
  ~Session();  // says goodbye, waiting for nothing

  bool can(std::string_view capability) const;  // "IDLE"
  // Whether a further command may be sent: a refused one leaves the connection as it is.
  bool usable() const { return !broken_; }

  // All mailboxes; the statuses of those that may be opened, where the server gives them along.
  base::Result<std::vector<Mailbox>> list();
  base::Result<MailboxStatus> status(const Mailbox& mailbox);

  // What the server remembers of an earlier look: with QRESYNC it says what has changed since.
  struct Since {
    std::uint32_t validity = 0;
    std::uint64_t modseq = 0;
  };
  using OnSummary = std::function<base::Status(Summary&&)>;
  base::Result<Opened> open_mailbox(const Mailbox& mailbox, Access access,
                                    std::optional<Since> since = std::nullopt,
                                    const OnSummary& changed = {});
  // The opened mailbox as it is known by now; lessened by what has been expunged meanwhile.
  const Opened& opened() const { return opened_; }

  // Leaves the opened mailbox; nothing is expunged.
  base::Status close();

  // Mails of a set ("1:*", "4,7"); those changed after `modseq` where it is not 0.
  base::Status fetch(const std::string& uids, Wanted wanted, std::uint64_t modseq,
                     const OnSummary& each);
  // The UIDs of all mails, in order; only if the server's answer is whole.
  base::Result<std::vector<std::uint32_t>> search_all();
  // Pieces of mails as they are: [offset, offset + length) of each; nothing comes for those that
  // have gone.
  using OnBytes = std::function<base::Status(std::uint32_t uid, std::string&& bytes)>;
  base::Status fetch_bytes(const std::string& uids, std::uint64_t offset, std::uint64_t length,
                           const OnBytes& each);
  base::Status fetch_header(std::uint32_t uid, const OnBytes& each);

  // Waits inside IDLE until something happens in the opened mailbox (or, with NOTIFY, in any) or
  // `limit` is over. True: something happened.
  base::Result<bool> idle(std::chrono::milliseconds limit);
  // Asks to be told of all mailboxes, not only of the opened one. False: the server will not.
  base::Result<bool> notify();
  base::Status noop();

  // ---- changes; sent() tells afterwards whether the server may have carried it out ----
  // Sets these flags exactly. `unless_after`: a MODSEQ, 0 for none. False: it was changed
  // meanwhile.
  base::Result<bool> store_flags(std::uint32_t uid, const Summary& wanted,
                                 std::uint64_t unless_after);
  base::Result<std::optional<std::uint32_t>> move(std::uint32_t uid, const Mailbox& target);
  // Only where can("UIDPLUS").
  base::Status remove(std::uint32_t uid);
  struct Added {
    std::uint32_t validity = 0;
    std::uint32_t uid = 0;  // 0: the server does not tell
  };
  base::Result<Added> append(const Mailbox& mailbox, const std::string& flags,
                             const std::string& bytes);
  // The last of these commands has left, and its answer has not come.
  bool in_doubt() const { return in_doubt_; }

 private:
  struct Command;
  Session(net::StreamOptions options, std::stop_token stop)
      : options_(std::move(options)), stop_(std::move(stop)) {}

  using OnResponse = std::function<base::Status(Response&)>;
  base::Status greet();
  base::Status sign_in(const Credentials& credentials);
  base::Status authenticate(const std::string& mechanism, const std::string& initial,
                            const Credentials& credentials);
  base::Status read_capabilities();
  void take_capabilities(const std::vector<Value>& values);
  base::Result<Response> next(std::chrono::steady_clock::time_point deadline);
  // Sends and reads until the tagged answer, which is given back whatever it says.
  base::Result<Response> run(const Command& command, const OnResponse& untagged = {});
  base::Result<Response> finish(const std::string& tag, const OnResponse& untagged,
                                std::chrono::steady_clock::time_point deadline);
  // The same, where anything but OK is an error.
  base::Result<Response> must(const Command& command, const OnResponse& untagged = {});
  void notice(const Response& response);
  base::Status take_fetch(const Response& response, const OnSummary& each);
  tl::unexpected<base::Error> refused(const Response& response) const;
  tl::unexpected<base::Error> sign_in_error(const Response& response,
                                            const Credentials& credentials) const;
  Command mailbox_command(const std::string& verb, const std::string& raw) const;

  const net::StreamOptions options_;
  const std::stop_token stop_;
  std::unique_ptr<net::Stream> stream_;
  ResponseReader reader_;
  std::set<std::string> capabilities_;
  bool utf8_names_ = false;
  bool can_qresync_ = false;
  int next_tag_ = 1;
  Opened opened_;
  bool is_open_ = false;
  bool in_doubt_ = false;
  bool broken_ = false;
};

// "\\Seen", "\\Answered" … to letters; what has none goes to `keywords`.
void add_flag(std::string_view flag, Summary& summary);
// "FS" → "\\Flagged \\Seen".
std::string flags_text(std::string_view letters);
// What a mailbox is for by the names mail programs give in several languages.
Use use_by_name(std::string_view name);

}  // namespace lar::sources::imap
