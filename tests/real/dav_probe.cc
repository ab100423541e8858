// A program around remote sources, for tests/real/dav.py: adds accounts, syncs them, waits, makes
// changes as an approved action would, and prints what came of it as one JSON object. Apart from
// that it expands calendar objects as lar-read does.
//
//   dav_probe HOME add KIND ADDRESS SETTINGS [PASSWORD]     dav_probe HOME sync|items|wait
//   dav_probe HOME apply CHANGE                             dav_probe - occurrences < QUERIES
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/clock.h"
#include "domain/json.h"
#include "guard/egress.h"
#include "guard/secrets.h"
#include "readers/reader.h"
#include "sources/calendar_writer.h"
#include "sources/sync_service.h"

namespace {

using namespace lar;
using nlohmann::json;

int say(const json& value) {
  std::printf("%s\n", value.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  return 0;
}

int fail(const base::Error& error) {
  say({{"error", error.code}, {"detail", error.describe()}});
  return 1;
}

template <typename T>
int fail(const base::Result<T>& result) {
  return fail(result.error());
}

struct World {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<reading::ReadingService> reading;
  std::unique_ptr<guard::Egress> egress;
  std::unique_ptr<guard::Secrets> secrets;
  std::optional<sources::Outside> outside;

  base::Status open(const std::string& home) {
    TRY_ASSIGN(store, store::Store::open(home));
    TRY_ASSIGN(reading, reading::ReadingService::start({}));
    egress = std::make_unique<guard::Egress>(
        [this](const std::string& summary, const std::string& detail) {
          (void)store->write_journal("egress", summary, detail);
        });
    TRY_ASSIGN(secrets, guard::Secrets::open(home + "/secrets.json", home + "/secret.key"));
    outside.emplace(sources::Outside{*egress, *secrets});
    return {};
  }

  base::Result<std::unique_ptr<sources::SyncService>> service() {
    sources::SyncOptions options;
    options.outside = &*outside;
    options.watch = false;
    options.sync_at_start = false;
    return sources::SyncService::start(*store, *reading, options);
  }
};

int add(World& world, const std::string& kind, const std::string& address,
        const std::string& settings, const std::string& secret) {
  // Without the service, whose first sync would begin at once.
  auto source = sources::find_source_type(kind)->describe(
      {address, "", settings, secret, &*world.outside, {}});
  if (!source) return fail(source);
  const auto added = world.store->add_source(*source);
  if (!added) return fail(added);
  if (!secret.empty()) {
    const auto kept = world.secrets->put(sources::secret_name(added->id), secret);
    if (!kept) return fail(kept);
  }
  return say({{"id", added->id.text()},
              {"name", added->name},
              {"location", added->location},
              {"settings", json::parse(added->settings)}});
}

int sync(World& world) {
  const auto service = world.service();
  if (!service) return fail(service);
  const auto statuses = (*service)->sync(std::nullopt, {});
  if (!statuses) return fail(statuses);
  json all = json::array();
  int result = 0;
  for (const sources::SourceStatus& status : *statuses) {
    if (status.error) {
      all.push_back({{"error", status.error->code}, {"detail", status.error->describe()}});
      result = 1;
      continue;
    }
    const sources::SyncReport& report = *status.last_report;
    json notices = json::array();
    for (const auto& [about, notice] : report.notices) notices.push_back({about, notice.code});
    all.push_back({{"added", report.added},
                   {"changed", report.changed},
                   {"removed", report.removed},
                   {"unchanged", report.unchanged},
                   {"failed", report.failed},
                   {"notices", notices}});
  }
  say(all);
  return result;
}

json occurrences_of(const domain::Item& item) {
  json all = json::array();
  for (const domain::Occurrence& one : item.occurrences) {
    all.push_back({{"id", one.recurrence_id},
                   {"start", domain::format(one.start)},
                   {"end", one.end ? json(domain::format(*one.end)) : json()},
                   {"begins", domain::begins_at(one.start, base::Clock::zone())},
                   {"title", one.summary},
                   {"place", one.location}});
  }
  return all;
}

int items(World& world) {
  const auto sources = world.store->sources();
  if (!sources) return fail(sources);
  json all = json::array();
  for (const store::Source& source : *sources) {
    const auto placements = world.store->placements(source.id);
    if (!placements) return fail(placements);
    for (const store::Placement& placement : *placements) {
      const auto stored = world.store->item(placement.item);
      if (!stored) return fail(stored);
      const auto original = world.store->original(placement.item);
      all.push_back({{"uid", stored->item.external_id},
                     {"title", stored->item.title},
                     {"place", stored->item.place},
                     {"origin", domain::name_of(stored->item.origin)},
                     {"source", source.kind},
                     {"folder", placement.folder},
                     {"name", placement.uid},
                     {"etag", placement.fingerprint},
                     {"occurrences", occurrences_of(stored->item)},
                     {"original", original ? *original : ""}});
    }
  }
  return say(all);
}

int wait(World& world) {
  const auto sources = world.store->sources();
  if (!sources || sources->empty()) return 2;
  sources::SyncContext context{*world.store, *world.reading, sources->front(), {},
                               {},           &*world.outside};
  const auto begin = base::steady_now();
  const auto waited = sources::find_source_type(context.source.kind)->wait(context);
  if (!waited) return fail(waited);
  return say({{"seconds", static_cast<double>(base::steady_now() - begin) / 1e6}});
}

std::optional<domain::When> when_of(const json& value, const char* name) {
  const auto found = value.find(name);
  if (found == value.end()) return std::nullopt;
  const auto text = found->get<std::string>();
  if (const auto date = base::parse_date(text)) return domain::AllDay{*date};
  const auto time = base::parse_rfc3339(text);
  if (!time) return std::nullopt;
  return domain::Instant{*time, value.value("zone", base::Clock::zone())};
}

base::Result<std::string> edited(const json& wanted, const std::string& original) {
  const std::string occurrence = wanted.value("occurrence", "");
  if (wanted.contains("answer")) {
    return sources::answer_invitation(original, occurrence, wanted["answer"].get<std::string>(),
                                      sources::Participation::accepted);
  }
  if (wanted.value("leave_out", false)) return sources::remove_occurrence(original, occurrence);
  sources::EventChange change;
  if (wanted.contains("title")) change.title = wanted["title"].get<std::string>();
  if (wanted.contains("place")) change.place = wanted["place"].get<std::string>();
  change.start = when_of(wanted, "start");
  change.end = when_of(wanted, "end");
  return sources::change_event(original, occurrence, change);
}

// {"do": "create", "title", "start", "end", "zone", "folder", "rule"},
// {"do": "change", "uid", …}, {"do": "remove", "uid"}
int make_change(World& world, const json& wanted) {
  const auto service = world.service();
  if (!service) return fail(service);
  const auto sources = world.store->sources();
  if (!sources || sources->empty()) return 2;
  sources::Change change;
  change.kind = sources::Change::Kind::put;
  store::Id source = sources->front().id;
  if (wanted["do"] == "create") {
    sources::EventDraft draft;
    draft.uid = wanted.value("uid", "");
    draft.title = wanted["title"].get<std::string>();
    draft.start = *when_of(wanted, "start");
    draft.end = when_of(wanted, "end");
    draft.place = wanted.value("place", "");
    draft.rule = wanted.value("rule", "");
    draft.alarm_minutes = 15;
    const auto text = sources::write_event(draft);
    if (!text) return fail(text);
    change.bytes = *text;
    change.folder = wanted.value("folder", "");
  } else {
    bool known = false;
    for (const store::Source& one : *sources) {
      const auto placements = world.store->placements(one.id);
      if (!placements) return fail(placements);
      for (const store::Placement& placement : *placements) {
        const auto stored = world.store->item(placement.item);
        if (known || !stored || stored->item.external_id != wanted["uid"]) continue;
        known = true;
        source = one.id;
        change.placement = placement;
        if (wanted["do"] == "remove") {
          change.kind = sources::Change::Kind::remove;
          continue;
        }
        const auto original = world.store->original(placement.item);
        if (!original) return fail(original);
        auto text = edited(wanted, *original);
        if (!text) return fail(text);
        change.bytes = std::move(*text);
      }
    }
    if (!known) return 2;
  }
  const auto applied = (*service)->apply(source, change, {});
  if (!applied) return fail(applied);
  return say({{"folder", applied->folder}, {"name", applied->uid}, {"etag", applied->fingerprint}});
}

// A line {"ical", "begin", "end", "zone"} each; times in microseconds. A line of occurrences each.
int occurrences() {
  for (std::string line; std::getline(std::cin, line);) {
    const json query = json::parse(line);
    const auto ical = query["ical"].get<std::string>();
    readers::Input input;
    input.bytes = ical;
    input.name = "query.ics";
    input.media_type = "text/calendar";
    input.owner_zone = query["zone"].get<std::string>();
    input.horizon_begin = query["begin"].get<base::Microseconds>();
    input.horizon_end = query["end"].get<base::Microseconds>();
    const auto read = readers::find_reader(input)->read(input);
    json answer = json::array();
    if (!read) {
      answer = {{"error", read.error().code}};
    } else {
      for (const domain::Item& item : *read) {
        for (const domain::Occurrence& one : item.occurrences) {
          const bool day = std::holds_alternative<domain::AllDay>(one.start);
          answer.push_back(
              {{"uid", item.external_id},
               {"kind", domain::name_of(item.kind)},
               {"id", one.recurrence_id},
               {"day", day},
               {"begin", domain::begins_at(one.start, input.owner_zone)},
               {"end", one.end ? json(domain::begins_at(*one.end, input.owner_zone)) : json()},
               {"title", one.summary}});
        }
      }
    }
    say(answer);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 2 ? arguments[2] : "";
  if (what == "occurrences") return occurrences();
  World world;
  if (count < 3) return 2;
  if (const auto opened = world.open(arguments[1]); !opened) return fail(opened);
  if (what == "add" && count >= 6) {
    return add(world, arguments[3], arguments[4], arguments[5], count > 6 ? arguments[6] : "");
  }
  if (what == "sync") return sync(world);
  if (what == "items") return items(world);
  if (what == "wait") return wait(world);
  if (what == "apply" && count == 4) return make_change(world, json::parse(arguments[3]));
  return 2;
}
