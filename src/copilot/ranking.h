// Which of the passages found are likeliest to hold the answer, before a language model reads any:
// named features of each passage beside the others, and weights learnt by eval/train_ranking.py
// from the questions of the first and the development household (data/ranking.json). Small models
// judge a handful of passages far better than they choose among a dozen, and each they need not
// read is time saved.
//
// Pure functions; the weights are read once and never change.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "copilot/retrieval.h"

namespace lar::copilot {

using Features = std::map<std::string, double, std::less<>>;

// A sentence that is compared with the question by meaning; [begin, end) bytes of the passage's
// text, where it may be broken into lines.
struct Sentence {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;  // in one line, cut where it is longer than is worth comparing
};
// Those of a passage, at most a dozen.
std::vector<Sentence> compared_sentences(const Candidate& candidate);

// What they mean; all normalised, of one embedding space. Empty where there is none.
struct Meanings {
  std::vector<float> question;
  std::vector<std::vector<std::vector<float>>> sentences;  // of candidate i, as compared_sentences
};

// Of a candidate's sentences the nearest to the question; nothing without meanings.
std::optional<std::size_t> nearest_sentence(const Meanings& meanings, std::size_t candidate);

// One set a candidate, in their order.
std::vector<Features> ranking_features(const std::vector<Candidate>& candidates,
                                       std::string_view question, const Meanings& meanings,
                                       std::string_view zone);

// Adds to the features of those that the model has judged, by its log-odds for each candidate, how
// much one replaces an earlier message on its matter ("replaces_judged") or is replaced by a later
// one ("replaced_judged"), 0-1.
void add_replacements(const std::vector<Candidate>& candidates,
                      const std::vector<std::size_t>& judged, const std::vector<double>& odds,
                      std::string_view question, const Meanings& meanings, std::string_view zone,
                      std::vector<Features>& features);

// Later messages of the same sender or thread on the matter of the message at `index` that hold the
// sorts of fact asked for, nearest in matter first; none for what is no message.
std::vector<std::size_t> later_on_its_matter(const std::vector<Candidate>& candidates,
                                             std::size_t index, std::string_view question,
                                             const Meanings& meanings, std::string_view zone);

class Ranking {
 public:
  // The weights carried in the program. ranking.malformed {detail} if they are damaged.
  static base::Result<const Ranking*> shared();

  // Higher is likelier; comparable inside one question only.
  double rank(const Features& features, bool with_meanings) const;
  // Log-odds that a passage states the answer against nothing found stating it. `features` as above
  // and those of add_replacements, "rank", "held", "held_lead": the rank's lead over the best other
  // passage, the log-odds that the model gave it, and their lead over the best other.
  double decide(const Features& features, bool with_meanings) const;

 private:
  struct Model {
    double bias = 0;
    std::map<std::string, double, std::less<>> weights;
    double apply(const Features& features) const;
  };
  static base::Result<Ranking> load();
  std::map<std::string, Model, std::less<>> models_;  // "rank", "rank+meanings", "decide" …
};

}  // namespace lar::copilot
