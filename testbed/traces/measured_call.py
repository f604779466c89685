"""Losses, jitter, round-trip time and bitrate of a call, interval by interval, from its counters."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from testbed.channels.measured import MAX_INTERVALS
from testbed.errors import ChannelError
from testbed.traces.audio_stream import AudioStream, Quantity

LONGEST_MS = 600_000.0
"""Longest time between two reports that still tell of one call."""
LEAST_CONCEALMENTS = 10
"""Smallest number of concealments by which the length of bursts is estimated."""


@dataclass(frozen=True)
class MeasuredCall:
    """A call's statistics, interval by interval: (n,) values each, NaN where one is not known.

    Attributes
    ----------
    way
        ``"received"`` or ``"sent"``; see `AudioStream`.
    stream
        The stream, for people.
    duration_ms
        Length of each interval, above 0.
    expected, lost
        Packets sent to the receiver, and those of them that were lost. Parts of packets are possible: the
        losses of a silence are spread over it.
    jitter_ms, rtt_ms, kbps, available_kbps
        Jitter and round-trip time, bitrate of the payloads, and its limit as the sender estimated it.
    mean_burst_packets
        Packets lost per concealment, 1 or more; None where that cannot be told.
    notes
        Notes for people about the counters.
    """

    way: Literal["received", "sent"]
    stream: str
    duration_ms: NDArray[np.float64]
    expected: NDArray[np.float64]
    lost: NDArray[np.float64]
    jitter_ms: NDArray[np.float64]
    rtt_ms: NDArray[np.float64]
    kbps: NDArray[np.float64]
    available_kbps: NDArray[np.float64]
    mean_burst_packets: float | None
    notes: tuple[str, ...] = ()

    @property
    def loss(self) -> NDArray[np.float64]:
        """The share of packets lost in each interval, 0 to 1."""
        shares = np.divide(self.lost, self.expected, out=np.zeros_like(self.lost), where=self.expected > 0)
        return np.clip(shares, 0.0, 1.0)


def measured_call(stream: AudioStream, where: str) -> MeasuredCall:
    """Return the intervals between the times at which a stream's packets were counted.

    Raises
    ------
    ChannelError
        There are none, or too many.
    """
    edges_ms = _edges(stream)
    passed = _at(stream.packets, edges_ms)
    lost_so_far = _at(stream.lost, edges_ms)
    steps, lost = np.diff(passed), np.diff(lost_so_far)
    goes_on, is_near = steps >= 0, np.diff(edges_ms) <= LONGEST_MS
    known = goes_on & is_near
    notes = []
    if not goes_on.all():
        notes.append(f"the count of packets fell; {int((~goes_on).sum())} intervals are left out")
    if not is_near.all():
        notes.append(f"{int((~is_near).sum())} intervals longer than 10 minutes are left out")
    expected = steps if stream.way == "sent" else steps + lost
    moving = known & (expected > 0)
    if not moving.any():
        raise ChannelError(f"{where}: counted no packets of {stream}")
    # Before the first packet and after the last there is no call.
    first, last = np.flatnonzero(moving)[[0, -1]]
    known[:first] = known[last + 1 :] = False
    if known.sum() > MAX_INTERVALS:
        raise ChannelError(f"{where}: has {int(known.sum())} intervals; {MAX_INTERVALS} can be read")
    duration_ms = np.diff(edges_ms)[known]
    lost = _without_negative(lost[known])
    expected, lost = _spread(duration_ms, np.maximum(expected[known], lost), lost)
    ends_ms = edges_ms[1:][known]
    bits = np.diff(_at(stream.octets, edges_ms))[known] * 8
    return MeasuredCall(
        way=stream.way,
        stream=str(stream),
        duration_ms=duration_ms,
        expected=expected,
        lost=lost,
        jitter_ms=_plausible(_at(stream.jitter_s, ends_ms) * 1000),
        rtt_ms=_plausible(_at(stream.rtt_s, ends_ms) * 1000),
        kbps=np.where(bits >= 0, bits, np.nan) / duration_ms,
        available_kbps=_plausible(_at(stream.available_bps, ends_ms) / 1000, 1e7),
        mean_burst_packets=_mean_burst(stream, float(lost.sum())),
        notes=tuple(notes),
    )


def _edges(stream: AudioStream) -> NDArray[np.float64]:
    """Return the times between which losses are known, at least 1 ms apart: those of the reports."""
    times_ms = (stream.lost if stream.way == "sent" else stream.packets)[0]
    apart = np.diff(times_ms, prepend=-np.inf) >= 1.0
    return times_ms[apart]


def _at(quantity: Quantity, times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values nearest in time, NaN without any."""
    known_ms, values = quantity
    if not len(known_ms):
        return np.full(len(times_ms), np.nan)
    after = np.clip(np.searchsorted(known_ms, times_ms), 1, max(1, len(known_ms) - 1))
    before = after - 1
    after = np.minimum(after, len(known_ms) - 1)
    nearer = np.abs(known_ms[after] - times_ms) < np.abs(times_ms - known_ms[before])
    return np.asarray(np.where(nearer, values[after], values[before]), np.float64)


def _plausible(values: NDArray[np.float64], most: float = 60_000.0) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.where((values >= 0) & (values <= most), values, np.nan)


def _without_negative(lost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return losses in which a packet that came late, or twice, is taken off the losses before it."""
    result = np.nan_to_num(lost)
    owed = 0.0
    for place in range(len(result) - 1, -1, -1):
        owed += max(0.0, -result[place])
        paid = min(owed, max(0.0, result[place]))
        result[place] = max(0.0, result[place]) - paid
        owed -= paid
    return result


def _spread(
    duration_ms: NDArray[np.float64], expected: NDArray[np.float64], lost: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return packets with those lost in an outage at its time.

    They are counted only when the next packet arrives. So the losses of an interval belong to the intervals
    without packets before it, as far as the call sends that many.
    """
    expected, lost = expected.copy(), lost.copy()
    pace = float(np.median((expected / duration_ms)[expected > 0]))
    silent = expected <= 0
    starts = np.flatnonzero(silent & ~np.r_[False, silent[:-1]])
    ends = np.flatnonzero(silent & ~np.r_[silent[1:], False]) + 1
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end == len(lost):
            continue
        sent = pace * duration_ms[start:end]
        moved = min(lost[end], float(sent.sum()))
        if moved > 0:
            expected[start:end] = sent
            lost[start:end] = moved * sent / sent.sum()
            expected[end] -= moved
            lost[end] -= moved
    return expected, lost


def _mean_burst(stream: AudioStream, lost: float) -> float | None:
    concealed = stream.concealments[1]
    if stream.repaired or len(concealed) < 2:
        return None
    events = float(np.clip(np.diff(concealed), 0, None).sum())
    return max(1.0, lost / events) if events >= LEAST_CONCEALMENTS and lost else None
