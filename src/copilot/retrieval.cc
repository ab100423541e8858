// Retrieval for one question. No state; runs on the asking thread.
#include "copilot/retrieval.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "agent/query_vector.h"
#include "base/time_expression.h"
#include "copilot/evidence.h"
#include "store/assistant_store.h"

namespace lar::copilot {
namespace {

using base::Microseconds;
using domain::ItemKind;
using domain::SegmentKind;
using store::Hit;

constexpr std::string_view header_part = "h";  // as the mail reader names it
// Messages of changes read besides the nearest passages.
constexpr int changes = 3;
// What the best match of words adds to a cosine.
constexpr double words_share = 0.12;

std::string people_text(const Hit& hit) {
  std::string from, to;
  for (const domain::Person& person : hit.people) {
    const std::string& name = person.name.empty() ? person.address : person.name;
    std::string* list = nullptr;
    if (person.role == domain::PersonRole::from || person.role == domain::PersonRole::organizer) {
      list = &from;
    } else if (person.role == domain::PersonRole::to ||
               person.role == domain::PersonRole::attendee) {
      list = &to;
    }
    if (list == nullptr || name.empty() || list->size() > 80) continue;
    if (!list->empty()) *list += ", ";
    *list += name;
  }
  std::string text;
  if (!from.empty()) text += ", from " + from;
  if (!to.empty()) text += " to " + to;
  return text;
}

base::Date day_of(const std::optional<domain::When>& when, std::string_view zone) {
  if (!when) return base::today(zone);
  return base::to_local(domain::begins_at(*when, zone), zone).date;
}

// "17:30", by the owner's clock; empty for whole days.
std::string hour_of(const domain::When& when, std::string_view zone) {
  if (std::holds_alternative<domain::AllDay>(when)) return {};
  const base::LocalTime local = base::to_local(domain::begins_at(when, zone), zone);
  return fmt::format("{:02}:{:02}", local.hour, local.minute);
}
// "Thursday 21 May 2026 at 17:30".
std::string spelled(const domain::When& when, std::string_view zone) {
  const std::string hour = hour_of(when, zone);
  return base::spell_date(day_of(when, zone), false) + (hour.empty() ? "" : " at " + hour);
}

enum class Dated { no, yes };
std::string header_of(const Hit& hit, Dated dated, std::string_view zone) {
  std::string text(domain::name_of(hit.kind));
  // A file's time says when it was saved, and would pass for the date of what it says.
  if (dated == Dated::yes && hit.when && hit.kind != ItemKind::contact &&
      hit.kind != ItemKind::document) {
    text += ", " + base::spell_date(day_of(hit.when, zone), false);
  }
  text += people_text(hit);
  if (!hit.title.empty()) text += ": " + hit.title;
  if (!hit.part_name.empty()) text += " (attachment " + hit.part_name + ")";
  return base::collapse_spaces(text);
}

// The stretch of about `bytes` with most of the question's words, on sentence or line borders.
std::pair<size_t, size_t> best_stretch(std::string_view text, const std::vector<std::string>& terms,
                                       size_t bytes) {
  if (text.size() <= bytes) return {0, text.size()};
  struct Place {
    size_t at;
    double weight;
  };
  std::vector<Place> places;
  for (const base::Word& word : base::words(text)) {
    const std::string folded = base::fold(text.substr(word.begin, word.end - word.begin));
    for (const std::string& term : terms) {
      if (folded == term || base::stem(folded, base::Language::spanish) ==
                                base::stem(term, base::Language::spanish)) {
        places.push_back({word.begin, 1.0});
      }
    }
  }
  size_t best_begin = 0;
  double best_weight = -1;
  for (size_t index = 0; index <= places.size(); ++index) {
    const size_t begin = index == 0 ? 0 : places[index - 1].at;
    double weight = 0;
    for (const Place& place : places) {
      if (place.at >= begin && place.at < begin + bytes * 3 / 4) weight += place.weight;
    }
    if (weight > best_weight) {
      best_weight = weight;
      best_begin = begin;
    }
  }
  size_t begin = best_begin > bytes / 4 ? best_begin - bytes / 4 : 0;
  const size_t line = text.rfind('\n', begin);
  if (begin > 0)
    begin = line != std::string_view::npos && begin - line < bytes / 4 ? line + 1 : begin;
  while (begin > 0 && begin < text.size() && text[begin - 1] != ' ' && text[begin - 1] != '\n') {
    --begin;
  }
  size_t end = begin + base::cut_utf8(text.substr(begin), bytes).size();
  if (end < text.size()) {
    const size_t stop = text.find_last_of(".\n", end - 1);
    if (stop != std::string_view::npos && stop > begin + bytes / 2) end = stop + 1;
  }
  return {begin, end};
}

class Retrieval {
 public:
  Retrieval(store::Store& store, engine::Engines& engines, const agent::Query& query,
            const Budget& budget)
      : store_(store), engines_(engines), query_(query), budget_(budget) {}

  base::Result<Retrieved> run(const std::string& earlier_question, std::stop_token stop) {
    TRY(search(earlier_question, stop));
    TRY(add_calendar());
    TRY(add_later_in_thread());
    TRY(add_changes());
    TRY(add_contacts());
    return choose();
  }

 private:
  static std::string key_of(const Hit& hit) {
    return hit.item.text() + "/" + hit.locator.part + "/" + std::to_string(hit.locator.begin);
  }

  bool is_fraud(const base::Id& item) {
    const auto known = frauds_.find(item);
    if (known != frauds_.end()) return known->second;
    const auto verdict = store_.assistant().verdict(item);
    const bool fraud = verdict && *verdict && (*verdict)->suspicious == "phishing";
    return frauds_[item] = fraud;
  }

  // Adds a hit unless its text is there already; `score` orders the choice.
  void add(Hit hit, double score) {
    if (!seen_.insert(key_of(hit)).second) return;
    // What a fraud says must not answer, least of all as the later word on a matter.
    if (hit.kind == ItemKind::mail && is_fraud(hit.item)) {
      result_.cut.push_back({hit.item, hit.title, "ask.cut_fraud", estimate_tokens(hit.text)});
      return;
    }
    const std::string same_text = base::collapse_spaces(base::fold(hit.text));
    if (!texts_.insert(same_text).second) {
      result_.cut.push_back({hit.item, hit.title, "ask.cut_duplicate", estimate_tokens(hit.text)});
      return;
    }
    hit.score = score;
    hits_.push_back(std::move(hit));
  }

  base::Status search(const std::string& earlier_question, std::stop_token stop) {
    store::SearchRequest request;
    request.text = query_.text;
    if (!earlier_question.empty()) request.text += " " + earlier_question;
    TRY_ASSIGN(auto vector, agent::query_vector(engines_, request.text, stop));
    if (vector) {
      vector_ = std::move(vector->values);
      space_ = std::move(vector->space);
      request.vector = vector_;
      request.vector_model = space_;
    }
    request.limit = 40;
    request.one_per_thread = false;
    request.passages_per_item = 2;
    request.person = query_.person;
    request.kind = query_.kind;
    TRY_ASSIGN(auto hits, store_.search(request));
    for (const Hit& hit : hits) {
      result_.best_similarity = std::max(result_.best_similarity, hit.similarity);
    }
    // The meaning of a whole question says more than its words do; words and, for a text-only
    // store, their ranks settle the rest.
    const auto weight = [&](const Hit& hit) {
      const double words = hit.text_rank > 0 ? 1.0 / (1.0 + 0.15 * (hit.text_rank - 1)) : 0.0;
      return request.vector.empty() ? words
                                    : static_cast<double>(hit.similarity) + words_share * words;
    };
    std::stable_sort(hits.begin(), hits.end(), [&](const Hit& left, const Hit& right) {
      return weight(left) > weight(right);
    });
    const double best = hits.empty() ? 1.0 : std::max(weight(hits.front()), 1e-9);
    for (Hit& hit : hits) {
      double score = weight(hit) / best;
      if (hit.locator.part == header_part) {
        // Every passage is shown with its item's header line: what matters is the text below it.
        TRY_ASSIGN(auto passages, store_.item_passages(hit.item));
        for (Hit& passage : passages) {
          if (passage.locator.part == header_part) continue;
          add(std::move(passage), score * 0.9);
          break;
        }
        continue;
      }
      if (hit.segment == SegmentKind::quoted || hit.segment == SegmentKind::signature) score *= 0.7;
      add(std::move(hit), score);
    }
    return {};
  }

  // Events that take place in the time asked about.
  base::Status add_calendar() {
    if (!query_.after || !query_.before) return {};
    const Microseconds length = *query_.before - *query_.after;
    if (length > 45 * base::one_day) return {};
    TRY_ASSIGN(const auto occurrences, store_.occurrences(*query_.after, *query_.before));
    const std::string zone = base::Clock::zone();
    int count = 0;
    for (const store::StoredOccurrence& occurrence : occurrences) {
      if (++count > 20) break;
      occurs_[occurrence.item].push_back(occurrence.occurrence.start);
      if (occurs_[occurrence.item].size() > 1) continue;
      TRY_ASSIGN(auto passages, store_.item_passages(occurrence.item));
      if (passages.empty()) continue;
      // How much of the question the event shares decides between the events of that time.
      const std::vector<std::string> title = agent::content_words(passages.front().text);
      double shared = 0;
      for (const std::string& word : agent::content_words(query_.text)) {
        if (std::find(title.begin(), title.end(), word) != title.end()) shared += 1;
      }
      add(std::move(passages.front()), 0.45 + 0.2 * shared);
    }
    return {};
  }

  // A mail that supersedes another often shares few words with the question.
  base::Status add_later_in_thread() {
    std::map<std::string, double> threads;
    for (const Hit& hit : hits_) {
      if (hit.kind == ItemKind::mail && !hit.thread.empty() && hit.score > 0.45) {
        threads[hit.thread] = std::max(threads[hit.thread], hit.score);
      }
    }
    for (const auto& [thread, score] : threads) {
      TRY_ASSIGN(const auto items, store_.thread_items(thread));
      if (items.size() < 2) continue;
      int added = 0;
      for (auto id = items.rbegin(); id != items.rend() && added < 2; ++id) {
        TRY_ASSIGN(auto passages, store_.item_passages(*id));
        for (Hit& passage : passages) {
          if (passage.segment == SegmentKind::quoted || passage.segment == SegmentKind::signature ||
              passage.segment == SegmentKind::boilerplate || passage.locator.part == header_part) {
            continue;
          }
          add(std::move(passage), score * (added == 0 ? 0.85 : 0.6));
          break;
        }
        ++added;
      }
    }
    return {};
  }

  // What was moved, put off or corrected: the nearest of the messages that say so. They seldom
  // share the words of the question, nor the thread of what they change, and lie behind what they
  // change.
  base::Status add_changes() {
    const std::vector<Asked> asked = asked_for(query_.text);
    const bool changeable = std::any_of(asked.begin(), asked.end(), [](Asked sort) {
      return sort == Asked::date || sort == Asked::clock_time || sort == Asked::money ||
             sort == Asked::count;
    });
    if (!changeable || vector_.empty()) return {};
    // Of the people of the nearest mails first, of anybody then.
    std::vector<std::string> people;
    std::vector<const Hit*> best;
    for (const Hit& hit : hits_) {
      if (hit.kind == ItemKind::mail) best.push_back(&hit);
    }
    std::stable_sort(best.begin(), best.end(),
                     [](const Hit* left, const Hit* right) { return left->score > right->score; });
    if (best.size() > 3) best.resize(3);
    for (const Hit* hit : best) {
      for (const domain::Person& person : hit->people) {
        if (person.address.empty() || people.size() == 6) continue;
        if (std::find(people.begin(), people.end(), person.address) == people.end()) {
          people.push_back(person.address);
        }
      }
    }
    people.emplace_back();
    int added = 0;
    for (const std::string& person : people) {
      if (added >= changes) break;
      store::SearchRequest request;
      request.text = query_.text;
      request.vector = vector_;
      request.vector_model = space_;
      request.kind = ItemKind::mail;
      request.person = person;
      request.one_per_thread = false;
      // The nearest passage of a mail is often its header lines.
      request.passages_per_item = 3;
      request.limit = 40;
      TRY_ASSIGN(auto hits, store_.search(request));
      std::stable_sort(hits.begin(), hits.end(), [](const Hit& left, const Hit& right) {
        return left.similarity > right.similarity;
      });
      for (Hit& hit : hits) {
        if (hit.segment == SegmentKind::quoted || hit.locator.part == header_part) continue;
        if (!tells_of_change(hit.title, hit.text)) continue;
        const bool fitting = std::any_of(asked.begin(), asked.end(),
                                         [&](Asked sort) { return holds(hit.text, sort); });
        if (!fitting) continue;
        const bool known = seen_.contains(key_of(hit));
        changes_.insert(key_of(hit));
        if (known) continue;
        ++added;
        const double score = static_cast<double>(hit.similarity) /
                             std::max(0.3, static_cast<double>(result_.best_similarity));
        add(std::move(hit), std::min(score, 1.0));
        break;  // one of each
      }
    }
    return {};
  }

  // "Whose phone is it?": people named in the question or in what was found, from the address book.
  base::Status add_contacts() {
    const std::vector<Asked> asked = asked_for(query_.text);
    const auto wants = [&](Asked sort) {
      return std::find(asked.begin(), asked.end(), sort) != asked.end();
    };
    const std::string folded = base::fold(query_.text);
    const bool wanted =
        wants(Asked::phone) || wants(Asked::email) || folded.find("cumple") != std::string::npos ||
        folded.find("birthday") != std::string::npos ||
        folded.find("direccion") != std::string::npos ||
        folded.find("address") != std::string::npos || folded.find("vive") != std::string::npos ||
        folded.find(" live") != std::string::npos;
    if (!wanted) return {};
    std::set<std::string> names;
    std::vector<const Hit*> best;
    for (const Hit& hit : hits_) best.push_back(&hit);
    std::stable_sort(best.begin(), best.end(),
                     [](const Hit* left, const Hit* right) { return left->score > right->score; });
    if (best.size() > 3) best.resize(3);
    for (const Hit* hit : best) {
      for (const domain::Person& person : hit->people) {
        if (!person.name.empty()) names.insert(person.name);
      }
    }
    store::SearchRequest request;
    request.text = query_.text;
    request.vector = vector_;
    request.vector_model = space_;
    request.kind = ItemKind::contact;
    request.limit = 3;
    TRY_ASSIGN(auto hits, store_.search(request));
    for (Hit& hit : hits) add(std::move(hit), 0.5);
    for (const std::string& name : names) {
      request.text = name;
      request.vector.clear();
      request.limit = 1;
      TRY_ASSIGN(auto found, store_.search(request));
      for (Hit& hit : found) add(std::move(hit), 0.45);
    }
    return {};
  }

  base::Result<Retrieved> choose() {
    std::stable_sort(hits_.begin(), hits_.end(),
                     [](const Hit& left, const Hit& right) { return left.score > right.score; });
    const std::string zone = base::Clock::zone();
    const std::vector<std::string> terms = agent::content_words(query_.text);
    int tokens = 0, nearest = 0;
    std::map<base::Id, int> per_item;
    for (Hit& hit : hits_) {
      const auto full = static_cast<int>(result_.passages.size()) < 3;
      Candidate candidate;
      std::tie(candidate.begin, candidate.end) = best_stretch(hit.text, terms, full ? 900 : 500);
      candidate.header = header_of(hit, Dated::yes, zone);
      candidate.undated_header = header_of(hit, Dated::no, zone);
      if (const auto occurs = occurs_.find(hit.item); occurs != occurs_.end()) {
        for (size_t index = 0; index < occurs->second.size() && index < 3; ++index) {
          const domain::When& when = occurs->second[index];
          candidate.occurs += (index > 0 ? "; " : "") + spelled(when, zone);
          candidate.days.emplace_back(day_of(when, zone), hour_of(when, zone));
        }
        candidate.in_range = true;
      } else if (hit.kind == ItemKind::event && hit.when &&
                 hit.text.find("\nRepeats: ") == std::string::npos) {
        candidate.occurs = spelled(*hit.when, zone);
      }
      if (!candidate.occurs.empty()) {
        candidate.header += " (takes place " + candidate.occurs + ")";
      }
      candidate.written = day_of(hit.when, zone);
      candidate.tokens = estimate_tokens(std::string_view(hit.text).substr(
                             candidate.begin, candidate.end - candidate.begin)) +
                         estimate_tokens(candidate.header) + 4;
      candidate.change = changes_.contains(key_of(hit));
      // Passages are read one by one: those of changes take no other's place.
      const bool fits = candidate.change ||
                        (nearest < budget_.passages &&
                         tokens + candidate.tokens <= budget_.tokens && per_item[hit.item] < 2);
      if (!fits) {
        if (result_.cut.size() < 40) {
          result_.cut.push_back({hit.item, hit.title, "ask.cut_budget", candidate.tokens});
        }
        continue;
      }
      if (!candidate.change) {
        tokens += candidate.tokens;
        ++nearest;
      }
      ++per_item[hit.item];
      candidate.hit = std::move(hit);
      result_.passages.push_back(std::move(candidate));
    }
    // Contacts and documents first: a file's time says when it was saved, not when it was true.
    const auto time_of = [&](const Candidate& candidate) {
      const bool dated = candidate.hit.when && candidate.hit.kind != ItemKind::document &&
                         candidate.hit.kind != ItemKind::contact;
      return dated ? domain::begins_at(*candidate.hit.when, zone) : 0;
    };
    std::stable_sort(result_.passages.begin(), result_.passages.end(),
                     [&](const Candidate& left, const Candidate& right) {
                       return time_of(left) < time_of(right);
                     });
    result_.vector = vector_;
    result_.space = space_;
    return std::move(result_);
  }

  store::Store& store_;
  engine::Engines& engines_;
  const agent::Query& query_;
  const Budget& budget_;
  std::vector<Hit> hits_;
  std::set<std::string> seen_;
  std::set<std::string> texts_;
  std::map<base::Id, bool> frauds_;  // whether a mail was judged to be one
  std::set<std::string> changes_;    // keys of messages that tell of a change
  std::map<base::Id, std::vector<domain::When>> occurs_;
  std::vector<float> vector_;  // of the question; empty without vectors
  std::string space_;          // the embedding space of that vector
  Retrieved result_;
};

}  // namespace

int estimate_tokens(std::string_view text) {
  // Qwen's and Gemma's vocabularies take 3.0 to 3.6 bytes of such text for a token.
  return static_cast<int>(text.size() / 3) + 1;
}

base::Result<Retrieved> retrieve(store::Store& store, engine::Engines& engines,
                                 const agent::Query& query, const std::string& earlier_question,
                                 const Budget& budget, std::stop_token stop) {
  return Retrieval(store, engines, query, budget).run(earlier_question, stop);
}

}  // namespace lar::copilot
