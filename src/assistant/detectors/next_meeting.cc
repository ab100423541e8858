// What to have at hand for the next meeting: who comes, what was last written with them, and what
// is open between them and the owner. Without anything to show there is no card: calendars remind
// themselves.
#include <algorithm>

#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr base::Microseconds ahead = 24LL * 3600 * base::one_second;
constexpr int recent_days = 45;
constexpr size_t most_open = 3;

// Words of the title that can name somebody or something.
std::vector<std::string> names_in(const std::string& title) {
  std::vector<std::string> names;
  for (const base::Word& word : base::words(title)) {
    const std::string_view text = std::string_view(title).substr(word.begin, word.end - word.begin);
    const bool capital = static_cast<unsigned char>(text[0]) >= 'A' && text[0] <= 'Z';
    if (text.size() >= 4 && (capital || static_cast<unsigned char>(text[0]) >= 0x80)) {
      names.push_back(base::fold(text));
    }
  }
  return names;
}

void find(const World& world, std::vector<store::Card>& cards) {
  for (const Meeting& meeting : world.meetings) {
    if (meeting.all_day || meeting.starts < world.now) continue;
    if (meeting.starts > world.now + ahead) break;
    const std::vector<std::string> names = names_in(meeting.title);
    const KnownMail* last = nullptr;
    for (auto mail = world.mails.rbegin(); mail != world.mails.rend(); ++mail) {
      if (mail->sent < world.now - recent_days * base::one_day) break;
      if (mail->automatic || mail->suspicious != "none" || mail->priority == "bulk") continue;
      const auto takes_part = [&](const domain::Person& person) {
        if (person.address.empty() || world.owner.is(person.address)) return false;
        const bool invited = std::any_of(
            meeting.people.begin(), meeting.people.end(),
            [&](const domain::Person& other) { return other.address == person.address; });
        const std::string name = " " + base::fold(person.name) + " ";
        return invited || std::any_of(names.begin(), names.end(), [&](const std::string& word) {
                 return name.find(" " + word + " ") != std::string::npos;
               });
      };
      bool fits =
          takes_part(mail->from) || std::any_of(mail->to.begin(), mail->to.end(), takes_part);
      // Or the matter has the meeting's name: two words of it.
      const std::string subject = phrase_text(mail->subject);
      const auto named = std::count_if(names.begin(), names.end(), [&](const std::string& word) {
        return subject.find(" " + word + " ") != std::string::npos;
      });
      fits = fits || named >= 2;
      if (fits) {
        last = &*mail;
        break;
      }
    }
    if (last == nullptr) continue;
    const std::string person =
        last->mine && !last->to.empty() ? last->to.front().address : last->from.address;
    store::Card card = card_about("meeting", *last);
    card.person = person;
    card.key =
        "meeting:" + meeting.external_id + ":" + std::to_string(meeting.starts / base::one_second);
    card.urgency = urgency_today;
    card.weight = 0.55;
    card.due = meeting.starts;
    card.evidence.insert(card.evidence.begin(), {meeting.item, "", meeting.external_id,
                                                 meeting.title, domain::ItemKind::event});
    std::string open;
    size_t count = 0;
    for (const store::Fact& fact : world.facts) {
      if (fact.state != store::FactState::valid || fact.who != person || count >= most_open) {
        continue;
      }
      if (fact.kind != "request" && fact.kind != "promise" && fact.kind != "promised") continue;
      const KnownMail* mail = world.mail(fact.item);
      if (mail == nullptr || mail->sent < world.now - recent_days * base::one_day) continue;
      ++count;
      open += (open.empty() ? "" : "; ") + fact.what;
      card.evidence.push_back(
          {fact.item, fact.quote, mail->message_id, mail->subject, domain::ItemKind::mail});
    }
    set_text(card, open.empty() ? "meeting" : "meeting.open",
             {{"what", meeting.title},
              {"when", time_text(world, meeting.starts)},
              {"who", who(last->mine && !last->to.empty() ? last->to.front() : last->from)},
              {"last", what_of(*last)},
              {"day", day_text(world.day_of(last->sent))},
              {"open", open}});
    cards.push_back(std::move(card));
  }
}

}  // namespace

Detector next_meeting() { return {"meeting", find}; }

}  // namespace lar::assistant
