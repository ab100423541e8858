// Which prompt llama-server makes of a request: the chat completion that its own translation of the
// other APIs gives, message for message (tools/server/server-chat.cpp of its source). By it lar
// asks the engine for the tokens of a prompt that is kept on disk; a difference costs nothing but
// that the prompt is read again. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "api/gateway_form.h"

namespace lar::api {

// The body of a chat completion (or, for plain completions, what was given) with the same prompt;
// empty where there is none: images, whose tokens are no words, and what llama-server refuses.
std::string as_chat_completion(Form form, std::string_view request);

// The body of a streamed chat completion in plain OpenAI form, for engines that do not speak the
// API asked, pictures too; empty where there is none.
std::string translated(Form form, std::string_view request);

}  // namespace lar::api
