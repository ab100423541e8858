#include "assistant/self_mail.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "assistant/actions/compose.h"
#include "base/messages.h"
#include "sources/source.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

constexpr const char* setting = "mail_to_self";

// It comes from the owner's own address, and mail programs make links of what looks like one: a
// stranger's must not be told so.
std::string without_links(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(" \n\t", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const std::string lower = base::lower_ascii(word);
    const bool link = lower.find("://") != std::string::npos ||
                      lower.find("www.") != std::string::npos || lower.starts_with("mailto:");
    result += link ? "[…]" : std::string(word);
    if (end < text.size()) result += text[end];
    at = end + 1;
  }
  return result;
}

class SelfMailChannel final : public Channel {
 public:
  explicit SelfMailChannel(store::Store& store) : store_(store) {}
  std::string name() const override { return "mail"; }
  bool present() const override {
    const auto account = self_mail(store_);
    return account && *account;
  }
  Status notify(const Notice& notice) override {
    TRY_ASSIGN(const auto account, self_mail(store_));
    if (!account) {
      return base::fail(ErrorKind::unavailable, "channel.failed", {{"channel", name()}});
    }
    json content = {
        {"source", account->source.text()},
        {"subject", base::message("notice.subject", {{"title", notice.title}}, notice.language)},
        {"text", without_links(notice.more.empty() ? notice.text : notice.more) + "\n\n" +
                     base::message("notice.why", notice.language) + "\n"}};
    if (notice.card) content["card"] = *notice.card;
    if (notice.told) content["told"] = true;
    store::Action action;
    action.kind = self_mail_action;
    action.content = content.dump(-1, ' ', false, json::error_handler_t::replace);
    TRY(store_.assistant().add_action(action));
    return {};
  }

 private:
  store::Store& store_;
};

}  // namespace

Result<std::vector<SelfMailAccount>> self_mail_accounts(store::Store& store) {
  TRY_ASSIGN(const auto sources, store.sources());
  std::vector<SelfMailAccount> accounts;
  for (const store::Source& source : sources) {
    if (source.kind != "imap" || !sources::submission_of(source) || !is_address(source.location)) {
      continue;
    }
    accounts.push_back({source.id, source.location});
  }
  return accounts;
}

Result<std::optional<SelfMailAccount>> self_mail(store::Store& store) {
  TRY_ASSIGN(const std::string chosen, store.setting(setting));
  if (chosen.empty()) return std::optional<SelfMailAccount>();
  TRY_ASSIGN(auto accounts, self_mail_accounts(store));
  for (SelfMailAccount& account : accounts) {
    if (account.source.text() == chosen) return std::optional(std::move(account));
  }
  return std::optional<SelfMailAccount>();
}

Status set_self_mail(store::Store& store, const std::string& account) {
  std::string chosen;
  if (!account.empty()) {
    TRY_ASSIGN(const auto accounts, self_mail_accounts(store));
    const std::string wanted = base::lower_ascii(account);
    for (const SelfMailAccount& one : accounts) {
      if (one.source.text() == wanted || base::lower_ascii(one.address) == wanted) {
        chosen = one.source.text();
      }
    }
    if (chosen.empty()) {
      return base::fail(ErrorKind::not_found, "attention.no_mail_account", {{"account", account}});
    }
  }
  TRY_ASSIGN(const std::string before, store.setting(setting));
  if (before == chosen) return {};
  TRY(store.set_setting(setting, chosen));
  return store.write_journal("approval",
                             chosen.empty() ? "journal.self_mail_off" : "journal.self_mail_on",
                             json{{"source", chosen.empty() ? before : chosen}}.dump());
}

bool is_self_mail(store::Store& store, const std::string& message_id) {
  const auto id = base::Id::parse(message_id.substr(0, message_id.find('@')));
  if (!id) return false;
  const auto action = store.assistant().action(*id);
  return action && action->kind == self_mail_action;
}

std::unique_ptr<Channel> self_mail_channel(store::Store& store) {
  return std::make_unique<SelfMailChannel>(store);
}

}  // namespace lar::assistant
