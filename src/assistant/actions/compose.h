// A mail that lar has written, as bytes (RFC 5322, 2045, 2047) and as lines for its preview.
// Content of an action, a JSON object:
//
//   from, from_name      whose mail it is
//   to, cc, bcc          an address or a list of them; to_name goes with a single one
//   subject, text
//   reply_to             id of the item that it answers
//   calendar             a calendar object that goes along as its METHOD says (RFC 6047)
//   automatic            true: no program answers it by itself (RFC 3834)
//   attachments          [{path, name, size, sha256}]: fixed by complete_mail(), so that what is
//                        sent is what was shown
//
// Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "assistant/actions/action.h"
#include "sources/source.h"

namespace lar::assistant {

// Of AssistantStore::correspondents(): one the owner has written to or has among the contacts, by
// the name these say. The others are whoever has written, by the name they gave themselves.
bool is_known(const store::Correspondent& one);
// "Ana <ana@x>"; the address alone where the name looks like one: it would pass for the address
// that stands behind it.
std::string shown_person(const std::string& name, const std::string& address);
// Whether mail can be addressed to it as it stands.
bool is_address(const std::string& text);
// Addresses under "to", "cc" or "bcc"; what is no text is left out.
std::vector<std::string> addresses_in(const nlohmann::json& content, const char* name);

// The account the mail belongs to: that of the mail it answers, else that of its sender, else the
// first; nothing where no account fits. `sends`: only accounts that can send.
enum class Needs { mailbox, submission };
base::Result<std::optional<store::Source>> account_for(store::Store& store,
                                                       const nlohmann::json& content, Needs needs);

// Fills in sender, text (in the owner's style with that person) and what attachments are. Errors:
// action.malformed {kind}, action.no_address, action.no_attachment {path}, action.attachment_size
// {path, megabytes}.
base::Result<nlohmann::json> complete_mail(const ActionContext& context,
                                           const nlohmann::json& content, const std::string& kind);
// Recipients, subject, text, attachments.
std::vector<std::string> preview_mail(const ActionContext& context, const nlohmann::json& content);

enum class MailUse { draft, sent };
std::string message_id_of(const base::Id& id, const nlohmann::json& content, MailUse use);
// Blind recipients do not stand in it. Errors: action.changed {path} where an attachment is not
// what was shown.
base::Result<std::string> write_mail(const ActionContext& context, const base::Id& id,
                                     const nlohmann::json& content, MailUse use);

enum class Copy { kept, none };
// Hands the mail to its account's server, once, and puts a copy among the sent ones (Copy::none:
// not so); `on_sent` keeps that the server has it. Gives what became of the copy. Errors: nothing
// was sent, but for source.uncertain; action.no_sending, action.mail_refused,
// action.recipient_refused.
base::Result<nlohmann::json> deliver(
    const ActionContext& context, const base::Id& id, const nlohmann::json& content,
    const std::function<base::Status(const std::string& sent)>& on_sent, Copy copy = Copy::kept);

}  // namespace lar::assistant
