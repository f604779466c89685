"""Exports a trained RDO-VAE as a network's folder: weights and quantizers in 8 bits.

As libopus's exporter does (``dnn/torch/rdovae/export_rdovae_weights.py``), numbers that training discarded,
those that no quantizer level sends, are left out. `testbed.kernels.rdovae` runs the result, and libopus, if
it was trained with libopus's quantizers.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from testbed.codecs.dred import network
from testbed.codecs.dred.network_folder import (
    CARD,
    LIBOPUS_VERSION,
    QUANTIZERS,
    WEIGHTS,
    DredNetwork,
    find_network,
)
from testbed.codecs.dred.quantizers import quantizers, text_of
from testbed.errors import ResultsError, TrainingError
from testbed.kernels.dred_symbols import Tables
from testbed.kernels.weights import BLOCK_OUTPUTS, Floats
from testbed.kernels.weights_writer import blob, float_layer, integer_layer
from testbed.training.card import card
from testbed.training.counting import counted
from testbed.training.curves import write_table
from testbed.training.folder import CHECKPOINT_FILE
from testbed.training.layers import DecoderLayers, EncoderLayers, Stages
from testbed.training.model import Rdovae
from testbed.training.quantizer import Quantizer
from testbed.training.session import ABOUT_FILE
from testbed.training.trainer import Measurement, Settings

_HIGHEST = 255
_ABOUT = (
    "DRED's quantizers of a network that is not libopus's.\n"
    "First the numbers of states and latents. Then four times 16 rows, one per level: scale, dead zone,\n"
    "decay, zero. In a row first the states, then the latents."
)

Arrays = dict[str, NDArray[Any]]


class Trained(NamedTuple):
    """The content of a checkpoint: a model with averaged weights, its settings and its measurements."""

    model: Rdovae
    settings: Settings
    points: Sequence[Measurement]


def load_trained(checkpoint: Path) -> Trained:
    """Return the trained network of a checkpoint.

    Raises
    ------
    TrainingError
        The file is no checkpoint.
    """
    try:
        content: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
        settings = Settings(**content["settings"])
        model = Rdovae(settings.tables, settings.size)
        model.load_state_dict(content["average"])
        points = [Measurement(**point) for point in content["points"]]
        if not points:
            raise ValueError("no measurement")
    except (OSError, RuntimeError, UnpicklingError, LookupError, TypeError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise TrainingError(f"{checkpoint}: is no checkpoint of a training ({reason})") from None
    return Trained(model.eval(), settings, points)


def export_training(training: Path, folder: Path, features: Floats | None = None) -> DredNetwork:
    """Write the network of a training's folder, with its curves and a ``training.json``; see `export`.

    Raises
    ------
    ResultsError, TrainingError
        As `load_trained` and `export` raise them.
    """
    trained = load_trained(training / CHECKPOINT_FILE)
    state, latent = (np.flatnonzero(each.kept).tolist() for each in _of_quantizers(trained.model))
    speech = _speech(training / ABOUT_FILE)
    name, kept = folder.absolute().name, (len(latent), len(state))
    text = card(name, trained.settings, trained.points[-1], kept, speech)
    made = export(trained.model, folder, text, features)
    about = {"settings": asdict(trained.settings), "speech": speech}
    if trained.settings.tables == "own":
        about["kept"] = {"latents": latent, "states": state}
    try:
        write_table(trained.points, folder)
        (folder / ABOUT_FILE).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return made


def _speech(about: Path) -> dict[str, Any]:
    """Return what a training's ``training.json`` says of its speech; nothing if that is not there."""
    try:
        speech = json.loads(about.read_text("utf-8"))["speech"]
        return {
            "sources": [str(source) for source in speech["sources"]],
            "trained_hours": float(speech["trained_hours"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def export(model: Rdovae, folder: Path, about: str, features: Floats | None = None) -> DredNetwork:
    """Write a network's folder, which must not exist yet.

    Parameters
    ----------
    model
        A trained model; it is not changed.
    folder
        The folder.
    about
        Text of ``card.md``: how the network was trained.
    features
        float32 (frames, 20): speech on which distributions of symbols are counted. Needed with fixed
        quantizers, whose training does not learn them.

    Raises
    ------
    ResultsError
        The folder exists, or cannot be written.
    TrainingError
        Training discarded all numbers, or weights are not finite.
    """
    if model.tables_kind == "fixed" and features is None:
        raise TrainingError("fixed quantizers need speech on which their symbols are counted: give --speech")
    state, latent = _of_quantizers(model)
    weights = blob(_encoder(model.encoder, state, latent) | _decoder(model.decoder, state, latent))
    tables = (state.tables, latent.tables)
    try:
        folder.mkdir(parents=True)
        (folder / WEIGHTS).write_bytes(weights)
        (folder / CARD).write_text(about, encoding="utf-8")
        (folder / QUANTIZERS).write_text(text_of(*tables, _ABOUT), encoding="utf-8")
        if features is not None and model.tables_kind == "fixed":
            found = network.encode(features, find_network(str(folder.absolute())))
            tables = counted(state.tables, found.states), counted(latent.tables, found.latents)
            (folder / QUANTIZERS).write_text(text_of(*tables, _ABOUT), encoding="utf-8")
    except FileExistsError:
        raise ResultsError(f"{folder}: exists, and is not replaced; give another folder") from None
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written: {error.strerror or error}") from None
    made = find_network(str(folder.absolute()))
    network.models(made)
    return made


class _Numbers:
    """The numbers of a vector that are kept, their tables, and the factors by which they are larger."""

    def __init__(self, kept: NDArray[np.bool_], tables: Tables, factors: NDArray[np.float64]) -> None:
        self.kept, self.tables, self.factors = kept, tables, factors

    def made_by(self, layer: nn.Linear) -> tuple[Floats, Floats]:
        """Return weights and bias of the layer that makes the numbers, filled up to whole blocks."""
        weights, bias = (each[..., self.kept] * self.factors for each in _of_linear(layer))
        more = -len(bias) % BLOCK_OUTPUTS
        return np.pad(weights, ((0, 0), (0, more))), np.pad(bias, (0, more))

    def taken_by(self, layer: nn.Linear) -> tuple[Floats, Floats]:
        """Return weights and bias of the layer that takes the numbers, and perhaps others after them."""
        weights, bias = _of_linear(layer)
        numbers = len(self.kept)
        taken = weights[:numbers][self.kept] / self.factors[:, None]
        return np.concatenate([taken, weights[numbers:]]), bias


def _of_quantizers(model: Rdovae) -> Sequence[_Numbers]:
    """Return the numbers of states and of latents."""
    if model.tables_kind == "libopus":
        return [
            _Numbers(np.ones(each.scale.shape[1], bool), each, np.ones(each.scale.shape[1]))
            for each in quantizers(LIBOPUS_VERSION)
        ]
    return [_of_quantizer(each) for each in (model.state_quantizer, model.latent_quantizer)]


def _of_quantizer(quantizer: Quantizer) -> _Numbers:
    """Return the numbers that some level sends; scales become 8 bits, the largest of a number 255."""
    scale, dead, decay, zero = (each.detach().numpy().astype(np.float64) for each in quantizer.tables()[:4])
    is_sent = quantizer.are_sent().numpy()
    kept = is_sent.any(axis=0)
    if not kept.any():
        raise TrainingError("training discarded all numbers of a vector: no network is left")
    factors = (np.where(is_sent, scale, 0).max(axis=0) * 256 / _HIGHEST)[kept]
    decay = np.where(is_sent, 256 * decay, 0)[:, kept]
    tables = (256 * scale[:, kept] / factors, 256 * dead[:, kept], decay, 256 * zero[:, kept])
    lowest = (1, 0, 0, 1)
    whole = (np.clip(np.rint(each), low, _HIGHEST) for each, low in zip(tables, lowest, strict=True))
    return _Numbers(kept, Tables(*(each.astype(np.uint8) for each in whole)), factors)


def _encoder(encoder: EncoderLayers, state: _Numbers, latent: _Numbers) -> Arrays:
    return (
        float_layer("enc_dense1", *_of_linear(encoder.dense1))
        | _stages("enc", encoder.stages)
        | integer_layer("enc_zdense", *latent.made_by(encoder.zdense), is_sparse=False)
        | integer_layer("gdense1", *_of_linear(encoder.gdense1), is_sparse=True)
        | integer_layer("gdense2", *state.made_by(encoder.gdense2), is_sparse=False)
    )


def _decoder(decoder: DecoderLayers, state: _Numbers, latent: _Numbers) -> Arrays:
    return (
        float_layer("dec_dense1", *latent.taken_by(decoder.dense1))
        | float_layer("dec_hidden_init", *state.taken_by(decoder.hidden_init))
        | integer_layer("dec_gru_init", *_of_linear(decoder.gru_init), is_sparse=True)
        | _stages("dec", decoder.stages)
        | integer_layer("dec_output", *_of_linear(decoder.output), is_sparse=True)
    )


def _stages(part: str, stages: Stages) -> Arrays:
    arrays: Arrays = {}
    layers = zip(stages.gru, stages.glu, stages.conv_dense, stages.conv, strict=True)
    for stage, (gru, gate, narrow, convolution) in enumerate(layers, start=1):
        arrays |= integer_layer(
            f"{part}_gru{stage}_input", *_of_gates(gru.weight_ih_l0, gru.bias_ih_l0), is_sparse=True
        )
        arrays |= integer_layer(
            f"{part}_gru{stage}_recurrent", *_of_gates(gru.weight_hh_l0, gru.bias_hh_l0), is_sparse=False
        )
        if stages.is_gated:
            arrays |= integer_layer(f"{part}_glu{stage}", *_of_linear(gate), is_sparse=False)
        arrays |= integer_layer(f"{part}_conv_dense{stage}", *_of_linear(narrow), is_sparse=True)
        arrays |= integer_layer(f"{part}_conv{stage}", *_of_linear(convolution), is_sparse=False)
    return arrays


def _of_linear(layer: nn.Linear) -> tuple[Floats, Floats]:
    """Return weights (inputs, outputs) and bias; zeros if the layer has none."""
    weights = _array(layer.weight).T
    return weights, np.zeros(weights.shape[1], np.float32) if layer.bias is None else _array(layer.bias)


def _of_gates(weight: Tensor, bias: Tensor) -> tuple[Floats, Floats]:
    """Return weights and bias of a recurrent unit's gates: update before reset, other than in PyTorch."""
    reset, update, candidate = np.split(_array(weight), 3)
    reset_bias, update_bias, candidate_bias = np.split(_array(bias), 3)
    return (
        np.concatenate([update, reset, candidate]).T,
        np.concatenate([update_bias, reset_bias, candidate_bias]),
    )


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().numpy()
