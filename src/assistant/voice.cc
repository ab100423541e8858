// Debian has a program for gaming mice that is called piper too: without a voice beside it piper is
// not asked, and whatever a program writes is taken only if it is a WAVE file.
#include "assistant/voice.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "os/file.h"
#include "os/process.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;

constexpr size_t longest_text = 6000;       // bytes; some six minutes
constexpr size_t largest_wav = 128u << 20;  // an hour of what espeak-ng writes
constexpr std::chrono::milliseconds step{50};
constexpr std::chrono::seconds longest{120};

struct Voice {
  std::string name;
  std::vector<std::string> arguments;
};

std::string program(const std::string& name) {
  for (const char* folder : {"/usr/local/bin/", "/usr/bin/"}) {
    if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  const char* home = std::getenv("HOME");
  const std::string own = home == nullptr ? "" : std::string(home) + "/.local/bin/" + name;
  return !own.empty() && ::access(own.c_str(), X_OK) == 0 ? own : "";
}

// "es_ES-davefx-medium.onnx", with its settings beside it.
std::string piper_voice(const std::string& language) {
  std::vector<std::filesystem::path> folders = {"/usr/share/piper-voices",
                                                "/usr/local/share/piper-voices"};
  if (const char* home = std::getenv("HOME")) {
    folders.emplace_back(std::string(home) + "/.local/share/piper-voices");
  }
  std::vector<std::string> found;
  for (const auto& folder : folders) {
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator at(folder, error), end; !error && at != end;
         at.increment(error)) {
      const std::string path = at->path().string(), name = at->path().filename().string();
      if (name.starts_with(language + "_") && name.ends_with(".onnx") &&
          ::access((path + ".json").c_str(), R_OK) == 0) {
        found.push_back(path);
      }
    }
  }
  return found.empty() ? "" : *std::min_element(found.begin(), found.end());
}

std::vector<Voice> voices(const std::string& language) {
  if (const char* own = std::getenv("LAR_VOICE"); own != nullptr && *own != '\0') {
    return {{own, {own, language}}};
  }
  std::vector<Voice> all;
  const std::string piper = program("piper"), voice = piper_voice(language);
  if (!piper.empty() && !voice.empty()) {
    all.push_back({"piper", {piper, "--model", voice, "--output_file", "-"}});
  }
  if (const std::string espeak = program("espeak-ng"); !espeak.empty()) {
    all.push_back({"espeak-ng", {espeak, "-v", language, "--stdin", "--stdout"}});
  }
  return all;
}

std::uint32_t number_at(const std::string& bytes, size_t at) {
  std::uint32_t value = 0;
  for (size_t index = 0; index < 4; ++index) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + index]))
             << (8 * index);
  }
  return value;
}
void set_number_at(std::string& bytes, size_t at, size_t value) {
  for (size_t index = 0; index < 4; ++index) {
    bytes[at + index] = static_cast<char>((value >> (8 * index)) & 0xFF);
  }
}

// A program that writes to a pipe cannot know the sizes that stand in front: they are set to what
// is there. False where it is no WAVE file with sound in it.
bool complete_wav(std::string& bytes) {
  constexpr size_t head = 12;
  if (bytes.size() < head || !bytes.starts_with("RIFF") || bytes.compare(8, 4, "WAVE") != 0) {
    return false;
  }
  set_number_at(bytes, 4, bytes.size() - 8);
  for (size_t at = head; at + 8 <= bytes.size();) {
    if (bytes.compare(at, 4, "data") == 0) {
      set_number_at(bytes, at + 4, bytes.size() - at - 8);
      return bytes.size() > at + 8;
    }
    at += 8 + static_cast<size_t>(number_at(bytes, at + 4)) + number_at(bytes, at + 4) % 2;
  }
  return false;
}

Result<std::string> run(const Voice& voice, const std::string& text, std::stop_token stop) {
  const auto failed = [&] {
    return base::fail(ErrorKind::unavailable, "voice.failed", {{"program", voice.name}});
  };
  // Files in memory: a pipe would need a thread on either side.
  const os::Descriptor input(::memfd_create("text", MFD_CLOEXEC));
  const os::Descriptor output(::memfd_create("wav", MFD_CLOEXEC));
  if (input.get() < 0 || output.get() < 0) return failed();
  if (::write(input.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::lseek(input.get(), 0, SEEK_SET) != 0) {
    return failed();
  }
  os::ProcessOptions options;
  options.arguments = voice.arguments;
  options.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8",
                         "HOME=/nonexistent"};
  options.standard_input = input.get();
  options.standard_output = output.get();
  options.network = os::Network::none;
  options.nice = 5;
  TRY_ASSIGN(os::Process process, os::Process::start(options));
  for (auto waited = std::chrono::milliseconds(0); waited < longest; waited += step) {
    if (stop.stop_requested()) return base::fail(ErrorKind::cancelled, "cancelled");
    const auto ended = process.wait_for(step);
    if (!ended) continue;
    const off_t size = ::lseek(output.get(), 0, SEEK_END);
    if (*ended != 0 || size <= 0 || static_cast<size_t>(size) > largest_wav) return failed();
    std::string wav(static_cast<size_t>(size), '\0');
    if (::pread(output.get(), wav.data(), wav.size(), 0) != size || !complete_wav(wav)) {
      return failed();
    }
    return wav;
  }
  return failed();
}

}  // namespace

Result<Spoken> speak(const std::string& text, base::Language language, std::stop_token stop) {
  const std::vector<Voice> all = voices(std::string(base::language_code(language)));
  if (all.empty()) return base::fail(ErrorKind::unavailable, "voice.none");
  // Each line is a sentence of its own, also where it ends without a stop.
  std::string spoken;
  for (const std::string_view line : base::split(base::cut_utf8(text, longest_text), '\n')) {
    const std::string_view words = base::trim(line);
    if (words.empty()) continue;
    const bool ended = words.find_last_of(".?!:") == words.size() - 1;
    spoken += std::string(words) + (ended ? "\n" : ".\n");
  }
  base::Error last;
  for (const Voice& voice : all) {
    auto wav = run(voice, spoken, stop);
    if (wav) return Spoken{std::move(*wav), voice.name};
    last = std::move(wav).error();
    if (last.kind == ErrorKind::cancelled) break;
  }
  return tl::unexpected<base::Error>(std::move(last));
}

}  // namespace lar::assistant
