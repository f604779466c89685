"""FARGAN, libopus's neural vocoder, in batches: makes speech from features, continuing real speech.

After libopus 1.6.1, dnn/fargan.c (Valin, Mustafa & Büthe, "Very low complexity speech synthesis using
framewise autoregressive GAN with pitch prediction", 2024). Speech is made in subframes of 40 samples, each
from the one before, the samples one pitch period earlier, and three recurrent units. A step of many gaps at
once multiplies matrices instead of a matrix and a vector, which is faster.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import BANDS, FEATURES, FRAME, MAX_PERIOD, MIN_PERIOD, PREEMPHASIS, Floats
from testbed.kernels.nn import (
    LINEAR,
    SIGMOID,
    TANH,
    conv1d,
    dense,
    glu,
    gru,
    put,
)
from testbed.kernels.weights import Arrays, Linear, linear, take

PAST = 2 * FRAME
"""Samples of real speech from which synthesis goes on."""
PAST_VECTORS = 5
"""Feature vectors for it, the newest last."""

_SUBFRAME = 40
_SUBFRAMES = FRAME // _SUBFRAME
_MARGIN = 2
_COPY = _SUBFRAME + 2 * _MARGIN
_CONDITION = 80
_PERIODS = MAX_PERIOD - MIN_PERIOD
_EMBEDDING = 12
_HIDDEN = 64
_WIDE = 128
_SIGNAL = _CONDITION + _COPY + _SUBFRAME
_FIRST = 192
_UNITS = (160, 128, 128)
_SKIP = sum(_UNITS) + _FIRST + 2 * _SUBFRAME
_ONE = np.float32(1)
_TINY = np.float32(1e-5)
_LONGEST = 4 * MAX_PERIOD
_TILE = 64
_NOTHING: Floats = np.empty((0, 0), np.float32)


class Fargan(NamedTuple):
    """FARGAN's layers, and its embedding of the pitch period, (224, 12)."""

    periods: Floats
    condition_1: Linear
    condition_2: Linear
    condition_3: Linear
    gain: Linear
    first: Linear
    first_gate: Linear
    gates: Linear
    input_1: Linear
    recurrent_1: Linear
    gate_1: Linear
    input_2: Linear
    recurrent_2: Linear
    gate_2: Linear
    input_3: Linear
    recurrent_3: Linear
    gate_3: Linear
    skip: Linear
    skip_gate: Linear
    last: Linear


class FarganState(NamedTuple):
    """FARGAN's state, batch first; as in libopus, it is kept from one gap to the next.

    Attributes
    ----------
    sample
        (batch,): the last output sample.
    pitch
        (batch, 256): speech before de-emphasis, the newest last.
    condition, signal
        (batch, 2, 64) and (batch, 1, 164): earlier inputs of the two convolutions.
    units_1, units_2, units_3
        (batch, 160), (batch, 128) and (batch, 128).
    period
        (batch,), int64: pitch period in samples of the last feature vector.
    """

    sample: Floats
    pitch: Floats
    condition: Floats
    signal: Floats
    units_1: Floats
    units_2: Floats
    units_3: Floats
    period: NDArray[np.int64]


def fargan(arrays: Arrays) -> Fargan:
    """Make FARGAN of a weights blob's arrays; raises CodecError if they do not fit."""

    def layer(name: str, inputs: int, outputs: int) -> Linear:
        return linear(arrays, name, inputs, outputs)

    one, two, three = _UNITS
    return Fargan(
        take(arrays, "cond_net_pembed_weights_float", _PERIODS * _EMBEDDING, "f4")
        .reshape(_PERIODS, -1)
        .copy(),
        layer("cond_net_fdense1", FEATURES + _EMBEDDING, _HIDDEN),
        layer("cond_net_fconv1", 3 * _HIDDEN, _WIDE),
        layer("cond_net_fdense2", _WIDE, _SUBFRAMES * _CONDITION),
        layer("sig_net_cond_gain_dense", _CONDITION, 1),
        layer("sig_net_fwc0_conv", 2 * _SIGNAL, _FIRST),
        layer("sig_net_fwc0_glu_gate", _FIRST, _FIRST),
        layer("sig_net_gain_dense_out", _FIRST, 4),
        layer("sig_net_gru1_input", _FIRST + 2 * _SUBFRAME, 3 * one),
        layer("sig_net_gru1_recurrent", one, 3 * one),
        layer("sig_net_gru1_glu_gate", one, one),
        layer("sig_net_gru2_input", one + 2 * _SUBFRAME, 3 * two),
        layer("sig_net_gru2_recurrent", two, 3 * two),
        layer("sig_net_gru2_glu_gate", two, two),
        layer("sig_net_gru3_input", two + 2 * _SUBFRAME, 3 * three),
        layer("sig_net_gru3_recurrent", three, 3 * three),
        layer("sig_net_gru3_glu_gate", three, three),
        layer("sig_net_skip_dense", _SKIP, _WIDE),
        layer("sig_net_skip_glu_gate", _WIDE, _WIDE),
        layer("sig_net_sig_dense_out", _WIDE, _SUBFRAME),
    )


def fargan_state(batch: int) -> FarganState:
    """Return the state before any gap."""
    shapes = ((), (MAX_PERIOD,), (2, _HIDDEN), (1, _SIGNAL), *((units,) for units in _UNITS))
    sample, pitch, condition, signal, one, two, three = (
        np.zeros((batch, *shape), np.float32) for shape in shapes
    )
    return FarganState(sample, pitch, condition, signal, one, two, three, np.zeros(batch, np.int64))


def operations_per_second() -> tuple[int, int]:
    """Return multiplications (each with an addition) for a second of speech, and those for one start."""
    tail = _SKIP * _WIDE + _WIDE * _WIDE + _WIDE * _SUBFRAME
    inputs = (_FIRST, *_UNITS[:2])
    body = 2 * _SIGNAL * _FIRST + _FIRST * (_FIRST + 4) + _CONDITION
    for before, units in zip(inputs, _UNITS, strict=True):
        body += 3 * units * (before + 2 * _SUBFRAME) + 3 * units**2 + units**2
    condition = (FEATURES + _EMBEDDING) * _HIDDEN + 3 * _HIDDEN * _WIDE + _WIDE * _SUBFRAMES * _CONDITION
    return 100 * (condition + _SUBFRAMES * (body + tail)), PAST_VECTORS * condition + _SUBFRAMES * (
        body - _UNITS[2] ** 2
    )


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def pitch_period(pitch: float) -> int:
    """Return the period in samples of a pitch feature, limited to what FARGAN takes."""
    if not np.isfinite(pitch):
        return MAX_PERIOD
    octave = max(-20.0, min(20.0, pitch)) + 1.5
    return int(min(_LONGEST, max(1, np.floor(0.5 + 256 / 2.0**octave))))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _condition(network: Fargan, state: FarganState, features: Floats, periods: NDArray[np.int64]) -> Floats:
    """Return the condition of a frame's subframes, (4, batch, 80), by its features; write periods."""
    batch = features.shape[0]
    inputs = np.empty((batch, FEATURES + _EMBEDDING), np.float32)
    for item in range(batch):
        periods[item] = pitch_period(features[item, BANDS])
        for i in range(FEATURES):
            value = features[item, i]
            inputs[item, i] = value if np.isfinite(value) else np.float32(0)
        row = min(max(periods[item] - MIN_PERIOD, 0), _PERIODS - 1)
        for i in range(_EMBEDDING):
            inputs[item, FEATURES + i] = network.periods[row, i]
    hidden = dense(network.condition_1, inputs, TANH)
    hidden = conv1d(network.condition_2, state.condition, hidden, 1, TANH)
    joined = dense(network.condition_3, hidden, TANH)
    parts = np.empty((_SUBFRAMES, batch, _CONDITION), np.float32)
    for subframe in range(_SUBFRAMES):
        for item in range(batch):
            for i in range(_CONDITION):
                parts[subframe, item, i] = joined[item, subframe * _CONDITION + i]
    return parts


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _follow(copy: Floats, gates: Floats, index: int, before: Floats, out: Floats) -> None:
    """Write the pitch copy times one of its gates, then the subframe before, at the end of layers' inputs."""
    for item in range(out.shape[0]):
        last, gate = out[item, out.shape[1] - 2 * _SUBFRAME :], gates[item, index]
        for i in range(_SUBFRAME):
            last[i] = gate * copy[item, _MARGIN + i]
            last[_SUBFRAME + i] = before[item, i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _subframe(network: Fargan, state: FarganState, condition: Floats, wanted: bool, out: Floats) -> None:
    """Make the next subframe of each gap, not de-emphasised, (batch, 40), if it is wanted."""
    batch = condition.shape[0]
    gain = dense(network.gain, condition, LINEAR)
    copy, before = np.empty((batch, _COPY), np.float32), np.empty((batch, _SUBFRAME), np.float32)
    for item in range(batch):
        gain[item, 0] = np.exp(gain[item, 0])
        inverse = _ONE / (_TINY + gain[item, 0])
        pitch, period = state.pitch[item], state.period[item]
        position = MAX_PERIOD - period - _MARGIN
        for i in range(_COPY):
            copy[item, i] = min(_ONE, max(-_ONE, inverse * pitch[max(0, position)]))
            position += 1
            if position == MAX_PERIOD:
                position -= period
        for i in range(_SUBFRAME):
            before[item, i] = min(_ONE, max(-_ONE, inverse * pitch[MAX_PERIOD - _SUBFRAME + i]))
    signal = np.empty((batch, _SIGNAL), np.float32)
    put(condition, signal, 0)
    put(copy, signal, _CONDITION)
    put(before, signal, _CONDITION + _COPY)

    one, two, three = _UNITS
    input_1 = np.empty((batch, _FIRST + 2 * _SUBFRAME), np.float32)
    input_2 = np.empty((batch, one + 2 * _SUBFRAME), np.float32)
    input_3 = np.empty((batch, two + 2 * _SUBFRAME), np.float32)
    opened = glu(network.first_gate, conv1d(network.first, state.signal, signal, 1, TANH))
    gates = dense(network.gates, opened, SIGMOID)
    put(opened, input_1, 0)
    _follow(copy, gates, 0, before, input_1)
    gru(network.input_1, network.recurrent_1, state.units_1, input_1)
    gated_1 = glu(network.gate_1, state.units_1)
    put(gated_1, input_2, 0)
    _follow(copy, gates, 1, before, input_2)
    gru(network.input_2, network.recurrent_2, state.units_2, input_2)
    gated_2 = glu(network.gate_2, state.units_2)
    put(gated_2, input_3, 0)
    _follow(copy, gates, 2, before, input_3)
    gru(network.input_3, network.recurrent_3, state.units_3, input_3)
    if not wanted:
        return
    joined = np.empty((batch, _SKIP), np.float32)
    put(gated_1, joined, 0)
    put(gated_2, joined, one)
    put(glu(network.gate_3, state.units_3), joined, one + two)
    put(opened, joined, one + two + three)
    _follow(copy, gates, 3, before, joined)
    shape = glu(network.skip_gate, dense(network.skip, joined, TANH))
    made = dense(network.last, shape, TANH)
    for item in range(batch):
        for i in range(_SUBFRAME):
            out[item, i] = made[item, i] * gain[item, 0]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _run(network: Fargan, state: FarganState, features: Floats, real: Floats, out: Floats) -> None:
    """Make a frame for each vector, (batch, frames, 20), or follow a real one with the last of them.

    It is followed if `real`, (batch, 160) and pre-emphasised, is not empty. One function does both, for it
    takes long to compile.
    """
    batch, frames = features.shape[0], features.shape[1]
    follow = real.size > 0
    periods = np.empty(batch, np.int64)
    made = np.empty((batch, _SUBFRAME), np.float32)
    for frame in range(frames):
        condition = _condition(network, state, features[:, frame], periods)
        for subframe in range(_SUBFRAMES if not follow or frame == frames - 1 else 0):
            _subframe(network, state, condition[subframe], not follow, made)
            for item in range(batch):
                pitch = state.pitch[item]
                for i in range(MAX_PERIOD - _SUBFRAME):
                    pitch[i] = pitch[i + _SUBFRAME]
                for i in range(_SUBFRAME):
                    sample = real[item, subframe * _SUBFRAME + i] if follow else made[item, i]
                    pitch[MAX_PERIOD - _SUBFRAME + i] = sample
                if not follow:
                    sample = state.sample[item]
                    begin = frame * FRAME + subframe * _SUBFRAME
                    for i in range(_SUBFRAME):
                        sample = made[item, i] + PREEMPHASIS * sample
                        out[item, begin + i] = sample
                    state.sample[item] = sample
        if not follow or frame < frames - 1:
            for item in range(batch):
                state.period[item] = periods[item]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _emphasise(past: Floats, out: Floats, last: Floats) -> None:
    """Limit and pre-emphasise samples, (batch, 320), from silence; write the last one as it was."""
    for item in range(past.shape[0]):
        before = np.float32(0)
        for i in range(PAST):
            sample = past[item, i]
            sample = min(_ONE, max(-_ONE, sample)) if np.isfinite(sample) else np.float32(0)
            out[item, i] = sample - PREEMPHASIS * before if i > 0 else np.float32(0)
            before = sample
        last[item] = before


def _parts(batch: int) -> list[slice]:
    """Return parts of a batch whose layers' inputs and outputs stay in the core's own cache."""
    return [slice(begin, begin + _TILE) for begin in range(0, batch, _TILE)]


def _part_of(state: FarganState, part: slice) -> FarganState:
    """Return the state of a part of the batch, in the same memory."""
    return FarganState(
        state.sample[part],
        state.pitch[part],
        state.condition[part],
        state.signal[part],
        state.units_1[part],
        state.units_2[part],
        state.units_3[part],
        state.period[part],
    )


def start_fargan(network: Fargan, state: FarganState, past: Floats, features: Floats) -> None:
    """Move FARGAN's state to the end of real speech.

    Parameters
    ----------
    network, state
        From `fargan` and `fargan_state`; the state is updated.
    past
        float32 (batch, 320): the last 20 ms, -1 to 1; what is not finite counts as 0.
    features
        float32 (batch, 5, 20): their feature vectors and earlier ones, the newest last.
    """
    emphasised = np.empty((len(past), PAST), np.float32)
    _emphasise(np.ascontiguousarray(past), emphasised, state.sample)
    state.pitch[:, MAX_PERIOD - FRAME :] = emphasised[:, :FRAME]
    state.period[:] = 0
    real = np.ascontiguousarray(emphasised[:, FRAME:])
    for part in _parts(len(past)):
        _run(network, _part_of(state, part), np.ascontiguousarray(features[part]), real[part], _NOTHING)


def synthesize(network: Fargan, state: FarganState, features: Floats, out: Floats) -> None:
    """Make speech from features, after `start_fargan`.

    Parameters
    ----------
    network, state
        From `fargan` and `fargan_state`; the state is updated.
    features
        float32 (batch, frames, 20), 100 a second; what is not finite counts as 0.
    out
        float32 (batch, frames * 160), contiguous, written: 16 kHz, full scale is 1, not limited to it.
    """
    for part in _parts(len(features)):
        _run(network, _part_of(state, part), np.ascontiguousarray(features[part]), _NOTHING, out[part])
