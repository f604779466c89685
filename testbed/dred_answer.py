"""The DRED of a stream's packets: carried, none, or unknown; and how much."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from testbed.codecs.dred import packet, payload
from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.opus.packet import OWN_VERSIONS

_BY_CHANCE = 0.01
_FEW = 0.1
Verdict = Literal["carries", "none", "unknown"]


@dataclass(frozen=True)
class Found:
    """The DRED of one packet.

    Attributes
    ----------
    index
        From 0. In a bitstream ``opus_demo``'s frame number, which counts frames not sent; elsewhere the
        packet's number among the Opus packets of its stream.
    packet_bytes, dred_bytes
        Size of the Opus packet, and of its DRED with framing.
    header
        Header of the DRED payload.
    end_ms
        Time from the end of the redundancy to the packet's first sample; below 0 it extends into the packet.
    depth_ms
        Duration of the audio it holds; None if its network is not known.
    network
        Name of its network; ``""`` if it is not known.
    """

    index: int
    packet_bytes: int
    dred_bytes: int
    header: payload.DredHeader
    end_ms: float
    depth_ms: int | None
    network: str


def find(index: int, data: bytes, networks: Iterable[DredNetwork]) -> Found | None:
    """Return the DRED of an Opus packet, if there is any.

    Parameters
    ----------
    index, data
        The packet and its number.
    networks
        The networks, besides libopus's, whose DRED can be read whole.

    Raises
    ------
    CodecError
        It is not an Opus packet, or is damaged.
    """
    carried = packet.find(data)
    if carried is None:
        return None
    header = payload.parse_header(carried.payload)
    network = next((each for each in (LIBOPUS, *networks) if header.version in each.versions), None)
    return Found(
        index,
        len(data),
        carried.dred_bytes,
        header,
        header.end_ms - carried.frame * carried.frame_ms,
        payload.parse(carried.payload, network=network).depth_ms if network else None,
        network.title if network else "",
    )


@dataclass
class DredAnswer:
    """The DRED of one stream.

    Attributes
    ----------
    ssrc, way, point
        The stream, as in `RtpStream`; without RTP there is no SSRC, and "" where there is one stream.
    types
        Number of packets of each RTP payload type.
    red_types
        The payload types that are RED.
    packets, damaged
        Number of Opus packets, and of those that could not be read.
    cut
        Number of packets that the capture cut where they may carry DRED.
    duplicates
        Number of further copies of packets, which no other number includes.
    reason
        Reason why the packets' content is unknown; "" if it is known.
    is_implausible
        Whether the packets do not look like Opus; then a little DRED in them is chance.
    with_dred, dred_bytes
        Number of packets with DRED, and their bytes of DRED together.
    depths_ms
        Number of packets by the depth of their DRED, where it is known.
    versions
        Experimental versions of DRED seen, each with the name of its network, ``""`` if that is not known.
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
    versions: dict[int, str] = field(default_factory=dict)

    def add(self, found: Found) -> None:
        """Count a packet with DRED."""
        self.with_dred += 1
        self.dred_bytes += found.dred_bytes
        self.versions[found.header.version] = found.network
        if found.depth_ms is not None:
            self.depths_ms[found.depth_ms] += 1

    @property
    def name(self) -> str:
        """Name of the stream, for messages; "" where there is only one."""
        ssrc = "" if self.ssrc is None else f"0x{self.ssrc:08x}"
        return ", ".join(filter(None, (ssrc, self.way, self.point)))

    @property
    def verdict(self) -> Verdict:
        """The answer for this stream; a few packets with DRED may be chance where they are implausible."""
        if self.with_dred > (self.packets * _BY_CHANCE if self.is_implausible else 0):
            return "carries"
        return "unknown" if self.reason or self.cut or self.damaged > _FEW * self.packets else "none"

    @property
    def mean_depth_ms(self) -> float:
        """Mean depth of the packets whose depth is known, of which there must be one."""
        return sum(depth * count for depth, count in self.depths_ms.items()) / self.depths_ms.total()

    def __str__(self) -> str:
        """Return the answer in one line."""
        first, *rest = [*self._parts(), *self._networks()]
        return "; ".join([f"{self.name}: {first}" if self.name else first, *rest])

    def _parts(self) -> list[str]:
        line = f"{self.with_dred} of {self.packets} packets carry DRED"
        if self.with_dred:
            line += f", {self.dred_bytes / self.with_dred:.1f} bytes each"
        if self.depths_ms:
            line += f", {min(self.depths_ms)} to {max(self.depths_ms)} ms deep"
            line += f", {self.mean_depth_ms:.0f} on average"
        parts = [line]
        if self.verdict == "unknown":
            parts = ["it cannot be known whether packets carry DRED"]
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

    def _networks(self) -> list[str]:
        """Return whose the versions are that are not libopus's."""
        own = [(version, name) for version, name in sorted(self.versions.items()) if version in OWN_VERSIONS]
        return [
            f"version {version} is of the network {name!r}"
            if name
            else f"version {version} is of a network not known here (--network FOLDER tells its depth)"
            for version, name in own
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the answer for programs; times in ms, null where there is no value."""
        depth = None
        if self.depths_ms:
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
            "networks": {str(version): name or None for version, name in sorted(self.versions.items())},
            "reason": "; ".join(self._parts()[1:]) or None,
        }
