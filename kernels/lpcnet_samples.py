"""LPCNet's sample network: draws one sample after another from a distribution that depends on all before.

After the LPCNet of codec2 1.0.5 (`src/lpcnet.c` and `src/nnet.c` of drowe67/LPCNet; Valin & Skoglund,
"LPCNet: improving neural speech synthesis through linear prediction", ICASSP 2019). Linear prediction gives
the smooth part of a sample, the network the distribution of the rest, in 256 steps of a mu-law scale. Samples
are pre-emphasised, in units of 16 bits. Logarithm and exponential are the C program's approximations.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import FRAME, ORDER, PREEMPHASIS, Floats
from testbed.kernels.block_product import Blocks, add_product
from testbed.kernels.sigmoids import sigmoids, tanhs

Integers = NDArray[np.int64]

CONDITION = 128
"""Numbers that describe a frame."""
UNITS_A = 384
UNITS_B = 16
STEPS = 256
"""Of the mu-law scale."""
SILENCE = 128
"""The step of 0."""
PARTS = 16
"""The distribution is searched in this many parts, each of as many steps."""

_ONE, _ZERO, _HALF = np.float32(1), np.float32(0), np.float32(0.5)
_LOUDEST, _FULL_SCALE = np.float32(32767), np.float32(32768)
_LOG_256 = np.float32(5.5451774445)
_LOG_2 = np.float32(0.69315)
_SCALE = np.float32(255 / 32768)
_L0, _L1, _L2, _L3, _L_MIDDLE = (
    np.float32(value) for value in (-0.41445418, 0.95909232, -0.33951290, 0.16541097, 1.5)
)
"""log2 of 1 to 2, less 1."""
_LOG2_E, _E0, _E1, _E2, _E3 = (
    np.float32(value) for value in (1.44269504, 0.99992522, 0.69583354, 0.22606716, 0.078024523)
)
"""2^x of 0 to 1."""
_LOWEST = np.float32(-50)
"""2^x counts as 0 below it."""
_EXPONENT_ZERO, _MANTISSA_BITS = np.int32(127), np.int32(23)
_FLOOR = np.float32(0.002)
"""Subtracted from probabilities, so that rare steps are never drawn."""
_MULTIPLIER, _INCREMENT = np.uint32(1103515245), np.uint32(12345)
_DRAWS = np.float32(1 / 32768)

_levels = np.arange(STEPS) - SILENCE
STEP_LEVELS: Floats = (
    np.sign(_levels) * (32768 / 255) * (np.exp(np.abs(_levels) / 128 * float(_LOG_256)) - 1)
).astype(np.float32)
"""(256,): the level of each step of the mu-law scale."""


class SampleNetwork(NamedTuple):
    """The sample network's layers.

    Attributes
    ----------
    condition_a, bias_a
        (128, 1152) and (1152,): unit A's share of the frame's condition, update and reset gate, candidate.
    signal, prediction, excitation
        (256, 1152): unit A's share of the last sample, of the prediction and of the last excitation.
    diagonal, recurrent_a, recurrent_bias_a
        Unit A's recurrent weights: the diagonal, (1152,), and the others; and their bias, (1152,).
    condition_b, bias_b
        (128, 48) and (48,): unit B's share of the condition.
    input_b, recurrent_b, recurrent_bias_b
        Unit B's share of unit A, and of itself, with its bias, (48,).
    last, last_bias, factor
        Two layers of 16 inputs and 256 outputs, (512,) and (512,): their tanh, weighted, give the logarithms
        of the probabilities. Output 16 i + j is step 16 j + i, so that vectors sum parts of the distribution.
    """

    condition_a: Blocks
    bias_a: Floats
    signal: Floats
    prediction: Floats
    excitation: Floats
    diagonal: Floats
    recurrent_a: Blocks
    recurrent_bias_a: Floats
    condition_b: Blocks
    bias_b: Floats
    input_b: Blocks
    recurrent_b: Blocks
    recurrent_bias_b: Floats
    last: Blocks
    last_bias: Floats
    factor: Floats


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


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False, error_model="numpy")
def mu_law(level: np.float32) -> int:
    """Return the step, 0 to 255, of a level in units of 16 bits."""
    bits = np.float32(_ONE + _SCALE * abs(level)).view(np.int32)
    whole = (bits >> _MANTISSA_BITS) - _EXPONENT_ZERO
    rest = np.int32(bits - (whole << _MANTISSA_BITS)).view(np.float32) - _L_MIDDLE
    rest = _L0 + rest * (_L1 + rest * (_L2 + rest * _L3))
    size = np.float32(SILENCE) * (_LOG_2 * (np.float32(1 + whole) + rest)) / _LOG_256
    step = np.float32(SILENCE) + (size if level >= 0 else -size)
    return int(np.floor(_HALF + min(np.float32(STEPS - 1), max(_ZERO, step))))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _gated(gates: Floats, recurrent: Floats, units: Floats) -> None:
    """Move a gated recurrent unit, (N,), by inputs and recurrence, (3 N,); these are overwritten."""
    size = units.size
    for i in range(2 * size):
        gates[i] += recurrent[i]
    sigmoids(gates[: 2 * size])
    update, reset, candidate = gates[:size], gates[size : 2 * size], gates[2 * size :]
    old = recurrent[2 * size :]
    for i in range(size):
        candidate[i] += reset[i] * old[i]
    tanhs(candidate)
    for i in range(size):
        units[i] = update[i] * units[i] + (_ONE - update[i]) * candidate[i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def step_units(
    network: SampleNetwork, state: SampleState, shares: tuple[Floats, Floats], steps: Integers, room: Floats
) -> None:
    """Move the units of all gaps by one sample.

    Parameters
    ----------
    network, state
        Only the state's units are updated.
    shares
        (batch, 1152) and (batch, 48): the units' shares of the frame's condition.
    steps
        (batch, 3): mu-law steps of the last sample, the prediction and the last excitation.
    room
        (2, batch, 1152): overwritten.
    """
    batch = steps.shape[0]
    gates, recurrent = room[0, :batch], room[1, :batch]
    for item in range(batch):
        share, units = shares[0][item], state.units_a[item]
        signal, prediction = network.signal[steps[item, 0]], network.prediction[steps[item, 1]]
        excitation = network.excitation[steps[item, 2]]
        to, back = gates[item], recurrent[item]
        for i in range(3 * UNITS_A):
            to[i] = share[i] + signal[i] + prediction[i] + excitation[i]
        for gate in range(3):
            begin = gate * UNITS_A
            own, bias = network.diagonal[begin:], network.recurrent_bias_a[begin:]
            for i in range(UNITS_A):
                back[begin + i] = bias[i] + own[i] * units[i]
    add_product(network.recurrent_a, state.units_a, recurrent)
    for item in range(batch):
        _gated(gates[item], recurrent[item], state.units_a[item])
    inputs, own = np.empty((batch, 3 * UNITS_B), np.float32), np.empty((batch, 3 * UNITS_B), np.float32)
    for item in range(batch):
        for i in range(3 * UNITS_B):
            inputs[item, i], own[item, i] = shares[1][item, i], network.recurrent_bias_b[i]
    add_product(network.input_b, state.units_a, inputs)
    add_product(network.recurrent_b, state.units_b, own)
    for item in range(batch):
        _gated(inputs[item], own[item], state.units_b[item])


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def log_probabilities(network: SampleNetwork, units_b: Floats, out: Floats) -> None:
    """Write the logarithms of probabilities, (batch, 256), up to a constant; for the order see `last`."""
    batch = units_b.shape[0]
    both = np.empty((batch, 2 * STEPS), np.float32)
    for item in range(batch):
        for i in range(2 * STEPS):
            both[item, i] = network.last_bias[i]
    add_product(network.last, units_b, both)
    for item in range(batch):
        tanhs(both[item])
        first, second = both[item, :STEPS], both[item, STEPS:]
        weight, other = network.factor[:STEPS], network.factor[STEPS:]
        for i in range(STEPS):
            out[item, i] = first[i] * weight[i] + second[i] * other[i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False, error_model="numpy")
def draw(logarithms: Floats, sharpness: np.float32, random: np.uint32) -> int:
    """Draw a step from a distribution.

    Parameters
    ----------
    logarithms
        (256,), of `log_probabilities`; overwritten.
    sharpness
        Factor of them: 1, or more where the pitch is clear.
    random
        Of the generator; its bits 16 to 30 count.
    """
    for i in range(STEPS):
        x = logarithms[i] * sharpness * _LOG2_E
        x = x if x > _LOWEST else _LOWEST
        whole = np.floor(x)
        rest = x - whole
        power = _E0 + rest * (_E1 + rest * (_E2 + _E3 * rest))
        logarithms[i] = power * np.int32((np.int32(whole) + _EXPONENT_ZERO) << _MANTISSA_BITS).view(
            np.float32
        )
    sums = np.zeros(PARTS, np.float32)
    for i in range(PARTS):
        for part in range(PARTS):
            sums[part] += logarithms[PARTS * i + part]
    total = _ZERO
    for part in range(PARTS):
        total += sums[part]
    scale = _ONE / total
    sums[:] = 0
    for i in range(PARTS):
        for part in range(PARTS):
            above = logarithms[PARTS * i + part] * scale - _FLOOR
            above = above if above > _ZERO else _ZERO
            logarithms[PARTS * i + part] = above
            sums[part] += above
    total = _ZERO
    for part in range(PARTS):
        total += sums[part]
    wanted = total * (np.float32((random >> np.uint32(16)) & np.uint32(32767)) * _DRAWS)
    below = _ZERO
    for part in range(PARTS):
        if wanted < below + sums[part]:
            for i in range(PARTS):
                below += logarithms[PARTS * i + part]
                if wanted < below:
                    return PARTS * part + i
            return PARTS * part + PARTS - 1
        below += sums[part]
    return STEPS - 1


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
    shares = (np.empty((batch, 3 * UNITS_A), np.float32), np.empty((batch, 3 * UNITS_B), np.float32))
    for item in range(batch):
        shares[0][item] = network.bias_a
        shares[1][item] = network.bias_b
    add_product(network.condition_a, condition, shares[0])
    add_product(network.condition_b, condition, shares[1])
    room = np.empty((2, batch, 3 * UNITS_A), np.float32)
    logarithms = np.empty((batch, STEPS), np.float32)
    steps = np.empty((batch, 3), np.int64)
    predicted = np.empty(batch, np.float32)
    part = SampleState(
        state.units_a[:batch],
        state.units_b[:batch],
        state.signal[:batch],
        state.last[:batch],
        state.excitation[:batch],
        state.random[:batch],
    )
    for n in range(FRAME):
        for item in range(batch):
            signal, prediction = part.signal[item], _ZERO
            for i in range(ORDER):
                prediction -= signal[ORDER - 1 - i] * filters[item, i]
            predicted[item] = prediction
            steps[item, 0], steps[item, 1] = mu_law(signal[ORDER - 1]), mu_law(prediction)
            steps[item, 2] = part.excitation[item]
        step_units(network, part, shares, steps, room)
        if n >= known:
            log_probabilities(network, part.units_b, logarithms)
        for item in range(batch):
            before = PREEMPHASIS * part.last[item]
            if n < known:
                sample = real[item, n] - before
                step = mu_law(sample - predicted[item])
            else:
                part.random[item] = part.random[item] * _MULTIPLIER + _INCREMENT
                step = draw(logarithms[item], sharpness[item], part.random[item])
                sample = predicted[item] + STEP_LEVELS[step]
            signal = part.signal[item]
            for i in range(ORDER - 1):
                signal[i] = signal[i + 1]
            signal[ORDER - 1] = sample
            part.excitation[item] = step
            part.last[item] = sample + before
            out[item, n] = min(_LOUDEST, max(-_LOUDEST, part.last[item])) / _FULL_SCALE
