// Syncs with a server that plays by a script: what no real server can be brought to do. The
// conversation with real ones is in tests/real/imap.py.
#include "sources/imap/sync.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/text.h"
#include "os/base64.h"
#include "sources/sync_service.h"
#include "sources/testing.h"

namespace lar::sources::imap {
namespace {

using testing::Home;

// One mailbox and QRESYNC. A connection after the other, as a source with one thread makes them,
// and a second one where it waits.
class Server {
 public:
  Server() {
    listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what sockets take
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listening_, generic, size), 0);
    EXPECT_EQ(::listen(listening_, 8), 0);
    EXPECT_EQ(::getsockname(listening_, generic, &size), 0);
    port = ntohs(address.sin_port);
    thread_ = std::jthread([this](std::stop_token stop) {
      std::vector<std::jthread> serving;
      while (!stop.stop_requested()) {
        const int connection = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) return;
        {
          const std::lock_guard lock(mutex_);
          open_.push_back(connection);
        }
        serving.emplace_back([this, connection] {
          serve(connection);
          ::shutdown(connection, SHUT_RDWR);
        });
      }
    });
  }
  ~Server() {
    thread_.request_stop();
    ::shutdown(listening_, SHUT_RDWR);
    {
      const std::lock_guard lock(mutex_);
      for (const int connection : open_) ::shutdown(connection, SHUT_RDWR);
    }
    thread_.join();
    for (const int connection : open_) ::close(connection);
    ::close(listening_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void fill(std::uint32_t count) {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t uid = 1; uid <= count; ++uid) {
      const std::string number = std::to_string(uid);
      mails_[uid] = testing::mail("m" + number, "Mail " + number, "Word" + number);
    }
  }
  void expunge(std::uint32_t first, std::uint32_t last) {
    const std::lock_guard lock(mutex_);
    ++modseq_;
    for (std::uint32_t uid = first; uid <= last; ++uid) mails_.erase(uid);
    vanished_ = std::to_string(first) + ":" + std::to_string(last);
  }
  // What was said to be gone is there again, as if nothing had been.
  void take_back(std::uint32_t count) {
    fill(count);
    const std::lock_guard lock(mutex_);
    ++modseq_;
    vanished_.clear();
  }
  void set_password(std::string password) {
    const std::lock_guard lock(mutex_);
    password_ = std::move(password);
  }

  int port = 0;
  std::atomic<int> sign_ins = 0;

 private:
  static void say(int connection, const std::string& text) {
    const std::string line = text + "\r\n";
    (void)!::send(connection, line.data(), line.size(), MSG_NOSIGNAL);
  }

  void serve(int connection) {
    say(connection, "* OK hello");
    std::string pending;
    char piece[4096];
    for (;;) {
      const std::size_t end = pending.find("\r\n");
      if (end == std::string::npos) {
        const ssize_t got = ::recv(connection, piece, sizeof piece, 0);
        if (got <= 0) return;
        pending.append(piece, static_cast<std::size_t>(got));
        continue;
      }
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 2);
      const std::lock_guard lock(mutex_);
      if (!answer(connection, line)) return;
    }
  }

  std::string highest() const { return std::to_string(modseq_); }
  std::string next() const { return "100"; }

  bool answer(int connection, const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string tag = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    const std::string verb = rest.substr(0, rest.find(' '));
    if (verb == "CAPABILITY") {
      say(connection, "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR ENABLE CONDSTORE QRESYNC UIDPLUS");
    } else if (verb == "AUTHENTICATE") {
      ++sign_ins;
      const std::string wanted =
          os::to_base64(std::string(1, '\0') + "ana" + std::string(1, '\0') + password_);
      if (!rest.ends_with(" " + wanted)) {
        say(connection, tag + " NO [AUTHENTICATIONFAILED] no");
        return true;
      }
    } else if (verb == "ENABLE") {
      say(connection, "* ENABLED QRESYNC");
    } else if (verb == "LIST") {
      say(connection, "* LIST () \"/\" INBOX");
    } else if (verb == "STATUS") {
      say(connection, "* STATUS INBOX (MESSAGES " + std::to_string(mails_.size()) + " UIDNEXT " +
                          next() + " UIDVALIDITY 7 UNSEEN 0 HIGHESTMODSEQ " + highest() + ")");
    } else if (verb == "EXAMINE") {
      say(connection, "* " + std::to_string(mails_.size()) + " EXISTS");
      say(connection, "* OK [UIDVALIDITY 7] so");
      say(connection, "* OK [UIDNEXT " + next() + "] so");
      say(connection, "* OK [HIGHESTMODSEQ " + highest() + "] so");
      if (rest.find("QRESYNC") != std::string::npos && !vanished_.empty()) {
        say(connection, "* VANISHED (EARLIER) " + vanished_);
      }
    } else if (rest.starts_with("UID SEARCH")) {
      std::string all;
      for (const auto& [uid, text] : mails_) all += " " + std::to_string(uid);
      say(connection, "* SEARCH" + all);
    } else if (rest.starts_with("UID FETCH")) {
      fetch(connection, rest);
    }
    say(connection, tag + " OK done");
    return true;
  }

  void fetch(int connection, const std::string& rest) {
    int number = 0;
    for (const auto& [uid, text] : mails_) {
      ++number;
      std::string items = "UID " + std::to_string(uid);
      if (rest.find("BODY.PEEK[]<0.") != std::string::npos) {
        items += " BODY[]<0> {" + std::to_string(text.size()) + "}\r\n" + text;
      } else {
        const std::string header = "Message-ID: <m" + std::to_string(uid) + "@example.org>\r\n\r\n";
        items += " FLAGS () RFC822.SIZE " + std::to_string(text.size()) +
                 " INTERNALDATE \"14-May-2026 09:30:00 +0200\" MODSEQ (1)";
        if (rest.find("HEADER") != std::string::npos) {
          items += " BODY[HEADER.FIELDS (MESSAGE-ID)] {" + std::to_string(header.size()) + "}\r\n" +
                   header;
        }
      }
      say(connection, "* " + std::to_string(number) + " FETCH (" + items + ")");
    }
  }

  std::mutex mutex_;
  std::map<std::uint32_t, std::string> mails_;
  std::uint64_t modseq_ = 5;
  std::string vanished_;
  std::string password_ = "secret";
  std::vector<int> open_;
  int listening_ = -1;
  std::jthread thread_;
};

class ImapSync : public ::testing::Test {
 protected:
  ImapSync() {
    base::Clock::fix(now_, "Europe/Madrid");
    store::Source source;
    source.kind = "imap";
    source.name = "Ana";
    source.location = "ana@example.org";
    source.settings = R"({"host":"127.0.0.1","tls":"none","user":"ana","smtp":false,"port":)" +
                      std::to_string(server_.port) + "}";
    const auto added = home_.store->add_source(source);
    EXPECT_TRUE(added) << added.error().describe();
    source_ = *added;
    keep_password("secret");
  }
  ~ImapSync() override { base::Clock::fix({}, {}); }

  void keep_password(const std::string& password) {
    EXPECT_TRUE(secrets_->put(secret_name(source_.id), password));
  }
  SyncReport sync() {
    SyncContext context{*home_.store, home_.reading, home_.source(source_.id), {}, {}, &outside_};
    auto report = find_source_type("imap")->sync(context);
    EXPECT_TRUE(report) << report.error().describe();
    return report ? *report : SyncReport{};
  }
  void pass(int minutes) {
    now_ += minutes * 60 * base::one_second;
    base::Clock::fix(now_, "Europe/Madrid");
  }

  base::Microseconds now_ = *base::parse_rfc3339("2026-05-14T09:30:00+02:00");
  Server server_;
  Home home_;
  guard::Egress egress_{nullptr};
  std::unique_ptr<guard::Secrets> secrets_ =
      *guard::Secrets::open(home_.folder.path("secrets.json"), home_.folder.path("secret.key"));
  Outside outside_{egress_, *secrets_};
  store::Source source_;
};

TEST_F(ImapSync, most_of_a_mailbox_named_as_gone_is_believed_only_when_it_is_said_again) {
  server_.fill(30);
  EXPECT_EQ(sync().added, 30);
  server_.expunge(1, 30);
  const SyncReport doubted = sync();
  EXPECT_EQ(doubted.removed, 0);
  EXPECT_TRUE(testing::has_notice(doubted, "imap.doubtful"));
  EXPECT_EQ(home_.items(), 30);
  pass(5);
  EXPECT_EQ(sync().removed, 0) << "five minutes later it is too early";
  // The server has come to its senses: nothing was lost and nothing is read again.
  server_.take_back(30);
  EXPECT_EQ(sync().removed, 0);
  pass(20);
  EXPECT_EQ(sync().removed, 0);
  EXPECT_EQ(home_.items(), 30);
  // One that stays with it is right.
  server_.expunge(1, 30);
  EXPECT_EQ(sync().removed, 0);
  pass(11);
  EXPECT_EQ(sync().removed, 30);
  EXPECT_EQ(home_.items(), 0);
}

TEST_F(ImapSync, some_mails_named_as_gone_go_at_once) {
  server_.fill(30);
  EXPECT_EQ(sync().added, 30);
  server_.expunge(1, 12);
  EXPECT_EQ(sync().removed, 12);
  EXPECT_EQ(home_.items(), 18);
}

TEST_F(ImapSync, a_refused_password_is_not_tried_again_until_somebody_does_something) {
  using std::chrono::milliseconds;
  base::Clock::fix({}, {});
  server_.fill(2);
  server_.set_password("another");
  SyncOptions options;
  options.outside = &outside_;
  options.first_retry = milliseconds(10);
  options.longest_retry = milliseconds(20);
  auto service = SyncService::start(*home_.store, home_.reading, options);
  ASSERT_TRUE(service) << service.error().describe();
  const auto eventually = [&](const auto& holds) {
    for (int round = 0; round < 1000 && !holds(); ++round) {
      std::this_thread::sleep_for(milliseconds(20));
    }
    return holds();
  };
  const auto status = [&] { return (*service)->status().front(); };
  ASSERT_TRUE(eventually([&] {
    return status().error && status().error->code == "imap.password_wrong" &&
           status().watching == Watching::off;
  }));
  const int tried = server_.sign_ins;
  EXPECT_LE(tried, 2);
  std::this_thread::sleep_for(milliseconds(600));  // thirty pauses
  EXPECT_EQ(server_.sign_ins, tried);
  // By hand it is tried once more.
  ASSERT_TRUE((*service)->sync(source_.id, {}));
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(server_.sign_ins, tried + 1);
  // Added again with the new password it goes on.
  ASSERT_TRUE((*service)->add("imap", source_.location, "", source_.settings, "another"));
  EXPECT_TRUE(eventually([&] {
    return !status().error && status().watching == Watching::notified && home_.items() == 2;
  }));
}

}  // namespace
}  // namespace lar::sources::imap
