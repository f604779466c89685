"""The range encoder: kernel and reference write the same bytes, and the decoders read the symbols back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.range_decoder import RangeDecoder
from reference.range_encoder import RangeEncoder
from testbed.kernels import range_decoder as rd
from testbed.kernels import range_encoder as re

UNIFORM = st.integers(2, 256).flatmap(
    lambda n: st.tuples(st.just("u"), st.integers(0, n - 1), st.tuples(st.just(n)))
)
BIT = st.tuples(st.just("b"), st.integers(0, 1), st.tuples(st.integers(1, 15)))
LAPLACE = st.tuples(
    st.just("l"), st.integers(-60, 60), st.tuples(st.integers(1, 32766), st.integers(0, 32767))
)


def encode(symbols, capacity=4096):
    state, buffer = np.zeros(re.STATE_SIZE, np.int64), np.full(capacity, 0xAA, np.uint8)
    re.start(state)
    for kind, value, numbers in symbols:
        {"u": re.encode_uniform, "b": re.encode_bit, "l": re.encode_laplace}[kind](
            state, buffer, value, *numbers
        )
    used = re.tell(state)
    size = re.finish(state, buffer)
    assert size == (used + 7) // 8
    return buffer, size


@settings(deadline=None)  # the first example compiles the kernels
@given(st.lists(UNIFORM | BIT | LAPLACE, max_size=80))
def test_all_ways_agree(symbols):
    reference = RangeEncoder()
    for kind, value, numbers in symbols:
        {"u": reference.uniform, "b": reference.bit, "l": reference.laplace}[kind](value, *numbers)
    buffer, size = encode(symbols)
    data = reference.finish()
    assert buffer[:size].tobytes() == data

    state, plain = np.zeros(rd.STATE_SIZE, np.int64), RangeDecoder(data)
    rd.start(state, buffer[:size])
    for kind, value, numbers in symbols:
        fast = {"u": rd.decode_uniform, "b": rd.decode_bit, "l": rd.decode_laplace}[kind]
        slow = {"u": plain.uniform, "b": plain.bit, "l": plain.laplace}[kind]
        assert fast(state, buffer[:size], *numbers) == slow(*numbers) == value
    assert rd.tell(state) == plain.tell() == reference.tell()


@settings(deadline=None)
@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(1, 32766), st.integers(0, 24000)), max_size=40))
def test_laplace_of_any_bytes(data, parameters):
    state, reference = np.zeros(rd.STATE_SIZE, np.int64), RangeDecoder(data)
    array = np.frombuffer(data, np.uint8)
    rd.start(state, array)
    for zero, decay in parameters:
        assert rd.decode_laplace(state, array, zero, decay) == reference.laplace(zero, decay)
        assert rd.tell(state) == reference.tell()


def test_laplace_symbols_cost_their_information():
    """Symbols drawn from the distribution take their own information, to 0.2 %."""
    rng = np.random.default_rng(5)
    zero, decay = 16384, 24576
    q = decay / 32768
    chances = np.array([0.5, *(0.25 * (1 - q) * q ** np.arange(40)).repeat(2)])
    values = np.array([0, *np.stack([np.arange(1, 41), -np.arange(1, 41)], axis=1).ravel()])
    drawn = rng.choice(len(values), 10_000, p=chances / chances.sum())
    _, size = encode([("l", int(values[k]), (zero, decay)) for k in drawn], capacity=20_000)
    information = -np.log2(chances)[drawn]
    assert 8 * size == pytest.approx(information.sum(), rel=2e-3)


def test_a_full_buffer_is_not_left():
    rng = np.random.default_rng(6)
    symbols = [("u", int(value), (256,)) for value in rng.integers(0, 256, 100)]
    whole, size = encode(symbols)
    for capacity in (0, 1, 50, size - 1):
        buffer, claimed = encode(symbols, capacity)
        assert claimed == size
        assert buffer.tobytes() == whole[:capacity].tobytes()
