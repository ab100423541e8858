// What the model gets to read for a question: hybrid search, then what code knows to look up
// besides — later mails of the same thread, the calendar of the time asked about, the contact of a
// person named.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/query.h"
#include "copilot/copilot.h"
#include "engine/engine.h"
#include "store/store.h"

namespace lar::copilot {

struct Candidate {
  store::Hit hit;
  std::string header;  // "mail, Thursday 7 May 2026, from Dental Sorní to Clara: Cita de Leo"
  std::string undated_header;  // the same without the day
  base::Date written;          // the item's day; resolves relative days in its text
  std::size_t begin = 0;       // the stretch of hit.text that is shown
  std::size_t end = 0;
  int tokens = 0;
  std::string occurs;     // of an event: when, in the owner's zone; of a series only with in_range
  bool in_range = false;  // the days are those in the time asked about, exceptions applied
  std::vector<std::pair<base::Date, std::string>> days;  // the same as days and hours ("17:30", "")
  bool change = false;  // a message that tells of a change, looked for besides the nearest
};

struct Retrieved {
  std::vector<Candidate> passages;  // contacts and documents, then oldest first
  std::vector<CutPassage> cut;
  std::vector<float> vector;  // of the question; empty without an embedding model
  std::string space;          // that it belongs to
  float best_similarity = 0;  // cosine of the question to the nearest passage; 0 without vectors
};

base::Result<Retrieved> retrieve(store::Store& store, engine::Engines& engines,
                                 const agent::Query& query, const std::string& earlier_question,
                                 const Budget& budget, std::stop_token stop);

// About how many tokens a text of either language takes.
int estimate_tokens(std::string_view text);

}  // namespace lar::copilot
