// Outside services behind roles, each only with the owner's consent. Consent is for one address and
// holds as long as a role is bound to it; it is kept in the store beside the home's other settings,
// a key in guard/secrets, and giving and ending it are journalled. Connections go through
// guard/egress, which journals each and lets none out while sealed. Thread-safe.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "guard/egress.h"
#include "guard/secrets.h"
#include "store/store.h"

namespace lar::api {

class OutsideEngines {
 public:
  OutsideEngines(store::Store& store, const guard::Egress& egress, guard::Secrets& secrets)
      : store_(store), egress_(egress), secrets_(secrets) {}

  // How to speak to an address (https://HOST[:PORT][/PATH]). Errors: engine.needs_consent
  // {address}, engine.bad_address {address}, those of secrets.
  base::Result<engine::OutsideAccess> access(engine::Role role, const std::string& address);
  // The owner consents; `key`: empty where the service wants none, or the one that is kept holds.
  // Errors: engine.bad_address {address}, those of writing.
  base::Status agree(const std::string& address, const std::string& key);
  // Ends consent for addresses that no role is bound to, with their keys.
  base::Status end_unused(const std::set<std::string>& bound);

 private:
  base::Result<std::set<std::string>> agreed();

  store::Store& store_;
  const guard::Egress& egress_;
  guard::Secrets& secrets_;
  std::mutex mutex_;  // of the setting, which is read, changed and written
};

}  // namespace lar::api
