"""DRED payloads: what can be said in them comes back, and what cannot is refused with a reason."""

from dataclasses import replace

import numpy as np
import pytest

from testbed.codecs.dred import network, payload, quantizers
from testbed.errors import CodecError


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
    ends = payload.chunk_ends(written)
    assert ends == sorted(ends)
    assert 0 <= 8 * (len(written) - 2) - ends[-1] <= 7


def test_vectors_sent_are_every_other_one(encoded):
    made = network.payload(encoded, 101, 5, q0=0, dq=0)
    latest = network.payload(encoded, 99, 4, q0=0, dq=0)
    assert np.array_equal(made.latents[1:], latest.latents)
    assert network.payload(encoded, 3, 26).chunks == 2  # a young stream has no more


def test_cut_is_what_a_shallower_encode_would_have_been(encoded):
    for chunks in (1, 4, 20):
        deep = payload.write(network.payload(encoded, 200, 50))
        assert payload.cut(deep, chunks) == payload.write(network.payload(encoded, 200, chunks))
    with pytest.raises(CodecError, match="cannot be cut to 51"):
        payload.cut(payload.write(network.payload(encoded, 200, 50, q0=2, dq=0)), 51)


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
        ("version", 10),
    ],
)
def test_what_cannot_be_sent(encoded, field, value):
    made = network.payload(encoded, 100, 3)
    with pytest.raises(CodecError, match=field):
        payload.write(replace(made, header=replace(made.header, **{field: value})))


@pytest.mark.parametrize("data", [b"", b"D", b"D\x0c", b"E\x0cabc", b"D\x0babc"])
def test_what_is_no_dred(data):
    with pytest.raises(CodecError, match="a DRED payload is"):
        payload.parse(data)


def test_version_10_has_a_header_only(encoded):
    data = payload.write(network.payload(encoded, 100, 3, q0=4, dq=3, offset=40))
    old = b"D\x0a" + data[2:]
    assert payload.parse_header(old) == payload.DredHeader(10, 4, 3, 15, 40)
    assert payload.parse_header(old).end_ms == 60
    with pytest.raises(CodecError, match="version 10"):
        payload.parse(old)


def test_tables_of_another_source(tmp_path):
    with pytest.raises(CodecError, match="cannot be read"):
        quantizers.read_tables(tmp_path)
    (tmp_path / "dnn").mkdir()
    (tmp_path / "dnn" / "dred_rdovae_stats_data.c").write_text("int x;")
    with pytest.raises(CodecError, match="no table dred_state_quant_scales_q8"):
        quantizers.read_tables(tmp_path)


def test_features_that_are_none():
    with pytest.raises(CodecError, match="finite"):
        network.encode(np.full((10, 20), np.nan, np.float32))
    with pytest.raises(CodecError, match="shape"):
        network.encode(np.zeros((10, 36), np.float32))
