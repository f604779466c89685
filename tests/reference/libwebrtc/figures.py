"""Figures of one call: libwebrtc's own, and those of the adaptive receiver on the same arrivals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from libwebrtc.call import ENDED_FILE, FRAME_TICKS, FRAMES_FILE, RELAYED_FOLDER, REPORTS_FILE, Receiver
from testbed.adaptive.depacketizer import MediaClock
from testbed.adaptive.played import EditKind, Played
from testbed.adaptive.receiver import AdaptiveReceiver
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.rtp.packet import CLOCK_HZ, OPUS_PAYLOAD_TYPE, RtpPacket
from testbed.live.kind import DatagramKind
from testbed.live.log import PacketFate, read_log
from testbed.live.network import Way
from testbed.live.recording import LOG_FILE
from testbed.neteq.status import TICK_MS
from testbed.playout.adaptive import AdaptivePlayout

PRESETS: Mapping[Receiver, str] = {"libwebrtc": "neteq_m106", "chromium": "neteq"}
"""The adaptive receiver's preset for each real one."""
MOST_PERCENT, MOST_MS = 1.5, 20.0
"""Differences of concealed share and mean wait up to which two receivers agree."""
PHASES_NS = range(0, 10_000_000, 2_000_000)
FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_TICKS // CLOCK_HZ
TICK_NS = TICK_MS * 1_000_000
_PER_MS, _CLOCK_PER_MS = SAMPLE_RATE_HZ // 1000, CLOCK_HZ // 1000


@dataclass(frozen=True)
class Figures:
    """Figures of what a receiver did during a call.

    Attributes
    ----------
    concealed_percent
        Share of the played sound that was concealed.
    concealments
        Number of concealments.
    buffer_ms
        Mean wait of a packet in the jitter buffer.
    target_ms
        Mean target delay when packets were decoded.
    stretched_ms, accelerated_ms
        Sound inserted by preemptive expand, and removed by accelerate.
    """

    concealed_percent: float
    concealments: float
    buffer_ms: float
    target_ms: float
    stretched_ms: float
    accelerated_ms: float

    def agrees_with(self, other: "Figures") -> bool:
        """Return whether the concealed share and the mean wait agree."""
        return (
            abs(self.concealed_percent - other.concealed_percent) <= MOST_PERCENT
            and abs(self.buffer_ms - other.buffer_ms) <= MOST_MS
        )


COLUMNS = ("concealed (%)", "concealments", "wait (ms)", "target (ms)", "stretched (ms)", "accelerated (ms)")
"""Names of the figures in tables."""
_DIGITS = (2, 0, 1, 1, 0, 0)


def cells(theirs: Figures, ours: Figures) -> list[str]:
    """Return the cells of a table, each with both receivers' figure."""
    pairs = zip(astuple(theirs), astuple(ours), _DIGITS, strict=True)
    return [f"{their:.{digits}f} / {our:.{digits}f}" for their, our, digits in pairs]


@dataclass(frozen=True)
class Totals:
    """Totals of a receiver since its start.

    Attributes
    ----------
    played_ms, concealed_ms, concealments
        Sound that was played, how much of it was concealed, and in how many places.
    decoded_ms, waited, targeted
        Sound that was decoded, and its sums weighted by the wait of its packet and by the target delay.
    stretched_ms, accelerated_ms
        See `Figures`.
    """

    played_ms: float
    concealed_ms: float
    concealments: int
    decoded_ms: float
    waited: float
    targeted: float
    stretched_ms: float
    accelerated_ms: float

    def since(self, earlier: "Totals") -> Figures:
        """Return the figures of the time since an earlier state."""
        grown = [now - before for now, before in zip(astuple(self), astuple(earlier), strict=True)]
        played_ms, concealed_ms, concealments, decoded_ms, waited, targeted, *stretches = grown
        percent = 100 * concealed_ms / played_ms
        return Figures(percent, concealments, waited / decoded_ms, targeted / decoded_ms, *stretches)


def compare(folder: Path, preset: str = PRESETS["libwebrtc"]) -> tuple[Figures, Figures]:
    """Return the figures of libwebrtc in a call, and those of the adaptive receiver in the same time.

    The time is that between libwebrtc's first and last report: before its first packet, it conceals silence.
    Where its ticks of 10 ms lie is unknown, so the adaptive receiver's figures are means over `PHASES_NS`.
    """
    first, *_, last = reports(folder)
    arrived = arrivals(folder)
    ours = [_ours(folder, preset, arrived, first, last, phase_ns) for phase_ns in PHASES_NS]
    return of_libwebrtc(last).since(of_libwebrtc(first)), mean(ours)


def _ours(
    folder: Path,
    preset: str,
    arrived: Sequence[tuple[int, bytes]],
    first: Mapping[str, Any],
    last: Mapping[str, Any],
    phase_ns: int,
) -> Figures:
    arrived = [(time_ns + phase_ns, packet) for time_ns, packet in arrived]
    times_ns = [time_ns for time_ns, _ in arrived]
    played = play(folder, arrived, preset)
    begins, ends = (of_played(played, time_of(report, times_ns)) for report in (first, last))
    return ends.since(begins)


def mean(several: Sequence[Figures]) -> Figures:
    """Return the mean of each figure."""
    return Figures(*np.mean([astuple(each) for each in several], axis=0))


def reports(folder: Path) -> list[dict[str, Any]]:
    """Return libwebrtc's reports from its first packet until the last packet was sent."""
    ended_ms = json.loads((folder / ENDED_FILE).read_text()) * 1000
    every = map(json.loads, (folder / REPORTS_FILE).read_text().splitlines())
    return [each for each in every if each["jitterBufferEmittedCount"] and each["timestamp"] <= ended_ms]


def arrivals(folder: Path) -> list[tuple[int, bytes]]:
    """Return the times of arrival in ns and the RTP packets of a call, without encryption."""
    payloads = _payloads(folder)
    return [(each.sent_ns, _packet(each.number, payloads[each.number])) for each in _relayed(folder)]


def play(folder: Path, arrived: Sequence[tuple[int, bytes]], preset: str = PRESETS["libwebrtc"]) -> Played:
    """Return what the adaptive receiver plays of a call, with the constants of a real one."""
    playout = AdaptivePlayout.model_validate({"policy": "adaptive", "preset": preset})
    media = MediaClock(0, len(_payloads(folder)), FRAME_SAMPLES)
    return AdaptiveReceiver(playout, media, 0, playout.concealer).play(arrived)


def time_of(report: Mapping[str, Any], arrived_ns: Sequence[int]) -> int:
    """Return the time of a report on the clock of the arrivals, from the last packet that it counts."""
    since_last_ns: int = round((report["timestamp"] - report["lastPacketReceivedTimestamp"]) * 1e6)
    last: int = arrived_ns[report["packetsReceived"] - 1]
    return last + since_last_ns


def of_libwebrtc(report: Mapping[str, Any]) -> Totals:
    """Return the totals of a report of libwebrtc."""
    return Totals(
        report["totalSamplesReceived"] / _CLOCK_PER_MS,
        report["concealedSamples"] / _CLOCK_PER_MS,
        report["concealmentEvents"],
        report["jitterBufferEmittedCount"] / _CLOCK_PER_MS,
        report["jitterBufferDelay"] * 1000 / _CLOCK_PER_MS,
        report["jitterBufferTargetDelay"] * 1000 / _CLOCK_PER_MS,
        report["insertedSamplesForDeceleration"] / _CLOCK_PER_MS,
        report["removedSamplesForAcceleration"] / _CLOCK_PER_MS,
    )


def of_played(played: Played, until_ns: int) -> Totals:
    """Return the totals of the adaptive receiver at a time.

    Waits are counted as libwebrtc does: in ticks, from the one before the arrival.
    """
    heard = (until_ns - played.start_ns) * SAMPLE_RATE_HZ // 10**9
    concealed = [
        min(each.samples, heard - each.start_sample)
        for each in played.concealments
        if each.start_sample < heard
    ]
    waits, levels = played.waits, played.levels
    packets = np.searchsorted(waits.at_ns, until_ns)
    decoded_ms = waits.samples[:packets] / _PER_MS
    at_decoding = np.searchsorted(levels.at_ns, waits.at_ns[:packets], "right") - 1
    last = len(played.played_ns) - 1
    edits = [
        each
        for each in played.edits
        if played.played_ns[min(each.media_sample // FRAME_SAMPLES, last)] < until_ns
    ]

    def length_ms(kind: EditKind) -> float:
        return sum(each.samples for each in edits if each.kind is kind) / _PER_MS

    return Totals(
        heard / _PER_MS,
        sum(concealed) / _PER_MS,
        len(concealed),
        decoded_ms.sum(),
        (decoded_ms * TICK_MS * np.ceil(waits.waited_ns[:packets] / TICK_NS)).sum(),
        (decoded_ms * levels.target_ms[at_decoding]).sum(),
        length_ms(EditKind.INSERTED_PERIOD),
        length_ms(EditKind.REMOVED_PERIOD),
    )


def _relayed(folder: Path) -> list[PacketFate]:
    """Return the RTP packets that the relay sent, in the order of sending."""
    log = read_log(folder / RELAYED_FOLDER / LOG_FILE)
    media = [each for each in log if each.kind is DatagramKind.RTP and each.way is Way.FORWARD]
    return sorted((each for each in media if each.sent_ns >= 0), key=lambda each: each.sent_ns)


def _packet(number: int, payload: bytes) -> bytes:
    return RtpPacket(OPUS_PAYLOAD_TYPE, number, number * FRAME_TICKS, 1, payload).serialize()


def _payloads(folder: Path) -> list[bytes]:
    return [bytes.fromhex(each) for each in json.loads((folder / FRAMES_FILE).read_text())]
