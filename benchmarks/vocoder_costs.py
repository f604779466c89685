"""Measures vocoders beside each other: operations and processor time per second of concealed speech.

Run it with ``.venv/bin/python benchmarks/vocoder_costs.py``. Each synthesizes the same gaps of 200 ms after
the same speech, from its own features, 64 gaps at once in one thread, whose processor time is measured.
LPCNet's C program, which makes one signal at a time, makes a whole clip. FARGAN is measured first and last;
the faster counts.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import realizations
import scipy.linalg.cython_blas  # noqa: F401 - numba's BLAS: loaded before threads are limited
from threadpoolctl import threadpool_limits

from testbed.codecs.lpcnet.weights import weights
from testbed.codecs.opus import build as opus_build
from testbed.codecs.vocoders import VOCODERS
from testbed.codecs.vocoders.vocoder import VocoderGap
from testbed.kernels import fargan, lpcnet
from testbed.kernels.features import extract_features, feature_state
from testbed.kernels.pitch_network import pitch_network
from testbed.kernels.weights import read_blob

FRAME = 160
GAPS, GAP_FRAMES, AHEAD, PAST_FRAMES = 64, 20, 2, 15
REPEATS = 3


def gaps(pcm: np.ndarray, features: np.ndarray) -> list[VocoderGap]:
    """Return gaps at random places of the speech."""
    last = len(features) - GAP_FRAMES - AHEAD
    places = np.random.default_rng(2).integers(PAST_FRAMES, last, GAPS)
    return [
        VocoderGap(
            pcm[FRAME * (place - PAST_FRAMES) : FRAME * place],
            features[place - fargan.PAST_VECTORS : place],
            features[place : place + GAP_FRAMES + AHEAD],
            seed,
        )
        for seed, place in enumerate(places)
    ]


def seconds(action: Callable[[], object], speech_s: float) -> float:
    """Return the shortest processor time of an action, per second of the speech that it makes."""
    action()  # compiles
    times = []
    for _ in range(REPEATS):
        started = time.thread_time()
        action()
        times.append(time.thread_time() - started)
    return min(times) / speech_s


def by_fargan(batch: list[VocoderGap]) -> Callable[[], object]:
    """Return an action that synthesizes gaps with FARGAN."""
    network = fargan.fargan(read_blob(opus_build.built().weights))
    past = np.stack([gap.past[-fargan.PAST :] for gap in batch])
    before = np.stack([gap.past_features for gap in batch])
    features = np.stack([gap.features[:GAP_FRAMES] for gap in batch])
    out = np.empty((len(batch), FRAME * GAP_FRAMES), np.float32)

    def make() -> None:
        state = fargan.fargan_state(len(batch))
        fargan.start_fargan(network, state, past, before)
        fargan.synthesize(network, state, features, out)

    return make


def by(name: str, batch: list[VocoderGap]) -> Callable[[], object]:
    """Return an action that synthesizes gaps with another vocoder of the registry."""
    create = VOCODERS[name].create
    assert create is not None, f"the engine has {name}"
    vocoder = create()
    return lambda: vocoder.synthesize(batch)


def by_c_program(features: np.ndarray) -> float:
    """Return the processor seconds of LPCNet's C program per second of speech."""
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.reference import libcodec2

    given = np.zeros((len(features), 38), np.float32)
    given[:, :18] = features[:, :18]
    given[:, 36] = 0.01 * (np.clip(512 / 2 ** (features[:, 18] + 1.5), 66, 510) - 200)
    given[:, 37] = features[:, 19] + 0.5
    spent = min(libcodec2.synthesize(given)[1] for _ in range(REPEATS))
    return spent / (len(features) * FRAME / 16_000)


def main() -> None:
    """Print a table and, last, one line of JSON with the ratios."""
    pcm = realizations.clip().astype(np.float32) / np.float32(32768)
    features = np.empty((1, len(pcm) // FRAME, 20), np.float32)
    network = pitch_network(read_blob(opus_build.built().weights))
    extract_features(network, feature_state(1), 32768 * pcm[np.newaxis], features)
    batch = gaps(pcm, features[0])
    speech_s = sum(gap.samples for gap in batch) / 16_000
    counts = {
        "fargan": fargan.operations_per_second(),
        "lpcnet": lpcnet.operations_per_second(lpcnet.lpcnet(weights())),
    }
    operations = {
        name: 2 * (a_second + a_start * len(batch) / speech_s) for name, (a_second, a_start) in counts.items()
    }
    with threadpool_limits(1):
        first = seconds(by_fargan(batch), speech_s)
        spent = {name: seconds(by(name, batch), speech_s) for name in VOCODERS if name != "fargan"}
        spent["LPCNet's C program"] = by_c_program(features[0])
        spent["fargan"] = min(first, seconds(by_fargan(batch), speech_s))
    print(f"{len(batch)} gaps of {GAP_FRAMES * 10} ms, per second of speech:")
    print(f"{'vocoder':>20}{'G operations':>14}{'ms of processor':>17}{'beside FARGAN':>15}")
    for name, cost in spent.items():
        count = f"{operations[name] / 1e9:.2f}" if name in operations else "–"
        print(f"{name:>20}{count:>14}{1000 * cost:17.1f}{cost / spent['fargan']:15.2f}")
    ratios = {f"{name}_vs_fargan": round(spent["fargan"] / spent[name], 3) for name in ("lpcnet", "lpc")}
    ratios["lpcnet_vs_c_program"] = round(spent["LPCNet's C program"] / spent["lpcnet"], 2)
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
