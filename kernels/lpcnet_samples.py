"""LPCNet's loop over samples: linear prediction gives the smooth part of each, a draw the rest.

After `lpcnet_synthesize` of `src/lpcnet.c` (drowe67/LPCNet). Samples are pre-emphasised, in units of 16 bits.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import FRAME, ORDER, PREEMPHASIS, Floats
from testbed.kernels.block_product import add_product
from testbed.kernels.lpcnet_draw import draw
from testbed.kernels.lpcnet_units import (
    UNITS_A,
    UNITS_B,
    Integers,
    SampleNetwork,
    log_probabilities,
    sample_room,
    step_units,
)
from testbed.kernels.mu_law import SILENCE, STEP_LEVELS, mu_law

_ZERO = np.float32(0)
_LOUDEST, _FULL_SCALE = np.float32(32767), np.float32(32768)
_HIGHEST = np.float32(2**20)
"""Limit of samples, for filters that change may be unstable together."""


class SampleState(NamedTuple):
    """The sample network's state, batch first.

    Attributes
    ----------
    units_a, units_b
        (batch, 384) and (batch, 16).
    signal
        (batch, 16): the last samples, the newest last.
    last
        (batch,): the last sample without pre-emphasis.
    excitation
        (batch,), int64: the last step.
    random
        (batch,), uint32: state of the random generator, C's of POSIX.
    """

    units_a: Floats
    units_b: Floats
    signal: Floats
    last: Floats
    excitation: Integers
    random: NDArray[np.uint32]


def sample_state(seeds: NDArray[np.uint64]) -> SampleState:
    """Return the state before any sound, (batch,); the low 32 bits of the seeds count."""
    batch = len(seeds)
    return SampleState(
        np.zeros((batch, UNITS_A), np.float32),
        np.zeros((batch, UNITS_B), np.float32),
        np.zeros((batch, ORDER), np.float32),
        np.zeros(batch, np.float32),
        np.full(batch, SILENCE, np.int64),
        seeds.astype(np.uint32),
    )


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def make_frame(
    network: SampleNetwork,
    state: SampleState,
    condition: Floats,
    filters: Floats,
    sharpness: Floats,
    real: Floats,
    out: Floats,
) -> None:
    """Make a frame of each gap.

    Parameters
    ----------
    network, state
        Of as many gaps or more; the state of the first is updated.
    condition
        (batch, 128): of the frame.
    filters
        (batch, 16): prediction error filters (`testbed.kernels.lpc`).
    sharpness
        (batch,): see `draw`.
    real
        (batch, 0 to 160): real samples, without pre-emphasis, with which the frame begins.
    out
        (batch, 160), written: full scale is 1; real samples are left out.
    """
    batch, known = real.shape
    part = SampleState(
        state.units_a[:batch],
        state.units_b[:batch],
        state.signal[:batch],
        state.last[:batch],
        state.excitation[:batch],
        state.random[:batch],
    )
    shares = (np.empty((batch, 3 * UNITS_A), np.float32), np.empty((batch, 3 * UNITS_B), np.float32))
    shares[0][:], shares[1][:] = network.bias_a, network.bias_b
    add_product(network.condition_a, condition, shares[0])
    add_product(network.condition_b, condition, shares[1])
    room, steps, predicted = sample_room(batch), np.empty((batch, 3), np.int64), np.empty(batch, np.float32)
    for n in range(FRAME):
        for item in range(batch):
            signal, prediction = part.signal[item], _ZERO
            for i in range(ORDER):
                prediction -= signal[ORDER - 1 - i] * filters[item, i]
            predicted[item] = prediction
            steps[item, 0], steps[item, 1] = mu_law(signal[ORDER - 1]), mu_law(prediction)
            steps[item, 2] = part.excitation[item]
        step_units(network, (part.units_a, part.units_b), shares, steps, room)
        if n >= known:
            log_probabilities(network, part.units_b, room)
            draw(room.logarithms, sharpness, part.random, part.excitation)
        for item in range(batch):
            before = PREEMPHASIS * part.last[item]
            if n < known:
                sample = real[item, n] - before
                part.excitation[item] = mu_law(sample - predicted[item])
            else:
                sample = predicted[item] + STEP_LEVELS[part.excitation[item]]
                sample = min(_HIGHEST, max(-_HIGHEST, sample))
            signal = part.signal[item]
            for i in range(ORDER - 1):
                signal[i] = signal[i + 1]
            signal[ORDER - 1] = sample
            part.last[item] = sample + before
            out[item, n] = min(_LOUDEST, max(-_LOUDEST, part.last[item])) / _FULL_SCALE
