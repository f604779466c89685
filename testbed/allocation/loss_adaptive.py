"""Redundancy by the reported loss and the length of its bursts.

Loss has four levels: none, little, some, much. The level rises as soon as loss exceeds a bound, and falls
only after loss has stayed well below it for a while, so that noise in reports does not make the encoder
oscillate. The same holds for the length of bursts.
"""

import math
from dataclasses import replace
from typing import Literal

from pydantic import Field, field_validator

from testbed.allocation.budget import Allocation, SchemeBudget
from testbed.allocation.loss import NetworkLoss
from testbed.allocation.policy import AllocationParameters, BudgetAllocator
from testbed.codecs.schemes.redundancy import Redundancy

DEPTH_PER_BURST = (0, 2, 4)
"""Depth of DRED in mean bursts at levels 0 to 2; at level 3 the scheme's own."""
BURST_STEPS = (1.0, 1.5, 2.5, 4.0, 6.0, 10.0, 16.0)


class LossAdaptive(AllocationParameters):
    """Redundancy by the reported loss, at most that of the scheme.

    Level 0 has none. From level 1 on LBRR is on, and each level adds a RED copy, at the distances of the
    scheme nearest to the mean burst; DRED covers some mean bursts, and at level 3 the depth of the scheme.
    Speech gets the rest; redundancy is reduced if the lowest speech bitrate would not fit. libopus expects at
    least the loss at which the level would end, since it sends no DRED if it expects none.

    Attributes
    ----------
    levels
        Shares of packets lost above which levels 1, 2 and 3 begin.
    down_factor
        The level falls when loss stays below this share of its bound.
    hold_ms
        Time that loss must stay below.
    """

    policy: Literal["loss_adaptive"] = "loss_adaptive"
    levels: tuple[float, float, float] = (0.01, 0.05, 0.15)
    down_factor: float = Field(0.5, gt=0, lt=1)
    hold_ms: float = Field(5000.0, ge=0, le=1e6)

    @field_validator("levels")
    @classmethod
    def _rising(cls, levels: tuple[float, float, float]) -> tuple[float, float, float]:
        if not 0 < levels[0] < levels[1] < levels[2] < 1:
            raise ValueError("levels must rise, each above 0 and below 1")
        return levels

    def build(self, budget: SchemeBudget, header_bytes: int) -> "LossAdaptiveAllocator":
        return LossAdaptiveAllocator(self, budget, header_bytes)


class Steps:
    """Number of bounds that a noisy value exceeds; up at once, down after a time well below a bound.

    Parameters
    ----------
    bounds
        Lower bounds of steps 1, 2, ...
    down_factor, hold_ns
        The step falls when the value was below `down_factor` of its bound for `hold_ns`.
    """

    def __init__(self, bounds: tuple[float, ...], down_factor: float, hold_ns: int) -> None:
        self.step = 0
        self._bounds = bounds
        self._down_factor = down_factor
        self._hold_ns = hold_ns
        self._below_since_ns: int | None = None

    def update(self, value: float, now_ns: int) -> int:
        """Take a value and return the step."""
        above = sum(value > bound for bound in self._bounds)
        self.step = max(self.step, above)
        if not self.step or value >= self._down_factor * self._bounds[self.step - 1]:
            self._below_since_ns = None
        elif self._below_since_ns is None:
            self._below_since_ns = now_ns
        elif now_ns - self._below_since_ns >= self._hold_ns:
            self.step -= 1
            self._below_since_ns = now_ns
        return self.step


class LossAdaptiveAllocator(BudgetAllocator):
    """Chooses redundancy by the level of loss and the length of bursts."""

    def __init__(self, parameters: LossAdaptive, budget: SchemeBudget, header_bytes: int) -> None:
        super().__init__(parameters, budget, header_bytes)
        self._least_loss = (0.0, *(parameters.down_factor * bound for bound in parameters.levels))
        hold_ns = round(1e6 * parameters.hold_ms)
        self._level = Steps(parameters.levels, parameters.down_factor, hold_ns)
        # A burst has 1 packet or more, so "well below" a step is between it and the step before.
        self._burst = Steps(BURST_STEPS[1:], 0.8, hold_ns)

    def allocate(self, target_kbps: float, loss: NetworkLoss, now_ns: int) -> Allocation:
        level = self._level.update(loss.share, now_ns)
        burst_packets = BURST_STEPS[self._burst.update(loss.mean_burst_packets, now_ns)]
        wanted = self._wanted(level, burst_packets)
        planned = replace(loss, share=max(loss.share, math.ceil(100 * self._least_loss[level]) / 100))
        return self.spend(target_kbps, self.strongest(target_kbps, wanted, self._least_bps), planned)

    def _wanted(self, level: int, burst_packets: float) -> Redundancy:
        most = self._budget.redundancy
        if level == 0:
            return Redundancy()
        by_fit = sorted(most.distances, key=lambda distance: (abs(distance - burst_packets), distance))
        distances = tuple(sorted(by_fit[:level], reverse=True))
        depth_ms = most.dred_depth_ms
        if level < len(DEPTH_PER_BURST):
            reach_ms = DEPTH_PER_BURST[level] * burst_packets * self._budget.settings.frame_ms
            depth_ms = min(depth_ms, max(100, 20 * math.ceil(reach_ms / 20)))
        return replace(most.with_dred(depth_ms), distances=distances)
