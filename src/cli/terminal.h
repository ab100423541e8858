// What the commands write: plain text to a pipe, colours, wrapped lines and a progress line to a
// terminal. NO_COLOR (no-color.org) and TERM=dumb are respected. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"

namespace lar::cli {

enum class Style { plain, bold, dim, accent, good, bad, quote };

class Terminal {
 public:
  Terminal();
  ~Terminal();

  bool output_is_terminal() const { return output_is_terminal_; }
  bool input_is_terminal() const { return input_is_terminal_; }
  bool errors_are_terminal() const { return errors_are_terminal_; }
  size_t width() const;  // columns to write in, at most 100

  std::string styled(std::string_view text, Style style) const;
  void write(std::string_view text);  // to the standard output, as it is
  void line(std::string_view text = {});
  // Wrapped at words on a terminal, every line indented; a text's own line ends stay.
  void paragraph(std::string_view text, std::string_view indent = {});
  void error_line(std::string_view text);

  // One line on the standard error that is overwritten by the next; nothing where that is no
  // terminal, or oftener than ten times a second.
  void progress(std::string_view text);
  void end_progress();

 private:
  bool output_is_terminal_, input_is_terminal_, errors_are_terminal_, colours_;
  bool progress_shown_ = false;
  base::Microseconds last_progress_ = 0;
};

// "1.2 GB", "340 kB" (powers of 1000), with a comma in Spanish.
std::string format_bytes(std::uint64_t bytes, base::Language language);
// "2 min 5 s".
std::string format_seconds(double seconds);
// Columns a text takes, counting each code point as one but combining and wide ones.
size_t columns(std::string_view utf8);
// Control characters out, so that what strangers wrote cannot drive the terminal.
std::string harmless(std::string_view utf8);

}  // namespace lar::cli
