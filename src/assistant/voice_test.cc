// The voice of this machine, where there is one, and programs that do not do what they should.
#include "assistant/voice.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "os/file.h"
#include "sources/testing.h"

namespace lar::assistant {
namespace {

constexpr const char* text = "Hoy: 10:00 Dentista\nBea espera tu respuesta";

class VoiceTest : public ::testing::Test {
 protected:
  ~VoiceTest() override { ::unsetenv("LAR_VOICE"); }
  // A program of a few lines in the place of a voice.
  void voice(const std::string& script) {
    folder.write("voice", "#!/bin/sh\n" + script);
    std::filesystem::permissions(folder.path("voice"), std::filesystem::perms::owner_all);
    ::setenv("LAR_VOICE", folder.path("voice").c_str(), 1);
  }
  std::string code() { return speak(text, base::Language::spanish, {}).error().code; }
  sources::testing::TempFolder folder;
};

std::uint32_t number_at(const std::string& bytes, size_t at) {
  std::uint32_t value = 0;
  for (size_t index = 4; index-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + index]);
  }
  return value;
}

TEST_F(VoiceTest, espeak_speaks_either_language_and_the_file_says_how_long_it_is) {
  if (::access("/usr/bin/espeak-ng", X_OK) != 0) GTEST_SKIP() << "espeak-ng is not installed";
  std::string before;
  for (const auto language : {base::Language::spanish, base::Language::english}) {
    const auto spoken = speak(text, language, {});
    ASSERT_TRUE(spoken) << spoken.error().describe();
    EXPECT_EQ(number_at(spoken->wav, 4), spoken->wav.size() - 8);
    EXPECT_GT(spoken->wav.size(), 40'000u) << "a second at least";
    EXPECT_NE(spoken->wav, before) << "both languages sound alike";
    before = spoken->wav;
  }
}

TEST_F(VoiceTest, the_owners_program_gets_language_and_text) {
  const std::string out = folder.path("said");
  voice("echo \"$1\" > '" + out + "'; cat >> '" + out +
        "'; printf 'RIFF0000WAVEdata\\377\\377\\377\\377sound'");
  const auto spoken = speak(text, base::Language::spanish, {});
  ASSERT_TRUE(spoken) << spoken.error().describe();
  EXPECT_EQ(number_at(spoken->wav, 16), 5u) << "the size that the program could not know";
  EXPECT_EQ(*os::read_file(out), "es\nHoy: 10:00 Dentista.\nBea espera tu respuesta.\n");
}

TEST_F(VoiceTest, what_is_no_sound_is_not_taken_for_it) {
  voice("cat > /dev/null; echo 'usage: voice FILE'");
  EXPECT_EQ(code(), "voice.failed");
  voice("cat > /dev/null; printf 'RIFF0000WAVEdata\\000\\000\\000\\000'; exit 0");
  EXPECT_EQ(code(), "voice.failed") << "there is no sound in it";
  voice("cat > /dev/null; printf 'RIFF0000WAVEdata\\004\\000\\000\\000abcd'; exit 3");
  EXPECT_EQ(code(), "voice.failed");
  ::setenv("LAR_VOICE", "/nonexistent/voice", 1);
  EXPECT_FALSE(speak(text, base::Language::spanish, {}));
}

TEST_F(VoiceTest, a_voice_that_hangs_ends_with_the_listener) {
  voice("sleep 600");
  std::stop_source stop;
  const std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stop.request_stop();
  });
  EXPECT_EQ(speak(text, base::Language::spanish, stop.get_token()).error().code, "cancelled");
}

}  // namespace
}  // namespace lar::assistant
