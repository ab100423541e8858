// Streams against servers of our own on loopback: plain, under TLS with good and bad certificates,
// slow, silent and cutting ones.
#include "net/stream.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "os/file.h"

namespace lar::net {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

// Permits what it is told to and remembers what it was told.
class Recorder final : public ConnectionPolicy {
 public:
  bool permits_name(std::string_view) const override { return names; }
  bool permits_address(std::string_view, const Address& address) const override {
    return addresses && address.loopback;
  }
  void ended(const Exchanged& exchanged) const override {
    const std::lock_guard lock(mutex_);
    exchanges.push_back(exchanged);
  }
  bool names = true, addresses = true;
  mutable std::vector<Exchanged> exchanges;

 private:
  mutable std::mutex mutex_;
};

// One connection after another, each handled by `serve` on the server's thread.
class Server {
 public:
  explicit Server(std::function<void(int)> serve) : serve_(std::move(serve)) {
    listening_ = os::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listening_.get(), 8);
    socklen_t length = sizeof address;
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested()) {
        os::Descriptor one(::accept(listening_.get(), nullptr, nullptr));
        if (!one.valid()) return;
        serve_(one.get());
      }
    });
  }
  ~Server() {
    thread_.request_stop();
    ::shutdown(listening_.get(), SHUT_RDWR);
  }
  int port() const { return port_; }

 private:
  std::function<void(int)> serve_;
  os::Descriptor listening_;
  int port_ = 0;
  std::jthread thread_;
};

std::string read_some(int socket) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : "";
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { ::X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;

// An authority and what it signs, made for one test.
class Authority {
 public:
  Authority()
      : key_(::EVP_EC_gen("P-256")), certificate_(make("Test authority", "", -1, 30, true)) {
    std::string name = (std::filesystem::temp_directory_path() / "lar-tls-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::FILE* file = std::fopen(path().c_str(), "w");
    ::PEM_write_X509(file, certificate_.get());
    std::fclose(file);
  }
  ~Authority() { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/authority.pem"; }
  EVP_PKEY* key() const { return key_.get(); }

  // Signed by this authority; valid from and until days from now.
  Certificate sign(const std::string& names, long from, long until) const {
    return make("Test server", names, from, until, false);
  }

 private:
  Certificate make(const char* subject, const std::string& names, long from, long until,
                   bool authority) const {
    Certificate made(::X509_new());
    ::X509_set_version(made.get(), 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), authority ? 1 : 2);
    ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), from * 86400);
    ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), until * 86400);
    ::X509_set_pubkey(made.get(), key_.get());
    X509_NAME* name = ::X509_get_subject_name(made.get());
    ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(subject), -1, -1, 0);
    ::X509_set_issuer_name(made.get(),
                           authority ? name : ::X509_get_subject_name(certificate_.get()));
    const auto add = [&](int kind, const std::string& value) {
      X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
      ::X509_add_ext(made.get(), extension, -1);
      ::X509_EXTENSION_free(extension);
    };
    add(NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!names.empty()) add(NID_subject_alt_name, names);
    ::X509_sign(made.get(), key_.get(), ::EVP_sha256());
    return made;
  }

  Key key_;
  Certificate certificate_;
  std::string folder_;
};

// Speaks TLS on an accepted socket and echoes one message in upper case.
void serve_tls(int socket, const Authority& authority, X509* certificate) {
  SSL_CTX* context = ::SSL_CTX_new(::TLS_server_method());
  ::SSL_CTX_use_certificate(context, certificate);
  ::SSL_CTX_use_PrivateKey(context, authority.key());
  SSL* session = ::SSL_new(context);
  ::SSL_set_fd(session, socket);
  if (::SSL_accept(session) == 1) {
    std::array<char, 4096> buffer{};
    int got = 0;
    while ((got = ::SSL_read(session, buffer.data(), buffer.size())) > 0) {
      for (int i = 0; i < got; ++i) {
        auto& letter = buffer[static_cast<std::size_t>(i)];
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
      }
      ::SSL_write(session, buffer.data(), got);
    }
    ::SSL_shutdown(session);
  }
  ::SSL_free(session);
  ::SSL_CTX_free(context);
}

StreamOptions plain(int port) {
  StreamOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.encryption = Encryption::none;
  return options;
}
StreamOptions secure(int port, const Authority& authority, const std::string& host = "localhost") {
  StreamOptions options;
  options.host = host;
  options.port = port;
  options.authorities = authority.path();
  return options;
}

std::string read_once(Stream& stream) {
  std::array<char, 4096> buffer{};
  const auto got = stream.read(buffer.data(), buffer.size(), milliseconds(5000), {});
  return got ? std::string(buffer.data(), *got) : got.error().code;
}

TEST(Stream, bytes_go_both_ways_and_are_counted) {
  const Server server([](int socket) {
    const std::string said = read_some(socket);
    (void)!::write(socket, "answer", 6);
  });
  const Recorder policy;
  {
    auto stream = Stream::connect(policy, plain(server.port()), {});
    ASSERT_TRUE(stream) << stream.error().describe();
    ASSERT_TRUE((*stream)->write("question", {}));
    EXPECT_EQ(read_once(**stream), "answer");
    EXPECT_EQ(read_once(**stream), "");  // closed
    EXPECT_TRUE((*stream)->on_this_machine());
    EXPECT_FALSE((*stream)->encrypted());
  }
  ASSERT_EQ(policy.exchanges.size(), 1u);
  EXPECT_EQ(policy.exchanges[0].host, "127.0.0.1");
  EXPECT_EQ(policy.exchanges[0].address.port, server.port());
  EXPECT_EQ(policy.exchanges[0].sent, 8u);
  EXPECT_EQ(policy.exchanges[0].received, 6u);
  EXPECT_FALSE(policy.exchanges[0].encrypted);
}

TEST(Stream, what_the_policy_refuses_is_not_connected_to) {
  std::atomic<int> connections = 0;
  const Server server([&](int) { ++connections; });
  Recorder policy;
  policy.addresses = false;
  EXPECT_EQ(Stream::connect(policy, plain(server.port()), {}).error().code, "net.refused");
  policy.addresses = true;
  policy.names = false;
  EXPECT_EQ(Stream::connect(policy, plain(server.port()), {}).error().code, "net.refused");
  EXPECT_EQ(connections, 0);
  EXPECT_TRUE(policy.exchanges.empty());
}

TEST(Stream, a_closed_port_and_an_unknown_name_are_told_apart) {
  const Recorder policy;
  int free_port = 0;
  {
    const Server gone([](int) {});
    free_port = gone.port();
  }
  const auto closed = Stream::connect(policy, plain(free_port), {});
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, "net.port_closed");
  StreamOptions options = plain(free_port);
  options.host = "no-such-name.invalid";
  options.connect_limit = milliseconds(8000);
  const auto unknown = Stream::connect(policy, options, {});
  ASSERT_FALSE(unknown);
  // Without any resolver the look-up itself fails.
  EXPECT_TRUE(unknown.error().code == "net.unknown_host" ||
              unknown.error().code == "net.unreachable" || unknown.error().code == "net.timeout")
      << unknown.error().describe();
}

TEST(Stream, a_stop_wakes_a_read_at_once) {
  const Server server([](int socket) { read_some(socket); });
  const Recorder policy;
  auto stream = Stream::connect(policy, plain(server.port()), {});
  ASSERT_TRUE(stream);
  std::stop_source stop;
  const std::jthread later([&] {
    std::this_thread::sleep_for(milliseconds(50));
    stop.request_stop();
  });
  char byte = 0;
  const auto begun = Steady::now();
  const auto got = (*stream)->read(&byte, 1, milliseconds(30'000), stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "cancelled");
  EXPECT_LT(Steady::now() - begun, milliseconds(10'000));
}

TEST(Stream, a_silent_server_ends_in_a_timeout) {
  const Server server([](int socket) { read_some(socket); });
  const Recorder policy;
  auto stream = Stream::connect(policy, plain(server.port()), {});
  ASSERT_TRUE(stream);
  char byte = 0;
  const auto got = (*stream)->read(&byte, 1, milliseconds(30), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "net.timeout");
}

TEST(Stream, writing_to_a_server_that_has_left_is_an_error_and_no_signal) {
  const Server server([](int socket) {
    const linger at_once{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  });
  const Recorder policy;
  auto stream = Stream::connect(policy, plain(server.port()), {});
  ASSERT_TRUE(stream);
  EXPECT_NE(read_once(**stream), "x");  // the reset has arrived
  base::Status written;
  for (int i = 0; i < 3 && written; ++i) written = (*stream)->write(std::string(100'000, 'x'), {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, "net.broken");
}

TEST(Stream, a_good_certificate_is_accepted_for_a_name_and_for_an_address) {
  const Authority authority;
  const Certificate certificate = authority.sign("DNS:localhost,IP:127.0.0.1", -1, 30);
  const Server server([&](int socket) { serve_tls(socket, authority, certificate.get()); });
  const Recorder policy;
  for (const char* host : {"localhost", "127.0.0.1", "LOCALHOST"}) {
    auto stream = Stream::connect(policy, secure(server.port(), authority, host), {});
    ASSERT_TRUE(stream) << host << " " << stream.error().describe();
    EXPECT_TRUE((*stream)->encrypted());
    ASSERT_TRUE((*stream)->write("hello", {}));
    EXPECT_EQ(read_once(**stream), "HELLO");
  }
  ASSERT_EQ(policy.exchanges.size(), 3u);
  EXPECT_TRUE(policy.exchanges[0].encrypted);
  EXPECT_EQ(policy.exchanges[0].sent, 5u);
}

TEST(Stream, bad_certificates_are_refused_and_say_why) {
  const Authority authority;
  const Authority other;
  struct Case {
    const char* names;
    long from, until;
    const char* code;
  };
  const Recorder policy;
  for (const Case& one : {Case{"DNS:localhost", -30, -1, "tls.expired"},
                          Case{"DNS:localhost", 2, 30, "tls.not_yet_valid"},
                          Case{"DNS:elsewhere.example", -1, 30, "tls.wrong_name"},
                          Case{"DNS:*.localhost", -1, 30, "tls.wrong_name"},
                          Case{"IP:127.0.0.2", -1, 30, "tls.wrong_name"}}) {
    const Certificate certificate = authority.sign(one.names, one.from, one.until);
    const Server server([&](int socket) { serve_tls(socket, authority, certificate.get()); });
    const auto stream = Stream::connect(policy, secure(server.port(), authority), {});
    ASSERT_FALSE(stream) << one.code;
    EXPECT_EQ(stream.error().code, one.code);
  }
  const Certificate certificate = authority.sign("DNS:localhost", -1, 30);
  const Server server([&](int socket) { serve_tls(socket, authority, certificate.get()); });
  const auto stream = Stream::connect(policy, secure(server.port(), other), {});
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, "tls.untrusted");
}

TEST(Stream, a_server_without_tls_is_no_tls_server) {
  const Server server([](int socket) {
    (void)!::write(socket, "* OK hello\r\n", 12);
    read_some(socket);
  });
  const Authority authority;
  const Recorder policy;
  const auto stream = Stream::connect(policy, secure(server.port(), authority), {});
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, "tls.failed");
}

TEST(Stream, a_server_that_cuts_or_delays_the_handshake_ends_it) {
  const Authority authority;
  const Recorder policy;
  const Server cutting([](int socket) { read_some(socket); });
  const auto cut = Stream::connect(policy, secure(cutting.port(), authority), {});
  ASSERT_FALSE(cut);
  EXPECT_TRUE(cut.error().code == "tls.failed" || cut.error().code == "net.broken");
  const Server slow([](int socket) {
    while (!read_some(socket).empty()) {
    }
  });
  StreamOptions options = secure(slow.port(), authority);
  options.connect_limit = milliseconds(100);
  const auto late = Stream::connect(policy, options, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "net.timeout");
}

TEST(Stream, tls_can_begin_on_an_open_connection) {
  const Authority authority;
  const Certificate certificate = authority.sign("DNS:localhost", -1, 30);
  const Server server([&](int socket) {
    if (read_some(socket) == "STARTTLS") {
      (void)!::write(socket, "OK", 2);
      serve_tls(socket, authority, certificate.get());
    }
  });
  const Recorder policy;
  StreamOptions options = secure(server.port(), authority);
  options.encryption = Encryption::starttls;
  auto stream = Stream::connect(policy, options, {});
  ASSERT_TRUE(stream);
  EXPECT_FALSE((*stream)->encrypted());
  ASSERT_TRUE((*stream)->write("STARTTLS", {}));
  EXPECT_EQ(read_once(**stream), "OK");
  const auto secured = (*stream)->start_tls({});
  ASSERT_TRUE(secured) << secured.error().describe();
  EXPECT_TRUE((*stream)->encrypted());
  const std::string much(300'000, 'x');
  ASSERT_TRUE((*stream)->write("abc", {}));
  EXPECT_EQ(read_once(**stream), "ABC");
}

}  // namespace
}  // namespace lar::net
