// Names of the domain's enumerations and what can be said about its times. Pure functions.
#include "domain/item.h"

#include <fmt/format.h>

#include <array>

namespace lar::domain {
namespace {

// The position in the table is the value of the enumeration.
constexpr std::array<std::string_view, 8> item_kinds = {"mail",    "event",    "task",    "contact",
                                                        "message", "document", "meeting", "note"};
constexpr std::array<std::string_view, 6> origins = {"owner", "own_data", "known_contact",
                                                     "model", "stranger", "web"};
constexpr std::array<std::string_view, 8> person_roles = {
    "from", "to", "cc", "bcc", "reply_to", "organizer", "attendee", "subject"};
constexpr std::array<std::string_view, 7> segment_kinds = {
    "text", "heading", "list", "table", "quoted", "signature", "boilerplate"};
constexpr std::array<std::string_view, 5> part_roles = {"headers", "body", "attachment", "event",
                                                        "contact"};

template <typename Enumeration, size_t count>
std::optional<Enumeration> find_name(const std::array<std::string_view, count>& names,
                                     std::string_view name) {
  for (size_t index = 0; index < count; ++index) {
    if (names[index] == name) return static_cast<Enumeration>(index);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(ItemKind kind) { return item_kinds.at(static_cast<size_t>(kind)); }
std::optional<ItemKind> item_kind_from(std::string_view name) {
  return find_name<ItemKind>(item_kinds, name);
}

std::string_view name_of(Origin origin) { return origins.at(static_cast<size_t>(origin)); }
std::optional<Origin> origin_from(std::string_view name) {
  return find_name<Origin>(origins, name);
}

std::string_view name_of(PersonRole role) { return person_roles.at(static_cast<size_t>(role)); }
std::optional<PersonRole> person_role_from(std::string_view name) {
  return find_name<PersonRole>(person_roles, name);
}

std::string_view name_of(SegmentKind kind) { return segment_kinds.at(static_cast<size_t>(kind)); }
std::optional<SegmentKind> segment_kind_from(std::string_view name) {
  return find_name<SegmentKind>(segment_kinds, name);
}

std::string_view name_of(PartRole role) { return part_roles.at(static_cast<size_t>(role)); }
std::optional<PartRole> part_role_from(std::string_view name) {
  return find_name<PartRole>(part_roles, name);
}

base::Microseconds begins_at(const When& when, std::string_view zone) {
  if (const auto* instant = std::get_if<Instant>(&when)) return instant->time;
  if (const auto* day = std::get_if<AllDay>(&when)) {
    return base::from_local({day->date, 0, 0, 0}, zone);
  }
  return base::from_local(std::get<Floating>(when).local, zone);
}

std::string format(const When& when) {
  if (const auto* instant = std::get_if<Instant>(&when)) {
    return base::format_rfc3339(instant->time, instant->zone);
  }
  if (const auto* day = std::get_if<AllDay>(&when)) return base::format_date(day->date);
  const base::LocalTime& local = std::get<Floating>(when).local;
  return fmt::format("{}T{:02}:{:02}:{:02}", base::format_date(local.date), local.hour,
                     local.minute, local.second);
}

}  // namespace lar::domain
