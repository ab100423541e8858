// Time, text, ids and sentences.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "base/id.h"
#include "base/messages.h"
#include "base/text.h"

namespace lar::base {
namespace {

TEST(Clock, converts_across_a_change_to_summer_time) {
  const Microseconds before = from_local({{2026, 3, 29}, 1, 59, 59}, "Europe/Madrid");
  const Microseconds after = from_local({{2026, 3, 29}, 3, 0, 0}, "Europe/Madrid");
  EXPECT_EQ(after - before, one_second);
  EXPECT_EQ(from_local({{2026, 3, 29}, 2, 30, 0}, "Europe/Madrid"), after);
  EXPECT_EQ(to_local(after, "Europe/Madrid"), (LocalTime{{2026, 3, 29}, 3, 0, 0}));
}

TEST(Clock, writes_and_reads_rfc_3339) {
  const auto time = parse_rfc3339("2026-05-14T09:30:00+02:00");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(format_rfc3339(*time, "Europe/Madrid"), "2026-05-14T09:30:00+02:00");
  EXPECT_EQ(format_rfc3339(*time, "UTC"), "2026-05-14T07:30:00+00:00");
  EXPECT_EQ(format_rfc3339(-1, "America/New_York"), "1969-12-31T18:59:59-05:00");
  EXPECT_FALSE(parse_rfc3339("2026-05-14").has_value());
  EXPECT_FALSE(parse_rfc3339("2026-02-30T00:00:00Z").has_value());
}

TEST(Clock, knows_weekdays_and_spans) {
  EXPECT_EQ(weekday({2026, 5, 14}), 3);
  EXPECT_EQ(days_between({2026, 2, 27}, {2026, 3, 1}), 2);
  EXPECT_EQ(add_days({2024, 2, 28}, 1), (Date{2024, 2, 29}));
}

TEST(Id, sorts_by_the_order_of_making_and_reads_back) {
  Id last;
  for (int round = 0; round < 10'000; ++round) {
    const Id id = Id::make();
    ASSERT_LT(last, id);
    last = id;
  }
  EXPECT_EQ(last.text()[14], '7');
  EXPECT_EQ(Id::parse(last.text()), last);
  EXPECT_FALSE(Id::parse("not an id").has_value());
}

TEST(Text, folds_accents_but_keeps_the_letter_enye) {
  EXPECT_EQ(fold("AÑO Müller ¿Cuándo?"), "año muller ¿cuando?");
  EXPECT_EQ(fold("an\xCC\x83o"), "año");
  EXPECT_EQ(fold_to_n("Año"), "ano");
}

TEST(Text, repairs_malformed_bytes_and_line_ends) {
  EXPECT_EQ(clean_utf8(std::string_view("a\xFF\r\nb\0c\r", 8)), "a\xEF\xBF\xBD\nbc\n");
  EXPECT_EQ(clean_utf8("e\xCC\x81"), "é");
}

TEST(Text, splits_words_at_signs) {
  std::vector<std::string> found;
  const std::string_view text = "El niño pagó 412,60 € (ref. ES-20X).";
  for (const Word& word : words(text))
    found.emplace_back(text.substr(word.begin, word.end - word.begin));
  EXPECT_EQ(found,
            (std::vector<std::string>{"El", "niño", "pagó", "412", "60", "ref", "ES", "20X"}));
}

TEST(Text, tells_the_language_of_short_questions) {
  EXPECT_EQ(detect_language("Cuando vence el seguro del coche", Language::english),
            Language::spanish);
  EXPECT_EQ(detect_language("When is the dentist?", Language::spanish), Language::english);
  EXPECT_EQ(detect_language("ITV", Language::spanish), Language::spanish);
}

TEST(Text, stems_in_both_languages) {
  EXPECT_EQ(stem("seguros", Language::spanish), stem("seguro", Language::spanish));
  EXPECT_EQ(stem("invoices", Language::english), stem("invoice", Language::english));
}

TEST(Text, measures_in_utf16_units) { EXPECT_EQ(utf16_length("añ\xF0\x9F\x90\xB6"), 4u); }

TEST(Clock, runs_as_a_file_says_and_keeps_on_while_that_is_written) {
  const std::string path = ::testing::TempDir() + "lar-clock-" + std::to_string(::getpid());
  const auto say = [&](const std::string& text) { std::ofstream(path) << text; };
  say("2026-05-14T07:00:00Z 0 1700000000");
  ::setenv("LAR_CLOCK", path.c_str(), 1);
  Clock::read_environment_again();
  const Microseconds start = *parse_rfc3339("2026-05-14T07:00:00Z");
  EXPECT_EQ(Clock::now(), start);
  EXPECT_EQ(Clock::pace(), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  say("2026-05-14T08:00:00Z 100 " + std::to_string(std::chrono::duration<double>(since).count()));
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_GE(Clock::now(), start + 3600 * one_second + 5 * one_second);
  EXPECT_EQ(Clock::pace(), 100);
  say("nonsense");
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_GE(Clock::now(), start + 3600 * one_second + 8 * one_second);
  ::unsetenv("LAR_CLOCK");
  Clock::fix({}, {});
  ::unlink(path.c_str());
}

TEST(Messages, fill_places_in_both_languages_and_only_once) {
  const Error error{
      ErrorKind::busy, "file.locked", {{"path", "{pid}"}, {"pid", "7"}}, Retry::no, {}};
  EXPECT_EQ(message(error, Language::english), "{pid} is in use by process 7.");
  EXPECT_EQ(message(error, Language::spanish), "{pid} lo está usando el proceso 7.");
  EXPECT_EQ(message("no.such.code", Language::english), "no.such.code");
}

}  // namespace
}  // namespace lar::base
