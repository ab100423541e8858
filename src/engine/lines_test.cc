// The order of calls, step by step, without threads.
#include "engine/lines.h"

#include <gtest/gtest.h>

namespace lar::engine {
namespace {

using Tickets = std::vector<Lines::Ticket>;

const Caller person{Urgency::interactive, "lar"};

class LinesTest : public ::testing::Test {
 protected:
  LinesTest() {
    lines.add_lane(Role::chat, 1, 8);
    lines.add_lane(Role::embed, 1, 8);
  }
  static Caller of(Urgency urgency, const std::string& client) { return {urgency, client}; }
  // Serves and ends one after another until nobody waits; who came, in order.
  Tickets serve_all() {
    Tickets order;
    for (Tickets now = lines.serve(); !now.empty(); now = lines.serve()) {
      for (const auto ticket : now) {
        order.push_back(ticket);
        lines.leave(ticket);
      }
    }
    return order;
  }
  Lines lines;
};

TEST_F(LinesTest, one_call_at_a_time_and_the_next_when_it_ends) {
  const auto first = lines.arrive(Role::chat, person);
  const auto second = lines.arrive(Role::chat, person);
  EXPECT_EQ(lines.serve(), Tickets{first});
  EXPECT_EQ(lines.serve(), Tickets{});
  EXPECT_EQ(lines.position(first), 0);
  EXPECT_EQ(lines.position(second), 1);
  lines.leave(first);
  EXPECT_EQ(lines.serve(), Tickets{second});
}

TEST_F(LinesTest, clients_take_turns_however_many_calls_one_of_them_sends) {
  const auto a1 = lines.arrive(Role::chat, of(Urgency::interactive, "a"));
  const auto a2 = lines.arrive(Role::chat, of(Urgency::interactive, "a"));
  const auto a3 = lines.arrive(Role::chat, of(Urgency::interactive, "a"));
  const auto b1 = lines.arrive(Role::chat, of(Urgency::interactive, "b"));
  const auto c1 = lines.arrive(Role::chat, of(Urgency::interactive, "c"));
  const auto b2 = lines.arrive(Role::chat, of(Urgency::interactive, "b"));
  EXPECT_EQ(lines.position(b1), 2);
  EXPECT_EQ(lines.position(a2), 4);
  EXPECT_EQ(serve_all(), (Tickets{a1, b1, c1, a2, b2, a3}));
}

TEST_F(LinesTest, a_position_told_is_the_one_that_comes_true) {
  std::vector<std::pair<Lines::Ticket, int>> told;
  const std::vector<std::string> clients = {"a", "a", "b", "c", "a", "b"};
  for (const std::string& client : clients) {
    lines.arrive(Role::chat, of(Urgency::interactive, client));
  }
  for (Lines::Ticket ticket = 1; ticket <= clients.size(); ++ticket) {
    told.emplace_back(ticket, lines.position(ticket));
  }
  const Tickets order = serve_all();
  for (const auto& [ticket, position] : told) {
    EXPECT_EQ(order.at(static_cast<std::size_t>(position - 1)), ticket);
  }
}

TEST_F(LinesTest, a_person_makes_what_runs_in_the_background_step_back_in_every_lane) {
  const auto writing = lines.arrive(Role::chat, of(Urgency::background, "lar"));
  const auto embedding = lines.arrive(Role::embed, of(Urgency::background, "lar"));
  EXPECT_EQ(lines.serve(), (Tickets{writing, embedding}));
  EXPECT_EQ(lines.in_the_way(), Tickets{});
  const auto asked = lines.arrive(Role::chat, person);
  EXPECT_EQ(lines.in_the_way(), (Tickets{writing, embedding}));
  EXPECT_EQ(lines.serve(), Tickets{}) << "the engine is free only when the other has stopped";
  lines.step_back(writing);
  EXPECT_EQ(lines.serve(), Tickets{asked});
  lines.step_back(embedding);
  EXPECT_EQ(lines.serve(), Tickets{}) << "nothing is begun in the background while a person's runs";
  lines.leave(asked);
  EXPECT_EQ(lines.serve(), (Tickets{writing, embedding}));
}

TEST_F(LinesTest, what_stepped_back_goes_on_before_what_came_after_it) {
  const auto first = lines.arrive(Role::chat, of(Urgency::background, "a"));
  const auto second = lines.arrive(Role::chat, of(Urgency::background, "a"));
  const auto other = lines.arrive(Role::chat, of(Urgency::background, "b"));
  EXPECT_EQ(lines.serve(), Tickets{first});
  const auto asked = lines.arrive(Role::chat, person);
  lines.step_back(first);
  EXPECT_EQ(serve_all(), (Tickets{asked, first, other, second}));
}

TEST_F(LinesTest, proactive_work_goes_between_a_person_and_the_background) {
  const auto background = lines.arrive(Role::chat, of(Urgency::background, "lar"));
  EXPECT_EQ(lines.serve(), Tickets{background});
  const auto proactive = lines.arrive(Role::chat, of(Urgency::proactive, "lar"));
  EXPECT_EQ(lines.in_the_way(), Tickets{background});
  lines.step_back(background);
  EXPECT_EQ(lines.serve(), Tickets{proactive});
  const auto asked = lines.arrive(Role::chat, person);
  EXPECT_EQ(lines.in_the_way(), Tickets{proactive});
  lines.step_back(proactive);
  EXPECT_EQ(serve_all(), (Tickets{asked, proactive, background}));
}

TEST_F(LinesTest, a_person_never_steps_back) {
  const auto first = lines.arrive(Role::chat, person);
  lines.serve();
  lines.arrive(Role::chat, of(Urgency::interactive, "other"));
  lines.arrive(Role::embed, person);
  EXPECT_EQ(lines.in_the_way(), Tickets{});
  EXPECT_EQ(lines.position(first), 0);
}

TEST_F(LinesTest, a_full_line_sends_away_and_who_steps_back_always_finds_a_place) {
  lines.add_lane(Role::chat, 1, 2);
  const auto running = lines.arrive(Role::chat, of(Urgency::background, "lar"));
  lines.serve();
  const auto first = lines.arrive(Role::chat, person);
  const auto second = lines.arrive(Role::chat, person);
  EXPECT_EQ(lines.arrive(Role::chat, person), 0u);
  lines.step_back(running);
  EXPECT_EQ(lines.waiting(Role::chat), 3);
  EXPECT_EQ(lines.serve(), Tickets{first});
  lines.leave(second);
  EXPECT_EQ(lines.position(running), 1);
}

TEST_F(LinesTest, what_waits_in_the_background_sends_no_person_away) {
  lines.add_lane(Role::chat, 1, 2);
  lines.arrive(Role::chat, of(Urgency::background, "import"));
  lines.serve();
  EXPECT_NE(lines.arrive(Role::chat, of(Urgency::background, "import")), 0u);
  EXPECT_NE(lines.arrive(Role::chat, of(Urgency::background, "import")), 0u);
  EXPECT_EQ(lines.arrive(Role::chat, of(Urgency::background, "import")), 0u);
  const auto asked = lines.arrive(Role::chat, person);
  EXPECT_NE(asked, 0u);
  EXPECT_EQ(lines.position(asked), 1);
  EXPECT_EQ(lines.arrive(Role::chat, of(Urgency::background, "import")), 0u)
      << "those who go before it count for the background";
}

TEST_F(LinesTest, one_clients_crowd_sends_no_other_client_away) {
  lines.add_lane(Role::chat, 1, 16);
  for (int call = 0; call < 16; ++call) {
    EXPECT_NE(lines.arrive(Role::chat, of(Urgency::interactive, "editor")), 0u);
  }
  EXPECT_EQ(lines.arrive(Role::chat, of(Urgency::interactive, "editor")), 0u);
  const auto asked = lines.arrive(Role::chat, person);
  EXPECT_NE(asked, 0u);
  EXPECT_EQ(lines.position(asked), 2) << "clients take turns";
  EXPECT_NE(lines.arrive(Role::chat, person), 0u);
  EXPECT_EQ(lines.arrive(Role::chat, person), 0u) << "an eighth is everybody's own";
}

TEST_F(LinesTest, what_has_stepped_back_takes_no_place_in_the_line) {
  lines.add_lane(Role::chat, 1, 1);
  const auto first = lines.arrive(Role::chat, of(Urgency::background, "import"));
  lines.serve();
  const auto asked = lines.arrive(Role::chat, person);
  lines.step_back(first);
  EXPECT_EQ(lines.serve(), Tickets{asked});
  EXPECT_NE(lines.arrive(Role::chat, of(Urgency::background, "import")), 0u);
}

TEST_F(LinesTest, who_gives_up_leaves_no_gap) {
  const auto first = lines.arrive(Role::chat, of(Urgency::interactive, "a"));
  const auto second = lines.arrive(Role::chat, of(Urgency::interactive, "b"));
  const auto third = lines.arrive(Role::chat, of(Urgency::interactive, "c"));
  lines.leave(second);
  EXPECT_EQ(lines.position(third), 2);
  EXPECT_EQ(serve_all(), (Tickets{first, third}));
}

TEST_F(LinesTest, a_held_lane_serves_nobody_stops_the_background_and_holds_up_no_other) {
  const auto background = lines.arrive(Role::chat, of(Urgency::background, "lar"));
  lines.serve();
  lines.hold(Role::chat, true);
  EXPECT_EQ(lines.in_the_way(), Tickets{background});
  lines.step_back(background);
  const auto asked = lines.arrive(Role::chat, person);
  const auto embedding = lines.arrive(Role::embed, of(Urgency::background, "lar"));
  EXPECT_EQ(lines.serve(), Tickets{embedding});
  lines.hold(Role::chat, false);
  EXPECT_EQ(lines.serve(), Tickets{asked});
  EXPECT_EQ(lines.in_the_way(), Tickets{embedding});
}

TEST_F(LinesTest, a_paused_lane_begins_nothing_and_stops_nothing) {
  const auto writing = lines.arrive(Role::chat, of(Urgency::background, "lar"));
  lines.serve();
  lines.pause(Role::chat, true);
  EXPECT_EQ(lines.in_the_way(), Tickets{});
  lines.leave(writing);
  const auto asked = lines.arrive(Role::chat, person);
  EXPECT_EQ(lines.serve(), Tickets{});
  EXPECT_EQ(lines.position(asked), 1);
  EXPECT_FALSE(lines.held(Role::chat));
  lines.pause(Role::chat, false);
  EXPECT_EQ(lines.serve(), Tickets{asked});
}

TEST_F(LinesTest, calls_of_an_engine_that_is_replaced_leave_their_room_to_the_new_one) {
  const auto old = lines.arrive(Role::chat, person);
  const auto next = lines.arrive(Role::chat, person);
  EXPECT_EQ(lines.serve(), Tickets{old});
  lines.detach(Role::chat);
  EXPECT_EQ(lines.serve(), Tickets{next});
  EXPECT_EQ(lines.running(Role::chat), 1);
  lines.leave(old);
  EXPECT_EQ(lines.running(Role::chat), 1);
  EXPECT_EQ(lines.calls(Role::chat).size(), 1u);
}

TEST_F(LinesTest, while_hushed_only_people_are_served) {
  const auto writing = lines.arrive(Role::chat, of(Urgency::background, "lar"));
  const auto embedding = lines.arrive(Role::embed, of(Urgency::background, "lar"));
  EXPECT_EQ(lines.serve(), (Tickets{writing, embedding}));
  lines.hush(true);
  EXPECT_EQ(lines.in_the_way(), (Tickets{writing, embedding}));
  lines.step_back(writing);
  lines.step_back(embedding);
  const auto asked = lines.arrive(Role::chat, person);
  EXPECT_EQ(lines.serve(), Tickets{asked});
  lines.leave(asked);
  EXPECT_EQ(lines.serve(), Tickets{});
  lines.hush(false);
  EXPECT_EQ(serve_all(), (Tickets{writing, embedding}));
}

TEST_F(LinesTest, the_line_is_told_in_the_order_in_which_it_will_be_served) {
  lines.arrive(Role::chat, of(Urgency::background, "lar"));
  lines.serve();
  lines.arrive(Role::chat, of(Urgency::background, "import"));
  lines.arrive(Role::chat, of(Urgency::interactive, "editor"));
  const auto calls = lines.calls(Role::chat);
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[0].caller.client, "lar");
  EXPECT_EQ(calls[0].position, 0);
  EXPECT_EQ(calls[1].caller.client, "editor");
  EXPECT_EQ(calls[1].position, 1);
  EXPECT_EQ(calls[2].caller.client, "import");
}

}  // namespace
}  // namespace lar::engine
