// An IMAP account: its settings, how its server is found, and how somebody is signed in on it with
// a password or by OAuth 2 (RFC 6749, section 6: an access token for a refresh token).
//
// Stateless; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sources/imap/session.h"
#include "sources/source.h"
#include "sources/token.h"

namespace lar::sources::imap {

struct Account {
  std::string name;  // of the source, for the journal
  std::string host;  // empty: to be guessed
  int port = 0;
  net::Encryption encryption = net::Encryption::implicit;
  std::string user;
  std::vector<std::string> folders;  // chosen; empty: the usual ones, "*": all
  bool spam = false;
  std::string authorities;
  std::optional<OAuth> oauth;
  struct Submission {
    std::string host;
    int port = 0;
    net::Encryption encryption = net::Encryption::implicit;
    bool keeps_copy = false;
  };
  std::optional<Submission> smtp;  // for sending; signed in on like the mailbox
  bool sends = true;               // false: no server for sending is looked for
  std::string settings;            // all of it, as JSON
};

// Errors: imap.bad_setting {name}.
base::Result<Account> parse_account(const std::string& name, const std::string& address,
                                    const std::string& settings);

// Hosts to try for an address, the likeliest first.
std::vector<std::string> likely_hosts(const std::string& address);

// Servers to try for sending, by the host that mail is read from; none for a server on this machine
// or one named by its address.
std::vector<Account::Submission> likely_submissions(const std::string& imap_host);

// A signed-in connection with the permission it runs under.
struct Connection {
  std::unique_ptr<net::ConnectionPolicy> policy;
  std::unique_ptr<Session> session;
};

// `secret` is what guard::Secrets keeps. Where a token was renewed and `source` is given, the new
// ones are kept. Errors: those of Session::open, imap.bad_secret, imap.token_refused {host, user},
// those of net::HttpClient.
base::Result<Connection> connect(const Account& account, const Outside& outside,
                                 const std::string& secret, std::optional<store::Id> source,
                                 std::stop_token stop);
// The same for a source that is stored.
base::Result<Connection> connect(SyncContext& context, const Account& account);

// What to sign in with where mail is handed over. The policy permits that server alone.
struct Sender {
  std::unique_ptr<net::ConnectionPolicy> policy;
  net::SmtpAccount account;
};
// `smtp` is set. Errors: of the access token.
base::Result<Sender> sender_of(const Account& account, const Outside& outside,
                               const std::string& secret, std::optional<store::Id> source,
                               std::stop_token stop);

// Whether this mailbox is to be read.
bool is_chosen(const Account& account, const Mailbox& mailbox);

}  // namespace lar::sources::imap
