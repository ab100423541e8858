// Finding an account from an address, and listing what it has. Stateless; called on the thread of
// the source or of who adds it.
#include "sources/dav/account.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace lar::sources::dav {

namespace {

using base::ErrorKind;
using base::fail;

constexpr std::string_view resource_type = "{DAV:}resourcetype";
constexpr std::string_view principal = "{DAV:}current-user-principal";
constexpr std::string_view display_name = "{DAV:}displayname";
constexpr std::string_view sync_token = "{DAV:}sync-token";
constexpr std::string_view reports = "{DAV:}supported-report-set";
constexpr std::string_view privileges = "{DAV:}current-user-privilege-set";
constexpr std::string_view tag = "{http://calendarserver.org/ns/}getctag";
constexpr std::string_view components =
    "{urn:ietf:params:xml:ns:caldav}supported-calendar-component-set";
constexpr std::size_t most_homes = 8;
constexpr std::size_t most_collections = 500;

constexpr Flavor calendar_flavor{"caldav",
                                 "{urn:ietf:params:xml:ns:caldav}calendar-home-set",
                                 "{urn:ietf:params:xml:ns:caldav}calendar",
                                 "urn:ietf:params:xml:ns:caldav",
                                 "calendar-multiget",
                                 "{urn:ietf:params:xml:ns:caldav}calendar-data",
                                 "/.well-known/caldav",
                                 "text/calendar",
                                 ".ics",
                                 "dav.no_calendars"};
constexpr Flavor contact_flavor{"carddav",
                                "{urn:ietf:params:xml:ns:carddav}addressbook-home-set",
                                "{urn:ietf:params:xml:ns:carddav}addressbook",
                                "urn:ietf:params:xml:ns:carddav",
                                "addressbook-multiget",
                                "{urn:ietf:params:xml:ns:carddav}address-data",
                                "/.well-known/carddav",
                                "text/vcard",
                                ".vcf",
                                "dav.no_contacts"};

std::vector<std::string> texts(const nlohmann::json& value, const char* name) {
  std::vector<std::string> list;
  const auto found = value.find(name);
  if (found == value.end() || !found->is_array()) return list;
  for (const auto& entry : *found) {
    if (entry.is_string()) list.push_back(entry.get<std::string>());
  }
  return list;
}

std::string text_at(const nlohmann::json& value, const char* name) {
  const auto found = value.find(name);
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Where else the answer may be when this one has none.
bool worth_looking_elsewhere(const base::Error& error) {
  return error.code == "dav.missing" || error.code == "dav.not_dav" ||
         error.code == "dav.unexpected" || error.code == "dav.forbidden" ||
         error.code == "dav.malformed" || error.code == "dav.redirected";
}

struct Homes {
  std::vector<Url> urls;
  bool single = false;
};

std::vector<Url> resolved(const Url& from, const Value* value) {
  std::vector<Url> urls;
  if (value == nullptr) return urls;
  for (const std::string& href : value->hrefs) {
    const auto url = resolve(from, href);
    if (url && urls.size() < most_homes) urls.push_back(*url);
  }
  return urls;
}

// What one address tells about the account; nothing where it tells nothing.
base::Result<std::optional<Homes>> look_at(Client& client, const Flavor& flavor, const Url& url) {
  Url at;
  TRY_ASSIGN(const Multistatus found,
             client.properties(url, 0, {resource_type, principal, flavor.home}, &at));
  if (found.answers.empty()) return std::nullopt;
  const Answer& answer = found.answers.front();
  const Value* type = answer.find(std::string(resource_type));
  if (type != nullptr && type->has(flavor.collection)) return Homes{{at}, true};
  auto homes = resolved(at, answer.find(std::string(flavor.home)));
  if (!homes.empty()) return Homes{std::move(homes), false};
  const Value* who = answer.find(std::string(principal));
  if (who != nullptr && who->has("{DAV:}unauthenticated")) {
    return fail(ErrorKind::permission, "dav.password", {{"host", at.host}});
  }
  for (const Url& one : resolved(at, who)) {
    Url principal_at;
    TRY_ASSIGN(const Multistatus more, client.properties(one, 0, {flavor.home}, &principal_at));
    if (more.answers.empty()) continue;
    homes = resolved(principal_at, more.answers.front().find(std::string(flavor.home)));
    if (!homes.empty()) return Homes{std::move(homes), false};
  }
  return std::nullopt;
}

base::Result<Homes> find_homes(Client& client, const Flavor& flavor, const Url& url) {
  std::vector<Url> places = {url.with_path(flavor.well_known), url};
  if (url.path != "/") {
    places = {url, url.with_path(flavor.well_known), url.with_path("/")};
  }
  std::optional<base::Error> why;
  for (const Url& place : places) {
    auto looked = look_at(client, flavor, place);
    if (!looked) {
      if (!worth_looking_elsewhere(looked.error())) return tl::unexpected(looked.error());
      // Of several reasons, the one the owner can do something about.
      const bool telling = looked.error().code == "dav.redirected";
      if (telling || (!why && looked.error().code == "dav.forbidden")) why = looked.error();
      continue;
    }
    if (*looked) return std::move(**looked);
  }
  if (why) return tl::unexpected(*why);
  return fail(ErrorKind::not_found, "dav.no_service", {{"host", url.host}});
}

bool is_writable(const Value* privilege) {
  if (privilege == nullptr || privilege->elements.empty()) return true;
  return privilege->has("{DAV:}all") || privilege->has("{DAV:}write") ||
         privilege->has("{DAV:}write-content") || privilege->has("{DAV:}bind");
}

bool is_wanted(const Settings& settings, const Collection& collection) {
  if (settings.chosen.empty() || settings.single) return true;
  return std::any_of(settings.chosen.begin(), settings.chosen.end(),
                     [&](const std::string& chosen) {
                       if (chosen == collection.url.path) return true;
                       const std::string folded = base::fold(chosen);
                       return folded == base::fold(collection.name) ||
                              folded == base::fold(last_segment(collection.url.path));
                     });
}

// All of an account, before the owner's choice.
base::Result<std::vector<Collection>> list_all(Client& client, const Flavor& flavor,
                                               const Settings& settings) {
  std::vector<Collection> collections;
  for (const Url& home : settings.homes) {
    Url at;
    TRY_ASSIGN(const Multistatus listed, client.properties(home, settings.single ? 0 : 1,
                                                           {resource_type, display_name, sync_token,
                                                            tag, reports, privileges, components},
                                                           &at));
    for (const Answer& answer : listed.answers) {
      const Value* type = answer.find(std::string(resource_type));
      const auto url = resolve(at, answer.href);
      if (type == nullptr || !url || !type->has(flavor.collection) ||
          collections.size() >= most_collections) {
        continue;
      }
      if (url->host != at.host && std::find(settings.hosts.begin(), settings.hosts.end(),
                                            url->host) == settings.hosts.end()) {
        continue;
      }
      Collection collection;
      collection.url = *url;
      if (!collection.url.path.ends_with('/')) collection.url.path += '/';
      collection.name = base::collapse_spaces(
          base::clean_utf8(base::cut_utf8(answer.text(std::string(display_name)), 200)));
      if (collection.name.empty()) collection.name = last_segment(collection.url.path);
      collection.token = base::trim(answer.text(std::string(sync_token)));
      collection.tag = base::trim(answer.text(std::string(tag)));
      const Value* offered = answer.find(std::string(reports));
      collection.reports_changes = !collection.token.empty() ||
                                   (offered != nullptr && offered->has("{DAV:}sync-collection"));
      collection.writable = is_writable(answer.find(std::string(privileges)));
      if (const Value* set = answer.find(std::string(components))) {
        collection.components = set->names;
      }
      const auto holds = [&](std::string_view component) {
        return std::find(collection.components.begin(), collection.components.end(), component) !=
               collection.components.end();
      };
      if (!collection.components.empty() && !holds("VEVENT") && !holds("VTODO")) continue;
      const bool seen = std::any_of(collections.begin(), collections.end(), [&](const auto& one) {
        return one.url.path == collection.url.path;
      });
      if (!seen) collections.push_back(std::move(collection));
    }
  }
  return collections;
}

// The password, or an access token.
base::Status give_secret(Login& login, const Settings& settings, const Outside& outside,
                         const std::string& name, const std::string& secret,
                         std::optional<store::Id> source, std::stop_token stop) {
  if (!settings.oauth) {
    login.password = secret;
    return {};
  }
  TRY_ASSIGN(login.token, access_token({*settings.oauth, name, settings.user, "dav.token_refused",
                                        "dav.no_token", "dav.bad_setting"},
                                       outside, secret, source, std::move(stop)));
  return {};
}

}  // namespace

const Flavor& calendars() { return calendar_flavor; }
const Flavor& contacts() { return contact_flavor; }
const Flavor& flavor_of(std::string_view kind) {
  return kind == contact_flavor.kind ? contact_flavor : calendar_flavor;
}

Settings Settings::parse(const std::string& text) {
  Settings settings;
  const auto value = nlohmann::json::parse(text, nullptr, false);
  if (!value.is_object()) return settings;
  settings.user = text_at(value, "user");
  settings.target = text_at(value, "target");
  if (const auto oauth = value.find("oauth"); oauth != value.end() && oauth->is_object()) {
    settings.oauth = OAuth{text_at(*oauth, "token_endpoint"), text_at(*oauth, "client_id"),
                           text_at(*oauth, "scope")};
  }
  if (text_at(value, "scheme") == "digest") settings.scheme = net::Credentials::Scheme::digest;
  for (const std::string& home : texts(value, "homes")) {
    if (const auto url = parse_url(home)) settings.homes.push_back(*url);
  }
  settings.chosen = texts(value, "calendars");
  settings.hosts = texts(value, "hosts");
  const auto single = value.find("single");
  settings.single = single != value.end() && single->is_boolean() && single->get<bool>();
  const auto interval = value.find("interval");
  if (interval != value.end() && interval->is_number_integer()) {
    settings.interval =
        std::chrono::seconds(std::clamp<std::int64_t>(interval->get<std::int64_t>(), 1, 86'400));
  }
  return settings;
}

std::string Settings::text() const {
  nlohmann::json value = {{"interval", interval.count()}};
  if (!user.empty()) value["user"] = user;
  if (!target.empty()) value["target"] = target;
  if (scheme == net::Credentials::Scheme::digest) value["scheme"] = "digest";
  if (oauth) {
    value["oauth"] = {{"token_endpoint", oauth->token_endpoint}, {"client_id", oauth->client_id}};
    if (!oauth->scope.empty()) value["oauth"]["scope"] = oauth->scope;
  }
  for (const Url& home : homes) value["homes"].push_back(home.text());
  if (single) value["single"] = true;
  if (!chosen.empty()) value["calendars"] = chosen;
  if (!hosts.empty()) value["hosts"] = hosts;
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

base::Result<Connection> connect(const SyncContext& context, const Settings& settings) {
  if (context.outside == nullptr) return fail(ErrorKind::unsupported, "source.no_outside");
  Login login{settings.user, "", "", settings.scheme};
  if (login.secret() || settings.oauth) {
    TRY_ASSIGN(const std::string secret,
               context.outside->secrets.get(secret_name(context.source.id)));
    TRY(give_secret(login, settings, *context.outside, context.source.name, secret,
                    context.source.id, context.stop));
  }
  Connection connection;
  connection.policy =
      context.outside->egress.permit(context.source.kind + " " + context.source.name,
                                     endpoints_of(settings.homes, settings.hosts));
  connection.client =
      std::make_unique<Client>(*connection.policy, std::move(login), settings.hosts, context.stop);
  return connection;
}

base::Result<store::Source> describe_account(const Flavor& flavor, const Description& description) {
  if (description.outside == nullptr) return fail(ErrorKind::unsupported, "source.no_outside");
  Settings settings = Settings::parse(description.settings);
  std::string address(base::trim(description.location));
  // A mail address names the account and, by its domain, the server (RFC 6764, 6).
  if (const auto at = address.find('@');
      at != std::string::npos && address.find('/') == std::string::npos) {
    if (settings.user.empty()) settings.user = address;
    address = address.substr(at + 1);
  }
  TRY_ASSIGN(const Url url, parse_url(address));
  if (settings.user.empty() && !settings.oauth && !description.secret.empty()) {
    return fail(ErrorKind::invalid_input, "dav.no_user");
  }
  const auto policy = description.outside->egress.permit(std::string(flavor.kind) + " " + url.host,
                                                         endpoints_of({url}, settings.hosts));
  Login login{settings.user, "", "", settings.scheme};
  TRY(give_secret(login, settings, *description.outside, url.host, description.secret, {},
                  description.stop));
  Client client(*policy, std::move(login), settings.hosts, description.stop);
  TRY_ASSIGN(const Homes homes, find_homes(client, flavor, url));
  settings.homes = homes.urls;
  settings.single = homes.single;
  settings.scheme = client.login().scheme;
  TRY_ASSIGN(const auto all, list_all(client, flavor, settings));
  if (all.empty()) {
    return fail(ErrorKind::not_found, std::string(flavor.none_found_code), {{"host", url.host}});
  }
  // Kept by their paths: what the owner chose stays chosen when it is renamed.
  std::vector<std::string> paths;
  for (const std::string& chosen : settings.chosen) {
    Settings only = settings;
    only.chosen = {chosen};
    bool known = false;
    for (const Collection& collection : all) {
      if (!is_wanted(only, collection)) continue;
      known = true;
      paths.push_back(collection.url.path);
    }
    if (known) continue;
    std::string names;
    for (const Collection& collection : all) {
      names += (names.empty() ? "" : ", ") + collection.name;
    }
    return fail(ErrorKind::not_found, "dav.no_such_collection",
                {{"name", chosen}, {"known", names}});
  }
  settings.chosen = std::move(paths);
  store::Source source;
  source.kind = flavor.kind;
  source.name = description.name;
  if (source.name.empty()) {
    source.name = settings.single ? all.front().name
                  : settings.user.find('@') != std::string::npos
                      ? settings.user
                      : (settings.user.empty() ? "" : settings.user + "@") + url.host;
    source.name += flavor.kind == contact_flavor.kind ? " (contacts)" : "";
  }
  source.location = settings.homes.front().text();
  source.settings = settings.text();
  return source;
}

base::Result<std::vector<Collection>> list_collections(Client& client, const Flavor& flavor,
                                                       const Settings& settings) {
  TRY_ASSIGN(auto collections, list_all(client, flavor, settings));
  std::erase_if(collections, [&](const Collection& one) { return !is_wanted(settings, one); });
  return collections;
}

}  // namespace lar::sources::dav
