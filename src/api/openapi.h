// The description of all routes in the form of OpenAPI 3.1, made of the schema files.
#pragma once

#include <string>

namespace lar::api {

// JSON; made once.
const std::string& openapi();

}  // namespace lar::api
