// Shared building blocks of readers. No state.
#include "readers/building.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace lar::readers {

using domain::Segment;
using domain::SegmentKind;

void PartBuilder::add(SegmentKind kind, std::string_view text, int page, int line,
                      std::optional<domain::Box> box) {
  const std::string clean = base::clean_utf8(base::trim(text));
  if (base::trim(clean).empty()) return;
  if (!part_.text.empty()) {
    const bool close = !part_.segments.empty() && part_.segments.back().kind == kind &&
                       (kind == SegmentKind::list || kind == SegmentKind::table) &&
                       part_.segments.back().page == page;
    part_.text += close ? "\n" : "\n\n";
  }
  const size_t begin = part_.text.size();
  part_.text += clean;
  part_.segments.push_back({kind, begin, part_.text.size(), page, line, box});
}

void PartBuilder::add_table(const std::vector<std::vector<std::string>>& rows, SegmentKind kind,
                            int page, int line, std::optional<domain::Box> box) {
  constexpr size_t chunk_bytes = 800;
  constexpr size_t header_limit = 250;
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string text;
    bool any = false;
    for (size_t index = 0; index < row.size(); ++index) {
      if (index > 0) text += " | ";
      const std::string cell = base::collapse_spaces(row[index]);
      any = any || !cell.empty();
      text += cell;
    }
    if (any) lines.push_back(std::move(text));
  }
  if (lines.empty()) return;
  std::string chunk = lines[0];
  for (size_t index = 1; index < lines.size(); ++index) {
    if (chunk.size() + lines[index].size() > chunk_bytes && chunk.size() > lines[0].size()) {
      add(kind, chunk, page, line, box);
      chunk = lines[0].size() <= header_limit ? lines[0] + "\n" + lines[index] : lines[index];
    } else {
      chunk += "\n" + lines[index];
    }
  }
  add(kind, chunk, page, line, box);
}

domain::TextPart PartBuilder::finish() {
  part_.id = "1";
  return std::move(part_);
}

bool looks_like_list_item(std::string_view line) {
  line = base::trim(line);
  for (const std::string_view mark : {"- ", "* ", "+ ", "• ", "· ", "– ", "▪ "}) {
    if (line.starts_with(mark)) return true;
  }
  size_t digits = 0;
  while (digits < line.size() && line[digits] >= '0' && line[digits] <= '9') ++digits;
  return digits > 0 && digits <= 3 && line.size() > digits + 1 &&
         (line[digits] == '.' || line[digits] == ')') && line[digits + 1] == ' ';
}

std::vector<Segment> plain_segments(std::string_view text) {
  std::vector<Segment> segments;
  size_t position = 0;
  int line_number = 0;
  std::optional<Segment> open;
  const auto close = [&] {
    if (open) segments.push_back(*open);
    open.reset();
  };
  while (position < text.size()) {
    const size_t end = std::min(text.find('\n', position), text.size());
    const std::string_view line = text.substr(position, end - position);
    ++line_number;
    if (base::trim(line).empty()) {
      close();
    } else {
      const bool item = looks_like_list_item(line);
      // A list item begins a segment of its own; a line that goes on after it belongs to it.
      if (open && item && open->kind != SegmentKind::list) close();
      if (!open) {
        open = Segment{item ? SegmentKind::list : SegmentKind::text,
                       position,
                       end,
                       0,
                       line_number,
                       std::nullopt};
      }
      open->end = end;
    }
    position = end + 1;
  }
  close();
  return segments;
}

std::string_view file_name(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view file_stem(std::string_view name) {
  name = file_name(name);
  const size_t dot = name.find_last_of('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

std::string file_extension(std::string_view name) {
  name = file_name(name);
  const size_t dot = name.find_last_of('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  return base::lower_ascii(name.substr(dot + 1));
}

domain::Item document_item(const Input& input) {
  domain::Item item;
  item.kind = domain::ItemKind::document;
  item.external_id = !input.path.empty()   ? input.path
                     : !input.name.empty() ? input.name
                                           : "sha256:" + sha256_hex(input.bytes);
  item.title = base::clean_utf8(file_name(input.name.empty() ? input.path : input.name));
  if (input.modified != 0) item.when = domain::Instant{input.modified, "UTC"};
  return item;
}

void complete(domain::Item& item) {
  // The first few kilobytes tell the language; a whole book adds nothing.
  std::string sample = item.title + "\n";
  for (const domain::TextPart& part : item.parts) {
    if (part.role == domain::PartRole::headers) continue;
    if (part.role == domain::PartRole::event || part.role == domain::PartRole::contact) {
      // Their labels are ours and in both languages; only what the owner wrote counts.
      const size_t notes = part.text.find("Notes: ");
      sample += item.place + "\n";
      if (notes != std::string::npos) sample += base::cut_utf8(part.text.substr(notes + 7), 2048);
      continue;
    }
    sample += base::cut_utf8(part.text, 4096);
    sample += '\n';
    if (sample.size() > 4096) break;
  }
  item.language = base::language_code(base::detect_language(sample, base::Language::english));
  item.passages = make_passages(item.parts);
}

std::string spell_date(const base::Date& date) {
  static constexpr std::array<std::string_view, 7> english_days = {
      "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  static constexpr std::array<std::string_view, 7> spanish_days = {
      "lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"};
  static constexpr std::array<std::string_view, 12> english_months = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  static constexpr std::array<std::string_view, 12> spanish_months = {
      "enero", "febrero", "marzo",      "abril",   "mayo",      "junio",
      "julio", "agosto",  "septiembre", "octubre", "noviembre", "diciembre"};
  const auto day = static_cast<size_t>(base::weekday(date));
  const auto month = static_cast<size_t>(date.month - 1);
  return fmt::format("{} {}, {} {} de {} de {}, {} {} {}", english_days.at(day),
                     base::format_date(date), spanish_days.at(day), date.day,
                     spanish_months.at(month), date.year, date.day, english_months.at(month),
                     date.year);
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  std::string text;
  for (const unsigned char byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace lar::readers
