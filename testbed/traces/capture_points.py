"""RTP streams captured at several points: parts are joined, repeated packets kept apart."""

from collections import defaultdict

from testbed.traces.rtp_stream import RtpStream

_FEW = 0.1


def joined(found: list[RtpStream]) -> list[RtpStream]:
    """Join the parts of a stream that were captured at different points; keep apart streams seen twice.

    A call that moves to another interface, VLAN or route has parts. A stream captured before and after a
    router is seen twice.

    Parameters
    ----------
    found
        Streams, each of one SSRC, way and point.

    Returns
    -------
    list
        Streams; `point` is empty where there is no other of the same SSRC and way.
    """
    groups: defaultdict[tuple[int, str], list[RtpStream]] = defaultdict(list)
    for stream in found:
        groups[stream.ssrc, stream.way].append(stream)
    streams: list[RtpStream] = []
    for group in groups.values():
        streams += group if len(group) > 1 and _overlap(group) else [_merged(group)]
    return streams


def _overlap(group: list[RtpStream]) -> bool:
    """Return True if points captured the same packets: more of them than duplicates explain."""
    seen = [set(zip(stream.sequences, stream.timestamps, strict=True)) for stream in group]
    total = sum(map(len, seen))
    return total - len(set().union(*seen)) > _FEW * total


def _merged(group: list[RtpStream]) -> RtpStream:
    first = group[0]
    if len(group) == 1:
        first.point = ""
        return first
    columns = [
        zip(s.times_ns, s.sequences, s.timestamps, s.packets, s.sizes_bytes, strict=True) for s in group
    ]
    rows = sorted((row for column in columns for row in column), key=lambda row: row[0])
    return RtpStream(first.ssrc, first.way, "", *map(list, zip(*rows, strict=True)))
