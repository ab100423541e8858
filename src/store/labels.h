// Origin labels of mails: whose words they are. Derived from what is stored, in the transaction
// that changes it, so that a label never depends on the order in which things arrived:
//
//   owner          lies in a folder of what the owner wrote (sent, drafts), and every From is
//                  one of the owner's addresses, where these are known; which folders those are
//                  follows from their names, or from what a source's settings list as own_folders
//   known_contact  every From stands in the address book, or the owner has written to it
//   stranger       anything else, and whatever claims to come from the owner but lies elsewhere: a
//                  From line is written by whoever sends the mail
//
// Runs on the writer's thread. Internal to the store.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "store/database.h"

namespace lar::store {

// Raised when the rules change: every label is then made again on opening.
inline constexpr int labels_version = 1;

// The setting that holds the owner's addresses, a JSON array of texts.
inline constexpr std::string_view addresses_setting = "addresses";

// A folder for what its owner wrote, by its name in Spanish, English and a few other languages. Of
// an mbox the file's name counts; folders of documents never do.
bool is_sent_folder(std::string_view source_kind, std::string_view location,
                    std::string_view folder);
// Makes known to SQL what the labels ask: sent_folder(kind, location, folder), which is
// is_sent_folder, and action_of_mail(message_id), the action that a mail of lar's own was.
base::Status add_label_functions(Connection& connection);

// Labels an item after it was recorded (its senders too) or its placements changed, and the mails
// of those whom the owner knows by it from now on, or no longer.
base::Status label_item(Connection& connection, std::int64_t item);

// What is known of an address.
struct Standing {
  bool own = false;    // the owner's, by a mail they sent from it
  bool known = false;  // in the address book, or written to
  bool operator==(const Standing&) const = default;
};
using Standings = std::map<std::string, Standing>;
// To be called before an item is deleted; finish_unlabelling() with the result after it.
base::Result<Standings> begin_unlabelling(Connection& connection, std::int64_t item);
base::Status finish_unlabelling(Connection& connection, const Standings& before);

// Everything anew, from items, placements and the setting.
base::Status label_all(Connection& connection);

}  // namespace lar::store
