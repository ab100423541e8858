// Sentences for people: codes and parameters in, text in English or Spanish out. The tables are
// i18n/en.json and i18n/es.json, carried in the program and shared with the page.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace lar::base {

// The sentence of a code with its {places} filled; the code itself where there is none.
std::string message(std::string_view code, const Parameters& parameters, Language language);
std::string message(std::string_view code, Language language);
std::string message(const Error& error, Language language);
bool has_message(std::string_view code);

// The language of this process's user: LAR_LANGUAGE, LC_ALL, LC_MESSAGES, LANG in that order.
Language environment_language();

}  // namespace lar::base
