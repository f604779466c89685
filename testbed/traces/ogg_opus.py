"""Ogg Opus (RFC 7845): the packets of a recorded call, without times of arrival.

A page says where in the audio its last packet ends. Where this advances by more than the packets last, some
are missing: they were lost, or were pauses that were not sent (DTX).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from testbed.channels.recordings.parts import MAX_PACKETS
from testbed.codecs.opus.packet import announced_ms
from testbed.codecs.rtp.packet import CLOCK_HZ
from testbed.errors import ChannelError, CodecError
from testbed.traces.format import Format, StreamChoice
from testbed.traces.ogg import NO_PACKET_ENDS, pages
from testbed.traces.recording import Recording

_HEADERS = 2
_FAMILY = 18
_OTHERS = {b"\x01vorbis": "Vorbis", b"Speex": "Speex", b"\x7fFLAC": "FLAC", b"\x80theora": "Theora"}
_USUAL_MS = 20.0


@dataclass
class OggOpus:
    """One logical stream of Opus.

    Attributes
    ----------
    serial
        Its number in the file.
    packets
        Its packets, after two headers, the first of which is ``OpusHead``.
    ends
        For each page on which packets end: the number of packets so far, and the granule position, where the
        last of them ends, in samples at 48 kHz.
    """

    serial: int
    packets: list[bytes] = field(default_factory=list)
    ends: list[tuple[int, int]] = field(default_factory=list)


def streams(content: bytes, where: str, notes: list[str]) -> list[OggOpus]:
    """Return the Opus streams of a file, in the order in which they begin.

    Parameters
    ----------
    content
        The file's bytes.
    where
        Its name, for errors.
    notes
        Gets a note where a file was cut.

    Raises
    ------
    ChannelError
        The file is damaged, or holds no readable Opus; the message names its content.
    """
    found: dict[int, OggOpus] = {}
    others: set[str] = set()
    for page in pages(content, where, notes):
        if page.is_first:
            head = page.packets[0] if page.packets else b""
            if head.startswith(b"OpusHead"):
                _check_family(head, where)
                found[page.serial] = OggOpus(page.serial)
            else:
                known = (name for mark, name in _OTHERS.items() if head.startswith(mark))
                others.add(next(known, "something unknown"))
        if page.serial in found:
            stream = found[page.serial]
            stream.packets += page.packets
            if page.granule != NO_PACKET_ENDS and page.packets:
                stream.ends.append((len(stream.packets) - _HEADERS, page.granule))
            if len(stream.packets) > MAX_PACKETS:
                raise ChannelError(f"{where}: has more than {MAX_PACKETS} packets")
    for stream in found.values():
        del stream.packets[:_HEADERS]
        stream.ends = [(count, granule) for count, granule in stream.ends if count > 0]
    held = [stream for stream in found.values() if stream.packets]
    if not held:
        what = "no packets of Opus" if found or not others else f"{' and '.join(sorted(others))}, no Opus"
        raise ChannelError(f"{where}: is Ogg with {what}")
    return held


def _check_family(head: bytes, where: str) -> None:
    if len(head) > _FAMILY and head[_FAMILY]:
        raise ChannelError(
            f"{where}: its packets hold several streams of Opus each (channel mapping family "
            f"{head[_FAMILY]}), which is not read"
        )


def read(content: bytes, where: str, _: StreamChoice) -> Recording:
    """Read which packets are missing; several streams are read one after the other."""
    notes: list[str] = []
    found = streams(content, where, notes)
    lost = np.concatenate([_missing(stream, where) for stream in found])
    notes.append("Ogg Opus keeps no times of arrival: there is no delay or jitter in it")
    if len(found) > 1:
        notes.append(f"{len(found)} streams are taken one after the other")
    if lost.any():
        notes.append(
            f"the granule positions leave room for {int(lost.sum())} packets that are missing: lost, or "
            "pauses that were not sent (DTX); the file does not say which, and they count as lost"
        )
    silent = sum(len(packet) <= 1 for stream in found for packet in stream.packets)
    if silent:
        notes.append(
            f"{silent} packets are empty: pauses, or a recorder's placeholders for lost packets "
            "(RFC 7845, section 4.1); they count as received"
        )
    return Recording(lost, notes=tuple(notes))


def _missing(stream: OggOpus, where: str) -> NDArray[np.bool_]:
    """Return whether each packet is missing, with those that the granule positions leave room for."""
    durations = _durations(stream.packets)
    usual = float(np.median(durations))
    ends = np.concatenate(([0.0], np.cumsum(durations)))
    here = np.zeros(len(stream.packets), np.bool_)
    if not stream.ends:
        return here
    counts, granules = (np.array(column, np.float64) for column in zip(*stream.ends, strict=True))
    places = counts.astype(np.int64)
    room = np.diff(granules) - np.diff(ends[places])
    gaps = np.clip(np.rint(room / usual), 0, MAX_PACKETS + 1).astype(np.int64)
    if gaps.sum() > MAX_PACKETS:
        raise ChannelError(f"{where}: leaves room for more than {MAX_PACKETS} packets that are missing")
    return np.insert(here, np.repeat(places[:-1], gaps), True)


def _durations(packets: list[bytes]) -> NDArray[np.float64]:
    """Return the samples at 48 kHz of each packet; of one that cannot be read, the median."""
    known = []
    for packet in packets:
        try:
            known.append(announced_ms(packet))
        except CodecError:
            known.append(np.nan)
    lasting = np.array(known)
    usual = float(np.nanmedian(lasting)) if not np.isnan(lasting).all() else _USUAL_MS
    return np.where(np.isnan(lasting), usual, lasting) * (CLOCK_HZ / 1000)


OGG_OPUS = Format(
    name="ogg_opus",
    about="Ogg Opus: packets without times; those that are missing were lost, or were pauses",
    suffixes=(".opus", ".ogg"),
    keeps="losses",
    read=read,
    write=None,
)
