// Tool calls with an engine whose own ones cannot be relied on. Small models write calls as text
// that no server recognises, yet obey a schema; so what a client asks in any of the three APIs
// becomes one chat completion whose answer is bound by a schema, either a text or calls:
//
//   {"text": "…"}        {"tool_calls": [{"name": "…", "arguments": {…}}, …]}
//
// The tools stand in the system text, earlier calls and their results in the conversation.
// gateway_calls.h turns the answer back into the form of the API. Pure; thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/gateway_form.h"
#include "base/result.h"

namespace lar::api {

// Whether a request offers tools, or tells of calls made before. Tools that only the API's own
// maker could run (its web search) are none.
bool concerns_tools(Form form, const nlohmann::json& request);

// The body of POST /v1/chat/completions for the engine, which streams its answer. `request`: as the
// client wrote it, because a grammar keeps the order of a schema's properties. Errors:
// client.bad_tools {field}.
base::Result<std::string> with_schema_for_tools(Form form, std::string_view request);

// A request of Responses whose answer shall have a form (`text.format`) says so where llama-server
// looks for it; any other is given back as it is.
std::string with_text_form(std::string_view request);

// A trial of the engine's own tool calls: a chat completion that any model which makes them answers
// with one. `called`: whether an answer to it did so.
std::string tool_trial();
bool called(std::string_view answer);

}  // namespace lar::api
