"""Measures how fast the kernels conceal gaps in batches, compared with libopus's deep PLC, and whole calls.

Run it with ``.venv/bin/python benchmarks/vocoder.py``. libopus conceals each gap through our binding, after
speech; the kernels conceal many gaps at once. Both use one thread, and the processor time of that thread is
measured, so that other programs disturb it little. The floors are the times of the networks' multiplications
alone, at the rates that this core reaches in large matrix products: in float32, and in 8 bits by libopus's
own instructions (most layers have 8-bit weights). The time of compiling and the measurements of
``realizations.py`` follow.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import realizations
import scipy.linalg.cython_blas  # noqa: F401 - numba's BLAS: loaded before threads are limited
from threadpoolctl import threadpool_limits

from testbed.codecs.opus import build as opus_build
from testbed.codecs.opus.codec import Decoder, Encoder
from testbed.codecs.opus.settings import EncoderSettings
from testbed.kernels.fargan import operations_per_second
from testbed.kernels.lpc_vocoder import vocode
from testbed.kernels.plc import AHEAD, MAX_HEARD, conceal, hear, plc_network, plc_state, start_gap
from testbed.kernels.tiles import levels_product, pack_integers
from testbed.kernels.weights import read_blob

GAPS_MS = (60, 200, 1000)
HEADLINE_MS, HEADLINE_BATCH = 200, 128
BATCHES = (1, 16, 64, 128, 256)
REPEATS = 3
LIBOPUS_GAPS = 12
DEEP_PLC = 5
FRAME_SAMPLES = 320


def fastest(action: Callable[[], object]) -> float:
    """Return the shortest processor time of an action in this thread, in seconds."""
    times = []
    for _ in range(REPEATS):
        started = time.thread_time()
        action()
        times.append(time.thread_time() - started)
    return min(times)


def matrix_rate() -> float:
    """Return multiplications and additions per second of this core in float32 matrix products."""
    square = np.random.default_rng(1).random((1536, 1536), np.float32)
    return 2 * 1536**3 / min(fastest(lambda: square @ square) for _ in range(3))


def levels_rate() -> float:
    """Return multiplications and additions per second of this core in large 8-bit products."""
    random = np.random.default_rng(1)
    weights = pack_integers(random.integers(-64, 65, (1024, 512)))
    levels = random.integers(0, 255, (64, 1024)).astype(np.uint8)
    scale, bias, out = np.ones(512, np.float32), np.zeros(512, np.float32), np.empty((64, 512), np.float32)

    def multiply() -> None:
        for _ in range(100):
            levels_product(weights, levels, scale, bias, out)

    multiply()
    return 100 * 2 * levels.size * 512 / fastest(multiply)


def libopus_seconds(pcm: np.ndarray, gap_ms: int) -> float:
    """Return libopus's processor seconds per second of gaps of this length."""
    frames = [pcm[i : i + FRAME_SAMPLES] for i in range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES)]
    with Encoder(EncoderSettings(bitrate_bps=24_000)) as encoder:
        packets = [encoder.encode(frame) for frame in frames]
    out, spent, concealed = np.zeros(FRAME_SAMPLES, np.int32), 0.0, 0
    with Decoder(complexity=DEEP_PLC) as decoder:
        position = 0
        for _ in range(LIBOPUS_GAPS):
            for _ in range(25):
                decoder.decode(packets[position % len(packets)], out)
                position += 1
            started = time.thread_time()
            for _ in range(gap_ms // 20):
                decoder.conceal(out)
            spent += time.thread_time() - started
            concealed += gap_ms // 20
            position += gap_ms // 20
    return spent / (concealed * 0.02)


class Gaps:
    """A batch of gaps of one length, at random places of the speech."""

    def __init__(self, pcm: np.ndarray, batch: int, gap_ms: int) -> None:
        self.network = plc_network(read_blob(opus_build.built().weights))
        starts = np.random.default_rng(2).integers(0, len(pcm) - 160 * MAX_HEARD, batch)
        heard = np.stack([pcm[start : start + 160 * MAX_HEARD] for start in starts])
        self.past = (heard / 32768).astype(np.float32)
        self.first = np.ones(batch, np.int64)
        self.given = np.zeros((batch, AHEAD + gap_ms // 10, 20), np.float32)
        self.known = np.zeros((batch, AHEAD + gap_ms // 10), bool)
        self.out = np.empty((batch, 16 * gap_ms), np.float32)
        self.state = plc_state(batch)
        self.seconds = batch * gap_ms / 1000

    def hear(self) -> None:
        hear(self.network, self.state, self.past, self.first)

    def synthesize(self) -> None:
        given, known = self.given, self.known
        start_gap(self.network, self.state, self.past[:, -320:], given[:, :AHEAD], known[:, :AHEAD])
        conceal(self.network, self.state, given[:, AHEAD:], known[:, AHEAD:], self.out)

    def vocode(self) -> None:
        """Synthesize like `synthesize`, with the vocoder without weights, from given features."""
        seeds = np.arange(len(self.past), dtype=np.uint64)
        vocode(self.given[:, AHEAD:], self.past[:, -320:].astype(np.float32), seeds, self.out)

    def operations(self) -> float:
        """Return multiplications and additions of `synthesize` per second of gaps."""
        a_second, a_start = operations_per_second()
        predictor = sum(part.weights.size for part in self.network.predictor)
        gaps = len(self.past) / self.seconds
        return 2 * (a_second + 100 * predictor + gaps * (a_start + AHEAD * predictor))


def start(cache: str) -> tuple[float, int]:
    """Decode two realizations in a new process; return its processor seconds and its compiled functions."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, realizations.__file__, "2"],
        env=os.environ | {"NUMBA_CACHE_DIR": cache},
        capture_output=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, sum(1 for _ in Path(cache).rglob("*.nbc"))


def main() -> None:
    """Print tables and, last, one line of JSON with the ratios."""
    pcm = realizations.packaged_speech()
    ratios: dict[str, object] = {}
    with threadpool_limits(1):
        rates = (matrix_rate(), levels_rate())
        for name, rate in zip(("float32", "8-bit"), rates, strict=True):
            print(f"{name} matrix products: {rate / 1e9:.1f} G multiplications and additions a second")
        print("seconds concealed per second of processor time:")
        print(
            f"{'gap ms':>7}{'batch':>7}{'libopus':>9}{'synthesis':>11}{'with hearing':>14}"
            f"{'float32 floor':>15}{'8-bit floor':>13}"
        )
        for gap_ms in GAPS_MS:
            theirs = min(libopus_seconds(pcm, gap_ms) for _ in range(REPEATS))
            for batch in BATCHES:
                gaps = Gaps(pcm, batch, gap_ms)
                gaps.hear()
                gaps.synthesize()
                made = fastest(gaps.synthesize) / gaps.seconds
                heard = made + fastest(gaps.hear) / gaps.seconds
                floor, levels_floor = (gaps.operations() / rate for rate in rates)
                print(
                    f"{gap_ms:7}{batch:7}{1 / theirs:9.1f}{1 / made:11.1f}{1 / heard:14.1f}"
                    f"{1 / floor:15.1f}{1 / levels_floor:13.1f}"
                )
                if gap_ms == HEADLINE_MS and batch == HEADLINE_BATCH:
                    gaps.vocode()
                    classic = fastest(gaps.vocode) / gaps.seconds
                    print(f"{'':14}{1 / classic:20.1f} by the LPC vocoder, which needs no weights")
                    ratios = {
                        "gap_synthesis_vs_libopus": round(theirs / made, 2),
                        "gap_synthesis_and_hearing_vs_libopus": round(theirs / heard, 2),
                        "gap_synthesis_vs_floor": round(floor / made, 2),
                        "gap_synthesis_vs_8_bit_floor": round(levels_floor / made, 2),
                        "lpc_vocoder_vs_libopus": round(theirs / classic, 2),
                    }
    with tempfile.TemporaryDirectory() as cache:
        cold, compiled = start(cache)
        warm, after = start(cache)
    print(f"first start of the engine: {cold:.1f} s of processor time, {compiled} functions compiled")
    print(f"the next start: {warm:.1f} s, {after - compiled} compiled")
    ratios |= realizations.measure()
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
