// Fuzzes the bodies of requests over the sockets: any JSON to any route is taken or refused by the
// route's schema.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/validation.h"
#include "base/embedded.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto body = nlohmann::json::parse(text, nullptr, false);
  if (body.is_discarded()) return 0;
  const auto schemas = lar::embedded::schemas();
  const std::string_view file = schemas[data[0] % schemas.size()].path;
  const std::string route(file.substr(0, file.rfind('.')));
  std::map<std::string, std::string> query;
  if (body.is_object()) {
    for (const auto& [name, value] : body.items()) {
      if (value.is_string()) query[name] = value.get<std::string>();
    }
  }
  const auto valid = lar::api::validate_request(route, query, body);
  if (!valid && valid.error().code.empty()) std::abort();
  return 0;
}
