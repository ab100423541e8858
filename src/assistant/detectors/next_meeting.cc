// What to have at hand for the next meeting: who comes and what they are, what was last written
// with them, what is open between each of them and the owner, and the papers on it. Without
// anything to show there is no card: calendars remind themselves.
#include <algorithm>
#include <map>

#include "assistant/detectors/detector.h"

namespace lar::assistant {
namespace {

constexpr base::Microseconds ahead = 24LL * 3600 * base::one_second;
constexpr base::Microseconds hour = 3600LL * base::one_second;
constexpr int recent_days = 45;
constexpr size_t most_open = 3;
constexpr size_t most_papers = 3;
constexpr size_t least_name = 2;    // "Bo", "Leo"
constexpr size_t least_matter = 4;  // of a word that two subjects share

// Words of the title that can name somebody or something.
std::vector<std::string> names_in(const std::string& title) {
  std::vector<std::string> names;
  for (const base::Word& word : base::words(title)) {
    const std::string_view text = std::string_view(title).substr(word.begin, word.end - word.begin);
    const bool capital = static_cast<unsigned char>(text[0]) >= 'A' && text[0] <= 'Z';
    std::string name = base::fold(text);
    if (text.size() >= least_name && !base::is_stop_word(name) &&
        (capital || static_cast<unsigned char>(text[0]) >= 0x80)) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

class Preparing {
 public:
  Preparing(const World& world, const Meeting& meeting)
      : world_(world), meeting_(meeting), names_(names_in(meeting.title)) {
    for (const domain::Person& person : meeting.people) {
      if (!person.address.empty()) people_.emplace(person.address, person.name);
    }
  }

  void add_to(std::vector<store::Card>& cards) {
    look_through_mails();
    if (last_ == nullptr) return;
    const domain::Person& person =
        last_->mine && !last_->to.empty() ? last_->to.front() : last_->from;
    store::Card card = card_about("meeting", *last_);
    card.person = person.address;
    card.key = "meeting:" + meeting_.external_id + ":" +
               std::to_string(meeting_.starts / base::one_second);
    card.urgency = urgency_today;
    card.weight = 0.55;
    card.due = meeting_.starts;
    card.evidence.insert(card.evidence.begin(), {meeting_.item, "", meeting_.external_id,
                                                 meeting_.title, domain::ItemKind::event});
    const std::string open = open_points(card);
    const std::string papers = add_papers(card);
    std::string code = open.empty() ? "meeting" : "meeting.open";
    if (!papers.empty()) code += ".papers";
    const auto role = world_.roles.find(person.address);
    set_text(card, std::move(code),
             {{"what", meeting_.title},
              {"when", time_text(world_, meeting_.starts)},
              {"who", who(person) + (role == world_.roles.end() ? "" : " (" + role->second + ")")},
              {"last", what_of(*last_)},
              {"day", day_text(world_.day_of(last_->sent))},
              {"open", open},
              {"papers", papers}});
    if (!last_->automatic) {
      card.actions.push_back(draft_to(*last_, person.address, person.name));
    }
    if (meeting_.starts - hour > world_.now) {
      card.actions.push_back(reminder_at(meeting_.starts - hour, meeting_.title, meeting_.item));
    }
    cards.push_back(std::move(card));
  }

 private:
  bool takes_part(const domain::Person& person) const {
    if (person.address.empty() || world_.owner.is(person.address)) return false;
    if (people_.contains(person.address)) return true;
    const std::string name = " " + base::fold(person.name) + " ";
    return std::any_of(names_.begin(), names_.end(), [&](const std::string& word) {
      return name.find(" " + word + " ") != std::string::npos;
    });
  }

  // Newest first: the last one with them, and which of them brought something.
  void look_through_mails() {
    for (auto mail = world_.mails.rbegin(); mail != world_.mails.rend(); ++mail) {
      if (mail->sent < world_.now - recent_days * base::one_day) break;
      if (mail->kind != domain::ItemKind::mail) continue;  // who comes is known by address
      if (mail->automatic || mail->suspicious != "none" || mail->priority == "bulk") continue;
      bool with_them = false;
      const auto meet = [&](const domain::Person& person) {
        if (!takes_part(person)) return;
        with_them = true;
        people_.emplace(person.address, person.name);
      };
      meet(mail->from);
      for (const domain::Person& person : mail->to) meet(person);
      // Or the matter has the meeting's name: two words of it.
      const std::string subject = phrase_text(mail->subject);
      const auto named = std::count_if(names_.begin(), names_.end(), [&](const std::string& word) {
        return word.size() >= least_matter && subject.find(" " + word + " ") != std::string::npos;
      });
      if (!with_them && named < 2) continue;
      if (last_ == nullptr) last_ = &*mail;
      if (!mail->outcome.files.empty()) with_files_.push_back(&*mail);
    }
  }

  // What either side owes the other, of all who come.
  std::string open_points(store::Card& card) const {
    static const std::vector<std::string> kinds = {"request", "promise", "promised", "awaits_me",
                                                   "awaits_them"};
    std::vector<const store::Fact*> found;
    for (const store::Fact& fact : world_.facts) {
      if (fact.state != store::FactState::valid || !people_.contains(fact.who) ||
          std::find(kinds.begin(), kinds.end(), fact.kind) == kinds.end()) {
        continue;
      }
      const KnownMail* mail = world_.mail(fact.item);
      if (mail == nullptr || mail->sent < world_.now - recent_days * base::one_day) continue;
      // What waits for an answer because of what it asks is said once.
      const bool asked =
          (fact.kind == "awaits_me" || fact.kind == "awaits_them") &&
          std::any_of(world_.facts.begin(), world_.facts.end(), [&](const store::Fact& other) {
            return other.item == fact.item && other.kind == "request" &&
                   other.state == store::FactState::valid;
          });
      if (!asked) found.push_back(&fact);
    }
    // First what has a day, the nearest first.
    std::stable_sort(found.begin(), found.end(), [](const auto* one, const auto* other) {
      if (one->moment.has_value() != other->moment.has_value()) return one->moment.has_value();
      return one->moment && *one->moment < *other->moment;
    });
    if (found.size() > most_open) found.resize(most_open);
    std::string open;
    for (const store::Fact* fact : found) {
      const KnownMail* mail = world_.mail(fact->item);
      open += open.empty() ? "" : "; ";
      // Whose point it is only matters where several come.
      if (people_.size() > 1 && !fact->who_name.empty()) open += fact->who_name + ": ";
      open += fact->what;
      card.evidence.push_back(
          {fact->item, fact->quote, mail->message_id, mail->subject, mail->kind});
    }
    return open;
  }

  // Files that went to and fro, then documents that bear the meeting's name.
  std::string add_papers(store::Card& card) const {
    std::string papers;
    size_t count = 0;
    const auto add = [&](const std::string& name) {
      papers += (papers.empty() ? "" : ", ") + name;
      ++count;
    };
    const auto is_evidence = [&](const base::Id& item) {
      return std::any_of(card.evidence.begin(), card.evidence.end(),
                         [&](const auto& known) { return known.item == item; });
    };
    for (const KnownMail* mail : with_files_) {
      if (count >= most_papers) break;
      add(mail->outcome.files.front());
      if (is_evidence(mail->item)) continue;
      card.evidence.push_back({mail->item, "", mail->message_id, mail->subject, mail->kind});
    }
    // Who comes is not what it is about.
    std::set<std::string> matter = matter_words(meeting_.title);
    for (const auto& [address, name] : people_) {
      for (const std::string& word : matter_words(name)) matter.erase(word);
    }
    for (const KnownDocument& document : world_.documents) {
      if (count >= most_papers || matter.empty()) break;
      const size_t shared = shared_words(matter, matter_words(document.title));
      if (shared == 0 || shared * 2 < matter.size()) continue;
      add(document.title);
      card.evidence.push_back(
          {document.item, "", document.external_id, document.title, domain::ItemKind::document});
    }
    return papers;
  }

  const World& world_;
  const Meeting& meeting_;
  const std::vector<std::string> names_;
  std::map<std::string, std::string> people_;  // address, name
  const KnownMail* last_ = nullptr;
  std::vector<const KnownMail*> with_files_;  // newest first
};

void find(const World& world, std::vector<store::Card>& cards) {
  for (const Meeting& meeting : world.meetings) {
    if (meeting.all_day || meeting.declined || meeting.starts < world.now) continue;
    if (meeting.starts > world.now + ahead) break;
    Preparing(world, meeting).add_to(cards);
  }
}

}  // namespace

Detector next_meeting() { return {"meeting", find}; }

}  // namespace lar::assistant
