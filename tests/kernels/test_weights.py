"""The weights blob: libopus's own is read whole; cut, foreign and damaged ones are refused."""

import struct
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.codecs.opus import build as opus_build
from testbed.errors import CodecError
from testbed.kernels import weights


@cache
def blob():
    found = opus_build.installed()
    assert found is not None, "libopus is not built: run 'testbed opus build'"
    return found.weights


@cache
def arrays():
    return weights.read_blob(blob())


def record(name, values, kind=None, block=None):
    kind = {"f": 0, "i": 1}.get(values.dtype.kind, 1) if kind is None else kind
    data = values.tobytes()
    block = -(-len(data) // 64) * 64 if block is None else block
    head = struct.pack("<4s4i44s", b"DNNw", 0, kind, len(data), block, name.encode())
    return head + data.ljust(block, b"\0")


SMALL = (
    record("one_bias", np.arange(8, dtype=np.float32))
    + record("one_weights_float", np.arange(24, dtype=np.float32))
    + record("two_weights_int8", np.arange(-16, 16, dtype=np.int8), kind=3)
)


def test_libopus_own_blob_is_read_whole():
    found = arrays()
    records = blob().read_bytes().count(b"DNNw")
    assert len(found) == records > 400
    assert {array.dtype for array in found.values()} == {np.dtype(t) for t in ("f4", "i4", "i1")}
    for name in found:
        if name.endswith("_weights_int8"):
            assert found[name.replace("weights_int8", "scale")].dtype == np.float32


def test_a_blob_gives_back_what_was_put_in():
    found = weights.parse_blob(SMALL)
    assert list(found) == ["one_bias", "one_weights_float", "two_weights_int8"]
    assert found["one_weights_float"].tolist() == list(range(24))
    assert found["two_weights_int8"].tolist() == list(range(-16, 16))


@pytest.mark.parametrize("cut", [1, 63, 64, 70, 200, len(SMALL) - 1])
def test_cut_off(cut):
    with pytest.raises(CodecError, match="cut off"):
        weights.parse_blob(SMALL[:cut], "f.bin")


@pytest.mark.parametrize(
    ("damaged", "says"),
    [
        (b"", "empty"),
        (b"RIFF" + bytes(100), "not libopus's weights"),
        (SMALL + bytes(64), "not libopus's weights"),
        (SMALL[:4] + b"\1" + SMALL[5:], "version 1"),
        (record("x", np.ones(2, np.float32), kind=2), "unknown type"),
        (record("x", np.ones(3, np.int8), kind=0), "impossible size"),
        (record("x", np.ones(20, np.float32), block=64), "impossible size"),
        (record("", np.ones(2, np.float32)), "no proper name"),
        (record("../x", np.ones(2, np.float32)), "no proper name"),
        (record("n" * 44, np.ones(2, np.float32)), "no proper name"),
        (record("x", np.array([1, np.nan], np.float32)), "not finite"),
        (2 * record("x", np.ones(2, np.float32)), "twice"),
    ],
)
def test_foreign_or_damaged(damaged, says):
    with pytest.raises(CodecError, match=says):
        weights.parse_blob(damaged)


def test_files(tmp_path):
    with pytest.raises(CodecError, match=r"absent\.bin"):
        weights.read_blob(tmp_path / "absent.bin")
    huge = tmp_path / "huge.bin"
    with huge.open("wb") as file:
        file.truncate(weights.MAX_BLOB_BYTES + 1)
    with pytest.raises(CodecError, match="too many"):
        weights.read_blob(huge)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_is_refused_or_harmless(changes):
    data = bytearray(SMALL)
    for position, value in changes:
        data[position] = value
    try:
        found = weights.parse_blob(bytes(data))
    except CodecError:
        return
    assert sum(array.nbytes for array in found.values()) < len(SMALL)


def test_a_dense_layer_of_floats():
    layer = weights.linear(weights.parse_blob(SMALL), "one", 3, 8)
    assert not layer.quantized
    assert layer.weights.tolist() == np.arange(24).reshape(3, 8).tolist()


def sparse(index, blocks=2):
    return {
        "s_bias": np.zeros(16, np.float32),
        "s_subias": np.zeros(16, np.float32),
        "s_scale": np.ones(16, np.float32),
        "s_weights_idx": np.array(index, np.int32),
        "s_weights_int8": np.arange(32 * blocks, dtype=np.int8),
    }


def test_a_sparse_layer():
    layer = weights.linear(sparse([1, 8, 1, 4]), "s", 12, 16)
    assert layer.quantized
    assert layer.weights[8:12, :8].tolist() == np.arange(32).reshape(8, 4).T.tolist()
    assert layer.weights[4:8, 8:].tolist() == np.arange(32, 64).reshape(8, 4).T.tolist()
    assert np.count_nonzero(layer.weights) == 63
    assert layer.offset.tolist() == (127 * layer.weights.sum(axis=0)).tolist()


@pytest.mark.parametrize(
    "index",
    [[], [1, 8], [1, 8, 2, 4], [1, 12, 1, 4], [1, -4, 1, 4], [1, 2, 1, 4], [-1, 1, 4], [1, 8, 1, 4, 0], [9]],
)
def test_a_sparse_index_cannot_point_outside(index):
    with pytest.raises(CodecError, match="index"):
        weights.linear(sparse(index), "s", 12, 16)


def test_layers_of_the_wrong_size():
    found = weights.parse_blob(SMALL)
    with pytest.raises(CodecError, match="24 numbers of float32 as 'one_weights_float', not 32"):
        weights.linear(found, "one", 4, 8)
    with pytest.raises(CodecError, match="lack the array 'two_scale'"):
        weights.linear(found, "two", 4, 8)
    with pytest.raises(CodecError, match="not 32 of int8"):
        weights.linear(sparse([1, 8, 0], blocks=2), "s", 12, 16)


def test_sums_of_libopus_own_layers_stay_exact():
    """Inputs up to 1 (level 254) cannot saturate the 16-bit sums of pairs in libopus's vector code."""
    layers = [name for name in arrays() if name.endswith("_weights_int8")]
    for name in layers:
        pairs = arrays()[name].astype(int).reshape(-1, 2)
        assert 254 * np.maximum(pairs, 0).sum(axis=1).max() < 2**15
        assert 254 * np.minimum(pairs, 0).sum(axis=1).min() >= -(2**15)
