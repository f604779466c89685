"""Comparisons of configurations over their calls, and the choice of one."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.choice import Choice, choose
from testbed.metrics import METRICS
from testbed.recommend.front import FrontMember
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.measuring import CandidateCalls
from testbed.recommend.search import Searched, cost
from testbed.stats import Estimate, interval

_NEARLY = 1.05
"""Bitrates that differ by no more than this factor count as equal."""


def clips_of_calls(calls: CandidateCalls, number: int) -> NDArray[np.int64]:
    """Return the clip of each of the first calls."""
    return np.arange(number) % len(calls.clip_names)


def estimated(calls: CandidateCalls, searched: Searched, places: Sequence[int]) -> list[Estimate]:
    """Return mean scores in the metric's own unit."""
    assert calls.metric is not None
    sign = METRICS[calls.metric].sign
    number = min(searched.calls[place] for place in places)
    scores = sign * calls.measured(places, number).scores
    return [interval(scores[:, index], clips_of_calls(calls, number)) for index in range(len(places))]


def difference(calls: CandidateCalls, searched: Searched, one: int, other: int) -> Estimate:
    """Return the score of one configuration minus that of another, on common calls; larger is better."""
    number = min(searched.calls[one], searched.calls[other])
    scores = calls.measured([one, other], number).scores
    return interval(scores[:, 0] - scores[:, 1], clips_of_calls(calls, number))


def member(calls: CandidateCalls, searched: Searched, place: int) -> FrontMember:
    """Return a configuration with its score: that of the best, less the difference on common calls."""
    best, number = searched.finalists[0], searched.calls[place]
    measured = calls.measured([place], number)
    of_best = calls.measured([best], searched.calls[best]).scores[:, 0]
    gap = interval(measured.scores[:, 0] - of_best[:number], clips_of_calls(calls, number))
    mean = interval(of_best, clips_of_calls(calls, len(of_best))).value + gap.value
    kbps, delay_ms = float(measured.wire_kbps[0]), float(measured.delay_ms[0])
    return FrontMember(place, kbps, delay_ms, mean, gap, number)


def choice_among(calls: CandidateCalls, searched: Searched, limits: RecommendLimits) -> Choice:
    """Choose among the finalists, as `testbed run` chooses among schemes."""
    names, number = calls.clip_names, min(searched.calls[place] for place in searched.finalists)
    columns = (calls.column(searched.finalists, number, column) for column in (limits.metric, "wire_kbps"))
    scores, kbps = columns
    rows = [
        {
            "point": 0,
            "scheme": calls.candidates[place].name,
            "clip": names[call % len(names)],
            "realization": call // len(names),
            "wire_kbps": kbps[call, index],
            limits.metric: scores[call, index],
        }
        for index, place in enumerate(searched.finalists)
        for call in range(number)
    ]
    finalists = [calls.candidates[place].name for place in searched.finalists]
    return choose(pd.DataFrame(rows), limits.metric, finalists, limits.margin_used)[0]


def chosen_of(
    calls: CandidateCalls,
    searched: Searched,
    choice: Choice,
    members: Sequence[FrontMember],
    limits: RecommendLimits,
) -> tuple[int, bool]:
    """Return the recommended configuration, and whether the calls show that it is good enough."""
    if limits.min_score is not None:
        sign = METRICS[limits.metric].sign
        members = [each for each in members if each.place in searched.finalists]
        estimates = {each.place: estimated(calls, searched, [each.place])[0] for each in members}
        reaching = [
            each for each in members if sign * _worst(estimates[each.place], sign) >= sign * limits.min_score
        ]
        if reaching:
            return _cheapest(reaching).place, True
        return searched.finalists[0], False
    equals = [each for each in members if calls.candidates[each.place].name in choice.equals]
    if not equals:
        return searched.finalists[0], False
    return _cheapest(equals).place, True


def _cheapest(members: Sequence[FrontMember]) -> FrontMember:
    """Return the member with the least delay among those of nearly the lowest bitrate."""
    lowest_kbps = min(each.wire_kbps for each in members)
    near = [each for each in members if each.wire_kbps <= _NEARLY * lowest_kbps]
    return min(near, key=lambda each: cost(each.wire_kbps, each.delay_ms)[::-1])


def _worst(estimate: Estimate, sign: int) -> float:
    """Return the bound of an interval on the side of bad scores."""
    return estimate.low if sign > 0 else estimate.high
