// The values everything in lar speaks in: items, their text parts, passages with locators, people,
// times and origin labels. Plain values, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/id.h"

namespace lar::domain {

enum class ItemKind { mail, event, task, contact, message, document, meeting, note };
std::string_view name_of(ItemKind kind);  // "mail", "event" …
std::optional<ItemKind> item_kind_from(std::string_view name);

// Where bytes came from; the least trusted part decides for a whole. Ordered from trusted to not.
enum class Origin { owner, own_data, known_contact, model, stranger, web };
std::string_view name_of(Origin origin);
std::optional<Origin> origin_from(std::string_view name);

enum class PersonRole { from, to, cc, bcc, reply_to, organizer, attendee, subject };
std::string_view name_of(PersonRole role);
std::optional<PersonRole> person_role_from(std::string_view name);

struct Person {
  PersonRole role = PersonRole::from;
  std::string name;     // may be empty
  std::string address;  // e-mail address in lower case; may be empty
};

// A moment: UTC microseconds and the IANA zone it was stated in ("UTC" where none was).
struct Instant {
  base::Microseconds time = 0;
  std::string zone = "UTC";
};
// A whole day, in no particular zone.
struct AllDay {
  base::Date date;
};
// A wall-clock reading that means the reader's own zone (RFC 5545, form 1).
struct Floating {
  base::LocalTime local;
};
using When = std::variant<Instant, AllDay, Floating>;
// The moment `when` begins for somebody in `zone`: for sorting and filtering.
base::Microseconds begins_at(const When& when, std::string_view zone);
// RFC 3339, "2026-05-14", or "2026-05-14T09:30:00" without offset.
std::string format(const When& when);

// How a stretch of text is meant; search weighs it and the page shows it.
enum class SegmentKind { text, heading, list, table, quoted, signature, boilerplate };
std::string_view name_of(SegmentKind kind);
std::optional<SegmentKind> segment_kind_from(std::string_view name);

// Points (1/72 inch) from the page's top left corner.
struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

// A contiguous stretch [begin, end) of a part's text, in bytes of UTF-8.
struct Segment {
  SegmentKind kind = SegmentKind::text;
  std::size_t begin = 0;
  std::size_t end = 0;
  int page = 0;            // 1-based; 0 where there are no pages
  int line = 0;            // 1-based line of the original file; 0 where that means nothing
  std::optional<Box> box;  // on that page
};

enum class PartRole { headers, body, attachment, event, contact };
std::string_view name_of(PartRole role);
std::optional<PartRole> part_role_from(std::string_view name);

// One readable unit of an item: the body of a mail, one attachment, a whole document.
struct TextPart {
  std::string id;          // unique in the item: MIME part number ("1", "2.1"), "1" for documents
  std::string name;        // file name of an attachment, else empty
  std::string media_type;  // "text/plain"
  PartRole role = PartRole::body;
  std::string text;               // clean UTF-8 (base::clean_utf8)
  std::vector<Segment> segments;  // in order, not overlapping
};

// Where in an item a piece of text lies, so that it can be shown and checked again.
struct Locator {
  std::string part;       // TextPart::id
  std::size_t begin = 0;  // [begin, end) bytes of TextPart::text
  std::size_t end = 0;
  int page = 0;
  int line = 0;
  std::optional<Box> box;
};

// A piece of an item's text sized for retrieval (about 300 to 1,100 bytes).
struct Passage {
  SegmentKind kind = SegmentKind::text;  // quoted and signature passages rank lower
  Locator locator;
  std::string text;  // exactly TextPart::text[begin, end)
};

// How an event repeats; enough to expand occurrences again at any time.
struct EventTimes {
  When start;
  std::optional<When> end;
  std::string ical;  // the VEVENTs of this UID with their VTIMEZONEs, as one VCALENDAR text
};
// One occurrence of an event (RFC 5545); recurrence_id is the original start as text.
struct Occurrence {
  std::string recurrence_id;
  When start;
  std::optional<When> end;
  std::string summary;  // an override may change them
  std::string location;
};

// A remark about something that could be read only in part: a code and parameters as in
// base::Error.
struct Notice {
  std::string code;
  std::vector<std::pair<std::string, std::string>> parameters;
};

// A link of a mail: what it shows and where it leads.
struct Link {
  std::string text;
  std::string target;
};
struct Attachment {
  std::string name;
  std::string media_type;
};
// An event that came with a mail.
struct Invitation {
  std::string uid;
  std::string title;
  std::string place;
  When start;
  std::optional<When> end;
  bool cancelled = false;
  std::string method;  // "REQUEST", "CANCEL", "REPLY" … (RFC 5546), upper case; empty: none
  std::string object;  // the event as one VCALENDAR text, for answering it; empty if that is huge
};
// What tells how a mail came to be; read where somebody judges it (readers::Details), not stored.
struct MailDetails {
  // Fields that say something about origin and purpose, names in lower case, in their order.
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<Link> links;  // of HTML, also where the plain text beside it is the body
  std::vector<Attachment> attachments;
  std::vector<Invitation> invitations;
  // When the last server took it in, by its clock (the first Received field).
  std::optional<base::Microseconds> received;
};

// What a reader makes of one thing found in the bytes. Not yet in the store: has no id.
struct Item {
  ItemKind kind = ItemKind::document;
  std::string external_id;  // Message-ID without <>, UID, or path relative to its source; a mail
                            // without Message-ID: "sha256:" and the hash of its bytes
  std::string title;        // subject, summary, full name, first heading or file name
  std::vector<Person> people;
  std::optional<When> when;             // sent, start, or modified
  std::optional<When> end;              // of an event
  std::string place;                    // of an event
  std::string language;                 // "en" or "es"
  std::vector<std::string> references;  // Message-IDs this one answers, oldest first, parent last
  Origin origin = Origin::own_data;
  std::optional<EventTimes> event;
  std::vector<Occurrence> occurrences;  // inside the reader's horizon, in order
  std::vector<TextPart> parts;
  std::vector<Passage> passages;
  std::vector<Notice> notices;
  std::optional<MailDetails> mail;
};

}  // namespace lar::domain
