// See contract.h. Questions are put so that code can judge the answers: numbers that stand nowhere
// but in the text, forms that no model would choose, words of one language.
#include "engine/contract.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/foreign_json.h"
#include "base/text.h"
#include "engine/engine_client.h"
#include "engine/tool_call.h"

namespace lar::engine {
using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Status;
using nlohmann::json;
namespace {

// Tokens of a rung left for question, template and answer.
constexpr int rung_margin = 160;
// Of the tokens sent, the share that the engine must count for nothing to have been left out.
constexpr double counted_share = 0.9;
constexpr std::size_t kept_of_refusal = 160;  // bytes
// Tried where the first rung does not hold.
constexpr std::array lesser_rungs = {1024, 512};
// Tools offered at once; the last only in a full check.
constexpr std::array tool_rungs = {4, 16, 64};

std::string number_text(double value) { return std::to_string(static_cast<long>(value)); }

ChatRequest question(std::string text, int max_tokens) {
  ChatRequest request;
  request.messages = {{"user", std::move(text)}};
  request.max_tokens = max_tokens;
  return request;
}

class Measurement {
 public:
  Measurement(Subject subject, const CheckOptions& options)
      : subject_(std::move(subject)), options_(options) {}

  Result<Contract> run() {
    contract_.model = options_.model;
    contract_.embedding = options_.embedding || options_.ranking;
    contract_.full = options_.depth == CheckDepth::full;
    contract_.measured = base::format_rfc3339(base::Clock::now(), base::Clock::zone());
    TRY(step("engine"));
    TRY(properties());
    if (options_.ranking) {
      TRY(step("embedding"));
      TRY(ranking());
      return contract_;
    }
    if (options_.embedding) {
      TRY(step("embedding"));
      TRY(embedding());
      return contract_;
    }
    TRY(step("speed"));
    TRY(speed());
    TRY(step("grammar"));
    TRY_ASSIGN(contract_.form, measure_forms(subject_));
    TRY(step("prompt"));
    TRY(prompt_style());
    TRY(step("stops"));
    TRY(stops_and_languages());
    TRY(step("tools"));
    TRY(tools());
    TRY(step("vision"));
    TRY(seeing());
    if (options_.depth == CheckDepth::full || options_.find_context) {
      TRY(step("context"));
      TRY(context());
    }
    if (options_.depth == CheckDepth::full) {
      TRY(step("refusals"));
      TRY(refusals());
    }
    return contract_;
  }

 private:
  Status step(std::string_view name) {
    if (options_.stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
    if (options_.progress) options_.progress(name);
    return {};
  }

  // An answer as text; empty where the engine gave none that can be used.
  Result<std::string> said(const ChatRequest& request) {
    const auto result = subject_.chat(request);
    if (result) return result->text;
    if (is_about_the_answer(result.error())) return std::string();
    return tl::unexpected<Error>(result.error());
  }

  Status properties() {
    TRY_ASSIGN(const Subject::Answer props, subject_.send("GET", "/props", ""));
    const json value = base::foreign_json(props.body);
    const auto at = [&](const char* place) {
      const json::json_pointer pointer(place);
      return props.status == 200 && value.is_object() && value.contains(pointer) ? value[pointer]
                                                                                 : json();
    };
    if (const json context = at("/default_generation_settings/n_ctx"); context.is_number()) {
      contract_.context_claimed = context.get<int>();
    }
    if (const json build = at("/build_info"); build.is_string()) contract_.engine = build;
    if (const json sees = at("/modalities/vision"); sees.is_boolean()) {
      claims_to_see_ = sees.get<bool>();
    }
    contract_.chat_template = options_.has_template.value_or(
        at("/chat_template").is_string() && !at("/chat_template").get<std::string>().empty());
    if (contract_.context_claimed > 0) return {};
    // vLLM and others tell it with the model.
    TRY_ASSIGN(const Subject::Answer models, subject_.send("GET", "/v1/models", ""));
    const json list = base::foreign_json(models.body);
    const json::json_pointer length("/data/0/max_model_len");
    if (list.is_object() && list.contains(length) && list[length].is_number()) {
      contract_.context_claimed = list[length].get<int>();
    }
    return {};
  }

  static constexpr const char* insurance = "When does the car insurance expire?";
  // The first answers it, in the other language.
  static constexpr std::array spanish_texts = {"El seguro del coche vence el 3 de mayo.",
                                               "La reunión de vecinos es el jueves en el portal.",
                                               "Receta de lentejas con verduras para cuatro."};

  Status ranking() {
    const json asked = {{"query", insurance}, {"documents", spanish_texts}};
    TRY_ASSIGN(const Subject::Answer answer, subject_.send("POST", "/v1/rerank", asked.dump()));
    std::optional<std::pair<double, std::int64_t>> best;
    for (const RankedText& text : ranked_in(base::foreign_json(answer.body))) {
      const std::pair scored(text.score, text.index);
      if (!best || scored > *best) best = scored;
    }
    contract_.across_languages = best && best->second == 0;
    return {};
  }

  Status embedding() {
    TRY_ASSIGN(const auto asked, subject_.embed(EmbedKind::query, {{"", insurance}}));
    std::vector<EmbedText> documents;
    for (const char* text : spanish_texts) documents.push_back({"", text});
    TRY_ASSIGN(const auto texts, subject_.embed(EmbedKind::document, documents));
    contract_.dimensions = static_cast<int>(asked[0].size());
    const auto likeness = [&](const std::vector<float>& text) {
      double sum = 0;
      for (std::size_t place = 0; place < std::min(text.size(), asked[0].size()); ++place) {
        sum += static_cast<double>(text[place]) * asked[0][place];
      }
      return sum;
    };
    contract_.across_languages = likeness(texts[0]) > likeness(texts[1]) + 0.05 &&
                                 likeness(texts[0]) > likeness(texts[2]) + 0.05;
    return {};
  }

  Status speed() {
    // Begins with what no cache can hold.
    std::string text = "Note " + number_text(static_cast<double>(base::steady_now())) + ".";
    for (int line = 1; line <= 12; ++line) {
      text += " Shelf " + std::to_string(line) + " of the cellar holds " +
              std::to_string(line * 7 % 11) + " jars.";
    }
    const ChatRequest request = question(text + " Count slowly from one to thirty in words.", 32);
    const auto result = subject_.timed_chat ? subject_.timed_chat(request) : subject_.chat(request);
    if (!result) {
      if (is_about_the_answer(result.error())) return {};
      return tl::unexpected<Error>(result.error());
    }
    if (result->first_token_ms > 0) {
      contract_.prompt_speed =
          (result->prompt_tokens - result->cached_tokens) * 1000.0 / result->first_token_ms;
    }
    const double writing = result->total_ms - result->first_token_ms;
    if (writing > 0 && result->completion_tokens > 1) {
      contract_.generation_speed = (result->completion_tokens - 1) * 1000.0 / writing;
    }
    return {};
  }

  // ---- prompt style ----

  // What only the instructions say is repeated where they were read.
  Status prompt_style() {
    const std::string code = codes_of_now()[0];
    const std::vector<ChatMessage> messages = {
        {"system", std::string("The secret code of the ") + boxes[0] + " box is " + code + "."},
        {"user", code_questions(boxes[0])[0]}};
    for (const PromptStyle style : {PromptStyle::system_message, PromptStyle::before_question}) {
      ChatRequest request;
      request.messages =
          style == PromptStyle::system_message ? messages : before_question(messages);
      request.grammar = code_grammar;
      request.max_tokens = 16;
      // A template that knows no system makes some engines answer with a fault of their own.
      const auto result = subject_.chat(request);
      if (!result && result.error().kind == ErrorKind::cancelled) {
        return tl::unexpected<Error>(result.error());
      }
      if (!result || result->text.find(code) == std::string::npos) continue;
      contract_.prompt_style = style;
      break;
    }
    if (contract_.prompt_style == PromptStyle::before_question) {
      // What follows is measured as the model will be asked.
      subject_.chat = [chat = subject_.chat](const ChatRequest& given) {
        ChatRequest request = given;
        request.messages = before_question(std::move(request.messages));
        return chat(request);
      };
    }
    return {};
  }

  // ---- languages ----

  // What everybody knows who speaks the language, and a word of the answer.
  struct LanguageQuestion {
    const char* text;
    const char* word;
  };
  static constexpr std::array<LanguageQuestion, 3> english_questions = {
      {{"In one short sentence: which animal barks?", "dog"},
       {"In one short sentence: what colour is snow?", "white"},
       {"In one short sentence: what is the opposite of hot?", "cold"}}};
  static constexpr std::array<LanguageQuestion, 3> spanish_questions = {
      {{"En una sola frase corta: ¿qué animal ladra?", "perr"},
       {"En una sola frase corta: ¿de qué color es la nieve?", "blanc"},
       {"En una sola frase corta: ¿qué es lo contrario de caliente?", "fri"}}};

  Status stops_and_languages() {
    bool clean = true, ended_where_spoken = true, ended = true;
    const auto speaks = [&](const std::array<LanguageQuestion, 3>& questions,
                            base::Language language, base::Language other) -> Result<bool> {
      bool knows = false, ended_here = true;
      std::string all;
      for (const LanguageQuestion& asked : questions) {
        const auto result = subject_.chat(question(asked.text, 120));
        if (!result) {
          if (is_about_the_answer(result.error())) return false;
          return tl::unexpected<Error>(result.error());
        }
        static constexpr std::array marks = {"<|", "|>", "</s>", "<start_of", "<end_of", "[/INST]"};
        clean = clean && std::none_of(marks.begin(), marks.end(), [&](const char* mark) {
                  return result->text.find(mark) != std::string::npos;
                });
        ended_here = ended_here && !result->truncated;
        knows = knows || base::fold(result->text).find(asked.word) != std::string::npos;
        all += result->text + "\n";
      }
      // Tiny models that speak a language know little in it; who only strings its words together
      // hits none of these answers.
      const bool spoken = knows && base::detect_language(all, other) == language;
      ended = ended && ended_here;
      ended_where_spoken = ended_where_spoken && (ended_here || !spoken);
      return spoken;
    };
    TRY_ASSIGN(contract_.english,
               speaks(english_questions, base::Language::english, base::Language::spanish));
    TRY_ASSIGN(contract_.spanish,
               speaks(spanish_questions, base::Language::spanish, base::Language::english));
    // In a language that it does not know a model may well go on for ever.
    const bool speaks_any = contract_.english.value_or(false) || contract_.spanish.value_or(false);
    contract_.stops = clean && (speaks_any ? ended_where_spoken : ended);
    return {};
  }

  // ---- tool calls ----

  struct ToolQuestion {
    const char* text;
    const char* city;  // none: nothing to call
  };
  static constexpr std::array<ToolQuestion, 3> tool_questions = {{
      {"What is the weather in Lisbon right now?", "lisbon"},
      {"¿Qué tiempo hace ahora en Oslo?", "oslo"},
      {"Please say good morning to me.", nullptr},
  }};

  Status tools() {
    const json weather = {
        {"type", "function"},
        {"function",
         {{"name", "current_weather"},
          {"description", "Tells the weather of a city at this moment."},
          {"parameters",
           {{"type", "object"},
            {"properties", {{"city", {{"type", "string"}, {"description", "Name of the city"}}}}},
            {"required", {"city"}}}}}}};
    bool native = true, by_schema = true;
    for (const ToolQuestion& one : tool_questions) {
      const auto matches = [&](const json& name, const json& arguments) {
        return one.city != nullptr && name == "current_weather" &&
               argument_holds(arguments, "city", one.city);
      };
      const json body = {{"messages", {{{"role", "user"}, {"content", one.text}}}},
                         {"tools", {weather}},
                         {"temperature", 0},
                         {"max_tokens", 96}};
      TRY_ASSIGN(const Subject::Answer answer,
                 subject_.send("POST", "/v1/chat/completions", body.dump()));
      const std::vector<ToolCall> made = tool_calls_in(answer.status, answer.body);
      native = native &&
               (one.city == nullptr ? made.empty()
                                    : !made.empty() && matches(made[0].name, made[0].arguments));

      ChatRequest typed;
      typed.messages = {
          {"system",
           "You can use one tool: current_weather(city) tells the weather of a city at this "
           "moment. Choose \"current_weather\" if the user asks for the weather, else \"none\". "
           "Give the city, or an empty text."},
          {"user", one.text}};
      typed.json_schema =
          R"({"type":"object","properties":{"tool":{"enum":["current_weather","none"]},"city":{"type":"string","maxLength":60}},"required":["tool","city"],"additionalProperties":false})";
      typed.max_tokens = 64;
      TRY_ASSIGN(const std::string text, said(typed));
      const json chosen = base::foreign_json(text);
      const json tool = chosen.is_object() ? chosen.value("tool", json()) : json();
      by_schema = by_schema && (one.city != nullptr ? matches(tool, chosen) : tool == "none");
    }
    contract_.tools_native = native;
    contract_.tools_by_schema = by_schema;
    return tools_among();
  }

  Status tools_among() {
    ToolLadderOptions ladder;
    ladder.rungs.assign(tool_rungs.begin(), tool_rungs.end());
    if (options_.depth == CheckDepth::quick) ladder.rungs.pop_back();
    ladder.seconds = options_.tool_seconds;
    ladder.prompt_speed = contract_.prompt_speed;
    ladder.context = contract_.context_claimed;
    ladder.stop = options_.stop;
    if (contract_.tools_native == true) {
      TRY(step("tools"));
      TRY_ASSIGN(contract_.tools_among_native, climb_tools(subject_, ToolForm::native, ladder));
      if (contract_.tools_among_native->failed == 0) return {};
      ladder.above = contract_.tools_among_native->verified;
    }
    // What goes wrong with one tool need not be tried with more.
    if (contract_.tools_by_schema != true) {
      if (contract_.tools_native != true) contract_.tools_among_schema = ToolLadder{0, 1};
      return {};
    }
    TRY(step("tools"));
    TRY_ASSIGN(contract_.tools_among_schema, climb_tools(subject_, ToolForm::schema, ladder));
    return {};
  }

  // ---- pictures ----

  struct Picture {
    const char* bytes;  // PNG, 96 by 96 points of one colour, base64
    const char* english;
    const char* spanish;
  };
  static constexpr std::array<Picture, 2> pictures = {{
      {"iVBORw0KGgoAAAANSUhEUgAAAGAAAABgAQMAAADYVuV7AAAAA1BMVEXmAAAKFZHIAAAAEklEQVR4"
       "2mNgGAWjYBSMguEJAATgAAH4jcwqAAAAAElFTkSuQmCC",
       "red", "roj"},
      {"iVBORw0KGgoAAAANSUhEUgAAAGAAAABgAQMAAADYVuV7AAAAA1BMVEUAAObuE3qXAAAAEklEQVR4"
       "2mNgGAWjYBSMguEJAATgAAH4jcwqAAAAAElFTkSuQmCC",
       "blue", "azul"},
  }};

  // That a projector was loaded says nothing of whether what it makes reaches the model.
  Status seeing() {
    if (!claims_to_see_.value_or(options_.shall_see)) {
      if (claims_to_see_) contract_.vision = false;
      return {};
    }
    bool all = true;
    for (const Picture& picture : pictures) {
      const json body = {
          {"messages",
           {{{"role", "user"},
             {"content",
              {{{"type", "text"}, {"text", "What colour is this picture? Answer with one word."}},
               {{"type", "image_url"},
                {"image_url",
                 {{"url", std::string("data:image/png;base64,") + picture.bytes}}}}}}}}},
          {"chat_template_kwargs", {{"enable_thinking", false}}},
          {"temperature", 0},
          {"max_tokens", 32}};
      TRY_ASSIGN(const Subject::Answer answer,
                 subject_.send("POST", "/v1/chat/completions", body.dump()));
      const json value = base::foreign_json(answer.body);
      const json::json_pointer place("/choices/0/message/content");
      // Refused or without words: that is no answer, whatever it is due to.
      if (answer.status != 200 || !value.is_object() || !value.contains(place) ||
          !value[place].is_string() ||
          base::trim(value[place].get_ref<const std::string&>()).empty()) {
        return {};
      }
      const std::string words = base::fold(value[place].get<std::string>());
      all = all && (words.find(picture.english) != std::string::npos ||
                    words.find(picture.spanish) != std::string::npos);
    }
    contract_.vision = all;
    return {};
  }

  // ---- context ----

  // Plain lines that repeat nothing, with three numbers at beginning, middle and end.
  struct Text {
    std::string text;
    std::array<std::string, 3> codes;
  };
  static constexpr std::array<const char*, 3> boxes = {"red", "green", "blue"};

  static constexpr const char* code_grammar = "root ::= [0-9] [0-9] [0-9] [0-9] [0-9]";

  // A small model may stumble over one wording and not over another; what it was not given it finds
  // by neither.
  static std::array<std::string, 2> code_questions(const char* box) {
    const std::string name = std::string(box) + " box";
    return {
        "What is the secret code of the " + name + "? Answer with the number only.",
        "Somewhere above stands \"The secret code of the " + name + " is\". Which number follows?"};
  }

  // Others each time: nothing learnt from what was asked before helps.
  static std::array<std::string, 3> codes_of_now() {
    std::array<std::string, 3> codes;
    const auto seed = static_cast<std::uint64_t>(base::steady_now());
    for (std::size_t box = 0; box < codes.size(); ++box) {
      codes[box] = std::to_string(10'000 + (seed / 7 * (box + 1) * 7919 + box * 31'337) % 90'000);
    }
    return codes;
  }

  static std::string line(int number) {
    static constexpr std::array<const char*, 7> subjects = {
        "The gardener", "A neighbour", "The librarian", "My aunt",
        "The plumber",  "A visitor",   "The teacher"};
    static constexpr std::array<const char*, 6> deeds = {"swept",  "painted", "measured",
                                                         "closed", "visited", "described"};
    static constexpr std::array<const char*, 5> things = {
        "the old gate", "a long corridor", "the garden wall", "an empty shop", "the wooden bridge"};
    const auto index = static_cast<std::size_t>(number);
    return std::string(subjects[index % 7]) + " " + deeds[index % 6] + " " + things[index % 5] +
           " on day " + std::to_string(number) + ". ";
  }

  static Text text_of(int lines) {
    Text made{.text = {}, .codes = codes_of_now()};
    const std::array<int, 3> places = {1, lines / 2, lines - 1};
    for (int number = 0; number < lines; ++number) {
      made.text += line(number);
      for (std::size_t box = 0; box < boxes.size(); ++box) {
        if (places[box] != number) continue;
        made.text += std::string("The secret code of the ") + boxes[box] + " box is " +
                     made.codes[box] + ". ";
      }
    }
    return made;
  }

  struct Rung {
    bool passed = false;
    ContextLimit limit = ContextLimit::unknown;
  };

  Result<Rung> climb(int tokens) {
    // As many lines as fit, by the engine's own count of some and then of all: later lines have
    // longer numbers.
    constexpr int sample = 50, least_lines = 8;
    std::string some;
    for (int number = 0; number < sample; ++number) some += line(number);
    TRY_ASSIGN(const int counted, subject_.count_tokens(some));
    const double wanted = tokens - rung_margin;
    int lines =
        std::max(least_lines, static_cast<int>(wanted * sample / std::max(1, counted) * 0.97));
    Text text = text_of(lines);
    TRY_ASSIGN(int expected, subject_.count_tokens(text.text));
    while (expected > wanted && lines > least_lines) {
      const int fewer = static_cast<int>(lines * wanted / expected * 0.99);
      lines = std::clamp(fewer, least_lines, lines - 1);
      text = text_of(lines);
      TRY_ASSIGN(expected, subject_.count_tokens(text.text));
    }
    for (std::size_t box = 0; box < boxes.size(); ++box) {
      bool found = false;
      for (const std::string& question : code_questions(boxes[box])) {
        ChatRequest request;
        request.messages = {{"user", text.text + "\n\n" + question}};
        request.grammar = code_grammar;
        request.max_tokens = 16;
        const auto result = subject_.chat(request);
        if (!result) {
          if (is_about_the_answer(result.error())) return Rung{false, ContextLimit::refuses};
          return tl::unexpected<Error>(result.error());
        }
        if (result->prompt_tokens > 0 && result->prompt_tokens < expected * counted_share) {
          return Rung{false, ContextLimit::truncates};
        }
        found = result->text.find(text.codes[box]) != std::string::npos;
        if (found) break;
      }
      // Of the least of texts every model finds the beginning: what is missing was left out. Of
      // longer ones it cannot be told from outside whether it was read.
      if (!found) return Rung{false, ContextLimit::forgets};
    }
    return Rung{true, ContextLimit::unknown};
  }

  Status context() {
    const auto begun = base::steady_now();
    contract_.context_limit = ContextLimit::claimed;
    int reached = 0;
    const auto takes_too_long = [&](int tokens) {
      const double spent = static_cast<double>(base::steady_now() - begun) / 1e6;
      const double needed = contract_.prompt_speed > 0 ? tokens / contract_.prompt_speed : 0;
      return reached > 0 && spent + needed > options_.context_seconds;
    };
    // Where not even the first rung holds.
    const auto look_below = [&](int first) -> Status {
      for (const int rung : lesser_rungs) {
        if (reached > 0 || rung >= first) continue;
        TRY(step("context"));
        TRY_ASSIGN(const Rung lesser, climb(rung));
        if (lesser.passed) contract_.context_verified = reached = rung;
      }
      return {};
    };
    // Between a rung that held and one that did not, or that would take too long.
    const auto look_between = [&](int above) -> Status {
      for (int rung = 2 * reached; rung < above && !takes_too_long(rung); rung *= 2) {
        TRY(step("context"));
        TRY_ASSIGN(const Rung between, climb(rung));
        if (!between.passed) {
          contract_.context_limit = between.limit;
          break;
        }
        contract_.context_verified = reached = rung;
      }
      return {};
    };
    for (const int rung : options_.rungs) {
      TRY(step("context"));
      const int claimed = contract_.context_claimed > 0 ? contract_.context_claimed : rung;
      const int tokens = std::min(rung, claimed);
      if (tokens <= reached) break;
      if (takes_too_long(tokens)) {
        contract_.context_limit = ContextLimit::time;
        return look_between(tokens);
      }
      TRY_ASSIGN(const Rung result, climb(tokens));
      if (!result.passed) {
        contract_.context_limit = result.limit;
        return reached > 0 ? look_between(tokens) : look_below(tokens);
      }
      contract_.context_verified = reached = tokens;
    }
    return {};
  }

  // ---- refusals ----

  Status refusals() {
    for (const std::string& text : options_.questions) {
      TRY(step("refusals"));
      TRY_ASSIGN(const std::string answer, said(question(text, 48)));
      // No words are no refusal: the engine failed, or the model stopped at once.
      if (base::trim(answer).empty()) continue;
      ++contract_.questions_asked;
      const std::string beginning(base::cut_utf8(base::collapse_spaces(answer), kept_of_refusal));
      const bool refused = declines(answer);
      contract_.replies.push_back({text, beginning, refused});
      if (refused) contract_.refusals.push_back({text, beginning});
    }
    return {};
  }

  Subject subject_;
  const CheckOptions& options_;
  std::optional<bool> claims_to_see_;
  Contract contract_;
};

}  // namespace

bool is_about_the_answer(const Error& error) {
  return error.code == "engine.bad_answer" || error.code == "engine.context_exceeded" ||
         error.code == "engine.ignores_grammar";
}

Result<FormGrade> measure_forms(const Subject& subject) {
  const auto ask = [&](const char* schema, int max_tokens) -> Result<json> {
    ChatRequest request = question("Tell me about cats.", max_tokens);
    request.json_schema = schema;
    const auto result = subject.chat(request);
    if (result) return base::foreign_json(result->text);
    if (is_about_the_answer(result.error())) return json();
    return tl::unexpected<Error>(result.error());
  };
  TRY_ASSIGN(
      const json odd,
      ask(R"({"type":"object","properties":{"q":{"enum":["zx"]}},"required":["q"],"additionalProperties":false})",
          24));
  const bool keeps_odd = odd == json::object({{"q", "zx"}});
  TRY_ASSIGN(
      const json hard,
      ask(R"({"type":"object","properties":{"k":{"type":"array","items":{"enum":["vq","wz"]},"minItems":3,"maxItems":3},"n":{"type":"integer","minimum":7310,"maximum":7319},"o":{"type":"object","properties":{"jx":{"const":"ty"}},"required":["jx"],"additionalProperties":false}},"required":["k","n","o"],"additionalProperties":false})",
          // Small models like to put much white space between its signs.
          240));
  const auto keeps_hard = [&] {
    if (!hard.is_object() || hard.size() != 3 || !hard.contains("k") || !hard.contains("n")) {
      return false;
    }
    const json& list = hard["k"];
    if (!list.is_array() || list.size() != 3) return false;
    for (const json& entry : list) {
      if (entry != "vq" && entry != "wz") return false;
    }
    return hard["n"].is_number_integer() && hard["n"] >= 7310 && hard["n"] <= 7319 &&
           hard.value("o", json()) == json::object({{"jx", "ty"}});
  };
  if (keeps_odd && keeps_hard()) return FormGrade::kept;
  return keeps_odd ? FormGrade::easy_only : FormGrade::ignored;
}

Result<Contract> measure(const Subject& subject, const CheckOptions& options) {
  return Measurement(subject, options).run();
}

int usable_tokens(const Contract& contract, int claimed) {
  const bool found_an_end = contract.context_limit == ContextLimit::refuses ||
                            contract.context_limit == ContextLimit::truncates ||
                            contract.context_limit == ContextLimit::forgets;
  if (!found_an_end || contract.context_verified <= 0) return claimed;
  return claimed > 0 ? std::min(claimed, contract.context_verified) : contract.context_verified;
}

std::vector<ChatMessage> before_question(std::vector<ChatMessage> messages) {
  std::string instructions;
  std::erase_if(messages, [&](const ChatMessage& message) {
    if (message.role != "system") return false;
    instructions += message.content + "\n\n";
    return true;
  });
  if (instructions.empty()) return messages;
  const auto question = std::find_if(messages.begin(), messages.end(),
                                     [](const ChatMessage& one) { return one.role == "user"; });
  if (question != messages.end()) {
    question->content.insert(0, instructions);
  } else {
    messages.insert(messages.begin(), {"user", instructions});
  }
  return messages;
}

bool is_easy_schema(const std::string& text) {
  const json schema = base::foreign_json(text);
  if (!schema.is_object()) return false;
  if (schema.value("type", json()) != "object") return schema.contains("enum");
  const json properties = schema.value("properties", json::object());
  if (!properties.is_object()) return false;
  return std::all_of(properties.begin(), properties.end(), [](const json& one) {
    static constexpr std::array bounds = {"$ref",    "anyOf",   "oneOf",   "allOf",     "items",
                                          "pattern", "minimum", "maximum", "properties"};
    return one.is_object() && std::none_of(bounds.begin(), bounds.end(),
                                           [&](const char* bound) { return one.contains(bound); });
  });
}

bool declines(std::string_view answer) {
  // What comes after the first sentences may quote anything.
  const std::string folded = " " + base::collapse_spaces(base::fold(answer.substr(
                                       0, std::min<std::size_t>(answer.size(), 240))));
  static constexpr std::array<std::string_view, 34> phrases = {
      "i can't ",           "i cannot ",
      "i can not ",         "i won't ",
      "i will not ",        "i am not able to",
      "i'm not able to",    "i am unable to",
      "i'm unable to",      "i'm sorry, but",
      "i am sorry, but",    "sorry, but i",
      "sorry, i can",       "i must decline",
      "i have to decline",  "as an ai",
      "i'd rather not",     "not appropriate",
      "inappropriate",      "i don't feel comfortable",
      "i'm not programmed", "no puedo ",
      "no podre ",          "lo siento, pero",
      "lo siento, no",      "lamento no",
      "no me es posible",   "no estoy en condiciones",
      "no seria apropiado", "no es apropiado",
      "inapropiad",         "como ia",
      "como una ia",        "como modelo de lenguaje"};
  std::string plain;
  // Typographic apostrophes fold to themselves.
  for (std::size_t at = 0; at < folded.size(); ++at) {
    if (folded.compare(at, 3, "\xE2\x80\x99") == 0) {
      plain += '\'';
      at += 2;
    } else {
      plain += folded[at];
    }
  }
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return plain.find(phrase) != std::string::npos;
  });
}

}  // namespace lar::engine
