// Measures lar's engines with real models: time until ready, chat speed, and what embedding through
// lar costs over the same texts sent to the same llama-server directly, in whatever request size is
// best for it.
//
//   bench_engine embed --models FOLDER --home FOLDER [--model NAME] [--seconds N]
//   bench_engine chat  --models FOLDER --home FOLDER [--rounds N]
//   bench_engine waiting --models FOLDER --home FOLDER [--rounds N]
//   bench_engine change --models FOLDER --home FOLDER [--rounds N] [--calls N]
//
// `waiting`: how long a person waits for the first token while the background does all it may, in
// the same engine (a long prompt being read, a long answer being written) and in that for
// embeddings, against an idle machine; the three take turns. `change`: from `lar model use` to the
// first token that the new model gives anybody while calls go on (500 of them), against a bare
// start of the same engine. Before either its file is read into the page cache and free memory is
// touched: a virtual machine gives back what has not been used for a while, and getting it again
// would be counted to whichever comes first.
//
// A shared machine is slower or faster from one second to the next by more than what is sought. So
// the two contenders take turns on the same few texts, A B B A and then B A A B: what drifts evenly
// falls out of each block, and what strikes one block is one of many. The figure is the median of
// the blocks' ratios with an interval from drawing the blocks anew. Beside the clock stands the
// processor time of client and engine together, which waiting for a core does not stretch.
#include <fmt/format.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/contract.h"
#include "engine/engine.h"
#include "engine/models.h"
#include "net/http_client.h"

namespace {
using namespace lar;

struct Arguments {
  std::string what, models, home, model;
  int seconds = 120;
  int rounds = 5;
  int calls = 500;
};

// Texts as lar sends them: passages of 40 to 250 words, alike for every run.
std::vector<engine::EmbedText> sample_texts(int count) {
  const std::vector<std::string> words = {
      "the",     "insurance", "of",      "car",     "ends",   "on",      "friday", "please",
      "send",    "invoice",   "before",  "monday",  "seguro", "del",     "coche",  "vence",
      "viernes", "reunión",   "con",     "cliente", "será",   "en",      "marzo",  "gracias",
      "correo",  "adjunto",   "factura", "school",  "trip",   "deposit", "ticket", "hotel",
      "noche",   "reserva",   "412,60",  "euros"};
  std::mt19937 random(11);
  std::vector<engine::EmbedText> texts;
  for (int index = 0; index < count; ++index) {
    std::string text;
    const auto length = 40 + random() % 210;
    for (unsigned word = 0; word < length; ++word) text += words[random() % words.size()] + " ";
    texts.push_back({"Re: " + words[random() % words.size()], text});
  }
  return texts;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}
// The median with the middle 95 % of the medians of samples drawn from the same values.
std::string with_interval(const std::vector<double>& values) {
  std::mt19937 random(11);
  std::vector<double> medians;
  for (int draw = 0; draw < 10'000; ++draw) {
    std::vector<double> sample;
    for (std::size_t index = 0; index < values.size(); ++index) {
      sample.push_back(values[random() % values.size()]);
    }
    medians.push_back(median(std::move(sample)));
  }
  std::sort(medians.begin(), medians.end());
  return fmt::format("{:.4f} (95 % interval {:.4f} to {:.4f})", median(values), medians[250],
                     medians[9749]);
}

double own_processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Of all threads of a process, to the nanosecond.
double processor_seconds(int process) {
  double nanoseconds = 0;
  std::error_code error;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", error)) {
    double running = 0;
    std::ifstream(thread.path() / "schedstat") >> running;
    nanoseconds += running;
  }
  return nanoseconds / 1e9;
}

double seconds_of(const std::function<bool()>& work) {
  const auto begun = base::steady_now();
  if (!work()) {
    fmt::print(stderr, "a call failed\n");
    std::exit(1);
  }
  return static_cast<double>(base::steady_now() - begun) / 1e6;
}

// The texts as a careful client would send them, `per_request` in each request.
class Direct {
 public:
  Direct(const Arguments& arguments, const engine::CatalogueModel& model)
      : http_(net::local_only()),
        socket_(arguments.home + "/run/embed.sock"),
        prompt_(model.document_prompt) {}

  std::string prompted(const engine::EmbedText& text) const {
    std::string prompt = prompt_;
    const auto put = [&](std::string_view place, const std::string& value) {
      const auto at = prompt.find(place);
      if (at != std::string::npos) prompt.replace(at, place.size(), value);
    };
    put("{title}", text.title);
    put("{text}", text.text);
    return prompt.empty() ? text.text : prompt;
  }
  // Ready to go before the clock starts.
  std::vector<std::string> bodies(const std::vector<engine::EmbedText>& texts,
                                  std::size_t per_request) const {
    std::vector<std::string> bodies;
    for (std::size_t next = 0; next < texts.size(); next += per_request) {
      std::vector<std::string> some;
      for (std::size_t at = next; at < std::min(texts.size(), next + per_request); ++at) {
        some.push_back(prompted(texts[at]));
      }
      bodies.push_back(nlohmann::json{{"input", some}}.dump());
    }
    return bodies;
  }
  bool send(const std::vector<std::string>& bodies) const {
    for (const std::string& body : bodies) {
      net::HttpRequest request;
      request.method = "POST";
      request.url = "http://engine/v1/embeddings";
      request.unix_socket = socket_;
      request.headers = {{"Content-Type", "application/json"}};
      request.body = body;
      const auto response = http_.send(request);
      if (!response || response->status != 200) return false;
    }
    return true;
  }

 private:
  net::HttpClient http_;
  std::string socket_, prompt_;
};

int bench_embed(engine::Engines& engines, const Arguments& arguments) {
  auto models = engine::Models::open(arguments.models);
  const std::string space = engines.embed_space();
  const auto model =
      models ? (*models)->find(space.substr(0, space.find('/')))
             : base::Result<engine::CatalogueModel>(tl::unexpected<base::Error>(models.error()));
  if (!model) {
    fmt::print(stderr, "{}\n", model.error().describe());
    return 1;
  }
  const double ready = seconds_of(
      [&] { return engines.embed(engine::EmbedKind::query, {{"", "lar"}}, {}).has_value(); });
  int engine_process = 0;
  for (const auto& status : engines.status()) {
    if (status.role == engine::Role::embed) engine_process = status.pid;
  }
  const Direct direct(arguments, *model);

  // The request size that suits the engine best: the least of several turns over 16 texts, for what
  // disturbs only ever adds time.
  const auto texts = sample_texts(64);
  const std::vector<engine::EmbedText> some(texts.begin(), texts.begin() + 16);
  const std::vector<std::size_t> sizes = {1, 4, 8, 16};
  std::vector<double> least(sizes.size(), 1e9);
  constexpr int turns = 3;
  for (int turn = 0; turn < turns; ++turn) {
    for (std::size_t index = 0; index < sizes.size(); ++index) {
      const auto bodies = direct.bodies(some, sizes[index]);
      least[index] = std::min(least[index], seconds_of([&] { return direct.send(bodies); }));
    }
  }
  const std::size_t best =
      sizes[static_cast<std::size_t>(std::min_element(least.begin(), least.end()) - least.begin())];
  fmt::print("{}: ready in {:.2f} s; direct, texts a second by texts a request:", space, ready);
  for (std::size_t index = 0; index < sizes.size(); ++index) {
    fmt::print(" {}: {:.1f}", sizes[index], static_cast<double>(some.size()) / least[index]);
  }
  fmt::print("\n");
  std::fflush(stdout);

  struct Cost {
    double wall = 0, own = 0, engine = 0;
  };
  const auto cost_of = [&](const std::function<bool()>& work) {
    const double own = own_processor_seconds(), engine = processor_seconds(engine_process);
    Cost cost;
    cost.wall = seconds_of(work);
    cost.own = own_processor_seconds() - own;
    cost.engine = processor_seconds(engine_process) - engine;
    return cost;
  };
  const std::size_t slice = std::max<std::size_t>(4, best);
  std::vector<double> wall, processor;
  Cost through_lar, directly;
  std::size_t done = 0;  // texts each way
  const auto begun = base::steady_now();
  const auto elapsed = [&] { return static_cast<double>(base::steady_now() - begun) / 1e6; };
  for (std::size_t block = 0; block < 20 || elapsed() < arguments.seconds; ++block) {
    const std::size_t from = block * slice % (texts.size() - slice + 1);
    const std::vector<engine::EmbedText> now(texts.begin() + static_cast<long>(from),
                                             texts.begin() + static_cast<long>(from + slice));
    const auto bodies = direct.bodies(now, best);
    Cost sums[2];  // lar, direct
    const int outer = block % 2 == 0 ? 0 : 1;
    for (const int who : {outer, 1 - outer, 1 - outer, outer}) {
      const Cost cost = who == 0 ? cost_of([&] {
        return engines.embed(engine::EmbedKind::document, now, {}).has_value();
      })
                                 : cost_of([&] { return direct.send(bodies); });
      sums[who].wall += cost.wall;
      sums[who].own += cost.own;
      sums[who].engine += cost.engine;
    }
    wall.push_back(sums[0].wall / sums[1].wall);
    processor.push_back((sums[0].own + sums[0].engine) / (sums[1].own + sums[1].engine));
    through_lar.wall += sums[0].wall;
    through_lar.own += sums[0].own;
    through_lar.engine += sums[0].engine;
    directly.own += sums[1].own;
    directly.engine += sums[1].engine;
    done += 2 * slice;
  }
  const auto each = [&](double seconds) { return seconds * 1000 / static_cast<double>(done); };
  fmt::print("  {} blocks of {} texts each way and turn; {:.1f} texts a second through lar\n",
             wall.size(), slice, static_cast<double>(done) / through_lar.wall);
  fmt::print("  time through lar / direct with {} a request: {}\n", best, with_interval(wall));
  fmt::print("  processor time of client and engine, the same: {}\n", with_interval(processor));
  fmt::print(
      "  a text costs lar {:.3f} ms of processor time and the engine {:.1f} ms; direct, the client "
      "{:.3f} ms and the engine {:.1f} ms\n",
      each(through_lar.own), each(through_lar.engine), each(directly.own), each(directly.engine));
  return 0;
}

int bench_chat(engine::Engines& engines, const Arguments& arguments) {
  engine::ChatRequest request;
  request.messages = {{"system", "You answer from the passages, briefly."}, {"user", ""}};
  for (const auto& text : sample_texts(6)) request.messages[1].content += text.text + "\n";
  request.messages[1].content += "What is the invoice about?";
  request.max_tokens = 48;
  const double ready =
      seconds_of([&] { return engines.count_tokens(engine::Role::chat, "lar").has_value(); });
  fmt::print("chat: ready in {:.2f} s\n", ready);
  for (int round = 0; round < arguments.rounds; ++round) {
    const auto result = engines.chat(engine::Role::chat, request, {}, {});
    if (!result) {
      fmt::print(stderr, "{}\n", result.error().describe());
      return 1;
    }
    const int fresh = result->prompt_tokens - result->cached_tokens;
    fmt::print(
        "  {}: prompt {} ({} cached), first token {:.0f} ms ({:.0f} tokens/s), then {:.1f} "
        "tokens/s\n",
        result->model, result->prompt_tokens, result->cached_tokens, result->first_token_ms,
        fresh / result->first_token_ms * 1000,
        (result->completion_tokens - 1) / (result->total_ms - result->first_token_ms) * 1000);
    if (round % 2 == 0) request.messages[1].content += " And which day?";  // the prefix stays
  }
  return 0;
}

// A person's short question behind the same instructions each time, as lar asks.
engine::ChatRequest short_question(int number) {
  engine::ChatRequest request;
  request.messages = {{"system", "You answer in one short sentence."},
                      {"user", "What is " + std::to_string(number) + " and one?"}};
  request.max_tokens = 4;
  return request;
}

// Asks one short question; how long its first token took, in seconds.
std::optional<double> first_token(engine::Engines& engines, int number) {
  const auto result = engines.chat(engine::Role::chat, short_question(number), {}, {});
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().describe());
    return std::nullopt;
  }
  return result->first_token_ms / 1000;
}

int bench_waiting(engine::Engines& engines, const Arguments& arguments) {
  engine::ChatRequest reading;
  reading.caller.urgency = engine::Urgency::background;
  reading.messages = {{"user", ""}};
  for (const auto& text : sample_texts(60)) reading.messages[0].content += text.text + "\n";
  reading.max_tokens = 4;
  engine::ChatRequest writing;
  writing.caller.urgency = engine::Urgency::background;
  writing.messages = {{"user", "Write a long story about a lighthouse, at least 600 words."}};
  writing.max_tokens = 600;
  const auto texts = sample_texts(400);
  int number = 1000;
  if (!first_token(engines, ++number)) return 1;
  std::vector<double> idle, while_reading, while_writing, while_embedding;
  // With the time in line, which first_token_ms does not hold.
  const auto ask = [&]() -> std::optional<double> {
    std::optional<double> first;
    const auto begun = base::steady_now();
    const auto result = engines.chat(engine::Role::chat, short_question(++number),
                                     [&](std::string_view) {
                                       if (!first)
                                         first =
                                             static_cast<double>(base::steady_now() - begun) / 1e6;
                                     },
                                     {});
    return result ? first : std::nullopt;
  };
  const auto under = [&](const std::function<void(std::stop_token)>& work,
                         std::vector<double>& into) {
    std::jthread background(work);
    // Well into it.
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    const auto waited = ask();
    if (waited) into.push_back(*waited);
    return waited.has_value();
  };
  for (int round = 0; round < arguments.rounds; ++round) {
    reading.messages[0].content = std::to_string(round) + " " + reading.messages[0].content;
    // Idle for as long as the others work: a processor that rests begins slowly.
    const bool done = under([](const std::stop_token&) {}, idle) &&
                      under(
                          [&](std::stop_token stop) {
                            (void)engines.chat(engine::Role::chat, reading, {}, stop);
                          },
                          while_reading) &&
                      under(
                          [&](std::stop_token stop) {
                            (void)engines.chat(engine::Role::chat, writing, {}, stop);
                          },
                          while_writing) &&
                      under(
                          [&](std::stop_token stop) {
                            (void)engines.embed(engine::EmbedKind::document, texts, stop);
                          },
                          while_embedding);
    if (!done) return 1;
  }
  fmt::print("waiting: first token on an idle machine {:.0f} ms (median of {})\n",
             median(idle) * 1000, idle.size());
  const auto against_idle = [&](const char* name, const std::vector<double>& times) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < times.size(); ++round) {
      ratios.push_back(times[round] / idle[round]);
    }
    fmt::print("  while the background {}: {:.0f} ms, {} times idle\n", name, median(times) * 1000,
               with_interval(ratios));
  };
  against_idle("reads", while_reading);
  against_idle("writes", while_writing);
  against_idle("embeds", while_embedding);
  return 0;
}

// A person's call while models change: what answered it, and when it said its first word.
struct Answered {
  base::Microseconds first_text = 0;
  std::string model;
};

std::optional<Answered> asked(engine::Engines& engines, int number) {
  Answered answered;
  const auto result = engines.chat(engine::Role::chat, short_question(number),
                                   [&](std::string_view) {
                                     if (answered.first_text == 0)
                                       answered.first_text = base::steady_now();
                                   },
                                   {});
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().describe());
    return std::nullopt;
  }
  answered.model = result->model;
  return answered;
}

// As much memory as an engine takes lies ready, and its file is in the page cache.
bool make_warm(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<char> block(1u << 20);
  std::size_t bytes = 0;
  while (stream.read(block.data(), static_cast<std::streamsize>(block.size())) ||
         stream.gcount() > 0) {
    bytes += static_cast<std::size_t>(stream.gcount());
  }
  if (bytes == 0) {
    fmt::print(stderr, "{}: cannot be read\n", file);
    return false;
  }
  const std::size_t size = bytes + (1u << 30);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return false;
  ::munmap(memory, size);
  return true;
}

bool use(engine::Engines& engines, const std::string& model) {
  const auto used = engines.use(engine::Role::chat, model);
  if (!used) fmt::print(stderr, "{}: {}\n", model, used.error().describe());
  return used.has_value();
}

// Two clients that never pause ask throughout, so many times in all. From the wish for another
// model to the first word that it says to anybody, against the same engine's start with nothing
// else about, which begins with its first question.
int bench_change(engine::Engines& engines, const engine::EngineOptions& options,
                 const Arguments& arguments) {
  std::vector<std::string> models;
  std::map<std::string, std::string> files;
  const auto known = engine::Models::open(arguments.models);
  if (!known) return 1;
  for (const auto& model : (*known)->list()) {
    const bool chats =
        std::find(model.roles.begin(), model.roles.end(), engine::Role::chat) != model.roles.end();
    if (model.installed && chats && models.size() < 2) models.push_back(model.name);
    files[model.name] = arguments.models + "/" + model.file;
  }
  if (models.size() < 2) {
    fmt::print(stderr, "change: two installed chat models are needed\n");
    return 1;
  }
  // As after their first use, when lar measures what begins to serve.
  for (const std::string& model : models) {
    if (!use(engines, model)) return 1;
    const auto checked =
        engine::check_model(options, **known, engines, "chat", engine::CheckDepth::quick, {}, {});
    if (!checked) {
      fmt::print(stderr, "{}\n", checked.error().describe());
      return 1;
    }
  }
  std::atomic<int> number = 1000, done = 0, failed = 0;
  struct Round {
    double change = 0, used = 0, start = 0;
  };
  std::map<std::string, std::vector<Round>> rounds;
  for (int round = 0; round < arguments.rounds; ++round) {
    const std::string& model = models[static_cast<std::size_t>(round + 1) % 2];
    Round measured;
    if (!use(engines, model)) return 1;
    engines.stop_all();
    if (!make_warm(files[model])) return 1;
    auto begun = base::steady_now();
    const auto bare = asked(engines, ++number);
    if (!bare) return 1;
    measured.start = static_cast<double>(bare->first_text - begun) / 1e6;
    if (!use(engines, models[static_cast<std::size_t>(round) % 2])) return 1;
    if (!asked(engines, ++number) || !make_warm(files[model])) return 1;
    std::atomic<base::Microseconds> first = 0;
    {
      std::vector<std::jthread> callers;
      for (int caller = 0; caller < 2; ++caller) {
        callers.emplace_back([&](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            const auto answered = asked(engines, ++number);
            ++done;
            if (!answered) ++failed;
            if (!answered || answered->model != model) continue;
            base::Microseconds none = 0;
            first.compare_exchange_strong(none, answered->first_text);
          }
        });
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      begun = base::steady_now();
      if (!use(engines, model)) return 1;
      measured.used = static_cast<double>(base::steady_now() - begun) / 1e6;
      while (first == 0 || done < arguments.calls * (round + 1) / arguments.rounds) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    measured.change = static_cast<double>(first - begun) / 1e6;
    rounds[model].push_back(measured);
    fmt::print(
        "  to {}: {:.2f} s (stands after {:.2f} s), bare start {:.2f} s; {} asked, {} failed\n",
        model, measured.change, measured.used, measured.start, done.load(), failed.load());
    std::fflush(stdout);
  }
  for (const auto& [model, all] : rounds) {
    std::vector<double> ratios;
    for (const Round& round : all) ratios.push_back(round.change / round.start);
    fmt::print("change under load to {}: {} times its bare start\n", model, with_interval(ratios));
  }
  fmt::print("{} of {} calls failed\n", failed.load(), done.load());
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** values) {
  Arguments arguments;
  if (count > 1) arguments.what = values[1];
  for (int index = 2; index + 1 < count; index += 2) {
    const std::string_view name = values[index];
    if (name == "--models") arguments.models = values[index + 1];
    if (name == "--home") arguments.home = values[index + 1];
    if (name == "--model") arguments.model = values[index + 1];
    if (name == "--seconds") arguments.seconds = std::atoi(values[index + 1]);
    if (name == "--rounds") arguments.rounds = std::atoi(values[index + 1]);
    if (name == "--calls") arguments.calls = std::atoi(values[index + 1]);
  }
  if (arguments.models.empty() || arguments.home.empty() || arguments.rounds < 1) {
    fmt::print(stderr,
               "usage: bench_engine embed|chat|waiting|change --models FOLDER --home FOLDER "
               "[--model NAME] [--seconds N] "
               "[--rounds N] [--calls N]\n");
    return 2;
  }
  if (!arguments.model.empty()) {
    std::ofstream(arguments.home + "/roles.toml")
        << (arguments.what == "embed" ? "embed" : "chat") << " = \"" << arguments.model << "\"\n";
  }
  lar::engine::EngineOptions options;
  options.home = arguments.home;
  options.models_folder = arguments.models;
  auto engines = lar::engine::Engines::open(options);
  if (!engines || !(*engines)->bind_defaults()) {
    fmt::print(stderr, "{}\n", engines ? "no model could be bound" : engines.error().describe());
    return 1;
  }
  if (arguments.what == "waiting") return bench_waiting(**engines, arguments);
  if (arguments.what == "change") return bench_change(**engines, options, arguments);
  return arguments.what == "chat" ? bench_chat(**engines, arguments)
                                  : bench_embed(**engines, arguments);
}
