// The one gate for connections that leave lar: nobody is spoken to but the endpoints of accounts
// the owner has set up, each account only with its own, and every connection is written into the
// journal with its purpose and size. Sealed, it lets nothing out of this machine.
//
// Thread-safe. Must outlive the policies it gave.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/connection_policy.h"

namespace lar::guard {

// What an account talks to.
struct Endpoint {
  std::string host;  // name or address literal; compared without case
  int port = 0;
};
// HOST[:PORT] of "https://…" or "http://…"; nothing where it is no such address.
std::optional<Endpoint> endpoint_of(std::string_view url);

enum class Sealed { no, yes };

class Egress {
 public:
  // Gets every connection that has ended or was refused: an i18n code and a JSON object
  // {purpose, host, port, address, encrypted, sent, received}; sizes in bytes as the application
  // handed them over. Called from any thread.
  using Journal = std::function<void(const std::string& summary, const std::string& detail)>;

  explicit Egress(Journal journal, Sealed sealed = Sealed::no)
      : journal_(std::move(journal)), sealed_(sealed == Sealed::yes) {}

  // A policy that permits exactly these endpoints; while sealed only those of them that are on this
  // machine. `purpose` is shown to the owner ("imap Ana at work") and holds nothing private beyond
  // the name of the account.
  std::unique_ptr<net::ConnectionPolicy> permit(std::string purpose,
                                                std::vector<Endpoint> endpoints) const;

  // Counts for connections that begin afterwards.
  void seal(Sealed sealed) { sealed_ = sealed == Sealed::yes; }
  bool sealed() const { return sealed_; }

 private:
  class Permit;
  const Journal journal_;
  std::atomic<bool> sealed_;
};

}  // namespace lar::guard
