// A program around sources, reading and store alone, for tests that kill it: adds sources, syncs
// them one after the other or all at once as `lar serve` does, and prints what the store holds in a
// form that does not depend on the order in which it was stored.
//
//   sync_probe HOME add KIND PATH [SETTINGS SECRET]     sync_probe HOME sync     sync_probe HOME
//   dump|check sync_probe HOME apply SOURCE FILE     a change at a remote source, a JSON object in
//   a file sync_probe HOME send ACCOUNT     the mail on standard input, to a server for sending
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domain/json.h"
#include "guard/egress.h"
#include "guard/secrets.h"
#include "net/smtp.h"
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

// The sync service with a way outside, as `lar` has it.
struct Service {
  std::unique_ptr<reading::ReadingService> reading;
  std::unique_ptr<guard::Secrets> secrets;
  guard::Egress egress{{}};
  std::optional<sources::Outside> outside;
  std::unique_ptr<sources::SyncService> service;

  base::Status start(store::Store& store, const std::string& home) {
    TRY_ASSIGN(reading, reading::ReadingService::start({}));
    TRY_ASSIGN(secrets, guard::Secrets::open(home + "/secrets.json", guard::default_key_file()));
    outside.emplace(sources::Outside{egress, *secrets});
    sources::SyncOptions options;
    options.outside = &*outside;
    options.watch = false;
    options.sync_at_start = false;
    TRY_ASSIGN(service, sources::SyncService::start(store, *reading, options));
    return {};
  }
};

int sync(store::Store& store, const std::string& home) {
  Service started;
  if (const auto begun = started.start(store, home); !begun) return fail(begun.error());
  const auto begin = std::chrono::steady_clock::now();
  const auto statuses = started.service->sync(std::nullopt, {});
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

int add(store::Store& store, const std::string& home, const std::vector<std::string>& given) {
  Service started;
  if (const auto begun = started.start(store, home); !begun) return fail(begun.error());
  const sources::SourceType* type = sources::find_source_type(given[0]);
  if (type == nullptr) return 2;
  sources::Description description{given[1], ""};
  if (given.size() > 2) description.settings = given[2];
  if (given.size() > 3) description.secret = given[3];
  description.outside = &*started.outside;
  auto source = type->describe(description);
  if (!source) return fail(source.error());
  if (source->settings.empty()) source->settings = "{}";
  const auto added = store.add_source(*source);
  if (added && !description.secret.empty()) {
    const auto kept = started.secrets->put(sources::secret_name(added->id), description.secret);
    if (!kept) return fail(kept.error());
  }
  return added ? 0 : fail(added.error());
}

int apply(store::Store& store, const std::string& home, const std::string& source_name,
          const std::string& file) {
  const auto text = os::read_file(file);
  if (!text) return fail(text.error());
  const nlohmann::json value = nlohmann::json::parse(*text);
  using Kind = sources::Change::Kind;
  const std::map<std::string, Kind> kinds = {{"set_flags", Kind::set_flags},
                                             {"move", Kind::move},
                                             {"append", Kind::append},
                                             {"put", Kind::put},
                                             {"remove", Kind::remove}};
  sources::Change change;
  change.kind = kinds.at(value.at("kind").get<std::string>());
  change.folder = value.value("target", "");
  change.flags = value.value("flags", "");
  change.bytes = value.value("bytes", "");
  Service started;
  if (const auto begun = started.start(store, home); !begun) return fail(begun.error());
  const auto sources = store.sources();
  if (!sources) return fail(sources.error());
  for (const store::Source& source : *sources) {
    if (source.name != source_name) continue;
    const auto placements = store.placements(source.id);
    if (!placements) return fail(placements.error());
    for (const store::Placement& placement : *placements) {
      if (placement.folder == value.value("folder", "") &&
          placement.uid == value.value("uid", "")) {
        change.placement = placement;
      }
    }
    // Not through the service, which would begin a sync that this program does not wait for.
    const sources::SourceType* type = sources::find_source_type(source.kind);
    if (type == nullptr || type->apply == nullptr) return 2;
    sources::SyncContext context{store, *started.reading, source, {}, {}, &*started.outside};
    const auto applied = type->apply(context, change);
    if (!applied) return fail(applied.error());
    std::printf("%s\n", nlohmann::json{{"folder", applied->folder},
                                       {"uid", applied->uid},
                                       {"fingerprint", applied->fingerprint}}
                            .dump()
                            .c_str());
    return 0;
  }
  return 2;
}

int send(const std::string& text) {
  const nlohmann::json value = nlohmann::json::parse(text);
  net::SmtpAccount account;
  account.server.host = value.at("host").get<std::string>();
  account.server.port = value.at("port").get<int>();
  account.server.encryption = *net::encryption_from(value.value("tls", "none"));
  account.server.authorities = value.value("authorities", "");
  account.user = value.value("user", "");
  account.secret = value.value("secret", "");
  if (account.user.empty()) account.sign_in = net::SmtpAccount::SignIn::none;
  const net::Envelope envelope{value.at("from").get<std::string>(),
                               value.at("to").get<std::vector<std::string>>()};
  const std::string mail(std::istreambuf_iterator<char>(std::cin), {});
  const auto done = net::hand_over(net::local_only(), account, envelope, mail, {});
  if (!done) return fail(done.error());
  constexpr const char* states[] = {"sent", "refused", "uncertain"};
  std::printf("%s\n", nlohmann::json{{"state", states[static_cast<int>(done->state)]},
                                     {"code", done->code},
                                     {"answer", done->answer},
                                     {"unfit", done->unfit}}
                          .dump()
                          .c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> given(arguments + std::min(count, 3), arguments + count);
  const std::string what = count > 2 ? arguments[2] : "";
  if (what != "dump" && what != "sync" && what != "check" &&
      !(what == "add" && given.size() >= 2) && !(what == "apply" && given.size() == 2) &&
      !(what == "send" && given.size() == 1)) {
    std::fprintf(stderr,
                 "sync_probe HOME add KIND PATH [SETTINGS SECRET] | sync | dump | check | "
                 "apply SOURCE FILE | send ACCOUNT\n");
    return 2;
  }
  const std::string home = arguments[1];
  if (what == "send") return send(given[0]);
  auto store = store::Store::open(home);
  if (!store) return fail(store.error());
  if (what == "dump") return dump(**store);
  if (what == "sync") return sync(**store, home);
  if (what == "check") return check(**store);
  if (what == "apply") return apply(**store, home, given[0], given[1]);
  return add(**store, home, given);
}
