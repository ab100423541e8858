// Measures lar's engines with real models: time until ready, chat speed, and what embedding through
// lar costs over the same texts sent to the same llama-server directly, in whatever request size is
// best for it. Rounds of each contender alternate, so that a busy machine disturbs all alike;
// ratios are of paired rounds, with median and spread.
//
//   bench_engine embed --models FOLDER --home FOLDER [--texts N] [--rounds N]
//   bench_engine chat  --models FOLDER --home FOLDER [--rounds N]
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/models.h"
#include "net/http_client.h"

namespace {
using namespace lar;

struct Arguments {
  std::string what, models, home;
  int texts = 64;
  int rounds = 5;
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
std::string spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", median(values), values.front(), values.back());
}

double own_processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double seconds_of(const std::function<bool()>& work) {
  const auto begun = base::steady_now();
  if (!work()) {
    fmt::print(stderr, "a call failed\n");
    std::exit(1);
  }
  return static_cast<double>(base::steady_now() - begun) / 1e6;
}

int bench_embed(engine::Engines& engines, const Arguments& arguments) {
  const auto texts = sample_texts(arguments.texts);
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
  // What a careful client would send, ready to go before the clock starts.
  std::vector<std::string> prompted;
  for (const auto& text : texts) {
    std::string prompt = model->document_prompt;
    const auto put = [&](std::string_view place, const std::string& value) {
      const auto at = prompt.find(place);
      if (at != std::string::npos) prompt.replace(at, place.size(), value);
    };
    put("{title}", text.title);
    put("{text}", text.text);
    prompted.push_back(prompt);
  }
  const net::HttpClient http(net::local_only());
  const auto direct = [&](std::size_t from, std::size_t count, std::size_t per_request) {
    std::vector<std::string> bodies;
    for (std::size_t next = from; next < from + count; next += per_request) {
      const auto end = std::min(from + count, next + per_request);
      const std::vector<std::string> some(prompted.begin() + static_cast<long>(next),
                                          prompted.begin() + static_cast<long>(end));
      bodies.push_back(nlohmann::json{{"input", some}}.dump());
    }
    return seconds_of([&] {
      for (const std::string& body : bodies) {
        net::HttpRequest request;
        request.method = "POST";
        request.url = "http://engine/v1/embeddings";
        request.unix_socket = arguments.home + "/run/embed.sock";
        request.headers = {{"Content-Type", "application/json"}};
        request.body = body;
        const auto response = http.send(request);
        if (!response || response->status != 200) return false;
      }
      return true;
    });
  };
  int tokens = 0;
  for (const std::string& prompt : prompted) {
    const auto count = engines.count_tokens(engine::Role::embed, prompt);
    tokens += count ? *count : 0;
  }
  fmt::print("{}: {} texts, {} tokens; ready in {:.2f} s\n", space, texts.size(), tokens, ready);

  // Contenders take turns on the same eight texts, and swap places each time: a machine that is
  // busy with other things for a second disturbs both.
  constexpr std::size_t slice = 8;
  const std::vector<std::size_t> sizes = {1, 4, slice};
  std::vector<std::vector<double>> ratios(sizes.size());
  std::vector<double> through;
  double own = 0;  // processor time of this process alone, which a busy machine does not stretch
  for (int round = 0; round < arguments.rounds; ++round) {
    double lar_seconds = 0;
    std::vector<double> direct_seconds(sizes.size());
    for (std::size_t from = 0; from + slice <= texts.size(); from += slice) {
      const std::vector<engine::EmbedText> some(texts.begin() + static_cast<long>(from),
                                                texts.begin() + static_cast<long>(from + slice));
      for (std::size_t turn = 0; turn <= sizes.size(); ++turn) {
        const std::size_t who =
            (turn + static_cast<std::size_t>(round) + from / slice) % (sizes.size() + 1);
        if (who < sizes.size()) {
          direct_seconds[who] += direct(from, slice, sizes[who]);
        } else {
          const double before = own_processor_seconds();
          lar_seconds += seconds_of(
              [&] { return engines.embed(engine::EmbedKind::document, some, {}).has_value(); });
          own += own_processor_seconds() - before;
        }
      }
    }
    through.push_back(lar_seconds);
    for (std::size_t index = 0; index < sizes.size(); ++index) {
      ratios[index].push_back(lar_seconds / direct_seconds[index]);
    }
  }
  const auto done = static_cast<double>(texts.size() / slice * slice);
  fmt::print("  through lar: {:.0f} tokens/s (median round)\n", tokens / median(through));
  for (std::size_t index = 0; index < sizes.size(); ++index) {
    fmt::print("  time through lar / direct with {} texts a request: {}\n", sizes[index],
               spread(ratios[index]));
  }
  fmt::print("  lar's own processor time: {:.3f} ms a text, {:.2f} % of the whole\n",
             own * 1000 / (arguments.rounds * done),
             own * 100 / (median(through) * arguments.rounds));
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

}  // namespace

int main(int count, char** values) {
  Arguments arguments;
  if (count > 1) arguments.what = values[1];
  for (int index = 2; index + 1 < count; index += 2) {
    const std::string_view name = values[index];
    if (name == "--models") arguments.models = values[index + 1];
    if (name == "--home") arguments.home = values[index + 1];
    if (name == "--texts") arguments.texts = std::atoi(values[index + 1]);
    if (name == "--rounds") arguments.rounds = std::atoi(values[index + 1]);
  }
  if (arguments.models.empty() || arguments.home.empty() || arguments.texts < 1 ||
      arguments.rounds < 1) {
    fmt::print(
        stderr,
        "usage: bench_engine embed|chat --models FOLDER --home FOLDER [--texts N] [--rounds N]\n");
    return 2;
  }
  lar::engine::EngineOptions options;
  options.home = arguments.home;
  options.models_folder = arguments.models;
  auto engines = lar::engine::Engines::open(options);
  if (!engines || !(*engines)->bind_defaults()) {
    fmt::print(stderr, "{}\n", engines ? "no model could be bound" : engines.error().describe());
    return 1;
  }
  return arguments.what == "chat" ? bench_chat(**engines, arguments)
                                  : bench_embed(**engines, arguments);
}
