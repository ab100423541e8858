// Requests against the schema files of schemas/ (JSON Schema draft 7, checked by valijson).
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"

namespace lar::api {

// Checks the query and the body of a route's request; api.invalid_field names the first wrong
// field.
base::Status validate_request(const std::string& route,
                              const std::map<std::string, std::string>& query,
                              const nlohmann::json& body);
// Checks what a route answers (used by tests). A route without such a schema accepts anything.
base::Status validate_response(const std::string& route, const nlohmann::json& response);

}  // namespace lar::api
