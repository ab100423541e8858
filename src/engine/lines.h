// The order in which calls reach the engines of this machine, as a table without threads or clocks:
// what happened goes in, who is served and who must step back comes out. Scheduler (scheduler.h)
// puts threads around it.
//
// One lane per engine, with room for as many calls as it works on side by side. A call of a higher
// class goes before those of lower ones, in its own lane and, since the engines share one machine,
// in all: while a person's call runs or waits anywhere, nothing proactive or in the background is
// begun, and what runs of it steps back. Within a class the clients take turns, each with its own
// calls in order.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace lar::engine {

class Lines {
 public:
  using Ticket = std::uint64_t;

  void add_lane(Role lane, int capacity, int most_waiting);

  void set_capacity(Role lane, int capacity) { lanes_.at(lane).capacity = capacity; }
  int capacity(Role lane) const { return lanes_.at(lane).capacity; }

  // Joins the line; 0 where as many wait before it as may. What waits behind a call of this class
  // does not count, nor what has stepped back: a person is not sent away for what would let her
  // pass. Nor does one client's crowd send away another: each has places of its own.
  Ticket arrive(Role lane, const Caller& caller);
  // A call that waits gives up, or one that runs has ended.
  void leave(Ticket ticket);
  // A call that runs has stopped on demand and waits again, before the other calls of its client.
  void step_back(Ticket ticket);

  // Who is served next, in every lane that has room: now they run.
  std::vector<Ticket> serve();
  // Those that run and shall step back because of others.
  std::vector<Ticket> in_the_way() const;

  // A held lane serves nobody; those that run go on.
  void hold(Role lane, bool held);
  bool held(Role lane) const { return lanes_.at(lane).held; }
  // A paused lane begins no call, and that is all: nobody steps back or is held up because of it.
  void pause(Role lane, bool paused) { lanes_.at(lane).paused = paused; }
  // While hushed only interactive calls are begun, and what runs of the others steps back.
  void hush(bool hushed) { hushed_ += hushed ? 1 : -1; }
  // Those that run no longer take up the room of the lane: their engine is being replaced.
  void detach(Role lane);

  // How many will have been begun once this one is, by the present order: 0 for one that runs.
  int position(Ticket ticket) const;
  int running(Role lane) const;
  int waiting(Role lane) const;
  // Of those that wait, the ones that would go before a new call of that class (or are of the same
  // class), without what has stepped back; of one client or of all.
  int waiting_before(Role lane, Urgency urgency, const std::string* client = nullptr) const;
  // Those that run, then those that wait, in the order in which they will be served.
  std::vector<WaitingCall> calls(Role lane) const;

 private:
  struct Turn {
    std::string client;
    std::deque<Ticket> tickets;
  };
  // Clients in the order of their turns.
  using Line = std::list<Turn>;
  struct Lane {
    int capacity = 1;
    int most_waiting = 0;
    bool held = false;
    bool paused = false;
    std::map<Urgency, Line> lines;
  };
  struct Call {
    Role lane = Role::chat;
    Caller caller;
    bool runs = false;
    bool detached = false;
    bool stepped_back = false;
  };

  void line_up(Ticket ticket, bool first);
  bool somebody_above(Urgency urgency) const;
  std::vector<Ticket> order(const Lane& lane) const;
  static Ticket take_next(Line& line);

  Ticket last_ = 0;
  int hushed_ = 0;
  std::map<Role, Lane> lanes_;
  std::map<Ticket, Call> calls_;
};

}  // namespace lar::engine
