// The assistant over a mailbox file: triage judges every mail, brief says what matters now. Neither
// stores anything or needs a home; a language model is asked only where engines are given, and only
// for lines that say what a mail is about.
//
//   read_mailbox()  mails, threads, owner (mailbox.h)
//   triage()        one verdict a mail, in order, as soon as it is known
//   brief()         the points that matter at a moment, most important first, from the verdicts
//
// One thread; engines are started by whoever gives them.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "assistant/judgement.h"
#include "assistant/lessons.h"
#include "assistant/mail_features.h"
#include "assistant/mailbox.h"
#include "assistant/suspicion.h"
#include "assistant/tasks.h"
#include "engine/engine.h"

namespace lar::assistant {

struct Verdict {
  std::string message_id;
  Priority priority = Priority::fyi;
  bool personal = false;
  Suspicious suspicious = Suspicious::none;
  std::vector<Sign> reasons;  // codes triage.reason.CODE
  std::string summary;
  Findings findings;
  // How it came about: for learning and for questions.
  Features features;
  Judgement judgement;
  std::vector<float> embedding;
  bool asked_model = false;
};

struct TriageOptions {
  engine::Engines* engines = nullptr;  // null: by code alone
  bool chat = false;                   // the roles that are bound
  bool embed = false;
  base::Microseconds models_since = 0;  // mails sent before are judged by code alone
  bool learning = false;                // embeddings are wanted in whatever space
  const Lessons* lessons = nullptr;     // what the owner said of single mails; null: nothing
};

// `on_verdict` says false to end it. Errors: judgement.malformed, cancelled. An engine that fails
// is not asked again; the rest is judged without it, and `trouble` (may be null) says why.
base::Status triage(const Mailbox& mailbox, const TriageOptions& options,
                    const std::function<bool(const Verdict&)>& on_verdict, std::stop_token stop,
                    std::optional<base::Error>* trouble = nullptr);

struct Point {
  std::string kind;  // urgent, waiting, due, appointment, changed, suspicious
  std::string text;  // in the owner's language
  std::vector<std::string> message_ids;
  double weight = 0;
  std::string brief;  // who and what about, for where many stand in one line
};
// What a point would be about, for whoever knows what the owner has decided.
struct PointMatter {
  std::string_view kind;   // of the point
  const Mail* mail;        // that says it
  std::string_view what;   // of what is due
  std::string_view start;  // of an appointment
};
using IsDecided = std::function<bool(const PointMatter& matter)>;
// At most `most` points about what stands at mailbox.now, most important first. `verdicts` in the
// order of the mails. News are what came after `since`; empty: since the last working day began.
// What `decided` says yes to is left out, and the thread's next matter stands there instead.
std::vector<Point> brief(const Mailbox& mailbox, const std::vector<Verdict>& verdicts,
                         std::size_t most = 12,
                         std::optional<base::Microseconds> since = std::nullopt,
                         const IsDecided& decided = {});

// Why, in words.
std::string sentence(const Sign& sign, base::Language language);

// As written by `lar triage --json` and `lar brief --json`; schemas in data/*.schema.json.
nlohmann::json to_json(const Verdict& verdict, base::Language language);
nlohmann::json to_json(const Point& point);

}  // namespace lar::assistant
