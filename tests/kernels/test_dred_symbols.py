"""DRED's symbols: kernels against references, on libopus's tables, on any bytes and on any numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import dred_symbols as plain
from testbed.codecs.dred.quantizers import quantizers
from testbed.kernels import dred_symbols as ds


def read(data, most=30):
    header, state = np.zeros(ds.HEADER_SIZE, np.int64), np.zeros(50, np.int32)
    rows = np.zeros((most, 25), np.int32)
    count = ds.read(np.frombuffer(data, np.uint8), *quantizers(12), header, state, rows)
    return tuple(header.tolist()), state, rows[:count]


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=1, max_size=80) | st.binary(max_size=2).map(lambda b: b * 40))
def test_any_bytes_read_alike(data):
    header, state, rows = read(data)
    expected = plain.read(data, *quantizers(12), 30)
    assert (header, state.tolist(), rows.tolist()) == (expected[0], expected[1], expected[2])


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 15),
    st.integers(0, 7),
    st.integers(0, ds.MAX_OFFSET),
    st.integers(0, 12),
    st.integers(0, 99),
)
def test_the_decoder_reads_the_written_symbols(q0, dq, offset, count, seed):
    rng = np.random.default_rng(seed)
    qmax = int(rng.integers(q0 + 1, 16)) if q0 < 14 and dq > 0 else 15
    state_tables, latent_tables = quantizers(12)
    spread = rng.choice((0.3, 2, 20))
    state = ds.quantize(state_tables, q0, rng.normal(0, spread, (1, 50)).astype(np.float32))[0]
    rows = np.zeros((count, 25), np.int32)
    for index in range(count):
        values = rng.normal(0, spread, (1, 25)).astype(np.float32)
        rows[index] = ds.quantize(latent_tables, ds.level(q0, dq, qmax, index), values)[0]
    header = np.array([q0, dq, qmax, offset], np.int64)
    data = np.zeros(8192, np.uint8)
    size = ds.write(data, *quantizers(12), header, state, rows)
    written = data[:size].tobytes()
    reference = plain.write(*quantizers(12), (q0, dq, qmax, offset), state.tolist(), rows.tolist())
    assert written == reference
    found = read(written)
    assert found[0] == (q0, dq, qmax, offset)
    assert np.array_equal(found[1], state)
    assert np.array_equal(found[2], rows[: len(found[2])])
    # rows that hide in the last 7 bits, where readers do not look, are there all the same
    assert np.array_equal(read(written + bytes(2), count)[2], rows)


@pytest.mark.parametrize("row", [0, 7, 15])
def test_quantizing(row):
    rng = np.random.default_rng(row)
    for tables, width in zip(quantizers(12), (50, 25), strict=True):
        for spread in (0, 0.2, 3, 100, 1e30):
            values = (spread * rng.normal(0, 1, (40, width))).astype(np.float32)
            symbols = ds.quantize(tables, row, values)
            assert np.array_equal(symbols, plain.quantize(tables, row, values))
            restored = ds.restore(tables, row, symbols)
            assert np.array_equal(restored, plain.restore(tables, row, symbols))
            assert np.isfinite(restored).all()


def test_finer_levels_lose_less():
    rng = np.random.default_rng(1)
    values = rng.normal(0, 3, (500, 25)).astype(np.float32)
    tables = quantizers(12)[1]
    lost = [
        np.mean((ds.restore(tables, row, ds.quantize(tables, row, values)) - values) ** 2)
        for row in range(16)
    ]
    assert lost == sorted(lost)
    assert lost[0] < 0.2 < lost[15]


def test_levels():
    for q0 in range(16):
        for dq in range(8):
            found = [ds.level(q0, dq, 15, index) for index in range(60)]
            assert found == [plain.level(q0, dq, 15, index) for index in range(60)]
            assert found[0] == q0
            assert found == sorted(found)
