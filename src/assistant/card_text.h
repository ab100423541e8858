// Cards, actions and reasons of the gate as sentences in the owner's language. Days are told as
// today, tomorrow or by name, by the clock at which they are shown.
#pragma once

#include <string>
#include <string_view>

#include "assistant/gate.h"
#include "base/text.h"
#include "store/assistant_store.h"

namespace lar::assistant {

std::string card_text(const store::Card& card, base::Language language, base::Microseconds now,
                      std::string_view zone);
// Why the gate decided so; empty where it has not.
std::string because_text(const std::string& because, base::Language language);
std::string because_json(const Decision& decision);
// For places that take markup for text, as desktops do in notifications: nothing in it is a link or
// a picture.
std::string as_markup(std::string_view text);
// "@2026-05-14T17:30" → "today at 17:30", "Thursday 14 May at 17:30".
std::string spoken_time(std::string_view mark, base::Language language, const base::Date& today);

}  // namespace lar::assistant
