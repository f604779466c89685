"""libopus's deep packet loss concealment, for many gaps at once: features predicted, faded and made speech.

After libopus 1.6.1, dnn/lpcnet_plc.c. Before a gap the last real frames are heard (`hear`): that brings the
predictor, the queue of the last feature vectors and the pitch network up to date. Then `start_gap` and
`conceal` fill it, from features that redundancy brought where there are some, and from predicted ones that
fade out where not. A gap needs two vectors more than it has frames: the vocoder starts from one that lies a
frame ahead.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import BANDS, FEATURES, FRAME, Floats
from testbed.kernels.burg import burg_cepstrum, burg_cepstrum_reference
from testbed.kernels.fargan import (
    PAST_VECTORS,
    Fargan,
    FarganReference,
    FarganState,
    fargan,
    fargan_state,
    start_fargan,
    synthesize,
)
from testbed.kernels.features import (
    FeatureState,
    extract_features,
    extract_features_reference,
    feature_state,
)
from testbed.kernels.nn import LINEAR, TANH, Raw, dense, dense_reference, gru, gru_reference
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


class PlcNetwork(NamedTuple):
    """The predictor's layers, and the networks that it works with."""

    first: Linear
    input_1: Linear
    recurrent_1: Linear
    input_2: Linear
    recurrent_2: Linear
    last: Linear
    pitch: PitchNetwork
    fargan: Fargan


class PlcState(NamedTuple):
    """What concealment remembers of each stream, batch first.

    Attributes
    ----------
    features
        Of `features.feature_state`.
    fargan
        Of `fargan.fargan_state`.
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
    """Make the predictor of a weights blob's arrays; raises CodecError where they do not fit."""
    return PlcNetwork(
        linear(arrays, "plc_dense_in", _INPUTS, _HIDDEN),
        linear(arrays, "plc_gru1_input", _HIDDEN, 3 * _UNITS),
        linear(arrays, "plc_gru1_recurrent", _UNITS, 3 * _UNITS),
        linear(arrays, "plc_gru2_input", _UNITS, 3 * _UNITS),
        linear(arrays, "plc_gru2_recurrent", _UNITS, 3 * _UNITS),
        linear(arrays, "plc_dense_out", _UNITS, FEATURES),
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
        Frames up to the gap, `MAX_HEARD` at most, and an index into them: what is before it only brings
        feature extraction up to date.
    """
    frames = min(MAX_HEARD, concealed + received)
    torn = concealed == 0 or concealed + received > MAX_HEARD
    return frames, max(frames - received, int(torn))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _predict(network: PlcNetwork, state: PlcState, inputs: Floats) -> Floats:
    """Move the predictor on by a frame; return the features, (batch, 20), that it expects next."""
    batch = inputs.shape[0]
    units_1, units_2 = np.empty((batch, _UNITS), np.float32), np.empty((batch, _UNITS), np.float32)
    for item in range(batch):
        for units, now in ((state.units_1[item], units_1[item]), (state.units_2[item], units_2[item])):
            now[:] = units[0]
            units[2] = units[1]
            units[1] = units[0]
    hidden = dense(network.first, inputs, TANH)
    gru(network.input_1, network.recurrent_1, units_1, hidden)
    gru(network.input_2, network.recurrent_2, units_2, units_1)
    for item in range(batch):
        state.units_1[item, 0] = units_1[item]
        state.units_2[item, 0] = units_2[item]
    return dense(network.last, units_2, LINEAR)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _queue(queue: Floats, features: Floats) -> None:
    """Add a vector, (20,), to the queue of one stream, (5, 20)."""
    for i in range(PAST_VECTORS - 1):
        queue[i] = queue[i + 1]
    queue[PAST_VECTORS - 1] = features


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def hear(network: PlcNetwork, state: PlcState, pcm: Floats, first: NDArray[np.int64]) -> None:
    """Bring concealment up to date before a gap.

    Parameters
    ----------
    network, state
        Of `plc_network` and `plc_state`; the state is moved on.
    pcm
        (batch, frames * 160): the last frames before the gap, 16 kHz, full scale is 1.
    first
        (batch,): the first frame that counts for the predictor; see `frames_to_hear`.
    """
    batch, frames = pcm.shape[0], pcm.shape[1] // FRAME
    for item in range(batch):
        # The two steps that a gap takes ahead of its sound have not been heard.
        state.units_1[item, 0] = state.units_1[item, 2]
        state.units_2[item, 0] = state.units_2[item, 2]
        state.lost[item] = 0
    frame_pcm = np.empty((batch, FRAME), np.float32)
    features = np.empty((batch, 1, FEATURES), np.float32)
    envelope = np.empty((batch, _BURG), np.float32)
    inputs = np.ones((batch, _INPUTS), np.float32)
    kept_1, kept_2 = np.empty_like(state.units_1), np.empty_like(state.units_2)
    for frame in range(frames):
        for item in range(batch):
            for i in range(FRAME):
                frame_pcm[item, i] = _FULL_SCALE * pcm[item, frame * FRAME + i]
        burg_cepstrum(frame_pcm, envelope)
        extract_features(network.pitch, state.features, frame_pcm, features)
        inputs[:, :_BURG] = envelope
        inputs[:, _BURG : _BURG + FEATURES] = features[:, 0]
        kept_1[:], kept_2[:] = state.units_1, state.units_2
        _predict(network, state, inputs)
        for item in range(batch):
            if frame >= first[item]:
                _queue(state.queue[item], features[item, 0])
            else:
                state.units_1[item] = kept_1[item]
                state.units_2[item] = kept_2[item]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _next_features(
    network: PlcNetwork, state: PlcState, given: Floats, known: NDArray[np.bool_], out: Floats
) -> None:
    """Write the next vector of each stream, (batch, 20): the given one where it is known, or a prediction."""
    batch = given.shape[0]
    inputs = np.zeros((batch, _INPUTS), np.float32)
    for item in range(batch):
        if known[item]:
            for i in range(FEATURES):
                value = given[item, i]
                inputs[item, _BURG + i] = value if np.isfinite(value) else np.float32(0)
            inputs[item, _INPUTS - 1] = -1
    predicted = _predict(network, state, inputs)
    for item in range(batch):
        out[item] = inputs[item, _BURG : _BURG + FEATURES] if known[item] else predicted[item]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def start_gap(
    network: PlcNetwork, state: PlcState, past: Floats, given: Floats, known: NDArray[np.bool_]
) -> None:
    """Begin a gap, after `hear`.

    Parameters
    ----------
    network, state
        Of `plc_network` and `plc_state`; the state is moved on.
    past
        (batch, 320): the last 20 ms before the gap, full scale is 1.
    given, known
        (batch, 2, 20) and (batch, 2): the two vectors ahead, where redundancy brought them.
    """
    features = np.empty((past.shape[0], FEATURES), np.float32)
    for step in range(AHEAD):
        _next_features(network, state, given[:, step], known[:, step], features)
        for item in range(past.shape[0]):
            _queue(state.queue[item], features[item])
    start_fargan(network.fargan, state.fargan, past, state.queue)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def conceal(
    network: PlcNetwork, state: PlcState, given: Floats, known: NDArray[np.bool_], out: Floats
) -> None:
    """Make the next frames of a gap, after `start_gap`.

    Parameters
    ----------
    network, state
        Of `plc_network` and `plc_state`; the state is moved on.
    given, known
        (batch, frames, 20) and (batch, frames): what redundancy brought; what is not finite counts as 0.
    out
        (batch, frames * 160), written: full scale is 1, rounded to 16 bits as libopus does.
    """
    batch, frames = given.shape[0], given.shape[1]
    features = np.empty((batch, 1, FEATURES), np.float32)
    made = np.empty((batch, FRAME), np.float32)
    for frame in range(frames):
        _next_features(network, state, given[:, frame], known[:, frame], features[:, 0])
        for item in range(batch):
            lost = 0 if known[item, frame] else state.lost[item] + 1
            state.lost[item] = lost
            fade = _FADE[lost] if lost < 10 else _FADE[9] - np.float32(2 * (lost - 9))
            features[item, 0, 0] = max(_LOWEST, features[item, 0, 0] + fade)
            _queue(state.queue[item], features[item, 0])
        synthesize(network.fargan, state.fargan, features, made)
        for item in range(batch):
            for i in range(FRAME):
                level = min(_LOUDEST, max(-_LOUDEST, _FULL_SCALE * made[item, i]))
                out[item, frame * FRAME + i] = np.floor(level + np.float32(0.5)) / _FULL_SCALE


class PlcReference:
    """The first gap of one stream, on the blob's own arrays and with the references of what it is made of."""

    def __init__(self, arrays: Raw) -> None:
        self.arrays = arrays
        self.vocoder = FarganReference(arrays)
        self.units = [np.zeros((1, 192), np.float32), np.zeros((1, 192), np.float32)]

    def _step(self, inputs: NDArray[np.floating]) -> Floats:
        value = dense_reference(self.arrays, "plc_dense_in", inputs[None].astype(np.float32), TANH)
        for layer in range(2):
            name = f"plc_gru{layer + 1}"
            value = self.units[layer] = gru_reference(self.arrays, name, self.units[layer], value)
        expected: Floats = dense_reference(self.arrays, "plc_dense_out", value, LINEAR)[0]
        return expected

    def gap(self, pcm: Floats, given: dict[int, Floats], frames: int) -> Floats:
        """Return the samples of a gap after `pcm`.

        Parameters
        ----------
        pcm
            All samples before it, full scale is 1.
        given
            Vectors that redundancy brought, by their place: 0 and 1 are those ahead, 2 is the gap's first.
        frames
            Its length.
        """
        heard = 32768 * pcm[-2400:]
        features = extract_features_reference(self.arrays, heard)
        envelopes = burg_cepstrum_reference(heard.reshape(-1, 160))
        vectors = [np.zeros(20, np.float32)] * 5
        for envelope, vector in list(zip(envelopes, features, strict=True))[1:]:
            self._step(np.r_[envelope, vector, 1])
            vectors.append(vector)
        fade, samples = 0, []
        for place in range(frames + 2):
            if place in given:
                self._step(np.r_[np.zeros(36), given[place], -1])
                vector, fade = given[place], 0
            else:
                vector, fade = self._step(np.zeros(57)), fade + (place >= 2)
            if place < 2:
                vectors.append(vector)
            if place == 1:
                self.vocoder.start(pcm[-320:], np.array(vectors[-5:]))
            if place >= 2:
                steps = (0, 0, 0.2, 0.2, 0.4, 0.4, 0.8, 0.8, 1.6, 1.6)
                vector = vector.copy()
                vector[0] = max(-15, vector[0] - (steps[fade] if fade < 10 else 1.6 + 2 * (fade - 9)))
                samples.append(self.vocoder.synthesize(vector[None]))
        levels = np.floor(np.clip(32768 * np.concatenate(samples), -32767, 32767) + 0.5)
        rounded: Floats = (levels / 32768).astype(np.float32)
        return rounded
