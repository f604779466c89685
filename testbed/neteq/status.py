"""Input and output of the controller: the state of the receiver, and what to play."""

from enum import IntEnum
from typing import NamedTuple

TICK_MS = 10
"""Sound is played, and a decision made, once per tick; arrivals count from the tick before them."""


class Operation(IntEnum):
    """The operation that plays this tick.

    Attributes
    ----------
    NORMAL
        The next packet's sound.
    MERGE
        The next packet's sound, joined to the concealment before it.
    EXPAND
        Concealment, by whatever conceals.
    ACCELERATE
        The next sound, without a pitch period.
    FAST_ACCELERATE
        The same when the delay is far too long: without a pause since the last stretch, and without several
        periods where `fast_accelerate` is set.
    PREEMPTIVE_EXPAND
        The next sound, with a pitch period twice.
    COMFORT_NOISE
        The codec's comfort noise of a pause.
    """

    NORMAL = 0
    MERGE = 1
    EXPAND = 2
    ACCELERATE = 3
    FAST_ACCELERATE = 4
    PREEMPTIVE_EXPAND = 5
    COMFORT_NOISE = 6


STRETCHES = (Operation.ACCELERATE, Operation.FAST_ACCELERATE, Operation.PREEMPTIVE_EXPAND)


class LastMode(IntEnum):
    """Outcome of the last tick in which something was decoded or concealed.

    A tick that only played what was decoded before leaves it as it was.

    Attributes
    ----------
    NORMAL, MERGE
        Decoded sound.
    EXPAND
        NetEq's own concealment.
    CODEC_PLC
        The codec's concealment.
    STRETCHED, NOT_STRETCHED
        A stretch, or decoded sound in which none was found.
    COMFORT_NOISE
        A packet of a pause, or its continuation.
    """

    NORMAL = 0
    MERGE = 1
    EXPAND = 2
    CODEC_PLC = 3
    STRETCHED = 4
    NOT_STRETCHED = 5
    COMFORT_NOISE = 6


class FrameArrival(NamedTuple):
    """A frame that a packet brought: its own, or a redundant copy of an earlier one.

    Attributes
    ----------
    timestamp
        Media time of its first sample, in samples; without wraps.
    samples
        Its length.
    is_redundant
        Whether it is a copy (RED, LBRR, DRED).
    """

    timestamp: int
    samples: int
    is_redundant: bool = False


class ReceiverStatus(NamedTuple):
    """State of the receiver before a decision; lengths and media times in samples.

    Attributes
    ----------
    last
        What the last tick became.
    target_timestamp
        Media time after all that was decoded: that of the packet to come next. It does not advance while a
        gap is concealed.
    next_timestamp
        Media time of the earliest packet in the buffer, at or after `target_timestamp`; None without one.
    next_is_dtx
        Whether that packet carries no sound (a payload of at most 2 bytes).
    left_samples
        Decoded sound that was not played yet.
    concealed_samples
        Comfort noise since the last decoded packet, or the ticks since the one in which concealment began.
    mute_factor_q14
        Gain of NetEq's own concealment, 16384 for 1; 0 after it has faded out.
    span_samples
        Media time from the start of the first packet in the buffer to the end of the last.
    waiting_span_samples
        Media time from the start of the first packet to that of the last, and the time that the last has
        waited since its arrival.
    holds_dtx
        Whether the buffer holds a packet without sound.
    removed_samples
        What the stretch of the last tick removed (negative: inserted); 0 after any other tick.
    """

    last: LastMode
    target_timestamp: int
    next_timestamp: int | None = None
    next_is_dtx: bool = False
    left_samples: int = 0
    concealed_samples: int = 0
    mute_factor_q14: int = 1 << 14
    span_samples: int = 0
    waiting_span_samples: int = 0
    holds_dtx: bool = False
    removed_samples: int = 0
