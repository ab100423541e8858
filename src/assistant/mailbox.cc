// Reads an mbox through the scanner of its source and the reading service; then threads, owner and
// zone follow from the mails themselves.
#include "assistant/mailbox.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <numeric>

#include "os/file.h"
#include "reading/reading_service.h"
#include "sources/files.h"
#include "sources/mbox/scanner.h"

namespace lar::assistant {
namespace {

using base::Result;
using domain::PersonRole;
using domain::SegmentKind;

constexpr std::uint64_t largest_mail = 64u << 20;
constexpr std::size_t longest_text = 40'000;  // of a mail, of what is judged

bool ends_sentence(std::string_view text, size_t at) {
  const char sign = text[at];
  if (sign != '.' && sign != '!' && sign != '?') return false;
  size_t next = at + 1;
  while (next < text.size() && (text[next] == '.' || text[next] == '!' || text[next] == '?' ||
                                text[next] == ')' || text[next] == '"')) {
    ++next;
  }
  if (next >= text.size()) return true;
  if (text[next] != ' ' && text[next] != '\n') return false;
  while (next < text.size() && (text[next] == ' ' || text[next] == '\n')) ++next;
  if (next >= text.size()) return true;
  const auto lead = static_cast<unsigned char>(text[next]);
  if (sign != '.') return true;
  // Behind an abbreviation ("Sra. Peiró", "a.m.") or before a small letter it goes on.
  if (lead >= 'a' && lead <= 'z') return false;
  const size_t word = text.find_last_of(" \n(", at == 0 ? 0 : at - 1);
  const std::string_view before = text.substr(word == std::string_view::npos ? 0 : word + 1,
                                              at - (word == std::string_view::npos ? 0 : word + 1));
  // "3 p.m. CET", "3 p.m. (2 p.m. your time)"
  if (before.ends_with("a.m") || before.ends_with("p.m")) {
    size_t capitals = next;
    while (capitals < text.size() && text[capitals] >= 'A' && text[capitals] <= 'Z') ++capitals;
    const size_t length = capitals - next;
    if (lead == '(' || (length >= 2 && length <= 5)) return false;
  }
  static constexpr std::array<std::string_view, 16> short_forms = {
      "Sr",  "Sra", "Srta", "Dr", "Dra", "D",   "Da",  "Mr",
      "Mrs", "Ms",  "St",   "No", "núm", "tel", "Tel", "Prof"};
  // An initial ("M. Sorní"), but not the hours of "21.00 h."
  const bool initial = before.size() == 1 && before[0] >= 'A' && before[0] <= 'Z';
  return !initial && std::find(short_forms.begin(), short_forms.end(), before) == short_forms.end();
}

void add_sentence(std::vector<Sentence>& sentences, std::string_view text, bool heading) {
  std::string joined = base::collapse_spaces(text);
  for (const std::string_view mark : {"- ", "* ", "• ", "· ", "– ", "— "}) {
    if (joined.starts_with(mark)) joined.erase(0, mark.size());
  }
  if (joined.empty()) return;
  Sentence sentence;
  sentence.folded = phrase_text(joined);
  if (sentence.folded.size() < 3) return;
  const size_t last = joined.find_last_not_of(" )\"'!.");
  sentence.question =
      (last != std::string::npos && joined[last] == '?') || joined.find("¿") != std::string::npos;
  sentence.heading = heading;
  sentence.text = std::move(joined);
  sentences.push_back(std::move(sentence));
}

// Lines that stand for themselves although no blank line follows: greetings ("Hola, Clara:") and
// fields ("Lugar: Sala 2"), before and after.
bool is_own_line(std::string_view text, size_t end) {
  const size_t before = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
  const size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const std::string_view line = base::trim(text.substr(begin, end - begin));
  if (line.size() < 45 && (line.ends_with(',') || line.ends_with(':'))) return true;
  const auto is_field = [](std::string_view candidate) {
    const size_t colon = candidate.find(": ");
    // Wrapped lines of running text are longer.
    return colon != std::string_view::npos && colon > 2 && colon < 28 && candidate.size() < 60 &&
           std::count(candidate.begin(), candidate.begin() + static_cast<std::ptrdiff_t>(colon),
                      ' ') <= 3;
  };
  const size_t next_end = std::min(text.find('\n', end + 1), text.size());
  const std::string_view next = base::trim(text.substr(end + 1, next_end - end - 1));
  return is_field(line) || is_field(next);
}

std::string thread_subject(std::string_view subject) {
  std::string folded = base::fold(base::trim(subject));
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view start : {"re:", "fwd:", "fw:", "rv:", "aw:", "res:"}) {
      if (folded.starts_with(start)) {
        folded = std::string(base::trim(std::string_view(folded).substr(start.size())));
        again = true;
      }
    }
  }
  return folded;
}

class Sets {
 public:
  explicit Sets(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0U); }
  size_t find(size_t index) {
    while (parent_[index] != index) index = parent_[index] = parent_[parent_[index]];
    return index;
  }
  void join(size_t one, size_t other) {
    one = find(one);
    other = find(other);
    parent_[std::max(one, other)] = std::min(one, other);
  }

 private:
  std::vector<size_t> parent_;
};

// Mails that answer one another, or have one subject and people in common within a few weeks.
void number_threads(std::vector<Mail>& mails) {
  Sets sets(mails.size());
  std::map<std::string, size_t> by_id, by_reference, by_subject;
  for (size_t index = 0; index < mails.size(); ++index) by_id.emplace(mails[index].id, index);
  for (size_t index = 0; index < mails.size(); ++index) {
    const Mail& mail = mails[index];
    for (const std::string& reference : mail.references) {
      if (const auto found = by_id.find(reference); found != by_id.end()) {
        sets.join(index, found->second);
      }
      const auto [place, added] = by_reference.emplace(reference, index);
      if (!added) sets.join(index, place->second);
    }
    const std::string folded = base::fold(mail.subject);
    const std::string subject = thread_subject(mail.subject);
    if (subject.size() < 4 || mail.has_header("list-unsubscribe")) continue;
    const auto [place, added] = by_subject.emplace(subject, index);
    if (added) continue;
    const Mail& other = mails[place->second];
    const bool answers = folded != subject;
    const bool near =
        mail.sent && other.sent && std::abs(*mail.sent - *other.sent) < 45 * base::one_day;
    if (answers && near) sets.join(index, place->second);
    place->second = index;
  }
  for (size_t index = 0; index < mails.size(); ++index) mails[index].thread = sets.find(index);
}

bool is_sent_mark(const Mail& mail) {
  for (const std::string_view name : {"x-gm-labels", "x-folder", "folder"}) {
    const std::string labels = base::lower_ascii(mail.header(name));
    if (labels.find("sent") != std::string::npos || labels.find("enviad") != std::string::npos) {
      return true;
    }
  }
  return false;
}

// The address most mails were delivered to; senders of mails marked as sent count too.
std::set<std::string> infer_owner(const std::vector<Mail>& mails) {
  std::map<std::string, int> delivered, received, labelled;
  std::map<std::string, std::set<std::string>> written_to;
  for (const Mail& mail : mails) {
    for (const std::string_view name : {"delivered-to", "x-original-to", "envelope-to"}) {
      const std::string address = base::lower_ascii(base::trim(mail.header(name)));
      if (address.find('@') != std::string::npos) ++delivered[address];
    }
    std::set<std::string> recipients;
    for (const auto* people : {&mail.to, &mail.cc}) {
      for (const domain::Person& person : *people) {
        if (!person.address.empty()) recipients.insert(person.address);
      }
    }
    for (const std::string& address : recipients) ++received[address];
    if (is_sent_mark(mail)) ++labelled[mail.from.address];
  }
  std::set<std::string> found;
  const auto take = [&](const std::map<std::string, int>& counts, double share) {
    int most = 0;
    for (const auto& [address, count] : counts) most = std::max(most, count);
    for (const auto& [address, count] : counts) {
      if (count >= share * most && most > 0) found.insert(address);
    }
  };
  take(delivered, 0.2);
  take(labelled, 0.2);
  if (!found.empty()) return found;
  // Somebody takes part in nearly every mail, as recipient or as writer.
  std::map<std::string, int> parts;
  for (const auto& [address, count] : received) parts[address] = 2 * count;
  for (const Mail& mail : mails) {
    if (parts.contains(mail.from.address)) ++parts[mail.from.address];
  }
  std::string best;
  for (const auto& [address, count] : parts) {
    if (best.empty() || count > parts[best]) best = address;
  }
  if (!best.empty()) found.insert(best);
  // A second address of the same person: the same name behind it, and mails to and from it.
  std::map<std::string, std::string> names;
  for (const Mail& mail : mails) {
    if (!mail.from.name.empty()) names.emplace(mail.from.address, base::fold(mail.from.name));
    for (const auto* people : {&mail.to, &mail.cc}) {
      for (const domain::Person& person : *people) {
        if (!person.name.empty()) names.emplace(person.address, base::fold(person.name));
      }
    }
  }
  const auto name = names.find(best);
  if (name != names.end() && name->second.find(' ') != std::string::npos) {
    for (const auto& [address, count] : received) {
      const auto other = names.find(address);
      if (other != names.end() && other->second == name->second && count >= 3) {
        found.insert(address);
      }
    }
  }
  return found;
}

// "+0200" at the end of a Date header, in minutes.
std::optional<int> offset_of(std::string_view date) {
  for (size_t at = 0; at + 5 <= date.size(); ++at) {
    if ((date[at] != '+' && date[at] != '-') || (at > 0 && date[at - 1] != ' ')) continue;
    int value = 0;
    bool digits = true;
    for (size_t index = 1; index <= 4; ++index) {
      digits = digits && date[at + index] >= '0' && date[at + index] <= '9';
      value = value * 10 + (date[at + index] - '0');
    }
    if (!digits) continue;
    const int minutes = value / 100 * 60 + value % 100;
    return date[at] == '-' ? -minutes : minutes;
  }
  return std::nullopt;
}

int offset_at(std::string_view zone, base::Microseconds time) {
  const base::LocalTime local = base::to_local(time, zone);
  return static_cast<int>((base::from_local(local, "UTC") - time) / (60 * base::one_second));
}

// The zone whose offsets fit most of what the owner wrote (weighing more) and received.
std::string infer_zone(const Mailbox& mailbox, const MailboxOptions& options) {
  static constexpr std::array<const char*, 22> zones = {"Europe/Madrid",
                                                        "Europe/London",
                                                        "Europe/Helsinki",
                                                        "Europe/Istanbul",
                                                        "Atlantic/Canary",
                                                        "America/New_York",
                                                        "America/Chicago",
                                                        "America/Denver",
                                                        "America/Los_Angeles",
                                                        "America/Mexico_City",
                                                        "America/Bogota",
                                                        "America/Lima",
                                                        "America/Caracas",
                                                        "America/Santiago",
                                                        "America/Argentina/Buenos_Aires",
                                                        "America/Sao_Paulo",
                                                        "America/Phoenix",
                                                        "Australia/Sydney",
                                                        "Asia/Kolkata",
                                                        "Asia/Tokyo",
                                                        "Asia/Singapore",
                                                        "UTC"};
  std::vector<std::string> candidates = {base::Clock::zone()};
  candidates.insert(candidates.end(), zones.begin(), zones.end());
  std::string best = candidates.front();
  double most = 0;
  for (const std::string& zone : candidates) {
    double score = 0;
    for (const Mail& mail : mailbox.mails) {
      const auto offset = offset_of(mail.header("date"));
      // Machines write UTC wherever they are.
      if (!mail.sent || !offset || (*offset == 0 && !mail.mine)) continue;
      if (offset_at(zone, *mail.sent) == *offset) score += mail.mine ? 5 : 1;
    }
    if (options.now && options.now_offset && offset_at(zone, *options.now) == *options.now_offset) {
      score += 10;
    }
    if (score > most) {
      most = score;
      best = zone;
    }
  }
  return best;
}

}  // namespace

std::string_view Mail::header(std::string_view name) const {
  for (const auto& [known, value] : details.headers) {
    if (known == name) return value;
  }
  return {};
}

bool Mail::has_header(std::string_view name) const {
  return std::any_of(details.headers.begin(), details.headers.end(),
                     [&](const auto& header) { return header.first == name; });
}

std::optional<int> sender_offset(const Mail& mail) { return offset_of(mail.header("date")); }

std::string phrase_text(std::string_view text) {
  std::string result = " ";
  for (const base::Word& word : base::words(text)) {
    result += base::fold(text.substr(word.begin, word.end - word.begin));
    result += ' ';
  }
  return result;
}

std::vector<Sentence> sentences_of(std::string_view text, bool lines_are_sentences) {
  std::vector<Sentence> sentences;
  size_t begin = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool line_end = text[at] == '\n';
    const bool paragraph_end =
        line_end && (lines_are_sentences || (at + 1 < text.size() && text[at + 1] == '\n') ||
                     is_own_line(text, at));
    if (paragraph_end) {
      add_sentence(sentences, text.substr(begin, at - begin), false);
      begin = at + 1;
    } else if (ends_sentence(text, at)) {
      size_t next = at + 1;
      while (next < text.size() && (text[next] == '.' || text[next] == '!' || text[next] == '?' ||
                                    text[next] == ')' || text[next] == '"')) {
        ++next;
      }
      add_sentence(sentences, text.substr(begin, next - begin), false);
      begin = next;
      at = next - 1;
    }
  }
  add_sentence(sentences, text.substr(std::min(begin, text.size())), false);
  return sentences;
}

base::Result<domain::Item> read_mail(reading::ReadingService& reading, const std::string& bytes,
                                     const std::string& zone, std::stop_token stop) {
  TRY_ASSIGN(const os::Descriptor file, sources::memory_file(bytes));
  reading::Request request;
  request.descriptor = file.get();
  request.length = bytes.size();
  request.name = "mail.eml";
  request.media_type = "message/rfc822";
  request.path = "mail.eml";
  request.owner_zone = zone;
  request.horizon_begin = base::Clock::now() - 400 * base::one_day;
  request.horizon_end = base::Clock::now() + 400 * base::one_day;
  request.details = true;
  TRY_ASSIGN(reading::Reading read, reading.read(request, std::move(stop)));
  if (read.items.empty()) {
    return base::fail(base::ErrorKind::corrupt, "mail.unreadable", {{"name", ""}});
  }
  return std::move(read.items.front());
}

Mail make_mail(const domain::Item& item) {
  Mail mail;
  mail.id = item.external_id;
  mail.subject = item.title;
  for (const domain::Person& person : item.people) {
    if (person.role == PersonRole::from && mail.from.address.empty()) mail.from = person;
    if (person.role == PersonRole::to) mail.to.push_back(person);
    if (person.role == PersonRole::cc || person.role == PersonRole::bcc) mail.cc.push_back(person);
    if (person.role == PersonRole::reply_to) mail.reply_to.push_back(person);
  }
  if (item.when) {
    if (const auto* instant = std::get_if<domain::Instant>(&*item.when)) mail.sent = instant->time;
  }
  if (item.mail) mail.details = *item.mail;
  mail.references = item.references;
  const std::string subject = base::lower_ascii(base::trim(item.title));
  for (const std::string_view start : {"fwd:", "fw:", "rv:", "reenv:"}) {
    mail.forwarded = mail.forwarded || subject.starts_with(start);
  }
  for (const domain::TextPart& part : item.parts) {
    if (part.role != domain::PartRole::body) continue;
    mail.html = mail.html || part.media_type == "text/html";
    for (const domain::Segment& segment : part.segments) {
      std::string_view text =
          std::string_view(part.text).substr(segment.begin, segment.end - segment.begin);
      switch (segment.kind) {
        case SegmentKind::quoted:
          mail.quoted += text;
          mail.quoted += "\n\n";
          break;
        case SegmentKind::signature:
          mail.signature += text;
          mail.signature += "\n";
          break;
        case SegmentKind::boilerplate:
          mail.boilerplate += text;
          mail.boilerplate += "\n\n";
          break;
        default: {
          if (mail.text.size() >= longest_text) break;
          text = base::cut_utf8(text, longest_text - mail.text.size());
          const bool lines =
              segment.kind == SegmentKind::list || segment.kind == SegmentKind::table;
          std::vector<Sentence> found = sentences_of(text, lines);
          if (segment.kind == SegmentKind::heading) {
            for (Sentence& sentence : found) sentence.heading = true;
          }
          std::move(found.begin(), found.end(), std::back_inserter(mail.sentences));
          mail.text += text;
          mail.text += "\n\n";
        }
      }
    }
  }
  mail.text = std::string(base::trim(mail.text));
  mail.folded = phrase_text(mail.subject) + "|" + phrase_text(mail.text);
  mail.language = base::detect_language(
      mail.subject + "\n" + mail.text,
      item.language == "es" ? base::Language::spanish : base::Language::english);
  return mail;
}

void complete(Mailbox& mailbox, const MailboxOptions& options) {
  Owner& owner = mailbox.owner;
  for (const std::string& address : options.me) owner.addresses.insert(base::lower_ascii(address));
  if (owner.addresses.empty()) owner.addresses = infer_owner(mailbox.mails);
  const auto learn_name = [&](const domain::Person& person) {
    if (!owner.is(person.address) || person.name.empty()) return;
    for (const base::Word& word : base::words(person.name)) {
      std::string name =
          base::fold(std::string_view(person.name).substr(word.begin, word.end - word.begin));
      if (name.size() > 2) owner.names.insert(std::move(name));
    }
  };
  int spanish = 0, english = 0, spanish_received = 0, english_received = 0;
  for (Mail& mail : mailbox.mails) {
    mail.mine = owner.is(mail.from.address);
    // A mail in the owner's name that claims to come from outside is no mail of theirs: one that
    // failed the checks of the receiving server.
    if (mail.mine) {
      const std::string checks = base::lower_ascii(mail.header("authentication-results"));
      if (checks.find("dmarc=fail") != std::string::npos ||
          checks.find("spf=fail") != std::string::npos) {
        mail.mine = false;
      }
    }
    learn_name(mail.from);
    for (const domain::Person& person : mail.to) learn_name(person);
    const bool is_spanish = mail.language == base::Language::spanish;
    (mail.mine ? (is_spanish ? spanish : english)
               : (is_spanish ? spanish_received : english_received)) += 1;
  }
  for (const std::string& address : owner.addresses) {
    const std::string local = address.substr(0, address.find('@'));
    for (const base::Word& word : base::words(local)) {
      const std::string name = base::fold(local.substr(word.begin, word.end - word.begin));
      if (name.size() > 3 && name != "info" && name != "mail" && name != "correo") {
        owner.names.insert(name);
      }
    }
  }
  if (options.language) {
    owner.language = *options.language;
  } else if (spanish + english > 0) {
    owner.language = spanish >= english ? base::Language::spanish : base::Language::english;
  } else {
    owner.language =
        spanish_received >= english_received ? base::Language::spanish : base::Language::english;
  }
  owner.zone = options.zone.empty() ? infer_zone(mailbox, options) : options.zone;
  mailbox.now = options.now.value_or(base::Clock::now());
  number_threads(mailbox.mails);
}

Result<Mailbox> read_mailbox(const MailboxOptions& options, std::stop_token stop) {
  TRY_ASSIGN(const os::Descriptor file, os::open_read(options.path));
  TRY_ASSIGN(const auto scan, sources::mbox::scan(file.get(), options.path, 0, 1, stop));
  TRY_ASSIGN(const auto reading, reading::ReadingService::start(
                                     {.worker_program = options.reader_program, .workers = 1}));
  Mailbox mailbox;
  for (const sources::mbox::Mail& found : scan.mails) {
    if (stop.stop_requested()) {
      return base::fail(base::ErrorKind::cancelled, "cancelled");
    }
    if (found.internal || found.expunged || (found.cut_off && !found.headers_end)) continue;
    const auto read = [&]() -> base::Result<Mail> {
      if (found.end - found.begin > largest_mail) {
        return base::fail(base::ErrorKind::unsupported, "source.too_large",
                          {{"path", options.path},
                           {"megabytes", std::to_string((found.end - found.begin) >> 20)}});
      }
      TRY_ASSIGN(auto bytes, sources::read_range(file.get(), found.begin, found.end - found.begin,
                                                 options.path));
      if (!bytes) return base::fail(base::ErrorKind::corrupt, "mail.unreadable", {{"name", ""}});
      const std::string plain = sources::mbox::unquote(std::move(*bytes));
      TRY_ASSIGN(const domain::Item item,
                 read_mail(*reading, plain,
                           options.zone.empty() ? base::Clock::zone() : options.zone, stop));
      return make_mail(item);
    }();
    if (read) {
      mailbox.mails.push_back(std::move(*read));
    } else {
      mailbox.unreadable.push_back(read.error().code);
    }
  }
  if (options.only_before_now) {
    const base::Microseconds now = options.now.value_or(base::Clock::now());
    std::erase_if(mailbox.mails, [&](const Mail& mail) { return mail.sent && *mail.sent > now; });
  }
  complete(mailbox, options);
  return mailbox;
}

}  // namespace lar::assistant
