// Published calendars. What has not changed since is not sent again (ETag, Last-Modified: RFC 9110,
// 13), what was sent goes the way of a calendar file. Publishers are strangers: how much is taken
// from one is bounded. Runs on the thread of its source.
#include "sources/subscription/subscription.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "os/file.h"
#include "sources/collection.h"
#include "sources/dav/account.h"
#include "sources/waiting.h"

namespace lar::sources::subscription {

namespace {

using base::ErrorKind;
using base::fail;
using base::Status;
using dav::Settings;

constexpr std::size_t largest_text = 16u << 20;
constexpr std::size_t most_items = 20'000;

struct Cursor {
  std::string etag;
  std::string modified;
  std::string hash;
  ReadingBasis basis;
  nlohmann::json notices = nlohmann::json::array();
};

Cursor parse_cursor(const std::string& text) {
  Cursor cursor;
  try {
    const auto value = nlohmann::json::parse(text);
    Cursor parsed;
    parsed.etag = value.at("etag").get<std::string>();
    parsed.modified = value.at("modified").get<std::string>();
    parsed.hash = value.at("hash").get<std::string>();
    parsed.basis = ReadingBasis::from_json(value);
    for (const auto& entry : value.at("notices")) {
      entry.at(2).get<base::Parameters>();
      parsed.notices.push_back(entry);
    }
    cursor = std::move(parsed);
  } catch (const nlohmann::json::exception&) {
  }
  return cursor;
}

std::string to_text(const Cursor& cursor) {
  nlohmann::json value = {{"etag", cursor.etag},
                          {"modified", cursor.modified},
                          {"hash", cursor.hash},
                          {"notices", cursor.notices}};
  cursor.basis.write_to(value);
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

dav::Request request_for(const dav::Url& url) {
  dav::Request request;
  request.url = url;
  request.headers = {{"Accept", "text/calendar, */*;q=0.5"}};
  request.body_limit = largest_text;
  return request;
}

// What the calendar calls itself, where it does.
std::string stated_name(const std::string& text) {
  constexpr std::string_view property = "\nX-WR-CALNAME:";
  const auto at = text.find(property);
  if (at == std::string::npos) return {};
  const auto begin = at + property.size();
  const std::string_view line =
      std::string_view(text).substr(begin, text.find_first_of("\r\n", begin) - begin);
  return base::collapse_spaces(
      base::clean_utf8(base::cut_utf8(base::replace_all(line, "\\,", ","), 100)));
}

tl::unexpected<base::Error> not_a_calendar(const dav::Url& url) {
  return fail(ErrorKind::invalid_input, "source.not_a_calendar", {{"path", url.host}},
              base::Retry::later);
}

base::Result<store::Source> describe(const Description& description) {
  if (description.outside == nullptr) return fail(ErrorKind::unsupported, "source.no_outside");
  Settings settings = Settings::parse(description.settings);
  if (description.settings.find("\"interval\"") == std::string::npos) {
    settings.interval = std::chrono::minutes(15);
  }
  TRY_ASSIGN(const dav::Url url, dav::parse_url(description.location));
  if (settings.user.empty() && !description.secret.empty()) {
    return fail(ErrorKind::invalid_input, "dav.no_user");
  }
  settings.homes = {url};
  const auto policy = description.outside->egress.permit(
      "calendar " + url.host, dav::endpoints_of(settings.homes, settings.hosts));
  dav::Client client(*policy, {settings.user, description.secret}, settings.hosts,
                     description.stop);
  TRY_ASSIGN(const dav::Reply reply, client.send(request_for(url)));
  if (!reply.good()) return dav::fail_status(reply.url, reply.status);
  if (!opens_properly(calendar_file, reply.body)) return not_a_calendar(url);
  settings.scheme = client.login().scheme;
  store::Source source;
  source.kind = "ics_url";
  source.name = description.name.empty() ? stated_name(reply.body) : description.name;
  if (source.name.empty()) source.name = url.host;
  source.location = url.text();
  source.settings = settings.text();
  return source;
}

base::Result<SyncReport> sync(SyncContext& context) {
  const Settings settings = Settings::parse(context.source.settings);
  if (settings.homes.empty()) {
    return fail(ErrorKind::invalid_input, "dav.bad_address", {{"address", ""}});
  }
  const Cursor before = parse_cursor(context.source.cursor);
  Cursor cursor;
  cursor.basis = ReadingBasis::now(context.reading);
  TRY_ASSIGN(const auto stale, outdated(context));
  TRY_ASSIGN(const auto stored, context.store.placements(context.source.id));
  const bool same_reading = cursor.basis == before.basis && stale.empty();

  SyncReport report;
  const auto unchanged = [&]() -> base::Result<SyncReport> {
    report.unchanged = static_cast<std::int64_t>(stored.size());
    for (const auto& entry : before.notices) {
      report.note(entry.at(0).get<std::string>(),
                  {entry.at(1).get<std::string>(), entry.at(2).get<base::Parameters>()});
    }
    TRY(context.store.save_sync(context.source.id, to_text(before), ""));
    return report;
  };

  TRY_ASSIGN(const dav::Connection connection, dav::connect(context, settings));
  dav::Request request = request_for(settings.homes.front());
  if (same_reading && !before.hash.empty()) {
    if (!before.etag.empty()) request.headers.emplace_back("If-None-Match", before.etag);
    if (!before.modified.empty()) {
      request.headers.emplace_back("If-Modified-Since", before.modified);
    }
  }
  TRY_ASSIGN(const dav::Reply reply, connection.client->send(request));
  if (reply.status == 304 && same_reading && !before.hash.empty()) return unchanged();
  if (!reply.good()) return dav::fail_status(reply.url, reply.status);
  if (!opens_properly(calendar_file, reply.body)) return not_a_calendar(reply.url);
  cursor.etag = reply.header("etag");
  cursor.modified = reply.header("last-modified");
  cursor.hash = os::sha256(reply.body);
  if (same_reading && cursor.hash == before.hash) return unchanged();

  CollectionText text;
  text.bytes = reply.body;
  text.name = context.source.name;
  text.origin = domain::Origin::web;
  text.most_items = most_items;
  TRY_ASSIGN(const CollectionOutcome outcome,
             record_collection(calendar_file, context, text, stored, stale, report));
  for (const auto& [about, notice] : outcome.notices) {
    cursor.notices.push_back({about, notice.code, notice.parameters});
  }
  // A text that was cut short is fetched again, whatever the server thinks of it.
  if (outcome.cut_off) cursor.hash.clear();
  TRY(context.store.save_sync(context.source.id, to_text(cursor), ""));
  return report;
}

Status wait(SyncContext& context) {
  return sleep(Settings::parse(context.source.settings).interval, context.stop);
}

std::vector<std::string> watch(const store::Source&) { return {}; }

}  // namespace

SourceType source_type() { return {"ics_url", &describe, &sync, &watch, nullptr, &wait}; }

}  // namespace lar::sources::subscription
