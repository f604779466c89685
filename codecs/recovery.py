"""Recovery of a missing frame by libopus, given a later packet."""

from enum import IntEnum

from testbed.codecs.encoded_frame import EncodedFrame


class Recovery(IntEnum):
    """Source of a frame's sound.

    Attributes
    ----------
    PRIMARY
        The packet whose primary it is.
    RED
        A copy in a later packet (RFC 2198).
    LBRR
        The in-band redundancy of the next packet (RFC 6716, 2.1.7).
    DRED
        The deep redundancy of a later packet.
    PLC
        Concealment.
    DTX
        The frame was not sent (RFC 7587, 3.1.3).
    """

    PRIMARY = 0
    RED = 1
    LBRR = 2
    DRED = 3
    PLC = 4
    DTX = 5


class Action(IntEnum):
    """Action of the decoder for a frame.

    Attributes
    ----------
    DECODE
        Decodes the frame's own packet.
    DECODE_LBRR
        Decodes the LBRR of the packet after it.
    DECODE_DRED
        Decodes the DRED of a later packet, at its distance from the frame.
    CONCEAL
        Extrapolates.
    FILL_PAUSE
        Fills a pause with comfort noise.
    """

    DECODE = 0
    DECODE_LBRR = 1
    DECODE_DRED = 2
    CONCEAL = 3
    FILL_PAUSE = 4


def recover(
    previous: EncodedFrame | None,
    carrier: EncodedFrame,
    distance: float,
    frame_samples: int,
    dred_reach_samples: int,
) -> tuple[Recovery, Action]:
    """Return the source of a missing frame's sound, and the decoder's action for it.

    The decoder is always given the best data available: LBRR, else DRED. A frame counts as `Recovery.PLC`
    where libopus cannot use it: LBRR after a CELT packet, DRED after SILK's narrowband and mediumband, and
    DRED that does not reach back to the frame. A decoder that has decoded nothing yet plays LBRR; it is not
    given DRED, which it would play in a later gap.

    Parameters
    ----------
    previous
        The last packet with sound that was decoded; None before the first.
    carrier
        The next available packet after the frame.
    distance
        Time from the missing frame's beginning to the carrier's, in lengths of the frame; at least 1.
    frame_samples
        Samples per frame at 16 kHz.
    dred_reach_samples
        Depth of a packet's DRED that the engine reads, counted from its newest sample.
    """
    if distance == 1 and carrier.has_lbrr:
        is_taken = previous is None or previous.mode != "celt"
        return Recovery.LBRR if is_taken else Recovery.PLC, Action.DECODE_LBRR
    if carrier.dred_samples and previous is not None:
        unread_samples = max(0, carrier.dred_depth_samples - dred_reach_samples)
        short_samples = distance * frame_samples - (carrier.dred_samples - unread_samples)
        is_taken = previous.allows_neural_concealment and short_samples <= frame_samples // 2
        return Recovery.DRED if is_taken else Recovery.PLC, Action.DECODE_DRED
    return Recovery.PLC, Action.CONCEAL
