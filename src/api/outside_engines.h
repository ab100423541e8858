// Outside services behind roles, each only with the owner's consent. Consent is for one role at one
// address, because what would leave differs from role to role (chat sends what is asked, embed all
// that is read), and holds as long as the role is bound there. It is kept in the store beside the
// home's other settings, a key in guard/secrets, and giving and ending it are journalled.
// Connections go through guard/egress, which journals each and lets none out while sealed.
// Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "engine/engine.h"
#include "guard/egress.h"
#include "guard/secrets.h"
#include "store/store.h"

namespace lar::api {

// A role at an address (https://HOST[:PORT][/PATH]).
using OutsideUse = std::pair<engine::Role, std::string>;

class OutsideEngines {
 public:
  OutsideEngines(store::Store& store, const guard::Egress& egress, guard::Secrets& secrets)
      : store_(store), egress_(egress), secrets_(secrets) {}

  // How to speak to an address for a role. Errors: engine.needs_consent {address},
  // engine.bad_address {address}, those of secrets.
  base::Result<engine::OutsideAccess> access(engine::Role role, const std::string& address);

  // What there was before a consent, to take it back.
  struct Before {
    bool agreed = false;
    bool key_changed = false;
    std::optional<std::string> key;
  };
  // The owner consents; `key`: empty where the service wants none, or the one that is kept holds.
  // Errors: engine.bad_address {address}, those of writing.
  base::Result<Before> agree(const OutsideUse& use, const std::string& key);
  // The change the consent was given for has failed: consent and key are what they were.
  base::Status take_back(const OutsideUse& use, const Before& before);
  // Ends every consent but those for the uses that are bound; a key goes with its address's last.
  base::Status end_unused(const std::set<OutsideUse>& bound);

 private:
  base::Result<std::set<OutsideUse>> agreed();
  base::Status keep(const std::set<OutsideUse>& uses);
  base::Status write_journal(const char* summary, const OutsideUse& use);
  base::Result<std::optional<std::string>> key_of(const std::string& address);

  store::Store& store_;
  const guard::Egress& egress_;
  guard::Secrets& secrets_;
  std::mutex mutex_;  // of the setting, which is read, changed and written
};

}  // namespace lar::api
