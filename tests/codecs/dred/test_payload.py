"""DRED payloads: valid values are read back, and others are refused with a reason."""

from dataclasses import replace

import numpy as np
import pytest

from testbed.codecs.dred import network, payload, quantizers
from testbed.errors import CodecError
from testbed.kernels import dred_symbols


@pytest.fixture(scope="module")
def encoded():
    """Encode 6 s of smooth made-up features."""
    rng = np.random.default_rng(1)
    return network.encode(np.sin(np.cumsum(rng.normal(0, 0.3, (600, 20)), axis=0)).astype(np.float32))


@pytest.mark.parametrize("chunks", [1, 13, 26, 50, 100])
def test_any_depth_comes_back(encoded, chunks):
    made = network.payload(encoded, 250, chunks, q0=3, dq=1, qmax=9)
    written = payload.write(made)
    found = payload.parse(written)
    assert found.header == made.header
    # the last may hide in the last 7 bits, where no reader looks
    assert chunks - 1 <= found.chunks <= chunks
    assert found.depth_ms == 40 * found.chunks
    assert np.array_equal(found.state, made.state)
    assert np.array_equal(found.latents, made.latents[: found.chunks])


def test_vectors_sent_are_every_other_one(encoded):
    made = network.payload(encoded, 101, 5, q0=0, dq=0)
    latest = network.payload(encoded, 99, 4, q0=0, dq=0)
    assert np.array_equal(made.latents[1:], latest.latents)
    assert network.payload(encoded, 3, 26).chunks == 2  # a young stream has no more


def test_cut_is_what_a_shallower_encode_would_have_been(encoded):
    for chunks in (1, 4, 20):
        deep = payload.parse(payload.write(network.payload(encoded, 200, 50)))
        assert payload.write(deep.cut(chunks)) == payload.write(network.payload(encoded, 200, chunks))
    assert deep.cut(99).chunks == deep.chunks


def test_features_come_back_near_what_was_encoded():
    """At the finest level the latest second is reproduced better than by guessing its mean."""
    rng = np.random.default_rng(2)
    features = np.repeat(np.sin(np.cumsum(rng.normal(0, 0.2, (75, 20)), axis=0)), 8, axis=0).astype(
        np.float32
    )
    features[:, 18:] = 0
    made = network.payload(network.encode(features), 290, 20, q0=0, dq=0)
    (decoded,) = network.decode([made])
    best = min(
        np.mean((decoded[:, :18] - features[582 - shift - 80 : 582 - shift][::-1, :18]) ** 2)
        for shift in range(8)
    )
    assert best < 0.7 * np.var(features[:, :18])


def test_a_batch_gives_what_each_alone_gives(encoded):
    made = [network.payload(encoded, 40 + 3 * k, 1 + 5 * k % 17, q0=k % 16) for k in range(20)]
    for alone, together in zip(made, network.decode(made), strict=True):
        assert np.array_equal(network.decode([alone])[0], together)
    assert network.decode([]) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("q0", 16),
        ("q0", -1),
        ("dq", 8),
        ("qmax", 6),
        ("qmax", 16),
        ("offset", -1),
        ("offset", 8192),
        ("version", 11),
    ],
)
def test_values_that_cannot_be_sent_are_refused(encoded, field, value):
    made = network.payload(encoded, 100, 3)
    with pytest.raises(CodecError, match=field):
        payload.write(replace(made, header=replace(made.header, **{field: value})))


@pytest.mark.parametrize("data", [b"", b"D", b"D\x0c", b"E\x0cabc", b"D\x0babc"])
def test_a_payload_that_is_not_dred_is_refused(data):
    with pytest.raises(CodecError, match="a DRED payload is"):
        payload.parse(data)


def test_version_10_is_read_and_written_but_has_no_features_here():
    rng = np.random.default_rng(4)
    tables = quantizers.quantizers(10)
    header = payload.DredHeader(10, 4, 3, 15, 40)
    state = dred_symbols.quantize(tables[0], 4, rng.normal(0, 3, (1, 19)).astype(np.float32))[0]
    latents = np.zeros((9, 21), np.int32)
    made = payload.DredPayload(header, state, latents)
    for index, level in enumerate(payload.levels(header, 9)):
        values = rng.normal(0, 3, (1, 21)).astype(np.float32)
        latents[index] = dred_symbols.quantize(tables[1], level, values)[0]
    written = payload.write(made)
    assert written[:2] == b"D\x0a"
    found = payload.parse(written)
    assert found.header == header
    assert found.header.end_ms == 60
    assert np.array_equal(found.state, state)
    assert found.chunks >= 8
    assert np.array_equal(found.latents, latents[: found.chunks])
    assert np.array_equal(payload.parse(payload.write(found.cut(3))).latents, latents[:3])
    with pytest.raises(CodecError, match="version 12 alone"):
        network.decode([found])


@pytest.mark.parametrize(("version", "widths"), [(10, (19, 21)), (12, (50, 25))])
def test_tables_leave_every_symbol_a_probability(version, widths):
    """Else the range coder is left without a range."""
    for tables, width in zip(quantizers.quantizers(version), widths, strict=True):
        for each in tables:
            assert each.dtype == np.uint8
            assert each.shape == (16, width)
        assert not np.any((tables.zero == 0) & (tables.decay != 0))


def test_features_that_are_none():
    with pytest.raises(CodecError, match="finite"):
        network.encode(np.full((10, 20), np.nan, np.float32))
    with pytest.raises(CodecError, match="shape"):
        network.encode(np.zeros((10, 36), np.float32))
