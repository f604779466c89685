"""A made-up run directory, by the contract that every run directory keeps, for tests of the report only.

The numbers follow plausible laws (a clip has its own offset, a realization its own loss), so that intervals,
orders and curves look like those of a real run; nothing here is a measurement.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

HZ = 16_000
FRAME_MS = 20
SCHEMES = ("no loss", "plc", "neural_plc", "red 1", "lbrr", "dred 500", "LBRR + DRED")
CLIPS = ("en-allison", "fr-june")
RECOVERIES = ("primary", "red", "lbrr", "dred", "plc")

_REPAIRS = {
    "plc": {},
    "neural_plc": {},
    "red 1": {"red": 0.35},
    "lbrr": {"lbrr": 0.4},
    "dred 500": {"dred": 0.92},
    "LBRR + DRED": {"lbrr": 0.4, "dred": 0.55},
}
_REDUNDANCY_KBPS = {
    "red 1": {"red": 1.0},
    "lbrr": {"lbrr": 16.0},
    "dred 500": {"dred": 31.0},
    "LBRR + DRED": {"lbrr": 16.0, "dred": 31.0},
}
_WORTH = {"primary": 1.0, "red": 0.97, "lbrr": 0.85, "dred": 0.82, "plc": 0.0}


def _lost(rng: np.random.Generator, frames: int) -> np.ndarray:
    lost, state = np.zeros(frames, bool), False
    for index in range(frames):
        state = rng.random() < (1 - 1 / 6 if state else 1 / 24)
        lost[index] = state
    return lost


def _timeline(rng: np.random.Generator, lost: np.ndarray, scheme: str) -> pd.DataFrame:
    frames = len(lost)
    if scheme == "no loss":
        lost = np.zeros(frames, bool)
    sent = np.arange(frames, dtype=np.int64) * FRAME_MS * 1_000_000
    arrived = sent + 40_000_000 + (rng.exponential(5e6, frames)).astype(np.int64)
    late = ~lost & (rng.random(frames) < 0.01) & (scheme != "no loss")
    recovered = np.full(frames, "primary", object)
    source = np.arange(frames)
    for index in np.flatnonzero(lost | late):
        names = [*_REPAIRS.get(scheme, {}), "plc"]
        shares = [*_REPAIRS.get(scheme, {}).values()]
        recovered[index] = str(rng.choice(names, p=[*shares, 1 - sum(shares)]))
        later = np.flatnonzero(~lost[index + 1 :])
        source[index] = -1 if recovered[index] == "plc" or not len(later) else index + 1 + later[0]
    return pd.DataFrame(
        {
            "frame": np.arange(frames, dtype=np.int32),
            "sent_ns": sent,
            "arrived_ns": np.where(lost, -1, arrived),
            "dropped_by": np.where(lost, "loss", ""),
            "played_ns": sent + 100_000_000,
            "recovered_by": recovered.astype(str),
            "source_frame": source.astype(np.int32),
            "late": late,
            "size_bytes": rng.integers(90, 240, frames).astype(np.int32),
        }
    )


def _speech(seconds: float, rng: np.random.Generator) -> np.ndarray:
    t = np.arange(int(seconds * HZ)) / HZ
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.4 * t) + 10 * np.sin(2 * np.pi * 2.1 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / HZ
    formant = 900 + 700 * np.sin(2 * np.pi * 1.3 * t)
    voice = sum(
        np.sin(k * phase) * np.exp(-(((k * pitch - formant) / 500) ** 2)) + 0.2 * np.sin(k * phase) / k
        for k in range(1, 30)
    )
    loudness = np.clip(np.sin(2 * np.pi * 1.1 * t) + 0.5, 0, 1)
    return (0.08 * voice * loudness + 0.003 * rng.standard_normal(len(t))).astype(np.float32)


def make_run(
    folder: Path,
    *,
    schemes: tuple[str, ...] = SCHEMES,
    clips: tuple[str, ...] = CLIPS,
    realizations: int = 2,
    swept: dict[str, list[Any]] | None = None,
    metrics: tuple[str, ...] = ("plcmos", "pesq_wb", "estoi"),
    seconds: float = 8.0,
    examples: bool = True,
    points: list[dict[str, Any]] | None = None,
) -> Path:
    """Write a run directory into `folder` and return it; `points` are the combinations, if not all."""
    swept = {"codec.bitrate_kbps": [16, 24, 32]} if swept is None else swept
    if points is None:
        points = [dict(zip(swept, values, strict=True)) for values in itertools.product(*swept.values())]
    (folder / "examples").mkdir(parents=True)
    rows, shown, clean = [], [], []
    for index, point in enumerate(points):
        bitrate = float(point.get("codec.bitrate_kbps", 24))
        delay = float(point.get("playout.delay_ms", 1000))
        for clip_number, clip in enumerate(clips):
            for realization in range(realizations):
                lost = _lost(
                    np.random.default_rng([7, clip_number, realization]), int(seconds * 1000 / FRAME_MS)
                )
                for scheme in schemes:
                    rng = np.random.default_rng([1, index, clip_number, realization, len(scheme)])
                    timeline = _timeline(rng, lost, scheme)
                    rows.append(
                        _row(
                            rng,
                            index,
                            point,
                            scheme,
                            clip,
                            clip_number,
                            realization,
                            timeline,
                            bitrate,
                            delay,
                            metrics,
                        )
                    )
                    if examples and index == len(points) // 2 and clip == clips[0] and realization == 0:
                        shown.append(_example(folder, index, clip, scheme, timeline, seconds, len(shown)))
    if examples:
        soundfile.write(folder / "examples/clean.flac", _speech(seconds, np.random.default_rng(3)), HZ)
        clean.append({"clip": clips[0], "audio": "examples/clean.flac"})
    pd.DataFrame(rows).to_parquet(folder / "results.parquet", index=False)
    manifest = {
        "scenario": {
            "name": "quickstart",
            "about": "How ways of surviving loss sound on the same bursty channel.",
            "codec": {"bitrate_kbps": 24, "frame_ms": FRAME_MS, "complexity": 9},
            "playout": {"policy": "offline"},
        },
        "scenario_text": "name: quickstart\nschemes: [plc, neural_plc]  # <b>not markup</b>\n",
        "scheme_names": list(schemes),
        "ceiling": "no loss",
        "baseline": next((scheme for scheme in schemes if scheme == "plc"), None),
        "metrics": list(metrics),
        "swept": list(points[0]),
        "points": points,
        "versions": {"python": "3.11.2", "libopus": "1.6.1", "speechmos": "0.0.1.1"},
        "seeds": {"scenario": 1},
        "clips": [
            {
                "name": clip,
                "speaker": clip.split("-")[-1],
                "language": clip.split("-")[0],
                "seconds": seconds,
                "licence": "CC BY-SA 3.0",
                "source": "made for a test",
            }
            for clip in clips
        ],
        "complete": True,
        "rows": len(rows),
        "warnings": ["dred 500 at codec.bitrate_kbps = 16: asked for 500 ms, sent 310 ms; 56 kb/s would do."],
        "created": "2025-11-24T05:00:00+00:00",
        "examples": shown,
        "clean": clean,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _row(rng, index, point, scheme, clip, clip_number, realization, timeline, bitrate, delay, metrics):
    count = {name: int((timeline.recovered_by == name).sum()) for name in RECOVERIES}
    frames = len(timeline)
    quality = sum(_WORTH[name] * number for name, number in count.items()) / frames
    if scheme == "neural_plc":
        quality += 0.02
    quality = quality * min(1.0, 0.9 + delay / 10_000) + 0.02 * np.log2(bitrate / 24)
    score = {
        "plcmos": 1.2 + 3.5 * quality**2 + 0.12 * clip_number + 0.03 * rng.standard_normal(),
        "pesq_wb": 1.0 + 3.2 * quality**6 - 0.1 * clip_number + 0.03 * rng.standard_normal(),
        "estoi": min(1.0, 0.5 + 0.45 * quality + 0.01 * rng.standard_normal()),
    }
    extra = {
        name: value * (bitrate if name == "red" else 1)
        for name, value in _REDUNDANCY_KBPS.get(scheme, {}).items()
    }
    payload = bitrate + sum(extra.values())
    dred = "dred" in extra
    return {
        "point": index,
        "scheme": scheme,
        "clip": clip,
        "realization": realization,
        **point,
        "payload_kbps": payload,
        "primary_kbps": bitrate,
        "lbrr_kbps": extra.get("lbrr", 0.0),
        "dred_kbps": extra.get("dred", 0.0),
        "red_kbps": extra.get("red", 0.0),
        "dred_asked_ms": 500.0 if dred else 0.0,
        "dred_sent_ms": min(500.0, 310 + 10 * (bitrate - 16)) if dred else 0.0,
        "wire_kbps": payload + 16,
        "packet_loss": float((timeline.dropped_by != "").mean()),
        "frames": frames,
        "frames_late": int(timeline.late.sum()),
        **{f"frames_{name}": number for name, number in count.items()},
        "mouth_to_ear_ms": 45.0,
        **{name: score.get(name, float("nan")) for name in metrics},
        "seconds_encode": 0.4,
        "seconds_simulate": 0.02,
        "seconds_decode": 0.3,
        "seconds_metrics": 1.0,
        "error": "",
    }


def _example(folder, index, clip, scheme, timeline, seconds, number):
    audio = _speech(seconds, np.random.default_rng(3))
    samples = HZ * FRAME_MS // 1000
    for frame, how in enumerate(timeline.recovered_by):
        if how == "plc":
            audio[frame * samples : (frame + 1) * samples] *= 0.1
    name = f"examples/{number}"
    soundfile.write(folder / f"{name}.flac", audio, HZ)
    timeline.to_parquet(folder / f"{name}.parquet", index=False)
    return {
        "point": index,
        "clip": clip,
        "realization": 0,
        "scheme": scheme,
        "audio": f"{name}.flac",
        "timeline": f"{name}.parquet",
    }
