// The cursor of sources that are folders (Maildir, documents): what was stored tells most, so it
// holds only what the store does not know.
#pragma once

#include <string>

#include "sources/files.h"
#include "sources/pipeline.h"

namespace lar::sources {

struct FolderCursor {
  RootState root;
  Skipped skipped;
  Horizon horizon;  // with which events were last expanded

  static FolderCursor parse(const std::string& text, const reading::ReadingService& reading);
  std::string text() const;
};

}  // namespace lar::sources
