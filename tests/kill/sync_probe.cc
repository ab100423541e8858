// A program around sources, reading and store alone, for tests that kill it: adds sources, syncs
// them one after the other or all at once as `lar serve` does, and prints what the store holds in a
// form that does not depend on the order in which it was stored.
//
//   sync_probe HOME add KIND PATH     sync_probe HOME sync     sync_probe HOME dump|check
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "domain/json.h"
#include "os/file.h"
#include "sources/sync_service.h"

namespace {

using namespace lar;

int fail(const base::Error& error) {
  std::fprintf(stderr, "%s\n", error.describe().c_str());
  return 1;
}

nlohmann::json describe(store::Store& store, const store::StoredItem& stored) {
  nlohmann::json value = domain::to_json(stored.item);
  value["version"] = stored.version;
  value["blob"] = stored.blob;
  value["producer"] = stored.producer + " " + std::to_string(stored.producer_version);
  nlohmann::json passages = nlohmann::json::array();
  if (const auto all = store.passages(stored.id)) {
    for (const domain::Passage& passage : *all) {
      passages.push_back(
          {domain::name_of(passage.kind), domain::to_json(passage.locator), passage.text});
    }
  }
  value["passages"] = std::move(passages);
  std::set<std::string> thread;
  if (const auto members = store.thread_items(stored.thread)) {
    for (const store::Id& member : *members) {
      if (const auto one = store.item(member)) thread.insert(one->item.external_id);
    }
  }
  value["thread"] = thread;
  std::set<std::string> places;
  for (const store::Placement& place : stored.placements) {
    places.insert(nlohmann::json{place.folder, place.uid, place.flags, place.path, place.size,
                                 place.fingerprint}
                      .dump());
  }
  value["places"] = places;
  return value;
}

int dump(store::Store& store) {
  const auto sources = store.sources();
  if (!sources) return fail(sources.error());
  std::set<store::Id> items;
  for (const store::Source& source : *sources) {
    const auto placements = store.placements(source.id);
    if (!placements) return fail(placements.error());
    for (const store::Placement& placement : *placements) items.insert(placement.item);
  }
  std::multiset<std::string> lines;
  for (const store::Id& id : items) {
    const auto stored = store.item(id);
    if (!stored) return fail(stored.error());
    lines.insert(describe(store, *stored).dump());
  }
  const auto counts = store.counts();
  if (!counts) return fail(counts.error());
  std::printf("%lld items, %lld passages\n", static_cast<long long>(counts->items),
              static_cast<long long>(counts->passages));
  for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  return 0;
}

int sync(store::Store& store) {
  reading::Options reading_options;
  auto reading = reading::ReadingService::start(reading_options);
  if (!reading) return fail(reading.error());
  sources::SyncOptions options;
  options.watch = false;
  options.sync_at_start = false;
  auto service = sources::SyncService::start(store, **reading, options);
  if (!service) return fail(service.error());
  const auto begin = std::chrono::steady_clock::now();
  const auto statuses = (*service)->sync(std::nullopt, {});
  if (!statuses) return fail(statuses.error());
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  int result = 0;
  for (const sources::SourceStatus& status : *statuses) {
    if (status.error) {
      result = fail(*status.error);
      continue;
    }
    const sources::SyncReport& report = *status.last_report;
    std::printf("%s: %lld added, %lld changed, %lld removed, %lld unchanged, %lld failed\n",
                status.source.name.c_str(), static_cast<long long>(report.added),
                static_cast<long long>(report.changed), static_cast<long long>(report.removed),
                static_cast<long long>(report.unchanged), static_cast<long long>(report.failed));
    for (const auto& [about, notice] : report.notices) {
      std::printf("  %s: %s\n", about.c_str(), notice.code.c_str());
    }
  }
  std::printf("%.3f seconds\n", seconds);
  return result;
}

int check(store::Store& store) {
  const auto faults = store.check(store::Check::full);
  if (!faults) return fail(faults.error());
  for (const std::string& fault : *faults) std::printf("%s\n", fault.c_str());
  return faults->empty() ? 0 : 1;
}

int add(store::Store& store, const std::string& kind, const std::string& path) {
  const sources::SourceType* type = sources::find_source_type(kind);
  if (type == nullptr) return 2;
  auto source = type->describe({path, ""});
  if (!source) return fail(source.error());
  source->settings = "{}";
  const auto added = store.add_source(*source);
  return added ? 0 : fail(added.error());
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 2 ? arguments[2] : "";
  if (what != "dump" && what != "sync" && what != "check" && !(what == "add" && count == 5)) {
    std::fprintf(stderr, "sync_probe HOME add KIND PATH | sync | dump | check\n");
    return 2;
  }
  auto store = store::Store::open(arguments[1]);
  if (!store) return fail(store.error());
  if (what == "dump") return dump(**store);
  if (what == "sync") return sync(**store);
  if (what == "check") return check(**store);
  return add(**store, arguments[3], arguments[4]);
}
