// The path of one question, from its words to checked claims. Everything lives on the asking
// thread; the only state outside is the store's.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/query.h"
#include "base/messages.h"
#include "base/time_expression.h"
#include "copilot/claim_stream.h"
#include "copilot/copilot.h"
#include "copilot/evidence.h"
#include "copilot/retrieval.h"
#include "domain/json.h"

namespace lar::copilot {
namespace {

using base::Language;
using nlohmann::json;

constexpr int answer_tokens = 400;

// The beginning of every prompt. It never changes with the question, so that the engine keeps it.
constexpr std::string_view instructions =
    "You answer a person's questions about their own mail, calendar, contacts and documents. "
    "You are given numbered passages, oldest first, and a question. Use only the passages.\n"
    "Answer with JSON on one line: a list of claims. Each claim has: \"passage\": the number of "
    "the "
    "passage that holds the fact; \"quote\": the words of that passage that prove it, copied "
    "exactly; \"claim\": one short sentence that answers the question, in the language of the "
    "question, with the exact date, time, amount, name or number.\n"
    "Example: {\"claims\":[{\"passage\":3,\"quote\":\"The concert moves to Friday at 19:00\","
    "\"claim\":\"The concert is on Friday at 19:00.\"}]}\n"
    "If two passages disagree, the later one is right and the earlier one is out of date.\n"
    "If the question asks for two things, give a claim for each.\n"
    "If no passage holds what is asked, answer with an empty list: {\"claims\":[]}. A passage "
    "about "
    "the same person or thing that does not say what is asked is not an answer. Never guess.";

constexpr std::string_view weighing_instructions =
    "You check answers. Given a text, a question and a proposed answer, you say whether the text "
    "states that answer to that question. A text about the same person or thing that does not say "
    "what is asked does not.";
constexpr double least_support = 0.3;  // probability of "yes"

constexpr std::string_view model_instructions =
    "You are a helpful assistant. Answer in the language of the question, briefly and plainly. You "
    "have no access to the person's own data here; if the question needs it, say so.";

// The grammar keeps this order of the properties: a model that has copied the words that prove a
// fact states the fact rightly far more often than one that states it first.
nlohmann::ordered_json claims_schema(size_t passages) {
  return {{"type", "object"},
          {"properties",
           {{"claims",
             {{"type", "array"},
              {"maxItems", 3},
              {"items",
               {{"type", "object"},
                {"properties",
                 {{"passage",
                   {{"type", "integer"}, {"minimum", 1}, {"maximum", static_cast<int>(passages)}}},
                  {"quote", {{"type", "string"}, {"maxLength", 220}}},
                  {"claim", {{"type", "string"}, {"maxLength", 300}}}}},
                {"required", {"passage", "quote", "claim"}},
                {"additionalProperties", false}}}}}}},
          {"required", {"claims"}},
          {"additionalProperties", false}};
}

// The same as a grammar, on one line: spaces and line breaks cost a third of the answer's time.
std::string claims_grammar(size_t passages) {
  std::string numbers;
  for (size_t number = 1; number <= passages; ++number) {
    numbers += fmt::format("{}\"{}\"", number > 1 ? " | " : "", number);
  }
  return "root ::= \"{\\\"claims\\\":[\" (claim (\",\" claim){0,2})? \"]}\"\n"
         "claim ::= \"{\\\"passage\\\":\" number \",\\\"quote\\\":\\\"\" letter{1,220} "
         "\"\\\",\\\"claim\\\":\\\"\" letter{1,300} \"\\\"}\"\n"
         "number ::= " +
         numbers +
         "\nletter ::= [^\"\\\\\\x7F\\x00-\\x1F] | [\\\\] ([\"\\\\/bfnrt] | \"u\" "
         "[0-9a-fA-F]{4})\n";
}

// Says after each relative day which day it is: small models cannot count days.
std::string resolve_days(std::string_view text, base::Date written) {
  std::string result;
  size_t position = 0;
  for (const base::TimeExpression& time :
       base::find_time_expressions(text, written, base::TimeDirection::any)) {
    if (!time.relative || time.first != time.last) continue;
    result += text.substr(position, time.end - position);
    result += " [= " + base::format_date(time.first) + "]";
    position = time.end;
  }
  result += text.substr(position);
  return result;
}

std::string without_notes(std::string_view quote) {
  std::string result;
  for (size_t position = 0; position < quote.size();) {
    if (quote.substr(position).starts_with("[= ")) {
      const size_t close = quote.find(']', position);
      if (close != std::string_view::npos) {
        position = close + 1;
        continue;
      }
    }
    result += quote[position++];
  }
  return result;
}

std::string passage_text(const Candidate& candidate) {
  const std::string_view shown =
      std::string_view(candidate.hit.text).substr(candidate.begin, candidate.end - candidate.begin);
  return resolve_days(base::trim(shown), candidate.written);
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
      if (answer_.claims.empty() && request_.mode != Mode::passages) {
        if (request_.mode == Mode::any && is_general(query)) {
          TRY(answer_from_model());
        } else {
          answer_.declined = true;
          answer_.text = base::message("ask.declined", answer_.language);
        }
      }
    }
    answer_.total_ms = elapsed();
    if (request_.remember && request_.mode != Mode::passages) {
      // Saved with the conversation it belongs to; the id of a new one comes back.
      const Answer kept = answer_;
      TRY_ASSIGN(answer_.conversation,
                 store_.save_turn(request_.conversation, {.id = base::Id::make(),
                                                          .time = base::Clock::now(),
                                                          .question = request_.question,
                                                          .answer = to_json(kept).dump()}));
    }
    return std::move(answer_);
  }

 private:
  double elapsed() const { return static_cast<double>(base::steady_now() - started_) / 1000.0; }

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

    engine::ChatRequest chat;
    chat.messages.push_back({"system", std::string(instructions)});
    chat.messages.push_back({"user", prompt(query, earlier, zone)});
    chat.json_schema = claims_schema(retrieved_.passages.size()).dump();
    chat.grammar = claims_grammar(retrieved_.passages.size());
    chat.max_tokens = answer_tokens;
    // The engine is busy until the answer ends, so claims wait to be weighed by it until then.
    std::vector<Located> located;
    ClaimStream stream([&](const RawClaim& claim) {
      if (auto found = locate(claim)) located.push_back(std::move(*found));
    });
    TRY_ASSIGN(
        const engine::ChatResult result,
        engines_.chat(
            engine::Role::chat, chat, [&](std::string_view piece) { stream.feed(piece); }, stop_));
    count(result);
    for (Located& claim : located) {
      TRY_ASSIGN(claim.support, weigh(claim));
      if (claim.support >= least_support) {
        show(claim);
      } else {
        reject(*claim.candidate, claim.text);
      }
    }
    for (size_t index = 0; index < answer_.claims.size(); ++index) {
      if (index > 0) answer_.text += ' ';
      answer_.text += answer_.claims[index].text;
    }
    return {};
  }

  std::string prompt(const agent::Query& query, const std::string& earlier,
                     const std::string& zone) const {
    // The day stands before the passages: beside the question a small model takes it for the
    // answer.
    const base::LocalTime now = base::to_local(base::Clock::now(), zone);
    std::string text = fmt::format("Today is {}, {:02}:{:02}.\n\nPassages:\n",
                                   base::spell_date(now.date, false), now.hour, now.minute);
    int number = 0;
    for (const Candidate& candidate : retrieved_.passages) {
      text += fmt::format("\n[{}] {}\n{}\n", ++number, candidate.header, passage_text(candidate));
    }
    // Stands apart from the passages: a small model would copy it into its claims.
    for (size_t index = 0; index < retrieved_.passages.size(); ++index) {
      if (const auto later = retrieved_.passages[index].later) {
        text += fmt::format("\n[{}] is a later message than [{}] in the same conversation.",
                            *later + 1, index + 1);
      }
    }
    text += '\n';
    if (!request_.owner_name.empty()) {
      text += "The person asking (\"I\", \"me\", \"yo\") is " + request_.owner_name + ".";
    }
    if (!earlier.empty()) {
      text += "\nThe question before was: " + earlier + "\nIts answer was: " + earlier_answer_;
    }
    for (const base::TimeExpression& time : query.times) {
      if (!time.relative) continue;
      text += fmt::format(
          "\n\"{}\" in the question means {}{}.",
          query.text.substr(time.begin, time.end - time.begin), base::spell_date(time.first, false),
          time.first == time.last ? "" : " to " + base::spell_date(time.last, false));
    }
    text += fmt::format("\nQuestion: {}\nAnswer in {}.", request_.question,
                        query.language == Language::spanish ? "Spanish" : "English");
    return text;
  }

  // A claim whose evidence was found in a passage.
  struct Located {
    const Candidate* candidate = nullptr;
    Evidence evidence;
    std::string text;
    double support = 0;
  };

  void reject(const Candidate& candidate, const std::string& text) {
    answer_.cut.push_back(
        {candidate.hit.item, candidate.hit.title, "ask.cut_evidence", estimate_tokens(text)});
  }

  // Finds the evidence of a claim as the model made it.
  std::optional<Located> locate(const RawClaim& raw) {
    const size_t index = static_cast<size_t>(raw.passage) - 1;
    const std::string text = base::collapse_spaces(without_notes(raw.claim));
    if (raw.passage < 1 || index >= retrieved_.passages.size() || text.empty()) return std::nullopt;
    // The number may be off by one while the words are right: the named passage first, then the
    // rest.
    std::vector<size_t> order{index};
    for (size_t other = 0; other < retrieved_.passages.size(); ++other) {
      if (other != index) order.push_back(other);
    }
    const std::string quote = without_notes(raw.quote);
    for (const size_t candidate_index : order) {
      const Candidate& candidate = retrieved_.passages[candidate_index];
      const bool named = candidate_index == index;
      if (!named && base::fold(candidate.hit.text).find(base::collapse_spaces(base::fold(quote))) ==
                        std::string::npos) {
        continue;
      }
      const auto evidence = find_evidence({candidate.hit.text, candidate.header, candidate.written},
                                          quote, text, request_.question);
      if (!evidence) continue;
      if (!is_about(candidate.header + "\n" + candidate.hit.text, request_.question) ||
          !answers_the_question(candidate, *evidence, text)) {
        continue;
      }
      return Located{&candidate, *evidence, text, 0};
    }
    reject(retrieved_.passages[index], text);
    return std::nullopt;
  }

  // Asks the model itself, by the probability of its next word, whether the evidence says what was
  // asked: small models that gladly make up an answer still tell yes from no.
  base::Result<double> weigh(const Located& claim) {
    engine::ChatRequest chat;
    chat.messages.push_back({"system", std::string(weighing_instructions)});
    chat.messages.push_back(
        {"user", fmt::format("Text: {}\n{}\n\nQuestion: {}\nProposed answer: {}\n\nDoes the text "
                             "state the answer to exactly this question? Answer yes or no.",
                             claim.candidate->header, passage_text(*claim.candidate),
                             request_.question, claim.text)});
    chat.grammar = "root ::= \"yes\" | \"no\"";
    chat.max_tokens = 2;
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
    if (yes + no == 0) return result.text.starts_with("yes") ? 1.0 : 0.0;
    return yes / (yes + no);
  }

  // Whether evidence and claim hold the sort of fact that was asked for.
  bool answers_the_question(const Candidate& candidate, const Evidence& evidence,
                            const std::string& claim) const {
    const std::string_view quote =
        std::string_view(candidate.hit.text).substr(evidence.begin, evidence.end - evidence.begin);
    const std::vector<Asked> asked = asked_for(request_.question);
    if (asked.empty()) return true;
    // With two things asked, a claim may answer either.
    return std::any_of(asked.begin(), asked.end(), [&](Asked sort) {
      if (sort == Asked::birthday) return holds(quote, sort) && holds(claim, Asked::date);
      return holds(claim, sort) &&
             (holds(quote, sort) || (sort == Asked::date && holds(candidate.header, sort)));
    });
  }

  void show(const Located& located) {
    const Candidate& candidate = *located.candidate;
    const Evidence& evidence = located.evidence;
    const std::string& text = located.text;
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
    chat.messages.push_back({"system", std::string(model_instructions)});
    if (!earlier_question_.empty()) {
      chat.messages.push_back({"user", earlier_question_});
      chat.messages.push_back({"assistant", earlier_answer_});
    }
    chat.messages.push_back({"user", request_.question});
    chat.max_tokens = 800;
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
  Answer answer_;
};

}  // namespace

base::Result<Answer> ask(store::Store& store, engine::Engines& engines, const AskRequest& request,
                         const AskEvents& events, std::stop_token stop) {
  return Asking(store, engines, request, events, std::move(stop)).run();
}

json to_json(const Answer& answer) {
  json claims = json::array(), citations = json::array(), read = json::array(), cut = json::array();
  for (const Claim& claim : answer.claims) {
    claims.push_back(
        {{"text", claim.text}, {"citations", claim.citations}, {"support", claim.support}});
  }
  const auto when = [](const std::optional<domain::When>& value) {
    return value ? domain::to_json(*value) : json();
  };
  for (const Citation& citation : answer.citations) {
    citations.push_back({{"number", citation.number},
                         {"item", citation.item.text()},
                         {"external_id", citation.external_id},
                         {"kind", domain::name_of(citation.kind)},
                         {"title", citation.title},
                         {"when", when(citation.when)},
                         {"locator", domain::to_json(citation.locator)},
                         {"quote", citation.quote}});
  }
  for (const ReadPassage& passage : answer.read) {
    read.push_back({{"number", passage.number},
                    {"item", passage.item.text()},
                    {"kind", domain::name_of(passage.kind)},
                    {"title", passage.title},
                    {"when", when(passage.when)},
                    {"locator", domain::to_json(passage.locator)},
                    {"score", passage.score},
                    {"tokens", passage.tokens}});
  }
  for (const CutPassage& passage : answer.cut) {
    cut.push_back({{"item", passage.item.text()},
                   {"title", passage.title},
                   {"reason", passage.reason},
                   {"tokens", passage.tokens}});
  }
  return {{"question", answer.question},
          {"answer", answer.text},
          {"declined", answer.declined},
          {"basis", answer.basis == Basis::data ? "data" : "model"},
          {"language", base::language_code(answer.language)},
          {"claims", claims},
          {"citations", citations},
          {"read", read},
          {"cut", cut},
          {"retrieve_ms", answer.retrieve_ms},
          {"first_claim_ms", answer.first_claim_ms},
          {"total_ms", answer.total_ms},
          {"prompt_tokens", answer.prompt_tokens},
          {"cached_tokens", answer.cached_tokens},
          {"completion_tokens", answer.completion_tokens},
          {"model", answer.model},
          {"conversation", answer.conversation ? json(answer.conversation->text()) : json()}};
}

base::Result<Answer> answer_from_json(const json& value) {
  const auto malformed = [] {
    return base::fail(base::ErrorKind::corrupt, "ask.malformed_answer");
  };
  Answer answer;
  // Written by to_json above; anything else is damage, which the library reports by throwing.
  try {
    const auto id_of = [](const json& text) {
      return base::Id::parse(text.get<std::string>()).value_or(base::Id{});
    };
    const auto when_of = [](const json& when) -> std::optional<domain::When> {
      if (when.is_null()) return std::nullopt;
      if (auto parsed = domain::when_from_json(when)) return *parsed;
      return std::nullopt;
    };
    answer.question = value.at("question");
    answer.text = value.at("answer");
    answer.declined = value.at("declined");
    answer.basis = value.at("basis") == "data" ? Basis::data : Basis::model;
    answer.language = base::language_from_code(value.at("language").get<std::string>());
    for (const json& claim : value.at("claims")) {
      answer.claims.push_back(
          {claim.at("text"), claim.at("citations").get<std::vector<int>>(), claim.at("support")});
    }
    for (const json& entry : value.at("citations")) {
      Citation citation;
      citation.number = entry.at("number");
      citation.item = id_of(entry.at("item"));
      citation.external_id = entry.at("external_id");
      citation.kind = domain::item_kind_from(entry.at("kind").get<std::string>())
                          .value_or(domain::ItemKind::document);
      citation.title = entry.at("title");
      citation.when = when_of(entry.at("when"));
      TRY_ASSIGN(citation.locator, domain::locator_from_json(entry.at("locator")));
      citation.quote = entry.at("quote");
      answer.citations.push_back(std::move(citation));
    }
    for (const json& entry : value.at("read")) {
      ReadPassage passage;
      passage.number = entry.at("number");
      passage.item = id_of(entry.at("item"));
      passage.kind = domain::item_kind_from(entry.at("kind").get<std::string>())
                         .value_or(domain::ItemKind::document);
      passage.title = entry.at("title");
      passage.when = when_of(entry.at("when"));
      TRY_ASSIGN(passage.locator, domain::locator_from_json(entry.at("locator")));
      passage.score = entry.at("score");
      passage.tokens = entry.at("tokens");
      answer.read.push_back(std::move(passage));
    }
    for (const json& entry : value.at("cut")) {
      answer.cut.push_back(
          {id_of(entry.at("item")), entry.at("title"), entry.at("reason"), entry.at("tokens")});
    }
    answer.retrieve_ms = value.at("retrieve_ms");
    answer.first_claim_ms = value.at("first_claim_ms");
    answer.total_ms = value.at("total_ms");
    answer.prompt_tokens = value.at("prompt_tokens");
    answer.cached_tokens = value.at("cached_tokens");
    answer.completion_tokens = value.at("completion_tokens");
    answer.model = value.at("model");
    if (!value.at("conversation").is_null()) answer.conversation = id_of(value.at("conversation"));
  } catch (const json::exception&) {
    return malformed();
  }
  return answer;
}

}  // namespace lar::copilot
