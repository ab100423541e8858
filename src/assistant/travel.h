// How long it takes at least from one place to another, without maps: by the towns that the two
// name, of which a small table is known here. Pure functions; any thread.
#pragma once

#include <string_view>

namespace lar::assistant {

// Whether a place is reached from anywhere: "Teams", "https://…", "por teléfono".
bool is_online(std::string_view place);

// Minutes that even somebody in a hurry needs; 0 where the places are the same, one of them is not
// said, or one is online. Between addresses of one town, or of towns that are not known, a modest
// default.
int travel_minutes(std::string_view from, std::string_view to);

// Whether both places name a town and it is not the same one.
bool in_different_towns(std::string_view one, std::string_view other);

}  // namespace lar::assistant
