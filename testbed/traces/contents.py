"""Counts of everything in a capture or dump, for messages where RTP is missing or incomplete."""

from collections import Counter

from testbed.traces.datagram import Datagram
from testbed.traces.dissector import way
from testbed.traces.layer import Frame
from testbed.traces.layer_internet import LATER_FRAGMENT
from testbed.traces.layer_udp import CUT, DTLS, ZRTP

_MOST_NAMES, _LISTED = 1000, 8
TIMELESS = "packets without a time (simple packet blocks)"
OF_LINK_TYPE = "packets of link type"


class Contents:
    """Counts the packets of a capture or dump.

    Attributes
    ----------
    notes
        Notes on the file itself, such as that it ends inside a packet.
    other
        Number of packets that were not RTP, by their kind.
    ways_keyed
        The key agreement (DTLS, RFC 5764, or ZRTP, RFC 6189) seen between each pair of addresses.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.other: Counter[str] = Counter()
        self.ways_keyed: dict[frozenset[str], str] = {}
        self._rtp = self._cut = self._fragments = 0
        self._wrappings: Counter[tuple[str, ...]] = Counter()

    def count_rtp(self, datagram: Datagram, frame: Frame) -> None:
        """Count a packet that can be RTP."""
        self._rtp += 1
        self._cut += datagram.is_cut
        self._fragments += frame.is_fragment
        if frame.wrappings:
            self._wrappings[frame.wrappings] += 1

    def count_other(self, name: str, frame: Frame | None = None) -> None:
        """Count a packet that cannot be RTP."""
        self.other[name if name in self.other or len(self.other) < _MOST_NAMES else "others"] += 1
        if name in (DTLS, ZRTP) and frame is not None and len(self.ways_keyed) < _MOST_NAMES:
            self.ways_keyed[frozenset(way(frame.addresses, frame.ports).split(" > "))] = name

    def keys_between(self, ends: str) -> str:
        """Return the key agreement seen between the ends of a way; "" if there was none."""
        return self.ways_keyed.get(frozenset(ends.split(" > ")), "")

    def lines(self) -> list[str]:
        """Return notes about the capture that the reader of its RTP must know."""
        lines = list(self.notes)
        for wrappings, count in self._wrappings.most_common(_LISTED):
            lines.append(f"{count} packets were read out of {' inside '.join(reversed(wrappings))}")
        if self._cut:
            lines.append(
                f"the capture cut {self._cut} of {self._rtp} packets: their RTP headers are whole, "
                "their payloads are not"
            )
        if self.other[CUT]:
            lines.append(f"{self.other[CUT]} {CUT} are left out: capture with a larger snapshot length")
        for name, count in self.other.items():
            if name.startswith((TIMELESS, OF_LINK_TYPE)):
                lines.append(f"{count} {name} are left out: RTP in them counts as lost")
        if self._fragments or self.other[LATER_FRAGMENT]:
            lines.append(
                f"{self._fragments} packets came in IP fragments, which are not reassembled: they count "
                f"as cut packets; {self.other[LATER_FRAGMENT]} {LATER_FRAGMENT} are left out"
            )
        return lines

    def __str__(self) -> str:
        """Return the kinds of packets, the most frequent first."""
        named = [f"{count} {name}" for name, count in self.other.most_common(_LISTED)]
        if self._rtp:
            named.append(f"{self._rtp} UDP that begin like RTP, but form no stream")
        if len(self.other) > _LISTED:
            named.append("others")
        text = ", ".join(named) or "no packets"
        if self.other[CUT]:
            text += "; capture with a larger snapshot length (tcpdump -s 0)"
        return text
