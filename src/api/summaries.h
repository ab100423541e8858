// The route that summarises a conversation: what a request asks for, and the claims with their
// quotes as the web API shows them. Any thread.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>

#include "api/render.h"
#include "assistant/summary.h"

namespace lar::api {

// {item, chat, since, until, with} as a request. Errors: time.malformed, item.unknown.
base::Result<assistant::SummaryRequest> summary_request(store::Store& store,
                                                        const nlohmann::json& body,
                                                        base::Language language);
nlohmann::json render_summary_claim(const assistant::SummaryClaim& claim, int number,
                                    PartTexts& texts, base::Language language);
nlohmann::json render_summary(const assistant::Summary& summary, PartTexts& texts,
                              base::Language language);
// Evidence as answers to questions are measured by (copilot/evidence.h).
assistant::FindSupport summary_support();

}  // namespace lar::api
