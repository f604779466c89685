"""Whether the packets of a stream carry DRED: yes, no, or it cannot be known; and how much."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from testbed.codecs.dred import packet, payload

_BY_CHANCE = 0.01
Verdict = Literal["carries", "none", "unknown"]


@dataclass(frozen=True)
class Found:
    """The DRED of one packet.

    Attributes
    ----------
    index
        From 0. In a bitstream, ``opus_demo``'s number of the frame: those not sent count. Elsewhere the
        packet's place among the Opus packets of its stream.
    packet_bytes, dred_bytes
        Size of the Opus packet, and how much of it there is for DRED, framing included.
    header
        What the payload says first.
    end_ms
        How long before the packet's first sample the redundancy ends; below 0: it goes on into the packet.
    depth_ms
        How much sound it holds.
    """

    index: int
    packet_bytes: int
    dred_bytes: int
    header: payload.DredHeader
    end_ms: float
    depth_ms: int


def find(index: int, data: bytes) -> Found | None:
    """Return the DRED of an Opus packet, if there is any.

    Raises
    ------
    CodecError
        If it is no Opus packet, or is damaged.
    """
    carried = packet.find(data)
    if carried is None:
        return None
    whole = payload.parse(carried.payload)
    end_ms = whole.header.end_ms - carried.frame * carried.frame_ms
    return Found(index, len(data), carried.dred_bytes, whole.header, end_ms, whole.depth_ms)


@dataclass
class Answer:
    """What is known of the DRED of one stream.

    Attributes
    ----------
    ssrc, way, point
        Which stream it is, as in `RtpStream`; without RTP there is no SSRC, and "" where there is one stream.
    types
        How many packets of each RTP payload type there are.
    red_types
        Which of them are RED.
    packets, damaged
        How many Opus packets there are, and how many of them could not be read.
    cut
        How many may carry DRED where the capture has cut them.
    duplicates
        How many further copies of packets there are; they count nowhere else.
    reason
        Why it cannot be known what the packets carry; "" if it can.
    is_implausible
        Whether the packets hardly look like Opus: then some DRED in them is chance.
    with_dred, dred_bytes
        How many packets carry DRED, and how many bytes of it all together.
    depths_ms
        How many packets carry so much sound.
    versions
        DRED's experimental versions that were seen.
    """

    ssrc: int | None = None
    way: str = ""
    point: str = ""
    types: Counter[int] = field(default_factory=Counter)
    red_types: tuple[int, ...] = ()
    packets: int = 0
    damaged: int = 0
    cut: int = 0
    duplicates: int = 0
    reason: str = ""
    is_implausible: bool = False
    with_dred: int = 0
    dred_bytes: int = 0
    depths_ms: Counter[int] = field(default_factory=Counter)
    versions: set[int] = field(default_factory=set)

    def add(self, found: Found) -> None:
        """Count a packet with DRED."""
        self.with_dred += 1
        self.dred_bytes += found.dred_bytes
        self.depths_ms[found.depth_ms] += 1
        self.versions.add(found.header.version)

    @property
    def name(self) -> str:
        """Which stream it is, for people; "" where there is no other."""
        ssrc = "" if self.ssrc is None else f"0x{self.ssrc:08x}"
        return ", ".join(filter(None, (ssrc, self.way, self.point)))

    @property
    def verdict(self) -> Verdict:
        """Whether packets carry DRED."""
        if self.with_dred > (self.packets * _BY_CHANCE if self.is_implausible else 0):
            return "carries"
        return "unknown" if self.reason or self.cut or self.damaged == self.packets > 0 else "none"

    @property
    def mean_depth_ms(self) -> float:
        """How much sound the DRED of a packet holds on average; there is some."""
        return sum(depth * count for depth, count in self.depths_ms.items()) / self.with_dred

    def __str__(self) -> str:
        """Say in one line what is known."""
        first, *rest = self._parts()
        return "; ".join([f"{self.name}: {first}" if self.name else first, *rest])

    def _parts(self) -> list[str]:
        line = f"{self.with_dred} of {self.packets} packets carry DRED"
        if self.with_dred:
            line += f", {self.dred_bytes / self.with_dred:.1f} bytes each"
            line += f", {min(self.depths_ms)} to {max(self.depths_ms)} ms deep"
            line += f", {self.mean_depth_ms:.0f} on average"
        parts = [line]
        if self.verdict == "unknown":
            parts = ["whether packets carry DRED cannot be known"]
        if self.reason:
            parts.append(self.reason)
        elif not self.packets:
            kinds = ", ".join(map(str, sorted(self.types)))
            parts = [f"no packet carries DRED: there is no Opus (payload types: {kinds})"]
        if self.cut:
            parts.append(
                f"the capture cut {self.cut} of {self.packets} packets that can carry it: "
                "capture with a larger snapshot length (tcpdump -s 0)"
            )
        if self.damaged:
            parts.append(f"{self.damaged} could not be read as Opus")
        if self.duplicates:
            parts.append(f"{self.duplicates} duplicates are not counted")
        return parts

    def as_json(self) -> dict[str, Any]:
        """Return what is known for programs; lengths of time in ms, null for what there is not."""
        depth = None
        if self.with_dred:
            depth = {"least": min(self.depths_ms), "mean": self.mean_depth_ms, "most": max(self.depths_ms)}
        return {
            "ssrc": None if self.ssrc is None else f"0x{self.ssrc:08x}",
            "way": self.way or None,
            "point": self.point or None,
            "answer": self.verdict,
            "packets": self.packets,
            "with_dred": self.with_dred,
            "cut": self.cut,
            "damaged": self.damaged,
            "duplicates": self.duplicates,
            "payload_types": {str(kind): count for kind, count in sorted(self.types.items())},
            "red_payload_types": list(self.red_types),
            "dred_bytes_mean": self.dred_bytes / self.with_dred if self.with_dred else None,
            "depth_ms": depth,
            "versions": sorted(self.versions),
            "reason": "; ".join(self._parts()[1:]) or None,
        }
