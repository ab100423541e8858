// Looks into the bytes of an engine's answer as they pass, whole JSON or an event stream of JSON
// lines: puts the model name the client asked for in the place of the engine's own (which is a path
// of this machine), and reads the token counts. Everything else passes untouched and at once: a key
// comes before its value, so nothing need be held back. One answer each; used by one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lar::api {

class AnswerScanner {
 public:
  // `model`: as the client wrote it.
  explicit AnswerScanner(const std::string& model);

  // The bytes to pass on.
  std::string feed(std::string_view piece);

  // Whether what has come is whole: values that are closed, something rather than nothing.
  bool complete() const;

  // By the engine's own count; 0 where it has told none.
  long tokens_in() const;
  long tokens_cached() const;  // of those
  long tokens_out() const;

 private:
  struct Level {
    enum class Kind { object, array } kind;
    bool key_next;    // of an object: the next string is a key
    std::string key;  // of the value that is read
  };

  void open(Level::Kind kind);
  void string_ended();
  void number_ended();
  bool names_the_model() const;

  const std::string model_;  // as the inside of a JSON string
  std::vector<Level> levels_;
  std::size_t too_deep_ = 0;  // levels beyond those that are kept
  bool in_string_ = false;
  bool escaped_ = false;
  bool is_key_ = false;
  bool replaced_ = false;
  bool any_ = false;    // an object or an array has begun
  std::string text_;    // of the key that is read
  std::string number_;  // that is read

  long prompt_ = 0, cached_ = 0, completion_ = 0;   // "usage"
  long input_ = 0, input_cached_ = 0, output_ = 0;  // Anthropic and Responses
  long timed_prompt_ = 0, timed_cached_ = 0, timed_predicted_ = 0;
};

}  // namespace lar::api
