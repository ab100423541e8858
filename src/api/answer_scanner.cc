// A JSON reader of one byte at a time that keeps only the keys on the way to where it stands.
#include "api/answer_scanner.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace lar::api {
namespace {

constexpr std::size_t most_levels = 32;
constexpr std::size_t longest_key = 64;
constexpr std::size_t longest_number = 15;

std::string inside_of_string(const std::string& text) {
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

AnswerScanner::AnswerScanner(const std::string& model) : model_(inside_of_string(model)) {}

std::string AnswerScanner::feed(std::string_view piece) {
  std::string out;
  out.reserve(piece.size() + model_.size());
  for (const char character : piece) {
    if (in_string_) {
      const bool ends = character == '"' && !escaped_;
      escaped_ = character == '\\' && !escaped_;
      if (is_key_ && !ends && text_.size() < longest_key) text_ += character;
      if (!replaced_ || ends) out += character;
      if (ends) string_ended();
      // No JSON string holds a bare line end: what came was none. Begin anew with the next line.
      if (character == '\n') {
        levels_.clear();
        too_deep_ = 0;
        in_string_ = is_key_ = replaced_ = escaped_ = false;
      }
      continue;
    }
    const bool in_number = (character >= '0' && character <= '9') || character == '-' ||
                           (!number_.empty() && (character == '.' || character == 'e' ||
                                                 character == 'E' || character == '+'));
    if (!in_number && !number_.empty()) number_ended();
    out += character;
    switch (character) {
      case '{':
        open(Level::Kind::object);
        break;
      case '[':
        open(Level::Kind::array);
        break;
      case '}':
      case ']':
        if (too_deep_ > 0) {
          --too_deep_;
        } else if (!levels_.empty()) {
          levels_.pop_back();
        }
        break;
      case ',':
        if (too_deep_ == 0 && !levels_.empty()) {
          levels_.back().key_next = levels_.back().kind == Level::Kind::object;
        }
        break;
      case '"':
        if (levels_.empty()) break;  // between the lines of an event stream
        in_string_ = true;
        escaped_ = false;
        is_key_ = too_deep_ == 0 && levels_.back().key_next;
        text_.clear();
        replaced_ = !is_key_ && names_the_model();
        if (replaced_) out += model_;
        break;
      default:
        if (in_number && too_deep_ == 0 && !levels_.empty() && !levels_.back().key_next &&
            number_.size() < longest_number) {
          number_ += character;
        }
    }
  }
  return out;
}

bool AnswerScanner::complete() const {
  return any_ && levels_.empty() && too_deep_ == 0 && !in_string_;
}

void AnswerScanner::open(Level::Kind kind) {
  any_ = true;
  if (too_deep_ > 0 || levels_.size() >= most_levels) {
    ++too_deep_;
    return;
  }
  levels_.push_back({kind, kind == Level::Kind::object, {}});
}

void AnswerScanner::string_ended() {
  in_string_ = false;
  replaced_ = false;
  if (!is_key_) return;
  is_key_ = false;
  levels_.back().key = text_;
  levels_.back().key_next = false;
}

// {"model": …}, and one deeper in the first event of Anthropic's and the last of Responses'
// streams. A tool's argument of that name lies deeper.
bool AnswerScanner::names_the_model() const {
  if (too_deep_ > 0 || levels_.size() > 2 || levels_.back().key != "model" ||
      levels_.back().kind != Level::Kind::object) {
    return false;
  }
  return levels_.size() == 1 || levels_[0].key == "message" || levels_[0].key == "response";
}

void AnswerScanner::number_ended() {
  const long value = std::strtol(number_.c_str(), nullptr, 10);
  number_.clear();
  if (levels_.empty() || levels_.back().kind != Level::Kind::object) return;
  const std::string& key = levels_.back().key;
  const std::string parent = levels_.size() > 1 ? levels_[levels_.size() - 2].key : "";
  if (parent == "usage") {
    if (key == "prompt_tokens") prompt_ = value;
    if (key == "completion_tokens") completion_ = value;
    if (key == "cache_read_input_tokens") input_cached_ = value;
    if (key == "output_tokens") output_ = std::max(output_, value);
  }
  if (parent == "prompt_tokens_details" && key == "cached_tokens") cached_ = value;
  if (parent == "timings") {
    if (key == "prompt_n") timed_prompt_ = value;
    if (key == "cache_n") timed_cached_ = value;
    if (key == "predicted_n") timed_predicted_ = value;
  }
  // count_tokens says it without "usage".
  if (key == "input_tokens" && (parent == "usage" || levels_.size() == 1)) input_ = value;
}

long AnswerScanner::tokens_in() const {
  if (prompt_ > 0) return prompt_;
  if (input_ + input_cached_ > 0) return input_ + input_cached_;
  return timed_prompt_ + timed_cached_;
}

long AnswerScanner::tokens_cached() const {
  return std::max({cached_, input_cached_, timed_cached_});
}

long AnswerScanner::tokens_out() const {
  return std::max({completion_, output_, timed_predicted_});
}

}  // namespace lar::api
