"""Reported loss: its share, and the length of its bursts."""

from collections import OrderedDict
from dataclasses import dataclass

from testbed.congestion.feedback import Feedback

WINDOW_PACKETS = 250
REPORT_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class NetworkLoss:
    """Loss known to the sender.

    Attributes
    ----------
    share
        Share of packets lost, 0 to 1.
    mean_burst_packets
        Mean number of packets lost in a row, 1 or more; 1 where nothing was lost, or bursts are unknown.
    """

    share: float = 0.0
    mean_burst_packets: float = 1.0

    @property
    def percent(self) -> int:
        """The share as libopus takes it, 0 to 100."""
        return round(100 * min(1.0, max(0.0, self.share)))


class LossTracker:
    """Loss over the last packets reported.

    Receiver reports have no single packets: their share is averaged, and bursts stay unknown.

    Parameters
    ----------
    window_packets
        Packets that count: 250 are 5 s of speech in packets of 20 ms.
    """

    def __init__(self, window_packets: int = WINDOW_PACKETS) -> None:
        self._window_packets = window_packets
        self._lost: OrderedDict[int, bool] = OrderedDict()
        self._reported: float | None = None

    def on_feedback(self, feedback: Feedback) -> NetworkLoss:
        """Take a report and return the loss known now."""
        for packet in feedback.packets:
            self._lost[packet.sequence] = packet.lost
        while len(self._lost) > self._window_packets:
            self._lost.popitem(last=False)
        if feedback.reported_loss is not None:
            before = feedback.reported_loss if self._reported is None else self._reported
            self._reported = before + REPORT_WEIGHT * (feedback.reported_loss - before)
        return self.loss

    @property
    def loss(self) -> NetworkLoss:
        """The loss known now."""
        if not self._lost:
            return NetworkLoss(self._reported or 0.0)
        lost = {sequence for sequence, is_lost in self._lost.items() if is_lost}
        bursts = sum(sequence - 1 not in lost for sequence in lost)
        return NetworkLoss(len(lost) / len(self._lost), len(lost) / bursts if bursts else 1.0)
