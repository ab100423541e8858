// Pieces of sentences: words with where they stand, where a clause ends, and what is left of one
// once its day, its politeness and loose ends are taken off. What requests.cc and tasks.cc share.
// Pure functions.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "assistant/mailbox.h"
#include "assistant/moments.h"

namespace lar::assistant {

struct Token {
  std::string folded;
  std::size_t begin = 0, end = 0;  // bytes of the text
};
std::vector<Token> tokens_of(std::string_view text);

template <std::size_t count>
bool is_one(std::string_view word, const std::string_view (&list)[count]) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}
// Whether any of these pieces (with their spaces) stands in a folded text.
bool holds(std::string_view folded, std::initializer_list<std::string_view> pieces);

// The end of the clause that begins at token `from`, as a token number behind it.
std::size_t clause_end(std::string_view text, const std::vector<Token>& tokens, std::size_t from);

// "2026-05-14"; "2026-05-14T17:30:00+02:00".
std::string date_text(const base::Date& date);
std::string time_text(const base::Date& date, int minute, const std::string& zone);
// The same where the text has named a zone of its own for the time (empty: none).
std::string time_text(const base::Date& date, int minute, const std::string& named,
                      const std::string& zone);
// The last day of a moment, with its time where that is a deadline.
std::string due_text(const Moment& moment, const std::string& zone);

// A clause without its days and the prepositions before them.
std::string without_moments(std::string_view text, std::size_t begin, std::size_t end,
                            const std::vector<Moment>& moments);
// Without words that say how soon or introduce: what is left is what to do.
std::string plain_task(std::string text);
std::string without_loose_end(std::string text);
std::string trimmed_clause(std::string text);
bool has_pronoun_only(std::string_view folded);
// "Confírmame", "tell me": at most `most` words that mean something.
bool says_little(std::string_view text, std::size_t most = 1);

// Whether a line is of the head of a mail that was passed on ("From: …", "Enviado: …"), between
// other such lines.
bool is_mail_head(const std::vector<Sentence>& sentences, std::size_t number);

// Sent by a machine, to a list or by an office: by nobody in person.
bool impersonal_mail(const Mail& mail);

}  // namespace lar::assistant
