"""libopus's deep packet loss concealment, in batches: predicts features, fades them and makes speech.

After libopus 1.6.1, dnn/lpcnet_plc.c. Before a gap, `hear` updates the predictor, the queue of feature
vectors and the pitch network from the last real frames. Then `start_gap` and `conceal` fill it: from features
that redundancy brought, else from predicted ones, which fade out. A gap needs two vectors more than it has
frames: the vocoder starts from one that lies a frame ahead.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import BANDS, FEATURES, FRAME, Floats
from testbed.kernels.burg import burg_cepstrum
from testbed.kernels.fargan import (
    PAST_VECTORS,
    Fargan,
    FarganState,
    fargan,
    fargan_state,
    start_fargan,
    synthesize,
)
from testbed.kernels.features import (
    FeatureState,
    extract_features,
    feature_state,
)
from testbed.kernels.nn import LINEAR, TANH, dense, gru
from testbed.kernels.pitch_network import PitchNetwork, pitch_network
from testbed.kernels.weights import Arrays, Linear, linear

AHEAD = 2
"""Feature vectors that a gap needs more than it has frames."""
MAX_HEARD = 15
"""Frames of 10 ms that libopus keeps, and so at most hears before a gap."""

_BURG = 2 * BANDS
_INPUTS = _BURG + FEATURES + 1
_HIDDEN = 128
_UNITS = 192
_FADE = np.array([0, 0, -0.2, -0.2, -0.4, -0.4, -0.8, -0.8, -1.6, -1.6], np.float32)
_LOWEST = np.float32(-15)
_FULL_SCALE = np.float32(32768)
_LOUDEST = np.float32(32767)


class Predictor(NamedTuple):
    """The feature predictor's layers."""

    first: Linear
    input_1: Linear
    recurrent_1: Linear
    input_2: Linear
    recurrent_2: Linear
    last: Linear


class PlcNetwork(NamedTuple):
    """The networks of concealment."""

    predictor: Predictor
    pitch: PitchNetwork
    fargan: Fargan


class PlcState(NamedTuple):
    """State of concealment of each stream, batch first.

    Attributes
    ----------
    features
        From `features.feature_state`.
    fargan
        From `fargan.fargan_state`.
    units_1, units_2
        (batch, 3, 192): the predictor's units now, before its last step, and before the one before that.
    queue
        (batch, 5, 20): the last feature vectors, the newest last.
    lost
        (batch,), int64: frames in a row that were predicted.
    """

    features: FeatureState
    fargan: FarganState
    units_1: Floats
    units_2: Floats
    queue: Floats
    lost: NDArray[np.int64]


def plc_network(arrays: Arrays) -> PlcNetwork:
    """Make the networks of a weights blob's arrays; raises CodecError if they do not fit."""
    return PlcNetwork(
        Predictor(
            linear(arrays, "plc_dense_in", _INPUTS, _HIDDEN),
            linear(arrays, "plc_gru1_input", _HIDDEN, 3 * _UNITS),
            linear(arrays, "plc_gru1_recurrent", _UNITS, 3 * _UNITS),
            linear(arrays, "plc_gru2_input", _UNITS, 3 * _UNITS),
            linear(arrays, "plc_gru2_recurrent", _UNITS, 3 * _UNITS),
            linear(arrays, "plc_dense_out", _UNITS, FEATURES),
        ),
        pitch_network(arrays),
        fargan(arrays),
    )


def plc_state(batch: int) -> PlcState:
    """Return the state before any speech."""
    return PlcState(
        feature_state(batch),
        fargan_state(batch),
        np.zeros((batch, 3, _UNITS), np.float32),
        np.zeros((batch, 3, _UNITS), np.float32),
        np.zeros((batch, PAST_VECTORS, FEATURES), np.float32),
        np.zeros(batch, np.int64),
    )


def frames_to_hear(concealed: int, received: int) -> tuple[int, int]:
    """Return how many frames libopus hears before a gap, and the first of them that it predicts from.

    Parameters
    ----------
    concealed
        Frames of 10 ms in the gap before, which are heard like sound but not by the predictor; 0 if there
        was no gap yet.
    received
        Frames received since then.

    Returns
    -------
    tuple
        Frames up to the gap, `MAX_HEARD` at most, and an index into them: earlier ones only update
        feature extraction.
    """
    frames = min(MAX_HEARD, concealed + received)
    torn = concealed == 0 or concealed + received > MAX_HEARD
    return frames, max(frames - received, int(torn))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _predict(
    network: Predictor, units_1: Floats, units_2: Floats, inputs: Floats, counts: NDArray[np.bool_]
) -> Floats:
    """Move the predictor of streams that count on; return the features, (batch, 20), that it expects next."""
    hidden = dense(network.first, inputs, TANH)
    now_1, now_2 = units_1[:, 0].copy(), units_2[:, 0].copy()
    gru(network.input_1, network.recurrent_1, now_1, hidden)
    gru(network.input_2, network.recurrent_2, now_2, now_1)
    for item in range(len(counts)):
        if counts[item]:
            for units, now in ((units_1[item], now_1[item]), (units_2[item], now_2[item])):
                for i in range(_UNITS):
                    units[2, i], units[1, i], units[0, i] = units[1, i], units[0, i], now[i]
    return dense(network.last, now_2, LINEAR)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _queue(queue: Floats, features: Floats, counts: NDArray[np.bool_]) -> None:
    """Add a vector of each stream that counts, (batch, 20), to its queue, (batch, 5, 20)."""
    for item in range(len(counts)):
        if counts[item]:
            for place in range(PAST_VECTORS - 1):
                queue[item, place] = queue[item, place + 1]
            queue[item, PAST_VECTORS - 1] = features[item]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _fade(features: Floats, known: NDArray[np.bool_], lost: NDArray[np.int64]) -> None:
    """Fade the features, (batch, 20), of streams where they are predicted, further with each frame."""
    for item in range(len(known)):
        lost[item] = 0 if known[item] else lost[item] + 1
        beyond = np.float32(max(lost[item] - 9, 0))
        level = features[item, 0] + _FADE[min(lost[item], 9)] - np.float32(2) * beyond
        features[item, 0] = max(_LOWEST, level)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _round(samples: Floats) -> None:
    """Round samples, (batch, 160), to 16 bits as libopus does."""
    for item in range(samples.shape[0]):
        for i in range(FRAME):
            level = max(-_LOUDEST, min(_LOUDEST, _FULL_SCALE * samples[item, i]))
            samples[item, i] = np.floor(level + np.float32(0.5)) / _FULL_SCALE


def hear(network: PlcNetwork, state: PlcState, pcm: Floats, first: NDArray[np.int64]) -> None:
    """Update the state of concealment before a gap.

    Parameters
    ----------
    network, state
        From `plc_network` and `plc_state`; the state is updated.
    pcm
        (batch, frames * 160): the last frames before the gap, 16 kHz, full scale is 1.
    first
        (batch,): the first frame that counts for the predictor; see `frames_to_hear`.
    """
    batch, frames = pcm.shape[0], pcm.shape[1] // FRAME
    # The two steps that a gap takes ahead of its sound have not been heard.
    for units in (state.units_1, state.units_2):
        units[:, 0] = units[:, 2]
    state.lost[:] = 0
    features = np.empty((batch, 1, FEATURES), np.float32)
    envelope = np.empty((batch, _BURG), np.float32)
    for frame in range(frames):
        frame_pcm = _FULL_SCALE * pcm[:, frame * FRAME : (frame + 1) * FRAME]
        burg_cepstrum(frame_pcm, envelope)
        extract_features(network.pitch, state.features, frame_pcm, features)
        inputs = np.hstack((envelope, features[:, 0], np.ones((batch, 1), np.float32)))
        counts = frame >= first
        _predict(network.predictor, state.units_1, state.units_2, inputs, counts)
        _queue(state.queue, features[:, 0], counts)


def _next_features(network: PlcNetwork, state: PlcState, given: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the next vector of each stream, (batch, 20): the given one where known, or a prediction."""
    inputs = np.zeros((len(given), _INPUTS), np.float32)
    told = np.where(np.isfinite(given), given, np.float32(0))[known]
    inputs[known, _BURG:-1] = told
    inputs[known, -1] = -1
    everywhere = np.ones(len(given), bool)
    features: Floats = _predict(network.predictor, state.units_1, state.units_2, inputs, everywhere)
    features[known] = told
    return features


def start_features(network: PlcNetwork, state: PlcState, given: Floats, known: NDArray[np.bool_]) -> None:
    """Add the two vectors ahead of a gap to the queue, after `hear`; see `start_gap`."""
    everywhere = np.ones(len(given), bool)
    for step in range(AHEAD):
        _queue(state.queue, _next_features(network, state, given[:, step], known[:, step]), everywhere)


def gap_features(network: PlcNetwork, state: PlcState, given: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the next vectors of a gap, (batch, frames, 20), after `start_features`; see `conceal`."""
    everywhere = np.ones(len(given), bool)
    made = np.empty(given.shape, np.float32)
    for frame in range(given.shape[1]):
        now = np.ascontiguousarray(known[:, frame])
        features = _next_features(network, state, given[:, frame], now)
        _fade(features, now, state.lost)
        _queue(state.queue, features, everywhere)
        made[:, frame] = features
    return made


def start_gap(
    network: PlcNetwork, state: PlcState, past: Floats, given: Floats, known: NDArray[np.bool_]
) -> None:
    """Begin a gap that FARGAN synthesizes, after `hear`.

    Parameters
    ----------
    network, state
        From `plc_network` and `plc_state`; the state is updated.
    past
        (batch, 320): the last 20 ms before the gap, full scale is 1.
    given, known
        (batch, 2, 20) and (batch, 2): the two vectors ahead, where redundancy brought them.
    """
    start_features(network, state, given, known)
    start_fargan(network.fargan, state.fargan, past, state.queue)


def conceal(
    network: PlcNetwork, state: PlcState, given: Floats, known: NDArray[np.bool_], out: Floats
) -> None:
    """Make the next frames of a gap by FARGAN, after `start_gap`.

    Parameters
    ----------
    network, state
        From `plc_network` and `plc_state`; the state is updated.
    given, known
        (batch, frames, 20) and (batch, frames): features of redundancy; what is not finite counts as 0.
    out
        (batch, frames * 160), written: full scale is 1, rounded to 16 bits as libopus does.
    """
    batch, frames = given.shape[0], given.shape[1]
    made = np.empty((batch, FRAME), np.float32)
    features = gap_features(network, state, given, known)
    for frame in range(frames):
        synthesize(network.fargan, state.fargan, features[:, frame : frame + 1], made)
        _round(made)
        out[:, frame * FRAME : (frame + 1) * FRAME] = made
