// Long prompts that an engine has read, kept on disk with their keys and values, so that after a
// restart or another conversation they need not be read again. The files are the engine's own
// (llama-server's saved slots); beside each lies a note with what lar must know: for which model
// and engine it holds, the exact tokens of the prompt, size and checksum, whose it is. Nothing in a
// file is believed before its checksum has been compared: a damaged one would give wrong answers.
//
// Folder HOME/kept, 0700; NAME.slot and NAME.json, 0600. They hold what the prompts said, in a form
// that can be turned back into words. One object per home; thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace lar::engine {

class KeptPrompts {
 public:
  explicit KeptPrompts(std::string home);

  const std::string& folder() const { return folder_; }

  struct Match {
    std::string name;
    int tokens = 0;  // how many of the prompt's first tokens it holds
  };
  // The kept prompt that shares the longest beginning with these tokens; nothing where none shares
  // any. `key`: model, engine and the options on which keys and values depend.
  std::optional<Match> longest(const std::string& key, std::span<const int> tokens);

  // Whether the file is what was written; one that is not is removed. Errors: keep.damaged {name}.
  base::Status check(const std::string& name);
  // It served a call: it is among the newest again.
  void used(const std::string& name);
  void remove(const std::string& name);

  // Makes room for a file of about so many bytes, oldest first out, and an empty private file for
  // the engine to write into; gives its name. Errors: keep.too_large {needed, limit} (MB),
  // keep.no_space {path, needed, left} (MB), those of writing.
  base::Result<std::string> prepare(std::int64_t bytes);
  // The engine has written it. Kept prompts of the same key and client that are a beginning of
  // these tokens go. `written`: as the engine says; where the file has another size it was cut
  // short. Errors: keep.cut_short {path}, those of reading and writing.
  base::Status keep(const std::string& name, const std::string& key, const std::string& client,
                    std::vector<int> tokens, std::int64_t written);
  // The engine could not write it.
  void abandon(const std::string& name);

  // As the owner's setting is now: removes what goes beyond it. False where nothing is to be kept.
  bool trim();

  // Removes what is a client's; gives how many.
  int forget(const std::string& client);
  // Removes all.
  int forget_all();

  struct Totals {
    int files = 0;
    std::int64_t bytes = 0;
    std::int64_t limit = 0;
  };
  Totals totals();

 private:
  struct Entry {
    std::string name, key, client;
    std::vector<int> tokens;
    std::int64_t bytes = 0;
    std::uint32_t sum = 0;
    base::Microseconds used = 0;
  };
  void load();
  std::string slot_path(const std::string& name) const { return folder_ + "/" + name + ".slot"; }
  std::string note_path(const std::string& name) const { return folder_ + "/" + name + ".json"; }
  base::Status write_note(const Entry& entry) const;
  std::list<Entry>::iterator find(const std::string& name);
  void erase(std::list<Entry>::iterator entry);
  // The oldest go until so many bytes are left free of the limit.
  void evict(std::int64_t limit, std::int64_t bytes);

  const std::string home_, folder_;
  std::mutex mutex_;
  bool loaded_ = false;
  std::list<Entry> entries_;
};

}  // namespace lar::engine
