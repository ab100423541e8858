// Schemas are parsed once, at first use, and then only read: safe from any thread.
#include "api/validation.h"

// gcc 12 with sanitizers warns inside its own <regex>, which valijson uses.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "base/embedded.h"

namespace lar::api {
namespace {

using nlohmann::json;

struct RouteSchemas {
  std::unique_ptr<valijson::Schema> query, body, response;
};

const std::map<std::string, RouteSchemas, std::less<>>& schemas() {
  static const auto all = [] {
    std::map<std::string, RouteSchemas, std::less<>> result;
    for (const embedded::File& file : embedded::schemas()) {
      const json document = json::parse(file.bytes);
      const auto compile = [&](const char* field) -> std::unique_ptr<valijson::Schema> {
        if (!document.contains(field)) return nullptr;
        auto schema = std::make_unique<valijson::Schema>();
        valijson::SchemaParser parser;
        const json& part = document[field];
        parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(part), *schema);
        return schema;
      };
      std::string name(file.path.substr(0, file.path.rfind('.')));
      result.emplace(std::move(name),
                     RouteSchemas{compile("query"), compile("body"), compile("response")});
    }
    return result;
  }();
  return all;
}

base::Status validate(const valijson::Schema* schema, const json& value, const char* what) {
  if (schema == nullptr) return {};
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(*schema, valijson::adapters::NlohmannJsonAdapter(value), &results)) {
    return {};
  }
  valijson::ValidationResults::Error error;
  std::string field = what, detail = "invalid";
  // The last error is the innermost-first list's outermost; the first names the field.
  if (results.popError(error)) {
    for (const std::string& step : error.context) {
      if (step != "<root>") field += step;
    }
    detail = error.description;
  }
  return base::fail(base::ErrorKind::invalid_input, "api.invalid_field",
                    {{"field", field}, {"detail", detail}});
}

}  // namespace

base::Status validate_request(const std::string& route,
                              const std::map<std::string, std::string>& query, const json& body) {
  const auto found = schemas().find(route);
  if (found == schemas().end()) return {};
  json query_object = json::object();
  for (const auto& [name, value] : query) query_object[name] = value;
  TRY(validate(found->second.query.get(), query_object, "query"));
  return validate(found->second.body.get(), body, "body");
}

base::Status validate_response(const std::string& route, const json& response) {
  const auto found = schemas().find(route);
  if (found == schemas().end()) return {};
  return validate(found->second.response.get(), response, "response");
}

}  // namespace lar::api
