// OpenAPI 3.1 takes JSON Schema as it is, so the files of schemas/ need only be put in their
// places. A file with "face": "clients" describes a route of the API for other programs, which lies
// at the root; the others lie below /api/v1.
#include "api/openapi.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/embedded.h"
#include "base/text.h"

namespace lar::api {
namespace {

using nlohmann::json;

json parameters_of(const json& route, const std::string& path) {
  json parameters = json::array();
  if (path.find("{id}") != std::string::npos) {
    parameters.push_back(
        {{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  if (!route.contains("query")) return parameters;
  const json required = route["query"].value("required", json::array());
  for (const auto& [name, schema] : route["query"]["properties"].items()) {
    const bool needed = std::find(required.begin(), required.end(), name) != required.end();
    parameters.push_back(
        {{"name", name}, {"in", "query"}, {"required", needed}, {"schema", schema}});
  }
  return parameters;
}

json answers_of(const json& route) {
  json content = json::object();
  if (route.contains("response")) content["application/json"]["schema"] = route["response"];
  if (route.contains("events")) {
    json events = json::array();
    for (const auto& [name, schema] : route["events"].items()) {
      json event = schema;
      event["title"] = name;
      events.push_back(std::move(event));
    }
    content["text/event-stream"]["schema"] = {{"oneOf", std::move(events)}};
  }
  if (route.contains("content_type")) {
    content[route["content_type"].get<std::string>()] = json::object();
  }
  json done = {{"description", "The answer."}};
  if (!content.empty()) done["content"] = std::move(content);
  return {{"200", std::move(done)}, {"default", {{"description", "An error, in the API's form."}}}};
}

std::string make() {
  json paths = json::object();
  for (const embedded::File& file : embedded::schemas()) {
    const json route = json::parse(file.bytes, nullptr, false);
    if (!route.is_object() || !route.contains("path")) continue;
    const bool for_clients = route.value("face", "") == "clients";
    const std::string path = (for_clients ? "" : "/api/v1") + route["path"].get<std::string>();
    const std::string name(file.path.substr(0, file.path.rfind('.')));
    json operation = {{"operationId", name},
                      {"summary", route.value("title", "")},
                      {"tags", json::array({for_clients ? "clients" : "lar"})},
                      {"responses", answers_of(route)}};
    if (json parameters = parameters_of(route, path); !parameters.empty()) {
      operation["parameters"] = std::move(parameters);
    }
    if (route.contains("body")) {
      const std::string type = route.value("body_type", "application/json");
      operation["requestBody"] = {{"required", true},
                                  {"content", {{type, {{"schema", route["body"]}}}}}};
    }
    // In OpenAPI an empty list takes away what holds for all.
    if (!route.value("key", true)) operation["security"] = json::array();
    paths[path][base::lower_ascii(route["method"].get<std::string>())] = std::move(operation);
  }
  const json scheme = {{"type", "http"}, {"scheme", "bearer"}};
  return json{{"openapi", "3.1.0"},
              {"info", {{"title", "lar"}, {"version", "1"}}},
              {"components", {{"securitySchemes", {{"key", scheme}}}}},
              {"security", json::array({json{{"key", json::array()}}})},
              {"paths", std::move(paths)}}
      .dump();
}

}  // namespace

const std::string& openapi() {
  static const std::string text = make();
  return text;
}

}  // namespace lar::api
