// Readers turn bytes into domain items. They do no I/O and know nothing of where the bytes lie:
// they run inside the confined lar-read process. A new format is one file with one Reader and one
// line in registry.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "domain/item.h"

namespace lar::readers {

// Whether a mail's MailDetails are wanted: they cost a second look at HTML beside plain text.
enum class Details { no, yes };

// What the caller knows about the bytes.
struct Input {
  std::string_view bytes;
  std::string name;                      // file name, for the type and the title; may be empty
  std::string media_type;                // if known; wins over the name
  std::string path;                      // relative to its source: external_id of documents
  base::Microseconds modified = 0;       // of the file; 0 = unknown
  std::string owner_zone = "UTC";        // for floating times
  base::Microseconds horizon_begin = 0;  // occurrences are expanded inside [begin, end)
  base::Microseconds horizon_end = 0;
  Details details = Details::no;
  int depth = 0;  // attachments inside attachments; readers stop at 4
};

struct Reader {
  std::string_view name;  // producer, stored with what it made: "mime"
  int version;            // raised when its output changes: items are read again
  std::vector<std::string_view> media_types;
  std::vector<std::string_view> extensions;  // without the dot, lower case
  // Items found. A file that cannot be read at all is an error; one that can in part gives items
  // with notices. Never throws, never reads outside `bytes`.
  base::Result<std::vector<domain::Item>> (*read)(const Input& input);
};

// All readers, in registry.cc.
std::span<const Reader> registry();
// By media type, then extension, then a look at the bytes; null if nothing fits.
const Reader* find_reader(const Input& input);

// Cuts parts into passages along their segments: about 300 to 1,100 bytes, never across parts or
// pages or from one kind of segment to another, at sentence ends where one segment is longer than
// that. Running text, lists and headings count as one kind; a heading goes with what follows it, be
// it text or a table.
std::vector<domain::Passage> make_passages(const std::vector<domain::TextPart>& parts);

}  // namespace lar::readers
