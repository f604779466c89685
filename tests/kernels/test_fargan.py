import numpy as np
import pytest

from reference import fargan as plain
from testbed.codecs.opus import build as opus_build
from testbed.kernels.fargan import (
    fargan,
    fargan_state,
    operations_per_second,
    pitch_period,
    start_fargan,
    synthesize,
)
from testbed.kernels.features import extract_features, feature_state
from testbed.kernels.pitch_network import pitch_network
from testbed.kernels.weights import Linear, read_blob


@pytest.fixture(scope="module")
def arrays():
    return read_blob(opus_build.installed().weights)


@pytest.fixture(scope="module")
def network(arrays):
    return fargan(arrays)


def job(seed, frames=2):
    """Return a plausible past, its five feature vectors, and those of what follows."""
    random = np.random.default_rng(seed)
    period = random.integers(60, 200)
    past = (0.2 * np.sin(2 * np.pi * np.arange(320) / period) + random.normal(0, 0.01, 320)).astype(
        np.float32
    )
    features = random.normal(0, 0.3, (5 + frames, 20)).astype(np.float32)
    features[:, 0] += 2
    features[:, 18] = np.log2(256 / period) - 1.5
    return past, features[:5], features[5:]


def stacked(jobs):
    return [np.stack(part) for part in zip(*jobs, strict=True)]


def run(network, jobs, state=None):
    past, before, features = stacked(jobs)
    state = fargan_state(len(past)) if state is None else state
    out = np.full((len(past), 160 * features.shape[1]), np.nan, np.float32)
    start_fargan(network, state, past, before)
    synthesize(network, state, features, out)
    return out


def test_kernel_and_reference_agree(arrays, network):
    """In the second gap as well, which goes on with the memory of the first."""
    jobs = [job(1), job(2)]
    reference, state = plain.Fargan(arrays), fargan_state(1)
    for past, before, features in jobs:
        reference.start(past, before)
        expected = reference.synthesize(features)
        found = run(network, [(past, before, features)], state)[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_frame_by_frame_is_all_at_once(network):
    past, before, features = stacked([job(5, 4)])
    state = fargan_state(1)
    start_fargan(network, state, past, before)
    parts = [np.empty((1, 160), np.float32) for _ in range(4)]
    for frame, part in enumerate(parts):
        synthesize(network, state, features[:, frame : frame + 1], part)
    np.testing.assert_array_equal(np.hstack(parts), run(network, [job(5, 4)]))


@pytest.mark.parametrize("period", [60, 93, 150])
def test_a_voice_goes_on_with_its_period(arrays, network, period):
    from scipy.signal import lfilter

    pulses = np.random.default_rng(1).normal(0, 20, 4800)
    pulses[::period] += 3000
    pcm = lfilter([1], [1, -1.7, 0.85], pulses).astype(np.float32)[None]
    features = np.empty((1, 30, 20), np.float32)
    extract_features(pitch_network(arrays), feature_state(1), pcm, features)
    ahead = np.repeat(features[0, -1:], 6, axis=0)
    out = run(network, [(pcm[0, -320:] / 32768, features[0, -5:], ahead)])[0].astype(float)
    lags = np.arange(40, 200)
    match = [np.corrcoef(out[lag:], out[:-lag])[0, 1] for lag in lags]
    assert abs(int(lags[np.argmax(match)]) - period) <= 0.03 * period


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0, 1, -1, 1e30])
def test_degenerate_input_gives_numbers(network, value):
    past, before, features = job(4)
    whole = np.full_like
    for broken in (
        (whole(past, value), before, features),
        (past, whole(before, value), features),
        (past, before, whole(features, value)),
        (whole(past, value), whole(before, value), whole(features, value)),
    ):
        out = run(network, [broken, job(4)])
        assert np.isfinite(out).all()
        assert np.abs(out).max() < 1e3


@pytest.mark.parametrize(("pitch", "period"), [(-1.5, 256), (1.5, 32), (0, 91), (-0.5, 128), (99, 1)])
def test_pitch_period(pitch, period):
    assert pitch_period(pitch) == period
    assert pitch_period(np.nan) == 256
    assert pitch_period(-1e30) == 1024


def test_operations_are_those_of_the_layers(network):
    """Counted another way: a weight is used once a subframe, or once a frame in the three layers before."""
    size = {name: part.weights.size for name, part in network._asdict().items() if isinstance(part, Linear)}
    a_frame = sum(size[f"condition_{i}"] for i in (1, 2, 3))
    subframe = sum(size.values()) - a_frame
    unused = size["skip"] + size["skip_gate"] + size["last"] + size["gate_3"]
    a_second, a_start = operations_per_second()
    assert a_second == 100 * (a_frame + 4 * subframe)
    assert a_start == 5 * a_frame + 4 * (subframe - unused)
