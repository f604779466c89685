"""Times of sending of RTP packets, from their timestamps.

A timestamp is the sampling instant of the packet's first sample (RFC 3550, section 5.1). It does not count
the time of pauses in senders that stop it, and it is reset, e.g. by a re-INVITE.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from testbed.errors import ChannelError
from testbed.traces.rtp_clock import COMFORT_NOISE
from testbed.traces.rtp_received import ReceivedStream
from testbed.traces.rtp_timeless import filled, without_time

_COMFORT_BYTES = 8
_MARKS_MEAN = 0.5
_PAUSE_STEPS = 4
_SURE_NS = 60e9
_LARGE_NS = 1e9
_SMALL_NS = 40e6
_SMALL_STEPS = 1.5
_HORIZON_NS = 30e9
_REMAINS = 0.5
_ALIKE = 0.25
_JITTER_NS = 150e6
_MOST = 0.8
_ENOUGH_PACKETS = 5
_STEADY_PACKETS = 40
_NEAR_PACKETS = 250
_PACED_PACKETS = 10


def sending_ns(packets: ReceivedStream, where: str) -> tuple[NDArray[np.int64], list[str]]:
    """Return the time of sending of each packet, up to a constant, and notes on gaps in the timestamps.

    Raises
    ------
    ChannelError
        Timestamps run backward without a reset.
    """
    timeless, notes = without_time(packets)
    timed = np.flatnonzero(~timeless)
    sent, more = _Stretches(packets, timed).sent_ns(where)
    return filled(packets.arrived_ns, timed, sent), [*notes, *more]


class _Stretches:
    """Packets with meaningful timestamps, split where these pause or are reset.

    A network can look the same: a stall, or a queue that drains while the sender pauses. So delays must be at
    their floor and steady before and after a place, and must not return. A marked packet, which begins a
    talkspurt (RFC 3551, section 4.1), or comfort noise next to it needs less evidence.
    """

    def __init__(self, packets: ReceivedStream, timed: NDArray[np.int64]) -> None:
        self._sequences = packets.sequences[timed]
        marked = packets.marked[timed]
        self._marked = marked if marked.mean() < _MARKS_MEAN else np.zeros_like(marked)
        self._clock_hz = packets.clock_hz[timed]
        self._arrived = (packets.arrived_ns[timed] - packets.arrived_ns[timed[0]]).astype(np.float64)
        self._ticks = np.diff(packets.timestamps[timed]).astype(np.int32).astype(np.int64)
        self._media = self._ticks * (1e9 / self._clock_hz[1:])
        self._lag = np.diff(self._arrived) - self._media
        self._after_events = np.diff(timed) > 1
        sizes = packets.payload_bytes[timed]
        comfort = (packets.payload_types[timed] == COMFORT_NOISE) | (sizes <= _COMFORT_BYTES)
        self._beside_comfort = comfort[1:] | comfort[:-1]
        sent = np.concatenate(([0.0], np.cumsum(self._media)))
        if len(np.unique(self._clock_hz)) == 1:
            sent[1:] = np.cumsum(self._ticks) * (10**9 / int(self._clock_hz[0]))
        self._sent = sent
        one_apart = np.diff(self._sequences).astype(np.int16) == 1
        steps = self._media[one_apart & (self._media > 0)]
        self._step = float(np.median(steps)) if len(steps) else np.inf
        goes_on = one_apart & (self._media >= _PAUSE_STEPS * self._step) & (self._media < _SURE_NS)
        self._goes_on = bool(np.count_nonzero(goes_on & ~self._after_events) > 2)
        self._doubtful: set[int] = set()
        self._anew = (self._ticks < 0) | (self._lag <= -_SURE_NS) | (np.diff(self._clock_hz) != 0)

    def sent_ns(self, where: str) -> tuple[NDArray[np.int64], list[str]]:
        """Return the time of sending of each packet, and notes."""
        large = self._anew | (np.abs(self._lag) >= np.where(self._after_events, _SMALL_NS, _LARGE_NS))
        steps, shift = self._steps(large)
        with_small = large if self._goes_on else large | self._small()
        if with_small.sum() > large.sum():
            all_steps, all_shift = self._steps(with_small)
            if sum(max(0.0, size) for size in all_steps.values()) >= _LARGE_NS:
                steps, shift = all_steps, all_shift
        backward = self._ticks < 0
        backward[list(steps)] = False
        if backward.any():
            place = int(np.argmax(backward))
            raise ChannelError(
                f"{where}: RTP timestamps run backward by {-self._ticks[place]} at sequence number "
                f"{self._sequences[place + 1]}, against the packet sent before it"
            )
        sent = np.maximum.accumulate(np.rint(self._sent + shift).astype(np.int64))
        return sent, self._notes(steps)

    def _small(self) -> NDArray[np.bool_]:
        """Return where a packet may follow a short pause: alone among neighbours, or by comfort noise."""
        late = self._lag >= max(_SMALL_NS, _SMALL_STEPS * self._step)
        alone = ~(np.append(False, late[:-1]) | np.append(late[1:], False))
        return np.asarray(late & (alone | self._beside_comfort))

    def _steps(self, candidates: NDArray[np.bool_]) -> tuple[dict[int, float], NDArray[np.float64]]:
        """Find the places after which all delays differ permanently, so that the timestamps must be wrong.

        Returns
        -------
        tuple
            The shift of the times of sending in ns, by the packet before it; and their sum for each packet.
        """
        raw = self._arrived - self._sent
        level = raw.copy()
        future = self._floors_to_come(raw)
        time = np.maximum.accumulate(self._arrived)
        shift = np.zeros(len(raw))
        at = np.flatnonzero(candidates) + 1
        places = at.tolist()
        starts = np.searchsorted(time, time[at - 1] - _HORIZON_NS).tolist()
        steps: dict[int, float] = {}
        total, lowest, last = 0.0, np.inf, 0
        for number, place in enumerate(places):
            lowest = min(lowest, float(level[last:place].min()))
            until = places[number + 1] if number + 1 < len(places) else len(raw)
            before = float(level[starts[number] : place].min())
            recent = level[max(starts[number], place - _NEAR_PACKETS) : place] - before
            coming = raw[place : min(until, place + _NEAR_PACKETS)] - total
            lag = float(self._lag[place - 1])
            if self._anew[place - 1]:
                is_step = self._clock_hz[place] != self._clock_hz[place - 1] or len(coming) >= _ENOUGH_PACKETS
                lowest = np.inf
            elif lag < 0:
                below = lowest - float(np.median(coming))
                is_step = below >= _REMAINS * -lag and _is_steady(recent, coming, -lag)
            else:
                stays = float(future[place]) - total - before >= _REMAINS * lag
                is_step = stays and self._is_pause(place, recent, coming, lag, len(steps))
                if stays and not is_step and lag >= _LARGE_NS:
                    self._doubtful.add(place - 1)
            if is_step and (self._anew[place - 1] or self._is_paced(place, until)):
                size = float(raw[place:until].min()) - total - before
                steps[place - 1] = size
                total += size
            shift[place:until] = total
            level[place:until] -= total
            last = place
        return steps, shift

    def _is_pause(
        self,
        place: int,
        recent: NDArray[np.float64],
        coming: NDArray[np.float64],
        lag: float,
        known: int,
    ) -> bool:
        """Return True if a permanent rise of the delays is a pause or a step of a clock, not a queue."""
        if self._after_events[place - 1]:
            return len(coming) >= _ENOUGH_PACKETS
        if self._goes_on or not (self._marked[place] or self._beside_comfort[place - 1] or known > 2):
            return _is_steady(recent, coming, lag)
        enough = 1 if known or self._beside_comfort[place - 1] else _ENOUGH_PACKETS
        at_floor = float(recent.min()) <= _REMAINS * lag
        return len(coming) >= enough and at_floor and _spread(coming) <= _bound(lag)

    def _floors_to_come(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the smallest of each packet's and all later delays until the next reset."""
        floors = np.empty_like(raw)
        edges = [0, *(np.flatnonzero(self._anew) + 1).tolist(), len(raw)]
        for start, end in pairwise(edges):
            floors[start:end] = np.minimum.accumulate(raw[start:end][::-1])[::-1]
        return floors

    def _is_paced(self, place: int, end: int) -> bool:
        """Return True if packets after a place come at the sender's pace, not in a burst from a queue."""
        last = min(place + _PACED_PACKETS, end - 1)
        passed = self._arrived[last] - self._arrived[place]
        return bool(passed >= _REMAINS * (self._sent[last] - self._sent[place]))

    def _notes(self, steps: dict[int, float]) -> list[str]:
        anew = [at for at, size in steps.items() if self._anew[at] or size < 0]
        pauses = sorted(steps.keys() - set(anew))
        notes = []
        if anew:
            ticks, number = int(self._ticks[anew[0]]), int(self._sequences[anew[0] + 1])
            more = f", and {len(anew) - 1} more times" if len(anew) > 1 else ""
            notes.append(
                f"the sender reset its timestamps at sequence number {number} ({ticks:+d} ticks){more}: "
                "the smallest delays before and after are taken as equal"
            )
        seconds = float(np.sum([steps[place] for place in pauses])) / 1e9
        after_pause = any(self._marked[place + 1] for place in pauses) or len(pauses) > 2
        if pauses and after_pause:
            count = f"{len(pauses)} pause{'s' * (len(pauses) > 1)}"
            notes.append(f"timestamps stop in {count}, {seconds:.3f} s in all: not counted as delay")
        elif pauses:
            notes += [
                f"from sequence number {self._sequences[place + 1]} on packets come "
                f"{steps[place] / 1e9:.3f} s later than their timestamps say: the capture's clock stepped "
                "forward, or the sender stopped its timestamps in a pause; removed from the delays"
                for place in pauses
            ]
        doubtful = sorted(self._doubtful - steps.keys())
        if doubtful:
            notes.append(
                f"delays rise by {self._lag[doubtful[0]] / 1e9:.3f} s at sequence number "
                f"{self._sequences[doubtful[0] + 1]} and do not return"
                f"{f', and at {len(doubtful) - 1} more places' if len(doubtful) > 1 else ''}: a queue, "
                "another route, or a clock that was set; left in the delays"
            )
        return notes


def _is_steady(recent: NDArray[np.float64], coming: NDArray[np.float64], lag: float) -> bool:
    """Return True if delays are at their floor before a place and steady after it, relative to the change."""
    if min(len(recent), len(coming)) < _STEADY_PACKETS:
        return False
    return max(_most(recent), _spread(coming)) <= _bound(lag)


def _spread(delays: NDArray[np.float64]) -> float:
    return _most(delays) - float(delays.min())


def _most(delays: NDArray[np.float64]) -> float:
    """Return the quantile `_MOST` of delays; faster than NumPy's for a few values."""
    rank = int(_MOST * (len(delays) - 1))
    return float(np.partition(delays, rank)[rank])


def _bound(lag: float) -> float:
    return min(_ALIKE * lag, _JITTER_NS)
