"""Weights that are written are those that are read, in libopus's integers."""

import numpy as np
import pytest

from testbed.codecs.opus import build as opus_build
from testbed.errors import CodecError
from testbed.kernels import tiles, weights
from testbed.kernels import weights_writer as writer


def blob():
    found = opus_build.installed()
    assert found is not None, "libopus is not built: run 'testbed opus build'"
    return found.weights.read_bytes()


def test_libopus_blob_is_written_byte_for_byte():
    assert writer.blob(weights.parse_blob(blob())) == blob()


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("enc_zdense", 544, 32),
        ("gdense1", 544, 128),
        ("enc_gru3_input", 256, 96),
        ("enc_conv2", 128, 64),
        ("dec_gru5_recurrent", 64, 192),
        ("dec_output", 576, 80),
    ],
)
def test_libopus_layers_are_quantized_to_the_integers_that_they_have(name, inputs, outputs):
    arrays = weights.parse_blob(blob())
    layer = weights.linear(arrays, name, inputs, outputs)
    is_sparse = f"{name}_weights_idx" in arrays
    made = writer.integer_layer(name, layer.weights * (127 * layer.scale), arrays[f"{name}_bias"], is_sparse)
    assert made.keys() == {each for each in arrays if each.startswith(f"{name}_")}
    assert np.array_equal(made[f"{name}_weights_int8"], arrays[f"{name}_weights_int8"])
    np.testing.assert_allclose(made[f"{name}_scale"], arrays[f"{name}_scale"], rtol=1e-6)
    np.testing.assert_allclose(made[f"{name}_subias"], arrays[f"{name}_subias"], atol=1e-5)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("kind", ["normal", "equal", "pruned", "nothing"])
def test_a_layer_is_read_as_it_was_meant(kind, is_sparse):
    rng = np.random.default_rng(1)
    meant = rng.normal(0, 0.1, (24, 16)).astype(np.float32)
    if kind == "equal":
        meant[:] = 0.3
    elif kind == "pruned":
        meant[4:16, :8] = 0
    elif kind == "nothing":
        meant[:] = 0
    bias = rng.normal(0, 1, 16).astype(np.float32)
    arrays = weights.parse_blob(writer.blob(writer.integer_layer("x", meant, bias, is_sparse)))
    layer = weights.linear(arrays, "x", 24, 16)
    assert layer.packed.size or not tiles.AVAILABLE  # no sum of neighbours can leave 16 bits
    steps = 127 * layer.scale
    assert np.all(np.abs(layer.weights * steps - meant) <= 1.5 * steps)
    inputs = np.clip(rng.normal(0, 0.5, (9, 24)), -1, 1).astype(np.float32)
    levels = np.rint(127 * inputs + 127)
    found = (levels @ layer.weights) * layer.scale + layer.bias
    np.testing.assert_allclose(found, inputs @ meant + bias, atol=0.12)


def test_a_layer_of_floats():
    arrays = writer.float_layer("y", np.arange(12.0).reshape(3, 4), np.ones(4))
    layer = weights.linear(weights.parse_blob(writer.blob(arrays)), "y", 3, 4)
    assert layer.weights.tolist() == np.arange(12).reshape(3, 4).tolist()
    assert layer.bias.tolist() == [1, 1, 1, 1]


def test_what_no_blob_can_hold_is_refused():
    for array in (np.zeros(0, np.float32), np.zeros(3), np.zeros((2, 2), np.float32)):
        with pytest.raises(CodecError, match="cannot hold"):
            writer.blob({"x": array})
    with pytest.raises(CodecError, match="cannot hold"):
        writer.blob({"n" * 44: np.zeros(2, np.float32)})
    for meant in (np.zeros((6, 8)), np.zeros((8, 6)), np.full((8, 8), np.nan)):
        with pytest.raises(CodecError, match="cannot be in blocks"):
            writer.integer_layer("x", meant, np.zeros(meant.shape[1]), False)
