// The towns are those that people of the two languages name most; coordinates to a twentieth of a
// degree are more than rough times need. A name that several towns have stands there several times,
// and the nearest pair counts: a conflict that is none is worse than one that is missed.
#include "assistant/travel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "assistant/mailbox.h"

namespace lar::assistant {
namespace {

struct Town {
  std::string_view name;  // as phrase_text() writes it, without the spaces around
  double latitude;
  double longitude;
};

constexpr Town towns[] = {
    // Spain
    {"madrid", 40.42, -3.70},
    {"barcelona", 41.39, 2.17},
    {"valencia", 39.47, -0.38},
    {"sevilla", 37.39, -5.99},
    {"seville", 37.39, -5.99},
    {"zaragoza", 41.65, -0.89},
    {"malaga", 36.72, -4.42},
    {"murcia", 37.99, -1.13},
    {"palma de mallorca", 39.57, 2.65},
    {"palma", 39.57, 2.65},
    {"las palmas", 28.12, -15.43},
    {"tenerife", 28.46, -16.25},
    {"bilbao", 43.26, -2.93},
    {"alicante", 38.35, -0.48},
    {"cordoba", 37.89, -4.78},
    {"valladolid", 41.65, -4.72},
    {"vigo", 42.24, -8.72},
    {"gijon", 43.53, -5.66},
    {"vitoria", 42.85, -2.67},
    {"granada", 37.18, -3.60},
    {"elche", 38.27, -0.70},
    {"oviedo", 43.36, -5.85},
    {"cartagena", 37.61, -0.99},
    {"pamplona", 42.81, -1.65},
    {"almeria", 36.84, -2.46},
    {"san sebastian", 43.32, -1.98},
    {"donostia", 43.32, -1.98},
    {"burgos", 42.34, -3.70},
    {"santander", 43.46, -3.81},
    {"castellon", 39.99, -0.04},
    {"albacete", 38.99, -1.86},
    {"logrono", 42.47, -2.45},
    {"badajoz", 38.88, -6.97},
    {"salamanca", 40.97, -5.66},
    {"huelva", 37.26, -6.95},
    {"lleida", 41.62, 0.62},
    {"tarragona", 41.12, 1.25},
    {"leon", 42.60, -5.57},
    {"cadiz", 36.53, -6.29},
    {"jaen", 37.77, -3.79},
    {"girona", 41.98, 2.82},
    {"gerona", 41.98, 2.82},
    {"lugo", 43.01, -7.56},
    {"caceres", 39.48, -6.37},
    {"santiago de compostela", 42.88, -8.54},
    {"a coruna", 43.37, -8.40},
    {"la coruna", 43.37, -8.40},
    {"ourense", 42.34, -7.86},
    {"toledo", 39.86, -4.02},
    {"guadalajara", 40.63, -3.17},
    {"segovia", 40.95, -4.12},
    {"avila", 40.66, -4.70},
    {"soria", 41.76, -2.46},
    {"huesca", 42.14, -0.41},
    {"teruel", 40.34, -1.11},
    {"cuenca", 40.07, -2.13},
    {"ciudad real", 38.99, -3.93},
    {"zamora", 41.50, -5.74},
    {"palencia", 42.01, -4.53},
    {"merida", 38.92, -6.34},
    {"marbella", 36.51, -4.88},
    {"jerez", 36.69, -6.13},
    {"ibiza", 38.91, 1.43},
    {"menorca", 39.95, 4.05},
    {"alcala de henares", 40.48, -3.36},
    {"getafe", 40.31, -3.73},
    {"mostoles", 40.32, -3.86},
    {"sabadell", 41.55, 2.11},
    {"terrassa", 41.56, 2.01},
    // United Kingdom
    {"london", 51.51, -0.13},
    {"londres", 51.51, -0.13},
    {"birmingham", 52.48, -1.90},
    {"manchester", 53.48, -2.24},
    {"leeds", 53.80, -1.55},
    {"glasgow", 55.86, -4.25},
    {"edinburgh", 55.95, -3.19},
    {"edimburgo", 55.95, -3.19},
    {"liverpool", 53.41, -2.98},
    {"bristol", 51.45, -2.59},
    {"sheffield", 53.38, -1.47},
    {"cardiff", 51.48, -3.18},
    {"belfast", 54.60, -5.93},
    {"leicester", 52.63, -1.13},
    {"nottingham", 52.95, -1.15},
    {"newcastle", 54.98, -1.61},
    {"brighton", 50.82, -0.14},
    {"cambridge", 52.21, 0.12},
    {"cambridge", 42.37, -71.11},
    {"oxford", 51.75, -1.26},
    {"york", 53.96, -1.08},
    {"bath", 51.38, -2.36},
    {"southampton", 50.90, -1.40},
    {"plymouth", 50.38, -4.14},
    {"norwich", 52.63, 1.30},
    {"exeter", 50.73, -3.53},
    {"aberdeen", 57.15, -2.09},
    {"swansea", 51.62, -3.94},
    // Ireland
    {"dublin", 53.35, -6.26},
    {"cork", 51.90, -8.47},
    {"galway", 53.27, -9.06},
    {"limerick", 52.66, -8.63},
    {"waterford", 52.26, -7.11},
    // United States and Canada
    {"new york", 40.71, -74.01},
    {"nueva york", 40.71, -74.01},
    {"brooklyn", 40.68, -73.94},
    {"los angeles", 34.05, -118.24},
    {"chicago", 41.88, -87.63},
    {"houston", 29.76, -95.37},
    {"phoenix", 33.45, -112.07},
    {"philadelphia", 39.95, -75.17},
    {"san antonio", 29.42, -98.49},
    {"san diego", 32.72, -117.16},
    {"dallas", 32.78, -96.80},
    {"austin", 30.27, -97.74},
    {"san jose", 37.34, -121.89},
    {"san jose", 9.93, -84.08},
    {"san francisco", 37.77, -122.42},
    {"oakland", 37.80, -122.27},
    {"seattle", 47.61, -122.33},
    {"denver", 39.74, -104.99},
    {"boston", 42.36, -71.06},
    {"washington", 38.91, -77.04},
    {"baltimore", 39.29, -76.61},
    {"atlanta", 33.75, -84.39},
    {"miami", 25.76, -80.19},
    {"orlando", 28.54, -81.38},
    {"tampa", 27.95, -82.46},
    {"detroit", 42.33, -83.05},
    {"minneapolis", 44.98, -93.27},
    {"nashville", 36.16, -86.78},
    {"portland", 45.52, -122.68},
    {"portland", 43.66, -70.26},
    {"las vegas", 36.17, -115.14},
    {"new orleans", 29.95, -90.07},
    {"pittsburgh", 40.44, -80.00},
    {"cleveland", 41.50, -81.69},
    {"salt lake city", 40.76, -111.89},
    {"toronto", 43.65, -79.38},
    {"montreal", 45.50, -73.57},
    {"vancouver", 49.28, -123.12},
    // Latin America
    {"ciudad de mexico", 19.43, -99.13},
    {"cdmx", 19.43, -99.13},
    {"mexico city", 19.43, -99.13},
    {"guadalajara", 20.67, -103.35},
    {"monterrey", 25.69, -100.32},
    {"puebla", 19.04, -98.21},
    {"tijuana", 32.51, -117.04},
    {"leon", 21.12, -101.68},
    {"queretaro", 20.59, -100.39},
    {"merida", 20.97, -89.62},
    {"cancun", 21.16, -86.85},
    {"toluca", 19.28, -99.66},
    {"bogota", 4.71, -74.07},
    {"medellin", 6.25, -75.56},
    {"cali", 3.45, -76.53},
    {"barranquilla", 10.96, -74.80},
    {"cartagena", 10.39, -75.51},
    {"buenos aires", -34.60, -58.38},
    {"cordoba", -31.42, -64.18},
    {"rosario", -32.94, -60.65},
    {"mendoza", -32.89, -68.84},
    {"la plata", -34.92, -57.95},
    {"lima", -12.05, -77.04},
    {"arequipa", -16.41, -71.54},
    {"cusco", -13.53, -71.97},
    {"santiago de chile", -33.45, -70.67},
    {"santiago", -33.45, -70.67},
    {"santiago", 42.88, -8.54},
    {"valparaiso", -33.05, -71.61},
    {"quito", -0.18, -78.47},
    {"guayaquil", -2.19, -79.89},
    {"cuenca", -2.90, -79.00},
    {"caracas", 10.48, -66.90},
    {"maracaibo", 10.65, -71.61},
    {"valencia", 10.18, -68.00},
    {"la habana", 23.11, -82.37},
    {"havana", 23.11, -82.37},
    {"santo domingo", 18.49, -69.93},
    {"san juan", 18.47, -66.11},
    {"montevideo", -34.90, -56.16},
    {"asuncion", -25.26, -57.58},
    {"la paz", -16.50, -68.15},
    {"la paz", 24.14, -110.31},
    {"santa cruz de la sierra", -17.78, -63.18},
    {"ciudad de panama", 8.98, -79.52},
    {"panama city", 8.98, -79.52},
    {"ciudad de guatemala", 14.63, -90.51},
    {"san salvador", 13.69, -89.22},
    {"tegucigalpa", 14.07, -87.19},
    {"managua", 12.11, -86.24},
    {"sao paulo", -23.55, -46.63},
    {"rio de janeiro", -22.91, -43.17},
    {"brasilia", -15.79, -47.88},
    // Europe
    {"paris", 48.86, 2.35},
    {"lyon", 45.76, 4.84},
    {"marseille", 43.30, 5.37},
    {"marsella", 43.30, 5.37},
    {"toulouse", 43.60, 1.44},
    {"burdeos", 44.84, -0.58},
    {"bordeaux", 44.84, -0.58},
    {"perpignan", 42.70, 2.90},
    {"lisboa", 38.72, -9.14},
    {"lisbon", 38.72, -9.14},
    {"oporto", 41.15, -8.61},
    {"porto", 41.15, -8.61},
    {"roma", 41.90, 12.50},
    {"rome", 41.90, 12.50},
    {"milan", 45.46, 9.19},
    {"turin", 45.07, 7.69},
    {"napoles", 40.85, 14.27},
    {"naples", 40.85, 14.27},
    {"florencia", 43.77, 11.26},
    {"florence", 43.77, 11.26},
    {"venecia", 45.44, 12.33},
    {"venice", 45.44, 12.33},
    {"berlin", 52.52, 13.41},
    {"hamburgo", 53.55, 9.99},
    {"hamburg", 53.55, 9.99},
    {"munich", 48.14, 11.58},
    {"colonia", 50.94, 6.96},
    {"cologne", 50.94, 6.96},
    {"frankfurt", 50.11, 8.68},
    {"stuttgart", 48.78, 9.18},
    {"dusseldorf", 51.23, 6.78},
    {"viena", 48.21, 16.37},
    {"vienna", 48.21, 16.37},
    {"zurich", 47.38, 8.54},
    {"ginebra", 46.20, 6.14},
    {"geneva", 46.20, 6.14},
    {"bruselas", 50.85, 4.35},
    {"brussels", 50.85, 4.35},
    {"amsterdam", 52.37, 4.90},
    {"rotterdam", 51.92, 4.48},
    {"la haya", 52.08, 4.31},
    {"the hague", 52.08, 4.31},
    {"copenhague", 55.68, 12.57},
    {"copenhagen", 55.68, 12.57},
    {"estocolmo", 59.33, 18.07},
    {"stockholm", 59.33, 18.07},
    {"oslo", 59.91, 10.75},
    {"helsinki", 60.17, 24.94},
    {"varsovia", 52.23, 21.01},
    {"warsaw", 52.23, 21.01},
    {"cracovia", 50.06, 19.94},
    {"krakow", 50.06, 19.94},
    {"praga", 50.08, 14.44},
    {"prague", 50.08, 14.44},
    {"budapest", 47.50, 19.04},
    {"bucarest", 44.43, 26.10},
    {"bucharest", 44.43, 26.10},
    {"atenas", 37.98, 23.73},
    {"athens", 37.98, 23.73},
    {"estambul", 41.01, 28.98},
    {"istanbul", 41.01, 28.98},
    {"andorra", 42.51, 1.52},
    {"gibraltar", 36.14, -5.35},
    {"luxemburgo", 49.61, 6.13},
    {"luxembourg", 49.61, 6.13},
};

constexpr int in_one_town = 15;  // minutes between two addresses
constexpr double same_town_kilometres = 8;

constexpr std::string_view online[] = {
    " online ",       " on line ",          " teams ",      " zoom ",
    " meet ",         " google meet ",      " skype ",      " webex ",
    " jitsi ",        " facetime ",         " whatsapp ",   " http ",
    " https ",        " por telefono ",     " telefono ",   " telefonica ",
    " phone ",        " by phone ",         " telephone ",  " call ",
    " videollamada ", " videoconferencia ", " video call ", " remoto ",
    " remote ",       " virtual ",          " discord ",    " slack ",
    " webinar "};

// Before a name they make a street of it: "Calle Toledo 5", "rue de Paris".
constexpr std::string_view streets_before[] = {
    " calle ", " calle de ",  " c ",         " avenida ",      " avenida de ", " avda ",
    " av ",    " av de ",     " plaza ",     " plaza de ",     " paseo ",      " paseo de ",
    " ronda ", " ronda de ",  " camino de ", " carretera de ", " via ",        " rue de ",
    " hotel ", " puerta de ", " estadio ",   " colegio ",      " bar ",        " restaurante ",
    " cafe ",  " casa de ",   " calle del ", " san "};
constexpr std::string_view streets_behind[] = {
    " street", " st ",    " road", " rd ",     " avenue", " ave ", " lane",
    " square", " bridge", " way ", " terrace", " court",  " arms"};

// Where the towns of the last name that is one lie: addresses end with the town.
std::vector<const Town*> towns_in(std::string_view place) {
  const std::string text = phrase_text(place);
  std::size_t last = 0, length = 0;
  std::vector<const Town*> found;
  for (const Town& town : towns) {
    const std::string wanted = " " + std::string(town.name) + " ";
    for (std::size_t at = text.find(wanted); at != std::string::npos;
         at = text.find(wanted, at + 1)) {
      const std::string_view before = std::string_view(text).substr(0, at + 1);
      const std::string_view behind = std::string_view(text).substr(at + wanted.size() - 1);
      const bool street =
          std::any_of(std::begin(streets_before), std::end(streets_before),
                      [&](std::string_view word) { return before.ends_with(word); }) ||
          std::any_of(std::begin(streets_behind), std::end(streets_behind),
                      [&](std::string_view word) { return behind.starts_with(word); });
      if (street) continue;
      const std::size_t ends = at + wanted.size();
      // "Santiago de Compostela" beats "Santiago"; what ends later beats what ends before.
      if (found.empty() || ends > last || (ends == last && town.name.size() > length)) {
        found.clear();
      } else if (ends < last || town.name.size() < length) {
        continue;
      }
      last = ends;
      length = town.name.size();
      found.push_back(&town);
    }
  }
  return found;
}

double kilometres(const Town& one, const Town& other) {
  constexpr double radius = 6371;
  constexpr double degree = std::numbers::pi / 180;
  const double across = std::sin((other.latitude - one.latitude) * degree / 2);
  const double along = std::sin((other.longitude - one.longitude) * degree / 2);
  const double share = across * across + std::cos(one.latitude * degree) *
                                             std::cos(other.latitude * degree) * along * along;
  return 2 * radius * std::asin(std::min(1.0, std::sqrt(share)));
}

std::optional<double> distance(std::string_view from, std::string_view to) {
  std::optional<double> least;
  const auto ends = towns_in(to);
  for (const Town* one : towns_in(from)) {
    for (const Town* other : ends) {
      const double between = kilometres(*one, *other);
      if (!least || between < *least) least = between;
    }
  }
  return least;
}

}  // namespace

bool is_online(std::string_view place) {
  const std::string text = phrase_text(place);
  return std::any_of(std::begin(online), std::end(online),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

int travel_minutes(std::string_view from, std::string_view to) {
  if (from.empty() || to.empty() || is_online(from) || is_online(to)) return 0;
  const std::string one = phrase_text(from), other = phrase_text(to);
  // "Clínica Bruma" and "Clínica Bruma, calle Mayor 4" are one place.
  if (one.find(other) != std::string::npos || other.find(one) != std::string::npos) return 0;
  const auto far = distance(from, to);
  if (!far || *far < same_town_kilometres) return in_one_town;
  // By car, by a fast train, by plane: whichever is quickest from door to door.
  const double car = 15 + *far / 70 * 60;
  const double train = 30 + *far / 200 * 60;
  const double plane = 120 + *far / 700 * 60;
  return static_cast<int>(std::min({car, train, plane}));
}

bool in_different_towns(std::string_view one, std::string_view other) {
  if (is_online(one) || is_online(other)) return false;
  const auto far = distance(one, other);
  return far && *far >= same_town_kilometres;
}

}  // namespace lar::assistant
