// Domain and store values as the web API shows them. The API counts text offsets in UTF-16 units,
// the store in bytes: this is the one place that turns one into the other.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/text.h"
#include "copilot/copilot.h"
#include "engine/gguf.h"
#include "engine/memory_plan.h"
#include "store/store.h"

namespace lar::api {

// Texts of items' parts, read from the store once per answer.
class PartTexts {
 public:
  explicit PartTexts(store::Store& store) : store_(store) {}
  // Null if the item or part does not exist.
  const std::string* find(const base::Id& item, const std::string& part);
  const store::StoredItem* item(const base::Id& item);

 private:
  store::Store& store_;
  std::map<base::Id, std::optional<store::StoredItem>> items_;
};

nlohmann::json render_when(const std::optional<domain::When>& when);
nlohmann::json render_locator(const domain::Locator& locator, const std::string* part_text,
                              domain::ItemKind kind, base::Language language);
nlohmann::json render_people(const std::vector<domain::Person>& people);
nlohmann::json render_hit(const store::Hit& hit, const std::vector<std::string>& terms,
                          PartTexts& texts, base::Language language);
nlohmann::json render_item(const store::StoredItem& item, bool changed_on_disk,
                           const std::vector<std::string>& source_names);
nlohmann::json render_answer(const copilot::Answer& answer, PartTexts& texts,
                             base::Language language);
nlohmann::json render_citation(const copilot::Citation& citation, PartTexts& texts,
                               base::Language language);
nlohmann::json render_read(const copilot::ReadPassage& passage, PartTexts& texts,
                           base::Language language);
// {code, kind, params, message}.
nlohmann::json render_error(const base::Error& error, base::Language language);
// "not_found" …; nothing for an unknown name.
std::string_view name_of(base::ErrorKind kind);
std::optional<base::ErrorKind> error_kind_from(std::string_view name);
nlohmann::json render_gguf(const engine::GgufFile& file, const std::string& path);
nlohmann::json render_plan(const engine::MemoryPlan& plan, base::Language language);

// A stretch of `text` of about `bytes` around the densest run of `terms` (folded words), with the
// places of the terms in it as UTF-16 offsets.
struct Snippet {
  std::string text;
  std::vector<std::pair<size_t, size_t>> highlights;
};
Snippet make_snippet(const std::string& text, const std::vector<std::string>& terms, size_t bytes);

}  // namespace lar::api
