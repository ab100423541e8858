// Handing mail to servers that follow a script: what they may answer, and where they may vanish.
// A real server takes its turn in tests/real/smtp.py.
#include "net/smtp.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "os/file.h"

namespace lar::net {
namespace {

using Answers = std::map<std::string, std::string>;

// Answers each command by its first word; "hang up" as an answer closes the connection.
class Server {
 public:
  explicit Server(Answers answers) : answers_(std::move(answers)) {
    listening_ = os::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listening_.get(), 4);
    socklen_t length = sizeof address;
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] {
      const os::Descriptor one(::accept(listening_.get(), nullptr, nullptr));
      if (one.valid()) serve(one.get());
    });
  }
  ~Server() { ::shutdown(listening_.get(), SHUT_RDWR); }
  int port() const { return port_; }
  // Everything the client said; after the connection has ended.
  const std::string& heard() {
    if (thread_.joinable()) thread_.join();
    return heard_;
  }

 private:
  void serve(int socket) {
    const auto say = [&](const std::string& text) {
      if (text == "hang up") return false;
      (void)!::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
      return true;
    };
    if (!say(answer_to("greeting", "220 hello\r\n"))) return;
    bool in_mail = false;
    std::string line;
    char letter = 0;
    while (::recv(socket, &letter, 1, 0) == 1) {
      line += letter;
      if (letter != '\n') continue;
      heard_ += line;
      if (in_mail) {
        if (line == ".\r\n") {
          in_mail = false;
          if (!say(answer_to("mail", "250 taken\r\n"))) return;
        }
      } else {
        const std::string word = line.substr(0, line.find_first_of(" \r"));
        std::string answer = answer_to(line.substr(0, line.size() - 2), "");
        if (answer.empty()) answer = answer_to(word, word == "DATA" ? "354 go\r\n" : "250 ok\r\n");
        in_mail = answer.starts_with("354");
        if (!say(answer)) return;
        if (word == "QUIT") return;
      }
      line.clear();
    }
  }
  std::string answer_to(const std::string& what, const std::string& otherwise) const {
    const auto found = answers_.find(what);
    return found == answers_.end() ? otherwise : found->second;
  }

  const Answers answers_;
  os::Descriptor listening_;
  int port_ = 0;
  std::string heard_;
  std::jthread thread_;
};

SmtpAccount account(const Server& server, SmtpAccount::SignIn sign_in = SmtpAccount::SignIn::none) {
  SmtpAccount made;
  made.server.host = "127.0.0.1";
  made.server.port = server.port();
  made.server.encryption = Encryption::none;
  made.sign_in = sign_in;
  made.user = "ana";
  made.secret = "caballo";
  return made;
}
const Envelope envelope{"ana@example.org", {"bea@example.org", "luis@example.org"}};
const std::string mail = "Subject: Hola\n\nUno\n.\n..dos\r\ntres";

base::Result<Handover> send(Server& server) {
  return hand_over(local_only(), account(server), envelope, mail, {});
}

TEST(Smtp, a_mail_that_is_taken_is_sent) {
  Server server(Answers{});
  const auto done = send(server);
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(done->state, Handover::State::sent);
  EXPECT_EQ(done->answer, "taken");
  const std::string& heard = server.heard();
  EXPECT_NE(heard.find("MAIL FROM:<ana@example.org>\r\nRCPT TO:<bea@example.org>\r\n"
                       "RCPT TO:<luis@example.org>\r\nDATA\r\n"),
            std::string::npos)
      << heard;
  EXPECT_NE(heard.find("Uno\r\n..\r\n...dos\r\ntres\r\n.\r\n"), std::string::npos) << heard;
}

TEST(Smtp, one_recipient_that_is_refused_refuses_all) {
  Server server(Answers{{"RCPT TO:<luis@example.org>", "550 no such person\r\n"}});
  const auto done = send(server);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->state, Handover::State::refused);
  EXPECT_EQ(done->code, 550);
  EXPECT_EQ(done->unfit, std::vector<std::string>{"luis@example.org"});
  EXPECT_EQ(server.heard().find("DATA"), std::string::npos);
}

TEST(Smtp, refusals_at_every_step_are_told_with_their_reason) {
  for (const char* step : {"MAIL", "DATA", "mail"}) {
    Server server(Answers{{step, "552-too\r\n552 large\r\n"}});
    const auto done = send(server);
    ASSERT_TRUE(done) << step;
    EXPECT_EQ(done->state, Handover::State::refused) << step;
    EXPECT_EQ(done->answer, "too large");
  }
}

TEST(Smtp, a_connection_lost_before_the_end_of_the_mail_has_sent_nothing) {
  for (const char* step : {"EHLO", "MAIL", "RCPT", "DATA"}) {
    Server server(Answers{{step, "hang up"}});
    const auto done = send(server);
    ASSERT_FALSE(done) << step;
    EXPECT_EQ(done.error().code, "net.broken") << step;
  }
}

TEST(Smtp, a_connection_lost_after_the_end_of_the_mail_is_uncertain) {
  Server server(Answers{{"mail", "hang up"}});
  const auto done = send(server);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->state, Handover::State::uncertain);
  Server babbling(Answers{{"mail", "what?\r\n"}});
  EXPECT_EQ(send(babbling)->state, Handover::State::uncertain);
}

TEST(Smtp, passwords_are_given_in_the_way_the_server_offers) {
  Server plain(Answers{{"EHLO", "250-hello\r\n250-AUTH LOGIN PLAIN\r\n250 SIZE 1000\r\n"},
                       {"AUTH", "235 welcome\r\n"}});
  EXPECT_TRUE(
      hand_over(local_only(), account(plain, SmtpAccount::SignIn::password), envelope, mail, {}));
  EXPECT_NE(plain.heard().find("AUTH PLAIN AGFuYQBjYWJhbGxv\r\n"), std::string::npos);
  Server wrong(Answers{{"EHLO", "250-hello\r\n250 AUTH PLAIN\r\n"}, {"AUTH", "535 no\r\n"}});
  EXPECT_EQ(
      hand_over(local_only(), account(wrong, SmtpAccount::SignIn::password), envelope, mail, {})
          .error()
          .code,
      "smtp.password_wrong");
  Server none(Answers{});
  EXPECT_EQ(
      hand_over(local_only(), account(none, SmtpAccount::SignIn::password), envelope, mail, {})
          .error()
          .code,
      "smtp.no_mechanism");
}

TEST(Smtp, what_is_no_mail_server_and_what_offers_no_encryption_is_told) {
  Server imap(Answers{{"greeting", "* OK IMAP\r\n"}});
  EXPECT_EQ(send(imap).error().code, "smtp.not_smtp");
  Server closed(Answers{{"greeting", "554 go away\r\n"}});
  EXPECT_EQ(send(closed).error().code, "smtp.refused");
  Server endless(Answers{{"greeting", std::string(10'000, '2')}});
  EXPECT_EQ(send(endless).error().code, "smtp.not_smtp");
  Server bare(Answers{});
  SmtpAccount wanted = account(bare);
  wanted.server.encryption = Encryption::starttls;
  EXPECT_EQ(hand_over(local_only(), wanted, envelope, mail, {}).error().code, "smtp.no_starttls");
}

TEST(Smtp, addresses_that_would_become_commands_are_refused) {
  Server server(Answers{});
  for (const char* bad : {"a@b\r\nRCPT TO:<c@d>", "a", "@b", "a@b>", "a b@c", ""}) {
    const auto done =
        hand_over(local_only(), account(server), {"ana@example.org", {bad}}, mail, {});
    ASSERT_FALSE(done) << bad;
    EXPECT_EQ(done.error().code, "smtp.bad_address");
  }
}

}  // namespace
}  // namespace lar::net
