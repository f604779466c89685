"""Regret: the score of the best of the grid minus that of the recommendation, on new speech and losses.

The whole grid is compared on clips and draws of the network that the search did not have, and what may be its
best on more draws, since few leave the difference uncertain.
"""

from typing import Any

import numpy as np
import pytest

from testbed.recommend.base import base_scenario
from testbed.recommend.exclusion import exclusion
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.measuring import CandidateCalls, Execution
from testbed.recommend.network import ReadNetwork
from testbed.recommend.recommendation import recommend
from testbed.speech_corpus import CORPORA
from testbed.stats import interval

NETWORKS: dict[str, list[dict[str, Any]]] = {
    "long bursts": [
        {"loss": {"model": "gilbert_elliott", "rate": 0.15, "mean_burst_packets": 5}},
        {"jitter": {"model": "gamma", "mean_ms": 40, "std_ms": 10}},
    ],
    "little random loss": [
        {"loss": {"model": "bernoulli", "rate": 0.03}},
        {"jitter": {"model": "gamma", "mean_ms": 30, "std_ms": 8}},
    ],
    "a link that others use, and jitter": [
        {
            "link": {
                "rate_kbps": 120,
                "cross_traffic": [
                    {"model": "on_off", "rate_kbps": 100, "mean_on_ms": 500, "mean_off_ms": 1500}
                ],
            }
        },
        {"jitter": {"model": "gamma", "mean_ms": 30, "std_ms": 15}},
    ],
}
MOST_REGRET, MOST_SHARE = 0.1, 0.2
CONTENDERS = 8
"""Number of configurations that may be the best of the grid, by one draw of the network per clip."""
DRAWS = 12
EXECUTION = Execution(jobs=2, is_cached=False)


def scenario(channel: list[dict[str, Any]], clips: tuple[int, ...], seed: int, draws: int) -> dict[str, Any]:
    """A network and the clips of these numbers, of each speaker."""
    files = [
        str(path) for number in clips for path in sorted(CORPORA["asterisk"].folder.glob(f"*-{number}.flac"))
    ]
    network = ReadNetwork({"channel": channel}, "")
    settings = ["codec.complexity=0", f"realizations={draws}", f"seed={seed}"]
    return base_scenario(network, RecommendLimits(), settings, files)


@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_regret_on_new_speech_and_losses_is_small_at_a_fifth_of_the_cost(name: str) -> None:
    limits = RecommendLimits()
    found = recommend(scenario(NETWORKS[name], (1, 2, 3), seed=1, draws=2), limits, EXECUTION)
    assert len(found.grid.candidates) <= 64
    assert found.share <= MOST_SHARE

    others = scenario(NETWORKS[name], (4, 5), seed=2, draws=DRAWS)
    calls = CandidateCalls(others, found.grid.candidates, EXECUTION)
    everyone = range(len(found.grid.candidates))
    calls.make(everyone, len(calls.clip_names), "")
    first = calls.measured(everyone, len(calls.clip_names)).scores.mean(axis=0)
    possible = [place for place in everyone if exclusion(calls, place, limits) is None]
    contenders = sorted(possible, key=lambda place: -first[place])[:CONTENDERS]
    contenders = list(dict.fromkeys([*contenders, found.chosen]))
    calls.make(contenders, calls.calls, "")
    scores = calls.measured(contenders, calls.calls).scores
    best = int(scores.mean(axis=0).argmax())
    lost = scores[:, best] - scores[:, contenders.index(found.chosen)]
    regret = interval(lost, np.arange(calls.calls) % len(calls.clip_names))
    names = found.candidate.name, found.grid.candidates[contenders[best]].name
    print(f"{name}: {names}, regret {regret}, {found.share:.3f} of the grid")
    assert regret.high < MOST_REGRET, (*names, regret)
