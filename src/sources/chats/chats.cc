// Which files are such exports, and how a later one is laid over what is known. An item is a day of
// a conversation; its place is that day, its fingerprint what the reader made of it. Runs on the
// thread of its source.
#include "sources/chats/chats.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "domain/json.h"
#include "sources/files.h"
#include "sources/pipeline.h"

namespace lar::sources::chats {

namespace {

constexpr std::uint64_t sample_bytes = 64u << 10;

constexpr std::uint64_t largest_file = 512u << 20;
constexpr std::size_t batch_items = 64;

struct ExportType {
  std::string_view kind;
  std::string_view media_type;
  std::string_view wrong_code;
};
constexpr ExportType whatsapp_type{"whatsapp", "application/x-whatsapp-chat", "chat.not_whatsapp"};
constexpr ExportType telegram_type{"telegram", "application/x-telegram-chat", "chat.not_telegram"};

// A zip, or a text with a date in its first line.
bool looks_like_whatsapp(std::string_view head) {
  if (head.starts_with("PK\x03\x04")) return true;
  if (head.find('\0') != std::string_view::npos) return false;
  const std::string_view line = head.substr(0, head.find('\n')).substr(0, 80);
  const auto digits = std::count_if(line.begin(), line.end(), [](unsigned char letter) {
    return (letter >= '0' && letter <= '9') || letter >= 0xD8;  // of other scripts too
  });
  return digits >= 6;
}

bool looks_like_telegram(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  return base::trim(head).starts_with('{') &&
         (head.find("\"messages\"") != std::string_view::npos ||
          head.find("\"chats\"") != std::string_view::npos);
}

base::Result<store::Source> describe(const ExportType& type, bool (*looks_right)(std::string_view),
                                     const Description& description) {
  TRY_ASSIGN(const std::string path, resolve(description.location));
  TRY_ASSIGN(const auto file, open_regular(path));
  struct stat status{};
  std::optional<std::string> head;
  if (file) {
    if (::fstat(file->get(), &status) != 0) return base::fail_errno(errno, path, "stat");
    TRY_ASSIGN(
        head, read_range(file->get(), 0,
                         std::min(static_cast<std::uint64_t>(status.st_size), sample_bytes), path));
  }
  if (!head || !looks_right(*head)) {
    return base::fail(base::ErrorKind::invalid_input, std::string(type.wrong_code),
                      {{"path", description.location}});
  }
  store::Source source;
  source.kind = type.kind;
  source.name = description.name.empty() ? last_component(path) : description.name;
  source.location = path;
  return source;
}

base::Result<store::Source> describe_whatsapp(const Description& description) {
  return describe(whatsapp_type, &looks_like_whatsapp, description);
}
base::Result<store::Source> describe_telegram(const Description& description) {
  return describe(telegram_type, &looks_like_telegram, description);
}
struct Cursor {
  FileState state;
  std::string hash;
  std::string readers;
  std::string zone;

  static Cursor parse(const std::string& text) {
    try {
      const auto value = nlohmann::json::parse(text);
      Cursor cursor;
      cursor.state.size = value.at("size").get<std::uint64_t>();
      cursor.state.modified = value.at("modified").get<base::Microseconds>();
      cursor.hash = value.at("hash").get<std::string>();
      cursor.readers = value.at("readers").get<std::string>();
      cursor.zone = value.at("zone").get<std::string>();
      return cursor;
    } catch (const nlohmann::json::exception&) {
      return {};
    }
  }
  std::string text() const {
    return nlohmann::json{{"size", state.size},
                          {"modified", state.modified},
                          {"hash", hash},
                          {"readers", readers},
                          {"zone", zone}}
        .dump();
  }
};

// "whatsapp:…:2026-05-14" → the conversation it belongs to.
std::string_view conversation_of(std::string_view uid) { return uid.substr(0, uid.rfind(':')); }

// The first day of a conversation in an export that goes back less far than an earlier one: what
// is known of that day may be more than what stands here.
std::set<std::string> cut_days(const std::vector<domain::Item>& items,
                               const std::map<std::string, const store::Placement*>& known) {
  std::map<std::string_view, std::string> first;
  for (const domain::Item& item : items) {
    std::string& day = first[conversation_of(item.external_id)];
    if (day.empty() || item.external_id < day) day = item.external_id;
  }
  std::set<std::string> cut;
  for (const auto& [conversation, day] : first) {
    const auto earliest = known.lower_bound(std::string(conversation) + ":");
    if (earliest != known.end() && conversation_of(earliest->first) == conversation &&
        earliest->first < day && known.contains(day)) {
      cut.insert(day);
    }
  }
  return cut;
}

std::size_t length_of(const domain::Item& item) {
  return item.parts.empty() ? 0 : item.parts.front().text.size();
}

// The same day may stand in another export that is a source of its own: the fuller one counts.
// Takes out what is less than is known, and gives the places of what will be replaced.
base::Result<std::vector<store::Placement>> settle_with_others(
    SyncContext& context, std::vector<store::Recording>& recordings, SyncReport& report) {
  std::vector<store::Placement> replaced;
  std::vector<store::Recording> kept;
  for (store::Recording& recording : recordings) {
    bool is_less = false;
    TRY_ASSIGN(const auto known, context.store.find_item(recording.item->external_id));
    if (known) {
      TRY_ASSIGN(const store::StoredItem stored, context.store.item(*known));
      for (const store::Placement& placement : stored.placements) {
        if (placement.source == context.source.id) continue;
        const std::size_t theirs = length_of(stored.item);
        const std::size_t ours = length_of(*recording.item);
        if (theirs > ours) is_less = true;
        if (theirs < ours) replaced.push_back(placement);
      }
    }
    if (is_less) {
      ++report.unchanged;
    } else {
      kept.push_back(std::move(recording));
    }
  }
  recordings = std::move(kept);
  return replaced;
}

base::Result<SyncReport> sync(const ExportType& type, SyncContext& context) {
  SyncReport report;
  const std::string& path = context.source.location;
  auto opened = open_regular(path);
  if (!opened || !*opened) return fail_unreachable(path);
  const os::Descriptor file = std::move(**opened);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_unreachable(path);

  const Cursor before = Cursor::parse(context.source.cursor);
  Cursor cursor;
  cursor.state = state_of(status);
  cursor.readers = readers_signature(context.reading);
  cursor.zone = base::Clock::zone();
  cursor.hash = before.hash;
  TRY_ASSIGN(const auto stored, context.store.placements(context.source.id));
  const bool same_reading = cursor.readers == before.readers && cursor.zone == before.zone;
  const auto unchanged = [&]() -> base::Result<SyncReport> {
    report.unchanged = static_cast<std::int64_t>(stored.size());
    cursor.state.modified = settled(cursor.state.modified);
    TRY(context.store.save_sync(context.source.id, cursor.text(), ""));
    return report;
  };
  if (same_reading && cursor.state == before.state) return unchanged();
  if (cursor.state.size > largest_file) {
    return base::fail(base::ErrorKind::unsupported, "source.too_large",
                      {{"path", path}, {"megabytes", std::to_string(cursor.state.size >> 20)}});
  }
  TRY_ASSIGN(const auto bytes, read_range(file.get(), 0, cursor.state.size, path));
  if (!bytes) {
    return base::fail(base::ErrorKind::busy, "source.changing", {{"path", path}},
                      base::Retry::later);
  }
  cursor.hash = os::sha256(*bytes);
  if (same_reading && cursor.hash == before.hash) return unchanged();
  TRY_ASSIGN(const os::Descriptor memory, memory_file(*bytes));

  reading::Request request;
  request.descriptor = memory.get();
  request.length = bytes->size();
  request.name = base::clean_utf8(last_component(path));
  request.media_type = type.media_type;
  request.path = request.name;
  request.modified = cursor.state.modified;
  request.owner_zone = cursor.zone;
  TRY_ASSIGN(const reading::Reading reading, context.reading.read(request, context.stop));

  std::map<std::string, const store::Placement*> known;
  for (const store::Placement& placement : stored) known[placement.uid] = &placement;
  const auto cut = cut_days(reading.items, known);
  std::vector<store::Recording> recordings;
  for (const domain::Item& item : reading.items) {
    for (const domain::Notice& notice : item.notices) report.note(item.external_id, notice);
    store::Recording recording;
    recording.item = &item;
    recording.placement.source = context.source.id;
    recording.placement.uid = item.external_id;
    recording.placement.path = path;
    recording.placement.fingerprint = os::sha256(
        domain::to_json(item).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    recording.producer = reading.producer;
    recording.producer_version = reading.producer_version;
    const auto found = known.find(item.external_id);
    if (cut.contains(item.external_id) ||
        (found != known.end() && found->second->fingerprint == recording.placement.fingerprint &&
         same_reading)) {
      ++report.unchanged;
      continue;
    }
    recordings.push_back(std::move(recording));
  }
  TRY_ASSIGN(const auto replaced, settle_with_others(context, recordings, report));
  SyncProgress progress;
  progress.total = static_cast<std::int64_t>(reading.items.size());
  progress.done = report.unchanged;
  for (std::size_t begin = 0; begin < recordings.size(); begin += batch_items) {
    if (context.stop.stop_requested()) return fail_cancelled();
    const std::size_t count = std::min(batch_items, recordings.size() - begin);
    TRY_ASSIGN(const auto outcomes,
               context.store.record_all(std::span(recordings).subspan(begin, count)));
    for (const store::RecordOutcome& outcome : outcomes) {
      if (outcome.what == store::Recorded::added) {
        ++report.added;
      } else if (outcome.what == store::Recorded::changed) {
        ++report.changed;
      } else {
        ++report.unchanged;
      }
    }
    progress.done += static_cast<std::int64_t>(count);
    if (context.progress) context.progress(progress);
  }
  if (!replaced.empty()) TRY(context.store.forget(replaced));
  // Days that this export does not hold stay: exports are limited in length.
  cursor.state.modified = settled(cursor.state.modified);
  TRY(context.store.save_sync(context.source.id, cursor.text(), ""));
  return report;
}

std::vector<std::string> watch(const store::Source& source) { return {source.location}; }

base::Result<SyncReport> sync_whatsapp(SyncContext& context) {
  return sync(whatsapp_type, context);
}
base::Result<SyncReport> sync_telegram(SyncContext& context) {
  return sync(telegram_type, context);
}

}  // namespace

SourceType whatsapp() { return {"whatsapp", &describe_whatsapp, &sync_whatsapp, &watch, nullptr}; }
SourceType telegram() { return {"telegram", &describe_telegram, &sync_telegram, &watch, nullptr}; }

}  // namespace lar::sources::chats
