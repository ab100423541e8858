// What every command works with, and the commands. Each gives the exit code of the program.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/connection.h"
#include "cli/interrupts.h"
#include "cli/terminal.h"

namespace CLI {
class App;
}

namespace lar::cli {

// Documented by `lar --help`.
enum ExitCode {
  exit_ok = 0,
  exit_no = 1,           // nothing found, no answer in the data, `doctor` found a fault
  exit_usage = 2,        // the command line is wrong
  exit_not_found = 3,    // what was named does not exist
  exit_unavailable = 4,  // a model, an engine or a source does not answer
  exit_busy = 5,         // another program holds it
  exit_bad_input = 6,    // malformed or damaged
  exit_other = 7,
  exit_interrupted = 130
};

struct Options {
  std::string home;
  std::string answer_cache;
  bool json = false;
  bool verbose = false;
};

// Text under a name, harmless to the terminal; empty where there is none.
std::string text_of(const nlohmann::json& value, const char* name);

class Command {
 public:
  Command(Options options, Terminal& terminal, Interrupts& interrupts);
  ~Command();

  const Options& options() const { return options_; }
  Terminal& terminal() { return terminal_; }
  Interrupts& interrupts() { return interrupts_; }
  base::Language language() const { return language_; }

  // The sentence cli.CODE in the user's language.
  std::string say(std::string_view code, const base::Parameters& parameters = {}) const;
  // With .one or .other after the code, by {count}.
  std::string say_count(std::string_view code, std::int64_t count) const;

  // The connection, opened at the first use; null after its failure was reported.
  Connection* connection();
  int connection_failure() const { return connection_failure_; }

  // Sends a request; nothing after a failure, which was reported and whose exit code is `failure`.
  // Event streams go to `sink`.
  std::unique_ptr<nlohmann::json> call(std::string method, std::string path,
                                       const nlohmann::json& body, int& failure,
                                       const api::EventSink& sink = {},
                                       std::map<std::string, std::string> query = {});
  // The same, undigested.
  api::Response send(std::string method, std::string path, const std::string& body,
                     const api::EventSink& sink, std::map<std::string, std::string> query = {});

  int report(const base::Error& error);
  int report(const nlohmann::json& error);  // {code, kind, params, message}
  void print_json(const nlohmann::json& value);

 private:
  Options options_;
  Terminal& terminal_;
  Interrupts& interrupts_;
  base::Language language_;
  std::unique_ptr<Connection> connection_;
  int connection_failure_ = exit_other;
};

// ---- the home ----
int initialise(Command& command, const std::string& household_file);
struct ServeOptions {
  int port = 7171;
  bool quiet = false;
};
int serve(Command& command, const ServeOptions& options);
int show_status(Command& command);
int doctor(Command& command, bool full);

// ---- sources ----
int add_source(Command& command, const std::string& kind, const std::string& path,
               const std::string& name);
struct AccountOptions {
  std::string kind, address, name;
  std::string settings;     // JSON object of the kind's own
  std::string secret_file;  // its first line is the password; "-": standard input; empty: asked for
  enum class Secret { needed, none } secret = Secret::needed;
};
// What `add calendar caldav` and its like were given, as settings of the source.
struct RemoteOptions {
  std::string user;
  std::vector<std::string> calendars, hosts;
  int interval = 0;  // seconds; 0: the kind's own
};
std::string to_settings(const RemoteOptions& options);
// OAuth 2, instead of a password.
struct OAuthOptions {
  std::string token_endpoint, client_id, scope;
  std::string provider, authorization;  // consent in a browser: "google", or an address
  std::string client_secret_file;
  bool given() const { return !token_endpoint.empty() || consent(); }
  bool consent() const { return !provider.empty() || !authorization.empty(); }
};
int add_account(Command& command, const AccountOptions& options, const OAuthOptions& oauth = {});
struct ImapOptions {
  std::string host, tls, user, authority;
  int port = 0;                      // 0: the usual one
  std::vector<std::string> folders;  // empty: the usual ones
  bool spam = false;
  std::string smtp, smtp_tls;  // for approved mails: "HOST[:PORT]", "none"; empty: guessed
};
int add_imap(Command& command, AccountOptions account, const ImapOptions& options,
             const OAuthOptions& oauth);
enum class Sealing { ask, seal, unseal };
int show_egress(Command& command, Sealing sealing);
// Sends the body of a new source and tells what became of it; used by the commands that add one.
int post_source(Command& command, const nlohmann::json& source);
int print_added(Command& command, const nlohmann::json& source);
int list_sources(Command& command);
int sync_sources(Command& command, const std::string& source, std::string wait);
enum class Confirmed { no, yes };
int remove_source(Command& command, const std::string& source, Confirmed confirmed);

// ---- questions ----
struct SearchOptions {
  std::string query, kind, person, after, before, source;
  int limit = 10;
};
int search(Command& command, const SearchOptions& options);
struct AskOptions {
  std::string question, conversation, mode = "auto";
};
int ask(Command& command, const AskOptions& options);
int chat(Command& command, const std::string& mode);
struct CorrectOptions {
  std::string text, turn = "last";
  bool right = false, take_back = false;
};
int correct_answer(Command& command, const CorrectOptions& options);
struct ShowOptions {
  std::string item, quote;
  bool original = false;
};
int show_item(Command& command, const ShowOptions& options);
// Asks, prints the answer as it comes and gives it in `answer`; used by ask and chat.
int ask_and_print(Command& command, const nlohmann::json& question, nlohmann::json& answer);
void print_citations(Command& command, const nlohmann::json& answer);
void print_item(Command& command, const nlohmann::json& item, const std::string& quote);
// "mail · 3 May 2026": kind and time of a hit or citation.
std::string describe_place(Command& command, const nlohmann::json& entry);

// ---- mail of a file, without a home ----
struct MailOptions {
  std::string mbox, now, zone, language;
  std::vector<std::string> me, use;
  bool no_model = false;
  bool features = false;  // what the verdicts rest on, for learning
};
int triage_mails(Command& command, const MailOptions& options);
int brief_mails(Command& command, const MailOptions& options);

// ---- the assistant of the home ----
struct CardOptions {
  std::int64_t number = 0;
  int action = 0;                      // 1-based among the card's; 0: the first that fits
  std::string text;                    // of a draft, in the place of what was proposed
  std::string say;                     // what the model is to write
  std::string time;                    // to be put off until
  std::string after, before;           // or until such an event ends or begins
  std::int64_t never = 0, always = 0;  // cards whose kind is meant
  bool person = false;                 // only of that person
  bool all = false, dismiss = false;
  bool always_do = false, anybody = false;  // approve such actions by themselves from now on
};
int brief_home(Command& command, const std::string& since, const std::string& day);
// Plays it; where the output is no terminal, writes the WAVE file there.
int speak_brief(Command& command, const std::string& since, const std::string& day);
int list_cards(Command& command, const CardOptions& options);
int approve_action(Command& command, const CardOptions& options);
int draft_action(Command& command, const CardOptions& options);
int reject_action(Command& command, const CardOptions& options);
int undo_action(Command& command, const CardOptions& options);
int snooze_card(Command& command, const CardOptions& options);
int finish_card(Command& command, const CardOptions& options);
int replay_gate(Command& command, const std::string& since);
struct SummaryOptions {
  std::string item, chat, since, until, person;
};
int summarise(Command& command, const SummaryOptions& options);
struct PlanOptions {
  std::string text;
  std::string event, start, who;  // chosen of what was asked back
};
int plan(Command& command, const PlanOptions& options);
struct ContactOptions {
  std::string name, email, phone, account;
  std::string change;  // the contact's item; empty: a new one
};
int write_contact(Command& command, const ContactOptions& options);
struct AttentionOptions {
  int per_day = -1;      // -1: as it is
  std::string quiet;     // "22:00-08:00"
  std::string briefing;  // "08:00" or "off"
  int send_delay = -1;
  std::int64_t revoke = 0;  // number of a standing rule
  std::string mail;         // account of mail to self, or "off"
  bool live = false;        // what is held back begins
};
int show_attention(Command& command, const AttentionOptions& options);
int list_memories(Command& command, bool all);
int add_memory(Command& command, const std::string& statement, const std::string& topic);
int forget_memory(Command& command, std::int64_t number);
struct TeachOptions {
  std::string priority, personal, suspicious;  // empty: nothing is said of it
  bool take_back = false;
};
// Shows the verdict; where something is said, that first.
int triage_item(Command& command, const std::string& item, const TeachOptions& said);

// ---- models ----
int list_models(Command& command);
int pull_model(Command& command, const std::string& name);
int add_model(Command& command, const std::string& file);
// The first line of a file; "-": of standard input, asked for without echo at a terminal.
base::Result<std::string> read_secret(Command& command, const std::string& file);

struct UseOptions {
  std::string binding;  // ROLE=NAME
  bool compare = false;
  int questions = 50;  // compared
  Confirmed confirmed = Confirmed::no;
  bool consent = false;  // to an outside service
  std::string key_file;  // its key, see read_secret(); empty: it wants none
};
int use_model(Command& command, const UseOptions& options);
int plan_models(Command& command);
int show_model(Command& command, const std::string& name);
int check_model(Command& command, const std::string& what, bool full);

// ---- keys of other programs ----
int add_key(Command& command, const std::string& name, bool assistant);
int list_keys(Command& command);
int remove_key(Command& command, const std::string& name);

// A script that completes the commands of `app` in bash, zsh or fish.
std::string completions(const CLI::App& app, const std::string& shell);

}  // namespace lar::cli
