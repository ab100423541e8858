// See context_policy.h.
#include "api/context_policy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

namespace lar::api {
using base::ErrorKind;
using base::fail;
using base::Result;
using Ordered = nlohmann::ordered_json;
namespace {

// Of each message, for the template around it.
constexpr double message_tokens = 8;
constexpr int answer_share = 4;  // of the context at most this part is held free for the answer

// All that is said in a message, whatever its form.
struct Said {
  std::string text;
  int media = 0;  // pictures and recordings
};

bool is_media(const Ordered& value) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    return text.starts_with("data:") && text.substr(0, 100).find(";base64,") != std::string::npos;
  }
  if (!value.is_object()) return false;
  constexpr std::array types = {"image_url", "image", "input_image", "input_audio"};
  const Ordered type = value.value("type", Ordered());
  return type.is_string() && std::find(types.begin(), types.end(), type) != types.end();
}

void gather(const Ordered& value, Said& said) {
  if (is_media(value)) {
    ++said.media;
  } else if (value.is_string()) {
    said.text += value.get_ref<const std::string&>();
    said.text += '\n';
  } else if (value.is_structured()) {
    for (const Ordered& part : value) gather(part, said);
  }
}

Said said_in(const Ordered& value) {
  Said said;
  gather(value, said);
  return said;
}

bool of_system(const Ordered& message) {
  const Ordered role = message.is_object() ? message.value("role", Ordered()) : Ordered();
  return role == "system" || role == "developer";
}

// Whether a conversation may begin with it: somebody's words, no result of a tool that was called
// in what is left out.
bool begins(const Ordered& message) {
  if (!message.is_object() || message.value("role", Ordered()) != "user") return false;
  const Ordered content = message.value("content", Ordered());
  return !content.is_array() ||
         std::none_of(content.begin(), content.end(), [](const Ordered& part) {
           return part.is_object() && part.value("type", Ordered()) == "tool_result";
         });
}

int answer_tokens(const Ordered& request, int usable) {
  for (const char* name : {"max_tokens", "max_completion_tokens", "max_output_tokens"}) {
    if (const auto found = request.find(name); found != request.end() && found->is_number()) {
      return static_cast<int>(std::clamp(found->get<double>(), 0.0, usable / double{answer_share}));
    }
  }
  return usable / answer_share;
}

}  // namespace

bool may_hold_media(std::string_view request) {
  return request.find("\"image") != std::string_view::npos ||
         request.find("\"input_image") != std::string_view::npos ||
         request.find("\"input_audio") != std::string_view::npos;
}

Result<std::string> fit_conversation(Form form, std::string_view text, const ContextLimits& limits,
                                     const std::function<Result<int>(const std::string&)>& count,
                                     LeftOut& left_out) {
  // No token is shorter than a byte.
  const bool short_text =
      text.size() < static_cast<std::size_t>(std::max(0, limits.usable)) && !may_hold_media(text);
  if (limits.usable <= 0 || short_text) return std::string(text);
  Ordered request = Ordered::parse(text, nullptr, false);
  const char* list = form == Form::responses ? "input" : "messages";
  if (!request.is_object() || !request.contains(list) || !request[list].is_array()) {
    return std::string(text);
  }
  const bool leaves_out = request.value("truncation", Ordered()) == "auto";
  if (!leaves_out && !limits.limited) return std::string(text);
  Ordered around = request;
  around.erase(list);
  const std::string all = said_in(request).text;
  double per_byte = 0;
  if (!all.empty()) {
    TRY_ASSIGN(const int counted, count(all));
    per_byte = counted / static_cast<double>(all.size());
  }
  const double per_medium = std::min(media_tokens, limits.usable / 2);
  const auto cost = [&](const Ordered& part) {
    const Said said = said_in(part);
    return static_cast<double>(said.text.size()) * per_byte + said.media * per_medium +
           message_tokens;
  };
  Ordered& messages = request[list];
  double needed = cost(around);
  for (const Ordered& message : messages) needed += cost(message);
  if (needed <= limits.usable && !leaves_out) return std::string(text);
  const double room = limits.usable - answer_tokens(request, limits.usable);
  std::size_t first = 0;
  while (first < messages.size() && of_system(messages[first])) ++first;
  while (leaves_out && needed > room) {
    // Up to the next message that a conversation may begin with.
    std::size_t next = first + 1;
    while (next < messages.size() && !begins(messages[next])) ++next;
    if (next >= messages.size()) break;
    for (std::size_t at = first; at < next; ++at) {
      const double its = cost(messages[first]);
      needed -= its;
      left_out.tokens += static_cast<int>(std::lround(its));
      ++left_out.messages;
      messages.erase(first);
    }
  }
  if (needed > limits.usable) {
    return fail(ErrorKind::invalid_input, "engine.context_exceeded",
                {{"role", limits.role},
                 {"needed", std::to_string(std::lround(needed))},
                 {"limit", std::to_string(limits.usable)}});
  }
  if (left_out.messages == 0) return std::string(text);
  return request.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

}  // namespace lar::api
