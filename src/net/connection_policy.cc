// The policy of a lar that talks to nobody. Stateless; safe from any thread.
#include "net/connection_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace lar::net {
namespace {

bool is_loopback_v4(std::uint32_t network_order) { return (ntohl(network_order) >> 24) == 127; }

class LocalOnly final : public ConnectionPolicy {
 public:
  bool permits_name(std::string_view host) const override {
    if (host == "localhost" || host == "ip6-localhost") return true;
    std::string literal(host);
    if (literal.size() > 2 && literal.front() == '[' && literal.back() == ']') {
      literal = literal.substr(1, literal.size() - 2);
    }
    in_addr v4{};
    if (inet_pton(AF_INET, literal.c_str(), &v4) == 1) return is_loopback_v4(v4.s_addr);
    in6_addr v6{};
    if (inet_pton(AF_INET6, literal.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
    return false;
  }
  bool permits_address(std::string_view /*host*/, const Address& address) const override {
    return address.family == AddressFamily::unix_socket || address.loopback;
  }
};

}  // namespace

Address address_of(const sockaddr* socket_address, std::size_t length) {
  Address address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  // Copied, not cast: the caller's bytes need not be aligned for the wider structures.
  if (socket_address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, socket_address, sizeof v4);
    address.family = AddressFamily::ip;
    address.port = ntohs(v4.sin_port);
    address.loopback = is_loopback_v4(v4.sin_addr.s_addr);
    address.text = inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (socket_address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, socket_address, sizeof v6);
    address.family = AddressFamily::ip;
    address.port = ntohs(v6.sin6_port);
    address.text = inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    address.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      std::uint32_t mapped = 0;
      std::memcpy(&mapped, v6.sin6_addr.s6_addr + 12, sizeof mapped);
      address.loopback = is_loopback_v4(mapped);
    }
  } else if (socket_address->sa_family == AF_UNIX && length > offsetof(sockaddr_un, sun_path)) {
    const std::size_t path_length = length - offsetof(sockaddr_un, sun_path);
    const char* path =
        reinterpret_cast<const char*>(socket_address) + offsetof(sockaddr_un, sun_path);
    address.family = AddressFamily::unix_socket;
    address.text = path[0] == '\0' ? "@" + std::string(path + 1, path_length - 1)
                                   : std::string(path, strnlen(path, path_length));
  }
  return address;
}

const ConnectionPolicy& local_only() {
  static const LocalOnly policy;
  return policy;
}

}  // namespace lar::net
