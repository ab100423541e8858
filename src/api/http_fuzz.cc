// Fuzzes both sockets of the server: whatever is sent, it answers or closes, and goes on serving.
// The first byte says which socket; the rest are the bytes that a client sends before it goes.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "api/application.h"
#include "api/server.h"
#include "os/file.h"

namespace {

class Echo final : public lar::api::Application {
 public:
  bool streams(const lar::api::Request& request) const override {
    return request.path == "/stream";
  }
  lar::api::Response handle(const lar::api::Request& request,
                            const lar::api::EventSink& sink) override {
    if (sink) sink("piece", {{"path", request.path}});
    lar::api::Response response;
    response.body = nlohmann::json{{"path", request.path}, {"query", request.query}}.dump(
        -1, ' ', false, nlohmann::json::error_handler_t::replace);
    return response;
  }
  void shut_down() override {}
};

struct Serving {
  Echo application;
  std::string home;
  std::unique_ptr<lar::api::Server> server;

  Serving() {
    std::array<char, 32> folder{"/tmp/lar-http-fuzz-XXXXXX"};
    if (::mkdtemp(folder.data()) == nullptr) std::abort();
    home = folder.data();
    auto started = lar::api::Server::start(application, {home, 0});
    if (!started) std::abort();
    server = std::move(*started);
  }
  ~Serving() {
    server.reset();
    std::filesystem::remove_all(home);
  }
};

lar::os::Descriptor connected(const Serving& serving, bool tcp) {
  if (tcp) {
    lar::os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(serving.server->port()));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::abort();
    }
    return socket;
  }
  const auto path = lar::api::server_socket(serving.home);
  if (!path) std::abort();
  lar::os::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(address.sun_path), path->path.c_str(), path->path.size() + 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::abort();
  }
  return socket;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Serving serving;
  if (size == 0) return 0;
  const lar::os::Descriptor socket = connected(serving, data[0] % 2 != 0);
  (void)::send(socket.get(), data + 1, size - 1, MSG_NOSIGNAL);
  ::shutdown(socket.get(), SHUT_WR);
  std::array<char, 4096> answer{};
  for (;;) {
    pollfd ready{socket.get(), POLLIN, 0};
    if (::poll(&ready, 1, 10'000) <= 0) std::abort();  // neither an answer nor an end
    if (::recv(socket.get(), answer.data(), answer.size(), 0) <= 0) return 0;
  }
}
