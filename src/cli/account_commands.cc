// The commands about accounts at servers and what goes to them: add mail imap and its like, egress.
#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "os/file.h"

namespace lar::cli {

using nlohmann::json;

namespace {

// Typed without being shown.
std::string ask_for_secret(Command& command) {
  termios before{};
  const bool is_terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (is_terminal) {
    std::cerr << command.say("add.password") << " " << std::flush;
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::string secret;
  std::getline(std::cin, secret);
  if (is_terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::cerr << "\n";
  }
  return secret;
}

}  // namespace

base::Result<std::string> read_secret(Command& command, const std::string& file) {
  std::string secret;
  if (file.empty() || file == "-") {
    secret = ask_for_secret(command);
  } else {
    TRY_ASSIGN(secret, os::read_file(file, 64u << 10));
    secret = secret.substr(0, secret.find('\n'));
  }
  if (!secret.empty() && secret.back() == '\r') secret.pop_back();
  return secret;
}

namespace {

json oauth_settings(const OAuthOptions& options) {
  json oauth = json::object();
  if (!options.token_endpoint.empty()) oauth["token_endpoint"] = options.token_endpoint;
  if (!options.client_id.empty()) oauth["client_id"] = options.client_id;
  if (!options.scope.empty()) oauth["scope"] = options.scope;
  return oauth;
}

// The owner says yes on a page of the provider's; lar waits for the browser to come back.
int add_by_consent(Command& command, const AccountOptions& account, const OAuthOptions& options,
                   json settings) {
  Terminal& out = command.terminal();
  if (options.client_id.empty()) {
    out.error_line(command.say("usage.missing", {{"word", "--oauth-client"}}));
    return exit_usage;
  }
  json body = {
      {"kind", account.kind}, {"path", account.address}, {"settings", std::move(settings)}};
  if (!account.name.empty()) body["name"] = account.name;
  if (!options.provider.empty()) body["provider"] = options.provider;
  if (!options.authorization.empty()) body["authorization_endpoint"] = options.authorization;
  if (!options.client_secret_file.empty()) {
    const auto secret = read_secret(command, options.client_secret_file);
    if (!secret) return command.report(secret.error());
    body["client_secret"] = *secret;
  }
  json added;
  const auto sink = [&](std::string_view event, const json& data) {
    if (event == "open") {
      // To where people look also when the answer itself goes into a file.
      std::cerr << command.say("add.consent") << "\n\n  " << text_of(data, "url") << "\n\n"
                << std::flush;
    }
    if (event == "done") added = data;
    return true;
  };
  int failure = exit_ok;
  if (!command.call("POST", "/consents", body, failure, sink)) return failure;
  if (!added.is_object()) return exit_other;
  return print_added(command, added);
}

}  // namespace

int add_account(Command& command, const AccountOptions& options, const OAuthOptions& oauth) {
  json settings = options.settings.empty() ? json::object() : json::parse(options.settings);
  if (oauth.given()) settings["oauth"] = oauth_settings(oauth);
  if (oauth.consent()) return add_by_consent(command, options, oauth, std::move(settings));
  base::Result<std::string> secret = std::string();
  if (options.secret == AccountOptions::Secret::needed) {
    secret = read_secret(command, options.secret_file);
  }
  if (!secret) return command.report(secret.error());
  json body = {{"kind", options.kind}, {"path", options.address}};
  if (!secret->empty()) body["secret"] = *secret;
  if (!options.name.empty()) body["name"] = options.name;
  if (!settings.empty()) body["settings"] = std::move(settings);
  return post_source(command, body);
}

std::string to_settings(const RemoteOptions& options) {
  json settings = json::object();
  if (!options.user.empty()) settings["user"] = options.user;
  if (!options.calendars.empty()) settings["calendars"] = options.calendars;
  if (!options.hosts.empty()) settings["hosts"] = options.hosts;
  if (options.interval > 0) settings["interval"] = options.interval;
  return settings.dump(-1, ' ', false, json::error_handler_t::replace);
}

int add_imap(Command& command, AccountOptions account, const ImapOptions& options,
             const OAuthOptions& oauth) {
  json settings = json::object();
  const auto set = [](json& into, const char* key, const std::string& value) {
    if (!value.empty()) into[key] = value;
  };
  set(settings, "host", options.host);
  set(settings, "tls", options.tls);
  set(settings, "user", options.user);
  set(settings, "authorities", options.authority);
  if (options.port != 0) settings["port"] = options.port;
  if (!options.folders.empty()) settings["folders"] = options.folders;
  if (options.spam) settings["spam"] = true;
  if (options.smtp == "none") {
    settings["smtp"] = false;
  } else if (!options.smtp.empty()) {
    json& smtp = settings["smtp"];
    set(smtp, "host", options.smtp);
    set(smtp, "tls", options.smtp_tls);
  }
  account.kind = "imap";
  account.settings = settings.dump(-1, ' ', false, json::error_handler_t::replace);
  return add_account(command, account, oauth);
}

int show_egress(Command& command, Sealing sealing) {
  int failure = exit_ok;
  if (sealing != Sealing::ask) {
    const auto changed =
        command.call("POST", "/egress", {{"sealed", sealing == Sealing::seal}}, failure);
    if (!changed) return failure;
  }
  const auto answer = command.call("GET", "/egress", nullptr, failure);
  if (!answer) return failure;
  if (command.options().json) {
    command.print_json(*answer);
    return exit_ok;
  }
  Terminal& out = command.terminal();
  out.line(command.say((*answer)["sealed"].get<bool>() ? "egress.sealed" : "egress.open"));
  if ((*answer)["entries"].empty()) out.line(command.say("egress.none"));
  for (const json& entry : (*answer)["entries"]) {
    out.line(entry["time"].get<std::string>().substr(0, 19) + "  " +
             harmless(entry["summary"].get<std::string>()));
  }
  return exit_ok;
}

}  // namespace lar::cli
