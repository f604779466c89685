import numpy as np
import pytest

from testbed.kernels.integer_product import (
    AVAILABLE,
    ROWS,
    integer_product,
    integer_product_reference,
    pack,
)


@pytest.mark.parametrize("outputs", [8, 16, 40])
@pytest.mark.parametrize("inputs", [2, 6, 688])
@pytest.mark.parametrize("batch", [ROWS, 3 * ROWS])
@pytest.mark.parametrize("extreme", [False, True])
def test_product(outputs, inputs, batch, extreme):
    if not AVAILABLE:
        pytest.skip("no AVX2, or no JIT")
    random = np.random.default_rng(outputs + inputs + batch)
    weights = random.integers(-128, 128, (inputs, outputs))
    levels = random.integers(-127, 129, (batch, inputs)).astype(np.int16)
    if extreme:
        weights[:], levels[:] = -128, 128
    sums = np.full((batch, outputs), -1, np.int32)
    integer_product(pack(weights), levels, sums)
    np.testing.assert_array_equal(sums, integer_product_reference(weights, levels))


@pytest.mark.parametrize("shape", [(3, 8), (4, 12)])
def test_sizes_that_do_not_fit_are_not_packed(shape):
    assert pack(np.ones(shape)).size == 0
