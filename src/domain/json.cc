// Domain values to and from JSON. What is read may come from a compromised reader, so every field
// is checked: types, names, ranges, and that offsets lie inside their text on character boundaries.
// A passage's text is not written: it is cut out of its part again, and so cannot disagree with it.
#include "domain/json.h"

#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

namespace lar::domain {
namespace {

using base::ErrorKind;
using base::fail;
using base::Result;
using nlohmann::json;

tl::unexpected<base::Error> wrong(std::string_view field) {
  return fail(ErrorKind::corrupt, "domain.malformed", {{"field", std::string(field)}});
}

// The member, or null if `value` is no object or lacks it.
const json* member(const json& value, const char* name) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(name);
  return found == value.end() ? nullptr : &*found;
}

enum class Presence { required, optional };

Result<std::string> text_field(const json& value, const char* name,
                               Presence presence = Presence::optional) {
  const json* found = member(value, name);
  if (found == nullptr) {
    if (presence == Presence::optional) return std::string();
    return wrong(name);
  }
  if (!found->is_string()) return wrong(name);
  return found->get<std::string>();
}

Result<std::int64_t> integer_field(const json& value, const char* name, std::int64_t low,
                                   std::int64_t high, Presence presence = Presence::optional) {
  const json* found = member(value, name);
  if (found == nullptr) {
    if (presence == Presence::optional) return std::int64_t{0};
    return wrong(name);
  }
  if (!found->is_number_integer()) return wrong(name);
  if (found->is_number_unsigned() &&
      found->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
    return wrong(name);
  }
  const auto number = found->get<std::int64_t>();
  if (number < low || number > high) return wrong(name);
  return number;
}

template <typename Enumeration>
Result<Enumeration> name_field(const json& value, const char* name,
                               std::optional<Enumeration> (*from)(std::string_view)) {
  TRY_ASSIGN(const std::string text, text_field(value, name, Presence::required));
  const std::optional<Enumeration> found = from(text);
  if (!found) return wrong(name);
  return *found;
}

// The array member, an empty one if absent.
Result<const json*> array_field(const json& value, const char* name) {
  static const json empty = json::array();
  if (!value.is_object()) return wrong(name);
  const json* found = member(value, name);
  if (found == nullptr) return &empty;
  if (!found->is_array()) return wrong(name);
  return found;
}

bool at_boundary(const std::string& text, size_t offset) {
  return offset == text.size() || (static_cast<unsigned char>(text[offset]) & 0xC0U) != 0x80U;
}

json box_json(const Box& box) { return json::array({box.x0, box.y0, box.x1, box.y1}); }

Result<std::optional<Box>> box_field(const json& value) {
  const json* found = member(value, "box");
  if (found == nullptr) return std::optional<Box>();
  if (!found->is_array() || found->size() != 4) return wrong("box");
  double numbers[4];
  for (size_t index = 0; index < 4; ++index) {
    if (!(*found)[index].is_number()) return wrong("box");
    numbers[index] = (*found)[index].get<double>();
    if (!std::isfinite(numbers[index])) return wrong("box");
  }
  return std::optional<Box>(Box{numbers[0], numbers[1], numbers[2], numbers[3]});
}

std::string local_text(const base::LocalTime& local) { return format(When(Floating{local})); }

std::optional<base::LocalTime> parse_local(const std::string& text) {
  base::LocalTime local;
  int used = 0;
  if (text.size() != 19 ||
      std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &local.date.year, &local.date.month,
                  &local.date.day, &local.hour, &local.minute, &local.second, &used) != 6 ||
      used != 19 || !base::date_is_valid(local.date) || local.hour < 0 || local.hour > 23 ||
      local.minute < 0 || local.minute > 59 || local.second < 0 || local.second > 60) {
    return std::nullopt;
  }
  return local;
}

json optional_when(const std::optional<When>& when) { return when ? to_json(*when) : json(); }

Result<std::optional<When>> when_field(const json& value, const char* name) {
  const json* found = member(value, name);
  if (found == nullptr || found->is_null()) return std::optional<When>();
  TRY_ASSIGN(When when, when_from_json(*found));
  return std::optional<When>(std::move(when));
}

json part_json(const TextPart& part) {
  return {{"id", part.id},
          {"name", part.name},
          {"media_type", part.media_type},
          {"role", name_of(part.role)},
          {"text", part.text},
          {"segments", to_json(part.segments)}};
}

Result<TextPart> part_from_json(const json& value) {
  TextPart part;
  TRY_ASSIGN(part.id, text_field(value, "id", Presence::required));
  TRY_ASSIGN(part.name, text_field(value, "name"));
  TRY_ASSIGN(part.media_type, text_field(value, "media_type"));
  TRY_ASSIGN(part.role, name_field(value, "role", part_role_from));
  TRY_ASSIGN(part.text, text_field(value, "text", Presence::required));
  TRY_ASSIGN(const json* segments, array_field(value, "segments"));
  TRY_ASSIGN(part.segments, segments_from_json(*segments));
  size_t last = 0;
  for (const Segment& segment : part.segments) {
    if (segment.begin < last || segment.end > part.text.size() ||
        !at_boundary(part.text, segment.begin) || !at_boundary(part.text, segment.end)) {
      return wrong("segments");
    }
    last = segment.end;
  }
  return part;
}

json occurrence_json(const Occurrence& occurrence) {
  json value = {{"recurrence_id", occurrence.recurrence_id}, {"start", to_json(occurrence.start)}};
  if (occurrence.end) value["end"] = to_json(*occurrence.end);
  if (!occurrence.summary.empty()) value["summary"] = occurrence.summary;
  if (!occurrence.location.empty()) value["location"] = occurrence.location;
  return value;
}

Result<Occurrence> occurrence_from_json(const json& value) {
  Occurrence occurrence;
  TRY_ASSIGN(occurrence.recurrence_id, text_field(value, "recurrence_id", Presence::required));
  TRY_ASSIGN(std::optional<When> start, when_field(value, "start"));
  if (!start) return wrong("start");
  occurrence.start = *std::move(start);
  TRY_ASSIGN(occurrence.end, when_field(value, "end"));
  TRY_ASSIGN(occurrence.summary, text_field(value, "summary"));
  TRY_ASSIGN(occurrence.location, text_field(value, "location"));
  return occurrence;
}

json details_json(const MailDetails& details) {
  json value = {{"headers", details.headers}};
  json& links = value["links"] = json::array();
  for (const Link& link : details.links) {
    links.push_back({{"text", link.text}, {"target", link.target}});
  }
  json& attachments = value["attachments"] = json::array();
  for (const Attachment& attachment : details.attachments) {
    attachments.push_back({{"name", attachment.name}, {"media_type", attachment.media_type}});
  }
  json& invitations = value["invitations"] = json::array();
  for (const Invitation& invitation : details.invitations) {
    invitations.push_back({{"uid", invitation.uid},
                           {"title", invitation.title},
                           {"place", invitation.place},
                           {"start", to_json(invitation.start)},
                           {"end", optional_when(invitation.end)},
                           {"cancelled", invitation.cancelled},
                           {"method", invitation.method},
                           {"object", invitation.object}});
  }
  if (details.received) value["received"] = *details.received;
  return value;
}

Result<MailDetails> details_from_json(const json& value) {
  MailDetails details;
  if (const json* received = member(value, "received"); received != nullptr) {
    if (!received->is_number_integer()) return wrong("received");
    details.received = received->get<std::int64_t>();
  }
  TRY_ASSIGN(const json* headers, array_field(value, "headers"));
  for (const json& pair : *headers) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      return wrong("headers");
    }
    details.headers.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  }
  TRY_ASSIGN(const json* links, array_field(value, "links"));
  for (const json& entry : *links) {
    Link link;
    TRY_ASSIGN(link.text, text_field(entry, "text"));
    TRY_ASSIGN(link.target, text_field(entry, "target"));
    details.links.push_back(std::move(link));
  }
  TRY_ASSIGN(const json* attachments, array_field(value, "attachments"));
  for (const json& entry : *attachments) {
    Attachment attachment;
    TRY_ASSIGN(attachment.name, text_field(entry, "name"));
    TRY_ASSIGN(attachment.media_type, text_field(entry, "media_type"));
    details.attachments.push_back(std::move(attachment));
  }
  TRY_ASSIGN(const json* invitations, array_field(value, "invitations"));
  for (const json& entry : *invitations) {
    Invitation invitation;
    TRY_ASSIGN(invitation.uid, text_field(entry, "uid"));
    TRY_ASSIGN(invitation.title, text_field(entry, "title"));
    TRY_ASSIGN(invitation.place, text_field(entry, "place"));
    TRY_ASSIGN(std::optional<When> start, when_field(entry, "start"));
    if (!start) return wrong("invitations");
    invitation.start = *std::move(start);
    TRY_ASSIGN(invitation.end, when_field(entry, "end"));
    const json* cancelled = member(entry, "cancelled");
    invitation.cancelled =
        cancelled != nullptr && cancelled->is_boolean() && cancelled->get<bool>();
    TRY_ASSIGN(invitation.method, text_field(entry, "method"));
    TRY_ASSIGN(invitation.object, text_field(entry, "object"));
    details.invitations.push_back(std::move(invitation));
  }
  return details;
}

}  // namespace

json to_json(const Locator& locator) {
  json value = {{"part", locator.part}, {"begin", locator.begin}, {"end", locator.end}};
  if (locator.page > 0) value["page"] = locator.page;
  if (locator.line > 0) value["line"] = locator.line;
  if (locator.box) value["box"] = box_json(*locator.box);
  return value;
}

Result<Locator> locator_from_json(const json& value) {
  Locator locator;
  TRY_ASSIGN(locator.part, text_field(value, "part", Presence::required));
  TRY_ASSIGN(const auto begin, integer_field(value, "begin", 0, INT64_MAX, Presence::required));
  TRY_ASSIGN(const auto end, integer_field(value, "end", begin, INT64_MAX, Presence::required));
  TRY_ASSIGN(const auto page, integer_field(value, "page", 0, INT32_MAX));
  TRY_ASSIGN(const auto line, integer_field(value, "line", 0, INT32_MAX));
  TRY_ASSIGN(locator.box, box_field(value));
  locator.begin = static_cast<size_t>(begin);
  locator.end = static_cast<size_t>(end);
  locator.page = static_cast<int>(page);
  locator.line = static_cast<int>(line);
  return locator;
}

json to_json(const When& when) {
  if (const auto* instant = std::get_if<Instant>(&when)) {
    return {{"type", "instant"}, {"time", instant->time}, {"zone", instant->zone}};
  }
  if (const auto* day = std::get_if<AllDay>(&when)) {
    return {{"type", "day"}, {"date", base::format_date(day->date)}};
  }
  return {{"type", "floating"}, {"local", local_text(std::get<Floating>(when).local)}};
}

Result<When> when_from_json(const json& value) {
  TRY_ASSIGN(const std::string type, text_field(value, "type", Presence::required));
  if (type == "instant") {
    // The years 1 to 9999: beyond them no calendar function of ours is meant to work.
    TRY_ASSIGN(const auto time, integer_field(value, "time", -62'135'596'800'000'000,
                                              253'402'300'799'999'999, Presence::required));
    TRY_ASSIGN(std::string zone, text_field(value, "zone", Presence::required));
    if (zone.empty() || zone.size() > 64) return wrong("zone");
    return When(Instant{time, std::move(zone)});
  }
  if (type == "day") {
    TRY_ASSIGN(const std::string text, text_field(value, "date", Presence::required));
    const auto date = base::parse_date(text);
    if (!date) return wrong("date");
    return When(AllDay{*date});
  }
  if (type == "floating") {
    TRY_ASSIGN(const std::string text, text_field(value, "local", Presence::required));
    const auto local = parse_local(text);
    if (!local) return wrong("local");
    return When(Floating{*local});
  }
  return wrong("type");
}

json to_json(const std::vector<Person>& people) {
  json list = json::array();
  for (const Person& person : people) {
    list.push_back(
        {{"role", name_of(person.role)}, {"name", person.name}, {"address", person.address}});
  }
  return list;
}

Result<std::vector<Person>> people_from_json(const json& value) {
  if (!value.is_array()) return wrong("people");
  std::vector<Person> people;
  people.reserve(value.size());
  for (const json& entry : value) {
    Person person;
    TRY_ASSIGN(person.role, name_field(entry, "role", person_role_from));
    TRY_ASSIGN(person.name, text_field(entry, "name"));
    TRY_ASSIGN(person.address, text_field(entry, "address"));
    people.push_back(std::move(person));
  }
  return people;
}

json to_json(const std::vector<Segment>& segments) {
  json list = json::array();
  for (const Segment& segment : segments) {
    json entry = {{"kind", name_of(segment.kind)}, {"begin", segment.begin}, {"end", segment.end}};
    if (segment.page > 0) entry["page"] = segment.page;
    if (segment.line > 0) entry["line"] = segment.line;
    if (segment.box) entry["box"] = box_json(*segment.box);
    list.push_back(std::move(entry));
  }
  return list;
}

Result<std::vector<Segment>> segments_from_json(const json& value) {
  if (!value.is_array()) return wrong("segments");
  std::vector<Segment> segments;
  segments.reserve(value.size());
  for (const json& entry : value) {
    Segment segment;
    TRY_ASSIGN(segment.kind, name_field(entry, "kind", segment_kind_from));
    TRY_ASSIGN(const auto begin, integer_field(entry, "begin", 0, INT64_MAX, Presence::required));
    TRY_ASSIGN(const auto end, integer_field(entry, "end", begin, INT64_MAX, Presence::required));
    TRY_ASSIGN(const auto page, integer_field(entry, "page", 0, INT32_MAX));
    TRY_ASSIGN(const auto line, integer_field(entry, "line", 0, INT32_MAX));
    TRY_ASSIGN(segment.box, box_field(entry));
    segment.begin = static_cast<size_t>(begin);
    segment.end = static_cast<size_t>(end);
    segment.page = static_cast<int>(page);
    segment.line = static_cast<int>(line);
    segments.push_back(segment);
  }
  return segments;
}

json to_json(const Notice& notice) {
  json parameters = json::array();
  for (const auto& [name, value] : notice.parameters) parameters.push_back({name, value});
  return {{"code", notice.code}, {"parameters", std::move(parameters)}};
}

Result<Notice> notice_from_json(const json& value) {
  Notice notice;
  TRY_ASSIGN(notice.code, text_field(value, "code", Presence::required));
  TRY_ASSIGN(const json* parameters, array_field(value, "parameters"));
  for (const json& pair : *parameters) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      return wrong("parameters");
    }
    notice.parameters.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  }
  return notice;
}

json to_json(const Item& item) {
  json value = {{"kind", name_of(item.kind)},    {"external_id", item.external_id},
                {"title", item.title},           {"people", to_json(item.people)},
                {"place", item.place},           {"language", item.language},
                {"references", item.references}, {"origin", name_of(item.origin)}};
  if (item.when) value["when"] = to_json(*item.when);
  if (item.end) value["end"] = to_json(*item.end);
  if (item.event) {
    value["event"] = {{"start", to_json(item.event->start)},
                      {"end", optional_when(item.event->end)},
                      {"ical", item.event->ical}};
  }
  json& occurrences = value["occurrences"] = json::array();
  for (const Occurrence& occurrence : item.occurrences) {
    occurrences.push_back(occurrence_json(occurrence));
  }
  json& parts = value["parts"] = json::array();
  for (const TextPart& part : item.parts) parts.push_back(part_json(part));
  json& passages = value["passages"] = json::array();
  for (const Passage& passage : item.passages) {
    json entry = to_json(passage.locator);
    entry["kind"] = name_of(passage.kind);
    passages.push_back(std::move(entry));
  }
  json& notices = value["notices"] = json::array();
  for (const Notice& notice : item.notices) notices.push_back(to_json(notice));
  if (item.mail) value["mail"] = details_json(*item.mail);
  return value;
}

Result<Item> item_from_json(const json& value) {
  if (!value.is_object()) return wrong("item");
  Item item;
  TRY_ASSIGN(item.kind, name_field(value, "kind", item_kind_from));
  TRY_ASSIGN(item.external_id, text_field(value, "external_id", Presence::required));
  if (item.external_id.empty()) return wrong("external_id");
  TRY_ASSIGN(item.title, text_field(value, "title"));
  TRY_ASSIGN(const json* people, array_field(value, "people"));
  TRY_ASSIGN(item.people, people_from_json(*people));
  TRY_ASSIGN(item.when, when_field(value, "when"));
  TRY_ASSIGN(item.end, when_field(value, "end"));
  TRY_ASSIGN(item.place, text_field(value, "place"));
  TRY_ASSIGN(item.language, text_field(value, "language"));
  TRY_ASSIGN(const json* references, array_field(value, "references"));
  for (const json& reference : *references) {
    if (!reference.is_string()) return wrong("references");
    item.references.push_back(reference.get<std::string>());
  }
  TRY_ASSIGN(item.origin, name_field(value, "origin", origin_from));

  if (const json* event = member(value, "event"); event != nullptr && !event->is_null()) {
    EventTimes times;
    TRY_ASSIGN(std::optional<When> start, when_field(*event, "start"));
    if (!start) return wrong("event");
    times.start = *std::move(start);
    TRY_ASSIGN(times.end, when_field(*event, "end"));
    TRY_ASSIGN(times.ical, text_field(*event, "ical"));
    item.event = std::move(times);
  }
  TRY_ASSIGN(const json* occurrences, array_field(value, "occurrences"));
  for (const json& entry : *occurrences) {
    TRY_ASSIGN(Occurrence occurrence, occurrence_from_json(entry));
    item.occurrences.push_back(std::move(occurrence));
  }

  TRY_ASSIGN(const json* parts, array_field(value, "parts"));
  std::map<std::string, size_t> part_index;
  for (const json& entry : *parts) {
    TRY_ASSIGN(TextPart part, part_from_json(entry));
    if (!part_index.emplace(part.id, item.parts.size()).second) return wrong("parts.id");
    item.parts.push_back(std::move(part));
  }
  TRY_ASSIGN(const json* passages, array_field(value, "passages"));
  for (const json& entry : *passages) {
    Passage passage;
    TRY_ASSIGN(passage.kind, name_field(entry, "kind", segment_kind_from));
    TRY_ASSIGN(passage.locator, locator_from_json(entry));
    const auto found = part_index.find(passage.locator.part);
    if (found == part_index.end()) return wrong("passages.part");
    const std::string& text = item.parts[found->second].text;
    if (passage.locator.end > text.size() || !at_boundary(text, passage.locator.begin) ||
        !at_boundary(text, passage.locator.end)) {
      return wrong("passages.end");
    }
    passage.text = text.substr(passage.locator.begin, passage.locator.end - passage.locator.begin);
    item.passages.push_back(std::move(passage));
  }
  TRY_ASSIGN(const json* notices, array_field(value, "notices"));
  for (const json& entry : *notices) {
    TRY_ASSIGN(Notice notice, notice_from_json(entry));
    item.notices.push_back(std::move(notice));
  }
  if (const json* details = member(value, "mail"); details != nullptr && !details->is_null()) {
    TRY_ASSIGN(item.mail, details_from_json(*details));
  }
  return item;
}

}  // namespace lar::domain
