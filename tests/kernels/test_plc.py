import numpy as np
import pytest
from scipy.signal import lfilter

from reference import plc as plain
from testbed.codecs.opus import build as opus_build
from testbed.kernels.plc import (
    AHEAD,
    MAX_HEARD,
    conceal,
    frames_to_hear,
    hear,
    plc_network,
    plc_state,
    start_gap,
)
from testbed.kernels.weights import read_blob


@pytest.fixture(scope="module")
def arrays():
    return read_blob(opus_build.installed().weights)


@pytest.fixture(scope="module")
def network(arrays):
    return plc_network(arrays)


def voice(seed):
    """Return 150 ms of pulses through a resonance, full scale 1."""
    random = np.random.default_rng(seed)
    pulses = random.normal(0, 0.002, MAX_HEARD * 160)
    pulses[:: random.integers(60, 180)] += 0.1
    return lfilter([1], [1, -1.7, 0.85], pulses).astype(np.float32)


def fill(network, pcm, frames, given=None, known=None):
    batch = len(pcm)
    given = np.zeros((batch, AHEAD + frames, 20), np.float32) if given is None else given
    known = np.zeros((batch, AHEAD + frames), bool) if known is None else known
    state, out = plc_state(batch), np.full((batch, 160 * frames), np.nan, np.float32)
    hear(network, state, pcm, np.ones(batch, np.int64))
    start_gap(network, state, pcm[:, -320:].copy(), given[:, :AHEAD], known[:, :AHEAD])
    conceal(network, state, given[:, AHEAD:], known[:, AHEAD:], out)
    return out


@pytest.mark.parametrize("brought", [{}, {0: 5, 1: 6, 2: 7, 3: 8}, {3: 1}])
def test_kernel_and_reference_agree(arrays, network, brought):
    pcm = voice(1)
    given, known = np.zeros((1, 6, 20), np.float32), np.zeros((1, 6), bool)
    for place, seed in brought.items():
        given[0, place] = np.random.default_rng(seed).normal(0, 0.3, 20)
        known[0, place] = True
    expected = plain.Plc(arrays).gap(pcm, {place: given[0, place] for place in brought}, 4)
    found = fill(network, pcm[None], 4, given, known)[0]
    error = np.sum((found - expected)[:320] ** 2)
    assert error <= 0.01 * np.sum(expected[:320] ** 2)


def test_a_long_gap_fades_out(network):
    out = fill(network, voice(2)[None], 30)[0]
    power = np.sum(out.reshape(30, 160) ** 2, axis=1)
    assert power[-5:].mean() < 1e-3 * power[:3].mean()


def test_redundancy_keeps_the_level(network):
    """With features for every frame nothing is faded."""
    pcm = voice(3)[None]
    given = np.tile(np.float32([0] * 18 + [0.1, 0.3]), (1, AHEAD + 30, 1))
    given[..., 0] = 2
    out = fill(network, pcm, 30, given, np.ones((1, AHEAD + 30), bool))[0]
    power = np.sum(out.reshape(30, 160) ** 2, axis=1)
    assert power[-5:].mean() > 0.2 * power[5:10].mean()


@pytest.mark.parametrize("value", [np.nan, np.inf, 0, 1, -1])
def test_degenerate_input_gives_numbers(network, value):
    pcm = np.stack((np.full(MAX_HEARD * 160, value, np.float32), voice(1)))
    given = np.full((2, AHEAD + 4, 20), value, np.float32)
    for known in (np.zeros((2, AHEAD + 4), bool), np.ones((2, AHEAD + 4), bool)):
        out = fill(network, pcm, 4, given, known)
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= 1


def test_silence_stays_quiet(network):
    out = fill(network, np.zeros((1, MAX_HEARD * 160), np.float32), 20)
    assert np.sqrt(np.mean(out**2)) < 1e-3


@pytest.mark.parametrize(
    ("concealed", "received", "expected"),
    [(0, 40, (15, 1)), (0, 4, (4, 1)), (5, 4, (9, 5)), (5, 10, (15, 5)), (5, 11, (15, 4)), (2, 40, (15, 1))],
)
def test_frames_to_hear(concealed, received, expected):
    assert frames_to_hear(concealed, received) == expected
