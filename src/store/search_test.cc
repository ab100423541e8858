// Finding: spelling, stems, phrases, filters, fusion, threads, and queries that try to be syntax.
#include <random>

#include "store/test_home.h"

namespace lar::store {
namespace {

class SearchTest : public StoreTest {
 protected:
  SearchTest() { source = add_source("correo"); }

  Id add(const std::string& name, const std::string& text, const std::string& language = "es") {
    domain::Item item = mail(name + "@x", name, text);
    item.people.clear();
    item.language = language;
    return record(item, source, name).item;
  }

  Id source;
};

using Titles = std::vector<std::string>;

TEST_F(SearchTest, accents_do_not_matter_and_case_neither) {
  add("a", "La REUNIÓN será en Córdoba");
  EXPECT_EQ(titles("reunion cordoba"), Titles{"a"});
  EXPECT_EQ(titles("Reunión CÓRDOBA"), Titles{"a"});
}

TEST_F(SearchTest, n_with_tilde_is_its_own_letter_and_n_a_lower_ranked_fallback) {
  add("year", "Feliz año y nada más que decir");
  add("other", "Feliz ano y nada más que decir");
  EXPECT_EQ(titles("año"), (Titles{"year", "other"}));
  EXPECT_EQ(titles("ano"), (Titles{"other", "year"}));
}

TEST_F(SearchTest, n_with_tilde_stays_ahead_however_rare_the_other_spelling_is) {
  for (int index = 0; index < 12; ++index) {
    add("y" + std::to_string(index), "Feliz año y nada más que decir");
  }
  add("other", "Feliz ano y nada más que decir");
  EXPECT_EQ(titles("año").size(), 10u);
  SearchRequest request;
  request.text = "año";
  request.limit = 20;
  EXPECT_EQ(titles(request).back(), "other");
}

TEST_F(SearchTest, the_exact_word_outranks_its_stem_and_the_stem_the_fallback) {
  add("stem", "Las facturas de la casa de la señora");
  add("exact", "La factura de la casa de la señora");
  EXPECT_EQ(titles("factura"), (Titles{"exact", "stem"}));
  add("n-stem", "Los cañones del valle antiguo");
  add("n-exact", "Un canon del valle antiguo");
  EXPECT_EQ(titles("canon"), (Titles{"n-exact", "n-stem"}));
}

TEST_F(SearchTest, stemming_knows_both_languages) {
  add("es", "Se aplazaron las reservas de los vuelos");
  add("en", "The bookings were cancelled by the airline", "en");
  EXPECT_EQ(titles("reserva vuelo"), Titles{"es"});
  EXPECT_EQ(titles("booking cancel"), Titles{"en"});
}

TEST_F(SearchTest, nouns_in_cion_meet_their_plural_and_their_verb) {
  add("plural", "Las facturaciones del año pasado");
  add("verb", "Hay que facturar las horas");
  EXPECT_EQ(titles("facturación").size(), 2u);
  EXPECT_EQ(titles("facturacion").size(), 2u);
  EXPECT_EQ(titles("canción"), Titles{});
}

TEST_F(SearchTest, numbers_and_references_are_found_as_written) {
  add("invoice", "Total 412,60 € con referencia ES-2041-X a nombre de ana.ruiz@correo.example");
  add("decoy", "Total 60 € y 412 unidades, serie X del año 2041 para ES");
  EXPECT_EQ(titles("412,60").front(), "invoice");
  EXPECT_EQ(titles("ES-2041-X").front(), "invoice");
  EXPECT_EQ(titles("ana.ruiz@correo.example"), Titles{"invoice"});
  EXPECT_EQ(titles("\"412,60\""), Titles{"invoice"});
}

TEST_F(SearchTest, a_quoted_phrase_is_required_in_its_order) {
  add("right", "El seguro del coche vence en junio");
  add("wrong", "El coche del seguro vence en junio y el coche es rojo");
  EXPECT_EQ(titles("\"seguro del coche\""), Titles{"right"});
  EXPECT_EQ(titles("\"seguro del coche\" rojo"), Titles{"right"});
  EXPECT_EQ(titles("“seguro del coche” vence"), Titles{"right"});
  EXPECT_EQ(titles("seguro coche").size(), 2u);
}

TEST_F(SearchTest, stop_words_count_only_when_there_is_nothing_else) {
  add("a", "de la que se va");
  add("b", "gato");
  EXPECT_EQ(titles("el gato de la casa"), Titles{"b"});
  EXPECT_EQ(titles("de la"), Titles{"a"});
  EXPECT_TRUE(titles("").empty());
  EXPECT_TRUE(titles("¿?").empty());
}

TEST_F(SearchTest, a_last_word_with_a_star_matches_longer_words) {
  add("a", "presupuestos aprobados");
  EXPECT_TRUE(titles("presup").empty());
  EXPECT_EQ(titles("presup*"), Titles{"a"});
}

TEST_F(SearchTest, no_query_is_a_syntax_error) {
  add("a", "and or not near match quotes");
  for (const char* text : {"\"",
                           "\"\"",
                           "AND",
                           "OR OR",
                           "NOT a",
                           "NEAR(a b)",
                           "a*b",
                           "words:a",
                           "a AND (b",
                           "^a",
                           "-a +b",
                           "{words stems}: a",
                           "'; DROP TABLE item; --",
                           "a\"b\"c\"",
                           "*",
                           "* *",
                           "\xff\xfe",
                           "a ) OR rowid > 0",
                           ": : :",
                           "«sin cierre",
                           "ñ\"ñ"}) {
    SearchRequest request;
    request.text = text;
    request.more_terms = {text};
    const auto hits = store->search(request);
    EXPECT_TRUE(hits.has_value()) << text << ": " << hits.error().describe();
  }
  std::string long_query;
  for (int index = 0; index < 3000; ++index) long_query += "palabra" + std::to_string(index) + " ";
  EXPECT_TRUE(titles(long_query).empty());
  EXPECT_EQ(titles("NOT and OR near").size(), 1u);
}

TEST_F(SearchTest, random_bytes_never_break_a_search) {
  add("a", "texto");
  std::mt19937 random(7);
  const std::string alphabet = "ab\"*():^-+ñ{}'AND OR\n\\\x01";
  for (int round = 0; round < 300; ++round) {
    SearchRequest request;
    for (std::size_t length = random() % 40; length > 0; --length) {
      request.text += alphabet[random() % alphabet.size()];
    }
    EXPECT_TRUE(store->search(request).has_value()) << request.text;
  }
}

TEST_F(SearchTest, quoted_text_and_signatures_rank_below_plain_text) {
  for (const auto kind :
       {domain::SegmentKind::quoted, domain::SegmentKind::signature, domain::SegmentKind::text}) {
    domain::Item item = mail(std::string(domain::name_of(kind)) + "@x",
                             std::string(domain::name_of(kind)), "la caldera nueva");
    item.passages.front().kind = kind;
    record(item, source, item.external_id);
  }
  EXPECT_EQ(titles("caldera"), (Titles{"text", "quoted", "signature"}));
}

TEST_F(SearchTest, of_equals_the_newer_comes_first) {
  domain::Item item = mail("old@x", "old", "la caldera nueva");
  item.when = domain::Instant{may_14 - 900 * base::one_day, "UTC"};
  record(item, source, "1");
  item = mail("new@x", "new", "la caldera nueva");
  record(item, source, "2");
  EXPECT_EQ(titles("caldera"), (Titles{"new", "old"}));
}

TEST_F(SearchTest, the_title_and_the_people_can_be_searched) {
  record(mail("a@x", "Presupuesto de la cocina", "Adjunto lo hablado."), source, "1");
  record(mail("b@x", "Otra cosa", "Nada."), source, "2");
  EXPECT_EQ(titles("cocina"), Titles{"Presupuesto de la cocina"});
  EXPECT_EQ(titles("presupuestos"), Titles{"Presupuesto de la cocina"});
  EXPECT_EQ(titles("lucia").size(), 2u);
}

TEST_F(SearchTest, filters_narrow_by_kind_source_person_and_time) {
  const Id other = add_source("otro");
  record(mail("a@x", "a", "informe final"), source, "1");
  domain::Item late = mail("b@x", "b", "informe final");
  late.when = domain::Instant{may_14 + 40 * base::one_day, "UTC"};
  late.people = {{domain::PersonRole::from, "Ramón Ñíguez", "rn@obra.example"}};
  record(late, other, "1");
  domain::Item event = mail("c", "c", "informe final");
  event.kind = domain::ItemKind::event;
  event.people.clear();
  event.when = domain::Instant{may_14 - 400 * base::one_day, "UTC"};
  domain::Occurrence occurrence;
  occurrence.start = domain::Instant{may_14 + 2 * base::one_day, "UTC"};
  occurrence.end = domain::Instant{may_14 + 2 * base::one_day + 3600 * base::one_second, "UTC"};
  event.occurrences = {occurrence};
  record(event, other, "2");

  SearchRequest request;
  request.text = "informe";
  EXPECT_EQ(titles(request).size(), 3u);
  request.kind = domain::ItemKind::event;
  EXPECT_EQ(titles(request), Titles{"c"});
  request.kind.reset();
  request.source = source;
  EXPECT_EQ(titles(request), Titles{"a"});
  request.source.reset();
  for (const char* person : {"ñíguez", "RAMON", "niguez ramon", "rn@obra", "Ramón Ñí"}) {
    request.person = person;
    EXPECT_EQ(titles(request), Titles{"b"}) << person;
  }
  request.person = "nobody";
  EXPECT_TRUE(titles(request).empty());
  request.person.clear();
  request.after = may_14 + base::one_day;
  EXPECT_EQ(titles(request).size(), 2u);
  request.before = may_14 + 10 * base::one_day;
  EXPECT_EQ(titles(request), Titles{"c"});
  // In the middle of the occurrence, and just after it.
  request.after = may_14 + 2 * base::one_day + 1800 * base::one_second;
  EXPECT_EQ(titles(request), Titles{"c"});
  request.after = may_14 + 2 * base::one_day + 3600 * base::one_second;
  EXPECT_TRUE(titles(request).empty());
  // Filters alone list what passes, newest first.
  request = {};
  EXPECT_TRUE(titles(request).empty());
  request.source = other;
  EXPECT_EQ(titles(request), (Titles{"b", "c"}));
  EXPECT_EQ(must(store->occurrences(may_14, may_14 + 5 * base::one_day)).size(), 1u);
  EXPECT_TRUE(must(store->occurrences(may_14, may_14 + base::one_day)).empty());
}

TEST_F(SearchTest, one_hit_per_thread_unless_all_are_wanted) {
  record(mail("a@x", "Obra", "presupuesto del tejado y más cosas"), source, "1");
  for (int index = 0; index < 300; ++index) {
    const std::string name = "r" + std::to_string(index);
    record(mail(name + "@x", "Re: Obra", "presupuesto del tejado", {"a@x"}), source, name);
  }
  add("lone", "un presupuesto del tejado entre otras muchas palabras que alargan el texto");
  EXPECT_EQ(titles("presupuesto tejado").size(), 2u);
  SearchRequest request;
  request.text = "presupuesto tejado";
  request.one_per_thread = false;
  request.limit = 50;
  EXPECT_EQ(titles(request).size(), 50u);
}

TEST_F(SearchTest, an_item_shows_as_many_passages_as_asked_for) {
  domain::Item item = document("largo.md", "");
  set_lines(item, {"la caldera uno", "la caldera dos", "la caldera tres", "otra cosa"});
  const Id id = record(item, source, "largo.md").item;
  SearchRequest request;
  request.text = "caldera";
  EXPECT_EQ(titles(request).size(), 1u);
  request.passages_per_item = 2;
  EXPECT_EQ(titles(request).size(), 2u);
  const auto all = must(store->item_passages(id));
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[3].text, "otra cosa");
}

TEST_F(SearchTest, text_and_vectors_are_fused_and_both_ranks_told) {
  add("text-only", "la caldera pierde agua");
  add("both", "la caldera gotea");
  add("vector-only", "el calentador tiene una fuga");
  add("neither", "feliz cumpleaños");
  std::vector<PassageVector> vectors;
  for (const auto& passage : must(store->pending_vectors("m", 10))) {
    std::vector<float> values = {0, 0, 1};
    if (passage.title == "both") values = {1, 0, 0};
    if (passage.title == "vector-only") values = {0.95F, 0.3122499F, 0};
    if (passage.title != "text-only") vectors.push_back({passage.passage, values});
  }
  must(store->save_vectors("m", vectors));
  SearchRequest request;
  request.text = "caldera";
  request.vector = {1, 0, 0};
  request.vector_model = "m";
  const auto hits = must(store->search(request));
  ASSERT_EQ(hits.size(), 4u);
  EXPECT_EQ(hits[0].title, "both");
  EXPECT_GT(hits[0].text_rank, 0);
  EXPECT_EQ(hits[0].vector_rank, 1);
  EXPECT_NEAR(hits[0].similarity, 1.0F, 1e-3F);
  for (const Hit& hit : hits) {
    if (hit.title == "vector-only") {
      EXPECT_EQ(hit.text_rank, 0);
      EXPECT_EQ(hit.vector_rank, 2);
    }
    if (hit.title == "text-only") {
      EXPECT_EQ(hit.vector_rank, 0);
      EXPECT_GT(hit.text_rank, 0);
    }
  }
  // A required phrase binds the vectors too.
  request.text = "\"caldera gotea\"";
  EXPECT_EQ(titles(request), Titles{"both"});
  // An unknown model, or a vector of other size, leaves the text list.
  request.text = "caldera";
  request.vector_model = "unknown";
  EXPECT_EQ(titles(request).size(), 2u);
  request.vector_model = "m";
  request.vector = {1, 0};
  EXPECT_EQ(titles(request).size(), 2u);
}

TEST_F(SearchTest, further_terms_help_but_rank_lower) {
  add("typed", "the insurance of the car", "en");
  add("translated", "el seguro del coche");
  SearchRequest request;
  request.text = "insurance car";
  request.more_terms = {"seguro", "coche"};
  EXPECT_EQ(titles(request), (Titles{"typed", "translated"}));
}

}  // namespace
}  // namespace lar::store
