// The answer to a request of gateway_tools.h on its way back: CallReader takes the engine's text
// apart while it comes, CallWriter says it in the form of the client's API, piece by piece or
// whole. One answer each; used by one thread.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/gateway_form.h"

namespace lar::api {

struct AnswerPart {
  enum class Kind {
    text,       // a piece of the answer in text
    call,       // a call begins: the tool's name
    arguments,  // a piece of the last call's arguments, in JSON
    thought,    // a piece of what the model thinks before it answers
  } kind;
  std::string text;
  std::string logprobs =
      {};  // of a piece of text: its tokens as chat completions tell them, in JSON
};

// An engine that did not keep to the schema has answered in text, which is given as it is.
class CallReader {
 public:
  using Sink = std::function<void(const AnswerPart&)>;
  void feed(std::string_view piece, const Sink& sink);
  void end(const Sink& sink);

 private:
  enum class Place {
    before,  // nothing but space has come
    key,     // which of the two it is
    colon,   // between that key and its value
    text,    // inside a string that is the text
    form,    // inside a text that has a form of its own
    calls,   // inside the array of calls
    after,   // all has come, or what comes is of no use
    plain,   // it is no such object
  };
  void take(char character, const Sink& sink);
  void take_key(char character, const Sink& sink);
  void take_text(char character, const Sink& sink);
  void take_form(char character, const Sink& sink);
  void take_call(char character, const Sink& sink);
  void call_character(char character, const Sink& sink);
  void string_ended(const Sink& sink);
  void give(AnswerPart::Kind kind, std::string_view text, const Sink& sink);
  void flush(const Sink& sink);
  void not_ours(const Sink& sink);

  Place place_ = Place::before;
  std::string seen_;       // until it is known what comes
  bool answered_ = false;  // one of the two has come
  AnswerPart::Kind kind_ = AnswerPart::Kind::text;
  std::string ready_;  // a piece of that kind, not yet given
  std::string key_;
  bool in_string_ = false, escaped_ = false;
  std::string string_;       // that is read
  std::string digits_;       // of a \u; begins with 'u'
  unsigned first_half_ = 0;  // of a surrogate pair
  int depth_ = 0;            // inside the array of calls, 1: in a call's object
  int inner_ = 0;            // inside a value that is passed on as it is
  bool key_next_ = false, in_arguments_ = false, named_ = false;
  std::string early_;  // arguments that came before the name
};

struct AnswerUsage {
  long prompt = 0, cached = 0, completion = 0;
  long reasoning = 0;  // of the completion
};

class CallWriter {
 public:
  enum class Delivery { whole, streamed };
  enum class Usage { left_out, told };  // at the end of OpenAI's chat stream
  CallWriter(Form form, std::string model, Delivery delivery, Usage usage);

  // What to send now; empty where the answer comes whole.
  std::string begin();
  std::string take(const AnswerPart& part);
  // The rest, or all. `cut`: the engine stopped at the most tokens it may write.
  std::string end(bool cut, const AnswerUsage& usage);

 private:
  struct CallMade {
    std::string id, name, arguments;
    int item = 0;
  };
  struct Thought {
    int item = 0;
    std::string text;
  };
  std::string chunk(nlohmann::json delta, const char* reason) const;
  std::string event(nlohmann::json data);
  nlohmann::json item_of(std::size_t call, const char* status) const;
  nlohmann::json message_item(const char* status) const;
  nlohmann::json thought_item(std::size_t thought, const char* status) const;
  nlohmann::json response(const char* status) const;
  std::string open_text();
  std::string open_call();
  std::string open_thought();
  std::string take_thought(const std::string& text);
  std::string close();
  std::string whole(bool cut, const AnswerUsage& usage) const;

  const Form form_;
  const std::string model_;
  const Delivery delivery_;
  const Usage usage_;
  const std::string id_;
  const long created_;
  std::string text_;
  int text_item_ = -1;    // its place among the items; -1: there is no text
  std::string logprobs_;  // of its tokens, in JSON, with commas between them
  std::vector<CallMade> calls_;
  std::vector<Thought> thoughts_;  // most models think once
  enum class Open { nothing, text, call, thought } open_ = Open::nothing;
  int item_ = -1;     // place of the block or item that is open or was the last
  int sequence_ = 0;  // of Responses' events
};

}  // namespace lar::api
