// Handing one mail to a submission server (RFC 6409, RFC 5321), over TLS or inside this machine.
// What can be said for certain is said: a mail was taken, or it was not; only where the connection
// is lost between the end of the mail and the server's answer does nobody know, and that has a
// result of its own, so that no mail is ever sent twice by trying again.
//
// Any thread.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "net/stream.h"

namespace lar::net {

struct SmtpAccount {
  StreamOptions server;  // port 465 with implicit TLS, 587 with STARTTLS
  enum class SignIn { none, password, token } sign_in = SignIn::password;
  std::string user;
  std::string secret;  // password, or OAuth 2 access token
};

struct Envelope {
  std::string from;             // addresses without names and <>
  std::vector<std::string> to;  // every recipient, blind ones too
};

struct Handover {
  enum class State {
    sent,     // the server has taken it
    refused,  // it has not, and says why; nobody got it
    uncertain
  } state = State::refused;
  int code = 0;                    // of the server's last answer
  std::string answer;              // its text
  std::vector<std::string> unfit;  // recipients it does not take
};

// `mail` with headers, in any line ends. One recipient that is refused refuses all: a mail that
// reached some of them only is worse than none. Errors mean that nothing was sent: those of Stream;
// smtp.not_smtp {host}, smtp.no_starttls {host}, smtp.password_in_clear {host}, smtp.password_wrong
// {host, user}, smtp.no_mechanism {host}, smtp.bad_address {address}, smtp.no_utf8 {host},
// smtp.refused {host, detail} where the server will not talk at all.
base::Result<Handover> hand_over(const ConnectionPolicy& policy, const SmtpAccount& account,
                                 const Envelope& envelope, std::string_view mail,
                                 std::stop_token stop);

// Whether the account may send there: connects, signs in and says goodbye. The same errors.
base::Status try_submission(const ConnectionPolicy& policy, const SmtpAccount& account,
                            std::stop_token stop);

}  // namespace lar::net
