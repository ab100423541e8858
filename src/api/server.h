// The HTTP face of the application: the web page and the API on loopback TCP, and the API on the
// unix socket HOME/run/lar.sock for the terminal. TCP needs the home's key (a cookie or a bearer
// token) and a loopback Host header, so that neither other users of the machine nor other web pages
// reach it.
#pragma once

#include <memory>
#include <string>

#include "api/application.h"
#include "base/result.h"
#include "os/file.h"

namespace lar::api {

constexpr int default_port = 7171;

struct ServerOptions {
  std::string home;
  int port = default_port;  // 0: any free one
};

// How HOME/run/lar.sock is reached from this process: by its path, or, where that is longer than a
// socket address can hold, through a descriptor of its folder (which must stay open meanwhile).
struct SocketPath {
  std::string path;
  os::Descriptor folder;
};
base::Result<SocketPath> server_socket(const std::string& home);

class Server {
 public:
  // Binds both sockets. Errors: serve.port_taken {port}, file.*.
  static base::Result<std::unique_ptr<Server>> start(Application& application,
                                                     ServerOptions options);
  virtual ~Server() = default;  // stops accepting, ends streams, joins
  virtual int port() const = 0;
  // The address to open in a browser, with the key.
  virtual std::string address() const = 0;
};

}  // namespace lar::api
