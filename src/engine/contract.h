// What a model at an engine really does, measured by asking: how much context can be used, whether
// grammars bind, whether its own tool calls can be relied on, which languages it speaks, how fast
// it is, what it refuses. What it claims of itself counts for nothing. Kept in HOME/contracts, one
// file per model and engine version. Measuring blocks the caller for seconds (quick) or minutes
// (full); everything else is files only. No shared state.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/models.h"

namespace lar::engine {

// How far forms that were demanded are kept to.
enum class FormGrade { unknown, ignored, easy_only, kept };
std::string_view name_of(FormGrade grade);

// What ends the context that can be used.
enum class ContextLimit {
  unknown,    // not measured
  claimed,    // nothing: all that was claimed can be used
  time,       // more would have taken too long to measure
  refuses,    // the engine refused more, whatever it claimed
  truncates,  // the engine silently left out text
  forgets     // the model did not find what stood in the text
};
std::string_view name_of(ContextLimit limit);

// Where instructions must stand to reach the model: in a message of the system or, where a template
// leaves those out or refuses them, in front of the first question.
enum class PromptStyle { unknown, system_message, before_question };
std::string_view name_of(PromptStyle style);

struct Refusal {
  std::string question;
  std::string answer;  // its beginning
};

// What a model said to one of the owner's questions, refused or not.
struct Reply {
  std::string question;
  std::string answer;  // its beginning
  bool refused = false;
};

// Among how many offered tools the right one was picked, and among how many no more; 0: among none,
// or none failed as far as time and context allowed to look.
struct ToolLadder {
  int verified = 0;
  int failed = 0;
};
// How a call of a tool is made: as the engine recognises it, or of a form it is bound to.
enum class ToolForm { native, schema };

struct Contract {
  std::string model;
  std::string engine;    // what the engine calls itself and its version
  std::string measured;  // when, RFC 3339
  bool full = false;
  bool embedding = false;

  // Of a model that answers.
  int context_claimed = 0;   // tokens
  int context_verified = 0;  // 0: not measured, or nothing could be found in the least of texts
  ContextLimit context_limit = ContextLimit::unknown;
  FormGrade form = FormGrade::unknown;
  bool chat_template = false;
  PromptStyle prompt_style = PromptStyle::unknown;
  bool stops = false;  // ends by itself, without remains of the template in the text
  std::optional<bool> tools_native, tools_by_schema;
  // Of the way that goes right at all; by schema also where the engine's own calls came to an end.
  std::optional<ToolLadder> tools_among_native, tools_among_schema;
  std::optional<bool> english, spanish;
  std::optional<bool> vision;                     // told the colours of pictures it was shown
  double prompt_speed = 0, generation_speed = 0;  // tokens a second
  int questions_asked = 0;
  std::vector<Refusal> refusals;
  std::vector<Reply> replies;  // to all that was asked; none in what an earlier lar measured

  // Of one that embeds, or orders texts (which has no dimensions).
  int dimensions = 0;
  std::optional<bool> across_languages;  // finds Spanish with English words

  // Whether the engine may stand behind a role that gives forms to keep to.
  bool keeps_forms() const { return form == FormGrade::kept; }
};

// An engine under examination.
struct Subject {
  std::function<base::Result<ChatResult>(const ChatRequest&)> chat;
  // The same, for figures of speed; empty: chat.
  std::function<base::Result<ChatResult>(const ChatRequest&)> timed_chat;
  struct Answer {
    int status = 0;
    std::string body;
  };
  // Any route of its own; "GET" without a body.
  std::function<base::Result<Answer>(const std::string& method, const std::string& path,
                                     const std::string& body)>
      send;
  std::function<base::Result<int>(const std::string&)> count_tokens;
  std::function<base::Result<std::vector<std::vector<float>>>(EmbedKind,
                                                              const std::vector<EmbedText>&)>
      embed;
};

enum class CheckDepth { quick, full };

struct CheckOptions {
  CheckDepth depth = CheckDepth::quick;
  bool embedding = false;
  bool ranking = false;  // orders texts by a query
  std::string model;
  std::optional<bool> has_template;    // as the model's file says
  std::vector<std::string> questions;  // asked for refusals, in a full check
  bool find_context = false;           // in a quick check too
  bool shall_see = false;              // pictures are shown where the engine does not say
  double context_seconds = 120;        // for the texts that are read to find the context
  double tool_seconds = 60;            // for the tools that are offered
  std::vector<int> rungs = {2048, 8192, 32768};
  std::function<void(std::string_view step)> progress;  // a code: "grammar", "context" …
  std::stop_token stop;
};

// How much of the claimed context counts: all of it, unless the check found an end before.
int usable_tokens(const Contract& contract, int claimed);

// The messages with what the system says in front of the first question: as a model of that style
// is asked.
std::vector<ChatMessage> before_question(std::vector<ChatMessage> messages);

// Whether a schema asks for more than an engine that keeps to easy forms only keeps to: lists,
// objects in objects, bounds.
bool is_easy_schema(const std::string& schema);

struct ToolLadderOptions {
  std::vector<int> rungs;   // at most 64 tools
  int above = 0;            // rungs up to here are passed over
  double seconds = 60;      // a rung that would take longer is not begun, but for the first
  double prompt_speed = 0;  // tokens a second; 0: unknown
  int context = 0;          // tokens; 0: unknown
  std::stop_token stop = {};
};
// Offers more and more tools until the wrong one is picked. Errors: those of the calls.
base::Result<ToolLadder> climb_tools(const Subject& subject, ToolForm form,
                                     const ToolLadderOptions& options);

// How calls are best made where so many tools are offered; nothing where it has not been measured.
struct ToolRoute {
  ToolForm form = ToolForm::schema;
  std::optional<int> verified;  // among how many tools the right one is picked
};
std::optional<ToolRoute> tool_route(const Contract& contract, int offered);

// Whether an error says something about the engine's answer rather than that there was none.
bool is_about_the_answer(const base::Error& error);

// Errors: those of the calls, except where the failure is what was to be found out.
base::Result<Contract> measure(const Subject& subject, const CheckOptions& options);

// Whether the engine keeps to a schema no model would keep to by itself, and to one with lists,
// bounds and nesting.
base::Result<FormGrade> measure_forms(const Subject& subject);

// Whether an answer declines to answer.
bool declines(std::string_view answer);

// ---- kept contracts ----
std::string contract_json(const Contract& contract);
std::optional<Contract> contract_from_json(std::string_view text);
// Of a full one of the same engine, what a quick one does not look at stays.
base::Status keep_contract(const std::string& home, const std::string& key,
                           const Contract& measured);
std::optional<Contract> kept_contract(const std::string& home, const std::string& key);
// Names a model's file together with the engine program, without running either; an address stands
// for itself.
std::string contract_key(const EngineOptions& options, const std::string& models_folder,
                         const CatalogueModel& model);

// The owner's questions for refusals, HOME/questions.txt: one on a line, # begins a remark. Written
// with a first set when it is not there.
base::Result<std::vector<std::string>> refusal_questions(const std::string& home);
// The same as it stands in the file, remarks and all, and another text in its place. A full check
// asks each question, so a text is bounded. Errors: questions.too_many {count, most},
// questions.too_long {line, most}, those of reading and writing.
base::Result<std::string> questions_text(const std::string& home);
base::Status write_questions(const std::string& home, std::string_view text);

// Whether somebody waits for the result: then its figures of speed go before background work. What
// nobody waits for is background work itself, and looks for the end of the context in a quick check
// too, within two minutes: a server that leaves out text in silence would be believed until then.
enum class Attended { no, yes };

// Measures a role's engine as it runs, between other calls, or an installed model in an engine
// started for it beside the others; keeps the result. Errors: model.unknown, engine.no_room
// {needed, left} (bytes), and those of measure().
base::Result<Contract> check_model(const EngineOptions& options, Models& models, Engines& engines,
                                   const std::string& role_or_model, CheckDepth depth,
                                   const std::function<void(std::string_view step)>& progress,
                                   std::stop_token stop, Attended attended = Attended::yes);

}  // namespace lar::engine
