"""Fits against known laws: coverage of the intervals, and recordings that determine too little."""

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.stats import binom, chisquare

from testbed.channels import StageSpec
from testbed.channels.loss.gilbert_elliott import GilbertElliott
from testbed.errors import ChannelError
from testbed.randomness import generator
from testbed.traces.fit import LEAST_BURSTS, fit_losses
from testbed.traces.fit_gilbert_elliott import fit_gilbert_elliott, likelihood_of
from testbed.traces.fit_yaml import fit_as_yaml
from testbed.traces.fitted import Fitted, fit_bernoulli, fit_gilbert
from testbed.traces.goodness import goodness, inner_runs, survival


def drawn(letters, packets, rng):
    """Losses of the Gilbert-Elliott law, by sojourns in its states and not packet by packet."""
    p, r, h, k = letters
    bad = np.zeros(packets, bool)
    at, state = 0, bool(rng.random() < p / (p + r))
    while at < packets:
        stay = int(rng.geometric(r if state else p))
        bad[at : at + stay] = state
        at, state = at + stay, not state
    return rng.random(packets) >= np.where(bad, h, k)


def least_hits(trials):
    """So few of 95 % intervals hold the truth once in 10 000 such tests."""
    return int(binom.ppf(1e-4, trials, 0.95))


def hits(fitted, truth):
    return np.array([low <= truth[name] <= high for name, (low, high) in fitted.intervals.items()])


@pytest.mark.parametrize(
    ("letters", "packets"), [((0.01, 0.1, 0.3, 0.995), 20_000), ((0.05, 0.3, 0.2, 0.98), 8_000)]
)
def test_gilbert_elliott_intervals_hold_the_truth_and_a_right_model_passes(letters, packets):
    trials = 80
    truth = dict(zip("prhk", letters, strict=True))
    rng = generator(1, "coverage", packets)
    held, refused = np.zeros(4, int), np.zeros(2, int)
    for _ in range(trials):
        lost = drawn(letters, packets, rng)
        fitted = fit_gilbert_elliott(lost)
        held += hits(fitted, truth)
        refused += [goodness(fitted, lost, fate).p_value < 0.05 for fate in (True, False)]
    assert (held >= least_hits(trials)).all(), held
    # The law of the run lengths' test is a limit: a model that is right may be refused a little too often.
    assert (refused <= binom.ppf(1 - 1e-4, trials, 0.07)).all(), refused


def test_gilbert_intervals_hold_the_truth():
    trials = 600
    rng = generator(1, "coverage of gilbert")
    held = sum(
        hits(fit_gilbert(drawn((0.02, 0.25, 0, 1), 3000, rng)), {"p": 0.02, "r": 0.25}) for _ in range(trials)
    )
    assert (held >= least_hits(trials)).all(), held
    assert (held < trials).all()


def test_bernoulli_intervals_hold_the_truth():
    trials = 1000
    rng = generator(1, "coverage of bernoulli")
    held = sum(hits(fit_bernoulli(rng.random(500) < 0.07), {"rate": 0.07}) for _ in range(trials))
    assert least_hits(trials) <= held[0] < trials


def test_a_million_packets_of_the_stage_itself():
    model = GilbertElliott(p=0.01, r=0.1, h=0.3, k=0.995)
    lost = np.fromiter(model.losses(generator(3)), bool, 1_000_000)
    fitted = fit_gilbert_elliott(lost)
    widths = {name: high - low for name, (low, high) in fitted.intervals.items()}
    for name, truth in zip("prhk", (0.01, 0.1, 0.3, 0.995), strict=True):
        assert abs(fitted.values[name] - truth) < widths[name]
    assert max(widths.values()) < 0.02


def test_the_interval_ends_where_the_profile_has_fallen():
    """Without the search's own machinery: SciPy's Nelder-Mead over the other three."""
    from scipy.optimize import minimize

    lost = drawn((0.02, 0.2, 0.3, 0.99), 5000, generator(4))
    fitted, likelihood = fit_gilbert_elliott(lost), likelihood_of(lost)
    logit = {name: np.log(value / (1 - value)) for name, value in fitted.values.items()}
    for index, name in enumerate("prhk"):
        for end in fitted.intervals[name]:

            def fall(others, index=index, end=end):
                return -likelihood(np.insert(others, index, np.log(end / (1 - end))))[0]

            start = np.delete(np.array([*logit.values()]), index)
            profile = -minimize(fall, start, method="Nelder-Mead", options={"fatol": 1e-4, "xatol": 1e-4}).fun
            assert 2 * (fitted.log_likelihood - profile) == pytest.approx(1.96**2, rel=0.05)


def test_simple_gilbert_is_the_edge_of_gilbert_elliott():
    lost = drawn((0.04, 0.2, 0, 1), 50_000, generator(5))
    simple, whole = fit_gilbert(lost), fit_gilbert_elliott(lost)
    assert whole.log_likelihood >= simple.log_likelihood - 1e-3
    assert whole.intervals["h"][0] == 0 and whole.intervals["k"][1] == 1
    assert whole.values["h"] < 0.01 and whole.values["k"] > 0.999
    assert simple.bic < whole.bic


def test_every_value_is_possible_if_the_state_does_not_matter():
    lost = generator(6).random(20_000) < 0.2
    fitted = {model.name: model for model in fit_losses(lost)}
    assert fitted["bernoulli"].bic < fitted["gilbert"].bic < fitted["gilbert_elliott"].bic
    low, high = fitted["gilbert_elliott"].intervals["r"]
    assert high - low > 0.5


def test_closed_forms():
    lost = np.array([0, 0, 1, 1, 0, 1, 0, 0, 0, 0], bool)
    gilbert, bernoulli = fit_gilbert(lost), fit_bernoulli(lost)
    assert gilbert.values == {"p": 2 / 6, "r": 2 / 3}
    expected = np.log((2 / 3) / (1 / 3 + 2 / 3)) + 2 * np.log(2 / 6) + 4 * np.log(4 / 6)
    expected += 2 * np.log(2 / 3) + np.log(1 / 3)
    assert gilbert.log_likelihood == pytest.approx(expected)
    assert bernoulli.values == {"rate": 0.3}
    assert bernoulli.log_likelihood == pytest.approx(3 * np.log(0.3) + 7 * np.log(0.7))
    # Wilson's interval of 3 of 10, as in any table.
    assert bernoulli.intervals["rate"] == pytest.approx((0.10779, 0.60322), abs=1e-5)
    assert bernoulli.aic == pytest.approx(2 - 2 * bernoulli.log_likelihood)
    assert bernoulli.bic == pytest.approx(np.log(10) - 2 * bernoulli.log_likelihood)


@pytest.mark.parametrize(("lost", "words"), [([0] * 9, "no packet was lost of 9"), ([1] * 9, "every packet")])
def test_nothing_to_fit(lost, words):
    with pytest.raises(ChannelError, match=words):
        fit_losses(np.array(lost, bool))


@pytest.mark.parametrize("lost", [[0, 1], [1, 0], [0] * 50 + [1], [1] * 50 + [0], [0, 1] * 9, [0, 1] * 200])
def test_odd_recordings_are_fitted_or_refused(lost):
    lost = np.array(lost, bool)
    models = fit_losses(lost)
    assert [model.name for model in models[:2]] == ["bernoulli", "gilbert"]
    assert (len(models) == 3) == (np.count_nonzero(np.diff(lost, prepend=False) & lost) >= LEAST_BURSTS)
    for model in models:
        for name, (low, high) in model.intervals.items():
            assert 0 <= low <= model.values[name] <= high <= 1
    entries(fit_as_yaml(lost, "odd"))


def entries(text):
    """Everything that the YAML offers, comments stripped, as validated stages."""
    yaml = YAML(typ="safe")
    uncommented = "\n".join(line.removeprefix("# ") for line in text.splitlines() if "- loss:" in line)
    from pydantic import TypeAdapter

    chosen = TypeAdapter(list[StageSpec]).validate_python(yaml.load(text))
    every = TypeAdapter(list[StageSpec]).validate_python(yaml.load(uncommented))
    assert len(chosen) == 1 and chosen[0] == every[0]
    return every


@pytest.mark.parametrize(
    ("letters", "best"),
    [
        ((0.01, 0.1, 0.3, 0.999), {"p", "r", "h", "k"}),
        ((0.04, 0.2, 0, 1), {"p", "r"}),
        ((0.1, 0.9, 0, 1), {"rate"}),
    ],
)
def test_the_yaml_is_a_channel_of_the_same_law(letters, best):
    lost = drawn(letters, 30_000, generator(7))
    text = fit_as_yaml(lost, "a\nname: [with] #signs")
    every = entries(text)
    assert len(every) == 3
    first = every[0].parameters
    assert {name for name in ("rate", "p", "r", "h", "k") if getattr(first, name, None) is not None} == best
    for entry in every:
        assert entry.parameters.mean_loss() == pytest.approx(lost.mean(), rel=0.05)


@pytest.mark.parametrize("fate", [True, False])
@pytest.mark.parametrize("letters", [(0.05, 0.3, 0.2, 0.98), (0.3, 0.2, 0.0, 1.0), (1.0, 1.0, 0.1, 0.9)])
def test_run_lengths_of_a_model_are_those_that_it_draws(letters, fate):
    lost = drawn(letters, 200_000, generator(8))
    lengths = inner_runs(lost, fate)
    exact = Fitted(
        "gilbert_elliott", dict(zip("prhk", letters, strict=True)), {}, 0.0, len(lost), np.zeros((4, 4))
    )
    law = survival(exact, fate, 12)
    assert law[0] == 1
    for length, expected in enumerate(law, start=1):
        reach = 5 * (expected * (1 - expected) / len(lengths)) ** 0.5
        assert np.mean(lengths >= length) == pytest.approx(expected, abs=2 * reach + 1e-9)


def test_runs_that_the_ends_cut_are_left_out():
    lost = np.array([1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1], bool)
    assert inner_runs(lost, True).tolist() == [1, 2]
    assert inner_runs(lost, False).tolist() == [1, 3, 1]


@pytest.mark.parametrize("fate", [True, False])
def test_a_right_model_is_seldom_refused_and_a_wrong_one_is(fate):
    rng = generator(9, "goodness", int(fate))
    p_values = []
    for _ in range(200):
        lost = drawn((0.02, 0.25, 0, 1), 20_000, rng)
        p_values.append(goodness(fit_gilbert(lost), lost, fate).p_value)
    assert binom.ppf(1e-4, 200, 0.05) <= np.sum(np.array(p_values) < 0.05) <= binom.ppf(1 - 1e-4, 200, 0.05)
    mixed = drawn((0.01, 0.1, 0.3, 0.995), 100_000, rng)
    assert goodness(fit_gilbert(mixed), mixed, fate).p_value < 1e-6
    whole = goodness(fit_gilbert_elliott(mixed), mixed, fate)
    assert whole.p_value > 1e-4 and whole.chi_square < 3 * whole.expected


def test_without_a_fit_the_test_is_pearsons_own():
    """Without a covariance all bins but one are free: the textbook's chi-square of bins - 1 degrees."""
    lost = drawn((0.1, 0.4, 0, 1), 20_000, generator(10))
    lengths = inner_runs(lost, True)
    given = Fitted("gilbert", {"p": 0.1, "r": 0.4}, {}, 0.0, len(lost), np.zeros((2, 2)))
    found = goodness(given, lost, True)
    bins = round(found.expected) + 1
    assert found.expected == pytest.approx(bins - 1)
    law = 0.4 * 0.6 ** np.arange(bins - 1)
    expected = len(lengths) * np.append(law, 1 - law.sum())
    counts = np.bincount(np.minimum(lengths, bins), minlength=bins + 1)[1:]
    assert expected.min() >= 5
    reference = chisquare(counts, expected)
    assert (found.chi_square, found.p_value) == pytest.approx((reference.statistic, reference.pvalue))


def test_too_few_runs_tell_nothing():
    lost = np.array([0, 1] * 4, bool)
    found = goodness(fit_gilbert(lost), lost, True)
    assert (found.expected, str(found)) == (0, "too few different runs for a test")
