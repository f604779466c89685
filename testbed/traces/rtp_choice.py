"""Selection of one RTP stream of a capture: its SSRC, and one of the ways (addresses and ports) it took."""

from testbed.errors import ChannelError
from testbed.traces.format import StreamChoice
from testbed.traces.rtp_stream import MAX_DROPOUT, RtpStream
from testbed.words import shortened

_LISTED = 10
_SAME = 0.5
"""Smallest share of common packets at which two points of capture saw the same stream."""


def choice(
    ssrc: str | None, clock_hz: int | None, way: int | None = None, interval_ms: float | None = None
) -> StreamChoice:
    """Return a reader's options, from those of the command line.

    Raises
    ------
    ChannelError
        The SSRC is not a number of 32 bits.
    """
    if ssrc is None:
        return StreamChoice(None, clock_hz, way, interval_ms)
    try:
        number = int(ssrc, 0)
    except ValueError:
        number = -1
    if not 0 <= number < 2**32:
        raise ChannelError(f"--ssrc {ssrc[:40]}: is not a number of 32 bits, such as 0x1234abcd")
    return StreamChoice(number, clock_hz, way, interval_ms)


def chosen(found: list[RtpStream], ssrc: int | None, where: str, way: int | None = None) -> RtpStream:
    """Return the stream of an SSRC on one of its ways, or the only one there is.

    Parameters
    ----------
    found
        The streams of a capture.
    ssrc
        Its sender; None where there is only one.
    where
        The file's name, for errors.
    way
        Number of the way, from 1 in the order of their first packets; None where there is only one.

    Raises
    ------
    ChannelError
        There is none, or several; the message lists them.
    """
    likely = [stream for stream in found if stream.plausible()]
    wanted = likely if ssrc is None else [stream for stream in found if stream.ssrc == ssrc]
    if not wanted:
        if ssrc is None:
            raise ChannelError(
                f"{where}: holds no RTP stream: no UDP packets with consecutive RTP sequence numbers"
            )
        there = f"there is {_listed(likely)}" if likely else "there is no stream"
        raise ChannelError(f"{where}: holds no RTP of SSRC 0x{ssrc:08x}; {there}")
    senders = {stream.ssrc for stream in wanted}
    if len(senders) > 1:
        raise ChannelError(
            f"{where}: holds {len(senders)} RTP streams, choose with --ssrc: {_listed(wanted)}"
        )
    ways = [stream for stream in wanted if stream.plausible()] or wanted
    if way is None and len(ways) > 1:
        raise ChannelError(
            f"{where}: holds 0x{ways[0].ssrc:08x} on {len(ways)} ways, choose with --way: {_ways(ways)}"
        )
    if way is not None and way > len(ways):
        raise ChannelError(
            f"{where}: has no --way {way}: 0x{ways[0].ssrc:08x} was seen on {len(ways)}: {_ways(ways)}"
        )
    return ways[(way or 1) - 1]


def _listed(found: list[RtpStream]) -> str:
    largest = sorted(found, key=lambda stream: -len(stream.packets))
    return shortened(largest, _LISTED)


def _ways(ways: list[RtpStream]) -> str:
    lines = []
    for number, stream in enumerate(ways[:_LISTED], 1):
        place = f", {stream.point}" if stream.point else ""
        relation = f", {_relation(ways[0], stream)}" if number > 1 else ""
        lines.append(f"{number}: {len(stream.packets)} packets, {stream.way}{place}{relation}")
    more = f"; and {len(ways) - _LISTED} more" if len(ways) > _LISTED else ""
    return "; ".join(lines) + more


def _relation(first: RtpStream, other: RtpStream) -> str:
    """Return the relation of the packets of two ways of one SSRC, in words."""
    packets, others = (set(zip(s.sequences, s.timestamps, strict=True)) for s in (first, other))
    if len(packets & others) >= _SAME * min(len(packets), len(others)):
        return "the same packets, captured at another place"
    gap = (other.sequences[0] - first.sequences[-1]) % 2**16
    if not packets & others and gap <= MAX_DROPOUT and other.times_ns[0] >= first.times_ns[-1]:
        return "continuing where way 1 ends: the call moved to other addresses"
    return "other packets: two senders with one SSRC"
