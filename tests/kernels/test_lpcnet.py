import numpy as np
import pytest

from reference import lpcnet as plain
from testbed.codecs.lpcnet.weights import weights
from testbed.kernels.bark import UNCOMPENSATED
from testbed.kernels.block_product import add_product
from testbed.kernels.lpc import lpc_of_bands
from testbed.kernels.lpcnet import (
    PAST,
    conditions,
    lpcnet,
    operations_per_second,
    sharpness,
    synthesize,
)
from testbed.kernels.lpcnet_draw import PARTS, draw
from testbed.kernels.lpcnet_samples import make_frame, sample_state
from testbed.kernels.lpcnet_units import UNITS_A, UNITS_B, log_probabilities, sample_room, step_units
from testbed.kernels.mu_law import STEP_LEVELS, mu_law
from tests.reference import libcodec2

ORDER = np.arange(256).reshape(PARTS, -1).T.ravel()
"""The step of each output of the sample network."""


@pytest.fixture(scope="module")
def network():
    return lpcnet(weights())


def voice(seed, vectors):
    """Return plausible feature vectors."""
    random = np.random.default_rng(seed)
    features = random.normal(0, 0.15, (vectors, 20)).astype(np.float32)
    features[:, :2] += 2
    features[:, 18] = random.uniform(-0.5, 0.2) + np.linspace(0, 0.3, vectors)
    features[:, 19] = random.uniform(-0.2, 0.4, vectors)
    return features


def gap(seed, frames=2):
    """Return a plausible past, its feature vectors, and those of a gap."""
    random = np.random.default_rng(seed)
    past = 0.2 * np.sin(2 * np.pi * np.arange(PAST) / random.integers(60, 200))
    features = voice(seed, 5 + frames + 2)
    return (past + random.normal(0, 0.01, PAST)).astype(np.float32), features[:5], features[5:]


def run(network, gaps, seeds, frames=None):
    past, before, features = (np.stack(part) for part in zip(*gaps, strict=True))
    frames = np.full(len(gaps), features.shape[1] - 2) if frames is None else np.array(frames)
    return synthesize(network, past, before, features, frames, np.array(seeds, np.uint64))


def theirs(features):
    """Return feature vectors as the C program takes them, (frames, 38)."""
    periods = np.clip(np.floor(0.5 + 512 / 2.0 ** (features[:, 18] + 1.5)), 66, 510)
    zeros = np.zeros((len(features), 18))
    return np.column_stack(
        (features[:, :18], zeros, 0.01 * (periods - 200), features[:, 19] + np.float32(0.5))
    )


def distribution(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=float)
    return powers / powers.sum(axis=-1, keepdims=True)


def shares(network, condition):
    samples = network.samples
    made = []
    for weights_of, bias in ((samples.condition_a, samples.bias_a), (samples.condition_b, samples.bias_b)):
        made.append(np.tile(bias, (len(condition), 1)))
        add_product(weights_of, condition, made[-1])
    return tuple(made)


def test_conditions_are_the_c_programs(network):
    features = voice(1, 12)
    expected, _ = libcodec2.frame_network(theirs(features))
    found = conditions(network, features[None])[0]
    np.testing.assert_allclose(found, expected[4:], rtol=0, atol=1e-5)


def test_filters_are_the_c_programs():
    cepstra = voice(2, 40)
    filters, error = np.empty((40, 16), np.float32), np.empty(40, np.float32)
    lpc_of_bands(UNCOMPENSATED, cepstra, filters, error)
    np.testing.assert_allclose(filters, libcodec2.lpc(cepstra[:, :18]), rtol=0, atol=1e-5)


def test_distributions_and_units_are_the_c_programs(network):
    """Over 200 steps, told which samples came before."""
    random = np.random.default_rng(3)
    condition, condition_a = libcodec2.frame_network(theirs(voice(3, 9)))
    frames = np.repeat(np.arange(4, 9), 40)
    steps = random.integers(40, 216, (200, 1, 3))
    signal, prediction, excitation = steps[:, 0].T
    logits, units_a, units_b = libcodec2.sample_network(
        condition[frames], condition_a[frames], excitation, signal, prediction
    )
    units, room = (np.zeros((1, UNITS_A), np.float32), np.zeros((1, UNITS_B), np.float32)), sample_room(1)
    for step, frame in enumerate(frames):
        step_units(network.samples, units, shares(network, condition[frame][None]), steps[step], room)
        log_probabilities(network.samples, units[1], room)
        np.testing.assert_allclose(units[0][0], units_a[step], rtol=0, atol=2e-5)
        np.testing.assert_allclose(units[1][0], units_b[step], rtol=0, atol=2e-5)
        expected = distribution(logits[step][ORDER])
        np.testing.assert_allclose(distribution(room.logarithms[0]), expected, rtol=0, atol=1e-5)


def test_draws_are_the_c_programs():
    random = np.random.default_rng(4)
    spread = random.uniform(3, 40, (500, 1))
    logits = (random.normal(0, 1, (500, 256)) - np.abs(np.arange(256) - 128) / spread).astype(np.float32)
    boosts = random.uniform(0, 1, 500).astype(np.float32)
    found, state = np.empty(500, np.int64), np.ones(1, np.uint32)
    for row in range(500):
        part = slice(row, row + 1)
        draw(logits[part, ORDER].copy(), np.float32(1) + boosts[part], state, found[part])
    assert np.count_nonzero(found != libcodec2.draws(logits, boosts, 0.002)) <= 1


def test_an_utterance_is_the_c_programs_until_rounding_changes_a_draw(network):
    """Both begin in silence, and with the same random numbers."""
    features = voice(6, 30)
    pcm, _ = libcodec2.synthesize(theirs(features))
    condition, _ = libcodec2.frame_network(theirs(features))
    state, out, made = sample_state(np.ones(1, np.uint64)), np.empty((1, 160), np.float32), []
    filters, error = np.empty((30, 16), np.float32), np.empty(30, np.float32)
    lpc_of_bands(UNCOMPENSATED, features, filters, error)
    nothing = np.empty((1, 0), np.float32)
    for frame in range(28):
        now, sharp = filters[frame : frame + 1], sharpness(features[frame : frame + 1])
        make_frame(network.samples, state, condition[frame + 2][None], now, sharp, nothing, out)
        made.append(np.floor(32768 * out[0] + np.float32(0.5)))
    same = np.concatenate(made) == pcm[320:]
    assert np.abs(pcm).max() > 300
    assert np.argmin(np.r_[same, False]) > 2000


def test_kernel_and_reference_agree(network):
    """In most gaps to the end: rounding changes a draw in some."""
    gaps, ends = [gap(seed) for seed in range(5)], []
    for seed, sound in enumerate(run(network, gaps, range(5))):
        expected = plain.Lpcnet(weights(), seed).synthesize(*gaps[seed])
        ends.append(np.argmin(np.r_[np.abs(sound - expected) < 1e-5, False]))
    assert np.median(ends) == 320


def test_a_gap_is_what_it_is_alone(network):
    """In a batch of any size, beside longer gaps, and wherever it stands."""
    gaps, seeds = [gap(seed, 3) for seed in range(19)], np.arange(19)
    frames = 1 + seeds % 3
    together = run(network, gaps, seeds, frames)
    for row in range(19):
        past, before, features = gaps[row]
        alone = run(network, [(past, before, features[: frames[row] + 2])], seeds[row : row + 1])[0]
        np.testing.assert_array_equal(together[row, : len(alone)], alone)
        np.testing.assert_array_equal(together[row, len(alone) :], 0)
    np.testing.assert_array_equal(run(network, gaps[::-1], seeds[::-1], frames[::-1]), together[::-1])


def test_another_seed_is_another_sound_of_the_same_loudness(network):
    one, other = run(network, [gap(1, 10)] * 2, [1, 2])
    assert not np.array_equal(one, other)
    assert 0.5 < np.std(one) / np.std(other) < 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38, 50, -50])
def test_degenerate_input_gives_numbers(network, value):
    past, before, features = gap(4)
    whole = np.full_like
    broken = [
        (whole(past, value), before, features),
        (past, whole(before, value), features),
        (past, before, whole(features, value)),
        (whole(past, value), whole(before, value), whole(features, value)),
        gap(4),
    ]
    out = run(network, broken, range(5))
    assert np.abs(out).max() <= 1
    np.testing.assert_array_equal(out[4], run(network, [gap(4)], [4])[0])


def test_mu_law_goes_back_to_its_steps():
    assert [mu_law(level) for level in STEP_LEVELS] == list(range(256))
    assert [mu_law(np.float32(level)) for level in (-1e9, 0, 1e9)] == [0, 128, 255]
    assert [plain.mu_law(float(level)) for level in STEP_LEVELS] == list(range(256))
    np.testing.assert_allclose([plain.level(step) for step in range(256)], STEP_LEVELS, rtol=1e-6)


def test_operations_are_those_of_the_layers(network):
    """Valin & Skoglund count 2.8 GFLOPS, two per product, without the share of activations."""
    a_second, a_start = operations_per_second(network)
    size = {name: array.size for name, array in weights().items()}
    a_sample = size["sparse_gru_a.recurrent_weights"] + size["sparse_gru_a.diag_weights"] + 16
    a_sample += (384 + 16) * 48
    drawing = size["dual_fc.input_weights"] + size["dual_fc.factor"]
    layers = ("feature_conv1", "feature_conv2", "feature_dense1", "feature_dense2", "gru_a_dense_feature")
    a_frame = sum(size[f"{name}.input_weights"] for name in layers) - 3 * 18 * 128 + 128 * 48
    assert a_second == 16000 * (a_sample + drawing) + 100 * a_frame
    assert a_start == 400 * a_sample + 3 * a_frame
    assert 2.2e9 < 2 * a_second < 2.8e9
