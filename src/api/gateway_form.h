// The forms in which other programs ask and are answered: one for each family of APIs.
#pragma once

namespace lar::api {

enum class Form { openai, responses, anthropic };

}  // namespace lar::api
