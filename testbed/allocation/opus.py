"""Division by libopus, from a total bitrate and the expected loss."""

from typing import Literal

from testbed.allocation.budget import Allocation, SchemeBudget
from testbed.allocation.loss import NetworkLoss
from testbed.allocation.policy import AllocationParameters, BudgetAllocator
from testbed.codecs.schemes.redundancy import Redundancy


class OpusAllocation(AllocationParameters):
    """LBRR and DRED stay on as in the scheme, and libopus decides their bitrates.

    libopus decides by the bitrate and the expected loss; if it expects none, it sends no DRED. RED copies,
    which it does not know, are reduced if the lowest speech bitrate would not fit.
    """

    policy: Literal["opus"] = "opus"

    def build(self, budget: SchemeBudget, header_bytes: int) -> "OpusAllocator":
        return OpusAllocator(self, budget, header_bytes)


class OpusAllocator(BudgetAllocator):
    """Gives the encoder the target without the RED copies."""

    def allocate(self, target_kbps: float, loss: NetworkLoss, now_ns: int) -> Allocation:
        most = self._budget.redundancy
        copies = self.strongest(target_kbps, Redundancy(most.distances), self._least_bps)
        room_bps = self.room_bps(target_kbps, copies)
        most_bps = self._budget.speech_bps + most.in_encoder_bps
        total_bps = max(self._least_bps, min(most_bps, room_bps))
        whole = Redundancy(copies.distances, most.lbrr_bps, most.dred_depth_ms, most.dred_bps)
        return self._budget.allocation(total_bps, whole, loss.percent)
