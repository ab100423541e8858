#include "cli/command.h"

#include <nlohmann/json.hpp>

#include "api/render.h"
#include "base/messages.h"

namespace lar::cli {

using nlohmann::json;

namespace {

int exit_code(base::ErrorKind kind, std::string_view code) {
  if (code.starts_with("role.") || code.starts_with("engine.")) return exit_unavailable;
  switch (kind) {
    case base::ErrorKind::not_found:
      return exit_not_found;
    case base::ErrorKind::unavailable:
    case base::ErrorKind::timeout:
      return exit_unavailable;
    case base::ErrorKind::busy:
      return exit_busy;
    case base::ErrorKind::invalid_input:
    case base::ErrorKind::already_exists:
    case base::ErrorKind::unsupported:
    case base::ErrorKind::corrupt:
      return exit_bad_input;
    case base::ErrorKind::cancelled:
      return exit_interrupted;
    case base::ErrorKind::permission:
    case base::ErrorKind::no_space:
    case base::ErrorKind::internal:
      return exit_other;
  }
  return exit_other;
}

}  // namespace

std::string text_of(const nlohmann::json& value, const char* name) {
  const auto found = value.find(name);
  return found != value.end() && found->is_string() ? harmless(found->get<std::string>()) : "";
}

Command::Command(Options options, Terminal& terminal, Interrupts& interrupts)
    : options_(std::move(options)),
      terminal_(terminal),
      interrupts_(interrupts),
      language_(base::environment_language()) {}

Command::~Command() = default;

std::string Command::say(std::string_view code, const base::Parameters& parameters) const {
  const std::string whole = "cli." + std::string(code);
  return base::message(whole, parameters, language_);
}

std::string Command::say_count(std::string_view code, std::int64_t count) const {
  return say(std::string(code) + (count == 1 ? ".one" : ".other"),
             {{"count", std::to_string(count)}});
}

Connection* Command::connection() {
  if (connection_) return connection_.get();
  api::ApplicationOptions options;
  options.home = options_.home;
  options.answer_cache = options_.answer_cache;
  auto opened = Connection::open(options);
  if (!opened) {
    connection_failure_ = report(opened.error());
    return nullptr;
  }
  connection_ = std::move(*opened);
  return connection_.get();
}

api::Response Command::send(std::string method, std::string path, const std::string& body,
                            const api::EventSink& sink, std::map<std::string, std::string> query) {
  api::Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.query = std::move(query);
  request.body = body;
  request.language = language_;
  request.stop = interrupts_.token();
  return connection_->handle(
      request, sink ? sink : [](std::string_view, const json&) { return true; });
}

std::unique_ptr<json> Command::call(std::string method, std::string path, const json& body,
                                    int& failure, const api::EventSink& sink,
                                    std::map<std::string, std::string> query) {
  if (connection() == nullptr) {
    failure = connection_failure_;
    return nullptr;
  }
  const api::Response response = send(std::move(method), std::move(path),
                                      body.is_null() ? "" : body.dump(), sink, std::move(query));
  auto value = std::make_unique<json>(json::parse(response.body, nullptr, false));
  if (response.status >= 400) {
    failure =
        value->is_object() && value->contains("error") ? report((*value)["error"]) : exit_other;
    return nullptr;
  }
  if (interrupts_.token().stop_requested()) {
    failure = exit_interrupted;
    return nullptr;
  }
  return value;
}

int Command::report(const base::Error& error) {
  const int code = exit_code(error.kind, error.code);
  if (error.kind != base::ErrorKind::cancelled) {
    terminal_.error_line(harmless(base::message(error, language_)));
    if (options_.verbose) terminal_.error_line(harmless(error.describe()));
  }
  return code;
}

int Command::report(const json& error) {
  const auto kind = api::error_kind_from(error.value("kind", "internal"));
  const std::string code = error.value("code", "");
  const int result = exit_code(kind.value_or(base::ErrorKind::internal), code);
  if (kind != base::ErrorKind::cancelled) {
    terminal_.error_line(harmless(error.value("message", code)));
    if (options_.verbose) terminal_.error_line(harmless(error.dump()));
  }
  return result;
}

void Command::print_json(const json& value) {
  terminal_.line(value.dump(2, ' ', false, json::error_handler_t::replace));
}

}  // namespace lar::cli
