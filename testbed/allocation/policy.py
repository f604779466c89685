"""Interface of an allocation policy, and the base of all: the arithmetic of a target rate."""

from typing import Any, ClassVar, Protocol

from pydantic import Field

from testbed.allocation.budget import Allocation, SchemeBudget, encoder_bps
from testbed.allocation.loss import NetworkLoss
from testbed.codecs.schemes.redundancy import Redundancy
from testbed.parameters import Parameters

STRENGTHEN_MARGIN = 0.1
"""Share by which the target must exceed the need of a stronger form of redundancy before it returns."""


class Allocator(Protocol):
    """Target and loss in, allocation out: a plain state machine whose time is a parameter."""

    def allocate(self, target_kbps: float, loss: NetworkLoss, now_ns: int) -> Allocation:
        """Divide a target on the wire, headers included; called before each frame.

        The allocation never exceeds the target, unless the lowest speech bitrate alone does.
        Copies of frames encoded before a change keep their old size.
        """


class AllocationParameters(Parameters):
    """Parameters of every policy.

    Attributes
    ----------
    min_speech_kbps
        Lowest bitrate of the speech, in payload bytes; redundancy gives way first.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({},)

    min_speech_kbps: float = Field(8.0, ge=6, le=256)

    def build(self, budget: SchemeBudget, header_bytes: int) -> Allocator:
        """Return a fresh allocator.

        Parameters
        ----------
        budget
            Upper bound of the scheme's spending.
        header_bytes
            RTP with its extensions, UDP and IP of each packet.
        """
        raise NotImplementedError


class BudgetAllocator:
    """Base of the allocators: the arithmetic of a target rate."""

    def __init__(self, parameters: AllocationParameters, budget: SchemeBudget, header_bytes: int) -> None:
        self._budget = budget
        self._header_bytes = header_bytes
        self._least_bps = min(round(1000 * parameters.min_speech_kbps), budget.speech_bps)
        self._wanted_before: Redundancy | None = None
        self._weakened = 0

    def fits(self, target_kbps: float, redundancy: Redundancy, speech_bps: int) -> bool:
        """Return whether redundancy and speech of this bitrate fit into the target."""
        return self.room_bps(target_kbps, redundancy) >= speech_bps + redundancy.in_encoder_bps

    def room_bps(self, target_kbps: float, redundancy: Redundancy) -> int:
        """Return the encoder bitrate that the target allows with RED copies."""
        frame_ms = self._budget.settings.frame_ms
        return encoder_bps(target_kbps, len(redundancy.distances), self._header_bytes, frame_ms)

    def strongest(self, target_kbps: float, redundancy: Redundancy, speech_bps: int) -> Redundancy:
        """Return the strongest form of redundancy that fits into the target with speech of this bitrate.

        A form that was given up returns only with a margin, so that a target that varies around its need does
        not switch it on and off.
        """
        if redundancy != self._wanted_before:
            self._wanted_before, self._weakened = redundancy, 0
        form: Redundancy | None = redundancy
        steps = 0
        while form is not None:
            margin = 1 + STRENGTHEN_MARGIN if steps < self._weakened else 1.0
            if self.fits(target_kbps / margin, form, speech_bps):
                break
            form, steps = form.less(), steps + 1
        self._weakened = steps
        return form or Redundancy()

    def spend(self, target_kbps: float, redundancy: Redundancy, loss: NetworkLoss) -> Allocation:
        """Return the allocation with this redundancy; speech gets the rest, up to its own bitrate."""
        left_bps = self.room_bps(target_kbps, redundancy) - redundancy.in_encoder_bps
        speech_bps = max(self._least_bps, min(self._budget.speech_bps, left_bps))
        total_bps = speech_bps + redundancy.in_encoder_bps
        return self._budget.allocation(total_bps, redundancy, loss.percent)
