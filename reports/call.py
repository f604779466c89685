"""One call as the page and figures draw it: its timeline in letters, and its spectrogram."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.reports.facts import ADAPTIVE, policies
from testbed.results import Results

_WINDOW = 512
FLOOR_DB = 72.0
CODES = {"primary": "p", "red": "r", "lbrr": "l", "dred": "d", "plc": "c", "dtx": "s"}


def is_played_adaptively(results: Results, call: Mapping[str, Any]) -> bool:
    """Return whether the receiver of a call adapts; the ceiling has no receiver.

    Parameters
    ----------
    call
        Its ``point`` and its ``scheme``.
    """
    points = results.manifest.get("points") or [{}]
    at = points[int(call["point"])] if int(call["point"]) < len(points) else {}
    return call["scheme"] != results.ceiling and policies(results.manifest, at) == [ADAPTIVE]


def letters(timeline: pd.DataFrame, frame_ms: float, is_adaptive: bool) -> dict[str, Any]:
    """Return a timeline in the form of the page's script.

    ``network`` has ``.`` for arrived in time, ``L`` for late, ``x`` for lost, ``s`` for a pause that was
    not sent; ``played`` has ``p r l d c s``. ``at_s`` has the place of each frame in the sound, and the end;
    a frame that was not played has that of the next one. With an adaptive receiver ``played_after_ms`` has
    the time from sending to playing, None in a pause and for a frame that was not played.
    """
    gone = timeline["arrived_ns"] < 0
    network = np.where(gone, "s", np.where(timeline["late"], "L", "."))
    network[_is_lost(timeline)] = "x"
    delay = (timeline["arrived_ns"] - timeline["sent_ns"]) / 1e6
    source = np.where(timeline["source_frame"] < 0, 0, timeline["source_frame"] - timeline["frame"])
    at_s, after_ms = frame_ms / 1000 * np.arange(len(timeline) + 1), None
    is_played = timeline["played_ns"] >= 0
    if is_adaptive and is_played.any():
        played_s = timeline["played_ns"].where(is_played).bfill().ffill().to_numpy() / 1e9
        at_s = np.append(played_s, played_s[-1] + frame_ms / 1000) - played_s[0]
        waits_ms = (timeline["played_ns"] - timeline["sent_ns"]) / 1e6
        known = is_played & (timeline["sent_ns"] >= 0)
        after_ms = [round(float(ms), 1) if each else None for ms, each in zip(waits_ms, known, strict=True)]
    return {
        "at_s": [round(float(each), 4) for each in at_s],
        "played_after_ms": after_ms,
        "network": "".join(network),
        "played": "".join(CODES.get(name, "c") for name in timeline["recovered_by"]),
        "source": [int(step) for step in source],
        "delay_ms": [None if never else round(float(ms), 1) for never, ms in zip(gone, delay, strict=True)],
        "cause": [str(cause) for cause in timeline["dropped_by"]],
        "bytes": [int(size) for size in timeline["size_bytes"]],
    }


def _is_lost(timeline: pd.DataFrame) -> NDArray[np.bool_]:
    lost: NDArray[np.bool_] = ((timeline["arrived_ns"] < 0) & (timeline["sent_ns"] >= 0)).to_numpy()
    return lost


def levels_db(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the spectrogram of a sound, (columns, 128): 0 to 8 kHz, in dB below a sine of full scale."""
    padded = np.pad(samples, (_WINDOW // 2, _WINDOW))
    columns = max(1, min(1200, len(samples) // 80))
    starts = np.linspace(0, max(0, len(samples) - 1), columns).astype(int)
    frames = padded[starts[:, None] + np.arange(_WINDOW)] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1))[:, 1:] ** 2 / (_WINDOW / 4) ** 2
    level = 10 * np.log10(np.maximum(power, 1e-12))
    louder: NDArray[np.float64] = level.reshape(columns, -1, 2).max(axis=2)
    return louder
