// See budget.h.
#include "engine/budget.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "engine/toml_text.h"
#include "os/file.h"

namespace lar::engine {
using base::ErrorKind;
using base::fail;
using nlohmann::json;
namespace {

// Pieces of background work end several times a second; the disk need not hear of each.
constexpr base::Microseconds write_every = 10 * base::one_second;
constexpr double microjoules_per_watt_hour = 3.6e9;

// As JSON writes numbers, whatever the locale.
std::string number_text(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::fixed, 6);
  return end.ec == std::errc() ? std::string(digits.data(), end.ptr) : "0";
}

// The shortest that is read as the same again: "30", not "30.000000".
std::string short_number(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), end.ptr};
}

std::string today() { return base::format_date(base::today(base::Clock::zone())); }

}  // namespace

Budget::Budget(std::string home, std::string energy_folder)
    : home_(std::move(home)), energy_folder_(std::move(energy_folder)), day_(today()) {
  const auto bytes = os::read_file(home_ + "/background_use.json", 65'536);
  const json kept = bytes ? json::parse(*bytes, nullptr, false) : json();
  if (!kept.is_object() || kept.value("day", json()) != day_) return;
  const auto number = [&](const char* name) {
    return kept.contains(name) && kept[name].is_number() ? kept[name].get<double>() : 0.0;
  };
  used_ = {static_cast<std::int64_t>(number("tokens")), number("minutes"), number("watt_hours")};
}

Budget::~Budget() {
  const std::lock_guard lock(mutex_);
  if (written_at_ > 0) write();
}

base::Result<DailyCost> Budget::limits() const {
  const std::string path = home_ + "/background.toml";
  if (!std::filesystem::exists(path)) return DailyCost{};
  TRY_ASSIGN(const std::string text, os::read_file(path, 65'536));
  TRY_ASSIGN(const toml::table table, parse_toml(text, path));
  DailyCost limit;
  for (const auto& [key, value] : table) {
    const std::string_view name = key.str();
    const auto number = value.is_number() ? value.value<double>() : std::nullopt;
    const bool sound = number && *number >= 0;
    if (name == "tokens_per_day" && sound && value.is_integer()) {
      limit.tokens = *value.value<std::int64_t>();
    } else if (name == "minutes_per_day" && sound) {
      limit.minutes = *number;
    } else if (name == "watt_hours_per_day" && sound) {
      limit.watt_hours = *number;
    } else {
      return fail(ErrorKind::invalid_input, "settings.malformed",
                  {{"path", path},
                   {"line", std::to_string(value.source().begin.line)},
                   {"field", std::string(name)}});
    }
  }
  return limit;
}

base::Status Budget::set_limits(const DailyCost& limit) {
  const std::lock_guard lock(mutex_);
  const auto before = limits();
  if (!before) return tl::unexpected<base::Error>(before.error());
  const std::string path = home_ + "/background.toml";
  std::string text;
  if (std::filesystem::exists(path)) {
    TRY_ASSIGN(text, os::read_file(path, 65'536));
  }
  TRY_ASSIGN(const toml::table table, parse_toml(text, path));
  std::vector<std::pair<std::string, std::string>> wanted;
  if (limit.tokens > 0) wanted.emplace_back("tokens_per_day", std::to_string(limit.tokens));
  if (limit.minutes > 0) wanted.emplace_back("minutes_per_day", short_number(limit.minutes));
  if (limit.watt_hours > 0) {
    wanted.emplace_back("watt_hours_per_day", short_number(limit.watt_hours));
  }
  // limits() has read the file: each setting is one number, and so stands on one line.
  std::vector<std::string> lines;
  for (const std::string_view line : base::split(text, '\n')) lines.emplace_back(line);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::vector<bool> gone(lines.size(), false);
  for (const auto& [key, value] : table) {
    const std::size_t at = value.source().begin.line - 1;
    if (at >= lines.size()) continue;
    const auto setting = std::find_if(wanted.begin(), wanted.end(),
                                      [&](const auto& one) { return one.first == key.str(); });
    if (setting == wanted.end()) {
      gone[at] = true;
      continue;
    }
    const std::size_t remark = lines[at].find('#');
    lines[at] = setting->first + " = " + setting->second +
                (remark == std::string::npos ? "" : "  " + lines[at].substr(remark));
    wanted.erase(setting);
  }
  std::string result;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    if (!gone[at]) result += lines[at] + "\n";
  }
  for (const auto& [name, value] : wanted) result += name + " = " + value + "\n";
  return os::write_file_atomically(path, result);
}

void Budget::begin_day() {
  if (const std::string day = today(); day != day_) {
    day_ = day;
    used_ = {};
  }
}

base::Status Budget::admit() {
  TRY_ASSIGN(const DailyCost limit, limits());
  const std::lock_guard lock(mutex_);
  begin_day();
  const auto check = [](double used, double most, const char* unit) -> base::Status {
    if (most <= 0 || used < most) return {};
    return fail(ErrorKind::busy, "engine.over_budget",
                {{"limit", std::to_string(static_cast<std::int64_t>(most))}, {"unit", unit}},
                base::Retry::later);
  };
  TRY(check(static_cast<double>(used_.tokens), static_cast<double>(limit.tokens), "tokens"));
  TRY(check(used_.minutes, limit.minutes, "min"));
  return check(used_.watt_hours, limit.watt_hours, "Wh");
}

BackgroundStatus Budget::status() {
  BackgroundStatus status;
  if (auto limit = limits()) {
    status.limit = *limit;
  } else {
    status.error = std::move(limit).error();
  }
  status.energy_known = os::package_energy(energy_folder_).has_value();
  const std::lock_guard lock(mutex_);
  begin_day();
  status.used = used_;
  return status;
}

void Budget::spend(const DailyCost& cost) {
  const std::lock_guard lock(mutex_);
  begin_day();
  used_.tokens += cost.tokens;
  used_.minutes += cost.minutes;
  used_.watt_hours += cost.watt_hours;
  const auto now = base::steady_now();
  if (written_at_ > 0 && now - written_at_ < write_every) return;
  written_at_ = now;
  write();
}

void Budget::write() {
  // By hand: a destructor comes here, and must not meet an exception.
  const std::string kept = "{\"day\":\"" + day_ + "\",\"tokens\":" + std::to_string(used_.tokens) +
                           ",\"minutes\":" + number_text(used_.minutes) +
                           ",\"watt_hours\":" + number_text(used_.watt_hours) + "}\n";
  // A full disk costs the count of some seconds, not the work.
  (void)os::write_file_atomically(home_ + "/background_use.json", kept);
}

Budget::Stretch::Stretch(Budget* budget)
    : budget_(budget),
      begun_(base::steady_now()),
      energy_(budget != nullptr ? os::package_energy(budget->energy_folder_) : std::nullopt) {}

Budget::Stretch::~Stretch() { settle(); }

base::Status Budget::Stretch::go_on() {
  if (budget_ == nullptr) return {};
  settle();
  return budget_->admit();
}

void Budget::Stretch::settle() {
  if (budget_ == nullptr) return;
  const auto now = base::steady_now();
  DailyCost cost;
  cost.tokens = std::exchange(tokens_, 0);
  cost.minutes = static_cast<double>(now - std::exchange(begun_, now)) / 60e6;
  auto energy = energy_ ? os::package_energy(budget_->energy_folder_) : std::nullopt;
  if (energy) {
    cost.watt_hours =
        static_cast<double>(os::energy_between(*energy_, *energy)) / microjoules_per_watt_hour;
    energy_ = std::move(energy);
  }
  budget_->spend(cost);
}

}  // namespace lar::engine
