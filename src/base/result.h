// Result<T>: the return type of everything that can fail for reasons of the world.
//
// An Error carries a stable code and parameters, never a finished sentence: sentences come from
// i18n/en.json and i18n/es.json at the face that shows them (base/messages.h). Parameters may hold
// paths, names of fields and numbers, never private content. Exceptions stay inside the wrappers of
// the third-party libraries that throw them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace lar::base {

// What sort of failure it was; decides exit codes (cli) and HTTP status (api).
enum class ErrorKind {
  invalid_input,   // the caller or a file gave something malformed
  not_found,       // the named thing does not exist
  already_exists,  // the named thing exists already
  permission,      // the system or a rule forbids it
  unavailable,     // a server, device or engine does not answer
  timeout,         // it took longer than its deadline
  cancelled,       // the caller asked to stop
  corrupt,         // stored or received data fails its checks
  no_space,        // disk or memory is exhausted
  busy,            // somebody else holds it
  unsupported,     // well-formed, but not something lar can do
  internal         // our own mistake
};

// Whether the same call may succeed later without anybody changing anything.
enum class Retry { no, later };

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string code;       // key in i18n, e.g. "mbox.truncated"
  Parameters parameters;  // fill the {name} places of the sentence
  Retry retry = Retry::no;
  std::vector<std::string> context;  // what was being done, innermost first; for logs

  // Adds what was being done and gives the error back, for chains.
  Error&& during(std::string what) &&;
  // "code{name=value, …} <- context <- context": for logs and tests, not for people.
  std::string describe() const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// Builds the failing side: `return fail(ErrorKind::not_found, "file.missing", {{"path", path}});`
tl::unexpected<Error> fail(ErrorKind kind, std::string code, Parameters parameters = {},
                           Retry retry = Retry::no);

// The failing side for a system call: kind and code follow from errno ("file.no_space",
// "file.permission", "file.missing", "file.system" …), with {path} and {detail}.
tl::unexpected<Error> fail_errno(int error_number, std::string_view path, std::string_view doing);

}  // namespace lar::base

#define LAR_CONCAT_INNER(a, b) a##b
#define LAR_CONCAT(a, b) LAR_CONCAT_INNER(a, b)

// TRY(call): passes the error up, drops the value.
#define TRY(expression)                                                         \
  do {                                                                          \
    if (auto try_result = (expression); !try_result)                            \
      return tl::unexpected<::lar::base::Error>(std::move(try_result).error()); \
  } while (false)

// TRY_ASSIGN(auto value, call): passes the error up or names the value.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_INNER(LAR_CONCAT(try_result_, __LINE__), declaration, expression)
#define TRY_ASSIGN_INNER(holder, declaration, expression)                            \
  auto holder = (expression);                                                        \
  if (!holder) return tl::unexpected<::lar::base::Error>(std::move(holder).error()); \
  declaration = std::move(*holder)
