// See lessons.h.
#include "assistant/lessons.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "assistant/tasks.h"
#include "base/text.h"

namespace lar::assistant {
namespace {

// Cosines of whole mails, as made for sorting. By one sender, of one kind; by anybody, one text
// sent to many.
constexpr double same_matter = 0.85;
constexpr double same_text = 0.97;

double cosine(const std::vector<float>& one, const std::vector<float>& other) {
  if (one.empty() || one.size() != other.size()) return 0;
  const double product = std::inner_product(one.begin(), one.end(), other.begin(), 0.0);
  const double squares = std::inner_product(one.begin(), one.end(), one.begin(), 0.0) *
                         std::inner_product(other.begin(), other.end(), other.begin(), 0.0);
  return squares > 0 ? product / std::sqrt(squares) : 0;
}

// "Your invoice 2026-118" and "Your invoice 2026-131".
std::string without_numbers(std::string_view subject) {
  std::string kept;
  for (const char letter : base::fold(plain_subject(subject))) {
    if (letter < '0' || letter > '9') kept += letter;
  }
  return kept;
}

bool alike(const Lesson& lesson, const Mail& mail, const std::vector<float>& embedding) {
  const double nearness = cosine(lesson.embedding, embedding);
  if (nearness >= same_text) return true;
  if (base::lower_ascii(lesson.sender) != base::lower_ascii(mail.from.address)) return false;
  return nearness >= same_matter ||
         without_numbers(lesson.subject) == without_numbers(mail.subject);
}

}  // namespace

std::vector<Lesson> lessons_from(const std::vector<store::Lesson>& stored,
                                 const std::string& space) {
  std::vector<Lesson> lessons;
  for (const store::Lesson& said : stored) {
    lessons.push_back({said.message_id, said.sender, said.subject, priority_from(said.priority),
                       said.personal, suspicious_from(said.suspicious),
                       said.space == space ? said.embedding : std::vector<float>(), said.made});
  }
  return lessons;
}

Lessons::Lessons(std::vector<Lesson> lessons) : lessons_(std::move(lessons)) {
  std::stable_sort(lessons_.begin(), lessons_.end(),
                   [](const Lesson& one, const Lesson& other) { return one.made > other.made; });
}

Taught Lessons::about(const Mail& mail, const std::vector<float>& embedding,
                      bool checks_failed) const {
  Taught taught;
  for (const Lesson& lesson : lessons_) {
    if (lesson.message_id != mail.id) continue;
    return {lesson.priority, lesson.personal, lesson.suspicious, true, lesson.subject};
  }
  for (const Lesson& lesson : lessons_) {
    if (taught.priority && taught.personal && taught.suspicious) break;
    if (!alike(lesson, mail, embedding)) continue;
    const bool in_favour = lesson.suspicious == Suspicious::none;
    const bool same_sender =
        base::lower_ascii(lesson.sender) == base::lower_ascii(mail.from.address);
    // Whoever copies a trusted mail does not get its trust with it.
    const bool trusted = same_sender && !checks_failed;
    const auto learn = [&](auto& field, const auto& said) {
      if (field || !said) return;
      field = said;
      if (taught.subject.empty()) taught.subject = lesson.subject;
    };
    if (!in_favour || trusted) learn(taught.suspicious, lesson.suspicious);
    if (trusted) {
      learn(taught.priority, lesson.priority);
      learn(taught.personal, lesson.personal);
    }
  }
  return taught;
}

}  // namespace lar::assistant
