// The cursor as JSON, and what follows from comparing it with what a server says.
#include "sources/imap/cursor.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace lar::sources::imap {

namespace {

using nlohmann::json;

json to_json(const MailboxStatus& status) {
  return {status.validity, status.next, status.messages, status.unseen, status.modseq};
}

MailboxStatus status_from(const json& value) {
  MailboxStatus status;
  status.validity = value.at(0).get<std::uint32_t>();
  status.next = value.at(1).get<std::uint32_t>();
  status.messages = value.at(2).get<std::uint64_t>();
  status.unseen = value.at(3).get<std::uint64_t>();
  status.modseq = value.at(4).get<std::uint64_t>();
  return status;
}

}  // namespace

Cursor Cursor::parse(const std::string& text, const reading::ReadingService& reading) {
  Cursor cursor;
  cursor.skipped = Skipped::from_json(nullptr, reading);
  try {
    const json value = json::parse(text);
    Cursor parsed;
    for (const auto& [name, entry] : value.at("folders").items()) {
      FolderState& state = parsed.folders[name];
      state.seen = status_from(entry.at("seen"));
      state.compared = entry.at("compared").get<base::Microseconds>();
      state.pending = entry.at("pending").get<std::vector<std::uint32_t>>();
      if (const auto doubt = entry.find("doubt"); doubt != entry.end()) {
        state.doubt =
            FolderState::Doubt{doubt->at("since").get<base::Microseconds>(),
                               status_from(doubt->at("told")), doubt->at("whole").get<bool>()};
      }
    }
    parsed.skipped = Skipped::from_json(value.at("skipped"), reading);
    parsed.readers = value.at("readers").get<std::string>();
    cursor = std::move(parsed);
  } catch (const json::exception&) {
  }
  return cursor;
}

std::string Cursor::text() const {
  json list = json::object();
  for (const auto& [name, state] : folders) {
    json& entry = list[name];
    entry = {
        {"seen", to_json(state.seen)}, {"compared", state.compared}, {"pending", state.pending}};
    if (state.doubt) {
      entry["doubt"] = {{"since", state.doubt->since},
                        {"told", to_json(state.doubt->told)},
                        {"whole", state.doubt->whole}};
    }
  }
  const json value = {
      {"folders", std::move(list)}, {"skipped", skipped.to_json()}, {"readers", readers}};
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool needs_look(const FolderState* state, const MailboxStatus& status) {
  if (state == nullptr) return true;
  const base::Microseconds now = base::Clock::now();
  if (state->doubt && state->doubt->told == status) {
    return now - state->doubt->since >= doubt_lasts || now < state->doubt->since;
  }
  if (!(state->seen == status)) return true;
  return status.modseq == 0 && status.messages > 0 &&
         (now - state->compared >= compare_every || now < state->compared);
}

bool needs_look_at_missing(const FolderState& state) {
  const base::Microseconds now = base::Clock::now();
  return !state.doubt || !(state.doubt->told == MailboxStatus{}) ||
         now - state.doubt->since >= doubt_lasts || now < state.doubt->since;
}

std::string uid_text(std::uint32_t validity, std::uint32_t uid) {
  return std::to_string(validity) + "." + std::to_string(uid);
}

std::optional<MailUid> parse_uid(std::string_view text) {
  MailUid made;
  const std::string base = base_uid(text);
  const char* end = base.data() + base.size();
  const auto first = std::from_chars(base.data(), end, made.validity);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, made.uid);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return made;
}

}  // namespace lar::sources::imap
