// Recording and removing items: the part of the store that turns domain values into rows. prepare()
// does the costly work (hashes, compression, tokens) on the caller's thread; the rest runs in the
// writer's transaction. Internal to the store.
#pragma once

#include <string>
#include <vector>

#include "domain/item.h"
#include "store/blobs.h"
#include "store/store.h"
#include "store/text_index.h"
#include "store/vector_store.h"

namespace lar::store {

struct PreparedPart {
  std::string id, name, media_type, role, text, segments;  // text and segments compressed
};
struct PreparedPassage {
  std::string kind, part_name, locator, text;
  IndexedText index;
};
struct PreparedOccurrence {
  std::string recurrence_id, start, end, summary, location;
  std::int64_t starts = 0, ends = 0;
};
struct PreparedPerson {
  std::string name, address, folded;
  bool is_sender = false;  // of a mail
};

struct Prepared {
  Placement placement;
  std::string external_id, kind, title, language, origin, details, hash, head;
  bool global_id = false;  // the external id is a Message-ID: the same in every source
  std::optional<std::int64_t> starts, ends;
  std::vector<std::string> references;
  std::vector<PreparedPart> parts;
  std::vector<PreparedPassage> passages;
  std::vector<PreparedOccurrence> occurrences;
  std::vector<PreparedPerson> people;
  std::optional<PreparedBlob> blob;
  std::string producer;
  int producer_version = 0;
};

base::Result<Prepared> prepare(const Recording& recording);

// A piece of writing in progress: the transaction and the vectors it touches.
struct Work {
  WriteContext& context;
  const Blobs& blobs;
  VectorChanges vectors;
};

// The blob, if any, must have been kept before.
base::Result<RecordOutcome> record_prepared(Work& work, const Prepared& prepared);
base::Status change_placement(Work& work, const Placement& placement);
// `stored` is the item at `from`; it is changed to what it becomes.
base::Status move_item(Work& work, StoredItem& stored, const Placement& from, const Placement& to);
// Number of items that went with it.
base::Result<std::int64_t> forget_placement(Work& work, const Placement& placement);
base::Result<std::int64_t> forget_source(Work& work, const Id& source);
// Makes the full text again from the passages.
base::Status rebuild_text(Connection& connection);

}  // namespace lar::store
