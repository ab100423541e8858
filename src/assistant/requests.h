// What a mail may ask of its owner, and what its owner promises in one of theirs: every sentence
// that requests, asks, lacks, waits for, owes or promises something becomes a candidate with
// features that say what kind of sentence it is and in what kind of mail it stands. Which of them
// are something to do is judged by learned weights (judgement.h, "task"). Pure functions.
#pragma once

#include <vector>

#include "assistant/judgement.h"
#include "assistant/tasks.h"

namespace lar::assistant {

std::vector<TaskCandidate> task_candidates(const Mail& mail, const Mailbox& mailbox);

// Those that the weights let through, without doubles: "let me know" behind a question is none of
// its own.
std::vector<ActionItem> chosen_items(const std::vector<TaskCandidate>& candidates,
                                     const Judge& judge);

// What a mail that awaits an answer leaves its owner to do where none of these was let through: the
// likeliest candidate if there is something to it, else to answer on the subject.
ActionItem answer_owed(const Mail& mail, const std::vector<TaskCandidate>& candidates,
                       const Judge& judge);

}  // namespace lar::assistant
