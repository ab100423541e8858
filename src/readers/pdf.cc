// PDF through poppler-cpp. Poppler gives words with boxes; rows, columns, paragraphs and tables are
// found here, because what matters for search is that a row of an invoice stays together and that
// two columns of prose do not mix. Boxes are in points from the page's top left corner.
#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-image.h>
#include <poppler-page-renderer.h>
#include <poppler-page.h>

#include <algorithm>
#include <climits>
#include <cmath>
#include <map>
#include <memory>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

using domain::Box;
using domain::SegmentKind;

constexpr int most_pages = 2000;
constexpr int most_looks = 200;  // pages of one document that are drawn to see what is on them
constexpr size_t most_words_on_page = 30'000;
constexpr size_t most_text_bytes = 16u << 20;

std::string utf8_of(const poppler::ustring& text) {
  const poppler::byte_array bytes = text.to_utf8();
  return base::clean_utf8(std::string_view(bytes.data(), bytes.size()));
}

struct PageWord {
  std::string text;
  Box box;
  double size = 0;      // of the font
  bool joined = false;  // no space before the next word
};

// Words that stand side by side without a wide gap.
struct Cell {
  std::string text;
  Box box;
  size_t words = 0;
};

struct Row {
  std::vector<Cell> cells;
  Box box;
  double size = 0;
};

Box joined(const Box& a, const Box& b) {
  return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
}

double height(const Box& box) { return box.y1 - box.y0; }

// Words into rows by their vertical middle, top to bottom, and rows into cells at wide gaps.
std::vector<Row> rows_of(std::vector<PageWord> words) {
  std::stable_sort(words.begin(), words.end(), [](const PageWord& a, const PageWord& b) {
    return a.box.y0 + a.box.y1 < b.box.y0 + b.box.y1;
  });
  std::vector<std::vector<PageWord>> lines;
  double middle = 0;
  double tall = 0;
  for (PageWord& word : words) {
    const double own = (word.box.y0 + word.box.y1) / 2;
    const double reach = 0.5 * std::min(tall, std::max(height(word.box), 1.0));
    if (lines.empty() || own - middle > std::max(reach, 1.0)) {
      lines.emplace_back();
      middle = own;
      tall = std::max(height(word.box), 1.0);
    }
    lines.back().push_back(std::move(word));
  }
  std::vector<Row> rows;
  for (auto& line : lines) {
    std::stable_sort(line.begin(), line.end(),
                     [](const PageWord& a, const PageWord& b) { return a.box.x0 < b.box.x0; });
    Row row;
    bool space = false;
    for (const PageWord& word : line) {
      const double wide = std::max(1.2 * std::max(word.size, height(word.box) * 0.8), 6.0);
      if (row.cells.empty() || word.box.x0 - row.cells.back().box.x1 > wide) {
        row.cells.push_back({word.text, word.box, 1});
      } else {
        Cell& cell = row.cells.back();
        const double gap = word.box.x0 - cell.box.x1;
        if (space || gap > 0.12 * std::max(word.size, 4.0)) cell.text += ' ';
        cell.text += word.text;
        cell.box = joined(cell.box, word.box);
        ++cell.words;
      }
      space = !word.joined;
      row.size = std::max(row.size, word.size > 0 ? word.size : height(word.box));
    }
    row.box = row.cells.front().box;
    for (const Cell& cell : row.cells) row.box = joined(row.box, cell.box);
    rows.push_back(std::move(row));
  }
  return rows;
}

// A vertical strip without words beside which two columns of prose stand.
struct Gutter {
  size_t first = 0;
  size_t last = 0;  // one past
  double x0 = 0;
  double x1 = 0;
};

bool is_filled(std::vector<double> widths) {
  if (widths.empty()) return false;
  std::sort(widths.begin(), widths.end());
  return widths[widths.size() / 2] > 0.8 * widths.back();
}

std::optional<Gutter> find_gutter(const std::vector<Row>& rows) {
  std::optional<Gutter> best;
  size_t best_score = 0;
  for (size_t first = 0; first < rows.size(); ++first) {
    for (size_t gap = 0; gap + 1 < rows[first].cells.size(); ++gap) {
      double x0 = rows[first].cells[gap].box.x1;
      double x1 = rows[first].cells[gap + 1].box.x0;
      size_t both = 0;
      size_t words = 0;
      size_t cells = 0;
      double left_edge = 1e9;
      double right_edge = -1e9;
      std::vector<double> left_widths;
      std::vector<double> right_widths;
      size_t last = first;
      for (; last < rows.size(); ++last) {
        double low = x0;
        double high = x1;
        bool left = false;
        bool right = false;
        bool crossed = false;
        for (const Cell& cell : rows[last].cells) {
          const double middle = (cell.box.x0 + cell.box.x1) / 2;
          if (cell.box.x1 <= high && middle < (x0 + x1) / 2) {
            low = std::max(low, cell.box.x1);
            left = true;
          } else if (cell.box.x0 >= low && middle > (x0 + x1) / 2) {
            high = std::min(high, cell.box.x0);
            right = true;
          } else {
            crossed = true;
          }
        }
        if (crossed || high - low < 8) break;
        x0 = low;
        x1 = high;
        both += left && right ? 1U : 0U;
        for (const Cell& cell : rows[last].cells) {
          (cell.box.x0 < x1 - 0.01 ? left_widths : right_widths)
              .push_back(cell.box.x1 - cell.box.x0);
          words += cell.words;
          ++cells;
          left_edge = std::min(left_edge, cell.box.x0);
          right_edge = std::max(right_edge, cell.box.x1);
        }
      }
      // Prose: both sides wide, several words in a cell, and most lines as long as the longest.
      // Tables have short cells or ragged ones.
      const bool prose = cells > 0 && words >= 4 * cells && both >= 4 && x0 - left_edge > 100 &&
                         right_edge - x1 > 100 && is_filled(left_widths) && is_filled(right_widths);
      if (prose && both > best_score) {
        best_score = both;
        best = Gutter{first, last, x0, x1};
      }
    }
  }
  return best;
}

class PageReader {
 public:
  PageReader(PartBuilder& builder, int page) : builder_(builder), page_(page) {}

  void read(std::vector<PageWord> words) {
    const std::vector<Row> rows = rows_of(std::move(words));
    body_size_ = common_size(rows);
    region(rows, 0);
  }

  const std::string& heading() const { return heading_; }

 private:
  // The size most letters of running text have; tables are often set smaller and do not count.
  static double common_size(const std::vector<Row>& rows) {
    std::map<double, size_t> letters;
    for (const Row& row : rows) {
      if (row.cells.size() == 1) letters[std::round(row.size * 2) / 2] += row.cells[0].text.size();
    }
    const auto most =
        std::max_element(letters.begin(), letters.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == letters.end() ? 0 : most->first;
  }

  void region(const std::vector<Row>& rows, int depth) {
    if (rows.empty()) return;
    // The search for columns looks at pairs of rows: not on absurd pages.
    const auto gutter =
        depth < 4 && rows.size() < 400 ? find_gutter(rows) : std::optional<Gutter>();
    if (!gutter) {
      emit(rows);
      return;
    }
    std::vector<Row> left;
    std::vector<Row> right;
    for (size_t index = gutter->first; index < gutter->last; ++index) {
      Row sides[2];
      for (const Cell& cell : rows[index].cells) {
        Row& side = sides[cell.box.x0 < gutter->x1 - 0.01 ? 0 : 1];
        side.box = side.cells.empty() ? cell.box : joined(side.box, cell.box);
        side.cells.push_back(cell);
        side.size = rows[index].size;
      }
      if (!sides[0].cells.empty()) left.push_back(std::move(sides[0]));
      if (!sides[1].cells.empty()) right.push_back(std::move(sides[1]));
    }
    const auto at = [&](size_t index) { return rows.begin() + static_cast<std::ptrdiff_t>(index); };
    region({rows.begin(), at(gutter->first)}, depth + 1);
    region(left, depth + 1);
    region(right, depth + 1);
    region({at(gutter->last), rows.end()}, depth + 1);
  }

  void emit(const std::vector<Row>& rows) {
    size_t index = 0;
    while (index < rows.size()) {
      if (rows[index].cells.size() >= 2) {
        index = emit_table(rows, index);
      } else {
        index = emit_paragraph(rows, index);
      }
    }
  }

  // Where the cells of `row` stand in `above`, if none is in its first column and each is below
  // one.
  static std::vector<size_t> columns_of(const Row& row, const Row& above) {
    std::vector<size_t> columns;
    if (row.cells.size() >= above.cells.size()) return {};
    for (const Cell& cell : row.cells) {
      size_t column = 0;
      for (size_t at = 1; at < above.cells.size(); ++at) {
        if (std::abs(above.cells[at].box.x0 - cell.box.x0) < 4) column = at;
      }
      if (column == 0) return {};
      columns.push_back(column);
    }
    return columns;
  }

  size_t emit_table(const std::vector<Row>& rows, size_t index) {
    std::vector<std::vector<std::string>> cells;
    Box box = rows[index].box;
    const Row* full = nullptr;  // the last row that began in the first column
    while (index < rows.size()) {
      const Row& row = rows[index];
      if (row.box.y0 - box.y1 > 3 * row.size) break;
      const std::vector<size_t> columns =
          full == nullptr ? std::vector<size_t>() : columns_of(row, *full);
      if (!columns.empty()) {
        // A second line inside cells of the row above.
        for (size_t at = 0; at < columns.size(); ++at) {
          cells.back()[columns[at]] += " " + row.cells[at].text;
        }
      } else if (row.cells.size() >= 2) {
        cells.emplace_back();
        for (const Cell& cell : row.cells) cells.back().push_back(cell.text);
        full = &row;
      } else {
        break;
      }
      box = joined(box, row.box);
      ++index;
    }
    builder_.add_table(cells, SegmentKind::table, page_, 0, box);
    return index;
  }

  size_t emit_paragraph(const std::vector<Row>& rows, size_t index) {
    const Row& first = rows[index];
    std::string text;
    Box box = first.box;
    const bool large = body_size_ > 0 && first.size > 1.1 * body_size_;
    const bool list = looks_like_list_item(first.cells[0].text);
    const size_t begin = index;
    while (index < rows.size() && rows[index].cells.size() == 1) {
      const Row& row = rows[index];
      if (index > begin) {
        const Row& before = rows[index - 1];
        const double gap = row.box.y0 - before.box.y1;
        if (gap > 0.75 * std::max(row.size, 4.0)) break;
        if (std::abs(row.size - first.size) > 0.1 * first.size) break;
        if (looks_like_list_item(row.cells[0].text)) break;
        if (list && row.box.x0 < first.box.x0 - 2) break;
        // An indented first line or a much shorter line before ends a paragraph.
        if (!list && row.box.x0 - first.box.x0 > 1.5 * row.size && gap >= 0) break;
      }
      append_line(text, row.cells[0].text);
      box = joined(box, row.box);
      ++index;
    }
    // Headings are short and no sentences.
    const bool title = large && !list && text.size() < 150 && !text.ends_with('.');
    if (title && heading_.empty()) heading_ = text;
    const SegmentKind kind = is_page_number(text) ? SegmentKind::boilerplate
                             : title              ? SegmentKind::heading
                             : list               ? SegmentKind::list
                                                  : SegmentKind::text;
    builder_.add(kind, text, page_, 0, box);
    return index;
  }

  // "3", "3 / 12", "- 3 -", "Página 3 de 12", "Page 3 of 12".
  static bool is_page_number(std::string_view text) {
    const std::string lower = base::lower_ascii(base::collapse_spaces(text));
    if (lower.size() > 24) return false;
    std::string words;
    bool digit = false;
    for (const char c : lower) {
      if (c >= '0' && c <= '9') {
        digit = true;
      } else if (c != ' ' && c != '/' && c != '-' && c != '.') {
        words += c;
      }
    }
    return digit && (words.empty() ? lower.size() <= 9
                                   : words == "páginade" || words == "pageof" || words == "page" ||
                                         words == "página" || words == "pág" || words == "págde");
  }

  // Lines of a paragraph are joined; a word cut at the line's end becomes whole again.
  static void append_line(std::string& text, const std::string& line) {
    if (text.empty()) {
      text = line;
      return;
    }
    const bool lower = !line.empty() && ((line[0] >= 'a' && line[0] <= 'z') ||
                                         static_cast<unsigned char>(line[0]) >= 0xC3);
    const bool cut = text.size() > 2 && text.back() == '-' &&
                     ((text[text.size() - 2] >= 'a' && text[text.size() - 2] <= 'z') ||
                      static_cast<unsigned char>(text[text.size() - 2]) >= 0x80);
    if (cut && lower) {
      text.pop_back();
      text += line;
    } else {
      text += "\n" + line;
    }
  }

  PartBuilder& builder_;
  int page_;
  double body_size_ = 0;
  std::string heading_;
};

std::vector<PageWord> words_of(const poppler::page& page) {
  std::vector<PageWord> words;
  for (const poppler::text_box& box : page.text_list(poppler::page::text_list_include_font)) {
    PageWord word;
    word.text = std::string(base::trim(utf8_of(box.text())));
    if (word.text.empty()) continue;
    const poppler::rectf place = box.bbox();
    word.box = {place.left(), place.top(), place.right(), place.bottom()};
    if (!std::isfinite(word.box.x0) || !std::isfinite(word.box.y0) || !std::isfinite(word.box.x1) ||
        !std::isfinite(word.box.y1)) {
      continue;
    }
    word.size = box.has_font_info() ? box.get_font_size() : height(word.box);
    if (!std::isfinite(word.size) || word.size <= 0 || word.size > 1000) {
      word.size = height(word.box);
    }
    word.joined = !box.has_space_after();
    words.push_back(std::move(word));
    if (words.size() >= most_words_on_page) break;
  }
  return words;
}

// What a page looks like when it is drawn small on paper of some brightness.
struct Look {
  double painted = 0;  // share of the page that something covers
  double detail = 0;   // share where the brightness jumps, words left out: writing, photographs
};

constexpr unsigned white_paper = 0xFF;
constexpr unsigned grey_paper = 0x80;  // on which white pictures show too

Look look_at(const poppler::page& page, const std::vector<PageWord>& words, unsigned paper) {
  constexpr int jump = 15;
  const poppler::rectf bounds = page.page_rect();
  const double longest = std::max({bounds.width(), bounds.height(), 1.0});
  if (!std::isfinite(longest)) return {};
  poppler::page_renderer renderer;
  renderer.set_image_format(poppler::image::format_gray8);
  renderer.set_paper_color(0xFF000000U | paper << 16U | paper << 8U | paper);
  const double resolution = std::min(24.0, 72.0 * 400.0 / longest);
  const poppler::image picture = renderer.render_page(&page, resolution, resolution);
  if (!picture.is_valid()) return {1, 1};
  const int width = picture.width();
  const int height = picture.height();
  if (width <= 0 || height <= 0) return {};
  std::vector<bool> is_word(static_cast<size_t>(width) * static_cast<size_t>(height));
  const double scale = resolution / 72.0;
  for (const PageWord& word : words) {
    const auto pixel = [&](double points, int extra, int most) {
      return static_cast<int>(std::clamp(points * scale + extra, 0.0, static_cast<double>(most)));
    };
    for (int y = pixel(word.box.y0, -1, height); y < pixel(word.box.y1, 2, height); ++y) {
      for (int x = pixel(word.box.x0, -1, width); x < pixel(word.box.x1, 2, width); ++x) {
        is_word[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)] =
            true;
      }
    }
  }
  size_t painted = 0;
  size_t detail = 0;
  for (int y = 0; y < height; ++y) {
    const char* row =
        picture.const_data() + static_cast<std::ptrdiff_t>(y) * picture.bytes_per_row();
    int before = -1;
    for (int x = 0; x < width; ++x) {
      const int brightness = static_cast<unsigned char>(row[x]);
      if (std::abs(brightness - static_cast<int>(paper)) > (paper == white_paper ? jump : 1)) {
        ++painted;
      }
      if (is_word[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)]) {
        before = -1;
        continue;
      }
      if (before >= 0 && std::abs(brightness - before) > jump) ++detail;
      before = brightness;
    }
  }
  const double all = static_cast<double>(width) * static_cast<double>(height);
  return {static_cast<double>(painted) / all, static_cast<double>(detail) / all};
}

// A page without words that is not blank is a picture of one.
bool is_drawn(const poppler::page& page) { return look_at(page, {}, white_paper).painted > 0.001; }

// A stamp, a page number or the name of an app on a picture that covers the page. A slide with a
// few words on one colour is no picture.
bool is_mostly_picture(const poppler::page& page, const std::vector<PageWord>& words) {
  constexpr size_t little_text = 200;
  size_t letters = 0;
  for (const PageWord& word : words) letters += word.text.size();
  if (letters >= little_text) return false;
  const Look look = look_at(page, words, grey_paper);
  return look.painted > 0.6 && look.detail > 0.02;
}

// Titles that programs put in without asking say nothing.
bool is_real_title(const std::string& title) {
  const std::string lower = base::lower_ascii(title);
  return title.size() > 2 && !lower.starts_with("microsoft word") && lower != "untitled" &&
         lower.find(".doc") == std::string::npos && lower.find(".indd") == std::string::npos &&
         lower.find(".tex") == std::string::npos;
}

base::Result<std::vector<domain::Item>> read_document(const Input& input) {
  static const bool silenced = [] {
    poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr);
    return true;
  }();
  static_cast<void>(silenced);
  const auto corrupt = [&] {
    return base::fail(base::ErrorKind::corrupt, "pdf.corrupt", {{"name", input.name}});
  };
  if (input.bytes.size() > static_cast<size_t>(INT_MAX)) {
    return base::fail(base::ErrorKind::unsupported, "reading.too_large", {{"name", input.name}});
  }
  const std::unique_ptr<poppler::document> document(poppler::document::load_from_raw_data(
      input.bytes.data(), static_cast<int>(input.bytes.size())));
  if (!document) return corrupt();
  if (document->is_locked()) {
    return base::fail(base::ErrorKind::unsupported, "pdf.encrypted", {{"name", input.name}});
  }
  domain::Item item = document_item(input);
  PartBuilder builder;
  std::string heading;
  const int pages = document->pages();
  if (pages <= 0) return corrupt();
  int unreadable = 0;
  std::vector<int> scanned;
  std::vector<int> partly_scanned;
  int looks = 0;
  for (int index = 0; index < std::min(pages, most_pages); ++index) {
    const std::unique_ptr<poppler::page> page(document->create_page(index));
    if (!page) {
      ++unreadable;
      continue;
    }
    std::vector<PageWord> words = words_of(*page);
    if (words.empty()) {
      if (looks < most_looks && ++looks > 0 && is_drawn(*page)) scanned.push_back(index + 1);
      continue;
    }
    if (looks < most_looks && ++looks > 0 && is_mostly_picture(*page, words)) {
      partly_scanned.push_back(index + 1);
    }
    PageReader reader(builder, index + 1);
    reader.read(std::move(words));
    if (heading.empty()) heading = reader.heading();
    if (builder.size() > most_text_bytes) {
      item.notices.push_back({"reading.cut", {{"name", input.name}}});
      break;
    }
  }
  if (unreadable == pages) return corrupt();
  if (pages > most_pages) item.notices.push_back({"reading.cut", {{"name", input.name}}});
  for (const int page : scanned) {
    item.notices.push_back(
        {"pdf.scanned_page", {{"name", input.name}, {"page", std::to_string(page)}}});
  }
  for (const int page : partly_scanned) {
    item.notices.push_back(
        {"pdf.mostly_scanned_page", {{"name", input.name}, {"page", std::to_string(page)}}});
  }
  const std::string title = base::collapse_spaces(utf8_of(document->get_title()));
  if (is_real_title(title)) {
    item.title = title;
  } else if (!heading.empty()) {
    item.title = base::collapse_spaces(heading);
  }
  domain::TextPart part = builder.finish();
  part.media_type = "application/pdf";
  item.parts.push_back(std::move(part));
  complete(item);
  std::vector<domain::Item> items;
  items.push_back(std::move(item));
  return items;
}

base::Result<std::vector<domain::Item>> read_pdf(const Input& input) {
  try {
    return read_document(input);
  } catch (const std::bad_alloc&) {
    throw;  // lar-read says so and ends
  } catch (const std::exception&) {
    return base::fail(base::ErrorKind::corrupt, "pdf.corrupt", {{"name", input.name}});
  }
}

}  // namespace

Reader pdf_reader() {
  return {"pdf", 2, {"application/pdf", "application/x-pdf"}, {"pdf"}, &read_pdf};
}

}  // namespace lar::readers
