// See backend.h.
#include "engine/backend.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>
#include <filesystem>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "os/file.h"
#include "os/power.h"

namespace lar::engine {
using base::ErrorKind;
using base::fail;
using base::Result;
namespace {

constexpr int chat_batch = 512;
// The longest names of sockets: "/rerank.2.sock".
constexpr std::size_t longest_socket_name = 14;
// Of the memory that is left, at most this part goes to a second prompt's keys and values.
constexpr int second_slot_share = 8;

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
  return count > 0 ? count : 1;
}

std::string cache_folder() {
  if (const char* named = getenv("LAR_CACHE"); named != nullptr && *named != '\0') return named;
  const char* home = getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.cache/lar";
}

// Keys and values of one token in half floats. Models that do not say how they are made count as
// having none.
std::int64_t bytes_per_token(const GgufFile& gguf) {
  if (gguf.heads == 0) return 0;
  const std::uint64_t heads = gguf.key_value_heads > 0 ? gguf.key_value_heads : gguf.heads;
  return static_cast<std::int64_t>(gguf.layers * heads * (gguf.width / gguf.heads) * 2 * 2);
}

}  // namespace

Result<std::string> find_server(const std::string& named) {
  if (!named.empty()) return named;
  if (const char* owner = getenv("LAR_LLAMA_SERVER"); owner != nullptr && *owner != '\0') {
    if (access(owner, X_OK) == 0) return std::string(owner);
    return fail(ErrorKind::not_found, "engine.missing", {{"path", owner}});
  }
  const std::string built = cache_folder() + "/engine/current/llama-server";
  if (access(built.c_str(), X_OK) == 0) return built;
  const char* path = getenv("PATH");
  for (const auto folder : base::split(path != nullptr ? path : "", ':')) {
    const std::string candidate = std::string(folder) + "/llama-server";
    if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return fail(ErrorKind::not_found, "engine.missing", {{"path", built}});
}

std::string server_identity(const std::string& named) {
  const auto program = find_server(named);
  if (!program) return {};
  std::error_code error;
  const auto resolved = std::filesystem::canonical(*program, error);
  return error ? *program : resolved.string();
}

// A socket's name has 108 bytes with the closing zero (unix(7)); a home too deep for that gets a
// private folder under $XDG_RUNTIME_DIR or /tmp named after it.
Result<std::string> socket_folder(const std::string& home) {
  constexpr std::size_t longest = 107 - longest_socket_name;
  std::string folder = home + "/run";
  if (folder.size() <= longest) return folder;
  const char* runtime = getenv("XDG_RUNTIME_DIR");
  const std::string end =
      "/lar-" + std::to_string(geteuid()) + "-" + os::sha256(home).substr(0, 12);
  folder = std::string(runtime != nullptr && *runtime == '/' ? runtime : "/tmp") + end;
  if (folder.size() > longest) folder = "/tmp" + end;
  mkdir(folder.c_str(), 0700);
  struct stat status{};
  // /tmp is everybody's: a folder somebody else prepared is not taken.
  if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return base::fail_errno(EACCES, folder, "writing");
  }
  return folder;
}

std::string log_file(const EngineOptions& options, Role role) {
  return options.home + "/log/" + std::string(name_of(role)) + ".log";
}

bool is_address(const std::string& binding) {
  return binding.starts_with("unix:") || binding.starts_with("http://");
}

std::int64_t estimate_memory(const GgufFile& gguf, int context, int slots, int batch,
                             bool embedding) {
  const auto rows = static_cast<std::int64_t>(batch);
  // A generating model writes one number for each word of its vocabulary; the rest is some layers'
  // worth of activations.
  std::int64_t computing = rows * 4 * static_cast<std::int64_t>(gguf.width) * 8;
  std::int64_t kept = 0;
  if (!embedding) {
    computing += rows * 4 * static_cast<std::int64_t>(gguf.vocabulary);
    kept = bytes_per_token(gguf) * context * slots;
  }
  constexpr std::int64_t program = 64 << 20;
  return static_cast<std::int64_t>(gguf.file_bytes) + computing + kept + program;
}

std::int64_t memory_left(const EngineOptions& options) {
  return options.memory_bytes > 0 ? options.memory_bytes : os::available_memory();
}

Result<std::shared_ptr<Backend>> make_backend(const EngineOptions& options, Models& models,
                                              const std::string& sockets, Role role,
                                              const std::string& binding,
                                              const std::string& socket_name) {
  const std::string role_name(name_of(role));
  auto backend = std::make_shared<Backend>();
  backend->binding = binding;
  if (is_address(binding)) {
    EngineAddress address;
    if (binding.starts_with("unix:")) {
      address.unix_socket = binding.substr(5);
      address.url = "http://engine";
    } else {
      address.url = binding;
      while (address.url.ends_with('/')) address.url.pop_back();
    }
    address.of_owner = true;
    backend->client =
        std::make_unique<EngineClient>(std::move(address), role_name, options.silence_limit);
    backend->model.name = binding;
    return backend;
  }
  TRY_ASSIGN(backend->model, models.find(binding));
  const CatalogueModel& model = backend->model;
  if (std::find(model.roles.begin(), model.roles.end(), role) == model.roles.end()) {
    return fail(ErrorKind::invalid_input, "model.wrong_role",
                {{"name", binding}, {"role", role_name}});
  }
  if (!model.installed) {
    return fail(ErrorKind::not_found, "model.not_installed", {{"name", binding}});
  }
  const std::string file = models.folder() + "/" + model.file;
  TRY_ASSIGN(const GgufFile gguf, read_gguf(file));
  const bool embedding = role == Role::embed;
  const int trained = gguf.context > 0
                          ? static_cast<int>(std::min<std::uint64_t>(gguf.context, 1u << 24))
                          : options.chat_context;
  const int context = std::min(trained, embedding ? embed_batch : options.chat_context);
  const int batch = embedding ? std::min(context, embed_batch) : chat_batch;
  if (!embedding && bytes_per_token(gguf) * context <= memory_left(options) / second_slot_share) {
    backend->slots = 2;
  }
  backend->context = context;
  backend->memory_bytes = estimate_memory(gguf, context, backend->slots, batch, embedding);

  LaunchPlan plan;
  plan.role = role_name;
  TRY_ASSIGN(plan.program, find_server(options.server_program));
  plan.socket = sockets + "/" + socket_name + ".sock";
  plan.log_file = log_file(options, role);
  plan.pid_file = options.home + "/run/" + socket_name + ".json";
  plan.start_limit = options.start_limit;
  plan.idle_limit = options.idle_limit;
  const std::string threads =
      std::to_string(options.threads > 0 ? options.threads : usable_cores());
  plan.arguments = {"-m",     file,
                    "--host", plan.socket,
                    "-t",     threads,
                    "-c",     std::to_string(context * backend->slots),
                    "-b",     std::to_string(batch),
                    "-np",    std::to_string(backend->slots)};
  // A warm-up would only delay the first answer: the trial of the grammar or the first call does
  // it.
  plan.optional_arguments = {{"--no-warmup"}, {"--cache-ram", embedding ? "0" : "256"}};
  if (embedding) {
    plan.arguments.insert(plan.arguments.end(), {"--embedding", "-ub", std::to_string(batch)});
    if (gguf.pooling.empty() || gguf.pooling == "none") {
      plan.arguments.insert(plan.arguments.end(), {"--pooling", "mean"});
    }
  } else {
    plan.optional_arguments.push_back({"--jinja"});
  }
  backend->socket = plan.socket;
  backend->client = std::make_unique<EngineClient>(
      EngineAddress{plan.socket, "http://engine", false}, role_name, options.silence_limit);
  backend->host = std::make_unique<EngineHost>(std::move(plan));
  return backend;
}

}  // namespace lar::engine
