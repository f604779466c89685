"""The choice: right on made-up tables, and wrong in at most 5 % of runs, for any number of clips."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from testbed.choice import FEWEST_CLIPS, choose, compare
from testbed.metrics import METRICS

MARGIN = METRICS["plcmos"].margin
JUST_TOO_BAD = -MARGIN - 1e-9


def scatter(random, shape, size):
    """Mean 0 and standard deviation 1; a lopsided scheme is mostly as good, and now and then much worse."""
    return random.standard_normal(size) if shape == "normal" else 1 - random.exponential(size=size)


def draw(random, clips, worth, shape="normal", clip_sd=0.12, call_sd=0.2, realizations=2, points=1):
    """Return the means of clips, (clips, points, schemes); the first scheme is the best."""
    calls = (clips, realizations, 1, len(worth))
    scores = clip_sd * scatter(random, shape, (clips, 1, 1, len(worth))) + call_sd * scatter(
        random, shape, calls
    )
    if points > 1:
        scores = scores + 0.5 * call_sd * scatter(random, shape, (*calls[:2], points, len(worth)))
    if shape != "normal":
        scores[..., 0] = 0.0  # so that nothing makes up for the lopsidedness of the others
    return scores.mean(axis=1) + np.array(worth)


def errors(worth, clips, trials, seed=0, **about):
    """Return in how many runs a scheme that is worse by more than the margin would be recommended."""
    random = np.random.default_rng([seed, clips])
    is_bad = np.array(worth) < -MARGIN
    return sum(
        bool(compare(draw(random, clips, worth, **about), MARGIN).equals[:, is_bad].any())
        for _ in range(trials)
    )


WORTH = {
    "two schemes": (0.0, JUST_TOO_BAD),
    "all others just too bad": (0.0, *5 * [JUST_TOO_BAD]),
    "one just too bad, the rest far off": (0.0, JUST_TOO_BAD, *9 * [-0.8]),
    "spread from just too bad to far off": (
        0.0,
        JUST_TOO_BAD,
        -0.11,
        -0.15,
        -0.2,
        -0.25,
        -0.3,
        -0.4,
        -0.6,
        -0.8,
    ),
}


@pytest.mark.parametrize("clips", [2, FEWEST_CLIPS - 1])
@pytest.mark.parametrize("worth", WORTH)
def test_too_few_clips_recommend_nothing(worth, clips):
    assert errors(WORTH[worth], clips, 20, call_sd=0.001, clip_sd=0.001) == 0


@pytest.mark.parametrize("shape", ["normal", "exponential"])
@pytest.mark.parametrize(
    ("worth", "clips"), [("two schemes", 5), ("two schemes", 16), ("all others just too bad", 32)]
)
def test_a_scheme_that_is_worse_by_more_than_the_margin_is_hardly_ever_recommended(worth, clips, shape):
    trials = 60
    found = errors(WORTH[worth], clips, trials, shape=shape, clip_sd=0.04, call_sd=0.05)
    assert found <= binom.ppf(0.999, trials, 0.05)


@pytest.mark.long
@pytest.mark.parametrize("shape", ["normal", "exponential"])
@pytest.mark.parametrize("worth", WORTH)
def test_error_rates(worth, shape):
    """At most 5 % of runs, by clips, points and scatter: the table is printed (`pytest -m long -s`)."""
    trials = 400
    for points, clip_sd, call_sd in ((1, 0.12, 0.2), (1, 0.04, 0.05), (3, 0.04, 0.05)):
        about = {"shape": shape, "clip_sd": clip_sd, "call_sd": call_sd, "points": points}
        found = {clips: errors(WORTH[worth], clips, trials, **about) for clips in (5, 8, 16, 32)}
        row = "  ".join(f"{clips} clips {100 * wrong / trials:.1f} %" for clips, wrong in found.items())
        print(f"{worth}, {points} points, {shape} {clip_sd} and {call_sd}: {row}")
        assert max(found.values()) <= binom.ppf(0.999, trials, 0.05)


def test_a_scheme_as_good_as_the_best_is_recommended_once_there_are_clips_enough():
    random = np.random.default_rng(3)
    found = [
        compare(draw(random, 32, (0.0, -0.01, -0.8), clip_sd=0.04, call_sd=0.1), MARGIN) for _ in range(20)
    ]
    assert sum(bool(each.equals[0, 1]) for each in found) >= 16
    assert not any(each.equals[0, 2] for each in found)


def table(scores, kbps=None, metric="plcmos"):
    """Return a run: by (point, scheme) or scheme the score of each clip; wire bitrates rise in that order."""
    rows = []
    for number, (key, values) in enumerate(scores.items()):
        point, scheme = key if isinstance(key, tuple) else (0, key)
        for clip, score in enumerate(values):
            rows.append(
                (point, scheme, f"clip {clip}", 0, 40 + 10 * number if kbps is None else kbps[scheme], score)
            )
    return pd.DataFrame(rows, columns=["point", "scheme", "clip", "realization", "wire_kbps", metric])


WAVE = 0.02 * np.array([1, -1, 2, -2, 1, -1, 2, -2] * 2)
BASE = np.linspace(2, 4, 16)
NAMES = ["plc", "a", "b", "c"]


def test_the_cheapest_of_those_as_good_as_the_best():
    scores = {"plc": BASE, "a": BASE + 0.8 + WAVE, "b": BASE + 0.82, "c": BASE + 0.81 - WAVE}
    (choice,) = choose(table(scores), "plcmos", NAMES).values()
    assert choice.ranked == ("b", "c", "a", "plc")
    assert choice.equals == ("a", "b", "c")
    assert choice.recommended == "a"
    assert choice.units_needed == {}


def test_of_equally_expensive_schemes_the_best_mean_is_chosen():
    scores = {"a": BASE, "b": BASE + 0.01 + WAVE / 2}
    (choice,) = choose(table(scores, {"a": 50.0, "b": 50.0}), "plcmos", ["a", "b"]).values()
    assert choice.recommended == "b"


def test_schemes_that_are_the_same_call_by_call_are_equals():
    (choice,) = choose(table({"a": BASE, "b": BASE}), "plcmos", ["a", "b"]).values()
    assert choice.equals == ("a", "b")


def test_equals_are_what_is_near_the_best_and_not_near_each_other():
    scores = {"a": BASE + 0.72 + WAVE / 8, "b": BASE + 0.8 + WAVE / 9, "c": BASE + 0.88}
    (choice,) = choose(table(scores), "plcmos", ["a", "b", "c"]).values()
    assert choice.equals == ("b", "c")


def test_more_clips_are_stated_if_the_calls_show_no_scheme():
    noise = 0.3 * np.array([1, -1, 0.5, -0.5, 1, -1, 0.2, -0.2])
    scores = {"plc": BASE[:8], "a": BASE[:8] + 0.8 + noise, "b": BASE[:8] + 0.8 - noise}
    (choice,) = choose(table(scores), "plcmos", ["plc", "a", "b"]).values()
    assert choice.recommended is None
    assert choice.running == ("a", "b")
    assert 9 <= choice.units_needed["a"] == choice.units_needed["b"] <= 1000
    assert "plc" not in choice.units_needed


def test_the_clips_needed_suffice_in_most_runs():
    random = np.random.default_rng(5)
    asked = shown = 0
    for _ in range(12):
        scores = dict(zip("abc", draw(random, 200, (-0.8, 0.0, -0.02), call_sd=0.1)[:, 0].T, strict=True))
        first = choose(table({name: column[:10] for name, column in scores.items()}), "plcmos", [*"abc"])[0]
        needed = first.units_needed.get("b")
        if needed is not None and needed <= 200:
            asked += 1
            more = table({name: column[:needed] for name, column in scores.items()})
            shown += "b" in choose(more, "plcmos", [*"abc"])[0].equals
    assert asked >= 6
    assert shown >= 0.6 * asked


@pytest.mark.parametrize("clips", [1, FEWEST_CLIPS - 1])
def test_few_clips_are_ranked_by_nothing(clips):
    scores = {"plc": BASE[:clips], "a": BASE[:clips] + 0.8 + WAVE[:clips]}
    (choice,) = choose(table(scores), "plcmos", ["plc", "a"]).values()
    assert (choice.units, choice.equals, choice.running) == (clips, (), ("a", "plc"))
    assert not choice.has_order


def test_a_scheme_that_fails_where_calls_are_hard_does_not_win_by_it():
    failing = np.where(np.arange(16) < 6, np.nan, BASE + 0.6)
    scores = {"plc": BASE, "a": failing, "b": BASE + 0.8}
    (choice,) = choose(table(scores), "plcmos", ["plc", "a", "b"]).values()
    assert choice.ranked[0] == "b"
    assert choice.units == choice.calls == 10


def test_a_scheme_with_too_few_scores_is_left_out_and_named():
    scores = {"plc": BASE, "a": np.where(np.arange(16) < 9, np.nan, 4.9), "b": BASE + 0.8}
    (choice,) = choose(table(scores), "plcmos", ["plc", "a", "b"]).values()
    assert (choice.left_out, choice.units, choice.recommended) == (("a",), 16, "b")


def test_a_run_without_scores_has_no_ranking():
    (choice,) = choose(table({"a": BASE * np.nan, "b": BASE * np.nan}), "plcmos", ["a", "b"]).values()
    assert (choice.ranked, choice.recommended, choice.left_out) == ((), None, ("a", "b"))


def test_points_are_chosen_at_separately_and_bounded_together():
    here = {"plc": BASE, "a": BASE + 0.8 + WAVE, "b": BASE + 0.81}
    there = {"plc": BASE + 0.9, "a": BASE + 0.2, "b": BASE + 0.9 + WAVE}
    both = {(point, name): values for point, run in enumerate((here, there)) for name, values in run.items()}
    kbps = {"plc": 40.0, "a": 50.0, "b": 60.0}
    found = choose(table(both, kbps), "plcmos", ["plc", "a", "b"])
    assert [choice.recommended for choice in found.values()] == ["a", "plc"]
    few = {key: values[:4] if key[0] else values for key, values in both.items()}
    found = choose(table(few, kbps), "plcmos", ["plc", "a", "b"])
    assert [choice.recommended for choice in found.values()] == ["a", None]


def test_under_a_budget_only_what_it_buys_is_compared():
    scores = {"plc": BASE, "a": BASE + 0.4 + WAVE, "b": BASE + 0.8}
    found = choose(table(scores), "plcmos", ["plc", "a", "b"], budgets_kbps={0: 50})
    assert (found[0].ranked, found[0].recommended) == (("a", "plc"), "a")
    assert choose(table(scores), "plcmos", ["plc", "a", "b"], budgets_kbps={0: 10})[0].ranked == ()


def test_a_wider_margin_takes_a_cheaper_scheme():
    scores = {"plc": BASE, "a": BASE + 0.6 + WAVE, "b": BASE + 0.8}
    assert choose(table(scores), "plcmos", ["plc", "a", "b"])[0].recommended == "b"
    assert choose(table(scores), "plcmos", ["plc", "a", "b"], margin=0.3)[0].recommended == "a"


def test_one_clip_that_differs_does_not_make_the_bounds_infinite():
    one = np.where(np.arange(16) == 3, 0.05, 0.0)
    scores = {"plc": BASE, "a": BASE + 0.8, "b": BASE + 0.8 + one}
    assert choose(table(scores), "plcmos", ["plc", "a", "b"])[0].recommended == "a"


def test_if_lower_is_better_the_choice_is_that_of_mirrored_scores(monkeypatch):
    metric = replace(METRICS["plcmos"], better="lower")
    monkeypatch.setitem(METRICS._names, "lsd_db", None)
    monkeypatch.setitem(METRICS._loaded, "lsd_db", metric)
    scores = {"plc": BASE, "a": BASE + 0.5 + WAVE, "b": BASE + 0.51}
    known = choose(table(scores), "plcmos", ["plc", "a", "b"])[0]
    mirrored = {name: -column for name, column in scores.items()}
    found = choose(table(mirrored, metric="lsd_db"), "lsd_db", ["plc", "a", "b"])[0]
    assert replace(found, metric="plcmos") == known


def test_speakers_count_once_each_where_they_are_the_sample():
    scores = {"a": np.repeat([0.0, 0.0, 0.0, 0.0, 0.0, -0.4], 4), "b": np.zeros(24)}
    speakers = {f"clip {number}": f"speaker {number // 4}" for number in range(24)}
    by_clip = choose(table(scores), "plcmos", ["a", "b"], 0.2)[0]
    by_speaker = choose(table(scores), "plcmos", ["a", "b"], 0.2, speakers=speakers)[0]
    assert (by_clip.unit, by_clip.units, by_clip.calls) == ("clip", 24, 24)
    assert (by_speaker.unit, by_speaker.units, by_speaker.calls) == ("speaker", 6, 24)
    assert "a" in by_clip.equals
    assert "a" not in by_speaker.equals
