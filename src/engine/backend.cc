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
#include "engine/contract.h"
#include "engine/fitting.h"
#include "engine/settings.h"
#include "os/file.h"
#include "os/power.h"

namespace lar::engine {
using base::ErrorKind;
using base::fail;
using base::Result;
using std::chrono::milliseconds;
namespace {

constexpr int chat_batch = 512;
// An engine of a role that is asked now and then starts in a second or two.
constexpr std::chrono::minutes seldom_used_limit(30);
// The longest names of sockets: "/rerank.2.sock".
constexpr std::size_t longest_socket_name = 14;

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

// Of a model at an engine program on these devices; what is free of them changes, and is not of it.
std::string fit_key(const EngineOptions& options, const std::string& models_folder,
                    const CatalogueModel& model, const std::vector<Device>& devices) {
  std::string what = contract_key(options, models_folder, model);
  for (const Device& device : devices) {
    what += "\n" + device.name + " " + device.description + " " + std::to_string(device.total);
  }
  return os::sha256(what).substr(0, 32);
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
  return binding.starts_with("unix:") || binding.starts_with("http://") || is_outside(binding);
}

bool is_outside(const std::string& binding) { return binding.starts_with("https://"); }

std::string address_of(const std::string& binding) {
  // The path of a socket may hold any character.
  if (binding.starts_with("unix:")) return binding;
  std::string address = binding.substr(0, binding.find('#'));
  while (address.ends_with('/')) address.pop_back();
  if (address.ends_with("/v1")) address.resize(address.size() - 3);
  return address;
}

std::int64_t memory_left(const EngineOptions& options) {
  return options.memory_bytes > 0 ? options.memory_bytes : os::available_memory();
}

Result<std::vector<Device>> devices_for(const EngineOptions& options) {
  TRY_ASSIGN(const Settings settings, read_settings(options.home));
  return machine_devices(find_server(options.server_program).value_or(""),
                         options.memory_bytes > 0 ? options.memory_bytes : settings.memory_bytes,
                         settings.ask_devices ? AskDevices::always : AskDevices::if_driver);
}

std::optional<Shortage> gpu_shortage(const EngineOptions& options, const Backend& backend) {
  if (!backend.host || backend.plan.gpu_layers == 0) return std::nullopt;
  const auto settings = read_settings(options.home);
  const bool always = settings && settings->ask_devices;
  const std::vector<Device> devices =
      machine_devices(find_server(options.server_program).value_or(""), 0,
                      always ? AskDevices::always : AskDevices::if_driver, Listing::anew);
  for (auto device = devices.begin() + 1; device != devices.end(); ++device) {
    const std::int64_t needed = backend.plan.bytes_in(device->name);
    if (needed > device->free) return Shortage{needed, device->free};
  }
  return std::nullopt;
}

std::optional<Shortage> shortage(const EngineOptions& options, const Backend& backend) {
  const std::int64_t left = memory_left(options);
  if (left > 0 && backend.memory_bytes > left) return Shortage{backend.memory_bytes, left};
  return gpu_shortage(options, backend);
}

Result<std::shared_ptr<Backend>> make_backend(const EngineOptions& options, Models& models,
                                              const std::string& sockets, Role role,
                                              const std::string& binding,
                                              const std::string& socket_name,
                                              std::vector<PlanWish> first) {
  const std::string role_name(name_of(role));
  auto backend = std::make_shared<Backend>();
  backend->binding = binding;
  if (is_address(binding)) {
    EngineAddress address;
    if (binding.starts_with("unix:")) {
      address.unix_socket = binding.substr(5);
      address.url = "http://engine";
    } else {
      address.url = address_of(binding);
      const std::size_t mark = binding.find('#');
      if (mark != std::string::npos) address.model = binding.substr(mark + 1);
    }
    address.of_owner = true;
    if (is_outside(binding)) {
      if (!options.outside) {
        return fail(ErrorKind::permission, "engine.needs_consent", {{"address", address.url}});
      }
      TRY_ASSIGN(OutsideAccess access, options.outside(role, address.url));
      address.policy = std::move(access.policy);
      address.key = std::move(access.key);
    }
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
  TRY_ASSIGN(const Settings settings, read_settings(options.home));
  const bool ranking = role == Role::rerank;
  // Both read a text in one batch and write nothing.
  const bool embedding = role == Role::embed || ranking;
  PlanWish wish;
  wish.role = role;
  wish.model = binding;
  wish.shape = shape_of(gguf);
  const std::string projector =
      !embedding && !model.projector.empty() ? models.folder() + "/" + model.projector : "";
  if (!projector.empty()) {
    std::error_code error;
    const auto size = std::filesystem::file_size(projector, error);
    if (!error) wish.shape.outer_bytes += static_cast<std::int64_t>(size);
  }
  wish.embedding = embedding;
  wish.context = embedding              ? embed_batch
                 : settings.context > 0 ? settings.context
                                        : options.chat_context;
  const std::string expert_stream = settings.expert_stream ? expert_stream_library() : "";
  wish.may_stream = !expert_stream.empty();
  wish.batch =
      embedding ? std::min(embed_batch, wish.shape.context > 0 ? wish.shape.context : embed_batch)
                : chat_batch;
  TRY_ASSIGN(backend->devices, devices_for(options));
  backend->estimated = wish;
  backend->fit_key = fit_key(options, models.folder(), model, backend->devices);
  const Fit fit = kept_fit(options.home, backend->fit_key);
  backend->wish = corrected(wish, fit, backend->devices);
  first.push_back(backend->wish);
  backend->plan = plan_memory(backend->devices, first).engines.back();
  backend->needs_trial = backend->plan.gpu_layers > 0 && !has_started(fit, backend->plan);
  const EnginePlan& memory = backend->plan;
  const int context = memory.context;
  backend->slots = memory.slots;
  backend->context = context;
  backend->memory_bytes = memory.bytes_in(backend->devices.front().name);

  LaunchPlan plan;
  plan.role = role_name;
  TRY_ASSIGN(plan.program, find_server(options.server_program));
  plan.socket = sockets + "/" + socket_name + ".sock";
  plan.log_file = log_file(options, role);
  plan.pid_file = options.home + "/run/" + socket_name + ".json";
  plan.start_limit = options.start_limit;
  // What a question waits for stays ready unless the owner wants its memory back.
  const bool awaited = role == Role::chat || role == Role::embed;
  plan.idle_limit = options.idle_limit.count() > 0 ? options.idle_limit
                    : settings.idle_minutes
                        ? milliseconds(std::chrono::minutes(*settings.idle_minutes))
                    : awaited ? milliseconds(0)
                              : milliseconds(seldom_used_limit);
  const std::string threads =
      std::to_string(options.threads > 0 ? options.threads : usable_cores());
  plan.arguments = {"-m",     file,
                    "--host", plan.socket,
                    "-t",     threads,
                    "-c",     std::to_string(context * backend->slots),
                    "-b",     std::to_string(wish.batch),
                    "-np",    std::to_string(backend->slots)};
  // A warm-up would only delay the first answer: the trial of the grammar or the first call does
  // it.
  plan.optional_arguments = {{"--no-warmup"}, {"--cache-ram", embedding ? "0" : "256"}};
  if (embedding) {
    plan.arguments.insert(plan.arguments.end(), {ranking ? "--reranking" : "--embedding", "-ub",
                                                 std::to_string(wish.batch)});
    if (ranking) {
      // It says by itself how it pools.
    } else if (gguf.pooling.empty() || gguf.pooling == "none") {
      plan.arguments.insert(plan.arguments.end(), {"--pooling", "mean"});
    }
  } else {
    plan.optional_arguments.push_back({"--jinja"});
    if (!projector.empty()) plan.arguments.insert(plan.arguments.end(), {"--mmproj", projector});
    if (options.keep_prompts) {
      const std::string folder = options.home + "/kept";
      TRY(os::make_folders(folder));
      plan.optional_arguments.push_back({"--slot-save-path", folder});
      // Keys and values depend on what numbers they are kept in.
      backend->keep_key =
          contract_key(options, models.folder(), model) + " " + std::string(name_of(memory.kv));
      backend->bytes_a_token = wish.shape.token_bytes;
    }
  }
  if (memory.kv == KvType::q8_0) {
    plan.arguments.insert(plan.arguments.end(), {"-ctk", "q8_0", "-ctv", "q8_0", "-fa", "on"});
  }
  if (memory.gpu_layers > 0) {
    plan.arguments.insert(plan.arguments.end(), {"-ngl", std::to_string(memory.gpu_layers)});
    // What has been planned here need not be guessed at once more.
    plan.optional_arguments.push_back({"-fit", "off"});
  }
  if (memory.cpu_expert_layers > 0) {
    plan.arguments.insert(plan.arguments.end(),
                          {"--n-cpu-moe", std::to_string(memory.cpu_expert_layers)});
  }
  if (memory.streams) {
    // As expert-stream/README.md says; a llama-server with the CPU backend compiled in looks for
    // others only when an option asks for the devices, so this one names no tensor.
    plan.environment = {"GGML_BACKEND_PATH=" + expert_stream, "LLAMA_ARG_OVERRIDE_TENSOR=^$=CPU",
                        "EXPERT_STREAM_BUDGET=" + std::to_string(memory.stream_bytes >> 20) + "M"};
    plan.arguments.emplace_back("--no-repack");
    plan.arguments.insert(plan.arguments.end(), {"-fit", "off"});
  }
  backend->socket = plan.socket;
  backend->client = std::make_unique<EngineClient>(
      EngineAddress{plan.socket, "http://engine", false}, role_name, options.silence_limit);
  backend->host = std::make_unique<EngineHost>(std::move(plan));
  return backend;
}

}  // namespace lar::engine
