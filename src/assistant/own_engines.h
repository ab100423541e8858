// Engines for a command that has no home: the best installed model for each role, started on
// demand, with sockets and logs in a folder that goes when they end. One thread.
#pragma once

#include <memory>
#include <string>

#include "assistant/assistant.h"
#include "engine/engine.h"

namespace lar::assistant {

class OwnEngines {
 public:
  // `answer_cache`: a folder for answers (engine/answer_cache.h); empty: none. Errors: those of
  // Engines::open and bind_defaults.
  static base::Result<std::unique_ptr<OwnEngines>> open(const std::string& models_folder,
                                                        const std::string& answer_cache);
  ~OwnEngines();
  OwnEngines(const OwnEngines&) = delete;
  OwnEngines& operator=(const OwnEngines&) = delete;

  // Engines and bound roles for triage().
  TriageOptions options() const;

 private:
  OwnEngines() = default;
  std::string folder_;
  std::unique_ptr<engine::Engines> engines_;
};

}  // namespace lar::assistant
