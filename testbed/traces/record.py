"""Losses and delays of one call of a run, as a recording that any format can hold."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from testbed.channels.recordings.file import read_content
from testbed.channels.recordings.parts import LOST
from testbed.errors import ResultsError
from testbed.results import load
from testbed.timeline import NEVER, read_timeline
from testbed.traces.capture import rtp_packets
from testbed.traces.recording import Recording, from_times
from testbed.words import shortened

_STEM = re.compile(r"(\d{3,})-(\d{2,})-.*-(\d{3,})-(\d{3,})")
_FIELDS = ("point", "scheme", "clip", "realization")
_LISTED = 8
_SENT, _RECEIVED = ".sent.pcap", ".received.pcap"


@dataclass(frozen=True)
class Wanted:
    """The call of a run to record; None for any.

    Attributes
    ----------
    point
        Number of the combination of swept parameters.
    scheme, clip
        Their names.
    realization
        Number of the draw of the channel.
    """

    point: int | None = None
    scheme: str | None = None
    clip: str | None = None
    realization: int | None = None


@dataclass(frozen=True)
class _Call:
    path: Path
    point: int
    scheme: str
    clip: str
    realization: int

    def __str__(self) -> str:
        return f"point {self.point}, scheme {self.scheme}, clip {self.clip}, realization {self.realization}"


def recording_of_call(run_dir: Path, wanted: Wanted) -> tuple[str, Recording]:
    """Return the losses and delays of one call that was kept.

    Parameters
    ----------
    run_dir
        A run made with `testbed run --save timelines`, or with ``--save packets``, whose captures hold the
        packets too. Without these, a run has only the timelines of the few calls that its report draws.
    wanted
        The call.

    Returns
    -------
    tuple
        The call's name, and its recording; a run has one clock, so there is no skew.

    Raises
    ------
    ResultsError
        There is no such call, or several (the message lists them), or its file cannot be read.
    """
    calls = _calls(run_dir)
    if not calls:
        raise ResultsError(
            f"{run_dir}: has no timelines: make the run again with `testbed run ... --save timelines`"
        )
    fitting = calls
    for name in _FIELDS:
        value = getattr(wanted, name)
        there = list(dict.fromkeys(getattr(call, name) for call in fitting))
        if value is not None and value not in there:
            raise ResultsError(
                f"{run_dir}: no kept call has --{name} {value}; there is {shortened(there, _LISTED)}"
            )
        fitting = [call for call in fitting if value in (None, getattr(call, name))]
    if len(fitting) > 1:
        choices = {name: list(dict.fromkeys(getattr(call, name) for call in fitting)) for name in _FIELDS}
        options = "; ".join(
            f"--{name} ({shortened(there, _LISTED)})" for name, there in choices.items() if len(there) > 1
        )
        raise ResultsError(f"{run_dir}: {len(fitting)} calls were kept: choose one by {options}")
    path = fitting[0].path
    return str(fitting[0]), (_from_packets if path.name.endswith(_SENT) else _from_timeline)(path)


def _calls(run_dir: Path) -> list[_Call]:
    run = load(run_dir)
    manifest = run.manifest
    try:
        schemes = list(map(str, manifest["scheme_names"]))
        clips = [str(clip["name"]) for clip in manifest["clips"]]
    except (KeyError, TypeError):
        raise ResultsError(f"{run_dir}: its manifest names no schemes and clips") from None
    for folder, end in (("timelines", ".parquet"), ("packets", _SENT), ("examples", ".parquet")):
        calls = []
        for path in sorted((run.folder / folder).glob(f"*{end}")):
            if not (match := _STEM.fullmatch(path.name.removesuffix(end))):
                continue
            point, scheme, clip, realization = map(int, match.groups())
            if scheme < len(schemes) and clip < len(clips):
                calls.append(_Call(path, point, schemes[scheme], clips[clip], realization))
        if calls:
            return calls
    return []


def _from_timeline(path: Path) -> Recording:
    table = read_timeline(path)
    sent = table["sent_ns"].to_numpy(np.int64)
    arrived = table["arrived_ns"].to_numpy(np.int64)
    sent, arrived = sent[sent != NEVER], arrived[sent != NEVER]
    lost = arrived == NEVER
    if not len(sent) or (np.diff(sent) < 0).any() or (arrived < sent)[~lost].any():
        raise ResultsError(
            f"{path}: is not a timeline: its packets are not in order, or arrive before they are sent"
        )
    return from_times(sent, np.where(lost, np.int64(LOST), arrived - sent))


def _from_packets(path: Path) -> Recording:
    """Match the packets sent with those received, by their sequence numbers."""
    received_path = path.with_name(path.name.replace(_SENT, _RECEIVED))
    sent, received = ((rtp_packets(read_content(file), str(file))) for file in (path, received_path))
    places = {_sequence(data): place for place, (_, data) in enumerate(sent)}
    if not sent or len(places) < len(sent):
        raise ResultsError(f"{path}: needs 1 to 65536 packets, so that their sequence numbers are unique")
    send_ns = np.array([time_ns for time_ns, _ in sent], np.int64)
    delay_ns = np.full(len(sent), LOST, np.int64)
    for time_ns, data in reversed(received):  # so that of two copies the first counts
        place = places.get(_sequence(data), -1)
        if place < 0 or time_ns < send_ns[place]:
            raise ResultsError(f"{received_path}: holds a packet that was not sent before in {path.name}")
        delay_ns[place] = time_ns - send_ns[place]
    lost = delay_ns == LOST
    rtp = tuple(b"" if gone else data for gone, (_, data) in zip(lost.tolist(), sent, strict=True))
    return Recording(lost, send_ns, delay_ns, len(received) - int((~lost).sum()), rtp=rtp)


def _sequence(rtp: bytes) -> int:
    return int.from_bytes(rtp[2:4], "big")
