"""The closed loop of a voice call: reports set the target rate, target and loss the redundancy sent."""

from dataclasses import dataclass, replace

from testbed.allocation import AllocationSpec
from testbed.allocation.budget import SchemeBudget
from testbed.allocation.fixed import FixedAllocation
from testbed.allocation.loss import LossTracker
from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.realization import Realization
from testbed.codecs.encoding import LiveEncoder
from testbed.codecs.rtp.packet import WIRE_HEADER_BYTES
from testbed.congestion import ControllerSpec
from testbed.congestion.none import NoControl
from testbed.congestion.reporting import Reporting
from testbed.feedback_loop import FeedbackReceiver
from testbed.sender import MEDIA_SSRC

UNBOUNDED_KBPS = 1e6


@dataclass(frozen=True)
class Loop:
    """The closed loop of a call: feedback, congestion control and allocation.

    Attributes
    ----------
    reporting, congestion, allocation
        Feedback of the receiver, congestion controller, and allocation of its target.
    reverse
        The return path of reports.
    budget
        Budget of the scheme, an upper bound.
    expected_loss_percent
        Loss that libopus expects; None: the loss reported by feedback.
    """

    reporting: Reporting
    congestion: ControllerSpec
    allocation: AllocationSpec
    reverse: Realization
    budget: SchemeBudget
    expected_loss_percent: int | None


class VoiceControl:
    """The sender's part of the closed loop; a `testbed.sender.Control`.

    Without a controller the scheme is sent as requested, and only the expected loss follows the reports.

    Attributes
    ----------
    end
        Takes the reports; has the `decisions`.
    header_bytes
        RTP with its extensions, UDP and IPv4 of each packet.
    """

    def __init__(self, env: Clock, loop: Loop, encoder: LiveEncoder, ssrc: int = MEDIA_SSRC) -> None:
        tracker = LossTracker()
        self.end = FeedbackReceiver(
            env, loop.congestion.build(), loop.reporting, ssrc, on_feedback=tracker.on_feedback
        )
        self.header_bytes = WIRE_HEADER_BYTES + self.end.extension_bytes
        self._env = env
        self._encoder = encoder
        self._tracker = tracker
        self._expected_loss_percent = loop.expected_loss_percent
        self._is_controlled = not isinstance(loop.congestion, NoControl)
        policy = loop.allocation if self._is_controlled else FixedAllocation()
        self._allocator = policy.build(loop.budget, self.header_bytes)

    def before_frame(self) -> tuple[int, ...]:
        target_kbps = self.end.target_kbps if self._is_controlled else UNBOUNDED_KBPS
        allocation = self._allocator.allocate(target_kbps, self._tracker.loss, self._env.now)
        settings = allocation.settings
        if self._expected_loss_percent is not None:
            settings = replace(settings, expected_loss_percent=self._expected_loss_percent)
        self._encoder.tune(settings)
        return allocation.distances

    def stamp(self, rtp: bytes, sequence: int) -> bytes:
        return self.end.stamp(rtp, sequence)

    def on_sent(self, packet: Packet) -> None:
        self.end.on_sent(packet)
