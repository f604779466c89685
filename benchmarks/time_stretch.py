"""Compares NetEq's time stretching with other programs' at the same ratio, and measures NetEq's operations.

Run it with ``.venv/bin/python benchmarks/time_stretch.py``. The packaged clips are stretched to 0.8 and 1.25
of their length by NetEq's accelerate and preemptive expand, by FFmpeg's ``atempo`` and by audiotsm's WSOLA.
For each it prints PLCMOS, and how far the pitch of voiced frames moved. All times are processor times.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from audiotsm import wsola
from audiotsm.io.array import ArrayReader, ArrayWriter
from realizations import packaged_speech

from testbed.codecs.neteq.sync_buffer import SyncBuffer
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, float_from_int16, int16_from_float
from testbed.metrics.plcmos import Plcmos

RATIOS = (0.8, 1.25)
FRAME_SAMPLES = 320
TOLERANCE_SAMPLES = 40
PART_SECONDS = 10
SECONDS = 40
CALLS = 2000
AUDIBLE, VOICED = 300, 0.9


def by_neteq(pcm: Pcm16, ratio: float) -> Pcm16:
    """Return the speech stretched by NetEq's operations, whenever it is too long or too short."""
    buffer, played = SyncBuffer(), []
    for start in range(0, len(pcm), FRAME_SAMPLES):
        frame = pcm[start : start + FRAME_SAMPLES]
        excess = buffer.end_position - ratio * start
        if excess > TOLERANCE_SAMPLES:
            buffer.accelerate(frame)
        elif excess < -TOLERANCE_SAMPLES:
            buffer.preemptive_expand(frame)
        else:
            buffer.normal(frame)
        while buffer.ready_samples >= FRAME_SAMPLES:
            played.append(buffer.play(FRAME_SAMPLES // 2))
    played.append(buffer.play(buffer.end_position - buffer.next_position))
    return np.concatenate(played)


def by_atempo(pcm: Pcm16, ratio: float) -> Pcm16:
    """Return the speech stretched by FFmpeg's filter."""
    clock = Fraction(1, SAMPLE_RATE_HZ)
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE_HZ, format="s16", layout="mono", time_base=clock)
    graph.link_nodes(source, graph.add("atempo", str(1 / ratio)), graph.add("abuffersink")).configure()
    sound = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
    sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE_HZ, 0, clock
    graph.push(sound)
    graph.push(None)
    parts = []
    while True:
        try:
            parts.append(graph.pull().to_ndarray()[0])
        except (av.BlockingIOError, av.EOFError):
            return np.concatenate(parts)


def by_wsola(pcm: Pcm16, ratio: float) -> Pcm16:
    """Return the speech stretched by audiotsm."""
    writer = ArrayWriter(1)
    wsola(1, speed=1 / ratio).run(ArrayReader(float_from_int16(pcm)[None]), writer)
    return int16_from_float(writer.data[0])


WAYS: dict[str, Callable[[Pcm16, float], Pcm16]] = {
    "NetEq": by_neteq,
    "atempo": by_atempo,
    "WSOLA": by_wsola,
}


def pitches(pcm: Pcm16) -> np.ndarray:
    """Return the pitch in Hz every 10 ms, of the 40 ms from there; NaN where they are not clearly voiced."""
    lags = np.arange(SAMPLE_RATE_HZ // 400, SAMPLE_RATE_HZ // 70)
    starts = range(0, len(pcm) - 640, 160)
    found = np.full(len(starts), np.nan)
    for index, start in enumerate(starts):
        x = pcm[start : start + 640].astype(np.float64)
        if np.std(x) < AUDIBLE:
            continue
        products = np.correlate(x, x, "full")[len(x) - 1 + lags]
        energy = np.cumsum(x**2)
        energies = energy[-1 - lags] * (energy[-1] - energy[lags - 1])
        similar = products / np.sqrt(1 + energies)
        best = int(np.argmax(similar))
        if 0 < best < len(lags) - 1 and similar[best] > VOICED:
            left, here, right = similar[best - 1 : best + 2]
            found[index] = SAMPLE_RATE_HZ / (lags[best] + (left - right) / (2 * (left - 2 * here + right)))
    return found


def pitch_moved(speech: Pcm16, stretched: Pcm16) -> float:
    """Return the median change of pitch of voiced speech, as a factor."""
    before, after = pitches(speech), pitches(stretched)
    places = np.rint(np.arange(len(after)) * (len(before) - 1) / (len(after) - 1)).astype(int)
    return float(np.nanmedian(after / before[places]))


def parts() -> Iterator[Pcm16]:
    """Return the packaged speech in parts."""
    speech = packaged_speech()[: SECONDS * SAMPLE_RATE_HZ]
    for start in range(0, len(speech), PART_SECONDS * SAMPLE_RATE_HZ):
        yield speech[start : start + PART_SECONDS * SAMPLE_RATE_HZ]


def quality(plcmos: Plcmos, sounds: Sequence[Pcm16]) -> float:
    """Return the mean score."""
    heard = map(float_from_int16, sounds)
    return float(np.mean([plcmos(each, each) for each in heard]))


def compare() -> dict[str, float]:
    """Print and return the quality of each way."""
    plcmos, numbers = Plcmos(), {}
    speech = list(parts())
    untouched = quality(plcmos, speech)
    print(f"{'':8} ratio reached PLCMOS   pitch")
    print(f"{'':8} {1:5.2f} {1:7.3f} {untouched:6.2f}")
    for ratio in RATIOS:
        for name, stretch in WAYS.items():
            made = [stretch(part, ratio) for part in speech]
            score = quality(plcmos, made)
            moved = float(np.median([pitch_moved(*pair) for pair in zip(speech, made, strict=True)]))
            reached = sum(map(len, made)) / sum(map(len, speech))
            print(f"{name:8} {ratio:5.2f} {reached:7.3f} {score:6.2f} {100 * moved - 100:+6.2f} %")
            numbers[f"{name} {ratio} PLCMOS less than untouched"] = round(untouched - score, 3)
            numbers[f"{name} {ratio} pitch"] = round(moved, 4)
    return numbers


def measured_us(
    prepare: Callable[[SyncBuffer], None], act: Callable[[SyncBuffer], object], pcm: Pcm16
) -> float:
    """Return microseconds per operation, each on a buffer that has played some of the speech."""
    seconds = 0.0
    for call in range(CALLS):
        buffer = SyncBuffer()
        start = 97 * call % (len(pcm) - 2000)
        buffer.normal(pcm[start : start + 800])
        buffer.play(800)
        prepare(buffer)
        began = time.process_time()
        act(buffer)
        seconds += time.process_time() - began
    return 1e6 * seconds / CALLS


def measure() -> None:
    """Print the time of each operation, on buffers with 50 ms of speech."""
    pcm = next(parts())
    packet = pcm[:FRAME_SAMPLES]

    def nothing(buffer: SyncBuffer) -> None:
        pass

    def in_a_gap(buffer: SyncBuffer) -> None:
        buffer.expand(160)
        buffer.play(160)

    for name, prepare, act in (
        ("normal", nothing, lambda buffer: buffer.normal(packet)),
        (
            "play 10 ms, with the estimate of noise",
            lambda buffer: buffer.normal(packet),
            lambda b: b.play(160),
        ),
        ("expand 10 ms, with analysis", nothing, lambda buffer: buffer.expand(160)),
        ("expand 10 ms more", in_a_gap, lambda buffer: buffer.expand(160)),
        ("merge", in_a_gap, lambda buffer: buffer.merge(packet)),
        ("normal after expand", in_a_gap, lambda buffer: buffer.normal(packet)),
        ("accelerate", lambda buffer: buffer.normal(packet), lambda buffer: buffer.accelerate(packet)),
        ("preemptive expand", lambda buffer: buffer.normal(packet), lambda b: b.preemptive_expand(packet)),
    ):
        measured_us(prepare, act, pcm[:4000])
        print(f"{name:40} {measured_us(prepare, act, pcm):6.1f} us")


if __name__ == "__main__":
    measure()
    print(json.dumps(compare()))
