"""DRED's networks: the encoder and decoder of a rate-distortion-optimised variational autoencoder.

As in libopus 1.6 (``dnn/dred_rdovae_enc.c``, ``dred_rdovae_dec.c``) after Valin, Mustafa and Büthe,
"DRED: Deep REDundancy" (draft-ietf-mlcodec-opus-dred): every 20 ms the encoder turns two feature frames
into a latent vector, which covers the last 40 ms, and a state, from which a decoder can start. The decoder
starts from one state and runs backward in time: it turns each latent vector, 40 ms apart, into four feature
frames, latest first.

Both have five stages, each a recurrent unit and a convolution over the outputs of all earlier layers.
All is float32, batch first.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.nn import (
    LINEAR,
    TANH,
    conv1d,
    dense,
    glu,
    gru,
    put,
)
from testbed.kernels.weights import Arrays, Floats, Linear, linear

FEATURES = 20
LATENTS = 25
STATES = 50
STAGES = 5
FRAMES_PER_STEP, FRAMES_PER_LATENT = 2, 4
_ENCODER_UNITS, _ENCODER_CHANNELS, _ENCODER_FIRST = 32, 64, 64
_DECODER_UNITS, _DECODER_CHANNELS, _DECODER_FIRST = 64, 32, 96
_PADDED_LATENTS, _PADDED_STATES, _STATE_HIDDEN = 32, 56, 128
_ENCODER_WIDTH = _ENCODER_FIRST + STAGES * (_ENCODER_UNITS + _ENCODER_CHANNELS)
_DECODER_WIDTH = _DECODER_FIRST + STAGES * (_DECODER_UNITS + _DECODER_CHANNELS)

Five = tuple[Linear, Linear, Linear, Linear, Linear]


class RdovaeEncoder(NamedTuple):
    """The layers of the encoder, ready for `encode`; made by `encoder`."""

    first: Linear
    gru_input: Five
    gru_recurrent: Five
    before_convolution: Five
    convolution: Five
    latents: Linear
    state_hidden: Linear
    state: Linear


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


def encoder(arrays: Arrays) -> RdovaeEncoder:
    """Make the encoder from libopus's weights.

    Raises
    ------
    CodecError
        If the arrays are not those of libopus 1.6's network.
    """
    units, channels = _ENCODER_UNITS, _ENCODER_CHANNELS
    before = [_ENCODER_FIRST + stage * (units + channels) for stage in range(STAGES)]
    after = [width + units for width in before]
    return RdovaeEncoder(
        linear(arrays, "enc_dense1", FRAMES_PER_STEP * FEATURES, _ENCODER_FIRST),
        _five(arrays, "enc_gru{}_input", before, 3 * units),
        _five(arrays, "enc_gru{}_recurrent", [units] * STAGES, 3 * units),
        _five(arrays, "enc_conv_dense{}", after, channels),
        _five(arrays, "enc_conv{}", [2 * channels] * STAGES, channels),
        linear(arrays, "enc_zdense", _ENCODER_WIDTH, _PADDED_LATENTS),
        linear(arrays, "gdense1", _ENCODER_WIDTH, _STATE_HIDDEN),
        linear(arrays, "gdense2", _STATE_HIDDEN, _PADDED_STATES),
    )


def decoder(arrays: Arrays) -> RdovaeDecoder:
    """Make the decoder from libopus's weights; see `encoder`."""
    units, channels = _DECODER_UNITS, _DECODER_CHANNELS
    before = [_DECODER_FIRST + stage * (units + channels) for stage in range(STAGES)]
    after = [width + units for width in before]
    return RdovaeDecoder(
        linear(arrays, "dec_hidden_init", STATES, _STATE_HIDDEN),
        linear(arrays, "dec_gru_init", _STATE_HIDDEN, STAGES * units),
        linear(arrays, "dec_dense1", LATENTS + 1, _DECODER_FIRST),
        _five(arrays, "dec_gru{}_input", before, 3 * units),
        _five(arrays, "dec_gru{}_recurrent", [units] * STAGES, 3 * units),
        _five(arrays, "dec_glu{}", [units] * STAGES, units),
        _five(arrays, "dec_conv_dense{}", after, channels),
        _five(arrays, "dec_conv{}", [2 * channels] * STAGES, channels),
        linear(arrays, "dec_output", _DECODER_WIDTH, FRAMES_PER_LATENT * FEATURES),
    )


def encoder_state(batch: int) -> EncoderState:
    """Return the state before any speech."""
    units = np.zeros((batch, STAGES, _ENCODER_UNITS), np.float32)
    # the first stage looks one step back, the others two; its second place stays unused
    return EncoderState(units, np.zeros((batch, STAGES, 2, _ENCODER_CHANNELS), np.float32))


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
        Latent vectors, float32 (batch, steps, 25), and states, float32 (batch, steps, 50), not quantized.
    """
    batch, steps, _ = features.shape
    latents = np.empty((batch, steps, LATENTS), np.float32)
    states = np.empty((batch, steps, STATES), np.float32)
    seen = np.empty((batch, _ENCODER_WIDTH), np.float32)
    for step in range(steps):
        end = _ENCODER_FIRST
        put(dense(model.first, features[:, step].copy(), TANH), seen, 0)
        for stage in range(STAGES):
            unit = memory.units[:, stage].copy()
            gru(model.gru_input[stage], model.gru_recurrent[stage], unit, _columns(seen, end))
            memory.units[:, stage] = unit
            put(unit, seen, end)
            end += _ENCODER_UNITS
            narrowed = dense(model.before_convolution[stage], _columns(seen, end), TANH)
            dilation = 1 if stage == 0 else 2
            past = memory.steps[:, stage, :dilation].copy()
            put(conv1d(model.convolution[stage], past, narrowed, dilation, TANH), seen, end)
            memory.steps[:, stage, :dilation] = past
            end += _ENCODER_CHANNELS
        latents[:, step] = dense(model.latents, seen, LINEAR)[:, :LATENTS]
        hidden = dense(model.state_hidden, seen, TANH)
        states[:, step] = dense(model.state, hidden, LINEAR)[:, :STATES]
    return latents, states


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def decode(model: RdovaeDecoder, states: Floats, latents: Floats) -> Floats:
    """Decode features, backward in time.

    Parameters
    ----------
    model
        From `decoder`.
    states
        float32 (batch, 50): where the decoders start.
    latents
        float32 (batch, steps, 26): 25 latents and, last, their quantizer level (level / 8 - 1);
        latest first. Rows that end early may be padded with anything: no step depends on later ones.

    Returns
    -------
    array
        float32 (batch, 4 steps, 20): feature frames of 10 ms, latest first; finite for any input.
    """
    batch, steps, _ = latents.shape
    features = np.empty((batch, FRAMES_PER_LATENT * steps, FEATURES), np.float32)
    start = dense(model.start, dense(model.start_hidden, states, TANH), TANH)
    units = start.reshape(batch, STAGES, _DECODER_UNITS)
    past = np.zeros((STAGES, batch, 1, _DECODER_CHANNELS), np.float32)
    seen = np.empty((batch, _DECODER_WIDTH), np.float32)
    for step in range(steps):
        end = _DECODER_FIRST
        put(dense(model.first, latents[:, step].copy(), TANH), seen, 0)
        for stage in range(STAGES):
            unit = units[:, stage].copy()
            gru(model.gru_input[stage], model.gru_recurrent[stage], unit, _columns(seen, end))
            units[:, stage] = unit
            put(glu(model.gate[stage], unit), seen, end)
            end += _DECODER_UNITS
            narrowed = dense(model.before_convolution[stage], _columns(seen, end), TANH)
            put(conv1d(model.convolution[stage], past[stage], narrowed, 1, TANH), seen, end)
            end += _DECODER_CHANNELS
        made = dense(model.output, seen, LINEAR)
        for frame in range(FRAMES_PER_LATENT):
            features[:, FRAMES_PER_LATENT * step + frame] = made[:, FEATURES * frame : FEATURES * (frame + 1)]
    return features
