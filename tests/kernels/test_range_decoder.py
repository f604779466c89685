"""The range decoder: the compiled kernels and the plain reference agree on every bit of any input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.range_decoder import RangeDecoder
from testbed.kernels import range_decoder as rd

TABLES = np.array(
    [
        [128, 0, 0, 0, 0, 0],
        [255, 1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
        [213, 171, 128, 85, 43, 0],
        [0, 0, 0, 0, 0, 0],
        [255, 254, 253, 252, 251, 0],
    ],
    np.uint8,
)


def start(data):
    state = np.zeros(rd.STATE_SIZE, np.int64)
    array = np.frombuffer(data, np.uint8)
    rd.start(state, array)
    return state, array


@settings(deadline=None)  # the first example compiles the kernels
@given(
    st.binary(max_size=40) | st.binary(max_size=2).map(lambda b: 30 * b),
    st.lists(st.integers(0, len(TABLES) - 1) | st.integers(-15, -1), max_size=200),
)
def test_kernels_and_reference_agree_on_every_step(data, steps):
    state, array = start(data)
    reference = RangeDecoder(data)
    for step in steps:
        if step < 0:
            assert rd.decode_bit(state, array, -step) == reference.bit(-step)
        else:
            assert rd.decode_symbol(state, array, TABLES, step) == reference.symbol(list(TABLES[step]))
        assert rd.tell_eighths(state) == reference.tell_eighths()


def test_a_new_decoder_has_used_one_bit():
    state, _ = start(b"\x55" * 8)
    assert rd.tell_eighths(state) == 8


@pytest.mark.parametrize("log_probability", [1, 4, 15])
def test_bits_cost_their_information(log_probability):
    """A run of n likely bits costs -n log2(1 - 2**-k) of them, within the rounding of an eighth."""
    data = b"\x00" * 64
    state, array = start(data)
    before = rd.tell_eighths(state)
    zeros = 0
    while zeros < 256 and rd.decode_bit(state, array, log_probability) == 0:
        zeros += 1
    assert zeros == 256
    cost = -8 * zeros * np.log2(1 - 0.5**log_probability)
    assert rd.tell_eighths(state) - before == pytest.approx(cost, abs=1.5)


def test_uniform_symbols_are_uniform():
    """Random bytes decode to symbols as frequent as the table says: chi-square below its 1e-6 quantile."""
    rng = np.random.default_rng(3)
    counts = np.zeros(6)
    for _ in range(40):
        state, array = start(rng.bytes(200))
        for _ in range(500):
            counts[rd.decode_symbol(state, array, TABLES, 3)] += 1
    expected = counts.sum() * np.array([43, 42, 43, 43, 42, 43]) / 256
    assert np.sum((counts - expected) ** 2 / expected) < 35.9  # 5 degrees of freedom
