// Commands and answers, one at a time: a command is sent, and everything up to its tagged answer is
// looked at. What a server says unasked (EXISTS, EXPUNGE) is taken note of wherever it comes.
#include "sources/imap/session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "os/base64.h"
#include "sources/maildir/names.h"

namespace lar::sources::imap {

namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds command_limit{5 * 60'000};  // from the command to its tagged answer
constexpr milliseconds silence_limit{60'000};      // without a byte
constexpr std::uint64_t answer_limit = 96u << 20;  // bytes of all answers to one command
constexpr std::size_t most_mailboxes = 20'000;

std::string upper(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), [](unsigned char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A')
                                          : static_cast<char>(letter);
  });
  return made;
}

struct FlagLetter {
  std::string_view flag;  // lower case
  std::string_view written;
  char letter;
};
constexpr std::array<FlagLetter, 6> flag_letters = {{{"\\draft", "\\Draft", 'D'},
                                                     {"\\flagged", "\\Flagged", 'F'},
                                                     {"$forwarded", "$Forwarded", 'P'},
                                                     {"\\answered", "\\Answered", 'R'},
                                                     {"\\seen", "\\Seen", 'S'},
                                                     {"\\deleted", "\\Deleted", 'T'}}};

struct NamedUse {
  std::string_view word;
  Use use;
};
constexpr std::array<NamedUse, 9> attributes = {{{"\\SENT", Use::sent},
                                                 {"\\DRAFTS", Use::drafts},
                                                 {"\\TRASH", Use::trash},
                                                 {"\\JUNK", Use::junk},
                                                 {"\\ALL", Use::all},
                                                 {"\\ALLMAIL", Use::all},
                                                 {"\\ARCHIVE", Use::archive},
                                                 {"\\FLAGGED", Use::flagged},
                                                 {"\\IMPORTANT", Use::flagged}}};
// Folded, without what stands before the last separator.
constexpr std::array<NamedUse, 62> use_names = {{
    {"sent", Use::sent},
    {"sent items", Use::sent},
    {"sent mail", Use::sent},
    {"sent messages", Use::sent},
    {"enviados", Use::sent},
    {"elementos enviados", Use::sent},
    {"correo enviado", Use::sent},
    {"mensajes enviados", Use::sent},
    {"enviats", Use::sent},
    {"gesendet", Use::sent},
    {"gesendete elemente", Use::sent},
    {"gesendete objekte", Use::sent},
    {"envoyes", Use::sent},
    {"elements envoyes", Use::sent},
    {"messages envoyes", Use::sent},
    {"posta inviata", Use::sent},
    {"inviata", Use::sent},
    {"itens enviados", Use::sent},
    {"verzonden items", Use::sent},
    {"drafts", Use::drafts},
    {"draft", Use::drafts},
    {"borradores", Use::drafts},
    {"esborranys", Use::drafts},
    {"entwurfe", Use::drafts},
    {"brouillons", Use::drafts},
    {"bozze", Use::drafts},
    {"rascunhos", Use::drafts},
    {"concepten", Use::drafts},
    {"trash", Use::trash},
    {"bin", Use::trash},
    {"deleted items", Use::trash},
    {"deleted messages", Use::trash},
    {"papelera", Use::trash},
    {"elementos eliminados", Use::trash},
    {"paperera", Use::trash},
    {"papierkorb", Use::trash},
    {"geloschte elemente", Use::trash},
    {"corbeille", Use::trash},
    {"elements supprimes", Use::trash},
    {"cestino", Use::trash},
    {"posta eliminata", Use::trash},
    {"lixo", Use::trash},
    {"lixeira", Use::trash},
    {"itens excluidos", Use::trash},
    {"prullenbak", Use::trash},
    {"junk", Use::junk},
    {"junk email", Use::junk},
    {"junk e-mail", Use::junk},
    {"bulk mail", Use::junk},
    {"spam", Use::junk},
    {"correo no deseado", Use::junk},
    {"correo basura", Use::junk},
    {"correu brossa", Use::junk},
    {"spamverdacht", Use::junk},
    {"unerwunscht", Use::junk},
    {"courrier indesirable", Use::junk},
    {"pourriel", Use::junk},
    {"posta indesiderata", Use::junk},
    {"lixo eletronico", Use::junk},
    {"ongewenste e-mail", Use::junk},
    {"archive", Use::archive},
    {"archivo", Use::archive},
}};

std::string message_id_of(std::string_view header) {
  const auto open = header.find('<');
  const auto close = header.find('>', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) return {};
  return std::string(base::trim(header.substr(open + 1, close - open - 1)));
}

bool mentions_app_password(std::string_view text) {
  const std::string lower = base::lower_ascii(text);
  return lower.find("application-specific") != std::string::npos ||
         lower.find("app password") != std::string::npos ||
         lower.find("app-specific") != std::string::npos ||
         lower.find("app passwords") != std::string::npos ||
         lower.find("web browser") != std::string::npos ||
         lower.find("weblogin") != std::string::npos;
}

// Those that take no ordinary password for other programs.
bool wants_app_password(std::string_view host) {
  const std::string lower = base::lower_ascii(host);
  for (const std::string_view known : {"gmail.com", "googlemail.com", "yahoo.com", "mail.me.com",
                                       "icloud.com", "aol.com", "fastmail.com"}) {
    if (lower == known || lower.ends_with("." + std::string(known))) return true;
  }
  return false;
}

std::string letters(std::string_view text) {  // for an error: short and harmless
  std::string made = base::clean_utf8(base::cut_utf8(text, 200));
  std::erase_if(made, [](char letter) { return static_cast<unsigned char>(letter) < 0x20; });
  return made;
}

}  // namespace

// Text with literals between its pieces.
struct Session::Command {
  explicit Command(std::string begin) : pieces{std::move(begin)} {}
  Command& text(std::string_view more) {
    pieces.back() += more;
    return *this;
  }
  Command& string(std::string_view value) {
    if (const auto in_quotes = quoted(value)) return text(*in_quotes);
    literals.emplace_back(value);
    pieces.emplace_back();
    return *this;
  }
  Command& literal(std::string_view value) {
    literals.emplace_back(value);
    pieces.emplace_back();
    return *this;
  }
  std::vector<std::string> pieces;  // one more than literals
  std::vector<std::string> literals;
};

void add_flag(std::string_view flag, Summary& summary) {
  const std::string lower = base::lower_ascii(flag);
  if (lower == "\\recent") return;
  for (const FlagLetter& one : flag_letters) {
    if (one.flag != lower) continue;
    if (summary.flags.find(one.letter) == std::string::npos) {
      summary.flags += one.letter;
      std::sort(summary.flags.begin(), summary.flags.end());
    }
    return;
  }
  if (summary.keywords.size() < 100) summary.keywords.emplace_back(flag);
}

std::string flags_text(std::string_view letters) {
  std::string text;
  for (const FlagLetter& one : flag_letters) {
    if (letters.find(one.letter) == std::string_view::npos) continue;
    text += (text.empty() ? "" : " ") + std::string(one.written);
  }
  return text;
}

Use use_by_name(std::string_view name) {
  if (base::lower_ascii(name) == "inbox") return Use::inbox;
  const auto separator = name.find_last_of("/.");
  const std::string last = base::fold(
      base::trim(separator == std::string_view::npos ? name : name.substr(separator + 1)));
  for (const NamedUse& one : use_names) {
    if (one.word == last) return one.use;
  }
  return Use::ordinary;
}

// ---- connection --------------------------------------------------------------------------------

Result<std::unique_ptr<Session>> Session::open(const net::ConnectionPolicy& policy,
                                               const net::StreamOptions& options,
                                               const Credentials& credentials,
                                               std::stop_token stop) {
  std::unique_ptr<Session> session(new Session(options, stop));
  TRY_ASSIGN(session->stream_, net::Stream::connect(policy, options, stop));
  TRY(session->greet());
  TRY(session->sign_in(credentials));
  return session;
}

Session::~Session() {
  if (stream_ == nullptr || broken_ || stop_.stop_requested()) return;
  (void)stream_->write("z LOGOUT\r\n", stop_);
}

bool Session::can(std::string_view capability) const {
  return capabilities_.contains(std::string(capability));
}

Result<Response> Session::next(Steady::time_point deadline) {
  auto response = reader_.read([&](char* buffer, std::size_t size) -> Result<std::size_t> {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Steady::now());
    return stream_->read(buffer, size, std::clamp(left, milliseconds(0), silence_limit), stop_);
  });
  if (!response) {
    broken_ = true;
    if (response.error().code == "imap.nonsense" || response.error().code == "imap.closed") {
      response.error().parameters.emplace_back("host", options_.host);
    }
    return response;
  }
  notice(*response);
  if (response->kind == Response::Kind::untagged && response->name == "BYE" && !broken_) {
    // Nothing more will come but the end of the connection.
    broken_ = true;
    return refused(*response);
  }
  return response;
}

Status Session::greet() {
  const auto deadline = Steady::now() + silence_limit;
  auto greeting = next(deadline);
  const auto not_imap = [&] {
    return base::fail(ErrorKind::invalid_input, "imap.not_imap", {{"host", options_.host}});
  };
  if (!greeting) {
    if (greeting.error().code == "imap.nonsense" || greeting.error().code == "imap.closed") {
      return not_imap();
    }
    return tl::unexpected(std::move(greeting).error());
  }
  if (greeting->kind != Response::Kind::untagged ||
      (greeting->name != "OK" && greeting->name != "PREAUTH")) {
    return not_imap();
  }
  if (options_.encryption == net::Encryption::starttls) {
    // A server (or somebody between) that says we are signed in already would keep us in the clear.
    if (greeting->name == "PREAUTH") {
      return base::fail(ErrorKind::permission, "imap.no_starttls", {{"host", options_.host}});
    }
    TRY(read_capabilities());
    if (!can("STARTTLS")) {
      return base::fail(ErrorKind::permission, "imap.no_starttls", {{"host", options_.host}});
    }
    TRY(must(Command("STARTTLS")));
    // What stands behind the answer was put there in the clear, by anybody.
    if (reader_.has_more()) {
      broken_ = true;
      return base::fail(ErrorKind::permission, "imap.no_starttls", {{"host", options_.host}});
    }
    if (auto secured = stream_->start_tls(stop_); !secured) {
      broken_ = true;
      return secured;
    }
  }
  return read_capabilities();
}

void Session::take_capabilities(const std::vector<Value>& values) {
  capabilities_.clear();
  for (const Value& value : values) {
    if (value.kind == Value::Kind::atom && capabilities_.size() < 500) {
      capabilities_.insert(upper(value.text));
    }
  }
  utf8_names_ = can("IMAP4REV2") && !can("IMAP4REV1");
}

Status Session::read_capabilities() {
  TRY(must(Command("CAPABILITY")));
  return {};
}

Status Session::sign_in(const Credentials& credentials) {
  if (!stream_->encrypted() && !stream_->on_this_machine()) {
    return base::fail(ErrorKind::permission, "imap.password_in_clear", {{"host", options_.host}});
  }
  if (credentials.kind == Credentials::Kind::token) {
    const std::string bearer = "auth=Bearer " + credentials.secret + "\x01\x01";
    if (can("AUTH=XOAUTH2")) {
      TRY(authenticate("XOAUTH2", "user=" + credentials.user + "\x01" + bearer, credentials));
    } else if (can("AUTH=OAUTHBEARER")) {  // RFC 7628
      TRY(authenticate("OAUTHBEARER",
                       "n,a=" + credentials.user + ",\x01host=" + options_.host +
                           "\x01port=" + std::to_string(options_.port) + "\x01" + bearer,
                       credentials));
    } else {
      return base::fail(ErrorKind::unsupported, "imap.no_mechanism", {{"host", options_.host}});
    }
  } else if (can("AUTH=PLAIN")) {  // RFC 4616
    TRY(authenticate(
        "PLAIN",
        std::string(1, '\0') + credentials.user + std::string(1, '\0') + credentials.secret,
        credentials));
  } else if (!can("LOGINDISABLED")) {
    TRY_ASSIGN(
        const Response answer,
        run(Command("LOGIN ").string(credentials.user).text(" ").string(credentials.secret)));
    if (answer.name != "OK") return sign_in_error(answer, credentials);
  } else {
    return base::fail(ErrorKind::unsupported, "imap.no_mechanism", {{"host", options_.host}});
  }
  TRY(read_capabilities());
  if (can("QRESYNC")) {
    // Before any mailbox is opened.
    TRY_ASSIGN(const Response enabled, run(Command("ENABLE QRESYNC")));
    can_qresync_ = enabled.name == "OK";
  }
  return {};
}

Status Session::authenticate(const std::string& mechanism, const std::string& initial,
                             const Credentials& credentials) {
  const std::string tag = "a" + std::to_string(next_tag_++);
  const bool at_once = can("SASL-IR");
  const auto deadline = Steady::now() + silence_limit;
  std::string line = tag + " AUTHENTICATE " + mechanism;
  if (at_once) line += " " + os::to_base64(initial);
  if (auto sent = stream_->write(line + "\r\n", stop_); !sent) {
    broken_ = true;
    return sent;
  }
  bool answered = at_once;
  for (;;) {
    TRY_ASSIGN(Response response, next(deadline));
    if (response.kind == Response::Kind::continuation) {
      // The second time it is the error of XOAUTH2, to be answered by nothing.
      TRY(stream_->write((answered ? "" : os::to_base64(initial)) + "\r\n", stop_));
      answered = true;
      continue;
    }
    if (response.kind != Response::Kind::tagged || response.tag != tag) continue;
    if (response.name == "OK") return {};
    return sign_in_error(response, credentials);
  }
}

tl::unexpected<base::Error> Session::sign_in_error(const Response& response,
                                                   const Credentials& credentials) const {
  const base::Parameters who = {{"host", options_.host}, {"user", credentials.user}};
  if (response.code == "UNAVAILABLE" || response.code == "LIMIT" || response.code == "INUSE" ||
      response.name == "BYE") {
    return base::fail(ErrorKind::unavailable, "imap.refused",
                      {{"host", options_.host}, {"detail", letters(response.text)}},
                      base::Retry::later);
  }
  if (credentials.kind == Credentials::Kind::token) {
    return base::fail(ErrorKind::permission, "imap.token_refused", who);
  }
  if (mentions_app_password(response.text) || response.code == "WEBALERT" ||
      wants_app_password(options_.host)) {
    return base::fail(ErrorKind::permission, "imap.app_password", who);
  }
  return base::fail(ErrorKind::permission, "imap.password_wrong", who);
}

tl::unexpected<base::Error> Session::refused(const Response& response) const {
  if (response.code == "OVERQUOTA") {
    return base::fail(ErrorKind::unavailable, "imap.quota", {{"host", options_.host}});
  }
  return base::fail(ErrorKind::unavailable, "imap.refused",
                    {{"host", options_.host}, {"detail", letters(response.text)}},
                    base::Retry::later);
}

// ---- commands ----------------------------------------------------------------------------------

Result<Response> Session::run(const Command& command, const OnResponse& untagged) {
  if (broken_) {
    return base::fail(ErrorKind::unavailable, "imap.closed", {{"host", options_.host}},
                      base::Retry::later);
  }
  const std::string tag = "a" + std::to_string(next_tag_++);
  const auto deadline = Steady::now() + command_limit;
  std::string pending = tag + " " + command.pieces.front();
  const bool without_waiting = can("LITERAL+");
  for (std::size_t i = 0; i < command.literals.size(); ++i) {
    const std::string& literal = command.literals[i];
    pending += "{" + std::to_string(literal.size()) + (without_waiting ? "+}\r\n" : "}\r\n");
    if (!without_waiting) {
      if (auto sent = stream_->write(pending, stop_); !sent) {
        broken_ = true;
        return tl::unexpected(std::move(sent).error());
      }
      pending.clear();
      for (;;) {
        TRY_ASSIGN(Response response, next(deadline));
        if (response.kind == Response::Kind::continuation) break;
        if (response.kind == Response::Kind::tagged && response.tag == tag) return response;
        if (response.kind == Response::Kind::untagged && untagged) TRY(untagged(response));
      }
    }
    pending += literal;
    pending += command.pieces[i + 1];
  }
  pending += "\r\n";
  if (auto sent = stream_->write(pending, stop_); !sent) {
    broken_ = true;
    return tl::unexpected(std::move(sent).error());
  }
  return finish(tag, untagged, deadline);
}

Result<Response> Session::finish(const std::string& tag, const OnResponse& untagged,
                                 Steady::time_point deadline) {
  const std::uint64_t before = reader_.taken();
  for (;;) {
    TRY_ASSIGN(Response response, next(deadline));
    if (response.kind == Response::Kind::tagged) {
      if (response.tag == tag) return response;
      continue;
    }
    if (response.kind == Response::Kind::untagged && untagged) {
      if (auto taken = untagged(response); !taken) {
        broken_ = true;  // what is left of the answer is not waited for
        return tl::unexpected(std::move(taken).error());
      }
    }
    if (reader_.taken() - before > answer_limit) {
      broken_ = true;
      return base::fail(ErrorKind::corrupt, "imap.nonsense",
                        {{"detail", "an answer without end"}, {"host", options_.host}},
                        base::Retry::later);
    }
  }
}

Result<Response> Session::must(const Command& command, const OnResponse& untagged) {
  TRY_ASSIGN(Response answer, run(command, untagged));
  if (answer.name != "OK") return refused(answer);
  return answer;
}

void Session::notice(const Response& response) {
  if (response.name == "CAPABILITY") take_capabilities(response.values);
  if (response.code == "CAPABILITY") take_capabilities(response.code_values);
  if (!is_open_) return;
  if (response.name == "EXISTS" && response.number) opened_.exists = *response.number;
  if (response.name == "EXPUNGE" && opened_.exists > 0) --opened_.exists;
  if (response.name == "VANISHED" && !response.rest.starts_with('(')) {
    if (const auto uids = parse_numbers(response.rest)) {
      opened_.exists -= std::min<std::uint64_t>(opened_.exists, uids->size());
    }
  }
}

Session::Command Session::mailbox_command(const std::string& verb, const std::string& raw) const {
  Command command(verb + " ");
  command.string(raw);
  return command;
}

// ---- mailboxes ---------------------------------------------------------------------------------

namespace {

std::optional<MailboxStatus> status_of(const Value& list) {
  MailboxStatus status;
  for (std::size_t i = 0; i + 1 < list.items.size(); i += 2) {
    const auto number = list.items[i + 1].number();
    if (!number) continue;
    const std::string key = upper(list.items[i].text);
    if (key == "UIDVALIDITY") status.validity = static_cast<std::uint32_t>(*number);
    if (key == "UIDNEXT") status.next = static_cast<std::uint32_t>(*number);
    if (key == "MESSAGES") status.messages = *number;
    if (key == "UNSEEN") status.unseen = *number;
    if (key == "HIGHESTMODSEQ") status.modseq = *number;
  }
  if (status.validity == 0 || status.next == 0) return std::nullopt;
  return status;
}

constexpr std::string_view status_items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN";

}  // namespace

Result<std::vector<Mailbox>> Session::list() {
  std::vector<Mailbox> mailboxes;
  std::map<std::string, MailboxStatus> statuses;
  const bool special = can("SPECIAL-USE");
  const bool with_status = can("LIST-STATUS");
  std::string verb = "LIST \"\" \"*\"";
  if (with_status) {
    verb += " RETURN (" + std::string(special ? "SPECIAL-USE " : "") + "STATUS (" +
            std::string(status_items) + (can("CONDSTORE") ? " HIGHESTMODSEQ" : "") + "))";
  } else if (special && can("LIST-EXTENDED")) {
    verb += " RETURN (SPECIAL-USE)";
  }
  TRY(must(Command(verb), [&](Response& response) -> Status {
    if (response.name == "STATUS" && response.values.size() >= 2) {
      if (const auto status = status_of(response.values[1])) {
        statuses[response.values[0].text] = *status;
      }
    }
    if (response.name != "LIST" || response.values.size() < 3) return {};
    if (mailboxes.size() >= most_mailboxes) return {};
    Mailbox mailbox;
    mailbox.raw = response.values[2].text;
    if (mailbox.raw.empty()) return {};
    const std::string decoded =
        utf8_names_ ? mailbox.raw : maildir::decode_modified_utf7(mailbox.raw);
    mailbox.name = base::clean_utf8(decoded);
    for (const Value& attribute : response.values[0].items) {
      const std::string word = upper(attribute.text);
      if (word == "\\NOSELECT" || word == "\\NONEXISTENT") mailbox.selectable = false;
      for (const NamedUse& one : attributes) {
        if (one.word == word) mailbox.use = one.use;
      }
    }
    if (base::lower_ascii(mailbox.name) == "inbox") mailbox.use = Use::inbox;
    mailboxes.push_back(std::move(mailbox));
    return {};
  }));
  // A server that names no uses, or not this one, is understood by the usual names.
  std::set<Use> stated;
  for (const Mailbox& one : mailboxes) stated.insert(one.use);
  for (Mailbox& one : mailboxes) {
    if (one.use == Use::ordinary) {
      const Use guessed = use_by_name(one.name);
      if (guessed != Use::inbox && !stated.contains(guessed)) one.use = guessed;
    }
    if (const auto found = statuses.find(one.raw); found != statuses.end()) {
      one.status = found->second;
    }
  }
  return mailboxes;
}

Result<MailboxStatus> Session::status(const Mailbox& mailbox) {
  std::optional<MailboxStatus> status;
  Command command = mailbox_command("STATUS", mailbox.raw);
  command.text(" (" + std::string(status_items) + (can("CONDSTORE") ? " HIGHESTMODSEQ)" : ")"));
  TRY(must(command, [&](Response& response) -> Status {
    if (response.name == "STATUS" && response.values.size() >= 2 &&
        (response.values[0].text == mailbox.raw || mailbox.use == Use::inbox)) {
      if (const auto told = status_of(response.values[1])) status = told;
    }
    return {};
  }));
  if (!status) {
    return base::fail(ErrorKind::corrupt, "imap.nonsense",
                      {{"detail", "no status"}, {"host", options_.host}}, base::Retry::later);
  }
  return *status;
}

Result<Opened> Session::open_mailbox(const Mailbox& mailbox, Access access,
                                     std::optional<Since> since, const OnSummary& changed) {
  opened_ = {};
  is_open_ = false;
  Command command = mailbox_command(access == Access::read ? "EXAMINE" : "SELECT", mailbox.raw);
  if (since && can_qresync_) {
    command.text(" (QRESYNC (" + std::to_string(since->validity) + " " +
                 std::to_string(since->modseq) + "))");
  } else if (can("CONDSTORE")) {
    command.text(" (CONDSTORE)");
  }
  is_open_ = true;
  std::vector<std::uint32_t> vanished;
  TRY(must(command, [&](Response& response) -> Status {
    const auto first =
        response.code_values.empty() ? std::nullopt : response.code_values.front().number();
    if (response.name == "OK" && first) {
      if (response.code == "UIDVALIDITY") opened_.validity = static_cast<std::uint32_t>(*first);
      if (response.code == "UIDNEXT") opened_.next = static_cast<std::uint32_t>(*first);
      if (response.code == "HIGHESTMODSEQ") opened_.modseq = *first;
    }
    if (response.name == "VANISHED" && response.rest.starts_with('(')) {  // (EARLIER)
      const auto close = response.rest.find(')');
      const auto uids = parse_numbers(response.rest.substr(close + 1));
      if (uids) vanished.insert(vanished.end(), uids->begin(), uids->end());
    }
    if (response.name == "FETCH" && changed) return take_fetch(response, changed);
    return {};
  }));
  if (opened_.validity == 0) {
    broken_ = true;
    return base::fail(ErrorKind::corrupt, "imap.nonsense",
                      {{"detail", "a mailbox without UIDVALIDITY"}, {"host", options_.host}},
                      base::Retry::later);
  }
  std::sort(vanished.begin(), vanished.end());
  opened_.vanished = std::move(vanished);
  return opened_;
}

Status Session::close() {
  if (!is_open_) return {};
  is_open_ = false;
  // Closing what was opened by SELECT would expunge.
  if (!can("UNSELECT")) return {};
  TRY(must(Command("UNSELECT")));
  return {};
}

// ---- mails -------------------------------------------------------------------------------------

Status Session::take_fetch(const Response& response, const OnSummary& each) {
  if (response.values.empty() || response.values.front().kind != Value::Kind::list) return {};
  const auto& items = response.values.front().items;
  Summary summary;
  bool has_flags = false;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const std::string key = upper(items[i].text);
    const Value& value = items[i + 1];
    if (key == "UID") summary.uid = static_cast<std::uint32_t>(value.number().value_or(0));
    if (key == "RFC822.SIZE") summary.size = value.number().value_or(0);
    if (key == "INTERNALDATE") summary.received = parse_internal_date(value.text).value_or(0);
    if (key == "MODSEQ" && !value.items.empty()) {
      summary.modseq = value.items.front().number().value_or(0);
    }
    if (key == "FLAGS") {
      has_flags = true;
      for (const Value& flag : value.items) add_flag(flag.text, summary);
    }
    if (key.starts_with("BODY[HEADER.FIELDS")) summary.message_id = message_id_of(value.text);
  }
  // Unasked ones lack the UID, or say something else than was asked.
  if (summary.uid == 0 || !has_flags) return {};
  return each(std::move(summary));
}

Status Session::fetch(const std::string& uids, Wanted wanted, std::uint64_t modseq,
                      const OnSummary& each) {
  std::string items = "UID FLAGS";
  if (wanted != Wanted::flags) items += " RFC822.SIZE INTERNALDATE";
  if (wanted == Wanted::summary_message_id) items += " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]";
  if (can("CONDSTORE")) items += " MODSEQ";
  std::string verb = "UID FETCH " + uids + " (" + items + ")";
  if (modseq > 0) verb += " (CHANGEDSINCE " + std::to_string(modseq) + ")";
  TRY(must(Command(verb), [&](Response& response) -> Status {
    if (response.name != "FETCH") return {};
    return take_fetch(response, each);
  }));
  return {};
}

Result<std::vector<std::uint32_t>> Session::search_all() {
  std::vector<std::uint32_t> found;
  const bool compact = can("ESEARCH") || utf8_names_;
  bool understood = true;
  TRY(must(Command(compact ? "UID SEARCH RETURN (ALL) ALL" : "UID SEARCH ALL"),
           [&](Response& response) -> Status {
             if (response.name == "SEARCH") {
               for (const std::string_view word : base::split(response.rest, ' ')) {
                 if (word.empty()) continue;
                 if (word.starts_with('(')) break;  // MODSEQ
                 const auto one = parse_numbers(word, 1);
                 if (!one || one->size() != 1) {
                   understood = false;
                   return {};
                 }
                 found.push_back(one->front());
               }
             }
             if (response.name == "ESEARCH") {
               const std::string up = upper(response.rest);
               const auto all = up.find(" ALL ");
               if (all == std::string::npos) return {};  // none
               const std::string_view rest = std::string_view(response.rest).substr(all + 5);
               const auto numbers = parse_numbers(rest.substr(0, rest.find(' ')));
               if (!numbers) {
                 understood = false;
                 return {};
               }
               found.insert(found.end(), numbers->begin(), numbers->end());
             }
             return {};
           }));
  if (!understood) {
    return base::fail(ErrorKind::corrupt, "imap.nonsense",
                      {{"detail", "a list of mails"}, {"host", options_.host}}, base::Retry::later);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

namespace {

// UID and the text of a BODY[…] item; nothing where either is missing.
std::optional<std::pair<std::uint32_t, std::string>> body_of(Response& response) {
  if (response.name != "FETCH" || response.values.empty()) return std::nullopt;
  auto& items = response.values.front().items;
  std::uint32_t uid = 0;
  std::optional<std::string> text;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const std::string key = upper(items[i].text);
    if (key == "UID") uid = static_cast<std::uint32_t>(items[i + 1].number().value_or(0));
    if (key.starts_with("BODY[")) text = std::move(items[i + 1].text);
  }
  if (uid == 0 || !text) return std::nullopt;
  return std::pair(uid, std::move(*text));
}

}  // namespace

Status Session::fetch_bytes(const std::string& uids, std::uint64_t offset, std::uint64_t length,
                            const OnBytes& each) {
  const std::string verb = "UID FETCH " + uids + " (UID BODY.PEEK[]<" + std::to_string(offset) +
                           "." + std::to_string(length) + ">)";
  TRY(must(Command(verb), [&](Response& response) -> Status {
    auto body = body_of(response);
    if (!body) return {};
    if (body->second.size() > length) body->second.resize(length);
    return each(body->first, std::move(body->second));
  }));
  return {};
}

Status Session::fetch_header(std::uint32_t uid, const OnBytes& each) {
  TRY(must(Command("UID FETCH " + std::to_string(uid) + " (UID BODY.PEEK[HEADER])"),
           [&](Response& response) -> Status {
             auto body = body_of(response);
             if (!body) return {};
             return each(body->first, std::move(body->second));
           }));
  return {};
}

// ---- waiting -----------------------------------------------------------------------------------

namespace {

bool tells_of_a_change(const Response& response) {
  return response.kind == Response::Kind::untagged &&
         (response.name == "EXISTS" || response.name == "EXPUNGE" || response.name == "FETCH" ||
          response.name == "VANISHED" || response.name == "STATUS" || response.name == "LIST");
}

}  // namespace

Result<bool> Session::notify() {
  TRY_ASSIGN(const Response answer,
             run(Command("NOTIFY SET (SELECTED (MessageNew MessageExpunge FlagChange)) "
                         "(PERSONAL (MessageNew MessageExpunge FlagChange MailboxName))")));
  return answer.name == "OK";
}

Status Session::noop() {
  TRY(must(Command("NOOP")));
  return {};
}

Result<bool> Session::idle(milliseconds limit) {
  const std::string tag = "a" + std::to_string(next_tag_++);
  TRY(stream_->write(tag + " IDLE\r\n", stop_));
  const auto begun = Steady::now();
  bool happened = false;
  bool accepted = false;
  while (!happened) {
    const auto deadline = accepted ? begun + limit : begun + silence_limit;
    auto response = reader_.read([&](char* buffer, std::size_t size) -> Result<std::size_t> {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - Steady::now());
      return stream_->read(buffer, size, std::max(left, milliseconds(0)), stop_);
    });
    if (!response) {
      if (accepted && response.error().code == "net.timeout") break;  // quiet until now
      broken_ = true;
      return tl::unexpected(std::move(response).error());
    }
    notice(*response);
    if (response->kind == Response::Kind::continuation) accepted = true;
    if (response->kind == Response::Kind::tagged && response->tag == tag) {
      if (response->name != "OK") return refused(*response);
      return true;  // a server that ends it by itself has a reason
    }
    if (response->name == "BYE") {
      broken_ = true;
      return refused(*response);
    }
    happened = tells_of_a_change(*response);
    if (Steady::now() >= begun + limit) break;
  }
  TRY(stream_->write("DONE\r\n", stop_));
  TRY(finish(
      tag,
      [&](Response& response) -> Status {
        happened = happened || tells_of_a_change(response);
        return {};
      },
      Steady::now() + silence_limit));
  return happened;
}

// ---- changes -----------------------------------------------------------------------------------

Result<bool> Session::store_flags(std::uint32_t uid, const Summary& wanted,
                                  std::uint64_t unless_after) {
  std::string flags = flags_text(wanted.flags);
  for (const std::string& keyword : wanted.keywords) {
    flags += (flags.empty() ? "" : " ") + keyword;
  }
  std::string verb = "UID STORE " + std::to_string(uid);
  if (unless_after > 0 && can("CONDSTORE")) {
    verb += " (UNCHANGEDSINCE " + std::to_string(unless_after) + ")";
  }
  in_doubt_ = true;
  TRY_ASSIGN(const Response answer, run(Command(verb + " FLAGS (" + flags + ")")));
  in_doubt_ = false;
  if (answer.code == "MODIFIED") return false;
  if (answer.name != "OK") return refused(answer);
  return true;
}

namespace {

// COPYUID validity from to (RFC 4315): the UID in the other mailbox.
std::optional<std::uint32_t> copied_to(const Response& response) {
  if (response.code != "COPYUID" || response.code_values.size() < 3) return std::nullopt;
  const auto uids = parse_numbers(response.code_values[2].text, 1);
  if (!uids || uids->size() != 1) return std::nullopt;
  return uids->front();
}

}  // namespace

Result<std::optional<std::uint32_t>> Session::move(std::uint32_t uid, const Mailbox& target) {
  std::optional<std::uint32_t> arrived;
  const bool at_once = can("MOVE") || utf8_names_;
  Command command(std::string(at_once ? "UID MOVE " : "UID COPY ") + std::to_string(uid) + " ");
  command.string(target.raw);
  in_doubt_ = true;
  TRY_ASSIGN(const Response answer, run(command, [&](Response& response) -> Status {
               if (const auto told = copied_to(response)) arrived = told;
               return {};
             }));
  in_doubt_ = false;
  if (const auto told = copied_to(answer)) arrived = told;
  if (answer.name != "OK") return refused(answer);
  if (!at_once) TRY(remove(uid));
  return arrived;
}

Status Session::remove(std::uint32_t uid) {
  in_doubt_ = true;
  TRY_ASSIGN(const Response marked,
             run(Command("UID STORE " + std::to_string(uid) + " +FLAGS.SILENT (\\Deleted)")));
  if (marked.name != "OK") {
    in_doubt_ = false;
    return refused(marked);
  }
  TRY_ASSIGN(const Response gone, run(Command("UID EXPUNGE " + std::to_string(uid))));
  in_doubt_ = false;
  if (gone.name != "OK") return refused(gone);
  return {};
}

Result<Session::Added> Session::append(const Mailbox& mailbox, const std::string& flags,
                                       const std::string& bytes) {
  Command command = mailbox_command("APPEND", mailbox.raw);
  command.text(" (" + flags_text(flags) + ") ").literal(bytes);
  in_doubt_ = true;
  TRY_ASSIGN(const Response answer, run(command));
  in_doubt_ = false;
  if (answer.name != "OK") return refused(answer);
  Added added;
  if (answer.code == "APPENDUID" && answer.code_values.size() >= 2) {
    added.validity = static_cast<std::uint32_t>(answer.code_values[0].number().value_or(0));
    added.uid = static_cast<std::uint32_t>(answer.code_values[1].number().value_or(0));
  }
  return added;
}

}  // namespace lar::sources::imap
