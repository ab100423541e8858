// What a mail asks its owner to do and which appointments it names: requests in the two languages
// with their deadlines, and moments that come with something to attend. Everything stated stands in
// the text of the mail or in its invitation. Pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "assistant/judgement.h"
#include "assistant/mailbox.h"

namespace lar::assistant {

struct ActionItem {
  std::string what;  // "mandar el contrato firmado"
  std::string due;   // "2026-05-15", or with a time "2026-05-15T14:00:00+02:00"; may be empty
  // The sentence of the mail that says it, where it was found there.
  std::optional<std::size_t> sentence = {};
};
struct Appointment {
  std::string title;
  std::string start;  // "2026-05-14T17:30:00+02:00", or "2026-05-14" for a whole day
  std::string end;    // may be empty
  std::string place;  // may be empty
};

enum class TaskKind { request, report, question, lacking, waiting, owed, promise };
// A sentence that may leave the owner something to do.
struct TaskCandidate {
  ActionItem item;
  TaskKind kind = TaskKind::request;
  std::size_t sentence = 0;
  std::map<std::string, double> features;  // "t_…"
};

// A moment that may be one.
struct AppointmentCandidate {
  Appointment appointment;
  std::size_t sentence = 0;
  bool arrival = false;                    // the end of what was named before
  bool leaves = false;                     // it is where one leaves a lodging
  bool moves = false;                      // takes the place of what was named before
  std::map<std::string, double> features;  // "a_…"
};

struct Findings {
  std::vector<ActionItem> action_items;
  std::vector<Appointment> appointments;
  std::vector<TaskCandidate> candidates;  // of which action_items were chosen
  std::vector<AppointmentCandidate> appointment_candidates;
  bool cancels = false;  // says that something does not take place
  bool moves = false;    // says that something has another time than before
};
Findings find_tasks(const Mail& mail, const Mailbox& mailbox, const Judge& judge);

// The subject without "Re:", list names and the like.
std::string plain_subject(std::string_view subject);

}  // namespace lar::assistant
