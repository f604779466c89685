"""LPCNet, the article's vocoder, in batches: makes speech from features, sample by sample, after real speech.

After the LPCNet of codec2 1.0.5 (drowe67/LPCNet, 2019; Valin & Skoglund, "LPCNet: improving neural speech
synthesis through linear prediction", ICASSP 2019), which goes on from real speech as xiph/LPCNet does. A
frame network describes 10 ms by five feature vectors; `lpcnet_samples` makes 160 samples from that, one after
another, each drawn from a distribution (`lpcnet_units`, `lpcnet_draw`). Features are libopus's
(`testbed.kernels.bark`), whose cepstrum is LPCNet's.

A frame lies around the middle of what its feature vector looks at, that is half a frame before the vector's
newest 10 ms. So a gap begins in the middle of LPCNet's frame, and ends in the middle of one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import BANDS, FEATURES, FRAME, MAX_PERIOD, ORDER, PREEMPHASIS, UNCOMPENSATED, Floats
from testbed.kernels.block_product import Blocks, add_product, dense_blocks, outputs_of
from testbed.kernels.lpc import lpc_of_bands
from testbed.kernels.lpcnet_draw import PARTS
from testbed.kernels.lpcnet_samples import make_frame, sample_state
from testbed.kernels.lpcnet_units import UNITS_A, UNITS_B, SampleNetwork
from testbed.kernels.mu_law import STEPS
from testbed.kernels.sigmoids import tanhs
from testbed.kernels.weights import Arrays

PAST_VECTORS = 4
"""Feature vectors before a gap that count, the newest last."""
AHEAD = 2
"""Feature vectors that a gap needs more than it has frames."""
PRIMED = 2 * FRAME + FRAME // 2
"""Samples of real speech that the sample network hears before a gap; more do not make its draws likelier."""
PAST = PRIMED + ORDER + 1
"""Samples of real speech from which synthesis goes on."""

CONDITION = 128
"""Numbers that describe a frame."""

_EMBEDDING = 64
_UNUSED = 18
"""Inputs of the frame network that are always 0, after the cepstrum."""
_SHORTEST, _LONGEST = np.float32(66), np.float32(510)
"""Of two pitch periods, in samples."""
_HIGHEST = np.float32(100)
"""Limit of features."""
_FULL_SCALE = np.float32(32768)
_TILE = 16
"""Gaps whose states stay in the core's first cache."""


class FrameLayer(NamedTuple):
    """A layer of the frame network: weights and bias, (outputs,)."""

    weights: Blocks
    bias: Floats


class Lpcnet(NamedTuple):
    """LPCNet's layers, and its embedding of the pitch period, (256, 64)."""

    periods: Floats
    convolution_1: FrameLayer
    convolution_2: FrameLayer
    dense_1: FrameLayer
    dense_2: FrameLayer
    samples: SampleNetwork


def _layer(arrays: Arrays, name: str) -> FrameLayer:
    bias = arrays[f"{name}.bias"].copy()
    return FrameLayer(dense_blocks(arrays[f"{name}.input_weights"].reshape(-1, bias.size)), bias)


def _sparse(arrays: Arrays, name: str) -> Blocks:
    """Return a unit's sparse weights; its index has a count for each 16 outputs, then so many inputs."""
    index = arrays[f"{name}.idx"].astype(np.int64)
    inputs, begins, place = [], [0], 0
    while place < index.size:
        count = int(index[place])
        inputs.append(index[place + 1 : place + 1 + count])
        begins.append(begins[-1] + count)
        place += 1 + count
    return Blocks(arrays[f"{name}.recurrent_weights"].copy(), np.concatenate(inputs), np.array(begins))


def _biases(both: NDArray[np.float32], units: int) -> tuple[Floats, Floats]:
    """Return a unit's biases of its inputs, with all of its gates, and the rest: its own of the candidate."""
    inputs, own = both.copy()
    inputs[: 2 * units] += own[: 2 * units]
    return inputs, own[2 * units :]


def _sample_network(arrays: Arrays) -> SampleNetwork:
    signal, prediction, excitation = (
        arrays[f"gru_a_embed_{name}.embedding_weights"].copy() for name in ("sig", "pred", "exc")
    )
    condition_a, recurrent_a = _layer(arrays, "gru_a_dense_feature"), _sparse(arrays, "sparse_gru_a")
    # The C program leaves out the sparse unit's bias of the inputs: that of the condition is in its place.
    _, own_a = arrays["sparse_gru_a.bias"]
    bias_a, own_bias_a = _biases(np.stack((condition_a.bias, own_a)), UNITS_A)
    bias_b, own_bias_b = _biases(arrays["gru_b.bias"], UNITS_B)
    input_b, recurrent_b = arrays["gru_b.input_weights"], arrays["gru_b.recurrent_weights"]
    order = np.arange(STEPS).reshape(PARTS, -1).T.ravel()
    last, last_bias, factor = (
        arrays[f"dual_fc.{name}"][..., order] for name in ("input_weights", "bias", "factor")
    )
    return SampleNetwork(
        condition_a.weights,
        bias_a,
        signal,
        prediction,
        excitation,
        arrays["sparse_gru_a.diag_weights"].copy(),
        outputs_of(recurrent_a, 0, 2 * UNITS_A),
        outputs_of(recurrent_a, 2 * UNITS_A, 3 * UNITS_A),
        own_bias_a,
        dense_blocks(input_b[UNITS_A:]),
        bias_b,
        dense_blocks(input_b[:UNITS_A, : 2 * UNITS_B]),
        dense_blocks(input_b[:UNITS_A, 2 * UNITS_B :]),
        dense_blocks(recurrent_b[:, : 2 * UNITS_B]),
        dense_blocks(recurrent_b[:, 2 * UNITS_B :]),
        own_bias_b,
        dense_blocks(last.reshape(UNITS_B, -1)),
        last_bias.ravel(),
        factor.ravel(),
    )


def lpcnet(arrays: Arrays) -> Lpcnet:
    """Make LPCNet of its arrays, by the C program's ``layer.field``; their shapes are not checked."""
    taps = arrays["feature_conv1.input_weights"]
    used = np.r_[:BANDS, BANDS + _UNUSED : taps.shape[1]]
    return Lpcnet(
        arrays["embed_pitch.embedding_weights"].copy(),
        FrameLayer(dense_blocks(taps[:, used].reshape(-1, CONDITION)), arrays["feature_conv1.bias"].copy()),
        _layer(arrays, "feature_conv2"),
        _layer(arrays, "feature_dense1"),
        _layer(arrays, "feature_dense2"),
        _sample_network(arrays),
    )


def operations_per_second(network: Lpcnet) -> tuple[int, int]:
    """Return multiplications (each with an addition) for a second of speech, and those for a gap's start."""
    parts = network.samples
    layers = (network.convolution_1, network.convolution_2, network.dense_1, network.dense_2)
    frame = sum(layer.weights.weights.size for layer in layers)
    frame += parts.condition_a.weights.size + parts.condition_b.weights.size
    units = (parts.gates_a, parts.candidate_a, parts.inputs_to_gates_b, parts.inputs_to_candidate_b)
    sample = sum(blocks.weights.size for blocks in (*units, parts.gates_b, parts.candidate_b))
    sample += parts.diagonal.size + ORDER
    last = parts.last.weights.size + parts.factor.size
    return 100 * (frame + FRAME * (sample + last)), (1 + PRIMED // FRAME) * frame + PRIMED * sample


def _apply(layer: FrameLayer, inputs: Floats) -> Floats:
    """Apply a layer with tanh to (..., inputs)."""
    rows = np.ascontiguousarray(inputs).reshape(-1, inputs.shape[-1])
    out = np.tile(layer.bias, (len(rows), 1))
    add_product(layer.weights, rows, out)
    tanhs(out.reshape(-1))
    return out.reshape(*inputs.shape[:-1], -1)


def _windows(vectors: Floats) -> Floats:
    """Return each three neighbours of (batch, n, width) in a row, (batch, n - 2, 3 width)."""
    return np.concatenate((vectors[:, :-2], vectors[:, 1:-1], vectors[:, 2:]), axis=2)


def _finite(numbers: Floats) -> Floats:
    return np.where(np.isfinite(numbers), numbers, np.float32(0))


def conditions(network: Lpcnet, features: Floats) -> Floats:
    """Return the frame network's descriptions of frames.

    Parameters
    ----------
    network
        From `lpcnet`.
    features
        float32 (batch, frames + 4, 20), finite: two vectors before the first frame and two after the last.

    Returns
    -------
    array
        float32 (batch, frames, 128).
    """
    octaves = np.clip(features[..., BANDS], -20, 20) + np.float32(1.5)
    doubled = np.clip(np.floor(0.5 + 2 * MAX_PERIOD / 2.0**octaves), _SHORTEST, _LONGEST)
    inputs = np.empty((*features.shape[:2], FEATURES + _EMBEDDING), np.float32)
    inputs[..., :BANDS] = features[..., :BANDS]
    inputs[..., BANDS] = 0.01 * (doubled - 200)
    inputs[..., BANDS + 1] = features[..., BANDS + 1] + np.float32(0.5)
    inputs[..., FEATURES:] = network.periods[(doubled / 2).astype(np.int64)]
    hidden = _apply(network.convolution_1, _windows(inputs))
    hidden = _apply(network.convolution_2, _windows(hidden))
    return _apply(network.dense_2, _apply(network.dense_1, hidden))


def sharpness(features: Floats) -> Floats:
    """Return the factor of log probabilities in frames of features, (..., 20): 1 to 2 by the correlation."""
    above: Floats = np.float32(1.5) * (features[..., BANDS + 1] + np.float32(0.5)) - np.float32(0.5)
    return np.float32(1) + np.maximum(above, np.float32(0))


def synthesize(
    network: Lpcnet,
    past: Floats,
    past_features: Floats,
    features: Floats,
    frames: NDArray[np.int64],
    seeds: NDArray[np.uint64],
) -> Floats:
    """Make the sound of gaps, each a function of its own row alone.

    Parameters
    ----------
    network
        From `lpcnet`.
    past
        float32 (batch, `PAST` or more): the last samples before each gap, full scale is 1; what is not finite
        counts as 0, here and below.
    past_features
        float32 (batch, `PAST_VECTORS` or more, 20): of the past; the last one ends where the gap begins.
    features
        float32 (batch, longest gap + 2, 20): vector i ends with frame i; two more than a gap's frames count.
        Numbers are limited to -100 and 100.
    frames
        (batch,): length of each gap in frames of 10 ms, at least 1.
    seeds
        uint64 (batch,): of each gap's random numbers; the low 32 bits count.

    Returns
    -------
    array
        float32 (batch, 160 x longest gap): 16 kHz, limited to full scale, 1; zeros after a gap's end.
    """
    longest = int(frames.max(initial=0))
    out = np.zeros((len(past), FRAME * longest), np.float32)
    heard = np.clip(_finite(past[:, -PAST:]), -1, 1) * _FULL_SCALE
    vectors = np.concatenate((past_features[:, -PAST_VECTORS:], features[:, : longest + AHEAD]), axis=1)
    vectors = np.clip(_finite(vectors), -_HIGHEST, _HIGHEST)
    order = np.argsort(-frames, kind="stable")
    for begin in range(0, len(order), _TILE):
        rows = order[begin : begin + _TILE]
        made = _tile(network, heard[rows], vectors[rows], frames[rows], seeds[rows])
        out[rows, : made.shape[1]] = made
    return out


def _tile(
    network: Lpcnet, heard: Floats, vectors: Floats, frames: NDArray[np.int64], seeds: NDArray[np.uint64]
) -> Floats:
    """Return the sound of gaps, the longest first; zeros after a gap's end."""
    longest = int(frames[0])
    # The last half of LPCNet's frame in which a gap ends looks one vector further than there is.
    ends = PAST_VECTORS + AHEAD + frames[:, None]
    places = np.minimum(np.arange(PAST_VECTORS + AHEAD + longest + 1), ends - 1)
    vectors = np.take_along_axis(vectors, places[..., None], axis=1)
    condition = conditions(network, vectors)
    centres = np.ascontiguousarray(vectors[:, AHEAD:-AHEAD])
    factors = sharpness(centres)
    state = sample_state(seeds)
    state.last[:] = heard[:, ORDER]
    state.signal[:] = heard[:, 1 : ORDER + 1] - PREEMPHASIS * heard[:, :ORDER]
    made = np.zeros((len(frames), FRAME * centres.shape[1]), np.float32)
    filters, error = np.empty((len(frames), ORDER), np.float32), np.empty(len(frames), np.float32)
    sound = np.empty((len(frames), FRAME), np.float32)
    for frame in range(centres.shape[1]):
        count = int(np.count_nonzero(PRIMED + FRAME * frames > FRAME * frame))
        begin = FRAME * frame
        lpc_of_bands(UNCOMPENSATED, centres[:, frame], filters, error)
        make_frame(
            network.samples,
            state,
            condition[:count, frame].copy(),
            filters[:count],
            factors[:count, frame].copy(),
            heard[:count, ORDER + 1 + begin : ORDER + 1 + begin + FRAME],
            sound,
        )
        made[:count, begin : begin + FRAME] = sound[:count]
    made = made[:, PRIMED : PRIMED + FRAME * longest]
    made[np.arange(FRAME * longest) >= FRAME * frames[:, None]] = 0
    return made
