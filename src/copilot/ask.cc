// The path of one question, from its words to checked claims. Everything lives on the asking
// thread; the only state outside is the store's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "agent/query.h"
#include "agent/query_vector.h"
#include "base/foreign_json.h"
#include "base/messages.h"
#include "base/time_expression.h"
#include "copilot/copilot.h"
#include "copilot/days.h"
#include "copilot/evidence.h"
#include "copilot/prompts.h"
#include "copilot/ranking.h"
#include "copilot/retrieval.h"

namespace lar::copilot {
namespace {

using base::Language;
using nlohmann::json;

constexpr int answer_tokens = 120, copied_tokens = 220;
// Passages judged by the model for each thing asked, likeliest first, and of those read.
constexpr std::size_t most_judged = 4;
constexpr int tries = 2;
// Probability that it is this passage, for the first and for a further one to be read, and from
// where on its own words stand in for the model's: where these were borne out again, or at once.
constexpr double least_weight = 0.25, worth_trying = 0.2, fairly_sure = 0.35, sure = 0.5;
// Probability that it states the answer proposed, and from where on no other passage is read.
constexpr double least_support = 0.35, least_support_change = 0.2, certain = 0.7;
// Where the passage itself surely held the answer, less support of the claim will do.
constexpr double well_held = 0.6, least_support_held = 0.2;
// Later messages that are compared with the one picked, and the probability from which on one of
// them is taken to replace it.
constexpr std::size_t most_compared = 2;
constexpr double replaces = 0.5;
// How much farther from the question by meaning a replacement may lie than what it replaces, and
// the support that one farther off needs.
constexpr double still_near = 0.2, least_support_far = 0.45;
// Where a passage does not name what the question names.
constexpr double least_support_unnamed = 0.6;

// The beginnings of the prompts. They never change with the question, so that the engine keeps
// them.
constexpr std::string_view weighing_instructions =
    "You check answers. Given a text, a question and a proposed answer, you say whether the text "
    "states that answer to that question. A text about the same person or thing that does not say "
    "what is asked does not.";

constexpr std::string_view comparing_instructions =
    "You compare two messages of a person's own mail on one matter. You say whether the later one "
    "changes, corrects or replaces what the earlier one says about a question, so that the answer "
    "is another now. A later message about something else, or one that only repeats, does not.";

constexpr std::string_view model_instructions =
    "You are a helpful assistant. Answer in the language of the question, briefly and plainly. You "
    "have no access to the person's own data here; if the question needs it, say so.";

// Paragraphs without the line ends that mail programs put into them: a day and its month on two
// lines are read wrongly by small models.
std::string unwrapped(std::string_view text) {
  constexpr size_t shortest_wrapped = 50;
  std::string result;
  size_t line_length = 0;
  for (size_t position = 0; position < text.size(); ++position) {
    if (text[position] != '\n') {
      result += text[position];
      ++line_length;
      continue;
    }
    const char next = position + 1 < text.size() ? text[position + 1] : '\n';
    const bool goes_on = line_length >= shortest_wrapped &&
                         std::string_view("\n-*>|#").find(next) == std::string_view::npos &&
                         !text.substr(position + 1).starts_with("•");
    if (goes_on && !result.empty() && result.back() != ' ') {
      result += ' ';
    } else if (!goes_on) {
      result += '\n';
    }
    line_length = 0;
  }
  return result;
}

std::string passage_text(const Candidate& candidate) {
  const std::string_view shown =
      std::string_view(candidate.hit.text).substr(candidate.begin, candidate.end - candidate.begin);
  if (candidate.hit.kind == domain::ItemKind::event) {
    // One plain time in the owner's zone instead of all the spellings that search wants; of a
    // series the days asked about, since its first day and its rule say otherwise where one was
    // moved.
    std::string text;
    for (const std::string_view line : base::split(base::trim(shown), '\n')) {
      if (line.starts_with("When: ") && !candidate.occurs.empty()) {
        text += "When: " + candidate.occurs + '\n';
      } else if (!line.starts_with("Repeats: ") || !candidate.in_range) {
        text.append(line) += '\n';
      }
    }
    return std::string(base::trim(text));
  }
  return with_notes_of_days(unwrapped(base::trim(shown)), candidate.written);
}

class Asking {
 public:
  Asking(store::Store& store, engine::Engines& engines, const AskRequest& request,
         const AskEvents& events, std::stop_token stop)
      : store_(store),
        engines_(engines),
        request_(request),
        events_(events),
        stop_(std::move(stop)),
        started_(base::steady_now()) {}

  base::Result<Answer> run() {
    const std::string zone = base::Clock::zone();
    const agent::Query query = agent::understand(request_.question, base::Clock::now(), zone);
    answer_.question = request_.question;
    answer_.language = query.language;
    answer_.conversation = request_.conversation;
    TRY(read_conversation());
    if (request_.mode == Mode::model) {
      TRY(answer_from_model());
    } else {
      TRY(answer_from_data(query, zone));
      if (answer_.claims.empty() && gives_answer()) {
        if (request_.mode == Mode::any && is_general(query)) {
          TRY(answer_from_model());
        } else {
          answer_.declined = true;
          answer_.text = base::message("ask.declined", answer_.language);
        }
      }
    }
    TRY(recall_correction());
    answer_.total_ms = elapsed();
    if (request_.remember && gives_answer()) {
      // Saved with the conversation it belongs to; the id of a new one comes back.
      answer_.turn = base::Id::make();
      const Answer kept = answer_;
      TRY_ASSIGN(answer_.conversation,
                 store_.save_turn(request_.conversation, {.id = *answer_.turn,
                                                          .time = base::Clock::now(),
                                                          .question = request_.question,
                                                          .answer = to_json(kept).dump()}));
    }
    return std::move(answer_);
  }

 private:
  bool gives_answer() const {
    return request_.mode != Mode::passages && request_.mode != Mode::judged;
  }
  double elapsed() const { return static_cast<double>(base::steady_now() - started_) / 1000.0; }

  // Shown beside the answer and marked as the owner's word: it is evidence of nothing.
  base::Status recall_correction() {
    if (!gives_answer()) return {};
    TRY_ASSIGN(const auto corrected, store_.corrected_turns());
    const std::string question = base::fold(request_.question);
    for (const store::Turn& turn : corrected) {
      if (base::fold(turn.question) != question) continue;
      if (turn.correction->right) break;
      answer_.owner_said = turn.correction->text;
      if (!answer_.owner_said.empty()) break;
    }
    return {};
  }

  base::Status read_conversation() {
    if (!request_.conversation) return {};
    TRY_ASSIGN(const auto turns, store_.turns(*request_.conversation));
    if (turns.empty()) return {};
    earlier_question_ = turns.back().question;
    if (const auto earlier = answer_from_json(json::parse(turns.back().answer, nullptr, false))) {
      earlier_answer_ = earlier->text;
    }
    return {};
  }

  // A question that leans on the one before: short, or pointing back.
  bool leans_on_earlier() const {
    if (earlier_question_.empty()) return false;
    const std::string folded = " " + base::fold(request_.question) + " ";
    for (const std::string_view word :
         {" it ",   " that ",  " he ",   " she ", " they ", " him ", " her ",
          " them ", " there ", " and ",  " eso ", " ese ",  " esa ", " y ",
          " el ",   " ella ",  " alli ", " lo ",  " le ",   " cual "}) {
      if (folded.find(word) != std::string::npos) return true;
    }
    return agent::content_words(request_.question).size() <= 3;
  }

  base::Status answer_from_data(const agent::Query& query, const std::string& zone) {
    const std::string earlier = leans_on_earlier() ? earlier_question_ : std::string();
    TRY_ASSIGN(retrieved_, retrieve(store_, engines_, query, earlier, Budget{}, stop_));
    answer_.retrieve_ms = elapsed();
    answer_.cut = retrieved_.cut;
    int number = 0;
    for (const Candidate& candidate : retrieved_.passages) {
      domain::Locator locator = candidate.hit.locator;
      locator.end = locator.begin + candidate.end;
      locator.begin += candidate.begin;
      answer_.read.push_back({++number, candidate.hit.item, candidate.hit.kind, candidate.hit.title,
                              candidate.hit.when, locator, candidate.hit.score, candidate.tokens});
    }
    if (events_.retrieved) events_.retrieved(answer_.read);
    if (retrieved_.passages.empty() || request_.mode == Mode::passages) return {};
    if (request_.mode == Mode::judged) {
      TRY(judge(query, request_.question, earlier, zone));
      return {};
    }

    for (const std::string& part : things_asked(request_.question)) {
      TRY(answer_part(query, part, earlier, zone));
    }
    for (size_t index = 0; index < answer_.claims.size(); ++index) {
      if (index > 0) answer_.text += ' ';
      answer_.text += answer_.claims[index].text;
    }
    return {};
  }

  // A claim whose evidence was found in a passage.
  struct Located {
    const Candidate* candidate = nullptr;
    Evidence evidence;
    std::string text;
    double support = 0;
  };

  // A passage, the probability that it and no other states the answer, and the model's that it
  // does.
  struct Weighed {
    const Candidate* candidate = nullptr;
    double weight = 0;
    double held = 0;
    bool about = true;               // names whom or what the question names
    bool supersedes = false;         // tells of a change of what another passage says
    std::optional<double> replaces;  // as replacement of the likeliest: the support it needs
    std::optional<size_t> nearest;   // of its compared sentences, by meaning
  };

  // What the sentences of all passages mean, beside what `part` does; empty where nothing embeds.
  base::Status find_meanings(const agent::Query& query, const std::string& part,
                             const std::string& earlier) {
    if (retrieved_.vector.empty()) return {};
    if (meanings_.sentences.empty()) {
      std::vector<engine::EmbedText> texts;
      std::vector<size_t> counts;
      for (const Candidate& candidate : retrieved_.passages) {
        const std::vector<Sentence> sentences = compared_sentences(candidate);
        counts.push_back(sentences.size());
        for (const Sentence& sentence : sentences) {
          texts.push_back({candidate.hit.title, sentence.text});
        }
      }
      auto made = engines_.embed_for({engine::Urgency::interactive, "ask", events_.waits},
                                     engine::EmbedKind::document, texts, stop_);
      if (!made && made.error().kind == base::ErrorKind::cancelled) {
        return tl::unexpected<base::Error>(std::move(made.error()));
      }
      // An embedding engine that fails costs the order some of its sense, not the answer.
      if (!made || made->size() != texts.size() || engines_.embed_space() != retrieved_.space) {
        return {};
      }
      size_t next = 0;
      for (const size_t count : counts) {
        meanings_.sentences.emplace_back();
        for (size_t index = 0; index < count; ++index) {
          meanings_.sentences.back().push_back(std::move((*made)[next++]));
        }
      }
    }
    if (part == query.text && earlier.empty()) {
      meanings_.question = retrieved_.vector;  // of these very words
      return {};
    }
    TRY_ASSIGN(auto vector, agent::query_vector(engines_, part, stop_));
    if (!vector || vector->space != retrieved_.space) {
      meanings_ = {};
      return {};
    }
    meanings_.question = std::move(vector->values);
    return {};
  }

  // Orders the passages by what code and embeddings can tell, lets the model judge the first of
  // them, and weighs both together: likeliest first, with the probability that it is this passage
  // and not another or none. Passages are judged one by one. Small models asked to choose among
  // several take the first that looks alike; asked about one, they know more.
  base::Result<std::vector<Weighed>> judge(const agent::Query& query, const std::string& part,
                                           const std::string& earlier, const std::string& zone) {
    const std::vector<Candidate>& passages = retrieved_.passages;
    TRY_ASSIGN(const Ranking* ranking, Ranking::shared());
    TRY(find_meanings(query, part, earlier));
    const bool with_meanings = !meanings_.question.empty();
    std::vector<Features> features = ranking_features(passages, part, meanings_, zone);
    std::vector<double> ranks;
    ranks.reserve(features.size());
    for (const Features& one : features) ranks.push_back(ranking->rank(one, with_meanings));
    std::vector<size_t> order(passages.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t left, size_t right) { return ranks[left] > ranks[right]; });
    const std::vector<Asked> asked = asked_for(part);
    std::vector<size_t> judged;
    std::vector<double> odds(passages.size(), 0);
    for (const size_t index : order) {
      if (judged.size() == most_judged) break;
      const Candidate& candidate = passages[index];
      const std::string whole = header_for(candidate, part) + "\n" + candidate.hit.text;
      const bool possible =
          asked.empty() ||
          std::any_of(asked.begin(), asked.end(), [&](Asked sort) { return holds(whole, sort); });
      if (!possible) continue;
      ReadingPrompt judging = prompt(candidate, query, part, earlier, zone);
      const auto yes = probability_of_yes(reading_messages(judging));
      if (!yes && yes.error().code == "engine.context_exceeded") {
        // Beyond what the engine was found to read: said, not read half.
        answer_.cut.push_back({candidate.hit.item, candidate.hit.title, "ask.cut_context",
                               estimate_tokens(passage_text(candidate))});
        continue;
      }
      if (!yes) return tl::unexpected<base::Error>(yes.error());
      const double held = *yes;
      judged.push_back(index);
      odds[index] = std::log(std::clamp(held, 0.001, 0.999) / (1 - std::clamp(held, 0.001, 0.999)));
      ReadPassage& note = answer_.read[index];
      note.holds = std::max(note.holds.value_or(0), held);
    }
    const auto lead = [&](const std::vector<double>& values, size_t index) {
      double best = -10;
      for (const size_t other : judged) {
        if (other != index) best = std::max(best, values[other]);
      }
      return judged.size() < 2 ? 0 : std::clamp(values[index] - best, -4.0, 4.0);
    };
    add_replacements(passages, judged, odds, part, meanings_, zone, features);
    std::vector<Weighed> weighed;
    double sum = 1;  // none of them
    for (const size_t index : judged) {
      Features& one = features[index];
      one["rank"] = lead(ranks, index);
      one["held"] = odds[index];
      one["held_lead"] = lead(odds, index);
      const double score = std::exp(std::clamp(ranking->decide(one, with_meanings), -30.0, 30.0));
      sum += score;
      weighed.push_back({.candidate = &passages[index],
                         .weight = score,
                         .held = *answer_.read[index].holds,
                         .about = is_about(about_text(passages[index]), part),
                         .supersedes = one["changes_earlier"] > 0,
                         .replaces = std::nullopt,
                         .nearest = nearest_sentence(meanings_, index)});
    }
    if (request_.mode == Mode::judged) {
      for (size_t index = 0; index < passages.size(); ++index) {
        answer_.read[index].features = std::move(features[index]);
      }
    }
    for (Weighed& one : weighed) {
      one.weight /= sum;
      std::optional<double>& noted = note_of(*one.candidate).weight;
      noted = std::max(noted.value_or(0), one.weight);
    }
    std::stable_sort(weighed.begin(), weighed.end(), [](const Weighed& left, const Weighed& right) {
      return left.weight > right.weight;
    });
    return weighed;
  }

  ReadPassage& note_of(const Candidate& candidate) {
    return answer_.read[static_cast<std::size_t>(&candidate - retrieved_.passages.data())];
  }

  // How near the nearest sentence of a passage lies to the question by meaning.
  double similarity(std::size_t index) const {
    const auto nearest = nearest_sentence(meanings_, index);
    if (!nearest) return 0;
    const std::vector<float>& sentence = meanings_.sentences[index][*nearest];
    return std::inner_product(sentence.begin(), sentence.end(), meanings_.question.begin(), 0.0);
  }

  // A message that replaced what the likeliest one says seldom repeats what it is about ("mejor el
  // lunes"), so that it looks less like an answer. Whether one does is asked with both in sight.
  base::Status put_replacement_first(const std::string& part, const std::string& zone,
                                     std::vector<Weighed>& weighed) {
    if (weighed.empty() || weighed.front().weight < least_weight) return {};
    const std::vector<Candidate>& passages = retrieved_.passages;
    const Candidate& likeliest = *weighed.front().candidate;
    std::vector<std::size_t> later = later_on_its_matter(
        passages, static_cast<std::size_t>(&likeliest - passages.data()), part, meanings_, zone);
    if (later.size() > most_compared) later.resize(most_compared);
    double most = replaces;
    std::optional<std::size_t> replacement;
    for (const std::size_t index : later) {
      const Candidate& candidate = passages[index];
      TRY_ASSIGN(
          const double changed,
          probability_of_yes(
              {{"system", std::string(comparing_instructions)},
               {"user", fmt::format("Question: {}\n\nEarlier message ({}):\n{}\n\nLater message "
                                    "({}):\n{}\n\nDoes the later message give a new answer to "
                                    "the question? Answer yes or no.",
                                    part, likeliest.header, passage_text(likeliest),
                                    candidate.header, passage_text(candidate))}}));
      if (changed < most) continue;
      most = changed;
      replacement = index;
    }
    if (!replacement) return {};
    const Candidate& candidate = passages[*replacement];
    Weighed first = weighed.front();
    first.candidate = &candidate;
    first.held = std::max(most, answer_.read[*replacement].holds.value_or(0));
    first.about = true;  // by what it replaces
    first.supersedes = true;
    first.nearest = nearest_sentence(meanings_, *replacement);
    const double behind = similarity(static_cast<std::size_t>(&likeliest - passages.data())) -
                          similarity(*replacement);
    first.replaces = behind <= still_near ? least_support_change : least_support_far;
    answer_.read[*replacement].holds = first.held;
    std::erase_if(weighed, [&](const Weighed& one) { return one.candidate == &candidate; });
    weighed.insert(weighed.begin(), first);
    return {};
  }

  base::Status answer_part(const agent::Query& query, const std::string& part,
                           const std::string& earlier, const std::string& zone) {
    const std::vector<Asked> asked = asked_for(part);
    TRY_ASSIGN(std::vector<Weighed> weighed, judge(query, part, earlier, zone));
    TRY(put_replacement_first(part, zone, weighed));
    int tried = 0;
    std::vector<Located> chosen;
    double chosen_weight = 0;
    for (const Weighed& one : weighed) {
      if (tried == tries || one.weight < (tried == 0 ? least_weight : worth_trying)) break;
      ++tried;
      const bool superseding = one.supersedes && !asked.empty();
      TRY_ASSIGN(std::vector<Located> claims,
                 read(one, query, part, earlier, zone,
                      one.replaces.value_or(superseding ? least_support_change : least_support)));
      // A message that moved something, or an event on its day, says so in its own words where the
      // model's were not borne out: what it replaced must not be told instead.
      const bool own_words = tried == 1 && one.replaces.value_or(0) < least_support_far;
      if (claims.empty() && !asked.empty() && own_words && one.weight >= sure && one.about) {
        claims = in_its_own_words(one, asked, part, superseding ? 0 : 2);
      }
      if (claims.empty() && own_words && one.weight >= fairly_sure) {
        TRY_ASSIGN(claims, nearest_words(one, asked, part));
      }
      if (claims.empty() && one.candidate->in_range) claims = as_it_takes_place(one, asked);
      if (claims.empty()) continue;
      TRY(complete(one, asked, part, claims));
      if (claims.empty()) continue;
      double support = 0;
      for (const Located& claim : claims) support = std::max(support, claim.support);
      if (one.weight * support > chosen_weight) {
        chosen_weight = one.weight * support;
        chosen = std::move(claims);
      }
      // A second opinion is worth its time only while the first is doubtful.
      if (support >= certain || superseding || one.replaces) break;
    }
    for (const Located& claim : chosen) show(claim);
    return {};
  }

  // Whether no claim holds one of the sorts of fact that were asked for.
  static bool leave_out(const std::vector<Located>& claims, const std::vector<Asked>& asked) {
    return std::any_of(asked.begin(), asked.end(), [&](Asked sort) {
      return std::none_of(claims.begin(), claims.end(),
                          [&](const Located& claim) { return holds(claim.text, sort); });
    });
  }

  // Adds the passage's own words to claims that leave out a sort of fact that was asked for and
  // stands there, or that say nothing which the question does not: small models lose the second of
  // two facts, and facts told in another language.
  base::Status complete(const Weighed& one, const std::vector<Asked>& asked,
                        const std::string& part, std::vector<Located>& claims) {
    const bool bare = std::all_of(claims.begin(), claims.end(), [&](const Located& claim) {
      return says_nothing_new(claim.text, part, one.candidate->written);
    });
    std::vector<Located> more;
    if (leave_out(claims, asked)) {
      more = in_its_own_words(one, asked, part, 1);
    } else if (bare && asks_for_a_fact(part)) {
      TRY_ASSIGN(more, nearest_words(one, asked, part));
      // What the question says itself is no answer to it.
      claims.clear();
    }
    for (Located& located : more) claims.push_back(std::move(located));
    return {};
  }

  // The sentence that is nearest to the question by meaning, as a claim, where it holds what was
  // asked for and the model bears it out: small models lose facts when they tell in one language
  // what stands in another.
  base::Result<std::vector<Located>> nearest_words(const Weighed& one,
                                                   const std::vector<Asked>& asked,
                                                   const std::string& part) {
    const std::vector<Sentence> sentences = compared_sentences(*one.candidate);
    if (!one.nearest || *one.nearest >= sentences.size()) return std::vector<Located>{};
    const Sentence& sentence = sentences[*one.nearest];
    const bool fits = std::all_of(asked.begin(), asked.end(),
                                  [&](Asked sort) { return holds(sentence.text, sort); });
    if (!fits || sentence.end - sentence.begin > longest_quote ||
        says_nothing_new(sentence.text, part, one.candidate->written)) {
      return std::vector<Located>{};
    }
    Located located{one.candidate,
                    {sentence.begin, sentence.end, 1.0},
                    "«" + base::collapse_spaces(sentence.text) + "»",
                    0};
    TRY_ASSIGN(located.support, weigh(located, part));
    if (located.support < least_support) return std::vector<Located>{};
    return std::vector<Located>{std::move(located)};
  }

  // Where the names of a question may stand: a company often only in the address of its people.
  static std::string about_text(const Candidate& candidate) {
    std::string text = candidate.header;
    for (const domain::Person& person : candidate.hit.people) text += ' ' + person.address;
    return text + '\n' + candidate.hit.text;
  }

  // What is known of the item besides its text. The day of a message answers when it was sent and
  // nothing else; elsewhere a small model mixes it up with the days of the text.
  static std::string header_for(const Candidate& candidate, const std::string& part) {
    const bool dated = asks_when_sent(part) || candidate.hit.kind == domain::ItemKind::event;
    return dated ? candidate.header : candidate.undated_header;
  }

  // The second of two things asked, without what the first was about: one passage needs no telling.
  static std::string without_context(const std::string& part) {
    const size_t bracket = part.rfind(" (");
    return part.ends_with("?)") && bracket != std::string::npos ? part.substr(0, bracket) : part;
  }

  // Lets the model state what one passage says; the claims that have their evidence.
  base::Result<std::vector<Located>> read(const Weighed& one, const agent::Query& query,
                                          const std::string& part, const std::string& earlier,
                                          const std::string& zone, double enough) {
    const Candidate& candidate = *one.candidate;
    std::vector<Located> claims;
    ReadPassage& note = note_of(candidate);
    // Small models that answer in another language than the text's sometimes get a day wrong; where
    // no evidence is found they are asked again in the text's own.
    const Language own = base::detect_language(candidate.hit.text, query.language);
    std::vector<Language> languages{query.language};
    if (own != query.language) languages.push_back(own);
    for (const Language language : languages) {
      ReadingPrompt reading = prompt(candidate, query, part, earlier, zone);
      reading.language = language;
      TRY(read_once(one, reading, part, enough, note, claims));
      if (!claims.empty()) break;
    }
    if (claims.empty() || leave_out(claims, asked_for(part)) || asks_several(part)) {
      ReadingPrompt reading = prompt(candidate, query, part, earlier, zone);
      reading.language = query.language;
      TRY(copy_and_answer(one, reading, part, enough, note, claims));
    }
    return claims;
  }

  // Reads a passage once more, by its own words first. What that adds is taken over.
  base::Status copy_and_answer(const Weighed& one, const ReadingPrompt& reading,
                               const std::string& part, double enough, ReadPassage& note,
                               std::vector<Located>& claims) {
    engine::ChatRequest chat;
    chat.caller.on_wait = events_.waits;
    chat.messages = copying_messages(reading);
    chat.json_schema = copying_schema;
    chat.max_tokens = copied_tokens;
    TRY_ASSIGN(const engine::ChatResult result, engines_.chat(engine::Role::chat, chat, {}, stop_));
    count(result);
    const json object = base::foreign_json(result.text);
    if (!object.is_object() || !object.contains("answer") || !object["answer"].is_string()) {
      return {};
    }
    std::string known = part;
    for (const Located& claim : claims) known += ' ' + claim.text;
    std::vector<Located> more;
    TRY(take(one, object["answer"].get<std::string>(), false, part, enough, note, more));
    for (Located& claim : more) {
      if (says_nothing_new(claim.text, known, one.candidate->written)) continue;
      // One that says all that was said before stands for it.
      std::erase_if(claims, [&](const Located& other) {
        return says_nothing_new(other.text, part + ' ' + claim.text, one.candidate->written);
      });
      claims.push_back(std::move(claim));
    }
    return {};
  }

  // The shortest stretch of a passage that holds every sort of fact asked for, as a claim: the one
  // with most of the question's words (and as many as asked for), one that tells of a change before
  // others, the last of equals.
  static std::vector<Located> in_its_own_words(const Weighed& one, const std::vector<Asked>& asked,
                                               const std::string& part, int shared_at_least) {
    const std::vector<std::string> wanted = agent::content_words(part);
    const auto worth = [&](std::string_view stretch) {
      const std::vector<std::string> words = agent::content_words(stretch);
      const auto shared = std::count_if(wanted.begin(), wanted.end(), [&](const std::string& word) {
        return std::find(words.begin(), words.end(), word) != words.end();
      });
      return 2 * static_cast<int>(shared) + (tells_of_change({}, stretch) ? 1 : 0);
    };
    const std::string_view text = one.candidate->hit.text;
    // Whole sentences only: lines that a mail program broke are pieces of one.
    std::vector<size_t> starts;
    for (const size_t start : sentence_starts(text)) {
      const std::string_view before = text.substr(0, start);
      const size_t last = before.find_last_not_of(" \n");
      const bool whole = last == std::string_view::npos || start == text.size() ||
                         std::string_view(".!?:").find(before[last]) != std::string_view::npos ||
                         before.ends_with("\n\n");
      if (whole) starts.push_back(start);
    }
    for (size_t sentences = 1; sentences <= 3; ++sentences) {
      std::string_view best;
      int best_worth = 2 * shared_at_least - 1;
      for (size_t first = starts.size() - 1; first-- > 0;) {
        if (first + sentences >= starts.size()) continue;
        const std::string_view stretch =
            base::trim(text.substr(starts[first], starts[first + sentences] - starts[first]));
        if (stretch.empty() || stretch.size() > longest_quote) continue;
        const bool all = std::all_of(asked.begin(), asked.end(),
                                     [&](Asked sort) { return holds(stretch, sort); });
        if (!all) continue;
        const int its_worth = worth(stretch);
        if (its_worth <= best_worth) continue;
        best = stretch;
        best_worth = its_worth;
      }
      if (best.empty()) continue;
      const auto begin = static_cast<size_t>(best.data() - text.data());
      return {Located{one.candidate,
                      {begin, begin + best.size(), 1.0},
                      "«" + base::collapse_spaces(best) + "»",
                      one.held}};
    }
    return {};
  }

  // When an event takes place in the time asked about, by the calendar.
  std::vector<Located> as_it_takes_place(const Weighed& one,
                                         const std::vector<Asked>& asked) const {
    const bool when_asked = std::any_of(asked.begin(), asked.end(), [](Asked sort) {
      return sort == Asked::date || sort == Asked::clock_time;
    });
    if (!when_asked || !is_about(about_text(*one.candidate), answer_.question)) return {};
    const bool hour_asked = std::find(asked.begin(), asked.end(), Asked::clock_time) != asked.end();
    const std::string_view text = one.candidate->hit.text;
    const size_t line = std::min(text.find('\n'), text.size());
    if (line == 0 || line > longest_quote) return {};
    std::string days;
    for (const auto& [date, time] : one.candidate->days) {
      if (hour_asked && time.empty()) return {};
      days += (days.empty() ? "" : "; ") +
              base::spell_date(date, answer_.language == Language::spanish) +
              (time.empty() ? "" : ", " + time);
    }
    return {Located{one.candidate,
                    {0, line, 1.0},
                    one.candidate->hit.title + ": " + days + ".",
                    std::max(one.held, one.weight)}};
  }

  base::Status read_once(const Weighed& one, const ReadingPrompt& reading, const std::string& part,
                         double enough, ReadPassage& note, std::vector<Located>& claims) {
    engine::ChatRequest chat;
    chat.caller.on_wait = events_.waits;
    chat.messages = reading_messages(reading);
    // The yes has been weighed already; here the answer behind it is wanted.
    chat.grammar = "root ::= \"Yes. \" [^\\n]+";
    chat.max_tokens = answer_tokens;
    TRY_ASSIGN(const engine::ChatResult result, engines_.chat(engine::Role::chat, chat, {}, stop_));
    count(result);
    std::string_view sentence = result.text;
    if (sentence.starts_with("Yes. ")) sentence.remove_prefix(5);
    return take(one, sentence, result.truncated, part, enough, note, claims);
  }

  // What the model says that a passage states, sentence by sentence, as claims as far as they have
  // their evidence and are borne out.
  base::Status take(const Weighed& one, std::string_view answer, bool truncated,
                    const std::string& part, double enough, ReadPassage& note,
                    std::vector<Located>& claims) {
    const Candidate& candidate = *one.candidate;
    const std::string said = base::collapse_spaces(without_notes_of_days(answer));
    note.stated += note.stated.empty() ? said : " " + said;
    // Each sentence stands for itself; what was cut short is no claim.
    const std::vector<std::size_t> starts = sentence_starts(said);
    double least = one.about ? enough : least_support_unnamed;
    if (one.about && note.holds.value_or(0) >= well_held)
      least = std::min(least, least_support_held);
    for (size_t index = 0; index + 1 < starts.size(); ++index) {
      if (truncated && index + 2 == starts.size()) break;
      const std::string text(base::trim(
          std::string_view(said).substr(starts[index], starts[index + 1] - starts[index])));
      const bool denial = says_it_is_not_known(text) && !says_it_is_not_known(candidate.hit.text);
      auto located = denial ? std::nullopt : locate(candidate, text, part);
      if (located) {
        TRY_ASSIGN(located->support, weigh(*located, part));
        note.support = std::max(note.support.value_or(0), located->support);
      }
      if (!located || located->support < least) {
        reject(candidate, text);
        continue;
      }
      claims.push_back(std::move(*located));
    }
    return {};
  }

  ReadingPrompt prompt(const Candidate& candidate, const agent::Query& query,
                       const std::string& part, const std::string& earlier,
                       const std::string& zone) const {
    ReadingPrompt result{candidate.header, passage_text(candidate), {}, without_context(part), {}};
    if (!earlier.empty()) {
      result.remarks +=
          "The question before was: " + earlier + "\nIts answer was: " + earlier_answer_ + "\n";
    }
    // The day of asking, where it matters: elsewhere a small model takes it for the answer.
    const bool relative =
        std::any_of(query.times.begin(), query.times.end(),
                    [](const base::TimeExpression& time) { return time.relative; });
    if (relative) {
      result.remarks += fmt::format(
          "Today is {}.\n", base::spell_date(base::to_local(base::Clock::now(), zone).date, false));
    }
    for (const base::TimeExpression& time : query.times) {
      if (!time.relative) continue;
      result.remarks += fmt::format(
          "\"{}\" in the question means {}{}.\n",
          query.text.substr(time.begin, time.end - time.begin), base::spell_date(time.first, false),
          time.first == time.last ? "" : " to " + base::spell_date(time.last, false));
    }
    return result;
  }

  void reject(const Candidate& candidate, const std::string& text) {
    answer_.cut.push_back(
        {candidate.hit.item, candidate.hit.title, "ask.cut_evidence", estimate_tokens(text)});
  }

  // Finds the evidence of a claim as the model made it.
  std::optional<Located> locate(const Candidate& candidate, const std::string& text,
                                const std::string& part) const {
    if (text.empty()) return std::nullopt;
    const auto evidence =
        find_evidence({candidate.hit.text, header_for(candidate, part), candidate.written}, text,
                      request_.question);
    if (!evidence || !answers_the_question(candidate, *evidence, text, part)) return std::nullopt;
    return Located{&candidate, *evidence, text, 0};
  }

  // The probability of "yes" as the model's next word: models that gladly make up an answer still
  // tell yes from no.
  base::Result<double> probability_of_yes(std::vector<engine::ChatMessage> messages) {
    engine::ChatRequest chat;
    chat.caller.on_wait = events_.waits;
    chat.messages = std::move(messages);
    chat.grammar = "root ::= \"Yes\" | \"No\"";
    chat.max_tokens = 1;
    chat.alternatives = 10;
    TRY_ASSIGN(const engine::ChatResult result, engines_.chat(engine::Role::chat, chat, {}, stop_));
    count(result);
    double yes = 0, no = 0;
    for (const auto& [token, probability] : result.alternatives) {
      const std::string word = base::lower_ascii(base::trim(token));
      if (word == "yes") yes += probability;
      if (word == "no") no += probability;
    }
    // An engine that reports no candidates decides by its word alone.
    if (yes + no == 0) return result.text.starts_with("Yes") ? 1.0 : 0.0;
    return yes / (yes + no);
  }

  // Whether the evidence of a claim states it.
  base::Result<double> weigh(const Located& claim, const std::string& part) {
    return probability_of_yes(
        {{"system", std::string(weighing_instructions)},
         {"user",
          fmt::format("Text: {}\n{}\n\nQuestion: {}\nProposed answer: {}\n\nDoes the text state "
                      "the answer to exactly this question? Answer yes or no.",
                      claim.candidate->header, passage_text(*claim.candidate), part, claim.text)}});
  }

  // Whether evidence and claim hold the sort of fact that was asked for.
  static bool answers_the_question(const Candidate& candidate, const Evidence& evidence,
                                   const std::string& claim, const std::string& part) {
    const std::string_view quote =
        std::string_view(candidate.hit.text).substr(evidence.begin, evidence.end - evidence.begin);
    const std::vector<Asked> asked = asked_for(part);
    if (asked.empty()) return true;
    // With two things asked, a claim may answer either.
    return std::any_of(asked.begin(), asked.end(), [&](Asked sort) {
      if (sort == Asked::birthday) return holds(quote, sort) && holds(claim, Asked::date);
      return holds(claim, sort) &&
             (holds(quote, sort) ||
              (sort == Asked::date && holds(header_for(candidate, part), sort)));
    });
  }

  void show(const Located& located) {
    const Candidate& candidate = *located.candidate;
    const Evidence& evidence = located.evidence;
    std::string text = located.text;
    if (candidate.hit.kind != domain::ItemKind::event) {
      text = with_dates_of_days(text, candidate.hit.text, candidate.written,
                                base::detect_language(text, answer_.language));
    }
    for (const Claim& claim : answer_.claims) {
      if (base::fold(claim.text) == base::fold(text)) return;
    }
    Citation citation;
    citation.quote = candidate.hit.text.substr(evidence.begin, evidence.end - evidence.begin);
    citation.locator = candidate.hit.locator;
    citation.locator.end = citation.locator.begin + evidence.end;
    citation.locator.begin += evidence.begin;
    citation.item = candidate.hit.item;
    citation.external_id = candidate.hit.external_id;
    citation.kind = candidate.hit.kind;
    citation.title = candidate.hit.title;
    citation.when = candidate.hit.when;
    for (const Citation& known : answer_.citations) {
      if (known.item == citation.item && known.quote == citation.quote)
        citation.number = known.number;
    }
    if (citation.number == 0) {
      citation.number = static_cast<int>(answer_.citations.size()) + 1;
      answer_.citations.push_back(citation);
    }
    Claim claim{text, {citation.number}, located.support};
    if (answer_.claims.empty()) answer_.first_claim_ms = elapsed();
    answer_.claims.push_back(claim);
    if (events_.claim) events_.claim(claim, {citation});
  }

  // A question about the world, not about the owner: no "my", nobody from the owner's data.
  bool is_general(const agent::Query& query) const {
    const std::string folded = " " + base::collapse_spaces(base::fold(query.text)) + " ";
    std::string spaced;
    for (const char letter : folded) spaced += letter == '?' || letter == ',' ? ' ' : letter;
    for (const std::string_view word :
         {" my ", " our ", " me ", " i ", " we ", " us ", " mi ", " mis ", " nuestro ", " nuestra ",
          " nuestros ", " nuestras ", " tengo ", " tenemos ", " nos ", " hemos ", " he ",
          " debo "}) {
      if (spaced.find(word) != std::string::npos) return false;
    }
    for (const Candidate& candidate : retrieved_.passages) {
      for (const domain::Person& person : candidate.hit.people) {
        for (const std::string& name : agent::content_words(person.name)) {
          if (name.size() > 2 && spaced.find(" " + name + " ") != std::string::npos) return false;
          if (spaced.find(" " + name + "'s ") != std::string::npos) return false;
        }
      }
    }
    return retrieved_.best_similarity < 0.5F;
  }

  base::Status answer_from_model() {
    engine::ChatRequest chat;
    chat.caller.on_wait = events_.waits;
    chat.messages.push_back({"system", std::string(model_instructions)});
    if (!earlier_question_.empty()) {
      chat.messages.push_back({"user", earlier_question_});
      chat.messages.push_back({"assistant", earlier_answer_});
    }
    chat.messages.push_back({"user", request_.question});
    chat.max_tokens = 800;
    chat.overflow = engine::ChatRequest::Overflow::leave_out_oldest;
    answer_.basis = Basis::model;
    TRY_ASSIGN(const engine::ChatResult result, engines_.chat(
                                                    engine::Role::chat, chat,
                                                    [&](std::string_view piece) {
                                                      if (answer_.first_claim_ms == 0)
                                                        answer_.first_claim_ms = elapsed();
                                                      if (events_.text) events_.text(piece);
                                                    },
                                                    stop_));
    count(result);
    answer_.left_out_messages = result.left_out_messages;
    answer_.text = result.text;
    return {};
  }

  void count(const engine::ChatResult& result) {
    answer_.prompt_tokens += result.prompt_tokens;
    answer_.cached_tokens += result.cached_tokens;
    answer_.completion_tokens += result.completion_tokens;
    answer_.model = result.model;
  }

  store::Store& store_;
  engine::Engines& engines_;
  const AskRequest& request_;
  const AskEvents& events_;
  std::stop_token stop_;
  base::Microseconds started_;
  std::string earlier_question_, earlier_answer_;
  Retrieved retrieved_;
  Meanings meanings_;  // of the passages, and of the part of the question under way
  Answer answer_;
};

}  // namespace

base::Result<Answer> ask(store::Store& store, engine::Engines& engines, const AskRequest& request,
                         const AskEvents& events, std::stop_token stop) {
  return Asking(store, engines, request, events, std::move(stop)).run();
}

}  // namespace lar::copilot
