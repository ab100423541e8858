#include "assistant/invitations.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "assistant/watcher.h"
#include "base/clock.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using nlohmann::json;

constexpr size_t most_kept = 5;  // of one mail

std::string when_text(const domain::When& when, const std::string& zone) {
  if (std::holds_alternative<domain::AllDay>(when)) return domain::format(when);
  return base::format_rfc3339(domain::begins_at(when, zone), zone);
}

// The last day of whole days: an event's end is the day after (RFC 5545, 3.6.1).
std::string end_text(const domain::Invitation& invitation, const std::string& zone) {
  if (!invitation.end) return {};
  const auto* day = std::get_if<domain::AllDay>(&*invitation.end);
  if (day == nullptr) return when_text(*invitation.end, zone);
  const auto* first = std::get_if<domain::AllDay>(&invitation.start);
  const base::Date last = base::add_days(day->date, -1);
  return first != nullptr && first->date < last ? base::format_date(last) : std::string();
}

std::string own_address(const sources::Scheduling& scheduling, const Owner& owner) {
  for (const sources::Invited& one : scheduling.invited) {
    if (owner.is(one.address)) return one.address;
  }
  return {};
}

std::optional<KnownInvitation> known_of(const domain::Invitation& invitation, const Owner& owner) {
  const bool cancel = invitation.method == "CANCEL";
  if ((invitation.method != "REQUEST" && !cancel) || invitation.object.empty()) {
    return std::nullopt;
  }
  const auto scheduling = sources::scheduling_of(invitation.object);
  if (!scheduling || scheduling->organizer.empty() || owner.is(scheduling->organizer)) {
    return std::nullopt;
  }
  KnownInvitation known;
  known.attendee = own_address(*scheduling, owner);
  if (known.attendee.empty() && !cancel) return std::nullopt;
  known.uid = invitation.uid;
  known.occurrence = scheduling->occurrence;
  known.method = invitation.method;
  known.sequence = scheduling->sequence;
  known.organizer = scheduling->organizer;
  known.title = invitation.title;
  known.place = invitation.place;
  known.start = when_text(invitation.start, owner.zone);
  known.end = end_text(invitation, owner.zone);
  known.repeats = scheduling->repeats;
  return known;
}

}  // namespace

json invitations_json(const Mail& mail, const Owner& owner) {
  json list = json::array();
  for (const domain::Invitation& invitation : mail.details.invitations) {
    const auto known = known_of(invitation, owner);
    if (!known || list.size() >= most_kept) continue;
    list.push_back({{"uid", known->uid},
                    {"occurrence", known->occurrence},
                    {"method", known->method},
                    {"sequence", known->sequence},
                    {"organizer", known->organizer},
                    {"attendee", known->attendee},
                    {"title", known->title},
                    {"place", known->place},
                    {"start", known->start},
                    {"end", known->end},
                    {"repeats", known->repeats}});
  }
  return list;
}

std::vector<KnownInvitation> invitations_from(const json& detail) {
  std::vector<KnownInvitation> result;
  if (!detail.is_object()) return result;
  const auto list = detail.find("invitations");
  if (list == detail.end() || !list->is_array()) return result;
  for (const json& one : *list) {
    if (!one.is_object()) continue;
    KnownInvitation known;
    known.uid = one.value("uid", "");
    known.occurrence = one.value("occurrence", "");
    known.method = one.value("method", "");
    known.sequence = one.value("sequence", 0);
    known.organizer = one.value("organizer", "");
    known.attendee = one.value("attendee", "");
    known.title = one.value("title", "");
    known.place = one.value("place", "");
    known.start = one.value("start", "");
    known.end = one.value("end", "");
    known.repeats = one.value("repeats", false);
    result.push_back(std::move(known));
  }
  return result;
}

Result<InvitedEvents> invited_events(store::Store& store, const Owner& owner,
                                     const std::vector<KnownInvitation>& invitations) {
  InvitedEvents events;
  for (const KnownInvitation& invitation : invitations) {
    const auto key = std::pair(invitation.uid, invitation.occurrence);
    if (events.contains(key)) continue;
    TRY_ASSIGN(const auto item, store.find_item(invitation.uid));
    if (!item) continue;
    const auto stored = store.item(*item);
    if (!stored || stored->item.kind != domain::ItemKind::event || !stored->item.event) continue;
    auto scheduling = sources::scheduling_of(stored->item.event->ical, invitation.occurrence);
    InvitedEvent event;
    event.item = *item;
    if (invitation.occurrence.empty() && stored->item.when) {
      event.start = when_text(*stored->item.when, owner.zone);
    }
    if (scheduling) {
      event.organizer = scheduling->organizer;
      event.sequence = scheduling->sequence;
      const std::string own = own_address(*scheduling, owner);
      for (const sources::Invited& one : scheduling->invited) {
        if (one.address == own) event.answer = one.answer;
      }
    } else if (!invitation.occurrence.empty()) {
      // The series is there, and this occurrence is as the series has it: older than any change.
      scheduling = sources::scheduling_of(stored->item.event->ical);
      if (!scheduling) continue;
      event.organizer = scheduling->organizer;
      event.sequence = -1;
    } else {
      continue;
    }
    events.emplace(key, std::move(event));
  }
  return events;
}

Result<LoadedInvitation> load_invitation(store::Store& store, reading::ReadingService& reading,
                                         const base::Id& mail, const std::string& uid,
                                         const std::string& occurrence, std::stop_token stop) {
  TRY_ASSIGN(const Owner owner, owner_of(store));
  TRY_ASSIGN(const LoadedMail loaded, load_mail(store, reading, mail, std::move(stop)));
  for (const domain::Invitation& invitation : loaded.mail.details.invitations) {
    if (invitation.uid != uid) continue;
    auto known = known_of(invitation, owner);
    if (known && known->occurrence == occurrence) {
      return LoadedInvitation{std::move(*known), invitation.object};
    }
  }
  return base::fail(ErrorKind::not_found, "ical.not_invited");
}

}  // namespace lar::assistant
