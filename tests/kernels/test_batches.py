"""A stream's result is the same, bit by bit, in a batch with any other streams."""

from functools import cache

import numpy as np
import pytest

from testbed.codecs.opus import build as opus_build
from testbed.kernels import fargan, features, plc, rdovae, weights

BATCHES = (1, 2, 7, 64, 129)
STREAMS = max(BATCHES)
FRAMES = 3


@cache
def arrays():
    return weights.read_blob(opus_build.installed().weights)


@cache
def networks():
    return plc.plc_network(arrays()), rdovae.encoder(arrays()), rdovae.decoder(arrays())


@cache
def inputs():
    """Return samples, feature vectors, which are known, first frames to hear, and vectors for DRED."""
    random = np.random.default_rng(1)
    pcm = random.normal(0, 0.01, (STREAMS, 5 * 160)).astype(np.float32)
    for stream, period in enumerate(random.integers(40, 200, STREAMS)):
        pcm[stream, :: int(period)] += 0.5
    vectors = random.normal(0, 0.5, (STREAMS, plc.AHEAD + FRAMES, 20)).astype(np.float32)
    known = random.random(vectors.shape[:2]) < 0.3
    first = random.integers(0, 3, STREAMS)
    return pcm, vectors, known, first, random.normal(0, 1, (STREAMS, 4, 50)).astype(np.float32)


def flat(state):
    return [leaf for part in state for leaf in (flat(part) if isinstance(part, tuple) else [part])]


def concealed(pcm, vectors, known, first, _):
    network, state = networks()[0], plc.plc_state(len(pcm))
    plc.hear(network, state, pcm, first)
    out = np.empty((len(pcm), 160 * FRAMES), np.float32)
    plc.start_gap(network, state, pcm[:, -320:], vectors[:, : plc.AHEAD], known[:, : plc.AHEAD])
    plc.conceal(network, state, vectors[:, plc.AHEAD :], known[:, plc.AHEAD :], out)
    return [out, *flat(state)]


def synthesized(pcm, vectors, *_):
    network, state = networks()[0].fargan, fargan.fargan_state(len(pcm))
    out = np.empty((len(pcm), 160 * FRAMES), np.float32)
    fargan.start_fargan(network, state, pcm[:, -320:], vectors)
    fargan.synthesize(network, state, vectors[:, :FRAMES], out)
    return [out, *flat(state)]


def extracted(pcm, *_):
    state, out = features.feature_state(len(pcm)), np.empty((len(pcm), 5, 20), np.float32)
    features.extract_features(networks()[0].pitch, state, 32768 * pcm, out)
    return [out, *flat(state)]


def encoded(*given):
    return rdovae.encode(
        networks()[1], rdovae.encoder_state(networks()[1], len(given[-1])), given[-1][..., :40].copy()
    )


def decoded(*given):
    states = given[-1][:, 0].copy()
    return [rdovae.decode(networks()[2], states, given[-1][..., :26].copy())]


ALL = (concealed, synthesized, extracted, encoded, decoded)


@cache
def alone(work):
    rows = (work(*(part[stream : stream + 1] for part in inputs())) for stream in range(STREAMS))
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]


@pytest.mark.parametrize("work", ALL)
@pytest.mark.parametrize("batch", BATCHES[1:])
def test_a_stream_is_what_it_is_alone(work, batch):
    together = work(*(part[-batch:] for part in inputs()))
    for expected, found in zip(alone(work), together, strict=True):
        np.testing.assert_array_equal(found, expected[-batch:])
