// No list decides alone: each sign becomes a feature, and how they weigh together was learnt from
// mails of our own (eval/development_mailbox).
#include "assistant/suspicion.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "assistant/lexicon.h"
#include "assistant/mail_features.h"

namespace lar::assistant {
namespace {

struct Brand {
  std::string_view name;                // as people write it, folded
  std::vector<std::string_view> sites;  // domains that are really theirs
};
// Names that are often pretended to be.
const std::vector<Brand>& brands() {
  static const std::vector<Brand> list = {
      {"paypal", {"paypal.com", "paypal.es"}},
      {"amazon", {"amazon.com", "amazon.es", "amazon.co.uk", "amazon.de", "amazon.fr"}},
      {"apple", {"apple.com", "icloud.com"}},
      {"icloud", {"apple.com", "icloud.com"}},
      {"microsoft", {"microsoft.com", "office.com", "outlook.com", "microsoftonline.com"}},
      {"office 365", {"microsoft.com", "office.com", "outlook.com"}},
      {"google", {"google.com", "youtube.com", "google.es"}},
      {"netflix", {"netflix.com"}},
      {"spotify", {"spotify.com"}},
      {"dhl", {"dhl.com", "dhl.es", "dhl.de"}},
      {"fedex", {"fedex.com"}},
      {"ups", {"ups.com"}},
      {"usps", {"usps.com"}},
      {"royal mail", {"royalmail.com"}},
      {"correos", {"correos.es", "correos.com"}},
      {"seur", {"seur.com"}},
      {"bbva", {"bbva.es", "bbva.com", "bbva.mx"}},
      {"santander", {"santander.com", "santander.es", "bancosantander.es", "santander.co.uk"}},
      {"caixabank", {"caixabank.es", "caixabank.com"}},
      {"sabadell", {"bancsabadell.com", "bancosabadell.com"}},
      {"bankinter", {"bankinter.com"}},
      {"hsbc", {"hsbc.com", "hsbc.co.uk"}},
      {"barclays", {"barclays.co.uk", "barclays.com"}},
      {"revolut", {"revolut.com"}},
      {"agencia tributaria", {"agenciatributaria.gob.es", "correo.aeat.es", "aeat.es"}},
      {"hacienda", {"agenciatributaria.gob.es", "hacienda.gob.es", "aeat.es"}},
      {"seguridad social", {"seg-social.es", "seg-social.gob.es"}},
      {"dgt", {"dgt.es", "dgt.gob.es"}},
      {"hmrc", {"hmrc.gov.uk", "tax.service.gov.uk"}},
      {"facebook", {"facebook.com", "facebookmail.com", "meta.com"}},
      {"instagram", {"instagram.com", "facebookmail.com"}},
      {"whatsapp", {"whatsapp.com"}},
      {"linkedin", {"linkedin.com"}},
      {"dropbox", {"dropbox.com", "dropboxmail.com"}},
      {"docusign", {"docusign.com", "docusign.net"}},
      {"wetransfer", {"wetransfer.com"}},
      {"endesa", {"endesa.es", "endesa.com", "endesaclientes.com", "endesaonline.com"}},
      {"iberdrola", {"iberdrola.es", "iberdrola.com"}},
      {"movistar", {"movistar.es", "telefonica.com", "movistar.com"}},
      {"vodafone", {"vodafone.es", "vodafone.com", "vodafone.co.uk"}},
      {"coinbase", {"coinbase.com"}},
      {"binance", {"binance.com"}},
      {"ebay", {"ebay.com", "ebay.es", "ebay.co.uk"}},
      {"booking com", {"booking.com"}},
      {"airbnb", {"airbnb.com", "airbnb.es"}},
      {"bizum", {"bizum.es"}},
  };
  return list;
}

constexpr std::array<std::string_view, 14> free_mail = {
    "gmail.com", "hotmail.com", "outlook.com", "yahoo.com",  "hotmail.es", "yahoo.es", "gmx.com",
    "gmx.net",   "icloud.com",  "live.com",    "outlook.es", "proton.me",  "aol.com",  "mail.com"};

constexpr std::array<std::string_view, 24> bait_words = {
    "secure",   "security", "segur",    "verify",  "verific", "login",   "signin", "account",
    "cuenta",   "update",   "actualiz", "support", "soporte", "confirm", "alert",  "client",
    "customer", "unlock",   "billing",  "acceso",  "access",  "validar", "aviso",  "service"};

constexpr std::array<std::string_view, 20> odd_endings = {
    ".top",  ".xyz",  ".click", ".icu",  ".ru",  ".tk",      ".ml",   ".ga",      ".cf",  ".gq",
    ".buzz", ".rest", ".cam",   ".work", ".zip", ".support", ".live", ".monster", ".lol", ".cyou"};

constexpr std::array<std::string_view, 10> shorteners = {
    "bit.ly", "tinyurl.com", "t.ly",  "is.gd",       "cutt.ly",
    "goo.gl", "ow.ly",       "rb.gy", "shorturl.at", "acortar.link"};

constexpr std::array<std::string_view, 26> running_files = {
    ".exe",  ".scr", ".js",  ".vbs", ".bat",  ".cmd", ".com",   ".pif",  ".jar",
    ".msi",  ".lnk", ".iso", ".img", ".html", ".htm", ".shtml", ".docm", ".xlsm",
    ".pptm", ".hta", ".wsf", ".ps1", ".ace",  ".one", ".svg",   ".7z"};

template <size_t count>
bool ends_with_any(std::string_view text, const std::array<std::string_view, count>& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return text.ends_with(ending); });
}

// Letters that look like Latin ones, and digits for letters, as what they pretend to be.
std::string plain_look(std::string_view text) {
  std::string result;
  static constexpr std::array<std::pair<std::string_view, char>, 24> likes = {
      {{"а", 'a'}, {"е", 'e'}, {"о", 'o'}, {"р", 'p'}, {"с", 'c'}, {"у", 'y'},
       {"х", 'x'}, {"і", 'i'}, {"ѕ", 's'}, {"ԁ", 'd'}, {"ɡ", 'g'}, {"ո", 'n'},
       {"ı", 'i'}, {"ł", 'l'}, {"0", 'o'}, {"1", 'l'}, {"3", 'e'}, {"5", 's'},
       {"4", 'a'}, {"7", 't'}, {"α", 'a'}, {"ο", 'o'}, {"ν", 'v'}, {"τ", 't'}}};
  for (size_t at = 0; at < text.size();) {
    bool replaced = false;
    for (const auto& [sign, letter] : likes) {
      if (text.substr(at).starts_with(sign)) {
        result += letter;
        at += sign.size();
        replaced = true;
        break;
      }
    }
    if (replaced) continue;
    if (text.substr(at).starts_with("rn")) {
      result += 'm';
      at += 2;
    } else if (text.substr(at).starts_with("vv")) {
      result += 'w';
      at += 2;
    } else {
      result += text[at] == 'i' ? 'l' : text[at];
      ++at;
    }
  }
  return result;
}

std::string first_label(std::string_view site) {
  return std::string(site.substr(0, site.find('.')));
}

bool holds_words(std::string_view folded, std::string_view words) {
  return (" " + std::string(folded) + " ").find(" " + std::string(words) + " ") !=
         std::string::npos;
}

std::string squeezed(std::string_view text) {
  std::string result;
  for (const base::Word& word : base::words(text)) {
    result += base::fold_to_n(text.substr(word.begin, word.end - word.begin));
  }
  return result;
}

// What the receiving server found; the topmost header is its own.
void read_checks(const Mail& mail, std::map<std::string, double>& features, bool& failed,
                 bool& passed) {
  std::string checks;
  for (const auto& [name, value] : mail.details.headers) {
    if (name == "authentication-results" || name == "received-spf") {
      checks += base::lower_ascii(value) + " ";
    }
  }
  const auto has = [&](std::string_view text) { return checks.find(text) != std::string::npos; };
  const bool spf_fail = has("spf=fail") || has("spf=softfail") || checks.starts_with("fail");
  const bool dkim_fail = has("dkim=fail");
  const bool dmarc_fail = has("dmarc=fail");
  passed = has("dmarc=pass") || (has("dkim=pass") && has("spf=pass"));
  failed = dmarc_fail || spf_fail || (dkim_fail && !passed);
  features["s_checks_failed"] = failed ? 1 : 0;
  features["s_dmarc_failed"] = dmarc_fail ? 1 : 0;
  features["s_checks_passed"] = passed && !failed ? 1 : 0;
  features["s_no_checks"] = checks.empty() ? 1 : 0;
}

}  // namespace

int edit_distance(std::string_view one, std::string_view other, int most) {
  if (std::abs(static_cast<int>(one.size()) - static_cast<int>(other.size())) > most) {
    return most + 1;
  }
  std::vector<int> before(other.size() + 1), row(other.size() + 1);
  std::vector<int> earlier;
  for (size_t column = 0; column <= other.size(); ++column)
    before[column] = static_cast<int>(column);
  for (size_t line = 1; line <= one.size(); ++line) {
    row[0] = static_cast<int>(line);
    int least = row[0];
    for (size_t column = 1; column <= other.size(); ++column) {
      const int change = one[line - 1] == other[column - 1] ? 0 : 1;
      row[column] =
          std::min({before[column] + 1, row[column - 1] + 1, before[column - 1] + change});
      // Two letters that changed places.
      if (line > 1 && column > 1 && one[line - 1] == other[column - 2] &&
          one[line - 2] == other[column - 1]) {
        row[column] = std::min(row[column], earlier[column - 2] + 1);
      }
      least = std::min(least, row[column]);
    }
    if (least > most) return most + 1;
    earlier = before;
    before = row;
  }
  return before.back();
}

std::string host_of(std::string_view text) {
  std::string lower = base::lower_ascii(base::trim(text));
  const size_t scheme = lower.find("://");
  if (scheme != std::string::npos) {
    lower = lower.substr(scheme + 3);
    lower = lower.substr(0, lower.find_first_of("/?#"));
    const size_t user = lower.rfind('@');
    if (user != std::string::npos) lower = lower.substr(user + 1);
  } else if (const size_t at = lower.rfind('@'); at != std::string::npos) {
    lower = lower.substr(at + 1);
  } else {
    lower = lower.substr(0, lower.find_first_of("/?#"));
  }
  lower = lower.substr(0, lower.find(':'));
  while (lower.ends_with('>') || lower.ends_with('.')) lower.pop_back();
  return lower;
}

std::string site_of(std::string_view host) {
  const std::vector<std::string_view> labels = base::split(host, '.');
  if (labels.size() <= 2) return std::string(host);
  const std::string_view last = labels.back(), second = labels[labels.size() - 2];
  static constexpr std::array<std::string_view, 11> shared = {
      "co", "com", "org", "net", "gob", "gov", "edu", "ac", "nom", "gouv", "govt"};
  const bool two =
      last.size() == 2 && std::find(shared.begin(), shared.end(), second) != shared.end();
  const size_t keep = std::min<size_t>(labels.size(), two ? 3 : 2);
  std::string site;
  for (size_t index = labels.size() - keep; index < labels.size(); ++index) {
    site += (site.empty() ? "" : ".") + std::string(labels[index]);
  }
  return site;
}

Acquaintance::Acquaintance(const Mailbox& mailbox) {
  for (const Mail& mail : mailbox.mails) {
    if (mail.mine) {
      for (const auto* people : {&mail.to, &mail.cc}) {
        for (const domain::Person& person : *people) {
          ++written_[person.address];
          sites_[site_of(host_of(person.address))] += 3;
          if (!person.name.empty()) contacts_[base::fold(person.name)].insert(person.address);
        }
      }
      continue;
    }
    ++received_[mail.from.address];
    std::map<std::string, double> ignored;
    bool failed = false, passed = false;
    read_checks(mail, ignored, failed, passed);
    const std::string site = site_of(host_of(mail.from.address));
    if (!failed) sites_[site] += passed ? 1.0 : 0.5;
    if (is_automatic(mail) || is_list(mail) || !is_person_like(mail)) {
      offices_at_.insert(site);
    } else {
      people_at_[site].insert(mail.from.address);
    }
    if (!mail.from.name.empty()) names_[base::fold(mail.from.name)][site] += failed ? 0 : 1;
  }
  for (const std::string& address : mailbox.owner.addresses) {
    sites_[site_of(host_of(address))] += 3;
  }
}

int Acquaintance::written_to(std::string_view address) const {
  const auto found = written_.find(address);
  return found == written_.end() ? 0 : found->second;
}

int Acquaintance::received_from(std::string_view address) const {
  const auto found = received_.find(address);
  return found == received_.end() ? 0 : found->second;
}

int Acquaintance::people_at(std::string_view site) const {
  const auto found = people_at_.find(site);
  return found == people_at_.end() ? 0 : static_cast<int>(found->second.size());
}

bool Acquaintance::office_at(std::string_view site) const { return offices_at_.contains(site); }

bool Acquaintance::is_known_domain(std::string_view site) const {
  const auto found = sites_.find(site);
  return found != sites_.end() && found->second >= 2;
}

std::string Acquaintance::resembled(std::string_view site) const {
  const std::string own = first_label(site), look = plain_look(own);
  for (const auto& [other, weight] : sites_) {
    if (other == site || weight < 1) continue;
    const auto mine = sites_.find(site);
    if (mine != sites_.end() && mine->second >= weight) continue;
    const std::string label = first_label(other);
    if (label.size() < 4) continue;
    if (label == own) {
      // The same name under another ending: "banco.es" and "banco-es.top" are two things, but
      // "robles.example" and "robles.test" are mostly one.
      if (site.substr(site.find('.')) != std::string_view(other).substr(other.find('.'))) {
        return other;
      }
      continue;
    }
    if (look == plain_look(label)) return other;
    const int most = label.size() >= 9 ? 2 : 1;
    if (edit_distance(own, label, most) <= most) return other;
    // The whole name with words added: "banco-levante-seguridad".
    std::string plain_own, plain_label;
    for (const char letter : own) {
      if (letter != '-') plain_own += letter;
    }
    for (const char letter : label) {
      if (letter != '-') plain_label += letter;
    }
    if (plain_label.size() >= 5 && plain_own != plain_label &&
        plain_own.find(plain_label) != std::string::npos) {
      return other;
    }
    if (plain_own == plain_label && own != label) return other;
  }
  return {};
}

std::string Acquaintance::other_site_of_name(std::string_view name, std::string_view site) const {
  const auto found = names_.find(base::fold(name));
  if (found == names_.end()) return {};
  for (const auto& [other, count] : found->second) {
    if (other != site && count > 0 && is_known_domain(other)) return other;
  }
  return {};
}

bool Acquaintance::is_contact_name(std::string_view name, std::string_view address) const {
  const auto found = contacts_.find(base::fold(name));
  return found != contacts_.end() && !found->second.contains(std::string(address));
}

Suspicion suspicion_of(const Mail& mail, const Mailbox& mailbox, const Acquaintance& known) {
  Suspicion result;
  std::map<std::string, double>& features = result.features;
  const auto sign = [&](std::string code, base::Parameters parameters = {}) {
    for (const Sign& other : result.signs) {
      if (other.code == code) return;
    }
    result.signs.push_back({std::move(code), std::move(parameters)});
  };
  bool failed = false, passed = false;
  read_checks(mail, features, failed, passed);
  if (failed) sign("checks_failed");

  const std::string host = host_of(mail.from.address), site = site_of(host);
  const std::string name = base::fold(mail.from.name);
  const bool wrote = known.written_to(mail.from.address) > 0;
  const bool is_known = known.is_known_domain(site);
  const bool free = std::find(free_mail.begin(), free_mail.end(), site) != free_mail.end();
  features["s_known_site"] = is_known && !free ? 1 : 0;
  features["s_wrote_to"] = wrote ? 1 : 0;
  features["s_first_mail"] = known.received_from(mail.from.address) <= 1 && !wrote ? 1 : 0;
  features["s_free_mail"] = free ? 1 : 0;

  // The sender's own address.
  const std::string like = free || wrote ? std::string() : known.resembled(site);
  features["s_look_alike"] = like.empty() ? 0 : 1;
  if (!like.empty()) sign("look_alike", {{"site", host}, {"known", like}});
  const bool coded = host.find("xn--") != std::string::npos ||
                     std::any_of(host.begin(), host.end(), [](char c) { return c < 0; });
  features["s_coded_host"] = coded ? 1 : 0;
  if (coded) sign("foreign_letters", {{"site", host}});
  int baits = 0;
  const std::string label = first_label(site);
  for (const std::string_view word : bait_words) {
    baits += host.find(word) != std::string::npos ? 1 : 0;
  }
  features["s_bait_host"] = std::min(baits, 2) * (is_known ? 0.3 : 1);
  features["s_odd_ending"] = ends_with_any(host, odd_endings) ? 1 : 0;
  features["s_hyphens"] =
      std::min<double>(2, static_cast<double>(std::count(label.begin(), label.end(), '-')));
  features["s_digits"] =
      std::any_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; }) ? 1 : 0;

  // Whom the name pretends to be.
  bool pretends = false;
  const std::string told = name + " " + base::fold(mail.subject);
  for (const Brand& brand : brands()) {
    const bool named =
        holds_words(phrase_text(name), brand.name) || label.find(brand.name) != std::string::npos;
    if (!named) continue;
    const bool really =
        std::any_of(brand.sites.begin(), brand.sites.end(), [&](std::string_view real) {
          return host == real || host.ends_with("." + std::string(real));
        });
    // Fictional and local names alike are the brand's own where nothing but the ending differs.
    const bool own_label = label == squeezed(brand.name) && !failed;
    if (!really && !own_label) {
      pretends = true;
      sign("pretends", {{"name", mail.from.name.empty() ? std::string(brand.name) : mail.from.name},
                        {"site", host}});
    }
  }
  features["s_pretends_brand"] = pretends ? 1 : 0;
  const std::string other_site =
      wrote ? std::string() : known.other_site_of_name(mail.from.name, site);
  features["s_name_elsewhere"] = other_site.empty() ? 0 : 1;
  if (!other_site.empty() && like.empty()) {
    sign("name_elsewhere", {{"name", mail.from.name}, {"site", host}, {"known", other_site}});
  }
  const bool borrowed = !wrote && known.is_contact_name(mail.from.name, mail.from.address);
  features["s_contact_name"] = borrowed ? 1 : 0;
  if (borrowed) sign("contact_name", {{"name", mail.from.name}, {"address", mail.from.address}});
  // A name that is an address of somewhere else.
  const bool name_is_address =
      mail.from.name.find('@') != std::string::npos && host_of(mail.from.name) != host;
  features["s_name_is_address"] = name_is_address ? 1 : 0;
  // Nothing of the sender's name in the address they write from.
  bool name_fits = mail.from.name.empty();
  const std::string address_text = squeezed(mail.from.address);
  for (const base::Word& word : base::words(name)) {
    const std::string piece = base::fold_to_n(name.substr(word.begin, word.end - word.begin));
    if (piece.size() >= 3 && address_text.find(piece) != std::string::npos) name_fits = true;
  }
  features["s_name_unlike_address"] = name_fits ? 0 : 1;

  for (const domain::Person& person : mail.reply_to) {
    const std::string other = site_of(host_of(person.address));
    if (other == site || other.empty()) continue;
    const bool other_free = std::find(free_mail.begin(), free_mail.end(), other) != free_mail.end();
    features["s_reply_elsewhere"] = std::max(
        features["s_reply_elsewhere"], other_free || !known.is_known_domain(other) ? 1.0 : 0.4);
    if (!mail.has_header("list-id")) sign("reply_elsewhere", {{"address", person.address}});
  }
  if (const std::string path = site_of(host_of(mail.header("return-path"))); path.size() > 3) {
    features["s_path_elsewhere"] = path != site ? 1 : 0;
  }

  // Where its links lead.
  int elsewhere = 0, unlike = 0, all = 0, raw = 0, odd = 0, short_links = 0, bait_links = 0;
  const auto look_at = [&](std::string_view target, std::string_view text) {
    const std::string lower = base::lower_ascii(target);
    if (!lower.starts_with("http")) return;
    const std::string to = host_of(target), to_site = site_of(to);
    if (to.empty()) return;
    ++all;
    const bool numbers = to.find_first_not_of("0123456789.") == std::string::npos;
    raw += numbers ? 1 : 0;
    odd += ends_with_any(to, odd_endings) ? 1 : 0;
    short_links += std::find(shorteners.begin(), shorteners.end(), to) != shorteners.end() ? 1 : 0;
    const bool away = to_site != site && !known.is_known_domain(to_site);
    elsewhere += away ? 1 : 0;
    if (away) {
      for (const std::string_view word : bait_words) {
        if (to.find(word) != std::string::npos) {
          ++bait_links;
          break;
        }
      }
      const std::string resembled = known.resembled(to_site);
      if (!resembled.empty() && !wrote) {
        features["s_link_look_alike"] = 1;
        sign("link_look_alike", {{"site", to}, {"known", resembled}});
      }
    }
    // A text that is itself an address must lead there.
    const std::string shown(base::trim(text));
    if (shown.find(' ') == std::string::npos && shown.find('.') != std::string::npos &&
        shown.find('@') == std::string::npos && shown.size() > 4) {
      const std::string shown_site = site_of(host_of(shown));
      if (shown_site != to_site && shown_site.find('.') != std::string::npos) {
        ++unlike;
        sign("link_unlike_text", {{"shown", host_of(shown)}, {"site", to}});
      }
    }
  };
  for (const domain::Link& link : mail.details.links) look_at(link.target, link.text);
  if (mail.details.links.empty()) {
    for (size_t at = 0; (at = mail.text.find("http", at)) != std::string::npos; at += 4) {
      const size_t end = mail.text.find_first_of(" \n\t>)\"", at);
      look_at(std::string_view(mail.text).substr(at, std::min(end, mail.text.size()) - at), "");
    }
  }
  features["s_links_elsewhere"] = all > 0 ? static_cast<double>(elsewhere) / all : 0;
  features["s_any_link"] = all > 0 ? 1 : 0;
  features["s_link_unlike_text"] = unlike > 0 ? 1 : 0;
  features["s_link_raw"] = raw + odd + short_links > 0 ? 1 : 0;
  features["s_link_bait"] = bait_links > 0 ? 1 : 0;
  if (raw > 0) sign("link_raw");

  bool dangerous = false;
  for (const domain::Attachment& attachment : mail.details.attachments) {
    const std::string file = base::lower_ascii(attachment.name);
    const bool packed = file.ends_with(".zip") || file.ends_with(".rar");
    if (ends_with_any(file, running_files) || (packed && !wrote && !is_known)) {
      dangerous = true;
      sign("dangerous_file", {{"name", attachment.name}});
    }
  }
  features["s_dangerous_file"] = dangerous ? 1 : 0;

  // What it wants.
  const std::string words = mail.folded + phrase_text(mail.subject);
  const int credentials = count_phrases(words, "credentials");
  const int threats = count_phrases(words, "threats");
  const int money = count_phrases(words, "money_bait");
  const int secret = count_phrases(words, "secrecy");
  const int spam = count_phrases(words, "spam_words");
  const int generic = count_phrases(words, "generic_greeting");
  const auto part = [](int count, int full) {
    return std::min(count, full) / static_cast<double>(full);
  };
  features["s_credentials"] = part(credentials, 2);
  features["s_threats"] = part(threats, 2);
  features["s_money"] = part(money, 2);
  features["s_secrecy"] = part(secret, 2);
  features["s_spam_words"] = part(spam, 3);
  features["s_generic_greeting"] = part(generic, 1);
  // Lures of fraud that needs no link: what they are about, by kinds.
  const int new_account = count_phrases(words, "payment_change");
  const int gift_cards = count_phrases(words, "gift_cards");
  const int parcel_fee = count_phrases(words, "parcel_fee");
  const int callback = count_phrases(words, "callback");
  const int boss = count_phrases(words, "boss_fraud");
  const int relative = count_phrases(words, "relative_fraud");
  const int file_lure = count_phrases(words, "file_lure");
  features["s_new_account"] = part(new_account, 3);
  features["s_gift_cards"] = part(gift_cards, 2);
  features["s_parcel_fee"] = part(parcel_fee, 2);
  features["s_callback"] = part(callback, 2);
  features["s_boss"] = part(boss, 2);
  features["s_relative"] = part(relative, 2);
  features["s_file_lure"] = part(file_lure, 2);
  const bool amount = mail.text.find("€") != std::string::npos ||
                      mail.text.find("£") != std::string::npos ||
                      mail.text.find('$') != std::string::npos || holds_words(words, "eur") ||
                      holds_words(words, "euros");
  features["s_amount"] = amount ? 1 : 0;
  const bool attachment = !mail.details.attachments.empty();
  // Who writes decides what the wish means.
  const bool stranger = !wrote && !is_known;
  const bool mask = !like.empty() || pretends || !other_site.empty() || borrowed || coded;
  const bool astray = unlike > 0 || bait_links > 0 || raw > 0 || features["s_link_look_alike"] > 0;
  const bool wants = credentials > 0 || money > 0 || dangerous;
  features["s_stranger_wants"] = stranger && wants ? 1 : 0;
  features["s_stranger_threat"] = stranger && threats > 0 ? 1 : 0;
  features["s_stranger_secret"] = stranger && secret > 0 && (money > 0 || secret > 1) ? 1 : 0;
  features["s_mask"] = mask ? 1 : 0;
  features["s_mask_wants"] = mask && (wants || threats > 0 || secret > 0) ? 1 : 0;
  features["s_astray_wants"] = astray && (wants || threats > 0) ? 1 : 0;
  features["s_failed_wants"] = failed && (wants || threats > 0 || secret > 0) ? 1 : 0;
  features["s_failed_mask"] = failed && mask ? 1 : 0;
  features["s_stranger_bait"] = stranger && (baits > 0 || features["s_odd_ending"] > 0) ? 1 : 0;
  features["s_pressed_wish"] = credentials > 0 && threats > 0 && all > 0 && stranger ? 1 : 0;
  features["s_stranger_money"] = stranger && money > 0 ? 1 : 0;
  features["s_stranger_spam"] = stranger ? part(spam, 2) : 0;
  const auto both = [&](const char* combined, bool value) { features[combined] = value ? 1 : 0; };
  both("s_stranger_new_account", stranger && new_account > 1);
  both("s_known_new_account", !stranger && new_account > 1);
  both("s_stranger_gift_cards", stranger && gift_cards > 0);
  both("s_mask_gift_cards", mask && gift_cards > 0);
  both("s_stranger_parcel_fee", stranger && parcel_fee > 0);
  both("s_parcel_fee_amount", parcel_fee > 0 && amount && all > 0 && stranger);
  both("s_stranger_callback", stranger && callback > 0 && amount);
  both("s_stranger_boss", stranger && boss > 1);
  both("s_mask_boss", mask && boss > 0);
  both("s_stranger_relative", stranger && relative > 1);
  both("s_stranger_file_lure", stranger && file_lure > 0 && (attachment || all > 0));
  both("s_stranger_file_lure_link", stranger && file_lure > 0 && elsewhere > 0);
  both("s_stranger_attachment", stranger && attachment);
  both("s_reply_and_money",
       features["s_reply_elsewhere"] > 0 && (money > 0 || new_account > 0 || boss > 0));
  both("s_free_mail_boss", free && !wrote && boss > 0);
  both("s_free_mail_company",
       free && !wrote && (new_account > 1 || count_phrases(words, "notice") > 1));
  const int lures = (new_account > 1 ? 1 : 0) + (gift_cards > 0 ? 1 : 0) +
                    (parcel_fee > 0 ? 1 : 0) + (callback > 0 ? 1 : 0) + (boss > 1 ? 1 : 0) +
                    (relative > 1 ? 1 : 0) + (file_lure > 0 ? 1 : 0);
  both("s_stranger_lured", stranger && lures > 0);
  both("s_stranger_lured_twice", stranger && lures > 1);
  both("s_failed_lured", failed && lures > 0);
  both("s_lured_pressed",
       stranger && lures > 0 && (threats > 0 || count_phrases(words, "urgency") > 0));
  if (new_account > 1 && (stranger || mask || failed)) sign("changed_account");
  if (stranger && gift_cards > 0) sign("gift_cards");
  if (stranger && parcel_fee > 0 && amount) sign("parcel_fee");
  if (stranger && relative > 1) sign("new_number");
  if (stranger && file_lure > 0 && (attachment || all > 0)) sign("file_lure");
  if (stranger && credentials > 0) sign("asks_credentials");
  if (stranger && money > 0) sign("asks_money");
  if (stranger && threats > 0) sign("pressure");
  if (stranger && (secret > 1 || boss > 1)) sign("secrecy");
  if (stranger && spam > 1) sign("unasked_offer");
  static_cast<void>(mailbox);
  return result;
}

}  // namespace lar::assistant
