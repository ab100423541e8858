// A model made ready to stand behind a role: its launch plan, its process and the client that
// speaks to it. Engines puts backends behind roles and takes them away; a call keeps the one it
// began with. What is written after making is atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/engine_client.h"
#include "engine/engine_host.h"
#include "engine/gguf.h"
#include "engine/memory_plan.h"
#include "engine/models.h"
#include "engine/reading_pace.h"

namespace lar::engine {

struct Backend {
  const std::uint64_t number = next_number();  // no two have the same
  std::string binding;                         // model name or address
  CatalogueModel model;
  std::atomic<int> context = 0;
  std::string socket;
  // Two where lar's own engine has room for two prompts: what a person asks keeps its cache while
  // the background uses the other.
  int slots = 1;
  // Of lar's own engines: what its memory is planned for, by the file alone and by what starts have
  // shown (under the seat's mutex once it stands there), and on which devices.
  PlanWish estimated, wish;
  std::vector<Device> devices;
  EnginePlan plan;
  std::string fit_key;                        // of what starts have shown; see fitting.h
  std::atomic<bool> needs_trial = false;      // uses a GPU as none was seen to start
  std::atomic<std::uint64_t> noted_start{0};  // whose memory has been written down
  std::int64_t memory_bytes = 0;              // of RAM, by the plan; 0: not on our account
  std::unique_ptr<EngineHost> host;           // none for an engine of the owner's
  std::unique_ptr<EngineClient> client;

  // Start number whose obedience to grammars was tried; an engine of the owner's counts as
  // number 1.
  std::atomic<std::uint64_t> tried = 0;
  // Start number for which it is known whether a grammar or a schema is taken up in the middle.
  std::atomic<std::uint64_t> continues_known[2] = {0, 0};
  std::atomic<bool> continues[2] = {false, false};
  ReadingPace pace;                           // of prompts, in pieces as the background reads
  std::atomic<double> embed_speed = 0;        // bytes a second
  std::atomic<std::uint64_t> aside_owner{0};  // whose beginning lies in the background's slot
  std::atomic<int> calls = 0;
  std::atomic<int> at_once = 0;  // calls it works on side by side; 0: not known yet

  // ---- long prompts on disk, see keeping.cc ----
  std::string keep_key;            // on what keys and values depend; empty: nothing is kept
  std::int64_t bytes_a_token = 0;  // of keys and values
  // The last prompt in the slot of people and clients, guarded by its mutex.
  struct LastPrompt {
    std::uint64_t generation = 0;
    std::uint64_t number = 0;  // counts prompts
    std::string body;          // empty: a short one
    std::string client;
    std::vector<int> tokens;  // that lie in the slot; empty: not known
  };
  // The beginning that lar's own prompts share, by the bytes of their requests: once it has been
  // the same a few times over it is no accident of two questions about one passage.
  struct SharedBeginning {
    std::string before, now;  // two prompts that share it
    std::size_t bytes = 0;
    int times = 0;
  };
  std::mutex last_mutex;
  LastPrompt last;
  SharedBeginning own;
  std::uint64_t own_sought = 0;  // for which start the own beginning was looked for on the disk

  static std::uint64_t next_number() {
    static std::atomic<std::uint64_t> last = 0;
    return ++last;
  }
  int slot_for(Urgency urgency) const {
    if (slots < 2) return any_slot;
    return urgency == Urgency::interactive ? 0 : 1;
  }
};

// Tokens of one text for the embedding engine, which reads a text in one batch. Larger batches cost
// memory (TESTBED: 1.4 GB at 2,048) and passages are far shorter.
constexpr int embed_batch = 2048;

// Where engines of a home lie: sockets in HOME/run, or where that is too long for a socket's name,
// in a private folder elsewhere.
base::Result<std::string> socket_folder(const std::string& home);
std::string log_file(const EngineOptions& options, Role role);
bool is_address(const std::string& binding);
// Whether it leads out of this machine.
bool is_outside(const std::string& binding);
// An address without the model behind "#", and without "/v1" at its end.
std::string address_of(const std::string& binding);

// The program to run: named by the caller, by the owner, built by the set-up, or on the PATH.
base::Result<std::string> find_server(const std::string& named);
// The same with links resolved: the folder a set-up's build lies in names source, options and
// processor. Empty where there is none.
std::string server_identity(const std::string& named);

// What a further engine may take beside those that run.
std::int64_t memory_left(const EngineOptions& options);
// Where a backend has no room to start beside what runs.
struct Shortage {
  std::int64_t needed = 0, left = 0;  // bytes
};
// Of a GPU, each by itself; nothing for a backend that uses none. Runs the engine program.
std::optional<Shortage> gpu_shortage(const EngineOptions& options, const Backend& backend);
// Of RAM or a GPU.
std::optional<Shortage> shortage(const EngineOptions& options, const Backend& backend);
// The machine's devices, for the engines of a home.
base::Result<std::vector<Device>> devices_for(const EngineOptions& options);

// Makes a backend; nothing is started. `socket_name`: of its socket and pid file, without ending.
// `first`: engines that get their memory before it.
base::Result<std::shared_ptr<Backend>> make_backend(const EngineOptions& options, Models& models,
                                                    const std::string& sockets, Role role,
                                                    const std::string& binding,
                                                    const std::string& socket_name,
                                                    std::vector<PlanWish> first = {});

}  // namespace lar::engine
