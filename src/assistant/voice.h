// Text spoken aloud by a voice that is installed on this machine: the program that $LAR_VOICE
// names, piper where one of its voices lies about, or espeak-ng. It runs as a child without a
// network, and the text goes through a pipe, where no list of processes shows it. Any thread.
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/text.h"

namespace lar::assistant {

struct Spoken {
  std::string wav;      // RIFF WAVE, whole
  std::string program;  // that has spoken
};

// $LAR_VOICE is called with the language ("es"), reads the text and writes a WAVE file. Of a long
// text the beginning is spoken. Errors: voice.none where nothing is installed, voice.failed
// {program}, cancelled.
base::Result<Spoken> speak(const std::string& text, base::Language language, std::stop_token stop);

}  // namespace lar::assistant
