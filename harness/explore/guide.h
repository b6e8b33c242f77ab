// SPDX-License-Identifier: GPL-2.0-or-later
// From a graph that a complete search has made to a schedule: the execution is made once more, as the
// search made it, and each choice of the hardware that it takes is one of the schedule.
#pragma once

#include <vector>

#include "harness/explore/port_search.h"

namespace tlblab {

class GuideChooser final : public Chooser {
 public:
  // The schedule of the execution (steps that only the search knows included) and its graph. `walk`
  // decides what the new one may read.
  GuideChooser(const std::vector<ScheduleStep>& made, ExecutionGraph graph, const PortSearch& walk);
  [[nodiscard]] unsigned choose(const ChoicePoint& point) noexcept override;
  void restart() noexcept override;

 private:
  [[nodiscard]] unsigned place(EventId in_walk) const noexcept;
  [[nodiscard]] unsigned pick(const PortSearch::Picking& asked) const noexcept;

  ExecutionGraph graph_;
  const PortSearch& walk_;
  std::vector<std::uint8_t> actors_;     // of the steps
  std::vector<std::uint16_t> hardware_;  // what it said
  std::size_t seen_ = 0, step_ = 0, answer_ = 0;
};

}  // namespace tlblab
