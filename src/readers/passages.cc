// Cutting parts into passages for retrieval. Pure functions.
//
// A passage wants to be one thought: big enough to be understood alone, small enough that several
// fit into a prompt. Segments are packed greedily in their order; only a segment that alone is too
// long is cut, at sentence ends.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "readers/reader.h"

namespace lar::readers {
namespace {

using domain::Passage;
using domain::Segment;
using domain::SegmentKind;
using domain::TextPart;

constexpr size_t small_bytes = 300;
constexpr size_t target_bytes = 850;
constexpr size_t most_bytes = 1100;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t'; }

bool ends_in_abbreviation(std::string_view text) {
  // `text` ends before the full stop.
  static constexpr std::array<std::string_view, 32> abbreviations = {
      "sr",  "sra",  "srta", "dr",   "dra", "d",   "dña",  "ud",   "uds",  "núm",   "art",
      "pág", "tel",  "tfno", "avda", "av",  "pza", "ctra", "etc",  "ej",   "mr",    "mrs",
      "ms",  "prof", "no",   "vs",   "inc", "ltd", "st",   "apdo", "dpto", "approx"};
  size_t begin = text.size();
  while (begin > 0 && !is_space(text[begin - 1]) && text[begin - 1] != '(' &&
         text[begin - 1] != '.') {
    --begin;
  }
  const std::string word = base::lower_ascii(text.substr(begin));
  if (word.size() == 1 && word[0] >= 'a' && word[0] <= 'z') return true;
  return std::find(abbreviations.begin(), abbreviations.end(), word) != abbreviations.end();
}

// The last place in (low, high] of `text` where it may be cut, best kind first: after a sentence,
// after a line, after a clause, at a space; else a character boundary at or below `high`. The bytes
// before the place include the sign and not the white space after it.
size_t cut_place(std::string_view text, size_t low, size_t high) {
  size_t line = 0;
  size_t clause = 0;
  size_t space = 0;
  for (size_t at = std::min(high, text.size() - 1); at > low; --at) {
    if (!is_space(text[at])) continue;
    const char before = text[at - 1];
    const bool sign = before == '.' || before == '!' || before == '?' || before == ':' ||
                      text.substr(0, at).ends_with("…");
    if (sign && before != ':') {
      if (before != '.' || !ends_in_abbreviation(text.substr(0, at - 1))) return at;
    }
    if (line == 0 && text[at] == '\n') line = at;
    if (clause == 0 && (before == ';' || before == ':' || before == ',')) clause = at;
    if (space == 0) space = at;
  }
  if (line != 0) return line;
  if (clause != 0) return clause;
  if (space != 0) return space;
  const size_t at = base::cut_utf8(text, high).size();
  return at > 0 ? at : std::min(high, text.size());
}

// Segments that may share a passage: running text, its lists and its headings.
SegmentKind group_of(SegmentKind kind) {
  return kind == SegmentKind::list || kind == SegmentKind::heading ? SegmentKind::text : kind;
}

// A stretch being collected.
struct Stretch {
  SegmentKind kind = SegmentKind::text;
  size_t begin = 0;
  size_t end = 0;
  int page = 0;
  int line = 0;
  std::optional<domain::Box> box;
  bool headings_only = true;
  size_t size() const { return end - begin; }
};

class Cutter {
 public:
  Cutter(const TextPart& part, std::vector<Passage>& passages) : part_(part), passages_(passages) {}

  void add(const Segment& segment) {
    size_t begin = segment.begin;
    size_t end = std::min(segment.end, part_.text.size());
    int line = segment.line;
    while (begin < end && is_space(part_.text[begin])) ++begin;
    while (end > begin && is_space(part_.text[end - 1])) --end;
    if (begin >= end) return;
    const bool heading = segment.kind == SegmentKind::heading;
    // A heading goes with what follows, a table as much as text; other kinds do not mix.
    const bool led = open_ && open_->headings_only && segment.page == open_->page &&
                     segment.kind == SegmentKind::table;
    if (led) open_->kind = SegmentKind::table;
    if (open_ && (group_of(segment.kind) != open_->kind || segment.page != open_->page)) close();
    if (open_ && heading && !open_->headings_only && open_->size() >= small_bytes) close();
    while (begin < end) {
      const size_t start = open_ ? open_->begin : begin;
      const size_t whole = end - start;
      const bool fits = whole <= most_bytes;
      const bool prefer_cut =
          open_ && !open_->headings_only && open_->size() >= small_bytes && whole > target_bytes;
      if (fits && !prefer_cut) {
        extend(segment, begin, end, line, heading);
        return;
      }
      if (prefer_cut) {
        close();
        continue;
      }
      // What is open is small or only headings: fill it up from this segment, or the segment is
      // too long by itself. Halves of a little more than the limit are balanced.
      const size_t room = most_bytes - std::min(most_bytes / 2, begin - start);
      const size_t left = end - begin;
      size_t want = std::min(room, left);
      if (left < 2 * target_bytes) want = std::min(room, left / 2 + left / 8);
      const std::string_view rest = std::string_view(part_.text).substr(begin, left);
      const size_t place = begin + (want >= left ? left : cut_place(rest, want / 3, want));
      extend(segment, begin, place, line, heading);
      close();
      for (size_t at = begin; at < place && line > 0; ++at) {
        if (part_.text[at] == '\n') ++line;
      }
      begin = place;
      while (begin < end && is_space(part_.text[begin])) {
        if (part_.text[begin] == '\n' && line > 0) ++line;
        ++begin;
      }
    }
  }

  // Ends the part. A last crumb joins the passage before it.
  void finish() {
    if (open_ && open_->size() < small_bytes / 2 && passages_.size() > first_) {
      Passage& last = passages_.back();
      if (last.kind == open_->kind && last.locator.page == open_->page &&
          open_->end - last.locator.begin <= most_bytes + small_bytes / 2 &&
          !heading_between(last.locator.end, open_->end)) {
        last.locator.end = open_->end;
        last.text = part_.text.substr(last.locator.begin, open_->end - last.locator.begin);
        if (open_->box) {
          last.locator.box = last.locator.box ? joined(*last.locator.box, *open_->box) : open_->box;
        }
        open_.reset();
      }
    }
    close();
  }

  void begin_part() { first_ = passages_.size(); }

 private:
  static domain::Box joined(const domain::Box& a, const domain::Box& b) {
    return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
  }

  bool heading_between(size_t begin, size_t end) const {
    return std::any_of(part_.segments.begin(), part_.segments.end(), [&](const Segment& segment) {
      return segment.kind == SegmentKind::heading && segment.begin >= begin && segment.begin < end;
    });
  }

  void extend(const Segment& segment, size_t begin, size_t end, int line, bool heading) {
    if (!open_) {
      open_ = Stretch{group_of(segment.kind), begin, end, segment.page, line, segment.box, heading};
      return;
    }
    open_->end = end;
    open_->headings_only = open_->headings_only && heading;
    if (segment.box) open_->box = open_->box ? joined(*open_->box, *segment.box) : segment.box;
  }

  void close() {
    if (!open_) return;
    Passage passage;
    passage.kind = open_->kind;
    passage.locator = {part_.id, open_->begin, open_->end, open_->page, open_->line, open_->box};
    passage.text = part_.text.substr(open_->begin, open_->end - open_->begin);
    passages_.push_back(std::move(passage));
    open_.reset();
  }

  const TextPart& part_;
  std::vector<Passage>& passages_;
  size_t first_ = 0;
  std::optional<Stretch> open_;
};

}  // namespace

std::vector<Passage> make_passages(const std::vector<TextPart>& parts) {
  std::vector<Passage> passages;
  // Subject and people are searched with every passage of a mail; the header lines make a passage
  // of their own only where there is nothing else.
  const bool only_headers = std::all_of(parts.begin(), parts.end(), [](const TextPart& part) {
    return part.role == domain::PartRole::headers || base::trim(part.text).empty();
  });
  for (const TextPart& part : parts) {
    if (part.role == domain::PartRole::headers && !only_headers) continue;
    Cutter cutter(part, passages);
    cutter.begin_part();
    if (part.segments.empty() && !part.text.empty()) {
      cutter.add({SegmentKind::text, 0, part.text.size(), 0, 0, std::nullopt});
    }
    for (const Segment& segment : part.segments) cutter.add(segment);
    cutter.finish();
  }
  return passages;
}

}  // namespace lar::readers
