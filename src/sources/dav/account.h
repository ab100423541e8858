// An account at a CalDAV or CardDAV server: what the two kinds differ in, how it is found from what
// a person typed (RFC 6764, RFC 5397, RFC 4791, RFC 6352), and which collections it has.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sources/dav/client.h"
#include "sources/source.h"
#include "sources/token.h"

namespace lar::sources::dav {

// CalDAV and CardDAV are one protocol with other names.
struct Flavor {
  std::string_view kind;             // "caldav"
  std::string_view home;             // property that names where the collections lie
  std::string_view collection;       // resource type
  std::string_view name_space;       // of its reports
  std::string_view multiget;         // local name of the report
  std::string_view data;             // property that holds an object
  std::string_view well_known;       // path
  std::string_view media_type;       // of an object
  std::string_view extension;        // with its dot
  std::string_view none_found_code;  // error where an account has no collection
};
const Flavor& calendars();
const Flavor& contacts();
const Flavor& flavor_of(std::string_view kind);

// A source's settings as they lie in the store (JSON).
struct Settings {
  std::string user;
  net::Credentials::Scheme scheme = net::Credentials::Scheme::basic;
  std::vector<Url> homes;           // collections that hold the account's collections
  bool single = false;              // homes holds one collection itself
  std::vector<std::string> chosen;  // names (given) or paths (stored); empty: all
  std::vector<std::string> hosts;   // named by the owner besides the address' own
  std::string target;               // name of the collection for new things; empty: the first
  std::optional<OAuth> oauth;       // signed in to by consent, instead of a password
  std::chrono::seconds interval{120};

  static Settings parse(const std::string& text);
  std::string text() const;
};

struct Collection {
  Url url;           // path ends in a slash
  std::string name;  // shown
  std::string token;
  std::string tag;  // ctag
  bool reports_changes = false;
  bool writable = true;
  std::vector<std::string> components;  // empty: not said
};

// A connection of its own to an account. The client goes before the policy it asks.
struct Connection {
  Connection() = default;
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&& other) noexcept {
    client = std::move(other.client);
    policy = std::move(other.policy);
    return *this;
  }
  std::unique_ptr<net::ConnectionPolicy> policy;
  std::unique_ptr<Client> client;
};
base::Result<Connection> connect(const SyncContext& context, const Settings& settings);

// Signs in and finds the account's homes; settings and name of the source to store.
base::Result<store::Source> describe_account(const Flavor& flavor, const Description& description);

// The collections of the chosen names, in one request a home.
base::Result<std::vector<Collection>> list_collections(Client& client, const Flavor& flavor,
                                                       const Settings& settings);

}  // namespace lar::sources::dav
