// Evidence: does a passage really hold what a claim says? Code decides, not the model.
//
// The hard facts of a claim (numbers, amounts, dates, clock times, names) must stand in one stretch
// of at most 300 characters of the passage, or in what code itself knows of the item (its date,
// title and people). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/text.h"

namespace lar::copilot {

constexpr std::size_t longest_quote = 300;  // characters

// What a claim may be measured against.
struct EvidenceSource {
  std::string_view text;  // of the passage
  std::string known;      // title, people, dates: what stands in the prompt's header line
  base::Date written;     // resolves "tomorrow" and dates without a year
};

struct Evidence {
  std::size_t begin = 0;  // bytes [begin, end) of the passage's text
  std::size_t end = 0;
  double overlap = 0;  // share of the claim's content words found there, 0-1
};

// Where `claim` is borne out; nothing if a hard fact is missing there.
// Facts that already stand in the question are not asked for again.
std::optional<Evidence> find_evidence(const EvidenceSource& source, std::string_view claim,
                                      std::string_view question);

// Whether a claim says nothing that the question does not ("Yes, the hotel is booked.").
bool says_nothing_new(std::string_view claim, std::string_view question, base::Date written);
// Says that it is not said ("the price is unknown"), which answers nothing.
bool says_it_is_not_known(std::string_view claim);

// A number as written anywhere in Europe or America, in one form: "1.174,00 €" → "1174",
// "401'90" → "401.9", "16:15" → "16.15".
std::string canonical_number(std::string_view written);
// All numbers of a text in that form, in order.
std::vector<std::string> numbers_in(std::string_view text);

// Where sentences and lines of a text begin, and its end.
std::vector<std::size_t> sentence_starts(std::string_view text);

// What sort of fact a question asks for.
enum class Asked { anything, date, clock_time, money, count, phone, mobile, email, birthday };
// The sorts a question asks for, none if it is open.
std::vector<Asked> asked_for(std::string_view question);
// Whether a question wants more than a yes or no: it holds a word that asks ("which", "dónde").
bool asks_for_a_fact(std::string_view question);
// Asks for more than one thing, in one sentence ("until when, and how much is it?").
bool asks_several(std::string_view question);
// Whether a question is about when something was written or sent.
bool asks_when_sent(std::string_view question);
// Whether a text tells of a change of plans: moved, postponed, corrected, cancelled, "instead of".
// The title of an answer ("Re: …") is that of what it answers and does not count.
bool tells_of_change(std::string_view title, std::string_view text);
// A question that asks for two things, as two questions; the second says in brackets what the
// first was about ("¿cuánto cuesta? (¿En qué acabado encargué la estantería?)"). Any other as it
// is.
std::vector<std::string> things_asked(std::string_view question);
// Whether a text holds a fact of that sort; anything, person and place are always taken to be
// there.
bool holds(std::string_view text, Asked sort);

// Whether a text is about whom or what the question names: at least half of the names in the
// question stand in it, in one language's spelling or the other's ("Edimburgo", "Edinburgh"). True
// without names.
bool is_about(std::string_view text, std::string_view question);
// Whether a question names anybody or anything.
bool names_in(std::string_view question);

}  // namespace lar::copilot
