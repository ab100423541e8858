// Fuzzes requests with tools in all three forms: any JSON that passed the routes' schemas gives a
// request or an error.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "api/gateway_tools.h"
#include "api/validation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto request = nlohmann::json::parse(text, nullptr, false);
  if (!request.is_object()) return 0;
  constexpr std::array forms = {lar::api::Form::openai, lar::api::Form::responses,
                                lar::api::Form::anthropic};
  constexpr std::array schemas = {"v1_chat_completions", "v1_responses", "v1_messages"};
  const std::size_t chosen = data[0] % forms.size();
  if (!lar::api::validate_request(schemas[chosen], {}, request)) return 0;
  (void)lar::api::concerns_tools(forms[chosen], request);
  (void)lar::api::with_text_form(text);
  const auto body = lar::api::with_schema_for_tools(forms[chosen], text);
  if (body && !nlohmann::json::parse(*body, nullptr, false).is_object()) std::abort();
  if (!body && body.error().code.empty()) std::abort();
  return 0;
}
