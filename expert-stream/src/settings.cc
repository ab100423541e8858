// See settings.h.
#include "settings.h"

#include "memory.h"

namespace expert_stream {

namespace {

tl::unexpected<Error> nonsense(const char* name, const std::string& value, const char* choices) {
  return failure(std::string(name) + "=" + value + " makes no sense; it takes " + choices);
}

}  // namespace

Outcome<Settings> read_settings(const Environment& environment) {
  Settings settings;
  const auto value = [&](const char* name) -> std::string {
    const char* text = environment(name);
    return text != nullptr ? text : "";
  };
  const auto number = [&](const char* name, unsigned highest, unsigned& target) {
    const std::string text = value(name);
    if (text.empty()) return true;
    std::size_t used = 0;
    unsigned long parsed = 0;
    try {
      parsed = std::stoul(text, &used);
    } catch (const std::exception&) {
      return false;
    }
    if (used != text.size() || parsed == 0 || parsed > highest) return false;
    target = static_cast<unsigned>(parsed);
    return true;
  };
  if (const std::string text = value("EXPERT_STREAM_BUDGET"); !text.empty()) {
    settings.budget = parse_size(text);
    if (!settings.budget)
      return nonsense("EXPERT_STREAM_BUDGET", text, "a size such as 6G or 512M");
  }
  if (const std::string text = value("EXPERT_STREAM_MODE"); text == "page-cache") {
    settings.mode = Mode::page_cache;
  } else if (text == "page-faults") {
    settings.mode = Mode::page_faults;
  } else if (!text.empty() && text != "cache") {
    return nonsense("EXPERT_STREAM_MODE", text, "cache, page-cache or page-faults");
  }
  if (const std::string text = value("EXPERT_STREAM_ADVICE"); text == "normal") {
    settings.advice = Advice::normal;
  } else if (!text.empty() && text != "random") {
    return nonsense("EXPERT_STREAM_ADVICE", text, "random or normal");
  }
  if (const std::string text = value("EXPERT_STREAM_IO"); text == "uring") {
    settings.input = Input::uring;
  } else if (text == "threads") {
    settings.input = Input::threads;
  } else if (!text.empty()) {
    return nonsense("EXPERT_STREAM_IO", text, "uring or threads");
  }
  if (!number("EXPERT_STREAM_READERS", 256, settings.readers))
    return nonsense("EXPERT_STREAM_READERS", value("EXPERT_STREAM_READERS"), "1 to 256");
  if (!number("EXPERT_STREAM_DEPTH", 4096, settings.depth))
    return nonsense("EXPERT_STREAM_DEPTH", value("EXPERT_STREAM_DEPTH"), "1 to 4096");
  if (const std::string text = value("EXPERT_STREAM_DIRECT"); text == "0") {
    settings.direct = false;
  } else if (!text.empty() && text != "1") {
    return nonsense("EXPERT_STREAM_DIRECT", text, "1 or 0");
  }
  if (const std::string text = value("EXPERT_STREAM_POLICY"); text == "lru") {
    settings.policy = {};
  } else if (!text.empty() && text != "frequency") {
    return nonsense("EXPERT_STREAM_POLICY", text, "frequency or lru");
  }
  if (const std::string text = value("EXPERT_STREAM_KERNELS"); text == "auto") {
    settings.kernels = Kernels::automatic;
  } else if (text == "repacked") {
    settings.kernels = Kernels::repacked;
  } else if (!text.empty() && text != "plain") {
    return nonsense("EXPERT_STREAM_KERNELS", text, "plain, repacked or auto");
  }
  if (const std::string text = value("EXPERT_STREAM_HUGE"); text == "1") {
    settings.huge_pages = true;
  } else if (!text.empty() && text != "0") {
    return nonsense("EXPERT_STREAM_HUGE", text, "1 or 0");
  }
  settings.state_file = value("EXPERT_STREAM_STATE");
  settings.statistics_file = value("EXPERT_STREAM_STATS");
  settings.statistics_socket = value("EXPERT_STREAM_SOCKET");
  settings.quiet = !value("EXPERT_STREAM_QUIET").empty();
  return settings;
}

}  // namespace expert_stream
