// Calendars and address books in one file. The place of an item is its UID; its fingerprint is that
// of what the reader made of it, so that a change elsewhere in the file leaves it alone. Events are
// expanded inside a moving span: when it moves, the file is read again. Runs on the thread of its
// source.
#include "sources/collection.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "domain/json.h"
#include "sources/files.h"
#include "sources/pipeline.h"

namespace lar::sources {

namespace {

using base::ErrorKind;
using base::Status;

constexpr std::size_t batch_items = 64;
constexpr std::uint64_t sample_bytes = 4096;

struct Cursor {
  FileState state;
  std::string hash;
  ReadingBasis basis;
  bool cut_off = false;
  std::vector<std::pair<std::string, domain::Notice>> notices;
};

Cursor parse_cursor(const std::string& text) {
  Cursor cursor;
  try {
    const auto value = nlohmann::json::parse(text);
    Cursor parsed;
    parsed.state.size = value.at("size").get<std::uint64_t>();
    parsed.state.modified = value.at("modified").get<base::Microseconds>();
    parsed.hash = value.at("hash").get<std::string>();
    parsed.basis = ReadingBasis::from_json(value);
    parsed.cut_off = value.at("cut_off").get<bool>();
    for (const auto& entry : value.at("notices")) {
      parsed.notices.push_back(
          {entry.at(0).get<std::string>(),
           {entry.at(1).get<std::string>(), entry.at(2).get<base::Parameters>()}});
    }
    cursor = std::move(parsed);
  } catch (const nlohmann::json::exception&) {
  }
  return cursor;
}

std::string to_text(const Cursor& cursor) {
  nlohmann::json notices = nlohmann::json::array();
  for (const auto& [about, notice] : cursor.notices) {
    notices.push_back({about, notice.code, notice.parameters});
  }
  nlohmann::json value = {{"size", cursor.state.size},
                          {"modified", cursor.state.modified},
                          {"hash", cursor.hash},
                          {"cut_off", cursor.cut_off},
                          {"notices", std::move(notices)}};
  cursor.basis.write_to(value);
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool same_ignoring_case(std::string_view text, std::string_view upper) {
  return base::lower_ascii(base::trim(text)) == base::lower_ascii(upper);
}

// Whether the last line that is not blank is the one such files end with.
bool ends_properly(std::string_view bytes, std::string_view last_line) {
  const std::string_view rest = base::trim(bytes);
  const auto line = rest.find_last_of("\r\n");
  return same_ignoring_case(line == std::string_view::npos ? rest : rest.substr(line + 1),
                            last_line);
}

}  // namespace

const CollectionType calendar_file{"ics",           "text/calendar",         "BEGIN:VCALENDAR",
                                   "END:VCALENDAR", "source.not_a_calendar", "ics.truncated"};
const CollectionType contacts_file{"vcf",       "text/vcard",          "BEGIN:VCARD",
                                   "END:VCARD", "source.not_contacts", "vcf.truncated"};

bool opens_properly(const CollectionType& type, std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  bytes = base::trim(bytes);
  return same_ignoring_case(bytes.substr(0, bytes.find_first_of("\r\n")), type.first_line);
}

base::Result<store::Source> describe_collection(const CollectionType& type,
                                                const std::string& location,
                                                const std::string& name) {
  TRY_ASSIGN(const std::string path, resolve(location));
  TRY_ASSIGN(const auto file, open_regular(path));
  const auto wrong = [&] {
    return base::fail(ErrorKind::invalid_input, std::string(type.wrong_code), {{"path", location}});
  };
  if (!file) return wrong();
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return base::fail_errno(errno, path, "stat");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  TRY_ASSIGN(const auto head, read_range(file->get(), 0, std::min(size, sample_bytes), path));
  if (!head || !opens_properly(type, *head)) return wrong();
  store::Source source;
  source.kind = type.kind;
  source.name = name.empty() ? last_component(path) : name;
  source.location = path;
  return source;
}

base::Result<CollectionOutcome> record_collection(const CollectionType& type, SyncContext& context,
                                                  const CollectionText& text,
                                                  const std::vector<store::Placement>& stored,
                                                  const std::set<PlacementKey>& stale,
                                                  SyncReport& report) {
  CollectionOutcome outcome;
  outcome.cut_off = !ends_properly(text.bytes, type.last_line);
  const std::string shown = text.path.empty() ? text.name : text.path;
  TRY_ASSIGN(const os::Descriptor memory, memory_file(text.bytes));

  reading::Request request;
  request.descriptor = memory.get();
  request.length = text.bytes.size();
  request.name = base::clean_utf8(text.name);
  request.media_type = type.media_type;
  request.path = request.name;
  request.modified = text.modified;
  request.owner_zone = base::Clock::zone();
  const Horizon span = horizon();
  request.horizon_begin = span.begin;
  request.horizon_end = span.end;
  auto reading = context.reading.read(request, context.stop);
  if (!reading && outcome.cut_off && reading.error().kind != ErrorKind::cancelled) {
    return base::fail(ErrorKind::corrupt, std::string(type.cut_code), {{"path", shown}},
                      base::Retry::later);
  }
  if (!reading) return tl::unexpected(std::move(reading).error());

  std::map<std::string, const store::Placement*> known;
  for (const store::Placement& placement : stored) known[placement.uid] = &placement;
  std::set<std::string> present;
  std::vector<store::Recording> recordings;
  if (reading->items.size() > text.most_items) {
    outcome.notices.emplace_back(
        text.name,
        domain::Notice{"dav.too_many",
                       {{"name", text.name}, {"limit", std::to_string(text.most_items)}}});
    reading->items.resize(text.most_items);
  }
  for (domain::Item& item : reading->items) {
    item.origin = text.origin;
    std::string uid = item.external_id;
    for (int copy = 2; !present.insert(uid).second; ++copy) {
      uid = item.external_id + "//" + std::to_string(copy);
    }
    for (const domain::Notice& notice : item.notices)
      outcome.notices.emplace_back(item.external_id, notice);
    store::Recording recording;
    recording.item = &item;
    recording.placement.source = context.source.id;
    recording.placement.uid = uid;
    recording.placement.path = text.path;
    recording.placement.fingerprint = os::sha256(
        domain::to_json(item).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    recording.producer = reading->producer;
    recording.producer_version = reading->producer_version;
    const auto found = known.find(uid);
    if (found != known.end() && found->second->fingerprint == recording.placement.fingerprint &&
        !stale.contains({"", base_uid(uid)})) {
      ++report.unchanged;
      continue;
    }
    recordings.push_back(std::move(recording));
  }
  if (outcome.notices.size() > SyncReport::most_notices)
    outcome.notices.resize(SyncReport::most_notices);
  if (outcome.cut_off) {
    outcome.notices.insert(outcome.notices.begin(),
                           {text.name, {std::string(type.cut_code), {{"path", shown}}}});
  }
  for (const auto& [about, notice] : outcome.notices) report.note(about, notice);

  SyncProgress progress;
  progress.total = static_cast<std::int64_t>(reading->items.size());
  progress.done = report.unchanged;
  for (std::size_t begin = 0; begin < recordings.size(); begin += batch_items) {
    if (context.stop.stop_requested()) return fail_cancelled();
    const std::size_t count = std::min(batch_items, recordings.size() - begin);
    TRY_ASSIGN(const auto recorded,
               context.store.record_all(std::span(recordings).subspan(begin, count)));
    for (const store::RecordOutcome& one : recorded) {
      if (one.what == store::Recorded::added) {
        ++report.added;
      } else if (one.what == store::Recorded::changed) {
        ++report.changed;
      } else {
        ++report.unchanged;
      }
    }
    progress.done += static_cast<std::int64_t>(count);
    if (context.progress) context.progress(progress);
  }

  // What is missing at the end of a file that was cut short may still come.
  if (!outcome.cut_off) {
    std::vector<store::Placement> gone;
    for (const store::Placement& placement : stored) {
      if (!present.contains(placement.uid)) gone.push_back(placement);
    }
    if (!gone.empty()) {
      TRY_ASSIGN(const std::int64_t removed, context.store.forget(gone));
      report.removed += removed;
    }
  }
  return outcome;
}

base::Result<SyncReport> sync_collection(const CollectionType& type, SyncContext& context) {
  SyncReport report;
  const std::string& path = context.source.location;
  const std::string file_name = last_component(path);
  auto opened = open_regular(path);
  if (!opened || !*opened) return fail_unreachable(path);
  os::Descriptor file = std::move(**opened);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_unreachable(path);

  const Cursor before = parse_cursor(context.source.cursor);
  Cursor cursor;
  cursor.state = state_of(status);
  cursor.basis = ReadingBasis::now(context.reading);
  TRY_ASSIGN(const auto stale, outdated(context));
  TRY_ASSIGN(const auto stored, context.store.placements(context.source.id));
  const bool same_reading = cursor.basis == before.basis && stale.empty();
  const auto unchanged = [&]() -> base::Result<SyncReport> {
    report.unchanged = static_cast<std::int64_t>(stored.size());
    for (const auto& [about, notice] : before.notices) report.note(about, notice);
    Cursor kept = before;
    kept.state = cursor.state;
    kept.state.modified = settled(cursor.state.modified);
    TRY(context.store.save_sync(context.source.id, to_text(kept), ""));
    return report;
  };
  if (same_reading && cursor.state == before.state) return unchanged();

  // Programs that write such files in place are caught in the middle now and then; what is read is
  // one copy of the bytes.
  constexpr std::uint64_t largest_file = 256u << 20;
  if (cursor.state.size > largest_file) {
    return base::fail(ErrorKind::unsupported, "source.too_large",
                      {{"path", path}, {"megabytes", std::to_string(cursor.state.size >> 20)}});
  }
  TRY_ASSIGN(const auto bytes, read_range(file.get(), 0, cursor.state.size, path));
  if (!bytes) {
    return base::fail(ErrorKind::busy, "source.changing", {{"path", path}}, base::Retry::later);
  }
  cursor.hash = os::sha256(*bytes);
  if (same_reading && cursor.hash == before.hash) return unchanged();
  CollectionText text;
  text.bytes = *bytes;
  text.name = file_name;
  text.path = path;
  text.modified = cursor.state.modified;
  TRY_ASSIGN(CollectionOutcome outcome,
             record_collection(type, context, text, stored, stale, report));
  cursor.cut_off = outcome.cut_off;
  cursor.notices = std::move(outcome.notices);
  cursor.state.modified = settled(cursor.state.modified);
  TRY(context.store.save_sync(context.source.id, to_text(cursor), ""));
  return report;
}

std::vector<std::string> watch_collection(const store::Source& source) { return {source.location}; }

}  // namespace lar::sources
