"""A network of random weights, of sizes unlike libopus's, in a folder."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.dred.network_folder import CARD, QUANTIZERS, WEIGHTS
from testbed.codecs.dred.quantizers import quantizers, text_of
from testbed.kernels import rdovae, weights_writer
from testbed.kernels.dred_symbols import Tables
from testbed.kernels.weights import Arrays

LATENTS, STATES = 11, 19
_UNITS, _CHANNELS, _FIRST, _HIDDEN = 16, 24, 32, 40


def random_arrays(seed: int = 1, latents: int = LATENTS, states: int = STATES) -> dict[str, NDArray[Any]]:
    """Return weights with which latents and features have about the size that libopus's have."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, NDArray[Any]] = {}

    def layer(name: str, inputs: int, outputs: int, is_float: bool = False, gain: float = 1.0) -> None:
        made = rng.normal(0, gain / np.sqrt(inputs), (inputs, outputs)).astype(np.float32)
        bias = rng.normal(0, 0.1, outputs).astype(np.float32)
        arrays.update(
            weights_writer.float_layer(name, made, bias)
            if is_float
            else weights_writer.integer_layer(name, made, bias, is_sparse=False)
        )

    for part, first_inputs, gates in (("enc", 40, False), ("dec", latents + 1, True)):
        layer(f"{part}_dense1", first_inputs, _FIRST, is_float=True)
        width = _FIRST
        for stage in range(1, 6):
            layer(f"{part}_gru{stage}_input", width, 3 * _UNITS)
            layer(f"{part}_gru{stage}_recurrent", _UNITS, 3 * _UNITS)
            if gates:
                layer(f"dec_glu{stage}", _UNITS, _UNITS)
            width += _UNITS
            layer(f"{part}_conv_dense{stage}", width, _CHANNELS)
            layer(f"{part}_conv{stage}", 2 * _CHANNELS, _CHANNELS)
            width += _CHANNELS
    layer("enc_zdense", width, -(-latents // 8) * 8, gain=20)
    layer("gdense1", width, _HIDDEN)
    layer("gdense2", _HIDDEN, -(-states // 8) * 8, gain=20)
    layer("dec_hidden_init", states, _HIDDEN, is_float=True)
    layer("dec_gru_init", _HIDDEN, 5 * _UNITS)
    layer("dec_output", width, 80)
    return arrays


def perturbed_arrays(arrays: Arrays, seed: int) -> dict[str, NDArray[Any]]:
    """Return DRED's networks of libopus's blob with weights that are noisy: of the same layers and kinds."""
    rng = np.random.default_rng(seed)
    encoder, decoder = rdovae.encoder(arrays), rdovae.decoder(arrays)
    single = {
        "enc_dense1": encoder.first,
        "enc_zdense": encoder.latents,
        "gdense1": encoder.state_hidden,
        "gdense2": encoder.state,
        "dec_dense1": decoder.first,
        "dec_hidden_init": decoder.start_hidden,
        "dec_gru_init": decoder.start,
        "dec_output": decoder.output,
    }
    stages = {
        "enc_gru{}_input": encoder.gru_input,
        "enc_gru{}_recurrent": encoder.gru_recurrent,
        "enc_conv_dense{}": encoder.before_convolution,
        "enc_conv{}": encoder.convolution,
        "dec_gru{}_input": decoder.gru_input,
        "dec_gru{}_recurrent": decoder.gru_recurrent,
        "dec_glu{}": decoder.gate,
        "dec_conv_dense{}": decoder.before_convolution,
        "dec_conv{}": decoder.convolution,
    }
    for name, five in stages.items():
        single |= {name.format(stage): layer for stage, layer in enumerate(five, start=1)}
    made: dict[str, NDArray[Any]] = {}
    for name, layer in single.items():
        exact = layer.weights * (127 * layer.scale if layer.quantized else 1)
        noisy = exact * rng.normal(1, 0.3, exact.shape)
        bias = arrays[f"{name}_bias"]
        made |= (
            weights_writer.integer_layer(name, noisy, bias, f"{name}_weights_idx" in arrays)
            if layer.quantized
            else weights_writer.float_layer(name, noisy, bias)
        )
    return made


def own_folder(folder: Path, seed: int = 1) -> Path:
    """Write a network into a new folder; return it."""
    folder.mkdir(parents=True)
    state, latent = quantizers(12)
    tables = (Tables(*(part[:, :STATES] for part in state)), Tables(*(part[:, :LATENTS] for part in latent)))
    (folder / WEIGHTS).write_bytes(weights_writer.blob(random_arrays(seed)))
    (folder / QUANTIZERS).write_text(text_of(*tables, "random"), encoding="utf-8")
    (folder / CARD).write_text("# Random weights\n", encoding="utf-8")
    return folder
