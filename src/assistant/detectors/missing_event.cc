// An appointment that a mail names and the calendar does not hold, or holds at another time.
#include <algorithm>
#include <cmath>

#include "assistant/detectors/detector.h"
#include "os/file.h"

namespace lar::assistant {
namespace {

constexpr int days_ahead = 60;
constexpr base::Microseconds same_time = 20 * 60 * base::one_second;

bool share_a_word(const std::string& one, const std::string& other) {
  const std::string folded = phrase_text(other);
  for (const base::Word& word : base::words(one)) {
    const std::string piece =
        base::fold(std::string_view(one).substr(word.begin, word.end - word.begin));
    if (piece.size() >= 4 && folded.find(" " + piece) != std::string::npos) return true;
  }
  return false;
}

void find(const World& world, std::vector<store::Card>& cards) {
  for (const store::Fact& fact : world.facts) {
    if (fact.kind != "appointment" || fact.state != store::FactState::valid || !fact.moment) {
      continue;
    }
    const KnownMail* mail = world.mail(fact.item);
    const bool timed = fact.starts.size() > 10;
    const int days = world.days_to(*fact.moment);
    if (mail == nullptr || days > days_ahead || days < 0 || (timed && *fact.moment < world.now)) {
      continue;
    }
    if (!mail->invitations.empty()) continue;  // invitation.cc answers it
    // What the owner proposed is an appointment once somebody has answered.
    if (mail->mine) {
      const auto thread = world.thread(mail->thread);
      const bool answered = std::any_of(thread.begin(), thread.end(), [&](const KnownMail* other) {
        return !other->mine && other->sent > mail->sent;
      });
      if (!answered) continue;
    }
    const std::string about =
        fact.what + " " + fact.place + " " + fact.who_name + " " + mail->subject;
    bool there = false;
    const Meeting* differs = nullptr;
    for (const Meeting& meeting : world.meetings) {
      if (world.day_of(meeting.starts) != world.day_of(*fact.moment)) continue;
      const bool alike = share_a_word(about, meeting.title + " " + meeting.place);
      if (timed && !meeting.all_day && std::abs(meeting.starts - *fact.moment) <= same_time) {
        there = true;
      } else if (alike && (!timed || meeting.all_day)) {
        there = true;
      } else if (alike) {
        differs = &meeting;
      }
    }
    if (there) continue;
    // Another time of the same day is only a contradiction where the mail says it was moved.
    if (differs != nullptr && !mail->moves) continue;
    store::Card card = card_about("event", *mail, fact.quote);
    card.key = "event:" + fact.starts + ":" + os::sha256(fact.thread + fact.what).substr(0, 12);
    card.urgency = days <= 1 ? urgency_today : urgency_later;
    card.weight = days <= 1 ? 0.8 : std::max(0.2, 0.6 - 0.008 * days);
    card.due = fact.moment;
    if (differs != nullptr) {
      set_text(card, "event.differs",
               {{"what", fact.what},
                {"when", when_text(world, fact.starts)},
                {"calendar", time_text(world, differs->starts)},
                {"who", who(mail->from)}});
      card.evidence.push_back(
          {differs->item, "", differs->external_id, differs->title, domain::ItemKind::event});
    } else {
      set_text(card, fact.place.empty() ? "event.missing" : "event.missing.place",
               {{"what", fact.what},
                {"when", when_text(world, fact.starts)},
                {"place", fact.place},
                {"who", who(mail->from)}});
    }
    card.actions.push_back(event_from(fact));
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector missing_event() { return {"event", find}; }

}  // namespace lar::assistant
