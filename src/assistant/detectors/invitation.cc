// Invitations to the owner that the calendar does not show as answered, changed ones, and those
// that were called off. Of one event the latest word counts, by its SEQUENCE and then by when it
// was sent (RFC 5546, 2.1.5). What people invite to whom the owner does not know never presses,
// and several of them are one card: calendar spam comes in storms.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "assistant/detectors/detector.h"
#include "assistant/facts.h"

namespace lar::assistant {
namespace {

using nlohmann::json;

constexpr int strangers_days = 14;  // what a storm is counted over
constexpr int soon_days = 2;
constexpr int days_ahead = 400;
constexpr size_t most_evidence = 20;
constexpr size_t most_names = 3;

struct Asked {
  const KnownMail* mail = nullptr;
  const KnownInvitation* invitation = nullptr;
};

bool is_stranger(const KnownMail& mail) {
  return mail.origin == domain::Origin::stranger || mail.origin == domain::Origin::web;
}

// Past, or so far away that it can wait.
bool is_out_of_sight(const World& world, const KnownInvitation& invitation) {
  const auto starts = moment_of(invitation.start, world.owner.zone);
  if (!starts || world.days_to(*starts) > days_ahead) return true;
  const bool whole_day = invitation.start.size() <= 10;
  const bool over = whole_day ? world.days_to(*starts) < 0 : *starts < world.now;
  return over && !invitation.repeats;
}

// Whether the calendar is behind the invitation. Its SEQUENCE alone does not tell: some programs
// raise it when an attendee adds an alarm, and then that of the organizer's next change stands
// there already with the old time.
bool is_newer(const World& world, const KnownInvitation& invitation, const InvitedEvent& event) {
  if (event.sequence != invitation.sequence) return event.sequence < invitation.sequence;
  return !event.start.empty() &&
         moment_of(event.start, world.owner.zone) != moment_of(invitation.start, world.owner.zone);
}

std::string key_of(const KnownInvitation& invitation) {
  return "invitation:" + invitation.uid + ":" + invitation.occurrence + ":" +
         std::to_string(invitation.sequence);
}

// What stands at that time in the calendar already.
const Meeting* clash_with(const World& world, const KnownInvitation& invitation) {
  const auto starts = moment_of(invitation.start, world.owner.zone);
  const auto ends = moment_of(invitation.end, world.owner.zone);
  if (!starts || !ends || invitation.start.size() <= 10) return nullptr;
  for (const Meeting& meeting : world.meetings) {
    if (meeting.starts >= *ends) break;
    if (meeting.all_day || meeting.ends <= *starts || meeting.external_id == invitation.uid ||
        !binds_owner(world, meeting)) {
      continue;
    }
    return &meeting;
  }
  return nullptr;
}

store::ProposedAction answer_with(const char* kind, const Asked& asked) {
  return {kind, json{{"item", asked.mail->item.text()},
                     {"uid", asked.invitation->uid},
                     {"occurrence", asked.invitation->occurrence},
                     {"organizer", asked.invitation->organizer}}
                    .dump(-1, ' ', false, json::error_handler_t::replace)};
}

store::Card card_for(const World& world, const Asked& asked) {
  store::Card card = card_about("invitation", *asked.mail, asked.invitation->title);
  card.key = key_of(*asked.invitation);
  card.due = moment_of(asked.invitation->start, world.owner.zone);
  const int days = card.due ? world.days_to(*card.due) : days_ahead;
  const bool soon = days >= 0 && days <= soon_days && !is_stranger(*asked.mail);
  card.urgency = soon ? urgency_today : urgency_later;
  card.weight = is_stranger(*asked.mail) ? 0.15 : 0.5;
  return card;
}

void add_request(const World& world, const Asked& asked, const InvitedEvent* event,
                 std::vector<store::Card>& cards) {
  const KnownInvitation& invitation = *asked.invitation;
  store::Card card = card_for(world, asked);
  const bool moved = event != nullptr && is_newer(world, invitation, *event);
  const Meeting* clash = clash_with(world, invitation);
  std::string code = moved ? "invitation.changed" : "invitation.new";
  if (clash != nullptr) code += ".clash";
  const std::string what =
      invitation.title + (invitation.place.empty() ? "" : " (" + invitation.place + ")");
  set_text(card, std::move(code),
           {{"who", who(asked.mail->from)},
            {"what", what},
            {"when", when_text(world, invitation.start)},
            {"other", clash == nullptr ? "" : clash->title}});
  if (event != nullptr) {
    card.evidence.push_back(
        {event->item, "", invitation.uid, invitation.title, domain::ItemKind::event});
  }
  for (const char* kind : {"accept_invitation", "tentative_invitation", "decline_invitation"}) {
    card.actions.push_back(answer_with(kind, asked));
  }
  cards.push_back(std::move(card));
}

// Only the organizer takes an event back; anybody can write that they do.
void add_cancelled(const World& world, const Asked& asked, const InvitedEvent& event,
                   std::vector<store::Card>& cards) {
  const KnownInvitation& invitation = *asked.invitation;
  const bool genuine = asked.mail->from.address == event.organizer;
  store::Card card = card_for(world, asked);
  card.key += genuine ? ":cancelled" : ":doubtful";
  const bool told = std::any_of(cards.begin(), cards.end(),
                                [&](const store::Card& other) { return other.key == card.key; });
  if (told) return;  // sent more than once
  set_text(card, genuine ? "invitation.cancelled" : "invitation.cancelled.other",
           {{"who", who(asked.mail->from)},
            {"what", invitation.title},
            {"when", when_text(world, invitation.start)},
            {"organizer", event.organizer}});
  card.evidence.push_back(
      {event.item, "", invitation.uid, invitation.title, domain::ItemKind::event});
  if (genuine) {
    card.actions.push_back(
        {"cancel_event",
         json{{"item", event.item.text()}, {"occurrence", invitation.occurrence}}.dump(
             -1, ' ', false, json::error_handler_t::replace)});
  }
  cards.push_back(std::move(card));
}

// One card for all of them, one a week, so that what the owner dismissed does not come back with
// the next.
void add_strangers(const World& world, const std::vector<Asked>& strangers,
                   std::vector<store::Card>& cards) {
  const Asked& newest = strangers.back();
  store::Card card = card_about("invitation", *newest.mail, newest.invitation->title);
  const base::Date day = world.day_of(newest.mail->sent);
  const base::Date monday = base::add_days(day, -base::weekday(day));
  card.key = "invitation:strangers:" + base::format_date(monday);
  card.person.clear();
  card.thread.clear();
  card.urgency = urgency_later;
  card.weight = 0.1;
  card.evidence.clear();
  std::vector<std::string> names;
  for (auto one = strangers.rbegin(); one != strangers.rend(); ++one) {
    const std::string name = who(one->mail->from);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    if (card.evidence.size() >= most_evidence) continue;
    card.evidence.push_back({one->mail->item, one->invitation->title, one->mail->message_id,
                             one->mail->subject, domain::ItemKind::mail});
  }
  std::string list;
  for (size_t at = 0; at < std::min(most_names, names.size()); ++at) {
    list += (list.empty() ? "" : ", ") + names[at];
  }
  if (names.size() > most_names) list += ", …";
  set_text(card, "invitation.strangers",
           {{"count", std::to_string(strangers.size())}, {"who", list}});
  cards.push_back(std::move(card));
}

void find(const World& world, std::vector<store::Card>& cards) {
  std::map<std::pair<std::string, std::string>, Asked> latest;
  const auto event_of = [&](const KnownInvitation& invitation) -> const InvitedEvent* {
    const auto found = world.invited.find({invitation.uid, invitation.occurrence});
    return found == world.invited.end() ? nullptr : &found->second;
  };
  for (const KnownMail& mail : world.mails) {
    if (mail.mine || mail.suspicious != "none") continue;
    for (const KnownInvitation& invitation : mail.invitations) {
      const InvitedEvent* event = event_of(invitation);
      const auto known = latest.find({invitation.uid, invitation.occurrence});
      const std::string& organizer = event != nullptr        ? event->organizer
                                     : known != latest.end() ? known->second.invitation->organizer
                                                             : invitation.organizer;
      // What somebody else says of it, under the organizer's name or their own, supersedes nothing.
      const bool takes_back = invitation.method == "CANCEL";
      if (takes_back && mail.from.address != organizer) {
        if (event != nullptr && !is_out_of_sight(world, invitation)) {
          add_cancelled(world, {&mail, &invitation}, *event, cards);
        }
        continue;
      }
      const bool hijacked =
          invitation.organizer != organizer ||
          (event != nullptr && is_stranger(mail) && mail.from.address != organizer);
      if (hijacked) continue;
      if (known != latest.end() && known->second.invitation->sequence > invitation.sequence) {
        continue;
      }
      latest[{invitation.uid, invitation.occurrence}] = {&mail, &invitation};
    }
  }
  std::vector<Asked> strangers;
  for (const auto& [key, asked] : latest) {
    if (is_out_of_sight(world, *asked.invitation)) continue;
    const InvitedEvent* event = event_of(*asked.invitation);
    if (asked.invitation->method == "CANCEL") {
      if (event != nullptr) add_cancelled(world, asked, *event, cards);
      continue;
    }
    const bool answered = event != nullptr && event->answer != "NEEDS-ACTION" &&
                          !is_newer(world, *asked.invitation, *event);
    if (answered) continue;
    if (event == nullptr && is_stranger(*asked.mail)) {
      if (-world.days_to(asked.mail->sent) <= strangers_days) strangers.push_back(asked);
      continue;
    }
    add_request(world, asked, event, cards);
  }
  std::stable_sort(strangers.begin(), strangers.end(), [](const Asked& one, const Asked& other) {
    return one.mail->sent < other.mail->sent;
  });
  if (strangers.size() == 1) add_request(world, strangers.front(), nullptr, cards);
  if (strangers.size() > 1) add_strangers(world, strangers, cards);
}

}  // namespace

Detector invitation() { return {"invitation", find}; }

}  // namespace lar::assistant
