"""Redundancy first: it keeps its bitrate, and speech gets the rest."""

from typing import Literal

from testbed.allocation.budget import Allocation, SchemeBudget
from testbed.allocation.loss import NetworkLoss
from testbed.allocation.policy import AllocationParameters, BudgetAllocator


class FixedAllocation(AllocationParameters):
    """Redundancy first. It is reduced only if the lowest speech bitrate would not fit."""

    policy: Literal["fixed"] = "fixed"

    def build(self, budget: SchemeBudget, header_bytes: int) -> "FixedAllocator":
        return FixedAllocator(self, budget, header_bytes)


class FixedAllocator(BudgetAllocator):
    """Keeps the redundancy of the scheme."""

    def allocate(self, target_kbps: float, loss: NetworkLoss, now_ns: int) -> Allocation:
        redundancy = self.strongest(target_kbps, self._budget.redundancy, self._least_bps)
        return self.spend(target_kbps, redundancy, loss)
