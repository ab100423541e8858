// The table of commands, on CLI11, and how its refusals are told in the user's language.
#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <clocale>
#include <iostream>

#include "api/server.h"
#include "base/messages.h"
#include "cli/command.h"

namespace lar::cli {
namespace {

constexpr const char* version = "0.1.0";

std::string say(std::string_view code, const base::Parameters& parameters = {}) {
  const std::string whole = "cli." + std::string(code);
  return base::message(whole, parameters, base::environment_language());
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// What the command line said.
struct Arguments {
  Options options;
  std::string household, path, name, source, shell, model, wait, chat_mode;
  std::vector<std::string> words;
  ServeOptions serve;
  SearchOptions search;
  AskOptions ask;
  CorrectOptions correct;
  TeachOptions teach;
  ShowOptions show;
  MailOptions mail;
  AccountOptions account;
  RemoteOptions remote;
  OAuthOptions oauth;
  ImapOptions imap;
  bool seal = false, unseal = false;
  CardOptions card;
  AttentionOptions attention;
  ContactOptions contact;
  bool speak = false;  // the briefing
  PlanOptions plan;
  SummaryOptions summary;
  std::string since, day, item, topic;
  bool full = false, yes = false, assistant = false;
  UseOptions use;
};

class Table {
 public:
  Table() : app_(say("help.lar"), "lar") {
    auto formatter = std::make_shared<CLI::Formatter>();
    formatter->column_width(34);
    for (const char* label : {"Usage", "SUBCOMMAND", "SUBCOMMANDS", "OPTIONS", "Options",
                              "Subcommands", "Positionals", "REQUIRED"}) {
      formatter->label(label, say(std::string("help.label.") + label));
    }
    app_.formatter(formatter);
    app_.option_defaults()->group(say("help.label.Options"));
    app_.set_help_flag("-h,--help", say("help.help"));
    app_.set_version_flag("--version", std::string("lar ") + version, say("help.version"));
    app_.footer(say("help.footer"));
    app_.require_subcommand(1);
    arguments_.options.home = api::default_home();
    app_.add_option("--home", arguments_.options.home, say("help.home"))->type_name("PATH");
    home_commands();
    source_commands();
    answer_commands();
    mail_commands();
    assistant_commands();
    model_commands();
    key_commands();
  }

  int run(int count, char** words) {
    try {
      app_.parse(count, words);
    } catch (const CLI::Success& success) {
      return app_.exit(success);  // help and version
    } catch (const CLI::ParseError& error) {
      std::cerr << "lar: " << explain(error) << "\n";
      return exit_usage;
    }
    if (!arguments_.shell.empty()) {
      std::cout << completions(app_, arguments_.shell);
      return exit_ok;
    }
    Interrupts interrupts;
    Terminal terminal;
    Command command(arguments_.options, terminal, interrupts);
    return action_(command);
  }

 private:
  using Action = std::function<int(Command&)>;

  CLI::App* add(CLI::App& parent, const char* name, const char* group, Action action) {
    const std::string parent_name = &parent == &app_ ? "" : parent.get_name() + "_";
    CLI::App* command = parent.add_subcommand(name, say("help." + parent_name + name));
    command->group(say(std::string("help.group.") + group));
    command->set_help_flag("-h,--help", say("help.help"));
    command->footer("");
    command->add_option("--home", arguments_.options.home, say("help.home"))->type_name("PATH");
    command->add_flag("-v,--verbose", arguments_.options.verbose, say("help.verbose"));
    if (action) {
      command->add_flag("--json", arguments_.options.json, say("help.json"));
      command->callback([this, action = std::move(action)] { action_ = action; });
    } else {
      command->require_subcommand(1);
    }
    return command;
  }

  void add_cache_option(CLI::App* command) {
    command->add_option("--answer-cache", arguments_.options.answer_cache, say("help.answer_cache"))
        ->type_name("PATH");
  }

  void home_commands() {
    Arguments& given = arguments_;
    CLI::App* init = add(app_, "init", "home", [&given](Command& command) {
      return initialise(command, given.household);
    });
    init->add_option("--household", given.household, say("help.household"))->type_name("FILE");
    CLI::App* serving = add(app_, "serve", "home",
                            [&given](Command& command) { return serve(command, given.serve); });
    given.serve.port = api::default_port;
    serving->add_option("--port", given.serve.port, say("help.port"))
        ->option_text("N")
        ->check(CLI::Range(0, 65535));
    serving->add_flag("--quiet", given.serve.quiet, say("help.quiet"));
    add_cache_option(serving);
    add(app_, "status", "home", [](Command& command) { return show_status(command); });
    CLI::App* doctoring = add(app_, "doctor", "home",
                              [&given](Command& command) { return doctor(command, given.full); });
    doctoring->add_flag("--full", given.full, say("help.full"));
    CLI::App* completing = app_.add_subcommand("completions", say("help.completions"));
    completing->group(say("help.group.home"));
    completing->set_help_flag("-h,--help", say("help.help"));
    completing->footer("");
    completing->add_option("shell", given.shell, say("help.shell"))
        ->required()
        ->option_text(" ")
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }

  void add_kind(CLI::App& parent, const char* word, const char* kind) {
    Arguments& given = arguments_;
    CLI::App* command = add(parent, word, "sources", [&given, kind](Command& with) {
      return add_source(with, kind, given.path, given.name);
    });
    command->add_option("path", given.path, say("help.path"))->required()->type_name("PATH");
    command->add_option("--name", given.name, say("help.name"))->type_name("NAME");
  }

  void oauth_options(CLI::App& command, const std::vector<std::string>& providers) {
    OAuthOptions& oauth = arguments_.oauth;
    std::string names;
    for (const std::string& name : providers) names += (names.empty() ? "" : "|") + name;
    command.add_option("--oauth", oauth.provider, say("help.oauth_provider"))
        ->option_text(names)
        ->check(CLI::IsMember(providers));
    command.add_option("--oauth-authorize", oauth.authorization, say("help.oauth_authorize"))
        ->type_name("URL");
    command.add_option("--oauth-secret-file", oauth.client_secret_file, say("help.oauth_secret"))
        ->type_name("FILE");
    command.add_option("--oauth-endpoint", oauth.token_endpoint, say("help.oauth"))
        ->type_name("URL");
    command.add_option("--oauth-client", oauth.client_id, say("help.oauth_client"))
        ->type_name("ID");
    command.add_option("--oauth-scope", oauth.scope, say("help.oauth_scope"))->type_name("TEXT");
  }

  // An account at a server, or an address to be read from. Published calendars rarely want a
  // password: none is asked for unless a user is named.
  void add_account_kind(CLI::App& parent, const char* word, const char* kind) {
    Arguments& given = arguments_;
    const bool published = std::string_view(kind) == "ics_url";
    CLI::App* command = add(parent, word, "sources", [&given, kind, published](Command& with) {
      AccountOptions account = given.account;
      account.kind = kind;
      account.settings = to_settings(given.remote);
      account.secret = published && given.remote.user.empty() ? AccountOptions::Secret::none
                                                              : AccountOptions::Secret::needed;
      return add_account(with, account, given.oauth);
    });
    command->add_option("address", given.account.address, say("help.address"))
        ->required()
        ->type_name("ADDRESS");
    command->add_option("--user", given.remote.user, say("help.account_user"))->type_name("NAME");
    command->add_option("--password-file", given.account.secret_file, say("help.password_file"))
        ->type_name("FILE");
    if (!published) {
      command->add_option("--calendars", given.remote.calendars, say("help.calendars"))
          ->delimiter(',')
          ->type_name("NAME");
      oauth_options(*command, {"google"});
    }
    command->add_option("--also-host", given.remote.hosts, say("help.also_host"))
        ->type_name("HOST");
    command->add_option("--interval", given.remote.interval, say("help.interval"))
        ->option_text("N")
        ->check(CLI::Range(1, 86'400));
    command->add_option("--name", given.account.name, say("help.name"))->type_name("NAME");
  }

  void imap_command(CLI::App& mail) {
    Arguments& given = arguments_;
    CLI::App* command = add(mail, "imap", "sources", [&given](Command& with) {
      return add_imap(with, given.account, given.imap, given.oauth);
    });
    ImapOptions& imap = given.imap;
    command->add_option("address", given.account.address, say("help.address"))
        ->required()
        ->type_name("ADDRESS");
    command->add_option("--name", given.account.name, say("help.name"))->type_name("NAME");
    command->add_option("--host", imap.host, say("help.mail_host"))->type_name("HOST");
    command->add_option("--port", imap.port, say("help.mail_port"))
        ->option_text("N")
        ->check(CLI::Range(1, 65535));
    command->add_option("--tls", imap.tls, say("help.mail_tls"))
        ->option_text("implicit|starttls|none")
        ->check(CLI::IsMember({"implicit", "starttls", "none"}));
    command->add_option("--user", imap.user, say("help.mail_user"))->type_name("NAME");
    command->add_option("--folders", imap.folders, say("help.mail_folders"))
        ->delimiter(',')
        ->type_name("NAME,…");
    command->add_flag("--spam", imap.spam, say("help.mail_spam"));
    command->add_option("--authority", imap.authority, say("help.authority"))->type_name("FILE");
    command->add_option("--password-file", given.account.secret_file, say("help.password_file"))
        ->type_name("FILE");
    oauth_options(*command, {"google", "microsoft"});
    command->add_option("--smtp", imap.smtp, say("help.smtp"))->option_text("HOST[:PORT]|none");
    command->add_option("--smtp-tls", imap.smtp_tls, say("help.mail_tls"))
        ->option_text("implicit|starttls|none")
        ->check(CLI::IsMember({"implicit", "starttls", "none"}));
  }

  void source_commands() {
    Arguments& given = arguments_;
    CLI::App* adding = add(app_, "add", "sources", {});
    CLI::App* mail = add(*adding, "mail", "sources", {});
    add_kind(*mail, "maildir", "maildir");
    add_kind(*mail, "mbox", "mbox");
    imap_command(*mail);
    add_kind(*adding, "folder", "folder");
    CLI::App* calendar = add(*adding, "calendar", "sources", {});
    add_kind(*calendar, "ics", "ics");
    add_account_kind(*calendar, "caldav", "caldav");
    add_account_kind(*calendar, "url", "ics_url");
    CLI::App* contacts = add(*adding, "contacts", "sources", {});
    add_kind(*contacts, "vcf", "vcf");
    add_account_kind(*contacts, "carddav", "carddav");
    CLI::App* chat = add(*adding, "chat", "sources", {});
    add_kind(*chat, "whatsapp", "whatsapp");
    add_kind(*chat, "telegram", "telegram");
    add(app_, "sources", "sources", [](Command& command) { return list_sources(command); });
    CLI::App* leaving = add(app_, "egress", "sources", [&given](Command& command) {
      return show_egress(command, given.seal     ? Sealing::seal
                                  : given.unseal ? Sealing::unseal
                                                 : Sealing::ask);
    });
    auto* seal = leaving->add_flag("--seal", given.seal, say("help.seal"));
    leaving->add_flag("--unseal", given.unseal, say("help.unseal"))->excludes(seal);
    CLI::App* syncing = add(app_, "sync", "sources", [&given](Command& command) {
      return sync_sources(command, given.source, given.wait.empty() ? "none" : given.wait);
    });
    syncing->add_option("--source", given.source, say("help.source"))->type_name("SOURCE");
    // A flag with a value of its own, so that a following word is never taken for it.
    syncing->add_flag("--wait{items}", given.wait, say("help.wait"))
        ->option_text("[=items|all]")
        ->check(CLI::IsMember({"none", "items", "all"}));
    CLI::App* removing = add(app_, "remove", "sources", [&given](Command& command) {
      return remove_source(command, given.source, given.yes ? Confirmed::yes : Confirmed::no);
    });
    removing->add_option("source", given.source, say("help.source"))
        ->required()
        ->type_name("SOURCE");
    removing->add_flag("--yes", given.yes, say("help.yes"));
  }

  void answer_commands() {
    Arguments& given = arguments_;
    CLI::App* searching = add(app_, "search", "questions", [&given](Command& command) {
      given.search.query = joined(given.words);
      return search(command, given.search);
    });
    searching->add_option("query", given.words, say("help.query"))->required()->type_name("");
    searching->add_option("--limit", given.search.limit, say("help.limit"))
        ->option_text("N")
        ->check(CLI::Range(1, 200));
    searching->add_option("--kind", given.search.kind, say("help.kind"))
        ->option_text("KIND")
        ->check(CLI::IsMember({"mail", "event", "contact", "document"}));
    searching->add_option("--person", given.search.person, say("help.person"))->type_name("NAME");
    searching->add_option("--after", given.search.after, say("help.after"))->type_name("DATE");
    searching->add_option("--before", given.search.before, say("help.before"))->type_name("DATE");
    searching->add_option("--source", given.search.source, say("help.source"))->type_name("SOURCE");

    CLI::App* asking = add(app_, "ask", "questions", [&given](Command& command) {
      given.ask.question = joined(given.words);
      return ask(command, given.ask);
    });
    asking->add_option("question", given.words, say("help.question"))->required()->type_name("");
    asking->add_option("--conversation", given.ask.conversation, say("help.conversation"))
        ->type_name("ID");
    // One question is about the owner's data unless it says otherwise; a chat is about anything.
    const auto add_mode = [&](CLI::App* command, std::string& mode, const char* standard) {
      mode = standard;
      command->add_option("--mode", mode, say("help.mode"))
          ->option_text("MODE")
          ->check(CLI::IsMember({"auto", "data", "model"}));
    };
    add_mode(asking, given.ask.mode, "data");
    add_cache_option(asking);
    add_mode(add(app_, "chat", "questions",
                 [&given](Command& command) { return chat(command, given.chat_mode); }),
             given.chat_mode, "auto");
    CLI::App* correcting = add(app_, "correct", "questions", [&given](Command& command) {
      given.correct.text = joined(given.words);
      return correct_answer(command, given.correct);
    });
    correcting->add_option("text", given.words, say("help.correct_text"))->type_name("");
    CLI::Option* right =
        correcting->add_flag("--right", given.correct.right, say("help.correct_right"));
    correcting->add_flag("--take-back", given.correct.take_back, say("help.correct_take_back"))
        ->excludes(right);
    correcting->add_option("--turn", given.correct.turn, say("help.correct_turn"))->type_name("ID");
    CLI::App* showing = add(app_, "show", "questions",
                            [&given](Command& command) { return show_item(command, given.show); });
    showing->add_option("item", given.show.item, say("help.item"))->required()->type_name("ITEM");
    showing->add_option("--quote", given.show.quote, say("help.quote"))->type_name("TEXT");
    showing->add_flag("--original", given.show.original, say("help.original"));
  }

  void mail_commands() {
    Arguments& given = arguments_;
    // Of a file without a home, or else of the home.
    const auto add_mail = [&](const char* name, int (*perform)(Command&, const MailOptions&),
                              Action of_home) {
      CLI::App* command = add(app_, name, "assistant", [&given, perform, of_home](Command& with) {
        return given.mail.mbox.empty() ? of_home(with) : perform(with, given.mail);
      });
      command->add_option("--mbox", given.mail.mbox, say("help.mbox"))->type_name("FILE");
      command->add_option("--now", given.mail.now, say("help.now"))->type_name("TIME");
      command->add_option("--me", given.mail.me, say("help.me"))
          ->type_name("ADDRESS")
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      command->add_option("--zone", given.mail.zone, say("help.zone"))->type_name("ZONE");
      command->add_option("--language", given.mail.language, say("help.language"))
          ->option_text("en|es")
          ->check(CLI::IsMember({"en", "es"}));
      command->add_flag("--no-model", given.mail.no_model, say("help.no_model"));
      command->add_option("--use", given.mail.use, say("help.use_role"))
          ->option_text("ROLE")
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->check(CLI::IsMember({"chat", "embed"}));
      add_cache_option(command);
      return command;
    };
    CLI::App* triage = add_mail("triage", triage_mails, [&given](Command& with) {
      if (given.item.empty()) {
        with.terminal().error_line("lar: " + say("usage.missing", {{"word", "--mbox, item"}}));
        return static_cast<int>(exit_usage);
      }
      return triage_item(with, given.item, given.teach);
    });
    triage->add_option("item", given.item, say("help.item"))->type_name("ITEM");
    triage->add_flag("--features", given.mail.features, say("help.features"));
    const auto add_said = [&](const char* name, std::string& value, const char* help,
                              const std::vector<std::string>& values) {
      std::string shown;
      for (const std::string& one : values) shown += (shown.empty() ? "" : "|") + one;
      triage->add_option(name, value, say(help))
          ->option_text(shown)
          ->check(CLI::IsMember(values))
          ->excludes("--mbox");
    };
    add_said("--priority", given.teach.priority, "help.teach_priority",
             {"urgent", "reply", "fyi", "bulk"});
    add_said("--personal", given.teach.personal, "help.teach_personal", {"yes", "no"});
    add_said("--suspicious", given.teach.suspicious, "help.teach_suspicious",
             {"none", "spam", "phishing"});
    triage->add_flag("--take-back", given.teach.take_back, say("help.teach_take_back"))
        ->excludes("--priority")
        ->excludes("--personal")
        ->excludes("--suspicious")
        ->excludes("--mbox");
    CLI::App* brief = add_mail("brief", brief_mails, [&given](Command& with) {
      return given.speak ? speak_brief(with, given.since, given.day)
                         : brief_home(with, given.since, given.day);
    });
    CLI::Option* since = brief->add_option("--since", given.since, say("help.since"));
    since->type_name("TIME");
    brief->add_option("--day", given.day, say("help.brief_day"))->type_name("DAY")->excludes(since);
    brief->add_flag("--speak", given.speak, say("help.speak"));
  }

  void assistant_commands() {
    Arguments& given = arguments_;
    const auto add_card = [&](const char* name, int (*perform)(Command&, const CardOptions&),
                              bool needed = true) {
      CLI::App* command = add(app_, name, "assistant", [&given, perform](Command& with) {
        given.card.time = joined(given.words);
        return perform(with, given.card);
      });
      command->add_option("card", given.card.number, say("help.card"))
          ->required(needed)
          ->option_text("N")
          ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 62));
      return command;
    };
    const auto add_which = [&](CLI::App* command) {
      command->add_option("--action", given.card.action, say("help.card_action"))
          ->option_text("K")
          ->check(CLI::Range(1, 99));
    };
    CLI::App* cards = add_card("cards", list_cards, false);
    cards->add_flag("--all", given.card.all, say("help.cards_all"));
    cards->add_option("--never", given.card.never, say("help.cards_never"))->option_text("N");
    cards->add_option("--always", given.card.always, say("help.cards_always"))->option_text("N");
    cards->add_flag("--person", given.card.person, say("help.cards_person"));
    CLI::App* approve = add_card("approve", approve_action);
    add_which(approve);
    approve->add_option("--text", given.card.text, say("help.approve_text"))->type_name("TEXT");
    approve->add_flag("--all", given.card.all, say("help.approve_all"));
    auto* always = approve->add_flag("--always", given.card.always_do, say("help.approve_always"));
    approve->add_flag("--anybody", given.card.anybody, say("help.approve_anybody"))->needs(always);
    CLI::App* draft = add_card("draft", draft_action);
    add_which(draft);
    draft->add_option("--say", given.card.say, say("help.draft_say"))->type_name("TEXT");
    add_which(add_card("reject", reject_action));
    add_which(add_card("undo", undo_action));
    CLI::App* snooze = add_card("snooze", snooze_card);
    CLI::Option* time = snooze->add_option("time", given.words, say("help.snooze_time"));
    time->type_name("TIME");
    CLI::Option* after = snooze->add_option("--after", given.card.after, say("help.snooze_after"));
    after->type_name("EVENT")->excludes(time);
    snooze->add_option("--before", given.card.before, say("help.snooze_before"))
        ->type_name("EVENT")
        ->excludes(time)
        ->excludes(after);
    add_card("done", finish_card)
        ->add_flag("--dismiss", given.card.dismiss, say("help.done_dismiss"));
    CLI::App* summing = add(app_, "summary", "assistant", [&given](Command& command) {
      return summarise(command, given.summary);
    });
    summing->add_option("item", given.summary.item, say("help.summary_item"))->type_name("ITEM");
    summing->add_option("--chat", given.summary.chat, say("help.summary_chat"))->type_name("NAME");
    summing->add_option("--since", given.summary.since, say("help.summary_since"))
        ->type_name("TIME");
    summing->add_option("--until", given.summary.until, say("help.summary_until"))
        ->type_name("TIME");
    summing->add_option("--with", given.summary.person, say("help.summary_with"))
        ->type_name("PERSON");
    CLI::App* doing = add(app_, "do", "assistant", [&given](Command& command) {
      given.plan.text = joined(given.words);
      return plan(command, given.plan);
    });
    doing->add_option("sentence", given.words, say("help.do_sentence"))->required()->type_name("");
    doing->add_option("--event", given.plan.event, say("help.do_event"))->type_name("EVENT");
    doing->add_option("--at", given.plan.start, say("help.do_at"))->type_name("TIME");
    doing->add_option("--who", given.plan.who, say("help.do_who"))->type_name("ADDRESS");
    CLI::App* contact = add(app_, "contact", "assistant", [&given](Command& command) {
      return write_contact(command, given.contact);
    });
    contact->add_option("name", given.contact.name, say("help.contact_name"))->type_name("NAME");
    contact->add_option("--email", given.contact.email, say("help.contact_email"))
        ->type_name("ADDRESS");
    contact->add_option("--phone", given.contact.phone, say("help.contact_phone"))
        ->type_name("NUMBER");
    contact->add_option("--change", given.contact.change, say("help.contact_change"))
        ->type_name("ITEM");
    contact->add_option("--account", given.contact.account, say("help.contact_account"))
        ->type_name("NAME");
    CLI::App* replaying = add(app_, "replay", "assistant", [&given](Command& command) {
      return replay_gate(command, given.since.empty() ? "30d" : given.since);
    });
    replaying->add_option("--since", given.since, say("help.since"))->type_name("TIME");
    CLI::App* attention = add(app_, "attention", "assistant", [&given](Command& command) {
      return show_attention(command, given.attention);
    });
    attention->add_option("--per-day", given.attention.per_day, say("help.per_day"))
        ->option_text("N")
        ->check(CLI::Range(0, 100));
    attention->add_option("--quiet", given.attention.quiet, say("help.quiet_hours"))
        ->option_text("HH:MM-HH:MM");
    attention->add_option("--briefing", given.attention.briefing, say("help.briefing"))
        ->option_text("HH:MM|off");
    attention->add_option("--send-delay", given.attention.send_delay, say("help.send_delay"))
        ->option_text("N")
        ->check(CLI::Range(0, 120));
    attention->add_option("--revoke", given.attention.revoke, say("help.revoke"))->option_text("N");
    attention->add_option("--mail", given.attention.mail, say("help.mail_to_self"))
        ->option_text("ADDRESS|off");
    attention->add_flag("--live", given.attention.live, say("help.live"));
    CLI::App* memory = add(app_, "memory", "assistant", {});
    add(*memory, "list", "assistant", [&given](Command& command) {
      return list_memories(command, given.card.all);
    })->add_flag("--all", given.card.all, say("help.memory_all"));
    CLI::App* adding = add(*memory, "add", "assistant", [&given](Command& command) {
      return add_memory(command, joined(given.words), given.topic);
    });
    adding->add_option("statement", given.words, say("help.statement"))->required()->type_name("");
    adding->add_option("--topic", given.topic, say("help.topic"))->type_name("TEXT");
    CLI::App* forgetting = add(*memory, "forget", "assistant", [&given](Command& command) {
      return forget_memory(command, given.card.number);
    });
    forgetting->add_option("memory", given.card.number, say("help.memory_number"))
        ->required()
        ->option_text("N");
  }

  void model_commands() {
    Arguments& given = arguments_;
    CLI::App* model = add(app_, "model", "models", {});
    add(*model, "list", "models", [](Command& command) { return list_models(command); });
    const auto add_named = [&](const char* name, const char* type,
                               int (*perform)(Command&, const std::string&)) {
      CLI::App* command = add(*model, name, "models", [&given, perform](Command& with) {
        return perform(with, given.model);
      });
      command
          ->add_option(base::lower_ascii(type), given.model,
                       say(std::string("help.model_") + name + "_what"))
          ->required()
          ->type_name("");
    };
    add_named("pull", "NAME", pull_model);
    add_named("add", "FILE", add_model);
    CLI::App* using_one = add(*model, "use", "models", [&given](Command& command) {
      given.use.binding = given.model;
      given.use.confirmed = given.yes ? Confirmed::yes : Confirmed::no;
      return use_model(command, given.use);
    });
    using_one->add_option("role=name", given.model, say("help.model_use_what"))
        ->required()
        ->type_name("");
    using_one->add_flag("--compare", given.use.compare, say("help.model_use_compare"));
    using_one->add_flag("--consent", given.use.consent, say("help.model_use_consent"));
    using_one->add_option("--key-file", given.use.key_file, say("help.model_use_key_file"))
        ->type_name("FILE");
    using_one->add_option("--questions", given.use.questions, say("help.model_use_questions"))
        ->option_text("N")
        ->check(CLI::Range(1, 500));
    using_one->add_flag("--yes", given.yes, say("help.model_use_yes"));
    add(*model, "plan", "models", [](Command& command) { return plan_models(command); });
    add_named("show", "NAME", show_model);
    CLI::App* checking = add(*model, "check", "models", [&given](Command& command) {
      return check_model(command, given.model.empty() ? "chat" : given.model, given.full);
    });
    checking->add_option("what", given.model, say("help.model_check_what"))->type_name("");
    checking->add_flag("--full", given.full, say("help.model_check_full"));
  }

  void key_commands() {
    Arguments& given = arguments_;
    CLI::App* key = add(app_, "key", "clients", {});
    CLI::App* adding = add(*key, "add", "clients", [&given](Command& command) {
      return add_key(command, given.name, given.assistant);
    });
    adding->add_option("name", given.name, say("help.key_name"))->required()->type_name("NAME");
    adding->add_flag("--assistant", given.assistant, say("help.key_assistant"));
    add(*key, "list", "clients", [](Command& command) { return list_keys(command); });
    CLI::App* removing = add(*key, "remove", "clients", [&given](Command& command) {
      return remove_key(command, given.name);
    });
    removing->add_option("name", given.name, say("help.key_name"))->required()->type_name("NAME");
  }

  std::string explain(const CLI::ParseError& error) const {
    const std::string detail = error.what();
    const auto* extras = dynamic_cast<const CLI::ExtrasError*>(&error);
    if (extras != nullptr) {
      return say("usage.unexpected", {{"word", detail.substr(detail.rfind(": ") + 2)}});
    }
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
      if (!app_.remaining().empty()) {
        return say("usage.unexpected", {{"word", app_.remaining().front()}});
      }
      if (detail.find("subcommand") != std::string::npos) return say("usage.no_command");
      return say("usage.missing", {{"word", detail.substr(0, detail.find(' '))}});
    }
    if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr ||
        dynamic_cast<const CLI::ConversionError*>(&error) != nullptr ||
        dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
      constexpr std::string_view conversion = "Could not convert: ";
      const std::string what =
          detail.starts_with(conversion) ? detail.substr(conversion.size()) : detail;
      return say("usage.wrong_value", {{"word", what.substr(0, what.find_first_of(": "))}});
    }
    return detail;
  }

  CLI::App app_;
  Arguments arguments_;
  Action action_;
};

}  // namespace

int run(int count, char** arguments) {
  // Only what counts as a letter: numbers stay as they are written in C.
  std::setlocale(LC_CTYPE, "");
  return Table().run(count, arguments);
}

}  // namespace lar::cli
