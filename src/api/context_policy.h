// What becomes of a client's conversation that goes beyond the context that can be relied on. The
// client decides: with `"truncation": "auto"` (the word of OpenAI's Responses, taken in all forms)
// its oldest messages are left out, and the answer says how many; else it is refused, as clients
// that shorten conversations by themselves expect. Pure; thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/gateway_form.h"
#include "base/result.h"

namespace lar::api {

// What one picture (or recording) is reckoned at, as only its projector can know: the most that
// those of llama.cpp make of one (Qwen's, 4,096; most others make 64 to 1,024). Where that is more
// than half of the context it is half, as a model for pictures can take one and be asked about it.
constexpr int media_tokens = 4096;

// Whether a request may hold pictures or recordings, whose size in bytes says nothing.
bool may_hold_media(std::string_view request);

struct LeftOut {
  int messages = 0;
  int tokens = 0;  // by estimate
};

// `usable`: tokens of prompt and answer; 0: unknown, nothing is done. `limited`: the engine claims
// more than can be relied on, so that what is too long must be refused here. `count`: tokens of a
// text; asked only where the request may be too long, and never about a picture's bytes. Gives the
// request as it fits. Errors: engine.context_exceeded {role, needed, limit}, those of `count`.
struct ContextLimits {
  std::string role;
  int usable = 0;
  bool limited = false;
};
base::Result<std::string> fit_conversation(
    Form form, std::string_view request, const ContextLimits& limits,
    const std::function<base::Result<int>(const std::string&)>& count, LeftOut& left_out);

}  // namespace lar::api
