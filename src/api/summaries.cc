#include "api/summaries.h"

#include "api/assistant_routes.h"
#include "copilot/evidence.h"

namespace lar::api {

using base::ErrorKind;
using base::Id;
using base::Microseconds;
using base::Result;
using nlohmann::json;

Result<assistant::SummaryRequest> summary_request(store::Store& store, const json& body,
                                                  base::Language language) {
  assistant::SummaryRequest request;
  request.language = language;
  request.chat = base::collapse_spaces(body.value("chat", ""));
  request.person = base::collapse_spaces(body.value("with", ""));
  if (const std::string text = body.value("item", ""); !text.empty()) {
    request.item = Id::parse(text);
    if (!request.item) {
      TRY_ASSIGN(request.item, store.find_item(text));
    }
    if (!request.item) return base::fail(ErrorKind::not_found, "item.unknown", {{"id", text}});
  }
  if (const std::string text = body.value("since", ""); !text.empty()) {
    TRY_ASSIGN(request.since, time_of(text, base::TimeDirection::past));
  }
  if (const std::string text = body.value("until", ""); !text.empty()) {
    TRY_ASSIGN(Microseconds until, time_of(text, base::TimeDirection::past));
    // A day is meant to its end.
    const base::LocalTime local = base::to_local(until, base::Clock::zone());
    if (local.hour == 0 && local.minute == 0 && local.second == 0) {
      until = base::from_local({base::add_days(local.date, 1), 0, 0, 0}, base::Clock::zone());
    }
    request.until = until;
  }
  return request;
}

json render_summary_claim(const assistant::SummaryClaim& claim, int number, PartTexts& texts,
                          base::Language language) {
  copilot::Citation citation;
  citation.number = number;
  citation.item = claim.item;
  citation.external_id = claim.external_id;
  citation.kind = claim.item_kind;
  citation.title = claim.title;
  citation.when = claim.when;
  citation.locator = claim.locator;
  citation.quote = claim.quote;
  return {{"kind", claim.kind},
          {"text", claim.text},
          {"by", claim.by_model ? "model" : "code"},
          {"origin", domain::name_of(claim.origin)},
          {"citation", render_citation(citation, texts, language)}};
}

json render_summary(const assistant::Summary& summary, PartTexts& texts, base::Language language) {
  json claims = json::array();
  int number = 0;
  for (const assistant::SummaryClaim& claim : summary.claims) {
    claims.push_back(render_summary_claim(claim, ++number, texts, language));
  }
  return {{"title", summary.title.empty() ? json() : json(summary.title)},
          {"items", summary.items},
          {"claims", std::move(claims)},
          {"model", summary.model.empty() ? json() : json(summary.model)},
          {"left_out",
           {{"items", summary.left_out_items},
            {"unsafe", summary.left_out_unsafe},
            {"bulk", summary.left_out_bulk},
            {"facts", summary.left_out_facts},
            {"said", summary.left_out_said},
            {"cut", summary.left_out_cut}}},
          {"trouble", summary.trouble ? render_error(*summary.trouble, language) : json()}};
}

assistant::FindSupport summary_support() {
  return [](std::string_view text, const std::string& known, base::Date written,
            std::string_view claim) -> std::optional<assistant::Support> {
    const auto found = copilot::find_evidence({text, known, written}, claim, "");
    if (!found) return std::nullopt;
    return assistant::Support{found->begin, found->end, found->overlap};
  };
}

}  // namespace lar::api
