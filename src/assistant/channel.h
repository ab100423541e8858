// Where the owner is interrupted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/text.h"

namespace lar::assistant {

struct Notice {
  std::string title;
  std::string text;  // fits a notification
  std::string more;  // instead of `text` where there is room; may be empty
  std::optional<std::int64_t> card;
  base::Language language = base::Language::english;
  bool told = false;  // another channel has told it: a failure need not be tried again
};

class Channel {
 public:
  virtual ~Channel() = default;
  virtual std::string name() const = 0;
  // Whether anybody would see it.
  virtual bool present() const = 0;
  // Without an error the owner is told, or will be by what the channel has put in line.
  virtual base::Status notify(const Notice& notice) = 0;
};
// The desktop's notifications (org.freedesktop.Notifications), through the desktop's own
// notify-send; or the program that $LAR_NOTIFY names, called with title and text.
std::unique_ptr<Channel> desktop_channel();

}  // namespace lar::assistant
