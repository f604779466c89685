"""Inspection of the DRED in a file: a capture or dump of RTP, Ogg Opus, or a bitstream of ``opus_demo``."""

import json
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from testbed.channels.recordings.file import read_content
from testbed.channels.recordings.foreign_files import refuse_foreign
from testbed.channels.recordings.kind import kind_by_magic
from testbed.codecs.dred.network_folder import DredNetwork, shipped_networks
from testbed.dred_answer import DredAnswer, Found, Verdict, find
from testbed.errors import CodecError, ScenarioError
from testbed.traces import capture, ogg_opus, rtpdump
from testbed.traces.contents import Contents
from testbed.traces.datagram import Datagram
from testbed.traces.ogg_opus import OggOpus
from testbed.traces.opus_in_rtp import OpusInRtp, opus_in
from testbed.traces.rtp_packets import streams_of
from testbed.traces.rtp_stream import RtpStream

EXIT_CODES: dict[Verdict, int] = {"carries": 0, "none": 3, "unknown": 4}
"""Exit codes of ``testbed dred inspect``; 2 is for a file that cannot be read."""
_MAX_PACKET_BYTES = 1 << 16
_MAX_STREAMS = 1000
_HEAD = struct.Struct(">II")
_TITLES = (
    "packet",
    "bytes",
    "DRED bytes",
    "version",
    "offset ms",
    "depth ms",
    "reaches ms",
    "q0",
    "dQ",
    "qmax",
)

Numbered = Iterator[tuple[int, bytes]]
"""The readable packets of a stream, with their numbers."""


class Inspection:
    """The DRED in a file's packets; iterating yields it packet by packet and keeps none of it.

    Parameters
    ----------
    path
        A capture, a dump, Ogg Opus or a bitstream.
    payload_type
        Opus's RTP payload type; None for 111 and those that the packets prove.
    red_payload_type
        RED's; None for those that the packets prove.
    network
        A network whose DRED is read, too, besides libopus's and those that come with the testbed.

    Attributes
    ----------
    answers
        After iterating: one answer per RTP stream, in the order of their first packets.
    """

    def __init__(
        self,
        path: Path,
        payload_type: int | None = None,
        red_payload_type: int | None = None,
        network: DredNetwork | None = None,
    ) -> None:
        self._path = path
        self._payload_type = payload_type
        self._red_payload_type = red_payload_type
        self._networks = [*([network] if network else []), *shipped_networks().values()]
        self.answers: list[DredAnswer] = []
        self._contents = Contents()

    def __iter__(self) -> Iterator[Found]:
        """Yield the DRED of every packet of the file, stream after stream.

        Raises
        ------
        ChannelError
            The file cannot be read, is larger than 64 MiB, is a broken capture, or one without RTP.
        ScenarioError
            The file is of no known kind, is a truncated bitstream, has no packet of the payload type, or has
            more than 1000 RTP streams.
        """
        self.answers = []
        for answer, numbered in self._streams():
            self.answers.append(answer)
            for index, data in numbered:
                try:
                    found = find(index, data, self._networks)
                except CodecError:
                    answer.damaged += 1
                    continue
                if found is not None:
                    answer.add(found)
                    yield found

    def lines(self) -> Iterator[str]:
        """Yield the answers, then a table of the DRED of each stream; raises as iterating does.

        The file is read a second time for the table, so that none of it is kept.
        """
        deque(self, maxlen=0)
        yield from map(str, self.answers)
        yield from (f"note: {note}" for note in self._contents.lines())
        if not any(answer.with_dred for answer in self.answers):
            return
        titled = 0
        for found in self:
            if titled < len(self.answers):
                titled = len(self.answers)
                if self.answers[-1].name:
                    yield f"{self.answers[-1].name}:"
                yield _aligned(_TITLES)
            yield _aligned(_row(found))

    @property
    def verdict(self) -> Verdict:
        """The strongest answer of any stream: DRED is carried, then unknown, then none."""
        verdicts = {answer.verdict for answer in self.answers}
        return next((each for each in EXIT_CODES if each in verdicts - {"none"}), "none")

    def as_json(self) -> str:
        """Return the answers for programs."""
        whole = {
            "file": str(self._path),
            "answer": self.verdict,
            "notes": self._contents.lines(),
            "streams": [answer.as_json() for answer in self.answers],
        }
        return json.dumps(whole, indent=2)

    def _streams(self) -> Iterator[tuple[DredAnswer, Numbered]]:
        content, where = read_content(self._path), str(self._path)
        contents = self._contents = Contents()
        kind = kind_by_magic(content)
        if kind == "pcap":
            return self._captured(capture.datagrams(content, where, contents))
        if kind == "rtpdump":
            return self._captured(rtpdump.datagrams(content, where, contents))
        if kind == "ogg_opus":
            return _kept(ogg_opus.streams(content, where, contents.notes))
        refuse_foreign(content, where)
        answer = DredAnswer()
        return iter([(answer, _counted(answer, _bitstream(content, self._path)))])

    def _captured(self, datagrams: Iterator[Datagram]) -> Iterator[tuple[DredAnswer, Numbered]]:
        likely = [each for each in streams_of(datagrams, str(self._path), self._contents) if each.plausible()]
        if len(likely) > _MAX_STREAMS:
            raise ScenarioError(
                f"{self._path}: holds {len(likely)} RTP streams, at most {_MAX_STREAMS} are inspected: "
                "filter the capture by address or port"
            )
        pairs = [(each, opus_in(each, self._payload_type, self._red_payload_type)) for each in likely]
        if self._payload_type is not None and not any(inside.packets for _, inside in pairs):
            types = ", ".join(map(str, sorted(set().union(*(inside.types for _, inside in pairs)))))
            raise ScenarioError(
                f"{self._path}: no RTP of payload type {self._payload_type}, nor RED with it inside; "
                f"payload types are {types}: give --payload-type"
            )
        for stream, inside in pairs:
            answer = _answer(stream, inside)
            if answer.reason and (name := self._contents.keys_between(stream.way)):
                answer.reason += f"; keys for encryption were agreed on between these ports ({name})"
            whole = ((index, each.data) for index, each in enumerate(inside.packets) if not each.is_cut)
            yield answer, whole


def _kept(found: list[OggOpus]) -> Iterator[tuple[DredAnswer, Numbered]]:
    for stream in found:
        answer = DredAnswer(way=f"Ogg stream 0x{stream.serial:08x}" if len(found) > 1 else "")
        yield answer, _counted(answer, enumerate(stream.packets))


def _counted(answer: DredAnswer, numbered: Numbered) -> Numbered:
    for each in numbered:
        answer.packets += 1
        yield each


def _answer(stream: RtpStream, inside: OpusInRtp) -> DredAnswer:
    return DredAnswer(
        stream.ssrc,
        stream.way,
        stream.point,
        types=inside.types,
        red_types=tuple(sorted(inside.red_types)),
        packets=len(inside.packets),
        damaged=inside.damaged,
        cut=sum(each.is_cut and each.can_have_padding for each in inside.packets),
        duplicates=inside.duplicates,
        reason=inside.unknown,
        is_implausible=inside.is_implausible,
    )


def _row(found: Found) -> tuple[str, ...]:
    header = found.header
    sizes = (found.index, found.packet_bytes, found.dred_bytes, header.version)
    depth_ms = found.depth_ms
    depths = ("?", "?") if depth_ms is None else (depth_ms, f"{max(0, depth_ms + found.end_ms):g}")
    words = (*sizes, f"{found.end_ms:g}", *depths, header.q0, header.dq, header.qmax)
    return tuple(str(word) for word in words)


def _aligned(words: tuple[str, ...]) -> str:
    """Return words in columns as wide as their titles, which are wider than the numbers."""
    pairs = zip(words, _TITLES, strict=True)
    return "  ".join(word.ljust(len(title)) for word, title in pairs).rstrip()


def _bitstream(content: bytes, path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield a bitstream's packets, numbered as the frames of ``opus_demo``; empty ones were not sent."""
    position = frame = 0
    while position < len(content):
        if position + _HEAD.size > len(content):
            raise ScenarioError(f"{path}: cut off in the head of the packet at byte {position}")
        size, _ = _HEAD.unpack_from(content, position)
        start = position + _HEAD.size
        if size > _MAX_PACKET_BYTES or (position == 0 and start + size > len(content)):
            raise ScenarioError(
                f"{path}: neither a capture nor a bitstream of opus_demo: at byte {position} a packet of "
                f"{size} bytes"
            )
        if start + size > len(content):
            raise ScenarioError(f"{path}: cut off in the packet at byte {position}")
        if size:
            yield frame, content[start : start + size]
        position = start + size
        frame += 1
    if not content:
        raise ScenarioError(f"{path}: an empty file")
