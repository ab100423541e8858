// What the owner says of one mail, and for which others it holds.
#include "assistant/lessons.h"

#include <gtest/gtest.h>

#include "assistant/testing.h"

namespace lar::assistant {
namespace {

Mail mail_of(const std::string& id, const std::string& sender, const std::string& subject) {
  Mail mail;
  mail.id = id;
  mail.from.address = sender;
  mail.subject = subject;
  return mail;
}

Lesson lesson_of(const std::string& id, const std::string& sender, const std::string& subject) {
  Lesson lesson;
  lesson.message_id = id;
  lesson.sender = sender;
  lesson.subject = subject;
  return lesson;
}

const std::vector<float> none;

TEST(Lessons, what_was_said_of_a_mail_holds_for_it_whatever_else_was_said) {
  Lesson of_it = lesson_of("a@x", "shop@example.com", "Offers 1");
  of_it.suspicious = Suspicious::none;
  Lesson later = lesson_of("b@x", "shop@example.com", "Offers 2");
  later.suspicious = Suspicious::spam;
  later.made = 5;
  const Lessons lessons({of_it, later});
  const Taught taught = lessons.about(mail_of("a@x", "shop@example.com", "Offers 1"), none, true);
  EXPECT_TRUE(taught.itself);
  EXPECT_EQ(taught.suspicious, Suspicious::none);
  EXPECT_FALSE(taught.priority);
}

TEST(Lessons, of_mails_alike_the_last_word_counts_for_each_thing_by_itself) {
  Lesson first = lesson_of("a@x", "Pay@Example.com", "Your invoice 2026-118");
  first.priority = Priority::bulk;
  first.personal = true;
  Lesson second = lesson_of("b@x", "pay@example.com", "Re: Your invoice 2026-131");
  second.priority = Priority::reply;
  second.made = 7;
  const Lessons lessons({first, second});
  const Taught taught =
      lessons.about(mail_of("c@x", "pay@example.com", "Your invoice 2026-140"), none, false);
  EXPECT_FALSE(taught.itself);
  EXPECT_EQ(taught.priority, Priority::reply);
  EXPECT_EQ(taught.personal, true);
  EXPECT_EQ(taught.subject, second.subject);
  EXPECT_FALSE(
      lessons.about(mail_of("d@x", "pay@example.com", "Summer holidays"), none, false).priority);
  EXPECT_FALSE(
      lessons.about(mail_of("d@x", "pay@example.org", "Your invoice 1"), none, false).priority);
}

TEST(Lessons, trust_goes_to_nobody_who_only_looks_like_the_sender) {
  Lesson good = lesson_of("a@x", "bank@example.com", "Your card");
  good.suspicious = Suspicious::none;
  good.priority = Priority::urgent;
  good.embedding = {1, 0, 0};
  const Lessons lessons({good});
  const std::vector<float> same = {1, 0.01F, 0};
  const Mail real = mail_of("b@x", "bank@example.com", "Your new card");
  EXPECT_EQ(lessons.about(real, same, false).suspicious, Suspicious::none);
  EXPECT_FALSE(lessons.about(real, same, true).suspicious) << "the server doubts the sender";
  const Mail copied = mail_of("c@x", "bank@examp1e.com", "Your new card");
  EXPECT_FALSE(lessons.about(copied, same, false).suspicious);
  EXPECT_FALSE(lessons.about(copied, same, false).priority);
}

TEST(Lessons, what_was_called_spam_is_known_again_from_other_senders) {
  Lesson junk = lesson_of("a@x", "one@example.com", "Win");
  junk.suspicious = Suspicious::spam;
  junk.embedding = {0, 1, 0};
  const Lessons lessons({junk});
  EXPECT_EQ(
      lessons.about(mail_of("b@x", "two@example.org", "Prize"), {0, 1, 0.05F}, true).suspicious,
      Suspicious::spam);
  EXPECT_FALSE(
      lessons.about(mail_of("b@x", "two@example.org", "Prize"), {0, 1, 0.9F}, true).suspicious);
  EXPECT_FALSE(lessons.about(mail_of("b@x", "two@example.org", "Win"), {0, 1}, true).suspicious)
      << "of another space";
}

class TaughtTest : public testing::HomeTest {};

TEST_F(TaughtTest, a_lesson_changes_the_verdict_of_its_mail_and_of_the_senders_others) {
  const auto offer = [](const char* id, const char* number) {
    return testing::mail_text(id, "Feria del Libro <avisos@feria.example>", testing::me,
                              "Wed, 13 May 2026 10:00:00 +0200", std::string("Novedades ") + number,
                              "Novedades de la feria.\n\nOfertas hasta el domingo: 20 % de "
                              "descuento.\n\nDarse de baja: https://feria.example/baja",
                              "List-Unsubscribe: <https://feria.example/baja>\n");
  };
  receive("1", offer("a@x", "118"));
  receive("2", offer("b@x", "119"));
  sync();
  ASSERT_TRUE(judge());
  const auto priority = [&](const char* id) {
    return (*assistant().verdict(**home.store->find_item(id)))->priority;
  };
  EXPECT_EQ(priority("a@x"), "bulk");
  store::Lesson lesson;
  lesson.item = **home.store->find_item("a@x");
  lesson.message_id = "a@x";
  lesson.sender = "avisos@feria.example";
  lesson.subject = "Novedades 118";
  lesson.priority = "fyi";
  lesson.made = base::Clock::now();
  ASSERT_TRUE(assistant().teach(lesson, 0));
  EXPECT_EQ(*assistant().count_to_judge(), 2);
  ASSERT_TRUE(judge());
  EXPECT_EQ(priority("a@x"), "fyi");
  EXPECT_EQ(priority("b@x"), "fyi");
  receive("3", offer("c@x", "120"));
  sync();
  ASSERT_TRUE(judge());
  EXPECT_EQ(priority("c@x"), "fyi");
  const auto told = (*assistant().verdict(**home.store->find_item("c@x")))->detail;
  EXPECT_NE(told.find("as_you_said"), std::string::npos) << told;
  ASSERT_TRUE(*assistant().unteach(lesson.item, 0));
  ASSERT_TRUE(judge());
  EXPECT_EQ(priority("a@x"), "bulk");
  EXPECT_EQ(priority("c@x"), "bulk");
  EXPECT_FALSE(*assistant().unteach(lesson.item, 0));
}

}  // namespace
}  // namespace lar::assistant
