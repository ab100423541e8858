// Files that come from the page: exports of chats, calendars, address books, mailboxes. A file is
// sent in pieces, written beside where it will lie (HOME/uploads/KIND/NAME), tried as the source it
// is meant to be, and only then put in its place: what is wrong or broken off leaves nothing. The
// same name again takes the place of the earlier file, whose source then grows without doubles.
//
// Thread-safe. What was begun is forgotten with the program.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace lar::api {

class Uploads {
 public:
  static constexpr std::uint64_t largest = 512u << 20;
  static constexpr std::size_t largest_piece = 4u << 20;

  // `home`: pieces that an earlier program left there are removed.
  explicit Uploads(const std::string& home);

  struct Begun {
    std::string id;
    std::string name;  // as it will lie there
  };
  // Errors: upload.too_large {limit}, upload.name, upload.empty, file.*.
  base::Result<Begun> begin(const std::string& kind, const std::string& name, std::uint64_t size);

  struct Piece {
    std::uint64_t received = 0;
    // Where the whole file lies once its last piece has come.
    std::string path;
    std::string kind;
    bool replaced = false;  // a file of that name was there
  };
  // Pieces come in order; one that came before is answered as it was. Errors: upload.unknown,
  // upload.order {expected}, upload.broken, those of the source type (nothing was kept then).
  base::Result<Piece> add(const std::string& id, std::uint64_t offset, std::string_view bytes);

  // Removes the file of a source that came this way; others are left alone.
  void forget(const std::string& location);

 private:
  struct Open {
    std::string kind, name, part;
    std::uint64_t size = 0, received = 0;
    base::Microseconds touched = 0;
  };
  base::Status drop(const std::string& id);

  std::string folder_;
  std::mutex mutex_;
  std::map<std::string, Open> open_;
};

}  // namespace lar::api
