// The dialogue, one command and one answer at a time; PIPELINING would save a few round trips once
// per mail and make it harder to say what was refused.
#include "net/smtp.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "os/base64.h"

namespace lar::net {

namespace {

using base::ErrorKind;
using base::fail;
using base::Result;
using base::Retry;
using base::Status;
using std::chrono::milliseconds;

constexpr milliseconds answer_limit{60'000};
constexpr milliseconds end_limit{5 * 60'000};  // after the mail: servers look at it then
constexpr std::size_t longest_line = 4096;
constexpr int most_lines = 200;

struct Answer {
  int code = 0;
  std::vector<std::string> lines;
  bool good() const { return code >= 200 && code < 300; }
  bool passing() const { return code >= 400 && code < 500; }
  std::string text() const {
    std::string all;
    for (const std::string& line : lines) all += (all.empty() ? "" : " ") + line;
    return base::clean_utf8(base::cut_utf8(all, 500));
  }
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char letter) { return static_cast<unsigned char>(letter) < 0x80; });
}

// Lines end in CR LF, and none consists of a dot alone (RFC 5321, 4.5.2).
std::string prepared(std::string_view mail) {
  std::string made;
  made.reserve(mail.size() + mail.size() / 32);
  while (!mail.empty()) {
    const auto end = mail.find('\n');
    std::string_view line = mail.substr(0, end);
    mail = end == std::string_view::npos ? std::string_view() : mail.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('.')) made += '.';
    for (const char letter : line) made += letter == '\r' ? ' ' : letter;
    made += "\r\n";
  }
  return made;
}

class Dialogue {
 public:
  Dialogue(const SmtpAccount& account, std::unique_ptr<Stream> stream, std::stop_token stop)
      : account_(account), stream_(std::move(stream)), stop_(std::move(stop)) {}

  const std::string& host() const { return account_.server.host; }

  Status greet() {
    const auto greeting = read(answer_limit);
    if (!greeting && greeting.error().code != "smtp.not_smtp") {
      return tl::unexpected(greeting.error());
    }
    if (!greeting || greeting->code != 220) {
      if (greeting && greeting->code >= 400) return refused(*greeting);
      return fail(ErrorKind::invalid_input, "smtp.not_smtp", {{"host", host()}});
    }
    TRY(hello());
    if (account_.server.encryption != Encryption::starttls) return {};
    const auto no_starttls = [&] {
      return fail(ErrorKind::permission, "smtp.no_starttls", {{"host", host()}});
    };
    if (!can_.contains("STARTTLS")) return no_starttls();
    TRY_ASSIGN(const Answer answer, say("STARTTLS"));
    // What stands behind the answer was put there in the clear.
    if (answer.code != 220 || !buffer_.empty()) return no_starttls();
    TRY(stream_->start_tls(stop_));
    return hello();
  }

  Status sign_in() {
    if (account_.sign_in == SmtpAccount::SignIn::none) return {};
    if (!stream_->encrypted() && !stream_->on_this_machine()) {
      return fail(ErrorKind::permission, "smtp.password_in_clear", {{"host", host()}});
    }
    Answer answer;
    if (account_.sign_in == SmtpAccount::SignIn::token) {
      if (!mechanisms_.contains("XOAUTH2")) return no_mechanism();
      TRY_ASSIGN(answer, say("AUTH XOAUTH2 " +
                             os::to_base64("user=" + account_.user + "\x01" + "auth=Bearer " +
                                           account_.secret + "\x01\x01")));
      if (answer.code == 334) {
        TRY_ASSIGN(answer, say(""));
      }
    } else if (mechanisms_.contains("PLAIN")) {
      TRY_ASSIGN(answer,
                 say("AUTH PLAIN " + os::to_base64(std::string(1, '\0') + account_.user +
                                                   std::string(1, '\0') + account_.secret)));
    } else if (mechanisms_.contains("LOGIN")) {
      TRY_ASSIGN(answer, say("AUTH LOGIN"));
      if (answer.code == 334) {
        TRY_ASSIGN(answer, say(os::to_base64(account_.user)));
      }
      if (answer.code == 334) {
        TRY_ASSIGN(answer, say(os::to_base64(account_.secret)));
      }
    } else {
      return no_mechanism();
    }
    if (answer.good()) return {};
    if (answer.passing()) return refused(answer);
    return fail(ErrorKind::permission, "smtp.password_wrong",
                {{"host", host()}, {"user", account_.user}});
  }

  void leave() { (void)stream_->write("QUIT\r\n", stop_); }

  Result<Handover> send(const Envelope& envelope, std::string_view mail) {
    const bool ascii_addresses = is_ascii(envelope.from) &&
                                 std::all_of(envelope.to.begin(), envelope.to.end(),
                                             [](const std::string& one) { return is_ascii(one); });
    if (!ascii_addresses && !can_.contains("SMTPUTF8")) {
      return fail(ErrorKind::unsupported, "smtp.no_utf8", {{"host", host()}});
    }
    std::string more;
    if (!ascii_addresses) more += " SMTPUTF8";
    if (!is_ascii(mail) && can_.contains("8BITMIME")) more += " BODY=8BITMIME";
    const std::string text = prepared(mail);
    if (can_.contains("SIZE")) more += " SIZE=" + std::to_string(text.size());

    Handover handover;
    const auto told = [&](const Answer& answer) {
      handover.code = answer.code;
      handover.answer = answer.text();
    };
    TRY_ASSIGN(Answer answer, say("MAIL FROM:<" + envelope.from + ">" + more));
    told(answer);
    if (!answer.good()) return handover;
    std::optional<Answer> unfit;
    for (const std::string& recipient : envelope.to) {
      TRY_ASSIGN(answer, say("RCPT TO:<" + recipient + ">"));
      if (answer.good()) continue;
      handover.unfit.push_back(recipient);
      unfit = answer;
    }
    if (unfit) {
      told(*unfit);
      (void)say("RSET");
      return handover;
    }
    TRY_ASSIGN(answer, say("DATA"));
    told(answer);
    if (answer.code != 354) return handover;
    // Until the last dot has left, a server that loses us has nothing to deliver.
    TRY(stream_->write(text, stop_));
    handover.state = Handover::State::uncertain;
    if (!stream_->write(".\r\n", stop_)) return handover;
    const auto end = read(end_limit);
    if (!end) return handover;
    told(*end);
    handover.state = end->good() ? Handover::State::sent : Handover::State::refused;
    leave();
    return handover;
  }

 private:
  tl::unexpected<base::Error> refused(const Answer& answer) const {
    return fail(ErrorKind::unavailable, "smtp.refused",
                {{"host", host()}, {"detail", answer.text()}},
                answer.passing() ? Retry::later : Retry::no);
  }
  tl::unexpected<base::Error> no_mechanism() const {
    return fail(ErrorKind::unsupported, "smtp.no_mechanism", {{"host", host()}});
  }

  Status hello() {
    can_.clear();
    mechanisms_.clear();
    TRY_ASSIGN(const Answer answer, say("EHLO [127.0.0.1]"));
    if (!answer.good()) return refused(answer);
    for (std::size_t i = 1; i < answer.lines.size(); ++i) {
      const auto words = base::split(answer.lines[i], ' ');
      std::string name(words.front());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32)
                                              : static_cast<char>(letter);
      });
      can_.insert(name);
      if (name != "AUTH") continue;
      for (std::size_t j = 1; j < words.size(); ++j) mechanisms_.emplace(words[j]);
    }
    return {};
  }

  Result<Answer> say(const std::string& line) {
    TRY(stream_->write(line + "\r\n", stop_));
    return read(answer_limit);
  }

  Result<Answer> read(milliseconds limit) {
    Answer answer;
    const auto wrong = [&] {
      return fail(ErrorKind::corrupt, "smtp.not_smtp", {{"host", host()}});
    };
    for (int count = 0; count < most_lines; ++count) {
      auto end = buffer_.find('\n');
      while (end == std::string::npos) {
        if (buffer_.size() > longest_line) return wrong();
        char piece[2048];
        TRY_ASSIGN(const std::size_t got, stream_->read(piece, sizeof piece, limit, stop_));
        if (got == 0) {
          return fail(ErrorKind::unavailable, "net.broken", {{"host", host()}, {"detail", "SMTP"}},
                      Retry::later);
        }
        buffer_.append(piece, got);
        end = buffer_.find('\n');
      }
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      if (line.size() < 3 || line.find_first_not_of("0123456789") < 3) return wrong();
      const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
      if (answer.code != 0 && code != answer.code) return wrong();
      answer.code = code;
      answer.lines.push_back(line.size() > 4 ? line.substr(4) : "");
      if (line.size() == 3 || line[3] != '-') return answer;
    }
    return wrong();
  }

  const SmtpAccount& account_;
  std::unique_ptr<Stream> stream_;
  std::stop_token stop_;
  std::string buffer_;
  std::set<std::string> can_;
  std::set<std::string> mechanisms_;
};

bool is_address(std::string_view address) {
  const auto at = address.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) return false;
  if (address.size() > 320) return false;
  return std::none_of(address.begin(), address.end(), [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte <= 0x20 || byte == 0x7F || letter == '<' || letter == '>' || letter == '"';
  });
}

}  // namespace

Result<Handover> hand_over(const ConnectionPolicy& policy, const SmtpAccount& account,
                           const Envelope& envelope, std::string_view mail, std::stop_token stop) {
  std::vector<std::string> addresses = envelope.to;
  addresses.push_back(envelope.from);
  for (const std::string& address : addresses) {
    if (!is_address(address)) {
      return fail(ErrorKind::invalid_input, "smtp.bad_address", {{"address", address}});
    }
  }
  if (envelope.to.empty()) {
    return fail(ErrorKind::invalid_input, "smtp.bad_address", {{"address", ""}});
  }
  TRY_ASSIGN(auto stream, Stream::connect(policy, account.server, stop));
  Dialogue dialogue(account, std::move(stream), std::move(stop));
  TRY(dialogue.greet());
  TRY(dialogue.sign_in());
  return dialogue.send(envelope, mail);
}

Status try_submission(const ConnectionPolicy& policy, const SmtpAccount& account,
                      std::stop_token stop) {
  TRY_ASSIGN(auto stream, Stream::connect(policy, account.server, stop));
  Dialogue dialogue(account, std::move(stream), std::move(stop));
  TRY(dialogue.greet());
  TRY(dialogue.sign_in());
  dialogue.leave();
  return {};
}

}  // namespace lar::net
