"""Converts features to DRED payloads and back, with the networks of the libopus that is built, or others.

A stream is encoded once; payloads for any packet, quantizer and depth are made from that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from testbed.codecs.dred.network_folder import LIBOPUS, WEIGHTS, DredNetwork
from testbed.codecs.dred.payload import MAX_CHUNKS, DredHeader, DredPayload, levels, tables_of
from testbed.codecs.opus.build import built
from testbed.errors import CodecError
from testbed.kernels import dred_symbols, rdovae
from testbed.kernels.weights import Arrays, Floats, parse_blob, read_blob

STEP_MS = 20
_FEATURES_PER_STEP = rdovae.FRAMES_PER_STEP * rdovae.FEATURES
_MAX_BATCH = 256


@dataclass(frozen=True)
class Latents:
    """An encoded stream, one step per 20 ms.

    Attributes
    ----------
    latents
        float32 (steps, latents): each covers the 40 ms up to the end of its step.
    states
        float32 (steps, states): the initial state of a decoder, which goes back in time from this step.
    network
        The network that made them.
    """

    latents: Floats
    states: Floats
    network: DredNetwork


Models = tuple[rdovae.RdovaeEncoder, rdovae.RdovaeDecoder]


@lru_cache(maxsize=2)
def _of_libopus(weights: Path) -> Models:
    return _models_of(read_blob(weights))


@lru_cache(maxsize=4)
def _of_folder(network: DredNetwork) -> Models:
    return _models_of(parse_blob(network.content()[1], str(Path(network.folder) / WEIGHTS)))


def _models_of(arrays: Arrays) -> Models:
    return rdovae.encoder(arrays), rdovae.decoder(arrays)


def models(network: DredNetwork) -> Models:
    """Return a network's encoder and decoder.

    Raises
    ------
    CodecError
        Its weights or its quantizers are damaged, or do not belong together; or no libopus is built.
    """
    made = _of_folder(network) if network.folder else _of_libopus(built().weights)
    state_tables, latent_tables = tables_of(network, network.version)
    sizes = (state_tables.scale.shape[1], latent_tables.scale.shape[1])
    if sizes != (made[0].state_count, made[0].latent_count):
        raise CodecError(
            f"{network.folder}: quantizers of {sizes[0]} states and {sizes[1]} latents, and weights of "
            f"{made[0].state_count} and {made[0].latent_count}"
        )
    return made


def encode(features: Floats, network: DredNetwork = LIBOPUS) -> Latents:
    """Encode a stream's features from its beginning.

    Parameters
    ----------
    features
        float32 (frames, 20): one vector per 10 ms. The last one of an odd number is left out.
    network
        The network that encodes.

    Raises
    ------
    CodecError
        If they are of another shape, or not finite; or as `models` raises it.
    """
    if features.ndim != 2 or features.shape[1] != rdovae.FEATURES or not np.isfinite(features).all():
        raise CodecError(f"DRED encodes finite features of shape (frames, 20), not {features.shape}")
    steps = len(features) // rdovae.FRAMES_PER_STEP
    pairs = np.ascontiguousarray(features[: rdovae.FRAMES_PER_STEP * steps], np.float32)
    model = models(network)[0]
    memory = rdovae.encoder_state(model, 1)
    latents, states = rdovae.encode(model, memory, pairs.reshape(1, steps, _FEATURES_PER_STEP))
    return Latents(latents[0], states[0], network)


def payload(
    encoded: Latents, step: int, chunks: int, q0: int = 6, dq: int = 5, qmax: int = 15, offset: int = 6
) -> DredPayload:
    """Make the payload that reaches back from a step.

    Parameters
    ----------
    encoded
        From `encode`.
    step
        The newest step in it; the vectors sent are those of this step, of two steps before, and so on.
    chunks
        Number of latent vectors, of 40 ms each; fewer near the beginning of the stream.
    q0, dq, qmax, offset
        The header's fields, see `DredHeader`. libopus sends an offset of 6 in packets of 20 ms at 16 kHz.

    Raises
    ------
    CodecError
        If there is no such step, or nothing to send.
    """
    if not 0 <= step < len(encoded.latents) or not 0 < chunks <= MAX_CHUNKS:
        raise CodecError(
            f"DRED of {chunks} chunks from step {step}: the stream has {len(encoded.latents)} steps, and a "
            f"payload 1 to {MAX_CHUNKS} chunks"
        )
    header = DredHeader(encoded.network.version, q0, dq, qmax, offset)
    state_tables, latent_tables = tables_of(encoded.network, header.version)
    state = dred_symbols.quantize(state_tables, q0, encoded.states[step : step + 1])[0]
    rows = encoded.latents[step::-2][:chunks]
    symbols = np.zeros(rows.shape, np.int32)
    level_of = levels(header, len(rows))
    for level in range(q0, level_of.max() + 1):
        alike = level_of == level
        symbols[alike] = dred_symbols.quantize(latent_tables, level, rows[alike])
    return DredPayload(header, state, symbols)


def decode(payloads: Sequence[DredPayload], network: DredNetwork = LIBOPUS) -> list[Floats]:
    """Decode payloads to features, all at once, with the network that made them.

    Returns
    -------
    list
        For each float32 (4 x its chunks, 20): frames of 10 ms, latest first; finite for any payload.

    Raises
    ------
    CodecError
        If one is of another version, or as `models` raises it.
    """
    if any(payload.header.version != network.version for payload in payloads):
        raise CodecError(
            f"the network {network.title!r} decodes DRED of experimental version {network.version} alone"
        )
    model = models(network)[1]
    # Payloads of similar depth share a batch, which is padded to the deepest.
    order = sorted(range(len(payloads)), key=lambda index: payloads[index].chunks)
    found: list[Floats] = [np.zeros((0, rdovae.FEATURES), np.float32)] * len(payloads)
    for begin in range(0, len(order), _MAX_BATCH):
        batch = order[begin : begin + _MAX_BATCH]
        states, latents = _restored([payloads[index] for index in batch], network)
        features = rdovae.decode(model, states, latents)
        for row, index in enumerate(batch):
            found[index] = features[row, : rdovae.FRAMES_PER_LATENT * payloads[index].chunks].copy()
    return found


def _restored(payloads: Sequence[DredPayload], network: DredNetwork) -> tuple[Floats, Floats]:
    """Return the states and the latent vectors with their levels, padded with zeros to the deepest."""
    state_tables, latent_tables = tables_of(network, network.version)
    width = latent_tables.scale.shape[1]
    deepest = max(payload.chunks for payload in payloads)
    states = np.zeros((len(payloads), state_tables.scale.shape[1]), np.float32)
    latents = np.zeros((len(payloads), deepest, width + 1), np.float32)
    symbols = np.zeros((len(payloads), deepest, width), np.int32)
    level_of = np.full((len(payloads), deepest), -1)
    for row, payload in enumerate(payloads):
        states[row] = dred_symbols.restore(state_tables, payload.header.q0, payload.state[None])[0]
        symbols[row, : payload.chunks] = payload.latents
        level_of[row, : payload.chunks] = levels(payload.header, payload.chunks)
    for level in range(dred_symbols.LEVELS):
        alike = level_of == level
        latents[alike, :width] = dred_symbols.restore(latent_tables, level, symbols[alike])
        latents[alike, width] = level / 8 - 1
    return states, latents
