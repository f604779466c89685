"""PitchDNN: libopus's pitch estimate, a small network over instantaneous frequency and correlation.

After libopus 1.6.1, dnn/pitchdnn.c. The pitch is on a logarithmic scale: a period is
``256 / 2 ** (pitch + 1.5)`` samples at 16 kHz.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import Floats
from testbed.kernels.nn import (
    LINEAR,
    TANH,
    activate,
    dense,
    gru,
    put,
)
from testbed.kernels.weights import Arrays, Linear, linear, take

IF_FEATURES = 88
"""Instantaneous frequency: level of bin 0, then real part, imaginary part and level of bins 1 to 29."""
LAGS = 224
"""Correlations at lags of 256 down to 33 samples."""
_UNITS = 64
_CHANNELS = 4
_STATES = 180
_LEVELS = 192
_AROUND = 2


class PitchNetwork(NamedTuple):
    """PitchDNN's layers; convolutions as (out, in, frame, lag)."""

    if_1: Linear
    if_2: Linear
    down: Linear
    gru_input: Linear
    gru_recurrent: Linear
    up: Linear
    conv_1: Floats
    conv_1_bias: Floats
    conv_2: Floats
    conv_2_bias: Floats


class PitchState(NamedTuple):
    """PitchDNN's state: units (batch, 64), and the last two frames' inputs of both convolutions.

    These are (batch, 2, 1, 226) and (batch, 2, 4, 226), oldest first, with a zero at either end of the lags.
    """

    units: Floats
    lags: Floats
    channels: NDArray[np.float32]


def pitch_network(arrays: Arrays) -> PitchNetwork:
    """Make PitchDNN of a weights blob's arrays; raises CodecError if they do not fit."""
    return PitchNetwork(
        linear(arrays, "dense_if_upsampler_1", IF_FEATURES, _UNITS),
        linear(arrays, "dense_if_upsampler_2", _UNITS, _UNITS),
        linear(arrays, "dense_downsampler", LAGS + _UNITS, _UNITS),
        linear(arrays, "gru_1_input", _UNITS, 3 * _UNITS),
        linear(arrays, "gru_1_recurrent", _UNITS, 3 * _UNITS),
        linear(arrays, "dense_final_upsampler", _UNITS, _LEVELS),
        take(arrays, "conv2d_1_weight_float", 9 * _CHANNELS, "f4").reshape(_CHANNELS, 1, 3, 3).copy(),
        take(arrays, "conv2d_1_bias", _CHANNELS, "f4").copy(),
        take(arrays, "conv2d_2_weight_float", 9 * _CHANNELS, "f4").reshape(1, _CHANNELS, 3, 3).copy(),
        take(arrays, "conv2d_2_bias", 1, "f4").copy(),
    )


def pitch_state(batch: int) -> PitchState:
    """Return the state before any speech."""
    return PitchState(
        np.zeros((batch, _UNITS), np.float32),
        np.zeros((batch, 2, 1, LAGS + 2), np.float32),
        np.zeros((batch, 2, _CHANNELS, LAGS + 2), np.float32),
    )


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _convolve(weights: Floats, bias: Floats, memory: Floats, new: Floats, out: Floats) -> None:
    """Convolve over three frames and three lags; shift `new` (in, 226) into `memory` (2, in, 226)."""
    lags = new.shape[1] - 2
    for channel in range(out.shape[0]):
        row = out[channel]
        for lag in range(lags):
            row[lag] = bias[channel]
        for source in range(new.shape[0]):
            for frame in range(3):
                line = new[source] if frame == 2 else memory[frame, source]
                w0, w1, w2 = (
                    weights[channel, source, frame, 0],
                    weights[channel, source, frame, 1],
                    weights[channel, source, frame, 2],
                )
                for lag in range(lags):
                    row[lag] += w0 * line[lag] + w1 * line[lag + 1] + w2 * line[lag + 2]
    for source in range(new.shape[0]):
        for i in range(new.shape[1]):
            memory[0, source, i] = memory[1, source, i]
            memory[1, source, i] = new[source, i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def estimate_pitch(
    network: PitchNetwork, state: PitchState, frequencies: Floats, correlations: Floats, pitch: Floats
) -> None:
    """Estimate the pitch of the next frame of each item.

    Parameters
    ----------
    network, state
        From `pitch_network` and `pitch_state`; the state is updated.
    frequencies, correlations
        (batch, 88) and (batch, 224), all within -1 to 1.
    pitch
        (batch,), written: -1.5 to 1.48.
    """
    batch = frequencies.shape[0]
    joined = np.empty((batch, LAGS + _UNITS), np.float32)
    padded = np.zeros((1, LAGS + 2), np.float32)
    hidden = np.zeros((_CHANNELS, LAGS + 2), np.float32)
    inner, outer = np.empty((_CHANNELS, LAGS), np.float32), np.empty((1, LAGS), np.float32)
    put(dense(network.if_2, dense(network.if_1, frequencies, TANH), TANH), joined, LAGS)
    for item in range(batch):
        put(correlations[item : item + 1], padded, 1)
        _convolve(network.conv_1, network.conv_1_bias, state.lags[item], padded, inner)
        activate(inner, TANH)
        put(inner, hidden, 1)
        _convolve(network.conv_2, network.conv_2_bias, state.channels[item], hidden, outer)
        activate(outer, TANH)
        put(outer, joined[item : item + 1], 0)
    gru(network.gru_input, network.gru_recurrent, state.units, dense(network.down, joined, TANH))
    scores = dense(network.up, state.units, LINEAR)
    for item in range(batch):
        best, highest = 0, np.float32(-1)
        for i in range(_STATES):
            if scores[item, i] > highest:
                best, highest = i, scores[item, i]
        total = weight = 0.0
        for i in range(max(0, best - _AROUND), min(_STATES - 1, best + _AROUND) + 1):
            share = np.exp(scores[item, i])
            total += share * i
            weight += share
        pitch[item] = total / weight / 60 - 1.5
