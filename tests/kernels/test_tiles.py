import numpy as np
import pytest

from reference import tiles as plain
from testbed.kernels import tiles

NEEDS_TILES = pytest.mark.skipif(not tiles.AVAILABLE, reason="no AVX2 and FMA, or no JIT")


def integers(random, inputs, outputs):
    """Return weights of which no two neighbours are beyond what 16 bits can sum."""
    return random.integers(-64, 65, (inputs, outputs))


@NEEDS_TILES
@pytest.mark.parametrize("outputs", [8, 16, 40])
@pytest.mark.parametrize("inputs", [4, 12, 688])
@pytest.mark.parametrize("batch", [1, 3, 4, 9])
@pytest.mark.parametrize("extreme", [False, True])
def test_levels_product(outputs, inputs, batch, extreme):
    random = np.random.default_rng(outputs + inputs + batch)
    weights = integers(random, inputs, outputs)
    levels = random.integers(0, tiles.HIGHEST_LEVEL + 1, (batch, inputs)).astype(np.uint8)
    if extreme:
        weights[::2], weights[1::2], levels[:] = 127, 2, tiles.HIGHEST_LEVEL
        weights[:, ::2] *= -1
    scale, bias = random.normal(size=(2, outputs)).astype(np.float32)
    found = np.full((batch + 1, outputs), np.nan, np.float32)
    tiles.levels_product(tiles.pack_integers(weights), levels, scale, bias, found[:batch])
    expected = plain.levels_product(weights, levels, scale, bias)
    np.testing.assert_array_equal(found[:batch], expected)
    assert np.isnan(found[batch]).all()


@NEEDS_TILES
@pytest.mark.parametrize("outputs", [1, 4, 20, 32])
@pytest.mark.parametrize("inputs", [1, 57])
@pytest.mark.parametrize("batch", [1, 3, 4, 9])
def test_floats_product(outputs, inputs, batch):
    random = np.random.default_rng(outputs + inputs + batch)
    weights = random.normal(size=(inputs, outputs)).astype(np.float32)
    values = random.normal(size=(batch, inputs)).astype(np.float32)
    packed = tiles.pack_floats(weights)
    found = np.full((batch, 8 * len(packed)), np.nan, np.float32)
    tiles.floats_product(packed, values, found)
    np.testing.assert_array_equal(found[:, :outputs], plain.floats_product(weights, values))
    assert not found[:, outputs:].any()


@pytest.mark.parametrize("shape", [(6, 8), (4, 12)])
def test_sizes_that_do_not_fit_are_not_packed(shape):
    assert tiles.pack_integers(np.ones(shape)).size == 0


@pytest.mark.parametrize(("first", "second"), [(65, 65), (-65, -65), (128, 0)])
def test_weights_whose_sums_may_not_fit_are_not_packed(first, second):
    weights = np.tile([[first], [second]], (2, 8))
    assert tiles.pack_integers(weights).size == 0
    weights[1::2] = -np.sign(first)
    assert (tiles.pack_integers(weights).size > 0) == (tiles.AVAILABLE and abs(first) < 128)
