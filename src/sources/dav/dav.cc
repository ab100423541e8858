// One request tells for all collections of an account whether anything changed. Of a collection
// that did, the names and ETags of what changed are asked for (by its sync token, or all of them
// where the server knows the token no more), then the objects in batches; they go through the
// pipeline, and only then is the token saved. An object's place is its collection's path and its
// own name there, its fingerprint the ETag. The original is kept, because changes are made to it.
// Runs on the thread of its source; `apply` on that of whoever calls.
#include "sources/dav/dav.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "os/file.h"
#include "sources/dav/account.h"
#include "sources/pipeline.h"
#include "sources/waiting.h"

namespace lar::sources::dav {

namespace {

using base::ErrorKind;
using base::fail;
using base::Status;

constexpr std::string_view etag_name = "{DAV:}getetag";
constexpr std::string_view type_name = "{DAV:}resourcetype";
constexpr std::size_t batch_objects = 50;
constexpr std::size_t most_objects = 50'000;  // of one collection
constexpr std::size_t largest_object = 16u << 20;
constexpr std::size_t most_held = 32u << 20;  // bytes of objects handed to the pipeline at once
constexpr int most_pages = 1000;

// ---- cursor ------------------------------------------------------------------------------------

struct CollectionState {
  std::string token;
  std::string tag;
};

struct Cursor {
  ReadingBasis basis;
  std::map<std::string, CollectionState> collections;  // by path
  Skipped skipped;  // by "path name etag": what could not be read stays so until its ETag changes
};

Cursor parse_cursor(const std::string& text, const reading::ReadingService& reading) {
  Cursor cursor;
  cursor.skipped = Skipped::from_json(nullptr, reading);
  try {
    const auto value = nlohmann::json::parse(text);
    Cursor parsed;
    parsed.basis = ReadingBasis::from_json(value);
    for (const auto& [path, state] : value.at("collections").items()) {
      parsed.collections[path] = {state.at("token").get<std::string>(),
                                  state.at("tag").get<std::string>()};
    }
    parsed.skipped = Skipped::from_json(value.at("skipped"), reading);
    cursor = std::move(parsed);
  } catch (const nlohmann::json::exception&) {
  }
  return cursor;
}

std::string to_text(const Cursor& cursor) {
  nlohmann::json collections = nlohmann::json::object();
  for (const auto& [path, state] : cursor.collections) {
    collections[path] = {{"token", state.token}, {"tag", state.tag}};
  }
  nlohmann::json value = {{"collections", std::move(collections)},
                          {"skipped", cursor.skipped.to_json()}};
  cursor.basis.write_to(value);
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Without token and tag nothing but a look at all ETags tells.
bool has_changed(const Collection& collection, const Cursor& cursor) {
  const auto found = cursor.collections.find(collection.url.path);
  if (found == cursor.collections.end()) return true;
  if (collection.token.empty() && collection.tag.empty()) return true;
  return collection.token != found->second.token || collection.tag != found->second.tag;
}

// ---- one sync ----------------------------------------------------------------------------------

// What a server says about a collection.
struct Changes {
  std::map<std::string, std::string> live;  // name -> ETag
  std::set<std::string> gone;
  bool complete = false;  // `live` is all there is
  std::string token;      // to go on from
};

class AccountSync {
 public:
  AccountSync(SyncContext& context, const Flavor& flavor)
      : context_(context),
        flavor_(flavor),
        settings_(Settings::parse(context.source.settings)),
        cursor_(parse_cursor(context.source.cursor, context.reading)) {}

  base::Result<SyncReport> run() {
    TRY_ASSIGN(const Connection connection, connect(context_, settings_));
    client_ = connection.client.get();
    TRY_ASSIGN(const auto collections, list_collections(*client_, flavor_, settings_));
    if (collections.empty()) {
      // An account that has lost everything at once is more likely a server that is being repaired.
      return fail(ErrorKind::unavailable, std::string(flavor_.none_found_code),
                  {{"host", settings_.homes.empty() ? "" : settings_.homes.front().host}},
                  base::Retry::later);
    }
    TRY_ASSIGN(const auto stored, context_.store.placements(context_.source.id));
    for (const store::Placement& placement : stored) {
      stored_[placement.folder][base_uid(placement.uid)].push_back(placement);
    }
    read_all_again_ = cursor_.basis != ReadingBasis::now(context_.reading);
    TRY_ASSIGN(stale_, outdated(context_));

    Pipeline pipeline(context_, report_, cursor_.skipped);
    pipeline_ = &pipeline;
    expected_ = static_cast<std::int64_t>(stored.size());
    pipeline.expect(expected_);
    for (const Collection& collection : collections) TRY(sync_collection(collection));
    TRY(forget_vanished(collections));
    // From here on everything has been read with these readers and this horizon.
    cursor_.basis = ReadingBasis::now(context_.reading);
    TRY(save());
    return std::move(report_);
  }

 private:
  using Known = std::map<std::string, std::vector<store::Placement>>;

  Status save() { return context_.store.save_sync(context_.source.id, to_text(cursor_), ""); }

  // The name of an object below a collection; nothing for anything else.
  static std::optional<std::string> name_below(const Collection& collection,
                                               const std::string& href) {
    const auto url = resolve(collection.url, href);
    const std::string& path = collection.url.path;
    if (!url || !url->path.starts_with(path) || url->path.size() == path.size()) {
      return std::nullopt;
    }
    std::string name = url->path.substr(path.size());
    if (name.find('/') != std::string::npos) return std::nullopt;
    return name;
  }

  static bool is_itself(const Collection& collection, const std::string& href) {
    const auto url = resolve(collection.url, href);
    return url && (url->path == collection.url.path || url->path + "/" == collection.url.path);
  }

  // What changed since the token; nothing where the server does not take it.
  base::Result<std::optional<Changes>> changes_since(const Collection& collection,
                                                     std::string token) {
    Changes changes;
    for (int page = 0; page < most_pages; ++page) {
      TRY_ASSIGN(const Reply reply,
                 client_->report(collection.url,
                                 "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                                 "<sync-collection xmlns=\"DAV:\"><sync-token>" +
                                     escape_xml(token) +
                                     "</sync-token><sync-level>1</sync-level>"
                                     "<prop><getetag/></prop></sync-collection>\n"));
      if (reply.status == 401 || reply.status == 429 || reply.status == 503) {
        return fail_status(reply.url, reply.status);
      }
      if (reply.status != 207) return std::nullopt;
      TRY_ASSIGN(const Multistatus answered, parse_multistatus(reply.body, reply.url.host));
      bool more = false;
      for (const Answer& answer : answered.answers) {
        if (is_itself(collection, answer.href)) {
          more = more || answer.status == 507;
          continue;
        }
        const auto name = name_below(collection, answer.href);
        if (!name) continue;
        if (answer.status == 404 || answer.status == 410) {
          changes.live.erase(*name);
          changes.gone.insert(*name);
        } else {
          changes.gone.erase(*name);
          changes.live[*name] = answer.text(std::string(etag_name));
        }
      }
      if (answered.sync_token.empty()) return std::nullopt;
      changes.token = answered.sync_token;
      if (!more || answered.sync_token == token) return changes;
      token = answered.sync_token;
    }
    return std::nullopt;
  }

  base::Result<Changes> list_everything(const Collection& collection) {
    TRY_ASSIGN(const Multistatus listed,
               client_->properties(collection.url, 1, {etag_name, type_name}));
    Changes changes;
    bool cut = false;
    for (const Answer& answer : listed.answers) {
      if (is_itself(collection, answer.href)) {
        changes.complete = answer.status == 0 || answer.status == 200;
        cut = cut || answer.status == 507;
        continue;
      }
      const auto name = name_below(collection, answer.href);
      const Value* type = answer.find(std::string(type_name));
      if (!name || (type != nullptr && type->has("{DAV:}collection"))) continue;
      if (answer.status == 404 || answer.status == 410) continue;
      changes.live[*name] = base::trim(answer.text(std::string(etag_name)));
    }
    changes.complete = changes.complete && !cut;
    // Asked for before the listing: what changed in between comes once more and is known then.
    changes.token = collection.token;
    return changes;
  }

  Status sync_collection(const Collection& collection) {
    if (context_.stop.stop_requested()) return fail_cancelled();
    const std::string& path = collection.url.path;
    Known& known = stored_[path];
    unsettled_ = false;
    std::set<std::string> fetched;
    if (has_changed(collection, cursor_)) {
      const auto state = cursor_.collections.find(path);
      std::optional<Changes> changes;
      if (collection.reports_changes && state != cursor_.collections.end() &&
          !state->second.token.empty()) {
        TRY_ASSIGN(changes, changes_since(collection, state->second.token));
      }
      if (!changes) {
        TRY_ASSIGN(changes, list_everything(collection));
      }
      if (changes->live.size() > most_objects) {
        report_.note(
            collection.name,
            {"dav.too_many", {{"name", collection.name}, {"limit", std::to_string(most_objects)}}});
        changes->live.erase(std::next(changes->live.begin(), most_objects), changes->live.end());
        changes->complete = false;
      }
      TRY(take_changes(collection, known, *changes, fetched));
      TRY(read_again(collection, known, fetched));
      TRY(pipeline_->finish());
      TRY(forget(known, *changes));
      if (!unsettled_) {
        cursor_.collections[path] = {changes->token, collection.tag};
        if (changes->complete) keep_skipped(path, *changes);
      }
      return save();
    }
    TRY(read_again(collection, known, fetched));
    return pipeline_->finish();
  }

  std::string skip_key(const std::string& path, const std::string& name,
                       const std::string& etag) const {
    return path + " " + name + " " + etag;
  }

  // Drops remembered failures of this collection that are about versions no longer there.
  void keep_skipped(const std::string& path, const Changes& changes) {
    std::set<std::string> keys;
    for (const auto& [name, etag] : changes.live) keys.insert(skip_key(path, name, etag));
    cursor_.skipped.keep_only_below(path + " ", keys);
  }

  Status take_changes(const Collection& collection, const Known& known, Changes& changes,
                      std::set<std::string>& fetched) {
    std::vector<std::string> names;
    for (const auto& [name, etag] : changes.live) {
      if (const auto* entry =
              cursor_.skipped.find(skip_key(collection.url.path, name, etag), FileState{})) {
        if (!entry->code.empty()) {
          ++report_.failed;
          report_.note(last_segment(name), {entry->code, entry->parameters});
        }
        continue;
      }
      const auto found = known.find(name);
      if (found != known.end() && !etag.empty() && found->second.front().fingerprint == etag) {
        continue;
      }
      names.push_back(name);
    }
    expected_ += static_cast<std::int64_t>(names.size());
    pipeline_->expect(expected_);
    for (std::size_t begin = 0; begin < names.size(); begin += batch_objects) {
      if (context_.stop.stop_requested()) return fail_cancelled();
      const std::size_t count = std::min(batch_objects, names.size() - begin);
      const std::vector<std::string> batch(
          names.begin() + static_cast<std::ptrdiff_t>(begin),
          names.begin() + static_cast<std::ptrdiff_t>(begin + count));
      TRY(fetch(collection, known, batch, changes));
    }
    fetched.insert(names.begin(), names.end());
    return {};
  }

  // A batch by one report; what the report leaves out one by one.
  Status fetch(const Collection& collection, const Known& known,
               const std::vector<std::string>& names, Changes& changes) {
    std::set<std::string> missing(names.begin(), names.end());
    if (multiget_works_ && names.size() > 1) {
      std::string body = fmt::format(
          "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<x:{} xmlns=\"DAV:\" xmlns:x=\"{}\"><prop>"
          "<getetag/>{}</prop>",
          flavor_.multiget, flavor_.name_space, empty_element(flavor_.data));
      for (const std::string& name : names) {
        body += "<href>" + escape_xml(collection.url.path + name) + "</href>";
      }
      body += fmt::format("</x:{}>\n", flavor_.multiget);
      auto reply = client_->report(collection.url, std::move(body));
      if (!reply && reply.error().code == "net.too_large") {
        const auto half = static_cast<std::ptrdiff_t>(names.size() / 2);
        TRY(fetch(collection, known, {names.begin(), names.begin() + half}, changes));
        return fetch(collection, known, {names.begin() + half, names.end()}, changes);
      }
      if (!reply) return tl::unexpected(std::move(reply).error());
      if (reply->status == 207) {
        TRY_ASSIGN(const Multistatus answered, parse_multistatus(reply->body, reply->url.host));
        for (const Answer& answer : answered.answers) {
          const auto name = name_below(collection, answer.href);
          if (!name || !missing.contains(*name)) continue;
          if (answer.status == 404 || answer.status == 410) {
            missing.erase(*name);
            vanish(*name, changes);
            continue;
          }
          const Value* data = answer.find(std::string(flavor_.data));
          if (data == nullptr || data->text.empty()) continue;
          missing.erase(*name);
          std::string etag(base::trim(answer.text(std::string(etag_name))));
          TRY(add(collection, known, *name, data->text,
                  etag.empty() ? changes.live[*name] : std::move(etag)));
        }
      } else if (reply->status == 401 || reply->status == 429 || reply->status == 503) {
        return fail_status(reply->url, reply->status);
      } else {
        multiget_works_ = false;
      }
    }
    for (const std::string& name : missing) TRY(fetch_one(collection, known, name, changes));
    return {};
  }

  Status fetch_one(const Collection& collection, const Known& known, const std::string& name,
                   Changes& changes) {
    if (context_.stop.stop_requested()) return fail_cancelled();
    Request request;
    request.url = collection.url.with_path(collection.url.path + name);
    request.body_limit = largest_object;
    const auto reply = client_->send(request);
    if (!reply && reply.error().code == "net.too_large") {
      unreadable(
          collection, name, changes.live[name],
          {"source.too_large",
           {{"path", last_segment(name)}, {"megabytes", std::to_string(largest_object >> 20)}}});
      return {};
    }
    if (!reply) return tl::unexpected(reply.error());
    if (reply->good()) {
      const std::string_view etag = reply->header("etag");
      return add(collection, known, name, reply->body,
                 etag.empty() ? changes.live[name] : std::string(etag));
    }
    if (reply->status == 404 || reply->status == 410) {
      vanish(name, changes);
      pipeline_->advance(1);
      return {};
    }
    const auto why = fail_status(reply->url, reply->status).value();
    if (reply->status == 401 || reply->status == 429 || reply->status == 503) {
      return tl::unexpected(why);
    }
    if (why.retry == base::Retry::later) {
      // One object the server stumbles over must not keep the others out; it is asked for again.
      ++report_.failed;
      report_.note(last_segment(name), {why.code, why.parameters});
      unsettled_ = true;
      pipeline_->advance(1);
      return {};
    }
    unreadable(collection, name, changes.live[name], {why.code, why.parameters});
    return {};
  }

  static void vanish(const std::string& name, Changes& changes) {
    changes.live.erase(name);
    changes.gone.insert(name);
  }

  void unreadable(const Collection& collection, const std::string& name, const std::string& etag,
                  const domain::Notice& notice) {
    ++report_.failed;
    report_.note(last_segment(name), notice);
    cursor_.skipped.add(skip_key(collection.url.path, name, etag),
                        {FileState{}, notice.code, notice.parameters, true});
    pipeline_->advance(1);
  }

  Status add(const Collection& collection, const Known& known, const std::string& name,
             const std::string& bytes, const std::string& etag) {
    held_ += bytes.size();
    if (held_ > most_held) {
      TRY(pipeline_->finish());
      held_ = bytes.size();
    }
    Task task = task_for(collection, known, name, etag);
    task.load = [bytes, etag](const Task&) -> base::Result<std::optional<Loaded>> {
      return Loaded{bytes, etag.empty() ? "sha256:" + os::sha256(bytes) : etag};
    };
    return pipeline_->add(std::move(task));
  }

  Task task_for(const Collection& collection, const Known& known, const std::string& name,
                const std::string& etag) const {
    Task task;
    task.name = last_segment(name);
    if (!task.name.ends_with(flavor_.extension)) task.name += flavor_.extension;
    task.media_type = flavor_.media_type;
    task.relative_path = collection.name + "/" + last_segment(name);
    task.key = skip_key(collection.url.path, name, etag);
    task.keep = Keep::original;
    task.placement.source = context_.source.id;
    task.placement.folder = collection.url.path;
    task.placement.uid = name;
    if (const auto found = known.find(name); found != known.end()) {
      for (const store::Placement& placement : found->second) {
        task.known.push_back(placement);
        task.known.back().fingerprint.clear();  // read in any case
      }
    }
    return task;
  }

  // What has not changed but was read by an older reader or for another span of time, from the
  // originals in the store.
  Status read_again(const Collection& collection, const Known& known,
                    const std::set<std::string>& fetched) {
    std::int64_t unchanged = 0;
    for (const auto& [name, placements] : known) {
      if (fetched.contains(name)) continue;
      const store::Placement& first = placements.front();
      if (!read_all_again_ && !stale_.contains({collection.url.path, name})) {
        unchanged += static_cast<std::int64_t>(placements.size());
        continue;
      }
      Task task = task_for(collection, known, name, first.fingerprint);
      task.load = [this, item = first.item,
                   etag = first.fingerprint](const Task&) -> base::Result<std::optional<Loaded>> {
        TRY_ASSIGN(std::string bytes, context_.store.original(item));
        return Loaded{std::move(bytes), etag};
      };
      TRY(pipeline_->add(std::move(task)));
    }
    pipeline_->pass(unchanged);
    return {};
  }

  Status forget(const Known& known, const Changes& changes) {
    std::vector<store::Placement> gone;
    for (const auto& [name, placements] : known) {
      const bool missing = changes.complete && !changes.live.contains(name);
      if (!missing && !changes.gone.contains(name)) continue;
      gone.insert(gone.end(), placements.begin(), placements.end());
    }
    return forget(gone);
  }

  Status forget(const std::vector<store::Placement>& gone) {
    if (gone.empty()) return {};
    TRY_ASSIGN(const std::int64_t removed, context_.store.forget(gone));
    report_.removed += removed;
    report_.unchanged -= std::min(report_.unchanged, static_cast<std::int64_t>(gone.size()));
    return {};
  }

  // Collections that are listed no more: each is asked for by itself before what it held goes.
  Status forget_vanished(const std::vector<Collection>& collections) {
    for (const auto& [path, known] : stored_) {
      const bool listed = std::any_of(collections.begin(), collections.end(),
                                      [&](const auto& one) { return one.url.path == path; });
      if (listed || settings_.homes.empty()) continue;
      const auto there =
          client_->properties(settings_.homes.front().with_path(path), 0, {type_name});
      if (!there && there.error().code != "dav.missing") continue;
      const Value* type = there && !there->answers.empty()
                              ? there->answers.front().find(std::string(type_name))
                              : nullptr;
      if (type != nullptr && type->has(flavor_.collection)) continue;
      std::vector<store::Placement> gone;
      for (const auto& [name, placements] : known) {
        gone.insert(gone.end(), placements.begin(), placements.end());
      }
      TRY(forget(gone));
      cursor_.collections.erase(path);
    }
    return {};
  }

  SyncContext& context_;
  const Flavor& flavor_;
  const Settings settings_;
  Cursor cursor_;
  Client* client_ = nullptr;
  Pipeline* pipeline_ = nullptr;
  SyncReport report_;
  std::map<std::string, Known> stored_;  // by collection
  std::set<PlacementKey> stale_;
  bool read_all_again_ = false;
  bool multiget_works_ = true;
  bool unsettled_ = false;
  std::size_t held_ = 0;
  std::int64_t expected_ = 0;
};

base::Result<SyncReport> sync(SyncContext& context) {
  return AccountSync(context, flavor_of(context.source.kind)).run();
}

// ---- waiting -----------------------------------------------------------------------------------

Status wait(SyncContext& context) {
  const Settings settings = Settings::parse(context.source.settings);
  for (;;) {
    TRY(sleep(settings.interval, context.stop));
    // A sync may have gone through since.
    TRY_ASSIGN(const auto sources, context.store.sources());
    const auto source = std::find_if(sources.begin(), sources.end(),
                                     [&](const auto& one) { return one.id == context.source.id; });
    if (source == sources.end()) return {};
    const Cursor cursor = parse_cursor(source->cursor, context.reading);
    if (cursor.basis != ReadingBasis::now(context.reading)) return {};
    TRY_ASSIGN(const Connection connection, connect(context, settings));
    TRY_ASSIGN(const auto collections,
               list_collections(*connection.client, flavor_of(context.source.kind), settings));
    const bool changed =
        collections.size() != cursor.collections.size() ||
        std::any_of(collections.begin(), collections.end(),
                    [&](const Collection& one) { return has_changed(one, cursor); });
    if (changed) return {};
  }
}

// ---- changes -----------------------------------------------------------------------------------

Url url_of(const Settings& settings, const std::string& folder, const std::string& name) {
  for (const Url& home : settings.homes) {
    if (folder.starts_with(home.path)) return home.with_path(folder + name);
  }
  return settings.homes.front().with_path(folder + name);
}

// A name for a new object: its UID as far as that can stand in a path.
std::string name_for(const std::string& bytes, std::string_view extension) {
  std::string uid;
  const std::string text = base::replace_all(bytes, "\r\n", "\n");
  const auto at = ("\n" + text).find("\nUID");
  if (at != std::string::npos) {
    std::string line = text.substr(at, text.find('\n', at) - at);
    line = line.substr(std::min(line.size(), line.find(':') + 1));
    for (const char c : line) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '-' || c == '_';
      uid += plain ? c : '-';
    }
  }
  if (uid.empty() || uid.size() > 100) uid = base::Id::make().text();
  return uid + std::string(extension);
}

// What an object states, as names and values. Servers order and fold lines anew, and write time
// zones their own way.
std::set<std::string> statements(std::string_view bytes) {
  std::string text = base::replace_all(bytes, "\r\n", "\n");
  text = base::replace_all(base::replace_all(text, "\n ", ""), "\n\t", "");
  std::set<std::string> all;
  bool zone = false;
  for (const std::string_view line : base::split(text, '\n')) {
    if (base::trim(line) == "BEGIN:VTIMEZONE") zone = true;
    const bool counts = !zone && !line.empty() && !line.starts_with("PRODID");
    if (base::trim(line) == "END:VTIMEZONE") zone = false;
    if (!counts) continue;
    const std::string_view name = line.substr(0, line.find_first_of(":;"));
    all.insert(base::lower_ascii(name) + ":" +
               std::string(base::trim(line.substr(line.rfind(':') + 1))));
  }
  return all;
}

bool states_all(std::string_view there, std::string_view ours) {
  const auto theirs = statements(there);
  const auto own = statements(ours);
  return std::includes(theirs.begin(), theirs.end(), own.begin(), own.end());
}

tl::unexpected<base::Error> uncertain() { return fail(ErrorKind::unavailable, "source.uncertain"); }

class Applying {
 public:
  Applying(SyncContext& context, const Change& change)
      : context_(context),
        flavor_(flavor_of(context.source.kind)),
        change_(change),
        settings_(Settings::parse(context.source.settings)) {}

  base::Result<Applied> run() {
    if (settings_.homes.empty()) {
      return fail(ErrorKind::invalid_input, "source.unknown", {{"source", context_.source.name}});
    }
    TRY_ASSIGN(connection_, connect(context_, settings_));
    switch (change_.kind) {
      case Change::Kind::put:
        return change_.placement ? replace() : create();
      case Change::Kind::remove:
        return remove();
      case Change::Kind::set_flags:
      case Change::Kind::move:
      case Change::Kind::append:
        break;
    }
    return fail(ErrorKind::unsupported, "dav.change_unsupported");
  }

 private:
  // The object the change is about, guarded by the version it was made for.
  base::Result<Request> guarded(const std::string& method) {
    if (!change_.placement) return fail(ErrorKind::invalid_input, "dav.change_unsupported");
    const store::Placement& placement = *change_.placement;
    const std::string& etag = placement.fingerprint;
    if (etag.empty() || etag.starts_with("sha256:")) {
      return fail(ErrorKind::unsupported, "dav.no_versions",
                  {{"host", settings_.homes.front().host}});
    }
    Request request;
    request.method = method;
    applied_.folder = placement.folder;
    applied_.uid = base_uid(placement.uid);
    request.url = url_of(settings_, applied_.folder, applied_.uid);
    request.headers.emplace_back("If-Match", etag);
    return request;
  }

  void give_body(Request& request) const {
    request.headers.emplace_back("Content-Type",
                                 std::string(flavor_.media_type) + "; charset=utf-8");
    request.body = change_.bytes;
  }

  base::Result<Applied> replace() {
    TRY_ASSIGN(Request request, guarded("PUT"));
    give_body(request);
    return put(request);
  }

  base::Result<Applied> create() {
    TRY_ASSIGN(const auto collections, list_collections(*connection_.client, flavor_, settings_));
    const std::string& wanted = change_.folder.empty() ? settings_.target : change_.folder;
    const std::string component =
        change_.bytes.find("BEGIN:VTODO") != std::string::npos ? "VTODO" : "VEVENT";
    const Collection* target = nullptr;
    for (const Collection& one : collections) {
      const bool fits = one.components.empty() ||
                        std::find(one.components.begin(), one.components.end(), component) !=
                            one.components.end();
      const bool named =
          wanted.empty() || wanted == one.url.path || base::fold(wanted) == base::fold(one.name);
      if (named && fits && one.writable) {
        target = &one;
        break;
      }
    }
    if (target == nullptr) {
      return fail(ErrorKind::not_found, "dav.nowhere_to_write", {{"source", context_.source.name}});
    }
    Request request;
    request.method = "PUT";
    applied_.folder = target->url.path;
    applied_.uid = name_for(change_.bytes, flavor_.extension);
    request.url = target->url.with_path(applied_.folder + applied_.uid);
    request.headers.emplace_back("If-None-Match", "*");
    give_body(request);
    return put(request);
  }

  base::Result<Applied> put(const Request& request) {
    const auto reply = connection_.client->send(request);
    if (!reply && !may_have_arrived(reply.error())) return tl::unexpected(reply.error());
    if (!reply || is_unclear(reply->status)) {
      const auto there = look(request.url);
      if (there && there->good() && states_all(there->body, change_.bytes)) {
        applied_.fingerprint = there->header("etag");
        return applied_;
      }
      return uncertain();
    }
    TRY(judge(*reply));
    applied_.fingerprint = reply->header("etag");
    return applied_;
  }

  base::Result<Applied> remove() {
    TRY_ASSIGN(const Request request, guarded("DELETE"));
    const auto reply = connection_.client->send(request);
    if (!reply && !may_have_arrived(reply.error())) return tl::unexpected(reply.error());
    if (!reply || is_unclear(reply->status)) {
      const auto there = look(request.url);
      if (!there || (there->status != 404 && there->status != 410)) return uncertain();
    } else if (reply->status != 404 && reply->status != 410) {
      TRY(judge(*reply));
    }
    return Applied{};
  }

  // What a server or one before it says when it does not know itself what came of a request.
  static bool is_unclear(int status) { return status == 500 || status == 502 || status == 504; }

  Status judge(const Reply& reply) const {
    if (reply.good()) return {};
    const std::string unique = "{" + std::string(flavor_.name_space) + "}no-uid-conflict";
    if (reply.status == 412 || reply.status == 404 || reply.status == 410 ||
        names_condition(reply.body, unique)) {
      return fail(ErrorKind::busy, "source.conflict");
    }
    if (reply.status == 400 || reply.status == 409 || reply.status == 415 || reply.status == 422) {
      return fail(ErrorKind::invalid_input, "dav.rejected",
                  {{"host", reply.url.host}, {"status", std::to_string(reply.status)}});
    }
    return fail_status(reply.url, reply.status);
  }

  // Once more over a new connection, to learn what became of a change.
  base::Result<Reply> look(const Url& url) {
    TRY_ASSIGN(connection_, connect(context_, settings_));
    Request request;
    request.url = url;
    request.body_limit = largest_object;
    return connection_.client->send(request);
  }

  SyncContext& context_;
  const Flavor& flavor_;
  const Change& change_;
  const Settings settings_;
  Connection connection_;
  Applied applied_;
};

base::Result<Applied> apply(SyncContext& context, const Change& change) {
  return Applying(context, change).run();
}

std::vector<std::string> watch(const store::Source&) { return {}; }

base::Result<store::Source> describe_caldav(const Description& description) {
  return describe_account(calendars(), description);
}
base::Result<store::Source> describe_carddav(const Description& description) {
  return describe_account(contacts(), description);
}

}  // namespace

SourceType caldav_type() {
  return {"caldav", &describe_caldav, &sync, &watch, nullptr, &wait, &apply};
}
SourceType carddav_type() {
  return {"carddav", &describe_carddav, &sync, &watch, nullptr, &wait, &apply};
}

}  // namespace lar::sources::dav
