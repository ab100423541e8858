// Cited answers: a question about the owner's own mail, calendar and documents in, claims with
// checked evidence out.
//
// The path of a question: understand (language, times, what sort of thing is asked) → retrieve
// (hybrid search, threads, calendar, contacts) → two things asked are taken apart → each passage is
// judged by short prompts whose beginnings never change → the best are read one by one, in plain
// words, and by their own words where that leaves something out → each claim is located in its
// passage by code → does the passage state it as the answer to what was asked? → the claim is
// shown, or it is not. Thread-safe; every call works on its own.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "engine/engine.h"
#include "store/store.h"

namespace lar::copilot {

// data: only from the owner's store; model: only the model's general knowledge, marked as such;
// any: the store first, the model where the store is silent and the question is a general one;
// passages: only what would be read for an answer, no model asked; judged: the same with what
// speaks for each passage, the model's judgement too, and no answer: for learning and for
// questions.
enum class Mode { any, data, model, passages, judged };

struct Citation {
  int number = 0;  // 1-based, as the claims refer to it
  base::Id item;
  std::string external_id;
  domain::ItemKind kind = domain::ItemKind::document;
  std::string title;
  std::optional<domain::When> when;
  domain::Locator locator;  // of the quote itself
  std::string quote;        // at most 300 characters, a literal piece of the part's text
};

struct Claim {
  std::string text;
  std::vector<int> citations;
  double support = 0;  // the model's own probability that the evidence answers the question, 0-1
};

// A passage the model was given.
struct ReadPassage {
  int number = 0;
  base::Id item;
  domain::ItemKind kind = domain::ItemKind::document;
  std::string title;
  std::optional<domain::When> when;
  domain::Locator locator;
  double score = 0;
  int tokens = 0;                                       // estimated
  std::map<std::string, double, std::less<>> features;  // what its place rests on; only if judged
  std::optional<double>
      holds;  // the model's probability that it states the answer; if it was asked
  std::optional<double>
      weight;          // the probability that it is this passage and no other, if it was judged
  std::string stated;  // what the model read there, before any check; may be empty
  std::optional<double> support;  // of what was read, weighed by itself; if it had evidence
};
// A passage that was found but did not fit, or a claim that was not let through.
struct CutPassage {
  base::Id item;
  std::string title;
  std::string reason;  // an i18n code: "ask.cut_budget", "ask.cut_duplicate", "ask.cut_evidence",
                       // "ask.cut_context", "ask.cut_fraud"
  int tokens = 0;
};

enum class Basis { data, model };

struct Answer {
  std::string question;
  std::string text;
  bool declined = false;
  Basis basis = Basis::data;
  base::Language language = base::Language::english;
  std::vector<Claim> claims;
  std::vector<Citation> citations;
  std::vector<ReadPassage> read;
  std::vector<CutPassage> cut;
  double retrieve_ms = 0, first_claim_ms = 0, total_ms = 0;
  int prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  int left_out_messages = 0;  // of the conversation, the oldest, where it did not fit the context
  std::string model;
  std::optional<base::Id> conversation;
  std::optional<base::Id> turn;  // as it is saved there
  // What the owner once gave as the right answer to the same question; empty: nothing.
  std::string owner_said;
};

// Called on the asking thread, in the order of the answer. Any may be empty.
struct AskEvents {
  // An engine has others before this question (Caller::on_wait in engine.h).
  decltype(engine::Caller::on_wait) waits;
  std::function<void(const std::vector<ReadPassage>&)> retrieved;
  std::function<void(const Claim&, const std::vector<Citation>&)> claim;  // its citations
  std::function<void(std::string_view)> text;  // answers from the model, piece by piece
};

struct AskRequest {
  std::string question;
  std::optional<base::Id> conversation;  // earlier turns give follow-up questions their context
  Mode mode = Mode::any;
  bool remember = true;  // save the turn
};

// How much is looked at for one answer. Passages are judged one by one, so that what limits them is
// the time their sentences take to embed.
struct Budget {
  int passages = 14;
  int tokens = 4500;
};

base::Result<Answer> ask(store::Store& store, engine::Engines& engines, const AskRequest& request,
                         const AskEvents& events, std::stop_token stop);

// The JSON of `lar ask --json` and of the web API. Locators here count bytes; the
// web API turns them into UTF-16 units.
nlohmann::json to_json(const Citation& citation);
nlohmann::json to_json(const ReadPassage& passage);
nlohmann::json to_json(const Answer& answer);
base::Result<Answer> answer_from_json(const nlohmann::json& value);

}  // namespace lar::copilot
