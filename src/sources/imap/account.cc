// Settings are checked when an account is added; one that was written by hand wrongly is told by
// name.
#include "sources/imap/account.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sources/consent.h"

namespace lar::sources::imap {

namespace {

using base::ErrorKind;
using base::Result;
using nlohmann::json;

tl::unexpected<base::Error> bad_setting(const std::string& name) {
  return base::fail(ErrorKind::invalid_input, "imap.bad_setting", {{"name", name}});
}

std::string domain_of(const std::string& address) {
  const auto at = address.rfind('@');
  return at == std::string::npos ? "" : base::lower_ascii(address.substr(at + 1));
}

struct Provider {
  std::string_view domain;
  std::string_view host;
};
// Whose host does not follow from the address.
constexpr std::array<Provider, 16> providers = {{{"gmail.com", "imap.gmail.com"},
                                                 {"googlemail.com", "imap.gmail.com"},
                                                 {"outlook.com", "outlook.office365.com"},
                                                 {"outlook.es", "outlook.office365.com"},
                                                 {"hotmail.com", "outlook.office365.com"},
                                                 {"hotmail.es", "outlook.office365.com"},
                                                 {"live.com", "outlook.office365.com"},
                                                 {"msn.com", "outlook.office365.com"},
                                                 {"icloud.com", "imap.mail.me.com"},
                                                 {"me.com", "imap.mail.me.com"},
                                                 {"mac.com", "imap.mail.me.com"},
                                                 {"yahoo.com", "imap.mail.yahoo.com"},
                                                 {"yahoo.es", "imap.mail.yahoo.com"},
                                                 {"aol.com", "imap.aol.com"},
                                                 {"gmx.net", "imap.gmx.net"},
                                                 {"fastmail.com", "imap.fastmail.com"}}};

// An access token that is still good, renewed where it is not.
Result<std::string> token_of(const Account& account, const Outside& outside,
                             const std::string& secret, std::optional<store::Id> source,
                             std::stop_token stop) {
  return access_token({*account.oauth, account.name, account.user, "imap.token_refused",
                       "imap.bad_secret", "imap.bad_setting"},
                      outside, secret, source, std::move(stop));
}

// "HOST" or "HOST:PORT", "[::1]:587".
Result<Account::Submission> parse_submission(const json& value) {
  Account::Submission smtp;
  for (const auto& [key, one] : value.items()) {
    if (key == "host" && one.is_string()) {
      smtp.host = one.get<std::string>();
    } else if (key == "port" && one.is_number_integer()) {
      const auto port = one.get<std::int64_t>();
      if (port < 1 || port > 65535) return bad_setting("smtp.port");
      smtp.port = static_cast<int>(port);
    } else if (key == "tls" && one.is_string()) {
      const auto encryption = net::encryption_from(one.get<std::string>());
      if (!encryption) return bad_setting("smtp.tls");
      smtp.encryption = *encryption;
    } else if (key == "keeps_copy" && one.is_boolean()) {
      smtp.keeps_copy = one.get<bool>();
    } else {
      return bad_setting("smtp." + key);
    }
  }
  const auto colon = smtp.host.rfind(':');
  if (colon != std::string::npos && smtp.host.find(']', colon) == std::string::npos &&
      (smtp.host.find(':') == colon || smtp.host.front() == '[')) {
    const char* end = smtp.host.data() + smtp.host.size();
    const auto parsed = std::from_chars(smtp.host.data() + colon + 1, end, smtp.port);
    if (parsed.ec != std::errc() || parsed.ptr != end || smtp.port < 1 || smtp.port > 65535) {
      return bad_setting("smtp.host");
    }
    smtp.host.resize(colon);
  }
  if (smtp.host.empty() ||
      smtp.host.find_first_of(std::string_view("\r\n\0 ", 4)) != std::string::npos) {
    return bad_setting("smtp.host");
  }
  if (!value.contains("tls") && smtp.port != 0 && smtp.port != 465) {
    smtp.encryption = net::Encryption::starttls;
  }
  if (smtp.port == 0) smtp.port = smtp.encryption == net::Encryption::implicit ? 465 : 587;
  return smtp;
}

}  // namespace

Result<Account> parse_account(const std::string& name, const std::string& address,
                              const std::string& settings) {
  Account account;
  account.name = name;
  account.user = address;
  const json value = settings.empty() ? json::object() : json::parse(settings, nullptr, false);
  if (!value.is_object()) return bad_setting("settings");
  for (const auto& [key, one] : value.items()) {
    if (key == "host" && one.is_string()) {
      account.host = one.get<std::string>();
    } else if (key == "port" && one.is_number_integer()) {
      const auto port = one.get<std::int64_t>();
      if (port < 1 || port > 65535) return bad_setting(key);
      account.port = static_cast<int>(port);
    } else if (key == "tls" && one.is_string()) {
      const auto encryption = net::encryption_from(one.get<std::string>());
      if (!encryption) return bad_setting(key);
      account.encryption = *encryption;
    } else if (key == "user" && one.is_string()) {
      account.user = one.get<std::string>();
    } else if (key == "folders" && one.is_array()) {
      for (const json& folder : one) {
        if (!folder.is_string()) return bad_setting(key);
        account.folders.push_back(folder.get<std::string>());
      }
    } else if (key == "spam" && one.is_boolean()) {
      account.spam = one.get<bool>();
    } else if (key == "authorities" && one.is_string()) {
      account.authorities = one.get<std::string>();
    } else if (key == "oauth" && one.is_object()) {
      for (const auto& [part, text] : one.items()) {
        if (!text.is_string()) return bad_setting("oauth." + part);
      }
      account.oauth = OAuth{one.value("token_endpoint", ""), one.value("client_id", ""),
                            one.value("scope", "")};
      if (!token_endpoint_of(account.oauth->token_endpoint))
        return bad_setting("oauth.token_endpoint");
    } else if (key == "smtp" && one.is_boolean()) {
      account.sends = one.get<bool>();
    } else if (key == "smtp" && one.is_object()) {
      TRY_ASSIGN(account.smtp, parse_submission(one));
    } else if (key != "own_folders") {
      return bad_setting(key);
    }
  }
  for (const std::string* text : {&account.host, &account.user}) {
    if (text->find_first_of(std::string_view("\r\n\0 ", 4)) != std::string::npos) {
      return bad_setting(text == &account.host ? "host" : "user");
    }
  }
  if (account.port == 0) account.port = account.encryption == net::Encryption::implicit ? 993 : 143;
  account.settings = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return account;
}

std::vector<Account::Submission> likely_submissions(const std::string& imap_host) {
  struct Known {
    std::string_view imap, smtp;
    bool keeps_copy;
  };
  // Whose host for sending does not follow from that for reading, or who keeps copies.
  constexpr std::array<Known, 3> known = {{{"imap.gmail.com", "smtp.gmail.com", true},
                                           {"outlook.office365.com", "smtp.office365.com", true},
                                           {"imap.mail.me.com", "smtp.mail.me.com", false}}};
  using net::Encryption;
  for (const Known& one : known) {
    if (one.imap != imap_host) continue;
    return {{std::string(one.smtp), 465, Encryption::implicit, one.keeps_copy},
            {std::string(one.smtp), 587, Encryption::starttls, one.keeps_copy}};
  }
  const bool literal = imap_host.find_first_not_of("0123456789.") == std::string::npos ||
                       imap_host.find(':') != std::string::npos;
  if (literal || net::local_only().permits_name(imap_host)) return {};
  std::vector<Account::Submission> all;
  std::vector<std::string> hosts;
  if (imap_host.starts_with("imap.")) hosts.push_back("smtp." + imap_host.substr(5));
  hosts.push_back(imap_host);
  for (const std::string& host : hosts) {
    all.push_back({host, 465, Encryption::implicit, false});
    all.push_back({host, 587, Encryption::starttls, false});
  }
  return all;
}

Result<Sender> sender_of(const Account& account, const Outside& outside, const std::string& secret,
                         std::optional<store::Id> source, std::stop_token stop) {
  const Account::Submission& smtp = *account.smtp;
  Sender sender;
  sender.policy = outside.egress.permit("smtp " + account.name, {{smtp.host, smtp.port}});
  sender.account.server.host = smtp.host;
  sender.account.server.port = smtp.port;
  sender.account.server.encryption = smtp.encryption;
  sender.account.server.authorities = account.authorities;
  sender.account.user = account.user;
  sender.account.secret = secret;
  if (account.oauth) {
    sender.account.sign_in = net::SmtpAccount::SignIn::token;
    TRY_ASSIGN(sender.account.secret, token_of(account, outside, secret, source, stop));
  }
  return sender;
}

std::vector<std::string> likely_hosts(const std::string& address) {
  const std::string domain = domain_of(address);
  if (domain.empty()) return {};
  for (const Provider& one : providers) {
    if (one.domain == domain) return {std::string(one.host)};
  }
  return {"imap." + domain, "mail." + domain};
}

Result<Connection> connect(const Account& account, const Outside& outside,
                           const std::string& secret, std::optional<store::Id> source,
                           std::stop_token stop) {
  Connection connection;
  connection.policy = outside.egress.permit("imap " + account.name, {{account.host, account.port}});
  net::StreamOptions options;
  options.host = account.host;
  options.port = account.port;
  options.encryption = account.encryption;
  options.authorities = account.authorities;
  Credentials credentials;
  credentials.user = account.user;
  credentials.secret = secret;
  if (account.oauth) {
    credentials.kind = Credentials::Kind::token;
    TRY_ASSIGN(credentials.secret, token_of(account, outside, secret, source, stop));
  }
  TRY_ASSIGN(connection.session,
             Session::open(*connection.policy, options, credentials, std::move(stop)));
  return connection;
}

Result<Connection> connect(SyncContext& context, const Account& account) {
  if (context.outside == nullptr) {
    return base::fail(ErrorKind::permission, "source.no_outside");
  }
  TRY_ASSIGN(const std::string secret,
             context.outside->secrets.get(secret_name(context.source.id)));
  return connect(account, *context.outside, secret, context.source.id, context.stop);
}

bool is_chosen(const Account& account, const Mailbox& mailbox) {
  if (!mailbox.selectable) return false;
  if (!account.folders.empty()) {
    return std::any_of(account.folders.begin(), account.folders.end(), [&](const std::string& one) {
      return one == "*" || base::fold(one) == base::fold(mailbox.name);
    });
  }
  switch (mailbox.use) {
    case Use::trash:
    case Use::all:
    case Use::flagged:
      return false;
    case Use::junk:
      return account.spam;
    default:
      return true;
  }
}

}  // namespace lar::sources::imap
