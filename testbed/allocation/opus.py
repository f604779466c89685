"""libopus's own division: it gets a total and the expected loss, and shares it out as it sees fit."""

from typing import Literal

from testbed.allocation.budget import Allocation, SchemeBudget
from testbed.allocation.loss import NetworkLoss
from testbed.allocation.policy import AllocationParameters, BudgetAllocator
from testbed.codecs.schemes.redundancy import Redundancy


class Opus(AllocationParameters):
    """LBRR and DRED stay switched on as the scheme has them; what they get is libopus's affair.

    libopus spends on LBRR and DRED by its own rules, from the bitrate and the expected loss; with no loss
    expected it sends no DRED. RED copies, of which it knows nothing, give way where the least speech does not
    fit beside them.
    """

    policy: Literal["opus"] = "opus"

    def build(self, asked: SchemeBudget, header_bytes: int) -> "OpusAllocator":
        return OpusAllocator(self, asked, header_bytes)


class OpusAllocator(BudgetAllocator):
    """Gives the encoder all that the target leaves."""

    def allocate(self, target_kbps: float, loss: NetworkLoss, now_ns: int) -> Allocation:
        asked = self._asked.redundancy
        copies = self.strongest(target_kbps, Redundancy(asked.distances), self._least_bps)
        room_bps = self.room_bps(target_kbps, copies)
        most_bps = self._asked.speech_bps + asked.in_encoder_bps
        total_bps = max(self._least_bps, min(most_bps, room_bps))
        whole = Redundancy(copies.distances, asked.lbrr_bps, asked.dred_depth_ms, asked.dred_bps)
        return self._asked.allocation(total_bps, whole, loss.percent)
