// The features say in numbers what somebody sorting printed mails would look at: what a sentence
// means, whether it holds the sort of fact asked for, whether a later message on the matter changes
// it. All but a few lie between 0 and 1.
#include "copilot/ranking.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "agent/query.h"
#include "base/embedded.h"
#include "copilot/evidence.h"

namespace lar::copilot {

namespace {

constexpr std::size_t most_sentences = 12;
constexpr std::size_t shortest_sentence = 4, longest_sentence = 400;
// Passages at most so much farther from the question than the nearest are on its matter.
constexpr double near_enough = 0.15;
// From where on two messages are taken to be on one matter.
constexpr double same_matter = 0.6;

double dot(const std::vector<float>& left, const std::vector<float>& right) {
  if (left.size() != right.size()) return 0;
  return std::inner_product(left.begin(), left.end(), right.begin(), 0.0);
}

// The direction of all sentences of a passage together.
std::vector<float> middle(const std::vector<std::vector<float>>& vectors) {
  std::vector<float> sum;
  for (const auto& vector : vectors) {
    if (sum.empty()) sum.assign(vector.size(), 0.0F);
    for (std::size_t index = 0; index < sum.size() && index < vector.size(); ++index) {
      sum[index] += vector[index];
    }
  }
  const double length = std::sqrt(dot(sum, sum));
  if (length > 0) {
    for (float& value : sum) value = static_cast<float>(value / length);
  }
  return sum;
}

std::string_view shown_text(const Candidate& candidate) {
  return std::string_view(candidate.hit.text)
      .substr(candidate.begin, candidate.end - candidate.begin);
}

// What one passage is, apart from the others.
struct Looked {
  std::optional<base::Microseconds> written;  // of messages
  std::vector<float> middle;
  double best = 0;  // cosine of its best sentence
  double second = 0;
  std::string best_sentence;
  bool fits = true;      // holds every sort of fact asked for
  bool fits_any = true;  // holds one of them
  bool changes = false;
};

bool is_message(const Candidate& candidate) {
  return candidate.hit.kind == domain::ItemKind::mail ||
         candidate.hit.kind == domain::ItemKind::message;
}

std::string sender_of(const Candidate& candidate) {
  for (const domain::Person& person : candidate.hit.people) {
    if (person.role == domain::PersonRole::from) return person.address;
  }
  return {};
}

// How much two messages are on one matter: 1 for a thread, less for meaning and sender.
double matter(const Candidate& left, const Looked& of_left, const Candidate& right,
              const Looked& of_right) {
  double value = std::max(0.0, dot(of_left.middle, of_right.middle));
  if (!left.hit.thread.empty() && left.hit.thread == right.hit.thread) value += 1.0;
  const std::string sender = sender_of(left);
  if (!sender.empty() && sender == sender_of(right)) value += 0.3;
  return value;
}

double share_of(const std::vector<std::string>& wanted, const std::vector<std::string>& words) {
  if (wanted.empty()) return 0;
  const auto found = std::count_if(wanted.begin(), wanted.end(), [&](const std::string& word) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& other) {
      // The beginnings of words stand for their forms in both languages.
      return base::cut_utf8(word, 5) == base::cut_utf8(other, 5);
    });
  });
  return static_cast<double>(found) / static_cast<double>(wanted.size());
}

}  // namespace

std::vector<Sentence> compared_sentences(const Candidate& candidate) {
  std::vector<Sentence> sentences;
  const std::string_view text = shown_text(candidate);
  const std::vector<std::size_t> starts = sentence_starts(text);
  Sentence open;
  for (std::size_t index = 0; index + 1 < starts.size(); ++index) {
    const std::string_view piece = text.substr(starts[index], starts[index + 1] - starts[index]);
    const std::string_view trimmed = base::trim(piece);
    const auto at = candidate.begin + static_cast<std::size_t>(trimmed.data() - text.data());
    if (open.text.empty()) {
      open.begin = at;
    } else {
      open.text += ' ';
    }
    open.text += base::collapse_spaces(trimmed);
    open.end = at + trimmed.size();
    // A line that a mail program broke goes on in the next.
    const bool ends = trimmed.empty() || piece.ends_with("\n\n") || trimmed.size() < 50 ||
                      std::string_view(".!?:").find(trimmed.back()) != std::string_view::npos;
    if (!ends && index + 2 < starts.size() && open.text.size() < longest_sentence) continue;
    if (open.text.size() >= shortest_sentence) {
      open.text = base::cut_utf8(open.text, longest_sentence);
      sentences.push_back(open);
    }
    open = {};
    if (sentences.size() == most_sentences) break;
  }
  return sentences;
}

std::optional<std::size_t> nearest_sentence(const Meanings& meanings, std::size_t candidate) {
  if (candidate >= meanings.sentences.size()) return std::nullopt;
  std::optional<std::size_t> nearest;
  double best = 0;
  for (std::size_t index = 0; index < meanings.sentences[candidate].size(); ++index) {
    const double similarity = dot(meanings.question, meanings.sentences[candidate][index]);
    if (nearest && similarity <= best) continue;
    nearest = index;
    best = similarity;
  }
  return nearest;
}

// Looks at the passage at `index` of those whose meanings are given.
Looked look_at(const Candidate& candidate, std::size_t index, std::string_view question,
               const Meanings& meanings, std::string_view zone) {
  const std::vector<Asked> asked = asked_for(question);
  const auto fits = [&](std::string_view text) {
    return std::all_of(asked.begin(), asked.end(), [&](Asked sort) { return holds(text, sort); });
  };
  Looked one;
  if (is_message(candidate) && candidate.hit.when) {
    one.written = domain::begins_at(*candidate.hit.when, zone);
  }
  const std::string whole = candidate.hit.title + "\n" + std::string(shown_text(candidate)) +
                            (candidate.occurs.empty() ? "" : "\n" + candidate.occurs);
  one.fits = fits(whole);
  one.fits_any = asked.empty() || std::any_of(asked.begin(), asked.end(),
                                              [&](Asked sort) { return holds(whole, sort); });
  one.changes = tells_of_change(candidate.hit.title, candidate.hit.text);
  if (index < meanings.sentences.size()) {
    const auto& vectors = meanings.sentences[index];
    const std::vector<Sentence> sentences = compared_sentences(candidate);
    one.middle = middle(vectors);
    for (std::size_t at = 0; at < vectors.size(); ++at) {
      const double similarity = dot(meanings.question, vectors[at]);
      if (similarity > one.best) {
        one.second = one.best;
        one.best = similarity;
        if (at < sentences.size()) one.best_sentence = sentences[at].text;
      } else {
        one.second = std::max(one.second, similarity);
      }
    }
  }
  return one;
}

std::vector<Features> ranking_features(const std::vector<Candidate>& candidates,
                                       std::string_view question, const Meanings& meanings,
                                       std::string_view zone) {
  const std::vector<Asked> asked = asked_for(question);
  const std::vector<std::string> wanted = agent::content_words(question);
  const auto fits = [&](std::string_view text) {
    return std::all_of(asked.begin(), asked.end(), [&](Asked sort) { return holds(text, sort); });
  };
  std::vector<Looked> looked(candidates.size());
  double nearest = 0, nearest_passage = 0, most_score = 0;
  for (std::size_t index = 0; index < candidates.size(); ++index) {
    looked[index] = look_at(candidates[index], index, question, meanings, zone);
    const Candidate& candidate = candidates[index];
    const Looked& one = looked[index];
    nearest = std::max(nearest, one.best);
    nearest_passage = std::max(nearest_passage, static_cast<double>(candidate.hit.similarity));
    most_score = std::max(most_score, candidate.hit.score);
  }

  std::vector<Features> all;
  for (std::size_t index = 0; index < candidates.size(); ++index) {
    const Candidate& candidate = candidates[index];
    const Looked& one = looked[index];
    // The nearest earlier and later message on the matter that holds such a fact as well.
    double later = 0, earlier = 0, replaced = 0;
    int later_count = 0, messages = 0, before = 0;
    for (std::size_t other = 0; other < candidates.size(); ++other) {
      const Looked& two = looked[other];
      if (two.written) ++messages;
      if (other == index || !one.written || !two.written) continue;
      if (*two.written < *one.written) ++before;
      const bool near_question = meanings.question.empty() || two.best > nearest - near_enough;
      if (!two.fits || !near_question) continue;
      const double together = matter(candidate, one, candidates[other], two);
      if (*two.written > *one.written) {
        later = std::max(later, together);
        if (together > 0.8) ++later_count;
        if (two.changes) replaced = std::max(replaced, std::min(together, 1.0));
      } else if (*two.written < *one.written) {
        earlier = std::max(earlier, together);
      }
    }
    std::string about = candidate.header + '\n' + candidate.hit.text;
    for (const domain::Person& person : candidate.hit.people) about += ' ' + person.address;
    const bool has_sorts = !asked.empty();
    Features features;
    features["similarity"] = candidate.hit.similarity;
    features["similarity_lead"] =
        candidate.hit.similarity > 0 ? candidate.hit.similarity - nearest_passage : -0.2;
    features["sentence"] = one.best;
    features["sentence_lead"] = one.best - nearest;
    features["sentence_alone"] = one.best - one.second;
    features["score"] = candidate.hit.score;
    features["score_lead"] = candidate.hit.score - most_score;
    features["in_words"] =
        candidate.hit.text_rank > 0 ? 1.0 / (1 + 0.3 * (candidate.hit.text_rank - 1)) : 0;
    features["fits"] = has_sorts ? (one.fits ? 1 : 0) : 0.5;
    features["fits_any"] = one.fits_any ? 1 : 0;
    features["fits_in_sentence"] = has_sorts ? (fits(one.best_sentence) ? 1 : 0) : 0.5;
    features["changes"] = one.changes ? 1 : 0;
    features["changes_earlier"] = one.changes && earlier > same_matter ? 1 : 0;
    features["changes_fact"] = one.changes && has_sorts ? 1 : 0;
    features["later"] = later;
    features["replaced"] = replaced;
    features["later_many"] = later_count > 1 ? 1 : 0;
    features["later_in_thread"] = later > 1 ? 1 : 0;
    features["earlier"] = earlier;
    features["earlier_in_thread"] = earlier > 1 ? 1 : 0;
    features["newest_share"] =
        one.written && messages > 1 ? static_cast<double>(before) / (messages - 1) : 0.5;
    features["mail"] = candidate.hit.kind == domain::ItemKind::mail ? 1 : 0;
    features["document"] = candidate.hit.kind == domain::ItemKind::document ? 1 : 0;
    features["event"] = candidate.hit.kind == domain::ItemKind::event ? 1 : 0;
    features["contact"] = candidate.hit.kind == domain::ItemKind::contact ? 1 : 0;
    features["in_range"] = candidate.in_range ? 1 : 0;
    features["attachment"] = candidate.hit.part_name.empty() ? 0 : 1;
    features["quoted"] = candidate.hit.segment == domain::SegmentKind::quoted ||
                                 candidate.hit.segment == domain::SegmentKind::signature
                             ? 1
                             : 0;
    features["found_as_change"] = candidate.change ? 1 : 0;
    features["names"] = is_about(about, question) ? 1 : 0;
    features["words"] = share_of(wanted, agent::content_words(about));
    features["words_in_title"] = share_of(wanted, agent::content_words(candidate.hit.title));
    features["length"] = static_cast<double>(candidate.end - candidate.begin) / 1000;
    all.push_back(std::move(features));
  }
  return all;
}

void add_replacements(const std::vector<Candidate>& candidates,
                      const std::vector<std::size_t>& judged, const std::vector<double>& odds,
                      std::string_view question, const Meanings& meanings, std::string_view zone,
                      std::vector<Features>& features) {
  std::map<std::size_t, Looked> looked;
  for (const std::size_t index : judged) {
    looked[index] = look_at(candidates[index], index, question, meanings, zone);
    features[index]["replaces_judged"] = 0;
    features[index]["replaced_judged"] = 0;
  }
  for (const std::size_t older : judged) {
    for (const std::size_t newer : judged) {
      const Looked &one = looked[older], &two = looked[newer];
      if (!one.written || !two.written || *one.written >= *two.written) continue;
      if (!one.fits || !two.fits) continue;
      const double together = matter(candidates[older], one, candidates[newer], two);
      if (together < same_matter) continue;
      // One that hardly states the fact itself replaces nothing.
      const double states = 1 / (1 + std::exp(odds[older] - odds[newer] - 1));
      const double strength = std::min(together, 1.0) * states * (two.changes ? 1.0 : 0.5);
      double& replaces = features[newer]["replaces_judged"];
      double& replaced = features[older]["replaced_judged"];
      replaces = std::max(replaces, strength);
      replaced = std::max(replaced, strength);
    }
  }
}

std::vector<std::size_t> later_on_its_matter(const std::vector<Candidate>& candidates,
                                             std::size_t index, std::string_view question,
                                             const Meanings& meanings, std::string_view zone) {
  const Looked one = look_at(candidates[index], index, question, meanings, zone);
  std::vector<std::pair<double, std::size_t>> found;
  const Candidate& left = candidates[index];
  const std::string sender = sender_of(left);
  for (std::size_t other = 0; one.written && other < candidates.size(); ++other) {
    const Candidate& right = candidates[other];
    if (right.hit.item == left.hit.item) continue;
    // By the same hand or in the same thread: what others write near a matter seldom settles it.
    const bool in_thread = !left.hit.thread.empty() && left.hit.thread == right.hit.thread;
    if (!in_thread && (sender.empty() || sender != sender_of(right))) continue;
    const Looked two = look_at(right, other, question, meanings, zone);
    if (!two.written || *two.written <= *one.written || !two.fits) continue;
    const double together = matter(left, one, right, two);
    if (together >= same_matter) found.emplace_back(-together, other);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::size_t> result;
  for (const auto& [together, other] : found) result.push_back(other);
  return result;
}

double Ranking::Model::apply(const Features& features) const {
  double value = bias;
  for (const auto& [name, weight] : weights) {
    const auto found = features.find(name);
    if (found != features.end()) value += weight * found->second;
  }
  return value;
}

base::Result<Ranking> Ranking::load() {
  Ranking ranking;
  try {
    for (const embedded::File& file : embedded::ranking()) {
      if (file.path != "ranking.json") continue;
      const auto data = nlohmann::json::parse(file.bytes);
      for (const auto& [name, model] : data.at("models").items()) {
        ranking.models_[name] = {
            model.at("bias").get<double>(),
            model.at("weights").get<std::map<std::string, double, std::less<>>>()};
      }
    }
  } catch (const nlohmann::json::exception& error) {
    return base::fail(base::ErrorKind::internal, "ranking.malformed", {{"detail", error.what()}});
  }
  for (const char* name : {"rank", "rank+meanings", "decide", "decide+meanings"}) {
    if (!ranking.models_.contains(name)) {
      return base::fail(base::ErrorKind::internal, "ranking.malformed", {{"detail", name}});
    }
  }
  return ranking;
}

base::Result<const Ranking*> Ranking::shared() {
  static const base::Result<Ranking> loaded = load();
  if (!loaded) return tl::unexpected<base::Error>(loaded.error());
  return &*loaded;
}

double Ranking::rank(const Features& features, bool with_meanings) const {
  return models_.find(with_meanings ? "rank+meanings" : "rank")->second.apply(features);
}

double Ranking::decide(const Features& features, bool with_meanings) const {
  return models_.find(with_meanings ? "decide+meanings" : "decide")->second.apply(features);
}

}  // namespace lar::copilot
