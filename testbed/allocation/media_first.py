"""Speech first: it gets all that it asks for, and repairs get what is left."""

from typing import Literal

from testbed.allocation.budget import Allocation, SchemeBudget
from testbed.allocation.loss import NetworkLoss
from testbed.allocation.policy import AllocationParameters, BudgetAllocator


class MediaFirst(AllocationParameters):
    """The strongest repairs that cost speech nothing."""

    policy: Literal["media_first"] = "media_first"

    def build(self, asked: SchemeBudget, header_bytes: int) -> "MediaFirstAllocator":
        return MediaFirstAllocator(self, asked, header_bytes)


class MediaFirstAllocator(BudgetAllocator):
    """Adds repairs to whole speech."""

    def allocate(self, target_kbps: float, loss: NetworkLoss, now_ns: int) -> Allocation:
        redundancy = self.strongest(target_kbps, self._asked.redundancy, self._asked.speech_bps)
        return self.spend(target_kbps, redundancy, loss)
