// SPDX-License-Identifier: GPL-2.0-or-later
// Results come in order and whole, whatever ends first; nobody is left behind; who dies is not ignored.
#include "harness/explore/workers.h"

#include <csignal>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tlblab {
namespace {

using namespace std::chrono_literals;

// Parts its numbers until there is one, or nobody has time.
[[noreturn]] void print(Workers& workers, int from, int to, const std::string& filler) {
  while (to - from > 1) {
    const int middle = (from + to) / 2;
    const Workers::Split made = workers.split();
    if (made == Workers::Split::none) break;
    (made == Workers::Split::copy ? from : to) = middle;
  }
  std::string text;
  for (int n = from; n < to; ++n) text += std::to_string(n) + filler + " ";
  workers.end(text);
}

std::string printed(unsigned jobs, int count, const std::string& filler = {}) {
  Workers workers(jobs);
  if (workers.split() == Workers::Split::copy) print(workers, 0, count, filler);
  std::map<unsigned, std::string> texts;
  std::string all;
  while (!workers.order().empty()) {
    if (auto ended = workers.wait(1s)) texts[ended->worker] = ended->result;
    while (!workers.order().empty() && texts.contains(workers.order().front())) {
      all += texts[workers.order().front()];
      workers.take_first();
    }
  }
  return all;
}

bool has_children() { return waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

TEST(Workers, ResultsAreInOrder) {
  for (const unsigned jobs : {1U, 2U, 5U, 16U})
    for (unsigned times = 0; times < 20; ++times) {
      ASSERT_EQ(printed(jobs, 10), "0 1 2 3 4 5 6 7 8 9 ");
      ASSERT_FALSE(has_children());
    }
}

// Longer than what is written in one piece, and than what the pipe takes.
TEST(Workers, LongResultsAreWhole) {
  const std::string filler(100'000, 'x');
  std::string wanted;
  for (int n = 0; n < 8; ++n) wanted += std::to_string(n) + filler + " ";
  EXPECT_EQ(printed(4, 8, filler), wanted);
}

TEST(Workers, OneThatDiesIsAnError) {
  for (const bool at_once : {true, false}) {
    Workers workers(2);
    if (workers.split() == Workers::Split::copy) {
      if (!at_once && workers.split() == Workers::Split::original) workers.end("fine");
      raise(SIGKILL);
    }
    EXPECT_THROW(for (;;) static_cast<void>(workers.wait(1s)), std::runtime_error);
  }
  EXPECT_FALSE(has_children());
}

TEST(Workers, OneThatEndsWithoutAResultIsAnError) {
  Workers workers(1);
  if (workers.split() == Workers::Split::copy) _exit(70);
  EXPECT_THROW(for (;;) static_cast<void>(workers.wait(1s)), std::runtime_error);
}

TEST(Workers, WhatOneThrowsIsSaid) {
  Workers workers(1);
  if (workers.split() == Workers::Split::copy) workers.fail("no memory");
  try {
    for (;;) static_cast<void>(workers.wait(1s));
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "a worker process: no memory");
  }
}

TEST(Workers, WhoIsDroppedEndsAndMakesRoom) {
  Workers workers(2);
  if (workers.split() == Workers::Split::copy) {
    if (workers.split() == Workers::Split::copy) pause();
    workers.end("first");
  }
  std::optional<Workers::Ended> first;
  while (!first) first = workers.wait(1s);
  EXPECT_EQ(first->result, "first");
  ASSERT_EQ(workers.order().size(), 2U);
  workers.drop_behind(first->worker);
  EXPECT_EQ(workers.order().size(), 1U);
  while (has_children()) static_cast<void>(workers.wait(1ms));
  EXPECT_TRUE(workers.have_room());
}

TEST(Workers, NoneOutlivesTheObject) {
  {
    Workers workers(3);
    if (workers.split() == Workers::Split::copy) {
      static_cast<void>(workers.split());
      static_cast<void>(workers.split());
      for (;;) pause();
    }
  }
  EXPECT_FALSE(has_children());
}

TEST(Workers, AreStoppedTogether) {
  Workers workers(2);
  if (workers.split() == Workers::Split::copy) {
    static_cast<void>(workers.split());
    while (!workers.are_stopped()) usleep(1000);
    workers.sum(0) += 1;
    workers.end({});
  }
  workers.stop();
  for (std::size_t ended = 0; ended < workers.order().size();)
    if (workers.wait(1s)) ++ended;
  EXPECT_EQ(workers.sum(0).load(), static_cast<double>(workers.order().size()));
}

}  // namespace
}  // namespace tlblab
