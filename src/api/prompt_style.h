// What becomes of a client's instructions where a model sees none that stand in a message of the
// system (engine::PromptStyle::before_question). Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/gateway_form.h"

namespace lar::api {

// The request with its instructions (messages of system and developer, `instructions` of Responses,
// `system` of Anthropic) in front of the first words of the user. Without instructions, or where
// the request is not of that form: as it is.
std::string with_instructions_before_question(Form form, std::string_view request);

}  // namespace lar::api
