"""Measures LPCNet's kernel beside its C program, and beside the floor of its arithmetic.

Run it with ``.venv/bin/python benchmarks/lpcnet.py``. The kernel conceals gaps of 200 ms, which it begins by
hearing 25 ms of real speech; these count as time but not as speech made. The C program of Debian's package,
compiled for any x86-64, makes one signal at a time, a whole clip. Each runs in one thread, whose processor
time is measured; the C program is measured first and last, and the faster counts.

The floor: LPCNet multiplies and adds 1.20 G times per second of speech, of which 98 % are in the step of each
sample, and 27 M times before each gap. Divided by what this core reaches in large float32 matrix products,
that is the least that a program of these products can take; tanh, exponentials and draws come on top.
"""

import json

import numpy as np
import realizations
import scipy.linalg.cython_blas  # noqa: F401 - numba's BLAS: loaded before threads are limited
from threadpoolctl import threadpool_limits
from vocoder import fastest, matrix_rate
from vocoder_costs import FRAME, GAP_FRAMES, by_c_program, gaps

from testbed.codecs.lpcnet.weights import weights
from testbed.codecs.opus import build as opus_build
from testbed.codecs.vocoders.lpcnet import LpcnetVocoder
from testbed.kernels.features import extract_features, feature_state
from testbed.kernels.lpcnet import lpcnet, operations_per_second
from testbed.kernels.pitch_network import pitch_network
from testbed.kernels.weights import read_blob

BATCHES = (1, 4, 16, 64)


def main() -> None:
    """Print a table and, last, one line of JSON with the ratios."""
    pcm = realizations.clip().astype(np.float32) / np.float32(32768)
    features = np.empty((1, len(pcm) // FRAME, 20), np.float32)
    network = pitch_network(read_blob(opus_build.built().weights))
    extract_features(network, feature_state(1), 32768 * pcm[np.newaxis], features)
    batch, vocoder = gaps(pcm, features[0]), LpcnetVocoder()
    a_second, a_start = operations_per_second(lpcnet(weights()))
    gap_s = GAP_FRAMES * FRAME / 16_000
    with threadpool_limits(1):
        rate = matrix_rate() / 2
        floor = (a_second + a_start / gap_s) / rate
        first = by_c_program(features[0])
        vocoder.synthesize(batch)  # compiles
        spent = {
            size: fastest(lambda part=batch[:size]: vocoder.synthesize(part)) / (size * gap_s)
            for size in BATCHES
        }
        theirs = min(first, by_c_program(features[0]))
    print(f"float32 matrix products: {rate / 1e9:.1f} G multiplications, each with an addition, per second")
    print(f"LPCNet: {a_second / 1e9:.2f} G per second of speech, {a_start / 1e6:.0f} M before a gap")
    print("seconds of speech per second of processor time:")
    print(f"{'C program':>20}{1 / theirs:8.1f}")
    for size, seconds in spent.items():
        print(f"{f'kernel, {size} gaps':>20}{1 / seconds:8.1f}{theirs / seconds:8.1f} x the C program")
    print(f"{'floor':>20}{1 / floor:8.1f}")
    ours = spent[BATCHES[-1]]
    print(json.dumps({"vs_c_program": round(theirs / ours, 2), "vs_floor": round(floor / ours, 2)}))


if __name__ == "__main__":
    main()
