"""A trained network is exported as libopus's exporter would; libopus's own weights survive the way back."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: make setup-train")

from testbed.codecs.dred import network, payload  # noqa: E402 - needs PyTorch
from testbed.codecs.dred.network_folder import CARD  # noqa: E402 - needs PyTorch
from testbed.codecs.dred.payload import tables_of  # noqa: E402 - needs PyTorch
from testbed.codecs.dred.quantizers import quantizers  # noqa: E402 - needs PyTorch
from testbed.codecs.opus import build as opus_build  # noqa: E402 - needs PyTorch
from testbed.errors import ResultsError, TrainingError  # noqa: E402 - needs PyTorch
from testbed.kernels import dred_symbols, rdovae, weights  # noqa: E402 - needs PyTorch
from testbed.training import trainer  # noqa: E402 - needs PyTorch
from testbed.training.counting import counted  # noqa: E402 - needs PyTorch
from testbed.training.export import export, export_training, load_trained  # noqa: E402 - needs PyTorch
from testbed.training.model import Rdovae  # noqa: E402 - needs PyTorch
from testbed.training.trainer import Settings, Trainer  # noqa: E402 - needs PyTorch


@cache
def libopus_arrays():
    found = opus_build.installed()
    assert found is not None, "libopus is not built: run 'testbed opus build'"
    return weights.read_blob(found.weights)


def features(frames: int = 400) -> np.ndarray:
    """Smooth numbers with the range that speech has."""
    rng = np.random.default_rng(1)
    made = np.sin(np.cumsum(rng.normal(0, 0.2, (frames, 20)), axis=0))
    made[:, 0] *= 3
    return made.astype(np.float32)


def latents_of(model: Rdovae, frames: np.ndarray) -> list[np.ndarray]:
    with torch.no_grad():
        return [each[0].numpy() for each in model.encoder(torch.from_numpy(frames)[None])]


def rms(numbers: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(numbers))))


def made(tables: Any, size: Any = "full", seed: int = 1) -> Rdovae:
    torch.manual_seed(seed)
    return Rdovae(tables, size).eval()


def give_libopus_weights(model: Rdovae) -> None:
    """Give a model the weights of libopus's blob."""
    encoder, decoder = rdovae.encoder(libopus_arrays()), rdovae.decoder(libopus_arrays())

    def give(target: Any, layer: weights.Linear, name: str, outputs: int | None = None) -> None:
        exact = layer.weights * (127 * layer.scale if layer.quantized else 1)
        put(target.weight, exact.T[:outputs])
        if target.bias is not None:
            put(target.bias, libopus_arrays()[f"{name}_bias"][:outputs])

    def put(target: Any, numbers: np.ndarray) -> None:
        with torch.no_grad():
            target.copy_(torch.from_numpy(np.array(numbers, np.float32)))

    def give_gates(gru: Any, kind: str, layer: weights.Linear, name: str) -> None:
        # libopus has the update gate first, PyTorch the reset gate
        for target, numbers in (
            (getattr(gru, f"weight_{kind}_l0"), (layer.weights * 127 * layer.scale).T),
            (getattr(gru, f"bias_{kind}_l0"), libopus_arrays()[f"{name}_bias"]),
        ):
            update, reset, candidate = np.split(numbers, 3)
            put(target, np.concatenate([reset, update, candidate]))

    give(model.encoder.dense1, encoder.first, "enc_dense1")
    give(model.encoder.zdense, encoder.latents, "enc_zdense", 25)
    give(model.encoder.gdense1, encoder.state_hidden, "gdense1")
    give(model.encoder.gdense2, encoder.state, "gdense2", 50)
    give(model.decoder.dense1, decoder.first, "dec_dense1")
    give(model.decoder.hidden_init, decoder.start_hidden, "dec_hidden_init")
    give(model.decoder.gru_init, decoder.start, "dec_gru_init")
    give(model.decoder.output, decoder.output, "dec_output")
    for part, stages, layers in (
        ("enc", model.encoder.stages, encoder),
        ("dec", model.decoder.stages, decoder),
    ):
        for stage in range(5):
            name = f"{part}_gru{stage + 1}"
            give_gates(stages.gru[stage], "ih", layers.gru_input[stage], f"{name}_input")
            give_gates(stages.gru[stage], "hh", layers.gru_recurrent[stage], f"{name}_recurrent")
            give(
                stages.conv_dense[stage],
                layers.before_convolution[stage],
                f"{part}_conv_dense{stage + 1}",
            )
            give(stages.conv[stage], layers.convolution[stage], f"{part}_conv{stage + 1}")
            if part == "dec":
                give(stages.glu[stage], decoder.gate[stage], f"dec_glu{stage + 1}")


def test_libopus_network_comes_back_from_pytorch(tmp_path: Path) -> None:
    model = made("libopus")
    give_libopus_weights(model)
    ours = export(model, tmp_path / "libopus", "libopus's own weights\n")
    arrays = weights.parse_blob(ours.content()[1])
    own = {name for name in libopus_arrays() if name.startswith(("enc_", "dec_", "gdense"))}
    assert arrays.keys() == own
    for name in own:
        if name.endswith(("int8", "idx")):
            assert np.array_equal(arrays[name], libopus_arrays()[name]), name
        else:
            np.testing.assert_allclose(arrays[name], libopus_arrays()[name], atol=1e-5, err_msg=name)
    usual, again = network.encode(features()), network.encode(features(), ours)
    assert rms(usual.latents - again.latents) < 0.01 * rms(usual.latents)
    # activations of 8 bits are all that PyTorch's lack
    assert rms(latents_of(model, features())[0] - usual.latents) < 0.1 * rms(usual.latents)
    for kind in (0, 1):
        pairs = zip(tables_of(ours, ours.version)[kind], quantizers(12)[kind], strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("size", ["full", "small"])
def test_a_network_with_quantizers_of_its_own_computes_what_pytorch_does(size: Any, tmp_path: Path) -> None:
    model = made("own", size)
    with torch.no_grad():
        for quantizer in (model.latent_quantizer, model.state_quantizer):
            quantizer.log_scale[:, 3] -= 2
            quantizer.logit[:, 5:70] = -9  # never sent
    ours = export(model, tmp_path / "own", "x")
    encoded = network.encode(features(), ours)
    kept = [*range(5), *range(70, 80)]
    assert encoded.latents.shape[1] == encoded.states.shape[1] == len(kept)
    state_tables, latent_tables = tables_of(ours, ours.version)
    assert (latent_tables.scale.max(axis=0) == 255).all()
    for exact, found, tables, quantizer in (
        (latents_of(model, features())[0], encoded.latents, latent_tables, model.latent_quantizer),
        (latents_of(model, features())[1], encoded.states, state_tables, model.state_quantizer),
    ):
        scale, dead = (each.detach().numpy()[0] for each in quantizer.tables()[:2])
        scaled = exact * scale
        meant = (scaled - dead * np.tanh(scaled / (0.1 + dead)))[:, kept]
        wanted = tables._replace(decay=np.ones_like(tables.decay), zero=np.ones_like(tables.zero))
        symbols = dred_symbols.quantize(wanted, 0, found)
        assert np.mean(symbols == np.floor(meant + 0.5)) > 0.95


@pytest.mark.parametrize("tables", ["own", "libopus"])
def test_the_exported_decoder_decodes_as_pytorch_does(tables: Any, tmp_path: Path) -> None:
    model = made(tables)
    ours = export(model, tmp_path / "net", "x")
    sent = network.payload(network.encode(features(), ours), 150, 20, q0=3, dq=0)
    (found,) = network.decode([payload.parse(payload.write(sent, ours), network=ours)], ours)
    scales = [
        each.tables()[0].detach().numpy()[3] for each in (model.state_quantizer, model.latent_quantizer)
    ]
    state, latents = (part / scale for part, scale in zip((sent.state, sent.latents), scales, strict=True))
    levels = torch.full((1, 20), 3)
    with torch.no_grad():
        told = (torch.from_numpy(part.astype(np.float32))[None] for part in (latents, state))
        exact = model.decoder(next(told), levels, next(told))[0].numpy()
    assert rms(found - exact[: len(found)]) < 0.05 * rms(exact)


def test_fixed_quantizers_are_given_distributions_by_counting(tmp_path: Path) -> None:
    model = made("fixed", "small")
    with pytest.raises(TrainingError, match="speech on which"):
        export(model, tmp_path / "no", "x")
    ours = export(model, tmp_path / "fixed", "x", features())
    encoded = network.encode(features(), ours)
    tables = tables_of(ours, ours.version)[1]
    for level in (0, 8, 15):
        symbols = dred_symbols.quantize(tables, level, encoded.latents)
        zeros = np.mean(symbols == 0, axis=0)
        sent = tables.decay[level] > 0
        np.testing.assert_allclose(tables.zero[level][sent] / 256, zeros[sent], atol=0.01)


def test_counted_distributions_are_those_that_were_drawn() -> None:
    rng = np.random.default_rng(1)
    tables = quantizers(12)[1]
    plain = tables._replace(scale=np.full_like(tables.scale, 255), dead_zone=np.zeros_like(tables.dead_zone))
    values = rng.laplace(0, 2, (20_000, 25)).astype(np.float32)
    values[:, 4] = 0
    found = counted(plain, values)
    assert np.all(found.decay[:, 4] == 0)
    others = np.arange(25) != 4
    np.testing.assert_allclose(found.decay[0, others] / 256, np.exp(-1 / (2 * 255 / 256)), atol=0.02)
    np.testing.assert_allclose(found.zero[0, others] / 256, 1 - np.exp(-0.25), atol=0.02)


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no checkpoint"):
        load_trained(tmp_path / "absent.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    with pytest.raises(TrainingError, match="no checkpoint"):
        load_trained(tmp_path / "text.pt")
    model = made("own", "small")
    (tmp_path / "there").mkdir()
    with pytest.raises(ResultsError, match="exists"):
        export(model, tmp_path / "there", "x")
    with torch.no_grad():
        model.latent_quantizer.logit[:] = -9
    with pytest.raises(TrainingError, match="discarded all"):
        export(model, tmp_path / "nothing", "x")
    assert not (tmp_path / "nothing").exists()


def test_a_training_is_exported_with_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "_MEASURED_SEQUENCES", 2)
    training = Trainer(Settings(0.001, size="small"), features(2000).astype(np.float16), features(900))
    for _ in training.train(lambda now: now.save(tmp_path / "checkpoint.pt"), 1):
        pass
    about = {"speech": {"sources": ["a package | of somebody"], "trained_hours": 3.25}}
    (tmp_path / "training.json").write_text(json.dumps(about))
    network.models(export_training(tmp_path, tmp_path / "net"))
    text = (tmp_path / "net" / CARD).read_text()
    assert text.startswith("# net\n")
    for words in (
        "80 per latent vector, 80 per state",
        "half as wide",
        "3.2 hours, each recording at 3 speeds: a package / of somebody",
    ):
        assert words in text
    assert text.count("\n| ") == 2 + 5 + 2 + 6
    told = json.loads((tmp_path / "net" / "training.json").read_text())
    assert told["settings"]["size"] == "small"
    assert told["speech"] == about["speech"]
    assert told["kept"] == {"latents": [*range(80)], "states": [*range(80)]}
    rows = (tmp_path / "net" / "curves.csv").read_text().splitlines()
    assert len(rows) == 1 + 6 * len(training.points)
