// Rough times between places, by the towns they name.
#include "assistant/travel.h"

#include <gtest/gtest.h>

namespace lar::assistant {
namespace {

TEST(Travel, towns_far_apart_take_hours_and_near_ones_less) {
  EXPECT_GT(travel_minutes("Oficina, Madrid", "Passeig de Gràcia 10, Barcelona"), 120);
  EXPECT_LT(travel_minutes("Oficina, Madrid", "Passeig de Gràcia 10, Barcelona"), 240);
  EXPECT_GT(travel_minutes("Madrid", "London"), 180);
  EXPECT_GT(travel_minutes("Madrid", "Bogotá, Colombia"), 600);
  EXPECT_GT(travel_minutes("Madrid", "Toledo"), 30);
  EXPECT_LT(travel_minutes("Madrid", "Toledo"), 90);
  EXPECT_TRUE(in_different_towns("Madrid", "Edimburgo"));
}

TEST(Travel, one_town_is_a_modest_time_and_one_place_or_none_is_nothing) {
  EXPECT_EQ(travel_minutes("Calle Mayor 1, Madrid", "Plaza de Castilla, Madrid"), 15);
  EXPECT_EQ(travel_minutes("Clínica Bruma", "Notaría Ferrer"), 15);
  EXPECT_EQ(travel_minutes("Clínica Bruma", "clínica Bruma, calle Mayor 4"), 0);
  EXPECT_EQ(travel_minutes("Madrid", ""), 0);
  EXPECT_FALSE(in_different_towns("Notaría Ferrer", "Madrid"));
}

TEST(Travel, what_is_online_is_everywhere) {
  EXPECT_EQ(travel_minutes("Madrid", "Microsoft Teams"), 0);
  EXPECT_EQ(travel_minutes("https://zoom.us/j/1", "Barcelona"), 0);
  EXPECT_EQ(travel_minutes("por teléfono", "Barcelona"), 0);
}

TEST(Travel, a_street_named_after_a_town_is_not_there) {
  EXPECT_EQ(travel_minutes("Calle Toledo 5, Madrid", "Sol, Madrid"), 15);
  EXPECT_FALSE(in_different_towns("Calle Barcelona 12", "Madrid"));
  EXPECT_FALSE(in_different_towns("14 York Road, London", "London"));
  // Of two towns of one name the nearer one is meant.
  EXPECT_LT(travel_minutes("Santiago", "A Coruña"), 90);
}

}  // namespace
}  // namespace lar::assistant
