"""Summary of how a receiver played a captured call, as lines of text."""

import math

import numpy as np
from numpy.typing import NDArray

from testbed.adaptive.played import EditKind
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.recovery import Recovery
from testbed.decode.captured_call import CapturedCall
from testbed.decode.rendering import Rendering
from testbed.frame_delays import FrameDelays
from testbed.playout.adaptive import AdaptivePlayout
from testbed.playout.policy import Playout
from testbed.words import counted

_NAMES = {
    Recovery.PRIMARY: "their own packets",
    Recovery.RED: "RED",
    Recovery.LBRR: "LBRR",
    Recovery.DRED: "DRED",
    Recovery.PLC: "concealment",
    Recovery.DTX: "pauses",
}
_EDITS = {
    EditKind.INSERTED_PERIOD: "stretched",
    EditKind.REMOVED_PERIOD: "accelerated",
    EditKind.INSERTED_TIME: "stalled",
    EditKind.SKIPPED: "skipped",
}


def summary(call: CapturedCall, rendering: Rendering, playout: Playout) -> list[str]:
    """Return the summary, one line per quantity: ``lost: 3 of 500 packets (0.6 %)``."""
    timeline = rendering.timeline
    sent = len(call.packets) + call.lost
    lengths_ms = sorted(
        {1000 * length / SAMPLE_RATE_HZ for length in {packet.samples for packet in call.packets}}
    )
    lines = [
        f"stream: {call.stream}",
        *(f"note: {note}" for note in call.notes),
        f"duration: {len(rendering.pcm) / SAMPLE_RATE_HZ:.3f} s, "
        f"packets of {', '.join(f'{length:g}' for length in lengths_ms)} ms",
        f"lost: {call.lost} of {counted(sent, 'packet')} ({100 * call.lost / sent:.3g} %)",
        f"receiver: {playout.describe(0)}",
        f"late: {counted(int(timeline.late.sum()), 'packet') if rendering.is_played else 'none can be'}",
    ]
    lines += [f"played from {name}: {said}" for name, said in _played(rendering)]
    if rendering.is_played:
        delays = FrameDelays.of(timeline, 0, 0)
        since_capture_ms = delays.mouth_to_ear_ms + _frame_ms(rendering)[timeline.is_sent]
        since_capture_ms -= timeline.smallest_delay_ms
        lines += [
            f"wait in the buffer: {_mean_and_p95(delays.buffer_ms)}",
            "mouth to ear, without the codec's look-ahead and the network's smallest delay: "
            f"{_mean_and_p95(since_capture_ms)}",
        ]
    if isinstance(playout, AdaptivePlayout):
        edited = (f"{name} {rendering.edited_ms.get(kind, 0):.0f} ms" for kind, name in _EDITS.items())
        lines.append(", ".join(edited))
    return lines


def _frame_ms(rendering: Rendering) -> NDArray[np.float64]:
    return np.asarray(rendering.frame_samples * (1000 / SAMPLE_RATE_HZ), np.float64)


def _played(rendering: Rendering) -> list[tuple[str, str]]:
    """Return the name of each source of sound that was used, and how much was played from it."""
    frame_ms, recovered_by = _frame_ms(rendering), rendering.timeline.recovered_by
    found = []
    for source, name in _NAMES.items():
        played = recovered_by == source
        if played.any():
            share = f"{frame_ms[played].sum() / 1000:.3f} s ({100 * played.mean():.3g} %)"
            events = len(rendering.timeline.concealments) if source == Recovery.PLC else 0
            found.append((name, f"{share}, {counted(events, 'time')}" if events else share))
    return found


def _mean_and_p95(values_ms: NDArray[np.float64]) -> str:
    known = values_ms[~np.isnan(values_ms)]
    mean, p95 = (float(known.mean()), float(np.percentile(known, 95))) if len(known) else (math.nan,) * 2
    return f"mean {mean:.1f} ms, 95 % up to {p95:.1f} ms"
