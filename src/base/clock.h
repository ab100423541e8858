// The one clock. All time in lar comes from here; LAR_NOW (RFC 3339) fixes it for tests and
// samples. LAR_CLOCK names a file "TIME PACE SINCE" for demonstrations that show a day in minutes:
// at the Unix second SINCE the clock stood at TIME, and it runs PACE times as fast (0: it stands);
// what the file says counts from the moment it is written. LAR_ZONE or TZ name the owner's zone;
// else /etc/localtime decides; else UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lar::base {

// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
using Microseconds = std::int64_t;
constexpr Microseconds one_second = 1'000'000;
constexpr Microseconds one_day = 86'400 * one_second;

// A calendar date of the proleptic Gregorian calendar, in no particular zone.
struct Date {
  int year = 1970;
  int month = 1;  // 1-12
  int day = 1;    // 1-31
  auto operator<=>(const Date&) const = default;
};

// A wall-clock reading.
struct LocalTime {
  Date date;
  int hour = 0;
  int minute = 0;
  int second = 0;
  auto operator<=>(const LocalTime&) const = default;
};

class Clock {
 public:
  // The present moment, or the one LAR_NOW or LAR_CLOCK say.
  static Microseconds now();
  // How many times as fast as usual it runs: 1, but where LAR_CLOCK says more. What waits for the
  // clock waits that much shorter.
  static double pace();
  // IANA name of the owner's zone, e.g. "Europe/Madrid".
  static std::string zone();
  // The zone to use where the environment names none: the owner's setting. An unknown one is
  // ignored.
  static void prefer_zone(std::string_view zone);
  // For tests: as a new process would.
  static void read_environment_again();
  // For tests: fixes time and zone in this process; empty values undo it.
  static void fix(std::optional<Microseconds> time, std::optional<std::string> zone);
};

// A duration counter that LAR_NOW does not touch: for deadlines and timings. Microseconds.
Microseconds steady_now();

// Conversions; an unknown zone counts as UTC (zone_exists tells).
bool zone_exists(std::string_view zone);
LocalTime to_local(Microseconds time, std::string_view zone);
// A reading that occurs twice takes the earlier moment; one that is skipped, the moment of the
// change.
Microseconds from_local(const LocalTime& local, std::string_view zone);
Date today(std::string_view zone);
Date add_days(Date date, int days);
// 0 = Monday … 6 = Sunday (ISO 8601 order).
int weekday(Date date);
int days_between(Date from, Date to);
bool date_is_valid(const Date& date);

// RFC 3339 with the zone's offset: "2026-05-14T09:30:00+02:00".
std::string format_rfc3339(Microseconds time, std::string_view zone);
// "2026-05-14".
std::string format_date(const Date& date);
Result<Microseconds> parse_rfc3339(std::string_view text);
std::optional<Date> parse_date(std::string_view text);  // "2026-05-14" only

}  // namespace lar::base
