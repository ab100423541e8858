// See rehearsal.h. The other model runs in engines of their own, in a folder of the home that goes
// afterwards; everything but chat (embedding above all) stays with the home's engines, so that both
// find the same passages.
#include "api/rehearsal.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "copilot/copilot.h"
#include "copilot/evidence.h"
#include "engine/backend.h"
#include "os/file.h"

namespace lar::api {
using base::ErrorKind;
using base::fail;
using base::Result;
using engine::Role;
using nlohmann::json;
namespace {

// The home's engines but for chat.
class OtherChat final : public engine::Engines {
 public:
  OtherChat(engine::Engines& home, engine::Engines& chat) : home_(home), chat_(chat) {}

  Result<engine::ChatResult> chat(Role role, const engine::ChatRequest& request,
                                  const std::function<void(std::string_view)>& on_text,
                                  std::stop_token stop) override {
    return chat_.chat(role, request, on_text, std::move(stop));
  }
  Result<std::vector<std::vector<float>>> embed(engine::EmbedKind kind,
                                                const std::vector<engine::EmbedText>& texts,
                                                std::stop_token stop) override {
    return home_.embed(kind, texts, std::move(stop));
  }
  Result<int> count_tokens(Role role, const std::string& text) override {
    return chat_.count_tokens(role, text);
  }
  base::Status forward(Role role, const engine::RawRequest& request,
                       const std::function<void(const engine::RawHead&)>& on_head,
                       const std::function<bool(std::string_view)>& on_bytes,
                       std::stop_token stop) override {
    return chat_.forward(role, request, on_head, on_bytes, std::move(stop));
  }
  std::string embed_space() override { return home_.embed_space(); }
  int context_tokens(Role role) override { return chat_.context_tokens(role); }
  int usable_context(Role role) override { return chat_.usable_context(role); }
  std::string bound_to(Role role) override {
    return role == Role::embed ? home_.bound_to(role) : chat_.bound_to(role);
  }
  std::vector<engine::EngineStatus> status() override { return chat_.status(); }
  base::Status use(Role role, const std::string& model) override { return chat_.use(role, model); }
  base::Status bind_defaults() override { return {}; }
  void stop_all() override { chat_.stop_all(); }

 private:
  engine::Engines& home_;
  engine::Engines& chat_;
};

struct Kept {
  std::string question;
  std::set<std::string> cited;  // items
  base::Microseconds time = 0;
  std::optional<store::Correction> correction = {};
  std::string right_answer = {};  // in the owner's words, or the answer they called right
  bool right_to_decline = false;
};

// What opened a conversation, newest first, those corrected before the others; what followed
// depends on what was said before it.
Result<std::vector<Kept>> last_questions(store::Store& store, std::size_t most) {
  std::vector<Kept> all;
  TRY_ASSIGN(const auto conversations, store.conversations());
  for (const store::Conversation& conversation : conversations) {
    TRY_ASSIGN(const auto turns, store.turns(conversation.id));
    if (turns.empty()) continue;
    Kept kept{turns.front().question, {}, turns.front().time, turns.front().correction};
    if (kept.correction) kept.right_answer = kept.correction->text;
    if (const auto answer =
            copilot::answer_from_json(json::parse(turns.front().answer, nullptr, false))) {
      for (const copilot::Citation& citation : answer->citations) {
        kept.cited.insert(citation.item.text());
      }
      if (kept.correction && kept.correction->right) {
        kept.right_to_decline = answer->declined;
        if (kept.right_answer.empty()) kept.right_answer = answer->text;
      }
    }
    all.push_back(std::move(kept));
  }
  std::stable_sort(all.begin(), all.end(), [](const Kept& one, const Kept& other) {
    return std::pair(one.correction.has_value(), one.time) >
           std::pair(other.correction.has_value(), other.time);
  });
  std::vector<Kept> chosen;
  std::set<std::string> seen;
  for (Kept& kept : all) {
    if (chosen.size() == most) break;
    if (seen.insert(base::fold(kept.question)).second) chosen.push_back(std::move(kept));
  }
  return chosen;
}

// Nothing where the owner has not said what would be right.
json as_corrected(const copilot::Answer& answer, const Kept& kept) {
  if (!kept.correction) return {};
  if (kept.right_to_decline) return answer.declined;
  if (kept.right_answer.empty()) return {};
  if (answer.declined) return false;
  // By its hard facts, as a claim is measured against a passage.
  const copilot::EvidenceSource source{answer.text, {}, base::today(base::Clock::zone())};
  return copilot::find_evidence(source, kept.right_answer, kept.question).has_value();
}

json told(const copilot::Answer& answer, const Kept& kept) {
  json citations = json::array();
  bool as_kept = false;
  for (const copilot::Citation& citation : answer.citations) {
    citations.push_back(
        {{"item", citation.item.text()}, {"title", citation.title}, {"quote", citation.quote}});
    as_kept = as_kept || kept.cited.contains(citation.item.text());
  }
  return {{"answer", answer.text},
          {"declined", answer.declined},
          {"citations", std::move(citations)},
          // Nothing where the kept answer cited nothing.
          {"cites_as_kept", kept.cited.empty() ? json() : json(as_kept)},
          {"as_corrected", as_corrected(answer, kept)},
          {"total_ms", answer.total_ms},
          {"prompt_tokens", answer.prompt_tokens},
          {"completion_tokens", answer.completion_tokens}};
}

std::set<std::string> cited(const copilot::Answer& answer) {
  std::set<std::string> items;
  for (const copilot::Citation& citation : answer.citations) items.insert(citation.item.text());
  return items;
}

struct Sum {
  int answered = 0, cites_as_kept = 0, can_be_compared = 0;
  int as_corrected = 0, corrected = 0;
  std::vector<double> times;
  std::int64_t tokens = 0;

  void add(const json& answer) {
    answered += answer["declined"] == false ? 1 : 0;
    if (answer["cites_as_kept"].is_boolean()) {
      ++can_be_compared;
      cites_as_kept += answer["cites_as_kept"] == true ? 1 : 0;
    }
    if (answer["as_corrected"].is_boolean()) {
      ++corrected;
      as_corrected += answer["as_corrected"] == true ? 1 : 0;
    }
    times.push_back(answer["total_ms"]);
    tokens += answer["prompt_tokens"].get<int>() + answer["completion_tokens"].get<int>();
  }
  json told() {
    std::sort(times.begin(), times.end());
    return {{"answered", answered},
            {"cites_as_kept", cites_as_kept},
            {"can_be_compared", can_be_compared},
            {"as_corrected", as_corrected},
            {"corrected", corrected},
            {"median_ms", times.empty() ? 0.0 : times[times.size() / 2]},
            {"tokens", tokens}};
  }
};

}  // namespace

Result<json> rehearse(store::Store& store, engine::Engines& engines,
                      const engine::EngineOptions& options, const RehearsalWish& wish,
                      const std::function<void(int, int)>& progress, std::stop_token stop) {
  TRY_ASSIGN(const std::vector<Kept> questions,
             last_questions(store, static_cast<std::size_t>(std::max(1, wish.questions))));
  if (questions.empty()) return fail(ErrorKind::not_found, "rehearsal.no_questions");
  engine::EngineOptions own = options;
  own.home = options.home + "/rehearsal";
  own.keep_prompts = false;
  struct Folder {
    std::string path;
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  } const folder{own.home};
  TRY(os::make_folders(own.home));
  TRY_ASSIGN(const auto chat, engine::Engines::open(own));
  if (!engine::is_address(wish.model)) {
    TRY_ASSIGN(const std::string sockets, engine::socket_folder(own.home));
    TRY_ASSIGN(const auto backend,
               engine::make_backend(own, *own.models, sockets, Role::chat, wish.model, "room"));
    if (const auto lacks = engine::shortage(options, *backend)) {
      return fail(ErrorKind::no_space, "engine.no_room",
                  {{"model", wish.model},
                   {"needed", std::to_string(lacks->needed >> 20)},
                   {"left", std::to_string(lacks->left >> 20)}});
    }
  }
  TRY(chat->use(Role::chat, wish.model));
  OtherChat other(engines, *chat);
  json list = json::array();
  Sum current_sum, other_sum;
  int same_answers = 0, same_citations = 0;
  const int all = static_cast<int>(questions.size());
  for (const Kept& kept : questions) {
    if (progress) progress(static_cast<int>(list.size()), all);
    copilot::AskRequest request;
    request.question = kept.question;
    request.remember = false;
    TRY_ASSIGN(const copilot::Answer before, copilot::ask(store, engines, request, {}, stop));
    TRY_ASSIGN(const copilot::Answer after, copilot::ask(store, other, request, {}, stop));
    json entry = {{"question", kept.question},
                  {"correction", kept.correction ? json{{"right", kept.correction->right},
                                                        {"text", kept.correction->text}}
                                                 : json()},
                  {"current", told(before, kept)},
                  {"other", told(after, kept)},
                  {"same_answer", base::fold(before.text) == base::fold(after.text)},
                  {"same_citations", cited(before) == cited(after)}};
    same_answers += entry["same_answer"] == true ? 1 : 0;
    same_citations += entry["same_citations"] == true ? 1 : 0;
    current_sum.add(entry["current"]);
    other_sum.add(entry["other"]);
    list.push_back(std::move(entry));
  }
  return json{{"current", engines.bound_to(Role::chat)},
              {"other", wish.model},
              {"questions", std::move(list)},
              {"summary",
               {{"questions", all},
                {"same_answers", same_answers},
                {"same_citations", same_citations},
                {"current", current_sum.told()},
                {"other", other_sum.told()}}}};
}

}  // namespace lar::api
