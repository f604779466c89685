"""Speech first: it keeps its bitrate, and redundancy gets the rest."""

from typing import Literal

from testbed.allocation.budget import Allocation, SchemeBudget
from testbed.allocation.loss import NetworkLoss
from testbed.allocation.policy import AllocationParameters, BudgetAllocator


class MediaFirst(AllocationParameters):
    """The strongest redundancy that takes nothing from the speech."""

    policy: Literal["media_first"] = "media_first"

    def build(self, budget: SchemeBudget, header_bytes: int) -> "MediaFirstAllocator":
        return MediaFirstAllocator(self, budget, header_bytes)


class MediaFirstAllocator(BudgetAllocator):
    """Adds redundancy to speech of full bitrate."""

    def allocate(self, target_kbps: float, loss: NetworkLoss, now_ns: int) -> Allocation:
        redundancy = self.strongest(target_kbps, self._budget.redundancy, self._budget.speech_bps)
        return self.spend(target_kbps, redundancy, loss)
