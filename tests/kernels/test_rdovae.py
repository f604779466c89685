"""DRED's networks: kernels against references, and what batches and streams must not change."""

from functools import cache

import numpy as np
import pytest

from reference import rdovae as plain
from testbed.codecs.opus import build as opus_build
from testbed.errors import CodecError
from testbed.kernels import rdovae, weights


@cache
def arrays():
    found = opus_build.installed()
    assert found is not None, "libopus is not built: run 'testbed opus build'"
    return weights.read_blob(found.weights)


@cache
def encoder():
    return rdovae.encoder(arrays())


@cache
def decoder():
    return rdovae.decoder(arrays())


def numbers(kind, shape):
    rng = np.random.default_rng(1)
    made = {
        "speech": rng.normal(0, 1, shape),
        "silence": np.zeros(shape),
        "huge": rng.choice([-1e30, 1e30], shape),
    }
    return made[kind].astype(np.float32)


@pytest.mark.parametrize("kind", ["speech", "silence", "huge"])
def test_encoder(kind):
    features = numbers(kind, (3, 6, 40))
    latents, states = rdovae.encode(encoder(), rdovae.encoder_state(encoder(), 3), features)
    expected = plain.encode(arrays(), features)
    assert latents.shape == (3, 6, 25)
    assert states.shape == (3, 6, 50)
    np.testing.assert_allclose(latents, expected[0], atol=1e-4, rtol=0)
    np.testing.assert_allclose(states, expected[1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["speech", "silence", "huge"])
def test_decoder(kind):
    states, latents = numbers(kind, (3, 50)), numbers(kind, (3, 5, 26))
    found = rdovae.decode(decoder(), states, latents)
    assert found.shape == (3, 20, 20)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, plain.decode(arrays(), states, latents), atol=1e-4, rtol=0)


def test_a_stream_can_be_encoded_in_pieces():
    features = numbers("speech", (2, 9, 40))
    whole = rdovae.encode(encoder(), rdovae.encoder_state(encoder(), 2), features)
    memory = rdovae.encoder_state(encoder(), 2)
    pieces = [rdovae.encode(encoder(), memory, features[:, a:b]) for a, b in ((0, 1), (1, 5), (5, 9))]
    for part in (0, 1):
        assert np.array_equal(whole[part], np.concatenate([piece[part] for piece in pieces], axis=1))


def test_a_shorter_payload_decodes_to_the_beginning_of_the_longer():
    states, latents = numbers("speech", (2, 50)), numbers("speech", (2, 8, 26))
    assert np.array_equal(
        rdovae.decode(decoder(), states, latents[:, :3]), rdovae.decode(decoder(), states, latents)[:, :12]
    )


def test_nothing_at_all():
    assert rdovae.decode(decoder(), numbers("speech", (2, 50)), np.zeros((2, 0, 26), np.float32)).shape == (
        2,
        0,
        20,
    )
    assert rdovae.encode(encoder(), rdovae.encoder_state(encoder(), 0), np.zeros((0, 2, 40), np.float32))[
        0
    ].shape == (
        0,
        2,
        25,
    )


def test_weights_of_another_network_are_refused():
    other = {name: array for name, array in arrays().items() if not name.startswith("dec_gru3")}
    with pytest.raises(CodecError, match="dec_gru3"):
        rdovae.decoder(other)
