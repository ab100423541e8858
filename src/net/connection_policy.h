// Who may be spoken to. Every socket lar opens asks a ConnectionPolicy first: once with the name,
// before it is even resolved, and once with the address that came out, so that no name can smuggle
// one in; and it is told what went over the connection. The policy here: this machine, over
// loopback or unix sockets. Accounts get theirs from guard/egress.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

struct sockaddr;

namespace lar::net {

enum class AddressFamily { ip, unix_socket, other };

// What is about to be connected to, after resolution.
struct Address {
  AddressFamily family = AddressFamily::other;
  std::string text;  // "127.0.0.1", "::1", path of a unix socket (abstract ones begin with '@')
  int port = 0;
  bool loopback = false;  // 127.0.0.0/8, ::1, and ::ffff:127.0.0.0/104
};

// From the structure the socket calls take; `length` as given to connect(2).
Address address_of(const sockaddr* socket_address, std::size_t length);

// What went over a connection that has ended, or over one exchange of it.
struct Exchanged {
  std::string host;  // as asked for, before resolution
  Address address;
  bool encrypted = false;
  std::uint64_t sent = 0;  // bytes as the application handed them over
  std::uint64_t received = 0;
};

// Implementations are called from any thread.
class ConnectionPolicy {
 public:
  virtual ~ConnectionPolicy() = default;
  // Whether `host` may be looked up at all: a look-up is a message to strangers too.
  virtual bool permits_name(std::string_view host) const = 0;
  // `host` is the name that was resolved; the path of a unix socket otherwise.
  virtual bool permits_address(std::string_view host, const Address& address) const = 0;
  // Once for every connection that was opened, also where it failed later.
  virtual void ended(const Exchanged& /*exchanged*/) const {}
};

// Unix sockets, loopback addresses and the name localhost; nothing else.
const ConnectionPolicy& local_only();

}  // namespace lar::net
