"""The fate of each packet of a recorded call, in the order of sending."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.channels.link.mahimahi import DeliveryTrace
from testbed.channels.recordings.parts import LOST
from testbed.errors import ChannelError
from testbed.traces.measured_call import MeasuredCall


@dataclass(frozen=True)
class Recording:
    """One entry per packet, in the order of sending.

    Attributes
    ----------
    lost
        True for each packet that never arrived, (n,); at least one packet.
    send_ns
        Send times, (n,), non-decreasing; None if only losses were recorded. That of a lost packet of a
        capture is interpolated.
    delay_ns
        Delay of each packet, (n,), 0 or more, or `LOST`; None with `send_ns`. With two clocks, delays are
        known up to a constant: the smallest is 0.
    duplicates
        Number of further copies that arrived; the first copy of a packet counts.
    skew_ppm
        How much faster the receiver's clock runs than the sender's, estimated from the delays; None if
        unknown.
    skew_removed
        Whether `delay_ns` is free of it.
    rtp
        The RTP packets, as captured, ``b""`` for a lost one; None where there are none.
    notes
        Notes for the reader of the file.
    """

    lost: NDArray[np.bool_]
    send_ns: NDArray[np.int64] | None = None
    delay_ns: NDArray[np.int64] | None = None
    duplicates: int = 0
    skew_ppm: float | None = None
    skew_removed: bool = False
    rtp: tuple[bytes, ...] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lost)

    def times(self, wanted_for: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return `send_ns` and `delay_ns`.

        Raises
        ------
        ChannelError
            Only losses were recorded; the message names `wanted_for`, the purpose of the times.
        """
        if self.send_ns is None or self.delay_ns is None:
            raise ChannelError(
                f"holds losses without times, and {wanted_for} needs them; "
                "with --interval-ms the packets are spaced evenly and arrive at once"
            )
        return self.send_ns, self.delay_ns

    def arrival_order(self) -> NDArray[np.int64]:
        """Return the indices of the packets that arrived, in the order of their arrival."""
        send_ns, delay_ns = self.times("an order of arrival")
        arrived = np.flatnonzero(~self.lost)
        return arrived[np.argsort(send_ns[arrived] + delay_ns[arrived], kind="stable")]

    def reordered(self) -> int:
        """Return the number of packets that arrived after one sent later (RFC 4737, section 3)."""
        order = self.arrival_order()
        return int(np.count_nonzero(order < np.maximum.accumulate(order))) if len(order) else 0


NetworkTrace = Recording | DeliveryTrace | MeasuredCall


def from_times(send_ns: NDArray[np.int64], delay_ns: NDArray[np.int64]) -> Recording:
    """Return a recording of sending times and of delays, `LOST` for a packet that never arrived."""
    return Recording(lost=delay_ns == LOST, send_ns=send_ns, delay_ns=delay_ns)


def evenly_spaced(lost: NDArray[np.bool_], interval_ns: int) -> Recording:
    """Return losses with times: one packet per `interval_ns`, which arrives without delay or never."""
    send_ns = np.arange(len(lost), dtype=np.int64) * interval_ns
    return from_times(send_ns, np.where(lost, np.int64(LOST), np.int64(0)))


def losses(trace: NetworkTrace, where: str) -> NDArray[np.bool_]:
    """Return whether each packet was lost.

    Raises
    ------
    ChannelError
        It is a delivery trace, a call's statistics, or a recording of delays in which nothing is lost.
    """
    if isinstance(trace, DeliveryTrace):
        raise ChannelError(
            f"{where}: is a delivery trace, which holds the capacity of a link and no losses; "
            "replay it as it is, - link: {trace: FILE}"
        )
    if isinstance(trace, MeasuredCall):
        raise ChannelError(f"{where}: holds counts of lost packets per interval, not the fate of each packet")
    if not trace.lost.any() and trace.send_ns is not None:
        raise ChannelError(
            f"{where}: has delays only, none of its {len(trace)} packets is marked lost: there is no loss "
            "model to fit; replay it as it is, - trace: {file: FILE}"
        )
    return trace.lost


def runs(lost: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Cut losses into runs of the same fate.

    Returns
    -------
    tuple
        For each run whether its packets were lost, and how many there are; both (runs,).
    """
    starts = np.flatnonzero(np.diff(lost, prepend=~lost[:1]))
    return lost[starts], np.diff(starts, append=len(lost))
