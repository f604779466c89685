import numpy as np
import pytest

from reference import row_convolution as plain
from testbed.kernels.row_convolution import convolve_rows, row_convolution
from testbed.kernels.vectors import LANES
from testbed.kernels.wide_product import pack, wide_product


@pytest.mark.parametrize("outputs", [16, 64, 80])
@pytest.mark.parametrize("inputs", [1, 57])
@pytest.mark.parametrize("rows", [1, 3, 4, 9])
def test_wide_product(outputs, inputs, rows):
    random = np.random.default_rng(outputs + inputs + rows)
    weights = random.normal(size=(inputs, outputs)).astype(np.float32)
    values = random.normal(size=(rows, inputs)).astype(np.float32)
    out = np.full((rows + 1, outputs), np.nan, np.float32)
    wide_product(pack(weights), values, out[:rows])
    exact = values.astype(np.float64) @ weights
    assert out[:rows] == pytest.approx(exact, abs=1e-5)
    assert np.isnan(out[rows]).all()


def test_outputs_must_fill_vectors():
    with pytest.raises(ValueError, match="reshape"):
        pack(np.ones((3, LANES + 1), np.float32))


@pytest.mark.parametrize(("bins", "channels", "outputs"), [(9, 1, 32), (16, 3, 16), (4, 20, 80)])
def test_rows_equal_a_direct_convolution(bins, channels, outputs):
    random = np.random.default_rng(bins)
    kernel = random.normal(size=(outputs, channels, 3, 3)).astype(np.float32)
    bias = random.normal(size=outputs).astype(np.float32)
    rows = random.normal(size=(7, bins, channels)).astype(np.float32)
    triples = random.integers(0, 7, (10, 3))
    found = np.full((10, bins // 4, outputs), np.nan, np.float32)
    convolve_rows(row_convolution(kernel, bias), rows, triples, found)
    assert found == pytest.approx(plain.convolve_rows(kernel, bias, rows, triples), abs=2e-4)


def test_a_row_does_not_depend_on_those_computed_with_it():
    random = np.random.default_rng(5)
    layer = row_convolution(
        random.normal(size=(48, 5, 3, 3)).astype(np.float32), random.normal(size=48).astype(np.float32)
    )
    rows = random.normal(size=(9, 13, 5)).astype(np.float32)
    triples = random.integers(0, 9, (11, 3))
    together, alone = (np.empty((11, 3, 48), np.float32) for _ in range(2))
    convolve_rows(layer, rows, triples, together)
    for index in range(11):
        convolve_rows(layer, rows, triples[index : index + 1], alone[index : index + 1])
    assert np.array_equal(together, alone)
    convolve_rows(layer, rows, triples[:0], alone[:0])
