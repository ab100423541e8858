// Permits of accounts. A permit holds no lock: its endpoints never change, and whether the gate is
// sealed is one atomic.
#include "guard/egress.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace lar::guard {

namespace {

// "[::1]" and "::1" are one host.
std::string plain(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return base::lower_ascii(host);
}

}  // namespace

std::optional<Endpoint> endpoint_of(std::string_view url) {
  const bool encrypted = url.starts_with("https://");
  if (!encrypted && !url.starts_with("http://")) return std::nullopt;
  std::string_view where = url.substr(url.find("//") + 2);
  where = where.substr(0, where.find_first_of("/?#"));
  Endpoint endpoint{std::string(where), encrypted ? 443 : 80};
  // A literal address of IPv6 has colons of its own, inside of brackets.
  const std::size_t colon = where.rfind(':');
  const std::size_t bracket = where.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view digits = where.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    endpoint.host = std::string(where.substr(0, colon));
  }
  const bool plain_name = endpoint.host.find_first_of("@ \t") == std::string::npos;
  if (endpoint.host.empty() || !plain_name || endpoint.port < 1 || endpoint.port > 65'535) {
    return std::nullopt;
  }
  return endpoint;
}

class Egress::Permit final : public net::ConnectionPolicy {
 public:
  Permit(const Egress& gate, std::string purpose, std::vector<Endpoint> endpoints)
      : gate_(gate), purpose_(std::move(purpose)), endpoints_(std::move(endpoints)) {
    for (Endpoint& endpoint : endpoints_) endpoint.host = plain(endpoint.host);
  }

  bool permits_name(std::string_view host) const override {
    const std::string name = plain(host);
    const bool known = std::any_of(endpoints_.begin(), endpoints_.end(),
                                   [&](const Endpoint& one) { return one.host == name; });
    const bool permitted = known && (!gate_.sealed() || net::local_only().permits_name(host));
    if (!permitted) tell("journal.egress_refused", {{"host", name}});
    return permitted;
  }

  bool permits_address(std::string_view host, const net::Address& address) const override {
    if (address.family != net::AddressFamily::ip) return false;
    const std::string name = plain(host);
    const bool known = std::any_of(endpoints_.begin(), endpoints_.end(), [&](const Endpoint& one) {
      return one.host == name && one.port == address.port;
    });
    const bool permitted = known && (!gate_.sealed() || address.loopback);
    if (!permitted) {
      tell("journal.egress_refused",
           {{"host", name}, {"port", address.port}, {"address", address.text}});
    }
    return permitted;
  }

  void ended(const net::Exchanged& exchanged) const override {
    tell("journal.egress", {{"host", plain(exchanged.host)},
                            {"port", exchanged.address.port},
                            {"address", exchanged.address.text},
                            {"encrypted", exchanged.encrypted},
                            {"sent", exchanged.sent},
                            {"received", exchanged.received}});
  }

 private:
  void tell(const std::string& summary, nlohmann::json detail) const {
    if (!gate_.journal_) return;
    detail["purpose"] = purpose_;
    gate_.journal_(summary, detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }

  const Egress& gate_;
  const std::string purpose_;
  std::vector<Endpoint> endpoints_;
};

std::unique_ptr<net::ConnectionPolicy> Egress::permit(std::string purpose,
                                                      std::vector<Endpoint> endpoints) const {
  return std::make_unique<Permit>(*this, std::move(purpose), std::move(endpoints));
}

}  // namespace lar::guard
