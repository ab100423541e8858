// Rendering for the web API. No state but the cache in PartTexts, which belongs to one request.
#include "api/render.h"

#include <algorithm>

#include "api/application.h"
#include "base/messages.h"

namespace lar::api {
using nlohmann::json;

const store::StoredItem* PartTexts::item(const base::Id& id) {
  auto found = items_.find(id);
  if (found == items_.end()) {
    auto stored = store_.item(id);
    found = items_.emplace(id, stored ? std::optional(std::move(*stored)) : std::nullopt).first;
  }
  return found->second ? &*found->second : nullptr;
}

const std::string* PartTexts::find(const base::Id& id, const std::string& part) {
  const store::StoredItem* stored = item(id);
  if (stored == nullptr) return nullptr;
  for (const domain::TextPart& candidate : stored->item.parts) {
    if (candidate.id == part) return &candidate.text;
  }
  return nullptr;
}

json render_when(const std::optional<domain::When>& when) {
  if (!when) return nullptr;
  // A moment is told as the owner's clock shows it, whatever zone it was stated in.
  if (const auto* instant = std::get_if<domain::Instant>(&*when)) {
    return base::format_rfc3339(instant->time, base::Clock::zone());
  }
  return domain::format(*when);
}

json render_locator(const domain::Locator& locator, const std::string* part_text,
                    domain::ItemKind kind, base::Language language) {
  json result;
  const auto units = [&](size_t bytes) {
    if (part_text == nullptr) return bytes;
    return base::utf16_length(std::string_view(*part_text).substr(0, bytes));
  };
  result["part"] = locator.part;
  result["begin"] = units(locator.begin);
  result["end"] = units(locator.end);
  const char* name = "text";
  std::string label = base::message("locator.text", language);
  if (locator.page > 0) {
    name = "page";
    result["page"] = locator.page;
    label = base::message("locator.page", {{"page", std::to_string(locator.page)}}, language);
  } else if (kind == domain::ItemKind::event) {
    name = "event";
    label = base::message("locator.event", language);
  } else if (kind == domain::ItemKind::contact) {
    name = "contact";
    label = base::message("locator.contact", language);
  } else if (locator.line > 0) {
    label = base::message("locator.line", {{"line", std::to_string(locator.line)}}, language);
  }
  if (locator.line > 0) result["line"] = locator.line;
  if (locator.box) {
    result["box"] = {locator.box->x0, locator.box->y0, locator.box->x1, locator.box->y1};
  }
  result["kind"] = name;
  result["label"] = label;
  return result;
}

json render_people(const std::vector<domain::Person>& people) {
  json result = json::array();
  for (const domain::Person& person : people) {
    result.push_back({{"role", domain::name_of(person.role)},
                      {"name", person.name},
                      {"address", person.address}});
  }
  return result;
}

Snippet make_snippet(const std::string& text, const std::vector<std::string>& terms, size_t bytes) {
  struct Match {
    size_t begin, end;
  };
  std::vector<Match> matches;
  for (const base::Word& word : base::words(text)) {
    const std::string folded =
        base::fold(std::string_view(text).substr(word.begin, word.end - word.begin));
    for (const std::string& term : terms) {
      const bool same =
          folded == term ||
          base::stem(folded, base::Language::spanish) ==
              base::stem(term, base::Language::spanish) ||
          base::stem(folded, base::Language::english) == base::stem(term, base::Language::english);
      if (same) {
        matches.push_back({word.begin, word.end});
        break;
      }
    }
  }
  size_t begin = 0;
  if (text.size() > bytes && !matches.empty()) {
    size_t best = 0, best_count = 0;
    for (size_t index = 0; index < matches.size(); ++index) {
      size_t count = 0;
      while (index + count < matches.size() &&
             matches[index + count].end <= matches[index].begin + bytes) {
        ++count;
      }
      if (count > best_count) {
        best = index;
        best_count = count;
      }
    }
    const size_t lead = std::min<size_t>(60, bytes / 4);
    begin = matches[best].begin > lead ? matches[best].begin - lead : 0;
    while (begin > 0 && text[begin - 1] != ' ' && text[begin - 1] != '\n') --begin;
    if (matches[best].begin - begin > 2 * lead) begin = matches[best].begin;
  }
  const std::string_view piece = base::cut_utf8(std::string_view(text).substr(begin), bytes);
  Snippet snippet;
  // Line ends become spaces one for one, so that the places stay right.
  snippet.text = std::string(piece);
  std::replace(snippet.text.begin(), snippet.text.end(), '\n', ' ');
  for (const Match& match : matches) {
    if (match.begin < begin || match.end > begin + piece.size()) continue;
    const size_t start = base::utf16_length(piece.substr(0, match.begin - begin));
    snippet.highlights.emplace_back(
        start,
        start + base::utf16_length(piece.substr(match.begin - begin, match.end - match.begin)));
  }
  return snippet;
}

json render_hit(const store::Hit& hit, const std::vector<std::string>& terms, PartTexts& texts,
                base::Language language) {
  const Snippet snippet = make_snippet(hit.text, terms, 240);
  json highlights = json::array();
  for (const auto& [begin, end] : snippet.highlights) highlights.push_back({begin, end});
  return {{"item", hit.item.text()},
          {"external_id", hit.external_id},
          {"kind", domain::name_of(hit.kind)},
          {"title", hit.title},
          {"people", render_people(hit.people)},
          {"when", render_when(hit.when)},
          {"source", hit.source.text()},
          {"locator",
           render_locator(hit.locator, texts.find(hit.item, hit.locator.part), hit.kind, language)},
          {"snippet", snippet.text},
          {"highlights", highlights},
          {"score", hit.score}};
}

json render_item(const store::StoredItem& stored, bool changed_on_disk,
                 const std::vector<std::string>& source_names) {
  json parts = json::array();
  for (const domain::TextPart& part : stored.item.parts) {
    json segments = json::array();
    // Offsets are turned step by step: each segment begins where the last one ended or later.
    size_t bytes = 0, units = 0;
    const auto advance = [&](size_t to) {
      if (to > bytes) {
        units += base::utf16_length(std::string_view(part.text).substr(bytes, to - bytes));
        bytes = to;
      }
      return units;
    };
    for (const domain::Segment& segment : part.segments) {
      json entry = {{"kind", domain::name_of(segment.kind)}};
      entry["begin"] = advance(segment.begin);
      entry["end"] = advance(segment.end);
      if (segment.page > 0) entry["page"] = segment.page;
      if (segment.line > 0) entry["line"] = segment.line;
      segments.push_back(std::move(entry));
    }
    parts.push_back({{"id", part.id},
                     {"name", part.name},
                     {"media_type", part.media_type},
                     {"role", domain::name_of(part.role)},
                     {"text", part.text},
                     {"segments", std::move(segments)}});
  }
  return {{"item", stored.id.text()},
          {"external_id", stored.item.external_id},
          {"kind", domain::name_of(stored.item.kind)},
          {"title", stored.item.title},
          {"people", render_people(stored.item.people)},
          {"when", render_when(stored.item.when)},
          {"end", render_when(stored.item.end)},
          {"place", stored.item.place},
          {"origin", domain::name_of(stored.item.origin)},
          {"language", stored.item.language},
          {"thread", stored.thread},
          {"source_names", source_names},
          {"parts", std::move(parts)},
          {"changed_on_disk", changed_on_disk},
          {"has_original", !stored.blob.empty() ||
                               std::any_of(stored.placements.begin(), stored.placements.end(),
                                           [](const auto& place) { return !place.path.empty(); })}};
}

namespace {

// What copilot says of a citation or a passage read, with places that a browser can use.
json shown(json said, const std::optional<domain::When>& when, const domain::Locator& locator,
           const base::Id& item, domain::ItemKind kind, PartTexts& texts, base::Language language) {
  said["when"] = render_when(when);
  said["locator"] = render_locator(locator, texts.find(item, locator.part), kind, language);
  return said;
}

}  // namespace

json render_citation(const copilot::Citation& citation, PartTexts& texts, base::Language language) {
  json said = shown(copilot::to_json(citation), citation.when, citation.locator, citation.item,
                    citation.kind, texts, language);
  const store::StoredItem* stored = texts.item(citation.item);
  said["origin"] = stored == nullptr ? json() : json(domain::name_of(stored->item.origin));
  return said;
}

json render_read(const copilot::ReadPassage& passage, PartTexts& texts, base::Language language) {
  return shown(copilot::to_json(passage), passage.when, passage.locator, passage.item, passage.kind,
               texts, language);
}

json render_answer(const copilot::Answer& answer, PartTexts& texts, base::Language language) {
  json result = copilot::to_json(answer);
  json citations = json::array(), read = json::array();
  for (const copilot::Citation& citation : answer.citations) {
    citations.push_back(render_citation(citation, texts, language));
  }
  for (const copilot::ReadPassage& passage : answer.read) {
    read.push_back(render_read(passage, texts, language));
  }
  result["citations"] = std::move(citations);
  result["read"] = std::move(read);
  for (json& passage : result["cut"]) {
    passage["reason"] = base::message(passage["reason"].get<std::string>(), language);
  }
  const auto move_under = [&](const char* group, const char* field, const char* name) {
    result[group][name] = std::move(result[field]);
    result.erase(field);
  };
  move_under("timings", "retrieve_ms", "retrieve_ms");
  move_under("timings", "first_claim_ms", "first_claim_ms");
  move_under("timings", "total_ms", "total_ms");
  move_under("tokens", "prompt_tokens", "prompt");
  move_under("tokens", "cached_tokens", "cached");
  move_under("tokens", "completion_tokens", "completion");
  return result;
}

namespace {
constexpr std::pair<base::ErrorKind, std::string_view> kind_names[] = {
    {base::ErrorKind::invalid_input, "invalid_input"},
    {base::ErrorKind::not_found, "not_found"},
    {base::ErrorKind::already_exists, "already_exists"},
    {base::ErrorKind::permission, "permission"},
    {base::ErrorKind::unavailable, "unavailable"},
    {base::ErrorKind::timeout, "timeout"},
    {base::ErrorKind::cancelled, "cancelled"},
    {base::ErrorKind::corrupt, "corrupt"},
    {base::ErrorKind::no_space, "no_space"},
    {base::ErrorKind::busy, "busy"},
    {base::ErrorKind::unsupported, "unsupported"},
    {base::ErrorKind::internal, "internal"},
};
}  // namespace

std::string_view name_of(base::ErrorKind kind) {
  for (const auto& [value, name] : kind_names) {
    if (value == kind) return name;
  }
  return "internal";
}

std::optional<base::ErrorKind> error_kind_from(std::string_view name) {
  for (const auto& [value, known] : kind_names) {
    if (known == name) return value;
  }
  return std::nullopt;
}

json render_error(const base::Error& error, base::Language language) {
  json parameters = json::object();
  for (const auto& [name, value] : error.parameters) parameters[name] = value;
  return {{"code", error.code},
          {"kind", name_of(error.kind)},
          {"params", parameters},
          {"message", base::message(error, language)}};
}

json render_plan(const engine::MemoryPlan& plan, base::Language language) {
  json devices = json::array(), list = json::array();
  for (const engine::Device& device : plan.devices) {
    devices.push_back({{"name", device.name},
                       {"description", device.description},
                       {"total", device.total},
                       {"free", device.free},
                       {"left", plan.left_in(device.name)}});
  }
  for (const engine::EnginePlan& one : plan.engines) {
    json parts = json::array(), measured = json::array(), reasons = json::array();
    for (const engine::PlanPart& part : one.parts) {
      parts.push_back(
          {{"what", engine::name_of(part.what)}, {"place", part.place}, {"bytes", part.bytes}});
    }
    for (const engine::EnginePlan::Measured& buffer : one.measured) {
      measured.push_back({{"what", buffer.what}, {"place", buffer.place}, {"bytes", buffer.bytes}});
    }
    for (const engine::PlanReason& reason : one.reasons) {
      reasons.push_back({{"code", reason.code},
                         {"message", base::message(reason.code, reason.parameters, language)}});
    }
    list.push_back({{"role", engine::name_of(one.role)},
                    {"model", one.model},
                    {"fits", one.fits},
                    {"runs", one.runs},
                    {"context", one.context},
                    {"slots", one.slots},
                    {"kv", engine::name_of(one.kv)},
                    {"gpu_layers", one.gpu_layers},
                    {"cpu_expert_layers", one.cpu_expert_layers},
                    {"streams", one.streams},
                    {"parts", std::move(parts)},
                    {"measured", std::move(measured)},
                    {"reasons", std::move(reasons)}});
  }
  return {{"devices", std::move(devices)}, {"engines", std::move(list)}};
}

json render_gguf(const engine::GgufFile& file, const std::string& path) {
  json types = json::object();
  for (const auto& [type, share] : file.types) {
    types[type] = {{"tensors", share.tensors}, {"weights", share.weights}, {"bytes", share.bytes}};
  }
  json entries = json::array();
  for (const engine::GgufEntry& entry : file.entries) {
    // Word lists of tokenizers are long and say nothing; their first values and their length do.
    entries.push_back({{"key", entry.key},
                       {"type", entry.type},
                       {"value", base::cut_utf8(entry.value, 400)},
                       {"count", entry.count}});
  }
  return {{"path", path},
          {"version", file.version},
          {"file_bytes", file.file_bytes},
          {"data_offset", file.data_offset},
          {"alignment", file.alignment},
          {"architecture", file.architecture},
          {"name", file.name},
          {"licence", file.licence},
          {"tokenizer", file.tokenizer},
          {"quantisation", file.quantisation},
          {"weights", file.weights},
          {"context", file.context},
          {"width", file.width},
          {"layers", file.layers},
          {"heads", file.heads},
          {"key_value_heads", file.key_value_heads},
          {"experts", file.experts},
          {"experts_used", file.experts_used},
          {"vocabulary", file.vocabulary},
          {"pooling", file.pooling},
          {"has_chat_template", file.has_chat_template},
          {"tensors", file.tensors.size()},
          {"types", std::move(types)},
          {"entries", std::move(entries)}};
}

}  // namespace lar::api
