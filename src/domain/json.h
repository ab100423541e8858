// Domain values to and from JSON: the frames of lar-read and columns of the store. from_json checks
// every field and range (offsets inside texts, known names) and names the first wrong field.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "domain/item.h"

namespace lar::domain {

nlohmann::json to_json(const Item& item);
base::Result<Item> item_from_json(const nlohmann::json& value);

nlohmann::json to_json(const Locator& locator);
base::Result<Locator> locator_from_json(const nlohmann::json& value);

nlohmann::json to_json(const When& when);
base::Result<When> when_from_json(const nlohmann::json& value);

nlohmann::json to_json(const std::vector<Person>& people);
base::Result<std::vector<Person>> people_from_json(const nlohmann::json& value);

nlohmann::json to_json(const std::vector<Segment>& segments);
base::Result<std::vector<Segment>> segments_from_json(const nlohmann::json& value);

nlohmann::json to_json(const Notice& notice);
base::Result<Notice> notice_from_json(const nlohmann::json& value);

}  // namespace lar::domain
