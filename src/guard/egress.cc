// Permits of accounts. A permit holds no lock: its endpoints never change, and whether the gate is
// sealed is one atomic.
#include "guard/egress.h"

#include <algorithm>
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
