// The application: one object that owns the store, the engines, the sources and the flows of a
// home, and answers every route of the web API. Every face (web, terminal, later MCP) goes through
// handle(), so nothing can be reached from one face alone. `lar serve` puts it behind sockets;
// without a running `lar serve` the terminal holds one itself. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace lar::api {

struct ApplicationOptions {
  std::string home;
  std::string models_folder;   // empty: $LAR_MODELS, else the cache
  std::string server_program;  // llama-server; empty: $LAR_LLAMA_SERVER, else the cache's build
  std::string reader_program;  // lar-read; empty: beside the running program
  std::string
      answer_cache;  // folder of engine answers kept by request, for evaluations; empty: none
  enum class Background {
    none,
    watch
  } background = Background::none;  // watch: follow sources, embed
};

struct Request {
  std::string method = "GET";
  std::string path;  // below /api/v1, percent-encoded as in a URL: "/ask", "/items/a%2Fb"
  std::map<std::string, std::string> query;
  std::string body;  // JSON
  base::Language language = base::Language::english;
  std::stop_token stop;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string file_name;  // set: to be saved, not shown
};

// Takes the events of a streaming route; false: nobody listens any more.
using EventSink = std::function<bool(std::string_view name, const nlohmann::json& data)>;

// For descriptions; `path` may hold one {id}.
struct RouteName {
  std::string method, path;
  bool needs_key = true;
};

class Gateway;

class Application {
 public:
  // Errors: store.locked and the others of Store::open, Engines::open.
  static base::Result<std::unique_ptr<Application>> open(ApplicationOptions options);
  virtual ~Application() = default;

  // Whether the route answers by events; those need a sink, and their Response says only the
  // status.
  virtual bool streams(const Request& request) const = 0;
  // Never throws; errors are responses with {"error": {code, params, message}}.
  virtual Response handle(const Request& request, const EventSink& sink) = 0;

  // All there are, below /api/v1.
  virtual std::vector<RouteName> routes() const { return {}; }

  // The API for other programs; none where nothing stands behind it.
  virtual Gateway* gateway() { return nullptr; }

  // Waits until background work has stopped; engines stop too.
  virtual void shut_down() = 0;
};

// $LAR_HOME, else $XDG_DATA_HOME/lar, else ~/.local/share/lar.
std::string default_home();
// $LAR_MODELS, else $LAR_CACHE/models, else ~/.cache/lar/models.
std::string default_models_folder();

// {"error": {code, kind, params, message}} and the HTTP status an error maps to.
nlohmann::json error_json(const base::Error& error, base::Language language);
int http_status(base::ErrorKind kind);

}  // namespace lar::api
