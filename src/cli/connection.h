// Where the terminal's requests go: to the `lar serve` of the home if one listens, else to an
// application of this process's own, under the home's lock, whose engines stop with it.
#pragma once

#include <memory>
#include <string>

#include "api/application.h"
#include "base/result.h"

namespace lar::cli {

enum class Where { here, at_the_server };

class Connection {
 public:
  // Errors: those of Application::open; cli.cache_of_server if an answer cache is asked for
  // although a `lar serve` (which has its own) is running.
  static base::Result<std::unique_ptr<Connection>> open(const api::ApplicationOptions& options);
  virtual ~Connection() = default;
  virtual Where where() const = 0;
  // As api::Application::handle: a failure is a response with {"error": …}.
  virtual api::Response handle(const api::Request& request, const api::EventSink& sink) = 0;
};

}  // namespace lar::cli
