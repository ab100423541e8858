// See engine_client.h. JSON is built and read here only; a body that is not what the protocol says
// becomes engine.bad_answer, never an exception. Engine messages may repeat what was asked, so they
// are not passed on: only their type and status are.
#include "engine/engine_client.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/foreign_json.h"
#include "base/id.h"
#include "net/event_stream.h"

namespace lar::engine {
using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Retry;
using nlohmann::json;
namespace {

constexpr std::size_t longest_refusal = 1u << 20;

template <typename Json>  // json or ordered_json
std::string to_text(const Json& value) {
  // Text may come from anywhere: bytes that are not UTF-8 are replaced, not thrown over.
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

int integer(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return 0;
  const double value = found->get<double>();
  return value > 0 && value < 2e9 ? static_cast<int>(value) : 0;
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Base64 (RFC 4648) of little-endian floats, as OpenAI's encoding_format wants; false if malformed.
bool decode_floats(std::string_view text, std::vector<float>& values) {
  static const std::array<signed char, 256> table = [] {
    std::array<signed char, 256> codes{};
    codes.fill(-1);
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t index = 0; index < alphabet.size(); ++index) {
      codes[static_cast<unsigned char>(alphabet[index])] = static_cast<signed char>(index);
    }
    return codes;
  }();
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char character : text) {
    const signed char code = table[static_cast<unsigned char>(character)];
    if (code < 0) return false;
    bits = (bits << 6) | static_cast<std::uint32_t>(code);
    if (++count == 4) {
      bytes += static_cast<char>(bits >> 16);
      bytes += static_cast<char>(bits >> 8);
      bytes += static_cast<char>(bits);
      count = 0;
    }
  }
  if (count == 1) return false;
  if (count >= 2) bytes += static_cast<char>(bits >> (count == 2 ? 4 : 10));
  if (count == 3) bytes += static_cast<char>(bits >> 2);
  if (bytes.empty() || bytes.size() % sizeof(float) != 0) return false;
  values.resize(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return true;
}

// The candidates for the first token of a chunk; empty where the engine reports none.
std::vector<std::pair<std::string, double>> alternatives_of(const json& choice) {
  std::vector<std::pair<std::string, double>> result;
  const json::json_pointer place("/logprobs/content/0/top_logprobs");
  if (!choice.contains(place) || !choice[place].is_array()) return result;
  for (const json& candidate : choice[place]) {
    const std::string token = text_of(candidate, "token");
    if (const auto logarithm = candidate.find("logprob");
        logarithm != candidate.end() && logarithm->is_number()) {
      result.emplace_back(token, std::exp(logarithm->get<double>()));
    }
  }
  return result;
}

// Fields of llama-server's own, which services of strangers refuse.
enum class Dialect { llama_server, plain };

// Ordered, since a grammar made of a schema keeps the order of its properties.
nlohmann::ordered_json chat_body(const ChatRequest& request,
                                 Dialect dialect = Dialect::llama_server) {
  using nlohmann::ordered_json;
  ordered_json messages = ordered_json::array();
  for (const ChatMessage& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  ordered_json body = {{"messages", std::move(messages)},
                       {"stream", true},
                       {"stream_options", {{"include_usage", true}}},
                       {"max_tokens", request.max_tokens},
                       {"temperature", request.temperature},
                       {"seed", request.seed}};
  if (dialect == Dialect::llama_server) {
    // Keep the prompt, and show life while a long prompt is read.
    body["cache_prompt"] = true;
    body["return_progress"] = true;
    // A typed step has no use for thoughts in front of it.
    body["chat_template_kwargs"] = {{"enable_thinking", false}};
  }
  if (request.alternatives > 0) {
    body["logprobs"] = true;
    body["top_logprobs"] = request.alternatives;
  }
  if (!request.grammar.empty()) {
    body["grammar"] = request.grammar;
  } else if (!request.json_schema.empty()) {
    body["response_format"] = {{"type", "json_schema"},
                               {"json_schema",
                                {{"name", "answer"},
                                 {"strict", true},
                                 {"schema", ordered_json::parse(request.json_schema, nullptr,
                                                                /*allow_exceptions=*/false)}}}};
  }
  return body;
}

}  // namespace

EngineClient::EngineClient(EngineAddress address, std::string role,
                           std::chrono::milliseconds silence_limit)
    : address_(std::move(address)), role_(std::move(role)), silence_limit_(silence_limit) {}

bool Utterance::feed(std::string_view piece) {
  bool said = false;
  for (const char character : piece) {
    if (character == '\n' || character == '\r') {
      line_start_ = true;
      continue;
    }
    if (line_start_) comment_ = character == ':';
    line_start_ = false;
    said = said || !comment_;
  }
  spoken_ = spoken_ || said;
  return said;
}

namespace {

// Whether an engine that goes on sending still says something: comments alone are no sign of life.
class SignsOfLife {
 public:
  SignsOfLife(std::chrono::milliseconds limit, std::function<bool()> works)
      : limit_(std::chrono::microseconds(limit).count()), works_(std::move(works)) {}
  // False: it has said nothing for as long as may be, and does not work either.
  bool hears(std::string_view piece) {
    const bool said = said_.feed(piece);
    const auto now = base::steady_now();
    if (said || limit_ <= 0) {
      last_ = now;
    } else if (now - last_ > limit_) {
      if (!works_()) return false;
      last_ = base::steady_now();
    }
    return true;
  }

 private:
  base::Microseconds limit_;
  std::function<bool()> works_;
  Utterance said_;
  base::Microseconds last_ = base::steady_now();
};

}  // namespace

std::vector<RankedText> ranked_in(const json& answer) {
  std::vector<RankedText> ranked;
  const json results = answer.is_object() ? answer.value("results", json()) : json();
  for (const json& one : results.is_array() ? results : json::array()) {
    const json index = one.is_object() ? one.value("index", json()) : json();
    const json score = one.is_object() ? one.value("relevance_score", json()) : json();
    if (!index.is_number_integer() || !score.is_number()) continue;
    ranked.push_back({index.get<std::int64_t>(), score.get<double>()});
  }
  return ranked;
}

net::HttpRequest EngineClient::request(std::string method, std::string_view path,
                                       std::string body) const {
  net::HttpRequest request;
  request.method = std::move(method);
  request.url = address_.url + std::string(path);
  request.unix_socket = address_.unix_socket;
  if (!body.empty()) request.headers = {{"Content-Type", "application/json"}};
  if (!address_.key.empty())
    request.headers.emplace_back("Authorization", "Bearer " + address_.key);
  request.body = std::move(body);
  request.silence_limit = silence_limit_;
  return request;
}

Error EngineClient::translate(Error error) const {
  if (error.code == "cancelled" || error.code == "net.refused") return error;
  if (error.code == "net.timeout") {
    return hung().value();
  }
  if (error.code == "net.unreachable" || error.code == "net.broken") {
    Error died =
        fail(ErrorKind::unavailable, "engine.died", {{"role", role_}}, Retry::later).value();
    died.context.push_back(error.describe());
    return died;
  }
  return bad_answer(error.code).value();
}

tl::unexpected<Error> EngineClient::hung() const {
  return fail(ErrorKind::timeout, "engine.timeout", {{"role", role_}}, Retry::later);
}

tl::unexpected<Error> EngineClient::bad_answer(std::string detail) const {
  return fail(ErrorKind::unavailable, "engine.bad_answer",
              {{"role", role_}, {"detail", std::move(detail)}});
}

Error EngineClient::refusal(int status, std::string_view body) const {
  const json value = base::foreign_json(body);
  std::string type;
  if (value.is_object() && value.contains("error") && value["error"].is_object()) {
    const json& error = value["error"];
    type = text_of(error, "type");
    // Embedding engines report a text beyond their batch as a plain server error.
    const bool beyond_batch =
        text_of(error, "message").find("too large to process") != std::string::npos;
    if (type == "exceed_context_size_error" || beyond_batch) {
      return fail(ErrorKind::invalid_input, "engine.context_exceeded",
                  {{"role", role_},
                   {"needed", std::to_string(integer(error, "n_prompt_tokens"))},
                   {"limit", std::to_string(integer(error, "n_ctx"))}})
          .value();
    }
  }
  if (status == 503) {
    return fail(ErrorKind::unavailable, "engine.loading", {{"role", role_}}, Retry::later).value();
  }
  return bad_answer("HTTP " + std::to_string(status) + (type.empty() ? "" : " " + type)).value();
}

Health EngineClient::health(std::chrono::milliseconds limit, std::stop_token stop) const {
  net::HttpRequest probe = request("GET", address_.policy ? "/v1/models" : "/health", "");
  probe.deadline = limit;
  const net::HttpClient http(policy());
  auto response = http.send(probe, stop);
  if (!response) {
    return response.error().code == "net.unreachable" ? Health::unreachable : Health::loading;
  }
  if (response->status == 404) {  // an engine without that route: does it know its models?
    probe.url = address_.url + "/v1/models";
    response = http.send(probe, stop);
    if (!response) return Health::loading;
  }
  // A service may keep its list to itself; the trial that follows tells more.
  const bool there = response->status == 200 || (address_.policy && response->status < 500);
  return there ? Health::ready : Health::loading;
}

const net::ConnectionPolicy& EngineClient::policy() const {
  return address_.policy ? *address_.policy : net::local_only();
}

std::string EngineClient::model(std::stop_token stop) const {
  if (!address_.of_owner) return {};
  if (!address_.model.empty()) return address_.model;
  constexpr std::chrono::seconds kept{30};
  const std::lock_guard lock(model_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (!model_asked_ || now - *model_asked_ > kept) {
    if (const auto told = properties(stop)) model_ = told->model;
    model_asked_ = now;
  }
  return model_;
}

Result<EngineProperties> EngineClient::properties(std::stop_token stop) const {
  const net::HttpClient http(policy());
  EngineProperties properties;
  net::HttpRequest ask = request("GET", "/v1/models", "");
  ask.deadline = std::chrono::seconds(10);
  auto response = http.send(ask, stop);
  if (!response) return tl::unexpected<Error>(translate(std::move(response).error()));
  const json models = base::foreign_json(response->body);
  if (models.is_object() && models.contains("data") && models["data"].is_array() &&
      !models["data"].empty() && models["data"][0].is_object()) {
    const json& first = models["data"][0];
    properties.model = text_of(first, "id");
    properties.context = integer(first, "max_model_len");  // vLLM
  }
  if (address_.policy) return properties;
  ask.url = address_.url + "/props";  // llama-server
  response = http.send(ask, stop);
  if (response && response->status == 200) {
    const json props = base::foreign_json(response->body);
    if (props.is_object() && props.contains("default_generation_settings") &&
        props["default_generation_settings"].is_object()) {
      const int context = integer(props["default_generation_settings"], "n_ctx");
      if (context > 0) properties.context = context;
    }
    if (props.is_object()) properties.at_once = integer(props, "total_slots");
  }
  return properties;
}

Result<ChatResult> EngineClient::chat(const ChatRequest& asked,
                                      const std::function<void(std::string_view)>& on_text,
                                      std::stop_token stop, int slot) const {
  const auto begun = base::steady_now();
  const auto since = [&] { return static_cast<double>(base::steady_now() - begun) / 1000.0; };
  ChatResult result;
  std::optional<Error> failure;
  std::string refused;
  bool finished = false;
  net::EventStream events;
  nlohmann::ordered_json body =
      chat_body(asked, address_.policy ? Dialect::plain : Dialect::llama_server);
  if (const std::string name = model(stop); !name.empty()) body["model"] = name;
  if (slot != any_slot) body["id_slot"] = slot;
  const auto take = [&](const net::Event& event) {
    if (event.data == "[DONE]") return false;
    const json chunk = base::foreign_json(event.data);
    if (!chunk.is_object()) {
      failure = bad_answer("stream").value();
      return false;
    }
    if (chunk.contains("error")) {
      failure = refusal(200, event.data);
      return false;
    }
    if (const auto choices = chunk.find("choices"); choices != chunk.end() && choices->is_array() &&
                                                    !choices->empty() &&
                                                    (*choices)[0].is_object()) {
      const json& choice = (*choices)[0];
      if (const auto delta = choice.find("delta"); delta != choice.end() && delta->is_object()) {
        const std::string piece = text_of(*delta, "content");
        if (!piece.empty()) {
          if (result.text.empty()) result.first_token_ms = since();
          result.text += piece;
          if (on_text) on_text(piece);
        }
      }
      if (asked.alternatives > 0 && result.alternatives.empty()) {
        result.alternatives = alternatives_of(choice);
      }
      if (const std::string reason = text_of(choice, "finish_reason"); !reason.empty()) {
        finished = true;
        result.truncated = reason == "length";
      }
    }
    if (const auto usage = chunk.find("usage"); usage != chunk.end() && usage->is_object()) {
      result.prompt_tokens = integer(*usage, "prompt_tokens");
      result.completion_tokens = integer(*usage, "completion_tokens");
      if (usage->contains("prompt_tokens_details") &&
          (*usage)["prompt_tokens_details"].is_object()) {
        result.cached_tokens = integer((*usage)["prompt_tokens_details"], "cached_tokens");
      }
    }
    // llama-server's own counters are exact where usage may leave out what was cached.
    if (const auto timings = chunk.find("timings");
        timings != chunk.end() && timings->is_object()) {
      result.cached_tokens = integer(*timings, "cache_n");
      result.prompt_tokens = integer(*timings, "prompt_n") + result.cached_tokens;
      result.completion_tokens = integer(*timings, "predicted_n");
    }
    return true;
  };
  net::HttpRequest raw = request("POST", "/v1/chat/completions", to_text(body));
  raw.on_silence = [&] { return works(stop); };
  SignsOfLife life(silence_limit_, raw.on_silence);
  const auto response =
      net::HttpClient(policy()).send(raw, stop, [&](int status, std::string_view piece) {
        if (status != 200) {
          refused += piece.substr(0, longest_refusal - refused.size());
          return net::Flow::go_on;
        }
        if (!life.hears(piece)) {
          failure = hung().value();
          return net::Flow::stop;
        }
        bool done = false;
        const auto fed = events.feed(piece, [&](const net::Event& event) {
          done = !take(event);
          return !done;
        });
        if (!fed) failure = bad_answer(fed.error().code).value();
        return done || failure ? net::Flow::stop : net::Flow::go_on;
      });
  if (!response) return tl::unexpected<Error>(translate(std::move(response).error()));
  if (response->status != 200) return tl::unexpected<Error>(refusal(response->status, refused));
  if (failure) return tl::unexpected<Error>(std::move(*failure));
  if (!finished) return bad_answer("stream");
  result.total_ms = since();
  return result;
}

Result<std::optional<std::string>> EngineClient::post(std::string_view path, std::string body,
                                                      std::stop_token stop) const {
  auto response = net::HttpClient(policy()).send(request("POST", path, std::move(body)), stop);
  if (!response) return tl::unexpected<Error>(translate(std::move(response).error()));
  if (response->status == 404 || response->status == 405 || response->status == 501) {
    return std::nullopt;
  }
  if (response->status != 200) {
    return tl::unexpected<Error>(refusal(response->status, response->body));
  }
  return std::move(response->body);
}

std::string EngineClient::body_of(const ChatRequest& asked) { return to_text(chat_body(asked)); }

Result<std::optional<Prompt>> EngineClient::prompt_of(const ChatRequest& asked,
                                                      std::stop_token stop) const {
  return prompt_of(body_of(asked), stop);
}

Result<std::optional<Prompt>> EngineClient::prompt_of(const std::string& body,
                                                      std::stop_token stop) const {
  // Nothing is said to a service but what it is asked for.
  if (address_.policy) return std::nullopt;
  Prompt prompt;
  if (const json given = base::foreign_json(body);
      given.is_object() && !given.contains("messages")) {
    prompt.text = text_of(given, "prompt");
    if (prompt.text.empty()) return std::nullopt;
  } else {
    TRY_ASSIGN(const auto templated, post("/apply-template", body, stop));
    if (!templated) return std::nullopt;
    const json made = base::foreign_json(*templated);
    if (!made.is_object() || text_of(made, "prompt").empty()) return bad_answer("apply-template");
    prompt.text = text_of(made, "prompt");
  }
  // As /completion itself splits a prompt.
  const json ask = {{"content", prompt.text}, {"add_special", true}, {"parse_special", true}};
  TRY_ASSIGN(const auto split, post("/tokenize", to_text(ask), stop));
  if (!split) return std::nullopt;
  const json answer = base::foreign_json(*split);
  if (!answer.is_object() || !answer.contains("tokens") || !answer["tokens"].is_array()) {
    return bad_answer("tokenize");
  }
  for (const json& token : answer["tokens"]) {
    if (!token.is_number_integer()) return bad_answer("tokenize");
    prompt.tokens.push_back(token.get<int>());
  }
  return prompt;
}

Result<EngineClient::Slot> EngineClient::slot(int index, std::stop_token stop) const {
  net::HttpRequest ask = request("GET", "/slots", "");
  const auto response = net::HttpClient(policy()).send(ask, stop);
  if (!response) return tl::unexpected<Error>(translate(response.error()));
  const json slots = base::foreign_json(response->body);
  if (response->status != 200 || !slots.is_array()) return bad_answer("slots");
  for (const json& one : slots) {
    if (!one.is_object() || one.value("id", json()) != index) continue;
    return Slot{integer(one, "n_prompt_tokens")};
  }
  return bad_answer("slots");
}

Result<std::int64_t> EngineClient::save_slot(int index, const std::string& file,
                                             std::stop_token stop) const {
  TRY_ASSIGN(const auto given, post("/slots/" + std::to_string(index) + "?action=save",
                                    to_text(json{{"filename", file}}), stop));
  const json answer = given ? base::foreign_json(*given) : json();
  if (!answer.is_object() || !answer.contains("n_written") ||
      !answer["n_written"].is_number_integer()) {
    return bad_answer("slots");
  }
  return answer["n_written"].get<std::int64_t>();
}

Result<int> EngineClient::restore_slot(int index, const std::string& file,
                                       std::stop_token stop) const {
  TRY_ASSIGN(const auto given, post("/slots/" + std::to_string(index) + "?action=restore",
                                    to_text(json{{"filename", file}}), stop));
  const json answer = given ? base::foreign_json(*given) : json();
  if (!answer.is_object() || integer(answer, "n_restored") == 0) return bad_answer("slots");
  return integer(answer, "n_restored");
}

Result<int> EngineClient::read_beginning(std::span<const int> tokens, int slot,
                                         std::stop_token stop) const {
  json body = {{"prompt", tokens}, {"n_predict", 0}, {"cache_prompt", true}};
  if (slot != any_slot) body["id_slot"] = slot;
  TRY_ASSIGN(const auto given, post("/completion", to_text(body), stop));
  const json answer = given ? base::foreign_json(*given) : json();
  if (!answer.is_object() || !answer.contains("timings") || !answer["timings"].is_object()) {
    return bad_answer("completion");
  }
  return integer(answer["timings"], "prompt_n");
}

base::Status EngineClient::go_on(const ChatRequest& asked, const Prompt& prompt, int slot,
                                 Continuation& so_far, std::stop_token stop) const {
  ChatResult& result = so_far.result;
  const int said = result.completion_tokens;
  nlohmann::ordered_json body = {{"prompt", prompt.text + result.text},
                                 {"n_predict", asked.max_tokens - said},
                                 {"temperature", asked.temperature},
                                 {"seed", asked.seed},
                                 {"cache_prompt", true},
                                 {"stream", true}};
  if (slot != any_slot) body["id_slot"] = slot;
  if (asked.alternatives > 0) body["n_probs"] = asked.alternatives;
  if (!asked.grammar.empty()) {
    body["grammar"] = asked.grammar;
    // Only grammars of this sort are taken up behind a beginning.
    if (!result.text.empty()) body["grammar_type"] = "tool_calls";
  } else if (!asked.json_schema.empty()) {
    body["json_schema"] = nlohmann::ordered_json::parse(asked.json_schema, nullptr, false);
  }
  if (!result.text.empty()) body["generation_prompt"] = result.text;
  int counted = 0;
  so_far.fresh = 0;
  std::optional<Error> failure;
  std::string refused;
  net::EventStream events;
  const auto take = [&](const net::Event& event) {
    if (event.data == "[DONE]") return;
    const json chunk = base::foreign_json(event.data);
    if (!chunk.is_object()) {
      failure = bad_answer("stream").value();
      return;
    }
    if (chunk.contains("error")) {
      failure = refusal(200, event.data);
      return;
    }
    const std::string piece = text_of(chunk, "content");
    if (so_far.first_text_at == 0 && !piece.empty()) so_far.first_text_at = base::steady_now();
    result.text += piece;
    result.completion_tokens =
        std::max(result.completion_tokens, said + integer(chunk, "tokens_predicted"));
    if (const json::json_pointer first("/completion_probabilities/0/top_logprobs");
        result.alternatives.empty() && chunk.contains(first) && chunk[first].is_array()) {
      for (const json& candidate : chunk[first]) {
        if (!candidate.contains("logprob") || !candidate["logprob"].is_number()) continue;
        result.alternatives.emplace_back(text_of(candidate, "token"),
                                         std::exp(candidate["logprob"].get<double>()));
      }
    }
    if (chunk.contains("stop") && chunk["stop"] == true) {
      so_far.finished = true;
      result.truncated = text_of(chunk, "stop_type") == "limit";
      if (chunk.contains("timings") && chunk["timings"].is_object()) {
        // By the engine's count: what it left out is not there.
        so_far.fresh = integer(chunk["timings"], "prompt_n");
        result.cached_tokens = integer(chunk["timings"], "cache_n");
        counted = so_far.fresh + result.cached_tokens - said;
      }
    }
  };
  net::HttpRequest raw = request("POST", "/completion", to_text(body));
  raw.on_silence = [&] { return works(stop); };
  SignsOfLife life(silence_limit_, raw.on_silence);
  const auto response =
      net::HttpClient(policy()).send(raw, stop, [&](int status, std::string_view piece) {
        if (status != 200) {
          refused += piece.substr(0, longest_refusal - refused.size());
          return net::Flow::go_on;
        }
        if (!life.hears(piece)) {
          failure = hung().value();
          return net::Flow::stop;
        }
        const auto fed = events.feed(piece, [&](const net::Event& event) {
          take(event);
          return !failure && !so_far.finished;
        });
        if (!fed) failure = bad_answer(fed.error().code).value();
        return failure || so_far.finished ? net::Flow::stop : net::Flow::go_on;
      });
  if (!response) return tl::unexpected<Error>(translate(response.error()));
  if (response->status != 200) return tl::unexpected<Error>(refusal(response->status, refused));
  if (failure) return tl::unexpected<Error>(std::move(*failure));
  if (!so_far.finished) return bad_answer("stream");
  result.prompt_tokens = counted > 0 ? counted : static_cast<int>(prompt.tokens.size());
  return {};
}

Result<bool> EngineClient::continues(Form form, int slot, std::stop_token stop) const {
  json body = {{"prompt", "x"}, {"n_predict", 4}, {"temperature", 0}};
  if (slot != any_slot) body["id_slot"] = slot;
  std::string_view rest;
  if (form == Form::grammar) {
    body["grammar"] = R"(root ::= "zxqv zxqv" "k")";
    body["grammar_type"] = "tool_calls";
    body["generation_prompt"] = "zxqv zxqv";
    rest = "k";
  } else {
    body["json_schema"] = {{"enum", json::array({"zxqv zxqvk"})}};
    body["generation_prompt"] = "\"zxqv zxqvk";
    rest = "\"";
  }
  const auto given = post("/completion", to_text(body), stop);
  // A refusal says no as well; only a broken call says nothing.
  if (!given && given.error().code != "engine.bad_answer") {
    return tl::unexpected<Error>(given.error());
  }
  const json answer = given && *given ? base::foreign_json(**given) : json();
  return answer.is_object() && text_of(answer, "content") == rest;
}

Result<std::vector<std::vector<float>>> EngineClient::embed(const std::vector<std::string>& texts,
                                                            std::stop_token stop,
                                                            int* tokens) const {
  json body = {{"input", texts}, {"encoding_format", "base64"}};
  if (const std::string name = model(stop); !name.empty()) body["model"] = name;
  const auto response =
      net::HttpClient(policy()).send(request("POST", "/v1/embeddings", to_text(body)), stop);
  if (!response) return tl::unexpected<Error>(translate(response.error()));
  if (response->status != 200) {
    return tl::unexpected<Error>(refusal(response->status, response->body));
  }
  const json answer = base::foreign_json(response->body);
  if (!answer.is_object() || !answer.contains("data") || !answer["data"].is_array() ||
      answer["data"].size() != texts.size()) {
    return bad_answer("embeddings");
  }
  if (tokens != nullptr && answer.contains("usage") && answer["usage"].is_object()) {
    *tokens += integer(answer["usage"], "prompt_tokens");
  }
  std::vector<std::vector<float>> vectors(texts.size());
  for (std::size_t position = 0; position < texts.size(); ++position) {
    const json& row = answer["data"][position];
    if (!row.is_object() || !row.contains("embedding")) return bad_answer("embeddings");
    const std::size_t index =
        row.contains("index") ? static_cast<std::size_t>(integer(row, "index")) : position;
    if (index >= vectors.size() || !vectors[index].empty()) return bad_answer("embeddings");
    const json& embedding = row["embedding"];
    if (embedding.is_string()) {
      if (!decode_floats(embedding.get_ref<const std::string&>(), vectors[index])) {
        return bad_answer("embeddings");
      }
    } else if (embedding.is_array() && !embedding.empty()) {
      for (const json& value : embedding) {
        if (!value.is_number()) return bad_answer("embeddings");
        vectors[index].push_back(value.get<float>());
      }
    } else {
      return bad_answer("embeddings");
    }
  }
  return vectors;
}

namespace {

// In the head of a part a name may hold no quote and no end of a line.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\r' || character == '\n') {
      out += character == '"' ? "%22" : "%20";
    } else {
      out += character;
    }
  }
  return out + "\"";
}

std::string form_text(const std::vector<FormPart>& parts, const std::string& model,
                      const std::string& boundary) {
  std::string text;
  for (const FormPart& part : parts) {
    const bool names_model = part.name == "model";
    if (names_model && model.empty()) continue;
    text += "--" + boundary + "\r\nContent-Disposition: form-data; name=" + in_quotes(part.name);
    if (!part.file_name.empty()) text += "; filename=" + in_quotes(part.file_name);
    if (!part.content_type.empty()) {
      const std::size_t end = part.content_type.find_first_of("\r\n");
      text += "\r\nContent-Type: " + part.content_type.substr(0, end);
    }
    text += "\r\n\r\n" + (names_model ? model : part.value) + "\r\n";
  }
  return text + "--" + boundary + "--\r\n";
}

}  // namespace

base::Status EngineClient::forward(const RawRequest& asked,
                                   const std::function<void(const RawHead&)>& on_head,
                                   const std::function<bool(std::string_view)>& on_bytes,
                                   std::stop_token stop, int slot) const {
  net::HttpRequest raw = request(asked.method, asked.path, asked.body);
  const std::string name = model(stop);
  if (!asked.form.empty()) {
    // No sound or text holds a name that is made anew for each.
    const std::string boundary = "lar-" + base::Id::make().text();
    std::erase_if(raw.headers, [](const auto& header) { return header.first == "Content-Type"; });
    raw.headers.emplace_back("Content-Type", "multipart/form-data; boundary=" + boundary);
    raw.body = form_text(asked.form, name, boundary);
  } else if (!name.empty() && !raw.body.empty()) {
    auto body = base::foreign_ordered_json(raw.body);
    if (body.is_object()) {
      body["model"] = name;
      raw.body = to_text(body);
    }
  }
  // Last, so that it counts whatever the client wrote; the rest of the body stays as it is.
  if (const std::size_t end = raw.body.find_last_of('}'); slot != any_slot && asked.form.empty() &&
                                                          end != std::string::npos &&
                                                          raw.body.find('"') < end) {
    raw.body.insert(end, ",\"id_slot\":" + std::to_string(slot));
  }
  bool told = false;
  raw.on_head = [&](const net::HttpResponse& head) {
    told = true;
    on_head({head.status, std::string(head.header("content-type"))});
  };
  raw.on_silence = [&] {
    if (asked.patience == RawRequest::Patience::while_it_works) return works(stop);
    return health(silence_limit_, stop) == Health::ready;
  };
  SignsOfLife life(silence_limit_, raw.on_silence);
  bool lives = true;
  const auto response = net::HttpClient(policy()).send(raw, stop, [&](int, std::string_view piece) {
    lives = asked.answer == RawRequest::Answer::whole || life.hears(piece);
    return lives && on_bytes(piece) ? net::Flow::go_on : net::Flow::stop;
  });
  if (!lives) return hung();
  if (!response) return tl::unexpected<Error>(translate(response.error()));
  if (!told) on_head({response->status, std::string(response->header("content-type"))});
  return {};
}

bool EngineClient::works(std::stop_token stop) const {
  if (address_.policy) return false;
  net::HttpRequest probe = request("GET", "/slots", "");
  probe.deadline = silence_limit_;
  const auto response = net::HttpClient(policy()).send(probe, stop);
  if (!response || response->status != 200) return false;
  const json slots = base::foreign_json(response->body);
  if (!slots.is_array()) return false;
  return std::any_of(slots.begin(), slots.end(), [](const json& slot) {
    const auto busy = slot.is_object() ? slot.find("is_processing") : slot.end();
    return busy != slot.end() && busy->is_boolean() && busy->get<bool>();
  });
}

Result<int> EngineClient::count_tokens(std::string_view text, std::stop_token stop) const {
  // A service does not say; four bytes a token is what people reckon with.
  if (address_.policy) return static_cast<int>(text.size() / 4 + 1);
  const auto response = net::HttpClient(policy()).send(
      request("POST", "/tokenize", to_text(json{{"content", text}})), stop);
  if (!response) return tl::unexpected<Error>(translate(response.error()));
  if (response->status != 200) {
    return tl::unexpected<Error>(refusal(response->status, response->body));
  }
  const json answer = base::foreign_json(response->body);
  if (!answer.is_object() || !answer.contains("tokens") || !answer["tokens"].is_array()) {
    return bad_answer("tokenize");
  }
  return static_cast<int>(answer["tokens"].size());
}

}  // namespace lar::engine
