// What the owner said of single mails ("this is no phishing", "that was urgent"), and what follows
// for others alike: the owner's word goes before what was learnt from everybody's mail. Pure
// functions over values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assistant/judgement.h"
#include "assistant/mailbox.h"
#include "base/clock.h"
#include "store/assistant_store.h"

namespace lar::assistant {

struct Lesson {
  std::string message_id;
  std::string sender;                // address
  std::string subject;               // without "Re:" and the like
  std::optional<Priority> priority;  // of each the owner may have said nothing
  std::optional<bool> personal;
  std::optional<Suspicious> suspicious;
  std::vector<float> embedding;  // as Verdict::embedding; empty: not known
  base::Microseconds made = 0;
};

struct Taught {
  std::optional<Priority> priority;
  std::optional<bool> personal;
  std::optional<Suspicious> suspicious;
  bool itself = false;  // all of it was said of this very mail
  std::string subject;  // of the mail that it was said of
};

// As they are stored; of an embedding in another space than `space` nothing is left.
std::vector<Lesson> lessons_from(const std::vector<store::Lesson>& stored,
                                 const std::string& space);

class Lessons {
 public:
  explicit Lessons(std::vector<Lesson> lessons);

  // Of each of the three what was said last of this mail, else of one alike: by the same sender and
  // about the same, or almost the same by somebody else. `checks_failed`: the receiving server
  // doubts the sender; what was said in the sender's favour then holds for no other mail.
  Taught about(const Mail& mail, const std::vector<float>& embedding, bool checks_failed) const;

 private:
  std::vector<Lesson> lessons_;  // newest first
};

}  // namespace lar::assistant
