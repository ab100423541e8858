// From verdicts to points: each thread gives at most one, of its most important kind. Open things
// count however old they are (within limits), news only since the last working day began.
#include <algorithm>
#include <map>
#include <set>

#include "assistant/assistant.h"
#include "assistant/lexicon.h"
#include "base/messages.h"
#include "base/time_expression.h"

namespace lar::assistant {
namespace {

constexpr int longest_wait_days = 30;  // a mail that waited longer is no news any more
constexpr int days_ahead = 4;          // of what is due
constexpr size_t most_ids = 6;

struct Thread {
  std::vector<size_t> mails;  // before now, oldest first
};

class Briefing {
 public:
  Briefing(const Mailbox& mailbox, const std::vector<Verdict>& verdicts,
           std::optional<base::Microseconds> given, const IsDecided& decided)
      : mailbox_(mailbox),
        verdicts_(verdicts),
        decided_(decided),
        spanish_(mailbox.owner.language == base::Language::spanish),
        today_(base::to_local(mailbox.now, mailbox.owner.zone).date) {
    // The beginning of the last working day before today.
    base::Date since = base::add_days(today_, -1);
    while (base::weekday(since) > 4) since = base::add_days(since, -1);
    news_since_ = given.value_or(base::from_local({since, 0, 0, 0}, mailbox.owner.zone));
    // The days that a day's look ahead covers: over a weekend up to Monday.
    look_ahead_ = base::add_days(today_, 1);
    while (base::weekday(look_ahead_) > 4) look_ahead_ = base::add_days(look_ahead_, 1);
    horizon_ = base::add_days(look_ahead_, 2);
  }

  std::vector<Point> points(size_t most) {
    std::map<size_t, Thread> threads;
    const size_t count = std::min(mailbox_.mails.size(), verdicts_.size());
    for (size_t index = 0; index < count; ++index) {
      const Mail& mail = mailbox_.mails[index];
      if (!mail.sent || *mail.sent > mailbox_.now) continue;
      threads[mail.thread].mails.push_back(index);
    }
    std::vector<Point> points;
    std::vector<size_t> suspicious;
    for (auto& [number, thread] : threads) {
      std::sort(thread.mails.begin(), thread.mails.end(), [&](size_t one, size_t other) {
        return *mailbox_.mails[one].sent < *mailbox_.mails[other].sent;
      });
      for (const size_t index : thread.mails) {
        if (verdicts_[index].suspicious == Suspicious::phishing &&
            *mailbox_.mails[index].sent >= news_since_ &&
            !is_decided({"suspicious", &mailbox_.mails[index], {}, {}})) {
          suspicious.push_back(index);
        }
      }
      std::erase_if(thread.mails,
                    [&](size_t index) { return verdicts_[index].suspicious != Suspicious::none; });
      if (thread.mails.empty()) continue;
      if (auto point = point_of(thread)) points.push_back(std::move(*point));
    }
    if (!suspicious.empty()) points.push_back(warning(suspicious));
    std::stable_sort(points.begin(), points.end(), [](const Point& one, const Point& other) {
      return one.weight > other.weight;
    });
    return gathered(std::move(points), most);
  }

 private:
  // News go together, and so does what would not fit: a phone screen holds a dozen points, and
  // nothing open is left out for it.
  std::vector<Point> gathered(std::vector<Point> points, size_t most) const {
    constexpr size_t most_together = 10;
    std::vector<Point> alone;
    Point rest{"waiting", "", {}, 0}, news{"news", "", {}, 0};
    size_t in_rest = 0, in_news = 0;
    for (Point& point : points) {
      const bool is_news = point.kind == "news";
      // Room for two gathered lines; news stand alone only where there is more.
      const size_t reserved = is_news ? 3 : 2;
      if (alone.size() + reserved < most || point.kind == "suspicious") {
        alone.push_back(std::move(point));
        continue;
      }
      size_t& count = is_news ? in_news : in_rest;
      if (count >= most_together) continue;
      ++count;
      Point& together = is_news ? news : rest;
      if (!is_news && together.text.empty()) together.kind = point.kind;
      together.text += (together.text.empty() ? "" : "; ") + point.brief;
      together.message_ids.insert(together.message_ids.end(), point.message_ids.begin(),
                                  point.message_ids.end());
    }
    const auto close = [&](Point& together, std::string_view code) {
      if (together.text.empty()) return;
      together.text = say(code, {{"what", together.text}});
      alone.push_back(std::move(together));
    };
    close(rest, "also");
    close(news, "news");
    if (alone.size() > most) alone.resize(most);
    return alone;
  }

  std::string say(std::string_view code, const base::Parameters& parameters) const {
    const std::string whole = "brief." + std::string(code);
    return base::message(whole, parameters, mailbox_.owner.language);
  }

  std::string who(const Mail& mail) const {
    return mail.from.name.empty() ? mail.from.address : mail.from.name;
  }

  std::string day_name(const base::Date& day) const {
    const int distance = base::days_between(today_, day);
    if (distance == 0) return spanish_ ? "hoy" : "today";
    if (distance == 1) return spanish_ ? "mañana" : "tomorrow";
    if (distance == -1) return spanish_ ? "ayer" : "yesterday";
    const std::string spelled = base::spell_date(day, spanish_);
    return spelled.substr(0, spelled.rfind(spanish_ ? " de " : " "));
  }

  // A line that code made begins with who wrote; the point says that already.
  std::string without_name(const std::string& line, const Mail& mail) const {
    const std::string start = who(mail) + ": ";
    return line.starts_with(start) ? line.substr(start.size()) : line;
  }

  int age_days(const Mail& mail) const {
    return base::days_between(base::to_local(*mail.sent, mailbox_.owner.zone).date, today_);
  }

  static std::optional<base::Date> day_of(const std::string& when) {
    return base::parse_date(std::string_view(when).substr(0, 10));
  }

  bool is_past(const std::string& start) const {
    if (start.size() <= 10) return *day_of(start) < today_;
    const auto begins = base::parse_rfc3339(start);
    return !begins || *begins < mailbox_.now;
  }

  bool is_decided(const PointMatter& matter) const { return decided_ && decided_(matter); }

  void offer(std::optional<Point>& best, Point point, const Mail& mail, std::string_view what = {},
             std::string_view start = {}) const {
    if (best && best->weight >= point.weight) return;
    if (is_decided({point.kind, &mail, what, start})) return;
    best = std::move(point);
  }

  std::optional<Point> point_of(const Thread& thread) const {
    std::optional<Point> best;
    const auto answered_after = [&](size_t index) {
      return std::any_of(thread.mails.begin(), thread.mails.end(), [&](size_t other) {
        return mailbox_.mails[other].mine &&
               *mailbox_.mails[other].sent > *mailbox_.mails[index].sent;
      });
    };
    // The last that others wrote, and what of the thread still holds: appointments of a later mail
    // come first, and where that one moves or calls off, those before it are over.
    std::optional<size_t> theirs;
    std::vector<std::pair<const Appointment*, const Mail*>> appointments;
    for (const size_t index : thread.mails) {
      if (!mailbox_.mails[index].mine) theirs = index;
    }
    for (auto index = thread.mails.rbegin(); index != thread.mails.rend(); ++index) {
      const Findings& findings = verdicts_[*index].findings;
      for (const Appointment& one : findings.appointments) {
        appointments.emplace_back(&one, &mailbox_.mails[*index]);
      }
      const bool over = findings.moves && !findings.appointments.empty();
      if (over || (findings.cancels && findings.appointments.empty())) break;
    }
    if (theirs) {
      const Mail& mail = mailbox_.mails[*theirs];
      const Verdict& verdict = verdicts_[*theirs];
      const bool news = *mail.sent >= news_since_;
      const bool open = !answered_after(*theirs);
      const int age = age_days(mail);
      if (verdict.priority == Priority::urgent && (news || (open && age <= 4))) {
        offer(best, {"urgent", say("urgent", {{"what", verdict.summary}}), {}, open ? 100.0 : 60.0},
              mail);
      }
      if (verdict.priority == Priority::reply && open && age <= longest_wait_days) {
        const base::Parameters parameters = {{"who", who(mail)},
                                             {"days", std::to_string(age)},
                                             {"what", without_name(verdict.summary, mail)}};
        // A day or a few of waiting press more than none; what waited for weeks less again.
        const double weight = 58 + (age <= 7 ? age : 7 - (age - 7) * 0.8);
        offer(best,
              {"waiting",
               say(age <= 0   ? "waiting.today"
                   : age == 1 ? "waiting.day"
                              : "waiting.days",
                   parameters),
               {},
               weight},
              mail);
      }
      // What may await an answer although it reads like news is not left out, but comes late.
      constexpr double may_await = 0.3;
      const bool asks =
          verdict.judgement.priority[1] >= may_await || !verdict.findings.action_items.empty();
      if (verdict.priority == Priority::fyi && open && age <= 7 && is_person_like(mail) && asks) {
        offer(best,
              {"waiting",
               say(age <= 0   ? "waiting.today"
                   : age == 1 ? "waiting.day"
                              : "waiting.days",
                   {{"who", who(mail)},
                    {"days", std::to_string(age)},
                    {"what", without_name(verdict.summary, mail)}}),
               {},
               42.0 - age},
              mail);
      }
      const bool changed = count_phrases(mail.folded, "disruption") > 0 ||
                           verdict.findings.cancels || verdict.findings.moves;
      if (news && changed && verdict.priority != Priority::bulk) {
        offer(best, {"changed", say("changed", {{"what", verdict.summary}}), {}, 66}, mail);
      }
      if (news && verdict.priority == Priority::fyi) {
        offer(best,
              {"news",
               verdict.summary,
               {},
               verdict.personal                      ? 26.0
               : is_automatic(mail) || is_list(mail) ? 12.0
                                                     : 22.0},
              mail);
      }
    }
    // What is due, by whichever mail of the thread said so last.
    std::set<std::string> seen;
    for (auto index = thread.mails.rbegin(); index != thread.mails.rend(); ++index) {
      const Mail& mail = mailbox_.mails[*index];
      const Verdict& verdict = verdicts_[*index];
      if (!mail.mine && verdict.priority == Priority::bulk) continue;
      for (const ActionItem& item : verdict.findings.action_items) {
        const auto day = item.due.empty() ? std::nullopt : day_of(item.due);
        if (!day || !seen.insert(item.what).second) continue;
        const int left = base::days_between(today_, *day);
        if (left < -3 || left > days_ahead) continue;
        const bool answered = !mail.mine && answered_after(*index);
        const double weight = (left < 0    ? 55
                               : left == 0 ? 88
                               : left == 1 ? 78
                                           : 62 - left) -
                              (answered ? 25 : 0);
        offer(best,
              {"due",
               say(left < 0 ? "overdue" : "due",
                   {{"day", day_name(*day)}, {"what", item.what}, {"who", who(mail)}}),
               {},
               weight},
              mail, item.what, item.due);
      }
    }
    for (const auto& [appointment, mail] : appointments) {
      const auto day = day_of(appointment->start);
      if (!day || is_past(appointment->start) || *day > horizon_) continue;
      const std::string time =
          appointment->start.size() > 10 ? appointment->start.substr(11, 5) : "";
      const base::Parameters parameters = {{"day", day_name(*day)},
                                           {"time", time},
                                           {"what", appointment->title},
                                           {"place", appointment->place}};
      const std::string code = std::string("appointment") + (time.empty() ? ".day" : "") +
                               (appointment->place.empty() ? "" : ".place");
      offer(best,
            {"appointment",
             say(code, parameters),
             {},
             *day == today_        ? 84.0
             : *day <= look_ahead_ ? 72.0
                                   : 57.0},
            *mail, appointment->title, appointment->start);
    }
    if (!best) return std::nullopt;
    const Mail& latest = mailbox_.mails[theirs.value_or(thread.mails.back())];
    best->brief = who(latest) + " (" + plain_subject(latest.subject) + ")";
    for (auto index = thread.mails.rbegin();
         index != thread.mails.rend() && best->message_ids.size() < most_ids; ++index) {
      best->message_ids.push_back(mailbox_.mails[*index].id);
    }
    return best;
  }

  Point warning(const std::vector<size_t>& suspicious) const {
    Point point;
    point.kind = "suspicious";
    point.weight = 56;
    std::string names;
    for (const size_t index : suspicious) {
      const Mail& mail = mailbox_.mails[index];
      point.message_ids.push_back(mail.id);
      if (names.size() < 160)
        names += (names.empty() ? "" : "; ") + who(mail) + " <" + mail.from.address + ">";
    }
    point.text = say(suspicious.size() == 1 ? "suspicious.one" : "suspicious.other",
                     {{"count", std::to_string(suspicious.size())}, {"who", names}});
    return point;
  }

  const Mailbox& mailbox_;
  const std::vector<Verdict>& verdicts_;
  const IsDecided& decided_;
  bool spanish_;
  base::Date today_, look_ahead_, horizon_;
  base::Microseconds news_since_ = 0;
};

}  // namespace

std::vector<Point> brief(const Mailbox& mailbox, const std::vector<Verdict>& verdicts,
                         std::size_t most, std::optional<base::Microseconds> since,
                         const IsDecided& decided) {
  return Briefing(mailbox, verdicts, since, decided).points(most);
}

}  // namespace lar::assistant
