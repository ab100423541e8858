// See lines.h. A client whose call was served goes behind the other clients that wait; one that
// has nothing waiting leaves the round and joins it again at its end.
#include "engine/lines.h"

#include <algorithm>

namespace lar::engine {
namespace {

// Of the places in a line, those that every client has besides: clients are few, since each has a
// key of the owner's.
constexpr int share_of_client = 8;

}  // namespace

void Lines::add_lane(Role lane, int capacity, int most_waiting) {
  lanes_[lane].capacity = capacity;
  lanes_[lane].most_waiting = most_waiting;
}

Lines::Ticket Lines::arrive(Role lane, const Caller& caller) {
  const int most = lanes_.at(lane).most_waiting;
  if (waiting_before(lane, caller.urgency) >= most &&
      waiting_before(lane, caller.urgency, &caller.client) >= std::max(1, most / share_of_client)) {
    return 0;
  }
  const Ticket ticket = ++last_;
  calls_[ticket] = {.lane = lane, .caller = {caller.urgency, caller.client}};
  line_up(ticket, false);
  return ticket;
}

void Lines::line_up(Ticket ticket, bool first) {
  const Call& call = calls_.at(ticket);
  Line& line = lanes_.at(call.lane).lines[call.caller.urgency];
  auto turn = std::find_if(line.begin(), line.end(),
                           [&](const Turn& one) { return one.client == call.caller.client; });
  if (turn == line.end()) {
    turn = line.insert(first ? line.begin() : line.end(), Turn{call.caller.client, {}});
  } else if (first) {
    line.splice(line.begin(), line, turn);
  }
  if (first) {
    turn->tickets.push_front(ticket);
  } else {
    turn->tickets.push_back(ticket);
  }
}

void Lines::leave(Ticket ticket) {
  const auto found = calls_.find(ticket);
  if (found == calls_.end()) return;
  const Call& call = found->second;
  if (!call.runs) {
    Line& line = lanes_.at(call.lane).lines[call.caller.urgency];
    for (Turn& turn : line) std::erase(turn.tickets, ticket);
    line.remove_if([](const Turn& turn) { return turn.tickets.empty(); });
  }
  calls_.erase(found);
}

void Lines::step_back(Ticket ticket) {
  Call& call = calls_.at(ticket);
  call.runs = false;
  call.detached = false;
  call.stepped_back = true;
  line_up(ticket, true);
}

bool Lines::somebody_above(Urgency urgency) const {
  if (hushed_ > 0 && urgency != Urgency::interactive) return true;
  return std::any_of(calls_.begin(), calls_.end(), [&](const auto& entry) {
    const Call& call = entry.second;
    // In a held lane nobody can be served: its callers hold up no other engine.
    const bool stuck = !call.runs && lanes_.at(call.lane).held;
    return call.caller.urgency < urgency && !stuck;
  });
}

Lines::Ticket Lines::take_next(Line& line) {
  Turn& turn = line.front();
  const Ticket ticket = turn.tickets.front();
  turn.tickets.pop_front();
  if (turn.tickets.empty()) {
    line.pop_front();
  } else {
    line.splice(line.end(), line, line.begin());
  }
  return ticket;
}

std::vector<Lines::Ticket> Lines::serve() {
  std::vector<Ticket> served;
  for (auto& [role, lane] : lanes_) {
    if (lane.held || lane.paused) continue;
    for (auto& [urgency, line] : lane.lines) {
      while (!line.empty() && running(role) < lane.capacity && !somebody_above(urgency)) {
        const Ticket ticket = take_next(line);
        calls_.at(ticket).runs = true;
        served.push_back(ticket);
      }
    }
  }
  return served;
}

std::vector<Lines::Ticket> Lines::in_the_way() const {
  std::vector<Ticket> found;
  for (const auto& [ticket, call] : calls_) {
    if (!call.runs || call.caller.urgency == Urgency::interactive) continue;
    // A held lane waits for its engine to be free: what can be begun again later need not end
    // first.
    if (somebody_above(call.caller.urgency) || lanes_.at(call.lane).held) found.push_back(ticket);
  }
  return found;
}

void Lines::hold(Role lane, bool held) { lanes_.at(lane).held = held; }

void Lines::detach(Role lane) {
  for (auto& [ticket, call] : calls_) {
    if (call.lane == lane && call.runs) call.detached = true;
  }
}

int Lines::running(Role lane) const {
  return static_cast<int>(std::count_if(calls_.begin(), calls_.end(), [&](const auto& entry) {
    const Call& call = entry.second;
    return call.lane == lane && call.runs && !call.detached;
  }));
}

int Lines::waiting(Role lane) const {
  return static_cast<int>(std::count_if(calls_.begin(), calls_.end(), [&](const auto& entry) {
    return entry.second.lane == lane && !entry.second.runs;
  }));
}

int Lines::waiting_before(Role lane, Urgency urgency, const std::string* client) const {
  return static_cast<int>(std::count_if(calls_.begin(), calls_.end(), [&](const auto& entry) {
    const Call& call = entry.second;
    return call.lane == lane && !call.runs && !call.stepped_back &&
           call.caller.urgency <= urgency && (client == nullptr || call.caller.client == *client);
  }));
}

std::vector<Lines::Ticket> Lines::order(const Lane& lane) const {
  std::vector<Ticket> result;
  for (const auto& [urgency, line] : lane.lines) {
    Line left = line;
    while (!left.empty()) result.push_back(take_next(left));
  }
  return result;
}

int Lines::position(Ticket ticket) const {
  const auto found = calls_.find(ticket);
  if (found == calls_.end() || found->second.runs) return 0;
  const std::vector<Ticket> all = order(lanes_.at(found->second.lane));
  return static_cast<int>(std::find(all.begin(), all.end(), ticket) - all.begin()) + 1;
}

std::vector<WaitingCall> Lines::calls(Role lane) const {
  std::vector<WaitingCall> result;
  for (const auto& [ticket, call] : calls_) {
    if (call.lane == lane && call.runs) result.push_back({call.caller, 0});
  }
  int position = 0;
  for (const Ticket ticket : order(lanes_.at(lane))) {
    result.push_back({calls_.at(ticket).caller, ++position});
  }
  return result;
}

}  // namespace lar::engine
