// A mailbox file in memory: its mails as the assistant judges them, who its owner is, and who has
// written to whom. Read through the reading service, kept nowhere. Values only once read; one
// thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/text.h"
#include "domain/item.h"

namespace lar::reading {
class ReadingService;
}

namespace lar::assistant {

// A sentence of what the writer of a mail says (not of what is quoted), and what code sees in it.
struct Sentence {
  std::string text;
  std::string folded;     // for phrases: folded words with one space between and around them
  bool question = false;  // ends in a question mark
  bool heading = false;
};

struct Mail {
  std::string id;  // Message-ID without <>
  std::string subject;
  domain::Person from;
  std::vector<domain::Person> to, cc, reply_to;
  std::optional<base::Microseconds> sent;
  std::string text;         // the writer's own words
  std::string quoted;       // what they answer
  std::string signature;    // what stands below the name: phones, offices
  std::string boilerplate;  // legal notices, unsubscribe footers
  std::vector<Sentence> sentences;
  std::string folded;  // subject and own words, as Sentence::folded
  std::vector<std::string> references;
  domain::MailDetails details;
  base::Language language = base::Language::english;
  bool html = false;
  bool forwarded = false;
  bool mine = false;       // sent by the owner
  std::size_t thread = 0;  // mails with the same number belong together

  // The value of a header field (name in lower case); empty where there is none.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
};

struct Owner {
  std::set<std::string> addresses;
  std::set<std::string> names;  // folded words of the owner's names: "clara", "soler"
  std::string zone = "UTC";
  base::Language language = base::Language::english;
  bool is(std::string_view address) const { return addresses.contains(std::string(address)); }
};

struct Mailbox {
  std::vector<Mail> mails;  // in the order of the file
  Owner owner;
  base::Microseconds now = 0;
  std::vector<std::string> unreadable;  // codes of the errors of mails that could not be read
};

struct MailboxOptions {
  std::string path;
  std::vector<std::string> me;            // empty: inferred
  std::optional<base::Microseconds> now;  // empty: the clock
  std::optional<int> now_offset;          // minutes east of UTC that `now` was written with
  std::string zone;                       // empty: inferred
  std::optional<base::Language> language;
  bool only_before_now = false;  // what was sent later does not exist yet
  std::string reader_program;    // lar-read; empty: beside the program
};

// Errors: file.*, mbox.not_an_mbox, reading.*, cancelled.
base::Result<Mailbox> read_mailbox(const MailboxOptions& options, std::stop_token stop);

// ---- for tests and for what works on single mails ----

// What a reader made of a mail, as the assistant sees it.
// One mail as the reader sees it, with MailDetails; relative days are those of `zone`. Errors: of
// the reading service, mail.unreadable.
base::Result<domain::Item> read_mail(reading::ReadingService& reading, const std::string& bytes,
                                     const std::string& zone, std::stop_token stop);
Mail make_mail(const domain::Item& item);
// Numbers the threads and finds out who the owner is, where that was not said.
void complete(Mailbox& mailbox, const MailboxOptions& options);

// How far the clock of who wrote a mail is from UTC, in minutes, as its Date header says (RFC 5322,
// 3.3); none without one.
std::optional<int> sender_offset(const Mail& mail);

// Folded words of a text with one space between and around them: " hola clara ".
std::string phrase_text(std::string_view text);
std::vector<Sentence> sentences_of(std::string_view text, bool lines_are_sentences);

}  // namespace lar::assistant
