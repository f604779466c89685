"""DRED's networks: the encoder and decoder of a rate-distortion-optimised variational autoencoder.

As in libopus 1.6 (``dnn/dred_rdovae_enc.c``, ``dred_rdovae_dec.c``) after Valin, Mustafa and Büthe,
"DRED: Deep REDundancy" (draft-ietf-mlcodec-opus-dred): every 20 ms the encoder turns two feature frames
into a latent vector, which covers the last 40 ms, and a state, from which a decoder can start. The decoder
starts from one state and runs backward in time: it turns each latent vector, 40 ms apart, into four feature
frames, latest first.

Both have five stages, each a recurrent unit and a convolution over the outputs of all earlier layers.
All is float32, batch first. The widths of layers, latent vectors and states are those of the weights: in
libopus's networks 25 latents and 50 states, in others whatever their training left.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.errors import CodecError
from testbed.kernels.nn import (
    LINEAR,
    TANH,
    conv1d,
    dense,
    glu,
    gru,
    put,
)
from testbed.kernels.weights import Arrays, Floats, Linear, linear, size_of

FEATURES = 20
STAGES = 5
FRAMES_PER_STEP, FRAMES_PER_LATENT = 2, 4

Five = tuple[Linear, Linear, Linear, Linear, Linear]


class RdovaeEncoder(NamedTuple):
    """The layers of the encoder, ready for `encode`; made by `encoder`.

    The layers `latents` and `state` may have more outputs than are used: weights in blocks need multiples of
    8. `latent_count` and `state_count` are the numbers used.
    """

    first: Linear
    gru_input: Five
    gru_recurrent: Five
    before_convolution: Five
    convolution: Five
    latents: Linear
    state_hidden: Linear
    state: Linear
    latent_count: int
    state_count: int


class RdovaeDecoder(NamedTuple):
    """The layers of the decoder, ready for `decode`; made by `decoder`."""

    start_hidden: Linear
    start: Linear
    first: Linear
    gru_input: Five
    gru_recurrent: Five
    gate: Five
    before_convolution: Five
    convolution: Five
    output: Linear


class EncoderState(NamedTuple):
    """The encoder's state: float32 (batch, stage, unit) and (batch, stage, step, channel)."""

    units: NDArray[np.float32]
    steps: NDArray[np.float32]


def _five(arrays: Arrays, name: str, widths: list[int], outputs: int) -> Five:
    made = [linear(arrays, name.format(stage + 1), widths[stage], outputs) for stage in range(STAGES)]
    return made[0], made[1], made[2], made[3], made[4]


def counts(arrays: Arrays) -> tuple[int, int]:
    """Return the numbers of latents and of states of a network, which its decoder takes.

    Raises
    ------
    CodecError
        If the decoder's first layers are missing or of an impossible size.
    """
    found = []
    for name in ("dec_dense1", "dec_hidden_init"):
        inputs, rest = divmod(size_of(arrays, f"{name}_weights_float"), size_of(arrays, f"{name}_bias"))
        if rest:
            raise CodecError(f"the weights' layer {name!r} has no whole number of inputs")
        found.append(inputs)
    return found[0] - 1, found[1]


def encoder(arrays: Arrays) -> RdovaeEncoder:
    """Make the encoder from weights as libopus's are.

    Raises
    ------
    CodecError
        If the arrays are not those of such a network.
    """
    latent_count, state_count = counts(arrays)
    first, units, channels = _widths(arrays, "enc")
    before = [first + stage * (units + channels) for stage in range(STAGES)]
    after = [width + units for width in before]
    width, hidden = before[-1] + units + channels, size_of(arrays, "gdense1_bias")
    made = RdovaeEncoder(
        linear(arrays, "enc_dense1", FRAMES_PER_STEP * FEATURES, first),
        _five(arrays, "enc_gru{}_input", before, 3 * units),
        _five(arrays, "enc_gru{}_recurrent", [units] * STAGES, 3 * units),
        _five(arrays, "enc_conv_dense{}", after, channels),
        _five(arrays, "enc_conv{}", [2 * channels] * STAGES, channels),
        linear(arrays, "enc_zdense", width, size_of(arrays, "enc_zdense_bias")),
        linear(arrays, "gdense1", width, hidden),
        linear(arrays, "gdense2", hidden, size_of(arrays, "gdense2_bias")),
        latent_count,
        state_count,
    )
    if made.latents.bias.size < latent_count or made.state.bias.size < state_count:
        raise CodecError("the weights' encoder makes fewer latents or states than their decoder takes")
    return made


def decoder(arrays: Arrays) -> RdovaeDecoder:
    """Make the decoder from weights as libopus's are; see `encoder`."""
    latent_count, state_count = counts(arrays)
    first, units, channels = _widths(arrays, "dec")
    before = [first + stage * (units + channels) for stage in range(STAGES)]
    after = [width + units for width in before]
    width, hidden = before[-1] + units + channels, size_of(arrays, "dec_hidden_init_bias")
    return RdovaeDecoder(
        linear(arrays, "dec_hidden_init", state_count, hidden),
        linear(arrays, "dec_gru_init", hidden, STAGES * units),
        linear(arrays, "dec_dense1", latent_count + 1, first),
        _five(arrays, "dec_gru{}_input", before, 3 * units),
        _five(arrays, "dec_gru{}_recurrent", [units] * STAGES, 3 * units),
        _five(arrays, "dec_glu{}", [units] * STAGES, units),
        _five(arrays, "dec_conv_dense{}", after, channels),
        _five(arrays, "dec_conv{}", [2 * channels] * STAGES, channels),
        linear(arrays, "dec_output", width, FRAMES_PER_LATENT * FEATURES),
    )


def _widths(arrays: Arrays, part: str) -> tuple[int, int, int]:
    """Return the outputs of the first layer, of each recurrent unit and of each convolution."""
    gates = size_of(arrays, f"{part}_gru1_recurrent_bias")
    return size_of(arrays, f"{part}_dense1_bias"), gates // 3, size_of(arrays, f"{part}_conv1_bias")


def encoder_state(model: RdovaeEncoder, batch: int) -> EncoderState:
    """Return the state of encoders before any speech."""
    units = np.zeros((batch, STAGES, model.gru_recurrent[0].weights.shape[0]), np.float32)
    # the first stage looks one step back, the others two; its second place stays unused
    return EncoderState(units, np.zeros((batch, STAGES, 2, model.convolution[0].bias.size), np.float32))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _columns(seen: Floats, end: int) -> Floats:
    """Return a copy of the columns before `end`: layers are faster on contiguous rows."""
    columns = np.empty((seen.shape[0], end), np.float32)
    for row in range(seen.shape[0]):
        for i in range(end):
            columns[row, i] = seen[row, i]
    return columns


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def encode(model: RdovaeEncoder, memory: EncoderState, features: Floats) -> tuple[Floats, Floats]:
    """Encode features, two frames per step.

    Parameters
    ----------
    model
        From `encoder`.
    memory
        State from `encoder_state`; updated.
    features
        float32 (batch, steps, 40): two frames of 20 features per step, the earlier one first.

    Returns
    -------
    tuple
        Latent vectors, float32 (batch, steps, latents), and states, float32 (batch, steps, states), not
        quantized.
    """
    batch, steps, _ = features.shape
    latents = np.empty((batch, steps, model.latent_count), np.float32)
    states = np.empty((batch, steps, model.state_count), np.float32)
    seen = np.empty((batch, model.latents.weights.shape[0]), np.float32)
    for step in range(steps):
        end = model.first.bias.size
        put(dense(model.first, features[:, step].copy(), TANH), seen, 0)
        for stage in range(STAGES):
            unit = memory.units[:, stage].copy()
            gru(model.gru_input[stage], model.gru_recurrent[stage], unit, _columns(seen, end))
            memory.units[:, stage] = unit
            put(unit, seen, end)
            end += unit.shape[1]
            narrowed = dense(model.before_convolution[stage], _columns(seen, end), TANH)
            dilation = 1 if stage == 0 else 2
            past = memory.steps[:, stage, :dilation].copy()
            put(conv1d(model.convolution[stage], past, narrowed, dilation, TANH), seen, end)
            memory.steps[:, stage, :dilation] = past
            end += narrowed.shape[1]
        latents[:, step] = dense(model.latents, seen, LINEAR)[:, : model.latent_count]
        hidden = dense(model.state_hidden, seen, TANH)
        states[:, step] = dense(model.state, hidden, LINEAR)[:, : model.state_count]
    return latents, states


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def decode(model: RdovaeDecoder, states: Floats, latents: Floats) -> Floats:
    """Decode features, backward in time.

    Parameters
    ----------
    model
        From `decoder`.
    states
        float32 (batch, states): where the decoders start.
    latents
        float32 (batch, steps, latents + 1): latents and, last, their quantizer level (level / 8 - 1);
        latest first. Rows that end early may be padded with anything: no step depends on later ones.

    Returns
    -------
    array
        float32 (batch, 4 steps, 20): feature frames of 10 ms, latest first; finite for any input.
    """
    batch, steps, _ = latents.shape
    features = np.empty((batch, FRAMES_PER_LATENT * steps, FEATURES), np.float32)
    start = dense(model.start, dense(model.start_hidden, states, TANH), TANH)
    units = start.reshape(batch, STAGES, start.shape[1] // STAGES)
    past = np.zeros((STAGES, batch, 1, model.convolution[0].bias.size), np.float32)
    seen = np.empty((batch, model.output.weights.shape[0]), np.float32)
    for step in range(steps):
        end = model.first.bias.size
        put(dense(model.first, latents[:, step].copy(), TANH), seen, 0)
        for stage in range(STAGES):
            unit = units[:, stage].copy()
            gru(model.gru_input[stage], model.gru_recurrent[stage], unit, _columns(seen, end))
            units[:, stage] = unit
            put(glu(model.gate[stage], unit), seen, end)
            end += unit.shape[1]
            narrowed = dense(model.before_convolution[stage], _columns(seen, end), TANH)
            put(conv1d(model.convolution[stage], past[stage], narrowed, 1, TANH), seen, end)
            end += narrowed.shape[1]
        made = dense(model.output, seen, LINEAR)
        for frame in range(FRAMES_PER_LATENT):
            features[:, FRAMES_PER_LATENT * step + frame] = made[:, FEATURES * frame : FEATURES * (frame + 1)]
    return features
