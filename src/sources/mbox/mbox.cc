// mbox: scan, compare with what is stored by the fingerprint of each mail, read what is new. The
// place of a mail is its fingerprint, so that mails keep it when others before them are removed,
// and the marks mail programs write into the file change only its flags. A file that only grew is
// scanned from its last known mail on. Runs on the thread of its source.
#include "sources/mbox/mbox.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/files.h"
#include "sources/mbox/scanner.h"
#include "sources/pipeline.h"

namespace lar::sources::mbox {

namespace {

using base::ErrorKind;
using base::Status;

constexpr std::uint64_t sample_bytes = 4096;
constexpr std::uint64_t largest_mail = 256u << 20;
// Marks in the middle of a file that also grew go unnoticed by a scan of its end, but not longer.
constexpr base::Microseconds longest_trust = base::one_day;

struct Cursor {
  bool known = false;
  FileState state;
  std::string head;  // hash of the first and the last sample_bytes of state.size
  std::string tail;
  std::uint64_t last_offset = 0;  // From_ line of the last mail
  std::uint64_t last_line = 1;
  std::string last_uid;
  std::int64_t mails = 0;
  base::Microseconds scanned = 0;  // when the whole file was
  bool cut_off = false;            // the last mail looked so
  bool same_readers = false;
  Skipped skipped;
};

Cursor parse_cursor(const std::string& text, const reading::ReadingService& reading) {
  Cursor cursor;
  cursor.skipped = Skipped::from_json(nullptr, reading);
  try {
    const auto value = nlohmann::json::parse(text);
    Cursor parsed;
    parsed.state.size = value.at("size").get<std::uint64_t>();
    parsed.state.modified = value.at("modified").get<base::Microseconds>();
    parsed.head = value.at("head").get<std::string>();
    parsed.tail = value.at("tail").get<std::string>();
    parsed.last_offset = value.at("last_offset").get<std::uint64_t>();
    parsed.last_line = value.at("last_line").get<std::uint64_t>();
    parsed.last_uid = value.at("last_uid").get<std::string>();
    parsed.mails = value.at("mails").get<std::int64_t>();
    parsed.scanned = value.at("scanned").get<base::Microseconds>();
    parsed.cut_off = value.at("cut_off").get<bool>();
    parsed.skipped = Skipped::from_json(value.at("skipped"), reading);
    parsed.same_readers = value.at("skipped").at("readers") == readers_signature(reading);
    parsed.known = true;
    cursor = std::move(parsed);
  } catch (const nlohmann::json::exception&) {
  }
  return cursor;
}

std::string to_text(const Cursor& cursor) {
  const nlohmann::json value = {{"size", cursor.state.size},
                                {"modified", cursor.state.modified},
                                {"head", cursor.head},
                                {"tail", cursor.tail},
                                {"last_offset", cursor.last_offset},
                                {"last_line", cursor.last_line},
                                {"last_uid", cursor.last_uid},
                                {"mails", cursor.mails},
                                {"scanned", cursor.scanned},
                                {"cut_off", cursor.cut_off},
                                {"skipped", cursor.skipped.to_json()}};
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Hashes of the beginning and of the end of the first `size` bytes; nothing if there are fewer.
base::Result<std::optional<std::pair<std::string, std::string>>> samples(int file,
                                                                         const std::string& path,
                                                                         std::uint64_t size) {
  const std::uint64_t length = std::min(size, sample_bytes);
  TRY_ASSIGN(const auto head, read_range(file, 0, length, path));
  TRY_ASSIGN(const auto tail, read_range(file, size - length, length, path));
  if (!head || !tail) return std::nullopt;
  return std::pair(os::sha256(*head), os::sha256(*tail));
}

std::string uid_of(const Mail& mail) {
  return hex({reinterpret_cast<const char*>(mail.fingerprint.data()), mail.fingerprint.size()});
}

base::Result<store::Source> describe(const Description& description) {
  TRY_ASSIGN(const std::string path, resolve(description.location));
  TRY_ASSIGN(const auto file, open_regular(path));
  const auto not_an_mbox = [&] {
    return base::fail(ErrorKind::invalid_input, "source.not_an_mbox",
                      {{"path", description.location}});
  };
  if (!file) return not_an_mbox();
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return base::fail_errno(errno, path, "stat");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  TRY_ASSIGN(const auto head, read_range(file->get(), 0, std::min(size, sample_bytes), path));
  const std::string_view text = head ? std::string_view(*head) : std::string_view();
  const auto start = text.find_first_not_of("\r\n");
  if (start != std::string_view::npos) {
    const std::string_view rest = text.substr(start);
    const auto end = rest.find('\n');
    if (!starts_mail(rest.substr(0, end),
                     end == std::string_view::npos ? "" : rest.substr(end + 1))) {
      return not_an_mbox();
    }
  }
  store::Source source;
  source.kind = "mbox";
  source.name = description.name.empty() ? last_component(path) : description.name;
  source.location = path;
  return source;
}

struct Look {
  std::vector<Mail> mails;
  FileState state;
  bool whole = true;   // false: from the last known mail on
  bool steady = true;  // the file did not change while it was scanned
};

// Scans what may be new. A file that changes meanwhile is scanned again, once, and as a whole.
base::Result<Look> look(const os::Descriptor& file, const std::string& path, const Cursor& cursor,
                        bool whole, std::stop_token stop) {
  Look look;
  for (int attempt = 0; attempt < 2; ++attempt) {
    struct stat before{};
    struct stat after{};
    if (::fstat(file.get(), &before) != 0) return base::fail_errno(errno, path, "stat");
    look.state = state_of(before);
    look.whole = whole || attempt > 0;
    if (!look.whole) {
      TRY_ASSIGN(const auto sample, samples(file.get(), path, cursor.state.size));
      look.whole = look.state.size <= cursor.state.size || !sample ||
                   sample->first != cursor.head || sample->second != cursor.tail;
    }
    auto scanned = look.whole ? scan(file.get(), path, 0, 1, stop)
                              : scan(file.get(), path, cursor.last_offset, cursor.last_line, stop);
    if (!scanned && !look.whole && scanned.error().kind == ErrorKind::invalid_input) continue;
    if (!scanned) return tl::unexpected(std::move(scanned).error());
    look.mails = std::move(scanned->mails);
    if (::fstat(file.get(), &after) != 0) return base::fail_errno(errno, path, "stat");
    look.steady = state_of(after) == look.state && scanned->size == look.state.size;
    if (look.steady) break;
  }
  return look;
}

base::Result<SyncReport> sync(SyncContext& context) {
  SyncReport report;
  const std::string& path = context.source.location;
  auto opened = open_regular(path);
  if (!opened || !*opened) return fail_unreachable(path);
  const os::Descriptor file = std::move(**opened);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_unreachable(path);

  Cursor cursor = parse_cursor(context.source.cursor, context.reading);
  TRY_ASSIGN(const auto stale, outdated(context));
  const bool trusted = cursor.known && cursor.same_readers && stale.empty();
  const std::string file_name = last_component(path);
  const auto note_cut_off = [&] {
    report.note(file_name, {"mbox.truncated",
                            {{"path", path},
                             {"line", std::to_string(cursor.last_line)},
                             {"offset", std::to_string(cursor.last_offset)}}});
  };
  if (trusted && cursor.state == state_of(status)) {
    report.unchanged = cursor.mails;
    if (cursor.cut_off) note_cut_off();
    TRY(context.store.save_sync(context.source.id, to_text(cursor), ""));
    return report;
  }

  const base::Microseconds now = base::Clock::now();
  const bool whole =
      !trusted || cursor.mails == 0 || now - cursor.scanned > longest_trust || now < cursor.scanned;
  TRY_ASSIGN(Look look, mbox::look(file, path, cursor, whole, context.stop));

  TRY_ASSIGN(const auto stored, context.store.placements(context.source.id));
  std::map<std::string, std::vector<const store::Placement*>> known;
  for (const store::Placement& placement : stored) {
    known[base_uid(placement.uid)].push_back(&placement);
  }

  // The last mail of a file being written may be a piece of one; without the end of its headers
  // there is nothing to read yet.
  const bool cut_off = !look.mails.empty() && look.mails.back().cut_off;
  const Mail last = look.mails.empty() ? Mail{} : look.mails.back();
  std::erase_if(look.mails, [](const Mail& mail) {
    return mail.expunged || mail.internal || (mail.cut_off && !mail.headers_end);
  });

  std::vector<const Mail*> unread;
  std::set<std::string> listed;
  std::int64_t unchanged = 0;
  for (const Mail& mail : look.mails) {
    const std::string uid = uid_of(mail);
    if (!listed.insert(uid).second) continue;  // the same bytes twice: one place is enough
    if (const auto* entry = cursor.skipped.find(uid, {mail.end - mail.begin, 0})) {
      if (entry->code.empty()) {
        ++unchanged;
      } else {
        ++report.failed;
        report.note(uid, {entry->code, entry->parameters});
      }
      continue;
    }
    const auto found = known.find(uid);
    if (found == known.end() || stale.contains({"", uid})) {
      unread.push_back(&mail);
      continue;
    }
    bool marked = false;
    for (const store::Placement* placement : found->second) {
      if (placement->flags == mail.flags) continue;
      store::Placement updated = *placement;
      updated.flags = mail.flags;
      TRY(context.store.update_placement(updated));
      marked = true;
    }
    marked ? ++report.changed : ++unchanged;
  }
  if (look.whole) cursor.skipped.keep_only(listed);

  // Mails before the part that was scanned are as they were.
  const std::int64_t before =
      look.whole ? 0 : cursor.mails - (known.contains(cursor.last_uid) ? 1 : 0);
  Pipeline pipeline(context, report, cursor.skipped);
  pipeline.expect(before + static_cast<std::int64_t>(listed.size()));
  pipeline.pass(before + unchanged);
  pipeline.advance(static_cast<std::int64_t>(listed.size() - unread.size()) - unchanged);
  for (const Mail* mail : unread) {
    Task task;
    task.path = path;
    task.name = "mail.eml";
    task.media_type = "message/rfc822";
    const std::string uid = uid_of(*mail);
    task.relative_path = file_name + ":" + std::to_string(mail->line);
    task.key = uid;
    task.modified = look.state.modified;
    task.keep = Keep::original;
    task.placement.source = context.source.id;
    task.placement.uid = uid;
    task.placement.flags = mail->flags;
    task.placement.size = mail->end - mail->begin;
    if (const auto found = known.find(uid); found != known.end()) {
      for (const store::Placement* placement : found->second) {
        task.known.push_back(*placement);
        task.known.back().fingerprint.clear();
      }
    }
    const std::uint64_t begin = mail->begin;
    const std::uint64_t length = mail->end - mail->begin;
    task.load = [&file, &path, begin, length, expected = mail->fingerprint](
                    const Task& about) -> base::Result<std::optional<Loaded>> {
      if (length > largest_mail) {
        return base::fail(
            ErrorKind::unsupported, "source.too_large",
            {{"path", about.relative_path}, {"megabytes", std::to_string(length >> 20)}});
      }
      TRY_ASSIGN(auto bytes, read_range(file.get(), begin, length, path));
      // Something else lies there now: the file was rewritten since it was scanned.
      if (!bytes || fingerprint_of(*bytes) != expected) return std::nullopt;
      Loaded loaded;
      loaded.bytes = unquote(std::move(*bytes));
      loaded.fingerprint = about.placement.uid;
      return loaded;
    };
    TRY(pipeline.add(std::move(task)));
  }
  TRY(pipeline.finish());

  const bool steady = look.steady && !pipeline.disturbed();
  std::vector<store::Placement> gone;
  for (const store::Placement& placement : stored) {
    const std::string uid = base_uid(placement.uid);
    if (listed.contains(uid)) continue;
    if (look.whole ? steady : uid == cursor.last_uid) gone.push_back(placement);
  }
  if (!gone.empty()) {
    TRY_ASSIGN(const std::int64_t removed, context.store.forget(gone));
    report.removed += removed;
  }

  cursor.cut_off = cut_off;
  cursor.last_offset = last.offset;
  cursor.last_line = last.line == 0 ? 1 : last.line;
  if (cut_off) note_cut_off();
  cursor.known = steady;
  if (steady) {
    if (look.whole) cursor.scanned = now;
    cursor.state = look.state;
    cursor.state.modified = settled(look.state.modified);
    cursor.last_uid = look.mails.empty() ? "" : uid_of(last);
    cursor.mails = before + static_cast<std::int64_t>(listed.size());
    TRY_ASSIGN(const auto sample, samples(file.get(), path, look.state.size));
    if (sample) std::tie(cursor.head, cursor.tail) = *sample;
    cursor.known = sample.has_value();
  }
  TRY(context.store.save_sync(context.source.id, cursor.known ? to_text(cursor) : "", ""));
  return report;
}

std::vector<std::string> watch(const store::Source& source) { return {source.location}; }

}  // namespace

SourceType source_type() { return {"mbox", &describe, &sync, &watch, nullptr}; }

}  // namespace lar::sources::mbox
