// The API for other programs, on the port of `lar serve`: what llama-server speaks (OpenAI's chat
// completions, completions, responses and embeddings, Anthropic's messages, rerank, fill-in-the-
// middle) goes to the engine and back as it is; what is added here is policy: keys, models named by
// role, one line per engine, errors in the form of each API, a journal entry and figures for each
// call. Tool calls are made of schemas (gateway_tools.h) where the engine's own cannot be relied
// on. `lar/assistant` is lar itself as a model. handle() runs on the caller's thread; thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/application.h"
#include "api/client_keys.h"
#include "engine/contract.h"
#include "engine/engine.h"
#include "store/store.h"

namespace lar::api {

struct ClientRequest {
  std::string method;
  std::string path;  // "/v1/chat/completions", without the query
  std::string body;
  std::vector<engine::FormPart> form = {};  // of a multipart request, in the place of the body
  std::string key;  // from `Authorization: Bearer` or `x-api-key`; empty: none
  enum class From { client, owner } from = From::client;  // owner: known already, needs no key
  bool anthropic = false;                                 // by the header `anthropic-version`
  base::Language language = base::Language::english;
  std::stop_token stop;
};

struct ClientHead {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  bool streamed = false;  // the body comes piece by piece; else all of it before end()
};

// Takes one answer.
class ClientAnswer {
 public:
  virtual ~ClientAnswer() = default;
  virtual void head(ClientHead head) = 0;          // once, first
  virtual bool bytes(std::string_view piece) = 0;  // false: nobody listens any more
  virtual void end() = 0;                          // the answer is complete
};

struct GatewayParts {
  engine::Engines& engines;
  store::Store& store;
  ClientKeys& keys;
  // Asks a route of the application: POST /ask for `lar/assistant`.
  std::function<Response(const Request&, const EventSink&)> ask;
  // Holds background work back for as long as what it returns lives.
  std::function<std::shared_ptr<void>()> somebody_waits;
  // What has been measured of a role's engine: how it makes calls where so many tools are offered.
  // Nothing, or no function: it is tried once.
  std::function<std::optional<engine::ToolRoute>(engine::Role, int offered)> tool_route = {};
  // Likewise, where instructions must stand to reach the model.
  std::function<engine::PromptStyle(engine::Role)> prompt_style = {};
};

class Gateway {
 public:
  static std::unique_ptr<Gateway> make(GatewayParts parts);
  virtual ~Gateway() = default;

  static std::vector<RouteName> routes();
  // Whether a path is one of this API's.
  static bool owns(std::string_view path);
  // Whether requests to it may hold pictures or recordings, and so be large.
  static bool takes_media(std::string_view path);
  // A refusal by the server itself, in the form of the path's API.
  static std::string refusal(std::string_view path, bool anthropic, int status,
                             const base::Error& error, base::Language language);

  // Whether a key is somebody's.
  virtual bool knows(std::string_view key) const = 0;
  virtual void handle(const ClientRequest& request, ClientAnswer& answer) = 0;
};

}  // namespace lar::api
