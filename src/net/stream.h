// A byte stream over TCP, in the clear or under TLS: what protocols other than HTTP are spoken
// over. It asks the ConnectionPolicy for the name and for every address, checks certificates
// against the system's authorities and the name that was asked for, keeps deadlines, and is woken
// at once by a stop token.
//
// A Stream belongs to one thread at a time; the policy must outlive it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/connection_policy.h"

namespace lar::net {

enum class Encryption {
  none,
  starttls,  // begins in the clear; start_tls() before anything that matters
  implicit   // TLS from the first byte (RFC 8314)
};
std::string_view name_of(Encryption encryption);  // "none", "starttls", "implicit"
// Nothing for any other text.
std::optional<Encryption> encryption_from(std::string_view name);

struct StreamOptions {
  std::string host;  // name or address literal
  int port = 0;
  Encryption encryption = Encryption::implicit;
  // PEM file of further authorities, for a server of one's own; empty: the system's alone.
  std::string authorities;
  std::chrono::milliseconds connect_limit{20'000};  // look-up, connection and handshake together
};

class Stream {
 public:
  // Errors: net.refused {host} by the policy; net.unknown_host {host}; net.port_closed {host,
  // port}; net.unreachable {host, detail}; net.timeout {host}; tls.expired, tls.not_yet_valid,
  // tls.wrong_name, tls.untrusted (each {host}), tls.failed {host, detail}; cancelled.
  static base::Result<std::unique_ptr<Stream>> connect(const ConnectionPolicy& policy,
                                                       const StreamOptions& options,
                                                       std::stop_token stop);
  virtual ~Stream() = default;  // closes, and tells the policy what went over it

  // Goes over to TLS on the open connection. Nothing read before it may be used after it.
  virtual base::Status start_tls(std::stop_token stop) = 0;
  // All of it. Errors: net.broken {host, detail}, net.timeout {host}, cancelled.
  virtual base::Status write(std::string_view bytes, std::stop_token stop) = 0;
  // What is there, at most `size` bytes; waits at most `limit` for the first. 0: the other side has
  // closed. Errors: net.broken, net.timeout, cancelled.
  virtual base::Result<std::size_t> read(char* buffer, std::size_t size,
                                         std::chrono::milliseconds limit, std::stop_token stop) = 0;
  virtual bool encrypted() const = 0;
  // Whether nobody outside of this machine sees what goes over it.
  virtual bool on_this_machine() const = 0;
};

}  // namespace lar::net
