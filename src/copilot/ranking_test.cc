// What the ranking sees of passages, and that its weights read it the right way round.
#include "copilot/ranking.h"

#include <gtest/gtest.h>

namespace lar::copilot {
namespace {

Candidate mail(const std::string& title, const std::string& text, int day,
               const std::string& thread = "") {
  Candidate candidate;
  candidate.hit.kind = domain::ItemKind::mail;
  candidate.hit.title = title;
  candidate.hit.text = text;
  candidate.hit.thread = thread.empty() ? title : thread;
  candidate.hit.when = domain::Instant{
      base::Microseconds{1'770'000'000'000'000} + day * base::Microseconds{86'400'000'000},
      "Europe/Madrid"};
  candidate.hit.score = 0.8;
  candidate.header = "mail: " + title;
  candidate.begin = 0;
  candidate.end = text.size();
  return candidate;
}

TEST(Ranking, SentencesAreWholeAlsoWhereAMailProgramBrokeThem) {
  const Candidate candidate =
      mail("Obra",
           "Hola:\nLa visita de los instaladores para medir la cocina queda fijada\npara el "
           "martes 4. Saludos.\n",
           1);
  const std::vector<Sentence> sentences = compared_sentences(candidate);
  ASSERT_EQ(sentences.size(), 3U);
  EXPECT_EQ(sentences[1].text,
            "La visita de los instaladores para medir la cocina queda fijada para el martes 4.");
  EXPECT_EQ(candidate.hit.text.substr(sentences[1].begin, sentences[1].end - sentences[1].begin),
            "La visita de los instaladores para medir la cocina queda fijada\npara el martes 4.");
}

TEST(Ranking, AsManySentencesAsAreWorthTheirTimeAndNoLongerThanTheEngineTakes) {
  std::string text;
  for (int count = 0; count < 40; ++count) text += "Esto es otra frase más. ";
  EXPECT_EQ(compared_sentences(mail("a", text, 1)).size(), 12U);
  const Candidate endless = mail("b", std::string(5000, 'x'), 1);
  ASSERT_EQ(compared_sentences(endless).size(), 1U);
  EXPECT_LE(compared_sentences(endless)[0].text.size(), 400U);
}

TEST(Ranking, ALaterMessageOfTheThreadIsSeenFromBothSides) {
  const std::vector<Candidate> candidates = {
      mail("Dentista", "Su cita es el 4 de mayo a las 10:00.", 1, "t"),
      mail("Re: Dentista", "Su cita cambia al 6 de mayo a las 12:00.", 5, "t"),
      mail("Gimnasio", "La clase es el 5 de mayo a las 19:00.", 3)};
  const auto features =
      ranking_features(candidates, "¿Cuándo es la cita del dentista?", {}, "Europe/Madrid");
  ASSERT_EQ(features.size(), 3U);
  EXPECT_EQ(features[0].at("later_in_thread"), 0) << "one thread without meanings is exactly 1";
  EXPECT_GE(features[0].at("later"), 1);
  EXPECT_EQ(features[0].at("earlier"), 0);
  EXPECT_GE(features[1].at("earlier"), 1);
  EXPECT_EQ(features[1].at("changes_earlier"), 1);
  EXPECT_EQ(features[2].at("later"), 0) << "another matter";
  EXPECT_EQ(features[0].at("newest_share"), 0);
  EXPECT_EQ(features[1].at("newest_share"), 1);
}

TEST(Ranking, MeaningsPointOutTheSentenceThatAnswers) {
  const std::vector<Candidate> candidates = {mail("a", "Primera frase. Son 40 €.", 1),
                                             mail("b", "Nada de eso. Otra cosa.", 2)};
  Meanings meanings;
  meanings.question = {1, 0};
  meanings.sentences = {{{0.0F, 1.0F}, {0.8F, 0.6F}}, {{0.6F, 0.8F}, {0.0F, 1.0F}}};
  const auto features = ranking_features(candidates, "¿Cuánto cuesta?", meanings, "UTC");
  EXPECT_EQ(nearest_sentence(meanings, 0), 1U);
  EXPECT_EQ(nearest_sentence(meanings, 2), std::nullopt);
  EXPECT_NEAR(features[0].at("sentence"), 0.8, 1e-6);
  EXPECT_NEAR(features[0].at("sentence_lead"), 0, 1e-6);
  EXPECT_NEAR(features[0].at("sentence_alone"), 0.8, 1e-6);
  EXPECT_NEAR(features[1].at("sentence_lead"), -0.2, 1e-6);
  EXPECT_EQ(features[0].at("fits_in_sentence"), 1);
  EXPECT_EQ(features[1].at("fits_in_sentence"), 0);
}

TEST(Ranking, TheWeightsPreferWhatHoldsTheFactAndWhatTheModelBearsOut) {
  const auto ranking = Ranking::shared();
  ASSERT_TRUE(ranking) << ranking.error().describe();
  const std::vector<Candidate> candidates = {mail("Fontanero", "La reparación son 85 €.", 1),
                                             mail("Fontanero", "Mañana paso a verlo.", 1, "u")};
  const auto features =
      ranking_features(candidates, "¿Cuánto cobró el fontanero?", {}, "Europe/Madrid");
  EXPECT_GT((*ranking)->rank(features[0], false), (*ranking)->rank(features[1], false));
  Features borne_out = features[0], denied = features[0];
  borne_out["held"] = 2;
  denied["held"] = -2;
  borne_out["held_lead"] = 1;
  denied["held_lead"] = -1;
  EXPECT_GT((*ranking)->decide(borne_out, false), (*ranking)->decide(denied, false));
  EXPECT_GT((*ranking)->decide(borne_out, true), (*ranking)->decide(denied, true));
}

}  // namespace
}  // namespace lar::copilot
