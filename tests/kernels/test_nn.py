"""The layers of libopus's networks: kernels against references, on libopus's own weights and on extremes."""

from functools import cache

import numba
import numpy as np
import pytest

from reference import nn as plain
from testbed.codecs.opus import build as opus_build
from testbed.kernels import nn, weights

FLOAT, SPARSE, DENSE = ("enc_dense1", 40, 64), ("dec_gru5_input", 480, 192), ("enc_zdense", 544, 32)
KINDS = (nn.LINEAR, nn.SIGMOID, nn.TANH, nn.RELU)
COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]  # set on import, from the environment
# A sum of n products in float32, in any order: n roundings of the largest partial sum, at most about n here.
TOLERANCE = 1e-5


@cache
def arrays():
    found = opus_build.installed()
    assert found is not None, "libopus is not built: run 'testbed opus build'"
    return weights.read_blob(found.weights)


def values(kind, shape, seed=1):
    rng = np.random.default_rng(seed)
    made = {
        "activations": lambda: rng.uniform(-1, 1, shape),
        "large": lambda: rng.normal(0, 1e3, shape),
        "silence": lambda: np.zeros(shape),
        "ties": lambda: (rng.integers(-127, 128, shape) + 0.5) / 127,
        "tiny": lambda: rng.normal(0, 1e-30, shape),
        "huge": lambda: rng.choice([-3e38, 3e38], shape),
    }[kind]
    return made().astype(np.float32)


@pytest.mark.parametrize("layer", [FLOAT, SPARSE, DENSE], ids=lambda layer: layer[0])
@pytest.mark.parametrize("kind", ["activations", "large", "silence", "ties", "tiny"])
@pytest.mark.parametrize("batch", [1, 3, 33])
def test_linear(layer, kind, batch):
    name, width, outputs = layer
    inputs = values(kind, (batch, width))
    ready = weights.linear(arrays(), name, width, outputs)
    found, expected = nn.linear(ready, inputs), plain.linear(arrays(), name, inputs)
    assert found.dtype == np.float32
    if ready.quantized and (COMPILED or kind != "ties"):
        assert np.array_equal(found, expected)
    elif ready.quantized:  # without a fused multiply-add, a tie may go to the other level
        assert np.all(np.abs(found - expected) <= np.abs(ready.weights).sum(axis=0) * ready.scale)
    else:
        scale = np.abs(inputs).max() or 1
        np.testing.assert_allclose(found, expected, atol=TOLERANCE * scale, rtol=0)


@pytest.mark.skipif(not COMPILED, reason="tiles need the JIT")
@pytest.mark.parametrize("layer", [FLOAT, SPARSE, DENSE], ids=lambda layer: layer[0])
@pytest.mark.parametrize("kind", ["activations", "large", "ties"])
def test_with_and_without_tiles(layer, kind):
    name, width, outputs = layer
    inputs = values(kind, (7, width))
    ready = weights.linear(arrays(), name, width, outputs)
    assert ready.packed.size > 0
    without = ready._replace(packed=ready.packed[:0])
    assert np.array_equal(nn.linear(ready, inputs), nn.linear(without, inputs))


@pytest.mark.parametrize("layer", [FLOAT, SPARSE, DENSE], ids=lambda layer: layer[0])
def test_a_row_does_not_depend_on_its_batch(layer):
    name, width, outputs = layer
    inputs = values("activations", (40, width))
    ready = weights.linear(arrays(), name, width, outputs)
    whole = nn.linear(ready, inputs)
    for row in (0, 17, 39):
        assert np.array_equal(nn.linear(ready, inputs[row : row + 1])[0], whole[row])


def test_strided_inputs():
    name, width, outputs = DENSE
    wide = values("activations", (5, 2 * width))
    ready = weights.linear(arrays(), name, width, outputs)
    assert np.array_equal(
        nn.linear(ready, wide[:, ::2]), nn.linear(ready, np.ascontiguousarray(wide[:, ::2]))
    )


@pytest.mark.parametrize("activation", KINDS)
def test_activations(activation):
    inputs = np.concatenate([np.linspace(-30, 30, 4001), [-3e38, -1e20, 1e20, 3e38, -1e-40, 0]])
    inputs = inputs.astype(np.float32)[None]
    found = inputs.copy()
    nn.activate(found, activation)
    np.testing.assert_allclose(found, plain.activate(inputs, activation), atol=3e-7, rtol=3e-7)


def test_activations_are_near_what_they_stand_for():
    """libopus states errors of 3e-4 for tanh and 1.5e-4 for the sigmoid, most of it from the reciprocal."""
    x = np.linspace(-20, 20, 100_001).astype(np.float32)[None]
    tanh, sigmoid = x.copy(), x.copy()
    nn.activate(tanh, nn.TANH)
    nn.activate(sigmoid, nn.SIGMOID)
    assert np.abs(tanh - np.tanh(x.astype(float))).max() < 4e-4
    assert np.abs(sigmoid - 1 / (1 + np.exp(-x.astype(float)))).max() < 2e-4


def test_reciprocals_are_good_to_twelve_bits():
    x = np.linspace(-9, 9, 4096).astype(np.float32)
    inverse = x.copy()
    nn.reciprocals(inverse)
    assert np.abs(inverse * x - 1).max() < 1.5 * 2**-12
    assert np.array_equal(plain.host_reciprocal(x[:77]), inverse[:77])


def test_nothing_makes_an_activation_other_than_finite():
    bad = np.array([[np.nan, np.inf, -np.inf, 3e38, -3e38]], np.float32)
    for activation, low, high in ((nn.TANH, -1, 1), (nn.SIGMOID, 0, 1)):
        found = bad.copy()
        nn.activate(found, activation)
        assert np.all((found >= low) & (found <= high))


@pytest.mark.parametrize("kind", ["activations", "large", "silence", "huge"])
def test_gru(kind):
    inputs = values(kind, (6, 5, 224))
    state = values("activations", (5, 64), seed=2)
    layers = [
        weights.linear(arrays(), f"dec_gru2_{n}", width, 192)
        for n, width in (("input", 224), ("recurrent", 64))
    ]
    for step in inputs:
        expected = plain.gru(arrays(), "dec_gru2", state, step)
        with np.errstate(over="ignore"):
            nn.gru(layers[0], layers[1], state, step)
        np.testing.assert_allclose(state, expected, atol=1e-6, rtol=0)


def test_glu():
    inputs = values("activations", (5, 64))
    ready = weights.linear(arrays(), "dec_glu1", 64, 64)
    np.testing.assert_allclose(
        nn.glu(ready, inputs), plain.glu(arrays(), "dec_glu1", inputs), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("dilation", [1, 2])
def test_conv1d(dilation):
    steps = values("activations", (4, 9, 64))
    ready = weights.linear(arrays(), "enc_conv2", 128, 64)
    state = np.zeros((4, dilation, 64), np.float32)
    history = np.zeros((4, dilation, 64), np.float32)
    for step in range(steps.shape[1]):
        found = nn.conv1d(ready, state, steps[:, step], dilation, nn.TANH)
        history = np.concatenate([history, steps[:, step : step + 1]], axis=1)
        seen = history[:, -dilation - 1 :]
        expected = plain.conv1d(arrays(), "enc_conv2", seen, dilation, nn.TANH)
        np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)


def test_conv1d_of_three_taps_and_of_one():
    rng = np.random.default_rng(4)
    for taps in (1, 3):
        raw = {
            "c_bias": rng.normal(0, 1, 8).astype(np.float32),
            "c_weights_float": rng.normal(0, 1, 8 * 4 * taps).astype(np.float32),
        }
        ready = weights.linear(raw, "c", 4 * taps, 8)
        steps = rng.normal(0, 1, (2, 12, 4)).astype(np.float32)
        held = 2 * (taps - 1)
        state = np.zeros((2, held, 4), np.float32)
        padded = np.concatenate([np.zeros((2, held, 4), np.float32), steps], axis=1)
        for step in range(12):
            found = nn.conv1d(ready, state, steps[:, step], 2, nn.LINEAR)
            kernel = raw["c_weights_float"].reshape(taps, 4, 8)
            expected = sum(padded[:, step + 2 * tap] @ kernel[tap] for tap in range(taps)) + raw["c_bias"]
            np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
