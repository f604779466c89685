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

    def build(self, asked: SchemeBudget, header_bytes: int) -> "OpusAllocator":
        return OpusAllocator(self, asked, header_bytes)


class OpusAllocator(BudgetAllocator):
    """Gives the encoder the target without the RED copies."""

    def allocate(self, target_kbps: float, loss: NetworkLoss, now_ns: int) -> Allocation:
        asked = self._asked.redundancy
        copies = self.strongest(target_kbps, Redundancy(asked.distances), self._least_bps)
        room_bps = self.room_bps(target_kbps, copies)
        most_bps = self._asked.speech_bps + asked.in_encoder_bps
        total_bps = max(self._least_bps, min(most_bps, room_bps))
        whole = Redundancy(copies.distances, asked.lbrr_bps, asked.dred_depth_ms, asked.dred_bps)
        return self._asked.allocation(total_bps, whole, loss.percent)
