// The socket never blocks; every wait is a poll() on it and on an eventfd that the stop token
// writes. OpenSSL works on two buffers in memory and never sees the socket: so the counting, the
// deadlines and MSG_NOSIGNAL are in one place.
#include "net/stream.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>
#include <vector>

#include "os/file.h"

namespace lar::net {

namespace {

using base::ErrorKind;
using base::fail;
using base::Result;
using base::Retry;
using base::Status;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;
using Failure = tl::unexpected<base::Error>;

constexpr milliseconds write_limit{60'000};
constexpr milliseconds try_limit{4'000};  // for one address while there are others

Failure cancelled() { return fail(ErrorKind::cancelled, "cancelled"); }
Failure timed_out(const std::string& host) {
  return fail(ErrorKind::timeout, "net.timeout", {{"host", host}}, Retry::later);
}
Failure broken(const std::string& host, std::string detail) {
  return fail(ErrorKind::unavailable, "net.broken", {{"host", host}, {"detail", std::move(detail)}},
              Retry::later);
}
std::string system_text(int number) { return std::generic_category().message(number); }

milliseconds left_until(Steady::time_point deadline) {
  return std::chrono::duration_cast<milliseconds>(deadline - Steady::now());
}

// Readable once the token has been stopped.
class StopEvent {
 public:
  explicit StopEvent(std::stop_token stop)
      : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), wake_(std::move(stop), [this] {
          const std::uint64_t one = 1;
          (void)!::write(event_.get(), &one, sizeof one);
        }) {}
  int descriptor() const { return event_.get(); }

 private:
  os::Descriptor event_;
  std::stop_callback<std::function<void()>> wake_;
};

enum class Waited { ready, timeout, cancelled };
Waited wait_for(int socket, short events, Steady::time_point deadline, const StopEvent& stop) {
  for (;;) {
    const milliseconds left = left_until(deadline);
    if (left.count() < 0) return Waited::timeout;
    std::array<pollfd, 2> polled{pollfd{socket, events, 0}, pollfd{stop.descriptor(), POLLIN, 0}};
    const int ready = ::poll(polled.data(), polled.size(),
                             static_cast<int>(std::min<std::int64_t>(left.count() + 1, 3'600'000)));
    if (ready < 0 && errno != EINTR) return Waited::timeout;
    if (ready > 0 && polled[1].revents != 0) return Waited::cancelled;
    if (ready > 0 && polled[0].revents != 0) return Waited::ready;
  }
}

// ---- names -------------------------------------------------------------------------------------

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// A look-up cannot be called back; one that is given up lives here until the resolver is done.
struct Lookup {
  std::string host, port;
  addrinfo hints{};
  gaicb request{};
};
class GivenUp {
 public:
  void keep(std::unique_ptr<Lookup> lookup) {
    const std::lock_guard lock(mutex_);
    std::erase_if(kept_, [](const std::unique_ptr<Lookup>& one) {
      if (::gai_error(&one->request) == EAI_INPROGRESS) return false;
      if (one->request.ar_result != nullptr) ::freeaddrinfo(one->request.ar_result);
      return true;
    });
    kept_.push_back(std::move(lookup));
  }

 private:
  std::mutex mutex_;
  std::list<std::unique_ptr<Lookup>> kept_;
};
GivenUp& given_up() {
  static auto* list = new GivenUp;  // never destroyed: the resolver may still write into it
  return *list;
}

Result<Addresses> resolve(const std::string& host, int port, Steady::time_point deadline,
                          std::stop_token stop) {
  auto lookup = std::make_unique<Lookup>();
  lookup->host = host;
  if (lookup->host.size() > 2 && lookup->host.front() == '[' && lookup->host.back() == ']') {
    lookup->host = lookup->host.substr(1, lookup->host.size() - 2);
  }
  lookup->port = std::to_string(port);
  lookup->hints.ai_socktype = SOCK_STREAM;
  lookup->hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (::getaddrinfo(lookup->host.c_str(), lookup->port.c_str(), &lookup->hints, &list) == 0) {
    return Addresses(list);  // an address literal
  }
  lookup->hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
  if (host == "localhost") lookup->hints.ai_flags = AI_NUMERICSERV;
  lookup->request.ar_name = lookup->host.c_str();
  lookup->request.ar_service = lookup->port.c_str();
  lookup->request.ar_request = &lookup->hints;
  gaicb* requests[] = {&lookup->request};
  if (::getaddrinfo_a(GAI_NOWAIT, requests, 1, nullptr) != 0) {
    return fail(ErrorKind::unavailable, "net.unreachable", {{"host", host}, {"detail", "resolver"}},
                Retry::later);
  }
  for (;;) {
    const int code = ::gai_error(&lookup->request);
    if (code == 0) return Addresses(lookup->request.ar_result);
    if (code != EAI_INPROGRESS) {
      if (code == EAI_NONAME || code == EAI_NODATA) {
        return fail(ErrorKind::not_found, "net.unknown_host", {{"host", host}}, Retry::later);
      }
      return fail(ErrorKind::unavailable, "net.unreachable",
                  {{"host", host}, {"detail", ::gai_strerror(code)}}, Retry::later);
    }
    const bool late = left_until(deadline).count() <= 0;
    if (late || stop.stop_requested()) {
      ::gai_cancel(&lookup->request);
      given_up().keep(std::move(lookup));
      if (stop.stop_requested()) return cancelled();
      return timed_out(host);
    }
    timespec pause{0, 20'000'000};
    ::gai_suspend(requests, 1, &pause);
  }
}

// ---- certificates ------------------------------------------------------------------------------

struct FreeContext {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { ::SSL_free(session); }
};

std::string openssl_text() {
  std::array<char, 160> text{};
  const unsigned long code = ::ERR_peek_last_error();
  ::ERR_error_string_n(code, text.data(), text.size());
  ::ERR_clear_error();
  return code == 0 ? "TLS" : text.data();
}

Failure certificate_error(long verdict, const std::string& host) {
  const auto refused = [&](const char* code) {
    return fail(ErrorKind::permission, code, {{"host", host}});
  };
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return refused("tls.expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return refused("tls.not_yet_valid");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return refused("tls.wrong_name");
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return refused("tls.untrusted");
    default:
      return fail(ErrorKind::permission, "tls.failed",
                  {{"host", host}, {"detail", ::X509_verify_cert_error_string(verdict)}});
  }
}

// ---- the stream --------------------------------------------------------------------------------

class SocketStream final : public Stream {
 public:
  SocketStream(const ConnectionPolicy& policy, StreamOptions options)
      : policy_(policy), options_(std::move(options)) {}

  ~SocketStream() override {
    if (!socket_.valid()) return;
    if (session_) {
      ::SSL_shutdown(session_.get());
      ::ERR_clear_error();
      std::array<char, 4096> rest{};
      const int pending = ::BIO_read(outgoing_, rest.data(), rest.size());
      if (pending > 0) {
        (void)!::send(socket_.get(), rest.data(), static_cast<std::size_t>(pending),
                      MSG_NOSIGNAL | MSG_DONTWAIT);
      }
    }
    policy_.ended({options_.host, address_, session_ != nullptr, sent_, received_});
  }

  Status open(std::stop_token stop) {
    const auto deadline = Steady::now() + options_.connect_limit;
    if (!policy_.permits_name(options_.host)) return refused();
    TRY_ASSIGN(const Addresses list, resolve(options_.host, options_.port, deadline, stop));
    std::optional<base::Error> last;
    bool any_permitted = false;
    for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
      const Address address = address_of(one->ai_addr, one->ai_addrlen);
      if (!policy_.permits_address(options_.host, address)) continue;
      any_permitted = true;
      const auto until =
          one->ai_next == nullptr ? deadline : std::min(deadline, Steady::now() + try_limit);
      auto connected = try_address(*one, address, until, stop);
      if (connected) {
        last.reset();
        break;
      }
      last = std::move(connected).error();
      if (last->kind == ErrorKind::cancelled) break;
    }
    if (!any_permitted) return refused();
    if (last) return tl::unexpected(std::move(*last));
    if (options_.encryption == Encryption::implicit) return handshake(deadline, stop);
    return {};
  }

  Status start_tls(std::stop_token stop) override {
    return handshake(Steady::now() + options_.connect_limit, stop);
  }

  Status write(std::string_view bytes, std::stop_token stop) override {
    const auto deadline = Steady::now() + write_limit;
    sent_ += bytes.size();
    if (!session_) return send_all(bytes, deadline, stop);
    while (!bytes.empty()) {
      std::size_t taken = 0;
      ::ERR_clear_error();
      if (::SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &taken) == 1) {
        bytes.remove_prefix(taken);
        TRY(flush(deadline, stop));
        continue;
      }
      TRY(pump(taken == 0 ? ::SSL_get_error(session_.get(), 0) : SSL_ERROR_SSL, deadline, stop));
    }
    return {};
  }

  Result<std::size_t> read(char* buffer, std::size_t size, milliseconds limit,
                           std::stop_token stop) override {
    const auto deadline = Steady::now() + limit;
    if (!session_) {
      TRY_ASSIGN(const std::size_t got, receive(buffer, size, deadline, stop));
      received_ += got;
      return got;
    }
    for (;;) {
      std::size_t got = 0;
      ::ERR_clear_error();
      const int done = ::SSL_read_ex(session_.get(), buffer, size, &got);
      if (done == 1) {
        received_ += got;
        return got;
      }
      const int wanted = ::SSL_get_error(session_.get(), done);
      if (wanted == SSL_ERROR_ZERO_RETURN || closed_) return std::size_t{0};
      TRY(pump(wanted, deadline, stop));
    }
  }

  bool encrypted() const override { return session_ != nullptr; }
  bool on_this_machine() const override { return address_.loopback; }

 private:
  Failure refused() const {
    return fail(ErrorKind::permission, "net.refused", {{"host", options_.host}});
  }

  Status try_address(const addrinfo& one, const Address& address, Steady::time_point deadline,
                     std::stop_token stop) {
    os::Descriptor made(
        ::socket(one.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, one.ai_protocol));
    const auto failed = [&](int number) -> Failure {
      if (number == ECONNREFUSED) {
        return fail(ErrorKind::unavailable, "net.port_closed",
                    {{"host", options_.host}, {"port", std::to_string(options_.port)}},
                    Retry::later);
      }
      return fail(ErrorKind::unavailable, "net.unreachable",
                  {{"host", options_.host}, {"detail", system_text(number)}}, Retry::later);
    };
    if (!made.valid()) return failed(errno);
    const int on = 1;
    ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(made.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (::connect(made.get(), one.ai_addr, one.ai_addrlen) != 0) {
      if (errno != EINPROGRESS) return failed(errno);
      const StopEvent event(stop);
      TRY(ready_for(made.get(), POLLOUT, deadline, event));
      int number = 0;
      socklen_t length = sizeof number;
      ::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &number, &length);
      if (number != 0) return failed(number);
    }
    socket_ = std::move(made);
    address_ = address;
    return {};
  }

  Status handshake(Steady::time_point deadline, std::stop_token stop) {
    context_.reset(::SSL_CTX_new(::TLS_client_method()));
    if (!context_) return tls_failed();
    ::SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    ::SSL_CTX_set_default_verify_paths(context_.get());
    ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (!options_.authorities.empty() &&
        ::SSL_CTX_load_verify_file(context_.get(), options_.authorities.c_str()) != 1) {
      ::ERR_clear_error();
      return fail(ErrorKind::invalid_input, "tls.bad_authorities",
                  {{"path", options_.authorities}});
    }
    session_.reset(::SSL_new(context_.get()));
    if (!session_) return tls_failed();
    incoming_ = ::BIO_new(::BIO_s_mem());
    outgoing_ = ::BIO_new(::BIO_s_mem());
    ::SSL_set_bio(session_.get(), incoming_, outgoing_);  // owned by the session now
    // A name with a dot at its end is the same name.
    std::string host = options_.host;
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (host.ends_with('.')) host.pop_back();
    X509_VERIFY_PARAM* checked = ::SSL_get0_param(session_.get());
    if (::X509_VERIFY_PARAM_set1_ip_asc(checked, host.c_str()) != 1) {
      ::ERR_clear_error();
      ::X509_VERIFY_PARAM_set_hostflags(checked, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      if (::X509_VERIFY_PARAM_set1_host(checked, host.c_str(), host.size()) != 1) {
        return tls_failed();
      }
      ::SSL_set_tlsext_host_name(session_.get(), host.c_str());
    }
    ::SSL_set_connect_state(session_.get());
    for (;;) {
      ::ERR_clear_error();
      const int done = ::SSL_do_handshake(session_.get());
      if (done == 1) {
        if (const long verdict = ::SSL_get_verify_result(session_.get()); verdict != X509_V_OK) {
          return certificate_error(verdict, options_.host);
        }
        return flush(deadline, stop);
      }
      const int wanted = ::SSL_get_error(session_.get(), done);
      if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) {
        const long verdict = ::SSL_get_verify_result(session_.get());
        Failure failure =
            verdict != X509_V_OK ? certificate_error(verdict, options_.host) : tls_failed();
        (void)flush(deadline, stop);  // the alert that says why
        return failure;
      }
      TRY(pump(wanted, deadline, stop));
      if (closed_) return tls_failed();
    }
  }

  Failure tls_failed() const {
    return fail(ErrorKind::unavailable, "tls.failed",
                {{"host", options_.host}, {"detail", openssl_text()}}, Retry::later);
  }

  // Moves what OpenSSL asked for.
  Status pump(int wanted, Steady::time_point deadline, std::stop_token stop) {
    if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) {
      return broken(options_.host, openssl_text());
    }
    TRY(flush(deadline, stop));
    if (wanted == SSL_ERROR_WANT_WRITE) return {};
    std::array<char, 16384> piece{};
    TRY_ASSIGN(const std::size_t got, receive(piece.data(), piece.size(), deadline, stop));
    if (got == 0) {
      closed_ = true;
      // A close without the peer's farewell: what is missing shows in the protocol above.
      ::BIO_set_mem_eof_return(incoming_, 0);
      return {};
    }
    ::BIO_write(incoming_, piece.data(), static_cast<int>(got));
    return {};
  }

  Status flush(Steady::time_point deadline, std::stop_token stop) {
    std::array<char, 16384> piece{};
    for (;;) {
      const int pending = ::BIO_read(outgoing_, piece.data(), piece.size());
      if (pending <= 0) return {};
      TRY(send_all({piece.data(), static_cast<std::size_t>(pending)}, deadline, stop));
    }
  }

  Status ready_for(int socket, short events, Steady::time_point deadline,
                   const StopEvent& stop) const {
    switch (wait_for(socket, events, deadline, stop)) {
      case Waited::cancelled:
        return cancelled();
      case Waited::timeout:
        return timed_out(options_.host);
      case Waited::ready:
        break;
    }
    return {};
  }

  // After a call of the socket failed: waits for it if it would have blocked. `event` is made when
  // it is first needed and serves the calls that follow.
  Status after_failure(int number, short events, Steady::time_point deadline,
                       const std::stop_token& stop, std::optional<StopEvent>& event) const {
    if (number == EINTR) return {};
    if (number != EAGAIN && number != EWOULDBLOCK) {
      return broken(options_.host, system_text(number));
    }
    if (!event) event.emplace(stop);
    return ready_for(socket_.get(), events, deadline, *event);
  }

  Status send_all(std::string_view bytes, Steady::time_point deadline, std::stop_token stop) {
    std::optional<StopEvent> event;
    while (!bytes.empty()) {
      const ssize_t done = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (done > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(done));
        continue;
      }
      TRY(after_failure(errno, POLLOUT, deadline, stop, event));
    }
    return {};
  }

  Result<std::size_t> receive(char* buffer, std::size_t size, Steady::time_point deadline,
                              std::stop_token stop) {
    if (stop.stop_requested()) return cancelled();
    std::optional<StopEvent> event;
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), buffer, size, 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      TRY(after_failure(errno, POLLIN, deadline, stop, event));
    }
  }

  const ConnectionPolicy& policy_;
  const StreamOptions options_;
  os::Descriptor socket_;
  Address address_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  std::unique_ptr<SSL, FreeSession> session_;
  BIO* incoming_ = nullptr;
  BIO* outgoing_ = nullptr;
  bool closed_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

}  // namespace

std::string_view name_of(Encryption encryption) {
  switch (encryption) {
    case Encryption::none:
      return "none";
    case Encryption::starttls:
      return "starttls";
    case Encryption::implicit:
      break;
  }
  return "implicit";
}

std::optional<Encryption> encryption_from(std::string_view name) {
  for (const Encryption one : {Encryption::none, Encryption::starttls, Encryption::implicit}) {
    if (name_of(one) == name) return one;
  }
  return std::nullopt;
}

Result<std::unique_ptr<Stream>> Stream::connect(const ConnectionPolicy& policy,
                                                const StreamOptions& options,
                                                std::stop_token stop) {
  auto stream = std::make_unique<SocketStream>(policy, options);
  TRY(stream->open(std::move(stop)));
  return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace lar::net
