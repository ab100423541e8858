// What the detectors look at: mails with their verdicts, facts, the calendar, birthdays, and the
// clock. Loaded once from the store; world_at() gives what was known at a moment, so that a replay
// runs through the same code as the present. Values; any thread.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "assistant/invitations.h"
#include "assistant/mailbox.h"
#include "assistant/outcome.h"
#include "store/assistant_store.h"
#include "store/store.h"

namespace lar::assistant {

// A judged mail, or a day of a chat, with what its detail says. Of a chat the people have no
// addresses, `from` is nobody in particular, and its facts tell whose words they are.
struct KnownMail {
  base::Id item;
  domain::ItemKind kind = domain::ItemKind::mail;
  std::string message_id;
  std::string thread;
  std::string subject;
  domain::Person from;
  std::vector<domain::Person> to;
  base::Microseconds sent = 0;  // store::Verdict::came: the sender's clock may be wrong
  domain::Origin origin = domain::Origin::stranger;
  bool mine = false;
  bool person = false;  // written by somebody under their own name
  bool automatic = false;
  bool moves = false, cancels = false, fulfils = false;
  Outcome outcome;
  std::string priority, suspicious, summary;
  double urgency = 0;
  bool personal = false;
  std::vector<std::pair<std::string, base::Parameters>> reasons;  // triage.reason.CODE
  std::string language;
  std::vector<KnownInvitation> invitations;  // to the owner
};

// An event of the calendar that takes place once.
struct Meeting {
  base::Id item;
  std::string external_id;
  std::string title;
  std::string place;
  base::Microseconds starts = 0;
  base::Microseconds ends = 0;
  bool all_day = false;
  std::vector<domain::Person> people;  // without the owner
  std::string occurrence;              // of a series, which (domain::Occurrence::recurrence_id)
  // Neither takes the owner's time: marked as free (TRANSP), or declined by them (PARTSTAT).
  bool free = false, declined = false;
};

// What the address book says that somebody is: "arquitecta, Estudio Robles".
using Roles = std::map<std::string, std::string>;  // by address

struct KnownDocument {
  base::Id item;
  std::string external_id;
  std::string title;
};

struct Birthday {
  base::Id item;
  std::string name;
  std::string address;
  int month = 0, day = 0;
  int year = 0;  // 0: not known
};

struct Knowledge {
  Owner owner;
  std::vector<KnownMail> mails;  // oldest first
  std::vector<store::Fact> facts;
  std::vector<Meeting> meetings;  // in order
  std::vector<Birthday> birthdays;
  InvitedEvents invited;  // what the calendar holds of the mails' invitations
  Roles roles;
  std::vector<KnownDocument> documents;  // that may belong to the next meetings
};

// Mails of [from, …) with those before that still matter in [from, to), the calendar of [from, to).
base::Result<Knowledge> load_knowledge(store::Store& store, base::Microseconds from,
                                       base::Microseconds to);

// Values that lie elsewhere, seen as if they stood here one after the other: a moment's world
// copies no mail.
template <typename Value>
class Seen {
 public:
  class iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using pointer = const Value*;
    using reference = const Value&;
    iterator() = default;
    explicit iterator(const Value* const* at) : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return *at_; }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    iterator operator++(int) { return iterator(at_++); }
    iterator& operator--() {
      --at_;
      return *this;
    }
    iterator operator--(int) { return iterator(at_--); }
    bool operator==(const iterator&) const = default;

   private:
    const Value* const* at_ = nullptr;
  };

  Seen() = default;
  Seen(const Value* const* first, size_t size) : first_(first), size_(size) {}
  iterator begin() const { return iterator(first_); }
  iterator end() const { return iterator(first_ + size_); }
  std::reverse_iterator<iterator> rbegin() const { return std::reverse_iterator(end()); }
  std::reverse_iterator<iterator> rend() const { return std::reverse_iterator(begin()); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Value& operator[](size_t index) const { return *first_[index]; }

 private:
  const Value* const* first_ = nullptr;
  size_t size_ = 0;
};

class Timeline;

// What is known at `now`. Belongs to the knowledge it was made of, which must outlive it unchanged.
struct World {
  base::Microseconds now = 0;
  base::Date today;
  const Owner& owner;
  Seen<KnownMail> mails;    // oldest first
  Seen<store::Fact> facts;  // with the state they have at `now`
  const std::vector<Meeting>& meetings;
  const std::vector<Birthday>& birthdays;
  const InvitedEvents& invited;
  const Roles& roles;
  const std::vector<KnownDocument>& documents;

  const KnownMail* mail(const base::Id& item) const;
  std::vector<const KnownMail*> thread(const std::string& name) const;  // oldest first
  base::Date day_of(base::Microseconds moment) const;
  int days_to(base::Microseconds moment) const;  // 0 today, 1 tomorrow, -1 yesterday

  World(World&&) = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  World& operator=(World&&) = delete;
  ~World() = default;

 private:
  friend class Timeline;
  struct Index;  // of all mails, whenever they came
  World(const Knowledge& knowledge, base::Microseconds moment);
  std::shared_ptr<const Index> index_;
  std::vector<const store::Fact*> all_facts_;
  std::vector<std::shared_ptr<const std::vector<store::Fact>>> of_threads_;  // where they lie
};

// Worlds of one knowledge at many moments: mails are put in order once, and a thread's facts are
// merged anew only where one of its mails has come in between. One thread.
class Timeline {
 public:
  explicit Timeline(const Knowledge& knowledge);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;
  World at(base::Microseconds now);

 private:
  struct Thread;
  const Knowledge& knowledge_;
  std::shared_ptr<World::Index> index_;
  std::vector<Thread> threads_;  // those with facts
};
World world_at(const Knowledge& knowledge, base::Microseconds now);

}  // namespace lar::assistant
