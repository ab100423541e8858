// What was in memory when a model was closed, kept in a small text file so that the next start can
// read it in while nobody asks anything. The file holds names and numbers, never weights: a wrong
// one costs time and cannot make a wrong token. It is still bound to the model it was made with,
// by what lies where in its files and by their first bytes.
#pragma once

#include <string>
#include <vector>

#include "outcome.h"
#include "store.h"

namespace expert_stream {

struct SavedState {
  double tokens_seen = 0;
  std::vector<ExpertStore::Remembered> remembered;
};

// Sizes and heads of the model's files, names and places of their experts, in 16 hexadecimal
// digits (FNV-1a). An error when a file cannot be read.
Outcome<std::string> identity_of(const ExpertStore& store);

// Replaces the file as a whole: after a crash it is the old one or the new one.
Outcome<void> write_state(const std::string& path, const std::string& identity,
                          const SavedState& state);

// An error says why the file is of no use: missing, of another model, damaged.
Outcome<SavedState> read_state(const std::string& path, const std::string& identity);

}  // namespace expert_stream
