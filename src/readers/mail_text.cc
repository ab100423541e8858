// Quoted text, signatures and legal footers of mail bodies. They are marked, not removed: a
// citation may still point into them, but search ranks them below what the writer said. Pure
// functions.
//
// A forwarded message is the content of its mail, so below its header block text counts as text.
#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

using domain::Segment;
using domain::SegmentKind;

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> needles) {
  return std::any_of(needles.begin(), needles.end(), [&](std::string_view needle) {
    return text.find(needle) != std::string_view::npos;
  });
}

// "On Mon, 3 June 2026 at 10:00, Ana wrote:", "El lun, 3 jun 2026 a las 10:00, Ana escribió:".
bool is_attribution(std::string_view paragraph) {
  const std::string line = base::lower_ascii(base::collapse_spaces(paragraph));
  if (line.size() > 300) return false;
  const bool ends = line.ends_with("wrote:") || line.ends_with("escribió:") ||
                    line.ends_with("escribio:") || line.ends_with("a écrit :") ||
                    line.ends_with("a écrit:") || line.ends_with("schrieb:") ||
                    line.ends_with("ha scritto:") || line.ends_with("va escriure:") ||
                    line.ends_with("escreveu:");
  if (!ends) return false;
  const bool opens =
      starts_with_any(line, {"on ", "el ", "le ", "am ", "il ", "em ", "> on ", "> el "});
  // Some programs put only "Ana <ana@example.org> wrote:".
  return opens || line.find('@') != std::string::npos ||
         std::any_of(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_original_message_line(std::string_view line) {
  const std::string lower = base::lower_ascii(base::trim(line));
  if (!lower.starts_with("---") && !lower.starts_with("___")) return false;
  return contains_any(lower, {"original message", "mensaje original", "missatge original",
                              "message d'origine", "reply message", "mensaje de respuesta"});
}

bool is_forward_line(std::string_view line) {
  const std::string lower = base::lower_ascii(base::trim(line));
  return (lower.starts_with("---") &&
          contains_any(lower, {"forwarded message", "mensaje reenviado", "missatge reenviat"})) ||
         lower.starts_with("begin forwarded message") ||
         lower.starts_with("inicio del mensaje reenviado");
}

// A line of Outlook's block: its field, or nothing.
enum class BlockField { from, date, to, subject };
std::optional<BlockField> outlook_field(std::string_view line) {
  std::string lower = base::lower_ascii(base::trim(line));
  lower.erase(std::remove(lower.begin(), lower.end(), '*'), lower.end());
  if (starts_with_any(lower, {"from:", "de:", "von:"})) return BlockField::from;
  if (starts_with_any(lower, {"sent:", "enviado:", "enviado el:", "date:", "fecha:", "enviat:"})) {
    return BlockField::date;
  }
  if (starts_with_any(lower, {"to:", "para:", "cc:", "per a:"})) return BlockField::to;
  if (starts_with_any(lower, {"subject:", "asunto:", "assumpte:"})) return BlockField::subject;
  return std::nullopt;
}

struct Line {
  size_t begin = 0;
  size_t end = 0;
  std::string_view text;
  bool blank = false;
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (size_t position = 0; position < text.size();) {
    const size_t end = std::min(text.find('\n', position), text.size());
    const std::string_view line = text.substr(position, end - position);
    lines.push_back({position, end, line, base::trim(line).empty()});
    position = end + 1;
  }
  return lines;
}

// From:/Sent:/To:/Subject: within the lines that follow `at`: at least three of them, From first.
bool is_outlook_block(const std::vector<Line>& lines, size_t at) {
  if (outlook_field(lines[at].text) != BlockField::from) return false;
  bool date = false;
  bool to = false;
  bool subject = false;
  size_t seen = 0;
  for (size_t index = at + 1; index < lines.size() && seen < 8; ++index) {
    if (lines[index].blank) continue;
    ++seen;
    const auto field = outlook_field(lines[index].text);
    date = date || field == BlockField::date;
    to = to || field == BlockField::to;
    subject = subject || field == BlockField::subject;
  }
  return date && (to || subject);
}

bool is_quoted_line(std::string_view line) {
  line = base::trim(line);
  return line.starts_with(">") && !line.starts_with(">>>>>>>");
}

bool is_phone_signature(std::string_view line) {
  const std::string lower = base::lower_ascii(base::trim(line));
  return lower.size() < 120 &&
         starts_with_any(
             lower,
             {"enviado desde mi", "enviado desde outlook", "enviado desde el móvil", "enviado con ",
              "sent from my", "sent from outlook", "sent from mail for", "sent via ",
              "get outlook for", "obtener outlook para", "obtén outlook para", "enviat des de"});
}

}  // namespace

bool looks_like_boilerplate(std::string_view paragraph) {
  const std::string lower = base::lower_ascii(base::collapse_spaces(paragraph));
  if (starts_with_any(lower, {"aviso legal", "aviso de confidencialidad", "confidentiality notice",
                              "legal notice", "disclaimer", "protección de datos:",
                              "advertencia legal", "cláusula de confidencialidad"})) {
    return lower.size() > 80;
  }
  const bool about_message =
      contains_any(lower, {"este mensaje", "este correo", "esta comunicación", "this message",
                           "this e-mail", "this email", "this communication"});
  const bool legal =
      contains_any(lower, {"confidencial", "confidential", "destinatario", "intended recipient",
                           "intended solely", "uso exclusivo", "privileged", "lopd", "rgpd",
                           "antes de imprimir", "before printing"});
  if (about_message && legal && lower.size() > 120) return true;
  const bool unsubscribe = contains_any(lower, {"unsubscribe",
                                                "darte de baja",
                                                "darse de baja",
                                                "dar de baja",
                                                "dejar de recibir",
                                                "cancelar la suscripción",
                                                "manage your preferences",
                                                "gestionar tus preferencias",
                                                "gestionar preferencias",
                                                "update your preferences",
                                                "email preferences",
                                                "you are receiving this",
                                                "you're receiving this",
                                                "recibes este correo porque",
                                                "has recibido este correo porque",
                                                "recibe este correo porque",
                                                "ver en el navegador",
                                                "view in browser",
                                                "view this email in your browser",
                                                "ver este correo en"});
  return unsubscribe && lower.size() < 700;
}

std::vector<Segment> mail_segments(std::string_view text, MailKind kind) {
  const std::vector<Line> lines = lines_of(text);
  std::vector<SegmentKind> kinds(lines.size(), SegmentKind::text);
  // What holds from a marker on; empty while nothing but the line itself decides.
  std::optional<SegmentKind> rest;
  for (size_t index = 0; index < lines.size(); ++index) {
    const Line& line = lines[index];
    if (line.blank) continue;
    if (is_quoted_line(line.text)) {
      kinds[index] = SegmentKind::quoted;
      // A quote ends a signature above it (top posting), not an unmarked quote.
      if (rest == SegmentKind::signature) rest.reset();
      continue;
    }
    if (is_forward_line(line.text)) {
      rest.reset();
      continue;
    }
    if (rest == SegmentKind::quoted) {
      kinds[index] = SegmentKind::quoted;
      continue;
    }
    if (is_original_message_line(line.text) || is_outlook_block(lines, index)) {
      if (kind == MailKind::forwarded) {
        rest.reset();
      } else {
        // The rule of underscores that stands above belongs to the block.
        if (index > 0 && base::trim(lines[index - 1].text).starts_with("____")) {
          kinds[index - 1] = SegmentKind::quoted;
        }
        rest = SegmentKind::quoted;
        kinds[index] = SegmentKind::quoted;
      }
      continue;
    }
    // Attributions may be wrapped over up to three lines.
    std::string joined;
    for (size_t length = 1; length <= 3 && index + length <= lines.size(); ++length) {
      const Line& next = lines[index + length - 1];
      if (next.blank) break;
      joined += (joined.empty() ? "" : " ") + std::string(next.text);
      if (!is_attribution(joined)) continue;
      // A line that only happens to end like one is followed by neither a quote nor an end.
      size_t after = index + length;
      while (after < lines.size() && lines[after].blank) ++after;
      const bool marked = after < lines.size() && is_quoted_line(lines[after].text);
      for (size_t part = index; part < index + length; ++part) kinds[part] = SegmentKind::quoted;
      if (!marked && kind == MailKind::ordinary) rest = SegmentKind::quoted;
      index += length - 1;
      break;
    }
    if (kinds[index] == SegmentKind::quoted) continue;
    const std::string_view stripped = base::trim(line.text);
    if (stripped == "--" || line.text == "-- ") rest = SegmentKind::signature;
    if (rest) {
      kinds[index] = *rest;
    } else if (is_phone_signature(line.text)) {
      kinds[index] = SegmentKind::signature;
    } else if (looks_like_list_item(line.text)) {
      kinds[index] = SegmentKind::list;
    }
  }

  std::vector<Segment> segments;
  std::optional<Segment> open;
  const auto close = [&] {
    if (!open) return;
    if (open->kind != SegmentKind::quoted &&
        looks_like_boilerplate(text.substr(open->begin, open->end - open->begin))) {
      open->kind = SegmentKind::boilerplate;
    }
    segments.push_back(*open);
    open.reset();
  };
  for (size_t index = 0; index < lines.size(); ++index) {
    const Line& line = lines[index];
    if (line.blank) {
      close();
      continue;
    }
    SegmentKind here = kinds[index];
    // The second line of a wrapped list item.
    if (open && open->kind == SegmentKind::list && here == SegmentKind::text) {
      here = SegmentKind::list;
    }
    if (open && open->kind != here) close();
    if (!open) open = Segment{here, line.begin, line.end, 0, 0, std::nullopt};
    open->end = line.end;
  }
  close();
  return segments;
}

void mark_quotes(domain::TextPart& part, MailKind kind) {
  bool quoting = false;
  for (size_t index = 0; index < part.segments.size(); ++index) {
    Segment& segment = part.segments[index];
    const std::string_view text =
        std::string_view(part.text).substr(segment.begin, segment.end - segment.begin);
    if (segment.kind == SegmentKind::quoted) continue;
    if (is_forward_line(text)) {
      quoting = false;
      continue;
    }
    const std::vector<Line> lines = lines_of(text);
    bool block =
        !lines.empty() && (is_original_message_line(lines[0].text) || is_outlook_block(lines, 0));
    if (!block && !lines.empty() && lines.size() == 1 &&
        outlook_field(lines[0].text) == BlockField::from) {
      // The block may be one paragraph a field.
      std::string following(text);
      for (size_t next = index + 1; next < std::min(index + 6, part.segments.size()); ++next) {
        following += "\n" + part.text.substr(part.segments[next].begin,
                                             part.segments[next].end - part.segments[next].begin);
      }
      block = is_outlook_block(lines_of(following), 0);
    }
    // A quote that is marked as such ends by itself: what follows it is the writer's again.
    const bool marked =
        index + 1 < part.segments.size() && part.segments[index + 1].kind == SegmentKind::quoted;
    if (kind == MailKind::ordinary && !marked && (block || is_attribution(text))) quoting = true;
    if (quoting) {
      segment.kind = SegmentKind::quoted;
    } else if (is_phone_signature(text)) {
      segment.kind = SegmentKind::signature;
    } else if (is_attribution(text) || (block && marked)) {
      segment.kind = SegmentKind::quoted;
    } else if (segment.kind != SegmentKind::table && looks_like_boilerplate(text)) {
      segment.kind = SegmentKind::boilerplate;
    }
  }
}

}  // namespace lar::readers
