"""The example call of a run: sound, spectrogram and timeline of each scheme."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray

from testbed.errors import ResultsError
from testbed.metrics import described
from testbed.reports.facts import ADAPTIVE, policies
from testbed.results import Results
from testbed.timeline import read_timeline

EXAMPLE_RATE_HZ = 16_000
MAX_SOUND_BYTES = 24_000_000
MAX_SECONDS = 60
_WINDOW = 512
FLOOR_DB = 72.0
CODES = {"primary": "p", "red": "r", "lbrr": "l", "dred": "d", "plc": "c", "dtx": "s"}


@dataclass(frozen=True)
class Track:
    """The sound of one scheme, or of the recording.

    Attributes
    ----------
    sound, spectrogram
        Data URIs of a FLAC and a PNG; ``sound`` is empty if the page would be too large.
    timeline
        See `letters`; empty for the clean recording.
    """

    name: str
    about: str
    sound: str
    spectrogram: str
    seconds: float
    timeline: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExampleCall:
    """The same call, clean, unrepaired and through each scheme."""

    clip: str
    realization: int
    point: int
    frame_ms: float
    tracks: list[Track]
    left_out: int

    @property
    def is_adaptive(self) -> bool:
        """True if a receiver adapts."""
        return any(track.timeline.get("played_after_ms") is not None for track in self.tracks)


def example_call(results: Results) -> ExampleCall | None:
    """Return the first example of a run, or None if it has none.

    Raises
    ------
    ResultsError
        A file of an example is missing or differs from the manifest.
    """
    examples = results.manifest.get("examples") or []
    if not examples:
        return None
    first = examples[0]
    same = [
        example
        for example in examples
        if all(example[key] == first[key] for key in ("point", "clip", "realization"))
    ]
    frame_ms = _frame_ms(results, int(first["point"]))
    timelines = {example["scheme"]: _timeline(results.folder, example["timeline"]) for example in same}
    tracks: list[Track] = []
    budget = MAX_SOUND_BYTES
    left_out = 0

    def add(name: str, about: str, samples: NDArray[np.float32], timeline: dict[str, Any]) -> None:
        nonlocal budget, left_out
        sound = sound_uri(samples)
        if len(sound) > budget:
            sound, left_out = "", left_out + 1
        budget -= len(sound)
        tracks.append(
            Track(name, about, sound, _spectrogram(samples), len(samples) / EXAMPLE_RATE_HZ, timeline)
        )

    recordings = [item for item in results.manifest.get("clean") or [] if item["clip"] == first["clip"]]
    if recordings:
        clean = _samples(results.folder, recordings[0]["audio"])
        add("clean", "the recording, before any codec", clean, {})
        hit = [name for name in timelines if name != results.ceiling]
        if hit:
            muted = unrepaired(clean, timelines[hit[0]], frame_ms)
            is_same = len({tuple(_is_lost(timelines[name])) for name in hit}) == 1
            name = "the loss" if is_same else f"the loss of {hit[0]}"
            add(name, "the recording, silent where a packet was lost", muted, {})
    for example in same:
        samples = _samples(results.folder, example["audio"])
        is_adaptive = is_played_adaptively(results, example)
        told = letters(timelines[example["scheme"]], frame_ms, is_adaptive)
        add(example["scheme"], _scores(results, example), samples, told)
    return ExampleCall(
        first["clip"], int(first["realization"]), int(first["point"]), frame_ms, tracks, left_out
    )


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


def unrepaired(clean: NDArray[np.float32], timeline: pd.DataFrame, frame_ms: float) -> NDArray[np.float32]:
    """Return the recording with silence in place of each frame whose packet was lost."""
    samples = round(EXAMPLE_RATE_HZ * frame_ms / 1000)
    heard = clean.copy()
    for frame in timeline["frame"][_is_lost(timeline)]:
        heard[frame * samples : (frame + 1) * samples] = 0
    return heard


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


def _scores(results: Results, example: dict[str, Any]) -> str:
    """Return the scores of this call."""
    keys = ("point", "clip", "realization", "scheme")
    rows = results.stored.columns([*keys, *results.manifest.get("metrics", [])])
    for key in keys:
        rows = rows[rows[key] == example[key]]
    said = [
        f"{described(name).label} {rows[name].iloc[0]:.{described(name).decimals}f}"
        for name in results.manifest.get("metrics", [])
        if name in rows and len(rows) and pd.notna(rows[name].iloc[0])
    ]
    return " · ".join(said)


def _frame_ms(results: Results, point: int) -> float:
    points = results.manifest.get("points") or []
    swept = points[point].get("codec.frame_ms") if point < len(points) else None
    asked = results.manifest.get("scenario", {}).get("codec", {}).get("frame_ms")
    return float(swept or asked or 20)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name.replace("\0", "")).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ResultsError(f"{folder / 'manifest.json'}: example {name!r} is not a file of this run")
    return path


def _timeline(folder: Path, name: str) -> pd.DataFrame:
    return read_timeline(_inside(folder, name))


def _samples(folder: Path, name: str) -> NDArray[np.float32]:
    path = _inside(folder, name)
    try:
        if (channels := soundfile.info(path).channels) != 1:
            raise ResultsError(f"{path}: {channels} channels; examples have one")
        samples, rate = soundfile.read(
            path, frames=MAX_SECONDS * EXAMPLE_RATE_HZ, dtype="float32", always_2d=True
        )
    except (OSError, soundfile.SoundFileError) as error:
        raise ResultsError(f"{path}: cannot be read as sound: {error}") from error
    if rate != EXAMPLE_RATE_HZ:
        raise ResultsError(f"{path}: {rate} Hz; examples are {EXAMPLE_RATE_HZ} Hz")
    mono: NDArray[np.float32] = samples[:, 0]
    return mono


def flac(samples: NDArray[np.float32]) -> bytes:
    """Return sound as a FLAC file of 16 bits."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, EXAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def sound_uri(samples: NDArray[np.float32]) -> str:
    """Return sound as the data URI of a FLAC file."""
    return "data:audio/flac;base64," + base64.b64encode(flac(samples)).decode("ascii")


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


def _spectrogram(samples: NDArray[np.float32]) -> str:
    """Return the spectrogram as a PNG: 0 to 8 kHz, louder is darker, the same scale for all schemes."""
    import matplotlib
    from PIL import Image

    shades = 63
    grey = np.clip(1 + levels_db(samples) / FLOOR_DB, 0, 1)
    image = Image.fromarray(np.round(grey.T[::-1] * shades).astype(np.uint8), mode="P")
    colours = matplotlib.colormaps["magma_r"](np.linspace(0, 1, shades + 1))[:, :3]
    image.putpalette((colours * 255).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
