// Signs that a mail is not what it says: a sender that looks like another, links that lead
// elsewhere, checks that failed, files that run. Found by code from the mail and from what the rest
// of the mailbox shows of its senders. Pure functions over values.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "assistant/mailbox.h"

namespace lar::assistant {

// What the mailbox knows of people and domains.
class Acquaintance {
 public:
  explicit Acquaintance(const Mailbox& mailbox);

  int written_to(std::string_view address) const;     // mails of the owner to them
  int received_from(std::string_view address) const;  // mails of theirs
  bool is_known_domain(std::string_view site) const;  // owner wrote there, or several clean mails
  // The known site that `site` resembles without being it; empty if none.
  std::string resembled(std::string_view site) const;
  // A site of another sender with this display name; empty if none.
  std::string other_site_of_name(std::string_view name, std::string_view site) const;
  bool is_contact_name(std::string_view name, std::string_view address) const;
  int people_at(std::string_view site) const;   // who write under their own names from there
  bool office_at(std::string_view site) const;  // an office or a machine writes from there too

 private:
  std::map<std::string, int, std::less<>> written_, received_;
  std::map<std::string, double, std::less<>> sites_;
  std::map<std::string, std::map<std::string, int>, std::less<>> names_;  // folded name → site
  std::map<std::string, std::set<std::string>, std::less<>> contacts_;    // folded name → addresses
  std::map<std::string, std::set<std::string>, std::less<>> people_at_;   // site → addresses
  std::set<std::string, std::less<>> offices_at_;
};

struct Sign {
  std::string code;  // "look_alike", sentence triage.reason.CODE
  base::Parameters parameters;
};

// Features "s_…" for the learned judgement, and the signs to tell the owner.
struct Suspicion {
  std::map<std::string, double> features;
  std::vector<Sign> signs;
};
Suspicion suspicion_of(const Mail& mail, const Mailbox& mailbox, const Acquaintance& known);

// "mail.banco.co.uk" → "banco.co.uk": what somebody registered.
std::string site_of(std::string_view host);
std::string host_of(std::string_view address_or_link);
// Edits between two texts, stopping at `most` + 1.
int edit_distance(std::string_view one, std::string_view other, int most);

}  // namespace lar::assistant
