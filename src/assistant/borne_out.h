// Whether a line that a model wrote about a message says no more than the message does. The message
// may be written to make the model say something: nothing that the model says is taken on trust.
// Numbers and days must stand there, and words by their spelling or by their meaning. Pure but for
// the embedding that it is given.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/text.h"

namespace lar::assistant {

struct Ground {
  std::string text;   // subject and the writer's own words, as the model saw them
  std::string known;  // what code told the model besides: who wrote, when
  base::Date written;
  base::Language language = base::Language::english;
};

// Normalised vectors of single words in small letters, in their order.
using EmbedWords = std::function<base::Result<std::vector<std::vector<float>>>(
    const std::vector<std::string>& words)>;

// A line in another language than its ground shares few words with it: without `embed` (may be
// empty) it is borne out only where its words are spelt alike. Errors: those of `embed`.
base::Result<bool> borne_out(std::string_view line, const Ground& ground,
                             base::Language line_language, const EmbedWords& embed);

// The line as somebody's: "Eva Prado: …" where it does not name them itself. Whoever makes the
// model say something is seen to say it.
std::string said_by(const std::string& who, std::string line);

}  // namespace lar::assistant
