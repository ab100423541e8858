// Waits on this machine for a browser that comes back with an answer in its address (RFC 8252,
// 7.3): a socket on 127.0.0.1, with a port of the system's choice, for one answer. Of a request
// only the first line is read; whatever else comes in meanwhile is answered 404 and changes
// nothing. One thread.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace lar::net {

class LoopbackRedirect {
 public:
  static base::Result<std::unique_ptr<LoopbackRedirect>> open();
  virtual ~LoopbackRedirect() = default;

  // "http://127.0.0.1:40123/lar"
  virtual std::string address() const = 0;
  // The query of the request that holds `state`, percent-decoded; the browser is shown `page`
  // (HTML). Errors: net.timeout {host}, cancelled.
  virtual base::Result<std::map<std::string, std::string>> wait(const std::string& state,
                                                                const std::string& page,
                                                                std::chrono::seconds limit,
                                                                std::stop_token stop) = 0;
};

}  // namespace lar::net
