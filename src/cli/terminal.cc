#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace lar::cli {
namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

Terminal::Terminal()
    : output_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      input_is_terminal_(::isatty(STDIN_FILENO) == 1),
      errors_are_terminal_(::isatty(STDERR_FILENO) == 1) {
  const char* kind = std::getenv("TERM");
  const bool dumb = kind == nullptr || std::string_view(kind) == "dumb";
  colours_ = output_is_terminal_ && !dumb && !is_set("NO_COLOR");
  if (dumb) errors_are_terminal_ = false;
}

Terminal::~Terminal() {
  end_progress();
  std::fflush(stdout);
}

size_t Terminal::width() const {
  winsize size{};
  if (!output_is_terminal_ || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) {
    return 80;
  }
  return std::min<size_t>(size.ws_col, 100);
}

std::string Terminal::styled(std::string_view text, Style style) const {
  if (!colours_ || style == Style::plain) return std::string(text);
  const char* code = "";
  switch (style) {
    case Style::plain:
      break;
    case Style::bold:
      code = "1";
      break;
    case Style::dim:
      code = "2";
      break;
    case Style::accent:
      code = "36";
      break;
    case Style::good:
      code = "32";
      break;
    case Style::bad:
      code = "31";
      break;
    case Style::quote:
      code = "1;33";
      break;
  }
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

void Terminal::write(std::string_view text) {
  end_progress();
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (output_is_terminal_) std::fflush(stdout);
}

void Terminal::line(std::string_view text) { write(std::string(text) + "\n"); }

void Terminal::paragraph(std::string_view text, std::string_view indent) {
  const size_t most = width() - std::min(width() - 1, columns(indent));
  std::string out;
  for (const std::string_view row : base::split(text, '\n')) {
    if (!output_is_terminal_) {
      out += std::string(indent) + std::string(row) + "\n";
      continue;
    }
    std::string current;
    size_t used = 0;
    for (const std::string_view word : base::split(row, ' ')) {
      const size_t length = columns(word);
      if (used > 0 && used + 1 + length > most) {
        out += std::string(indent) + current + "\n";
        current.clear();
        used = 0;
      }
      if (used > 0) {
        current += ' ';
        ++used;
      }
      current += word;
      used += length;
    }
    out += std::string(current.empty() ? "" : indent) + current + "\n";
  }
  write(out);
}

void Terminal::error_line(std::string_view text) {
  end_progress();
  std::fflush(stdout);
  std::fprintf(stderr, "lar: %.*s\n", static_cast<int>(text.size()), text.data());
}

void Terminal::progress(std::string_view text) {
  if (!errors_are_terminal_) return;
  const base::Microseconds now = base::steady_now();
  if (progress_shown_ && now - last_progress_ < 100'000) return;
  last_progress_ = now;
  progress_shown_ = true;
  const std::string_view shown = base::cut_utf8(text, width() - 1);
  std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(shown.size()), shown.data());
  std::fflush(stderr);
}

void Terminal::end_progress() {
  if (!progress_shown_) return;
  progress_shown_ = false;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

std::string format_bytes(std::uint64_t bytes, base::Language language) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit > 0 && value < 99.95 ? "%.1f %s" : "%.0f %s", value,
                units[unit]);
  return language == base::Language::spanish ? base::replace_all(text, ".", ",") : text;
}

std::string format_seconds(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

size_t columns(std::string_view utf8) {
  size_t count = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(utf8.data());
  auto left = static_cast<utf8proc_ssize_t>(utf8.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const auto taken = utf8proc_iterate(bytes, left, &point);
    if (taken <= 0) {
      ++bytes;
      --left;
      continue;
    }
    if (point == 0x1b) {  // a colour of our own: up to its m
      while (left > 0 && *bytes != 'm') {
        ++bytes;
        --left;
      }
      if (left > 0) {
        ++bytes;
        --left;
      }
      continue;
    }
    count += static_cast<size_t>(std::max(utf8proc_charwidth(point), 0));
    bytes += taken;
    left -= taken;
  }
  return count;
}

std::string harmless(std::string_view utf8) {
  std::string result;
  for (size_t index = 0; index < utf8.size(); ++index) {
    const auto byte = static_cast<unsigned char>(utf8[index]);
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) continue;
    // C1 controls are C2 80 … C2 9F in UTF-8.
    if (byte == 0xC2 && index + 1 < utf8.size() &&
        static_cast<unsigned char>(utf8[index + 1]) < 0xA0) {
      ++index;
      continue;
    }
    // Marks that turn the direction of what follows: U+202A … U+202E, U+2066 … U+2069.
    if (byte == 0xE2 && index + 2 < utf8.size()) {
      const auto second = static_cast<unsigned char>(utf8[index + 1]);
      const auto third = static_cast<unsigned char>(utf8[index + 2]);
      if ((second == 0x80 && third >= 0xAA && third <= 0xAE) ||
          (second == 0x81 && third >= 0xA6 && third <= 0xA9)) {
        index += 2;
        continue;
      }
    }
    result += utf8[index];
  }
  return result;
}

}  // namespace lar::cli
