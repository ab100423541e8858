// Internet mail (RFC 5322, MIME RFC 2045-2049) by GMime. One mail is one item: a part with its
// header lines, its body, and its attachments read by their own readers. Whatever of a broken mail
// can be read is given, with a notice. Runs inside lar-read; GMime keeps no state between calls.
#include <fmt/format.h>
#include <gmime/gmime.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "base/text.h"
#include "domain/unseen.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

using domain::Item;
using domain::PartRole;
using domain::Person;
using domain::PersonRole;
using domain::Segment;
using domain::SegmentKind;
using domain::TextPart;

constexpr int deepest_nesting = 24;
constexpr size_t most_parts = 200;
constexpr size_t most_people = 300;
constexpr size_t longest_title = 500;
constexpr size_t most_body_bytes = 8u << 20;

template <typename T>
struct Unref {
  void operator()(T* object) const { g_object_unref(object); }
};
template <typename T>
using Object = std::unique_ptr<T, Unref<T>>;

std::string text_of(const char* value) {
  return value == nullptr ? std::string() : base::collapse_spaces(base::clean_utf8(value));
}

void add_notice(Item& item, const std::string& code,
                std::vector<std::pair<std::string, std::string>> parameters = {}) {
  for (const domain::Notice& notice : item.notices) {
    if (notice.code == code && notice.parameters == parameters) return;
  }
  if (item.notices.size() < 50) item.notices.push_back({code, std::move(parameters)});
}

// Content of a leaf with its transfer encoding undone.
std::string decoded_bytes(GMimePart* part) {
  GMimeDataWrapper* content = g_mime_part_get_content(part);
  if (content == nullptr) return {};
  const Object<GMimeStream> stream(g_mime_stream_mem_new());
  g_mime_data_wrapper_write_to_stream(content, stream.get());
  const GByteArray* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream.get()));
  return {reinterpret_cast<const char*>(bytes->data), bytes->len};
}

// Base64 comes in groups of four; a remainder means that the end is missing.
bool base64_is_cut(GMimePart* part) {
  if (g_mime_part_get_content_encoding(part) != GMIME_CONTENT_ENCODING_BASE64) return false;
  GMimeDataWrapper* content = g_mime_part_get_content(part);
  GMimeStream* stream = content == nullptr ? nullptr : g_mime_data_wrapper_get_stream(content);
  if (stream == nullptr) return false;
  g_mime_stream_reset(stream);
  size_t signs = 0;
  char buffer[4096];
  for (ssize_t count; (count = g_mime_stream_read(stream, buffer, sizeof buffer)) > 0;) {
    for (ssize_t index = 0; index < count; ++index) {
      const char c = buffer[index];
      signs += (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '+' || c == '/' || c == '='
                   ? 1U
                   : 0U;
    }
  }
  g_mime_stream_reset(stream);
  return signs % 4 != 0;
}

// GMime loses what follows padding when two base64 words (RFC 2047) of one charset stand side by
// side: such neighbours are made one word, which is what they mean.
std::string join_encoded_words(std::string_view bytes) {
  constexpr int most_joins = 5000;
  constexpr size_t longest_word = 2000;
  std::string text(bytes);
  const auto word_at = [&](size_t start, size_t& content, size_t& end, std::string& charset) {
    if (text.compare(start, 2, "=?") != 0) return false;
    const size_t mark = text.find('?', start + 2);
    if (mark == std::string::npos || mark > start + 60 || mark + 2 >= text.size()) return false;
    if ((text[mark + 1] != 'B' && text[mark + 1] != 'b') || text[mark + 2] != '?') return false;
    charset = base::lower_ascii(std::string_view(text).substr(start + 2, mark - start - 2));
    content = mark + 3;
    end = text.find("?=", content);
    return end != std::string::npos && end - start < longest_word &&
           text.find_first_of(" \t\r\n", content) > end;
  };
  const auto decode = [&](size_t begin, size_t end) {
    const std::string word = text.substr(begin, end - begin);
    gsize size = 0;
    guchar* raw = g_base64_decode(word.c_str(), &size);
    std::string result(reinterpret_cast<const char*>(raw), size);
    g_free(raw);
    return result;
  };
  int joins = 0;
  for (size_t at = 0; joins < most_joins && (at = text.find("=?=", at)) != std::string::npos;) {
    const size_t start = at == 0 ? std::string::npos : text.rfind("=?", at - 1);
    size_t content = 0;
    size_t end = 0;
    std::string charset;
    const size_t next = text.find_first_not_of(" \t\r\n", at + 3);
    size_t next_content = 0;
    size_t next_end = 0;
    std::string next_charset;
    if (start == std::string::npos || !word_at(start, content, end, charset) || end != at + 1 ||
        next == std::string::npos || next == at + 3 || next > at + 3 + 100 ||
        !word_at(next, next_content, next_end, next_charset) || charset != next_charset) {
      at += 3;
      continue;
    }
    const std::string whole = decode(content, end) + decode(next_content, next_end);
    gchar* coded = g_base64_encode(reinterpret_cast<const guchar*>(whole.data()), whole.size());
    text.replace(content, next_end - content, coded);
    g_free(coded);
    at = start;
    if (text.find("=?=", at) == std::string::npos) break;
    ++joins;
    at = content;
  }
  return text;
}

std::string parameter(GMimeObject* object, const char* name) {
  const char* value = g_mime_object_get_content_type_parameter(object, name);
  return value == nullptr ? std::string() : std::string(value);
}

// RFC 3676: lines that end in a space go on in the next one.
std::string unfold_flowed(std::string_view text, bool delete_space) {
  std::string result;
  bool joining = false;
  size_t last_depth = 0;
  for (std::string_view line : base::split(text, '\n')) {
    size_t depth = 0;
    while (depth < line.size() && line[depth] == '>') ++depth;
    std::string_view content = line.substr(depth);
    if (content.starts_with(' ')) content.remove_prefix(1);
    if (!joining || depth != last_depth) {
      if (!result.empty()) {
        while (joining && result.ends_with(' ')) result.pop_back();
        result += '\n';
      }
      if (depth > 0) result += std::string(depth, '>') + " ";
    }
    // The signature mark ends in a space and is no flowed line.
    joining = content.ends_with(' ') && content != "-- ";
    if (joining && delete_space) content.remove_suffix(1);
    result += content;
    last_depth = depth;
  }
  return result;
}

MailKind mail_kind(std::string_view subject) {
  const std::string lower = base::lower_ascii(base::trim(subject));
  for (const std::string_view start :
       {"fwd:", "fw:", "rv:", "reenv:", "reenviado:", "wg:", "tr:"}) {
    if (lower.starts_with(start)) return MailKind::forwarded;
  }
  return MailKind::ordinary;
}

// Header fields that tell who or what sent a mail, and to whom.
bool says_origin(std::string_view name) {
  static constexpr std::array<std::string_view, 26> names = {"authentication-results",
                                                             "arc-authentication-results",
                                                             "received-spf",
                                                             "auto-submitted",
                                                             "precedence",
                                                             "return-path",
                                                             "sender",
                                                             "reply-to",
                                                             "delivered-to",
                                                             "x-original-to",
                                                             "envelope-to",
                                                             "importance",
                                                             "priority",
                                                             "x-priority",
                                                             "x-msmail-priority",
                                                             "x-mailer",
                                                             "user-agent",
                                                             "feedback-id",
                                                             "x-autoreply",
                                                             "x-autorespond",
                                                             "x-auto-response-suppress",
                                                             "x-originating-ip",
                                                             "message-id",
                                                             "in-reply-to",
                                                             "date",
                                                             "x-gm-labels"};
  return std::find(names.begin(), names.end(), name) != names.end() || name.starts_with("list-") ||
         name.starts_with("x-spam") || name.starts_with("x-campaign") ||
         name.starts_with("x-mailgun") || name.starts_with("x-mc-") || name.starts_with("x-sg-") ||
         name.starts_with("x-ses-") || name == "folder" || name == "x-folder";
}

// A plain alternative that only says to look at the other one.
bool is_stub(std::string_view plain) {
  plain = base::trim(plain);
  if (plain.size() < 20) return true;
  if (plain.size() > 600) return false;
  const std::string lower = base::lower_ascii(plain);
  for (const std::string_view hint :
       {"html", "ver este correo en", "view this email", "ver en el navegador", "view in browser",
        "does not support", "no soporta", "no admite"}) {
    if (lower.find(hint) != std::string::npos) return true;
  }
  return false;
}

class MailReader {
 public:
  MailReader(const Input& input, Item& item) : input_(input), item_(item) {}

  // Parses and fills the item. False if there is no mail in the bytes.
  bool read(std::string_view bytes) {
    const Object<GMimeMessage> message = parse(bytes);
    if (!message) return false;
    read_envelope(message.get(), bytes);
    GMimeObject* root = g_mime_message_get_mime_part(message.get());
    kind_ = mail_kind(item_.title);
    const size_t headers_at = item_.parts.size();
    if (root != nullptr) {
      if (!repair(root, bytes)) {
        walk(root, GMIME_IS_MULTIPART(root) ? "" : "1", 0);
      }
    }
    if (input_.details == Details::yes) read_details(message.get());
    TextPart headers = headers_part(message.get());
    item_.parts.insert(item_.parts.begin() + static_cast<std::ptrdiff_t>(headers_at),
                       std::move(headers));
    return true;
  }

 private:
  Object<GMimeMessage> parse(std::string_view bytes) {
    const std::string joined = join_encoded_words(bytes);
    const Object<GMimeStream> stream(
        g_mime_stream_mem_new_with_buffer(joined.data(), joined.size()));
    const Object<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    g_mime_parser_set_format(parser.get(), GMIME_FORMAT_MESSAGE);
    GMimeParserOptions* options = g_mime_parser_options_new();
    g_mime_parser_options_set_warning_callback(
        options,
        [](gint64, GMimeParserWarning warning, const gchar*, gpointer data) {
          static_cast<MailReader*>(data)->warn(warning);
        },
        this);
    Object<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), options));
    g_mime_parser_options_free(options);
    if (!message) return nullptr;
    const auto* object = GMIME_OBJECT(message.get());
    for (const char* name : {"From", "Date", "Subject", "Message-Id", "To", "Received", "Sender"}) {
      if (g_mime_object_get_header(const_cast<GMimeObject*>(object), name) != nullptr) {
        return message;
      }
    }
    return nullptr;
  }

  void warn(GMimeParserWarning warning) {
    switch (warning) {
      case GMIME_WARN_MALFORMED_MULTIPART:
      case GMIME_WARN_MALFORMED_MESSAGE:
      case GMIME_CRIT_MULTIPART_WITHOUT_BOUNDARY:
      case GMIME_CRIT_INVALID_HEADER_NAME:
      case GMIME_CRIT_PART_WITHOUT_HEADERS_OR_CONTENT:
        add_notice(item_, "mail.malformed");
        break;
      case GMIME_WARN_TRUNCATED_MESSAGE:
        add_notice(item_, "mail.truncated");
        break;
      case GMIME_CRIT_NESTING_OVERFLOW:
        add_notice(item_, "mail.too_deep");
        break;
      default:
        break;
    }
  }

  void read_envelope(GMimeMessage* message, std::string_view bytes) {
    item_.kind = domain::ItemKind::mail;
    item_.origin = domain::Origin::stranger;
    item_.title =
        std::string(base::cut_utf8(text_of(g_mime_message_get_subject(message)), longest_title));
    const char* id = g_mime_message_get_message_id(message);
    item_.external_id = id == nullptr ? std::string() : base::clean_utf8(base::trim(id));
    if (item_.external_id.empty() || item_.external_id.size() > 900) {
      item_.external_id = "sha256:" + sha256_hex(bytes);
    }
    add_people(g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_FROM), PersonRole::from);
    add_people(g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_TO), PersonRole::to);
    add_people(g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_CC), PersonRole::cc);
    add_people(g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_BCC), PersonRole::bcc);
    add_people(g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_REPLY_TO),
               PersonRole::reply_to);
    read_date(message);
    GMimeObject* object = GMIME_OBJECT(message);
    add_references(g_mime_object_get_header(object, "References"));
    add_references(g_mime_object_get_header(object, "In-Reply-To"));
  }

  void add_people(InternetAddressList* list, PersonRole role, int depth = 0) {
    if (list == nullptr || depth > 3) return;
    const int length = internet_address_list_length(list);
    for (int index = 0; index < length && item_.people.size() < most_people; ++index) {
      InternetAddress* address = internet_address_list_get_address(list, index);
      if (INTERNET_ADDRESS_IS_GROUP(address)) {
        add_people(internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address)), role,
                   depth + 1);
        continue;
      }
      Person person;
      person.role = role;
      person.name = text_of(internet_address_get_name(address));
      person.address = base::lower_ascii(
          text_of(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address))));
      // Reply-To only matters where it differs.
      if (role == PersonRole::reply_to &&
          std::any_of(item_.people.begin(), item_.people.end(), [&](const Person& other) {
            return other.role == PersonRole::from && other.address == person.address;
          })) {
        continue;
      }
      if (!person.name.empty() || !person.address.empty()) {
        item_.people.push_back(std::move(person));
      }
    }
  }

  void add_references(const char* header) {
    if (header == nullptr) return;
    GMimeReferences* references = g_mime_references_parse(nullptr, header);
    if (references == nullptr) return;
    const int length = g_mime_references_length(references);
    // The newest hundred of a long thread are enough to find the rest.
    for (int index = std::max(0, length - 100); index < length; ++index) {
      const std::string id = text_of(g_mime_references_get_message_id(references, index));
      if (id.empty() || id.size() > 900) continue;
      const auto known = std::find(item_.references.begin(), item_.references.end(), id);
      if (known == item_.references.end()) item_.references.push_back(id);
    }
    g_mime_references_free(references);
  }

  // Date, or the last Received where that is absent or impossible.
  void read_date(GMimeMessage* message) {
    std::optional<gint64> received;
    GMimeHeaderList* headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
    for (int index = 0; index < g_mime_header_list_get_count(headers); ++index) {
      GMimeHeader* header = g_mime_header_list_get_header_at(headers, index);
      if (g_ascii_strcasecmp(g_mime_header_get_name(header), "Received") != 0) continue;
      const char* value = g_mime_header_get_value(header);
      const char* semicolon = value == nullptr ? nullptr : strrchr(value, ';');
      if (semicolon == nullptr) continue;
      if (GDateTime* date = g_mime_utils_header_decode_date(semicolon + 1)) {
        received = g_date_time_to_unix(date);
        g_date_time_unref(date);
        break;
      }
    }
    if (received) details_.received = *received * base::one_second;
    constexpr gint64 day = 86'400;
    constexpr gint64 first_mail = 31'536'000;    // 1971
    constexpr gint64 last_mail = 4'102'444'800;  // 2100
    std::optional<gint64> sent;
    const bool stated = g_mime_object_get_header(GMIME_OBJECT(message), "Date") != nullptr;
    if (GDateTime* date = stated ? g_mime_message_get_date(message) : nullptr) {
      sent = g_date_time_to_unix(date);
    }
    const bool possible =
        sent && *sent >= first_mail && *sent <= last_mail &&
        (!received || (*sent <= *received + 2 * day && *sent >= *received - 5 * 365 * day));
    if (!possible) {
      add_notice(item_, stated ? "mail.wrong_date" : "mail.no_date");
      sent = received;
    }
    if (sent && *sent >= first_mail && *sent <= last_mail) {
      item_.when = domain::Instant{*sent * base::one_second, "UTC"};
    }
  }

  void read_details(GMimeMessage* message) {
    constexpr size_t most_headers = 60;
    constexpr size_t longest_value = 1000;
    GMimeHeaderList* list = g_mime_object_get_header_list(GMIME_OBJECT(message));
    for (int index = 0; index < g_mime_header_list_get_count(list); ++index) {
      GMimeHeader* header = g_mime_header_list_get_header_at(list, index);
      const std::string name = base::lower_ascii(g_mime_header_get_name(header));
      if (details_.headers.size() >= most_headers || !says_origin(name)) continue;
      const std::string value = text_of(g_mime_header_get_value(header));
      details_.headers.emplace_back(base::clean_utf8(name),
                                    std::string(base::cut_utf8(value, longest_value)));
    }
    item_.mail = std::move(details_);
  }

  TextPart headers_part(GMimeMessage*) const {
    std::string text;
    const auto people = [&](std::string_view label, PersonRole role) {
      std::string line;
      int count = 0;
      for (const Person& person : item_.people) {
        if (person.role != role) continue;
        if (++count > 25) continue;
        if (!line.empty()) line += ", ";
        line += person.name.empty()      ? person.address
                : person.address.empty() ? person.name
                                         : person.name + " <" + person.address + ">";
      }
      if (line.empty()) return;
      if (count > 25) line += fmt::format(", + {}", count - 25);
      text += fmt::format("{}: {}\n", label, line);
    };
    people("From", PersonRole::from);
    people("To", PersonRole::to);
    people("Cc", PersonRole::cc);
    people("Reply-To", PersonRole::reply_to);
    if (item_.when) {
      const base::LocalTime local =
          base::to_local(std::get<domain::Instant>(*item_.when).time, input_.owner_zone);
      text += fmt::format("Date: {}, {:02}:{:02} ({})\n", spell_date(local.date), local.hour,
                          local.minute, input_.owner_zone);
    }
    if (!item_.title.empty()) text += fmt::format("Subject: {}\n", item_.title);
    if (!attachments_.empty()) {
      std::string names;
      for (const std::string& name : attachments_) names += (names.empty() ? "" : ", ") + name;
      text += fmt::format("Attachments: {}\n", names);
    }
    TextPart part;
    part.id = "h";
    part.media_type = "text/rfc822-headers";
    part.role = PartRole::headers;
    part.text = base::clean_utf8(base::trim(text));
    if (!part.text.empty()) {
      part.segments.push_back({SegmentKind::text, 0, part.text.size(), 0, 0, std::nullopt});
    }
    return part;
  }

  // A multipart whose boundary does not occur: find the one that does, or take the text as it is.
  // True if the body has been read that way.
  bool repair(GMimeObject* root, std::string_view bytes) {
    if (!GMIME_IS_MULTIPART(root) || repaired_) return false;
    if (g_mime_multipart_get_count(GMIME_MULTIPART(root)) > 0) return false;
    size_t body_at = bytes.find("\n\n");
    const size_t with_returns = bytes.find("\r\n\r\n");
    if (with_returns < body_at) body_at = with_returns + 2;
    if (body_at == std::string_view::npos) return false;
    const std::string_view body = bytes.substr(body_at + 2);
    add_notice(item_, "mail.malformed");
    repaired_ = true;
    for (size_t at = 0; (at = body.find("--", at)) != std::string_view::npos; at += 2) {
      if (at > 0 && body[at - 1] != '\n') continue;
      const size_t end = std::min(body.find('\n', at), body.size());
      const std::string boundary(base::trim(body.substr(at + 2, end - at - 2)));
      const std::string next = base::lower_ascii(body.substr(std::min(end + 1, body.size()), 8));
      if (boundary.empty() || boundary.size() > 200 || next != "content-" ||
          boundary.find('"') != std::string::npos) {
        continue;
      }
      const char* subtype =
          g_mime_content_type_get_media_subtype(g_mime_object_get_content_type(root));
      const std::string again =
          fmt::format("From: x\nContent-Type: multipart/{}; boundary=\"{}\"\n\n",
                      subtype == nullptr ? "mixed" : subtype, boundary) +
          std::string(body);
      const Object<GMimeMessage> message = parse(again);
      GMimeObject* new_root = message ? g_mime_message_get_mime_part(message.get()) : nullptr;
      if (new_root != nullptr && GMIME_IS_MULTIPART(new_root) &&
          g_mime_multipart_get_count(GMIME_MULTIPART(new_root)) > 0) {
        walk(new_root, "", 0);
        return true;
      }
      break;
    }
    add_plain(decode_text(body.substr(0, most_body_bytes), {}), "1", PartRole::body, "");
    return true;
  }

  std::string next_id(const std::string& prefix, int index) const {
    return prefix.empty() ? std::to_string(index) : prefix + "." + std::to_string(index);
  }

  void walk(GMimeObject* object, const std::string& id, int depth) {
    if (item_.parts.size() >= most_parts) {
      add_notice(item_, "mail.too_many_parts");
      return;
    }
    if (depth > deepest_nesting) {
      add_notice(item_, "mail.too_deep");
      return;
    }
    if (GMIME_IS_MULTIPART(object)) {
      walk_multipart(GMIME_MULTIPART(object), id, depth);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
      walk_message(GMIME_MESSAGE_PART(object), id, depth);
    } else if (GMIME_IS_PART(object)) {
      leaf(GMIME_PART(object), id);
    }
  }

  void walk_multipart(GMimeMultipart* multipart, const std::string& id, int depth) {
    const int count = std::min(g_mime_multipart_get_count(multipart), 500);
    const char* subtype_text = g_mime_content_type_get_media_subtype(
        g_mime_object_get_content_type(GMIME_OBJECT(multipart)));
    const std::string subtype = base::lower_ascii(subtype_text == nullptr ? "mixed" : subtype_text);
    if (subtype == "encrypted") {
      add_notice(item_, "mail.encrypted");
      return;
    }
    if (subtype == "alternative") {
      walk_alternative(multipart, count, id, depth);
      return;
    }
    for (int index = 0; index < count; ++index) {
      GMimeObject* child = g_mime_multipart_get_part(multipart, index);
      // The signature of a signed mail says nothing readable.
      if (subtype == "signed" && index > 0) break;
      walk(child, next_id(id, index + 1), depth + 1);
    }
  }

  // The leaf of a type inside an alternative, which may sit in a multipart/related.
  static GMimePart* find_leaf(GMimeObject* object, const char* subtype, int depth = 0) {
    if (GMIME_IS_PART(object)) {
      const bool fits = g_mime_content_type_is_type(g_mime_object_get_content_type(object), "text",
                                                    subtype) != FALSE;
      return fits ? GMIME_PART(object) : nullptr;
    }
    if (!GMIME_IS_MULTIPART(object) || depth > 3) return nullptr;
    const int count = std::min(g_mime_multipart_get_count(GMIME_MULTIPART(object)), 20);
    for (int index = 0; index < count; ++index) {
      GMimePart* found =
          find_leaf(g_mime_multipart_get_part(GMIME_MULTIPART(object), index), subtype, depth + 1);
      if (found != nullptr) return found;
    }
    return nullptr;
  }

  void walk_alternative(GMimeMultipart* multipart, int count, const std::string& id, int depth) {
    int plain = -1;
    int html = -1;
    for (int index = 0; index < count; ++index) {
      GMimeObject* child = g_mime_multipart_get_part(multipart, index);
      if (plain < 0 && find_leaf(child, "plain") != nullptr &&
          find_leaf(child, "html") == nullptr) {
        plain = index;
      } else if (find_leaf(child, "html") != nullptr) {
        html = index;
      }
    }
    int chosen = plain >= 0 ? plain : html;
    if (plain >= 0 && html >= 0) {
      GMimePart* leaf = find_leaf(g_mime_multipart_get_part(multipart, plain), "plain");
      const std::string text =
          decode_text(decoded_bytes(leaf), parameter(GMIME_OBJECT(leaf), "charset"));
      if (is_stub(text)) {
        chosen = html;
      } else if (text.size() < 400) {
        GMimePart* rich = find_leaf(g_mime_multipart_get_part(multipart, html), "html");
        const HtmlText read =
            read_html(decoded_bytes(rich), parameter(GMIME_OBJECT(rich), "charset"), HtmlUse::mail);
        if (read.part.text.size() > 4 * text.size() + 200) chosen = html;
      }
    }
    if (input_.details == Details::yes && html >= 0 && chosen != html) {
      GMimePart* rich = find_leaf(g_mime_multipart_get_part(multipart, html), "html");
      add_links(
          read_html(decoded_bytes(rich), parameter(GMIME_OBJECT(rich), "charset"), HtmlUse::mail));
    }
    for (int index = 0; index < count; ++index) {
      GMimeObject* child = g_mime_multipart_get_part(multipart, index);
      // Beside the texts an alternative may hold an invitation, which says more than either.
      const bool text = index == plain || index == html || find_leaf(child, "plain") != nullptr ||
                        find_leaf(child, "html") != nullptr;
      if (text && index != chosen) continue;
      walk(child, next_id(id, index + 1), depth + 1);
    }
  }

  void add_links(HtmlText html) {
    constexpr size_t most_links = 200;
    for (domain::Link& link : html.links) {
      if (details_.links.size() < most_links) details_.links.push_back(std::move(link));
    }
    const bool known =
        std::any_of(details_.headers.begin(), details_.headers.end(),
                    [](const auto& header) { return header.first == domain::unseen_text; });
    if (!html.hidden.empty() && !known) {
      details_.headers.emplace_back(domain::unseen_text, std::move(html.hidden));
    }
  }

  void walk_message(GMimeMessagePart* holder, const std::string& id, int depth) {
    GMimeMessage* message = g_mime_message_part_get_message(holder);
    if (message == nullptr) return;
    if (++messages_ > 20) {
      add_notice(item_, "mail.too_deep");
      return;
    }
    // Read like a mail of its own, then its parts become attachments of this one.
    Item inner;
    MailReader reader(input_, inner);
    reader.messages_ = messages_;
    inner.external_id = "x";
    reader.read_envelope(message, {});
    inner.notices.clear();
    reader.kind_ = mail_kind(inner.title);
    GMimeObject* root = g_mime_message_get_mime_part(message);
    if (root != nullptr) {
      const bool multipart = GMIME_IS_MULTIPART(root) != 0;
      reader.walk(root, multipart ? id : next_id(id, 1), depth + 2);
    }
    messages_ = reader.messages_;
    TextPart headers = reader.headers_part(message);
    headers.id = id + ".h";
    const std::string name = inner.title.empty() ? "message.eml" : inner.title + ".eml";
    attachments_.push_back(name);
    const auto adopt = [&](TextPart part) {
      part.role = PartRole::attachment;
      if (part.name.empty()) part.name = name;
      item_.parts.push_back(std::move(part));
    };
    if (!headers.text.empty()) adopt(std::move(headers));
    for (TextPart& part : inner.parts) adopt(std::move(part));
    for (domain::Notice& notice : inner.notices) {
      add_notice(item_, notice.code, std::move(notice.parameters));
    }
  }

  void add_plain(const std::string& text, const std::string& id, PartRole role,
                 const std::string& name) {
    TextPart part;
    part.id = id;
    part.name = name;
    part.media_type = "text/plain";
    part.role = role;
    part.text = text;
    part.segments = mail_segments(part.text, kind_);
    if (!base::trim(part.text).empty()) item_.parts.push_back(std::move(part));
  }

  void leaf(GMimePart* part, const std::string& id) {
    GMimeObject* object = GMIME_OBJECT(part);
    GMimeContentType* type = g_mime_object_get_content_type(object);
    const char* main_type = g_mime_content_type_get_media_type(type);
    const char* subtype = g_mime_content_type_get_media_subtype(type);
    std::string media_type = base::lower_ascii(std::string(main_type == nullptr ? "" : main_type) +
                                               "/" + (subtype == nullptr ? "" : subtype));
    std::string name(base::cut_utf8(text_of(g_mime_part_get_filename(part)), 200));
    std::replace(name.begin(), name.end(), '/', '_');
    const bool attached = g_mime_part_is_attachment(part) != FALSE || !name.empty();
    const std::string charset = parameter(object, "charset");
    if (base64_is_cut(part)) {
      if (name.empty()) {
        add_notice(item_, "mail.truncated");
      } else {
        add_notice(item_, "mail.cut_attachment", {{"name", name}});
      }
    }
    if (!attached && (media_type == "text/plain" || media_type == "text/html")) {
      std::string bytes = decoded_bytes(part);
      if (bytes.size() > most_body_bytes) {
        bytes.resize(most_body_bytes);
        add_notice(item_, "reading.cut", {{"name", input_.name}});
      }
      if (media_type == "text/plain") {
        std::string text = decode_text(bytes, charset);
        if (base::lower_ascii(parameter(object, "format")) == "flowed") {
          text = unfold_flowed(text, base::lower_ascii(parameter(object, "delsp")) == "yes");
        }
        add_plain(text, id, PartRole::body, "");
      } else {
        HtmlText html = read_html(bytes, charset, HtmlUse::mail);
        html.part.id = id;
        mark_quotes(html.part, kind_);
        if (!html.part.text.empty()) item_.parts.push_back(std::move(html.part));
        if (input_.details == Details::yes) add_links(std::move(html));
      }
      return;
    }
    if (!name.empty()) {
      // Pictures of a layout have names, too, but nobody attached them.
      const bool inline_picture = media_type.starts_with("image/") &&
                                  g_mime_part_get_content_id(part) != nullptr &&
                                  g_mime_part_is_attachment(part) == FALSE;
      if (!inline_picture) {
        attachments_.push_back(name);
        if (details_.attachments.size() < 50) details_.attachments.push_back({name, media_type});
      }
    }
    if (media_type.starts_with("image/") || media_type.starts_with("audio/") ||
        media_type.starts_with("video/") || media_type == "application/pgp-signature" ||
        media_type == "application/pkcs7-signature") {
      return;
    }
    const std::string bytes = decoded_bytes(part);
    Input inner = input_;
    inner.bytes = bytes;
    inner.name = name;
    inner.path.clear();
    inner.modified = 0;
    inner.media_type = charset.empty() ? media_type : media_type + "; charset=" + charset;
    inner.depth = input_.depth + 1;
    if (inner.depth > 4) {
      add_notice(item_, "mail.too_deep");
      return;
    }
    const Reader* reader = find_reader(inner);
    if (reader == nullptr) return;
    auto read = reader->read(inner);
    if (!read) {
      add_notice(item_, read.error().code, read.error().parameters);
      return;
    }
    if (input_.details == Details::yes) {
      add_invitations(*read, method_of(object, bytes));
    }
    adopt_items(std::move(*read), id, name);
  }

  // What a calendar is sent for (RFC 6047, 2.4): its own METHOD, else that of the part's type;
  // empty where it is no message to anybody.
  static std::string method_of(GMimeObject* part, const std::string& bytes) {
    constexpr std::string_view name = "\nmethod:";
    const std::string head = base::lower_ascii("\n" + bytes.substr(0, 4096));
    std::string method = base::lower_ascii(base::trim(parameter(part, "method")));
    if (const size_t at = head.find(name); at != std::string::npos) {
      const size_t begin = at + name.size();
      method = base::trim(
          std::string_view(head).substr(begin, head.find_first_of("\r\n", begin) - begin));
    }
    for (char& letter : method) {
      if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 32);
    }
    return std::string(base::cut_utf8(base::clean_utf8(method), 40));
  }

  void add_invitations(const std::vector<Item>& items, const std::string& method) {
    constexpr size_t largest_object = 100'000;
    for (const Item& item : items) {
      if (item.kind != domain::ItemKind::event || !item.when) continue;
      const bool known = std::any_of(
          details_.invitations.begin(), details_.invitations.end(),
          [&](const domain::Invitation& other) { return other.uid == item.external_id; });
      if (known || details_.invitations.size() >= 20) continue;
      const std::string object = item.event ? item.event->ical : std::string();
      const bool off = method == "CANCEL" || object.find("STATUS:CANCELLED") != std::string::npos;
      details_.invitations.push_back({item.external_id, item.title, item.place, *item.when,
                                      item.end, off, method,
                                      object.size() <= largest_object ? object : std::string()});
    }
  }

  void adopt_items(std::vector<Item> items, const std::string& id, const std::string& name) {
    size_t total = 0;
    for (const Item& item : items) total += item.parts.size();
    int number = 0;
    for (Item& item : items) {
      for (TextPart& part : item.parts) {
        if (item_.parts.size() >= most_parts) {
          add_notice(item_, "mail.too_many_parts");
          return;
        }
        ++number;
        part.id = total == 1 ? id : fmt::format("{}/{}", id, number);
        if (part.role != PartRole::event && part.role != PartRole::contact) {
          part.role = PartRole::attachment;
        }
        if (part.name.empty()) part.name = name;
        item_.parts.push_back(std::move(part));
      }
      for (domain::Notice& notice : item.notices) {
        for (auto& [key, value] : notice.parameters) {
          if (key == "name") value = name;
        }
        add_notice(item_, notice.code, std::move(notice.parameters));
      }
    }
  }

  const Input& input_;
  Item& item_;
  MailKind kind_ = MailKind::ordinary;
  std::vector<std::string> attachments_;
  domain::MailDetails details_;
  bool repaired_ = false;
  int messages_ = 0;
};

base::Result<std::vector<Item>> read_mail(const Input& input) {
  static const bool started = [] {
    g_mime_init();
    return true;
  }();
  static_cast<void>(started);
  std::string_view bytes = input.bytes;
  // mbox separators sometimes survive in files and in quoted form.
  for (const std::string_view mark : {"From ", ">From "}) {
    if (!bytes.starts_with(mark)) continue;
    const size_t end = bytes.find('\n');
    bytes = end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1);
  }
  Item item;
  MailReader reader(input, item);
  if (!reader.read(bytes)) {
    return base::fail(base::ErrorKind::corrupt, "mail.unreadable", {{"name", input.name}});
  }
  // Ids are given along the tree; a repaired mail could repeat one.
  std::set<std::string> seen;
  for (TextPart& part : item.parts) {
    while (!seen.insert(part.id).second) part.id += "'";
  }
  complete(item);
  std::vector<Item> items;
  items.push_back(std::move(item));
  return items;
}

}  // namespace

Reader mime_reader() {
  return {"mime", 1, {"message/rfc822", "message/global"}, {"eml"}, &read_mail};
}

}  // namespace lar::readers
