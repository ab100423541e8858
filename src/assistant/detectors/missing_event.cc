// An appointment that a mail names and the calendar does not hold, or holds at another time. Two
// things at one hour are the same only where they have something in common: a word, a place, the
// people. A dentist does not stand in the calendar because a call does.
#include <algorithm>
#include <array>
#include <cmath>

#include "assistant/detectors/detector.h"
#include "assistant/facts.h"
#include "os/file.h"

namespace lar::assistant {
namespace {

constexpr int days_ahead = 60;
constexpr base::Microseconds minute = 60 * base::one_second;
constexpr base::Microseconds same_time = 20 * minute;
constexpr base::Microseconds usual_length = 60 * minute;
constexpr base::Microseconds longest = 12LL * 60 * minute;

bool share_a_word(const std::string& one, const std::string& other) {
  const std::string folded = phrase_text(other);
  for (const base::Word& word : base::words(one)) {
    const std::string piece =
        base::fold(std::string_view(one).substr(word.begin, word.end - word.begin));
    if (piece.size() >= 4 && folded.find(" " + piece) != std::string::npos) return true;
  }
  return false;
}

// What people write in a mail and in their calendar for one thing, in either language.
constexpr std::array<std::array<std::string_view, 8>, 12> same_things = {{
    {" dentist", " dental", " odontolog", " muela", " ortodon", " clinica", " tooth", " hygienist"},
    {" doctor", " medico", " medica", " clinica", " consulta", " salud", " hospital", " gp "},
    {" veterinari", " vet ", " perro", " gato", " dog ", " cat ", " vacuna", " vaccin"},
    {" peluquer", " hairdresser", " haircut", " corte de pelo", " barber", " hair ", " pelo ",
     " salon"},
    {" colegio", " cole ", " tutoria", " escuela", " school", " teacher", " tutor", " profe"},
    {" comida", " comer ", " almuerzo", " almorzar", " lunch", " menu ", " brunch", " tapas"},
    {" cena", " cenar ", " dinner", " supper", " restaurante", " restaurant", " mesa ", " table "},
    {" coche", " car ", " taller", " itv ", " garage", " mot ", " neumatico", " tyre"},
    {" reunion", " meeting", " junta ", " comite", " committee", " sync ", " call ", " llamada"},
    {" fisio", " physio", " rehabilitacion", " masaje", " massage", " espalda", " osteopat",
     " back pain"},
    {" vuelo", " flight", " aeropuerto", " airport", " avion", " plane ", " boarding", " embarque"},
    {" entrevista", " interview", " candidat", " puesto ", " job ", " recruit", " seleccion",
     " hr "},
}};

bool are_one_thing(const std::string& one, const std::string& other) {
  const std::string first = phrase_text(one), second = phrase_text(other);
  const auto names = [](const std::string& text, const auto& words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return text.find(word) != std::string::npos; });
  };
  return std::any_of(same_things.begin(), same_things.end(), [&](const auto& words) {
    return names(first, words) && names(second, words);
  });
}

bool is_the_same(const store::Fact& fact, const KnownMail& mail, const Meeting& meeting,
                 const std::string& about) {
  const std::string known = meeting.title + " " + meeting.place;
  if (share_a_word(about, known) || are_one_thing(about, known)) return true;
  return std::any_of(meeting.people.begin(), meeting.people.end(),
                     [&](const domain::Person& person) {
                       return !person.address.empty() &&
                              (person.address == fact.who || person.address == mail.from.address);
                     });
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
    base::Microseconds ends = *fact.moment + usual_length;
    if (const auto said = moment_of(fact.ends, world.owner.zone); said && *said > *fact.moment) {
      ends = *said;
    }
    bool there = false;
    const Meeting* differs = nullptr;
    const Meeting* clash = nullptr;
    for (const Meeting& meeting : world.meetings) {
      const bool of_the_day = world.day_of(meeting.starts) == world.day_of(*fact.moment);
      const bool alike = of_the_day && is_the_same(fact, *mail, meeting, about);
      if (timed && !meeting.all_day && alike &&
          std::abs(meeting.starts - *fact.moment) <= same_time) {
        there = true;
      } else if (alike && (!timed || meeting.all_day)) {
        there = true;
      } else if (alike && share_a_word(about, meeting.title + " " + meeting.place)) {
        differs = &meeting;
      } else if (timed && !meeting.all_day && meeting.ends - meeting.starts <= longest &&
                 meeting.starts < ends && meeting.ends > *fact.moment &&
                 binds_owner(world, meeting)) {
        clash = &meeting;
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
    const Meeting* shown = differs != nullptr ? differs : clash;
    if (shown != nullptr) {
      card.evidence.push_back(
          {shown->item, "", shown->external_id, shown->title, domain::ItemKind::event});
    }
    if (differs != nullptr) {
      set_text(card, "event.differs",
               {{"what", fact.what},
                {"when", when_text(world, fact.starts)},
                {"calendar", time_text(world, differs->starts)},
                {"who", whose(*mail, fact)}});
    } else {
      std::string code = fact.place.empty() ? "event.missing" : "event.missing.place";
      if (clash != nullptr) code += ".clash";
      set_text(card, std::move(code),
               {{"what", fact.what},
                {"when", when_text(world, fact.starts)},
                {"place", fact.place},
                {"other", clash == nullptr ? "" : clash->title},
                {"who", whose(*mail, fact)}});
    }
    card.actions.push_back(event_from(fact));
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector missing_event() { return {"event", find}; }

}  // namespace lar::assistant
