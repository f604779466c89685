"""The compiled walk over LBRR frames and its plain reference agree on random and on degenerate input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import silk_lbrr as plain
from testbed.kernels import silk_tables
from testbed.kernels.silk_lbrr import lbrr_extent

LAYOUTS = [
    (rate_khz, frames, subframes, channels)
    for rate_khz in (8, 12, 16)
    for frames, subframes in ((1, 2), (1, 4), (2, 4), (3, 4))
    for channels in (1, 2)
]


def both(data, layout):
    fast = lbrr_extent(np.frombuffer(data, np.uint8), *layout)
    assert fast == plain.lbrr_extent(data, *layout)
    return fast


@settings(deadline=None, max_examples=150)  # the first example compiles the kernels
@given(st.binary(max_size=160), st.sampled_from(LAYOUTS))
def test_random_bytes(data, layout):
    begin, end, mid, side = both(data, layout)
    _, frames, _, channels = layout
    assert begin == 8 * (1 + channels * (frames + 1))
    assert end >= begin
    assert (end > begin) == bool(mid or side)
    assert 0 <= mid < 1 << frames
    assert 0 <= side < (1 << frames if channels == 2 else 1)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff", b"\x00" * 400, b"\xff" * 400, b"\xff\x00" * 200])
def test_degenerate_bytes(data, layout):
    both(data, layout)


def test_long_random_frames_use_every_path():
    """Long random frames reach escapes, low bits and all frame types; the reference must still agree."""
    rng = np.random.default_rng(5)
    for layout in LAYOUTS:
        for _ in range(4):
            both(b"\xff" + rng.bytes(1274), layout)


def test_tables_are_distributions():
    for name, table in vars(silk_tables).items():
        if not name.isupper() or not isinstance(table, np.ndarray) or table.dtype != np.uint8:
            continue
        if name.startswith("LSF_CODEBOOKS"):
            assert table.max() < len(silk_tables.LSF_SECOND), name
            continue
        for row in table.astype(int):
            used = np.trim_zeros(row, "b")
            assert row[-1] == 0 or len(used) == len(row) - 1, name
            assert np.all(np.diff(used) < 0), name
