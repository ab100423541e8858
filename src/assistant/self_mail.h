// Mail to self: the owner is told by a mail of their own account to its own address. Switching it
// on is the owner's word for all that the gate lets through, and for nothing else: each mail is an
// action of kind "notify_owner", which can reach no other address, and leaves once.
//
// Such a mail comes back with the next sync. It is known by its Message-ID, which is made of the
// action's id and cannot be guessed: it is not judged, and never becomes a card.
//
// Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "assistant/channel.h"
#include "store/store.h"

namespace lar::assistant {

inline constexpr std::string_view self_mail_action = "notify_owner";

struct SelfMailAccount {
  base::Id source;
  std::string address;  // sender and recipient
};

// Accounts that can do it: they send, and their location is an address.
base::Result<std::vector<SelfMailAccount>> self_mail_accounts(store::Store& store);
// The one that the owner has chosen; nothing where it is off, or the account cannot send any more.
base::Result<std::optional<SelfMailAccount>> self_mail(store::Store& store);
// `account`: id or address of one of self_mail_accounts(); empty: off. Errors:
// attention.no_mail_account {account}.
base::Status set_self_mail(store::Store& store, const std::string& account);

// Whether lar sent that mail itself.
bool is_self_mail(store::Store& store, const std::string& message_id);

// Puts a mail in line as a proposed action; whoever carries actions out sends it. Present while it
// is switched on.
std::unique_ptr<Channel> self_mail_channel(store::Store& store);

}  // namespace lar::assistant
